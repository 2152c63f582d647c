//! Device tokens over years: successors by age, lost answers, copies, and trust that was given where no answer could bear a token.

use doorward_domain::Role;
use doorward_tests::host::browser::{judgement, with_code};
use doorward_tests::host::{Browser, Host, SignedIn};
use insta::assert_snapshot as see;
use serde_json::json;

doorward_tests::on_each_engine! {
    a_successor_comes_at_the_first_completion_after_a_month,
    lost_answers_and_races_cost_nothing,
    a_copy_of_an_old_value_ends_the_trust_of_its_device,
    trust_that_is_given_anew_forgives_no_copy,
    after_a_copy_was_told_the_device_isnt_trusted_from_another,
    a_copy_is_told_where_its_sign_in_is_refused,
    sixty_four_copies_at_once_are_told_once,
    where_an_answer_couldnt_bear_a_token_the_next_completion_does,
    a_hijacked_device_is_denied_by_each_of_its_values,
}

const MONTH_S: u32 = 30 * 86_400;

/// A browser that is trusted for a year, so that only rotation is at stake.
async fn trusted_for_a_year(host: &Host) -> (Browser, SignedIn) {
    host.set_rules(|rules| (rules.trust_for_s, rules.trust_max_s) = (365 * 86_400, 365 * 86_400)).await;
    let mut laptop = host.browser("ana");
    let opened = laptop.enter_and_trust().await;
    (laptop, opened)
}

fn given(opened: &SignedIn) -> Option<&str> {
    opened.answer.body["device_token"].as_str()
}

async fn a_successor_comes_at_the_first_completion_after_a_month(host: Host) {
    let (mut laptop, opened) = trusted_for_a_year(&host).await;
    let first = laptop.device_token.clone();
    host.at(opened_at(&opened).plus_s(MONTH_S - 1));
    assert_eq!(given(&laptop.enter_skipping().await), None);
    host.at(opened_at(&opened).plus_s(MONTH_S));
    let rotated = laptop.enter_skipping().await;
    assert!(given(&rotated).is_some() && laptop.device_token != first);
    assert_eq!(rotated.device(), opened.device(), "it is the same device");
    host.pass_s(1);
    assert_eq!(given(&laptop.enter_skipping().await), None, "once used, it is as new");
}

fn opened_at(opened: &SignedIn) -> doorward_domain::Timestamp {
    doorward_domain::Timestamp::parse(&opened.answer.text_at("/session/created_at")).expect("a time")
}

async fn lost_answers_and_races_cost_nothing(host: Host) {
    let (laptop, _) = trusted_for_a_year(&host).await;
    host.pass_s(MONTH_S);
    // Four tabs at once, three answers lost: whichever value the browser is left with goes on skipping.
    let mut tabs = [(); 4].map(|()| laptop.clone());
    let mut begun = vec![];
    for tab in &tabs {
        begun.push(tab.evaluate().await);
    }
    for (tab, sign_in) in tabs.iter_mut().zip(&begun) {
        assert!(given(&tab.complete(sign_in, &json!({})).await).is_some());
    }
    let mut fifth = laptop.clone();
    assert_eq!(given(&fifth.enter_skipping().await), None, "four are under way");
    host.pass_s(300);
    for tab in [&laptop, &tabs[2], &tabs[0], &tabs[3]] {
        assert_eq!(tab.judged().await.0, "allow");
        host.pass_s(5);
    }
    assert_eq!(tabs[3].clone().enter_skipping().await.answer.status, 201);
}

async fn a_copy_of_an_old_value_ends_the_trust_of_its_device(host: Host) {
    let (mut laptop, opened) = trusted_for_a_year(&host).await;
    let phone = host.browser("ana").enter_and_trust().await;
    let thief = laptop.clone();
    host.pass_s(MONTH_S);
    let phone_again = host.browser("ana").enter_and_trust().await;
    laptop.enter_skipping().await;
    let used = laptop.enter_skipping().await;
    host.pass_s(59);
    assert_eq!(thief.judged().await.0, "allow", "an old value overlaps for a minute");
    let in_progress = laptop.evaluate().await;
    host.pass_s(1);
    let caught = thief.evaluate().await;
    see!("a_copy_is_told", caught.shown());
    assert_eq!(judgement(&caught), ("challenge".to_owned(), vec!["device_token_reused".to_owned()]));
    assert_eq!(used.why_out().await.as_deref(), Some("device_token_reused"), "its sessions are over");
    assert!(phone_again.is_in().await, "another device's are not");
    let owner = laptop.evaluate().await;
    assert_eq!(judgement(&owner), ("challenge".to_owned(), vec!["trust_ended".to_owned()]));
    assert_eq!(owner.body["reason_details"]["trust_ended"]["cause"], "device_token_reused");
    laptop.try_complete(&in_progress, &with_code()).await.refused(409, "sign_in_cancelled");
    let history = host.ask("GET", "/internal/users/ana/events").by(Role::Viewer).query("limit=100").await.expect(200);
    let told = history.body["items"].as_array().expect("a list").iter().filter(|event| event["type"] == "device.token_reused").count();
    assert_eq!(told, 1);
    // The owner trusts it anew; the same copy strikes no second time, and never joins the device.
    host.pass_s(1);
    let anew = laptop.enter_and_trust().await;
    assert_eq!(anew.device(), opened.device());
    assert_eq!(thief.judged().await, ("challenge".to_owned(), vec!["device_token_superseded".to_owned()]));
    assert_eq!(laptop.judged().await.0, "allow");
    assert!(anew.is_in().await);
    let elsewhere = thief.clone().enter().await;
    assert_ne!(elsewhere.device(), opened.device());
    drop(phone);
}

