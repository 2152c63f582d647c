//! Several nodes over one database: what one of them ended the others accept no more, and what works once works on one of them.

use std::sync::Arc;

use doorward_domain::Role;
use doorward_tests::host::browser::with_code;
use doorward_tests::host::{Answer, Browser, Host, SERVER_KEY, SignedIn};
use doorward_tests::{Home, at_once};
use serde_json::{Value, json};

use crate::advisories::{DOORS, doors_that_open};

/// One process owns a SQLite file: several nodes have a PostgreSQL server.
mod postgres {
    doorward_tests::on_engine!(Postgres;
        what_one_node_ended_no_other_accepts
        an_api_key_that_one_node_ended_is_refused_by_the_other
        one_of_forty_eight_completions_at_three_nodes_wins
        one_of_forty_eight_activations_at_three_nodes_wins
        one_of_forty_eight_requests_under_a_key_at_three_nodes_has_the_effect
        forty_eight_reports_of_one_event_at_three_nodes_have_one_effect
    );
}

/// Nodes over one database. Their clocks go together.
struct Nodes(Vec<Host>);

impl Nodes {
    async fn open(home: &Arc<Home>, count: u64) -> Self {
        let mut nodes = vec![];
        for node in 1..=count {
            nodes.push(Host::open_under(home, &[SERVER_KEY], node).await);
        }
        Self(nodes)
    }

    /// Whichever it falls to.
    fn at(&self, number: usize) -> &Host {
        &self.0[number % self.0.len()]
    }

    fn pass_s(&self, seconds: u32) {
        self.0.iter().for_each(|node| node.pass_s(seconds));
    }
}

/// What an ending leaves of a person.
struct Left {
    way: &'static str,
    /// Whether the laptop's session is over, which skipped the second factor, and the laptop's trust.
    laptop: (bool, bool),
    /// Whether the phone's session is over, which passed it, and the phone's trust.
    phone: (bool, bool),
    /// Whether the offer to the desk is over, from which the person acts.
    offer: bool,
    /// What the laptop's next sign-in is decided to be.
    decided: &'static str,
}

const fn left(way: &'static str, laptop: (bool, bool), phone: (bool, bool), offer: bool, decided: &'static str) -> Left {
    Left { way, laptop, phone, offer, decided }
}

const STAYS: (bool, bool) = (false, false);
const SESSION: (bool, bool) = (true, false);
const TRUST: (bool, bool) = (false, true);
const BOTH: (bool, bool) = (true, true);

/// Every way by which something ends that another node may have seen live. The last two change the tenant's policy.
const ENDINGS: [Left; 18] = [
    left("session ended by itself", SESSION, STAYS, false, "allow"),
    left("session ended by the person", SESSION, STAYS, false, "allow"),
    left("session ended by the host", SESSION, STAYS, false, "allow"),
    left("device signed out", SESSION, STAYS, false, "allow"),
    left("signed out everywhere else", BOTH, BOTH, true, "challenge"),
    left("signed out everywhere by the host", BOTH, BOTH, true, "challenge"),
    left("device untrusted", BOTH, STAYS, false, "challenge"),
    left("device untrusted by the host", BOTH, STAYS, false, "challenge"),
    left("device forgotten", BOTH, STAYS, false, "challenge"),
    left("other devices forgotten", BOTH, BOTH, false, "challenge"),
    left("device hijacked", BOTH, STAYS, false, "deny"),
    left("event that keeps the phone", BOTH, TRUST, true, "challenge"),
    left("event that keeps nothing", BOTH, BOTH, true, "challenge"),
    left("account disabled", BOTH, BOTH, true, "deny"),
    left("person erased", BOTH, BOTH, true, "challenge"),
    left("tenant fenced", BOTH, BOTH, true, "challenge"),
    left("policy tightened", BOTH, BOTH, true, "challenge"),
    left("preset without device trust", BOTH, TRUST, true, "challenge"),
];

