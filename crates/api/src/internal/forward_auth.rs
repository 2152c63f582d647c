//! `/internal/forward-auth`: a proxy asks whether a request may pass. The caller's own token, and no API key.

use axum::extract::State;
use doorward_service::ActiveSession;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use utoipa::IntoResponses;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Surfaces;
use crate::cookies::cookies;
use crate::extract::{Ids, authorization, only};
use crate::problem::{Challenge, Kind, Problem};
use crate::query::{Query, Required};
use crate::wire::DEVICE_TRUST;

pub(super) fn router() -> OpenApiRouter<Surfaces> {
    OpenApiRouter::new().routes(routes!(forward_auth)).routes(routes!(forward_auth_of_tenant))
}

/// What stays as it is in a header's value; everything else is percent-encoded, so that no value can end its header.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b':').remove(b'@');

/// What a request that may pass is known by.
#[derive(IntoResponses)]
#[response(
    status = 200,
    headers(
        ("X-Doorward-User" = String, description = "The host's own id of the person"),
        ("X-Doorward-Tenant" = String, description = "The tenant"),
        ("X-Doorward-Session" = String, description = "The session's id"),
        ("X-Doorward-Device" = String, description = "The device's id"),
        ("X-Doorward-Device-Status" = String, description = "`unverified` or `trusted`"),
        ("X-Doorward-Amr" = String, description = "What was proved in the session, joined by commas"),
        ("X-Doorward-Acr" = String, description = "`aal1` or `aal2`"),
        ("X-Doorward-Mfa-At" = String, description = "When a second factor was last verified in the session"),
        ("X-Doorward-Mfa-Skipped-By" = String, description = "`device_trust` where device trust replaced the second factor"),
    )
)]
struct Passed;

/// Whether a request may pass
///
/// For nginx's `auth_request`, Caddy's `forward_auth`, Traefik's `forwardAuth` and the like; `docs/gateways.md` has whole examples. The access token
/// comes in `Authorization: Bearer`, or in the cookie that the setting `session_cookie` names; both, and different, is 401. Once there is more than
/// one tenant, the proxy names its own, in the path or in `X-Tenant-ID`. Counts as activity, at most once in 60 seconds. The headers of the answer
/// are always all there, empty where there is nothing to say, and percent-encoded.
#[utoipa::path(get, path = "/internal/forward-auth", tag = "gateways", operation_id = "forward_auth",
    params(
        ("require" = Option<String>, Query, description = "`mfa`: a second factor verified in this session itself, or 403"),
        ("max_age" = Option<u32>, Query, minimum = 1, maximum = 31_536_000, description = "With `require`: verified at most so many seconds ago"),
        ("X-Tenant-ID" = Option<String>, Header, description = "The tenant, set by the proxy"),
    ),
    responses(Passed))]
async fn forward_auth(State(surfaces): State<Surfaces>, headers: HeaderMap, query: Result<Query<Required>, Problem>) -> Result<HeaderMap, Problem> {
    pass(&surfaces, None, &headers, query).await
}

/// Whether a request may pass, in a tenant that the path names
///
/// As without a tenant in the path. An unknown tenant is 401, and so is an `X-Tenant-ID` that names another.
#[utoipa::path(get, path = "/internal/forward-auth/{tenant}", tag = "gateways", operation_id = "forward_auth_of_tenant",
    params(
        ("tenant" = String, Path, description = "The tenant"),
        ("require" = Option<String>, Query, description = "`mfa`: a second factor verified in this session itself, or 403"),
        ("max_age" = Option<u32>, Query, minimum = 1, maximum = 31_536_000, description = "With `require`: verified at most so many seconds ago"),
    ),
    responses(Passed))]
async fn forward_auth_of_tenant(
    State(surfaces): State<Surfaces>,
    headers: HeaderMap,
    Ids(tenant): Ids<String>,
    query: Result<Query<Required>, Problem>,
) -> Result<HeaderMap, Problem> {
    pass(&surfaces, Some(&tenant), &headers, query).await
}

async fn pass(surfaces: &Surfaces, tenant: Option<&str>, headers: &HeaderMap, query: Result<Query<Required>, Problem>) -> Result<HeaderMap, Problem> {
    let token = token(headers, surfaces.session_cookie.as_deref())?;
    let tenant = pinned(tenant, headers)?;
    match query {
        Ok(Query(Required(required))) => worded(&surfaces.service.forward_auth(tenant, token, required).await.map_err(told)?),
        // The order of refusals: whoever isn't signed in is told that first.
        Err(fault) => surfaces.service.is_forwarded(tenant, token).await.map_err(told).and(Err(fault)),
    }
}

fn told(error: doorward_service::Error) -> Problem {
    Problem::from(error).to_proxy()
}

/// The access token of the request that the proxy asks about.
fn token<'a>(headers: &'a HeaderMap, cookie: Option<&'a str>) -> Result<&'a str, Problem> {
    // A header that is there twice, or is no text, is read by each of those behind the proxy in its own way.
    if headers.contains_key(AUTHORIZATION) && only(headers, AUTHORIZATION.as_str()).is_none() {
        return Err(unknown());
    }
    let mut tokens = cookie.into_iter().flat_map(|name| cookies(headers, name)).filter(|value| !value.is_empty()).chain(authorization(headers, "bearer"));
    let token = tokens.next().ok_or_else(|| Problem::unauthenticated(Challenge::Bearer))?;
    // Of several, nobody can know by which one the application behind the proxy goes.
    if tokens.all(|other| other == token) { Ok(token) } else { Err(unknown()) }
}

/// The tenant that the proxy names; the path and the header don't name two.
fn pinned<'a>(path: Option<&'a str>, headers: &'a HeaderMap) -> Result<Option<&'a str>, Problem> {
    const NAME: &str = "x-tenant-id";
    if !headers.contains_key(NAME) {
        return Ok(path);
    }
    let header = only(headers, NAME);
    if header.is_some() && path.is_none_or(|path| header == Some(path)) { Ok(header) } else { Err(unknown()) }
}

fn unknown() -> Problem {
    Problem::unauthenticated(Challenge::InvalidToken)
}

/// All the headers, whatever there is to say: one that was left out could be the caller's own.
fn worded(active: &ActiveSession) -> Result<HeaderMap, Problem> {
    let session = &active.session.session;
    let one = |value: &str| utf8_percent_encode(value, PLAIN).to_string();
    let amr: Vec<String> = session.amr().iter().map(|reference| one(reference)).collect();
    let values = [
        ("x-doorward-user", one(active.user.as_str())),
        ("x-doorward-tenant", one(active.tenant.as_str())),
        ("x-doorward-session", session.id.to_string()),
        ("x-doorward-device", session.device.to_string()),
        ("x-doorward-device-status", one(active.device_status.as_str())),
        ("x-doorward-amr", amr.join(",")),
        ("x-doorward-acr", one(session.acr())),
        ("x-doorward-mfa-at", active.session.last_mfa_at.map(|at| at.to_string()).unwrap_or_default()),
        ("x-doorward-mfa-skipped-by", if session.skipped_factor { DEVICE_TRUST.to_owned() } else { String::new() }),
    ];
    let mut headers = HeaderMap::with_capacity(16);
    for (name, value) in values {
        headers.insert(HeaderName::from_static(name), HeaderValue::try_from(value).map_err(|_| Problem::new(Kind::Internal))?);
    }
    Ok(headers)
}
