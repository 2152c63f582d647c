//! Gates: one change of an account at a time goes to the database, so that a hot account waits here and not on every connection.
//!
//! A gate is a shard's, since that is what every key of an account has: a user's, a token's, a sign-in's. Of 65,536 shards
//! two that are busy at the same moment are seldom the same.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use doorward_domain::Shard;
use tokio::sync::{Mutex as Gate, OwnedMutexGuard};

use crate::StoreError;

/// How many may wait at one gate.
const QUEUE: usize = 1_024;
/// How long one waits.
const WAIT: Duration = Duration::from_secs(10);

type Map = HashMap<Shard, Arc<Gate<()>>>;

/// The gates that are in use.
#[derive(Default)]
pub(super) struct Gates(Mutex<Map>);

/// Leave to pass. The next may, once this is dropped.
pub(super) struct Pass {
    // In this order: the gate opens before it is looked at for removal.
    _open: OwnedMutexGuard<()>,
    _place: Place,
}

/// A place at a gate, which goes when nobody is at it any more.
struct Place {
    gates: Arc<Gates>,
    shard: Shard,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut map = self.gates.map();
        // References are made under the map's lock or by who has one, so the last one here is the map's own.
        if map.get(&self.shard).is_some_and(|gate| Arc::strong_count(gate) == 1) {
            map.remove(&self.shard);
        }
    }
}

impl Gates {
    fn map(&self) -> MutexGuard<'_, Map> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for one's turn at the shard's gate, first come, first served.
    pub(super) async fn pass(self: &Arc<Self>, shard: Shard) -> Result<Pass, StoreError> {
        let busy = || StoreError::Unavailable("too many changes of one account are waiting".to_owned());
        let gate = {
            let mut map = self.map();
            let gate = map.entry(shard).or_default();
            // A reference for each place, and the map's own.
            if Arc::strong_count(gate) > QUEUE {
                return Err(busy());
            }
            Arc::clone(gate)
        };
        let place = Place { gates: Arc::clone(self), shard };
        let open = tokio::time::timeout(WAIT, gate.lock_owned()).await.map_err(|_| busy())?;
        Ok(Pass { _open: open, _place: place })
    }

    /// How many wait at all gates together.
    pub(super) fn waiting(&self) -> usize {
        // At each gate there is the map's reference, and who passes.
        self.map().values().map(|gate| Arc::strong_count(gate).saturating_sub(2)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_passes_at_a_time_and_an_idle_gate_is_gone() {
        let gates = Arc::new(Gates::default());
        let first = gates.pass(Shard(7)).await.expect("it is open");
        let other = gates.pass(Shard(8)).await.expect("another gate");
        let mut second = Box::pin(gates.pass(Shard(7)));
        let waits = tokio::time::timeout(Duration::from_millis(20), &mut second).await;
        assert!(waits.is_err() && gates.waiting() == 1, "the second waits");
        drop((first, other));
        let second = second.await.expect("its turn");
        assert_eq!((gates.waiting(), gates.map().len()), (0, 1));
        let gone = Box::pin(gates.pass(Shard(7)));
        drop((second, gone));
        assert_eq!(gates.map().len(), 0);
    }

    #[tokio::test]
    async fn one_that_stops_waiting_leaves_no_trace() {
        let gates = Arc::new(Gates::default());
        let first = gates.pass(Shard(7)).await.expect("it is open");
        let waits = tokio::time::timeout(Duration::from_millis(5), gates.pass(Shard(7))).await;
        assert!(waits.is_err());
        drop(first);
        assert_eq!(gates.map().len(), 0);
    }
}
