//! What is done to sign-ins: read the device token, judge, and complete what still stands.

use serde_json::{Map, Value};

use crate::event::About;
use crate::refusal::FactorMissing;
use crate::sign_in::OPEN_SIGN_INS;
use crate::token::Locator as _;
use crate::{
    AccessToken, Account, ActivationToken, Attempt, Binding, Cause, Decision, Device, DeviceId, DeviceRef, DeviceToken, DeviceTokens, EventKind, Factor,
    Judgement, KeyRing, MfaMethod, Moment, Presented, Reason, Recognised, Refusal, SecondFactor, Session, SessionId, SignIn, SignInId, SignInState, Signals,
    Timestamp, Trust, Voucher,
};

/// How many tokens a browser's cookie may hold, one for each of its users.
pub const COOKIE_TOKENS: usize = 8;

/// What the host says at completion.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Completion {
    /// The second factor: its method and when it was verified.
    pub mfa: Option<(MfaMethod, Option<Timestamp>)>,
    /// The checkbox beside the code: trust the device in the same transaction.
    pub trust_device: bool,
    /// The host wants no trust in this session.
    pub refuse_trust: bool,
    /// A name of the person's own for the device.
    pub device_name: Option<String>,
    /// What the host keeps with the device.
    pub device_metadata: Option<Map<String, Value>>,
    /// The host's own name for the session.
    pub external_session_id: Option<String>,
}

/// What a completed sign-in gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The new session.
    pub session: SessionId,
    /// The device it is on.
    pub device: DeviceId,
    /// Opens the session.
    pub access_token: AccessToken,
    /// The device's new token, where it got one.
    pub device_token: Option<DeviceToken>,
    /// The chance to trust the device, where there is one.
    pub activation: Option<ActivationToken>,
}

/// What a cookie's value shows of an account's devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// What the token turned out to be.
    pub presented: Presented,
    /// The device that it identifies, if only to say so.
    pub device: Option<DeviceId>,
    /// The place of the successor that this is the first use of.
    first_use: Option<usize>,
}

impl Shown {
    /// Of several tokens of one user the best counts: a browser that has the good one is honest.
    const fn weight(&self) -> u8 {
        match self.presented {
            Presented::Missing | Presented::Alike => 0,
            Presented::Invalid => 1,
            Presented::Superseded => 2,
            Presented::Reused => 3,
            Presented::Valid => 4,
        }
    }

    /// Whether something is to be written because of it.
    fn is_followed(&self) -> bool {
        self.first_use.is_some() || self.presented == Presented::Reused
    }
}

impl Account {
    /// Reads a device token, or a raw cookie value with several, for this account. Another user's token is simply missing.
    ///
    /// # Errors
    /// `Unavailable` if the hash is under a key that this node lacks.
    pub fn present(&self, keys: &KeyRing, cookie: Option<&str>, now: Timestamp) -> Result<Shown, Refusal> {
        let mut best = Shown { presented: Presented::Missing, device: None, first_use: None };
        for text in cookie.unwrap_or_default().split('.').filter(|text| !text.is_empty()).take(COOKIE_TOKENS) {
            let shown = match DeviceToken::parse(text) {
                Err(_) => Shown { presented: Presented::Invalid, device: None, first_use: None },
                Ok(token) if (token.at.shard, token.at.account) != (self.head.shard, self.head.id) => continue,
                Ok(token) => self.recognise(keys, &token, now)?,
            };
            if shown.weight() > best.weight() {
                best = shown;
            }
        }
        Ok(best)
    }

