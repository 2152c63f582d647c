//! `doorward migrate`: brings the database's tables up to date.

use crate::config::{Database, KeySource, LogConfig};
use crate::failure::Failure;
use crate::keys::key_ring;
use crate::log;

/// Opens the database, which applies what is pending, and closes it.
pub(crate) async fn migrate(database: &Database, keys: &KeySource, log: &LogConfig) -> Result<(), Failure> {
    log::start(log);
    if let Database::Sqlite(path) = database
        && !path.exists()
    {
        // A new database gets its key with it: `serve` takes a database without one for one whose key was lost.
        key_ring(keys, database)?;
    }
    let store = doorward_store::open(&database.into()).await.map_err(|error| Failure::new(format!("{database} can't be brought up to date: {error}")))?;
    store.close().await;
    tracing::info!(%database, "the database is up to date");
    Ok(())
}
