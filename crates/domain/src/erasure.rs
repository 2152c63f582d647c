//! Erasure: an account's last rule. What it held is deleted, its data key with it, and a tombstone stays.

use crate::event::About;
use crate::{Account, AccountId, Applied, Cause, Count, DeviceStatus, EventKind, Moment, Shard, TenantId, Timestamp};

/// What stays of an erased account beside its events, which name nobody any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tombstone {
    /// Where the account lay.
    pub shard: Shard,
    /// Its id: no new account gets it, so no old token finds one.
    pub account: AccountId,
    /// Whose user it was.
    pub tenant: TenantId,
    /// An HMAC of the user id under the server key: shows whether and when a user was erased to whoever holds that key and
    /// names the user, and nothing to others.
    pub pseudonym: [u8; 16],
    /// Its last sessions generation, raised.
    pub sessions_gen: i64,
    /// Its last trust generation, raised.
    pub trust_gen: i64,
    /// When it was erased.
    pub erased_at: Timestamp,
}

/// What an erasure ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Erasure {
    /// Devices that were trusted.
    pub devices_untrusted: usize,
    /// Sessions that were live.
    pub sessions_ended: Count,
    /// Offers that were open.
    pub activations_cancelled: usize,
}

/// As a security event it ended no less than any other.
impl From<Erasure> for Applied {
    fn from(erasure: Erasure) -> Self {
        let Erasure { devices_untrusted, sessions_ended, activations_cancelled } = erasure;
        Self { devices_untrusted, sessions_ended, activations_cancelled, kept: None, access_token: None }
    }
}

impl Account {
    /// Erases the account: everything ends, the trail gets its last event, and the tombstone is all that is to stay.
    pub fn erase(&mut self, moment: &mut Moment<'_>) -> (Erasure, Tombstone) {
        let erasure = Erasure {
            devices_untrusted: self.devices.iter().filter(|device| device.status(self, moment.now) == DeviceStatus::Trusted).count(),
            sessions_ended: self.live_sessions(moment.now).count().into(),
            activations_cancelled: self.offers.iter().filter(|offer| offer.is_open(self, moment.now)).count(),
        };
        self.head.sessions_gen += 1;
        self.head.trust_gen += 1;
        // Without details: they would be sealed under the key that goes.
        self.record(moment, EventKind::AccountErased, About::default().because(Cause::AccountDeleted));
        let head = &self.head;
        let tombstone = Tombstone {
            shard: head.shard,
            account: head.id,
            tenant: head.tenant.clone(),
            pseudonym: moment.keys.seal("erased-user", &[head.tenant.as_str().as_bytes(), head.user.as_str().as_bytes()]),
            sessions_gen: head.sessions_gen,
            trust_gen: head.trust_gen,
            erased_at: moment.now,
        };
        (erasure, tombstone)
    }
}
