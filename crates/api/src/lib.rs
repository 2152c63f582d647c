//! Doorward's HTTP surfaces over the one core.
//!
//! A handler reads the request into domain words, calls one method of the service, and words the answer. Each surface owns
//! its paths and its errors; the two own APIs, `internal` and `native`, share their wire types and the problem form.

pub mod context;
mod cookies;
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

pub use openapi::{description, description_json};

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
}

/// What people's apps and browsers reach: native, the description and its page, the pages of the problems.
pub fn public_router(surfaces: Surfaces) -> Router {
    let (router, _) = native::router().split_for_parts();
    finished(router.merge(docs::router()).merge(problem::pages()), surfaces)
}

/// What the host's backend and operators reach.
pub fn internal_router(surfaces: Surfaces) -> Router {
    let (router, _) = internal::router().split_for_parts();
    finished(router.merge(problem::pages()), surfaces)
}

/// Both on one listener.
pub fn all_router(surfaces: Surfaces) -> Router {
    let (native, _) = native::router().split_for_parts();
    let (internal, _) = internal::router().split_for_parts();
    finished(native.merge(internal).merge(docs::router()).merge(problem::pages()), surfaces)
}

fn finished(router: Router<Surfaces>, surfaces: Surfaces) -> Router {
    router
        .fallback(|| async { Problem::new(Kind::NotFound).detail("There is no such path.") })
        .method_not_allowed_fallback(|| async { Problem::new(Kind::MethodNotAllowed) })
        .with_state(surfaces)
}
