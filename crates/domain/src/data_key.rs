//! An account's data key: what identifies its person is sealed under it at rest, so that its end is theirs in every copy.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::{aead, constant_time, hmac};

use crate::{AccountId, Mint, Timestamp};

const NONCE: usize = aead::NONCE_LEN;

/// Seals bytes with AES-256-GCM. The nonce is an HMAC over what is sealed, so that nothing needs to be drawn, the same row
/// gives the same bytes, and no nonce is ever used for two texts.
pub(crate) struct Sealer {
    aead: aead::LessSafeKey,
    nonces: hmac::Key,
}

impl Sealer {
    /// A sealer whose keys follow from this one.
    pub(crate) fn new(root: &hmac::Key) -> Self {
        let derived = |label: &[u8]| hmac::sign(root, label);
        let aead = aead::UnboundKey::new(&aead::AES_256_GCM, derived(b"doorward/v1/seal").as_ref()).expect("AES-256 takes 32 bytes");
        Self { aead: aead::LessSafeKey::new(aead), nonces: hmac::Key::new(hmac::HMAC_SHA256, derived(b"doorward/v1/nonces").as_ref()) }
    }

    /// The nonce, then the sealed text and its tag. They open only together with `about`: what they were sealed as.
    pub(crate) fn seal(&self, about: &[u8], text: &[u8]) -> Vec<u8> {
        let mut mac = hmac::Context::with_key(&self.nonces);
        mac.update(&(about.len() as u64).to_be_bytes());
        mac.update(about);
        mac.update(text);
        let nonce: [u8; NONCE] = mac.sign().as_ref()[..NONCE].try_into().expect("32 bytes hold 12");
        let mut sealed = Vec::with_capacity(NONCE + text.len() + aead::AES_256_GCM.tag_len());
        sealed.extend(nonce);
        sealed.extend(text);
        let nonce = aead::Nonce::assume_unique_for_key(nonce);
        let tag = self.aead.seal_in_place_separate_tag(nonce, aead::Aad::from(about), &mut sealed[NONCE..]).expect("rows are far below AES-GCM's limit");
        sealed.extend(tag.as_ref());
        sealed
    }

    /// The reverse. `None` if it was sealed under another key, as something else, or was altered.
    pub(crate) fn open(&self, about: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, rest) = sealed.split_first_chunk::<NONCE>()?;
        let mut text = rest.to_vec();
        let length = self.aead.open_in_place(aead::Nonce::assume_unique_for_key(*nonce), aead::Aad::from(about), &mut text).ok()?.len();
        text.truncate(length);
        Some(text)
    }
}

struct Keys {
    bytes: [u8; 32],
    sealer: Sealer,
}

/// 256 bits of an account's own. It prints nothing.
#[derive(Clone)]
pub struct DataKey(Arc<Keys>);

impl DataKey {
    /// The key of these bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Arc::new(Keys { bytes, sealer: Sealer::new(&hmac::Key::new(hmac::HMAC_SHA256, &bytes)) }))
    }

    /// Its bytes: to be wrapped under the server's key, and to key what is told apart by account.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        &self.0.bytes
    }

    /// Seals a text as what `about` says.
    #[must_use]
    pub fn seal(&self, about: &[u8], text: &[u8]) -> Vec<u8> {
        self.0.sealer.seal(about, text)
    }

    /// The reverse. `None` if it was sealed under another key, as something else, or was altered.
    #[must_use]
    pub fn open(&self, about: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        self.0.sealer.open(about, sealed)
    }
}

impl PartialEq for DataKey {
    fn eq(&self, other: &Self) -> bool {
        constant_time::verify_slices_are_equal(&self.0.bytes, &other.0.bytes).is_ok()
    }
}

impl Eq for DataKey {}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(…)")
    }
}

/// What a new account begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAccount {
    /// Its id.
    pub id: AccountId,
    /// Its data key.
    pub data_key: DataKey,
    /// When it is made.
    pub at: Timestamp,
}

impl NewAccount {
    /// Draws the id and the key.
    #[must_use]
    pub fn draw(mint: &mut Mint, now: Timestamp) -> Self {
        Self { id: AccountId(mint.uuid(now)), data_key: DataKey::new(mint.secret()), at: now }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_under_its_key_as_what_it_is_and_unaltered() {
        let (key, other) = (DataKey::new([1; 32]), DataKey::new([2; 32]));
        let sealed = key.seal(b"device 1", b"192.0.2.7");
        assert_eq!(key.open(b"device 1", &sealed).as_deref(), Some(&b"192.0.2.7"[..]));
        assert_eq!(key.open(b"device 2", &sealed), None, "a row's text moved into another row");
        assert_eq!(other.open(b"device 1", &sealed), None);
        for at in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[at] ^= 1;
            assert_eq!(key.open(b"device 1", &altered), None, "byte {at}");
        }
        assert_eq!(key.open(b"device 1", &sealed[..11]), None);
    }

    #[test]
    fn no_two_texts_share_a_nonce_and_one_text_gives_the_same_bytes() {
        let key = DataKey::new([1; 32]);
        let nonce = |about: &[u8], text: &[u8]| key.seal(about, text)[..NONCE].to_vec();
        assert_eq!(key.seal(b"a", b"text"), key.seal(b"a", b"text"));
        assert_ne!(nonce(b"a", b"text"), nonce(b"a", b"texu"));
        assert_ne!(nonce(b"ab", b"c"), nonce(b"a", b"bc"));
    }

    #[test]
    fn it_prints_nothing_of_itself() {
        assert_eq!(format!("{:?}", DataKey::new([7; 32])), "DataKey(…)");
    }
}
