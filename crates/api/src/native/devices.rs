//! `/api/v1/devices`: see one's devices, take up or decline an offer of trust, rename, trust, untrust, report, remove.

use axum::Json as Answer;
use axum::extract::State;
use axum::response::IntoResponse;
use doorward_service::DeviceName;
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::device_cookie::Bearing;
use crate::Surfaces;
use crate::extract::{Ids, Json, NoBody, Person, id};
use crate::problem::{FieldError, FieldFault, Problem};
use crate::query::{DeviceList, EndSessions, ExceptCurrent, Nothing, Query, WaitParameter, Waiting};
use crate::repeatable::{Again, OnceHeader, Repeatable};
use crate::wire::{ActivationTaken, Device, DeviceDetail, DeviceOnly, DevicesForgotten, List, OfferDeclined, SessionsEnded, Trusted, device_name};

pub(super) fn router() -> OpenApiRouter<Surfaces> {
    OpenApiRouter::new()
        .routes(routes!(list_devices, forget_other_devices))
        .route("/api/v1/devices/", axum::routing::get(list_devices).delete(forget_other_devices))
        .routes(routes!(activate))
        .routes(routes!(decline))
        .routes(routes!(sign_out_device))
        .routes(routes!(get_device, rename_device, forget_device))
        .routes(routes!(trust_device))
        .routes(routes!(untrust_device))
        .routes(routes!(hijack_device))
}

fn name_of(text: &str) -> Result<DeviceName, Problem> {
    if text == "current" { Ok(DeviceName::Current) } else { id(text).map(DeviceName::Id) }
}

/// A new name.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Rename {
    /// 1 to 64 characters, no control characters.
    #[schema(min_length = 1, max_length = 64, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$", example = "Work laptop")]
    name: String,
}

/// List my devices
///
/// The trusted ones unless asked otherwise, newest first.
#[utoipa::path(get, path = "/api/v1/devices", tag = "devices", operation_id = "list_devices",
    params(
        ("status" = Option<String>, Query, description = "`trusted` (default), `unverified`, `hijacked` or `all`"),
        ("limit" = Option<u16>, Query, minimum = 1, maximum = 100, description = "Items on a page; 20 unless given"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses((status = 200, body = List<Device>)))]
async fn list_devices(State(surfaces): State<Surfaces>, person: Person, Query(query): Query<DeviceList<false>>) -> Result<Answer<List<Device>>, Problem> {
    let page = surfaces.service.list_devices(&person.access, query.status, &query.page).await?;
    Ok(Answer(List::of(page, Device::from)))
}

/// Take up an offer of trust
///
/// Trusts the caller's own device with the activation token of its sign-in or step-up. Works once. A caller that is or may be
/// a web page gets the new device token as the cookie `__Host-doorward_device`, any other in the body.
#[utoipa::path(post, path = "/api/v1/devices/activate", tag = "devices", operation_id = "activate_device", params(OnceHeader), request_body = ActivationTaken,
    responses((status = 200, body = Trusted)))]
async fn activate(
    State(surfaces): State<Surfaces>,
    person: Person,
    Query(Nothing): Query<Nothing>,
    bearing: Bearing,
    Repeatable { key: once, body: taken }: Repeatable<ActivationTaken>,
) -> Result<impl IntoResponse, Problem> {
    if let Some(name) = &taken.device_name {
        device_name("device_name", name).map_err(|fault| Problem::invalid(vec![fault]))?;
    }
    let trusted = surfaces.service.activate(&person.access, &taken.activation_token, taken.device_name, once.as_ref()).await?;
    let (device_token, headers) = bearing.bear(trusted.device_token, surfaces.dev);
    Ok((headers, Answer(Trusted { device: trusted.device.into(), device_token })))
}

/// Decline an offer of trust
///
/// Uses the offer up; the device stays unverified, and no new offer is made on it for the policy's `offer_again_after_s`.
#[utoipa::path(post, path = "/api/v1/devices/skip", tag = "devices", operation_id = "decline_device", params(OnceHeader), request_body = OfferDeclined,
    responses((status = 200, body = DeviceOnly)))]
async fn decline(
    State(surfaces): State<Surfaces>,
    person: Person,
    Query(Nothing): Query<Nothing>,
    Repeatable { key: once, body: declined }: Repeatable<OfferDeclined>,
) -> Result<Answer<DeviceOnly>, Problem> {
    let device = surfaces.service.decline(&person.access, &declined.activation_token, once.as_ref()).await?;
    Ok(Answer(DeviceOnly { device: device.into() }))
}

/// End all sessions of this device
///
/// Every session of the caller's own device, the caller's too.
#[utoipa::path(post, path = "/api/v1/devices/signout", tag = "devices", operation_id = "sign_out_device", params(WaitParameter), responses((status = 200, body = SessionsEnded)))]
async fn sign_out_device(
    State(surfaces): State<Surfaces>,
    person: Person,
    Query(Waiting): Query<Waiting>,
    NoBody: NoBody,
) -> Result<Answer<SessionsEnded>, Problem> {
    Ok(Answer(surfaces.service.sign_out_device(&person.access).await?.into()))
}

/// One device with its sessions
///
/// `current` stands for the caller's own.
#[utoipa::path(get, path = "/api/v1/devices/{id}", tag = "devices", operation_id = "get_device", params(("id" = String, Path, description = "A device's id, or `current`")),
    responses((status = 200, body = DeviceDetail)))]
