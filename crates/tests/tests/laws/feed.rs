//! Laws of the feed: nothing is skipped, nothing comes out of order, and whatever was altered since it was written is found.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use doorward_domain::event::About;
use doorward_domain::{Cause, EventKind, FeedEvent, FeedFault, KeyRing, Lane, Link, Moment, Refusal, Tenancy, TenantId};
use doorward_store::{Need, Store};
use doorward_tests::{Home, Person, after, at_once, feed_fault, mint, moment_with, start, tenant_id};

doorward_tests::on_each_engine! {
    a_follower_misses_nothing_of_sixteen_writers_and_sees_each_account_in_its_order,
    a_tenants_feed_holds_its_own_events_alone,
    what_writes_nothing_leaves_no_gap_in_the_feed,
    the_bell_rings_after_what_it_tells_of_can_be_read,
    erasure_leaves_the_feed_as_it_was_written_and_nobody_in_it,
    a_feed_is_compared_under_every_server_key_at_hand_and_its_order_without,
    a_deleted_event_is_found,
    a_changed_event_is_found,
    an_event_at_another_time_is_found,
    a_deleted_entry_is_found,
    entries_that_changed_places_are_found,
    an_inserted_event_is_found,
    an_inserted_entry_is_found,
    a_tail_that_was_cut_off_is_found_by_the_head,
    a_tail_that_was_cut_off_with_its_head_is_found_by_a_head_kept_elsewhere,
    another_history_is_found_by_a_head_kept_elsewhere,
    a_head_that_was_moved_is_found,
    pruning_leaves_an_anchor_from_which_the_rest_is_as_it_was_written,
    what_was_altered_is_not_pruned,
}

/// Reads on from where each lane's reader stands, until there is nothing more.
async fn follow(store: &Arc<dyn Store>, tenant: &TenantId, at: &mut BTreeMap<Lane, i64>, limit: u16) -> Vec<FeedEvent> {
    let mut read = vec![];
    loop {
        let heads = store.feed_heads(tenant.clone()).await.expect("the store answers");
        let behind = heads.iter().map(|head| (head.lane, *at.get(&head.lane).unwrap_or(&0), head.head.position));
        let behind: Vec<(Lane, i64)> = behind.filter(|(_, at, end)| at < end).map(|(lane, at, _)| (lane, at)).collect();
        if behind.is_empty() {
            return read;
        }
        let page = store.feed(tenant.clone(), behind, limit).await.expect("nothing is left out");
        for event in page {
            assert_eq!(event.position, at.get(&event.lane).unwrap_or(&0) + 1, "one after the other");
            at.insert(event.lane, event.position);
            read.push(event);
        }
    }
}

async fn all(store: &Arc<dyn Store>, tenant: &str) -> Vec<FeedEvent> {
    follow(store, &tenant_id(tenant), &mut BTreeMap::new(), 5).await
}

/// The lane of a tenant with one account.
async fn the_lane(store: &Arc<dyn Store>, tenant: &str) -> Lane {
    store.feed_heads(tenant_id(tenant)).await.expect("the store answers").remove(0).lane
}

async fn is_as_written(store: &Arc<dyn Store>, tenant: &str) {
    assert_eq!(feed_fault(store, tenant, &BTreeMap::new()).await, None);
}

/// Adds so many events to a tenant's own trail in one commit.
async fn note(store: &Arc<dyn Store>, tenant: &str, events: usize) {
    let drawn = mint();
    let rule = move |tenancy: &mut Tenancy| {
        let mut moment = moment_with(after(1), drawn.clone());
        (0..events).for_each(|_| tenancy.record(&mut moment, EventKind::TenantFenced, About::default()));
        Ok::<(), ()>(())
    };
    store.administer(tenant_id(tenant), rule).await.expect("the store answers").expect("the tenant").expect("no refusal");
}

