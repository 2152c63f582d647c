//! What an operator at the machine does: ends everything in a tenant, or something of a user in it.

use doorward_domain::{Refusal, Role};
use doorward_service::{DeviceName, Error, Operator};
use doorward_tests::host::browser::{judgement, with_code};
use doorward_tests::host::{ACME, Answer, Browser, GLOBEX, Host, SignedIn, api_key};
use doorward_tests::{tenant_id, user_id};
use serde_json::json;

doorward_tests::on_each_engine! {
    a_fence_ends_everything_of_its_tenant_and_nothing_of_another,
    a_fence_is_one_event_of_the_tenants_own_trail,
    a_fence_of_all_tenants_is_one_write,
    what_a_restore_brought_back_is_over,
    a_command_acts_in_its_own_tenant_and_under_its_humans_name,
}

/// All that a user can have at a moment: a trusted device, a session by that trust, an open offer, a sign-in in progress.
struct Belongings {
    trusted: Browser,
    by_factor: SignedIn,
    by_trust: SignedIn,
    offered: Browser,
    in_session: SignedIn,
    in_progress: Answer,
}

async fn furnish(host: &Host, tenant: &str) -> Belongings {
    let mut trusted = host.browser("ana").in_tenant(tenant);
    let by_factor = trusted.enter_and_trust().await;
    let by_trust = trusted.enter_skipping().await;
    let mut offered = host.browser("ana").in_tenant(tenant);
    let in_session = offered.enter().await;
    let in_progress = trusted.evaluate().await;
    Belongings { trusted, by_factor, by_trust, offered, in_session, in_progress }
}

async fn a_fence_ends_everything_of_its_tenant_and_nothing_of_another(host: Host) {
    let mut ours = furnish(&host, ACME).await;
    let mut theirs = furnish(&host, GLOBEX).await;
    host.pass_s(1);
    host.fence(ACME).await;
    for session in [&ours.by_factor, &ours.by_trust, &ours.in_session] {
        assert_eq!(session.why_out().await.as_deref(), Some("tenant_fenced"));
        session.get("/devices").await.refused(401, "unauthenticated");
        session.post("/sessions/current/heartbeat").await.refused(401, "unauthenticated");
    }
    ours.offered.activate(&ours.in_session.offer()).await.refused(404, "activation_not_found");
    ours.trusted.try_complete(&ours.in_progress, &with_code()).await.refused(409, "sign_in_cancelled");
    let again = ours.trusted.evaluate().await;
    assert_eq!(judgement(&again).0, "challenge", "the device is known and no longer trusted");
    let devices = host.ask("GET", "/internal/users/ana/devices").by(Role::Operator).await.expect(200);
    let ended = devices.body["items"].as_array().expect("a list").iter().filter(|device| device["trust_ended_reason"] == "tenant_fenced").count();
    assert_eq!((ended, &devices.body["items"][0]["status"]), (1, &json!("unverified")));
    // Life goes on: a new session, and new trust.
    let mut trusted = ours.trusted.clone();
    assert!(trusted.enter_and_trust().await.is_in().await);
    assert_eq!(trusted.judged().await.0, "allow");

    // They sign in with keys of their own tenant, of which nothing was touched.
    let verify = |session: &SignedIn| host.ask("POST", "/internal/sessions/verify").key(&api_key(GLOBEX, Role::Host)).json(&json!({ "token": session.token }));
    for session in [&theirs.by_factor, &theirs.by_trust, &theirs.in_session] {
        assert_eq!(verify(session).await.expect(200).body["active"], true);
    }
    assert_eq!(theirs.trusted.judged().await.0, "allow");
    theirs.trusted.try_complete(&theirs.in_progress, &json!({})).await.expect(201);
    theirs.offered.activate(&theirs.in_session.offer()).await.expect(200);
}

async fn a_fence_is_one_event_of_the_tenants_own_trail(host: Host) {
    for user in 0..20 {
        host.browser(&format!("user-{user}")).enter().await;
    }
    let before = host.rows().await;
    host.fence(ACME).await;
    let changed: Vec<String> = host.rows().await.into_iter().filter(|row| !before.contains(row)).collect();
    let of = |table: &str| changed.iter().filter(|row| row.starts_with(table)).count();
    // The event is in the trail and in the feed, whose lane has a new head.
    assert_eq!((changed.len(), of("tenant:"), of("event:"), of("feed:"), of("feed_head:")), (4, 1, 1, 1, 1), "{changed:?}");
    assert!(changed.iter().any(|row| row.contains("system:grace")), "{changed:?}");
    let nobody = host.service().fence(&Operator::new(tenant_id("initech"), "grace".to_owned())).await;
    assert!(matches!(nobody, Err(Error::Refused(Refusal::NotFound))));
}

