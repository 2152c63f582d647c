//! `/internal/users/{user_id}`: what operators and the host see of a person, and do for them.

use axum::Json as Answer;
use axum::extract::State;
use doorward_service::{DeviceName, SessionName};
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Surfaces;
use crate::extract::{End, Ids, Key, NoBody, Read, SignIn as MaySignIn, id, user};
use crate::language::Accepted;
use crate::object::Object;
use crate::problem::Problem;
use crate::query::{DeviceList, EndSessions, Nothing, PageOnly, Query, SessionList, WaitParameter, Waiting};
use crate::repeatable::{OnceHeader, Repeatable};
use crate::wire::{Device, DeviceDetail, Event, Export, List, Mfa, Session, SessionsEnded, SignIn, SteppedUp, Trusted};

pub(super) fn router() -> OpenApiRouter<Surfaces> {
    OpenApiRouter::new()
        .routes(routes!(list_devices))
        .routes(routes!(get_device, forget_device))
        .routes(routes!(trust_device))
        .routes(routes!(untrust_device))
        .routes(routes!(hijack_device))
        .routes(routes!(release_device))
        .routes(routes!(list_sessions, end_sessions))
        .routes(routes!(end_session))
        .routes(routes!(step_up))
        .routes(routes!(list_sign_ins))
        .routes(routes!(list_events))
        .routes(routes!(export_user))
        .routes(routes!(erase_user))
}

/// A second factor that the host verified.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Vouched {
    /// The second factor.
    #[schema(value_type = Mfa)]
    mfa: Object<Mfa>,
}

impl Vouched {
    fn read(&self) -> Result<(doorward_domain::MfaMethod, Option<doorward_domain::Timestamp>), Problem> {
        let mut faults = vec![];
        let mfa = self.mfa.0.read(&mut faults);
        if faults.is_empty() { Ok(mfa) } else { Err(Problem::invalid(faults)) }
    }
}

/// A person's devices
///
/// All of them unless asked otherwise, newest first. A user never seen has none.
#[utoipa::path(get, path = "/internal/users/{user_id}/devices", tag = "people", operation_id = "list_user_devices",
    params(
        ("user_id" = String, Path),
        ("status" = Option<String>, Query, description = "`all` (default), `trusted`, `unverified` or `hijacked`"),
        ("limit" = Option<u16>, Query, minimum = 1, maximum = 100, description = "Items on a page; 20 unless given"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses((status = 200, body = List<Device>)), extensions(("x-doorward-role" = json!("viewer"))))]
async fn list_devices(
    State(surfaces): State<Surfaces>,
    key: Key<Read>,
    Ids(person): Ids<String>,
    Query(query): Query<DeviceList<true>>,
) -> Result<Answer<List<Device>>, Problem> {
    let page = surfaces.service.list_devices(&key.backend.user(user(&person)?), query.status, &query.page).await?;
    Ok(Answer(List::of(page, Device::from)))
}

/// One device of a person, with its sessions
#[utoipa::path(get, path = "/internal/users/{user_id}/devices/{id}", tag = "people", operation_id = "get_user_device",
    params(("user_id" = String, Path), ("id" = String, Path, description = "A device's id")),
    responses((status = 200, body = DeviceDetail)), extensions(("x-doorward-role" = json!("viewer"))))]
async fn get_device(
    State(surfaces): State<Surfaces>,
    key: Key<Read>,
    Ids((person, device)): Ids<(String, String)>,
    Query(Nothing): Query<Nothing>,
) -> Result<Answer<DeviceDetail>, Problem> {
    let detail = surfaces.service.get_device(&key.backend.user(user(&person)?), DeviceName::Id(id(&device)?)).await?;
    Ok(Answer(detail.into()))
}

