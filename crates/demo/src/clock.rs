//! The host's own clock, and how moments are written for people.
#![allow(clippy::disallowed_methods, reason = "the demo is a host of its own: it has no other clock than the machine's")]

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

/// What the machine's clock says. One-time codes are always judged by this.
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

/// Whole seconds since 1970, for one-time codes.
pub(crate) fn unix_seconds() -> u64 {
    u64::try_from(now().as_second()).unwrap_or(0)
}

/// A moment as Doorward writes it (RFC 3339). What can't be read is no moment.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}

/// "20 Dec", with the year when it is another one than now's.
pub(crate) fn day(at: Timestamp, now: Timestamp) -> String {
    let (at, now) = (at.to_zoned(TimeZone::UTC), now.to_zoned(TimeZone::UTC));
    let form = if at.year() == now.year() { "%-d %b" } else { "%-d %b %Y" };
    at.strftime(form).to_string()
}

/// "20 Dec 2026, 17:42 UTC".
pub(crate) fn exact(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%-d %b %Y, %H:%M UTC").to_string()
}

/// "2 minutes ago", for what lies behind; the day once it is older than a month.
pub(crate) fn ago(at: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(at).max(SignedDuration::ZERO).as_secs();
    match seconds {
        0..60 => "just now".to_owned(),
        60..3_600 => counted(seconds / 60, "minute") + " ago",
        3_600..86_400 => counted(seconds / 3_600, "hour") + " ago",
        86_400..2_678_400 => counted(seconds / 86_400, "day") + " ago",
        _ => "on ".to_owned() + &day(at, now),
    }
}

/// "in 3 days", for what lies ahead.
pub(crate) fn ahead(at: Timestamp, now: Timestamp) -> String {
    let seconds = at.duration_since(now).max(SignedDuration::ZERO).as_secs();
    match seconds {
        0..60 => "in less than a minute".to_owned(),
        60..3_600 => "in ".to_owned() + &counted((seconds + 30) / 60, "minute"),
        3_600..86_400 => "in ".to_owned() + &counted((seconds + 1_800) / 3_600, "hour"),
        _ => "in ".to_owned() + &counted((seconds + 43_200) / 86_400, "day"),
    }
}

/// "1 session", "3 sessions".
pub(crate) fn counted(count: impl Into<i64>, noun: &str) -> String {
    let count = count.into();
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        parse(text).expect("a moment")
    }

    #[test]
    fn moments_read_as_a_person_would_say_them() {
        let now = at("2026-11-20T12:00:00Z");
        assert_eq!(ago(at("2026-11-20T11:59:30Z"), now), "just now");
        assert_eq!(ago(at("2026-11-20T11:58:00Z"), now), "2 minutes ago");
        assert_eq!(ago(at("2026-11-20T11:00:00Z"), now), "1 hour ago");
        assert_eq!(ago(at("2026-11-17T12:00:00Z"), now), "3 days ago");
        assert_eq!(ago(at("2025-11-17T12:00:00Z"), now), "on 17 Nov 2025");
        assert_eq!(ago(at("2026-11-20T12:00:09Z"), now), "just now");
        assert_eq!(ahead(at("2026-12-20T12:00:00Z"), now), "in 30 days");
        assert_eq!(ahead(at("2026-12-20T11:59:59Z"), now), "in 30 days");
        assert_eq!(day(at("2026-12-20T12:00:00.123456Z"), now), "20 Dec");
        assert_eq!(exact(now), "20 Nov 2026, 12:00 UTC");
    }

    #[test]
    fn what_is_no_moment_is_none() {
        assert_eq!(parse("soon"), None);
        assert_eq!(parse(""), None);
    }
}
