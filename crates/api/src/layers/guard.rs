//! The layer of limits: a handler may neither last for ever, nor read for ever, nor take the
//! connection down with it.

use std::convert::Infallible;
use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use http::{HeaderValue, Version, header};
use tokio::time::Instant;
use tower::{Layer, Service};

use super::body::{Lender, lend};
use crate::context::RequestContext;
use crate::metrics::Metrics;
use crate::problem::{Kind, Problem};

/// The limits under which handlers run.
#[derive(Clone, Debug)]
pub struct Guard {
    metrics: Metrics,
    time: Duration,
    body_bytes: usize,
}

impl Guard {
    /// The usual limits: 30 s for a request in all, 64 KiB for its body.
    #[must_use]
    pub const fn new(metrics: Metrics) -> Self {
        Self { metrics, time: Duration::from_secs(30), body_bytes: 64 * 1024 }
    }

    /// The same with another time for a request; a handler may ask for more for a single one with
    /// [`RequestContext::may_take`].
    #[must_use]
    pub const fn time(mut self, time: Duration) -> Self {
        self.time = time;
        self
    }

    /// The same with another size for a body.
    #[must_use]
    pub const fn body_bytes(mut self, bytes: usize) -> Self {
        self.body_bytes = bytes;
        self
    }
}

impl<S> Layer<S> for Guard {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded { inner, guard: self.clone() }
    }
}

/// A service under a [`Guard`].
#[derive(Clone, Debug)]
pub struct Guarded<S> {
    inner: S,
    guard: Guard,
}

impl<S> Service<Request> for Guarded<S>
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

    fn call(&mut self, request: Request) -> Self::Future {
        let version = request.version();
        let context = request.extensions().get::<RequestContext>().cloned();
        let (request, lender) = lend(request, self.guard.body_bytes);
        let answer = AssertUnwindSafe(self.inner.call(request)).catch_unwind();
        let (metrics, time) = (self.guard.metrics.clone(), self.guard.time);
        Box::pin(async move {
            let (mut response, late) = match in_time(time, context.as_ref(), answer).await {
                Some(Ok(answered)) => (answered?, false),
                Some(Err(_panic)) => {
                    // The panic hook has logged what it was and where.
                    metrics.panicked();
                    (Problem::new(Kind::Internal).into_response(), false)
                }
                None => (too_late(lender.as_ref()).into_response(), true),
            };
            if let Some(lender) = lender {
                let read = !late && lender.read_rest().await;
                if !read && version < Version::HTTP_2 {
                    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
                }
            }
            Ok(response)
        })
    }
}

/// What `answer` gives, unless it takes longer than `time` or than the request itself may take.
async fn in_time<F: Future>(mut time: Duration, context: Option<&RequestContext>, answer: F) -> Option<F::Output> {
    let mut answer = pin!(answer);
    // Most answers are there at once: no clock is read and no timer set for them.
    if let Poll::Ready(output) = poll_fn(|cx| Poll::Ready(answer.as_mut().poll(cx))).await {
        return Some(output);
    }
    let began = Instant::now();
    loop {
        if let Ok(output) = tokio::time::timeout_at(began + time, &mut answer).await {
            return Some(output);
        }
        match context.map(RequestContext::patience) {
            Some(patience) if patience > time => time = patience,
            _ => return None,
        }
    }
}

/// The caller's fault if its body is still awaited, else ours.
fn too_late(lender: Option<&Lender>) -> Problem {
    if lender.is_some_and(Lender::waits) {
        Problem::new(Kind::RequestTimeout)
    } else {
        Problem::new(Kind::Unavailable).detail("The answer took too long; the request may yet have its effect.")
    }
}