/// Remove a device of a person
#[utoipa::path(delete, path = "/internal/users/{user_id}/devices/{id}", tag = "people", operation_id = "forget_user_device",
    params(("user_id" = String, Path), ("id" = String, Path, description = "A device's id"), WaitParameter),
    responses((status = 204)), extensions(("x-doorward-role" = json!("operator"))))]
async fn forget_device(
    State(surfaces): State<Surfaces>,
    key: Key<End>,
    Ids((person, device)): Ids<(String, String)>,
    Query(Waiting): Query<Waiting>,
    NoBody: NoBody,
) -> Result<StatusCode, Problem> {
    surfaces.service.forget_device(&key.backend.user(user(&person)?), DeviceName::Id(id(&device)?)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Trust a device of a person
///
/// The host states the second factor that it verified; the trust gate judges it.
#[utoipa::path(post, path = "/internal/users/{user_id}/devices/{id}/trust", tag = "people", operation_id = "trust_user_device",
    params(("user_id" = String, Path), ("id" = String, Path, description = "A device's id"), OnceHeader), request_body = Vouched,
    responses((status = 200, body = Trusted)), extensions(("x-doorward-role" = json!("host"))))]
async fn trust_device(
    State(surfaces): State<Surfaces>,
    key: Key<MaySignIn>,
    Ids((person, device)): Ids<(String, String)>,
    Query(Nothing): Query<Nothing>,
    Repeatable { key: once, body: vouched }: Repeatable<Vouched>,
) -> Result<Answer<Trusted>, Problem> {
    let mfa = vouched.read()?;
    let device = surfaces.service.trust_device_for_host(&key.backend.user(user(&person)?), id(&device)?, mfa, once.as_ref()).await?;
    Ok(Answer(Trusted { device: device.into(), device_token: None }))
}

/// Stop trusting a device of a person
#[utoipa::path(post, path = "/internal/users/{user_id}/devices/{id}/untrust", tag = "people", operation_id = "untrust_user_device",
    params(("user_id" = String, Path), ("id" = String, Path, description = "A device's id"), ("end_sessions" = Option<bool>, Query, description = "End all its sessions"), WaitParameter),
    responses((status = 200, body = Device)), extensions(("x-doorward-role" = json!("operator"))))]
async fn untrust_device(
    State(surfaces): State<Surfaces>,
    key: Key<End>,
    Ids((person, device)): Ids<(String, String)>,
    Query(EndSessions(end_sessions)): Query<EndSessions>,
    NoBody: NoBody,
) -> Result<Answer<Device>, Problem> {
    let device = surfaces.service.untrust_device(&key.backend.user(user(&person)?), DeviceName::Id(id(&device)?), end_sessions).await?;
    Ok(Answer(device.into()))
}

/// Report a device as not the person's
///
/// Final: its sessions are blocked, and its token yields `deny` for ever, until it is released.
#[utoipa::path(post, path = "/internal/users/{user_id}/devices/{id}/hijack", tag = "people", operation_id = "hijack_user_device",
    params(("user_id" = String, Path), ("id" = String, Path, description = "A device's id"), WaitParameter),
    responses((status = 200, body = Device)), extensions(("x-doorward-role" = json!("operator"))))]
async fn hijack_device(
    State(surfaces): State<Surfaces>,
    key: Key<End>,
    Ids((person, device)): Ids<(String, String)>,
    Query(Waiting): Query<Waiting>,
    NoBody: NoBody,
) -> Result<Answer<Device>, Problem> {
    let device = surfaces.service.hijack_device(&key.backend.user(user(&person)?), DeviceName::Id(id(&device)?)).await?;
    Ok(Answer(device.into()))
}

/// Release a hijacked device
///
/// Retires its token, so that the owner's browser can start again as a new device. The device stays hijacked and in the history.
#[utoipa::path(post, path = "/internal/users/{user_id}/devices/{id}/release", tag = "people", operation_id = "release_user_device",
    params(("user_id" = String, Path), ("id" = String, Path, description = "A device's id"), WaitParameter),
    responses((status = 200, body = Device)), extensions(("x-doorward-role" = json!("operator"))))]
