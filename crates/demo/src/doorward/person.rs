//! The signed-in person's own calls, with their access token: devices and sessions.

use reqwest::Method;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::wire::{Device, Ended, Items, Session, Trusted};
use super::{Ask, Credential, Door, Failure, json};

/// A list is read up to so many pages of a hundred.
const MOST_PAGES: usize = 10;

/// An id that may be put into a path: lower-case hexadecimal with hyphens, as UUIDs are.
pub(crate) fn is_id(text: &str) -> bool {
    text.len() == 36 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b) || b == b'-')
}

impl Door<'_> {
    /// All of the person's devices, blocked ones as well.
    pub(crate) async fn devices(&self, token: &str) -> Result<Vec<Device>, Failure> {
        let path = "/api/v1/devices?status=all&limit=100";
        self.list("The person's devices", token, path).await
    }

    /// The person's live sessions.
    pub(crate) async fn sessions(&self, token: &str) -> Result<Vec<Session>, Failure> {
        let path = "/api/v1/sessions?limit=100";
        self.list("The person's sessions", token, path).await
    }

    /// The last sessions that ended.
    pub(crate) async fn ended_sessions(&self, token: &str) -> Result<Vec<Session>, Failure> {
        let path = "/api/v1/sessions?status=ended&limit=10".to_owned();
        let page: Items<Session> = self.native("What ended lately", Method::GET, token, path, None).await?;
        Ok(page.items)
    }

    async fn list<T: DeserializeOwned>(&self, why: &'static str, token: &str, path: &str) -> Result<Vec<T>, Failure> {
        let mut all = Vec::new();
        let mut next = path.to_owned();
        for _ in 0..MOST_PAGES {
            let page: Items<T> = self.native(why, Method::GET, token, next, None).await?;
            all.extend(page.items);
            let Some(cursor) = page.next_cursor else {
                break;
            };
            let cursor = percent_encoding::utf8_percent_encode(&cursor, percent_encoding::NON_ALPHANUMERIC);
            next = format!("{path}&cursor={cursor}");
        }
        Ok(all)
    }

    /// Gives a device a name.
    pub(crate) async fn rename(&self, token: &str, id: &str, name: &str) -> Result<Device, Failure> {
        let body = json(&json!({ "name": name }));
        let path = format!("/api/v1/devices/{id}");
        self.native("Rename the device", Method::PATCH, token, path, body).await
    }

    /// Trusts a known device; refused unless this session proved a second factor lately.
    pub(crate) async fn trust(&self, token: &str, id: &str) -> Result<Trusted, Failure> {
        let path = format!("/api/v1/devices/{id}/trust");
        self.native("Trust the device", Method::POST, token, path, None).await
    }

    /// Ends trust; the device stays signed in.
    pub(crate) async fn untrust(&self, token: &str, id: &str) -> Result<Device, Failure> {
        let path = format!("/api/v1/devices/{id}/untrust");
        self.native("Stop trusting the device", Method::POST, token, path, None).await
    }

    /// "This wasn't me."
    pub(crate) async fn hijack(&self, token: &str, id: &str) -> Result<Device, Failure> {
        let path = format!("/api/v1/devices/{id}/hijack");
        self.native("Report the device", Method::POST, token, path, None).await
    }

    /// Removes a device with its sessions, its trust and its token.
    pub(crate) async fn forget(&self, token: &str, id: &str) -> Result<(), Failure> {
        let path = format!("/api/v1/devices/{id}");
        self.native("Remove the device", Method::DELETE, token, path, None).await
    }

    /// Ends one session; `current` is signing out.
    pub(crate) async fn end_session(&self, token: &str, id: &str) -> Result<(), Failure> {
        let why = if id == "current" { "Sign out" } else { "Sign out that session" };
        let path = format!("/api/v1/sessions/{id}");
        self.native(why, Method::DELETE, token, path, None).await
    }

    /// Ends all sessions but this one.
    pub(crate) async fn end_others(&self, token: &str) -> Result<Ended, Failure> {
        let path = "/api/v1/sessions?except_current=true".to_owned();
        self.native("Sign out everywhere else", Method::DELETE, token, path, None).await
    }

    async fn native<T: DeserializeOwned>(&self, why: &'static str, method: Method, token: &str, path: String, body: Option<String>) -> Result<T, Failure> {
        self.call(Ask { why, method, path, credential: Credential::Person(token), body }).await
    }
}

#[cfg(test)]
mod tests {
    use super::is_id;

    #[test]
    fn only_ids_reach_a_path() {
        assert!(is_id("01934567-89ab-7cde-8f01-23456789abcd"));
        assert!(!is_id("current"));
        assert!(!is_id("../sessions?except_current=true....."));
        assert!(!is_id("01934567-89AB-7cde-8f01-23456789abcd"));
        assert!(!is_id(""));
    }
}
