//! A device's tokens over its life: the present one, successors that nobody has used yet, and those whose time is over.
//!
//! Rotation never punishes the honest. A new value counts from its first use; until then the old one goes on working, since
//! the answer that bore the new one may be lost, or two tabs may have raced. Only an old value that comes after its successor
//! was used and the overlap has passed can't be honest: the browser had the new one.

use crate::codes::closed_set;
use crate::{DeviceToken, KeyId, KeyRing, KeyedHash, Refusal, Timestamp};

/// How many unused successors there may be.
const UNUSED: usize = 4;
/// How old a successor must be, in seconds, to be taken for lost while the old value still comes: far longer than an answer
/// may be under way and a sign-in be open.
const LOST_AFTER_S: u32 = 86_400;

closed_set! {
    /// What a value of a device's token is at the moment.
    pub enum TokenState {
        /// The one that was used last.
        Present = 1 "present",
        /// Given out and never used yet.
        Unused = 2 "unused",
        /// Its successor was used, or was given out in its place and lost.
        Overtaken = 3 "overtaken",
        /// Replaced when trust was given.
        Superseded = 4 "superseded",
    }
}

/// One value of a device's token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptToken {
    /// Its keyed hash.
    pub hash: KeyedHash,
    /// What it is.
    pub state: TokenState,
    /// Since when.
    pub since: Timestamp,
}

/// What a presented value turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recognised {
    /// The present one, or an old one within the overlap.
    Good,
    /// A successor at its first use, by its place among the values.
    FirstUse(usize),
    /// An old one after its successor was used and the overlap passed: a copy.
    Reused,
    /// The one that trust replaced.
    Superseded,
}

/// A device's tokens; none, once they are retired.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeviceTokens(Vec<KeptToken>);

impl KeptToken {
    /// Whether an honest browser may hold it: at this moment it still works.
    fn works(&self, now: Timestamp) -> bool {
        match self.state {
            TokenState::Present | TokenState::Unused => true,
            TokenState::Overtaken => now < self.since.plus_s(DeviceTokens::OVERLAP_S),
            TokenState::Superseded => false,
        }
    }
}

impl DeviceTokens {
    /// For how long an old value still works once its successor was used, in seconds.
    pub const OVERLAP_S: u32 = 60;
    /// How many values are remembered; the oldest that are over are then as unknown as any.
    pub const REMEMBERED: usize = 64;

    /// A new device's, with its first.
    #[must_use]
    pub fn new(hash: KeyedHash, now: Timestamp) -> Self {
        Self(vec![KeptToken { hash, state: TokenState::Present, since: now }])
    }

    /// These values, as they were kept.
    #[must_use]
    pub const fn of(kept: Vec<KeptToken>) -> Self {
        Self(kept)
    }

    /// The values, the oldest first.
    #[must_use]
    pub fn kept(&self) -> &[KeptToken] {
        &self.0
    }

    /// Whether none means anything any more.
    #[must_use]
    pub const fn are_retired(&self) -> bool {
        self.0.is_empty()
    }

    /// What the value of this hash is; `None` if it is none of them.
    #[must_use]
    pub fn state_of(&self, hash: &KeyedHash) -> Option<TokenState> {
        self.0.iter().find(|kept| kept.hash == *hash).map(|kept| kept.state)
    }

    /// Takes a value for unused until it is presented: the answer that bears it may be lost, and asked for again.
    pub(crate) fn await_use(&mut self, bore: &KeyedHash) {
        for kept in self.0.iter_mut().filter(|kept| kept.hash == *bore && kept.state == TokenState::Present) {
            kept.state = TokenState::Unused;
        }
    }

    /// Puts a value in the place of one whose answer was lost: it is what that one was.
    pub(crate) fn replace_lost(&mut self, lost: &KeyedHash, by: KeyedHash) {
        if let Some(kept) = self.0.iter_mut().find(|kept| kept.hash == *lost) {
            kept.hash = by;
        }
    }

