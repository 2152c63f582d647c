//! The server key: what hashes, peppers and cursors are keyed with, under ids that follow from the keys themselves.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::{constant_time, hmac};

use crate::data_key::Sealer;
use crate::token::{Locator, Token};
use crate::{DataKey, Refusal, TenantId};

/// A server key's id: the first four bytes of an HMAC under it, so that a key can't be given another's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(pub u32);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

/// A secret's keyed hash (HMAC-SHA-256 over its kind, locator and secret) and the id of the server key it is under.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct KeyedHash {
    /// The server key.
    pub key: KeyId,
    /// The 32 bytes.
    pub hash: [u8; 32],
}

impl fmt::Debug for KeyedHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyedHash({}, …)", self.key)
    }
}

impl KeyedHash {
    /// The 36 bytes kept in a row: the key's id, then the hash.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 36] {
        let mut bytes = [0; 36];
        bytes[..4].copy_from_slice(&self.key.0.to_be_bytes());
        bytes[4..].copy_from_slice(&self.hash);
        bytes
    }

    /// Reads those bytes. `None` unless there are 36.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (key, hash) = bytes.split_first_chunk::<4>()?;
        Some(Self { key: KeyId(u32::from_be_bytes(*key)), hash: hash.try_into().ok()? })
    }

    /// Whether it is the one that was kept under the same key, in constant time; with the same work where none was.
    fn is(&self, kept: Option<&Self>) -> bool {
        let against = kept.map_or([0; 32], |kept| kept.hash);
        constant_time::verify_slices_are_equal(&self.hash, &against).is_ok() && kept.is_some()
    }
}

struct ServerKey {
    id: KeyId,
    tokens: hmac::Key,
    check: [u8; 16],
    root: hmac::Key,
    wrapper: Sealer,
}

/// The server's keys: the first is used for what is new, all for what is there.
pub struct KeyRing {
    keys: Vec<ServerKey>,
    /// How many tokens and API keys were hashed.
    hashed: AtomicU64,
}

/// A token's hashes under each key of a ring, to be compared with many that were kept.
#[derive(Debug)]
pub struct Hashes(Vec<KeyedHash>);

impl Hashes {
    /// Whether the token is the one that was kept, in constant time.
    ///
    /// # Errors
    /// As [`KeyRing::fits`].
    pub fn fit(&self, kept: &KeyedHash) -> Result<bool, Refusal> {
        let own = self.0.iter().find(|own| own.key == kept.key).ok_or(Refusal::Unavailable)?;
        Ok(own.is(Some(kept)))
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|key| key.id)).finish()
    }
}

impl KeyRing {
    /// A ring over at least one key of 32 bytes.
    ///
    /// # Panics
    /// If there is none: the configuration refuses that.
    #[must_use]
    pub fn new(keys: &[[u8; 32]]) -> Self {
        assert!(!keys.is_empty(), "a key ring has at least one key");
        Self { keys: keys.iter().map(ServerKey::new).collect(), hashed: AtomicU64::new(0) }
    }

