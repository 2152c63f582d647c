//! Paths and methods: what isn't there is 404, what is there for other methods is 405, and listeners keep to their own.

use std::collections::{BTreeMap, BTreeSet};

use doorward_tests::host::{ACME, Door, Host};

use crate::operations::{Someone, path_of};
use doorward_tests::host::description::operations;

doorward_tests::on_each_engine! {
    other_methods_are_refused_and_the_good_ones_named,
    what_isnt_there_is_not_found_whoever_asks,
    each_listener_serves_its_own,
    head_answers_as_get_without_a_body,
}

async fn other_methods_are_refused_and_the_good_ones_named(host: Host) {
    let someone = Someone::new(&host, ACME, "ana").await;
    let mut paths: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for operation in operations() {
        let path = path_of(&operation, &someone.names, ACME);
        paths.entry(path).or_default().insert(operation.method);
    }
    for name in ["devices", "sessions"] {
        paths.insert(format!("/api/v1/{name}/"), paths[&format!("/api/v1/{name}")].clone());
    }
    let rows = host.rows().await;
    for (path, methods) in &paths {
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY", "BREW"] {
            let taken = methods.contains(method) || (method == "HEAD" && methods.contains("GET"));
            if taken {
                continue;
            }
            // A word of a fixed path may fit as an id of another: then that path's methods count.
            let answer = host.ask(method, path).await;
            assert_eq!(answer.status, 405, "{method} {path}: {}", answer.text);
            let allowed: BTreeSet<&str> = answer.header("allow").expect("Allow").split(',').map(str::trim).filter(|method| *method != "HEAD").collect();
            assert_eq!(allowed, *methods, "{method} {path}");
        }
    }
    assert_eq!(host.rows().await, rows);
}

async fn what_isnt_there_is_not_found_whoever_asks(host: Host) {
    let someone = Someone::new(&host, ACME, "ana").await;
    let (device, session) = (&someone.names.device, &someone.names.session);
    let nothing = [
        "/".to_owned(),
        "/api".to_owned(),
        "/api/v1".to_owned(),
        "/api/v2/devices".to_owned(),
        "/api/v1/device".to_owned(),
        "/API/v1/devices".to_owned(),
        "//api/v1/devices".to_owned(),
        "/api/v1/devices/current/".to_owned(),
        format!("/api/v1/devices/{device}/steal"),
        format!("/api/v1/devices/{device}/trust/now"),
        format!("/api/v1/sessions/{session}/heartbeat/x"),
        "/api/v1/users".to_owned(),
        "/internal".to_owned(),
        "/internal/".to_owned(),
        "/internal/users".to_owned(),
        "/internal/users/ana/".to_owned(),
        "/internal/users/a/b/devices".to_owned(),
        "/internal/sign-ins/".to_owned(),
        "/internal/sessions/verify/".to_owned(),
        "/%69nternal/sign-ins".to_owned(),
        "/../etc/passwd".to_owned(),
        "/.env".to_owned(),
    ];
    for path in &nothing {
        for method in ["GET", "POST", "DELETE"] {
            let anonymous = host.ask(method, path).await.refused(404, "not_found");
            let known = host.call(method, path).bearer(&someone.names.token).await;
            assert_eq!(known.said(), anonymous.said(), "{method} {path}");
        }
    }
}

async fn each_listener_serves_its_own(host: Host) {
    let someone = Someone::new(&host, ACME, "ana").await;
    for operation in operations() {
        let is_public = !["/internal/", "/oauth2/"].iter().any(|start| operation.path.starts_with(start));
        let (own, other) = if is_public { (Door::Public, Door::Internal) } else { (Door::Internal, Door::Public) };
        let bare = || someone.bare(&operation, &someone.names);
        bare().through(own).await.refused(401, "unauthenticated");
        someone.credentialled(&operation, bare()).through(other).await.refused(404, "not_found");
    }
    for page in ["/openapi.json", "/docs/"] {
        host.ask("GET", page).through(Door::Public).await.expect(200);
        host.ask("GET", page).through(Door::Internal).await.refused(404, "not_found");
    }
    for door in [Door::All, Door::Public, Door::Internal] {
        let page = host.ask("GET", "/problems/mfa_required").through(door).await.expect(200);
        assert!(page.header("content-type").is_some_and(|kind| kind.starts_with("text/html")));
        host.ask("GET", "/problems/no_such_problem").through(door).await.refused(404, "not_found");
    }
}

async fn head_answers_as_get_without_a_body(host: Host) {
    let someone = Someone::new(&host, ACME, "ana").await;
    let head = someone.caller.ask("HEAD", "/devices").await;
    assert_eq!((head.status, head.text.as_str()), (200, ""));
    assert_eq!(head.header("content-type"), Some("application/json"));
}
