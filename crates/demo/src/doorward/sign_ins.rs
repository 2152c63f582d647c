//! The host's own calls, with its API key: sign-ins, verification, step-up, activations.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use serde_json::json;

use super::wire::{Complete, Completed, Evaluate, Mfa, SignIn, SteppedUp, Trusted, Verified};
use super::{Ask, Credential, Door, Failure, json};

/// What may stand in a path segment as it is.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

impl Door<'_> {
    /// After the password: may the second factor be skipped?
    pub(crate) async fn evaluate(&self, sign_in: &Evaluate<'_>) -> Result<SignIn, Failure> {
        self.internal("Password right: ask about the code?", "/internal/sign-ins".to_owned(), json(sign_in)).await
    }

    /// The host is done: open the session.
    pub(crate) async fn complete(&self, sign_in_id: &str, complete: &Complete) -> Result<Completed, Failure> {
        let why = match complete {
            Complete { trust_device: true, .. } => "Code right, box ticked: open the session and trust",
            Complete { mfa: Some(_), .. } => "Code right: open the session",
            Complete { mfa: None, .. } => "No code needed: open the session",
        };
        let path = format!("/internal/sign-ins/{}/complete", segment(sign_in_id));
        self.internal(why, path, json(complete)).await
    }

    /// Every page: is the session still good?
    pub(crate) async fn verify(&self, token: &str) -> Result<Verified, Failure> {
        self.internal("Is this session still good?", "/internal/sessions/verify".to_owned(), json(&json!({ "token": token }))).await
    }

    /// A sensitive action proved the second factor anew.
    pub(crate) async fn step_up(&self, user_id: &str, session_id: &str) -> Result<SteppedUp, Failure> {
        let path = format!("/internal/users/{}/sessions/{}/mfa", segment(user_id), segment(session_id));
        let body = json(&json!({ "mfa": Mfa::TOTP }));
        self.internal("Code right: the session has proved itself anew", path, body).await
    }

    /// "Yes, trust this device."
    pub(crate) async fn activate(&self, activation_token: &str) -> Result<Trusted, Failure> {
        self.internal("Yes: trust this device", "/internal/activations/activate".to_owned(), json(&json!({ "activation_token": activation_token }))).await
    }

    /// "No", to be remembered.
    pub(crate) async fn decline(&self, activation_token: &str) -> Result<Trusted, Failure> {
        self.internal("No: decline the offer", "/internal/activations/skip".to_owned(), json(&json!({ "activation_token": activation_token }))).await
    }

    async fn internal<T: serde::de::DeserializeOwned>(&self, why: &'static str, path: String, body: Option<String>) -> Result<T, Failure> {
        self.call(Ask { why, method: Method::POST, path, credential: Credential::Key, body }).await
    }
}

fn segment(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

#[cfg(test)]
mod tests {
    #[test]
    fn ids_stay_in_their_segment() {
        assert_eq!(super::segment("ada"), "ada");
        assert_eq!(super::segment("a/../b?c#d e%"), "a%2F..%2Fb%3Fc%23d%20e%25");
    }
}
