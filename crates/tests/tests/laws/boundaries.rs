//! Laws of time: every end is exact to the microsecond, judged at use, and never moved by being used.

use std::sync::Arc;

use doorward_domain::refusal::FactorMissing;
use doorward_domain::{Attempt, Completion, Factor, MfaMethod, Opened, Refusal, SessionStatus, Timestamp, Voucher};
use doorward_store::{Need, Store};
use doorward_tests::{Person, after, attempt, just_after, just_before, passed, start, tenant_with, with_code};

doorward_tests::on_each_engine! {
    a_session_ends_at_its_absolute_end_whatever_is_heard_of_it,
    a_session_is_over_once_it_was_idle_for_so_long,
    trust_ends_at_its_end,
    trust_never_outlives_the_longest_since_the_devices_own_factor,
    trust_that_would_be_over_at_once_is_refused,
    an_offer_ends_at_its_end,
    the_longest_offer_is_at_hand_to_its_end,
    a_second_factor_is_recent_to_the_microsecond,
    a_factor_must_be_newer_than_the_last_change_of_factors,
    a_sign_in_ends_after_ten_minutes,
    a_declined_offer_is_made_again_when_its_time_has_come,
    an_authentication_is_recent_to_the_microsecond,
    the_ends_of_time_are_ends,
    days_are_counted_in_seconds,
    reads_and_refusals_move_no_end,
}

async fn activate(person: &Person, opened: &Opened, now: Timestamp) -> Result<(), Refusal> {
    let token = opened.activation.clone().expect("an offer");
    person.act(now, move |account, moment| account.activate(moment, &token, None, None).map(drop)).await
}

async fn a_session_ends_at_its_absolute_end_whatever_is_heard_of_it(store: Arc<dyn Store>) {
    let short = tenant_with("acme", |rules| (rules.session_idle_s, rules.session_absolute_s) = (3_600, 3_600));
    let ana = Person::of(&store, short, "ana").await;
    let opened = ana.enter(start()).await;
    let end = after(3_600);
    for second in [600, 1_800, 3_000] {
        store.touch(opened.access_token.at, after(second), 0).await.expect("the store answers").expect("it is live");
    }
    let account = store.touch(opened.access_token.at, just_before(end), 0).await.expect("the store answers").expect("it is live to the last");
    assert_eq!(account.session(opened.session).expect("the session").idle_expires_at(&account), end, "no sign of life reaches past it");
    assert!(ana.is_in(&opened.access_token, just_before(end)).await);
    assert!(!ana.is_in(&opened.access_token, end).await);
    assert_eq!(store.touch(opened.access_token.at, end, 0).await.expect("the store answers"), None);
    assert_eq!(ana.status(opened.session, end).await, SessionStatus::Ended);
}

async fn a_session_is_over_once_it_was_idle_for_so_long(store: Arc<dyn Store>) {
    let ana = Person::of(&store, tenant_with("acme", |rules| rules.session_idle_s = 600), "ana").await;
    let opened = ana.enter(start()).await;
    let first = just_before(after(600));
    store.touch(opened.access_token.at, first, 0).await.expect("the store answers").expect("it is live");
    let end = first.plus_s(600);
    assert!(ana.is_in(&opened.access_token, just_before(end)).await);
    assert!(!ana.is_in(&opened.access_token, end).await);
    assert_eq!(store.touch(opened.access_token.at, end, 0).await.expect("the store answers"), None);
    assert_eq!(ana.status(opened.session, end).await, SessionStatus::Inactive);
}

async fn trust_ends_at_its_end(store: Arc<dyn Store>) {
    let ana = Person::of(&store, tenant_with("acme", |rules| (rules.trust_for_s, rules.trust_max_s) = (3_600, 5_000)), "ana").await;
    let opened = ana.enter_and_trust(start()).await;
    let (device, end) = (opened.device, after(3_600));
    assert!(ana.trusts(device, just_before(end)).await && !ana.trusts(device, end).await);
    let token = opened.device_token.expect("a token").reveal();
    let skipping = ana.evaluate(just_before(end), attempt(start()), Some(&token)).await.expect("evaluated");
    assert_eq!(skipping.judgement.reasons, [doorward_domain::Reason::TrustedDevice]);
    // What was allowed a microsecond before the end is judged again after it.
    assert_eq!(ana.complete(end, skipping.id, Completion::default()).await, Err(Refusal::MfaRequired(FactorMissing::NotVerified)));
    let expired = ana.evaluate(end, attempt(start()), Some(&token)).await.expect("evaluated");
    assert_eq!(expired.judgement.reasons, [doorward_domain::Reason::TrustExpired]);
}

