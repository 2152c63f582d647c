//! The internal trusted-devices API of the Autional session service: `/internal/session/trusted-devices`. API key, JSON, problems.

mod caller;
mod examples;
mod read;
mod wire;

use axum::Json as Answer;
use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::caller::Caller;
use self::read::{OfUser, OnPage, Posted};
use self::wire::{Done, TrustedDevice, TrustedDevices};
use super::body::Ignored;
use crate::Surfaces;
use crate::extract::{Ids, Json, Read, SignIn as MaySignIn};
use crate::problem::{Kind, Problem};
use crate::query::Loose;

/// The surface's paths.
pub(super) fn router() -> OpenApiRouter<Surfaces> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(delete))
}

/// A person's trusted devices
///
/// Those that are trusted now, newest first. A user never seen has none.
#[utoipa::path(get, path = "/internal/session/trusted-devices", tag = "authms", operation_id = "authms_list_trusted_devices",
    params(
        ("X-Tenant-ID" = String, Header, description = "The tenant, which is the key's own", example = "acme"),
        ("user_id" = String, Query, min_length = 1, max_length = 255, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$", description = "The host's own id of the person", example = "user-1"),
        ("page" = Option<u32>, Query, minimum = 1, description = "Which page, from 1; 1 unless given", example = 1),
        ("page_size" = Option<u16>, Query, minimum = 1, maximum = 100, description = "Items on a page; 20 unless given", example = 20),
    ),
    responses((status = 200, description = "A page of them", body = TrustedDevices, example = json!(examples::devices()))), extensions(("x-doorward-role" = json!("viewer"))))]
async fn list(State(surfaces): State<Surfaces>, caller: Caller<Read>, query: Loose<OnPage>) -> Result<Answer<TrustedDevices>, Problem> {
    let OnPage { user, page, page_size } = query.read;
    let (person, user) = caller.person(user, query.faults)?;
    let listed = surfaces.service.list_trusted_devices(&person, page, page_size).await?;
    Ok(Answer(TrustedDevices::of(listed, caller.tenant(), &user, page, page_size)))
}

/// Trust a device of a person
///
/// The key vouches that the person passed a second factor on it. The device of this fingerprint is made, or its trust renewed.
/// That trust has the binding `fingerprint`: it lasts a week at most unless the policy says otherwise, and replaces a second
/// factor only where the policy's `trust_binding` is `fingerprint`.
#[utoipa::path(post, path = "/internal/session/trusted-devices", tag = "authms", operation_id = "authms_create_trusted_device",
    params(("X-Tenant-ID" = String, Header, description = "The tenant, which is the key's own", example = "acme")),
    request_body(content = Posted, example = json!(examples::posted())),
    responses((status = 200, description = "The device, trusted", body = TrustedDevice, example = json!(examples::device())), (status = 409, description = "The device was reported hijacked", body = crate::problem::ProblemBody, content_type = "application/problem+json")),
    extensions(("x-doorward-role" = json!("host"))))]
async fn create(State(surfaces): State<Surfaces>, caller: Caller<MaySignIn>, posted: Result<Json<Posted>, Problem>) -> Result<Answer<TrustedDevice>, Problem> {
    let (user, device, faults) = Posted::read(posted)?;
    let (person, user) = caller.person(user, faults)?;
    let view = surfaces.service.vouch_for_device(&person, device).await?;
    Ok(Answer(TrustedDevice::of(view, caller.tenant(), &user)))
}

/// Stop trusting a device of a person
///
/// Every device that is trusted now and shows this value here. Its sessions that skipped the second factor end.
#[utoipa::path(delete, path = "/internal/session/trusted-devices/{device_fingerprint}", tag = "authms", operation_id = "authms_delete_trusted_device",
    params(
        ("device_fingerprint" = String, Path, description = "What is shown as the device's fingerprint, percent-encoded, slashes too", example = "fp-7f3a"),
        ("X-Tenant-ID" = String, Header, description = "The tenant, which is the key's own", example = "acme"),
        ("user_id" = String, Query, min_length = 1, max_length = 255, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$", description = "The host's own id of the person", example = "user-1"),
    ),
    responses((status = 200, description = "Done", body = Done, example = json!(examples::done()))), extensions(("x-doorward-role" = json!("host"))))]
async fn delete(
    State(surfaces): State<Surfaces>,
    caller: Caller<MaySignIn>,
    Loose { read: OfUser(user), faults }: Loose<OfUser>,
    Ids(value): Ids<String>,
    body: Result<Ignored, Problem>,
) -> Result<Answer<Done>, Problem> {
    let (person, _) = caller.person(user, faults)?;
    body?;
    if value.is_empty() {
        // It can't be read. Devices whose value is kept no longer show an empty one, and aren't meant.
        return Err(Problem::new(Kind::NotFound));
    }
    Ok(Answer(Done::at(surfaces.service.untrust_shown_devices(&person, value).await?)))
}
