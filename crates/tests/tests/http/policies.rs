//! The tenant's policy over HTTP: read, changed, tried, and refused with each fault named.

use doorward_domain::{Preset, Role, Rule};
use doorward_tests::at_once;
use doorward_tests::host::{Answer, Ask, GLOBEX, Host, api_key};
use serde_json::{Value, json};

doorward_tests::on_each_engine! {
    each_preset_says_exactly_this,
    a_policy_is_sent_back_as_it_was_read,
    a_change_is_one_commit_with_its_event,
    a_dry_run_says_what_would_change_and_changes_nothing,
    what_a_preset_forbids_is_named,
    what_is_out_of_bounds_or_contradictory_is_named,
    values_that_are_none_are_named,
    a_change_that_was_overtaken_is_refused,
    of_sixteen_changes_of_one_revision_one_is_made,
    another_tenants_policy_is_its_own,
}

const PATH: &str = "/internal/policy";

/// A change by the administrator.
pub(crate) fn put(host: &Host, body: &Value) -> Ask {
    host.ask("PUT", PATH).by(Role::Admin).json(body)
}

async fn get(host: &Host) -> Value {
    host.ask("GET", PATH).by(Role::Viewer).await.expect(200).body
}

/// The faults of a refusal: field and sort.
fn faults(answer: Answer) -> Vec<(String, String)> {
    let refused = answer.refused(400, "invalid_request");
    let word = |fault: &Value, name: &str| fault[name].as_str().expect("a word").to_owned();
    refused.body["errors"].as_array().expect("faults").iter().map(|fault| (word(fault, "field"), word(fault, "code"))).collect()
}

const DAY: u64 = 86_400;

/// What a preset says, written out once more.
fn preset(name: &str) -> Value {
    let mut rules = json!({
        "revision": 1,
        "preset": name,
        "device_trust": true,
        "trust_for_s": 30 * DAY,
        "trust_max_s": 90 * DAY,
        "device_token_rotate_s": 30 * DAY,
        "activation_ttl_s": 300,
        "offer_again_after_s": 30 * DAY,
        "recent_mfa_s": 600,
        "recent_auth_s": 0,
        "session_idle_s": 7 * DAY,
        "session_absolute_s": 30 * DAY,
        "max_devices": 50,
        "max_sessions": 100,
        "trust_binding": "token",
        "fingerprint_trust_max_s": 7 * DAY,
        "trust_methods": ["totp", "webauthn", "push", "sms_otp"],
        "require_second_factor": false,
        "new_country": "note",
        "impossible_travel": "note",
        "on_security_event": {},
        "sign_out_everywhere_spares_own_trust": true,
        "retain_ips_s": 90 * DAY,
        "retain_fingerprints_s": 90 * DAY,
        "retain_sign_ins_s": 90 * DAY,
        "retain_sessions_s": 180 * DAY,
        "retain_events_s": 400 * DAY,
    });
    let own = match name {
        // SP 800-63B-4: 30 days and no limit of inactivity; 24 hours and one hour; 12 hours and 15 minutes.
        "nist-aal1" => json!({ "recent_auth_s": 3_600, "session_idle_s": 30 * DAY }),
        "nist-aal2" => {
            json!({ "device_trust": false, "recent_auth_s": 900, "session_idle_s": 3_600, "session_absolute_s": DAY, "require_second_factor": true })
        }
        "nist-aal3" => {
            json!({ "device_trust": false, "recent_auth_s": 900, "session_idle_s": 900, "session_absolute_s": DAY / 2, "require_second_factor": true })
        }
        _ => json!({}),
    };
    for (name, value) in own.as_object().expect("rules") {
        rules[name] = value.clone();
    }
    rules
}

async fn each_preset_says_exactly_this(host: Host) {
    assert_eq!(get(&host).await, preset("consumer"), "what a new tenant has");
    for name in Preset::ALL.iter().map(|preset| preset.as_str()) {
        let mut expected = preset(name);
        let before = get(&host).await;
        let chosen = put(&host, &json!({ "preset": name })).await.expect(200).body;
        expected["revision"] = chosen["policy"]["revision"].clone();
        if name == "custom" {
            // It goes on from the rules in force.
            expected = Value::Object(before.as_object().expect("rules").clone());
            expected["preset"] = json!("custom");
            expected["revision"] = chosen["policy"]["revision"].clone();
        }
        assert_eq!(chosen["policy"], expected);
        assert_eq!(get(&host).await, expected);
        // Of an override of before, a preset keeps nothing.
        put(&host, &json!({ "session_idle_s": 60 })).await.expect(200);
        let again = put(&host, &json!({ "preset": name })).await.expect(200).body["policy"].clone();
        assert_eq!(again["session_idle_s"] == 60, name == "custom", "{name}");
    }
}

