//! `/sessions`: see one's live sessions, end one or all, keep one's own alive.

use axum::Json as Answer;
use axum::extract::State;
use doorward_service::SessionName;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::examples;
use super::wire::{Done, Heartbeat, Refused, Sessions};
use crate::Surfaces;
use crate::dialects::body::Ignored;
use crate::dialects::pace::{Paced, Write};
use crate::extract::{Ids, Person, id};
use crate::problem::Problem;

pub(super) fn router() -> OpenApiRouter<Surfaces> {
    OpenApiRouter::new().routes(routes!(list_sessions)).routes(routes!(revoke_session)).routes(routes!(revoke_sessions)).routes(routes!(heartbeat_session))
}

/// All of my live sessions
///
/// Newest first.
#[utoipa::path(get, path = "/sessions", tag = "flashback", operation_id = "flashback_list_sessions",
    responses((status = 200, description = "The sessions", body = Sessions, example = json!(examples::sessions()))))]
async fn list_sessions(State(surfaces): State<Surfaces>, person: Person) -> Result<Answer<Sessions>, Problem> {
    Ok(Answer(surfaces.service.list_sessions_on_devices(&person.access).await?.into()))
}

/// Revoke a session
///
/// Revoking one that has ended changes nothing.
#[utoipa::path(post, path = "/sessions/{id}/revoke", tag = "flashback", operation_id = "flashback_revoke_session",
    params(("id" = String, Path, description = "A session's id")),
    responses(
        (status = 200, description = "Session revoked successfully", body = Done, example = json!({ "success": true, "message": "Session revoked successfully" })),
        (status = 404, description = "Session not found", body = Refused, example = json!({ "success": false, "error": "Session not found" })),
    ))]
async fn revoke_session(State(surfaces): State<Surfaces>, person: Paced<Write>, Ids(session): Ids<String>, _: Ignored) -> Result<Answer<Done>, Problem> {
    surfaces.service.end_session(&person.0.access, SessionName::Id(id(&session)?)).await?;
    Ok(Answer(Done::of("Session revoked successfully")))
}

/// Revoke all sessions
///
/// The caller's too. Trust ends with them, but on the caller's own device where the policy spares it.
#[utoipa::path(post, path = "/sessions/revoke-all", tag = "flashback", operation_id = "flashback_revoke_sessions",
    responses(
        (status = 200, description = "All sessions revoked successfully", body = Done, example = json!({ "success": true, "message": "All sessions revoked successfully" })),
    ))]
async fn revoke_sessions(State(surfaces): State<Surfaces>, person: Paced<Write>, _: Ignored) -> Result<Answer<Done>, Problem> {
    surfaces.service.end_all_sessions(&person.0.access, false).await?;
    Ok(Answer(Done::of("All sessions revoked successfully")))
}

/// Keep my session alive
///
/// The id is that of the caller's own session. Durable when answered. Never revives a session, and never passes its absolute end.
#[utoipa::path(post, path = "/sessions/{id}/heartbeat", tag = "flashback", operation_id = "flashback_heartbeat_session",
    params(("id" = String, Path, description = "The id of the caller's own session")),
    responses(
        (status = 200, description = "Session updated successfully", body = Heartbeat, example = json!(examples::heartbeat())),
        (status = 404, description = "Session not found or expired", body = Refused, example = json!({ "success": false, "error": "Session not found or expired" })),
    ))]
async fn heartbeat_session(State(surfaces): State<Surfaces>, person: Paced<Write>, Ids(own): Ids<String>, _: Ignored) -> Result<Answer<Heartbeat>, Problem> {
    Ok(Answer(surfaces.service.heartbeat_of(&person.0.token, own.parse().ok(), None).await?.into()))
}
