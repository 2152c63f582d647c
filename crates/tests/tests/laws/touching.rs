//! Laws of signs of life: a touch keeps alive what lives; it revives nothing, and never takes time back.

use std::sync::Arc;

use doorward_domain::{Account, Cause, Factor, MfaMethod, Moment, Opened, Refusal, SessionStatus};
use doorward_store::Store;
use doorward_tests::{Home, Person, after, at_once, just_before, start, tenant_with};

doorward_tests::on_each_engine! {
    a_touch_revives_nothing_that_was_ended,
    a_touch_revives_nothing_that_lapsed,
    a_touch_revives_nothing_of_a_fenced_tenant,
    heartbeats_that_race_an_ending_lose,
    activity_never_goes_back,
    a_rule_takes_back_no_activity_that_was_noted_beside_it,
    a_touch_is_noted_at_most_once_in_so_many_seconds,
    a_touch_keeps_a_session_alive_and_no_other,
}

type Rule = Box<dyn Fn(&mut Account, &mut Moment<'_>) -> Result<(), Refusal> + Send + Sync>;

/// Everything that a person or an operator can do to end a session.
fn endings(opened: &Opened) -> Vec<(&'static str, Rule)> {
    let (session, device) = (opened.session, opened.device);
    vec![
        ("signed out", Box::new(move |account, moment| account.end_session(moment, session, Cause::SignedOut))),
        ("device signed out", Box::new(move |account, moment| account.sign_out_device(moment, device).map(drop))),
        ("untrusted with its sessions", Box::new(move |account, moment| account.untrust(moment, device, None, true))),
        ("hijacked", Box::new(move |account, moment| account.hijack(moment, device).map(drop))),
        ("forgotten", Box::new(move |account, moment| account.forget(moment, device, Cause::DeviceForgotten).map(drop))),
        (
            "hijacked and forgotten",
            Box::new(move |account, moment| {
                account.hijack(moment, device)?;
                account.forget(moment, device, Cause::DeviceForgotten).map(drop)
            }),
        ),
        (
            "hijacked and released",
            Box::new(move |account, moment| {
                account.hijack(moment, device)?;
                account.release(moment, device)
            }),
        ),
        ("signed out everywhere", Box::new(|account, moment| account.end_all_sessions(moment, None, false).map(drop))),
    ]
}

async fn touch(store: &Arc<dyn Store>, opened: &Opened, second: u32) -> Option<Arc<Account>> {
    store.touch(opened.access_token.at, after(second), 0).await.expect("the store answers")
}

async fn a_touch_revives_nothing_that_was_ended((store, home): (Arc<dyn Store>, Arc<Home>)) {
    for at in 0..8 {
        let ana = Person::new(&store, "acme", &format!("user-{at}")).await;
        let opened = ana.enter_and_trust(start()).await;
        let (name, rule) = endings(&opened).remove(at);
        ana.act(after(1), rule).await.expect("it is ended");
        let before = home.rows().await;
        for second in [1, 2, 600] {
            assert!(touch(&store, &opened, second).await.is_none(), "{name}");
        }
        assert_eq!(home.rows().await, before, "{name}");
        assert!(!ana.is_in(&opened.access_token, after(1)).await, "{name}");
    }
}

async fn a_touch_revives_nothing_that_lapsed((store, home): (Arc<dyn Store>, Arc<Home>)) {
    let limits = tenant_with("acme", |rules| (rules.session_idle_s, rules.session_absolute_s) = (600, 900));
    let ana = Person::of(&store, limits, "ana").await;
    let (idle, expired) = (ana.enter(start()).await, ana.enter(start()).await);
    touch(&store, &expired, 599).await.expect("it is live");
    let before = home.rows().await;
    assert!(touch(&store, &idle, 600).await.is_none() && touch(&store, &idle, 601).await.is_none());
    assert!(touch(&store, &expired, 900).await.is_none());
    assert_eq!(home.rows().await, before);
    assert_eq!(ana.status(idle.session, after(601)).await, SessionStatus::Inactive);
}

async fn a_touch_revives_nothing_of_a_fenced_tenant((store, home): (Arc<dyn Store>, Arc<Home>)) {
    let ana = Person::new(&store, "acme", "ana").await;
    let opened = ana.enter(start()).await;
    doorward_tests::change_tenant(&store, doorward_tests::tenant_id("acme"), Arc::new(|tenant| tenant.sessions_gen += 1)).await.expect("the store answers");
    let before = home.rows().await;
    assert!(touch(&store, &opened, 60).await.is_none());
    assert_eq!(home.rows().await, before);
    // Its generation taken back by a mistake of somebody's would be another matter; a later one doesn't help either.
    doorward_tests::change_tenant(&store, doorward_tests::tenant_id("acme"), Arc::new(|tenant| tenant.sessions_gen += 1)).await.expect("the store answers");
    assert!(touch(&store, &opened, 60).await.is_none());
}

/// Sixteen heartbeats race with each ending; once that is acknowledged, no heartbeat is answered, and the session stays over.
async fn heartbeats_that_race_an_ending_lose(store: Arc<dyn Store>) {
    for at in 0..8 {
        let ana = Person::new(&store, "acme", &format!("user-{at}")).await;
        let opened = ana.enter(start()).await;
        at_once(17, |number| {
            let (store, ana, opened) = (Arc::clone(&store), ana.clone(), opened.clone());
            async move {
                if number == 8 {
                    let (name, rule) = endings(&opened).remove(at);
                    ana.act(after(1), rule).await.expect("it is ended");
                    assert!(touch(&store, &opened, 600).await.is_none(), "{name}");
                    assert!(!ana.is_in(&opened.access_token, after(1)).await, "{name}");
                } else {
                    for second in 1..20 {
                        touch(&store, &opened, second).await;
                    }
                }
            }
        })
        .await;
        assert!(!ana.is_in(&opened.access_token, after(1)).await);
        assert_ne!(ana.status(opened.session, after(1)).await, SessionStatus::Active);
    }
}

async fn activity_never_goes_back(store: Arc<dyn Store>) {
    let ana = Person::new(&store, "acme", "ana").await;
    let opened = ana.enter(start()).await;
    let last = |account: &Account| account.session(opened.session).expect("the session").last_activity_at;
    for (second, expected) in [(100, 100), (50, 100), (99, 100), (101, 101), (0, 101)] {
        let account = touch(&store, &opened, second).await.expect("it is live");
        assert_eq!(last(&account), after(expected), "what it answers is what is there");
        assert_eq!(last(&*ana.standing().await), after(expected));
    }
    at_once(64, |number| {
        let (store, opened) = (Arc::clone(&store), opened.clone());
        async move { touch(&store, &opened, 200 + u32::try_from(number * 37 % 64).expect("few")).await.expect("it is live") }
    })
    .await;
    assert_eq!(last(&*ana.standing().await), after(263));
}

async fn a_rule_takes_back_no_activity_that_was_noted_beside_it(store: Arc<dyn Store>) {
    let ana = Person::new(&store, "acme", "ana").await;
    let opened = ana.enter(start()).await;
    for round in 0..16_u32 {
        let (early, late) = (round * 100 + 10, round * 100 + 90);
        at_once(2, |number| {
            let (store, ana, opened) = (Arc::clone(&store), ana.clone(), opened.clone());
            async move {
                if number == 0 {
                    touch(&store, &opened, late).await.expect("it is live");
                } else {
                    let (session, factor) = (opened.session, Factor { method: MfaMethod::Totp, verified_at: after(early) });
                    ana.act(after(early), move |account, moment| account.step_up(moment, session, factor)).await.expect("stepped up");
                }
            }
        })
        .await;
        assert_eq!(ana.standing().await.session(opened.session).expect("the session").last_activity_at, after(late), "round {round}");
    }
}

async fn a_touch_is_noted_at_most_once_in_so_many_seconds((store, home): (Arc<dyn Store>, Arc<Home>)) {
    let ana = Person::new(&store, "acme", "ana").await;
    let opened = ana.enter(start()).await;
    let throttled = |at| {
        let store = Arc::clone(&store);
        async move { store.touch(opened.access_token.at, at, 60).await.expect("the store answers").expect("it is live") }
    };
    let before = home.rows().await;
    let account = throttled(just_before(after(60))).await;
    assert_eq!(account.session(opened.session).expect("the session").last_activity_at, start());
    assert_eq!(home.rows().await, before, "nothing is written");
    let account = throttled(after(60)).await;
    assert_eq!(account.session(opened.session).expect("the session").last_activity_at, after(60));
    let changed: Vec<_> = home.rows().await.into_iter().filter(|row| !before.contains(row)).collect();
    assert!(changed.len() == 1 && changed[0].starts_with("activity:"), "one narrow row: {changed:?}");
}

async fn a_touch_keeps_a_session_alive_and_no_other(store: Arc<dyn Store>) {
    let ana = Person::of(&store, tenant_with("acme", |rules| rules.session_idle_s = 600), "ana").await;
    let (kept, left) = (ana.enter(start()).await, ana.enter(start()).await);
    for round in 1..10 {
        touch(&store, &kept, round * 500).await.expect("it is kept alive");
    }
    assert!(ana.is_in(&kept.access_token, after(4_600)).await);
    assert!(!ana.is_in(&left.access_token, after(600)).await);
}
