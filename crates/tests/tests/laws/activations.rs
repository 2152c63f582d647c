//! Laws of activations: an offer is taken up or declined once, by its owner, while everything it hangs on stands.

use std::sync::Arc;

use doorward_domain::{ActivationToken, Cause, Count, Credential, DeviceStatus, EventKind, OfferState, Opened, Refusal};
use doorward_store::{Need, Page, Store};
use doorward_tests::{Person, after, at_once, start};

doorward_tests::on_each_engine! {
    one_of_sixty_four_activations_wins,
    an_offer_is_either_activated_or_declined,
    an_activation_that_races_a_report_leaves_no_trust,
    what_ends_the_session_or_the_trust_ends_the_offer,
    an_activation_token_is_worth_nothing_to_another,
}

const EVERYTHING: Page = Page { before: None, limit: 1_000 };

fn offered(opened: &Opened) -> ActivationToken {
    opened.activation.clone().expect("a real second factor brings an offer")
}

async fn activate(person: &Person, token: &ActivationToken) -> Result<(), Refusal> {
    let token = token.clone();
    person.act(after(1), move |account, moment| account.activate(moment, &token, None, None).map(drop)).await
}

async fn decline(person: &Person, token: &ActivationToken) -> Result<(), Refusal> {
    let token = token.clone();
    person.act(after(1), move |account, moment| account.decline(moment, &token, None).map(drop)).await
}

async fn count(person: &Person, kind: EventKind) -> usize {
    person.read(Need { events: Some(EVERYTHING), ..Need::default() }).await.events.iter().filter(|event| event.kind == kind).count()
}

async fn one_of_sixty_four_activations_wins(store: Arc<dyn Store>) {
    let ana = Person::new(&store, "acme", "ana").await;
    let opened = ana.enter(start()).await;
    let token = offered(&opened);
    let outcomes = at_once(64, |_| {
        let (ana, token) = (ana.clone(), token.clone());
        async move { activate(&ana, &token).await }
    })
    .await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    assert!(outcomes.into_iter().filter_map(Result::err).all(|refusal| refusal == Refusal::ActivationNotFound));
    assert!(ana.trusts(opened.device, after(1)).await);
    assert_eq!(count(&ana, EventKind::DeviceTrusted).await, 1);
}

async fn an_offer_is_either_activated_or_declined(store: Arc<dyn Store>) {
    let ana = Person::new(&store, "acme", "ana").await;
    for _ in 0..8 {
        let opened = ana.enter(start()).await;
        let token = offered(&opened);
        let outcomes = at_once(16, |number| {
            let (ana, token) = (ana.clone(), token.clone());
            async move { if number % 2 == 0 { activate(&ana, &token).await } else { decline(&ana, &token).await } }
        })
        .await;
        let winner = outcomes.iter().position(Result::is_ok).expect("one wins");
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
        assert_eq!(ana.trusts(opened.device, after(1)).await, winner % 2 == 0);
    }
}

/// Whichever comes first, the device isn't trusted once the report is acknowledged.
async fn an_activation_that_races_a_report_leaves_no_trust(store: Arc<dyn Store>) {
    let ana = Person::new(&store, "acme", "ana").await;
    for _ in 0..8 {
        let opened = ana.enter(start()).await;
        let (device, token) = (opened.device, offered(&opened));
        let outcomes = at_once(8, |number| {
            let (ana, token) = (ana.clone(), token.clone());
            async move {
                if number == 4 {
                    ana.act(after(1), move |account, moment| account.hijack(moment, device)).await.map(drop)
                } else {
                    activate(&ana, &token).await
                }
            }
        })
        .await;
        assert_eq!(outcomes[4], Ok(()));
        let account = ana.standing().await;
        let device = account.device(device).expect("it stays in the history");
        assert_eq!(device.status(&account, after(1)), DeviceStatus::Hijacked);
        assert_eq!(device.grant, None);
        assert!(matches!(activate(&ana, &token).await, Err(Refusal::DeviceHijacked | Refusal::ActivationNotFound)));
    }
}

async fn what_ends_the_session_or_the_trust_ends_the_offer(store: Arc<dyn Store>) {
    type End = fn(&Opened) -> Box<dyn Fn(&mut doorward_domain::Account, &mut doorward_domain::Moment<'_>) -> Result<(), Refusal> + Send + Sync>;
    let ends: [(&str, End); 7] = [
        ("sign-out", |opened| {
            let session = opened.session;
            Box::new(move |account, moment| account.end_session(moment, session, Cause::SignedOut))
        }),
        ("sign-out of the device", |opened| {
            let device = opened.device;
            Box::new(move |account, moment| account.sign_out_device(moment, device).map(drop))
        }),
        ("sign-out everywhere", |_| Box::new(|account, moment| account.end_all_sessions(moment, None, false).map(drop))),
        ("sign-out everywhere else", |opened| {
            let session = opened.session;
            Box::new(move |account, moment| account.end_all_sessions(moment, Some(session), true).map(drop))
        }),
        ("untrust", |opened| {
            let device = opened.device;
            Box::new(move |account, moment| account.untrust(moment, device, None, false))
        }),
        ("hijack report", |opened| {
            let device = opened.device;
            Box::new(move |account, moment| account.hijack(moment, device).map(|Count { .. }| ()))
        }),
        ("forgetting", |opened| {
            let device = opened.device;
            Box::new(move |account, moment| account.forget(moment, device, Cause::DeviceForgotten).map(drop))
        }),
    ];
    for (name, end) in ends {
        let ana = Person::new(&store, "acme", name).await;
        let opened = ana.enter(start()).await;
        let end = end(&opened);
        ana.act(after(1), move |account, moment| end(account, moment)).await.expect("it is ended");
        let offers = ana.read(Need::standing(after(1))).await.offers.clone();
        assert_eq!(offers.iter().map(|offer| offer.state).collect::<Vec<_>>(), [OfferState::Cancelled], "{name}");
        assert!(activate(&ana, &offered(&opened)).await.is_err(), "{name}");
        assert!(decline(&ana, &offered(&opened)).await.is_err(), "{name}");
    }
}

async fn an_activation_token_is_worth_nothing_to_another(store: Arc<dyn Store>) {
    let (ana, ben) = (Person::new(&store, "acme", "ana").await, Person::new(&store, "acme", "ben").await);
    let (hers, his) = (ana.enter(start()).await, ben.enter(start()).await);
    assert_eq!(activate(&ben, &offered(&hers)).await, Err(Refusal::ActivationNotFound));
    // Her locator with his secret, and his locator with hers.
    let (a, b) = (offered(&hers), offered(&his));
    let crossed = [ActivationToken { at: a.at, secret: b.secret.clone() }, ActivationToken { at: b.at, secret: a.secret.clone() }];
    for (person, token) in [(&ana, &crossed[0]), (&ben, &crossed[1])] {
        let wrong = Err(Refusal::WrongSecret(Credential::ActivationToken));
        assert_eq!((activate(person, token).await, decline(person, token).await.map(drop)), (wrong.clone(), wrong));
    }
    let (token, session) = (offered(&hers), hers.session);
    // Nor to another session of the same person.
    let other = ana.enter(start()).await.session;
    let from_other = ana.act(after(1), move |account, moment| account.activate(moment, &token, Some(other), None).map(drop)).await;
    assert_eq!(from_other, Err(Refusal::ActivationNotFound));
    let token = offered(&hers);
    ana.act(after(1), move |account, moment| account.activate(moment, &token, Some(session), None)).await.expect("to its own it is");
}
