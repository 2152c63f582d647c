//! Recognition: a person's own token skips whatever changes, and looking alike is worth nothing.

use doorward_tests::host::browser::{CHROME, FIREFOX};
use doorward_tests::host::{Browser, GLOBEX, Host};
use insta::assert_snapshot as see;
use serde_json::{Value, json};

doorward_tests::on_each_engine! {
    a_persons_own_token_skips_whatever_else_changes,
    an_attacker_who_copies_everything_but_the_token_is_challenged,
    another_user_of_the_same_browser_never_inherits,
    the_same_user_of_another_tenant_never_inherits,
    a_fingerprint_shown_of_equal_looks_differs_by_tenant,
    of_several_that_look_alike_the_one_seen_last_is_hinted_at,
    the_order_of_attributes_makes_no_other_device,
    a_token_among_garbage_is_found,
    a_sign_in_is_explained_afterwards,
}

fn all_looks() -> Value {
    json!({
        "ip": "198.51.100.7", "user_agent": CHROME,
        "client_hints": { "Sec-CH-UA": "\"Google Chrome\";v=\"149\"", "Sec-CH-UA-Platform": "\"Windows\"", "Sec-CH-UA-Model": "\"\"" },
        "fingerprint": { "screen": "2560x1440", "timezone": "Europe/Vienna", "fonts": ["a", "b"] },
    })
}

async fn trusted(host: &Host) -> (Browser, String) {
    let mut laptop = host.browser("ana").looking(&all_looks());
    let device = laptop.enter_and_trust().await.device();
    host.pass_s(3_600);
    (laptop, device)
}

async fn a_persons_own_token_skips_whatever_else_changes(host: Host) {
    let (laptop, device) = trusted(&host).await;
    let changes = [
        json!({ "user_agent": CHROME.replace("149", "173") }),
        json!({ "user_agent": FIREFOX, "client_hints": {} }),
        json!({ "user_agent": "A browser that was renamed/7" }),
        json!({ "user_agent": "" }),
        json!({ "ip": "10.1.2.3" }),
        json!({ "ip": "2001:db8:77::1" }),
        json!({ "fingerprint": "another" }),
        json!({ "ip": "10.9.9.9", "user_agent": FIREFOX, "client_hints": {}, "fingerprint": { "screen": "1x1" } }),
    ];
    for change in changes {
        let mut changed = laptop.clone().looking(&change);
        let sign_in = changed.evaluate().await;
        assert_eq!((sign_in.text_at("/decision"), sign_in.body["looks_like"].clone()), ("allow".to_owned(), json!(null)), "{change}");
        let entered = changed.complete(&sign_in, &json!({})).await;
        assert_eq!((entered.device(), entered.answer.body["session"]["mfa_skipped_by"].clone()), (device.clone(), json!("device_trust")), "{change}");
    }
}

async fn an_attacker_who_copies_everything_but_the_token_is_challenged(host: Host) {
    let (laptop, device) = trusted(&host).await;
    let mut attacker = laptop.clone();
    attacker.device_token = None;
    let sign_in = attacker.evaluate().await;
    see!("everything_but_the_token", sign_in.shown());
    assert_eq!(sign_in.body["looks_like"], device, "a hint, never an identity");
    attacker.try_complete(&sign_in, &json!({})).await.refused(403, "mfa_required");
    let shown = host.call("GET", &format!("/internal/users/ana/devices/{device}")).await.text_at("/device_fingerprint");
    for guess in [shown.as_str(), &device, "dwd_", &format!("dwd_{}", "A".repeat(94))] {
        attacker.device_token = Some(guess.to_owned());
        assert_eq!(attacker.judged().await, ("challenge".to_owned(), vec!["unknown_device".to_owned(), "device_token_invalid".to_owned()]));
    }
    attacker.device_token = None;
    let as_fingerprint = attacker.clone().looking(&json!({ "fingerprint": shown }));
    assert_eq!(as_fingerprint.judged().await.0, "challenge");
    let phished = attacker.enter().await;
    assert_ne!(phished.device(), device, "also one who gets past the code is on a device of their own");
    assert_eq!(phished.answer.body["device"]["looks_like"], device);
}

