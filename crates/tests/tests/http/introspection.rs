//! Introspection by RFC 7662: what is told of a token, to whom, and in which form.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorward_domain::Role;
use doorward_tests::host::browser::with_code;
use doorward_tests::host::{ACME, Ask, GLOBEX, Host, SignedIn, api_key};
use doorward_tests::{after, tenant_id};
use insta::assert_snapshot as see;
use serde_json::json;

doorward_tests::on_each_engine! {
    a_live_token_is_told_in_the_words_of_the_rfc,
    whatever_isnt_live_is_inactive_and_no_more_is_told,
    introspection_is_no_activity,
    the_key_comes_in_its_header_or_as_a_password,
    a_password_may_be_encoded_as_a_form_or_not,
    the_form_is_read_as_oauth_servers_read_it,
}

const NOTHING: &str = r#"{"active":false}"#;

fn introspect(host: &Host, token: &str) -> Ask {
    host.ask("POST", "/oauth2/introspect").by(Role::Verify).form(&format!("token={token}"))
}

fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
}

async fn a_live_token_is_told_in_the_words_of_the_rfc(host: Host) {
    host.at(after(0));
    let mut laptop = host.browser("ana@example.com");
    let proved = laptop.enter_and_trust().await;
    let answer = introspect(&host, &proved.token).await.expect(200);
    see!("introspected", answer.shown());
    let began = host.now().micros() / 1_000_000;
    assert_eq!((answer.body["auth_time"].as_i64(), answer.body["iat"].as_i64()), (Some(began), Some(began)), "whole seconds");
    assert_eq!(answer.body["exp"].as_i64(), Some(began + 30 * 86_400));
    host.pass_s(1);
    let skipped = laptop.enter_skipping().await;
    let answer = introspect(&host, &skipped.token).await.expect(200);
    assert_eq!((&answer.body["acr"], &answer.body["amr"]), (&json!("aal1"), &json!(["pwd"])), "no more than was proved");
    host.pass_s(50);
    let path = format!("/internal/users/ana@example.com/sessions/{}/mfa", skipped.session());
    let stepped = SignedIn::of(&host, host.call("POST", &path).json(&with_code()).await.expect(200));
    let answer = introspect(&host, &stepped.token).await.expect(200);
    assert_eq!((answer.body["auth_time"].as_i64(), &answer.body["acr"]), (Some(began + 51), &json!("aal2")));
    assert_eq!(introspect(&host, &skipped.token).await.text, NOTHING, "the replaced token");
    // A session that a security event keeps loses its second factor's freshness.
    let event = json!({ "type": "password_changed", "keep_session_id": stepped.session() });
    host.call("POST", "/internal/users/ana@example.com/security-events").json(&event).await.expect(200);
    let answer = introspect(&host, &stepped.token).await.expect(200);
    assert_eq!(answer.body["auth_time"].as_i64(), Some(began + 1), "when its first factor was verified");
    assert_eq!(introspect(&host, &proved.token).await.text, NOTHING);
}

async fn whatever_isnt_live_is_inactive_and_no_more_is_told(host: Host) {
    let opened = host.browser("ana").enter().await;
    let elsewhere = host.browser("ana").in_tenant(GLOBEX).enter().await;
    let over = host.browser("ana").enter().await;
    over.delete("/sessions/current").await.expect(204);
    let hijacked = host.browser("bob").enter().await;
    hijacked.post("/devices/current/hijack").await.expect(200);
    let rows = host.rows().await;
    for token in ["x", "dws_", "%00", "%FF", "dws_%0D%0A", &"a".repeat(60_000), &over.token, &hijacked.token, &elsewhere.token, &opened.offer()] {
        let answer = introspect(&host, token).await.expect(200);
        assert_eq!(answer.text, NOTHING, "{token}");
    }
    let foreign = host.ask("POST", "/oauth2/introspect").key(&api_key(GLOBEX, Role::Verify)).form(&format!("token={}", opened.token));
    assert_eq!(foreign.await.expect(200).text, NOTHING);
    assert_eq!(host.rows().await, rows);
    host.pass_s(7 * 86_400);
    assert_eq!(introspect(&host, &opened.token).await.text, NOTHING, "idle");
}

async fn introspection_is_no_activity(host: Host) {
    let opened = host.browser("ana").enter().await;
    host.pass_s(3_600);
    let rows = host.rows().await;
    assert_eq!(introspect(&host, &opened.token).await.expect(200).body["active"], true);
    assert_eq!(host.rows().await, rows);
}

