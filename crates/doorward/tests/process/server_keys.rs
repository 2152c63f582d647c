//! `doorward server-key` and what `doorward doctor` says of server keys, from the first start to the old key's end.

use std::path::Path;

use serde_json::Value;

use crate::commands::{is_live, sign_in};
use crate::running::{Doorward, KEY, SECRET, command};

const NEXT: &str = "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=";

fn serve(dir: &Path, keys: &str) -> (Doorward, String) {
    let mut serve = command(dir, &["serve", "--listen", "127.0.0.1:0"]);
    serve.env("DOORWARD_SECRET_KEY", keys).env("DOORWARD_BOOTSTRAP_TENANT", "acme").env("DOORWARD_BOOTSTRAP_API_KEY", KEY);
    let mut doorward = Doorward::start(serve);
    let address = doorward.address("public");
    (doorward, address)
}

/// Exit code, JSON or nothing, and messages of a command under these keys.
fn told(dir: &Path, keys: &str, arguments: &[&str]) -> (Option<i32>, Value, String) {
    let output = command(dir, arguments).arg("--json").env("DOORWARD_SECRET_KEY", keys).output().expect("the binary runs");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap_or(Value::Null), text)
}

fn doctor(dir: &Path, keys: &str) -> (String, String) {
    let (_, found, _) = told(dir, keys, &["doctor"]);
    let check = found["checks"].as_array().and_then(|checks| checks.iter().find(|check| check["check"] == "server_keys_used").cloned()).expect("the check");
    let text = |field: &str| check[field].as_str().expect("text").to_owned();
    (text("outcome"), text("message"))
}

#[test]
fn a_replaced_server_key_is_counted_retired_and_dropped() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    let (doorward, address) = serve(dir, SECRET);
    let (token, _) = sign_in(&address, "alice");
    let (_, list, _) = told(dir, SECRET, &["server-key", "list"]);
    let old = list["items"][0]["id"].as_str().expect("an id").to_owned();
    assert_eq!((&list["items"][0]["place"], &list["items"][0]["sessions"], &list["items"][0]["accounts"]), (&"active".into(), &1.into(), &1.into()));
    let (code, _, message) = told(dir, SECRET, &["server-key", "retire", &old]);
    assert!(code == Some(2) && message.contains("active key"), "{code:?} {message}");
    assert!(doorward.stop().1);
    let waiting = format!("{SECRET},{NEXT}");
    assert_eq!(doctor(dir, &waiting).0, "ok", "the next key waits for its turn");

    let both = format!("{NEXT},{SECRET}");
    // Beside nodes that don't have the next key in front yet, nothing may be moved to it.
    let (code, _, message) = told(dir, &both, &["server-key", "retire", &old, "--force", "--yes"]);
    assert!(code == Some(2) && message.contains("every node"), "{code:?} {message}");
    let (_, list, _) = told(dir, SECRET, &["server-key", "list"]);
    assert_eq!((&list["items"][0]["accounts"], &list["items"][0]["sessions"]), (&1.into(), &1.into()));
    let (doorward, address) = serve(dir, &both);
    assert!(is_live(&address, &token));
    let (code, _, message) = told(dir, &both, &["server-key", "retire", &old]);
    assert!(code == Some(1) && message.contains("1 sessions, 1 trusted devices") && message.contains("--force"), "{code:?} {message}");
    assert_eq!(doctor(dir, &both).0, "ok", "it is needed yet");
    let (code, _, message) = told(dir, &both, &["server-key", "retire", &old, "--force"]);
    assert!(code != Some(0) && message.contains("--yes"), "nobody is there to be asked: {code:?} {message}");
    assert!(is_live(&address, &token));
    let (code, retired, message) = told(dir, &both, &["server-key", "retire", &old, "--force", "--yes"]);
    assert!(code == Some(0) && retired["forgotten"]["sessions"] == 1 && retired["next"].as_str().is_some_and(|next| next.contains("take it out")), "{message}");
    assert!(!is_live(&address, &token));
    assert!(doorward.stop().1);
    assert_eq!(doctor(dir, &both).0, "ok", "it is forgotten: it may go, and may stay");

    let (doorward, address) = serve(dir, NEXT);
    let (token, _) = sign_in(&address, "alice");
    assert!(is_live(&address, &token));
    assert_eq!(doctor(dir, NEXT).0, "ok");
    assert!(doorward.stop().1);
    // Dropped too early.
    let (outcome, message) = doctor(dir, SECRET);
    assert!(outcome == "fail" && message.contains("503"), "{outcome} {message}");
}
