//! Doorward's store: one small trait, two engines, one suite of laws.
//!
//! The account is the transaction. An engine loads what a decision needs, runs the pure decision, writes what changed and
//! appends the events, in one commit. It gets finished values: it mints no ids and reads no clock.

mod changes;
mod error;
mod feed;
mod inspect;
mod migration;
mod need;
mod open;
mod postgres;
pub mod private;
mod pruning;
pub mod row;
mod rows;
mod seal;
mod server_keys;
mod sqlite;

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use doorward_domain::{
    Account, AccountId, ApiKey, BudgetId, FeedCheck, FeedEvent, FeedHead, Head, KeyId, KeyRing, KeyedHash, Lane, Link, Quota, SessionRef, Shard, SignIn,
    SignInId, Spent, Tenancy, Tenant, TenantId, Timestamp, Tombstone,
};

use row::{Table, Value};
use tokio::sync::watch;

pub use error::StoreError;
pub use inspect::{Inspection, Schema, inspect, pending};
pub use need::{AccountKey, Kept, Need, Page, Rows};
pub use open::{Database, open, open_current};
pub use postgres::{Way, way};
pub use pruning::Old;
pub use rows::{AccountPlace, KeyUsage, KeysUsed, tables};
pub use sqlite::{Backup, Progress, Restoring, backup};

/// A future of the store.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A rule with its answer put away: what an engine runs, maybe more than once.
pub type Decision = Arc<dyn Fn(&mut Account) -> Verdict + Send + Sync>;

/// The same over a tenant.
pub type Governing = Arc<dyn Fn(&mut Tenancy) -> Verdict + Send + Sync>;

/// The same over every tenant.
pub type GoverningAll = Arc<dyn Fn(&mut Vec<Tenancy>) -> Verdict + Send + Sync>;
/// A rule that erases an account: what is to stay of it, or `None` if it refuses.
pub type Erasing = Arc<dyn Fn(&mut Account) -> Option<Tombstone> + Send + Sync>;

/// The rows of one table that an account has: all of the table's own columns, opened.
#[derive(Debug, Clone)]
pub struct Held {
    /// The table.
    pub table: &'static Table,
    /// Its rows, by their keys.
    pub rows: Vec<Vec<Value>>,
}

/// What a decision came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Write what changed.
    Commit,
    /// Write nothing.
    Refuse,
}

/// What a batch of resealing came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resealed {
    /// How many heads were sealed anew.
    pub count: u64,
    /// The last account that was looked at; `None` where there is none after the place.
    pub last: Option<AccountPlace>,
}

/// The accounts in a batch in which something lies under a server key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holders {
    /// Those accounts, in order.
    pub holders: Vec<AccountPlace>,
    /// The last account that was looked at; `None` where there is none after the place.
    pub last: Option<AccountPlace>,
}

impl FromIterator<(AccountPlace, bool)> for Holders {
    /// Of the accounts in order, each with whether it holds something.
    fn from_iter<T: IntoIterator<Item = (AccountPlace, bool)>>(looked: T) -> Self {
        let mut batch = Self::default();
        for (place, holds) in looked {
            batch.last = Some(place);
            batch.holders.extend(holds.then_some(place));
        }
        batch
    }
}

/// A store of accounts. Object-safe; callers hold an `Arc<dyn Store>`.
///
/// Every method answers [`StoreError::Unavailable`] where the database can't be reached or has too much to do.
pub trait Store: Send + Sync {
    /// Runs a decision over an account in one transaction. `false` if there is no such account and none was to be made.
    fn decide(&self, at: AccountKey, need: Need, decision: Decision) -> BoxFuture<'_, Result<bool, StoreError>>;

    /// Erases an account in one transaction: the tombstone and its events stay, with those that the decision adds. The one way
    /// in which rows of an account go. `false` if there is none.
    fn remove(&self, at: AccountKey, need: Need, decision: Erasing) -> BoxFuture<'_, Result<bool, StoreError>>;

    /// Reads as much of an account as is needed, in one snapshot.
    fn account(&self, at: AccountKey, need: Need) -> BoxFuture<'_, Result<Option<Arc<Account>>, StoreError>>;

    /// Reads the account of each of these sessions with the session and its device, where there is such a session. Live or not.
    /// In order; a session may be named more than once.
    fn sessions(&self, at: Vec<SessionRef>) -> BoxFuture<'_, Result<Vec<Option<Arc<Account>>>, StoreError>>;

