//! Laws of isolation: tenants and people share nothing, however alike their names, devices and hours are.

use std::collections::HashSet;
use std::sync::Arc;

use doorward_domain::{AccessToken, Cause, Completion, Decision, Presented, Reason, SessionRef};
use doorward_store::{Need, Page, Rows, Store};
use doorward_tests::{Home, Person, after, attempt, start, tenant_id};

doorward_tests::on_each_engine! {
    equal_strings_share_nothing,
    a_device_token_of_another_is_simply_missing,
    crossed_access_tokens_open_nothing,
    no_list_shows_anothers,
    an_account_without_its_tenant_is_corrupt,
}

/// The rows that hold an account's id or a tenant's name.
async fn rows_of(home: &Home, person: &Person) -> Vec<String> {
    let head = person.read(Need::default()).await.head.clone();
    let id = head.id.0.simple().to_string();
    home.rows().await.into_iter().filter(|row| row.to_lowercase().contains(&id)).collect()
}

async fn equal_strings_share_nothing((store, home): (Arc<dyn Store>, Arc<Home>)) {
    // The same user in two tenants, and names whose joined letters are alike.
    let pairs = [("acme", "ana"), ("other", "ana"), ("a", "bc"), ("ab", "c"), ("acme", "Ana"), ("acme", "ana "), ("acme", "aná"), ("acme", "ana\u{301}")];
    let mut people = Vec::new();
    for (tenant, user) in pairs {
        let person = Person::new(&store, tenant, user).await;
        let completion =
            Completion { trust_device: true, external_session_id: Some("s-1".to_owned()), device_name: Some("phone".to_owned()), ..Completion::default() };
        let opened = person.enter_with(start(), None, completion).await;
        people.push((person, opened));
    }
    let mut ids = HashSet::new();
    for (person, _) in &people {
        assert!(ids.insert(person.read(Need::default()).await.head.id), "each has an account of their own");
        let account = person.standing().await;
        assert_eq!((account.devices.len(), account.sessions.len()), (1, 1));
    }
    // One of them does all that a person can; the others' rows stay as they are.
    let (ana, opened) = people.remove(0);
    let mut before = Vec::new();
    for (person, _) in &people {
        before.push(rows_of(&home, person).await);
    }
    let (device, session) = (opened.device, opened.session);
    ana.act(after(1), move |account, moment| {
        account.end_session(moment, session, Cause::Revoked)?;
        account.end_all_sessions(moment, None, false)?;
        account.hijack(moment, device)?;
        account.forget(moment, device, Cause::DeviceForgotten).map(drop)
    })
    .await
    .expect("it is done");
    for ((person, opened), before) in people.iter().zip(&before) {
        assert_eq!(&rows_of(&home, person).await, before);
        assert!(!before.is_empty());
        assert!(person.is_in(&opened.access_token, after(1)).await && person.trusts(opened.device, after(1)).await);
    }
}

async fn a_device_token_of_another_is_simply_missing((store, home): (Arc<dyn Store>, Arc<Home>)) {
    let (ana, ben, elsewhere) = (Person::new(&store, "acme", "ana").await, Person::new(&store, "acme", "ben").await, Person::new(&store, "other", "ana").await);
    let token = ana.enter_and_trust(start()).await.device_token.expect("a token").reveal();
    let before = rows_of(&home, &ana).await;
    for person in [&ben, &elsewhere] {
        let sign_in = person.evaluate(after(1), attempt(after(1)), Some(&token)).await.expect("evaluated");
        assert_eq!((sign_in.judgement.decision, sign_in.presented, sign_in.device), (Decision::Challenge, Presented::Missing, None));
        assert_eq!(sign_in.judgement.reasons, [Reason::UnknownDevice, Reason::DeviceTokenMissing]);
        assert_eq!(sign_in.looks_like, None, "nor does a look tell one of the other");
    }
    assert_eq!(rows_of(&home, &ana).await, before, "it neither harms nor throttles its owner");
    let hers = ana.evaluate(after(1), attempt(after(1)), Some(&token)).await.expect("evaluated");
    assert_eq!(hers.judgement.decision, Decision::Allow);
}

async fn crossed_access_tokens_open_nothing(store: Arc<dyn Store>) {
    let (ana, ben) = (Person::new(&store, "acme", "ana").await, Person::new(&store, "acme", "ben").await);
    let (hers, his) = (ana.enter(start()).await.access_token, ben.enter(start()).await.access_token);
    let crossed = [
        AccessToken { at: hers.at, secret: his.secret.clone() },
        AccessToken { at: SessionRef { id: his.at.id, ..hers.at }, secret: his.secret.clone() },
        AccessToken { at: SessionRef { account: his.at.account, ..hers.at }, secret: hers.secret.clone() },
        AccessToken { at: SessionRef { shard: doorward_domain::Shard(hers.at.shard.0 ^ 1), ..hers.at }, secret: hers.secret.clone() },
    ];
    for token in crossed {
        assert!(!ana.is_in(&token, start()).await, "{:?}", token.at);
    }
    assert!(ana.is_in(&hers, start()).await && ben.is_in(&his, start()).await);
}

async fn no_list_shows_anothers(store: Arc<dyn Store>) {
    let (ana, ben) = (Person::new(&store, "acme", "ana").await, Person::new(&store, "acme", "ben").await);
    for second in 0..5 {
        ana.enter(after(second)).await;
        ben.enter(after(second)).await;
        ana.evaluate(after(second), attempt(after(second)), None).await.expect("evaluated");
    }
    let page = Page { before: None, limit: 100 };
    let need = Need {
        devices: Rows::Page(page),
        sessions: Rows::Page(page),
        sign_ins: Some(page),
        events: Some(page),
        offers_since: Some(start()),
        raises: true,
        ..Need::default()
    };
    let (hers, his) = (ana.read(need.clone()).await, ben.read(need).await);
    assert_eq!((hers.sessions.len(), his.sessions.len(), hers.sign_ins.len(), his.sign_ins.len()), (5, 5, 5, 0));
    assert!(hers.devices.iter().all(|device| !his.devices.iter().any(|other| other.id == device.id)));
    assert!(hers.events.iter().all(|event| !his.events.iter().any(|other| other.id == event.id)));
    assert!(hers.offers.iter().all(|offer| !his.offers.iter().any(|other| other.id == offer.id)));
}

/// A tenant that is removed from under its accounts by hand is an error, and neither an absent session nor a live one.
async fn an_account_without_its_tenant_is_corrupt((store, home): (Arc<dyn Store>, Arc<Home>)) {
    let opened = Person::new(&store, "acme", "ana").await.enter(start()).await;
    store.close().await;
    home.tamper("DELETE FROM tenant").await;
    let store = home.open().await;
    assert!(matches!(store.session(opened.access_token.at).await, Err(doorward_store::StoreError::Corrupt(_))));
    assert!(store.tenant(tenant_id("acme")).await.expect("the store answers").is_none());
}
