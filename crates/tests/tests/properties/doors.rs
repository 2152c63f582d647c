//! Doors to an account: one in memory with all its rows at hand, and one beside it that must be no different, over a store.

use std::sync::Arc;

use doorward_domain::{
    Account, Activated, Attempt, Count, DeviceId, KeyRing, Mint, Moment, NewAccount, Opened, Refusal, SessionRef, SessionStatus, SignIn, SignInState,
    SteppedUp, Tenant, Timestamp, first_uuid_at,
};
use doorward_store::{AccountKey, Need, Page, Rows, Store};
use doorward_tests::{Home, TenantChange, keys, moment_with};
use tokio::runtime::Runtime;

/// What an act answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    Opened(Opened),
    Activated(Activated),
    Stepped(SteppedUp),
    Device(DeviceId),
    Count(Count),
    Until(Timestamp),
    Done,
}

pub(crate) type Outcome = Result<Answer, Refusal>;
pub(crate) type Rule = Arc<dyn Fn(&mut Account, &mut Moment<'_>) -> Outcome + Send + Sync>;
pub(crate) type Change = TenantChange;

/// A way to act on an account.
pub(crate) trait Door {
    fn act(&mut self, need: Need, now: Timestamp, mint: &Mint, rule: Rule) -> Outcome;
    fn evaluate(&mut self, now: Timestamp, mint: &Mint, attempt: Attempt, shown: Option<&str>) -> Result<SignIn, Refusal>;
    fn touch(&mut self, at: SessionRef, now: Timestamp) -> bool;
    fn change_tenant(&mut self, change: Change);
    /// The account with all its rows.
    fn whole(&self) -> &Account;
}

/// All in memory.
pub(crate) struct Memory(pub(crate) Account);

impl Memory {
    fn moment(now: Timestamp, mint: &Mint) -> Moment<'static> {
        moment_with(now, mint.clone())
    }
}

/// As much of an account as is needed, in the words of [`Need`] and [`Rows::Standing`], and the rest of it.
fn narrow(whole: &Account, need: &Need) -> (Account, Account) {
    assert!(need.devices == Rows::Standing && need.sessions == Rows::Standing, "no act here needs less");
    let (mut asked, mut rest) = (whole.clone(), whole.clone());
    let (sessions, others) = asked.sessions.into_iter().partition(|session| {
        let standing = session.ended.is_none() && session.sessions_gen == whole.head.sessions_gen;
        standing || need.session == Some(session.id)
    });
    (asked.sessions, rest.sessions) = (sessions, others);
    let (devices, others) = asked
        .devices
        .into_iter()
        .partition(|device| device.stands() || need.device == Some(device.id) || asked.sessions.iter().any(|session| session.device == device.id));
    (asked.devices, rest.devices) = (devices, others);
    (asked.offers, rest.offers) = asked.offers.into_iter().partition(|offer| need.offers_since.is_some_and(|since| offer.id.0 >= first_uuid_at(since)));
    (asked.sign_ins, rest.sign_ins) = asked.sign_ins.into_iter().partition(|sign_in| need.sign_in == Some(sign_in.id));
    let newer = |sign_in: &&SignIn| need.sign_in.is_some_and(|asked| sign_in.id > asked) && sign_in.state == SignInState::Open;
    asked.newer_sign_ins = whole.sign_ins.iter().filter(newer).count();
    (asked, rest)
}

impl Door for Memory {
    fn act(&mut self, need: Need, now: Timestamp, mint: &Mint, rule: Rule) -> Outcome {
        let (mut account, rest) = narrow(&self.0, &need);
        let outcome = rule(&mut account, &mut Self::moment(now, mint));
        if outcome.is_ok() {
            account.devices.extend(rest.devices);
            account.sessions.extend(rest.sessions);
            account.offers.extend(rest.offers);
            account.sign_ins.extend(rest.sign_ins);
            in_order(&mut account);
            self.0 = account;
        }
        outcome
    }

    fn evaluate(&mut self, now: Timestamp, mint: &Mint, attempt: Attempt, shown: Option<&str>) -> Result<SignIn, Refusal> {
        // Whether something follows or not comes to the same in memory.
        let sign_in = self.0.evaluate_and_follow(&mut Self::moment(now, mint), attempt, shown)?;
        self.0.sign_ins.push(sign_in.clone());
        in_order(&mut self.0);
        Ok(sign_in)
    }

    fn touch(&mut self, at: SessionRef, now: Timestamp) -> bool {
        let live = |account: &Account| {
            let session = account.session(at.id).ok()?;
            (session.status(account.device_of(session).ok()?, account, now) == SessionStatus::Active).then_some(())
        };
        let touched = live(&self.0).and_then(|()| self.0.session_mut(at.id).ok());
        touched.map(|session| session.last_activity_at = session.last_activity_at.max(now)).is_some()
    }

    fn change_tenant(&mut self, change: Change) {
        change(Arc::make_mut(&mut self.0.tenant));
    }

    fn whole(&self) -> &Account {
        &self.0
    }
}

/// Acts on both, and holds that nobody could tell them apart.
pub(crate) struct Beside {
    memory: Memory,
    store: Arc<dyn Store>,
    home: Home,
    key: AccountKey,
    runtime: Runtime,
}

