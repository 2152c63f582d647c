//! Requests under an `Idempotency-Key`: a lost answer is given again, with new tokens, and a stray retry harms nobody.

use std::sync::Arc;

use doorward_domain::Role;
use doorward_tests::host::browser::{judgement, with_checkbox};
use doorward_tests::host::description::{Operation, operations};
use doorward_tests::host::{ACME, Answer, Ask, GLOBEX, Host, api_key};
use doorward_tests::{Home, at_once};
use serde_json::{Value, json};

use crate::operations::Someone;

doorward_tests::on_each_engine! {
    a_lost_answer_is_given_again_by_every_call_that_creates,
    one_of_sixty_four_at_once_has_the_effect,
    one_of_sixty_four_accounts_gets_the_key,
    a_token_in_use_is_never_replaced,
    a_device_token_in_use_is_never_replaced,
    an_api_key_in_use_is_never_replaced,
    stray_retries_take_no_token_of_another_tab,
    a_retry_that_crosses_the_first_use_is_no_fault_of_the_host,
    what_is_over_is_not_answered_again,
    a_hijacked_devices_token_stays_denied,
    another_request_under_the_key_is_refused,
    a_key_is_the_tenants_own_and_a_persons_is_their_own,
    a_key_is_forgotten_after_a_day_to_the_microsecond,
    a_key_outlives_a_restart,
    a_refused_request_may_be_sent_again_in_other_words,
    bad_keys_are_refused,
}

const KEY: &str = "Idempotency-Key";

/// The operations that take a key.
fn repeatable() -> Vec<Operation> {
    let takes = |operation: &Operation| operation.said["parameters"].as_array().is_some_and(|all| all.iter().any(|one| one["name"] == KEY));
    operations().into_iter().filter(takes).collect()
}

/// The tokens of an answer, by where they stand.
fn tokens(answer: &Answer) -> Vec<(&'static str, String)> {
    let at = ["/access_token", "/device_token", "/activation/activation_token", "/key"];
    at.into_iter().filter_map(|place| Some((place, answer.body.pointer(place)?.as_str()?.to_owned()))).collect()
}

/// What an answer says besides its tokens.
fn without_tokens(answer: &Answer) -> Value {
    let mut body = answer.body.clone();
    for (place, _) in tokens(answer) {
        *body.pointer_mut(place).expect("it is there") = Value::Null;
    }
    body
}

async fn count(host: &Host, table: &str) -> usize {
    host.rows().await.iter().filter(|row| row.starts_with(table)).count()
}

/// What opening a session directly sends.
fn entry(user: &str) -> Value {
    json!({ "user_id": user, "ip": "203.0.113.7", "user_agent": "curl/8.5.0", "mfa": { "method": "totp" } })
}

fn opening(host: &Host, user: &str, key: &str) -> Ask {
    host.call("POST", "/internal/sessions").header(KEY, key).json(&entry(user))
}

