//! What is done to sessions: recognise the caller, end one, end all, step up.

use crate::event::About;
use crate::refusal::FactorMissing;
use crate::token::{Secret, Token};
use crate::{
    AccessToken, Account, ActivationToken, Cause, Count, Device, EventKind, Factor, Generation, Moment, Refusal, Session, SessionId, SessionRef, SessionStatus,
    Timestamp,
};

/// What a step-up gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SteppedUp {
    /// The new access token; the old one is dead.
    pub access_token: AccessToken,
    /// The chance to trust the device, where there is one.
    pub activation: Option<ActivationToken>,
}

impl Account {
    /// The session that an access token opens, live at this moment.
    ///
    /// # Errors
    /// As [`Session::of_token`]; `Unauthenticated` where the session is over.
    pub fn caller(&self, moment: &Moment<'_>, token: &AccessToken) -> Result<&Session, Refusal> {
        let (_, session) = Session::of_token(moment.keys, token, Some(self), moment.now)?;
        self.live_session(session.id, moment.now).ok_or(Refusal::Unauthenticated)
    }

    /// Notes that a session's token was used, which shows that its answer arrived: from now on it is given anew to nobody.
    ///
    /// # Errors
    /// As [`Account::caller`]: the token may just have been replaced.
    pub fn note_use(&mut self, moment: &Moment<'_>, token: &AccessToken) -> Result<(), Refusal> {
        let id = self.caller(moment, token)?.id;
        self.session_mut(id)?.unused_until = None;
        Ok(())
    }

    /// Whether a session's authentication is fresh enough for what is dangerous.
    ///
    /// # Errors
    /// `RecentAuthRequired`.
    pub fn recent_auth(&self, session: &Session, now: Timestamp) -> Result<(), Refusal> {
        let limit = self.tenant.policy.recent_auth_s;
        if limit == 0 || self.last_authenticated_at(session) >= now.minus_s(limit) { Ok(()) } else { Err(Refusal::RecentAuthRequired) }
    }

    /// When its person last proved who they are in a session: by the first factor, or by a second one that is fresh still.
    #[must_use]
    pub fn last_authenticated_at(&self, session: &Session) -> Timestamp {
        session.fresh_factor(self).map_or(session.authenticated_at, |factor| factor.verified_at.max(session.authenticated_at))
    }

    /// Whether a second factor was verified in this session itself, no longer than `within_s` ago where that is asked. One that device
    /// trust replaced doesn't count, nor does one whose freshness a security event took.
    ///
    /// # Errors
    /// `MfaRequired` with what is missing.
    pub fn has_factor(&self, session: &Session, within_s: Option<u32>, now: Timestamp) -> Result<(), Refusal> {
        let missing = |what| Err(Refusal::MfaRequired(what));
        match session.fresh_factor(self) {
            None if session.factor.is_some() => missing(FactorMissing::BeforeChange),
            None => missing(FactorMissing::NotVerified),
            Some(factor) if within_s.is_some_and(|seconds| factor.verified_at < now.minus_s(seconds)) => missing(FactorMissing::TooLongAgo),
            Some(_) => Ok(()),
        }
    }

