//! `/internal/sessions`: verify tokens, keep sessions alive, or open one without evaluation.

use axum::extract::State;
use axum::{Extension, Json as Answer};
use doorward_service::{Inactive, Verified};
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::signing::Entry;
use crate::Surfaces;
use crate::extract::{Json, Key, SignIn, Verify};
use crate::layers::WrongSecret;
use crate::problem::{FieldError, FieldFault, Problem};
use crate::query::{Nothing, Query};
use crate::repeatable::{OnceHeader, Repeatable};
use crate::wire::{Beat, Opened, Results, Verification};

pub(super) fn router() -> OpenApiRouter<Surfaces> {
    OpenApiRouter::new().routes(routes!(open_session)).routes(routes!(verify)).routes(routes!(verify_batch)).routes(routes!(heartbeat_batch))
}

/// An answer that takes as long as a refusal where a token is a wrong secret.
type Evened<T> = (Option<Extension<WrongSecret>>, Answer<T>);

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
) -> Result<Evened<Verification>, Problem> {
    let verified = surfaces.service.verify(&key.backend, &check.token, check.touch.unwrap_or(true)).await?;
    Ok((WrongSecret::mark(verified.is_wrong()), Answer(verified.into())))
}

/// Tokens to check.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Checks {
    /// Access tokens.
    #[schema(min_items = 1, max_items = 64, example = json!(["dws_…"]))]
    tokens: Vec<String>,
    /// Whether the check counts as activity; `true`, if absent.
    #[schema(default = true)]
    touch: Option<bool>,
}

/// Tokens of sessions to keep alive.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Beats {
    /// Access tokens.
    #[schema(min_items = 1, max_items = 64, example = json!(["dws_…"]))]
    tokens: Vec<String>,
}

/// The tokens of a batch, of which there are some and not too many.
fn batch(tokens: Vec<String>) -> Result<Vec<String>, Problem> {
    let fault = || Problem::invalid(vec![FieldError::new("tokens", FieldFault::Range, "must be 1 to 64 access tokens")]);
    if (1..=64).contains(&tokens.len()) { Ok(tokens) } else { Err(fault()) }
}

/// Check several access tokens
///
/// Each as by `verify`, in order. Where it can't be known of one of them, 503 for all.
#[utoipa::path(post, path = "/internal/sessions/verify-batch", tag = "sessions (internal)", operation_id = "verify_sessions", request_body = Checks,
    responses((status = 200, body = Results<Verification>)), extensions(("x-doorward-role" = json!("verify"))))]
async fn verify_batch(
    State(surfaces): State<Surfaces>,
    key: Key<Verify>,
    Query(Nothing): Query<Nothing>,
    Json(checks): Json<Checks>,
) -> Result<Evened<Results<Verification>>, Problem> {
    let verified = surfaces.service.verify_batch(&key.backend, &batch(checks.tokens)?, checks.touch.unwrap_or(true)).await?;
    Ok((WrongSecret::mark(verified.iter().any(Verified::is_wrong)), Answer(Results::of(verified))))
}

/// Keep several sessions alive
///
/// For gateways that see the requests. Each is kept alive durably, or its session isn't live, and `reason` says why, as `verify` does. Never revives
/// one. With 503 some may have been kept alive: send all again.
#[utoipa::path(post, path = "/internal/sessions/heartbeat-batch", tag = "sessions (internal)", operation_id = "heartbeat_sessions", request_body = Beats,
    responses((status = 200, body = Results<Beat>)), extensions(("x-doorward-role" = json!("host"))))]
async fn heartbeat_batch(
    State(surfaces): State<Surfaces>,
    key: Key<SignIn>,
    Query(Nothing): Query<Nothing>,
    Json(beats): Json<Beats>,
) -> Result<Evened<Results<Beat>>, Problem> {
    let beats = surfaces.service.heartbeat_batch(&key.backend, &batch(beats.tokens)?).await?;
    Ok((WrongSecret::mark(beats.iter().any(|beat| matches!(beat, Err(Inactive::Wrong)))), Answer(Results::of(beats))))
}

/// Open a session without evaluation
///
/// For hosts that sign people in by themselves: they answer for the second factor. The same refusals as at completion.
#[utoipa::path(post, path = "/internal/sessions", tag = "sessions (internal)", operation_id = "open_session", params(OnceHeader), request_body = Entry,
    responses((status = 201, body = Opened)), extensions(("x-doorward-role" = json!("host"))))]
async fn open_session(
    State(surfaces): State<Surfaces>,
    key: Key<SignIn>,
    Query(Nothing): Query<Nothing>,
    Repeatable { key: once, body: entry }: Repeatable<Entry>,
) -> Result<(StatusCode, Answer<Opened>), Problem> {
    let (request, external) = entry.read()?;
    let opened = surfaces.service.open_session(&key.backend, request, external, once.as_ref()).await?;
    Ok((StatusCode::CREATED, Answer(opened.into())))
}
