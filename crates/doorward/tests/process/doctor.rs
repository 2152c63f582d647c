//! `doorward doctor` and `doorward config`: each fault is made, and found under its name.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::Value;

use crate::commands::{answer, serve, told};
use crate::running::{KEY, SECRET, command};

/// The outcome of a check, and its exit code.
fn check(dir: &Path, arguments: &[&str], variables: &[(&str, &str)], name: &str) -> (String, String, Option<i32>) {
    let mut doctor = command(dir, &[&["doctor", "--json"], arguments].concat());
    doctor.envs(variables.iter().copied());
    let output = doctor.output().expect("the binary runs");
    let found: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    let checks = found["checks"].as_array().expect("a list");
    let of = |field: &str| {
        let found = checks.iter().find(|check| check["check"] == name && (check["outcome"] != "ok" || field == "outcome"));
        found.map_or_else(|| "absent".to_owned(), |check| check[field].as_str().expect("text").to_owned())
    };
    (of("outcome"), of("message"), output.status.code())
}

#[test]
fn a_sound_server_passes_and_each_fault_is_found_by_its_name() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    let (doorward, _) = serve(dir);
    for arguments in [&[][..], &["--deep"]] {
        for name in ["configuration", "server_key", "database_file", "migrations", "integrity", "clock", "server_key_fits", "plain_http", "variables"] {
            let (outcome, message, code) = check(dir, arguments, &[], name);
            assert_eq!((outcome.as_str(), code), ("ok", Some(0)), "{name}: {message}");
        }
    }
    assert!(doorward.stop().1);

    type Case<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], &'a str, &'a str, &'a str, i32);
    let cases: [Case<'_>; 10] = [
        (&["--listen", "nowhere"], &[], "configuration", "fail", "no address", 1),
        (&["--listen", "0.0.0.0:8080"], &[], "configuration", "fail", "--behind-proxy", 1),
        (&["--listen", "0.0.0.0:8080", "--behind-proxy"], &[], "internal_listener", "warn", "--internal-listen", 0),
        (&["--listen", "0.0.0.0:8080", "--behind-proxy"], &[], "trusted_proxies", "warn", "--trusted-proxies", 0),
        (&["--listen", "0.0.0.0:8080", "--behind-proxy"], &[], "plain_http", "warn", "plain http", 0),
        (&[], &[("DOORWARD_LISTN", "x")], "variables", "warn", "DOORWARD_LISTN", 0),
        (&[], &[("DOORWARD_BOOTSTRAP_TENANT", "acme"), ("DOORWARD_BOOTSTRAP_API_KEY", KEY)], "bootstrap_key", "warn", "still set", 0),
        (&[], &[("DOORWARD_SECRET_KEY", SECRET)], "server_key_fits", "fail", "another server key", 1),
        (&[], &[], "api_keys", "warn", "1 API keys have no end", 0),
        (&[], &[], "server_key_place", "warn", "beside the database", 0),
    ];
    for (arguments, variables, name, outcome, part, code) in cases {
        let (found, message, exit) = check(dir, arguments, variables, name);
        assert!(found == outcome && message.contains(part) && exit == Some(code), "{name}: {found} {exit:?} {message}");
        assert!(!message.contains(KEY) && !message.contains(SECRET));
    }
    for (url, outcome, part) in [
        ("postgres://u:canary@db.example:1/d", "warn", "sslmode=verify-full"),
        ("postgres://u:canary%40localhost@db.example:1/d", "warn", "sslmode=verify-full"),
        ("postgres://u:canary@db.example:1/d?application_name=sslmode%3Drequire", "warn", "sslmode=verify-full"),
        ("postgres://u:canary@db.example:1/d?sslmode=maybe", "fail", "sslmode"),
    ] {
        let (found, message, _) = check(dir, &["--database-url", url], &[("DOORWARD_SECRET_KEY", SECRET)], "database_encryption");
        assert!(found == outcome && message.contains(part) && !message.contains("canary"), "{url}: {found} {message}");
    }

    let database = dir.join("data/doorward.db");
    let mode = |path: &Path, mode: u32| fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("set");
    let failing = |name: &str, part: &str| {
        let (found, message, code) = check(dir, &[], &[], name);
        assert!(found == "fail" && message.contains(part) && code == Some(1), "{name}: {found} {message}");
    };
    mode(&database, 0o644);
    failing("database_file", "chmod 600");
    mode(&database, 0o600);
    let key = dir.join("data/doorward.db.key");
    mode(&key, 0o644);
    failing("server_key", "chmod 600");
    mode(&key, 0o600);
    fs::rename(&key, dir.join("key")).expect("moved");
    failing("server_key", "put it back");
    fs::rename(dir.join("key"), &key).expect("moved");
    // The middle of the file, where some table's page is.
    let good = fs::read(&database).expect("read");
    let middle = good.len() / 2 / 4_096 * 4_096;
    let mut damaged = good.clone();
    damaged[middle..middle + 4_096].fill(0xff);
    fs::write(&database, &damaged).expect("written");
    let (integrity, ..) = check(dir, &["--deep"], &[], "integrity");
    let (unreadable, ..) = check(dir, &["--deep"], &[], "database");
    assert!(integrity == "fail" || unreadable == "fail", "{integrity} {unreadable}");
    fs::write(&database, "").expect("written");
    let (found, message, _) = check(dir, &[], &[], "migrations");
    assert!(found == "warn" && message.contains("pending"), "{message}");
    fs::remove_file(&database).expect("removed");
    let (found, message, code) = check(dir, &[], &[], "database_file");
    assert!(found == "warn" && message.contains("first start") && code == Some(0), "{message}");
    assert!(!database.exists(), "looking makes nothing");
}

#[test]
fn the_settings_in_force_are_shown_with_their_sources_and_without_secrets() {
    let dir = tempfile::tempdir().expect("a directory");
    fs::write(dir.path().join("doorward.toml"), "listen = \"127.0.0.1:7000\"\nlog = \"debug\"\n").expect("written");
    let mut config = command(dir.path(), &["config", "--json", "--config", "doorward.toml", "--log", "warn"]);
    config.env("DOORWARD_SECRET_KEY", SECRET).env("DOORWARD_KEEP_ALIVE_S", "9");
    let output = config.output().expect("the binary runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && !text.contains(SECRET), "{text}");
    let found: Value = serde_json::from_str(&text).expect("JSON");
    let of = |name: &str| (found[name]["value"].as_str().unwrap_or_default().to_owned(), found[name]["source"].as_str().unwrap_or_default().to_owned());
    let pair = |value: &str, source: &str| (value.to_owned(), source.to_owned());
    assert_eq!(of("listen"), pair("127.0.0.1:7000", "listen in doorward.toml"));
    assert_eq!(of("log"), pair("warn", "--log"));
    assert_eq!(of("keep_alive_s"), pair("9", "DOORWARD_KEEP_ALIVE_S"));
    assert_eq!(of("request_timeout_s"), pair("30", "default"));
    assert_eq!(of("secret_key"), pair("(44 characters)", "DOORWARD_SECRET_KEY"));
    let (code, stdout, message) = told(dir.path(), &["config", "--listen", "nowhere"]);
    assert!(code == Some(2) && stdout.contains("nowhere") && message.contains("no address"), "{message}");
    assert_eq!(answer(dir.path(), &["config"])["listen"]["source"], "default");
}
