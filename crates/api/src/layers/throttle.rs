//! The throttle of wrong secrets, around every handler: it looks at nothing but refusals for a wrong secret.
//!
//! A handler only refuses; here the refusal is counted against the address it goes to, and becomes a 429 where there were
//! too many, unless a proxy asks for the caller. A right secret passes without a look at any count.

use std::convert::Infallible;
use std::fmt;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use doorward_domain::{Credential, Quota};
use doorward_service::Service;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use tokio::time::Instant;
use tower::{Layer, Service as TowerService};

use crate::context::Peer;
use crate::metrics::Metrics;
use crate::problem::{Kind, Problem};
use crate::proxies::Proxies;

/// A wrong secret is answered after so long, whatever was looked up on the way: how long it takes tells nothing.
const EVEN_TIME: Duration = Duration::from_millis(5);

/// The layer; a clone counts with it.
#[derive(Clone)]
pub struct Throttle(Arc<Parts>);

struct Parts {
    service: Arc<Service>,
    quota: Quota,
    proxies: Proxies,
    wrong: Family<Labels, Counter>,
    throttled: Family<Labels, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    secret: &'static str,
}

impl Throttle {
    /// A throttle that lets each address send so many wrong secrets.
    #[must_use]
    pub fn new(service: Arc<Service>, quota: Quota, proxies: Proxies, metrics: &Metrics) -> Self {
        let (wrong, throttled) = (Family::default(), Family::default());
        metrics.register("wrong_secrets", "Secrets that fitted nothing, by what they were for", Family::clone(&wrong));
        metrics.register("throttled", "Wrong secrets beyond what their address may send, by what they were for", Family::clone(&throttled));
        Self(Arc::new(Parts { service, quota, proxies, wrong, throttled }))
    }
}

impl Parts {
    async fn count(&self, from: Option<IpAddr>, secret: Credential) -> Option<Problem> {
        let labels = Labels { secret: secret.as_str() };
        self.wrong.get_or_create(&labels).inc();
        let wait_s = self.service.wrong_secret(from?, self.quota).await.err()?;
        self.throttled.get_or_create(&labels).inc();
        Some(Problem::new(Kind::TooManyRequests).detail("Too many wrong secrets came from this address. A right one is taken at once.").retry_after(wait_s))
    }
}

impl fmt::Debug for Throttle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Throttle").field("quota", &self.0.quota).finish_non_exhaustive()
    }
}

impl<S> Layer<S> for Throttle {
    type Service = Throttled<S>;

    fn layer(&self, inner: S) -> Throttled<S> {
        Throttled { inner, throttle: self.clone() }
    }
}

/// A service under a [`Throttle`].
#[derive(Clone, Debug)]
pub struct Throttled<S> {
    inner: S,
    throttle: Throttle,
}

impl<S> TowerService<Request> for Throttled<S>
where
    S: TowerService<Request, Response = Response, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let began = Instant::now();
        let parts = Arc::clone(&self.throttle.0);
        // A listener names the peer of each request; what is asked inside the process comes from no address.
        let from = request.extensions().get::<Peer>().map(|peer| parts.proxies.client(peer.address.ip(), request.headers()));
        let answer = self.inner.call(request);
        Box::pin(async move {
            let mut response = answer.await?;
            let refusal = response.extensions().get::<Problem>();
            let Some((secret, to_proxy)) = refusal.and_then(|problem| Some((problem.wrong_secret?, problem.to_proxy))) else { return Ok(response) };
            if let Some(problem) = parts.count(from, secret).await
                && !to_proxy
            {
                response = problem.into_response();
            }
            tokio::time::sleep_until(began + EVEN_TIME).await;
            Ok(response)
        })
    }
}
