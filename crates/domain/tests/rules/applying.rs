//! What security events do to an account, row by row, beside what they must leave alone.

use crate::account::{Ana, at};
use doorward_domain::{Cause, Ends, Leeway, Report, Reported, SecurityEvent, SessionId, SessionsEnded, Trust};

const NOW_S: u32 = 10_000_000;

/// After these, what a first factor proved before opens no session any more.
const OUTDATING: [SecurityEvent; 9] = [
    SecurityEvent::PasswordChanged,
    SecurityEvent::PasswordReset,
    SecurityEvent::CredentialCompromised,
    SecurityEvent::RecoveryUsed,
    SecurityEvent::PasskeyRemoved,
    SecurityEvent::MfaReset,
    SecurityEvent::LoginUnlinked,
    SecurityEvent::AccountDisabled,
    SecurityEvent::AccountDeleted,
];

fn report(event: SecurityEvent, keep: Option<SessionId>) -> Report {
    Report { event, keep, rotate_kept: false, event_id: None }
}

#[test]
fn each_event_raises_what_its_row_says_and_nothing_else() {
    for &event in SecurityEvent::ALL {
        for keeps in [false, true] {
            let mut ana = Ana::new(at(NOW_S));
            let (laptop, phone) = (ana.enter_and_trust(), ana.enter());
            let before = ana.account.head.clone();
            ana.now = ana.now.plus_s(5);
            let now = ana.now;
            let ends = event.ends();
            let keep = keeps.then_some(laptop.session);
            let applied = ana.act(|account, moment| account.apply(moment, &report(event, keep))).expect("it always applies");
            let kept = keep.filter(|_| ends.sessions == SessionsEnded::AllButKept);
            assert_eq!(applied.kept, kept, "{event}");
            let ended = match ends.sessions {
                SessionsEnded::None => 0,
                SessionsEnded::AllButKept => 2 - usize::from(kept.is_some()),
                SessionsEnded::All => 2,
            };
            assert_eq!((applied.sessions_ended.number, applied.sessions_ended.more), (ended, false), "{event}");
            assert_eq!((applied.devices_untrusted, applied.activations_cancelled), (usize::from(ends.trust), usize::from(ends.trust)), "{event}");
            assert_eq!(applied.access_token, None, "{event}");
            let head = &ana.account.head;
            assert_eq!(head.trust_gen - before.trust_gen, i64::from(ends.trust), "{event}");
            assert_eq!(head.sessions_gen - before.sessions_gen, i64::from(ends.sessions != SessionsEnded::None), "{event}");
            assert_eq!(head.sign_ins_gen - before.sign_ins_gen, i64::from(event != SecurityEvent::AccountEnabled), "{event}");
            assert_eq!(head.factors_changed_at, ends.trust.then_some(now), "{event}");
            assert_eq!(head.credentials_changed_at, OUTDATING.contains(&event).then_some(now), "{event}");
            let recorded = ana.account.events.last().expect("an event");
            assert_eq!((recorded.session, recorded.cause), (kept, Some(event.cause())), "{event}");
            assert_eq!(head.disabled_at, (event == SecurityEvent::AccountDisabled).then_some(now), "{event}");
            let live: Vec<_> = ana.account.live_sessions(now).map(|session| session.id).collect();
            let stay: Vec<_> = match ends.sessions {
                SessionsEnded::None => vec![laptop.session, phone.session],
                _ => kept.into_iter().collect(),
            };
            assert_eq!(live, stay, "{event}");
            let trust = ana.device(laptop.device).trust(&ana.account, now);
            assert_eq!(matches!(trust, Trust::Held { .. }), !ends.trust, "{event}");
            let raised: Vec<Cause> = ana.account.raises.iter().map(|raise| raise.ending.cause).collect();
            assert!(raised.iter().all(|cause| *cause == event.cause()), "{event}: {raised:?}");
            assert_eq!(raised.len(), usize::from(ends.trust) + usize::from(ends.sessions != SessionsEnded::None), "{event}");
            assert_eq!(ana.account.reported, vec![], "{event}: without an id nothing is kept");
        }
    }
}

#[test]
fn an_account_is_disabled_since_it_first_was_and_until_it_is_enabled() {
    let mut ana = Ana::new(at(NOW_S));
    ana.enter();
    let apply = |ana: &mut Ana, event| ana.act(|account, moment| account.apply(moment, &report(event, None))).expect("it always applies");
    let first = ana.now;
    apply(&mut ana, SecurityEvent::AccountDisabled);
    ana.now = ana.now.plus_s(9);
    apply(&mut ana, SecurityEvent::AccountDisabled);
    apply(&mut ana, SecurityEvent::PasswordReset);
    assert_eq!(ana.account.head.disabled_at, Some(first));
    apply(&mut ana, SecurityEvent::AccountEnabled);
    assert_eq!(ana.account.head.disabled_at, None);
}

