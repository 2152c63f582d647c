//! Refusals: every way in which a rule may say no. A refusal writes nothing.

use crate::{PolicyFault, Reason};

/// Why a rule refused. Each surface maps every member to its own form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The caller's token is missing, malformed, wrong or dead. One answer for all.
    Unauthenticated,
    /// A well-formed secret that fits nothing: answered as one that is dead, and counted against the address it came from.
    WrongSecret(Credential),
    /// The caller's API key may not do this.
    RoleTooLow,
    /// Unknown, malformed or another's: one answer for all.
    NotFound,
    /// The activation token is unknown, used, declined, cancelled, expired or another's: one answer for all.
    ActivationNotFound,
    /// A second factor must be verified first; says what is missing.
    MfaRequired(FactorMissing),
    /// Trust can't be given here, whatever the person does; says why.
    TrustNotAllowed(TrustBar),
    /// The caller must sign in again first: the authentication is older than the policy allows for this.
    RecentAuthRequired,
    /// The sign-in is refused.
    SignInDenied(Reason),
    /// The sign-in was overtaken: by an ending of everything, or by 100 newer ones.
    SignInCancelled,
    /// The sign-in was completed before.
    SignInCompleted,
    /// The sign-in is older than 10 minutes.
    SignInExpired,
    /// The device was reported hijacked; that is final.
    DeviceHijacked,
    /// The first factor was verified before the account's credentials last changed.
    AuthenticationOutdated,
    /// The request's idempotency key stood for another request.
    IdempotencyKeyReused,
    /// The request had its effect, and its answer arrived; or what it made is over.
    IdempotencyKeyUsed,
    /// The tenant's last good API key of role `admin` can't be revoked by a key.
    LastAdminKey,
    /// What comes after a feed's cursor isn't there any more: it was pruned, or a restore began another history.
    CursorGone,
    /// A value that reads well but can't be accepted.
    Invalid(Invalid),
    /// A policy that can't be: every fault at once.
    InvalidPolicy(Vec<PolicyFault>),
    /// The policy was changed since the caller read it.
    PolicyOvertaken,
    /// The caller did this too often; in so many seconds it may again.
    TooOften(u32),
    /// Whether it would be right can't be known at the moment.
    Unavailable,
}

/// What a secret of 256 bits is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Credential {
    /// A backend.
    ApiKey,
    /// A session.
    AccessToken,
    /// An offer of trust.
    ActivationToken,
}

impl Credential {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ApiKey => "api_key",
            Self::AccessToken => "access_token",
            Self::ActivationToken => "activation_token",
        }
    }
}

/// What the trust gate, or a sign-in, lacks in second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FactorMissing {
    /// None was verified in this sign-in or session.
    NotVerified,
    /// It was verified longer ago than the policy's `recent_mfa_s`.
    TooLongAgo,
    /// Its method isn't among the policy's `trust_methods`.
    MethodNotAccepted,
    /// It was verified before the account's last security event that ended trust.
    BeforeChange,
    /// The device that would be trusted has not passed a second factor itself since then.
    NotOnThatDevice,
}

/// What keeps a device from being trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrustBar {
    /// The tenant's policy: device trust never replaces the second factor.
    Policy,
    /// The account is disabled.
    AccountDisabled,
    /// The host said at the sign-in that no trust is to be offered in this session.
    RefusedAtSignIn,
}

/// A value that can't be accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    /// The field's dotted path.
    pub field: &'static str,
    /// `required`, `format`, `range`, `unknown` or `conflict`.
    pub code: &'static str,
    /// What is wrong, as a phrase that follows the field's name.
    pub description: &'static str,
}

impl Refusal {
    /// A refusal of one field.
    #[must_use]
    pub const fn invalid(field: &'static str, code: &'static str, description: &'static str) -> Self {
        Self::Invalid(Invalid { field, code, description })
    }
}