/// Renames nothing, but says so, as often as that.
async fn say(person: &Person, events: usize) {
    let rule = move |account: &mut doorward_domain::Account, moment: &mut Moment<'_>| {
        (0..events).for_each(|at| account.record(moment, EventKind::DeviceRenamed, About::default().with("at", at)));
        Ok(())
    };
    person.act(after(1), rule).await.expect("no refusal");
}

async fn a_follower_misses_nothing_of_sixteen_writers_and_sees_each_account_in_its_order(store: Arc<dyn Store>) {
    let mut people = vec![];
    for number in 0..12 {
        people.push(Person::new(&store, "acme", &format!("user-{number}")).await);
    }
    let written = Arc::new(AtomicBool::new(false));
    let following = tokio::spawn({
        let (store, written) = (Arc::clone(&store), Arc::clone(&written));
        async move {
            let (mut at, mut read) = (BTreeMap::new(), vec![]);
            loop {
                let last = written.load(Ordering::Acquire);
                read.extend(follow(&store, &tenant_id("acme"), &mut at, 7).await);
                if last {
                    return read;
                }
            }
        }
    });
    at_once(16, |number| {
        let (store, people) = (Arc::clone(&store), people.clone());
        async move {
            for round in 0..12 {
                let person = &people[(number * 5 + round) % people.len()];
                match (number + round) % 4 {
                    0 => note(&store, "acme", 1 + round % 2).await,
                    1 => say(person, 1 + round % 3).await,
                    2 => {
                        person.enter_and_trust(start()).await;
                    }
                    _ => {
                        let opened = person.enter(start()).await;
                        person.act(after(1), move |account, moment| account.end_session(moment, opened.session, Cause::Revoked)).await.expect("it ends");
                    }
                }
            }
        }
    })
    .await;
    written.store(true, Ordering::Release);
    let followed = following.await.expect("the follower goes on");

    let mut numbers: BTreeMap<Option<String>, Vec<i64>> = BTreeMap::new();
    for event in &followed {
        numbers.entry(event.user.as_ref().map(|user| user.as_str().to_owned())).or_default().push(event.event.number);
    }
    assert_eq!(numbers.len(), 13, "twelve people and the tenant itself");
    for (whose, numbers) in &numbers {
        assert_eq!(*numbers, (1..=numbers.len()).map(|number| i64::try_from(number).expect("few")).collect::<Vec<_>>(), "{whose:?}");
    }
    for person in &people {
        let doorward_store::AccountKey::User(_, user) = &person.key else { panic!("by its name") };
        assert_eq!(numbers[&Some(user.as_str().to_owned())].len(), usize::try_from(person.standing().await.head.last_event).expect("few"));
    }
    // Whoever reads it later reads the same.
    let by_lane = |events: Vec<FeedEvent>| {
        let mut lanes: BTreeMap<Lane, Vec<FeedEvent>> = BTreeMap::new();
        events.into_iter().for_each(|event| lanes.entry(event.lane).or_default().push(event));
        lanes
    };
    assert_eq!(by_lane(all(&store, "acme").await), by_lane(followed));
    is_as_written(&store, "acme").await;
}

async fn a_tenants_feed_holds_its_own_events_alone(store: Arc<dyn Store>) {
    for tenant in ["acme", "globex"] {
        let ana = Person::new(&store, tenant, "ana").await;
        say(&ana, if tenant == "acme" { 2 } else { 5 }).await;
    }
    note(&store, "globex", 3).await;
    let (acme, globex) = (all(&store, "acme").await, all(&store, "globex").await);
    assert_eq!((acme.len(), globex.len()), (3, 9));
    assert!(globex.iter().all(|event| acme.iter().all(|other| other.event.id != event.event.id)));
    assert_eq!(all(&store, "nobody").await, vec![]);
    is_as_written(&store, "acme").await;
    is_as_written(&store, "globex").await;
}

