//! Limits: how long things last under a policy. A policy's limits are kept after it is replaced, so that loosening revives nothing.

use crate::{Binding, Cause, Ending, Factor, Grant, Offer, Policy, Session, Tenant, Timestamp};

/// What a policy says about how long things last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Whether device trust may replace the second factor.
    pub device_trust: bool,
    /// The weakest binding that may skip the second factor.
    pub trust_binding: Binding,
    /// How long a grant lasts.
    pub trust_for_s: u32,
    /// How long a device may stay trusted since its own last real second factor.
    pub trust_max_s: u32,
    /// How long trust tied by likeness alone lasts.
    pub fingerprint_trust_max_s: u32,
    /// How long an activation token lives.
    pub activation_ttl_s: u32,
    /// After how long without activity a session is over.
    pub session_idle_s: u32,
    /// How long a session lives at most.
    pub session_absolute_s: u32,
}

impl Limits {
    /// The end that they set to a grant; none where they allow no such grant.
    #[must_use]
    pub fn grant_end(&self, grant: &Grant, last_factor: Option<Factor>) -> Option<Timestamp> {
        if grant.binding < self.trust_binding { None } else { self.vouched_end(grant, last_factor) }
    }

    /// The same for what a host vouched for, whatever binding may skip a second factor.
    fn vouched_end(&self, grant: &Grant, last_factor: Option<Factor>) -> Option<Timestamp> {
        if !self.device_trust {
            return None;
        }
        let longest = last_factor.map(|factor| factor.verified_at.plus_s(self.trust_max_s));
        let by_likeness = (grant.binding == Binding::Fingerprint).then(|| grant.given_at.plus_s(self.fingerprint_trust_max_s));
        [longest, by_likeness, Some(grant.given_at.plus_s(self.trust_for_s))].into_iter().flatten().min()
    }

    /// The stricter of the two in each: what neither allows.
    #[must_use]
    fn stricter(self, other: Self) -> Self {
        Self {
            device_trust: self.device_trust && other.device_trust,
            trust_binding: self.trust_binding.max(other.trust_binding),
            trust_for_s: self.trust_for_s.min(other.trust_for_s),
            trust_max_s: self.trust_max_s.min(other.trust_max_s),
            fingerprint_trust_max_s: self.fingerprint_trust_max_s.min(other.fingerprint_trust_max_s),
            activation_ttl_s: self.activation_ttl_s.min(other.activation_ttl_s),
            session_idle_s: self.session_idle_s.min(other.session_idle_s),
            session_absolute_s: self.session_absolute_s.min(other.session_absolute_s),
        }
    }
}

/// The limits of a policy that was replaced. What was over under it before then stays over, however loose its successors are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PastLimits {
    /// What it said.
    pub limits: Limits,
    /// When it came into force.
    pub since: Timestamp,
    /// When it was replaced.
    pub replaced_at: Timestamp,
}

/// The longest that anything lasts: what began before a policy was replaced so long ago is over by itself.
const LONGEST_S: u32 = 365 * 86_400;
/// How many past policies a tenant keeps apart.
const MOST: usize = 32;

impl Tenant {
    /// Replaces the policy; what the old one ended stays ended.
    pub fn choose(&mut self, policy: Policy, now: Timestamp) {
        let limits = self.policy.limits();
        if policy.limits() != limits {
            let since = self.policy_since();
            self.past_limits.retain(|past| now < past.replaced_at.plus_s(LONGEST_S));
            // A clock that was set back shortens nobody's rule.
            self.past_limits.push(PastLimits { limits, since, replaced_at: now.max(since) });
            if self.past_limits.len() > MOST {
                // The oldest two become one, as strict as the stricter of them in each: this ends more, never less.
                let oldest = self.past_limits.remove(0);
                let next = &mut self.past_limits[0];
                *next = PastLimits { limits: oldest.limits.stricter(next.limits), since: oldest.since, ..*next };
            }
        }
        self.policy_revision += i64::from(policy != self.policy);
        self.policy = policy;
    }

