//! Writes `docs/events.md` from the closed list of events; a test holds the file to it.

use std::fmt::Write as _;

use doorward_domain::EventKind;

/// The whole of `docs/events.md`.
fn events_page() -> String {
    let mut page = String::from(HEAD);
    for (of_user, heading) in [(true, TRAIL_OF_USER), (false, TRAIL_OF_TENANT)] {
        page.push_str(heading);
        for kind in EventKind::ALL.iter().filter(|kind| kind.entry().of_user == of_user) {
            let entry = kind.entry();
            let names = entry.names.iter().map(|name| format!("`{name}`"));
            let names = names.chain(entry.cause.then(|| "`cause`".to_owned())).collect::<Vec<_>>().join(", ");
            let data = entry.data.iter().map(|(name, meaning)| format!("`{name}`: {meaning}")).collect::<Vec<_>>().join("; ");
            let row = writeln!(page, "| `{}` | {} | {} | {names} | {data} |", kind.as_str(), kind.code(), entry.when);
            row.expect("a String takes what is written");
        }
    }
    page
}

const HEAD: &str = "\
<!-- Made from crates/domain/src/event_sheet.rs: UPDATE_DOCS=1 cargo test -p doorward-api events_page -->

# Events

What Doorward did, past tense, each in the same commit as the change. The list is closed: a type, once published, is
never changed and never used for something else. New ones may come; a reader skips types that it doesn't know.

| member | meaning |
|---|---|
| `id` | the event's own id, a UUIDv7: whoever reads the feed twice tells by it what it has |
| `type` | what happened, as below |
| `at` | when |
| `actor` | who did it: `user:<session>`, `key:<API key>`, `key:<API key>:<human>`, `system`, or `system:<human>` by a command; to the person a key is `host`, and no human is named |
| `cause` | why, where the type alone doesn't say: a cause of [api.md](api.md#causes) |
| `user_id` | whose it is; null if it is the tenant's own, or the person was erased |
| `device_id`, `session_id`, `sign_in_id` | what it is about, or null |
| `data` | details by name, as below; never a secret. Empty once the person was erased |

Three lists show them: a person's own (`GET /api/v1/events`), an operator's view of it
(`GET /internal/users/{user_id}/events`), both newest first, and the tenant's feed (`GET /internal/events`), oldest
first. Lapsing is no event: trust that expires and sessions that idle or expire write none.

The code is what the database holds for the type.
";

const TRAIL_OF_USER: &str = "
## Of a user

| type | code | written when | may name | `data` |
|---|---|---|---|---|
";

const TRAIL_OF_TENANT: &str = "
## Of the tenant

In the feed alone, with `user_id` null.

| type | code | written when | may name | `data` |
|---|---|---|---|---|
";

#[test]
fn events_page_is_as_the_list_has_it() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/events.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, events_page()).expect("docs/events.md can be written");
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(kept == events_page(), "docs/events.md differs from the list: run the test with UPDATE_DOCS=1");
}
