//! Stores to run a law against: SQLite in a temporary file, and PostgreSQL in a database of the law's own.

use std::future::Future;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use doorward_store::{Database, Store, open};
use tempfile::TempDir;
use uuid::Uuid;

use crate::people::keys;
use crate::rows;

/// How long a law may take before it is taken for stuck.
const PATIENCE: Duration = Duration::from_mins(3);

/// The engines that every law runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// In a temporary file.
    Sqlite,
    /// On the server that `DOORWARD_TEST_POSTGRES` names, as a superuser.
    Postgres,
}

/// Where a law's store lies. It can be opened, closed and opened again.
pub struct Home {
    database: Database,
    place: Place,
}

enum Place {
    Folder(TempDir),
    Server { superuser: String, name: String },
}

impl Home {
    /// A new, empty place. `None` where there is no server for it and none is demanded.
    ///
    /// # Panics
    /// If it can't be made, or `DOORWARD_TEST_REQUIRE_POSTGRES` is 1 and no server is named.
    pub async fn make(engine: Engine) -> Option<Self> {
        match engine {
            Engine::Sqlite => {
                let folder = tempfile::tempdir().expect("a temporary folder");
                Some(Self { database: Database::Sqlite(folder.path().join("doorward.db")), place: Place::Folder(folder) })
            }
            Engine::Postgres => {
                let Ok(superuser) = std::env::var("DOORWARD_TEST_POSTGRES") else {
                    assert!(std::env::var("DOORWARD_TEST_REQUIRE_POSTGRES").as_deref() != Ok("1"), "DOORWARD_TEST_POSTGRES names no server");
                    return None;
                };
                let name = format!("law_{}", Uuid::now_v7().simple());
                command(&superuser, &format!("CREATE DATABASE {name} TEMPLATE template0")).await;
                Some(Self { database: Database::Postgres(rows::with_database(&superuser, &name)), place: Place::Server { superuser, name } })
            }
        }
    }

    /// Opens the store that lies here, under the server key of every law.
    ///
    /// # Panics
    /// If it can't be opened.
    pub async fn open(&self) -> Arc<dyn Store> {
        unlocked(self.open_locked().await)
    }

    /// Opens it, and leaves to others to find out whether their server key fits.
    ///
    /// # Panics
    /// If it can't be opened.
    pub async fn open_locked(&self) -> Arc<dyn Store> {
        open(&self.database).await.expect("the store opens")
    }

    /// Closes the store that lies here, though it may still be held, and opens it anew.
    ///
    /// # Panics
    /// If it can't be opened.
    pub async fn reopen(&self, store: &Arc<dyn Store>) -> Arc<dyn Store> {
        store.close().await;
        self.open().await
    }

    /// Its address.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// The file, where it lies in one.
    #[must_use]
    pub fn file(&self) -> Option<PathBuf> {
        match &self.database {
            Database::Sqlite(path) => Some(path.clone()),
            Database::Postgres(_) => None,
        }
    }

    /// The folder of its own, where it lies in a file.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        match &self.place {
            Place::Folder(folder) => Some(folder.path()),
            Place::Server { .. } => None,
        }
    }

    /// Every row of every table, as it lies there, in order.
    pub async fn rows(&self) -> Vec<String> {
        rows::all(&self.database).await
    }

    /// Runs SQL beside the store, for what no store does: to damage or to pretend.
    pub async fn tamper(&self, sql: &str) {
        match &self.database {
            Database::Sqlite(path) => rows::sqlite(path).execute_batch(sql).expect("the SQL runs"),
            Database::Postgres(url) => command(url, sql).await,
        }
    }

    async fn remove(self) {
        if let Place::Server { superuser, name } = &self.place {
            command(superuser, &format!("DROP DATABASE {name} WITH (FORCE)")).await;
        }
    }
}

/// The store, under the server key of every law.
#[must_use]
pub fn unlocked(store: Arc<dyn Store>) -> Arc<dyn Store> {
    store.unlock(Arc::clone(keys()));
    store
}

async fn command(url: &str, sql: &str) {
    rows::postgres(url).await.batch_execute(sql).await.expect("PostgreSQL runs the command");
}

/// What a law is given: the open store, or the place where it lies.
pub trait Given: Sized + Send {
    /// Made from a place.
    fn given(home: &Arc<Home>) -> impl Future<Output = Self> + Send;
}

impl Given for Arc<dyn Store> {
    async fn given(home: &Arc<Home>) -> Self {
        home.open().await
    }
}

impl Given for Arc<Home> {
    async fn given(home: &Arc<Home>) -> Self {
        Arc::clone(home)
    }
}

impl Given for (Arc<dyn Store>, Arc<Home>) {
    async fn given(home: &Arc<Home>) -> Self {
        (home.open().await, Arc::clone(home))
    }
}

/// Makes of each law, or story, of a file one test for each engine.
#[macro_export]
macro_rules! on_each_engine {
    ($($law:ident),+ $(,)?) => {
        mod sqlite {
            $crate::on_engine!(Sqlite; $($law)+);
        }
        mod postgres {
            $crate::on_engine!(Postgres; $($law)+);
        }
    };
}

/// The tests of [`on_each_engine`] for one of them.
#[doc(hidden)]
#[macro_export]
macro_rules! on_engine {
    ($engine:ident; $($law:ident)+) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
        async fn $law() {
            $crate::hold($crate::Engine::$engine, super::$law).await;
        }
    )+};
}

/// Holds a law against an engine, and clears the place up whatever comes of it.
///
/// # Panics
/// As the law, or if it takes too long.
pub async fn hold<G, F>(engine: Engine, law: impl FnOnce(G) -> F)
where
    G: Given,
    F: Future<Output = ()> + Send + 'static,
{
    hold_within(PATIENCE, engine, law).await;
}

/// The same for one that may take so long.
///
/// # Panics
/// As there.
pub async fn hold_within<G, F>(patience: Duration, engine: Engine, law: impl FnOnce(G) -> F)
where
    G: Given,
    F: Future<Output = ()> + Send + 'static,
{
    let Some(home) = Home::make(engine).await.map(Arc::new) else {
        eprintln!("skipped: DOORWARD_TEST_POSTGRES names no server");
        return;
    };
    let running = tokio::spawn(law(G::given(&home).await));
    let stopper = running.abort_handle();
    let outcome = tokio::time::timeout(patience, running).await;
    stopper.abort();
    if let Ok(home) = Arc::try_unwrap(home) {
        home.remove().await;
    }
    match outcome {
        Ok(Ok(())) => {}
        Ok(Err(failure)) => resume_unwind(failure.into_panic()),
        Err(_) => panic!("the law took longer than {patience:?}"),
    }
}
