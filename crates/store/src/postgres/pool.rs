//! The connections: how they are made and checked, and what runs on them: reads in one flight, changes in two.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use deadpool_postgres::{Hook, HookError, Manager, ManagerConfig, Pool, QueueMode, RecyclingMethod, Runtime};
use doorward_domain::Shard;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_postgres::NoTls;
use tokio_postgres::config::SslMode;
use tracing::Instrument as _;

use super::address::Address;
use super::fault::{Fault, Remedy};
use super::flight::{Answer, Ask, Conn};
use super::gates::{Gates, Pass};
use super::tls;
use crate::StoreError;

/// Connections of one process. Each change holds one for two flights, so the server's cores bound their worth.
const CONNECTIONS: usize = 16;
/// How long one waits for a connection.
const WAIT: Duration = Duration::from_secs(2);
/// How long making a connection may take.
const CREATE: Duration = Duration::from_secs(10);
/// Calls that may be under way at once; beyond that callers are told to come back later.
const CALLS: u32 = 8_192;
/// How often a change is tried.
const TRIES: u32 = 5;

/// What each connection is set to. Whoever asks for more than `synchronous_commit = on` keeps it.
const SETTINGS: &str = "SET statement_timeout = '10s'; SET lock_timeout = '8s'; SET idle_in_transaction_session_timeout = '10s'; \
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') NOT IN ('on', 'remote_apply')";

/// What a change comes to once its facts are read: the answer, and the rows to write. With none, nothing is committed.
pub(super) struct Step<T> {
    pub(super) answer: T,
    pub(super) writes: Vec<Ask>,
}

/// The database, and what keeps callers in order before it.
pub(super) struct Database {
    pool: Pool,
    gates: Arc<Gates>,
    calls: Arc<Semaphore>,
    changes: AtomicU64,
    reruns: AtomicU64,
}

impl Database {
    /// A pool for the address. Connects to nothing yet.
    pub(super) fn new(address: Address) -> Result<Arc<Self>, StoreError> {
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = if address.config.get_ssl_mode() == SslMode::Disable {
            Manager::from_config(address.config, NoTls, recycling)
        } else {
            Manager::from_config(address.config, tls::connector(&address.trust)?, recycling)
        };
        let settings = Hook::async_fn(|client, _| Box::pin(async move { client.batch_execute(SETTINGS).await.map_err(HookError::Backend) }));
        let pool = Pool::builder(manager)
            .max_size(CONNECTIONS)
            // Those used last are used next: what they have prepared is at hand.
            .queue_mode(QueueMode::Lifo)
            .wait_timeout(Some(WAIT))
            .create_timeout(Some(CREATE))
            .recycle_timeout(Some(WAIT))
            .runtime(Runtime::Tokio1)
            .post_create(settings)
            .build()
            .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        Ok(Arc::new(Self {
            pool,
            gates: Arc::default(),
            calls: Arc::new(Semaphore::new(CALLS as usize)),
            changes: AtomicU64::new(0),
            reruns: AtomicU64::new(0),
        }))
    }

    /// Takes part in the store's work, unless it is closing or has too much to do.
    fn enter(&self) -> Result<OwnedSemaphorePermit, StoreError> {
        let closed = self.calls.is_closed();
        Arc::clone(&self.calls)
            .try_acquire_owned()
            .map_err(|_| StoreError::Unavailable(if closed { "the store is closed" } else { "the store is closing or has too much to do" }.to_owned()))
    }

    /// A connection.
    pub(super) async fn connection(&self) -> Result<Conn, Fault> {
        Ok(Conn::new(self.pool.get().await?))
    }

    /// Runs statements that change nothing, in one flight; several are read from one snapshot.
    pub(super) async fn read(&self, mut asks: Vec<Ask>) -> Result<Vec<Answer>, StoreError> {
        let several = asks.len() > 1;
        if several {
            asks.insert(0, Ask::new("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", vec![]));
            asks.push(Ask::new("COMMIT", vec![]));
        }
        let mut answers = self.run(&asks, Fault::remedy).await?;
        if several {
            answers.pop();
            answers.remove(0);
        }
        Ok(answers)
    }

    /// Runs one statement that changes something by itself, and answers how many rows it changed.
    pub(super) async fn write(&self, ask: Ask) -> Result<u64, StoreError> {
        self.write_telling(ask).await.map(|answer| answer.affected)
    }

    /// The same, with the rows that it returns.
    pub(super) async fn write_telling(&self, ask: Ask) -> Result<Answer, StoreError> {
        // A server that goes down may have committed it, so only a conflict is run again.
        let answer = self.run(&[ask], Fault::remedy_of_a_commit).await?.pop();
        if answer.as_ref().is_some_and(|answer| answer.affected > 0) {
            self.changes.fetch_add(1, Ordering::Relaxed);
        }
        answer.ok_or_else(|| StoreError::Unavailable("the database answered nothing".to_owned()))
    }

    async fn run(&self, asks: &[Ask], remedy: fn(&Fault) -> Remedy) -> Result<Vec<Answer>, StoreError> {
        let _call = self.enter()?;
        let mut tries = 0;
        loop {
            tries += 1;
            let mut connection = self.connection().await?;
            let fault = match connection.fly(asks).await {
                Ok(answers) => return Ok(answers),
                Err(fault) => fault,
            };
            if !self.prepare_rerun(&fault, remedy(&fault), tries, &mut connection).await {
                return Err(fault.into());
            }
        }
    }

