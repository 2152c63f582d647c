//! The flashback dialect beside its documents: its form in every refusal, what it shows, and the switch.

mod paces;
mod trust;

use doorward_api::{Dialect, Dialects};
use doorward_tests::host::description::{Operation, operations};
use doorward_tests::host::{ACME, Answer, Ask, Browser, Form, GLOBEX, Host, SignedIn};
use serde_json::{Value, json};

use crate::operations::{Names, Someone, path_of};
use crate::retention::prune;

doorward_tests::on_each_engine! {
    what_the_router_refuses_comes_in_its_form,
    bodies_that_cant_be_read_are_refused_in_its_form,
    ids_that_arent_theirs_are_unknown_however_they_are_spelled,
    a_failure_or_a_lost_store_is_told_in_its_form,
    the_dangerous_wants_a_recent_authentication_where_the_policy_says_so,
    every_device_is_one_of_three_types,
    what_is_kept_no_longer_is_left_out,
    switched_off_its_paths_are_not_there,
    what_it_does_is_told_in_the_history,
}

const DAY_S: u32 = 86_400;

fn mine() -> impl Iterator<Item = Operation> {
    operations().into_iter().filter(|operation| operation.dialect() == Some(Dialect::Flashback))
}

fn ask(host: &Host, caller: &SignedIn, method: &str, path: &str) -> Ask {
    host.ask(method, path).bearer(&caller.token)
}

fn trust(host: &Host, caller: &SignedIn, fingerprint: &str) -> Ask {
    ask(host, caller, "POST", "/devices/trust").json(&json!({ "fingerprint": fingerprint }))
}

async fn device(host: &Host, caller: &SignedIn, id: &str) -> Value {
    ask(host, caller, "GET", &format!("/devices/{id}")).await.expect(200).body["device"].clone()
}

async fn shown(host: &Host, caller: &SignedIn) -> String {
    device(host, caller, &caller.device()).await["deviceFingerprint"].as_str().expect("a value").to_owned()
}

/// A browser whose host sends this text as its fingerprint.
fn looking(host: &Host, fingerprint: &str) -> Browser {
    host.browser("ana").looking(&json!({ "fingerprint": fingerprint }))
}

#[track_caller]
fn error(answer: &Answer) -> &str {
    assert!(Form::Flashback.fits(answer), "{}", answer.text);
    answer.body["error"].as_str().expect("a text")
}

async fn what_the_router_refuses_comes_in_its_form(host: Host) {
    let ana = host.browser("ana").enter().await;
    let rows = host.rows().await;
    for path in ["/devices/", "/devices/a/b", "/devices/a/b/c", "/sessions/", "/sessions/x", "/sessions/x/y", "/devices/trust/"] {
        for method in ["GET", "POST", "DELETE"] {
            let answer = ask(&host, &ana, method, path).await.expect(404);
            assert_eq!(error(&answer), "There is no such path.", "{method} {path}");
        }
    }
    let id = ana.device();
    for (method, path, allowed) in [
        ("POST", "/devices".to_owned(), "GET,HEAD"),
        ("PATCH", format!("/devices/{id}"), "GET,HEAD,DELETE"),
        ("GET", "/devices/trust".to_owned(), "POST"),
        ("DELETE", "/sessions".to_owned(), "GET,HEAD"),
        ("PUT", "/sessions/revoke-all".to_owned(), "POST"),
    ] {
        let answer = ask(&host, &ana, method, &path).await.expect(405);
        assert_eq!(answer.header("allow"), Some(allowed), "{method} {path}");
        assert!(error(&answer).contains("`Allow`"), "{}", answer.text);
    }
    for path in ["/devicesx", "/device", "/Devices", "/sessionsx"] {
        ask(&host, &ana, "GET", path).await.refused(404, "not_found");
    }
    assert_eq!(host.rows().await, rows);
}

