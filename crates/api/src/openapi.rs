//! The OpenAPI description, generated from the handlers, with what all operations share added once.

use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{Content, InfoBuilder, LicenseBuilder, OpenApi, Ref, RefOr, ResponseBuilder, Tag};

use crate::problem::{MEDIA_TYPE, ProblemBody};
use crate::{internal, native};

const TAGS: [(&str, &str); 11] = [
    ("devices", "The signed-in person's devices: list, trust, stop trusting, report, remove. Bearer access token."),
    ("sessions", "The signed-in person's sessions: list, end, keep alive. Bearer access token."),
    ("events", "The signed-in person's own security history. Bearer access token."),
    ("sign-ins", "For the host's backend: evaluate a sign-in after the first factor, then complete it. API key."),
    ("sessions (internal)", "For the host's backend and its services: check access tokens, open sessions. API key."),
    ("gateways", "For proxies and services: may this request pass, and whose token is this? The caller's own token, or an API key."),
    ("activations", "For hosts that keep the device token themselves: take up or decline an offer of trust. API key."),
    ("feed", "For the host and its systems: everything that happened in the tenant, in order. API key."),
    ("people", "For operators and the host: what is known of a person, and what can be ended for them. API key."),
    ("api keys", "For administrators: the tenant's API keys. API key of role `admin`."),
    ("policy", "For administrators: the tenant's rules. API key."),
];

/// The description of both own APIs.
#[must_use]
pub fn description() -> OpenApi {
    let (_, mut api) = native::router().split_for_parts();
    let (_, internal) = internal::router().split_for_parts();
    api.merge(internal);
    api.info = InfoBuilder::new()
        .title("Doorward")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Trusted devices and sessions beside any login: a sign-in that may skip its second factor, and revocation that holds everywhere at once.",
        ))
        .license(Some(LicenseBuilder::new().name("MIT OR Apache-2.0").identifier(Some("MIT OR Apache-2.0")).build()))
        .build();
    api.tags = Some(TAGS.iter().map(|(name, text)| tag(name, text)).collect());
    let components = api.components.get_or_insert_default();
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("A session's access token, `dws_…`")).build();
    components.security_schemes.insert("access_token".to_owned(), RefOr::T(SecurityScheme::Http(bearer)));
    let key = ApiKey::Header(ApiKeyValue::with_description("X-API-Key", "An API key, `dwk_…`; each operation's least role is in `x-doorward-role`"));
    components.security_schemes.insert("api_key".to_owned(), RefOr::T(SecurityScheme::ApiKey(key)));
    let basic = HttpBuilder::new().scheme(HttpAuthScheme::Basic).description(Some("An API key as the password, under any name")).build();
    components.security_schemes.insert("basic".to_owned(), RefOr::T(SecurityScheme::Http(basic)));
    let (name, schema) = (<ProblemBody as utoipa::ToSchema>::name().into_owned(), <ProblemBody as utoipa::PartialSchema>::schema());
    components.schemas.insert(name, schema);
    let mut further = vec![];
    <ProblemBody as utoipa::ToSchema>::schemas(&mut further);
    components.schemas.extend(further);
    for (path, item) in &mut api.paths.paths {
        let operations = [&mut item.get, &mut item.post, &mut item.patch, &mut item.put, &mut item.delete];
        for operation in operations.into_iter().flatten() {
            share(operation, path);
        }
    }
    api
}

/// The description as indented JSON.
#[must_use]
pub fn description_json() -> String {
    description().to_pretty_json().expect("a description is plain data")
}

fn tag(name: &str, text: &str) -> Tag {
    TagBuilder::new().name(name).description(Some(text)).build()
}

