//! The laravel dialect beside its document: its form in every refusal, its throttles, the switch.

use doorward_api::{Dialect, Dialects};
use doorward_tests::host::description::{Operation, operations};
use doorward_tests::host::{ACME, Answer, Ask, Form, GLOBEX, Host, SignedIn};
use serde_json::json;

use crate::operations::{Names, Someone, path_of};

doorward_tests::on_each_engine! {
    what_the_router_refuses_comes_in_its_form,
    bodies_that_cant_be_read_are_refused_in_its_form,
    ids_that_arent_theirs_are_unknown_however_they_are_spelled,
    a_failure_or_a_lost_store_is_told_in_its_form,
    other_devices_want_a_recent_authentication_where_the_policy_says_so,
    tries_are_counted_for_each_person_over_a_restart,
    switched_off_its_paths_are_not_there,
}

fn mine() -> impl Iterator<Item = Operation> {
    operations().into_iter().filter(|operation| operation.dialect() == Some(Dialect::Laravel))
}

fn ask(host: &Host, caller: &SignedIn, method: &str, path: &str) -> Ask {
    host.ask(method, path).bearer(&caller.token)
}

#[track_caller]
fn message(answer: &Answer) -> &str {
    assert!(Form::Laravel.fits(answer), "{}", answer.text);
    answer.body["message"].as_str().expect("a text")
}

async fn what_the_router_refuses_comes_in_its_form(host: Host) {
    let ana = host.browser("ana").enter().await;
    let rows = host.rows().await;
    for path in ["/api/devices/", "/api/devices/a/b", "/api/devices/a/verify/c", "/api/devices/signout/"] {
        for method in ["GET", "POST", "PATCH"] {
            assert_eq!(message(&ask(&host, &ana, method, path).await.expect(404)), "There is no such path.", "{method} {path}");
        }
    }
    for (method, path, allowed) in [
        ("DELETE", format!("/api/devices/{}", ana.device()), "GET,HEAD"),
        ("POST", format!("/api/devices/{}/verify", ana.device()), "PATCH"),
        ("PUT", "/api/devices".to_owned(), "GET,HEAD"),
    ] {
        let answer = ask(&host, &ana, method, &path).await.expect(405);
        assert_eq!(answer.header("allow"), Some(allowed), "{method} {path}");
        message(&answer);
    }
    for path in ["/api/devicesx", "/api/device", "/api"] {
        ask(&host, &ana, "GET", path).await.refused(404, "not_found");
    }
    assert_eq!(host.rows().await, rows);
}

async fn bodies_that_cant_be_read_are_refused_in_its_form(host: Host) {
    let ana = host.browser("ana").enter().await;
    let rows = host.rows().await;
    let long = format!("\"{}\"", "x".repeat(65_536));
    for (method, path) in mine().filter(|operation| operation.method != "GET").map(|operation| (operation.method, operation.path)) {
        let path = path.replace("{uuid}", &ana.device());
        for body in [&b"{"[..], b"{}{}", b"\xff\xfe", b"\0", b"\"\xc3\x28\"", b"[1,"] {
            let answer = ask(&host, &ana, method, &path).bytes(body.to_vec()).await.expect(400);
            assert!(message(&answer).contains("isn't JSON"), "{}", answer.text);
            host.pass_s(3_600 / 10);
        }
        message(&ask(&host, &ana, method, &path).bytes(long.clone()).await.expect(413));
        host.pass_s(3_600 / 10);
        // Ids are judged after the body, also one that isn't text.
        let unread = path.replace(&ana.device(), "%FF");
        for (body, status) in [("{", 400), (long.as_str(), 413)] {
            message(&ask(&host, &ana, method, &unread).bytes(body.to_owned()).await.expect(status));
            host.pass_s(3_600 / 10);
        }
    }
    assert_eq!(host.rows().await, rows);
    // What is JSON is let be, whatever it says, and however often.
    for fine in ["{\"a\":1,\"a\":2}", "{\"uuid\":\"x\",\"uuid\":\"y\"}"] {
        ask(&host, &ana, "PATCH", &format!("/api/devices/{}/verify", ana.device())).bytes(fine).await.expect(403);
        let unknown = ask(&host, &ana, "PATCH", "/api/devices/x/hijack").bytes(fine).await.expect(404);
        assert_eq!(message(&unknown), "Device not found");
    }
}

