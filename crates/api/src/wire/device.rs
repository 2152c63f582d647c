//! A device on the wire.

use std::net::IpAddr;

use doorward_domain::{Binding, Trust, kept_address};
use doorward_service::{DeviceView, Version};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::Session;
use crate::problem::{FieldError, FieldFault};

/// A browser or app installation of one user.
#[derive(Serialize, ToSchema)]
pub(crate) struct Device {
    /// Its id, a UUIDv7.
    #[schema(format = Uuid, example = "019aa0b2-3c4d-7e5f-8a6b-7c8d9e0f1a2b")]
    id: String,
    /// The person's name for it, or one such as `Chrome on Windows`.
    #[schema(example = "Chrome on Windows")]
    name: String,
    /// `unverified`, `trusted` or `hijacked`.
    status: DeviceStatus,
    /// Whether it is the caller's own; with an API key: whether the answer is about a session on it.
    is_current: bool,
    /// When its trust was given, while it holds.
    #[schema(format = DateTime)]
    trusted_at: Option<String>,
    /// When its trust ends, while it holds.
    #[schema(format = DateTime)]
    trusted_until: Option<String>,
    /// When its last trust ended.
    #[schema(format = DateTime)]
    trust_ended_at: Option<String>,
    /// Why its last trust ended.
    #[schema(example = "expired")]
    trust_ended_reason: Option<&'static str>,
    /// What ties trust to it.
    binding: TrustBinding,
    /// A device that it resembled when it was new: a hint.
    #[schema(format = Uuid)]
    looks_like: Option<String>,
    /// The browser or app.
    browser: Browser,
    /// The operating system.
    platform: Platform,
    /// The hardware.
    device: Hardware,
    /// A derived value to show; it proves nothing.
    device_fingerprint: String,
    /// The address of its last sign-in; `null` once it is kept no longer.
    #[schema(value_type = Option<String>, example = "203.0.113.7")]
    ip_address: Option<IpAddr>,
    /// The place of that address; `null` where it is not known.
    location: Option<Location>,
    /// The raw user agent of its last sign-in.
    user_agent: String,
    /// When it first signed in.
    #[schema(format = DateTime)]
    created_at: String,
    /// When it was last heard of; up to 60 seconds behind.
    #[schema(format = DateTime)]
    last_seen_at: String,
    /// What the host keeps with it.
    #[schema(value_type = Object)]
    metadata: Map<String, Value>,
}

/// A device's state.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DeviceStatus {
    Unverified,
    Trusted,
    Hijacked,
}

impl From<doorward_domain::DeviceStatus> for DeviceStatus {
    fn from(status: doorward_domain::DeviceStatus) -> Self {
        match status {
            doorward_domain::DeviceStatus::Unverified => Self::Unverified,
            doorward_domain::DeviceStatus::Trusted => Self::Trusted,
            doorward_domain::DeviceStatus::Hijacked => Self::Hijacked,
        }
    }
}

/// What ties trust to a device, in rising strength.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum TrustBinding {
    Fingerprint,
    Token,
    Key,
}

#[derive(Serialize, ToSchema)]
struct Browser {
    #[schema(example = "Chrome")]
    name: String,
    version: VersionParts,
    #[schema(example = "Chrome")]
    family: String,
    #[schema(example = "Blink")]
    engine: String,
}

#[derive(Serialize, ToSchema)]
struct Platform {
    #[schema(example = "Windows")]
    name: String,
    version: VersionParts,
    #[schema(example = "Windows")]
    family: String,
}

#[derive(Serialize, ToSchema)]
struct Hardware {
    family: String,
    model: String,
    /// `desktop`, `mobile`, `tablet`, `tv`, `bot`, `cli`, `app` or `unknown`.
    #[schema(example = "desktop")]
    r#type: &'static str,
}

/// A version; unknown parts are empty.
#[derive(Serialize, ToSchema)]
struct VersionParts {
    major: String,
    minor: String,
    patch: String,
    #[schema(example = "149.0")]
    label: String,
}

