//! People to act as: an account in a store, and what a host would do for its person.

use std::sync::{Arc, LazyLock};

use doorward_domain::{
    AccessToken, Account, Actor, Attempt, Completion, DeviceId, Factor, FeedEpoch, Fingerprint, KeyRing, MfaMethod, Mint, Moment, NewAccount, NoLocations,
    Opened, Parts, Policy, Preset, Refusal, Rules, SecondFactor, Seen, SessionId, SessionStatus, SignIn, SignInId, Tenant, TenantId, Timestamp,
};
use doorward_store::{AccountKey, Need, Rows, Store, StoreError};
use uuid::Uuid;

use crate::words::{start, tenant_id, user_id};

/// The server key of every test.
///
/// # Panics
/// Never.
#[must_use]
pub fn keys() -> &'static Arc<KeyRing> {
    static KEYS: LazyLock<Arc<KeyRing>> = LazyLock::new(|| Arc::new(KeyRing::new(&[[7; 32]])));
    &KEYS
}

/// A mint that no other test draws from.
#[must_use]
pub fn mint() -> Mint {
    let mut seed = [0; 32];
    seed[..16].copy_from_slice(Uuid::now_v7().as_bytes());
    seed[16..].copy_from_slice(Uuid::now_v7().as_bytes());
    Mint::new(seed)
}

/// A moment with this mint, in which Doorward itself acts.
#[must_use]
pub fn moment_with(now: Timestamp, mint: Mint) -> Moment<'static> {
    Moment { now, actor: Actor::System, mint, keys: keys(), locations: &NoLocations }
}

/// A tenant with the default policy.
#[must_use]
pub fn tenant(slug: &str) -> Tenant {
    Tenant {
        id: tenant_id(slug),
        sessions_gen: 1,
        trust_gen: 1,
        fenced_at: None,
        policy: Policy::preset(Preset::Consumer),
        policy_revision: 1,
        past_limits: vec![],
        last_event: 0,
        feed_epoch: FeedEpoch(Uuid::nil()),
        created_at: start(),
    }
}

/// A tenant whose policy is the default one, but for what `change` does to it.
///
/// # Panics
/// If the rules aren't valid.
#[must_use]
pub fn tenant_with(slug: &str, change: impl FnOnce(&mut Rules)) -> Tenant {
    let mut rules = Policy::preset(Preset::Consumer).rules().clone();
    change(&mut rules);
    Tenant { policy: Policy::custom(rules).expect("valid rules"), ..tenant(slug) }
}

/// A change of a tenant alone.
pub type TenantChange = Arc<dyn Fn(&mut Tenant) + Send + Sync>;

/// Changes a tenant. `false` if there is none.
///
/// # Errors
/// The store's.
pub async fn change_tenant(store: &Arc<dyn Store>, id: TenantId, change: TenantChange) -> Result<bool, StoreError> {
    let changed = store.administer(id, move |tenancy| {
        change(&mut tenancy.tenant);
        Ok::<(), ()>(())
    });
    Ok(changed.await?.is_some())
}

/// An attempt by a person who has a second factor that wasn't asked for yet.
///
/// # Panics
/// Never.
#[must_use]
pub fn attempt(now: Timestamp) -> Attempt {
    Attempt {
        seen: Seen { ip: "192.0.2.7".parse().expect("an address"), user_agent: "Mozilla/5.0 (test)".to_owned(), client_hints: None, device_info: None },
        parts: Parts::default(),
        fingerprint: Fingerprint::default(),
        second_factor: SecondFactor::Available,
        factor: None,
        require_mfa: false,
        login_method: "password".to_owned(),
        amr: vec!["pwd".to_owned()],
        authenticated_at: now,
    }
}

/// An attempt whose second factor was verified just now.
#[must_use]
pub fn passed(now: Timestamp) -> Attempt {
    Attempt { second_factor: SecondFactor::Done, factor: Some(Factor { method: MfaMethod::Totp, verified_at: now }), ..attempt(now) }
}