    /// Each key's id and check value, the active one first. The store keeps them, so that a node with a wrong key is found out.
    pub fn checks(&self) -> impl Iterator<Item = (KeyId, [u8; 16])> + '_ {
        self.keys.iter().map(|key| (key.id, key.check))
    }

    /// Whether a key is one of these.
    #[must_use]
    pub fn knows(&self, id: KeyId) -> bool {
        self.keys.iter().any(|key| key.id == id)
    }

    /// The key that new hashes are under.
    #[must_use]
    pub fn active(&self) -> KeyId {
        self.keys[0].id
    }

    /// The hash to keep for a new token, under the active key.
    #[must_use]
    pub fn hash<L: Locator>(&self, token: &Token<L>) -> KeyedHash {
        self.hash_under(&self.keys[0], token)
    }

    /// The token under each of the keys.
    #[must_use]
    pub fn hashes_of<L: Locator>(&self, token: &Token<L>) -> Hashes {
        Hashes(self.keys.iter().map(|key| self.hash_under(key, token)).collect())
    }

    /// How many tokens and API keys were hashed so far: what is refused alike has cost as many.
    #[must_use]
    pub fn hashed(&self) -> u64 {
        self.hashed.load(Ordering::Relaxed)
    }

    fn hash_under<L: Locator>(&self, key: &ServerKey, token: &Token<L>) -> KeyedHash {
        self.hashed.fetch_add(1, Ordering::Relaxed);
        key.hash(token)
    }

    /// Whether the token is the one that was kept, in constant time; with the same work where none was, so that how long it takes
    /// doesn't tell the two apart.
    ///
    /// # Errors
    /// `Refusal::Unavailable` if the kept hash is under a key that this ring lacks: that proves nothing against the token.
    pub fn fits<L: Locator>(&self, token: &Token<L>, kept: Option<&KeyedHash>) -> Result<bool, Refusal> {
        let id = kept.map_or(self.active(), |kept| kept.key);
        let key = self.keys.iter().find(|key| key.id == id).ok_or(Refusal::Unavailable)?;
        Ok(self.hash_under(key, token).is(kept))
    }

    /// The hashes under which an API key's text may be kept, the active key's first. Keys of any form are found by hash.
    pub fn api_key_hashes<'a>(&'a self, text: &'a str) -> impl Iterator<Item = KeyedHash> + 'a {
        self.keys.iter().map(move |key| {
            self.hashed.fetch_add(1, Ordering::Relaxed);
            let mut mac = hmac::Context::with_key(&key.tokens);
            mac.update(b"api-key\0");
            mac.update(text.as_bytes());
            KeyedHash { key: key.id, hash: bytes(&mac.sign()) }
        })
    }

    /// The hashes under which something that a caller named or asked may be kept, the active key's first.
    pub fn hashes<'a>(&'a self, label: &'a str, parts: &'a [&'a [u8]]) -> impl Iterator<Item = KeyedHash> + 'a {
        self.keys.iter().map(move |key| {
            let mut mac = labelled(&key.root, label);
            parts.iter().for_each(|part| length_prefixed(&mut mac, part));
            KeyedHash { key: key.id, hash: bytes(&mac.sign()) }
        })
    }

    /// 16 bytes that bind `parts` together under the active key, for opaque cursors and the like.
    #[must_use]
    pub fn seal(&self, label: &str, parts: &[&[u8]]) -> [u8; 16] {
        self.keys[0].seal(label, parts)
    }

    /// Whether a seal binds these `parts`, under any key of the ring: a rotation breaks no cursor.
    #[must_use]
    pub fn is_seal(&self, label: &str, parts: &[&[u8]], seal: &[u8]) -> bool {
        self.keys.iter().any(|key| constant_time::verify_slices_are_equal(&key.seal(label, parts), seal).is_ok())
    }

    /// Wraps a text under the active key: the key's id in front, then what opens only together with `about`.
    #[must_use]
    pub fn wrap(&self, about: &[u8], text: &[u8]) -> Vec<u8> {
        let key = &self.keys[0];
        [&key.id.0.to_be_bytes()[..], &key.wrapper.seal(about, text)].concat()
    }

    /// The reverse, under any key of the ring. `None` if it was altered or is something else.
    ///
    /// # Errors
    /// `Refusal::Unavailable` if it is under a key that this ring lacks.
    pub fn unwrap(&self, about: &[u8], wrapped: &[u8]) -> Result<Option<Vec<u8>>, Refusal> {
        let Some((id, sealed)) = wrapped.split_first_chunk::<4>() else { return Ok(None) };
        let id = KeyId(u32::from_be_bytes(*id));
        let key = self.keys.iter().find(|key| key.id == id).ok_or(Refusal::Unavailable)?;
        Ok(key.wrapper.open(about, sealed))
    }

    /// The pepper that new fingerprints are taken under.
    #[must_use]
    pub fn active_pepper(&self) -> PepperId {
        PepperId { key: self.keys[0].id, version: PEPPER }
    }

    /// A pepper of a tenant's fingerprints; per tenant, so that equal looks share nothing. `None` if the ring lacks its server key.
    #[must_use]
    pub fn pepper(&self, tenant: &TenantId, id: PepperId) -> Option<Pepper> {
        let key = self.keys.iter().find(|key| key.id == id.key)?;
        let mut mac = labelled(&key.root, "fingerprint-pepper");
        mac.update(&[id.version]);
        length_prefixed(&mut mac, tenant.as_str().as_bytes());
        Some(Pepper(hmac::Key::new(hmac::HMAC_SHA256, mac.sign().as_ref())))
    }
}

