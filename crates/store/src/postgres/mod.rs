//! The PostgreSQL engine: a change is two flights, lock and load, then write and commit; a read is one.

mod address;
mod fault;
mod feed;
mod flight;
mod gates;
mod inspect;
mod key_usage;
mod load;
mod migrate;
mod pool;
mod pruning;
mod server;
#[cfg(test)]
mod tests;
mod tls;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, LazyLock};

use arc_swap::ArcSwapOption;
use doorward_domain::{
    Account, AccountId, ApiKey, BudgetId, FeedCheck, FeedEvent, FeedHead, Head, KeyId, KeyRing, KeyedHash, Lane, Link, Quota, SessionRef, Shard, SignIn,
    SignInId, Spent, Tenancy, Tenant, TenantId, Timestamp,
};
use tokio::sync::watch;

use crate::changes::{Change, Place, Write, changes, erasure, tenancy_changes};
use crate::migration::Pending;
use crate::pruning::stranded;
use crate::row::{Row as _, ToCell as _};
use crate::rows::{ACTIVITY, Spending};
use crate::seal::Seal;
use crate::{
    AccountKey, AccountPlace, BoxFuture, Decision, Erasing, Governing, GoverningAll, Held, Holders, KeysUsed, Need, Old, Resealed, Store, StoreError, Verdict,
};
use address::Address;
pub use address::{Way, way};
use flight::{Answer, Ask, parameter};
pub(crate) use inspect::{inspect, schema};
use load::{Loaded, Lock};
use pool::{Database, Step};

/// Adds a fact about the store, unless there is one of that name.
const ADD_META: &str = "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
const LATEST_MOMENT: &str = "latest_moment";

/// A store in a PostgreSQL database.
pub(crate) struct PostgresStore {
    database: Arc<Database>,
    /// What accounts are sealed under, once it is found to fit.
    keys: ArcSwapOption<KeyRing>,
    /// Rung after each commit that may have added to a feed.
    bell: watch::Sender<()>,
}

impl PostgresStore {
    #[cfg(test)]
    async fn open(url: &str) -> Result<Arc<dyn Store>, StoreError> {
        Self::open_where(url, Pending::Apply).await
    }

    /// Connects, checks the server and applies the migrations that are pending, or finds that none is.
    pub(crate) async fn open_where(url: &str, pending: Pending) -> Result<Arc<dyn Store>, StoreError> {
        let database = Database::new(Address::parse(url)?)?;
        let mut connection = database.connection().await.map_err(fault::Fault::at_opening)?;
        server::check(&mut connection).await.map_err(fault::Fault::at_opening)?;
        migrate::migrate(&mut connection, crate::migration::POSTGRES, pending).await.map_err(fault::Fault::at_opening)?;
        drop(connection);
        Ok(Arc::new(Self { database, keys: ArcSwapOption::empty(), bell: watch::Sender::default() }))
    }

    /// The server's keys.
    fn keys(&self) -> Result<Arc<KeyRing>, StoreError> {
        self.keys.load_full().ok_or_else(StoreError::locked)
    }

    /// Runs a rule over an account and answers the account as it is then. `None` if there is none and none was to be made.
    async fn run(
        &self,
        at: AccountKey,
        need: Need,
        rule: impl Fn(&mut Account) -> Verdict + Send + Sync + 'static,
    ) -> Result<Option<Arc<Account>>, StoreError> {
        let keys = self.keys()?;
        let (loading, first) = load::asks(&at, &need, Lock::Yes);
        let judge = move |answers: &[Answer]| {
            let (before, mut account) = match loading.assemble(&keys, answers)? {
                Loaded::There(account) => (Some(account.clone()), account),
                Loaded::New(account) => (None, account),
                Loaded::Missing => return Ok(Step { answer: None, writes: vec![] }),
            };
            let once = account.once.clone();
            let verdict = catch_unwind(AssertUnwindSafe(|| rule(&mut account))).map_err(|panic| StoreError::Panicked(message(&*panic)))?;
            let writes = match verdict {
                Verdict::Commit => feed::writes(&account.head.tenant, changes(before.as_ref(), &once, &account, &keys), &keys),
                Verdict::Refuse => vec![],
            };
            Ok(Step { answer: Some(Arc::new(account)), writes })
        };
        let changed = self.database.change(Some(at.shard()), first, judge).await?;
        self.bell.send_replace(());
        Ok(changed)
    }

