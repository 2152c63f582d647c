//! What a rule or a reader needs of an account: the store loads this much and no more.

use doorward_domain::{AccountId, DeviceId, KeyedHash, NewAccount, SessionId, Shard, SignInId, TenantId, Timestamp, UserId};
use uuid::Uuid;

/// Which account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountKey {
    /// By whose it is.
    User(TenantId, UserId),
    /// By where it lies: what tokens and sign-ins carry.
    Id(Shard, AccountId),
}

impl AccountKey {
    /// The account's shard.
    #[must_use]
    pub fn shard(&self) -> Shard {
        match self {
            Self::User(tenant, user) => Shard::of(tenant, user),
            Self::Id(shard, _) => *shard,
        }
    }
}

/// A stretch of a list, newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// Only what comes after this id in the list, which is what is smaller.
    pub before: Option<Uuid>,
    /// At most so many rows.
    pub limit: u16,
}

/// A stretch of all that is kept, oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// Only what comes after this id.
    pub after: Uuid,
    /// At most so many rows of each kind.
    pub limit: u16,
}

/// Which of a kind of rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Rows {
    /// None.
    #[default]
    None,
    /// What rules judge by. Devices: those that aren't forgotten, and those whose token still means something.
    /// Sessions: those that weren't ended by themselves, under the account's present generation.
    Standing,
    /// A stretch of the list, ended sessions with it; forgotten devices are in no list.
    Page(Page),
}

/// What to load. The account's head and its tenant's facts always come along, and each session's device with it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Need {
    /// Make the account if it isn't there, with this id, key and time. Only [`AccountKey::User`] can.
    pub create: Option<NewAccount>,
    /// Its devices.
    pub devices: Rows,
    /// One device besides, in whatever state.
    pub device: Option<DeviceId>,
    /// Its sessions.
    pub sessions: Rows,
    /// One session besides, in whatever state.
    pub session: Option<SessionId>,
    /// Its offers made since then.
    pub offers_since: Option<Timestamp>,
    /// One sign-in, and how many open ones are newer.
    pub sign_in: Option<SignInId>,
    /// Its sign-ins, as a stretch of the list.
    pub sign_ins: Option<Page>,
    /// The raises of its generations, the last 200.
    pub raises: bool,
    /// The security events reported under this id of the host's.
    pub reported: Option<String>,
    /// Its events, as a stretch of the list.
    pub events: Option<Page>,
    /// Its sign-ins, sessions, offers and devices, the forgotten too, as a stretch in the order of their ids: what retention looks at.
    pub kept: Option<Kept>,
    /// So many at most of its forgotten devices whose tokens are retired and on which no session is kept.
    pub husks: Option<u16>,
    /// The records of requests under these hashes of their keys, whichever account they went to; also where the account is new.
    pub once: Vec<KeyedHash>,
}

/// How long an offer can live at most, in seconds: what was made before can't be open.
const OFFERS_LAST_S: u32 = 3_600;
/// How many raises are loaded.
pub(crate) const RAISES: u16 = 200;

impl Need {
    /// What most rules judge by: standing devices and sessions, and the offers that can be open.
    #[must_use]
    pub fn standing(now: Timestamp) -> Self {
        Self { devices: Rows::Standing, sessions: Rows::Standing, offers_since: Some(now.minus_s(OFFERS_LAST_S)), raises: true, ..Self::default() }
    }

    /// With one session besides.
    #[must_use]
    pub fn with_session(mut self, id: SessionId) -> Self {
        self.session = Some(id);
        self
    }

    /// With one sign-in.
    #[must_use]
    pub fn with_sign_in(mut self, id: SignInId) -> Self {
        self.sign_in = Some(id);
        self
    }
}
