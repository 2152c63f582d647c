//! What is kept beside the facts: counts, the trail, causes of what a generation ended, marks, and what was proved.

use crate::account::{Ana, at, just_before};
use doorward_domain::event::About;
use doorward_domain::{Cause, Count, Ending, EventKind, Factor, MfaMethod, Trust};

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
