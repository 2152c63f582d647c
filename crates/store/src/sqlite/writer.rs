//! The writer: one thread that drains its queue into one commit, applies it to the index, then answers.

use std::cmp::Reverse;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded};
use doorward_domain::{Account, Device, FeedEntry, FeedHead, KeyRing, Lane, Link, SessionRef, Tenancy, Tenant, TenantId, Timestamp};
use rusqlite::Connection;
use tokio::sync::{oneshot, watch};

use super::effects::{Directory, Effects};
use super::index::Index;
use super::load;
use crate::changes::{Change, Place, Write, changes, erasure, tenancy_changes};
use crate::feed::{self, Addition, has_events};
use crate::need::RAISES;
use crate::row::{Row as _, ToCell as _};
use crate::rows::ACTIVITY;
use crate::seal::Seal;
use crate::{AccountKey, Decision, Erasing, Governing, GoverningAll, Need, StoreError, Verdict};

/// Changes that may wait; beyond that callers are told to come back later.
const QUEUE: usize = 8_192;
/// Changes in one commit.
const BATCH: usize = 512;

/// Pages of 4 KiB in the write-ahead log from which the writer resets it: 64 MiB.
pub(super) const LONG_LOG: i64 = 16_384;
/// For how long the writer waits for readers while it resets the log.
const RESET_PATIENCE: Duration = Duration::from_millis(20);
/// When a reset that has to be is tried again, where no change comes in between.
const RESET_AGAIN: Duration = Duration::from_millis(500);

/// What the writer shares with the readers.
pub(super) struct Shared {
    pub(super) index: Index,
    /// What accounts are sealed under, once it is found to fit.
    pub(super) keys: ArcSwapOption<KeyRing>,
    pub(super) directory: ArcSwap<Directory>,
    /// A commit failed in a way after which the file's state can't be known until it is opened anew.
    pub(super) broken: AtomicBool,
    /// The write-ahead log has grown so long that the writer is to reset it between two commits.
    pub(super) reset_log: AtomicBool,
    /// From how many pages on it is that long.
    pub(super) long_log: AtomicI64,
    /// Rows of somebody who was erased may lie in the log, until it is reset.
    pub(super) log_holds_erased: AtomicBool,
    pub(super) changes: AtomicU64,
    /// Rung after each commit that added to a feed.
    pub(super) bell: watch::Sender<()>,
    /// The store was closed: nothing is read from it any more.
    pub(super) closed: AtomicBool,
}

impl Shared {
    /// The server's keys.
    pub(super) fn keys(&self) -> Result<Arc<KeyRing>, StoreError> {
        self.keys.load_full().ok_or_else(StoreError::locked)
    }
}

