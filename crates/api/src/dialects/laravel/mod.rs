//! The laravel-devices API: `/api/devices`. Bearer access token, JSON.
//!
//! Its clients send `{}`, `null` or nothing with a request that changes something: it is read as JSON and says nothing.

mod devices;
mod examples;
mod wire;
mod words;

use utoipa_axum::router::OpenApiRouter;

use crate::Surfaces;
use crate::openapi::Described;

pub(super) use words::words;

/// The surface's paths.
pub(super) fn router() -> OpenApiRouter<Surfaces> {
    devices::router()
}

pub(super) fn refusal() -> Described {
    Described::of::<wire::Refused>("application/json")
}
