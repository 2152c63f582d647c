//! Connections to the file: one owner process, the settings that durability needs, and the migrations.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::StoreError;
use crate::migration::{Migration, Pending, SQLITE, refused};
use crate::private::{folder_of, make_file, make_folder};

/// The first release without the WAL-reset bug, by which a database could be corrupted.
const OLDEST_SQLITE: i32 = 3_051_003;
/// For how long a connection waits for another.
pub(super) const BUSY_PATIENCE: Duration = Duration::from_secs(5);
/// Prepared statements kept by each connection.
const STATEMENTS: usize = 128;

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase) => Self::Corrupt(error.to_string()),
            _ => Self::Unavailable(error.to_string()),
        }
    }
}

/// The lock on a database file: held as long as this lives, and released by the kernel however the process ends.
pub(super) struct Ownership(File);

/// Not by closing alone: a process that is just being started from this one may hold the handle too.
impl Drop for Ownership {
    fn drop(&mut self) {
        drop(self.0.unlock());
    }
}

impl Ownership {
    /// Takes the lock beside the file, and then makes the file if it isn't there.
    pub(super) fn take(path: &Path) -> Result<(Self, PathBuf), StoreError> {
        let (lock, path) = Self::reserve(path)?;
        open_or_make(&path).and_then(|file| file.sync_all()).map_err(|error| fault("can't open", &path, &error))?;
        // A new file is durable only once its folder is.
        File::open(folder_of(&path)).and_then(|folder| folder.sync_all()).map_err(|error| fault("can't sync the folder of", &path, &error))?;
        Ok((lock, path))
    }

    /// Takes the lock beside a file that may not be there yet, and doesn't make the file. Answers its real path too: by two
    /// names of one file two processes would hold two locks.
    pub(super) fn reserve(path: &Path) -> Result<(Self, PathBuf), StoreError> {
        make_folder(folder_of(path)).map_err(|error| fault("can't make the folder of", path, &error))?;
        let path = real(path).map_err(|error| fault("can't find", path, &error))?;
        let lock = open_or_make(&beside(&path, ".lock")).map_err(|error| fault("can't make the lock of", &path, &error))?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => StoreError::Held(path.display().to_string()),
            TryLockError::Error(error) => fault("can't lock", &path, &error),
        })?;
        Ok((Self(lock), path))
    }
}

fn fault(what: &str, path: &Path, error: &dyn std::fmt::Display) -> StoreError {
    StoreError::Misconfigured(format!("{what} {}: {error}", path.display()))
}

fn open_or_make(path: &Path) -> io::Result<File> {
    match make_file(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => OpenOptions::new().read(true).write(true).open(path),
        made => made,
    }
}

/// The path without links in it, also that of a file that isn't there yet.
fn real(path: &Path) -> io::Result<PathBuf> {
    match path.canonicalize() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        found => return found,
    }
    let name = path.file_name().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "it names no file"))?;
    let folder = folder_of(path).canonicalize()?;
    match std::fs::read_link(path) {
        Ok(target) => real(&folder.join(target)),
        Err(_) => Ok(folder.join(name)),
    }
}

pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// What a check of the whole file finds wrong; a thorough one reads every page and index.
pub(super) fn faults(connection: &Connection, thorough: bool) -> Result<Vec<String>, StoreError> {
    let texts = |sql: &str| -> Result<Vec<String>, StoreError> {
        let mut statement = connection.prepare(sql)?;
        let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    };
    let mut faults = texts(if thorough { "PRAGMA integrity_check(20)" } else { "PRAGMA quick_check(20)" })?;
    faults.retain(|fault| fault != "ok");
    faults.extend(texts("SELECT \"table\" || ' holds a row that refers to nothing' FROM pragma_foreign_key_check LIMIT 20")?);
    Ok(faults)
}

/// Opens the writer's connection and brings the schema up to date, or finds that it is.
pub(super) fn writer(path: &Path, pending: Pending) -> Result<Connection, StoreError> {
    if rusqlite::version_number() < OLDEST_SQLITE {
        return Err(StoreError::Misconfigured(format!("SQLite {} is older than 3.51.3 and may corrupt a database", rusqlite::version())));
    }
    let mut connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        return Err(StoreError::Misconfigured(format!(
            "{} can't use a write-ahead log (journal_mode is {mode}); is it on a network file system?",
            path.display()
        )));
    }
    // Every acknowledged change survives a power cut; checkpoints have a thread of their own.
    // What is deleted or replaced is overwritten, so that no page keeps an old wrapping of a data key.
    connection.execute_batch("PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0; PRAGMA secure_delete = ON;")?;
    migrate(&mut connection, SQLITE, pending)?;
    Ok(connection)
}

