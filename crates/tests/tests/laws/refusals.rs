//! Laws of refusals: what isn't committed leaves no trace, and harms nobody beside it.

use std::sync::Arc;

use doorward_domain::event::About;
use doorward_domain::{Account, Cause, EventKind, Moment, Refusal, SessionRef, Timestamp};
use doorward_store::{Need, Page, Rows, Store, StoreError};
use doorward_tests::{Home, Person, after, at_once, mint, moment_with, start, tenant, tenant_id};
use futures_util::FutureExt as _;

doorward_tests::on_each_engine! {
    a_refusal_writes_nothing,
    a_panic_writes_nothing_and_the_store_goes_on,
    a_tenants_change_that_panics_writes_nothing,
    a_row_that_is_there_already_undoes_the_whole_change,
    neighbours_of_what_fails_are_committed,
    a_caller_that_goes_away_leaves_no_half_change,
    a_change_of_all_tenants_that_fails_halfway_is_told_by_nobody,
    a_batch_of_touches_that_fails_halfway_is_told_by_nobody,
}

/// Does to an account all that can be done to one.
fn ravage(account: &mut Account, moment: &mut Moment<'_>) {
    let devices: Vec<_> = account.devices.iter().map(|device| device.id).collect();
    for device in devices {
        drop(account.rename(moment, device, "stolen"));
        drop(account.hijack(moment, device));
        drop(account.forget(moment, device, Cause::DeviceForgotten));
    }
    drop(account.sign_in_directly(moment, doorward_tests::passed(moment.now), None, doorward_domain::Completion::default()));
    drop(account.end_all_sessions(moment, None, false));
    for session in &mut account.sessions {
        session.last_activity_at = moment.now;
    }
    account.head.disabled_at = Some(moment.now);
    account.record(moment, EventKind::DeviceHijacked, About::default());
}

async fn furnished(store: &Arc<dyn Store>) -> Person {
    let ana = Person::new(store, "acme", "ana").await;
    ana.enter_and_trust(start()).await;
    ana.enter(after(1)).await;
    ana
}

/// All that a store says of an account.
async fn told(person: &Person) -> (Arc<Account>, Arc<Account>) {
    let page = Page { before: None, limit: 1_000 };
    let lists = Need { devices: Rows::Page(page), sessions: Rows::Page(page), sign_ins: Some(page), events: Some(page), ..Need::default() };
    (person.read(Need::standing(start())).await, person.read(lists).await)
}

async fn a_refusal_writes_nothing((store, home): (Arc<dyn Store>, Arc<Home>)) {
    let ana = furnished(&store).await;
    let (rows, answers) = (home.rows().await, told(&ana).await);
    let refused = ana.act(after(2), |account, moment| {
        ravage(account, moment);
        Err::<(), _>(Refusal::NotFound)
    });
    assert_eq!(refused.await, Err(Refusal::NotFound));
    assert_eq!(home.rows().await, rows);
    assert_eq!(told(&ana).await, answers);
}

async fn a_panic_writes_nothing_and_the_store_goes_on((store, home): (Arc<dyn Store>, Arc<Home>)) {
    let ana = furnished(&store).await;
    let (rows, answers) = (home.rows().await, told(&ana).await);
    let panicked = ana.try_act(Need::standing(after(2)), after(2), |account, moment| {
        ravage(account, moment);
        assert!(account.head.disabled_at.is_none(), "a rule with a mistake");
        Ok(())
    });
    let failure = panicked.await.expect_err("the rule panics");
    assert!(matches!(&failure, StoreError::Panicked(text) if text.contains("a rule with a mistake")), "{failure:?}");
    assert_eq!(home.rows().await, rows);
    assert_eq!(told(&ana).await, answers);
    ana.enter(after(3)).await;
}

