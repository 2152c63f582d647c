//! A device: its stored facts, and what they amount to at a moment.

use std::net::IpAddr;

use serde_json::{Map, Value};

use crate::codes::closed_set;
use crate::{Account, Binding, Cause, DeviceId, DeviceTokens, Factor, Fingerprint, Timestamp};

/// What a request looked like: kept as it came, read when it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The person's address.
    pub ip: IpAddr,
    /// The raw user agent, at most 1,024 bytes.
    pub user_agent: String,
    /// Client hints, as compact JSON of the recognition's own form.
    pub client_hints: Option<String>,
    /// What an app says of itself, likewise.
    pub device_info: Option<String>,
}

/// A grant of trust.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// When it was given.
    pub given_at: Timestamp,
    /// Its end, set when it was given.
    pub until: Timestamp,
    /// What ties it to the device.
    pub binding: Binding,
    /// The account's trust generation that it was given under.
    pub trust_gen: i64,
    /// The tenant's.
    pub tenant_trust_gen: i64,
}

/// How trust ended, where something ended it before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ending {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub cause: Cause,
}

/// A browser or app installation of one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Its id.
    pub id: DeviceId,
    /// Its device tokens; none once retired.
    pub tokens: DeviceTokens,
    /// Raised to end all its sessions, offers and sign-ins in progress.
    pub generation: i64,
    /// A name of the person's own.
    pub name: Option<String>,
    /// Its grant of trust; whether it holds is judged by [`Device::trust`].
    pub grant: Option<Grant>,
    /// The device in whose session the grant was given, so that a hijack report can take back what a thief gave.
    pub granted_on: Option<DeviceId>,
    /// How its last grant was ended, until the next.
    pub trust_ended: Option<Ending>,
    /// The last second factor that was verified on it and may seed trust.
    pub last_factor: Option<Factor>,
    /// How it looked when it was last seen to sign in.
    pub seen: Seen,
    /// Digests of how it looked.
    pub fingerprint: Fingerprint,
    /// The value that a host gave for it when it vouched for it, exactly as it was given. Shown to hosts alone.
    pub given_fingerprint: Option<String>,
    /// The device that it resembled when it was new.
    pub looks_like: Option<DeviceId>,
    /// What the host keeps with it.
    pub metadata: Map<String, Value>,
    /// When an offer of trust was last declined on it.
    pub declined_at: Option<Timestamp>,
    /// When it was reported hijacked. Final.
    pub hijacked_at: Option<Timestamp>,
    /// When a hijacked device's token was retired.
    pub released_at: Option<Timestamp>,
    /// When it was removed from every list.
    pub forgotten_at: Option<Timestamp>,
    /// When it first signed in.
    pub created_at: Timestamp,
    /// When it last signed in; its sessions know of later activity.
    pub last_seen_at: Timestamp,
}

closed_set! {
    /// A device's state as lists show it.
    pub enum DeviceStatus {
        /// Known, not trusted.
        Unverified = 1 "unverified",
        /// Trusted now.
        Trusted = 2 "trusted",
        /// Reported hijacked: its token yields `deny` for ever.
        Hijacked = 3 "hijacked",
    }
}

/// What a device's grant amounts to at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// No grant was ever given.
    Never,
    /// A grant holds.
    Held {
        /// When it was given.
        since: Timestamp,
        /// When it ends.
        until: Timestamp,
    },
    /// The last grant is over.
    Ended(Ending),
}

impl Device {
    /// What its grant amounts to: judged with the generations, the policies and the clock, whether or not anything swept.
    /// Whether it may replace a second factor, [`Device::trust_by`] says.
    #[must_use]
    pub fn trust(&self, account: &Account, now: Timestamp) -> Trust {
        // What a host vouched for is its trusted device under any policy that allows trust. A grant by likeness that no session
        // gave is a host's.
        let vouched = self.granted_on.is_none() && self.grant.is_some_and(|grant| grant.binding == Binding::Fingerprint);
        self.judge_grant(if vouched { None } else { Some(Binding::Key) }, account, now)
    }

    /// The same for an attempt that no more than `by` ties to the device: the weaker of that and the grant's own binding counts.
    #[must_use]
    pub fn trust_by(&self, by: Binding, account: &Account, now: Timestamp) -> Trust {
        self.judge_grant(Some(by), account, now)
    }

    /// Whether it is in the list of trusted devices.
    #[must_use]
    pub fn is_trusted(&self, account: &Account, now: Timestamp) -> bool {
        self.counts() && matches!(self.trust(account, now), Trust::Held { .. })
    }

    /// Whether its trust may replace a second factor, if what comes ties an attempt to it as firmly as can be.
    #[must_use]
    pub fn may_replace_factor(&self, account: &Account, now: Timestamp) -> bool {
        matches!(self.trust_by(Binding::Key, account, now), Trust::Held { .. })
    }

    /// Whether what names it is denied: it was reported hijacked, and no operator released it since. To forget it changes nothing.
    #[must_use]
    pub const fn is_denied(&self) -> bool {
        self.hijacked_at.is_some() && self.released_at.is_none()
    }

    /// Whether rules judge by it: a forgotten one is gone, but for what is denied.
    #[must_use]
    pub const fn stands(&self) -> bool {
        self.forgotten_at.is_none() || self.is_denied()
    }

    fn judge_grant(&self, by: Option<Binding>, account: &Account, now: Timestamp) -> Trust {
        let Some(grant) = self.grant else {
            return self.trust_ended.map_or(Trust::Never, Trust::Ended);
        };
        let over = |at, cause| Trust::Ended(Ending { at, cause });
        if grant.tenant_trust_gen != account.tenant.trust_gen {
            return over(account.tenant.fenced_at.unwrap_or(now), Cause::TenantFenced);
        }
        if grant.trust_gen != account.head.trust_gen {
            return Trust::Ended(account.trust_raised_after(grant.trust_gen).unwrap_or(Ending { at: now, cause: Cause::SignedOutEverywhere }));
        }
        let end = match by {
            Some(by) => account.tenant.grant_end(&Grant { binding: grant.binding.min(by), ..grant }, self.last_factor, now),
            None => account.tenant.vouched_end(&grant, self.last_factor, now),
        };
        match end {
            Ok(until) => Trust::Held { since: grant.given_at, until },
            Err(ending) => Trust::Ended(ending),
        }
    }

    /// Its state as lists show it. A forgotten device is in no list.
    #[must_use]
    pub fn status(&self, account: &Account, now: Timestamp) -> DeviceStatus {
        if self.hijacked_at.is_some() {
            DeviceStatus::Hijacked
        } else if matches!(self.trust(account, now), Trust::Held { .. }) {
            DeviceStatus::Trusted
        } else {
            DeviceStatus::Unverified
        }
    }

    /// Whether it counts against the policy's `max_devices`: hijacked and forgotten ones don't.
    #[must_use]
    pub fn counts(&self) -> bool {
        self.hijacked_at.is_none() && self.forgotten_at.is_none()
    }
}