async fn release_device(
    State(surfaces): State<Surfaces>,
    key: Key<End>,
    Ids((person, device)): Ids<(String, String)>,
    Query(Waiting): Query<Waiting>,
    NoBody: NoBody,
) -> Result<Answer<Device>, Problem> {
    let device = surfaces.service.release_device(&key.backend.user(user(&person)?), id(&device)?).await?;
    Ok(Answer(device.into()))
}

/// A person's sessions
///
/// The live ones unless asked otherwise, newest first.
#[utoipa::path(get, path = "/internal/users/{user_id}/sessions", tag = "people", operation_id = "list_user_sessions",
    params(
        ("user_id" = String, Path),
        ("status" = Option<String>, Query, description = "`active` (default), `inactive`, `ended`, `blocked` or `all`"),
        ("limit" = Option<u16>, Query, minimum = 1, maximum = 100, description = "Items on a page; 20 unless given"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses((status = 200, body = List<Session>)), extensions(("x-doorward-role" = json!("viewer"))))]
async fn list_sessions(
    State(surfaces): State<Surfaces>,
    key: Key<Read>,
    Ids(person): Ids<String>,
    Query(query): Query<SessionList>,
) -> Result<Answer<List<Session>>, Problem> {
    let page = surfaces.service.list_sessions(&key.backend.user(user(&person)?), query.status, &query.page).await?;
    Ok(Answer(List::of(page, Session::from)))
}

/// End a session of a person
#[utoipa::path(delete, path = "/internal/users/{user_id}/sessions/{id}", tag = "people", operation_id = "end_user_session",
    params(("user_id" = String, Path), ("id" = String, Path, description = "A session's id"), WaitParameter),
    responses((status = 204)), extensions(("x-doorward-role" = json!("operator"))))]
async fn end_session(
    State(surfaces): State<Surfaces>,
    key: Key<End>,
    Ids((person, session)): Ids<(String, String)>,
    Query(Waiting): Query<Waiting>,
    NoBody: NoBody,
) -> Result<StatusCode, Problem> {
    surfaces.service.end_session(&key.backend.user(user(&person)?), SessionName::Id(id(&session)?)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sign a person out everywhere
///
/// Every session, and the trust on every device with them.
#[utoipa::path(delete, path = "/internal/users/{user_id}/sessions", tag = "people", operation_id = "end_user_sessions", params(("user_id" = String, Path), WaitParameter),
    responses((status = 200, body = SessionsEnded)), extensions(("x-doorward-role" = json!("operator"))))]
async fn end_sessions(
    State(surfaces): State<Surfaces>,
    key: Key<End>,
    Ids(person): Ids<String>,
    Query(Waiting): Query<Waiting>,
    NoBody: NoBody,
) -> Result<Answer<SessionsEnded>, Problem> {
    Ok(Answer(surfaces.service.end_all_sessions(&key.backend.user(user(&person)?), false).await?.into()))
}

/// Step-up
///
/// The host verified a second factor in a live session. Its access token is replaced; the old one is dead.
#[utoipa::path(post, path = "/internal/users/{user_id}/sessions/{id}/mfa", tag = "people", operation_id = "step_up",
    params(("user_id" = String, Path), ("id" = String, Path, description = "A session's id"), OnceHeader), request_body = Vouched,
    responses((status = 200, body = SteppedUp)), extensions(("x-doorward-role" = json!("host"))))]
async fn step_up(
    State(surfaces): State<Surfaces>,
    key: Key<MaySignIn>,
    Ids((person, session)): Ids<(String, String)>,
    Query(Nothing): Query<Nothing>,
    Repeatable { key: once, body: vouched }: Repeatable<Vouched>,
) -> Result<Answer<SteppedUp>, Problem> {
    let mfa = vouched.read()?;
    let stepped = surfaces.service.step_up(&key.backend.user(user(&person)?), id(&session)?, mfa, once.as_ref()).await?;
    Ok(Answer(stepped.into()))
}

