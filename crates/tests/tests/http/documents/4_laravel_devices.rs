//! Document 4: the laravel-devices API, from top to bottom.

use doorward_tests::host::{Answer, Ask, Host, SignedIn};
use doorward_tests::just_after;
use serde_json::{Value, json};

use crate::throttles::unknown;

doorward_tests::on_each_engine! {
    the_endpoints_overview,
    list_user_devices,
    get_device_details,
    verify_device,
    mark_device_as_hijacked,
    forget_device,
    sign_out_from_device,
    error_handling,
    the_common_errors_of_each_endpoint,
    the_usage_example_with_a_fresh_second_factor,
    the_usage_example_with_a_stale_second_factor,
}

const RECENT_S: u32 = 600;
/// The page's "Mozilla/5.0...", of the browser that its sample describes.
const CHROME_118: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/118.0.0.0 Safari/537.36";

/// The headers of each of the page's examples.
fn ask(host: &Host, caller: &SignedIn, method: &str, path: &str) -> Ask {
    host.ask(method, path).header("accept", "application/json").bearer(&caller.token)
}

async fn enter(host: &Host) -> SignedIn {
    host.browser("ana").looking(&json!({ "ip": "192.168.1.1", "user_agent": CHROME_118 })).enter().await
}

fn message(text: &str) -> Value {
    json!({ "message": text })
}

/// The three ways in which the page's examples send a request that changes something: curl sends no body, axios `{}`, Guzzle none;
/// clients in the field send `null` too, and any media type.
async fn each_way(host: &Host, caller: &SignedIn, method: &str, path: &str) -> Vec<Answer> {
    let asked = || ask(host, caller, method, path);
    let json = || asked().header("content-type", "application/json");
    let form = asked().header("content-type", "application/x-www-form-urlencoded");
    let ways = [asked(), json().bytes("{}"), json().bytes("null"), json().bytes(""), form.bytes("{}"), asked().bytes("{\"a\":[1]}")];
    let mut answers = vec![];
    for way in ways {
        answers.push(way.await);
    }
    answers
}

/// "Endpoints Overview": these six, and each wants the token.
async fn the_endpoints_overview(host: Host) {
    let uuid = enter(&host).await.device();
    for (method, path) in [
        ("GET", "/api/devices".to_owned()),
        ("GET", format!("/api/devices/{uuid}")),
        ("PATCH", format!("/api/devices/{uuid}/verify")),
        ("PATCH", format!("/api/devices/{uuid}/hijack")),
        ("PATCH", format!("/api/devices/{uuid}/forget")),
        ("POST", "/api/devices/signout".to_owned()),
    ] {
        assert_eq!(host.ask(method, &path).await.expect(401).body, message("Unauthenticated."), "{method} {path}");
    }
}

/// "Lists all devices associated with the authenticated user", with the sample's device on its sample address.
///
/// Settled: all that aren't forgotten, hijacked ones too, unpaged. The label of Chrome's version is `118.0`, since browsers say no more
/// of themselves, and Windows freezes its version, so that its parts are empty.
async fn list_user_devices(host: Host) {
    host.at(doorward_domain::Timestamp::parse("2024-10-27T14:30:00.7Z").expect("a time"));
    let ana = enter(&host).await;
    ask(&host, &ana, "PATCH", &format!("/api/devices/{}/verify", ana.device())).await.expect(200);
    let listed = ask(&host, &ana, "GET", "/api/devices").await.expect(200);
    let device = json!({
        "uuid": ana.device(),
        "status": "verified",
        "verified_at": "2024-10-27T14:30:00Z",
        "browser": {
            "name": "Chrome",
            "version": { "major": "118", "minor": "0", "patch": "0", "label": "118.0" },
            "family": "Chrome",
            "engine": "Blink",
            "type": "browser",
            "label": "Chrome",
        },
        "platform": { "name": "Windows", "version": { "major": "", "minor": "", "patch": "", "label": "" }, "family": "Windows", "label": "Windows" },
        "device": { "family": "Desktop", "model": "PC", "type": "desktop" },
        "is_current": true,
        "source": CHROME_118,
        "ip_address": "192.168.1.1",
        "metadata": {},
    });
    assert_eq!(listed.body, json!({ "data": [device] }));
    let other = host.browser("ana").enter().await;
    ask(&host, &ana, "PATCH", &format!("/api/devices/{}/hijack", other.device())).await.expect(200);
    for _ in 0..30 {
        host.browser("ana").enter().await;
    }
    let all = ask(&host, &ana, "GET", "/api/devices").await.expect(200);
    let all = all.body["data"].as_array().expect("a list");
    let hijacked: Vec<_> = all.iter().filter(|device| device["status"] == "hijacked").map(|device| device["uuid"].clone()).collect();
    assert_eq!((all.len(), hijacked), (32, vec![json!(other.device())]));
    assert_eq!(all.iter().filter(|device| device["is_current"] == true).count(), 1);
}

