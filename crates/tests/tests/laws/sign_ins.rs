//! Laws of sign-ins: appended without a lock, found by their id alone, completed once.

use std::sync::Arc;

use doorward_domain::{Cause, Completion, Decision, OPEN_SIGN_INS, Refusal, SignIn, SignInState};
use doorward_store::{Need, Page, Store, StoreError};
use doorward_tests::{Home, Person, after, at_once, attempt, start, with_code};

doorward_tests::on_each_engine! {
    one_of_sixty_four_completions_wins,
    an_appended_sign_in_is_found_by_its_id_alone,
    a_sign_in_is_appended_once,
    sixty_four_appends_at_once_are_all_there,
    a_hundred_newer_open_sign_ins_cancel_an_older_one,
    a_sign_in_is_cancelled_by_what_ends_everything,
    completion_judges_again_what_was_evaluated,
    a_completion_that_races_a_sign_out_everywhere_doesnt_outlive_it,
}

async fn one_of_sixty_four_completions_wins(store: Arc<dyn Store>) {
    let ana = Person::new(&store, "acme", "ana").await;
    let sign_in = ana.evaluate(start(), attempt(start()), None).await.expect("evaluated").id;
    let outcomes = at_once(64, |_| {
        let ana = ana.clone();
        async move { ana.complete(after(1), sign_in, with_code()).await }
    })
    .await;
    let won: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().ok()).collect();
    assert_eq!(won.len(), 1);
    assert!(outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).all(|refusal| *refusal == Refusal::SignInCompleted));
    let account = ana.read(Need::standing(after(1)).with_sign_in(sign_in)).await;
    assert_eq!((account.devices.len(), account.sessions.len()), (1, 1), "one session, one device");
    assert_eq!((account.sign_ins[0].state, account.sign_ins[0].session), (SignInState::Completed, Some(won[0].session)));
    assert!(ana.is_in(&won[0].access_token, after(1)).await);
}

async fn an_appended_sign_in_is_found_by_its_id_alone(store: Arc<dyn Store>) {
    let (ana, ben) = (Person::new(&store, "acme", "ana").await, Person::new(&store, "acme", "ben").await);
    let sign_in = ana.evaluate(start(), attempt(start()), None).await.expect("evaluated");
    let key = store.account_of(sign_in.id).await.expect("the store answers").expect("the account");
    let found = store.account(key, Need::default().with_sign_in(sign_in.id)).await.expect("the store answers").expect("the account");
    assert_eq!(found.head.user.as_str(), "ana");
    assert_eq!(found.sign_ins, std::slice::from_ref(&sign_in));
    // Ben's account has no such sign-in, though he may guess its id.
    assert_eq!(ben.complete(after(1), sign_in.id, with_code()).await, Err(Refusal::NotFound));
}

async fn a_sign_in_is_appended_once((store, home): (Arc<dyn Store>, Arc<Home>)) {
    let ana = Person::new(&store, "acme", "ana").await;
    let sign_in = ana.evaluate(start(), attempt(start()), None).await.expect("evaluated");
    let head = ana.standing().await.head.clone();
    let before = home.rows().await;
    let again = SignIn { state: SignInState::Completed, ..sign_in };
    assert!(matches!(store.append(&head, again).await, Err(StoreError::Exists)));
    assert_eq!(home.rows().await, before);
}

async fn sixty_four_appends_at_once_are_all_there(store: Arc<dyn Store>) {
    let ana = Person::new(&store, "acme", "ana").await;
    let mut appended = at_once(64, |_| {
        let ana = ana.clone();
        async move { ana.evaluate(start(), attempt(start()), None).await.expect("evaluated").id }
    })
    .await;
    let page = Some(Page { before: None, limit: 100 });
    let listed: Vec<_> = ana.read(Need { sign_ins: page, ..Need::default() }).await.sign_ins.iter().map(|sign_in| sign_in.id).collect();
    appended.sort_unstable_by(|a, b| b.cmp(a));
    assert_eq!(listed, appended, "newest first, none missing");
}

/// The hundred newest open ones can be completed; the next oldest is cancelled, and completed ones don't count.
async fn a_hundred_newer_open_sign_ins_cancel_an_older_one(store: Arc<dyn Store>) {
    let ana = Person::new(&store, "acme", "ana").await;
    let mut sign_ins = Vec::new();
    for second in 0..u32::try_from(OPEN_SIGN_INS).expect("few") + 2 {
        sign_ins.push(ana.evaluate(after(second), attempt(after(second)), None).await.expect("evaluated").id);
    }
    let newer = |at: usize| {
        let (ana, id) = (ana.clone(), sign_ins[at]);
        async move { ana.read(Need::default().with_sign_in(id)).await.newer_sign_ins }
    };
    let last = sign_ins.len() - 1;
    assert_eq!((newer(last).await, newer(last - 1).await, newer(2).await, newer(1).await, newer(0).await), (0, 1, 99, 100, 100));
    let now = after(110);
    assert_eq!(ana.complete(now, sign_ins[0], with_code()).await, Err(Refusal::SignInCancelled));
    assert_eq!(ana.complete(now, sign_ins[1], with_code()).await, Err(Refusal::SignInCancelled));
    ana.complete(now, sign_ins[2], with_code()).await.expect("the hundredth newest is open");
    // One fewer is open now, so the one before it may be completed too.
    assert_eq!(newer(1).await, 99);
    ana.complete(now, sign_ins[1], with_code()).await.expect("it has 99 newer ones");
}

