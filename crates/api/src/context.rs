//! What is known of a request before any handler sees it: its id, its trace, its peer, its time.

use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderMap, Uri};
use uuid::Uuid;

use crate::problem::{Kind, Problem};
use crate::trace::{SpanId, TraceContext, TraceId};

/// The context of one request: cheap to clone, shared by its layers and its handler.
#[derive(Clone)]
pub struct RequestContext(Arc<Facts>);

struct Facts {
    request_id: Uuid,
    trace: TraceContext,
    received_at_us: i64,
    path: Option<PathAndQuery>,
    tenant: OnceLock<Box<str>>,
    patience_us: AtomicU64,
}

tokio::task_local! {
    static CURRENT: RequestContext;
}

/// Who sent the request, as the listener saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The other end of the connection.
    pub address: SocketAddr,
    /// Whether the connection came in by TLS that ended here.
    pub tls: bool,
}

/// Mints the ids of requests and says when they came; time and randomness are given to it.
///
/// Ids tell requests apart and are no secrets, so they come from a counter under one random seed:
/// a system's generator is asked once, not at each request.
pub struct RequestIds {
    now_us: Box<dyn Fn() -> i64 + Send + Sync>,
    seed: u64,
    count: AtomicU64,
}

impl RequestIds {
    /// Ids under a seed that `fill` gives, at the times (microseconds since 1970) that `now_us` gives.
    #[must_use]
    pub fn new(now_us: impl Fn() -> i64 + Send + Sync + 'static, fill: impl FnOnce(&mut [u8])) -> Self {
        let mut seed = [0; 8];
        fill(&mut seed);
        Self { now_us: Box::new(now_us), seed: u64::from_ne_bytes(seed), count: AtomicU64::new(0) }
    }

    /// The context of a request that has just come in.
    #[must_use]
    pub fn receive(&self, headers: &HeaderMap, uri: &Uri) -> RequestContext {
        let received_at_us = (self.now_us)();
        let draw = Draw { seed: self.seed, at: self.count.fetch_add(1, Ordering::Relaxed).wrapping_mul(8) };
        RequestContext(Arc::new(Facts {
            request_id: draw.request_id(received_at_us),
            trace: TraceContext::of_caller(headers).unwrap_or_else(|| draw.trace()),
            received_at_us,
            path: uri.path_and_query().cloned(),
            tenant: OnceLock::new(),
            patience_us: AtomicU64::new(0),
        }))
    }
}

impl fmt::Debug for RequestIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestIds").finish_non_exhaustive()
    }
}

/// The random numbers of one request: SplitMix64 over the seed, eight places for each request.
struct Draw {
    seed: u64,
    at: u64,
}

impl Draw {
    fn number(&self, place: u64) -> [u8; 8] {
        let mut z = self.seed.wrapping_add(self.at.wrapping_add(place).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)).to_be_bytes()
    }

    fn request_id(&self, now_us: i64) -> Uuid {
        let mut random = [0; 10];
        random[..8].copy_from_slice(&self.number(0));
        random[8..].copy_from_slice(&self.number(1)[..2]);
        let millis = u64::try_from(now_us / 1000).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }

    fn trace(&self) -> TraceContext {
        let mut trace = [0; 16];
        trace[..8].copy_from_slice(&self.number(2));
        trace[8..].copy_from_slice(&self.number(3));
        TraceContext { trace_id: TraceId::minted(trace), span_id: SpanId::minted(self.number(4)), sampled: false }
    }
}

