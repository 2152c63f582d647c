//! The authms dialect: devices that a host's key vouches for, how sign-ins are recognised as theirs, and what no request may do.

mod vouching;

use doorward_api::{Dialect, Dialects, KeyHeader};
use doorward_domain::{Binding, Policy, Preset, Role};
use doorward_tests::host::{ACME, Answer, Ask, GLOBEX, Host, api_key};
use serde_json::{Value, json};

const PATH: &str = "/internal/session/trusted-devices";
const DAY: u32 = 86_400;

doorward_tests::on_each_engine! {
    a_sign_in_that_says_the_posted_value_is_recognised_where_the_policy_allows_it,
    under_another_policy_it_is_listed_and_replaces_no_factor,
    posting_again_renews_the_same_grant,
    a_hundred_posts_at_once_make_one_device,
    it_has_no_token_until_a_factor_is_passed_on_it,
    of_devices_that_look_alike_the_named_one_is_meant,
    the_gate_refuses_and_nothing_changes,
    the_key_is_in_the_trail,
    what_was_posted_is_shown_to_hosts_alone,
    caps_are_kept,
    every_device_that_shows_the_value_is_untrusted,
    a_value_may_hold_anything_that_a_path_can_encode,
    the_key_alone_opens_it,
    it_is_switched_off_and_its_header_chosen,
    what_isnt_said_of_a_device_isnt_made_up,
    bad_input_is_refused_and_changes_nothing,
    a_failure_or_a_lost_store_is_a_problem,
    retention_takes_the_given_value_too,
    wrong_keys_are_throttled_as_everywhere,
}

fn asked(host: &Host, method: &str, path: &str) -> Ask {
    host.call(method, path).tenant(ACME)
}

fn device() -> Value {
    json!({ "user_id": "ana", "device_fingerprint": "fp/1%", "browser": "Chrome", "device_type": "desktop", "ip": "203.0.113.9", "os": "Windows" })
}

async fn post(host: &Host, change: &Value) -> Answer {
    let mut body = device();
    body.as_object_mut().expect("an object").extend(change.as_object().expect("an object").clone());
    asked(host, "POST", PATH).json(&body).await
}

async fn delete(host: &Host, user: &str, value: &str) -> Answer {
    asked(host, "DELETE", &format!("{PATH}/{value}")).query(&format!("user_id={user}")).await
}

async fn listed(host: &Host, user: &str) -> Vec<String> {
    asked(host, "GET", PATH).query(&format!("user_id={user}")).await.expect(200).ids()
}

async fn by_likeness(host: &Host) {
    host.set_rules(|rules| rules.trust_binding = Binding::Fingerprint).await;
}

/// How a sign-in without a device token is decided, and of which device it is.
async fn judged(host: &Host, looks: &Value) -> (String, Value) {
    let sign_in = host.browser("ana").looking(looks).evaluate().await;
    (sign_in.text_at("/decision"), sign_in.body.pointer("/device/id").cloned().unwrap_or_default())
}

async fn a_sign_in_that_says_the_posted_value_is_recognised_where_the_policy_allows_it(host: Host) {
    by_likeness(&host).await;
    let made = post(&host, &json!({})).await.expect(200);
    let said = json!({ "fingerprint": "fp/1%" });
    let mut browser = host.browser("ana").looking(&said);
    let sign_in = browser.evaluate().await;
    assert_eq!((sign_in.text_at("/decision"), &sign_in.body["reasons"]), ("allow".to_owned(), &json!(["trusted_device"])));
    assert_eq!(sign_in.body["device"]["id"], made.body["id"]);
    let entered = browser.complete(&sign_in, &json!({})).await;
    assert_eq!((entered.device(), &entered.answer.body["session"]["mfa_skipped_by"]), (made.text_at("/id"), &json!("device_trust")));
    assert_eq!(entered.answer.body.get("device_token"), None, "a host's word earns no token");

    let unlike = [
        json!({}),
        json!({ "fingerprint": "fp/1" }),
        json!({ "fingerprint": "FP/1%" }),
        json!({ "fingerprint": { "x": "fp/1%" } }),
        json!({ "fingerprint": "fp/1%", "ip": "198.51.100.7" }),
    ];
    for looks in unlike {
        // Another of the person's devices, so that what it looks like says nothing.
        assert_eq!(judged(&host, &looks).await.0, "challenge", "{looks}");
    }
    let stranger = host.browser("bea").looking(&said).evaluate().await;
    assert_eq!(stranger.text_at("/decision"), "challenge");
    // The longest trust of the binding.
    host.pass_s(7 * DAY);
    assert_eq!(judged(&host, &said).await.0, "challenge");
}

