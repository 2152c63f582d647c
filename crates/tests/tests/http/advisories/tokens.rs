//! Lessons about tokens and keys: what is no token, what follows from nothing, what works once.

use std::collections::BTreeSet;
use std::sync::Arc;

use doorward_tests::host::Host;
use doorward_tests::host::browser::with_code;
use doorward_tests::{Home, at_once};
use serde_json::json;

use super::{doors_that_open, skips};

doorward_tests::on_each_engine! {
    a_device_token_that_nobody_gave_is_missing,
    a_truncated_or_changed_token_is_no_token,
    a_refused_secret_leaves_every_row_as_it_was,
    no_token_follows_from_what_is_known_of_a_person,
    an_end_is_the_servers_and_a_value_is_one_devices,
    an_offer_is_taken_up_once_in_a_race_of_a_hundred,
    a_token_is_replaced_once_in_a_race,
    an_id_that_is_taken_is_never_taken_over,
    guesses_at_an_offer_are_counted,
    an_address_counts_by_its_network_however_it_is_spelled,
}

/// A JSON Web Token that says of itself that it needs no signature, for ana.
const UNSIGNED: &str = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzdWIiOiJhbmEiLCJkZXZpY2UiOiJ0cnVzdGVkIn0.";

/// Every text that differs from this one in one place, and every beginning of it.
fn cut_and_changed(token: &str) -> impl Iterator<Item = String> {
    let other = |at: usize| if &token[at..=at] == "A" { "B" } else { "A" };
    let changed = (0..token.len()).map(move |at| format!("{}{}{}", &token[..at], other(at), &token[at + 1..]));
    let cut = (0..token.len()).map(|to| token[..to].to_owned());
    let longer = ["A", "=", " ", "\u{e9}"].map(|more| format!("{token}{more}"));
    changed.chain(cut).chain(longer)
}

/// scheb/2fa GHSA-h6mp-mc7g-mg49: a trusted-device token without a signature was accepted.
async fn a_device_token_that_nobody_gave_is_missing(host: Host) {
    let mut laptop = host.browser("ana");
    laptop.enter_and_trust().await;
    let good = laptop.device_token.clone().expect("a device token");
    let of_ben = {
        let mut phone = host.browser("ben");
        phone.enter_and_trust().await;
        phone.device_token.expect("a device token")
    };
    // A token's own parts, put together anew: ana's place with ben's secret.
    let mixed = format!("{}{}", &good[..good.len() / 2], &of_ben[good.len() / 2..]);
    for forged in [UNSIGNED.to_owned(), "dwd_".to_owned(), format!("dwd_{UNSIGNED}"), of_ben, mixed, good.to_uppercase()] {
        let (decision, reasons) = host.browser("ana").holding(&forged).judged().await;
        assert_eq!(decision, "challenge", "{forged}: {reasons:?}");
    }
    assert!(skips(&laptop).await);
}

/// Zitadel CVE-2026-27840: an opaque token was accepted though its end was missing.
async fn a_truncated_or_changed_token_is_no_token(host: Host) {
    let mut laptop = host.browser("ana");
    let opened = laptop.enter_and_trust().await;
    host.pass_s(1);
    let offered = host.browser("ana").enter().await;
    let device_token = laptop.device_token.clone().expect("a device token");
    for changed in cut_and_changed(&opened.token) {
        assert!(host.inactive(&changed).await.is_some(), "{changed}");
    }
    let changed: Vec<_> = cut_and_changed(&opened.token).step_by(17).collect();
    for changed in changed.iter().filter(|text| !text.is_empty() && text.is_ascii() && !text.ends_with(' ')) {
        assert!(doors_that_open(&host, changed).await.is_empty(), "{changed}");
    }
    for changed in cut_and_changed(&device_token) {
        assert!(!skips(&host.browser("ana").holding(&changed)).await, "{changed}");
    }
    for changed in cut_and_changed(&offered.offer()) {
        offered.activate(&changed).await.refused(404, "activation_not_found");
    }
    offered.activate(&offered.offer()).await.expect(200);
}

