//! The server keys on record, counting what lies under each, and moving what can be moved.

use std::sync::Arc;

use doorward_domain::{AccountId, KeyId, KeyRing, Shard, Timestamp};
use tokio_postgres::Row;
use uuid::Uuid;

use super::fault::Fault;
use super::flight::{Answer, Ask, parameter};
use super::pool::{Database, Step};
use crate::row::{ToCell as _, Value};
use crate::seal::resealed;
use crate::server_keys::{KeyCheck, unrecorded};
use crate::{AccountPlace, Holders, KeysUsed, Resealed, StoreError, rows};

/// Nodes that start at the same moment meet at this row, or each would find an empty list and record a key of its own.
const MEET: &str = "INSERT INTO meta (name, value) VALUES ('server_keys', '') ON CONFLICT (name) DO UPDATE SET value = excluded.value";

/// A node whose keys don't fit is told so; a new key that hashes are made under is recorded.
pub(super) async fn record(database: &Arc<Database>, keys: Vec<KeyCheck>) -> Result<(), StoreError> {
    let first = vec![Ask::new(MEET, vec![]), Ask::new("SELECT id, check_value FROM server_key", vec![])];
    let judge = move |answers: &[Answer]| {
        let known = answers[1].rows.iter().map(|row| {
            let id = row.try_get::<_, i64>(0).ok().and_then(|id| u32::try_from(id).ok());
            let check = row.try_get::<_, &[u8]>(1).ok().and_then(|check| <[u8; 16]>::try_from(check).ok());
            id.map(KeyId).zip(check).ok_or_else(|| StoreError::corrupt("server_key", "check_value"))
        });
        let new = unrecorded(&known.collect::<Result<Vec<_>, _>>()?, &keys)?;
        let add = |(id, check): (KeyId, [u8; 16])| {
            Ask::new("INSERT INTO server_key (id, check_value) VALUES ($1, $2)", vec![i64::from(id.0).cell(), check[..].cell()])
        };
        Ok(Step { answer: (), writes: new.into_iter().map(add).collect() })
    };
    database.change(None, first, judge).await
}

pub(super) async fn count(database: &Arc<Database>, now: Timestamp) -> Result<KeysUsed, StoreError> {
    let questions = rows::questions(now, parameter);
    let asks = questions.iter().map(|question| Ask::new(question.sql.clone(), question.parameters.clone())).collect();
    let mut used = KeysUsed::new();
    for (question, answer) in questions.iter().zip(database.read(asks).await?) {
        for row in &answer.rows {
            rows::count(&mut used, question, cell::<&[u8]>(row, 0)?, cell(row, 1)?, cell(row, 2)?);
        }
    }
    Ok(used)
}

/// Under locks, taken in the order of places, which is everybody's: nobody changes a head between its look and its write.
pub(super) async fn reseal(database: &Arc<Database>, keys: Arc<KeyRing>, after: Option<AccountPlace>, limit: u16) -> Result<Resealed, StoreError> {
    let (sql, parameters) = rows::heads(after, limit, parameter);
    let judge = move |answers: &[Answer]| {
        let mut writes = vec![];
        let mut last = None;
        for row in &answers[0].rows {
            let (at, sealed) = (place(row)?, cell::<&[u8]>(row, 2)?);
            last = Some(at);
            let Some(new) = resealed(&keys, &at.1.0.cell(), sealed)? else { continue };
            let parameters = vec![Value::Blob(new), i64::from(at.0.0).cell(), at.1.0.cell(), sealed.cell()];
            writes.push(Ask::new(rows::reseal(parameter), parameters));
        }
        Ok(Step { answer: Resealed { count: writes.len() as u64, last }, writes })
    };
    database.change(None, vec![Ask::new(format!("{sql} FOR NO KEY UPDATE"), parameters)], judge).await
}

pub(super) async fn holders(database: &Arc<Database>, key: KeyId, now: Timestamp, after: Option<AccountPlace>, limit: u16) -> Result<Holders, StoreError> {
    let (sql, parameters) = rows::holders(key, now, after, limit, parameter);
    let answers = database.read(vec![Ask::new(sql, parameters)]).await?;
    answers.iter().flat_map(|answer| &answer.rows).map(|row| Ok((place(row)?, cell::<i64>(row, 2)? != 0))).collect()
}

/// At the row where nodes that record a key meet.
pub(super) async fn forget(database: &Arc<Database>, key: KeyId) -> Result<(), StoreError> {
    let writes: Vec<_> = rows::forget(key, parameter).into_iter().map(|(sql, parameters)| Ask::new(sql, parameters).of_any_number()).collect();
    database.change(None, vec![Ask::new(MEET, vec![])], move |_| Ok(Step { answer: (), writes: writes.clone() })).await
}

fn place(row: &Row) -> Result<AccountPlace, StoreError> {
    let shard = u16::try_from(cell::<i64>(row, 0)?).map_err(|_| StoreError::corrupt("account", "shard"))?;
    let id = Uuid::from_slice(cell(row, 1)?).map_err(|_| StoreError::corrupt("account", "id"))?;
    Ok((Shard(shard), AccountId(id)))
}

fn cell<'a, T: tokio_postgres::types::FromSql<'a>>(row: &'a Row, at: usize) -> Result<T, StoreError> {
    row.try_get(at).map_err(|error| Fault::from(error).into())
}
