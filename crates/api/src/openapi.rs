//! The OpenAPI descriptions, generated from the handlers, with what all operations of a surface share added once.

use serde_json::json;
use utoipa::ToSchema;
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{Content, InfoBuilder, LicenseBuilder, OpenApi, PathItem, Ref, RefOr, Required, Response, ResponseBuilder, Schema};

use crate::problem::{MEDIA_TYPE, ProblemBody};
use crate::{Dialect, Dialects, KeyHeader, internal, native};

/// One HTTP API over the one core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Surface {
    /// For people's apps.
    Native,
    /// For the host's backend, proxies and operators.
    Internal,
    /// As another product documents it.
    Dialect(Dialect),
}

const NATIVE_TAGS: &[(&str, &str)] = &[
    ("devices", "The signed-in person's devices: list, trust, stop trusting, report, remove. Bearer access token."),
    ("sessions", "The signed-in person's sessions: list, end, keep alive. Bearer access token."),
    ("events", "The signed-in person's own security history. Bearer access token."),
];

const INTERNAL_TAGS: &[(&str, &str)] = &[
    ("sign-ins", "For the host's backend: evaluate a sign-in after the first factor, then complete it. API key."),
    ("sessions (internal)", "For the host's backend and its services: check access tokens, open sessions. API key."),
    ("gateways", "For proxies and services: may this request pass, and whose token is this? The caller's own token, or an API key."),
    ("activations", "For hosts that keep the device token themselves: take up or decline an offer of trust. API key."),
    ("feed", "For the host and its systems: everything that happened in the tenant, in order. API key."),
    ("people", "For operators and the host: what is known of a person, and what can be ended for them. API key."),
    ("api keys", "For administrators: the tenant's API keys. API key of role `admin`."),
    ("policy", "For administrators: the tenant's rules. API key."),
];

impl Surface {
    fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Internal => "internal",
            Self::Dialect(dialect) => dialect.name(),
        }
    }

    /// Where its description is served.
    const fn path(self) -> &'static str {
        match self {
            Self::Native => "/openapi/native.json",
            Self::Internal => "/openapi/internal.json",
            Self::Dialect(Dialect::Flashback) => "/openapi/flashback.json",
            Self::Dialect(Dialect::Laravel) => "/openapi/laravel.json",
            Self::Dialect(Dialect::Authms) => "/openapi/authms.json",
        }
    }

    fn tags(self) -> Vec<(&'static str, &'static str)> {
        match self {
            Self::Native => NATIVE_TAGS.to_vec(),
            Self::Internal => INTERNAL_TAGS.to_vec(),
            Self::Dialect(dialect) => vec![(dialect.name(), dialect.text())],
        }
    }

    fn described(self) -> OpenApi {
        let (_, mut api) = match self {
            Self::Native => native::router(),
            Self::Internal => internal::router(),
            Self::Dialect(dialect) => dialect.router(),
        }
        .split_for_parts();
        for (path, item) in &mut api.paths.paths {
            for operation in operations_of(item) {
                match self {
                    Self::Native | Self::Internal => share(operation, path),
                    Self::Dialect(dialect) => share_in(dialect, operation, path),
                }
            }
        }
        let schemas = api.components.as_ref().map(|components| &components.schemas);
        let asks_nothing = |schema: &RefOr<Schema>| match schema {
            RefOr::Ref(reference) => {
                let named = schemas.and_then(|schemas| schemas.get(reference.ref_location.rsplit('/').next()?));
                matches!(named, Some(RefOr::T(Schema::Object(object))) if object.required.is_empty())
            }
            RefOr::T(_) => false,
        };
        for body in api.paths.paths.values_mut().flat_map(operations_of).filter_map(|operation| operation.request_body.as_mut()) {
            let RefOr::T(body) = body else { continue };
            // Where no field is required, nothing is read as an empty object.
            if body.content.values().all(|content| matches!(content, RefOr::T(Content { schema: Some(schema), .. }) if asks_nothing(schema))) {
                body.required = Some(Required::False);
            }
        }
        let refusal = match self {
            Self::Native | Self::Internal => Described::of::<ProblemBody>(MEDIA_TYPE),
            Self::Dialect(dialect) => dialect.refusal(),
        };
        api.components.get_or_insert_default().schemas.extend(refusal.schemas);
        api
    }
}

