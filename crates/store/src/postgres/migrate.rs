//! Migrations: each in a transaction of its own, applied by one node at a time, whichever comes first.
//!
//! A row of `lease` says who is at it, so that nothing here needs a lock that a pooler or another engine lacks. The lease ends
//! by itself if its holder dies. Should it end too early, the row is locked by the holder's step all the same.

use std::time::Duration;

use tokio_postgres::error::SqlState;

use super::fault::Fault;
use super::flight::{Ask, Conn};
use crate::StoreError;
use crate::migration::{Migration, Pending, refused};
use crate::row::{ToCell as _, Value};

/// How often a node looks whether the lease is free.
const PAUSE: Duration = Duration::from_millis(100);
/// For how many pauses it does.
const PATIENCE: u32 = 1_200;

/// The database's own time in microseconds: nodes' clocks differ.
const NOW: &str = "CAST(extract(epoch FROM now()) * 1000000 AS BIGINT)";

const TABLES: [&str; 2] = [
    "CREATE TABLE IF NOT EXISTS schema_migration (number BIGINT NOT NULL PRIMARY KEY, checksum BIGINT NOT NULL, applied_at BIGINT)",
    "CREATE TABLE IF NOT EXISTS lease (name TEXT NOT NULL PRIMARY KEY, owner TEXT NOT NULL, expires_at BIGINT NOT NULL)",
];

/// Brings the schema up to date, or finds that it is.
pub(super) async fn migrate(connection: &mut Conn, migrations: &[Migration], pending: Pending) -> Result<(), Fault> {
    if is_current(connection, migrations).await? {
        return Ok(());
    }
    if pending == Pending::Refuse {
        return Err(refused().into());
    }
    make_tables(connection).await?;
    let owner = first_text(&connection.fly(&[Ask::new("SELECT CAST(gen_random_uuid() AS TEXT)", vec![])]).await?);
    for _ in 0..PATIENCE {
        if is_current(connection, migrations).await? {
            return Ok(());
        }
        if take_lease(connection, &owner).await? {
            let applied = apply(connection, migrations, &owner).await;
            let release = Ask::new("UPDATE lease SET expires_at = 0 WHERE name = 'migration' AND owner = $1", vec![owner.cell()]);
            let released = connection.fly(&[release]).await;
            if applied? {
                return released.map(drop);
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
    Err(StoreError::Unavailable("another node has been migrating the database for minutes; see what it is at, then start again".to_owned()).into())
}

/// Whether nothing is pending. A schema of another kind is refused.
async fn is_current(connection: &mut Conn, migrations: &[Migration]) -> Result<bool, Fault> {
    let there = Ask::new("SELECT to_regclass('schema_migration') IS NOT NULL", vec![]);
    let there = connection.fly(&[there]).await?;
    if !there[0].rows.first().is_some_and(|row| row.try_get(0).unwrap_or(false)) {
        return Ok(false);
    }
    let answers = connection.fly(&[Ask::new("SELECT number, checksum FROM schema_migration ORDER BY number", vec![])]).await?;
    let applied = answers[0].rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect::<Result<Vec<(i64, i64)>, Fault>>()?;
    for (number, checksum) in &applied {
        let Some(known) = migrations.iter().find(|migration| migration.number == *number) else {
            return Err(misconfigured(format!(
                "the database has migration {number}, which this version of doorward doesn't know; start the newer version that made it"
            )));
        };
        if known.checksum() != *checksum {
            return Err(misconfigured(format!("migration {number} of the database isn't the one of this version; restore a backup of it")));
        }
    }
    Ok(migrations.iter().all(|migration| applied.iter().any(|(number, _)| *number == migration.number)))
}

/// Makes the tables that migrations need. Two nodes that do so at once make the server stumble, not the result.
async fn make_tables(connection: &mut Conn) -> Result<(), Fault> {
    let tables = TABLES.map(|sql| Ask::new(sql, vec![]));
    let mut tries = 0;
    loop {
        tries += 1;
        let Err(fault) = connection.fly(&tables).await else { return Ok(()) };
        let collided = [SqlState::UNIQUE_VIOLATION, SqlState::DUPLICATE_TABLE, SqlState::DUPLICATE_OBJECT, SqlState::INTERNAL_ERROR];
        if tries == 20 || !fault.code().is_some_and(|code| collided.contains(code)) {
            return Err(fault);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Takes the lease for a while, if nobody has it.
async fn take_lease(connection: &mut Conn, owner: &str) -> Result<bool, Fault> {
    let take = format!(
        "INSERT INTO lease (name, owner, expires_at) VALUES ('migration', $1, {NOW} + 15000000) \
         ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, expires_at = excluded.expires_at WHERE lease.expires_at < {NOW}"
    );
    match connection.fly(&[Ask::new(take, vec![owner.cell()])]).await {
        Ok(answers) => Ok(answers[0].affected == 1),
        // The holder is in the middle of a step.
        Err(fault) if matches!(fault.code(), Some(code) if *code == SqlState::LOCK_NOT_AVAILABLE || *code == SqlState::QUERY_CANCELED) => Ok(false),
        Err(fault) => Err(fault),
    }
}

/// Applies what is pending. `false` if the lease went to another node in between.
async fn apply(connection: &mut Conn, migrations: &[Migration], owner: &str) -> Result<bool, Fault> {
    for migration in migrations {
        connection.engage();
        let outcome = step(connection, migration, owner).await;
        let end = if matches!(outcome, Ok(true)) { "COMMIT" } else { "ROLLBACK" };
        let ended = connection.fly(&[Ask::new(end, vec![])]).await;
        if ended.is_ok() {
            connection.free();
        }
        if !outcome.map_err(explain)? {
            return Ok(false);
        }
        ended?;
    }
    Ok(true)
}

/// One migration, unless it is there, in an open transaction that the caller ends. `false` if the lease is lost.
async fn step(connection: &mut Conn, migration: &Migration, owner: &str) -> Result<bool, Fault> {
    let held = format!("UPDATE lease SET expires_at = {NOW} + 15000000 WHERE name = 'migration' AND owner = $1");
    let opening = [
        Ask::new("BEGIN ISOLATION LEVEL READ COMMITTED", vec![]),
        Ask::new("SET LOCAL statement_timeout = 0", vec![]),
        Ask::new(held, vec![owner.cell()]),
        Ask::new("SELECT number FROM schema_migration WHERE number = $1", vec![Value::Int(migration.number)]),
    ];
    let answers = connection.fly(&opening).await?;
    if answers[2].affected != 1 {
        return Ok(false);
    }
    if answers[3].rows.is_empty() {
        tracing::info!(number = migration.number, "migrating the database");
        connection.client()?.batch_execute(migration.sql).await?;
        let record = format!("INSERT INTO schema_migration (number, checksum, applied_at) VALUES ($1, $2, {NOW})");
        connection.fly(&[Ask::new(record, vec![Value::Int(migration.number), Value::Int(migration.checksum())])]).await?;
    }
    Ok(true)
}

fn explain(fault: Fault) -> Fault {
    match fault.code() {
        Some(code) if *code == SqlState::DUPLICATE_TABLE => misconfigured(
            "the database holds tables of another program; give Doorward a database of its own, or a schema by ?options=-csearch_path%3Ddoorward".to_owned(),
        ),
        _ => fault,
    }
}

fn first_text(answers: &[super::flight::Answer]) -> String {
    answers.first().and_then(|answer| answer.rows.first()).and_then(|row| row.try_get(0).ok()).unwrap_or_default()
}

fn misconfigured(text: String) -> Fault {
    StoreError::Misconfigured(text).into()
}
