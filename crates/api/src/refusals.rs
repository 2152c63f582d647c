//! How the two own APIs word the core's refusals: one exhaustive mapping.

use doorward_domain::refusal::{FactorMissing, TrustBar};
use doorward_domain::{Credential, Language, Refusal};
use doorward_service::Error;

use crate::problem::{Challenge, FieldError, FieldFault, Kind, Problem};

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unauthenticated => Self::unauthenticated(Challenge::InvalidToken),
            Refusal::WrongSecret(Credential::ApiKey) => Self::unauthenticated(Challenge::ApiKey).for_wrong(Credential::ApiKey),
            Refusal::WrongSecret(Credential::AccessToken) => Self::unauthenticated(Challenge::InvalidToken).for_wrong(Credential::AccessToken),
            Refusal::WrongSecret(Credential::ActivationToken) => Self::new(Kind::ActivationNotFound).for_wrong(Credential::ActivationToken),
            Refusal::RoleTooLow => Self::new(Kind::RoleTooLow),
            Refusal::NotFound => Self::new(Kind::NotFound),
            Refusal::ActivationNotFound => Self::new(Kind::ActivationNotFound),
            Refusal::MfaRequired(missing) => Self::new(Kind::MfaRequired).detail(what_is_missing(missing)),
            Refusal::TrustNotAllowed(TrustBar::Policy) => {
                Self::new(Kind::TrustNotAllowed).detail("The tenant's policy lets no device be trusted in place of the second factor.")
            }
            Refusal::TrustNotAllowed(TrustBar::AccountDisabled) => Self::new(Kind::TrustNotAllowed).detail("The account is disabled."),
            Refusal::TrustNotAllowed(TrustBar::RefusedAtSignIn) => {
                Self::new(Kind::TrustNotAllowed).detail("The host asked at the sign-in that no trust be given in this session.")
            }
            Refusal::RecentAuthRequired => Self::new(Kind::RecentAuthRequired),
            Refusal::SignInDenied(reason) => Self::new(Kind::SignInDenied).detail(reason.sentence(Language::English)).arg("reason", reason.as_str()),
            Refusal::SignInCancelled => Self::new(Kind::SignInCancelled),
            Refusal::SignInCompleted => Self::new(Kind::SignInCompleted),
            Refusal::SignInExpired => Self::new(Kind::SignInExpired),
            Refusal::DeviceHijacked => Self::new(Kind::DeviceHijacked),
            Refusal::AuthenticationOutdated => Self::new(Kind::AuthenticationOutdated),
            Refusal::IdempotencyKeyReused => Self::new(Kind::IdempotencyKeyReused),
            Refusal::IdempotencyKeyUsed => Self::new(Kind::IdempotencyKeyUsed),
            Refusal::LastAdminKey => Self::new(Kind::LastAdminKey),
            Refusal::CursorGone => Self::new(Kind::CursorGone),
            Refusal::Invalid(invalid) => Self::invalid(vec![FieldError::new(invalid.field, FieldFault::of(invalid.code), invalid.description)]),
            Refusal::InvalidPolicy(faults) => {
                Self::invalid(faults.into_iter().map(|fault| FieldError::new(fault.field, FieldFault::of(fault.code), fault.description)).collect())
            }
            Refusal::PolicyOvertaken => Self::new(Kind::PolicyOvertaken),
            Refusal::TooOften(wait_s) => Self::new(Kind::TooManyRequests).detail("You did this too often.").retry_after(wait_s),
            Refusal::Unavailable => Self::new(Kind::Unavailable),
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Refused(refusal) => refusal.into(),
            Error::Unavailable => Self::new(Kind::Unavailable),
            Error::Internal => Self::new(Kind::Internal),
        }
    }
}

/// What an administrator's call is refused with. A key that was revoked since it was let in is as unknown as one that was revoked before.
pub(crate) fn of_administrator(error: Error) -> Problem {
    match error {
        Error::Refused(Refusal::Unauthenticated) => Problem::unauthenticated(Challenge::ApiKey),
        error => error.into(),
    }
}

const fn what_is_missing(missing: FactorMissing) -> &'static str {
    match missing {
        FactorMissing::NotVerified => "A second factor must be verified in this sign-in or session first; one that was skipped does not count.",
        FactorMissing::TooLongAgo => "The second factor was verified too long ago; verify it once more.",
        FactorMissing::MethodNotAccepted => "The second factor was verified by a method that may not seed trust under the tenant's policy; verify another.",
        FactorMissing::BeforeChange => "A security event of the account came since; verify the second factor once more.",
        FactorMissing::NotOnThatDevice => "That device has not passed a second factor itself; sign in on it with the second factor first.",
    }
}
