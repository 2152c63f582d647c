//! The throttle of wrong secrets: each counts against the address that it came from, and against nothing else.
//!
//! It is no lock on anybody: whoever has a right secret never comes here. So that a flood of wrong ones is no flood of
//! commits, units are taken from the store a few at a time, before they are used: a restart forgives nothing. A budget that
//! is known to be empty isn't asked for again. Where the store can't answer, or is asked too much, memory counts alone.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use doorward_domain::{BudgetId, Quota, Timestamp, network_of};

use crate::Service;

/// How many units are taken from the store at once, where so many are left.
const AT_ONCE: u32 = 10;
/// Addresses of which this process keeps account; beyond it those are forgotten that have nothing missing, then all.
const ADDRESSES: usize = 65_536;
/// How often this process asks the store, over all addresses: floods from many of them are counted in memory.
const ASKS: Quota = Quota { limit: 200, window_s: 2 };

/// What this process knows of the budgets.
#[derive(Default)]
pub(crate) struct Throttle {
    addresses: Mutex<HashMap<BudgetId, Arc<tokio::sync::Mutex<Known>>>>,
    asks: Mutex<Option<Timestamp>>,
}

/// What is known of one address's budget.
#[derive(Debug, Clone, Copy)]
struct Known {
    /// Units that were taken from the budget and not used yet.
    taken: u32,
    /// The budget as it was last heard of; it can only be emptier.
    full_at: Timestamp,
    /// Until when the log has been told.
    told_until: Timestamp,
}

impl Throttle {
    /// The account of one address.
    fn known(&self, of: BudgetId, now: Timestamp) -> Arc<tokio::sync::Mutex<Known>> {
        let mut addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        if addresses.len() >= ADDRESSES && !addresses.contains_key(&of) {
            addresses.retain(|_, known| known.try_lock().is_ok_and(|known| known.full_at > now));
            if addresses.len() > ADDRESSES / 2 {
                addresses.clear();
            }
        }
        let full = Known { taken: 0, full_at: Timestamp::from_micros(0), told_until: Timestamp::from_micros(0) };
        Arc::clone(addresses.entry(of).or_insert_with(|| Arc::new(tokio::sync::Mutex::new(full))))
    }

    fn may_ask(&self, now: Timestamp) -> bool {
        let mut asks = self.asks.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = ASKS.take(asks.unwrap_or(Timestamp::from_micros(0)), now, 1);
        *asks = taken.or(*asks);
        taken.is_some()
    }
}

impl Service {
    /// Counts a wrong secret against the address from which it came (of IPv6: against its network of 64 bits). If the address
    /// has sent too many, says in how many seconds it may send the next.
    ///
    /// # Errors
    /// Those seconds.
    pub async fn wrong_secret(&self, from: IpAddr, quota: Quota) -> Result<(), u32> {
        let now = self.clock.now();
        let network = match network_of(from) {
            IpAddr::V4(v4) => v4.octets().to_vec(),
            IpAddr::V6(v6) => v6.octets().to_vec(),
        };
        let id = BudgetId(self.keys.seal("wrong-secrets", &[&network]));
        let known = self.throttle.known(id, now);
        // One at a time for each address: those that wait find what the first one fetched.
        let mut known = known.lock().await;
        while known.taken == 0 {
            let wanted = quota.left(known.full_at, now).min(AT_ONCE);
            if wanted == 0 {
                if known.told_until <= now {
                    known.told_until = now.plus_s(quota.window_s);
                    tracing::warn!(address = %from, limit = quota.limit, window_s = quota.window_s, "an address sends wrong secrets and is throttled");
                }
                return Err(quota.wait_s(known.full_at, now));
            }
            let spent = if self.throttle.may_ask(now) { self.store.spend(id, quota, wanted, now).await.ok() } else { None };
            match spent {
                Some(spent) => {
                    known.full_at = known.full_at.max(spent.full_at);
                    known.taken = if spent.granted { wanted } else { 0 };
                }
                None => {
                    known.full_at = quota.take(known.full_at, now, 1).unwrap_or(known.full_at);
                    known.taken = 1;
                }
            }
        }
        known.taken -= 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_bounded_however_many_addresses_there_are() {
        let throttle = Throttle::default();
        let now = Timestamp::from_micros(1_000_000_000_000);
        for number in 0..(ADDRESSES as u128 * 2 + 7) {
            let known = throttle.known(BudgetId(number.to_be_bytes()), now);
            known.try_lock().expect("nobody else").full_at = now.plus_s(60);
        }
        assert!(throttle.addresses.lock().expect("no panic").len() <= ADDRESSES);
    }
}