/// What every operation of a surface has: its credentials, and the problems that any of them may answer with.
fn share(operation: &mut Operation, path: &str) {
    let schemes: &[&str] = match path {
        path if path.starts_with("/api/v1/") || path.starts_with("/internal/forward-auth") => &["access_token"],
        path if path.starts_with("/internal/") => &["api_key"],
        path if path.starts_with("/oauth2/") => &["api_key", "basic"],
        _ => &[],
    };
    operation.security = Some(schemes.iter().map(|scheme| SecurityRequirement::new::<_, [&str; 0], &str>(*scheme, [])).collect());
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response {
            response.description = success(status).to_owned();
        }
    }
    for parameter in operation.parameters.iter_mut().flatten() {
        if let RefOr::T(parameter) = parameter {
            if parameter.name == "user_id" {
                parameter.description = Some("The host's own id of the person".to_owned());
            }
            if let Some(words) = words(path, &parameter.name) {
                parameter.schema = Some(ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words.iter().copied())).into());
            }
        }
    }
    let has_body = operation.request_body.is_some();
    let repeatable = operation.parameters.iter().flatten().any(|parameter| matches!(parameter, RefOr::T(parameter) if parameter.name == "Idempotency-Key"));
    let has_id = path.contains('{');
    let acts_on_token = path.contains("/activations/") || path.ends_with("/devices/activate") || path.ends_with("/devices/skip");
    let administers = path.contains("/api-keys/") || path.ends_with("/policy") && has_body;
    let signs_in = path.starts_with("/internal/sign-ins") || path == "/internal/sessions";
    let problems: [(&str, &str, bool); 15] = [
        ("400", "The request can't be read; `errors` names each fault", true),
        ("401", "No credentials, or none that are good", true),
        ("403", "Refused by role, by the trust gate or by policy; the detail says what is missing", true),
        ("404", "Unknown, malformed or another's: one answer for all", has_id || acts_on_token),
        ("405", "The path takes other methods", false),
        ("408", "The request came in too slowly", true),
        ("409", "The state doesn't allow it", acts_on_token || signs_in || repeatable || path.ends_with("/trust") || administers),
        ("410", "The sign-in is older than 10 minutes", path.ends_with("/complete")),
        ("410", "The feed doesn't go on from this cursor; `type` says what to do", path == "/internal/events"),
        ("413", "The body is larger than 64 KiB", true),
        ("415", "The body is of another media type", has_body),
        ("422", "The idempotency key stood for another request", repeatable),
        ("429", "Too many wrong secrets came from this address; `Retry-After` says when to come back", !path.starts_with("/internal/forward-auth")),
        ("500", "A defect of ours", true),
        ("503", "It can't be known or done at the moment; `Retry-After` says when to come back", true),
    ];
    for (status, description, applies) in problems {
        if applies && !operation.responses.responses.contains_key(status) {
            let content = Content::new(Some(RefOr::Ref(Ref::from_schema_name("Problem"))));
            let response = ResponseBuilder::new().description(description).content(MEDIA_TYPE, content).build();
            operation.responses.responses.insert(status.to_owned(), RefOr::T(response));
        }
    }
}

/// The words that a parameter takes, where they are few.
fn words(path: &str, parameter: &str) -> Option<&'static [&'static str]> {
    match parameter {
        "status" if path.ends_with("/devices") => Some(&["trusted", "unverified", "hijacked", "all"]),
        "status" => Some(&["active", "inactive", "ended", "blocked", "all"]),
        // All of one's devices at once are never removed.
        "except_current" if path.ends_with("/devices") => Some(&["true"]),
        "require" => Some(&["mfa"]),
        _ => None,
    }
}

/// What a status that isn't a problem says.
fn success(status: &str) -> &'static str {
    match status {
        "200" => "Done",
        "201" => "Made",
        "204" => "Done; there is no body",
        other => panic!("{other} has no words yet"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_has_credentials_a_tag_and_an_id_of_its_own() {
        let api = description();
        let mut ids = std::collections::BTreeSet::new();
        for (path, item) in &api.paths.paths {
            let operations = [&item.get, &item.post, &item.patch, &item.put, &item.delete];
            for operation in operations.into_iter().flatten() {
                assert!(operation.security.is_some(), "{path}");
                let tag = operation.tags.as_ref().and_then(|tags| tags.first()).expect("a tag");
                assert!(TAGS.iter().any(|(name, _)| name == tag), "{path} {tag}");
                assert!(ids.insert(operation.operation_id.clone().expect("an id")), "{path}");
            }
        }
        assert!(ids.len() >= 28, "{} operations", ids.len());
    }

    /// `UPDATE_DOCS=1` writes the file anew.
    #[test]
    fn the_committed_description_is_the_one_of_the_code() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../openapi/doorward.json");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::create_dir_all(concat!(env!("CARGO_MANIFEST_DIR"), "/../../openapi")).expect("the folder can be made");
            std::fs::write(path, description_json() + "\n").expect("the file can be written");
        }
        assert_eq!(std::fs::read_to_string(path).unwrap_or_default(), description_json() + "\n", "run the tests with UPDATE_DOCS=1");
    }
}
