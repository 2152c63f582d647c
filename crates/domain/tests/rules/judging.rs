//! What the rules judge, in all combinations of their conditions, held against the published order of the questions.

use crate::account::{Ana, at, consumer, just_before};
use doorward_domain::refusal::{FactorMissing, TrustBar};
use doorward_domain::{Binding, Cause, DeviceStatus, Ending, Factor, MfaMethod, Policy, Preset, Refusal, SessionStatus, Trust, Voucher};

const RECENT_S: u32 = 600;
const LONGEST_S: u32 = 90 * 86_400;
const NOW_S: u32 = 10 * LONGEST_S;

/// What may stand before the gate, each by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Before {
    policy_forbids: bool,
    disabled: bool,
    refused_at_sign_in: bool,
    hijacked: bool,
    weak_method: bool,
    /// How long ago the factor was verified, in microseconds; none where it was skipped.
    age_us: Option<i64>,
    /// How long before now factors last changed.
    changed_us: Option<i64>,
    /// Whether another device than the session's own is to be trusted, and how long ago it passed a factor of its own.
    another: Option<Option<i64>>,
    by_host: bool,
}

/// The gate's questions in their published order: the first that isn't met is the refusal.
fn expected(before: Before) -> Result<(), Refusal> {
    const RECENT_US: i64 = RECENT_S as i64 * 1_000_000;
    const LONGEST_US: i64 = LONGEST_S as i64 * 1_000_000;
    let missing = |what| Err(Refusal::MfaRequired(what));
    let after_change = |age: i64| before.changed_us.is_none_or(|change| age < change);
    if before.policy_forbids {
        return Err(Refusal::TrustNotAllowed(TrustBar::Policy));
    }
    if before.disabled {
        return Err(Refusal::TrustNotAllowed(TrustBar::AccountDisabled));
    }
    if before.refused_at_sign_in && !before.by_host {
        return Err(Refusal::TrustNotAllowed(TrustBar::RefusedAtSignIn));
    }
    let Some(age) = before.age_us else { return missing(FactorMissing::NotVerified) };
    if before.weak_method {
        return missing(FactorMissing::MethodNotAccepted);
    }
    if age > RECENT_US {
        return missing(FactorMissing::TooLongAgo);
    }
    if !after_change(age) {
        return missing(FactorMissing::BeforeChange);
    }
    if let (Some(own), false) = (before.another, before.by_host)
        && !own.is_some_and(|age| age < LONGEST_US && after_change(age))
    {
        return missing(FactorMissing::NotOnThatDevice);
    }
    if before.hijacked { Err(Refusal::DeviceHijacked) } else { Ok(()) }
}

fn ask_the_gate(before: Before) -> Result<(), Refusal> {
    let mut ana = Ana::new(at(NOW_S));
    let (laptop, phone) = (ana.enter(), ana.enter());
    let method = if before.weak_method { MfaMethod::EmailOtp } else { MfaMethod::Totp };
    let now = ana.now;
    let ago = |us: i64| doorward_domain::Timestamp::from_micros(now.micros() - us);
    let factor = before.age_us.map(|age| Factor { method, verified_at: ago(age) });
    let target = if before.another.is_some() { phone.device } else { laptop.device };
    for device in &mut ana.account.devices {
        device.last_factor = None;
    }
    if let Some(own) = before.another {
        ana.account.device_mut(phone.device).expect("the phone").last_factor = own.map(|age| Factor { method: MfaMethod::Push, verified_at: ago(age) });
    }
    if before.hijacked {
        ana.account.device_mut(target).expect("it").hijacked_at = Some(now);
    }
    ana.account.head.disabled_at = before.disabled.then_some(now);
    ana.account.head.factors_changed_at = before.changed_us.map(ago);
    ana.choose(if before.policy_forbids { Policy::preset(Preset::NistAal2) } else { consumer(|rules| rules.recent_mfa_s = RECENT_S) });
    let session = ana.account.session_mut(laptop.session).expect("the session");
    (session.factor, session.trust_refused) = (factor, before.refused_at_sign_in);
    let session = session.clone();
    let voucher = match (before.by_host, factor) {
        (true, Some(factor)) => Voucher::Host(factor),
        _ => Voucher::Session(&session),
    };
    ana.account.gate(voucher, target, now)
}

