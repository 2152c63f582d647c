//! Its start, its messages, its end.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::running::{Doorward, KEY, SECRET, command, get, refused};

#[test]
fn serve_starts_answers_and_stops_and_shows_no_secret() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut made = Vec::new();
    for _ in 0..2 {
        let mut serve = command(dir.path(), &["serve", "--listen", "127.0.0.1:0", "--internal-listen", "127.0.0.1:0", "--log", "debug"]);
        serve.env("DOORWARD_BOOTSTRAP_TENANT", "acme").env("DOORWARD_BOOTSTRAP_API_KEY", KEY);
        let mut doorward = Doorward::start(serve);
        let (public, internal) = (doorward.address("public"), doorward.address("internal"));
        assert_eq!(get(&public, "/readyz", ""), (200, r#"{"ready":true,"reasons":[]}"#.to_owned()));
        assert_eq!(get(&internal, "/healthz", "").0, 200);
        assert_eq!(get(&public, "/metrics", "").0, 404);
        assert!(get(&internal, "/metrics", "").1.contains("doorward_http_requests_total{route=\"/healthz\""));
        let key = format!("X-API-Key: {KEY}\r\n");
        assert_eq!(get(&internal, "/internal/users/alice/devices?cursor=canary-query", &key).0, 400);
        assert_eq!(get(&internal, "/internal/users/alice/devices", &key).0, 200);
        assert_eq!(get(&public, "/internal/users/alice/devices", &key).0, 404);
        // An idle connection does not hold it up.
        let _idle = TcpStream::connect(&public).expect("it listens");
        let (took, well, log) = doorward.stop();
        assert!(well && took < Duration::from_secs(1), "{took:?}\n{log}");
        assert!(log.contains(r#""message":"stopped""#), "{log}");
        assert!(log.contains(r#""route":"/internal/users/{user_id}/devices""#) || log.contains(r#""route":"/internal/users/{u}/devices""#), "{log}");
        for canary in [KEY, "canary", "alice"] {
            assert!(!log.contains(canary), "{canary}\n{log}");
        }
        made.push(log.contains("a server key was made"));
    }
    assert_eq!(made, [true, false]);
}

#[test]
fn what_can_not_be_done_is_said_with_what_to_do() {
    let dir = tempfile::tempdir().expect("a directory");
    let holder = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let taken = holder.local_addr().expect("bound").to_string();
    let cases: [(&[&str], i32, &str); 6] = [
        (&["serve", "--listen", "0.0.0.0:0"], 2, "--behind-proxy"),
        (&["serve", "--database-url", "mysql://x"], 2, "sqlite://PATH"),
        (&["serve", "--database-url", "postgres://u:canary@127.0.0.1/d"], 2, "openssl rand"),
        (&["dev", "--listen", "0.0.0.0:0"], 2, "this machine alone"),
        (&["serve", "--no-such"], 2, "--help"),
        (&["migrate", "--config", "nowhere.toml"], 2, "DOORWARD_CONFIG"),
    ];
    for (arguments, code, part) in cases {
        let (found, message) = refused(command(dir.path(), arguments));
        assert_eq!(found, Some(code), "{arguments:?}\n{message}");
        assert!(message.contains(part) && !message.contains("canary"), "{message}");
    }
    let (code, message) = refused(command(dir.path(), &["serve", "--listen", &taken]));
    assert!(code == Some(1) && message.contains("is taken") && message.contains("--listen"), "{message}");
}

#[test]
fn with_a_wrong_server_key_it_is_not_ready_and_without_its_own_it_does_not_start() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut doorward = Doorward::start(command(dir.path(), &["serve", "--listen", "127.0.0.1:0"]));
    doorward.address("public");
    assert!(doorward.stop().1);
    let mut other = command(dir.path(), &["serve", "--listen", "127.0.0.1:0"]);
    other.env("DOORWARD_SECRET_KEY", SECRET);
    let mut doorward = Doorward::start(other);
    let address = doorward.address("public");
    let (status, body) = get(&address, "/readyz", "");
    assert!(status == 503 && body.contains("DOORWARD_SECRET_KEY") && !body.contains(SECRET), "{status} {body}");
    assert_eq!(get(&address, "/healthz", "").0, 200);
    assert_eq!(get(&address, "/internal/users/alice/devices", &format!("X-API-Key: {KEY}\r\n")).0, 503);
    let (_, well, log) = doorward.stop();
    assert!(well && !log.contains(SECRET), "{log}");
    std::fs::remove_file(dir.path().join("data/doorward.db.key")).expect("it was made");
    let (code, message) = refused(command(dir.path(), &["serve", "--listen", "127.0.0.1:0"]));
    assert!(code == Some(1) && message.contains("Put the key back"), "{message}");
}

#[test]
fn migrate_and_openapi_do_their_work() {
    let dir = tempfile::tempdir().expect("a directory");
    for _ in 0..2 {
        let output = command(dir.path(), &["migrate", "--data-dir", "inner"]).output().expect("the binary runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert!(dir.path().join("inner/doorward.db").exists());
    // A database that was made by `migrate` has its key, and is served.
    let mut server = Doorward::start(command(dir.path(), &["serve", "--data-dir", "inner", "--listen", "127.0.0.1:0"]));
    let address = server.address("public");
    assert_eq!(get(&address, "/readyz", "").0, 200);
    assert!(server.stop().1);
    let output = command(dir.path(), &["openapi"]).output().expect("the binary runs");
    let description: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert!(description["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")));
}

#[test]
fn the_lines_that_dev_prints_work_as_pasted() {
    let dir = tempfile::tempdir().expect("a directory");
    for _ in 0..2 {
        let arguments = ["dev", "--listen", "127.0.0.1:0", "--demo-listen", "127.0.0.1:0", "--log-format", "json"];
        let mut dev = command(dir.path(), &arguments);
        let mut doorward = Doorward::start({
            dev.stdout(Stdio::piped());
            dev
        });
        let mut stdout = BufReader::new(doorward.child.stdout.take().expect("piped"));
        let mut lines = String::new();
        while !lines.contains("Ctrl-C") {
            assert_ne!(stdout.read_line(&mut lines).expect("read"), 0, "{lines}");
        }
        let address = doorward.address("public");
        assert_eq!(get(&address, "/dev/clock", "").0, 200);
        let pasted: String = lines
            .lines()
            .skip_while(|line| !line.contains("# The host's key"))
            .take_while(|line| !line.contains("Ctrl-C"))
            .map(|line| format!("{line}\n"))
            .collect();
        let output = Command::new("bash").args(["-e", "-o", "pipefail", "-c", &pasted]).current_dir(dir.path()).output().expect("bash runs");
        let (shown, steps) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{shown}\n{steps}");
        assert!(steps.contains(r#""decision":"challenge""#) && steps.contains(r#""access_token":"dws_"#), "{steps}");
        assert!(shown.contains(r#""active":true"#) && shown.contains(r#""status":"trusted""#), "{shown}");
        let (took, well, log) = doorward.stop();
        assert!(well && took < Duration::from_secs(2), "{took:?}\n{log}");
    }
}