async fn what_writes_nothing_leaves_no_gap_in_the_feed((store, home): (Arc<dyn Store>, Arc<Home>)) {
    let ana = Person::new(&store, "acme", "ana").await;
    say(&ana, 2).await;
    let before = home.rows().await;
    let refused = ana.act(after(1), |account, moment| {
        account.record(moment, EventKind::DeviceRenamed, About::default());
        Err::<(), _>(Refusal::NotFound)
    });
    refused.await.expect_err("refused");
    let panics = ana.try_act(Need::default(), after(1), |account, moment| -> Result<(), Refusal> {
        account.record(moment, EventKind::DeviceRenamed, About::default());
        panic!("on purpose")
    });
    panics.await.expect_err("a panic");
    // An event under a number that is taken: the database refuses the row, when the change is all but done.
    let taken = ana.try_act(Need::default(), after(1), |account, moment| {
        account.head.last_event = 0;
        account.record(moment, EventKind::DeviceRenamed, About::default());
        Ok(())
    });
    taken.await.expect_err("the row is there");
    assert_eq!(home.rows().await, before);
    let store = home.reopen(&store).await;
    say(&Person::known(&store, "acme", "ana"), 1).await;
    assert_eq!(all(&store, "acme").await.iter().map(|event| event.event.number).collect::<Vec<_>>(), vec![1, 2, 3, 4]);
    is_as_written(&store, "acme").await;
}

async fn the_bell_rings_after_what_it_tells_of_can_be_read(store: Arc<dyn Store>) {
    let ana = Person::new(&store, "acme", "ana").await;
    let mut bell = store.bell();
    let mut at = BTreeMap::new();
    follow(&store, &tenant_id("acme"), &mut at, 10).await;
    let waiting = tokio::spawn({
        let store = Arc::clone(&store);
        async move {
            let mut read = vec![];
            while read.is_empty() {
                bell.changed().await.expect("the store is there");
                read = follow(&store, &tenant_id("acme"), &mut at, 10).await;
            }
            read
        }
    });
    say(&ana, 1).await;
    assert_eq!(waiting.await.expect("it was woken").len(), 1);
}

async fn erasure_leaves_the_feed_as_it_was_written_and_nobody_in_it(store: Arc<dyn Store>) {
    let ana = Person::new(&store, "acme", "ana").await;
    say(&ana, 2).await;
    let before: Vec<_> = all(&store, "acme").await.into_iter().map(|event| (event.position, event.event.id)).collect();
    let drawn = mint();
    let erase = move |account: &mut doorward_domain::Account| Ok::<_, Refusal>(account.erase(&mut moment_with(after(2), drawn.clone())));
    store.erase(ana.key.clone(), Need::standing(after(2)), erase).await.expect("the store answers").expect("the account").expect("no refusal");
    let read = all(&store, "acme").await;
    assert!(read.iter().all(|event| event.user.is_none() && event.event.data.is_empty()));
    assert_eq!(read.last().map(|event| event.event.kind), Some(EventKind::AccountErased));
    assert_eq!(read.into_iter().take(3).map(|event| (event.position, event.event.id)).collect::<Vec<_>>(), before);
    is_as_written(&store, "acme").await;
}

async fn a_feed_is_compared_under_every_server_key_at_hand_and_its_order_without((store, home): (Arc<dyn Store>, Arc<Home>)) {
    Person::new(&store, "acme", "ana").await;
    store.close().await;
    let store = home.open_locked().await;
    store.unlock(Arc::new(KeyRing::new(&[[8; 32], [7; 32]])));
    say(&Person::known(&store, "acme", "ana"), 2).await;
    let lane = the_lane(&store, "acme").await;
    let check = |store: Arc<dyn Store>| async move { store.check_feed(tenant_id("acme"), lane, (Link::ORIGIN, None), 9).await.expect("the store answers") };
    let both = check(Arc::clone(&store)).await;
    assert_eq!((both.compared, both.not_compared, both.done, both.fault), (3, 0, true, None));
    store.unlock(Arc::new(KeyRing::new(&[[8; 32]])));
    let one = check(store).await;
    assert_eq!((one.compared, one.not_compared, one.done, one.fault), (2, 1, true, None));
    assert_eq!(one.link, both.link);
}

