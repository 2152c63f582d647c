//! What a host says of an attempt to sign in, and at completion: what fits, what doesn't, and that faults are named.

use doorward_tests::host::Host;
use serde_json::{Value, json};

doorward_tests::on_each_engine! {
    bad_words_about_an_attempt_are_named,
    what_just_fits_is_taken,
    bad_words_at_completion_are_named,
    the_same_faults_are_named_where_a_session_is_opened_directly,
}

fn hints(number: usize) -> Value {
    (0..number).map(|at| (format!("sec-ch-ua-{at}"), json!("x"))).collect::<serde_json::Map<_, _>>().into()
}

async fn bad_words_about_an_attempt_are_named(host: Host) {
    let bad = [
        ("user_id", json!("")),
        ("user_id", json!(".")),
        ("user_id", json!("..")),
        ("user_id", json!("a\u{0}b")),
        ("user_id", json!("a\u{85}b")),
        ("user_id", json!("é".repeat(128))),
        ("ip", json!("")),
        ("ip", json!("300.1.1.1")),
        ("ip", json!("203.0.113.7:80")),
        ("ip", json!("203.0.113.7/24")),
        ("ip", json!("[::1]")),
        ("ip", json!("localhost")),
        ("ip", json!(" 203.0.113.7")),
        ("ip", json!("203.0.113.007")),
        ("user_agent", json!("x".repeat(8_193))),
        ("client_hints", hints(33)),
        ("client_hints", json!({ "sec-ch-ua": 7 })),
        ("client_hints", json!({ "sec-ch-ua": "x".repeat(1_025) })),
        ("device_info", json!({ "model": "x".repeat(129) })),
        ("device_info", json!({ "app": "" })),
        ("device_info", json!({ "app": "a\nb" })),
        ("device_info", json!({ "colour": "red" })),
        ("device_info", json!({ "model": 7 })),
        ("fingerprint", json!("")),
        ("fingerprint", json!("x".repeat(513))),
        ("fingerprint", json!("a\u{1}")),
        ("fingerprint", json!(7)),
        ("fingerprint", json!({ "a": "x".repeat(8_200) })),
        ("fingerprint", json!({ "": 1 })),
        ("fingerprint", json!({ "a\u{85}b": 1 })),
        ("fingerprint", json!({ "é".repeat(65): 1 })),
        ("fingerprint", (0..65).map(|at| (at.to_string(), json!(at))).collect::<serde_json::Map<_, _>>().into()),
        ("device_token", json!("x".repeat(4_097))),
        ("login_method", json!("")),
        ("login_method", json!("x".repeat(65))),
        ("login_method", json!("a\tb")),
        ("amr", json!(["mfa"])),
        ("amr", json!([""])),
        ("amr", json!(["a b"])),
        ("amr", json!(["x".repeat(33)])),
        ("amr", json!(["1", "2", "3", "4", "5", "6", "7", "8", "9"])),
        ("authenticated_at", json!("yesterday")),
        ("authenticated_at", json!("2027-01-15")),
        ("authenticated_at", json!("1969-12-31T23:59:59Z")),
        ("authenticated_at", json!("2027-01-15T08:00:02.000001Z")),
        ("second_factor", json!("maybe")),
        ("mfa", json!({ "method": "totp" })),
        ("mfa", json!({ "method": "telepathy" })),
        ("mfa", json!({})),
    ];
    let browser = host.browser("ana");
    let rows = host.rows().await;
    for (field, value) in bad {
        let answer = browser.try_evaluate(&json!({ field: value })).await;
        assert_eq!(answer.status, 400, "{field} {value}: {}", answer.text);
        let named = answer.refused(400, "invalid_request").text_at("/errors/0/field");
        assert!(named == field || named.starts_with(&format!("{field}.")) || named.starts_with(&format!("{field}[")), "{field} {value}: {named}");
    }
    for contradiction in [
        json!({ "second_factor": "done" }),
        json!({ "second_factor": "none", "require_mfa": true }),
        json!({ "second_factor": "none", "mfa": { "method": "totp" } }),
    ] {
        browser.try_evaluate(&contradiction).await.refused(400, "invalid_request");
    }
    assert_eq!(host.rows().await, rows);
}

