//! Document 5: the index of the Flashback device and session API, from top to bottom.

use std::collections::BTreeSet;

use doorward_api::Dialect;
use doorward_tests::host::description::operations;
use doorward_tests::host::{Answer, Browser, Host, SignedIn};
use insta::assert_snapshot as see;
use serde_json::{Value, json};

doorward_tests::on_each_engine! {
    devices_are_viewed,
    trust_is_removed,
    a_device_is_removed,
    sessions_are_viewed,
    sessions_are_revoked,
    expiry_is_extended,
    nobody_elses_expiry_is_extended,
    all_require_a_bearer_token,
    all_answers_have_the_common_format,
    a_fault_of_ours_is_500,
    there_is_a_rate_limit,
}

/// The two tables, "Device Management API Calls" and "Session Management API Calls".
///
/// Settled: the last row gives the path `/devices/{id}/heartbeat`, and links to a page named after `/sessions/{id}/heartbeat`.
/// Both are served.
const CALLS: [(&str, &str); 10] = [
    ("GET", "/devices"),
    ("GET", "/devices/{id}"),
    ("POST", "/devices/trust"),
    ("POST", "/devices/{id}/untrust"),
    ("DELETE", "/devices/{id}"),
    ("GET", "/sessions"),
    ("POST", "/sessions/{id}/revoke"),
    ("POST", "/sessions/revoke-all"),
    ("POST", "/devices/{id}/heartbeat"),
    ("POST", "/sessions/{id}/heartbeat"),
];

/// Ana on a trusted laptop, from which she calls, and on a phone.
struct Ana {
    host: Host,
    laptop: Browser,
    on_laptop: SignedIn,
    on_phone: SignedIn,
}

impl Ana {
    async fn at(host: &Host) -> Self {
        let mut laptop = host.browser("ana");
        let on_laptop = laptop.enter_and_trust().await;
        host.pass_s(1);
        let phone = json!({ "user_agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1" });
        let on_phone = host.browser("ana").looking(&phone).enter().await;
        host.pass_s(1);
        Self { host: host.clone(), laptop, on_laptop, on_phone }
    }

    async fn call(&self, method: &str, path: &str) -> Answer {
        self.host.ask(method, path).bearer(&self.on_laptop.token).await
    }

    async fn ids(&self, path: &str, list: &str) -> Vec<String> {
        let answer = self.call("GET", path).await.expect(200);
        answer.body[list].as_array().expect("a list").iter().map(|item| item["id"].as_str().expect("an id").to_owned()).collect()
    }
}

fn done(message: &str) -> Value {
    json!({ "success": true, "message": message })
}

fn refused(error: &str) -> Value {
    json!({ "success": false, "error": error })
}

#[test]
fn the_calls_of_both_tables_are_served_and_no_other() {
    let served: BTreeSet<_> = operations()
        .into_iter()
        .filter(|operation| operation.dialect() == Some(Dialect::Flashback))
        .collect::<Vec<_>>()
        .into_iter()
        .map(|operation| (operation.method, operation.path))
        .collect();
    assert_eq!(served, BTreeSet::from(CALLS));
}

/// "View and manage their registered devices": `GET /devices`, "Retrieve all user devices", and `GET /devices/{id}`, "Get detailed
/// information about a specific device".
async fn devices_are_viewed(host: Host) {
    let ana = Ana::at(&host).await;
    let all = ana.call("GET", "/devices").await.expect(200);
    see!("devices", all.shown());
    assert_eq!(all.body["data"], all.body["devices"]);
    assert_eq!(ana.ids("/devices", "devices").await, [ana.on_phone.device(), ana.on_laptop.device()], "newest first");
    let one = ana.call("GET", &format!("/devices/{}", ana.on_laptop.device())).await.expect(200);
    see!("a_device", one.shown());
    assert_eq!(one.body["data"], one.body["device"]);
    assert_eq!(ana.call("GET", "/devices/unknown").await.expect(404).body, refused("Device not found"));
}

/// "Control device trust levels": `POST /devices/trust`, which is document 2, and `POST /devices/{id}/untrust`, "Remove trust from
/// a device". Settled: the device's sessions end with the trust, as that product does, and whoever is on it signs in again.
async fn trust_is_removed(host: Host) {
    let ana = Ana::at(&host).await;
    let second = ana.laptop.clone().enter_skipping().await;
    let path = format!("/devices/{}/untrust", ana.on_laptop.device());
    let by_phone = host.ask("POST", &path).bearer(&ana.on_phone.token).await.expect(200);
    assert_eq!(by_phone.body, done("Device untrusted successfully"));
    assert!(!ana.on_laptop.is_in().await && !second.is_in().await && ana.on_phone.is_in().await);
    assert_eq!(ana.laptop.judged().await.0, "challenge");
    let shown = host.ask("GET", &format!("/devices/{}", ana.on_laptop.device())).bearer(&ana.on_phone.token).await.expect(200);
    let device = &shown.body["device"];
    assert_eq!((&device["isTrusted"], &device["trustLevel"], &device["sessions"]), (&json!(false), &json!("LOW"), &json!([])));
    assert_eq!(device.get("trustExpiresAt"), None);
    // Again it changes nothing, and one's own device is no exception.
    let rows = host.rows().await;
    host.ask("POST", &path).bearer(&ana.on_phone.token).await.expect(200);
    assert_eq!(host.rows().await, rows);
    let own = format!("/devices/{}/untrust", ana.on_phone.device());
    host.ask("POST", &own).bearer(&ana.on_phone.token).await.expect(200);
    assert!(!ana.on_phone.is_in().await, "the caller's own session ends as well");
}