async fn a_policy_is_sent_back_as_it_was_read(host: Host) {
    put(&host, &json!({ "preset": "nist-aal1", "session_idle_s": 7_200, "on_security_event": { "email_changed": { "ends_trust": false } } })).await.expect(200);
    let (read, rows) = (get(&host).await, host.rows().await);
    assert_eq!(read["on_security_event"], json!({ "email_changed": { "ends_trust": false, "ends_sessions": "none" } }));
    let sent = put(&host, &read).await.expect(200).body;
    assert_eq!((&sent["changes"], &sent["policy"]), (&json!([]), &read));
    assert_eq!(host.rows().await, rows, "what is as it was is no change, and no event");
}

async fn a_change_is_one_commit_with_its_event(host: Host) {
    host.browser("ana").enter().await;
    let before = host.rows().await;
    let body = json!({ "revision": 1, "session_idle_s": 3_600, "max_devices": 200 });
    let changed = put(&host, &body).header("x-doorward-actor", "grace").await.expect(200).body;
    assert_eq!((&changed["dry_run"], &changed["policy"]["revision"]), (&json!(false), &json!(2)));
    let fields: Vec<_> = changed["changes"].as_array().expect("changes").iter().map(|it| json!([it["field"], it["from"], it["to"]])).collect();
    assert_eq!(fields, [json!(["session_idle_s", 604_800, 3_600]), json!(["max_devices", 50, 200])]);
    let rows: Vec<String> = host.rows().await.into_iter().filter(|row| !before.contains(row)).collect();
    let of = |table: &str| rows.iter().filter(|row| row.starts_with(table)).collect::<Vec<_>>();
    let written = (rows.len(), of("tenant:").len(), of("event:").len(), of("feed").len());
    assert_eq!(written, (4, 1, 1, 2), "no user's row is written: {rows:?}");
    assert!(of("event:")[0].contains(":grace"), "who did it: {rows:?}");
}

async fn a_dry_run_says_what_would_change_and_changes_nothing(host: Host) {
    let rows = host.rows().await;
    let body = json!({ "preset": "nist-aal2", "max_sessions": 5 });
    let tried = put(&host, &body).query("dry_run=true").await.expect(200).body;
    assert_eq!(host.rows().await, rows);
    let done = put(&host, &body).query("dry_run=false").await.expect(200).body;
    assert_eq!((&tried["dry_run"], &tried["policy"], &tried["changes"]), (&json!(true), &done["policy"], &done["changes"]));
    let changes = done["changes"].as_array().expect("changes");
    let effect = |field: &str| changes.iter().find(|it| it["field"] == field).map(|it| it["effect"].as_str().expect("a sentence").to_owned());
    assert!(effect("device_trust").is_some_and(|effect| effect.contains("sessions that skipped their second factor are over")));
    assert_eq!(effect("trust_for_s"), None, "it is the same in both");
    // The faults too, as they would be.
    let loosened = json!({ "session_idle_s": 7_200 });
    assert_eq!(faults(put(&host, &loosened).query("dry_run=true").await), faults(put(&host, &loosened).await));
    // And what loosening does not do.
    let looser = put(&host, &json!({ "preset": "consumer" })).query("dry_run=true").await.expect(200).body;
    for change in looser["changes"].as_array().expect("changes").iter().filter(|change| change["field"] == "device_trust") {
        assert!(change["effect"].as_str().is_some_and(|effect| effect.contains("What is over stays over")));
    }
}

