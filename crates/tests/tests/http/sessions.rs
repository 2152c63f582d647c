//! A person's sessions: list, page, read, end one, end all.

use doorward_domain::Role;
use doorward_tests::host::{GLOBEX, Host, SignedIn};
use doorward_tests::just_before;
use insta::assert_snapshot as see;
use serde_json::json;

doorward_tests::on_each_engine! {
    a_list_shows_the_live_ones_unless_asked_otherwise,
    pages_run_through_years_of_sessions,
    a_session_is_read_by_id_and_as_current,
    ending_a_session_ends_that_one_at_once,
    signing_out_everywhere_else_keeps_the_caller_and_the_trust_of_its_device,
    signing_out_everywhere_ends_all,
    an_operator_signs_a_person_out_everywhere,
    sessions_opened_directly_are_as_the_others,
    a_session_ends_at_its_absolute_end,
    at_the_cap_the_oldest_session_of_the_device_goes,
}

const DAY_S: u32 = 86_400;

async fn listed(caller: &SignedIn, status: &str) -> Vec<String> {
    caller.ask("GET", "/sessions").query(&format!("status={status}&limit=100")).await.expect(200).ids()
}

async fn a_list_shows_the_live_ones_unless_asked_otherwise(host: Host) {
    let mut laptop = host.browser("ana");
    let idle = laptop.enter_and_trust().await;
    host.pass_s(8 * DAY_S);
    let lost = host.browser("ana").enter().await;
    host.pass_s(1);
    let ended = laptop.enter().await;
    ended.delete("/sessions/current").await.expect(204);
    host.pass_s(1);
    let live = laptop.enter_skipping().await;
    live.post(&format!("/devices/{}/hijack", lost.device())).await.expect(200);
    assert_eq!(live.get("/sessions").await.ids(), [live.session()]);
    assert_eq!(live.get("/sessions/").await.ids(), [live.session()]);
    assert_eq!(listed(&live, "active").await, [live.session()]);
    assert_eq!(listed(&live, "inactive").await, [idle.session()]);
    assert_eq!(listed(&live, "ended").await, [ended.session()]);
    assert_eq!(listed(&live, "blocked").await, [lost.session()]);
    see!("all_sessions", live.ask("GET", "/sessions").query("status=all").await.expect(200).shown());
    let by_host = host.call("GET", "/internal/users/ana/sessions").query("status=all").await.expect(200);
    assert_eq!(by_host.ids(), [live.session(), ended.session(), lost.session(), idle.session()]);
    assert_eq!(host.call("GET", "/internal/users/ana/sessions").await.ids(), [live.session()]);
}

async fn pages_run_through_years_of_sessions(host: Host) {
    let mut laptop = host.browser("ana");
    let mut newest = vec![];
    for number in 0..120_u32 {
        let opened = laptop.enter().await;
        if number % 3 != 0 {
            opened.delete("/sessions/current").await.expect(204);
        }
        newest.insert(0, (opened.session(), number % 3 != 0));
        host.pass_s(1);
    }
    let caller = laptop.enter().await;
    for (status, wanted) in [("ended", Some(true)), ("active", Some(false)), ("all", None)] {
        let mut expected: Vec<String> = newest.iter().filter(|(_, ended)| wanted.is_none_or(|wanted| wanted == *ended)).map(|(id, _)| id.clone()).collect();
        if wanted != Some(true) {
            expected.insert(0, caller.session());
        }
        for limit in [9, 40, 100] {
            let (mut found, mut next) = (vec![], String::new());
            loop {
                let page = caller.ask("GET", "/sessions").query(&format!("status={status}&limit={limit}{next}")).await.expect(200);
                found.extend(page.ids());
                let Some(cursor) = page.body["next_cursor"].as_str() else { break };
                assert_eq!(page.ids().len(), limit);
                next = format!("&cursor={cursor}");
            }
            assert_eq!(found, expected, "{status} by {limit}");
        }
    }
}

