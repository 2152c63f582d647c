//! What is done to devices: rename, untrust, report hijacked, release, forget, sign out.

use crate::event::About;
use crate::{
    Account, Cause, Count, Device, DeviceId, DeviceTokens, Ending, EventKind, Moment, Offer, OfferState, Refusal, Session, SessionId, SessionStatus, Timestamp,
};

impl Account {
    /// Gives a device a name of the person's own.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn rename(&mut self, moment: &mut Moment<'_>, device: DeviceId, name: &str) -> Result<(), Refusal> {
        let target = self.device_mut(device)?;
        if target.name.as_deref() != Some(name) {
            target.name = Some(name.to_owned());
            self.record(moment, EventKind::DeviceRenamed, About::device(device).with("name", name));
        }
        Ok(())
    }

    /// Ends a device's trust. Its sessions that skipped the second factor end, but for the caller's own; all of them on request.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn untrust(&mut self, moment: &mut Moment<'_>, device: DeviceId, caller: Option<SessionId>, end_sessions: bool) -> Result<(), Refusal> {
        self.device(device)?;
        let was_trusted = self.end_trust(moment, device, Cause::DeviceUntrusted);
        let ended = self.end_sessions(moment.now, Cause::DeviceUntrusted, |session| {
            session.device == device && (end_sessions || (session.skipped_factor && Some(session.id) != caller))
        });
        if was_trusted || ended > 0 {
            self.record(moment, EventKind::DeviceUntrusted, About::device(device).because(Cause::DeviceUntrusted).with("sessions_ended", ended));
        }
        Ok(())
    }

    /// Reports a device hijacked, which is final: its sessions are blocked, its trust ends, and so does the trust that was
    /// given or offered by sessions of it.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn hijack(&mut self, moment: &mut Moment<'_>, device: DeviceId) -> Result<Count, Refusal> {
        let target = self.device(device)?;
        if target.hijacked_at.is_some() {
            return Ok(Count::from(0));
        }
        let helped: Vec<DeviceId> = self.devices.iter().filter(|d| d.id != device && d.grant.is_some() && d.granted_on == Some(device)).map(|d| d.id).collect();
        for other in helped {
            if self.end_trust(moment, other, Cause::DeviceHijacked) {
                self.record(moment, EventKind::DeviceUntrusted, About::device(other).because(Cause::DeviceHijacked));
            }
        }
        let its_sessions: Vec<SessionId> = self.sessions.iter().filter(|session| session.device == device).map(|session| session.id).collect();
        self.cancel_offers(moment.now, |offer| its_sessions.contains(&offer.session));
        self.end_trust(moment, device, Cause::DeviceHijacked);
        let ended = self.end_sessions(moment.now, Cause::DeviceHijacked, |session| session.device == device);
        let target = self.device_mut(device)?;
        target.generation += 1;
        target.hijacked_at = Some(moment.now);
        self.record(moment, EventKind::DeviceHijacked, About::device(device).with("sessions_ended", ended));
        Ok(Count::from(ended))
    }

    /// Retires a hijacked device's token, so that its owner's browser can start again as a new device. The device stays hijacked.
    ///
    /// # Errors
    /// `NotFound`, also for a device that isn't hijacked.
    pub fn release(&mut self, moment: &mut Moment<'_>, device: DeviceId) -> Result<(), Refusal> {
        // Also after "forget": the tombstone is what denies the token.
        let target = self.devices.iter_mut().find(|d| d.id == device && d.hijacked_at.is_some()).ok_or(Refusal::NotFound)?;
        if target.released_at.is_none() {
            target.tokens = DeviceTokens::default();
            target.released_at = Some(moment.now);
            self.record(moment, EventKind::DeviceReleased, About::device(device));
        }
        Ok(())
    }

    /// Forgets a device: trust and sessions end, its token is dead, it is gone from every list. The trail stays.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn forget(&mut self, moment: &mut Moment<'_>, device: DeviceId, cause: Cause) -> Result<Count, Refusal> {
        self.device(device)?;
        self.end_trust(moment, device, cause);
        let ended = self.end_sessions(moment.now, cause, |session| session.device == device);
        let target = self.device_mut(device)?;
        target.generation += 1;
        target.forgotten_at = Some(moment.now);
        if target.hijacked_at.is_none() {
            // A hijacked device's token is kept, since it yields `deny` for ever.
            target.tokens = DeviceTokens::default();
        }
        self.record(moment, EventKind::DeviceForgotten, About::device(device).because(cause).with("sessions_ended", ended));
        Ok(Count::from(ended))
    }

    /// Forgets every device but one. Returns how many devices and sessions that ended.
    ///
    /// # Errors
    /// None but what [`Account::forget`] has.
    pub fn forget_others(&mut self, moment: &mut Moment<'_>, kept: DeviceId) -> Result<(usize, Count), Refusal> {
        let others: Vec<DeviceId> = self.devices.iter().filter(|d| d.forgotten_at.is_none() && d.id != kept).map(|d| d.id).collect();
        let mut ended = 0;
        for &device in &others {
            ended += self.forget(moment, device, Cause::DeviceForgotten)?.number;
        }
        Ok((others.len(), Count::from(ended)))
    }

    /// Ends every session of a device. Its trust stays.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn sign_out_device(&mut self, moment: &mut Moment<'_>, device: DeviceId) -> Result<Count, Refusal> {
        self.device(device)?;
        let ended = self.end_sessions(moment.now, Cause::DeviceSignedOut, |session| session.device == device);
        self.cancel_offers(moment.now, |offer| offer.device == device);
        self.device_mut(device)?.generation += 1;
        if ended > 0 {
            self.record(moment, EventKind::SessionsEnded, About::device(device).because(Cause::DeviceSignedOut).with("sessions_ended", ended));
        }
        Ok(Count::from(ended))
    }

    /// When a device was last heard of: at a sign-in, or in one of the sessions at hand.
    #[must_use]
    pub fn last_seen_at(&self, device: DeviceId) -> Option<Timestamp> {
        let signed_in = self.devices.iter().find(|d| d.id == device)?.last_seen_at;
        let heard = self.sessions.iter().filter(|session| session.device == device).map(|session| session.last_activity_at);
        heard.chain([signed_in]).max()
    }

    /// At the device cap the unverified device seen least recently is forgotten, but first those of which a host's word is all that
    /// is known; one that may replace a second factor never makes room for a new one.
    pub(crate) fn make_room_for_device(&mut self, moment: &mut Moment<'_>) -> Result<(), Refusal> {
        let now = moment.now;
        let limit = usize::from(self.tenant.policy.max_devices);
        let counted = self.devices.iter().filter(|device| device.counts()).count();
        let spared = |device: &&Device| device.counts() && !device.may_replace_factor(self, now);
        let mut spare: Vec<_> = self.devices.iter().filter(spared).map(|d| (!d.is_vouched_for_alone(), self.last_seen_at(d.id), d.id)).collect();
        spare.sort_unstable();
        for (.., id) in spare.into_iter().take((counted + 1).saturating_sub(limit)) {
            self.forget(moment, id, Cause::DeviceLimit)?;
        }
        Ok(())
    }

    /// Ends, each by itself, the sessions that `which` picks. Returns how many of them were live.
    ///
    /// What isn't live only as time and policy stand is marked too: no looser policy brings back what was ended by hand.
    pub(crate) fn end_sessions(&mut self, now: Timestamp, cause: Cause, which: impl Fn(&Session) -> bool) -> usize {
        let live = self.live_sessions(now).filter(|session| which(session)).count();
        let mark = |session: &Session| {
            let device = self.device_of(session).ok()?;
            let ending = match session.status(device, self, now) {
                SessionStatus::Active | SessionStatus::Inactive => Ending { at: now, cause },
                SessionStatus::Ended if now >= session.expires_at(self) || self.tenant.skip_ended_at(session).is_some() => session.ending(device, self, now)?,
                SessionStatus::Ended | SessionStatus::Blocked => return None,
            };
            Some((session.id, ending))
        };
        let marks: Vec<(SessionId, Ending)> = self.sessions.iter().filter(|session| session.ended.is_none() && which(session)).filter_map(mark).collect();
        for session in &mut self.sessions {
            session.ended = marks.iter().find(|(id, _)| *id == session.id).map(|(_, ending)| *ending).or(session.ended);
        }
        self.cancel_offers(now, |offer| marks.iter().any(|(id, _)| *id == offer.session));
        live
    }

    /// A session, if it is live at this moment.
    #[must_use]
    pub fn live_session(&self, id: SessionId, now: Timestamp) -> Option<&Session> {
        let session = self.session(id).ok()?;
        (session.status(self.device_of(session).ok()?, self, now) == SessionStatus::Active).then_some(session)
    }

    /// The sessions at hand that are live.
    pub fn live_sessions(&self, now: Timestamp) -> impl Iterator<Item = &Session> {
        self.sessions.iter().filter(move |session| self.device_of(session).is_ok_and(|device| session.status(device, self, now) == SessionStatus::Active))
    }

    pub(crate) fn cancel_offers(&mut self, now: Timestamp, which: impl Fn(&Offer) -> bool) {
        for offer in self.offers.iter_mut().filter(|offer| offer.state == OfferState::Open && which(offer)) {
            offer.state = OfferState::Cancelled;
            offer.settled_at = Some(now);
        }
    }
}
