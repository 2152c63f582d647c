//! Lessons about the way out: what ends, where, when, and for good.

use std::sync::Arc;

use doorward_domain::Role;
use doorward_tests::Home;
use doorward_tests::host::browser::with_code;
use doorward_tests::host::{Host, SignedIn};
use serde_json::json;

use super::{DOORS, doors_that_open, report, skips};

doorward_tests::on_each_engine! {
    an_ending_reaches_every_door,
    a_change_of_factors_ends_sessions_and_trust,
    a_new_password_ends_sessions_whoever_set_it,
    what_ended_by_any_way_is_over_everywhere,
    what_has_expired_is_over_though_nobody_cleans_up,
    an_ending_outlives_a_restart,
    a_revoked_key_is_refused_at_its_next_use,
    only_ids_of_ones_own_end_anything,
}

/// Vaultwarden CVE-2026-43911: a refresh was still good after the security stamp had changed.
async fn an_ending_reaches_every_door(host: Host) {
    let mut laptop = host.browser("ana");
    let opened = laptop.enter_and_trust().await;
    let in_progress = laptop.evaluate().await;
    assert_eq!(doors_that_open(&host, &opened.token).await, DOORS);
    host.pass_s(1);
    report(&host, "ana", &json!({ "type": "password_reset" })).await;
    assert_eq!(doors_that_open(&host, &opened.token).await, Vec::<&str>::new());
    let step_up = format!("/internal/users/ana/sessions/{}/mfa", opened.session());
    let refused = host.call("POST", &step_up).json(&with_code()).await;
    assert!(matches!(refused.status, 404 | 409), "no step-up revives it: {}", refused.text);
    laptop.try_complete(&in_progress, &json!({})).await.refused(409, "sign_in_cancelled");
    assert!(!skips(&laptop).await);
}

/// Joomla CVE-2024-21722: a change of second factors left sessions alive.
async fn a_change_of_factors_ends_sessions_and_trust(host: Host) {
    for event in ["mfa_enrolled", "mfa_removed", "mfa_disabled", "mfa_reset", "passkey_added", "passkey_removed", "recovery_codes_regenerated"] {
        let mut laptop = host.browser(event);
        let opened = laptop.enter_and_trust().await;
        host.pass_s(1);
        report(&host, event, &json!({ "type": event })).await;
        assert!(!opened.is_in().await && !skips(&laptop).await, "{event}");
    }
}

/// Flowise CVE-2025-71335, Flowintel CVE-2026-81826, ZenML GHSA-99hm-86h7-gr3g, UAA GHSA-h533-q6jc-qx28: sessions outlived the password.
async fn a_new_password_ends_sessions_whoever_set_it(host: Host) {
    for (event, actor) in
        [("password_changed", "the person"), ("password_changed", "an administrator"), ("password_reset", "a mail"), ("recovery_used", "a code")]
    {
        let user = format!("{event}-{}", actor.replace(' ', "-"));
        let mut laptop = host.browser(&user);
        let opened = laptop.enter_and_trust().await;
        host.pass_s(1);
        let asked = host.call("POST", &format!("/internal/users/{user}/security-events")).header("x-doorward-actor", actor);
        asked.json(&json!({ "type": event })).await.expect(200);
        assert!(!opened.is_in().await && !skips(&laptop).await, "{event} by {actor}");
    }
}

/// authentik CVE-2025-29928: sessions that were deleted in one store went on in another. Here by each way of ending one.
async fn what_ended_by_any_way_is_over_everywhere(host: Host) {
    for way in ["by itself", "by the person", "by the host", "all of them", "with its device", "by an event", "with its tenant"] {
        let user = way.replace(' ', "-");
        let (opened, other) = (host.browser(&user).enter().await, host.browser(&user).enter().await);
        host.pass_s(1);
        let by_host = |method: &str, path: &str| host.call(method, &format!("/internal/users/{user}{path}"));
        match way {
            "by itself" => drop(opened.delete("/sessions/current").await.expect(204)),
            "by the person" => drop(other.delete(&format!("/sessions/{}", opened.session())).await.expect(204)),
            "by the host" => drop(by_host("DELETE", &format!("/sessions/{}", opened.session())).await.expect(204)),
            "all of them" => drop(by_host("DELETE", "/sessions").await.expect(200)),
            "with its device" => drop(by_host("DELETE", &format!("/devices/{}", opened.device())).await.expect(204)),
            "by an event" => drop(report(&host, &user, &json!({ "type": "credential_compromised" })).await),
            _ => host.fence("acme").await,
        }
        assert_eq!(doors_that_open(&host, &opened.token).await, Vec::<&str>::new(), "{way}");
        let live = by_host("GET", "/sessions").await.expect(200);
        assert!(!live.ids().contains(&opened.session()), "{way}: it isn't listed as live");
    }
}

