//! Server keys that were replaced: what lies under each is counted, and one is retired without a wrong answer to anybody.

use std::sync::Arc;

use doorward_domain::{KeyId, KeyRing, Role};
use doorward_service::{KeyPlace, Retirement, ServerKeyView};
use doorward_store::KeyUsage;
use doorward_tests::Home;
use doorward_tests::host::{ACME, Browser, GLOBEX, Host, SERVER_KEY, api_key};
use serde_json::json;

doorward_tests::on_each_engine! {
    a_replaced_server_key_is_retired_once_nobody_needs_it,
    a_server_key_that_must_go_at_once_takes_along_what_is_under_it,
    an_api_key_is_never_unknown_to_a_node_that_lacks_a_server_key,
}

const NEW: [u8; 32] = *b"canary: the next key of tests...";
const MONTH_S: u32 = 31 * 86_400;

fn id(key: [u8; 32]) -> KeyId {
    KeyRing::new(&[key]).active()
}

async fn usage(host: &Host, key: [u8; 32]) -> Option<(KeyPlace, KeyUsage)> {
    let keys: Vec<ServerKeyView> = host.service().list_server_keys().await.expect("the store answers");
    keys.into_iter().find(|known| known.id == id(key)).map(|known| (known.place, known.usage))
}

/// Restarts under these keys, at the moment at which it stopped.
async fn restart(host: Host, home: &Arc<Home>, keys: &[[u8; 32]], node: u64) -> Host {
    let now = host.now();
    host.lose_store().await;
    let host = Host::open_under(home, keys, node).await;
    host.at(now);
    host
}

pub(crate) async fn use_every_api_key(host: &Host) {
    for tenant in [ACME, GLOBEX] {
        for role in Role::ALL {
            host.ask("POST", "/internal/sessions/verify").key(&api_key(tenant, *role)).json(&json!({ "token": "x" })).await;
        }
    }
}

/// A life under the old key: `ana` comes back, `ben` doesn't, and somebody has a hijacked device of `eve`'s.
async fn lived(host: &Host) -> (Browser, Browser, Browser, String, String) {
    let (mut ana, mut ben, mut eve) = (host.browser("ana"), host.browser("ben"), host.browser("eve"));
    ana.enter_and_trust().await;
    let on_ben = ben.enter_and_trust().await;
    let on_eve = eve.enter_and_trust().await;
    host.call("POST", &format!("/internal/users/eve/devices/{}/hijack", on_eve.device())).await.expect(200);
    (ana, ben, eve, on_ben.device(), on_ben.token)
}

async fn a_replaced_server_key_is_retired_once_nobody_needs_it(home: Arc<Home>) {
    let host = Host::open_under(&home, &[SERVER_KEY], 1).await;
    let (ana, ben, eve, on_ben, token) = lived(&host).await;
    let (place, at_first) = usage(&host, SERVER_KEY).await.expect("it is listed");
    assert_eq!((place, at_first.accounts, at_first.api_keys, at_first.sessions), (KeyPlace::Active, 3, 10, 2));
    assert_eq!((at_first.trusted_devices, at_first.offers, at_first.requests), (2, 0, 0));

    let host = restart(host, &home, &[NEW, SERVER_KEY], 2).await;
    assert_eq!(usage(&host, SERVER_KEY).await.expect("it is listed").0, KeyPlace::Known);
    host.service().retire_server_key("Grace", id(NEW), true).await.expect_err("not the active one");
    host.service().retire_server_key("Grace", KeyId(7), true).await.expect_err("nor one that isn't there");
    let refused = host.service().retire_server_key("Grace", id(SERVER_KEY), false).await.expect("the store answers");
    let Retirement::StillNeeded(needed) = refused else { panic!("{refused:?}") };
    assert_eq!((needed.accounts, needed.api_keys, needed.sessions, needed.trusted_devices), (0, 10, 2, 2), "data keys were moved, and nothing else");
    assert_eq!(usage(&host, NEW).await.expect("it is listed").1.accounts, 3);
    // What is used moves.
    use_every_api_key(&host).await;
    let mut ana = ana.at(&host);
    ana.enter_skipping().await;
    ana.enter_skipping().await;
    let (_, left) = usage(&host, SERVER_KEY).await.expect("it is listed");
    assert_eq!((left.api_keys, left.sessions, left.trusted_devices), (0, 2, 2), "ben's laptop, and what another tab of ana's may hold");
    host.pass_s(60);
    let (_, left) = usage(&host, SERVER_KEY).await.expect("it is listed");
    assert_eq!((left.api_keys, left.sessions, left.trusted_devices), (0, 2, 1));
    // What isn't ends by itself.
    host.pass_s(MONTH_S);
    ana.enter_and_trust().await;
    let retired = host.service().retire_server_key("Grace", id(SERVER_KEY), false).await.expect("the store answers");
    let Retirement::Retired { accounts_moved: 0, forgotten } = retired else { panic!("{retired:?}") };
    assert!(!forgotten.is_needed() && forgotten.other_device_tokens > 0);
    assert_eq!(host.store().server_keys().await.expect("the store answers"), [id(NEW)], "it is off the record");

    // A print under the old pepper is compared as long as its key is there, and then no more.
    let mut bare = ben.clone().at(&host);
    bare.device_token = None;
    assert_eq!(bare.evaluate().await.body["looks_like"], json!(on_ben));

    // Without it nobody is answered wrongly, nor with 503.
    let host = restart(host, &home, &[NEW], 3).await;
    assert_eq!(usage(&host, SERVER_KEY).await, None, "nothing is under it any more");
    ana.at(&host).enter_skipping().await;
    let unlike = bare.at(&host).evaluate().await;
    assert_eq!((&unlike.body["looks_like"], &unlike.body["reasons"]), (&json!(null), &json!(["unknown_device", "device_token_missing"])));
    assert_eq!(ben.at(&host).judged().await, ("challenge".to_owned(), vec!["unknown_device".to_owned(), "device_token_invalid".to_owned()]));
    assert_eq!(eve.at(&host).judged().await, ("deny".to_owned(), vec!["device_hijacked".to_owned()]), "for ever");
    assert_eq!(host.verify(&token).await.body, json!({ "active": false, "reason": "unknown" }));
    host.ask("GET", "/api/v1/devices").bearer(&token).await.expect(401);
    host.ask("GET", "/internal/users/ben/devices").key(&api_key(ACME, Role::Viewer)).await.expect(200);
    host.lose_store().await;
}