async fn under_another_policy_it_is_listed_and_replaces_no_factor(host: Host) {
    let made = post(&host, &json!({})).await.expect(200);
    assert_eq!(listed(&host, "ana").await, [made.text_at("/id")]);
    let said = json!({ "fingerprint": "fp/1%" });
    assert_eq!(judged(&host, &said).await, ("challenge".to_owned(), Value::Null));
    // A looser policy brings nothing about that was given before it; what is given under it counts.
    host.pass_s(60);
    by_likeness(&host).await;
    assert_eq!(judged(&host, &said).await.0, "challenge");
    host.pass_s(60);
    assert_eq!(post(&host, &json!({})).await.expect(200).body["id"], made.body["id"]);
    assert_eq!(judged(&host, &said).await, ("allow".to_owned(), made.body["id"].clone()));
    // A stricter one takes it back at once.
    host.set_policy(Policy::preset(Preset::Consumer)).await;
    assert_eq!(judged(&host, &said).await.0, "challenge");
    assert_eq!(listed(&host, "ana").await.len(), 1);
    host.set_policy(Policy::preset(Preset::NistAal2)).await;
    assert_eq!(listed(&host, "ana").await.len(), 0);
}

async fn posting_again_renews_the_same_grant(host: Host) {
    let first = post(&host, &json!({ "device_name": "Laptop" })).await.expect(200);
    let again = post(&host, &json!({ "device_name": "Laptop" })).await.expect(200);
    assert_eq!(again.body, first.body, "a retry whose answer was lost");
    host.pass_s(DAY);
    // Now at another place, and under a name that its person wouldn't recognise.
    let moved = post(&host, &json!({ "ip": "198.51.100.1", "device_name": "x", "browser": "Firefox" })).await.expect(200);
    assert_eq!((&moved.body["id"], moved.text_at("/device_name")), (&first.body["id"], "Laptop".to_owned()));
    assert_eq!((moved.text_at("/ip"), moved.text_at("/browser")), ("198.51.100.1".to_owned(), "Firefox".to_owned()));
    assert_eq!(moved.text_at("/trusted_until"), host.now().plus_s(7 * DAY).to_string());
    assert_eq!(listed(&host, "ana").await.len(), 1);
    by_likeness(&host).await;
    post(&host, &json!({ "ip": "198.51.100.1" })).await.expect(200);
    assert_eq!(judged(&host, &json!({ "fingerprint": "fp/1%", "ip": "198.51.100.7" })).await.0, "allow");
    assert_eq!(judged(&host, &json!({ "fingerprint": "fp/1%" })).await.0, "challenge");
    // Without an address it stays where it was.
    post(&host, &json!({ "ip": null })).await.expect(200);
    assert_eq!(judged(&host, &json!({ "fingerprint": "fp/1%", "ip": "198.51.100.7" })).await.0, "allow");
    // Another person's of the same value, and one that is forgotten, are others.
    assert_ne!(post(&host, &json!({ "user_id": "bea" })).await.expect(200).body["id"], first.body["id"]);
    host.call("DELETE", &format!("/internal/users/ana/devices/{}", first.text_at("/id"))).await.expect(204);
    assert_ne!(post(&host, &json!({})).await.expect(200).body["id"], first.body["id"]);
}

async fn a_hundred_posts_at_once_make_one_device(host: Host) {
    let posts = (0..100).map(|_| {
        let host = host.clone();
        tokio::spawn(async move { post(&host, &json!({})).await.expect(200).text_at("/id") })
    });
    let mut ids = std::collections::BTreeSet::new();
    for post in posts.collect::<Vec<_>>() {
        ids.insert(post.await.expect("no panic"));
    }
    assert_eq!((ids.len(), listed(&host, "ana").await.len()), (1, 1));
}

