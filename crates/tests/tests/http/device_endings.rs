//! What ends with a device: untrust, report hijacked, release, forget, sign out.

use doorward_domain::{ActivationToken, OfferState};
use doorward_tests::host::browser::with_code;
use doorward_tests::host::{Browser, Host, SignedIn};
use insta::assert_snapshot as see;
use serde_json::json;

doorward_tests::on_each_engine! {
    untrusting_ends_what_lived_by_the_trust,
    untrusting_ones_own_device_spares_the_callers_session,
    untrusting_ends_all_of_its_sessions_on_request,
    an_operator_untrusts,
    a_hijacked_devices_token_is_denied_for_ever,
    a_superseded_token_of_a_hijacked_device_is_denied_as_well,
    a_released_device_stays_hijacked_in_the_list,
    trust_that_a_thief_gave_ends_with_the_report,
    an_offer_that_a_thief_has_ends_with_the_report,
    a_forgotten_device_is_gone_and_its_history_stays,
    forgetting_ones_own_device_signs_out,
    all_other_devices_are_forgotten_only_where_that_is_said,
    signing_a_device_out_ends_its_sessions_and_keeps_its_trust,
    the_dangerous_wants_a_recent_authentication_where_the_policy_says_so,
}

/// A trusted laptop with a session that passed the factor and one that skipped it, and a phone.
struct Home {
    laptop: Browser,
    passed: SignedIn,
    skipped: SignedIn,
    phone: Browser,
    on_phone: SignedIn,
}

impl Home {
    async fn of(host: &Host) -> Self {
        let (mut laptop, mut phone) = (host.browser("ana"), host.browser("ana"));
        let passed = laptop.enter_and_trust().await;
        host.pass_s(1);
        let skipped = laptop.enter_skipping().await;
        host.pass_s(1);
        let on_phone = phone.enter().await;
        host.pass_s(1);
        Self { laptop, passed, skipped, phone, on_phone }
    }

    async fn whose_out(&self) -> [Option<String>; 3] {
        [self.passed.why_out().await, self.skipped.why_out().await, self.on_phone.why_out().await]
    }
}

fn out(reason: &str) -> Option<String> {
    Some(reason.to_owned())
}

async fn untrusting_ends_what_lived_by_the_trust(host: Host) {
    let home = Home::of(&host).await;
    see!("untrusted", home.on_phone.post(&format!("/devices/{}/untrust", home.passed.device())).await.expect(200).shown());
    assert_eq!(home.whose_out().await, [None, out("device_untrusted"), None]);
    let judged = home.laptop.evaluate().await;
    see!("trust_ended", judged.shown());
}

async fn untrusting_ones_own_device_spares_the_callers_session(host: Host) {
    let mut home = Home::of(&host).await;
    let skipped_too = home.laptop.enter_skipping().await;
    home.skipped.post("/devices/current/untrust").await.expect(200);
    assert_eq!(home.whose_out().await, [None, None, None]);
    assert_eq!(skipped_too.why_out().await, out("device_untrusted"));
    let rows = host.rows().await;
    home.skipped.post("/devices/current/untrust").await.expect(200);
    assert_eq!(host.rows().await, rows, "once more changes nothing");
}

async fn untrusting_ends_all_of_its_sessions_on_request(host: Host) {
    let home = Home::of(&host).await;
    home.skipped.ask("POST", "/devices/current/untrust").query("end_sessions=true").await.expect(200);
    assert_eq!(home.whose_out().await, [out("device_untrusted"), out("device_untrusted"), None]);
}

async fn an_operator_untrusts(host: Host) {
    let home = Home::of(&host).await;
    let path = format!("/internal/users/ana/devices/{}/untrust", home.passed.device());
    let operator = |path: &str| host.ask("POST", path).by(doorward_domain::Role::Operator);
    assert_eq!(operator(&path).await.expect(200).body["status"], "unverified");
    assert_eq!(home.whose_out().await, [None, out("device_untrusted"), None]);
    operator(&path).query("end_sessions=true").await.expect(200);
    assert_eq!(home.whose_out().await, [out("device_untrusted"), out("device_untrusted"), None]);
}

