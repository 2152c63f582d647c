//! API keys: made, rotated with an overlap, revoked at once; each shown once, its last use known.

use std::sync::Arc;

use doorward_domain::{EventKind, Role};
use doorward_tests::host::{ACME, Answer, Ask, GLOBEX, Host, api_key};
use doorward_tests::{Home, at_once, just_before};
use insta::assert_snapshot as see;
use serde_json::{Value, json};

doorward_tests::on_each_engine! {
    a_key_is_made_shown_once_and_does_what_its_role_says,
    a_key_ends_at_its_end_to_the_microsecond,
    a_revoked_key_is_refused_at_its_next_use,
    a_rotated_keys_old_text_stays_good_for_its_overlap_alone,
    the_last_admin_key_is_not_revoked_by_a_key,
    a_key_that_ends_makes_none_that_outlives_it,
    a_tenants_keys_are_its_own,
    the_last_use_is_written_by_the_upkeep_once_in_a_while,
    the_trail_names_who_changed_a_key,
    bad_words_about_a_key_are_named,
}

fn admin(host: &Host, method: &str, path: &str) -> Ask {
    host.ask(method, &format!("/internal/api-keys{path}")).by(Role::Admin)
}

/// Makes a key: its id and its text.
async fn made(host: &Host, role: &str, more: Value) -> (String, String) {
    let mut body = json!({ "name": "a service", "role": role });
    body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    let answer = admin(host, "POST", "").json(&body).await.expect(201);
    (answer.text_at("/api_key/id"), answer.text_at("/key"))
}

/// What the list says of a key.
async fn listed(host: &Host, id: &str) -> Value {
    let list = admin(host, "GET", "").await.expect(200).body;
    list["items"].as_array().and_then(|keys| keys.iter().find(|key| key["id"] == id).cloned()).expect("it is listed")
}

async fn used(host: &Host, key: &str) -> Answer {
    host.ask("POST", "/internal/sessions/verify").key(key).json(&json!({ "token": "x" })).await
}

async fn is_good(host: &Host, key: &str) -> bool {
    match used(host, key).await {
        answer if answer.status == 200 => true,
        answer => {
            answer.refused(401, "unauthenticated");
            false
        }
    }
}

async fn a_key_is_made_shown_once_and_does_what_its_role_says(host: Host) {
    host.pass_s(1);
    let answer = admin(&host, "POST", "").json(&json!({ "name": "gate", "role": "verify" })).await.expect(201);
    see!("made", answer.shown());
    let (id, key) = (answer.text_at("/api_key/id"), answer.text_at("/key"));
    assert!(key.starts_with("dwk_"));
    assert!(is_good(&host, &key).await);
    host.ask("GET", "/internal/users/ana/devices").key(&key).await.refused(403, "role_too_low");
    host.ask("GET", "/internal/api-keys").key(&key).await.refused(403, "role_too_low");
    let list = admin(&host, "GET", "").await.expect(200);
    assert_eq!(list.body["items"][0]["id"], id, "the newest first");
    assert!(!list.text.contains("dwk_") && !host.rows().await.iter().any(|row| row.contains(&key)), "never shown again");
}

async fn a_key_ends_at_its_end_to_the_microsecond(host: Host) {
    let end = host.now().plus_s(3_600);
    let (id, key) = made(&host, "verify", json!({ "expires_at": end.to_string() })).await;
    host.at(just_before(end));
    assert!(is_good(&host, &key).await);
    host.at(end);
    assert!(!is_good(&host, &key).await);
    assert_eq!(listed(&host, &id).await["status"], "expired");
    admin(&host, "POST", &format!("/{id}/rotate")).await.refused(404, "not_found");
}

/// The lesson of CVE-2023-0091: what was revoked is revoked everywhere, for services as for people.
async fn a_revoked_key_is_refused_at_its_next_use(home: Arc<Home>) {
    let host = Host::open(&home, false).await;
    let (id, key) = made(&host, "verify", json!({})).await;
    let rotated = admin(&host, "POST", &format!("/{id}/rotate")).await.expect(200).text_at("/key");
    assert!(is_good(&host, &key).await && is_good(&host, &rotated).await);
    // From the answer on, whoever asks at the same time.
    admin(&host, "DELETE", &format!("/{id}")).await.expect(204);
    let after = at_once(64, |at| {
        let (host, key) = (host.clone(), if at % 2 == 0 { key.clone() } else { rotated.clone() });
        async move { is_good(&host, &key).await }
    });
    assert!(!after.await.contains(&true));
    let rows = host.rows().await;
    admin(&host, "DELETE", &format!("/{id}")).await.expect(204);
    assert_eq!(host.rows().await, rows, "revoking again changes nothing");
    admin(&host, "POST", &format!("/{id}/rotate")).await.refused(404, "not_found");
    assert_eq!(listed(&host, &id).await["status"], "revoked");
    host.lose_store().await;
    let host = Host::open(&home, false).await;
    assert!(!is_good(&host, &key).await && !is_good(&host, &rotated).await, "nor after opening anew");
    host.lose_store().await;
}

