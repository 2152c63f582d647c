//! Laws of accounts: made once, found by their owner alone, never half loaded.

use std::sync::Arc;

use doorward_domain::{AccountId, Cause, Completion, DeviceId, DeviceToken, NewAccount, OfferId, Refusal, SessionId, SessionRef, Shard, SignInId};
use doorward_store::{AccountKey, Need, Page, Rows, Store, StoreError};
use doorward_tests::{Home, Person, after, at_once, mint, start, tenant, tenant_id, user_id};
use serde_json::json;
use uuid::Uuid;

doorward_tests::on_each_engine! {
    sixty_four_first_updates_of_one_user_make_one_account,
    sixty_four_users_at_once_get_sixty_four_accounts,
    an_account_is_made_only_where_the_need_says_so,
    an_id_makes_no_account,
    a_refused_creation_makes_nothing,
    an_account_of_an_unknown_tenant_is_not_made,
    what_is_unknown_is_none,
    a_reference_with_another_shard_finds_nothing,
    a_reference_of_one_account_with_the_id_of_another_finds_nothing,
    no_update_is_lost_under_sixty_four_at_once,
    a_rule_sees_the_tenant_as_it_is_in_the_same_transaction,
    a_need_loads_what_it_names,
    memory_and_file_tell_the_same,
}

fn fresh_id() -> AccountId {
    AccountId(mint().uuid(start()))
}

fn creating(id: AccountId) -> Need {
    Need { create: Some(NewAccount { id, ..NewAccount::draw(&mut mint(), start()) }), ..Need::default() }
}

async fn sixty_four_first_updates_of_one_user_make_one_account((store, home): (Arc<dyn Store>, Arc<Home>)) {
    store.create_tenant(tenant("acme")).await.expect("a new tenant");
    let made = at_once(64, |_| {
        let store = Arc::clone(&store);
        async move {
            let key = AccountKey::User(tenant_id("acme"), user_id("ana"));
            store
                .update(key, creating(fresh_id()), |account| {
                    account.head.last_event += 1;
                    Ok::<_, Refusal>(account.head.id)
                })
                .await
                .expect("the store answers")
                .expect("an account")
                .expect("no refusal")
        }
    })
    .await;
    assert!(made.iter().all(|id| *id == made[0]), "every update reached the same account");
    let rows = home.rows().await.into_iter().filter(|row| row.starts_with("account:")).collect::<Vec<_>>();
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert!(rows[0].contains("last_event=64"), "no update was lost: {rows:?}");
}

async fn sixty_four_users_at_once_get_sixty_four_accounts((store, home): (Arc<dyn Store>, Arc<Home>)) {
    let people = at_once(64, |number| {
        let store = Arc::clone(&store);
        async move { Person::new(&store, "acme", &format!("user-{number}")).await.read(Need::default()).await.head.clone() }
    })
    .await;
    for (number, head) in people.iter().enumerate() {
        assert_eq!(head.user.as_str(), format!("user-{number}"));
    }
    let rows = home.rows().await;
    assert_eq!(rows.iter().filter(|row| row.starts_with("account:")).count(), 64);
}

async fn an_account_is_made_only_where_the_need_says_so((store, home): (Arc<dyn Store>, Arc<Home>)) {
    store.create_tenant(tenant("acme")).await.expect("a new tenant");
    let before = home.rows().await;
    let key = AccountKey::User(tenant_id("acme"), user_id("ana"));
    let ran = store.update(key.clone(), Need::standing(start()), |_| Ok::<(), Refusal>(())).await.expect("the store answers");
    assert_eq!(ran, None);
    assert!(store.account(key, Need::default()).await.expect("the store answers").is_none());
    assert_eq!(home.rows().await, before);
}

async fn an_id_makes_no_account(store: Arc<dyn Store>) {
    store.create_tenant(tenant("acme")).await.expect("a new tenant");
    let id = fresh_id();
    let ran = store.update(AccountKey::Id(Shard(1), id), creating(id), |_| Ok::<(), Refusal>(())).await.expect("the store answers");
    assert_eq!(ran, None);
}

async fn a_refused_creation_makes_nothing((store, home): (Arc<dyn Store>, Arc<Home>)) {
    store.create_tenant(tenant("acme")).await.expect("a new tenant");
    let before = home.rows().await;
    let key = AccountKey::User(tenant_id("acme"), user_id("ana"));
    let refused = store.update(key.clone(), creating(fresh_id()), |_| Err::<(), _>(Refusal::NotFound)).await.expect("the store answers");
    assert_eq!(refused, Some(Err(Refusal::NotFound)));
    assert_eq!(home.rows().await, before);
    assert!(store.account(key, Need::default()).await.expect("the store answers").is_none());
}

async fn an_account_of_an_unknown_tenant_is_not_made((store, home): (Arc<dyn Store>, Arc<Home>)) {
    let before = home.rows().await;
    let key = AccountKey::User(tenant_id("nobody"), user_id("ana"));
    let failure = store.update(key, creating(fresh_id()), |_| Ok::<(), Refusal>(())).await.expect_err("there is no such tenant");
    assert!(matches!(failure, StoreError::Misconfigured(_)), "{failure:?}");
    assert_eq!(home.rows().await, before);
}

