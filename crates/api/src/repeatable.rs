//! A request that may be sent again: its `Idempotency-Key`, and what it asks in a form that is the same each time.

use axum::extract::{FromRequest, FromRequestParts, Request};
use doorward_service::IdempotencyKey;
use http::request::Parts;
use http::{HeaderMap, HeaderName};
use serde::de::DeserializeOwned;
use serde_json::Value;
use utoipa::IntoParams;

use crate::extract::json_body;
use crate::problem::{FieldError, FieldFault, Problem};

const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
/// The longest key.
const LONGEST: usize = 64;

/// The header, as the description states it.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only described; the header is read by hand")]
pub(crate) struct OnceHeader {
    /// 1 to 64 visible ASCII characters of the caller's own, kept for 24 hours: sent again under it, the request has one effect
    #[param(rename = "Idempotency-Key", min_length = 1, max_length = 64, pattern = "^[!-~]{1,64}$", required = false)]
    idempotency_key: Option<String>,
}

/// A JSON body, as [`crate::extract::Json`] reads it, and the key under which it may be sent again.
pub(crate) struct Repeatable<T> {
    pub(crate) key: Option<IdempotencyKey>,
    pub(crate) body: T,
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Repeatable<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let key = key(request.headers())?;
        let place = format!("{} {}", request.method(), request.uri().path());
        let (bytes, body) = json_body(request, state).await?;
        let key = key.map(|key| IdempotencyKey { key, request: format!("{place}\n{}", canonical(&bytes)) });
        Ok(Self { key, body })
    }
}

/// The key under which a request without a body may be sent again.
pub(crate) struct Again(pub(crate) Option<IdempotencyKey>);

impl<S: Sync> FromRequestParts<S> for Again {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let key = key(&parts.headers)?;
        Ok(Self(key.map(|key| IdempotencyKey { key, request: format!("{} {}", parts.method, parts.uri.path()) })))
    }
}

/// The caller's key for the request, if it sent one.
fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut given = headers.get_all(HEADER).iter();
    let fault = || Problem::invalid(vec![FieldError::new("Idempotency-Key", FieldFault::Format, "must be one header of 1 to 64 visible ASCII characters")]);
    match (given.next(), given.next()) {
        (None, _) => Ok(None),
        (Some(key), None) => {
            let text = key.to_str().ok().filter(|text| (1..=LONGEST).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()));
            text.map(|text| Some(text.to_owned())).ok_or_else(fault)
        }
        (Some(_), Some(_)) => Err(fault()),
    }
}

/// A JSON body without what makes no difference: white space, and the order of members.
fn canonical(body: &[u8]) -> String {
    let mut value: Value = serde_json::from_slice(body).unwrap_or_default();
    value.sort_all_objects();
    value.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_and_order_make_no_other_request() {
        assert_eq!(canonical(br#"{"a":{"d":1,"c":[2,1]},"b":null}"#), canonical(br#" { "b" : null, "a" : { "c":[2, 1], "d":1 } } "#));
        assert_ne!(canonical(br#"{"a":[1,2]}"#), canonical(br#"{"a":[2,1]}"#));
        assert_ne!(canonical(br#"{"a":1}"#), canonical(br#"{"a":"1"}"#));
    }
}
