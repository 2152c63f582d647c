//! Identifiers: a type for each kind, so that a session's id can't be passed for a device's.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

/// Declares a UUIDv7 newtype.
macro_rules! ids {
    ($($(#[$meta:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { fmt::Display::fmt(&self.0, f) }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { fmt::Display::fmt(&self.0, f) }
        }
        impl FromStr for $name {
            type Err = MalformedId;
            /// Accepts the canonical text alone: 36 characters, lower case.
            fn from_str(text: &str) -> Result<Self, MalformedId> {
                let id = Uuid::try_parse(text).map_err(|_| MalformedId)?;
                if id.hyphenated().encode_lower(&mut Uuid::encode_buffer()) == text { Ok(Self(id)) } else { Err(MalformedId) }
            }
        }
    )+};
}

ids! {
    /// An account: all that Doorward knows of one (tenant, user).
    AccountId,
    /// A device: a browser or app installation of one user.
    DeviceId,
    /// A session: a signed-in period on a device.
    SessionId,
    /// An offer to trust a device.
    OfferId,
    /// One attempt to sign in. The last two bytes are the account's shard.
    SignInId,
    /// One entry of the audit trail.
    EventId,
    /// An API key.
    ApiKeyId,
    /// A history of a tenant's feed: a restore begins another.
    FeedEpoch,
}

/// The text is no canonical UUID. Surfaces answer it as they answer an unknown id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a canonical UUID")]
pub struct MalformedId;