async fn a_rotated_keys_old_text_stays_good_for_its_overlap_alone(host: Host) {
    let began = host.now();
    let (id, first) = made(&host, "verify", json!({})).await;
    let rotate = |overlap: Value| admin(&host, "POST", &format!("/{id}/rotate")).json(&overlap);
    let answer = rotate(json!({ "overlap_s": 60 })).await.expect(200);
    see!("rotated", answer.shown());
    let second = answer.text_at("/key");
    assert_eq!(answer.text_at("/api_key/id"), id, "under the same id");
    host.at(just_before(began.plus_s(60)));
    assert!(is_good(&host, &first).await && is_good(&host, &second).await);
    host.at(began.plus_s(60));
    assert!(!is_good(&host, &first).await && is_good(&host, &second).await);
    // A day, unless it is said; and what an earlier rotation left is dead at once.
    let third = rotate(json!({})).await.expect(200).text_at("/key");
    let fourth = rotate(json!({})).await.expect(200).text_at("/key");
    assert!(!is_good(&host, &second).await && is_good(&host, &third).await && is_good(&host, &fourth).await);
    host.pass_s(86_400);
    assert!(!is_good(&host, &third).await && is_good(&host, &fourth).await);
    let fifth = rotate(json!({ "overlap_s": 0 })).await.expect(200).text_at("/key");
    assert!(!is_good(&host, &fourth).await && is_good(&host, &fifth).await);
}

async fn the_last_admin_key_is_not_revoked_by_a_key(host: Host) {
    let list = admin(&host, "GET", "").await.expect(200).body;
    let first = list["items"].as_array().and_then(|keys| keys.iter().find(|key| key["role"] == "admin").cloned()).expect("an admin's key");
    let first = first["id"].as_str().expect("an id").to_owned();
    let (ended, _) = made(&host, "admin", json!({ "expires_at": host.now().plus_s(60).to_string() })).await;
    host.pass_s(60);
    let rows = host.rows().await;
    admin(&host, "DELETE", &format!("/{first}")).await.refused(409, "last_admin_key");
    assert_eq!(host.rows().await, rows);
    admin(&host, "DELETE", &format!("/{ended}")).await.expect(204);
    let (second, key) = made(&host, "admin", json!({})).await;
    // Two that revoke each other: one stays.
    let revoke = |by: String, id: &String| host.ask("DELETE", &format!("/internal/api-keys/{id}")).key(&by);
    let both = [revoke(api_key(ACME, Role::Admin), &second), revoke(key.clone(), &first)];
    let answers = at_once(2, |at| {
        let asked = both[at].clone();
        async move { asked.await.status }
    })
    .await;
    assert_eq!(answers.iter().filter(|status| **status == 204).count(), 1, "{answers:?}");
    assert!(answers.iter().all(|status| matches!(status, 204 | 401 | 409)), "{answers:?}");
    let left = [api_key(ACME, Role::Admin), key];
    let mut good = 0;
    for key in &left {
        good += usize::from(host.ask("GET", "/internal/api-keys").key(key).await.status == 200);
    }
    assert_eq!(good, 1);
}

async fn a_key_that_ends_makes_none_that_outlives_it(host: Host) {
    let end = host.now().plus_s(3_600);
    let (own, brief) = made(&host, "admin", json!({ "expires_at": end.to_string() })).await;
    let asked = |expires_at: Value| host.ask("POST", "/internal/api-keys").key(&brief).json(&json!({ "name": "x", "role": "host", "expires_at": expires_at }));
    let rows = host.rows().await;
    for longer in [Value::Null, json!(end.plus_s(1).to_string())] {
        assert_eq!(asked(longer).await.refused(400, "invalid_request").text_at("/errors/0/field"), "expires_at");
    }
    assert_eq!(host.rows().await, rows);
    asked(json!(end.to_string())).await.expect(201);
    // Nor does it take the text of one that does.
    let rotated = |id: &str| host.ask("POST", &format!("/internal/api-keys/{id}/rotate")).key(&brief).json(&json!({}));
    let (lasting, _) = made(&host, "verify", json!({})).await;
    let rows = host.rows().await;
    rotated(&lasting).await.refused(400, "invalid_request");
    assert_eq!(host.rows().await, rows);
    rotated(&own).await.expect(200);
}