    fn recognise(&self, keys: &KeyRing, token: &DeviceToken, now: Timestamp) -> Result<Shown, Refusal> {
        let invalid = Shown { presented: Presented::Invalid, device: None, first_use: None };
        let device = self.devices.iter().find(|device| device.id == token.at.id);
        // A device that isn't there has no tokens, and that costs as much to find out.
        let none = DeviceTokens::default();
        let recognised = match (device.map_or(&none, |device| &device.tokens).recognise(keys, token, now), device) {
            // Its server key is gone. Whoever names a hijacked device is denied all the same: that is for ever.
            (Err(Refusal::Unavailable), Some(device)) if device.hijacked_at.is_some() => return Ok(Shown { device: Some(device.id), ..invalid }),
            (recognised, _) => recognised?,
        };
        let (Some(device), Some(recognised)) = (device, recognised) else { return Ok(invalid) };
        let (presented, first_use) = match recognised {
            Recognised::Good => (Presented::Valid, None),
            Recognised::FirstUse(at) => (Presented::Valid, Some(at)),
            Recognised::Reused => (Presented::Reused, None),
            Recognised::Superseded => (Presented::Superseded, None),
        };
        Ok(Shown { presented, device: Some(device.id), first_use })
    }

    /// What follows from a token's being presented, whatever becomes of the sign-in: a successor's first use confirms it, and
    /// a copy ends the trust of its device.
    ///
    /// # Errors
    /// `Unavailable` if its hash is under a key that this node lacks.
    pub fn follow(&mut self, moment: &mut Moment<'_>, cookie: Option<&str>) -> Result<(), Refusal> {
        let shown = self.present(moment.keys, cookie, moment.now)?;
        self.follow_shown(moment, &shown);
        Ok(())
    }

    fn follow_shown(&mut self, moment: &mut Moment<'_>, shown: &Shown) {
        let Some(id) = shown.device else { return };
        let of = |device: &&mut Device| device.id == id && device.hijacked_at.is_none();
        let Some(device) = self.devices.iter_mut().find(of) else { return };
        if let Some(at) = shown.first_use {
            device.tokens.confirm(at, moment.now);
        }
        if shown.presented == Presented::Reused {
            device.tokens.disown_overtaken(moment.now);
            self.end_trust(moment, id, Cause::DeviceTokenReused);
            let ended = self.end_sessions(moment.now, Cause::DeviceTokenReused, |session| session.device == id);
            if let Some(device) = self.devices.iter_mut().find(of) {
                // Sign-ins in progress on it may be the copy's.
                device.generation += 1;
                // Whoever holds the present value may be the thief: none but a factor on the device itself lets it be trusted again.
                device.last_factor = None;
            }
            self.record(moment, EventKind::DeviceTokenReused, About::device(id).because(Cause::DeviceTokenReused).with("sessions_ended", ended));
        }
    }

    /// Judges an attempt: the one function for evaluation and for completion. `device` is the one its token, or likeness, identified.
    #[must_use]
    pub fn judge(&self, attempt: &Attempt, presented: Presented, device: Option<&Device>, signals: &Signals, now: Timestamp) -> Judgement {
        self.judge_device(attempt, presented, device, now).with_signals(signals, &self.tenant.policy)
    }

