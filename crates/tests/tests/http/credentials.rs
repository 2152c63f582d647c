//! Who may call: no credentials, wrong ones, another tenant's, too low a role, for every operation.

use std::collections::BTreeMap;

use doorward_api::Dialect;
use doorward_domain::{Right, Role};
use doorward_tests::host::description::Operation;
use doorward_tests::host::{ACME, Answer, GLOBEX, Host, api_key};

use crate::operations::{Someone, each};

doorward_tests::on_each_engine! {
    no_operation_answers_without_credentials,
    wrong_api_keys_are_all_one,
    wrong_access_tokens_are_all_one,
    a_key_acts_in_its_own_tenant_alone,
    each_role_may_what_the_description_says_and_nothing_else,
    the_human_behind_a_call_has_a_short_visible_name,
    keys_that_have_ended_are_unknown,
}

fn unauthenticated(operation: &Operation, answer: Answer, case: &str) {
    let challenge = answer.header("www-authenticate").unwrap_or_default().to_owned();
    assert_eq!(answer.status, 401, "{} with {case}: {}", operation.id, answer.text);
    let scheme = match (operation.is_internal(), operation.takes_form()) {
        (true, false) => "ApiKey",
        // An OAuth client is told what OAuth clients know.
        (true, true) => "Basic",
        (false, _) => "Bearer",
    };
    assert!(challenge.starts_with(scheme), "{} with {case}: {challenge}", operation.id);
    answer.refused(401, "unauthenticated");
}

async fn no_operation_answers_without_credentials(host: Host) {
    let all = each(&host).await;
    let rows = host.rows().await;
    for (operation, someone) in &all {
        let bare = || someone.bare(operation, &someone.names);
        unauthenticated(operation, bare().await, "nothing");
        let other = if operation.is_internal() { bare().bearer(&someone.caller.token) } else { bare().key(&api_key(ACME, Role::Admin)) };
        unauthenticated(operation, other.await, "the other surface's credential");
        unauthenticated(operation, bare().header("authorization", "").header("x-api-key", "").await, "empty headers");
        // The order of refusals: who calls comes before what is said.
        unauthenticated(operation, bare().bytes("{").await, "a broken body");
        unauthenticated(operation, bare().bytes(vec![b' '; 70_000]).await, "a body that is too large");
        unauthenticated(operation, bare().query("unknown=1").await, "an unknown parameter");
    }
    assert_eq!(host.rows().await, rows);
}

async fn wrong_api_keys_are_all_one(host: Host) {
    let all = each(&host).await;
    let good = api_key(ACME, Role::Admin);
    let wrong = [
        "x".to_owned(),
        "dwk_".to_owned(),
        good[..good.len() - 1].to_owned(),
        format!("{good}x"),
        format!("{good}, {good}"),
        good.to_uppercase(),
        "é".repeat(40),
        "k".repeat(8_000),
        host.browser("ana").enter().await.token,
    ];
    let rows = host.rows().await;
    let mut said = None;
    for (operation, someone) in all.iter().filter(|(operation, _)| operation.is_internal()) {
        for key in &wrong {
            let answer = someone.bare(operation, &someone.names).key(key).await;
            unauthenticated(operation, answer.clone(), key);
            let (status, _, body) = answer.said();
            assert_eq!(*said.get_or_insert_with(|| (status, body.clone())), (status, body), "{} {key}", operation.id);
        }
        let twice = someone.bare(operation, &someone.names).key(&good).key(&good).await;
        unauthenticated(operation, twice, "the key twice");
    }
    assert_eq!(host.rows().await, rows);
}

async fn wrong_access_tokens_are_all_one(host: Host) {
    let all = each(&host).await;
    let mut gone = vec![];
    for ending in ["DELETE /sessions/current", "DELETE /sessions", "POST /devices/signout", "POST /devices/current/hijack", "DELETE /devices/current"] {
        let session = host.browser("gone").enter().await;
        let (method, path) = ending.split_once(' ').expect("a method");
        assert!(session.ask(method, path).await.status < 300);
        gone.push(session.token);
    }
    let live = host.browser("ana").enter().await;
    let mut typo = live.token.clone();
    typo.replace_range(50..51, if &typo[50..51] == "A" { "B" } else { "A" });
    let wrong = [typo, live.answer.text_at("/device_token"), live.offer(), api_key(ACME, Role::Admin), "x".to_owned(), format!("dws_{}", "A".repeat(94))];
    let rows = host.rows().await;
    let mut said = BTreeMap::new();
    for (operation, someone) in all.iter().filter(|(operation, _)| !operation.is_internal()) {
        for token in gone.iter().chain(&wrong) {
            let bare = || someone.bare(operation, &someone.names).bearer(token);
            let answer = bare().await;
            unauthenticated(operation, answer.clone(), token);
            let by_surface = said.entry(operation.dialect().map(Dialect::name)).or_insert_with(|| answer.said());
            assert_eq!(*by_surface, answer.said(), "{}", operation.id);
            // A dead token is told before anything else of the request is read.
            unauthenticated(operation, bare().query("unknown=1").await, "an unknown parameter");
            unauthenticated(operation, bare().header("content-type", "application/json").bytes("[").await, "a broken body");
        }
        let malformed = crate::operations::Names { device: "x".into(), session: "x".into(), ..someone.names.clone() };
        unauthenticated(operation, someone.bare(operation, &malformed).bearer(&gone[0]).await, "a malformed id");
        let bare = || someone.bare(operation, &someone.names);
        let token = &someone.caller.token;
        unauthenticated(operation, bare().bearer(token).bearer(token).await, "the token twice");
        for header in [token.clone(), format!("Basic {token}"), format!("Bearer{token}"), format!("Bearer {token} {token}"), "Bearer".to_owned()] {
            unauthenticated(operation, bare().header("authorization", &header).await, &header);
        }
    }
    assert_eq!(host.rows().await, rows);
    let session = live.get("/sessions/current").await.expect(200);
    for scheme in ["bearer", "BEARER"] {
        let spelled = host.ask("GET", "/api/v1/sessions/current").header("authorization", &format!("{scheme}  {}", live.token));
        assert_eq!(spelled.await.expect(200).body, session.body);
    }
}

