//! Erasure: of who is erased nothing is left that names them, and nobody and nothing else is touched.

use std::sync::Arc;

use doorward_domain::{Attempt, Completion, EventKind, Refusal, Seen, SignIn};
use doorward_store::{AccountKey, Need, Page, Rows, Store};
use doorward_tests::{Home, Person, after, at_once, attempt, keys, mint, moment_with, passed, start, tenant, with_code};
use serde_json::json;

doorward_tests::on_each_engine! {
    what_was_held_is_gone_and_the_events_name_nobody,
    the_same_user_begins_anew_under_another_id,
    a_refused_erasure_changes_nothing,
    a_sign_in_is_not_appended_to_who_was_erased,
    whoever_signs_in_while_being_erased_is_erased_or_somebody_new,
    the_last_event_of_who_is_erased_is_the_erasure,
}

async fn erase(person: &Person, second: u32) -> bool {
    let mint = mint();
    let rule = move |account: &mut doorward_domain::Account| Ok::<_, Refusal>(account.erase(&mut moment_with(after(second), mint.clone())));
    let erased = person.store.erase(person.key.clone(), Need::standing(after(second)), rule).await.expect("the store answers");
    erased.is_some_and(|outcome| outcome.is_ok())
}

fn canary_looks() -> Attempt {
    let seen = Seen {
        ip: "203.0.113.77".parse().expect("an address"),
        user_agent: "canary agent".to_owned(),
        client_hints: Some("canary hints".to_owned()),
        device_info: Some("canary info".to_owned()),
    };
    Attempt { seen, ..passed(start()) }
}

fn canary_words() -> Completion {
    Completion {
        trust_device: true,
        device_name: Some("canary name".to_owned()),
        device_metadata: json!({ "note": "canary metadata" }).as_object().cloned(),
        external_session_id: Some("canary session".to_owned()),
        ..Completion::default()
    }
}

async fn what_was_held_is_gone_and_the_events_name_nobody((store, home): (Arc<dyn Store>, Arc<Home>)) {
    let (ana, ben) = (Person::new(&store, "acme", "canary-ana").await, Person::new(&store, "acme", "ben").await);
    ben.enter_and_trust(start()).await;
    let others: Vec<String> = home.rows().await.into_iter().filter(|row| row.contains("ben")).collect();
    let opened = ana.act(start(), |account, moment| account.sign_in_directly(moment, canary_looks(), None, canary_words())).await.expect("she is in");
    ana.evaluate(start(), attempt(start()), None).await.expect("evaluated");
    let id = ana.standing().await.head.id;
    let hex = id.0.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect::<String>();

    assert!(erase(&ana, 5).await);
    let rows = home.rows().await;
    let mut tables: Vec<&str> = rows.iter().filter(|row| row.to_lowercase().contains(&hex)).map(|row| row.split(':').next().expect("a name")).collect();
    tables.dedup();
    assert_eq!(tables, ["event", "feed", "tombstone"], "its events, their places, and what stays of it");
    assert!(!rows.iter().any(|row| row.contains("canary")));
    assert!(others.iter().all(|row| rows.contains(row)), "nothing of ben's is touched");
    assert!(!ana.is_in(&opened.access_token, after(6)).await);
    assert!(store.account(ana.key.clone(), Need::default()).await.expect("the store answers").is_none());
    assert!(!erase(&ana, 7).await, "there is nobody to erase any more");
    assert_eq!(home.rows().await, rows);
}

async fn the_same_user_begins_anew_under_another_id((store, home): (Arc<dyn Store>, Arc<Home>)) {
    let ana = Person::new(&store, "acme", "ana").await;
    let opened = ana.enter_and_trust(start()).await;
    let sign_in = ana.evaluate(start(), attempt(start()), None).await.expect("evaluated");
    let old = ana.standing().await.head.clone();
    assert!(erase(&ana, 5).await);
    let mut store = store;
    for reopened in [false, true] {
        if reopened {
            store = home.reopen(&store).await;
        }
        let again = Person::new(&store, "acme", "ana").await;
        let new = again.standing().await;
        assert_ne!((new.head.id, &new.head.data_key), (old.id, &old.data_key));
        assert!(new.devices.is_empty() && new.sessions.is_empty());
        assert!(!again.is_in(&opened.access_token, after(6)).await);
        let token = opened.device_token.as_ref().map(|token| token.reveal());
        let judged = again.evaluate(after(6), attempt(after(6)), token.as_deref()).await.expect("evaluated");
        assert_eq!(judged.judgement.decision, doorward_domain::Decision::Challenge, "an unknown person");
        assert_eq!(again.complete(after(7), sign_in.id, with_code()).await, Err(Refusal::NotFound));
        assert!(store.account(AccountKey::Id(old.shard, old.id), Need::default()).await.expect("the store answers").is_none());
        assert!(store.session(opened.access_token.at).await.expect("the store answers").is_none());
    }
}