    fn judge_device(&self, attempt: &Attempt, presented: Presented, device: Option<&Device>, now: Timestamp) -> Judgement {
        use Decision::{Allow, Challenge, Deny};
        let policy = &self.tenant.policy;
        // A superseded token identifies its device only to say so; it may still be a hijacked one's.
        if device.is_some_and(|device| device.hijacked_at.is_some()) {
            return Judgement::new(Deny, [Reason::DeviceHijacked]);
        }
        if self.head.disabled_at.is_some() {
            return Judgement::new(Deny, [Reason::AccountDisabled]);
        }
        match attempt.second_factor {
            SecondFactor::None if policy.require_second_factor => return Judgement::new(Deny, [Reason::PolicyRequiresMfa]),
            SecondFactor::None => return Judgement::new(Allow, [Reason::NoSecondFactor]),
            SecondFactor::Done => return Judgement::new(Allow, [Reason::MfaAlreadyVerified]),
            SecondFactor::Available => {}
        }
        if attempt.require_mfa {
            return Judgement::new(Challenge, [Reason::MfaRequiredByHost]);
        }
        if !policy.device_trust {
            return Judgement::new(Challenge, [Reason::PolicyRequiresMfa]);
        }
        let (device, by) = match (presented, device) {
            (Presented::Missing, _) => return Judgement::new(Challenge, [Reason::UnknownDevice, Reason::DeviceTokenMissing]),
            (Presented::Reused, _) => return Judgement::new(Challenge, [Reason::DeviceTokenReused]),
            (Presented::Superseded, _) => return Judgement::new(Challenge, [Reason::DeviceTokenSuperseded]),
            (Presented::Invalid, _) | (Presented::Valid, None) => return Judgement::new(Challenge, [Reason::UnknownDevice, Reason::DeviceTokenInvalid]),
            (Presented::Alike, None) => return Judgement::new(Challenge, [Reason::UnknownDevice]),
            (Presented::Valid, Some(device)) => (device, Binding::Key),
            (Presented::Alike, Some(device)) => (device, Binding::Fingerprint),
        };
        match device.trust_by(by, self, now) {
            Trust::Held { .. } => Judgement::new(Allow, [Reason::TrustedDevice]),
            Trust::Never => Judgement::new(Challenge, [Reason::DeviceNotTrusted]),
            Trust::Ended(ending) if ending.cause == Cause::Expired => Judgement::new(Challenge, [Reason::TrustExpired]),
            Trust::Ended(ending) => Judgement::new(Challenge, [Reason::TrustEnded]).with_cause(ending.cause, ending.at),
        }
    }

    /// Evaluates an attempt into a sign-in. Writes nothing but the sign-in itself, since completion judges again: `None` where
    /// the token that came along must be followed by a write, for [`Account::evaluate_and_follow`].
    ///
    /// # Errors
    /// `Unavailable`; `AuthenticationOutdated` if the first factor is older than the account's credentials.
    pub fn evaluate(&self, moment: &mut Moment<'_>, attempt: Attempt, cookie: Option<&str>) -> Result<Option<SignIn>, Refusal> {
        let shown = self.present(moment.keys, cookie, moment.now)?;
        if shown.is_followed() {
            return Ok(None);
        }
        self.current_credentials(&attempt)?;
        Ok(Some(self.sign_in_of(moment, attempt, &shown).0))
    }

    /// The same with what follows from the token that came along.
    ///
    /// # Errors
    /// As [`Account::evaluate`].
    pub fn evaluate_and_follow(&mut self, moment: &mut Moment<'_>, attempt: Attempt, cookie: Option<&str>) -> Result<SignIn, Refusal> {
        Ok(self.evaluate_with_signals(moment, attempt, cookie)?.0)
    }

    fn evaluate_with_signals(&mut self, moment: &mut Moment<'_>, attempt: Attempt, cookie: Option<&str>) -> Result<(SignIn, Signals), Refusal> {
        self.current_credentials(&attempt)?;
        let shown = self.present(moment.keys, cookie, moment.now)?;
        self.follow_shown(moment, &shown);
        Ok(self.sign_in_of(moment, attempt, &shown))
    }

    /// With the signals that it was judged by.
    fn sign_in_of(&self, moment: &mut Moment<'_>, mut attempt: Attempt, shown: &Shown) -> (SignIn, Signals) {
        let parts = attempt.take_parts();
        attempt.fingerprint = self.print(moment.keys, &parts);
        let seen = self.look_around(moment.keys, &parts, moment.now);
        let by_likeness = shown.presented == Presented::Missing && self.tenant.policy.trust_binding == Binding::Fingerprint;
        let (presented, identified) = match seen.identified.filter(|_| by_likeness) {
            Some(alike) => (Presented::Alike, Some(alike)),
            None => (shown.presented, shown.device),
        };
        let device = identified.and_then(|id| self.devices.iter().find(|device| device.id == id));
        let signals = self.signals(moment.locations, attempt.seen.ip, moment.now);
        let mut judgement = self.judge(&attempt, presented, device, &signals, moment.now);
        let known = device.filter(|_| matches!(presented, Presented::Valid | Presented::Alike));
        if let Some(device) = known {
            judgement = judgement.with_likeness(self.likeness(moment.keys, device, &parts));
        } else if by_likeness && judgement.reasons.contains(&Reason::UnknownDevice) {
            judgement = judgement.with_recognition(&seen);
        }
        let sign_in = SignIn {
            id: moment.mint.sign_in_id(moment.now, self.head.shard),
            device: identified,
            device_gen: device.map_or(0, |device| device.generation),
            looks_like: if known.is_some() { None } else { seen.resembles },
            travelled_from: signals.impossible_travel.as_ref().map(|journey| journey.from),
            generations: self.generations(),
            state: SignInState::Open,
            created_at: moment.now,
            completed_at: None,
            session: None,
            attempt,
            judgement,
            presented,
        };
        (sign_in, signals)
    }

