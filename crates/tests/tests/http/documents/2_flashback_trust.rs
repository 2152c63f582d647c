//! Document 2: `POST /devices/trust` of the Flashback API, from top to bottom.

use doorward_tests::host::description::operations;
use doorward_tests::host::{Answer, Browser, Host, SignedIn};
use insta::assert_snapshot as see;
use serde_json::{Value, json};

doorward_tests::on_each_engine! {
    what_it_is_for,
    the_request_body,
    the_samples_with_a_fresh_second_factor,
    the_samples_with_a_stale_second_factor,
    the_404_response,
    the_500_response,
    the_authentication,
}

const DAY_S: u32 = 86_400;
/// For how long the policy takes a second factor for recent.
const RECENT_S: u32 = 600;

/// A browser whose host sends this text as its fingerprint.
fn browser(host: &Host, fingerprint: &str) -> Browser {
    host.browser("ana").looking(&json!({ "fingerprint": fingerprint }))
}

/// The page's line for a shell: these headers, and this body.
async fn trust(host: &Host, caller: &SignedIn, body: &Value) -> Answer {
    host.ask("POST", "/devices/trust").header("accept", "application/json").bearer(&caller.token).json(body).await
}

fn refused(error: &str) -> Value {
    json!({ "success": false, "error": error })
}

/// "POST /devices/trust. Trust Device": it is the operation of that path, and its title says so.
#[test]
fn the_heading() {
    let operation = operations().into_iter().find(|operation| operation.path == "/devices/trust").expect("it is described");
    assert_eq!((operation.method, operation.said["summary"].as_str()), ("POST", Some("Trust a device")));
}

/// "Mark a device as trusted using its fingerprint. This will extend the device's trust period and allow it to access the system
/// with reduced security prompts."
async fn what_it_is_for(host: Host) {
    let mut laptop = browser(&host, "device-fingerprint-hash");
    let ana = laptop.enter().await;
    assert_eq!(laptop.judged().await.0, "challenge");
    let asked = json!({ "fingerprint": "device-fingerprint-hash" });
    let given = trust(&host, &ana, &asked).await.expect(200);
    assert_eq!(given.body["trustExpiresAt"], host.now().plus_s(30 * DAY_S).to_string());
    assert_eq!(laptop.judged().await.0, "allow", "the reduced prompt: no second factor");
    // The trust period is extended, to a whole one from now.
    host.pass_s(500);
    let extended = trust(&host, &ana, &asked).await.expect(200);
    assert_eq!(extended.body["trustExpiresAt"], host.now().plus_s(30 * DAY_S).to_string());
    // Settled: what the page leaves out. It never goes past the longest that the policy sets from the second factor on.
    host.set_rules(|rules| rules.trust_max_s = 30 * DAY_S + 100).await;
    let longest = trust(&host, &ana, &asked).await.expect(200);
    assert_eq!(longest.body["trustExpiresAt"], doorward_tests::start().plus_s(30 * DAY_S + 100).to_string());
}

/// "Request Body: fingerprint, string, required. Restrictions: none. Device fingerprint hash."
///
/// Settled: "none" can't be meant; 1 to 512 characters are taken, as at a sign-in. "Hash" is either the value that is shown as
/// `deviceFingerprint`, or the text that the host sent as the fingerprint. Fields that the page doesn't know are ignored.
async fn the_request_body(host: Host) {
    let longest = "é".repeat(512);
    let ana = browser(&host, &longest).enter().await;
    let shown = host.ask("GET", &format!("/devices/{}", ana.device())).bearer(&ana.token).await.expect(200).text_at("/device/deviceFingerprint");
    trust(&host, &ana, &json!({ "fingerprint": longest })).await.expect(200);
    trust(&host, &ana, &json!({ "fingerprint": shown, "surplus": [1, { "fingerprint": 2 }] })).await.expect(200);
    let rows = host.rows().await;
    for (body, why) in [
        (json!({}), "fingerprint: is required."),
        (json!({ "fingerprint": null }), "fingerprint: must be a string."),
        (json!({ "fingerprint": 7 }), "fingerprint: must be a string."),
        (json!({ "fingerprint": "" }), "fingerprint: must be 1 to 512 characters long."),
        (json!({ "fingerprint": "é".repeat(513) }), "fingerprint: must be 1 to 512 characters long."),
    ] {
        assert_eq!(trust(&host, &ana, &body).await.expect(400).body, refused(why), "{body}");
    }
    assert_eq!(host.rows().await, rows);
}

/// The page's two samples, of the TypeScript client and of curl, with a second factor that was verified just now: `result` is the
/// whole answer, with the status and fields of "200 Response".
async fn the_samples_with_a_fresh_second_factor(host: Host) {
    host.at(doorward_tests::just_after(host.now()));
    let ana = browser(&host, "device-fingerprint-hash").enter().await;
    let result = trust(&host, &ana, &json!({ "fingerprint": "device-fingerprint-hash" })).await.expect(200);
    see!("the_result", result.shown());
    assert_eq!(result.text_at("/trustExpiresAt").len(), "2019-08-24T14:15:22Z".len(), "the sample's form: whole seconds");
    // Settled: the index promises `data` in all answers, so that the main value stands there as well.
    assert_eq!(result.body["data"], result.body["trustExpiresAt"]);
    // The body of the shell's line as it stands: nobody's fingerprint is "string".
    assert_eq!(trust(&host, &ana, &json!({ "fingerprint": "string" })).await.expect(404).body, refused("Device not found"));
}

