//! Time tells nothing: of 100,000 answers to each way by which a secret comes in, those to a wrong secret for what is there and those to a
//! secret for what isn't can't be told apart. Without the wait that evens them they can: the test would see it.
//!
//! It takes many minutes, and the wait must be longer than the answers take, so it runs optimised and where `DOORWARD_LONG=1`. What holds in
//! every run is the count of hashes, in `http/evenness`.

mod welch;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use doorward_api::context::RequestIds;
use doorward_api::layers::{Frame, Guard, Throttle};
use doorward_api::metrics::Metrics;
use doorward_api::proxies::Proxies;
use doorward_api::{Dialects, Surfaces, all_router};
use doorward_domain::token::{Locator, Secret, Token};
use doorward_domain::{AccessToken, AccountId, ActivationToken, DeviceId, DeviceToken, OfferId, Quota, Role, SessionId};
use doorward_tests::host::{ACME, Host, SESSION_COOKIE, SignedIn, api_key};
use doorward_tests::{Engine, Given, Home, at_once, hold_within};
use http::Request;
use serde_json::{Value, json};
use tower::ServiceExt as _;
use uuid::Uuid;

use welch::{Draw, TOLD_APART, t};

const TRIES: usize = 100_000;
/// How many are asked at once, since each of them waits for its time; so few that none takes longer than that.
const AT_ONCE: usize = 20;
/// How far apart they begin: longer than a look-up takes, so that no answer's time depends on what the one before it asked.
const APART: Duration = Duration::from_micros(100);
/// How many secrets there are of each kind.
const SECRETS: u64 = 1_024;
/// How long the ways of one credential may take.
const PATIENCE: Duration = Duration::from_hours(1);

/// Secrets of both kinds: for what is there, and for what isn't.
type Kinds = [Vec<String>; 2];

/// Words the request that a secret comes in by.
type Way = fn(&Stage, &str) -> Request<Body>;

/// A Doorward, and who is signed in.
struct Stage {
    engine: &'static str,
    host: Host,
    ana: SignedIn,
    device: String,
}

impl Given for Stage {
    async fn given(home: &Arc<Home>) -> Self {
        let host = Host::given(home).await;
        let mut laptop = host.browser("ana");
        laptop.enter_and_trust().await;
        let device = laptop.device_token.clone().expect("a device token");
        let ana = host.browser("ana").enter().await;
        // Its first use is noted, and not in what is timed.
        ana.get("/sessions/current").await.expect(200);
        Self { engine: if home.file().is_some() { "sqlite" } else { "postgres" }, host, ana, device }
    }
}

/// Runs one after the other, so that none disturbs another.
fn run<F: Future<Output = ()> + Send + 'static>(engine: Engine, test: impl FnOnce(Stage) -> F) {
    static TURN: Mutex<()> = Mutex::new(());
    if cfg!(debug_assertions) || std::env::var("DOORWARD_LONG").as_deref() != Ok("1") {
        eprintln!("skipped: it takes many minutes; DOORWARD_LONG=1 and --release run it");
        return;
    }
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(hold_within(PATIENCE, engine, test));
}

macro_rules! on_each {
    ($($credential:ident),+ $(,)?) => {
        mod sqlite {$(
            #[test]
            fn $credential() {
                crate::run(doorward_tests::Engine::Sqlite, crate::$credential);
            }
        )+}
        mod postgres {$(
            #[test]
            fn $credential() {
                crate::run(doorward_tests::Engine::Postgres, crate::$credential);
            }
        )+}
    };
}

on_each!(access_tokens, activation_tokens, api_keys, device_tokens);

impl Stage {
    /// What `serve` answers with; without the throttle, no answer waits.
    fn router(&self, evened: bool) -> Router {
        let service = Arc::clone(self.host.service());
        let metrics = Metrics::new("0.0.0");
        let surfaces = Surfaces { service: Arc::clone(&service), dev: false, session_cookie: Some(SESSION_COOKIE.into()), dialects: Dialects::default() };
        let (frame, guard) = (Frame::new(RequestIds::new(|| 0, |seed| seed.fill(7)), metrics.clone(), false, Dialects::default()), Guard::new(metrics.clone()));
        let router = all_router(surfaces);
        if evened {
            router.layer((frame, guard, Throttle::new(service, Quota::WRONG_SECRETS, Proxies::default(), &metrics)))
        } else {
            router.layer((frame, guard))
        }
    }

