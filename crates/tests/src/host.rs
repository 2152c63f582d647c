//! A host beside Doorward: it speaks JSON to the real router, wrapped as the binary wraps it, with a frozen clock and seeded ids.

pub mod answer;
pub mod ask;
pub mod browser;
pub mod description;
pub mod env;
pub mod form;

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use bytes::Bytes;
use doorward_api::context::RequestIds;
use doorward_api::layers::{Frame, Guard, Throttle};
use doorward_api::metrics::Metrics;
use doorward_api::proxies::Proxies;
use doorward_api::{Dialects, Surfaces};
use doorward_domain::{Account, ApiKey, ApiKeyId, KeyRing, Mint, Policy, Preset, Quota, Role, Rules, TenantId, Timestamp};
use doorward_service::{Clock, ErasureList, Locations, NoLocations, Operator, Service};
use doorward_store::{AccountKey, Need, Rows, Store, StoreError};
use http::Request;
use http_body_util::{BodyExt, Full};
use tower::ServiceExt as _;

pub use answer::Answer;
pub use ask::{Ask, Door};
pub use browser::{Browser, SignedIn};
use env::{ErasureLines, ManualClock, SeededEntropy};
pub use form::Form;

use crate::engines::{Given, Home};
use crate::people::change_tenant;
use crate::words::{start, tenant_id, user_id};

/// The server key of every host, to be told if it ever shows.
pub const SERVER_KEY: [u8; 32] = *b"canary: the server key of tests.";
/// The network of the only proxies that are believed.
pub const TRUSTED_PROXY: &str = "10.9.0.0/16";
/// The tenant that stories play in.
pub const ACME: &str = "acme";
/// The host's own cookie that holds the access token.
pub const SESSION_COOKIE: &str = "__Host-session";
/// Another tenant, with a key of its own.
pub const GLOBEX: &str = "globex";

/// A host's backend, with a Doorward of its own. A clone is the same one.
#[derive(Clone)]
pub struct Host(Arc<Parts>);

type Asked = Pin<Box<dyn Future<Output = (http::response::Parts, Bytes)> + Send>>;
type Router = Box<dyn Fn(Request<Full<Bytes>>) -> Asked + Send + Sync>;
/// Most stories go through one door: the others aren't made for nothing.
type Opening = Box<dyn FnOnce() -> Router + Send>;

struct Parts {
    home: Arc<Home>,
    store: Arc<dyn Store>,
    service: Arc<Service>,
    clock: Arc<ManualClock>,
    erasures: Arc<ErasureLines>,
    metrics: Metrics,
    doors: [LazyLock<Router, Opening>; 3],
    dialects: Dialects,
    revealed: Mutex<BTreeSet<String>>,
}

/// The text of a tenant's API key of a role.
#[must_use]
pub fn api_key(tenant: &str, role: Role) -> String {
    format!("dwk_canary-of-{tenant}-with-role-{role}-which-nobody-else-knows")
}

fn key_of(tenant: &str, role: Role, text: &str, id: ApiKeyId) -> ApiKey {
    let hash = KeyRing::new(&[SERVER_KEY]).api_key_hashes(text).next().expect("a hash");
    ApiKey {
        id,
        tenant: tenant_id(tenant),
        name: role.to_string(),
        role,
        hash,
        former: None,
        created_at: start(),
        expires_at: None,
        revoked_at: None,
        last_used_at: None,
        requests: vec![],
    }
}

/// How a host's Doorward is set up.
struct Setup<'a> {
    dev: bool,
    /// The server keys, the active one first.
    keys: &'a [[u8; 32]],
    /// Which of several nodes it is: each draws ids of its own.
    node: u64,
    tenants: &'a [&'a str],
    dialects: Dialects,
    locations: Arc<dyn Locations>,
}

impl Default for Setup<'_> {
    fn default() -> Self {
        Self { dev: false, keys: &[SERVER_KEY], node: 0, tenants: &[ACME, GLOBEX], dialects: Dialects::default(), locations: Arc::new(NoLocations) }
    }
}

impl Given for Host {
    async fn given(home: &Arc<Home>) -> Self {
        Self::open(home, false).await
    }
}

impl Host {
    /// A host with a Doorward whose data lies in this place, which may hold some already. In dev mode or not.
    ///
    /// # Panics
    /// If it can't start.
    pub async fn open(home: &Arc<Home>, dev: bool) -> Self {
        Self::with(home, Setup { dev, ..Setup::default() }).await
    }

    /// The same with one tenant alone.
    ///
    /// # Panics
    /// If it can't start.
    pub async fn open_alone(home: &Arc<Home>) -> Self {
        Self::with(home, Setup { tenants: &[ACME], ..Setup::default() }).await
    }

