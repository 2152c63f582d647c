//! One-time codes by time: RFC 6238 with SHA-1, 30 seconds, 6 digits.

use aws_lc_rs::{constant_time, hmac};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// How long one code lasts, in seconds.
pub(crate) const STEP_SECONDS: u64 = 30;
const DIGITS: u32 = 6;
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// What the person's authenticator app and the host share.
#[derive(Clone)]
pub(crate) struct Secret([u8; 20]);

impl Secret {
    pub(crate) const fn new(bytes: [u8; 20]) -> Self {
        Self(bytes)
    }

    /// The secret as people type it into an app.
    pub(crate) fn base32(&self) -> String {
        let mut text = String::with_capacity(32);
        let (mut held, mut bits) = (0_u32, 0_u32);
        for byte in self.0 {
            held = (held << 8) | u32::from(byte);
            bits += 8;
            while bits >= 5 {
                bits -= 5;
                let digit = (held >> bits) & 31;
                text.push(char::from(BASE32[digit as usize]));
            }
            held &= (1 << bits) - 1;
        }
        text
    }

    /// What the QR code holds.
    pub(crate) fn uri(&self, issuer: &str, name: &str) -> String {
        let issuer = utf8_percent_encode(issuer, NON_ALPHANUMERIC);
        let name = utf8_percent_encode(name, NON_ALPHANUMERIC);
        let secret = self.base32();
        format!("otpauth://totp/{issuer}:{name}?secret={secret}&issuer={issuer}&algorithm=SHA1&digits={DIGITS}&period={STEP_SECONDS}")
    }

    /// The code of one step.
    pub(crate) fn code(&self, step: u64) -> String {
        let code = self.truncated(step) % 10_u32.pow(DIGITS);
        format!("{code:0width$}", width = DIGITS as usize)
    }

    fn truncated(&self, step: u64) -> u32 {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.0);
        let tag = hmac::sign(&key, &step.to_be_bytes());
        let digest = tag.as_ref();
        let offset = usize::from(digest[digest.len() - 1] & 15);
        digest[offset..offset + 4].iter().fold(0, |value: u32, byte| (value << 8) | u32::from(*byte)) & 0x7fff_ffff
    }

    /// The step that this code proves, if it is one of now's, the one before or the one after, and
    /// later than the last step that was accepted: a code works once.
    pub(crate) fn accepts(&self, code: &str, unix: u64, last: Option<u64>) -> Option<u64> {
        let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
        let now = unix / STEP_SECONDS;
        (now.saturating_sub(1)..=now + 1)
            .filter(|step| last.is_none_or(|last| *step > last))
            .find(|step| constant_time::verify_slices_are_equal(self.code(*step).as_bytes(), code.as_bytes()).is_ok())
    }

    /// The code that would be accepted now, to show beside the field, or the seconds to wait for it.
    pub(crate) fn next(&self, unix: u64, last: Option<u64>) -> Result<String, u64> {
        let now = unix / STEP_SECONDS;
        match last {
            Some(last) if last > now => Err(((last - now) * STEP_SECONDS).saturating_sub(unix % STEP_SECONDS).max(1)),
            Some(last) if last == now => Ok(self.code(now + 1)),
            _ => Ok(self.code(now)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RFC: Secret = Secret::new(*b"12345678901234567890");

    #[test]
    fn agrees_with_the_vectors_of_rfc_6238() {
        // The RFC prints eight digits.
        for (unix, code) in [
            (59, 94_287_082),
            (1_111_111_109, 7_081_804),
            (1_111_111_111, 14_050_471),
            (1_234_567_890, 89_005_924),
            (2_000_000_000, 69_279_037),
            (20_000_000_000, 65_353_130),
        ] {
            assert_eq!(RFC.truncated(unix / STEP_SECONDS) % 100_000_000, code);
        }
        assert_eq!(RFC.code(59 / STEP_SECONDS), "287082");
        assert_eq!(RFC.code(1_111_111_109 / STEP_SECONDS), "081804");
    }

    #[test]
    fn writes_the_secret_as_rfc_4648_does() {
        assert_eq!(RFC.base32(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        let uri = RFC.uri("Pebble", "ada@example.org");
        assert!(uri.starts_with("otpauth://totp/Pebble:ada%40example%2Eorg?secret=GEZ"));
    }

    #[test]
    fn accepts_one_step_either_way_and_each_code_once() {
        let unix = 1_000_000_010;
        let step = unix / STEP_SECONDS;
        for near in [step - 1, step, step + 1] {
            assert_eq!(RFC.accepts(&RFC.code(near), unix, None), Some(near));
            assert_eq!(RFC.accepts(&RFC.code(near), unix, Some(near)), None);
        }
        assert_eq!(RFC.accepts(&RFC.code(step - 2), unix, None), None);
        assert_eq!(RFC.accepts(&RFC.code(step + 2), unix, None), None);
        assert_eq!(RFC.accepts("", unix, None), None);
        assert_eq!(RFC.accepts("12345", unix, None), None);
        let spaced = format!(" {} {}", &RFC.code(step)[..3], &RFC.code(step)[3..]);
        assert_eq!(RFC.accepts(&spaced, unix, None), Some(step));
    }

    #[test]
    fn shows_a_code_that_would_be_accepted_or_how_long_to_wait() {
        let unix = 1_000_000_010;
        let step = unix / STEP_SECONDS;
        assert_eq!(RFC.next(unix, None), Ok(RFC.code(step)));
        assert_eq!(RFC.next(unix, Some(step)), Ok(RFC.code(step + 1)));
        let wait = RFC.next(unix, Some(step + 1)).expect_err("nothing is left");
        assert_eq!(RFC.next(unix + wait, Some(step + 1)), Ok(RFC.code(step + 2)));
        assert!(wait <= STEP_SECONDS);
    }
}