/// A person with a trusted laptop, a trusted phone and a desk that is neither.
struct Life {
    user: String,
    laptop: Browser,
    phone: Browser,
    desk: Browser,
    on_laptop: SignedIn,
    on_phone: SignedIn,
    on_desk: SignedIn,
    /// A sign-in of the phone that skips, and isn't completed.
    begun: Answer,
}

impl Life {
    async fn of(nodes: &Nodes, here: &Host, user: String) -> Self {
        let (mut laptop, mut phone, mut desk) = (here.browser(&user), here.browser(&user), here.browser(&user));
        laptop.enter_and_trust().await;
        let on_phone = phone.enter_and_trust().await;
        nodes.pass_s(1);
        let on_laptop = laptop.enter_skipping().await;
        let on_desk = desk.enter().await;
        let begun = phone.evaluate().await;
        nodes.pass_s(1);
        Self { user, laptop, phone, desk, on_laptop, on_phone, on_desk, begun }
    }

    /// Ends something at a node.
    async fn end(&self, way: &str, here: &Host, nodes: &Nodes) {
        let by_person = |method: &str, path: &str| self.on_desk.at(here).ask(method, path);
        let by_host = |method: &str, path: &str| here.call(method, &format!("/internal/users/{}{path}", self.user));
        let event = |event: &Value| by_host("POST", "/security-events").json(event);
        let policy = |sent: &Value| here.ask("PUT", "/internal/policy").by(Role::Admin).json(sent);
        let (device, session) = (self.on_laptop.device(), self.on_laptop.session());
        let answer = match way {
            "session ended by itself" => self.on_laptop.at(here).delete("/sessions/current").await,
            "session ended by the person" => by_person("DELETE", &format!("/sessions/{session}")).await,
            "session ended by the host" => by_host("DELETE", &format!("/sessions/{session}")).await,
            "device signed out" => self.on_laptop.at(here).post("/devices/signout").await,
            "signed out everywhere else" => by_person("DELETE", "/sessions?except_current=true").await,
            "signed out everywhere by the host" => by_host("DELETE", "/sessions").await,
            "device untrusted" => by_person("POST", &format!("/devices/{device}/untrust")).await,
            "device untrusted by the host" => by_host("POST", &format!("/devices/{device}/untrust")).await,
            "device forgotten" => by_person("DELETE", &format!("/devices/{device}")).await,
            "other devices forgotten" => by_person("DELETE", "/devices?except_current=true").await,
            "device hijacked" => by_person("POST", &format!("/devices/{device}/hijack")).await,
            "event that keeps the phone" => event(&json!({ "type": "password_changed", "keep_session_id": self.on_phone.session() })).await,
            "event that keeps nothing" => event(&json!({ "type": "credential_compromised" })).await,
            "account disabled" => event(&json!({ "type": "account_disabled" })).await,
            "person erased" => by_host("DELETE", "").await,
            "tenant fenced" => return here.fence("acme").await,
            "policy tightened" => {
                nodes.pass_s(2 * 3_600);
                policy(&json!({ "session_idle_s": 3_600, "session_absolute_s": 3_600, "trust_for_s": 3_600, "trust_max_s": 3_600 })).await
            }
            "preset without device trust" => policy(&json!({ "preset": "nist-aal2" })).await,
            other => panic!("how is this done: {other}?"),
        };
        assert!(matches!(answer.status, 200 | 204), "{way}: {}", answer.text);
    }
}

