//! A person's security history: every change leaves its events, newest first, and forgetting hides none of them.

use std::collections::BTreeSet;

use doorward_domain::{EventKind, Role, TenantId};
use doorward_service::{FeedRequest, Operator};
use doorward_tests::host::{ACME, Answer, Host, SignedIn};
use insta::assert_snapshot as see;
use serde_json::{Value, json};

doorward_tests::on_each_engine! {
    every_kind_of_event_is_written_and_says_what_the_list_says,
    a_life_leaves_an_event_of_every_kind,
    pages_run_through_the_whole_history,
    who_did_it_and_why_is_told,
    what_changes_nothing_leaves_no_event,
    each_person_has_their_own,
}

fn types(history: &Answer) -> Vec<String> {
    let items = history.body["items"].as_array().expect("events");
    items.iter().map(|event| event["type"].as_str().expect("a type").to_owned()).collect()
}

async fn newest(caller: &SignedIn) -> Value {
    caller.ask("GET", "/events").query("limit=1").await.expect(200).body["items"][0].clone()
}

/// A life with an event of every kind. Ends signed in, on a device of its own.
async fn live(host: &Host) -> SignedIn {
    let mut laptop = host.browser("ana");
    let opened = laptop.enter().await;
    host.pass_s(1);
    let mut phone = host.browser("ana");
    let on_phone = phone.enter().await;
    host.pass_s(1);
    opened.ask("PATCH", "/devices/current").json(&json!({ "name": "Laptop" })).await.expect(200);
    opened.activate(&opened.offer()).await.expect(200);
    opened.post("/devices/current/untrust").await.expect(200);
    on_phone.decline(&on_phone.offer()).await.expect(200);
    host.pass_s(1);
    let path = format!("/internal/users/ana/sessions/{}/mfa", opened.session());
    let stepped = SignedIn::of(host, host.call("POST", &path).json(&json!({ "mfa": { "method": "totp" } })).await.expect(200));
    stepped.delete(&format!("/sessions/{}", on_phone.session())).await.expect(204);
    stepped.post(&format!("/devices/{}/hijack", on_phone.device())).await.expect(200);
    let release = format!("/internal/users/ana/devices/{}/release", on_phone.device());
    host.ask("POST", &release).by(Role::Operator).header("x-doorward-actor", "Max").await.expect(200);
    stepped.delete(&format!("/devices/{}", on_phone.device())).await.expect(204);
    host.pass_s(1);
    stepped.ask("DELETE", "/sessions").query("except_current=true").await.expect(200);
    stepped
}

/// Kinds that no act of a person's own life leaves: other stories do.
const ELSEWHERE: &[EventKind] = &[
    EventKind::TenantFenced,
    EventKind::SecurityEventApplied,
    EventKind::TenantCreated,
    EventKind::TokensReissued,
    EventKind::DeviceTokenReused,
    EventKind::ApiKeyCreated,
    EventKind::ApiKeyRotated,
    EventKind::ApiKeyRevoked,
    EventKind::PolicyChanged,
    EventKind::AccountErased,
];

async fn a_life_leaves_an_event_of_every_kind(host: Host) {
    let caller = live(&host).await;
    let history = caller.ask("GET", "/events").query("limit=100").await.expect(200);
    see!("a_life", history.shown());
    let seen = types(&history);
    for kind in EventKind::ALL.iter().filter(|kind| !ELSEWHERE.contains(kind)) {
        assert!(seen.iter().any(|seen| seen == kind.as_str()), "{kind}");
    }
    let mut by_host = host.ask("GET", "/internal/users/ana/events").by(Role::Viewer).query("limit=100").await.expect(200).body;
    for event in by_host["items"].as_array_mut().expect("a list") {
        if event["actor"].as_str().is_some_and(|actor| actor.starts_with("key:")) {
            event["actor"] = json!("host");
        }
    }
    assert_eq!(by_host, history.body);
}

async fn pages_run_through_the_whole_history(host: Host) {
    let caller = live(&host).await;
    let whole = caller.ask("GET", "/events").query("limit=100").await.expect(200).ids();
    for limit in [1, 3, 5] {
        let (mut found, mut next) = (vec![], String::new());
        loop {
            let page = caller.ask("GET", "/events").query(&format!("limit={limit}{next}")).await.expect(200);
            found.extend(page.ids());
            let Some(cursor) = page.body["next_cursor"].as_str() else { break };
            next = format!("&cursor={cursor}");
        }
        assert_eq!(found, whole, "by {limit}");
    }
}

async fn who_did_it_and_why_is_told(host: Host) {
    let mut laptop = host.browser("ana");
    let opened = laptop.enter_and_trust().await;
    let person = format!("user:{}", opened.session());
    opened.post("/devices/current/untrust").await.expect(200);
    let event = newest(&opened).await;
    assert_eq!((&event["type"], &event["actor"], &event["cause"]), (&json!("device.untrusted"), &json!(person), &json!("device_untrusted")));
    assert_eq!(event["device_id"], opened.device());
    let path = format!("/internal/users/ana/devices/{}/hijack", opened.device());
    let other = host.browser("ana").enter().await;
    host.ask("POST", &path).by(Role::Operator).header("x-doorward-actor", "Ünal, support").await.expect(200);
    let event = newest(&other).await;
    assert_eq!((&event["type"], &event["actor"]), (&json!("device.hijacked"), &json!("host")), "who of the host is the host's affair");
    let by_host = host.ask("GET", "/internal/users/ana/events").by(Role::Viewer).query("limit=1").await.expect(200);
    let event = &by_host.body["items"][0];
    assert!(event["actor"].as_str().is_some_and(|actor| actor.starts_with("key:") && actor.ends_with(":Ünal, support")));
}

