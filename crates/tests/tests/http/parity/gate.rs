//! The trust gate: what it refuses, it refuses by every way to trust, each in its surface's own form and for the same reason.

use doorward_domain::{Policy, Preset};
use doorward_tests::host::browser::with_code;
use doorward_tests::host::{Answer, Host};
use doorward_tests::just_after;
use serde_json::json;

use super::Ana;
use super::said::{Stands, every_surface_says};
use super::ways::{TRUST, TRUST_ITSELF, Way};

doorward_tests::on_each_engine! {
    a_factor_that_was_skipped_gives_trust_by_no_surface,
    a_factor_of_a_weak_method_gives_trust_by_no_surface,
    a_factor_that_is_too_old_gives_trust_by_no_surface,
    a_factor_from_before_a_change_gives_trust_by_no_surface,
    a_device_that_proved_nothing_itself_is_trusted_by_no_persons_surface,
    where_the_host_wants_no_trust_no_surface_gives_it,
    where_the_policy_allows_no_trust_no_surface_gives_it,
}

/// The person's own ways to trust another device: those for which the session's own factor counts.
fn personal() -> impl Iterator<Item = &'static Way> {
    TRUST.iter().filter(|way| way.surface != "internal")
}

/// The ways by an offer that came with a sign-in.
fn by_offer() -> impl Iterator<Item = &'static Way> {
    TRUST_ITSELF.iter().filter(|way| way.surface.contains("offer"))
}

/// The reason, out of a refusal of this kind in the surface's form.
fn reason(surface: &str, answer: &Answer, kind: &str) -> String {
    assert_eq!(answer.status, 403, "{surface}: {}", answer.text);
    match surface.split(',').next() {
        Some("flashback") => {
            assert_eq!(answer.body["success"], false, "{}", answer.text);
            answer.text_at("/error")
        }
        Some("laravel") => {
            assert_eq!(answer.body["message"], "This action is unauthorized.");
            answer.text_at("/reason")
        }
        _ => {
            assert_eq!(answer.body["type"], format!("/problems/{kind}"), "{surface}");
            answer.text_at("/detail")
        }
    }
}

/// Tries each way, and sees that it is refused for this reason and that nothing changes.
async fn refused(ana: &Ana, ways: impl Iterator<Item = &'static Way>, kind: &str, because: &str) {
    for way in ways {
        let rows = ana.host.rows().await;
        let told = reason(way.surface, &(way.act)(ana).await, kind);
        assert!(told.contains(because), "{}: {told}", way.surface);
        // An evaluation is a row of its own.
        assert!(ana.host.rows().await == rows || way.surface.contains("completion"), "{}", way.surface);
    }
    every_surface_says(ana, Stands::Unverified, because).await;
}

/// The host's own call states the factor.
async fn refused_to_the_host(ana: &Ana, mfa: &serde_json::Value, because: &str) {
    let told = ana.internal("POST", &format!("/devices/{}/trust", ana.device())).json(&json!({ "mfa": mfa })).await;
    assert!(reason("internal", &told, "mfa_required").contains(because), "{}", told.text);
}

async fn a_factor_that_was_skipped_gives_trust_by_no_surface(host: Host) {
    let mut ana = Ana::anew(&host, "ana").await;
    let mut laptop = host.browser("ana");
    laptop.enter_and_trust().await;
    ana.laptop = laptop.enter_skipping().await;
    refused(&ana, personal(), "mfa_required", "must be verified in this sign-in or session first").await;
    let allowed = laptop.evaluate().await;
    assert_eq!(allowed.body["decision"], "allow");
    let told = laptop.try_complete(&allowed, &json!({ "trust_device": true })).await;
    reason("internal", &told, "mfa_required");
}

async fn a_factor_of_a_weak_method_gives_trust_by_no_surface(host: Host) {
    let (mut ana, weak) = (Ana::anew(&host, "ana").await, json!({ "method": "email_otp" }));
    let because = "may not seed trust";
    ana.laptop = host.browser("ana").enter_with(&json!({ "mfa": weak })).await;
    assert!(!ana.laptop.is_offered());
    refused(&ana, personal(), "mfa_required", because).await;
    refused_to_the_host(&ana, &weak, because).await;
    let sign_in = ana.phone.evaluate().await;
    let told = ana.phone.try_complete(&sign_in, &json!({ "mfa": weak, "trust_device": true })).await;
    assert!(reason("internal", &told, "mfa_required").contains(because), "{}", told.text);
    every_surface_says(&ana, Stands::Unverified, because).await;
}

async fn a_factor_that_is_too_old_gives_trust_by_no_surface(host: Host) {
    host.set_rules(|rules| rules.activation_ttl_s = 3_600).await;
    let ana = Ana::anew(&host, "ana").await;
    let old = json!({ "method": "totp", "verified_at": host.now().to_string() });
    host.at(just_after(host.now().plus_s(600)));
    refused(&ana, personal().chain(by_offer()), "mfa_required", "too long ago").await;
    refused_to_the_host(&ana, &old, "too long ago").await;
    every_surface_says(&ana, Stands::Unverified, "too long ago").await;
}

async fn a_factor_from_before_a_change_gives_trust_by_no_surface(host: Host) {
    let ana = Ana::anew(&host, "ana").await;
    let change = host.now();
    host.change_account("ana", move |account| account.head.factors_changed_at = Some(change)).await;
    refused(&ana, personal().chain(by_offer()), "mfa_required", "security event").await;
    refused_to_the_host(&ana, &json!({ "method": "totp" }), "security event").await;
    every_surface_says(&ana, Stands::Unverified, "security event").await;
}

async fn a_device_that_proved_nothing_itself_is_trusted_by_no_persons_surface(host: Host) {
    let ana = Ana::with(&host, "ana", "none").await;
    refused(&ana, personal(), "mfa_required", "has not passed a second factor itself").await;
}

async fn where_the_host_wants_no_trust_no_surface_gives_it(host: Host) {
    let mut ana = Ana::anew(&host, "ana").await;
    let wanted_none = json!({ "mfa": { "method": "totp" }, "offer_trust": false });
    ana.laptop = host.browser("ana").enter_with(&wanted_none).await;
    assert!(!ana.laptop.is_offered());
    refused(&ana, personal(), "trust_not_allowed", "The host asked").await;
}

async fn where_the_policy_allows_no_trust_no_surface_gives_it(host: Host) {
    let ana = Ana::anew(&host, "ana").await;
    let because = "lets no device be trusted";
    host.set_policy(Policy::preset(Preset::NistAal2)).await;
    refused(&ana, TRUST.iter().chain(TRUST_ITSELF), "trust_not_allowed", because).await;
    let create = json!({ "user_id": ana.user, "device_fingerprint": "made by the backend" });
    let rows = host.rows().await;
    let told = ana.authms("POST", "").json(&create).await;
    assert!(reason("authms", &told, "trust_not_allowed").contains(because), "{}", told.text);
    assert_eq!(host.rows().await, rows);
    assert!(!ana.phone.clone().enter_with(&with_code()).await.is_offered());
}