impl From<&Version> for VersionParts {
    fn from(version: &Version) -> Self {
        Self { major: version.major.clone(), minor: version.minor.clone(), patch: version.patch.clone(), label: version.label.clone() }
    }
}

/// An approximate place, as far as it is known.
#[derive(Serialize, ToSchema)]
pub(crate) struct Location {
    /// The country, as ISO 3166-1 has it in two letters.
    #[schema(example = "AT")]
    country: Option<String>,
    /// The largest part of the country that is named, in English.
    #[schema(example = "Vienna")]
    region: Option<String>,
    /// The city, in English.
    #[schema(example = "Vienna")]
    city: Option<String>,
}

impl Location {
    pub(super) fn of(place: &doorward_service::Location) -> Self {
        Self { country: place.country.clone(), region: place.region.clone(), city: place.city.clone() }
    }
}

impl From<DeviceView> for Device {
    fn from(view: DeviceView) -> Self {
        let (trusted_at, trusted_until, ended) = match view.trust {
            Trust::Held { since, until } => (Some(since), Some(until), None),
            Trust::Ended(ending) => (None, None, Some(ending)),
            Trust::Never => (None, None, None),
        };
        // A hijacked device is trusted no more, whatever its last grant says.
        let binding = view.device.grant.map_or(Binding::Token, |grant| grant.binding);
        let description = &view.description;
        Self {
            id: view.device.id.to_string(),
            name: view.name,
            status: view.status.into(),
            is_current: view.is_current,
            trusted_at: trusted_at.map(|at| at.to_string()),
            trusted_until: trusted_until.map(|at| at.to_string()),
            trust_ended_at: ended.map(|ended| ended.at.to_string()),
            trust_ended_reason: ended.map(|ended| ended.cause.as_str()),
            binding: match binding {
                Binding::Fingerprint => TrustBinding::Fingerprint,
                Binding::Token => TrustBinding::Token,
                Binding::Key => TrustBinding::Key,
            },
            looks_like: view.device.looks_like.map(|device| device.to_string()),
            browser: Browser {
                name: description.browser.name.clone(),
                version: (&description.browser.version).into(),
                family: description.browser.family.clone(),
                engine: description.browser.engine.clone(),
            },
            platform: Platform {
                name: description.platform.name.clone(),
                version: (&description.platform.version).into(),
                family: description.platform.family.clone(),
            },
            device: Hardware { family: description.device.family.clone(), model: description.device.model.clone(), r#type: description.device.kind.as_str() },
            device_fingerprint: view.fingerprint,
            ip_address: kept_address(view.device.seen.ip),
            location: view.location.as_ref().map(Location::of),
            user_agent: view.device.seen.user_agent,
            created_at: view.device.created_at.to_string(),
            last_seen_at: view.last_seen_at.to_string(),
            metadata: view.device.metadata,
        }
    }
}

/// A device with its sessions.
#[derive(Serialize, ToSchema)]
pub(crate) struct DeviceDetail {
    /// The device.
    #[serde(flatten)]
    device: Device,
    /// Its sessions that are live or blocked, newest first.
    sessions: Vec<Session>,
}

impl From<doorward_service::DeviceDetail> for DeviceDetail {
    fn from(detail: doorward_service::DeviceDetail) -> Self {
        Self { device: detail.device.into(), sessions: detail.sessions.into_iter().map(Session::from).collect() }
    }
}

/// A device's name: 1 to 64 characters, none of them a control character, not blank.
pub(crate) fn device_name(field: &str, name: &str) -> Result<(), FieldError> {
    let length = name.chars().count();
    if !(1..=64).contains(&length) || name.trim().is_empty() {
        return Err(FieldError::new(field, FieldFault::Range, "must be 1 to 64 characters long and not blank"));
    }
    if name.chars().any(char::is_control) {
        return Err(FieldError::new(field, FieldFault::Format, "must hold no control characters"));
    }
    Ok(())
}
