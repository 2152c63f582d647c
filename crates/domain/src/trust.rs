//! The trust gate: one function that every way of giving trust goes through.

use crate::event::About;
use crate::refusal::{FactorMissing, TrustBar};
use crate::token::{DeviceRef, Secret, Token};
use crate::{Account, Binding, Cause, DeviceId, DeviceToken, Ending, EventKind, Factor, Grant, Moment, Refusal, Session, SessionId, Timestamp, Trust};

/// Who vouches for the second factor.
#[derive(Debug, Clone, Copy)]
pub enum Voucher<'a> {
    /// The caller's own session: what was verified in it.
    Session(&'a Session),
    /// A host's key, which states the factor.
    Host(Factor),
    /// A host's key, by whose word alone a factor was verified: nothing is known of it, so it earns the weakest binding, and only
    /// for a device on which nobody passed one that is known.
    KeyAlone,
}

impl Account {
    /// The trust gate: whether this voucher may have this device trusted now.
    ///
    /// # Errors
    /// `MfaRequired` and `TrustNotAllowed` with what is missing; `NotFound`; `DeviceHijacked`.
    pub fn gate(&self, voucher: Voucher<'_>, device: DeviceId, now: Timestamp) -> Result<(), Refusal> {
        let target = self.device(device)?;
        let policy = &self.tenant.policy;
        let missing = |what| Err(Refusal::MfaRequired(what));
        if !policy.device_trust {
            return Err(Refusal::TrustNotAllowed(TrustBar::Policy));
        }
        if self.head.disabled_at.is_some() {
            return Err(Refusal::TrustNotAllowed(TrustBar::AccountDisabled));
        }
        let factor = match voucher {
            Voucher::Session(session) if session.trust_refused => return Err(Refusal::TrustNotAllowed(TrustBar::RefusedAtSignIn)),
            // A session that skipped its second factor has none, whatever its device once passed.
            Voucher::Session(session) => session.factor,
            Voucher::Host(factor) => Some(factor),
            Voucher::KeyAlone if !target.is_vouched_for_alone() => return missing(FactorMissing::NotOnThatDevice),
            Voucher::KeyAlone if target.hijacked_at.is_some() => return Err(Refusal::DeviceHijacked),
            Voucher::KeyAlone => return Ok(()),
        };
        let Some(factor) = factor else { return missing(FactorMissing::NotVerified) };
        if !policy.trust_methods.contains(&factor.method) {
            return missing(FactorMissing::MethodNotAccepted);
        }
        if factor.verified_at < now.minus_s(policy.recent_mfa_s) {
            return missing(FactorMissing::TooLongAgo);
        }
        let since_change = |factor: Factor| self.head.factors_changed_at.is_none_or(|change| factor.verified_at > change);
        if !since_change(factor) {
            return missing(FactorMissing::BeforeChange);
        }
        let another = matches!(voucher, Voucher::Session(session) if session.device != device);
        let own = target.last_factor.filter(|factor| policy.trust_methods.contains(&factor.method));
        let on_it = own.into_iter().chain((!another).then_some(factor)).max_by_key(|factor| factor.verified_at);
        // A grant that the longest trust since then forbids would be over as it is given.
        let allows_a_grant = |factor: Factor| since_change(factor) && now < factor.verified_at.plus_s(policy.trust_max_s);
        if !on_it.is_some_and(allows_a_grant) {
            return missing(if another { FactorMissing::NotOnThatDevice } else { FactorMissing::TooLongAgo });
        }
        if target.hijacked_at.is_some() { Err(Refusal::DeviceHijacked) } else { Ok(()) }
    }