/// "Retrieve detailed information about a specific device", with its sessions; "Device not found".
///
/// Settled: the sample shows the word `active`; the others are `inactive` (idle for too long), `blocked` (of a hijacked device) and
/// `finished`.
async fn get_device_details(host: Host) {
    let ana = enter(&host).await;
    let path = format!("/api/devices/{}", ana.device());
    let listed = ask(&host, &ana, "GET", "/api/devices").await.expect(200).body["data"][0].clone();
    let mut detailed = ask(&host, &ana, "GET", &path).await.expect(200).body["data"].clone();
    let sessions = detailed.as_object_mut().and_then(|device| device.remove("sessions")).expect("sessions");
    assert_eq!(detailed, listed);
    let now = host.now().whole_second().to_string();
    assert_eq!(sessions, json!([{ "uuid": ana.session(), "status": "active", "started_at": now, "last_activity_at": now }]));
    // What was heard of later, and what the host keeps with the device.
    host.pass_s(100);
    ana.post("/sessions/current/heartbeat").await.expect(200);
    let later = ask(&host, &ana, "GET", &path).await.expect(200).body["data"]["sessions"][0].clone();
    assert_eq!((&later["started_at"], &later["last_activity_at"]), (&json!(now), &json!(host.now().whole_second().to_string())));
    let kept = json!({ "mfa": { "method": "totp" }, "device_metadata": { "rack": 7, "owner": { "team": "sales" } } });
    let labelled = host.browser("ana").enter_with(&kept).await;
    let shown = ask(&host, &ana, "GET", &format!("/api/devices/{}", labelled.device())).await.expect(200);
    assert_eq!(shown.body["data"]["metadata"], kept["device_metadata"]);
    // A session on another device is none of this one's; one that ended is finished, one that idled is inactive.
    let mut phone = host.browser("ana");
    let ended = phone.enter_and_trust().await;
    ended.delete("/sessions/current").await.expect(204);
    host.pass_s(1);
    let idle = phone.enter().await;
    host.pass_s(4 * 86_400);
    ana.post("/sessions/current/heartbeat").await.expect(200);
    host.pass_s(4 * 86_400);
    let on_phone = ask(&host, &ana, "GET", &format!("/api/devices/{}", idle.device())).await.expect(200);
    let words: Vec<_> =
        on_phone.body["data"]["sessions"].as_array().expect("sessions").iter().map(|session| (session["uuid"].clone(), session["status"].clone())).collect();
    assert_eq!(words, [(json!(idle.session()), json!("inactive")), (json!(ended.session()), json!("finished"))]);
    let current = phone.enter().await;
    ask(&host, &ana, "PATCH", &format!("/api/devices/{}/hijack", current.device())).await.expect(200);
    let hijacked = ask(&host, &ana, "GET", &format!("/api/devices/{}", current.device())).await.expect(200);
    let of_current = hijacked.body["data"]["sessions"].as_array().expect("sessions").iter().find(|session| session["uuid"] == current.session().as_str());
    assert_eq!(of_current.expect("it is there")["status"], "blocked");
    assert_eq!(hijacked.body["data"]["verified_at"], Value::Null);
    // The sample's own id: not theirs, and no UUIDv7 either.
    for unknown in ["01234567-89ab-cdef-0123-456789abcdef", "x", "a%2Fb", "%00", "100%25"] {
        let answer = ask(&host, &ana, "GET", &format!("/api/devices/{unknown}")).await.expect(404);
        assert_eq!(answer.body, message("Device not found"), "{unknown}");
    }
}

/// "Mark a device as verified, allowing it to create active sessions without requiring 2FA."
///
/// Settled: through the trust gate, see the two usage examples. A hijacked device can't be verified any more: 409, which the page
/// leaves out.
async fn verify_device(host: Host) {
    let mut laptop = host.browser("ana");
    let ana = laptop.enter().await;
    assert_eq!(laptop.judged().await.0, "challenge");
    let path = format!("/api/devices/{}/verify", ana.device());
    for answer in each_way(&host, &ana, "PATCH", &path).await {
        assert_eq!(answer.expect(200).body, message("Device verified successfully"));
    }
    laptop.enter_skipping().await;
    let unknown = ask(&host, &ana, "PATCH", "/api/devices/01234567-89ab-cdef-0123-456789abcdef/verify").await.expect(404);
    assert_eq!(unknown.body, message("Device not found"));
    let other = host.browser("ana").enter().await;
    ask(&host, &ana, "PATCH", &format!("/api/devices/{}/hijack", other.device())).await.expect(200);
    let refused = ask(&host, &ana, "PATCH", &format!("/api/devices/{}/verify", other.device())).await.expect(409);
    assert_eq!(refused.body, message("Device is hijacked."));
}