#[test]
fn what_ties_an_attempt_to_a_device_bounds_what_its_grant_is_worth() {
    const BY_LIKENESS_S: u32 = 3_600;
    let mut ana = Ana::new(at(NOW_S));
    let laptop = ana.enter_and_trust();
    let now = ana.now;
    let until = |ana: &Ana, by| match ana.device(laptop.device).trust_by(by, &ana.account, now) {
        Trust::Held { until, .. } => Some(until),
        _ => None,
    };
    // By its looks alone under a policy that wants a token: nothing.
    assert!(until(&ana, Binding::Token).is_some() && until(&ana, Binding::Fingerprint).is_none());
    ana.choose(consumer(|rules| (rules.trust_binding, rules.fingerprint_trust_max_s) = (Binding::Fingerprint, BY_LIKENESS_S)));
    assert_eq!(until(&ana, Binding::Fingerprint), Some(now.plus_s(BY_LIKENESS_S)));
    assert!(until(&ana, Binding::Token) > Some(now.plus_s(BY_LIKENESS_S)));
    // A grant that was given by looks is worth no more when a token comes.
    ana.account.device_mut(laptop.device).expect("it").grant.as_mut().expect("a grant").binding = Binding::Fingerprint;
    assert_eq!(until(&ana, Binding::Token), Some(now.plus_s(BY_LIKENESS_S)));
}

#[test]
fn the_gate_asks_its_questions_in_their_order_in_every_combination() {
    let recent = i64::from(RECENT_S) * 1_000_000;
    let longest = i64::from(LONGEST_S) * 1_000_000;
    let ages = [None, Some(0), Some(recent), Some(recent + 1)];
    let changes = [None, Some(0), Some(1), Some(recent), Some(recent + 1), Some(longest)];
    let others = [None, Some(None), Some(Some(0)), Some(Some(longest - 1)), Some(Some(longest))];
    let (mut asked, mut passed) = (0, 0);
    for flags in 0..64_u32 {
        for age_us in ages {
            for changed_us in changes {
                for another in others {
                    let flag = |bit: u32| flags & (1 << bit) != 0;
                    let (by_host, weak_method) = (flag(5), flag(4));
                    if by_host && age_us.is_none() {
                        // A host always states a factor.
                        continue;
                    }
                    let before = Before {
                        policy_forbids: flag(0),
                        disabled: flag(1),
                        refused_at_sign_in: flag(2),
                        hijacked: flag(3),
                        weak_method,
                        age_us,
                        changed_us,
                        another,
                        by_host,
                    };
                    let verdict = ask_the_gate(before);
                    assert_eq!(verdict, expected(before), "{before:?}");
                    asked += 1;
                    passed += usize::from(verdict.is_ok());
                }
            }
        }
    }
    assert!(asked > 6_000 && passed > 50 && passed < asked / 20, "{passed} of {asked} passed");
}

#[test]
fn trust_that_the_gate_gives_ends_at_the_earlier_of_both_limits() {
    for (passed_ago_s, lasts_s) in [(0, 30), (59, 30), (60, 30), (61, 29), (89, 1)] {
        let mut ana = Ana::new(at(NOW_S));
        let (laptop, phone) = (ana.enter(), ana.enter());
        let long_ago = ana.now.minus_s(passed_ago_s * 86_400);
        ana.account.device_mut(phone.device).expect("the phone").last_factor = Some(Factor { method: MfaMethod::Totp, verified_at: long_ago });
        let until = ana.act(|account, moment| {
            let session = account.session(laptop.session)?.clone();
            account.trust(moment, Voucher::Session(&session), phone.device)
        });
        let end = ana.now.plus_s(lasts_s * 86_400);
        assert_eq!(until, Ok(end), "{passed_ago_s} days ago");
        let device = ana.device(phone.device);
        assert_eq!(device.trust(&ana.account, just_before(end)), Trust::Held { since: ana.now, until: end });
        assert_eq!(device.trust(&ana.account, end), Trust::Ended(Ending { at: end, cause: Cause::Expired }));
        assert_eq!((device.granted_on, device.declined_at, device.trust_ended), (Some(laptop.device), None, None));
        let grant = device.grant.expect("a grant");
        assert_eq!((grant.binding, grant.trust_gen, grant.tenant_trust_gen), (Binding::Token, 1, 1));
    }
}