async fn it_has_no_token_until_a_factor_is_passed_on_it(host: Host) {
    by_likeness(&host).await;
    let made = post(&host, &json!({})).await.expect(200);
    let mut browser = host.browser("ana").looking(&json!({ "fingerprint": "fp/1%" }));
    let entered = browser.enter_and_trust().await;
    assert_eq!(entered.device(), made.text_at("/id"));
    assert!(browser.device_token.is_some());
    assert_eq!(browser.judged().await.0, "allow");
    let firm = asked(&host, "GET", PATH).query("user_id=ana").await.expect(200).text_at("/items/0/trusted_until");
    // What the person has by a token, the host's word doesn't make weaker or shorter.
    assert_eq!(post(&host, &json!({})).await.expect(200).text_at("/trusted_until"), firm);
    assert_eq!(browser.judged().await.0, "allow");
}

async fn of_devices_that_look_alike_the_named_one_is_meant(host: Host) {
    by_likeness(&host).await;
    let said = json!({ "fingerprint": "fp/1%" });
    let laptop = host.browser("ana").looking(&said).enter().await.device();
    let made = post(&host, &json!({})).await.expect(200).text_at("/id");
    assert_ne!(laptop, made);
    assert_eq!(judged(&host, &said).await, ("allow".to_owned(), json!(made)));
    // It may be the one that was reported.
    host.call("POST", &format!("/internal/users/ana/devices/{laptop}/hijack")).await.expect(200);
    assert_eq!(judged(&host, &said).await.0, "challenge");
}

async fn the_gate_refuses_and_nothing_changes(host: Host) {
    let made = post(&host, &json!({})).await.expect(200);
    let rows = host.rows().await;
    for preset in [Preset::NistAal2, Preset::NistAal3] {
        host.set_policy(Policy::preset(preset)).await;
        let rows = host.rows().await;
        for change in [json!({}), json!({ "user_id": "never-seen" }), json!({ "device_fingerprint": "another" })] {
            post(&host, &change).await.refused(403, "trust_not_allowed");
        }
        assert_eq!(host.rows().await, rows, "{preset}");
    }
    host.set_policy(Policy::preset(Preset::Consumer)).await;
    assert_ne!(host.rows().await, rows);
    let rows = host.rows().await;
    for role in [Role::Operator, Role::Viewer, Role::Verify] {
        host.ask("POST", PATH).by(role).tenant(ACME).json(&device()).await.refused(403, "role_too_low");
    }
    assert_eq!(host.rows().await, rows);
    host.change_account("ana", |account| account.head.disabled_at = Some(account.head.created_at)).await;
    let rows = host.rows().await;
    post(&host, &json!({})).await.refused(403, "trust_not_allowed");
    assert_eq!(host.rows().await, rows);
    host.change_account("ana", |account| account.head.disabled_at = None).await;
    host.call("POST", &format!("/internal/users/ana/devices/{}/hijack", made.text_at("/id"))).await.expect(200);
    let rows = host.rows().await;
    post(&host, &json!({})).await.refused(409, "device_hijacked");
    delete(&host, "ana", "fp%2F1%25").await.refused(404, "not_found");
    assert_eq!((host.rows().await, listed(&host, "ana").await.len()), (rows, 0));
    host.call("POST", &format!("/internal/users/ana/devices/{}/release", made.text_at("/id"))).await.expect(200);
    assert_ne!(post(&host, &json!({})).await.expect(200).body["id"], made.body["id"], "its owner begins again");
}

async fn the_key_is_in_the_trail(host: Host) {
    let made = asked(&host, "POST", PATH).header("x-doorward-actor", "grace").json(&device()).await.expect(200);
    let events = host.call("GET", "/internal/users/ana/events").await.expect(200);
    let trail: Vec<&str> = events.body["items"].as_array().expect("events").iter().rev().filter_map(|event| event["type"].as_str()).collect();
    assert_eq!(trail, ["account.created", "device.added", "device.trusted"]);
    let actor = format!("key:{}:grace", host.key_id(&api_key(ACME, Role::Host)).await);
    let trusted = &events.body["items"][0];
    assert_eq!((&trusted["actor"], &trusted["device_id"]), (&json!(actor), &made.body["id"]));
    assert_eq!(trusted["data"], json!({ "trusted_until": made.body["trusted_until"], "vouched": true }));
    assert!(!events.text.contains("fp/1%"));
    delete(&host, "ana", "fp%2F1%25").await.expect(200);
    let events = host.call("GET", "/internal/users/ana/events").await.expect(200);
    assert_eq!(events.text_at("/items/0/type"), "device.untrusted");
}