async fn what_a_preset_forbids_is_named(host: Host) {
    let rows = host.rows().await;
    let looser = json!({
        "preset": "nist-aal2", "device_trust": true, "trust_for_s": 31 * DAY, "device_token_rotate_s": 31 * DAY, "activation_ttl_s": 301, "recent_mfa_s": 601,
        "recent_auth_s": 0, "session_idle_s": 3_601, "session_absolute_s": DAY + 1, "trust_binding": "fingerprint", "fingerprint_trust_max_s": 8 * DAY,
        "trust_methods": ["totp", "email_otp"], "require_second_factor": false, "trust_max_s": 91 * DAY,
    });
    let mut named = faults(put(&host, &looser).await);
    let mut expected: Vec<_> =
        looser.as_object().expect("rules").keys().filter(|name| *name != "preset").map(|name| (name.clone(), "conflict".to_owned())).collect();
    named.sort();
    expected.sort();
    assert_eq!(named, expected);
    let held: Vec<&str> = Rule::ALL.iter().filter(|rule| rule.held_by_presets).map(|rule| rule.name).collect();
    assert_eq!(expected.len(), held.len(), "every rule that a preset holds is tried: {held:?}");
    assert_eq!(host.rows().await, rows);
    let named = put(&host, &json!({ "trust_for_s": 31 * DAY })).await.refused(400, "invalid_request");
    let description = named.body["errors"][0]["description"].as_str().expect("a phrase");
    assert_eq!(description, "must not be looser than the preset consumer has it, which is 2592000; choose the preset custom for that");
    // A value a little stricter is the preset's still, and custom takes the looser one.
    let kept =
        put(&host, &json!({ "preset": "nist-aal2", "session_idle_s": 3_599, "trust_methods": ["webauthn"], "recent_auth_s": 1, "max_devices": 200 })).await;
    assert_eq!(kept.expect(200).body["policy"]["preset"], "nist-aal2");
    let custom = put(&host, &json!({ "preset": "custom", "session_idle_s": 3_601 })).await.expect(200).body;
    assert_eq!((&custom["policy"]["session_idle_s"], &custom["policy"]["session_absolute_s"]), (&json!(3_601), &json!(DAY)));
}

async fn what_is_out_of_bounds_or_contradictory_is_named(host: Host) {
    put(&host, &json!({ "preset": "custom" })).await.expect(200);
    let rows = host.rows().await;
    for rule in Rule::ALL {
        let Some((low, high)) = rule.bounds else { continue };
        let beyond = [low.checked_sub(1).map(u64::from), Some(u64::from(high) + 1), Some(u64::from(u32::MAX) + 1), Some(u64::MAX)];
        for value in beyond.into_iter().flatten() {
            let named = faults(put(&host, &json!({ rule.name: value })).await);
            assert!(named.contains(&(rule.name.to_owned(), "range".to_owned())), "{} {value}: {named:?}", rule.name);
        }
    }
    let contradictory = [
        (json!({ "trust_for_s": 100, "trust_max_s": 99 }), "trust_max_s"),
        (json!({ "session_idle_s": 101, "session_absolute_s": 100 }), "session_idle_s"),
        (json!({ "trust_methods": [] }), "trust_methods"),
        (json!({ "trust_binding": "key" }), "trust_binding"),
        (json!({ "on_security_event": { "password_changed": { "ends_trust": false } } }), "on_security_event.password_changed"),
        (json!({ "on_security_event": { "mfa_removed": { "ends_sessions": "none" } } }), "on_security_event.mfa_removed"),
        (json!({ "on_security_event": { "password_reset": { "ends_sessions": "all_but_kept" } } }), "on_security_event.password_reset"),
        (json!({ "on_security_event": { "account_enabled": { "ends_trust": true } } }), "on_security_event.account_enabled"),
    ];
    for (body, field) in contradictory {
        assert_eq!(faults(put(&host, &body).await), [(field.to_owned(), "conflict".to_owned())], "{body}");
    }
    let many = json!({ "trust_for_s": 0, "session_idle_s": 0, "max_devices": 0, "retain_events_s": 0, "trust_methods": [] });
    assert_eq!(faults(put(&host, &many).await).len(), 5, "all at once");
    assert_eq!(host.rows().await, rows);
}

