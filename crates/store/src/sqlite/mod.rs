//! The SQLite engine: one process owns the file, one thread writes, point reads run inline from an exact index.

mod backup;
mod connection;
mod effects;
mod index;
mod inspect;
mod key_usage;
mod load;
mod pruning;
#[cfg(test)]
mod tests;
mod writer;

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use crossbeam_channel::{RecvTimeoutError, Sender, bounded};
use doorward_domain::{
    Account, AccountId, ApiKey, BudgetId, FeedCheck, FeedEvent, FeedHead, Head, KeyId, KeyRing, KeyedHash, Lane, Link, Quota, SessionRef, Shard, SignIn,
    SignInId, Spent, Tenancy, Tenant, TenantId, Timestamp,
};
use rusqlite::{Connection, OptionalExtension as _};
use tokio::sync::watch;
use uuid::Uuid;

use crate::changes::{Place, Write};
use crate::migration::Pending;
use crate::pruning::{accounts, stranded};
use crate::row::{Row as _, Value};
use crate::rows::Spending;
use crate::seal::Seal;
use crate::{
    AccountKey, AccountPlace, BoxFuture, Decision, Erasing, Governing, GoverningAll, Held, Holders, KeysUsed, Need, Old, Resealed, Rows, Store, StoreError,
};
pub use backup::{Backup, Progress, Restoring, backup};
use connection::Ownership;
use effects::Directory;
use index::Index;
pub(crate) use inspect::{inspect, schema};
use writer::{Shared, Writer};

/// A store in one SQLite file.
pub(crate) struct SqliteStore {
    shared: Arc<Shared>,
    writer: Writer,
    readers: Arc<Readers>,
    checkpoints: Mutex<Option<(Sender<()>, JoinHandle<()>)>>,
    /// The lock on the file; given back at the close.
    ownership: Mutex<Option<Ownership>>,
}

/// The connections for reading.
struct Readers {
    connections: Vec<Mutex<Connection>>,
    next: AtomicUsize,
}

impl Readers {
    /// A connection that nobody uses, or the next in turn.
    fn take(&self) -> MutexGuard<'_, Connection> {
        let start = self.next.fetch_add(1, Ordering::Relaxed);
        let in_turn = (0..self.connections.len()).map(|step| &self.connections[(start + step) % self.connections.len()]);
        let free = in_turn.into_iter().find_map(|connection| connection.try_lock().ok());
        free.unwrap_or_else(|| self.connections[start % self.connections.len()].lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads from one snapshot.
    fn read<T>(&self, read: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let connection = self.take();
        let snapshot = connection.unchecked_transaction()?;
        let answer = read(&snapshot)?;
        snapshot.commit()?;
        Ok(answer)
    }
}

impl SqliteStore {
    pub(crate) fn open(path: &Path, pending: Pending) -> Result<Self, StoreError> {
        let (ownership, path) = Ownership::take(path)?;
        let path = path.as_path();
        let connection = connection::writer(path, pending)?;
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let connections = (0..cores.clamp(2, 8)).map(|_| connection::reader(path).map(Mutex::new)).collect::<Result<_, _>>()?;
        let readers = Arc::new(Readers { connections, next: AtomicUsize::new(0) });
        let tenants = load::tenants(&connection)?.into_iter().map(|tenant| (tenant.id.clone(), Arc::new(tenant))).collect();
        let select = format!("SELECT {} FROM api_key t", ApiKey::TABLE.select_list("t"));
        let mut directory = Directory { tenants, ..Directory::default() };
        load::rows::<ApiKey>(&connection, Seal::Open, &select, [])?.into_iter().for_each(|key| directory.put(key));
        let shared = Arc::new(Shared {
            index: Index::new(),
            keys: ArcSwapOption::empty(),
            directory: ArcSwap::from_pointee(directory),
            broken: AtomicBool::new(false),
            reset_log: AtomicBool::new(false),
            long_log: AtomicI64::new(writer::LONG_LOG),
            log_holds_erased: AtomicBool::new(false),
            changes: AtomicU64::new(0),
            bell: watch::Sender::default(),
            closed: AtomicBool::new(false),
        });
        let checkpoints = Mutex::new(Some(start_checkpoints(path, &shared)?));
        let writer = Writer::start(connection, Arc::clone(&shared))?;
        Ok(Self { shared, writer, readers, checkpoints, ownership: Mutex::new(Some(ownership)) })
    }

    /// A closed store says nothing of what it remembers: another process may own the file by now.
    fn open_still(&self) -> Result<(), StoreError> {
        if self.shared.closed.load(Ordering::Acquire) { Err(StoreError::Unavailable("the store is closed".to_owned())) } else { Ok(()) }
    }

