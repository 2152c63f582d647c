//! The frame and the guard around small handlers, asked without a socket.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures_util::StreamExt;
use http::{HeaderValue, Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::{Frame, Guard, WholeBody};
use crate::context::{RequestContext, RequestIds};
use crate::metrics::Metrics;
use crate::problem::{Challenge, Kind, Problem};

fn dressed(router: Router) -> (Router, Metrics) {
    let metrics = Metrics::new("0.0.0");
    let ids = RequestIds::new(|| 1_780_000_000_123_456, |seed| seed.fill(7));
    let frame = Frame::new(ids, metrics.clone(), false, crate::Dialects::new([]));
    let guard = Guard::new(metrics.clone());
    (router.layer((frame, guard)), metrics)
}

async fn ask(router: &Router, request: Request<Body>) -> (Response<()>, Value) {
    let response = router.clone().oneshot(request).await.expect("routers do not fail");
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.expect("a body").to_bytes();
    let value = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    (Response::from_parts(parts, ()), value)
}

fn request(method: Method, path: &str, body: impl Into<Body>) -> Request<Body> {
    Request::builder().method(method).uri(path).body(body.into()).expect("a request")
}

fn get_of(path: &str) -> Request<Body> {
    request(Method::GET, path, Body::empty())
}

/// A body of endless frames of 16 KiB, counted as they are read.
fn endless(read: Arc<AtomicUsize>) -> Body {
    let frame = Bytes::from_static(&[b'x'; 16 * 1024]);
    Body::from_stream(futures_util::stream::repeat_with(move || {
        read.fetch_add(1, Ordering::Relaxed);
        Ok::<_, std::io::Error>(frame.clone())
    }))
}

#[tokio::test]
async fn a_refusal_of_a_handler_gets_the_whole_body() {
    let refuse = || async { Err::<(), _>(Problem::unauthenticated(Challenge::Bearer)) };
    let (router, _) = dressed(Router::new().route("/devices/{id}", get(refuse)));
    let (response, body) = ask(&router, get_of("/devices/7?token=secret")).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    assert_eq!(response.headers()["www-authenticate"], r#"Bearer realm="doorward""#);
    assert_eq!(response.headers()["x-request-id"].to_str().ok(), body["request_id"].as_str());
    assert_eq!(
        body,
        json!({
            "type": "/problems/unauthenticated",
            "title": "The caller is not known",
            "status": 401,
            "detail": "The access token or API key is missing, mistyped, expired, revoked, or of another tenant. Which of these is not told.",
            "instance": "/devices/7",
            "code": 40_100_001,
            "errors": [],
            "i18n_key": "error.unauthenticated",
            "i18n_args": {},
            "request_id": body["request_id"],
            "service": "doorward",
            "trace_id": body["trace_id"],
            "span_id": body["span_id"],
            "timestamp": "2026-05-28T20:26:40.123456Z",
        })
    );
    assert_eq!(body["trace_id"].as_str().map(str::len), Some(32));
    assert_eq!(body["span_id"].as_str().map(str::len), Some(16));
}

#[tokio::test]
async fn the_routers_own_refusals_become_problems() {
    let (router, metrics) = dressed(Router::new().route("/here", get(|| async { "here" })));
    let (response, body) = ask(&router, get_of("/nowhere/dws_secret")).await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    assert_eq!(body["type"], "/problems/not_found");
    let (response, body) = ask(&router, request(Method::DELETE, "/here", Body::empty())).await;
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(body["code"], 40_500_001);
    assert_eq!(response.headers()["allow"], "GET,HEAD");
    let page = metrics.render();
    assert!(page.contains(r#"route="unmatched",method="GET",status="404""#));
    assert!(page.contains(r#"route="/here",method="DELETE",status="405""#));
    assert!(!page.contains("secret"));
}

#[tokio::test]
async fn answers_carry_the_safe_headers_unless_a_page_has_its_own() {
    let page = || async { ([(header::CACHE_CONTROL, "public, max-age=60")], "page") };
    let plain = || async { ([(header::SET_COOKIE, "a=b")], "ok") };
    let router = Router::new().route("/plain", get(plain)).route("/page", get(page));
    let (router, _) = dressed(router);
    let (response, _) = ask(&router, get_of("/plain")).await;
    assert_eq!(response.headers()["cache-control"], "no-store");
    assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    assert_eq!(response.headers()["referrer-policy"], "no-referrer");
    assert!(response.headers()["set-cookie"].is_sensitive());
    let (response, _) = ask(&router, get_of("/page")).await;
    assert_eq!(response.headers()["cache-control"], "public, max-age=60");
}

#[tokio::test]
async fn secrets_in_headers_are_marked_and_the_context_is_there() {
    let handler = |context: RequestContext, headers: http::HeaderMap| async move {
        let current = RequestContext::current().expect("a current request");
        assert_eq!(current.request_id(), context.request_id());
        format!("{headers:?}")
    };
    let (router, _) = dressed(Router::new().route("/", get(handler)));
    let mut request = get_of("/");
    for name in ["authorization", "cookie", "x-api-key"] {
        let value = HeaderValue::from_static("canary");
        request.headers_mut().append(name, value.clone());
        request.headers_mut().append(name, value);
    }
    let response = router.oneshot(request).await.expect("an answer");
    let shown = response.collect().await.expect("a body").to_bytes();
    assert!(!String::from_utf8_lossy(&shown).contains("canary"));
    assert!(RequestContext::current().is_none());
}

#[tokio::test]
async fn a_panic_is_a_500_and_is_counted() {
    let handler = || async { std::panic::resume_unwind(Box::new("no hook, no noise")) };
    let handler = move || async move {
        let () = handler().await;
    };
    let (router, metrics) = dressed(Router::new().route("/", get(handler)));
    let (response, body) = ask(&router, get_of("/")).await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(body["type"], "/problems/internal");
    assert!(metrics.render().contains("doorward_http_panics_total 1"));
    assert!(metrics.render().contains("doorward_http_requests_in_flight 0"));
}

#[tokio::test(start_paused = true)]
async fn a_slow_handler_is_503_and_a_slow_caller_408() {
    let slow = || async { tokio::time::sleep(Duration::from_secs(3600)).await };
    let patient = |context: RequestContext| async move {
        context.may_take(Duration::from_secs(60));
        tokio::time::sleep(Duration::from_secs(50)).await;
    };
    let read = |_: WholeBody| async {};
    let router = Router::new().route("/slow", get(slow)).route("/patient", get(patient)).route("/read", post(read));
    let (router, _) = dressed(router);
    let began = tokio::time::Instant::now();
    let (response, body) = ask(&router, get_of("/slow")).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers()["retry-after"], "1");
    assert_eq!(body["retry_after"], 1);
    assert_eq!(began.elapsed().as_secs(), 30);
    let (response, _) = ask(&router, get_of("/patient")).await;
    assert_eq!(response.status(), StatusCode::OK);
    let never = Body::from_stream(futures_util::stream::pending::<Result<Bytes, std::io::Error>>());
    let (response, body) = ask(&router, request(Method::POST, "/read", never)).await;
    assert_eq!(response.status(), StatusCode::REQUEST_TIMEOUT);
    assert_eq!(body["type"], "/problems/request_timeout");
    assert_eq!(response.headers()["connection"], "close");
}

#[tokio::test]
async fn a_body_is_bounded_and_what_is_refused_is_read_within_bounds() {
    let read = |WholeBody(bytes): WholeBody| async move { bytes.len().to_string() };
    let refuse = || async { Problem::unauthenticated(Challenge::ApiKey) };
    let router = Router::new().route("/read", post(read)).route("/refuse", post(refuse));
    let (router, _) = dressed(router);
    let full = vec![b'x'; 64 * 1024];
    let (response, body) = ask(&router, request(Method::POST, "/read", full.clone())).await;
    assert_eq!((response.status(), body), (StatusCode::OK, json!(64 * 1024)));
    let mut over = full;
    over.push(b'x');
    let (response, body) = ask(&router, request(Method::POST, "/read", over)).await;
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(body["type"], "/problems/body_too_large");
    // Endless: refused before it is read, and read on for 1 MiB and no more.
    for path in ["/read", "/refuse"] {
        let frames = Arc::new(AtomicUsize::new(0));
        let body = endless(Arc::clone(&frames));
        let (response, _) = ask(&router, request(Method::POST, path, body)).await;
        assert_ne!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["connection"], "close");
        assert!((65..=70).contains(&frames.load(Ordering::Relaxed)));
    }
}

#[tokio::test]
async fn a_short_refused_body_is_read_to_its_end_and_the_connection_stays() {
    let refuse = || async { Problem::new(Kind::RoleTooLow) };
    let (router, _) = dressed(Router::new().route("/", post(refuse)));
    let frames = Arc::new(AtomicUsize::new(0));
    let counted = {
        let frames = Arc::clone(&frames);
        futures_util::stream::iter(0..20).map(move |_| {
            frames.fetch_add(1, Ordering::Relaxed);
            Ok::<_, std::io::Error>(Bytes::from_static(&[b'x'; 16 * 1024]))
        })
    };
    let (response, _) = ask(&router, request(Method::POST, "/", Body::from_stream(counted))).await;
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert_eq!(frames.load(Ordering::Relaxed), 20);
    assert!(!response.headers().contains_key("connection"));
}

#[tokio::test]
async fn a_caller_that_asks_before_it_sends_is_not_told_to_send() {
    let refuse = || async { Problem::new(Kind::RoleTooLow).into_response() };
    let (router, _) = dressed(Router::new().route("/", post(refuse)));
    let frames = Arc::new(AtomicUsize::new(0));
    let mut asking = request(Method::POST, "/", endless(Arc::clone(&frames)));
    asking.headers_mut().insert(header::EXPECT, HeaderValue::from_static("100-continue"));
    let (response, _) = ask(&router, asking).await;
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert_eq!(frames.load(Ordering::Relaxed), 0);
    assert_eq!(response.headers()["connection"], "close");
}

#[tokio::test]
async fn a_body_that_says_it_is_too_long_is_refused_before_it_is_read() {
    let read = |WholeBody(bytes): WholeBody| async move { bytes.len().to_string() };
    let (router, _) = dressed(Router::new().route("/read", post(read)));
    let mut asking = request(Method::POST, "/read", vec![b'x'; 64 * 1024 + 1]);
    asking.headers_mut().insert(header::EXPECT, HeaderValue::from_static("100-continue"));
    let (response, body) = ask(&router, asking).await;
    assert_eq!((response.status(), &body["type"]), (StatusCode::PAYLOAD_TOO_LARGE, &json!("/problems/body_too_large")));
    assert_eq!(response.headers()["connection"], "close", "the caller was not told to send it");
}
