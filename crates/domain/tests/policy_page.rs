//! Writes `docs/policy.md` from the rules' own table; a test holds the file to it.

use std::fmt::Write as _;

use doorward_domain::{Leeway, Policy, Preset, Rule, SecurityEvent};

const HEAD: &str = "\
<!-- Made from crates/domain/src/rules.rs: UPDATE_DOCS=1 cargo test -p doorward-domain --test policy_page -->

# Policy

A policy is a tenant's rules: how long trust and sessions last, what gives trust, what each security event ends. It has a
preset, and may be stricter than its preset in any rule. `custom` takes any rules that are valid.

- `GET /internal/policy` reads it, `PUT /internal/policy` changes it: some of the rules, or another preset with or without
  some, or the whole as it was read. A preset begins anew: of the rules before, none stays but what is sent with it;
  `custom` goes on from the rules in force. What is out of bounds, contradictory or looser than the preset is 400, each fault
  named.
- `?dry_run=true` answers what would change, and what it would do to what was begun before.
- A change that names the `revision` it was made for is refused if another came since (409 `policy_overtaken`). Without it,
  the last change wins.
- `doorward policy show`, `set`, `presets` and `explain` do the same at the command line.
- Each change is one event, `policy.changed`, in the tenant's own trail: who, when, and each rule with its old and new value.

A policy is judged at each use. A stricter one holds at the next use of whatever was begun under a looser one, and nothing is
written to the rows of users. A looser one brings nothing back: what was over under a policy before it was replaced stays over,
and nothing that was begun before is prolonged.

## Presets

`nist-aal1`, `nist-aal2` and `nist-aal3` follow SP 800-63B-4 (§2.1.3, §2.2.3, §2.3.3): their sessions end after 30 days; after 24
hours, or one hour of silence; after 12 hours, or 15 minutes of silence. Under `nist-aal2` and `nist-aal3` device trust never
replaces the second factor at a sign-in (§5.1): no trust can be given, and choosing one ends the live sessions that had skipped
it. Periods are in seconds.

";

const ROWS: &str = "\
## Rows of the table of security events

[guarantees.md](guarantees.md#1-what-each-security-event-ends) has the table. `on_security_event` changes rows of it, for example
`{\"email_changed\": {\"ends_trust\": false}, \"password_changed\": {\"ends_sessions\": \"all\"}}`. Sign-ins in progress are cancelled
whatever the row says, and a session that is kept loses its second factor's freshness.

| event | may be made |
|---|---|
";

fn page() -> String {
    let mut page = String::from(HEAD);
    let own: Vec<Preset> = Preset::ALL.iter().copied().filter(|preset| *preset != Preset::Custom).collect();
    let names = own.iter().map(|preset| format!(" `{preset}` |")).collect::<String>();
    writeln!(page, "| rule |{names}\n|---|{}", "---|".repeat(own.len())).expect("a String takes what is written");
    for rule in Rule::ALL {
        let values = own.iter().map(|preset| format!(" {} |", shown(&rule.value(Policy::preset(*preset).rules())))).collect::<String>();
        writeln!(page, "| [`{0}`](#{0}) |{values}", rule.name).expect("a String takes what is written");
    }
    page.push_str("\n## Rules\n");
    for rule in Rule::ALL {
        let held = if rule.held_by_presets { "; a preset's own value is the loosest" } else { "" };
        let made = if rule.stricter == doorward_domain::Stricter::Neither { "Changed" } else { "Made stricter" };
        let section = write!(
            page,
            "\n### {}\n\n{}\n\n{}; {}{held}. **{made}:** {}\n",
            rule.name,
            rule.explanation(),
            capital(&rule.form()),
            rule.direction(),
            rule.effect
        );
        section.expect("a String takes what is written");
    }
    page.push('\n');
    page.push_str(ROWS);
    for event in SecurityEvent::ALL {
        let may = match event.leeway() {
            Leeway::Fixed => "neither",
            Leeway::StricterOnly => "stricter",
            Leeway::Free => "stricter and looser",
        };
        writeln!(page, "| `{event}` | {may} |").expect("a String takes what is written");
    }
    page
}

fn shown(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Bool(true) => "yes".to_owned(),
        serde_json::Value::Bool(false) => "no".to_owned(),
        serde_json::Value::Array(words) => words.iter().filter_map(serde_json::Value::as_str).collect::<Vec<_>>().join(", "),
        serde_json::Value::Object(rows) if rows.is_empty() => "the table's".to_owned(),
        serde_json::Value::String(word) => word.clone(),
        value => value.to_string(),
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[test]
fn the_policy_page_is_as_the_rules_have_it() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/policy.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, page()).expect("docs/policy.md can be written");
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(kept == page(), "docs/policy.md differs from the rules: run the test with UPDATE_DOCS=1");
}
