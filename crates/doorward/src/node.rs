//! A running node: the service over its store, dressed for HTTP, from the first check to the last write.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use doorward_api::context::RequestIds;
use doorward_api::layers::{Frame, Guard, Throttle};
use doorward_api::metrics::Metrics;
use doorward_api::proxies::Proxies;
use doorward_api::{Dialects, Surfaces};
use doorward_domain::{KeyRing, TenantId};
use doorward_service::{Clock, Entropy, Locations, Service, SystemClock, SystemEntropy};
use doorward_store::StoreError;
use tokio::net::{TcpListener, TcpSocket};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::admin::AdminSocket;
use crate::config::{Bootstrap, Database, Limits};
use crate::erasure_list::ErasureFile;
use crate::failure::Failure;
use crate::health::Health;
use crate::server::{DRAIN, Listener, Tls};

/// How often the time is recorded, so that a clock set back over a restart revives nothing.
const RECORD_TIME_EVERY: Duration = Duration::from_secs(60);

/// How long retention rests between a few accounts and the next: 200 accounts a second at most.
const PRUNE_STEP_EVERY: Duration = Duration::from_millis(250);
/// How long it rests once it has looked at all.
const PRUNE_ALL_EVERY: Duration = Duration::from_secs(3_600);

/// What a node stands on.
pub(crate) struct Ground<'a> {
    /// The database.
    pub(crate) database: &'a Database,
    /// Where erasures are written down.
    pub(crate) erasures: PathBuf,
    /// The server keys.
    pub(crate) keys: KeyRing,
    /// What knows where addresses are.
    pub(crate) locations: Arc<dyn Locations>,
}

/// A node that is ready to listen.
pub(crate) struct Node {
    pub(crate) service: Arc<Service>,
    pub(crate) surfaces: Surfaces,
    pub(crate) health: Health,
    metrics: Metrics,
    frame: Frame,
    guard: Guard,
    throttle: Throttle,
    proxies: Proxies,
    limits: Limits,
    stop: CancellationToken,
    listeners: TaskTracker,
    terminate: Signal,
    interrupt: Signal,
}

/// How a node's listeners take requests.
#[derive(Debug, Default)]
pub(crate) struct Doors {
    /// What connections and requests may take.
    pub(crate) limits: Limits,
    /// Whose `X-Forwarded-For` is believed.
    pub(crate) proxies: Proxies,
    /// The dialects that are served.
    pub(crate) dialects: Dialects,
    /// Whether it runs for a developer alone, on loopback.
    pub(crate) dev: bool,
}

impl Node {
    /// Opens the store, brings it up to date, and checks that the server keys fit it.
    pub(crate) async fn open(ground: Ground<'_>, clock: Arc<SystemClock>, doors: Doors) -> Result<Self, Failure> {
        let Ground { database, erasures, keys, locations } = ground;
        let Doors { limits, proxies, dialects, dev } = doors;
        // From here on a signal ends the node in order, however early it comes.
        let no_signals = |error| Failure::new(format!("No signals can be received: {error}"));
        let terminate = signal(SignalKind::terminate()).map_err(no_signals)?;
        let interrupt = signal(SignalKind::interrupt()).map_err(no_signals)?;
        let refused = |error: StoreError| Failure::new(format!("{database} can't be used: {error}"));
        let store = doorward_store::open(&database.into()).await.map_err(refused)?;
        let entropy = Arc::new(SystemEntropy::new());
        let mut mint = entropy.mint();
        let told = Arc::clone(&clock);
        let service = Service::new(store, keys, clock, entropy, Arc::new(ErasureFile::new(erasures)), locations);
        match service.start().await {
            Ok(()) => {}
            // Nothing can be told of any token: the node runs, is not ready, says why, and answers 503.
            Err(error @ StoreError::Misconfigured(_)) => tracing::error!(%error, "not ready, and it will not become so: correct this and restart"),
            Err(error) => {
                service.close().await;
                return Err(refused(error));
            }
        }
        let metrics = Metrics::new(env!("CARGO_PKG_VERSION"));
        let ids = RequestIds::new(
            move || told.now().micros(),
            |seed| {
                let secret = mint.secret();
                let length = seed.len().min(secret.len());
                seed[..length].copy_from_slice(&secret[..length]);
            },
        );
        show_figures(&metrics, &service);
        let probed = Arc::clone(&service);
        let probe = move || {
            let service = Arc::clone(&probed);
            let reasons: std::pin::Pin<Box<dyn Future<Output = Vec<String>> + Send>> = Box::pin(async move { service.readiness().await });
            reasons
        };
        Ok(Self {
            surfaces: Surfaces { service: Arc::clone(&service), dev, session_cookie: None, dialects },
            throttle: Throttle::new(Arc::clone(&service), limits.wrong_secrets, proxies.clone(), &metrics),
            proxies,
            service,
            health: Health::new(metrics.clone(), Box::new(probe)),
            frame: Frame::new(ids, metrics.clone(), dev, dialects),
            guard: Guard::new(metrics.clone()).time(limits.request_timeout),
            metrics,
            limits,
            stop: CancellationToken::new(),
            listeners: TaskTracker::new(),
            terminate,
            interrupt,
        })
    }

