//! A run: acts are done through a door, told to the model, and every answer is held against what the model expects.

mod endings;

use std::sync::Arc;

use doorward_domain::{
    AccessToken, Account, ActivationToken, Attempt, Cause, Completion, Decision, DeviceId, Event, EventKind, Factor, MfaMethod, Mint, Opened, Refusal,
    SecondFactor, SessionId, SignInId, SteppedUp, Timestamp, Voucher,
};
use doorward_store::Need;
use doorward_tests::{attempt, start};

use crate::doors::{Answer, Door, Outcome, Rule};
use crate::model::{self, Known, Model, factor, later};
use crate::ops::{Closing, Entry, Op, Second, Shown, policy};

/// A browser, and what it keeps.
#[derive(Default)]
struct Browser {
    token: Option<String>,
    older: Option<String>,
}

impl Browser {
    fn keep(&mut self, token: String) {
        self.older = self.token.replace(token);
    }
}

/// One run.
pub(crate) struct Run<D> {
    pub(crate) door: D,
    pub(crate) now: Timestamp,
    pub(crate) model: Model,
    mint: Mint,
    browsers: Vec<Browser>,
    /// The tokens of the sessions, in the order of the model's.
    pub(crate) tokens: Vec<AccessToken>,
    /// The tokens of the offers, in the order of the model's, and the browser of each.
    offers: Vec<(ActivationToken, usize)>,
    /// A device token of another user.
    strange: String,
    heard: usize,
}

