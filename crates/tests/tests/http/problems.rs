//! Problems: the whole body of each kind, what they have in common, and the order in which refusals come.

use std::sync::Arc;

use doorward_api::problem::Kind;
use doorward_domain::{Policy, Preset, Role};
use doorward_tests::host::browser::{with_checkbox, with_code};
use doorward_tests::host::{Answer, Host, SignedIn};
use doorward_tests::{Engine, Home};
use insta::assert_snapshot as see;
use serde_json::{Value, json};

use crate::operations::{Names, Someone, each};

doorward_tests::on_each_engine! {
    each_kind_has_its_whole_body,
    a_problem_says_what_its_page_says,
    a_trace_is_taken_over,
    what_was_sent_is_repeated_in_dev_mode_alone,
    what_cant_be_known_is_503_for_every_operation,
    a_wrong_server_key_signs_nobody_out,
    refusals_come_in_their_order,
}

/// Kinds that nothing answers with over this router and so far.
const ELSEWHERE: [Kind; 4] = [
    // A body that comes too slowly: the layers' own tests.
    Kind::RequestTimeout,
    // Waits for what needs it.
    Kind::SessionEnded,
    // Waits for hundreds of tries: `throttles`.
    Kind::TooManyRequests,
    // Refused by the listener before anything is asked: its own tests.
    Kind::HeadersTooLarge,
];

async fn hijack(host: &Host, session: &SignedIn) {
    host.call("POST", &format!("/internal/users/ana/devices/{}/hijack", session.device())).await.expect(200);
}

/// Makes Doorward answer with a problem of this kind. `None` if nothing here does.
async fn provoke(host: &Host, kind: Kind) -> Option<Answer> {
    let mut laptop = host.browser("ana");
    let opened = laptop.enter().await;
    let sign_in = laptop.evaluate().await;
    let answer = match kind {
        Kind::InvalidRequest => laptop.try_evaluate(&json!({ "ip": "x", "amr": ["mfa"] })).await,
        Kind::Unauthenticated => host.ask("GET", "/api/v1/devices").await,
        Kind::RoleTooLow => host.ask("POST", "/internal/sign-ins").by(Role::Viewer).await,
        Kind::MfaRequired => laptop.try_complete(&sign_in, &json!({})).await,
        Kind::RecentAuthRequired => {
            host.set_rules(|rules| rules.recent_auth_s = 60).await;
            host.pass_s(61);
            opened.delete("/sessions").await
        }
        Kind::TrustNotAllowed => {
            host.set_policy(Policy::preset(Preset::NistAal3)).await;
            laptop.try_complete(&sign_in, &with_checkbox()).await
        }
        Kind::SignInDenied => {
            hijack(host, &opened).await;
            laptop.try_complete(&sign_in, &with_code()).await
        }
        Kind::NotFound => opened.get("/devices/01a3185c-5000-798e-984a-f21dbc49a38b").await,
        Kind::ActivationNotFound => opened.activate("dwa_none").await,
        Kind::MethodNotAllowed => host.ask("PUT", "/api/v1/devices").await,
        Kind::SignInCancelled => {
            opened.delete("/sessions").await.expect(200);
            laptop.try_complete(&sign_in, &with_code()).await
        }
        Kind::SignInCompleted => {
            laptop.complete(&sign_in, &with_code()).await;
            laptop.try_complete(&sign_in, &with_code()).await
        }
        Kind::DeviceHijacked => {
            hijack(host, &opened).await;
            laptop.activate(&opened.offer()).await
        }
        Kind::AuthenticationOutdated => {
            let change = host.now().plus_s(1);
            host.change_account("ana", move |account| account.head.credentials_changed_at = Some(change)).await;
            laptop.try_complete(&sign_in, &with_code()).await
        }
        Kind::PolicyOvertaken => crate::policies::put(host, &json!({ "revision": 7 })).await,
        Kind::SignInExpired => {
            host.pass_s(600);
            laptop.try_complete(&sign_in, &with_code()).await
        }
        Kind::CursorGone => {
            let cursor = host.call("GET", "/internal/events").query("limit=1").await.expect(200).text_at("/next_cursor");
            host.set_rules(|rules| rules.retain_events_s = 86_400).await;
            host.pass_s(86_401);
            host.service().prune_events().await.expect("pruned");
            host.call("GET", "/internal/events").query(&format!("cursor={cursor}")).await
        }
        Kind::IdempotencyKeyUsed => {
            let asked = host.call("POST", "/internal/sessions").header("idempotency-key", "k").json(&laptop.attempt(&json!({})));
            let arrived = asked.clone().await.expect(201).text_at("/access_token");
            host.verify(&arrived).await;
            asked.await
        }
        Kind::LastAdminKey => {
            let keys = host.ask("GET", "/internal/api-keys").by(Role::Admin).await.expect(200).body;
            let admin = keys["items"].as_array().and_then(|keys| keys.iter().find(|key| key["role"] == "admin").cloned()).expect("an admin's key");
            host.ask("DELETE", &format!("/internal/api-keys/{}", admin["id"].as_str().expect("an id"))).by(Role::Admin).await
        }
        Kind::IdempotencyKeyReused => {
            let asked = |user: &str| {
                let body = json!({ "user_id": user, "ip": "203.0.113.7", "user_agent": "x" });
                host.call("POST", "/internal/sessions").header("idempotency-key", "k").json(&body)
            };
            asked("ana").await.expect(201);
            asked("ben").await
        }
        Kind::BodyTooLarge => host.call("POST", "/internal/sign-ins").bytes(vec![b' '; 64 * 1024 + 1]).await,
        Kind::UnsupportedMediaType => host.call("POST", "/internal/sign-ins").bytes("user_id=ana").await,
        Kind::Internal => {
            host.lose_store().await;
            host.home().tamper("UPDATE session SET sealed = token").await;
            let damaged = Host::open(host.home(), false).await;
            damaged.ask("GET", "/api/v1/sessions").bearer(&opened.token).await
        }
        Kind::Unavailable => {
            host.lose_store().await;
            opened.get("/sessions").await
        }
        Kind::RequestTimeout | Kind::SessionEnded | Kind::TooManyRequests | Kind::HeadersTooLarge => return None,
    };
    Some(answer)
}

