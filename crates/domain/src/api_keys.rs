//! What is done to API keys: make, rotate with an overlap, revoke.

use crate::event::About;
use crate::token::{KeyRef, Secret, Token};
use crate::{Actor, ApiKey, ApiKeyId, ApiKeyToken, EventKind, KeyRequest, KeyedHash, Moment, Refusal, Repeatable, Role, Tenancy, Timestamp};

/// How many keys of a tenant may be good at once.
pub const API_KEYS: usize = 1_000;
/// How long the text that a rotation replaces stays good unless the caller says otherwise, in seconds.
pub const OVERLAP_S: u32 = 86_400;
/// The longest that it may, in seconds.
pub const LONGEST_OVERLAP_S: u32 = 30 * 86_400;

/// How many requests a key remembers, so that one that is rotated all day stays small.
const REQUESTS: usize = 16;

impl ApiKey {
    /// Whether the text of this hash opens it at this moment: its own, or one that a rotation replaced and left good for a while.
    #[must_use]
    pub fn opens(&self, hash: &KeyedHash, now: Timestamp) -> bool {
        let former = self.former.as_ref().is_some_and(|(former, until)| former == hash && now < *until);
        self.is_live(now) && (self.hash == *hash || former)
    }

    /// Forgets the requests whose day is over.
    fn forget_requests(&mut self, now: Timestamp) {
        self.requests.retain(|request| now < request.ends_at());
    }

    /// Remembers the request that gave it its present text, where that may come again. The answers of those before it weren't lost.
    fn remember(&mut self, asked: Option<&Repeatable>, now: Timestamp) {
        self.forget_requests(now);
        self.requests.iter_mut().for_each(|request| request.unused = false);
        let surplus = (self.requests.len() + 1).saturating_sub(REQUESTS);
        self.requests.drain(..surplus);
        let hashes = asked.and_then(|asked| asked.keys.first().cloned().zip(asked.requests.first().cloned()));
        self.requests.extend(hashes.map(|(key, request)| KeyRequest { key, request, at: now, unused: true }));
    }
}

impl Tenancy {
    /// Makes a key. Its text is known here and never again; but a request that comes again is given another for the same key, as long
    /// as nobody used that of its lost answer.
    ///
    /// # Errors
    /// `Invalid` for an end that has passed, or lies after the end of the key that makes it; or where there are too many.
    /// `IdempotencyKeyReused` and `IdempotencyKeyUsed`, as for accounts.
    pub fn create_key(
        &mut self,
        moment: &mut Moment<'_>,
        asked: Option<&Repeatable>,
        (name, role, expires_at): (&str, Role, Option<Timestamp>),
    ) -> Result<(ApiKey, ApiKeyToken), Refusal> {
        let now = moment.now;
        let known = self.key_of_request(asked, now)?;
        if known.is_none() && expires_at.is_some_and(|end| end <= now) {
            return Err(Refusal::invalid("expires_at", "range", "must lie ahead"));
        }
        if self.would_outlive_acting(moment, expires_at) {
            return Err(Refusal::invalid("expires_at", "range", "must be no later than the end of the key that makes this one"));
        }
        if let Some(known) = known {
            return self.reissue_key(moment, known);
        }
        if self.keys.iter().filter(|key| key.is_live(now)).count() >= API_KEYS {
            return Err(Refusal::invalid("name", "range", "is one too many: 1000 keys are good already; revoke one first"));
        }
        let id = ApiKeyId(moment.mint.uuid(now));
        let (token, hash) = draw_text(moment, id);
        let tenant = self.tenant.id.clone();
        let mut key = ApiKey {
            id,
            tenant,
            name: name.to_owned(),
            role,
            hash,
            former: None,
            created_at: now,
            expires_at,
            revoked_at: None,
            last_used_at: None,
            requests: vec![],
        };
        key.remember(asked, now);
        self.keys.push(key.clone());
        self.record(moment, EventKind::ApiKeyCreated, about(&key).with("expires_at", expires_at.map(|end| end.to_string())));
        Ok((key, token))
    }

