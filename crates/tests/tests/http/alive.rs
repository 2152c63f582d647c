//! What keeps a session alive, and who may ask whether it is: verify, heartbeat, step-up.

use doorward_domain::Role;
use doorward_tests::host::browser::with_code;
use doorward_tests::host::{Answer, Ask, GLOBEX, Host, SignedIn, api_key};
use doorward_tests::{at_once, just_after, just_before};
use insta::assert_snapshot as see;
use serde_json::{Value, json};

doorward_tests::on_each_engine! {
    verifying_counts_as_activity_once_a_minute,
    a_session_is_inactive_after_a_week_to_the_microsecond,
    a_token_that_proves_nothing_is_unknown,
    verifying_says_why_a_session_is_over,
    a_heartbeat_keeps_the_callers_own_session_alive,
    a_heartbeat_never_revives,
    a_clock_that_steps_back_revives_nothing,
    a_step_up_replaces_the_token_of_the_same_session,
    a_step_up_brings_an_offer,
    one_step_up_of_many_leaves_one_token,
    a_step_up_is_refused_for_what_isnt_live_or_isnt_theirs,
    a_step_up_by_an_older_factor_takes_no_newer_one_back,
}

const WEEK_S: u32 = 7 * 86_400;

fn check(host: &Host, token: &str) -> Ask {
    host.ask("POST", "/internal/sessions/verify").by(Role::Verify).json(&json!({ "token": token }))
}

fn step_up(host: &Host, session: &SignedIn) -> Ask {
    host.call("POST", &format!("/internal/users/ana/sessions/{}/mfa", session.session())).json(&with_code())
}

async fn last_activity(session: &SignedIn) -> Value {
    session.get("/sessions/current").await.expect(200).body["last_activity_at"].clone()
}

async fn verifying_counts_as_activity_once_a_minute(host: Host) {
    let opened = host.browser("ana").enter().await;
    let began = host.now();
    host.at(just_before(began.plus_s(60)));
    let rows = host.rows().await;
    check(&host, &opened.token).await.expect(200);
    assert_eq!(host.rows().await, rows, "within a minute nothing is written");
    host.at(began.plus_s(60));
    let untouched = host.verify(&opened.token).await;
    assert_eq!((host.rows().await, untouched.body["last_activity_at"].clone()), (rows, json!(began.to_string())), "nor where touch is false");
    let touched = check(&host, &opened.token).await.expect(200);
    assert_eq!(touched.body["last_activity_at"], host.now().to_string());
    assert_eq!(touched.body["idle_expires_at"], host.now().plus_s(WEEK_S).to_string());
    assert_eq!(last_activity(&opened).await, json!(host.now().to_string()));
    assert_eq!(opened.get("/devices/current").await.body["last_seen_at"], host.now().to_string());
}

async fn a_session_is_inactive_after_a_week_to_the_microsecond(host: Host) {
    let opened = host.browser("ana").enter().await;
    let end = host.now().plus_s(WEEK_S);
    host.at(just_before(end));
    assert!(opened.is_in().await);
    host.at(end);
    for late in [check(&host, &opened.token).await, host.verify(&opened.token).await] {
        assert_eq!(late.body, json!({ "active": false, "reason": "idle" }));
    }
    opened.post("/sessions/current/heartbeat").await.refused(401, "unauthenticated");
    step_up(&host, &opened).await.refused(404, "not_found");
    host.at(just_before(end));
    check(&host, &opened.token).await.expect(200);
    host.at(end.plus_s(WEEK_S - 1));
    assert!(opened.is_in().await, "it was heard of in time");
}

async fn a_token_that_proves_nothing_is_unknown(host: Host) {
    let opened = host.browser("ana").enter().await;
    let elsewhere = host.browser("ana").in_tenant(GLOBEX).enter().await;
    let mut typo = opened.token.clone();
    typo.replace_range(90..91, if &typo[90..91] == "A" { "B" } else { "A" });
    let device_token = opened.answer.text_at("/device_token");
    let offer = opened.offer();
    let rows = host.rows().await;
    for nothing in ["", "x", "dws_", &typo, &opened.token[..97], &device_token, &offer, &elsewhere.token, &"é".repeat(3_000), "dws_\0"] {
        let answer = check(&host, nothing).await.expect(200);
        assert_eq!(answer.body, json!({ "active": false, "reason": "unknown" }), "{nothing:?}");
    }
    let foreign = host.ask("POST", "/internal/sessions/verify").key(&api_key(GLOBEX, Role::Verify)).json(&json!({ "token": opened.token }));
    assert_eq!(foreign.await.body, json!({ "active": false, "reason": "unknown" }));
    assert_eq!(host.rows().await, rows);
}

async fn verifying_says_why_a_session_is_over(host: Host) {
    let mut told = vec![];
    let endings = ["DELETE /sessions/current", "POST /devices/signout", "DELETE /devices/current", "POST /devices/current/hijack", "DELETE /sessions"];
    for ending in endings {
        let opened = host.browser("ana").enter().await;
        host.pass_s(1);
        let (method, path) = ending.split_once(' ').expect("a method");
        assert!(opened.ask(method, path).await.status < 300);
        told.push(opened.why_out().await.expect("it is over"));
    }
    assert_eq!(told, ["signed_out", "device_signed_out", "device_forgotten", "device_hijacked", "signed_out_everywhere"]);
    let opened = host.browser("ana").enter().await;
    host.fence("acme").await;
    assert_eq!(opened.why_out().await.as_deref(), Some("tenant_fenced"));
}

