//! Locations: places beside addresses, and what the place of a sign-in tells, by a database that the test writes itself.

use std::sync::Arc;

use doorward_domain::Role;
use doorward_locations::{Edition, LocationDatabase};
use doorward_tests::Home;
use doorward_tests::host::browser::{judgement, with_checkbox, with_code};
use doorward_tests::host::{Answer, Browser, Host};
use doorward_tests::mmdb::mmdb;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::policies::put;
use crate::retention::prune;

doorward_tests::on_each_engine! {
    places_are_shown_beside_addresses_and_go_with_them,
    the_flashback_dialect_shows_places_as_far_as_they_are_known,
    without_a_database_there_are_no_places_and_no_signals,
    a_new_country_is_told_and_decides_nothing,
    impossible_travel_is_told_with_the_place_before,
    a_policy_lets_signals_challenge_and_trust_stays,
    signals_are_judged_again_at_completion,
    what_says_nothing_about_the_person_is_no_travel,
    signals_ask_nothing_of_who_was_asked_or_cant_be,
    a_session_opened_directly_tells_its_signals,
    another_edition_holds_at_the_next_request,
}

const VIENNA: &str = "192.0.2.1";
const NEW_YORK: &str = "198.51.100.1";
const HOUR_S: u32 = 3_600;
const DAY_S: u32 = 86_400;

fn city(country: &str, region: &str, city: &str, latitude: f64, longitude: f64, radius_km: u16) -> Value {
    json!({
        "country": { "iso_code": country, "names": { "en": "A country", "es": "Un país" } },
        "subdivisions": [{ "iso_code": "X", "names": { "en": region } }, { "names": { "en": "A district" } }],
        "city": { "names": { "de": "Eine Stadt", "en": city } },
        "location": { "latitude": latitude, "longitude": longitude, "accuracy_radius": radius_km, "time_zone": "UTC" },
    })
}

fn with(mut record: Value, name: &str, value: Value) -> Value {
    record[name] = value;
    record
}

/// The world as these stories know it.
fn world() -> Vec<(&'static str, Value)> {
    let new_york = || city("US", "New York", "New York", 40.7128, -74.006, 10);
    vec![
        ("192.0.2.0/24", city("AT", "Vienna", "Vienna", 48.2082, 16.3738, 10)),
        ("198.51.100.0/25", new_york()),
        ("198.51.100.128/27", with(new_york(), "traits", json!({ "is_anonymous_vpn": true }))),
        ("198.51.100.160/27", with(new_york(), "traits", json!({ "is_hosting_provider": true }))),
        ("198.51.100.192/27", city("US", "New York", "New York", 37.751, -97.822, 1_000)),
        ("198.51.100.224/27", json!({ "country": { "iso_code": "US" } })),
        ("2001:db8::/32", new_york()),
    ]
}

struct Files {
    _folder: TempDir,
    database: Arc<LocationDatabase>,
}

/// A host that knows these networks. What is returned beside it keeps the file.
async fn host(home: &Arc<Home>, networks: &[(&str, Value)]) -> (Host, Files) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("places.mmdb");
    std::fs::write(&file, mmdb("Test-City", 1_790_000_000, 24, networks)).expect("written");
    let database = Arc::new(LocationDatabase::open(&file).expect("a whole file"));
    let host = Host::open_located(home, Arc::clone(&database) as Arc<_>).await;
    (host, Files { _folder: folder, database })
}

fn at(host: &Host, ip: &str) -> Browser {
    host.browser("ana").looking(&json!({ "ip": ip }))
}

fn moved(browser: &Browser, ip: &str) -> Browser {
    browser.clone().looking(&json!({ "ip": ip }))
}

fn vienna() -> Value {
    json!({ "country": "AT", "region": "Vienna", "city": "Vienna" })
}

/// What the event of the last sign-in that was completed tells.
async fn event(host: &Host) -> Value {
    let events = host.ask("GET", "/internal/users/ana/events").by(Role::Viewer).query("limit=5").await.expect(200).body;
    let items = events["items"].as_array().expect("events").clone();
    items.into_iter().find(|event| event["type"] == "session.started").expect("a session began")["data"].clone()
}

fn judged(sign_in: &Answer) -> (String, Vec<String>) {
    judgement(sign_in)
}

