//! Reading a request: who calls, and the body. In the contract's order of refusals: 401, then 403 by role, then 400.

use std::convert::Infallible;
use std::marker::PhantomData;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use doorward_domain::{Refusal, Right, UserId, is_plain_text};
use doorward_service::{Access, Backend};
use http::request::Parts;
use http::{HeaderMap, header};
use serde::de::DeserializeOwned;

use crate::Surfaces;
use crate::context::RequestContext;
use crate::layers::WholeBody;
use crate::object::Object;
use crate::problem::{Challenge, FieldError, FieldFault, Kind, Problem};

/// A person, by the access token of a session that is live now. Each transaction checks it again.
pub(crate) struct Person {
    pub(crate) access: Access,
    pub(crate) token: String,
}

impl FromRequestParts<Surfaces> for Person {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, surfaces: &Surfaces) -> Result<Self, Problem> {
        let token = authorization(&parts.headers, "bearer").ok_or_else(|| Problem::unauthenticated(Challenge::Bearer))?;
        // Before anything else of the request is read: the order of refusals begins with 401.
        let access = surfaces.service.person(token).await?;
        Ok(Self { access, token: token.to_owned() })
    }
}

/// What the `Authorization` header says under this scheme, if the header is there once.
pub(crate) fn authorization<'a>(headers: &'a HeaderMap, scheme: &str) -> Option<&'a str> {
    let (given, credentials) = only(headers, header::AUTHORIZATION.as_str())?.split_once(' ')?;
    if given.eq_ignore_ascii_case(scheme) { Some(credentials.trim()) } else { None }
}

/// What an operation needs of a key.
pub(crate) trait Grade: Send {
    const RIGHT: Right;
    /// How a caller without a good key is told to show one.
    const CHALLENGE: Challenge = Challenge::ApiKey;
    /// The key's text, if there is one and no other. Where it may be meant in two ways, the likelier one first.
    fn keys(headers: &HeaderMap) -> Vec<String> {
        only(headers, "x-api-key").map(str::to_owned).into_iter().collect()
    }
}

macro_rules! grades {
    ($($name:ident),+) => {$(
        pub(crate) struct $name;
        impl Grade for $name { const RIGHT: Right = Right::$name; }
    )+};
}
grades!(Verify, Read, End, SignIn, Administer);

/// A caller with an API key that has the right.
pub(crate) struct Key<G> {
    pub(crate) backend: Backend,
    grade: PhantomData<G>,
}

impl<G: Grade> FromRequestParts<Surfaces> for Key<G> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, surfaces: &Surfaces) -> Result<Self, Problem> {
        Self::admit(G::keys(&parts.headers), parts, surfaces).await
    }
}

impl<G: Grade> Key<G> {
    /// Lets a caller in by what may be its key.
    pub(crate) async fn admit(keys: Vec<String>, parts: &Parts, surfaces: &Surfaces) -> Result<Self, Problem> {
        let unknown = || Problem::unauthenticated(G::CHALLENGE);
        let tenant = match parts.headers.get("x-tenant-id") {
            None => None,
            Some(_) => Some(only(&parts.headers, "x-tenant-id").ok_or_else(unknown)?.to_owned()),
        };
        let mut found = Err(unknown());
        for key in keys {
            let answer = surfaces.service.backend(&key, tenant.as_deref()).await;
            let fits_nothing = matches!(answer, Err(doorward_service::Error::Refused(Refusal::WrongSecret(_))));
            found = answer.map_err(|error| match error {
                doorward_service::Error::Refused(Refusal::Unauthenticated) => unknown(),
                doorward_service::Error::Refused(Refusal::WrongSecret(secret)) => unknown().for_wrong(secret),
                error => error.into(),
            });
            if !fits_nothing {
                break;
            }
        }
        let backend = found?;
        if let Some(context) = parts.extensions.get::<RequestContext>() {
            context.note_tenant(backend.tenant.as_str());
        }
        backend.may(G::RIGHT)?;
        let human = actor(&parts.headers)?;
        Ok(Self { backend: backend.on_behalf_of(human), grade: PhantomData })
    }
}

/// The human behind an operator's call: at most 100 visible characters.
fn actor(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    const NAME: &str = "x-doorward-actor";
    if !headers.contains_key(NAME) {
        return Ok(None);
    }
    let text = only_bytes(headers, NAME).and_then(|bytes| std::str::from_utf8(bytes).ok());
    let fault = || Problem::invalid(vec![FieldError::new("X-Doorward-Actor", FieldFault::Range, "must be one header of 1 to 100 visible characters")]);
    text.filter(|text| is_plain_text(text, 100)).map(|text| Some(text.to_owned())).ok_or_else(fault)
}

