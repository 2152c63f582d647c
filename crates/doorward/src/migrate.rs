//! `doorward migrate`: brings the database's tables up to date.

use std::io::Write as _;

use clap::ArgMatches;
use doorward_store::StoreError;
use serde_json::json;

use crate::config::{Database, KeySource, LogConfig};
use crate::failure::Failure;
use crate::keys::key_ring;
use crate::log;

/// Opens the database, which applies what is pending, and closes it.
pub(crate) async fn migrate(flags: &ArgMatches, database: &Database, keys: &KeySource, log: &LogConfig) -> Result<(), Failure> {
    log::start(log);
    if let Database::Sqlite(path) = database
        && !path.exists()
    {
        // A new database gets its key with it: `serve` takes a database without one for one whose key was lost.
        key_ring(keys, database)?;
    }
    let refused = |error: StoreError| Failure::new(format!("{database} can't be brought up to date: {error}"));
    let pending = doorward_store::pending(&database.into()).await.map_err(refused)?;
    doorward_store::open(&database.into()).await.map_err(refused)?.close().await;
    tracing::info!(%database, migrations_applied = pending, "the database is up to date");
    if flags.get_flag("json") {
        let answer = json!({ "database": database.to_string(), "migrations_applied": pending });
        let written = writeln!(std::io::stdout(), "{answer:#}");
        written.map_err(|error| Failure::new(format!("It is done, but the answer can't be printed: {error}")))?;
    }
    Ok(())
}