async fn a_lost_answer_is_given_again_by_every_call_that_creates(host: Host) {
    let all = repeatable();
    let ids: Vec<_> = all.iter().map(|operation| operation.id).collect();
    let creating = ["activate_device", "decline_device", "activate", "decline", "open_session", "evaluate_sign_in", "complete_sign_in"];
    for id in creating.into_iter().chain(["trust_device", "trust_user_device", "step_up", "create_api_key", "rotate_api_key"]) {
        assert!(ids.contains(&id), "{id}");
    }
    for operation in all {
        let id = operation.id;
        let someone = Someone::new(&host, ACME, id).await;
        let asked = someone.good(&operation).await.header(KEY, id);
        let lost = asked.clone().await;
        assert!((200..300).contains(&lost.status), "{id}: {}", lost.text);
        let rows = host.rows().await;
        // Twice, since the second answer may be lost as well.
        let again = [asked.clone().await, asked.clone().await];
        let mut given = vec![tokens(&lost)];
        for answer in &again {
            assert_eq!((answer.status, without_tokens(answer)), (lost.status, without_tokens(&lost)), "{id}");
            assert!(tokens(answer).iter().map(|(place, _)| *place).eq(given[0].iter().map(|(place, _)| *place)), "{id}");
            given.push(tokens(answer));
        }
        // Each is an event, in its account and in the feed.
        let reissued = 2 * 2 * usize::from(!given[0].is_empty());
        assert_eq!(host.rows().await.len(), rows.len() + reissued, "{id}: nothing was made but the events of new tokens");
        if given[0].is_empty() {
            assert_eq!(host.rows().await, rows, "{id}");
        }
        for (old, new) in given[0].iter().zip(&given[1]).chain(given[1].iter().zip(&given[2])) {
            assert_ne!(old, new, "{id}");
        }
        for lost in &given[..2] {
            for (place, token) in lost {
                assert!(!works(&host, &someone, place, token).await, "{id}: a replaced token works at {place}");
            }
        }
        host.pass_s(1);
        for (place, token) in &given[2] {
            assert!(works(&host, &someone, place, token).await, "{id}: the new token doesn't work at {place}");
        }
        // They are used now.
        let rows = host.rows().await;
        match given[0].is_empty() {
            true => assert_eq!(asked.await.body, lost.body, "{id}"),
            false => drop(asked.await.refused(409, "idempotency_key_used")),
        }
        assert_eq!(host.rows().await, rows, "{id}");
    }
}

/// Whether a token does what it is for. Uses it.
async fn works(host: &Host, someone: &Someone, place: &str, token: &str) -> bool {
    match place {
        "/access_token" => host.inactive(token).await.is_none(),
        "/device_token" => {
            let mut browser = host.browser(&someone.user);
            browser.device_token = Some(token.to_owned());
            let (_, reasons) = judgement(&browser.evaluate().await);
            !reasons.iter().any(|reason| reason.starts_with("device_token") || reason == "unknown_device")
        }
        "/key" => host.ask("POST", "/internal/sessions/verify").key(token).json(&json!({ "token": "x" })).await.status != 401,
        _ => host.call("POST", "/internal/activations/activate").json(&json!({ "activation_token": token })).await.status == 200,
    }
}

async fn one_of_sixty_four_at_once_has_the_effect(host: Host) {
    for operation in repeatable() {
        let someone = Someone::new(&host, ACME, operation.id).await;
        let asked = someone.good(&operation).await.header(KEY, operation.id);
        let (sessions, sign_ins, devices) = (count(&host, "session: ").await, count(&host, "sign_in: ").await, count(&host, "device: ").await);
        let answers = at_once(64, |_| {
            let asked = asked.clone();
            async move { asked.await }
        })
        .await;
        for answer in &answers {
            assert_eq!((answer.status, without_tokens(answer)), (answers[0].status, without_tokens(&answers[0])), "{}", operation.id);
        }
        assert!((200..300).contains(&answers[0].status), "{}: {}", operation.id, answers[0].text);
        let made = [count(&host, "session: ").await - sessions, count(&host, "sign_in: ").await - sign_ins, count(&host, "device: ").await - devices];
        assert!(made.iter().all(|made| *made <= 1), "{}: {made:?}", operation.id);
        // Of the tokens one is good: whose answer came last has it.
        let mut good = vec![];
        for answer in &answers {
            for (place, token) in tokens(answer).iter().filter(|(place, _)| matches!(*place, "/access_token" | "/key")) {
                good.push(works(&host, &someone, place, token).await);
            }
        }
        assert!(good.is_empty() || good.iter().filter(|good| **good).count() == 1, "{}", operation.id);
    }
}

async fn one_of_sixty_four_accounts_gets_the_key(host: Host) {
    let (accounts, sessions) = (count(&host, "account: ").await, count(&host, "session: ").await);
    let answers = at_once(64, |at| {
        let asked = opening(&host, &format!("user-{at}"), "k");
        async move { asked.await }
    })
    .await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    for answer in answers.into_iter().filter(|answer| answer.status != 201) {
        answer.refused(422, "idempotency_key_reused");
    }
    assert_eq!((count(&host, "account: ").await, count(&host, "session: ").await), (accounts + 1, sessions + 1));
}