async fn what_is_unknown_is_none(store: Arc<dyn Store>) {
    let ana = Person::new(&store, "acme", "ana").await;
    let head = ana.read(Need::default()).await.head.clone();
    let unknown = SessionRef { shard: head.shard, account: head.id, id: SessionId(Uuid::max()) };
    let nobody = SessionRef { account: AccountId(Uuid::max()), ..unknown };
    for at in [unknown, nobody] {
        assert!(store.session(at).await.expect("the store answers").is_none());
        assert!(store.touch(at, after(60), 0).await.expect("the store answers").is_none());
    }
    let key = AccountKey::Id(head.shard, AccountId(Uuid::max()));
    assert!(store.account(key.clone(), Need::standing(start())).await.expect("the store answers").is_none());
    assert_eq!(store.update(key, Need::default(), |_| Ok::<(), Refusal>(())).await.expect("the store answers"), None);
    assert!(store.account(AccountKey::User(tenant_id("other"), user_id("ana")), Need::default()).await.expect("the store answers").is_none());
    assert_eq!(store.account_of(SignInId(Uuid::max())).await.expect("the store answers"), None);
    assert!(store.tenant(tenant_id("other")).await.expect("the store answers").is_none());
    let need = Need { device: Some(DeviceId(Uuid::max())), sign_in: Some(SignInId(Uuid::max())), session: Some(SessionId(Uuid::max())), ..Need::default() };
    let account = ana.read(need).await;
    assert_eq!((account.sign_ins.len(), account.newer_sign_ins), (0, 0));
    assert!(account.session(SessionId(Uuid::max())).is_err() && account.device(DeviceId(Uuid::max())).is_err());
}

/// The shard is part of every reference: a wrong one finds nothing, whether or not the account is in memory.
async fn a_reference_with_another_shard_finds_nothing((store, home): (Arc<dyn Store>, Arc<Home>)) {
    let ana = Person::new(&store, "acme", "ana").await;
    let at = ana.enter(start()).await.access_token.at;
    let elsewhere = SessionRef { shard: Shard(at.shard.0 ^ 1), ..at };
    let key = AccountKey::Id(elsewhere.shard, elsewhere.account);
    let before = home.rows().await;
    assert!(store.session(at).await.expect("the store answers").is_some(), "it is in memory now");
    assert!(store.session(elsewhere).await.expect("the store answers").is_none());
    assert!(store.touch(elsewhere, after(600), 0).await.expect("the store answers").is_none());
    assert!(store.account(key.clone(), Need::standing(start())).await.expect("the store answers").is_none());
    let ran = store.update(key, Need::standing(start()), |account| {
        account.head.last_event += 1;
        Ok::<(), Refusal>(())
    });
    assert_eq!(ran.await.expect("the store answers"), None);
    assert_eq!(home.rows().await, before);
}

async fn a_reference_of_one_account_with_the_id_of_another_finds_nothing((store, home): (Arc<dyn Store>, Arc<Home>)) {
    let (ana, ben) = (Person::new(&store, "acme", "ana").await, Person::new(&store, "acme", "ben").await);
    let (hers, his) = (ana.enter(start()).await, ben.enter(start()).await);
    let before = home.rows().await;
    let mixed = SessionRef { id: his.session, ..hers.access_token.at };
    assert!(store.session(mixed).await.expect("the store answers").is_none());
    assert!(store.touch(mixed, after(600), 0).await.expect("the store answers").is_none());
    let account = ana.read(Need { session: Some(his.session), device: Some(his.device), ..Need::default() }).await;
    assert!(account.session(his.session).is_err() && account.device(his.device).is_err());
    let ended = ana.act_needing(Need::standing(after(1)).with_session(his.session), after(1), move |account, moment| {
        account.end_session(moment, his.session, Cause::Revoked)
    });
    assert_eq!(ended.await, Err(Refusal::NotFound));
    assert_eq!(home.rows().await, before);
}

async fn no_update_is_lost_under_sixty_four_at_once(store: Arc<dyn Store>) {
    let ana = Person::new(&store, "acme", "ana").await;
    let device = ana.enter(start()).await.device;
    at_once(64, |_| {
        let ana = ana.clone();
        async move {
            ana.act(after(1), move |account, _| {
                let metadata = &mut account.device_mut(device)?.metadata;
                let count = metadata.get("count").and_then(serde_json::Value::as_i64).unwrap_or(0);
                metadata.insert("count".to_owned(), json!(count + 1));
                Ok(())
            })
            .await
            .expect("no refusal");
        }
    })
    .await;
    assert_eq!(ana.standing().await.device(device).expect("the device").metadata["count"], 64);
}

