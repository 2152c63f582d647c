//! Laws of caps: exact under any number of openings at once, and no weapon.

use std::collections::HashSet;
use std::sync::Arc;

use doorward_domain::{Account, Cause, Completion, DeviceStatus, EventKind, Opened, SessionId, Timestamp};
use doorward_store::{Need, Page, Rows, Store};
use doorward_tests::{Person, after, at_once, start, tenant_with};

doorward_tests::on_each_engine! {
    a_hundred_and_twenty_eight_openings_at_once_leave_exactly_the_cap_of_sessions,
    at_the_cap_a_new_session_ends_one_on_its_own_device_first,
    a_hundred_and_twenty_eight_new_devices_at_once_leave_exactly_the_cap_of_devices,
    at_the_cap_the_device_heard_of_least_recently_goes,
    beside_a_full_set_of_trusted_devices_one_unverified_device_fits,
    the_trusted_devices_keep_to_the_cap_too,
    a_lowered_cap_holds_from_the_next_opening_on,
    hijacked_and_forgotten_devices_live_outside_the_count,
}

const EVERYTHING: Page = Page { before: None, limit: 1_000 };

/// The lists; a session brings its device along though it is forgotten, and that one is in no list.
async fn listed(person: &Person) -> Account {
    let need = Need { devices: Rows::Page(EVERYTHING), sessions: Rows::Page(EVERYTHING), events: Some(EVERYTHING), raises: true, ..Need::default() };
    let mut account = Account::clone(&*person.read(need).await);
    account.devices.retain(|device| device.forgotten_at.is_none());
    account
}

fn live(account: &Account, now: Timestamp) -> HashSet<SessionId> {
    account.live_sessions(now).map(|session| session.id).collect()
}

async fn enter_at_once(person: &Person, number: usize, device_token: Option<String>) -> Vec<Opened> {
    at_once(number, |_| {
        let (person, token) = (person.clone(), device_token.clone());
        async move { person.enter_with(after(1), token.as_deref(), Completion::default()).await }
    })
    .await
}

async fn a_hundred_and_twenty_eight_openings_at_once_leave_exactly_the_cap_of_sessions(store: Arc<dyn Store>) {
    let ana = Person::of(&store, tenant_with("acme", |rules| rules.max_sessions = 10), "ana").await;
    let first = ana.enter(start()).await;
    let token = first.device_token.expect("a new device has a token").reveal();
    let opened = enter_at_once(&ana, 128, Some(token)).await;
    let account = listed(&ana).await;
    let live = live(&account, after(1));
    assert_eq!(live.len(), 10);
    assert_eq!(account.sessions.len(), 129, "none is lost, whatever became of it");
    assert!(opened.iter().filter(|opened| live.contains(&opened.session)).count() == 10, "the oldest ended first");
    let ended = account.sessions.iter().filter(|session| session.ended.is_some_and(|ending| ending.cause == Cause::SessionLimit)).count();
    assert_eq!(ended, 119);
    let events = account.events.iter().filter(|event| event.kind == EventKind::SessionEnded && event.cause == Some(Cause::SessionLimit)).count();
    assert_eq!(events, 119, "each of them with its event");
}

async fn at_the_cap_a_new_session_ends_one_on_its_own_device_first(store: Arc<dyn Store>) {
    let ana = Person::of(&store, tenant_with("acme", |rules| rules.max_sessions = 3), "ana").await;
    let elsewhere = ana.enter(start()).await;
    let here = ana.enter(after(1)).await;
    let token = here.device_token.as_ref().expect("a new device has a token").reveal();
    let second = ana.enter_with(after(2), Some(&token), Completion::default()).await;
    let third = ana.enter_with(after(3), Some(&token), Completion::default()).await;
    assert_eq!(live(&listed(&ana).await, after(3)), HashSet::from([elsewhere.session, second.session, third.session]), "not the older one elsewhere");
}

async fn a_hundred_and_twenty_eight_new_devices_at_once_leave_exactly_the_cap_of_devices(store: Arc<dyn Store>) {
    let ana = Person::of(&store, tenant_with("acme", |rules| rules.max_devices = 10), "ana").await;
    let trusted = [ana.enter_and_trust(start()).await, ana.enter_and_trust(start()).await, ana.enter_and_trust(start()).await];
    enter_at_once(&ana, 128, None).await;
    let account = listed(&ana).await;
    assert_eq!(account.devices.len(), 10);
    for opened in &trusted {
        let device = account.device(opened.device).expect("a trusted device never makes room for an unverified one");
        assert_eq!(device.status(&account, after(1)), DeviceStatus::Trusted);
    }
    let forgotten = account.events.iter().filter(|event| event.kind == EventKind::DeviceForgotten && event.cause == Some(Cause::DeviceLimit)).count();
    assert_eq!(forgotten, 3 + 128 - 10);
    assert_eq!(live(&account, after(1)).len(), 10, "a forgotten device's sessions are over");
}