impl ServerKey {
    fn new(key: &[u8; 32]) -> Self {
        let root = hmac::Key::new(hmac::HMAC_SHA256, key);
        let id = bytes::<32>(&labelled(&root, "key-id").sign());
        let check = bytes::<32>(&labelled(&root, "key-check").sign());
        let tokens = hmac::Key::new(hmac::HMAC_SHA256, labelled(&root, "tokens").sign().as_ref());
        let wrapper = Sealer::new(&hmac::Key::new(hmac::HMAC_SHA256, labelled(&root, "data-keys").sign().as_ref()));
        Self { id: KeyId(u32::from_be_bytes([id[0], id[1], id[2], id[3]])), tokens, check: check[..16].try_into().expect("32 bytes hold 16"), root, wrapper }
    }

    fn seal(&self, label: &str, parts: &[&[u8]]) -> [u8; 16] {
        let mut mac = labelled(&self.root, label);
        for part in parts {
            length_prefixed(&mut mac, part);
        }
        bytes::<32>(&mac.sign())[..16].try_into().expect("32 bytes hold 16")
    }

    fn hash<L: Locator>(&self, token: &Token<L>) -> KeyedHash {
        let mut located = Vec::with_capacity(4 + L::LENGTH);
        located.extend(L::PREFIX.as_bytes());
        token.at.write(&mut located);
        let mut mac = hmac::Context::with_key(&self.tokens);
        mac.update(&located);
        mac.update(token.secret.expose());
        KeyedHash { key: self.id, hash: bytes(&mac.sign()) }
    }
}

/// The version of the peppers that fingerprints are taken under.
const PEPPER: u8 = 1;

/// Names a pepper: the server key that it follows from, and its version. Digests under different ones aren't compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PepperId {
    /// The server key.
    pub key: KeyId,
    /// The version.
    pub version: u8,
}

impl PepperId {
    pub(crate) fn to_bytes(self) -> [u8; 5] {
        let [a, b, c, d] = self.key.0.to_be_bytes();
        [a, b, c, d, self.version]
    }

    pub(crate) const fn from_bytes([a, b, c, d, version]: [u8; 5]) -> Self {
        Self { key: KeyId(u32::from_be_bytes([a, b, c, d])), version }
    }
}

/// The key of one tenant's fingerprint digests.
pub struct Pepper(hmac::Key);

impl Pepper {
    /// The pepper of one account: digests under it are worth nothing beside another account's, nor once its data key is gone.
    #[must_use]
    pub fn of_account(&self, key: &DataKey) -> Self {
        let mut mac = labelled(&self.0, "account");
        mac.update(key.expose());
        Self(hmac::Key::new(hmac::HMAC_SHA256, mac.sign().as_ref()))
    }

    /// The digest of one part of a fingerprint.
    #[must_use]
    pub fn digest(&self, label: &str, values: &[&str]) -> [u8; 32] {
        let mut mac = labelled(&self.0, label);
        for value in values {
            length_prefixed(&mut mac, value.as_bytes());
        }
        bytes(&mac.sign())
    }
}

fn labelled(key: &hmac::Key, label: &str) -> hmac::Context {
    let mut mac = hmac::Context::with_key(key);
    mac.update(b"doorward/v1/");
    length_prefixed(&mut mac, label.as_bytes());
    mac
}

fn length_prefixed(mac: &mut hmac::Context, part: &[u8]) {
    mac.update(&(part.len() as u64).to_be_bytes());
    mac.update(part);
}

