//! Second factors: how one was verified, and when.

use crate::codes::closed_set;
use crate::{Refusal, Timestamp};

closed_set! {
    /// How a second factor was verified.
    pub enum MfaMethod {
        /// A time-based one-time code (RFC 6238).
        Totp = 1 "totp",
        /// A passkey or security key.
        Webauthn = 2 "webauthn",
        /// A confirmation on another device.
        Push = 3 "push",
        /// A code by text message.
        SmsOtp = 4 "sms_otp",
        /// A code by mail.
        EmailOtp = 5 "email_otp",
        /// A backup code.
        BackupCode = 6 "backup_code",
        /// Anything else.
        Other = 7 "other",
    }
}

impl MfaMethod {
    /// The Authentication Method Reference (RFC 8176) of this factor.
    #[must_use]
    pub const fn amr(self) -> &'static str {
        match self {
            Self::Totp | Self::EmailOtp | Self::BackupCode => "otp",
            Self::SmsOtp => "sms",
            Self::Webauthn => "hwk",
            Self::Push => "swk",
            Self::Other => "mca",
        }
    }
}

closed_set! {
    /// What the host says of the person's second factor when a sign-in is evaluated.
    pub enum SecondFactor {
        /// The person has one and it wasn't asked for yet.
        Available = 1 "available",
        /// The person has none.
        None = 2 "none",
        /// It was verified already (a passkey with user verification, upstream single sign-on).
        Done = 3 "done",
    }
}

/// A second factor that was verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Factor {
    /// How.
    pub method: MfaMethod,
    /// When.
    pub verified_at: Timestamp,
}

/// By how many seconds a host's clock may be ahead of ours.
const CLOCK_SKEW_S: u32 = 2;

/// A moment that a host states, brought back to `now` where its clock is a little ahead.
///
/// # Errors
/// `Refusal::Invalid` on the field.
pub fn not_in_future(field: &'static str, at: Timestamp, now: Timestamp) -> Result<Timestamp, Refusal> {
    if at > now.plus_s(CLOCK_SKEW_S) { Err(Refusal::invalid(field, "range", "must not be in the future")) } else { Ok(at.min(now)) }
}

impl Factor {
    /// A factor as a host states it: `verified_at` is `now` unless given, and never in the future nor before `earliest`.
    /// A host's clock may be ahead by [`CLOCK_SKEW_S`], and a time in whole seconds means that second: both are taken for
    /// the nearest moment that can be true.
    ///
    /// # Errors
    /// `Refusal::Invalid` on `mfa.verified_at`.
    pub fn stated(method: MfaMethod, verified_at: Option<Timestamp>, earliest: Option<Timestamp>, now: Timestamp) -> Result<Self, Refusal> {
        let verified_at = not_in_future("mfa.verified_at", verified_at.unwrap_or(now), now)?;
        let earliest = earliest.unwrap_or(verified_at);
        if verified_at < earliest && verified_at != earliest.whole_second() {
            return Err(Refusal::invalid("mfa.verified_at", "range", "must not be before the sign-in began"));
        }
        Ok(Self { method, verified_at: verified_at.max(earliest) })
    }
}