/// While a tenant's generation is raised by one task, another's rules see every value from the one before to the one after, in order.
async fn a_rule_sees_the_tenant_as_it_is_in_the_same_transaction(store: Arc<dyn Store>) {
    let ana = Person::new(&store, "acme", "ana").await;
    let raising = tokio::spawn({
        let store = Arc::clone(&store);
        async move {
            for _ in 0..20 {
                assert!(doorward_tests::change_tenant(&store, tenant_id("acme"), Arc::new(|tenant| tenant.trust_gen += 1)).await.expect("the store answers"));
            }
        }
    });
    let mut seen = Vec::new();
    while !raising.is_finished() {
        seen.push(ana.act(after(1), |account, _| Ok(account.tenant.trust_gen)).await.expect("no refusal"));
    }
    raising.await.expect("no task fails");
    assert!(seen.is_sorted(), "{seen:?}");
    assert_eq!(ana.act(after(1), |account, _| Ok(account.tenant.trust_gen)).await, Ok(21));
}

async fn a_need_loads_what_it_names(store: Arc<dyn Store>) {
    let ana = Person::new(&store, "acme", "ana").await;
    let (kept, ended, forgotten) = (ana.enter(start()).await, ana.enter(after(1)).await, ana.enter(after(2)).await);
    ana.act(after(3), move |account, moment| account.end_session(moment, ended.session, Cause::SignedOut)).await.expect("it ends");
    ana.act(after(4), move |account, moment| account.forget(moment, forgotten.device, Cause::DeviceForgotten)).await.expect("it is forgotten");
    let page = Page { before: None, limit: 100 };

    let bare = ana.act_needing(Need::default(), after(5), |account, _| Ok(account.clone())).await.expect("no refusal");
    assert_eq!((bare.devices.len(), bare.sessions.len(), bare.offers.len(), bare.sign_ins.len(), bare.events.len()), (0, 0, 0, 0, 0));

    let standing = ana.standing().await;
    assert!(standing.device(kept.device).is_ok() && standing.device(ended.device).is_ok());
    assert_eq!(standing.sessions.iter().map(|session| session.id).collect::<Vec<_>>(), [kept.session], "only what was not ended by itself");

    let listed = ana.read(Need { devices: Rows::Page(page), sessions: Rows::Page(page), events: Some(page), ..Need::default() }).await;
    assert_eq!(listed.sessions.iter().map(|session| session.id).collect::<Vec<_>>(), [forgotten.session, ended.session, kept.session], "newest first");
    assert!(listed.sessions.iter().all(|session| listed.device_of(session).is_ok()), "each session brings its device");
    assert_eq!(i64::try_from(listed.events.len()).expect("few"), listed.head.last_event);

    let one = ana.read(Need { session: Some(forgotten.session), ..Need::default() }).await;
    let session = one.session(forgotten.session).expect("a session in whatever state");
    assert!(one.device_of(session).expect("its device comes along").forgotten_at.is_some());
    assert!(ana.read(Need { device: Some(forgotten.device), ..Need::default() }).await.devices.iter().any(|device| device.id == forgotten.device));

    let offers = ana.read(Need::standing(after(5))).await.offers.clone();
    assert_eq!(offers.len(), 3, "one was made at each sign-in");
    let since = Need { offers_since: Some(after(1)), ..Need::default() };
    let later: Vec<OfferId> = ana.read(since).await.offers.iter().map(|offer| offer.id).collect();
    assert_eq!(later, offers[1..].iter().map(|offer| offer.id).collect::<Vec<_>>());
}

/// Whatever was done, an account that has been in memory all along reads as one that was just opened.
async fn memory_and_file_tell_the_same(home: Arc<Home>) {
    let mut store = home.open().await;
    let mut ana = Person::new(&store, "acme", "ana").await;
    let mut here = ana.enter_and_trust(start()).await;
    for step in 1..=40 {
        let now = after(step * 10 * 86_400);
        let token = here.device_token.as_ref().map(DeviceToken::reveal);
        let next = ana.enter_with(now, token.as_deref().filter(|_| step % 3 != 0), Completion::default()).await;
        // Eight days without a sign of life: what is forgotten or ended then was idle already.
        let later = now.plus_s(if step % 2 == 0 { 8 * 86_400 } else { 60 });
        let (target, newest) = (here.clone(), next.device);
        let done = ana.act(later, move |account, moment| match step % 8 {
            0 => account.forget(moment, newest, Cause::DeviceForgotten).map(drop),
            1 => account.hijack(moment, target.device).map(drop),
            2 => account.untrust(moment, target.device, None, true),
            3 => account.end_session(moment, target.session, Cause::Revoked),
            4 => account.sign_out_device(moment, newest).map(drop),
            5 => account.end_all_sessions(moment, None, false).map(drop),
            6 => account.rename(moment, target.device, "phone"),
            _ => account.release(moment, target.device),
        });
        // Whether it was refused doesn't matter here: the state after it does.
        drop(done.await);
        store.touch(next.access_token.at, now.plus_s(90), 0).await.expect("the store answers");
        here = next;
        if step % 5 == 0 {
            let warm = ana.standing().await;
            store.close().await;
            drop((ana, store));
            store = home.open().await;
            ana = Person::known(&store, "acme", "ana");
            assert_eq!(*warm, *ana.standing().await, "after step {step}");
        }
    }
}
