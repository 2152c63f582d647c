//! The session's machine.

use doorward_domain::{Cause, Completion, Factor, MfaMethod, Policy, Preset, Refusal, Rules, SessionStatus};
use doorward_tests::{moment_with, passed};
use std::sync::Arc;

use crate::machine::{Machine, State, Transition};
use crate::world::{World, opens};

const DAY: u32 = 86_400;

fn tell(world: &World) -> &'static str {
    let session = world.session();
    session.status(world.device(), &world.account, world.now).as_str()
}

fn skipped() -> World {
    let mut world = World::new();
    let (token, own) = (world.offer_token(), world.session_id());
    let activated = world.act(|account, moment| account.activate(moment, &token, Some(own), None)).expect("the offer is good");
    world.subject.device_token = Some(activated.device_token);
    let opened = world.sign_in_here(false, false).expect("a trusted device skips");
    world.subject = doorward_domain::Opened { device_token: world.subject.device_token.clone(), activation: world.subject.activation.clone(), ..opened };
    world
}

fn ended_by(rule: fn(&mut World) -> Result<(), Refusal>) -> World {
    let mut world = World::new();
    rule(&mut world).expect("the way into a state is free");
    world
}

fn end(world: &mut World) -> Result<(), Refusal> {
    let session = world.session_id();
    world.act(|account, moment| account.end_session(moment, session, Cause::SignedOut))
}

fn everywhere(world: &mut World) -> Result<(), Refusal> {
    let caller = world.other.session;
    world.act(|account, moment| account.end_all_sessions(moment, Some(caller), true)).map(drop)
}

fn sign_out_device(world: &mut World) -> Result<(), Refusal> {
    let device = world.device_id();
    world.act(|account, moment| account.sign_out_device(moment, device)).map(drop)
}

fn hijack(world: &mut World) -> Result<(), Refusal> {
    let device = world.device_id();
    world.act(|account, moment| account.hijack(moment, device)).map(drop)
}

fn release(world: &mut World) -> Result<(), Refusal> {
    let device = world.device_id();
    world.act(|account, moment| account.release(moment, device)).map(drop)
}

fn forget(world: &mut World) -> Result<(), Refusal> {
    let device = world.device_id();
    world.act(|account, moment| account.forget(moment, device, Cause::DeviceForgotten)).map(drop)
}

fn fence(world: &mut World) -> Result<(), Refusal> {
    world.fence();
    Ok(())
}

fn states() -> Vec<State> {
    vec![
        State { name: "active", build: World::new },
        State { name: "active, its factor skipped", build: skipped },
        State { name: "inactive", build: || World::new().later(7 * DAY) },
        State { name: "ended: signed out", build: || ended_by(end) },
        State { name: "ended: signed out everywhere", build: || ended_by(everywhere) },
        State { name: "ended: its device signed out", build: || ended_by(sign_out_device) },
        State { name: "ended: its device forgotten", build: || ended_by(forget) },
        State { name: "ended: tenant fenced", build: || ended_by(fence) },
        State { name: "ended: its time was over", build: || World::new().later(30 * DAY) },
        State { name: "blocked", build: || ended_by(hijack) },
        State {
            name: "blocked, its device released",
            build: || {
                let mut world = ended_by(hijack);
                release(&mut world).expect("an operator may");
                world
            },
        },
        State {
            name: "idle, then its device hijacked",
            build: || {
                let mut world = World::new().later(7 * DAY);
                hijack(&mut world).expect("it may be reported");
                world
            },
        },
    ]
}

fn transitions() -> Vec<Transition> {
    vec![
        Transition::new("use its token", |world| {
            let (token, moment) = (world.subject.access_token.clone(), moment_with(world.now, doorward_domain::Mint::new([0; 32])));
            world.account.caller(&moment, &token).map(drop)
        }),
        Transition::new("step up with a code", |world| {
            let (session, factor) = (world.session_id(), Factor { method: MfaMethod::Totp, verified_at: world.now });
            let stepped = world.act(|account, moment| account.step_up(moment, session, factor))?;
            world.subject.access_token = stepped.access_token;
            Ok(())
        }),
        Transition::new("end it", end),
        Transition::new("end all but another", everywhere),
        Transition::new("end all but itself", |world| {
            let caller = world.session_id();
            world.act(|account, moment| account.end_all_sessions(moment, Some(caller), true)).map(drop)
        }),
        Transition::new("end all, from itself", |world| {
            let caller = world.session_id();
            world.act(|account, moment| account.end_all_sessions(moment, Some(caller), false)).map(drop)
        }),
        Transition::new("end all, as an operator", |world| world.act(|account, moment| account.end_all_sessions(moment, None, false)).map(drop)),
        Transition::new("sign out on its device", sign_out_device),
        Transition::new("untrust its device", |world| {
            let device = world.device_id();
            world.act(|account, moment| account.untrust(moment, device, None, false))
        }),
        Transition::new("untrust its device, from itself", |world| {
            let (device, caller) = (world.device_id(), world.session_id());
            world.act(|account, moment| account.untrust(moment, device, Some(caller), false))
        }),
        Transition::new("untrust its device with its sessions", |world| {
            let device = world.device_id();
            world.act(|account, moment| account.untrust(moment, device, None, true))
        }),
        Transition::new("report its device hijacked", hijack),
        Transition::new("release its device", release),
        Transition::new("forget its device", forget),
        Transition::new("sign in on its device until the cap is reached", |world| {
            let (now, cookie) = (world.now, world.cookie());
            let limit = world.account.tenant.policy.max_sessions;
            for _ in 0..limit {
                world.act(|account, moment| account.sign_in_directly(moment, passed(now), Some(&cookie), Completion::default()))?;
            }
            Ok(())
        }),
        Transition::new("fence the tenant", fence),
        Transition::new("choose a stricter policy", |world| {
            *world = world.clone().under(Preset::NistAal3);
            Ok(())
        }),
        Transition::new("7 days pass", |world| {
            world.wait(7 * DAY);
            Ok(())
        }),
        Transition::new("30 days pass", |world| {
            world.wait(30 * DAY);
            Ok(())
        }),
    ]
}

