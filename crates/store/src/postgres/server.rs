//! What the server has to be like, checked when a store is opened and whenever somebody asks whether it is ready.

use super::fault::Fault;
use super::flight::{Answer, Ask, Conn};
use crate::StoreError;

/// The oldest server that is tested against is 15; older ones lack what the statements need.
const OLDEST: i64 = 130_000;

/// Asks whether the server takes changes.
pub(super) fn ready() -> Ask {
    Ask::new("SELECT CASE WHEN pg_is_in_recovery() OR current_setting('transaction_read_only') <> 'off' THEN 0 ELSE 1 END", vec![])
}

/// The reverse of [`ready`].
pub(super) fn takes_changes(answer: &Answer) -> Result<(), StoreError> {
    match answer.rows.first().and_then(|row| row.try_get::<_, i32>(0).ok()) {
        Some(1) => Ok(()),
        _ => Err(StoreError::Unavailable("the database takes no changes: it is a standby or set to read only".to_owned())),
    }
}

/// Refuses a server that can't hold the data as it is, and warns of one that may lose it.
pub(super) async fn check(connection: &mut Conn) -> Result<(), Fault> {
    let setting = |name: &str| Ask::new(format!("SELECT current_setting('{name}')"), vec![]);
    let answers = connection.fly(&[ready(), setting("server_version_num"), setting("server_encoding"), setting("fsync"), setting("full_page_writes")]).await?;
    takes_changes(&answers[0])?;
    let said = |at: usize| answers[at].rows.first().and_then(|row| row.try_get::<_, &str>(0).ok()).unwrap_or_default();
    if said(1).parse::<i64>().is_ok_and(|version| version < OLDEST) {
        return Err(misconfigured(format!("PostgreSQL {} is too old; Doorward needs 13 or later", said(1))));
    }
    // SQL_ASCII keeps every byte as it is.
    if !["UTF8", "SQL_ASCII"].contains(&said(2)) {
        return Err(misconfigured(format!("the database's encoding is {}; create it with ENCODING 'UTF8'", said(2))));
    }
    for (at, name) in [(3, "fsync"), (4, "full_page_writes")] {
        if said(at) != "on" {
            tracing::warn!("the database server has {name} = {}: a power cut may lose or damage what was acknowledged", said(at));
        }
    }
    Ok(())
}

fn misconfigured(text: String) -> Fault {
    StoreError::Misconfigured(text).into()
}
