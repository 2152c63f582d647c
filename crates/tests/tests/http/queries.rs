//! Query parameters: unknown ones, repeated ones and bad values are refused by every operation of the own APIs, with their names.

use doorward_tests::host::{ACME, Ask, Host};
use serde_json::json;

use crate::operations::{Someone, each};

doorward_tests::on_each_engine! {
    unknown_and_repeated_parameters_are_named,
    bad_values_are_named,
    all_faults_are_told_at_once,
    an_empty_query_is_none,
    every_ending_takes_wait,
}

/// What is no GET and ends nothing, each with the reason. Everything else of the own APIs is an ending.
const ENDS_NOTHING: [(&str, &str); 18] = [
    ("activate", GIVES),
    ("activate_device", GIVES),
    ("complete_sign_in", GIVES),
    ("create_api_key", GIVES),
    ("evaluate_sign_in", GIVES),
    ("open_session", GIVES),
    ("trust_device", GIVES),
    ("trust_user_device", GIVES),
    ("decline", "an offer that is used up gives nothing, at whatever node"),
    ("decline_device", "an offer that is used up gives nothing, at whatever node"),
    ("rotate_api_key", "it gives a new text, and says itself until when the old one is good"),
    ("step_up", "the session goes on, under another token"),
    ("rename_device", "a name opens nothing"),
    ("heartbeat", LOOKS),
    ("heartbeat_sessions", LOOKS),
    ("introspect", LOOKS),
    ("verify_session", LOOKS),
    ("verify_sessions", LOOKS),
];

const GIVES: &str = "it gives something";
const LOOKS: &str = "it looks, and notes activity at most";

async fn unknown_and_repeated_parameters_are_named(host: Host) {
    let all = each(&host).await;
    let rows = host.rows().await;
    for (operation, someone) in all.iter().filter(|(operation, _)| operation.dialect().is_none()) {
        let known = operation.query();
        let with = |query: &str| {
            // Set in place of the usual query.
            let asked = someone.naming(operation, &someone.names);
            asked.instead_of_query(query)
        };
        for (unknown, name) in
            [("surplus=1", "surplus"), ("surplus", "surplus"), ("=1", ""), ("Limit=5", "Limit"), ("limit[]=5", "limit[]"), ("%FF=1", "\u{fffd}")]
        {
            let answer = with(unknown).await.refused(400, "invalid_request");
            assert_eq!((answer.text_at("/errors/0/field"), answer.text_at("/errors/0/code")), (name.to_owned(), "unknown".to_owned()), "{}", operation.id);
        }
        for name in &known {
            let value = match *name {
                "limit" => "5",
                "status" => "all",
                "cursor" => "x",
                "except_current" | "end_sessions" | "wait" | "dry_run" => "true",
                "require" => "mfa",
                "max_age" => "60",
                "wait_s" => "1",
                other => panic!("what is the parameter {other}?"),
            };
            let answer = with(&format!("{name}={value}&{name}={value}")).await.refused(400, "invalid_request");
            assert_eq!((answer.text_at("/errors/0/field"), answer.text_at("/errors/0/code")), ((*name).to_owned(), "repeated".to_owned()), "{}", operation.id);
        }
        for name in ["limit", "cursor", "status", "except_current", "end_sessions", "touch", "wait"] {
            if !known.contains(&name) {
                with(&format!("{name}=true")).await.refused(400, "invalid_request");
            }
        }
    }
    assert_eq!(host.rows().await, rows);
}

