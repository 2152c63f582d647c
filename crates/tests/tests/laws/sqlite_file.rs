//! What SQLite alone must keep: one owner of the file, private files, a bounded queue, nothing but a database opened.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use doorward_domain::{Account, Attempt, Completion, KeyRing, Refusal, Seen};
use doorward_store::{Database, Need, StoreError, open};
use doorward_tests::{Engine, Home, Person, after, mint, moment_with, passed, rows, start, unlocked};
use futures_util::FutureExt as _;

async fn home() -> Home {
    Home::make(Engine::Sqlite).await.expect("a folder")
}

#[tokio::test]
async fn a_second_owner_is_refused_until_the_first_is_gone() {
    let home = home().await;
    let store = home.open().await;
    let Err(failure) = open(home.database()).await else { panic!("two owners of one file") };
    assert!(matches!(&failure, StoreError::Held(_)) && failure.to_string().contains("in use"), "{failure:?}");
    // The refused one has harmed nothing, and the lock goes with the store.
    Person::new(&store, "acme", "ana").await.enter(start()).await;
    drop(store);
    drop(home.open().await);
}

#[tokio::test]
async fn a_file_has_one_owner_by_whatever_name() {
    let home = home().await;
    let store = home.open().await;
    let Database::Sqlite(path) = home.database() else { unreachable!("it is SQLite") };
    let other_name = path.with_file_name("other-name.db");
    std::os::unix::fs::symlink(path, &other_name).expect("a link");
    let Err(failure) = open(&Database::Sqlite(other_name)).await else { panic!("two owners of one file") };
    assert!(matches!(&failure, StoreError::Held(_)) && failure.to_string().contains("in use"), "{failure:?}");
    drop(store);
    // Also where the file isn't there before it is opened by a link to it, or by a link to that.
    let folder = home.folder().expect("a folder");
    std::os::unix::fs::symlink("to-be.db", folder.join("first")).expect("a link");
    std::os::unix::fs::symlink(folder.join("first"), folder.join("second")).expect("a link");
    let store = open(&Database::Sqlite(folder.join("second"))).await.expect("it is made where the links lead");
    assert!(folder.join("to-be.db").is_file() && folder.join("to-be.db.lock").is_file());
    for name in ["to-be.db", "first", "second"] {
        assert!(open(&Database::Sqlite(folder.join(name))).await.is_err_and(|failure| matches!(failure, StoreError::Held(_))), "{name}");
    }
    drop(store);
}

#[tokio::test]
async fn the_file_and_its_companions_are_private() {
    let home = home().await;
    let nested = Database::Sqlite(home.folder().expect("a folder").join("made/on/the/way/doorward.db"));
    let store = unlocked(open(&nested).await.expect("folders are made"));
    Person::new(&store, "acme", "ana").await;
    let Database::Sqlite(path) = nested else { unreachable!("it is SQLite") };
    let mut seen = 0;
    for entry in std::fs::read_dir(path.parent().expect("a folder")).expect("it lists") {
        let entry = entry.expect("an entry");
        assert_eq!(entry.metadata().expect("its facts").permissions().mode() & 0o077, 0, "{:?} is open to others", entry.path());
        seen += 1;
    }
    assert!(seen >= 3, "the database, its log and its lock");
}

#[tokio::test]
async fn commits_are_synced_in_full_through_a_write_ahead_log() {
    let home = home().await;
    let store = home.open().await;
    Person::new(&store, "acme", "ana").await;
    let connection = rows::sqlite(&home.file().expect("a file"));
    let mode: String = connection.query_row("PRAGMA journal_mode", [], |row| row.get(0)).expect("a mode");
    assert_eq!(mode, "wal");
    let check: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("a verdict");
    assert_eq!(check, "ok");
}

#[tokio::test]
async fn what_is_no_database_is_not_opened_nor_touched() {
    let home = home().await;
    let path = home.file().expect("a file");
    let letter = "Dear Ana, this is no database. ".repeat(200);
    std::fs::write(&path, &letter).expect("written");
    let Err(failure) = open(home.database()).await else { panic!("a letter opened as a database") };
    assert!(matches!(failure, StoreError::Corrupt(_)), "{failure:?}");
    assert_eq!(std::fs::read_to_string(&path).expect("read"), letter);
}

