//! `/internal/sessions`: verify a token, or open a session without evaluation.

use axum::Json as Answer;
use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::signing::Entry;
use crate::Surfaces;
use crate::extract::{Json, Key, SignIn, Verify};
use crate::problem::Problem;
use crate::query::{Nothing, Query};
use crate::wire::{Opened, Verification};

pub(super) fn router() -> OpenApiRouter<Surfaces> {
    OpenApiRouter::new().routes(routes!(open_session)).routes(routes!(verify))
}

/// A token to check.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Check {
    /// An access token.
    #[schema(example = "dws_…")]
    token: String,
    /// Whether the check counts as activity; `true`, if absent.
    #[schema(default = true)]
    touch: Option<bool>,
}

/// Check an access token
///
/// Counts as activity, written at most once in 60 seconds, unless `touch` is `false`. Where it can't be known, 503: never a false answer.
#[utoipa::path(post, path = "/internal/sessions/verify", tag = "sessions (internal)", operation_id = "verify_session", request_body = Check,
    responses((status = 200, body = Verification)), extensions(("x-doorward-role" = json!("verify"))))]
async fn verify(
    State(surfaces): State<Surfaces>,
    key: Key<Verify>,
    Query(Nothing): Query<Nothing>,
    Json(check): Json<Check>,
) -> Result<Answer<Verification>, Problem> {
    Ok(Answer(surfaces.service.verify(&key.backend, &check.token, check.touch.unwrap_or(true)).await?.into()))
}

/// Open a session without evaluation
///
/// For hosts that sign people in by themselves: they answer for the second factor. The same refusals as at completion.
#[utoipa::path(post, path = "/internal/sessions", tag = "sessions (internal)", operation_id = "open_session", request_body = Entry,
    responses((status = 201, body = Opened)), extensions(("x-doorward-role" = json!("host"))))]
async fn open_session(
    State(surfaces): State<Surfaces>,
    key: Key<SignIn>,
    Query(Nothing): Query<Nothing>,
    Json(entry): Json<Entry>,
) -> Result<(StatusCode, Answer<Opened>), Problem> {
    let (request, external) = entry.read()?;
    let opened = surfaces.service.open_session(&key.backend, request, external).await?;
    Ok((StatusCode::CREATED, Answer(opened.into())))
}
