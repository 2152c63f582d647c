//! The native surface, `/api/v1`: the signed-in person's own app. Bearer access token, JSON, problems.

mod device_cookie;
mod devices;
mod events;
mod sessions;

use utoipa_axum::router::OpenApiRouter;

use crate::Surfaces;

/// The surface's paths.
pub(crate) fn router() -> OpenApiRouter<Surfaces> {
    OpenApiRouter::new().merge(devices::router()).merge(sessions::router()).merge(events::router())
}