    /// The same under another server key, which may not fit what lies there.
    ///
    /// # Panics
    /// If it can't start.
    pub async fn open_with_key(home: &Arc<Home>, key: [u8; 32]) -> Self {
        Self::with(home, Setup { keys: &[key], ..Setup::default() }).await
    }

    /// One of several nodes, under several server keys, the active one first. Each node draws ids of its own.
    ///
    /// # Panics
    /// If it can't start.
    pub async fn open_under(home: &Arc<Home>, keys: &[[u8; 32]], node: u64) -> Self {
        Self::with(home, Setup { keys, node, ..Setup::default() }).await
    }

    /// The same with these dialects alone, and their quotas.
    ///
    /// # Panics
    /// If it can't start.
    pub async fn open_serving(home: &Arc<Home>, dialects: Dialects) -> Self {
        Self::with(home, Setup { dialects, ..Setup::default() }).await
    }

    /// A host whose Doorward knows where addresses are.
    ///
    /// # Panics
    /// If it can't start.
    pub async fn open_located(home: &Arc<Home>, locations: Arc<dyn Locations>) -> Self {
        Self::with(home, Setup { locations, ..Setup::default() }).await
    }

    async fn with(home: &Arc<Home>, setup: Setup<'_>) -> Self {
        let Setup { dev, keys, node, tenants, dialects, locations } = setup;
        let clock = Arc::new(ManualClock::at(start()));
        let store = home.open_locked().await;
        let keys = KeyRing::new(keys);
        let erasures = Arc::new(ErasureLines::default());
        let mut mint = Mint::new([1; 32]);
        let mut api_keys = vec![];
        for &tenant in tenants {
            for &role in Role::ALL {
                api_keys.push(key_of(tenant, role, &api_key(tenant, role), ApiKeyId(mint.uuid(start()))));
            }
        }
        let service = Service::new(
            Arc::clone(&store),
            keys,
            Arc::clone(&clock) as Arc<dyn Clock>,
            Arc::new(SeededEntropy::of_node(node)),
            Arc::clone(&erasures) as Arc<dyn ErasureList>,
            locations,
        );
        // Under a wrong key it runs, and answers 503.
        match service.start().await {
            Ok(()) | Err(StoreError::Misconfigured(_)) => {}
            Err(failure) => panic!("the service doesn't start: {failure}"),
        }
        for &tenant in tenants {
            match store.create_tenant(crate::tenant(tenant)).await {
                Ok(()) | Err(StoreError::Exists) => {}
                Err(failure) => panic!("no tenant: {failure}"),
            }
        }
        for key in api_keys {
            // Recorded as done once ever, so that a place can be opened again.
            let once = format!("{}-{}", key.tenant, key.role);
            store.add_api_key(key, Some(once)).await.expect("an API key");
        }
        let metrics = Metrics::new("0.0.0");
        let ids = |clock: &Arc<ManualClock>| {
            let clock = Arc::clone(clock);
            RequestIds::new(move || clock.now().micros(), |seed| seed.fill(7))
        };
        let surfaces = Surfaces { service: Arc::clone(&service), dev, session_cookie: Some(SESSION_COOKIE.into()), dialects };
        let proxies = Proxies::new([TRUSTED_PROXY.parse().expect("a network")]);
        let throttle = Throttle::new(Arc::clone(&service), Quota::WRONG_SECRETS, proxies, &metrics);
        let routers: [fn(Surfaces) -> _; 3] = [doorward_api::all_router, doorward_api::public_router, doorward_api::internal_router];
        let doors = routers.map(|router| {
            let layers = (Frame::new(ids(&clock), metrics.clone(), dev, dialects), Guard::new(metrics.clone()), throttle.clone());
            let surfaces = surfaces.clone();
            LazyLock::new(Box::new(move || {
                let router = router(surfaces).layer(layers);
                Box::new(move |request: Request<Full<Bytes>>| {
                    let router = router.clone();
                    Box::pin(async move {
                        let (parts, body) = router.oneshot(request).await.expect("a router doesn't fail").into_parts();
                        (parts, body.collect().await.expect("a whole body").to_bytes())
                    }) as Asked
                }) as Router
            }) as Opening)
        });
        Self(Arc::new(Parts { home: Arc::clone(home), store, service, clock, erasures, metrics, doors, dialects, revealed: Mutex::default() }))
    }

    /// A browser of one of the tenant's users, new to Doorward.
    #[must_use]
    pub fn browser(&self, user: &str) -> Browser {
        Browser::new(self.clone(), user)
    }

    /// A request, without credentials yet.
    ///
    /// # Panics
    /// If the method is none.
    pub fn ask(&self, method: &str, path: &str) -> Ask {
        Ask::new(self.clone(), method, path)
    }

    /// A request of the backend itself, with its key of role `host`.
    pub fn call(&self, method: &str, path: &str) -> Ask {
        self.ask(method, path).by(Role::Host)
    }

