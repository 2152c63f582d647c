//! The time for request headers: short once their first byte is there, longer while a connection idles;
//! and the time in which an answer must be taken.
//!
//! hyper has one timeout for both, which starts as soon as it waits for a request. With the short one,
//! clients that keep connections in a pool would meet closed ones all the time; with the longer one,
//! slow headers would hold connections for as long. So hyper only tells when it waits, and the watch
//! keeps the time, with one timer that is seldom moved instead of a new one for each request.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::rt::{Sleep, Timer};
use tokio::time::Instant;

use super::signs::Signs;
use crate::config::Limits;

/// hyper's timer of one connection: never rings, but notes from when to when headers are waited for.
pub(super) struct WaitBell(pub(super) Arc<Signs>);

/// One wait for headers.
struct Wait(Arc<Signs>);

/// Watches over one connection's waits.
pub(super) struct HeadWatch {
    signs: Arc<Signs>,
    header_timeout: Duration,
    keep_alive: Duration,
    timer: Pin<Box<tokio::time::Sleep>>,
    /// The wait that `end` is for.
    wait: u64,
    end: Instant,
    hurried: bool,
    /// Since when the caller has taken nothing of its answers.
    stalled: Option<Instant>,
    /// How many requests there were at the last look.
    requests: u64,
}

impl Timer for WaitBell {
    fn sleep(&self, _: Duration) -> Pin<Box<dyn Sleep>> {
        self.0.arrived.store(false, Ordering::Relaxed);
        self.0.wait.store(self.0.waits.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
        Box::pin(Wait(Arc::clone(&self.0)))
    }

    fn sleep_until(&self, _: std::time::Instant) -> Pin<Box<dyn Sleep>> {
        self.sleep(Duration::ZERO)
    }
}

impl Future for Wait {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }
}

impl Sleep for Wait {}

impl Drop for Wait {
    fn drop(&mut self) {
        self.0.wait.store(0, Ordering::Relaxed);
    }
}

impl HeadWatch {
    /// A watch over a new connection, whose first headers are due at once.
    pub(super) fn new(signs: Arc<Signs>, limits: &Limits) -> Self {
        let end = Instant::now() + limits.header_timeout;
        let timer = Box::pin(tokio::time::sleep_until(end));
        Self { signs, header_timeout: limits.header_timeout, keep_alive: limits.keep_alive, timer, wait: 0, end, hurried: true, stalled: None, requests: 0 }
    }

    /// Ready when the caller has been waited for too long, to send its headers or, where `stalled`, to take its answers.
    /// To be asked at the end of each turn.
    pub(super) fn poll_over(&mut self, cx: &mut Context<'_>, stalled: bool) -> Poll<()> {
        self.stalled = if stalled { self.stalled.or_else(|| Some(Instant::now())) } else { None };
        if self.signs.begun.load(Ordering::Relaxed) {
            self.look();
        }
        loop {
            ready!(self.timer.as_mut().poll(cx));
            let now = Instant::now();
            if self.stalled.is_some_and(|since| now >= since + self.keep_alive) {
                return Poll::Ready(());
            }
            if self.wait == 0 && self.signs.begun.load(Ordering::Relaxed) {
                // A request is being answered, or this is HTTP/2, which tells of no waits: there, what has asked nothing since
                // the last look is idle, however well it answers pings.
                let requests = self.signs.requests.load(Ordering::Relaxed);
                if requests == self.requests && self.signs.in_flight.load(Ordering::Relaxed) == 0 {
                    return Poll::Ready(());
                }
                self.requests = requests;
                self.timer.as_mut().reset(now + self.keep_alive);
            } else if now < self.end {
                self.timer.as_mut().reset(self.end);
            } else {
                return Poll::Ready(());
            }
        }
    }

    /// Sees which wait it is, and how long it may last. The timer is moved only if it would ring too late.
    fn look(&mut self) {
        let wait = self.signs.wait.load(Ordering::Relaxed);
        if wait != self.wait {
            self.wait = wait;
            self.hurried = false;
            if wait != 0 {
                self.end = Instant::now() + self.keep_alive;
            }
        }
        if wait != 0 && !self.hurried && self.signs.arrived.load(Ordering::Relaxed) {
            self.hurried = true;
            self.end = self.end.min(Instant::now() + self.header_timeout);
        }
        if wait != 0 && self.end < self.timer.deadline() {
            self.timer.as_mut().reset(self.end);
        }
    }
}
