//! Laws of events: numbered without gaps, in order, and each in the same commit as its change.

use std::sync::Arc;

use doorward_domain::{Account, Cause, EventKind, SessionId};
use doorward_store::{Need, Page, Rows, Store};
use doorward_tests::{Person, after, at_once, start};

doorward_tests::on_each_engine! {
    every_change_has_its_events_in_the_same_commit,
    event_numbers_are_gapless_and_in_order_under_sixty_four_writers,
}

const EVERYTHING: Page = Page { before: None, limit: 5_000 };

async fn trail(person: &Person) -> Arc<Account> {
    person.read(Need { devices: Rows::Page(EVERYTHING), sessions: Rows::Page(EVERYTHING), events: Some(EVERYTHING), ..Need::default() }).await
}

/// Whether the trail and the rows tell one story.
fn assert_agree(account: &Account) {
    let numbers: Vec<i64> = account.events.iter().rev().map(|event| event.number).collect();
    assert_eq!(numbers, (1..=account.head.last_event).collect::<Vec<_>>(), "without gaps, up to the head's number");
    let of = |kind| account.events.iter().filter(move |event| event.kind == kind);
    assert_eq!(of(EventKind::SessionStarted).count(), account.sessions.len());
    assert_eq!(of(EventKind::DeviceAdded).count(), account.devices.len());
    for event in of(EventKind::SessionStarted) {
        let session = account.session(event.session.expect("it names its session")).expect("the session is there with its event");
        assert_eq!((Some(session.device), session.created_at), (event.device, event.at));
    }
    let ended: Vec<SessionId> = of(EventKind::SessionEnded).filter_map(|event| event.session).collect();
    for session in &account.sessions {
        assert_eq!(session.ended.is_some(), ended.contains(&session.id), "an ending has its event, and an event its ending");
    }
    let trusted = of(EventKind::DeviceTrusted).filter_map(|event| event.device).collect::<Vec<_>>();
    for device in &account.devices {
        assert_eq!(device.grant.is_some(), trusted.contains(&device.id));
    }
}

/// While writers change an account, every read of it finds rows and events of one moment.
async fn every_change_has_its_events_in_the_same_commit(store: Arc<dyn Store>) {
    let ana = Person::new(&store, "acme", "ana").await;
    let writing = tokio::spawn({
        let ana = ana.clone();
        async move {
            at_once(6, |number| {
                let ana = ana.clone();
                async move {
                    for step in 0..8 {
                        let opened = if (number + step) % 2 == 0 { ana.enter(start()).await } else { ana.enter_and_trust(start()).await };
                        if step % 3 == 0 {
                            let session = opened.session;
                            ana.act(after(1), move |account, moment| account.end_session(moment, session, Cause::Revoked)).await.expect("it ends");
                        }
                    }
                }
            })
            .await
        }
    });
    let mut reads = 0;
    while !writing.is_finished() {
        assert_agree(&*trail(&ana).await);
        reads += 1;
    }
    writing.await.expect("no task fails");
    assert!(reads > 0);
    let account = trail(&ana).await;
    assert_agree(&account);
    assert_eq!(account.sessions.len(), 48);
}

async fn event_numbers_are_gapless_and_in_order_under_sixty_four_writers(store: Arc<dyn Store>) {
    let (ana, ben) = (Person::new(&store, "acme", "ana").await, Person::new(&store, "acme", "ben").await);
    let mut drawn = at_once(64, |number| {
        let person = if number % 4 == 0 { ben.clone() } else { ana.clone() };
        async move {
            person
                .act(after(1), |account, moment| {
                    account.record(moment, EventKind::DeviceRenamed, doorward_domain::event::About::default());
                    Ok((account.head.user.clone(), account.head.last_event))
                })
                .await
                .expect("no refusal")
        }
    })
    .await;
    drawn.sort_unstable();
    let numbers = |user: &str| drawn.iter().filter(|(of, _)| of.as_str() == user).map(|(_, number)| *number).collect::<Vec<_>>();
    assert_eq!(numbers("ana"), (2..=49).collect::<Vec<_>>());
    assert_eq!(numbers("ben"), (2..=17).collect::<Vec<_>>());
    let account = trail(&ana).await;
    assert_eq!(account.events.iter().map(|event| event.number).collect::<Vec<_>>(), (1..=49).rev().collect::<Vec<_>>());
}