async fn a_heartbeat_keeps_the_callers_own_session_alive(host: Host) {
    let opened = host.browser("ana").enter().await;
    host.pass_s(5);
    see!("heartbeat", opened.post("/sessions/current/heartbeat").await.expect(200).shown());
    assert_eq!(last_activity(&opened).await, json!(host.now().to_string()), "also within a minute");
    let answers = at_once(16, |_| {
        let opened = opened.clone();
        async move { opened.post("/sessions/current/heartbeat").await }
    })
    .await;
    assert!(answers.iter().all(|answer| answer.status == 200));
}

async fn a_heartbeat_never_revives(host: Host) {
    let mut laptop = host.browser("ana");
    let unknown = {
        let gone = host.browser("ana").in_tenant(GLOBEX).enter().await;
        host.fence(GLOBEX).await;
        gone.post("/sessions/current/heartbeat").await.said()
    };
    for ending in ["DELETE /sessions/current", "POST /devices/signout", "DELETE /sessions", "DELETE /devices/current", "POST /devices/current/hijack"] {
        laptop.device_token = None;
        let opened = laptop.enter().await;
        let (method, path) = ending.split_once(' ').expect("a method");
        assert!(opened.ask(method, path).await.status < 300);
        let rows = host.rows().await;
        assert_eq!(opened.post("/sessions/current/heartbeat").await.said(), unknown, "{ending}: as an unknown one");
        check(&host, &opened.token).await.expect(200);
        assert_eq!(host.rows().await, rows, "{ending}");
        assert!(!opened.is_in().await);
    }
}

async fn a_clock_that_steps_back_revives_nothing(host: Host) {
    let mut laptop = host.browser("ana");
    let opened = laptop.enter_and_trust().await;
    host.pass_s(100);
    opened.post("/sessions/current/heartbeat").await.expect(200);
    host.at(just_before(doorward_tests::start()));
    let kept = opened.post("/sessions/current/heartbeat").await.expect(200);
    assert_eq!(kept.text_at("/idle_expires_at"), doorward_tests::after(100 + WEEK_S).to_string(), "activity never goes back");
    opened.delete("/sessions/current").await.expect(204);
    host.at(doorward_tests::after(200));
    assert!(!opened.is_in().await);
}

async fn a_step_up_replaces_the_token_of_the_same_session(host: Host) {
    let mut laptop = host.browser("ana");
    laptop.enter_and_trust().await;
    host.pass_s(1);
    let skipped = laptop.enter_skipping().await;
    host.pass_s(60);
    let answer = step_up(&host, &skipped).await.expect(200);
    see!("stepped_up_on_a_trusted_device", answer.shown());
    let stepped = SignedIn::of(&host, answer);
    assert_eq!((stepped.session(), stepped.device()), (skipped.session(), skipped.device()));
    assert_ne!(stepped.token, skipped.token);
    assert_eq!(skipped.why_out().await.as_deref(), Some("unknown"), "the old token is dead");
    skipped.get("/sessions").await.refused(401, "unauthenticated");
    assert!(stepped.is_in().await);
    stepped.post("/devices/current/untrust").await.expect(200);
    let other = host.browser("ana").enter().await;
    other.post(&format!("/devices/{}/untrust", stepped.device())).await.expect(200);
    assert!(stepped.is_in().await, "it no longer lives by its device's trust");
}

async fn a_step_up_brings_an_offer(host: Host) {
    let mut laptop = host.browser("ana");
    let sign_in = laptop.evaluate_with(&json!({ "second_factor": "none" })).await;
    let opened = laptop.complete(&sign_in, &json!({})).await;
    let answer = step_up(&host, &opened).await.expect(200);
    see!("stepped_up_with_an_offer", answer.shown());
    let stepped = SignedIn::of(&host, answer);
    laptop.keep(&stepped.activate(&stepped.offer()).await.expect(200));
    assert_eq!(laptop.judged().await.0, "allow");
}

async fn one_step_up_of_many_leaves_one_token(host: Host) {
    let opened = host.browser("ana").enter().await;
    let answers = at_once(16, |_| {
        let (host, opened) = (host.clone(), opened.clone());
        async move { step_up(&host, &opened).await.expect(200) }
    })
    .await;
    let mut live = 0;
    for answer in &answers {
        live += usize::from(host.inactive(&answer.text_at("/access_token")).await.is_none());
    }
    assert_eq!(live, 1);
}

async fn a_step_up_is_refused_for_what_isnt_live_or_isnt_theirs(host: Host) {
    let opened = host.browser("ana").enter().await;
    let bob = host.browser("bob").enter().await;
    let over = host.browser("ana").enter().await;
    over.delete("/sessions/current").await.expect(204);
    let rows = host.rows().await;
    for session in [bob.session(), over.session(), "not-an-id".to_owned(), bob.session().to_uppercase()] {
        let path = format!("/internal/users/ana/sessions/{session}/mfa");
        host.call("POST", &path).json(&with_code()).await.refused(404, "not_found");
    }
    let future = json!({ "mfa": { "method": "totp", "verified_at": just_after(host.now().plus_s(2)).to_string() } });
    let path = format!("/internal/users/ana/sessions/{}/mfa", opened.session());
    host.call("POST", &path).json(&future).await.refused(400, "invalid_request");
    assert_eq!(host.rows().await, rows);
}

async fn a_step_up_by_an_older_factor_takes_no_newer_one_back(host: Host) {
    let opened = host.browser("ana").enter().await;
    let newer = host.now();
    host.pass_s(60);
    let older = json!({ "mfa": { "method": "backup_code", "verified_at": just_before(newer).to_string() } });
    let path = format!("/internal/users/ana/sessions/{}/mfa", opened.session());
    let answer: Answer = host.call("POST", &path).json(&older).await.expect(200);
    assert_eq!(answer.body["session"]["last_mfa_at"], newer.to_string());
}
