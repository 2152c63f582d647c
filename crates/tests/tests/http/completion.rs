//! Completion judges again: every refusal of it, what leaves the sign-in open, and what comes between evaluation and completion.

use doorward_tests::host::browser::with_code;
use doorward_tests::host::{Answer, Browser, Host};
use doorward_tests::{at_once, just_after, just_before};
use insta::assert_snapshot as see;
use serde_json::json;

doorward_tests::on_each_engine! {
    a_challenge_without_its_factor_stays_open,
    a_sign_in_is_completed_once,
    one_of_sixty_four_completions_at_once_wins,
    sixty_four_first_sign_ins_at_once_make_one_account,
    a_sign_in_lasts_ten_minutes_to_the_microsecond,
    signing_out_everywhere_cancels_what_is_in_progress,
    signing_its_device_out_cancels_what_is_in_progress,
    a_person_who_has_no_second_factor_can_have_verified_none,
    a_fence_of_the_tenant_cancels_what_is_in_progress,
    a_hundred_newer_sign_ins_cancel_the_oldest,
    sign_ins_of_others_cancel_nothing,
    trust_that_went_meanwhile_is_told_at_completion,
    trust_that_came_meanwhile_spares_no_challenge,
    a_device_that_was_forgotten_meanwhile_is_a_new_one,
    a_device_that_was_hijacked_meanwhile_is_denied,
    a_denied_sign_in_stays_denied,
    a_disabled_account_is_denied_at_both_steps,
    a_stricter_policy_holds_for_what_is_in_progress,
    an_authentication_from_before_the_last_credential_event_is_refused,
    a_factor_is_stated_neither_of_the_future_nor_of_before_the_sign_in,
}

async fn trusted(host: &Host) -> Browser {
    let mut laptop = host.browser("ana");
    laptop.enter_and_trust().await;
    host.pass_s(1);
    laptop
}

async fn look_up(host: &Host, sign_in: &Answer) -> Answer {
    host.call("GET", &format!("/internal/sign-ins/{}", sign_in.text_at("/id"))).await.expect(200)
}

async fn a_challenge_without_its_factor_stays_open(host: Host) {
    let mut laptop = host.browser("ana");
    let sign_in = laptop.evaluate().await;
    let rows = host.rows().await;
    laptop.try_complete(&sign_in, &json!({})).await.refused(403, "mfa_required");
    laptop.try_complete(&sign_in, &json!({ "trust_device": true })).await.refused(403, "mfa_required");
    assert_eq!(host.rows().await, rows);
    assert_eq!(look_up(&host, &sign_in).await.body["status"], "open");
    laptop.complete(&sign_in, &with_code()).await;
    assert_eq!(look_up(&host, &sign_in).await.body["status"], "completed");
}

async fn a_sign_in_is_completed_once(host: Host) {
    let mut laptop = host.browser("ana");
    let sign_in = laptop.evaluate().await;
    laptop.complete(&sign_in, &with_code()).await;
    let rows = host.rows().await;
    laptop.try_complete(&sign_in, &with_code()).await.refused(409, "sign_in_completed");
    assert_eq!(host.rows().await, rows);
}

async fn one_of_sixty_four_completions_at_once_wins(host: Host) {
    let laptop = host.browser("ana");
    let sign_in = laptop.evaluate().await;
    let answers = at_once(64, |_| {
        let (mut laptop, sign_in) = (laptop.clone(), sign_in.clone());
        async move { laptop.try_complete(&sign_in, &with_code()).await }
    })
    .await;
    let (winners, losers): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 201);
    assert_eq!((winners.len(), losers.len()), (1, 63));
    for loser in losers {
        loser.refused(409, "sign_in_completed");
    }
    for list in ["devices", "sessions"] {
        assert_eq!(host.call("GET", &format!("/internal/users/ana/{list}")).await.ids().len(), 1, "{list}");
    }
}

async fn sixty_four_first_sign_ins_at_once_make_one_account(host: Host) {
    let answers = at_once(64, |_| {
        let laptop = host.browser("ana");
        async move { laptop.try_evaluate(&json!({})).await }
    })
    .await;
    assert!(answers.iter().all(|answer| answer.status == 201));
    assert_eq!(host.call("GET", "/internal/users/ana/events").await.text.matches("account.created").count(), 1);
    let listed = host.call("GET", "/internal/users/ana/sign-ins").query("limit=100").await.ids();
    assert_eq!(listed.len(), 64);
}

async fn a_sign_in_lasts_ten_minutes_to_the_microsecond(host: Host) {
    let mut laptop = host.browser("ana");
    let (early, late) = (laptop.evaluate().await, laptop.evaluate().await);
    let end = host.now().plus_s(600);
    assert_eq!(early.text_at("/expires_at"), end.to_string());
    host.at(just_before(end));
    laptop.complete(&early, &with_code()).await;
    let rows = host.rows().await;
    for moment in [end, just_after(end), end.plus_s(86_400)] {
        host.at(moment);
        laptop.try_complete(&late, &with_code()).await.refused(410, "sign_in_expired");
    }
    assert_eq!(host.rows().await, rows);
    assert_eq!(look_up(&host, &late).await.body["status"], "expired");
}

