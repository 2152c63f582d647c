//! The one form of an error on internal and native: an RFC 9457 problem, its catalogue, its pages.

mod catalogue;
mod page;
mod sheet;

use std::borrow::Cow;
use std::collections::BTreeMap;

use axum::response::{IntoResponse, Response};
use doorward_domain::Credential;
use http::{HeaderValue, header};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

pub use catalogue::Kind;
pub use page::pages;
pub use sheet::errors_page;

use crate::context::RequestContext;

/// The media type of a problem.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// A refusal or failure on its way to the caller.
///
/// A handler returns it as its error. As a response it travels in the response's extensions, and
/// the frame (`layers::Frame`) writes the body, since it knows the request's ids. A dialect that
/// has a form of its own takes the problem out of the extensions before that.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// What went wrong.
    pub kind: Kind,
    /// What went wrong this time, for a developer; never holds a secret.
    pub detail: Cow<'static, str>,
    /// Each fault of the request, with its field.
    pub errors: Vec<FieldError>,
    /// What a translated message is filled with.
    pub i18n_args: BTreeMap<&'static str, Value>,
    /// After how many seconds to try again (429 and 503).
    pub retry_after: Option<u32>,
    /// How to authenticate (401).
    pub challenge: Option<Challenge>,
    /// The secret that was wrong, if one was: told to the throttle, and to nobody else.
    pub wrong_secret: Option<Credential>,
    /// Whether it goes to a proxy that asks for a caller: that can do nothing with a 429 in place of a 401.
    pub to_proxy: bool,
}

/// The scheme that a 401 asks for in `WWW-Authenticate`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Challenge {
    /// An access token: the surfaces for people's apps.
    Bearer,
    /// An access token was sent, and is not good (RFC 6750).
    InvalidToken,
    /// An API key: the surfaces for the host's backend.
    ApiKey,
    /// An API key, which may also come as the password of HTTP Basic: what OAuth clients can send.
    Basic,
}

/// One fault of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// The field, as a dotted path; items of lists as `[0]`.
    #[schema(example = "mfa.method")]
    pub field: String,
    /// What is wrong with it.
    #[schema(example = "is required")]
    pub description: String,
    /// The sort of fault.
    pub code: FieldFault,
    /// What was sent; in dev mode only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// The sorts of fault that a field can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FieldFault {
    /// It is missing or empty.
    Required,
    /// It is not of the form asked for.
    Format,
    /// It is too small, too large, too short or too long.
    Range,
    /// There is no such field or parameter.
    Unknown,
    /// It was given more than once.
    Repeated,
    /// It contradicts another field or a rule.
    Conflict,
}

impl FieldFault {
    /// The sort of this word.
    pub(crate) fn of(word: &str) -> Self {
        match word {
            "required" => Self::Required,
            "range" => Self::Range,
            "unknown" => Self::Unknown,
            "repeated" => Self::Repeated,
            "conflict" => Self::Conflict,
            _ => Self::Format,
        }
    }
}

impl FieldError {
    /// A fault of `field`.
    pub fn new(field: impl Into<String>, code: FieldFault, description: impl Into<String>) -> Self {
        Self { field: field.into(), description: description.into(), code, value: None }
    }

    /// The same, with what was sent; it is shown in dev mode only. Never to be given a secret.
    #[must_use]
    pub fn sent(mut self, value: impl Into<String>) -> Self {
        self.value = Some(value.into());
        self
    }
}

impl Problem {
    /// A problem of this kind, described by the kind's own explanation.
    #[must_use]
    pub const fn new(kind: Kind) -> Self {
        Self {
            kind,
            detail: Cow::Borrowed(kind.explanation()),
            errors: Vec::new(),
            i18n_args: BTreeMap::new(),
            retry_after: match kind {
                Kind::TooManyRequests | Kind::Unavailable => Some(1),
                _ => None,
            },
            challenge: None,
            wrong_secret: None,
            to_proxy: false,
        }
    }

    /// The caller is not known; `challenge` says how to become so on this surface.
    #[must_use]
    pub const fn unauthenticated(challenge: Challenge) -> Self {
        let mut problem = Self::new(Kind::Unauthenticated);
        problem.challenge = Some(challenge);
        problem
    }

    /// The same, because this secret fits nothing.
    #[must_use]
    pub const fn for_wrong(mut self, secret: Credential) -> Self {
        self.wrong_secret = Some(secret);
        self
    }

    /// Whether it says that a secret fits nothing, be it that the caller guesses or that a host passes on what it was given.
    pub(crate) fn is_of_wrong_secret(&self) -> bool {
        self.wrong_secret.is_some() || self.kind == Kind::ActivationNotFound
    }

    /// The same problem, for a proxy that asks for a caller.
    #[must_use]
    pub const fn to_proxy(mut self) -> Self {
        self.to_proxy = true;
        self
    }

    /// The request can't be read, for these faults.
    #[must_use]
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let detail = match errors.as_slice() {
            [] => return Self::new(Kind::InvalidRequest),
            [one] => format!("{}: {}.", one.field, one.description),
            many => format!("{} fields are at fault; see errors.", many.len()),
        };
        Self { errors, ..Self::new(Kind::InvalidRequest).detail(detail) }
    }

    /// The same problem, described for this case.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.detail = detail.into();
        self
    }

    /// The same problem, to be tried again after so many seconds.
    #[must_use]
    pub const fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// The same problem, with an argument for its translated message.
    #[must_use]
    pub fn arg(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.i18n_args.insert(name, value.into());
        self
    }

    /// The body that the caller reads; what was sent is repeated only where `show_values`.
    #[must_use]
    pub fn body(&self, context: &RequestContext, show_values: bool) -> ProblemBody {
        let mut errors = self.errors.clone();
        if !show_values {
            errors.iter_mut().for_each(|error| error.value = None);
        }
        let trace = context.trace();
        ProblemBody {
            r#type: format!("/problems/{}", self.kind.name()),
            title: self.kind.title(),
            status: self.kind.status().as_u16(),
            detail: self.detail.clone().into_owned(),
            instance: context.instance().to_owned(),
            code: self.kind.code(),
            errors,
            i18n_key: format!("error.{}", self.kind.name()),
            i18n_args: self.i18n_args.clone(),
            request_id: context.request_id().to_string(),
            retry_after: self.retry_after,
            service: "doorward",
            trace_id: trace.trace_id.to_string(),
            span_id: trace.span_id.to_string(),
            timestamp: timestamp(context.received_at_us()),
        }
    }
}