pub(crate) fn machine() -> Machine {
    Machine {
        title: "Session",
        about: "A session exists only once a sign-in is complete. *Inactive* is judged from its last sign of life, *blocked* is how the sessions of a \
                hijacked device look; nothing but a fresh sign-in makes a session that isn't active live, and that one is another session.",
        states: states(),
        transitions: transitions(),
        tell,
    }
}

#[test]
fn nothing_makes_a_session_active_that_was_not() {
    for field in machine().table().iter().filter(|field| field.from != "active") {
        assert_ne!(tell(&field.world), "active", "{} on {}", field.transition, field.state);
        assert!(!opens(&field.world), "{} on {}", field.transition, field.state);
    }
}

#[test]
fn an_ended_session_stays_ended_and_a_blocked_one_blocked() {
    for field in machine().table() {
        match field.from {
            "ended" => assert_eq!(tell(&field.world), "ended", "{} on {}", field.transition, field.state),
            // Its own end may come while it is blocked.
            "blocked" => assert!(["blocked", "ended"].contains(&tell(&field.world)), "{} on {}", field.transition, field.state),
            _ => {}
        }
    }
}

#[test]
fn a_token_opens_a_session_exactly_while_it_is_active() {
    for field in machine().table() {
        assert_eq!(opens(&field.world), tell(&field.world) == "active", "{} on {}", field.transition, field.state);
    }
}

#[test]
fn no_transition_moves_an_absolute_end() {
    for state in states() {
        let before = (state.build)().session().expires_at;
        for field in machine().table().iter().filter(|field| field.state == state.name) {
            assert!(field.world.session().expires_at <= before, "{} on {}", field.transition, field.state);
        }
    }
}

#[test]
fn every_session_that_is_over_says_why() {
    for field in machine().table() {
        let session = field.world.session();
        let ending = session.ending(field.world.device(), &field.world.account, field.world.now);
        let over = session.status(field.world.device(), &field.world.account, field.world.now) != SessionStatus::Active;
        assert_eq!(ending.is_some(), over, "{} on {}", field.transition, field.state);
        assert!(ending.is_none_or(|ending| ending.at <= field.world.now), "{} on {}", field.transition, field.state);
    }
}

#[test]
fn a_skipped_factor_is_never_a_factor() {
    for field in machine().table().iter().filter(|field| field.state.contains("skipped")) {
        let session = field.world.session();
        if field.transition != "step up with a code" {
            assert!(session.skipped_factor && session.factor.is_none() && session.acr() == "aal1", "{}", field.transition);
            assert!(!session.amr().iter().any(|reference| reference == "mfa"), "{}", field.transition);
        }
    }
}

/// What a stricter policy ended, and what somebody ended by hand while it was in force, stays over when the policy is loosened.
#[test]
fn what_is_over_stays_over_whatever_the_policy_becomes() {
    type End = fn(&mut World) -> Result<(), Refusal>;
    let untrust: End = |world| {
        let device = world.device_id();
        world.act(|account, moment| account.untrust(moment, device, None, true))
    };
    let ends: [(&str, End); 8] = [
        ("nothing", |_| Ok(())),
        ("end", end),
        ("everywhere", everywhere),
        ("sign out the device", sign_out_device),
        ("untrust", untrust),
        ("hijack", hijack),
        ("forget", forget),
        ("fence", fence),
    ];
    for (name, end) in ends {
        // Under AAL2 device trust counts for nothing, and what lived by it is over.
        let mut world = skipped().under(Preset::NistAal2).later(2 * 3_600);
        assert_eq!(tell(&world), "ended");
        end(&mut world).expect("it may be ended");
        let loose = Rules {
            session_idle_s: 365 * DAY,
            session_absolute_s: 365 * DAY,
            trust_for_s: 365 * DAY,
            trust_max_s: 365 * DAY,
            ..Policy::preset(Preset::Consumer).rules().clone()
        };
        let now = world.now;
        Arc::make_mut(&mut world.account.tenant).choose(Policy::custom(loose).expect("valid"), now);
        assert_ne!(tell(&world), "active", "{name}");
        assert!(!opens(&world), "{name}");
        assert_ne!(world.device().status(&world.account, world.now), doorward_domain::DeviceStatus::Trusted, "{name}");
    }
}

#[test]
fn nothing_happens_when_an_ended_session_is_ended_again() {
    for field in machine().table().into_iter().filter(|field| field.transition == "end it") {
        let (before, mut world) = (field.world.account.clone(), field.world);
        end(&mut world).expect("ending twice is no fault");
        assert!(world.account == before, "{}", field.state);
    }
}
