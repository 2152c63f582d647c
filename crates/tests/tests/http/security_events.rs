//! Security events: what each ends, by the table of docs/guarantees.md, told row by row through the real surfaces.

use doorward_domain::{Role, SecurityEvent};
use doorward_tests::at_once;
use doorward_tests::host::browser::{judgement, with_checkbox, with_code};
use doorward_tests::host::{Answer, Browser, GLOBEX, Host, SignedIn};
use insta::assert_snapshot as see;
use serde_json::{Value, json};

doorward_tests::on_each_engine! {
    each_event_ends_what_its_row_says,
    each_event_has_one_effect_under_its_id_and_rotates_what_it_keeps,
    an_event_says_what_it_ended,
    what_cant_be_kept_is_not,
    an_event_of_one_tenant_or_user_touches_no_other,
    an_event_for_a_user_never_seen_counts_from_then_on,
    a_disabled_account_is_shut_by_every_path_and_enabling_restores_nothing,
    an_event_reported_again_has_no_second_effect,
    sixty_four_reports_of_one_event_have_one_effect,
    sessions_opened_in_between_are_judged_by_when_they_began,
    bad_words_about_an_event_are_named_and_change_nothing,
}

/// What a row says of sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sessions {
    Stay,
    AllButKept,
    All,
}

/// The published table, written out once more: the rows, whether trust ends, and what becomes of sessions.
const TABLE: [(&str, bool, Sessions); 18] = [
    ("password_changed", true, Sessions::AllButKept),
    ("password_reset", true, Sessions::All),
    ("credential_compromised", true, Sessions::All),
    ("recovery_used", true, Sessions::All),
    ("mfa_enrolled", true, Sessions::AllButKept),
    ("passkey_added", true, Sessions::AllButKept),
    ("recovery_codes_regenerated", true, Sessions::AllButKept),
    ("mfa_removed", true, Sessions::AllButKept),
    ("mfa_disabled", true, Sessions::AllButKept),
    ("passkey_removed", true, Sessions::AllButKept),
    ("mfa_reset", true, Sessions::All),
    ("email_changed", true, Sessions::Stay),
    ("phone_changed", true, Sessions::Stay),
    ("login_linked", true, Sessions::Stay),
    ("login_unlinked", true, Sessions::Stay),
    ("role_elevated", true, Sessions::AllButKept),
    ("account_disabled", true, Sessions::All),
    ("account_enabled", false, Sessions::Stay),
];

async fn report(host: &Host, user: &str, body: &Value) -> Answer {
    host.call("POST", &format!("/internal/users/{user}/security-events")).json(body).await
}

/// Everything that may stand when an event comes: two trusted devices, one more session, an offer and two sign-ins in progress.
struct Life {
    laptop: Browser,
    phone: Browser,
    on_laptop: SignedIn,
    on_phone: SignedIn,
    offered: SignedIn,
    skipping: Answer,
    challenged: Answer,
}

impl Life {
    async fn of(host: &Host, user: &str) -> Self {
        let (mut laptop, mut phone, mut tablet) = (host.browser(user), host.browser(user), host.browser(user));
        let on_laptop = laptop.enter_and_trust().await;
        host.pass_s(1);
        let on_phone = phone.enter_and_trust().await;
        host.pass_s(1);
        let offered = tablet.enter().await;
        let skipping = phone.evaluate().await;
        let challenged = host.browser(user).evaluate().await;
        assert_eq!((judgement(&skipping).0, judgement(&challenged).0), ("allow".to_owned(), "challenge".to_owned()));
        host.pass_s(1);
        Self { laptop, phone, on_laptop, on_phone, offered, skipping, challenged }
    }
}