/// Opens a connection for reading.
pub(super) fn reader(path: &Path) -> Result<Connection, StoreError> {
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.execute_batch("PRAGMA query_only = ON")?;
    Ok(connection)
}

/// Opens the checkpoint thread's connection.
pub(super) fn checkpointer(path: &Path) -> Result<Connection, StoreError> {
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.execute_batch("PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0;")?;
    Ok(connection)
}

/// Opens a connection.
pub(super) fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, StoreError> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_PATIENCE)?;
    // Without it, STAT4 has cached statements over several tables prepared anew whenever a parameter changes.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.execute_batch("PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA cache_size = -32768; PRAGMA temp_store = MEMORY;")?;
    Ok(connection)
}

/// Whether any migration was ever applied.
pub(super) fn is_made(connection: &Connection) -> Result<bool, StoreError> {
    let made = "SELECT count(*) FROM sqlite_schema WHERE name = 'schema_migration'";
    Ok(connection.query_row(made, [], |row| row.get::<_, i64>(0))? != 0)
}

/// Applies what is pending, each step in a transaction of its own.
fn migrate(connection: &mut Connection, migrations: &[Migration], pending: Pending) -> Result<(), StoreError> {
    if pending == Pending::Refuse && !is_made(connection)? {
        return Err(refused());
    }
    connection.execute_batch("CREATE TABLE IF NOT EXISTS schema_migration (number INTEGER PRIMARY KEY, checksum INTEGER NOT NULL) STRICT")?;
    let applied: Vec<(i64, i64)> = {
        let mut statement = connection.prepare("SELECT number, checksum FROM schema_migration ORDER BY number")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.collect::<Result<_, _>>()?
    };
    for (number, checksum) in &applied {
        let known = migrations.iter().find(|migration| migration.number == *number);
        let Some(known) = known else {
            return Err(StoreError::Misconfigured(format!(
                "the database has migration {number}, which this version of doorward doesn't know; start the newer version that made it"
            )));
        };
        if known.checksum() != *checksum {
            return Err(StoreError::Misconfigured(format!("migration {number} of the database isn't the one of this version; restore a backup of it")));
        }
    }
    if pending == Pending::Refuse && applied.len() < migrations.len() {
        return Err(refused());
    }
    for migration in migrations.iter().filter(|migration| !applied.iter().any(|(number, _)| *number == migration.number)) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(migration.sql)?;
        transaction.execute("INSERT INTO schema_migration (number, checksum) VALUES (?1, ?2)", (migration.number, migration.checksum()))?;
        transaction.commit()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(connection: &Connection, name: &str) -> String {
        let value = connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, rusqlite::types::Value>(0)).expect("a setting");
        match value {
            rusqlite::types::Value::Integer(number) => number.to_string(),
            rusqlite::types::Value::Text(text) => text,
            other => panic!("{name} is {other:?}"),
        }
    }

    /// What another connection is told of these is its own setting: only the writer's own says how the writer commits.
    #[test]
    fn the_writers_own_connection_syncs_each_commit_in_full() {
        const FULL: &str = "2";
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("doorward.db");
        let (_lock, path) = Ownership::take(&path).expect("the file is ours");
        let writer = writer(&path, Pending::Apply).expect("a connection");
        assert_eq!((setting(&writer, "journal_mode").as_str(), setting(&writer, "synchronous").as_str()), ("wal", FULL));
        // A checkpoint by the writer would sync within a commit; by a connection of its own it doesn't.
        assert_eq!(setting(&writer, "wal_autocheckpoint"), "0");
        assert_eq!(setting(&writer, "secure_delete"), "1");
        assert_eq!(setting(&writer, "foreign_keys"), "1");
        let checkpointer = checkpointer(&path).expect("a connection");
        assert_eq!(setting(&checkpointer, "synchronous"), FULL, "what leaves the log has reached the disk before");
        let reader = reader(&path).expect("a connection");
        assert_eq!(setting(&reader, "query_only"), "1");
    }
}