async fn ids_that_arent_theirs_are_unknown_however_they_are_spelled(host: Host) {
    let someone = Someone::new(&host, ACME, "ana").await;
    let (stranger, elsewhere) = (Someone::new(&host, ACME, "ben").await, Someone::new(&host, GLOBEX, "ana").await);
    let rows = host.rows().await;
    let odd = ["x", "%00", "%2e%2e", "a%2Fb", "%ff", "100%25", "current", &"9".repeat(2_000), &someone.names.device.to_uppercase()];
    for operation in mine().filter(|operation| operation.path.contains("{uuid}")) {
        for id in odd.into_iter().chain([&*stranger.names.device, &elsewhere.names.device, &someone.names.session]) {
            let path = path_of(&operation, &Names { device: id.to_owned(), ..someone.names.clone() }, ACME);
            let answer = ask(&host, &someone.caller, operation.method, &path).await.expect(404);
            assert_eq!(message(&answer), "Device not found", "{id}");
            host.pass_s(3_600 / 10);
            someone.caller.post("/sessions/current/heartbeat").await.expect(200);
        }
    }
    let unmoved = |rows: Vec<String>| rows.into_iter().filter(|row| !row.starts_with("activity")).collect::<Vec<_>>();
    assert_eq!(unmoved(host.rows().await), unmoved(rows));
}

async fn a_failure_or_a_lost_store_is_told_in_its_form(host: Host) {
    let ana = host.browser("ana").enter().await;
    let all = |host: &Host| mine().map(|operation| ask(host, &ana, operation.method, &operation.path.replace("{uuid}", &ana.device()))).collect::<Vec<_>>();
    host.lose_store().await;
    for asked in all(&host) {
        let away = asked.await.expect(503);
        assert_eq!(message(&away), "Service Unavailable");
        assert!(away.header("retry-after").is_some() && away.body["retry_after"].is_u64());
    }
    host.home().tamper("UPDATE session SET sealed = token").await;
    let damaged = Host::open(host.home(), false).await;
    for asked in all(&damaged) {
        assert_eq!(asked.await.expect(500).body, json!({ "message": "Server Error" }));
    }
}

/// What the dangerous wants where the policy says so. One's own device is no other's affair.
async fn other_devices_want_a_recent_authentication_where_the_policy_says_so(host: Host) {
    host.set_rules(|rules| rules.recent_auth_s = 300).await;
    let (ana, phone) = (host.browser("ana").enter().await, host.browser("ana").enter().await);
    host.pass_s(301);
    let rows = host.rows().await;
    for deed in ["forget", "hijack"] {
        let refused = ask(&host, &ana, "PATCH", &format!("/api/devices/{}/{deed}", phone.device())).await.expect(403);
        assert_eq!(message(&refused), "This action is unauthorized.");
        assert!(refused.text_at("/reason").contains("asks for a recent authentication"), "{}", refused.text);
    }
    assert_eq!(host.rows().await, rows);
    ask(&host, &ana, "GET", "/api/devices").await.expect(200);
    ask(&host, &ana, "POST", "/api/devices/signout").await.expect(200);
    let own = host.browser("ana").enter().await;
    host.pass_s(301);
    ask(&host, &own, "PATCH", &format!("/api/devices/{}/hijack", own.device())).await.expect(200);
}

async fn tries_are_counted_for_each_person_over_a_restart(host: Host) {
    let (ana, ben) = (host.browser("ana").enter().await, host.browser("ben").enter().await);
    let verify = |host: &Host, who: &SignedIn| ask(host, who, "PATCH", &format!("/api/devices/{}/verify", who.device()));
    for _ in 0..10 {
        verify(&host, &ana).await.expect(200);
    }
    let throttled = verify(&host, &ana).await.expect(429);
    assert_eq!(throttled.body, json!({ "message": "Too Many Attempts.", "retry_after": 360 }));
    verify(&host, &ben).await.expect(200);
    // Other deeds, and other surfaces, have budgets of their own, or none.
    ask(&host, &ana, "PATCH", "/api/devices/x/forget").await.expect(404);
    ana.post("/devices/current/trust").await.expect(200);
    host.lose_store().await;
    let again = Host::open(host.home(), false).await;
    again.at(host.now());
    verify(&again, &ana).await.expect(429);
    again.pass_s(360);
    verify(&again, &ana).await.expect(200);
    verify(&again, &ana).await.expect(429);
}

async fn switched_off_its_paths_are_not_there(host: Host) {
    let ana = host.browser("ana").enter().await;
    host.lose_store().await;
    let without = Host::open_serving(host.home(), Dialects::new(Dialect::ALL.into_iter().filter(|dialect| *dialect != Dialect::Laravel))).await;
    for operation in mine() {
        let path = operation.path.replace("{uuid}", &ana.device());
        ask(&without, &ana, operation.method, &path).await.refused(404, "not_found");
    }
    without.ask("GET", "/openapi/laravel.json").await.refused(404, "not_found");
    let whole = without.ask("GET", "/openapi.json").await.expect(200);
    assert!(whole.body["paths"].as_object().expect("paths").keys().all(|path| !path.starts_with("/api/devices")));
}
