//! How often a person may act through the flashback dialect.

use std::future::IntoFuture as _;

use doorward_api::Dialects;
use doorward_domain::Quota;
use doorward_tests::at_once;
use doorward_tests::host::{GLOBEX, Host};
use serde_json::json;

use super::{ask, error, looking, trust};

doorward_tests::on_each_engine! {
    tries_at_trust_are_counted_before_the_gate,
    other_changes_are_counted_together,
    of_many_tries_at_once_no_more_pass_than_may,
    the_operator_sets_the_quotas,
}

async fn tries_at_trust_are_counted_before_the_gate(host: Host) {
    let ana = looking(&host, "laptop").enter().await;
    host.pass_s(601);
    for number in 0..10 {
        let refused = match number % 3 {
            0 => trust(&host, &ana, "laptop").await.expect(403),
            1 => trust(&host, &ana, "unknown").await.expect(404),
            _ => ask(&host, &ana, "POST", "/devices/trust").bytes("{").await.expect(415),
        };
        error(&refused);
    }
    let rows = host.rows().await;
    for body in ["{", "{\"fingerprint\":\"laptop\"}"] {
        let limited = ask(&host, &ana, "POST", "/devices/trust").bytes(body).await.expect(429);
        assert_eq!((limited.header("retry-after"), error(&limited)), (Some("360"), "You did this too often. Try again in 360 s."));
    }
    assert_eq!(host.rows().await, rows);
    // It is the person who is counted, in whichever session; nobody else, nothing else and no other surface is.
    let again = looking(&host, "phone").enter().await;
    trust(&host, &again, "phone").await.expect(429);
    again.post("/devices/current/trust").await.expect(200);
    ask(&host, &ana, "POST", &format!("/sessions/{}/heartbeat", ana.session())).await.expect(200);
    ask(&host, &ana, "GET", "/devices").await.expect(200);
    let bob = host.browser("bob").looking(&json!({ "fingerprint": "bob's" })).enter().await;
    trust(&host, &bob, "bob's").await.expect(200);
    let elsewhere = host.browser("ana").in_tenant(GLOBEX).looking(&json!({ "fingerprint": "hers" })).enter().await;
    trust(&host, &elsewhere, "hers").await.expect(200);
    // Whoever isn't signed in isn't counted as anybody.
    for _ in 0..40 {
        host.ask("POST", "/devices/trust").await.expect(401);
    }
    host.lose_store().await;
    let restarted = Host::open(host.home(), false).await;
    restarted.at(host.now());
    trust(&restarted, &again, "phone").await.expect(429);
    restarted.pass_s(360);
    trust(&restarted, &again, "phone").await.expect(200);
    trust(&restarted, &again, "phone").await.expect(429);
}

async fn other_changes_are_counted_together(host: Host) {
    let (ana, phone) = (host.browser("ana").enter().await, host.browser("ana").enter().await);
    let changes = [
        ask(&host, &ana, "POST", &format!("/devices/{}/untrust", ana.session())),
        ask(&host, &ana, "DELETE", "/devices/unknown"),
        ask(&host, &ana, "POST", &format!("/devices/{}/heartbeat", ana.device())),
        ask(&host, &ana, "POST", "/sessions/unknown/revoke"),
        ask(&host, &ana, "POST", &format!("/sessions/{}/heartbeat", phone.session())),
    ];
    for change in changes.iter().cycle().take(30) {
        assert!(matches!(change.clone().await.status, 200 | 404));
    }
    for change in &changes {
        assert_eq!(change.clone().await.expect(429).header("retry-after"), Some("2"));
    }
    ask(&host, &ana, "POST", "/sessions/revoke-all").await.expect(429);
    assert!(ana.is_in().await);
    host.pass_s(2);
    ask(&host, &ana, "POST", "/sessions/revoke-all").await.expect(200);
}

async fn of_many_tries_at_once_no_more_pass_than_may(host: Host) {
    let ana = looking(&host, "laptop").enter().await;
    let asked = trust(&host, &ana, "laptop");
    let answers = at_once(40, move |_| asked.clone().into_future()).await;
    let with = |status: u16| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((with(200), with(429)), (10, 30));
}

async fn the_operator_sets_the_quotas(host: Host) {
    let mut dialects = Dialects::default();
    dialects.trusts = Quota { limit: 2, window_s: 60 };
    dialects.writes = Quota { limit: 1, window_s: 60 };
    host.lose_store().await;
    let host = Host::open_serving(host.home(), dialects).await;
    let ana = looking(&host, "laptop").enter().await;
    for status in [200, 200, 429] {
        trust(&host, &ana, "laptop").await.expect(status);
    }
    for status in [200, 429] {
        ask(&host, &ana, "POST", &format!("/sessions/{}/heartbeat", ana.session())).await.expect(status);
    }
}
