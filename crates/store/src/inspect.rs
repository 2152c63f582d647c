//! Looking at a database without using it: what `doorward doctor` needs to know. Nothing is changed, and no lock is taken.

use doorward_domain::{KeyId, Timestamp};

use crate::migration::SQLITE;
use crate::{Database, KeysUsed, StoreError, postgres, sqlite};

/// How the schema stands to this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schema {
    /// It is this program's.
    Current,
    /// So many migrations are pending.
    Behind(usize),
    /// It holds a migration that this program doesn't know, or another of the same number.
    Other(i64),
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// The schema.
    pub schema: Schema,
    /// What a check of the file finds wrong; PostgreSQL checks itself.
    pub faults: Vec<String>,
    /// The latest moment that was recorded.
    pub latest_moment: Option<Timestamp>,
    /// The server keys that it was used with, and their check values.
    pub server_keys: Vec<(KeyId, [u8; 16])>,
    /// What lies under each server key.
    pub keys_used: KeysUsed,
    /// Whether the bootstrap key was installed.
    pub bootstrapped: bool,
    /// API keys that are not revoked and have no end.
    pub endless_keys: u64,
    /// PostgreSQL's settings that durability hangs on, and its version.
    pub settings: Vec<(&'static str, String)>,
}

/// Looks at a database that is there, at this moment. A thorough look reads every page of a file.
///
/// # Errors
/// `Unavailable`, `Corrupt`, or `Misconfigured` where there is none.
pub async fn inspect(database: &Database, thorough: bool, now: Timestamp) -> Result<Inspection, StoreError> {
    match database {
        Database::Sqlite(path) => {
            let path = path.clone();
            let looked = tokio::task::spawn_blocking(move || sqlite::inspect(&path, thorough, now)).await;
            looked.map_err(|panic| StoreError::Panicked(panic.to_string()))?
        }
        Database::Postgres(url) => postgres::inspect(url, now).await,
    }
}

/// How many migrations are pending; all of them where there is no database yet.
///
/// # Errors
/// `Unavailable`, or `Misconfigured` where the schema isn't this program's.
pub async fn pending(database: &Database) -> Result<usize, StoreError> {
    let schema = match database {
        Database::Sqlite(path) if !path.exists() => Schema::Behind(SQLITE.len()),
        Database::Sqlite(path) => {
            let path = path.clone();
            let looked = tokio::task::spawn_blocking(move || sqlite::schema(&path)).await;
            looked.map_err(|panic| StoreError::Panicked(panic.to_string()))??
        }
        Database::Postgres(url) => postgres::schema(url).await?,
    };
    match schema {
        Schema::Current => Ok(0),
        Schema::Behind(by) => Ok(by),
        Schema::Other(number) => Err(StoreError::Misconfigured(format!("it has a migration {number} that isn't this version's; run the one that made it"))),
    }
}

/// Compares the migrations that were applied with those of this program.
pub(crate) fn compare(applied: &[(i64, i64)], known: &[crate::migration::Migration]) -> Schema {
    let is_ours = |(number, checksum): &&(i64, i64)| known.iter().any(|migration| migration.number == *number && migration.checksum() == *checksum);
    match applied.iter().find(|row| !is_ours(row)) {
        Some((number, _)) => Schema::Other(*number),
        None if applied.len() < known.len() => Schema::Behind(known.len() - applied.len()),
        None => Schema::Current,
    }
}