async fn trust_that_is_given_anew_forgives_no_copy(host: Host) {
    let (mut laptop, _) = trusted_for_a_year(&host).await;
    let thief = laptop.clone();
    host.pass_s(MONTH_S);
    laptop.enter_skipping().await;
    laptop.enter_skipping().await;
    host.pass_s(61);
    let owner = laptop.enter_and_trust().await;
    host.pass_s(1);
    assert_eq!(thief.judged().await, ("challenge".to_owned(), vec!["device_token_reused".to_owned()]));
    assert_eq!(owner.why_out().await.as_deref(), Some("device_token_reused"));
    assert_eq!(laptop.judged().await.0, "challenge");
}

/// Which of the two holds the present value can't be known, so trust comes from a factor on the device and not from elsewhere.
async fn after_a_copy_was_told_the_device_isnt_trusted_from_another(host: Host) {
    let (mut thief, opened) = trusted_for_a_year(&host).await;
    let owner = thief.clone();
    host.pass_s(MONTH_S);
    thief.enter_skipping().await;
    thief.enter_skipping().await;
    host.pass_s(61);
    let mut owner_again = owner.clone();
    assert_eq!(owner.judged().await.1, ["device_token_reused"]);
    let anew = owner_again.enter().await;
    assert_ne!(anew.device(), opened.device());
    anew.post(&format!("/devices/{}/trust", opened.device())).await.refused(403, "mfa_required");
    assert_eq!(thief.judged().await.0, "challenge");
}

/// A refusal writes nothing of the attempt, and yet the copy that came with it is told.
async fn a_copy_is_told_where_its_sign_in_is_refused(host: Host) {
    host.set_rules(|rules| (rules.trust_for_s, rules.trust_max_s) = (365 * 86_400, 365 * 86_400)).await;
    for path in ["/internal/sign-ins", "/internal/sessions"] {
        let user = path.rsplit('/').next().expect("a user");
        let mut laptop = host.browser(user);
        laptop.enter_and_trust().await;
        let thief = laptop.clone();
        host.pass_s(MONTH_S);
        laptop.enter_skipping().await;
        let live = laptop.enter_skipping().await;
        host.pass_s(61);
        host.change_account(user, |account| account.head.credentials_changed_at = Some(account.head.created_at.plus_s(MONTH_S))).await;
        let attempt = thief.attempt(&json!({ "authenticated_at": host.now().minus_s(MONTH_S + 100).to_string() }));
        host.call("POST", path).json(&attempt).await.refused(409, "authentication_outdated");
        assert_eq!(live.why_out().await.as_deref(), Some("device_token_reused"), "{path}");
        assert_eq!(laptop.judged().await.0, "challenge", "{path}");
    }
}

async fn sixty_four_copies_at_once_are_told_once(host: Host) {
    let (mut laptop, _) = trusted_for_a_year(&host).await;
    let thief = laptop.clone();
    host.pass_s(MONTH_S);
    laptop.enter_skipping().await;
    laptop.enter_skipping().await;
    host.pass_s(61);
    let decisions = doorward_tests::at_once(64, |_| {
        let thief = thief.clone();
        async move { thief.judged().await.0 }
    })
    .await;
    assert!(decisions.iter().all(|decision| decision == "challenge"), "{decisions:?}");
    let history = host.ask("GET", "/internal/users/ana/events").by(Role::Viewer).query("limit=100").await.expect(200);
    let told = history.body["items"].as_array().expect("a list").iter().filter(|event| event["type"] == "device.token_reused").count();
    assert_eq!(told, 1);
}

async fn where_an_answer_couldnt_bear_a_token_the_next_completion_does(host: Host) {
    let mut laptop = host.browser("ana");
    let opened = laptop.enter().await;
    let path = format!("/internal/users/ana/devices/{}/trust", opened.device());
    let trusted = host.call("POST", &path).json(&json!({ "mfa": { "method": "totp" } })).await.expect(200);
    assert_eq!(trusted.body.get("device_token"), None);
    let before = laptop.clone();
    assert_eq!(before.judged().await.0, "allow", "the present value stays good");
    host.pass_s(1);
    let next = laptop.enter_skipping().await;
    assert!(given(&next).is_some());
    assert_eq!(before.judged().await.0, "allow", "and goes on until the new one is used");
    laptop.enter_skipping().await;
    host.pass_s(61);
    assert_eq!(before.judged().await.1, ["device_token_reused"]);
}

async fn a_hijacked_device_is_denied_by_each_of_its_values(host: Host) {
    let (mut laptop, opened) = trusted_for_a_year(&host).await;
    let old = laptop.clone();
    host.pass_s(MONTH_S);
    laptop.enter_skipping().await;
    let unused = laptop.clone();
    let other = host.browser("ana").enter().await;
    other.post(&format!("/devices/{}/hijack", opened.device())).await.expect(200);
    for browser in [&old, &unused] {
        assert_eq!(browser.judged().await, ("deny".to_owned(), vec!["device_hijacked".to_owned()]));
    }
    host.ask("POST", &format!("/internal/users/ana/devices/{}/release", opened.device())).by(Role::Operator).await.expect(200);
    for browser in [&old, &unused] {
        assert_eq!(browser.judged().await.1, ["unknown_device", "device_token_invalid"]);
    }
}