    /// Gives a key another text; the old one stays good for so long. Name, role and end stay. A request that comes again replaces
    /// the text of its lost answer alone.
    ///
    /// # Errors
    /// `NotFound`, also for a key that isn't good any more; `Invalid` for one that ends later than the key that rotates it;
    /// `IdempotencyKeyReused` and `IdempotencyKeyUsed`, as for accounts.
    pub fn rotate_key(&mut self, moment: &mut Moment<'_>, asked: Option<&Repeatable>, id: ApiKeyId, overlap_s: u32) -> Result<(ApiKey, ApiKeyToken), Refusal> {
        let now = moment.now;
        if let Some(key) = self.keys.iter().find(|key| key.id == id && key.is_live(now))
            && self.would_outlive_acting(moment, key.expires_at)
        {
            return Err(Refusal::invalid("id", "range", "names a key that ends later than the one that would rotate it"));
        }
        if let Some(known) = self.key_of_request(asked, now)? {
            return self.reissue_key(moment, known);
        }
        let (token, hash) = draw_text(moment, id);
        let key = self.keys.iter_mut().find(|key| key.id == id && key.is_live(now)).ok_or(Refusal::NotFound)?;
        let until = now.plus_s(overlap_s.min(LONGEST_OVERLAP_S));
        key.former = Some((std::mem::replace(&mut key.hash, hash), until));
        key.remember(asked, now);
        let key = key.clone();
        self.record(moment, EventKind::ApiKeyRotated, about(&key).with("old_until", until.to_string()));
        Ok((key, token))
    }

    /// The key that this request gave a text, if it came before.
    fn key_of_request(&self, asked: Option<&Repeatable>, now: Timestamp) -> Result<Option<(ApiKeyId, KeyedHash)>, Refusal> {
        let Some(asked) = asked else { return Ok(None) };
        let all = self.keys.iter().flat_map(|key| key.requests.iter().map(move |request| (key.id, request)));
        let known = all.filter(|(_, request)| now < request.ends_at()).find(|(_, request)| asked.keys.contains(&request.key));
        match known {
            Some((_, request)) if !asked.requests.contains(&request.request) => Err(Refusal::IdempotencyKeyReused),
            known => Ok(known.map(|(id, request)| (id, request.key.clone()))),
        }
    }

    /// Replaces the text of a request's lost answer.
    fn reissue_key(&mut self, moment: &mut Moment<'_>, (id, of): (ApiKeyId, KeyedHash)) -> Result<(ApiKey, ApiKeyToken), Refusal> {
        let now = moment.now;
        let lost = |key: &&mut ApiKey| key.id == id && key.is_live(now) && key.may_be_reissued(now) && key.requests.last().is_some_and(|last| last.key == of);
        let (token, hash) = draw_text(moment, id);
        let key = self.keys.iter_mut().find(lost).ok_or(Refusal::IdempotencyKeyUsed)?;
        key.hash = hash;
        let key = key.clone();
        self.record(moment, EventKind::TokensReissued, about(&key));
        Ok((key, token))
    }

    /// Notes that a key's present text was used, which shows that its answer arrived. `false` if none of these hashes opens the key
    /// any more: its text was replaced just now.
    pub fn note_first_use(&mut self, id: ApiKeyId, hashes: &[KeyedHash], now: Timestamp) -> bool {
        let Some(key) = self.keys.iter_mut().find(|key| key.id == id && hashes.iter().any(|hash| key.opens(hash, now))) else { return false };
        if let Some(last) = key.requests.last_mut().filter(|_| hashes.contains(&key.hash)) {
            last.unused = false;
        }
        key.forget_requests(now);
        true
    }

