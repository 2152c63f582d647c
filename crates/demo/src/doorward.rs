//! The client of Doorward: plain HTTP, each call noted for the panel with its answer.

mod person;
pub(crate) use person::is_id;
mod sign_ins;
pub(crate) mod wire;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use reqwest::{Method, header};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::browser::Browser;
use crate::panel::{Call, Curl};
use std::sync::Arc;
use wire::{DevClock, ProblemBody};

/// Where Doorward is and who we are to it.
pub(crate) struct Doorward {
    http: reqwest::Client,
    address: SocketAddr,
    host: String,
    url: String,
    tenant: String,
    api_key: String,
}

/// Why a call brought no result. There is no way from any of these to "signed in".
#[derive(Debug)]
pub(crate) enum Failure {
    /// No answer, 5xx, or an answer that makes no sense.
    Unavailable,
    /// The person's own token is no longer accepted.
    SignedOut,
    /// Doorward understood and said no.
    Refused(Problem),
}

/// What Doorward said no with.
#[derive(Debug)]
pub(crate) struct Problem {
    /// The stable name: the last segment of `type`, such as `mfa_required`.
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) status: u16,
}

impl Failure {
    /// Whether Doorward refused for this reason.
    pub(crate) fn is(&self, name: &str) -> bool {
        matches!(self, Self::Refused(problem) if problem.name == name)
    }
}

/// Whose calls these are: the browser that they are noted for, and the visit that caused them.
#[derive(Clone)]
pub(crate) struct Trail {
    pub(crate) browser: Arc<Browser>,
    pub(crate) visit: u64,
    pub(crate) title: String,
}

#[derive(Clone, Copy)]
enum Credential<'a> {
    /// The host's API key.
    Key,
    /// The person's access token.
    Person(&'a str),
}

struct Ask<'a> {
    why: &'static str,
    method: Method,
    path: String,
    credential: Credential<'a>,
    body: Option<String>,
}

impl Doorward {
    pub(crate) fn new(config: &crate::Config) -> std::io::Result<Self> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(1))
            .timeout(Duration::from_secs(5))
            .build()
            .map_err(std::io::Error::other)?;
        Ok(Self {
            http,
            address: config.doorward,
            host: config.doorward_host.clone(),
            url: config.doorward_url.trim_end_matches('/').to_owned(),
            tenant: config.tenant.clone(),
            api_key: config.api_key.clone(),
        })
    }

    /// The address to show to people.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The calls made for one visit.
    pub(crate) fn noting<'a>(&'a self, trail: &'a Trail) -> Door<'a> {
        Door { client: self, trail }
    }

    fn headers(&self, credential: Credential<'_>) -> Vec<(&'static str, String)> {
        match credential {
            Credential::Key => vec![("X-API-Key", self.api_key.clone()), ("X-Tenant-ID", self.tenant.clone())],
            Credential::Person(token) => vec![("Authorization", format!("Bearer {token}"))],
        }
    }

    async fn send(&self, method: Method, path: &str, headers: &[(&'static str, String)], body: Option<String>) -> Result<(u16, String), reqwest::Error> {
        let url = format!("http://{}{path}", self.address);
        let mut request = self.http.request(method, url).header(header::HOST, &self.host);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        if let Some(body) = body {
            request = request.header(header::CONTENT_TYPE, "application/json").body(body);
        }
        let answer = request.send().await?;
        let status = answer.status().as_u16();
        Ok((status, answer.text().await?))
    }

    /// Doorward's clock, if this is a development server. Not noted: every page asks.
    pub(crate) async fn clock(&self) -> Option<DevClock> {
        let answer = self.send(Method::GET, "/dev/clock", &[], None).await;
        match answer {
            Ok((200, text)) => serde_json::from_str(&text).ok(),
            _ => None,
        }
    }
}

/// The calls made for one visit: see `sign_ins` for the host's own, `person` for the signed-in person's.
pub(crate) struct Door<'a> {
    client: &'a Doorward,
    trail: &'a Trail,
}

