//! What only this engine's own connections show: a file that may not grow.

use std::sync::Arc;

use doorward_domain::{ApiKey, ApiKeyId, KeyRing, Role, TenantId, Timestamp};
use futures_util::future::join_all;
use rusqlite::Connection;
use uuid::Uuid;

use super::SqliteStore;
use crate::migration::Pending;
use crate::{Store as _, StoreError};

/// A key of which the row is about half a page long.
fn key(number: u128) -> ApiKey {
    let hash = KeyRing::new(&[[7; 32]]).api_key_hashes(&format!("dwk_{number}")).next().expect("a hash");
    ApiKey {
        id: ApiKeyId(Uuid::from_u128(number)),
        tenant: TenantId::new("acme").expect("a slug"),
        name: "a name ".repeat(300),
        role: Role::Host,
        hash,
        former: None,
        created_at: Timestamp::from_micros(1_800_000_000_000_000),
        expires_at: None,
        revoked_at: None,
        last_used_at: None,
        requests: vec![],
    }
}

/// Lets the database have so many pages more than it has; all that there is room for, if none are named.
async fn may_grow_by(store: &SqliteStore, more: Option<i64>) {
    let set = store.writer.submit(move |batch| {
        let has: i64 = batch.connection.query_row("PRAGMA page_count", [], |row| row.get(0))?;
        let most = more.map_or(i64::from(i32::MAX), |more| has + more);
        Ok(batch.connection.query_row(&format!("PRAGMA max_page_count = {most}"), [], |row| row.get::<_, i64>(0))?)
    });
    set.await.expect("it is set");
}

/// The engine undoes a whole transaction when a statement in it finds no room. Of the changes that shared it none is answered
/// as done, and whatever is answered as done is in the file.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_the_file_cant_grow_what_is_answered_is_written_and_the_rest_is_503() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("doorward.db");
    let store = SqliteStore::open(&path, Pending::Apply).expect("the store opens");
    let in_file = Connection::open(&path).expect("a connection beside it");
    let count = || in_file.query_row("SELECT count(*) FROM api_key", [], |row| row.get::<_, i64>(0)).expect("a number");
    let mut added = 0_i64;
    for round in 0..8_u128 {
        may_grow_by(&store, Some(24)).await;
        // Queued at once, so that many of them share a transaction.
        let keys: Vec<ApiKey> = (0..256).map(|number| key(round * 1_000 + number)).collect();
        let answers = join_all(keys.iter().cloned().map(|key| store.add_api_key(key, None))).await;
        let (done, refused): (Vec<_>, Vec<_>) = keys.iter().zip(answers).partition(|(_, answer)| answer.is_ok());
        assert!(refused.iter().all(|(_, answer)| matches!(answer, Err(StoreError::Unavailable(_)))), "{refused:?}");
        assert!(!refused.is_empty(), "there was room for all");
        added += i64::try_from(done.len()).expect("few");
        assert_eq!(count(), added, "round {round}: rows, and answers that they are there");
        for (there, keys) in [(true, &done), (false, &refused)] {
            for (key, _) in keys {
                assert_eq!(store.api_key(key.hash.clone()).await.expect("reads go on").is_some(), there, "round {round}");
            }
        }
        may_grow_by(&store, None).await;
        assert!(store.add_api_key(key(round * 1_000 + 999), None).await.expect("there is room again"));
        added += 1;
    }
    Arc::new(store).close().await;
}