/// A header that is there once, as visible text.
pub(crate) fn only<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    only_bytes(headers, name).and_then(|bytes| std::str::from_utf8(bytes).ok()).filter(|text| !text.is_empty())
}

fn only_bytes<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a [u8]> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    if values.next().is_some() { None } else { Some(first.as_bytes()) }
}

/// The parts of a path, as text. They come first in a request and are judged last: what can't be read is empty, which names
/// nothing, so that the query and the body are refused before it.
pub(crate) struct Ids<T>(pub(crate) T);

impl<T: DeserializeOwned + Default + Send, S: Send + Sync> FromRequestParts<S> for Ids<T> {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let read = Path::<T>::from_request_parts(parts, state).await;
        Ok(Self(read.map_or_else(|_| T::default(), |Path(ids)| ids)))
    }
}

/// An id of a path.
pub(crate) fn id<T: std::str::FromStr>(text: &str) -> Result<T, Problem> {
    text.parse().map_err(|_| Problem::new(Kind::NotFound))
}

/// A user of a path.
pub(crate) fn user(text: &str) -> Result<UserId, Problem> {
    UserId::new(text).ok_or_else(|| Problem::new(Kind::NotFound))
}

/// Why a text names no user, where a body or a query has it.
pub(crate) fn user_fault(text: &str) -> FieldError {
    let code = if text.is_empty() { FieldFault::Required } else { FieldFault::Format };
    FieldError::new("user_id", code, "must be 1 to 255 bytes without control characters, and not . or ..")
}

/// A JSON body. Unknown and repeated fields are refused, with the field named.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        json_body(request, state).await.map(|(_, read)| Self(read))
    }
}

/// A JSON body, as it came and as it reads.
pub(crate) async fn json_body<T: DeserializeOwned, S: Send + Sync>(request: Request, state: &S) -> Result<(Bytes, T), Problem> {
    let is_json = is_json(request.headers());
    let WholeBody(body) = WholeBody::from_request(request, state).await?;
    if body.is_empty() {
        // As an empty object: what is required is then named, and what has defaults only needs no body.
        let body = Bytes::from_static(b"{}");
        return read_json(&body).map(|read| (body, read));
    }
    if !is_json {
        return Err(Problem::new(Kind::UnsupportedMediaType).detail("Send the body as JSON, with Content-Type: application/json."));
    }
    read_json(&body).map(|read| (body, read))
}

/// No body, or an empty object: neither body nor Content-Type is needed where there are no fields.
pub(crate) struct NoBody;

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Empty {}

impl<S: Send + Sync> FromRequest<S> for NoBody {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let WholeBody(body) = WholeBody::from_request(request, state).await?;
        if !body.is_empty() {
            let Empty {} = read_json(&body)?;
        }
        Ok(Self)
    }
}

/// The media type of the body, without its parameters.
pub(crate) fn media_type(headers: &HeaderMap) -> &str {
    only(headers, header::CONTENT_TYPE.as_str()).and_then(|value| value.split(';').next()).map(str::trim).unwrap_or_default()
}

fn is_json(headers: &HeaderMap) -> bool {
    let essence = media_type(headers);
    let suffixed = essence.get(..12).is_some_and(|start| start.eq_ignore_ascii_case("application/")) && essence.to_ascii_lowercase().ends_with("+json");
    essence.eq_ignore_ascii_case("application/json") || suffixed
}

/// How deep a body may be nested.
const DEPTH: usize = 32;

/// How deep brackets are nested, outside of strings.
fn depth(body: &[u8]) -> usize {
    let (mut now, mut most, mut quoted, mut escaped) = (0_usize, 0, false, false);
    for byte in body {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => {
                now += 1;
                most = most.max(now);
            }
            b'}' | b']' if !quoted => now = now.saturating_sub(1),
            _ => {}
        }
    }
    most
}

fn read_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    if depth(body) > DEPTH {
        return Err(Problem::new(Kind::InvalidRequest).detail("The body is nested more than 32 deep."));
    }
    let mut reader = serde_json::Deserializer::from_slice(body);
    let Object(read) = serde_path_to_error::deserialize(&mut reader).map_err(|error| fault(&error, body))?;
    reader.end().map_err(|_| Problem::new(Kind::InvalidRequest).detail("There is something after the JSON object."))?;
    Ok(read)
}

