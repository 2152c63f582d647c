//! The main flow: an unknown device is challenged, offered trust, trusted, and then skips the second factor until the trust ends.

use doorward_tests::host::browser::{judgement, with_checkbox, with_code};
use doorward_tests::host::{Host, SignedIn};
use doorward_tests::{just_after, just_before};
use insta::assert_snapshot as see;
use serde_json::json;

doorward_tests::on_each_engine! {
    a_device_is_trusted_and_then_skips_the_second_factor,
    an_app_takes_its_offer_up_by_itself,
    trust_holds_for_thirty_days_to_the_microsecond,
    the_box_beside_the_code_trusts_at_once,
    the_box_ticked_on_a_trusted_device_renews_its_trust,
    skipping_doesnt_slide_the_trust,
    a_person_without_a_second_factor_enters_and_is_offered_nothing,
    a_person_without_a_second_factor_is_refused_where_the_policy_wants_one,
    a_second_factor_that_was_verified_upstream_counts,
    a_sensitive_entry_is_never_skipped,
    a_host_that_wants_no_trust_gets_no_offer_and_no_trust,
    what_the_host_says_of_the_device_and_the_session_is_kept,
    amr_and_acr_say_what_this_session_proved_by_each_method,
}

const MONTH_S: u32 = 30 * 86_400;

fn words(decision: &str, reasons: &[&str]) -> (String, Vec<String>) {
    (decision.to_owned(), reasons.iter().map(|&reason| reason.to_owned()).collect())
}

async fn a_device_is_trusted_and_then_skips_the_second_factor(host: Host) {
    let mut laptop = host.browser("ana");
    let first = laptop.evaluate().await;
    see!("1_unknown_device", first.shown());
    host.pass_s(20);
    let opened = laptop.complete(&first, &with_code()).await;
    see!("2_completed_with_a_code", opened.answer.shown());
    host.pass_s(5);
    let activated = laptop.activate(&opened.offer()).await.expect(200);
    see!("3_activated", activated.shown());
    see!("4_verified", host.verify(&opened.token).await.shown());
    host.pass_s(3_600);
    let second = laptop.evaluate().await;
    see!("5_trusted_device", second.shown());
    host.pass_s(1);
    let skipped = laptop.complete(&second, &json!({})).await;
    see!("6_completed_without_a_code", skipped.answer.shown());
    see!("7_verified_after_skipping", host.verify(&skipped.token).await.shown());
    let looked_up = host.call("GET", &format!("/internal/sign-ins/{}", second.text_at("/id"))).await.expect(200);
    see!("8_why_it_was_allowed", looked_up.shown());
}

async fn an_app_takes_its_offer_up_by_itself(host: Host) {
    let mut phone = host.browser("ana");
    let opened = phone.enter().await;
    host.pass_s(5);
    let taken = opened.ask("POST", "/devices/activate");
    let activated = taken.json(&json!({ "activation_token": opened.offer(), "device_name": "Ana's phone" })).await.expect(200);
    see!("app_activated", activated.shown());
    phone.keep(&activated);
    assert_eq!(phone.judged().await, words("allow", &["trusted_device"]));
}

async fn trust_holds_for_thirty_days_to_the_microsecond(host: Host) {
    let mut laptop = host.browser("ana");
    laptop.enter_and_trust().await;
    let end = host.now().plus_s(MONTH_S);
    host.at(just_before(end));
    assert_eq!(laptop.judged().await, words("allow", &["trusted_device"]));
    let early = laptop.evaluate().await;
    host.at(end);
    assert_eq!(laptop.judged().await, words("challenge", &["trust_expired"]));
    laptop.try_complete(&early, &json!({})).await.refused(403, "mfa_required");
    host.at(just_after(end));
    see!("trust_expired", laptop.evaluate().await.shown());
}

async fn the_box_beside_the_code_trusts_at_once(host: Host) {
    let mut laptop = host.browser("ana");
    let opened = laptop.enter_and_trust().await;
    see!("checkbox", opened.answer.shown());
    assert_eq!(laptop.judged().await, words("allow", &["trusted_device"]));
}

async fn the_box_ticked_on_a_trusted_device_renews_its_trust(host: Host) {
    let mut laptop = host.browser("ana");
    let first = laptop.enter_and_trust().await;
    let token = laptop.device_token.clone();
    host.pass_s(10 * 86_400);
    let second = laptop.enter_and_trust().await;
    assert_eq!(first.device(), second.device());
    assert_ne!(token, laptop.device_token, "the answer bears a new token");
    let until = host.now().plus_s(MONTH_S);
    assert_eq!(second.answer.body["device"]["trusted_until"], until.to_string());
    host.at(just_before(until));
    assert_eq!(laptop.judged().await.0, "allow");
}

async fn skipping_doesnt_slide_the_trust(host: Host) {
    let mut laptop = host.browser("ana");
    let trusted = laptop.enter_and_trust().await;
    let until = trusted.answer.body["device"]["trusted_until"].clone();
    host.pass_s(29 * 86_400);
    let skipped = laptop.enter_skipping().await;
    assert_eq!(skipped.answer.body["device"]["trusted_until"], until);
    host.pass_s(86_400);
    assert_eq!(laptop.judged().await, words("challenge", &["trust_expired"]));
}

async fn a_person_without_a_second_factor_enters_and_is_offered_nothing(host: Host) {
    let mut laptop = host.browser("ana");
    let sign_in = laptop.evaluate_with(&json!({ "second_factor": "none" })).await;
    assert_eq!(judgement(&sign_in), words("allow", &["no_second_factor"]));
    see!("no_second_factor", laptop.complete(&sign_in, &json!({})).await.answer.shown());
}

