//! Who an account belongs to: a tenant's slug, the host's own user id, and the shard they give.

use std::fmt;

use aws_lc_rs::digest;

/// A tenant's id: the operator's own slug, `[a-z0-9][a-z0-9-]{0,62}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TenantId(Box<str>);

/// A user's id: the host's own string, byte-exact, 1 to 255 bytes, no control characters, not `.` or `..`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserId(Box<str>);

impl TenantId {
    /// The slug, checked. `None` if it isn't one.
    #[must_use]
    pub fn new(slug: &str) -> Option<Self> {
        let bytes = slug.as_bytes();
        let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let fits = (1..=63).contains(&bytes.len()) && alphanumeric(bytes[0]) && bytes.iter().all(|&b| alphanumeric(b) || b == b'-');
        fits.then(|| Self(slug.into()))
    }

    /// The slug.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl UserId {
    /// The id, checked. `None` if it breaks a rule of the type.
    #[must_use]
    pub fn new(id: &str) -> Option<Self> {
        let fits = (1..=255).contains(&id.len()) && id != "." && id != ".." && !id.chars().any(char::is_control);
        fits.then(|| Self(id.into()))
    }

    /// The host's string.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An account's shard, 0 to 65,535: the first two bytes of SHA-256 over the length-prefixed tenant and user.
///
/// Unkeyed and frozen for ever, because tokens carry it; `docs/tokens.md` publishes test vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Shard(pub u16);

impl Shard {
    /// The shard of a tenant's user.
    #[must_use]
    pub fn of(tenant: &TenantId, user: &UserId) -> Self {
        let mut sha = digest::Context::new(&digest::SHA256);
        for part in [tenant.as_str(), user.as_str()] {
            let length = u32::try_from(part.len()).expect("ids are at most 255 bytes");
            sha.update(&length.to_be_bytes());
            sha.update(part.as_bytes());
        }
        let hash = sha.finish();
        Self(u16::from_be_bytes([hash.as_ref()[0], hash.as_ref()[1]]))
    }
}

#[cfg(test)]
mod tests {
    use super::{Shard, TenantId, UserId};

    #[test]
    fn ids_keep_their_rules() {
        for slug in ["a", "acme", "0-9", &"a".repeat(63)] {
            assert!(TenantId::new(slug).is_some(), "{slug}");
        }
        for slug in ["", "-a", "A", "a_b", "a.b", &"a".repeat(64), "é"] {
            assert!(TenantId::new(slug).is_none(), "{slug}");
        }
        for id in ["u", "user@example.org", "ü/../%2F", " ", "...", &"é".repeat(127)] {
            assert!(UserId::new(id).is_some(), "{id}");
        }
        for id in ["", ".", "..", "a\nb", "\u{7f}", "\u{85}", &"é".repeat(128)] {
            assert!(UserId::new(id).is_none(), "{id:?}");
        }
    }

    /// The published vectors of `docs/tokens.md`: changing one breaks every token in the field.
    #[test]
    fn shards_match_the_published_vectors() {
        let document = include_str!("../../../docs/tokens.md");
        let mut seen = 0;
        for line in document.lines().filter(|line| line.starts_with("| `")) {
            let cells: Vec<_> = line.split('|').map(|cell| cell.trim().trim_matches('`')).collect();
            let [_, tenant, user, shard, _] = cells[..] else { continue };
            let (Some(tenant), Some(user)) = (TenantId::new(tenant), UserId::new(user)) else { continue };
            assert_eq!(format!("{:04x}", Shard::of(&tenant, &user).0), shard, "{tenant} {user}");
            seen += 1;
        }
        assert!(seen >= 6, "the table of vectors is gone");
    }
}
