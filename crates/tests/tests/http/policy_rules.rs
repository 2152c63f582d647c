//! What single rules of a policy do: the rows of security events, the second factor, freshness, caps, and no trust under NIST.

use doorward_domain::{Leeway, Role, SecurityEvent, SessionsEnded};
use doorward_tests::host::browser::{judgement, with_checkbox, with_code};
use doorward_tests::host::{Answer, Host, SignedIn};
use serde_json::{Value, json};

use crate::policies::put;

doorward_tests::on_each_engine! {
    a_row_is_made_looser_where_the_table_allows_it,
    a_row_is_made_stricter_where_the_table_allows_it,
    signing_out_everywhere_ends_the_callers_trust_where_the_policy_says_so,
    whoever_has_no_second_factor_is_refused_where_the_policy_says_so,
    a_method_that_seeds_no_trust_any_more_takes_none_back,
    under_a_stricter_freshness_old_proofs_give_nothing,
    lowered_caps_hold_from_the_next_sign_in_on,
    no_trust_is_given_under_nist,
}

/// Changes the policy, and says that it was accepted.
async fn rule(host: &Host, body: Value) {
    put(host, &body).await.expect(200);
}

async fn report(host: &Host, user: &str, event: &str, keep: &SignedIn) -> Answer {
    let body = json!({ "type": event, "keep_session_id": keep.session() });
    host.call("POST", &format!("/internal/users/{user}/security-events")).json(&body).await.expect(200)
}

fn with_leeway(leeway: Leeway) -> impl Iterator<Item = SecurityEvent> {
    SecurityEvent::ALL.iter().copied().filter(move |event| event.leeway() == leeway)
}

/// Holds an event to a row: the trust of a device, its session, another session with an open offer, and a sign-in in progress.
async fn hold_to(host: &Host, event: SecurityEvent, ends_trust: bool, ends: SessionsEnded) {
    let user = format!("{event}-{ends_trust}-{ends}");
    let (mut trusted, mut other) = (host.browser(&user), host.browser(&user));
    let kept = trusted.enter_and_trust().await;
    let offered = other.enter().await;
    let in_progress = trusted.evaluate().await;
    host.pass_s(1);
    let told = report(host, &user, event.as_str(), &kept).await.body;
    let (all, others) = (ends == SessionsEnded::All, ends != SessionsEnded::None);
    assert_eq!(told["devices_untrusted"], u8::from(ends_trust), "{user}");
    assert_eq!(told["sessions_ended"], u8::from(all) + u8::from(others), "{user}");
    assert_eq!(told["activations_cancelled"], u8::from(ends_trust || others), "{user}: an offer goes with the trust, or with its session");
    assert_eq!(told["kept_session_id"].is_null(), ends != SessionsEnded::AllButKept, "{user}");
    let why = |over: bool| over.then(|| event.as_str().to_owned());
    assert_eq!((kept.why_out().await, offered.why_out().await), (why(all), why(others)), "{user}");
    let taken = offered.activate(&offered.offer()).await;
    match (others, ends_trust) {
        (true, _) => drop(taken.refused(401, "unauthenticated")),
        (false, true) => drop(taken.refused(404, "activation_not_found")),
        (false, false) => drop(taken.expect(200)),
    }
    // Whatever the policy leaves standing, what was in progress begins anew.
    trusted.clone().try_complete(&in_progress, &with_code()).await.refused(409, "sign_in_cancelled");
    assert_eq!(trusted.judged().await.0, if ends_trust { "challenge" } else { "allow" }, "{user}");
    if ends == SessionsEnded::AllButKept {
        kept.post("/devices/current/trust").await.refused(403, "mfa_required");
        assert_eq!(kept.get("/sessions/current").await.expect(200).body["last_mfa_at"], Value::Null, "{user}: its freshness is gone");
    }
}