async fn a_session_is_read_by_id_and_as_current(host: Host) {
    let mut laptop = host.browser("ana");
    let first = laptop.enter_and_trust().await;
    host.pass_s(1);
    let second = laptop.enter_skipping().await;
    see!("current_session", second.get("/sessions/current").await.expect(200).shown());
    assert_eq!(second.get(&format!("/sessions/{}", second.session())).await.body, second.get("/sessions/current").await.body);
    let other = second.get(&format!("/sessions/{}", first.session())).await.expect(200);
    assert_eq!((other.body["is_current"].clone(), other.body["last_mfa_at"].is_null()), (json!(false), false));
}

async fn ending_a_session_ends_that_one_at_once(host: Host) {
    let mut laptop = host.browser("ana");
    let first = laptop.enter_and_trust().await;
    host.pass_s(1);
    let second = laptop.enter_skipping().await;
    let third = host.browser("ana").enter().await;
    second.delete(&format!("/sessions/{}", first.session())).await.expect(204);
    assert_eq!([first.why_out().await, second.why_out().await, third.why_out().await], [Some("revoked".to_owned()), None, None]);
    let rows = host.rows().await;
    second.delete(&format!("/sessions/{}", first.session())).await.expect(204);
    assert_eq!(host.rows().await, rows, "ending it again changes nothing");
    second.delete("/sessions/current").await.expect(204);
    assert_eq!(second.why_out().await.as_deref(), Some("signed_out"));
    second.delete("/sessions/current").await.refused(401, "unauthenticated");
    let operator = host.ask("DELETE", &format!("/internal/users/ana/sessions/{}", third.session())).by(Role::Operator);
    operator.clone().await.expect(204);
    operator.await.expect(204);
    assert_eq!(third.why_out().await.as_deref(), Some("revoked"));
    assert_eq!(laptop.judged().await.0, "allow", "trust stays");
}

async fn signing_out_everywhere_else_keeps_the_caller_and_the_trust_of_its_device(host: Host) {
    let (mut laptop, mut phone) = (host.browser("ana"), host.browser("ana"));
    let on_laptop = laptop.enter_and_trust().await;
    host.pass_s(1);
    let beside = laptop.enter().await;
    let on_phone = phone.enter_and_trust().await;
    let bob = host.browser("bob").enter().await;
    let elsewhere = host.browser("ana").in_tenant(GLOBEX).enter().await;
    host.pass_s(1);
    let ended = on_laptop.ask("DELETE", "/sessions").query("except_current=true").await.expect(200);
    assert_eq!(ended.body, json!({ "sessions_ended": 2 }));
    assert!(on_laptop.is_in().await && bob.is_in().await);
    for over in [&beside, &on_phone] {
        assert_eq!(over.why_out().await.as_deref(), Some("signed_out_everywhere"));
        over.get("/sessions").await.refused(401, "unauthenticated");
    }
    assert_eq!(laptop.judged().await.0, "allow");
    let judged = phone.evaluate().await;
    assert_eq!(judged.body["reason_details"]["trust_ended"]["cause"], "signed_out_everywhere");
    elsewhere.get("/sessions").await.expect(200);
    on_laptop.post("/sessions/current/heartbeat").await.expect(200);
    let again = on_laptop.ask("DELETE", "/sessions").query("except_current=true").await.expect(200);
    assert_eq!(again.body, json!({ "sessions_ended": 0 }));
}

async fn signing_out_everywhere_ends_all(host: Host) {
    let (mut laptop, mut phone) = (host.browser("ana"), host.browser("ana"));
    let on_laptop = laptop.enter_and_trust().await;
    let on_phone = phone.enter_and_trust().await;
    host.pass_s(1);
    let ended = on_laptop.delete("/sessions").await.expect(200);
    assert_eq!(ended.body, json!({ "sessions_ended": 2 }));
    assert!(!on_laptop.is_in().await && !on_phone.is_in().await);
    on_laptop.delete("/sessions").await.refused(401, "unauthenticated");
    assert_eq!((laptop.judged().await.0, phone.judged().await.0), ("allow".to_owned(), "challenge".to_owned()));
    laptop.enter_skipping().await;
}