/// A description of some surfaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// Its name.
    pub name: &'static str,
    /// Where it is served.
    pub path: &'static str,
    /// The surfaces that it tells of.
    pub surfaces: Vec<Surface>,
    /// Where `authms` takes its API key.
    pub authms_key: KeyHeader,
}

impl Description {
    /// All surfaces in one.
    #[must_use]
    pub fn whole(dialects: Dialects) -> Self {
        let surfaces = [Surface::Native, Surface::Internal].into_iter().chain(dialects.on().map(Surface::Dialect));
        Self { name: "all", path: "/openapi.json", surfaces: surfaces.collect(), authms_key: dialects.authms_key }
    }

    /// The description itself.
    #[must_use]
    pub fn openapi(&self) -> OpenApi {
        let mut api = OpenApi::default();
        for surface in &self.surfaces {
            api.merge(surface.described());
        }
        api.info = InfoBuilder::new()
            .title("Doorward")
            .version(env!("CARGO_PKG_VERSION"))
            .description(Some(
                "Trusted devices and sessions beside any login: a sign-in that may skip its second factor, and revocation that holds everywhere at once.",
            ))
            .license(Some(LicenseBuilder::new().name("MIT OR Apache-2.0").identifier(Some("MIT OR Apache-2.0")).build()))
            .build();
        let tags = self.surfaces.iter().flat_map(|surface| surface.tags());
        api.tags = Some(tags.map(|(name, text)| TagBuilder::new().name(name).description(Some(text)).build()).collect());
        let groups = self.surfaces.iter().map(|surface| {
            let tags: Vec<&str> = surface.tags().into_iter().map(|(name, _)| name).collect();
            json!({ "name": surface.name(), "tags": tags })
        });
        api.extensions.get_or_insert_default().insert("x-tagGroups".to_owned(), groups.collect());
        let used = |scheme: &str| {
            let used_by = |operation: &Operation| json!(operation.security).to_string().contains(scheme);
            api.paths.paths.values().flat_map(|item| [&item.get, &item.post, &item.patch, &item.put, &item.delete]).flatten().any(used_by)
        };
        let schemes: Vec<_> = schemes(self.authms_key).into_iter().filter(|(name, _)| used(name)).collect();
        api.components.get_or_insert_default().security_schemes.extend(schemes.into_iter().map(|(name, scheme)| (name.to_owned(), RefOr::T(scheme))));
        api
    }

    /// The description as indented JSON.
    #[must_use]
    pub fn json(&self) -> String {
        self.openapi().to_pretty_json().expect("a description is plain data")
    }
}

/// The descriptions that are served: of the two own APIs together, of each surface, and of all.
#[must_use]
pub fn descriptions(dialects: Dialects) -> Vec<Description> {
    let of = |name, path, surfaces| Description { name, path, surfaces, authms_key: dialects.authms_key };
    let own = of("doorward", "/openapi/doorward.json", vec![Surface::Native, Surface::Internal]);
    let whole = Description::whole(dialects);
    let each: Vec<_> = whole.surfaces.iter().map(|surface| of(surface.name(), surface.path(), vec![*surface])).collect();
    [own].into_iter().chain(each).chain([whole]).collect()
}

/// A schema with those that it is made of.
pub(crate) struct Described {
    media_type: &'static str,
    name: String,
    schemas: Vec<(String, RefOr<Schema>)>,
}

impl Described {
    pub(crate) fn of<T: ToSchema>(media_type: &'static str) -> Self {
        let name = T::name().into_owned();
        let mut schemas = vec![(name.clone(), T::schema())];
        T::schemas(&mut schemas);
        Self { media_type, name, schemas }
    }

    fn response(&self, description: &str) -> RefOr<Response> {
        let content = Content::new(Some(RefOr::Ref(Ref::from_schema_name(&self.name))));
        RefOr::T(ResponseBuilder::new().description(description).content(self.media_type, content).build())
    }
}

fn schemes(authms_key: KeyHeader) -> [(&'static str, SecurityScheme); 4] {
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("A session's access token, `dws_…`")).build();
    let key_in = |header: &str| {
        let text = "An API key, `dwk_…`; each operation's least role is in `x-doorward-role`";
        SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description(header, text)))
    };
    let basic = HttpBuilder::new().scheme(HttpAuthScheme::Basic).description(Some("An API key as the password, under any name")).build();
    [
        ("access_token", SecurityScheme::Http(bearer)),
        ("api_key", key_in(KeyHeader::default().shown())),
        ("authms_key", key_in(authms_key.shown())),
        ("basic", SecurityScheme::Http(basic)),
    ]
}