async fn the_key_comes_in_its_header_or_as_a_password(host: Host) {
    let opened = host.browser("ana").enter().await;
    let (good, form) = (api_key(ACME, Role::Verify), format!("token={}", opened.token));
    let ask = || host.ask("POST", "/oauth2/introspect").form(&form);
    for asked in [
        ask().key(&good),
        ask().header("authorization", &basic("gateway", &good)),
        ask().header("authorization", &basic("", &good)),
        ask().header("authorization", &basic("gateway", &good).replace("Basic", "bAsIc")),
        ask().header("authorization", &basic("gateway", &good)).key(&good),
        ask().header("authorization", &basic("gateway", &good)).header("x-tenant-id", ACME),
    ] {
        assert_eq!(asked.await.expect(200).body["active"], true);
    }
    let rows = host.rows().await;
    for asked in [
        ask(),
        ask().bearer(&opened.token),
        ask().bearer(&good),
        ask().header("authorization", &basic(&good, "")),
        ask().header("authorization", &basic("gateway", "wrong-key-that-is-long-enough-to-be-one")),
        ask().header("authorization", &format!("Basic {}", STANDARD.encode(&good))),
        ask().header("authorization", "Basic ???"),
        ask().header("authorization", "Basic"),
        ask().header("authorization", &format!("Basic {}", STANDARD.encode(b"a:\xff\xfe"))),
        ask().header("authorization", &basic("gateway", &good)).key(&api_key(ACME, Role::Admin)),
        ask().header("authorization", &basic("gateway", &good)).header("authorization", &basic("gateway", &good)),
        ask().header("authorization", &basic("gateway", &good)).header("x-tenant-id", GLOBEX),
        host.ask("POST", "/oauth2/introspect").form(&format!("{form}&client_id=gateway&client_secret={good}")),
    ] {
        let refused = asked.await.refused(401, "unauthenticated");
        assert_eq!(refused.header("www-authenticate"), Some(r#"Basic realm="doorward", ApiKey realm="doorward""#));
    }
    // It is the caller's own credential that is spoken of: whatever is in the token is 200.
    host.ask("POST", "/internal/sessions/verify").header("authorization", &basic("gateway", &good)).await.refused(401, "unauthenticated");
    assert_eq!(host.rows().await, rows);
}

async fn a_password_may_be_encoded_as_a_form_or_not(host: Host) {
    let opened = host.browser("ana").enter().await;
    let key = "dwk_a+b/c=d%2Be%zz-which-nobody-else-knows";
    let encoded = "dwk_a%2Bb%2fc%3Dd%252Be%25zz-which-nobody-else-knows";
    assert!(host.service().install_bootstrap_key(&tenant_id(ACME), key).await.expect("the store answers"));
    let form = format!("token={}", opened.token);
    let ask = || host.ask("POST", "/oauth2/introspect").form(&form).from("203.0.113.66");
    for asked in [
        ask().header("authorization", &basic("gateway", key)),
        ask().header("authorization", &basic("gateway", encoded)),
        ask().header("authorization", &basic("gate%20way", encoded)),
        ask().header("authorization", &basic("gateway", encoded)).key(key),
        ask().header("authorization", &basic("gateway", &encoded.replace("dwk_", "%64wk_"))),
    ] {
        assert_eq!(asked.await.expect(200).body["active"], true);
    }
    let wrong = |page: String| page.lines().find_map(|line| line.strip_prefix(r#"doorward_wrong_secrets_total{secret="api_key"} "#)?.parse().ok()).unwrap_or(0);
    let before: u32 = wrong(host.metrics());
    let tried = [
        ask().header("authorization", &basic("gateway", &encoded.replace('%', "%25"))),
        ask().header("authorization", &basic("gateway", &key.replace("%2B", "+"))),
        ask().header("authorization", &basic("gateway", "wrong+key%20that-is-long-enough-to-be-one")),
        ask().header("authorization", &basic("gateway", "%FF+wrong-key-that-is-long-enough-to-be-one")),
        ask().key(encoded),
    ];
    let count = u32::try_from(tried.len()).expect("few");
    for asked in tried {
        asked.await.refused(401, "unauthenticated");
    }
    assert_eq!(wrong(host.metrics()) - before, count, "each request counts once, in however many ways it may be read");
    ask().header("authorization", &basic("gateway", encoded)).key(&api_key(ACME, Role::Verify)).await.refused(401, "unauthenticated");
}

async fn the_form_is_read_as_oauth_servers_read_it(host: Host) {
    let opened = host.browser("ana").enter().await;
    let ask = |form: &str| host.ask("POST", "/oauth2/introspect").by(Role::Verify).form(form);
    let token = &opened.token;
    for form in [
        format!("token={token}&token_type_hint=refresh_token"),
        format!("token={token}&token_type_hint=%F0%9F%98%80&resource=https%3A%2F%2Fapi.example"),
        format!("x=1&x=2&token={token}"),
        format!("%74oken={token}&"),
    ] {
        assert_eq!(ask(&form).await.expect(200).body["active"], true, "{form}");
    }
    let upper = host.ask("POST", "/oauth2/introspect").by(Role::Verify).header("content-type", "Application/X-WWW-Form-Urlencoded; charset=UTF-8");
    assert_eq!(upper.bytes(format!("token={token}")).await.expect(200).body["active"], true);
    let rows = host.rows().await;
    for (form, code) in [("", "required"), ("token=", "required"), ("Token=x", "required"), ("token=x&token=x", "repeated"), ("{\"token\":\"x\"}", "required")]
    {
        let refused = ask(form).await.refused(400, "invalid_request");
        assert_eq!((refused.text_at("/errors/0/field").as_str(), refused.text_at("/errors/0/code").as_str()), ("token", code), "{form}");
    }
    let hints = ask("token=x&token_type_hint=a&token_type_hint=b").await.refused(400, "invalid_request");
    assert_eq!(hints.text_at("/errors/0/field"), "token_type_hint");
    host.ask("POST", "/oauth2/introspect").by(Role::Verify).query(&format!("token={token}")).await.refused(400, "invalid_request");
    for media_type in ["application/json", "text/plain", "multipart/form-data; boundary=x", "application/x-www-form-urlencodedx", ""] {
        let asked = host.ask("POST", "/oauth2/introspect").by(Role::Verify).header("content-type", media_type).bytes(format!("token={token}"));
        asked.await.refused(415, "unsupported_media_type");
    }
    assert_eq!(host.rows().await, rows);
}