/// What is done to a feed of six entries behind the store's back, and what is found of it. Entry 4 has two events.
async fn found_after((store, home): (Arc<dyn Store>, Arc<Home>), sql: &str) -> Option<(i64, FeedFault)> {
    let known = written(&store).await;
    is_as_written(&store, "acme").await;
    home.tamper(sql).await;
    let store = home.reopen(&store).await;
    feed_fault(&store, "acme", &known).await
}

/// Six entries with seven events in one lane, and where it stands then.
async fn written(store: &Arc<dyn Store>) -> BTreeMap<Lane, Link> {
    let ana = Person::new(store, "acme", "ana").await;
    for events in [1, 1, 2, 1, 1] {
        say(&ana, events).await;
    }
    heads(store).await
}

async fn heads(store: &Arc<dyn Store>) -> BTreeMap<Lane, Link> {
    let heads = store.feed_heads(tenant_id("acme")).await.expect("the store answers");
    heads.into_iter().map(|head| (head.lane, head.head)).collect()
}

async fn a_deleted_event_is_found(given: (Arc<dyn Store>, Arc<Home>)) {
    assert_eq!(found_after(given, "DELETE FROM event WHERE number = 5").await, Some((4, FeedFault::Changed)));
}

async fn a_changed_event_is_found(given: (Arc<dyn Store>, Arc<Home>)) {
    assert_eq!(found_after(given, "UPDATE event SET actor = 'somebody else' WHERE number = 3").await, Some((3, FeedFault::Changed)));
}

async fn an_event_at_another_time_is_found(given: (Arc<dyn Store>, Arc<Home>)) {
    assert_eq!(found_after(given, "UPDATE event SET at = at + 1 WHERE number = 2").await, Some((2, FeedFault::Changed)));
}

async fn a_deleted_entry_is_found(given: (Arc<dyn Store>, Arc<Home>)) {
    assert_eq!(found_after(given, "DELETE FROM feed WHERE position = 2; DELETE FROM event WHERE number = 2").await, Some((2, FeedFault::Missing)));
}

async fn entries_that_changed_places_are_found(given: (Arc<dyn Store>, Arc<Home>)) {
    let swap =
        "UPDATE feed SET position = 100 WHERE position = 2; UPDATE feed SET position = 2 WHERE position = 3; UPDATE feed SET position = 3 WHERE position = 100";
    assert_eq!(found_after(given, swap).await, Some((2, FeedFault::Displaced)));
}

async fn an_inserted_event_is_found(given: (Arc<dyn Store>, Arc<Home>)) {
    let copied =
        "INSERT INTO event SELECT shard, account, number + 100, id, kind, at, actor, cause, device, session, sign_in, sealed FROM event WHERE number = 2";
    assert_eq!(found_after(given, copied).await, Some((0, FeedFault::Inserted)));
}

async fn an_inserted_entry_is_found(given: (Arc<dyn Store>, Arc<Home>)) {
    let copied = "INSERT INTO feed SELECT tenant, lane, 8, chain, at_shard, at_account, 3, events, at, digest FROM feed WHERE position = 3; UPDATE feed_head SET position = 8";
    assert_eq!(found_after(given, copied).await, Some((8, FeedFault::Displaced)));
}

async fn a_tail_that_was_cut_off_is_found_by_the_head(given: (Arc<dyn Store>, Arc<Home>)) {
    let cut = "DELETE FROM feed WHERE position > 5; DELETE FROM event WHERE number > 5";
    assert_eq!(found_after(given, cut).await, Some((6, FeedFault::Truncated)));
}

