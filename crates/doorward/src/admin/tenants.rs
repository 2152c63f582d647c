//! `doorward tenant`: make, list and show tenants.

use clap::Subcommand;
use doorward_domain::Tenant;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::tell::Column;
use super::{Desk, Said};

/// What is done to tenants.
#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Tenants {
    /// Makes a tenant, under the policy `consumer`
    Create {
        /// Its name: a-z, 0-9 and -, at most 63 characters
        name: String,
    },
    /// Lists all tenants
    List,
    /// Shows a tenant: its policy, and when it was last fenced
    Show {
        /// Its name [default: --tenant, or the only one]
        name: Option<String>,
    },
}

/// The columns of a list of tenants.
pub(super) const COLUMNS: &[Column] = &[("TENANT", "/id"), ("POLICY", "/policy"), ("CREATED", "/created_at"), ("FENCED", "/fenced_at")];

impl Tenants {
    pub(super) async fn perform(self, desk: &Desk) -> Result<Value, Said> {
        match self {
            Self::Create { name } => {
                let operator = desk.operator_of(&name)?;
                Ok(shown(&desk.service.create_tenant(&operator).await?))
            }
            Self::List => {
                let tenants = desk.service.list_tenants().await?;
                Ok(json!({ "items": tenants.iter().map(|tenant| shown(tenant)).collect::<Vec<_>>(), "next_cursor": null }))
            }
            Self::Show { name } => {
                let operator = match name {
                    Some(name) => desk.operator_in(&name).await?,
                    None => desk.operator().await?,
                };
                Ok(shown(&*desk.service.get_tenant(operator.tenant).await?))
            }
        }
    }
}

/// A tenant in JSON.
pub(super) fn shown(tenant: &Tenant) -> Value {
    json!({
        "id": tenant.id.as_str(),
        "policy": tenant.policy.name().as_str(),
        "created_at": tenant.created_at.to_string(),
        "fenced_at": tenant.fenced_at.map(|at| at.to_string()),
    })
}