#[test]
fn a_grant_is_over_by_whatever_comes_first_in_the_published_order() {
    let fresh = || {
        let mut ana = Ana::new(at(NOW_S));
        let laptop = ana.enter_and_trust();
        (ana, laptop.device)
    };
    let (ana, device) = fresh();
    assert_eq!(ana.device(device).status(&ana.account, ana.now), DeviceStatus::Trusted);
    let (mut ana, device) = fresh();
    ana.tenant().trust_gen += 1;
    let trust = ana.device(device).trust(&ana.account, ana.now);
    assert_eq!(trust, Trust::Ended(Ending { at: ana.now, cause: Cause::TenantFenced }), "when isn't known");
    ana.tenant().fenced_at = Some(at(5));
    assert_eq!(ana.device(device).trust(&ana.account, ana.now), Trust::Ended(Ending { at: at(5), cause: Cause::TenantFenced }));
    // A fence is told before what else ended it.
    ana.account.head.trust_gen += 1;
    assert_eq!(ana.device(device).trust(&ana.account, ana.now), Trust::Ended(Ending { at: at(5), cause: Cause::TenantFenced }));
    let (mut ana, device) = fresh();
    ana.account.head.trust_gen += 1;
    assert_eq!(ana.device(device).trust(&ana.account, ana.now), Trust::Ended(Ending { at: ana.now, cause: Cause::SignedOutEverywhere }), "no raise at hand");
    // A generation that is lower than the grant's ends it as well: whatever differs isn't it.
    ana.account.head.trust_gen = 0;
    assert_eq!(ana.device(device).status(&ana.account, ana.now), DeviceStatus::Unverified);
    let (mut ana, device) = fresh();
    ana.tenant().trust_gen = 0;
    assert_eq!(ana.device(device).status(&ana.account, ana.now), DeviceStatus::Unverified);
    let (mut ana, device) = fresh();
    ana.account.device_mut(device).expect("it").hijacked_at = Some(ana.now);
    assert_eq!(ana.device(device).status(&ana.account, ana.now), DeviceStatus::Hijacked);
    let (mut ana, device) = fresh();
    ana.account.device_mut(device).expect("it").grant = None;
    assert_eq!(ana.device(device).trust(&ana.account, ana.now), Trust::Never);
    let ending = Ending { at: at(3), cause: Cause::DeviceUntrusted };
    ana.account.device_mut(device).expect("it").trust_ended = Some(ending);
    assert_eq!(ana.device(device).trust(&ana.account, ana.now), Trust::Ended(ending));
}

#[test]
fn a_device_counts_unless_it_is_hijacked_or_forgotten() {
    for (hijacked, forgotten) in [(false, false), (true, false), (false, true), (true, true)] {
        let mut ana = Ana::new(at(NOW_S));
        let id = ana.enter().device;
        let now = ana.now;
        let device = ana.account.devices.iter_mut().find(|device| device.id == id).expect("it");
        device.hijacked_at = hijacked.then_some(now);
        device.forgotten_at = forgotten.then_some(now);
        assert_eq!(device.counts(), !hijacked && !forgotten);
        assert_eq!((ana.account.device(id).is_ok(), ana.account.device_mut(id).is_ok()), (!forgotten, !forgotten));
    }
}

