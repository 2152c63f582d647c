//! Document 1: the trusted devices API under `/api/v1/devices`, from top to bottom. Its paths and its meaning are the native API's; the
//! document shows no bodies, so that these are Doorward's own.

use doorward_domain::Binding;
use doorward_tests::host::browser::{FIREFOX, with_checkbox, with_code};
use doorward_tests::host::description::operations;
use doorward_tests::host::{Ask, Browser, Host, SignedIn};
use doorward_tests::just_after;
use serde_json::{Value, json};

doorward_tests::on_each_engine! {
    the_overview,
    authentication,
    the_devices_flow,
    fingerprints_are_of_address_user_agent_and_further_characteristics,
    devices_are_created_and_activated_during_mfa_verification,
    activate,
    list,
    revoke,
    skip,
    the_notes,
    the_swagger_documentation,
}

fn ask(host: &Host, caller: &SignedIn, method: &str, path: &str) -> Ask {
    host.ask(method, &format!("/api/v1/devices{path}")).bearer(&caller.token)
}

async fn with_offer(host: &Host, user: &str) -> (Browser, SignedIn) {
    let mut browser = host.browser(user);
    let entered = browser.enter().await;
    (browser, entered)
}

/// "Device fingerprinting; device activation; device management and revocation; skip device activation option." Fingerprinting has no
/// path: it happens at each sign-in.
async fn the_overview(host: Host) {
    let (_, ana) = with_offer(&host, "ana").await;
    let detail = ask(&host, &ana, "GET", "/current").await.expect(200);
    assert_eq!(detail.text_at("/device_fingerprint").len(), 32);
    for (method, path) in [("POST", "/activate"), ("GET", ""), ("DELETE", "/x"), ("POST", "/skip")] {
        let answer = host.ask(method, &format!("/api/v1/devices{path}")).await;
        answer.refused(401, "unauthenticated");
    }
    // "GET /" is the base path, with and without its slash.
    ask(&host, &ana, "GET", "/").await.expect(200);
}

/// "All endpoints require authentication: Authorization: Bearer <access token>."
async fn authentication(host: Host) {
    let (_, ana) = with_offer(&host, "ana").await;
    ask(&host, &ana, "GET", "").await.expect(200);
    host.ask("GET", "/api/v1/devices").header("authorization", &format!("Token {}", ana.token)).await.refused(401, "unauthenticated");
    host.ask("GET", "/api/v1/devices").by(doorward_domain::Role::Admin).await.refused(401, "unauthenticated");
}

/// "Device activation: during MFA verification"; "trusted devices can bypass MFA challenges"; "users can view, manage, and revoke".
async fn the_devices_flow(host: Host) {
    let (mut laptop, ana) = with_offer(&host, "ana").await;
    assert_eq!(laptop.judged().await.0, "challenge");
    laptop.keep(&ask(&host, &ana, "POST", "/activate").json(&json!({ "activation_token": ana.offer() })).await.expect(200));
    let skipped = laptop.enter_skipping().await;
    assert_eq!(ask(&host, &skipped, "GET", "").await.expect(200).ids(), [ana.device()]);
    ask(&host, &skipped, "DELETE", &format!("/{}", ana.device())).await.expect(204);
    assert_eq!(laptop.judged().await.0, "challenge");
}

/// "System generates unique device fingerprint using IP, user agent, and additional device characteristics."
///
/// Settled: the address counts by its network, so that a person may move within it; and likeness proves something only where the
/// tenant chose it. Here it did: what is alike in all three is the trusted device, and each of them tells another one apart.
async fn fingerprints_are_of_address_user_agent_and_further_characteristics(host: Host) {
    host.set_rules(|rules| rules.trust_binding = Binding::Fingerprint).await;
    let looking = |more: &Value| host.browser("ana").looking(&json!({ "fingerprint": "what the app measured" })).looking(more);
    let device = looking(&json!({})).enter_and_trust().await.device();
    for (what, more, decision) in [
        ("the same", json!({}), "allow"),
        ("another address of the network", json!({ "ip": "203.0.113.200" }), "allow"),
        ("another network", json!({ "ip": "198.51.100.7" }), "challenge"),
        ("another user agent", json!({ "user_agent": FIREFOX }), "challenge"),
        ("other characteristics", json!({ "fingerprint": "what another app measured" }), "challenge"),
    ] {
        let sign_in = looking(&more).evaluate().await;
        assert_eq!(sign_in.text_at("/decision"), decision, "{what}");
        assert_eq!(sign_in.body.pointer("/device/id").is_some_and(|id| *id == device), decision == "allow", "{what}");
    }
}