    /// Whether the first factor was verified after the account's credentials last changed.
    fn current_credentials(&self, attempt: &Attempt) -> Result<(), Refusal> {
        let outdated = self.head.credentials_changed_at.is_some_and(|change| attempt.authenticated_at < change);
        if outdated { Err(Refusal::AuthenticationOutdated) } else { Ok(()) }
    }

    /// Completes a sign-in. Everything is judged again as it stands now.
    ///
    /// # Errors
    /// `NotFound`; `SignInCompleted`, `SignInCancelled`, `SignInExpired`; `MfaRequired` and `SignInDenied`, which leave it open; as [`Account::gate`] with `trust_device`.
    pub fn complete(&mut self, moment: &mut Moment<'_>, id: SignInId, completion: Completion) -> Result<Opened, Refusal> {
        let now = moment.now;
        let sign_in = self.sign_ins.iter().find(|sign_in| sign_in.id == id).cloned().ok_or(Refusal::NotFound)?;
        if sign_in.state == SignInState::Completed {
            return Err(Refusal::SignInCompleted);
        }
        if sign_in.generations != self.generations() || self.newer_sign_ins >= OPEN_SIGN_INS {
            return Err(Refusal::SignInCancelled);
        }
        if now >= sign_in.expires_at() {
            return Err(Refusal::SignInExpired);
        }
        self.current_credentials(&sign_in.attempt)?;
        let identified = sign_in.device.and_then(|device| self.devices.iter().find(|d| d.id == device));
        // A device that was forgotten since then is another one when it comes back: its token proves nothing any more.
        let stands = identified.is_some_and(|device| device.forgotten_at.is_none());
        let presented = match sign_in.presented {
            Presented::Valid if !stands => Presented::Invalid,
            Presented::Alike if !stands || self.tenant.policy.trust_binding > Binding::Fingerprint => Presented::Missing,
            presented => presented,
        };
        // Its address was seen when it began.
        let signals = self.signals(moment.locations, sign_in.attempt.seen.ip, sign_in.created_at);
        let judgement = self.judge(&sign_in.attempt, presented, identified, &signals, now);
        let denied = [&sign_in.judgement, &judgement].into_iter().find(|judged| judged.decision == Decision::Deny);
        if let Some(denied) = denied {
            return Err(Refusal::SignInDenied(denied.reasons[0]));
        }
        // Signed out on this device in between: what was in progress there ends with its sessions.
        if stands && identified.is_some_and(|device| device.generation != sign_in.device_gen) {
            return Err(Refusal::SignInCancelled);
        }
        if sign_in.attempt.second_factor == SecondFactor::None && completion.mfa.is_some() {
            return Err(Refusal::invalid("mfa", "conflict", "can't be stated for a person without a second factor; evaluate the sign-in once more"));
        }
        let earliest = (sign_in.attempt.second_factor != SecondFactor::Done).then_some(sign_in.created_at);
        let stated = completion.mfa.map(|(method, at)| Factor::stated(method, at, earliest, now)).transpose()?;
        let factor = stated.or(sign_in.attempt.factor);
        let challenged = [&sign_in.judgement, &judgement].into_iter().any(|judged| judged.decision == Decision::Challenge);
        // Trust that was given since then rests on another factor, and came with another token: this one skips nothing by it.
        let regranted = judgement.reasons.contains(&Reason::TrustedDevice)
            && identified.and_then(|device| device.grant).is_some_and(|grant| grant.given_at > sign_in.created_at);
        let asked = challenged || regranted;
        if asked && factor.is_none() {
            return Err(Refusal::MfaRequired(FactorMissing::NotVerified));
        }
        let skipped = factor.is_none() && judgement.reasons.contains(&Reason::TrustedDevice);
        let device = sign_in.device.filter(|_| stands).zip(Binding::of(presented));
        let entry = Entry { attempt: sign_in.attempt, device, looks_like: sign_in.looks_like, factor, skipped, signals, sign_in: Some(id) };
        let opened = self.open_session(moment, entry, completion)?;
        if let Some(sign_in) = self.sign_ins.iter_mut().find(|sign_in| sign_in.id == id) {
            sign_in.state = SignInState::Completed;
            sign_in.completed_at = Some(now);
            sign_in.session = Some(opened.session);
        }
        Ok(opened)
    }

