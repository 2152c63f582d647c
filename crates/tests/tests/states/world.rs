//! A small world to put one account in any state: a subject device with its session, and another device to act from.

use std::sync::Arc;

use doorward_domain::{
    Account, AccountId, ActivationToken, Actor, Completion, Credential, DataKey, Device, DeviceId, Mint, Moment, NewAccount, Opened, Policy, Preset, Refusal,
    Session, SessionId, SignInId, Timestamp,
};
use doorward_tests::{attempt, keys, moment_with, passed, start, tenant, user_id, with_code};

/// One account, a clock, and the things that a table is about.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) account: Account,
    pub(crate) now: Timestamp,
    mint: Mint,
    /// The device that the table is about, the session on it, its token and its offer.
    pub(crate) subject: Opened,
    /// Another device of the same person, with a session and a factor of its own.
    pub(crate) other: Opened,
    /// The sign-in that the table is about.
    pub(crate) sign_in: Option<SignInId>,
}

impl World {
    pub(crate) fn new() -> Self {
        let mut mint = Mint::new([3; 32]);
        let new = NewAccount { id: AccountId(mint.uuid(start())), data_key: DataKey::new([3; 32]), at: start() };
        let account = Account::new(Arc::new(tenant("acme")), user_id("ana"), new);
        let mut moment = moment_with(start(), mint.clone());
        let mut begun = account.clone();
        let enter = |account: &mut Account, moment: &mut Moment<'_>| {
            account.sign_in_directly(moment, passed(moment.now), None, Completion::default()).expect("both factors were proved")
        };
        let (other, subject) = (enter(&mut begun, &mut moment), enter(&mut begun, &mut moment));
        Self { account: begun, now: start(), mint: moment.mint, subject, other, sign_in: None }
    }

    /// Runs a rule as the store does: a refusal leaves everything as it was.
    pub(crate) fn act<T>(&mut self, rule: impl FnOnce(&mut Account, &mut Moment<'_>) -> Result<T, Refusal>) -> Result<T, Refusal> {
        let mut account = self.account.clone();
        let mut moment = Moment { actor: Actor::System, ..moment_with(self.now, self.mint.clone()) };
        let outcome = rule(&mut account, &mut moment);
        self.mint = moment.mint;
        if outcome.is_ok() {
            self.account = account;
        }
        outcome
    }

    /// The same, for what can't be refused on the way into a state.
    pub(crate) fn done<T>(mut self, rule: impl FnOnce(&mut Account, &mut Moment<'_>) -> Result<T, Refusal>) -> Self {
        self.act(rule).expect("the way into a state is free");
        self
    }

    pub(crate) fn later(mut self, seconds: u32) -> Self {
        self.now = self.now.plus_s(seconds);
        self
    }

    pub(crate) fn wait(&mut self, seconds: u32) {
        self.now = self.now.plus_s(seconds);
    }

    pub(crate) fn device_id(&self) -> DeviceId {
        self.subject.device
    }

    pub(crate) fn session_id(&self) -> SessionId {
        self.subject.session
    }

    pub(crate) fn device(&self) -> &Device {
        self.account.devices.iter().find(|device| device.id == self.subject.device).expect("rules remove nothing")
    }

    pub(crate) fn session(&self) -> &Session {
        self.account.session(self.subject.session).expect("rules remove nothing")
    }

    /// The offer of the last sign-in, if it brought one.
    pub(crate) fn offered(&self) -> Result<ActivationToken, Refusal> {
        self.subject.activation.clone().ok_or(Refusal::ActivationNotFound)
    }

    pub(crate) fn offer_token(&self) -> ActivationToken {
        self.subject.activation.clone().expect("a real second factor brought an offer")
    }

    /// The present device token of the subject, as its browser holds it.
    pub(crate) fn cookie(&self) -> String {
        self.subject.device_token.as_ref().expect("a device has a token").reveal()
    }

    /// The tenant's policy, changed.
    pub(crate) fn under(mut self, preset: Preset) -> Self {
        let now = self.now;
        Arc::make_mut(&mut self.account.tenant).choose(Policy::preset(preset), now);
        self
    }

    /// The tenant's generations, raised.
    pub(crate) fn fence(&mut self) {
        let now = self.now;
        let tenant = Arc::make_mut(&mut self.account.tenant);
        tenant.sessions_gen += 1;
        tenant.trust_gen += 1;
        tenant.fenced_at = Some(now);
    }

    /// Signs in with the subject's cookie: evaluated, then completed.
    pub(crate) fn sign_in_here(&mut self, code: bool, trust: bool) -> Result<Opened, Refusal> {
        let cookie = self.cookie();
        let now = self.now;
        self.act(|account, moment| {
            let sign_in = account.evaluate_and_follow(moment, attempt(now), Some(&cookie))?;
            let id = sign_in.id;
            account.sign_ins = vec![sign_in];
            let completion = Completion { trust_device: trust, ..if code { with_code() } else { Completion::default() } };
            account.complete(moment, id, completion)
        })
        .inspect(|opened| self.remember(opened))
    }

    /// Keeps what an answer bore, as the host does.
    fn remember(&mut self, opened: &Opened) {
        self.subject.activation.clone_from(&opened.activation);
        if opened.device == self.subject.device && opened.device_token.is_some() {
            self.subject.device_token.clone_from(&opened.device_token);
        }
    }

    /// Signs in on the other device; both factors were proved just now.
    pub(crate) fn sign_in_elsewhere(&mut self) -> Result<(), Refusal> {
        let (now, cookie) = (self.now, self.other.device_token.as_ref().expect("a token").reveal());
        let opened = self.act(|account, moment| account.sign_in_directly(moment, passed(now), Some(&cookie), Completion::default()))?;
        self.other.session = opened.session;
        Ok(())
    }
}

/// A refusal's name, as the errors page has it.
pub(crate) fn name_of(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::Unauthenticated | Refusal::WrongSecret(Credential::ApiKey | Credential::AccessToken) => "unauthenticated",
        Refusal::RoleTooLow => "role_too_low",
        Refusal::NotFound => "not_found",
        Refusal::ActivationNotFound | Refusal::WrongSecret(Credential::ActivationToken) => "activation_not_found",
        Refusal::MfaRequired(_) => "mfa_required",
        Refusal::TrustNotAllowed(_) => "trust_not_allowed",
        Refusal::RecentAuthRequired => "recent_auth_required",
        Refusal::SignInDenied(_) => "sign_in_denied",
        Refusal::SignInCancelled => "sign_in_cancelled",
        Refusal::SignInCompleted => "sign_in_completed",
        Refusal::SignInExpired => "sign_in_expired",
        Refusal::DeviceHijacked => "device_hijacked",
        Refusal::AuthenticationOutdated => "authentication_outdated",
        Refusal::IdempotencyKeyReused => "idempotency_key_reused",
        Refusal::IdempotencyKeyUsed => "idempotency_key_used",
        Refusal::CursorGone => "cursor_gone",
        Refusal::LastAdminKey => "last_admin_key",
        Refusal::Invalid(_) | Refusal::InvalidPolicy(_) => "invalid_request",
        Refusal::PolicyOvertaken => "policy_overtaken",
        Refusal::TooOften(_) => "too often",
        Refusal::Unavailable => "unavailable",
    }
}

/// Whether a token is still the one that a session opens with.
pub(crate) fn opens(world: &World) -> bool {
    world.account.caller(&moment_with(world.now, Mint::new([0; 32])), &world.subject.access_token).is_ok()
}

/// What a host's key reads from the keys, for tables that need it.
pub(crate) fn present(world: &World) -> doorward_domain::Presented {
    world.account.present(keys(), Some(&world.cookie()), world.now).expect("the key is known").presented
}