    /// What a token is among them; `None` if it is none of them.
    ///
    /// # Errors
    /// `Unavailable` if a hash is under a key that this node lacks, and no other fits.
    pub fn recognise(&self, keys: &KeyRing, token: &DeviceToken, now: Timestamp) -> Result<Option<Recognised>, Refusal> {
        let hashes = keys.hashes_of(token);
        let mut unknowable = false;
        // All of them, so that the time taken doesn't tell which it was; the hashing is done by then, also where there is none.
        let mut found = None;
        for (at, kept) in self.0.iter().enumerate() {
            match hashes.fit(&kept.hash) {
                Ok(true) => found = Some((at, kept)),
                Ok(false) => {}
                Err(_) => unknowable = true,
            }
        }
        let Some((at, kept)) = found else { return if unknowable { Err(Refusal::Unavailable) } else { Ok(None) } };
        Ok(Some(match kept.state {
            TokenState::Present => Recognised::Good,
            TokenState::Unused => Recognised::FirstUse(at),
            TokenState::Overtaken if kept.works(now) => Recognised::Good,
            TokenState::Overtaken => Recognised::Reused,
            TokenState::Superseded => Recognised::Superseded,
        }))
    }

    /// Whether a successor is due: the present one is older than the policy's `device_token_rotate_s`, was left in place where
    /// an answer couldn't bear a new one, or is under a server key that is no longer the active one.
    #[must_use]
    pub fn are_due(&self, keys: &KeyRing, rotate_s: u32, now: Timestamp) -> bool {
        let present = self.0.iter().find(|kept| kept.state == TokenState::Present);
        present.is_some_and(|present| now >= present.since.plus_s(rotate_s) || present.hash.key != keys.active())
    }

    /// Forgets the values under a server key; those that still work only where that is said.
    pub(crate) fn forget_under(&mut self, key: KeyId, now: Timestamp, also_working: bool) {
        self.0.retain(|kept| kept.hash.key != key || (kept.works(now) && !also_working));
    }

    /// Whether a browser may hold one that is good still.
    pub(crate) fn can_be_shown(&self) -> bool {
        self.0.iter().any(|kept| matches!(kept.state, TokenState::Present | TokenState::Unused))
    }

    /// Makes a successor due at the next completion. Where none was used yet, the one given out last counts as used.
    pub(crate) fn fall_due(&mut self) {
        let of = |state| self.0.iter().rposition(|kept| kept.state == state);
        if let Some(at) = of(TokenState::Present).or_else(|| of(TokenState::Unused)) {
            (self.0[at].state, self.0[at].since) = (TokenState::Present, Timestamp::from_micros(0));
        }
    }

    /// Whether a successor may be given out now: not while as many as may be are still under way.
    #[must_use]
    pub fn may_add(&self, now: Timestamp) -> bool {
        let mut unused = self.0.iter().filter(|kept| kept.state == TokenState::Unused);
        unused.clone().count() < UNUSED || unused.any(|kept| now >= kept.since.plus_s(LOST_AFTER_S))
    }

    /// Adds an unused successor. Where there are as many as may be, the oldest makes room: its answer was lost, so that whoever
    /// comes with it took it.
    pub(crate) fn add(&mut self, hash: KeyedHash, now: Timestamp) {
        let unused = self.0.iter().filter(|kept| kept.state == TokenState::Unused).count();
        if unused >= UNUSED
            && let Some(oldest) = self.0.iter_mut().find(|kept| kept.state == TokenState::Unused)
        {
            (oldest.state, oldest.since) = (TokenState::Overtaken, now);
        }
        self.push(KeptToken { hash, state: TokenState::Unused, since: now });
    }

