//! Tenants: make, list, get, fence.

use std::sync::Arc;

use doorward_domain::{Actor, ApiKeyId, Moment, Policy, Preset, Refusal, Right, Tenancy, Tenant, TenantId};

use crate::access::{Administrator, Operator};
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
        let fence = |tenancy: &mut Tenancy, moment: &mut Moment<'_>| {
            tenancy.fence(moment);
            Ok(tenancy.tenant.clone())
        };
        self.govern(&operator.into(), fence).await
    }

    /// The same in every tenant there is, in one transaction. Answers them, by their ids.
    ///
    /// # Errors
    /// The store's.
    pub async fn fence_all(self: &Arc<Self>, human: &str) -> Result<Vec<Tenant>, Error> {
        let fence = |tenancies: &mut Vec<Tenancy>, moment: &mut Moment<'_>| {
            for tenancy in &mut *tenancies {
                tenancy.fence(moment);
            }
            Ok(tenancies.iter().map(|tenancy| tenancy.tenant.clone()).collect())
        };
        self.govern_all(human, fence).await
    }

    /// What a restore must do, whatever made it: ends everything in every tenant, and every API key but those that are kept, in
    /// one transaction. What the backup brought back may have been ended since.
    ///
    /// # Errors
    /// `NotFound` if a key to be kept isn't there: then nothing is done.
    pub async fn end_what_was_restored(self: &Arc<Self>, human: &str, kept: Vec<ApiKeyId>) -> Result<Restored, Error> {
        let end = move |tenancies: &mut Vec<Tenancy>, moment: &mut Moment<'_>| {
            let is_there = |id: &ApiKeyId| tenancies.iter().any(|tenancy| tenancy.keys.iter().any(|key| key.id == *id));
            if !kept.iter().all(is_there) {
                return Err(Refusal::NotFound);
            }
            let keys_ended = tenancies.iter_mut().map(|tenancy| tenancy.end_what_was_restored(moment, &kept)).sum();
            Ok(Restored { tenants: tenancies.len(), keys_ended })
        };
        self.govern_all(human, end).await
    }

    /// Changes what is a tenant's in one transaction, as [`Service::change`] changes an account.
    pub(crate) async fn govern<T: Send + 'static>(
        self: &Arc<Self>,
        by: &Administrator,
        rule: impl Fn(&mut Tenancy, &mut Moment<'_>) -> Result<T, Refusal> + Send + Sync + 'static,
    ) -> Result<T, Error> {
        let (now, mint, actor, service) = (self.clock.now(), self.entropy.mint(), by.actor.clone(), Arc::clone(self));
        let change = move |tenancy: &mut Tenancy| {
            // A rule may run again; each run draws the same ids.
            let mut moment = service.moment_of(now, actor.clone(), mint.clone());
            // Revoked or ended since it was let in: what it was about to do isn't done.
            if let Actor::Key(id, _) = &actor
                && !tenancy.keys.iter().any(|key| key.id == *id && key.is_live(now) && key.role.may(Right::Administer))
            {
                return Err(Refusal::Unauthenticated);
            }
            rule(tenancy, &mut moment)
        };
        Ok(self.store.administer(by.tenant.clone(), change).await?.ok_or(Refusal::NotFound)??)
    }

    pub(crate) async fn govern_all<T: Send + 'static>(
        self: &Arc<Self>,
        human: &str,
        rule: impl Fn(&mut Vec<Tenancy>, &mut Moment<'_>) -> Result<T, Refusal> + Send + Sync + 'static,
    ) -> Result<T, Error> {
        let (now, mint, actor) = (self.clock.now(), self.entropy.mint(), Actor::Command(human.to_owned()));
        let service = Arc::clone(self);
        let rule = move |tenancies: &mut Vec<Tenancy>| {
            // A rule may run again; each run draws the same ids.
            let mut moment = service.moment_of(now, actor.clone(), mint.clone());
            rule(tenancies, &mut moment)
        };
        Ok(self.store.administer_all(rule).await??)
    }
}

/// What a restore ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restored {
    /// How many tenants were fenced.
    pub tenants: usize,
    /// How many API keys ended.
    pub keys_ended: usize,
}