async fn a_row_is_made_looser_where_the_table_allows_it(host: Host) {
    let free: Vec<SecurityEvent> = with_leeway(Leeway::Free).collect();
    assert_eq!(free.len(), 8, "the rows that bear a dagger");
    for event in free {
        for (trust, sessions) in [(false, SessionsEnded::None), (false, SessionsEnded::AllButKept), (true, SessionsEnded::None), (true, SessionsEnded::All)] {
            let row = json!({ "ends_trust": trust, "ends_sessions": sessions.as_str() });
            rule(&host, json!({ "on_security_event": { event.as_str(): row } })).await;
            hold_to(&host, event, trust, sessions).await;
        }
        // Under the table's own row it is as it was.
        rule(&host, json!({ "on_security_event": {} })).await;
        hold_to(&host, event, event.ends().trust, event.ends().sessions).await;
    }
}

async fn a_row_is_made_stricter_where_the_table_allows_it(host: Host) {
    for event in with_leeway(Leeway::StricterOnly) {
        rule(&host, json!({ "on_security_event": { event.as_str(): { "ends_sessions": "all" } } })).await;
        hold_to(&host, event, true, SessionsEnded::All).await;
    }
    for event in with_leeway(Leeway::StricterOnly).chain(with_leeway(Leeway::Fixed)) {
        let rows = host.rows().await;
        let looser = json!({ "on_security_event": { event.as_str(): { "ends_trust": event.ends().trust, "ends_sessions": "none" } } });
        if event.ends().sessions != SessionsEnded::None {
            put(&host, &looser).await.refused(400, "invalid_request");
        }
        assert_eq!(host.rows().await, rows);
    }
}

async fn signing_out_everywhere_ends_the_callers_trust_where_the_policy_says_so(host: Host) {
    for spares in [true, false] {
        rule(&host, json!({ "sign_out_everywhere_spares_own_trust": spares })).await;
        let user = format!("ana-{spares}");
        let (mut own, mut other) = (host.browser(&user), host.browser(&user));
        other.enter_and_trust().await;
        let caller = own.enter_and_trust().await;
        caller.ask("DELETE", "/sessions").query("except_current=true").await.expect(200);
        assert!(caller.is_in().await);
        assert_eq!(own.judged().await.0, if spares { "allow" } else { "challenge" });
        assert_eq!(other.judged().await.0, "challenge");
        own.enter_and_trust().await.delete("/sessions").await.expect(200);
        assert_eq!(own.judged().await.0, if spares { "allow" } else { "challenge" });
    }
}

async fn whoever_has_no_second_factor_is_refused_where_the_policy_says_so(host: Host) {
    let mut ana = host.browser("ana");
    let none = json!({ "second_factor": "none" });
    let begun = ana.evaluate_with(&none).await;
    let entered = ana.complete(&ana.evaluate_with(&none).await, &json!({})).await;
    rule(&host, json!({ "require_second_factor": true })).await;
    assert_eq!(judgement(&ana.evaluate_with(&none).await), ("deny".to_owned(), vec!["policy_requires_mfa".to_owned()]));
    ana.try_complete(&begun, &json!({})).await.refused(403, "sign_in_denied");
    assert!(entered.is_in().await, "a session that began before stays");
    // Judged when it was begun, and not let in by a looser policy that came since.
    let denied = ana.evaluate_with(&none).await;
    rule(&host, json!({ "require_second_factor": false })).await;
    ana.try_complete(&denied, &json!({})).await.refused(403, "sign_in_denied");
    assert_eq!(judgement(&ana.evaluate_with(&none).await).0, "allow");
}

async fn a_method_that_seeds_no_trust_any_more_takes_none_back(host: Host) {
    let (mut before, mut after) = (host.browser("ana"), host.browser("ana"));
    before.enter_and_trust().await;
    let offered = after.enter().await;
    rule(&host, json!({ "trust_methods": ["webauthn"] })).await;
    assert_eq!(before.judged().await.0, "allow", "what was given stays");
    offered.activate(&offered.offer()).await.refused(403, "mfa_required");
    offered.post("/devices/current/trust").await.refused(403, "mfa_required");
    assert!(!after.enter().await.is_offered());
    let sign_in = after.evaluate().await;
    after.try_complete(&sign_in, &with_checkbox()).await.refused(403, "mfa_required");
    let by_key = host.call("POST", &format!("/internal/users/ana/devices/{}/trust", offered.device()));
    by_key.json(&with_code()).await.refused(403, "mfa_required");
    after.complete(&sign_in, &json!({ "mfa": { "method": "webauthn" }, "trust_device": true })).await;
    assert_eq!(after.judged().await.0, "allow");
}

