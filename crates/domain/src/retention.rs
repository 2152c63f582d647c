//! Retention: what is kept of an account no longer. Nothing ends by it: only what has been over for long goes.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use serde_json::Map;

use crate::{Account, Fingerprint, Reason, Seen, SessionId, Timestamp, Trust};

/// How long an offer is kept after its end, in seconds. It can't be told any more by then whether it was ever made.
const OFFERS_KEPT_S: u32 = 86_400;
/// How long the host's own id of a security event is kept, in seconds: a retry that comes later counts as a new event.
pub const REPORTS_KEPT_S: u32 = 30 * 86_400;

/// What stands where no address is known, or none is kept any longer: the one that means none.
pub const NO_ADDRESS: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);

/// An address, where it is still kept.
#[must_use]
pub fn kept_address(ip: IpAddr) -> Option<IpAddr> {
    (!ip.is_unspecified()).then_some(ip)
}

/// What retention took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Rows that are gone.
    pub deleted: usize,
    /// Rows that lost their address, their fingerprint, or all that said what they were.
    pub blanked: usize,
}

impl Pruned {
    /// Whether it took nothing.
    #[must_use]
    pub fn is_nothing(self) -> bool {
        self == Self::default()
    }
}

impl std::ops::AddAssign for Pruned {
    fn add_assign(&mut self, more: Self) {
        self.deleted += more.deleted;
        self.blanked += more.blanked;
    }
}

impl Account {
    /// Removes what the policy keeps no longer of the rows at hand, and blanks what they may not say any more.
    ///
    /// No answer about who is in, trusted or denied depends on what goes: a session goes only after it could last have been
    /// live, and a fingerprint stays while the trust that it may be compared for holds. A device goes by
    /// [`Account::prune_forgotten`] alone.
    pub fn prune(&mut self, now: Timestamp) -> Pruned {
        let tenant = Arc::clone(&self.tenant);
        let policy = &tenant.policy;
        let old = |since: Timestamp, kept_s: u32| now >= since.plus_s(kept_s);
        let rows = |account: &Self| account.sign_ins.len() + account.sessions.len() + account.offers.len();
        let before = rows(self);
        self.sign_ins.retain(|sign_in| !old(sign_in.created_at, policy.retain_sign_ins_s));
        self.offers.retain(|offer| !old(offer.expires_at, OFFERS_KEPT_S));
        // By the end that was set when it began: no policy makes that later.
        self.sessions.retain(|session| !old(session.ended.map_or(session.expires_at, |ended| ended.at.min(session.expires_at)), policy.retain_sessions_s));
        let mut pruned = Pruned { deleted: before - rows(self), blanked: 0 };
        for sign_in in &mut self.sign_ins {
            let was = sign_in.clone();
            if old(sign_in.created_at, policy.retain_ips_s) {
                sign_in.attempt.seen.ip = NO_ADDRESS;
                sign_in.travelled_from = None;
            }
            if old(sign_in.created_at, policy.retain_fingerprints_s) {
                sign_in.attempt.fingerprint = Fingerprint::default();
                // The names of what changed are the caller's own words.
                sign_in.judgement.details.remove(Reason::FingerprintChanged.as_str());
            }
            pruned.blanked += usize::from(*sign_in != was);
        }
        for session in self.sessions.iter_mut().filter(|session| old(session.created_at, policy.retain_ips_s)) {
            pruned.blanked += usize::from(session.ip != NO_ADDRESS);
            session.ip = NO_ADDRESS;
        }
        let mut devices = std::mem::take(&mut self.devices);
        for device in &mut devices {
            let was = device.clone();
            if old(device.last_seen_at, policy.retain_ips_s) {
                device.seen.ip = NO_ADDRESS;
            }
            let unseen = old(device.last_seen_at, policy.retain_fingerprints_s) && !matches!(device.trust(self, now), Trust::Held { .. });
            let forgotten = device.forgotten_at.is_some_and(|at| old(at, policy.retain_sessions_s));
            // By its looks and its value, too, a reported one is denied.
            if (unseen || forgotten) && !device.is_denied() {
                device.fingerprint = Fingerprint::default();
                device.given_fingerprint = None;
            }
            if forgotten {
                // It stays only because what names it is denied, or its sessions are still kept: for that it needs no face.
                device.name = None;
                device.metadata = Map::new();
                device.seen = Seen { ip: NO_ADDRESS, user_agent: String::new(), client_hints: None, device_info: None };
            }
            pruned.blanked += usize::from(*device != was);
        }
        self.devices = devices;
        pruned
    }

    /// Removes forgotten devices whose time is over, of those at hand. The store keeps no session of them any more, and what
    /// names them means nothing: a hijacked one stays until it is released.
    pub fn prune_forgotten(&mut self, now: Timestamp) -> Pruned {
        let before = self.devices.len();
        let kept_s = self.tenant.policy.retain_sessions_s;
        let on_a_device: Vec<_> = self.sessions.iter().map(|session| session.device).collect();
        self.devices.retain(|device| {
            let over = device.forgotten_at.is_some_and(|at| now >= at.plus_s(kept_s));
            !over || device.stands() || on_a_device.contains(&device.id)
        });
        Pruned { deleted: before - self.devices.len(), blanked: 0 }
    }

    /// The sessions at hand of which nothing is left in `after`.
    #[must_use]
    pub fn sessions_gone(&self, after: &Self) -> Vec<SessionId> {
        self.sessions.iter().map(|session| session.id).filter(|id| after.session(*id).is_err()).collect()
    }
}
