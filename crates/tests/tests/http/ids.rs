//! Ids that are unknown, malformed, another user's or another tenant's: one answer for all, and nothing changes.

use doorward_domain::Role;
use doorward_tests::host::description::Operation;
use doorward_tests::host::{ACME, GLOBEX, Host, api_key};
use serde_json::json;

use crate::operations::{Names, Someone, each, with_body};

doorward_tests::on_each_engine! {
    whatever_isnt_theirs_is_as_unknown_as_what_isnt_there,
    users_that_are_malformed_or_unknown_are_one,
    another_tenants_key_sees_nobody,
    user_ids_are_the_hosts_own_to_the_byte,
}

fn all_named(names: &Names, id: &str) -> Names {
    let own = (id.to_owned(), id.to_owned());
    Names {
        own_device: own.0,
        own_session: own.1,
        device: id.to_owned(),
        session: id.to_owned(),
        sign_in: id.to_owned(),
        api_key: id.to_owned(),
        ..names.clone()
    }
}

fn names_one_thing(operation: &Operation) -> bool {
    operation.path.contains("{id}") || operation.path.contains("{uuid}")
}

fn random_id() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// A good id in bad clothes, and what is no id at all; as parts of a path.
fn malformed(good: &str) -> Vec<String> {
    let simple = good.replace('-', "");
    let mut list = vec![good.to_uppercase(), simple.clone(), format!("%7B{good}%7D"), format!("urn:uuid:{good}"), format!("{good}0"), format!("{good}%20")];
    let never = ["x", "%20", "%00", "%FF", "%C3%28", "a%2Fb", "%2E%2E", "0", "-1", "null", "'%20OR%201=1", "00000000-0000-0000-0000-000000000000", "é"];
    list.extend(never.map(|text| text.replace('é', "%C3%A9")));
    list.push("9".repeat(5_000));
    list.push(good[..35].to_owned());
    list
}

async fn whatever_isnt_theirs_is_as_unknown_as_what_isnt_there(host: Host) {
    let all = each(&host).await;
    let stranger = Someone::new(&host, ACME, "stranger").await;
    let elsewhere = Someone::new(&host, GLOBEX, "elsewhere").await;
    let rows = host.rows().await;
    // Dialects count every try, and have a story of their own for each.
    for (operation, someone) in all.iter().filter(|(operation, _)| names_one_thing(operation) && operation.dialect().is_none()) {
        let unknown = someone.naming(operation, &all_named(&someone.names, &random_id())).await.refused(404, "not_found").said();
        for others in [&stranger, &elsewhere] {
            let theirs = Names { user: someone.names.user.clone(), ..others.names.clone() };
            // Named without a user: the stranger's own is of the same tenant, and known.
            let known = std::ptr::eq(others, &stranger) && !operation.path.contains("{user_id}") && operation.is_internal();
            if !known {
                assert_eq!(someone.naming(operation, &theirs).await.said(), unknown, "{} of {}", operation.id, others.user);
            }
        }
        for id in malformed(&someone.names.device) {
            let answer = someone.naming(operation, &all_named(&someone.names, &id)).await;
            assert_eq!(answer.said(), unknown, "{} {id}", operation.id);
        }
        if operation.is_internal() {
            let current = someone.naming(operation, &all_named(&someone.names, "current")).await;
            assert_eq!(current.said(), unknown, "{}: a key has no device and no session", operation.id);
            let foreign = someone.bare(operation, &someone.names).key(&api_key(GLOBEX, Role::Admin));
            assert_eq!(with_body(operation, &someone.names, foreign).await.said(), unknown, "{} by another tenant", operation.id);
        }
    }
    assert_eq!(host.rows().await, rows);
    stranger.caller.get(&format!("/devices/{}", elsewhere.names.device)).await;
}

