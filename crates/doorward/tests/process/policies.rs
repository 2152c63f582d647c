//! `doorward policy`: by a running server and without one.

use serde_json::{Value, json};

use crate::commands::{answer, is_live, serve, sign_in, told};
use crate::running::call;

#[test]
fn a_policy_is_shown_tried_and_changed() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    let (doorward, address) = serve(dir);
    let (token, _) = sign_in(&address, "alice");
    let by_wire = || call(&address, "GET", "/internal/policy", &Value::Null).1;
    assert_eq!(answer(dir, &["policy", "show"]), by_wire());

    let set = ["policy", "set", "--preset", "nist-aal2", "session_idle_s=600", "trust_methods=webauthn,totp", "--revision", "1", "--actor", "grace"];
    let tried = answer(dir, &[&set[..], &["--dry-run"]].concat());
    assert_eq!((&tried["dry_run"], &by_wire()["preset"]), (&json!(true), &json!("consumer")));
    let done = answer(dir, &set);
    assert_eq!((&done["policy"], &done["changes"]), (&tried["policy"], &tried["changes"]));
    let policy = by_wire();
    assert_eq!(policy, done["policy"]);
    assert_eq!((&policy["preset"], &policy["session_idle_s"], &policy["trust_methods"]), (&json!("nist-aal2"), &json!(600), &json!(["totp", "webauthn"])));
    assert!(is_live(&address, &token), "it began with a second factor");
    let (code, _, message) = told(dir, &set);
    assert!(code == Some(1) && message.contains("changed meanwhile"), "{message}");
    assert!(doorward.stop().1);

    // Without a server the same, and in words for people.
    let (code, stdout, stderr) = told(dir, &["policy", "set", "on_security_event={\"email_changed\":{\"ends_trust\":false}}", "max_sessions=5"]);
    assert!(code == Some(0) && stdout.starts_with("RULE") && stdout.contains("max_sessions") && stdout.contains("then the oldest end."), "{stdout}{stderr}");
    let (code, stdout, _) = told(dir, &["policy", "set", "max_sessions=5"]);
    assert_eq!((code, stdout.as_str()), (Some(0), "None.\n"), "nothing changes");
    assert_eq!(answer(dir, &["policy", "show"])["revision"], 3);
    let rows = answer(dir, &["policy", "presets"]);
    let row = rows["items"].as_array().expect("rows").iter().find(|row| row["rule"] == "session_absolute_s").expect("the rule").clone();
    assert_eq!((&row["consumer"], &row["nist-aal3"]), (&json!(2_592_000), &json!(43_200)));
    let told_of = answer(dir, &["policy", "explain", "recent_auth_s"]);
    assert!(told_of["explanation"].as_str().is_some_and(|text| text.contains("0 asks for none")), "{told_of}");
    assert_eq!(answer(dir, &["policy", "explain"])["items"].as_array().map(Vec::len), rows["items"].as_array().map(Vec::len));
}

#[test]
fn what_is_no_change_of_a_policy_is_told_and_changes_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    assert!(serve(dir).0.stop().1);
    let bad: [(&[&str], &str); 9] = [
        (&["policy", "set"], "Say what to change"),
        (&["policy", "set", "session_idle_s"], "RULE=VALUE"),
        (&["policy", "set", "sessions=5"], "no rule `sessions`"),
        (&["policy", "set", "session_idle_s=soon"], "`session_idle_s` must be a whole number"),
        (&["policy", "set", "session_idle_s=60", "session_idle_s=61"], "more than once"),
        (&["policy", "set", "trust_methods=totp,fax"], "`trust_methods[1]` must be one of"),
        (&["policy", "set", "--preset", "strict"], "no preset"),
        (&["policy", "set", "trust_for_s=9999999"], "must not be looser than the preset consumer"),
        (&["policy", "explain", "sessions"], "no rule `sessions`"),
    ];
    for (arguments, message) in bad {
        let (code, _, stderr) = told(dir, arguments);
        assert!(code == Some(2) && stderr.contains(message), "{arguments:?}: {code:?} {stderr}");
    }
    assert_eq!(answer(dir, &["policy", "show"])["revision"], 1);
}
