//! Lessons about the way in: what is given when, to whom, and for which person.

use doorward_tests::at_once;
use doorward_tests::host::answer::tokens;
use doorward_tests::host::browser::with_code;
use doorward_tests::host::{GLOBEX, Host};
use serde_json::json;

use super::{DOORS, doors_that_open, skips};

doorward_tests::on_each_engine! {
    nothing_is_given_before_the_second_factor,
    a_sign_in_in_progress_is_a_session_at_no_door,
    an_offer_is_bound_to_whom_it_was_made,
    each_entry_has_ids_and_secrets_of_its_own,
    two_people_of_one_browser_never_have_each_others_session,
    no_answer_goes_to_another_than_who_asked,
    following_a_link_changes_nothing,
}

/// scheb/2fa GHSA-9phw-7h96-q3rv, Grav CVE-2026-109313: a remember-me cookie given after the password became a whole session.
async fn nothing_is_given_before_the_second_factor(host: Host) {
    let mut laptop = host.browser("ana");
    let sign_in = laptop.evaluate().await;
    assert_eq!((sign_in.text_at("/decision").as_str(), tokens(&sign_in.text).count()), ("challenge", 0), "no token of any kind");
    let rows = host.rows().await;
    for completion in [json!({}), json!({ "trust_device": true }), json!({ "mfa": null })] {
        let refused = laptop.try_complete(&sign_in, &completion).await.refused(403, "mfa_required");
        assert_eq!((tokens(&refused.text).count(), refused.headers.get("set-cookie")), (0, None));
    }
    assert_eq!(host.rows().await, rows, "and nothing of it is kept");
    laptop.complete(&sign_in, &with_code()).await;
}

/// Better Auth GHSA-xg6x-h9c9-2m83: a session was taken for valid before its second factor was done.
async fn a_sign_in_in_progress_is_a_session_at_no_door(host: Host) {
    let laptop = host.browser("ana");
    let sign_in = laptop.evaluate().await;
    let id = sign_in.text_at("/id");
    for pending in [id.clone(), format!("dws_{id}"), format!("dws_{}", id.replace('-', ""))] {
        assert!(doors_that_open(&host, &pending).await.is_empty(), "{pending}");
    }
    let listed = host.call("GET", "/internal/users/ana/sessions").await.expect(200);
    assert_eq!(listed.ids(), Vec::<String>::new());
}

/// Better Auth GHSA-cq3f-vc6p-68fh: a code in progress wasn't bound to whoever began it.
async fn an_offer_is_bound_to_whom_it_was_made(host: Host) {
    let mut laptop = host.browser("ana");
    let opened = laptop.enter().await;
    let offer = opened.offer();
    let (mallory, phone) = (host.browser("mallory").enter().await, host.browser("ana").enter().await);
    let mut elsewhere = host.browser("ana").in_tenant(GLOBEX);
    let rows = host.rows().await;
    for other in [&mallory, &phone] {
        other.activate(&offer).await.refused(404, "activation_not_found");
    }
    elsewhere.activate(&offer).await.refused(404, "activation_not_found");
    assert_eq!(host.rows().await, rows);
    opened.activate(&offer).await.expect(200);
}

/// Keycloak CVE-2026-7507 and CVE-2024-7341, Jenkins CVE-2023-24456: what was known before the sign-in was good after it.
async fn each_entry_has_ids_and_secrets_of_its_own(host: Host) {
    let mut laptop = host.browser("ana");
    let first = laptop.enter().await;
    let first_device_token = first.answer.text_at("/device_token");
    host.pass_s(1);
    let second = laptop.enter_and_trust().await;
    assert!(first.session() != second.session() && first.token != second.token, "a sign-in");
    assert_ne!(second.answer.text_at("/device_token"), first_device_token, "trust");
    assert!(!skips(&host.browser("ana").holding(&first_device_token)).await, "the value from before the trust isn't trusted");
    let path = format!("/internal/users/ana/sessions/{}/mfa", second.session());
    let stepped = host.call("POST", &path).json(&with_code()).await.expect(200).text_at("/access_token");
    assert_ne!(stepped, second.token, "a step-up");
    assert_eq!((doors_that_open(&host, &second.token).await, doors_that_open(&host, &stepped).await), (vec![], DOORS.to_vec()));
}

/// Keycloak CVE-2025-12390 and CVE-2023-6787: ids that were used again let one person have another's session on one browser.
async fn two_people_of_one_browser_never_have_each_others_session(host: Host) {
    let mut browser = host.browser("ana");
    let ana = browser.enter_and_trust().await;
    host.pass_s(1);
    // Ana never signs out; the browser's cookies go along; Ben begins, stops, and begins again.
    browser.user = "ben".to_owned();
    assert!(!skips(&browser).await, "ana's device token is nothing of ben's");
    let dropped = browser.evaluate().await;
    let ben = browser.enter().await;
    browser.user = "ana".to_owned();
    let again = browser.enter().await;
    for (person, user) in [(&ana, "ana"), (&ben, "ben"), (&again, "ana")] {
        assert_eq!(host.verify(&person.token).await.body["user_id"], user);
    }
    ben.get(&format!("/sessions/{}", ana.session())).await.refused(404, "not_found");
    ana.delete("/sessions").await.expect(200);
    assert!(ben.is_in().await, "ana's end is ana's alone");
    // What was begun for ben is completed as ben's, whoever used the browser since.
    let late = browser.complete(&dropped, &with_code()).await;
    assert_eq!(host.verify(&late.token).await.body["user_id"], "ben");
}

/// GitHub, March 2021: a race sent one person's cookie to another.
async fn no_answer_goes_to_another_than_who_asked(host: Host) {
    const PEOPLE: usize = 32;
    let wrong = at_once(PEOPLE, |number| {
        let host = host.clone();
        async move {
            let user = format!("person-{number}");
            let mut browser = host.browser(&user);
            let mut wrong = 0;
            let opened = browser.enter_and_trust().await;
            for _ in 0..10 {
                let seen = host.verify(&opened.token).await.body["user_id"].clone();
                let session = opened.get("/sessions/current").await.expect(200).text_at("/id");
                let devices = opened.get("/devices").await.expect(200).ids();
                let sign_in = browser.evaluate().await;
                let again = browser.complete(&sign_in, &json!({})).await;
                let whose = host.verify(&again.token).await.body["user_id"].clone();
                wrong += usize::from(seen != user || session != opened.session() || devices != [opened.device()] || whose != user);
                again.delete("/sessions/current").await.expect(204);
            }
            wrong
        }
    })
    .await;
    assert_eq!(wrong, vec![0; PEOPLE]);
}

/// Discourse CVE-2019-1020018: a scanner that follows links in a mail took the offer up.
async fn following_a_link_changes_nothing(host: Host) {
    let opened = host.browser("ana").enter().await;
    let offer = opened.offer();
    let rows = host.rows().await;
    for method in ["GET", "HEAD"] {
        for path in ["/devices/activate", "/devices/skip", "/devices/signout", "/devices/current/hijack", "/devices/current/trust"] {
            for query in [String::new(), format!("activation_token={offer}")] {
                let answer = opened.ask(method, path).query(&query).await;
                assert!(matches!(answer.status, 404 | 405), "{method} {path}: {}", answer.status);
            }
        }
    }
    assert_eq!(host.rows().await, rows);
    opened.activate(&offer).await.expect(200);
}
