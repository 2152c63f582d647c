//! Offers of trust: taken up once, declined and remembered, bound to tenant, user, device and session.

use doorward_tests::host::browser::with_code;
use doorward_tests::host::{Browser, GLOBEX, Host};
use doorward_tests::{at_once, just_after, just_before};
use insta::assert_snapshot as see;
use serde_json::json;

doorward_tests::on_each_engine! {
    an_offer_works_once,
    one_of_sixty_four_activations_at_once_wins,
    a_declined_offer_isnt_made_again_for_thirty_days,
    a_host_declines_for_the_person,
    trust_by_the_box_takes_a_no_back,
    an_offer_ends_after_five_minutes,
    an_offer_is_worth_nothing_to_others,
    an_offer_ends_with_its_session_and_its_trust,
    an_offer_on_a_hijacked_device_says_so,
    a_newer_offer_of_the_session_takes_the_place_of_the_older,
    the_old_device_token_is_superseded_when_trust_is_given,
}

const MONTH_S: u32 = 30 * 86_400;

async fn is_trusted(browser: &Browser) -> bool {
    browser.judged().await.0 == "allow"
}

async fn an_offer_works_once(host: Host) {
    let mut laptop = host.browser("ana");
    let opened = laptop.enter().await;
    let offer = opened.offer();
    laptop.activate(&offer).await.expect(200);
    let rows = host.rows().await;
    for answer in [laptop.activate(&offer).await, opened.activate(&offer).await, opened.decline(&offer).await] {
        answer.refused(404, "activation_not_found");
    }
    assert_eq!(host.rows().await, rows);
}

async fn one_of_sixty_four_activations_at_once_wins(host: Host) {
    let mut laptop = host.browser("ana");
    let opened = laptop.enter().await;
    let answers = at_once(64, |number| {
        let (opened, mut laptop, offer) = (opened.clone(), laptop.clone(), opened.offer());
        async move { if number % 2 == 0 { opened.activate(&offer).await } else { laptop.activate(&offer).await } }
    })
    .await;
    let (winners, losers): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
    assert_eq!((winners.len(), losers.len()), (1, 63));
    for loser in losers {
        loser.refused(404, "activation_not_found");
    }
    laptop.keep(&winners[0]);
    assert!(is_trusted(&laptop).await);
    let history = opened.get("/events").await.expect(200).text;
    assert_eq!(history.matches("device.trusted").count(), 1);
}

async fn a_declined_offer_isnt_made_again_for_thirty_days(host: Host) {
    let mut laptop = host.browser("ana");
    let opened = laptop.enter().await;
    let declined_at = host.now();
    see!("declined", opened.decline(&opened.offer()).await.expect(200).shown());
    opened.activate(&opened.offer()).await.refused(404, "activation_not_found");
    assert!(!laptop.enter().await.is_offered());
    host.at(just_before(declined_at.plus_s(MONTH_S)));
    assert!(!laptop.enter().await.is_offered());
    host.at(declined_at.plus_s(MONTH_S));
    assert!(laptop.enter().await.is_offered());
    let mut other = host.browser("ana");
    assert!(other.enter().await.is_offered(), "it was declined on one device, not on all");
}

async fn a_host_declines_for_the_person(host: Host) {
    let mut laptop = host.browser("ana");
    let opened = laptop.enter().await;
    let skip = host.call("POST", "/internal/activations/skip").json(&json!({ "activation_token": opened.offer() }));
    assert_eq!(skip.clone().await.expect(200).body["device"]["status"], "unverified");
    skip.await.refused(404, "activation_not_found");
    assert!(!laptop.enter().await.is_offered());
}

async fn trust_by_the_box_takes_a_no_back(host: Host) {
    let mut laptop = host.browser("ana");
    let opened = laptop.enter().await;
    opened.decline(&opened.offer()).await.expect(200);
    let trusted = laptop.enter_and_trust().await;
    trusted.post("/devices/current/untrust").await.expect(200);
    assert!(laptop.enter().await.is_offered());
}

async fn an_offer_ends_after_five_minutes(host: Host) {
    let mut laptop = host.browser("ana");
    let opened = laptop.enter().await;
    let end = host.now().plus_s(300);
    assert_eq!(opened.answer.text_at("/activation/expires_at"), end.to_string());
    for late in [end, just_after(end)] {
        host.at(late);
        laptop.activate(&opened.offer()).await.refused(404, "activation_not_found");
    }
    host.at(just_before(end));
    opened.activate(&opened.offer()).await.expect(200);
}

