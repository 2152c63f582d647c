//! Who calls, and the door through which every change and every read of an account goes.

use std::sync::Arc;

use doorward_domain::{AccessToken, Account, Actor, ApiKey, ApiKeyId, DeviceId, Mint, Moment, Refusal, Right, SessionId, TenantId, Timestamp, UserId};
use doorward_store::{AccountKey, Need};

use crate::{Error, Service};

/// A caller with an API key.
#[derive(Debug, Clone)]
pub struct Backend {
    /// The tenant it acts in.
    pub tenant: TenantId,
    key: Arc<ApiKey>,
    human: Option<String>,
}

impl Backend {
    pub(crate) fn new(key: Arc<ApiKey>) -> Self {
        Self { tenant: key.tenant.clone(), key, human: None }
    }

    /// Whether its role has the right.
    ///
    /// # Errors
    /// `RoleTooLow`.
    pub fn may(&self, right: Right) -> Result<(), Refusal> {
        if self.key.role.may(right) { Ok(()) } else { Err(Refusal::RoleTooLow) }
    }

    /// With the human behind the call, for the audit trail.
    #[must_use]
    pub fn on_behalf_of(mut self, human: Option<String>) -> Self {
        self.human = human;
        self
    }

    pub(crate) fn actor(&self) -> Actor {
        Actor::Key(self.key.id, self.human.clone())
    }

    /// The account of one of the tenant's users.
    #[must_use]
    pub fn user(&self, user: UserId) -> Access {
        self.at(AccountKey::User(self.tenant.clone(), user))
    }

    pub(crate) fn at(&self, at: AccountKey) -> Access {
        Access { at, proof: Proof::Key { id: self.key.id, tenant: self.tenant.clone(), human: self.human.clone() } }
    }
}

/// A human at the machine who gives commands in a tenant: whoever may read the database may do all that can be done to it.
#[derive(Debug, Clone)]
pub struct Operator {
    /// The tenant it acts in.
    pub tenant: TenantId,
    human: String,
}

impl Operator {
    /// This human, as the audit trail will name them.
    #[must_use]
    pub fn new(tenant: TenantId, human: String) -> Self {
        Self { tenant, human }
    }

    pub(crate) fn actor(&self) -> Actor {
        Actor::Command(self.human.clone())
    }

    /// The account of one of the tenant's users.
    #[must_use]
    pub fn user(&self, user: UserId) -> Access {
        let proof = Proof::Command { tenant: self.tenant.clone(), human: self.human.clone() };
        Access { at: AccountKey::User(self.tenant.clone(), user), proof }
    }
}

/// Whoever changes what is a whole tenant's: a caller with a key that may, or a human at the machine.
#[derive(Debug, Clone)]
pub struct Administrator {
    pub(crate) tenant: TenantId,
    pub(crate) actor: Actor,
}

impl From<&Backend> for Administrator {
    fn from(backend: &Backend) -> Self {
        Self { tenant: backend.tenant.clone(), actor: backend.actor() }
    }
}

impl From<&Operator> for Administrator {
    fn from(operator: &Operator) -> Self {
        Self { tenant: operator.tenant.clone(), actor: operator.actor() }
    }
}

/// A way into one account: by its person's own session, by a key of its tenant, or by a command on the machine.
#[derive(Debug, Clone)]
pub struct Access {
    pub(crate) at: AccountKey,
    proof: Proof,
}

/// Within which a tenant's own idempotency keys are told apart.
pub(crate) fn scope_of(tenant: &TenantId) -> String {
    format!("tenant:{tenant}")
}

#[derive(Debug, Clone)]
enum Proof {
    Session(AccessToken),
    Key { id: ApiKeyId, tenant: TenantId, human: Option<String> },
    Command { tenant: TenantId, human: String },
}

/// The caller's own session and device, where a person calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Own {
    pub(crate) session: SessionId,
    pub(crate) device: DeviceId,
}

impl Access {
    /// By an access token. It is checked inside each transaction, and not here.
    pub(crate) fn person(token: AccessToken) -> Self {
        Self { at: AccountKey::Id(token.at.shard, token.at.account), proof: Proof::Session(token) }
    }

