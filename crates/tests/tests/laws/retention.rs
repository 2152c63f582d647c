//! Retention: what is old goes in small batches, what still counts stays, and a stop in the middle harms nothing.

use std::sync::Arc;

use doorward_domain::{Account, Applied, Pruned, Report, SecurityEvent, Timestamp};
use doorward_store::{Kept, Need, Old, Rows, Store};
use doorward_tests::{Home, Person, after, attempt, mint, moment_with, start};
use uuid::Uuid;

doorward_tests::on_each_engine! {
    batches_are_bounded_and_a_stop_in_the_middle_is_harmless,
    memory_and_file_tell_the_same_after_pruning,
    what_is_young_or_still_counts_stays,
    what_goes_by_age_goes_in_batches_and_no_younger,
    a_sign_in_added_while_its_person_was_erased_goes,
    the_walk_meets_every_account_once,
}

const DAY: u32 = 86_400;

fn day(number: u32) -> Timestamp {
    start().plus_s(number * DAY)
}

/// One stretch of an account, as the walk takes it; what it took, and where the next begins.
async fn stretch(person: &Person, after: Uuid, limit: u16, now: Timestamp) -> (Pruned, Uuid) {
    let need = Need { kept: Some(Kept { after, limit }), ..Need::default() };
    let seen = person.read(need.clone()).await;
    let ids = seen.sign_ins.iter().map(|row| row.id.0).chain(seen.sessions.iter().map(|row| row.id.0)).chain(seen.devices.iter().map(|row| row.id.0));
    let last = ids.min().unwrap_or(Uuid::max());
    let pruned = person.store.prune_by(person.key.clone(), need, move |account| account.prune(now)).await.expect("the store answers");
    (pruned.expect("there is an account"), last)
}

async fn count(home: &Home, table: &str) -> usize {
    home.rows().await.iter().filter(|row| row.starts_with(&format!("{table}: "))).count()
}

/// Thirty sessions of long ago on devices of their own, as many sign-ins, and one session of now.
async fn a_long_life(store: &Arc<dyn Store>) -> (Person, doorward_domain::AccessToken) {
    let ana = Person::new(store, "acme", "ana").await;
    for second in 0..30 {
        ana.enter(after(second)).await;
        ana.evaluate(after(second), attempt(after(second)), None).await.expect("evaluated");
    }
    let live = ana.enter(day(400)).await.access_token;
    (ana, live)
}

async fn batches_are_bounded_and_a_stop_in_the_middle_is_harmless((store, home): (Arc<dyn Store>, Arc<Home>)) {
    let (mut ana, live) = a_long_life(&store).await;
    let now = day(400).plus_s(60);
    let (mut store, mut from, mut deleted) = (store, Uuid::nil(), 0);
    for round in 0..60 {
        let before = home.rows().await.len();
        let (pruned, last) = stretch(&ana, from, 4, now).await;
        // An activity goes with its session.
        assert!(pruned.deleted <= 3 * 4 && before - home.rows().await.len() <= pruned.deleted + 4, "round {round}");
        deleted += pruned.deleted;
        if pruned.deleted == 0 && last == Uuid::max() {
            break;
        }
        if pruned.deleted == 0 {
            from = last;
        }
        if round % 7 == 3 {
            // Stopped here, and begun anew.
            store = home.reopen(&store).await;
            (ana, from) = (Person::known(&store, "acme", "ana"), Uuid::nil());
        }
        assert!(ana.is_in(&live, now).await, "round {round}");
    }
    // Thirty sign-ins that were only evaluated; those of sessions opened directly leave none.
    assert_eq!((count(&home, "sign_in").await, count(&home, "session").await), (0, 1));
    assert!(deleted >= 60, "{deleted}");
    assert_eq!(count(&home, "device").await, 31, "devices stay until they are forgotten");
}

async fn memory_and_file_tell_the_same_after_pruning((store, home): (Arc<dyn Store>, Arc<Home>)) {
    let (ana, live) = a_long_life(&store).await;
    let now = day(400).plus_s(60);
    let forgotten = ana.standing().await.devices[0].id;
    ana.act(day(1), move |account, moment| account.forget(moment, forgotten, doorward_domain::Cause::DeviceForgotten)).await.expect("forgotten");
    let pruned = stretch(&ana, Uuid::nil(), 1_000, now).await.0;
    assert!(pruned.deleted >= 60 && pruned.blanked >= 30, "{pruned:?}");
    let need = Need { husks: Some(10), ..Need::default() };
    let gone = ana.store.prune_by(ana.key.clone(), need, move |account| account.prune_forgotten(now)).await.expect("the store answers");
    assert_eq!(gone.expect("there is an account").deleted, 1);
    let in_memory = ana.standing().await;
    let store = home.reopen(&store).await;
    let in_file = Person::known(&store, "acme", "ana").standing().await;
    assert_eq!(in_memory, in_file);
    assert!(in_file.devices.iter().all(|device| device.id != forgotten));
    assert!(ana.key == Person::known(&store, "acme", "ana").key && Person::known(&store, "acme", "ana").is_in(&live, now).await);
}

