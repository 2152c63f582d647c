//! The command over a PostgreSQL database: each group of commands beside two running servers, and a dump that is restored.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::commands::{is_live, sign_in};
use crate::running::{Doorward, KEY, SECRET, call, call_by, command};

/// A folder, and databases of its own on the server that `DOORWARD_TEST_POSTGRES` names.
struct Place {
    folder: TempDir,
    server: String,
    databases: Vec<String>,
}

impl Place {
    /// `None` where there is no server and none is demanded.
    fn make() -> Option<Self> {
        let Ok(server) = std::env::var("DOORWARD_TEST_POSTGRES") else {
            assert!(std::env::var("DOORWARD_TEST_REQUIRE_POSTGRES").as_deref() != Ok("1"), "DOORWARD_TEST_POSTGRES names no server");
            eprintln!("skipped: DOORWARD_TEST_POSTGRES names no server");
            return None;
        };
        Some(Self { folder: tempfile::tempdir().expect("a directory"), server, databases: vec![] })
    }

    fn dir(&self) -> &Path {
        self.folder.path()
    }

    /// The address of a new, empty database.
    fn database(&mut self) -> String {
        // The folder's name is nobody else's.
        let folder: String = self.dir().to_string_lossy().chars().filter(char::is_ascii_alphanumeric).collect();
        let name = format!("process_{}_{}", folder.to_lowercase(), self.databases.len());
        self.sql(&format!("CREATE DATABASE {name} TEMPLATE template0"));
        self.databases.push(name.clone());
        let at = self.server.rfind('/').expect("an address has a database");
        format!("{}/{name}", &self.server[..at])
    }

    fn sql(&self, sql: &str) {
        let psql = Command::new("psql").args([&self.server, "-qc", sql]).stdout(Stdio::null()).status();
        assert!(psql.expect("psql runs").success(), "{sql}");
    }

    /// A command over the database.
    fn command(&self, url: &str, arguments: &[&str]) -> Command {
        let mut command = command(self.dir(), arguments);
        command.env("DOORWARD_DATABASE_URL", url).env("DOORWARD_SECRET_KEY", SECRET);
        command
    }

    fn run(&self, url: &str, arguments: &[&str]) -> Output {
        self.command(url, arguments).output().expect("the binary runs")
    }

