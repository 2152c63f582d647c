//! A server key is rotated under load: nodes learn the new key, turn to it, and drop the old one, and nobody is answered wrongly.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use doorward_domain::KeyRing;
use doorward_service::Retirement;
use doorward_tests::host::browser::judgement;
use doorward_tests::host::{Browser, Host, SERVER_KEY, SignedIn};
use doorward_tests::{Engine, Home};
use serde_json::json;
use tokio::sync::RwLock;

const NEW: [u8; 32] = *b"canary: the next key of tests...";
const PEOPLE: usize = 4;

/// The nodes that answer at the moment: several over one server, one over a file.
type Nodes = Arc<RwLock<Vec<Host>>>;

/// Restarts one node after the other with these keys. Over a file the old one ends first; callers wait, as behind a proxy.
async fn roll(nodes: &Nodes, home: &Arc<Home>, keys: &[[u8; 32]], seed: &mut u64) {
    let count = nodes.read().await.len();
    for at in 0..count {
        let mut nodes = nodes.write().await;
        nodes[at].lose_store().await;
        *seed += 1;
        nodes[at] = Host::open_under(home, keys, *seed).await;
    }
}

/// A person who signs in without the code, checks the session, keeps it alive and signs out, over and over.
async fn live(nodes: Nodes, mut browser: Browser, at: usize, rounds: Arc<Vec<AtomicUsize>>, stop: Arc<AtomicBool>) {
    let mut round = 0;
    let mut before: Option<SignedIn> = None;
    while !stop.load(Ordering::SeqCst) {
        round += 1;
        let held = nodes.read().await;
        let (first, second) = (&held[(at + round) % held.len()], &held[(at + round + 1) % held.len()]);
        browser = browser.at(first);
        let sign_in = browser.evaluate().await;
        assert_eq!(judgement(&sign_in), ("allow".to_owned(), vec!["trusted_device".to_owned()]), "person {at}, round {round}");
        let session = browser.complete(&sign_in, &json!({})).await;
        assert!(session.at(second).is_in().await, "person {at}, round {round}");
        session.at(second).post("/sessions/current/heartbeat").await.expect(200);
        let page = session.at(first).get("/sessions?limit=1").await.expect(200);
        if let Some(cursor) = page.body["next_cursor"].as_str() {
            session.at(second).get(&format!("/sessions?limit=1&cursor={cursor}")).await.expect(200);
        }
        if let Some(old) = before.replace(session) {
            assert!(old.at(second).is_in().await, "the session of the round before, which may be of before a restart");
            old.at(first).delete("/sessions/current").await;
        }
        drop(held);
        rounds[at].store(round, Ordering::SeqCst);
        tokio::task::yield_now().await;
    }
}

/// Waits until everybody came round twice since now.
async fn let_them_come_round(rounds: &[AtomicUsize]) {
    let now: Vec<usize> = rounds.iter().map(|round| round.load(Ordering::SeqCst)).collect();
    while rounds.iter().zip(&now).any(|(round, then)| round.load(Ordering::SeqCst) < then + 3) {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

async fn rotate(engine: Engine, count: u64) {
    let Some(home) = Home::make(engine).await.map(Arc::new) else { return };
    let mut seed = count;
    let mut hosts = vec![];
    for node in 1..=count {
        hosts.push(Host::open_under(&home, &[SERVER_KEY], node).await);
    }
    let nodes: Nodes = Arc::new(RwLock::new(hosts));
    let rounds: Arc<Vec<AtomicUsize>> = Arc::new((0..PEOPLE).map(|_| AtomicUsize::new(0)).collect());
    let stop = Arc::new(AtomicBool::new(false));
    let mut people = vec![];
    for at in 0..PEOPLE {
        let mut browser = nodes.read().await[0].browser(&format!("user-{at}"));
        browser.enter_and_trust().await;
        people.push(tokio::spawn(live(Arc::clone(&nodes), browser, at, Arc::clone(&rounds), Arc::clone(&stop))));
    }
    let mut idle = nodes.read().await[0].browser("idle");
    let left = idle.enter_and_trust().await;
    for keys in [&[SERVER_KEY, NEW][..], &[NEW, SERVER_KEY], &[NEW]] {
        let_them_come_round(&rounds).await;
        if keys.len() == 1 {
            // Beside the load: data keys are moved, and what nobody used since is ended, as the operator says here.
            let host = nodes.read().await[0].clone();
            let old = KeyRing::new(&[SERVER_KEY]).active();
            let waiting = host.service().retire_server_key("Grace", old, false).await.expect("the store answers");
            assert!(matches!(waiting, Retirement::StillNeeded(usage) if usage.trusted_devices >= 1 && usage.accounts == 0), "{waiting:?}");
            let retired = host.service().retire_server_key("Grace", old, true).await.expect("the store answers");
            assert!(matches!(retired, Retirement::Retired { .. }), "{retired:?}");
        }
        roll(&nodes, &home, keys, &mut seed).await;
    }
    let_them_come_round(&rounds).await;
    let host = nodes.read().await[0].clone();
    assert_eq!(judgement(&idle.at(&host).evaluate().await).1, ["unknown_device", "device_token_invalid"], "and no 503");
    assert_eq!(left.at(&host).why_out().await.as_deref(), Some("unknown"), "over, and nothing is there any more to know its token by");
    stop.store(true, Ordering::SeqCst);
    for person in people {
        person.await.expect("nobody was answered wrongly");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_key_is_rotated_under_load_over_a_file() {
    rotate(Engine::Sqlite, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_key_is_rotated_under_load_on_three_nodes() {
    rotate(Engine::Postgres, 3).await;
}
