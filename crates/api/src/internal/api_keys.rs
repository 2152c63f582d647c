//! `/internal/api-keys`: the tenant's API keys, for whoever has one of role `admin`.

use axum::Json as Answer;
use axum::extract::State;
use doorward_domain::{LONGEST_OVERLAP_S, OVERLAP_S, Role, Timestamp, is_plain_text};
use doorward_service::{Administrator, Paged};
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Surfaces;
use crate::extract::{Administer, Ids, Key, NoBody, id};
use crate::problem::{FieldError, FieldFault, Problem};
use crate::query::{Nothing, Query, WaitParameter, Waiting};
use crate::refusals::of_administrator;
use crate::repeatable::{OnceHeader, Repeatable};
use crate::wire::{ApiKey, ApiKeyShown, List, time};

pub(super) fn router() -> OpenApiRouter<Surfaces> {
    OpenApiRouter::new().routes(routes!(list_api_keys, create_api_key)).routes(routes!(rotate_api_key)).routes(routes!(revoke_api_key))
}

/// A key to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewApiKey {
    /// What it is for: 1 to 64 characters, no control characters.
    #[schema(min_length = 1, max_length = 64, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$", example = "login backend")]
    name: String,
    /// `verify`, `viewer`, `operator`, `host` or `admin`.
    #[schema(pattern = "^(verify|viewer|operator|host|admin)$", example = "host")]
    role: String,
    /// When it ends, RFC 3339; never, if absent.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
}

impl NewApiKey {
    fn read(self) -> Result<(String, Role, Option<Timestamp>), Problem> {
        let mut faults = vec![];
        if !is_plain_text(&self.name, 64) {
            faults.push(FieldError::new("name", FieldFault::Range, "must be 1 to 64 characters long, without control characters"));
        }
        let role = Role::from_word(&self.role);
        if role.is_none() {
            let known = Role::ALL.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(", ");
            faults.push(FieldError::new("role", FieldFault::Format, format!("must be one of {known}")));
        }
        let expires_at = time("expires_at", self.expires_at.as_deref(), &mut faults);
        match role {
            Some(role) if faults.is_empty() => Ok((self.name, role, expires_at)),
            _ => Err(Problem::invalid(faults)),
        }
    }
}

/// How a key is rotated.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Rotation {
    /// How long the old text stays good, in seconds: 0 to 2,592,000; a day, if absent.
    #[schema(minimum = 0, maximum = 2_592_000, default = 86_400)]
    overlap_s: Option<u32>,
}

/// The tenant's API keys
///
/// All of them, the revoked and expired ones too, newest first. A key's text is never shown again.
#[utoipa::path(get, path = "/internal/api-keys", tag = "api keys", operation_id = "list_api_keys", responses((status = 200, body = List<ApiKey>)),
    extensions(("x-doorward-role" = json!("admin"))))]
async fn list_api_keys(State(surfaces): State<Surfaces>, key: Key<Administer>, Query(Nothing): Query<Nothing>) -> Result<Answer<List<ApiKey>>, Problem> {
    let items = surfaces.service.list_api_keys(&Administrator::from(&key.backend)).await.map_err(of_administrator)?;
    let now = surfaces.service.now();
    Ok(Answer(List::of(Paged { items, next_cursor: None }, |key| ApiKey::of(key, now))))
}

/// Make an API key
///
/// Its text is in this answer and nowhere else. A key that ends can make none that outlives it.
#[utoipa::path(post, path = "/internal/api-keys", tag = "api keys", operation_id = "create_api_key", params(OnceHeader), request_body = NewApiKey,
    responses((status = 201, body = ApiKeyShown)), extensions(("x-doorward-role" = json!("admin"))))]
async fn create_api_key(
    State(surfaces): State<Surfaces>,
    key: Key<Administer>,
    Query(Nothing): Query<Nothing>,
    Repeatable { key: once, body: new }: Repeatable<NewApiKey>,
) -> Result<(StatusCode, Answer<ApiKeyShown>), Problem> {
    let made = surfaces.service.create_api_key(&Administrator::from(&key.backend), new.read()?, once.as_ref()).await.map_err(of_administrator)?;
    Ok((StatusCode::CREATED, Answer(ApiKeyShown::of(made, surfaces.service.now()))))
}

/// Rotate an API key
///
/// A new text under the same id, name, role and end. The old one stays good for `overlap_s`; one that an earlier rotation replaced is dead.
#[utoipa::path(post, path = "/internal/api-keys/{id}/rotate", tag = "api keys", operation_id = "rotate_api_key",
    params(("id" = String, Path, description = "An API key's id"), OnceHeader), request_body = Rotation,
    responses((status = 200, body = ApiKeyShown)), extensions(("x-doorward-role" = json!("admin"))))]
async fn rotate_api_key(
    State(surfaces): State<Surfaces>,
    key: Key<Administer>,
    Ids(which): Ids<String>,
    Query(Nothing): Query<Nothing>,
    Repeatable { key: once, body: rotation }: Repeatable<Rotation>,
) -> Result<Answer<ApiKeyShown>, Problem> {
    let overlap_s = rotation.overlap_s.unwrap_or(OVERLAP_S);
    if overlap_s > LONGEST_OVERLAP_S {
        return Err(Problem::invalid(vec![FieldError::new("overlap_s", FieldFault::Range, "must be from 0 to 2592000")]));
    }
    let by = Administrator::from(&key.backend);
    let rotated = surfaces.service.rotate_api_key(&by, id(&which)?, overlap_s, once.as_ref()).await.map_err(of_administrator)?;
    Ok(Answer(ApiKeyShown::of(rotated, surfaces.service.now())))
}

/// Revoke an API key
///
/// Refused at its next use, on every node. The last good key of role `admin` can't be revoked by a key.
#[utoipa::path(delete, path = "/internal/api-keys/{id}", tag = "api keys", operation_id = "revoke_api_key",
    params(("id" = String, Path, description = "An API key's id"), WaitParameter), responses((status = 204)), extensions(("x-doorward-role" = json!("admin"))))]
async fn revoke_api_key(
    State(surfaces): State<Surfaces>,
    key: Key<Administer>,
    Ids(which): Ids<String>,
    Query(Waiting): Query<Waiting>,
    NoBody: NoBody,
) -> Result<StatusCode, Problem> {
    surfaces.service.revoke_api_key(&Administrator::from(&key.backend), id(&which)?).await.map_err(of_administrator)?;
    Ok(StatusCode::NO_CONTENT)
}