/// What may have happened to a session, each by itself.
#[derive(Debug, Clone, Copy)]
struct Happened {
    fenced: bool,
    raised: bool,
    hijacked: bool,
    device_raised: bool,
    forgotten: bool,
    ended: Option<Cause>,
    /// What the clock has passed.
    passed: Passed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Passed {
    Nothing,
    JustBeforeIdle,
    Idle,
    Absolute,
}

fn expected_status(happened: Happened) -> SessionStatus {
    match happened.ended {
        Some(Cause::DeviceHijacked) => return SessionStatus::Blocked,
        Some(Cause::Idle) => return SessionStatus::Inactive,
        Some(_) => return SessionStatus::Ended,
        None => {}
    }
    if happened.fenced || happened.raised || happened.passed == Passed::Absolute {
        return SessionStatus::Ended;
    }
    if happened.hijacked {
        return SessionStatus::Blocked;
    }
    if happened.device_raised || happened.forgotten {
        return SessionStatus::Ended;
    }
    if happened.passed == Passed::Idle { SessionStatus::Inactive } else { SessionStatus::Active }
}

#[test]
fn a_session_is_what_happened_to_it_in_every_combination() {
    let rules = consumer(|_| ());
    let (idle, absolute) = (rules.session_idle_s, rules.session_absolute_s);
    for flags in 0..32_u32 {
        for ended in [None, Some(Cause::DeviceHijacked), Some(Cause::Idle), Some(Cause::SignedOut)] {
            for passed in [Passed::Nothing, Passed::JustBeforeIdle, Passed::Idle, Passed::Absolute] {
                let flag = |bit: u32| flags & (1 << bit) != 0;
                let happened = Happened { fenced: flag(0), raised: flag(1), hijacked: flag(2), device_raised: flag(3), forgotten: flag(4), ended, passed };
                let mut ana = Ana::new(at(NOW_S));
                let laptop = ana.enter();
                let began = ana.now;
                let now = match passed {
                    Passed::Nothing => began,
                    Passed::JustBeforeIdle => just_before(began.plus_s(idle)),
                    Passed::Idle => began.plus_s(idle),
                    Passed::Absolute => began.plus_s(absolute),
                };
                ana.tenant().sessions_gen += i64::from(happened.fenced);
                ana.account.head.sessions_gen += i64::from(happened.raised);
                ana.account.session_mut(laptop.session).expect("it").ended = ended.map(|cause| Ending { at: began, cause });
                let device = ana.account.device_mut(laptop.device).expect("it");
                device.hijacked_at = happened.hijacked.then_some(began);
                device.generation += i64::from(happened.device_raised);
                device.forgotten_at = happened.forgotten.then_some(began);
                let device = ana.account.devices[0].clone();
                let session = ana.account.session(laptop.session).expect("it");
                let status = session.status(&device, &ana.account, now);
                assert_eq!(status, expected_status(happened), "{happened:?}");
                let ending = session.ending(&device, &ana.account, now);
                assert_eq!(ending.is_some(), status != SessionStatus::Active, "{happened:?}: {ending:?}");
                assert!(ending.is_none_or(|ending| ending.at <= now), "{happened:?}: {ending:?}");
                let cause = ending.map(|ending| ending.cause);
                match (status, ended) {
                    (_, Some(said)) => assert_eq!(cause, Some(said)),
                    (SessionStatus::Inactive, _) => assert_eq!(cause, Some(Cause::Idle)),
                    (SessionStatus::Blocked, _) => assert_eq!(cause, Some(Cause::DeviceHijacked)),
                    _ => {}
                }
            }
        }
    }
}

#[test]
fn of_several_endings_the_first_is_told() {
    let mut ana = Ana::new(at(NOW_S));
    let laptop = ana.enter();
    let began = ana.now;
    let late = began.plus_s(consumer(|_| ()).session_absolute_s);
    ana.tenant().sessions_gen += 1;
    let told = |ana: &Ana| {
        let session = ana.account.session(laptop.session).expect("it");
        session.ending(&ana.account.devices[0], &ana.account, late).map(|ending| (ending.at, ending.cause))
    };
    assert_eq!(told(&ana), Some((late, Cause::TenantFenced)), "when isn't known");
    ana.tenant().fenced_at = Some(began.plus_s(30));
    assert_eq!(told(&ana), Some((began.plus_s(30), Cause::TenantFenced)));
    ana.account.devices[0].forgotten_at = Some(began.plus_s(20));
    assert_eq!(told(&ana), Some((began.plus_s(20), Cause::DeviceForgotten)));
    ana.now = began.plus_s(10);
    ana.act(|account, moment| account.end_all_sessions(moment, None, false)).expect("ended");
    assert_eq!(told(&ana), Some((began.plus_s(10), Cause::SignedOutEverywhere)));
}

#[test]
fn limits_shorten_and_never_lengthen() {
    let mut ana = Ana::new(at(NOW_S));
    let laptop = ana.enter();
    let began = ana.now;
    let ends = |ana: &Ana| {
        let session = ana.account.session(laptop.session).expect("it");
        (session.expires_at(&ana.account), session.idle_expires_at(&ana.account))
    };
    let rules = consumer(|_| ());
    let first = (began.plus_s(rules.session_absolute_s), began.plus_s(rules.session_idle_s));
    assert_eq!(ends(&ana), first);
    ana.choose(consumer(|rules| (rules.session_absolute_s, rules.session_idle_s) = (2_000, 1_000)));
    assert_eq!(ends(&ana), (began.plus_s(2_000), began.plus_s(1_000)));
    ana.account.session_mut(laptop.session).expect("it").last_activity_at = began.plus_s(1_500);
    assert_eq!(ends(&ana), (began.plus_s(2_000), began.plus_s(2_000)), "idle never later than the absolute end");
    ana.choose(consumer(|rules| (rules.session_absolute_s, rules.session_idle_s) = (31_536_000, 31_536_000)));
    assert_eq!(ends(&ana).0, first.0, "set when it began");
}

#[test]
fn a_factor_is_fresh_until_factors_change_and_for_as_long_as_asked() {
    let mut ana = Ana::new(at(NOW_S));
    let laptop = ana.enter();
    let verified = ana.now;
    let asked = |ana: &Ana, within: Option<u32>, now| ana.account.has_factor(ana.account.session(laptop.session).expect("it"), within, now);
    assert_eq!(asked(&ana, None, verified.plus_s(1_000_000)), Ok(()));
    assert_eq!(asked(&ana, Some(60), verified.plus_s(60)), Ok(()));
    let late = doorward_domain::Timestamp::from_micros(verified.plus_s(60).micros() + 1);
    assert_eq!(asked(&ana, Some(60), late), Err(Refusal::MfaRequired(FactorMissing::TooLongAgo)));
    for (changed, fresh) in [(just_before(verified), true), (verified, false)] {
        ana.account.head.factors_changed_at = Some(changed);
        let session = ana.account.session(laptop.session).expect("it");
        assert_eq!(session.fresh_factor(&ana.account).is_some(), fresh);
        let refusal = if fresh { Ok(()) } else { Err(Refusal::MfaRequired(FactorMissing::BeforeChange)) };
        assert_eq!(asked(&ana, None, verified), refusal);
    }
    ana.account.session_mut(laptop.session).expect("it").factor = None;
    assert_eq!(asked(&ana, None, verified), Err(Refusal::MfaRequired(FactorMissing::NotVerified)));
}

#[test]
fn an_authentication_is_recent_to_the_microsecond() {
    let mut ana = Ana::new(at(NOW_S));
    let laptop = ana.enter();
    let proved = ana.now;
    let recent = |ana: &Ana, now| ana.account.recent_auth(ana.account.session(laptop.session).expect("it"), now);
    assert_eq!(recent(&ana, proved.plus_s(1_000_000)), Ok(()), "not asked for");
    ana.choose(consumer(|rules| rules.recent_auth_s = 900));
    assert_eq!(recent(&ana, proved.plus_s(900)), Ok(()));
    let late = doorward_domain::Timestamp::from_micros(proved.plus_s(900).micros() + 1);
    assert_eq!(recent(&ana, late), Err(Refusal::RecentAuthRequired));
    let session = ana.account.session_mut(laptop.session).expect("it");
    session.factor = Some(Factor { method: MfaMethod::Totp, verified_at: proved.plus_s(100) });
    assert_eq!(recent(&ana, late), Ok(()), "a later factor counts");
    ana.account.head.factors_changed_at = Some(proved.plus_s(100));
    assert_eq!(recent(&ana, late), Err(Refusal::RecentAuthRequired), "unless its freshness was taken");
}
