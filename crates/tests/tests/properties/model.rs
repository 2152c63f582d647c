//! The model: a second, small account of what must hold, kept from the acts alone. It knows neither generations nor grants nor states.

use doorward_domain::{DeviceId, Factor, MfaMethod, OfferId, Policy, SessionId, SignInId, Timestamp};

/// What is known of a device.
pub(crate) struct Device {
    pub(crate) id: DeviceId,
    /// The text of its present token, and of those that trust replaced.
    pub(crate) token: Option<String>,
    pub(crate) superseded: Vec<String>,
    pub(crate) trust: Option<Trust>,
    pub(crate) last_factor: Option<Factor>,
    pub(crate) declined_at: Option<Timestamp>,
    pub(crate) hijacked: bool,
    pub(crate) released: bool,
    pub(crate) forgotten: bool,
}

/// Trust that was given and not taken back.
#[derive(Clone, Copy)]
pub(crate) struct Trust {
    pub(crate) given_at: Timestamp,
    pub(crate) ends_at: Timestamp,
    /// The device in whose session it was given.
    pub(crate) by: Option<DeviceId>,
}

/// What is known of a session.
pub(crate) struct Session {
    pub(crate) id: SessionId,
    pub(crate) device: DeviceId,
    pub(crate) began_at: Timestamp,
    pub(crate) ends_at: Timestamp,
    pub(crate) last_activity_at: Timestamp,
    pub(crate) factor: Option<Factor>,
    pub(crate) skipped: bool,
    pub(crate) trust_refused: bool,
    /// Something ended it, by hand or in passing.
    pub(crate) over: bool,
}

/// What is known of an offer.
pub(crate) struct Offer {
    pub(crate) id: OfferId,
    pub(crate) device: DeviceId,
    pub(crate) session: SessionId,
    pub(crate) made_at: Timestamp,
    pub(crate) ends_at: Timestamp,
    /// Used, or cancelled.
    pub(crate) settled: bool,
}

/// What is known of a sign-in.
pub(crate) struct SignIn {
    pub(crate) id: SignInId,
    pub(crate) browser: usize,
    pub(crate) began_at: Timestamp,
    pub(crate) authenticated_at: Timestamp,
    pub(crate) completed: bool,
    pub(crate) cancelled: bool,
}

/// The whole of it.
pub(crate) struct Model {
    pub(crate) policy: Policy,
    pub(crate) disabled: bool,
    pub(crate) factors_changed_at: Option<Timestamp>,
    pub(crate) credentials_changed_at: Option<Timestamp>,
    pub(crate) devices: Vec<Device>,
    pub(crate) sessions: Vec<Session>,
    pub(crate) offers: Vec<Offer>,
    pub(crate) sign_ins: Vec<SignIn>,
}

/// What a token turns out to be, as the contract has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    Present(DeviceId),
    Superseded(DeviceId),
    Not,
}

impl Model {
    pub(crate) fn device(&self, id: DeviceId) -> &Device {
        self.devices.iter().find(|device| device.id == id).expect("every device was seen to be made")
    }

    pub(crate) fn device_mut(&mut self, id: DeviceId) -> &mut Device {
        self.devices.iter_mut().find(|device| device.id == id).expect("every device was seen to be made")
    }

    pub(crate) fn session(&self, id: SessionId) -> &Session {
        self.sessions.iter().find(|session| session.id == id).expect("every session was seen to begin")
    }

    pub(crate) fn session_mut(&mut self, id: SessionId) -> &mut Session {
        self.sessions.iter_mut().find(|session| session.id == id).expect("every session was seen to begin")
    }

    /// Whose token a text is.
    pub(crate) fn recognise(&self, text: &str) -> Known {
        let holds = |kept: &Option<String>| kept.as_deref() == Some(text);
        let present = self.devices.iter().find(|device| holds(&device.token)).map(|device| Known::Present(device.id));
        let superseded = || self.devices.iter().find(|device| device.superseded.iter().any(|kept| kept == text)).map(|device| Known::Superseded(device.id));
        present.or_else(superseded).unwrap_or(Known::Not)
    }

    pub(crate) fn is_trusted(&self, id: DeviceId, now: Timestamp) -> bool {
        let device = self.device(id);
        let Some(trust) = device.trust else { return false };
        let own = device.last_factor.expect("trust needs a factor on the device itself");
        let policy = &self.policy;
        let in_time = now < trust.ends_at && now < trust.given_at.plus_s(policy.trust_for_s) && now < own.verified_at.plus_s(policy.trust_max_s);
        policy.device_trust && in_time && !device.hijacked && !device.forgotten
    }

    pub(crate) fn is_active(&self, id: SessionId, now: Timestamp) -> bool {
        let session = self.session(id);
        let device = self.device(session.device);
        let policy = &self.policy;
        let in_time =
            now < session.ends_at && now < session.began_at.plus_s(policy.session_absolute_s) && now < session.last_activity_at.plus_s(policy.session_idle_s);
        let by_trust_that_is_allowed = !session.skipped || policy.device_trust;
        in_time && by_trust_that_is_allowed && !session.over && !device.hijacked && !device.forgotten
    }

    /// Another policy is chosen. What is over by then, under the old one or under the new one, is over.
    pub(crate) fn choose(&mut self, policy: Policy, now: Timestamp) {
        self.strike_off(now);
        if !self.policy.device_trust && self.policy.limits() != policy.limits() {
            // While it was in force they could be declined, and nothing else.
            self.settle(|_| true);
        }
        self.policy = policy;
        self.strike_off(now);
    }

