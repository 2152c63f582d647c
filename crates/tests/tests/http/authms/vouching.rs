//! What a host's word is worth beside what is known of a device: never more, and never after a report.

use doorward_domain::{Binding, Policy, Preset};
use doorward_tests::host::Host;
use serde_json::{Value, json};

use super::{DAY, PATH, asked, by_likeness, delete, judged, listed, post};

doorward_tests::on_each_engine! {
    a_reported_device_stays_denied_though_it_is_forgotten,
    looks_that_were_learnt_at_a_factor_stay,
    after_a_copy_was_told_a_hosts_word_trusts_nothing,
    trust_that_was_earned_is_left_as_it_is,
    what_a_hosts_word_trusts_makes_room_first,
    what_replaces_no_factor_takes_no_room_from_what_does,
    trust_by_looks_that_a_session_gave_counts_as_under_the_policy,
    beside_another_that_looks_alike_it_is_told_as_long_as_it_is_vouched_for,
    what_lapsed_hides_no_other,
    what_is_left_out_stays_and_what_was_declined_too,
}

fn said() -> Value {
    json!({ "fingerprint": "fp/1%" })
}

async fn hijack(host: &Host, device: &str) {
    host.call("POST", &format!("/internal/users/ana/devices/{device}/hijack")).await.expect(200);
}

async fn a_reported_device_stays_denied_though_it_is_forgotten(host: Host) {
    by_likeness(&host).await;
    let made = post(&host, &json!({})).await.expect(200).text_at("/id");
    hijack(&host, &made).await;
    host.call("DELETE", &format!("/internal/users/ana/devices/{made}")).await.expect(204);
    let refused = async || {
        let rows = host.rows().await;
        post(&host, &json!({})).await.refused(409, "device_hijacked");
        assert_eq!(host.rows().await, rows);
        assert_eq!(judged(&host, &said()).await.0, "deny");
    };
    refused().await;
    // Nor does time make a good one of it.
    for _ in 0..3 {
        host.pass_s(400 * DAY);
        host.service().prune_accounts(None).await.expect("the store answers");
        refused().await;
    }
    host.call("POST", &format!("/internal/users/ana/devices/{made}/release")).await.expect(200);
    assert_ne!(post(&host, &json!({})).await.expect(200).text_at("/id"), made, "its owner begins again");
}

async fn looks_that_were_learnt_at_a_factor_stay(host: Host) {
    by_likeness(&host).await;
    let made = post(&host, &json!({})).await.expect(200).text_at("/id");
    let seen = host.browser("ana").looking(&said()).enter().await;
    assert_eq!(seen.device(), made);
    let other = json!({ "fingerprint": "fp/1%", "user_agent": "curl/8.5.0" });
    assert_eq!(judged(&host, &other).await.0, "challenge");
    let shown = post(&host, &json!({ "browser": "curl", "ip": "198.51.100.9" })).await.expect(200);
    assert_eq!((shown.text_at("/id"), shown.text_at("/browser"), shown.text_at("/ip")), (made, "Chrome".to_owned(), "203.0.113.7".to_owned()));
    assert_eq!(judged(&host, &other).await.0, "challenge");
    assert_eq!(judged(&host, &json!({ "fingerprint": "fp/1%", "ip": "198.51.100.7" })).await.0, "challenge");
    assert_eq!(judged(&host, &said()).await.0, "allow");
}

async fn after_a_copy_was_told_a_hosts_word_trusts_nothing(host: Host) {
    host.set_rules(|rules| (rules.trust_binding, rules.device_token_rotate_s) = (Binding::Fingerprint, DAY)).await;
    let made = post(&host, &json!({})).await.expect(200).text_at("/id");
    let mut laptop = host.browser("ana").looking(&said());
    assert_eq!(laptop.enter_and_trust().await.device(), made);
    let copy = laptop.clone();
    host.pass_s(2 * DAY);
    laptop.enter_skipping().await;
    assert_eq!(laptop.judged().await.0, "allow");
    host.pass_s(60);
    assert_eq!(copy.judged().await, ("challenge".to_owned(), vec!["device_token_reused".to_owned()]));
    let rows = host.rows().await;
    post(&host, &json!({})).await.refused(403, "mfa_required");
    assert_eq!(host.rows().await, rows);
    assert_eq!(laptop.judged().await.0, "challenge");
    // What a person ended stays so, though a factor was passed on the device shortly before.
    laptop.enter().await;
    host.pass_s(1);
    host.call("POST", &format!("/internal/users/ana/devices/{made}/untrust")).await;
    post(&host, &json!({})).await.refused(403, "mfa_required");
    host.pass_s(1);
    // A factor on the device itself lets a host have it trusted again.
    laptop.enter().await;
    post(&host, &json!({})).await.expect(200);
    assert_eq!(laptop.judged().await.0, "allow");
}

async fn trust_that_was_earned_is_left_as_it_is(host: Host) {
    by_likeness(&host).await;
    post(&host, &json!({})).await.expect(200);
    let mut laptop = host.browser("ana").looking(&said());
    laptop.enter_and_trust().await;
    host.set_policy(Policy::preset(Preset::Consumer)).await;
    laptop.enter_and_trust().await;
    // With less time left than a host's word would give.
    host.pass_s(25 * DAY);
    let rows = host.rows().await;
    post(&host, &json!({})).await.expect(200);
    assert_eq!(host.rows().await, rows);
    assert_eq!(laptop.judged().await.0, "allow");
    host.pass_s(5 * DAY);
    assert_eq!(laptop.judged().await.0, "challenge");
    post(&host, &json!({})).await.refused(403, "mfa_required");
}

