//! The tenant's feed: everything that happens in it, once, in order, to whoever keeps the cursor; and an honest 410 where it can't go on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use doorward_domain::Role;
use doorward_tests::Home;
use doorward_tests::host::{ACME, Answer, GLOBEX, Host, api_key};
use serde_json::{Value, json};

doorward_tests::on_each_engine! {
    everything_that_happens_comes_once_and_in_order,
    what_concerns_the_tenant_alone_is_nobodys,
    a_reader_that_waits_is_answered_when_something_happens,
    a_wait_for_nothing_ends_where_it_began,
    a_reader_that_waits_hears_of_another_node,
    a_cursor_is_good_in_its_own_tenant_alone,
    a_restore_begins_another_history,
    what_was_pruned_is_told_to_who_missed_it,
    a_node_that_stops_answers_who_waits,
}

async fn page(host: &Host, query: &str) -> Answer {
    host.ask("GET", "/internal/events").by(Role::Viewer).query(query).await
}

/// All there is after a cursor, by pages of so many, and where it ends.
async fn read_on(host: &Host, mut cursor: Option<String>, limit: u16) -> (Vec<Value>, String) {
    let mut events = vec![];
    loop {
        let after = cursor.as_ref().map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
        let answer = page(host, &format!("limit={limit}{after}")).await.expect(200);
        let items = answer.body["items"].as_array().expect("events").clone();
        assert!(items.len() <= usize::from(limit));
        let next = answer.text_at("/next_cursor");
        if items.is_empty() {
            return (events, next);
        }
        events.extend(items);
        cursor = Some(next);
    }
}

fn types(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().expect("a type")).collect()
}

async fn everything_that_happens_comes_once_and_in_order(host: Host) {
    let users = ["ana", "ben", "cleo", "dan", "eve"];
    let mut cursor = None;
    let mut followed = vec![];
    for user in users {
        let opened = host.browser(user).enter_and_trust().await;
        host.pass_s(1);
        opened.post("/devices/current/untrust").await.expect(200);
        let (read, end) = read_on(&host, cursor, 3).await;
        followed.extend(read);
        cursor = Some(end);
        opened.delete("/sessions/current").await.expect(204);
    }
    let (rest, _) = read_on(&host, cursor, 100).await;
    followed.extend(rest);
    for user in users {
        let own: Vec<&Value> = followed.iter().filter(|event| event["user_id"] == user).collect();
        let listed = host.ask("GET", &format!("/internal/users/{user}/events")).by(Role::Viewer).query("limit=100").await.expect(200).body;
        let listed: Vec<&Value> = listed["items"].as_array().expect("events").iter().rev().collect();
        assert_eq!(own, listed, "{user}");
    }
    let (again, _) = read_on(&host, None, 7).await;
    let ids = |events: &[Value]| -> Vec<String> {
        let mut ids: Vec<String> = events.iter().map(|event| event["id"].to_string()).collect();
        ids.sort_unstable();
        ids
    };
    assert_eq!(ids(&again), ids(&followed));
    let times: Vec<&str> = again.iter().map(|event| event["at"].as_str().expect("a time")).collect();
    assert!(times.is_sorted(), "who reads it later reads it in about the order in which it happened");
}

async fn what_concerns_the_tenant_alone_is_nobodys(host: Host) {
    let (_, end) = read_on(&host, None, 100).await;
    host.fence(ACME).await;
    let (events, _) = read_on(&host, Some(end), 100).await;
    assert_eq!(types(&events), ["tenant.fenced"]);
    assert_eq!((&events[0]["user_id"], &events[0]["cause"]), (&Value::Null, &json!("tenant_fenced")));
    let others = host.ask("GET", "/internal/events").key(&api_key(GLOBEX, Role::Viewer)).query("limit=100").await.expect(200);
    assert!(!others.text.contains("tenant.fenced"));
}

async fn a_reader_that_waits_is_answered_when_something_happens(host: Host) {
    let (_, end) = read_on(&host, None, 100).await;
    let began = Instant::now();
    let waiting = tokio::spawn(page_of(&host, &format!("wait_s=25&cursor={end}")));
    tokio::task::yield_now().await;
    host.browser("ana").enter().await;
    let answer = waiting.await.expect("answered").expect(200);
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    assert_eq!(answer.body["items"][0]["type"], "account.created");
}

fn page_of(host: &Host, query: &str) -> impl Future<Output = Answer> + Send + 'static {
    let asked = host.ask("GET", "/internal/events").by(Role::Viewer).query(query);
    async move { asked.await }
}