async fn a_tenants_change_that_panics_writes_nothing((store, home): (Arc<dyn Store>, Arc<Home>)) {
    let ana = furnished(&store).await;
    let rows = home.rows().await;
    let panicked = doorward_tests::change_tenant(
        &store,
        tenant_id("acme"),
        Arc::new(|tenant| {
            tenant.sessions_gen += 1;
            assert!(tenant.sessions_gen == 1, "a change with a mistake");
        }),
    );
    assert!(matches!(panicked.await, Err(StoreError::Panicked(_))));
    assert_eq!(home.rows().await, rows);
    assert_eq!(store.tenant(tenant_id("acme")).await.expect("the store answers").map(|tenant| tenant.sessions_gen), Some(1));
    ana.enter(after(3)).await;
}

/// What a change of a row that can't be written did before is undone with it: here a device whose id is taken by one that wasn't loaded.
async fn a_row_that_is_there_already_undoes_the_whole_change((store, home): (Arc<dyn Store>, Arc<Home>)) {
    let ana = furnished(&store).await;
    let taken = ana.standing().await.devices[0].clone();
    let (rows, answers) = (home.rows().await, told(&ana).await);
    let failure = ana.try_act(Need::default(), after(2), move |account, moment| {
        account.head.disabled_at = Some(moment.now);
        account.record(moment, EventKind::DeviceAdded, About::default());
        account.devices.push(taken.clone());
        Ok(())
    });
    assert!(matches!(failure.await, Err(StoreError::Exists)));
    assert_eq!(home.rows().await, rows);
    assert_eq!(told(&ana).await, answers);
}

/// A third of the changes of one moment is refused, a third panics; the rest are there, each whole.
async fn neighbours_of_what_fails_are_committed(store: Arc<dyn Store>) {
    let mut people = Vec::new();
    for number in 0..12 {
        people.push(Person::new(&store, "acme", &format!("user-{number}")).await);
    }
    let outcomes = at_once(96, |number| {
        let person = people[number % people.len()].clone();
        async move {
            person
                .try_act(Need::standing(start()), start(), move |account, moment| {
                    account.record(moment, EventKind::DeviceRenamed, About::default().with("by", number));
                    assert!(number % 3 != 0, "a rule with a mistake");
                    if number % 3 == 1 { Err(Refusal::NotFound) } else { Ok(number) }
                })
                .await
        }
    })
    .await;
    for (number, outcome) in outcomes.into_iter().enumerate() {
        match number % 3 {
            0 => assert!(matches!(outcome, Err(StoreError::Panicked(_)))),
            1 => assert_eq!(outcome.expect("the store answers"), Some(Err(Refusal::NotFound))),
            _ => assert_eq!(outcome.expect("the store answers"), Some(Ok(number))),
        }
    }
    let mut found = Vec::new();
    for person in &people {
        let account = person.read(Need { events: Some(Page { before: None, limit: 1_000 }), ..Need::default() }).await;
        assert_eq!(usize::try_from(account.head.last_event), Ok(account.events.len()), "no number is taken by what failed");
        found.extend(account.events.iter().filter_map(|event| event.data.get("by")?.as_u64()));
    }
    found.sort_unstable();
    assert_eq!(found, (0..96).filter(|number| number % 3 == 2).collect::<Vec<_>>());
}

/// A caller that goes away leaves a change that is whole or absent.
async fn a_caller_that_goes_away_leaves_no_half_change((store, home): (Arc<dyn Store>, Arc<Home>)) {
    let ana = Person::new(&store, "acme", "ana").await;
    for second in 1..64 {
        let now: Timestamp = after(second);
        let change = ana.act(now, move |account, moment| {
            account.record(moment, EventKind::DeviceRenamed, About::default());
            account.head.disabled_at = Some(now);
            account.record(moment, EventKind::DeviceRenamed, About::default());
            Ok(())
        });
        if second % 2 == 0 {
            _ = change.now_or_never();
        } else {
            drop(tokio::time::timeout(std::time::Duration::from_micros(u64::from(second) * 20), change).await);
        }
    }
    // A change of our own comes after all of them, since an account's changes are one after another.
    let last = ana.act(after(100), |account, moment| {
        account.record(moment, EventKind::DeviceRenamed, About::default());
        Ok((account.head.last_event, account.head.disabled_at))
    });
    let (last_event, disabled_at) = last.await.expect("no refusal");
    let account = ana.read(Need { events: Some(Page { before: None, limit: 1_000 }), ..Need::default() }).await;
    assert_eq!(usize::try_from(account.head.last_event), Ok(account.events.len()));
    assert_eq!(last_event % 2, 0, "the first, pairs, and the last");
    assert_eq!(account.events.get(1).map(|event| event.at), disabled_at.or(account.events.get(1).map(|event| event.at)));
    assert_eq!(home.rows().await.iter().filter(|row| row.starts_with("event:")).count(), account.events.len());
}

