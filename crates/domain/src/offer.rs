//! An offer: the chance to trust a device, made at a sign-in with a real second factor.

use crate::codes::closed_set;
use crate::{Account, DeviceId, KeyedHash, OfferId, SessionId, Timestamp};

closed_set! {
    /// What became of an offer.
    pub enum OfferState {
        /// Not taken up yet.
        Open = 1 "open",
        /// The device was trusted by it.
        Activated = 2 "activated",
        /// The person declined.
        Declined = 3 "declined",
        /// Something ended the trust, the session or the offer before it was used.
        Cancelled = 4 "cancelled",
    }
}

/// The chance to trust a device, redeemed once with an activation token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Its id.
    pub id: OfferId,
    /// The device it is for.
    pub device: DeviceId,
    /// The session it was made in.
    pub session: SessionId,
    /// The hash of its activation token.
    pub token: KeyedHash,
    /// The account's trust generation that it was made under.
    pub trust_gen: i64,
    /// The tenant's.
    pub tenant_trust_gen: i64,
    /// What became of it.
    pub state: OfferState,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When it was used or cancelled.
    pub settled_at: Option<Timestamp>,
}

impl Offer {
    /// Whether it can still be taken up, as far as it knows itself; its session and device are judged beside it.
    #[must_use]
    pub fn is_open(&self, account: &Account, now: Timestamp) -> bool {
        self.state == OfferState::Open
            && !account.tenant.closed_offer(self, now)
            && self.trust_gen == account.head.trust_gen
            && self.tenant_trust_gen == account.tenant.trust_gen
    }
}
