//! Sealing at rest: who holds the database without the server key reads of nobody, and a rotation loses nobody.

use std::sync::Arc;

use doorward_domain::event::About;
use doorward_domain::{Account, Attempt, Completion, DeviceToken, EventKind, KeyRing, Moment, Part, Parts, Seen};
use doorward_store::{Holders, Need, Store, StoreError};
use doorward_tests::{Home, Person, after, keys, passed, start};
use serde_json::json;

doorward_tests::on_each_engine! {
    a_store_whose_server_key_is_not_known_tells_of_no_account,
    an_account_is_wrapped_under_the_new_server_key_when_it_is_changed,
    idle_accounts_are_wrapped_anew_in_small_batches,
    what_lies_under_each_server_key_is_counted,
    what_identifies_a_person_lies_open_nowhere,
    no_data_key_lies_open_in_the_database,
}

fn unavailable<T>(answer: Result<T, StoreError>) -> bool {
    matches!(answer, Err(StoreError::Unavailable(_)))
}

async fn a_store_whose_server_key_is_not_known_tells_of_no_account((store, home): (Arc<dyn Store>, Arc<Home>)) {
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

async fn an_account_is_wrapped_under_the_new_server_key_when_it_is_changed((store, home): (Arc<dyn Store>, Arc<Home>)) {
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

async fn what_identifies_a_person_lies_open_nowhere((store, home): (Arc<dyn Store>, Arc<Home>)) {
    let ana = Person::new(&store, "acme", "ana").await;
    let seen = Seen {
        ip: "203.0.113.77".parse().expect("an address"),
        user_agent: "canary agent".to_owned(),
        client_hints: Some("canary hints".to_owned()),
        device_info: Some("canary info".to_owned()),
    };
    let telling = |value| Parts::default().with(Part::Agent, "Chrome").with(Part::Platform, "Linux").with_attribute("canary attribute", Some(value));
    let looks = Attempt { seen, parts: telling("canary value"), ..passed(start()) };
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
    let changed = Attempt { parts: telling("another"), ..looks };
    let token = opened.device_token.as_ref().map(DeviceToken::reveal);
    let evaluated = ana.evaluate(start(), changed, token.as_deref()).await.expect("evaluated");
    assert!(!evaluated.judgement.details.is_empty(), "the attribute's name is told");
    let rows = home.rows().await;
    for canary in [&b"canary"[..], &[203, 0, 113, 77]] {
        let open: Vec<_> = rows.iter().filter(|row| shows(row, canary)).collect();
        assert!(open.is_empty(), "{open:?}");
    }
    let read = ana.standing().await;
    let device = read.device(opened.device).expect("her device");
    assert_eq!((device.seen.user_agent.as_str(), device.name.as_deref()), ("canary agent", Some("canary name")), "and she sees all of it");
}

async fn no_data_key_lies_open_in_the_database((store, home): (Arc<dyn Store>, Arc<Home>)) {
    let ana = Person::new(&store, "acme", "ana").await;
    let key = *ana.standing().await.head.data_key.expose();
    let rows = home.rows().await;
    let account = rows.iter().find(|row| row.contains("acme") && row.contains("ana")).expect("the account's row");
    assert!(!shows(account, &key), "{account}");
}

async fn idle_accounts_are_wrapped_anew_in_small_batches((store, home): (Arc<dyn Store>, Arc<Home>)) {
    let mut people = vec![];
    for number in 0..7 {
        people.push(Person::new(&store, "acme", &format!("user-{number}")).await);
    }
    let sealed = home.rows().await;
    store.close().await;
    let (old, new) = ([7; 32], [8; 32]);
    let store = home.open_locked().await;
    assert!(unavailable(store.reseal(None, 3).await), "nothing is sealed anew before the keys are known to fit");
    store.unlock(Arc::new(KeyRing::new(&[new, old])));
    let (mut after, mut counts) = (None, vec![]);
    loop {
        let batch = store.reseal(after, 3).await.expect("the store answers");
        let Some(last) = batch.last else { break };
        assert!(after.is_none_or(|before| before < last), "on and on");
        after = Some(last);
        counts.push(batch.count);
    }
    assert_eq!(counts, [3, 3, 1]);
    assert_eq!(store.reseal(None, 100).await.expect("the store answers").count, 0, "once");
    let heads = |rows: &[String]| {
        rows.iter().filter(|row| row.starts_with("account: ")).map(|row| row.split_once(", sealed=").expect("a head").0.to_owned()).collect::<Vec<_>>()
    };
    let rest = |rows: &[String]| rows.iter().filter(|row| !row.starts_with("account: ")).cloned().collect::<Vec<_>>();
    let rows = home.rows().await;
    assert_eq!((heads(&rows), rest(&rows)), (heads(&sealed), rest(&sealed)), "the wrapping alone is another");
    store.close().await;
    let store = home.open_locked().await;
    store.unlock(Arc::new(KeyRing::new(&[new])));
    for person in people {
        assert!(store.account(person.key, Need::default()).await.expect("the store answers").is_some());
    }
}

async fn what_lies_under_each_server_key_is_counted(store: Arc<dyn Store>) {
    let (ana, ben) = (Person::new(&store, "acme", "ana").await, Person::new(&store, "globex", "ben").await);
    let trusted = Completion { trust_device: true, ..Completion::default() };
    let entered = ana.enter_with(start(), None, trusted).await;
    ana.enter(start()).await;
    ben.enter(start()).await;
    let used = |now| {
        let store = Arc::clone(&store);
        async move { store.keys_used(now).await.expect("the store answers") }
    };
    let (old, at_first) = (keys().active(), used(after(1)).await);
    assert_eq!(at_first.keys().copied().collect::<Vec<_>>(), [old]);
    let at_first = at_first[&old];
    assert_eq!((at_first.accounts, at_first.sessions, at_first.trusted_devices, at_first.api_keys), (2, 3, 1, 0));
    assert_eq!(at_first.other_device_tokens, 2, "tokens without trust");
    assert!(at_first.is_needed() && !at_first.is_empty());
    // By time alone: nothing has to run for it.
    let later = used(after(60 * 86_400)).await[&old];
    assert_eq!((later.sessions, later.trusted_devices, later.offers, later.other_device_tokens), (0, 0, 0, 3));
    assert!(!later.is_needed() && !later.is_empty());
    // By a generation too.
    ana.act(after(2), |account, moment| account.end_all_sessions(moment, None, false)).await.expect("nothing refuses it");
    let ended = used(after(3)).await[&old];
    assert_eq!((ended.sessions, ended.trusted_devices), (1, 0));
    let under = |key, place, limit| {
        let store = Arc::clone(&store);
        async move { store.accounts_under(key, after(3), place, limit).await.expect("the store answers") }
    };
    let all = under(old, None, 100).await;
    assert_eq!((all.holders.len(), all.last), (2, Some(all.holders[1])));
    let first = under(old, None, 1).await;
    assert_eq!((&first.holders[..], first.last), (&all.holders[..1], Some(all.holders[0])));
    assert_eq!(under(old, first.last, 1).await.holders, all.holders[1..]);
    assert_eq!(under(old, all.last, 1).await, Holders::default());
    let none = under(KeyRing::new(&[[9; 32]]).active(), None, 100).await;
    assert_eq!((none.holders, none.last), (vec![], all.last), "looked at, and nothing found");
    assert!(!ana.is_in(&entered.access_token, after(3)).await);
}