fn bytes<const N: usize>(tag: &hmac::Tag) -> [u8; N] {
    tag.as_ref().try_into().expect("HMAC-SHA-256 gives 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::{Secret, SessionRef};
    use crate::{AccountId, SessionId, Shard};
    use uuid::Uuid;

    fn token(secret: u8) -> Token<SessionRef> {
        Token {
            at: SessionRef { shard: Shard(1), account: AccountId(Uuid::from_u128(2)), id: SessionId(Uuid::from_u128(3)) },
            secret: Secret::new([secret; 32]),
        }
    }

    #[test]
    fn a_hash_fits_its_token_and_locator_alone() {
        let ring = KeyRing::new(&[[1; 32]]);
        let kept = ring.hash(&token(7));
        assert_eq!(ring.fits(&token(7), Some(&kept)), Ok(true));
        assert_eq!(ring.fits(&token(8), Some(&kept)), Ok(false));
        let mut elsewhere = token(7);
        elsewhere.at.id = SessionId(Uuid::from_u128(4));
        assert_eq!(ring.fits(&elsewhere, Some(&kept)), Ok(false), "the locator is part of the hash");
        assert_eq!(KeyedHash::from_bytes(&kept.to_bytes()), Some(kept));
    }

    #[test]
    fn a_rotated_ring_still_knows_the_old_and_an_unknown_key_proves_nothing() {
        let kept = KeyRing::new(&[[1; 32]]).hash(&token(7));
        let rotated = KeyRing::new(&[[2; 32], [1; 32]]);
        assert_eq!(rotated.fits(&token(7), Some(&kept)), Ok(true));
        assert_ne!(rotated.hash(&token(7)).key, kept.key);
        assert_eq!(KeyRing::new(&[[2; 32]]).fits(&token(7), Some(&kept)), Err(Refusal::Unavailable));
    }

    #[test]
    fn what_is_wrapped_is_unwrapped_under_a_rotated_ring_and_a_ring_without_its_key_says_so() {
        let wrapped = KeyRing::new(&[[1; 32]]).wrap(b"account 1", b"a data key");
        let rotated = KeyRing::new(&[[2; 32], [1; 32]]);
        assert_eq!(rotated.unwrap(b"account 1", &wrapped), Ok(Some(b"a data key".to_vec())));
        assert_eq!(rotated.unwrap(b"account 2", &wrapped), Ok(None));
        assert_eq!(rotated.unwrap(b"account 1", &wrapped[..3]), Ok(None));
        assert_ne!(rotated.wrap(b"account 1", b"a data key")[..4], wrapped[..4], "wrapped anew, it is under the new key");
        assert_eq!(KeyRing::new(&[[2; 32]]).unwrap(b"account 1", &wrapped), Err(Refusal::Unavailable));
    }

    #[test]
    fn peppers_and_seals_differ_by_tenant_version_and_label() {
        let ring = KeyRing::new(&[[1; 32]]);
        let (a, b) = (TenantId::new("a").expect("a slug"), TenantId::new("b").expect("a slug"));
        let key = ring.active_pepper().key;
        let digest = |tenant, version| ring.pepper(tenant, PepperId { key, version }).expect("its own").digest("part", &["x"]);
        assert_ne!(digest(&a, 1), digest(&b, 1));
        assert_ne!(digest(&a, 1), digest(&a, 2));
        let of = |key| ring.pepper(&a, ring.active_pepper()).expect("its own").of_account(&DataKey::new([key; 32])).digest("part", &["x"]);
        assert_ne!(of(1), of(2), "equal looks of two users share nothing");
        assert_ne!(ring.seal("x", &[b"ab", b"c"]), ring.seal("x", &[b"a", b"bc"]));
    }

    #[test]
    fn peppers_and_seals_outlive_a_rotation_and_an_unknown_pepper_is_none() {
        let (old, both, new) = (KeyRing::new(&[[1; 32]]), KeyRing::new(&[[2; 32], [1; 32]]), KeyRing::new(&[[2; 32]]));
        let tenant = TenantId::new("a").expect("a slug");
        let id = old.active_pepper();
        let digest = |ring: &KeyRing| ring.pepper(&tenant, id).map(|pepper| pepper.digest("part", &["x"]));
        assert_eq!(digest(&both), digest(&old));
        assert_eq!(digest(&new), None);
        assert_ne!(both.active_pepper(), id);
        let seal = old.seal("x", &[b"a"]);
        assert!(both.is_seal("x", &[b"a"], &seal) && !both.is_seal("x", &[b"b"], &seal) && !new.is_seal("x", &[b"a"], &seal));
    }
}
