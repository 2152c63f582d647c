//! `/api/v1/sessions`: see one's sessions, end one or all, keep one's own alive.

use axum::Json as Answer;
use axum::extract::State;
use doorward_service::SessionName;
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Surfaces;
use crate::extract::{Ids, NoBody, Person, id};
use crate::problem::Problem;
use crate::query::{ExceptCurrent, Nothing, Query, SessionList, WaitParameter, Waiting};
use crate::wire::{Heartbeat, List, Session, SessionsEnded};

pub(super) fn router() -> OpenApiRouter<Surfaces> {
    OpenApiRouter::new()
        .routes(routes!(list_sessions, end_sessions))
        .route("/api/v1/sessions/", axum::routing::get(list_sessions).delete(end_sessions))
        .routes(routes!(get_session, end_session))
        .routes(routes!(heartbeat))
}

fn name_of(text: &str) -> Result<SessionName, Problem> {
    if text == "current" { Ok(SessionName::Current) } else { id(text).map(SessionName::Id) }
}

/// List my sessions
///
/// The live ones unless asked otherwise, newest first.
#[utoipa::path(get, path = "/api/v1/sessions", tag = "sessions", operation_id = "list_sessions",
    params(
        ("status" = Option<String>, Query, description = "`active` (default), `inactive`, `ended`, `blocked` or `all`"),
        ("limit" = Option<u16>, Query, minimum = 1, maximum = 100, description = "Items on a page; 20 unless given"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses((status = 200, body = List<Session>)))]
async fn list_sessions(State(surfaces): State<Surfaces>, person: Person, Query(query): Query<SessionList>) -> Result<Answer<List<Session>>, Problem> {
    let page = surfaces.service.list_sessions(&person.access, query.status, &query.page).await?;
    Ok(Answer(List::of(page, Session::from)))
}

/// One session
///
/// `current` stands for the caller's own.
#[utoipa::path(get, path = "/api/v1/sessions/{id}", tag = "sessions", operation_id = "get_session", params(("id" = String, Path, description = "A session's id, or `current`")),
    responses((status = 200, body = Session)))]
async fn get_session(
    State(surfaces): State<Surfaces>,
    person: Person,
    Ids(session): Ids<String>,
    Query(Nothing): Query<Nothing>,
) -> Result<Answer<Session>, Problem> {
    let session = surfaces.service.get_session(&person.access, name_of(&session)?).await?;
    Ok(Answer(session.into()))
}

/// End a session
///
/// `current` is sign-out. Ending an ended session again changes nothing.
#[utoipa::path(delete, path = "/api/v1/sessions/{id}", tag = "sessions", operation_id = "end_session", params(("id" = String, Path, description = "A session's id, or `current`"), WaitParameter),
    responses((status = 204)))]
async fn end_session(
    State(surfaces): State<Surfaces>,
    person: Person,
    Ids(session): Ids<String>,
    Query(Waiting): Query<Waiting>,
    NoBody: NoBody,
) -> Result<StatusCode, Problem> {
    surfaces.service.end_session(&person.access, name_of(&session)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sign out everywhere
///
/// Every session, or with `except_current=true` every other. Trust ends too, but on the caller's own device.
#[utoipa::path(delete, path = "/api/v1/sessions", tag = "sessions", operation_id = "end_sessions",
    params(("except_current" = Option<bool>, Query, description = "Keep the caller's own"), WaitParameter), responses((status = 200, body = SessionsEnded)))]
async fn end_sessions(
    State(surfaces): State<Surfaces>,
    person: Person,
    Query(ExceptCurrent(except_current)): Query<ExceptCurrent>,
    NoBody: NoBody,
) -> Result<Answer<SessionsEnded>, Problem> {
    Ok(Answer(surfaces.service.end_all_sessions(&person.access, except_current).await?.into()))
}

/// Keep my session alive
///
/// Durable when answered. Never revives a session, and never passes its absolute end.
#[utoipa::path(post, path = "/api/v1/sessions/current/heartbeat", tag = "sessions", operation_id = "heartbeat", responses((status = 200, body = Heartbeat)))]
async fn heartbeat(State(surfaces): State<Surfaces>, person: Person, Query(Nothing): Query<Nothing>, NoBody: NoBody) -> Result<Answer<Heartbeat>, Problem> {
    Ok(Answer(surfaces.service.heartbeat(&person.token).await?.into()))
}
