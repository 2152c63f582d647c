//! The accept loop: bounded connections, bounded waiting, and an orderly end.

mod callers;
mod head_timer;
mod roll;
mod seldom;
mod signs;
mod stream;
mod tls;

#[cfg(test)]
mod tests;

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use doorward_api::context::Peer;
use doorward_api::proxies::Proxies;
use http::{HeaderValue, Request, header};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service as _;

use callers::{Caller, Callers};
use head_timer::{HeadWatch, WaitBell};
use roll::Roll;
use seldom::Seldom;
use signs::Signs;
use stream::{Transport, stream};
pub(crate) use tls::Tls;

use crate::config::Limits;

/// How many headers a request may have, and how many bytes they may take.
const MAX_HEADERS: usize = 64;
const MAX_HEADER_BYTES: usize = 16 * 1024;

/// How many requests an HTTP/2 connection may have open.
const MAX_STREAMS: u32 = 100;

/// How often an HTTP/2 connection is asked whether it is there.
const PING_EVERY: Duration = Duration::from_secs(30);

/// How long requests in flight may take once the end has come.
pub(crate) const DRAIN: Duration = Duration::from_secs(10);

/// A bound socket and what answers on it.
pub(crate) struct Listener {
    /// `public` or `internal`, for the log and the metrics.
    pub(crate) name: &'static str,
    pub(crate) socket: TcpListener,
    pub(crate) router: Router,
    pub(crate) tls: Option<Tls>,
    pub(crate) limits: Limits,
    /// The proxies that speak for many callers.
    pub(crate) proxies: Proxies,
    /// Counts the open connections.
    pub(crate) connections: Gauge,
    /// Counts those that were closed at once, since their address held too many.
    pub(crate) refused: Counter,
}

/// What the tasks of one listener's connections share.
struct Door {
    router: Router,
    tls: Option<Tls>,
    limits: Limits,
    stop: CancellationToken,
    roll: Roll,
}

impl Listener {
    /// Accepts until `stop`, then waits for what is in flight, but no longer than `drain`.
    pub(crate) async fn serve(self, stop: CancellationToken, drain: Duration) {
        let Self { name, socket, router, tls, limits, proxies, connections, refused } = self;
        // Else axum wraps each endpoint in its layers anew at every request.
        let router = router.with_state(());
        let door = Arc::new(Door { router, tls, limits, stop: stop.clone(), roll: Roll::default() });
        let slots = Arc::new(Semaphore::new(limits.max_connections));
        let callers = Callers::new(limits.per_address, proxies);
        let tasks = TaskTracker::new();
        let (mut full, mut failed, mut crowded) = (Seldom::default(), Seldom::default(), Seldom::default());
        while let Some(slot) = stop.run_until_cancelled(free_slot(&slots, name, &mut full)).await {
            let Some((socket, address)) = stop.run_until_cancelled(accept(&socket, name, &mut failed)).await else { break };
            let Some(caller) = callers.enter(address.ip()) else {
                refused.inc();
                if let Some(times) = crowded.tell(Instant::now()) {
                    tracing::warn!(listener = name, address = %address.ip(), times, "an address holds too many connections, its further ones are closed. If it is a proxy, name it in --trusted-proxies");
                }
                continue;
            };
            let (door, open) = (Arc::clone(&door), Open::count(&connections, slot, caller));
            tasks.spawn(async move {
                door.serve(socket, address).await;
                drop(open);
            });
        }
        drop(socket);
        tasks.close();
        door.roll.end();
        if tokio::time::timeout(drain, tasks.wait()).await.is_err() {
            tracing::warn!(listener = name, connections = tasks.len(), "connections are cut, since their requests took too long");
            door.roll.cut();
            tasks.wait().await;
        }
    }
}

/// Waits for a free slot before the next connection is taken from the system's queue.
async fn free_slot(slots: &Arc<Semaphore>, listener: &'static str, full: &mut Seldom) -> OwnedSemaphorePermit {
    if let Ok(slot) = Arc::clone(slots).try_acquire_owned() {
        return slot;
    }
    if let Some(times) = full.tell(Instant::now()) {
        tracing::warn!(listener, times, "all connections are taken; further ones wait. Raise --max-connections if this is no attack");
    }
    Arc::clone(slots).acquire_owned().await.expect("the semaphore is never closed")
}