    /// Opens a session for a host that signs people in without evaluation: it answers for the second factor itself.
    ///
    /// # Errors
    /// As [`Account::complete`], but for what concerns a sign-in in progress.
    pub fn sign_in_directly(&mut self, moment: &mut Moment<'_>, attempt: Attempt, cookie: Option<&str>, completion: Completion) -> Result<Opened, Refusal> {
        let (sign_in, signals) = self.evaluate_with_signals(moment, attempt, cookie)?;
        if sign_in.judgement.decision == Decision::Deny {
            return Err(Refusal::SignInDenied(sign_in.judgement.reasons[0]));
        }
        let device = sign_in.device.zip(Binding::of(sign_in.presented));
        let entry =
            Entry { factor: sign_in.attempt.factor, attempt: sign_in.attempt, device, looks_like: sign_in.looks_like, skipped: false, signals, sign_in: None };
        self.open_session(moment, entry, completion)
    }

    fn open_session(&mut self, moment: &mut Moment<'_>, entry: Entry, completion: Completion) -> Result<Opened, Refusal> {
        let now = moment.now;
        self.record_creation(moment);
        let (device, identified_by, mut device_token) = match entry.device {
            Some((id, by)) => (id, by, None),
            None => {
                self.make_room_for_device(moment)?;
                let (id, token) = self.add_device(moment, &entry);
                (id, Binding::Token, Some(token))
            }
        };
        self.make_room_for_session(moment, Some(device));
        let attempt = entry.attempt;
        // Likeness alone, or with a factor that couldn't give trust either, is no proof to take a new print by: step by step it
        // would follow whoever comes.
        let proved = identified_by > Binding::Fingerprint || entry.factor.is_some_and(|factor| self.tenant.policy.trust_methods.contains(&factor.method));
        let target = self.device_mut(device)?;
        target.seen = attempt.seen.clone();
        if proved {
            target.fingerprint = target.fingerprint.retaken(attempt.fingerprint);
        }
        target.last_seen_at = target.last_seen_at.max(now);
        if let Some(metadata) = completion.device_metadata {
            target.metadata = metadata;
        }
        let device_gen = target.generation;
        self.note_factor(device, entry.factor, moment.now);
        let generations = self.generations();
        let id = SessionId(moment.mint.uuid(now));
        let access_token = self.mint_access_token(moment, id);
        let session = Session {
            id,
            device,
            token: moment.keys.hash(&access_token),
            former: None,
            identified_by,
            sessions_gen: generations.sessions,
            tenant_sessions_gen: generations.tenant_sessions,
            device_gen,
            external_id: completion.external_session_id,
            ip: attempt.seen.ip,
            login_method: attempt.login_method,
            amr: attempt.amr,
            factor: entry.factor,
            skipped_factor: entry.skipped,
            trust_refused: completion.refuse_trust,
            authenticated_at: attempt.authenticated_at,
            created_at: now,
            expires_at: now.plus_s(self.tenant.policy.session_absolute_s),
            unused_until: None,
            ended: None,
            last_activity_at: now,
        };
        self.sessions.push(session.clone());
        let about = About { sign_in: entry.sign_in, ..About::session(id, device) };
        let about = about.with("mfa_skipped", entry.skipped).with("login_method", session.login_method.as_str()).with_all(entry.signals.told());
        self.record(moment, EventKind::SessionStarted, about);
        if let Some(name) = &completion.device_name {
            self.rename(moment, device, name)?;
        }
        if completion.trust_device {
            self.trust(moment, Voucher::Session(&session), device)?;
            if device_token.is_none() {
                device_token = Some(self.replace_device_token(moment, device)?);
            }
        }
        if device_token.is_none() && identified_by > Binding::Fingerprint {
            device_token = self.rotate_device_token(moment, device)?;
        }
        let activation = self.make_offer(moment, id)?;
        Ok(Opened { session: id, device, access_token, device_token, activation })
    }

