//! The location database of a running server: refused at the start, read anew when it changes, and looked at by `doctor`.

use std::fs;
use std::path::Path;
use std::process::Command;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::commands::answer;
use crate::mmdb::mmdb;
use crate::running::{Doorward, KEY, SECRET, call, command, refused};

/// Long enough ago to be old, whenever this runs.
const LONG_AGO_S: u64 = 1_500_000_000;
/// The year 2100: not old yet.
const FRESH_S: u64 = 4_102_444_800;

fn put(dir: &Path, country: &str, built_at_s: u64) {
    let networks = [("203.0.113.0/24", json!({ "country": { "iso_code": country } }))];
    // As programs that fetch such files do: under another name first.
    fs::write(dir.join("new"), mmdb("Test-Country", built_at_s, 28, &networks)).expect("written");
    fs::rename(dir.join("new"), dir.join("places.mmdb")).expect("moved");
}

fn serve(dir: &Path) -> Command {
    let mut serve = command(dir, &["serve", "--listen", "127.0.0.1:0"]);
    serve.env("DOORWARD_SECRET_KEY", SECRET).env("DOORWARD_LOCATION_DATABASE", "places.mmdb");
    serve.env("DOORWARD_BOOTSTRAP_TENANT", "acme").env("DOORWARD_BOOTSTRAP_API_KEY", KEY);
    serve
}

/// The country of a session that begins now.
fn country(address: &str) -> Value {
    let body = json!({ "user_id": "ana", "ip": "203.0.113.7", "user_agent": "curl/8" });
    let (status, opened) = call(address, "POST", "/internal/sessions", &body);
    assert_eq!(status, 201, "{opened}");
    opened["session"]["location"]["country"].clone()
}

#[test]
fn a_database_that_cant_be_used_stops_the_start_and_says_so() {
    let dir = tempfile::tempdir().expect("a directory");
    for damage in [None, Some("no database")] {
        if let Some(damage) = damage {
            fs::write(dir.path().join("places.mmdb"), damage).expect("written");
        }
        let (code, message) = refused(serve(dir.path()));
        assert_eq!(code, Some(2), "{message}");
        assert!(message.contains("location_database: places.mmdb can't be used"), "{message}");
        assert!(!dir.path().join("data").exists(), "nothing was begun");
    }
}

#[test]
fn a_replaced_database_is_used_and_a_damaged_one_is_not() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    put(dir, "AT", FRESH_S);
    let mut doorward = Doorward::start(serve(dir));
    let address = doorward.address("public");
    let hang_up = |doorward: &Doorward| kill_process(Pid::from_child(&doorward.child), Signal::HUP).expect("it runs");
    assert_eq!(country(&address), "AT");
    // By itself, once the file has changed.
    put(dir, "DE", FRESH_S);
    doorward.line("the location database was read anew");
    assert_eq!(country(&address), "DE");
    fs::write(dir.join("places.mmdb"), "half of").expect("written");
    let fault = doorward.line("can't be used");
    assert!(fault["level"] == "WARN" && fault["message"].as_str().is_some_and(|text| text.contains("places.mmdb")), "{fault}");
    assert_eq!(country(&address), "DE", "the old one stays");
    // And at once, when it is told to.
    hang_up(&doorward);
    assert!(doorward.line("everything stays as it is")["message"].as_str().is_some_and(|text| text.contains("places.mmdb")));
    assert_eq!(country(&address), "DE");
    put(dir, "CH", FRESH_S);
    hang_up(&doorward);
    doorward.line("the settings were read anew");
    assert_eq!(country(&address), "CH");
    // Also without the file what was read is in use.
    fs::remove_file(dir.join("places.mmdb")).expect("removed");
    doorward.line("can't be used");
    assert_eq!(country(&address), "CH");
    // What operators see by the running server has its places too.
    assert_eq!(answer(dir, &["devices", "list", "ana"])["items"][0]["location"]["country"], "CH");
    assert!(doorward.stop().1);
}

#[test]
fn doctor_says_what_is_wrong_with_the_database() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    let look = || {
        let mut doctor = command(dir, &["doctor", "--json", "--location-database", "places.mmdb"]);
        doctor.env("DOORWARD_SECRET_KEY", SECRET);
        let output = doctor.output().expect("the binary runs");
        let found: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let check = found["checks"].as_array().and_then(|checks| checks.iter().find(|check| check["check"] == "location_database")).cloned();
        let check = check.expect("it is looked at");
        let text = |field: &str| check[field].as_str().expect("text").to_owned();
        (text("outcome"), text("message"), output.status.code())
    };
    let (outcome, message, code) = look();
    assert!(outcome == "fail" && message.contains("No such file") && code == Some(1), "{message}");
    fs::write(dir.join("places.mmdb"), "no database").expect("written");
    assert_eq!(look().0, "fail");
    put(dir, "AT", LONG_AGO_S);
    let (outcome, message, code) = look();
    assert!(outcome == "warn" && message.contains("2017-07-14") && message.contains("replace it") && code == Some(0), "{message}");
    put(dir, "AT", FRESH_S);
    assert_eq!(look(), ("ok".to_owned(), "the location database is whole and not old".to_owned(), Some(0)));
}