/// "Flag a device as potentially compromised, blocking all its sessions."
async fn mark_device_as_hijacked(host: Host) {
    let ana = enter(&host).await;
    let mut thief = host.browser("ana");
    let taken = thief.enter().await;
    for answer in each_way(&host, &ana, "PATCH", &format!("/api/devices/{}/hijack", taken.device())).await {
        assert_eq!(answer.expect(200).body, message("Device flagged as hijacked"));
    }
    assert_eq!(ask(&host, &taken, "GET", "/api/devices").await.expect(401).body, message("Unauthenticated."));
    assert_eq!(thief.judged().await.0, "deny");
    let unknown = ask(&host, &ana, "PATCH", "/api/devices/x/hijack").await.expect(404);
    assert_eq!(unknown.body, message("Device not found"));
}

/// "Remove a device and all its associated sessions."
async fn forget_device(host: Host) {
    let ana = enter(&host).await;
    let mut phone = host.browser("ana");
    let old = phone.enter_and_trust().await;
    let path = format!("/api/devices/{}/forget", old.device());
    let done = ask(&host, &ana, "PATCH", &path).header("content-type", "application/json").bytes("{}").await.expect(200);
    assert_eq!(done.body, message("Device forgotten successfully. All active sessions were ended."));
    assert!(!old.is_in().await);
    assert_eq!(phone.judged().await.0, "challenge", "its token is dead");
    assert_eq!(ask(&host, &ana, "PATCH", &path).await.expect(404).body, message("Device not found"));
    assert_eq!(ask(&host, &ana, "GET", "/api/devices").await.expect(200).body["data"].as_array().map(Vec::len), Some(1));
    // As curl and Guzzle send it, without a body.
    let other = host.browser("ana").enter().await;
    let done = ask(&host, &ana, "PATCH", &format!("/api/devices/{}/forget", other.device())).await.expect(200);
    assert_eq!(done.body, message("Device forgotten successfully. All active sessions were ended."));
}

/// "End all active sessions for the current device": the caller's own too.
async fn sign_out_from_device(host: Host) {
    let mut laptop = host.browser("ana");
    let first = laptop.enter_and_trust().await;
    let second = laptop.enter().await;
    let elsewhere = host.browser("ana").enter().await;
    let done = ask(&host, &second, "POST", "/api/devices/signout").await.expect(200);
    assert_eq!(done.body, message("All active sessions for device finished successfully."));
    assert_eq!((first.is_in().await, second.is_in().await, elsewhere.is_in().await), (false, false, true));
    assert_eq!(ask(&host, &second, "POST", "/api/devices/signout").await.expect(401).body, message("Unauthenticated."));
    // As axios sends it.
    let json = ask(&host, &elsewhere, "POST", "/api/devices/signout").header("content-type", "application/json").bytes("{}");
    assert_eq!(json.await.expect(200).body, message("All active sessions for device finished successfully."));
    assert!(!elsewhere.is_in().await);
}

/// "All endpoints may return these common errors": 401, 403, 429, word for word.
///
/// Settled: `message` of 403 is the page's sentence, which clients compare with; what is missing stands beside it, in `reason`.
async fn error_handling(host: Host) {
    let ana = enter(&host).await;
    for token in ["", "x", "dws_x"] {
        let answer = host.ask("GET", "/api/devices").bearer(token).await.expect(401);
        assert_eq!(answer.body, message("Unauthenticated."));
        assert!(answer.header("www-authenticate").is_some());
    }
    let rows = host.rows().await;
    let path = format!("/api/devices/{}/verify", ana.device());
    host.at(just_after(host.now().plus_s(RECENT_S)));
    for _ in 0..10 {
        // Refused tries are counted, too.
        let refused = ask(&host, &ana, "PATCH", &path).await.expect(403);
        assert_eq!(refused.text_at("/message"), "This action is unauthorized.");
        assert!(refused.text_at("/reason").starts_with("The second factor was verified too long ago"), "{}", refused.text);
    }
    let throttled = ask(&host, &ana, "PATCH", &path).await.expect(429);
    assert_eq!(throttled.body, json!({ "message": "Too Many Attempts.", "retry_after": 360 }));
    assert_eq!(throttled.header("retry-after"), Some("360"));
    assert_eq!(host.rows().await, rows);
    for _ in 0..30 {
        ask(&host, &ana, "PATCH", "/api/devices/x/forget").await.expect(404);
    }
    assert_eq!(ask(&host, &ana, "POST", "/api/devices/signout").await.expect(429).body, json!({ "message": "Too Many Attempts.", "retry_after": 2 }));
    ask(&host, &ana, "GET", "/api/devices").await.expect(200);
}

