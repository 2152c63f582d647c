//! Forward-auth: what passes a proxy, as whom, and what doesn't.

use std::sync::Arc;

use doorward_tests::host::browser::with_code;
use doorward_tests::host::{ACME, Answer, Ask, GLOBEX, Host, SESSION_COOKIE, SignedIn};
use doorward_tests::{Home, just_after, just_before};
use insta::assert_snapshot as see;
use percent_encoding::percent_decode_str;
use serde_json::json;

doorward_tests::on_each_engine! {
    whoever_is_signed_in_passes_under_all_the_headers,
    the_token_comes_as_bearer_or_in_the_hosts_cookie,
    a_proxy_names_its_tenant_once_there_are_two,
    where_there_is_one_tenant_none_need_be_named,
    a_required_factor_is_the_sessions_own_and_fresh_enough,
    what_a_proxy_asks_must_make_sense,
    passing_counts_as_activity_once_a_minute,
    what_has_ended_passes_no_more,
    nothing_of_a_sign_in_in_progress_passes,
    no_user_id_ends_a_header_or_begins_another,
}

const HEADERS: [&str; 9] = ["user", "tenant", "session", "device", "device-status", "amr", "acr", "mfa-at", "mfa-skipped-by"];
const PATH: &str = "/internal/forward-auth/acme";

fn pass(host: &Host, token: &str) -> Ask {
    host.ask("GET", PATH).bearer(token)
}

fn told(answer: &Answer, name: &str) -> String {
    answer.header(&format!("x-doorward-{name}")).unwrap_or_else(|| panic!("no {name}")).to_owned()
}

/// Every header of a pass, with its value.
fn shown(answer: &Answer) -> String {
    assert_eq!((answer.status, answer.text.as_str()), (200, ""), "{}", answer.text);
    let ours = answer.headers.keys().filter(|name| name.as_str().starts_with("x-doorward-")).count();
    assert_eq!(ours, HEADERS.len(), "no other ones: {:?}", answer.headers);
    HEADERS.iter().map(|name| format!("{name}: {}\n", told(answer, name))).collect()
}

async fn whoever_is_signed_in_passes_under_all_the_headers(host: Host) {
    let mut laptop = host.browser("ana");
    let first = laptop.enter_and_trust().await;
    see!("passed_with_a_factor", shown(&pass(&host, &first.token).await));
    host.pass_s(1);
    let skipped = laptop.enter_skipping().await;
    see!("passed_by_trust", shown(&pass(&host, &skipped.token).await));
    let mut plain = host.browser("bob");
    let sign_in = plain.evaluate_with(&json!({ "second_factor": "none" })).await;
    let opened = plain.complete(&sign_in, &json!({})).await;
    see!("passed_without_a_factor", shown(&pass(&host, &opened.token).await));
    assert_eq!(pass(&host, &first.token).header("x-api-key", "dwk_none").await.status, 200, "no key is looked at");
}

async fn the_token_comes_as_bearer_or_in_the_hosts_cookie(host: Host) {
    let (ana, bob) = (host.browser("ana").enter().await, host.browser("bob").enter().await);
    let ask = || host.ask("GET", PATH);
    let cookie = |token: &str| format!("{SESSION_COOKIE}={token}");
    for asked in [
        ask().bearer(&ana.token),
        ask().header("authorization", &format!("bearer  {}", ana.token)),
        ask().header("cookie", &cookie(&ana.token)),
        ask().header("cookie", &format!("a=b; {}; caf\u{e9}=1", cookie(&ana.token))),
        ask().header("cookie", "a=b").header("cookie", &cookie(&ana.token)),
        ask().header("cookie", &cookie(&ana.token)).bearer(&ana.token),
        ask().header("cookie", &format!("{0}; {0}", cookie(&ana.token))),
        ask().header("cookie", &cookie(&ana.token)).header("authorization", "Basic YTpi"),
        ask().header("cookie", &cookie("")).bearer(&ana.token),
    ] {
        assert_eq!(told(&asked.await, "user"), "ana");
    }
    let refused = [
        ask().header("cookie", &cookie(&ana.token)).bearer(&bob.token),
        ask().header("cookie", &cookie(&ana.token)).bearer("x"),
        ask().header("cookie", &cookie("x")).bearer(&ana.token),
        ask().header("cookie", &format!("{}; {}", cookie(&ana.token), cookie(&bob.token))),
        ask().header("cookie", &cookie(&ana.token)).header("cookie", &cookie(&bob.token)),
        ask().bearer(&ana.token).bearer(&bob.token),
        ask().header("cookie", &cookie(&ana.token)).bearer(&ana.token).bearer(&bob.token),
        ask().header("cookie", &cookie(&ana.token)).header("authorization", "Basic YTpi").bearer(&ana.token),
        ask().header("cookie", &format!("session={}", ana.token)),
        ask().header("cookie", &format!("{}={}", SESSION_COOKIE.to_lowercase(), ana.token)),
        ask().header("cookie", &format!("x{}", cookie(&ana.token))),
        ask().header("cookie", &format!("{SESSION_COOKIE}=\"{}\"", ana.token)),
        ask().query(&format!("access_token={}", ana.token)),
        ask().by(doorward_domain::Role::Admin),
    ];
    for asked in refused {
        asked.await.refused(401, "unauthenticated");
    }
}

