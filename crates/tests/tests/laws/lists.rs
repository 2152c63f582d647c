//! Laws of lists: pages neither skip nor repeat, and each is of one moment.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use doorward_domain::{Account, Cause, SessionStatus};
use doorward_store::{Need, Page, Rows, Store};
use doorward_tests::{Person, after, attempt, start, tenant_with};
use uuid::Uuid;

doorward_tests::on_each_engine! {
    pages_neither_skip_nor_repeat_what_is_there_all_along,
    a_forgotten_device_is_in_no_page_and_a_hijacked_one_is,
    a_list_is_of_one_moment,
    a_list_sees_the_tenant_of_its_moment,
}

/// Reads a list to its end, in pages of seven, and counts how often each item came.
async fn walk(person: &Person, need: impl Fn(Page) -> Need, ids: impl Fn(&Account) -> Vec<Uuid>) -> HashMap<Uuid, usize> {
    let (mut seen, mut before) = (HashMap::new(), None);
    loop {
        let account = person.read(need(Page { before, limit: 7 })).await;
        let page = ids(&account);
        assert!(page.len() <= 7 && page.windows(2).all(|pair| pair[0] > pair[1]), "newest first, no more than asked for: {page:?}");
        assert!(page.iter().all(|id| before.is_none_or(|before| *id < before)), "a page begins after the one before it");
        let Some(last) = page.last() else { return seen };
        before = Some(*last);
        for id in page {
            *seen.entry(id).or_default() += 1;
        }
    }
}

fn devices(account: &Account) -> Vec<Uuid> {
    account.devices.iter().map(|device| device.id.0).collect()
}

fn sessions(account: &Account) -> Vec<Uuid> {
    account.sessions.iter().map(|session| session.id.0).collect()
}

fn sign_ins(account: &Account) -> Vec<Uuid> {
    account.sign_ins.iter().map(|sign_in| sign_in.id.0).collect()
}

fn events(account: &Account) -> Vec<Uuid> {
    account.events.iter().map(|event| Uuid::from_u128(u128::try_from(event.number).expect("from 1"))).collect()
}

async fn pages_neither_skip_nor_repeat_what_is_there_all_along(store: Arc<dyn Store>) {
    let roomy = tenant_with("acme", |rules| (rules.max_devices, rules.max_sessions) = (200, 1_000));
    let ana = Person::of(&store, roomy, "ana").await;
    let (mut stay, mut go) = (Vec::new(), Vec::new());
    for second in 0..40 {
        let opened = ana.enter(after(second)).await;
        let sign_in = ana.evaluate(after(second), attempt(after(second)), None).await.expect("evaluated").id;
        if second % 4 == 0 { go.push(opened.device) } else { stay.push((opened, sign_in)) }
    }
    let events_so_far = ana.standing().await.head.last_event;
    let over = Arc::new(AtomicBool::new(false));
    let writing = tokio::spawn({
        let (ana, over) = (ana.clone(), Arc::clone(&over));
        async move {
            let mut second = 100;
            while !over.load(Ordering::Relaxed) && second < 180 {
                ana.enter(after(second)).await;
                ana.evaluate(after(second), attempt(after(second)), None).await.expect("evaluated");
                if let Some(device) = go.pop() {
                    ana.act(after(second), move |account, moment| account.forget(moment, device, Cause::DeviceForgotten)).await.expect("forgotten");
                }
                second += 1;
            }
        }
    });
    for _ in 0..5 {
        let seen_devices = walk(&ana, |page| Need { devices: Rows::Page(page), ..Need::default() }, devices).await;
        let seen_sessions = walk(&ana, |page| Need { sessions: Rows::Page(page), ..Need::default() }, sessions).await;
        let seen_sign_ins = walk(&ana, |page| Need { sign_ins: Some(page), ..Need::default() }, sign_ins).await;
        let seen_events = walk(&ana, |page| Need { events: Some(page), ..Need::default() }, events).await;
        for (opened, sign_in) in &stay {
            assert_eq!(seen_devices.get(&opened.device.0), Some(&1));
            assert_eq!(seen_sessions.get(&opened.session.0), Some(&1));
            assert_eq!(seen_sign_ins.get(&sign_in.0), Some(&1));
        }
        for number in 1..=events_so_far {
            assert_eq!(seen_events.get(&Uuid::from_u128(u128::try_from(number).expect("from 1"))), Some(&1));
        }
        for seen in [&seen_devices, &seen_sessions, &seen_sign_ins, &seen_events] {
            assert!(seen.values().all(|times| *times == 1), "nothing comes twice");
        }
    }
    over.store(true, Ordering::Relaxed);
    writing.await.expect("no task fails");
}