/// Microseconds since 1970 in RFC 3339, UTC.
fn timestamp(us: i64) -> String {
    jiff::Timestamp::from_microsecond(us).unwrap_or(jiff::Timestamp::UNIX_EPOCH).to_string()
}

/// The body of every error of internal and native: `application/problem+json`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// A reference to the page that explains this kind; its last segment is the stable name.
    #[schema(example = "/problems/mfa_required")]
    r#type: String,
    /// The kind in English; the same for each problem of the kind.
    #[schema(example = "A second factor is needed")]
    title: &'static str,
    /// The HTTP status.
    #[schema(example = 403)]
    status: u16,
    /// What went wrong this time.
    detail: String,
    /// The path that was asked for, without its query.
    #[schema(example = "/api/v1/devices/activate")]
    instance: String,
    /// The kind's stable code of eight digits.
    #[schema(example = 40300002)]
    code: u32,
    /// Each fault of the request; empty where the fault lies elsewhere.
    errors: Vec<FieldError>,
    /// The key of a translated message.
    #[schema(example = "error.mfa_required")]
    i18n_key: String,
    /// What a translated message is filled with.
    #[schema(value_type = Object)]
    i18n_args: BTreeMap<&'static str, Value>,
    /// The request's id, as in `X-Request-Id` and in the log.
    #[schema(example = "req_019aa0b2-3c4d-7e5f-8a6b-7c8d9e0f1a2b")]
    request_id: String,
    /// After how many seconds to try again; with 429 and 503.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u32>,
    /// Always `doorward`.
    #[schema(example = "doorward")]
    service: &'static str,
    /// The trace: the caller's `traceparent`, or our own.
    #[schema(example = "0af7651916cd43dd8448eb211c80319c")]
    trace_id: String,
    /// The span in the trace.
    #[schema(example = "b7ad6b7169203331")]
    span_id: String,
    /// When the request came in, RFC 3339.
    #[schema(format = DateTime)]
    timestamp: String,
}

impl Challenge {
    const fn header(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Bearer => r#"Bearer realm="doorward""#,
            Self::InvalidToken => r#"Bearer realm="doorward", error="invalid_token""#,
            Self::ApiKey => r#"ApiKey realm="doorward""#,
            Self::Basic => r#"Basic realm="doorward", ApiKey realm="doorward""#,
        })
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.kind.status().into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        if let Some(challenge) = self.challenge {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge.header());
        }
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, StatusCode, Uri};
    use serde_json::json;

    use super::*;
    use crate::context::RequestIds;

    fn context() -> RequestContext {
        let mut headers = HeaderMap::new();
        headers.insert("traceparent", HeaderValue::from_static("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
        RequestIds::new(|| 1_780_000_000_123_456, |seed| seed.fill(7)).receive(&headers, &Uri::from_static("/internal/sign-ins?token=secret"))
    }

    #[test]
    fn a_problem_has_all_members() {
        let problem = Problem::invalid(vec![
            FieldError::new("ip", FieldFault::Required, "is required"),
            FieldError::new("tokens[3]", FieldFault::Format, "is not a token").sent("dws_?"),
        ])
        .arg("count", 2);
        let expected = json!({
            "type": "/problems/invalid_request",
            "title": "The request can't be read",
            "status": 400,
            "detail": "2 fields are at fault; see errors.",
            "instance": "/internal/sign-ins",
            "code": 40_000_001,
            "errors": [
                {"field": "ip", "description": "is required", "code": "required"},
                {"field": "tokens[3]", "description": "is not a token", "code": "format", "value": "dws_?"},
            ],
            "i18n_key": "error.invalid_request",
            "i18n_args": {"count": 2},
            "request_id": "req_019e7044-887b-77c2-b5db-8d5e9cba729c",
            "service": "doorward",
            "trace_id": "0af7651916cd43dd8448eb211c80319c",
            "span_id": "b7ad6b7169203331",
            "timestamp": "2026-05-28T20:26:40.123456Z",
        });
        let body = |show| serde_json::to_value(problem.body(&context(), show)).expect("JSON");
        assert_eq!(body(true), expected);
        let mut discreet = expected;
        discreet["errors"][1].as_object_mut().expect("an object").remove("value");
        assert_eq!(body(false), discreet);
    }

    #[test]
    fn headers_go_with_the_kinds_that_need_them() {
        let response = Problem::new(Kind::Unavailable).retry_after(5).into_response();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()["retry-after"], "5");
        let response = Problem::unauthenticated(Challenge::Bearer).into_response();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(response.headers()["www-authenticate"], r#"Bearer realm="doorward""#);
        let body = Problem::new(Kind::TooManyRequests).body(&context(), false);
        assert_eq!(body.retry_after, Some(1));
    }

    #[test]
    fn a_problem_is_small_enough_to_be_returned_by_value() {
        assert!(size_of::<Problem>() <= 120);
    }
}