fn expected(decision: &str, reasons: &[&str]) -> (String, Vec<String>) {
    (decision.to_owned(), reasons.iter().map(|reason| (*reason).to_owned()).collect())
}

async fn places_are_shown_beside_addresses_and_go_with_them(home: Arc<Home>) {
    let (host, _files) = host(&home, &world()).await;
    let mut laptop = at(&host, VIENNA);
    let sign_in = laptop.evaluate().await;
    assert_eq!(sign_in.body["location"], vienna());
    let opened = laptop.complete(&sign_in, &with_checkbox()).await;
    let (device, session) = (opened.device(), opened.session());
    let path = format!("/internal/users/ana/sessions/{session}/mfa");
    let stepped = host.call("POST", &path).json(&with_code()).await.expect(200);
    let opened = doorward_tests::host::SignedIn::of(&host, stepped.clone());
    let users = "/internal/users/ana";
    let read = |path: String| host.ask("GET", &path).by(Role::Viewer);
    for (what, place) in [
        ("evaluated", &sign_in.body["location"]),
        ("stepped up", &stepped.body["session"]["location"]),
        ("native device", &opened.get("/devices/current").await.expect(200).body["location"]),
        ("native device's session", &opened.get("/devices/current").await.expect(200).body["sessions"][0]["location"]),
        ("native devices", &opened.get("/devices").await.expect(200).body["items"][0]["location"]),
        ("native session", &opened.get("/sessions/current").await.expect(200).body["location"]),
        ("native sessions", &opened.get("/sessions").await.expect(200).body["items"][0]["location"]),
        ("native sessions of all states", &opened.ask("GET", "/sessions").query("status=all").await.expect(200).body["items"][0]["location"]),
        ("device", &read(format!("{users}/devices/{device}")).await.expect(200).body["location"]),
        ("devices", &read(format!("{users}/devices")).await.expect(200).body["items"][0]["location"]),
        ("sessions", &read(format!("{users}/sessions")).await.expect(200).body["items"][0]["location"]),
        ("sign-ins", &read(format!("{users}/sign-ins")).await.expect(200).body["items"][0]["location"]),
        ("sign-in", &read(format!("/internal/sign-ins/{}", sign_in.text_at("/id"))).await.expect(200).body["location"]),
    ] {
        assert_eq!(*place, vienna(), "{what}");
    }
    let completed = moved(&laptop, VIENNA).enter_skipping().await.answer.body;
    assert_eq!((&completed["device"]["location"], &completed["session"]["location"]), (&vienna(), &vienna()));
    // By IPv6, by IPv4 in its clothes, and from where nobody knows.
    let of = |ip: &'static str| {
        let browser = at(&host, ip);
        async move { browser.evaluate().await.body["location"]["city"].clone() }
    };
    assert_eq!((of("2001:db8::7").await, of("::ffff:192.0.2.9").await), (json!("New York"), json!("Vienna")));
    for ip in ["203.0.113.7", "10.1.2.3", "192.168.1.1", "127.0.0.1", "::1", "fd00::1", "2001:db9::1"] {
        assert_eq!(at(&host, ip).evaluate().await.body["location"], Value::Null, "{ip}");
    }
    assert!(!host.rows().await.iter().any(|row| row.contains("Vienna")), "no row keeps a place");
    host.pass_s(91 * DAY_S);
    prune(&host).await;
    let gone = read(format!("{users}/devices/{device}")).await.expect(200).body;
    assert_eq!((&gone["ip_address"], &gone["location"]), (&Value::Null, &Value::Null));
    let gone = read(format!("{users}/sessions")).query("status=all").await.expect(200).body;
    assert!(gone["items"].as_array().is_some_and(|items| items.len() == 2 && items.iter().all(|item| item["location"].is_null())), "{gone}");
}

