//! What every surface says of the phone and of the session on it: each in its own words, and all the same.

use doorward_domain::Role;
use doorward_tests::host::Answer;
use serde_json::{Value, json};

use super::Ana;

/// What a surface says of the phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stands {
    Unverified,
    Trusted,
    Hijacked,
    Gone,
}

/// What every surface says of the phone: each has its own words, all must mean the same.
pub(super) async fn every_surface_says(ana: &Ana, stands: Stands, after: &str) {
    let gone = stands == Stands::Gone;
    let of = |answer: &Answer, at: &str| if gone { Value::from(answer.status) } else { answer.body.pointer(at).cloned().unwrap_or_default() };
    let words = |unverified: &str, trusted: &str, hijacked: &str| match stands {
        Stands::Unverified => Value::from(unverified),
        Stands::Trusted => Value::from(trusted),
        Stands::Hijacked => Value::from(hijacked),
        Stands::Gone => Value::from(404),
    };
    let own = words("unverified", "trusted", "hijacked");
    let native = ana.person("GET", &format!("/api/v1/devices/{}", ana.device())).await;
    assert_eq!(of(&native, "/status"), own, "native, {after}");
    let internal = ana.internal("GET", &format!("/devices/{}", ana.device())).await;
    assert_eq!(of(&internal, "/status"), own, "internal, {after}");
    let laravel = ana.person("GET", &format!("/api/devices/{}", ana.device())).await;
    assert_eq!(of(&laravel, "/data/status"), words("unverified", "verified", "hijacked"), "laravel, {after}");
    let flashback = ana.person("GET", &format!("/devices/{}", ana.device())).await;
    let is_trusted = if gone { Value::from(404) } else { Value::from(stands == Stands::Trusted) };
    assert_eq!(of(&flashback, "/device/isTrusted"), is_trusted, "flashback, {after}");
    let trusted_alone = [("authms", ana.authms("GET", "").await), ("native", ana.person("GET", "/api/v1/devices").await)];
    for (surface, list) in trusted_alone {
        let listed = list.expect(200).body["items"].as_array().expect("items").iter().any(|item| item["id"] == ana.device().as_str());
        assert_eq!(listed, stands == Stands::Trusted, "{surface}'s list of trusted devices, {after}");
    }
    every_list_says(ana, &own, after).await;
}

/// The lists of all devices say what the device itself says.
async fn every_list_says(ana: &Ana, own: &Value, after: &str) {
    let trusted = own == "trusted";
    for (surface, list, items, id, said, expected) in [
        ("native", ana.person("GET", "/api/v1/devices").query("status=all").await, "items", "id", "status", own.clone()),
        ("internal", ana.internal("GET", "/devices").await, "items", "id", "status", own.clone()),
        ("flashback", ana.person("GET", "/devices").await, "devices", "id", "isTrusted", Value::from(trusted)),
        ("laravel", ana.person("GET", "/api/devices").await, "data", "uuid", "status", if trusted { Value::from("verified") } else { own.clone() }),
    ] {
        let list = list.expect(200);
        let found = list.body[items].as_array().expect("a list").iter().find(|item| item[id] == ana.device().as_str());
        // One that is forgotten is in no list.
        assert_eq!(found.map(|item| &item[said]), Some(&expected).filter(|_| *own != 404), "{surface}'s list, {after}");
    }
}

/// Whether the session on the phone is live, by every surface that can tell; a dead one's token opens no door.
pub(super) async fn every_surface_says_live(ana: &Ana, live: bool, after: &str) {
    assert_eq!(ana.on_phone.is_in().await, live, "verify, {after}");
    let beat = ana.backend("POST", "/internal/sessions/heartbeat-batch").json(&json!({ "tokens": [ana.on_phone.token] })).await.expect(200);
    assert_eq!(beat.body["results"][0]["ok"], live, "heartbeat-batch, {after}");
    every_gateway_says_live(ana, live, after).await;
    for path in ["/api/v1/devices", "/devices", "/sessions", "/api/devices"] {
        let answer = ana.by_phone("GET", path).await;
        assert_eq!(answer.status, if live { 200 } else { 401 }, "{path}, {after}");
    }
    if !ana.laptop.is_in().await {
        return;
    }
    let session = ana.on_phone.session();
    for (path, list, id) in [("/api/v1/sessions", "items", "id"), ("/sessions", "sessions", "id")] {
        let answer = ana.person("GET", path).await.expect(200);
        let listed = answer.body[list].as_array().expect("a list").iter().any(|item| item[id] == session.as_str());
        assert_eq!(listed, live, "{path}, {after}");
    }
    let laravel = ana.person("GET", &format!("/api/devices/{}", ana.device())).await;
    if laravel.status != 200 {
        return;
    }
    let in_detail = [
        ("laravel", laravel, "/data/sessions", "uuid"),
        ("native", ana.person("GET", &format!("/api/v1/devices/{}", ana.device())).await, "/sessions", "id"),
        ("internal", ana.internal("GET", &format!("/devices/{}", ana.device())).await, "/sessions", "id"),
        ("flashback", ana.person("GET", &format!("/devices/{}", ana.device())).await, "/device/sessions", "id"),
    ];
    for (surface, detail, list, id) in in_detail {
        let detail = detail.expect(200);
        let sessions = detail.body.pointer(list).and_then(Value::as_array).expect("sessions").iter();
        // Flashback lists live ones alone, and needs no word for it.
        let active = sessions.filter(|shown| shown[id] == session.as_str() && shown.get("status").is_none_or(|status| status == "active")).count();
        assert_eq!(active, usize::from(live), "{surface}'s device, {after}");
    }
}

/// The same by those that let requests pass, and by the lists of operators.
async fn every_gateway_says_live(ana: &Ana, live: bool, after: &str) {
    let token = &ana.on_phone.token;
    let batch = ana.backend("POST", "/internal/sessions/verify-batch").json(&json!({ "tokens": [token], "touch": false })).await.expect(200);
    assert_eq!(batch.body["results"][0]["active"], live, "verify-batch, {after}");
    let introspected = ana.host.ask("POST", "/oauth2/introspect").by(Role::Verify).form(&format!("token={token}")).await.expect(200);
    assert_eq!(introspected.body["active"], live, "introspection, {after}");
    let passed = ana.host.ask("GET", "/internal/forward-auth/acme").bearer(token).await;
    assert_eq!(passed.status, if live { 200 } else { 401 }, "forward-auth, {after}");
    let session = ana.on_phone.session();
    let listed = ana.internal("GET", "/sessions").await.expect(200);
    let found = listed.body["items"].as_array().expect("items").iter().any(|item| item["id"] == session.as_str());
    assert_eq!(found, live, "the operator's list, {after}");
    let all = ana.internal("GET", "/sessions").query("status=all").await.expect(200);
    let found = all.body["items"].as_array().expect("items").iter().find(|item| item["id"] == session.as_str()).expect("what is over is known");
    assert_eq!(found["status"] == "active", live, "the operator's list of all, {after}");
}
