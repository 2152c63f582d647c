//! `/internal/policy`: the tenant's rules, to read and to change.

use axum::Json as Answer;
use axum::extract::State;
use doorward_service::Administrator;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Surfaces;
use crate::extract::{Administer, Json, Key, Read};
use crate::problem::Problem;
use crate::query::{DryRun, Nothing, Query, WaitParameter};
use crate::refusals::of_administrator;
use crate::wire::{Policy, PolicyChanged, PolicySent};

pub(super) fn router() -> OpenApiRouter<Surfaces> {
    OpenApiRouter::new().routes(routes!(get_policy, change_policy))
}

/// Read the tenant's policy
///
/// Its preset, and every rule as it holds now. `docs/policy.md` explains each.
#[utoipa::path(get, path = "/internal/policy", tag = "policy", operation_id = "get_policy", responses((status = 200, body = Policy)),
    extensions(("x-doorward-role" = json!("viewer"))))]
async fn get_policy(State(surfaces): State<Surfaces>, key: Key<Read>, Query(Nothing): Query<Nothing>) -> Result<Answer<Policy>, Problem> {
    let tenant = surfaces.service.get_tenant(key.backend.tenant.clone()).await?;
    Ok(Answer(Policy::of(&tenant.policy, tenant.policy_revision)))
}

/// Change the tenant's policy
///
/// Some of the rules, or another preset with or without some, or the whole as it was read. Each fault is named. A stricter policy is
/// judged at the next use of whatever was begun before; a looser one brings nothing back. With `dry_run` it is only told what would change.
#[utoipa::path(put, path = "/internal/policy", tag = "policy", operation_id = "change_policy",
    params(("dry_run" = Option<bool>, Query, description = "Only tell what would change, and what it would end"), WaitParameter),
    request_body = PolicySent, responses((status = 200, body = PolicyChanged)), extensions(("x-doorward-role" = json!("admin"))))]
async fn change_policy(
    State(surfaces): State<Surfaces>,
    key: Key<Administer>,
    Query(DryRun(dry_run)): Query<DryRun>,
    Json(sent): Json<PolicySent>,
) -> Result<Answer<PolicyChanged>, Problem> {
    let (change, revision) = sent.read()?;
    let changed = surfaces.service.change_policy(&Administrator::from(&key.backend), change, revision, dry_run).await.map_err(of_administrator)?;
    Ok(Answer(PolicyChanged::of(changed, dry_run)))
}
