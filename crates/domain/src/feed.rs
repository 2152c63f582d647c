//! The feed: a tenant's events in lanes, each in the order of commits, each entry chained to all before it.

use aws_lc_rs::digest;

use crate::{Event, KeyedHash, Shard, TenantId, Timestamp, UserId};

/// A part of a tenant's feed, in which its events have one order; an account's are all in one lane. Where several transactions
/// write at once each lane has a sixty-fourth of the shards; where one thread writes, the first lane has all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Lane(u8);

impl Lane {
    /// How many there are.
    pub const COUNT: usize = 64;

    /// The lane of this number. `None` from [`Lane::COUNT`] on.
    #[must_use]
    pub fn new(number: u8) -> Option<Self> {
        (usize::from(number) < Self::COUNT).then_some(Self(number))
    }

    /// A shard's lane: its upper six bits.
    #[must_use]
    pub fn of(shard: Shard) -> Self {
        Self(u8::try_from(shard.0 >> 10).expect("six bits fit"))
    }

    /// The first.
    #[must_use]
    pub const fn first() -> Self {
        Self(0)
    }

    /// All of them, in order.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..64).map(Self)
    }

    /// Its number.
    #[must_use]
    pub fn number(self) -> u8 {
        self.0
    }

    /// The first and the last of its shards.
    #[must_use]
    pub fn shards(self) -> (Shard, Shard) {
        let first = u16::from(self.0) << 10;
        (Shard(first), Shard(first | 0x3ff))
    }
}

/// A place in a lane's chain: so many events, and a hash over the digests of all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// The number of the last event, from 1 without gaps.
    pub position: i64,
    /// SHA-256 over the hash before and this entry's digest.
    pub chain: [u8; 32],
}

impl Link {
    /// Before the first event.
    pub const ORIGIN: Self = Self { position: 0, chain: [0; 32] };

    /// The next link: an entry of so many events.
    #[must_use]
    pub fn next(&self, events: i64, digest: &KeyedHash) -> Self {
        let mut sha = digest::Context::new(&digest::SHA256);
        sha.update(&self.chain);
        sha.update(&digest.to_bytes());
        Self { position: self.position + events, chain: sha.finish().as_ref().try_into().expect("SHA-256 gives 32 bytes") }
    }
}

/// Where a lane of a tenant's feed stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedHead {
    /// Whose feed it is.
    pub tenant: TenantId,
    /// Which lane.
    pub lane: Lane,
    /// Its end.
    pub head: Link,
    /// Its beginning: what was before was pruned.
    pub anchor: Link,
}

/// An entry of a feed: the events that one commit added to one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedEntry {
    /// Whose feed it is in.
    pub tenant: TenantId,
    /// In which lane.
    pub lane: Lane,
    /// The place of its last event.
    pub link: Link,
    /// The account's shard.
    pub shard: Shard,
    /// The account.
    pub account: crate::AccountId,
    /// The number of its last event in the account's own trail.
    pub last_number: i64,
    /// How many events it has, with numbers in a row.
    pub events: i64,
    /// When they happened.
    pub at: Timestamp,
    /// A keyed hash over the events as they are stored.
    pub digest: KeyedHash,
}

/// An event in its place in a feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedEvent {
    /// In which lane.
    pub lane: Lane,
    /// Its place there.
    pub position: i64,
    /// Whose it is: nobody's, if it is the tenant's own or its person was erased.
    pub user: Option<UserId>,
    /// The event.
    pub event: Event,
}

/// Why a feed isn't as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeedFault {
    /// An entry isn't there.
    Missing,
    /// The events of an entry aren't those that were written.
    Changed,
    /// An entry isn't where it was written, or something was put before it.
    Displaced,
    /// Entries at the end aren't there.
    Truncated,
    /// The end isn't what the head says.
    HeadChanged,
    /// It once went through another hash at this place.
    OtherHistory,
    /// Events lie in the trails of which the feed doesn't know.
    Inserted,
}

impl FeedFault {
    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Changed => "changed",
            Self::Displaced => "displaced",
            Self::Truncated => "truncated",
            Self::HeadChanged => "head_changed",
            Self::OtherHistory => "other_history",
            Self::Inserted => "inserted",
        }
    }
}

/// What a look at a stretch of a lane found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedCheck {
    /// How far the lane is as it was written.
    pub link: Link,
    /// Whether that is its end.
    pub done: bool,
    /// How many events were compared.
    pub compared: u64,
    /// How many weren't, since their digests are under a server key that is not at hand. Their order was checked all the same.
    pub not_compared: u64,
    /// The first position that isn't as it was written, and what is wrong with it. Nothing after it was looked at.
    pub fault: Option<(i64, FeedFault)>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KeyId;

    #[test]
    fn every_shard_has_one_lane_and_an_account_never_changes_it() {
        for shard in 0..=u16::MAX {
            let lane = Lane::of(Shard(shard));
            let (first, last) = lane.shards();
            assert!(first.0 <= shard && shard <= last.0);
        }
        assert_eq!(Lane::all().count(), Lane::COUNT);
        assert_eq!(Lane::new(63).map(Lane::number), Some(63));
        assert_eq!(Lane::new(64), None);
    }

    #[test]
    fn a_link_depends_on_all_that_is_before_it_and_their_order() {
        let digest = |byte| KeyedHash { key: KeyId(1), hash: [byte; 32] };
        let there = Link::ORIGIN.next(1, &digest(1)).next(2, &digest(2));
        assert_eq!(there.position, 3);
        assert_ne!(there.chain, Link::ORIGIN.next(2, &digest(2)).next(1, &digest(1)).chain);
        assert_ne!(there.chain, Link::ORIGIN.next(2, &digest(2)).chain);
    }
}
