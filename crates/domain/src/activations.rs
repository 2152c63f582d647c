//! Activations: an offer is made, then taken up with its token or declined. Either way it works once.

use crate::event::About;
use crate::token::{OfferRef, Secret, Token};
use crate::{
    Account, ActivationToken, Credential, DeviceId, DeviceToken, EventKind, Moment, Offer, OfferId, OfferState, Refusal, SessionId, SessionStatus, Voucher,
    first_uuid_at,
};

/// What an activation gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activated {
    /// The device that is trusted now.
    pub device: DeviceId,
    /// Its new token; the old value is superseded.
    pub device_token: DeviceToken,
}

impl Account {
    /// Makes an offer in a session, where the gate would pass, the device isn't trusted and the person hasn't declined lately.
    /// An earlier open offer of the session is cancelled.
    ///
    /// # Errors
    /// `NotFound` if the session isn't at hand.
    pub fn make_offer(&mut self, moment: &mut Moment<'_>, session: SessionId) -> Result<Option<ActivationToken>, Refusal> {
        let now = moment.now;
        let of = self.session(session)?.clone();
        let device = self.device(of.device)?;
        let policy = &self.tenant.policy;
        let declined = device.declined_at.is_some_and(|at| now < at.plus_s(policy.offer_again_after_s));
        if declined || device.may_replace_factor(self, now) || self.gate(Voucher::Session(&of), of.device, now).is_err() {
            return Ok(None);
        }
        let expires_at = now.plus_s(policy.activation_ttl_s);
        self.cancel_offers(now, |offer| offer.session == session);
        let id = OfferId(moment.mint.uuid(now));
        let token = Token { at: OfferRef { shard: self.head.shard, account: self.head.id, id }, secret: Secret::new(moment.mint.secret()) };
        let generations = self.generations();
        self.offers.push(Offer {
            id,
            device: of.device,
            session,
            token: moment.keys.hash(&token),
            trust_gen: generations.trust,
            tenant_trust_gen: generations.tenant_trust,
            state: OfferState::Open,
            created_at: now,
            expires_at,
            settled_at: None,
        });
        Ok(Some(token))
    }

    /// The open offer that a token opens, in its live session. `caller` is the person's own session, where they call themselves.
    fn open_offer(&self, moment: &Moment<'_>, token: &ActivationToken, caller: Option<SessionId>) -> Result<&Offer, Refusal> {
        let gone = |_| Refusal::ActivationNotFound;
        if (token.at.shard, token.at.account) != (self.head.shard, self.head.id) {
            return Err(Refusal::ActivationNotFound);
        }
        let offer = self.offers.iter().find(|offer| offer.id == token.at.id);
        let proved = moment.keys.fits(token, offer.map(|offer| &offer.token))?;
        // One that can't be open any more may have been real: it isn't at hand.
        let recent = token.at.id.0 >= first_uuid_at(moment.now.minus_s(self.tenant.policy.activation_ttl_s));
        let offer = match offer {
            Some(offer) if proved => offer,
            None if !recent => return Err(Refusal::ActivationNotFound),
            _ => return Err(Refusal::WrongSecret(Credential::ActivationToken)),
        };
        let theirs = caller.is_none_or(|caller| caller == offer.session);
        // Before its session, which the report has ended, and which may not be at hand any more.
        if theirs && self.devices.iter().any(|device| device.id == offer.device && device.hijacked_at.is_some()) {
            return Err(Refusal::DeviceHijacked);
        }
        let session = self.session(offer.session).map_err(gone)?;
        let device = self.device_of(session).map_err(gone)?;
        let live = session.status(device, self, moment.now) == SessionStatus::Active;
        if theirs && live && offer.is_open(self, moment.now) { Ok(offer) } else { Err(Refusal::ActivationNotFound) }
    }

    /// Takes an offer up: the device is trusted through the gate, and its token is replaced.
    ///
    /// # Errors
    /// `ActivationNotFound`, `WrongSecret`, `DeviceHijacked`, and as [`Account::gate`].
    pub fn activate(&mut self, moment: &mut Moment<'_>, token: &ActivationToken, caller: Option<SessionId>, name: Option<&str>) -> Result<Activated, Refusal> {
        let offer = self.open_offer(moment, token, caller)?;
        let (id, device, session) = (offer.id, offer.device, self.session(offer.session)?.clone());
        self.trust(moment, Voucher::Session(&session), device)?;
        self.settle(moment, id, OfferState::Activated);
        self.cancel_offers(moment.now, |offer| offer.device == device);
        if let Some(name) = name {
            self.rename(moment, device, name)?;
        }
        Ok(Activated { device, device_token: self.replace_device_token(moment, device)? })
    }

    /// Declines an offer; no new one is made on the device for the policy's `offer_again_after_s`.
    ///
    /// # Errors
    /// `ActivationNotFound`, `WrongSecret`, `DeviceHijacked`.
    pub fn decline(&mut self, moment: &mut Moment<'_>, token: &ActivationToken, caller: Option<SessionId>) -> Result<DeviceId, Refusal> {
        let offer = self.open_offer(moment, token, caller)?;
        let (id, device, session) = (offer.id, offer.device, offer.session);
        self.settle(moment, id, OfferState::Declined);
        self.device_mut(device)?.declined_at = Some(moment.now);
        self.record(moment, EventKind::OfferDeclined, About::session(session, device));
        Ok(device)
    }

    fn settle(&mut self, moment: &Moment<'_>, id: OfferId, state: OfferState) {
        if let Some(offer) = self.offers.iter_mut().find(|offer| offer.id == id) {
            offer.state = state;
            offer.settled_at = Some(moment.now);
            let session = offer.session;
            // Who has the offer's token has the answer that bore it, and the session's token with it.
            if let Ok(session) = self.session_mut(session) {
                session.unused_until = None;
            }
        }
    }
}
