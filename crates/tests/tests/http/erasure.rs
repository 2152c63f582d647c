//! Erasure over HTTP: by whom, how often, what it answers afterwards, and that it is written down first.

use doorward_domain::Role;
use doorward_store::{AccountKey, Need};
use doorward_tests::host::{ACME, Host};
use doorward_tests::{tenant_id, user_id};
use serde_json::json;

doorward_tests::on_each_engine! {
    an_erased_person_is_unknown_and_may_begin_anew,
    an_erasure_may_be_repeated_and_a_user_never_seen_is_answered_alike,
    an_erasure_is_written_down_first_or_not_done,
    an_ending_role_erases_and_no_other,
    who_comes_back_with_a_backup_is_erased_again_by_the_list,
    an_account_that_is_deleted_is_erased,
}

async fn an_erased_person_is_unknown_and_may_begin_anew(host: Host) {
    let mut laptop = host.browser("ana");
    let opened = laptop.enter_and_trust().await;
    let other = host.browser("ben").enter_and_trust().await;
    host.call("DELETE", "/internal/users/ana").await.expect(204);
    assert_eq!(host.inactive(&opened.token).await.as_deref(), Some("unknown"));
    assert_eq!(host.inactive(&other.token).await, None, "ben stays");
    opened.get("/devices").await.expect(401);
    for list in ["devices", "sessions", "sign-ins", "events"] {
        let listed = host.call("GET", &format!("/internal/users/ana/{list}")).await.expect(200);
        assert_eq!(listed.body["items"], json!([]), "{list}");
    }
    // The same browser, with the token that it still has.
    let sign_in = laptop.evaluate().await;
    assert_eq!(sign_in.text_at("/decision"), "challenge");
    assert!(sign_in.body["device"].is_null(), "an unknown device of an unknown person");
    let again = laptop.enter().await;
    assert_eq!(host.inactive(&again.token).await, None);
    assert_eq!(host.inactive(&opened.token).await.as_deref(), Some("unknown"), "the old token fits nothing of the new account");
    let events = host.call("GET", "/internal/users/ana/events").await.expect(200);
    assert_eq!(events.body["items"].as_array().and_then(|events| events.last()).map(|first| first["type"].clone()), Some(json!("account.created")));
}

async fn an_erasure_may_be_repeated_and_a_user_never_seen_is_answered_alike(host: Host) {
    host.browser("ana").enter().await;
    for _ in 0..2 {
        host.call("DELETE", "/internal/users/ana").await.expect(204);
    }
    let before = host.rows().await;
    host.call("DELETE", "/internal/users/nobody").await.expect(204);
    assert_eq!(host.rows().await, before);
    assert_eq!(host.erasures().written().len(), 1, "only what was there is written down");
}

async fn an_erasure_is_written_down_first_or_not_done(host: Host) {
    let opened = host.browser("ana").enter().await;
    let before = host.rows().await;
    host.erasures().be_full(true);
    host.call("DELETE", "/internal/users/ana").await.expect(503);
    assert_eq!(host.rows().await, before);
    assert_eq!(host.inactive(&opened.token).await, None);
    host.erasures().be_full(false);
    host.call("DELETE", "/internal/users/ana").await.expect(204);
    let lines = host.erasures().written();
    let line = lines[0].to_string();
    assert!(lines.len() == 1 && line.contains("acme") && !line.contains("ana\""), "it names the account and not the person: {line}");
}

async fn an_ending_role_erases_and_no_other(host: Host) {
    let opened = host.browser("ana").enter().await;
    for role in [Role::Verify, Role::Viewer] {
        host.ask("DELETE", "/internal/users/ana").by(role).await.expect(403);
    }
    host.ask("DELETE", "/internal/users/ana").await.expect(401);
    assert_eq!(host.inactive(&opened.token).await, None);
    host.ask("DELETE", "/internal/users/ana").by(Role::Operator).await.expect(204);
    assert!(host.inactive(&opened.token).await.is_some());
}

/// A restored backup holds the erased again: the list, kept apart, names them.
async fn who_comes_back_with_a_backup_is_erased_again_by_the_list(host: Host) {
    let opened = host.browser("ana").enter().await;
    let ben = host.browser("ben").enter().await;
    host.browser("carl").enter().await;
    host.call("DELETE", "/internal/users/carl").await.expect(204);
    // What the list would say, had she been erased after the backup was taken.
    let key = AccountKey::User(tenant_id(ACME), user_id("ana"));
    let head = host.store().account(key, Need::default()).await.expect("the store answers").expect("ana").head.clone();
    let listed = host.erasures().written().remove(0);
    host.erasures().add(doorward_service::Erased { shard: head.shard, account: head.id, ..listed });
    assert_eq!(host.service().erase_listed().await.expect("it answers"), 1, "carl is gone already");
    assert_eq!(host.inactive(&opened.token).await.as_deref(), Some("unknown"));
    assert_eq!(host.inactive(&ben.token).await, None);
    assert_eq!(host.service().erase_listed().await.expect("it answers"), 0, "it may be repeated");
}

async fn an_account_that_is_deleted_is_erased(host: Host) {
    let laptop = {
        let mut laptop = host.browser("ana");
        laptop.enter_and_trust().await;
        laptop
    };
    let opened = host.browser("ana").enter().await;
    let (skipping, ben) = (laptop.evaluate().await, host.browser("ben").enter_and_trust().await);
    let report = |body: serde_json::Value| host.call("POST", "/internal/users/ana/security-events").json(&body);
    let body = json!({ "type": "account_deleted", "keep_session_id": opened.session(), "event_id": "evt-1" });
    let answer = report(body.clone()).await.expect(200);
    assert_eq!(
        answer.body,
        json!({ "devices_untrusted": 1, "sessions_ended": 2, "activations_cancelled": 1, "kept_session_id": null }),
        "all, whatever was to be kept"
    );
    assert_eq!((host.inactive(&opened.token).await.as_deref(), host.inactive(&ben.token).await), (Some("unknown"), None));
    laptop.clone().try_complete(&skipping, &json!({})).await.refused(404, "not_found");
    // The trail of the tenant tells it once, by its cause, and names nobody.
    let feed = host.ask("GET", "/internal/events").by(Role::Viewer).query("limit=100").await.expect(200);
    let told: Vec<_> = feed.body["items"].as_array().expect("a list").iter().filter(|event| event["type"] == "account.erased").collect();
    assert_eq!(told.len(), 1, "{}", feed.text);
    assert_eq!((&told[0]["cause"], &told[0]["user_id"]), (&json!("account_deleted"), &serde_json::Value::Null));
    // Reported again it finds nobody, writes nothing and is no failure.
    let rows = host.rows().await;
    assert_eq!(report(body).await.expect(200).body["sessions_ended"], 0);
    assert_eq!((host.rows().await, host.erasures().written().len()), (rows, 1));
    // The same user may start anew, as somebody unknown.
    let sign_in = laptop.evaluate().await;
    assert_eq!((sign_in.text_at("/decision").as_str(), &sign_in.body["device"]), ("challenge", &serde_json::Value::Null));
    assert!(host.browser("ana").enter().await.is_in().await && !opened.is_in().await);
    // What is no type is refused as ever, and where the list can't be written nothing is done.
    host.erasures().be_full(true);
    let rows = host.rows().await;
    report(json!({ "type": "account_deleted" })).await.expect(503);
    assert_eq!(host.rows().await, rows);
}
