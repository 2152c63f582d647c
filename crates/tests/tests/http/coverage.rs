//! Coverage by construction: each operation of the description is refused as it must be in each of five tables, with every row left as
//! it was, or the table says here why it has nothing to try.

use std::collections::BTreeSet;

use doorward_domain::Role;
use doorward_tests::host::description::{Operation, operations};
use doorward_tests::host::{ACME, Answer, Ask, GLOBEX, Host, api_key};

use crate::credentials::right;
use crate::operations::{Names, Someone, body_of, each, with_body};

doorward_tests::on_each_engine! {
    every_operation_is_refused_in_every_table,
}

/// What an answer must be.
type Holds = fn(&Operation, &Someone, &Answer) -> bool;

/// Requests that an operation must refuse, and how.
struct Table {
    name: &'static str,
    /// Operations that have nothing to try here, each with the reason.
    exempt: &'static [(&'static str, &'static str)],
    tried: fn(&Operation, &Someone, &Others) -> Vec<(Ask, Holds)>,
}

/// Who isn't the caller: another user of the tenant, and another tenant's.
struct Others {
    stranger: Someone,
    elsewhere: Someone,
}

const TABLES: [Table; 5] = [
    Table { name: "no credentials", exempt: &[], tried: no_credentials },
    Table {
        name: "too low a role",
        exempt: &[
            ("activate_device", NO_KEY),
            ("decline_device", NO_KEY),
            ("end_session", NO_KEY),
            ("end_sessions", NO_KEY),
            ("forget_device", NO_KEY),
            ("forget_other_devices", NO_KEY),
            ("forward_auth", NO_KEY),
            ("forward_auth_of_tenant", NO_KEY),
            ("get_device", NO_KEY),
            ("get_session", NO_KEY),
            ("heartbeat", NO_KEY),
            ("hijack_device", NO_KEY),
            ("list_devices", NO_KEY),
            ("list_events", NO_KEY),
            ("list_sessions", NO_KEY),
            ("rename_device", NO_KEY),
            ("sign_out_device", NO_KEY),
            ("trust_device", NO_KEY),
            ("untrust_device", NO_KEY),
            ("flashback_get_device", NO_KEY),
            ("flashback_heartbeat_device", NO_KEY),
            ("flashback_heartbeat_session", NO_KEY),
            ("flashback_list_devices", NO_KEY),
            ("flashback_list_sessions", NO_KEY),
            ("flashback_remove_device", NO_KEY),
            ("flashback_revoke_session", NO_KEY),
            ("flashback_revoke_sessions", NO_KEY),
            ("flashback_trust_device", NO_KEY),
            ("flashback_untrust_device", NO_KEY),
            ("laravel_forget_device", NO_KEY),
            ("laravel_get_device", NO_KEY),
            ("laravel_hijack_device", NO_KEY),
            ("laravel_list_devices", NO_KEY),
            ("laravel_sign_out_device", NO_KEY),
            ("laravel_verify_device", NO_KEY),
        ],
        tried: too_low_a_role,
    },
    Table {
        name: "another tenant's",
        exempt: &[
            ("forget_other_devices", OWN_ALONE),
            ("end_sessions", OWN_ALONE),
            ("heartbeat", OWN_ALONE),
            ("list_devices", OWN_ALONE),
            ("list_events", OWN_ALONE),
            ("list_sessions", OWN_ALONE),
            ("sign_out_device", OWN_ALONE),
            ("flashback_list_devices", OWN_ALONE),
            ("flashback_list_sessions", OWN_ALONE),
            ("flashback_revoke_sessions", OWN_ALONE),
            ("laravel_list_devices", OWN_ALONE),
            ("laravel_sign_out_device", OWN_ALONE),
        ],
        tried: another_tenants,
    },
    Table {
        name: "another user's ids",
        exempt: &[
            ("create_api_key", "an API key is the tenant's, and no user's"),
            ("list_api_keys", "an API key is the tenant's, and no user's"),
            ("revoke_api_key", "an API key is the tenant's, and no user's"),
            ("rotate_api_key", "an API key is the tenant's, and no user's"),
            ("change_policy", NAMES_NOTHING),
            ("get_policy", NAMES_NOTHING),
            ("end_sessions", OWN_ALONE),
            ("end_user_sessions", NAMES_A_USER),
            ("erase_user", NAMES_A_USER),
            ("evaluate_sign_in", NAMES_A_USER),
            ("export_user", NAMES_A_USER),
            ("forget_other_devices", OWN_ALONE),
            ("forward_auth", BY_TOKEN),
            ("forward_auth_of_tenant", BY_TOKEN),
            ("get_sign_in", "a sign-in is named without its user"),
            ("complete_sign_in", "a sign-in is named without its user"),
            ("heartbeat", OWN_ALONE),
            ("heartbeat_sessions", BY_TOKEN),
            ("introspect", BY_TOKEN),
            ("activate", BY_TOKEN),
            ("decline", BY_TOKEN),
            ("list_devices", OWN_ALONE),
            ("list_events", OWN_ALONE),
            ("list_sessions", OWN_ALONE),
            ("list_user_devices", NAMES_A_USER),
            ("list_user_events", NAMES_A_USER),
            ("list_user_sessions", NAMES_A_USER),
            ("list_user_sign_ins", NAMES_A_USER),
            ("open_session", NAMES_A_USER),
            ("read_feed", "it names nothing, and shows what is the tenant's own"),
            ("report_security_event", NAMES_A_USER),
            ("sign_out_device", OWN_ALONE),
            ("verify_session", BY_TOKEN),
            ("verify_sessions", BY_TOKEN),
            ("flashback_list_devices", OWN_ALONE),
            ("flashback_list_sessions", OWN_ALONE),
            ("flashback_revoke_sessions", OWN_ALONE),
            ("laravel_list_devices", OWN_ALONE),
            ("laravel_sign_out_device", OWN_ALONE),
            ("authms_list_trusted_devices", NAMES_A_USER),
            ("authms_create_trusted_device", NAMES_A_USER),
            ("authms_delete_trusted_device", "it names a device by the host's own value, beside its user"),
        ],
        tried: another_users_ids,
    },
    Table {
        name: "malformed body",
        exempt: &[
            ("export_user", NO_BODY),
            ("forward_auth", NO_BODY),
            ("forward_auth_of_tenant", NO_BODY),
            ("get_device", NO_BODY),
            ("get_policy", NO_BODY),
            ("get_session", NO_BODY),
            ("get_sign_in", NO_BODY),
            ("get_user_device", NO_BODY),
            ("list_api_keys", NO_BODY),
            ("list_devices", NO_BODY),
            ("list_events", NO_BODY),
            ("list_sessions", NO_BODY),
            ("list_user_devices", NO_BODY),
            ("list_user_events", NO_BODY),
            ("list_user_sessions", NO_BODY),
            ("list_user_sign_ins", NO_BODY),
            ("read_feed", NO_BODY),
            ("flashback_get_device", NO_BODY),
            ("flashback_list_devices", NO_BODY),
            ("flashback_list_sessions", NO_BODY),
            ("laravel_get_device", NO_BODY),
            ("laravel_list_devices", NO_BODY),
            ("authms_list_trusted_devices", NO_BODY),
        ],
        tried: malformed_body,
    },
];