    /// Notes activity in each of these sessions that is live at `now`, if its last is at least `after_s` seconds ago; durable
    /// when answered. Answers for each, in order, the account as it is then, or `None` if the session isn't live. Never revives
    /// one. A session may be named more than once.
    fn touch_many(&self, at: Vec<SessionRef>, now: Timestamp, after_s: u32) -> BoxFuture<'_, Result<Vec<Option<Arc<Account>>>, StoreError>>;

    /// Appends a sign-in to an account. `false` if it was erased meanwhile.
    fn append(&self, to: &Head, sign_in: SignIn) -> BoxFuture<'_, Result<bool, StoreError>>;

    /// Which account a sign-in belongs to.
    fn account_of(&self, sign_in: SignInId) -> BoxFuture<'_, Result<Option<AccountKey>, StoreError>>;

    /// A tenant.
    fn tenant(&self, id: TenantId) -> BoxFuture<'_, Result<Option<Arc<Tenant>>, StoreError>>;

    /// The tenant, where there is exactly one.
    fn only_tenant(&self) -> BoxFuture<'_, Result<Option<Arc<Tenant>>, StoreError>>;

    /// Every tenant, by its id.
    fn tenants(&self) -> BoxFuture<'_, Result<Vec<Arc<Tenant>>, StoreError>>;

    /// Makes a tenant, with the first events of its trail. [`StoreError::Exists`] if it is there.
    fn found(&self, tenancy: Tenancy) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Runs an administrative decision over a tenant and its API keys in one transaction. `false` if there is no such tenant.
    fn govern(&self, id: TenantId, decision: Governing) -> BoxFuture<'_, Result<bool, StoreError>>;

    /// The same over every tenant, in the order of their ids, in one transaction.
    fn govern_all(&self, decision: GoverningAll) -> BoxFuture<'_, Result<(), StoreError>>;

    /// The API key with this hash.
    fn api_key(&self, hash: KeyedHash) -> BoxFuture<'_, Result<Option<Arc<ApiKey>>, StoreError>>;

    /// Adds an API key. With `once`, a name under which that is recorded in the same commit: it is added the first time
    /// only, and `false` is answered ever after, also where the key was revoked since.
    fn add_api_key(&self, key: ApiKey, once: Option<String>) -> BoxFuture<'_, Result<bool, StoreError>>;

    /// The server keys that the store has been used with.
    fn server_keys(&self) -> BoxFuture<'_, Result<Vec<KeyId>, StoreError>>;

    /// Compares the server keys with those that the store has been used with. The first is recorded if it is new and the
    /// store knows none, or if a key of the ring besides it is known and right.
    ///
    /// [`StoreError::Misconfigured`] if a check value differs, or none is known to this store.
    fn check_keys(&self, keys: Vec<(KeyId, [u8; 16])>) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Counts what lies under each server key at a moment, in one snapshot.
    fn keys_used(&self, now: Timestamp) -> BoxFuture<'_, Result<KeysUsed, StoreError>>;

    /// Looks at so many accounts at most after a place, and seals the heads of those that are under another server key than the
    /// active one anew; in one commit. Their rows stay otherwise as they are.
    fn reseal(&self, after: Option<AccountPlace>, limit: u16) -> BoxFuture<'_, Result<Resealed, StoreError>>;

    /// Looks at so many accounts at most after a place, and answers those in which sessions, offers or device tokens lie under a
    /// server key.
    fn accounts_under(&self, key: KeyId, now: Timestamp, after: Option<AccountPlace>, limit: u16) -> BoxFuture<'_, Result<Holders, StoreError>>;

    /// Forgets that the store was used with a server key, and the requests that are remembered under it; in one commit.
    fn forget_server_key(&self, key: KeyId) -> BoxFuture<'_, Result<(), StoreError>>;

    /// From now on what is sealed under these server keys can be read and written. Until then accounts are `Unavailable`.
    fn unlock(&self, keys: Arc<KeyRing>);

    /// The database's own time, where it may be another machine's than ours.
    fn clock(&self) -> BoxFuture<'_, Result<Option<Timestamp>, StoreError>>;

    /// The latest moment that the store was told of, so that a clock which steps back over a restart revives nothing.
    fn latest_moment(&self) -> BoxFuture<'_, Result<Option<Timestamp>, StoreError>>;

    /// Records a moment as the latest, unless a later one is recorded.
    fn record_moment(&self, at: Timestamp) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Where the lanes of a tenant's feed stand, those in which there is something, in order.
    fn feed_heads(&self, tenant: TenantId) -> BoxFuture<'_, Result<Vec<FeedHead>, StoreError>>;

