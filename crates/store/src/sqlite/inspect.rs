//! Looking at a file beside the server that may use it.

use std::path::Path;

use doorward_domain::{KeyId, Timestamp};
use rusqlite::{Connection, OpenFlags};

use super::{LATEST_MOMENT, connection, key_usage, meta};
use crate::inspect::{Inspection, Schema, compare};
use crate::migration::SQLITE;
use crate::{KeysUsed, StoreError};

/// Looks at the file.
pub(crate) fn inspect(path: &Path, thorough: bool, now: Timestamp) -> Result<Inspection, StoreError> {
    let connection = connection::connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.execute_batch("PRAGMA query_only = ON; BEGIN")?;
    let faults = connection::faults(&connection, thorough)?;
    let mut found = Inspection {
        schema: schema_of(&connection)?,
        faults,
        latest_moment: None,
        server_keys: vec![],
        keys_used: KeysUsed::new(),
        bootstrapped: false,
        endless_keys: 0,
        settings: vec![],
    };
    if found.schema != Schema::Current {
        // Another schema's tables, or none, say nothing to this program.
        return Ok(found);
    }
    found.latest_moment = meta(&connection, LATEST_MOMENT)?.and_then(|text| text.parse().ok()).map(Timestamp::from_micros);
    found.bootstrapped = meta(&connection, "once:bootstrap_api_key")?.is_some();
    let mut keys = connection.prepare("SELECT id, check_value FROM server_key")?;
    found.server_keys = keys.query_map([], |row| Ok((KeyId(row.get(0)?), row.get(1)?)))?.collect::<Result<_, _>>()?;
    found.keys_used = key_usage::count(&connection, now)?;
    let endless = "SELECT count(*) FROM api_key WHERE revoked_at IS NULL AND expires_at IS NULL";
    found.endless_keys = connection.query_row(endless, [], |row| row.get::<_, i64>(0))?.try_into().unwrap_or(0);
    Ok(found)
}

/// Looks at the schema alone.
pub(crate) fn schema(path: &Path) -> Result<Schema, StoreError> {
    let connection = connection::connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.execute_batch("PRAGMA query_only = ON; BEGIN")?;
    schema_of(&connection)
}

fn schema_of(connection: &Connection) -> Result<Schema, StoreError> {
    if !connection::is_made(connection)? {
        return Ok(Schema::Behind(SQLITE.len()));
    }
    let mut applied = connection.prepare("SELECT number, checksum FROM schema_migration ORDER BY number")?;
    let applied: Vec<(i64, i64)> = applied.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    Ok(compare(&applied, SQLITE))
}
