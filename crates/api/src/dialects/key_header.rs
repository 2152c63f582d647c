//! The header that holds a backend's API key, where its name can be chosen.

use http::HeaderName;

/// The name of a header that holds an API key. It is chosen once, when the process starts, and lives as long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyHeader(&'static str);

/// What a header means that is taken for something else.
const TAKEN: [&str; 13] = [
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "host",
    "proxy-authorization",
    "traceparent",
    "transfer-encoding",
    "x-doorward-actor",
    "x-forwarded-for",
    "x-request-id",
    "x-tenant-id",
];

impl KeyHeader {
    /// The header of this name, in any case of letters. `None` if that is no name, or has another meaning.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        if name.as_str().len() > 64 || TAKEN.contains(&name.as_str()) {
            return None;
        }
        Some(if name.as_str() == Self::default().0 { Self::default() } else { Self(String::leak(name.as_str().to_owned())) })
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
        for bad in ["", " ", "Authorization", "cookie", "X-Tenant-ID", "x y", "é", "x:", &"x".repeat(65)] {
            assert_eq!(KeyHeader::named(bad), None, "{bad}");
        }
    }
}
