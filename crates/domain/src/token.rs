//! Tokens: `dws_`, `dwd_`, `dwa_` and `dwk_`, each with a locator, a 256-bit secret and a checksum.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use crate::{AccountId, ApiKeyId, DeviceId, OfferId, SessionId, Shard};

/// A credential's secret half: 32 random bytes that print nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub(crate) [u8; 32]);

impl Secret {
    /// Wraps 256 random bits.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, for the keyed hash alone.
    #[must_use]
    pub const fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// What a token names: enough to find its row without a search.
pub trait Locator: Copy + PartialEq + fmt::Debug {
    /// The four characters in front.
    const PREFIX: &'static str;
    /// Bytes of the locator.
    const LENGTH: usize;
    /// Appends the locator's bytes.
    fn write(self, out: &mut Vec<u8>);
    /// Reads exactly `LENGTH` bytes.
    fn read(bytes: &[u8]) -> Self;
}

/// Declares a locator of (shard, account, own id).
macro_rules! account_locators {
    ($($(#[$meta:meta])* $name:ident $prefix:literal $id:ident),+) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $name {
            /// The account's shard.
            pub shard: Shard,
            /// The account.
            pub account: AccountId,
            /// The row that the token opens.
            pub id: $id,
        }

        impl Locator for $name {
            const PREFIX: &'static str = $prefix;
            const LENGTH: usize = 34;
            fn write(self, out: &mut Vec<u8>) {
                out.extend(self.shard.0.to_be_bytes());
                out.extend(self.account.0.as_bytes());
                out.extend(self.id.0.as_bytes());
            }
            fn read(bytes: &[u8]) -> Self {
                let uuid = |at: usize| Uuid::from_slice(&bytes[at..at + 16]).expect("16 bytes make a UUID");
                Self { shard: Shard(u16::from_be_bytes([bytes[0], bytes[1]])), account: AccountId(uuid(2)), id: $id(uuid(18)) }
            }
        }
    )+};
}

account_locators! {
    /// Where a session's access token leads.
    SessionRef "dws_" SessionId,
    /// Where a device token leads.
    DeviceRef "dwd_" DeviceId,
    /// Where an activation token leads.
    OfferRef "dwa_" OfferId
}

/// Where an API key of our own form leads. Keys are found by their hash, so that an operator may bring another form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyRef {
    /// The key's id.
    pub id: ApiKeyId,
}

impl Locator for KeyRef {
    const PREFIX: &'static str = "dwk_";
    const LENGTH: usize = 16;
    fn write(self, out: &mut Vec<u8>) {
        out.extend(self.id.0.as_bytes());
    }
    fn read(bytes: &[u8]) -> Self {
        Self { id: ApiKeyId(Uuid::from_slice(bytes).expect("16 bytes make a UUID")) }
    }
}

/// A token in full: what it names and the secret that proves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token<L> {
    /// What the token names.
    pub at: L,
    /// What proves it.
    pub secret: Secret,
}

/// Opens sessions: `dws_…`.
pub type AccessToken = Token<SessionRef>;
/// Proves a device: `dwd_…`.
pub type DeviceToken = Token<DeviceRef>;
/// Redeems an offer of trust, once: `dwa_…`.
pub type ActivationToken = Token<OfferRef>;
/// A caller's credential: `dwk_…`.
pub type ApiKeyToken = Token<KeyRef>;

/// The text is no token of this kind: wrong prefix, length, alphabet or checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a well-formed token")]
pub struct MalformedToken;

impl<L: Locator> Token<L> {
    /// The token's text: prefix, then base64url of locator, secret and CRC-32 (over prefix, locator and secret).
    #[must_use]
    pub fn reveal(&self) -> String {
        let mut bytes = Vec::with_capacity(L::LENGTH + 36);
        self.at.write(&mut bytes);
        bytes.extend(self.secret.0);
        bytes.extend(checksum(L::PREFIX, &bytes));
        format!("{}{}", L::PREFIX, URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Reads a token's text.
    ///
    /// # Errors
    /// `MalformedToken` for anything that `reveal` can't have written: a typo and a truncated paste end here, before any look-up.
    pub fn parse(text: &str) -> Result<Self, MalformedToken> {
        let mut bytes = [0; 72];
        let length = L::LENGTH + 36;
        let encoded = text.strip_prefix(L::PREFIX).ok_or(MalformedToken)?;
        if encoded.len() != (length * 4).div_ceil(3) {
            return Err(MalformedToken);
        }
        let written = URL_SAFE_NO_PAD.decode_slice(encoded, &mut bytes).map_err(|_| MalformedToken)?;
        let (body, sum) = bytes[..written].split_at(length - 4);
        if sum != checksum(L::PREFIX, body) {
            return Err(MalformedToken);
        }
        let (locator, secret) = body.split_at(L::LENGTH);
        Ok(Self { at: L::read(locator), secret: Secret(secret.try_into().expect("the length was checked")) })
    }
}

fn checksum(prefix: &str, bytes: &[u8]) -> [u8; 4] {
    let mut crc = crc32fast::Hasher::new();
    crc.update(prefix.as_bytes());
    crc.update(bytes);
    crc.finalize().to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> DeviceToken {
        Token { at: DeviceRef { shard: Shard(0x0102), account: AccountId(Uuid::from_u128(3)), id: DeviceId(Uuid::from_u128(4)) }, secret: Secret([5; 32]) }
    }

    #[test]
    fn text_round_trips_and_kinds_do_not_mix() {
        let text = sample().reveal();
        assert_eq!(text.len(), 98);
        assert_eq!(DeviceToken::parse(&text), Ok(sample()));
        assert_eq!(AccessToken::parse(&text), Err(MalformedToken));
        assert_eq!(AccessToken::parse(&text.replace("dwd_", "dws_")), Err(MalformedToken), "the checksum covers the prefix");
        assert!(!format!("{:?}", sample()).contains("5, 5"), "a secret never prints");
        let key = Token { at: KeyRef { id: ApiKeyId(Uuid::from_u128(9)) }, secret: Secret([1; 32]) };
        assert_eq!(ApiKeyToken::parse(&key.reveal()), Ok(key));
    }

    #[test]
    fn truncating_or_changing_any_character_is_told_without_a_look_up() {
        let text = sample().reveal();
        for at in 0..text.len() {
            assert_eq!(DeviceToken::parse(&text[..at]), Err(MalformedToken), "cut at {at}");
            for other in ['A', 'z', '-', '.', ' '] {
                let mut changed: Vec<char> = text.chars().collect();
                if changed[at] == other {
                    continue;
                }
                changed[at] = other;
                assert_eq!(DeviceToken::parse(&changed.iter().collect::<String>()), Err(MalformedToken), "{other} at {at}");
            }
        }
        for extra in [format!("{text}A"), format!(" {text}"), format!("{text}\n"), format!("{text}="), String::new(), "dwd_".into(), "é".repeat(49)] {
            assert_eq!(DeviceToken::parse(&extra), Err(MalformedToken), "{extra:?}");
        }
    }
}