async fn bodies_that_cant_be_read_are_refused_in_its_form(host: Host) {
    let mut callers = vec![];
    for number in 0..4 {
        // Ten tries an hour each.
        callers.push(host.browser(&format!("ana-{number}")).enter().await);
    }
    let bodies: Vec<(&[u8], &str)> = vec![
        (b"", "fingerprint: is required."),
        (b"{", "The body isn't JSON: it breaks at line 1, column 1."),
        (b"[]", "The body must be a JSON object."),
        (b"[\"x\"]", "The body must be a JSON object."),
        (b"null", "The body must be a JSON object."),
        (b"\"x\"", "The body must be a JSON object."),
        (b"{}{}", "fingerprint: is required."),
        (b"{\"fingerprint\":\"x\"}{}", "There is something after the JSON object."),
        (b"{\"fingerprint\":\"x\",\"fingerprint\":\"x\"}", "fingerprint: is given more than once."),
        (b"{\"fingerprint\":[\"x\"]}", "fingerprint: must be a string."),
        (b"{\"fingerprint\":{\"x\":1}}", "fingerprint: must be a string."),
        (b"{\"fingerprint\":true}", "fingerprint: must be a string."),
        (b"{\"fingerprint\":1e999}", ""),
        (b"{\"fingerprint\":\"\xff\"}", ""),
        (b"{\"fingerprint\":\"\\ud800\"}", ""),
        (b"{\"fingerprint\":\"\n\"}", ""),
        (b"\xef\xbb\xbf{}", ""),
        (b"fingerprint=x", ""),
    ];
    let rows = host.rows().await;
    for (number, (body, told)) in bodies.into_iter().enumerate() {
        let asked = ask(&host, &callers[number % 3], "POST", "/devices/trust").header("content-type", "application/json").bytes(body.to_vec());
        let answer = asked.await.expect(400);
        assert!(error(&answer) == told || told.is_empty(), "{}: {}", String::from_utf8_lossy(body), answer.text);
    }
    let (good, last) = (json!({ "fingerprint": "x" }).to_string(), &callers[3]);
    for media_type in ["text/plain", "application/x-www-form-urlencoded", ""] {
        let answer = ask(&host, last, "POST", "/devices/trust").header("content-type", media_type).bytes(good.clone()).await.expect(415);
        assert_eq!(error(&answer), "Send the body as JSON, with Content-Type: application/json.");
    }
    let large = json!({ "fingerprint": "x".repeat(70_000) });
    error(&ask(&host, last, "POST", "/devices/trust").json(&large).await.expect(413));
    // Where none is wanted, any JSON is let be, of whatever media type, and what is none isn't.
    let path = format!("/sessions/{}/heartbeat", last.session());
    for broken in ["{", "x", "{}{}", "\u{0}"] {
        error(&ask(&host, last, "POST", &path).bytes(broken).await.expect(400));
    }
    error(&ask(&host, last, "DELETE", &format!("/devices/{}", last.device())).bytes(vec![b' '; 70_000]).await.expect(413));
    // Ids are judged after the body, also one that isn't text.
    for operation in mine().filter(|operation| operation.path.contains("{id}") && operation.method != "GET") {
        for (body, status) in [(vec![b'{'], 400), (vec![b' '; 70_000], 413)] {
            error(&ask(&host, &callers[0], operation.method, &operation.path.replace("{id}", "%FF")).bytes(body).await.expect(status));
        }
    }
    assert_eq!(host.rows().await, rows);
    for fine in ["", "{}", "[]", "null", "{\"success\":1}", "{\"a\":1,\"a\":2}"] {
        ask(&host, last, "POST", &path).header("content-type", "text/plain").bytes(fine).query("surplus=1&surplus=2").await.expect(200);
    }
}