    /// Runs a change in one transaction of two flights: what `first` asks is read, `then` judges, and what it writes is committed.
    ///
    /// The gates are passed in the order in which they are given, which is the same for everybody, and each once. `then` may run
    /// more than once. Once begun, a change runs to its end, even if its caller stops waiting.
    pub(super) async fn change<T: Send + 'static>(
        self: &Arc<Self>,
        gates: impl IntoIterator<Item = Shard>,
        first: Vec<Ask>,
        then: impl Fn(&[Answer]) -> Result<Step<T>, StoreError> + Send + Sync + 'static,
    ) -> Result<T, StoreError> {
        let call = self.enter()?;
        let mut passes = vec![];
        for shard in gates {
            passes.push(self.gates.pass(shard).await?);
        }
        let connection = self.connection().await?;
        let database = Arc::clone(self);
        let run = async move {
            let _held: (OwnedSemaphorePermit, Vec<Pass>) = (call, passes);
            database.tries(connection, &first, then).await
        };
        tokio::spawn(run.in_current_span())
            .await
            .unwrap_or_else(|gone| Err(if gone.is_panic() { StoreError::Panicked(gone.to_string()) } else { StoreError::Unavailable(gone.to_string()) }))
    }

    async fn tries<T>(&self, connection: Conn, first: &[Ask], then: impl Fn(&[Answer]) -> Result<Step<T>, StoreError>) -> Result<T, StoreError> {
        let mut opening = vec![Ask::new("BEGIN ISOLATION LEVEL READ COMMITTED", vec![])];
        opening.extend_from_slice(first);
        let mut connection = Some(connection);
        let mut tries = 0;
        loop {
            tries += 1;
            let mut on = match connection.take() {
                Some(connection) => connection,
                None => self.connection().await?,
            };
            let (fault, remedy) = match self.attempt(&mut on, &opening, &then).await {
                Ok(answer) => return Ok(answer),
                Err(failed) => failed,
            };
            if !self.prepare_rerun(&fault, remedy, tries, &mut on).await {
                return Err(fault.into());
            }
            if remedy == Remedy::Again {
                connection = Some(on);
            }
        }
    }

    /// One try. A failure comes with what may be done about it.
    async fn attempt<T>(&self, connection: &mut Conn, opening: &[Ask], then: impl Fn(&[Answer]) -> Result<Step<T>, StoreError>) -> Result<T, (Fault, Remedy)> {
        connection.engage();
        let judged = match connection.fly(opening).await {
            Ok(answers) => then(&answers[1..]).map_err(Fault::Store),
            Err(fault) => Err(fault),
        };
        let step = match judged {
            Ok(step) if step.writes.is_empty() => {
                self.undo(connection).await;
                return Ok(step.answer);
            }
            Ok(step) => step,
            Err(fault) => {
                self.undo_after(&fault, connection).await;
                let remedy = fault.remedy();
                return Err((fault, remedy));
            }
        };
        let one: Vec<bool> = step.writes.iter().map(|ask| ask.one).collect();
        let mut closing = step.writes;
        closing.push(Ask::new("COMMIT", vec![]));
        match connection.fly(&closing).await {
            // Had one of the statements failed, the server would have answered COMMIT all the same, and undone everything.
            Ok(answers) => {
                connection.free();
                self.changes.fetch_add(1, Ordering::Relaxed);
                let missing = answers.iter().zip(one).position(|(answer, one)| one && answer.affected != 1);
                missing.map_or(Ok(step.answer), |at| Err((StoreError::Corrupt(format!("write {at} of a change found no row")).into(), Remedy::None)))
            }
            Err(fault) => {
                self.undo_after(&fault, connection).await;
                let remedy = fault.remedy_of_a_commit();
                Err((fault, remedy))
            }
        }
    }

    /// Ends a transaction without a trace. A connection on which that fails is closed.
    async fn undo(&self, connection: &mut Conn) {
        if connection.fly(&[Ask::new("ROLLBACK", vec![])]).await.is_ok() {
            connection.free();
        }
    }

    async fn undo_after(&self, fault: &Fault, connection: &mut Conn) {
        // A connection that doesn't answer isn't asked once more.
        if !matches!(fault, Fault::Silence) {
            self.undo(connection).await;
        }
    }

    /// Waits a little before the next try, or says that there is none.
    async fn prepare_rerun(&self, fault: &Fault, remedy: Remedy, tries: u32, connection: &mut Conn) -> bool {
        if remedy == Remedy::None || tries >= TRIES {
            return false;
        }
        if remedy == Remedy::Elsewhere {
            connection.engage();
        }
        let reruns = self.reruns.fetch_add(1, Ordering::Relaxed);
        tracing::debug!(%fault, tries, "the database asks for another try");
        // Callers that met must not meet again: the multiplier spreads consecutive numbers over the whole range.
        let jitter = reruns.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 59;
        tokio::time::sleep(Duration::from_millis(u64::from(tries * tries) * 2 + jitter)).await;
        true
    }

    /// The figures: name and value.
    pub(super) fn figures(&self) -> Vec<(&'static str, u64)> {
        let pool = self.pool.status();
        vec![
            ("store_changes_total", self.changes.load(Ordering::Relaxed)),
            ("store_changes_waiting", (pool.waiting + self.gates.waiting()) as u64),
            ("store_reruns_total", self.reruns.load(Ordering::Relaxed)),
            ("store_connections", pool.size as u64),
            ("store_connections_idle", pool.available as u64),
            ("store_connections_max", pool.max_size as u64),
        ]
    }

    /// Lets the calls under way finish and takes no more.
    pub(super) async fn close(&self) {
        // Whoever waits for all permits takes each that comes free, so nobody else gets one.
        if let Ok(all) = self.calls.acquire_many(CALLS).await {
            self.calls.close();
            all.forget();
        }
        self.pool.close();
    }
}
