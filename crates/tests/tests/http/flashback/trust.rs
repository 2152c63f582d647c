//! Trust through the flashback dialect: the gate, which device a fingerprint names, and what its answers say of trust.

use doorward_domain::{Binding, Policy, Preset};
use doorward_tests::host::browser::FIREFOX;
use doorward_tests::host::{Host, SERVER_KEY};
use serde_json::json;

use super::{DAY_S, ask, device, error, looking, shown, trust};

doorward_tests::on_each_engine! {
    the_gate_says_what_is_missing,
    a_hijacked_device_is_listed_and_never_trusted,
    of_devices_that_look_alike_it_is_the_callers_own_or_none,
    the_value_that_is_shown_proves_nothing_at_a_sign_in,
    the_present_device_token_stays_good_until_the_next_sign_in,
    trust_of_who_came_by_looks_is_bound_by_them,
    trust_levels_say_what_ties_the_trust,
    a_rotated_server_key_renames_no_device,
}

async fn the_gate_says_what_is_missing(host: Host) {
    let mut laptop = looking(&host, "laptop");
    let weak = laptop.enter_with(&json!({ "mfa": { "method": "email_otp" } })).await;
    let told = trust(&host, &weak, "laptop").await.expect(403);
    assert_eq!(error(&told), "The second factor was verified by a method that may not seed trust under the tenant's policy; verify another.");
    let ana = laptop.enter().await;
    let mut bare = looking(&host, "bare");
    let without = bare.evaluate_with(&json!({ "second_factor": "none" })).await;
    bare.complete(&without, &json!({})).await;
    let told = trust(&host, &ana, "bare").await.expect(403);
    assert_eq!(error(&told), "That device has not passed a second factor itself; sign in on it with the second factor first.");
    let wanted_none = laptop.enter_with(&json!({ "mfa": { "method": "totp" }, "offer_trust": false })).await;
    let told = trust(&host, &wanted_none, "laptop").await.expect(403);
    assert!(error(&told).contains("The host asked") && error(&told).contains("Go on without trust"), "{}", told.text);
    host.pass_s(1);
    let change = host.now();
    host.change_account("ana", move |account| account.head.factors_changed_at = Some(change)).await;
    let told = trust(&host, &ana, "laptop").await.expect(403);
    assert_eq!(error(&told), "A security event of the account came since; verify the second factor once more.");
    host.set_policy(Policy::preset(Preset::NistAal2)).await;
    let told = trust(&host, &ana, "laptop").await.expect(403);
    assert!(error(&told).contains("lets no device be trusted"), "{}", told.text);
    // An id that isn't there comes before the gate.
    trust(&host, &ana, "nobody's").await.expect(404);
}

async fn a_hijacked_device_is_listed_and_never_trusted(host: Host) {
    let ana = looking(&host, "laptop").enter().await;
    host.pass_s(1);
    let stolen = looking(&host, "stolen").enter_and_trust().await;
    ask(&host, &ana, "POST", &format!("/api/v1/devices/{}/hijack", stolen.device())).await.expect(200);
    let shown = device(&host, &ana, &stolen.device()).await;
    assert_eq!((&shown["isTrusted"], &shown["trustLevel"], &shown["sessions"]), (&json!(false), &json!("LOW"), &json!([])));
    assert_eq!(shown.get("trustExpiresAt"), None);
    let rows = host.rows().await;
    let told = trust(&host, &ana, "stolen").await.expect(403);
    assert!(error(&told).contains("never trusted again"), "{}", told.text);
    for (method, path) in [("GET", "/devices"), ("POST", "/sessions/revoke-all")] {
        ask(&host, &stolen, method, path).await.expect(401);
    }
    assert_eq!(host.rows().await, rows);
    ask(&host, &ana, "DELETE", &format!("/devices/{}", stolen.device())).await.expect(200);
    let listed = ask(&host, &ana, "GET", "/devices").await.expect(200);
    assert_eq!(listed.body["devices"].as_array().map(Vec::len), Some(1), "forgotten, it is in no list");
    trust(&host, &ana, "stolen").await.expect(404);
}

async fn of_devices_that_look_alike_it_is_the_callers_own_or_none(host: Host) {
    let (mut first, mut second) = (looking(&host, "alike"), looking(&host, "alike"));
    let on_first = first.enter().await;
    host.pass_s(1);
    let on_second = second.enter().await;
    let other = host.browser("ana").looking(&json!({ "user_agent": FIREFOX })).enter().await;
    let value = shown(&host, &on_first).await;
    assert_eq!(shown(&host, &on_second).await, value, "they look alike");
    for named in ["alike", &value] {
        let rows = host.rows().await;
        trust(&host, &other, named).await.expect(404);
        assert_eq!(host.rows().await, rows, "nobody can say which one was meant");
        trust(&host, &on_second, named).await.expect(200);
        assert_eq!((first.judged().await.0.as_str(), second.judged().await.0.as_str()), ("challenge", "allow"));
        ask(&host, &other, "POST", &format!("/api/v1/devices/{}/untrust", on_second.device())).await.expect(200);
    }
    // One of them forgotten, the other is the only one.
    ask(&host, &other, "DELETE", &format!("/devices/{}", on_second.device())).await.expect(200);
    trust(&host, &other, "alike").await.expect(200);
    assert_eq!(first.judged().await.0, "allow");
    // Hijacked and released, it isn't the browser any more that looks as it did.
    host.call("POST", &format!("/internal/users/ana/devices/{}/hijack", on_first.device())).await.expect(200);
    host.call("POST", &format!("/internal/users/ana/devices/{}/release", on_first.device())).await.expect(200);
    let mut anew = looking(&host, "alike");
    let on_anew = anew.enter().await;
    trust(&host, &other, "alike").await.expect(200);
    assert_eq!(anew.judged().await.0, "allow");
    assert!(device(&host, &on_anew, &on_anew.device()).await["isTrusted"] == true);
}