/// What serde found, with the field that it names.
fn fault(error: &serde_path_to_error::Error<serde_json::Error>, body: &[u8]) -> Problem {
    let inner = error.inner();
    // serde_json calls a number where a word is wanted a fault of syntax, too.
    let breaks = || serde_json::from_slice::<serde::de::IgnoredAny>(body).is_err();
    if (inner.is_syntax() || inner.is_eof()) && breaks() {
        return Problem::new(Kind::InvalidRequest).detail(format!("The body isn't JSON: it breaks at line {}, column {}.", inner.line(), inner.column()));
    }
    let text = inner.to_string();
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _)| text);
    let path = error.path().to_string();
    let path = if path == "." { String::new() } else { path };
    let named = |start: &str| text.strip_prefix(start).and_then(|rest| rest.split('`').next()).map(str::to_owned);
    let below = |name: String| {
        if path.is_empty() || path == name || path.ends_with(&format!(".{name}")) {
            if path.is_empty() { name } else { path.clone() }
        } else {
            format!("{path}.{name}")
        }
    };
    if let Some(name) = named("missing field `") {
        return Problem::invalid(vec![FieldError::new(below(name), FieldFault::Required, "is required")]);
    }
    if let Some(name) = named("unknown field `") {
        return Problem::invalid(vec![FieldError::new(below(name), FieldFault::Unknown, "is no field of this request")]);
    }
    if let Some(name) = named("duplicate field `") {
        return Problem::invalid(vec![FieldError::new(below(name), FieldFault::Repeated, "is given more than once")]);
    }
    if path.is_empty() {
        return Problem::new(Kind::InvalidRequest).detail("The body must be a JSON object.");
    }
    // What serde says may repeat what was sent, which may be a secret: only the expectation is passed on.
    let expected = match text.split_once("expected ").map_or("another value", |(_, expected)| expected) {
        "a map" => "an object",
        "a sequence" => "an array",
        "value" => "of another type",
        expected => expected,
    };
    Problem::invalid(vec![FieldError::new(path, FieldFault::Format, format!("must be {expected}"))])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only the reading is tested")]
    struct Outer {
        name: String,
        inner: Option<Object<Inner>>,
        word: Option<Word>,
        #[serde(default)]
        list: Vec<u8>,
    }

    #[derive(Deserialize)]
    enum Word {}

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only the reading is tested")]
    struct Inner {
        method: u8,
    }

    fn told(body: &str) -> String {
        let problem = read_json::<Outer>(body.as_bytes()).err().expect("it is refused");
        problem.errors.first().map_or_else(|| problem.detail.to_string(), |error| format!("{} {:?}", error.field, error.code))
    }

    #[test]
    fn faults_name_the_field() {
        assert_eq!(told("{}"), "name Required");
        assert_eq!(told(r#"{"name":"a","surname":1}"#), "surname Unknown");
        assert_eq!(told(r#"{"name":"a","name":"b"}"#), "name Repeated");
        assert_eq!(told(r#"{"name":7}"#), "name Format");
        assert_eq!(told(r#"{"name":"a","inner":{}}"#), "inner.method Required");
        assert_eq!(told(r#"{"name":"a","inner":{"method":1,"when":2}}"#), "inner.when Unknown");
        assert_eq!(told(r#"{"name":"a","list":[1,"x"]}"#), "list[1] Format");
        assert_eq!(told("{"), "The body isn't JSON: it breaks at line 1, column 1.");
        assert_eq!(told(r#"{"name":"a"} x"#), "There is something after the JSON object.");
        assert_eq!(told(r#"["a"]"#), "The body must be a JSON object.");
        assert_eq!(told(r#"{"name":"a","inner":[1]}"#), "inner Format");
        assert_eq!(told(r#"{"name":"a","word":1}"#), "word Format");
    }

    #[test]
    fn bodies_are_nested_32_deep_at_most() {
        let nested = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
        let of = |levels: usize| read_json::<std::collections::BTreeMap<String, serde_json::Value>>(format!(r#"{{"a":{}}}"#, nested(levels)).as_bytes());
        assert!(of(31).is_ok());
        for levels in [32, 127, 30_000] {
            assert_eq!(of(levels).err().map(|problem| problem.detail.into_owned()).as_deref(), Some("The body is nested more than 32 deep."));
        }
        assert_eq!(depth(br#"{"a":"[[[\"[[{"}"#), 1, "what stands in strings doesn't count");
    }

    #[test]
    fn what_was_sent_is_not_repeated() {
        let problem = read_json::<Outer>(br#"{"name":"a","list":["dws_secret"]}"#).err().expect("it is refused");
        assert!(!format!("{problem:?}").contains("dws_secret"));
    }
}