    async fn remove_one(&self, at: AccountKey, need: Need, decision: Erasing) -> Result<bool, StoreError> {
        let keys = self.keys()?;
        let (loading, first) = load::asks(&at, &Need { create: None, ..need }, Lock::Yes);
        let judge = move |answers: &[Answer]| {
            let Loaded::There(before) = loading.assemble(&keys, answers)? else { return Ok(Step { answer: false, writes: vec![] }) };
            let mut account = before.clone();
            let decided = catch_unwind(AssertUnwindSafe(|| decision(&mut account))).map_err(|panic| StoreError::Panicked(message(&*panic)))?;
            let writes = decided.map(|tombstone| feed::writes(&account.head.tenant, erasure(&before, &account, &tombstone, &keys), &keys));
            Ok(Step { answer: true, writes: writes.unwrap_or_default() })
        };
        let removed = self.database.change(Some(at.shard()), first, judge).await?;
        self.bell.send_replace(());
        Ok(removed)
    }

    async fn one(&self, ask: Ask) -> Result<Answer, StoreError> {
        let answer = self.database.read(vec![ask]).await?.pop();
        answer.ok_or_else(|| StoreError::Unavailable("the database answered nothing".to_owned()))
    }

    async fn read_sessions(&self, at: &[SessionRef]) -> Result<Vec<Option<Account>>, StoreError> {
        let answers = self.database.read(at.iter().map(|at| load::session(*at)).collect()).await?;
        let keys = self.keys()?;
        answers.iter().map(|answer| load::session_answered(&keys, answer)).collect()
    }

    /// Notes activity in one transaction over all the accounts in which there is something to note.
    async fn touch_live(&self, at: Vec<SessionRef>, now: Timestamp, after_s: u32) -> Result<Vec<Option<Arc<Account>>>, StoreError> {
        let live = move |account: &Account, id| account.live_session(id, now).map(|session| session.last_activity_at);
        let due = move |last: Timestamp| now > last && now >= last.plus_s(after_s);
        // Most touches come too soon after the last to be noted: those lock nothing.
        let seen = self.read_sessions(&at).await?;
        let seen = seen.into_iter().zip(&at).map(|(account, at)| account.filter(|account| live(account, at.id).is_some()).map(Arc::new));
        let mut answers: Vec<Option<Arc<Account>>> = seen.collect();
        let is_due = |at: &SessionRef, account: &Option<Arc<Account>>| account.as_ref().and_then(|account| live(account, at.id)).is_some_and(due);
        // Each once, and every transaction in the same order, so that no two wait for each other.
        let place = |at: &SessionRef| (at.shard, at.account, at.id);
        let mut touched: Vec<SessionRef> = at.iter().zip(&answers).filter(|(at, account)| is_due(at, account)).map(|(at, _)| *at).collect();
        touched.sort_unstable_by_key(place);
        touched.dedup();
        if touched.is_empty() {
            return Ok(answers);
        }
        let mut accounts: Vec<_> = touched.iter().map(|at| (at.shard, at.account)).collect();
        accounts.dedup();
        let mut shards: Vec<Shard> = accounts.iter().map(|(shard, _)| *shard).collect();
        shards.dedup();
        // Judged again under the locks: nothing that ended in between is kept alive.
        let locks = accounts.iter().map(|(shard, account)| load::lock(*shard, *account));
        let first = locks.chain(touched.iter().map(|at| load::session(*at))).collect();
        let (locked, sessions, keys) = (accounts.len(), touched.clone(), self.keys()?);
        let judge = move |answers: &[Answer]| {
            let mut writes = vec![];
            let mut noted = vec![];
            for (at, answer) in sessions.iter().zip(&answers[locked..]) {
                let mut account = load::session_answered(&keys, answer)?.filter(|account| live(account, at.id).is_some());
                if let Some(account) = &mut account
                    && live(account, at.id).is_some_and(due)
                    && let Ok(session) = account.session_mut(at.id)
                {
                    session.last_activity_at = now;
                    writes.push(write(Place::of(&account.head).change(ACTIVITY, Write::Upsert, vec![at.id.0.cell(), now.cell()])));
                }
                noted.push(account.map(Arc::new));
            }
            Ok(Step { answer: noted, writes })
        };
        let noted = self.database.change(shards, first, judge).await?;
        for (at, answer) in at.iter().zip(&mut answers) {
            if let Ok(found) = touched.binary_search_by_key(&place(at), place) {
                answer.clone_from(&noted[found]);
            }
        }
        Ok(answers)
    }

