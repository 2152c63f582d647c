//! The throttle of wrong secrets, around every handler: it looks at nothing but answers to a wrong secret.
//!
//! A handler only refuses; here the refusal is counted against the address it goes to, and becomes a 429 where there were
//! too many, unless a proxy asks for the caller. A right secret passes without a look at any count. Then it waits for the time at
//! which answers to wrong secrets go out.

use std::convert::Infallible;
use std::fmt;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use doorward_domain::{Credential, Quota};
use doorward_service::Service;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use tower::{Layer, Service as TowerService};

use super::evenness::{self, Arrival, Releases};
use crate::context::Peer;
use crate::metrics::Metrics;
use crate::problem::{Kind, Problem};
use crate::proxies::Proxies;

/// The layer; a clone counts with it.
#[derive(Clone)]
pub struct Throttle(Arc<Parts>);

struct Parts {
    service: Arc<Service>,
    quota: Quota,
    proxies: Proxies,
    wrong: Family<Labels, Counter>,
    throttled: Family<Labels, Counter>,
    evened: Counter,
    releases: Releases,
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
        let evened = metrics.counter("evened", "Answers to wrong secrets that went out after the same time as any other");
        Self(Arc::new(Parts { service, quota, proxies, wrong, throttled, evened, releases: Releases::start() }))
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

    fn call(&mut self, mut request: Request) -> Self::Future {
        let parts = Arc::clone(&self.throttle.0);
        // A listener names the peer of each request; what is asked inside the process comes from no address.
        let from = request.extensions().get::<Peer>().map(|peer| parts.proxies.client(peer.address.ip(), request.headers()));
        let arrival = Arrival::of(&mut request);
        let answer = self.inner.call(request);
        Box::pin(async move {
            let mut response = answer.await?;
            let even = evenness::is_due(&response);
            let refusal = response.extensions().get::<Problem>();
            if let Some((secret, to_proxy)) = refusal.and_then(|problem| Some((problem.wrong_secret?, problem.to_proxy)))
                && let Some(problem) = parts.count(from, secret).await
                && !to_proxy
            {
                response = problem.into_response();
            }
            if even {
                parts.evened.inc();
                parts.releases.wait(&arrival).await;
            }
            Ok(response)
        })
    }
}
