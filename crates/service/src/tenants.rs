//! Tenants: make, list, get, fence.

use std::sync::Arc;

use doorward_domain::{Moment, Policy, Preset, Refusal, Tenancy, Tenant, TenantId};

use crate::access::Operator;
use crate::{Error, Service};

impl Service {
    /// Makes a tenant under the `consumer` policy.
    ///
    /// # Errors
    /// `Invalid` on `tenant` if it is there.
    pub async fn create_tenant(&self, operator: &Operator) -> Result<Tenant, Error> {
        let mut moment = Moment { actor: operator.actor(), ..self.moment() };
        let tenancy = Tenancy::create(&mut moment, operator.tenant.clone(), Policy::preset(Preset::Consumer));
        let tenant = tenancy.tenant.clone();
        match self.store.create_tenant(tenancy).await {
            Ok(()) => Ok(tenant),
            Err(doorward_store::StoreError::Exists) => Err(Refusal::invalid("tenant", "conflict", "is there already").into()),
            Err(error) => Err(error.into()),
        }
    }

    /// Every tenant, by its id.
    ///
    /// # Errors
    /// The store's.
    pub async fn list_tenants(&self) -> Result<Vec<Arc<Tenant>>, Error> {
        Ok(self.store.tenants().await?)
    }

    /// One tenant.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn get_tenant(&self, id: TenantId) -> Result<Arc<Tenant>, Error> {
        Ok(self.store.tenant(id).await?.ok_or(Refusal::NotFound)?)
    }

    /// Ends everything in a tenant, in one write and one event: all trust, sessions, offers and sign-ins in progress.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn fence(self: &Arc<Self>, operator: &Operator) -> Result<Tenant, Error> {
        let (now, mint, actor) = (self.clock.now(), self.entropy.mint(), operator.actor());
        let service = Arc::clone(self);
        let rule = move |tenancy: &mut Tenancy| {
            // A rule may run again; each run draws the same ids.
            let mut moment = Moment { now, actor: actor.clone(), mint: mint.clone(), keys: &service.keys };
            tenancy.fence(&mut moment);
            Ok(tenancy.tenant.clone())
        };
        let fenced = self.store.administer(operator.tenant.clone(), rule).await?;
        Ok(fenced.unwrap_or(Err(Refusal::NotFound))?)
    }
}