    /// The caller's own session, where a person calls.
    pub(crate) fn session(&self) -> Option<SessionId> {
        match &self.proof {
            Proof::Session(token) => Some(token.at.id),
            Proof::Key { .. } | Proof::Command { .. } => None,
        }
    }

    /// Within which its idempotency keys are told apart: a person must not meet the host's.
    pub(crate) fn scope(&self) -> String {
        match &self.proof {
            Proof::Session(token) => format!("session:{}", token.at.id),
            Proof::Key { tenant, .. } | Proof::Command { tenant, .. } => scope_of(tenant),
        }
    }

    /// Lets the caller in, or not: the first thing in every transaction.
    pub(crate) fn enter(&self, account: &Account, moment: &mut Moment<'_>) -> Result<Option<Own>, Refusal> {
        match &self.proof {
            Proof::Session(token) => {
                let session = account.caller(moment, token)?;
                moment.actor = Actor::Person(session.id);
                Ok(Some(Own { session: session.id, device: session.device }))
            }
            Proof::Key { id, tenant, human } => {
                moment.actor = Actor::Key(*id, human.clone());
                if account.head.tenant == *tenant { Ok(None) } else { Err(Refusal::NotFound) }
            }
            Proof::Command { tenant, human } => {
                moment.actor = Actor::Command(human.clone());
                if account.head.tenant == *tenant { Ok(None) } else { Err(Refusal::NotFound) }
            }
        }
    }

    /// What an account that isn't there is answered with.
    fn missing(&self) -> Refusal {
        match self.proof {
            Proof::Session(_) => Refusal::Unauthenticated,
            Proof::Key { .. } | Proof::Command { .. } => Refusal::NotFound,
        }
    }

    fn need(&self, need: Need) -> Need {
        match self.session() {
            Some(session) if need.session.is_none() => need.with_session(session),
            _ => need,
        }
    }
}

impl Service {
    pub(crate) fn moment(&self) -> Moment<'_> {
        self.moment_of(self.clock.now(), Actor::System, self.entropy.mint())
    }

    pub(crate) fn moment_of(&self, now: Timestamp, actor: Actor, mint: Mint) -> Moment<'_> {
        Moment { now, actor, mint, keys: &self.keys, locations: &*self.locations }
    }

    /// Changes an account in one transaction: lets the caller in, then runs the rule. A refusal writes nothing.
    pub(crate) async fn change<T: Send + 'static>(
        self: &Arc<Self>,
        access: &Access,
        need: impl FnOnce(Timestamp) -> Need,
        rule: impl Fn(&mut Account, &mut Moment<'_>, Option<Own>) -> Result<T, Refusal> + Send + Sync + 'static,
    ) -> Result<T, Error> {
        let (now, mint) = (self.clock.now(), self.entropy.mint());
        let (service, entering) = (Arc::clone(self), access.clone());
        let change = move |account: &mut Account| {
            // A rule may run again; each run draws the same ids.
            let mut moment = service.moment_of(now, Actor::System, mint.clone());
            let own = entering.enter(account, &mut moment)?;
            rule(account, &mut moment, own)
        };
        let outcome = self.store.update(access.at.clone(), access.need(need(now)), change).await?;
        Ok(outcome.unwrap_or_else(|| Err(access.missing()))?)
    }

    /// Reads an account in one snapshot, as [`Service::change`] changes one.
    pub(crate) async fn read<T>(
        &self,
        access: &Access,
        need: impl FnOnce(Timestamp) -> Need,
        view: impl FnOnce(&Account, &mut Moment<'_>, Option<Own>) -> Result<T, Refusal>,
    ) -> Result<T, Error> {
        let mut moment = self.moment();
        let account = self.store.account(access.at.clone(), access.need(need(moment.now))).await?;
        let account = account.ok_or_else(|| access.missing())?;
        let own = access.enter(&account, &mut moment)?;
        Ok(view(&account, &mut moment, own)?)
    }
}
