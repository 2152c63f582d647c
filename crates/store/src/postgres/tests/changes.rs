//! Changes: races between nodes, conflicts that the server reports, commits that fail, callers that go away.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;

use super::*;
use crate::StoreError;

#[tokio::test(flavor = "multi_thread")]
async fn of_two_nodes_that_make_an_account_at_once_one_does_and_neither_loses_a_change() {
    in_database(|place| async move {
        let nodes = [place.open().await, place.open().await];
        nodes[0].create_tenant(tenant()).await.expect("a tenant");
        for round in 0..10 {
            let name = format!("user-{round}");
            let changes = (0..8).map(|at| count_up(&nodes[at % 2], user(&name)));
            for outcome in join_all(changes).await {
                outcome.expect("a change");
            }
            assert_eq!(counted(&nodes[0], user(&name)).await, 8);
        }
        assert_eq!(place.number("SELECT count(*) FROM account").await, 10);
    })
    .await;
}

/// Makes the server answer inserts of events with a code: the first so many of them, at once or at the commit.
async fn fail_events(place: &Place, code: &str, times: i64, at_commit: bool) {
    let when = if at_commit {
        "CREATE CONSTRAINT TRIGGER failing AFTER INSERT ON event DEFERRABLE INITIALLY DEFERRED"
    } else {
        "CREATE TRIGGER failing BEFORE INSERT ON event"
    };
    place
        .sql(&format!(
            "CREATE SEQUENCE failures;
             CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 IF nextval('failures') <= {times} THEN RAISE EXCEPTION 'made to fail' USING ERRCODE = '{code}'; END IF;
                 RETURN NEW;
             END $$;
             {when} FOR EACH ROW EXECUTE FUNCTION fail()"
        ))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_calls_a_conflict_is_run_again_from_the_start() {
    for (code, at_commit) in [("40001", false), ("40P01", false), ("40001", true)] {
        in_database(|place| async move {
            let store = place.open().await;
            store.create_tenant(tenant()).await.expect("a tenant");
            fail_events(&place, code, 2, at_commit).await;
            let (runs, seed) = (Arc::new(AtomicUsize::new(0)), Uuid::now_v7());
            let counting = Arc::clone(&runs);
            let opened = store.update(user("ann"), need(), move |account| {
                counting.fetch_add(1, Ordering::Relaxed);
                open_session(account, seed)
            });
            opened.await.expect("the third run succeeds").expect("an account").expect("no refusal");
            assert_eq!(runs.load(Ordering::Relaxed), 3, "{code}");
            assert_eq!(place.number("SELECT count(*) FROM session").await, 1);
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_that_doesnt_end_is_unavailable_and_writes_nothing() {
    in_database(|place| async move {
        let store = place.open().await;
        store.create_tenant(tenant()).await.expect("a tenant");
        fail_events(&place, "40001", i64::MAX, false).await;
        let seed = Uuid::now_v7();
        let failed = store.update(user("ann"), need(), move |account| open_session(account, seed)).await;
        assert!(matches!(failed, Err(StoreError::Unavailable(_))), "{failed:?}");
        assert_eq!(place.number("SELECT (SELECT count(*) FROM account) + (SELECT count(*) FROM session)").await, 0);
        assert_eq!(place.number("SELECT last_value FROM failures").await, 5, "tries");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_fails_writes_nothing_and_says_so() {
    in_database(|place| async move {
        let store = place.open().await;
        store.create_tenant(tenant()).await.expect("a tenant");
        fail_events(&place, "23514", 3, true).await;
        let seed = Uuid::now_v7();
        let failed = store.update(user("ann"), need(), move |account| open_session(account, seed)).await;
        assert!(failed.is_err(), "{failed:?}");
        assert_eq!(place.number("SELECT (SELECT count(*) FROM account) + (SELECT count(*) FROM session)").await, 0);
        // Whatever the connection went through, the next change is whole.
        place.sql("DROP TRIGGER failing ON event").await;
        session(&store, "ann").await;
        assert_eq!(place.number("SELECT count(*) FROM event").await, counted(&store, user("ann")).await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_of_a_locked_account_leave_the_connections_to_others() {
    in_database(|place| async move {
        let store = place.open().await;
        session(&store, "hot").await;
        session(&store, "cold").await;
        let lock = connect(&place.url()).await;
        lock.batch_execute("BEGIN; SELECT 1 FROM account WHERE user_id = 'hot' FOR UPDATE").await.expect("the lock");
        let before = counted(&store, user("hot")).await;
        let waiting: Vec<_> = (0..64)
            .map(|_| {
                let store = Arc::clone(&store);
                tokio::spawn(async move { count_up(&store, user("hot")).await })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(200)).await;
        for _ in 0..20 {
            let others = tokio::time::timeout(Duration::from_secs(1), count_up(&store, user("cold")));
            others.await.expect("it waits for nobody").expect("a change");
        }
        lock.batch_execute("COMMIT").await.expect("the lock goes");
        for change in waiting {
            change.await.expect("no panic").expect("its turn");
        }
        assert_eq!(counted(&store, user("hot")).await, before + 64);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_whose_caller_goes_away_runs_to_its_end_and_leaves_nothing_open() {
    in_database(|place| async move {
        let store = place.open().await;
        session(&store, "ann").await;
        let before = counted(&store, user("ann")).await;
        let lock = connect(&place.url()).await;
        lock.batch_execute("BEGIN; SELECT 1 FROM account FOR UPDATE").await.expect("the lock");
        let gone = tokio::time::timeout(Duration::from_millis(100), count_up(&store, user("ann"))).await;
        assert!(gone.is_err(), "it waits for the lock");
        lock.batch_execute("COMMIT").await.expect("the lock goes");
        count_up(&store, user("ann")).await.expect("the next in line");
        assert_eq!(counted(&store, user("ann")).await, before + 2);
        assert_eq!(place.number("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'").await, 0);
        // One that gives up before its turn does nothing.
        let figures = store.figures();
        assert!(figures.contains(&("store_changes_waiting", 0)), "{figures:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_touch_that_waits_while_its_session_ends_keeps_nothing_alive() {
    in_database(|place| async move {
        let store = place.open().await;
        let at = session(&store, "ann").await;
        let lock = connect(&place.url()).await;
        lock.batch_execute("BEGIN; SELECT 1 FROM account FOR UPDATE").await.expect("the lock");
        let touching = {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.touch(at, now().plus_s(60), 10).await })
        };
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(!touching.is_finished(), "it waits for the lock");
        lock.batch_execute(&format!("UPDATE session SET ended_at = {NOW}, ended_cause = 1; COMMIT")).await.expect("the session ends");
        assert!(touching.await.expect("no panic").expect("the store answers").is_none());
        assert_eq!(place.number("SELECT count(*) FROM activity").await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_touch_is_noted_once_in_its_period() {
    in_database(|place| async move {
        let store = place.open().await;
        let at = session(&store, "ann").await;
        let touch = |after: u32| store.touch(at, now().plus_s(after), 10);
        let activity = || place.number("SELECT count(*) FROM activity");
        assert!(touch(9).await.expect("the store answers").is_some());
        assert_eq!(activity().await, 0, "too soon");
        let account = touch(10).await.expect("the store answers").expect("it is live");
        assert_eq!((account.sessions[0].last_activity_at, activity().await), (now().plus_s(10), 1));
        let account = touch(15).await.expect("the store answers").expect("it is live");
        assert_eq!(account.sessions[0].last_activity_at, now().plus_s(10), "too soon after the last");
    })
    .await;
}
