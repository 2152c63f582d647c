//! Sealing at rest: who holds the database without the server key reads of nobody, and a rotation loses nobody.

use std::sync::Arc;

use doorward_domain::{Completion, KeyRing};
use doorward_store::{Need, Store, StoreError};
use doorward_tests::{Home, Person, after, keys, start};

fn unavailable<T>(answer: Result<T, StoreError>) -> bool {
    matches!(answer, Err(StoreError::Unavailable(_)))
}

pub(crate) async fn a_store_whose_server_key_is_not_known_tells_of_no_account((store, home): (Arc<dyn Store>, Arc<Home>)) {
    let ana = Person::new(&store, "acme", "ana").await;
    let entered = ana.enter(start()).await;
    store.close().await;
    let store = home.open_locked().await;
    let known = Person::known(&store, "acme", "ana");
    assert!(unavailable(store.account(known.key.clone(), Need::default()).await));
    assert!(unavailable(store.account(known.key.clone(), Need::standing(start())).await));
    assert!(unavailable(store.session(entered.access_token.at).await));
    assert!(unavailable(store.touch(entered.access_token.at, after(90), 60).await));
    assert!(unavailable(known.try_act(Need::standing(start()), after(1), |_, _| Ok(())).await));
    // Not a wrong answer either: under another key it can't be read, under its own it is all there.
    store.unlock(Arc::new(KeyRing::new(&[[8; 32]])));
    assert!(unavailable(store.account(known.key.clone(), Need::default()).await));
    store.unlock(Arc::clone(keys()));
    assert!(known.is_in(&entered.access_token, after(1)).await);
}

pub(crate) async fn an_account_is_wrapped_under_the_new_server_key_when_it_is_changed((store, home): (Arc<dyn Store>, Arc<Home>)) {
    let (ana, ben) = (Person::new(&store, "acme", "ana").await, Person::new(&store, "acme", "ben").await);
    let data_key = ana.standing().await.head.data_key.clone();
    store.close().await;

    let (old, new) = ([7; 32], [8; 32]);
    let store = home.open_locked().await;
    store.unlock(Arc::new(KeyRing::new(&[new, old])));
    let again = Person::known(&store, "acme", "ana");
    again.enter_with(after(1), None, Completion::default()).await;
    store.close().await;

    let store = home.open_locked().await;
    store.unlock(Arc::new(KeyRing::new(&[new])));
    let read = store.account(ana.key.clone(), Need::default()).await.expect("the store answers").expect("ana's account");
    assert_eq!(read.head.data_key, data_key, "the same key in another wrapping");
    assert!(unavailable(store.account(ben.key.clone(), Need::default()).await), "nothing of ben's changed: the old server key is needed yet");
    store.unlock(Arc::new(KeyRing::new(&[new, old])));
    assert!(store.account(ben.key.clone(), Need::default()).await.expect("the store answers").is_some());
}

pub(crate) async fn no_data_key_lies_open_in_the_database((store, home): (Arc<dyn Store>, Arc<Home>)) {
    let ana = Person::new(&store, "acme", "ana").await;
    let key = ana.standing().await.head.data_key.expose().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let rows = home.rows().await;
    let account = rows.iter().find(|row| row.contains("acme") && row.contains("ana")).expect("the account's row");
    assert!(!account.to_lowercase().contains(&key), "{account}");
}
