//! Sealing at rest: who holds the database without the server key reads of nobody, and a rotation loses nobody.

use std::sync::Arc;

use doorward_domain::event::About;
use doorward_domain::{Account, Attempt, Completion, EventKind, KeyRing, Moment, Seen};
use doorward_store::{Need, Store, StoreError};
use doorward_tests::{Home, Person, after, keys, passed, start};
use serde_json::json;

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

/// Whether a text lies in a row, as it is or in hexadecimal digits.
fn shows(row: &str, text: &[u8]) -> bool {
    let hex = text.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    row.to_lowercase().contains(&hex) || std::str::from_utf8(text).is_ok_and(|text| row.contains(text))
}

pub(crate) async fn what_identifies_a_person_lies_open_nowhere((store, home): (Arc<dyn Store>, Arc<Home>)) {
    let ana = Person::new(&store, "acme", "ana").await;
    let seen = Seen {
        ip: "203.0.113.77".parse().expect("an address"),
        user_agent: "canary agent".to_owned(),
        client_hints: Some("canary hints".to_owned()),
        device_info: Some("canary info".to_owned()),
    };
    let looks = Attempt { seen, ..passed(start()) };
    let completion = Completion {
        device_name: Some("canary name".to_owned()),
        device_metadata: json!({ "note": "canary metadata" }).as_object().cloned(),
        external_session_id: Some("canary session".to_owned()),
        ..Completion::default()
    };
    let (attempted, entered) = (looks.clone(), completion.clone());
    let rule = move |account: &mut Account, moment: &mut Moment<'_>| {
        account.record(moment, EventKind::DeviceRenamed, About::default().with("name", "canary event"));
        account.sign_in_directly(moment, attempted.clone(), None, entered.clone())
    };
    let opened = ana.act(start(), rule).await.expect("she is in");
    ana.evaluate(start(), looks, None).await.expect("evaluated");
    let rows = home.rows().await;
    for canary in [&b"canary"[..], &[203, 0, 113, 77]] {
        let open: Vec<_> = rows.iter().filter(|row| shows(row, canary)).collect();
        assert!(open.is_empty(), "{open:?}");
    }
    let read = ana.standing().await;
    let device = read.device(opened.device).expect("her device");
    assert_eq!((device.seen.user_agent.as_str(), device.name.as_deref()), ("canary agent", Some("canary name")), "and she sees all of it");
}

pub(crate) async fn no_data_key_lies_open_in_the_database((store, home): (Arc<dyn Store>, Arc<Home>)) {
    let ana = Person::new(&store, "acme", "ana").await;
    let key = *ana.standing().await.head.data_key.expose();
    let rows = home.rows().await;
    let account = rows.iter().find(|row| row.contains("acme") && row.contains("ana")).expect("the account's row");
    assert!(!shows(account, &key), "{account}");
}