async fn what_one_node_ended_no_other_accepts(home: Arc<Home>) {
    let nodes = Nodes::open(&home, 2).await;
    for (number, Left { way, laptop, phone, offer, decided }) in ENDINGS.into_iter().enumerate() {
        // Each node ends what the other has just seen live, and is the other the next time.
        let (here, there) = (nodes.at(number), nodes.at(number + 1));
        let life = Life::of(&nodes, here, format!("user-{number}")).await;
        for session in [&life.on_laptop, &life.on_phone, &life.on_desk] {
            assert_eq!(doors_that_open(there, &session.token).await, DOORS, "{way}: until then");
        }
        for device in [&life.laptop, &life.phone] {
            assert_eq!(device.clone().at(there).judged().await.0, "allow", "{way}: until then");
        }
        life.end(way, here, &nodes).await;
        let doors = |over: bool| if over { vec![] } else { DOORS.to_vec() };
        assert_eq!(doors_that_open(there, &life.on_laptop.token).await, doors(laptop.0), "{way}: the laptop's session");
        assert_eq!(doors_that_open(there, &life.on_phone.token).await, doors(phone.0), "{way}: the phone's session");
        let listed = there.call("GET", &format!("/internal/users/{}/sessions?limit=100", life.user)).await.expect(200).ids();
        assert_eq!(listed.contains(&life.on_laptop.session()), !laptop.0, "{way}: the list");
        let offered = life.desk.clone().at(there).activate(&life.on_desk.offer()).await;
        assert_eq!(offered.status != 200, offer, "{way}: the offer: {}", offered.text);
        let completed = life.phone.clone().at(there).try_complete(&life.begun, &json!({})).await;
        assert_eq!(completed.status != 201, phone.1, "{way}: the sign-in in progress: {}", completed.text);
        assert_eq!(life.laptop.clone().at(there).judged().await.0, decided, "{way}: the laptop's trust");
        assert_eq!(laptop.1, decided != "allow");
        assert_eq!(life.phone.clone().at(there).judged().await.0 != "allow", phone.1, "{way}: the phone's trust");
        if way == "policy tightened" {
            // For the row after it. What it ended stays over.
            there.ask("PUT", "/internal/policy").by(Role::Admin).json(&json!({ "preset": "consumer" })).await.expect(200);
            assert_eq!(doors_that_open(here, &life.on_phone.token).await, Vec::<&str>::new(), "a looser policy revives nothing elsewhere");
        }
    }
}

async fn an_api_key_that_one_node_ended_is_refused_by_the_other(home: Arc<Home>) {
    let nodes = Nodes::open(&home, 2).await;
    for (number, way) in ["revoked", "rotated without an overlap"].into_iter().enumerate() {
        let (here, there) = (nodes.at(number), nodes.at(number + 1));
        let admin = |method: &str, path: &str| here.ask(method, &format!("/internal/api-keys{path}")).by(Role::Admin);
        let made = admin("POST", "").json(&json!({ "name": "a service", "role": "host" })).await.expect(201);
        let (id, key) = (made.text_at("/api_key/id"), made.text_at("/key"));
        let ask = |key: &str| there.ask("GET", "/internal/users/ana/devices").key(key);
        ask(&key).await.expect(200);
        if way == "revoked" {
            admin("DELETE", &format!("/{id}")).await.expect(204);
        } else {
            let rotated = admin("POST", &format!("/{id}/rotate")).json(&json!({ "overlap_s": 0 })).await.expect(200);
            ask(&rotated.text_at("/key")).await.expect(200);
        }
        ask(&key).await.refused(401, "unauthenticated");
    }
}

/// So many requests at once, each node given every third.
async fn race<F: Future<Output = Answer> + Send + 'static>(nodes: &Nodes, ask: impl Fn(&Host) -> F) -> Vec<Answer> {
    at_once(48, |number| ask(nodes.at(number))).await
}

fn won(answers: &[Answer], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}

async fn one_of_forty_eight_completions_at_three_nodes_wins(home: Arc<Home>) {
    let nodes = Nodes::open(&home, 3).await;
    let laptop = nodes.at(0).browser("ana");
    let sign_in = laptop.evaluate().await;
    let answers = race(&nodes, |node| {
        let (mut laptop, sign_in) = (laptop.clone().at(node), sign_in.clone());
        async move { laptop.try_complete(&sign_in, &with_code()).await }
    })
    .await;
    assert_eq!(won(&answers, 201), 1);
    for loser in answers.iter().filter(|answer| answer.status != 201) {
        loser.clone().refused(409, "sign_in_completed");
    }
    for node in &nodes.0 {
        assert_eq!(node.call("GET", "/internal/users/ana/sessions").await.expect(200).ids().len(), 1);
    }
}