const NO_KEY: &str = "it is called with the person's own token";
const OWN_ALONE: &str = "it names nothing, and acts on what is the caller's own";
const NAMES_A_USER: &str = "it names a user and nothing of one";
const BY_TOKEN: &str = "what it names is a token, which proves itself";
const NAMES_NOTHING: &str = "it names nothing, and is of the key's own tenant";
const NO_BODY: &str = "it takes no body";

async fn every_operation_is_refused_in_every_table(host: Host) {
    let all = each(&host).await;
    let others = Others { stranger: Someone::new(&host, ACME, "stranger").await, elsewhere: Someone::new(&host, GLOBEX, "elsewhere").await };
    host.pass_s(100);
    let rows = host.rows().await;
    let mut faults = vec![];
    for table in &TABLES {
        for (operation, someone) in &all {
            let exempt = table.exempt.iter().any(|(id, _)| *id == operation.id);
            let tried = (table.tried)(operation, someone, &others);
            if tried.is_empty() != exempt {
                let fault = if exempt { "is exempt, though there is something to try" } else { "is missing" };
                faults.push(format!("{}: {} {fault}", table.name, operation.id));
            }
            for (number, (asked, holds)) in tried.into_iter().enumerate() {
                let answer = asked.await;
                if !holds(operation, someone, &answer) {
                    faults.push(format!("{}: {}, request {number}: {} {}", table.name, operation.id, answer.status, answer.text));
                }
            }
            if host.rows().await != rows {
                faults.push(format!("{}: {} changed a row", table.name, operation.id));
                break;
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn what_is_exempt_is_an_operation_and_says_why() {
    let known: BTreeSet<&str> = operations().iter().map(|operation| operation.id).collect();
    for table in &TABLES {
        let listed: BTreeSet<&str> = table.exempt.iter().map(|(id, _)| *id).collect();
        assert_eq!(listed.len(), table.exempt.len(), "{}: listed once", table.name);
        let gone: Vec<_> = listed.difference(&known).collect();
        assert!(gone.is_empty(), "{}: {gone:?} are no operations", table.name);
        assert!(table.exempt.iter().all(|(_, why)| !why.is_empty()));
    }
}

fn is_unauthenticated(_: &Operation, _: &Someone, answer: &Answer) -> bool {
    answer.is_refusal(401, "unauthenticated")
}

fn is_role_too_low(_: &Operation, _: &Someone, answer: &Answer) -> bool {
    answer.is_refusal(403, "role_too_low")
}

fn is_unreadable(_: &Operation, _: &Someone, answer: &Answer) -> bool {
    answer.is_refusal(400, "invalid_request")
}

fn is_not_found(_: &Operation, _: &Someone, answer: &Answer) -> bool {
    answer.is_refusal(404, "not_found") || answer.is_refusal(404, "activation_not_found")
}

/// Refused, or an answer in which nothing of them shows: an erasure is done where nothing is held, and changes no row.
fn tells_nothing(_: &Operation, someone: &Someone, answer: &Answer) -> bool {
    let mut body = answer.body.clone();
    // The path that was asked for.
    body.as_object_mut().map(|members| members.remove("instance"));
    let (shown, names) = (body.to_string(), &someone.names);
    let headers = format!("{:?}", answer.headers);
    let tells = [&names.device, &names.session, &names.sign_in, &someone.caller.session(), &someone.caller.device()]
        .map(|id| shown.contains(id) || headers.contains(id));
    matches!(answer.status, 200 | 204 | 401 | 404) && !tells.contains(&true) && body["active"] != true && !shown.contains("\"ok\":true")
}

fn no_credentials(operation: &Operation, someone: &Someone, _: &Others) -> Vec<(Ask, Holds)> {
    let whole = || with_body(operation, &someone.names, someone.bare(operation, &someone.names));
    let other = if operation.is_internal() { whole().bearer(&someone.caller.token) } else { whole().by(Role::Admin) };
    vec![(whole(), is_unauthenticated), (other, is_unauthenticated)]
}

fn too_low_a_role(operation: &Operation, someone: &Someone, _: &Others) -> Vec<(Ask, Holds)> {
    if !operation.is_internal() {
        return vec![];
    }
    let low = Role::ALL.iter().filter(|role| !role.may(right(operation)));
    low.map(|&role| (with_body(operation, &someone.names, someone.bare(operation, &someone.names)).by(role), is_role_too_low as Holds)).collect()
}

fn another_tenants(operation: &Operation, someone: &Someone, others: &Others) -> Vec<(Ask, Holds)> {
    let whole = || with_body(operation, &someone.names, someone.bare(operation, &someone.names));
    let mut tried: Vec<(Ask, Holds)> = vec![];
    if operation.is_internal() {
        // A key of this tenant that says it acts in the other, and the reverse.
        tried.push((whole().by(Role::Admin).tenant(GLOBEX), is_unauthenticated));
        tried.push((whole().key(&api_key(GLOBEX, Role::Admin)).tenant(ACME), is_unauthenticated));
        if !ACTS_IN_ITS_KEYS_TENANT.contains(&operation.id) {
            tried.push((whole().key(&api_key(GLOBEX, Role::Admin)), tells_nothing));
        }
    } else if operation.path.starts_with("/internal/") {
        tried.push((whole().bearer(&others.elsewhere.caller.token), is_unauthenticated));
    } else if names_something(operation, &someone.names) {
        tried.push((whole().bearer(&others.elsewhere.caller.token), is_not_found));
    }
    tried
}

/// What makes something of the key's own tenant, whatever it names: there is nothing foreign in it.
const ACTS_IN_ITS_KEYS_TENANT: [&str; 6] = ["evaluate_sign_in", "open_session", "report_security_event", "create_api_key", "get_policy", "change_policy"];

fn another_users_ids(operation: &Operation, someone: &Someone, others: &Others) -> Vec<(Ask, Holds)> {
    let by_token = operation.is_internal() && !operation.path.contains("{user_id}");
    if by_token || !names_something(operation, &someone.names) {
        return vec![];
    }
    let of = |other: &Someone| Names { user: someone.names.user.clone(), ..other.names.clone() };
    [&others.stranger, &others.elsewhere].map(|other| (someone.naming(operation, &of(other)), is_not_found as Holds)).into()
}

/// Whether a request names a thing of a user's: by id in its path, by the token of an offer or by a fingerprint.
fn names_something(operation: &Operation, names: &Names) -> bool {
    operation.path.contains("{id}")
        || operation.path.contains("{uuid}")
        || body_of(operation, names).is_some_and(|body| body.get("activation_token").or_else(|| body.get("fingerprint")).is_some())
}

fn malformed_body(operation: &Operation, someone: &Someone, _: &Others) -> Vec<(Ask, Holds)> {
    if operation.method == "GET" {
        return vec![];
    }
    let asked = || someone.credentialled(operation, someone.bare(operation, &someone.names));
    if operation.takes_form() {
        return ["", "token=a&token=b", "{\"token\":\"a\"}"].map(|form| (asked().form(form), is_unreadable as Holds)).into();
    }
    let bodies = ["{", "\u{0}", "{}{}", "[]", "null", "{\"surplus\":1}", "{\"a\":1e999}"];
    // A dialect takes what it doesn't know.
    let bodies = if operation.dialect().is_some() { &bodies[..3] } else { &bodies };
    bodies.iter().map(|&body| (asked().header("content-type", "application/json").bytes(body), is_unreadable as Holds)).collect()
}