async fn a_hijacked_devices_token_is_denied_for_ever(host: Host) {
    let mut home = Home::of(&host).await;
    let device = home.passed.device();
    see!("hijacked", home.on_phone.post(&format!("/devices/{device}/hijack")).await.expect(200).shown());
    assert_eq!(home.whose_out().await, [out("device_hijacked"), out("device_hijacked"), None]);
    let rows = host.rows().await;
    home.on_phone.post(&format!("/devices/{device}/hijack")).await.expect(200);
    assert_eq!(host.rows().await, rows, "once more changes nothing");
    let denied = || async { home.laptop.judged().await == ("deny".to_owned(), vec!["device_hijacked".to_owned()]) };
    assert!(denied().await);
    for second_factor in [json!({ "second_factor": "none" }), json!({ "second_factor": "done", "mfa": { "method": "totp" } }), json!({ "require_mfa": true })] {
        assert_eq!(home.laptop.evaluate_with(&second_factor).await.body["decision"], "deny", "{second_factor}");
    }
    let shown = home.on_phone.ask("GET", "/sessions").query("status=blocked").await.expect(200);
    assert_eq!(shown.ids().len(), 2);
    see!("blocked_sessions", home.on_phone.get(&format!("/devices/{device}")).await.expect(200).shown());
    home.on_phone.delete("/sessions").await.expect(200);
    assert!(denied().await, "also after signing out everywhere");
    home.on_phone = home.phone.enter().await;
    home.on_phone.delete(&format!("/devices/{device}")).await.expect(204);
    assert!(denied().await, "also after it is forgotten");
    host.pass_s(400 * 86_400);
    assert!(denied().await, "also after a year");
    let released = host.call("POST", &format!("/internal/users/ana/devices/{device}/release")).await.expect(200);
    see!("released", released.shown());
    assert_eq!(home.laptop.judged().await.1, ["unknown_device", "device_token_invalid"]);
    let anew = home.laptop.enter().await;
    assert_ne!(anew.device(), device, "its bearer starts as a new device");
}

async fn a_superseded_token_of_a_hijacked_device_is_denied_as_well(host: Host) {
    let mut laptop = host.browser("ana");
    let opened = laptop.enter().await;
    let old = laptop.clone();
    laptop.activate(&opened.offer()).await.expect(200);
    opened.post("/devices/current/hijack").await.expect(200);
    assert_eq!(old.judged().await, laptop.judged().await);
    assert_eq!(old.judged().await.0, "deny");
}

async fn a_released_device_stays_hijacked_in_the_list(host: Host) {
    let mut home = Home::of(&host).await;
    let device = home.passed.device();
    let release = format!("/internal/users/ana/devices/{device}/release");
    host.call("POST", &release).await.refused(404, "not_found");
    home.on_phone.post(&format!("/devices/{device}/hijack")).await.expect(200);
    host.call("POST", &release).await.expect(200);
    host.call("POST", &release).await.expect(200);
    let shown = home.on_phone.ask("GET", "/devices").query("status=hijacked").await.expect(200);
    assert_eq!(shown.ids(), [device.as_str()]);
    assert_eq!(home.whose_out().await, [out("device_hijacked"), out("device_hijacked"), None], "none come back");
    let anew = home.laptop.enter_and_trust().await;
    home.on_phone.delete(&format!("/devices/{device}")).await.expect(204);
    assert!(anew.is_in().await);
    assert_eq!(home.laptop.judged().await.0, "allow");
}

async fn trust_that_a_thief_gave_ends_with_the_report(host: Host) {
    let (mut laptop, mut thief) = (host.browser("ana"), host.browser("ana"));
    let on_laptop = laptop.enter().await;
    host.pass_s(1);
    let by_thief = thief.enter().await;
    let mut second = host.browser("ana");
    let on_second = second.enter().await;
    by_thief.post(&format!("/devices/{}/trust", on_second.device())).await.expect(200);
    laptop.keep(&on_laptop.post("/devices/current/trust").await.expect(200));
    assert_eq!(second.judged().await.0, "allow");
    on_laptop.post(&format!("/devices/{}/hijack", by_thief.device())).await.expect(200);
    let judged = second.evaluate().await;
    assert_eq!(judged.body["reason_details"]["trust_ended"]["cause"], "device_hijacked");
    assert_eq!(laptop.judged().await.0, "allow", "what the person gave stays");
}

async fn an_offer_that_a_thief_has_ends_with_the_report(host: Host) {
    let (mut laptop, mut thief) = (host.browser("ana"), host.browser("ana"));
    let on_laptop = laptop.enter().await;
    let by_thief = thief.enter().await;
    host.pass_s(1);
    let device = by_thief.device();
    on_laptop.post(&format!("/devices/{device}/hijack")).await.expect(200);
    let refused = async || {
        by_thief.activate(&by_thief.offer()).await.refused(401, "unauthenticated");
        thief.clone().activate(&by_thief.offer()).await.refused(409, "device_hijacked");
    };
    refused().await;
    // Not by the device's state alone: its own row says that it is over.
    let rows = host.rows().await;
    let is_open = |offer: &str| {
        let id = ActivationToken::parse(offer).expect("an offer's token").at.id.0;
        let is_its = |row: &&String| row.starts_with("offer: ") && [id.simple().to_string(), id.to_string()].iter().any(|id| row.to_lowercase().contains(id));
        rows.iter().find(is_its).expect("its row").contains(&format!("state={},", OfferState::Open.code()))
    };
    assert!(!is_open(&by_thief.offer()) && is_open(&on_laptop.offer()));
    host.call("POST", &format!("/internal/users/ana/devices/{device}/release")).await.expect(200);
    refused().await;
    laptop.activate(&on_laptop.offer()).await.expect(200);
}

