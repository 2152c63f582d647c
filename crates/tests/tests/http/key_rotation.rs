//! A server key is rotated under load: nodes learn the new key, turn to it, and drop the old one, and nobody is answered wrongly.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use doorward_domain::{Binding, KeyRing};
use doorward_service::Retirement;
use doorward_tests::host::browser::{judgement, with_checkbox};
use doorward_tests::host::{Browser, Host, SERVER_KEY, SignedIn};
use doorward_tests::{Engine, Home};
use serde_json::{Value, json};
use tokio::sync::{RwLock, RwLockReadGuard};
use tokio::task::JoinHandle;

use crate::server_keys::use_every_api_key;

const NEW: [u8; 32] = *b"canary: the next key of tests...";
const PEOPLE: usize = 4;
const DAY: u32 = 86_400;

/// The nodes: several over one server, one over a file. Whoever asks one holds it, so that none ends in the middle of a request.
type Nodes = Arc<Vec<RwLock<Host>>>;

/// The people under load, and how often each came round.
struct Crowd {
    people: Vec<JoinHandle<()>>,
    rounds: Arc<Vec<AtomicUsize>>,
    stop: Arc<AtomicBool>,
}

impl Crowd {
    /// Waits until everybody came round a few times since now. Fails with whoever was answered wrongly.
    async fn comes_round(&mut self) {
        let now: Vec<usize> = self.rounds.iter().map(|round| round.load(Ordering::SeqCst)).collect();
        while self.rounds.iter().zip(&now).any(|(round, then)| round.load(Ordering::SeqCst) < then + 3) {
            if let Some(at) = self.people.iter().position(JoinHandle::is_finished) {
                self.people.swap_remove(at).await.expect("nobody is answered wrongly");
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }

    async fn goes_home(self) {
        self.stop.store(true, Ordering::SeqCst);
        for person in self.people {
            person.await.expect("nobody was answered wrongly");
        }
    }
}

/// Two nodes that answer at the moment, or the one. Where none does, the caller waits, as behind a proxy.
async fn two_of(nodes: &Nodes, from: usize) -> Vec<RwLockReadGuard<'_, Host>> {
    let held: Vec<_> = (0..nodes.len()).filter_map(|at| nodes[(from + at) % nodes.len()].try_read().ok()).take(2).collect();
    if held.is_empty() { vec![nodes[from % nodes.len()].read().await] } else { held }
}

/// Restarts one node after the other with these keys. The others answer meanwhile; over a file callers wait.
async fn roll(nodes: &Nodes, crowd: &mut Crowd, home: &Arc<Home>, keys: &[[u8; 32]], seed: &mut u64) {
    for node in nodes.iter() {
        let mut node = node.write().await;
        let now = node.now();
        node.lose_store().await;
        if nodes.len() > 1 {
            crowd.comes_round().await;
        }
        *seed += 1;
        *node = Host::open_under(home, keys, *seed).await;
        node.at(now);
    }
}

/// Lets time pass on every node at once, between requests.
async fn pass_s(nodes: &Nodes, seconds: u32) {
    let mut held = vec![];
    for node in nodes.iter() {
        held.push(node.write().await);
    }
    held.iter().for_each(|node| node.pass_s(seconds));
}

/// A person who signs in, without the code unless their trust's time is over, by their token and once more by their looks
/// alone; checks the session, keeps it alive and signs out, over and over.
async fn live(nodes: Nodes, mut browser: Browser, at: usize, rounds: Arc<Vec<AtomicUsize>>, stop: Arc<AtomicBool>) {
    let mut round = 0;
    let mut before: Option<SignedIn> = None;
    while !stop.load(Ordering::SeqCst) {
        round += 1;
        let held = two_of(&nodes, at + round).await;
        let (first, second) = (&held[0], &held[held.len() - 1]);
        browser = browser.at(first);
        let sign_in = browser.evaluate().await;
        let (decision, reasons) = judgement(&sign_in);
        let completion = match (decision.as_str(), reasons[0].as_str()) {
            ("allow", "trusted_device") => json!({}),
            ("challenge", "trust_expired") => with_checkbox(),
            _ => panic!("person {at}, round {round}: {decision} {reasons:?}"),
        };
        // Evaluated here, completed there.
        browser = browser.at(second);
        let session = browser.complete(&sign_in, &completion).await;
        let mut bare = browser.clone().at(first);
        bare.device_token = None;
        let alike = bare.evaluate().await;
        assert_eq!(judgement(&alike), ("allow".to_owned(), vec!["trusted_device".to_owned()]), "by its looks: person {at}, round {round}");
        assert_eq!(alike.body["device"]["id"], json!(session.device()));
        for sign_in in [&sign_in, &alike] {
            let told = second.call("GET", &format!("/internal/sign-ins/{}", sign_in.text_at("/id"))).await.expect(200);
            let details = &told.body["reason_details"];
            let changed = [&details["fingerprint_changed"], &details["network_changed"]];
            assert_eq!(changed, [&Value::Null; 2], "nothing changed: person {at}, round {round}");
        }
        assert!(session.at(second).is_in().await, "person {at}, round {round}");
        session.at(second).post("/sessions/current/heartbeat").await.expect(200);
        let page = session.at(first).get("/sessions?limit=1").await.expect(200);
        if let Some(cursor) = page.body["next_cursor"].as_str() {
            session.at(second).get(&format!("/sessions?limit=1&cursor={cursor}")).await.expect(200);
        }
        if let Some(old) = before.replace(session) {
            assert!(old.at(second).is_in().await, "the session of the round before, which may be of before a restart");
            old.at(first).delete("/sessions/current").await.expect(204);
            assert!(!old.at(second).is_in().await, "signed out: person {at}, round {round}");
        }
        drop(held);
        rounds[at].store(round, Ordering::SeqCst);
        tokio::task::yield_now().await;
    }
}

async fn rotate(engine: Engine, count: u64) {
    let Some(home) = Home::make(engine).await.map(Arc::new) else { return };
    let mut seed = count;
    let mut hosts = vec![];
    for node in 1..=count {
        hosts.push(RwLock::new(Host::open_under(&home, &[SERVER_KEY], node).await));
    }
    let nodes: Nodes = Arc::new(hosts);
    let first = async || nodes[0].read().await.clone();
    let by_likeness = |rules: &mut doorward_domain::Rules| (rules.trust_binding, rules.fingerprint_trust_max_s) = (Binding::Fingerprint, 30 * DAY);
    first().await.set_rules(by_likeness).await;
    let rounds: Arc<Vec<AtomicUsize>> = Arc::new((0..PEOPLE).map(|_| AtomicUsize::new(0)).collect());
    let mut crowd = Crowd { people: vec![], rounds, stop: Arc::default() };
    for at in 0..PEOPLE {
        let looks = json!({ "fingerprint": { "gpu": format!("gpu {at}"), "touch": 0, "memory": 8, "timezone": "Europe/Vienna" } });
        let mut browser = first().await.browser(&format!("user-{at}")).looking(&looks);
        browser.enter_and_trust().await;
        crowd.people.push(tokio::spawn(live(Arc::clone(&nodes), browser, at, Arc::clone(&crowd.rounds), Arc::clone(&crowd.stop))));
    }
    let mut idle = first().await.browser("idle");
    let left = idle.enter_and_trust().await;
    let old = KeyRing::new(&[SERVER_KEY]).active();
    for keys in [&[SERVER_KEY, NEW][..], &[NEW, SERVER_KEY]] {
        crowd.comes_round().await;
        roll(&nodes, &mut crowd, &home, keys, &mut seed).await;
    }
    crowd.comes_round().await;
    // What nobody uses isn't taken: the operator is told to wait, and waits.
    let waiting = first().await.service().retire_server_key("Grace", old, false).await.expect("the store answers");
    assert!(matches!(waiting, Retirement::StillNeeded(usage) if usage.trusted_devices > 0 && usage.accounts == 0), "{waiting:?}");
    assert!(left.at(&first().await).is_in().await);
    for _ in 0..8 {
        pass_s(&nodes, 4 * DAY).await;
        use_every_api_key(&first().await).await;
        crowd.comes_round().await;
    }
    let retired = first().await.service().retire_server_key("Grace", old, false).await.expect("the store answers");
    assert!(matches!(retired, Retirement::Retired { .. }), "{retired:?}");
    crowd.comes_round().await;
    roll(&nodes, &mut crowd, &home, &[NEW], &mut seed).await;
    crowd.comes_round().await;
    let host = first().await;
    assert_eq!(judgement(&idle.at(&host).evaluate().await).1, ["unknown_device", "device_token_invalid"], "and no 503");
    assert_eq!(left.at(&host).why_out().await.as_deref(), Some("unknown"), "over, and nothing is there any more to know its token by");
    crowd.goes_home().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_key_is_rotated_under_load_over_a_file() {
    rotate(Engine::Sqlite, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_key_is_rotated_under_load_on_three_nodes() {
    rotate(Engine::Postgres, 3).await;
}