/// While the writer is held up, so many changes may wait and no more; the rest are told at once, and nobody is forgotten.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_refuses_at_once_and_the_rest_goes_through() {
    let home = home().await;
    let store = home.open().await;
    let ana = Person::new(&store, "acme", "ana").await;
    let ((began, beginning), (release, released)) = (channel::<()>(), channel::<()>());
    let (began, released) = (Mutex::new(began), Mutex::new(released));
    let held = tokio::spawn({
        let ana = ana.clone();
        async move {
            ana.act(start(), move |_, _| {
                began.lock().expect("unpoisoned").send(()).expect("it listens");
                released.lock().expect("unpoisoned").recv().expect("it lets go");
                Ok(())
            })
            .await
        }
    });
    tokio::task::spawn_blocking(move || beginning.recv()).await.expect("no task fails").expect("the writer is held up");
    let (mut waiting, mut refused) = (Vec::new(), 0);
    for _ in 0..10_000 {
        let ana = ana.clone();
        let mut change = Box::pin(async move {
            ana.try_act(Need::default(), after(1), |account, _| {
                account.head.last_event += 1;
                Ok(())
            })
            .await
        });
        match (&mut change).now_or_never() {
            Some(Err(StoreError::Unavailable(_))) => refused += 1,
            Some(other) => panic!("answered while the writer is held up: {other:?}"),
            None => waiting.push(change),
        }
    }
    assert!(refused > 0 && waiting.len() + refused == 10_000);
    assert!(waiting.len() >= 1_000, "a burst is taken: {}", waiting.len());
    let accepted = waiting.len();
    release.send(()).expect("it is held up");
    assert_eq!(held.await.expect("no task fails"), Ok(()));
    for change in waiting {
        assert_eq!(change.await.expect("the store answers"), Some(Ok::<(), Refusal>(())));
    }
    assert_eq!(ana.standing().await.head.last_event, 1 + i64::try_from(accepted).expect("few"));
    ana.enter(after(2)).await;
    let figures: Vec<_> = Arc::clone(&store).figures();
    assert!(figures.iter().any(|(name, value)| *name == "store_changes_waiting" && *value == 0), "{figures:?}");
}

/// Whether the file, or its log, holds these bytes anywhere.
fn holds(home: &Home, bytes: &[u8]) -> bool {
    let path = home.file().expect("a file");
    let log = path.with_file_name("doorward.db-wal");
    [path, log].iter().any(|path| std::fs::read(path).is_ok_and(|file| file.windows(bytes.len()).any(|window| window == bytes)))
}

/// Not what was deleted, nor what was replaced before: pages keep no remains, and the log is emptied soon.
#[tokio::test]
async fn who_was_erased_is_in_no_byte_of_the_file_or_its_log() {
    let home = home().await;
    let store = home.open().await;
    let ben = Person::new(&store, "acme", "ben").await;
    let ana = Person::new(&store, "acme", "canary-ana").await;
    let mut traces = vec![b"canary".to_vec(), vec![203, 0, 113, 77], b"203.0.113.77".to_vec()];
    let mut device = None;
    for round in 0..40_u32 {
        // Wrapped and sealed anew under another server key in between, so that there are old versions to leave behind.
        store.unlock(Arc::new(KeyRing::new(&if round < 20 { vec![[7; 32]] } else { vec![[8; 32], [7; 32]] })));
        let seen = Seen { ip: "203.0.113.77".parse().expect("an address"), user_agent: format!("canary {round}"), client_hints: None, device_info: None };
        let looks = Attempt { seen, ..passed(after(round)) };
        let cookie = device.clone();
        let name = Completion { device_name: Some(format!("canary name {round}")), ..Completion::default() };
        let opened = ana.act(after(round), move |account, moment| account.sign_in_directly(moment, looks.clone(), cookie.as_deref(), name.clone()));
        device = opened.await.expect("she is in").device_token.map(|token| token.reveal()).or(device);
        ben.enter(after(round)).await;
        let file = rows::sqlite(&home.file().expect("a file"));
        for query in [
            "SELECT sealed FROM account WHERE user_id = 'canary-ana'",
            "SELECT d.sealed FROM device d JOIN account a ON a.id = d.account WHERE a.user_id = 'canary-ana'",
        ] {
            traces.extend(file.prepare(query).expect("SQL").query_map([], |row| row.get(0)).expect("rows").map(|sealed| sealed.expect("bytes")));
        }
    }
    assert!(traces.iter().any(|trace| holds(&home, trace)), "the search finds what is there");
    let mint = mint();
    let erase = move |account: &mut Account| Ok::<_, Refusal>(account.erase(&mut moment_with(after(99), mint.clone())));
    // Somebody reads the file meanwhile: the log can't be emptied yet, and no other change will follow.
    let reader = rows::sqlite(&home.file().expect("a file"));
    reader.execute_batch("BEGIN; SELECT count(*) FROM account").expect("a snapshot");
    store.erase(ana.key.clone(), Need::standing(after(99)), erase).await.expect("the store answers").expect("she was there").expect("erased");
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(holds(&home, b"canary-ana"), "the reader was in the way");
    drop(reader);
    let gone = || traces.iter().all(|trace| !holds(&home, trace));
    for _ in 0..100 {
        if gone() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(gone(), "within five seconds");
    assert!(holds(&home, b"ben"), "ben is there");
}
