//! Backup and restore as an operator does them.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};

use serde_json::{Value, json};

use crate::commands::{answer, is_live, serve, sign_in, told};
use crate::running::{KEY, call, command, get};

#[test]
fn a_backup_of_a_running_server_is_restored_and_revives_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    let (doorward, address) = serve(dir);
    let (token, _) = sign_in(&address, "alice");
    let (hijacked_token, hijacked) = sign_in(&address, "bob");
    answer(dir, &["devices", "hijack", "bob", &hijacked]);
    let (ended_token, _) = sign_in(&address, "carol");
    answer(dir, &["sessions", "end-all", "carol"]);
    let (erased_token, _) = sign_in(&address, "dave");
    assert_eq!(told(dir, &["audit", "export", "--state", "cursor"]).0, Some(0));
    let made = answer(dir, &["backup", "copy.db"]);
    assert_eq!((&made["file"], &made["server_key_included"]), (&json!("copy.db"), &json!(false)));
    let copy = dir.join("copy.db");
    let copied = fs::read(&copy).expect("read");
    assert_eq!(fs::metadata(&copy).expect("there").permissions().mode() & 0o777, 0o600);
    let key = fs::read_to_string(dir.join("data/doorward.db.key")).expect("the key");
    let kept = answer(dir, &["api-key", "list"])["items"][0]["id"].as_str().expect("an id").to_owned();
    assert!(!copied.windows(20).any(|bytes| bytes == &key.as_bytes()[..20]));
    let (code, stdout, _) = told(dir, &["backup", "."]);
    assert!(code == Some(0) && stdout.contains("./doorward-2") && stdout.contains("server key is not in it"), "{stdout}");
    // Ended after the backup: the restore must not bring it back.
    answer(dir, &["sessions", "end-all", "alice"]);
    assert!(!is_live(&address, &token));
    assert_eq!(answer(dir, &["person", "export", "dave"])["held"]["account"][0]["user_id"], "dave");
    let (code, _, message) = told(dir, &["person", "erase", "dave"]);
    assert!(code == Some(2) && message.contains("--yes"), "{message}");
    assert_eq!(answer(dir, &["person", "erase", "dave", "--yes"])["sessions_ended"], 1);
    assert_eq!(answer(dir, &["person", "erase", "dave", "--yes"])["erased"], false);

    for (arguments, part) in [
        (&["backup", "copy.db"][..], "nothing is overwritten"),
        (&["restore", "copy.db"], "in use"),
        (&["restore", "nowhere.db", "--data-dir", "elsewhere"], "doorward.db.key"),
    ] {
        let (code, _, message) = told(dir, arguments);
        assert!(code == Some(1) && message.contains(part), "{arguments:?}: {message}");
    }
    assert_eq!(fs::read(&copy).expect("read"), copied);
    assert!(doorward.stop().1);
    let (code, _, message) = told(dir, &["restore", "copy.db"]);
    assert!(code == Some(1) && message.contains("nothing is overwritten"), "{message}");

    // Another key than the backup's is found out before anything has a name.
    let mut other = command(dir, &["restore", "copy.db", "--data-dir", "elsewhere"]);
    let refused = other.env("DOORWARD_SECRET_KEY", crate::running::SECRET).output().expect("the binary runs");
    assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("another server key"));
    assert!(!dir.join("elsewhere/doorward.db").exists());
    let left: Vec<_> = fs::read_dir(dir.join("elsewhere")).expect("it was made").map(|entry| entry.expect("an entry").file_name()).collect();
    assert_eq!(left, ["doorward.db.lock"]);

    for file in ["doorward.db", "doorward.db-wal", "doorward.db-shm"] {
        let _ = fs::rename(dir.join("data").join(file), dir.join(format!("old-{file}")));
    }
    let restored = answer(dir, &["restore", "copy.db", "--actor", "grace"]);
    assert_eq!((&restored["tenants_fenced"], &restored["api_keys_ended"]), (&json!(1), &json!(1)), "{restored}");
    assert_eq!((&restored["erased_again"], &restored["taken_at"]), (&json!(1), &made["taken_at"]), "dave was erased after the backup");
    assert_eq!(fs::metadata(dir.join("data/doorward.db")).expect("there").permissions().mode() & 0o777, 0o600);
    let (doorward, address) = serve(dir);
    let (code, _, message) = told(dir, &["audit", "export", "--state", "cursor"]);
    assert!(code == Some(1) && message.contains("does not go on from this cursor"), "a restore begins another history: {message}");
    assert_eq!(answer(dir, &["audit", "verify"])["feed"], "as it was written");
    let (status, _) = call(&address, "GET", "/internal/users/alice/devices", &Value::Null);
    assert_eq!(status, 401, "its API keys are ended, also the one that is given again at the start");
    // What the restore says comes next gives a host a key.
    let next = restored["next"].as_str().and_then(|next| next.strip_prefix("doorward ")).expect("a command").replace("NAME", "web").replace("TENANT", "acme");
    let made = answer(dir, &next.split(' ').collect::<Vec<_>>());
    let new_key = format!("X-API-Key: {}\r\n", made["key"].as_str().expect("a key"));
    assert_eq!(get(&address, "/internal/users/alice/devices", &new_key).0, 200);
    assert_eq!(answer(dir, &["devices", "list", "alice"])["items"][0]["trust_ended_reason"], "tenant_fenced");
    assert_eq!(answer(dir, &["devices", "list", "bob"])["items"][0]["status"], "hijacked");
    assert_eq!(answer(dir, &["devices", "list", "dave"])["items"], json!([]));
    let erased = [fs::read(dir.join("data/doorward.db")), fs::read(dir.join("data/doorward.db-wal"))];
    assert!(erased.iter().flatten().all(|bytes| !bytes.windows(4).any(|word| word == b"dave")), "nothing names him");
    for user in ["alice", "bob", "carol", "dave"] {
        assert_eq!(answer(dir, &["sessions", "list", user])["items"], json!([]));
    }
    assert!(doorward.stop().1);

    // The same, and the key stays, since nobody ended it since.
    fs::remove_file(dir.join("data/doorward.db")).expect("removed");
    answer(dir, &["restore", "copy.db", "--keep-api-key", &kept]);
    let (doorward, address) = serve(dir);
    for token in [&token, &hijacked_token, &ended_token, &erased_token] {
        let (status, verified) = call(&address, "POST", "/internal/sessions/verify", &json!({"token": token}));
        assert_eq!((status, &verified["active"]), (200, &json!(false)), "{KEY} is good, and {token} is not");
    }
    let (token, _) = sign_in(&address, "alice");
    assert!(is_live(&address, &token));
    assert!(doorward.stop().1);
}

