//! A person's devices: list, page, read, rename, trust and renew.

use doorward_tests::host::browser::FIREFOX;
use doorward_tests::host::{Answer, Host, SignedIn};
use insta::assert_snapshot as see;
use serde_json::{Value, json};

doorward_tests::on_each_engine! {
    a_list_shows_the_trusted_ones_unless_asked_otherwise,
    pages_run_through_all_without_skipping_or_repeating,
    a_cursor_is_good_for_its_own_list_alone,
    a_device_is_shown_with_its_live_sessions,
    a_device_is_renamed,
    bad_names_are_refused_by_every_path_that_takes_one,
    trust_is_given_and_renewed_by_the_person,
    an_app_is_described_by_what_it_says_of_itself,
    client_hints_are_laid_over_the_user_agent,
}

async fn listed(caller: &SignedIn, query: &str) -> Answer {
    caller.ask("GET", "/devices").query(query).await.expect(200)
}

async fn rename(caller: &SignedIn, id: &str, name: &str) -> Answer {
    caller.ask("PATCH", &format!("/devices/{id}")).json(&json!({ "name": name })).await
}

async fn a_list_shows_the_trusted_ones_unless_asked_otherwise(host: Host) {
    let mut laptop = host.browser("ana");
    let on_laptop = laptop.enter_and_trust().await;
    host.pass_s(1);
    let on_phone = host.browser("ana").looking(&json!({ "user_agent": FIREFOX, "ip": "2001:db8::7" })).enter().await;
    host.pass_s(1);
    let lost = host.browser("ana").enter().await;
    on_laptop.post(&format!("/devices/{}/hijack", lost.device())).await.expect(200);
    host.pass_s(1);
    let forgotten = host.browser("ana").enter().await;
    on_laptop.delete(&format!("/devices/{}", forgotten.device())).await.expect(204);
    let (trusted, unverified, hijacked) = (on_laptop.device(), on_phone.device(), lost.device());
    assert_eq!(on_laptop.get("/devices").await.ids(), [trusted.as_str()]);
    assert_eq!(on_laptop.get("/devices/").await.ids(), [trusted.as_str()]);
    assert_eq!(listed(&on_laptop, "status=trusted").await.ids(), [trusted.as_str()]);
    assert_eq!(listed(&on_laptop, "status=unverified").await.ids(), [unverified.as_str()]);
    assert_eq!(listed(&on_laptop, "status=hijacked").await.ids(), [hijacked.as_str()]);
    see!("all_devices", listed(&on_laptop, "status=all").await.shown());
    let by_host = host.call("GET", "/internal/users/ana/devices").await.expect(200);
    assert_eq!(by_host.ids(), [hijacked.as_str(), unverified.as_str(), trusted.as_str()], "for the host all, newest first");
    assert!(by_host.body["items"].as_array().is_some_and(|items| items.iter().all(|item| item["is_current"] == false)));
    let only = host.call("GET", "/internal/users/ana/devices").query("status=trusted").await.expect(200);
    assert_eq!(only.ids(), [trusted.as_str()]);
}

async fn pages_run_through_all_without_skipping_or_repeating(host: Host) {
    let mut newest = vec![];
    for _ in 0..23 {
        newest.insert(0, host.browser("ana").enter_and_trust().await.device());
        host.pass_s(1);
    }
    let caller = host.browser("ana").enter_and_trust().await;
    newest.insert(0, caller.device());
    for (path, by_host) in [("/devices", false), ("/internal/users/ana/devices", true)] {
        for limit in [1, 7, 12, 24, 100] {
            let (mut found, mut cursor, mut pages) = (vec![], None::<String>, 0);
            loop {
                let next = cursor.take().map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
                let asked = if by_host { host.call("GET", path) } else { caller.ask("GET", path) };
                let page = asked.query(&format!("limit={limit}{next}")).await.expect(200);
                found.extend(page.ids());
                pages += 1;
                cursor = page.body["next_cursor"].as_str().map(str::to_owned);
                if cursor.is_none() {
                    break;
                }
                assert_eq!(page.ids().len(), limit, "only the last page may be short");
            }
            assert_eq!(found, newest, "{path} by {limit}");
            assert_eq!(pages, 24_usize.div_ceil(limit));
        }
        let asked = if by_host { host.call("GET", path) } else { caller.ask("GET", path) };
        assert_eq!(asked.await.ids().len(), 20, "unless asked otherwise");
    }
}

async fn a_cursor_is_good_for_its_own_list_alone(host: Host) {
    let mut callers = vec![];
    for user in ["ana", "bob"] {
        for _ in 0..2 {
            callers.push(host.browser(user).enter_and_trust().await);
            host.pass_s(1);
        }
    }
    let (ana, bob) = (&callers[1], &callers[3]);
    let cursor = listed(ana, "limit=1").await.text_at("/next_cursor");
    let mut tampered = cursor.clone();
    tampered.replace_range(3..4, if &cursor[3..4] == "A" { "B" } else { "A" });
    let elsewhere = bob.ask("GET", "/devices").query("limit=1").await.text_at("/next_cursor");
    let of_sessions = ana.ask("GET", "/sessions").query("limit=1").await.text_at("/next_cursor");
    let of_events = ana.ask("GET", "/events").query("limit=1").await.text_at("/next_cursor");
    for bad in [&tampered, &elsewhere, &of_sessions, &of_events, "", "x", &format!("{cursor}A"), &cursor[..20], &ana.token, &"A".repeat(5_000)] {
        let refused = ana.ask("GET", "/devices").query(&format!("cursor={bad}")).await.refused(400, "invalid_request");
        assert_eq!(refused.text_at("/errors/0/field"), "cursor", "{bad}");
        for list in ["devices", "sessions", "sign-ins", "events"] {
            for user in ["ana", "nobody"] {
                let good_there = (list == "sessions" && *bad == of_sessions) || (list == "events" && *bad == of_events);
                if good_there && user == "ana" {
                    continue;
                }
                let asked = host.call("GET", &format!("/internal/users/{user}/{list}")).query(&format!("cursor={bad}"));
                asked.await.refused(400, "invalid_request");
            }
        }
    }
    assert_eq!(listed(ana, &format!("cursor={cursor}")).await.ids(), [callers[0].device()]);
    let by_host = host.call("GET", "/internal/users/ana/devices").query(&format!("cursor={cursor}")).await.expect(200);
    assert_eq!(by_host.ids(), [callers[0].device()], "it is the same list by both surfaces");
}

