//! Doorward's HTTP surfaces over the one core.
//!
//! A handler reads the request into domain words, calls one method of the service, and words the answer. Each surface owns
//! its paths and its errors; the two own APIs, `internal` and `native`, share their wire types and the problem form. Beside
//! them stand the dialects, for apps that were written for another product's API.

pub mod context;
mod cookies;
mod dialects;
mod docs;
#[cfg(test)]
mod events_page;
mod extract;
mod internal;
mod language;
pub mod layers;
pub mod metrics;
mod native;
mod object;
mod openapi;
pub mod problem;
pub mod proxies;
mod query;
mod refusals;
mod repeatable;
pub mod shown;
pub mod trace;
mod wire;

use std::sync::Arc;

use axum::Router;
use doorward_service::Service;
use utoipa_axum::router::OpenApiRouter;

pub use dialects::{Dialect, Dialects, KeyHeader};
pub use openapi::{Description, Surface, descriptions};

use crate::problem::{Kind, Problem};

/// What every handler has at hand.
#[derive(Clone)]
pub struct Surfaces {
    /// The one core.
    pub service: Arc<Service>,
    /// Dev mode: cookies for plain http on loopback.
    pub dev: bool,
    /// The name of the host's own cookie that holds the access token, for forward-auth.
    pub session_cookie: Option<Arc<str>>,
    /// The dialects that are served.
    pub dialects: Dialects,
}

/// What people's apps and browsers reach: native, the dialects of people's apps, the descriptions and their page, the pages of
/// the problems.
pub fn public_router(surfaces: Surfaces) -> Router {
    finished(public(&surfaces).merge(docs::router(surfaces.dialects)), surfaces)
}

/// What the host's backend and operators reach.
pub fn internal_router(surfaces: Surfaces) -> Router {
    finished(internal(&surfaces), surfaces)
}

/// Both on one listener.
pub fn all_router(surfaces: Surfaces) -> Router {
    finished(public(&surfaces).merge(internal(&surfaces)).merge(docs::router(surfaces.dialects)), surfaces)
}

fn public(surfaces: &Surfaces) -> Router<Surfaces> {
    with_dialects(native::router(), surfaces.dialects.on().filter(|dialect| !dialect.is_internal()))
}

fn internal(surfaces: &Surfaces) -> Router<Surfaces> {
    with_dialects(internal::router(), surfaces.dialects.on().filter(|dialect| dialect.is_internal()))
}

fn with_dialects(own: OpenApiRouter<Surfaces>, dialects: impl Iterator<Item = Dialect>) -> Router<Surfaces> {
    let (router, _) = dialects.fold(own, |router, dialect| router.merge(dialect.router())).split_for_parts();
    router
}

fn finished(router: Router<Surfaces>, surfaces: Surfaces) -> Router {
    router
        .merge(problem::pages())
        .fallback(|| async { Problem::new(Kind::NotFound).detail("There is no such path.") })
        .method_not_allowed_fallback(|| async { Problem::new(Kind::MethodNotAllowed) })
        .with_state(surfaces)
}
