//! Backups of a SQLite file in use, and restores: a copy holds a prefix of what was answered, and gets its name last.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use doorward_store::{Database, Need, Restoring, Rows, StoreError, backup, open};
use doorward_tests::{Engine, Home, Person, after, rows, start, unlocked};

async fn home() -> Home {
    Home::make(Engine::Sqlite).await.expect("a folder")
}

fn quiet(_: u64, _: u64) {}

async fn copied(from: &Path, to: &Path) -> Result<doorward_store::Backup, StoreError> {
    let (from, to) = (from.to_owned(), to.to_owned());
    tokio::task::spawn_blocking(move || backup(&from, &to, after(7), &mut quiet)).await.expect("no panic")
}

/// Files beside the database that a backup or restore left behind.
fn left(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("it lists").map(|entry| entry.expect("an entry").path());
    entries.filter(|path| path.to_string_lossy().contains(".part")).collect()
}

/// How many sessions each of the writers' people has.
async fn sessions(database: &Database, writers: usize) -> Vec<usize> {
    let store = unlocked(open(database).await.expect("the copy opens"));
    let mut found = vec![];
    for writer in 0..writers {
        let person = Person::known(&store, "acme", &format!("user-{writer}"));
        let account = store.account(person.key, Need { sessions: Rows::Standing, ..Need::default() }).await.expect("the store answers");
        found.push(account.map_or(0, |account| account.sessions.len()));
    }
    store.close().await;
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_backup_under_load_holds_all_that_was_answered_before_it_and_a_prefix_of_what_came_during_it() {
    const WRITERS: usize = 24;
    let home = home().await;
    let (store, file) = (home.open().await, home.file().expect("a file"));
    // Enough pages for several hundred steps' worth of changes in between.
    for user in 0..100 {
        let person = Person::new(&store, "acme", &format!("crowd-{user}")).await;
        for second in 0..5 {
            person.enter(after(second)).await;
        }
    }
    let stop = Arc::new(AtomicBool::new(false));
    let acknowledged: Arc<Vec<AtomicUsize>> = Arc::new((0..WRITERS).map(|_| AtomicUsize::new(0)).collect());
    let mut running = vec![];
    for writer in 0..WRITERS {
        let person = Person::new(&store, "acme", &format!("user-{writer}")).await;
        let (stop, acknowledged) = (Arc::clone(&stop), Arc::clone(&acknowledged));
        running.push(tokio::spawn(async move {
            // Each on a device of its own: as many as the policy lets be at once.
            for second in 0..50 {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                person.enter(after(second)).await;
                acknowledged[writer].fetch_add(1, Ordering::SeqCst);
                tokio::task::yield_now().await;
            }
        }));
    }
    let counted = || acknowledged.iter().map(|count| count.load(Ordering::SeqCst)).collect::<Vec<_>>();
    let mut copies = vec![];
    while running.iter().any(|writer| !writer.is_finished()) && copies.len() < 20 {
        let before = counted();
        let to = home.folder().expect("a folder").join(format!("copy-{}.db", copies.len()));
        let made = copied(&file, &to).await.expect("a backup");
        assert_eq!((made.taken_at, made.bytes), (after(7), fs::metadata(&to).expect("it is there").len()));
        copies.push((to, before, counted()));
    }
    stop.store(true, Ordering::Relaxed);
    for writer in running {
        writer.await.expect("a writer");
    }
    let mut during = 0;
    for (to, before, after_it) in &copies {
        assert_eq!(fs::metadata(to).expect("it is there").permissions().mode() & 0o777, 0o600);
        let found = sessions(&Database::Sqlite(to.clone()), WRITERS).await;
        for ((found, before), after_it) in found.iter().zip(before).zip(after_it) {
            // One change of each writer may have been committed and not yet counted.
            assert!(before <= found && *found <= after_it + 1, "{before} <= {found} <= {after_it} + 1");
            during += after_it - before;
        }
    }
    assert!(copies.len() >= 2 && during > 0, "{} backups, {during} changes while they were made", copies.len());
    assert!(left(home.folder().expect("a folder")).is_empty());
}

#[tokio::test]
async fn a_long_reader_holds_up_no_change() {
    let home = home().await;
    let (store, file) = (home.open().await, home.file().expect("a file"));
    let person = Person::new(&store, "acme", "ana").await;
    let reader = rows::sqlite(&file);
    reader.execute_batch("BEGIN; SELECT count(*) FROM tenant").expect("a snapshot");
    // The log grows past the length at which it is reset, which the reader prevents.
    let log = file.with_extension("db-wal");
    let length = || fs::metadata(&log).map_or(0, |found| found.len());
    let padding = "x".repeat(60_000);
    let mut slowest = std::time::Duration::ZERO;
    let mut second = 0;
    while length() < 80 << 20 {
        let began = std::time::Instant::now();
        for _ in 0..20 {
            second += 1;
            let padding = padding.clone();
            let noted = person.act(after(second), move |account, _| {
                account.devices.iter_mut().for_each(|device| {
                    device.metadata.insert("padding".to_owned(), padding.clone().into());
                });
                Ok(())
            });
            noted.await.expect("a change");
            person.enter(after(second)).await;
        }
        slowest = slowest.max(began.elapsed());
        assert!(second < 40_000, "the log doesn't grow");
    }
    assert!(slowest < std::time::Duration::from_secs(4), "{slowest:?}");
    reader.execute_batch("COMMIT").expect("the reader goes");
}

#[tokio::test]
async fn nothing_is_overwritten_and_nothing_is_left_behind() {
    let home = home().await;
    let (store, file) = (home.open().await, home.file().expect("a file"));
    Person::new(&store, "acme", "ana").await.enter(start()).await;
    let folder = home.folder().expect("a folder");
    let to = folder.join("copy.db");
    copied(&file, &to).await.expect("a backup");
    let bytes = fs::read(&to).expect("read");
    let refused = |outcome: Result<doorward_store::Backup, StoreError>, part: &str| {
        let text = outcome.expect_err("it is refused").to_string();
        assert!(text.contains(part), "{text}");
    };
    refused(copied(&file, &to).await, "nothing is overwritten");
    assert_eq!(fs::read(&to).expect("read"), bytes);
    refused(copied(&folder.join("none.db"), &folder.join("x.db")).await, "can't find");
    refused(copied(&file, &folder.join("no/such/folder/x.db")).await, "can't make");
    fs::write(folder.join("empty.db"), "").expect("written");
    refused(copied(&folder.join("empty.db"), &folder.join("x.db")).await, "no database of doorward's");
    // Neither over a database that a server uses, nor over one that lies there, nor beside the log of one that is gone.
    let began = |to: PathBuf| Restoring::begin(&folder.join("copy.db"), &to, &mut quiet).err().map(|failure| failure.to_string()).unwrap_or_default();
    assert!(began(file.clone()).contains("in use"));
    store.close().await;
    assert!(began(file).contains("nothing is overwritten"));
    fs::write(folder.join("other.db-wal"), "x").expect("written");
    assert!(began(folder.join("other.db")).contains("other.db-wal"));
    assert!(!folder.join("other.db").exists() && left(folder).is_empty());
}

#[tokio::test]
async fn a_damaged_backup_is_not_restored() {
    let home = home().await;
    let (store, file) = (home.open().await, home.file().expect("a file"));
    for user in 0..40 {
        Person::new(&store, "acme", &format!("user-{user}")).await.enter(start()).await;
    }
    let folder = home.folder().expect("a folder");
    let good = folder.join("good.db");
    copied(&file, &good).await.expect("a backup");
    let bytes = fs::read(&good).expect("read");
    // Pages of zeros, a cut file, another file altogether.
    for (name, damaged) in [
        ("zeros", [&bytes[..bytes.len() / 2], &vec![0; 8_192][..], &bytes[bytes.len() / 2 + 8_192..]].concat()),
        ("cut", bytes[..bytes.len() - 4_096].to_vec()),
        ("other", b"not a database at all, but long enough to look like something".repeat(200)),
    ] {
        let from = folder.join(format!("{name}.db"));
        fs::write(&from, damaged).expect("written");
        let to = folder.join(format!("restored-{name}.db"));
        let failure = Restoring::begin(&from, &to, &mut quiet).err().unwrap_or_else(|| panic!("{name} is taken"));
        assert!(!to.exists() && left(folder).is_empty(), "{name}: {failure}");
    }
    // A restore that is given up leaves nothing either.
    let to = folder.join("restored.db");
    let restoring = Restoring::begin(&good, &to, &mut quiet).expect("a good backup");
    assert_eq!(restoring.taken_at(), Some(after(7)));
    drop(restoring);
    assert!(!to.exists() && left(folder).is_empty());
    let restoring = Restoring::begin(&good, &to, &mut quiet).expect("a good backup");
    let opened = restoring.open().expect("it opens");
    assert!(open(&Database::Sqlite(to.clone())).await.is_err_and(|failure| matches!(failure, StoreError::Held(_))), "nobody starts on it meanwhile");
    opened.close().await;
    drop(opened);
    assert!(!to.exists(), "the refused one made nothing");
    restoring.finish(after(9)).expect("finished");
    assert_eq!(sessions(&Database::Sqlite(to.clone()), 40).await, [1; 40]);
    assert_eq!(fs::metadata(&to).expect("there").permissions().mode() & 0o777, 0o600);
}
