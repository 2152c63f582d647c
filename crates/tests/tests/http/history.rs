//! A person's security history: every change leaves its events, newest first, and forgetting hides none of them.

use doorward_domain::{EventKind, Role};
use doorward_tests::host::{Answer, Host, SignedIn};
use insta::assert_snapshot as see;
use serde_json::{Value, json};

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
    EventKind::AccountErased,
];

pub(crate) async fn a_life_leaves_an_event_of_every_kind(host: Host) {
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

pub(crate) async fn pages_run_through_the_whole_history(host: Host) {
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

pub(crate) async fn who_did_it_and_why_is_told(host: Host) {
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

pub(crate) async fn what_changes_nothing_leaves_no_event(host: Host) {
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

pub(crate) async fn each_person_has_their_own(host: Host) {
    let ana = live(&host).await;
    let bob = host.browser("bob").enter().await;
    let history = bob.get("/events").await.expect(200);
    assert_eq!(types(&history), ["session.started", "device.added", "account.created"]);
    assert!(history.body["items"].as_array().expect("events").iter().all(|event| event["user_id"] == "bob"));
    assert!(!ana.ask("GET", "/events").query("limit=100").await.text.contains("bob"));
}
