//! Laws of opening and closing: what was there is there again, and a store that was closed says nothing more.

use std::sync::Arc;

use doorward_domain::{ApiKeyId, KeyId, KeyedHash, Refusal, SignInId};
use doorward_store::{Need, Page, Rows, Store, StoreError, open, open_current, pending};
use doorward_tests::{Home, Person, after, attempt, start, tenant, tenant_id, with_code};
use futures_util::FutureExt as _;
use uuid::Uuid;

doorward_tests::on_each_engine! {
    what_was_there_is_there_again,
    a_closed_store_says_nothing_more,
    what_is_queued_before_a_close_is_finished,
    a_store_that_is_dropped_has_finished,
    pending_migrations_are_applied_by_no_visitor,
    a_newer_schema_is_refused,
    an_edited_migration_is_refused,
    an_unreadable_row_is_corrupt_and_not_unknown,
}

fn unavailable<T>(answer: Result<T, StoreError>) -> bool {
    matches!(answer, Err(StoreError::Unavailable(_)))
}

async fn what_was_there_is_there_again((store, home): (Arc<dyn Store>, Arc<Home>)) {
    let ana = Person::new(&store, "acme", "ana").await;
    let opened = ana.enter_and_trust(start()).await;
    let pending = ana.evaluate(after(1), attempt(after(1)), None).await.expect("evaluated").id;
    store.touch(opened.access_token.at, after(600), 0).await.expect("the store answers").expect("it is live");
    let before = home.rows().await;
    let store = home.reopen(&store).await;
    assert_eq!(home.rows().await, before, "opening writes nothing");
    let ana = Person::known(&store, "acme", "ana");
    assert!(ana.is_in(&opened.access_token, after(601)).await && ana.trusts(opened.device, after(601)).await);
    assert_eq!(ana.standing().await.session(opened.session).expect("the session").last_activity_at, after(600));
    ana.complete(after(2), pending, with_code()).await.expect("the sign-in goes on");
}

async fn a_closed_store_says_nothing_more(store: Arc<dyn Store>) {
    let ana = Person::new(&store, "acme", "ana").await;
    let opened = ana.enter(start()).await;
    let key = ana.key.clone();
    let page = Page { before: None, limit: 10 };
    store.close().await;
    // Above all not what it remembers: another process may have ended the session by now.
    assert!(unavailable(store.session(opened.access_token.at).await));
    assert!(unavailable(store.account(key.clone(), Need::default()).await));
    assert!(unavailable(store.account(key.clone(), Need { sessions: Rows::Page(page), ..Need::default() }).await));
    assert!(unavailable(store.update(key, Need::default(), |_| Ok::<(), Refusal>(())).await));
    assert!(unavailable(store.touch(opened.access_token.at, after(60), 0).await));
    assert!(unavailable(store.account_of(SignInId(Uuid::max())).await));
    assert!(unavailable(store.tenant(tenant_id("acme")).await));
    assert!(unavailable(store.create_tenant(tenant("other")).await));
    assert!(unavailable(doorward_tests::change_tenant(&store, tenant_id("acme"), Arc::new(|_| ())).await));
    assert!(unavailable(store.api_key(KeyedHash { key: KeyId(1), hash: [0; 32] }).await));
    let key = doorward_domain::ApiKey {
        id: ApiKeyId(Uuid::now_v7()),
        tenant: tenant_id("acme"),
        name: "late".to_owned(),
        role: doorward_domain::Role::Host,
        hash: KeyedHash { key: KeyId(1), hash: [0; 32] },
        former: None,
        created_at: start(),
        expires_at: None,
        revoked_at: None,
        last_used_at: None,
        requests: vec![],
    };
    assert!(unavailable(store.add_api_key(key, None).await));
    assert!(unavailable(store.check_keys(vec![(KeyId(1), [1; 16])]).await));
    assert!(unavailable(store.server_keys().await));
    assert!(unavailable(store.clock().await));
    assert!(unavailable(store.latest_moment().await));
    assert!(unavailable(store.record_moment(start()).await));
    assert!(unavailable(store.ready().await));
    store.close().await;
}