async fn trust_never_outlives_the_longest_since_the_devices_own_factor(store: Arc<dyn Store>) {
    let limits = tenant_with("acme", |rules| (rules.trust_for_s, rules.trust_max_s, rules.recent_mfa_s) = (3_600, 4_000, 600));
    let ana = Person::of(&store, limits, "ana").await;
    let (here, there) = (ana.enter(start()).await, ana.enter(after(1_000)).await);
    // From there, with a fresh factor of its own: the device here passed one at the start, and that is what counts.
    let (device, session) = (here.device, there.session);
    ana.act(after(1_500), move |account, moment| {
        let caller = account.session(session)?.clone();
        account.trust(moment, Voucher::Session(&caller), device)
    })
    .await
    .expect("it passed a factor itself");
    let end = after(4_000);
    assert!(ana.trusts(device, just_before(end)).await && !ana.trusts(device, end).await);
}

/// Whoever is answered "trusted" has a trusted device: a grant that would be over as it is given is refused.
async fn trust_that_would_be_over_at_once_is_refused(store: Arc<dyn Store>) {
    let limits = tenant_with("acme", |rules| (rules.trust_for_s, rules.trust_max_s, rules.recent_mfa_s) = (60, 60, 3_600));
    let ana = Person::of(&store, limits, "ana").await;
    let here = ana.enter(start()).await;
    let there = ana.enter(after(50)).await;
    let (device, session) = (here.device, there.session);
    let from_there = move |now| {
        let ana = ana.clone();
        async move {
            let outcome = ana.act(now, move |account, moment| {
                let caller = account.session(session)?.clone();
                account.trust(moment, Voucher::Session(&caller), device)
            });
            (outcome.await.map(drop), ana.trusts(device, now).await)
        }
    };
    assert_eq!(from_there(after(60)).await, (Err(Refusal::MfaRequired(FactorMissing::NotOnThatDevice)), false));
    assert_eq!(from_there(just_before(after(60))).await, (Ok(()), true));
    // Nor is an offer made that couldn't be taken up.
    let ana = Person::known(&store, "acme", "ana");
    let stale = Factor { method: MfaMethod::Totp, verified_at: after(100) };
    let late = ana.act(after(160), move |account, moment| {
        account.sign_in_directly(moment, Attempt { factor: Some(stale), ..passed(after(160)) }, None, Completion::default())
    });
    assert!(late.await.expect("they are in").activation.is_none());
}

async fn an_offer_ends_at_its_end(store: Arc<dyn Store>) {
    let ana = Person::new(&store, "acme", "ana").await;
    let (a, b) = (ana.enter(start()).await, ana.enter(start()).await);
    let end = after(300);
    assert_eq!(activate(&ana, &a, end).await, Err(Refusal::ActivationNotFound));
    assert_eq!(activate(&ana, &b, just_before(end)).await, Ok(()));
}

/// The longest offer there can be is still at hand in its last microsecond.
async fn the_longest_offer_is_at_hand_to_its_end(store: Arc<dyn Store>) {
    let longest = tenant_with("acme", |rules| (rules.activation_ttl_s, rules.recent_mfa_s) = (3_600, 7_200));
    let ana = Person::of(&store, longest, "ana").await;
    let (a, b) = (ana.enter(start()).await, ana.enter(start()).await);
    assert_eq!(activate(&ana, &a, after(3_600)).await, Err(Refusal::ActivationNotFound));
    assert_eq!(activate(&ana, &b, just_before(after(3_600))).await, Ok(()));
}

async fn a_second_factor_is_recent_to_the_microsecond(store: Arc<dyn Store>) {
    let ana = Person::of(&store, tenant_with("acme", |rules| (rules.activation_ttl_s, rules.recent_mfa_s) = (3_600, 600)), "ana").await;
    let opened = ana.enter(start()).await;
    let too_late = Err(Refusal::MfaRequired(FactorMissing::TooLongAgo));
    assert_eq!(activate(&ana, &opened, just_after(after(600))).await, too_late);
    assert_eq!(activate(&ana, &opened, after(600)).await, Ok(()), "and the refusal left the offer open");
}

async fn a_factor_must_be_newer_than_the_last_change_of_factors(store: Arc<dyn Store>) {
    let ana = Person::new(&store, "acme", "ana").await;
    ana.act(start(), |account, _| {
        account.head.factors_changed_at = Some(after(10));
        account.head.credentials_changed_at = Some(after(10));
        Ok(())
    })
    .await
    .expect("no refusal");
    let device = ana.enter(after(20)).await.device;
    let gate = |at: Timestamp| {
        let factor = Factor { method: MfaMethod::Totp, verified_at: at };
        let ana = ana.clone();
        async move { ana.act(after(30), move |account, moment| account.gate(Voucher::Host(factor), device, moment.now)).await }
    };
    assert_eq!(gate(after(10)).await, Err(Refusal::MfaRequired(FactorMissing::BeforeChange)));
    assert_eq!(gate(just_after(after(10))).await, Ok(()));
    assert_eq!(ana.evaluate(after(30), attempt(just_before(after(10))), None).await, Err(Refusal::AuthenticationOutdated));
    assert!(ana.evaluate(after(30), attempt(after(10)), None).await.is_ok());
}