/// "Users can activate devices during MFA verification to mark them as trusted"; "devices are created during MFA verification with
/// activation tokens": the checkbox beside the code, or the token that comes with the answer.
///
/// Settled: there is no device before the second factor is verified, whatever was tried.
async fn devices_are_created_and_activated_during_mfa_verification(host: Host) {
    let devices = async || host.call("GET", "/internal/users/ana/devices").await.expect(200);
    let mut laptop = host.browser("ana");
    let sign_in = laptop.evaluate().await;
    assert_eq!(sign_in.text_at("/decision"), "challenge");
    assert_eq!(devices().await.ids(), Vec::<String>::new());
    laptop.try_complete(&sign_in, &json!({})).await.refused(403, "mfa_required");
    assert_eq!(devices().await.ids(), Vec::<String>::new());
    let ana = laptop.complete(&sign_in, &with_code()).await;
    let made = devices().await;
    assert_eq!((made.ids(), made.text_at("/items/0/status")), (vec![ana.device()], "unverified".to_owned()));
    assert!(ana.offer().starts_with("dwa_"));
    // Marked as trusted in the verification itself: no activation is needed.
    let mut phone = host.browser("ana");
    let sign_in = phone.evaluate().await;
    let on_phone = phone.complete(&sign_in, &with_checkbox()).await;
    assert!(!on_phone.is_offered());
    assert_eq!(ask(&host, &on_phone, "GET", "").await.expect(200).ids(), [on_phone.device()]);
    assert_eq!((phone.judged().await.0.as_str(), laptop.judged().await.0.as_str()), ("allow", "challenge"));
}

/// "POST /activate: Activate trusted device", with a fresh and with a stale second factor.
///
/// Settled: activation comes after the sign-in is complete, with the new session's token.
async fn activate(host: Host) {
    let (_, ana) = with_offer(&host, "ana").await;
    let asked = json!({ "activation_token": ana.offer() });
    ask(&host, &ana, "POST", "/activate").json(&asked).await.expect(200);
    ask(&host, &ana, "POST", "/activate").json(&asked).await.refused(404, "activation_not_found");
    // An offer that outlives its factor's freshness gives nothing.
    host.set_rules(|rules| rules.activation_ttl_s = 3_600).await;
    let (_, ben) = with_offer(&host, "ben").await;
    host.at(just_after(host.now().plus_s(600)));
    let rows = host.rows().await;
    ask(&host, &ben, "POST", "/activate").json(&json!({ "activation_token": ben.offer() })).await.refused(403, "mfa_required");
    assert_eq!(host.rows().await, rows);
}

/// "GET /: List trusted devices": those that are trusted now.
async fn list(host: Host) {
    let (mut laptop, ana) = with_offer(&host, "ana").await;
    assert_eq!(ask(&host, &ana, "GET", "").await.expect(200).ids(), Vec::<String>::new());
    laptop.keep(&ask(&host, &ana, "POST", "/activate").json(&json!({ "activation_token": ana.offer() })).await.expect(200));
    let listed = ask(&host, &ana, "GET", "").await.expect(200);
    assert_eq!(listed.ids(), [ana.device()]);
    assert_eq!(listed.body["items"][0]["status"], "trusted");
    // Others are shown when they are asked for.
    let other = host.browser("ana").enter().await;
    assert_eq!(ask(&host, &other, "GET", "").query("status=all").await.expect(200).ids().len(), 2);
}