    /// A successor's first use: it is the present one from now on, and what was present is overtaken.
    pub(crate) fn confirm(&mut self, at: usize, now: Timestamp) {
        for (place, kept) in self.0.iter_mut().enumerate() {
            let state = match kept.state {
                _ if place == at => TokenState::Present,
                TokenState::Present => TokenState::Overtaken,
                _ => continue,
            };
            (kept.state, kept.since) = (state, now);
        }
    }

    /// Replaces every value by a new one, which alone is good from now on. What could be an honest browser's until now is superseded;
    /// a value whose overlap is over stays a copy, if it comes.
    pub(crate) fn supersede(&mut self, hash: KeyedHash, now: Timestamp) {
        self.disown(now, |kept| kept.works(now));
        self.push(KeptToken { hash, state: TokenState::Present, since: now });
    }

    /// After a copy was told: the values that are over are so for good, so that the same copy can't end anything once more.
    pub(crate) fn disown_overtaken(&mut self, now: Timestamp) {
        self.disown(now, |kept| kept.state == TokenState::Overtaken);
    }

    fn disown(&mut self, now: Timestamp, which: impl Fn(&KeptToken) -> bool) {
        for kept in self.0.iter_mut().filter(|kept| kept.state != TokenState::Superseded && which(kept)) {
            (kept.state, kept.since) = (TokenState::Superseded, now);
        }
    }

