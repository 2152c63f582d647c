//! Laws of requests that come again: the record is written with the effect, and a key has one effect, whatever runs at once.

use std::sync::Arc;

use doorward_domain::{ONCE_S, Refusal, Repeatable, Timestamp};
use doorward_store::{AccountKey, Need, Old, Store};
use doorward_tests::once::{asked, needing, open_once as open, opened_once as opened};
use doorward_tests::{Home, Person, after, at_once, just_before, start, tenant_id, user_id};

doorward_tests::on_each_engine! {
    a_record_comes_with_its_effect_and_is_found_by_its_key,
    a_refusal_leaves_no_record,
    one_of_sixty_four_requests_under_a_key_has_its_effect,
    one_of_sixty_four_accounts_gets_the_key,
    a_record_whose_day_is_over_gives_way_to_one_alone,
    old_records_are_removed_and_no_others,
}

fn user(store: &Arc<dyn Store>, name: &str) -> Person {
    Person { store: Arc::clone(store), key: AccountKey::User(tenant_id("acme"), user_id(name)) }
}

async fn a_record_comes_with_its_effect_and_is_found_by_its_key((store, home): (Arc<dyn Store>, Arc<Home>)) {
    let ana = Person::new(&store, "acme", "ana").await;
    let (ours, other) = (asked(1, 1), asked(2, 1));
    let (done, session) = opened(&ana, start(), &ours).await.expect("opened");
    assert!(done);
    let found = ana.read(Need { once: [&ours.keys[..], &other.keys[..]].concat(), ..Need::default() }).await;
    assert_eq!(found.once.iter().map(|once| once.made.session).collect::<Vec<_>>(), [Some(session)], "it and no other");
    assert!(ana.read(Need::standing(start())).await.once.is_empty(), "it is loaded where it is asked for alone");
    let store = home.reopen(&store).await;
    assert_eq!(opened(&user(&store, "ana"), after(1), &ours).await, Ok((false, session)), "also after opening anew");
    // It is found from any account of the tenant, also from one that isn't there yet, and tells that one no more than that.
    assert_eq!(opened(&user(&store, "ben"), after(1), &ours).await, Err(Refusal::IdempotencyKeyUsed));
    assert_eq!(opened(&user(&store, "ben"), after(1), &asked(1, 2)).await, Err(Refusal::IdempotencyKeyReused));
}

async fn a_refusal_leaves_no_record((store, home): (Arc<dyn Store>, Arc<Home>)) {
    let ana = Person::new(&store, "acme", "ana").await;
    let rows = home.rows().await;
    let ours = asked(1, 1);
    let refused = ana.act_needing(needing(start(), &ours), start(), {
        let ours = ours.clone();
        move |account, moment| open(account, moment, &ours).and(Err::<(), _>(Refusal::NotFound))
    });
    assert_eq!(refused.await, Err(Refusal::NotFound));
    assert_eq!(home.rows().await, rows);
    assert!(opened(&ana, start(), &ours).await.expect("opened").0);
}

async fn one_of_sixty_four_requests_under_a_key_has_its_effect(store: Arc<dyn Store>) {
    Person::new(&store, "acme", "somebody else").await;
    let outcomes = at_once(64, |_| {
        let ana = user(&store, "ana");
        async move { opened(&ana, start(), &asked(1, 1)).await.expect("one answer for all") }
    })
    .await;
    assert_eq!(outcomes.iter().filter(|(done, _)| *done).count(), 1);
    assert!(outcomes.iter().all(|(_, session)| *session == outcomes[0].1));
    assert_eq!(user(&store, "ana").standing().await.sessions.len(), 1);
}

async fn race(store: &Arc<dyn Store>, now: Timestamp, key: &Repeatable) -> usize {
    let outcomes = at_once(64, |at| {
        let (person, key) = (user(store, &format!("user-{at}")), Repeatable { requests: asked(0, u8::try_from(at).expect("few")).requests, ..key.clone() });
        async move { opened(&person, now, &key).await }
    })
    .await;
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok((true, _)) | Err(Refusal::IdempotencyKeyReused))), "{outcomes:?}");
    outcomes.iter().filter(|outcome| outcome.is_ok()).count()
}

async fn one_of_sixty_four_accounts_gets_the_key((store, home): (Arc<dyn Store>, Arc<Home>)) {
    Person::new(&store, "acme", "somebody else").await;
    assert_eq!(race(&store, start(), &asked(1, 0)).await, 1);
    let rows = home.rows().await;
    for (table, number) in [("account: ", 2), ("session: ", 1), ("once: ", 1)] {
        assert_eq!(rows.iter().filter(|row| row.starts_with(table)).count(), number, "{table}");
    }
}

async fn a_record_whose_day_is_over_gives_way_to_one_alone((store, home): (Arc<dyn Store>, Arc<Home>)) {
    let ana = Person::new(&store, "acme", "ana").await;
    let key = asked(1, 255);
    let first = opened(&ana, start(), &key).await.expect("opened");
    assert_eq!(opened(&ana, just_before(after(ONCE_S)), &key).await, Ok((false, first.1)));
    // On accounts that aren't there yet, and then on some that are.
    assert_eq!(race(&store, after(ONCE_S), &key).await, 1);
    assert_eq!(race(&store, after(2 * ONCE_S), &key).await, 1);
    assert_eq!(home.rows().await.iter().filter(|row| row.starts_with("once: ")).count(), 1, "in the same row");
}

async fn old_records_are_removed_and_no_others((store, home): (Arc<dyn Store>, Arc<Home>)) {
    let ana = Person::new(&store, "acme", "ana").await;
    for number in 0..10 {
        opened(&ana, after(u32::from(number)), &asked(number, 0)).await.expect("opened");
    }
    let before = home.rows().await;
    assert_eq!(store.prune_old(Old::Requests, after(7), 5).await.expect("the store answers"), 5);
    assert_eq!(store.prune_old(Old::Requests, after(7), 5).await.expect("the store answers"), 2);
    assert_eq!(store.prune_old(Old::Requests, after(7), 5).await.expect("the store answers"), 0);
    let left: Vec<_> = before.iter().filter(|row| !row.starts_with("once: ") || (7..10).any(|at| row.ends_with(&format!("={}", after(at).micros())))).collect();
    assert_eq!(home.rows().await.iter().collect::<Vec<_>>(), left);
    assert!(opened(&ana, after(10), &asked(0, 0)).await.expect("opened").0, "what was removed is forgotten");
    assert!(!opened(&ana, after(10), &asked(9, 0)).await.expect("opened").0);
}
