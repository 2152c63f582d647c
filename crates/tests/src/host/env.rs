//! The outer world of a test: a clock that stands still until it is moved, and ids that are the same in every run.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use doorward_domain::{Mint, Timestamp};
use doorward_service::env::{Clock, Entropy};
use doorward_service::{Erased, ErasureList, Listed};

/// A clock that stands still until it is moved.
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that stands at this moment.
    #[must_use]
    pub fn at(moment: Timestamp) -> Self {
        Self(AtomicI64::new(moment.micros()))
    }

    /// Moves it ahead.
    pub fn advance_s(&self, seconds: u32) {
        self.0.fetch_add(i64::from(seconds) * 1_000_000, Ordering::SeqCst);
    }

    /// Moves it to a moment, which may be an earlier one.
    pub fn set(&self, moment: Timestamp) {
        self.0.store(moment.micros(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }

    fn not_before(&self, floor: Timestamp) {
        self.0.fetch_max(floor.micros(), Ordering::SeqCst);
    }
}

/// Mints that are the same in every run, so long as they are asked for in the same order.
#[derive(Default)]
pub struct SeededEntropy(AtomicU64);

impl SeededEntropy {
    /// Of one of several nodes, which draw different ones.
    #[must_use]
    pub const fn of_node(node: u64) -> Self {
        Self(AtomicU64::new(node << 40))
    }
}

impl Entropy for SeededEntropy {
    fn mint(&self) -> Mint {
        let mut seed = *b"the seed of doorward's tests ...";
        seed[24..].copy_from_slice(&self.0.fetch_add(1, Ordering::SeqCst).to_be_bytes());
        Mint::new(seed)
    }
}

/// An erasure list in memory, which can be made to fail.
#[derive(Default)]
pub struct ErasureLines {
    lines: Mutex<Vec<Erased>>,
    full: AtomicBool,
}

impl ErasureLines {
    /// What was written down.
    #[must_use]
    pub fn written(&self) -> Vec<Erased> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Writes a line as if another process had.
    pub fn add(&self, erased: Erased) {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).push(erased);
    }

    /// From now on nothing can be written, or can again.
    pub fn be_full(&self, full: bool) {
        self.full.store(full, Ordering::SeqCst);
    }
}

impl ErasureList for ErasureLines {
    fn record(&self, erased: Erased) -> Listed<'_, ()> {
        if self.full.load(Ordering::SeqCst) {
            return Box::pin(std::future::ready(Err(io::ErrorKind::StorageFull.into())));
        }
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).push(erased);
        Box::pin(std::future::ready(Ok(())))
    }

    fn lines(&self) -> Listed<'_, Vec<Erased>> {
        Box::pin(std::future::ready(Ok(self.written())))
    }
}