/// `DELETE /devices/{id}`, "Permanently remove a device".
async fn a_device_is_removed(host: Host) {
    let ana = Ana::at(&host).await;
    let path = format!("/devices/{}", ana.on_phone.device());
    assert_eq!(ana.call("DELETE", &path).await.expect(200).body, done("Device removed successfully"));
    assert!(!ana.on_phone.is_in().await);
    assert_eq!(ana.ids("/devices", "devices").await, [ana.on_laptop.device()]);
    for method in ["GET", "DELETE"] {
        assert_eq!(ana.call(method, &path).await.expect(404).body, refused("Device not found"));
    }
}

/// "Monitor active sessions across devices": `GET /sessions`, "Retrieve all active user sessions".
async fn sessions_are_viewed(host: Host) {
    let ana = Ana::at(&host).await;
    let all = ana.call("GET", "/sessions").await.expect(200);
    see!("sessions", all.shown());
    assert_eq!(all.body["data"], all.body["sessions"]);
    ana.on_phone.delete("/sessions/current").await.expect(204);
    assert_eq!(ana.ids("/sessions", "sessions").await, [ana.on_laptop.session()], "only what is active");
}

/// "Revoke sessions for security purposes": `POST /sessions/{id}/revoke` and `POST /sessions/revoke-all`, "Revoke all user
/// sessions". Settled: all is all, and the caller's own with them.
async fn sessions_are_revoked(host: Host) {
    let ana = Ana::at(&host).await;
    let path = format!("/sessions/{}/revoke", ana.on_phone.session());
    assert_eq!(ana.call("POST", &path).await.expect(200).body, done("Session revoked successfully"));
    assert!(!ana.on_phone.is_in().await && ana.on_laptop.is_in().await);
    let rows = host.rows().await;
    ana.call("POST", &path).await.expect(200);
    assert_eq!(host.rows().await, rows, "an ended one is ended once");
    assert_eq!(ana.call("POST", "/sessions/unknown/revoke").await.expect(404).body, refused("Session not found"));
    assert_eq!(ana.call("POST", "/sessions/revoke-all").await.expect(200).body, done("All sessions revoked successfully"));
    assert!(!ana.on_laptop.is_in().await);
}

/// `POST /devices/{id}/heartbeat`, "Update session activity and extend expiry". Settled: a session is kept alive by itself alone, so
/// that the ids are those of the caller's own device and session.
async fn expiry_is_extended(host: Host) {
    const DAY_S: u32 = 86_400;
    let ana = Ana::at(&host).await;
    let (device, session) = (ana.on_laptop.device(), ana.on_laptop.session());
    let before = ana.call("GET", "/sessions").await.body["sessions"][1]["expiresAt"].clone();
    host.pass_s(DAY_S);
    for path in [format!("/devices/{device}/heartbeat"), format!("/devices/{session}/heartbeat"), format!("/sessions/{session}/heartbeat")] {
        host.pass_s(1);
        let kept = ana.call("POST", &path).await.expect(200);
        let end = host.now().plus_s(7 * DAY_S).to_string();
        assert_eq!(kept.body, json!({ "success": true, "message": "Session updated successfully", "newExpiry": end, "data": end }), "{path}");
        assert_ne!(kept.body["newExpiry"], before);
        let listed = ana.call("GET", "/sessions").await;
        assert_eq!(listed.body["sessions"][1]["expiresAt"], kept.body["newExpiry"], "a list says the same end");
    }
    // Nothing passes the absolute end, 30 days from the beginning.
    let absolute = doorward_tests::start().plus_s(30 * DAY_S);
    for _ in 0..4 {
        host.pass_s(6 * DAY_S);
        ana.call("POST", &format!("/sessions/{session}/heartbeat")).await.expect(200);
    }
    assert_eq!(ana.call("POST", &format!("/sessions/{session}/heartbeat")).await.body["newExpiry"], absolute.to_string());
    host.at(absolute);
    ana.call("POST", &format!("/sessions/{session}/heartbeat")).await.expect(401);
}