fn operations_of(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.post, &mut item.patch, &mut item.put, &mut item.delete].into_iter().flatten()
}

fn secure(operation: &mut Operation, schemes: &[&str]) {
    operation.security = Some(schemes.iter().map(|scheme| SecurityRequirement::new::<_, [&str; 0], &str>(*scheme, [])).collect());
}

/// What every operation of a dialect has; what its document says stands already.
fn share_in(dialect: Dialect, operation: &mut Operation, path: &str) {
    secure(operation, &[if dialect.is_internal() { "authms_key" } else { "access_token" }]);
    let changes = operation.request_body.is_some() || !operation.operation_id.as_deref().is_some_and(|id| id.contains("_list_") || id.contains("_get_"));
    let refusals: [(&str, &str, bool); 11] = [
        ("400", "The request can't be read", changes || dialect.is_internal()),
        ("401", "No credentials, or none that are good", true),
        ("403", "Refused by role, by the trust gate or by policy; the text says what is missing", changes || dialect.is_internal()),
        ("404", "Unknown, malformed or another's: one answer for all", path.contains('{')),
        ("408", "The request came in too slowly", true),
        ("409", "The device was reported hijacked", dialect == Dialect::Laravel && path.ends_with("/verify")),
        ("413", "The body is larger than 64 KiB", true),
        ("415", "The body is of another media type", operation.request_body.is_some()),
        ("429", "Too often, or too many wrong secrets from this address; `Retry-After` says when to come back", true),
        ("500", "A defect of ours", true),
        ("503", "It can't be known or done at the moment; `Retry-After` says when to come back", true),
    ];
    let refusal = dialect.refusal();
    for (status, description, applies) in refusals {
        if applies {
            operation.responses.responses.entry(status.to_owned()).or_insert_with(|| refusal.response(description));
        }
    }
}

/// What every operation of a surface has: its credentials, and the problems that any of them may answer with.
fn share(operation: &mut Operation, path: &str) {
    let schemes: &[&str] = match path {
        path if path.starts_with("/api/v1/") || path.starts_with("/internal/forward-auth") => &["access_token"],
        path if path.starts_with("/internal/") => &["api_key"],
        path if path.starts_with("/oauth2/") => &["api_key", "basic"],
        _ => &[],
    };
    secure(operation, schemes);
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
    let problem = Described::of::<ProblemBody>(MEDIA_TYPE);
    for (status, description, applies) in problems {
        if applies {
            operation.responses.responses.entry(status.to_owned()).or_insert_with(|| problem.response(description));
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
        let whole = Description::whole(Dialects::default());
        let tags: Vec<_> = whole.surfaces.iter().flat_map(|surface| surface.tags()).collect();
        let mut api = whole.openapi();
        let mut ids = std::collections::BTreeSet::new();
        for (path, item) in &mut api.paths.paths {
            for operation in operations_of(item) {
                assert!(operation.security.is_some(), "{path}");
                let tag = operation.tags.as_ref().and_then(|tags| tags.first()).expect("a tag");
                assert!(tags.iter().any(|(name, _)| name == tag), "{path} {tag}");
                assert!(ids.insert(operation.operation_id.clone().expect("an id")), "{path}");
            }
        }
        assert!(ids.len() >= 28, "{} operations", ids.len());
    }

    #[test]
    fn together_they_tell_of_each_operation_once() {
        let count = |description: &Description| description.openapi().paths.paths.values_mut().flat_map(operations_of).count();
        let of_each: usize = descriptions(Dialects::default()).iter().filter(|description| description.surfaces.len() == 1).map(count).sum();
        assert_eq!(of_each, count(&Description::whole(Dialects::default())));
    }

    /// `UPDATE_DOCS=1` writes the files anew.
    #[test]
    fn the_committed_descriptions_are_those_of_the_code() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../openapi");
        for description in descriptions(Dialects::default()).iter().filter(|description| description.name != "all") {
            let path = folder.join(format!("{}.json", description.name));
            if std::env::var_os("UPDATE_DOCS").is_some() {
                std::fs::create_dir_all(&folder).expect("the folder can be made");
                std::fs::write(&path, description.json() + "\n").expect("the file can be written");
            }
            assert_eq!(std::fs::read_to_string(&path).unwrap_or_default(), description.json() + "\n", "run the tests with UPDATE_DOCS=1");
        }
    }
}
