//! The device's machine.

use doorward_domain::{Cause, Decision, DeviceStatus, Factor, MfaMethod, Preset, Refusal, Trust, Voucher};
use doorward_tests::attempt;

use crate::machine::{Machine, Outcome, State, Transition};
use crate::world::{World, present};

const MONTH: u32 = 30 * 86_400;

fn tell(world: &World) -> &'static str {
    let device = world.device();
    match (device.hijacked_at.is_some(), device.released_at.is_some(), device.forgotten_at.is_some()) {
        (true, false, false) => return "hijacked",
        (true, true, false) => return "hijacked, released",
        (true, false, true) => return "hijacked, forgotten",
        (true, true, true) => return "hijacked, released, forgotten",
        (false, _, true) => return "forgotten",
        (false, _, false) => {}
    }
    if device.status(&world.account, world.now) == DeviceStatus::Trusted {
        return "trusted";
    }
    match device.trust(&world.account, world.now) {
        Trust::Never => "unverified",
        Trust::Ended(ending) if ending.cause == Cause::Expired => "trust expired",
        Trust::Ended(_) => "trust ended",
        Trust::Held { .. } => "trusted",
    }
}

fn trusted() -> World {
    let world = World::new();
    let (token, session) = (world.offer_token(), world.session_id());
    let mut world = world;
    let activated = world.act(|account, moment| account.activate(moment, &token, Some(session), None)).expect("the offer is good");
    world.subject.device_token = Some(activated.device_token);
    world
}

fn hijacked() -> World {
    let world = trusted();
    let device = world.device_id();
    world.done(|account, moment| account.hijack(moment, device))
}

fn forget(world: World) -> World {
    let device = world.device_id();
    world.done(|account, moment| account.forget(moment, device, Cause::DeviceForgotten))
}

fn release(world: World) -> World {
    let device = world.device_id();
    world.done(|account, moment| account.release(moment, device))
}

fn states() -> Vec<State> {
    vec![
        State { name: "unverified", build: World::new },
        State { name: "trusted", build: trusted },
        State { name: "trust expired", build: || trusted().later(MONTH) },
        State {
            name: "trust ended: by the person",
            build: || {
                let world = trusted();
                let device = world.device_id();
                world.done(|account, moment| account.untrust(moment, device, None, false))
            },
        },
        State {
            name: "trust ended: signed out everywhere",
            build: || {
                let world = trusted();
                let caller = world.other.session;
                world.done(|account, moment| account.end_all_sessions(moment, Some(caller), true))
            },
        },
        State {
            name: "trust ended: tenant fenced",
            build: || {
                let mut world = trusted();
                world.fence();
                world
            },
        },
        State { name: "trust ended: by the policy", build: || trusted().under(Preset::NistAal2) },
        State { name: "hijacked", build: hijacked },
        State { name: "hijacked, released", build: || release(hijacked()) },
        State { name: "forgotten", build: || forget(trusted()) },
        State { name: "hijacked, forgotten", build: || forget(hijacked()) },
        State { name: "hijacked, released, forgotten", build: || release(forget(hijacked())) },
    ]
}

fn sign_in_with_a_code(world: &mut World) -> Result<(), Refusal> {
    world.sign_in_here(true, false).map(drop)
}

fn factor(world: &World) -> Factor {
    Factor { method: MfaMethod::Totp, verified_at: world.now }
}

fn transitions() -> Vec<Transition> {
    vec![
        Transition::new("sign in with its token", |world| world.sign_in_here(false, false).map(drop)),
        Transition::new("sign in with its token and a code", sign_in_with_a_code),
        Transition::new("sign in with its token, a code and the box ticked", |world| world.sign_in_here(true, true).map(drop)),
        Transition::new("take the offer of that sign-in up", |world| {
            let offered = world.offered()?;
            world.act(|account, moment| account.activate(moment, &offered, None, None)).map(drop)
        })
        .after(sign_in_with_a_code),
        Transition::new("decline the offer of that sign-in", |world| {
            let offered = world.offered()?;
            world.act(|account, moment| account.decline(moment, &offered, None)).map(drop)
        })
        .after(sign_in_with_a_code),
        Transition::new("trust it from another device, with a code", |world| {
            let (session, device) = (world.other.session, world.device_id());
            world.act(|account, moment| {
                let caller = account.session(session)?.clone();
                account.trust(moment, Voucher::Session(&caller), device)
            })?;
            Ok(())
        })
        .after(World::sign_in_elsewhere),
        Transition::new("trust it as a host, with a factor", |world| {
            let (device, factor) = (world.device_id(), factor(world));
            world.act(|account, moment| account.trust_for_host(moment, device, factor))
        }),
        Transition::new("untrust", |world| {
            let device = world.device_id();
            world.act(|account, moment| account.untrust(moment, device, None, false))
        }),
        Transition::new("sign out on it", |world| {
            let device = world.device_id();
            world.act(|account, moment| account.sign_out_device(moment, device)).map(drop)
        }),
        Transition::new("sign out everywhere, from another device", |world| {
            let caller = world.other.session;
            world.act(|account, moment| account.end_all_sessions(moment, Some(caller), true)).map(drop)
        })
        .after(World::sign_in_elsewhere),
        Transition::new("sign out everywhere, from this one", |world| {
            let caller = world.session_id();
            world.act(|account, moment| account.end_all_sessions(moment, Some(caller), true)).map(drop)
        }),
        Transition::new("rename", |world| {
            let device = world.device_id();
            world.act(|account, moment| account.rename(moment, device, "phone"))
        }),
        Transition::new("report hijacked", |world| {
            let device = world.device_id();
            world.act(|account, moment| account.hijack(moment, device)).map(drop)
        }),
        Transition::new("release", |world| {
            let device = world.device_id();
            world.act(|account, moment| account.release(moment, device))
        }),
        Transition::new("forget", |world| {
            let device = world.device_id();
            world.act(|account, moment| account.forget(moment, device, Cause::DeviceForgotten)).map(drop)
        }),
        Transition::new("fence the tenant", |world| {
            world.fence();
            Ok(())
        }),
        Transition::new("choose a policy without device trust", |world| {
            *world = world.clone().under(Preset::NistAal2);
            Ok(())
        }),
        Transition::new("30 days pass", |world| {
            world.wait(MONTH);
            Ok(())
        }),
    ]
}

