//! `/api/devices`: see one's devices, verify one, report it, forget it, sign out of one's own.

use axum::Json as Answer;
use axum::extract::State;
use doorward_service::{DeviceName, PageRequest};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::examples;
use super::wire::{Data, Device, DeviceWithSessions, Done, Refused};
use crate::Surfaces;
use crate::dialects::body::Ignored;
use crate::dialects::pace::{Paced, Trust, Write};
use crate::extract::{Ids, Person, id};
use crate::problem::Problem;

pub(super) fn router() -> OpenApiRouter<Surfaces> {
    OpenApiRouter::new()
        .routes(routes!(list_devices))
        .routes(routes!(get_device))
        .routes(routes!(verify_device))
        .routes(routes!(hijack_device))
        .routes(routes!(forget_device))
        .routes(routes!(sign_out_device))
}

fn name_of(uuid: &str) -> Result<DeviceName, Problem> {
    id(uuid).map(DeviceName::Id)
}

/// All of my devices
///
/// Newest first, those that were reported hijacked among them.
#[utoipa::path(get, path = "/api/devices", tag = "laravel", operation_id = "laravel_list_devices",
    responses((status = 200, description = "The devices", body = Data<Vec<Device>>, example = json!(examples::devices()))))]
async fn list_devices(State(surfaces): State<Surfaces>, person: Person) -> Result<Answer<Data<Vec<Device>>>, Problem> {
    let all = PageRequest { limit: u16::MAX, cursor: None };
    let devices = surfaces.service.list_devices(&person.access, None, &all).await?.items;
    Ok(Answer(Data::of(devices.into_iter().map(Device::from).collect())))
}

/// One device with its sessions
///
/// Those that are over are among them, as far as they are of the hundred newest sessions of the person.
#[utoipa::path(get, path = "/api/devices/{uuid}", tag = "laravel", operation_id = "laravel_get_device",
    params(("uuid" = String, Path, description = "A device's id")),
    responses(
        (status = 200, description = "The device", body = Data<DeviceWithSessions>, example = json!(examples::one_device())),
        (status = 404, description = "Device not found", body = Refused, example = json!({ "message": "Device not found" })),
    ))]
async fn get_device(State(surfaces): State<Surfaces>, person: Person, Ids(device): Ids<String>) -> Result<Answer<Data<DeviceWithSessions>>, Problem> {
    Ok(Answer(Data::of(surfaces.service.get_device_with_past(&person.access, name_of(&device)?).await?.into())))
}

/// Verify a device
///
/// From now on a sign-in on it may skip the second factor. Through the trust gate: a second factor must have been verified lately in
/// the caller's own session.
#[utoipa::path(patch, path = "/api/devices/{uuid}/verify", tag = "laravel", operation_id = "laravel_verify_device",
    params(("uuid" = String, Path, description = "A device's id")),
    responses(
        (status = 200, description = "Device verified", body = Done, example = json!({ "message": "Device verified successfully" })),
        (status = 404, description = "Device not found", body = Refused, example = json!({ "message": "Device not found" })),
        (status = 409, description = "Device is hijacked", body = Refused, example = json!({ "message": "Device is hijacked." })),
    ))]
async fn verify_device(State(surfaces): State<Surfaces>, person: Paced<Trust>, Ids(device): Ids<String>, _: Ignored) -> Result<Answer<Done>, Problem> {
    surfaces.service.trust_device(&person.0.access, name_of(&device)?, false, None).await?;
    Ok(Answer(Done::of("Device verified successfully")))
}

/// Report a device as hijacked
///
/// All its sessions are blocked. That is final.
#[utoipa::path(patch, path = "/api/devices/{uuid}/hijack", tag = "laravel", operation_id = "laravel_hijack_device",
    params(("uuid" = String, Path, description = "A device's id")),
    responses(
        (status = 200, description = "Device flagged as hijacked", body = Done, example = json!({ "message": "Device flagged as hijacked" })),
        (status = 404, description = "Device not found", body = Refused, example = json!({ "message": "Device not found" })),
    ))]
async fn hijack_device(State(surfaces): State<Surfaces>, person: Paced<Write>, Ids(device): Ids<String>, _: Ignored) -> Result<Answer<Done>, Problem> {
    surfaces.service.hijack_device(&person.0.access, name_of(&device)?).await?;
    Ok(Answer(Done::of("Device flagged as hijacked")))
}

/// Forget a device
///
/// Its trust and its sessions end, its token is dead, and it is gone from every list.
#[utoipa::path(patch, path = "/api/devices/{uuid}/forget", tag = "laravel", operation_id = "laravel_forget_device",
    params(("uuid" = String, Path, description = "A device's id")),
    responses(
        (status = 200, description = "Device forgotten", body = Done, example = json!({ "message": "Device forgotten successfully. All active sessions were ended." })),
        (status = 404, description = "Device not found", body = Refused, example = json!({ "message": "Device not found" })),
    ))]
async fn forget_device(State(surfaces): State<Surfaces>, person: Paced<Write>, Ids(device): Ids<String>, _: Ignored) -> Result<Answer<Done>, Problem> {
    surfaces.service.forget_device(&person.0.access, name_of(&device)?).await?;
    Ok(Answer(Done::of("Device forgotten successfully. All active sessions were ended.")))
}

/// Sign out of my device
///
/// Every session on the caller's own device ends, the caller's too: its next call is 401.
#[utoipa::path(post, path = "/api/devices/signout", tag = "laravel", operation_id = "laravel_sign_out_device",
    responses((status = 200, description = "Sessions finished", body = Done, example = json!({ "message": "All active sessions for device finished successfully." }))))]
async fn sign_out_device(State(surfaces): State<Surfaces>, person: Paced<Write>, _: Ignored) -> Result<Answer<Done>, Problem> {
    surfaces.service.sign_out_device(&person.0.access).await?;
    Ok(Answer(Done::of("All active sessions for device finished successfully.")))
}