#[test]
fn what_is_kept_must_be_live_and_the_accounts_own() {
    let mut ana = Ana::new(at(NOW_S));
    let (laptop, phone) = (ana.enter(), ana.enter());
    ana.act(|account, moment| account.end_session(moment, phone.session, Cause::SignedOut)).expect("ended");
    let applied = ana.act(|account, moment| account.apply(moment, &report(SecurityEvent::PasswordChanged, Some(phone.session)))).expect("applied");
    assert_eq!((applied.kept, applied.sessions_ended.number), (None, 1));
    assert_eq!(ana.account.live_sessions(ana.now).count(), 0, "{:?}", laptop.session);
}

#[test]
fn under_one_id_an_event_has_one_effect_and_its_token_is_given_anew_while_unused() {
    let mut ana = Ana::new(at(NOW_S));
    let (laptop, _phone) = (ana.enter_and_trust(), ana.enter());
    let told = Report { event: SecurityEvent::PasswordChanged, keep: Some(laptop.session), rotate_kept: true, event_id: Some("e1".to_owned()) };
    let first = ana.act(|account, moment| account.apply(moment, &told)).expect("applied");
    let hash_of = |ana: &Ana| ana.account.session(laptop.session).expect("it").token.clone();
    let given = hash_of(&ana);
    assert!(first.access_token.is_some());
    let heads = |ana: &Ana| (ana.account.head.sessions_gen, ana.account.head.trust_gen, ana.account.head.sign_ins_gen, ana.account.events.len());
    let after_first = heads(&ana);
    let again = ana.act(|account, moment| account.apply(moment, &told)).expect("applied");
    assert_eq!(heads(&ana), after_first, "no second effect");
    assert_eq!((again.devices_untrusted, again.sessions_ended, again.kept), (first.devices_untrusted, first.sessions_ended, first.kept));
    assert!(again.access_token.is_some() && hash_of(&ana) != given, "its answer may have been lost");
    let (given, third) = (hash_of(&ana), ana.act(|account, moment| account.apply(moment, &told)).expect("applied"));
    assert!(third.access_token.is_some() && hash_of(&ana) != given, "and the answer to the second");
    // Without asking for one, none is given.
    let quiet = ana.act(|account, moment| account.apply(moment, &Report { rotate_kept: false, ..told.clone() })).expect("applied");
    assert_eq!(quiet.access_token, None);
    // Another id, or another event under the same id, is another report.
    let other = ana.act(|account, moment| account.apply(moment, &Report { event: SecurityEvent::EmailChanged, ..told.clone() })).expect("applied");
    assert_eq!((other.kept, heads(&ana).1), (None, after_first.1 + 1));
    // Once it was used it is given to nobody any more.
    ana.account.session_mut(laptop.session).expect("it").unused_until = None;
    let used = ana.act(|account, moment| account.apply(moment, &told)).expect("applied");
    assert_eq!((used.access_token, used.kept), (None, Some(laptop.session)));
    let kept: Vec<&Reported> = ana.account.reported.iter().collect();
    assert_eq!(kept.len(), 2);
    assert_eq!((kept[0].devices_untrusted, kept[0].sessions_ended, kept[0].activations_cancelled), (1, 1, 1));
}

#[test]
fn a_report_that_comes_again_after_a_day_takes_no_token() {
    let mut ana = Ana::new(at(NOW_S));
    let laptop = ana.enter();
    let told = Report { event: SecurityEvent::PasswordChanged, keep: Some(laptop.session), rotate_kept: true, event_id: Some("e".to_owned()) };
    ana.act(|account, moment| account.apply(moment, &told)).expect("applied");
    let given = ana.account.session(laptop.session).expect("it").token.clone();
    // The first use of the new token a day later isn't noted any more.
    ana.now = ana.now.plus_s(86_400);
    let again = ana.act(|account, moment| account.apply(moment, &told)).expect("applied");
    assert_eq!((again.access_token, &ana.account.session(laptop.session).expect("it").token), (None, &given));
}

