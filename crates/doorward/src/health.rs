//! Whether the node is alive, whether it is ready, and its metrics: for machines, without credentials.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use doorward_api::metrics::{self, Metrics};
use http::{StatusCode, header};
use serde_json::json;

/// Asks the layers below why they are not ready; an empty list means that they are.
pub(crate) type Probe = Box<dyn Fn() -> Pin<Box<dyn Future<Output = Vec<String>> + Send>> + Send + Sync>;

/// The health of a node; a clone is the same one.
#[derive(Clone)]
pub(crate) struct Health(Arc<Parts>);

struct Parts {
    probe: Probe,
    metrics: Metrics,
    stopping: AtomicBool,
}

impl Health {
    pub(crate) fn new(metrics: Metrics, probe: Probe) -> Self {
        Self(Arc::new(Parts { probe, metrics, stopping: AtomicBool::new(false) }))
    }

    /// From now on the node is not ready, so that no new work is sent to it.
    pub(crate) fn stopping(&self) {
        self.0.stopping.store(true, Ordering::Relaxed);
    }

    /// `/healthz` and `/readyz`.
    pub(crate) fn checks(&self) -> Router {
        Router::new().route("/healthz", get(alive)).route("/readyz", get(ready)).with_state(self.clone())
    }

    /// `/metrics`.
    pub(crate) fn metrics(&self) -> Router {
        Router::new().route("/metrics", get(scrape)).with_state(self.clone())
    }

    async fn reasons(&self) -> Vec<String> {
        if self.0.stopping.load(Ordering::Relaxed) {
            return vec!["stopping".to_owned()];
        }
        (self.0.probe)().await
    }
}

async fn alive() -> Response {
    Json(json!({ "alive": true })).into_response()
}

async fn ready(State(health): State<Health>) -> Response {
    let reasons = health.reasons().await;
    let status = if reasons.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({ "ready": reasons.is_empty(), "reasons": reasons }))).into_response()
}

async fn scrape(State(health): State<Health>) -> Response {
    ([(header::CONTENT_TYPE, metrics::MEDIA_TYPE)], health.0.metrics.render()).into_response()
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use http::Request;
    use tower::ServiceExt as _;

    use super::*;

    async fn ask(router: &Router, path: &str) -> (StatusCode, String) {
        let request = Request::get(path).body(Body::empty()).expect("a request");
        let response = router.clone().oneshot(request).await.expect("routers do not fail");
        let status = response.status();
        let bytes = to_bytes(response.into_body(), usize::MAX).await.expect("a body");
        (status, String::from_utf8_lossy(&bytes).into_owned())
    }

    #[tokio::test]
    async fn a_node_says_why_it_is_not_ready() {
        let broken = Arc::new(AtomicBool::new(false));
        let probed = Arc::clone(&broken);
        let probe: Probe = Box::new(move || {
            let reasons = if probed.load(Ordering::Relaxed) { vec!["the store is closed".to_owned()] } else { Vec::new() };
            Box::pin(async move { reasons })
        });
        let health = Health::new(Metrics::new("0.0.0"), probe);
        let router = health.checks().merge(health.metrics());
        assert_eq!(ask(&router, "/readyz").await, (StatusCode::OK, r#"{"ready":true,"reasons":[]}"#.to_owned()));
        broken.store(true, Ordering::Relaxed);
        let (status, body) = ask(&router, "/readyz").await;
        assert_eq!((status, body.as_str()), (StatusCode::SERVICE_UNAVAILABLE, r#"{"ready":false,"reasons":["the store is closed"]}"#));
        broken.store(false, Ordering::Relaxed);
        health.stopping();
        assert_eq!(ask(&router, "/readyz").await.0, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(ask(&router, "/healthz").await.0, StatusCode::OK);
        assert!(ask(&router, "/metrics").await.1.contains("doorward_build_info"));
    }
}