/// "All endpoints may return these common errors": which each of them does.
///
/// Settled: 403 comes where there is something to refuse: `verify` by the gate, above, `hijack` and `forget` of another device where the
/// policy wants a recent sign-in. Reading and signing out are refused to nobody who is signed in. 429 comes for changes by the person's
/// own tries, and on every endpoint, reading too, to an address that guesses tokens.
async fn the_common_errors_of_each_endpoint(host: Host) {
    host.set_rules(|rules| rules.recent_auth_s = 300).await;
    let ana = enter(&host).await;
    let uuid = host.browser("ana").enter().await.device();
    host.pass_s(301);
    let rows = host.rows().await;
    let writes = [("PATCH", format!("/api/devices/{uuid}/hijack")), ("PATCH", format!("/api/devices/{uuid}/forget"))];
    for (method, path) in &writes {
        let refused = ask(&host, &ana, method, path).await.expect(403);
        assert_eq!(refused.text_at("/message"), "This action is unauthorized.", "{path}");
    }
    for _ in 0..28 {
        ask(&host, &ana, "PATCH", "/api/devices/x/forget").await.expect(404);
    }
    let signout = ("POST", "/api/devices/signout".to_owned());
    for (method, path) in writes.iter().chain([&signout]) {
        let throttled = ask(&host, &ana, method, path).await.expect(429);
        assert_eq!(throttled.body, json!({ "message": "Too Many Attempts.", "retry_after": 2 }), "{path}");
    }
    assert_eq!(host.rows().await, rows);
    // A token that is well-formed and nobody's: each counts against the address, whichever endpoint it is tried at.
    let guess = unknown(&ana.token);
    let verify = ("PATCH", format!("/api/devices/{uuid}/verify"));
    let reads = [("GET", "/api/devices".to_owned()), ("GET", format!("/api/devices/{uuid}"))];
    let all: Vec<_> = reads.iter().chain(&writes).chain([&signout, &verify]).collect();
    let guessing = |(method, path): &(&str, String)| host.ask(method, path).bearer(&guess).from("198.51.100.77");
    for _ in 0..50 {
        for endpoint in &all {
            guessing(endpoint).await.expect(401);
        }
    }
    for endpoint in &all {
        let throttled = guessing(endpoint).await.expect(429);
        assert_eq!(throttled.text_at("/message"), "Too Many Attempts.", "{endpoint:?}");
        assert_eq!(throttled.body["retry_after"].to_string(), throttled.header("retry-after").expect("a wait"), "{endpoint:?}");
    }
}

/// "Complete Device Management Flow", line by line; `isSuspicious` is this function's.
async fn manage_device(host: &Host, caller: &SignedIn, uuid: &str, is_suspicious: bool) -> Result<(), Answer> {
    let call = async |method: &str, path: String| {
        let answer = ask(host, caller, method, &path).await;
        if (200..300).contains(&answer.status) { Ok(answer) } else { Err(answer) }
    };
    let device = call("GET", format!("/api/devices/{uuid}")).await?.body["data"].clone();
    if device["status"] == "unverified" {
        call("PATCH", format!("/api/devices/{uuid}/verify")).await?;
    }
    if is_suspicious {
        call("PATCH", format!("/api/devices/{uuid}/hijack")).await?;
        return Ok(());
    }
    call("POST", "/api/devices/signout".to_owned()).await?;
    Ok(())
}

async fn the_usage_example_with_a_fresh_second_factor(host: Host) {
    let mut laptop = host.browser("ana");
    let ana = laptop.enter().await;
    manage_device(&host, &ana, &ana.device(), false).await.expect("it goes through");
    assert!(!ana.is_in().await);
    let skipped = laptop.enter_skipping().await;
    let other = host.browser("ana").enter().await;
    manage_device(&host, &other, &skipped.device(), true).await.expect("it goes through");
    assert!(!skipped.is_in().await && other.is_in().await);
    assert_eq!(laptop.judged().await.0, "deny");
}

/// `handleApiError` gets the 403, and nothing that follows in the flow is done.
async fn the_usage_example_with_a_stale_second_factor(host: Host) {
    let ana = enter(&host).await;
    host.at(just_after(host.now().plus_s(RECENT_S)));
    let rows = host.rows().await;
    let error = manage_device(&host, &ana, &ana.device(), false).await.expect_err("the gate refuses").expect(403);
    assert_eq!(error.text_at("/message"), "This action is unauthorized.");
    assert_eq!(host.rows().await, rows);
    assert!(ana.is_in().await);
}