impl Door<'_> {
    /// Moves the clock of a development server.
    pub(crate) async fn advance_clock(&self, seconds: u32) -> Result<DevClock, Failure> {
        let body = format!(r#"{{"advance_s":{seconds}}}"#);
        let path = "/dev/clock";
        self.ask_with("Move Doorward's clock", Method::POST, path, &[], Some(body)).await
    }

    async fn call<T: DeserializeOwned>(&self, ask: Ask<'_>) -> Result<T, Failure> {
        let headers = self.client.headers(ask.credential);
        let result = self.ask_with(ask.why, ask.method, &ask.path, &headers, ask.body).await;
        match (result, ask.credential) {
            (Err(Failure::Refused(problem)), Credential::Person(_)) if problem.status == 401 => Err(Failure::SignedOut),
            // Our own key is refused: nothing that a person could mend.
            (Err(Failure::Refused(problem)), Credential::Key) if problem.status == 401 => {
                tracing::error!("Doorward refuses the API key of the demo login");
                Err(Failure::Unavailable)
            }
            (result, _) => result,
        }
    }

    async fn ask_with<T: DeserializeOwned>(
        &self,
        why: &'static str,
        method: Method,
        path: &str,
        headers: &[(&'static str, String)],
        body: Option<String>,
    ) -> Result<T, Failure> {
        let curl = Curl { method: method.as_str(), url: &self.client.url, path, headers, body: body.as_deref() }.line();
        let mut call = Call {
            visit: self.trail.visit,
            title: self.trail.title.clone(),
            why,
            method: method.to_string(),
            path: path.to_owned(),
            sent: body.clone(),
            curl,
            status: None,
            answer: String::new(),
            micros: 0,
        };
        let began = Instant::now();
        let answer = self.client.send(method, path, headers, body).await;
        call.micros = began.elapsed().as_micros();
        let result = match answer {
            Ok((status, text)) => {
                call.status = Some(status);
                call.answer.clone_from(&text);
                read(status, &text)
            }
            Err(error) => {
                tracing::warn!(%error, path, "Doorward gave no answer");
                call.answer = "no answer".to_owned();
                Err(Failure::Unavailable)
            }
        };
        self.trail.browser.note(call);
        result
    }
}

fn read<T: DeserializeOwned>(status: u16, text: &str) -> Result<T, Failure> {
    let text = if text.is_empty() { "null" } else { text };
    match status {
        200..300 => serde_json::from_str(text).map_err(|error| {
            tracing::error!(%error, status, "an answer of Doorward's makes no sense");
            Failure::Unavailable
        }),
        400..500 if status != 429 => {
            let body: ProblemBody = serde_json::from_str(text).unwrap_or_default();
            let name = body.kind.rsplit('/').next().unwrap_or_default().to_owned();
            Err(Failure::Refused(Problem { name, text: body.detail.unwrap_or(body.title), status }))
        }
        _ => Err(Failure::Unavailable),
    }
}

fn json(body: &impl Serialize) -> Option<String> {
    serde_json::to_string(body).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn only_a_2xx_that_makes_sense_is_a_result() {
        assert!(read::<()>(204, "").is_ok());
        assert!(read::<Value>(200, r#"{"a":1}"#).is_ok());
        assert!(matches!(read::<wire::SignIn>(201, "{}"), Err(Failure::Unavailable)));
        assert!(matches!(read::<Value>(503, "{}"), Err(Failure::Unavailable)));
        assert!(matches!(read::<Value>(429, "{}"), Err(Failure::Unavailable)));
        assert!(matches!(read::<Value>(302, ""), Err(Failure::Unavailable)));
        let refused = read::<Value>(403, r#"{"type":"/problems/mfa_required","title":"T","detail":"D"}"#);
        assert!(refused.is_err_and(|failure| failure.is("mfa_required")));
        assert!(matches!(read::<Value>(404, "<html>"), Err(Failure::Refused(_))));
    }
}
