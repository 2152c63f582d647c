//! The mint: ids and secrets drawn from one seed, so that a rule that runs again draws the same ones.

use aws_lc_rs::hmac;
use uuid::Builder;

use crate::{Shard, SignInId, Timestamp};

/// A source of ids and secrets, expanded with HMAC-SHA-256 from 32 bytes of the operating system's randomness.
///
/// The domain draws nothing itself: each request is handed a mint, and each run of a rule a clone of it.
#[derive(Clone)]
pub struct Mint {
    key: hmac::Key,
    drawn: u64,
}

impl Mint {
    /// A mint over a seed of 256 random bits.
    #[must_use]
    pub fn new(seed: [u8; 32]) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, &seed), drawn: 0 }
    }

    /// The next 256 bits.
    pub fn secret(&mut self) -> [u8; 32] {
        self.drawn += 1;
        let block = hmac::sign(&self.key, &self.drawn.to_be_bytes());
        block.as_ref().try_into().expect("HMAC-SHA-256 gives 32 bytes")
    }

    /// The next UUIDv7 (RFC 9562) of this moment.
    pub fn uuid(&mut self, now: Timestamp) -> uuid::Uuid {
        let random: [u8; 10] = self.secret()[..10].try_into().expect("32 bytes hold 10");
        Builder::from_unix_timestamp_millis(now.millis().unsigned_abs(), &random).into_uuid()
    }

    /// The next sign-in's id: a UUIDv7 whose last two bytes are the account's shard, so that the id alone routes.
    pub fn sign_in_id(&mut self, now: Timestamp, shard: Shard) -> SignInId {
        let mut bytes = self.uuid(now).into_bytes();
        bytes[14..].copy_from_slice(&shard.0.to_be_bytes());
        SignInId(uuid::Uuid::from_bytes(bytes))
    }
}

impl SignInId {
    /// The shard that the id carries.
    #[must_use]
    pub fn shard(self) -> Shard {
        let bytes = self.0.as_bytes();
        Shard(u16::from_be_bytes([bytes[14], bytes[15]]))
    }
}

/// The smallest UUIDv7 of a moment: where a scan for rows made since then begins.
#[must_use]
pub fn first_uuid_at(at: Timestamp) -> uuid::Uuid {
    Builder::from_unix_timestamp_millis(at.millis().unsigned_abs(), &[0; 10]).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_draws_the_same_and_no_draw_repeats() {
        let mut mint = Mint::new([7; 32]);
        let mut again = mint.clone();
        let now = Timestamp::from_micros(1_700_000_000_000_000);
        let first = mint.uuid(now);
        assert_eq!(first, again.uuid(now));
        assert_ne!(first, mint.uuid(now));
        assert_eq!(first.get_version_num(), 7);
        let id = mint.sign_in_id(now, Shard(0xbeef));
        assert_eq!((id.shard(), id.0.get_version_num()), (Shard(0xbeef), 7));
        assert!(first_uuid_at(now) <= first);
    }
}
