//! What only this engine can get wrong: races between nodes, lost connections, servers that are away, schemas of others.
//!
//! The laws of the store are held against it in `doorward-tests`.

#![allow(clippy::disallowed_methods, reason = "tests name what they make by the time")]

mod changes;
mod opening;
mod outages;
mod proxy;

use std::future::Future;
use std::sync::Arc;

use doorward_domain::{
    Account, AccountId, Actor, Attempt, Completion, DataKey, Factor, FeedEpoch, Fingerprint, KeyRing, MfaMethod, Mint, Moment, NewAccount, NoLocations, Opened,
    Parts, Policy, Preset, SecondFactor, Seen, SessionRef, Tenant, TenantId, Timestamp, UserId,
};
use futures_util::FutureExt as _;
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;

use super::PostgresStore;
use crate::{AccountKey, Need, Store};

const NOW: i64 = 1_800_000_000_000_000;

/// A database of a test's own.
struct Place {
    superuser: String,
    name: String,
}

impl Place {
    /// The database's address.
    fn url(&self) -> String {
        with_database(&self.superuser, &self.name)
    }

    async fn open(&self) -> Arc<dyn Store> {
        opened(&self.url()).await
    }

    /// Runs SQL beside the store.
    async fn sql(&self, sql: &str) {
        connect(&self.url()).await.batch_execute(sql).await.expect("the SQL runs");
    }

    /// One number, asked beside the store.
    async fn number(&self, sql: &str) -> i64 {
        connect(&self.url()).await.query_one(sql, &[]).await.expect("the SQL runs").get(0)
    }
}

/// Runs a test in an empty database, where there is a server, and removes it whatever comes of the test.
async fn in_database<F: Future<Output = ()>>(test: impl FnOnce(Arc<Place>) -> F) {
    in_database_made(" TEMPLATE template0", test).await;
}

async fn in_database_made<F: Future<Output = ()>>(how: &str, test: impl FnOnce(Arc<Place>) -> F) {
    let Ok(superuser) = std::env::var("DOORWARD_TEST_POSTGRES") else {
        assert!(std::env::var("DOORWARD_TEST_REQUIRE_POSTGRES").as_deref() != Ok("1"), "DOORWARD_TEST_POSTGRES names no server");
        eprintln!("skipped: DOORWARD_TEST_POSTGRES names no server");
        return;
    };
    let name = format!("engine_{}", Uuid::now_v7().simple());
    connect(&superuser).await.batch_execute(&format!("CREATE DATABASE {name}{how}")).await.expect("a database");
    let place = Arc::new(Place { superuser: superuser.clone(), name: name.clone() });
    let outcome = std::panic::AssertUnwindSafe(test(place)).catch_unwind().await;
    connect(&superuser).await.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)")).await.expect("it goes");
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}

/// A store that is ready for use.
async fn opened(url: &str) -> Arc<dyn Store> {
    let store = PostgresStore::open(url).await.expect("the store opens");
    store.unlock(Arc::new(keys()));
    store
}

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("PostgreSQL answers");
    tokio::spawn(connection);
    client
}

fn with_database(url: &str, name: &str) -> String {
    let at = url.rfind('/').expect("an address has a database");
    format!("{}/{name}", &url[..at])
}

fn now() -> Timestamp {
    Timestamp::from_micros(NOW)
}

fn keys() -> KeyRing {
    KeyRing::new(&[[7; 32]])
}

fn moment<'a>(keys: &'a KeyRing, now: Timestamp, seed: Uuid) -> Moment<'a> {
    let mut bytes = [0; 32];
    bytes[..16].copy_from_slice(seed.as_bytes());
    Moment { now, actor: Actor::System, mint: Mint::new(bytes), keys, locations: &NoLocations }
}

fn tenant() -> Tenant {
    let id = TenantId::new("acme").expect("a slug");
    Tenant {
        id,
        sessions_gen: 1,
        trust_gen: 1,
        fenced_at: None,
        policy: Policy::preset(Preset::Consumer),
        policy_revision: 1,
        past_limits: vec![],
        last_event: 0,
        feed_epoch: FeedEpoch(Uuid::nil()),
        created_at: now(),
    }
}

fn new_account() -> NewAccount {
    NewAccount { id: AccountId(Uuid::now_v7()), data_key: DataKey::new([9; 32]), at: now() }
}

fn user(name: &str) -> AccountKey {
    AccountKey::User(tenant().id, UserId::new(name).expect("a user id"))
}

/// What rules judge by, and the account is made if it isn't there.
fn need() -> Need {
    Need { create: Some(new_account()), ..Need::standing(now()) }
}

/// A rule that opens a session by a verified second factor.
fn open_session(account: &mut Account, seed: Uuid) -> Result<Opened, doorward_domain::Refusal> {
    let keys = keys();
    let attempt = Attempt {
        seen: Seen { ip: "192.0.2.7".parse().expect("an address"), user_agent: "test".to_owned(), client_hints: None, device_info: None },
        parts: Parts::default(),
        fingerprint: Fingerprint::default(),
        second_factor: SecondFactor::Done,
        factor: Some(Factor { method: MfaMethod::Totp, verified_at: now() }),
        require_mfa: false,
        login_method: "password".to_owned(),
        amr: vec!["pwd".to_owned()],
        authenticated_at: now(),
    };
    account.sign_in_directly(&mut moment(&keys, now(), seed), attempt, None, Completion::default())
}

/// Opens a session in a store, and the account and tenant for it where they aren't there.
async fn session(store: &Arc<dyn Store>, name: &str) -> SessionRef {
    drop(store.create_tenant(tenant()).await);
    let seed = Uuid::now_v7();
    let opened = store.update(user(name), need(), move |account| open_session(account, seed)).await;
    opened.expect("the store answers").expect("the account is made").expect("no refusal").access_token.at
}

/// Adds one to an account's number of factor changes, as a change that is easy to count.
async fn count_up(store: &Arc<dyn Store>, key: AccountKey) -> Result<(), crate::StoreError> {
    let counted = store.update(key, need(), |account| {
        account.head.last_event += 1;
        Ok::<_, ()>(())
    });
    counted.await.map(drop)
}

async fn counted(store: &Arc<dyn Store>, key: AccountKey) -> i64 {
    store.account(key, Need::default()).await.expect("the store answers").expect("the account is there").head.last_event
}
