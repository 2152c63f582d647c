//! The sign-in's machine.

use doorward_domain::{Attempt, Cause, Completion, OPEN_SIGN_INS, Preset, Refusal, SecondFactor, SignInState};
use doorward_tests::{attempt, with_code};

use crate::machine::{Machine, Outcome, State, Transition};
use crate::world::World;

fn tell(world: &World) -> &'static str {
    let sign_in = &world.account.sign_ins[0];
    match sign_in.state {
        SignInState::Completed => "completed",
        SignInState::Open if sign_in.generations != world.account.generations() || world.account.newer_sign_ins >= OPEN_SIGN_INS => "cancelled",
        SignInState::Open if world.now >= sign_in.expires_at() => "expired",
        SignInState::Open => "open",
    }
}

/// Evaluates an attempt with the subject's cookie.
fn evaluated(mut world: World, change: fn(&mut Attempt)) -> World {
    let (now, cookie) = (world.now, world.cookie());
    let mut attempt = attempt(now);
    change(&mut attempt);
    let sign_in = world.act(|account, moment| account.evaluate_and_follow(moment, attempt, Some(&cookie))).expect("evaluated");
    world.sign_in = Some(sign_in.id);
    world.account.sign_ins = vec![sign_in];
    world
}

fn challenged() -> World {
    evaluated(World::new(), |_| ())
}

fn trusted() -> World {
    let mut world = World::new();
    let (token, own) = (world.offer_token(), world.session_id());
    let activated = world.act(|account, moment| account.activate(moment, &token, Some(own), None)).expect("the offer is good");
    world.subject.device_token = Some(activated.device_token);
    world
}

fn allowed() -> World {
    evaluated(trusted(), |_| ())
}

fn hijack(world: &mut World) -> Result<(), Refusal> {
    let device = world.device_id();
    world.act(|account, moment| account.hijack(moment, device)).map(drop)
}

fn forget(world: &mut World) -> Result<(), Refusal> {
    let device = world.device_id();
    world.act(|account, moment| account.forget(moment, device, Cause::DeviceForgotten)).map(drop)
}

fn untrust(world: &mut World) -> Result<(), Refusal> {
    let device = world.device_id();
    world.act(|account, moment| account.untrust(moment, device, None, false))
}

fn everywhere(world: &mut World) -> Result<(), Refusal> {
    world.act(|account, moment| account.end_all_sessions(moment, None, false)).map(drop)
}

fn after(mut world: World, what: fn(&mut World) -> Result<(), Refusal>) -> World {
    what(&mut world).expect("the way into a state is free");
    world
}

fn complete(world: &mut World, completion: Completion) -> Result<(), Refusal> {
    let id = world.sign_in.expect("there is one");
    world.act(|account, moment| account.complete(moment, id, completion)).map(drop)
}

fn states() -> Vec<State> {
    vec![
        State { name: "open: challenge", build: challenged },
        State { name: "open: allow, trusted device", build: allowed },
        State { name: "open: allow, no second factor", build: || evaluated(World::new(), |attempt| attempt.second_factor = SecondFactor::None) },
        State { name: "open: deny, hijacked device", build: || evaluated(after(World::new(), hijack), |_| ()) },
        State { name: "allowed, then untrusted", build: || after(allowed(), untrust) },
        State { name: "allowed, then hijacked", build: || after(allowed(), hijack) },
        State { name: "allowed, then forgotten", build: || after(allowed(), forget) },
        State {
            name: "challenged, then trusted",
            build: || {
                let mut world = challenged();
                let (token, own) = (world.offer_token(), world.session_id());
                world.act(|account, moment| account.activate(moment, &token, Some(own), None)).expect("the offer is good");
                world
            },
        },
        State {
            name: "allowed, then disabled",
            build: || {
                allowed().done(|account, moment| {
                    account.head.disabled_at = Some(moment.now);
                    Ok(())
                })
            },
        },
        State { name: "allowed, then a policy without device trust", build: || allowed().under(Preset::NistAal2) },
        State { name: "cancelled: signed out everywhere", build: || after(allowed(), everywhere) },
        State {
            name: "cancelled: 100 newer ones",
            build: || {
                let mut world = allowed();
                world.account.newer_sign_ins = OPEN_SIGN_INS;
                world
            },
        },
        State { name: "expired", build: || allowed().later(600) },
        State { name: "completed", build: || after(allowed(), |world| complete(world, Completion::default())) },
    ]
}

