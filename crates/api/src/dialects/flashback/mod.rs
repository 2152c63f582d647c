//! The Flashback device and session API: `/devices` and `/sessions`. Bearer access token, JSON, camelCase.

mod devices;
mod examples;
mod sessions;
mod wire;
mod words;

use utoipa_axum::router::OpenApiRouter;

use crate::Surfaces;
use crate::openapi::Described;

pub(super) use words::words;

/// The surface's paths.
pub(super) fn router() -> OpenApiRouter<Surfaces> {
    OpenApiRouter::new().merge(devices::router()).merge(sessions::router())
}

pub(super) fn refusal() -> Described {
    Described::of::<wire::Refused>("application/json")
}
