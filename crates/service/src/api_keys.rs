//! API keys: recognise a caller, and install the first key.

use doorward_domain::{ApiKey, ApiKeyId, Credential, Policy, Preset, Refusal, Role, Tenancy, TenantId};
use doorward_store::StoreError;

use crate::access::Backend;
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
            let Some(found) = self.store.api_key(hash).await? else { continue };
            let fits = found.is_live(self.clock.now()) && tenant.is_none_or(|tenant| tenant == found.tenant.as_str());
            return if fits { Ok(Backend::new(found)) } else { Err(Refusal::Unauthenticated.into()) };
        }
        Err(Refusal::WrongSecret(Credential::ApiKey).into())
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
        let key =
            ApiKey { id, tenant: tenant.clone(), name: "bootstrap".to_owned(), role: Role::Admin, hash, created_at: now, expires_at: None, revoked_at: None };
        match self.store.add_api_key(key, Some(BOOTSTRAP.to_owned())).await {
            Err(StoreError::Exists) => Ok(false),
            added => added,
        }
    }
}