async fn each_kind_has_its_whole_body(home: Arc<Home>) {
    let engine = if home.file().is_some() { Engine::Sqlite } else { Engine::Postgres };
    drop(home);
    for kind in Kind::ALL {
        doorward_tests::hold(engine, move |host: Host| async move {
            let answer = provoke(&host, kind).await;
            assert_eq!(answer.is_none(), ELSEWHERE.contains(&kind), "{kind:?}");
            if let Some(answer) = answer {
                see!(kind.name(), answer.refused(kind.status().as_u16(), kind.name()).shown());
            }
        })
        .await;
    }
}

async fn a_problem_says_what_its_page_says(host: Host) {
    let opened = host.browser("ana").enter().await;
    let answer = opened.get("/devices/x").await.refused(404, "not_found");
    let page = host.ask("GET", &answer.text_at("/type")).await.expect(200);
    assert!(page.text.contains(&answer.text_at("/title")) && page.text.contains("40400001"));
}

async fn a_trace_is_taken_over(host: Host) {
    let given = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let traced = host.ask("GET", "/api/v1/devices").header("traceparent", given).await;
    assert_eq!((traced.text_at("/trace_id").as_str(), traced.text_at("/span_id").as_str()), (&given[3..35], &given[36..52]));
    let untraced = host.ask("GET", "/api/v1/devices").header("traceparent", "nonsense").await;
    assert_eq!((untraced.text_at("/trace_id").len(), untraced.text_at("/span_id").len()), (32, 16));
    assert_eq!(untraced.text_at("/timestamp"), host.now().to_string());
}

async fn what_was_sent_is_repeated_in_dev_mode_alone(host: Host) {
    let place = Arc::new(Home::make(Engine::Sqlite).await.expect("a place"));
    let dev = Host::open(&place, true).await;
    for (host, shown) in [(&host, Value::Null), (&dev, json!("purple"))] {
        let opened = host.browser("ana").enter().await;
        let answer = opened.ask("GET", "/devices").query("status=purple").await.refused(400, "invalid_request");
        assert_eq!(answer.body["errors"][0]["value"], shown);
    }
}

async fn what_cant_be_known_is_503_for_every_operation(host: Host) {
    let all = each(&host).await;
    host.lose_store().await;
    for (operation, someone) in &all {
        let answer = someone.naming(operation, &someone.names).await;
        assert_eq!(answer.status, 503, "{}: {}", operation.id, answer.text);
        assert!(answer.header("retry-after").is_some(), "{}", operation.id);
        answer.refused(503, "unavailable");
    }
}

async fn a_wrong_server_key_signs_nobody_out(host: Host) {
    let opened = host.browser("ana").enter().await;
    host.lose_store().await;
    let stranger = Host::open_with_key(host.home(), [9; 32]).await;
    stranger.ask("GET", "/api/v1/devices").bearer(&opened.token).await.refused(503, "unavailable");
    stranger.call("POST", "/internal/sessions/verify").json(&json!({ "token": opened.token })).await.refused(503, "unavailable");
    stranger.lose_store().await;
    let again = Host::open(host.home(), false).await;
    again.ask("GET", "/api/v1/devices").bearer(&opened.token).await.expect(200);
}

async fn refusals_come_in_their_order(host: Host) {
    let mut laptop = host.browser("ana");
    laptop.enter_and_trust().await;
    host.pass_s(1);
    let lost = host.browser("ana").enter().await;
    let skipped = laptop.enter_skipping().await;
    let someone = Someone::new(&host, doorward_tests::host::ACME, "bob").await;
    let trust = |device: &str| skipped.ask("POST", &format!("/devices/{device}/trust"));
    // 400 before 404, 404 before the gate's 403, the gate's 403 before 409.
    trust("x").query("surplus=1").await.refused(400, "invalid_request");
    trust("x").bytes("{").await.refused(400, "invalid_request");
    trust(&someone.names.device).await.refused(404, "not_found");
    hijack(&host, &lost).await;
    trust(&lost.device()).await.refused(403, "mfa_required");
    let by_host = |mfa: Value| host.call("POST", &format!("/internal/users/ana/devices/{}/trust", lost.device())).json(&json!({ "mfa": mfa }));
    by_host(json!({ "method": "backup_code" })).await.refused(403, "mfa_required");
    by_host(json!({ "method": "totp" })).await.refused(409, "device_hijacked");
    let bobs = Names { sign_in: someone.names.device.clone(), ..someone.names.clone() };
    let complete = |id: &str, body: Value| host.call("POST", &format!("/internal/sign-ins/{id}/complete")).json(&body);
    complete(&bobs.sign_in, json!({ "surplus": 1 })).await.refused(400, "invalid_request");
    complete(&bobs.sign_in, json!({})).await.refused(404, "not_found");
    let future = json!({ "mfa": { "method": "totp", "verified_at": "9999-01-01T00:00:00Z" } });
    complete(&someone.names.sign_in, future).await.refused(400, "invalid_request");
}
