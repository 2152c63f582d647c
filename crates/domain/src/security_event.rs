//! A security event: what the host tells us happened to a person's credentials or account, and what each kind ends.

use std::collections::BTreeMap;

use crate::codes::closed_set;
use crate::{Cause, KeyedHash, SessionId, Timestamp};

closed_set! {
    /// What happened.
    pub enum SecurityEvent {
        /// The person changed their password.
        PasswordChanged = 1 "password_changed",
        /// The password was reset by someone who didn't know it.
        PasswordReset = 2 "password_reset",
        /// A credential is known to be in other hands.
        CredentialCompromised = 3 "credential_compromised",
        /// The account was recovered.
        RecoveryUsed = 4 "recovery_used",
        /// A second factor was enrolled.
        MfaEnrolled = 5 "mfa_enrolled",
        /// A passkey was added.
        PasskeyAdded = 6 "passkey_added",
        /// The recovery codes were made anew.
        RecoveryCodesRegenerated = 7 "recovery_codes_regenerated",
        /// One of several second factors was removed.
        MfaRemoved = 8 "mfa_removed",
        /// The second factor was switched off.
        MfaDisabled = 9 "mfa_disabled",
        /// A passkey was removed.
        PasskeyRemoved = 10 "passkey_removed",
        /// An operator or a recovery took the second factors away.
        MfaReset = 11 "mfa_reset",
        /// The mail address was changed.
        EmailChanged = 12 "email_changed",
        /// The phone number was changed.
        PhoneChanged = 13 "phone_changed",
        /// A sign-in of another provider was linked.
        LoginLinked = 14 "login_linked",
        /// A sign-in of another provider was unlinked.
        LoginUnlinked = 15 "login_unlinked",
        /// The person got more rights.
        RoleElevated = 16 "role_elevated",
        /// The account was disabled.
        AccountDisabled = 17 "account_disabled",
        /// The account was enabled again.
        AccountEnabled = 18 "account_enabled",
        /// The account was deleted: the person is erased.
        AccountDeleted = 19 "account_deleted",
    }
}

closed_set! {
    /// Which sessions an event ends, the least first.
    pub enum SessionsEnded {
        /// None.
        None = 1 "none",
        /// All but the one that the host names, which loses its second factor's freshness.
        AllButKept = 2 "all_but_kept",
        /// All.
        All = 3 "all",
    }
}

/// What an event ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ends {
    /// All trust, and the offers of it.
    pub trust: bool,
    /// Sessions.
    pub sessions: SessionsEnded,
}

/// What a policy may make of an event's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leeway {
    /// End more.
    StricterOnly,
    /// End more or less.
    Free,
    /// Nothing: an event that ends nothing, or everything.
    Fixed,
}

impl Leeway {
    /// Whether a policy may have an event end this, where the table says that.
    #[must_use]
    pub fn allows(self, row: Ends, table: Ends) -> bool {
        match self {
            Self::StricterOnly => row.trust >= table.trust && row.sessions >= table.sessions,
            Self::Free => true,
            Self::Fixed => row == table,
        }
    }
}

/// The rows of the table that a policy changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RowChanges(BTreeMap<SecurityEvent, Ends>);

impl RowChanges {
    /// What an event ends.
    #[must_use]
    pub fn ends(&self, event: SecurityEvent) -> Ends {
        self.0.get(&event).copied().unwrap_or_else(|| event.ends())
    }

    /// Changes a row. One that says what the table says is no change.
    pub fn set(&mut self, event: SecurityEvent, ends: Ends) {
        if ends == event.ends() {
            self.0.remove(&event);
        } else {
            self.0.insert(event, ends);
        }
    }

    /// The rows that differ from the table's.
    pub fn rows(&self) -> impl Iterator<Item = (SecurityEvent, &Ends)> {
        self.0.iter().map(|(event, ends)| (*event, ends))
    }
}

impl SecurityEvent {
    /// What it ends unless the policy says otherwise: the table of `docs/guarantees.md`.
    #[must_use]
    pub const fn ends(self) -> Ends {
        use SessionsEnded::{All, AllButKept, None};
        let (trust, sessions) = match self {
            Self::PasswordChanged | Self::MfaRemoved | Self::MfaDisabled | Self::PasskeyRemoved => (true, AllButKept),
            Self::PasswordReset | Self::CredentialCompromised | Self::RecoveryUsed | Self::MfaReset | Self::AccountDisabled | Self::AccountDeleted => {
                (true, All)
            }
            Self::MfaEnrolled | Self::PasskeyAdded | Self::RecoveryCodesRegenerated | Self::RoleElevated => (true, AllButKept),
            Self::EmailChanged | Self::PhoneChanged | Self::LoginLinked | Self::LoginUnlinked => (true, None),
            Self::AccountEnabled => (false, None),
        };
        Ends { trust, sessions }
    }

