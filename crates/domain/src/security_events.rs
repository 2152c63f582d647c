//! What a security event does to an account: one rule for every row of the table.

use crate::event::About;
use crate::security_event::{Report, Reported, SessionsEnded};
use crate::{
    AccessToken, Account, Count, EventKind, Generation, KeyedHash, Moment, ONCE_S, Offer, Refusal, SecurityEvent, Session, SessionId, Timestamp, Trust,
};

/// What a report came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// Devices that were trusted and are no more.
    pub devices_untrusted: usize,
    /// Sessions that were live and are no more.
    pub sessions_ended: Count,
    /// Offers that were open and are no more.
    pub activations_cancelled: usize,
    /// The session that stayed.
    pub kept: Option<SessionId>,
    /// Its new token, where one was asked for.
    pub access_token: Option<AccessToken>,
}

impl Account {
    /// Applies a security event. It always applies: a session that can't be kept is not.
    ///
    /// Reported again under the host's own id it has no second effect; the kept session's token is then replaced once more
    /// only while nobody has used it, since its answer may have been lost.
    ///
    /// # Errors
    /// None but what a missing row gives: `NotFound`.
    pub fn apply(&mut self, moment: &mut Moment<'_>, report: &Report) -> Result<Applied, Refusal> {
        if let Some(first) = self.reported.iter().find(|first| Some(&first.event_id) == report.event_id.as_ref() && first.event == report.event).cloned() {
            return self.apply_again(moment, report, &first);
        }
        self.record_creation(moment);
        let now = moment.now;
        let (event, cause) = (report.event, report.event.cause());
        let ends = self.tenant.policy.ends(event);
        let kept = report.keep.filter(|_| ends.sessions == SessionsEnded::AllButKept);
        let kept = kept.filter(|kept| self.live_sessions(now).any(|session| session.id == *kept));
        let stays = |id| ends.sessions == SessionsEnded::None || Some(id) == kept;
        let sessions_ended = Count::from(self.live_sessions(now).filter(|session| !stays(session.id)).count());
        let mut devices_untrusted = 0;
        if event != SecurityEvent::AccountEnabled {
            // Account-wide, so what is in progress begins anew, whatever the policy leaves standing.
            self.head.sign_ins_gen += 1;
        }
        // An offer goes with the trust, or with the session it was made in.
        let closes = |offer: &Offer| ends.trust || !stays(offer.session);
        let activations_cancelled = self.offers.iter().filter(|offer| closes(offer) && offer.is_open(self, now)).count();
        self.cancel_offers(now, closes);
        if ends.trust {
            devices_untrusted = self.devices.iter().filter(|device| matches!(device.trust(self, now), Trust::Held { .. })).count();
            self.raise(moment, Generation::Trust, cause);
        }
        if ends.trust || ends.sessions != SessionsEnded::None {
            // From here on a second factor counts as fresh only if it was verified later. A clock that is behind takes no mark back.
            self.head.factors_changed_at = self.head.factors_changed_at.max(Some(now));
        }
        if ends.sessions != SessionsEnded::None {
            self.raise(moment, Generation::Sessions, cause);
            let generation = self.head.sessions_gen;
            if let Some(session) = kept.and_then(|kept| self.session_mut(kept).ok()) {
                session.sessions_gen = generation;
            }
        }
        if event.outdates_first_factor() {
            self.head.credentials_changed_at = self.head.credentials_changed_at.max(Some(now));
        }
        match event {
            SecurityEvent::AccountDisabled => self.head.disabled_at = self.head.disabled_at.or(Some(now)),
            SecurityEvent::AccountEnabled => self.head.disabled_at = None,
            _ => {}
        }
        let access_token = kept.filter(|_| report.rotate_kept).map(|kept| self.replace_access_token(moment, kept, false)).transpose()?;
        if let Some(session) = kept.filter(|_| report.rotate_kept && report.event_id.is_some()).and_then(|kept| self.session_mut(kept).ok()) {
            session.unused_until = Some(now.plus_s(ONCE_S));
        }
        let mut about = About { session: kept, ..About::default() }.because(cause);
        about = about.with("devices_untrusted", devices_untrusted).with("sessions_ended", sessions_ended.number).with("more", sessions_ended.more);
        about = about.with("activations_cancelled", activations_cancelled);
        if let Some(id) = &report.event_id {
            about = about.with("event_id", id.as_str());
        }
        self.record(moment, EventKind::SecurityEventApplied, about);
        let applied = Applied { devices_untrusted, sessions_ended, activations_cancelled, kept, access_token };
        let hash = applied.access_token.as_ref().map(|token| moment.keys.hash(token));
        self.reported.extend(report.event_id.clone().map(|id| applied.kept_under(id, event, now, hash)));
        Ok(applied)
    }

    fn apply_again(&mut self, moment: &mut Moment<'_>, report: &Report, first: &Reported) -> Result<Applied, Refusal> {
        let unused = |session: &Session| session.may_be_reissued(moment.now) && Some(&session.token) == first.access_token.as_ref();
        let lost = self.live_sessions(moment.now).find(|session| Some(session.id) == first.kept && unused(session)).map(|session| session.id);
        let access_token = lost.filter(|_| report.rotate_kept).map(|kept| self.replace_access_token(moment, kept, true)).transpose()?;
        if let Some(token) = &access_token
            && let Some(known) = self.reported.iter_mut().find(|known| known.event_id == first.event_id && known.event == first.event)
        {
            known.access_token = Some(moment.keys.hash(token));
        }
        let count = |number: i64| usize::try_from(number).unwrap_or_default();
        Ok(Applied {
            devices_untrusted: count(first.devices_untrusted),
            sessions_ended: Count::from(count(first.sessions_ended)),
            activations_cancelled: count(first.activations_cancelled),
            kept: first.kept,
            access_token,
        })
    }
}

impl Applied {
    fn kept_under(&self, event_id: String, event: SecurityEvent, at: Timestamp, access_token: Option<KeyedHash>) -> Reported {
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        Reported {
            event_id,
            event,
            at,
            devices_untrusted: number(self.devices_untrusted),
            sessions_ended: number(self.sessions_ended.number) + i64::from(self.sessions_ended.more),
            activations_cancelled: number(self.activations_cancelled),
            kept: self.kept,
            access_token,
        }
    }
}