    fn shut(&self) {
        self.shared.closed.store(true, Ordering::Release);
        self.writer.stop();
        let checkpoints = self.checkpoints.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((stop, thread)) = checkpoints {
            drop(stop);
            drop(thread.join());
        }
        // Last: until here what was queued may still have been written.
        drop(self.ownership.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// The standing image of an account: from the index, or read and offered to it.
    fn image(&self, at: &AccountKey) -> Result<Option<Arc<Account>>, StoreError> {
        self.open_still()?;
        if let AccountKey::Id(shard, id) = at
            && let Some(image) = self.shared.index.get(*shard, *id)
        {
            return Ok(Some(image));
        }
        // In this order: a change after the counter was read keeps the image out of the index.
        let keys = self.shared.keys()?;
        let commits = self.shared.index.commits();
        let directory = self.shared.directory.load();
        let loaded = self.readers.read(|connection| {
            let Some(id) = load::account_id(connection, at)? else { return Ok(None) };
            if let Some(image) = self.shared.index.get(at.shard(), id) {
                return Ok(Some((image, false)));
            }
            let Some(head) = load::head(connection, &keys, at)? else { return Ok(None) };
            let tenant = directory.tenants.get(&head.tenant).cloned().ok_or_else(|| StoreError::corrupt("account", "tenant"))?;
            load::standing(connection, head, tenant).map(|account| Some((Arc::new(account), true)))
        })?;
        if let Some((image, true)) = &loaded {
            self.shared.index.fill(commits, Arc::clone(image));
        }
        Ok(loaded.map(|(image, _)| image))
    }

    /// Reads what takes longer from one snapshot, on another thread.
    async fn look<T: Send + 'static>(&self, read: impl FnOnce(&Connection, &KeyRing) -> Result<T, StoreError> + Send + 'static) -> Result<T, StoreError> {
        let keys = self.open_still().and_then(|()| self.shared.keys())?;
        let readers = Arc::clone(&self.readers);
        let read = tokio::task::spawn_blocking(move || readers.read(|connection| read(connection, &keys)));
        read.await.map_err(|panic| StoreError::Panicked(panic.to_string()))?
    }

    fn read_session(&self, at: SessionRef) -> Result<Option<Arc<Account>>, StoreError> {
        let Some(image) = self.image(&AccountKey::Id(at.shard, at.account))? else { return Ok(None) };
        let here = image.session(at.id).is_ok_and(|session| image.device_of(session).is_ok());
        if here {
            return Ok(Some(image));
        }
        self.readers.read(|connection| load::session(connection, &image, at.id)).map(|found| found.map(Arc::new))
    }
}

/// The lock isn't given back before the last change is written, also where nobody called `close`.
impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.shut();
    }
}

/// Checkpoints off the commit path: passive ones from a connection of their own, as long as there was something to write.
fn start_checkpoints(path: &Path, shared: &Arc<Shared>) -> Result<(Sender<()>, JoinHandle<()>), StoreError> {
    let connection = connection::checkpointer(path)?;
    let shared = Arc::clone(shared);
    let (stop, stopped) = bounded::<()>(0);
    let run = move || {
        let mut seen = 0;
        while stopped.recv_timeout(Duration::from_millis(200)) == Err(RecvTimeoutError::Timeout) {
            let commits = shared.index.commits();
            if commits == seen {
                continue;
            }
            seen = commits;
            match connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get::<_, i64>(1)) {
                Ok(pages) => {
                    let due = pages > shared.long_log.load(Ordering::Relaxed) || shared.log_holds_erased.load(Ordering::Relaxed);
                    shared.reset_log.fetch_or(due, Ordering::Relaxed)
                }
                Err(error) => {
                    tracing::warn!(%error, "a checkpoint failed");
                    true
                }
            };
        }
    };
    let thread = std::thread::Builder::new().name("store-checkpoints".to_owned()).spawn(run).map_err(|error| StoreError::Unavailable(error.to_string()))?;
    Ok((stop, thread))
}

/// Whether the standing image holds all that is needed.
fn in_image(need: &Need) -> bool {
    let standing = |rows| matches!(rows, Rows::None | Rows::Standing);
    let rest = Need { create: None, devices: Rows::None, sessions: Rows::None, raises: false, ..need.clone() };
    standing(need.devices) && standing(need.sessions) && rest == Need::default()
}