async fn users_that_are_malformed_or_unknown_are_one(host: Host) {
    let all = each(&host).await;
    let rows = host.rows().await;
    let bad = ["%00", "a%0Ab", "%7F", "%C2%85", ".", "..", "%2E", "%2E%2E", "%FF", "%ED%A0%80", &"a".repeat(256), &"%C3%A9".repeat(128)];
    // A security event makes the account of a user never seen, which a story of its own tells.
    let makes_the_account = |operation: &Operation| operation.id == "report_security_event";
    let of_user = all.iter().filter(|(operation, _)| operation.path.contains("{user_id}") && !makes_the_account(operation));
    for (operation, someone) in of_user {
        let with = |user: &str| {
            let names = Names { user: user.to_owned(), ..someone.names.clone() };
            someone.naming(operation, &names)
        };
        let unknown = with("nobody-ever-seen").await;
        let is_list = operation.method == "GET" && !names_one_thing(operation);
        // Nothing is left to erase of whom nothing is known: done, as often as it is asked.
        let done = operation.id == "erase_user";
        let expected = if is_list {
            200
        } else if done {
            204
        } else {
            404
        };
        assert_eq!(unknown.status, expected, "{}", operation.id);
        for user in bad {
            let answer = with(user).await.refused(404, "not_found");
            if !is_list && !done {
                assert_eq!(answer.said(), unknown.said(), "{} {user}", operation.id);
            }
        }
        if operation.id == "export_user" {
            assert_eq!(unknown.body["held"], json!({}));
        } else if is_list {
            assert_eq!(unknown.body, json!({ "items": [], "next_cursor": null }), "{}", operation.id);
        }
    }
    assert_eq!(host.rows().await, rows);
}

async fn another_tenants_key_sees_nobody(host: Host) {
    let someone = Someone::new(&host, ACME, "ana").await;
    let theirs = host.ask("POST", "/internal/sessions/verify").key(&api_key(GLOBEX, Role::Verify)).json(&json!({ "token": someone.names.token }));
    assert_eq!(theirs.await.expect(200).body, json!({ "active": false, "reason": "unknown" }));
    for list in ["devices", "sessions", "sign-ins", "events"] {
        let seen = host.ask("GET", &format!("/internal/users/ana/{list}")).key(&api_key(GLOBEX, Role::Admin)).await.expect(200);
        assert_eq!(seen.body["items"], json!([]), "{list}");
    }
    let rows = host.rows().await;
    for call in ["activate", "skip"] {
        let asked = host.ask("POST", &format!("/internal/activations/{call}")).key(&api_key(GLOBEX, Role::Host));
        asked.json(&json!({ "activation_token": someone.names.offer })).await.refused(404, "activation_not_found");
    }
    assert_eq!(host.rows().await, rows);
}

async fn user_ids_are_the_hosts_own_to_the_byte(host: Host) {
    let users = [
        ("ana@example.org", "ana@example.org"),
        ("ANA@example.org", "ANA@example.org"),
        ("ü/../%2F?x=1#y", "%C3%BC%2F..%2F%252F%3Fx=1%23y"),
        ("u\u{308}", "u%CC%88"),
        ("ü", "%C3%BC"),
        (" ", "%20"),
        ("+", "+"),
        ("current", "current"),
        ("...", "..."),
        ("'; DROP TABLE account; --", "%27%3B%20DROP%20TABLE%20account%3B%20--"),
    ];
    let longest = "é".repeat(127);
    let encoded = "%C3%A9".repeat(127);
    for (user, in_path) in users.into_iter().chain([(longest.as_str(), encoded.as_str())]) {
        let entered = host.browser(user).enter().await;
        assert_eq!(host.verify(&entered.token).await.body["user_id"], user);
        let listed = host.call("GET", &format!("/internal/users/{in_path}/devices")).await.expect(200);
        assert_eq!(listed.ids(), [entered.device()], "{user}");
        let one = host.call("GET", &format!("/internal/users/{in_path}/devices/{}", entered.device())).await;
        assert_eq!(one.expect(200).body["id"], entered.device());
    }
}
