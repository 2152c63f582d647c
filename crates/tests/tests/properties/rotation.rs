//! Rotation of device tokens, played at random: tabs, lost and late answers, retries, and a thief. Honest browsers never lose
//! their trust by it; a thief always does.

use std::sync::Arc;

use doorward_domain::{
    Account, Completion, Decision, DeviceId, EventKind, Factor, Made, MfaMethod, Mint, Opened, Policy, Preset, Repeatable, Rules, SessionId, SignInId, Tenant,
    Timestamp, Tokens, Trust,
};
use doorward_tests::once::asked;
use doorward_tests::{attempt, moment_with, start, tenant};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::{account_of, cases, strange};

const DAY: u32 = 86_400;
/// How long an answer may be under way, in seconds: far longer than any client waits.
const UNDER_WAY_S: u32 = 600;

/// Something that happens.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// A tab sends what the browser's jar holds, and a sign-in begins.
    Begin,
    /// One of the tabs completes its sign-in; its answer arrives, is late, or is lost.
    Complete { tab: u8, answer: Arrival },
    /// A late answer arrives.
    Arrive { which: u8 },
    /// The host's retry of a completion, without a key.
    Retry { tab: u8 },
    /// The host's retry of a completion under its key, stray or not.
    Again { which: u8, answer: Arrival },
    /// Time passes.
    Pass { seconds: u32 },
    /// The thief begins a sign-in with the copy, and completes it if it skips.
    Steal { arrives: bool },
}

#[derive(Debug, Clone, Copy)]
enum Arrival {
    AtOnce,
    Late,
    Never,
}

fn step() -> impl Strategy<Value = Step> {
    let arrival = prop_oneof![3 => Just(Arrival::AtOnce), 2 => Just(Arrival::Late), 2 => Just(Arrival::Never)];
    let arrival_again = arrival.clone();
    let passing = prop_oneof![0u32..5, 50u32..70, 100u32..1_000, Just(DAY), Just(31 * DAY)];
    prop_oneof![
        6 => Just(Step::Begin),
        6 => (any::<u8>(), arrival).prop_map(|(tab, answer)| Step::Complete { tab, answer }),
        3 => any::<u8>().prop_map(|which| Step::Arrive { which }),
        1 => any::<u8>().prop_map(|tab| Step::Retry { tab }),
        3 => (any::<u8>(), arrival_again).prop_map(|(which, answer)| Step::Again { which, answer }),
        4 => passing.prop_map(|seconds| Step::Pass { seconds }),
        3 => any::<bool>().prop_map(|arrives| Step::Steal { arrives }),
    ]
}

struct World {
    account: Account,
    mint: Mint,
    now: Timestamp,
    device: DeviceId,
    jar: String,
    /// The token of another who signs in on the same browser: every second time it shows both in one cookie.
    beside: String,
    tabs: Vec<SignInId>,
    /// The completions that had their effect, each under a key of its own.
    keyed: Vec<Repeatable>,
    late: Vec<(Timestamp, Borne)>,
    copy: Option<String>,
}

impl World {
    /// A browser that was trusted a moment ago, for as long as a policy may say.
    fn new() -> Self {
        let (mut account, mut mint) = account_of("ana", 3);
        let year = 365 * DAY;
        let rules = Rules { trust_for_s: year, trust_max_s: year, ..Policy::preset(Preset::Consumer).rules().clone() };
        account.tenant = Arc::new(Tenant { policy: Policy::custom(rules).expect("valid"), ..tenant("acme") });
        let mut moment = moment_with(start(), mint.clone());
        mint = Mint::new(mint.secret());
        let trusted = Completion { trust_device: true, ..Completion::default() };
        let opened = account.sign_in_directly(&mut moment, doorward_tests::passed(start()), None, trusted).expect("both factors were proved");
        let jar = opened.device_token.expect("a new device has a token").reveal();
        Self { account, mint, now: start(), device: opened.device, jar, beside: strange(), tabs: vec![], keyed: vec![], late: vec![], copy: None }
    }

    fn begin(&mut self, shown: &str) -> (SignInId, Decision) {
        self.mint = Mint::new(self.mint.secret());
        let mut moment = moment_with(self.now, self.mint.clone());
        let cookie = if self.account.sign_ins.len().is_multiple_of(2) { shown.to_owned() } else { format!("{}.{shown}", self.beside) };
        let sign_in = self.account.evaluate_and_follow(&mut moment, attempt(self.now), Some(&cookie)).expect("it is evaluated");
        let began = (sign_in.id, sign_in.judgement.decision);
        self.account.sign_ins.push(sign_in);
        began
    }

