//! API keys: recognise a caller, install the first key, list, make, rotate and revoke.

use std::sync::Arc;

use doorward_domain::{ApiKey, ApiKeyId, ApiKeyToken, Credential, Policy, Preset, Refusal, Role, Tenancy, TenantId, Timestamp};
use doorward_store::StoreError;

use crate::access::{Administrator, Backend};
use crate::{Error, Service};

/// Under this name the store remembers that a bootstrap key was installed, once ever.
const BOOTSTRAP: &str = "bootstrap_api_key";

impl Service {
    /// Recognises a caller by its API key, and by the tenant that it says it acts in, if it says so.
    ///
    /// # Errors
    /// `WrongSecret` if the key is unknown, `Unauthenticated` if it is expired, revoked or another tenant's; `Unavailable` under a wrong server key.
    pub async fn backend(&self, key: &str, tenant: Option<&str>) -> Result<Backend, Error> {
        if !self.is_fit() {
            return Err(Error::Unavailable);
        }
        for hash in self.keys.api_key_hashes(key) {
            let Some(found) = self.store.api_key(hash.clone()).await? else { continue };
            let now = self.clock.now();
            if !found.opens(&hash, now) || tenant.is_some_and(|tenant| tenant != found.tenant.as_str()) {
                return Err(Refusal::Unauthenticated.into());
            }
            self.key_uses.note(&found, now);
            return Ok(Backend::new(found));
        }
        Err(Refusal::WrongSecret(Credential::ApiKey).into())
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
    /// `Invalid`.
    pub async fn create_api_key(
        self: &Arc<Self>,
        by: &Administrator,
        name: String,
        role: Role,
        expires_at: Option<Timestamp>,
    ) -> Result<(ApiKey, ApiKeyToken), Error> {
        self.govern(by, move |tenancy, moment| tenancy.create_key(moment, &name, role, expires_at)).await
    }

    /// Gives an API key another text; the old one stays good for so long.
    ///
    /// # Errors
    /// `NotFound`, also for a key that isn't good any more.
    pub async fn rotate_api_key(self: &Arc<Self>, by: &Administrator, id: ApiKeyId, overlap_s: u32) -> Result<(ApiKey, ApiKeyToken), Error> {
        self.govern(by, move |tenancy, moment| tenancy.rotate_key(moment, id, overlap_s)).await
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
        };
        match self.store.add_api_key(key, Some(BOOTSTRAP.to_owned())).await {
            Err(StoreError::Exists) => Ok(false),
            added => added,
        }
    }
}