async fn what_changes_nothing_leaves_no_event(host: Host) {
    let mut laptop = host.browser("ana");
    let opened = laptop.enter().await;
    let before = opened.get("/events").await.expect(200).body;
    opened.post("/devices/current/untrust").await.expect(200);
    opened.post("/sessions/current/heartbeat").await.expect(200);
    opened.post("/devices/x/trust").await.refused(404, "not_found");
    laptop.evaluate().await;
    for list in ["/devices", "/sessions", "/devices/current", "/sessions/current"] {
        opened.get(list).await.expect(200);
    }
    host.verify(&opened.token).await;
    assert_eq!(opened.get("/events").await.expect(200).body, before);
}

async fn each_person_has_their_own(host: Host) {
    let ana = live(&host).await;
    let bob = host.browser("bob").enter().await;
    let history = bob.get("/events").await.expect(200);
    assert_eq!(types(&history), ["session.started", "device.added", "account.created"]);
    assert!(history.body["items"].as_array().expect("events").iter().all(|event| event["user_id"] == "bob"));
    assert!(!ana.ask("GET", "/events").query("limit=100").await.text.contains("bob"));
}

/// What no life of a person's own leaves: a copy of a device token, a lost answer, a security event, keys, a fence, an erasure.
async fn all_the_rest(host: &Host) {
    let mut laptop = host.browser("ben");
    laptop.enter().await;
    let copied = laptop.clone();
    host.pass_s(30 * 86_400);
    laptop.enter().await;
    laptop.enter().await;
    host.pass_s(61);
    copied.evaluate().await;
    let body = json!({ "user_id": "ben", "ip": "203.0.113.7", "user_agent": "curl/8.5.0" });
    for _ in ["lost", "given again"] {
        host.call("POST", "/internal/sessions").header("idempotency-key", "k").json(&body).await.expect(201);
    }
    let kept = laptop.enter().await.session();
    let event = json!({ "type": "password_changed", "keep_session_id": kept, "event_id": "e-1" });
    host.call("POST", "/internal/users/ben/security-events").json(&event).await.expect(200);
    host.ask("PUT", "/internal/policy").by(Role::Admin).json(&json!({ "session_idle_s": 86_400 })).await.expect(200);
    let key = host.ask("POST", "/internal/api-keys").by(Role::Admin).json(&json!({ "name": "gate", "role": "verify" })).await.expect(201);
    let key = format!("/internal/api-keys/{}", key.text_at("/api_key/id"));
    host.ask("POST", &format!("{key}/rotate")).by(Role::Admin).json(&json!({})).await.expect(200);
    host.ask("DELETE", &key).by(Role::Admin).await;
    host.ask("DELETE", "/internal/users/ben").by(Role::Admin).await.expect(204);
    host.service().end_what_was_restored("Max", vec![]).await.expect("ended");
}

/// The list of `docs/events.md` is closed, and nothing on it is dead: each kind is written, and says no more than it says there.
async fn every_kind_of_event_is_written_and_says_what_the_list_says(host: Host) {
    live(&host).await;
    all_the_rest(&host).await;
    let third = Operator::new(TenantId::new("third").expect("a name"), "Max".to_owned());
    host.service().create_tenant(&third).await.expect("made");
    let mut seen = BTreeSet::new();
    for tenant in [TenantId::new(ACME).expect("a name"), third.tenant] {
        let mut request = FeedRequest { cursor: None, limit: 100, wait_s: 0 };
        loop {
            let page = host.service().read_feed(&tenant, &request).await.expect("the feed");
            for event in &page.events {
                let (entry, event) = (event.event.kind.entry(), &event.event);
                seen.insert(event.kind);
                assert!(event.cause.is_none() || entry.cause, "{}: a cause", event.kind);
                for (name, is_there) in
                    [("device_id", event.device.is_some()), ("session_id", event.session.is_some()), ("sign_in_id", event.sign_in.is_some())]
                {
                    assert!(!is_there || entry.names.contains(&name), "{}: {name}", event.kind);
                }
                for name in event.data.keys() {
                    assert!(entry.data.iter().any(|(known, _)| known == name), "{}: data.{name}", event.kind);
                }
            }
            assert!(page.events.iter().all(|event| event.event.kind.entry().of_user || event.user.is_none()));
            request.cursor = Some(page.next_cursor);
            if page.events.is_empty() {
                break;
            }
        }
    }
    let dead: Vec<_> = EventKind::ALL.iter().filter(|kind| !seen.contains(kind)).collect();
    assert!(dead.is_empty(), "{dead:?}");
}
