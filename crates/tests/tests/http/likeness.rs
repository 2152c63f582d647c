//! Trust by likeness, where a tenant chose it: on the same network, of exactly one device, for its own shorter time.

use doorward_domain::Binding;
use doorward_tests::host::browser::{CHROME, FIREFOX, judgement};
use doorward_tests::host::{Browser, GLOBEX, Host};
use serde_json::{Value, json};

use crate::retention::prune;

doorward_tests::on_each_engine! {
    likeness_on_the_same_network_identifies_and_skips,
    what_changed_too_much_is_challenged_and_told,
    what_is_kept_back_or_unsteady_identifies_nobody,
    without_attributes_likeness_identifies_nobody,
    a_sign_in_that_tells_nothing_takes_nothing_from_the_print,
    while_a_device_cant_be_compared_nobody_is_identified,
    a_mailbox_code_takes_no_print,
    of_two_alike_neither_is_identified,
    a_hijacked_lookalike_is_denied_and_a_token_wins_over_likeness,
    a_released_device_is_not_told_by_its_looks,
    trust_by_likeness_has_a_longest_time_of_its_own,
    trust_given_to_who_came_by_likeness_is_bound_by_it,
    a_policy_that_turned_strict_meanwhile_counts_at_completion,
    likeness_crosses_neither_users_nor_tenants,
    a_made_up_canvas_is_learnt_and_never_held_against_its_owner,
}

const DAY: u32 = 86_400;

fn looks() -> Value {
    json!({
        "ip": "198.51.100.7", "user_agent": CHROME,
        "fingerprint": { "gpu": "ANGLE (Intel)", "touch": 0, "memory": 8, "timezone": "Europe/Vienna", "canvas": "f3a1", "window": "1200x800" },
    })
}

/// A tenant that chose likeness, a device that its person trusts, and the same browser without its token.
async fn trusted(host: &Host) -> (Browser, String, Browser) {
    host.set_rules(|rules| rules.trust_binding = Binding::Fingerprint).await;
    let mut laptop = host.browser("ana").looking(&looks());
    let device = laptop.enter_and_trust().await.device();
    host.pass_s(3_600);
    let bare = bare(&laptop);
    (laptop, device, bare)
}

/// The same browser without its token.
fn bare(browser: &Browser) -> Browser {
    let mut bare = browser.clone();
    bare.device_token = None;
    bare
}

fn with(change: &Value) -> Value {
    let mut fingerprint = looks()["fingerprint"].clone();
    fingerprint.as_object_mut().expect("an object").extend(change.as_object().expect("an object").clone());
    json!({ "fingerprint": fingerprint })
}

async fn likeness_on_the_same_network_identifies_and_skips(host: Host) {
    let (_, device, bare) = trusted(&host).await;
    let alike = [
        json!({}),
        json!({ "ip": "198.51.100.200" }),
        json!({ "user_agent": CHROME.replace("149", "151") }),
        with(&json!({ "window": "800x600" })),
        with(&json!({ "canvas": "9c04" })),
        with(&json!({ "canvas": null })),
        with(&json!({ "timezone": "Asia/Tokyo" })),
    ];
    for change in alike {
        let mut browser = bare.clone().looking(&change);
        let sign_in = browser.evaluate().await;
        assert_eq!((sign_in.text_at("/decision"), &sign_in.body["reasons"]), ("allow".to_owned(), &json!(["trusted_device"])), "{change}");
        assert_eq!((&sign_in.body["device"]["id"], &sign_in.body["looks_like"]), (&json!(device), &json!(null)));
        let entered = browser.complete(&sign_in, &json!({})).await;
        assert_eq!((entered.device(), &entered.answer.body["session"]["mfa_skipped_by"]), (device.clone(), &json!("device_trust")));
        assert_eq!(entered.answer.body.get("device_token"), None, "likeness alone earns no token");
    }
}

