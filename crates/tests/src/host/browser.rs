//! A browser of one user: how it looks to the host, the device token that the host keeps for it, and who is signed in on it.

use doorward_domain::Role;
use serde_json::{Value, json};

use super::{ACME, Answer, Ask, Host, api_key};

/// Chrome on Windows.
pub const CHROME: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/149.0.0.0 Safari/537.36";
/// Firefox on Linux.
pub const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:148.0) Gecko/20100101 Firefox/148.0";

/// A browser, as the host sees it at a sign-in.
#[derive(Clone)]
pub struct Browser {
    host: Host,
    key: String,
    /// Whose it is.
    pub user: String,
    /// What it says besides the user: its address and looks, and what else a request may hold.
    pub looks: Value,
    /// What the host keeps for it: its device token.
    pub device_token: Option<String>,
}

/// A person who is signed in: their session's token, and the answer that began it.
#[derive(Clone)]
pub struct SignedIn {
    host: Host,
    /// The answer.
    pub answer: Answer,
    /// The access token.
    pub token: String,
}

/// A completion with a one-time code.
#[must_use]
pub fn with_code() -> Value {
    json!({ "mfa": { "method": "totp" } })
}

/// A completion with a one-time code and the checkbox beside it.
#[must_use]
pub fn with_checkbox() -> Value {
    json!({ "mfa": { "method": "totp" }, "trust_device": true })
}

impl Browser {
    pub(super) fn new(host: Host, user: &str) -> Self {
        let looks = json!({ "ip": "203.0.113.7", "user_agent": CHROME });
        Self { host, key: api_key(ACME, Role::Host), user: user.to_owned(), looks, device_token: None }
    }

    /// The same of another tenant's user.
    #[must_use]
    pub fn in_tenant(mut self, tenant: &str) -> Self {
        self.key = api_key(tenant, Role::Host);
        self
    }

    /// The same, but the host acts with another API key.
    #[must_use]
    pub fn by_key(mut self, key: &str) -> Self {
        self.key = key.to_owned();
        self
    }

    /// The same at another node.
    #[must_use]
    pub fn at(mut self, host: &Host) -> Self {
        self.host = host.clone();
        self
    }

    /// The same with other looks: members of a sign-in's request.
    #[must_use]
    pub fn looking(mut self, looks: &Value) -> Self {
        merge(&mut self.looks, looks);
        self
    }

    /// The same, but the host sends this as its device token.
    #[must_use]
    pub fn holding(mut self, device_token: &str) -> Self {
        self.device_token = Some(device_token.to_owned());
        self
    }

    /// What the host sends of an attempt to sign in, with further members.
    #[must_use]
    pub fn attempt(&self, more: &Value) -> Value {
        let mut attempt = self.looks.clone();
        merge(&mut attempt, &json!({ "user_id": self.user }));
        if let Some(token) = &self.device_token {
            merge(&mut attempt, &json!({ "device_token": token }));
        }
        merge(&mut attempt, more);
        attempt
    }

    /// Evaluates a sign-in, whatever comes of it.
    pub async fn try_evaluate(&self, more: &Value) -> Answer {
        self.host.ask("POST", "/internal/sign-ins").key(&self.key).json(&self.attempt(more)).await
    }

    /// Evaluates a sign-in.
    pub async fn evaluate_with(&self, more: &Value) -> Answer {
        self.try_evaluate(more).await.expect(201)
    }

    /// Evaluates a sign-in of a person with a second factor.
    pub async fn evaluate(&self) -> Answer {
        self.evaluate_with(&json!({})).await
    }

    /// The decision on a sign-in, and its reasons.
    pub async fn judged(&self) -> (String, Vec<String>) {
        judgement(&self.evaluate().await)
    }

    /// Completes a sign-in, whatever comes of it. The browser keeps the device token that the answer bears.
    pub async fn try_complete(&mut self, sign_in: &Answer, completion: &Value) -> Answer {
        let path = format!("/internal/sign-ins/{}/complete", sign_in.text_at("/id"));
        let answer = self.host.ask("POST", &path).key(&self.key).json(completion).await;
        self.keep(&answer);
        answer
    }

    /// Completes a sign-in.
    pub async fn complete(&mut self, sign_in: &Answer, completion: &Value) -> SignedIn {
        let answer = self.try_complete(sign_in, completion).await.expect(201);
        SignedIn::of(&self.host, answer)
    }