async fn signing_out_everywhere_cancels_what_is_in_progress(host: Host) {
    for by_person in [true, false] {
        let mut laptop = host.browser("ana");
        let opened = laptop.enter().await;
        let sign_in = laptop.evaluate().await;
        if by_person {
            opened.ask("DELETE", "/sessions").query("except_current=true").await.expect(200);
        } else {
            host.call("DELETE", "/internal/users/ana/sessions").await.expect(200);
        }
        laptop.try_complete(&sign_in, &with_code()).await.refused(409, "sign_in_cancelled");
    }
}

async fn signing_its_device_out_cancels_what_is_in_progress(host: Host) {
    let mut laptop = host.browser("ana");
    let opened = laptop.enter_and_trust().await;
    let (here, elsewhere) = (laptop.evaluate().await, host.browser("ana").evaluate().await);
    opened.post("/devices/signout").await.expect(200);
    laptop.try_complete(&here, &with_code()).await.refused(409, "sign_in_cancelled");
    laptop.complete(&elsewhere, &with_code()).await;
}

async fn a_person_who_has_no_second_factor_can_have_verified_none(host: Host) {
    let mut laptop = host.browser("ana");
    let sign_in = laptop.evaluate_with(&json!({ "second_factor": "none" })).await;
    let refused = laptop.try_complete(&sign_in, &with_code()).await.refused(400, "invalid_request");
    assert_eq!(refused.text_at("/errors/0/field"), "mfa");
    laptop.complete(&sign_in, &json!({})).await;
}

async fn a_fence_of_the_tenant_cancels_what_is_in_progress(host: Host) {
    let mut laptop = host.browser("ana");
    let sign_in = laptop.evaluate().await;
    host.fence("globex").await;
    assert_eq!(look_up(&host, &sign_in).await.body["status"], "open", "another tenant's fence ends nothing here");
    host.fence("acme").await;
    laptop.try_complete(&sign_in, &with_code()).await.refused(409, "sign_in_cancelled");
}

async fn a_hundred_newer_sign_ins_cancel_the_oldest(host: Host) {
    let mut laptop = host.browser("ana");
    let (oldest, second) = (laptop.evaluate().await, {
        host.pass_s(1);
        laptop.evaluate().await
    });
    for _ in 0..99 {
        host.pass_s(1);
        laptop.evaluate().await;
    }
    laptop.try_complete(&oldest, &with_code()).await.refused(409, "sign_in_cancelled");
    let rows = host.rows().await;
    laptop.try_complete(&oldest, &with_code()).await.refused(409, "sign_in_cancelled");
    assert_eq!(host.rows().await, rows);
    laptop.complete(&second, &with_code()).await;
}

async fn sign_ins_of_others_cancel_nothing(host: Host) {
    let mut laptop = host.browser("ana");
    let oldest = laptop.evaluate().await;
    for _ in 0..101 {
        host.pass_s(1);
        host.browser("bob").evaluate().await;
    }
    laptop.complete(&oldest, &with_code()).await;
}

async fn trust_that_went_meanwhile_is_told_at_completion(host: Host) {
    let mut laptop = trusted(&host).await;
    let allowed = laptop.evaluate().await;
    let device = allowed.text_at("/device/id");
    host.call("POST", &format!("/internal/users/ana/devices/{device}/untrust")).await.expect(200);
    laptop.try_complete(&allowed, &json!({})).await.refused(403, "mfa_required");
    let opened = laptop.complete(&allowed, &with_code()).await;
    assert_eq!(opened.device(), device, "its token still identifies it");
    assert!(opened.is_offered());
}

async fn trust_that_came_meanwhile_spares_no_challenge(host: Host) {
    let mut laptop = host.browser("ana");
    let opened = laptop.enter().await;
    let challenged = laptop.evaluate().await;
    laptop.activate(&opened.offer()).await.expect(200);
    laptop.try_complete(&challenged, &json!({})).await.refused(403, "mfa_required");
}

async fn a_device_that_was_forgotten_meanwhile_is_a_new_one(host: Host) {
    let mut laptop = trusted(&host).await;
    let allowed = laptop.evaluate().await;
    let device = allowed.text_at("/device/id");
    host.call("DELETE", &format!("/internal/users/ana/devices/{device}")).await.expect(204);
    laptop.try_complete(&allowed, &json!({})).await.refused(403, "mfa_required");
    let dead = laptop.device_token.clone();
    let opened = laptop.complete(&allowed, &with_code()).await;
    assert_ne!(opened.device(), device);
    assert_ne!(laptop.device_token, dead, "the new device has a token of its own");
}

