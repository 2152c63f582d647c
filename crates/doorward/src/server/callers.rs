//! How many connections each address holds: no caller may take all of a listener's.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use doorward_api::proxies::Proxies;
use doorward_domain::network_of;

use crate::config::PerAddress;

/// The addresses that hold connections of one listener; a clone counts with it.
#[derive(Clone)]
pub(super) struct Callers(Arc<Parts>);

struct Parts {
    most: PerAddress,
    /// Proxies speak for many, and are nobody's address here.
    proxies: Proxies,
    open: Mutex<HashMap<IpAddr, usize>>,
}

/// A connection is counted for as long as this lives.
pub(super) struct Caller {
    callers: Callers,
    counted: Option<IpAddr>,
}

impl Callers {
    pub(super) fn new(most: PerAddress, proxies: Proxies) -> Self {
        Self(Arc::new(Parts { most, proxies, open: Mutex::default() }))
    }

    /// Counts a connection of this peer. `None` if its address holds as many as it may.
    pub(super) fn enter(&self, peer: IpAddr) -> Option<Caller> {
        let most = match self.0.most {
            PerAddress::Strangers(_) if peer.to_canonical().is_loopback() => None,
            _ if self.0.proxies.trusts(peer) => None,
            PerAddress::Strangers(most) | PerAddress::Everyone(most) => Some(most),
            PerAddress::Unbounded => None,
        };
        let Some(most) = most else { return Some(Caller { callers: self.clone(), counted: None }) };
        let address = network_of(peer);
        let mut open = self.lock();
        let held = open.entry(address).or_insert(0);
        if *held >= most {
            return None;
        }
        *held += 1;
        Some(Caller { callers: self.clone(), counted: Some(address) })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        let Some(address) = self.counted else { return };
        let mut open = self.callers.lock();
        if let Some(held) = open.get_mut(&address) {
            *held -= 1;
            if *held == 0 {
                open.remove(&address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entered(callers: &Callers, peers: &[&str]) -> Vec<Option<Caller>> {
        peers.iter().map(|peer| callers.enter(peer.parse().expect("an address"))).collect()
    }

    fn let_in(callers: &Callers, peers: &[&str]) -> Vec<bool> {
        entered(callers, peers).iter().map(Option::is_some).collect()
    }

    #[test]
    fn an_address_holds_so_many_connections_and_no_more() {
        let callers = Callers::new(PerAddress::Everyone(2), Proxies::new(["10.9.0.0/16".parse().expect("a network")]));
        let held = entered(&callers, &["192.0.2.1", "192.0.2.1"]);
        assert_eq!(let_in(&callers, &["192.0.2.1", "::ffff:192.0.2.1", "192.0.2.2"]), [false, false, true]);
        drop(held);
        assert_eq!(let_in(&callers, &["192.0.2.1", "192.0.2.1", "192.0.2.1"]), [true, true, false], "those that were closed count no more");
        assert!(callers.lock().is_empty(), "nobody is remembered who holds none");
        // Of IPv6, a network of 64 bits is one address.
        assert_eq!(let_in(&callers, &["2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8:0:1::1"]), [true, true, false, true]);
    }

    #[test]
    fn who_speaks_for_many_is_not_counted() {
        let proxies = || Proxies::new(["10.9.0.0/16".parse().expect("a network")]);
        let ten = |callers: &Callers, peer| let_in(callers, &[peer; 10]).iter().filter(|entered| **entered).count();
        for (most, proxy, local, stranger) in [(PerAddress::Everyone(2), 10, 2, 2), (PerAddress::Strangers(2), 10, 10, 2), (PerAddress::Unbounded, 10, 10, 10)]
        {
            let callers = Callers::new(most, proxies());
            let found = ["10.9.0.1", "127.0.0.1", "192.0.2.1"].map(|peer| ten(&callers, peer));
            assert_eq!(found, [proxy, local, stranger], "{most:?}");
        }
    }
}