    /// Completes a sign-in; `None` where it is refused.
    fn complete(&mut self, sign_in: SignInId, completion: Completion) -> Option<Borne> {
        self.mint = Mint::new(self.mint.secret());
        // A refusal writes nothing.
        let mut account = self.account.clone();
        let mut moment = moment_with(self.now, self.mint.clone());
        let opened = account.complete(&mut moment, sign_in, completion).ok()?;
        let key = u8::try_from(self.keyed.len()).expect("fewer than 256");
        self.keyed.push(asked(key, key));
        account.remember(&moment, &asked(key, key), made(&opened));
        self.account = account;
        Some(Borne::by(&opened))
    }

    /// Completes once more under the key of then; `None` where it is refused.
    fn complete_again(&mut self, key: &Repeatable) -> Option<Borne> {
        self.mint = Mint::new(self.mint.secret());
        let mut account = self.account.clone();
        let mut moment = moment_with(self.now, self.mint.clone());
        let once = account.before(key, self.now).ok()??;
        let opened = account.open_again(&mut moment, &once).ok()?;
        account.remember(&moment, key, made(&opened));
        self.account = account;
        Some(Borne::by(&opened))
    }

    fn send(&mut self, borne: Borne, answer: Arrival) {
        match answer {
            Arrival::AtOnce => self.receive(borne),
            Arrival::Late => self.late.push((self.now, borne)),
            Arrival::Never => {}
        }
    }

    /// The browser keeps the device token, and the host goes on with the session.
    fn receive(&mut self, borne: Borne) {
        if let Ok(session) = self.account.session_mut(borne.session) {
            session.unused_until = None;
        }
        if let Some(token) = borne.device_token {
            self.jar = token;
        }
    }

    fn is_trusted(&self) -> bool {
        matches!(self.account.device(self.device).expect("the device").trust(&self.account, self.now), Trust::Held { .. })
    }

    fn copies_told(&self) -> usize {
        self.account.events.iter().filter(|event| event.kind == EventKind::DeviceTokenReused).count()
    }

    fn honest(&mut self, step: Step) {
        match step {
            Step::Begin => {
                let jar = self.jar.clone();
                let (sign_in, _) = self.begin(&jar);
                self.tabs.push(sign_in);
            }
            Step::Complete { tab, answer } if !self.tabs.is_empty() => {
                let sign_in = self.tabs.remove(usize::from(tab) % self.tabs.len());
                if let Some(borne) = self.complete(sign_in, Completion::default()) {
                    self.send(borne, answer);
                }
            }
            Step::Again { which, answer } if !self.keyed.is_empty() => {
                let key = self.keyed[usize::from(which) % self.keyed.len()].clone();
                if let Some(borne) = self.complete_again(&key) {
                    // Whoever asks again listens to the first answer no more.
                    self.late.retain(|(_, late)| late.session != borne.session);
                    self.send(borne, answer);
                }
            }
            Step::Arrive { which } => {
                let now = self.now;
                self.late.retain(|(sent, _)| now < sent.plus_s(UNDER_WAY_S));
                if !self.late.is_empty() {
                    let (_, borne) = self.late.remove(usize::from(which) % self.late.len());
                    self.receive(borne);
                }
            }
            Step::Retry { tab } => {
                let all: Vec<SignInId> = self.account.sign_ins.iter().map(|sign_in| sign_in.id).collect();
                if let Some(sign_in) = all.get(usize::from(tab) % all.len().max(1))
                    && !self.tabs.contains(sign_in)
                {
                    assert!(self.complete(*sign_in, Completion::default()).is_none(), "a sign-in is completed once");
                }
            }
            Step::Pass { seconds } => self.now = self.now.plus_s(seconds),
            Step::Complete { .. } | Step::Again { .. } | Step::Steal { .. } => {}
        }
    }

