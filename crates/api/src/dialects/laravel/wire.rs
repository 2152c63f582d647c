//! What this API sends: under `data`, whole seconds, versions in parts.

use std::net::IpAddr;

use doorward_domain::{DeviceStatus, SessionStatus, Timestamp, Trust, kept_address};
use doorward_service::{DeviceDetail, DeviceView, SessionView, Version};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// A refusal.
#[derive(Serialize, ToSchema)]
#[schema(as = LaravelError)]
pub(super) struct Refused {
    /// What was refused.
    #[schema(example = "Device not found")]
    pub(super) message: String,
    /// With 403: what is missing, and what to do next.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "The second factor was verified too long ago. Verify it again.")]
    pub(super) reason: Option<String>,
    /// With 429 and 503: after how many seconds to try again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = 60)]
    pub(super) retry_after: Option<u32>,
}

/// It is done.
#[derive(Serialize, ToSchema)]
#[schema(as = LaravelDone)]
pub(super) struct Done {
    /// What was done.
    #[schema(example = "Device verified successfully")]
    message: &'static str,
}

impl Done {
    pub(super) const fn of(message: &'static str) -> Self {
        Self { message }
    }
}

/// What was asked for.
#[derive(Serialize, ToSchema)]
#[schema(as = LaravelData)]
pub(super) struct Data<T> {
    data: T,
}

impl<T> Data<T> {
    pub(super) const fn of(data: T) -> Self {
        Self { data }
    }
}

fn time(at: Timestamp) -> String {
    at.whole_second().to_string()
}

/// A version in parts; what isn't known is empty.
#[derive(Serialize, ToSchema)]
#[schema(as = LaravelVersion)]
struct VersionParts {
    #[schema(example = "118")]
    major: String,
    #[schema(example = "0")]
    minor: String,
    #[schema(example = "0")]
    patch: String,
    #[schema(example = "118.0")]
    label: String,
}

impl From<&Version> for VersionParts {
    fn from(version: &Version) -> Self {
        Self { major: version.major.clone(), minor: version.minor.clone(), patch: version.patch.clone(), label: version.label.clone() }
    }
}

/// The browser, app or tool.
#[derive(Serialize, ToSchema)]
#[schema(as = LaravelBrowser)]
struct Browser {
    #[schema(example = "Chrome")]
    name: String,
    version: VersionParts,
    #[schema(example = "Chrome")]
    family: String,
    #[schema(example = "Blink")]
    engine: String,
    /// Always `browser`.
    #[schema(example = "browser")]
    r#type: &'static str,
    #[schema(example = "Chrome")]
    label: String,
}

/// The operating system.
#[derive(Serialize, ToSchema)]
#[schema(as = LaravelPlatform)]
struct Platform {
    #[schema(example = "Windows")]
    name: String,
    version: VersionParts,
    #[schema(example = "Windows")]
    family: String,
    #[schema(example = "Windows")]
    label: String,
}

/// The hardware.
#[derive(Serialize, ToSchema)]
#[schema(as = LaravelHardware)]
struct Hardware {
    #[schema(example = "Desktop")]
    family: String,
    #[schema(example = "PC")]
    model: String,
    /// `desktop`, `mobile`, `tablet`, `tv`, `bot`, `cli`, `app` or `unknown`.
    #[schema(example = "desktop")]
    r#type: &'static str,
}

/// A device's state.
#[derive(Serialize, ToSchema)]
#[schema(as = LaravelDeviceStatus)]
#[serde(rename_all = "snake_case")]
enum Status {
    Unverified,
    Verified,
    Hijacked,
}