pub(crate) fn machine() -> Machine {
    Machine {
        title: "Device",
        about: "A device is known from its first completed sign-in on. *Trusted* is judged at each use: a grant past its end, under an older generation \
                or against the policy is no grant, whether or not anything swept. A sign-in with the token of a device that is gone makes a new, unverified one.",
        states: states(),
        transitions: transitions(),
        tell,
    }
}

/// What a sign-in with the device's own token is decided in each state.
pub(crate) fn decisions() -> String {
    let mut text = "| device | its token is | a sign-in with it | reasons |\n|---|---|---|---|\n".to_owned();
    for state in states() {
        let mut world = (state.build)();
        let (now, cookie) = (world.now, world.cookie());
        let sign_in = world.act(|account, moment| account.evaluate_and_follow(moment, attempt(now), Some(&cookie))).expect("evaluated");
        let reasons: Vec<String> = sign_in.judgement.reasons.iter().map(|reason| format!("`{reason}`")).collect();
        text.push_str(&format!("| {} | {} | `{}` | {} |\n", state.name, present(&world), sign_in.judgement.decision, reasons.join(", ")));
    }
    text
}

#[test]
fn a_hijacked_device_stays_hijacked_whatever_is_done() {
    for field in machine().table().iter().filter(|field| field.from.starts_with("hijacked")) {
        assert!(field.world.device().hijacked_at.is_some(), "{} on {}", field.transition, field.state);
        assert!(tell(&field.world).starts_with("hijacked"), "{} on {}", field.transition, field.state);
    }
}

#[test]
fn a_forgotten_device_stays_forgotten_and_untrusted() {
    for field in machine().table().iter().filter(|field| field.from.contains("forgotten")) {
        let device = field.world.device();
        assert!(device.forgotten_at.is_some() && device.grant.is_none(), "{} on {}", field.transition, field.state);
        assert!(field.world.account.device(device.id).is_err(), "it is in no list: {} on {}", field.transition, field.state);
    }
}

#[test]
fn the_token_of_a_hijacked_device_is_denied_until_it_is_released() {
    for state in states() {
        let mut world = (state.build)();
        let outcome = world.sign_in_here(true, true);
        let denied = state.name.starts_with("hijacked") && !state.name.contains("released");
        assert_eq!(matches!(outcome, Err(Refusal::SignInDenied(_))), denied, "{}", state.name);
        if state.name.contains("released") || state.name == "forgotten" {
            assert_ne!(outcome.expect("as a new device").device, world.device_id(), "{}", state.name);
        }
    }
}

#[test]
fn only_a_trusted_device_lets_the_second_factor_be_skipped() {
    for state in states() {
        let mut world = (state.build)();
        let (now, cookie) = (world.now, world.cookie());
        let sign_in = world.act(|account, moment| account.evaluate_and_follow(moment, attempt(now), Some(&cookie))).expect("evaluated");
        assert_eq!(sign_in.judgement.decision == Decision::Allow, state.name == "trusted", "{}", state.name);
        assert_eq!(world.sign_in_here(false, false).is_ok(), state.name == "trusted", "{}", state.name);
    }
}

#[test]
fn only_what_proves_a_factor_makes_a_device_trusted() {
    let gives = ["box ticked", "take the offer", "trust it"];
    for field in machine().table() {
        if field.from != "trusted" && field.outcome == Outcome::Now("trusted") {
            assert!(gives.iter().any(|gift| field.transition.contains(gift)), "{} on {}", field.transition, field.state);
        }
    }
}

#[test]
fn under_a_policy_without_device_trust_nothing_makes_a_device_trusted() {
    for field in machine().table().iter().filter(|field| field.state == "trust ended: by the policy") {
        assert_ne!(tell(&field.world), "trusted", "{}", field.transition);
    }
}

/// An answer that says "trusted" is true at that moment.
#[test]
fn whoever_is_told_that_a_device_is_trusted_was_told_the_truth() {
    for field in machine().table().iter().filter(|field| field.transition.starts_with("trust it") || field.transition.contains("box ticked")) {
        if !matches!(field.outcome, Outcome::Refused(_)) && !field.from.contains("forgotten") && !field.from.contains("released") {
            assert_eq!(tell(&field.world), "trusted", "{} on {}", field.transition, field.state);
        }
    }
}
