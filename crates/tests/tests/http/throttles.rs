//! Throttles: wrong secrets count against the address that sends them, and harm nobody else.

use std::future::IntoFuture as _;

use doorward_domain::token::{Locator, Secret, Token};
use doorward_domain::{AccessToken, ActivationToken, Quota, SessionId};
use doorward_tests::at_once;
use doorward_tests::host::browser::with_code;
use doorward_tests::host::{Answer, Ask, Host, SignedIn};
use serde_json::json;
use uuid::Uuid;

doorward_tests::on_each_engine! {
    an_address_sends_300_wrong_secrets_in_ten_minutes_and_no_more,
    a_proxy_that_asks_for_a_caller_is_told_401_however_many_there_were,
    a_right_secret_is_served_from_a_throttled_address,
    wrong_secrets_harm_nobody_whom_they_name,
    what_is_known_counts_as_no_wrong_secret,
    guessing_activation_tokens_is_throttled,
    calls_with_a_good_key_are_exempt,
    a_network_of_64_bits_counts_as_one_address,
    only_a_trusted_proxy_says_who_asked,
    budgets_of_addresses_survive_a_restart,
    a_flood_of_wrong_secrets_is_no_flood_of_commits,
    without_its_store_the_throttle_counts_in_memory,
}

const ATTACKER: &str = "203.0.113.66";
const LIMIT: usize = 300;

/// The same token with another secret: its row is there.
fn wrong<L: Locator>(token: &Token<L>) -> String {
    Token { at: token.at, secret: Secret::new([0xee; 32]) }.reveal()
}

/// A well-formed token of which no row is there.
pub(crate) fn unknown(token: &str) -> String {
    let mut token = AccessToken::parse(token).expect("an access token");
    token.at.id = SessionId(Uuid::from_u128(7));
    wrong(&token)
}

fn me(host: &Host, token: &str) -> Ask {
    host.ask("GET", "/api/v1/sessions/current").bearer(token)
}

/// Asks so often at once, and says how often each status came.
async fn storm(number: usize, ask: &Ask) -> (usize, usize) {
    let mut answers: Vec<Answer> = vec![];
    while answers.len() < number {
        let ask = ask.clone();
        answers.extend(at_once((number - answers.len()).min(50), move |_| ask.clone().into_future()).await);
    }
    let throttled = answers.iter().filter(|answer| answer.status == 429).count();
    (number - throttled, throttled)
}

