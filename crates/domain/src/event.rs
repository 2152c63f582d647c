//! Events: what Doorward did, past tense, in the same commit as the change.

use serde_json::{Map, Value};

use crate::codes::closed_set;
use crate::{Cause, DeviceId, EventId, SessionId, SignInId, Timestamp};

closed_set! {
    /// What happened. A closed list: `docs/events.md` describes each.
    pub enum EventKind {
        /// A user was seen for the first time.
        AccountCreated = 1 "account.created",
        /// A sign-in was completed on a device not known before.
        DeviceAdded = 2 "device.added",
        /// A device was given trust, or its trust was renewed.
        DeviceTrusted = 3 "device.trusted",
        /// A device's trust was ended.
        DeviceUntrusted = 4 "device.untrusted",
        /// A device was renamed.
        DeviceRenamed = 5 "device.renamed",
        /// A device was reported hijacked.
        DeviceHijacked = 6 "device.hijacked",
        /// A hijacked device's token was retired.
        DeviceReleased = 7 "device.released",
        /// A device was removed.
        DeviceForgotten = 8 "device.forgotten",
        /// An offer of trust was declined.
        OfferDeclined = 9 "offer.declined",
        /// A sign-in was completed and its session began.
        SessionStarted = 10 "session.started",
        /// A second factor was verified in a session, and its token replaced.
        SessionSteppedUp = 11 "session.stepped_up",
        /// One session ended.
        SessionEnded = 12 "session.ended",
        /// Several sessions ended by one act.
        SessionsEnded = 13 "sessions.ended",
        /// A security event that the host reported was applied; the cause says which.
        SecurityEventApplied = 14 "security_event.applied",
        /// A tenant's policy was changed.
        PolicyChanged = 15 "policy.changed",
        /// An old device token came back after its successor was used: somebody has a copy.
        DeviceTokenReused = 16 "device.token_reused",
        /// Everything in the tenant was ended.
        TenantFenced = 29 "tenant.fenced",
        /// A request came again under its idempotency key, and the unused tokens of its lost answer were replaced.
        TokensReissued = 30 "tokens.reissued",
        /// An API key was made.
        ApiKeyCreated = 31 "api_key.created",
        /// An API key got another text.
        ApiKeyRotated = 32 "api_key.rotated",
        /// An API key was revoked.
        ApiKeyRevoked = 33 "api_key.revoked",
        /// Everything that was held of the user was erased.
        AccountErased = 50 "account.erased",
        /// A tenant was made.
        TenantCreated = 56 "tenant.created",
    }
}

/// One entry of an account's audit trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its place in the account's trail, from 1, without gaps.
    pub number: i64,
    /// Its id.
    pub id: EventId,
    /// What happened.
    pub kind: EventKind,
    /// When.
    pub at: Timestamp,
    /// Who did it: `user:<session>`, `key:<key>[:<human>]` or `system[:<human>]`.
    pub actor: String,
    /// Why, where the kind alone doesn't say.
    pub cause: Option<Cause>,
    /// The device it happened to.
    pub device: Option<DeviceId>,
    /// The session it happened to.
    pub session: Option<SessionId>,
    /// The sign-in that led to it.
    pub sign_in: Option<SignInId>,
    /// Details by name; holds no secret and nothing that a list of the device wouldn't show.
    pub data: Map<String, Value>,
}

/// What an event is about, before it has a number, an id and a time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// Why.
    pub cause: Option<Cause>,
    /// The device.
    pub device: Option<DeviceId>,
    /// The session.
    pub session: Option<SessionId>,
    /// The sign-in.
    pub sign_in: Option<SignInId>,
    /// Details by name.
    pub data: Map<String, Value>,
}

impl About {
    /// About a device.
    #[must_use]
    pub fn device(id: DeviceId) -> Self {
        Self { device: Some(id), ..Self::default() }
    }

    /// About a session on a device.
    #[must_use]
    pub fn session(id: SessionId, device: DeviceId) -> Self {
        Self { session: Some(id), device: Some(device), ..Self::default() }
    }

    /// With a cause.
    #[must_use]
    pub fn because(mut self, cause: Cause) -> Self {
        self.cause = Some(cause);
        self
    }

    /// With more details.
    #[must_use]
    pub fn with_all(mut self, details: Map<String, Value>) -> Self {
        self.data.extend(details);
        self
    }

    /// With one more detail.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.data.insert(name.to_owned(), value.into());
        self
    }
}