/// authentik CVE-2025-64708: what had expired was valid until a job had cleaned up. No job runs here.
async fn what_has_expired_is_over_though_nobody_cleans_up(host: Host) {
    let mut laptop = host.browser("ana");
    let opened = laptop.enter_and_trust().await;
    let sign_in = laptop.evaluate().await;
    host.pass_s(31 * 86_400);
    assert_eq!(doors_that_open(&host, &opened.token).await, Vec::<&str>::new());
    assert!(!skips(&laptop).await);
    laptop.try_complete(&sign_in, &with_code()).await.refused(410, "sign_in_expired");
}

/// Keycloak CVE-2026-9802: after a restart, what had been revoked was good again. Over a `kill -9`: the suite `kill`.
async fn an_ending_outlives_a_restart(home: Arc<Home>) {
    let host = Host::open(&home, false).await;
    let mut laptop = host.browser("ana");
    let revoked = laptop.enter_and_trust().await;
    let ended_by_event = host.browser("ben").enter_and_trust().await;
    let live = host.browser("carla").enter().await;
    host.pass_s(1);
    revoked.post("/devices/current/untrust").await.expect(200);
    revoked.delete("/sessions/current").await.expect(204);
    report(&host, "ben", &json!({ "type": "password_reset" })).await;
    let now = host.now();
    host.lose_store().await;
    let host = Host::open(&home, false).await;
    host.at(now);
    for over in [&revoked, &ended_by_event] {
        assert_eq!(doors_that_open(&host, &over.token).await, Vec::<&str>::new());
    }
    assert_eq!(doors_that_open(&host, &live.token).await, DOORS);
    let judged = host.browser("ana").holding(&laptop.device_token.expect("a device token")).judged().await;
    assert_eq!(judged.0, "challenge");
    host.lose_store().await;
}

/// Keycloak CVE-2023-0091: a client's revoked token was accepted. Here the API keys, which are held to the same.
async fn a_revoked_key_is_refused_at_its_next_use(host: Host) {
    host.add_key("dwk_of-a-service-which-is-to-be-closed", |_| ()).await;
    let ask = || host.ask("GET", "/internal/users/ana/devices").key("dwk_of-a-service-which-is-to-be-closed");
    ask().await.expect(200);
    let id = host.key_id("dwk_of-a-service-which-is-to-be-closed").await.0;
    host.ask("DELETE", &format!("/internal/api-keys/{id}")).by(Role::Admin).await.expect(204);
    ask().await.refused(401, "unauthenticated");
}

/// Better Auth's multi-session plug-in: an unsigned cookie named whose session to end.
async fn only_ids_of_ones_own_end_anything(host: Host) {
    let ana = host.browser("ana").enter_and_trust().await;
    let mallory = host.browser("mallory").enter().await;
    let rows = host.rows().await;
    let attempts = |by: &SignedIn| {
        let (session, device) = (ana.session(), ana.device());
        [
            by.ask("DELETE", &format!("/sessions/{session}")),
            by.ask("DELETE", &format!("/devices/{device}")),
            by.ask("POST", &format!("/devices/{device}/untrust")),
            by.ask("POST", &format!("/devices/{device}/hijack")),
            by.ask("POST", &format!("/devices/{device}/trust")),
            by.ask("PATCH", &format!("/devices/{device}")).json(&json!({ "name": "mine" })),
        ]
    };
    for ask in attempts(&mallory) {
        // A cookie that names ana's session says nothing: the token alone does.
        ask.header("cookie", &format!("session_{}={}", ana.session(), ana.session())).await.refused(404, "not_found");
    }
    assert_eq!(host.rows().await, rows);
    assert!(ana.is_in().await);
}