async fn the_flashback_dialect_shows_places_as_far_as_they_are_known(home: Arc<Home>) {
    let (host, _files) = host(&home, &world()).await;
    let ana = at(&host, VIENNA).enter().await;
    let read = async |path: &str| host.ask("GET", path).bearer(&ana.token).await.expect(200).body;
    let place = |device: &Value| [device.get("country").cloned(), device.get("city").cloned()];
    for (ip, country, city, text) in [
        (VIENNA, Some("AT"), Some("Vienna"), Some("Vienna, AT")),
        // A country alone, and nothing at all.
        ("198.51.100.225", Some("US"), None, Some("US")),
        ("203.0.113.7", None, None, None),
    ] {
        host.pass_s(1);
        let there = at(&host, ip).enter().await;
        let (listed, detailed) = (read("/devices").await, read(&format!("/devices/{}", there.device())).await);
        let expected = [country, city].map(|word| word.map(Value::from));
        for device in [&listed["devices"][0], &listed["data"][0], &detailed["device"], &detailed["data"]] {
            assert_eq!((device["id"].as_str(), place(device)), (Some(&*there.device()), expected.clone()), "{ip}");
        }
        let sessions = read("/sessions").await;
        for session in [&sessions["sessions"][0], &sessions["data"][0], &detailed["device"]["sessions"][0]] {
            assert_eq!((session["id"].as_str(), session.get("location")), (Some(&*there.session()), text.map(Value::from).as_ref()), "{ip}");
        }
    }
}

async fn without_a_database_there_are_no_places_and_no_signals(host: Host) {
    put(&host, &json!({ "new_country": "challenge", "impossible_travel": "challenge" })).await.expect(200);
    let mut laptop = at(&host, VIENNA);
    laptop.enter_and_trust().await;
    let sign_in = moved(&laptop, NEW_YORK).evaluate().await;
    assert_eq!((judged(&sign_in), &sign_in.body["location"]), (expected("allow", &["trusted_device"]), &Value::Null));
    assert_eq!(sign_in.body["device"]["location"], Value::Null);
}

async fn a_new_country_is_told_and_decides_nothing(home: Arc<Home>) {
    let (host, _files) = host(&home, &world()).await;
    let mut laptop = at(&host, VIENNA);
    let first = laptop.evaluate().await;
    assert_eq!(judged(&first).1, ["unknown_device", "device_token_missing"], "the first country of all is not new");
    laptop.complete(&first, &with_checkbox()).await;
    host.pass_s(2 * DAY_S);
    let mut abroad = moved(&laptop, NEW_YORK);
    let asked = host.call("POST", "/internal/sign-ins").header("accept-language", "es").json(&abroad.attempt(&json!({}))).await.expect(201);
    assert_eq!(judged(&asked), expected("allow", &["trusted_device", "new_country"]));
    assert_eq!(asked.text_at("/reason_details/new_country/message"), "No consta ningún inicio de sesión anterior en esta cuenta desde este país.");
    assert_eq!(asked.body["location"]["country"], "US");
    let entered = abroad.complete(&asked, &json!({})).await;
    assert_eq!(entered.answer.body["session"]["mfa_skipped_by"], "device_trust");
    assert_eq!(event(&host).await, json!({ "mfa_skipped": true, "login_method": "password", "new_country": "US" }));
    assert_eq!(judged(&abroad.evaluate().await), expected("allow", &["trusted_device"]), "now it is known");
    // Of another person nothing is known.
    let bob = host.browser("bob").looking(&json!({ "ip": NEW_YORK }));
    assert_eq!(judged(&bob.evaluate().await).1, ["unknown_device", "device_token_missing"]);
}

