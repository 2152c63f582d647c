//! Retiring a server key in an account: what somebody may still hold stays, unless it must go at once.

use doorward_domain::{Account, KeyId, Moment, Refusal, Trust};

use crate::account::{Ana, at};

/// Retires the only key there is: everything is under it.
fn retire(ana: &mut Ana, force: bool) {
    let rule = |account: &mut Account, moment: &mut Moment<'_>| {
        account.retire_server_key(moment, moment.keys.active(), force);
        Ok::<_, Refusal>(())
    };
    ana.act(rule).expect("nothing refuses it");
}

#[test]
fn unforced_it_takes_nothing_that_somebody_may_still_use() {
    let mut ana = Ana::new(at(1_000));
    let trusted = ana.enter_and_trust();
    let before = ana.account.clone();
    retire(&mut ana, false);
    assert_eq!(ana.account, before, "a session, a trusted device and its token");
    let other = ana.enter();
    retire(&mut ana, false);
    assert!(ana.device(other.device).tokens.are_retired(), "a token without trust tells a device from a new one, and no more");
    assert!(!ana.device(trusted.device).tokens.are_retired());
    assert!(ana.account.sessions.iter().all(|session| session.ended.is_none()), "on both devices");
    assert!(ana.account.offers.iter().all(|offer| offer.is_open(&ana.account, ana.now)), "which are offered trust still");
    assert!(matches!(ana.device(trusted.device).trust(&ana.account, ana.now), Trust::Held { .. }));

    retire(&mut ana, true);
    assert!(ana.account.devices.iter().all(|device| device.tokens.are_retired()));
    assert!(ana.account.sessions.iter().all(|session| session.ended.is_some()));
    assert!(matches!(ana.device(trusted.device).trust(&ana.account, ana.now), Trust::Ended(_)));
}

#[test]
fn a_key_that_nothing_is_under_takes_nothing() {
    let mut ana = Ana::new(at(1_000));
    ana.enter_and_trust();
    let before = ana.account.clone();
    let rule = |account: &mut Account, moment: &mut Moment<'_>| {
        account.retire_server_key(moment, KeyId(moment.keys.active().0 ^ 1), true);
        Ok::<_, Refusal>(())
    };
    ana.act(rule).expect("nothing refuses it");
    assert_eq!(ana.account, before);
}