async fn a_forgotten_device_is_gone_and_its_history_stays(host: Host) {
    let home = Home::of(&host).await;
    let device = home.passed.device();
    let forgotten = home.on_phone.delete(&format!("/devices/{device}")).await.expect(204);
    assert_eq!(forgotten.text, "");
    assert_eq!(home.whose_out().await, [out("device_forgotten"), out("device_forgotten"), None]);
    assert_eq!(home.laptop.judged().await.1, ["unknown_device", "device_token_invalid"]);
    for path in [format!("/devices/{device}"), format!("/sessions/{}", home.on_phone.session())] {
        assert_eq!(home.on_phone.get(&path).await.status, if path.contains("devices") { 404 } else { 200 });
    }
    for status in ["all", "trusted", "unverified", "hijacked"] {
        let shown = home.on_phone.ask("GET", "/devices").query(&format!("status={status}")).await.expect(200);
        assert!(!shown.ids().contains(&device), "{status}");
    }
    let history = home.on_phone.get("/events").await.expect(200);
    assert!(history.text.contains(&device));
    for again in [home.on_phone.delete(&format!("/devices/{device}")).await, home.on_phone.post(&format!("/devices/{device}/trust")).await] {
        again.refused(404, "not_found");
    }
    assert_eq!(home.on_phone.get(&format!("/sessions/{}", home.passed.session())).await.body["ended_reason"], "device_forgotten");
}

async fn forgetting_ones_own_device_signs_out(host: Host) {
    let home = Home::of(&host).await;
    home.passed.delete("/devices/current").await.expect(204);
    home.passed.get("/devices").await.refused(401, "unauthenticated");
    assert_eq!(home.whose_out().await, [out("device_forgotten"), out("device_forgotten"), None]);
}

async fn all_other_devices_are_forgotten_only_where_that_is_said(host: Host) {
    let home = Home::of(&host).await;
    let rows = host.rows().await;
    let unsaid = home.on_phone.delete("/devices").await.refused(400, "invalid_request");
    assert_eq!(unsaid.text_at("/errors/0/field"), "except_current");
    home.on_phone.ask("DELETE", "/devices").query("except_current=false").await.refused(400, "invalid_request");
    assert_eq!(host.rows().await, rows);
    let forgotten = home.on_phone.ask("DELETE", "/devices").query("except_current=true").await.expect(200);
    assert_eq!(forgotten.body, json!({ "devices_forgotten": 1, "sessions_ended": 2 }));
    assert_eq!(home.whose_out().await, [out("device_forgotten"), out("device_forgotten"), None]);
    assert_eq!(home.on_phone.ask("GET", "/devices").query("status=all").await.ids(), [home.on_phone.device()]);
    let again = home.on_phone.ask("DELETE", "/devices/").query("except_current=true").await.expect(200);
    assert_eq!(again.body, json!({ "devices_forgotten": 0, "sessions_ended": 0 }));
}

async fn signing_a_device_out_ends_its_sessions_and_keeps_its_trust(host: Host) {
    let mut home = Home::of(&host).await;
    let ended = home.skipped.post("/devices/signout").await.expect(200);
    assert_eq!(ended.body, json!({ "sessions_ended": 2 }));
    assert_eq!(home.whose_out().await, [out("device_signed_out"), out("device_signed_out"), None]);
    home.skipped.post("/devices/signout").await.refused(401, "unauthenticated");
    assert_eq!(home.laptop.judged().await.0, "allow");
    home.laptop.enter_skipping().await;
}

async fn the_dangerous_wants_a_recent_authentication_where_the_policy_says_so(host: Host) {
    host.set_rules(|rules| rules.recent_auth_s = 900).await;
    let home = Home::of(&host).await;
    let (device, session) = (home.passed.device(), home.passed.session());
    host.pass_s(901);
    let rows = host.rows().await;
    let caller = &home.on_phone;
    for (method, path) in [
        ("DELETE", format!("/devices/{device}")),
        ("POST", format!("/devices/{device}/hijack")),
        ("DELETE", format!("/sessions/{session}")),
        ("DELETE", "/sessions".to_owned()),
        ("DELETE", "/sessions?except_current=true".to_owned()),
        ("DELETE", "/devices?except_current=true".to_owned()),
    ] {
        caller.ask(method, &path).await.refused(403, "recent_auth_required");
    }
    assert_eq!(host.rows().await, rows);
    caller.post(&format!("/devices/{device}/untrust")).await.expect(200);
    let stepped = host.call("POST", &format!("/internal/users/ana/sessions/{}/mfa", caller.session())).json(&with_code()).await.expect(200);
    let fresh = SignedIn::of(&host, stepped);
    fresh.delete(&format!("/devices/{device}")).await.expect(204);
    host.pass_s(901);
    fresh.post("/devices/current/hijack").await.expect(200);
}
