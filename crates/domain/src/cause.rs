//! Why things ended, and who did it.

use crate::codes::closed_set;
use crate::{ApiKeyId, SessionId};

closed_set! {
    /// Why a session or a device's trust ended.
    pub enum Cause {
        /// The person signed out of this session.
        SignedOut = 1 "signed_out",
        /// The person, or an operator, ended this session from elsewhere.
        Revoked = 2 "revoked",
        /// The person, or an operator, signed out everywhere.
        SignedOutEverywhere = 3 "signed_out_everywhere",
        /// Every session of the device was ended.
        DeviceSignedOut = 4 "device_signed_out",
        /// The device was removed.
        DeviceForgotten = 5 "device_forgotten",
        /// The device was reported hijacked.
        DeviceHijacked = 6 "device_hijacked",
        /// The device is no longer trusted.
        DeviceUntrusted = 7 "device_untrusted",
        /// The account has as many devices as its policy allows.
        DeviceLimit = 8 "device_limit",
        /// The account has as many sessions as its policy allows.
        SessionLimit = 9 "session_limit",
        /// The end set at the beginning was reached.
        Expired = 10 "expired",
        /// Nothing was heard of the session for the policy's idle time.
        Idle = 11 "idle",
        /// An old device token came back after its successor was used.
        DeviceTokenReused = 12 "device_token_reused",
        /// The policy is stricter than when it began.
        PolicyChanged = 13 "policy_changed",
        /// An operator ended everything in the tenant.
        TenantFenced = 14 "tenant_fenced",
        /// The person changed their password.
        PasswordChanged = 15 "password_changed",
        /// The password was reset.
        PasswordReset = 16 "password_reset",
        /// A credential is known to be in other hands.
        CredentialCompromised = 17 "credential_compromised",
        /// The account was recovered.
        RecoveryUsed = 18 "recovery_used",
        /// A second factor was enrolled.
        MfaEnrolled = 19 "mfa_enrolled",
        /// A passkey was added.
        PasskeyAdded = 20 "passkey_added",
        /// The recovery codes were made anew.
        RecoveryCodesRegenerated = 21 "recovery_codes_regenerated",
        /// A second factor was removed.
        MfaRemoved = 22 "mfa_removed",
        /// The second factor was switched off.
        MfaDisabled = 23 "mfa_disabled",
        /// A passkey was removed.
        PasskeyRemoved = 24 "passkey_removed",
        /// The second factors were taken away by an operator or a recovery.
        MfaReset = 25 "mfa_reset",
        /// The mail address was changed.
        EmailChanged = 26 "email_changed",
        /// The phone number was changed.
        PhoneChanged = 27 "phone_changed",
        /// A sign-in of another provider was linked.
        LoginLinked = 28 "login_linked",
        /// A sign-in of another provider was unlinked.
        LoginUnlinked = 29 "login_unlinked",
        /// The person got more rights.
        RoleElevated = 30 "role_elevated",
        /// The account was disabled.
        AccountDisabled = 31 "account_disabled",
        /// The account was enabled again: ends nothing.
        AccountEnabled = 32 "account_enabled",
        /// The account was deleted, and all that was held of the person with it.
        AccountDeleted = 40 "account_deleted",
        /// The server key that its token was under was retired.
        ServerKeyRetired = 45 "server_key_retired",
    }
}

/// Who did something, as the audit trail names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// The person, in one of their sessions.
    Person(SessionId),
    /// A caller with an API key, and the human it names in `X-Doorward-Actor`, at most 100 characters.
    Key(ApiKeyId, Option<String>),
    /// Doorward itself: a limit, an expiry.
    System,
    /// A command on the machine, and the human who gave it, at most 100 characters.
    Command(String),
}

impl std::fmt::Display for Actor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Person(session) => write!(f, "user:{session}"),
            Self::Key(key, None) => write!(f, "key:{key}"),
            Self::Key(key, Some(human)) => write!(f, "key:{key}:{human}"),
            Self::System => f.write_str("system"),
            Self::Command(human) => write!(f, "system:{human}"),
        }
    }
}