impl RequestContext {
    /// The request that the running task answers, if it answers one: a log line asks for it.
    #[must_use]
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Self::clone).ok()
    }

    /// Runs `answer` as the answer to this request, so that [`Self::current`] finds it.
    pub(crate) async fn answering<F: Future>(self, answer: F) -> F::Output {
        CURRENT.scope(self, answer).await
    }

    /// The request's id as it is shown: `req_` and a UUIDv7.
    #[must_use]
    pub fn request_id(&self) -> RequestId {
        RequestId(self.0.request_id)
    }

    /// The trace that the request belongs to.
    #[must_use]
    pub fn trace(&self) -> TraceContext {
        self.0.trace
    }

    /// When the request came in, in microseconds since 1970.
    #[must_use]
    pub fn received_at_us(&self) -> i64 {
        self.0.received_at_us
    }

    /// The path that was asked for, without its query.
    #[must_use]
    pub fn instance(&self) -> &str {
        self.0.path.as_ref().map_or("/", PathAndQuery::path)
    }

    /// Lets this request take so long in all, where the usual time is shorter: for a long poll.
    pub fn may_take(&self, time: Duration) {
        let us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.0.patience_us.fetch_max(us, Ordering::Relaxed);
    }

    /// How long the request may take at least; zero where nobody said.
    pub(crate) fn patience(&self) -> Duration {
        Duration::from_micros(self.0.patience_us.load(Ordering::Relaxed))
    }

    /// Notes whose request it is, for the log; the first to say so wins.
    pub fn note_tenant(&self, tenant: &str) {
        self.0.tenant.get_or_init(|| tenant.into());
    }

    /// The tenant that was noted, if any was.
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.0.tenant.get().map(|tenant| &**tenant)
    }
}

impl fmt::Debug for RequestContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The path may hold an id or a pasted token: it is left out.
        f.debug_struct("RequestContext")
            .field("request_id", &self.request_id())
            .field("trace", &self.0.trace)
            .field("tenant", &self.tenant())
            .finish_non_exhaustive()
    }
}

/// A request's id in the form in which it is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RequestId(Uuid);

impl RequestId {
    /// How long every request id is.
    pub(crate) const LENGTH: usize = 40;

    /// Writes the id into `buffer` and gives it back as text.
    pub(crate) fn encode(self, buffer: &mut [u8; Self::LENGTH]) -> &str {
        buffer[..4].copy_from_slice(b"req_");
        self.0.hyphenated().encode_lower(&mut buffer[4..]);
        std::str::from_utf8(buffer).expect("a request id is ASCII")
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "req_{}", self.0.hyphenated())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<S: Sync> FromRequestParts<S> for RequestContext {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| Problem::new(Kind::Internal))
    }
}

impl<S: Sync> FromRequestParts<S> for Peer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().copied().ok_or_else(|| Problem::new(Kind::Internal))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn frozen(seed: u8) -> RequestIds {
        RequestIds::new(|| 1_780_000_000_123_456, move |bytes| bytes.fill(seed))
    }

    #[test]
    fn a_frozen_source_gives_the_same_ids_again() {
        let draw = |ids: &RequestIds| {
            let context = ids.receive(&HeaderMap::new(), &Uri::from_static("/devices?token=x"));
            (context.request_id().to_string(), context.trace())
        };
        let (one, two) = (frozen(7), frozen(7));
        for _ in 0..3 {
            assert_eq!(draw(&one), draw(&two));
        }
        assert_ne!(draw(&frozen(7)), draw(&frozen(8)));
    }

    #[test]
    fn ids_do_not_repeat() {
        let ids = frozen(1);
        let mut seen = HashSet::new();
        for _ in 0..10_000 {
            let context = ids.receive(&HeaderMap::new(), &Uri::from_static("/"));
            assert!(seen.insert(context.request_id().to_string()));
            assert!(seen.insert(context.trace().trace_id.to_string()));
            assert!(seen.insert(context.trace().span_id.to_string()));
        }
    }

    #[test]
    fn an_id_is_a_uuid_of_its_millisecond_under_our_prefix() {
        let context = frozen(1).receive(&HeaderMap::new(), &Uri::from_static("/a?b=c"));
        let shown = context.request_id().to_string();
        let uuid: Uuid = shown.strip_prefix("req_").expect("the prefix").parse().expect("a UUID");
        assert_eq!(uuid.get_version_num(), 7);
        assert_eq!(context.request_id().encode(&mut [0; RequestId::LENGTH]), shown);
        assert_eq!(context.instance(), "/a");
    }

    #[test]
    fn the_first_tenant_noted_stays() {
        let context = frozen(1).receive(&HeaderMap::new(), &Uri::from_static("/"));
        assert_eq!(context.tenant(), None);
        context.note_tenant("acme");
        context.note_tenant("other");
        assert_eq!(context.tenant(), Some("acme"));
    }
}
