//! Retention over HTTP: what goes changes no verdict, what is blanked shows as null, and it is counted.

use doorward_store::{AccountKey, Kept, Need};
use doorward_tests::host::{ACME, Browser, Host};
use doorward_tests::{tenant_id, user_id};
use serde_json::{Value, json};
use uuid::Uuid;

doorward_tests::on_each_engine! {
    pruning_changes_no_verdict,
    which_parts_changed_is_kept_as_long_as_fingerprints_are,
    what_is_kept_no_longer_shows_as_null,
}

const DAY: u32 = 86_400;

/// All that the worker does, in one go.
pub(crate) async fn prune(host: &Host) {
    let mut after = None;
    while let Some(next) = host.service().prune_accounts(after).await.expect("the store answers") {
        after = Some(next);
    }
    host.service().prune_by_age().await.expect("the store answers");
}

/// What is decided about each browser, about each session's token, and about a spent offer.
async fn verdicts(host: &Host, browsers: &[&Browser], tokens: &[&str], offer: &str) -> Vec<String> {
    let mut verdicts = vec![];
    for browser in browsers {
        verdicts.push(format!("{:?}", browser.judged().await));
    }
    for token in tokens {
        verdicts.push(format!("{:?}", host.verify(token).await.body["active"]));
    }
    let spent = host.call("POST", "/internal/activations/activate").json(&json!({ "activation_token": offer })).await;
    verdicts.push(format!("{} {}", spent.status, spent.body["type"]));
    verdicts
}

fn count(rows: &[String], table: &str) -> usize {
    rows.iter().filter(|row| row.starts_with(&format!("{table}: "))).count()
}

async fn pruning_changes_no_verdict(host: Host) {
    let mut laptop = host.browser("ana");
    let first = laptop.enter().await;
    let superseded = laptop.clone();
    laptop.activate(&first.offer()).await.expect(200);
    let (mut phone, mut tablet, mut loner) = (host.browser("ana"), host.browser("ana"), host.browser("ana"));
    let (on_phone, on_tablet, alone) = (phone.enter_and_trust().await, tablet.enter().await, loner.enter().await);
    host.call("POST", &format!("/internal/users/ana/devices/{}/hijack", on_phone.device())).await.expect(200);
    for device in [on_phone.device(), on_tablet.device()] {
        host.call("DELETE", &format!("/internal/users/ana/devices/{device}")).await.expect(204);
    }
    alone.delete("/sessions/current").await.expect(204);
    let fresh = host.browser("ana");
    let browsers = [&laptop, &superseded, &phone, &tablet, &loner, &fresh];
    let mut tokens = vec![first.token.clone(), on_phone.token.clone(), on_tablet.token.clone(), alone.token.clone()];
    let mut today = 0;
    for day in [1, 2, 29, 31, 91, 121, 181, 211, 300, 399, 420, 800] {
        host.pass_s((day - today) * DAY);
        today = day;
        if day == 300 {
            tokens.push(laptop.clone().enter().await.token);
        }
        let tokens: Vec<&str> = tokens.iter().map(String::as_str).collect();
        let before = verdicts(&host, &browsers, &tokens, &first.offer()).await;
        prune(&host).await;
        assert_eq!(verdicts(&host, &browsers, &tokens, &first.offer()).await, before, "day {day}");
        assert!(before[2].contains("device_hijacked"), "day {day}: for ever, also after it was forgotten");
        assert!(before[1].contains("device_token_superseded"), "day {day}: {}", before[1]);
    }
    let rows = host.rows().await;
    // Of sign-ins those of today alone; no session; of the devices the one that was forgotten is gone.
    assert_eq!((count(&rows, "sign_in"), count(&rows, "session"), count(&rows, "activity"), count(&rows, "offer"), count(&rows, "device")), (12, 0, 0, 0, 3));
    let figures = host.service().figures();
    let figure = |name: &str| figures.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
    assert!(figure("retention_rows_deleted_total") > Some(50) && figure("retention_rows_blanked_total") > Some(0), "{figures:?}");
    assert_eq!(figure("retention_passes_total"), Some(12));
}

async fn which_parts_changed_is_kept_as_long_as_fingerprints_are(host: Host) {
    host.set_rules(|rules| rules.retain_fingerprints_s = DAY).await;
    let mut laptop = host.browser("ana").looking(&json!({ "fingerprint": { "gpu": "a" } }));
    laptop.enter_and_trust().await;
    let changed = laptop.looking(&json!({ "fingerprint": { "gpu": "b" } })).evaluate().await.text_at("/id");
    let told = async || host.call("GET", &format!("/internal/sign-ins/{changed}")).await.expect(200).body["reason_details"]["fingerprint_changed"].clone();
    host.pass_s(DAY - 1);
    prune(&host).await;
    assert_eq!(told().await["changed"], json!(["fingerprint.gpu"]));
    host.pass_s(1);
    prune(&host).await;
    assert_eq!(told().await, json!(null));
}

async fn what_is_kept_no_longer_shows_as_null(host: Host) {
    host.set_rules(|rules| (rules.retain_ips_s, rules.retain_fingerprints_s) = (DAY, DAY)).await;
    let mut laptop = host.browser("ana");
    let opened = laptop.enter_and_trust().await;
    let other = host.browser("ana").enter().await;
    let shown = async |path: &str| host.call("GET", &format!("/internal/users/ana/{path}")).await.expect(200).body["items"].clone();
    let ips = |items: Value| items.as_array().expect("a list").iter().map(|item| item["ip_address"].is_null()).collect::<Vec<_>>();
    host.pass_s(DAY - 1);
    prune(&host).await;
    for list in ["devices", "sessions", "sign-ins"] {
        assert_eq!(ips(shown(list).await), [false, false], "{list}");
    }
    host.pass_s(1);
    prune(&host).await;
    for list in ["devices", "sessions", "sign-ins"] {
        assert_eq!(ips(shown(list).await), [true, true], "{list}");
    }
    // Nobody is signed out or challenged for it, and what the trusted device may be compared by stays while it is trusted.
    assert!(opened.is_in().await && other.is_in().await);
    assert_eq!(laptop.judged().await.0, "allow");
    let need = Need { kept: Some(Kept { after: Uuid::nil(), limit: 100 }), ..Need::default() };
    let account = host.store().account(AccountKey::User(tenant_id(ACME), user_id("ana")), need).await.expect("it answers").expect("ana");
    let taken = |id: String| account.devices.iter().find(|device| device.id.to_string() == id).map(|device| device.fingerprint.pepper.is_some());
    assert_eq!((taken(opened.device()), taken(other.device())), (Some(true), Some(false)));
    // Seen again, it is known by its new address.
    laptop.enter().await;
    let gone: Vec<_> = ips(shown("devices").await).into_iter().filter(|gone| *gone).collect();
    assert_eq!(gone.len(), 1, "the other's alone");
}
