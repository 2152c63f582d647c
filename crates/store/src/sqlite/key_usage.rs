//! The server keys on record, counting what lies under each, and moving what can be moved.

use doorward_domain::{AccountId, KeyId, KeyRing, Shard, Timestamp};
use rusqlite::{Connection, params_from_iter};
use uuid::Uuid;

use super::load::parameter;
use crate::row::{ToCell as _, Value};
use crate::seal::resealed;
use crate::server_keys::{KeyCheck, unrecorded};
use crate::{AccountPlace, Holders, KeysUsed, Resealed, StoreError, rows};

/// A node whose keys don't fit is told so; a new key that hashes are made under is recorded.
pub(super) fn record(connection: &Connection, keys: &[KeyCheck]) -> Result<(), StoreError> {
    let mut statement = connection.prepare("SELECT id, check_value FROM server_key")?;
    let known = statement.query_map([], |row| Ok((KeyId(row.get(0)?), row.get(1)?)))?;
    if let Some((id, check)) = unrecorded(&known.collect::<Result<Vec<_>, _>>()?, keys)? {
        connection.execute("INSERT INTO server_key (id, check_value) VALUES (?1, ?2)", (id.0, check))?;
    }
    Ok(())
}

pub(super) fn count(connection: &Connection, now: Timestamp) -> Result<KeysUsed, StoreError> {
    let mut used = KeysUsed::new();
    for question in rows::questions(now, parameter) {
        let mut statement = connection.prepare(&question.sql)?;
        let mut answer = statement.query(params_from_iter(&question.parameters))?;
        while let Some(row) = answer.next()? {
            rows::count(&mut used, &question, row.get_ref(0)?.as_blob().unwrap_or_default(), row.get(1)?, row.get(2)?);
        }
    }
    Ok(used)
}

pub(super) fn reseal(connection: &Connection, keys: &KeyRing, after: Option<AccountPlace>, limit: u16) -> Result<Resealed, StoreError> {
    let (sql, parameters) = rows::heads(after, limit, parameter);
    let mut statement = connection.prepare_cached(&sql)?;
    let heads = statement.query_map(params_from_iter(parameters), |row| Ok((row.get(0)?, Uuid::from_bytes(row.get(1)?), row.get(2)?)))?;
    let heads: Vec<(u16, Uuid, Vec<u8>)> = heads.collect::<Result<_, _>>()?;
    let last = heads.last().map(|(shard, id, _)| (Shard(*shard), AccountId(*id)));
    let mut count = 0;
    for (shard, id, sealed) in heads {
        let Some(new) = resealed(keys, &id.cell(), &sealed)? else { continue };
        let parameters = [Value::Blob(new), i64::from(shard).cell(), id.cell(), Value::Blob(sealed)];
        count += connection.prepare_cached(&rows::reseal(parameter))?.execute(params_from_iter(parameters))? as u64;
    }
    Ok(Resealed { count, last })
}

pub(super) fn holders(connection: &Connection, key: KeyId, now: Timestamp, after: Option<AccountPlace>, limit: u16) -> Result<Holders, StoreError> {
    let (sql, parameters) = rows::holders(key, now, after, limit, parameter);
    let mut statement = connection.prepare_cached(&sql)?;
    let looked = statement.query_map(params_from_iter(parameters), |row| Ok(((Shard(row.get(0)?), AccountId(Uuid::from_bytes(row.get(1)?))), row.get(2)?)))?;
    Ok(looked.collect::<Result<_, _>>()?)
}

pub(super) fn forget(connection: &Connection, key: KeyId) -> Result<(), StoreError> {
    for (sql, parameters) in rows::forget(key, parameter) {
        connection.execute(&sql, params_from_iter(parameters))?;
    }
    Ok(())
}
