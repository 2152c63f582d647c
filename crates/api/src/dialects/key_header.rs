//! The header that holds a backend's API key, where its name can be chosen.

use http::HeaderName;

/// The name of a header that holds an API key. It is chosen once, when the process starts, and lives as long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyHeader(&'static str);

/// Headers that mean something else, to Doorward, to HTTP or to what stands in between.
const TAKEN: [&str; 23] = [
    "accept",
    "accept-language",
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "idempotency-key",
    "keep-alive",
    "origin",
    "te",
    "traceparent",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "x-doorward-actor",
    "x-real-ip",
    "x-request-id",
    "x-tenant-id",
];
const TAKEN_FAMILIES: [&str; 3] = ["proxy-", "sec-", "x-forwarded-"];

impl KeyHeader {
    /// The header of this name, in any case of letters. `None` if that is no name, or has another meaning.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        let is_taken = TAKEN.contains(&name.as_str()) || TAKEN_FAMILIES.iter().any(|family| name.as_str().starts_with(family));
        if name.as_str().len() > 64 || is_taken {
            return None;
        }
        Some(if name.as_str() == Self::default().0 { Self::default() } else { Self(String::leak(name.as_str().to_owned())) })
    }

    /// Its name, as descriptions show it.
    #[must_use]
    pub fn shown(self) -> &'static str {
        if self == Self::default() { "X-API-Key" } else { self.0 }
    }

    /// Its name, in small letters.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.0
    }
}

impl Default for KeyHeader {
    fn default() -> Self {
        Self("x-api-key")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_a_header_of_its_own() {
        assert_eq!(KeyHeader::named("X-API-Key"), Some(KeyHeader::default()));
        assert_eq!(KeyHeader::named("X-Internal-Key").map(KeyHeader::name), Some("x-internal-key"));
        for bad in ["", " ", "Authorization", "cookie", "X-Tenant-ID", "Sec-Fetch-Site", "X-Forwarded-Host", "TE", "x y", "é", "x:", &"x".repeat(65)] {
            assert_eq!(KeyHeader::named(bad), None, "{bad}");
        }
    }
}