async fn bad_values_are_named(host: Host) {
    let all = each(&host).await;
    let rows = host.rows().await;
    for (operation, someone) in all.iter().filter(|(operation, _)| operation.dialect().is_none()) {
        for name in operation.query() {
            let bad: &[&str] = match name {
                "limit" => &["0", "101", "-1", "1.5", "x", "", "65536", "99999999999999999999", "1%00", "%20", "0x5"],
                "require" => &["x", "", "MFA", "mfa%20", "none", "mfa,pwd"],
                "max_age" => &["0", "-1", "1.5", "x", "", "31536001", "99999999999999999999", "1%00", "%20", "0x5", "060"],
                "wait_s" => &["26", "-1", "1.5", "x", "", "00", "0x5", "99999999999999999999", "%20"],
                "status" => &["x", "", "Active", "trusted%20", "active,ended", "*"],
                "except_current" | "end_sessions" | "dry_run" => &["x", "", "1", "0", "yes", "TRUE", "true%20", "on"],
                _ => &["x", "", "%00", "AAAA", "........"],
            };
            for value in bad {
                let answer = someone.naming(operation, &someone.names).instead_of_query(&format!("{name}={value}")).await;
                assert_eq!(answer.status, 400, "{} {name}={value}: {}", operation.id, answer.text);
                assert_eq!(answer.refused(400, "invalid_request").text_at("/errors/0/field"), name, "{} {name}={value}", operation.id);
            }
        }
    }
    assert_eq!(host.rows().await, rows);
}

async fn all_faults_are_told_at_once(host: Host) {
    let someone = Someone::new(&host, ACME, "ana").await;
    let answer = someone.caller.ask("GET", "/devices").query("status=x&limit=0&surplus=1&cursor=a&cursor=b").await.refused(400, "invalid_request");
    let told: Vec<_> = answer.body["errors"].as_array().expect("errors").iter().map(|error| error["field"].clone()).collect();
    for name in ["surplus", "cursor", "status", "limit"] {
        assert!(told.contains(&json!(name)), "{name}: {told:?}");
    }
    let attempt =
        json!({ "user_id": ".", "ip": "300.1.1.1", "user_agent": "x".repeat(9_000), "login_method": "", "amr": ["mfa"], "authenticated_at": "yesterday" });
    let answer = host.call("POST", "/internal/sign-ins").json(&attempt).await.refused(400, "invalid_request");
    let told: Vec<_> = answer.body["errors"].as_array().expect("errors").iter().map(|error| error["field"].clone()).collect();
    for name in ["user_id", "ip", "user_agent", "login_method", "amr", "authenticated_at"] {
        assert!(told.contains(&json!(name)), "{name}: {told:?}");
    }
}

async fn an_empty_query_is_none(host: Host) {
    let someone = Someone::new(&host, ACME, "ana").await;
    for query in ["", "&", "&&"] {
        someone.caller.ask("GET", "/devices").query(query).await.expect(200);
        someone.caller.ask("POST", "/devices/current/untrust").query(query).await.expect(200);
    }
    let spelled = someone.caller.ask("GET", "/devices").query("%73tatus=a%6Cl&limit=1").await.expect(200);
    assert_eq!(spelled.ids().len(), 1);
}

/// An ending that doesn't know `wait` would refuse it, and with it the ending: a host sends it with each.
async fn every_ending_takes_wait(host: Host) {
    let all = each(&host).await;
    let own = || all.iter().filter(|(operation, _)| operation.dialect().is_none() && operation.method != "GET");
    for (id, why) in ENDS_NOTHING {
        assert!(own().any(|(operation, _)| operation.id == id) && !why.is_empty(), "{id} is an operation that changes something");
    }
    for (operation, someone) in own() {
        let is_ending = !ENDS_NOTHING.iter().any(|(id, _)| *id == operation.id);
        assert_eq!(operation.query().contains(&"wait"), is_ending, "{}", operation.id);
        if is_ending {
            let usual = if operation.id == "forget_other_devices" { "except_current=true&" } else { "" };
            let with = |value: &str, asked: Ask| asked.instead_of_query(&format!("{usual}wait={value}"));
            let refused = with("yes", someone.naming(operation, &someone.names)).await.refused(400, "invalid_request");
            assert_eq!(refused.text_at("/errors/0/field"), "wait", "{}", operation.id);
            let answer = with("true", someone.good(operation).await).await;
            assert!((200..300).contains(&answer.status), "{}: {} {}", operation.id, answer.status, answer.text);
        }
    }
}