async fn an_api_key_in_use_is_never_replaced(host: Host) {
    let make = || host.ask("POST", "/internal/api-keys").by(Role::Admin).header(KEY, "make").json(&json!({ "name": "a service", "role": "viewer" }));
    let made = make().await.expect(201);
    let id = made.text_at("/api_key/id");
    let rotate = |key: &'static str| host.ask("POST", &format!("/internal/api-keys/{id}/rotate")).by(Role::Admin).header(KEY, key).json(&json!({}));
    let is_good = async |text: &str| host.ask("GET", "/internal/users/nobody/devices").key(text).await.status != 401;
    let text = made.text_at("/key");
    assert!(is_good(&text).await);
    make().await.refused(409, "idempotency_key_used");
    assert!(is_good(&text).await);
    // A rotation whose answer was lost replaces what was lost, and the text from before stays good for as long as it was to.
    let lost = rotate("turn").await.expect(200).text_at("/key");
    let found = rotate("turn").await.expect(200).text_at("/key");
    assert!(is_good(&text).await && is_good(&found).await && !is_good(&lost).await);
    rotate("turn").await.refused(409, "idempotency_key_used");
    assert!(is_good(&text).await && is_good(&found).await);
    // The request that made it is remembered beside the later ones, and another under its key is refused.
    make().await.refused(409, "idempotency_key_used");
    rotate("make").await.refused(422, "idempotency_key_reused");
    let elsewhere = host.ask("POST", "/internal/api-keys").key(&api_key(GLOBEX, Role::Admin)).header(KEY, "make");
    assert_ne!(elsewhere.json(&json!({ "name": "a service", "role": "viewer" })).await.expect(201).text_at("/api_key/id"), id);
    host.pass_s(86_400);
    assert_ne!(make().await.expect(201).text_at("/api_key/id"), id, "after a day it is another request");
}

/// Every way to present an access token.
async fn present(host: &Host, way: usize, token: &str) -> Option<Answer> {
    let internal = |path: &str, body: &Value| host.call("POST", path).json(body);
    Some(match way {
        0 => internal("/internal/sessions/verify", &json!({ "token": token, "touch": false })).await,
        1 => internal("/internal/sessions/verify", &json!({ "token": token })).await,
        2 => internal("/internal/sessions/verify-batch", &json!({ "tokens": ["x", token], "touch": false })).await,
        3 => internal("/internal/sessions/heartbeat-batch", &json!({ "tokens": [token] })).await,
        4 => host.ask("GET", "/internal/forward-auth/acme").bearer(token).await,
        5 => {
            let form = host.call("POST", "/oauth2/introspect").header("content-type", "application/x-www-form-urlencoded");
            form.bytes(format!("token={token}")).await
        }
        6 => host.ask("GET", "/api/v1/sessions/current").bearer(token).await,
        7 => host.ask("POST", "/api/v1/sessions/current/heartbeat").bearer(token).await,
        _ => return None,
    })
}

async fn a_token_in_use_is_never_replaced(host: Host) {
    for way in 0.. {
        let key = format!("key-{way}");
        let asked = opening(&host, &key, &key);
        let arrived = asked.clone().await.expect(201).text_at("/access_token");
        let Some(answer) = present(&host, way, &arrived).await else { break };
        assert_eq!(answer.status, 200, "{way}: {}", answer.text);
        let rows = host.rows().await;
        asked.await.refused(409, "idempotency_key_used");
        assert_eq!(host.rows().await, rows, "{way}");
        assert_eq!(host.inactive(&arrived).await, None, "{way}");
        assert_eq!(host.rows().await, rows, "{way}: the first use is noted, and no other");
    }
    // The offer beside it is as telling.
    let asked = opening(&host, "ana", "ana");
    let arrived = asked.clone().await.expect(201);
    let offer = json!({ "activation_token": arrived.text_at("/activation/activation_token") });
    host.call("POST", "/internal/activations/skip").json(&offer).await.expect(200);
    asked.await.refused(409, "idempotency_key_used");
    // A step-up replaces the token by itself.
    let asked = opening(&host, "ben", "ben");
    let arrived = asked.clone().await.expect(201);
    let path = format!("/internal/users/ben/sessions/{}/mfa", arrived.text_at("/session/id"));
    let stepped = host.call("POST", &path).json(&json!({ "mfa": { "method": "totp" } })).await.expect(200).text_at("/access_token");
    asked.await.refused(409, "idempotency_key_used");
    assert_eq!(host.inactive(&stepped).await, None);
}

