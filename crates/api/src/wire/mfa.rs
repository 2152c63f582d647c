//! A second factor on the wire.

use doorward_domain::Timestamp;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::problem::{FieldError, FieldFault};

/// A second factor that the host verified.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mfa {
    /// How.
    method: MfaMethod,
    /// When, RFC 3339; now, if absent. Never in the future.
    #[schema(format = DateTime)]
    verified_at: Option<String>,
}

/// How a second factor was verified.
#[derive(Deserialize, ToSchema, Clone, Copy)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MfaMethod {
    Totp,
    Webauthn,
    Push,
    SmsOtp,
    EmailOtp,
    BackupCode,
    Other,
}

impl Mfa {
    /// In domain words; a fault of the time is added to `faults`.
    pub(crate) fn read(&self, faults: &mut Vec<FieldError>) -> (doorward_domain::MfaMethod, Option<Timestamp>) {
        let method = match self.method {
            MfaMethod::Totp => doorward_domain::MfaMethod::Totp,
            MfaMethod::Webauthn => doorward_domain::MfaMethod::Webauthn,
            MfaMethod::Push => doorward_domain::MfaMethod::Push,
            MfaMethod::SmsOtp => doorward_domain::MfaMethod::SmsOtp,
            MfaMethod::EmailOtp => doorward_domain::MfaMethod::EmailOtp,
            MfaMethod::BackupCode => doorward_domain::MfaMethod::BackupCode,
            MfaMethod::Other => doorward_domain::MfaMethod::Other,
        };
        (method, time("mfa.verified_at", self.verified_at.as_deref(), faults))
    }
}

/// A time in RFC 3339.
pub(crate) fn time(field: &str, text: Option<&str>, faults: &mut Vec<FieldError>) -> Option<Timestamp> {
    let text = text?;
    let at = Timestamp::parse(text);
    if at.is_none() {
        faults.push(FieldError::new(field, FieldFault::Format, "must be a time such as 2026-11-20T10:00:00Z").sent(text));
    }
    at
}