async fn what_changed_too_much_is_challenged_and_told(host: Host) {
    let (_, device, bare) = trusted(&host).await;
    let changes = [
        (json!({ "ip": "192.0.2.1" }), json!(["unknown_device", "device_token_missing", "network_changed"]), json!(null)),
        (json!({ "user_agent": FIREFOX }), json!(["unknown_device", "device_token_missing"]), json!(null)),
        (
            with(&json!({ "gpu": "ANGLE (AMD)", "touch": 10 })),
            json!(["unknown_device", "device_token_missing", "fingerprint_changed"]),
            json!(["fingerprint.gpu", "fingerprint.touch"]),
        ),
        (
            json!({ "user_agent": CHROME.replace("149", "120") }),
            json!(["unknown_device", "device_token_missing", "fingerprint_changed"]),
            json!(["agent_version"]),
        ),
    ];
    for (change, reasons, changed) in changes {
        let mut other = bare.clone().looking(&change);
        let sign_in = other.evaluate().await;
        assert_eq!((&sign_in.text_at("/decision")[..], &sign_in.body["reasons"]), ("challenge", &reasons), "{change}");
        let kept = host.call("GET", &format!("/internal/sign-ins/{}", sign_in.text_at("/id"))).await.expect(200);
        assert_eq!(kept.body["reason_details"]["fingerprint_changed"]["changed"], changed, "{change}");
        other.try_complete(&sign_in, &json!({})).await.refused(403, "mfa_required");
    }
    let mut moved = bare.clone().looking(&json!({ "ip": "192.0.2.1" }));
    assert_ne!(moved.enter().await.device(), device, "the code makes it a device of its own");
}

async fn what_is_kept_back_or_unsteady_identifies_nobody(host: Host) {
    let (_, _, bare) = trusted(&host).await;
    let nothing = json!({ "gpu": null, "touch": null, "memory": null, "timezone": null, "canvas": null, "window": null });
    let told = ["gpu", "touch", "memory", "timezone"];
    let mut without: Vec<Value> = vec![json!({ "fingerprint": {} }), json!({ "fingerprint": null }), with(&nothing)];
    for name in told {
        let mut fingerprint = looks()["fingerprint"].clone();
        fingerprint.as_object_mut().expect("an object").remove(name);
        without.extend([json!({ "fingerprint": fingerprint }), with(&json!({ name: null }))]);
    }
    for change in without {
        let mut other = bare.clone().looking(&change);
        let sign_in = other.evaluate().await;
        assert_eq!(judgement(&sign_in).0, "challenge", "{change}");
        other.try_complete(&sign_in, &json!({})).await.refused(403, "mfa_required");
    }
}

async fn without_attributes_likeness_identifies_nobody(host: Host) {
    host.set_rules(|rules| rules.trust_binding = Binding::Fingerprint).await;
    let hints = json!({ "Sec-CH-UA-Arch": "\"x86\"", "Sec-CH-UA-Bitness": "\"64\"", "Sec-CH-UA-Form-Factors": "\"Desktop\"" });
    let little = json!({ "fingerprint": { "window": "1200x800", "canvas": "f3a1", "gpu": "a" } });
    for (user, looks) in [("ana", json!({ "client_hints": hints })), ("ben", little)] {
        let mut laptop = host.browser(user).looking(&json!({ "ip": "198.51.100.7" })).looking(&looks);
        laptop.enter_and_trust().await;
        assert_eq!(laptop.judged().await.0, "allow");
        assert_eq!(bare(&laptop).judged().await, ("challenge".to_owned(), vec!["unknown_device".to_owned(), "device_token_missing".to_owned()]));
    }
}

async fn a_sign_in_that_tells_nothing_takes_nothing_from_the_print(host: Host) {
    let (mut laptop, _, bare) = trusted(&host).await;
    // By its token, and by the code: the print is taken anew, from nothing.
    let silent = json!({ "fingerprint": null });
    laptop = laptop.looking(&silent);
    laptop.enter_skipping().await;
    laptop.enter().await;
    let stranger = with(&json!({ "gpu": "ANGLE (AMD)", "touch": 10, "memory": 4, "timezone": "Asia/Tokyo" }));
    for change in [silent, stranger] {
        assert_eq!(bare.clone().looking(&change).judged().await.0, "challenge", "{change}");
    }
    assert_eq!(bare.judged().await.0, "allow", "and its own looks are still its own");
}

async fn while_a_device_cant_be_compared_nobody_is_identified(host: Host) {
    let (mut laptop, _, bare) = trusted(&host).await;
    host.browser("ana").looking(&json!({ "ip": "192.0.2.1", "user_agent": FIREFOX })).enter().await;
    assert_eq!(bare.judged().await.0, "allow", "the other one is another");
    host.set_rules(|rules| (rules.trust_binding, rules.retain_fingerprints_s) = (Binding::Fingerprint, DAY)).await;
    host.pass_s(DAY);
    laptop.enter_skipping().await;
    prune(&host).await;
    assert_eq!(bare.judged().await.0, "challenge", "what the other one looked like is kept no longer: it may be any");
    assert_eq!(laptop.judged().await.0, "allow", "a token needs no looks");
}

