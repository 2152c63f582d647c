//! Ana's account in memory, a clock, and the ways in: what tests of pure rules stand on.

use std::sync::{Arc, LazyLock};

use doorward_domain::{
    Account, AccountId, Actor, Attempt, Completion, DataKey, Device, DeviceId, Factor, Fingerprint, KeyRing, MfaMethod, Mint, Moment, NewAccount, NoLocations,
    Opened, Parts, Policy, Preset, Refusal, Rules, SecondFactor, Seen, Tenancy, Tenant, TenantId, Timestamp, UserId,
};

static KEYS: LazyLock<KeyRing> = LazyLock::new(|| KeyRing::new(&[[7; 32]]));

/// A moment so many seconds after the beginning of time.
pub(crate) fn at(seconds: u32) -> Timestamp {
    Timestamp::from_micros(0).plus_s(seconds)
}

/// The last microsecond before a moment.
pub(crate) fn just_before(moment: Timestamp) -> Timestamp {
    Timestamp::from_micros(moment.micros() - 1)
}

/// The policy `consumer`, changed.
pub(crate) fn consumer(change: impl FnOnce(&mut Rules)) -> Policy {
    let mut rules = Policy::preset(Preset::Consumer).rules().clone();
    change(&mut rules);
    Policy::custom(rules).expect("valid rules")
}

/// Ana's account, and now.
pub(crate) struct Ana {
    pub(crate) account: Account,
    pub(crate) now: Timestamp,
    mint: Mint,
}

impl Ana {
    pub(crate) fn new(now: Timestamp) -> Self {
        let mut moment = Moment { now, actor: Actor::System, mint: Mint::new([1; 32]), keys: &KEYS, locations: &NoLocations };
        let tenancy = Tenancy::create(&mut moment, TenantId::new("acme").expect("a slug"), Policy::preset(Preset::Consumer));
        let new = NewAccount { id: AccountId(moment.mint.uuid(now)), data_key: DataKey::new([3; 32]), at: now };
        let account = Account::new(Arc::new(tenancy.tenant), UserId::new("ana").expect("a user"), new);
        Self { account, now, mint: moment.mint }
    }

    /// Runs a rule as the store does: a refusal leaves everything as it was.
    pub(crate) fn act<T>(&mut self, rule: impl FnOnce(&mut Account, &mut Moment<'_>) -> Result<T, Refusal>) -> Result<T, Refusal> {
        let mut account = self.account.clone();
        let mut moment = Moment { now: self.now, actor: Actor::System, mint: self.mint.clone(), keys: &KEYS, locations: &NoLocations };
        let outcome = rule(&mut account, &mut moment);
        self.mint = moment.mint;
        if outcome.is_ok() {
            self.account = account;
        }
        outcome
    }

    /// Signs in on a new device with a code that was verified now.
    pub(crate) fn enter(&mut self) -> Opened {
        self.enter_with(Completion::default())
    }

    /// The same, and ticks the box.
    pub(crate) fn enter_and_trust(&mut self) -> Opened {
        self.enter_with(Completion { trust_device: true, ..Completion::default() })
    }

    fn enter_with(&mut self, completion: Completion) -> Opened {
        let now = self.now;
        let attempt = Attempt {
            seen: Seen { ip: "192.0.2.7".parse().expect("an address"), user_agent: "Mozilla/5.0 (test)".to_owned(), client_hints: None, device_info: None },
            parts: Parts::default(),
            fingerprint: Fingerprint::default(),
            second_factor: SecondFactor::Done,
            factor: Some(Factor { method: MfaMethod::Totp, verified_at: now }),
            require_mfa: false,
            login_method: "password".to_owned(),
            amr: vec!["pwd".to_owned()],
            authenticated_at: now,
        };
        self.act(|account, moment| account.sign_in_directly(moment, attempt, None, completion)).expect("both factors were proved")
    }

    pub(crate) fn device(&self, id: DeviceId) -> &Device {
        self.account.devices.iter().find(|device| device.id == id).expect("rules remove nothing")
    }

    pub(crate) fn tenant(&mut self) -> &mut Tenant {
        Arc::make_mut(&mut self.account.tenant)
    }

    /// Puts another policy in force, as if it had always been.
    pub(crate) fn choose(&mut self, policy: Policy) {
        self.tenant().policy = policy;
    }
}