    /// Checks an access token without touching the session.
    pub async fn verify(&self, token: &str) -> Answer {
        self.call("POST", "/internal/sessions/verify").json(&serde_json::json!({ "token": token, "touch": false })).await.expect(200)
    }

    /// Why a token opens nothing; `None` if its session is live.
    pub async fn inactive(&self, token: &str) -> Option<String> {
        let checked = self.verify(token).await;
        if checked.body["active"] == true { None } else { Some(checked.text_at("/reason")) }
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// Moves the clock ahead.
    pub fn pass_s(&self, seconds: u32) {
        self.0.clock.advance_s(seconds);
    }

    /// Moves the clock to a moment.
    pub fn at(&self, moment: Timestamp) {
        self.0.clock.set(moment);
    }

    /// Every row of every table, but for the throttles' budgets: refused tries are counted, and change nothing else.
    pub async fn rows(&self) -> Vec<String> {
        self.0.home.rows().await.into_iter().filter(|row| !row.starts_with("budget")).collect()
    }

    /// The place where its data lies.
    #[must_use]
    pub fn home(&self) -> &Arc<Home> {
        &self.0.home
    }

    /// The erasure list.
    #[must_use]
    pub fn erasures(&self) -> &ErasureLines {
        &self.0.erasures
    }

    /// The store under the service.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.0.store
    }

    /// The metrics page.
    #[must_use]
    pub fn metrics(&self) -> String {
        self.0.metrics.render()
    }

    /// Every token that an answer revealed so far.
    #[must_use]
    pub fn revealed(&self) -> BTreeSet<String> {
        self.0.revealed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Closes the store under the running service.
    pub async fn lose_store(&self) {
        self.0.store.close().await;
    }

    /// Adds an API key of role `admin`, changed in some way, to the tenant.
    ///
    /// # Panics
    /// If the store fails.
    pub async fn add_key(&self, text: &str, change: impl FnOnce(&mut ApiKey)) {
        let mut key = key_of(ACME, Role::Admin, text, ApiKeyId(uuid::Uuid::now_v7()));
        change(&mut key);
        assert!(self.0.store.add_api_key(key, None).await.expect("the store answers"));
    }

    /// The id of an API key.
    ///
    /// # Panics
    /// If there is no such key.
    pub async fn key_id(&self, text: &str) -> ApiKeyId {
        let hash = KeyRing::new(&[SERVER_KEY]).api_key_hashes(text).next().expect("a hash");
        self.0.store.api_key(hash).await.expect("the store answers").expect("the key").id
    }

    /// Changes the rules of the tenant, as no surface does yet.
    ///
    /// # Panics
    /// If the rules aren't valid.
    pub async fn set_rules(&self, change: impl FnOnce(&mut Rules)) {
        self.set_rules_of(ACME, change).await;
    }

    /// The same of a tenant.
    ///
    /// # Panics
    /// If the rules aren't valid.
    pub async fn set_rules_of(&self, tenant: &str, change: impl FnOnce(&mut Rules)) {
        let mut rules = Policy::preset(Preset::Consumer).rules().clone();
        change(&mut rules);
        self.set_policy_of(tenant, Policy::custom(rules).expect("valid rules")).await;
    }

    /// Changes the policy of the tenant.
    ///
    /// # Panics
    /// If the store fails.
    pub async fn set_policy(&self, policy: Policy) {
        self.set_policy_of(ACME, policy).await;
    }

    async fn set_policy_of(&self, tenant: &str, policy: Policy) {
        let now = self.now();
        let change = Arc::new(move |tenant: &mut doorward_domain::Tenant| tenant.choose(policy.clone(), now));
        assert!(change_tenant(&self.0.store, tenant_id(tenant), change).await.expect("the store answers"));
    }

    /// Ends everything in a tenant, as an operator does after a breach.
    ///
    /// # Panics
    /// If the store fails.
    pub async fn fence(&self, tenant: &str) {
        let operator = Operator::new(TenantId::new(tenant).expect("a slug"), "grace".to_owned());
        self.0.service.fence(&operator).await.expect("the tenant is fenced");
    }

    /// The service behind the surfaces, for what no surface does.
    #[must_use]
    pub fn service(&self) -> &Arc<Service> {
        &self.0.service
    }

    /// Changes the facts of a user's account, as security events will.
    ///
    /// # Panics
    /// If there is no such account.
    pub async fn change_account(&self, user: &str, change: impl Fn(&mut Account) + Send + Sync + 'static) {
        let at = AccountKey::User(tenant_id(ACME), user_id(user));
        let need = Need { devices: Rows::Standing, ..Need::default() };
        let changed = self.0.store.update(at, need, move |account| {
            change(account);
            Ok::<(), ()>(())
        });
        assert_eq!(changed.await.expect("the store answers"), Some(Ok(())));
    }
}