type Outcome = Result<(), String>;
type Answer = Box<dyn FnOnce(&Outcome) + Send>;
type Job = Box<dyn FnOnce(&mut Batch<'_>) -> Answer + Send>;

/// The handle to the writer's queue.
pub(super) struct Writer {
    queue: RwLock<Option<Sender<Job>>>,
    thread: std::sync::Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    pub(super) fn start(connection: Connection, shared: Arc<Shared>) -> Result<Self, StoreError> {
        let (sender, receiver) = bounded(QUEUE);
        let run = move || write(&connection, &shared, &receiver);
        let thread = std::thread::Builder::new().name("store-writer".to_owned()).spawn(run).map_err(|error| StoreError::Unavailable(error.to_string()))?;
        Ok(Self { queue: RwLock::new(Some(sender)), thread: std::sync::Mutex::new(Some(thread)) })
    }

    /// Queues work at once; the answer comes after the commit that it is part of.
    pub(super) fn submit<T: Send + 'static, W>(&self, work: W) -> impl Future<Output = Result<T, StoreError>> + Send + 'static + use<T, W>
    where
        W: FnOnce(&mut Batch<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        let job: Job = Box::new(move |batch| {
            let result = batch.savepoint(work);
            Box::new(move |commit: &Outcome| {
                let result = result.and_then(|value| commit.clone().map(|()| value).map_err(StoreError::Unavailable));
                // Nobody waits any more: the change stands all the same.
                drop(sender.send(result));
            })
        });
        let queued = match &*self.queue.read().unwrap_or_else(PoisonError::into_inner) {
            None => Err(StoreError::Unavailable("the store is closed".to_owned())),
            Some(queue) => queue.try_send(job).map_err(|error| match error {
                TrySendError::Full(_) => StoreError::Unavailable("too many changes are waiting".to_owned()),
                TrySendError::Disconnected(_) => StoreError::Unavailable("the writer has stopped".to_owned()),
            }),
        };
        async move {
            queued?;
            receiver.await.unwrap_or_else(|_| Err(StoreError::Unavailable("the writer has stopped".to_owned())))
        }
    }

    /// How many changes are waiting.
    pub(super) fn waiting(&self) -> usize {
        self.queue.read().unwrap_or_else(PoisonError::into_inner).as_ref().map_or(0, Sender::len)
    }

    /// Finishes what is queued and stops the thread.
    pub(super) fn stop(&self) {
        drop(self.queue.write().unwrap_or_else(PoisonError::into_inner).take());
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // A writer that panicked has answered nobody; there is nothing left to save.
            drop(thread.join());
        }
    }
}

fn write(connection: &Connection, shared: &Shared, queue: &Receiver<Job>) {
    loop {
        // What was erased leaves the log also where no other change follows.
        let patience = if shared.log_holds_erased.load(Ordering::Relaxed) { RESET_AGAIN } else { Duration::MAX };
        match queue.recv_timeout(patience) {
            Ok(first) => commit_batch(connection, shared, std::iter::once(first).chain(queue.try_iter().take(BATCH - 1))),
            Err(RecvTimeoutError::Timeout) => shared.reset_log.store(true, Ordering::Relaxed),
            Err(RecvTimeoutError::Disconnected) => return,
        }
        if shared.reset_log.swap(false, Ordering::Relaxed)
            && let Err(error) = reset_log(connection, shared)
        {
            tracing::warn!(%error, "the write-ahead log could not be reset");
        }
    }
}

/// Resets the write-ahead log. A long reader, such as a backup, may be in the way: it isn't waited for, or every change would
/// wait with it. The log may grow twice as long before the next try.
fn reset_log(connection: &Connection, shared: &Shared) -> rusqlite::Result<()> {
    connection.busy_timeout(RESET_PATIENCE)?;
    let reset = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| Ok(row.get::<_, i64>(0)? == 0));
    connection.busy_timeout(super::connection::BUSY_PATIENCE)?;
    let reset = reset?;
    shared.log_holds_erased.fetch_and(!reset, Ordering::Relaxed);
    let long = if reset { LONG_LOG } else { shared.long_log.load(Ordering::Relaxed).saturating_mul(2) };
    shared.long_log.store(long, Ordering::Relaxed);
    Ok(())
}

/// Runs the jobs in one transaction, commits, publishes, then answers.
fn commit_batch(connection: &Connection, shared: &Shared, jobs: impl Iterator<Item = Job>) {
    let began = if shared.broken.load(Ordering::Relaxed) {
        Err("a write failed earlier; restart doorward".to_owned())
    } else {
        connection.prepare_cached("BEGIN IMMEDIATE").and_then(|mut begin| begin.execute([])).map(drop).map_err(|error| error.to_string())
    };
    let mut batch = Batch { connection, shared, before: Effects::default(), now: Effects::default(), began };
    let answers: Vec<Answer> = jobs.map(|job| job(&mut batch)).collect();
    let Batch { before: Effects { images, directory, tenants_changed, fed }, began, .. } = batch;
    let outcome = match began {
        Ok(()) => end(connection, shared),
        Err(error) => {
            give_up(connection, shared);
            Err(error)
        }
    };
    if outcome.is_ok() {
        if let Some(directory) = directory {
            shared.directory.store(Arc::new(directory));
        }
        shared.index.publish(images, tenants_changed);
        shared.changes.fetch_add(answers.len() as u64, Ordering::Relaxed);
        if fed {
            shared.bell.send_replace(());
        }
    }
    for answer in answers {
        answer(&outcome);
    }
}