fn is_list(need: &Need) -> bool {
    need.kept.is_some() || matches!(need.devices, Rows::Page(_)) || matches!(need.sessions, Rows::Page(_)) || need.events.is_some() || need.sign_ins.is_some()
}

fn ready<T: Send + 'static>(answer: Result<T, StoreError>) -> BoxFuture<'static, Result<T, StoreError>> {
    Box::pin(std::future::ready(answer))
}

fn meta(connection: &Connection, name: &str) -> Result<Option<String>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT value FROM meta WHERE name = ?1")?;
    Ok(statement.query_row([name], |row| row.get(0)).optional()?)
}

const SET_META: &str = "INSERT INTO meta (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
const LATEST_MOMENT: &str = "latest_moment";

impl Store for SqliteStore {
    fn decide(&self, at: AccountKey, need: Need, decision: Decision) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(self.writer.submit(move |batch| batch.decide(&at, &need, &decision)))
    }

    fn remove(&self, at: AccountKey, need: Need, decision: Erasing) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(self.writer.submit(move |batch| batch.remove(&at, &need, &decision)))
    }

    fn account(&self, at: AccountKey, need: Need) -> BoxFuture<'_, Result<Option<Arc<Account>>, StoreError>> {
        if in_image(&need) {
            return ready(self.image(&at));
        }
        // The rest from one snapshot: an image and rows read beside it would be of two moments.
        let keys = match self.open_still().and_then(|()| self.shared.keys()) {
            Ok(keys) => keys,
            Err(failure) => return ready(Err(failure)),
        };
        if !is_list(&need) {
            return ready(self.readers.read(|connection| load::account(connection, &keys, &at, &need)).map(|found| found.map(Arc::new)));
        }
        // Lists are long enough to be worth another thread.
        Box::pin(async move { Ok(self.look(move |connection, keys| load::account(connection, keys, &at, &need)).await?.map(Arc::new)) })
    }

    fn sessions(&self, at: Vec<SessionRef>) -> BoxFuture<'_, Result<Vec<Option<Arc<Account>>>, StoreError>> {
        ready(at.into_iter().map(|at| self.read_session(at)).collect())
    }

    fn touch_many(&self, at: Vec<SessionRef>, now: Timestamp, after_s: u32) -> BoxFuture<'_, Result<Vec<Option<Arc<Account>>>, StoreError>> {
        Box::pin(self.writer.submit(move |batch| at.into_iter().map(|at| batch.touch(at, now, after_s)).collect()))
    }

    fn append(&self, to: &Head, sign_in: SignIn) -> BoxFuture<'_, Result<bool, StoreError>> {
        let row = Place::of(to).change(SignIn::TABLE, Write::Insert, sign_in.encode());
        let at = AccountKey::Id(to.shard, to.id);
        Box::pin(self.writer.submit(move |batch| {
            if !load::is_there(batch.connection, &at)? {
                return Ok(false);
            }
            batch.write(&row).map(|()| true)
        }))
    }

    fn account_of(&self, sign_in: SignInId) -> BoxFuture<'_, Result<Option<AccountKey>, StoreError>> {
        ready(self.open_still().and_then(|()| self.readers.read(|connection| load::account_of(connection, sign_in))))
    }

    fn tenant(&self, id: TenantId) -> BoxFuture<'_, Result<Option<Arc<Tenant>>, StoreError>> {
        ready(self.open_still().map(|()| self.shared.directory.load().tenants.get(&id).cloned()))
    }

    fn only_tenant(&self) -> BoxFuture<'_, Result<Option<Arc<Tenant>>, StoreError>> {
        ready(self.open_still().map(|()| {
            let directory = self.shared.directory.load();
            let mut tenants = directory.tenants.values();
            tenants.next().filter(|_| tenants.next().is_none()).cloned()
        }))
    }

    fn tenants(&self) -> BoxFuture<'_, Result<Vec<Arc<Tenant>>, StoreError>> {
        ready(self.open_still().map(|()| {
            let mut tenants: Vec<_> = self.shared.directory.load().tenants.values().cloned().collect();
            tenants.sort_unstable_by(|a, b| a.id.cmp(&b.id));
            tenants
        }))
    }

    fn found(&self, tenancy: Tenancy) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(self.writer.submit(move |batch| batch.found(tenancy)))
    }

    fn govern(&self, id: TenantId, decision: Governing) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(self.writer.submit(move |batch| batch.govern(&id, &decision)))
    }

    fn govern_all(&self, decision: GoverningAll) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(self.writer.submit(move |batch| batch.govern_all(&decision)))
    }

    fn api_key(&self, hash: KeyedHash) -> BoxFuture<'_, Result<Option<Arc<ApiKey>>, StoreError>> {
        ready(self.open_still().map(|()| self.shared.directory.load().keys.get(&hash).cloned()))
    }

    fn add_api_key(&self, key: ApiKey, once: Option<String>) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(self.writer.submit(move |batch| {
            if let Some(name) = once {
                // Apart from the store's own facts, whatever the name.
                let name = format!("once:{name}");
                if meta(batch.connection, &name)?.is_some() {
                    return Ok(false);
                }
                batch.connection.prepare_cached(SET_META)?.execute((&name, &key.id.to_string()))?;
            }
            batch.write(&Place::NOWHERE.change(ApiKey::TABLE, Write::Insert, key.encode()))?;
            let mut directory = batch.directory();
            directory.put(key);
            batch.set_directory(directory, false);
            Ok(true)
        }))
    }

    fn server_keys(&self) -> BoxFuture<'_, Result<Vec<KeyId>, StoreError>> {
        let read = |connection: &Connection| {
            let mut statement = connection.prepare("SELECT id FROM server_key ORDER BY id")?;
            let ids = statement.query_map([], |row| row.get(0).map(KeyId))?;
            Ok(ids.collect::<Result<_, _>>()?)
        };
        ready(self.open_still().and_then(|()| self.readers.read(read)))
    }

    fn check_keys(&self, keys: Vec<(KeyId, [u8; 16])>) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(self.writer.submit(move |batch| key_usage::record(batch.connection, &keys)))
    }

    fn keys_used(&self, now: Timestamp) -> BoxFuture<'_, Result<KeysUsed, StoreError>> {
        Box::pin(self.look(move |connection, _| key_usage::count(connection, now)))
    }

    fn reseal(&self, after: Option<AccountPlace>, limit: u16) -> BoxFuture<'_, Result<Resealed, StoreError>> {
        let keys = self.shared.keys();
        Box::pin(self.writer.submit(move |batch| key_usage::reseal(batch.connection, &*keys?, after, limit)))
    }

    fn accounts_under(&self, key: KeyId, now: Timestamp, after: Option<AccountPlace>, limit: u16) -> BoxFuture<'_, Result<Holders, StoreError>> {
        Box::pin(self.look(move |connection, _| key_usage::holders(connection, key, now, after, limit)))
    }

    fn forget_server_key(&self, key: KeyId) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(self.writer.submit(move |batch| key_usage::forget(batch.connection, key)))
    }

    fn unlock(&self, keys: Arc<KeyRing>) {
        self.shared.keys.store(Some(keys));
    }

    fn clock(&self) -> BoxFuture<'_, Result<Option<Timestamp>, StoreError>> {
        ready(self.open_still().map(|()| None))
    }

    fn latest_moment(&self) -> BoxFuture<'_, Result<Option<Timestamp>, StoreError>> {
        let text = self.open_still().and_then(|()| self.readers.read(|connection| meta(connection, LATEST_MOMENT)));
        ready(text.map(|text| text.and_then(|text| text.parse().ok()).map(Timestamp::from_micros)))
    }

    fn record_moment(&self, at: Timestamp) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(self.writer.submit(move |batch| {
            let known = meta(batch.connection, LATEST_MOMENT)?.and_then(|text| text.parse::<i64>().ok());
            if known.is_none_or(|known| known < at.micros()) {
                batch.connection.prepare_cached(SET_META)?.execute((LATEST_MOMENT, at.micros().to_string()))?;
            }
            Ok(())
        }))
    }

    fn feed_heads(&self, tenant: TenantId) -> BoxFuture<'_, Result<Vec<FeedHead>, StoreError>> {
        ready(self.open_still().and_then(|()| self.readers.read(|connection| load::feed_heads(connection, &tenant))))
    }

    fn feed(&self, tenant: TenantId, after: Vec<(Lane, i64)>, limit: u16) -> BoxFuture<'_, Result<Vec<FeedEvent>, StoreError>> {
        Box::pin(self.look(move |connection, keys| {
            let lanes = after.into_iter().map(|lane| load::feed_events(connection, keys, &tenant, lane, limit));
            Ok(lanes.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
        }))
    }

    fn check_feed(&self, tenant: TenantId, lane: Lane, links: (Link, Option<Link>), limit: u16) -> BoxFuture<'_, Result<FeedCheck, StoreError>> {
        Box::pin(self.look(move |connection, keys| load::check_feed(connection, keys, &tenant, lane, links, limit)))
    }

    fn count_events(&self, lane: Lane) -> BoxFuture<'_, Result<(i64, i64), StoreError>> {
        Box::pin(self.look(move |connection, _| load::count_events(connection, lane)))
    }

    fn prune_feed(&self, tenant: TenantId, lane: Lane, before: Timestamp, limit: u16) -> BoxFuture<'_, Result<u64, StoreError>> {
        Box::pin(self.writer.submit(move |batch| batch.prune_feed(&tenant, lane, before, limit)))
    }

    fn bell(&self) -> watch::Receiver<()> {
        self.shared.bell.subscribe()
    }

    fn prune(&self, at: AccountKey, need: Need, decision: Decision) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(self.writer.submit(move |batch| batch.prune(&at, &need, &decision)))
    }

    fn accounts(&self, after: Option<(Shard, AccountId)>, limit: u16) -> BoxFuture<'_, Result<Vec<(Shard, AccountId)>, StoreError>> {
        let (shard, id) = after.map_or((-1, [0; 16]), |(shard, id)| (i64::from(shard.0), *id.0.as_bytes()));
        let read = |connection: &Connection| {
            let mut statement = connection.prepare_cached(&accounts(load::parameter))?;
            let places = statement.query_map((shard, id, limit), |row| Ok((Shard(row.get(0)?), AccountId(Uuid::from_bytes(row.get(1)?)))))?;
            Ok(places.collect::<Result<_, _>>()?)
        };
        ready(self.open_still().and_then(|()| self.readers.read(read)))
    }

    fn prune_old(&self, of: Old, before: Timestamp, limit: u16) -> BoxFuture<'_, Result<u64, StoreError>> {
        Box::pin(self.writer.submit(move |batch| {
            let mut statement = batch.connection.prepare_cached(&of.sql(load::parameter))?;
            Ok(statement.execute(rusqlite::params_from_iter(of.parameters(before, limit)))? as u64)
        }))
    }

    fn prune_stranded(&self, since: Timestamp) -> BoxFuture<'_, Result<u64, StoreError>> {
        Box::pin(self.writer.submit(move |batch| Ok(batch.connection.prepare_cached(&stranded(load::parameter))?.execute([since.micros()])? as u64)))
    }

    fn held(&self, (shard, id): (Shard, AccountId)) -> BoxFuture<'_, Result<Option<Vec<Held>>, StoreError>> {
        let readers = Arc::clone(&self.readers);
        let keys = self.open_still().and_then(|()| self.shared.keys());
        Box::pin(async move {
            let keys = keys?;
            let read = move || readers.read(|connection| load::held(connection, &keys, shard, id));
            tokio::task::spawn_blocking(read).await.map_err(|error| StoreError::Unavailable(error.to_string()))?
        })
    }

    fn spend(&self, budget: BudgetId, quota: Quota, count: u32, now: Timestamp) -> BoxFuture<'_, Result<Spent, StoreError>> {
        static SQL: LazyLock<[String; 3]> =
            LazyLock::new(|| [Spending::take(load::parameter), Spending::look(load::parameter), Spending::sweep(load::parameter, "")]);
        let spending = Spending::new(budget, quota, count, now);
        Box::pin(self.writer.submit(move |batch| {
            let [take, look, sweep] = &*SQL;
            let full_at = |sql: &str, parameters: Vec<Value>| {
                let mut statement = batch.connection.prepare_cached(sql)?;
                statement.query_row(rusqlite::params_from_iter(parameters), |row| row.get(0)).optional()
            };
            let taken = if spending.is_possible() { full_at(take, spending.parameters())? } else { None };
            let (granted, full_at) = match taken {
                Some(full_at) => (true, full_at),
                None => (false, full_at(look, vec![spending.id()])?.unwrap_or(0)),
            };
            if granted {
                batch.connection.prepare_cached(sweep)?.execute([&spending.long_full()])?;
            }
            Ok(Spent { granted, full_at: Timestamp::from_micros(full_at) })
        }))
    }

    fn ready(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        // A write that changes nothing but must reach the disk: only that shows that the disk takes writes.
        Box::pin(self.writer.submit(|batch| {
            batch.connection.prepare_cached(SET_META)?.execute(("readiness_probe", "ok"))?;
            Ok(())
        }))
    }

    fn figures(&self) -> Vec<(&'static str, u64)> {
        vec![
            ("store_changes_waiting", self.writer.waiting() as u64),
            ("store_changes_total", self.shared.changes.load(Ordering::Relaxed)),
            ("store_commits_total", self.shared.index.commits()),
            ("store_index_accounts", self.shared.index.len() as u64),
        ]
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            // Joining takes as long as the last commit; nothing else is left to run.
            self.shut();
        })
    }
}