    /// Ends one session. Ending an ended one again changes nothing.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn end_session(&mut self, moment: &mut Moment<'_>, id: SessionId, cause: Cause) -> Result<(), Refusal> {
        let (device, before) = (self.session(id)?.device, self.session(id)?.ended);
        self.end_sessions(moment.now, cause, |session| session.id == id);
        if before.is_none() && self.session(id)?.ended == Some(crate::Ending { at: moment.now, cause }) {
            self.record(moment, EventKind::SessionEnded, About::session(id, device).because(cause));
        }
        Ok(())
    }

    /// Ends every session, or every session but the caller's, in one write and one event; trust ends too, but on the caller's device where the policy spares it.
    /// Offers and sign-ins in progress are cancelled with them. A caller whose own session is over spares nothing.
    ///
    /// # Errors
    /// `NotFound` if the caller's session isn't at hand.
    pub fn end_all_sessions(&mut self, moment: &mut Moment<'_>, caller: Option<SessionId>, keep_caller: bool) -> Result<Count, Refusal> {
        let now = moment.now;
        let kept = caller.map(|id| self.session(id).cloned()).transpose()?;
        let kept = kept.filter(|caller| self.live_sessions(now).any(|session| session.id == caller.id));
        let ended = self.live_sessions(now).filter(|session| !(keep_caller && Some(session.id) == caller)).count();
        let spared = kept
            .as_ref()
            .filter(|_| self.tenant.policy.sign_out_everywhere_spares_own_trust)
            .and_then(|session| self.device_of(session).ok())
            .filter(|device| matches!(device.trust(self, now), crate::Trust::Held { .. }))
            .map(|device| device.id);
        self.raise(moment, Generation::Sessions, Cause::SignedOutEverywhere);
        self.raise(moment, Generation::Trust, Cause::SignedOutEverywhere);
        self.cancel_offers(now, |_| true);
        let generations = self.generations();
        if let Some(session) = kept.filter(|_| keep_caller) {
            self.session_mut(session.id)?.sessions_gen = generations.sessions;
        }
        if let Some(grant) = spared.and_then(|id| self.devices.iter_mut().find(|d| d.id == id)).and_then(|device| device.grant.as_mut()) {
            grant.trust_gen = generations.trust;
        }
        let about = About { session: caller, ..About::default() }.because(Cause::SignedOutEverywhere);
        let count = Count::from(ended);
        self.record(moment, EventKind::SessionsEnded, about.with("sessions_ended", count.number).with("more", count.more).with("trust_ended", true));
        Ok(count)
    }

    /// Step-up: a second factor was verified in a live session. Its token is replaced; it no longer lives by its device's trust.
    ///
    /// # Errors
    /// `NotFound` if it isn't live.
    pub fn step_up(&mut self, moment: &mut Moment<'_>, id: SessionId, factor: Factor) -> Result<SteppedUp, Refusal> {
        let session = self.session(id)?;
        if session.status(self.device_of(session)?, self, moment.now) != SessionStatus::Active {
            return Err(Refusal::NotFound);
        }
        let device = session.device;
        let access_token = self.replace_access_token(moment, id, false)?;
        let session = self.session_mut(id)?;
        // The later of the two: a statement about an older factor takes nothing back.
        session.factor = session.factor.into_iter().chain([factor]).max_by_key(|factor| factor.verified_at);
        session.skipped_factor = false;
        session.last_activity_at = session.last_activity_at.max(moment.now);
        self.note_factor(device, Some(factor), moment.now);
        self.record(moment, EventKind::SessionSteppedUp, About::session(id, device).with("method", factor.method.as_str()));
        let activation = self.make_offer(moment, id)?;
        Ok(SteppedUp { access_token, activation })
    }

    pub(crate) fn mint_access_token(&self, moment: &mut Moment<'_>, id: SessionId) -> AccessToken {
        Token { at: SessionRef { shard: self.head.shard, account: self.head.id, id }, secret: Secret::new(moment.mint.secret()) }
    }

    /// Replaces a session's token, which may be that of a `lost` answer: whoever has a copy of the old one has nothing.
    pub(crate) fn replace_access_token(&mut self, moment: &mut Moment<'_>, id: SessionId, lost: bool) -> Result<AccessToken, Refusal> {
        let token = self.mint_access_token(moment, id);
        self.session_mut(id)?.replace_token(moment.keys.hash(&token), lost);
        Ok(token)
    }

    /// At the session cap the oldest on the same device ends first, then the oldest of all. What has lapsed is marked in passing,
    /// so that the sessions which aren't marked as ended stay about as many as the cap.
    pub(crate) fn make_room_for_session(&mut self, moment: &mut Moment<'_>, device: Option<crate::DeviceId>) {
        let now = moment.now;
        let lapsed: Vec<(SessionId, crate::Ending)> =
            self.sessions.iter().filter_map(|session| self.lapse(session, self.device_of(session).ok()?, now)).collect();
        for (id, ending) in lapsed {
            if let Ok(session) = self.session_mut(id) {
                session.ended = Some(ending);
            }
        }
        let mut live: Vec<_> = self.live_sessions(now).map(|session| (Some(session.device) != device, session.created_at, session.id)).collect();
        live.sort_unstable();
        let surplus = (live.len() + 1).saturating_sub(usize::from(self.tenant.policy.max_sessions));
        for (_, _, id) in live.into_iter().take(surplus) {
            let on = self.session(id).map(|session| session.device).ok();
            self.end_sessions(now, Cause::SessionLimit, |session| session.id == id);
            self.record(moment, EventKind::SessionEnded, About { session: Some(id), device: on, ..About::default() }.because(Cause::SessionLimit));
        }
    }

    fn lapse(&self, session: &Session, device: &Device, now: Timestamp) -> Option<(SessionId, crate::Ending)> {
        if session.ended.is_some() {
            return None;
        }
        let ending = match session.status(device, self, now) {
            SessionStatus::Active | SessionStatus::Blocked => return None,
            SessionStatus::Inactive => crate::Ending { at: session.idle_expires_at(self), cause: Cause::Idle },
            SessionStatus::Ended => session.ending(device, self, now)?,
        };
        Some((session.id, ending))
    }
}