async fn a_mailbox_code_takes_no_print(host: Host) {
    let (_, device, bare) = trusted(&host).await;
    // Drifted, and taken for the device; step by step it would become another.
    let mut drifted = bare.clone().looking(&with(&json!({ "timezone": "Asia/Tokyo" })));
    for method in ["email_otp", "backup_code", "other"] {
        let sign_in = drifted.evaluate().await;
        assert_eq!(drifted.complete(&sign_in, &json!({ "mfa": { "method": method } })).await.device(), device);
    }
    let further = with(&json!({ "timezone": "Asia/Tokyo", "gpu": "ANGLE (AMD)" }));
    assert_eq!(drifted.clone().looking(&further).judged().await.0, "challenge");
    let sign_in = drifted.evaluate().await;
    drifted.complete(&sign_in, &json!({ "mfa": { "method": "totp" } })).await;
    assert_eq!(bare.looking(&with(&json!({ "timezone": "Asia/Tokyo" }))).judged().await.0, "allow");
}

async fn of_two_alike_neither_is_identified(host: Host) {
    let (laptop, _, bare) = trusted(&host).await;
    let mut second = host.browser("ana").looking(&looks()).looking(&json!({ "ip": "192.0.2.1" }));
    second.enter_and_trust().await;
    assert_eq!(bare.judged().await.0, "allow", "the other one is elsewhere");
    let mut home = second.clone().looking(&looks());
    home.enter_skipping().await;
    assert_eq!(bare.judged().await, ("challenge".to_owned(), vec!["unknown_device".to_owned(), "device_token_missing".to_owned()]));
    for owner in [laptop, second] {
        assert_eq!(owner.judged().await.0, "allow", "a token tells them apart");
    }
}

async fn a_hijacked_lookalike_is_denied_and_a_token_wins_over_likeness(host: Host) {
    let (laptop, device, bare) = trusted(&host).await;
    let mut phone = host.browser("ana").looking(&json!({ "user_agent": FIREFOX }));
    let on_phone = phone.enter_and_trust().await;
    let mut disguised = phone.clone().looking(&looks());
    let sign_in = disguised.evaluate().await;
    assert_eq!(sign_in.body["device"]["id"], on_phone.device());
    let kept = host.call("GET", &format!("/internal/sign-ins/{}", sign_in.text_at("/id"))).await.expect(200);
    assert_eq!((&kept.body["reasons"], &kept.body["reason_details"]["fingerprint_changed"]["changed"][0]), (&json!(["trusted_device"]), &json!("agent")));
    let mut wrong = bare.clone();
    wrong.device_token = Some("dwd_garbage".to_owned());
    assert_eq!(
        wrong.judged().await,
        ("challenge".to_owned(), vec!["unknown_device".to_owned(), "device_token_invalid".to_owned()]),
        "a bad token isn't helped"
    );
    host.call("POST", &format!("/internal/users/ana/devices/{device}/hijack")).await.expect(200);
    for browser in [&laptop, &bare] {
        assert_eq!(browser.judged().await, ("deny".to_owned(), vec!["device_hijacked".to_owned()]));
    }
    disguised.enter_skipping().await;
}

async fn a_released_device_is_not_told_by_its_looks(host: Host) {
    let (_, device, mut bare) = trusted(&host).await;
    host.call("POST", &format!("/internal/users/ana/devices/{device}/hijack")).await.expect(200);
    assert_eq!(bare.judged().await.0, "deny");
    host.call("POST", &format!("/internal/users/ana/devices/{device}/release")).await.expect(200);
    assert_eq!(bare.judged().await, ("challenge".to_owned(), vec!["unknown_device".to_owned(), "device_token_missing".to_owned()]));
    let entered = bare.enter_and_trust().await;
    assert_ne!(entered.device(), device, "the owner's browser begins again");
    bare.device_token = None;
    let again = bare.evaluate().await;
    assert_eq!((again.text_at("/decision"), &again.body["device"]["id"]), ("allow".to_owned(), &json!(entered.device())));
}

async fn trust_by_likeness_has_a_longest_time_of_its_own(host: Host) {
    let (laptop, _, bare) = trusted(&host).await;
    host.pass_s(7 * DAY - 3_600 - 1);
    assert_eq!(bare.judged().await.0, "allow");
    host.pass_s(1);
    assert_eq!(bare.judged().await, ("challenge".to_owned(), vec!["trust_expired".to_owned()]));
    assert_eq!(laptop.judged().await.0, "allow", "its token skips for as long as ever");
    host.set_rules(|rules| (rules.trust_binding, rules.fingerprint_trust_max_s) = (Binding::Fingerprint, 30 * DAY)).await;
    assert_eq!(bare.judged().await, ("challenge".to_owned(), vec!["trust_expired".to_owned()]), "a looser policy revives nothing");
    host.set_rules(|_| {}).await;
    assert_eq!(bare.judged().await.1, ["unknown_device", "device_token_missing"], "and under binding token likeness is a hint");
    assert_eq!(laptop.judged().await.0, "allow");
}