    /// Installs the first tenant and key: once ever. Given again, they are ignored.
    pub(crate) async fn bootstrap(&self, bootstrap: &Bootstrap) -> Result<(), Failure> {
        if !self.service.is_fit() {
            return Ok(());
        }
        let failed = |error: StoreError| Failure::new(format!("The first tenant can't be made: {error}"));
        let tenant = TenantId::new(&bootstrap.tenant).ok_or_else(|| Failure::of_settings("The first tenant's name is no name."))?;
        let installed = self.service.install_bootstrap_key(&tenant, &bootstrap.api_key).await.map_err(failed)?;
        // A start that was killed between the two steps is made whole; another tenant's name makes nothing.
        if installed || self.knows(bootstrap).await {
            self.service.ensure_tenant(&tenant).await.map_err(failed)?;
        }
        if installed {
            tracing::info!(tenant = tenant.as_str(), "the first API key was installed");
        } else {
            tracing::info!(tenant = tenant.as_str(), "the first API key was installed before; the one given now is ignored");
        }
        Ok(())
    }

    /// Whether this tenant's key is good.
    pub(crate) async fn knows(&self, bootstrap: &Bootstrap) -> bool {
        self.service.backend(&bootstrap.api_key, Some(&bootstrap.tenant)).await.is_ok()
    }

    /// The token that is cancelled when the node begins to stop.
    pub(crate) fn stop(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Takes the commands of operators from now on, where the database is a file that this process owns.
    pub(crate) fn take_commands(&self, database: &Database) {
        let Database::Sqlite(path) = database else { return };
        match AdminSocket::open(path) {
            Ok(socket) => drop(self.listeners.spawn(socket.serve(Arc::clone(&self.service), self.stop()))),
            Err(error) => tracing::warn!(%error, "no admin socket can be opened beside the database: commands work only while the server is stopped"),
        }
    }

    /// Answers on a socket from now on.
    pub(crate) fn listen(&self, name: &'static str, socket: TcpListener, router: Router, tls: Option<Tls>) {
        if let Ok(address) = socket.local_addr() {
            tracing::info!(listener = name, %address, tls = tls.is_some(), "listening");
        }
        let router = router.merge(self.health.checks()).layer((self.frame.clone(), self.guard.clone(), self.throttle.clone()));
        let (connections, refused) = (self.metrics.connections(name), self.metrics.connections_refused(name));
        let listener =
            Listener { name, socket, router, frame: self.frame.clone(), tls, limits: self.limits, proxies: self.proxies.clone(), connections, refused };
        self.listeners.spawn(listener.serve(self.stop(), DRAIN));
    }

    /// Runs until the process is told to stop, then ends in order: not ready, no new connections, what is in flight, the store.
    pub(crate) async fn run(mut self) -> Result<(), Failure> {
        let recording = tokio::spawn(record_time(Arc::clone(&self.service), self.stop()));
        let pruning = tokio::spawn(prune(Arc::clone(&self.service), self.stop()));
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            () = self.stop.cancelled() => {}
        }
        tracing::info!("stopping");
        self.health.stopping();
        self.stop.cancel();
        self.service.stop_waiting();
        self.listeners.close();
        let finished = async {
            self.listeners.wait().await;
            // It ends with the token; what it failed at it has logged.
            let _ = (recording.await, pruning.await);
            self.service.close().await;
        };
        tokio::select! {
            () = finished => {
                tracing::info!("stopped");
                Ok(())
            }
            _ = self.terminate.recv() => Err(Failure::new("Stopped at once, since it was asked twice.")),
            _ = self.interrupt.recv() => Err(Failure::new("Stopped at once, since it was asked twice.")),
        }
    }
}