async fn a_tenants_keys_are_its_own(host: Host) {
    let (id, key) = made(&host, "verify", json!({})).await;
    let foreign = |method: &str, path: &str| host.ask(method, path).key(&api_key(GLOBEX, Role::Admin));
    assert!(!foreign("GET", "/internal/api-keys").await.expect(200).text.contains(&id));
    let rows = host.rows().await;
    foreign("POST", &format!("/internal/api-keys/{id}/rotate")).await.refused(404, "not_found");
    foreign("DELETE", &format!("/internal/api-keys/{id}")).await.refused(404, "not_found");
    assert_eq!(host.rows().await, rows);
    assert!(is_good(&host, &key).await);
}

async fn the_last_use_is_written_by_the_upkeep_once_in_a_while(host: Host) {
    let (id, key) = made(&host, "verify", json!({})).await;
    let rows = host.rows().await;
    assert!(is_good(&host, &key).await);
    assert_eq!(host.rows().await, rows, "no request writes it");
    let first = host.now().to_string();
    host.service().note_key_uses().await.expect("the store answers");
    assert_eq!(listed(&host, &id).await["last_used_at"], first);
    host.pass_s(299);
    assert!(is_good(&host, &key).await);
    let rows = host.rows().await;
    host.service().note_key_uses().await.expect("the store answers");
    assert_eq!(listed(&host, &id).await["last_used_at"], first);
    host.pass_s(1);
    assert!(is_good(&host, &key).await);
    host.service().note_key_uses().await.expect("the store answers");
    assert_eq!(listed(&host, &id).await["last_used_at"], host.now().to_string());
    let changed: Vec<_> = host.rows().await.into_iter().filter(|row| !rows.contains(row)).collect();
    assert!(changed.iter().all(|row| row.starts_with("api_key: ")), "{changed:#?}");
}

async fn the_trail_names_who_changed_a_key(host: Host) {
    let asked = |method: &str, path: &str| admin(&host, method, path).header("x-doorward-actor", "Grace");
    let id = asked("POST", "").json(&json!({ "name": "gate", "role": "verify" })).await.expect(201).text_at("/api_key/id");
    asked("POST", &format!("/{id}/rotate")).await.expect(200);
    asked("DELETE", &format!("/{id}")).await.expect(204);
    let rows = host.rows().await;
    for kind in [EventKind::ApiKeyCreated, EventKind::ApiKeyRotated, EventKind::ApiKeyRevoked] {
        let told: Vec<_> =
            rows.iter().filter(|row| row.starts_with("event: ") && row.contains(&format!("kind={},", kind.code())) && row.contains(":Grace")).collect();
        assert_eq!(told.len(), 1, "{kind}: {rows:#?}");
        assert!(told[0].contains("key:"), "{told:?}");
    }
}

async fn bad_words_about_a_key_are_named(host: Host) {
    let good = json!({ "name": "x", "role": "host" });
    let rows = host.rows().await;
    let bad = [
        ("name", json!("")),
        ("name", json!("x".repeat(65))),
        ("name", json!("a\nb")),
        ("role", json!("root")),
        ("role", json!("")),
        ("expires_at", json!("tomorrow")),
        ("expires_at", json!(host.now().to_string())),
        ("key", json!("dwk_of-my-own")),
    ];
    for (field, value) in bad {
        let mut body = good.clone();
        body[field] = value.clone();
        assert_eq!(admin(&host, "POST", "").json(&body).await.refused(400, "invalid_request").text_at("/errors/0/field"), field, "{value}");
    }
    let id = admin(&host, "GET", "").await.expect(200).text_at("/items/0/id");
    let rotate = admin(&host, "POST", &format!("/{id}/rotate")).json(&json!({ "overlap_s": 2_592_001 }));
    assert_eq!(rotate.await.refused(400, "invalid_request").text_at("/errors/0/field"), "overlap_s");
    assert_eq!(host.rows().await, rows);
}