    /// Events of a tenant's feed: of each lane, those after a position, so many at most, in their order and none left out.
    /// [`StoreError::Corrupt`] where one is gone, which is also what pruning looks like to those who are behind it.
    fn feed(&self, tenant: TenantId, after: Vec<(Lane, i64)>, limit: u16) -> BoxFuture<'_, Result<Vec<FeedEvent>, StoreError>>;

    /// Compares so many entries of a lane, from a link on, with what was written, and with a later link that is known from before.
    fn check_feed(&self, tenant: TenantId, lane: Lane, links: (Link, Option<Link>), limit: u16) -> BoxFuture<'_, Result<FeedCheck, StoreError>>;

    /// How many events lie in the trails of a lane's shards, and how many all tenants' feeds know of there: in one snapshot.
    fn count_events(&self, lane: Lane) -> BoxFuture<'_, Result<(i64, i64), StoreError>>;

    /// Removes the first entries of a lane with their events, as long as they are from before then, so many at most, and leaves an
    /// anchor from which the rest can still be compared. Answers how many entries.
    fn prune_feed(&self, tenant: TenantId, lane: Lane, before: Timestamp, limit: u16) -> BoxFuture<'_, Result<u64, StoreError>>;

    /// Changes with each commit of this process that may have added to a feed.
    fn bell(&self) -> watch::Receiver<()>;

    /// As [`Store::decide`], and the rows that the decision removes are deleted: sign-ins, offers, sessions with their activity,
    /// devices. No account is made.
    fn prune(&self, at: AccountKey, need: Need, decision: Decision) -> BoxFuture<'_, Result<bool, StoreError>>;

    /// Where the accounts after this one lie, in order, so many at most.
    fn accounts(&self, after: Option<(Shard, AccountId)>, limit: u16) -> BoxFuture<'_, Result<Vec<(Shard, AccountId)>, StoreError>>;

    /// Deletes rows that are older than that, so many at most. Answers how many.
    fn prune_old(&self, of: Old, before: Timestamp, limit: u16) -> BoxFuture<'_, Result<u64, StoreError>>;

    /// Deletes the sign-ins that were added to accounts while they were erased, since then. Answers how many.
    fn prune_stranded(&self, since: Timestamp) -> BoxFuture<'_, Result<u64, StoreError>>;

    /// All that is kept in an account, in one snapshot: its head, then table by table. `None` if it isn't there.
    fn held(&self, at: (Shard, AccountId)) -> BoxFuture<'_, Result<Option<Vec<Held>>, StoreError>>;

    /// Takes so many from a budget that is full if it isn't known: all of them or none, in one statement, durable when answered.
    /// However many do so at once, no more is taken than the quota holds.
    fn spend(&self, budget: BudgetId, quota: Quota, count: u32, now: Timestamp) -> BoxFuture<'_, Result<Spent, StoreError>>;

    /// Whether the store can take a change now.
    fn ready(&self) -> BoxFuture<'_, Result<(), StoreError>>;

    /// The engine's figures for the metrics page: name and value.
    fn figures(&self) -> Vec<(&'static str, u64)>;

    /// Finishes what is queued and closes. Calls after it are `Unavailable`.
    fn close(&self) -> BoxFuture<'_, ()>;
}

/// The typed door.
impl dyn Store + '_ {
    /// One session, as [`Store::sessions`] reads several.
    ///
    /// # Errors
    /// The store's.
    pub async fn session(&self, at: SessionRef) -> Result<Option<Arc<Account>>, StoreError> {
        Ok(self.sessions(vec![at]).await?.pop().flatten())
    }

    /// Notes activity in one session, as [`Store::touch_many`] does in several.
    ///
    /// # Errors
    /// The store's.
    pub async fn touch(&self, at: SessionRef, now: Timestamp, after_s: u32) -> Result<Option<Arc<Account>>, StoreError> {
        Ok(self.touch_many(vec![at], now, after_s).await?.pop().flatten())
    }

    /// Runs a rule over an account in one transaction. `None` if there is no such account and `need` says to make none;
    /// the inner result is the rule's: a refusal writes nothing.
    ///
    /// A rule may run more than once, so it is `Fn`: it can't spend what it captured.
    ///
    /// # Errors
    /// The store's. A rule that panics is [`StoreError::Panicked`] and writes nothing.
    pub async fn update<T, R>(
        &self,
        at: AccountKey,
        need: Need,
        rule: impl Fn(&mut Account) -> Result<T, R> + Send + Sync + 'static,
    ) -> Result<Option<Result<T, R>>, StoreError>
    where
        T: Send + 'static,
        R: Send + 'static,
    {
        let (answer, decision) = put_away(rule);
        let ran = self.decide(at, need, decision).await?;
        let outcome = answer.lock().unwrap_or_else(PoisonError::into_inner).take();
        Ok(outcome.filter(|_| ran))
    }