async fn impossible_travel_is_told_with_the_place_before(home: Arc<Home>) {
    let (host, _files) = host(&home, &world()).await;
    let mut laptop = at(&host, VIENNA);
    let opened = laptop.enter_and_trust().await;
    let began = host.now();
    host.pass_s(HOUR_S);
    // On another device, with the right code: all of the account counts.
    let mut thief = at(&host, NEW_YORK);
    let sign_in = thief.evaluate().await;
    assert_eq!(judged(&sign_in), expected("challenge", &["unknown_device", "device_token_missing", "impossible_travel", "new_country"]));
    let told = json!({
        "message": "There was a sign-in from a place too far away for the time between the two.",
        "from": vienna(), "device_id": opened.device(), "at": began.to_string(), "distance_km": 6_796, "elapsed_s": HOUR_S,
    });
    assert_eq!(sign_in.body["reason_details"]["impossible_travel"], told);
    assert!(!host.rows().await.iter().any(|row| row.contains("Vienna")), "no row keeps a place");
    thief.complete(&sign_in, &with_code()).await;
    let told = json!({ "from": vienna(), "device_id": opened.device(), "at": began.to_string(), "distance_km": 6_796, "elapsed_s": HOUR_S });
    assert_eq!(event(&host).await["impossible_travel"], told);
    // It stays explained, also where the way back is told, until the addresses go.
    let path = format!("/internal/sign-ins/{}", sign_in.text_at("/id"));
    let later = host.ask("GET", &path).by(Role::Viewer);
    assert_eq!(later.await.expect(200).body["reason_details"]["impossible_travel"]["from"], vienna());
    let export = host.ask("GET", "/internal/users/ana/export").by(Role::Operator).await.expect(200).body;
    assert_eq!(export["held"]["sign_in"].as_array().map(|rows| rows.iter().filter(|row| row["travelled_from"] == VIENNA).count()), Some(1), "{export}");
    // Where the sign-ins are kept for longer than the addresses.
    put(&host, &json!({ "preset": "custom", "retain_sign_ins_s": 400 * DAY_S })).await.expect(200);
    host.pass_s(90 * DAY_S);
    prune(&host).await;
    let later = host.ask("GET", &path).by(Role::Viewer).await.expect(200).body;
    let detail = &later["reason_details"]["impossible_travel"];
    assert_eq!((&later["location"], &detail["from"], &detail["distance_km"]), (&Value::Null, &Value::Null, &json!(6_796)));
}

async fn a_policy_lets_signals_challenge_and_trust_stays(home: Arc<Home>) {
    let (host, _files) = host(&home, &world()).await;
    let mut laptop = at(&host, VIENNA);
    let opened = laptop.enter_and_trust().await;
    let abroad = moved(&laptop, NEW_YORK);
    host.pass_s(HOUR_S);
    let cases = [
        (json!({}), "allow", &["trusted_device", "impossible_travel", "new_country"][..]),
        (json!({ "new_country": "challenge" }), "challenge", &["new_country", "impossible_travel"]),
        (json!({ "impossible_travel": "challenge" }), "challenge", &["impossible_travel", "new_country"]),
        (json!({ "new_country": "note" }), "challenge", &["impossible_travel", "new_country"]),
    ];
    for (rules, decision, reasons) in cases {
        put(&host, &rules).await.expect(200);
        assert_eq!(judged(&abroad.evaluate().await), expected(decision, reasons), "{rules}");
    }
    let mut abroad = abroad;
    let sign_in = abroad.evaluate().await;
    abroad.try_complete(&sign_in, &json!({})).await.refused(403, "mfa_required");
    assert_eq!(laptop.judged().await, expected("allow", &["trusted_device"]), "at home it skips as before");
    abroad.complete(&sign_in, &with_code()).await;
    let device = host.call("GET", &format!("/internal/users/ana/devices/{}", opened.device())).await.expect(200).body;
    assert_eq!((&device["status"], &device["location"]["city"]), (&json!("trusted"), &json!("New York")));
    host.pass_s(DAY_S);
    assert_eq!(abroad.judged().await, expected("allow", &["trusted_device"]));
}

async fn signals_are_judged_again_at_completion(home: Arc<Home>) {
    let (host, _files) = host(&home, &world()).await;
    let mut laptop = at(&host, VIENNA);
    laptop.enter_and_trust().await;
    host.pass_s(2 * DAY_S);
    put(&host, &json!({ "impossible_travel": "challenge" })).await.expect(200);
    let sign_in = laptop.evaluate().await;
    assert_eq!(judged(&sign_in), expected("allow", &["trusted_device"]));
    // Meanwhile somebody enters on the other side of the sea.
    host.pass_s(60);
    at(&host, NEW_YORK).enter().await;
    laptop.try_complete(&sign_in, &json!({})).await.refused(403, "mfa_required");
    laptop.complete(&sign_in, &with_code()).await;
    assert_eq!(event(&host).await["impossible_travel"]["from"]["city"], "New York");
    // And what was only noted is asked for by a policy that became stricter.
    put(&host, &json!({ "impossible_travel": "note" })).await.expect(200);
    let mut abroad = moved(&laptop, NEW_YORK);
    let sign_in = abroad.evaluate().await;
    assert_eq!(judged(&sign_in), expected("allow", &["trusted_device", "impossible_travel"]));
    put(&host, &json!({ "impossible_travel": "challenge" })).await.expect(200);
    abroad.try_complete(&sign_in, &json!({})).await.refused(403, "mfa_required");
    // A sign-in that was challenged stays so, whatever the policy says by then.
    let sign_in = abroad.evaluate().await;
    assert_eq!(judged(&sign_in).0, "challenge");
    put(&host, &json!({ "impossible_travel": "note" })).await.expect(200);
    abroad.try_complete(&sign_in, &json!({})).await.refused(403, "mfa_required");
}

