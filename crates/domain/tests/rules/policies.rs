//! What a policy ends, at present and for good.

use crate::account::{Ana, at, consumer, just_before};
use doorward_domain::{Binding, Cause, Ending, Policy, Preset, SessionStatus, Trust};

const NOW_S: u32 = 10_000_000;
const YEAR: u32 = 365 * 86_400;

fn trust_for(seconds: u32) -> Policy {
    consumer(|rules| rules.trust_for_s = seconds)
}

#[test]
fn a_grant_must_be_bound_at_least_as_tightly_as_the_policy_asks() {
    for (bound, asked, holds) in [
        (Binding::Token, Binding::Token, true),
        (Binding::Token, Binding::Fingerprint, true),
        (Binding::Fingerprint, Binding::Fingerprint, true),
        (Binding::Fingerprint, Binding::Token, false),
    ] {
        let mut ana = Ana::new(at(NOW_S));
        let laptop = ana.enter_and_trust();
        ana.choose(consumer(|rules| rules.trust_binding = asked));
        let device = ana.account.device_mut(laptop.device).expect("it");
        device.grant.as_mut().expect("a grant").binding = bound;
        let trust = ana.device(laptop.device).trust(&ana.account, ana.now);
        assert_eq!(matches!(trust, Trust::Held { .. }), holds, "{bound:?} under {asked:?}: {trust:?}");
    }
}

#[test]
fn thirty_two_past_policies_are_kept_apart_and_older_ones_as_strictly_as_any_of_them() {
    let mut ana = Ana::new(at(NOW_S));
    let laptop = ana.enter_and_trust();
    let began = ana.account.tenant.created_at;
    ana.tenant().choose(Policy::preset(Preset::NistAal2), at(NOW_S + 1));
    for round in 0..31 {
        ana.tenant().choose(trust_for(100_000 + round), at(NOW_S + 2 + round));
    }
    assert_eq!(ana.account.tenant.past_limits.len(), 32);
    assert_eq!(ana.account.tenant.past_limits[0].since, began);
    ana.tenant().choose(trust_for(200_000), at(NOW_S + 50));
    assert_eq!((ana.account.tenant.past_limits.len(), ana.account.tenant.past_limits[0].since), (32, began));
    assert!(!ana.account.tenant.past_limits[0].limits.device_trust, "the stricter of the two");
    ana.tenant().choose(trust_for(300_000), at(NOW_S + 51));
    assert_eq!(ana.account.tenant.past_limits.len(), 32);
    let trust = ana.device(laptop.device).trust(&ana.account, at(NOW_S + 60));
    assert!(matches!(trust, Trust::Ended(_)), "{trust:?}");
}

#[test]
fn past_policies_are_kept_for_as_long_as_anything_lasts() {
    for (after_s, kept) in [(2 * 86_400, 2), (YEAR - 1, 2), (YEAR, 1)] {
        let mut ana = Ana::new(at(NOW_S));
        ana.tenant().choose(trust_for(100_000), at(NOW_S));
        ana.tenant().choose(trust_for(100_001), at(NOW_S + after_s));
        assert_eq!(ana.account.tenant.past_limits.len(), kept, "{after_s}");
    }
}

#[test]
fn an_offer_is_closed_by_time_and_by_policies_present_and_past() {
    let offer_after = |change: &dyn Fn(&mut Ana), seconds: u32| {
        let mut ana = Ana::new(at(NOW_S));
        ana.enter();
        change(&mut ana);
        ana.account.offers[0].is_open(&ana.account, at(NOW_S).plus_s(seconds))
    };
    assert!(offer_after(&|_| (), 299) && !offer_after(&|_| (), 300));
    let shorter = |ana: &mut Ana| ana.tenant().choose(consumer(|rules| rules.activation_ttl_s = 60), at(NOW_S + 1));
    assert!(offer_after(&shorter, 59) && !offer_after(&shorter, 60));
    let longer = |ana: &mut Ana| ana.tenant().choose(consumer(|rules| rules.activation_ttl_s = 600), at(NOW_S + 1));
    assert!(!offer_after(&longer, 300), "its own end stays");
    let forbidden_for_a_moment = |ana: &mut Ana| {
        ana.tenant().choose(Policy::preset(Preset::NistAal2), at(NOW_S + 1));
        ana.tenant().choose(Policy::preset(Preset::Consumer), at(NOW_S + 2));
    };
    assert!(!offer_after(&forbidden_for_a_moment, 3));
    let before_its_time = |ana: &mut Ana| {
        ana.tenant().choose(Policy::preset(Preset::NistAal2), at(NOW_S - 5));
        ana.tenant().choose(Policy::preset(Preset::Consumer), at(NOW_S));
    };
    assert!(offer_after(&before_its_time, 3), "it was never under that policy");
}