async fn ids_that_arent_theirs_are_unknown_however_they_are_spelled(host: Host) {
    let someone = Someone::new(&host, ACME, "ana").await;
    let others = [Someone::new(&host, ACME, "bob").await, Someone::new(&host, GLOBEX, "ana").await];
    let spelled = |good: &str| {
        let encoded: String = good.bytes().map(|byte| format!("%{byte:02X}")).collect();
        [
            format!("{good}%2F"),
            format!("%2F{good}"),
            format!("{good}%00"),
            good.to_uppercase(),
            encoded[..encoded.len() - 3].to_owned(),
            "%".to_owned(),
            "%zz".to_owned(),
            "%FF".to_owned(),
            "..%2F..".to_owned(),
            "%2e%2e".to_owned(),
            "a".repeat(6_000),
        ]
    };
    let rows = host.rows().await;
    for operation in mine().filter(|operation| operation.path.contains("{id}")) {
        let own = path_of(&operation, &someone.names, ACME);
        let own = own.split('/').nth(2).expect("an id");
        let mut told = None;
        let all = spelled(own).into_iter().map(|id| Names {
            own_device: id.clone(),
            own_session: id.clone(),
            device: id.clone(),
            session: id,
            ..someone.names.clone()
        });
        for names in all.chain(others.iter().map(|other| other.names.clone())) {
            let answer = someone.naming(&operation, &names).await.expect(404);
            error(&answer);
            assert_eq!(*told.get_or_insert_with(|| answer.said()), answer.said(), "{}", operation.id);
        }
        host.pass_s(60);
    }
    assert_eq!(host.rows().await, rows);
}

async fn a_failure_or_a_lost_store_is_told_in_its_form(host: Host) {
    let ana = host.browser("ana").enter().await;
    host.lose_store().await;
    for operation in mine() {
        let path = operation.path.replace("{id}", &ana.device());
        let answer = ask(&host, &ana, operation.method, &path).await.expect(503);
        assert_eq!((answer.header("retry-after"), error(&answer).contains("says nothing about the session")), (Some("1"), true), "{path}");
    }
    host.home().tamper("UPDATE session SET sealed = token").await;
    let damaged = Host::open(host.home(), false).await;
    for operation in mine() {
        let told = match (operation.method, operation.path) {
            ("GET", "/devices") => "Failed to retrieve devices",
            ("GET", "/devices/{id}") => "Failed to retrieve device",
            ("POST", "/devices/trust") => "Failed to trust device",
            ("POST", "/devices/{id}/untrust") => "Failed to untrust device",
            ("DELETE", "/devices/{id}") => "Failed to remove device",
            ("GET", "/sessions") => "Failed to retrieve sessions",
            ("POST", "/sessions/{id}/revoke") => "Failed to revoke session",
            ("POST", "/sessions/revoke-all") => "Failed to revoke sessions",
            ("POST", "/devices/{id}/heartbeat" | "/sessions/{id}/heartbeat") => "Failed to update session",
            other => panic!("what does {other:?} say when it fails?"),
        };
        let path = operation.path.replace("{id}", &ana.device());
        assert_eq!(error(&ask(&damaged, &ana, operation.method, &path).await.expect(500)), told, "{path}");
    }
}

async fn the_dangerous_wants_a_recent_authentication_where_the_policy_says_so(host: Host) {
    host.set_rules(|rules| rules.recent_auth_s = 300).await;
    let (ana, phone) = (host.browser("ana").enter().await, host.browser("ana").enter().await);
    host.pass_s(301);
    let rows = host.rows().await;
    for (method, path) in [
        ("DELETE", format!("/devices/{}", phone.device())),
        ("POST", format!("/sessions/{}/revoke", phone.session())),
        ("POST", "/sessions/revoke-all".to_owned()),
    ] {
        let told = ask(&host, &ana, method, &path).await.expect(403);
        assert!(error(&told).contains("Sign in or confirm a second factor again"), "{}", told.text);
    }
    assert_eq!(host.rows().await, rows);
    ask(&host, &ana, "POST", &format!("/sessions/{}/revoke", ana.session())).await.expect(200);
}