async fn a_proxy_names_its_tenant_once_there_are_two(host: Host) {
    let (ana, elsewhere) = (host.browser("ana").enter().await, host.browser("ana").in_tenant(GLOBEX).enter().await);
    let unpinned = |token: &str| host.ask("GET", "/internal/forward-auth").bearer(token);
    let of = |tenant: &str, token: &str| host.ask("GET", &format!("/internal/forward-auth/{tenant}")).bearer(token);
    assert_eq!(told(&unpinned(&ana.token).header("x-tenant-id", ACME).await, "tenant"), ACME);
    assert_eq!(told(&of(ACME, &ana.token).await, "tenant"), ACME);
    assert_eq!(told(&of(ACME, &ana.token).header("x-tenant-id", ACME).await, "tenant"), ACME);
    assert_eq!(told(&of(GLOBEX, &elsewhere.token).await, "tenant"), GLOBEX);
    let rows = host.rows().await;
    host.pass_s(100);
    let unknown = of(ACME, &"x".repeat(98)).await.refused(401, "unauthenticated").said();
    let refused = [
        unpinned(&ana.token),
        unpinned(&elsewhere.token).header("x-tenant-id", ACME),
        unpinned(&ana.token).header("x-tenant-id", ""),
        unpinned(&ana.token).header("x-tenant-id", "nowhere"),
        unpinned(&ana.token).header("x-tenant-id", ACME).header("x-tenant-id", ACME),
        of(GLOBEX, &ana.token),
        of(ACME, &elsewhere.token),
        of(ACME, &ana.token).header("x-tenant-id", GLOBEX),
        of(GLOBEX, &ana.token).header("x-tenant-id", ACME),
        of("nowhere", &ana.token),
        of("ACME", &ana.token),
        of("%FF", &ana.token),
        of("acme%00", &ana.token),
        of(&"a".repeat(5_000), &ana.token),
    ];
    for asked in refused {
        assert_eq!(asked.await.said(), unknown, "one answer for all");
    }
    assert_eq!(host.rows().await, rows);
}

async fn where_there_is_one_tenant_none_need_be_named(home: Arc<Home>) {
    let host = Host::open_alone(&home).await;
    let ana = host.browser("ana").enter().await;
    let unpinned = || host.ask("GET", "/internal/forward-auth").bearer(&ana.token);
    assert_eq!(told(&unpinned().await, "tenant"), ACME);
    unpinned().header("x-tenant-id", GLOBEX).await.refused(401, "unauthenticated");
    host.lose_store().await;
    let second = Host::open(&home, false).await;
    second.ask("GET", "/internal/forward-auth").bearer(&ana.token).await.refused(401, "unauthenticated");
    assert_eq!(told(&pass(&second, &ana.token).await, "tenant"), ACME);
}

async fn a_required_factor_is_the_sessions_own_and_fresh_enough(host: Host) {
    let mut laptop = host.browser("ana");
    let proved = laptop.enter_and_trust().await;
    let verified = host.now();
    host.pass_s(1);
    let skipped = laptop.enter_skipping().await;
    let mut plain = host.browser("bob");
    let sign_in = plain.evaluate_with(&json!({ "second_factor": "none" })).await;
    let without = plain.complete(&sign_in, &json!({})).await;
    let ask = |session: &SignedIn, query: &str| pass(&host, &session.token).query(query);
    for query in ["require=mfa", "require=mfa&max_age=600"] {
        assert_eq!(ask(&proved, query).await.status, 200);
        ask(&skipped, query).await.refused(403, "mfa_required");
        ask(&without, query).await.refused(403, "mfa_required");
    }
    assert_eq!(ask(&skipped, "").await.status, 200);
    host.at(verified.plus_s(600));
    assert_eq!(ask(&proved, "require=mfa&max_age=600").await.status, 200);
    host.at(just_after(verified.plus_s(600)));
    let late = ask(&proved, "require=mfa&max_age=600").await.refused(403, "mfa_required");
    assert!(late.text_at("/detail").contains("too long ago"), "{}", late.text);
    assert_eq!(ask(&proved, "require=mfa").await.status, 200);
    let stepped = host.call("POST", &format!("/internal/users/ana/sessions/{}/mfa", skipped.session())).json(&with_code()).await.expect(200);
    assert_eq!(ask(&SignedIn::of(&host, stepped), "max_age=1&require=mfa").await.status, 200);
    // A security event took the freshness of what was verified before it.
    let event = json!({ "type": "password_changed", "keep_session_id": proved.session() });
    host.call("POST", "/internal/users/ana/security-events").json(&event).await.expect(200);
    let stale = ask(&proved, "require=mfa").await.refused(403, "mfa_required");
    assert!(stale.text_at("/detail").contains("security event"), "{}", stale.text);
    assert_eq!(ask(&proved, "").await.status, 200, "the session is kept");
    ask(&skipped, "").await.refused(401, "unauthenticated");
}