async fn one_of_forty_eight_activations_at_three_nodes_wins(home: Arc<Home>) {
    let nodes = Nodes::open(&home, 3).await;
    let mut laptop = nodes.at(0).browser("ana");
    let opened = laptop.enter().await;
    let answers = race(&nodes, |node| {
        let (mut laptop, offer) = (laptop.clone().at(node), opened.offer());
        async move { laptop.activate(&offer).await }
    })
    .await;
    assert_eq!(won(&answers, 200), 1);
    for loser in answers.iter().filter(|answer| answer.status != 200) {
        loser.clone().refused(404, "activation_not_found");
    }
    laptop.keep(answers.iter().find(|answer| answer.status == 200).expect("one won"));
    for node in &nodes.0 {
        assert_eq!(laptop.clone().at(node).judged().await.0, "allow", "by the winner's token");
    }
    let history = nodes.at(1).call("GET", "/internal/users/ana/events").await.expect(200).text;
    assert_eq!(history.matches("\"device.trusted\"").count(), 1);
}

async fn one_of_forty_eight_requests_under_a_key_at_three_nodes_has_the_effect(home: Arc<Home>) {
    let nodes = Nodes::open(&home, 3).await;
    let body = json!({ "user_id": "ana", "ip": "203.0.113.7", "user_agent": "curl/8.5.0", "mfa": { "method": "totp" } });
    let answers = race(&nodes, |node| {
        let asked = node.call("POST", "/internal/sessions").header("idempotency-key", "once").json(&body);
        async move { asked.await.expect(201) }
    })
    .await;
    let session = answers[0].text_at("/session/id");
    assert!(answers.iter().all(|answer| answer.text_at("/session/id") == session), "each is told of the same session");
    let mut good = 0;
    for answer in &answers {
        good += usize::from(nodes.at(1).inactive(&answer.text_at("/access_token")).await.is_none());
    }
    assert_eq!(good, 1, "of the tokens the last one is good");
    for node in &nodes.0 {
        assert_eq!(node.call("GET", "/internal/users/ana/sessions?status=all").await.expect(200).ids(), [session.as_str()]);
    }
    let mut other = body.clone();
    other["user_agent"] = json!("curl/9");
    nodes.at(2).call("POST", "/internal/sessions").header("idempotency-key", "once").json(&other).await.expect(422);
}

async fn forty_eight_reports_of_one_event_at_three_nodes_have_one_effect(home: Arc<Home>) {
    let nodes = Nodes::open(&home, 3).await;
    let mut laptop = nodes.at(0).browser("ana");
    let kept = laptop.enter_and_trust().await;
    let other = nodes.at(1).browser("ana").enter().await;
    nodes.pass_s(1);
    let event = json!({ "type": "password_changed", "keep_session_id": kept.session(), "event_id": "evt" });
    let answers = race(&nodes, |node| {
        let asked = node.call("POST", "/internal/users/ana/security-events").json(&event);
        async move { asked.await.expect(200) }
    })
    .await;
    assert!(answers.iter().all(|answer| answer.body == answers[0].body), "{answers:?}");
    assert_eq!((&answers[0].body["devices_untrusted"], &answers[0].body["sessions_ended"]), (&json!(1), &json!(1)));
    for node in &nodes.0 {
        assert!(kept.at(node).is_in().await && !other.at(node).is_in().await);
        let history = node.call("GET", "/internal/users/ana/events?limit=100").await.expect(200).text;
        assert_eq!(history.matches("\"security_event.applied\"").count(), 1);
    }
}
