//! What this API sends and takes: camelCase, whole seconds, and nothing where there is nothing to say.

use std::net::IpAddr;

use doorward_domain::{Binding, DeviceStatus, Location, SessionStatus, Timestamp, Trust, kept_address};
use doorward_service::{Description, DeviceDetail, DeviceView, KeptAlive, Kind, SessionView};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A refusal.
#[derive(Serialize, ToSchema)]
#[schema(as = FlashbackError)]
pub(super) struct Refused {
    /// Always `false`.
    #[schema(example = false)]
    pub(super) success: bool,
    /// What was refused, and what to do next.
    #[schema(example = "Device not found")]
    pub(super) error: String,
}

/// Which device is to be trusted.
#[derive(Deserialize, ToSchema)]
#[schema(as = FlashbackTrust)]
pub(super) struct TrustAsked {
    /// The device's `deviceFingerprint`, or the text that its host sent as its fingerprint at a sign-in.
    #[schema(min_length = 1, max_length = 512, example = "device-fingerprint-hash")]
    pub(super) fingerprint: String,
}

/// What sort of device.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[schema(as = FlashbackDeviceType)]
#[serde(rename_all = "UPPERCASE")]
enum DeviceType {
    Desktop,
    Mobile,
    Tablet,
}

impl DeviceType {
    /// Everything is one of three here: an app by its platform, and what is neither phone nor tablet (a television, a tool, what
    /// isn't known) as a computer.
    fn of(description: &Description) -> Self {
        match description.device.kind {
            Kind::Mobile => Self::Mobile,
            Kind::Tablet => Self::Tablet,
            Kind::App if matches!(&*description.platform.family, "Android" | "iOS") => Self::Mobile,
            Kind::App | Kind::Desktop | Kind::Tv | Kind::Bot | Kind::Cli | Kind::Unknown => Self::Desktop,
        }
    }
}

/// How far a device is trusted: `HIGH`, by a key that it holds; `MEDIUM`, by its token; `LOW`, by its looks, or no more;
/// `UNKNOWN`, never.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[schema(as = FlashbackTrustLevel)]
#[serde(rename_all = "UPPERCASE")]
enum TrustLevel {
    High,
    Medium,
    Low,
    Unknown,
}

impl TrustLevel {
    fn of(view: &DeviceView) -> Self {
        match (view.trust, view.device.grant.map(|grant| grant.binding)) {
            (Trust::Never, _) => Self::Unknown,
            (Trust::Held { .. }, Some(Binding::Key)) => Self::High,
            (Trust::Held { .. }, Some(Binding::Token)) => Self::Medium,
            (Trust::Held { .. }, Some(Binding::Fingerprint) | None) | (Trust::Ended(_), _) => Self::Low,
        }
    }
}