#[test]
fn what_can_not_be_restored_is_refused_with_what_to_do() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    assert_eq!(told(dir, &["migrate"]).0, Some(0));
    answer(dir, &["tenant", "create", "acme"]);
    answer(dir, &["backup", "good.db"]);
    let good = fs::read(dir.join("good.db")).expect("read");
    fs::write(dir.join("cut.db"), &good[..good.len() / 2]).expect("written");
    fs::write(dir.join("text.db"), "no database").expect("written");
    fs::remove_file(dir.join("data/doorward.db")).expect("removed");
    for (file, part) in [("cut.db", "cut.db can't be restored"), ("text.db", "text.db can't be restored"), ("none.db", "can't find")] {
        let (code, _, message) = told(dir, &["restore", file]);
        assert!(code == Some(1) && message.contains(part), "{message}");
        assert!(!dir.join("data/doorward.db").exists());
    }
    let (code, _, message) = told(dir, &["restore", "good.db", "--keep-api-key", "019aa0b2-3c4d-7e5f-8a6b-7c8d9e0f1a2b"]);
    assert!(code == Some(1) && message.contains("--keep-api-key") && !dir.join("data/doorward.db").exists(), "{message}");
    assert_eq!(answer(dir, &["restore", "good.db"])["tenants_fenced"], 1);
    for (arguments, part) in [
        (&["backup", "x", "--database-url", "postgres://u@127.0.0.1/d"][..], "pg_dump"),
        (&["restore", "x", "--database-url", "postgres://u@127.0.0.1/d"], "--after-restore"),
        (&["fence", "--after-restore", "--yes"], "--all"),
        (&["fence", "--all", "--tenant", "acme", "--yes"], "--tenant"),
    ] {
        let output = command(dir, arguments).env("DOORWARD_SECRET_KEY", crate::running::SECRET).output().expect("the binary runs");
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && message.contains(part), "{arguments:?}: {message}");
    }
    assert_eq!(answer(dir, &["fence", "--all", "--yes"])["items"][0]["id"], "acme");
    let ended = answer(dir, &["fence", "--all", "--after-restore", "--yes"]);
    assert_eq!((&ended["tenants_fenced"], &ended["erased_again"]), (&json!(1), &json!(0)));
}

/// Root gives commands in a folder of the server's user, who must be able to open whatever they made.
#[test]
fn what_root_makes_is_the_servers_users() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: it isn't root who tests");
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    let (uid, gid) = (64_001, 64_002);
    chown(dir, Some(uid), Some(gid)).expect("given");
    let theirs = |folder: &str, least: usize| {
        let entries = fs::read_dir(dir.join(folder)).expect("it lists").map(|entry| entry.expect("an entry").path());
        let found: Vec<_> = entries.chain([dir.join(folder)]).collect();
        assert!(found.len() > least, "{found:?}");
        for path in found {
            let owner = fs::metadata(&path).expect("there");
            assert_eq!((owner.uid(), owner.gid()), (uid, gid), "{}", path.display());
        }
    };
    assert_eq!(told(dir, &["migrate"]).0, Some(0));
    answer(dir, &["tenant", "create", "acme"]);
    theirs("data", 3);
    answer(dir, &["backup", "copy.db"]);
    assert_eq!(fs::metadata(dir.join("copy.db")).expect("there").uid(), 0, "a backup is whose it was who made it");
    let mut restore = command(dir, &["restore", "copy.db", "--data-dir", "elsewhere/data"]);
    restore.env("DOORWARD_SECRET_KEY", fs::read_to_string(dir.join("data/doorward.db.key")).expect("the key").trim_end());
    let restored = restore.output().expect("the binary runs");
    assert!(restored.status.success(), "{}", String::from_utf8_lossy(&restored.stderr));
    theirs("elsewhere", 1);
    theirs("elsewhere/data", 2);
}
