//! Batches of a gateway: many tokens checked, or kept alive, at once; each as if it had come alone.

use doorward_domain::Role;
use doorward_tests::host::{Answer, Ask, GLOBEX, Host, SignedIn};
use doorward_tests::{Home, at_once, just_before};
use insta::assert_snapshot as see;
use serde_json::{Value, json};
use std::sync::Arc;

doorward_tests::on_each_engine! {
    each_of_a_batch_is_told_as_if_it_had_come_alone,
    checking_a_batch_counts_as_activity_once_a_minute,
    a_batch_of_heartbeats_keeps_alive_what_lives,
    a_batch_holds_one_to_sixty_four_tokens,
    a_batch_that_races_an_ending_revives_nothing,
}

fn verify(host: &Host, tokens: &[&str]) -> Ask {
    host.ask("POST", "/internal/sessions/verify-batch").by(Role::Verify).json(&json!({ "tokens": tokens }))
}

fn beat(host: &Host, tokens: &[&str]) -> Ask {
    host.call("POST", "/internal/sessions/heartbeat-batch").json(&json!({ "tokens": tokens }))
}

fn results(answer: &Answer) -> &Vec<Value> {
    answer.body["results"].as_array().unwrap_or_else(|| panic!("no results: {}", answer.text))
}

async fn activity(host: &Host, token: &str) -> Value {
    host.verify(token).await.body["last_activity_at"].clone()
}

/// Tokens of every kind, and what verify says of each: live ones twice, dead and foreign ones between them.
async fn mixed(host: &Host) -> (Vec<String>, Vec<SignedIn>) {
    let (ana, bob) = (host.browser("ana").enter().await, host.browser("bob").enter().await);
    let second = host.browser("ana").enter().await;
    let elsewhere = host.browser("ana").in_tenant(GLOBEX).enter().await;
    let mut tokens = vec![ana.token.clone(), "x".to_owned(), elsewhere.token.clone(), bob.token.clone()];
    for ending in ["DELETE /sessions/current", "POST /devices/signout", "POST /devices/current/hijack"] {
        let over = host.browser("carla").enter().await;
        let (method, path) = ending.split_once(' ').expect("a method");
        assert!(over.ask(method, path).await.status < 300);
        tokens.push(over.token);
    }
    tokens.extend([second.token.clone(), ana.token.clone(), String::new(), ana.token.clone(), ana.offer()]);
    (tokens, vec![ana, bob, second])
}

async fn each_of_a_batch_is_told_as_if_it_had_come_alone(host: Host) {
    let (tokens, _) = mixed(&host).await;
    let asked: Vec<&str> = tokens.iter().map(String::as_str).collect();
    let answer = verify(&host, &asked).await.expect(200);
    for (token, result) in tokens.iter().zip(results(&answer)) {
        assert_eq!(host.verify(token).await.body, *result);
    }
    assert_eq!(results(&answer).len(), tokens.len());
    see!("verified", verify(&host, &asked[..5]).await.shown());
    host.pass_s(7 * 86_400);
    assert!(results(&verify(&host, &asked).await).iter().all(|result| result["active"] == false), "idle");
}

async fn checking_a_batch_counts_as_activity_once_a_minute(host: Host) {
    let (tokens, live) = mixed(&host).await;
    let asked: Vec<&str> = tokens.iter().map(String::as_str).collect();
    let began = host.now();
    host.at(just_before(began.plus_s(60)));
    let rows = host.rows().await;
    verify(&host, &asked).await.expect(200);
    assert_eq!(host.rows().await, rows);
    host.at(began.plus_s(60));
    let untouched = host.call("POST", "/internal/sessions/verify-batch").json(&json!({ "tokens": tokens, "touch": false }));
    untouched.await.expect(200);
    assert_eq!(host.rows().await, rows);
    let answer = verify(&host, &asked).await.expect(200);
    let lasts = results(&answer).iter().filter(|result| result["active"] == true).map(|result| &result["last_activity_at"]);
    assert_eq!(lasts.collect::<Vec<_>>(), vec![&json!(host.now().to_string()); 5]);
    for session in &live {
        assert_eq!(activity(&host, &session.token).await, json!(host.now().to_string()));
    }
    let changed: Vec<_> = host.rows().await.into_iter().filter(|row| !rows.contains(row)).collect();
    assert!(changed.len() == 3 && changed.iter().all(|row| row.starts_with("activity:")), "one narrow row for each: {changed:#?}");
}