    /// The JSON that a command prints.
    fn answer(&self, url: &str, arguments: &[&str]) -> Value {
        // What concerns nobody's account asks for nobody's name.
        let actor: &[&str] = if arguments == ["migrate"] { &[] } else { &["--actor", "grace"] };
        let output = self.run(url, &[arguments, &["--json"], actor].concat());
        assert!(output.status.success(), "{arguments:?}\n{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("no JSON: {}", String::from_utf8_lossy(&output.stdout)))
    }

    fn serve(&self, url: &str) -> (Doorward, String) {
        let mut serve = self.command(url, &["serve", "--listen", "127.0.0.1:0"]);
        serve.env("DOORWARD_BOOTSTRAP_TENANT", "acme").env("DOORWARD_BOOTSTRAP_API_KEY", KEY);
        let mut doorward = Doorward::start(serve);
        let address = doorward.address("public");
        (doorward, address)
    }
}

/// A test that fails leaves no database behind.
impl Drop for Place {
    fn drop(&mut self) {
        for name in &self.databases {
            let sql = format!("DROP DATABASE {name} WITH (FORCE)");
            drop(Command::new("psql").args([&self.server, "-qc", &sql]).stdout(Stdio::null()).status());
        }
    }
}

fn text(from: &Value, at: &str) -> String {
    from.pointer(at).and_then(Value::as_str).unwrap_or_else(|| panic!("{at} in {from}")).to_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn every_group_of_commands_works_on_postgresql_beside_its_servers() {
    let Some(mut place) = Place::make() else { return };
    let url = &place.database();
    let refused = place.run(url, &["tenant", "list"]);
    assert!(refused.status.code() == Some(1) && stderr(&refused).contains("doorward migrate"), "{}", stderr(&refused));
    let applied = || place.answer(url, &["migrate"])["migrations_applied"].as_u64().expect("a number");
    assert_eq!([applied() > 0, applied() > 0], [true, false]);
    assert_eq!(place.answer(url, &["tenant", "create", "acme"])["policy"], "consumer");
    let ((here, address), (there, other_address)) = (place.serve(url), place.serve(url));
    assert_eq!(place.answer(url, &["tenant", "list"])["items"][0]["id"], "acme");

    // What a command ends is over at either server, at once.
    let (token, device) = sign_in(&address, "alice");
    let (bobs, _) = sign_in(&address, "bob");
    let live = |token: &str| [is_live(&address, token), is_live(&other_address, token)];
    assert_eq!((live(&token), live(&bobs)), ([true; 2], [true; 2]));
    let listed = place.answer(url, &["devices", "list", "alice"]);
    assert_eq!((&listed["items"][0]["id"], &listed["items"][0]["status"]), (&json!(device), &json!("trusted")), "{listed}");
    assert_eq!(place.answer(url, &["devices", "untrust", "alice", &device])["status"], "unverified");
    assert_eq!(place.answer(url, &["devices", "show", "alice", &device])["sessions"][0]["status"], "active");
    assert_eq!(place.answer(url, &["devices", "hijack", "alice", &device])["status"], "hijacked");
    assert_eq!(live(&token), [false; 2]);
    assert_eq!(place.answer(url, &["devices", "release", "alice", &device])["id"], json!(device));
    let session = text(&place.answer(url, &["sessions", "list", "bob"]), "/items/0/id");
    assert_eq!(place.answer(url, &["sessions", "end", "bob", &session])["status"], "ended");
    assert_eq!(live(&bobs), [false; 2]);
    let (again, _) = sign_in(&other_address, "bob");
    assert_eq!(place.answer(url, &["sessions", "end-all", "bob"])["sessions_ended"], 1);
    assert_eq!(live(&again), [false; 2]);
    let (carols, forgotten) = sign_in(&address, "carol");
    assert_eq!(place.answer(url, &["devices", "forget", "carol", &forgotten])["sessions_ended"], 1);
    assert_eq!(live(&carols), [false; 2]);
    let explained = place.run(url, &["explain", "alice"]);
    assert!(explained.status.success() && String::from_utf8_lossy(&explained.stdout).contains("challenge"));

    let verified = |key: &str| [&address, &other_address].map(|at| call_by(at, key, "POST", "/internal/sessions/verify", &json!({"token": "x"})).0);
    let made = place.answer(url, &["api-key", "create", "gateway", "--role", "verify"]);
    let (id, first) = (text(&made, "/api_key/id"), text(&made, "/key"));
    assert_eq!(verified(&first), [200; 2]);
    let second = text(&place.answer(url, &["api-key", "rotate", &id, "--overlap", "1h"]), "/key");
    assert_eq!((verified(&first), verified(&second)), ([200; 2], [200; 2]));
    assert_eq!(place.answer(url, &["api-key", "revoke", &id])["status"], "revoked");
    assert_eq!((verified(&first), verified(&second)), ([401; 2], [401; 2]));
    assert!(place.answer(url, &["api-key", "list"])["items"].as_array().is_some_and(|keys| keys.len() == 2));

    let (daves, _) = sign_in(&address, "dave");
    assert_eq!(place.answer(url, &["fence", "--yes"])["id"], "acme");
    assert_eq!(live(&daves), [false; 2]);
    let (_, events) = call(&address, "GET", "/internal/users/alice/events", &Value::Null);
    let by_grace = events["items"].as_array().expect("a list").iter().filter(|event| event["actor"] == "system:grace").count();
    assert_eq!(by_grace, 3, "untrusted, reported and released: {events}");
    let audited = place.answer(url, &["audit", "verify"]);
    assert_eq!((&audited["feed"], &audited["events_not_compared"]), (&json!("as it was written"), &json!(0)), "{audited}");
    assert!(audited["events_compared"].as_u64().is_some_and(|events| events > 10), "{audited}");

    let found: Value = serde_json::from_slice(&place.run(url, &["doctor", "--json"]).stdout).expect("JSON");
    let outcome = |name: &str| found["checks"].as_array().and_then(|all| all.iter().find(|check| check["check"] == name).map(|check| check["outcome"].clone()));
    for name in ["configuration", "server_key", "migrations", "clock", "server_key_fits", "postgres_version"] {
        assert_eq!(outcome(name), Some(json!("ok")), "{name}: {found:#}");
    }
    assert_eq!(outcome("integrity"), None, "nobody looked at the server's pages");
    assert!(here.stop().1 && there.stop().1);
    // Without a server, too.
    assert_eq!(place.answer(url, &["fence", "--all", "--yes"])["items"][0]["id"], "acme");
}

/// `backup` and `restore` are SQLite's: here PostgreSQL's own tools copy, and a fence does what `restore` does besides.
#[test]
fn a_dump_that_is_restored_and_fenced_revives_nothing() {
    let Some(mut place) = Place::make() else { return };
    let (url, copy) = (&place.database(), &place.database());
    let (doorward, address) = place.serve(url);
    let (token, device) = sign_in(&address, "alice");
    let (erins, _) = sign_in(&address, "erin");
    for (arguments, part) in [(["backup", "x"], "pg_dump"), (["restore", "x"], "--after-restore")] {
        let refused = place.run(url, &arguments);
        assert!(refused.status.code() == Some(2) && stderr(&refused).contains(part), "{}", stderr(&refused));
    }
    let dump = place.dir().join("dump.sql");
    let dumped = Command::new("pg_dump").arg(url).stdout(File::create(&dump).expect("a file")).status();
    assert!(dumped.expect("pg_dump runs").success());
    let exported = place.run(url, &["audit", "export", "--state", "cursor"]);
    assert!(exported.status.success(), "{}", stderr(&exported));
    // All of this is later than the dump, which knows of none of it.
    place.answer(url, &["devices", "hijack", "alice", &device]);
    place.answer(url, &["person", "erase", "erin", "--yes"]);
    assert!(!is_live(&address, &token) && !is_live(&address, &erins));
    assert!(doorward.stop().1);

    let restored = Command::new("psql").args([copy, "-q", "-v", "ON_ERROR_STOP=1"]).stdin(File::open(&dump).expect("there")).stdout(Stdio::null()).status();
    assert!(restored.expect("psql runs").success());
    assert_eq!(place.answer(copy, &["devices", "list", "erin"])["items"][0]["status"], "trusted", "the dump brings her back");
    let ended = place.answer(copy, &["fence", "--all", "--after-restore", "--yes"]);
    assert_eq!((&ended["tenants_fenced"], &ended["api_keys_ended"], &ended["erased_again"]), (&json!(1), &json!(1), &json!(1)), "{ended}");
    let (doorward, address) = place.serve(copy);
    assert_eq!(call(&address, "GET", "/internal/users/alice/devices", &Value::Null).0, 401, "also the key that is given again at the start");
    let key = text(&place.answer(copy, &["api-key", "create", "web", "--role", "host"]), "/key");
    for token in [&token, &erins] {
        let (status, verified) = call_by(&address, &key, "POST", "/internal/sessions/verify", &json!({"token": token}));
        assert_eq!((status, &verified["active"]), (200, &json!(false)), "{verified}");
    }
    assert_eq!(place.answer(copy, &["devices", "list", "alice"])["items"][0]["trust_ended_reason"], "tenant_fenced");
    assert_eq!(place.answer(copy, &["devices", "list", "erin"])["items"], json!([]));
    let refused = place.run(copy, &["audit", "export", "--state", "cursor"]);
    assert!(refused.status.code() == Some(1) && stderr(&refused).contains("does not go on from this cursor"), "{}", stderr(&refused));
    assert_eq!(place.answer(copy, &["audit", "verify"])["feed"], "as it was written");
    assert!(doorward.stop().1);
    assert!(fs::metadata(place.dir().join("data/doorward.db")).is_err(), "no file is made beside the server");
}