/// A completion with a one-time code that was verified just now.
#[must_use]
pub fn with_code() -> Completion {
    Completion { mfa: Some((MfaMethod::Totp, None)), ..Completion::default() }
}

/// A person with an account in a store.
#[derive(Clone)]
pub struct Person {
    /// The store.
    pub store: Arc<dyn Store>,
    /// The account.
    pub key: AccountKey,
}

impl Person {
    /// A new person of a tenant, which is made if it isn't there.
    ///
    /// # Panics
    /// If the store fails.
    pub async fn new(store: &Arc<dyn Store>, tenant_slug: &str, user: &str) -> Self {
        Self::of(store, tenant(tenant_slug), user).await
    }

    /// A person whose account is there.
    #[must_use]
    pub fn known(store: &Arc<dyn Store>, tenant_slug: &str, user: &str) -> Self {
        Self { store: Arc::clone(store), key: AccountKey::User(tenant_id(tenant_slug), user_id(user)) }
    }

    /// A new person of this tenant, which is made if it isn't there.
    ///
    /// # Panics
    /// If the store fails.
    pub async fn of(store: &Arc<dyn Store>, tenant: Tenant, user: &str) -> Self {
        let key = AccountKey::User(tenant.id.clone(), user_id(user));
        match store.create_tenant(tenant).await {
            Ok(()) | Err(StoreError::Exists) => {}
            Err(failure) => panic!("no tenant: {failure}"),
        }
        let person = Self { store: Arc::clone(store), key };
        let mut mint = mint();
        let need = Need { create: Some(NewAccount::draw(&mut mint, start())), ..Need::default() };
        let made = person.act_needing(need, start(), |account, moment| {
            account.record_creation(moment);
            Ok(())
        });
        made.await.expect("an account");
        person
    }

    /// Runs a rule over what most rules judge by.
    ///
    /// # Errors
    /// The rule's refusal.
    ///
    /// # Panics
    /// If the store fails.
    pub async fn act<T: Send + 'static>(
        &self,
        now: Timestamp,
        rule: impl Fn(&mut Account, &mut Moment<'_>) -> Result<T, Refusal> + Send + Sync + 'static,
    ) -> Result<T, Refusal> {
        self.act_needing(Need::standing(now), now, rule).await
    }

    /// Runs a rule over what it needs.
    ///
    /// # Errors
    /// The rule's refusal.
    ///
    /// # Panics
    /// If the store fails.
    pub async fn act_needing<T: Send + 'static>(
        &self,
        need: Need,
        now: Timestamp,
        rule: impl Fn(&mut Account, &mut Moment<'_>) -> Result<T, Refusal> + Send + Sync + 'static,
    ) -> Result<T, Refusal> {
        self.try_act(need, now, rule).await.expect("the store answers").expect("there is an account")
    }

    /// The same, with the store's failures. `None` if there is no such account.
    ///
    /// # Errors
    /// The store's.
    pub async fn try_act<T: Send + 'static>(
        &self,
        need: Need,
        now: Timestamp,
        rule: impl Fn(&mut Account, &mut Moment<'_>) -> Result<T, Refusal> + Send + Sync + 'static,
    ) -> Result<Option<Result<T, Refusal>>, StoreError> {
        let mint = mint();
        self.store.update(self.key.clone(), need, move |account| rule(account, &mut moment_with(now, mint.clone()))).await
    }

    /// Reads the account.
    ///
    /// # Panics
    /// If the store fails.
    pub async fn read(&self, need: Need) -> Arc<Account> {
        self.store.account(self.key.clone(), need).await.expect("the store answers").expect("there is an account")
    }

    /// Reads all that rules judge by.
    pub async fn standing(&self) -> Arc<Account> {
        self.read(Need { devices: Rows::Standing, sessions: Rows::Standing, raises: true, ..Need::default() }).await
    }