async fn a_sign_in_ends_after_ten_minutes(store: Arc<dyn Store>) {
    let ana = Person::new(&store, "acme", "ana").await;
    let end = after(600);
    for (now, open) in [(end, false), (just_before(end), true)] {
        let id = ana.evaluate(start(), attempt(start()), None).await.expect("evaluated").id;
        let completed = ana.complete(now, id, with_code()).await;
        assert_eq!(completed.is_ok(), open, "{completed:?}");
        assert!(open || completed == Err(Refusal::SignInExpired));
    }
}

async fn a_declined_offer_is_made_again_when_its_time_has_come(store: Arc<dyn Store>) {
    let ana = Person::of(&store, tenant_with("acme", |rules| rules.offer_again_after_s = 1_000), "ana").await;
    let opened = ana.enter(start()).await;
    let (offer, token) = (opened.activation.expect("an offer"), opened.device_token.expect("a token").reveal());
    ana.act(after(1), move |account, moment| account.decline(moment, &offer, None)).await.expect("declined");
    let again = after(1_001);
    assert!(ana.enter_with(just_before(again), Some(&token), Completion::default()).await.activation.is_none());
    assert!(ana.enter_with(again, Some(&token), Completion::default()).await.activation.is_some());
}

async fn an_authentication_is_recent_to_the_microsecond(store: Arc<dyn Store>) {
    let ana = Person::of(&store, tenant_with("acme", |rules| rules.recent_auth_s = 900), "ana").await;
    let session = ana.enter(start()).await.session;
    let recent = |now| {
        let ana = ana.clone();
        async move { ana.act(now, move |account, moment| account.recent_auth(account.session(session)?, moment.now)).await }
    };
    assert_eq!(recent(after(900)).await, Ok(()));
    assert_eq!(recent(just_after(after(900))).await, Err(Refusal::RecentAuthRequired));
}

/// 0 asks for no recent authentication; elsewhere neither 0 nor the far future means "for ever".
async fn the_ends_of_time_are_ends(store: Arc<dyn Store>) {
    let last = Timestamp::from_micros(i64::MAX);
    let ana = Person::new(&store, "acme", "ana").await;
    let opened = ana.enter(last.minus_s(10)).await;
    assert!(ana.is_in(&opened.access_token, just_before(last)).await);
    assert!(!ana.is_in(&opened.access_token, last).await, "the last moment there is ends what would outlive it");
    let first = Timestamp::from_micros(0);
    let opened = ana.enter(first).await;
    let absolute = first.plus_s(30 * 86_400);
    assert!(ana.is_in(&opened.access_token, first).await);
    store.touch(opened.access_token.at, after(0), 0).await.expect("the store answers");
    assert!(!ana.is_in(&opened.access_token, absolute).await);
    let trusted = ana.enter_and_trust(last.minus_s(1)).await;
    assert!(ana.trusts(trusted.device, just_before(last)).await && !ana.trusts(trusted.device, last).await);
}

/// On the leap day and over a year's end, a day is 86,400 seconds.
async fn days_are_counted_in_seconds(store: Arc<dyn Store>) {
    let ana = Person::new(&store, "acme", "ana").await;
    for (now, end) in [("2028-02-28T12:00:00Z", "2028-03-06T12:00:00Z"), ("2027-12-31T23:59:59.999999Z", "2028-01-07T23:59:59.999999Z")] {
        let (now, end) = (Timestamp::parse(now).expect("a moment"), Timestamp::parse(end).expect("a moment"));
        let opened = ana.enter(now).await;
        assert!(ana.is_in(&opened.access_token, just_before(end)).await && !ana.is_in(&opened.access_token, end).await);
    }
}

/// Reading, however often, moves no end; nor does a refused attempt.
async fn reads_and_refusals_move_no_end(store: Arc<dyn Store>) {
    let ana = Person::of(&store, tenant_with("acme", |rules| rules.session_idle_s = 600), "ana").await;
    let opened = ana.enter(start()).await;
    for second in 0..60 {
        assert!(ana.is_in(&opened.access_token, after(second * 10)).await);
        let read = ana.read(Need { session: Some(opened.session), ..Need::standing(after(second * 10)) }).await;
        assert_eq!(read.session(opened.session).expect("the session").last_activity_at, start());
        let denied = ana.act(after(second * 10), |account, moment| {
            account.sign_in_directly(moment, passed(moment.now), None, Completion::default())?;
            Err::<(), _>(Refusal::NotFound)
        });
        assert_eq!(denied.await, Err(Refusal::NotFound));
    }
    assert!(!ana.is_in(&opened.access_token, after(600)).await);
}
