//! A sign-in: one attempt, evaluated with reasons and then completed.

use std::net::IpAddr;

use serde_json::{Map, Value};

use crate::codes::closed_set;
use crate::{Cause, DeviceId, Factor, Fingerprint, Parts, SecondFactor, Seen, SessionId, SignInId, Timestamp};

/// How long a sign-in stays open, in seconds.
pub const SIGN_IN_TTL_S: u32 = 600;
/// How many sign-ins of an account may be open; a newer one cancels the oldest.
pub const OPEN_SIGN_INS: usize = 100;

closed_set! {
    /// What the host is to do.
    pub enum Decision {
        /// Need not ask for a second factor.
        Allow = 1 "allow",
        /// Ask for the second factor.
        Challenge = 2 "challenge",
        /// Refuse.
        Deny = 3 "deny",
    }
}

closed_set! {
    /// Why a sign-in was decided as it was. For the host only.
    pub enum Reason {
        /// The device is trusted.
        TrustedDevice = 1 "trusted_device",
        /// The person has no second factor.
        NoSecondFactor = 2 "no_second_factor",
        /// The host verified one already.
        MfaAlreadyVerified = 3 "mfa_already_verified",
        /// The host wants one here in any case.
        MfaRequiredByHost = 4 "mfa_required_by_host",
        /// No known device was recognised.
        UnknownDevice = 5 "unknown_device",
        /// The device is known and was never trusted.
        DeviceNotTrusted = 6 "device_not_trusted",
        /// The device's trust ran out.
        TrustExpired = 7 "trust_expired",
        /// The device's trust was ended; the cause stands in the details.
        TrustEnded = 8 "trust_ended",
        /// No device token of this person came along.
        DeviceTokenMissing = 9 "device_token_missing",
        /// The device token is malformed, wrong or dead.
        DeviceTokenInvalid = 10 "device_token_invalid",
        /// The device token was replaced when trust was given.
        DeviceTokenSuperseded = 11 "device_token_superseded",
        /// An old device token came back after its successor was used.
        DeviceTokenReused = 12 "device_token_reused",
        /// The device doesn't look as it did.
        FingerprintChanged = 13 "fingerprint_changed",
        /// The device is on another network.
        NetworkChanged = 14 "network_changed",
        /// The device was reported hijacked.
        DeviceHijacked = 15 "device_hijacked",
        /// The account is disabled.
        AccountDisabled = 16 "account_disabled",
        /// The tenant's policy wants a second factor.
        PolicyRequiresMfa = 17 "policy_requires_mfa",
        /// The account is known to sign in from other countries, and not from this one.
        NewCountry = 18 "new_country",
        /// Another sign-in of the account is too far away for the time between the two.
        ImpossibleTravel = 19 "impossible_travel",
    }
}

/// A decision with its reasons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// What the host is to do.
    pub decision: Decision,
    /// Why, the weightiest first.
    pub reasons: Vec<Reason>,
    /// Details by reason.
    pub details: Map<String, Value>,
}

impl Judgement {
    /// A decision for these reasons.
    #[must_use]
    pub fn new(decision: Decision, reasons: impl Into<Vec<Reason>>) -> Self {
        Self { decision, reasons: reasons.into(), details: Map::new() }
    }

    /// With the cause beside `trust_ended`.
    #[must_use]
    pub fn with_cause(mut self, cause: Cause, at: Timestamp) -> Self {
        self.details.insert(Reason::TrustEnded.as_str().to_owned(), serde_json::json!({ "cause": cause.as_str(), "at": at.to_string() }));
        self
    }
}

closed_set! {
    /// What the presented device token turned out to be.
    pub enum Presented {
        /// None of this person's.
        Missing = 1 "missing",
        /// The device's present token.
        Valid = 2 "valid",
        /// The one that trust replaced.
        Superseded = 3 "superseded",
        /// Malformed, wrong or dead.
        Invalid = 4 "invalid",
        /// An old one that came after its successor was used and the overlap passed: a copy.
        Reused = 5 "reused",
        /// None of this person's; likeness on the same network told the device, as the policy allows.
        Alike = 6 "alike",
    }
}

closed_set! {
    /// What became of a sign-in.
    pub enum SignInState {
        /// Not completed yet.
        Open = 1 "open",
        /// Its session began.
        Completed = 2 "completed",
    }
}

/// The generations of an account and its tenant at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Generations {
    /// The account's, of sessions.
    pub sessions: i64,
    /// The account's, of trust.
    pub trust: i64,
    /// The account's, of sign-ins in progress.
    pub sign_ins: i64,
    /// The tenant's, of sessions.
    pub tenant_sessions: i64,
    /// The tenant's, of trust.
    pub tenant_trust: i64,
}

/// What a host says of an attempt to sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// What the request looked like.
    pub seen: Seen,
    /// What that tells of the device, part by part: until the attempt is evaluated, and never kept.
    pub parts: Parts,
    /// Digests of it, taken when the attempt is evaluated.
    pub fingerprint: Fingerprint,
    /// Whether the person has a second factor, and whether it was verified.
    pub second_factor: SecondFactor,
    /// That factor, where it was.
    pub factor: Option<Factor>,
    /// The host wants a second factor in any case.
    pub require_mfa: bool,
    /// How the person signs in, in the host's words.
    pub login_method: String,
    /// The first factors' references.
    pub amr: Vec<String>,
    /// When the first factor was verified.
    pub authenticated_at: Timestamp,
}

/// One attempt to sign in, as it was evaluated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignIn {
    /// Its id; the last two bytes are the account's shard.
    pub id: SignInId,
    /// What the host said.
    pub attempt: Attempt,
    /// What was decided.
    pub judgement: Judgement,
    /// What the device token was.
    pub presented: Presented,
    /// The device that the token, or likeness, identified.
    pub device: Option<DeviceId>,
    /// That device's generation.
    pub device_gen: i64,
    /// A device that this one resembles.
    pub looks_like: Option<DeviceId>,
    /// The address of the earlier sign-in that it is too far from, where one is. The place is found when it is shown.
    pub travelled_from: Option<IpAddr>,
    /// The generations it was evaluated under.
    pub generations: Generations,
    /// What became of it.
    pub state: SignInState,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was completed.
    pub completed_at: Option<Timestamp>,
    /// The session that it led to.
    pub session: Option<SessionId>,
}

impl SignIn {
    /// When it ends unless it is completed.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        self.created_at.plus_s(SIGN_IN_TTL_S)
    }
}