fn rule(rule: impl Fn(&mut Account, &mut doorward_domain::Moment<'_>) -> Outcome + Send + Sync + 'static) -> Rule {
    Arc::new(rule)
}

/// The one that a number names, around.
fn pick<T: Clone>(of: &[T], number: usize) -> Option<T> {
    (!of.is_empty()).then(|| of[number % of.len()].clone())
}

impl<D: Door> Run<D> {
    pub(crate) fn new(door: D, strange: String) -> Self {
        let model = Model {
            policy: policy(0),
            disabled: false,
            factors_changed_at: None,
            credentials_changed_at: None,
            devices: vec![],
            sessions: vec![],
            offers: vec![],
            sign_ins: vec![],
        };
        let browsers = (0..4).map(|_| Browser::default()).collect();
        Self { door, now: start(), model, mint: Mint::new([9; 32]), browsers, tokens: vec![], offers: vec![], strange, heard: 0 }
    }

    fn act(&mut self, need: Need, rule: Rule) -> Outcome {
        let seed = Mint::new(self.mint.secret());
        self.door.act(need, self.now, &seed, rule)
    }

    fn standing(&self) -> Need {
        Need::standing(self.now)
    }

    fn session(&self, number: usize) -> Option<SessionId> {
        pick(&self.model.sessions.iter().map(|session| session.id).collect::<Vec<_>>(), number)
    }

    fn token(&self, number: Option<usize>) -> Option<AccessToken> {
        pick(&self.tokens, number?)
    }

    fn device(&self, number: usize) -> Option<DeviceId> {
        pick(&self.model.devices.iter().map(|device| device.id).collect::<Vec<_>>(), number)
    }

    fn need_device(&self, device: DeviceId) -> Need {
        Need { device: Some(device), ..self.standing() }
    }

    fn need_session(&self, session: SessionId) -> Need {
        self.standing().with_session(session)
    }

    fn shown(&self, entry: Entry) -> Option<String> {
        let browser = &self.browsers[entry.browser];
        match entry.shown {
            Shown::Own => browser.token.clone(),
            Shown::Old => browser.older.clone(),
            Shown::Copied => self.browsers[(entry.browser + 1) % 4].token.clone(),
            Shown::Strange => Some(self.strange.clone()),
            Shown::Nothing => None,
            Shown::Garbage => Some("dwd_garbage".to_owned()),
        }
    }

    fn attempt(&self, entry: Entry) -> Attempt {
        let (second_factor, factor) = match entry.second {
            Second::Unasked | Second::Code(_) => (SecondFactor::Available, None),
            Second::Done(method, ago) => (SecondFactor::Done, Some(factor(method, self.now, ago))),
            Second::None => (SecondFactor::None, None),
        };
        Attempt { second_factor, factor, require_mfa: entry.require_mfa, ..attempt(self.now) }
    }

    /// Does one act, and holds the answer against the model.
    pub(crate) fn step(&mut self, op: &Op) {
        match op.clone() {
            Op::Wait(micros) => self.now = Timestamp::from_micros(self.now.micros() + micros),
            Op::SignIn(entry, closing) => {
                if let Some(id) = self.evaluate(entry) {
                    let code = match entry.second {
                        Second::Code(method) => Some(method),
                        _ => None,
                    };
                    self.complete(id, code, closing);
                }
            }
            Op::Evaluate(entry) => drop(self.evaluate(entry)),
            Op::Complete(number, code, closing) => {
                if let Some(id) = pick(&self.model.sign_ins.iter().map(|sign_in| sign_in.id).collect::<Vec<_>>(), number) {
                    self.complete(id, code, closing);
                }
            }
            Op::Direct(entry, closing) => self.direct(entry, closing),
            Op::Activate { offer, caller } => self.settle(offer, caller, true),
            Op::Decline { offer, caller } => self.settle(offer, caller, false),
            Op::Trust { session, device } => self.trust(session, device),
            Op::TrustAsHost { device, method, ago } => self.trust_as_host(device, factor(method, self.now, ago)),
            Op::StepUp { session, method, ago } => self.step_up(session, factor(method, self.now, ago)),
            Op::Touch(number) => self.touch(number),
            Op::Choose(number) => {
                // What began in the very microsecond of a change counts as begun after it.
                self.now = Timestamp::from_micros(self.now.micros() + 1);
                let now = self.now;
                self.door.change_tenant(Arc::new(move |tenant| tenant.choose(policy(number), now)));
                self.model.choose(policy(number), now);
            }
            Op::Fence => {
                let now = self.now;
                self.door.change_tenant(Arc::new(move |tenant| {
                    tenant.sessions_gen += 1;
                    tenant.trust_gen += 1;
                    tenant.fenced_at = Some(now);
                }));
                self.end_everything(None, false);
            }
            Op::ChangeFactors | Op::ChangeCredentials | Op::Disable(_) => self.change_head(op),
            Op::Untrust { .. }
            | Op::Hijack(_)
            | Op::Release(_)
            | Op::Forget(_)
            | Op::ForgetOthers(_)
            | Op::SignOutDevice(_)
            | Op::EndSession(_)
            | Op::EndAll { .. } => self.end_something(op),
        }
        self.listen();
    }

    fn change_head(&mut self, op: &Op) {
        let what = op.clone();
        let changed = self.act(
            self.standing(),
            rule(move |account, moment| {
                match what {
                    Op::ChangeFactors => account.head.factors_changed_at = Some(moment.now),
                    Op::ChangeCredentials => account.head.credentials_changed_at = Some(moment.now),
                    _ => account.head.disabled_at = matches!(what, Op::Disable(true)).then_some(moment.now),
                }
                Ok(Answer::Done)
            }),
        );
        assert_eq!(changed, Ok(Answer::Done));
        match op {
            Op::ChangeFactors => self.model.factors_changed_at = Some(self.now),
            Op::ChangeCredentials => self.model.credentials_changed_at = Some(self.now),
            _ => self.model.disabled = matches!(op, Op::Disable(true)),
        }
    }

    /// What the contract has a sign-in decided.
    fn expected(&self, attempt: &Attempt, known: Known) -> Decision {
        let of = match known {
            Known::Present(id) | Known::Superseded(id) => Some(self.model.device(id)),
            Known::Not => None,
        };
        let policy = &self.model.policy;
        if of.is_some_and(|device| device.hijacked) || self.model.disabled {
            return Decision::Deny;
        }
        match attempt.second_factor {
            SecondFactor::None if policy.require_second_factor => Decision::Deny,
            SecondFactor::None | SecondFactor::Done => Decision::Allow,
            SecondFactor::Available => match known {
                Known::Present(id) if !attempt.require_mfa && self.model.is_trusted(id, self.now) => Decision::Allow,
                _ => Decision::Challenge,
            },
        }
    }

    fn evaluate(&mut self, entry: Entry) -> Option<SignInId> {
        let (attempt, shown) = (self.attempt(entry), self.shown(entry));
        let known = shown.as_deref().map_or(Known::Not, |text| self.model.recognise(text));
        let expected = self.expected(&attempt, known);
        let seed = Mint::new(self.mint.secret());
        let outcome = self.door.evaluate(self.now, &seed, attempt.clone(), shown.as_deref());
        let outdated = self.model.credentials_changed_at.is_some_and(|change| attempt.authenticated_at < change);
        assert_eq!(outcome.is_err(), outdated);
        let sign_in = outcome.ok()?;
        assert_eq!(sign_in.judgement.decision, expected, "{known:?}: {:?}", sign_in.judgement);
        if entry.shown == Shown::Strange {
            assert_eq!((sign_in.device, sign_in.presented), (None, doorward_domain::Presented::Missing), "another user's token identifies nobody");
        }
        let identified = match known {
            Known::Present(id) | Known::Superseded(id) => Some(id),
            Known::Not => None,
        };
        assert_eq!(sign_in.device, identified);
        self.model.sign_ins.push(model::SignIn {
            id: sign_in.id,
            browser: entry.browser,
            began_at: self.now,
            authenticated_at: attempt.authenticated_at,
            completed: false,
            cancelled: false,
        });
        Some(sign_in.id)
    }

    fn complete(&mut self, id: SignInId, code: Option<MfaMethod>, closing: Closing) {
        let completion =
            Completion { mfa: code.map(|method| (method, None)), trust_device: closing.trust, refuse_trust: closing.refuse_trust, ..Completion::default() };
        let need = self.standing().with_sign_in(id);
        let outcome = self.act(need, rule(move |account, moment| account.complete(moment, id, completion.clone()).map(Answer::Opened)));
        let Ok(Answer::Opened(opened)) = outcome else { return };
        let now = self.now;
        let sign_in = self.model.sign_ins.iter_mut().find(|sign_in| sign_in.id == id).expect("it was evaluated");
        assert!(!sign_in.completed, "a sign-in is completed once");
        assert!(!sign_in.cancelled, "and not after everything was ended");
        assert!(now < sign_in.began_at.plus_s(600), "nor too late");
        assert!(self.model.credentials_changed_at.is_none_or(|change| sign_in.authenticated_at >= change), "nor after the first factor was changed");
        sign_in.completed = true;
        let browser = sign_in.browser;
        let kept = self.door.whole().sign_ins.iter().find(|kept| kept.id == id).expect("it is kept").clone();
        assert_eq!(kept.session, Some(opened.session));
        let proved = code.map(|method| factor(method, now, 0)).or(kept.attempt.factor);
        assert_ne!(kept.judgement.decision, Decision::Deny, "what was denied isn't let in");
        let skipped = proved.is_none() && kept.attempt.second_factor == SecondFactor::Available;
        if skipped {
            let device = kept.device.expect("only a known device lets a factor be skipped");
            assert_eq!(opened.device, device);
            assert!(self.model.is_trusted(device, now), "and only a trusted one");
            assert!(!kept.attempt.require_mfa && self.model.policy.device_trust);
        }
        self.opened(&opened, browser, proved, skipped, closing);
    }

    fn direct(&mut self, entry: Entry, closing: Closing) {
        let (attempt, shown) = (self.attempt(entry), self.shown(entry));
        let known = shown.as_deref().map_or(Known::Not, |text| self.model.recognise(text));
        let expected = self.expected(&attempt, known);
        let (proved, text) = (attempt.factor, shown);
        let outcome = self.act(
            self.standing(),
            rule(move |account, moment| {
                let completion = Completion { trust_device: closing.trust, refuse_trust: closing.refuse_trust, ..Completion::default() };
                account.sign_in_directly(moment, attempt.clone(), text.as_deref(), completion).map(Answer::Opened)
            }),
        );
        if expected == Decision::Deny {
            assert!(matches!(outcome, Err(Refusal::SignInDenied(_) | Refusal::AuthenticationOutdated)), "{outcome:?}");
        }
        if let Ok(Answer::Opened(opened)) = outcome {
            self.opened(&opened, entry.browser, proved, false, closing);
        }
    }

    /// A session began: told to the model, and held against it.
    fn opened(&mut self, opened: &Opened, browser: usize, proved: Option<Factor>, skipped: bool, closing: Closing) {
        let now = self.now;
        // Before this act made room among them: a device that lost its trust just now isn't also forgotten at once.
        let trusted = self.model.devices.iter().filter(|device| self.model.is_trusted(device.id, now)).count();
        self.listen();
        let new = !self.model.devices.iter().any(|device| device.id == opened.device);
        if new {
            let token = opened.device_token.as_ref().expect("a new device has a token").reveal();
            self.model.devices.push(model::Device {
                id: opened.device,
                token: Some(token.clone()),
                superseded: vec![],
                trust: None,
                last_factor: None,
                declined_at: None,
                hijacked: false,
                released: false,
                forgotten: false,
            });
        }
        self.model.mark_lapsed(now);
        let device = self.model.device(opened.device);
        assert!(!device.forgotten && !device.hijacked, "nobody enters on a device that is gone");
        self.model.note_factor(opened.device, proved, now);
        self.model.sessions.push(model::Session {
            id: opened.session,
            device: opened.device,
            began_at: now,
            ends_at: now.plus_s(self.model.policy.session_absolute_s),
            last_activity_at: now,
            factor: proved,
            skipped,
            trust_refused: closing.refuse_trust,
            over: false,
        });
        self.tokens.push(opened.access_token.clone());
        if closing.trust {
            assert!(self.model.session_gate(opened.session, opened.device, now), "the box trusts through the gate alone");
            self.model.give_trust(opened.device, Some(opened.session), proved, now);
        }
        // A successor by age is lost on its way here, and the present value stays good; `rotation.rs` plays what else may be.
        if let Some(token) = opened.device_token.as_ref().filter(|_| new || closing.trust) {
            if !new {
                self.model.replace_token(opened.device, token.reveal());
            }
            self.browsers[browser].keep(token.reveal());
        }
        self.offer(opened.session, opened.activation.as_ref(), browser);
        let live = self.model.sessions.iter().filter(|session| self.model.is_active(session.id, now)).count();
        assert!(live <= usize::from(self.model.policy.max_sessions), "{live} sessions");
        let all = self.model.devices.iter().filter(|device| !device.hijacked && !device.forgotten).count();
        if new {
            // Beside trusted devices only, which never make room for an unverified one, one more fits.
            assert!(all <= usize::from(self.model.policy.max_devices).max(trusted + 1), "{all} devices, {trusted} trusted");
        }
    }

    /// An offer is made exactly where one is due.
    fn offer(&mut self, session: SessionId, made: Option<&ActivationToken>, browser: usize) {
        let now = self.now;
        let due = self.model.offers(session, now);
        assert_eq!(made.is_some(), due, "an offer where none is due, or none where one is");
        let Some(token) = made else { return };
        let device = self.model.session(session).device;
        assert!(!self.model.session(session).skipped, "a session that skipped its factor never seeds trust");
        self.model.settle(|offer| offer.session == session);
        let ends_at = now.plus_s(self.model.policy.activation_ttl_s);
        self.model.offers.push(model::Offer { id: token.at.id, device, session, made_at: now, ends_at, settled: false });
        self.offers.push((token.clone(), browser));
    }

    /// Hears of what limits ended in passing: the model doesn't choose whom they hit, it holds that they stay hit.
    pub(crate) fn listen(&mut self) {
        let events: Vec<Event> = self.door.whole().events[self.heard..].to_vec();
        self.heard += events.len();
        for event in events {
            match (event.kind, event.cause) {
                (EventKind::DeviceForgotten, Some(Cause::DeviceLimit)) => self.forgotten(event.device.expect("it names its device")),
                (EventKind::DeviceUntrusted, Some(Cause::DeviceLimit)) => self.model.take_trust(event.device.expect("it names its device")),
                (EventKind::SessionEnded, Some(Cause::SessionLimit)) => {
                    let id = event.session.expect("it names its session");
                    self.model.end(|session| session.id == id);
                }
                _ => {}
            }
        }
    }
}
