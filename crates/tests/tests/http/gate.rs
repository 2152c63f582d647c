//! The trust gate: every way of giving trust goes through it, and a session that skipped its second factor never passes.

use doorward_tests::host::browser::{with_checkbox, with_code};
use doorward_tests::host::{Answer, Browser, Host, SignedIn};
use doorward_tests::just_after;
use insta::assert_snapshot as see;
use serde_json::{Value, json};

doorward_tests::on_each_engine! {
    a_session_that_skipped_never_gives_trust,
    a_session_without_a_factor_gives_no_trust,
    a_factor_ages_by_every_path,
    an_offer_outlives_no_factor,
    weak_methods_seed_no_trust_by_any_path,
    every_other_method_seeds_trust,
    a_policy_may_name_other_methods,
    another_device_is_trusted_only_where_it_passed_a_factor_itself,
    a_change_of_factors_ends_what_older_factors_may_do,
    no_path_gives_trust_where_the_policy_allows_none,
    a_hijacked_device_is_trusted_by_no_path,
    a_host_vouches_for_any_device_of_the_user_alone,
    trust_lasts_no_longer_than_the_devices_own_factor_allows,
}

const RECENT_S: u32 = 600;

fn detail(answer: &Answer) -> &str {
    answer.body["detail"].as_str().expect("a detail")
}

async fn trust_for_host(host: &Host, device: &str, mfa: &Value) -> Answer {
    host.call("POST", &format!("/internal/users/ana/devices/{device}/trust")).json(&json!({ "mfa": mfa })).await
}

async fn step_up(host: &Host, session: &SignedIn, mfa: &Value) -> SignedIn {
    let path = format!("/internal/users/ana/sessions/{}/mfa", session.session());
    SignedIn::of(host, host.call("POST", &path).json(&json!({ "mfa": mfa })).await.expect(200))
}

async fn two_devices(host: &Host) -> (Browser, SignedIn, Browser, SignedIn) {
    let (mut laptop, mut phone) = (host.browser("ana"), host.browser("ana"));
    let on_laptop = laptop.enter().await;
    host.pass_s(1);
    let on_phone = phone.enter().await;
    host.pass_s(1);
    (laptop, on_laptop, phone, on_phone)
}

async fn a_session_that_skipped_never_gives_trust(host: Host) {
    let mut laptop = host.browser("ana");
    laptop.enter_and_trust().await;
    host.pass_s(1);
    let other = host.browser("ana").enter().await;
    let skipped = laptop.enter_skipping().await;
    assert!(!skipped.is_offered());
    let rows = host.rows().await;
    // Its device passed a real factor a moment ago, and another session of it may.
    see!("skipped_and_trusts", skipped.post("/devices/current/trust").await.refused(403, "mfa_required").shown());
    skipped.post(&format!("/devices/{}/trust", other.device())).await.refused(403, "mfa_required");
    let allowed = laptop.evaluate().await;
    assert_ne!(host.rows().await, rows, "a sign-in is a row");
    let rows = host.rows().await;
    laptop.try_complete(&allowed, &json!({ "trust_device": true })).await.refused(403, "mfa_required");
    assert_eq!(host.rows().await, rows);
    let stepped = step_up(&host, &skipped, &json!({ "method": "totp" })).await;
    stepped.post("/devices/current/trust").await.expect(200);
}

async fn a_session_without_a_factor_gives_no_trust(host: Host) {
    let mut laptop = host.browser("ana");
    let sign_in = laptop.evaluate_with(&json!({ "second_factor": "none" })).await;
    laptop.try_complete(&sign_in, &json!({ "trust_device": true })).await.refused(403, "mfa_required");
    let opened = laptop.complete(&sign_in, &json!({})).await;
    opened.post("/devices/current/trust").await.refused(403, "mfa_required");
    let directly = json!({ "user_id": "ana", "ip": "203.0.113.7", "user_agent": "x" });
    let direct = SignedIn::of(&host, host.call("POST", "/internal/sessions").json(&directly).await.expect(201));
    assert!(!direct.is_offered());
    direct.post("/devices/current/trust").await.refused(403, "mfa_required");
}