/// What isn't the caller's own isn't kept alive: each page's own words for it.
async fn nobody_elses_expiry_is_extended(host: Host) {
    let ana = Ana::at(&host).await;
    let (device, session) = (ana.on_phone.device(), ana.on_phone.session());
    host.pass_s(100);
    let rows = host.rows().await;
    for id in [device.as_str(), session.as_str(), "current", "x"] {
        let by_device = ana.call("POST", &format!("/devices/{id}/heartbeat")).await.expect(404);
        assert_eq!(by_device.body, refused("Device not found"), "{id}");
        let by_session = ana.call("POST", &format!("/sessions/{id}/heartbeat")).await.expect(404);
        assert_eq!(by_session.body, refused("Session not found or expired"), "{id}");
    }
    ana.call("POST", &format!("/sessions/{}/heartbeat", ana.on_laptop.device())).await.expect(404);
    assert_eq!(host.rows().await, rows);
}

/// "All endpoints require authentication using a Bearer token in the Authorization header."
async fn all_require_a_bearer_token(host: Host) {
    let ana = Ana::at(&host).await;
    for (method, path) in CALLS {
        let path = path.replace("{id}", &ana.on_laptop.device());
        for asked in [host.ask(method, &path), host.ask(method, &path).header("x-api-key", &ana.on_laptop.token)] {
            let answer = asked.await.expect(401);
            assert_eq!(answer.header("www-authenticate"), Some(r#"Bearer realm="doorward""#), "{method} {path}");
        }
    }
}

/// "Common Response Format": `success`, `data`, `message`, `error` in all answers. "Error Handling": 200, 404, 500.
///
/// Settled: the endpoint pages put the main value under a name of its own, so that it stands under both. Where it is a moment, `data`
/// is a text, and neither object nor array. Answers with only a message have no `data`; no answer has both `message` and `error`.
async fn all_answers_have_the_common_format(host: Host) {
    for (method, path) in CALLS {
        let ana = Ana::at(&host).await;
        let id = if path.starts_with("/sessions") { ana.on_laptop.session() } else { ana.on_laptop.device() };
        let shown = ana.call("GET", &format!("/devices/{}", ana.on_laptop.device())).await.text_at("/device/deviceFingerprint");
        let asked = host.ask(method, &path.replace("{id}", &id)).bearer(&ana.on_laptop.token);
        let asked = if path == "/devices/trust" { asked.json(&json!({ "fingerprint": shown })) } else { asked };
        let answer = asked.await.expect(200);
        let body = answer.body.as_object().expect("an object");
        assert_eq!((&body["success"], body.contains_key("error")), (&json!(true), false), "{method} {path}");
        let main = ["devices", "device", "sessions", "trustExpiresAt", "newExpiry"].iter().find_map(|name| body.get(*name));
        assert_eq!(main, body.get("data"), "{method} {path}");
        assert!(main.is_some() || body["message"].is_string(), "{method} {path}");
        if path.contains("{id}") {
            let unknown = ana.on_phone.session().replace(['0', '1'], "2");
            let answer = host.ask(method, &path.replace("{id}", &unknown)).bearer(&ana.on_phone.token).await.expect(404);
            assert!(answer.text_at("/error").contains("not found"), "{method} {path}");
        }
    }
}

/// "500 - Internal server error." Nothing that is sent causes one: here a row is damaged.
///
/// Settled: a store that is away is 503, since coming again will help.
async fn a_fault_of_ours_is_500(host: Host) {
    let ana = Ana::at(&host).await;
    let each = async |host: &Host, status: u16| {
        for (method, path) in CALLS {
            let answer = host.ask(method, &path.replace("{id}", &ana.on_laptop.device())).bearer(&ana.on_laptop.token).await.expect(status);
            let body = answer.body.as_object().expect("an object");
            assert_eq!((&body["success"], body["error"].is_string(), body.len()), (&json!(false), true, 2), "{method} {path}");
        }
    };
    host.lose_store().await;
    each(&host, 503).await;
    host.home().tamper("UPDATE session SET sealed = token").await;
    each(&Host::open(host.home(), false).await, 500).await;
}

/// "These APIs are subject to rate limiting": 429, which the list of statuses leaves out, with `Retry-After` for the retry logic.
async fn there_is_a_rate_limit(host: Host) {
    let ana = Ana::at(&host).await;
    let path = format!("/sessions/{}/heartbeat", ana.on_laptop.session());
    for _ in 0..30 {
        ana.call("POST", &path).await.expect(200);
    }
    let limited = ana.call("POST", &path).await.expect(429);
    assert_eq!((limited.header("retry-after"), &limited.body), (Some("2"), &refused("You did this too often. Try again in 2 s.")));
    host.pass_s(2);
    ana.call("POST", &path).await.expect(200);
}
