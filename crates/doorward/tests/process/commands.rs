//! The commands for operators, by a running server and without one.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixListener;
use std::path::Path;

use serde_json::{Value, json};

use crate::running::{Doorward, KEY, call, call_by, command};

/// Exit code, stdout and stderr of a command.
pub(crate) fn told(dir: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = command(dir, arguments).output().expect("the binary runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// The JSON that a command prints.
pub(crate) fn answer(dir: &Path, arguments: &[&str]) -> Value {
    let mut arguments = arguments.to_vec();
    arguments.push("--json");
    let (code, stdout, stderr) = told(dir, &arguments);
    assert_eq!(code, Some(0), "{arguments:?}\n{stderr}");
    serde_json::from_str(&stdout).unwrap_or_else(|_| panic!("no JSON: {stdout}"))
}

pub(crate) fn serve(dir: &Path) -> (Doorward, String) {
    let mut serve = command(dir, &["serve", "--listen", "127.0.0.1:0"]);
    serve.env("DOORWARD_BOOTSTRAP_TENANT", "acme").env("DOORWARD_BOOTSTRAP_API_KEY", KEY);
    let mut doorward = Doorward::start(serve);
    let address = doorward.address("public");
    (doorward, address)
}

/// Signs a user in on a new device that is trusted, and answers the session's token and the device's id.
pub(crate) fn sign_in(address: &str, user: &str) -> (String, String) {
    let (status, evaluated) = call(address, "POST", "/internal/sign-ins", &json!({"user_id": user, "ip": "203.0.113.7", "user_agent": "curl/8"}));
    assert_eq!(status, 201, "{evaluated}");
    let path = format!("/internal/sign-ins/{}/complete", evaluated["id"].as_str().expect("an id"));
    let (status, opened) = call(address, "POST", &path, &json!({"mfa": {"method": "totp"}, "trust_device": true, "device_name": "Work laptop"}));
    assert_eq!(status, 201, "{opened}");
    let text = |pointer: &str| opened.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("{pointer} in {opened}")).to_owned();
    (text("/access_token"), text("/device/id"))
}

pub(crate) fn is_live(address: &str, token: &str) -> bool {
    call(address, "POST", "/internal/sessions/verify", &json!({"token": token})).1["active"] == true
}

#[test]
fn a_command_does_the_same_by_a_running_server_and_without_one() {
    for running in [true, false] {
        let dir = tempfile::tempdir().expect("a directory");
        let dir = dir.path();
        let (mut doorward, mut address) = serve(dir);
        let (token, device) = sign_in(&address, "alice");
        let (other, _) = sign_in(&address, "bob");
        assert!(is_live(&address, &token) && is_live(&address, &other));
        let stopped = if running {
            Some(doorward)
        } else {
            assert!(doorward.stop().1);
            None
        };
        let by_grace = |arguments: &[&str]| answer(dir, &[arguments, &["--actor", "grace"]].concat());
        let listed = by_grace(&["devices", "list", "alice"]);
        assert_eq!((&listed["items"][0]["id"], &listed["items"][0]["status"]), (&json!(device), &json!("trusted")), "{listed}");
        assert_eq!(by_grace(&["devices", "untrust", "alice", &device])["status"], "unverified");
        assert_eq!(by_grace(&["devices", "show", "alice", &device])["sessions"][0]["status"], "active");
        assert_eq!(by_grace(&["devices", "hijack", "alice", &device])["status"], "hijacked");
        assert_eq!(by_grace(&["sessions", "list", "alice", "--status", "blocked"])["items"].as_array().map(Vec::len), Some(1));
        assert_eq!(by_grace(&["sessions", "list", "alice"])["items"], json!([]));
        assert_eq!(by_grace(&["devices", "release", "alice", &device])["id"], json!(device));
        assert_eq!(by_grace(&["devices", "list", "alice"])["items"][0]["status"], "hijacked", "nothing comes back");
        let forgotten = by_grace(&["devices", "list", "bob"])["items"][0]["id"].as_str().expect("an id").to_owned();
        let session = by_grace(&["sessions", "list", "bob"])["items"][0]["id"].as_str().expect("an id").to_owned();
        assert_eq!(by_grace(&["sessions", "end", "bob", &session])["status"], "ended");
        assert_eq!(by_grace(&["devices", "forget", "bob", &forgotten])["sessions_ended"], 0);
        assert_eq!(by_grace(&["sessions", "end-all", "bob"])["sessions_ended"], 0);
        (doorward, address) = match stopped {
            Some(running) => (running, address),
            None => serve(dir),
        };
        assert!(!is_live(&address, &token) && !is_live(&address, &other), "running: {running}");
        for (user, acts) in [("alice", 3), ("bob", 3)] {
            let (_, events) = call(&address, "GET", &format!("/internal/users/{user}/events"), &Value::Null);
            let by_the_command = events["items"].as_array().expect("a list").iter().filter(|event| event["actor"] == "system:grace").count();
            assert_eq!(by_the_command, acts, "{events}");
        }
        assert!(doorward.stop().1);
    }
}

#[test]
fn a_fence_reaches_the_next_request() {
    let dir = tempfile::tempdir().expect("a directory");
    let (doorward, address) = serve(dir.path());
    let (token, device) = sign_in(&address, "alice");
    let (code, _, message) = told(dir.path(), &["fence"]);
    assert!(code == Some(2) && message.contains("--yes"), "{message}");
    assert!(is_live(&address, &token));
    assert_eq!(answer(dir.path(), &["fence", "--yes"])["id"], "acme");
    let (_, verified) = call(&address, "POST", "/internal/sessions/verify", &json!({"token": token}));
    assert_eq!(verified["reason"], "tenant_fenced");
    assert_eq!(answer(dir.path(), &["devices", "show", "alice", &device])["trust_ended_reason"], "tenant_fenced");
    let (code, stdout, _) = told(dir.path(), &["tenant", "list"]);
    assert!(code == Some(0) && stdout.starts_with("TENANT") && stdout.contains("acme"), "{stdout}");
    assert!(doorward.stop().1);
}

#[test]
fn tenants_are_made_and_the_only_one_needs_no_name() {
    let dir = tempfile::tempdir().expect("a directory");
    let (code, _, message) = told(dir.path(), &["tenant", "list"]);
    assert!(code == Some(1) && message.contains("doorward migrate"), "{message}");
    assert!(!dir.path().join("data").exists(), "a command makes no database");
    fs::create_dir(dir.path().join("data")).expect("made");
    fs::write(dir.path().join("data/doorward.db"), "").expect("written");
    fs::write(dir.path().join("data/doorward.db.key"), crate::running::SECRET).expect("written");
    let (code, _, message) = told(dir.path(), &["tenant", "list"]);
    assert!(code == Some(1) && message.contains("doorward migrate"), "nor its tables: {message}");
    for applied in [1, 0] {
        assert_eq!(answer(dir.path(), &["migrate"]), json!({ "database": "sqlite://./data/doorward.db", "migrations_applied": applied }));
    }
    let (code, _, message) = told(dir.path(), &["devices", "list", "alice"]);
    assert!(code == Some(1) && message.contains("doorward tenant create"), "{message}");
    assert_eq!(answer(dir.path(), &["tenant", "create", "acme"])["policy"], "consumer");
    assert_eq!(answer(dir.path(), &["devices", "list", "alice"])["items"], json!([]));
    let (code, _, message) = told(dir.path(), &["tenant", "create", "acme"]);
    assert!(code == Some(2) && message.contains("is there already"), "{message}");
    answer(dir.path(), &["tenant", "create", "globex"]);
    let (code, _, message) = told(dir.path(), &["devices", "list", "alice"]);
    assert!(code == Some(2) && message.contains("acme, globex"), "{message}");
    assert_eq!(answer(dir.path(), &["devices", "list", "alice", "--tenant", "globex"])["items"], json!([]));
    assert_eq!(answer(dir.path(), &["tenant", "show", "globex"])["id"], "globex");
    for (arguments, code, part) in [
        (&["devices", "list", "alice", "--tenant", "initech"][..], 1, "no tenant initech"),
        (&["tenant", "create", "No"], 2, "no tenant's name"),
        (&["tenant", "show"], 2, "acme, globex"),
        (&["devices", "show", "alice", "x", "--tenant", "acme"], 2, "no id"),
        (&["sessions", "end-all", "alice", "--tenant", "acme"], 1, "Nobody has seen"),
        (&["sessions", "list", "..", "--tenant", "acme"], 2, "no user's id"),
        (&["sessions", "list", "alice", "--limit", "0"], 2, "--limit"),
    ] {
        let (found, _, message) = told(dir.path(), arguments);
        assert!(found == Some(code) && message.contains(part), "{arguments:?}: {found:?} {message}");
    }
}

#[test]
fn the_admin_socket_is_private_and_a_dead_servers_is_replaced() {
    let dir = tempfile::tempdir().expect("a directory");
    // Longer than a socket's address may be.
    let deep = dir.path().join("d".repeat(120));
    fs::create_dir(&deep).expect("made");
    let socket = deep.join("data/doorward.db.admin");
    fs::create_dir_all(deep.join("data")).expect("made");
    let (doorward, _) = serve(&deep);
    let mode = fs::metadata(&socket).expect("a socket").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(answer(&deep, &["tenant", "list"])["items"][0]["id"], "acme");
    assert!(doorward.stop().1);
    assert!(!socket.exists(), "it goes with its server");
    // A server that was killed leaves its socket behind.
    drop(UnixListener::bind(dir.path().join("left")).expect("bound"));
    fs::rename(dir.path().join("left"), &socket).expect("moved");
    let left = fs::metadata(&socket).expect("there").ino();
    assert_eq!(answer(&deep, &["tenant", "list"])["items"][0]["id"], "acme");
    let (doorward, _) = serve(&deep);
    assert_ne!(fs::metadata(&socket).expect("there").ino(), left);
    assert_eq!(answer(&deep, &["tenant", "list"])["items"][0]["id"], "acme");
    assert!(doorward.stop().1);
}

#[test]
fn commands_at_once_wait_for_each_other_where_no_server_runs() {
    let dir = tempfile::tempdir().expect("a directory");
    assert_eq!(told(dir.path(), &["migrate"]).0, Some(0));
    let names: Vec<String> = (0..6).map(|number| format!("tenant-{number}")).collect();
    std::thread::scope(|scope| {
        let dir = &dir;
        for name in &names {
            scope.spawn(move || assert_eq!(answer(dir.path(), &["tenant", "create", name])["id"], json!(name)));
        }
    });
    let listed = answer(dir.path(), &["tenant", "list"]);
    let listed: Vec<_> = listed["items"].as_array().expect("a list").iter().map(|tenant| tenant["id"].as_str().expect("an id").to_owned()).collect();
    assert_eq!(listed, names);
}

#[test]
fn keys_are_made_rotated_and_revoked_by_commands() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    let (doorward, address) = serve(dir);
    let verified = |key: &str| call_by(&address, key, "POST", "/internal/sessions/verify", &json!({"token": "x"})).0;
    let made = answer(dir, &["api-key", "create", "gateway", "--role", "verify", "--expires-in", "90d"]);
    let text = |from: &Value, at: &str| from.pointer(at).and_then(Value::as_str).unwrap_or_else(|| panic!("{at} in {from}")).to_owned();
    let (id, first) = (text(&made, "/api_key/id"), text(&made, "/key"));
    assert_eq!(verified(&first), 200, "by the running server, at once");
    let second = text(&answer(dir, &["api-key", "rotate", &id, "--overlap", "1h"]), "/key");
    assert_eq!((verified(&first), verified(&second)), (200, 200));
    let (code, table, _) = told(dir, &["api-key", "list"]);
    assert!(code == Some(0) && table.starts_with("KEY") && table.contains("gateway") && !table.contains("dwk_"), "{table}");
    assert_eq!(answer(dir, &["api-key", "revoke", &id])["status"], "revoked");
    assert_eq!((verified(&first), verified(&second)), (401, 401));
    let (code, _, message) = told(dir, &["api-key", "rotate", &id]);
    assert!(code == Some(1) && message.contains("doorward api-key list"), "{message}");
    let (code, _, message) = told(dir, &["api-key", "create", "x", "--role", "verify", "--expires-in", "soon"]);
    assert!(code == Some(2) && message.contains("90d"), "{message}");
    // The last key of role admin: a key may not, the machine may, and makes the next.
    let list = answer(dir, &["api-key", "list"]);
    let admin = list["items"].as_array().and_then(|keys| keys.iter().find(|key| key["role"] == "admin")).expect("the first key");
    let admin = admin["id"].as_str().expect("an id");
    assert_eq!(call(&address, "DELETE", &format!("/internal/api-keys/{admin}"), &Value::Null).1["type"], "/problems/last_admin_key");
    assert_eq!(answer(dir, &["api-key", "revoke", admin])["status"], "revoked");
    assert_eq!(verified(KEY), 401);
    let next = text(&answer(dir, &["api-key", "create", "operators", "--role", "admin"]), "/key");
    assert_eq!(verified(&next), 200);
    assert!(doorward.stop().1);
}