/// "DELETE /{device_id}: Revoke trusted device."
async fn revoke(host: Host) {
    let (mut laptop, ana) = with_offer(&host, "ana").await;
    laptop.keep(&ask(&host, &ana, "POST", "/activate").json(&json!({ "activation_token": ana.offer() })).await.expect(200));
    let elsewhere = host.browser("ana").enter().await;
    ask(&host, &elsewhere, "DELETE", &format!("/{}", ana.device())).await.expect(204);
    assert!(!ana.is_in().await, "its sessions end with it");
    let (decision, reasons) = laptop.judged().await;
    assert_eq!(decision, "challenge", "{reasons:?}");
    ask(&host, &elsewhere, "DELETE", &format!("/{}", ana.device())).await.refused(404, "not_found");
    let stranger = host.browser("ben").enter().await;
    ask(&host, &elsewhere, "DELETE", &format!("/{}", stranger.device())).await.refused(404, "not_found");
}

/// "POST /skip: Skip device activation": the offer is declined, and isn't made again for a while. It has nothing to do with skipping the
/// second factor.
async fn skip(host: Host) {
    let (mut laptop, ana) = with_offer(&host, "ana").await;
    ask(&host, &ana, "POST", "/skip").json(&json!({ "activation_token": ana.offer() })).await.expect(200);
    ask(&host, &ana, "POST", "/activate").json(&json!({ "activation_token": ana.offer() })).await.refused(404, "activation_not_found");
    assert_eq!(laptop.judged().await.0, "challenge");
    assert!(!laptop.enter_with(&with_code()).await.is_offered());
}

/// "Activation tokens expire after 5 minutes"; "devices are created during MFA verification with activation tokens"; "fingerprints are
/// hashed for privacy and security"; "linked to user accounts".
///
/// Settled: a device exists from its first completed sign-in, trusted or not. "Using IP": as a part of its own, by network.
async fn the_notes(host: Host) {
    let (_, ana) = with_offer(&host, "ana").await;
    host.at(host.now().plus_s(300));
    ask(&host, &ana, "POST", "/activate").json(&json!({ "activation_token": ana.offer() })).await.refused(404, "activation_not_found");
    let (_, ben) = with_offer(&host, "ben").await;
    host.at(doorward_domain::Timestamp::from_micros(host.now().plus_s(300).micros() - 1));
    ask(&host, &ben, "POST", "/activate").json(&json!({ "activation_token": ben.offer() })).await.expect(200);
    let looks = json!({ "fingerprint": { "canvas": "a telling value of the canvas" } });
    host.browser("cleo").looking(&looks).enter().await;
    assert!(!host.rows().await.iter().any(|row| row.contains("a telling value")), "kept as digests alone");
    // The offer is its own person's.
    let (_, dan) = with_offer(&host, "dan").await;
    let (_, eve) = with_offer(&host, "eve").await;
    ask(&host, &eve, "POST", "/activate").json(&json!({ "activation_token": dan.offer() })).await.refused(404, "activation_not_found");
}

/// "Interactive API documentation available at: /docs#/devices": the page opens on the own APIs, and `devices` is the tag of these
/// operations, and of no other's.
async fn the_swagger_documentation(host: Host) {
    let page = host.ask("GET", "/docs/").await.expect(200);
    assert!(page.header("content-type").is_some_and(|media_type| media_type.starts_with("text/html")) && page.text.contains("swagger-ui"));
    let initializer = host.ask("GET", "/docs/swagger-initializer.js").await.expect(200).text;
    let first = initializer.split("/openapi").nth(1).expect("a description");
    assert!(first.starts_with("/doorward.json"), "{initializer}");
    let shown = host.ask("GET", "/openapi/doorward.json").await.expect(200).body;
    assert!(shown["tags"].as_array().expect("tags").iter().any(|tag| tag["name"] == "devices"));
    for operation in operations() {
        let tagged = operation.said["tags"] == json!(["devices"]);
        assert_eq!(tagged, operation.path.starts_with("/api/v1/devices"), "{}", operation.id);
        assert!(!tagged || shown["paths"].get(operation.path).is_some(), "{}", operation.id);
    }
}