#[test]
fn a_session_that_lives_by_trust_ends_with_the_policy_that_allows_none() {
    let over = |skipped: bool, change: &dyn Fn(&mut Ana)| {
        let mut ana = Ana::new(at(NOW_S));
        let laptop = ana.enter();
        ana.account.session_mut(laptop.session).expect("it").skipped_factor = skipped;
        change(&mut ana);
        let now = at(NOW_S + 100);
        let session = ana.account.session(laptop.session).expect("it");
        let device = ana.account.devices[0].clone();
        let ending = session.ending(&device, &ana.account, now);
        assert_eq!(session.status(&device, &ana.account, now) == SessionStatus::Active, ending.is_none());
        ending
    };
    let forbid = |ana: &mut Ana, second: u32| ana.tenant().choose(Policy::preset(Preset::NistAal2), at(second));
    let allow = |ana: &mut Ana, second: u32| ana.tenant().choose(Policy::preset(Preset::Consumer), at(second));
    assert_eq!(over(true, &|_| ()), None);
    let ended = |second: u32| Some(Ending { at: at(second), cause: Cause::PolicyChanged });
    assert_eq!(over(true, &|ana| forbid(ana, NOW_S + 7)), ended(NOW_S + 7));
    assert_eq!(over(false, &|ana| forbid(ana, NOW_S + 7)), None, "it proved a factor of its own");
    let for_a_moment = |from: u32, to: u32| {
        move |ana: &mut Ana| {
            forbid(ana, from);
            allow(ana, to);
        }
    };
    assert_eq!(over(true, &for_a_moment(NOW_S + 7, NOW_S + 9)), ended(NOW_S + 7), "loosening revives nothing");
    assert_eq!(over(false, &for_a_moment(NOW_S + 7, NOW_S + 9)), None);
    assert_eq!(over(true, &for_a_moment(NOW_S - 9, NOW_S)), None, "it began as that policy was replaced");
    assert_eq!(over(true, &for_a_moment(NOW_S - 9, NOW_S + 1)), ended(NOW_S), "it began under it");
}

#[test]
fn a_session_ends_for_good_under_each_policy_that_it_outlived() {
    let ends = |change: &dyn Fn(&mut Ana)| {
        let mut ana = Ana::new(at(NOW_S));
        let laptop = ana.enter();
        change(&mut ana);
        let session = ana.account.session(laptop.session).expect("it");
        (session.expires_at(&ana.account), session.idle_expires_at(&ana.account))
    };
    let strict = consumer(|rules| (rules.session_absolute_s, rules.session_idle_s) = (200, 100));
    let loose = || Policy::preset(Preset::Consumer);
    let was_strict = |until: u32| {
        let strict = strict.clone();
        move |ana: &mut Ana| {
            ana.tenant().choose(strict.clone(), at(NOW_S));
            ana.tenant().choose(loose(), at(NOW_S + until));
        }
    };
    let unharmed = ends(&|_| ());
    assert_eq!(ends(&was_strict(99)), unharmed);
    assert_eq!(ends(&was_strict(100)), (unharmed.0, at(NOW_S + 100)), "idle for good");
    assert_eq!(ends(&was_strict(199)).0, unharmed.0);
    assert_eq!(ends(&was_strict(200)), (at(NOW_S + 200), at(NOW_S + 100)));
    assert!(just_before(at(1)) < at(1));
}
