//! Who may have which device trusted, what ties the trust to it, and who makes room for it.

use crate::account::{Ana, at, consumer};
use doorward_domain::{Binding, Cause, DeviceId, DeviceTokens, Factor, MfaMethod, NO_ADDRESS, Refusal, Seen, Trust, Vouched, Voucher};

const NOW_S: u32 = 10_000_000;

fn posted(value: &str) -> Vouched {
    let seen = Seen { ip: NO_ADDRESS, user_agent: String::new(), client_hints: None, device_info: None };
    Vouched { fingerprint: value.to_owned(), seen, network: Some("192.0.2".to_owned()), name: None }
}

fn post(ana: &mut Ana, value: &str) -> Result<DeviceId, Refusal> {
    ana.act(|account, moment| account.vouch(moment, &posted(value)))
}

fn is_trusted(ana: &Ana, device: DeviceId) -> bool {
    matches!(ana.device(device).trust(&ana.account, ana.now), Trust::Held { .. })
}

fn binding(ana: &Ana, device: DeviceId) -> Option<Binding> {
    ana.device(device).grant.map(|grant| grant.binding)
}

#[test]
fn a_keys_word_alone_passes_where_no_factor_was_and_nothing_was_reported() {
    let mut ana = Ana::new(at(NOW_S));
    let laptop = ana.enter().device;
    let vouched = post(&mut ana, "fp").expect("made");
    let gate = |ana: &Ana, device| ana.account.gate(Voucher::KeyAlone, device, ana.now);
    assert_eq!(gate(&ana, vouched), Ok(()));
    assert!(matches!(gate(&ana, laptop), Err(Refusal::MfaRequired(_))), "a factor was passed on it");
    ana.act(|account, moment| account.hijack(moment, vouched)).expect("reported");
    assert_eq!(gate(&ana, vouched), Err(Refusal::DeviceHijacked));
    assert_eq!(post(&mut ana, "fp"), Err(Refusal::DeviceHijacked));
}

#[test]
fn trust_is_tied_by_what_the_device_can_show() {
    let mut ana = Ana::new(at(NOW_S));
    let (laptop, phone) = (ana.enter(), ana.enter());
    let vouched = post(&mut ana, "fp").expect("made");
    let factor = Factor { method: MfaMethod::Totp, verified_at: ana.now };
    for device in [phone.device, vouched] {
        ana.act(|account, moment| account.trust_for_host(moment, device, factor)).expect("trusted");
    }
    assert_eq!((binding(&ana, phone.device), binding(&ana, vouched)), (Some(Binding::Token), Some(Binding::Fingerprint)));
    // A session that was told by looks ties its own device no firmer, unless a token comes of it; another's by its token.
    ana.account.session_mut(laptop.session).expect("it").identified_by = Binding::Fingerprint;
    for (device, bears, gives_token, tied) in
        [(laptop.device, false, false, Binding::Fingerprint), (laptop.device, true, true, Binding::Token), (phone.device, true, false, Binding::Token)]
    {
        let token = ana.act(|account, moment| account.trust_in_session(moment, laptop.session, device, bears)).expect("trusted");
        assert_eq!((token.is_some(), binding(&ana, device)), (gives_token, Some(tied)));
        let told = ana.account.events.last().expect("an event");
        assert_eq!((told.session, told.device), (Some(laptop.session), Some(device)));
    }
}

#[test]
fn whoever_replaces_a_factor_makes_room_last() {
    let mut ana = Ana::new(at(NOW_S));
    ana.choose(consumer(|rules| rules.max_devices = 2));
    let firm = [ana.enter_and_trust().device, ana.enter_and_trust().device];
    ana.enter();
    let factor = Factor { method: MfaMethod::Totp, verified_at: ana.now };
    ana.act(|account, moment| account.trust_for_host(moment, firm[1], factor)).expect("renewed");
    assert!(firm.iter().all(|device| is_trusted(&ana, *device)), "an unverified one beside them counts for nothing");
    let vouched = post(&mut ana, "fp").expect("made");
    // Beside two that may, one that may replace none fits, and takes the room of none of them.
    assert!(firm.iter().chain([&vouched]).all(|device| is_trusted(&ana, *device)));
    ana.now = ana.now.plus_s(1);
    let third = ana.enter_and_trust().device;
    // The posted one made room for the device, and the one seen longest ago for its trust.
    assert!(is_trusted(&ana, third) && ana.device(vouched).forgotten_at.is_some());
    assert_eq!(firm.iter().filter(|device| is_trusted(&ana, **device)).count(), 1);
    let ended = ana.device(*firm.iter().find(|device| !is_trusted(&ana, **device)).expect("one")).trust_ended.expect("an ending");
    assert_eq!((ended.cause, ended.at), (Cause::DeviceLimit, ana.now));
    // Where likeness may replace a factor, a posted one is a device among others.
    ana.choose(consumer(|rules| (rules.max_devices, rules.trust_binding) = (2, Binding::Fingerprint)));
    ana.now = ana.now.plus_s(1);
    let another = post(&mut ana, "another").expect("made");
    assert!(is_trusted(&ana, another));
    assert_eq!(ana.account.devices.iter().filter(|device| device.is_trusted(&ana.account, ana.now)).count(), 2);
}

#[test]
fn a_factor_of_a_weak_method_is_noted_nowhere_and_none_brings_ended_trust_back() {
    let mut ana = Ana::new(at(NOW_S));
    let laptop = ana.enter_and_trust();
    ana.act(|account, moment| account.untrust(moment, laptop.device, None, false)).expect("ended");
    let before = ana.device(laptop.device).last_factor;
    ana.now = ana.now.plus_s(5);
    for (method, noted) in [(MfaMethod::EmailOtp, false), (MfaMethod::Totp, true)] {
        let factor = Factor { method, verified_at: ana.now };
        ana.act(|account, moment| account.step_up(moment, laptop.session, factor)).expect("stepped up");
        assert_eq!(ana.device(laptop.device).last_factor == Some(factor), noted, "{method}");
        assert_eq!(ana.device(laptop.device).last_factor == before, !noted, "{method}");
        assert!(!is_trusted(&ana, laptop.device));
    }
    ana.account.device_mut(laptop.device).expect("it").tokens = DeviceTokens::default();
    let other = ana.enter_and_trust();
    let ended = ana.device(laptop.device).trust_ended;
    ana.now = ana.now.plus_s(1);
    ana.act(|account, moment| account.untrust(moment, laptop.device, None, false)).expect("ended");
    assert!(is_trusted(&ana, other.device), "to end one ends no other");
    assert_eq!(ana.device(laptop.device).trust_ended, ended, "nor does it end what is over once more");
}