    /// Times answers to both kinds in random turn, and gives t: positive where what is there takes longer.
    async fn time(&self, evened: bool, way: Way, kinds: &Kinds) -> f64 {
        // Another turn in each run: what one run sees by chance, the next doesn't.
        let mut draw = Draw(Uuid::now_v7().as_u64_pair().1 | 1);
        let mut times = [Vec::with_capacity(TRIES), Vec::with_capacity(TRIES)];
        let router = self.router(evened);
        for round in 0..=TRIES / AT_ONCE {
            let drawn: Vec<_> = (0..AT_ONCE)
                .map(|_| {
                    let (kind, which) = ((draw.next() >> 40) as usize % 2, (draw.next() % SECRETS) as usize);
                    Mutex::new(Some((kind, way(self, &kinds[kind][which]))))
                })
                .collect();
            let (router, first) = (router.clone(), Instant::now() + APART);
            let answered = at_once(AT_ONCE, move |number| {
                let (kind, request) = drawn[number].lock().expect("no panic").take().expect("each is asked once");
                let (router, turn) = (router.clone(), first + APART * u32::try_from(number).expect("a small number"));
                async move {
                    while Instant::now() < turn {
                        tokio::task::yield_now().await;
                    }
                    let began = Instant::now();
                    let answer = router.oneshot(request).await.expect("a router doesn't fail");
                    let took = began.elapsed();
                    assert!(answer.status().as_u16() < 429, "{}", answer.status());
                    (kind, took.as_nanos() as f64)
                }
            });
            // The first round warms up.
            answered.await.into_iter().filter(|_| round > 0).for_each(|(kind, took)| times[kind].push(took));
        }
        t(&times[0], &times[1])
    }

    /// Sees that the kinds aren't told apart: not in each of three runs, since something else on the machine may disturb one of them.
    async fn cannot_tell(&self, what: &str, way: Way, kinds: &Kinds) {
        let mut found = vec![];
        while found.len() < 3 {
            let t = self.time(true, way, kinds).await;
            eprintln!("{}: {what}: t = {t:.2}", self.engine);
            if t.abs() < TOLD_APART {
                return;
            }
            found.push(t);
        }
        panic!("{}: {what}: told apart, t = {found:?}", self.engine);
    }

    /// Sees that without the wait the kinds are told apart: what the test is worth. On PostgreSQL each look asks the server, whatever is
    /// there, which takes so nearly the same time that a busy machine hides it.
    async fn could_tell_without_the_wait(&self, what: &str, way: Way, kinds: &Kinds) {
        let t = self.time(false, way, kinds).await;
        eprintln!("{}: {what}, without the wait: t = {t:.2}", self.engine);
        assert!(t.abs() > TOLD_APART || self.engine == "postgres", "{}: {what}: the test sees nothing, t = {t}", self.engine);
    }

    fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> Request<Body> {
        let request = headers.iter().fold(Request::builder().method(method).uri(path), |request, (name, value)| request.header(*name, *value));
        let (kind, body) = match body {
            Value::Null => ("application/json", Body::empty()),
            Value::String(form) => ("application/x-www-form-urlencoded", Body::from(form.clone())),
            body => ("application/json", Body::from(body.to_string())),
        };
        request.header("content-type", kind).body(body).expect("a request")
    }

    fn call(&self, path: &str, body: &Value) -> Request<Body> {
        self.ask("POST", path, &[("x-api-key", &api_key(ACME, Role::Host))], body)
    }

    fn of_person(&self, method: &str, path: &str, token: &str, body: &Value) -> Request<Body> {
        self.ask(method, path, &[("authorization", &format!("Bearer {token}"))], body)
    }
}

/// Secrets for what a token names, and for what the changed token names.
fn kinds<L: Locator + Copy>(token: &Token<L>, change: impl Fn(&mut L)) -> Kinds {
    let mut draw = Draw(0x2545_f491_4f6c_dd1d);
    [false, true].map(|changed| {
        let mut at = token.at;
        if changed {
            change(&mut at);
        }
        let mut secret = || {
            let mut secret = [0; 32];
            secret.chunks_mut(8).for_each(|part| part.copy_from_slice(&draw.next().to_be_bytes()));
            Token { at, secret: Secret::new(secret) }.reveal()
        };
        (0..SECRETS).map(|_| secret()).collect()
    })
}