async fn values_that_are_none_are_named(host: Host) {
    let rows = host.rows().await;
    let bad = [
        (json!({ "preset": "strict" }), "preset", "format"),
        (json!({ "preset": null }), "preset", "format"),
        (json!({ "revision": -1 }), "revision", "format"),
        (json!({ "trust_for_s": -60 }), "trust_for_s", "format"),
        (json!({ "trust_for_s": 60.5 }), "trust_for_s", "format"),
        (json!({ "trust_for_s": "60" }), "trust_for_s", "format"),
        (json!({ "trust_for_s": null }), "trust_for_s", "format"),
        (json!({ "max_devices": true }), "max_devices", "format"),
        (json!({ "device_trust": 1 }), "device_trust", "format"),
        (json!({ "trust_binding": "cookie" }), "trust_binding", "format"),
        (json!({ "new_country": "deny" }), "new_country", "format"),
        (json!({ "impossible_travel": true }), "impossible_travel", "format"),
        (json!({ "trust_methods": "totp" }), "trust_methods", "format"),
        (json!({ "trust_methods": ["totp", "fax"] }), "trust_methods[1]", "format"),
        (json!({ "trust_methods": ["totp", "push", "totp"] }), "trust_methods[2]", "repeated"),
        (json!({ "on_security_event": [] }), "on_security_event", "format"),
        (json!({ "on_security_event": { "password_stolen": {} } }), "on_security_event.password_stolen", "unknown"),
        (json!({ "on_security_event": { "mfa_enrolled": true } }), "on_security_event.mfa_enrolled", "format"),
        (json!({ "on_security_event": { "mfa_enrolled": { "ends_trust": "no" } } }), "on_security_event.mfa_enrolled.ends_trust", "format"),
        (json!({ "on_security_event": { "mfa_enrolled": { "ends_sessions": "some" } } }), "on_security_event.mfa_enrolled.ends_sessions", "format"),
        (json!({ "on_security_event": { "mfa_enrolled": { "ends": true } } }), "on_security_event.mfa_enrolled.ends", "unknown"),
        (json!({ "sessions_idle_s": 60 }), "sessions_idle_s", "unknown"),
    ];
    for (body, field, code) in bad {
        assert_eq!(faults(put(&host, &body).await), [(field.to_owned(), code.to_owned())], "{body}");
    }
    for (body, field) in [
        (r#"{"session_idle_s":60,"session_idle_s":61}"#, "session_idle_s"),
        (r#"{"on_security_event":{"mfa_enrolled":{},"mfa_enrolled":{}}}"#, "on_security_event.mfa_enrolled"),
        (r#"{"on_security_event":{"mfa_enrolled":{"ends_trust":true,"ends_trust":false}}}"#, "on_security_event.mfa_enrolled.ends_trust"),
    ] {
        let sent = host.ask("PUT", PATH).by(Role::Admin).header("content-type", "application/json").bytes(body);
        assert_eq!(faults(sent.await), [(field.to_owned(), "repeated".to_owned())], "{body}");
    }
    for query in ["dry_run=1", "dry_run=", "dryrun=true", "dry_run=true&dry_run=true"] {
        put(&host, &json!({ "session_idle_s": 60 })).query(query).await.refused(400, "invalid_request");
    }
    assert_eq!(host.rows().await, rows);
}

async fn a_change_that_was_overtaken_is_refused(host: Host) {
    let read = get(&host).await;
    put(&host, &json!({ "session_idle_s": 60 })).await.expect(200);
    let rows = host.rows().await;
    let mut late = read.clone();
    late["max_sessions"] = json!(7);
    for query in ["dry_run=true", "dry_run=false"] {
        put(&host, &late).query(query).await.refused(409, "policy_overtaken");
    }
    put(&host, &json!({ "revision": 3, "max_sessions": 7 })).await.refused(409, "policy_overtaken");
    assert_eq!(host.rows().await, rows);
    let done = put(&host, &json!({ "revision": 2, "max_sessions": 7 })).await.expect(200).body;
    assert_eq!((&done["policy"]["max_sessions"], &done["policy"]["session_idle_s"]), (&json!(7), &json!(60)), "the earlier change isn't lost");
}

async fn of_sixteen_changes_of_one_revision_one_is_made(host: Host) {
    let answers = at_once(16, |number| {
        let host = host.clone();
        async move { put(&host, &json!({ "revision": 1, "session_idle_s": 60 + number })).await }
    })
    .await;
    let (made, overtaken): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
    assert_eq!(made.len(), 1);
    for answer in overtaken {
        answer.refused(409, "policy_overtaken");
    }
    assert_eq!(get(&host).await, made[0].body["policy"]);
}

async fn another_tenants_policy_is_its_own(host: Host) {
    let session = host.browser("ana").in_tenant(GLOBEX).enter().await;
    put(&host, &json!({ "preset": "nist-aal3", "session_absolute_s": 60, "session_idle_s": 60 })).await.expect(200);
    host.pass_s(61);
    session.get("/devices").await.expect(200);
    let theirs = host.ask("GET", PATH).key(&api_key(GLOBEX, Role::Viewer)).await.expect(200).body;
    assert_eq!(theirs, preset("consumer"));
    for role in [Role::Verify, Role::Host, Role::Operator, Role::Viewer] {
        host.ask("PUT", PATH).by(role).json(&json!({ "max_sessions": 1 })).await.refused(403, "role_too_low");
    }
    host.ask("GET", PATH).by(Role::Verify).await.refused(403, "role_too_low");
}