async fn each_event_ends_what_its_row_says(host: Host) {
    // A deleted account has a story of its own: nothing of it is left to look at.
    let told = TABLE.iter().map(|(word, ..)| *word).chain(["account_deleted"]);
    assert_eq!(told.collect::<Vec<_>>(), SecurityEvent::ALL.iter().map(|event| event.as_str()).collect::<Vec<_>>());
    for (event, ends_trust, sessions) in TABLE {
        let mut life = Life::of(&host, event).await;
        let answer = report(&host, event, &json!({ "type": event, "keep_session_id": life.on_laptop.session() })).await.expect(200);
        let kept = sessions == Sessions::AllButKept;
        let ended = match sessions {
            Sessions::Stay => 0,
            Sessions::AllButKept => 2,
            Sessions::All => 3,
        };
        assert_eq!(answer.body["devices_untrusted"], if ends_trust { 2 } else { 0 }, "{event}");
        assert_eq!(answer.body["sessions_ended"], ended, "{event}");
        assert_eq!(answer.body["activations_cancelled"], i32::from(ends_trust), "{event}");
        let named = if kept { json!(life.on_laptop.session()) } else { Value::Null };
        assert_eq!((&answer.body["kept_session_id"], answer.body.get("access_token")), (&named, None), "{event}");

        let why = |stays: bool| if stays { None } else { Some(event.to_owned()) };
        assert_eq!(life.on_laptop.why_out().await, why(sessions != Sessions::All), "{event}");
        assert_eq!(life.on_phone.why_out().await, why(sessions == Sessions::Stay), "{event}");
        // The offer, in a session that stays or not.
        let taken = life.offered.activate(&life.offered.offer()).await;
        match (sessions == Sessions::Stay, ends_trust) {
            (true, false) => drop(taken.expect(200)),
            (true, true) => drop(taken.refused(404, "activation_not_found")),
            (false, _) => drop(taken.refused(401, "unauthenticated")),
        }
        // What was in progress.
        let cancelled = event != "account_enabled";
        for sign_in in [&life.skipping, &life.challenged] {
            let completed = life.phone.clone().try_complete(sign_in, &with_code()).await;
            match (cancelled, event) {
                (true, "account_disabled") => drop(completed.refused(409, "sign_in_cancelled")),
                (true, _) => drop(completed.refused(409, "sign_in_cancelled")),
                (false, _) => drop(completed.expect(201)),
            }
        }
        // The next sign-in of each device that was trusted.
        host.pass_s(1);
        for device in [&life.laptop, &life.phone] {
            let sign_in = device.evaluate().await;
            let expected = match event {
                "account_disabled" => ("deny", "account_disabled"),
                "account_enabled" => ("allow", "trusted_device"),
                _ => ("challenge", "trust_ended"),
            };
            let (decision, reasons) = judgement(&sign_in);
            assert_eq!((decision.as_str(), reasons[0].as_str()), expected, "{event}");
            if expected.1 == "trust_ended" {
                assert_eq!(sign_in.body["reason_details"]["trust_ended"]["cause"], event);
            }
        }
        // A session that stayed gives no trust by the factor from before.
        if kept || (sessions == Sessions::Stay && ends_trust) {
            life.on_laptop.post("/devices/current/trust").await.refused(403, "mfa_required");
            let shown = life.on_laptop.get("/sessions/current").await.expect(200);
            assert_eq!(shown.body["last_mfa_at"], Value::Null, "{event}: its freshness is gone");
            assert_eq!(shown.body["acr"], "aal2", "{event}: what it proved is not");
            let forwarded = host.ask("GET", "/internal/forward-auth/acme").bearer(&life.on_laptop.token).await.expect(200);
            assert_eq!(forwarded.headers["x-doorward-mfa-at"], "", "{event}: nor do proxies take it for fresh");
        }
        // The trail.
        let history = host.ask("GET", &format!("/internal/users/{event}/events")).by(Role::Viewer).query("limit=100").await.expect(200);
        let events = history.body["items"].as_array().expect("a list");
        let told: Vec<_> = events.iter().filter(|told| told["type"] == "security_event.applied").collect();
        assert_eq!(told.len(), 1, "{event}: one event");
        assert_eq!((&told[0]["cause"], &told[0]["data"]["sessions_ended"]), (&json!(event), &json!(ended)), "{event}");
        assert_eq!(told[0]["session_id"], named, "{event}");
        life.laptop.device_token = None;
    }
}