    async fn govern_one(&self, id: TenantId, decision: Governing) -> Result<bool, StoreError> {
        let keys = self.keys()?;
        let judge = move |answers: &[Answer]| {
            let Some(before) = load::tenancy_answered(answers)? else { return Ok(Step { answer: false, writes: vec![] }) };
            let mut tenancy = before.clone();
            let verdict = catch_unwind(AssertUnwindSafe(|| decision(&mut tenancy))).map_err(|panic| StoreError::Panicked(message(&*panic)))?;
            let writes = match verdict {
                Verdict::Commit => feed::writes(&before.tenant.id, tenancy_changes(Some(&before), &tenancy), &keys),
                Verdict::Refuse => vec![],
            };
            Ok(Step { answer: true, writes })
        };
        let governed = self.database.change(None, load::tenancy(&id), judge).await?;
        self.bell.send_replace(());
        Ok(governed)
    }

    async fn govern_every(&self, decision: GoverningAll) -> Result<(), StoreError> {
        let keys = self.keys()?;
        let judge = move |answers: &[Answer]| {
            let before = load::tenancies_answered(answers)?;
            let mut after = before.clone();
            let verdict = catch_unwind(AssertUnwindSafe(|| decision(&mut after))).map_err(|panic| StoreError::Panicked(message(&*panic)))?;
            let writes = match verdict {
                Verdict::Commit => {
                    let changed = before.iter().zip(&after).map(|(before, after)| (&before.tenant.id, tenancy_changes(Some(before), after)));
                    changed.flat_map(|(tenant, changes)| feed::writes(tenant, changes, &keys)).collect()
                }
                Verdict::Refuse => vec![],
            };
            Ok(Step { answer: (), writes })
        };
        self.database.change(None, load::tenancies(), judge).await?;
        self.bell.send_replace(());
        Ok(())
    }

    async fn add_key(&self, key: ApiKey, once: Option<String>) -> Result<bool, StoreError> {
        let add = write(Place::NOWHERE.change(ApiKey::TABLE, Write::Insert, key.encode()));
        // Under a prefix, so that no name meets the store's own facts.
        let record = |name: &String| Ask::new(ADD_META, vec![format!("once:{name}").cell(), key.id.to_string().cell()]);
        let first: Vec<Ask> = once.iter().map(record).collect();
        // Where the name was there already, nothing was changed.
        let judge = move |answers: &[Answer]| {
            let again = answers.first().is_some_and(|recorded| recorded.affected == 0);
            Ok(Step { answer: !again, writes: if again { vec![] } else { vec![add.clone()] } })
        };
        self.database.change(None, first, judge).await
    }
}

