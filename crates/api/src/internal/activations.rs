//! `/internal/activations`: take up or decline an offer of trust, for hosts that keep the device token themselves.

use axum::Json as Answer;
use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Surfaces;
use crate::extract::{Key, SignIn};
use crate::problem::Problem;
use crate::query::{Nothing, Query};
use crate::repeatable::{OnceHeader, Repeatable};
use crate::wire::{ActivationTaken, DeviceOnly, OfferDeclined, Trusted, device_name};

pub(super) fn router() -> OpenApiRouter<Surfaces> {
    OpenApiRouter::new().routes(routes!(activate)).routes(routes!(decline))
}

/// Take up an offer of trust
///
/// Trusts the device of the session in which the offer was made. Works once. Store the device token in place of the old one.
#[utoipa::path(post, path = "/internal/activations/activate", tag = "activations", operation_id = "activate", params(OnceHeader), request_body = ActivationTaken,
    responses((status = 200, body = Trusted)), extensions(("x-doorward-role" = json!("host"))))]
async fn activate(
    State(surfaces): State<Surfaces>,
    key: Key<SignIn>,
    Query(Nothing): Query<Nothing>,
    Repeatable { key: once, body: taken }: Repeatable<ActivationTaken>,
) -> Result<Answer<Trusted>, Problem> {
    if let Some(name) = &taken.device_name {
        device_name("device_name", name).map_err(|fault| Problem::invalid(vec![fault]))?;
    }
    let trusted = surfaces.service.activate_for_host(&key.backend, &taken.activation_token, taken.device_name, once.as_ref()).await?;
    Ok(Answer(Trusted { device: trusted.device.into(), device_token: trusted.device_token.map(|token| token.reveal()) }))
}

/// Decline an offer of trust
///
/// Uses the offer up; the device stays unverified, and no new offer is made on it for the policy's `offer_again_after_s`.
#[utoipa::path(post, path = "/internal/activations/skip", tag = "activations", operation_id = "decline", params(OnceHeader), request_body = OfferDeclined,
    responses((status = 200, body = DeviceOnly)), extensions(("x-doorward-role" = json!("host"))))]
async fn decline(
    State(surfaces): State<Surfaces>,
    key: Key<SignIn>,
    Query(Nothing): Query<Nothing>,
    Repeatable { key: once, body: declined }: Repeatable<OfferDeclined>,
) -> Result<Answer<DeviceOnly>, Problem> {
    let device = surfaces.service.decline_for_host(&key.backend, &declined.activation_token, once.as_ref()).await?;
    Ok(Answer(DeviceOnly { device: device.into() }))
}
