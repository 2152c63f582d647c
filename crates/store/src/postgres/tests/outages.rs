//! Connections that are lost, at every point of a change, and servers that are away.

use std::time::{Duration, Instant};

use super::proxy::{Network, Proxy};
use super::*;
use crate::StoreError;

async fn through_proxy(place: &Place) -> (Proxy, Arc<dyn Store>) {
    let proxy = Proxy::before(&place.url()).await;
    let store = opened(&format!("{}?sslmode=disable", proxy.url)).await;
    store.create_tenant(tenant()).await.expect("a tenant");
    (proxy, store)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_is_unavailable_at_once_and_comes_back_by_itself() {
    in_database(|place| async move {
        let (proxy, store) = through_proxy(&place).await;
        let at = session(&store, "ann").await;
        proxy.be(Network::Away);
        let began = Instant::now();
        assert!(matches!(store.session(at).await, Err(StoreError::Unavailable(_))));
        assert!(matches!(store.account(user("ann"), need()).await, Err(StoreError::Unavailable(_))));
        assert!(matches!(count_up(&store, user("ann")).await, Err(StoreError::Unavailable(_))));
        assert!(matches!(store.touch(at, now().plus_s(9), 0).await, Err(StoreError::Unavailable(_))));
        assert!(matches!(store.ready().await, Err(StoreError::Unavailable(_))));
        assert!(began.elapsed() < Duration::from_secs(4), "it took {:?}", began.elapsed());
        proxy.be(Network::Fine);
        store.ready().await.expect("it is back");
        assert!(store.session(at).await.expect("it is back").is_some());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_the_server_closed_are_replaced_without_an_error() {
    in_database(|place| async move {
        let store = place.open().await;
        let at = session(&store, "ann").await;
        for _ in 0..5 {
            place.sql("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()").await;
            assert!(store.session(at).await.expect("another connection serves").is_some());
            count_up(&store, user("ann")).await.expect("another connection serves");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_whose_connection_is_lost_before_it_is_written_is_absent() {
    in_database(|place| async move {
        let (proxy, store) = through_proxy(&place).await;
        count_up(&store, user("ann")).await.expect("a first change");
        let cut = proxy.switch(Network::Away);
        let lost = store.update(user("ann"), need(), move |account| {
            account.head.last_event = 100;
            cut();
            std::thread::sleep(Duration::from_millis(50));
            Ok::<_, ()>(())
        });
        assert!(matches!(lost.await, Err(StoreError::Unavailable(_))));
        proxy.be(Network::Fine);
        assert_eq!(counted(&store, user("ann")).await, 1);
        count_up(&store, user("ann")).await.expect("its lock is gone");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_whose_answer_is_lost_is_unavailable_and_whole() {
    in_database(|place| async move {
        let (proxy, store) = through_proxy(&place).await;
        // Twice, so that every statement of the third is prepared already.
        session(&store, "ann").await;
        session(&store, "ann").await;
        let (swallow, seed) = (proxy.switch(Network::LosesAnswers), Uuid::now_v7());
        let lost = store.update(user("ann"), need(), move |account| {
            let opened = open_session(account, seed);
            swallow();
            opened
        });
        assert!(matches!(lost.await, Err(StoreError::Unavailable(_))), "the outcome is unknown");
        proxy.be(Network::Fine);
        let account = store.account(user("ann"), need()).await.expect("the store answers").expect("the account is there");
        assert_eq!((account.sessions.len(), account.devices.len()), (3, 3), "it was committed, once and whole");
        assert_eq!(place.number("SELECT count(*) FROM event").await, account.head.last_event);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_network_is_given_up() {
    if std::env::var("DOORWARD_LONG").as_deref() != Ok("1") {
        eprintln!("skipped: it takes half a minute; DOORWARD_LONG=1 runs it");
        return;
    }
    in_database(|place| async move {
        let (proxy, store) = through_proxy(&place).await;
        let at = session(&store, "ann").await;
        proxy.be(Network::Silent);
        let began = Instant::now();
        assert!(matches!(store.session(at).await, Err(StoreError::Unavailable(_))));
        assert!(matches!(count_up(&store, user("ann")).await, Err(StoreError::Unavailable(_))));
        assert!(began.elapsed() < Duration::from_secs(40), "it took {:?}", began.elapsed());
        proxy.be(Network::Fine);
        assert!(store.session(at).await.expect("it is back").is_some());
    })
    .await;
}