async fn a_device_token_in_use_is_never_replaced(host: Host) {
    let mut browser = host.browser("ana");
    let sign_in = browser.evaluate().await;
    let path = format!("/internal/sign-ins/{}/complete", sign_in.text_at("/id"));
    let asked = host.call("POST", &path).header(KEY, "k").json(&with_checkbox());
    let arrived = asked.clone().await.expect(201);
    browser.keep(&arrived);
    host.pass_s(1);
    // The host keeps sessions of its own, and never shows the access token to Doorward.
    assert_eq!(browser.judged().await.0, "allow");
    let rows = host.rows().await;
    asked.clone().await.refused(409, "idempotency_key_used");
    assert_eq!(host.rows().await, rows);
    assert_eq!(browser.judged().await.0, "allow", "the browser keeps its trust");
    // Nor where it came with a session that was opened directly.
    let mut phone = host.browser("ben");
    let asked = opening(&host, "ben", "ben");
    let arrived = asked.clone().await.expect(201);
    phone.keep(&arrived);
    host.pass_s(1);
    let mut again = entry("ben");
    again["device_token"] = json!(phone.device_token);
    host.call("POST", "/internal/sessions").json(&again).await.expect(201);
    asked.await.refused(409, "idempotency_key_used");
    // Other browsers' sign-ins use it as little as nothing does.
    let asked = opening(&host, "cleo", "cleo");
    asked.clone().await.expect(201);
    host.pass_s(1);
    for _ in 0..3 {
        host.browser("cleo").enter().await;
    }
    asked.await.expect(201);
}

/// The present value is due in both tabs. One tab's answer is lost and asked for again, twice; the other tab's arrives in between.
async fn stray_retries_take_no_token_of_another_tab(host: Host) {
    host.set_rules(|rules| (rules.trust_for_s, rules.trust_max_s) = (365 * 86_400, 365 * 86_400)).await;
    let mut browser = host.browser("ana");
    browser.enter_and_trust().await;
    host.pass_s(31 * 86_400);
    let (lost, other) = (browser.evaluate().await, browser.evaluate().await);
    let completing = host.call("POST", &format!("/internal/sign-ins/{}/complete", lost.text_at("/id"))).header(KEY, "k").json(&json!({}));
    completing.clone().await.expect(201);
    browser.complete(&other, &json!({})).await;
    for _ in 0..2 {
        completing.clone().await.expect(201);
        assert_eq!(browser.judged().await.0, "allow");
    }
}

/// Whoever comes first, the check of a token that is just being replaced is answered as a check, and never as a fault of the host's.
async fn a_retry_that_crosses_the_first_use_is_no_fault_of_the_host(host: Host) {
    for round in 0..8 {
        let key = format!("k-{round}");
        let token = opening(&host, "ana", &key).await.expect(201).text_at("/access_token");
        let answers = at_once(24, |number| {
            let retry = opening(&host, "ana", &key);
            let check = host.call("POST", "/internal/sessions/verify-batch").json(&json!({ "tokens": [token] }));
            async move { if number % 2 == 0 { retry.await } else { check.await } }
        })
        .await;
        for answer in answers {
            assert!(matches!(answer.status, 200 | 201 | 409), "{}", answer.text);
        }
    }
}

