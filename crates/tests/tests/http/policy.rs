//! Policy: what a stricter one ends is over at its next use, and a looser one brings none of it back.

use doorward_domain::{Preset, Role};
use doorward_tests::host::browser::{judgement, with_code};
use doorward_tests::host::{Answer, Browser, Host, SignedIn};
use doorward_tests::just_before;
use serde_json::json;

use crate::policies::put;

doorward_tests::on_each_engine! {
    what_a_policy_without_device_trust_ended_never_comes_back,
    sessions_that_a_policys_limits_ended_never_come_back,
    trust_that_a_policys_limits_ended_never_comes_back,
    a_policy_ends_nothing_a_microsecond_early,
}

const DAY: u32 = 86_400;

/// All that a policy can end: a session by a factor, one by device trust, that trust, an open offer, a sign-in let through by trust.
struct Belongings {
    trusted: Browser,
    by_factor: SignedIn,
    by_trust: SignedIn,
    offered: Browser,
    in_session: SignedIn,
    let_through: Answer,
}

async fn furnish(host: &Host) -> Belongings {
    let mut trusted = host.browser("ana");
    let by_factor = trusted.enter_and_trust().await;
    let by_trust = trusted.enter_skipping().await;
    let mut offered = host.browser("ana");
    let in_session = offered.enter().await;
    let let_through = trusted.evaluate().await;
    assert_eq!(judgement(&let_through).0, "allow");
    Belongings { trusted, by_factor, by_trust, offered, in_session, let_through }
}

/// On every path that a token opens: verify, the person's own pages, signs of life, proxies, services, batches.
async fn is_out(host: &Host, session: &SignedIn, why: &str) {
    assert_eq!(session.why_out().await.as_deref(), Some(why));
    session.get("/devices").await.refused(401, "unauthenticated");
    session.post("/sessions/current/heartbeat").await.refused(401, "unauthenticated");
    host.ask("GET", "/internal/forward-auth/acme").bearer(&session.token).await.refused(401, "unauthenticated");
    let introspected = host.ask("POST", "/oauth2/introspect").by(Role::Verify).form(&format!("token={}", session.token)).await.expect(200);
    assert_eq!(introspected.body, json!({ "active": false }));
    let batch = json!({ "tokens": [session.token, session.token] });
    let verified = host.call("POST", "/internal/sessions/verify-batch").json(&batch).await.expect(200);
    assert_eq!(verified.body["results"], json!([{ "active": false, "reason": why }, { "active": false, "reason": why }]));
    let beats = host.call("POST", "/internal/sessions/heartbeat-batch").json(&batch).await.expect(200);
    assert_eq!(beats.body["results"], json!([{ "ok": false, "reason": why }, { "ok": false, "reason": why }]));
    let step_up = format!("/internal/users/ana/sessions/{}/mfa", session.session());
    host.call("POST", &step_up).json(&with_code()).await.refused(404, "not_found");
}

async fn choose(host: &Host, preset: Preset) {
    put(host, &json!({ "preset": preset.as_str() })).await.expect(200);
}

async fn what_a_policy_without_device_trust_ended_never_comes_back(host: Host) {
    let mut ours = furnish(&host).await;
    host.pass_s(1);
    choose(&host, Preset::NistAal2).await;
    let moment = host.now();
    host.pass_s(1);
    for loosened in [false, true] {
        if loosened {
            choose(&host, Preset::Consumer).await;
        }
        is_out(&host, &ours.by_trust, "policy_changed").await;
        assert!(ours.by_factor.is_in().await && ours.in_session.is_in().await, "a day isn't over, nor an hour of silence");
        assert_eq!(ours.trusted.judged().await.0, "challenge");
        ours.trusted.try_complete(&ours.let_through, &json!({})).await.refused(403, "mfa_required");
        let devices = host.ask("GET", "/internal/users/ana/devices").by(Role::Viewer).await.expect(200);
        let ended: Vec<_> = devices.body["items"].as_array().expect("a list").iter().filter(|device| !device["trust_ended_reason"].is_null()).collect();
        assert_eq!((ended.len(), &ended[0]["status"], &ended[0]["trust_ended_reason"]), (1, &json!("unverified"), &json!("policy_changed")));
        assert_eq!(ended[0]["trust_ended_at"], json!(moment.to_string()));
        if loosened {
            ours.offered.activate(&ours.in_session.offer()).await.refused(404, "activation_not_found");
        } else {
            ours.in_session.activate(&ours.in_session.offer()).await.refused(403, "trust_not_allowed");
        }
    }
    // A step-up is a factor, and no consent to trust.
    let step_up = format!("/internal/users/ana/sessions/{}/mfa", ours.by_factor.session());
    host.call("POST", &step_up).json(&with_code()).await.expect(200);
    assert_eq!(ours.trusted.judged().await.0, "challenge");
    // Life goes on: what is given now holds.
    assert!(ours.trusted.enter_and_trust().await.is_in().await);
    assert_eq!(ours.trusted.judged().await.0, "allow");
}

async fn sessions_that_a_policys_limits_ended_never_come_back(host: Host) {
    let absolute = host.browser("ana").enter().await;
    host.pass_s(DAY);
    let idle = host.browser("bob").enter().await;
    host.pass_s(3_600);
    let live = host.browser("eve").enter().await;
    choose(&host, Preset::NistAal2).await;
    for loosened in [false, true] {
        if loosened {
            choose(&host, Preset::Consumer).await;
        }
        is_out(&host, &absolute, "expired").await;
        is_out(&host, &idle, "idle").await;
        assert!(live.is_in().await);
    }
}

async fn trust_that_a_policys_limits_ended_never_comes_back(host: Host) {
    let mut long = host.browser("ana");
    long.enter_and_trust().await;
    host.pass_s(2 * DAY);
    let mut short = host.browser("bob");
    short.enter_and_trust().await;
    host.set_rules(|rules| rules.trust_for_s = DAY).await;
    assert_eq!((long.judged().await.0.as_str(), short.judged().await.0.as_str()), ("challenge", "allow"));
    choose(&host, Preset::Consumer).await;
    assert_eq!((long.judged().await.0.as_str(), short.judged().await.0.as_str()), ("challenge", "allow"));
    // Nor do fifty policies more, each stricter in something, forget it.
    for round in 1..=50 {
        host.pass_s(1);
        host.set_rules(|rules| rules.session_idle_s = 7 * DAY - round).await;
    }
    choose(&host, Preset::Consumer).await;
    assert_eq!((long.judged().await.0.as_str(), short.judged().await.0.as_str()), ("challenge", "allow"));
}

async fn a_policy_ends_nothing_a_microsecond_early(host: Host) {
    let session = host.browser("ana").enter().await;
    let end = host.now().plus_s(DAY);
    host.at(just_before(end));
    for preset in [Preset::NistAal1, Preset::Consumer] {
        host.set_rules(|rules| (rules.session_absolute_s, rules.session_idle_s) = (DAY, DAY)).await;
        choose(&host, preset).await;
        assert!(session.is_in().await);
    }
}