fn transitions() -> Vec<Transition> {
    vec![
        Transition::new("complete", |world| complete(world, Completion::default())),
        Transition::new("complete with a code", |world| complete(world, with_code())),
        Transition::new("complete with a code and the box ticked", |world| complete(world, Completion { trust_device: true, ..with_code() })),
        Transition::new("complete with the box ticked alone", |world| complete(world, Completion { trust_device: true, ..Completion::default() })),
        Transition::new("sign out everywhere", everywhere),
        Transition::new("untrust its device", untrust),
        Transition::new("report its device hijacked", hijack),
        Transition::new("forget its device", forget),
        Transition::new("fence the tenant", |world| {
            world.fence();
            Ok(())
        }),
        Transition::new("10 minutes pass", |world| {
            world.wait(600);
            Ok(())
        }),
    ]
}

pub(crate) fn machine() -> Machine {
    Machine {
        title: "Sign-in",
        about: "A sign-in is evaluated, then completed within ten minutes. Completion judges everything again as it stands by then, so what was allowed may \
                be asked for a code after all, and what was denied stays denied. A refusal leaves it open.",
        states: states(),
        transitions: transitions(),
        tell,
    }
}

fn completes(field: &crate::machine::Field) -> bool {
    field.transition.starts_with("complete") && field.outcome == Outcome::Now("completed") && field.from != "completed"
}

#[test]
fn a_sign_in_is_completed_at_most_once_and_never_when_over() {
    for field in machine().table().iter().filter(|field| field.transition.starts_with("complete")) {
        if ["completed", "cancelled", "expired"].contains(&field.from) {
            assert!(matches!(field.outcome, Outcome::Refused(_)), "{} on {}", field.transition, field.state);
        }
    }
}

#[test]
fn without_a_code_only_standing_trust_or_no_factor_at_all_completes() {
    let through: Vec<_> = machine().table().into_iter().filter(|field| field.transition == "complete" && completes(field)).map(|field| field.state).collect();
    assert_eq!(through, ["open: allow, trusted device", "open: allow, no second factor"]);
}

#[test]
fn what_is_denied_at_either_time_is_denied() {
    for field in machine().table().iter().filter(|field| field.transition.starts_with("complete")) {
        if ["open: deny, hijacked device", "allowed, then hijacked", "allowed, then disabled"].contains(&field.state) {
            assert_eq!(field.outcome, Outcome::Refused("sign_in_denied"), "{} on {}", field.transition, field.state);
        }
    }
}

#[test]
fn the_box_ticked_without_a_factor_trusts_nothing() {
    for field in machine().table().iter().filter(|field| field.transition == "complete with the box ticked alone") {
        assert!(matches!(field.outcome, Outcome::Refused(_)), "{}", field.state);
    }
}

#[test]
fn a_completed_sign_in_opens_one_session_that_tells_the_truth() {
    for field in machine().table().iter().filter(|field| completes(field)) {
        let sign_in = &field.world.account.sign_ins[0];
        let session = field.world.account.session(sign_in.session.expect("it led to a session")).expect("the session");
        let with_code = field.transition.contains("code");
        assert_eq!(session.factor.is_some(), with_code, "{} on {}", field.transition, field.state);
        assert_eq!(session.skipped_factor, !with_code && field.state.contains("trusted device"), "{} on {}", field.transition, field.state);
        assert_eq!(session.acr(), if with_code { "aal2" } else { "aal1" });
        if field.state == "allowed, then forgotten" {
            assert_ne!(session.device, field.world.device_id(), "a forgotten device doesn't come back");
        }
    }
}
