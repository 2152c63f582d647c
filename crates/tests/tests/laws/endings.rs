//! Laws of endings: what a generation ends is over at once, and only that.

use std::sync::Arc;

use doorward_domain::{Cause, Completion, Ending, Generation, Opened, Refusal, SessionStatus, Trust};
use doorward_store::{Need, Rows, Store};
use doorward_tests::{Home, Person, after, at_once, attempt, start, tenant_id, with_code};

doorward_tests::on_each_engine! {
    ending_all_but_one_leaves_exactly_that_one,
    of_sixty_four_endings_that_each_keep_themselves_one_session_is_left_at_most,
    a_tenants_generation_ends_its_sessions_and_trust,
    an_accounts_generations_end_what_was_born_under_them,
    a_devices_generation_ends_its_sessions_and_sign_ins,
    a_session_that_opens_while_its_device_is_forgotten_doesnt_live,
    ending_again_changes_nothing,
}

async fn ending_all_but_one_leaves_exactly_that_one(store: Arc<dyn Store>) {
    let ana = Person::new(&store, "acme", "ana").await;
    let mut opened = Vec::new();
    for second in 0..50 {
        opened.push(ana.enter(after(second)).await);
    }
    let kept = opened.remove(17);
    let caller = kept.session;
    let count = ana.act(after(60), move |account, moment| account.end_all_sessions(moment, Some(caller), true)).await.expect("all but one end");
    assert_eq!((count.number, count.more), (49, false));
    assert!(ana.is_in(&kept.access_token, after(60)).await);
    for other in &opened {
        assert!(!ana.is_in(&other.access_token, after(60)).await);
        assert_eq!(store.touch(other.access_token.at, after(600), 0).await.expect("the store answers"), None);
        assert_eq!(ana.status(other.session, after(60)).await, SessionStatus::Ended);
    }
    let account = ana.standing().await;
    assert_eq!(account.sessions.iter().map(|session| session.id).collect::<Vec<_>>(), [kept.session]);
}

async fn of_sixty_four_endings_that_each_keep_themselves_one_session_is_left_at_most(store: Arc<dyn Store>) {
    let ana = Person::new(&store, "acme", "ana").await;
    let mut opened: Vec<Opened> = Vec::new();
    for _ in 0..64 {
        opened.push(ana.enter(start()).await);
    }
    let outcomes = at_once(64, |number| {
        let (ana, token) = (ana.clone(), opened[number].access_token.clone());
        async move {
            ana.act(after(1), move |account, moment| {
                let caller = account.caller(moment, &token)?.id;
                account.end_all_sessions(moment, Some(caller), true)
            })
            .await
        }
    })
    .await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "the first ended the callers of the others");
    assert!(outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).all(|refusal| matches!(refusal, Refusal::Unauthenticated | Refusal::WrongSecret(_))));
    let mut left = 0;
    for session in &opened {
        left += usize::from(ana.is_in(&session.access_token, after(1)).await);
    }
    assert_eq!(left, 1);
}

async fn a_tenants_generation_ends_its_sessions_and_trust((store, home): (Arc<dyn Store>, Arc<Home>)) {
    let (ana, eve) = (Person::new(&store, "acme", "ana").await, Person::new(&store, "other", "ana").await);
    let (hers, elsewhere) = (ana.enter_and_trust(start()).await, eve.enter_and_trust(start()).await);
    let token = hers.device_token.as_ref().expect("a new device has a token").reveal();
    let pending = ana.evaluate(after(1), attempt(after(1)), Some(&token)).await.expect("evaluated").id;
    let offered = ana.enter(after(1)).await.activation.expect("an offer");
    let fence = Arc::new(|tenant: &mut doorward_domain::Tenant| {
        tenant.sessions_gen += 1;
        tenant.trust_gen += 1;
        tenant.fenced_at = Some(after(2));
    });
    assert!(doorward_tests::change_tenant(&store, tenant_id("acme"), fence).await.expect("the store answers"));
    // The same again once the store was closed and opened.
    for reopened in [false, true] {
        let store = if reopened { home.reopen(&store).await } else { Arc::clone(&store) };
        let (ana, eve) = (Person::known(&store, "acme", "ana"), Person::known(&store, "other", "ana"));
        assert!(!ana.is_in(&hers.access_token, after(3)).await);
        assert!(!ana.trusts(hers.device, after(3)).await);
        assert_eq!(store.touch(hers.access_token.at, after(600), 0).await.expect("the store answers"), None);
        let account = ana.read(Need { device: Some(hers.device), session: Some(hers.session), ..Need::default() }).await;
        let (device, session) = (account.device(hers.device).expect("the device"), account.session(hers.session).expect("the session"));
        assert_eq!(device.trust(&account, after(3)), Trust::Ended(Ending { at: after(2), cause: Cause::TenantFenced }));
        assert_eq!(session.ending(device, &account, after(3)).map(|ending| ending.cause), Some(Cause::TenantFenced));
        assert_eq!(ana.complete(after(3), pending, with_code()).await, Err(Refusal::SignInCancelled));
        let offered = offered.clone();
        let activated = ana.act(after(3), move |account, moment| account.activate(moment, &offered, None, None).map(drop)).await;
        assert_eq!(activated, Err(Refusal::ActivationNotFound));
        assert!(eve.is_in(&elsewhere.access_token, after(3)).await && eve.trusts(elsewhere.device, after(3)).await, "the other tenant's stay");
    }
}