impl Beside {
    /// A store with the tenant and the account as they are in memory.
    pub(crate) fn new(memory: Memory, home: Home, runtime: Runtime) -> Self {
        let account = memory.0.clone();
        let key = AccountKey::User(account.head.tenant.clone(), account.head.user.clone());
        let store = runtime.block_on(async {
            let store = home.open().await;
            store.create_tenant(Tenant::clone(&account.tenant)).await.expect("a new tenant");
            let need = Need {
                create: Some(NewAccount { id: account.head.id, data_key: account.head.data_key.clone(), at: account.head.created_at }),
                ..Need::default()
            };
            let made = store.update(key.clone(), need, |_| Ok::<_, Refusal>(())).await;
            made.expect("the store answers").expect("an account").expect("no refusal");
            store
        });
        Self { memory, store, home, key, runtime }
    }

    /// Closes and opens the store in the midst of things.
    pub(crate) fn reopen(&mut self) {
        self.store = self.runtime.block_on(self.home.reopen(&self.store));
    }

    /// Holds that the store has every row that memory has.
    pub(crate) fn assert_equal(&self) {
        let page = Page { before: None, limit: 5_000 };
        let need = Need {
            sessions: Rows::Page(page),
            offers_since: Some(Timestamp::from_micros(0)),
            sign_ins: Some(page),
            events: Some(page),
            raises: true,
            ..Need::default()
        };
        let mut stored = self.runtime.block_on(async {
            let mut account = Account::clone(&*self.store.account(self.key.clone(), need).await.expect("the store answers").expect("the account"));
            account.devices.clear();
            for device in &self.memory.0.devices {
                let need = Need { device: Some(device.id), ..Need::default() };
                let one = self.store.account(self.key.clone(), need).await.expect("the store answers").expect("the account");
                account.devices.extend(one.devices.iter().find(|found| found.id == device.id).cloned());
            }
            account
        });
        let mut kept = self.memory.0.clone();
        for account in [&mut stored, &mut kept] {
            in_order(account);
            account.newer_sign_ins = 0;
        }
        assert_eq!(difference(&stored, &kept), None, "in the store, and in memory");
    }
}

/// The first line by which two accounts differ, as one has it and as the other.
fn difference(stored: &Account, kept: &Account) -> Option<(String, String)> {
    let (stored, kept) = (format!("{stored:#?}"), format!("{kept:#?}"));
    let lines = stored.lines().chain(std::iter::repeat("")).zip(kept.lines().chain(std::iter::repeat("")));
    let differs = lines.take(stored.lines().count().max(kept.lines().count())).position(|(a, b)| a != b)?;
    // With what stands around it, since a line alone doesn't say of which row it is.
    let around = |text: &str| text.lines().skip(differs.saturating_sub(30)).take(34).collect::<Vec<_>>().join("\n");
    Some((around(&stored), around(&kept)))
}

/// The order of rows, as stores load them.
fn in_order(account: &mut Account) {
    account.devices.sort_by_key(|row| row.id);
    account.sessions.sort_by_key(|row| row.id);
    account.offers.sort_by_key(|row| row.id);
    account.sign_ins.sort_by_key(|row| row.id);
    account.events.sort_by_key(|row| row.number);
    account.raises.sort_by_key(|row| (row.of, row.to));
}

impl Door for Beside {
    fn act(&mut self, need: Need, now: Timestamp, mint: &Mint, rule: Rule) -> Outcome {
        let expected = self.memory.act(need.clone(), now, mint, Arc::clone(&rule));
        let mint = mint.clone();
        let updated = self.store.update(self.key.clone(), need, move |account| rule(account, &mut moment_with(now, mint.clone())));
        let found = self.runtime.block_on(updated).expect("the store answers").expect("the account");
        assert_eq!(found, expected, "the store's outcome isn't memory's");
        found
    }

    fn evaluate(&mut self, now: Timestamp, mint: &Mint, attempt: Attempt, shown: Option<&str>) -> Result<SignIn, Refusal> {
        let expected = self.memory.evaluate(now, mint, attempt.clone(), shown);
        let need = Need { devices: Rows::Standing, raises: true, ..Need::default() };
        let found = self.runtime.block_on(async {
            let account = self.store.account(self.key.clone(), need).await.expect("the store answers").expect("the account");
            if let Some(sign_in) = account.evaluate(&mut moment_with(now, mint.clone()), attempt.clone(), shown)? {
                self.store.append(&account.head, sign_in.clone()).await.expect("it is appended");
                return Ok(sign_in);
            }
            let (mint, shown) = (mint.clone(), shown.map(str::to_owned));
            let followed = self.store.update(self.key.clone(), Need::standing(now), move |account| {
                let sign_in = account.evaluate_and_follow(&mut moment_with(now, mint.clone()), attempt.clone(), shown.as_deref())?;
                account.sign_ins.push(sign_in.clone());
                Ok::<_, Refusal>(sign_in)
            });
            followed.await.expect("the store answers").expect("the account")
        });
        assert_eq!(found, expected, "the store's evaluation isn't memory's");
        found
    }

    fn touch(&mut self, at: SessionRef, now: Timestamp) -> bool {
        let expected = self.memory.touch(at, now);
        let found = self.runtime.block_on(self.store.touch(at, now, 0)).expect("the store answers").is_some();
        assert_eq!(found, expected, "the store's touch isn't memory's");
        found
    }

    fn change_tenant(&mut self, change: Change) {
        self.memory.change_tenant(Arc::clone(&change));
        let id = self.memory.0.head.tenant.clone();
        assert!(self.runtime.block_on(doorward_tests::change_tenant(&self.store, id, change)).expect("the store answers"));
    }

    fn whole(&self) -> &Account {
        &self.memory.0
    }
}

/// The server keys that both use.
pub(crate) fn ring() -> &'static KeyRing {
    keys()
}