/// The next connection. When the system has none to give, as when files have run out, waits and goes on.
async fn accept(socket: &TcpListener, listener: &'static str, failed: &mut Seldom) -> (TcpStream, SocketAddr) {
    loop {
        match socket.accept().await {
            Ok(accepted) => return accepted,
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                if let Some(times) = failed.tell(Instant::now()) {
                    tracing::error!(listener, %error, times, "no connection can be accepted at the moment");
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// A connection is open and counted for as long as this lives.
struct Open {
    connections: Gauge,
    _slot: OwnedSemaphorePermit,
    _caller: Caller,
}

impl Open {
    fn count(connections: &Gauge, slot: OwnedSemaphorePermit, caller: Caller) -> Self {
        connections.inc();
        Self { connections: connections.clone(), _slot: slot, _caller: caller }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.connections.dec();
    }
}

/// A request is in flight as long as this lives.
struct Flight(Arc<Signs>);

impl Flight {
    fn begin(signs: &Arc<Signs>) -> Self {
        signs.in_flight.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(signs))
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Door {
    /// Serves one connection to its end.
    async fn serve(&self, socket: TcpStream, address: SocketAddr) {
        // Without this, small answers may wait for the caller's acknowledgement; it fails on dead sockets only.
        let _ = socket.set_nodelay(true);
        let transport = match &self.tls {
            None => Transport::Plain(socket),
            Some(tls) => {
                let handshake = tokio::time::timeout(self.limits.header_timeout, tls.acceptor().accept(socket));
                match self.stop.run_until_cancelled(handshake).await {
                    Some(Ok(Ok(stream))) => Transport::Tls(Box::new(stream)),
                    // Scanners and broken handshakes are the caller's affair.
                    _ => return,
                }
            }
        };
        self.talk(transport, Peer { address, tls: self.tls.is_some() }).await;
    }

    /// Speaks HTTP until either side has had enough. Errors are the caller's: a reset, bad bytes, slow headers.
    async fn talk(&self, transport: Transport, peer: Peer) {
        let signs = Arc::new(Signs::default());
        let (stream, outlet) = stream(transport, Arc::clone(&signs));
        let service = service_fn(|mut request: Request<Incoming>| {
            signs.begun.store(true, Ordering::Relaxed);
            signs.requests.fetch_add(1, Ordering::Relaxed);
            let flight = Flight::begin(&signs);
            request.extensions_mut().insert(peer);
            let answer = self.router.clone().call(request);
            let signs = Arc::clone(&signs);
            async move {
                let answer = answer.await;
                drop(flight);
                if let Ok(response) = &answer
                    && response.headers().get(header::CONNECTION) == Some(&HeaderValue::from_static("close"))
                {
                    signs.refused.store(true, Ordering::Relaxed);
                }
                answer
            }
        });
        let builder = self.protocol(&signs);
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
        let mut head_watch = HeadWatch::new(Arc::clone(&signs), &self.limits);
        let mut told = false;
        let _presence = self.roll.enter(&signs);
        poll_fn(|cx| {
            signs.waker.register(cx.waker());
            if signs.cut.load(Ordering::Acquire) {
                return Poll::Ready(());
            }
            if !told && signs.ending.load(Ordering::Acquire) {
                told = true;
                connection.as_mut().graceful_shutdown();
            }
            let ended = connection.as_mut().poll(cx).is_ready();
            match outlet.poll_send(cx) {
                Poll::Ready(Err(_)) => Poll::Ready(()),
                // What can't be sent at the very end is of no use to anybody.
                _ if ended => Poll::Ready(()),
                sent => head_watch.poll_over(cx, sent.is_pending()),
            }
        })
        .await;
    }

    fn protocol(&self, signs: &Arc<Signs>) -> auto::Builder<TokioExecutor> {
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http1()
            // The watch keeps the time; hyper has a timeout only so that it rings the bell.
            .timer(WaitBell(Arc::clone(signs)))
            .header_read_timeout(self.limits.keep_alive)
            .max_headers(MAX_HEADERS)
            .max_buf_size(MAX_HEADER_BYTES);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(MAX_STREAMS)
            .max_header_list_size(MAX_HEADER_BYTES as u32)
            .keep_alive_interval(PING_EVERY)
            .keep_alive_timeout(self.limits.header_timeout);
        builder
    }
}