/// From now on the database refuses what is written to a table while this is true of it or of the NEW row, as a disk may fail just there.
async fn refuse(home: &Home, write: &str, table: &str, condition: &str) {
    let trigger = match home.file() {
        Some(_) => format!("CREATE TRIGGER refuse BEFORE {write} ON {table} WHEN {condition} BEGIN SELECT RAISE(ABORT, 'refused'); END"),
        None => format!(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF {condition} THEN RAISE EXCEPTION 'refused'; END IF; RETURN NEW; END $$; \
             CREATE TRIGGER refuse BEFORE {write} ON {table} FOR EACH ROW EXECUTE FUNCTION refuse()"
        ),
    };
    home.tamper(&trigger).await;
}

/// A change of several tenants of which a later write fails: memory tells of none of it either, before and after the next commit.
async fn a_change_of_all_tenants_that_fails_halfway_is_told_by_nobody((store, home): (Arc<dyn Store>, Arc<Home>)) {
    let ana = Person::new(&store, "acme", "ana").await;
    let opened = ana.enter_and_trust(start()).await;
    store.create_tenant(tenant("globex")).await.expect("a new tenant");
    let rows = home.rows().await;
    refuse(&home, "UPDATE", "tenant", "NEW.id = 'globex'").await;
    let failed = store.administer_all(|tenancies| {
        tenancies.iter_mut().for_each(|tenancy| tenancy.fence(&mut moment_with(after(1), mint())));
        Ok::<(), ()>(())
    });
    assert!(failed.await.is_err());
    assert_eq!(home.rows().await, rows);
    for step in [2, 3] {
        let told = store.tenant(tenant_id("acme")).await.expect("the store answers").expect("the tenant");
        assert_eq!((told.sessions_gen, told.fenced_at), (1, None));
        assert!(ana.is_in(&opened.access_token, after(step)).await && ana.trusts(opened.device, after(step)).await);
        // A rule sees the tenant as it is, and so does what comes after its commit.
        let seen = ana.act(after(step), |account, moment| {
            account.record(moment, EventKind::DeviceRenamed, About::default());
            Ok(account.tenant.sessions_gen)
        });
        assert_eq!(seen.await, Ok(1));
    }
}

/// The same of a batch of touches.
async fn a_batch_of_touches_that_fails_halfway_is_told_by_nobody((store, home): (Arc<dyn Store>, Arc<Home>)) {
    let mut at = vec![];
    for user in ["ana", "bob", "carol"] {
        at.push(Person::new(&store, "acme", user).await.enter(start()).await.access_token.at);
    }
    let rows = home.rows().await;
    refuse(&home, "INSERT", "activity", "(SELECT count(*) FROM activity) >= 2").await;
    assert!(store.touch_many(at.clone(), after(90), 60).await.is_err());
    assert_eq!(home.rows().await, rows);
    let heard = async || {
        let accounts = store.sessions(at.clone()).await.expect("the store answers");
        let of = |(at, account): (&SessionRef, &Option<Arc<Account>>)| account.as_ref()?.session(at.id).ok().map(|session| session.last_activity_at);
        at.iter().zip(&accounts).map(of).collect::<Vec<_>>()
    };
    assert_eq!(heard().await, [Some(start()); 3]);
    // One alone is noted, and nothing comes with it.
    assert!(store.touch(at[0], after(90), 60).await.expect("the store answers").is_some());
    assert_eq!(heard().await, [Some(after(90)), Some(start()), Some(start())]);
}
