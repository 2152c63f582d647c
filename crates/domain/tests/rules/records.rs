//! What is kept beside the facts: counts, the trail, causes of what a generation ended, marks, and what was proved.

use crate::account::{Ana, at, just_before};
use doorward_domain::event::About;
use doorward_domain::token::Secret;
use doorward_domain::{Cause, Count, Credential, Ending, EventKind, Factor, MfaMethod, Refusal, SecurityEvent, Trust};

const NOW_S: u32 = 10_000_000;

#[test]
fn counts_are_exact_up_to_a_thousand() {
    for (counted, number, more) in [(0, 0, false), (999, 999, false), (1_000, 1_000, false), (1_001, 1_000, true), (70_000, 1_000, true)] {
        assert_eq!(Count::from(counted), Count { number, more });
    }
}

#[test]
fn the_trail_is_numbered_without_gaps_and_begins_with_the_account() {
    let mut ana = Ana::new(at(NOW_S));
    ana.enter();
    ana.enter();
    let told: Vec<_> = ana.account.events.iter().map(|event| (event.number, event.kind)).collect();
    let expected = [EventKind::AccountCreated, EventKind::DeviceAdded, EventKind::SessionStarted, EventKind::DeviceAdded, EventKind::SessionStarted];
    assert_eq!(told, (1..).zip(expected).collect::<Vec<_>>());
    assert_eq!(ana.account.head.last_event, 5);
    let laptop = ana.account.devices[0].id;
    let kept = ana.act(|account, moment| {
        account.record(moment, EventKind::DeviceRenamed, About::device(laptop).because(Cause::DeviceUntrusted).with("name", "x"));
        Ok(account.events.last().cloned())
    });
    let event = kept.expect("recorded").expect("an event");
    assert_eq!((event.number, event.device, event.cause, event.at), (6, Some(laptop), Some(Cause::DeviceUntrusted), at(NOW_S)));
    assert_eq!(event.data.get("name").and_then(|name| name.as_str()), Some("x"));
}

#[test]
fn each_thing_that_a_generation_ended_bears_the_cause_of_its_own_raise() {
    let mut ana = Ana::new(at(NOW_S));
    let first = ana.enter_and_trust();
    ana.now = ana.now.plus_s(10);
    let everywhere = ana.now;
    ana.act(|account, moment| account.end_all_sessions(moment, None, false)).expect("ended");
    ana.now = ana.now.plus_s(10);
    let second = ana.enter_and_trust();
    ana.now = ana.now.plus_s(10);
    let report = doorward_domain::Report { event: SecurityEvent::PasswordReset, keep: None, rotate_kept: false, event_id: None };
    ana.act(|account, moment| account.apply(moment, &report)).expect("applied");
    for (opened, at, cause) in [(&first, everywhere, Cause::SignedOutEverywhere), (&second, ana.now, Cause::PasswordReset)] {
        let ending = Ending { at, cause };
        let (device, session) = (ana.device(opened.device), ana.account.session(opened.session).expect("it"));
        assert_eq!(device.trust(&ana.account, ana.now), Trust::Ended(ending));
        assert_eq!(session.ending(ana.account.device_of(session).expect("its own"), &ana.account, ana.now), Some(ending));
        assert_eq!(ana.account.device_of(session).expect("its own").id, opened.device);
    }
}

#[test]
fn sessions_and_trust_ended_apart_bear_each_the_cause_of_its_own() {
    let mut ana = Ana::new(at(NOW_S));
    let laptop = ana.enter_and_trust();
    let report = doorward_domain::Report { event: SecurityEvent::EmailChanged, keep: None, rotate_kept: false, event_id: None };
    ana.act(|account, moment| account.apply(moment, &report)).expect("applied");
    let trust_ended_at = ana.now;
    ana.now = ana.now.plus_s(10);
    ana.act(|account, moment| account.end_all_sessions(moment, None, false)).expect("ended");
    let (device, session) = (ana.device(laptop.device), ana.account.session(laptop.session).expect("it"));
    assert_eq!(device.trust(&ana.account, ana.now), Trust::Ended(Ending { at: trust_ended_at, cause: Cause::EmailChanged }));
    assert_eq!(session.ending(device, &ana.account, ana.now), Some(Ending { at: ana.now, cause: Cause::SignedOutEverywhere }));
}

#[test]
fn a_replaced_access_token_is_known_and_a_guess_isnt() {
    let mut ana = Ana::new(at(NOW_S));
    let laptop = ana.enter();
    let factor = Factor { method: MfaMethod::Totp, verified_at: ana.now };
    let second = ana.act(|account, moment| account.step_up(moment, laptop.session, factor)).expect("stepped up").access_token;
    let third = ana.act(|account, moment| account.step_up(moment, laptop.session, factor)).expect("stepped up").access_token;
    let mut guess = third.clone();
    guess.secret = Secret::new([0xee; 32]);
    let wrong = Err(Refusal::WrongSecret(Credential::AccessToken));
    // The one before the last is as little known as a guess.
    for (token, expected) in [(&third, Ok(laptop.session)), (&second, Err(Refusal::Unauthenticated)), (&laptop.access_token, wrong.clone()), (&guess, wrong)] {
        let caller = ana.act(|account, moment| Ok(account.caller(moment, token).map(|session| session.id)));
        assert_eq!(caller.expect("the rule refuses nothing"), expected);
    }
}

#[test]
fn a_token_may_be_given_anew_until_its_mark_is_over() {
    let mut ana = Ana::new(at(NOW_S));
    let laptop = ana.enter();
    let session = ana.account.session_mut(laptop.session).expect("it");
    assert!(!session.may_be_reissued(at(0)));
    session.unused_until = Some(at(50));
    assert!(session.may_be_reissued(just_before(at(50))) && !session.may_be_reissued(at(50)) && !session.may_be_reissued(at(51)));
}

#[test]
fn a_session_says_what_was_proved_in_it_once_and_no_more() {
    let mut ana = Ana::new(at(NOW_S));
    let laptop = ana.enter();
    let now = ana.now;
    let session = ana.account.session_mut(laptop.session).expect("it");
    assert_eq!((session.amr(), session.acr()), (vec!["pwd".to_owned(), "otp".to_owned(), "mfa".to_owned()], "aal2"));
    session.amr = vec!["mfa".to_owned(), "otp".to_owned()];
    assert_eq!(session.amr(), ["mfa", "otp"]);
    session.factor = Some(Factor { method: MfaMethod::Webauthn, verified_at: now });
    assert_eq!(session.amr().len(), 3);
    session.factor = None;
    assert_eq!((session.amr(), session.acr()), (vec!["mfa".to_owned(), "otp".to_owned()], "aal1"));
}