/// How many connections may wait to be accepted. With fewer, a burst of new ones costs callers the second after which they ask again.
const WAITING: u32 = 1_024;

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // As usual for servers: the port of one that has just stopped is free at once.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(WAITING)
}

/// Binds a socket; a fault names the flag that chooses another.
pub(crate) fn bind(address: SocketAddr, flag: &str) -> Result<TcpListener, Failure> {
    listen(address).map_err(|error| {
        let port = address.port();
        let next = address.port().checked_add(10).unwrap_or(8090);
        match error.kind() {
            std::io::ErrorKind::AddrInUse => Failure::new(format!(
                "Port {port} on {} is taken by another process. Stop that one, or choose another port: {flag} {}:{next}",
                address.ip(),
                address.ip()
            )),
            std::io::ErrorKind::PermissionDenied => {
                Failure::new(format!("Port {port} may not be used by this user. Choose one above 1023: {flag} {}:8080", address.ip()))
            }
            _ => Failure::new(format!("{address} can't be listened on: {error}. Choose another address: {flag} HOST:PORT")),
        }
    })
}

async fn record_time(service: Arc<Service>, stop: CancellationToken) {
    while tokio::time::timeout(RECORD_TIME_EVERY, stop.cancelled()).await.is_err() {
        if let Err(error) = service.record_moment().await {
            tracing::warn!(%error, "the time could not be recorded");
        }
        if let Err(error) = service.note_key_uses().await {
            tracing::warn!(%error, "the last uses of API keys could not be written");
        }
        if let Err(error) = service.prune_events().await {
            tracing::warn!(?error, "old events could not be removed");
        }
        if let Err(error) = service.prune_by_age().await {
            tracing::warn!(%error, "what is kept by its age alone could not be removed");
        }
    }
}

/// Walks through all accounts again and again, a few at a time, and removes what their policies keep no longer.
async fn prune(service: Arc<Service>, stop: CancellationToken) {
    let mut after = None;
    let mut pause = RECORD_TIME_EVERY;
    while tokio::time::timeout(pause, stop.cancelled()).await.is_err() {
        pause = match service.prune_accounts(after).await {
            Ok(next) => {
                after = next;
                if next.is_some() { PRUNE_STEP_EVERY } else { PRUNE_ALL_EVERY }
            }
            Err(error) => {
                tracing::warn!(%error, "what is kept no longer could not be removed; it is tried again");
                RECORD_TIME_EVERY
            }
        };
    }
}

/// Each figure of the store becomes a gauge that is read at each scrape.
fn show_figures(metrics: &Metrics, service: &Arc<Service>) {
    for (place, (name, _)) in service.figures().into_iter().enumerate() {
        let service = Arc::clone(service);
        metrics.sampled(name, "A figure of the store, of retention or of the server keys.", move || {
            let figure = service.figures().get(place).map_or(0, |(_, value)| *value);
            // Exact up to 2^53, which no figure reaches.
            figure as f64
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_burst_of_connections_is_held_until_it_is_accepted() {
        let listener = bind(SocketAddr::from(([127, 0, 0, 1], 0)), "--listen").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        // Nobody accepts. What finds no place hears nothing, and asks again after a second.
        let connect = |_| std::net::TcpStream::connect_timeout(&address, Duration::from_millis(900));
        let held: std::io::Result<Vec<_>> = (0..600).map(connect).collect();
        assert_eq!(held.expect("all are held").len(), 600);
    }
}