async fn what_was_posted_is_shown_to_hosts_alone(host: Host) {
    let made = post(&host, &json!({ "device_fingerprint": "canary of the host" })).await.expect(200);
    let ana = host.browser("ana").enter().await;
    let own = ana.get(&format!("/devices/{}", made.text_at("/id"))).await.expect(200);
    assert_eq!((own.text_at("/status"), own.text_at("/binding"), own.text_at("/name")), ("trusted".into(), "fingerprint".into(), "Chrome on Windows".into()));
    assert_eq!(own.text_at("/device/type"), "desktop");
    let internal = host.call("GET", &format!("/internal/users/ana/devices/{}", made.text_at("/id"))).await.expect(200);
    for shown in [&own, &internal, &ana.get("/devices").await] {
        assert!(!shown.text.contains("canary of the host"));
    }
    assert_eq!(own.text_at("/device_fingerprint").len(), 32);
    let export = host.call("GET", "/internal/users/ana/export").await.expect(200);
    let device = export.body["held"]["device"].as_array().expect("devices").iter().find(|device| device["id"] == made.body["id"]).expect("it is held");
    assert_eq!(device["given_fingerprint"], "canary of the host");
    assert!(!host.rows().await.iter().any(|row| row.contains("canary of the host")), "it is sealed");
    // The derived value is no proof, and isn't what the device shows here.
    delete(&host, "ana", &own.text_at("/device_fingerprint")).await.refused(404, "not_found");
    by_likeness(&host).await;
    assert_eq!(judged(&host, &json!({ "fingerprint": own.text_at("/device_fingerprint") })).await.0, "challenge");
    let erased = host.ask("DELETE", "/internal/users/ana").by(Role::Admin).await;
    assert_eq!(erased.status, 204, "{}", erased.text);
    assert_eq!(listed(&host, "ana").await.len(), 0);
}

async fn caps_are_kept(host: Host) {
    host.set_rules(|rules| (rules.max_devices, rules.trust_binding) = (3, Binding::Fingerprint)).await;
    let unverified = host.browser("ana").enter().await.device();
    for number in 0..5 {
        host.pass_s(1);
        post(&host, &json!({ "device_fingerprint": format!("fp-{number}") })).await.expect(200);
        assert_eq!(listed(&host, "ana").await.len(), (number + 1).min(3));
    }
    host.call("GET", &format!("/internal/users/ana/devices/{unverified}")).await.refused(404, "not_found");
    assert!(host.call("GET", "/internal/users/ana/devices").await.expect(200).ids().len() <= 4);
}

async fn every_device_that_shows_the_value_is_untrusted(host: Host) {
    post(&host, &json!({})).await.expect(200);
    host.pass_s(1);
    // Two browsers of one kind show one derived value.
    let looks = json!({ "fingerprint": { "gpu": "a" } });
    let mut alike = [host.browser("ana").looking(&looks), host.browser("ana").looking(&looks)];
    for browser in &mut alike {
        browser.enter_and_trust().await;
    }
    let all = asked(&host, "GET", PATH).query("user_id=ana").await.expect(200);
    let shown: Vec<String> = (0..2).map(|at| all.text_at(&format!("/items/{at}/device_fingerprint"))).collect();
    assert_eq!(shown[0], shown[1]);
    let rows = host.rows().await;
    for (user, value) in
        [("bea", "fp%2F1%25"), ("bea", shown[0].as_str()), ("ana", "fp"), ("ana", "fp%252F1%2525"), ("ana", &shown[0].to_uppercase()), ("ana", "%FF")]
    {
        delete(&host, user, value).await.refused(404, "not_found");
    }
    host.ask("DELETE", &format!("{PATH}/fp%2F1%25")).key(&api_key(GLOBEX, Role::Host)).tenant(GLOBEX).query("user_id=ana").await.refused(404, "not_found");
    assert_eq!(host.rows().await, rows);
    delete(&host, "ana", &shown[0]).await.expect(200);
    assert_eq!(listed(&host, "ana").await.len(), 1);
    for browser in &alike {
        assert_eq!(browser.judged().await.0, "challenge");
    }
    delete(&host, "ana", "fp%2F1%25").await.expect(200);
    assert_eq!(listed(&host, "ana").await.len(), 0);
}

