//! Commands for operators: one type is the command line and the request, one method of the service does each.
//!
//! On SQLite a running server owns the file, so a command goes to it over the admin socket. Where none runs, and on
//! PostgreSQL, the command opens the database itself and runs the same code.

mod api_keys;
mod audit;
mod devices;
mod explain;
mod fence;
mod people;
mod policy;
mod reach;
mod said;
mod server_keys;
mod sessions;
mod socket;
mod tell;
mod tenants;

use std::sync::Arc;

use clap::Subcommand;
use doorward_domain::{TenantId, UserId};
use doorward_service::{Operator, PageRequest, Service};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) use reach::{actor, flags, human, json, run};
pub(crate) use said::Said;
pub(crate) use socket::AdminSocket;

use tell::Column;

/// What an operator can ask for. To add a command: a variant here or in a noun's own file, and an arm where it is performed.
#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Act {
    /// Makes, lists and shows tenants
    #[command(subcommand)]
    Tenant(tenants::Tenants),
    /// Makes, lists, rotates and revokes API keys
    #[command(subcommand)]
    ApiKey(api_keys::ApiKeys),
    /// Shows and changes the tenant's policy, and explains its rules
    #[command(subcommand)]
    Policy(policy::Policies),
    /// Lists a user's devices and ends what shouldn't be: trust, a hijacked device, a forgotten one
    #[command(subcommand)]
    Devices(devices::Devices),
    /// Lists a user's sessions and ends them
    #[command(subcommand)]
    Sessions(sessions::Sessions),
    /// Exports or erases everything that is held of a person
    #[command(subcommand)]
    Person(people::People),
    /// Says why a user was asked for the second factor, or wasn't
    Explain(explain::Explain),
    /// Checks and exports the trail of events
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Lists the server keys with what lies under each, and retires one that was replaced
    #[command(subcommand)]
    ServerKey(server_keys::ServerKeys),
    /// Ends all trust and all sessions of a tenant at once, after a breach
    Fence(fence::Fence),
}

impl Act {
    /// Does it, and answers in JSON.
    async fn perform(self, desk: &Desk) -> Result<Value, Said> {
        match self {
            Self::Tenant(act) => act.perform(desk).await,
            Self::ApiKey(act) => act.perform(desk).await,
            Self::Policy(act) => act.perform(desk).await,
            Self::Devices(act) => act.perform(desk).await,
            Self::Sessions(act) => act.perform(desk).await,
            Self::Person(act) => act.perform(desk).await,
            Self::Explain(act) => act.perform(desk).await,
            Self::Audit(act) => act.perform(desk).await,
            Self::ServerKey(act) => act.perform(desk).await,
            Self::Fence(act) => act.perform(desk).await,
        }
    }

    /// How the answer is told to people.
    fn columns(&self) -> &'static [Column] {
        match self {
            Self::Tenant(_) => tenants::COLUMNS,
            Self::ApiKey(_) => api_keys::COLUMNS,
            Self::Policy(act) => act.columns(),
            Self::Devices(_) => devices::COLUMNS,
            Self::Sessions(_) => sessions::COLUMNS,
            Self::Person(_) => people::COLUMNS,
            Self::Explain(_) => explain::COLUMNS,
            Self::Audit(_) => audit::COLUMNS,
            Self::ServerKey(_) => server_keys::COLUMNS,
            Self::Fence(_) => fence::COLUMNS,
        }
    }

    /// What is asked before it is done, unless the command line says `--yes`.
    fn warning(&self) -> Option<String> {
        match self {
            Self::Person(act) => act.warning(),
            Self::ServerKey(act) => act.warning(),
            Self::Fence(act) => act.warning(),
            _ => None,
        }
    }
}

/// An act, by whom and where: what goes over the socket as one line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    /// The human, for the audit trail.
    actor: String,
    /// The tenant, if it was named.
    tenant: Option<String>,
    /// What to do.
    act: Act,
}

impl Request {
    /// Does it with this service.
    pub(crate) async fn perform(self, service: &Arc<Service>) -> Result<Value, Said> {
        if let Some(reason) = service.unfit() {
            return Err(Said::failed(reason));
        }
        // The trail shows it: a visible name of bounded length.
        let human: String = self.actor.chars().filter(|c| !c.is_control()).take(100).collect();
        let desk = Desk { service: Arc::clone(service), human, tenant: self.tenant };
        self.act.perform(&desk).await
    }
}

/// Where an act is performed: the service, who asks, and the tenant that was named.
pub(crate) struct Desk {
    pub(crate) service: Arc<Service>,
    pub(crate) human: String,
    tenant: Option<String>,
}

impl Desk {
    /// The operator in the tenant that was named, or in the only one there is.
    pub(crate) async fn operator(&self) -> Result<Operator, Said> {
        if let Some(name) = &self.tenant {
            return self.operator_in(name).await;
        }
        let tenants = self.service.list_tenants().await?;
        match tenants.as_slice() {
            [only] => Ok(Operator::new(only.id.clone(), self.human.clone())),
            [] => Err(Said::failed("There is no tenant yet. Make one: doorward tenant create NAME")),
            several => {
                let names = several.iter().take(20).map(|tenant| tenant.id.as_str()).collect::<Vec<_>>().join(", ");
                let more = if several.len() > 20 { ", …" } else { "" };
                Err(Said::asked(format!("There is more than one tenant. Name one with --tenant: {names}{more}")))
            }
        }
    }

    /// The operator in a tenant that must be there.
    pub(crate) async fn operator_in(&self, name: &str) -> Result<Operator, Said> {
        let operator = self.operator_of(name)?;
        let found = self.service.get_tenant(operator.tenant.clone()).await;
        let named = operator.tenant.clone();
        found.map_err(|error| Said::of(error, || format!("There is no tenant {named}. `doorward tenant list` shows those there are.")))?;
        Ok(operator)
    }

    /// The operator in a tenant that may not be there yet.
    pub(crate) fn operator_of(&self, name: &str) -> Result<Operator, Said> {
        let id = TenantId::new(name)
            .ok_or_else(|| Said::asked(format!("`{name}` is no tenant's name. Use a-z, 0-9 and -, at most 63 characters, the first no -.")))?;
        Ok(Operator::new(id, self.human.clone()))
    }
}

/// A user's id from the command line.
pub(crate) fn user(text: &str) -> Result<UserId, Said> {
    UserId::new(text).ok_or_else(|| Said::asked(format!("`{text}` is no user's id: it has 1 to 255 bytes and no control characters.")))
}

/// The id of a device, a session or the like from the command line.
pub(crate) fn id<T: std::str::FromStr>(text: &str) -> Result<T, Said> {
    text.parse().map_err(|_| Said::asked(format!("`{text}` is no id. Ids look like 019aa0b2-3c4d-7e5f-8a6b-7c8d9e0f1a2b; the list shows them.")))
}

/// A stretch of a list.
#[derive(Debug, Clone, clap::Args, Serialize, Deserialize)]
pub(crate) struct Stretch {
    /// How many items to show
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=100))]
    limit: u16,
    /// Where to go on: what the list before said
    #[arg(long)]
    cursor: Option<String>,
}

impl Stretch {
    pub(crate) fn request(self) -> PageRequest {
        PageRequest { limit: self.limit.clamp(1, 100), cursor: self.cursor }
    }
}
