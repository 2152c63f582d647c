//! A disk that is full: a small file system of the test's own is filled up beside the database, and emptied again.

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::commands::{is_live, sign_in};
use crate::running::{Doorward, KEY, call, get};

/// Runs what follows with a file system of 4 MiB at `data`, which nobody else sees and which goes with the process.
const MOUNT: &str = "mount -t tmpfs -o size=4m,mode=700 none data && exec \"$0\" \"$@\"";

/// `None` where that isn't allowed, as in many containers.
fn on_a_small_disk(dir: &Path) -> Option<Command> {
    fs::create_dir(dir.join("data")).expect("made");
    let apart = |command: &str| {
        let mut unshare = Command::new("unshare");
        unshare.args(["-rm", "sh", "-c", command]).current_dir(dir).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        unshare
    };
    if !apart(MOUNT).args(["true"]).status().is_ok_and(|status| status.success()) {
        return None;
    }
    let mut serve = apart(MOUNT);
    serve.args([env!("CARGO_BIN_EXE_doorward"), "serve", "--listen", "127.0.0.1:0"]);
    serve.env("DOORWARD_BOOTSTRAP_TENANT", "acme").env("DOORWARD_BOOTSTRAP_API_KEY", KEY);
    Some(serve)
}

/// Fills the disk up to its last page.
fn fill(ballast: &Path) {
    let mut file = File::create(ballast).expect("it is made");
    loop {
        match file.write_all(&[0x55; 4_096]) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::StorageFull => return,
            Err(error) => panic!("it can't be filled: {error}"),
        }
    }
}

fn evaluate(address: &str, user: &str) -> u16 {
    call(address, "POST", "/internal/sign-ins", &json!({"user_id": user, "ip": "203.0.113.7", "user_agent": "curl/8"})).0
}

/// Writes until not even the smallest change is taken. A log that was copied into the database is written from its beginning
/// again, so for a while there is room; once the database itself can't grow there is none, however long one waits.
fn fill_the_log(address: &str, round: u32) {
    let mut refused_in_a_row = 0;
    for number in 0..4_000 {
        let taken = [&format!("user-{round}-{number}"), "bob"].map(|user| evaluate(address, user) == 201);
        refused_in_a_row = if taken.contains(&true) { 0 } else { refused_in_a_row + 1 };
        if refused_in_a_row == 20 {
            return;
        }
        if refused_in_a_row > 0 {
            // Longer together than it takes to look after the log a few times.
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    panic!("the disk never got full");
}

#[test]
fn on_a_full_disk_writes_are_503_reads_go_on_and_it_recovers_by_itself() {
    let dir = tempfile::tempdir().expect("a directory");
    let Some(serve) = on_a_small_disk(dir.path()) else {
        eprintln!("skipped: a file system can't be mounted here");
        return;
    };
    let mut doorward = Doorward::start(serve);
    let address = doorward.address("public");
    // The process's own view of the folder, in which the small disk is mounted.
    let ballast = PathBuf::from(format!("/proc/{}/cwd/data/ballast", doorward.child.id()));
    let (token, device) = sign_in(&address, "alice");
    let (other, _) = sign_in(&address, "bob");
    for round in 0..3 {
        fill(&ballast);
        fill_the_log(&address, round);
        let signing_out = format!("/internal/users/alice/devices/{device}/untrust");
        for (method, path, body) in [
            ("POST", "/internal/sign-ins", json!({"user_id": "carol", "ip": "203.0.113.7", "user_agent": "curl/8"})),
            ("DELETE", "/internal/users/alice/sessions", Value::Null),
            ("POST", &signing_out, json!({})),
            ("POST", "/internal/users/alice/security-events", json!({"type": "password_reset"})),
        ] {
            let (status, problem) = call(&address, method, path, &body);
            assert_eq!((status, &problem["type"]), (503, &json!("/problems/unavailable")), "{method} {path}: {problem}");
        }
        assert!(is_live(&address, &token) && is_live(&address, &other), "no ending was half done");
        let (status, shown) = call(&address, "GET", &format!("/internal/users/alice/devices/{device}"), &Value::Null);
        assert_eq!((status, &shown["status"]), (200, &json!("trusted")));
        let bearer = format!("Authorization: Bearer {token}\r\n");
        assert_eq!(get(&address, "/internal/forward-auth/acme", &bearer).0, 200);
        assert_eq!(call(&address, "GET", "/internal/users/bob/sessions", &Value::Null).1["items"].as_array().map(Vec::len), Some(1));

        fs::remove_file(&ballast).expect("removed");
        let began = Instant::now();
        while evaluate(&address, "dave") != 201 {
            assert!(began.elapsed() < Duration::from_secs(10), "there is room again, and nothing is written");
            std::thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(get(&address, "/readyz", "").0, 200);
    }
    assert_eq!(call(&address, "DELETE", "/internal/users/alice/sessions", &Value::Null).0, 200);
    assert!(!is_live(&address, &token) && is_live(&address, &other));
    let (status, page) = call(&address, "GET", "/internal/users/alice/events", &Value::Null);
    let ended = page["items"].as_array().expect("a list").iter().filter(|event| event["type"] == "sessions.ended").count();
    assert_eq!((status, ended), (200, 1), "what was answered 503 is in no trail: {page}");
    let (_, well, log) = doorward.stop();
    assert!(well && log.contains("a commit failed"), "{log}");
}
