//! A request on its way, and what every answer is held to.

use std::future::{Future, IntoFuture};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::PoisonError;

use bytes::Bytes;
use doorward_api::Dialects;
use doorward_api::context::Peer;
use doorward_domain::Role;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use http_body_util::Full;
use serde_json::Value;

use super::answer::tokens;
use super::{ACME, Answer, Form, Host, api_key, description};

/// Which listener a request comes in by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// The one that serves everything.
    All,
    /// The public one, where internal has its own.
    Public,
    /// Internal's own.
    Internal,
}

/// A request on its way: awaited, it is sent.
#[derive(Clone)]
#[must_use]
pub struct Ask {
    host: Host,
    door: Door,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Bytes,
    peer: Option<Peer>,
}

impl Ask {
    pub(super) fn new(host: Host, method: &str, path: &str) -> Self {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        Self { host, door: Door::All, method, path: path.to_owned(), headers: HeaderMap::new(), body: Bytes::new(), peer: None }
    }

    /// With the tenant's key of a role.
    pub fn by(self, role: Role) -> Self {
        self.key(&api_key(ACME, role))
    }

    /// With an API key.
    pub fn key(self, key: &str) -> Self {
        self.header("x-api-key", key)
    }

    /// With an access token.
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// With one header more.
    ///
    /// # Panics
    /// If it is none.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a header's name");
        self.headers.append(name, HeaderValue::from_bytes(value.as_bytes()).expect("a header's value"));
        self
    }

    /// Naming a tenant, in place of one that it names.
    ///
    /// # Panics
    /// If it can't be in a header.
    pub fn tenant(mut self, tenant: &str) -> Self {
        self.headers.insert("x-tenant-id", HeaderValue::from_bytes(tenant.as_bytes()).expect("a header's value"));
        self
    }

    /// With a JSON body.
    pub fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json").bytes(body.to_string())
    }

    /// With a form as the body.
    pub fn form(self, form: &str) -> Self {
        self.header("content-type", "application/x-www-form-urlencoded").bytes(form.to_owned())
    }

    /// With these bytes as the body.
    pub fn bytes(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// With this query.
    pub fn query(mut self, query: &str) -> Self {
        self.path = format!("{}?{query}", self.path);
        self
    }

    /// With this query, in place of one that it has.
    pub fn instead_of_query(mut self, query: &str) -> Self {
        let path = self.path.split('?').next().unwrap_or_default();
        self.path = format!("{path}?{query}");
        self
    }

    /// From this address.
    ///
    /// # Panics
    /// If it is none.
    pub fn from(mut self, address: &str) -> Self {
        self.peer = Some(Peer { address: SocketAddr::new(address.parse().expect("an address"), 40_000), tls: false });
        self
    }

    /// By another listener.
    pub fn through(mut self, door: Door) -> Self {
        self.door = door;
        self
    }
}

impl IntoFuture for Ask {
    type Output = Answer;
    type IntoFuture = Pin<Box<dyn Future<Output = Answer> + Send>>;

    /// Sends it, and holds the answer to what is true of every one.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let Self { host, door, method, path, headers, body, peer } = self;
            let asked = format!("{method} {path}");
            let mut request = Request::new(Full::new(body));
            *request.method_mut() = method.clone();
            *request.uri_mut() = path.parse().unwrap_or_else(|_| panic!("no path: {path}"));
            *request.headers_mut() = headers;
            if let Some(peer) = peer {
                request.extensions_mut().insert(peer);
            }
            let (parts, bytes) = (host.0.doors[door as usize])(request).await;
            let text = String::from_utf8(bytes.to_vec()).expect("UTF-8");
            let body = serde_json::from_str(&text).unwrap_or(Value::Null);
            let answer = Answer { status: parts.status.as_u16(), headers: parts.headers, text, body };
            if method == Method::HEAD {
                // It has no body to be judged by.
                return answer;
            }
            let path = path.split('?').next().unwrap_or_default();
            let form = Form::at(path, host.0.dialects);
            is_well_formed(&asked, &answer, form);
            let is_ours = form != Form::Problem || ["/api/v1/", "/internal/", "/oauth2/"].iter().any(|surface| path.starts_with(surface));
            if door == Door::All && is_ours {
                hold_to_description(method.as_str(), path, host.0.dialects, &answer);
            }
            host.watch(&asked, &answer);
            answer
        })
    }
}

/// What is true of every answer.
fn is_well_formed(asked: &str, answer: &Answer, form: Form) {
    let told = |name| answer.header(name).unwrap_or_else(|| panic!("{asked}: no {name}"));
    assert!(told("x-request-id").starts_with("req_"), "{asked}");
    assert_eq!((told("x-content-type-options"), told("referrer-policy")), ("nosniff", "no-referrer"), "{asked}");
    told("cache-control");
    if answer.status >= 400 {
        assert_eq!(told("content-type"), form.media_type(), "{asked}");
        assert!(form.fits(answer), "{asked}: no refusal of the form {form:?}: {}", answer.text);
        assert_eq!(answer.status == 401, answer.header("www-authenticate").is_some(), "{asked}");
    }
}

/// What the description says of the operation is what came.
fn hold_to_description(method: &str, path: &str, dialects: Dialects, answer: &Answer) {
    // A method that no path takes, a path that isn't there, and one of a dialect that isn't served are in no description.
    let is_served = |operation: &description::Operation| operation.dialect().is_none_or(|dialect| dialects.on().any(|on| on == dialect));
    let Some(operation) = description::operation_at(method, path).filter(is_served) else {
        assert!(matches!(answer.status, 404 | 405), "{method} {path} isn't described, and answers {}", answer.status);
        return;
    };
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{method} {path}");
    let faults = description::faults(&operation, answer.status, &answer.body);
    assert!(faults.is_empty(), "{method} {path}: {faults:#?}\n{}", answer.text);
}

impl Host {
    /// Keeps what an answer reveals, and sees that a refusal shows none of it.
    fn watch(&self, asked: &str, answer: &Answer) {
        let mut revealed = self.0.revealed.lock().unwrap_or_else(PoisonError::into_inner);
        if answer.status < 400 {
            let cookies = answer.headers.get_all("set-cookie").iter().filter_map(|cookie| cookie.to_str().ok());
            revealed.extend(cookies.chain([answer.text.as_str()]).flat_map(tokens).filter(|token| token.len() > 64).map(str::to_owned));
            return;
        }
        let shown = revealed.iter().find(|secret| answer.text.contains(secret.as_str()) && !asked.contains(secret.as_str()));
        assert!(shown.is_none() && !answer.text.contains("canary"), "{asked}: a refusal shows a secret: {}", answer.text);
    }
}
