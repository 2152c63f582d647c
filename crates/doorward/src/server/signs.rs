//! What the parts of one connection tell each other.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};

use futures_util::task::AtomicWaker;

/// The signs of one connection.
#[derive(Debug, Default)]
pub(super) struct Signs {
    /// Wakes the connection's task when a sign changes from outside.
    pub(super) waker: AtomicWaker,
    /// The server ends: what is in flight is answered, what is idle is closed.
    pub(super) ending: AtomicBool,
    /// The time for that is over.
    pub(super) cut: AtomicBool,
    /// A request's headers have come in whole.
    pub(super) begun: AtomicBool,
    /// Requests whose answers aren't there yet.
    pub(super) in_flight: AtomicUsize,
    /// Requests that were answered, and those that their callers gave up before.
    pub(super) answered: AtomicU64,
    pub(super) abandoned: AtomicU64,
    /// How long a body the last head announced, until the reading side has taken note; HTTP/1 alone.
    pub(super) announced: AtomicU64,
    /// Requests that came in so far.
    pub(super) requests: AtomicU64,
    /// How many waits for a request's headers there were; HTTP/1 alone tells.
    pub(super) waits: AtomicU64,
    /// Which of them this is; zero while there is none.
    pub(super) wait: AtomicU64,
    /// Bytes have come in during this wait.
    pub(super) arrived: AtomicBool,
    /// The last answer refused something that the caller may still be sending.
    pub(super) refused: AtomicBool,
}