async fn a_person_without_a_second_factor_is_refused_where_the_policy_wants_one(host: Host) {
    host.set_rules(|rules| rules.require_second_factor = true).await;
    let mut laptop = host.browser("ana");
    let sign_in = laptop.evaluate_with(&json!({ "second_factor": "none" })).await;
    assert_eq!(judgement(&sign_in), words("deny", &["policy_requires_mfa"]));
    laptop.try_complete(&sign_in, &with_code()).await.refused(403, "sign_in_denied");
}

async fn a_second_factor_that_was_verified_upstream_counts(host: Host) {
    let mut laptop = host.browser("ana");
    let verified_at = host.now().to_string();
    host.pass_s(60);
    let attempt = json!({
        "second_factor": "done", "mfa": { "method": "webauthn", "verified_at": verified_at },
        "login_method": "passkey", "amr": ["hwk"], "authenticated_at": verified_at,
    });
    let sign_in = laptop.evaluate_with(&attempt).await;
    assert_eq!(judgement(&sign_in), words("allow", &["mfa_already_verified"]));
    let opened = laptop.complete(&sign_in, &json!({})).await;
    see!("second_factor_done", opened.answer.shown());
    laptop.activate(&opened.offer()).await.expect(200);
    assert_eq!(laptop.judged().await, words("allow", &["trusted_device"]));
}

async fn a_sensitive_entry_is_never_skipped(host: Host) {
    let mut laptop = host.browser("ana");
    laptop.enter_and_trust().await;
    let sign_in = laptop.evaluate_with(&json!({ "require_mfa": true })).await;
    assert_eq!(judgement(&sign_in), words("challenge", &["mfa_required_by_host"]));
    laptop.try_complete(&sign_in, &json!({})).await.refused(403, "mfa_required");
    let opened = laptop.complete(&sign_in, &with_code()).await;
    assert_eq!(opened.answer.body["session"]["acr"], "aal2");
    assert!(!opened.is_offered(), "the device is trusted already");
}

async fn a_host_that_wants_no_trust_gets_no_offer_and_no_trust(host: Host) {
    let mut laptop = host.browser("ana");
    let mut completion = with_code();
    completion["offer_trust"] = false.into();
    let opened = laptop.enter_with(&completion).await;
    assert!(!opened.is_offered());
    see!("trust_refused_at_the_sign_in", opened.post("/devices/current/trust").await.refused(403, "trust_not_allowed").shown());
    let sign_in = laptop.evaluate().await;
    let mut contradiction = with_checkbox();
    contradiction["offer_trust"] = false.into();
    laptop.try_complete(&sign_in, &contradiction).await.refused(400, "invalid_request");
}

async fn what_the_host_says_of_the_device_and_the_session_is_kept(host: Host) {
    let mut laptop = host.browser("ana");
    let completion = json!({
        "mfa": { "method": "push" }, "device_name": "Küche 🍳", "device_metadata": { "wing": ["east", { "floor": 3 }], "loan": null },
        "external_session_id": "host-session-1",
    });
    let opened = laptop.enter_with(&completion).await;
    see!("said_by_the_host", opened.get("/devices/current").await.expect(200).shown());
    assert_eq!(host.verify(&opened.token).await.body["external_session_id"], "host-session-1");
    let again = laptop.enter().await;
    assert_eq!(again.answer.body["device"]["metadata"]["wing"][0], "east", "what isn't said again stays");
    let mut emptied = with_code();
    emptied["device_metadata"] = json!({});
    let emptied = laptop.enter_with(&emptied).await;
    assert_eq!(emptied.answer.body["device"]["metadata"], json!({}), "what is said replaces all");
    assert_eq!(emptied.answer.body["device"]["name"], "Küche 🍳");
}

async fn amr_and_acr_say_what_this_session_proved_by_each_method(host: Host) {
    let told = |opened: &SignedIn| {
        let session = &opened.answer.body["session"];
        (session["amr"].clone(), session["acr"].clone(), session["mfa_skipped_by"].clone())
    };
    let methods = [("totp", "otp"), ("webauthn", "hwk"), ("push", "swk"), ("sms_otp", "sms"), ("email_otp", "otp"), ("backup_code", "otp"), ("other", "mca")];
    for (method, reference) in methods {
        let mut browser = host.browser("ana");
        let opened = browser.enter_with(&json!({ "mfa": { "method": method } })).await;
        assert_eq!(told(&opened), (json!(["pwd", reference, "mfa"]), json!("aal2"), json!(null)), "{method}");
        assert_eq!(opened.answer.body["session"]["last_mfa_at"], host.now().to_string());
    }
    let mut laptop = host.browser("ana");
    laptop.enter_and_trust().await;
    let skipped = laptop.enter_skipping().await;
    assert_eq!(told(&skipped), (json!(["pwd"]), json!("aal1"), json!("device_trust")));
    assert_eq!(skipped.answer.body["session"]["last_mfa_at"], json!(null), "the device's older factor isn't this session's");
    let social = laptop.evaluate_with(&json!({ "login_method": "google", "second_factor": "none" })).await;
    assert_eq!(told(&laptop.complete(&social, &json!({})).await), (json!([]), json!("aal1"), json!(null)));
    let asked = laptop.enter().await;
    assert_eq!(told(&asked).2, json!(null), "a factor that was verified though it might be skipped counts");
}
