//! What goes to Doorward and comes back, as far as this host uses it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `POST /internal/sign-ins`
#[derive(Serialize)]
pub(crate) struct Evaluate<'a> {
    pub(crate) user_id: &'a str,
    pub(crate) ip: &'a str,
    pub(crate) user_agent: &'a str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) client_hints: &'a BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) device_token: Option<&'a str>,
    pub(crate) second_factor: &'static str,
}

/// What Doorward says about a sign-in.
#[derive(Deserialize)]
pub(crate) struct SignIn {
    pub(crate) id: String,
    pub(crate) decision: String,
    #[serde(default)]
    pub(crate) reasons: Vec<String>,
}

/// `POST /internal/sign-ins/{id}/complete`
#[derive(Default, Serialize)]
pub(crate) struct Complete {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mfa: Option<Mfa>,
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) trust_device: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

/// A second factor that this host verified. Never with `verified_at`: Doorward's clock may be moved.
#[derive(Serialize)]
pub(crate) struct Mfa {
    pub(crate) method: &'static str,
}

impl Mfa {
    pub(crate) const TOTP: Self = Self { method: "totp" };
}

/// A finished sign-in.
#[derive(Deserialize)]
pub(crate) struct Completed {
    pub(crate) access_token: String,
    pub(crate) device: Device,
    pub(crate) device_token: Option<String>,
    pub(crate) activation: Option<Activation>,
}

/// The offer to trust the device.
#[derive(Deserialize)]
pub(crate) struct Activation {
    pub(crate) activation_token: String,
}

/// A step-up.
#[derive(Deserialize)]
pub(crate) struct SteppedUp {
    pub(crate) access_token: String,
    pub(crate) activation: Option<Activation>,
}

/// A device whose trust changed, and the token that may come with it.
#[derive(Deserialize)]
pub(crate) struct Trusted {
    pub(crate) device: Device,
    pub(crate) device_token: Option<String>,
}

/// `POST /internal/sessions/verify`
#[derive(Deserialize)]
pub(crate) struct Verified {
    pub(crate) active: bool,
    #[serde(default)]
    pub(crate) reason: Option<String>,
    #[serde(default)]
    pub(crate) session_id: Option<String>,
    #[serde(default)]
    pub(crate) user_id: Option<String>,
    #[serde(default)]
    pub(crate) device_id: Option<String>,
    #[serde(default)]
    pub(crate) device_status: Option<String>,
    #[serde(default)]
    pub(crate) mfa_skipped_by: Option<String>,
    #[serde(default)]
    pub(crate) last_mfa_at: Option<String>,
}

/// One page of a list.
#[derive(Deserialize)]
pub(crate) struct Items<T> {
    pub(crate) items: Vec<T>,
    pub(crate) next_cursor: Option<String>,
}

/// A name with a version: a browser or a platform.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Product {
    pub(crate) name: Option<String>,
    pub(crate) version: Option<Version>,
}

/// Numbers may come as text or as numbers.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Version {
    pub(crate) major: Option<Value>,
    pub(crate) label: Option<String>,
}

/// What kind of machine it is.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Machine {
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
}

/// An approximate place.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Place {
    pub(crate) country: Option<String>,
    pub(crate) region: Option<String>,
    pub(crate) city: Option<String>,
}

/// A device of a person.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Device {
    pub(crate) id: String,
    pub(crate) name: Option<String>,
    pub(crate) status: String,
    pub(crate) is_current: bool,
    pub(crate) trusted_until: Option<String>,
    pub(crate) trust_ended_at: Option<String>,
    pub(crate) trust_ended_reason: Option<String>,
    pub(crate) browser: Option<Product>,
    pub(crate) platform: Option<Product>,
    pub(crate) device: Option<Machine>,
    pub(crate) ip_address: Option<String>,
    pub(crate) location: Option<Place>,
    pub(crate) created_at: Option<String>,
    pub(crate) last_seen_at: Option<String>,
}

/// A session of a person.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Session {
    pub(crate) id: String,
    pub(crate) device_id: Option<String>,
    pub(crate) is_current: bool,
    pub(crate) ip_address: Option<String>,
    pub(crate) amr: Vec<String>,
    pub(crate) mfa_skipped_by: Option<String>,
    pub(crate) last_mfa_at: Option<String>,
    pub(crate) created_at: Option<String>,
    pub(crate) last_activity_at: Option<String>,
    pub(crate) expires_at: Option<String>,
    pub(crate) ended_at: Option<String>,
    pub(crate) ended_reason: Option<String>,
}

/// How many sessions an ending ended.
#[derive(Deserialize)]
pub(crate) struct Ended {
    pub(crate) sessions_ended: i64,
    #[serde(default)]
    pub(crate) more: bool,
}

/// `application/problem+json`
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct ProblemBody {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) title: String,
    pub(crate) detail: Option<String>,
}

/// Doorward's clock, which a development server lets us move.
#[derive(Deserialize)]
pub(crate) struct DevClock {
    pub(crate) now: String,
    pub(crate) offset_s: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_completion_without_second_factor_is_an_empty_object() {
        let text = |body: &Complete| serde_json::to_string(body).expect("json");
        assert_eq!(text(&Complete::default()), "{}");
        let ticked = Complete { mfa: Some(Mfa::TOTP), trust_device: true };
        assert_eq!(text(&ticked), r#"{"mfa":{"method":"totp"},"trust_device":true}"#);
    }

    #[test]
    fn a_device_is_read_leniently() {
        let device: Device =
            serde_json::from_str(r#"{"id":"d","name":null,"status":"trusted","browser":{"name":"Chrome","version":{"major":142}},"new":1}"#).expect("a device");
        assert_eq!(device.status, "trusted");
        assert!(device.platform.is_none());
    }
}