async fn a_tail_that_was_cut_off_with_its_head_is_found_by_a_head_kept_elsewhere((store, home): (Arc<dyn Store>, Arc<Home>)) {
    let known = written(&store).await;
    let cut = "DELETE FROM feed WHERE position > 5; DELETE FROM event WHERE number > 5; \
        UPDATE feed_head SET position = 5, chain = (SELECT f.chain FROM feed f WHERE f.position = 5)";
    home.tamper(cut).await;
    let store = home.reopen(&store).await;
    is_as_written(&store, "acme").await;
    assert_eq!(feed_fault(&store, "acme", &known).await, Some((6, FeedFault::Truncated)));
}

async fn another_history_is_found_by_a_head_kept_elsewhere((store, home): (Arc<dyn Store>, Arc<Home>)) {
    let known = written(&store).await;
    let all_of_it = "DELETE FROM feed; DELETE FROM event; DELETE FROM feed_head; DELETE FROM account";
    home.tamper(all_of_it).await;
    let store = home.reopen(&store).await;
    written(&store).await;
    is_as_written(&store, "acme").await;
    assert_eq!(feed_fault(&store, "acme", &known).await, Some((7, FeedFault::OtherHistory)));
}

async fn a_head_that_was_moved_is_found(given: (Arc<dyn Store>, Arc<Home>)) {
    assert_eq!(found_after(given, "UPDATE feed_head SET position = 6").await, Some((8, FeedFault::HeadChanged)));
}

async fn pruning_leaves_an_anchor_from_which_the_rest_is_as_it_was_written((store, home): (Arc<dyn Store>, Arc<Home>)) {
    let ana = Person::new(&store, "acme", "ana").await;
    let lane = the_lane(&store, "acme").await;
    for second in 1..=9 {
        let rule = |account: &mut doorward_domain::Account, moment: &mut Moment<'_>| {
            (0..2).for_each(|_| account.record(moment, EventKind::DeviceRenamed, About::default()));
            Ok(())
        };
        ana.act(after(second), rule).await.expect("no refusal");
    }
    let prune = |limit| store.prune_feed(tenant_id("acme"), lane, after(6), limit);
    assert_eq!(prune(4).await.expect("pruned"), 4, "its creation, and three more");
    is_as_written(&store, "acme").await;
    assert_eq!(prune(4).await.expect("pruned"), 2);
    assert_eq!(prune(4).await.expect("pruned"), 0);
    is_as_written(&store, "acme").await;
    let head = store.feed_heads(tenant_id("acme")).await.expect("the store answers").remove(0);
    assert_eq!((head.anchor.position, head.head.position), (11, 19));
    let left = store.feed(tenant_id("acme"), vec![(lane, 11)], 100).await.expect("whole");
    assert_eq!(left.iter().map(|event| event.event.number).collect::<Vec<_>>(), (12..=19).collect::<Vec<_>>());
    store.feed(tenant_id("acme"), vec![(lane, 10)], 100).await.expect_err("something is gone after it");
    assert_eq!(home.rows().await.iter().filter(|row| row.starts_with("event:")).count(), 8);
    assert_eq!(store.prune_feed(tenant_id("nobody"), lane, after(6), 4).await.expect("nothing"), 0);
    // The trail goes on under its own numbers.
    say(&ana, 1).await;
    is_as_written(&store, "acme").await;
    assert_eq!(ana.standing().await.head.last_event, 20);
}

async fn what_was_altered_is_not_pruned((store, home): (Arc<dyn Store>, Arc<Home>)) {
    let ana = Person::new(&store, "acme", "ana").await;
    say(&ana, 1).await;
    say(&ana, 1).await;
    let swap =
        "UPDATE feed SET position = 100 WHERE position = 2; UPDATE feed SET position = 2 WHERE position = 3; UPDATE feed SET position = 3 WHERE position = 100";
    home.tamper(swap).await;
    let store = home.reopen(&store).await;
    store.prune_feed(tenant_id("acme"), the_lane(&store, "acme").await, after(60), 9).await.expect_err("the evidence stays");
    assert!(feed_fault(&store, "acme", &BTreeMap::new()).await.is_some());
}