async fn get_device(
    State(surfaces): State<Surfaces>,
    person: Person,
    Ids(device): Ids<String>,
    Query(Nothing): Query<Nothing>,
) -> Result<Answer<DeviceDetail>, Problem> {
    let detail = surfaces.service.get_device(&person.access, name_of(&device)?).await?;
    Ok(Answer(detail.into()))
}

/// Rename a device
#[utoipa::path(patch, path = "/api/v1/devices/{id}", tag = "devices", operation_id = "rename_device", params(("id" = String, Path, description = "A device's id, or `current`")),
    request_body = Rename, responses((status = 200, body = Device)))]
async fn rename_device(
    State(surfaces): State<Surfaces>,
    person: Person,
    Ids(device): Ids<String>,
    Query(Nothing): Query<Nothing>,
    Json(rename): Json<Rename>,
) -> Result<Answer<Device>, Problem> {
    device_name("name", &rename.name).map_err(|fault| Problem::invalid(vec![fault]))?;
    let device = surfaces.service.rename_device(&person.access, name_of(&device)?, rename.name).await?;
    Ok(Answer(device.into()))
}

/// Remove a device
///
/// Its trust and its sessions end, its token is dead, and it is gone from every list. The history stays.
#[utoipa::path(delete, path = "/api/v1/devices/{id}", tag = "devices", operation_id = "forget_device", params(("id" = String, Path, description = "A device's id, or `current`"), WaitParameter),
    responses((status = 204)))]
async fn forget_device(
    State(surfaces): State<Surfaces>,
    person: Person,
    Ids(device): Ids<String>,
    Query(Waiting): Query<Waiting>,
    NoBody: NoBody,
) -> Result<StatusCode, Problem> {
    surfaces.service.forget_device(&person.access, name_of(&device)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Remove all other devices
///
/// Only with `except_current=true`.
#[utoipa::path(delete, path = "/api/v1/devices", tag = "devices", operation_id = "forget_other_devices",
    params(("except_current" = bool, Query, description = "Must be `true`"), WaitParameter), responses((status = 200, body = DevicesForgotten)))]
async fn forget_other_devices(
    State(surfaces): State<Surfaces>,
    person: Person,
    Query(ExceptCurrent(except_current)): Query<ExceptCurrent>,
    NoBody: NoBody,
) -> Result<Answer<DevicesForgotten>, Problem> {
    if !except_current {
        return Err(Problem::invalid(vec![FieldError::new(
            "except_current",
            FieldFault::Required,
            "must be true: all devices but the present one are removed",
        )]));
    }
    let (devices_forgotten, sessions) = surfaces.service.forget_other_devices(&person.access).await?;
    Ok(Answer(DevicesForgotten { devices_forgotten, sessions: sessions.into() }))
}

/// Trust a device
///
/// Through the trust gate: a second factor must have been verified lately in the caller's own session. On a trusted device it renews the trust.
#[utoipa::path(post, path = "/api/v1/devices/{id}/trust", tag = "devices", operation_id = "trust_device", params(("id" = String, Path, description = "A device's id, or `current`"), OnceHeader),
    responses((status = 200, body = Trusted)))]
async fn trust_device(
    State(surfaces): State<Surfaces>,
    person: Person,
    Again(once): Again,
    Ids(device): Ids<String>,
    Query(Nothing): Query<Nothing>,
    bearing: Bearing,
    NoBody: NoBody,
) -> Result<impl IntoResponse, Problem> {
    let trusted = surfaces.service.trust_device(&person.access, name_of(&device)?, bearing.reaches_device(), once.as_ref()).await?;
    let (device_token, headers) = bearing.bear(trusted.device_token, surfaces.dev);
    Ok((headers, Answer(Trusted { device: trusted.device.into(), device_token })))
}

/// Stop trusting a device
///
/// Its sessions that skipped the second factor end, but for the caller's own; with `end_sessions=true` all of them, the caller's too.
#[utoipa::path(post, path = "/api/v1/devices/{id}/untrust", tag = "devices", operation_id = "untrust_device",
    params(("id" = String, Path, description = "A device's id, or `current`"), ("end_sessions" = Option<bool>, Query, description = "End all its sessions"), WaitParameter),
    responses((status = 200, body = Device)))]
async fn untrust_device(
    State(surfaces): State<Surfaces>,
    person: Person,
    Ids(device): Ids<String>,
    Query(EndSessions(end_sessions)): Query<EndSessions>,
    NoBody: NoBody,
) -> Result<Answer<Device>, Problem> {
    let device = surfaces.service.untrust_device(&person.access, name_of(&device)?, end_sessions).await?;
    Ok(Answer(device.into()))
}

/// Report a device as not mine
///
/// Final: its sessions are blocked, and so is whoever holds its token. Trust that was given or offered by sessions of it ends as well.
#[utoipa::path(post, path = "/api/v1/devices/{id}/hijack", tag = "devices", operation_id = "hijack_device", params(("id" = String, Path, description = "A device's id, or `current`"), WaitParameter),
    responses((status = 200, body = Device)))]
async fn hijack_device(
    State(surfaces): State<Surfaces>,
    person: Person,
    Ids(device): Ids<String>,
    Query(Waiting): Query<Waiting>,
    NoBody: NoBody,
) -> Result<Answer<Device>, Problem> {
    let device = surfaces.service.hijack_device(&person.access, name_of(&device)?).await?;
    Ok(Answer(device.into()))
}
