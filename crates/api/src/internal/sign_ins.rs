//! `/internal/sign-ins`: evaluate, then complete.

use axum::Json as Answer;
use axum::extract::State;
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::signing::{Attempt, Finish};
use crate::Surfaces;
use crate::extract::{Ids, Key, Read, SignIn as MaySignIn, id};
use crate::language::Accepted;
use crate::problem::Problem;
use crate::query::{Nothing, Query};
use crate::repeatable::{OnceHeader, Repeatable};
use crate::wire::{Opened, SignIn};

pub(super) fn router() -> OpenApiRouter<Surfaces> {
    OpenApiRouter::new().routes(routes!(evaluate)).routes(routes!(get_sign_in)).routes(routes!(complete))
}

/// Evaluate a sign-in
///
/// After the first factor: whether the second may be skipped. Only a valid device token of this tenant and user identifies a device.
#[utoipa::path(post, path = "/internal/sign-ins", tag = "sign-ins", operation_id = "evaluate_sign_in", params(OnceHeader), request_body = Attempt,
    responses((status = 201, body = SignIn)), extensions(("x-doorward-role" = json!("host"))))]
async fn evaluate(
    State(surfaces): State<Surfaces>,
    key: Key<MaySignIn>,
    Query(Nothing): Query<Nothing>,
    language: Accepted,
    Repeatable { key: once, body: attempt }: Repeatable<Attempt>,
) -> Result<(StatusCode, Accepted, Answer<SignIn>), Problem> {
    let view = surfaces.service.evaluate(&key.backend, attempt.read()?, once.as_ref()).await?;
    let sign_in = SignIn::of(view, surfaces.service.now(), language.0);
    Ok((StatusCode::CREATED, language, Answer(sign_in)))
}

/// Why was I challenged?
///
/// A sign-in as it was decided, with its reasons.
#[utoipa::path(get, path = "/internal/sign-ins/{id}", tag = "sign-ins", operation_id = "get_sign_in", params(("id" = String, Path, description = "A sign-in's id")),
    responses((status = 200, body = SignIn)), extensions(("x-doorward-role" = json!("viewer"))))]
async fn get_sign_in(
    State(surfaces): State<Surfaces>,
    key: Key<Read>,
    Ids(sign_in): Ids<String>,
    Query(Nothing): Query<Nothing>,
    language: Accepted,
) -> Result<(Accepted, Answer<SignIn>), Problem> {
    let view = surfaces.service.get_sign_in(&key.backend, id(&sign_in)?).await?;
    let sign_in = SignIn::of(view, surfaces.service.now(), language.0);
    Ok((language, Answer(sign_in)))
}

/// Complete a sign-in
///
/// When the host is done: opens the session. Everything is judged again as it stands now; a refusal leaves the sign-in open.
#[utoipa::path(post, path = "/internal/sign-ins/{id}/complete", tag = "sign-ins", operation_id = "complete_sign_in", params(("id" = String, Path, description = "A sign-in's id"), OnceHeader),
    request_body = Finish, responses((status = 201, body = Opened)), extensions(("x-doorward-role" = json!("host"))))]
async fn complete(
    State(surfaces): State<Surfaces>,
    key: Key<MaySignIn>,
    Ids(sign_in): Ids<String>,
    Query(Nothing): Query<Nothing>,
    Repeatable { key: once, body: finish }: Repeatable<Finish>,
) -> Result<(StatusCode, Answer<Opened>), Problem> {
    let completion = finish.read()?;
    let opened = surfaces.service.complete(&key.backend, id(&sign_in)?, completion, once.as_ref()).await?;
    Ok((StatusCode::CREATED, Answer(opened.into())))
}