async fn trust_given_to_who_came_by_likeness_is_bound_by_it(host: Host) {
    let (laptop, device, mut bare) = trusted(&host).await;
    let on_it = bare.enter().await;
    assert_eq!((on_it.device(), bare.device_token.clone()), (device.clone(), None));
    let answer = on_it.ask("POST", "/devices/current/trust").header("sec-fetch-site", "same-origin").await.expect(200);
    assert_eq!((answer.body["device"]["binding"].clone(), answer.body.get("device_token")), (json!("fingerprint"), None));
    let until = |browser: &Browser| {
        let (host, user) = (host.clone(), browser.user.clone());
        async move { host.call("GET", &format!("/internal/users/{user}/devices")).await.text_at("/items/0/trusted_until") }
    };
    assert_eq!(until(&bare).await, host.now().plus_s(7 * DAY).to_string());
    assert_eq!(bare.judged().await.0, "allow");
    // Stricter again: what likeness gave is over, and no looser policy lengthens it.
    host.set_rules(|_| {}).await;
    assert_eq!(laptop.judged().await, ("challenge".to_owned(), vec!["trust_ended".to_owned()]));
    host.set_rules(|rules| rules.trust_binding = Binding::Fingerprint).await;
    // An answer that bears a token ties the trust to it.
    let trusted = bare.enter_and_trust().await;
    assert_eq!((trusted.device(), trusted.answer.body["device"]["binding"].clone()), (device, json!("token")));
    host.set_rules(|_| {}).await;
    assert_eq!(bare.judged().await.0, "allow");
}

async fn a_policy_that_turned_strict_meanwhile_counts_at_completion(host: Host) {
    let (_, device, mut bare) = trusted(&host).await;
    let sign_in = bare.evaluate().await;
    host.set_rules(|_| {}).await;
    bare.try_complete(&sign_in, &json!({})).await.refused(403, "mfa_required");
    let entered = bare.complete(&sign_in, &json!({ "mfa": { "method": "totp" } })).await;
    assert_ne!(entered.device(), device);
}

async fn likeness_crosses_neither_users_nor_tenants(host: Host) {
    let (_, device, bare) = trusted(&host).await;
    host.set_rules_of(GLOBEX, |rules| rules.trust_binding = Binding::Fingerprint).await;
    let mut of_bob = bare.clone();
    of_bob.user = "bob".to_owned();
    // Each has a device of another kind: without it there would be nothing to be taken for.
    for other in [of_bob, bare.clone().in_tenant(GLOBEX)] {
        let own = other.clone().looking(&json!({ "user_agent": FIREFOX })).enter_and_trust().await.device();
        let sign_in = other.evaluate().await;
        assert_eq!(judgement(&sign_in), ("challenge".to_owned(), vec!["unknown_device".to_owned(), "device_token_missing".to_owned()]));
        assert_eq!((&sign_in.body["looks_like"], &sign_in.body["device"]), (&json!(null), &json!(null)));
        let of_own_kind = other.looking(&json!({ "user_agent": FIREFOX })).evaluate().await;
        assert_eq!((judgement(&of_own_kind).0, &of_own_kind.body["device"]["id"]), ("allow".to_owned(), &json!(own)), "by likeness, where it is its own");
        assert_ne!(own, device);
    }
}

async fn a_made_up_canvas_is_learnt_and_never_held_against_its_owner(host: Host) {
    host.set_rules(|rules| rules.trust_binding = Binding::Fingerprint).await;
    // A name that says nothing of how steady it is: only experience does.
    let look = |value: &str| json!({ "ip": "198.51.100.7", "fingerprint": { "gpu": "a", "touch": 0, "xq": value } });
    let mut browser = host.browser("ana").looking(&look("0"));
    browser.enter_and_trust().await;
    for value in ["1", "2", "3"] {
        browser = browser.looking(&look(value));
        browser.enter_skipping().await;
    }
    let bare = bare(&browser).looking(&look("4"));
    assert_eq!(bare.judged().await.0, "allow");
    let steady = bare.looking(&json!({ "fingerprint": { "gpu": "b", "touch": 0, "xq": "5" } }));
    assert_eq!(steady.judged().await.0, "challenge", "what was steady still counts");
}
