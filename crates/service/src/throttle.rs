//! Throttles: wrong secrets count against the address that they came from, and against nothing else; what a person does
//! through a dialect counts against that person.
//!
//! The former is no lock on anybody: whoever has a right secret never comes here. So that a flood of wrong ones is no flood of
//! commits, units are taken from the store a few at a time, before they are used: a restart forgives nothing. A budget that
//! is known to be empty isn't asked for again. Where the store can't answer, or is asked too much, memory counts alone.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use doorward_domain::{BudgetId, Quota, Refusal, Timestamp, network_of};
use doorward_store::AccountKey;

use crate::access::Access;
use crate::{Error, Service};

/// How many units of an address's budget are taken from the store at once, where so many are left.
const AT_ONCE: u32 = 10;
/// Budgets of which this process keeps account; beyond it those are forgotten that have nothing missing, then all.
const BUDGETS: usize = 65_536;
/// How often this process asks the store, over all addresses: floods from many of them are counted in memory.
const ASKS: Quota = Quota { limit: 200, window_s: 2 };

/// What this process knows of the budgets.
#[derive(Default)]
pub(crate) struct Throttle {
    budgets: Mutex<HashMap<BudgetId, Arc<tokio::sync::Mutex<Known>>>>,
    asks: Mutex<Option<Timestamp>>,
}

/// What is known of one budget.
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
    /// The account of one budget.
    fn known(&self, of: BudgetId, now: Timestamp) -> Arc<tokio::sync::Mutex<Known>> {
        let mut budgets = self.budgets.lock().unwrap_or_else(PoisonError::into_inner);
        if budgets.len() >= BUDGETS && !budgets.contains_key(&of) {
            budgets.retain(|_, known| known.try_lock().is_ok_and(|known| known.full_at > now));
            if budgets.len() > BUDGETS / 2 {
                budgets.clear();
            }
        }
        let full = Known { taken: 0, full_at: Timestamp::from_micros(0), told_until: Timestamp::from_micros(0) };
        Arc::clone(budgets.entry(of).or_insert_with(|| Arc::new(tokio::sync::Mutex::new(full))))
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
        self.spend(id, quota, AT_ONCE, now).await.map_err(|exhausted| {
            if exhausted.is_news {
                tracing::warn!(address = %from, limit = quota.limit, window_s = quota.window_s, "an address sends wrong secrets and is throttled");
            }
            exhausted.wait_s
        })
    }

    /// Counts what a person does; `what` names it.
    ///
    /// # Errors
    /// `TooOften`.
    pub async fn pace(&self, access: &Access, what: &[&str; 2], quota: Quota) -> Result<(), Error> {
        // A backend is nobody who could be kept from harm by waiting.
        let AccountKey::Id(_, account) = &access.at else { return Ok(()) };
        let id = BudgetId(self.keys.seal("pace", &[what[0].as_bytes(), what[1].as_bytes(), account.0.as_bytes()]));
        // One at a time: what a restart forfeits must not keep a person waiting.
        let exhausted = self.spend(id, quota, 1, self.clock.now()).await.err();
        exhausted.map_or(Ok(()), |exhausted| Err(Refusal::TooOften(exhausted.wait_s).into()))
    }

    /// Takes a unit from a budget; so many are fetched from the store at once.
    async fn spend(&self, id: BudgetId, quota: Quota, at_once: u32, now: Timestamp) -> Result<(), Exhausted> {
        let known = self.throttle.known(id, now);
        // One at a time for each budget: those that wait find what the first one fetched.
        let mut known = known.lock().await;
        while known.taken == 0 {
            let wanted = quota.left(known.full_at, now).min(at_once);
            if wanted == 0 {
                let is_news = known.told_until <= now;
                if is_news {
                    known.told_until = now.plus_s(quota.window_s);
                }
                return Err(Exhausted { wait_s: quota.wait_s(known.full_at, now), is_news });
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

/// A budget of which nothing is left.
struct Exhausted {
    /// In how many seconds one is left again.
    wait_s: u32,
    /// Whether it is the first time in this window.
    is_news: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_bounded_however_many_addresses_there_are() {
        let throttle = Throttle::default();
        let now = Timestamp::from_micros(1_000_000_000_000);
        for number in 0..(BUDGETS as u128 * 2 + 7) {
            let known = throttle.known(BudgetId(number.to_be_bytes()), now);
            known.try_lock().expect("nobody else").full_at = now.plus_s(60);
        }
        assert!(throttle.budgets.lock().expect("no panic").len() <= BUDGETS);
    }
}