/// Vaultwarden CVE-2026-31835: rows were written before the signature had been checked.
async fn a_refused_secret_leaves_every_row_as_it_was(host: Host) {
    let opened = host.browser("ana").enter().await;
    let device_token = opened.answer.text_at("/device_token");
    host.pass_s(300);
    let last = |token: &str| token[..token.len() - 1].to_owned() + if token.ends_with('A') { "B" } else { "A" };
    let rows = host.rows().await;
    let token = last(&opened.token);
    assert!(doors_that_open(&host, &token).await.is_empty());
    host.call("POST", "/internal/sessions/verify").json(&json!({ "token": token })).await.expect(200);
    opened.activate(&last(&opened.offer())).await.refused(404, "activation_not_found");
    opened.decline(&last(&opened.offer())).await.refused(404, "activation_not_found");
    assert_eq!(host.rows().await, rows);
    // A sign-in with a wrong device token is a sign-in: it is kept, and nothing else moves.
    host.browser("ana").holding(&last(&device_token)).evaluate().await;
    let moved: Vec<_> = host.rows().await.into_iter().filter(|row| !rows.contains(row)).collect();
    assert!(moved.len() == 1 && moved[0].starts_with("sign_in"), "{moved:#?}");
}

/// Grafana CVE-2018-15727: a remember-me cookie followed from the name and an empty secret. An empty server key: `process/starts`.
async fn no_token_follows_from_what_is_known_of_a_person(host: Host) {
    let mut seen = BTreeSet::new();
    // All at one moment, all of one look: what could be known of a person is the same.
    for _ in 0..50 {
        let opened = host.browser("ana").enter().await;
        for token in [&opened.token, &opened.answer.text_at("/device_token"), &opened.offer()] {
            let secret = token[token.len() - 48..].to_owned();
            assert!(seen.insert(secret), "a secret came twice");
        }
    }
    for empty in ["", "dws_", "dwd_", "dwa_", "dwk_", "null", "undefined", "0"] {
        assert!(!skips(&host.browser("ana").holding(empty)).await, "{empty:?}");
        assert!(host.inactive(empty).await.is_some(), "{empty:?}");
        host.ask("GET", "/internal/users/ana/devices").key(empty).await.refused(401, "unauthenticated");
    }
}

/// Devise CVE-2015-8314: the end was in the cookie alone, and all devices had one value.
async fn an_end_is_the_servers_and_a_value_is_one_devices(host: Host) {
    let (mut laptop, mut phone) = (host.browser("ana"), host.browser("ana"));
    laptop.enter_and_trust().await;
    host.pass_s(1);
    let on_phone = phone.enter_and_trust().await;
    assert_ne!(laptop.device_token, phone.device_token);
    on_phone.post("/devices/current/untrust").await.expect(200);
    assert!(skips(&laptop).await && !skips(&phone).await, "one ends without the other");
    // The browser keeps the value for ever, whatever `Max-Age` said.
    host.pass_s(30 * 86_400);
    assert!(!skips(&laptop).await);
}

/// Zitadel CVE-2025-46815: a token that stood for a login could be used again.
async fn an_offer_is_taken_up_once_in_a_race_of_a_hundred(host: Host) {
    let opened = host.browser("ana").enter().await;
    let taken = at_once(100, |_| {
        let opened = opened.clone();
        async move { opened.activate(&opened.offer()).await.status }
    })
    .await;
    assert_eq!((taken.iter().filter(|status| **status == 200).count(), taken.iter().filter(|status| **status == 404).count()), (1, 99));
}

