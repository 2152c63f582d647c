//! The wire types that the two own APIs share: snake_case JSON, RFC 3339 times in UTC, `null` for what isn't there.

mod activation;
mod api_key;
mod device;
mod event;
mod export;
mod gateway;
mod mfa;
mod policy;
mod session;
mod sign_in;

use doorward_domain::Count;
use doorward_service::Paged;
use serde::Serialize;
use utoipa::ToSchema;

pub(crate) use activation::{Activation, ActivationTaken, DeviceOnly, OfferDeclined, Trusted};
pub(crate) use api_key::{ApiKey, ApiKeyShown};
pub(crate) use device::{Device, DeviceDetail, device_name};
pub(crate) use event::{Event, FeedPage};
pub(crate) use export::Export;
pub(crate) use gateway::{Beat, Introspection, Results};
pub(crate) use mfa::{Mfa, time};
pub(crate) use policy::{Policy, PolicyChanged, PolicySent};
pub(crate) use session::{DEVICE_TRUST, Heartbeat, Opened, Session, SteppedUp, Verification};
pub(crate) use sign_in::SignIn;

/// A page of a list, newest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct List<T: ToSchema> {
    /// The items.
    items: Vec<T>,
    /// Where the next page begins; `null` on the last.
    next_cursor: Option<String>,
}

impl<T: ToSchema> List<T> {
    pub(crate) fn of<V>(page: Paged<V>, word: impl Fn(V) -> T) -> Self {
        Self { items: page.items.into_iter().map(word).collect(), next_cursor: page.next_cursor }
    }
}

/// How many sessions ended.
#[derive(Serialize, ToSchema)]
pub(crate) struct SessionsEnded {
    /// Exact up to 1,000.
    #[schema(example = 3, maximum = 1000)]
    sessions_ended: usize,
    /// `true` where there were more than 1,000; else absent.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    more: bool,
}

impl From<Count> for SessionsEnded {
    fn from(count: Count) -> Self {
        Self { sessions_ended: count.number, more: count.more }
    }
}

/// What forgetting all other devices ended.
#[derive(Serialize, ToSchema)]
pub(crate) struct DevicesForgotten {
    /// How many devices.
    pub(crate) devices_forgotten: usize,
    /// How many sessions of theirs.
    #[serde(flatten)]
    pub(crate) sessions: SessionsEnded,
}