async fn an_offer_is_worth_nothing_to_others(host: Host) {
    let mut laptop = host.browser("ana");
    let opened = laptop.enter().await;
    let elsewhere = host.browser("ana").enter().await;
    let bob = host.browser("bob").enter().await;
    let mut globex = host.browser("ana").in_tenant(GLOBEX);
    let rows = host.rows().await;
    let offer = opened.offer();
    let own_words = opened.activate(&format!("dwa_{}", "A".repeat(94))).await.refused(404, "activation_not_found").said();
    for other in [&elsewhere, &bob] {
        assert_eq!(other.activate(&offer).await.said(), own_words);
        assert_eq!(other.decline(&offer).await.said(), own_words);
    }
    assert_eq!(globex.activate(&offer).await.said(), own_words);
    let mut typo = offer.clone();
    typo.replace_range(20..21, if &offer[20..21] == "A" { "B" } else { "A" });
    for text in ["", "dwa_", "x", &typo, &format!("{offer} "), &opened.token, &"é".repeat(4_000)] {
        assert_eq!(opened.activate(text).await.said(), own_words, "{text}");
        assert_eq!(laptop.activate(text).await.said(), own_words, "{text}");
    }
    assert_eq!(host.rows().await, rows);
    laptop.activate(&offer).await.expect(200);
}

async fn an_offer_ends_with_its_session_and_its_trust(host: Host) {
    let endings = ["signed_out", "signed_out_elsewhere", "device_signed_out", "everywhere", "everywhere_else", "forgotten", "fenced", "untrusted"];
    for ending in endings {
        let mut laptop = host.browser("ana");
        let opened = laptop.enter().await;
        host.pass_s(1);
        let other = host.browser("ana").enter().await;
        match ending {
            "signed_out" => opened.delete("/sessions/current").await.expect(204),
            "signed_out_elsewhere" => other.delete(&format!("/sessions/{}", opened.session())).await.expect(204),
            "device_signed_out" => opened.post("/devices/signout").await.expect(200),
            "everywhere" => other.delete("/sessions").await.expect(200),
            "everywhere_else" => opened.ask("DELETE", "/sessions").query("except_current=true").await.expect(200),
            "forgotten" => other.delete(&format!("/devices/{}", opened.device())).await.expect(204),
            "untrusted" => other.post(&format!("/devices/{}/untrust", opened.device())).await.expect(200),
            _ => {
                host.fence("acme").await;
                other.get("/devices").await.refused(401, "unauthenticated")
            }
        };
        let answer = laptop.activate(&opened.offer()).await;
        assert_eq!((answer.status, answer.body["title"].as_str()), (404, Some("The offer of trust is no longer good")), "{ending}");
    }
}

async fn an_offer_on_a_hijacked_device_says_so(host: Host) {
    let mut laptop = host.browser("ana");
    let opened = laptop.enter().await;
    let report = format!("/internal/users/ana/devices/{}/hijack", opened.device());
    host.call("POST", &report).await.expect(200);
    laptop.activate(&opened.offer()).await.refused(409, "device_hijacked");
    let skip = host.call("POST", "/internal/activations/skip").json(&json!({ "activation_token": opened.offer() }));
    skip.await.refused(409, "device_hijacked");
    opened.activate(&opened.offer()).await.refused(401, "unauthenticated");
}

async fn a_newer_offer_of_the_session_takes_the_place_of_the_older(host: Host) {
    let mut laptop = host.browser("ana");
    let opened = laptop.enter().await;
    host.pass_s(1);
    let stepped = host.call("POST", &format!("/internal/users/ana/sessions/{}/mfa", opened.session())).json(&with_code()).await.expect(200);
    laptop.activate(&opened.offer()).await.refused(404, "activation_not_found");
    laptop.activate(&stepped.text_at("/activation/activation_token")).await.expect(200);
    assert!(is_trusted(&laptop).await);
}

async fn the_old_device_token_is_superseded_when_trust_is_given(host: Host) {
    let mut laptop = host.browser("ana");
    let opened = laptop.enter().await;
    let old = laptop.clone();
    laptop.activate(&opened.offer()).await.expect(200);
    assert_ne!(old.device_token, laptop.device_token);
    let judged = old.evaluate().await;
    see!("superseded_token", judged.shown());
    assert!(is_trusted(&laptop).await, "it neither throttles nor harms its owner");
}