/// A person's sign-ins
///
/// Newest first, each with its decision and reasons.
#[utoipa::path(get, path = "/internal/users/{user_id}/sign-ins", tag = "people", operation_id = "list_user_sign_ins",
    params(
        ("user_id" = String, Path),
        ("limit" = Option<u16>, Query, minimum = 1, maximum = 100, description = "Items on a page; 20 unless given"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses((status = 200, body = List<SignIn>)), extensions(("x-doorward-role" = json!("viewer"))))]
async fn list_sign_ins(
    State(surfaces): State<Surfaces>,
    key: Key<Read>,
    Ids(person): Ids<String>,
    Query(PageOnly(page)): Query<PageOnly>,
    language: Accepted,
) -> Result<(Accepted, Answer<List<SignIn>>), Problem> {
    let page = surfaces.service.list_sign_ins(&key.backend.user(user(&person)?), &page).await?;
    let now = surfaces.service.now();
    Ok((language, Answer(List::of(page, |sign_in| SignIn::of(sign_in, now, language.0)))))
}

/// A person's history
///
/// Newest first; also what happened to devices that are forgotten since.
#[utoipa::path(get, path = "/internal/users/{user_id}/events", tag = "people", operation_id = "list_user_events",
    params(
        ("user_id" = String, Path),
        ("limit" = Option<u16>, Query, minimum = 1, maximum = 100, description = "Items on a page; 20 unless given"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses((status = 200, body = List<Event>)), extensions(("x-doorward-role" = json!("viewer"))))]
async fn list_events(
    State(surfaces): State<Surfaces>,
    key: Key<Read>,
    Ids(person): Ids<String>,
    Query(PageOnly(page)): Query<PageOnly>,
) -> Result<Answer<List<Event>>, Problem> {
    let page = surfaces.service.list_events(&key.backend.user(user(&person)?), &page).await?;
    Ok(Answer(List::of(page, Event::from)))
}

/// Export a person
///
/// Everything that is held of the person, also of devices that are forgotten, but for keys, and keyed digests of tokens and
/// looks. A user never seen is answered alike, with nothing.
#[utoipa::path(get, path = "/internal/users/{user_id}/export", tag = "people", operation_id = "export_user", params(("user_id" = String, Path)),
    responses((status = 200, body = Export)), extensions(("x-doorward-role" = json!("operator"))))]
async fn export_user(
    State(surfaces): State<Surfaces>,
    key: Key<End>,
    Ids(person): Ids<String>,
    Query(Nothing): Query<Nothing>,
) -> Result<Answer<Export>, Problem> {
    Ok(Answer(surfaces.service.export(&key.backend.user(user(&person)?)).await?.into()))
}

/// Erase a person
///
/// Deletes what is held of the person, devices, sessions, sign-ins and offers, and destroys the key of what can't be deleted
/// at once. Their events stay and name nobody. No token of theirs works any more, and the same `user_id` may begin anew as
/// an unknown person. It may be repeated, and a user never seen is answered alike. 503 where the erasure can't be written
/// down for restores of backups: then nothing is erased.
#[utoipa::path(delete, path = "/internal/users/{user_id}", tag = "people", operation_id = "erase_user", params(("user_id" = String, Path), WaitParameter),
    responses((status = 204)), extensions(("x-doorward-role" = json!("operator"))))]
async fn erase_user(
    State(surfaces): State<Surfaces>,
    key: Key<End>,
    Ids(person): Ids<String>,
    Query(Waiting): Query<Waiting>,
    NoBody: NoBody,
) -> Result<StatusCode, Problem> {
    surfaces.service.erase(&key.backend.user(user(&person)?)).await?;
    Ok(StatusCode::NO_CONTENT)
}