/// The one that makes room is the one heard of least recently, and a session's sign of life is being heard of.
async fn at_the_cap_the_device_heard_of_least_recently_goes(store: Arc<dyn Store>) {
    let ana = Person::of(&store, tenant_with("acme", |rules| rules.max_devices = 3), "ana").await;
    let (a, b, c) = (ana.enter(start()).await, ana.enter(after(1)).await, ana.enter(after(2)).await);
    store.touch(a.access_token.at, after(600), 60).await.expect("the store answers").expect("it is live");
    let d = ana.enter(after(601)).await;
    let devices: HashSet<_> = listed(&ana).await.devices.iter().map(|device| device.id).collect();
    assert_eq!(devices, HashSet::from([a.device, c.device, d.device]));
    assert!(!ana.is_in(&b.access_token, after(601)).await);
}

/// Where every device is trusted, an unverified one stands beside them, and only one.
async fn beside_a_full_set_of_trusted_devices_one_unverified_device_fits(store: Arc<dyn Store>) {
    let ana = Person::of(&store, tenant_with("acme", |rules| rules.max_devices = 3), "ana").await;
    for _ in 0..3 {
        ana.enter_and_trust(start()).await;
    }
    enter_at_once(&ana, 16, None).await;
    let account = listed(&ana).await;
    let of = |status| account.devices.iter().filter(|device| device.status(&account, after(1)) == status).count();
    assert_eq!((of(DeviceStatus::Trusted), of(DeviceStatus::Unverified)), (3, 1));
}

/// A new grant at the cap of trusted devices ends the trust of the one heard of least recently; it isn't refused.
async fn the_trusted_devices_keep_to_the_cap_too(store: Arc<dyn Store>) {
    let ana = Person::of(&store, tenant_with("acme", |rules| rules.max_devices = 3), "ana").await;
    let trusted = [ana.enter_and_trust(start()).await, ana.enter_and_trust(after(1)).await, ana.enter_and_trust(after(2)).await];
    store.touch(trusted[0].access_token.at, after(600), 60).await.expect("the store answers").expect("it is live");
    let newest = ana.enter_and_trust(after(601)).await;
    let account = listed(&ana).await;
    let status = |opened: &Opened| account.device(opened.device).map(|device| device.status(&account, after(601)));
    assert_eq!(status(&newest), Ok(DeviceStatus::Trusted));
    assert_eq!(status(&trusted[1]), Ok(DeviceStatus::Unverified), "the one heard of least recently");
    assert_eq!((status(&trusted[0]), status(&trusted[2])), (Ok(DeviceStatus::Trusted), Ok(DeviceStatus::Trusted)));
}

/// A cap that was lowered is kept from the next opening on.
async fn a_lowered_cap_holds_from_the_next_opening_on(store: Arc<dyn Store>) {
    let ana = Person::of(&store, tenant_with("acme", |_| ()), "ana").await;
    for second in 0..12 {
        ana.enter_and_trust(after(second)).await;
    }
    doorward_tests::change_tenant(
        &store,
        doorward_tests::tenant_id("acme"),
        Arc::new(|tenant| {
            tenant.policy = tenant_with("acme", |rules| (rules.max_devices, rules.max_sessions) = (3, 4)).policy;
        }),
    )
    .await
    .expect("the store answers");
    let newest = ana.enter_and_trust(after(20)).await;
    let account = listed(&ana).await;
    assert_eq!(live(&account, after(20)).len(), 4);
    let trusted: Vec<_> = account.devices.iter().filter(|device| device.status(&account, after(20)) == DeviceStatus::Trusted).collect();
    assert_eq!(trusted.len(), 3);
    assert!(trusted.iter().any(|device| device.id == newest.device));
}

/// Hijacked and forgotten devices live outside the count: nobody can push a device out by reporting others.
async fn hijacked_and_forgotten_devices_live_outside_the_count(store: Arc<dyn Store>) {
    let ana = Person::of(&store, tenant_with("acme", |rules| rules.max_devices = 2), "ana").await;
    let kept = ana.enter(start()).await;
    for second in 1..10 {
        let device = ana.enter(after(second)).await.device;
        ana.act(after(second), move |account, moment| {
            if second % 2 == 0 { account.hijack(moment, device).map(drop) } else { account.forget(moment, device, Cause::DeviceForgotten).map(drop) }
        })
        .await
        .expect("it is done");
    }
    assert!(ana.is_in(&kept.access_token, after(10)).await);
    let account = listed(&ana).await;
    assert_eq!(account.devices.iter().filter(|device| device.counts()).map(|device| device.id).collect::<Vec<_>>(), [kept.device]);
}
