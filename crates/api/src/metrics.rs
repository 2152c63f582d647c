//! What Prometheus reads: requests, latencies and connections, with room for the other layers' own.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use axum::extract::MatchedPath;
use http::{Method, StatusCode};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeLabelValue, EncodeMetric, LabelValueEncoder, text};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Metric, Registry};

/// The media type of what [`Metrics::render`] writes.
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Seconds: from a session read out of memory to a sign-in that waits for a disk.
const LATENCY_BUCKETS: [f64; 14] = [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];

/// The server's metrics; a clone writes to the same ones.
#[derive(Clone)]
pub struct Metrics(Arc<Parts>);

struct Parts {
    registry: Mutex<Registry>,
    requests: Family<RequestLabels, Counter>,
    latency: Family<LatencyLabels, Histogram, fn() -> Histogram>,
    in_flight: Gauge,
    connections: Family<ListenerLabels, Gauge>,
    connections_refused: Family<ListenerLabels, Counter>,
    panics: Counter,
}

/// The route that a request matched; never its path, which may hold ids and tokens.
#[derive(Clone, Debug)]
pub(crate) struct Route(pub(crate) Option<MatchedPath>);

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    route: Route,
    method: &'static str,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LatencyLabels {
    route: Route,
    method: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ListenerLabels {
    listener: &'static str,
}

impl Metrics {
    /// The metrics of a server of this version.
    #[must_use]
    pub fn new(version: &'static str) -> Self {
        let metrics = Self(Arc::new(Parts {
            registry: Mutex::new(Registry::with_prefix("doorward")),
            requests: Family::default(),
            latency: Family::new_with_constructor(|| Histogram::new(LATENCY_BUCKETS)),
            in_flight: Gauge::default(),
            connections: Family::default(),
            connections_refused: Family::default(),
            panics: Counter::default(),
        }));
        metrics.register("http_requests", "Requests answered, by route, method and status", metrics.0.requests.clone());
        metrics.register("http_request_duration_seconds", "Time from a request's headers to its answer, by route and method", metrics.0.latency.clone());
        metrics.register("http_requests_in_flight", "Requests being answered now", metrics.0.in_flight.clone());
        metrics.register("http_connections", "Open connections, by listener", metrics.0.connections.clone());
        metrics.register("http_connections_refused", "Connections closed at once, since their address held too many", metrics.0.connections_refused.clone());
        metrics.register("http_panics", "Handlers that panicked, each answered with a 500", metrics.0.panics.clone());
        metrics.register("build", "The version that runs", Info::new(vec![("version", version)]));
        metrics
    }

    /// Adds a metric of another layer under `doorward_<name>`; `help` is a phrase without full stop.
    pub fn register(&self, name: &str, help: &str, metric: impl Metric) {
        self.lock().register(name, help, metric);
    }

    /// Adds a counter; the name goes without `_total`.
    #[must_use]
    pub fn counter(&self, name: &str, help: &str) -> Counter {
        let counter = Counter::default();
        self.register(name, help, counter.clone());
        counter
    }

    /// Adds a gauge that others set.
    #[must_use]
    pub fn gauge(&self, name: &str, help: &str) -> Gauge {
        let gauge = Gauge::default();
        self.register(name, help, gauge.clone());
        gauge
    }

    /// Adds a figure that is read off at each scrape: a gauge such as a queue's length, or a counter where the name ends in `_total`.
    pub fn sampled(&self, name: &'static str, help: &'static str, read: impl Fn() -> f64 + Send + Sync + 'static) {
        self.lock().register_collector(Box::new(Sampled { name, help, read: Box::new(read) }));
    }

    /// The gauge of open connections of this listener (`public`, `internal`, …).
    #[must_use]
    pub fn connections(&self, listener: &'static str) -> Gauge {
        self.0.connections.get_or_create_owned(&ListenerLabels { listener })
    }

    /// The counter of this listener's connections that were closed at once.
    #[must_use]
    pub fn connections_refused(&self, listener: &'static str) -> Counter {
        self.0.connections_refused.get_or_create_owned(&ListenerLabels { listener })
    }

    /// Everything, in the OpenMetrics text form.
    ///
    /// # Panics
    ///
    /// Never: a `String` takes what is written to it.
    #[must_use]
    pub fn render(&self) -> String {
        let mut page = String::with_capacity(8 * 1024);
        text::encode(&mut page, &self.lock()).expect("a String takes what is written");
        page
    }

    pub(crate) fn began(&self) -> InFlight {
        self.0.in_flight.inc();
        InFlight(self.clone())
    }

    /// The tally of one endpoint.
    pub(crate) fn tally(&self) -> Tally {
        Tally { metrics: self.clone(), usual: OnceLock::new() }
    }

