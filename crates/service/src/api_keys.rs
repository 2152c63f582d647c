//! API keys: recognise a caller, install the first key, list, make, rotate and revoke.

use std::sync::Arc;

use doorward_domain::{ApiKey, ApiKeyId, ApiKeyToken, Credential, KeyedHash, Policy, Preset, Refusal, Role, Tenancy, TenantId, Timestamp};
use doorward_store::StoreError;

use crate::access::{Administrator, Backend};
use crate::once::IdempotencyKey;
use crate::{Error, Service};

/// How often the hashes of a key are looked up while there is more than one server key.
const LOOK_UPS: usize = 3;
/// Under this name the store remembers that a bootstrap key was installed, once ever.
const BOOTSTRAP: &str = "bootstrap_api_key";

impl Service {
    /// Recognises a caller by its API key, and by the tenant that it says it acts in, if it says so.
    ///
    /// # Errors
    /// `WrongSecret` if the key is unknown, `Unauthenticated` if it is expired, revoked or another tenant's; `Unavailable` under a wrong server key,
    /// and for an unknown key while the store is used with a server key that this node lacks.
    pub async fn backend(&self, key: &str, tenant: Option<&str>) -> Result<Backend, Error> {
        if !self.is_fit() {
            return Err(Error::Unavailable);
        }
        let hashes: Vec<_> = self.keys.api_key_hashes(key).collect();
        // While a server key is rotated, another node may move the hash between two look-ups: what was missed is looked up again.
        let tries = if hashes.len() > 1 { LOOK_UPS } else { 1 };
        for hash in std::iter::repeat_n(&hashes, tries).flatten() {
            let Some(found) = self.store.api_key(hash.clone()).await? else { continue };
            let now = self.clock.now();
            if !found.opens(hash, now) || tenant.is_some_and(|tenant| tenant != found.tenant.as_str()) {
                return Err(Refusal::Unauthenticated.into());
            }
            if found.hash == *hash && found.may_be_reissued(now) && !self.note_first_use(&found, &hashes).await {
                return Err(Refusal::Unauthenticated.into());
            }
            self.key_uses.note(&found, now);
            if hash.key != self.keys.active() && self.key_uses.may_move(found.id, now) {
                self.hash_anew(&found, hash, &hashes[0]).await;
            }
            return Ok(Backend::new(found));
        }
        // Its hash may be under a server key that another node was given and this one wasn't.
        if self.store.server_keys().await?.iter().any(|key| !self.keys.knows(*key)) {
            return Err(Error::Unavailable);
        }
        Err(Refusal::WrongSecret(Credential::ApiKey).into())
    }

    /// After a rotation the hash of an API key's text moves to the active server key at its first use, so that the old one can be
    /// dropped. Should that fail, a use some minutes later tries again: the key itself is good.
    async fn hash_anew(&self, found: &ApiKey, old: &KeyedHash, new: &KeyedHash) {
        let (id, old, new) = (found.id, old.clone(), new.clone());
        let change = move |tenancy: &mut Tenancy| {
            tenancy.rehash_key(id, &old, &new);
            Ok::<_, Refusal>(())
        };
        if let Err(error) = self.store.administer(found.tenant.clone(), change).await {
            tracing::warn!(%error, key = %id, "an API key's hash could not be moved to the active server key");
        }
    }

    /// Notes that a key's text was used, so that it is given anew to nobody. `false` if it was, just now.
    async fn note_first_use(&self, found: &ApiKey, hashes: &[KeyedHash]) -> bool {
        let (id, hashes, now) = (found.id, hashes.to_vec(), self.clock.now());
        let change = move |tenancy: &mut Tenancy| Ok::<_, Refusal>(tenancy.note_first_use(id, &hashes, now));
        match self.store.administer(found.tenant.clone(), change).await {
            Ok(noted) => noted.is_some_and(|noted| noted.unwrap_or_default()),
            // The key is good without it; the next use is noted.
            Err(error) => {
                tracing::warn!(%error, key = %found.id, "the first use of an API key could not be noted");
                true
            }
        }
    }

