//! The demo's parts and its routes.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::header;
use axum::middleware;
use axum::response::IntoResponse;
use axum::routing::{get, post};

use crate::browser::Browsers;
use crate::doorward::Doorward;
use crate::guard::{Site, guard};
use crate::people::People;
use crate::{code, dev_tools, devices, home, register, sessions, sign_in, step_up, trust};

/// A form of this demo is never longer.
const MOST_BODY: usize = 16 * 1024;

/// Everything that a request may need.
pub(crate) struct App {
    pub(crate) site: Site,
    pub(crate) doorward: Doorward,
    pub(crate) people: People,
    pub(crate) browsers: Browsers,
}

/// All routes, behind the guard.
pub(crate) fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/", get(home::show))
        .route("/register", get(register::show).post(register::submit))
        .route("/sign-in", get(sign_in::show).post(sign_in::submit))
        .route("/code", get(code::show).post(code::submit))
        .route("/trust", get(trust::show).post(trust::submit))
        .route("/step-up", get(step_up::show).post(step_up::submit))
        .route("/devices", get(devices::show))
        .route("/devices/{id}/rename", post(devices::rename))
        .route("/devices/{id}/trust", post(devices::trust))
        .route("/devices/{id}/untrust", post(devices::untrust))
        .route("/devices/{id}/hijack", post(devices::hijack))
        .route("/devices/{id}/remove", post(devices::remove))
        .route("/sessions/others/end", post(sessions::end_others))
        .route("/sessions/{id}/end", post(sessions::end))
        .route("/sign-out", post(sessions::sign_out))
        .route("/dev/profile", post(dev_tools::profile))
        .route("/dev/steal", post(dev_tools::steal))
        .route("/dev/later", post(dev_tools::later))
        .route("/dev/clear", post(dev_tools::clear))
        .route("/style.css", get(style))
        .route("/page.js", get(script))
        .route("/icon.svg", get(icon))
        .fallback(home::not_found)
        .layer(DefaultBodyLimit::max(MOST_BODY))
        .layer(middleware::from_fn_with_state(Arc::clone(&app), guard))
        .with_state(app)
}

async fn style() -> impl IntoResponse {
    let kind = [(header::CONTENT_TYPE, "text/css; charset=utf-8")];
    (kind, include_str!("assets/style.css"))
}

async fn script() -> impl IntoResponse {
    let kind = [(header::CONTENT_TYPE, "text/javascript; charset=utf-8")];
    (kind, include_str!("assets/page.js"))
}

async fn icon() -> impl IntoResponse {
    let kind = [(header::CONTENT_TYPE, "image/svg+xml")];
    (kind, include_str!("assets/icon.svg"))
}