/// Row by row once more: the report comes with an id and again under it, what began in between stays, and the token of the kept
/// session is another one, where a session is kept.
async fn each_event_has_one_effect_under_its_id_and_rotates_what_it_keeps(host: Host) {
    for (event, ends_trust, sessions) in TABLE {
        let life = Life::of(&host, event).await;
        // Opened between what happened at the host and its report: it is from before the report, and goes like the others.
        let in_between = host.browser(event).enter().await;
        host.pass_s(1);
        let body = json!({ "type": event, "keep_session_id": life.on_laptop.session(), "rotate_kept": true, "event_id": "evt-1" });
        let first = report(&host, event, &body).await.expect(200);
        assert_eq!(in_between.is_in().await, sessions == Sessions::Stay, "{event}");
        let kept = first.body["access_token"].as_str().map(str::to_owned);
        assert_eq!(kept.is_some(), sessions == Sessions::AllButKept, "{event}: a token for what is kept, and for nothing else");
        assert_eq!(life.on_laptop.is_in().await, sessions == Sessions::Stay, "{event}: a copy of the old token");
        if let Some(kept) = &kept {
            assert_eq!(host.inactive(kept).await, None, "{event}");
            let shown = host.ask("GET", "/api/v1/sessions/current").bearer(kept).await.expect(200);
            assert_eq!(shown.text_at("/id"), life.on_laptop.session(), "{event}: the same session");
        }
        host.pass_s(1);
        if event == "account_disabled" {
            report(&host, event, &json!({ "type": "account_enabled" })).await.expect(200);
            host.pass_s(1);
        }
        // What begins now has nothing to do with it any more.
        let mut later = host.browser(event);
        let on_later = later.enter_and_trust().await;
        let offered = host.browser(event).enter().await;
        let begun = later.evaluate().await;
        host.pass_s(1);
        let again = report(&host, event, &body).await.expect(200);
        for member in ["devices_untrusted", "sessions_ended", "activations_cancelled", "kept_session_id"] {
            assert_eq!(again.body[member], first.body[member], "{event}: {member}");
        }
        assert_eq!(again.body.get("access_token"), None, "{event}: the new token is in use");
        assert!(on_later.is_in().await, "{event}");
        assert_eq!(later.judged().await.0, "allow", "{event}");
        offered.activate(&offered.offer()).await.expect(200);
        later.complete(&begun, &json!({})).await;
        if let Some(kept) = &kept {
            assert_eq!(host.inactive(kept).await, None, "{event}");
        }
        assert_eq!(life.phone.judged().await.0 == "allow", !ends_trust, "{event}: nor does the repeat take anything back");
        let history = host.ask("GET", &format!("/internal/users/{event}/events")).by(Role::Viewer).query("limit=100").await.expect(200);
        let events = history.body["items"].as_array().expect("a list");
        let told = events.iter().filter(|told| told["type"] == "security_event.applied" && told["cause"] == event).count();
        assert_eq!(told, 1, "{event}");
    }
}

async fn an_event_says_what_it_ended(host: Host) {
    let life = Life::of(&host, "ana").await;
    let body = json!({ "type": "password_changed", "keep_session_id": life.on_laptop.session(), "rotate_kept": true, "event_id": "evt-1" });
    let answer = report(&host, "ana", &body).await.expect(200);
    see!("an_event_says_what_it_ended", answer.shown());
    assert!(!life.on_laptop.is_in().await, "the old value is dead");
    assert_eq!(host.inactive(&answer.text_at("/access_token")).await, None, "the session goes on with the new one");
}

async fn what_cant_be_kept_is_not(host: Host) {
    for keep in ["nonsense", "019aa0b2-3c4d-7e5f-8a6b-7c8d9e0f1a2b", "theirs", "ended"] {
        let life = Life::of(&host, "ana").await;
        let theirs = host.browser("bob").enter().await;
        let keep = match keep {
            "theirs" => theirs.session(),
            "ended" => {
                life.on_laptop.delete("/sessions/current").await.expect(204);
                life.on_laptop.session()
            }
            other => other.to_owned(),
        };
        let answer = report(&host, "ana", &json!({ "type": "mfa_enrolled", "keep_session_id": keep, "rotate_kept": true })).await.expect(200);
        assert_eq!((&answer.body["kept_session_id"], answer.body.get("access_token")), (&Value::Null, None), "{keep}");
        assert!(!life.on_laptop.is_in().await && !life.on_phone.is_in().await && theirs.is_in().await, "{keep}");
        host.pass_s(1);
    }
}

