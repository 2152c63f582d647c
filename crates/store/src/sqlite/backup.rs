//! Backups: a consistent copy of a file in use, and the way back, which gives the file its name last.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use doorward_domain::Timestamp;
use rusqlite::backup::StepResult;
use rusqlite::{Connection, OpenFlags};

use super::connection::{self, Ownership, beside};
use super::{SET_META, SqliteStore, meta};
use crate::migration::Pending;
use crate::private::{folder_of, make_file, make_own_file, name};
use crate::{Store, StoreError};

/// Pages in one step: 1 MiB.
const STEP: i32 = 256;
/// Under this name the copy says when it was made.
const TAKEN_AT: &str = "backup_taken_at";
/// Under this name a database says when it was last restored.
const RESTORED_AT: &str = "restored_at";

/// Is told how far a copy is: pages done, and pages in all.
pub type Progress<'a> = &'a mut (dyn FnMut(u64, u64) + Send);

/// A finished backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    /// Its size in bytes.
    pub bytes: u64,
    /// The moment of which it is: every change that was answered before is in it.
    pub taken_at: Timestamp,
}

/// Copies a database into a new file, also while a server changes it: all of one moment, checked, synced, and named last.
///
/// # Errors
/// `Misconfigured` where there is no database, or a file of that name; `Corrupt` if the copy fails its check; `Unavailable`.
pub fn backup(database: &Path, to: &Path, taken_at: Timestamp, progress: Progress<'_>) -> Result<Backup, StoreError> {
    must_not_be(to)?;
    let database = database.canonicalize().map_err(|error| fault("can't find", database, &error))?;
    let source = connection::connect(&database, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    // One snapshot for all steps. In a write-ahead log a reader holds up no writer, and no writer makes it begin anew.
    source.execute_batch("PRAGMA query_only = ON; BEGIN")?;
    let part = Part::make(to, make_own_file)?;
    let mut copy = copy(&source, &part.0, progress)?;
    drop(source);
    record(&copy, TAKEN_AT, taken_at)?;
    check(&copy)?;
    settle(&mut copy)?;
    drop(copy);
    let bytes = part.name(to)?;
    Ok(Backup { bytes, taken_at })
}

/// A restore under way: a checked copy under a name of its own, which becomes the database when it is finished.
pub struct Restoring {
    part: Part,
    to: PathBuf,
    taken_at: Option<Timestamp>,
    /// The lock on the database to be, so that no server starts on it meanwhile.
    ownership: Ownership,
}

impl Restoring {
    /// Copies a backup beside the place of the database and checks it.
    ///
    /// # Errors
    /// `Held` or `Misconfigured` where a database is in the way; `Corrupt` if the backup fails its check; `Unavailable`.
    pub fn begin(from: &Path, to: &Path, progress: Progress<'_>) -> Result<Self, StoreError> {
        let (ownership, to) = Ownership::reserve(to)?;
        for ending in ["", "-wal", "-shm", "-journal"] {
            must_not_be(&beside(&to, ending))?;
        }
        let from = from.canonicalize().map_err(|error| fault("can't find", from, &error))?;
        let source = Connection::open_with_flags(&from, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        source.execute_batch("BEGIN")?;
        let part = Part::make(&to, make_file)?;
        let mut copy = copy(&source, &part.0, progress)?;
        check(&copy)?;
        let taken_at = meta(&copy, TAKEN_AT)?.and_then(|text| text.parse().ok()).map(Timestamp::from_micros);
        settle(&mut copy)?;
        Ok(Self { part, to, taken_at, ownership })
    }

    /// When the backup was made, if it says so.
    #[must_use]
    pub fn taken_at(&self) -> Option<Timestamp> {
        self.taken_at
    }

    /// Opens the copy, which brings its tables up to date. It must be closed and let go before the end.
    ///
    /// # Errors
    /// As [`crate::open`].
    pub fn open(&self) -> Result<Arc<dyn Store>, StoreError> {
        Ok(Arc::new(SqliteStore::open(&self.part.0, Pending::Apply)?))
    }

    /// Gives the copy the database's name.
    ///
    /// # Errors
    /// `Unavailable`.
    pub fn finish(self, now: Timestamp) -> Result<(), StoreError> {
        let mut copy = Connection::open(&self.part.0)?;
        record(&copy, RESTORED_AT, now)?;
        settle(&mut copy)?;
        drop(copy);
        self.part.name(&self.to)?;
        drop(self.ownership);
        Ok(())
    }
}

/// A file that has no name of its own yet; unless it gets one, it goes.
struct Part(PathBuf);

impl Part {
    fn make(to: &Path, make: fn(&Path) -> io::Result<File>) -> Result<Self, StoreError> {
        let part = Self(beside(to, &format!(".{}.part", std::process::id())));
        // A process of the same number may have died over it.
        part.remove();
        // It gets this name as it will get the last one: where that can't be done, it is known before anything is copied.
        let probe = beside(&part.0, ".probe");
        let made = make(&probe).and_then(|_| name(&probe, &part.0));
        made.map_err(|error| fault("can't make", &part.0, &error))?;
        Ok(part)
    }

    /// Syncs it and gives it the name, unless a file has it. Answers its size.
    fn name(self, to: &Path) -> Result<u64, StoreError> {
        let synced = File::open(&self.0).and_then(|file| file.sync_all().and(file.metadata()));
        let bytes = synced.map_err(|error| fault("can't sync", &self.0, &error))?.len();
        name(&self.0, to).map_err(|error| fault("can't name", to, &error))?;
        File::open(folder_of(to)).and_then(|folder| folder.sync_all()).map_err(|error| fault("can't sync the folder of", to, &error))?;
        Ok(bytes)
    }

    fn remove(&self) {
        for ending in ["", "-wal", "-shm", "-journal", ".lock", ".probe"] {
            // Most of them aren't there.
            let _ = fs::remove_file(beside(&self.0, ending));
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.remove();
    }
}

fn fault(what: &str, path: &Path, error: &dyn std::fmt::Display) -> StoreError {
    StoreError::Misconfigured(format!("{what} {}: {error}", path.display()))
}

fn must_not_be(path: &Path) -> Result<(), StoreError> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Ok(_) => Err(StoreError::Misconfigured(format!("{} is there already, and nothing is overwritten; move it away or name another", path.display()))),
        Err(error) => Err(fault("can't look at", path, &error)),
    }
}

/// Copies all pages, step by step, out of the source's open snapshot.
fn copy(source: &Connection, to: &Path, progress: Progress<'_>) -> Result<Connection, StoreError> {
    // The first read takes the snapshot, and tells a database of ours from others.
    source.query_row("SELECT count(*) FROM schema_migration", [], |_| Ok(())).map_err(|error| match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::Unknown) => StoreError::Misconfigured("it is no database of doorward's".to_owned()),
        _ => StoreError::from(error),
    })?;
    let mut copy = Connection::open_with_flags(to, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    // Synced once, at the end.
    copy.execute_batch("PRAGMA synchronous = OFF")?;
    let copying = rusqlite::backup::Backup::new(source, &mut copy)?;
    loop {
        let step = copying.step(STEP)?;
        let at = copying.progress();
        let pages = |count: std::ffi::c_int| u64::try_from(count).unwrap_or(0);
        progress(pages(at.pagecount - at.remaining), pages(at.pagecount));
        match step {
            StepResult::Done => break,
            StepResult::More => {}
            // Nobody else uses the copy, and the source is read in a snapshot that is taken already.
            _ => return Err(StoreError::Unavailable("the copy is in use".to_owned())),
        }
    }
    drop(copying);
    Ok(copy)
}

/// Whether the copy is whole.
fn check(copy: &Connection) -> Result<(), StoreError> {
    let faults = connection::faults(copy, true)?;
    if faults.is_empty() { Ok(()) } else { Err(StoreError::Corrupt(format!("the check of the copy finds: {}", faults.join("; ")))) }
}

fn record(copy: &Connection, name: &str, at: Timestamp) -> Result<(), StoreError> {
    copy.execute(SET_META, (name, at.micros().to_string()))?;
    Ok(())
}

/// Leaves one file without a log beside it.
fn settle(copy: &mut Connection) -> Result<(), StoreError> {
    let mode: String = copy.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get(0))?;
    if mode == "delete" { Ok(()) } else { Err(StoreError::Unavailable(format!("the copy's log can't be closed (journal_mode is {mode})"))) }
}