async fn a_fence_of_all_tenants_is_one_write(host: Host) {
    let (ours, theirs) = (host.browser("ana").enter().await, host.browser("ana").in_tenant(GLOBEX).enter().await);
    let fenced = host.service().fence_all("grace").await.expect("all are fenced");
    assert_eq!(fenced.iter().map(|tenant| tenant.id.as_str()).collect::<Vec<_>>(), [ACME, GLOBEX]);
    for session in [ours, theirs] {
        session.get("/devices").await.refused(401, "unauthenticated");
    }
}

async fn what_a_restore_brought_back_is_over(host: Host) {
    let mut before = furnish(&host, ACME).await;
    let hijacked = host.browser("bob").enter_and_trust().await;
    hijacked.post("/devices/current/hijack").await.expect(200);
    let kept = "dwk_canary-of-acme-kept-over-the-restore-by-its-name";
    host.add_key(kept, |_| ()).await;
    let trail = host.ask("GET", "/internal/users/bob/events").by(Role::Viewer).await.expect(200).body;
    let rows = host.rows().await;
    let stranger = "019aa0b2-3c4d-7e5f-8a6b-7c8d9e0f1a2b".parse().expect("an id");
    let refused = host.service().end_what_was_restored("grace", vec![stranger]).await;
    assert!(matches!(refused, Err(Error::Refused(Refusal::NotFound))));
    assert_eq!(host.rows().await, rows, "a slip in a key's name ends nothing, and keeps nothing good");

    let id = host.key_id(kept).await;
    let ended = host.service().end_what_was_restored("grace", vec![id]).await.expect("all is ended");
    assert_eq!((ended.tenants, ended.keys_ended), (2, 2 * Role::ALL.len()));
    host.ask("GET", "/internal/users/ana/devices").by(Role::Admin).await.refused(401, "unauthenticated");
    let call = |method: &str, path: &str| host.ask(method, path).key(kept);
    for session in [&before.by_factor, &before.by_trust, &before.in_session, &hijacked] {
        session.get("/devices").await.refused(401, "unauthenticated");
        assert_eq!(call("POST", "/internal/sessions/verify").json(&json!({ "token": session.token })).await.expect(200).body["active"], false);
    }
    call("POST", "/internal/activations/activate").json(&json!({ "activation_token": before.in_session.offer() })).await.refused(404, "activation_not_found");
    let complete = format!("/internal/sign-ins/{}/complete", before.in_progress.text_at("/id"));
    call("POST", &complete).json(&with_code()).await.refused(409, "sign_in_cancelled");
    let evaluated = |attempt: serde_json::Value| async move { judgement(&call("POST", "/internal/sign-ins").json(&attempt).await.expect(201)).0 };
    assert_eq!(evaluated(before.trusted.attempt(&json!({}))).await, "challenge");
    let mut thief = host.browser("bob");
    thief.keep(&hijacked.answer);
    assert_eq!(evaluated(thief.attempt(&json!({}))).await, "deny", "a hijacked device stays hijacked");
    assert_eq!(call("GET", "/internal/users/bob/events").await.expect(200).body, trail, "the audit trail stays");
    // Life goes on, by the key that was kept.
    before.trusted = before.trusted.by_key(kept);
    assert!(before.trusted.enter_and_trust().await.token.starts_with("dws_"));
    assert_eq!(evaluated(before.trusted.attempt(&json!({}))).await, "allow");
}

async fn a_command_acts_in_its_own_tenant_and_under_its_humans_name(host: Host) {
    let opened = host.browser("ana").enter_and_trust().await;
    let device = DeviceName::Id(opened.device().parse().expect("an id"));
    let rows = host.rows().await;
    let elsewhere = Operator::new(tenant_id(GLOBEX), "grace".to_owned()).user(user_id("ana"));
    assert!(matches!(host.service().untrust_device(&elsewhere, device, false).await, Err(Error::Refused(Refusal::NotFound))));
    assert_eq!(host.rows().await, rows);
    let here = Operator::new(tenant_id(ACME), "grace".to_owned()).user(user_id("ana"));
    host.service().untrust_device(&here, device, false).await.expect("the device is hers");
    let last = |events: Answer| events.text_at("/items/0/actor");
    assert_eq!(last(host.ask("GET", "/internal/users/ana/events").by(Role::Viewer).await.expect(200)), "system:grace");
    assert_eq!(last(opened.get("/events").await.expect(200)), "system", "who works at the host is none of her business");
}
