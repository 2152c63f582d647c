//! Budgets: how often something may be done, kept as one moment each (the generic cell rate algorithm).
//!
//! A budget is full until something is taken from it. What was taken comes back evenly, and all of it by the moment
//! `full_at`; so one number says all, and time that passes needs no writing.

use std::net::{IpAddr, Ipv6Addr};

use crate::Timestamp;

/// A budget's id: a digest of what it is kept for, so that the row names nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BudgetId(pub [u8; 16]);

/// How much a budget holds, and in what time an empty one is full again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// What a full budget holds; at least 1.
    pub limit: u32,
    /// The time in which an empty one is full again, in seconds; at least 1.
    pub window_s: u32,
}

/// What spending from a budget came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spent {
    /// Whether all that was asked for was taken; else nothing was.
    pub granted: bool,
    /// When the budget will be full, as it is now.
    pub full_at: Timestamp,
}

/// What stands for a caller's address wherever callers are counted: IPv4 whole, of IPv6 the first 64 bits, since one subscriber
/// has all the rest.
#[must_use]
pub fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        v4 => v4,
    }
}

impl Quota {
    /// Wrong secrets of one address: 300 in 10 minutes, unless the operator says otherwise.
    pub const WRONG_SECRETS: Self = Self { limit: 300, window_s: 600 };

    /// What a person may do through a dialect to have a device trusted: 10 times an hour, unless the operator says otherwise.
    pub const TRUSTS: Self = Self { limit: 10, window_s: 3_600 };

    /// What else a person may change through a dialect: 30 times a minute, unless the operator says otherwise.
    pub const WRITES: Self = Self { limit: 30, window_s: 60 };

    /// In how many microseconds `count` come back.
    #[must_use]
    pub fn time_of(self, count: u32) -> i64 {
        let one = (i64::from(self.window_s.max(1)) * 1_000_000 / i64::from(self.limit.max(1))).max(1);
        one.saturating_mul(i64::from(count))
    }

    /// In how many microseconds an empty budget is full.
    #[must_use]
    pub fn whole_time(self) -> i64 {
        self.time_of(self.limit.max(1))
    }

    /// How many are left.
    #[must_use]
    pub fn left(self, full_at: Timestamp, now: Timestamp) -> u32 {
        let missing = (full_at.micros() - now.micros()).max(0);
        u32::try_from((self.whole_time() - missing).max(0) / self.time_of(1)).unwrap_or(u32::MAX)
    }

    /// The budget after `count` were taken; `None`, and nothing is taken, if fewer are left.
    #[must_use]
    pub fn take(self, full_at: Timestamp, now: Timestamp, count: u32) -> Option<Timestamp> {
        let enough = self.left(full_at, now) >= count;
        enough.then(|| Timestamp::from_micros(full_at.micros().max(now.micros()).saturating_add(self.time_of(count))))
    }

    /// In how many seconds one is left again, rounded up; at least 1.
    #[must_use]
    pub fn wait_s(self, full_at: Timestamp, now: Timestamp) -> u32 {
        let wait = full_at.micros() + self.time_of(1) - self.whole_time() - now.micros();
        u32::try_from(wait.max(1).div_euclid(1_000_000) + i64::from(wait.max(1) % 1_000_000 != 0)).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(1_700_000_000_000_000 + micros)
    }

    #[test]
    fn neighbours_in_a_network_of_64_bits_are_one() {
        let of = |text: &str| network_of(text.parse().expect("an address")).to_string();
        assert_eq!(of("2001:db8:0:1:ffff:ffff:ffff:ffff"), "2001:db8:0:1::");
        assert_eq!(of("2001:db8:0:1::1"), "2001:db8:0:1::");
        assert_eq!(of("2001:db8:0:2::1"), "2001:db8:0:2::");
        assert_eq!(of("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(of("192.0.2.8"), "192.0.2.8");
    }

    #[test]
    fn a_budget_holds_its_limit_to_the_number_and_comes_back_evenly() {
        for (limit, window_s) in [(1, 1), (3, 10), (7, 1), (300, 600), (1_000_000, 1), (1_000_000, 86_400)] {
            let quota = Quota { limit, window_s };
            assert_eq!(quota.left(Timestamp::from_micros(0), at(0)), limit);
            assert_eq!(quota.take(Timestamp::from_micros(0), at(0), limit + 1), None);
            let empty = quota.take(Timestamp::from_micros(0), at(0), limit).expect("it was full");
            assert_eq!(quota.left(empty, at(0)), 0);
            assert_eq!(quota.take(empty, at(0), 1), None);
            assert_eq!(quota.left(empty, at(quota.time_of(1) - 1)), 0);
            assert_eq!(quota.left(empty, at(quota.time_of(1))), 1);
            assert_eq!(quota.left(empty, at(quota.whole_time())), limit);
            assert_eq!(quota.left(empty, at(quota.whole_time() * 9)), limit, "never more than it holds");
        }
    }

    #[test]
    fn one_by_one_is_the_same_as_all_at_once() {
        let quota = Quota { limit: 300, window_s: 600 };
        let mut full_at = at(0);
        for left in (0..300).rev() {
            full_at = quota.take(full_at, at(0), 1).expect("enough is left");
            assert_eq!(quota.left(full_at, at(0)), left);
        }
        assert_eq!(Some(full_at), quota.take(at(0), at(0), 300));
    }

    #[test]
    fn a_clock_that_steps_back_gives_nothing_and_the_wait_is_told() {
        let quota = Quota { limit: 300, window_s: 600 };
        let empty = quota.take(at(0), at(0), 300).expect("it was full");
        assert_eq!(quota.left(empty, at(-3_600_000_000)), 0);
        assert_eq!(quota.wait_s(empty, at(0)), 2);
        assert_eq!(quota.wait_s(empty, at(1_500_000)), 1);
        assert_eq!(quota.wait_s(empty, at(1_999_999)), 1);
        assert_eq!(quota.left(empty, at(2_000_000)), 1);
    }
}