async fn what_is_over_is_not_answered_again(host: Host) {
    let endings: [(&str, &str, Value); 3] = [
        ("DELETE", "/internal/users/ana/sessions", json!({})),
        ("POST", "/internal/users/ana/security-events", json!({ "type": "password_reset" })),
        ("DELETE", "/internal/users/ana/devices/{device}", json!({})),
    ];
    for (at, (method, path, body)) in endings.into_iter().enumerate() {
        let asked = opening(&host, "ana", &format!("key-{at}"));
        let lost = asked.clone().await.expect(201);
        let path = path.replace("{device}", &lost.text_at("/device/id"));
        let ended = host.call(method, &path).json(&body).await;
        assert!((200..300).contains(&ended.status), "{path}: {}", ended.text);
        let rows = host.rows().await;
        asked.await.refused(409, "idempotency_key_used");
        assert_eq!(host.rows().await, rows, "{path}");
        assert!(host.inactive(&lost.text_at("/access_token")).await.is_some(), "{path}");
    }
    // Trust that was given and taken back isn't given again by a retry.
    let mut browser = host.browser("ben");
    let entered = browser.enter().await;
    let asked = host.call("POST", &format!("/internal/users/ben/devices/{}/trust", entered.device())).header(KEY, "trust");
    let asked = asked.json(&json!({ "mfa": { "method": "totp" } }));
    assert_eq!(asked.clone().await.expect(200).text_at("/device/status"), "trusted");
    host.call("POST", &format!("/internal/users/ben/devices/{}/untrust", entered.device())).await.expect(200);
    assert_eq!(asked.await.expect(200).text_at("/device/status"), "unverified", "the answer shows the device as it is");
}

async fn a_hijacked_devices_token_stays_denied(host: Host) {
    let mut browser = host.browser("ana");
    let entered = browser.enter().await;
    let asked = host.call("POST", "/internal/activations/activate").header(KEY, "k").json(&json!({ "activation_token": entered.offer() }));
    browser.keep(&asked.clone().await.expect(200));
    host.call("POST", &format!("/internal/users/ana/devices/{}/hijack", entered.device())).await.expect(200);
    asked.await.refused(409, "idempotency_key_used");
    assert_eq!(browser.judged().await, ("deny".to_owned(), vec!["device_hijacked".to_owned()]));
}

async fn another_request_under_the_key_is_refused(host: Host) {
    let mut all = vec![];
    for operation in repeatable().into_iter().filter(Operation::is_internal) {
        let someone = Someone::new(&host, ACME, operation.id).await;
        let asked = someone.good(&operation).await.header(KEY, operation.id);
        asked.clone().await;
        all.push((operation.id, someone, operation));
    }
    let rows = host.rows().await;
    for (at, (_, someone, operation)) in all.iter().enumerate() {
        // What was asked of API keys is remembered with them, apart from what was asked of accounts.
        let of_keys = |id: &str| id.ends_with("_api_key");
        let others = all[at + 1..].iter().chain(&all[..at]).map(|(id, ..)| *id).find(|other| of_keys(other) == of_keys(operation.id)).expect("another");
        someone.naming(operation, &someone.names).header(KEY, others).await.refused(422, "idempotency_key_reused");
    }
    // The same path, for the same person, in other words.
    let asked = |body: &Value| host.call("POST", "/internal/sessions").header(KEY, "k").json(body);
    let first = asked(&entry("ana")).await.expect(201);
    let made = host.rows().await;
    for (name, value) in [("ip", json!("203.0.113.8")), ("login_method", json!("passkey")), ("user_id", json!("ben")), ("amr", json!([]))] {
        let mut other = entry("ana");
        other[name] = value;
        asked(&other).await.refused(422, "idempotency_key_reused");
    }
    assert_eq!(host.rows().await, made);
    assert!(made.len() > rows.len());
    // Order and white space make no other words.
    let reordered = r#"{ "user_agent": "curl/8.5.0", "mfa": {"method": "totp"},"ip":"203.0.113.7",   "user_id":"ana"}"#;
    let again = host.call("POST", "/internal/sessions").header(KEY, "k").header("content-type", "application/json").bytes(reordered).await.expect(201);
    assert_eq!(again.text_at("/session/id"), first.text_at("/session/id"));
}