async fn what_is_queued_before_a_close_is_finished((store, home): (Arc<dyn Store>, Arc<Home>)) {
    let ana = Person::new(&store, "acme", "ana").await;
    let running: Vec<_> = (0..64)
        .map(|_| {
            tokio::spawn({
                let ana = ana.clone();
                async move {
                    ana.try_act(Need::standing(start()), start(), |account, moment| {
                        account.record(moment, doorward_domain::EventKind::AccountCreated, doorward_domain::event::About::default());
                        Ok(())
                    })
                    .await
                }
            })
        })
        .collect();
    store.close().await;
    let mut acknowledged = 0;
    for task in running {
        match task.await.expect("no task fails") {
            Ok(done) => acknowledged += i64::from(done == Some(Ok(()))),
            Err(failure) => assert!(matches!(failure, StoreError::Unavailable(_)), "{failure:?}"),
        }
    }
    let store = home.open().await;
    assert_eq!(Person::known(&store, "acme", "ana").standing().await.head.last_event, 1 + acknowledged, "neither fewer nor more");
}

/// Changes whose callers have gone are finished before the place can be opened again; nothing written later is missed by who opens it.
async fn a_store_that_is_dropped_has_finished(home: Arc<Home>) {
    let mut store = home.open().await;
    drop(Person::new(&store, "acme", "ana").await);
    for _ in 0..8 {
        let ana = Person::known(&store, "acme", "ana");
        for _ in 0..64 {
            // Asked once, then given up: it is under way or never began.
            _ = ana.enter(start()).now_or_never();
        }
        drop((ana, store));
        store = home.open().await;
        let ana = Person::known(&store, "acme", "ana");
        ana.enter(start()).await;
        let account = ana.read(Need { events: Some(Page { before: None, limit: 10_000 }), ..Need::default() }).await;
        let numbers: Vec<i64> = account.events.iter().rev().map(|event| event.number).collect();
        assert_eq!(numbers, (1..=account.head.last_event).collect::<Vec<_>>());
    }
}

async fn pending_migrations_are_applied_by_no_visitor(home: Arc<Home>) {
    let refused = async || open_current(home.database()).await.err().map(|failure| failure.to_string()).unwrap_or_default();
    for _ in 0..2 {
        assert!(refused().await.contains("doorward migrate"));
        assert_eq!(pending(home.database()).await.expect("it can be looked at"), 1);
    }
    home.open().await.close().await;
    open_current(home.database()).await.expect("it is of today").close().await;
    assert_eq!(pending(home.database()).await.expect("it can be looked at"), 0);
    home.tamper("DELETE FROM schema_migration").await;
    let rows = home.rows().await;
    assert!(refused().await.contains("doorward migrate"));
    assert_eq!(home.rows().await, rows);
}

async fn a_newer_schema_is_refused((store, home): (Arc<dyn Store>, Arc<Home>)) {
    store.close().await;
    home.tamper("INSERT INTO schema_migration (number, checksum) VALUES (9999, 1)").await;
    let Err(failure) = open(home.database()).await else { panic!("a newer schema opened") };
    assert!(matches!(&failure, StoreError::Misconfigured(text) if text.contains("9999")), "{failure:?}");
    home.tamper("DELETE FROM schema_migration WHERE number = 9999").await;
    drop(home.open().await);
}

async fn an_edited_migration_is_refused((store, home): (Arc<dyn Store>, Arc<Home>)) {
    store.close().await;
    home.tamper("UPDATE schema_migration SET checksum = checksum + 1").await;
    let Err(failure) = open(home.database()).await else { panic!("an edited schema opened") };
    assert!(matches!(failure, StoreError::Misconfigured(_)), "{failure:?}");
}

/// A row that no doorward wrote is an error, and neither an absent session nor a live one.
async fn an_unreadable_row_is_corrupt_and_not_unknown((store, home): (Arc<dyn Store>, Arc<Home>)) {
    let opened = Person::new(&store, "acme", "ana").await.enter(start()).await;
    store.close().await;
    for damage in ["UPDATE session SET ended_cause = 99, ended_at = 5", "UPDATE session SET ended_cause = NULL, ended_at = NULL, sealed = token"] {
        home.tamper(damage).await;
        let store = home.open().await;
        assert!(matches!(store.session(opened.access_token.at).await, Err(StoreError::Corrupt(_))), "{damage}");
        assert!(matches!(store.touch(opened.access_token.at, after(60), 0).await, Ok(None) | Err(StoreError::Corrupt(_))), "{damage}");
        store.close().await;
    }
}
