//! Laws of batches: many sessions read or touched at once, each as if it were alone.

use std::sync::Arc;

use doorward_domain::{AccessToken, Account, Cause, SessionRef};
use doorward_store::Store;
use doorward_tests::{Home, Person, after, at_once, start, tenant};

doorward_tests::on_each_engine! {
    many_are_touched_in_their_order_and_each_as_if_alone,
    a_batch_writes_nothing_where_it_is_too_soon_or_too_late,
    batches_that_race_with_endings_revive_nothing,
    the_only_tenant_is_told_while_it_is_alone,
}

async fn touch_many(store: &Arc<dyn Store>, at: &[SessionRef], second: u32, after_s: u32) -> Vec<Option<Arc<Account>>> {
    store.touch_many(at.to_vec(), after(second), after_s).await.expect("the store answers")
}

/// Tokens of ten people of two tenants, two sessions each, where every other session has ended.
async fn crowd(store: &Arc<dyn Store>) -> (Vec<AccessToken>, Vec<bool>) {
    let (mut tokens, mut live) = (vec![], vec![]);
    for number in 0..20 {
        let slug = if number % 3 == 0 { "acme" } else { "globex" };
        let person = Person::new(store, slug, &format!("user-{}", number / 2)).await;
        let opened = person.enter(start()).await;
        let ends = number % 2 == 1;
        if ends {
            let session = opened.session;
            person.act(after(1), move |account, moment| account.end_session(moment, session, Cause::Revoked)).await.expect("it is ended");
        }
        tokens.push(opened.access_token);
        live.push(!ends);
    }
    (tokens, live)
}

async fn many_are_touched_in_their_order_and_each_as_if_alone((store, home): (Arc<dyn Store>, Arc<Home>)) {
    let (tokens, live) = crowd(&store).await;
    let mut at: Vec<SessionRef> = tokens.iter().map(|token| token.at).collect();
    let mut expected = live.clone();
    // Unknown ones, crossed ones, and all of them once more in the other order.
    at.push(SessionRef { account: at[2].account, shard: at[2].shard, id: at[0].id });
    at.push(SessionRef { shard: doorward_domain::Shard(at[0].shard.0 ^ 1), ..at[0] });
    expected.extend([false, false]);
    let (more, again): (Vec<_>, Vec<_>) = (at.iter().rev().copied().collect(), expected.iter().rev().copied().collect());
    at.extend(more);
    expected.extend(again);
    let before = home.rows().await;
    let touched = touch_many(&store, &at, 100, 0).await;
    assert_eq!(touched.iter().map(Option::is_some).collect::<Vec<_>>(), expected);
    for (at, account) in at.iter().zip(&touched) {
        let Some(account) = account else { continue };
        let session = account.session(at.id).expect("its own account, with it");
        assert_eq!((account.head.id, session.last_activity_at), (at.account, after(100)));
        account.device_of(session).expect("and its device");
    }
    let changed: Vec<_> = home.rows().await.into_iter().filter(|row| !before.contains(row)).collect();
    assert!(changed.len() == 10 && changed.iter().all(|row| row.starts_with("activity:")), "{changed:#?}");
    let read = store.sessions(at.clone()).await.expect("the store answers");
    for ((at, account), known) in at.iter().zip(read).zip(live.iter().map(|_| true).chain([false, false]).collect::<Vec<_>>()) {
        assert_eq!(account.is_some(), known, "a session is read, live or not");
        assert!(account.is_none_or(|account| account.session(at.id).is_ok()));
    }
    assert!(touch_many(&store, &[], 200, 0).await.is_empty() && store.sessions(vec![]).await.expect("the store answers").is_empty());
}

async fn a_batch_writes_nothing_where_it_is_too_soon_or_too_late((store, home): (Arc<dyn Store>, Arc<Home>)) {
    let (tokens, live) = crowd(&store).await;
    let at: Vec<SessionRef> = tokens.iter().map(|token| token.at).collect();
    let before = home.rows().await;
    let touched = touch_many(&store, &at, 59, 60).await;
    assert_eq!(touched.iter().map(Option::is_some).collect::<Vec<_>>(), live, "what lives is answered");
    assert_eq!(home.rows().await, before);
    let late = touch_many(&store, &at, 8 * 86_400, 0).await;
    assert!(late.iter().all(Option::is_none), "all are idle by then");
    assert_eq!(home.rows().await, before);
    // One that is due among others that aren't.
    store.touch(at[0], after(59), 0).await.expect("the store answers").expect("it is live");
    let before = home.rows().await;
    touch_many(&store, &at[..3], 60, 60).await;
    let changed: Vec<_> = home.rows().await.into_iter().filter(|row| !before.contains(row)).collect();
    assert_eq!(changed.len(), 1, "{changed:#?}");
}

/// Batches in every order race with endings of what is in them. Once an ending is acknowledged, no batch answers its session.
async fn batches_that_race_with_endings_revive_nothing(store: Arc<dyn Store>) {
    let mut people = vec![];
    for number in 0..6 {
        let person = Person::of(&store, tenant("acme"), &format!("user-{number}")).await;
        let opened = [person.enter(start()).await, person.enter(start()).await];
        people.push((person, opened));
    }
    let at: Vec<SessionRef> = people.iter().flat_map(|(_, opened)| opened.iter().map(|opened| opened.access_token.at)).collect();
    at_once(18, |number| {
        let (store, people, mut at) = (Arc::clone(&store), people.clone(), at.clone());
        async move {
            if number < 6 {
                let (person, [first, _]) = &people[number];
                let session = first.session;
                person.act(after(1), move |account, moment| account.end_session(moment, session, Cause::Revoked)).await.expect("it is ended");
                let touched = touch_many(&store, &at, 600, 0).await;
                assert!(touched[number * 2].is_none() && touched[number * 2 + 1].is_some());
            } else {
                at.rotate_left(number % 12);
                if number % 2 == 0 {
                    at.reverse();
                }
                for second in 1..12 {
                    touch_many(&store, &at, second, 0).await;
                }
            }
        }
    })
    .await;
    for (person, [first, second]) in &people {
        assert!(!person.is_in(&first.access_token, after(2)).await && person.is_in(&second.access_token, after(2)).await);
    }
}

async fn the_only_tenant_is_told_while_it_is_alone(store: Arc<dyn Store>) {
    let only = || async { store.only_tenant().await.expect("the store answers").map(|tenant| tenant.id.clone()) };
    assert_eq!(only().await, None);
    store.create_tenant(tenant("acme")).await.expect("a tenant");
    assert_eq!(only().await, Some(doorward_tests::tenant_id("acme")));
    store.create_tenant(tenant("globex")).await.expect("a tenant");
    assert_eq!(only().await, None);
}