    /// Since when the present limits hold.
    #[must_use]
    pub fn policy_since(&self) -> Timestamp {
        self.past_limits.last().map_or(self.created_at, |last| last.replaced_at)
    }

    /// How a past policy ended, for good, what began then. `end` is the end under such limits; none where they allow no such thing.
    fn ended_before(&self, began_at: Timestamp, end: impl Fn(&Limits) -> Option<Timestamp>) -> Option<Ending> {
        let under = |past: &PastLimits| {
            let ending = match end(&past.limits) {
                Some(at) => Ending { at, cause: Cause::Expired },
                None => Ending { at: past.since.max(began_at), cause: Cause::PolicyChanged },
            };
            // What began after a policy was replaced, or in that very microsecond, was never under it.
            (began_at < past.replaced_at && ending.at <= past.replaced_at).then_some(ending)
        };
        self.past_limits.iter().filter_map(under).min_by_key(|ending| ending.at)
    }

    /// How a grant is over, as far as policies go; else its end.
    ///
    /// # Errors
    /// The ending.
    pub(crate) fn grant_end(&self, grant: &Grant, last_factor: Option<Factor>, now: Timestamp) -> Result<Timestamp, Ending> {
        self.end_of(grant, now, |limits| limits.grant_end(grant, last_factor))
    }

    /// The same for what a host vouched for, whatever binding may skip a second factor.
    ///
    /// # Errors
    /// The ending.
    pub(crate) fn vouched_end(&self, grant: &Grant, last_factor: Option<Factor>, now: Timestamp) -> Result<Timestamp, Ending> {
        self.end_of(grant, now, |limits| limits.vouched_end(grant, last_factor))
    }

    fn end_of(&self, grant: &Grant, now: Timestamp, end: impl Fn(&Limits) -> Option<Timestamp>) -> Result<Timestamp, Ending> {
        if let Some(ending) = self.ended_before(grant.given_at, &end) {
            return Err(ending);
        }
        let not_allowed = || Ending { at: self.policy_since().clamp(grant.given_at, now.max(grant.given_at)), cause: Cause::PolicyChanged };
        // A stricter policy shortens a grant that was given under a looser one; a looser one lengthens none.
        let until = end(&self.policy.limits()).ok_or_else(not_allowed)?.min(grant.until);
        if now < until { Ok(until) } else { Err(Ending { at: until, cause: Cause::Expired }) }
    }

    /// Whether time or policy, present or past, has closed an offer.
    pub(crate) fn closed_offer(&self, offer: &Offer, now: Timestamp) -> bool {
        let ttl_end = |limits: &Limits| offer.created_at.plus_s(limits.activation_ttl_s);
        now >= ttl_end(&self.policy.limits()).min(offer.expires_at)
            || self.ended_before(offer.created_at, |limits| limits.device_trust.then(|| ttl_end(limits))).is_some()
    }

    /// When a session that lives by its device's trust was ended by a policy that allows none, present or past.
    pub(crate) fn skip_ended_at(&self, session: &Session) -> Option<Timestamp> {
        let past = self.past_limits.iter().filter(|past| !past.limits.device_trust && session.created_at < past.replaced_at).map(|past| past.since);
        let present = (!self.policy.device_trust).then(|| self.policy_since());
        let ended_at = past.chain(present).next().filter(|_| session.skipped_factor)?;
        Some(ended_at.max(session.created_at))
    }

    /// A session's absolute end: the one set when it began, or an earlier one that a stricter policy sets, or had brought about.
    pub(crate) fn session_end(&self, session: &Session) -> Timestamp {
        let end = |limits: &Limits| session.created_at.plus_s(limits.session_absolute_s);
        let past = self.ended_before(session.created_at, |limits| Some(end(limits))).map(|ending| ending.at);
        past.into_iter().fold(session.expires_at.min(end(&self.policy.limits())), Ord::min)
    }