    /// Gives a successor out where one is due. The present value goes on working until the successor is used.
    fn rotate_device_token(&mut self, moment: &mut Moment<'_>, device: DeviceId) -> Result<Option<DeviceToken>, Refusal> {
        let rotate_s = self.tenant.policy.device_token_rotate_s;
        let tokens = &self.device(device)?.tokens;
        if !tokens.are_due(moment.keys, rotate_s, moment.now) || !tokens.may_add(moment.now) {
            return Ok(None);
        }
        let token = self.mint_device_token(moment, device);
        self.device_mut(device)?.tokens.add(moment.keys.hash(&token), moment.now);
        Ok(Some(token))
    }

    fn add_device(&mut self, moment: &mut Moment<'_>, entry: &Entry) -> (DeviceId, DeviceToken) {
        let now = moment.now;
        let id = DeviceId(moment.mint.uuid(now));
        let token = self.mint_device_token(moment, id);
        self.devices.push(Device {
            id,
            tokens: DeviceTokens::new(moment.keys.hash(&token), now),
            generation: 1,
            name: None,
            grant: None,
            granted_on: None,
            trust_ended: None,
            last_factor: None,
            seen: entry.attempt.seen.clone(),
            fingerprint: entry.attempt.fingerprint.clone(),
            given_fingerprint: None,
            looks_like: entry.looks_like,
            metadata: Map::new(),
            declined_at: None,
            hijacked_at: None,
            released_at: None,
            forgotten_at: None,
            created_at: now,
            last_seen_at: now,
        });
        let about = About { sign_in: entry.sign_in, ..About::device(id) };
        self.record(moment, EventKind::DeviceAdded, about);
        (id, token)
    }
}

/// A sign-in that may enter.
struct Entry {
    attempt: Attempt,
    device: Option<(DeviceId, Binding)>,
    looks_like: Option<DeviceId>,
    factor: Option<Factor>,
    skipped: bool,
    signals: Signals,
    sign_in: Option<SignInId>,
}

/// Joins the tokens of several users on one browser into one cookie value, the newest last, the least recently used ones dropped.
#[must_use]
pub fn join_cookie(present: Option<&str>, new: &DeviceToken) -> String {
    let same_account = |at: DeviceRef| (at.shard, at.account) == (new.at.shard, new.at.account);
    let kept = present.unwrap_or_default().split('.').filter(|text| text.starts_with(DeviceRef::PREFIX));
    let mut tokens: Vec<String> = vec![];
    for text in kept.filter(|text| DeviceToken::parse(text).is_ok_and(|token| !same_account(token.at))) {
        // One that is there twice takes the place of no other.
        tokens.retain(|known| known != text);
        tokens.push(text.to_owned());
    }
    tokens.push(new.reveal());
    let surplus = tokens.len().saturating_sub(COOKIE_TOKENS);
    tokens.split_off(surplus).join(".")
}
