//! `/devices`: see one's devices, trust one by its fingerprint, untrust, remove, keep one's own session alive.

use axum::Json as Answer;
use axum::extract::State;
use doorward_service::{DeviceName, PageRequest};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::examples;
use super::wire::{Devices, Done, Heartbeat, OneDevice, Refused, TrustAsked, Trusted};
use crate::Surfaces;
use crate::dialects::body::Ignored;
use crate::dialects::pace::{Paced, Trust, Write};
use crate::extract::{Ids, Json, Person, id};
use crate::problem::{FieldError, FieldFault, Problem};

pub(super) fn router() -> OpenApiRouter<Surfaces> {
    OpenApiRouter::new()
        .routes(routes!(list_devices))
        .routes(routes!(get_device, remove_device))
        .routes(routes!(trust_device))
        .routes(routes!(untrust_device))
        .routes(routes!(heartbeat_device))
}

/// All of my devices
///
/// Newest first, those that were reported hijacked among them: not trusted.
#[utoipa::path(get, path = "/devices", tag = "flashback", operation_id = "flashback_list_devices",
    responses(
        (status = 200, description = "The devices", body = Devices, example = json!(examples::devices())),
        (status = 500, description = "A defect of ours", body = Refused, example = json!({ "success": false, "error": "Failed to retrieve devices" })),
    ))]
async fn list_devices(State(surfaces): State<Surfaces>, person: Person) -> Result<Answer<Devices>, Problem> {
    let all = PageRequest { limit: u16::MAX, cursor: None };
    Ok(Answer(surfaces.service.list_devices(&person.access, None, &all).await?.items.into()))
}

/// One device with its sessions
#[utoipa::path(get, path = "/devices/{id}", tag = "flashback", operation_id = "flashback_get_device",
    params(("id" = String, Path, description = "A device's id")),
    responses(
        (status = 200, description = "The device", body = OneDevice, example = json!(examples::one_device())),
        (status = 404, description = "Device not found", body = Refused, example = json!({ "success": false, "error": "Device not found" })),
    ))]
async fn get_device(State(surfaces): State<Surfaces>, person: Person, Ids(device): Ids<String>) -> Result<Answer<OneDevice>, Problem> {
    Ok(Answer(surfaces.service.get_device(&person.access, DeviceName::Id(id(&device)?)).await?.into()))
}

/// Trust a device
///
/// Through the trust gate: a second factor must have been verified lately in the caller's own session. Marks the device with
/// this fingerprint as trusted, or extends its trust. Of several that look alike it is the caller's own, or none.
#[utoipa::path(post, path = "/devices/trust", tag = "flashback", operation_id = "flashback_trust_device",
    request_body(content = TrustAsked, example = json!({ "fingerprint": "7d0c5a1e9b3f42688a6b7c8d9e0f1a2b" })),
    responses(
        (status = 200, description = "Device trusted successfully", body = Trusted,
            example = json!({ "success": true, "message": "Device trusted successfully", "trustExpiresAt": "2019-08-24T14:15:22Z", "data": "2019-08-24T14:15:22Z" })),
        (status = 404, description = "Device not found", body = Refused, example = json!({ "success": false, "error": "Device not found" })),
        (status = 500, description = "Server error", body = Refused, example = json!({ "success": false, "error": "Failed to trust device" })),
    ))]
async fn trust_device(State(surfaces): State<Surfaces>, person: Paced<Trust>, Json(asked): Json<TrustAsked>) -> Result<Answer<Trusted>, Problem> {
    if !(1..=512).contains(&asked.fingerprint.chars().count()) {
        return Err(Problem::invalid(vec![FieldError::new("fingerprint", FieldFault::Range, "must be 1 to 512 characters long")]));
    }
    Ok(Answer(Trusted::until(surfaces.service.trust_device_by_fingerprint(&person.0.access, asked.fingerprint).await?)))
}

/// Stop trusting a device
///
/// All its sessions end with the trust, the caller's too if it is the caller's own device.
#[utoipa::path(post, path = "/devices/{id}/untrust", tag = "flashback", operation_id = "flashback_untrust_device",
    params(("id" = String, Path, description = "A device's id")),
    responses(
        (status = 200, description = "Device untrusted successfully", body = Done, example = json!({ "success": true, "message": "Device untrusted successfully" })),
        (status = 404, description = "Device not found", body = Refused, example = json!({ "success": false, "error": "Device not found" })),
    ))]
async fn untrust_device(State(surfaces): State<Surfaces>, person: Paced<Write>, Ids(device): Ids<String>, _: Ignored) -> Result<Answer<Done>, Problem> {
    surfaces.service.untrust_device(&person.0.access, DeviceName::Id(id(&device)?), true).await?;
    Ok(Answer(Done::of("Device untrusted successfully")))
}

/// Remove a device
///
/// Its trust and its sessions end, its token is dead, and it is gone from every list.
#[utoipa::path(delete, path = "/devices/{id}", tag = "flashback", operation_id = "flashback_remove_device",
    params(("id" = String, Path, description = "A device's id")),
    responses(
        (status = 200, description = "Device removed successfully", body = Done, example = json!({ "success": true, "message": "Device removed successfully" })),
        (status = 404, description = "Device not found", body = Refused, example = json!({ "success": false, "error": "Device not found" })),
    ))]
async fn remove_device(State(surfaces): State<Surfaces>, person: Paced<Write>, Ids(device): Ids<String>, _: Ignored) -> Result<Answer<Done>, Problem> {
    surfaces.service.forget_device(&person.0.access, DeviceName::Id(id(&device)?)).await?;
    Ok(Answer(Done::of("Device removed successfully")))
}

/// Keep my session alive, by its device
///
/// The id is that of the caller's own device, or of the caller's own session.
#[utoipa::path(post, path = "/devices/{id}/heartbeat", tag = "flashback", operation_id = "flashback_heartbeat_device",
    params(("id" = String, Path, description = "The id of the caller's own device, or session")),
    responses(
        (status = 200, description = "Session updated successfully", body = Heartbeat, example = json!(examples::heartbeat())),
        (status = 404, description = "Device not found", body = Refused, example = json!({ "success": false, "error": "Device not found" })),
    ))]
async fn heartbeat_device(State(surfaces): State<Surfaces>, person: Paced<Write>, Ids(own): Ids<String>, _: Ignored) -> Result<Answer<Heartbeat>, Problem> {
    Ok(Answer(surfaces.service.heartbeat_of(&person.0.token, own.parse().ok(), own.parse().ok()).await?.into()))
}
