//! Opening a store from its address.

use std::path::PathBuf;
use std::sync::Arc;

use crate::migration::Pending;
use crate::{Store, StoreError, postgres, sqlite};

/// Where the data lies.
#[derive(Clone, PartialEq, Eq)]
pub enum Database {
    /// `sqlite://path`: a file, or a path for a new one.
    Sqlite(PathBuf),
    /// `postgres://…`, as libpq reads it.
    Postgres(String),
}

/// The address may hold a password, so it is left out.
impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sqlite(path) => f.debug_tuple("Sqlite").field(path).finish(),
            Self::Postgres(_) => f.write_str("Postgres(…)"),
        }
    }
}

impl std::str::FromStr for Database {
    type Err = StoreError;

    fn from_str(url: &str) -> Result<Self, StoreError> {
        if let Some(path) = url.strip_prefix("sqlite://").filter(|path| !path.is_empty()) {
            return Ok(Self::Sqlite(PathBuf::from(path)));
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Self::Postgres(url.to_owned()));
        }
        // The address may hold a password, so it isn't repeated.
        Err(StoreError::Misconfigured(
            "the database address must begin with sqlite:// or postgres://, for example sqlite:///var/lib/doorward/doorward.db".to_owned(),
        ))
    }
}

/// Opens a store, makes it where it isn't there, and applies the migrations that are pending.
///
/// # Errors
/// `Unavailable`, or `Misconfigured` with what to do: another process owns the file, the schema is newer than this program.
pub async fn open(database: &Database) -> Result<Arc<dyn Store>, StoreError> {
    open_where(database, Pending::Apply).await
}

/// Opens a store whose schema is this program's already: for whoever comes beside the nodes that serve it.
///
/// # Errors
/// As [`open`]; `Misconfigured` where migrations are pending.
pub async fn open_current(database: &Database) -> Result<Arc<dyn Store>, StoreError> {
    open_where(database, Pending::Refuse).await
}

async fn open_where(database: &Database, pending: Pending) -> Result<Arc<dyn Store>, StoreError> {
    match database {
        Database::Sqlite(path) => {
            let path = path.clone();
            let opened = tokio::task::spawn_blocking(move || sqlite::SqliteStore::open(&path, pending)).await;
            Ok(Arc::new(opened.map_err(|panic| StoreError::Panicked(panic.to_string()))??))
        }
        Database::Postgres(url) => postgres::PostgresStore::open_where(url, pending).await,
    }
}
