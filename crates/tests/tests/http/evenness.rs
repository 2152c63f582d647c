//! Evenness: what fits nothing costs the same work, and is answered after the same time, whether its row is there or not.

use std::time::{Duration, Instant};

use doorward_domain::token::{Locator, Secret, Token};
use doorward_domain::{AccessToken, AccountId, ActivationToken, DeviceId, DeviceToken, OfferId, SessionId};
use doorward_tests::host::browser::with_code;
use doorward_tests::host::{Ask, Host, SESSION_COOKIE, SignedIn};
use serde_json::{Value, json};
use uuid::Uuid;

doorward_tests::on_each_engine! {
    what_fits_nothing_costs_as_many_hashes_as_what_is_not_there,
    a_wrong_secret_is_answered_no_sooner_than_in_five_milliseconds,
    what_is_no_wrong_secret_is_answered_at_once,
}

const NOBODY: Uuid = Uuid::from_u128(7);
/// When an answer to a wrong secret goes out.
const EVEN_TIME: Duration = Duration::from_millis(5);

/// What to try of a token: its row is there and its secret wrong; no such row; no such account.
struct Tries {
    wrong: String,
    unknown: String,
    nowhere: String,
}

fn tries<L: Locator + Copy>(token: &Token<L>, unknown: impl Fn(&mut L), nowhere: impl Fn(&mut L)) -> Tries {
    let with = |change: &dyn Fn(&mut L)| {
        let mut at = token.at;
        change(&mut at);
        Token { at, secret: Secret::new([0xee; 32]) }.reveal()
    };
    Tries { wrong: with(&|_| {}), unknown: with(&unknown), nowhere: with(&nowhere) }
}

fn access(token: &str) -> Tries {
    let token = AccessToken::parse(token).expect("an access token");
    tries(&token, |at| at.id = SessionId(NOBODY), |at| (at.account, at.id) = (AccountId(NOBODY), SessionId(NOBODY)))
}

fn device(token: &str) -> Tries {
    let token = DeviceToken::parse(token).expect("a device token");
    // One of another account is missing, and not looked at.
    tries(&token, |at| at.id = DeviceId(NOBODY), |at| at.id = DeviceId(Uuid::from_u128(8)))
}

fn activation(token: &str) -> Tries {
    let token = ActivationToken::parse(token).expect("an activation token");
    // As young as the one that is there: an old one may have been real.
    let young = OfferId(Uuid::from_u128(token.at.id.0.as_u128() ^ 1));
    tries(&token, move |at| at.id = young, move |at| (at.account, at.id) = (AccountId(NOBODY), young))
}

/// The ways by which an access token comes in.
fn by_access_token(host: &Host, token: &str) -> Vec<Ask> {
    vec![
        host.call("POST", "/internal/sessions/verify").json(&json!({ "token": token })),
        host.call("POST", "/internal/sessions/verify").json(&json!({ "token": token, "touch": false })),
        host.call("POST", "/internal/sessions/verify-batch").json(&json!({ "tokens": [token, token] })),
        host.call("POST", "/internal/sessions/heartbeat-batch").json(&json!({ "tokens": [token] })),
        host.call("POST", "/oauth2/introspect").form(&format!("token={token}")),
        host.ask("GET", "/internal/forward-auth/acme").bearer(token),
        host.ask("GET", "/internal/forward-auth/acme").header("cookie", &format!("{SESSION_COOKIE}={token}")),
        host.ask("GET", "/internal/forward-auth").header("x-tenant-id", "acme").bearer(token),
        host.ask("GET", "/internal/forward-auth/acme").query("require=nonsense").bearer(token),
        host.ask("GET", "/api/v1/sessions/current").bearer(token),
        host.ask("POST", "/api/v1/sessions/current/heartbeat").bearer(token),
        host.ask("DELETE", "/api/v1/sessions/current").bearer(token),
        host.ask("GET", "/api/v1/devices").bearer(token),
        host.ask("POST", "/api/v1/devices/activate").bearer(token).json(&json!({ "activation_token": "dwa_x" })),
    ]
}

fn by_activation_token(host: &Host, ana: &SignedIn, token: &str) -> Vec<Ask> {
    let body = json!({ "activation_token": token });
    let native = ["/devices/activate", "/devices/skip"].map(|path| ana.ask("POST", path).json(&body));
    let internal = ["/internal/activations/activate", "/internal/activations/skip"].map(|path| host.call("POST", path).json(&body));
    native.into_iter().chain(internal).collect()
}

/// By itself, and as the raw value of a cookie that holds several.
fn by_device_token(host: &Host, token: &str) -> Vec<Ask> {
    let attempts = [token.to_owned(), format!("dwd_x.{token}.{token}")]
        .map(|value| json!({ "user_id": "ana", "ip": "203.0.113.7", "user_agent": "x", "device_token": value }));
    ["/internal/sign-ins", "/internal/sessions"].iter().flat_map(|path| attempts.iter().map(|attempt| host.call("POST", path).json(attempt))).collect()
}