async fn what_is_young_or_still_counts_stays((store, home): (Arc<dyn Store>, Arc<Home>)) {
    let ana = Person::new(&store, "acme", "ana").await;
    let (kept, hijacked, live) = (ana.enter_and_trust(start()).await, ana.enter(start()).await, ana.enter(start()).await);
    ana.evaluate(start(), attempt(start()), None).await.expect("evaluated");
    let target = hijacked.device;
    let report = move |account: &mut Account, moment: &mut doorward_domain::Moment<'_>| {
        account.hijack(moment, target)?;
        account.forget(moment, target, doorward_domain::Cause::DeviceForgotten)
    };
    ana.act(after(1), report).await.expect("reported and forgotten");
    // The day before any of it may go.
    let but_offers = async || home.rows().await.into_iter().filter(|row| !row.starts_with("offer: ")).collect::<Vec<_>>();
    let rows = but_offers().await;
    assert_eq!(stretch(&ana, Uuid::nil(), 100, day(89)).await.0.blanked, 0);
    assert_eq!(but_offers().await, rows, "an offer is kept for a day");
    assert!(ana.is_in(&live.access_token, after(2)).await && ana.trusts(kept.device, day(29)).await);
    // Long after, the hijacked device is still there to deny, and has no face.
    stretch(&ana, Uuid::nil(), 100, day(1_000)).await;
    let need = Need { husks: Some(10), ..Need::default() };
    store.prune_by(ana.key.clone(), need, move |account| account.prune_forgotten(day(1_000))).await.expect("the store answers");
    let left = ana.read(Need { device: Some(target), ..Need::default() }).await;
    let device = left.devices.iter().find(|device| device.id == target).expect("it is there");
    assert!(!device.tokens.are_retired() && device.hijacked_at.is_some());
    assert!(device.seen.user_agent.is_empty() && device.seen.ip.is_unspecified() && device.name.is_none());
    let token = hijacked.device_token.as_ref().map(|token| token.reveal());
    let judged = ana.evaluate(day(1_000), attempt(day(1_000)), token.as_deref()).await.expect("evaluated");
    assert_eq!(judged.judgement.decision, doorward_domain::Decision::Deny);
}

async fn what_goes_by_age_goes_in_batches_and_no_younger((store, home): (Arc<dyn Store>, Arc<Home>)) {
    let ana = Person::new(&store, "acme", "ana").await;
    for second in 0..10 {
        let report = Report { event: SecurityEvent::EmailChanged, keep: None, rotate_kept: false, event_id: Some(format!("evt-{second}")) };
        let applied = ana.act(after(second), move |account, moment| account.apply(moment, &report)).await;
        assert!(matches!(applied, Ok(Applied { .. })));
        let gone = Person::new(&store, if second < 5 { "acme" } else { "globex" }, &format!("gone-{second}")).await;
        let mint = mint();
        let rule = move |account: &mut Account| Ok::<_, ()>(account.erase(&mut moment_with(after(second), mint.clone())));
        store.erase(gone.key, Need::standing(after(second)), rule).await.expect("the store answers").expect("there").expect("erased");
    }
    let prune = |of: Old, second, limit| {
        let store = Arc::clone(&store);
        async move { store.prune_old(of, after(second), limit).await.expect("the store answers") }
    };
    assert_eq!((prune(Old::Reports, 7, 5).await, prune(Old::Reports, 7, 5).await, prune(Old::Reports, 7, 5).await), (5, 2, 0));
    assert_eq!(count(&home, "reported_event").await, 3);
    let acme = Old::Tombstones(doorward_tests::tenant_id("acme"));
    assert_eq!((prune(acme.clone(), 7, 3).await, prune(acme.clone(), 7, 3).await, prune(acme, 7, 3).await), (3, 2, 0));
    assert_eq!(count(&home, "tombstone").await, 5, "another tenant keeps its own for as long as it likes");
    assert_eq!(prune(Old::Budgets, 7, 5).await, 0);
}

async fn a_sign_in_added_while_its_person_was_erased_goes((store, home): (Arc<dyn Store>, Arc<Home>)) {
    let (ana, ben) = (Person::new(&store, "acme", "ana").await, Person::new(&store, "acme", "ben").await);
    for person in [&ana, &ben] {
        person.evaluate(start(), attempt(start()), None).await.expect("evaluated");
    }
    home.tamper("CREATE TABLE aside AS SELECT * FROM sign_in").await;
    let mint = mint();
    let rule = move |account: &mut Account| Ok::<_, ()>(account.erase(&mut moment_with(after(5), mint.clone())));
    store.erase(ana.key.clone(), Need::standing(after(5)), rule).await.expect("the store answers").expect("there").expect("erased");
    home.tamper("DELETE FROM sign_in; INSERT INTO sign_in SELECT * FROM aside; DROP TABLE aside").await;
    assert_eq!(store.prune_stranded(after(6)).await.expect("the store answers"), 0, "erased before that");
    assert_eq!(store.prune_stranded(after(5)).await.expect("the store answers"), 1);
    assert_eq!(count(&home, "sign_in").await, 1, "ben's stays");
}

async fn the_walk_meets_every_account_once(store: Arc<dyn Store>) {
    let mut all = vec![];
    for number in 0..23 {
        let person = Person::new(&store, if number % 2 == 0 { "acme" } else { "globex" }, &format!("user-{number}")).await;
        let head = person.read(Need { devices: Rows::None, ..Need::default() }).await.head.clone();
        all.push((head.shard, head.id));
    }
    all.sort_unstable();
    let (mut met, mut from): (Vec<(doorward_domain::Shard, doorward_domain::AccountId)>, _) = (vec![], None);
    loop {
        let places = store.accounts(from, 5).await.expect("the store answers");
        assert!(places.len() <= 5);
        met.extend(&places);
        match places.last() {
            Some(last) => from = Some(*last),
            None => break,
        }
    }
    assert_eq!(met, all);
}