    /// When a session is inactive unless it is heard of again, or became so under a past policy; never later than its absolute end.
    pub(crate) fn session_idle_end(&self, session: &Session) -> Timestamp {
        let end = |limits: &Limits| session.last_activity_at.plus_s(limits.session_idle_s);
        let past = self.ended_before(session.last_activity_at, |limits| Some(end(limits))).map(|ending| ending.at);
        past.into_iter().fold(end(&self.policy.limits()).min(self.session_end(session)), Ord::min)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Moment, Preset, Rules, Tenancy, TenantId};

    fn tenant() -> Tenant {
        let (mint, keys) = (crate::Mint::new([1; 32]), crate::KeyRing::new(&[[2; 32]]));
        let mut moment = Moment { now: at(0), actor: crate::Actor::System, mint, keys: &keys, locations: &crate::NoLocations };
        Tenancy::create(&mut moment, TenantId::new("acme").expect("a slug"), Policy::preset(Preset::Consumer)).tenant
    }

    fn at(seconds: u32) -> Timestamp {
        Timestamp::from_micros(0).plus_s(seconds)
    }

    fn trust_for(seconds: u32) -> Policy {
        let rules = Rules { trust_for_s: seconds, ..Policy::preset(Preset::Consumer).rules().clone() };
        Policy::custom(rules).expect("valid")
    }

    fn grant(given_at: Timestamp) -> Grant {
        Grant { given_at, until: given_at.plus_s(30 * 86_400), binding: Binding::Token, trust_gen: 1, tenant_trust_gen: 1 }
    }

    #[test]
    fn what_a_replaced_policy_ended_stays_over_to_the_microsecond() {
        for (replaced_after, held) in [(99, true), (100, false)] {
            let mut tenant = tenant();
            tenant.choose(trust_for(100), at(0));
            tenant.choose(Policy::preset(Preset::Consumer), at(10 + replaced_after));
            assert_eq!(tenant.grant_end(&grant(at(10)), None, at(200)).is_ok(), held, "{replaced_after}");
        }
    }

    #[test]
    fn what_began_after_a_policy_was_replaced_was_never_under_it() {
        let mut tenant = tenant();
        tenant.choose(Policy::preset(Preset::NistAal3), at(10));
        tenant.choose(Policy::preset(Preset::Consumer), at(20));
        assert_eq!(tenant.grant_end(&grant(at(5)), None, at(30)), Err(Ending { at: at(10), cause: Cause::PolicyChanged }));
        assert!(tenant.grant_end(&grant(at(20)), None, at(30)).is_ok());
    }

    #[test]
    fn a_change_that_touches_no_limit_is_not_remembered() {
        let mut tenant = tenant();
        let rules = Rules { max_devices: 1, ..tenant.policy.rules().clone() };
        tenant.choose(Policy::custom(rules).expect("valid"), at(10));
        assert_eq!((tenant.past_limits.len(), tenant.policy.max_devices), (0, 1));
    }

    #[test]
    fn many_changes_are_merged_and_old_ones_dropped_and_neither_revives_anything() {
        let mut tenant = tenant();
        tenant.choose(trust_for(100), at(0));
        for round in 0..100 {
            tenant.choose(trust_for(10_000 + round), at(1_000 + round));
            assert!(tenant.past_limits.len() <= MOST);
            assert!(tenant.grant_end(&grant(at(0)), None, at(2_000)).is_err(), "{round}");
            assert!(tenant.past_limits.windows(2).all(|two| two[0].replaced_at == two[1].since), "{round}");
        }
        tenant.choose(trust_for(50_000), at(3_000 + LONGEST_S));
        assert_eq!(tenant.past_limits.len(), 1, "only the one just replaced");
        assert!(tenant.grant_end(&grant(at(0)), None, at(3_000 + LONGEST_S)).is_err(), "a year is over for anything");
    }
}