fn by_key(host: &Host, key: &str) -> Vec<Ask> {
    let basic = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, format!("x:{key}"));
    vec![
        host.ask("GET", "/internal/users/ana/devices").key(key),
        host.ask("POST", "/internal/sessions/verify").key(key).json(&json!({ "token": "dws_x" })),
        host.ask("POST", "/oauth2/introspect").header("authorization", &format!("Basic {basic}")).form("token=x"),
    ]
}

/// How many secrets a request has had hashed, and the status and the words that it was answered.
async fn cost(host: &Host, ask: Ask) -> (u64, u16, Vec<Value>) {
    let hashed = || host.service().figures().into_iter().find(|(name, _)| *name == "secrets_hashed_total").expect("a figure of the service").1;
    let before = hashed();
    let answer = ask.await;
    let words = ["active", "reason", "reasons", "decision", "detail", "results"].map(|name| answer.body[name].clone());
    (hashed() - before, answer.status, words.to_vec())
}

async fn what_fits_nothing_costs_as_many_hashes_as_what_is_not_there(host: Host) {
    let mut laptop = host.browser("ana");
    let ana = laptop.enter_and_trust().await;
    let other = host.browser("ana").enter().await;
    let device_token = laptop.device_token.clone().expect("a device token");
    host.add_key("dwk_over", |key| key.revoked_at = Some(key.created_at)).await;
    let asks = |by: &dyn Fn(&str) -> Vec<Ask>, tries: &Tries| [&tries.wrong, &tries.unknown, &tries.nowhere].map(|token| by(token));
    let ways = [
        ("access token", asks(&|token| by_access_token(&host, token), &access(&ana.token))),
        ("activation token", asks(&|token| by_activation_token(&host, &other, token), &activation(&other.offer()))),
        ("device token", asks(&|token| by_device_token(&host, token), &device(&device_token))),
        ("API key", ["dwk_wrong", "dwk_over", "dwk_nowhere"].map(|key| by_key(&host, key))),
    ];
    for (what, [wrong, unknown, nowhere]) in ways {
        for (place, ((wrong, unknown), nowhere)) in wrong.into_iter().zip(unknown).zip(nowhere).enumerate() {
            let (wrong, unknown, nowhere) = (cost(&host, wrong).await, cost(&host, unknown).await, cost(&host, nowhere).await);
            assert!(wrong.0 > 0, "{what}, way {place}");
            assert_eq!(wrong, unknown, "{what}, way {place}");
            // To a person, what names another account is another's, whatever its secret is: the name tells.
            if what != "activation token" || place >= 2 {
                assert_eq!(wrong, nowhere, "{what}, way {place}");
            }
        }
    }
}

/// How many answers were evened so far.
fn evened(host: &Host) -> u64 {
    let page = host.metrics();
    page.lines().find_map(|line| line.strip_prefix("doorward_evened_total ")?.parse().ok()).expect("the metric")
}

async fn a_wrong_secret_is_answered_no_sooner_than_in_five_milliseconds(host: Host) {
    let ana = host.browser("ana").enter().await;
    let (tokens, offers) = (access(&ana.token), activation(&ana.offer()));
    let mut asks: Vec<Ask> = [&tokens.wrong, &tokens.unknown, &tokens.nowhere].iter().flat_map(|token| by_access_token(&host, token)).collect();
    asks.extend([&offers.wrong, &offers.unknown, &offers.nowhere].iter().flat_map(|token| by_activation_token(&host, &ana, token)));
    asks.extend(by_key(&host, "dwk_wrong"));
    // One among others that are right.
    let among = [ana.token.as_str(), tokens.wrong.as_str(), ana.token.as_str()];
    asks.push(host.call("POST", "/internal/sessions/verify-batch").json(&json!({ "tokens": among })));
    asks.push(host.call("POST", "/internal/sessions/heartbeat-batch").json(&json!({ "tokens": among })));
    for (place, ask) in asks.into_iter().enumerate() {
        let (before, began) = (evened(&host), Instant::now());
        ask.await;
        let took = began.elapsed();
        assert!(took >= EVEN_TIME && evened(&host) == before + 1, "way {place}: {took:?}");
    }
}

/// Nobody waits who has a right secret, or one that was right, or what is no secret at all.
async fn what_is_no_wrong_secret_is_answered_at_once(host: Host) {
    let mut laptop = host.browser("ana");
    let ana = laptop.enter_and_trust().await;
    let ended = host.browser("ana").enter().await;
    ended.delete("/sessions/current").await.expect(204);
    let replaced = host.browser("ana").enter().await;
    host.call("POST", &format!("/internal/users/ana/sessions/{}/mfa", replaced.session())).json(&with_code()).await.expect(200);
    let right = [by_access_token(&host, &ana.token)[..7].to_vec(), by_device_token(&host, laptop.device_token.as_deref().expect("a device token"))];
    let over = [&ended.token, &replaced.token, "dws_typo"].map(|token| by_access_token(&host, token));
    let key = by_key(&host, "dwk_over");
    host.add_key("dwk_over", |key| key.revoked_at = Some(key.created_at)).await;
    let before = evened(&host);
    for ask in right.into_iter().chain(over).chain([key]).flatten() {
        ask.await;
    }
    assert_eq!(evened(&host), before);
}
