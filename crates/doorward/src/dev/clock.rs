//! The dev clock: `GET` and `POST /dev/clock` let time pass, so that 30 days need not be waited for.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use doorward_api::problem::{Kind, Problem};
use doorward_service::{Clock as _, SystemClock};
use http::header;
use http::uri::Authority;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// How far the clock may be moved in all: ten years.
const MOST_S: u32 = 10 * 366 * 86_400;

/// The clock of dev mode; how far it is ahead is kept in a file, so that a restart does not go back in time.
#[derive(Clone)]
pub(super) struct DevClock(Arc<Parts>);

struct Parts {
    clock: Arc<SystemClock>,
    file: PathBuf,
    /// One move at a time, so that the file holds the last.
    moving: Mutex<()>,
}

#[derive(Serialize)]
struct Told {
    now: String,
    offset_s: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Move {
    advance_s: u32,
}

impl DevClock {
    /// The clock, as far ahead as it was.
    pub(super) fn restore(clock: Arc<SystemClock>, data_dir: &Path) -> Result<Self, Failure> {
        let file = data_dir.join("dev-clock");
        if let Ok(text) = std::fs::read_to_string(&file) {
            let ahead = text.trim().parse().ok().filter(|ahead| *ahead <= MOST_S);
            clock.advance_s(ahead.ok_or_else(|| Failure::new(format!("{} holds no number of seconds. Remove it.", file.display())))?);
        }
        Ok(Self(Arc::new(Parts { clock, file, moving: Mutex::new(()) })))
    }

    /// `/dev/clock`, under loopback names alone: a page of another site that resolves to this machine does not reach it.
    pub(super) fn router(&self) -> Router {
        Router::new().route("/dev/clock", get(tell).post(advance)).layer(from_fn(loopback_names)).with_state(self.clone())
    }

    fn told(&self) -> Told {
        Told { now: self.0.clock.now().to_string(), offset_s: self.0.clock.ahead_s() }
    }
}

async fn tell(State(clock): State<DevClock>) -> Json<Told> {
    Json(clock.told())
}

async fn advance(State(clock): State<DevClock>, Json(Move { advance_s }): Json<Move>) -> Result<Json<Told>, Problem> {
    let parts = &clock.0;
    let _moving = parts.moving.lock().unwrap_or_else(PoisonError::into_inner);
    let ahead = parts.clock.ahead_s().saturating_add(advance_s.into());
    if ahead > MOST_S.into() {
        return Err(Problem::new(Kind::InvalidRequest).detail("The dev clock goes no further than ten years ahead. Begin anew with another --data-dir."));
    }
    std::fs::write(&parts.file, format!("{ahead}\n")).map_err(|error| {
        tracing::error!(%error, "the dev clock can't be kept");
        Problem::new(Kind::Internal)
    })?;
    parts.clock.advance_s(advance_s);
    Ok(Json(clock.told()))
}

async fn loopback_names(request: Request, next: Next) -> Response {
    let host = match request.headers().get(header::HOST) {
        Some(host) => host.to_str().ok().and_then(|host| host.parse::<Authority>().ok()),
        None => request.uri().authority().cloned(),
    };
    if host.is_some_and(|host| is_loopback_name(host.host())) { next.run(request).await } else { Problem::new(Kind::NotFound).into_response() }
}

fn is_loopback_name(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    if host == "localhost" || host.ends_with(".localhost") {
        return true;
    }
    let address = host.trim_start_matches('[').trim_end_matches(']');
    address.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use http::{Method, StatusCode};
    use serde_json::Value;
    use tower::ServiceExt as _;

    use super::*;

    async fn ask(clock: &DevClock, method: Method, host: &str, body: &'static str) -> (StatusCode, Value) {
        let request = Request::builder().method(method).uri("/dev/clock").header("host", host).header("content-type", "application/json");
        let request = request.body(Body::from(body)).expect("a request");
        let response = clock.router().oneshot(request).await.expect("routers do not fail");
        let status = response.status();
        let bytes = to_bytes(response.into_body(), usize::MAX).await.expect("a body");
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    #[tokio::test]
    async fn the_clock_moves_ahead_and_stays_there_over_a_restart() {
        let dir = tempfile::tempdir().expect("a directory");
        let clock = DevClock::restore(Arc::new(SystemClock::new()), dir.path()).expect("a clock");
        let (status, told) = ask(&clock, Method::GET, "doorward.localhost:8080", "").await;
        assert_eq!((status, &told["offset_s"]), (StatusCode::OK, &Value::from(0)));
        let (_, moved) = ask(&clock, Method::POST, "127.0.0.1:8080", r#"{"advance_s":2592000}"#).await;
        assert_eq!(moved["offset_s"], 2_592_000);
        assert!(moved["now"].as_str() > told["now"].as_str());
        let again = DevClock::restore(Arc::new(SystemClock::new()), dir.path()).expect("a clock");
        assert_eq!(ask(&again, Method::GET, "[::1]", "").await.1["offset_s"], 2_592_000);
        for body in [r#"{"advance_s":4294967295}"#, r#"{"advance_s":-1}"#, r#"{"advance":1}"#] {
            assert!(ask(&again, Method::POST, "localhost", body).await.0.is_client_error(), "{body}");
        }
    }

    #[tokio::test]
    async fn under_another_name_there_is_no_clock() {
        let dir = tempfile::tempdir().expect("a directory");
        let clock = DevClock::restore(Arc::new(SystemClock::new()), dir.path()).expect("a clock");
        for host in ["evil.example", "localhost.evil.example", "10.0.0.1", "", "localhost@evil.example", "notlocalhost"] {
            assert_eq!(ask(&clock, Method::GET, host, "").await.0, StatusCode::NOT_FOUND, "{host}");
        }
    }
}