async fn the_value_that_is_shown_proves_nothing_at_a_sign_in(host: Host) {
    host.set_rules(|rules| rules.trust_binding = Binding::Fingerprint).await;
    let mut laptop = looking(&host, "opaque");
    let ana = laptop.enter_and_trust().await;
    let value = shown(&host, &ana).await;
    let without_token = |fingerprint: &str| looking(&host, fingerprint);
    assert_eq!(without_token("opaque").judged().await.0, "allow", "the tenant chose likeness");
    for known in [value.as_str(), "", "x"].into_iter().filter(|text| !text.is_empty()) {
        assert_eq!(without_token(known).judged().await.0, "challenge", "{known}");
        assert_eq!(host.browser("ana").holding(known).judged().await.0, "challenge", "{known}");
    }
    // Nor does it lend its name: a device that claims the value is another, so that two are named by it.
    let liar = looking(&host, &value).enter().await;
    assert_ne!(liar.device(), ana.device());
    let other = host.browser("ana").looking(&json!({ "user_agent": FIREFOX })).enter().await;
    trust(&host, &other, &value).await.expect(404);
}

async fn the_present_device_token_stays_good_until_the_next_sign_in(host: Host) {
    let mut laptop = looking(&host, "laptop");
    let ana = laptop.enter().await;
    let before = laptop.device_token.clone();
    let answer = trust(&host, &ana, "laptop").await.expect(200);
    assert!(!answer.text.contains("dwd_") && answer.header("set-cookie").is_none());
    assert_eq!(laptop.judged().await.0, "allow");
    laptop.enter_skipping().await;
    assert_ne!(laptop.device_token, before, "then the host gets another");
}

async fn trust_of_who_came_by_looks_is_bound_by_them(host: Host) {
    host.set_rules(|rules| rules.trust_binding = Binding::Fingerprint).await;
    let mut laptop = looking(&host, "opaque");
    laptop.enter_and_trust().await;
    laptop.device_token = None;
    let ana = laptop.enter().await;
    let given = trust(&host, &ana, "opaque").await.expect(200);
    assert_eq!(given.body["trustExpiresAt"], host.now().plus_s(7 * DAY_S).to_string());
    assert_eq!(device(&host, &ana, &ana.device()).await["trustLevel"], "LOW");
    // Under a policy by which looks tie nothing, there is no trust to give: it isn't answered as if there were.
    host.set_rules(|_| {}).await;
    let rows = host.rows().await;
    error(&trust(&host, &ana, "opaque").await.expect(403));
    assert_eq!(host.rows().await, rows);
}

async fn trust_levels_say_what_ties_the_trust(host: Host) {
    let mut laptop = host.browser("ana");
    let ana = laptop.enter().await;
    let level = async || device(&host, &ana, &ana.device()).await["trustLevel"].clone();
    assert_eq!(level().await, "UNKNOWN");
    trust(&host, &ana, &shown(&host, &ana).await).await.expect(200);
    assert_eq!(level().await, "MEDIUM");
    host.change_account("ana", |account| account.devices.iter_mut().filter_map(|device| device.grant.as_mut()).for_each(|grant| grant.binding = Binding::Key))
        .await;
    assert_eq!(level().await, "HIGH");
    for _ in 0..5 {
        host.pass_s(6 * DAY_S);
        if ana.is_in().await {
            host.call("POST", "/internal/sessions/heartbeat-batch").json(&json!({ "tokens": [ana.token] })).await.expect(200);
        }
    }
    let later = host.browser("ana").enter().await;
    let lapsed = device(&host, &later, &ana.device()).await;
    assert_eq!((&lapsed["trustLevel"], &lapsed["isTrusted"], lapsed.get("trustExpiresAt")), (&json!("LOW"), &json!(false), None));
}

async fn a_rotated_server_key_renames_no_device(host: Host) {
    const NEW: [u8; 32] = [5; 32];
    let ana = looking(&host, "laptop").enter().await;
    let value = shown(&host, &ana).await;
    let other = host.browser("ana").looking(&json!({ "user_agent": FIREFOX })).enter().await;
    host.lose_store().await;
    let rotated = Host::open_under(host.home(), &[NEW, SERVER_KEY], 1).await;
    for named in ["laptop", &value] {
        trust(&rotated, &other, named).await.expect(200);
    }
    // Beside it there is one now whose print is under the new key, and that looks the same.
    looking(&rotated, "laptop").enter().await;
    trust(&rotated, &other, "laptop").await.expect(404);
    trust(&rotated, &other, &value).await.expect(200);
}