async fn an_operator_signs_a_person_out_everywhere(host: Host) {
    let mut laptop = host.browser("ana");
    let opened = laptop.enter_and_trust().await;
    let bob = host.browser("bob").enter().await;
    host.pass_s(1);
    let path = "/internal/users/ana/sessions";
    let ended = host.ask("DELETE", path).by(Role::Operator).header("x-doorward-actor", "Max from support").await.expect(200);
    assert_eq!(ended.body, json!({ "sessions_ended": 1 }));
    assert!(!opened.is_in().await && bob.is_in().await);
    assert_eq!(laptop.judged().await.0, "challenge", "with a key's call trust ends on every device");
    see!("history_after_an_operator", host.call("GET", "/internal/users/ana/events").await.expect(200).shown());
    host.call("DELETE", "/internal/users/nobody/sessions").await.refused(404, "not_found");
}

async fn sessions_opened_directly_are_as_the_others(host: Host) {
    let mut laptop = host.browser("ana");
    laptop.enter_and_trust().await;
    let entry = json!({
        "user_id": "ana", "ip": "::ffff:203.0.113.9", "user_agent": "curl/8.5.0", "login_method": "sso", "amr": ["fed"],
        "mfa": { "method": "webauthn" }, "external_session_id": "ext-1", "authenticated_at": host.now().to_string(),
    });
    let opened = host.call("POST", "/internal/sessions").json(&entry).await.expect(201);
    see!("opened_directly", opened.shown());
    let mut known = entry.clone();
    known["device_token"] = json!(laptop.device_token);
    let on_known = SignedIn::of(&host, host.call("POST", "/internal/sessions").json(&known).await.expect(201));
    assert_eq!(on_known.answer.body["device"]["status"], "trusted");
    assert!(on_known.is_in().await && !on_known.is_offered());
    let mut future = entry.clone();
    future["authenticated_at"] = json!(host.now().plus_s(3).to_string());
    let refused = host.call("POST", "/internal/sessions").json(&future).await.refused(400, "invalid_request");
    assert_eq!(refused.text_at("/errors/0/field"), "authenticated_at");
    on_known.post("/devices/current/hijack").await.expect(200);
    host.call("POST", "/internal/sessions").json(&known).await.refused(403, "sign_in_denied");
}

async fn a_session_ends_at_its_absolute_end(host: Host) {
    let opened = host.browser("ana").enter().await;
    let end = host.now().plus_s(30 * DAY_S);
    assert_eq!(opened.answer.text_at("/session/expires_at"), end.to_string());
    for day in 1..30 {
        host.at(doorward_tests::after(day * DAY_S));
        let kept = opened.post("/sessions/current/heartbeat").await.expect(200);
        assert_eq!(kept.body["expires_at"], end.to_string());
        assert!(kept.text_at("/idle_expires_at") <= end.to_string(), "nothing passes the absolute end");
    }
    host.at(just_before(end));
    assert!(opened.is_in().await);
    host.at(end);
    opened.post("/sessions/current/heartbeat").await.refused(401, "unauthenticated");
    assert_eq!(opened.why_out().await.as_deref(), Some("expired"));
}

async fn at_the_cap_the_oldest_session_of_the_device_goes(host: Host) {
    host.set_rules(|rules| rules.max_sessions = 3).await;
    let (mut laptop, mut phone) = (host.browser("ana"), host.browser("ana"));
    let on_phone = phone.enter().await;
    host.pass_s(1);
    let first = laptop.enter().await;
    host.pass_s(1);
    let second = laptop.enter().await;
    host.pass_s(1);
    let third = laptop.enter().await;
    assert_eq!(first.why_out().await.as_deref(), Some("session_limit"));
    assert!(on_phone.is_in().await && second.is_in().await && third.is_in().await);
}
