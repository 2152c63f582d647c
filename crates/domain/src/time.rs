//! Time as the core sees it: microseconds since 1970, always passed in, never read.

use std::fmt;

use jiff::Timestamp as Instant;

/// A point in time: microseconds since 1970-01-01T00:00:00Z, the resolution of both engines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// Microseconds in a second.
const MICROS: i64 = 1_000_000;
/// 9999-12-30T22:00:00Z: the last moment that every offset of RFC 3339 can write.
const LAST: i64 = 253_402_207_200_000_000;

impl Timestamp {
    /// From microseconds since 1970; brought into the range 1970 to 9999.
    #[must_use]
    pub fn from_micros(micros: i64) -> Self {
        Self(micros.clamp(0, LAST))
    }

    /// Microseconds since 1970, from 0 to the end of the year 9999.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Milliseconds since 1970, as a UUIDv7 carries them.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0 / 1_000
    }

    /// This moment and so many seconds more; stops at the year 9999.
    #[must_use]
    pub fn plus_s(self, seconds: u32) -> Self {
        Self::from_micros(self.0.saturating_add(i64::from(seconds) * MICROS))
    }

    /// This moment less so many seconds; stops at 1970.
    #[must_use]
    pub fn minus_s(self, seconds: u32) -> Self {
        Self::from_micros(self.0.saturating_sub(i64::from(seconds) * MICROS))
    }

    /// The beginning of this moment's second.
    #[must_use]
    pub const fn whole_second(self) -> Self {
        Self(self.0 - self.0 % MICROS)
    }

    /// Parses RFC 3339 with any offset. `None` if it is malformed or outside 1970 to 9999.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let micros = text.parse::<Instant>().ok()?.as_microsecond();
        (0..=LAST).contains(&micros).then_some(Self(micros))
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC with as many digits of the second as needed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = Instant::from_microsecond(self.0).expect("1970 to 9999 is in jiff's range");
        fmt::Display::fmt(&at, f)
    }
}

#[cfg(test)]
mod tests {
    use super::Timestamp;

    #[test]
    fn text_round_trips_to_the_microsecond_and_stays_in_range() {
        for text in ["1970-01-01T00:00:00Z", "2024-02-29T23:59:59.000001Z", "9999-12-30T22:00:00Z"] {
            assert_eq!(Timestamp::parse(text).map(|t| t.to_string()).as_deref(), Some(text));
        }
        assert_eq!(Timestamp::parse("2026-11-20T10:00:00+02:00").map(|t| t.to_string()).as_deref(), Some("2026-11-20T08:00:00Z"));
        for text in ["1969-12-31T23:59:59Z", "2026-11-20", "tomorrow", ""] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
        assert_eq!(Timestamp::from_micros(i64::MAX).plus_s(u32::MAX).to_string(), "9999-12-30T22:00:00Z");
        assert_eq!(Timestamp::from_micros(5).minus_s(1).micros(), 0);
    }
}
