//! The roll of open connections, by which a listener tells all of them that the end has come.
//!
//! A connection looks at its own signs at each turn, and shares nothing with the others while it works.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::signs::Signs;

/// The connections of one listener.
#[derive(Debug, Default)]
pub(super) struct Roll(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    open: HashMap<u64, Arc<Signs>>,
    entered: u64,
    ending: bool,
    cut: bool,
}

/// A connection is on the roll for as long as this lives.
pub(super) struct Presence<'a> {
    roll: &'a Roll,
    number: u64,
}

impl Roll {
    /// Enters a connection; one that comes late is told at once.
    pub(super) fn enter(&self, signs: &Arc<Signs>) -> Presence<'_> {
        let mut entries = self.lock();
        entries.tell(signs);
        entries.entered += 1;
        let number = entries.entered;
        entries.open.insert(number, Arc::clone(signs));
        Presence { roll: self, number }
    }

    /// From now on, connections answer what is in flight and close.
    pub(super) fn end(&self) {
        let mut entries = self.lock();
        entries.ending = true;
        entries.tell_all();
    }

    /// From now on, connections close at once.
    pub(super) fn cut(&self) {
        let mut entries = self.lock();
        entries.cut = true;
        entries.tell_all();
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    fn tell(&self, signs: &Signs) {
        signs.ending.store(self.ending, Ordering::Release);
        signs.cut.store(self.cut, Ordering::Release);
        signs.waker.wake();
    }

    fn tell_all(&self) {
        self.open.values().for_each(|signs| self.tell(signs));
    }
}

impl Drop for Presence<'_> {
    fn drop(&mut self) {
        self.roll.lock().open.remove(&self.number);
    }
}