async fn an_event_of_one_tenant_or_user_touches_no_other(host: Host) {
    let life = Life::of(&host, "ana").await;
    let bob = Life::of(&host, "bob").await;
    let mut elsewhere = host.browser("ana").in_tenant(GLOBEX);
    let there = elsewhere.enter_and_trust().await;
    report(&host, "ana", &json!({ "type": "account_disabled" })).await.expect(200);
    assert!(!life.on_laptop.is_in().await && bob.on_laptop.is_in().await);
    assert_eq!(bob.laptop.judged().await.0, "allow");
    assert_eq!(elsewhere.judged().await.0, "allow");
    assert_eq!(there.get("/sessions/current").await.expect(200).body["status"], "active");
}

async fn an_event_for_a_user_never_seen_counts_from_then_on(host: Host) {
    let answer = report(&host, "nora", &json!({ "type": "account_disabled" })).await.expect(200);
    assert_eq!((&answer.body["devices_untrusted"], &answer.body["sessions_ended"]), (&json!(0), &json!(0)));
    assert_eq!(host.browser("nora").judged().await, ("deny".to_owned(), vec!["account_disabled".to_owned()]));
}

async fn a_disabled_account_is_shut_by_every_path_and_enabling_restores_nothing(host: Host) {
    let mut life = Life::of(&host, "ana").await;
    let device = life.on_laptop.device();
    report(&host, "ana", &json!({ "type": "account_disabled" })).await.expect(200);
    host.pass_s(1);
    let denied = life.laptop.evaluate_with(&json!({ "second_factor": "done", "mfa": { "method": "totp" } })).await;
    assert_eq!(judgement(&denied).0, "deny");
    life.laptop.try_complete(&denied, &with_code()).await.refused(403, "sign_in_denied");
    let directly = json!({ "user_id": "ana", "ip": "203.0.113.7", "user_agent": "x", "mfa": { "method": "totp" } });
    host.call("POST", "/internal/sessions").json(&directly).await.refused(403, "sign_in_denied");
    let vouched = host.call("POST", &format!("/internal/users/ana/devices/{device}/trust")).json(&json!({ "mfa": { "method": "totp" } })).await;
    vouched.refused(403, "trust_not_allowed");
    host.pass_s(1);
    report(&host, "ana", &json!({ "type": "account_enabled" })).await.expect(200);
    assert!(!life.on_laptop.is_in().await && !life.on_phone.is_in().await);
    assert_eq!(life.laptop.judged().await, ("challenge".to_owned(), vec!["trust_ended".to_owned()]));
    // Not even what was authenticated before, and presented now.
    let old = json!({ "authenticated_at": doorward_tests::start().to_string() });
    life.laptop.try_evaluate(&old).await.refused(409, "authentication_outdated");
    host.pass_s(1);
    assert!(life.laptop.enter().await.is_in().await);
}

async fn an_event_reported_again_has_no_second_effect(host: Host) {
    let life = Life::of(&host, "ana").await;
    let body = json!({ "type": "mfa_enrolled", "keep_session_id": life.on_laptop.session(), "rotate_kept": true, "event_id": "evt-7" });
    let first = report(&host, "ana", &body).await.expect(200);
    host.pass_s(2);
    let later = host.browser("ana").enter_and_trust().await;
    // The answer was lost: it comes again, and the kept session's token once more, in place of the one that nobody has.
    let again = report(&host, "ana", &body).await.expect(200);
    for member in ["devices_untrusted", "sessions_ended", "activations_cancelled", "kept_session_id"] {
        assert_eq!(again.body[member], first.body[member], "{member}");
    }
    assert_eq!(host.inactive(&again.text_at("/access_token")).await, None);
    assert!(later.is_in().await, "what began since is untouched");
    // A stray copy of the report, once the token is in use, takes nobody's.
    let rows = host.rows().await;
    let stray = report(&host, "ana", &body).await.expect(200);
    assert_eq!(stray.body.get("access_token"), None);
    assert_eq!(host.rows().await, rows);
    assert_eq!(host.inactive(&again.text_at("/access_token")).await, None);
    // Another event under the same id is another event.
    report(&host, "ana", &json!({ "type": "password_reset", "event_id": "evt-7" })).await.expect(200);
    assert!(!later.is_in().await);
    // And the same id means nothing for another user.
    let bob = host.browser("bob").enter().await;
    report(&host, "bob", &json!({ "type": "mfa_enrolled", "event_id": "evt-7" })).await.expect(200);
    assert!(!bob.is_in().await);
}