    /// What a policy may make of that.
    #[must_use]
    pub const fn leeway(self) -> Leeway {
        match self {
            Self::MfaEnrolled
            | Self::PasskeyAdded
            | Self::RecoveryCodesRegenerated
            | Self::EmailChanged
            | Self::PhoneChanged
            | Self::LoginLinked
            | Self::LoginUnlinked
            | Self::RoleElevated => Leeway::Free,
            Self::PasswordChanged | Self::MfaRemoved | Self::MfaDisabled | Self::PasskeyRemoved => Leeway::StricterOnly,
            Self::PasswordReset
            | Self::CredentialCompromised
            | Self::RecoveryUsed
            | Self::MfaReset
            | Self::AccountDisabled
            | Self::AccountEnabled
            | Self::AccountDeleted => Leeway::Fixed,
        }
    }

    /// Whether what was proved by a first factor before it opens no session any more.
    #[must_use]
    pub const fn outdates_first_factor(self) -> bool {
        match self {
            Self::PasswordChanged
            | Self::PasswordReset
            | Self::CredentialCompromised
            | Self::RecoveryUsed
            | Self::PasskeyRemoved
            | Self::MfaReset
            | Self::LoginUnlinked
            | Self::AccountDisabled
            | Self::AccountDeleted => true,
            Self::MfaEnrolled
            | Self::PasskeyAdded
            | Self::RecoveryCodesRegenerated
            | Self::MfaRemoved
            | Self::MfaDisabled
            | Self::EmailChanged
            | Self::PhoneChanged
            | Self::LoginLinked
            | Self::RoleElevated
            | Self::AccountEnabled => false,
        }
    }

    /// The cause that what it ends bears: the same word.
    #[must_use]
    pub const fn cause(self) -> Cause {
        match self {
            Self::PasswordChanged => Cause::PasswordChanged,
            Self::PasswordReset => Cause::PasswordReset,
            Self::CredentialCompromised => Cause::CredentialCompromised,
            Self::RecoveryUsed => Cause::RecoveryUsed,
            Self::MfaEnrolled => Cause::MfaEnrolled,
            Self::PasskeyAdded => Cause::PasskeyAdded,
            Self::RecoveryCodesRegenerated => Cause::RecoveryCodesRegenerated,
            Self::MfaRemoved => Cause::MfaRemoved,
            Self::MfaDisabled => Cause::MfaDisabled,
            Self::PasskeyRemoved => Cause::PasskeyRemoved,
            Self::MfaReset => Cause::MfaReset,
            Self::EmailChanged => Cause::EmailChanged,
            Self::PhoneChanged => Cause::PhoneChanged,
            Self::LoginLinked => Cause::LoginLinked,
            Self::LoginUnlinked => Cause::LoginUnlinked,
            Self::RoleElevated => Cause::RoleElevated,
            Self::AccountDisabled => Cause::AccountDisabled,
            Self::AccountEnabled => Cause::AccountEnabled,
            Self::AccountDeleted => Cause::AccountDeleted,
        }
    }
}

/// What a host reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// What happened.
    pub event: SecurityEvent,
    /// The session that is to stay, where the event lets one stay.
    pub keep: Option<SessionId>,
    /// Replace that session's token, so that a stolen copy dies.
    pub rotate_kept: bool,
    /// The host's own id of the event, 1 to 64 characters: reported again under it, the event has no second effect.
    pub event_id: Option<String>,
}

/// What a report came to, kept under the host's own id of it so that a retry is harmless.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reported {
    /// The host's own id of the event.
    pub event_id: String,
    /// What happened.
    pub event: SecurityEvent,
    /// When it was first reported.
    pub at: Timestamp,
    /// Devices that were trusted and are no more.
    pub devices_untrusted: i64,
    /// Sessions that were live and are no more: exact up to 1,000, then 1,001.
    pub sessions_ended: i64,
    /// Offers that were open and are no more.
    pub activations_cancelled: i64,
    /// The session that stayed.
    pub kept: Option<SessionId>,
    /// The hash of its new token, where one was asked for: while nobody used it, its answer may have been lost.
    pub access_token: Option<KeyedHash>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_bear_the_events_words() {
        for event in SecurityEvent::ALL {
            assert_eq!(event.cause().as_str(), event.as_str());
        }
    }

    #[test]
    fn whatever_ends_all_sessions_ends_trust_and_the_first_factors_proof() {
        for event in SecurityEvent::ALL {
            let ends = event.ends();
            assert!(ends.trust || ends.sessions == SessionsEnded::None, "{event}");
            assert!(ends.sessions != SessionsEnded::All || event.outdates_first_factor(), "{event}");
            assert!(ends.sessions != SessionsEnded::All || event.leeway() == Leeway::Fixed, "there is nothing stricter than {event}");
        }
    }
}