async fn a_value_may_hold_anything_that_a_path_can_encode(host: Host) {
    let values = [
        ("a/b/c", "a%2Fb%2Fc"),
        ("/", "%2F"),
        ("100%", "100%25"),
        ("%2F", "%252F"),
        ("ü \u{1F600}", "%C3%BC%20%F0%9F%98%80"),
        ("a+b=", "a+b="),
        ("?x#y", "%3Fx%23y"),
        ("Zm9v/YmFy+g==", "Zm9v%2FYmFy+g=="),
        ("' OR 1=1 --", "%27%20OR%201%3D1%20--"),
    ];
    for (value, in_path) in values {
        let made = post(&host, &json!({ "device_fingerprint": value })).await.expect(200);
        assert_eq!(made.body["device_fingerprint"], value);
        delete(&host, "ana", in_path).await.expect(200);
        assert_eq!(listed(&host, "ana").await.len(), 0, "{value}");
    }
    let longest = "é".repeat(512);
    post(&host, &json!({ "device_fingerprint": longest })).await.expect(200);
    delete(&host, "ana", &"%C3%A9".repeat(512)).await.expect(200);
}

async fn the_key_alone_opens_it(host: Host) {
    post(&host, &json!({})).await.expect(200);
    let ana = host.browser("ana").enter().await;
    let rows = host.rows().await;
    let one = format!("{PATH}/fp%2F1%25");
    for (method, path) in [("GET", PATH), ("POST", PATH), ("DELETE", one.as_str())] {
        let ask = || host.ask(method, path).tenant(ACME).query("user_id=ana");
        ask().bearer(&ana.token).await.refused(401, "unauthenticated");
        ask().header("cookie", &format!("__Host-session={}", ana.token)).await.refused(401, "unauthenticated");
        ask().header("authorization", &format!("ApiKey {}", api_key(ACME, Role::Admin))).await.refused(401, "unauthenticated");
        ask().key(&api_key(GLOBEX, Role::Admin)).await.refused(401, "unauthenticated");
        ask().key(&api_key(ACME, Role::Admin)).tenant(GLOBEX).await.refused(401, "unauthenticated");
    }
    assert_eq!(host.rows().await, rows);
    asked(&host, "GET", PATH).query("user_id=ana").header("cookie", "__Host-session=x; other=y").await.expect(200);
    host.ask("GET", PATH).by(Role::Viewer).tenant(ACME).query("user_id=ana").await.expect(200);
}

async fn it_is_switched_off_and_its_header_chosen(host: Host) {
    let home = std::sync::Arc::clone(host.home());
    drop(host);
    let off = Host::open_serving(&home, Dialects::new([Dialect::Flashback, Dialect::Laravel])).await;
    for (method, path) in [("GET", PATH), ("POST", PATH), ("DELETE", "/internal/session/trusted-devices/x")] {
        asked(&off, method, path).query("user_id=ana").await.refused(404, "not_found");
    }
    drop(off);
    let header = KeyHeader::named("X-Internal-Key").expect("a header");
    let mut dialects = Dialects::default();
    dialects.authms_key = header;
    let other = Host::open_serving(&home, dialects).await;
    let ask = || other.ask("GET", PATH).tenant(ACME).query("user_id=ana");
    ask().by(Role::Admin).await.refused(401, "unauthenticated");
    ask().header("x-internal-key", &api_key(ACME, Role::Viewer)).await.expect(200);
    for path in ["/openapi/authms.json", "/openapi.json"] {
        let described = other.ask("GET", path).await.expect(200);
        assert_eq!(described.text_at("/components/securitySchemes/authms_key/name"), "x-internal-key", "{path}");
    }
    other.call("GET", "/internal/users/ana/devices").await.expect(200);
}