impl PostgresStore {
    async fn spend_from(&self, spending: Spending) -> Result<Spent, StoreError> {
        // What others are sweeping or spending from is left to them.
        static SQL: LazyLock<[String; 3]> =
            LazyLock::new(|| [Spending::take(parameter), Spending::look(parameter), Spending::sweep(parameter, " FOR UPDATE SKIP LOCKED")]);
        let [take, look, sweep] = &*SQL;
        let told = |answer: &Answer| answer.rows.first().and_then(|row| row.try_get::<_, i64>(0).ok()).map(Timestamp::from_micros);
        if spending.is_possible()
            && let Some(full_at) = told(&self.database.write_telling(Ask::new(take.as_str(), spending.parameters())).await?)
        {
            if let Err(error) = self.database.write(Ask::new(sweep.as_str(), vec![spending.long_full()])).await {
                tracing::debug!(%error, "old budgets stay a little longer");
            }
            return Ok(Spent { granted: true, full_at });
        }
        let full_at = told(&self.one(Ask::new(look.as_str(), vec![spending.id()])).await?);
        Ok(Spent { granted: false, full_at: full_at.unwrap_or(Timestamp::from_micros(0)) })
    }
}

impl Store for PostgresStore {
    fn decide(&self, at: AccountKey, need: Need, decision: Decision) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(async move { Ok(self.run(at, need, move |account| decision(account)).await?.is_some()) })
    }

    fn remove(&self, at: AccountKey, need: Need, decision: Erasing) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(self.remove_one(at, need, decision))
    }

    fn account(&self, at: AccountKey, need: Need) -> BoxFuture<'_, Result<Option<Arc<Account>>, StoreError>> {
        let (loading, asks) = load::asks(&at, &Need { create: None, ..need }, Lock::No);
        Box::pin(async move {
            let keys = self.keys()?;
            match loading.assemble(&keys, &self.database.read(asks).await?)? {
                Loaded::There(account) | Loaded::New(account) => Ok(Some(Arc::new(account))),
                Loaded::Missing => Ok(None),
            }
        })
    }

    fn sessions(&self, at: Vec<SessionRef>) -> BoxFuture<'_, Result<Vec<Option<Arc<Account>>>, StoreError>> {
        Box::pin(async move { Ok(self.read_sessions(&at).await?.into_iter().map(|account| account.map(Arc::new)).collect()) })
    }

    fn touch_many(&self, at: Vec<SessionRef>, now: Timestamp, after_s: u32) -> BoxFuture<'_, Result<Vec<Option<Arc<Account>>>, StoreError>> {
        Box::pin(self.touch_live(at, now, after_s))
    }

    fn append(&self, to: &Head, sign_in: SignIn) -> BoxFuture<'_, Result<bool, StoreError>> {
        let row = Place::of(to).change(SignIn::TABLE, Write::Insert, sign_in.encode());
        let ask = Ask::new(load::append(), row.values);
        Box::pin(async move { Ok(self.database.write(ask).await? == 1) })
    }

    fn account_of(&self, sign_in: SignInId) -> BoxFuture<'_, Result<Option<AccountKey>, StoreError>> {
        Box::pin(async move { load::account_of_answered(sign_in.shard(), &self.one(load::account_of(sign_in)).await?) })
    }

    fn tenant(&self, id: TenantId) -> BoxFuture<'_, Result<Option<Arc<Tenant>>, StoreError>> {
        Box::pin(async move { Ok(self.one(load::tenant(&id, Lock::No)).await?.decode(Seal::Open)?.pop().map(Arc::new)) })
    }

    fn only_tenant(&self) -> BoxFuture<'_, Result<Option<Arc<Tenant>>, StoreError>> {
        static SQL: LazyLock<String> = LazyLock::new(|| format!("SELECT {} FROM tenant t LIMIT 2", Tenant::TABLE.select_list("t")));
        let ask = Ask::new(SQL.as_str(), vec![]);
        Box::pin(async move {
            let tenants = self.one(ask).await?.decode(Seal::Open)?;
            Ok(<[Tenant; 1]>::try_from(tenants).ok().map(|[only]| Arc::new(only)))
        })
    }

    fn tenants(&self) -> BoxFuture<'_, Result<Vec<Arc<Tenant>>, StoreError>> {
        Box::pin(async move { Ok(self.one(load::tenants()).await?.decode(Seal::Open)?.into_iter().map(Arc::new).collect()) })
    }

    fn found(&self, tenancy: Tenancy) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            let (keys, changes, id) = (self.keys.load_full(), tenancy_changes(None, &tenancy), tenancy.tenant.id.clone());
            let judge = move |answers: &[Answer]| {
                if !answers[0].rows.is_empty() {
                    return Err(StoreError::Exists);
                }
                let keys = keys.as_ref().ok_or_else(StoreError::locked)?;
                Ok(Step { answer: (), writes: feed::writes(&id, changes.clone(), keys) })
            };
            self.database.change(None, vec![load::tenant(&tenancy.tenant.id, Lock::Yes)], judge).await?;
            self.bell.send_replace(());
            Ok(())
        })
    }

    fn govern(&self, id: TenantId, decision: Governing) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(self.govern_one(id, decision))
    }

    fn govern_all(&self, decision: GoverningAll) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(self.govern_every(decision))
    }

    fn api_key(&self, hash: KeyedHash) -> BoxFuture<'_, Result<Option<Arc<ApiKey>>, StoreError>> {
        static SQL: LazyLock<String> =
            LazyLock::new(|| format!("SELECT {} FROM api_key t WHERE t.hash = $1 OR t.former_hash = $1", ApiKey::TABLE.select_list("t")));
        let ask = Ask::new(SQL.as_str(), vec![hash.cell()]);
        Box::pin(async move { Ok(self.one(ask).await?.decode(Seal::Open)?.pop().map(Arc::new)) })
    }

    fn add_api_key(&self, key: ApiKey, once: Option<String>) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(self.add_key(key, once))
    }

    fn server_keys(&self) -> BoxFuture<'_, Result<Vec<KeyId>, StoreError>> {
        Box::pin(async move {
            let answer = self.one(Ask::new("SELECT id FROM server_key ORDER BY id", vec![])).await?;
            let id = |row: &tokio_postgres::Row| row.try_get::<_, i64>(0).ok().and_then(|id| u32::try_from(id).ok()).map(KeyId);
            answer.rows.iter().map(|row| id(row).ok_or_else(|| StoreError::corrupt("server_key", "id"))).collect()
        })
    }

    fn check_keys(&self, keys: Vec<(KeyId, [u8; 16])>) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(key_usage::record(&self.database, keys))
    }

    fn keys_used(&self, now: Timestamp) -> BoxFuture<'_, Result<KeysUsed, StoreError>> {
        Box::pin(key_usage::count(&self.database, now))
    }

    fn reseal(&self, after: Option<AccountPlace>, limit: u16) -> BoxFuture<'_, Result<Resealed, StoreError>> {
        Box::pin(async move { key_usage::reseal(&self.database, self.keys()?, after, limit).await })
    }

    fn accounts_under(&self, key: KeyId, now: Timestamp, after: Option<AccountPlace>, limit: u16) -> BoxFuture<'_, Result<Holders, StoreError>> {
        Box::pin(key_usage::holders(&self.database, key, now, after, limit))
    }

    fn forget_server_key(&self, key: KeyId) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(key_usage::forget(&self.database, key))
    }

    fn unlock(&self, keys: Arc<KeyRing>) {
        self.keys.store(Some(keys));
    }

    fn clock(&self) -> BoxFuture<'_, Result<Option<Timestamp>, StoreError>> {
        Box::pin(async move {
            let answer = self.one(Ask::new("SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)", vec![])).await?;
            Ok(answer.rows.first().and_then(|row| row.try_get(0).ok()).map(Timestamp::from_micros))
        })
    }

    fn latest_moment(&self) -> BoxFuture<'_, Result<Option<Timestamp>, StoreError>> {
        let ask = Ask::new("SELECT value FROM meta WHERE name = $1", vec![LATEST_MOMENT.cell()]);
        Box::pin(async move {
            let answer = self.one(ask).await?;
            let Some(row) = answer.rows.first() else { return Ok(None) };
            let moment = row.try_get::<_, &str>(0).ok().and_then(|text| text.parse().ok());
            moment.map(|micros| Some(Timestamp::from_micros(micros))).ok_or_else(|| StoreError::corrupt("meta", LATEST_MOMENT))
        })
    }

    fn record_moment(&self, at: Timestamp) -> BoxFuture<'_, Result<(), StoreError>> {
        let later = "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value \
            WHERE CAST(meta.value AS BIGINT) < CAST(excluded.value AS BIGINT)";
        let ask = Ask::new(later, vec![LATEST_MOMENT.cell(), at.micros().to_string().cell()]);
        Box::pin(async move { self.database.write(ask).await.map(drop) })
    }

    fn feed_heads(&self, tenant: TenantId) -> BoxFuture<'_, Result<Vec<FeedHead>, StoreError>> {
        Box::pin(async move { self.one(feed::heads(&tenant)).await?.decode(Seal::Open) })
    }

    fn feed(&self, tenant: TenantId, after: Vec<(Lane, i64)>, limit: u16) -> BoxFuture<'_, Result<Vec<FeedEvent>, StoreError>> {
        Box::pin(async move {
            let keys = self.keys()?;
            let asks = after.iter().map(|(lane, position)| feed::events(&tenant, *lane, *position, limit)).collect();
            feed::events_answered(&keys, &after, &self.database.read(asks).await?)
        })
    }

    fn check_feed(&self, tenant: TenantId, lane: Lane, links: (Link, Option<Link>), limit: u16) -> BoxFuture<'_, Result<FeedCheck, StoreError>> {
        Box::pin(async move {
            let keys = self.keys()?;
            let answers = self.database.read(feed::entries(&tenant, lane, links.0, limit)).await?;
            feed::entries_answered(&keys, &tenant, links, limit, &answers)
        })
    }

    fn count_events(&self, lane: Lane) -> BoxFuture<'_, Result<(i64, i64), StoreError>> {
        Box::pin(async move { feed::counted(&self.one(feed::counts(lane)).await?) })
    }

    fn prune_feed(&self, tenant: TenantId, lane: Lane, before: Timestamp, limit: u16) -> BoxFuture<'_, Result<u64, StoreError>> {
        let judge = move |answers: &[Answer]| {
            let (removed, writes) = feed::pruned(answers, before)?;
            Ok(Step { answer: removed, writes })
        };
        Box::pin(self.database.change(None, feed::oldest(&tenant, lane, limit), judge))
    }

    fn bell(&self) -> watch::Receiver<()> {
        self.bell.subscribe()
    }

    fn prune(&self, at: AccountKey, need: Need, decision: Decision) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(self.prune_one(at, need, decision))
    }

    fn accounts(&self, after: Option<(Shard, AccountId)>, limit: u16) -> BoxFuture<'_, Result<Vec<(Shard, AccountId)>, StoreError>> {
        Box::pin(self.accounts_after(after, limit))
    }

    fn prune_old(&self, of: Old, before: Timestamp, limit: u16) -> BoxFuture<'_, Result<u64, StoreError>> {
        let ask = Ask::new(of.sql(parameter), of.parameters(before, limit));
        Box::pin(async move { self.database.write(ask).await })
    }

    fn prune_stranded(&self, since: Timestamp) -> BoxFuture<'_, Result<u64, StoreError>> {
        let ask = Ask::new(stranded(parameter), vec![since.cell()]);
        Box::pin(async move { self.database.write(ask).await })
    }

    fn held(&self, (shard, id): (Shard, AccountId)) -> BoxFuture<'_, Result<Option<Vec<Held>>, StoreError>> {
        Box::pin(self.all_held(shard, id))
    }

    fn spend(&self, budget: BudgetId, quota: Quota, count: u32, now: Timestamp) -> BoxFuture<'_, Result<Spent, StoreError>> {
        Box::pin(self.spend_from(Spending::new(budget, quota, count, now)))
    }

    fn ready(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move { server::takes_changes(&self.one(server::ready()).await?) })
    }

    fn figures(&self) -> Vec<(&'static str, u64)> {
        self.database.figures()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.database.close())
    }
}

/// The statement that writes a row.
fn write(change: Change) -> Ask {
    let one = change.write.is_of_one();
    let ask = Ask::new(change.sql(parameter), change.values);
    if one { ask } else { ask.of_any_number() }
}

fn message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}