async fn what_just_fits_is_taken(host: Host) {
    let fitting = [
        json!({ "user_agent": "" }),
        json!({ "user_agent": "x".repeat(8_192) }),
        json!({ "user_agent": "a\u{0}b\nc" }),
        json!({ "user_agent": "é".repeat(4_096) }),
        json!({ "ip": "::" }),
        json!({ "ip": "fe80::1" }),
        json!({ "ip": "0.0.0.0" }),
        json!({ "client_hints": hints(32) }),
        json!({ "client_hints": { "sec-ch-ua": "x".repeat(1_024), "": "", "x y": "\u{0}" } }),
        json!({ "device_info": {} }),
        json!({ "device_info": { "type": "toaster", "model": "é".repeat(128) } }),
        json!({ "fingerprint": "x".repeat(512) }),
        json!({ "fingerprint": {} }),
        json!({ "fingerprint": { "a": [1, null, { "b": "\u{0}" }], "é".repeat(64): -1e300 } }),
        json!({ "device_token": "" }),
        json!({ "device_token": "x".repeat(4_096) }),
        json!({ "device_token": ".".repeat(4_096) }),
        json!({ "login_method": "é".repeat(64) }),
        json!({ "amr": [] }),
        json!({ "amr": ["a", "b.c", "d-e", "f:g", "h_i", "pwd", "pwd", "fed"] }),
        json!({ "authenticated_at": "1970-01-01T00:00:00Z" }),
        json!({ "authenticated_at": "2027-01-15T10:00:00+02:00" }),
    ];
    for words in fitting {
        let mut browser = host.browser("ana");
        let sign_in = browser.evaluate_with(&words).await;
        let entered = browser.complete(&sign_in, &json!({ "mfa": { "method": "totp" } })).await;
        let shown = entered.get("/devices/current").await.expect(200);
        assert!(shown.text_at("/user_agent").len() <= 1_024, "{words}");
        assert!(!shown.text_at("/user_agent").contains(char::is_control), "{words}");
    }
}

async fn bad_words_at_completion_are_named(host: Host) {
    let bad = [
        ("device_name", json!("")),
        ("device_metadata", json!({ "a": "x".repeat(4_096) })),
        ("device_metadata", json!([1])),
        ("device_metadata", json!("text")),
        ("external_session_id", json!("")),
        ("external_session_id", json!("x".repeat(256))),
        ("external_session_id", json!("a\u{7f}")),
        ("trust_device", json!("true")),
        ("trust_device", json!(null)),
        ("offer_trust", json!(0)),
        ("mfa", json!({ "method": "TOTP" })),
        ("mfa", json!({ "method": "totp", "verified_at": "now" })),
        ("mfa", json!({ "verified_at": "2027-01-15T08:00:00Z" })),
        ("mfa", json!("totp")),
    ];
    let mut browser = host.browser("ana");
    let sign_in = browser.evaluate().await;
    let rows = host.rows().await;
    for (field, value) in bad {
        let mut completion = json!({ "mfa": { "method": "totp" } });
        completion[field] = value.clone();
        let named = browser.try_complete(&sign_in, &completion).await.refused(400, "invalid_request").text_at("/errors/0/field");
        assert!(named == field || named.starts_with(&format!("{field}.")), "{field} {value}: {named}");
    }
    assert_eq!(host.rows().await, rows);
    let fitting = json!({
        "mfa": { "method": "totp" }, "device_name": "é".repeat(64), "external_session_id": "é".repeat(255),
        "device_metadata": { "a": "x".repeat(4_096 - 8), },
    });
    browser.complete(&sign_in, &fitting).await;
}

async fn the_same_faults_are_named_where_a_session_is_opened_directly(host: Host) {
    let good = json!({ "user_id": "ana", "ip": "203.0.113.7", "user_agent": "x" });
    let rows = host.rows().await;
    let bad = [
        ("user_id", json!("..")),
        ("ip", json!("x")),
        ("user_agent", json!("x".repeat(8_193))),
        ("device_token", json!("x".repeat(4_097))),
        ("login_method", json!("")),
        ("amr", json!(["mfa"])),
        ("authenticated_at", json!("2027-01-15T08:00:02.000001Z")),
        ("external_session_id", json!("")),
        ("mfa", json!({ "method": "totp", "verified_at": "2027-01-15T08:00:02.000001Z" })),
        ("second_factor", json!("none")),
        ("trust_device", json!(true)),
        ("client_hints", json!({})),
    ];
    for (field, value) in bad {
        let mut entry = good.clone();
        entry[field] = value.clone();
        let named = host.call("POST", "/internal/sessions").json(&entry).await.refused(400, "invalid_request").text_at("/errors/0/field");
        assert!(named == field || named.starts_with(&format!("{field}.")), "{field} {value}: {named}");
    }
    assert_eq!(host.rows().await, rows);
}
