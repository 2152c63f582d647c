//! Ways in that were once open, each closed for good.

use doorward_tests::host::Host;
use serde_json::json;

doorward_tests::on_each_engine! {
    a_skip_in_progress_doesnt_outlive_the_trust_it_rested_on,
    a_mailbox_code_makes_no_device_fit_to_be_trusted_from_another,
    an_honest_clock_is_no_fault,
}

/// A thief evaluates with a copied token; the owner stops trusting and trusts anew, which replaces the token.
async fn a_skip_in_progress_doesnt_outlive_the_trust_it_rested_on(host: Host) {
    let mut laptop = host.browser("ana");
    let owner = laptop.enter_and_trust().await;
    host.pass_s(1);
    let mut thief = laptop.clone();
    let pending = thief.evaluate().await;
    assert_eq!(pending.text_at("/decision"), "allow");
    host.pass_s(1);
    owner.post("/devices/current/untrust").await.expect(200);
    thief.try_complete(&pending, &json!({})).await.refused(403, "mfa_required");
    owner.post("/devices/current/trust").await.expect(200);
    thief.try_complete(&pending, &json!({})).await.refused(403, "mfa_required");
}

/// The attacker has the password and the mailbox, and a copy of the owner's fresh access token.
async fn a_mailbox_code_makes_no_device_fit_to_be_trusted_from_another(host: Host) {
    let owner = host.browser("ana").enter().await;
    host.pass_s(1);
    for method in ["email_otp", "backup_code", "other"] {
        let weak = host.browser("ana").enter_with(&json!({ "mfa": { "method": method } })).await;
        host.pass_s(1);
        owner.post(&format!("/devices/{}/trust", weak.device())).await.refused(403, "mfa_required");
    }
    let strong = host.browser("ana").enter_with(&json!({ "mfa": { "method": "totp" } })).await;
    owner.post(&format!("/devices/{}/trust", strong.device())).await.expect(200);
}

/// Not an attack: hosts state times in whole seconds, and their clocks run a little ahead.
async fn an_honest_clock_is_no_fault(host: Host) {
    let now = host.now().plus_s(60).whole_second();
    host.at(doorward_domain::Timestamp::from_micros(now.micros() + 700_000));
    let mut laptop = host.browser("ana");
    let sign_in = laptop.evaluate().await;
    let whole_second = json!({ "mfa": { "method": "totp", "verified_at": now.to_string() } });
    let opened = laptop.complete(&sign_in, &whole_second).await;
    assert_eq!(opened.answer.text_at("/session/last_mfa_at"), host.now().to_string(), "never before the sign-in began");
    let sign_in = laptop.evaluate().await;
    let ahead = json!({ "mfa": { "method": "totp", "verified_at": host.now().plus_s(1).to_string() } });
    let opened = laptop.complete(&sign_in, &ahead).await;
    assert_eq!(opened.answer.text_at("/session/last_mfa_at"), host.now().to_string(), "never in the future");
    let sign_in = laptop.evaluate().await;
    for wrong in [host.now().plus_s(3), now.minus_s(1)] {
        let mfa = json!({ "mfa": { "method": "totp", "verified_at": wrong.to_string() } });
        laptop.try_complete(&sign_in, &mfa).await.refused(400, "invalid_request");
    }
}