async fn a_forgotten_device_is_in_no_page_and_a_hijacked_one_is(store: Arc<dyn Store>) {
    let ana = Person::new(&store, "acme", "ana").await;
    let (forgotten, hijacked, both) = (ana.enter(start()).await.device, ana.enter(after(1)).await.device, ana.enter(after(2)).await.device);
    ana.act(after(3), move |account, moment| {
        account.hijack(moment, hijacked)?;
        account.hijack(moment, both)?;
        account.forget(moment, both, Cause::DeviceForgotten)?;
        account.forget(moment, forgotten, Cause::DeviceForgotten)
    })
    .await
    .expect("it is done");
    let seen = walk(&ana, |page| Need { devices: Rows::Page(page), ..Need::default() }, devices).await;
    assert_eq!(seen.keys().copied().collect::<Vec<_>>(), [hijacked.0]);
}

/// A list shows one moment: while everything but one session is ended again and again, that session is live in every list.
async fn a_list_is_of_one_moment(store: Arc<dyn Store>) {
    let ana = Person::new(&store, "acme", "ana").await;
    let kept = ana.enter(start()).await.session;
    let over = Arc::new(AtomicBool::new(false));
    let ending = tokio::spawn({
        let (ana, over) = (ana.clone(), Arc::clone(&over));
        async move {
            while !over.load(Ordering::Relaxed) {
                ana.act(after(1), move |account, moment| account.end_all_sessions(moment, Some(kept), true)).await.expect("all others end");
            }
        }
    });
    let page = Page { before: None, limit: 10 };
    let needs = [
        Need { sessions: Rows::Page(page), ..Need::default() },
        Need { sessions: Rows::Page(page), devices: Rows::Standing, raises: true, ..Need::default() },
        Need { session: Some(kept), events: Some(page), ..Need::default() },
        Need { session: Some(kept), offers_since: Some(start()), ..Need::default() },
    ];
    for round in 0..400 {
        let account = ana.read(needs[round % needs.len()].clone()).await;
        let session = account.session(kept).expect("it is in the list");
        let status = session.status(account.device_of(session).expect("with its device"), &account, after(1));
        assert_eq!(status, SessionStatus::Active, "in list {round}");
        let newest = account.events.first().map_or(account.head.last_event, |event| event.number);
        assert_eq!(newest, account.head.last_event, "in list {round}");
    }
    over.store(true, Ordering::Relaxed);
    ending.await.expect("no task fails");
}

/// A list, too, judges by the tenant as it is: a fence is seen in the lists that are read after it.
async fn a_list_sees_the_tenant_of_its_moment(store: Arc<dyn Store>) {
    let ana = Person::new(&store, "acme", "ana").await;
    let session = ana.enter(start()).await.session;
    let page = Page { before: None, limit: 10 };
    for generation in 2..20 {
        doorward_tests::change_tenant(&store, doorward_tests::tenant_id("acme"), Arc::new(|tenant| tenant.sessions_gen += 1)).await.expect("the store answers");
        let account = ana.read(Need { sessions: Rows::Page(page), ..Need::default() }).await;
        assert_eq!(account.tenant.sessions_gen, generation);
        let session = account.session(session).expect("it is in the list");
        assert_eq!(session.status(account.device_of(session).expect("with its device"), &account, after(1)), SessionStatus::Ended);
    }
}