    fn strike_off(&mut self, now: Timestamp) {
        self.mark_lapsed(now);
        let over: Vec<DeviceId> = self.devices.iter().map(|device| device.id).filter(|id| !self.is_trusted(*id, now)).collect();
        for id in over {
            self.device_mut(id).trust = None;
        }
        let ttl = self.policy.activation_ttl_s;
        self.settle(|offer| now >= offer.ends_at.min(offer.made_at.plus_s(ttl)));
    }

    /// The gate, as the contract words it. `own` is the session that vouches, where one does.
    pub(crate) fn gate(&self, own: Option<SessionId>, factor: Option<Factor>, target: DeviceId, now: Timestamp) -> bool {
        let policy = &self.policy;
        let since_change = |factor: Factor| self.factors_changed_at.is_none_or(|change| factor.verified_at > change);
        let Some(factor) = factor else { return false };
        let good = policy.trust_methods.contains(&factor.method) && now <= factor.verified_at.plus_s(policy.recent_mfa_s) && since_change(factor);
        let another = own.is_some_and(|own| self.session(own).device != target);
        let refused = own.is_some_and(|own| self.session(own).trust_refused);
        let device = self.device(target);
        let accepted = device.last_factor.filter(|factor| policy.trust_methods.contains(&factor.method));
        let on_it = if another { accepted } else { later(accepted, Some(factor)) };
        let long_enough = on_it.is_some_and(|on_it| since_change(on_it) && now < on_it.verified_at.plus_s(policy.trust_max_s));
        policy.device_trust && !self.disabled && good && !refused && long_enough && !device.hijacked && !device.forgotten
    }

    pub(crate) fn session_gate(&self, own: SessionId, target: DeviceId, now: Timestamp) -> bool {
        self.gate(Some(own), self.session(own).factor, target, now)
    }

    /// Whether an offer would be made in a session that just proved what it proved.
    pub(crate) fn offers(&self, own: SessionId, now: Timestamp) -> bool {
        let target = self.session(own).device;
        let declined = self.device(target).declined_at.is_some_and(|at| now < at.plus_s(self.policy.offer_again_after_s));
        !declined && !self.is_trusted(target, now) && self.session_gate(own, target, now)
    }

    /// Trust is given.
    pub(crate) fn give_trust(&mut self, target: DeviceId, own: Option<SessionId>, factor: Option<Factor>, now: Timestamp) {
        let (longest, lasts) = (self.policy.trust_max_s, self.policy.trust_for_s);
        let by = own.map(|own| self.session(own).device);
        if by.is_none_or(|by| by == target) {
            self.note_factor(target, factor, now);
        }
        let device = self.device_mut(target);
        let own_factor = device.last_factor.expect("the gate asked for one");
        let ends_at = now.plus_s(lasts).min(own_factor.verified_at.plus_s(longest));
        device.trust = Some(Trust { given_at: now, ends_at, by });
        device.declined_at = None;
    }

    /// A factor was verified on a device: it counts there if it is one that may seed trust, and gives back none that is over.
    pub(crate) fn note_factor(&mut self, target: DeviceId, factor: Option<Factor>, now: Timestamp) {
        if !self.is_trusted(target, now) {
            self.device_mut(target).trust = None;
        }
        let real = factor.filter(|factor| self.policy.trust_methods.contains(&factor.method));
        let device = self.device_mut(target);
        device.last_factor = later(device.last_factor, real);
    }

    /// Trust is taken, and the chance of it.
    pub(crate) fn take_trust(&mut self, target: DeviceId) {
        self.device_mut(target).trust = None;
        self.settle(|offer| offer.device == target);
    }

    pub(crate) fn end(&mut self, which: impl Fn(&Session) -> bool) {
        let mut ended = Vec::new();
        for session in self.sessions.iter_mut().filter(|session| which(session)) {
            session.over = true;
            ended.push(session.id);
        }
        self.settle(|offer| ended.contains(&offer.session));
    }

    pub(crate) fn settle(&mut self, which: impl Fn(&Offer) -> bool) {
        for offer in self.offers.iter_mut().filter(|offer| which(offer)) {
            offer.settled = true;
        }
    }

    pub(crate) fn cancel_sign_ins(&mut self) {
        for sign_in in &mut self.sign_ins {
            sign_in.cancelled = true;
        }
    }

    /// What has lapsed is marked when a session begins.
    pub(crate) fn mark_lapsed(&mut self, now: Timestamp) {
        let lapsed: Vec<SessionId> = self.sessions.iter().map(|session| session.id).filter(|id| !self.is_active(*id, now)).collect();
        for id in lapsed {
            self.session_mut(id).over = true;
        }
    }

    /// A token replaces the present one.
    pub(crate) fn replace_token(&mut self, target: DeviceId, text: String) {
        let device = self.device_mut(target);
        device.superseded.extend(device.token.replace(text));
    }
}

/// The later of two factors.
pub(crate) fn later(a: Option<Factor>, b: Option<Factor>) -> Option<Factor> {
    a.into_iter().chain(b).max_by_key(|factor| factor.verified_at)
}

/// A factor verified so long before now.
pub(crate) fn factor(method: MfaMethod, now: Timestamp, ago: u32) -> Factor {
    Factor { method, verified_at: now.minus_s(ago) }
}