async fn a_refused_erasure_changes_nothing((store, home): (Arc<dyn Store>, Arc<Home>)) {
    let ana = Person::new(&store, "acme", "ana").await;
    let opened = ana.enter_and_trust(start()).await;
    let before = home.rows().await;
    let refused = store.erase(ana.key.clone(), Need::standing(after(1)), |account| {
        account.head.sessions_gen += 1;
        Err::<((), _), _>(Refusal::NotFound)
    });
    assert_eq!(refused.await.expect("the store answers"), Some(Err(Refusal::NotFound)));
    let panicked = store.erase(ana.key.clone(), Need::standing(after(1)), |_| -> Result<((), _), Refusal> { panic!("a rule with a defect") });
    panicked.await.expect_err("it panicked");
    assert_eq!(home.rows().await, before);
    assert!(ana.is_in(&opened.access_token, after(1)).await);
}

/// A sign-in that is evaluated while its person is erased leaves no row behind, or one that nothing can read.
async fn a_sign_in_is_not_appended_to_who_was_erased((store, home): (Arc<dyn Store>, Arc<Home>)) {
    let ana = Person::new(&store, "acme", "ana").await;
    let account = ana.standing().await;
    let sign_in: SignIn = account.evaluate(&mut moment_with(after(1), mint()), attempt(after(1)), None).expect("evaluated").expect("by a read alone");
    assert!(erase(&ana, 2).await);
    let before = home.rows().await;
    assert!(!store.append(&account.head, sign_in).await.expect("the store answers"));
    assert_eq!(home.rows().await, before);
}

/// Whatever runs beside an erasure comes before it, and is gone, or after it, and is of a new account.
async fn whoever_signs_in_while_being_erased_is_erased_or_somebody_new((store, home): (Arc<dyn Store>, Arc<Home>)) {
    for round in 0..8 {
        let ana = Person::new(&store, "acme", &format!("ana-{round}")).await;
        let old = ana.standing().await.head.clone();
        at_once(16, |nth| {
            let ana = ana.clone();
            async move {
                if nth == 7 {
                    assert!(erase(&ana, 1).await);
                } else {
                    let need = Need { create: Some(doorward_domain::NewAccount::draw(&mut mint(), after(1))), ..Need::standing(after(1)) };
                    let enter = |account: &mut doorward_domain::Account, moment: &mut doorward_domain::Moment<'_>| {
                        account.sign_in_directly(moment, passed(after(1)), None, Completion::default())
                    };
                    ana.act_needing(need, after(1), enter).await.expect("she is in");
                }
            }
        })
        .await;
        assert!(store.account(AccountKey::Id(old.shard, old.id), Need::default()).await.expect("the store answers").is_none());
        let hex = old.id.0.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let stays = |row: &String| ["event:", "feed:", "tombstone:"].iter().any(|table| row.starts_with(table));
        let left = home.rows().await.into_iter().filter(|row| row.to_lowercase().contains(&hex) && !stays(row));
        assert_eq!(left.collect::<Vec<_>>(), Vec::<String>::new());
    }
}

async fn the_last_event_of_who_is_erased_is_the_erasure((store, home): (Arc<dyn Store>, Arc<Home>)) {
    let ana = Person::new(&store, "acme", "ana").await;
    ana.enter(start()).await;
    let page = Need { events: Some(Page { before: None, limit: 100 }), devices: Rows::Standing, ..Need::default() };
    let before = ana.read(page).await.events.len();
    assert!(erase(&ana, 3).await);
    let events: Vec<String> = home.rows().await.into_iter().filter(|row| row.starts_with("event:")).collect();
    assert_eq!(events.len(), before + 1, "all of them stay");
    let last = format!("number={}, ", before + 1);
    let kind = format!("kind={}, ", EventKind::AccountErased.code());
    assert!(events.iter().any(|row| row.contains(&last) && row.contains(&kind)), "{events:?}");
    // Who holds the server key and names the user can show that they were erased.
    let pseudonym = keys().seal("erased-user", &[b"acme", b"ana"]).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let tombstones: Vec<String> = home.rows().await.into_iter().filter(|row| row.starts_with("tombstone:")).collect();
    assert!(tombstones.len() == 1 && tombstones[0].to_lowercase().contains(&pseudonym), "{tombstones:?}");
    assert_eq!(store.tenant(tenant("acme").id).await.expect("the store answers").map(|tenant| tenant.id.clone()), Some(tenant("acme").id));
}