    pub(crate) fn panicked(&self) {
        self.0.panics.inc();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Registry> {
        self.0.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// Counts a request as in flight for as long as it lives, however it ends.
pub(crate) struct InFlight(Metrics);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.0.in_flight.dec();
    }
}

/// Counts the answers of one endpoint. What it usually answers it finds without looking labels up.
pub(crate) struct Tally {
    metrics: Metrics,
    usual: OnceLock<Usual>,
}

struct Usual {
    labels: RequestLabels,
    requests: Counter,
    latency: Histogram,
}

impl Tally {
    pub(crate) fn answered(&self, route: &Route, method: &Method, status: StatusCode, took: Duration) {
        let parts = &self.metrics.0;
        let (method, status) = (known_method(method), status.as_u16());
        let labels = || RequestLabels { route: route.clone(), method, status };
        let latency_labels = || LatencyLabels { route: route.clone(), method };
        let usual = match self.usual.get() {
            None if (200..300).contains(&status) => Some(self.usual.get_or_init(|| Usual {
                labels: labels(),
                requests: parts.requests.get_or_create_owned(&labels()),
                latency: parts.latency.get_or_create_owned(&latency_labels()),
            })),
            known => known,
        };
        let usual = usual.filter(|usual| usual.labels.method == method && usual.labels.route == *route);
        match usual.filter(|usual| usual.labels.status == status) {
            Some(usual) => usual.requests.inc(),
            None => parts.requests.get_or_create(&labels()).inc(),
        };
        match usual {
            Some(usual) => usual.latency.observe(took.as_secs_f64()),
            None => parts.latency.get_or_create(&latency_labels()).observe(took.as_secs_f64()),
        }
    }
}

impl fmt::Debug for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tally").finish_non_exhaustive()
    }
}

/// Methods that are made up by a caller share one label.
pub(crate) fn known_method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

impl Route {
    /// The route as it was declared, or `unmatched`.
    pub(crate) fn as_str(&self) -> &str {
        self.0.as_ref().map_or("unmatched", MatchedPath::as_str)
    }
}

impl PartialEq for Route {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Route {}

impl Hash for Route {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl EncodeLabelValue for Route {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), fmt::Error> {
        EncodeLabelValue::encode(&self.as_str(), encoder)
    }
}

struct Sampled {
    name: &'static str,
    help: &'static str,
    read: Box<dyn Fn() -> f64 + Send + Sync>,
}

impl fmt::Debug for Sampled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl Collector for Sampled {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let figure = (self.read)();
        // The encoder adds the suffix to counters, and a full stop to no help text.
        if let Some(name) = self.name.strip_suffix("_total") {
            let counter = ConstCounter::new(figure);
            counter.encode(encoder.encode_descriptor(name, self.help, None, counter.metric_type())?)
        } else {
            let gauge = ConstGauge::new(figure);
            gauge.encode(encoder.encode_descriptor(self.name, self.help, None, gauge.metric_type())?)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_holds_ours_and_the_other_layers_metrics() {
        let metrics = Metrics::new("1.2.3");
        let in_flight = metrics.began();
        let tally = metrics.tally();
        let brew = Method::from_bytes(b"BREW").expect("a method");
        for status in [StatusCode::NOT_FOUND, StatusCode::OK, StatusCode::NOT_FOUND, StatusCode::OK] {
            tally.answered(&Route(None), &brew, status, Duration::from_millis(3));
        }
        tally.answered(&Route(None), &Method::GET, StatusCode::OK, Duration::from_millis(3));
        metrics.connections("public").inc();
        metrics.counter("sign_ins", "Sign-ins evaluated").inc_by(2);
        metrics.gauge("ready", "Whether the node is ready").set(1);
        metrics.sampled("queue_length", "Changes waiting.", || 7.0);
        metrics.sampled("commits_total", "Commits.", || 8.0);
        let page = metrics.render();
        for line in [
            r#"doorward_http_requests_total{route="unmatched",method="other",status="404"} 2"#,
            r#"doorward_http_requests_total{route="unmatched",method="other",status="200"} 2"#,
            r#"doorward_http_requests_total{route="unmatched",method="GET",status="200"} 1"#,
            r#"doorward_http_request_duration_seconds_bucket{le="0.005",route="unmatched",method="other"} 4"#,
            r#"doorward_http_connections{listener="public"} 1"#,
            "doorward_http_requests_in_flight 1",
            r#"doorward_build_info{version="1.2.3"} 1"#,
            "doorward_sign_ins_total 2",
            "doorward_ready 1",
            "doorward_queue_length 7.0",
            "# TYPE doorward_commits counter",
            "doorward_commits_total 8.0",
        ] {
            assert!(page.lines().any(|found| found == line), "{line}\n{page}");
        }
        assert!(page.ends_with("# EOF\n"));
        drop(in_flight);
        assert!(metrics.render().contains("doorward_http_requests_in_flight 0"));
    }
}
