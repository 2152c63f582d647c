//! Tenants and the API keys that act in them: small, read everywhere, not sharded.

use crate::codes::closed_set;
use crate::{ApiKeyId, FeedEpoch, KeyedHash, ONCE_S, PastLimits, Policy, TenantId, Timestamp};

/// One customer or application space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// The operator's slug.
    pub id: TenantId,
    /// Raised to end every session of the tenant.
    pub sessions_gen: i64,
    /// Raised to end all trust in the tenant.
    pub trust_gen: i64,
    /// When the generations were last raised.
    pub fenced_at: Option<Timestamp>,
    /// The rules in force.
    pub policy: Policy,
    /// How often the policy was changed, and one: who changes it can say which one they read.
    pub policy_revision: i64,
    /// The limits of the policies before it, the oldest first, as far back as anything may last.
    pub past_limits: Vec<PastLimits>,
    /// The number of the last event of its own trail.
    pub last_event: i64,
    /// The history that its feed belongs to.
    pub feed_epoch: FeedEpoch,
    /// When it was made.
    pub created_at: Timestamp,
}

closed_set! {
    /// What a key may do. Roles are sets, not a ladder: an operator ends sessions and can't open any.
    pub enum Role {
        /// Verifies sessions.
        Verify = 1 "verify",
        /// A login system's backend: sign-ins, sessions, activations, reads.
        Host = 2 "host",
        /// People who help others: reads and endings; gives neither trust nor sessions.
        Operator = 3 "operator",
        /// Reads.
        Viewer = 4 "viewer",
        /// Everything, with policy and keys.
        Admin = 5 "admin",
    }
}

closed_set! {
    /// What an operation needs of a key.
    pub enum Right {
        /// Verify a session.
        Verify = 1 "verify",
        /// Read devices, sessions, sign-ins and events.
        Read = 2 "read",
        /// End sessions and trust, report, release and forget devices.
        End = 3 "end",
        /// Open sessions, give trust, keep sessions alive.
        SignIn = 4 "sign_in",
        /// Change policy and keys.
        Administer = 5 "administer",
    }
}

impl Role {
    /// Whether a key of this role has the right.
    #[must_use]
    pub const fn may(self, right: Right) -> bool {
        match self {
            Self::Admin => true,
            Self::Host => !matches!(right, Right::Administer),
            Self::Operator => matches!(right, Right::Read | Right::End),
            Self::Viewer => matches!(right, Right::Read),
            Self::Verify => matches!(right, Right::Verify),
        }
    }
}

impl Right {
    /// The role of least power that has the right, as the API description states it.
    #[must_use]
    pub const fn least_role(self) -> Role {
        match self {
            Self::Verify => Role::Verify,
            Self::Read => Role::Viewer,
            Self::End => Role::Operator,
            Self::SignIn => Role::Host,
            Self::Administer => Role::Admin,
        }
    }
}

/// A caller's credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Its id, which the audit trail names.
    pub id: ApiKeyId,
    /// The one tenant it acts in.
    pub tenant: TenantId,
    /// What it is for, in the operator's words.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The keyed hash of its text.
    pub hash: KeyedHash,
    /// The hash of the text that the last rotation replaced, and until when that one stays good.
    pub former: Option<(KeyedHash, Timestamp)>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends, if it does.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Timestamp>,
    /// When it was last used; up to a few minutes behind.
    pub last_used_at: Option<Timestamp>,
    /// The requests of the last day that gave it a text and may come again, the latest last.
    pub requests: Vec<KeyRequest>,
}

/// A request that gave an API key a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRequest {
    /// The hash of the caller's key for it.
    pub key: KeyedHash,
    /// The hash of what it asked.
    pub request: KeyedHash,
    /// When it had its effect.
    pub at: Timestamp,
    /// Whether its answer may be lost still: the text that it bore is the key's own, and nobody has used it.
    pub unused: bool,
}

impl KeyRequest {
    /// When it is forgotten.
    #[must_use]
    pub fn ends_at(&self) -> Timestamp {
        self.at.plus_s(ONCE_S)
    }
}

impl ApiKey {
    /// Whether its text may be given anew to a request that comes again, so that its first use is to be noted.
    #[must_use]
    pub fn may_be_reissued(&self, now: Timestamp) -> bool {
        self.requests.last().is_some_and(|request| request.unused && now < request.ends_at())
    }

    /// Whether it is good at this moment.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }
}