/// A browser or app installation of the person.
#[derive(Serialize, ToSchema)]
#[schema(as = LaravelDevice)]
pub(super) struct Device {
    /// Its id, a UUIDv7.
    #[schema(format = Uuid, example = "019aa0b2-3c4d-7e5f-8a6b-7c8d9e0f1a2b")]
    uuid: String,
    status: Status,
    /// When it was verified; `null` unless it is verified now.
    #[schema(format = DateTime, example = "2024-10-27T14:30:00Z")]
    verified_at: Option<String>,
    browser: Browser,
    platform: Platform,
    device: Hardware,
    /// Whether it is the one that the caller is on.
    #[schema(example = true)]
    is_current: bool,
    /// The raw user agent of its last sign-in.
    #[schema(example = "Mozilla/5.0 (X11; Linux x86_64; rv:148.0) Gecko/20100101 Firefox/148.0")]
    source: String,
    /// The address of its last sign-in; `null` once it is kept no longer.
    #[schema(value_type = Option<String>, example = "192.168.1.1")]
    ip_address: Option<IpAddr>,
    /// What the host keeps with it.
    #[schema(value_type = Object)]
    metadata: Map<String, Value>,
}

impl From<DeviceView> for Device {
    fn from(view: DeviceView) -> Self {
        let description = &view.description;
        Self {
            uuid: view.device.id.to_string(),
            status: match view.status {
                DeviceStatus::Unverified => Status::Unverified,
                DeviceStatus::Trusted => Status::Verified,
                DeviceStatus::Hijacked => Status::Hijacked,
            },
            verified_at: if let Trust::Held { since, .. } = view.trust { Some(time(since)) } else { None },
            browser: Browser {
                name: description.browser.name.clone(),
                version: (&description.browser.version).into(),
                family: description.browser.family.clone(),
                engine: description.browser.engine.clone(),
                r#type: "browser",
                label: description.browser.name.clone(),
            },
            platform: Platform {
                name: description.platform.name.clone(),
                version: (&description.platform.version).into(),
                family: description.platform.family.clone(),
                label: description.platform.name.clone(),
            },
            device: Hardware { family: description.device.family.clone(), model: description.device.model.clone(), r#type: description.device.kind.as_str() },
            is_current: view.is_current,
            ip_address: kept_address(view.device.seen.ip),
            source: view.device.seen.user_agent,
            metadata: view.device.metadata,
        }
    }
}

/// A session's state.
#[derive(Serialize, ToSchema)]
#[schema(as = LaravelSessionStatus)]
#[serde(rename_all = "snake_case")]
enum SessionWord {
    /// Live.
    Active,
    /// Idle for too long: over.
    Inactive,
    /// Its device was reported hijacked.
    Blocked,
    /// Over.
    Finished,
}

/// A signed-in period on the device.
#[derive(Serialize, ToSchema)]
#[schema(as = LaravelSession)]
struct Session {
    /// Its id, a UUIDv7.
    #[schema(format = Uuid, example = "019aa0b2-3c4d-7e5f-8a6b-7c8d9e0f1a2b")]
    uuid: String,
    status: SessionWord,
    /// When it began.
    #[schema(format = DateTime, example = "2024-10-27T14:30:00Z")]
    started_at: String,
    /// When it was last heard of; up to 60 seconds behind.
    #[schema(format = DateTime, example = "2024-10-27T15:45:00Z")]
    last_activity_at: String,
}

impl From<SessionView> for Session {
    fn from(view: SessionView) -> Self {
        Self {
            uuid: view.session.id.to_string(),
            status: match view.status {
                SessionStatus::Active => SessionWord::Active,
                SessionStatus::Inactive => SessionWord::Inactive,
                SessionStatus::Blocked => SessionWord::Blocked,
                SessionStatus::Ended => SessionWord::Finished,
            },
            started_at: time(view.session.created_at),
            last_activity_at: time(view.session.last_activity_at),
        }
    }
}

/// A device with its sessions.
#[derive(Serialize, ToSchema)]
#[schema(as = LaravelDeviceWithSessions)]
pub(super) struct DeviceWithSessions {
    #[serde(flatten)]
    device: Device,
    /// Its sessions, newest first.
    sessions: Vec<Session>,
}

impl From<DeviceDetail> for DeviceWithSessions {
    fn from(detail: DeviceDetail) -> Self {
        Self { device: detail.device.into(), sessions: detail.sessions.into_iter().map(Session::from).collect() }
    }
}