async fn a_factor_ages_by_every_path(host: Host) {
    let mut laptop = host.browser("ana");
    let opened = laptop.enter().await;
    let limit = host.now().plus_s(RECENT_S);
    host.at(limit);
    opened.post("/devices/current/trust").await.expect(200);
    host.at(just_after(limit));
    let stale = opened.post("/devices/current/trust").await.refused(403, "mfa_required");
    assert!(detail(&stale).contains("too long ago"));
    let old = json!({ "method": "totp", "verified_at": doorward_tests::start().to_string() });
    let stale = trust_for_host(&host, &opened.device(), &old).await.refused(403, "mfa_required");
    assert!(detail(&stale).contains("too long ago"));
    let stepped = step_up(&host, &opened, &old).await;
    assert!(!stepped.is_offered(), "a step-up by an old factor seeds no trust");
    stepped.post("/devices/current/trust").await.refused(403, "mfa_required");
    let done = json!({ "second_factor": "done", "mfa": old, "authenticated_at": doorward_tests::start().to_string() });
    let sign_in = laptop.evaluate_with(&done).await;
    laptop.try_complete(&sign_in, &json!({ "trust_device": true })).await.refused(403, "mfa_required");
    let entered = laptop.complete(&sign_in, &json!({})).await;
    assert!(!entered.is_offered());
}

async fn an_offer_outlives_no_factor(host: Host) {
    host.set_rules(|rules| rules.activation_ttl_s = 3_600).await;
    let mut laptop = host.browser("ana");
    let opened = laptop.enter().await;
    host.pass_s(RECENT_S);
    host.at(just_after(host.now()));
    let rows = host.rows().await;
    laptop.activate(&opened.offer()).await.refused(403, "mfa_required");
    opened.activate(&opened.offer()).await.refused(403, "mfa_required");
    assert_eq!(host.rows().await, rows);
}

async fn weak_methods_seed_no_trust_by_any_path(host: Host) {
    for method in ["email_otp", "backup_code", "other"] {
        let mut laptop = host.browser("ana");
        let mfa = json!({ "method": method });
        let sign_in = laptop.evaluate().await;
        let refused = laptop.try_complete(&sign_in, &json!({ "mfa": mfa, "trust_device": true })).await.refused(403, "mfa_required");
        assert!(detail(&refused).contains("method"), "{method}");
        let opened = laptop.complete(&sign_in, &json!({ "mfa": mfa })).await;
        assert!(!opened.is_offered(), "{method}");
        opened.post("/devices/current/trust").await.refused(403, "mfa_required");
        trust_for_host(&host, &opened.device(), &mfa).await.refused(403, "mfa_required");
        let stepped = step_up(&host, &opened, &mfa).await;
        assert!(!stepped.is_offered(), "{method}");
        let done = laptop.evaluate_with(&json!({ "second_factor": "done", "mfa": mfa })).await;
        laptop.try_complete(&done, &json!({ "trust_device": true })).await.refused(403, "mfa_required");
        let directly = json!({ "user_id": "ana", "ip": "203.0.113.7", "user_agent": "x", "mfa": mfa });
        assert_eq!(host.call("POST", "/internal/sessions").json(&directly).await.expect(201).body.get("activation"), None);
    }
}

async fn every_other_method_seeds_trust(host: Host) {
    for method in ["totp", "webauthn", "push", "sms_otp"] {
        let mut laptop = host.browser("ana");
        laptop.enter_with(&json!({ "mfa": { "method": method }, "trust_device": true })).await;
        assert_eq!(laptop.judged().await.0, "allow", "{method}");
    }
}

async fn a_policy_may_name_other_methods(host: Host) {
    host.set_rules(|rules| rules.trust_methods = vec![doorward_domain::MfaMethod::EmailOtp]).await;
    let mut laptop = host.browser("ana");
    assert!(!laptop.enter().await.is_offered());
    assert!(laptop.enter_with(&json!({ "mfa": { "method": "email_otp" } })).await.is_offered());
}

async fn another_device_is_trusted_only_where_it_passed_a_factor_itself(host: Host) {
    let (mut laptop, on_laptop, ..) = two_devices(&host).await;
    let mut bare = host.browser("ana");
    let without = bare.evaluate_with(&json!({ "second_factor": "none" })).await;
    let on_bare = bare.complete(&without, &json!({})).await;
    let refused = on_laptop.post(&format!("/devices/{}/trust", on_bare.device())).await.refused(403, "mfa_required");
    assert!(detail(&refused).contains("sign in on it"));
    see!("trust_of_a_device_without_a_factor", refused.shown());
    let mut phone = host.browser("ana");
    let on_phone = phone.enter().await;
    let given = on_laptop.post(&format!("/devices/{}/trust", on_phone.device())).await.expect(200);
    assert_eq!(given.body.get("device_token"), None, "another device's answer can't bear its token");
    assert_eq!(phone.judged().await.0, "allow", "so its present one stays good");
    laptop.keep(&on_laptop.post("/devices/current/trust").await.expect(200));
    assert_eq!(laptop.judged().await.0, "allow");
}

