//! Secrets from the configuration: the server key and the first API key, which nothing shows.

use std::fmt;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::Database;

/// How to make a server key by hand.
pub(crate) const HOW_TO_MAKE: &str = "Make one with: openssl rand -base64 32";

/// The server keys, the active one first.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ServerKeys(Vec<[u8; 32]>);

/// Where the server keys come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KeySource {
    /// They were given.
    Given(ServerKeys),
    /// They lie in this file beside the database, which is made at first start.
    Beside(PathBuf),
}

/// The first tenant and its first API key.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Bootstrap {
    pub(crate) tenant: String,
    pub(crate) api_key: String,
}

impl ServerKeys {
    /// Reads a list of base64 keys joined by commas; the standard and the URL alphabet are good, with or without padding.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut keys = Vec::new();
        for (place, part) in text.trim().split(',').enumerate() {
            let part = part.trim().trim_end_matches('=');
            let bytes = STANDARD_NO_PAD.decode(part).or_else(|_| URL_SAFE_NO_PAD.decode(part));
            let key: [u8; 32] = match bytes.as_deref().map(<[u8; 32]>::try_from) {
                Ok(Ok(key)) => key,
                Ok(Err(_)) => return Err(format!("key {} of the list is not 32 bytes long. {HOW_TO_MAKE}", place + 1)),
                Err(_) => return Err(format!("key {} of the list is no base64. {HOW_TO_MAKE}", place + 1)),
            };
            if keys.contains(&key) {
                return Err(format!("key {} of the list is there twice. Take one away", place + 1));
            }
            keys.push(key);
        }
        Ok(Self(keys))
    }

    /// The keys, to make the key ring of.
    pub(crate) fn expose(&self) -> &[[u8; 32]] {
        &self.0
    }
}

impl KeySource {
    /// The file that belongs to this database, if it is one of SQLite's; PostgreSQL has none.
    pub(crate) fn beside(database: &Database) -> Self {
        let mut name = match database {
            Database::Sqlite(path) => path.as_os_str().to_owned(),
            Database::Postgres(_) => return Self::Beside(PathBuf::new()),
        };
        name.push(".key");
        Self::Beside(name.into())
    }
}

/// What is wrong with a tenant's name.
pub(crate) fn tenant_fault(name: &str) -> Option<&'static str> {
    let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let well_formed = (1..=63).contains(&name.len()) && name.bytes().all(good) && !name.starts_with('-');
    (!well_formed).then_some("is no tenant's name. Use a-z, 0-9 and -, at most 63 characters, the first no -")
}

/// What is wrong with a first API key.
pub(crate) fn api_key_fault(key: &str) -> Option<&'static str> {
    if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Some(
            "holds a space or another character that is not visible ASCII. Use 32 to 200 visible characters, for instance from: openssl rand -base64 32",
        );
    }
    (!(32..=200).contains(&key.len())).then_some("is too short or too long. Use 32 to 200 visible characters, for instance from: openssl rand -base64 32")
}

impl fmt::Debug for ServerKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerKeys({})", self.0.len())
    }
}

impl fmt::Debug for Bootstrap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bootstrap({}, …)", self.tenant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    #[test]
    fn keys_are_read_in_their_order_and_never_shown() {
        let other = "/////////////////////////////////////////w8";
        let keys = ServerKeys::parse(&format!(" {other} , {KEY}\n")).expect("two keys");
        assert_eq!(keys.expose()[0][0], 0xff);
        assert_eq!(keys.expose()[1][..3], [0, 1, 2]);
        assert_eq!(format!("{keys:?}"), "ServerKeys(2)");
        assert_eq!(ServerKeys::parse(&other.replace('/', "_")), ServerKeys::parse(other));
    }

    #[test]
    fn a_bad_key_is_named_by_its_place_alone() {
        for (text, place) in [("", "1"), ("canary!", "1"), ("Y2FuYXJ5", "1"), (&*format!("{KEY},{KEY}"), "2"), (&*format!("{KEY},"), "2")] {
            let message = ServerKeys::parse(text).expect_err("a bad key");
            assert!(message.starts_with(&format!("key {place} ")), "{message}");
            assert!(!message.contains("canary") && !message.contains("Y2FuYXJ5") && !message.contains(KEY));
        }
    }

    #[test]
    fn names_and_first_keys_are_checked() {
        for name in ["a", "acme-2", &"a".repeat(63)] {
            assert_eq!(tenant_fault(name), None);
        }
        for name in ["", "-a", "Acme", "a_b", "a b", &"a".repeat(64)] {
            assert!(tenant_fault(name).is_some(), "{name}");
        }
        assert_eq!(api_key_fault(&"k".repeat(32)), None);
        assert_eq!(api_key_fault(&"~".repeat(200)), None);
        for key in ["k".repeat(31), "k".repeat(201), format!("{} ", "k".repeat(40)), "é".repeat(20)] {
            assert!(api_key_fault(&key).is_some());
        }
    }
}