    /// Trusts a device, or renews its trust, through the gate. Returns the end of the grant.
    ///
    /// # Errors
    /// As [`Account::gate`].
    pub fn trust(&mut self, moment: &mut Moment<'_>, voucher: Voucher<'_>, device: DeviceId) -> Result<Timestamp, Refusal> {
        let now = moment.now;
        self.gate(voucher, device, now)?;
        let policy = self.tenant.clone();
        let policy = &policy.policy;
        let (given_on_it, session, giver) = match voucher {
            Voucher::Session(session) => (session.factor.filter(|_| session.device == device), Some(session.id), Some(session.device)),
            Voucher::Host(factor) => (Some(factor), None, None),
            Voucher::KeyAlone => (None, None, None),
        };
        let by_word = matches!(voucher, Voucher::KeyAlone);
        self.make_room_for_trust(moment, device, !by_word || policy.trust_binding == Binding::Fingerprint);
        let generations = self.generations();
        self.note_factor(device, given_on_it, now);
        let target = self.device_mut(device)?;
        let longest = target.last_factor.map_or(now, |factor| factor.verified_at).plus_s(policy.trust_max_s);
        // Whoever came by likeness alone holds no token to tie trust to, until one is given out in the same answer.
        let binding = match voucher {
            Voucher::Session(session) if session.device == device => session.identified_by,
            // Where it has none, and this answer bears none, only its looks can tell it.
            Voucher::Host(_) if target.tokens.are_retired() => Binding::Fingerprint,
            Voucher::Session(_) | Voucher::Host(_) => Binding::Token,
            Voucher::KeyAlone => Binding::Fingerprint,
        };
        let until = now.plus_s(policy.trust_for_s).min(longest);
        let until = if binding == Binding::Fingerprint { until.min(now.plus_s(policy.fingerprint_trust_max_s)) } else { until };
        target.grant = Some(Grant { given_at: now, until, binding, trust_gen: generations.trust, tenant_trust_gen: generations.tenant_trust });
        target.granted_on = giver;
        target.trust_ended = None;
        // What its person declined is no host's to take back.
        target.declined_at = target.declined_at.filter(|_| by_word);
        let about = About { session, ..About::device(device) }.with("trusted_until", until.to_string());
        let about = if by_word { about.with("vouched", true) } else { about };
        self.record(moment, EventKind::DeviceTrusted, about);
        Ok(until)
    }

    /// Notes a second factor that was verified on a device, where it may seed trust: a mailbox code is no real one. The later
    /// one stays: a statement about an older factor takes nothing back. It brings back no trust that is over either.
    pub(crate) fn note_factor(&mut self, device: DeviceId, factor: Option<Factor>, now: Timestamp) {
        let factor = factor.filter(|factor| self.tenant.policy.trust_methods.contains(&factor.method));
        let over = self.device(device).ok().and_then(|target| match target.trust(self, now) {
            Trust::Ended(ending) => Some(ending),
            Trust::Held { .. } | Trust::Never => None,
        });
        if let Ok(target) = self.device_mut(device) {
            if let Some(ending) = over {
                target.grant = None;
                target.trust_ended = Some(ending);
            }
            target.last_factor = target.last_factor.into_iter().chain(factor).max_by_key(|factor| factor.verified_at);
        }
    }

    /// Ends a device's trust where a grant is there, and cancels its open offers. Returns whether the device was trusted.
    ///
    /// A grant that holds only under a looser policy is taken too, so that none brings back what was ended by hand.
    pub(crate) fn end_trust(&mut self, moment: &mut Moment<'_>, device: DeviceId, cause: Cause) -> bool {
        self.cancel_offers(moment.now, |offer| offer.device == device);
        let trust = self.devices.iter().find(|d| d.id == device).map(|d| d.trust(self, moment.now));
        let (held, ending) = match trust {
            Some(Trust::Held { .. }) => (true, Ending { at: moment.now, cause }),
            Some(Trust::Ended(ending)) => (false, ending),
            Some(Trust::Never) | None => return false,
        };
        if let Some(target) = self.devices.iter_mut().find(|d| d.id == device) {
            target.grant = None;
            target.trust_ended = Some(ending);
        }
        held
    }

