//! The description: sound in itself, served as it is, and true of the router. Every story's answers are held to it besides.

use std::collections::BTreeSet;

use doorward_api::Dialects;
use doorward_domain::{Reason, Role};
use doorward_tests::host::description::{accepts, description, faults, operations, request_schema};
use doorward_tests::host::{ACME, Form, Host};
use serde_json::Value;

use crate::operations::{Someone, path_of};

doorward_tests::on_each_engine! {
    the_description_is_served_as_it_is,
    each_surface_has_its_page_in_the_choice,
    every_described_path_is_there,
}

fn references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get("$ref").and_then(Value::as_str));
            members.values().for_each(|member| references(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[test]
fn every_operation_says_all_that_a_caller_needs() {
    for operation in operations() {
        let said = operation.said;
        for member in ["summary", "operationId"] {
            assert!(said[member].as_str().is_some_and(|text| !text.is_empty()), "{}: {member}", operation.id);
        }
        assert_eq!(said["tags"].as_array().map(Vec::len), Some(1), "{}", operation.id);
        let scheme = match (operation.is_internal(), operation.dialect()) {
            (true, Some(_)) => "authms_key",
            (true, None) => "api_key",
            (false, _) => "access_token",
        };
        assert!(said["security"][0].get(scheme).is_some(), "{}", operation.id);
        let role = said.get("x-doorward-role").and_then(Value::as_str);
        assert_eq!(role.is_some(), operation.is_internal(), "{}", operation.id);
        assert!(role.is_none_or(|role| Role::from_word(role).is_some()), "{}", operation.id);
        let responses = said["responses"].as_object().expect("responses");
        for (status, response) in responses {
            let described = response["description"].as_str().is_some_and(|text| !text.is_empty());
            assert!(described, "{} {status}: a response needs a description (OpenAPI 3.1, Response Object)", operation.id);
            let media_type = response.get("content").and_then(Value::as_object).and_then(|content| content.keys().next()).map(String::as_str);
            let expected = match status.as_str() {
                "204" => None,
                // What it says is in its headers.
                _ if response.get("headers").is_some() => None,
                status if status < "400" => Some("application/json"),
                _ => Some(Form::at(operation.path, Dialects::default()).media_type()),
            };
            assert_eq!(media_type, expected, "{} {status}", operation.id);
        }
        assert_eq!(responses.keys().filter(|status| status.as_str() < "400").count(), 1, "{}", operation.id);
        let reads_only = operation.dialect().is_some() && operation.method == "GET";
        let refusals: &[&str] = if reads_only { &["401", "500", "503"] } else { &["400", "401", "403", "500", "503"] };
        for &status in refusals {
            assert!(responses.contains_key(status), "{} {status}", operation.id);
        }
        let in_path: BTreeSet<&str> = operation.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
        let parameters = said["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
        let described: BTreeSet<&str> =
            parameters.iter().filter(|parameter| parameter["in"] == "path").filter_map(|parameter| parameter["name"].as_str()).collect();
        assert_eq!(in_path, described, "{}", operation.id);
        for parameter in parameters {
            assert!(parameter["description"].as_str().is_some_and(|text| !text.is_empty()), "{}: {}", operation.id, parameter["name"]);
        }
    }
}

#[test]
fn every_reference_leads_somewhere_and_every_schema_is_used() {
    let mut found = BTreeSet::new();
    references(description(), &mut found);
    let names: BTreeSet<&str> = found.iter().map(|reference| reference.strip_prefix("#/components/schemas/").expect("a schema")).collect();
    let schemas = description()["components"]["schemas"].as_object().expect("schemas");
    for name in &names {
        assert!(schemas.contains_key(*name), "{name}");
    }
    // Lists are written out where they are used, with their items.
    let generic = ["List_", "Results_", "LaravelData_"];
    let used = |name: &str| names.contains(name) || generic.iter().any(|list| name.starts_with(list) || schemas.contains_key(&format!("{list}{name}")));
    let unused: Vec<_> = schemas.keys().filter(|name| !used(name)).collect();
    assert!(unused.is_empty(), "{unused:?}");
}

#[test]
fn bodies_of_requests_are_closed() {
    for operation in operations().iter().filter(|operation| operation.takes_body() && operation.dialect().is_none()) {
        assert_eq!(request_schema(operation)["additionalProperties"], false, "{}", operation.id);
    }
}

#[test]
fn reasons_are_the_closed_set() {
    let listed = description()["components"]["schemas"]["Reason"]["enum"].as_array().expect("words");
    let listed: BTreeSet<&str> = listed.iter().filter_map(Value::as_str).collect();
    assert_eq!(listed, Reason::ALL.iter().map(|reason| reason.as_str()).collect());
}

/// Dialects are for people who know another product's page, and compare.
#[test]
fn every_operation_of_a_dialect_has_worked_examples_that_fit() {
    for operation in operations().iter().filter(|operation| operation.dialect().is_some()) {
        let example = operation.said.pointer("/responses/200/content/application~1json/example");
        let example = example.unwrap_or_else(|| panic!("{} shows no answer", operation.id));
        assert_eq!(faults(operation, 200, example), Vec::<String>::new(), "{}", operation.id);
        if operation.takes_body() {
            let example = operation.said.pointer("/requestBody/content/application~1json/example").unwrap_or_else(|| panic!("{} shows no body", operation.id));
            let properties = request_schema(operation)["properties"].as_object().expect("fields");
            for (name, value) in example.as_object().expect("an object") {
                assert!(properties.get(name).is_some_and(|schema| accepts(schema, value)), "{}: {name}", operation.id);
            }
        }
    }
}

#[test]
fn a_body_is_required_where_a_field_is() {
    for operation in operations().iter().filter(|operation| operation.takes_body()) {
        let required = request_schema(operation)["required"].as_array().is_some_and(|fields| !fields.is_empty());
        assert_eq!(operation.said["requestBody"]["required"], required, "{}", operation.id);
    }
}

/// Each surface's own file, as it lies under `openapi/`, and the page that lets one choose among them: on the own APIs first, and at
/// `#/devices` on native's.
async fn each_surface_has_its_page_in_the_choice(host: Host) {
    let initializer = host.ask("GET", "/docs/swagger-initializer.js").await.expect(200).text;
    let listed: Vec<&str> = initializer.split("/openapi").skip(1).filter_map(|rest| rest.split(".json").next()).collect();
    assert_eq!(listed, ["/doorward", "/native", "/internal", "/flashback", "/laravel", "/authms", ""], "{initializer}");
    assert!(initializer.contains("\"deepLinking\": true") || initializer.contains("deepLinking: true"), "links lead to a tag: {initializer}");
    for name in ["doorward", "native", "internal", "flashback", "laravel", "authms"] {
        let served = host.ask("GET", &format!("/openapi/{name}.json")).await.expect(200);
        assert_eq!(served.header("content-type"), Some("application/json"), "{name}");
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../openapi/{name}.json"));
        let kept: Value = serde_json::from_str(&std::fs::read_to_string(file).expect("it is kept")).expect("JSON");
        assert_eq!(served.body, kept, "{name}");
        let tags: Vec<&str> = served.body["tags"].as_array().expect("tags").iter().filter_map(|tag| tag["name"].as_str()).collect();
        let paths: Vec<&str> = served.body["paths"].as_object().expect("paths").keys().map(String::as_str).collect();
        match name {
            // The page opens on this one: where `/docs#/devices` leads.
            "doorward" => assert!(tags.starts_with(&["devices"]) && paths.contains(&"/api/v1/devices") && paths.contains(&"/internal/sign-ins")),
            "native" => assert!(tags.starts_with(&["devices"]) && paths.iter().all(|path| path.starts_with("/api/v1/"))),
            "internal" => assert!(!tags.contains(&"devices") && paths.iter().all(|path| path.starts_with("/internal/") || path.starts_with("/oauth2/"))),
            dialect => assert_eq!(tags, [dialect]),
        }
    }
}

async fn the_description_is_served_as_it_is(host: Host) {
    let served = host.ask("GET", "/openapi.json").await.expect(200);
    assert_eq!(&served.body, description());
    let page = host.ask("GET", "/docs/").await.expect(200);
    assert!(page.header("content-security-policy").is_some_and(|policy| policy.contains("default-src 'none'")));
    assert!(!page.text.contains("http://") && !page.text.contains("https://"), "the page needs nothing from elsewhere");
    for file in ["swagger-ui.css", "swagger-ui-bundle.js", "swagger-initializer.js"] {
        host.ask("GET", &format!("/docs/{file}")).await.expect(200);
    }
}

async fn every_described_path_is_there(host: Host) {
    let someone = Someone::new(&host, ACME, "ana").await;
    for operation in operations() {
        let answer = host.ask(operation.method, &path_of(&operation, &someone.names, ACME)).await;
        assert_eq!(answer.status, 401, "{}", operation.id);
    }
}

/// The router can't be asked for its paths: they are read out of the sources. Of a dialect its document's test knows them all.
#[test]
fn every_path_of_the_sources_is_described() {
    let sources = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../api/src");
    let known: BTreeSet<&str> = operations().iter().filter(|operation| operation.dialect().is_none()).map(|operation| operation.path).collect();
    let mut seen = BTreeSet::new();
    for surface in ["native", "internal"] {
        for file in std::fs::read_dir(sources.join(surface)).expect("the surface's sources") {
            let text = std::fs::read_to_string(file.expect("a file").path()).expect("a source");
            let quoted = text.split('"').skip(1).step_by(2).filter(|quoted| ["/api/", "/internal/", "/oauth2/"].iter().any(|start| quoted.starts_with(start)));
            seen.extend(quoted.map(|path| path.trim_end_matches('/').to_owned()));
        }
    }
    assert_eq!(seen.iter().map(String::as_str).collect::<BTreeSet<_>>(), known);
}