async fn what_a_hosts_word_trusts_makes_room_first(host: Host) {
    host.set_rules(|rules| rules.max_devices = 3).await;
    let mut laptop = host.browser("ana");
    laptop.enter_and_trust().await;
    let phone = host.browser("ana").enter().await.device();
    for number in 0..6 {
        host.pass_s(60);
        post(&host, &json!({ "device_fingerprint": format!("fp-{number}") })).await.expect(200);
    }
    assert_eq!(laptop.judged().await.0, "allow");
    host.call("GET", &format!("/internal/users/ana/devices/{phone}")).await.expect(200);
    assert_eq!(listed(&host, "ana").await.len(), 2, "the laptop and the last one posted");
    // Where it may replace a factor, it is a device among others.
    by_likeness(&host).await;
    host.set_rules(|rules| (rules.trust_binding, rules.max_devices) = (Binding::Fingerprint, 3)).await;
    for number in 0..3 {
        host.pass_s(60);
        post(&host, &json!({ "device_fingerprint": format!("other-{number}") })).await.expect(200);
    }
    assert_eq!(listed(&host, "ana").await.len(), 3);
    host.call("GET", &format!("/internal/users/ana/devices/{phone}")).await.refused(404, "not_found");
}

async fn what_replaces_no_factor_takes_no_room_from_what_does(host: Host) {
    host.set_rules(|rules| rules.max_devices = 3).await;
    let mut firm = [host.browser("ana"), host.browser("ana"), host.browser("ana")];
    for browser in &mut firm {
        browser.enter_and_trust().await;
    }
    for number in 0..3 {
        post(&host, &json!({ "device_fingerprint": format!("fp-{number}") })).await.expect(200);
        assert_eq!(listed(&host, "ana").await.len(), 4, "one beside them, and no more");
    }
    for browser in &firm {
        assert_eq!(browser.judged().await.0, "allow");
    }
}

async fn trust_by_looks_that_a_session_gave_counts_as_under_the_policy(host: Host) {
    by_likeness(&host).await;
    let made = post(&host, &json!({})).await.expect(200).text_at("/id");
    let known = host.browser("ana").looking(&said()).enter().await;
    assert_eq!(known.device(), made);
    let trust = || host.ask("POST", "/devices/trust").bearer(&known.token).json(&said());
    trust().await.expect(200);
    assert_eq!(listed(&host, "ana").await, [made]);
    host.set_policy(Policy::preset(Preset::Consumer)).await;
    assert_eq!(listed(&host, "ana").await.len(), 0, "what a session gave by looks is worth nothing there");
    assert_eq!(trust().await.status, 403);
}

async fn beside_another_that_looks_alike_it_is_told_as_long_as_it_is_vouched_for(host: Host) {
    by_likeness(&host).await;
    let laptop = host.browser("ana").looking(&said()).enter().await;
    host.ask("POST", "/devices/trust").bearer(&laptop.token).json(&said()).await.expect(200);
    let own = ("allow".to_owned(), json!(laptop.device()));
    assert_eq!(judged(&host, &said()).await, own);
    let posted = post(&host, &json!({})).await.expect(200).text_at("/id");
    let named = ("allow".to_owned(), json!(posted));
    assert_eq!(judged(&host, &said()).await, named);
    // The host takes its word back: what looks like that is the laptop again.
    delete(&host, "ana", "fp%2F1%25").await.expect(200);
    assert_eq!(judged(&host, &said()).await, own);
    post(&host, &json!({})).await.expect(200);
    assert_eq!(host.browser("ana").looking(&said()).enter().await.device(), posted);
    assert_eq!(judged(&host, &said()).await, named, "also once a factor was passed on it");
}

async fn what_lapsed_hides_no_other(host: Host) {
    by_likeness(&host).await;
    post(&host, &json!({ "device_fingerprint": "long ago" })).await.expect(200);
    host.pass_s(100 * DAY);
    host.service().prune_accounts(None).await.expect("the store answers");
    let made = post(&host, &json!({})).await.expect(200).text_at("/id");
    assert_eq!(judged(&host, &said()).await, ("allow".to_owned(), json!(made)));
}

async fn what_is_left_out_stays_and_what_was_declined_too(host: Host) {
    by_likeness(&host).await;
    let first = post(&host, &json!({})).await.expect(200);
    let thin = asked(&host, "POST", PATH).json(&json!({ "user_id": "ana", "device_fingerprint": "fp/1%" })).await.expect(200);
    for member in ["id", "ip", "browser", "os", "device_type", "device_name"] {
        assert_eq!(thin.body[member], first.body[member], "{member}");
    }
    let declined = host.now();
    host.change_account("ana", move |account| account.devices[0].declined_at = Some(declined)).await;
    post(&host, &json!({})).await.expect(200);
    host.change_account("ana", move |account| assert_eq!(account.devices[0].declined_at, Some(declined))).await;
}