async fn another_user_of_the_same_browser_never_inherits(host: Host) {
    let (laptop, _) = trusted(&host).await;
    let rows = host.rows().await;
    let mut bob = laptop.clone();
    bob.user = "bob".to_owned();
    let sign_in = bob.evaluate().await;
    assert_eq!(sign_in.body["reasons"], json!(["unknown_device", "device_token_missing"]), "another's token is simply missing");
    assert_eq!(sign_in.body["looks_like"], json!(null));
    let entered = bob.enter_and_trust().await;
    assert_eq!(entered.answer.body["device"]["looks_like"], json!(null));
    let of_ana = |rows: &[String]| rows.iter().filter(|row| row.starts_with("device")).cloned().collect::<Vec<_>>();
    let after = of_ana(&host.rows().await);
    assert!(of_ana(&rows).iter().all(|row| after.contains(row)), "nothing of ana's changed");
    assert_eq!(laptop.judged().await.0, "allow");
    let jar = format!("{}.{}", laptop.device_token.clone().expect("a token"), bob.device_token.clone().expect("a token"));
    for user in ["ana", "bob"] {
        let mut shared = host.browser(user);
        shared.device_token = Some(jar.clone());
        assert_eq!(shared.judged().await.0, "allow", "{user}");
    }
}

async fn the_same_user_of_another_tenant_never_inherits(host: Host) {
    let (laptop, _) = trusted(&host).await;
    let elsewhere = laptop.clone().in_tenant(GLOBEX);
    let sign_in = elsewhere.evaluate().await;
    assert_eq!(sign_in.body["reasons"], json!(["unknown_device", "device_token_missing"]));
    assert_eq!(sign_in.body["looks_like"], json!(null));
    assert_eq!(laptop.judged().await.0, "allow");
}

async fn a_fingerprint_shown_of_equal_looks_differs_by_tenant(host: Host) {
    let mut shown = vec![];
    for browser in [host.browser("ana"), host.browser("bob"), host.browser("ana").in_tenant(GLOBEX)] {
        let mut browser = browser.looking(&all_looks());
        shown.push(browser.enter().await.answer.text_at("/device/device_fingerprint"));
    }
    assert_ne!(shown[0], shown[2], "equal looks share nothing between tenants");
    assert_ne!(shown[0], shown[1], "nor between users");
}

async fn of_several_that_look_alike_the_one_seen_last_is_hinted_at(host: Host) {
    let (_, first) = trusted(&host).await;
    let second = host.browser("ana").looking(&all_looks()).enter().await.device();
    host.pass_s(1);
    let newcomer = host.browser("ana").looking(&all_looks());
    assert_eq!(newcomer.evaluate().await.body["looks_like"], second);
    host.call("DELETE", &format!("/internal/users/ana/devices/{second}")).await.expect(204);
    assert_eq!(newcomer.evaluate().await.body["looks_like"], first, "a forgotten device is no hint");
    let different = host.browser("ana").looking(&json!({ "user_agent": FIREFOX }));
    assert_eq!(different.evaluate().await.body["looks_like"], json!(null));
}

async fn the_order_of_attributes_makes_no_other_device(host: Host) {
    let looks = |fingerprint: &str| json!({ "fingerprint": serde_json::from_str::<Value>(fingerprint).expect("JSON") });
    let known = host.browser("ana").looking(&looks(r#"{"a": 1, "b": {"c": 2, "d": 3}}"#)).enter().await.device();
    let reordered = host.browser("ana").looking(&looks(r#"{"b": {"d": 3, "c": 2}, "a": 1}"#));
    assert_eq!(reordered.evaluate().await.body["looks_like"], known);
    let other = host.browser("ana").looking(&looks(r#"{"a": 2, "b": {"c": 2, "d": 4}}"#));
    assert_eq!(other.evaluate().await.body["looks_like"], json!(null));
}

async fn a_token_among_garbage_is_found(host: Host) {
    let (laptop, _) = trusted(&host).await;
    let token = laptop.device_token.clone().expect("a token");
    let bobs = host.browser("bob").enter().await.answer.text_at("/device_token");
    for jar in [format!("{bobs}.{token}"), format!("garbage.{token}"), format!("{token}."), format!("..{token}"), format!("{bobs}.{bobs}.{token}.x")] {
        let mut shared = laptop.clone();
        shared.device_token = Some(jar.clone());
        assert_eq!(shared.judged().await.0, "allow", "{jar}");
    }
    let mut wrong = laptop.clone();
    wrong.device_token = Some(String::new());
    assert_eq!(wrong.judged().await.1, ["unknown_device", "device_token_missing"]);
}

async fn a_sign_in_is_explained_afterwards(host: Host) {
    let (laptop, _) = trusted(&host).await;
    let mut stranger = host.browser("ana");
    for browser in [&laptop, &stranger] {
        browser.evaluate().await;
        host.pass_s(1);
    }
    let sign_in = stranger.evaluate().await;
    stranger.complete(&sign_in, &json!({ "mfa": { "method": "sms_otp" } })).await;
    see!("sign_ins", host.ask("GET", "/internal/users/ana/sign-ins").by(doorward_domain::Role::Viewer).await.expect(200).shown());
    let one = host.call("GET", &format!("/internal/sign-ins/{}", sign_in.text_at("/id"))).await.expect(200);
    assert_eq!(one.body["status"], "completed");
}
