//! The internal surface, `/internal`: the host's backend and operators. API key, JSON, problems.

mod activations;
mod api_keys;
mod events;
mod forward_auth;
mod introspection;
mod people;
mod policy;
mod security_events;
mod sessions;
mod sign_ins;
mod signing;

use utoipa_axum::router::OpenApiRouter;

use crate::Surfaces;

/// The surface's paths.
pub(crate) fn router() -> OpenApiRouter<Surfaces> {
    OpenApiRouter::new()
        .merge(sign_ins::router())
        .merge(sessions::router())
        .merge(forward_auth::router())
        .merge(introspection::router())
        .merge(activations::router())
        .merge(people::router())
        .merge(events::router())
        .merge(security_events::router())
        .merge(api_keys::router())
        .merge(policy::router())
}