async fn an_address_sends_300_wrong_secrets_in_ten_minutes_and_no_more(host: Host) {
    let ana = host.browser("ana").enter().await;
    let token = AccessToken::parse(&ana.token).expect("an access token");
    let tries = [me(&host, &wrong(&token)), me(&host, &unknown(&ana.token)), host.ask("GET", "/internal/users/ana/devices").key("dwk_wrong")];
    let tries = tries.map(|ask| ask.from(ATTACKER));
    assert_eq!(storm(LIMIT - 2, &tries[0]).await, (LIMIT - 2, 0));
    for ask in &tries[1..] {
        ask.clone().await.refused(401, "unauthenticated");
    }
    // Whatever sort of secret it is, it is one budget.
    for ask in &tries {
        let refused = ask.clone().await.refused(429, "too_many_requests");
        assert_eq!((refused.header("retry-after"), refused.body["retry_after"].as_u64()), (Some("2"), Some(2)));
    }
    assert_eq!(storm(200, &tries[0]).await, (0, 200));
    host.pass_s(2);
    assert_eq!(storm(10, &tries[1]).await, (1, 9), "one every two seconds");
    host.pass_s(600);
    assert_eq!(storm(LIMIT + 10, &tries[1]).await, (LIMIT, 10));
    let page = host.metrics();
    assert!(page.contains(r#"doorward_throttled_total{secret="access_token"}"#) && page.contains(r#"doorward_throttled_total{secret="api_key"} 1"#), "{page}");
    assert!(page.contains(r#"doorward_wrong_secrets_total{secret="api_key"} 2"#), "{page}");
}

/// A proxy would make an error of its own of a 429, so it is told 401; the wrong secret counts all the same.
async fn a_proxy_that_asks_for_a_caller_is_told_401_however_many_there_were(host: Host) {
    let ana = host.browser("ana").enter().await;
    let token = AccessToken::parse(&ana.token).expect("an access token");
    let pass = |token: &str, query: &str| host.ask("GET", "/internal/forward-auth/acme").query(query).bearer(token).from(ATTACKER);
    assert_eq!(storm(LIMIT + 50, &pass(&wrong(&token), "")).await, (LIMIT + 50, 0));
    for query in ["", "require=mfa", "nonsense=1"] {
        let refused = pass(&wrong(&token), query).await.refused(401, "unauthenticated");
        assert_eq!(refused.header("retry-after"), None);
    }
    me(&host, &wrong(&token)).from(ATTACKER).await.refused(429, "too_many_requests");
    pass(&ana.token, "").await.expect(200);
    let page = host.metrics();
    assert!(page.contains(r#"doorward_throttled_total{secret="access_token"} 54"#), "{page}");
}

async fn a_right_secret_is_served_from_a_throttled_address(host: Host) {
    let ana = host.browser("ana").enter().await;
    let ended = host.browser("ana").enter().await;
    ended.delete("/sessions/current").await.expect(204);
    let used = ana.offer();
    ana.activate(&used).await.expect(200);
    let token = AccessToken::parse(&ana.token).expect("an access token");
    let ask = me(&host, &wrong(&token)).from(ATTACKER);
    assert_eq!(storm(LIMIT + 1, &ask).await, (LIMIT, 1));
    me(&host, &ana.token).from(ATTACKER).await.expect(200);
    host.call("GET", "/internal/users/ana/devices").from(ATTACKER).await.expect(200);
    // What was right once is no wrong secret, nor is what isn't well-formed.
    me(&host, &ended.token).from(ATTACKER).await.refused(401, "unauthenticated");
    me(&host, "dws_typo").from(ATTACKER).await.refused(401, "unauthenticated");
    host.ask("GET", "/api/v1/sessions/current").from(ATTACKER).await.refused(401, "unauthenticated");
    let again = ana.ask("POST", "/devices/activate").json(&json!({ "activation_token": used })).from(ATTACKER);
    again.await.refused(404, "activation_not_found");
    ask.await.refused(429, "too_many_requests");
}

async fn wrong_secrets_harm_nobody_whom_they_name(host: Host) {
    let ana = host.browser("ana").enter().await;
    let before = host.rows().await;
    let token = AccessToken::parse(&ana.token).expect("an access token");
    let ask = me(&host, &wrong(&token));
    assert_eq!(storm(LIMIT + 50, &ask.clone().from(ATTACKER)).await, (LIMIT, 50));
    assert_eq!(host.rows().await, before, "nothing of the account or the session moved");
    me(&host, &ana.token).from("198.51.100.1").await.expect(200);
    // Nor does it count against anybody else's address.
    ask.from("203.0.113.67").await.refused(401, "unauthenticated");
}

async fn what_is_known_counts_as_no_wrong_secret(host: Host) {
    let ana = host.browser("ana").enter().await;
    let ben = host.browser("ben").enter().await;
    let token = AccessToken::parse(&ana.token).expect("an access token");
    let used = ana.offer();
    ana.activate(&used).await.expect(200);
    let ended = host.browser("ana").enter().await;
    ended.delete("/sessions/current").await.expect(204);
    let replaced = host.browser("ana").enter().await;
    host.call("POST", &format!("/internal/users/ana/sessions/{}/mfa", replaced.session())).json(&with_code()).await.expect(200);
    let offer = |token: &str, of: &SignedIn| of.ask("POST", "/devices/activate").json(&json!({ "activation_token": token })).from(ATTACKER);
    for known in [me(&host, &ended.token).from(ATTACKER), me(&host, &replaced.token).from(ATTACKER), offer(&used, &ana), offer(&ben.offer(), &ana)] {
        assert_eq!(storm(LIMIT + 20, &known).await.1, 0);
    }
    host.pass_s(7 * 24 * 3_600);
    let old = host.browser("ana").enter().await;
    assert_eq!(storm(LIMIT + 20, &offer(&used, &old)).await.1, 0, "an old one isn't at hand any more, yet it is no guess");
    assert_eq!(storm(LIMIT + 1, &me(&host, &wrong(&token)).from(ATTACKER)).await, (LIMIT, 1), "all of the budget was there");
}

async fn guessing_activation_tokens_is_throttled(host: Host) {
    let ana = host.browser("ana").enter().await;
    let offer = ActivationToken::parse(&ana.offer()).expect("an activation token");
    for path in ["/devices/activate", "/devices/skip"] {
        let guess = ana.ask("POST", path).json(&json!({ "activation_token": wrong(&offer) })).from(ATTACKER);
        guess.await.refused(404, "activation_not_found");
    }
    let guess = ana.ask("POST", "/devices/activate").json(&json!({ "activation_token": wrong(&offer) })).from(ATTACKER);
    assert_eq!(storm(LIMIT, &guess).await, (LIMIT - 2, 2));
    guess.await.refused(429, "too_many_requests");
    let right = ana.ask("POST", "/devices/activate").json(&json!({ "activation_token": ana.offer() })).from(ATTACKER);
    right.await.expect(200);
}

async fn calls_with_a_good_key_are_exempt(host: Host) {
    let ana = host.browser("ana").enter().await;
    let token = AccessToken::parse(&ana.token).expect("an access token");
    let offer = ActivationToken::parse(&ana.offer()).expect("an activation token");
    let verify = host.call("POST", "/internal/sessions/verify").json(&json!({ "token": wrong(&token) })).from(ATTACKER);
    let redeem = host.call("POST", "/internal/activations/activate").json(&json!({ "activation_token": wrong(&offer) })).from(ATTACKER);
    for exempt in [verify, redeem] {
        assert_eq!(storm(LIMIT + 20, &exempt).await.1, 0);
    }
    assert_eq!(storm(LIMIT + 1, &me(&host, &wrong(&token)).from(ATTACKER)).await, (LIMIT, 1), "all of the budget was there");
}

async fn a_network_of_64_bits_counts_as_one_address(host: Host) {
    let token = unknown(&host.browser("ana").enter().await.token);
    let from = |address: &str| me(&host, &token).from(address);
    assert_eq!(storm(LIMIT, &from("2001:db8:0:1::1")).await, (LIMIT, 0));
    from("2001:db8:0:1:ffff::2").await.refused(429, "too_many_requests");
    from("2001:db8:0:2::1").await.refused(401, "unauthenticated");
    from("::1").await.refused(401, "unauthenticated");
    assert_eq!(storm(LIMIT, &from("192.0.2.1")).await, (LIMIT, 0));
    from("::ffff:192.0.2.1").await.refused(429, "too_many_requests");
}

async fn only_a_trusted_proxy_says_who_asked(host: Host) {
    let token = unknown(&host.browser("ana").enter().await.token);
    let forwarded = |peer: &str, by: &str| me(&host, &token).from(peer).header("x-forwarded-for", by);
    // A caller that names another address at each try is one caller all the same.
    for number in 0..LIMIT {
        forwarded(ATTACKER, &format!("198.51.100.{}", number % 256)).await.refused(401, "unauthenticated");
    }
    forwarded(ATTACKER, "192.0.2.200").await.refused(429, "too_many_requests");
    // Behind a proxy that is believed, callers are told apart, whatever they claim themselves.
    assert_eq!(storm(LIMIT, &forwarded("10.9.0.1", "6.6.6.6, 192.0.2.9")).await, (LIMIT, 0));
    forwarded("10.9.0.2", "7.7.7.7, 192.0.2.9, 10.9.0.1").await.refused(429, "too_many_requests");
    forwarded("10.9.0.1", "192.0.2.9, 192.0.2.10").await.refused(401, "unauthenticated");
    forwarded("10.9.0.1", "192.0.2.9, garbage").await.refused(401, "unauthenticated");
}

async fn budgets_of_addresses_survive_a_restart(host: Host) {
    let token = unknown(&host.browser("ana").enter().await.token);
    assert_eq!(storm(LIMIT + 1, &me(&host, &token).from(ATTACKER)).await, (LIMIT, 1));
    host.lose_store().await;
    let host = Host::open(host.home(), false).await;
    assert_eq!(storm(20, &me(&host, &token).from(ATTACKER)).await, (0, 20));
    me(&host, &token).from("198.51.100.1").await.refused(401, "unauthenticated");
}

async fn a_flood_of_wrong_secrets_is_no_flood_of_commits(host: Host) {
    let token = unknown(&host.browser("ana").enter().await.token);
    let changes = || host.service().figures().into_iter().find(|(name, _)| *name == "store_changes_total").expect("a figure of both engines").1;
    let before = changes();
    assert_eq!(storm(2_000, &me(&host, &token).from(ATTACKER)).await, (LIMIT, 1_700));
    // Ten at a time, and the last try that found nothing left.
    assert!((30..=31).contains(&(changes() - before)), "{} changes", changes() - before);
}

async fn without_its_store_the_throttle_counts_in_memory(host: Host) {
    host.lose_store().await;
    let quota = Quota { limit: 20, window_s: 600 };
    let mut let_through = 0;
    for _ in 0..50 {
        let_through += usize::from(host.service().wrong_secret(ATTACKER.parse().expect("an address"), quota).await.is_ok());
    }
    assert_eq!(let_through, 20);
}