    /// Trusts a device by the caller's own session. The caller's own device gets a new token if the answer can bear one; else
    /// the present one stays good and is replaced at that device's next completion.
    ///
    /// # Errors
    /// As [`Account::gate`].
    pub fn trust_in_session(
        &mut self,
        moment: &mut Moment<'_>,
        caller: SessionId,
        device: DeviceId,
        can_bear_token: bool,
    ) -> Result<Option<DeviceToken>, Refusal> {
        let session = self.session(caller)?.clone();
        self.trust(moment, Voucher::Session(&session), device)?;
        if can_bear_token && session.device == device {
            return self.replace_device_token(moment, device).map(Some);
        }
        self.device_mut(device)?.tokens.fall_due();
        Ok(None)
    }

    /// Trusts the device that a text names by its fingerprint ([`Account::device_by_fingerprint`]), by the caller's own session.
    /// The answer bears no token. Returns when the trust ends.
    ///
    /// # Errors
    /// As [`Account::gate`]; `TrustNotAllowed` where the caller is known by likeness alone and the policy lets such trust count
    /// no more.
    pub fn trust_by_fingerprint(&mut self, moment: &mut Moment<'_>, caller: SessionId, text: &str) -> Result<Timestamp, Refusal> {
        let own = self.session(caller)?.device;
        let device = self.device_by_fingerprint(moment.keys, text, own)?;
        self.trust_in_session(moment, caller, device, false)?;
        match self.device(device)?.trust(self, moment.now) {
            Trust::Held { until, .. } => Ok(until),
            Trust::Ended(_) | Trust::Never => Err(Refusal::TrustNotAllowed(TrustBar::Policy)),
        }
    }

    /// Trusts a device for a host, which vouches for the factor. Its call can't bear a new device token either.
    ///
    /// # Errors
    /// As [`Account::gate`].
    pub fn trust_for_host(&mut self, moment: &mut Moment<'_>, device: DeviceId, factor: Factor) -> Result<(), Refusal> {
        self.trust(moment, Voucher::Host(factor), device)?;
        self.device_mut(device)?.tokens.fall_due();
        Ok(())
    }

    /// Replaces a device's token; the old values are superseded from now on. Returns the new one.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn replace_device_token(&mut self, moment: &mut Moment<'_>, device: DeviceId) -> Result<DeviceToken, Refusal> {
        let token = self.mint_device_token(moment, device);
        let target = self.device_mut(device)?;
        target.tokens.supersede(moment.keys.hash(&token), moment.now);
        // From now on the caller holds what ties a grant to the device; its end stays.
        if let Some(grant) = &mut target.grant {
            grant.binding = grant.binding.max(Binding::Token);
        }
        Ok(token)
    }

    pub(crate) fn mint_device_token(&self, moment: &mut Moment<'_>, device: DeviceId) -> DeviceToken {
        Token { at: DeviceRef { shard: self.head.shard, account: self.head.id, id: device }, secret: Secret::new(moment.mint.secret()) }
    }

    /// At the cap of trusted devices, those lose their trust whose trust replaces no second factor, then those heard of least
    /// recently, so that the grant in hand is never refused. One that itself replaces none takes no room from those that may.
    fn make_room_for_trust(&mut self, moment: &mut Moment<'_>, device: DeviceId, replaces_factor: bool) {
        let now = moment.now;
        let others = self.devices.iter().filter(|d| d.id != device && d.is_trusted(self, now));
        let mut trusted: Vec<_> = others.map(|d| (d.may_replace_factor(self, now), self.last_seen_at(d.id), d.id)).collect();
        trusted.sort_unstable();
        let surplus = (trusted.len() + 1).saturating_sub(usize::from(self.tenant.policy.max_devices));
        for (_, _, oldest) in trusted.into_iter().take(surplus).filter(|(may_replace, ..)| replaces_factor || !may_replace) {
            self.end_trust(moment, oldest, Cause::DeviceLimit);
            self.record(moment, EventKind::DeviceUntrusted, About::device(oldest).because(Cause::DeviceLimit));
        }
    }
}