/// The same samples with a second factor that is stale: `catch (error)`, with a text that says what is missing.
///
/// Settled: the page knows no 403. Trust stands in for the second factor at later sign-ins, so that whoever holds a token alone
/// must not be able to give it.
async fn the_samples_with_a_stale_second_factor(host: Host) {
    let mut laptop = browser(&host, "device-fingerprint-hash");
    let ana = laptop.enter().await;
    host.pass_s(RECENT_S);
    trust(&host, &ana, &json!({ "fingerprint": "device-fingerprint-hash" })).await.expect(200);
    host.pass_s(1);
    let rows = host.rows().await;
    let error = trust(&host, &ana, &json!({ "fingerprint": "device-fingerprint-hash" })).await.expect(403);
    assert_eq!(error.body, refused("The second factor was verified too long ago; verify it once more."));
    assert_eq!(host.rows().await, rows);
    // A session that skipped its second factor has none, however fresh it is.
    let skipped = laptop.enter_skipping().await;
    let error = trust(&host, &skipped, &json!({ "fingerprint": "device-fingerprint-hash" })).await.expect(403);
    assert!(error.text_at("/error").contains("must be verified in this sign-in or session first"), "{}", error.text);
}

/// "404 Response: Device not found."
async fn the_404_response(host: Host) {
    let ana = browser(&host, "the laptop's").enter().await;
    let bob = host.browser("bob").looking(&json!({ "fingerprint": "bob's" })).enter().await;
    let bobs = host.ask("GET", &format!("/devices/{}", bob.device())).bearer(&bob.token).await.text_at("/device/deviceFingerprint");
    let rows = host.rows().await;
    for unknown in ["nobody's", "bob's", &bobs, &ana.device(), "The Laptop's", "the laptop's ", "\u{0}", "%00", "../1"] {
        let answer = trust(&host, &ana, &json!({ "fingerprint": unknown })).await.expect(404);
        assert_eq!(answer.body, refused("Device not found"), "{unknown}");
    }
    assert_eq!(host.rows().await, rows);
}

/// "500 Response: Failed to trust device." Nothing that is sent causes one: here a row is damaged.
///
/// Settled: a store that is away is 503 with `Retry-After`, since coming again will help.
async fn the_500_response(host: Host) {
    let ana = browser(&host, "device-fingerprint-hash").enter().await;
    host.lose_store().await;
    let asked = json!({ "fingerprint": "device-fingerprint-hash" });
    let away = trust(&host, &ana, &asked).await.expect(503);
    assert!(away.header("retry-after").is_some() && away.text_at("/error").contains("Try again in 1 s"), "{}", away.text);
    host.home().tamper("UPDATE session SET sealed = token").await;
    let damaged = Host::open(host.home(), false).await;
    assert_eq!(trust(&damaged, &ana, &asked).await.expect(500).body, refused("Failed to trust device"));
}

/// "Response Schema": each status with its fields, of these types. The page calls none of them required; here all are there.
#[test]
fn the_response_schema() {
    let operation = operations().into_iter().find(|operation| operation.path == "/devices/trust").expect("it is described");
    let schema = |status: &str| {
        let at = format!("/responses/{status}/content/application~1json/schema/$ref");
        let name = operation.said.pointer(&at).and_then(Value::as_str).expect("a schema").rsplit('/').next().expect("a name").to_owned();
        doorward_tests::host::description::description()["components"]["schemas"][name]["properties"].clone()
    };
    let good = schema("200");
    assert_eq!((&good["success"]["type"], &good["message"]["type"]), (&json!("boolean"), &json!("string")));
    assert_eq!((&good["trustExpiresAt"]["type"], &good["trustExpiresAt"]["format"]), (&json!("string"), &json!("date-time")));
    for status in ["404", "500"] {
        let refusal = schema(status);
        assert_eq!((&refusal["success"]["type"], &refusal["error"]["type"]), (&json!("boolean"), &json!("string")), "{status}");
    }
}

/// "You must be authenticated by means of one of the following methods: BearerAuth."
///
/// Settled: the page knows no 401.
async fn the_authentication(host: Host) {
    let asked = || host.ask("POST", "/devices/trust").json(&json!({ "fingerprint": "device-fingerprint-hash" }));
    let wrong = [asked(), asked().bearer("your-access-token"), asked().header("authorization", "Basic eDp5"), asked().by(doorward_domain::Role::Admin)];
    for asked in wrong {
        let answer = asked.await.expect(401);
        assert_eq!(answer.body, refused("The access token is missing, or no longer good. Sign in again."));
    }
}