    /// Signs in on a new device, with a second factor verified just now.
    ///
    /// # Panics
    /// If it is refused.
    pub async fn enter(&self, now: Timestamp) -> Opened {
        self.enter_with(now, None, Completion::default()).await
    }

    /// Signs in, with a second factor verified just now, on the device of this token.
    ///
    /// # Panics
    /// If it is refused.
    pub async fn enter_with(&self, now: Timestamp, device_token: Option<&str>, completion: Completion) -> Opened {
        let cookie = device_token.map(str::to_owned);
        let rule = move |account: &mut Account, moment: &mut Moment<'_>| account.sign_in_directly(moment, passed(now), cookie.as_deref(), completion.clone());
        self.act(now, rule).await.expect("a person who proved both factors is in")
    }

    /// Signs in on a new device and has it trusted.
    ///
    /// # Panics
    /// If it is refused.
    pub async fn enter_and_trust(&self, now: Timestamp) -> Opened {
        self.enter_with(now, None, Completion { trust_device: true, ..Completion::default() }).await
    }

    /// Evaluates an attempt and appends the sign-in, as a host's first call does.
    ///
    /// # Errors
    /// The rule's refusal.
    ///
    /// # Panics
    /// If the store fails.
    pub async fn evaluate(&self, now: Timestamp, attempt: Attempt, device_token: Option<&str>) -> Result<SignIn, Refusal> {
        let account = self.standing().await;
        if let Some(sign_in) = account.evaluate(&mut moment_with(now, mint()), attempt.clone(), device_token)? {
            self.store.append(&account.head, sign_in.clone()).await.expect("the sign-in is appended");
            return Ok(sign_in);
        }
        let cookie = device_token.map(str::to_owned);
        let rule = move |account: &mut Account, moment: &mut Moment<'_>| {
            let sign_in = account.evaluate_and_follow(moment, attempt.clone(), cookie.as_deref())?;
            account.sign_ins.push(sign_in.clone());
            Ok(sign_in)
        };
        self.act_needing(Need::standing(now), now, rule).await
    }

    /// Completes a sign-in, as a host's second call does.
    ///
    /// # Errors
    /// The rule's refusal.
    ///
    /// # Panics
    /// If the store fails.
    pub async fn complete(&self, now: Timestamp, sign_in: SignInId, completion: Completion) -> Result<Opened, Refusal> {
        let need = Need::standing(now).with_sign_in(sign_in);
        self.act_needing(need, now, move |account, moment| account.complete(moment, sign_in, completion.clone())).await
    }

    /// Whether an access token opens a live session at this moment, as `verify` judges it.
    ///
    /// # Panics
    /// If the store fails.
    pub async fn is_in(&self, token: &AccessToken, now: Timestamp) -> bool {
        is_in(&self.store, token, now).await
    }

    /// Whether a device is trusted at this moment.
    pub async fn trusts(&self, device: DeviceId, now: Timestamp) -> bool {
        let account = self.read(Need { device: Some(device), ..Need::default() }).await;
        account.devices.iter().find(|d| d.id == device).is_some_and(|d| d.status(&account, now) == doorward_domain::DeviceStatus::Trusted)
    }

    /// A session's state at this moment, as lists show it.
    ///
    /// # Panics
    /// If there is no such session.
    pub async fn status(&self, session: SessionId, now: Timestamp) -> SessionStatus {
        let account = self.read(Need { session: Some(session), ..Need::default() }).await;
        let found = account.session(session).expect("the session is there");
        found.status(account.device_of(found).expect("its device came along"), &account, now)
    }
}

/// Whether an access token opens a live session at this moment, as `verify` judges it.
///
/// # Panics
/// If the store fails.
pub async fn is_in(store: &Arc<dyn Store>, token: &AccessToken, now: Timestamp) -> bool {
    let account = store.session(token.at).await.expect("the store answers");
    account.is_some_and(|account| account.caller(&moment_with(now, mint()), token).is_ok())
}