async fn a_device_is_shown_with_its_live_sessions(host: Host) {
    let mut laptop = host.browser("ana");
    let first = laptop.enter_and_trust().await;
    host.pass_s(60);
    let second = laptop.enter_skipping().await;
    host.pass_s(60);
    let ended = laptop.enter().await;
    ended.delete("/sessions/current").await.expect(204);
    see!("device_with_sessions", second.get("/devices/current").await.expect(200).shown());
    let by_id = second.get(&format!("/devices/{}", first.device())).await.expect(200);
    assert_eq!(by_id.body, second.get("/devices/current").await.body);
    let by_host = host.call("GET", &format!("/internal/users/ana/devices/{}", first.device())).await.expect(200);
    let sessions: Vec<&Value> = by_host.body["sessions"].as_array().expect("sessions").iter().map(|session| &session["id"]).collect();
    assert_eq!(sessions, [&json!(second.session()), &json!(first.session())], "newest first");
}

async fn a_device_is_renamed(host: Host) {
    let on_laptop = host.browser("ana").enter().await;
    host.pass_s(1);
    let on_phone = host.browser("ana").enter().await;
    see!("renamed", rename(&on_laptop, "current", "Work 💻").await.expect(200).shown());
    rename(&on_laptop, &on_phone.device(), "Ana's phone").await.expect(200);
    assert_eq!(on_phone.get("/devices/current").await.body["name"], "Ana's phone");
    let rows = host.rows().await;
    rename(&on_laptop, "current", "Work 💻").await.expect(200);
    assert_eq!(host.rows().await, rows, "the same name again changes nothing");
    for good in ["x", &"é".repeat(64), "  spaced  ", "\u{202e}right to left", "'; DROP TABLE devices; --", "<b>&amp;"] {
        assert_eq!(rename(&on_laptop, "current", good).await.expect(200).body["name"], good);
    }
}

async fn bad_names_are_refused_by_every_path_that_takes_one(host: Host) {
    let mut laptop = host.browser("ana");
    let opened = laptop.enter().await;
    let sign_in = laptop.evaluate().await;
    let rows = host.rows().await;
    for bad in ["", " ", "\t", "a\nb", "nul\0", "del\u{7f}", "c1\u{85}", &"é".repeat(65), &"x".repeat(60_000)] {
        let refused = rename(&opened, "current", bad).await.refused(400, "invalid_request");
        assert_eq!(refused.text_at("/errors/0/field"), "name", "{bad:?}");
        let taken = json!({ "activation_token": opened.offer(), "device_name": bad });
        for asked in [opened.ask("POST", "/devices/activate"), host.call("POST", "/internal/activations/activate")] {
            let refused = asked.json(&taken).await.refused(400, "invalid_request");
            assert_eq!(refused.text_at("/errors/0/field"), "device_name", "{bad:?}");
        }
        let completion = json!({ "mfa": { "method": "totp" }, "device_name": bad });
        laptop.try_complete(&sign_in, &completion).await.refused(400, "invalid_request");
    }
    assert_eq!(host.rows().await, rows);
}

async fn trust_is_given_and_renewed_by_the_person(host: Host) {
    let mut laptop = host.browser("ana");
    let opened = laptop.enter().await;
    let given = opened.post("/devices/current/trust").await.expect(200);
    see!("trusted_by_the_person", given.shown());
    laptop.keep(&given);
    host.pass_s(300);
    let renewed = opened.post(&format!("/devices/{}/trust", opened.device())).await.expect(200);
    laptop.keep(&renewed);
    assert_eq!(renewed.body["device"]["trusted_at"], host.now().to_string());
    assert_eq!(renewed.body["device"]["trusted_until"], host.now().plus_s(30 * 86_400).to_string());
    assert_eq!(laptop.judged().await.0, "allow");
}

async fn an_app_is_described_by_what_it_says_of_itself(host: Host) {
    let info = json!({
        "type": "mobile", "model": "Pixel 10", "platform": "Android", "platform_version": "17", "app": "Acme", "app_version": "4.2.1",
    });
    let looks = json!({ "user_agent": "Acme/4.2.1", "device_info": info, "fingerprint": { "b": 1, "a": [true] } });
    let mut app = host.browser("ana").looking(&looks);
    let opened = app.enter().await;
    see!("an_app", opened.get("/devices/current").await.expect(200).shown());
}

async fn client_hints_are_laid_over_the_user_agent(host: Host) {
    let hints = json!({
        "Sec-CH-UA": "\"Chromium\";v=\"149\", \"Microsoft Edge\";v=\"149\", \"Not)A;Brand\";v=\"24\"",
        "sec-ch-ua-platform": "\"Windows\"", "Sec-CH-UA-Platform-Version": "\"19.0.0\"", "Sec-CH-UA-Mobile": "?0",
    });
    let opened = host.browser("ana").looking(&json!({ "client_hints": hints })).enter().await;
    see!("client_hints", opened.get("/devices/current").await.expect(200).shown());
}
