//! The offer's machine.

use doorward_domain::{Cause, Factor, MfaMethod, OfferState, Preset, Refusal};

use crate::machine::{Machine, Outcome, State, Transition};
use crate::world::World;

fn offer(world: &World) -> &doorward_domain::Offer {
    let id = world.offer_token().at.id;
    world.account.offers.iter().find(|offer| offer.id == id).expect("rules remove nothing")
}

fn tell(world: &World) -> &'static str {
    match offer(world).state {
        OfferState::Open if world.now >= offer(world).expires_at => "expired",
        state => state.as_str(),
    }
}

fn activate(world: &mut World) -> Result<(), Refusal> {
    let (token, caller) = (world.offer_token(), world.session_id());
    let activated = world.act(|account, moment| account.activate(moment, &token, Some(caller), None))?;
    world.subject.device_token = Some(activated.device_token);
    Ok(())
}

fn decline(world: &mut World) -> Result<(), Refusal> {
    let (token, caller) = (world.offer_token(), world.session_id());
    world.act(|account, moment| account.decline(moment, &token, Some(caller))).map(drop)
}

fn end(world: &mut World) -> Result<(), Refusal> {
    let session = world.session_id();
    world.act(|account, moment| account.end_session(moment, session, Cause::SignedOut))
}

fn on_device(
    world: &mut World,
    what: fn(&mut doorward_domain::Account, &mut doorward_domain::Moment<'_>, doorward_domain::DeviceId) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    let device = world.device_id();
    world.act(|account, moment| what(account, moment, device))
}

fn by(rule: fn(&mut World) -> Result<(), Refusal>) -> World {
    let mut world = World::new();
    rule(&mut world).expect("the way into a state is free");
    world
}

fn states() -> Vec<State> {
    vec![
        State { name: "open", build: World::new },
        State { name: "activated", build: || by(activate) },
        State { name: "declined", build: || by(decline) },
        State { name: "cancelled", build: || by(end) },
        State { name: "expired", build: || World::new().later(300) },
        State {
            name: "open, the tenant fenced",
            build: || {
                let mut world = World::new();
                world.fence();
                world
            },
        },
        State { name: "open, the policy without device trust", build: || World::new().under(Preset::NistAal2) },
        State {
            name: "open, the second factors changed since",
            build: || {
                World::new().later(1).done(|account, moment| {
                    account.head.factors_changed_at = Some(moment.now);
                    Ok(())
                })
            },
        },
    ]
}

fn transitions() -> Vec<Transition> {
    vec![
        Transition::new("activate", activate),
        Transition::new("decline", decline),
        Transition::new("activate from another session", |world| {
            let (token, caller) = (world.offer_token(), world.other.session);
            world.act(|account, moment| account.activate(moment, &token, Some(caller), None)).map(drop)
        }),
        Transition::new("activate with a wrong secret", |world| {
            let mut token = world.offer_token();
            token.secret = world.other.activation.clone().expect("an offer").secret;
            world.act(|account, moment| account.activate(moment, &token, None, None)).map(drop)
        }),
        Transition::new("end its session", end),
        Transition::new("step up in its session", |world| {
            let (session, factor) = (world.session_id(), Factor { method: MfaMethod::Totp, verified_at: world.now });
            world.act(|account, moment| account.step_up(moment, session, factor)).map(drop)
        }),
        Transition::new("sign out on its device", |world| on_device(world, |account, moment, device| account.sign_out_device(moment, device).map(drop))),
        Transition::new("untrust its device", |world| on_device(world, |account, moment, device| account.untrust(moment, device, None, false))),
        Transition::new("report its device hijacked", |world| on_device(world, |account, moment, device| account.hijack(moment, device).map(drop))),
        Transition::new("forget its device", |world| {
            on_device(world, |account, moment, device| account.forget(moment, device, Cause::DeviceForgotten).map(drop))
        }),
        Transition::new("sign out everywhere else, from its session", |world| {
            let caller = world.session_id();
            world.act(|account, moment| account.end_all_sessions(moment, Some(caller), true)).map(drop)
        }),
        Transition::new("trust its device as a host", |world| {
            let (device, factor) = (world.device_id(), Factor { method: MfaMethod::Totp, verified_at: world.now });
            world.act(|account, moment| account.trust_for_host(moment, device, factor))
        }),
        Transition::new("5 minutes pass", |world| {
            world.wait(300);
            Ok(())
        }),
    ]
}

pub(crate) fn machine() -> Machine {
    Machine {
        title: "Offer",
        about: "An offer of trust is made in a session that proved a real second factor, and lives five minutes. It is used once, by activating or by \
                declining, in its own session; the trust gate judges once more when it is activated. A refusal by the gate leaves it open.",
        states: states(),
        transitions: transitions(),
        tell,
    }
}

#[test]
fn an_offer_is_used_at_most_once() {
    for field in machine().table().iter().filter(|field| ["activate", "decline"].contains(&field.transition)) {
        let used = !matches!(field.outcome, Outcome::Refused(_));
        // Declining asks nothing of the gate; both ask that the offer is open and its generations stand.
        let open = field.state == "open"
            || field.transition == "decline" && field.state.contains("policy")
            || field.transition == "decline" && field.state.contains("factors");
        assert_eq!(used, open, "{} on {}", field.transition, field.state);
    }
}

#[test]
fn a_settled_offer_never_opens_again() {
    for field in machine().table().iter().filter(|field| field.from != "open") {
        assert_ne!(tell(&field.world), "open", "{} on {}", field.transition, field.state);
        if field.from != "expired" {
            assert_eq!(tell(&field.world), field.from, "{} on {}", field.transition, field.state);
        }
    }
}

#[test]
fn neither_another_session_nor_a_wrong_secret_uses_an_offer() {
    for field in machine().table().iter().filter(|field| field.transition.starts_with("activate ")) {
        assert_eq!(field.outcome, Outcome::Refused("activation_not_found"), "{} on {}", field.transition, field.state);
    }
}

#[test]
fn only_an_activation_trusts_by_an_offer() {
    for field in machine().table().iter().filter(|field| field.from != "activated" && field.transition != "trust its device as a host") {
        let trusted = field.world.device().status(&field.world.account, field.world.now) == doorward_domain::DeviceStatus::Trusted;
        assert_eq!(trusted, tell(&field.world) == "activated", "{} on {}", field.transition, field.state);
    }
}

#[test]
fn what_ends_the_session_or_the_trust_cancels_the_offer() {
    for field in machine().table().iter().filter(|field| field.state == "open") {
        let cancels = ["end its", "step up", "sign out", "untrust", "report", "forget"].iter().any(|what| field.transition.starts_with(what));
        assert_eq!(tell(&field.world) == "cancelled", cancels, "{}", field.transition);
    }
}
