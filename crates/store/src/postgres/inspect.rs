//! Looking at a PostgreSQL database beside the nodes that use it.

use doorward_domain::{KeyId, Timestamp};

use super::address::Address;
use super::fault::Fault;
use super::flight::{Ask, Conn};
use super::key_usage;
use super::pool::Database;
use crate::inspect::{Inspection, Schema, compare};
use crate::migration::POSTGRES;
use crate::{KeysUsed, StoreError};

/// What durability hangs on, and the version.
const SETTINGS: [&str; 4] = ["server_version_num", "fsync", "synchronous_commit", "full_page_writes"];

/// Looks at the database.
pub(crate) async fn inspect(url: &str, now: Timestamp) -> Result<Inspection, StoreError> {
    let database = Database::new(Address::parse(url)?)?;
    let mut connection = database.connection().await.map_err(Fault::at_opening)?;
    let asks: Vec<Ask> = SETTINGS.iter().map(|name| Ask::new(format!("SELECT current_setting('{name}')"), vec![])).collect();
    let answers = connection.fly(&asks).await.map_err(Fault::at_opening)?;
    let said = |at: usize| answers[at].rows.first().and_then(|row| row.try_get::<_, &str>(0).ok()).unwrap_or_default().to_owned();
    let mut found = Inspection {
        schema: Schema::Behind(POSTGRES.len()),
        faults: vec![],
        latest_moment: None,
        server_keys: vec![],
        keys_used: KeysUsed::new(),
        bootstrapped: false,
        endless_keys: 0,
        settings: SETTINGS.iter().enumerate().map(|(at, name)| (*name, said(at))).collect(),
    };
    found.schema = schema_of(&mut connection).await?;
    if found.schema == Schema::Current {
        let asks = [
            "SELECT value FROM meta WHERE name = 'latest_moment'",
            "SELECT value FROM meta WHERE name = 'once:bootstrap_api_key'",
            "SELECT count(*) FROM api_key WHERE revoked_at IS NULL AND expires_at IS NULL",
            "SELECT id, check_value FROM server_key",
        ];
        let answers = connection.fly(&asks.map(|sql| Ask::new(sql, vec![]))).await.map_err(Fault::at_opening)?;
        let moment = answers[0].rows.first().and_then(|row| row.try_get::<_, &str>(0).ok()).and_then(|text| text.parse().ok());
        found.latest_moment = moment.map(Timestamp::from_micros);
        found.bootstrapped = !answers[1].rows.is_empty();
        let endless = answers[2].rows.first().and_then(|row| row.try_get::<_, i64>(0).ok());
        found.endless_keys = endless.and_then(|count| count.try_into().ok()).unwrap_or(0);
        let key = |row: &tokio_postgres::Row| {
            let id = row.try_get::<_, i64>(0).ok().and_then(|id| u32::try_from(id).ok())?;
            Some((KeyId(id), <[u8; 16]>::try_from(row.try_get::<_, &[u8]>(1).ok()?).ok()?))
        };
        found.keys_used = key_usage::count(&database, now).await?;
        found.server_keys = answers[3].rows.iter().filter_map(key).collect();
    }
    drop(connection);
    database.close().await;
    Ok(found)
}

/// Looks at the schema alone.
pub(crate) async fn schema(url: &str) -> Result<Schema, StoreError> {
    let database = Database::new(Address::parse(url)?)?;
    let mut connection = database.connection().await.map_err(Fault::at_opening)?;
    let schema = schema_of(&mut connection).await;
    drop(connection);
    database.close().await;
    schema
}

async fn schema_of(connection: &mut Conn) -> Result<Schema, StoreError> {
    let there = connection.fly(&[Ask::new("SELECT to_regclass('schema_migration') IS NOT NULL", vec![])]).await.map_err(Fault::at_opening)?;
    if !there[0].rows.first().is_some_and(|row| row.try_get(0).unwrap_or(false)) {
        return Ok(Schema::Behind(POSTGRES.len()));
    }
    let answers = connection.fly(&[Ask::new("SELECT number, checksum FROM schema_migration ORDER BY number", vec![])]).await.map_err(Fault::at_opening)?;
    let applied: Vec<(i64, i64)> = answers[0].rows.iter().filter_map(|row| Some((row.try_get(0).ok()?, row.try_get(1).ok()?))).collect();
    Ok(compare(&applied, POSTGRES))
}