    /// Revokes a key: both its texts are refused from the commit on. Revoking it again changes nothing.
    ///
    /// # Errors
    /// `NotFound`; `LastAdminKey` where another key does it and no key of role `admin` would be left.
    pub fn revoke_key(&mut self, moment: &mut Moment<'_>, id: ApiKeyId) -> Result<ApiKey, Refusal> {
        let now = moment.now;
        let key = self.keys.iter().find(|key| key.id == id).ok_or(Refusal::NotFound)?.clone();
        if key.revoked_at.is_some() {
            return Ok(key);
        }
        let admin = |key: &&ApiKey| key.role == Role::Admin && key.is_live(now);
        let others = self.keys.iter().filter(admin).any(|key| key.id != id);
        // A command on the machine may: it can also make the next one.
        if admin(&&key) && !others && matches!(moment.actor, Actor::Key(..)) {
            return Err(Refusal::LastAdminKey);
        }
        let mut revoked = key;
        revoked.revoked_at = Some(now);
        self.keys.iter_mut().filter(|key| key.id == id).for_each(|key| *key = revoked.clone());
        self.record(moment, EventKind::ApiKeyRevoked, about(&revoked));
        Ok(revoked)
    }

    /// Moves the hash of one of a key's texts to another server key. It is the same text, so nothing else changes, and a rotation
    /// or another node that was quicker stands.
    pub fn rehash_key(&mut self, id: ApiKeyId, old: &KeyedHash, new: &KeyedHash) {
        let Some(key) = self.keys.iter_mut().find(|key| key.id == id) else { return };
        let texts = std::iter::once(&mut key.hash).chain(key.former.iter_mut().map(|(hash, _)| hash));
        texts.filter(|hash| *hash == old).for_each(|hash| *hash = new.clone());
    }

    /// Notes that keys were used, and forgets the requests whose day is over.
    pub fn note_key_uses(&mut self, uses: &[(ApiKeyId, Timestamp)], now: Timestamp) {
        for key in &mut self.keys {
            key.forget_requests(now);
            let used = uses.iter().filter(|(id, _)| *id == key.id).map(|(_, at)| *at);
            key.last_used_at = used.chain(key.last_used_at).max();
        }
    }

    /// Whether a key of this end would outlive the one that acts: a key that ends can't live on by another.
    fn would_outlive_acting(&self, moment: &Moment<'_>, expires_at: Option<Timestamp>) -> bool {
        let end = self.acting(moment).and_then(|key| key.expires_at);
        end.is_some_and(|end| expires_at.is_none_or(|expires_at| expires_at > end))
    }

    /// The key that acts, where one does.
    fn acting(&self, moment: &Moment<'_>) -> Option<&ApiKey> {
        let Actor::Key(id, _) = &moment.actor else { return None };
        self.keys.iter().find(|key| key.id == *id)
    }
}

/// A new text for a key, and what is kept of it.
fn draw_text(moment: &mut Moment<'_>, id: ApiKeyId) -> (ApiKeyToken, KeyedHash) {
    let token = Token { at: KeyRef { id }, secret: Secret::new(moment.mint.secret()) };
    let hash = moment.keys.api_key_hashes(&token.reveal()).next().expect("a key ring has at least one key");
    (token, hash)
}

fn about(key: &ApiKey) -> About {
    About::default().with("api_key_id", key.id.to_string()).with("name", key.name.as_str()).with("role", key.role.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{KeyRing, Mint, Policy, Preset, TenantId};

    #[test]
    fn a_tenant_holds_a_thousand_good_keys_and_no_more() {
        let ring = KeyRing::new(&[[1; 32]]);
        let now = Timestamp::from_micros(1_800_000_000_000_000);
        let mut moment = Moment { now, actor: Actor::System, mint: Mint::new([7; 32]), keys: &ring, locations: &crate::NoLocations };
        let mut tenancy = Tenancy::create(&mut moment, TenantId::new("acme").expect("a slug"), Policy::preset(Preset::Consumer));
        let made: Vec<_> = (0..API_KEYS).map(|_| tenancy.create_key(&mut moment, None, ("host", Role::Host, None)).expect("one of a thousand").0.id).collect();
        let refused = tenancy.create_key(&mut moment, None, ("host", Role::Host, None));
        assert!(matches!(refused, Err(Refusal::Invalid { .. })), "{refused:?}");
        assert_eq!(tenancy.keys.len(), API_KEYS);
        tenancy.revoke_key(&mut moment, made[0]).expect("it is good");
        tenancy.create_key(&mut moment, None, ("host", Role::Host, None)).expect("one was revoked");
    }
}