async fn what_says_nothing_about_the_person_is_no_travel(home: Arc<Home>) {
    let (host, _files) = host(&home, &world()).await;
    put(&host, &json!({ "impossible_travel": "challenge" })).await.expect(200);
    let mut laptop = at(&host, VIENNA);
    laptop.enter_and_trust().await;
    host.pass_s(60);
    for (what, ip, reasons) in [
        ("a VPN", "198.51.100.129", &["trusted_device", "new_country"][..]),
        ("a hosting network", "198.51.100.161", &["trusted_device", "new_country"]),
        ("a vague place", "198.51.100.193", &["trusted_device", "new_country"]),
        ("a country alone", "198.51.100.225", &["trusted_device", "new_country"]),
        ("the local network", "10.0.0.7", &["trusted_device"]),
        ("an unknown network", "203.0.113.7", &["trusted_device"]),
        ("another end of the town", "192.0.2.200", &["trusted_device"]),
    ] {
        assert_eq!(judged(&moved(&laptop, ip).evaluate().await), expected("allow", reasons), "{what}");
    }
    assert_eq!(moved(&laptop, NEW_YORK).judged().await.0, "challenge", "and a real journey is none of them");
}

async fn signals_ask_nothing_of_who_was_asked_or_cant_be(home: Arc<Home>) {
    let (host, _files) = host(&home, &world()).await;
    put(&host, &json!({ "impossible_travel": "challenge", "new_country": "challenge" })).await.expect(200);
    at(&host, VIENNA).enter_and_trust().await;
    let abroad = at(&host, NEW_YORK);
    for (more, decision, reason) in [
        (json!({ "second_factor": "none" }), "allow", "no_second_factor"),
        (json!({ "second_factor": "done", "mfa": { "method": "webauthn" } }), "allow", "mfa_already_verified"),
        (json!({ "require_mfa": true }), "challenge", "mfa_required_by_host"),
    ] {
        let sign_in = abroad.evaluate_with(&more).await;
        assert_eq!(judged(&sign_in), expected(decision, &[reason, "impossible_travel", "new_country"]), "{more}");
    }
    let sign_in = abroad.evaluate_with(&json!({ "second_factor": "none" })).await;
    abroad.clone().complete(&sign_in, &json!({})).await;
    host.call("POST", "/internal/users/ana/security-events").json(&json!({ "type": "account_disabled" })).await.expect(200);
    assert_eq!(judged(&abroad.evaluate().await).0, "deny");
}

async fn a_session_opened_directly_tells_its_signals(home: Arc<Home>) {
    let (host, _files) = host(&home, &world()).await;
    at(&host, VIENNA).enter().await;
    let body = json!({ "user_id": "ana", "ip": NEW_YORK, "user_agent": "curl/8.5.0" });
    host.call("POST", "/internal/sessions").json(&body).await.expect(201);
    let told = event(&host).await;
    assert_eq!((&told["new_country"], &told["impossible_travel"]["from"]), (&json!("US"), &vienna()));
}

async fn another_edition_holds_at_the_next_request(home: Arc<Home>) {
    let (host, files) = host(&home, &world()).await;
    let opened = at(&host, VIENNA).enter().await;
    let place = || async { opened.get("/sessions/current").await.expect(200).body["location"].clone() };
    assert_eq!(place().await, vienna());
    let other = mmdb("Test-City", 1_790_000_001, 28, &[("192.0.2.0/24", city("FR", "Isère", "Vienne", 45.5255, 4.8748, 20))]);
    std::fs::write(files.database.path(), other).expect("written");
    files.database.replace(Edition::read(files.database.path()).expect("a whole file"));
    assert_eq!(place().await, json!({ "country": "FR", "region": "Isère", "city": "Vienne" }));
}