async fn a_batch_of_heartbeats_keeps_alive_what_lives(home: Arc<Home>) {
    let host = Host::open(&home, false).await;
    let (tokens, live) = mixed(&host).await;
    let asked: Vec<&str> = tokens.iter().map(String::as_str).collect();
    host.pass_s(5);
    let rows = host.rows().await;
    let answer = beat(&host, &asked).await.expect(200);
    see!("kept_alive", beat(&host, &asked[..5]).await.shown());
    for (token, result) in tokens.iter().zip(results(&answer)) {
        let verified = host.verify(token).await.body;
        let expected = if verified["active"] == true {
            json!({ "ok": true, "expires_at": verified["expires_at"], "idle_expires_at": verified["idle_expires_at"] })
        } else {
            json!({ "ok": false, "reason": verified["reason"] })
        };
        assert_eq!(*result, expected);
    }
    let changed: Vec<_> = host.rows().await.into_iter().filter(|row| !rows.contains(row)).collect();
    assert!(changed.len() == 3 && changed.iter().all(|row| row.starts_with("activity:")), "{changed:#?}");
    // Durable when answered.
    host.lose_store().await;
    let again = Host::open(&home, false).await;
    again.at(host.now());
    for session in &live {
        assert_eq!(activity(&again, &session.token).await, json!(host.now().to_string()));
    }
}

async fn a_batch_holds_one_to_sixty_four_tokens(host: Host) {
    let ana = host.browser("ana").enter().await;
    host.pass_s(100);
    let rows = host.rows().await;
    for number in [0, 65, 600] {
        let tokens = vec![ana.token.as_str(); number];
        for asked in [verify(&host, &tokens), beat(&host, &tokens)] {
            let refused = asked.await.refused(400, "invalid_request");
            assert_eq!((refused.text_at("/errors/0/field").as_str(), refused.text_at("/errors/0/code").as_str()), ("tokens", "range"));
        }
    }
    assert_eq!(host.rows().await, rows);
    let full = vec![ana.token.as_str(); 64];
    assert_eq!(results(&verify(&host, &full).await.expect(200)).iter().filter(|result| result["active"] == true).count(), 64);
    assert_eq!(results(&beat(&host, &full).await.expect(200)).iter().filter(|result| result["ok"] == true).count(), 64);
}

async fn a_batch_that_races_an_ending_revives_nothing(host: Host) {
    let mut sessions = vec![];
    for number in 0..8 {
        sessions.push(host.browser(&format!("user-{}", number % 4)).enter().await);
    }
    let tokens: Vec<String> = sessions.iter().map(|session| session.token.clone()).collect();
    host.pass_s(100);
    at_once(12, |number| {
        let (host, tokens, sessions) = (host.clone(), tokens.clone(), sessions.clone());
        async move {
            if number < 8 {
                // The even ones end, while all of them are kept alive.
                let session = &sessions[number];
                if number % 2 == 0 {
                    session.delete("/sessions/current").await.expect(204);
                    assert_eq!(session.why_out().await.as_deref(), Some("signed_out"));
                }
                return;
            }
            let mut asked: Vec<&str> = tokens.iter().map(String::as_str).collect();
            if number % 2 == 0 {
                asked.reverse();
            }
            for _ in 0..4 {
                let live = |answer: &Answer, member: &str| results(answer).iter().filter(|result| result[member] == true).count();
                assert!(live(&beat(&host, &asked).await.expect(200), "ok") >= 4);
                assert!(live(&verify(&host, &asked).await.expect(200), "active") >= 4);
            }
        }
    })
    .await;
    let asked: Vec<&str> = tokens.iter().map(String::as_str).collect();
    let rows = host.rows().await;
    let beats = beat(&host, &asked).await.expect(200);
    let kept: Vec<bool> = results(&beats).iter().map(|result| result["ok"] == true).collect();
    assert_eq!(kept, [false, true, false, true, false, true, false, true]);
    assert_eq!(host.rows().await, rows, "what was kept alive at this moment already is as it was");
}