/// artifact-keeper #2813: a refresh token was spent twice in a race. What is replaced here is an access token, by a step-up.
async fn a_token_is_replaced_once_in_a_race(host: Host) {
    let opened = host.browser("ana").enter().await;
    let path = format!("/internal/users/ana/sessions/{}/mfa", opened.session());
    let answers = at_once(32, |_| {
        let ask = host.call("POST", &path).json(&with_code());
        async move { ask.await }
    })
    .await;
    let given: Vec<_> = answers.iter().filter(|answer| answer.status == 200).map(|answer| answer.text_at("/access_token")).collect();
    let mut live = 0;
    for token in given.iter().chain([&opened.token]) {
        live += usize::from(host.inactive(token).await.is_none());
    }
    assert_eq!(live, 1, "of {} that were given", given.len());
}

/// tower-sessions 0.12.0: a new session with an id that was taken took the other one's place.
async fn an_id_that_is_taken_is_never_taken_over(home: Arc<Home>) {
    let host = Host::open(&home, false).await;
    let ana = host.browser("ana").enter().await;
    // The feed's head moves with each commit.
    let rows: Vec<_> = host.rows().await.into_iter().filter(|row| !row.starts_with("feed_head")).collect();
    host.lose_store().await;
    // Begun anew at the same moment from the same seed, it draws for ben the ids and secrets that are ana's.
    let host = Host::open(&home, false).await;
    let ben = host.browser("ben");
    let answer = host.call("POST", "/internal/sign-ins").json(&ben.attempt(&json!({}))).await;
    assert!(answer.status == 503 || answer.text_at("/id") != ana.answer.text_at("/session/id"), "{}", answer.text);
    let kept: Vec<_> = host.rows().await.into_iter().filter(|row| rows.contains(row)).collect();
    assert!(kept == rows, "each row is there as it was");
    assert_eq!(host.verify(&ana.token).await.body["user_id"], "ana");
    host.lose_store().await;
}

/// Vaultwarden CVE-2026-27801, OpenCTI CVE-2024-45404: guesses at a code weren't counted. Here they have 256 bits, and are.
async fn guesses_at_an_offer_are_counted(host: Host) {
    const ATTACKER: &str = "203.0.113.66";
    let opened = host.browser("ana").enter().await;
    let offer = opened.offer();
    let guess = |number: usize| {
        let mut token = doorward_domain::ActivationToken::parse(&offer).expect("an offer's token");
        token.secret = doorward_domain::token::Secret::new([u8::try_from(number % 251).unwrap_or_default(); 32]);
        opened.ask("POST", "/devices/activate").json(&json!({ "activation_token": token.reveal() })).from(ATTACKER)
    };
    for number in 0..300 {
        guess(number).await.refused(404, "activation_not_found");
    }
    guess(300).await.refused(429, "too_many_requests");
    opened.activate(&offer).await.expect(200);
}

/// Better Auth GHSA-p6v2-xcpg-h6xw: the limit counted an IPv6 address by its spelling.
async fn an_address_counts_by_its_network_however_it_is_spelled(host: Host) {
    let token = host.browser("ana").enter().await.token;
    let mut wrong = doorward_domain::AccessToken::parse(&token).expect("an access token");
    wrong.secret = doorward_domain::token::Secret::new([9; 32]);
    let wrong = wrong.reveal();
    let from_proxy = |spelled: &str| host.ask("GET", "/api/v1/sessions/current").bearer(&wrong).from("10.9.0.1").header("x-forwarded-for", spelled);
    let spellings = ["2001:db8:0:7::1", "2001:DB8::7:0:0:0:1", "2001:0db8:0000:0007:0000:0000:0000:0001", "2001:db8:0:7:ffff::9"];
    for number in 0..300 {
        from_proxy(spellings[number % spellings.len()]).await.refused(401, "unauthenticated");
    }
    for spelled in spellings {
        from_proxy(spelled).await.refused(429, "too_many_requests");
    }
    for number in 0..300 {
        from_proxy(["192.0.2.50", "::ffff:192.0.2.50", "::FFFF:c000:232"][number % 3]).await.refused(401, "unauthenticated");
    }
    from_proxy("192.0.2.50").await.refused(429, "too_many_requests");
}
