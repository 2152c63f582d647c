//! Doorward's rules: pure types and decisions. No I/O, no clock, no randomness; `now` and the mint come in as parameters.
//!
//! Singular modules hold what things are (`device`, `session`, …), plural ones what is done to them, as methods of [`Account`].

mod account;
mod activations;
mod cause;
mod codes;
mod data_key;
mod device;
mod devices;
pub mod event;
mod factor;
mod fingerprint;
mod ids;
mod keys;
mod mint;
mod offer;
mod policy;
pub mod refusal;
mod security_event;
mod security_events;
mod session;
mod sessions;
mod sign_in;
mod sign_ins;
mod subject;
mod tenancy;
mod tenant;
mod time;
pub mod token;
mod trust;

pub use account::{Account, Count, Generation, Head, Moment, Raise};
pub use activations::Activated;
pub use cause::{Actor, Cause};
pub use data_key::{DataKey, NewAccount};
pub use device::{Device, DeviceStatus, Ending, Grant, Seen, Trust};
pub use event::{Event, EventKind};
pub use factor::{Factor, MfaMethod, SecondFactor, not_in_future};
pub use fingerprint::{Fingerprint, Part};
pub use ids::{AccountId, ApiKeyId, DeviceId, EventId, MalformedId, OfferId, SessionId, SignInId};
pub use keys::{KeyId, KeyRing, KeyedHash, Pepper};
pub use mint::{Mint, first_uuid_at};
pub use offer::{Offer, OfferState};
pub use policy::{Binding, Policy, PolicyFault, Preset, Rules};
pub use refusal::Refusal;
pub use security_event::{Ends, Leeway, Report, Reported, SecurityEvent, SessionsEnded};
pub use security_events::Applied;
pub use session::{Session, SessionStatus};
pub use sessions::SteppedUp;
pub use sign_in::{Attempt, Decision, Generations, Judgement, OPEN_SIGN_INS, Presented, Reason, SIGN_IN_TTL_S, SignIn, SignInState};
pub use sign_ins::{COOKIE_TOKENS, Completion, Opened, join_cookie};
pub use subject::{Shard, TenantId, UserId};
pub use tenancy::Tenancy;
pub use tenant::{ApiKey, Right, Role, Tenant};
pub use time::Timestamp;
pub use token::{AccessToken, ActivationToken, ApiKeyToken, DeviceRef, DeviceToken, KeyRef, OfferRef, SessionRef};
pub use trust::Voucher;
