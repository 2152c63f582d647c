//! `doorward audit` and `doorward explain`, by a running server and without one.

use std::fs;
use std::io::{BufRead as _, BufReader};

use serde_json::{Value, json};

use crate::commands::{answer, serve, sign_in, told};
use crate::running::{call, command};

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"))).collect()
}

#[test]
fn the_trail_is_verified_exported_and_goes_on_where_it_ended() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    let (doorward, address) = serve(dir);
    sign_in(&address, "alice");
    sign_in(&address, "bob");
    let verified = answer(dir, &["audit", "verify"]);
    assert_eq!((&verified["feed"], &verified["events_not_compared"]), (&json!("as it was written"), &json!(0)), "{verified}");
    fs::write(dir.join("head.json"), answer(dir, &["audit", "head"]).to_string()).expect("written");

    let (code, first, stderr) = told(dir, &["audit", "export"]);
    assert_eq!(code, Some(0), "{stderr}");
    let all = lines(&first);
    assert_eq!(verified["events_compared"], json!(all.len()));
    assert!(all.iter().any(|event| event["type"] == "session.started" && event["user_id"] == "bob"));
    let cursor = stderr.split_whitespace().last().expect("where to go on").to_owned();
    assert_eq!(told(dir, &["audit", "export", "--state", "cursor"]).1.lines().count(), all.len());
    sign_in(&address, "carol");
    let (_, since, _) = told(dir, &["audit", "export", "--since", &cursor]);
    let (_, by_state, _) = told(dir, &["audit", "export", "--state", "cursor"]);
    assert!(lines(&since).iter().all(|event| event["user_id"] == "carol") && !since.is_empty());
    assert_eq!(since, by_state);
    assert_eq!(told(dir, &["audit", "export", "--state", "cursor"]).1, "");
    let (code, _, stderr) = told(dir, &["audit", "export", "--since", "nonsense"]);
    assert_eq!(code, Some(2), "{stderr}");

    // Whoever follows hears of what happens while it waits.
    let mut following = command(dir, &["audit", "export", "--follow", "--state", "cursor"]).spawn().expect("the binary runs");
    sign_in(&address, "dave");
    let mut heard = String::new();
    BufReader::new(following.stdout.take().expect("piped")).read_line(&mut heard).expect("a line");
    following.kill().and_then(|()| following.wait()).expect("it stops");
    assert_eq!(lines(&heard)[0]["user_id"], "dave");

    assert!(doorward.stop().1);
    assert_eq!(answer(dir, &["audit", "verify", "--head", "head.json"])["feed"], "as it was written", "without a server too");
    // The laws damage the database; here the head that was kept is another one.
    let kept = fs::read_to_string(dir.join("head.json")).expect("the head");
    let mut other: Value = serde_json::from_str(&kept).expect("JSON");
    other["items"][0]["chain"] = json!("0".repeat(64));
    fs::write(dir.join("other.json"), other.to_string()).expect("written");
    let (code, stdout, stderr) = told(dir, &["audit", "verify", "--head", "other.json"]);
    assert_eq!((code, stdout.as_str()), (Some(1), ""), "{stderr}");
    assert!(stderr.contains("is another than it was"), "{stderr}");
    let (code, _, stderr) = told(dir, &["audit", "verify", "--head", "cursor"]);
    assert_eq!(code, Some(2), "{stderr}");
}

#[test]
fn explain_says_why_in_sentences() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    let (doorward, address) = serve(dir);
    let attempt = json!({"user_id": "alice", "ip": "203.0.113.7", "user_agent": "curl/8"});
    let (_, evaluated) = call(&address, "POST", "/internal/sign-ins", &attempt);
    let id = evaluated["id"].as_str().expect("an id");
    let (code, text, stderr) = told(dir, &["explain", "alice"]);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(text.contains(id) && text.contains("challenge") && text.contains("did not identify itself."), "{text}");
    let (_, text, _) = told(dir, &["explain", "alice", id, "--lang", "es"]);
    assert!(text.contains("no se identificó."), "{text}");
    let (code, _, stderr) = told(dir, &["explain", "bob", id]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("bob has no sign-in"), "{stderr}");
    assert_eq!(told(dir, &["explain", "nobody"]).1, "None.\n");
    assert!(doorward.stop().1);
}