async fn a_sign_in_is_cancelled_by_what_ends_everything(store: Arc<dyn Store>) {
    let ana = Person::new(&store, "acme", "ana").await;
    let sign_in = ana.evaluate(start(), attempt(start()), None).await.expect("evaluated").id;
    ana.act(after(1), |account, moment| account.end_all_sessions(moment, None, false)).await.expect("all end");
    assert_eq!(ana.complete(after(2), sign_in, with_code()).await, Err(Refusal::SignInCancelled));
    let sign_in = ana.evaluate(after(3), attempt(after(3)), None).await.expect("evaluated").id;
    doorward_tests::change_tenant(&store, doorward_tests::tenant_id("acme"), Arc::new(|tenant| tenant.sessions_gen += 1)).await.expect("the store answers");
    assert_eq!(ana.complete(after(4), sign_in, with_code()).await, Err(Refusal::SignInCancelled));
}

/// An `allow` of a trusted device whose trust has gone meanwhile asks for the second factor after all, and stays open.
async fn completion_judges_again_what_was_evaluated(store: Arc<dyn Store>) {
    let ana = Person::new(&store, "acme", "ana").await;
    let opened = ana.enter_and_trust(start()).await;
    let token = opened.device_token.expect("a new device has a token").reveal();
    let sign_in = ana.evaluate(after(60), attempt(after(60)), Some(&token)).await.expect("evaluated");
    assert_eq!(sign_in.judgement.decision, Decision::Allow);
    let device = opened.device;
    ana.act(after(61), move |account, moment| account.untrust(moment, device, None, false)).await.expect("untrusted");
    let refused = ana.complete(after(62), sign_in.id, Completion::default()).await;
    assert!(matches!(refused, Err(Refusal::MfaRequired(_))), "{refused:?}");
    let completed = ana.complete(after(63), sign_in.id, with_code()).await.expect("it stayed open");
    assert_eq!(completed.device, device, "the token still identifies the device");

    let sign_in = ana.evaluate(after(70), attempt(after(70)), Some(&token)).await.expect("evaluated").id;
    ana.act(after(71), move |account, moment| account.hijack(moment, device)).await.expect("reported");
    assert!(matches!(ana.complete(after(72), sign_in, with_code()).await, Err(Refusal::SignInDenied(_))));

    let fresh = ana.enter(after(80)).await;
    let token = fresh.device_token.expect("a new device has a token").reveal();
    let sign_in = ana.evaluate(after(81), attempt(after(81)), Some(&token)).await.expect("evaluated").id;
    ana.act(after(82), move |account, moment| account.forget(moment, fresh.device, Cause::DeviceForgotten)).await.expect("forgotten");
    let completed = ana.complete(after(83), sign_in, with_code()).await.expect("as an unknown device");
    assert_ne!(completed.device, fresh.device, "a forgotten device doesn't come back");
}

/// However many completions race with a sign-out everywhere, the sessions that are live after it began after it.
async fn a_completion_that_races_a_sign_out_everywhere_doesnt_outlive_it(store: Arc<dyn Store>) {
    let ana = Person::new(&store, "acme", "ana").await;
    let mut sign_ins = Vec::new();
    for _ in 0..32 {
        sign_ins.push(ana.evaluate(start(), attempt(start()), None).await.expect("evaluated").id);
    }
    let outcomes = at_once(33, |number| {
        let (ana, id) = (ana.clone(), sign_ins.get(number).copied());
        async move {
            match id {
                Some(id) => ana.complete(after(1), id, with_code()).await.map(Some),
                None => ana.act(after(1), |account, moment| account.end_all_sessions(moment, None, false)).await.map(|_| None),
            }
        }
    })
    .await;
    assert_eq!(outcomes[32], Ok(None));
    for outcome in &outcomes[..32] {
        match outcome {
            Ok(opened) => assert!(!ana.is_in(&opened.as_ref().expect("a session").access_token, after(1)).await, "it began before, so it is over"),
            Err(refusal) => assert_eq!(*refusal, Refusal::SignInCancelled),
        }
    }
}