async fn a_wait_for_nothing_ends_where_it_began(host: Host) {
    host.browser("ana").enter().await;
    let (_, end) = read_on(&host, None, 100).await;
    let began = Instant::now();
    let answer = page(&host, &format!("wait_s=1&cursor={end}")).await.expect(200);
    assert!(began.elapsed() >= Duration::from_secs(1));
    assert_eq!((&answer.body["items"], &answer.body["next_cursor"]), (&json!([]), &json!(end)));
    page(&host, &format!("wait_s=26&cursor={end}")).await.refused(400, "invalid_request");
}

async fn a_reader_that_waits_hears_of_another_node(home: Arc<Home>) {
    if home.file().is_some() {
        // One process owns a file: there is no other node.
        return;
    }
    let (here, there) = (Host::open(&home, false).await, Host::open(&home, false).await);
    let (_, end) = read_on(&here, None, 100).await;
    let waiting = tokio::spawn(page_of(&here, &format!("wait_s=25&cursor={end}")));
    there.browser("ana").enter().await;
    let answer = waiting.await.expect("answered").expect(200);
    assert_eq!(answer.body["items"][0]["type"], "account.created");
}

async fn a_cursor_is_good_in_its_own_tenant_alone(host: Host) {
    host.browser("ana").enter().await;
    let (_, end) = read_on(&host, None, 100).await;
    let other = host.ask("GET", "/internal/events").key(&api_key(GLOBEX, Role::Viewer)).query(&format!("cursor={end}"));
    assert_eq!(other.await.refused(400, "invalid_request").text_at("/errors/0/field"), "cursor");
    // A cursor of another list is none of the feed.
    let list = host.ask("GET", "/internal/users/ana/events").by(Role::Viewer).query("limit=1").await.expect(200).text_at("/next_cursor");
    page(&host, &format!("cursor={list}")).await.refused(400, "invalid_request");
    page(&host, &format!("cursor={}", &end[..end.len() - 4])).await.refused(400, "invalid_request");
}

async fn a_restore_begins_another_history(host: Host) {
    host.browser("ana").enter().await;
    let (before, end) = read_on(&host, None, 100).await;
    let viewer = host.key_id(&api_key(ACME, Role::Viewer)).await;
    host.pass_s(1);
    host.service().end_what_was_restored("Max", vec![viewer]).await.expect("ended");
    let answer = page(&host, &format!("cursor={end}")).await.refused(410, "cursor_gone");
    assert!(answer.text_at("/detail").len() + answer.text_at("/title").len() > 20);
    let (after, _) = read_on(&host, None, 100).await;
    assert_eq!(after.len(), before.len() + 1, "what is kept is read anew, with the ending of everything");
    assert_eq!(after.last().map(|event| event["type"].clone()), Some(json!("tenant.fenced")));
    // Each restore of the same backup begins a history of its own.
    let (_, end) = read_on(&host, None, 100).await;
    host.service().end_what_was_restored("Max", vec![viewer]).await.expect("ended");
    page(&host, &format!("cursor={end}")).await.refused(410, "cursor_gone");
}

async fn what_was_pruned_is_told_to_who_missed_it(host: Host) {
    host.set_rules(|rules| rules.retain_events_s = 86_400).await;
    let start = page(&host, "limit=1").await.expect(200).text_at("/next_cursor");
    host.browser("ana").enter().await;
    let (_, behind) = read_on(&host, None, 100).await;
    host.pass_s(86_300);
    host.browser("ben").enter().await;
    host.pass_s(200);
    assert!(host.service().prune_events().await.expect("pruned") > 0);
    page(&host, &format!("cursor={start}")).await.refused(410, "cursor_gone");
    let (rest, _) = read_on(&host, Some(behind), 100).await;
    assert!(!rest.is_empty() && rest.iter().all(|event| event["user_id"] == "ben"), "who had read all that went misses nothing");
    let (kept, _) = read_on(&host, None, 100).await;
    assert_eq!(kept, rest);
    assert_eq!(host.service().prune_events().await.expect("pruned"), 0);
}

async fn a_node_that_stops_answers_who_waits(host: Host) {
    let (_, end) = read_on(&host, None, 100).await;
    let began = Instant::now();
    let waiting = tokio::spawn(page_of(&host, &format!("wait_s=25&cursor={end}")));
    host.service().stop_waiting();
    assert_eq!(waiting.await.expect("answered").expect(200).body["items"], json!([]));
    assert!(began.elapsed() < Duration::from_secs(20));
}