async fn under_a_stricter_freshness_old_proofs_give_nothing(host: Host) {
    let mut browser = host.browser("ana");
    let session = browser.enter().await;
    let other = host.browser("ana").enter().await;
    host.pass_s(120);
    rule(&host, json!({ "recent_mfa_s": 119, "recent_auth_s": 119 })).await;
    session.activate(&session.offer()).await.refused(403, "mfa_required");
    session.post("/devices/current/trust").await.refused(403, "mfa_required");
    session.delete(&format!("/sessions/{}", other.session())).await.refused(403, "recent_auth_required");
    session.delete(&format!("/devices/{}", other.device())).await.refused(403, "recent_auth_required");
    session.ask("DELETE", "/sessions").query("except_current=true").await.refused(403, "recent_auth_required");
    session.ask("DELETE", "/devices").query("except_current=true").await.refused(403, "recent_auth_required");
    assert!(other.is_in().await);
    rule(&host, json!({ "recent_mfa_s": 120, "recent_auth_s": 120 })).await;
    session.delete(&format!("/sessions/{}", other.session())).await.expect(204);
    session.activate(&session.offer()).await.expect(200);
}

async fn lowered_caps_hold_from_the_next_sign_in_on(host: Host) {
    let mut browsers = vec![];
    for _ in 0..3 {
        let mut browser = host.browser("ana");
        let session = browser.enter_and_trust().await;
        browsers.push((browser, session));
        host.pass_s(1);
    }
    rule(&host, json!({ "max_devices": 2, "max_sessions": 2 })).await;
    for (browser, session) in &browsers {
        assert!(session.is_in().await, "what stands stays until something new comes");
        assert_eq!(browser.judged().await.0, "allow");
    }
    let listed = |status: &'static str| {
        let asked = host.ask("GET", "/internal/users/ana/devices").by(Role::Viewer).query(&format!("status={status}"));
        async move { asked.await.expect(200).ids() }
    };
    // An unverified device takes no trust away, whoever signs in on it.
    let stranger = host.browser("ana").enter().await;
    assert_eq!((listed("trusted").await.len(), listed("all").await.len()), (3, 4));
    assert!(!browsers[0].1.is_in().await && !browsers[1].1.is_in().await && stranger.is_in().await, "the oldest sessions end first");
    host.pass_s(1);
    let newest = host.browser("ana").enter_and_trust().await;
    let trusted = listed("trusted").await;
    assert_eq!(trusted.len(), 2, "the cap of trusted devices");
    assert!(trusted.contains(&newest.device()) && trusted.contains(&browsers[2].1.device()));
    host.pass_s(1);
    host.browser("ana").enter().await;
    assert_eq!(listed("all").await.len(), 3, "what lost its trust makes room: beside two trusted ones one unverified device fits");
}

async fn no_trust_is_given_under_nist(host: Host) {
    for preset in ["nist-aal2", "nist-aal3"] {
        rule(&host, json!({ "preset": preset })).await;
        let mut ana = host.browser(preset);
        let session = ana.enter().await;
        assert!(!session.is_offered(), "{preset}");
        session.post("/devices/current/trust").await.refused(403, "trust_not_allowed");
        let by_key = host.call("POST", &format!("/internal/users/{preset}/devices/{}/trust", session.device()));
        by_key.json(&with_code()).await.refused(403, "trust_not_allowed");
        let sign_in = ana.evaluate().await;
        assert_eq!(judgement(&sign_in), ("challenge".to_owned(), vec!["policy_requires_mfa".to_owned()]));
        ana.try_complete(&sign_in, &with_checkbox()).await.refused(403, "trust_not_allowed");
        // Nor may a rule of its own allow it.
        put(&host, &json!({ "device_trust": true })).await.refused(400, "invalid_request");
    }
}