    fn push(&mut self, new: KeptToken) {
        self.0.push(new);
        if self.0.len() > Self::REMEMBERED
            && let Some(oldest) = self.0.iter().position(|kept| !matches!(kept.state, TokenState::Present | TokenState::Unused))
        {
            self.0.remove(oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::{DeviceRef, Secret, Token};
    use crate::{AccountId, DeviceId, Shard};
    use uuid::Uuid;

    fn ring() -> KeyRing {
        KeyRing::new(&[[1; 32]])
    }

    fn value(number: u8) -> DeviceToken {
        Token { at: DeviceRef { shard: Shard(1), account: AccountId(Uuid::from_u128(2)), id: DeviceId(Uuid::from_u128(3)) }, secret: Secret::new([number; 32]) }
    }

    fn at(second: u32) -> Timestamp {
        Timestamp::from_micros(1_800_000_000_000_000).plus_s(second)
    }

    fn told(tokens: &DeviceTokens, number: u8, second: u32) -> Option<Recognised> {
        tokens.recognise(&ring(), &value(number), at(second)).expect("the key is there")
    }

    fn rotated() -> DeviceTokens {
        let mut tokens = DeviceTokens::new(ring().hash(&value(1)), at(0));
        tokens.add(ring().hash(&value(2)), at(100));
        tokens
    }

    #[test]
    fn a_new_value_counts_from_its_first_use() {
        let mut tokens = rotated();
        assert_eq!((told(&tokens, 1, 99_999), told(&tokens, 2, 99_999)), (Some(Recognised::Good), Some(Recognised::FirstUse(1))));
        tokens.confirm(1, at(200));
        assert_eq!((told(&tokens, 1, 259), told(&tokens, 2, 259)), (Some(Recognised::Good), Some(Recognised::Good)));
        assert_eq!((told(&tokens, 1, 260), told(&tokens, 2, 260)), (Some(Recognised::Reused), Some(Recognised::Good)), "to the second");
    }

    #[test]
    fn successors_that_raced_are_all_good_until_another_is_used() {
        let mut tokens = rotated();
        for number in 3..=5 {
            assert!(tokens.may_add(at(101)));
            tokens.add(ring().hash(&value(number)), at(101));
        }
        assert!(!tokens.may_add(at(101)), "four are under way");
        tokens.confirm(1, at(200));
        assert_eq!(told(&tokens, 4, 300), Some(Recognised::FirstUse(3)), "an answer that came late");
        tokens.confirm(3, at(300));
        assert_eq!(told(&tokens, 2, 360), Some(Recognised::Reused));
    }

    #[test]
    fn a_lost_successor_makes_room_and_is_a_copy_if_it_comes() {
        let mut tokens = rotated();
        for number in 3..=5 {
            tokens.add(ring().hash(&value(number)), at(101));
        }
        let day = LOST_AFTER_S;
        assert!(!tokens.may_add(at(day + 99)));
        assert!(tokens.may_add(at(day + 100)), "the first was given out a day ago, and the old value still comes");
        tokens.add(ring().hash(&value(6)), at(day + 100));
        assert_eq!((told(&tokens, 2, day + 160), told(&tokens, 1, day + 160)), (Some(Recognised::Reused), Some(Recognised::Good)));
    }

    #[test]
    fn what_trust_replaced_is_superseded_and_a_copy_strikes_once() {
        let mut tokens = rotated();
        tokens.supersede(ring().hash(&value(9)), at(200));
        assert_eq!(
            (told(&tokens, 1, 201), told(&tokens, 2, 201), told(&tokens, 9, 201)),
            (Some(Recognised::Superseded), Some(Recognised::Superseded), Some(Recognised::Good))
        );
        let mut tokens = rotated();
        tokens.confirm(1, at(200));
        let mut soon = tokens.clone();
        soon.supersede(ring().hash(&value(9)), at(259));
        assert_eq!(told(&soon, 1, 999), Some(Recognised::Superseded), "it was honest until then");
        tokens.supersede(ring().hash(&value(9)), at(260));
        assert_eq!((told(&tokens, 1, 261), told(&tokens, 2, 261)), (Some(Recognised::Reused), Some(Recognised::Superseded)), "trust forgives no copy");
        let mut tokens = rotated();
        tokens.confirm(1, at(200));
        tokens.disown_overtaken(at(300));
        assert_eq!((told(&tokens, 1, 301), told(&tokens, 2, 301), told(&tokens, 7, 301)), (Some(Recognised::Superseded), Some(Recognised::Good), None));
    }

    #[test]
    fn under_a_retired_key_what_still_works_stays_unless_it_shall_go() {
        let mut tokens = rotated();
        tokens.confirm(1, at(200));
        let (key, mut soon) = (ring().active(), tokens.clone());
        soon.forget_under(key, at(259), false);
        assert_eq!(told(&soon, 1, 259), Some(Recognised::Good), "another tab's");
        soon.forget_under(key, at(260), false);
        assert_eq!((told(&soon, 1, 260), told(&soon, 2, 260)), (None, Some(Recognised::Good)), "the copy isn't told any more, the browser is");
        tokens.forget_under(KeyId(key.0 ^ 1), at(201), true);
        assert_eq!(tokens.kept().len(), 2, "of another key");
        tokens.forget_under(key, at(201), true);
        assert!(tokens.are_retired());
    }

    #[test]
    fn a_successor_is_due_by_age_or_by_the_servers_key_or_where_one_was_owed() {
        let mut tokens = DeviceTokens::new(ring().hash(&value(1)), at(0));
        assert!(!tokens.are_due(&ring(), 100, at(99)) && tokens.are_due(&ring(), 100, at(100)));
        assert!(tokens.are_due(&KeyRing::new(&[[2; 32], [1; 32]]), 100, at(1)));
        tokens.fall_due();
        assert!(tokens.are_due(&ring(), 31_536_000, at(1)));
    }

    #[test]
    fn values_that_are_over_are_forgotten_in_the_end_and_good_ones_never() {
        let mut tokens = DeviceTokens::new(ring().hash(&value(0)), at(0));
        for round in 1..=200 {
            tokens.add(ring().hash(&value(round)), at(u32::from(round)));
            let newest = tokens.kept().len() - 1;
            tokens.confirm(newest, at(u32::from(round)));
            assert_eq!(told(&tokens, round, 1_000), Some(Recognised::Good));
        }
        assert_eq!(tokens.kept().len(), DeviceTokens::REMEMBERED);
        assert_eq!((told(&tokens, 0, 1_000), told(&tokens, 199, 1_000)), (None, Some(Recognised::Reused)));
    }
}