/// Undoes a transaction of which not all that was answered stands.
fn give_up(connection: &Connection, shared: &Shared) {
    if !connection.is_autocommit() && connection.execute_batch("ROLLBACK").is_err() {
        shared.broken.store(true, Ordering::Relaxed);
    }
}

fn end(connection: &Connection, shared: &Shared) -> Outcome {
    let committed = connection.prepare_cached("COMMIT").and_then(|mut commit| commit.execute([]));
    let Err(error) = committed else { return Ok(()) };
    tracing::error!(%error, "a commit failed");
    let full = error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull);
    let undone = connection.is_autocommit() || connection.execute_batch("ROLLBACK").is_ok();
    // A full disk leaves the file as it was. After any other failure what reached the disk can't be known.
    if !(full && undone) {
        shared.broken.store(true, Ordering::Relaxed);
    }
    Err(format!("the commit failed: {error}"))
}

/// One transaction, as the jobs in it see it.
pub(super) struct Batch<'a> {
    pub(super) connection: &'a Connection,
    pub(super) shared: &'a Shared,
    /// Of the jobs that are done.
    before: Effects,
    /// Of the job that runs: they stand or fall with its writes.
    now: Effects,
    began: Outcome,
}

impl Batch<'_> {
    /// Runs work whose writes stand or fall together, whatever its neighbours do; a panic undoes it too.
    fn savepoint<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.began.clone().map_err(StoreError::Unavailable)?;
        let run = |sql: &str| self.connection.prepare_cached(sql).and_then(|mut statement| statement.execute([])).map(drop);
        run("SAVEPOINT change")?;
        let done = catch_unwind(AssertUnwindSafe(|| work(self))).unwrap_or_else(|panic| Err(StoreError::Panicked(message(&*panic))));
        if self.connection.is_autocommit() {
            // A full disk or a failed read may have undone the whole transaction. Without this, what comes next in the batch
            // would commit by itself, and what came before would be answered as done.
            self.began = Err("the transaction was lost".to_owned());
            return done.and(Err(StoreError::Unavailable("the transaction was lost".to_owned())));
        }
        let run = |sql: &str| self.connection.prepare_cached(sql).and_then(|mut statement| statement.execute([])).map(drop);
        let undone = if done.is_ok() { Ok(()) } else { run("ROLLBACK TO change") };
        if let Err(error) = undone.and_then(|()| run("RELEASE change")) {
            // Which of its writes stand can't be known, so nothing of the batch shall.
            self.began = Err(format!("the transaction was lost: {error}"));
            return done.and(Err(StoreError::Unavailable("the transaction was lost".to_owned())));
        }
        let effects = std::mem::take(&mut self.now);
        if done.is_ok() {
            self.before.extend(effects);
        }
        done
    }

    /// The directory as this transaction changed it, if it did.
    fn changed_directory(&self) -> Option<&Directory> {
        self.now.directory.as_ref().or(self.before.directory.as_ref())
    }

    /// The tenants and keys as this transaction will leave them.
    pub(super) fn directory(&self) -> Directory {
        self.changed_directory().cloned().unwrap_or_else(|| Directory::clone(&self.shared.directory.load()))
    }

    /// Leaves the directory so. Tenants are part of every image, so a change of them makes the images stale.
    pub(super) fn set_directory(&mut self, directory: Directory, tenants_changed: bool) {
        self.now.extend(Effects { directory: Some(directory), tenants_changed, ..Effects::default() });
    }

    fn tenant(&self, id: &TenantId) -> Option<Arc<Tenant>> {
        match self.changed_directory() {
            Some(directory) => directory.tenants.get(id).cloned(),
            None => self.shared.directory.load().tenants.get(id).cloned(),
        }
    }

    /// The standing image of an account, as this transaction sees it.
    pub(super) fn image(&self, at: &AccountKey) -> Result<Option<Arc<Account>>, StoreError> {
        let Some(id) = load::account_id(self.connection, at)? else { return Ok(None) };
        let shard = at.shard();
        for effects in [&self.now, &self.before] {
            if let Some(image) = effects.images.get(&id) {
                return Ok(image.clone().filter(|image| image.head.shard == shard));
            }
            // Older images are of the tenants as they were.
            if effects.tenants_changed {
                return self.loaded(at);
            }
        }
        match self.shared.index.get(shard, id) {
            Some(image) => Ok(Some(image)),
            None => self.loaded(at),
        }
    }

    /// The standing image of an account, from the file.
    fn loaded(&self, at: &AccountKey) -> Result<Option<Arc<Account>>, StoreError> {
        let Some(head) = load::head(self.connection, &*self.shared.keys()?, at)? else { return Ok(None) };
        let tenant = self.tenant(&head.tenant).ok_or_else(|| StoreError::corrupt("account", "tenant"))?;
        load::standing(self.connection, head, tenant).map(|account| Some(Arc::new(account)))
    }

    /// Runs a decision. `false` if there is no account and none is to be made.
    pub(super) fn decide(&mut self, at: &AccountKey, need: &Need, decision: &Decision) -> Result<bool, StoreError> {
        let (standing, before, mut account) = match (self.image(at)?, &need.create, at) {
            (Some(standing), ..) => {
                let account = load::narrow(self.connection, &standing, need)?;
                (Some(standing), Some(account.clone()), account)
            }
            (None, Some(new), AccountKey::User(tenant, user)) => {
                let tenant = self.tenant(tenant).ok_or_else(|| StoreError::Misconfigured(format!("there is no tenant {tenant}")))?;
                let once = load::once(self.connection, need)?;
                (None, None, Account { once, ..Account::new(tenant, user.clone(), new.clone()) })
            }
            _ => return Ok(false),
        };
        let once = account.once.clone();
        if decision(&mut account) == Verdict::Commit {
            let changes = changes(before.as_ref(), &once, &account, &*self.shared.keys()?);
            self.write_all(&account.head.tenant, &changes)?;
            if !changes.is_empty() {
                self.keep(standing.as_deref(), account);
            }
        }
        Ok(true)
    }

    /// Makes a tenant.
    pub(super) fn found(&mut self, tenancy: Tenancy) -> Result<(), StoreError> {
        self.write_all(&tenancy.tenant.id, &tenancy_changes(None, &tenancy))?;
        let mut directory = self.directory();
        tenancy.keys.iter().for_each(|key| directory.put(key.clone()));
        directory.tenants.insert(tenancy.tenant.id.clone(), Arc::new(tenancy.tenant));
        self.set_directory(directory, false);
        Ok(())
    }

    /// Erases an account. `false` if there is none.
    pub(super) fn remove(&mut self, at: &AccountKey, need: &Need, decision: &Erasing) -> Result<bool, StoreError> {
        let Some(standing) = self.image(at)? else { return Ok(false) };
        let before = load::narrow(self.connection, &standing, need)?;
        let mut account = before.clone();
        if let Some(tombstone) = decision(&mut account) {
            let changes = erasure(&before, &account, &tombstone, &*self.shared.keys()?);
            self.write_all(&account.head.tenant, &changes)?;
            self.now.images.insert(account.head.id, None);
            self.shared.log_holds_erased.store(true, Ordering::Relaxed);
            self.shared.reset_log.store(true, Ordering::Relaxed);
        }
        Ok(true)
    }

    /// Runs an administrative decision. `false` if there is no such tenant.
    pub(super) fn govern(&mut self, id: &TenantId, decision: &Governing) -> Result<bool, StoreError> {
        let Some(before) = load::tenancy(self.connection, id)? else { return Ok(false) };
        let mut tenancy = before.clone();
        if decision(&mut tenancy) == Verdict::Commit {
            self.leave(&before, tenancy)?;
        }
        Ok(true)
    }

    /// Runs an administrative decision over every tenant.
    pub(super) fn govern_all(&mut self, decision: &GoverningAll) -> Result<(), StoreError> {
        let mut ids: Vec<TenantId> = self.directory().tenants.into_keys().collect();
        ids.sort_unstable();
        let before = ids.iter().filter_map(|id| load::tenancy(self.connection, id).transpose()).collect::<Result<Vec<_>, _>>()?;
        let mut after = before.clone();
        if decision(&mut after) == Verdict::Commit {
            for (before, after) in before.iter().zip(after) {
                self.leave(before, after)?;
            }
        }
        Ok(())
    }

    /// Writes a tenancy as a rule left it.
    fn leave(&mut self, before: &Tenancy, after: Tenancy) -> Result<(), StoreError> {
        self.write_all(&after.tenant.id, &tenancy_changes(Some(before), &after))?;
        let mut directory = self.directory();
        before.keys.iter().for_each(|key| directory.drop(key));
        after.keys.iter().for_each(|key| directory.put(key.clone()));
        let tenant_changed = before.tenant != after.tenant;
        directory.tenants.insert(after.tenant.id.clone(), Arc::new(after.tenant));
        self.set_directory(directory, tenant_changed);
        Ok(())
    }

    /// Keeps the image of an account as a rule left it. Rules alter and add, never remove, so merging is enough.
    pub(super) fn keep(&mut self, standing: Option<&Account>, after: Account) {
        let Account { tenant, head, devices, sessions, raises, .. } = after;
        let mut image = standing.cloned().unwrap_or_else(|| load::bare(head.clone(), tenant));
        merge(&mut image.devices, devices, |a, b| a.id == b.id);
        merge(&mut image.sessions, sessions, |a, b| a.id == b.id);
        merge(&mut image.raises, raises, |a, b| (a.of, a.to) == (b.of, b.to));
        // The last ones, as they are loaded.
        image.raises.sort_unstable_by_key(|raise| (Reverse(raise.to), raise.of));
        image.raises.truncate(usize::from(RAISES));
        image.head = head;
        let generation = image.head.sessions_gen;
        image.sessions.retain(|session| session.ended.is_none() && session.sessions_gen == generation);
        // A session that nothing ended by itself, since it was idle, may be on a device that is forgotten.
        let sessions = &image.sessions;
        let carries_a_session = |device: &Device| sessions.iter().any(|session| session.device == device.id);
        image.devices.retain(|device| device.stands() || carries_a_session(device));
        // In the order in which they are loaded, so that no rule's outcome depends on what memory holds.
        image.devices.sort_unstable_by_key(|device| device.id);
        image.sessions.sort_unstable_by_key(|session| session.id);
        self.set_image(image);
    }

    /// Notes activity in a session that is live and whose last is long enough ago; one narrow row.
    pub(super) fn touch(&mut self, at: SessionRef, now: Timestamp, after_s: u32) -> Result<Option<Arc<Account>>, StoreError> {
        let Some(image) = self.image(&AccountKey::Id(at.shard, at.account))? else { return Ok(None) };
        let Some(last) = image.live_session(at.id, now).map(|session| session.last_activity_at) else { return Ok(None) };
        if now <= last || now < last.plus_s(after_s) {
            return Ok(Some(image));
        }
        self.write(&Place::of(&image.head).change(ACTIVITY, Write::Upsert, vec![at.id.0.cell(), now.cell()]))?;
        let mut account = Account::clone(&image);
        if let Ok(session) = account.session_mut(at.id) {
            session.last_activity_at = now;
        }
        self.set_image(account.clone());
        Ok(Some(Arc::new(account)))
    }

    fn set_image(&mut self, image: Account) {
        self.now.images.insert(image.head.id, Some(Arc::new(image)));
    }

    /// Writes the rows of a change of one account or tenant, and the feed's entry for the events among them.
    fn write_all(&mut self, tenant: &TenantId, changes: &[Change]) -> Result<(), StoreError> {
        for change in changes {
            self.write(change)?;
        }
        if !has_events(changes) {
            return Ok(());
        }
        if let Some(addition) = Addition::of(tenant, changes, &*self.shared.keys()?) {
            // One thread writes, so a second lane would only scatter the rows.
            let lane = Lane::first();
            let head = load::feed_head(self.connection, tenant, lane)?;
            let anchor = head.as_ref().map_or(Link::ORIGIN, |head| head.anchor);
            let end = head.map_or(Link::ORIGIN, |head| head.head).next(addition.events, &addition.digest);
            let head = FeedHead { tenant: tenant.clone(), lane, head: end, anchor };
            self.write(&Place::NOWHERE.change(FeedHead::TABLE, Write::Upsert, head.encode()))?;
            self.write(&Place::NOWHERE.change(FeedEntry::TABLE, Write::Insert, addition.entry(lane, end).encode()))?;
            self.now.fed = true;
        }
        Ok(())
    }

    /// Removes the first entries of a lane that are from before then, with their events.
    pub(super) fn prune_feed(&mut self, tenant: &TenantId, lane: Lane, before: Timestamp, limit: u16) -> Result<u64, StoreError> {
        static SQL: LazyLock<[String; 3]> =
            LazyLock::new(|| [feed::oldest_sql(load::parameter), feed::remove_events_sql(load::parameter), feed::remove_entries_sql(load::parameter)]);
        let [oldest, remove_events, remove_entries] = &*SQL;
        let Some(head) = load::feed_head(self.connection, tenant, lane)? else { return Ok(0) };
        let place = [tenant.as_str().cell(), lane.cell(), i64::from(limit).cell()];
        let (old, left) = feed::prunable(&head, load::rows(self.connection, Seal::Open, oldest, rusqlite::params_from_iter(&place))?, before)?;
        for entry in &old {
            self.connection.prepare_cached(remove_events)?.execute(rusqlite::params_from_iter(feed::events_of(entry)))?;
        }
        if !old.is_empty() {
            let upto = [tenant.as_str().cell(), lane.cell(), left.anchor.position.cell()];
            self.connection.prepare_cached(remove_entries)?.execute(rusqlite::params_from_iter(&upto))?;
            self.write(&Place::NOWHERE.change(FeedHead::TABLE, Write::Update, left.encode()))?;
        }
        Ok(old.len() as u64)
    }

    /// Writes one row.
    pub(super) fn write(&self, change: &Change) -> Result<(), StoreError> {
        let written = self.connection.prepare_cached(&change.sql(load::parameter))?.execute(rusqlite::params_from_iter(&change.values));
        match written {
            Ok(1) => Ok(()),
            Ok(_) if !change.write.is_of_one() => Ok(()),
            Ok(_) => Err(StoreError::Corrupt(format!("a row of {} went missing", change.table.name))),
            Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation) => Err(StoreError::Exists),
            Err(error) => Err(error.into()),
        }
    }
}

fn merge<T>(into: &mut Vec<T>, from: Vec<T>, same: fn(&T, &T) -> bool) {
    for row in from {
        match into.iter_mut().find(|known| same(known, &row)) {
            Some(known) => *known = row,
            None => into.push(row),
        }
    }
}

fn message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}