    /// The tenant's API keys, the revoked and expired ones too, newest first.
    ///
    /// # Errors
    /// `NotFound` where there is no such tenant.
    pub async fn list_api_keys(&self, by: &Administrator) -> Result<Vec<ApiKey>, Error> {
        let read = self.store.administer(by.tenant.clone(), |tenancy| Ok::<_, Refusal>(tenancy.keys.clone()));
        let mut keys = read.await?.ok_or(Refusal::NotFound)??;
        keys.sort_unstable_by_key(|key| std::cmp::Reverse(key.id));
        Ok(keys)
    }

    /// Makes an API key. Its text is shown once.
    ///
    /// # Errors
    /// `Invalid`; `IdempotencyKeyReused` and `IdempotencyKeyUsed`.
    pub async fn create_api_key(
        self: &Arc<Self>,
        by: &Administrator,
        (name, role, expires_at): (String, Role, Option<Timestamp>),
        key: Option<&IdempotencyKey>,
    ) -> Result<(ApiKey, ApiKeyToken), Error> {
        let asked = key.map(|key| key.of_tenant(&self.keys, &by.tenant));
        self.govern(by, move |tenancy, moment| tenancy.create_key(moment, asked.as_ref(), (&name, role, expires_at))).await
    }

    /// Gives an API key another text; the old one stays good for so long.
    ///
    /// # Errors
    /// `NotFound`, also for a key that isn't good any more; `IdempotencyKeyReused` and `IdempotencyKeyUsed`.
    pub async fn rotate_api_key(
        self: &Arc<Self>,
        by: &Administrator,
        id: ApiKeyId,
        overlap_s: u32,
        key: Option<&IdempotencyKey>,
    ) -> Result<(ApiKey, ApiKeyToken), Error> {
        let asked = key.map(|key| key.of_tenant(&self.keys, &by.tenant));
        self.govern(by, move |tenancy, moment| tenancy.rotate_key(moment, asked.as_ref(), id, overlap_s)).await
    }

    /// Revokes an API key: it is refused at its next use.
    ///
    /// # Errors
    /// `NotFound`; `LastAdminKey`.
    pub async fn revoke_api_key(self: &Arc<Self>, by: &Administrator, id: ApiKeyId) -> Result<ApiKey, Error> {
        self.govern(by, move |tenancy, moment| tenancy.revoke_key(moment, id)).await
    }

    /// Makes a tenant under the `consumer` policy, unless it is there.
    ///
    /// # Errors
    /// The store's.
    pub async fn ensure_tenant(&self, id: &TenantId) -> Result<(), StoreError> {
        if self.store.tenant(id.clone()).await?.is_some() {
            return Ok(());
        }
        let tenancy = Tenancy::create(&mut self.moment(), id.clone(), Policy::preset(Preset::Consumer));
        match self.store.create_tenant(tenancy).await {
            // Another node was quicker.
            Err(StoreError::Exists) => Ok(()),
            made => made,
        }
    }

    /// Installs the bootstrap key, of role `admin`: once ever. `false` if that was done before, with this or another text.
    ///
    /// # Errors
    /// The store's.
    pub async fn install_bootstrap_key(&self, tenant: &TenantId, text: &str) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let hash = self.keys.api_key_hashes(text).next().expect("a key ring has at least one key");
        let id = ApiKeyId(self.entropy.mint().uuid(now));
        let key = ApiKey {
            id,
            tenant: tenant.clone(),
            name: "bootstrap".to_owned(),
            role: Role::Admin,
            hash,
            former: None,
            created_at: now,
            expires_at: None,
            revoked_at: None,
            last_used_at: None,
            requests: vec![],
        };
        match self.store.add_api_key(key, Some(BOOTSTRAP.to_owned())).await {
            Err(StoreError::Exists) => Ok(false),
            added => added,
        }
    }
}