/// Another id of the same age.
fn other(id: Uuid) -> Uuid {
    Uuid::from_u128(id.as_u128() ^ 1)
}

async fn access_tokens(stage: Stage) {
    let ways: [(&str, Way); 7] = [
        ("verify", |stage, token| stage.call("/internal/sessions/verify", &json!({ "token": token }))),
        ("verify-batch", |stage, token| stage.call("/internal/sessions/verify-batch", &json!({ "tokens": [stage.ana.token, token] }))),
        ("heartbeat-batch", |stage, token| stage.call("/internal/sessions/heartbeat-batch", &json!({ "tokens": [token] }))),
        ("introspection", |stage, token| stage.call("/oauth2/introspect", &json!(format!("token={token}")))),
        ("forward-auth", |stage, token| stage.of_person("GET", "/internal/forward-auth/acme", token, &json!(null))),
        ("forward-auth by cookie", |stage, token| {
            stage.ask("GET", "/internal/forward-auth/acme", &[("cookie", &format!("{SESSION_COOKIE}={token}"))], &json!(null))
        }),
        ("a person's own call", |stage, token| stage.of_person("GET", "/api/v1/sessions/current", token, &json!(null))),
    ];
    let token = AccessToken::parse(&stage.ana.token).expect("an access token");
    let no_session = kinds(&token, |at| at.id = SessionId(other(at.id.0)));
    let no_account = kinds(&token, |at| (at.account, at.id) = (AccountId(other(at.account.0)), SessionId(other(at.id.0))));
    stage.could_tell_without_the_wait("verify, no account", ways[0].1, &no_account).await;
    for (what, way) in ways {
        stage.cannot_tell(&format!("{what}, no account"), way, &no_account).await;
    }
    for (what, way) in [ways[0], ways[4], ways[6]] {
        stage.cannot_tell(&format!("{what}, no session"), way, &no_session).await;
    }
}

async fn activation_tokens(stage: Stage) {
    let person: Way = |stage, token| stage.of_person("POST", "/api/v1/devices/activate", &stage.ana.token, &json!({ "activation_token": token }));
    let host: Way = |stage, token| stage.call("/internal/activations/activate", &json!({ "activation_token": token }));
    let token = ActivationToken::parse(&stage.ana.offer()).expect("an activation token");
    let no_offer = kinds(&token, |at| at.id = OfferId(other(at.id.0)));
    let no_account = kinds(&token, |at| (at.account, at.id) = (AccountId(other(at.account.0)), OfferId(other(at.id.0))));
    stage.cannot_tell("a host's activation, no account", host, &no_account).await;
    stage.cannot_tell("a host's activation, no offer", host, &no_offer).await;
    stage.cannot_tell("a person's activation, no offer", person, &no_offer).await;
}

/// A key has no place but its own: those that share all but their end with a good one are held against those that share nothing.
async fn api_keys(stage: Stage) {
    let right = api_key(ACME, Role::Host);
    let mut draw = Draw(0x7f4a_7c15_9e37_79b9);
    let mut far = |number| right.chars().map(|_| char::from(b'a' + (draw.next() % 26) as u8)).chain(format!("{number:04}").chars()).collect();
    let near = |number| format!("{right}{number:04}");
    let kinds = [(0..SECRETS).map(near).collect(), (0..SECRETS).map(&mut far).collect()];
    stage.cannot_tell("API key", |stage, key| stage.ask("GET", "/internal/users/ana/devices", &[("x-api-key", key)], &json!(null)), &kinds).await;
}

/// No answer waits: a sign-in is answered all the same, and its commit takes longer than what could be told.
async fn device_tokens(stage: Stage) {
    let token = DeviceToken::parse(&stage.device).expect("a device token");
    let sign_in: Way = |stage, token| {
        let attempt = json!({ "user_id": "ana", "ip": "203.0.113.7", "user_agent": "curl/8.5.0", "device_token": token });
        stage.call("/internal/sign-ins", &attempt)
    };
    stage.cannot_tell("device token, no device", sign_in, &kinds(&token, |at| at.id = DeviceId(other(at.id.0)))).await;
}