async fn a_device_that_was_hijacked_meanwhile_is_denied(host: Host) {
    let mut laptop = trusted(&host).await;
    for sign_in in [laptop.evaluate().await, laptop.evaluate_with(&json!({ "require_mfa": true })).await] {
        let device = sign_in.text_at("/device/id");
        host.call("POST", &format!("/internal/users/ana/devices/{device}/hijack")).await.expect(200);
        let rows = host.rows().await;
        for completion in [json!({}), with_code()] {
            laptop.try_complete(&sign_in, &completion).await.refused(403, "sign_in_denied");
        }
        assert_eq!(host.rows().await, rows);
    }
}

async fn a_denied_sign_in_stays_denied(host: Host) {
    let mut laptop = trusted(&host).await;
    let device = laptop.evaluate().await.text_at("/device/id");
    host.call("POST", &format!("/internal/users/ana/devices/{device}/hijack")).await.expect(200);
    let denied = laptop.evaluate().await;
    see!("evaluated_hijacked", denied.shown());
    laptop.try_complete(&denied, &with_code()).await.refused(403, "sign_in_denied");
    host.call("POST", &format!("/internal/users/ana/devices/{device}/release")).await.expect(200);
    laptop.try_complete(&denied, &with_code()).await.refused(403, "sign_in_denied");
}

async fn a_disabled_account_is_denied_at_both_steps(host: Host) {
    let mut laptop = trusted(&host).await;
    let allowed = laptop.evaluate().await;
    let now = host.now();
    host.change_account("ana", move |account| account.head.disabled_at = Some(now)).await;
    laptop.try_complete(&allowed, &json!({})).await.refused(403, "sign_in_denied");
    laptop.try_complete(&allowed, &with_code()).await.refused(403, "sign_in_denied");
    let denied = laptop.evaluate().await;
    assert_eq!((denied.text_at("/decision"), denied.body["reasons"].clone()), ("deny".to_owned(), json!(["account_disabled"])));
    let directly = json!({ "user_id": "ana", "ip": "203.0.113.7", "user_agent": "x", "mfa": { "method": "totp" } });
    host.call("POST", "/internal/sessions").json(&directly).await.refused(403, "sign_in_denied");
    host.change_account("ana", |account| account.head.disabled_at = None).await;
    laptop.enter().await;
}

async fn a_stricter_policy_holds_for_what_is_in_progress(host: Host) {
    let mut laptop = trusted(&host).await;
    let allowed = laptop.evaluate().await;
    host.set_rules(|rules| rules.device_trust = false).await;
    laptop.try_complete(&allowed, &json!({})).await.refused(403, "mfa_required");
    let judged = laptop.judged().await;
    assert_eq!((judged.0.as_str(), judged.1[0].as_str()), ("challenge", "policy_requires_mfa"));
    let opened = laptop.complete(&allowed, &with_code()).await;
    assert!(!opened.is_offered());
}

async fn an_authentication_from_before_the_last_credential_event_is_refused(host: Host) {
    let mut laptop = host.browser("ana");
    let sign_in = laptop.evaluate().await;
    let before = host.now();
    host.pass_s(10);
    let change = host.now();
    host.change_account("ana", move |account| account.head.credentials_changed_at = Some(change)).await;
    laptop.try_complete(&sign_in, &with_code()).await.refused(409, "authentication_outdated");
    let old = json!({ "authenticated_at": before.to_string() });
    laptop.try_evaluate(&old).await.refused(409, "authentication_outdated");
    let directly = json!({ "user_id": "ana", "ip": "203.0.113.7", "user_agent": "x", "authenticated_at": before.to_string() });
    host.call("POST", "/internal/sessions").json(&directly).await.refused(409, "authentication_outdated");
    laptop.enter().await;
}

async fn a_factor_is_stated_neither_of_the_future_nor_of_before_the_sign_in(host: Host) {
    let mut laptop = host.browser("ana");
    let sign_in = laptop.evaluate().await;
    let began = host.now();
    host.pass_s(60);
    let now = host.now();
    let with = |at: doorward_domain::Timestamp| json!({ "mfa": { "method": "totp", "verified_at": at.to_string() } });
    let rows = host.rows().await;
    for bad in [just_before(began), just_after(now.plus_s(2)), now.plus_s(86_400)] {
        let refused = laptop.try_complete(&sign_in, &with(bad)).await.refused(400, "invalid_request");
        assert_eq!(refused.text_at("/errors/0/field"), "mfa.verified_at");
    }
    assert_eq!(host.rows().await, rows);
    let opened = laptop.complete(&sign_in, &with(began)).await;
    assert_eq!(opened.answer.body["session"]["last_mfa_at"], began.to_string());
    let offset = laptop.evaluate().await;
    let opened = laptop.complete(&offset, &json!({ "mfa": { "method": "totp", "verified_at": "2027-01-15T10:01:00+02:00" } })).await;
    assert_eq!(opened.answer.body["session"]["last_mfa_at"], "2027-01-15T08:01:00Z");
}