async fn sixty_four_reports_of_one_event_have_one_effect(host: Host) {
    let life = Life::of(&host, "ana").await;
    let body = json!({ "type": "password_changed", "keep_session_id": life.on_laptop.session(), "event_id": "evt" });
    let answers = at_once(64, |_| {
        let (host, body) = (host.clone(), body.clone());
        async move { report(&host, "ana", &body).await.expect(200).body }
    })
    .await;
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    let history = host.ask("GET", "/internal/users/ana/events").by(Role::Viewer).query("limit=100").await.expect(200);
    let told = history.body["items"].as_array().expect("a list").iter().filter(|told| told["type"] == "security_event.applied").count();
    assert_eq!(told, 1);
    assert!(life.on_laptop.is_in().await && !life.on_phone.is_in().await);
}

async fn sessions_opened_in_between_are_judged_by_when_they_began(host: Host) {
    // Sixty-four sign-ins race with a reset: whatever was opened before it is over, whatever is completed after it was cancelled.
    let mut started = vec![];
    for _ in 0..16 {
        let browser = host.browser("ana");
        let sign_in = browser.evaluate().await;
        started.push((browser, sign_in));
    }
    let racing = at_once(17, |number| {
        let (host, started) = (host.clone(), started.clone());
        async move {
            let Some((mut browser, sign_in)) = started.into_iter().nth(number) else {
                report(&host, "ana", &json!({ "type": "password_reset" })).await.expect(200);
                return None;
            };
            let answer = browser.try_complete(&sign_in, &with_checkbox()).await;
            if answer.status == 201 { Some(SignedIn::of(&host, answer)) } else { None }
        }
    })
    .await;
    for opened in racing.into_iter().flatten() {
        assert!(!opened.is_in().await, "a session from before the reset is live");
    }
    let devices = host.ask("GET", "/internal/users/ana/devices").by(Role::Viewer).query("status=trusted").await.expect(200);
    assert_eq!(devices.body["items"], json!([]), "trust from before the reset holds");
}

async fn bad_words_about_an_event_are_named_and_change_nothing(host: Host) {
    let life = Life::of(&host, "ana").await;
    let rows = host.rows().await;
    let bad = [
        (json!({}), "type"),
        (json!({ "type": "password_stolen" }), "type"),
        (json!({ "type": "password_reset", "event_id": "" }), "event_id"),
        (json!({ "type": "password_reset", "event_id": "x".repeat(65) }), "event_id"),
        (json!({ "type": "password_reset", "event_id": "a\nb" }), "event_id"),
        (json!({ "type": "password_reset", "keep_session_id": 7 }), "keep_session_id"),
        (json!({ "type": "password_reset", "rotate_kept": "yes" }), "rotate_kept"),
        (json!({ "type": "password_reset", "keep": "x" }), "keep"),
    ];
    for (body, field) in bad {
        let refused = report(&host, "ana", &body).await.refused(400, "invalid_request");
        assert_eq!(refused.body["errors"][0]["field"], field, "{body}");
    }
    let path = "/internal/users/ana/security-events";
    let event = json!({ "type": "password_reset" });
    host.ask("POST", path).by(Role::Viewer).json(&event).await.refused(403, "role_too_low");
    host.ask("POST", path).by(Role::Verify).json(&event).await.refused(403, "role_too_low");
    // An operator ends and opens nothing: a session's new token is not for them.
    let rotating = json!({ "type": "password_changed", "keep_session_id": life.on_laptop.session(), "rotate_kept": true });
    host.ask("POST", path).by(Role::Operator).json(&rotating).await.refused(403, "role_too_low");
    assert_eq!(host.rows().await, rows);
    host.ask("POST", path).query("wait=true").by(Role::Operator).json(&event).await.expect(200);
    assert!(!life.on_laptop.is_in().await);
}
