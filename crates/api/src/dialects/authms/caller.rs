//! Who calls: a backend with a key in the header that was chosen for it, which must name its tenant besides.

use axum::extract::FromRequestParts;
use doorward_domain::{TenantId, UserId};
use doorward_service::{Access, Backend};
use http::request::Parts;

use crate::Surfaces;
use crate::extract::{Grade, Key, only};
use crate::problem::{FieldError, FieldFault, Problem};

const TENANT: &str = "x-tenant-id";

/// A caller with an API key that has the right.
pub(super) struct Caller<G> {
    key: Key<G>,
    names_tenant: bool,
}

impl<G: Grade> FromRequestParts<Surfaces> for Caller<G> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, surfaces: &Surfaces) -> Result<Self, Problem> {
        // One that says nothing names no tenant, and is told with what else is at fault.
        let names_tenant = parts.headers.get_all(TENANT).iter().any(|value| !value.is_empty());
        if !names_tenant {
            parts.headers.remove(TENANT);
        }
        let given = only(&parts.headers, surfaces.dialects.authms_key.name()).map(str::to_owned);
        let key = Key::admit(given.into_iter().collect(), parts, surfaces).await?;
        Ok(Self { key, names_tenant })
    }
}

impl<G> Caller<G> {
    /// The tenant it acts in.
    pub(super) fn tenant(&self) -> &TenantId {
        let Backend { tenant, .. } = &self.key.backend;
        tenant
    }

    /// The person that the request names, unless something in it is at fault: then all of it is told.
    pub(super) fn person(&self, user: Option<UserId>, faults: Vec<FieldError>) -> Result<(Access, UserId), Problem> {
        let unnamed = (!self.names_tenant).then(|| FieldError::new("X-Tenant-ID", FieldFault::Required, "is required: the tenant's id, as a header"));
        let faults: Vec<FieldError> = unnamed.into_iter().chain(faults).collect();
        match user {
            Some(user) if faults.is_empty() => Ok((self.key.backend.user(user.clone()), user)),
            _ => Err(Problem::invalid(faults)),
        }
    }
}