    /// Evaluates and completes a sign-in.
    pub async fn enter_with(&mut self, completion: &Value) -> SignedIn {
        let sign_in = self.evaluate().await;
        self.complete(&sign_in, completion).await
    }

    /// Signs in with a one-time code.
    pub async fn enter(&mut self) -> SignedIn {
        self.enter_with(&with_code()).await
    }

    /// Signs in with a one-time code, and ticks the box beside it.
    pub async fn enter_and_trust(&mut self) -> SignedIn {
        self.enter_with(&with_checkbox()).await
    }

    /// Signs in without the second factor.
    pub async fn enter_skipping(&mut self) -> SignedIn {
        let signed_in = self.enter_with(&json!({})).await;
        assert_eq!(signed_in.answer.body["session"]["mfa_skipped_by"], "device_trust");
        signed_in
    }

    /// Takes over the device token of an answer, if it bears one.
    pub fn keep(&mut self, answer: &Answer) {
        if let Some(token) = answer.body["device_token"].as_str() {
            self.device_token = Some(token.to_owned());
        }
    }

    /// Takes an offer of trust up by the backend.
    pub async fn activate(&mut self, offer: &str) -> Answer {
        let answer = self.host.ask("POST", "/internal/activations/activate").key(&self.key).json(&json!({ "activation_token": offer })).await;
        self.keep(&answer);
        answer
    }
}

impl SignedIn {
    /// Who is signed in by an answer that bears an access token.
    #[must_use]
    pub fn of(host: &Host, answer: Answer) -> Self {
        Self { host: host.clone(), token: answer.text_at("/access_token"), answer }
    }

    /// The same at another node.
    #[must_use]
    pub fn at(&self, host: &Host) -> Self {
        Self { host: host.clone(), ..self.clone() }
    }

    /// The session's id.
    #[must_use]
    pub fn session(&self) -> String {
        self.answer.text_at("/session/id")
    }

    /// The device's id.
    #[must_use]
    pub fn device(&self) -> String {
        self.answer.text_at("/session/device_id")
    }

    /// The token of the offer that came with the sign-in.
    ///
    /// # Panics
    /// If none came.
    #[must_use]
    pub fn offer(&self) -> String {
        self.answer.text_at("/activation/activation_token")
    }

    /// Whether an offer came with the sign-in.
    #[must_use]
    pub fn is_offered(&self) -> bool {
        self.answer.body.get("activation").is_some()
    }

    /// A request of the person's own app; the path goes without `/api/v1`.
    pub fn ask(&self, method: &str, path: &str) -> Ask {
        self.host.ask(method, &format!("/api/v1{path}")).bearer(&self.token)
    }

    /// Reads something.
    pub async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path).await
    }

    /// Does something that needs no words.
    pub async fn post(&self, path: &str) -> Answer {
        self.ask("POST", path).await
    }

    /// Ends something.
    pub async fn delete(&self, path: &str) -> Answer {
        self.ask("DELETE", path).await
    }

    /// Takes an offer up in the person's own app.
    pub async fn activate(&self, offer: &str) -> Answer {
        self.ask("POST", "/devices/activate").json(&json!({ "activation_token": offer })).await
    }

    /// Declines an offer in the person's own app.
    pub async fn decline(&self, offer: &str) -> Answer {
        self.ask("POST", "/devices/skip").json(&json!({ "activation_token": offer })).await
    }

    /// Whether the session is live.
    pub async fn is_in(&self) -> bool {
        self.why_out().await.is_none()
    }

    /// Why the session is over; `None` if it is live.
    pub async fn why_out(&self) -> Option<String> {
        self.host.inactive(&self.token).await
    }
}

/// A sign-in's decision and reasons.
#[must_use]
pub fn judgement(sign_in: &Answer) -> (String, Vec<String>) {
    let reasons = sign_in.body["reasons"].as_array().expect("reasons");
    let reasons = reasons.iter().map(|reason| reason.as_str().expect("a word").to_owned()).collect();
    (sign_in.text_at("/decision"), reasons)
}

fn merge(into: &mut Value, more: &Value) {
    let (Some(into), Some(more)) = (into.as_object_mut(), more.as_object()) else { panic!("two objects") };
    into.extend(more.iter().map(|(name, value)| (name.clone(), value.clone())));
}