async fn what_a_proxy_asks_must_make_sense(host: Host) {
    let ana = host.browser("ana").enter().await;
    host.pass_s(100);
    let rows = host.rows().await;
    let nonsense =
        ["require=", "require=password", "require=mfa&require=mfa", "requires=mfa", "max_age=60", "require=mfa&max_age=0", "require=mfa&max_age=never", "x"];
    for query in nonsense {
        pass(&host, &ana.token).query(query).await.refused(400, "invalid_request");
        // The order of refusals: a page is sent to its sign-in before it is sent to its operator.
        pass(&host, "x").query(query).await.refused(401, "unauthenticated");
        host.ask("GET", PATH).query(query).await.refused(401, "unauthenticated");
        host.ask("GET", "/internal/forward-auth/globex").bearer(&ana.token).query(query).await.refused(401, "unauthenticated");
    }
    assert_eq!(host.rows().await, rows, "and it is no activity");
}

async fn passing_counts_as_activity_once_a_minute(host: Host) {
    let ana = host.browser("ana").enter().await;
    let began = host.now();
    host.at(just_before(began.plus_s(60)));
    let rows = host.rows().await;
    assert_eq!(pass(&host, &ana.token).await.status, 200);
    assert_eq!(host.rows().await, rows);
    host.at(began.plus_s(60));
    assert_eq!(pass(&host, &ana.token).await.status, 200);
    assert_eq!(host.verify(&ana.token).await.body["last_activity_at"], host.now().to_string());
}

async fn what_has_ended_passes_no_more(host: Host) {
    for ending in ["DELETE /sessions/current", "POST /devices/signout", "DELETE /sessions", "DELETE /devices/current", "POST /devices/current/hijack"] {
        let opened = host.browser("ana").enter().await;
        assert_eq!(pass(&host, &opened.token).await.status, 200);
        let (method, path) = ending.split_once(' ').expect("a method");
        assert!(opened.ask(method, path).await.status < 300);
        host.pass_s(100);
        let rows = host.rows().await;
        pass(&host, &opened.token).await.refused(401, "unauthenticated");
        pass(&host, &opened.token).query("require=mfa").await.refused(401, "unauthenticated");
        assert_eq!(host.rows().await, rows, "{ending}");
    }
    let opened = host.browser("ana").enter().await;
    host.fence(ACME).await;
    pass(&host, &opened.token).await.refused(401, "unauthenticated");
}

/// Elsewhere a session counted as valid before its second factor was done. Here nothing of a sign-in in progress opens anything.
async fn nothing_of_a_sign_in_in_progress_passes(host: Host) {
    let mut laptop = host.browser("ana");
    let opened = laptop.enter().await;
    let device_token = laptop.device_token.clone().expect("a device token");
    let pending = laptop.evaluate().await;
    assert_eq!(pending.body["decision"], "challenge");
    let sign_in = pending.text_at("/id");
    for artefact in [sign_in.clone(), format!("dws_{sign_in}"), device_token.clone(), device_token.replace("dwd_", "dws_"), opened.offer()] {
        pass(&host, &artefact).await.refused(401, "unauthenticated");
        host.ask("GET", PATH).header("cookie", &format!("{SESSION_COOKIE}={artefact}")).await.refused(401, "unauthenticated");
        assert_eq!(host.inactive(&artefact).await.as_deref(), Some("unknown"));
        let introspected = host.call("POST", "/oauth2/introspect").form(&format!("token={artefact}")).await.expect(200);
        assert_eq!(introspected.text, r#"{"active":false}"#);
    }
    laptop.try_complete(&pending, &json!({})).await.refused(403, "mfa_required");
    assert_eq!(host.call("GET", "/internal/users/ana/sessions").await.ids(), [opened.session()], "and there is no session of it");
}

async fn no_user_id_ends_a_header_or_begins_another(host: Host) {
    let long = "%0d%0a".repeat(42);
    let users = [
        "ana@example.com",
        "100%",
        "a%0d%0aX-Doorward-User: root",
        "a b\u{2028}c",
        "ü, root; x=\"1\"",
        "root,admin",
        " root ",
        "+",
        "\u{202e}toor",
        "𝕒",
        &long,
        &"é".repeat(127),
    ];
    for user in users {
        let opened = host.browser(user).enter().await;
        let answer = pass(&host, &opened.token).await;
        shown(&answer);
        let value = told(&answer, "user");
        assert!(value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~:@%".contains(&byte)), "{value}");
        assert_eq!(percent_decode_str(&value).decode_utf8().expect("UTF-8"), user);
    }
    for user in ["a\r\nX-Doorward-User: root", "a\nb", "a\0", "a\u{85}b"] {
        host.browser(user).try_evaluate(&json!({})).await.refused(400, "invalid_request");
    }
    // What a caller sends of these headers itself is not repeated.
    let opened = host.browser("ana").enter().await;
    let answer = pass(&host, &opened.token).header("x-doorward-user", "root").header("x-doorward-acr", "aal9").await;
    assert_eq!((told(&answer, "user").as_str(), told(&answer, "acr").as_str()), ("ana", "aal2"));
}