async fn a_key_acts_in_its_own_tenant_alone(host: Host) {
    let all = each(&host).await;
    let rows = host.rows().await;
    for (operation, someone) in all.iter().filter(|(operation, _)| operation.is_internal()) {
        let asked = || someone.naming(operation, &someone.names);
        for tenant in [GLOBEX, "", "ACME", "acme ", "nobody", "acme,globex"] {
            let answer = asked().tenant(tenant).await;
            // Where a tenant must be named, none is named by nothing.
            if tenant.is_empty() && operation.dialect().is_some() {
                answer.refused(400, "invalid_request");
            } else {
                unauthenticated(operation, answer, tenant);
            }
        }
        unauthenticated(operation, asked().tenant(ACME).header("x-tenant-id", ACME).await, "the tenant twice");
    }
    assert_eq!(host.rows().await, rows);
    for (operation, someone) in all.iter().filter(|(operation, _)| operation.is_internal()) {
        let answer = someone.good(operation).await.tenant(ACME).await;
        assert!(answer.status < 300, "{}: {}", operation.id, answer.text);
    }
}

/// What the least role says an operation needs.
pub(crate) fn right(operation: &Operation) -> Right {
    let least = operation.said["x-doorward-role"].as_str().unwrap_or_else(|| panic!("{} says no role", operation.id));
    let fitting = Right::ALL.iter().find(|right| right.least_role().as_str() == least);
    *fitting.unwrap_or_else(|| panic!("{}: {least} is no role", operation.id))
}

async fn each_role_may_what_the_description_says_and_nothing_else(host: Host) {
    let all = each(&host).await;
    let internal = || all.iter().filter(|(operation, _)| operation.is_internal());
    let rows = host.rows().await;
    for (operation, someone) in internal() {
        for &role in Role::ALL.iter().filter(|role| !role.may(right(operation))) {
            let asked = || someone.bare(operation, &someone.names).by(role);
            let refused = asked().await;
            assert_eq!(refused.status, 403, "{} by {role}: {}", operation.id, refused.text);
            refused.refused(403, "role_too_low");
            // The order of refusals: what the key may comes before what is said, and before what there is.
            asked().header("content-type", "application/json").bytes("{").await.refused(403, "role_too_low");
            asked().query("unknown=1").await.refused(403, "role_too_low");
            asked().header("x-doorward-actor", "").await.refused(403, "role_too_low");
            let unknown = crate::operations::Names { device: "x".into(), session: "x".into(), sign_in: "x".into(), ..someone.names.clone() };
            someone.bare(operation, &unknown).by(role).await.refused(403, "role_too_low");
        }
    }
    assert_eq!(host.rows().await, rows);
    for (operation, _) in internal() {
        for &role in Role::ALL.iter().filter(|role| role.may(right(operation))) {
            let someone = Someone::new(&host, ACME, &format!("{}-{role}", operation.id)).await;
            let names = someone.names.clone();
            drop(someone.good(operation).await);
            let answer = crate::operations::with_body(operation, &names, someone.bare(operation, &names).by(role)).await;
            assert!(answer.status < 300, "{} by {role}: {}", operation.id, answer.text);
        }
    }
}

async fn the_human_behind_a_call_has_a_short_visible_name(host: Host) {
    let someone = Someone::new(&host, ACME, "ana").await;
    let path = format!("/internal/users/ana/devices/{}/untrust", someone.names.device);
    let rows = host.rows().await;
    for bad in ["", &"x".repeat(101), &"é".repeat(101)] {
        let refused = host.call("POST", &path).header("x-doorward-actor", bad).await.refused(400, "invalid_request");
        assert_eq!(refused.text_at("/errors/0/field"), "X-Doorward-Actor");
    }
    host.call("POST", &path).header("x-doorward-actor", "a").header("x-doorward-actor", "b").await.refused(400, "invalid_request");
    assert_eq!(host.rows().await, rows);
    let longest = "é".repeat(100);
    host.call("DELETE", "/internal/users/ana/sessions").header("x-doorward-actor", &longest).await.expect(200);
    let newest = host.call("GET", "/internal/users/ana/events").query("limit=1").await;
    assert!(newest.text_at("/items/0/actor").ends_with(&format!(":{longest}")));
}

async fn keys_that_have_ended_are_unknown(host: Host) {
    let now = host.now();
    host.add_key("dwk_that-expires-in-a-minute-0123456789", |key| key.expires_at = Some(now.plus_s(60))).await;
    host.add_key("dwk_that-was-revoked-before-0123456789", |key| key.revoked_at = Some(now)).await;
    let list = |key: &'static str| host.ask("GET", "/internal/users/ana/devices").key(key);
    list("dwk_that-was-revoked-before-0123456789").await.refused(401, "unauthenticated");
    list("dwk_that-expires-in-a-minute-0123456789").await.expect(200);
    host.at(doorward_tests::just_before(now.plus_s(60)));
    list("dwk_that-expires-in-a-minute-0123456789").await.expect(200);
    host.at(now.plus_s(60));
    list("dwk_that-expires-in-a-minute-0123456789").await.refused(401, "unauthenticated");
}
