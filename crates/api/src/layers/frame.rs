//! The outermost layer: gives each request its context, and each answer its headers, its log line,
//! its place in the metrics and, where it is a problem, its body.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use axum::response::{IntoResponse as _, Response};
use http::header::{self, Entry, HeaderName};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use tower::{Layer, Service};

use crate::context::{RequestContext, RequestId, RequestIds};
use crate::dialects::{Asked, Dialect, Dialects};
use crate::metrics::{Metrics, Route, Tally, known_method};
use crate::problem::{self, Kind, Problem};

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// Routes that machines call at every step of theirs: their successes are logged at `debug`.
const QUIET: [&str; 10] = [
    "/healthz",
    "/readyz",
    "/metrics",
    "/internal/sessions/verify",
    "/internal/sessions/verify-batch",
    "/internal/sessions/heartbeat-batch",
    "/internal/forward-auth",
    "/internal/forward-auth/{tenant}",
    "/oauth2/introspect",
    "/api/v1/sessions/current/heartbeat",
];

/// The layer; a clone shares its ids and metrics.
#[derive(Clone, Debug)]
pub struct Frame(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    ids: RequestIds,
    metrics: Metrics,
    show_values: bool,
    dialects: Dialects,
}

impl Frame {
    /// A frame that mints from `ids` and counts in `metrics`. Only where `show_values` (dev mode)
    /// do problems repeat what was sent. Under the paths of these `dialects` refusals are worded as they do.
    #[must_use]
    pub fn new(ids: RequestIds, metrics: Metrics, show_values: bool, dialects: Dialects) -> Self {
        Self(Arc::new(Parts { ids, metrics, show_values, dialects }))
    }
}

impl Frame {
    /// The answer to a request that never came to a handler, since its head can't be read or taken: nothing of it is repeated. In the
    /// words of the dialect whose path was asked for; of a head that can't be read, that isn't known.
    #[must_use]
    pub fn refuse(&self, problem: Problem, asked: Option<(&Method, &Uri)>) -> Response {
        let began = Instant::now();
        let context = self.0.ids.receive(&HeaderMap::new(), &Uri::default());
        let mut response = problem.into_response();
        let at = asked.and_then(|(method, uri)| Some((self.0.dialects.at(uri.path())?, Asked { method, route: None })));
        let problem = self.0.write_problem(&mut response, &context, at);
        write_headers(response.headers_mut(), &context);
        // No method has this one's label, `other`.
        let (route, method, status, took) = (Route(None), Method::TRACE, response.status(), began.elapsed());
        self.0.metrics.tally().answered(&route, &method, status, took);
        log(&context, &route, &method, status, took, problem, true);
        response
    }
}

impl<S> Layer<S> for Frame {
    type Service = Framed<S>;

    fn layer(&self, inner: S) -> Framed<S> {
        Framed { inner, endpoint: Arc::new(Endpoint { parts: Arc::clone(&self.0), tally: self.0.metrics.tally() }) }
    }
}

/// A service in a [`Frame`].
#[derive(Clone, Debug)]
pub struct Framed<S> {
    inner: S,
    endpoint: Arc<Endpoint>,
}

/// What the requests to one endpoint share: the router wraps each of its endpoints apart.
#[derive(Debug)]
struct Endpoint {
    parts: Arc<Parts>,
    tally: Tally,
}

impl<S> Service<Request> for Framed<S>
where
    S: Service<Request, Response = Response, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let began = Instant::now();
        let parts = &self.endpoint.parts;
        let in_flight = parts.metrics.began();
        let context = parts.ids.receive(request.headers(), request.uri());
        let method = request.method().clone();
        let route = Route(request.extensions().get::<MatchedPath>().cloned());
        let dialect = parts.dialects.at(request.uri().path());
        for (name, value) in request.headers_mut() {
            if matches!(*name, header::AUTHORIZATION | header::COOKIE) || *name == X_API_KEY || *name == parts.dialects.authms_key.name() {
                value.set_sensitive(true);
            }
        }
        request.extensions_mut().insert(context.clone());
        let answer = self.inner.call(request);
        let endpoint = Arc::clone(&self.endpoint);
        Box::pin(async move {
            let mut response = context.clone().answering(answer).await?;
            let asked = Asked { method: &method, route: route.0.as_ref().map(MatchedPath::as_str) };
            let problem = endpoint.parts.write_problem(&mut response, &context, dialect.map(|dialect| (dialect, asked)));
            write_headers(response.headers_mut(), &context);
            let (status, took) = (response.status(), began.elapsed());
            endpoint.tally.answered(&route, &method, status, took);
            // The throttle tells of an address once, however much it sends.
            let quiet = status == StatusCode::TOO_MANY_REQUESTS || status.is_success() && QUIET.contains(&route.as_str());
            log(&context, &route, &method, status, took, problem, quiet);
            drop(in_flight);
            Ok(response)
        })
    }
}