async fn an_accounts_generations_end_what_was_born_under_them(store: Arc<dyn Store>) {
    let (ana, ben) = (Person::new(&store, "acme", "ana").await, Person::new(&store, "acme", "ben").await);
    let (here, there) = (ana.enter_and_trust(start()).await, ana.enter_and_trust(after(1)).await);
    let his = ben.enter_and_trust(start()).await;
    let caller = here.session;
    ana.act(after(2), move |account, moment| account.end_all_sessions(moment, Some(caller), false)).await.expect("all end");
    for opened in [&here, &there] {
        assert!(!ana.is_in(&opened.access_token, after(2)).await);
    }
    assert!(ana.trusts(here.device, after(2)).await, "but on the caller's own device");
    assert!(!ana.trusts(there.device, after(2)).await);
    assert!(ben.is_in(&his.access_token, after(2)).await && ben.trusts(his.device, after(2)).await);
    let account = ana.standing().await;
    assert_eq!((account.head.sessions_gen, account.head.trust_gen), (2, 2));
    assert_eq!(account.raises.iter().filter(|raise| raise.of == Generation::Sessions && raise.ending.cause == Cause::SignedOutEverywhere).count(), 1);
    let listed = ana.read(Need { session: Some(there.session), raises: true, ..Need::default() }).await;
    let session = listed.session(there.session).expect("it stays in the list");
    let ending = session.ending(listed.device_of(session).expect("its device"), &listed, after(99)).expect("it ended");
    assert_eq!((ending.cause, ending.at), (Cause::SignedOutEverywhere, after(2)), "and the list says when and why");
}

async fn a_devices_generation_ends_its_sessions_and_sign_ins(store: Arc<dyn Store>) {
    let ana = Person::new(&store, "acme", "ana").await;
    let (here, there) = (ana.enter_and_trust(start()).await, ana.enter(start()).await);
    let token = here.device_token.as_ref().expect("a new device has a token").reveal();
    let again = ana.enter_with(after(1), Some(&token), Completion::default()).await;
    let pending = ana.evaluate(after(1), attempt(after(1)), Some(&token)).await.expect("evaluated").id;
    let device = here.device;
    let count = ana.act(after(2), move |account, moment| account.sign_out_device(moment, device)).await.expect("signed out");
    assert_eq!(count.number, 2);
    assert!(!ana.is_in(&here.access_token, after(2)).await && !ana.is_in(&again.access_token, after(2)).await);
    assert!(ana.is_in(&there.access_token, after(2)).await);
    assert!(ana.trusts(device, after(2)).await, "its trust stays");
    assert_eq!(ana.complete(after(3), pending, with_code()).await, Err(Refusal::SignInCancelled), "what was in progress there is over too");
}

/// Forgetting a device while sign-ins on it complete: once it is acknowledged none of its sessions lives.
async fn a_session_that_opens_while_its_device_is_forgotten_doesnt_live(store: Arc<dyn Store>) {
    let ana = Person::new(&store, "acme", "ana").await;
    for round in 0..4 {
        let now = after(round * 10);
        let opened = ana.enter_and_trust(now).await;
        let (device, token) = (opened.device, opened.device_token.expect("a new device has a token").reveal());
        let mut sign_ins = Vec::new();
        for _ in 0..16 {
            sign_ins.push(ana.evaluate(now, attempt(now), Some(&token)).await.expect("evaluated").id);
        }
        at_once(17, |number| {
            let (ana, id) = (ana.clone(), sign_ins.get(number).copied());
            async move {
                match id {
                    Some(id) => drop(ana.complete(now, id, Completion::default()).await),
                    None => drop(ana.act(now, move |account, moment| account.forget(moment, device, Cause::DeviceForgotten)).await.expect("forgotten")),
                }
            }
        })
        .await;
        let account = ana.read(Need { devices: Rows::Standing, sessions: Rows::Standing, device: Some(device), ..Need::default() }).await;
        assert_eq!(account.live_sessions(now).filter(|session| session.device == device).count(), 0);
        assert!(!ana.trusts(device, now).await);
    }
}

async fn ending_again_changes_nothing((store, home): (Arc<dyn Store>, Arc<Home>)) {
    let ana = Person::new(&store, "acme", "ana").await;
    let (a, b) = (ana.enter_and_trust(start()).await, ana.enter_and_trust(start()).await);
    let twice = |now| {
        let (ana, a, b) = (ana.clone(), a.clone(), b.clone());
        async move {
            ana.act_needing(Need::standing(now).with_session(a.session), now, move |account, moment| {
                account.end_session(moment, a.session, Cause::SignedOut)?;
                account.untrust(moment, a.device, None, true)?;
                account.hijack(moment, b.device)
            })
            .await
            .map(|count| count.number)
        }
    };
    assert_eq!(twice(after(1)).await, Ok(1));
    let before = home.rows().await;
    assert_eq!(twice(after(2)).await, Ok(0));
    assert_eq!(home.rows().await, before);
}
