//! The accept loop: bounded connections, bounded waiting, and an orderly end.

mod bare;
mod callers;
mod gate;
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
use doorward_api::layers::Frame;
use doorward_api::problem::{Kind, Problem};
use doorward_api::proxies::Proxies;
use http::{HeaderValue, Request, Version, header};
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

/// How many bytes of bodies an HTTP/2 connection, and one of its requests, may send unasked; and how many of an answer wait for it.
const CONNECTION_WINDOW: u32 = 256 * 1024;
const STREAM_WINDOW: u32 = 64 * 1024;
const SEND_BUFFER: usize = 64 * 1024;

/// How many requests an HTTP/2 connection may reset before they are read, and how many may be refused on it.
const UNREAD_RESETS: usize = 20;
const REFUSED_STREAMS: usize = 100;

/// How many more requests a connection may abandon than it lets be answered.
const ABANDONED: u64 = 100;

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
    /// Words what is refused before it reaches the router.
    pub(crate) frame: Frame,
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
    frame: Frame,
    tls: Option<Tls>,
    limits: Limits,
    stop: CancellationToken,
    roll: Roll,
}

impl Listener {
    /// Accepts until `stop`, then waits for what is in flight, but no longer than `drain`.
    pub(crate) async fn serve(self, stop: CancellationToken, drain: Duration) {
        let Self { name, socket, router, frame, tls, limits, proxies, connections, refused } = self;
        // Else axum wraps each endpoint in its layers anew at every request.
        let router = router.with_state(());
        let door = Arc::new(Door { router, frame, tls, limits, stop: stop.clone(), roll: Roll::default() });
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

/// A request is in flight as long as this lives. Its caller has given it up if that ends before it was answered.
struct Flight {
    signs: Arc<Signs>,
    answered: bool,
}

impl Flight {
    fn begin(signs: &Arc<Signs>) -> Self {
        signs.in_flight.fetch_add(1, Ordering::Relaxed);
        Self { signs: Arc::clone(signs), answered: false }
    }

    fn land(mut self) {
        self.answered = true;
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.signs.in_flight.fetch_sub(1, Ordering::Relaxed);
        if self.answered {
            self.signs.answered.fetch_add(1, Ordering::Relaxed);
        } else {
            self.signs.abandoned.fetch_add(1, Ordering::Relaxed);
            self.signs.waker.wake();
        }
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
        let (stream, outlet) = stream(transport, Arc::clone(&signs), self.frame.clone());
        let service = service_fn(|mut request: Request<Incoming>| {
            signs.begun.store(true, Ordering::Relaxed);
            signs.requests.fetch_add(1, Ordering::Relaxed);
            let flight = Flight::begin(&signs);
            let http1 = request.version() < Version::HTTP_2;
            let in_chunks = http1 && announce(&request, &signs);
            let answer = match fault(&request) {
                Some(problem) => Err(self.frame.refuse(problem, Some((request.method(), request.uri())))),
                None => {
                    request.extensions_mut().insert(peer);
                    Ok(self.router.clone().call(request))
                }
            };
            let last = in_chunks || answer.is_err();
            let signs = Arc::clone(&signs);
            async move {
                let mut answer = match answer {
                    Ok(answer) => answer.await,
                    Err(refusal) => Ok(refusal),
                };
                flight.land();
                if let Ok(response) = &mut answer
                    && last
                    && http1
                {
                    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
                }
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
            let abandoned = signs.abandoned.load(Ordering::Relaxed);
            if signs.cut.load(Ordering::Acquire) || abandoned > ABANDONED + signs.answered.load(Ordering::Relaxed) {
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
            .initial_connection_window_size(CONNECTION_WINDOW)
            .initial_stream_window_size(STREAM_WINDOW)
            .max_send_buf_size(SEND_BUFFER)
            .max_pending_accept_reset_streams(UNREAD_RESETS)
            .max_local_error_reset_streams(REFUSED_STREAMS)
            .keep_alive_interval(PING_EVERY)
            .keep_alive_timeout(self.limits.header_timeout);
        builder
    }
}

/// Tells the reading side which body an HTTP/1 request announces. Whether it is its connection's last: where a body in chunks ends,
/// the reading side doesn't know, so nothing may come after it.
fn announce(request: &Request<Incoming>, signs: &Signs) -> bool {
    let headers = request.headers();
    let in_chunks = headers.contains_key(header::TRANSFER_ENCODING);
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    signs.announced.store(if in_chunks { gate::UNBOUNDED } else { length.unwrap_or(0) }, Ordering::Relaxed);
    in_chunks
}

/// What is wrong with a request that hyper takes: RFC 9112 asks for one host, and the bound on headers is one for both versions.
fn fault(request: &Request<Incoming>) -> Option<Problem> {
    let headers = request.headers();
    if headers.len() > MAX_HEADERS {
        return Some(Problem::new(Kind::HeadersTooLarge));
    }
    let hosts = headers.get_all(header::HOST).iter().count();
    let fits = hosts == 1 || hosts == 0 && request.version() != Version::HTTP_11;
    (!fits).then(|| Problem::new(Kind::InvalidRequest).detail("A request has one Host header, no fewer and no more."))
}