async fn every_device_is_one_of_three_types(host: Host) {
    let app = |platform: &str| json!({ "user_agent": "okhttp/4", "device_info": { "app": "Acme", "platform": platform } });
    for (number, (looks, wanted)) in [
        (json!({}), "DESKTOP"),
        (json!({ "user_agent": "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/149.0.0.0 Mobile Safari/537.36" }), "MOBILE"),
        (json!({ "user_agent": "Mozilla/5.0 (iPad; CPU OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1" }), "TABLET"),
        (json!({ "user_agent": "Mozilla/5.0 (SMART-TV; LINUX; Tizen 6.0) AppleWebKit/537.36 (KHTML, like Gecko) 76.0.3809.146/6.0 TV Safari/537.36" }), "DESKTOP"),
        (app("iOS"), "MOBILE"),
        (app("Android"), "MOBILE"),
        (app("Windows"), "DESKTOP"),
        (json!({ "user_agent": "curl/8.5.0" }), "DESKTOP"),
        (json!({ "user_agent": "" }), "DESKTOP"),
    ]
    .into_iter()
    .enumerate()
    {
        let ana = host.browser(&format!("ana-{number}")).looking(&looks).enter().await;
        let shown = device(&host, &ana, &ana.device()).await;
        assert_eq!(shown["deviceType"], wanted, "{looks}");
        assert!(["os", "browser", "deviceName"].iter().all(|name| shown[*name].as_str().is_some_and(|text| !text.is_empty())), "{shown}");
    }
}

async fn what_is_kept_no_longer_is_left_out(host: Host) {
    host.set_rules(|rules| (rules.retain_ips_s, rules.retain_fingerprints_s) = (DAY_S, DAY_S)).await;
    let ana = host.browser("ana").enter().await;
    host.pass_s(DAY_S);
    prune(&host).await;
    let shown = device(&host, &ana, &ana.device()).await;
    for name in ["ipAddress", "deviceFingerprint", "trustExpiresAt", "country", "city"] {
        assert_eq!(shown.get(name), None, "{name}");
    }
    let listed = ask(&host, &ana, "GET", "/sessions").await.expect(200);
    assert_eq!((listed.body["sessions"][0].get("ipAddress"), listed.body["sessions"][0].get("location")), (None, None));
    assert!(!listed.text.contains("null"));
}

async fn switched_off_its_paths_are_not_there(host: Host) {
    host.lose_store().await;
    let host = Host::open_serving(host.home(), Dialects::new(Dialect::ALL.into_iter().filter(|dialect| *dialect != Dialect::Flashback))).await;
    let ana = host.browser("ana").enter().await;
    let rows = host.rows().await;
    for operation in mine() {
        let path = operation.path.replace("{id}", &ana.device());
        let answer = ask(&host, &ana, operation.method, &path).await;
        // Nobody's form is left but the own APIs'.
        assert!(Form::Problem.fits(&answer), "{path}: {}", answer.text);
        answer.refused(404, "not_found");
    }
    assert_eq!(host.rows().await, rows);
    let described = host.ask("GET", "/openapi.json").await.expect(200);
    assert!(!described.text.contains("flashback"));
    host.ask("GET", "/openapi/flashback.json").await.expect(404);
    ana.get("/devices").await.expect(200);
}

async fn what_it_does_is_told_in_the_history(host: Host) {
    let ana = looking(&host, "laptop").enter().await;
    let phone = host.browser("ana").enter().await;
    trust(&host, &ana, "laptop").await.expect(200);
    ask(&host, &ana, "POST", &format!("/devices/{}/untrust", phone.device())).await.expect(200);
    let events = ana.ask("GET", "/events").query("limit=2").await.expect(200);
    let told: Vec<_> = events.body["items"].as_array().expect("events").iter().map(|event| (event["type"].clone(), event["device_id"].clone())).collect();
    assert_eq!(told, [(json!("device.untrusted"), json!(phone.device())), (json!("device.trusted"), json!(ana.device()))]);
}