async fn a_key_is_the_tenants_own_and_a_persons_is_their_own(host: Host) {
    let ours = opening(&host, "ana", "k").await.expect(201);
    let theirs = host.ask("POST", "/internal/sessions").key(&api_key(GLOBEX, Role::Host)).header(KEY, "k").json(&entry("ana")).await.expect(201);
    assert_ne!(ours.text_at("/session/id"), theirs.text_at("/session/id"));
    // Another key of the same tenant is the same caller.
    let again = host.ask("POST", "/internal/sessions").by(Role::Admin).header(KEY, "k").json(&entry("ana")).await.expect(201);
    assert_eq!(again.text_at("/session/id"), ours.text_at("/session/id"));
    // A person who uses the host's key meets nothing of the host's, and two people nothing of each other's.
    for user in ["ben", "cleo"] {
        let entered = host.browser(user).enter().await;
        let asked = entered.ask("POST", "/devices/activate").header(KEY, "k").json(&json!({ "activation_token": entered.offer() }));
        let first = asked.clone().await.expect(200);
        assert_eq!(asked.await.expect(200).text_at("/device/id"), first.text_at("/device/id"));
    }
    opening(&host, "ana", "k").await.expect(201);
}

async fn a_key_is_forgotten_after_a_day_to_the_microsecond(host: Host) {
    let began = host.now();
    let first = opening(&host, "ana", "k").await.expect(201).text_at("/session/id");
    host.at(doorward_tests::just_before(began.plus_s(86_400)));
    let last = opening(&host, "ana", "k").await.expect(201);
    assert_eq!(last.text_at("/session/id"), first);
    host.at(began.plus_s(86_400));
    let rows = host.rows().await;
    let fresh = opening(&host, "ana", "k").await.expect(201);
    assert_ne!(fresh.text_at("/session/id"), first);
    assert_eq!(host.inactive(&last.text_at("/access_token")).await, None, "what was made stays");
    assert_eq!(host.rows().await.iter().filter(|row| row.starts_with("once: ")).count(), 1, "{rows:?}");
}

async fn a_key_outlives_a_restart(home: Arc<Home>) {
    let host = Host::open(&home, false).await;
    let first = opening(&host, "ana", "k").await.expect(201);
    host.lose_store().await;
    opening(&host, "ana", "k").await.refused(503, "unavailable");
    let host = Host::open(&home, false).await;
    let again = opening(&host, "ana", "k").await.expect(201);
    assert_eq!(again.text_at("/session/id"), first.text_at("/session/id"));
    assert_eq!(host.inactive(&first.text_at("/access_token")).await.as_deref(), Some("unknown"));
    host.lose_store().await;
}

async fn a_refused_request_may_be_sent_again_in_other_words(host: Host) {
    let browser = host.browser("ana");
    let sign_in = browser.evaluate().await;
    let path = format!("/internal/sign-ins/{}/complete", sign_in.text_at("/id"));
    let asked = |body: &Value| host.call("POST", &path).header(KEY, "k").json(body);
    let rows = host.rows().await;
    asked(&json!({})).await.refused(403, "mfa_required");
    assert_eq!(host.rows().await, rows);
    let done = asked(&with_checkbox()).await.expect(201);
    assert_eq!(asked(&with_checkbox()).await.expect(201).text_at("/session/id"), done.text_at("/session/id"));
    // Without a key, and under another one, it is what it always was.
    host.call("POST", &path).json(&with_checkbox()).await.refused(409, "sign_in_completed");
    host.call("POST", &path).header(KEY, "other").json(&with_checkbox()).await.refused(409, "sign_in_completed");
}

async fn bad_keys_are_refused(host: Host) {
    let rows = host.rows().await;
    let long = "x".repeat(65);
    for key in ["", " ", "a b", "a\tb", "é", long.as_str()] {
        let answer = opening(&host, "ana", key).await.refused(400, "invalid_request");
        assert_eq!(answer.text_at("/errors/0/field"), KEY, "{key:?}");
    }
    opening(&host, "ana", "a").header(KEY, "a").await.refused(400, "invalid_request");
    assert_eq!(host.rows().await, rows);
    for key in ["!", "~", &"x".repeat(64), "\"quoted\"", "019aa0b2-3c4d-7e5f-8a6b-7c8d9e0f1a2b"] {
        opening(&host, "ana", key).await.expect(201);
    }
}