async fn a_change_of_factors_ends_what_older_factors_may_do(host: Host) {
    let (_, on_laptop, mut phone, on_phone) = two_devices(&host).await;
    let change = host.now();
    host.change_account("ana", move |account| account.head.factors_changed_at = Some(change)).await;
    let refused = on_laptop.post("/devices/current/trust").await.refused(403, "mfa_required");
    assert!(detail(&refused).contains("security event"));
    phone.activate(&on_phone.offer()).await.refused(403, "mfa_required");
    trust_for_host(&host, &on_phone.device(), &json!({ "method": "totp" })).await.refused(403, "mfa_required");
    host.pass_s(1);
    let stepped = step_up(&host, &on_laptop, &json!({ "method": "totp" })).await;
    stepped.post("/devices/current/trust").await.expect(200);
    let other = stepped.post(&format!("/devices/{}/trust", on_phone.device())).await.refused(403, "mfa_required");
    assert!(detail(&other).contains("That device"), "the phone has passed no factor since");
}

async fn no_path_gives_trust_where_the_policy_allows_none(host: Host) {
    let (mut laptop, on_laptop, ..) = two_devices(&host).await;
    host.set_policy(doorward_domain::Policy::preset(doorward_domain::Preset::NistAal2)).await;
    on_laptop.post("/devices/current/trust").await.refused(403, "trust_not_allowed");
    laptop.activate(&on_laptop.offer()).await.refused(403, "trust_not_allowed");
    trust_for_host(&host, &on_laptop.device(), &json!({ "method": "totp" })).await.refused(403, "trust_not_allowed");
    let sign_in = laptop.evaluate().await;
    assert_eq!(sign_in.body["reasons"], json!(["policy_requires_mfa"]));
    laptop.try_complete(&sign_in, &with_checkbox()).await.refused(403, "trust_not_allowed");
    let opened = laptop.complete(&sign_in, &with_code()).await;
    assert!(!opened.is_offered());
}

async fn a_hijacked_device_is_trusted_by_no_path(host: Host) {
    let (_, on_laptop, _, on_phone) = two_devices(&host).await;
    on_laptop.post(&format!("/devices/{}/hijack", on_phone.device())).await.expect(200);
    on_laptop.post(&format!("/devices/{}/trust", on_phone.device())).await.refused(409, "device_hijacked");
    trust_for_host(&host, &on_phone.device(), &json!({ "method": "totp" })).await.refused(409, "device_hijacked");
    on_phone.post("/devices/current/trust").await.refused(401, "unauthenticated");
}

async fn a_host_vouches_for_any_device_of_the_user_alone(host: Host) {
    let mut bare = host.browser("ana");
    let sign_in = bare.evaluate_with(&json!({ "second_factor": "none" })).await;
    let opened = bare.complete(&sign_in, &json!({})).await;
    see!("trusted_by_the_host", trust_for_host(&host, &opened.device(), &json!({ "method": "push" })).await.expect(200).shown());
    assert_eq!(bare.judged().await.0, "allow");
    let future = json!({ "method": "push", "verified_at": just_after(host.now().plus_s(2)).to_string() });
    trust_for_host(&host, &opened.device(), &future).await.refused(400, "invalid_request");
    let bob = host.browser("bob").enter().await;
    trust_for_host(&host, &bob.device(), &json!({ "method": "push" })).await.refused(404, "not_found");
}

async fn trust_lasts_no_longer_than_the_devices_own_factor_allows(host: Host) {
    host.set_rules(|rules| rules.trust_max_s = 31 * 86_400).await;
    let (_, on_laptop, _, on_phone) = two_devices(&host).await;
    host.pass_s(5 * 86_400);
    let stepped = step_up(&host, &on_laptop, &json!({ "method": "totp" })).await;
    let given = stepped.post(&format!("/devices/{}/trust", on_phone.device())).await.expect(200);
    let phones_factor = doorward_tests::after(1);
    assert_eq!(given.body["device"]["trusted_until"], phones_factor.plus_s(31 * 86_400).to_string());
    let own = stepped.post("/devices/current/trust").await.expect(200);
    assert_eq!(own.body["device"]["trusted_until"], host.now().plus_s(30 * 86_400).to_string());
}
