//! Forward-auth: a proxy asks whether a request may pass, by its caller's own token and without an API key.

use std::sync::Arc;

use doorward_domain::{Account, Credential, Refusal, SessionRef, TenantId};

use crate::sessions::{Found, active};
use crate::{ActiveSession, Error, Inactive, Service, Verified};

/// What a proxy asks of a session besides being live: a second factor of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequiredFactor {
    /// Verified at most so many seconds ago, where that matters.
    pub within_s: Option<u32>,
}

impl Service {
    /// The live session of a token in the tenant that is named, or in the only one there is. Counts as activity.
    ///
    /// # Errors
    /// `Unauthenticated` or `WrongSecret` for whatever opens no session there, answered alike, and where no tenant is named though there are several;
    /// `MfaRequired`; `Unavailable` where it can't be known.
    pub async fn forward_auth(&self, tenant: Option<&str>, token: &str, required: Option<RequiredFactor>) -> Result<ActiveSession, Error> {
        let tenant = self.pinned(tenant).await?;
        let (now, mut found) = self.look_and_note(&tenant, &[token]).await?;
        let (account, at) = live(found.pop())?;
        if let Some(RequiredFactor { within_s }) = required {
            account.has_factor(account.session(at.id)?, within_s, now)?;
        }
        match active(&account, at.id, now)? {
            Verified::Active(active) => Ok(*active),
            Verified::Inactive(_) => Err(Refusal::Unauthenticated.into()),
        }
    }

    /// Sees that a token opens a live session there, and leaves no trace: for what is refused on other grounds, after that.
    ///
    /// # Errors
    /// As [`Service::forward_auth`].
    pub async fn is_forwarded(&self, tenant: Option<&str>, token: &str) -> Result<(), Error> {
        let tenant = self.pinned(tenant).await?;
        Ok(live(self.look(&tenant, &[token]).await?.1.pop()).map(drop)?)
    }

    /// The tenant of this name, which may not exist and then has no token; or the only one.
    async fn pinned(&self, tenant: Option<&str>) -> Result<TenantId, Error> {
        let tenant = match tenant {
            Some(slug) => TenantId::new(slug),
            None => self.store.only_tenant().await?.map(|tenant| tenant.id.clone()),
        };
        Ok(tenant.ok_or(Refusal::Unauthenticated)?)
    }
}

fn live(found: Option<Found>) -> Result<(Arc<Account>, SessionRef), Refusal> {
    match found {
        Some(Found::Live(account, at)) => Ok((account, at)),
        Some(Found::Inactive(Inactive::Wrong)) => Err(Refusal::WrongSecret(Credential::AccessToken)),
        _ => Err(Refusal::Unauthenticated),
    }
}
