//! Exports of a person: everything that is held, by the tables' own descriptions, and no secret.

use std::collections::BTreeSet;

use doorward_domain::Role;
use doorward_service::UNTOLD;
use doorward_store::row::{Scope, Table};
use doorward_store::tables;
use doorward_tests::host::{GLOBEX, Host, api_key};
use serde_json::{Value, json};

doorward_tests::on_each_engine! {
    an_export_holds_every_row_and_column_and_no_secret,
    an_export_is_for_who_may_end_and_tells_nothing_of_others,
}

/// The tables of which an account has rows.
fn of_accounts() -> Vec<&'static Table> {
    tables().into_iter().filter(|table| table.scope == Scope::Account || table.name == "account").collect()
}

/// A life that leaves a row in every one of them.
async fn live(host: &Host) {
    let mut laptop = host.browser("ana").looking(&json!({
        "ip": "203.0.113.77",
        "user_agent": "canary-agent/1.0",
        "client_hints": { "Sec-CH-UA-Platform": "\"canary-platform\"" },
        "device_info": { "type": "tablet", "model": "canary-model" },
    }));
    let words = json!({
        "mfa": { "method": "totp" }, "device_name": "canary-name", "device_metadata": { "note": "canary-metadata" }, "external_session_id": "canary-session",
    });
    let opened = laptop.enter_with(&words).await;
    laptop.activate(&opened.offer()).await.expect(200);
    host.pass_s(100);
    opened.post("/sessions/current/heartbeat").await.expect(200);
    let tablet = host.browser("ana").enter().await;
    host.call("DELETE", &format!("/internal/users/ana/devices/{}", tablet.device())).await.expect(204);
    let event = json!({ "type": "email_changed", "event_id": "canary-event" });
    host.call("POST", "/internal/users/ana/security-events").json(&event).await.expect(200);
}

async fn an_export_holds_every_row_and_column_and_no_secret(host: Host) {
    live(&host).await;
    host.browser("ben").enter().await;
    let rows = host.rows().await;
    let export = host.call("GET", "/internal/users/ana/export").await.expect(200);
    assert_eq!((&export.body["tenant_id"], &export.body["user_id"]), (&json!("acme"), &json!("ana")));
    let held = export.body["held"].as_object().expect("an object");
    assert_eq!(held.keys().map(String::as_str).collect::<BTreeSet<_>>(), of_accounts().iter().map(|table| table.name).collect());
    let account = held["account"][0]["id"].as_str().expect("an id").replace('-', "");
    for table in of_accounts() {
        let told = held[table.name].as_array().expect("a list");
        let there = rows.iter().filter(|row| row.starts_with(&format!("{}: ", table.name)) && row.to_lowercase().contains(&account)).count();
        assert!(there > 0 && told.len() == there, "{}: {there} rows are held and {} told", table.name, told.len());
        let columns: BTreeSet<&str> = table.columns.iter().map(|column| column.name).filter(|name| !UNTOLD.contains(name)).collect();
        for row in told {
            let named: BTreeSet<&str> = row.as_object().expect("an object").keys().map(String::as_str).collect();
            assert_eq!(named, columns, "{}: a column is told, or named with its reason among those that aren't", table.name);
        }
    }
    for canary in ["203.0.113.77", "canary-agent/1.0", "canary-platform", "canary-model", "canary-name", "canary-metadata", "canary-session", "canary-event"] {
        assert!(export.text.contains(canary), "{canary}");
    }
    for word in ["account.created", "email_changed", "activated", "completed", "challenge", "totp"] {
        assert!(export.text.contains(&format!("\"{word}\"")), "{word}: codes are told in words");
    }
    assert!(held["session"][0]["created_at"].as_str().is_some_and(|at| at.ends_with('Z')) && held["session"][0]["skipped_factor"].is_boolean());
    for secret in host.revealed() {
        assert!(!export.text.contains(&secret), "a secret is told");
    }
    assert!(!export.text.contains("\"ben\""), "and nothing of anybody else");
}

async fn an_export_is_for_who_may_end_and_tells_nothing_of_others(host: Host) {
    live(&host).await;
    let path = "/internal/users/ana/export";
    for role in [Role::Verify, Role::Viewer] {
        host.ask("GET", path).by(role).await.refused(403, "role_too_low");
    }
    host.ask("GET", path).by(Role::Operator).await.expect(200);
    let nobody = |body: &Value| body["held"] == json!({});
    assert!(nobody(&host.call("GET", "/internal/users/never-seen/export").await.expect(200).body));
    assert!(nobody(&host.ask("GET", path).key(&api_key(GLOBEX, Role::Admin)).await.expect(200).body));
    host.call("DELETE", "/internal/users/ana").await.expect(204);
    assert!(nobody(&host.call("GET", path).await.expect(200).body), "nothing is held of who was erased");
}

/// The table of docs/data-protection.md says of each table which columns are sealed and which are never told, as the descriptions do.
#[test]
fn the_page_describes_every_table_as_it_is() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/data-protection.md")).expect("the page");
    let listed = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<BTreeSet<_>>();
    let mut told: Vec<&str> = vec![];
    for table in tables() {
        let begin = format!("| `{}` |", table.name);
        let row = page.lines().find(|line| line.starts_with(&begin)).unwrap_or_else(|| panic!("{} is not on the page", table.name));
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [_, what, sealed, untold, kept] = cells[..] else { panic!("{row}: five cells") };
        let names = |which: fn(&doorward_store::row::Column) -> bool| table.columns.iter().filter(|c| which(c)).map(|c| c.name.to_owned()).collect();
        assert_eq!(listed(sealed), names(|column| column.private), "{}: what is sealed", table.name);
        let expected: BTreeSet<String> =
            if of_accounts().iter().any(|of| of.name == table.name) { names(|column| UNTOLD.contains(&column.name)) } else { BTreeSet::new() };
        assert_eq!(listed(untold), expected, "{}: what isn't told", table.name);
        assert!(!what.is_empty() && !kept.is_empty(), "{row}");
        told.push(table.name);
    }
    let rows = page.lines().filter(|line| line.starts_with("| `") && line.matches('|').count() == 6).count();
    assert_eq!(rows, told.len(), "each table once, and no other");
}