    /// Makes a tenant.
    ///
    /// # Errors
    /// `Exists` if it is there.
    pub async fn create_tenant(&self, tenancy: impl Into<Tenancy>) -> Result<(), StoreError> {
        self.found(tenancy.into()).await
    }

    /// Erases an account by a rule, as [`update`](#method.update) changes one. `None` if there is no such account.
    ///
    /// # Errors
    /// As `update`.
    pub async fn erase<T, R>(
        &self,
        at: AccountKey,
        need: Need,
        rule: impl Fn(&mut Account) -> Result<(T, Tombstone), R> + Send + Sync + 'static,
    ) -> Result<Option<Result<T, R>>, StoreError>
    where
        T: Send + 'static,
        R: Send + 'static,
    {
        let answer: Outcome<T, R> = Arc::new(Mutex::new(None));
        let put_away = Arc::clone(&answer);
        let decision: Erasing = Arc::new(move |account| {
            let (outcome, tombstone) = match rule(account) {
                Ok((outcome, tombstone)) => (Ok(outcome), Some(tombstone)),
                Err(refusal) => (Err(refusal), None),
            };
            *put_away.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
            tombstone
        });
        let ran = self.remove(at, need, decision).await?;
        let outcome = answer.lock().unwrap_or_else(PoisonError::into_inner).take();
        Ok(outcome.filter(|_| ran))
    }

    /// Runs a rule that removes over an account, as [`update`](#method.update) runs one that doesn't. `None` if there is no such
    /// account.
    ///
    /// # Errors
    /// As `update`.
    pub async fn prune_by<T: Send + 'static>(
        &self,
        at: AccountKey,
        need: Need,
        rule: impl Fn(&mut Account) -> T + Send + Sync + 'static,
    ) -> Result<Option<T>, StoreError> {
        let (answer, decision) = put_away(move |account| Ok::<_, ()>(rule(account)));
        let ran = self.prune(at, need, decision).await?;
        let outcome = answer.lock().unwrap_or_else(PoisonError::into_inner).take();
        Ok(outcome.filter(|_| ran).and_then(Result::ok))
    }

    /// Runs an administrative rule over a tenant and its API keys, as [`update`](#method.update) runs one over an account.
    /// `None` if there is no such tenant.
    ///
    /// # Errors
    /// As `update`; `Exists` for an API key whose hash is there already.
    pub async fn administer<T, R>(
        &self,
        id: TenantId,
        rule: impl Fn(&mut Tenancy) -> Result<T, R> + Send + Sync + 'static,
    ) -> Result<Option<Result<T, R>>, StoreError>
    where
        T: Send + 'static,
        R: Send + 'static,
    {
        let (answer, decision) = put_away(rule);
        let ran = self.govern(id, decision).await?;
        let outcome = answer.lock().unwrap_or_else(PoisonError::into_inner).take();
        Ok(outcome.filter(|_| ran))
    }

    /// Runs an administrative rule over every tenant in one transaction: it alters, and neither adds nor removes one.
    ///
    /// # Errors
    /// As `administer`.
    pub async fn administer_all<T, R>(&self, rule: impl Fn(&mut Vec<Tenancy>) -> Result<T, R> + Send + Sync + 'static) -> Result<Result<T, R>, StoreError>
    where
        T: Send + 'static,
        R: Send + 'static,
    {
        let (answer, decision) = put_away(rule);
        self.govern_all(decision).await?;
        let outcome = answer.lock().unwrap_or_else(PoisonError::into_inner).take();
        outcome.ok_or_else(|| StoreError::Unavailable("the rule was not run".to_owned()))
    }
}

/// Where a rule's answer is put away until its change is committed.
type Outcome<T, R> = Arc<Mutex<Option<Result<T, R>>>>;
/// A rule with its answer put away: what an engine runs.
type Run<S> = Arc<dyn Fn(&mut S) -> Verdict + Send + Sync>;

fn put_away<S: 'static, T: Send + 'static, R: Send + 'static>(rule: impl Fn(&mut S) -> Result<T, R> + Send + Sync + 'static) -> (Outcome<T, R>, Run<S>) {
    let answer: Outcome<T, R> = Arc::new(Mutex::new(None));
    let put_away = Arc::clone(&answer);
    let decision: Run<S> = Arc::new(move |subject| {
        let outcome = rule(subject);
        let verdict = if outcome.is_ok() { Verdict::Commit } else { Verdict::Refuse };
        *put_away.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
        verdict
    });
    (answer, decision)
}