async fn a_server_key_that_must_go_at_once_takes_along_what_is_under_it(home: Arc<Home>) {
    let host = Host::open_under(&home, &[SERVER_KEY], 1).await;
    let (ana, ben, eve, _, token) = lived(&host).await;
    let entry = json!({ "user_id": "cy", "ip": "203.0.113.7", "user_agent": "curl/8.5.0", "mfa": { "method": "totp" } });
    host.call("POST", "/internal/sessions").header("Idempotency-Key", "once").json(&entry).await.expect(201);
    let host = restart(host, &home, &[NEW, SERVER_KEY], 2).await;
    let mut ana = ana.at(&host);
    let spared = ana.enter_skipping().await;
    ana.enter_skipping().await;
    let admin = host.ask("GET", "/internal/api-keys").by(Role::Admin);
    admin.await.expect(200);
    let retired = host.service().retire_server_key("Grace", id(SERVER_KEY), true).await.expect("the store answers");
    let Retirement::Retired { forgotten, .. } = retired else { panic!("{retired:?}") };
    assert!(forgotten.is_needed() && forgotten.requests == 1);
    assert_eq!(usage(&host, SERVER_KEY).await, Some((KeyPlace::Known, KeyUsage::default())), "nothing is under it, no request either");
    // What had moved stays, what hadn't is over and says why.
    assert!(spared.at(&host).is_in().await);
    assert_eq!(host.verify(&token).await.body, json!({ "active": false, "reason": "server_key_retired" }));
    let keys = host.ask("GET", "/internal/api-keys").by(Role::Admin).await.expect(200);
    let status = |role: &str| keys.body["items"].as_array().and_then(|keys| keys.iter().find(|key| key["role"] == role)).expect("a key")["status"].clone();
    assert_eq!((status("admin"), status("viewer")), (json!("active"), json!("revoked")));
    let rows = host.rows().await;
    let told = |cause: &str| rows.iter().filter(|row| row.starts_with("event: ") && row.contains("system:Grace") && row.contains(cause)).count();
    assert!(told("cause=45") >= 2, "ended sessions and ended trust are in the trail");
    let host = restart(host, &home, &[NEW], 3).await;
    ana.at(&host).by_key(&api_key(ACME, Role::Admin)).enter_skipping().await;
    let ben = ben.at(&host).by_key(&api_key(ACME, Role::Admin));
    assert_eq!(ben.judged().await.1, ["unknown_device", "device_token_invalid"]);
    assert_eq!(eve.at(&host).by_key(&api_key(ACME, Role::Admin)).judged().await.0, "deny");
    host.lose_store().await;
}

async fn an_api_key_is_never_unknown_to_a_node_that_lacks_a_server_key(home: Arc<Home>) {
    let asked = async |host: &Host, key: &str| host.ask("GET", "/internal/users/ana/devices").key(key).await.status;
    let (good, unknown) = (api_key(ACME, Role::Viewer), "dwk_nobody");
    let host = Host::open_under(&home, &[SERVER_KEY], 1).await;
    assert_eq!((asked(&host, &good).await, asked(&host, unknown).await), (200, 401));
    // Another node moves its hash; one that was left on the old key can't find it.
    let host = restart(host, &home, &[NEW, SERVER_KEY], 2).await;
    assert_eq!((asked(&host, &good).await, asked(&host, unknown).await), (200, 401));
    let host = restart(host, &home, &[SERVER_KEY], 3).await;
    assert_eq!((asked(&host, &good).await, asked(&host, unknown).await), (503, 503));
    // Nor can one from which the old key was taken too early.
    let host = restart(host, &home, &[NEW], 4).await;
    assert_eq!((asked(&host, &good).await, asked(&host, &api_key(ACME, Role::Admin)).await), (200, 503));
    let host = restart(host, &home, &[NEW, SERVER_KEY], 5).await;
    use_every_api_key(&host).await;
    let retired = host.service().retire_server_key("Grace", id(SERVER_KEY), false).await.expect("the store answers");
    assert!(matches!(retired, Retirement::Retired { .. }), "{retired:?}");
    let host = restart(host, &home, &[NEW], 6).await;
    assert_eq!((asked(&host, &good).await, asked(&host, unknown).await), (200, 401));
    // A node that slept through all of it fits no more.
    let host = restart(host, &home, &[SERVER_KEY], 7).await;
    assert_eq!((asked(&host, &good).await, asked(&host, unknown).await), (503, 503));
    host.lose_store().await;
}