#[test]
fn a_clock_that_is_behind_takes_no_mark_back() {
    let mut ana = Ana::new(at(NOW_S));
    ana.enter();
    let marks = |ana: &Ana| (ana.account.head.factors_changed_at, ana.account.head.credentials_changed_at);
    ana.act(|account, moment| account.apply(moment, &report(SecurityEvent::MfaReset, None))).expect("applied");
    let first = marks(&ana);
    ana.now = ana.now.minus_s(4);
    ana.act(|account, moment| account.apply(moment, &report(SecurityEvent::PasswordChanged, None))).expect("applied");
    assert_eq!((first, first.0), (marks(&ana), Some(at(NOW_S))));
}

#[test]
fn a_kept_token_is_marked_only_where_it_was_replaced_and_may_be_asked_for_again() {
    for (rotate_kept, event_id) in [(false, false), (false, true), (true, false), (true, true)] {
        let mut ana = Ana::new(at(NOW_S));
        let laptop = ana.enter();
        let before = ana.account.session(laptop.session).expect("it").token.clone();
        let told = Report { event: SecurityEvent::PasswordChanged, keep: Some(laptop.session), rotate_kept, event_id: event_id.then(|| "e".to_owned()) };
        ana.act(|account, moment| account.apply(moment, &told)).expect("applied");
        let session = ana.account.session(laptop.session).expect("it");
        assert_eq!(session.unused_until, (rotate_kept && event_id).then(|| ana.now.plus_s(86_400)));
        assert_eq!(session.token != before, rotate_kept);
    }
}

#[test]
fn a_kept_token_that_was_replaced_since_is_given_to_no_retry() {
    let mut ana = Ana::new(at(NOW_S));
    let (laptop, phone) = (ana.enter(), ana.enter());
    let told = Report { event: SecurityEvent::PasswordChanged, keep: Some(laptop.session), rotate_kept: true, event_id: Some("e".to_owned()) };
    ana.act(|account, moment| account.apply(moment, &told)).expect("applied");
    let another = ana.account.session(phone.session).expect("it").token.clone();
    let session = ana.account.session_mut(laptop.session).expect("it");
    session.token = another;
    assert!(session.unused_until.is_some());
    let again = ana.act(|account, moment| account.apply(moment, &told)).expect("applied");
    assert_eq!(again.access_token, None);
}

#[test]
fn the_tokens_of_two_events_under_one_id_are_kept_apart() {
    let mut ana = Ana::new(at(NOW_S));
    let laptop = ana.enter();
    let told = |event| Report { event, keep: Some(laptop.session), rotate_kept: true, event_id: Some("e".to_owned()) };
    let (older, newer) = (told(SecurityEvent::PasswordChanged), told(SecurityEvent::MfaRemoved));
    for (report, has_token) in [(&older, true), (&newer, true), (&newer, true), (&older, false), (&newer, true)] {
        let applied = ana.act(|account, moment| account.apply(moment, report)).expect("applied");
        assert_eq!(applied.access_token.is_some(), has_token, "{}", report.event);
    }
}

#[test]
fn what_of_the_table_a_policy_may_change_is_what_its_leeway_says() {
    let all = || {
        [SessionsEnded::None, SessionsEnded::AllButKept, SessionsEnded::All]
            .into_iter()
            .flat_map(|sessions| [false, true].map(|trust| Ends { trust, sessions }))
    };
    for (table, row) in all().flat_map(|table| all().map(move |row| (table, row))) {
        let no_less = (row.trust || !table.trust) && row.sessions.code() >= table.sessions.code();
        assert_eq!(Leeway::StricterOnly.allows(row, table), no_less, "{row:?} for {table:?}");
        assert!(Leeway::Free.allows(row, table), "{row:?} for {table:?}");
        assert_eq!(Leeway::Fixed.allows(row, table), (row.trust, row.sessions) == (table.trust, table.sessions), "{row:?} for {table:?}");
    }
}

#[test]
fn of_more_than_a_thousand_sessions_a_report_remembers_that_there_were_more() {
    let mut ana = Ana::new(at(NOW_S));
    let laptop = ana.enter();
    let one = ana.account.session(laptop.session).expect("it").clone();
    ana.account.sessions = vec![one; 1_001];
    let told = Report { event: SecurityEvent::PasswordReset, keep: None, rotate_kept: false, event_id: Some("e".to_owned()) };
    for _ in 0..2 {
        let applied = ana.act(|account, moment| account.apply(moment, &told)).expect("applied");
        assert_eq!((applied.sessions_ended.number, applied.sessions_ended.more), (1_000, true));
    }
    assert_eq!(ana.account.reported[0].sessions_ended, 1_001);
}