    /// What the thief does with the copy; what an answer to the thief bears is the thief's.
    fn steal(&mut self, arrives: bool) {
        let copy = self.copy.clone().unwrap_or_else(|| self.jar.clone());
        self.copy = Some(copy.clone());
        let (sign_in, decision) = self.begin(&copy);
        if decision == Decision::Allow
            && let Some(Borne { device_token: Some(token), .. }) = self.complete(sign_in, Completion::default())
            && arrives
        {
            self.copy = Some(token);
        }
    }

    /// Ten months hold no expiry of the trust itself.
    fn is_long_ago(&self) -> bool {
        self.now >= start().plus_s(200 * DAY)
    }
}

/// What an answer to a completion bears, as far as it matters here.
struct Borne {
    session: SessionId,
    device_token: Option<String>,
}

impl Borne {
    fn by(opened: &Opened) -> Self {
        Self { session: opened.session, device_token: opened.device_token.as_ref().map(doorward_domain::DeviceToken::reveal) }
    }
}

fn made(opened: &Opened) -> Made {
    let tokens = Tokens { access_token: Some(opened.access_token.clone()), device_token: opened.device_token.clone(), activation: opened.activation.clone() };
    Made::with_tokens(doorward_tests::keys(), Some(opened.session), opened.device, &tokens)
}

#[test]
fn rotation_never_costs_an_honest_browser_its_trust() {
    let mut runner = TestRunner::new(cases(4_000, 100_000));
    let outcome = runner.run(&prop::collection::vec(step(), 1..120), |steps| {
        let mut world = World::new();
        for step in steps {
            world.honest(step);
            if world.is_long_ago() {
                break;
            }
            prop_assert!(world.is_trusted(), "the trust is gone");
            prop_assert_eq!(world.copies_told(), 0, "an honest browser was taken for a thief");
            let jar = world.jar.clone();
            let shown = world.account.clone().evaluate_and_follow(&mut moment_with(world.now, world.mint.clone()), attempt(world.now), Some(&jar));
            prop_assert_eq!(shown.expect("it is evaluated").judgement.decision, Decision::Allow, "the browser's own value skips");
        }
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn a_thief_always_loses_the_trust() {
    let mut runner = TestRunner::new(cases(4_000, 100_000));
    let outcome = runner.run(&prop::collection::vec(step(), 1..120), |steps| {
        let mut world = World::new();
        for step in steps {
            match step {
                Step::Steal { arrives } => world.steal(arrives),
                step => world.honest(step),
            }
            if world.is_long_ago() {
                break;
            }
        }
        let Some(_) = &world.copy else { return Ok(()) };
        // The owner goes on signing in; the thief may, too, in between.
        for round in 0..4 {
            world.now = world.now.plus_s(31 * DAY);
            for _ in 0..2 {
                let jar = world.jar.clone();
                let (sign_in, decision) = world.begin(&jar);
                let factor = (decision != Decision::Allow).then_some((MfaMethod::Totp, None));
                if let Some(borne) = world.complete(sign_in, Completion { mfa: factor, ..Completion::default() }) {
                    world.receive(borne);
                }
                world.now = world.now.plus_s(61);
            }
            if round % 2 == 0 {
                world.steal(true);
                world.now = world.now.plus_s(61);
            }
        }
        let copy = world.copy.clone().expect("a copy");
        let (_, decision) = world.begin(&copy);
        prop_assert_ne!(decision, Decision::Allow, "the thief still skips the second factor");
        prop_assert!(world.copies_told() <= 2, "a copy strikes once, and not again and again: {}", world.copies_told());
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}

/// What was verified on the device stays what it was: rotation makes no factor fresher.
#[test]
fn rotation_lengthens_nothing() {
    let mut world = World::new();
    let (until, factor): (_, Option<Factor>) = {
        let device = world.account.device(world.device).expect("the device");
        (device.grant.expect("a grant").until, device.last_factor)
    };
    for _ in 0..5 {
        world.now = world.now.plus_s(31 * DAY);
        let jar = world.jar.clone();
        let (sign_in, _) = world.begin(&jar);
        let borne = world.complete(sign_in, Completion::default()).expect("it skips");
        let token = borne.device_token.expect("a successor is due");
        assert_ne!(token, world.jar);
        world.jar = token.clone();
        assert_eq!(world.begin(&token).1, Decision::Allow, "its first use");
        let device = world.account.device(world.device).expect("the device");
        assert_eq!((device.grant.expect("a grant").until, device.last_factor), (until, factor));
    }
}