impl Parts {
    /// Writes the body of an answer that is a problem, in the words of the surface that was asked, and says which kind it was.
    fn write_problem(&self, response: &mut Response, context: &RequestContext, at: Option<(Dialect, Asked<'_>)>) -> Option<Kind> {
        let problem = response.extensions_mut().remove::<Problem>().or_else(|| bare_refusal(response))?;
        let (media_type, bytes) = match at.and_then(|(dialect, asked)| dialect.words(&problem, asked)) {
            Some((status, words)) => {
                *response.status_mut() = status;
                ("application/json", serde_json::to_vec(&words))
            }
            None => (problem::MEDIA_TYPE, serde_json::to_vec(&problem.body(context, self.show_values))),
        };
        *response.body_mut() = Body::from(bytes.expect("a refusal's members are all JSON"));
        let headers = response.headers_mut();
        headers.remove(header::CONTENT_LENGTH);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        Some(problem.kind)
    }
}

/// The problem meant by a refusal that no handler of ours wrote: the router's 404 and 405, an
/// extractor's plain text. Its text is not repeated, since it may quote what was sent.
fn bare_refusal(response: &Response) -> Option<Problem> {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return None;
    }
    if let Some(media_type) = response.headers().get(header::CONTENT_TYPE)
        && !media_type.as_bytes().starts_with(b"text/plain")
    {
        return None;
    }
    let kind = match status {
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => Kind::InvalidRequest,
        StatusCode::NOT_FOUND => Kind::NotFound,
        StatusCode::METHOD_NOT_ALLOWED => Kind::MethodNotAllowed,
        StatusCode::REQUEST_TIMEOUT => Kind::RequestTimeout,
        StatusCode::PAYLOAD_TOO_LARGE => Kind::BodyTooLarge,
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Kind::UnsupportedMediaType,
        StatusCode::TOO_MANY_REQUESTS => Kind::TooManyRequests,
        StatusCode::INTERNAL_SERVER_ERROR => Kind::Internal,
        StatusCode::SERVICE_UNAVAILABLE => Kind::Unavailable,
        _ => return None,
    };
    Some(Problem::new(kind))
}

/// The headers of every answer; what a page has set for itself stays.
fn write_headers(headers: &mut HeaderMap, context: &RequestContext) {
    headers.reserve(6);
    let mut buffer = [0; RequestId::LENGTH];
    if let Ok(id) = HeaderValue::from_str(context.request_id().encode(&mut buffer)) {
        headers.insert(X_REQUEST_ID, id);
    }
    for (name, value) in [(header::CACHE_CONTROL, "no-store"), (header::X_CONTENT_TYPE_OPTIONS, "nosniff"), (header::REFERRER_POLICY, "no-referrer")] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if let Entry::Occupied(mut cookies) = headers.entry(header::SET_COOKIE) {
        cookies.iter_mut().for_each(|cookie| cookie.set_sensitive(true));
    }
}

/// One line for each answer, at `debug` where it is to be quiet: the matched route, never the path or the query.
fn log(context: &RequestContext, route: &Route, method: &Method, status: StatusCode, took: Duration, problem: Option<Kind>, quiet: bool) {
    let route = route.as_str();
    macro_rules! line {
        ($level:expr) => {
            tracing::event!(
                target: "doorward::access",
                $level,
                method = known_method(method),
                route,
                status = status.as_u16(),
                duration_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
                problem = problem.map(Kind::name),
                tenant = context.tenant(),
                request_id = %context.request_id(),
                trace_id = %context.trace().trace_id,
                "answered"
            )
        };
    }
    if status.is_server_error() {
        line!(tracing::Level::WARN);
    } else if quiet {
        line!(tracing::Level::DEBUG);
    } else {
        line!(tracing::Level::INFO);
    }
}