async fn what_isnt_said_of_a_device_isnt_made_up(host: Host) {
    let said = async |number: u8, change: Value| {
        let mut body = json!({ "user_id": "ana", "device_fingerprint": format!("fp-{number}") });
        body.as_object_mut().expect("an object").extend(change.as_object().expect("an object").clone());
        let made = asked(&host, "POST", PATH).json(&body).await.expect(200);
        ["browser", "os", "device_type"].map(|name| made.text_at(&format!("/{name}")))
    };
    assert_eq!(said(0, json!({})).await, ["", "", "unknown"]);
    assert_eq!(said(1, json!({ "os": "windows" })).await, ["", "Windows", "unknown"]);
    assert_eq!(said(2, json!({ "os": "Haiku", "device_type": "a fridge" })).await, ["", "Haiku", "unknown"]);
    assert_eq!(said(3, json!({ "browser": "Chrome", "os": "Windows" })).await, ["Chrome", "Windows", "unknown"]);
    assert_eq!(said(4, json!({ "os": "iOS", "device_type": "Phone" })).await, ["", "iOS", "mobile"]);
    assert_eq!(said(5, json!({ "device_type": "app" })).await, ["", "", "app"]);
}

async fn bad_input_is_refused_and_changes_nothing(host: Host) {
    post(&host, &json!({})).await.expect(200);
    let rows = host.rows().await;
    let long = "x".repeat(600);
    let bad = [
        (json!({ "user_id": 7 }), "user_id", "format"),
        (json!({ "user_id": "" }), "user_id", "required"),
        (json!({ "user_id": "a\u{0}" }), "user_id", "format"),
        (json!({ "user_id": long }), "user_id", "format"),
        (json!({ "device_fingerprint": null }), "device_fingerprint", "required"),
        (json!({ "device_fingerprint": "" }), "device_fingerprint", "required"),
        (json!({ "device_fingerprint": long }), "device_fingerprint", "range"),
        (json!({ "device_fingerprint": "a\nb" }), "device_fingerprint", "format"),
        (json!({ "device_fingerprint": ["x"] }), "device_fingerprint", "format"),
        (json!({ "device_fingerprint": "." }), "device_fingerprint", "format"),
        (json!({ "device_fingerprint": ".." }), "device_fingerprint", "format"),
        (json!({ "ip": "300.1.1.1" }), "ip", "format"),
        (json!({ "ip": 7 }), "ip", "format"),
        (json!({ "browser": long }), "browser", "range"),
        (json!({ "browser": "a\u{7}" }), "browser", "format"),
        (json!({ "os": {} }), "os", "format"),
        (json!({ "device_type": true }), "device_type", "format"),
        (json!({ "device_name": long }), "device_name", "range"),
        (json!({ "device_name": " " }), "device_name", "range"),
        (json!({ "device_name": "a\u{85}" }), "device_name", "format"),
    ];
    for (change, field, code) in &bad {
        let answer = post(&host, change).await.refused(400, "invalid_request");
        assert_eq!((answer.text_at("/errors/0/field"), answer.text_at("/errors/0/code")), ((*field).to_owned(), (*code).to_owned()), "{change}");
    }
    let all = host.call("POST", PATH).json(&json!({ "user_id": "", "ip": "x", "device_name": "\n", "os": 1 })).await.refused(400, "invalid_request");
    let told: Vec<&str> = all.body["errors"].as_array().expect("errors").iter().filter_map(|error| error["field"].as_str()).collect();
    assert_eq!(told, ["X-Tenant-ID", "user_id", "device_fingerprint", "os", "ip", "device_name"]);
    let told = |answer: &Answer| answer.body["errors"].as_array().expect("errors").iter().map(|error| error["field"].clone()).collect::<Vec<_>>();
    let ended = host.call("DELETE", &format!("{PATH}/x")).header("x-tenant-id", "").bytes("{").await.refused(400, "invalid_request");
    assert_eq!(told(&ended), ["X-Tenant-ID", "user_id"]);
    asked(&host, "DELETE", &format!("{PATH}/x")).query("user_id=ana").bytes("{").await.refused(400, "invalid_request");
    for query in ["user_id=%FE", "user_id=%FE&x=%EF%BF%BD", "user_id=a%C3", "user%5Fid=%FF"] {
        let listing = asked(&host, "GET", PATH).query(query).await.refused(400, "invalid_request");
        assert_eq!(told(&listing), ["user_id"], "{query}");
    }
    asked(&host, "GET", PATH).query("user_id=%EF%BF%BD").await.expect(200);
    let raw = |body: &'static [u8]| asked(&host, "POST", PATH).header("content-type", "application/json").bytes(body);
    for body in [&b"{"[..], b"[]", b"null", b"\xff", b"{\"user_id\":\"\xc3\x28\"}", b"{\"user_id\":\"\\ud800\"}", b"{}{}"] {
        raw(body).await.refused(400, "invalid_request");
    }
    let twice = raw(br#"{"user_id":"ana","device_fingerprint":"a","user_id":"bea"}"#).await.refused(400, "invalid_request");
    assert_eq!((twice.text_at("/errors/0/field"), twice.text_at("/errors/0/code")), ("user_id".to_owned(), "repeated".to_owned()));
    asked(&host, "POST", PATH).bytes(device().to_string()).await.refused(415, "unsupported_media_type");
    asked(&host, "POST", PATH).header("content-type", "application/json").bytes(vec![b' '; 70_000]).await.refused(413, "body_too_large");
    asked(&host, "PUT", PATH).await.refused(405, "method_not_allowed");
    for path in ["/internal/session/trusted-devices/", "/internal/session/trusted-devices/a/b", "/internal/session"] {
        asked(&host, "GET", path).query("user_id=ana").await.refused(404, "not_found");
    }
    assert_eq!(host.rows().await, rows);
}

async fn a_failure_or_a_lost_store_is_a_problem(host: Host) {
    post(&host, &json!({})).await.expect(200);
    let all = async |host: &Host| [asked(host, "GET", PATH).query("user_id=ana").await, post(host, &json!({})).await, delete(host, "ana", "fp%2F1%25").await];
    host.lose_store().await;
    for away in all(&host).await {
        assert!(away.refused(503, "unavailable").header("retry-after").is_some());
    }
    host.home().tamper("UPDATE device SET sealed = id").await;
    for failed in all(&Host::open(host.home(), false).await).await {
        failed.refused(500, "internal");
    }
}

async fn retention_takes_the_given_value_too(host: Host) {
    let made = post(&host, &json!({})).await.expect(200);
    let held = async || {
        let export = host.call("GET", "/internal/users/ana/export").await.expect(200);
        let device = &export.body["held"]["device"][0];
        assert_eq!(device["id"], made.body["id"]);
        device["given_fingerprint"].clone()
    };
    host.pass_s(89 * DAY);
    host.service().prune_accounts(None).await.expect("the store answers");
    assert_eq!(held().await, "fp/1%");
    host.pass_s(DAY);
    host.service().prune_accounts(None).await.expect("the store answers");
    assert_eq!(held().await, Value::Null);
    // What shows is the derived value, of which nothing is left either; the value posted again is a device of its own.
    let shown = host.call("GET", &format!("/internal/users/ana/devices/{}", made.text_at("/id"))).await.expect(200);
    assert_eq!(shown.body["device_fingerprint"], "");
    assert_ne!(post(&host, &json!({})).await.expect(200).body["id"], made.body["id"]);
}

async fn wrong_keys_are_throttled_as_everywhere(host: Host) {
    let wrong = || host.ask("GET", PATH).tenant(ACME).query("user_id=ana").from("198.51.100.77");
    for number in 0..300 {
        wrong().key(&format!("dwk_wrong-{number}-which-nobody-gave-to-anybody")).await.refused(401, "unauthenticated");
    }
    let answer = wrong().key("dwk_wrong-again-which-nobody-gave-to-anybody").await.refused(429, "too_many_requests");
    assert!(answer.header("retry-after").is_some());
    wrong().key(&api_key(ACME, Role::Viewer)).await.expect(200);
}