/// A place in one text, such as `Vienna, AT`.
fn text(place: Location) -> Option<String> {
    let parts: Vec<String> = [place.city, place.country].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn time(at: Timestamp) -> String {
    at.whole_second().to_string()
}

fn known(name: &str) -> String {
    if name.is_empty() { "Unknown".to_owned() } else { name.to_owned() }
}

/// A browser or app installation of the person.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = FlashbackDevice)]
#[serde(rename_all = "camelCase")]
pub(super) struct Device {
    /// Its id, a UUIDv7.
    #[schema(format = Uuid, example = "019aa0b2-3c4d-7e5f-8a6b-7c8d9e0f1a2b")]
    id: String,
    /// The person's name for it, or one such as `Chrome on Windows`.
    #[schema(example = "Chrome on Windows")]
    device_name: String,
    device_type: DeviceType,
    /// The operating system; `Unknown` where it isn't known.
    #[schema(example = "Windows")]
    os: String,
    /// The browser or app; `Unknown` where it isn't known.
    #[schema(example = "Chrome")]
    browser: String,
    /// The address of its last sign-in, while it is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false, example = "203.0.113.7")]
    ip_address: Option<IpAddr>,
    /// The country of that address in two letters (ISO 3166-1), where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "AT")]
    country: Option<String>,
    /// The city of that address, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "Vienna")]
    city: Option<String>,
    /// Whether it is trusted now.
    #[schema(example = true)]
    is_trusted: bool,
    trust_level: TrustLevel,
    /// When it was last heard of; up to 60 seconds behind.
    #[schema(format = DateTime, example = "2019-08-24T14:15:22Z")]
    last_seen: String,
    /// When it first signed in.
    #[schema(format = DateTime, example = "2019-08-24T14:15:22Z")]
    created_at: String,
    /// When its trust ends, while it is trusted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = DateTime, example = "2019-08-24T14:15:22Z")]
    trust_expires_at: Option<String>,
}

impl From<DeviceView> for Device {
    fn from(view: DeviceView) -> Self {
        let address = kept_address(view.device.seen.ip);
        let Location { country, city, .. } = view.location.clone().unwrap_or_default();
        Self {
            id: view.device.id.to_string(),
            device_type: DeviceType::of(&view.description),
            os: known(&view.description.platform.name),
            browser: known(&view.description.browser.name),
            ip_address: address,
            country,
            city,
            is_trusted: view.status == DeviceStatus::Trusted,
            trust_level: TrustLevel::of(&view),
            last_seen: time(view.last_seen_at),
            created_at: time(view.device.created_at),
            trust_expires_at: if let Trust::Held { until, .. } = view.trust { Some(time(until)) } else { None },
            device_name: view.name,
        }
    }
}

/// A signed-in period that is live.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = FlashbackSession)]
#[serde(rename_all = "camelCase")]
pub(super) struct Session {
    /// Its id, a UUIDv7.
    #[schema(format = Uuid, example = "019aa0b2-3c4d-7e5f-8a6b-7c8d9e0f1a2b")]
    id: String,
    /// The name of the device it is on.
    #[schema(example = "Chrome on Windows")]
    device_name: String,
    /// The person's address at sign-in, while it is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false, example = "203.0.113.7")]
    ip_address: Option<IpAddr>,
    /// The place of that address, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "Vienna, AT")]
    location: Option<String>,
    /// When it began.
    #[schema(format = DateTime, example = "2019-08-24T14:15:22Z")]
    started_at: String,
    /// When it was last heard of; up to 60 seconds behind.
    #[schema(format = DateTime, example = "2019-08-24T14:15:22Z")]
    last_activity: String,
    /// When it ends unless it is heard of again. A heartbeat puts this off, to the session's absolute end at most.
    #[schema(format = DateTime, example = "2019-08-24T14:15:22Z")]
    expires_at: String,
    /// How the person signed in, in the host's words.
    #[schema(example = "password")]
    login_method: String,
}

impl Session {
    fn of(view: SessionView, device_name: String) -> Self {
        let address = kept_address(view.session.ip);
        Self {
            id: view.session.id.to_string(),
            device_name,
            ip_address: address,
            location: view.location.and_then(text),
            started_at: time(view.session.created_at),
            last_activity: time(view.session.last_activity_at),
            expires_at: time(view.idle_expires_at.min(view.expires_at)),
            login_method: view.session.login_method,
        }
    }
}

/// A device with all that is known of it.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = FlashbackDeviceDetail)]
#[serde(rename_all = "camelCase")]
pub(super) struct DetailedDevice {
    #[serde(flatten)]
    device: Device,
    /// The raw user agent of its last sign-in.
    #[schema(example = "Mozilla/5.0 (X11; Linux x86_64; rv:148.0) Gecko/20100101 Firefox/148.0")]
    user_agent: String,
    /// A derived value to show and to name it by; it proves nothing. Absent where nothing is kept of its looks.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "7d0c5a1e9b3f42688a6b7c8d9e0f1a2b")]
    device_fingerprint: Option<String>,
    /// Its live sessions, newest first.
    sessions: Vec<Session>,
}

impl From<DeviceDetail> for DetailedDevice {
    fn from(detail: DeviceDetail) -> Self {
        let view = detail.device;
        // A session has no state here, so that what isn't live doesn't show.
        let live = detail.sessions.into_iter().filter(|session| session.status == SessionStatus::Active);
        Self {
            user_agent: view.device.seen.user_agent.clone(),
            device_fingerprint: Some(view.fingerprint.clone()).filter(|shown| !shown.is_empty()),
            sessions: live.map(|session| Session::of(session, view.name.clone())).collect(),
            device: view.into(),
        }
    }
}

/// The person's devices.
#[derive(Serialize, ToSchema)]
#[schema(as = FlashbackDevices)]
pub(super) struct Devices {
    /// Always `true`.
    #[schema(example = true)]
    success: bool,
    /// The devices, newest first.
    devices: Vec<Device>,
    /// The same.
    data: Vec<Device>,
}

impl From<Vec<DeviceView>> for Devices {
    fn from(views: Vec<DeviceView>) -> Self {
        let devices: Vec<Device> = views.into_iter().map(Device::from).collect();
        Self { success: true, data: devices.clone(), devices }
    }
}

/// One device.
#[derive(Serialize, ToSchema)]
#[schema(as = FlashbackDeviceFound)]
pub(super) struct OneDevice {
    /// Always `true`.
    #[schema(example = true)]
    success: bool,
    /// The device.
    device: DetailedDevice,
    /// The same.
    data: DetailedDevice,
}

impl From<DeviceDetail> for OneDevice {
    fn from(detail: DeviceDetail) -> Self {
        let device = DetailedDevice::from(detail);
        Self { success: true, data: device.clone(), device }
    }
}

/// A device is trusted.
#[derive(Serialize, ToSchema)]
#[schema(as = FlashbackTrusted)]
#[serde(rename_all = "camelCase")]
pub(super) struct Trusted {
    /// Always `true`.
    #[schema(example = true)]
    success: bool,
    #[schema(example = "Device trusted successfully")]
    message: &'static str,
    /// When its trust ends.
    #[schema(format = DateTime, example = "2019-08-24T14:15:22Z")]
    trust_expires_at: String,
    /// The same.
    #[schema(format = DateTime, example = "2019-08-24T14:15:22Z")]
    data: String,
}

impl Trusted {
    pub(super) fn until(end: Timestamp) -> Self {
        Self { success: true, message: "Device trusted successfully", trust_expires_at: time(end), data: time(end) }
    }
}

/// The person's live sessions.
#[derive(Serialize, ToSchema)]
#[schema(as = FlashbackSessions)]
pub(super) struct Sessions {
    /// Always `true`.
    #[schema(example = true)]
    success: bool,
    /// The sessions, newest first.
    sessions: Vec<Session>,
    /// The same.
    data: Vec<Session>,
}

impl From<Vec<(SessionView, DeviceView)>> for Sessions {
    fn from(views: Vec<(SessionView, DeviceView)>) -> Self {
        let sessions: Vec<Session> = views.into_iter().map(|(session, device)| Session::of(session, device.name)).collect();
        Self { success: true, data: sessions.clone(), sessions }
    }
}

/// A session is kept alive.
#[derive(Serialize, ToSchema)]
#[schema(as = FlashbackHeartbeat)]
#[serde(rename_all = "camelCase")]
pub(super) struct Heartbeat {
    /// Always `true`.
    #[schema(example = true)]
    success: bool,
    #[schema(example = "Session updated successfully")]
    message: &'static str,
    /// When it ends unless it is heard of again; never past its absolute end.
    #[schema(format = DateTime, example = "2019-08-24T14:15:22Z")]
    new_expiry: String,
    /// The same.
    #[schema(format = DateTime, example = "2019-08-24T14:15:22Z")]
    data: String,
}

impl From<KeptAlive> for Heartbeat {
    fn from(kept: KeptAlive) -> Self {
        let end = time(kept.idle_expires_at.min(kept.expires_at));
        Self { success: true, message: "Session updated successfully", data: end.clone(), new_expiry: end }
    }
}

/// It is done.
#[derive(Serialize, ToSchema)]
#[schema(as = FlashbackDone)]
pub(super) struct Done {
    /// Always `true`.
    #[schema(example = true)]
    success: bool,
    /// What was done.
    #[schema(example = "Device untrusted successfully")]
    message: &'static str,
}

impl Done {
    pub(super) const fn of(message: &'static str) -> Self {
        Self { success: true, message }
    }
}
