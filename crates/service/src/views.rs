//! Views: what surfaces show of devices and sessions, judged at one moment. Each surface words them in its own way.

use std::net::IpAddr;
use std::sync::Arc;

use doorward_agents::Description;
use doorward_domain::{Account, Device, DeviceStatus, Ending, Location, Refusal, Session, SessionStatus, Timestamp, Trust, kept_address};

use crate::Service;
use crate::access::Own;

/// A device as it stands.
#[derive(Debug, Clone)]
pub struct DeviceView {
    /// Its facts.
    pub device: Device,
    /// Its state.
    pub status: DeviceStatus,
    /// What its grant amounts to.
    pub trust: Trust,
    /// Whether it is the caller's own.
    pub is_current: bool,
    /// When it was last heard of.
    pub last_seen_at: Timestamp,
    /// What it is, for people.
    pub description: Arc<Description>,
    /// The person's name for it, or one that a person understands, such as `Chrome on Windows`.
    pub name: String,
    /// The derived value shown as its fingerprint; it proves nothing.
    pub fingerprint: String,
    /// Where the address of its last sign-in is, where that is known.
    pub location: Option<Location>,
}

/// A session as it stands.
#[derive(Debug, Clone)]
pub struct SessionView {
    /// Its facts.
    pub session: Session,
    /// Its state.
    pub status: SessionStatus,
    /// How it ended, if it did.
    pub ending: Option<Ending>,
    /// Whether it is the caller's own.
    pub is_current: bool,
    /// When it becomes inactive unless it is heard of.
    pub idle_expires_at: Timestamp,
    /// Its absolute end.
    pub expires_at: Timestamp,
    /// When a second factor was last verified in it, unless a security event took that freshness since.
    pub last_mfa_at: Option<Timestamp>,
    /// Where its address is, where that is known; found once it is shown.
    pub location: Option<Location>,
}

/// A device judged inside a transaction, before it is described.
pub(crate) struct JudgedDevice {
    device: Device,
    status: DeviceStatus,
    trust: Trust,
    is_current: bool,
    last_seen_at: Timestamp,
    tenant: doorward_domain::TenantId,
}

impl JudgedDevice {
    pub(crate) fn of(account: &Account, device: &Device, now: Timestamp, own: Option<Own>) -> Self {
        Self {
            status: device.status(account, now),
            trust: device.trust(account, now),
            is_current: own.is_some_and(|own| own.device == device.id),
            last_seen_at: account.last_seen_at(device.id).unwrap_or(device.last_seen_at),
            tenant: account.head.tenant.clone(),
            device: device.clone(),
        }
    }
}

impl SessionView {
    pub(crate) fn of(account: &Account, session: &Session, now: Timestamp, own: Option<Own>) -> Result<Self, Refusal> {
        let device = account.device_of(session)?;
        Ok(Self {
            status: session.status(device, account, now),
            ending: session.ending(device, account, now),
            is_current: own.is_some_and(|own| own.session == session.id),
            idle_expires_at: session.idle_expires_at(account),
            expires_at: session.expires_at(account),
            last_mfa_at: session.fresh_factor(account).map(|factor| factor.verified_at),
            session: session.clone(),
            location: None,
        })
    }
}

impl Service {
    /// Where a kept address is. A place is never kept by itself: it goes with its address.
    pub(crate) fn locate(&self, ip: IpAddr) -> Option<Location> {
        kept_address(ip).and_then(|ip| self.locations.find(ip))
    }

    pub(crate) fn show_session(&self, view: SessionView) -> SessionView {
        SessionView { location: self.locate(view.session.ip), ..view }
    }

    pub(crate) async fn show(&self, judged: JudgedDevice) -> DeviceView {
        self.agents_loaded().await;
        let JudgedDevice { device, status, trust, is_current, last_seen_at, tenant } = judged;
        let description = self.describe(&device.seen);
        let name = device.name.clone().unwrap_or_else(|| description.title());
        let fingerprint = device.shown_fingerprint(&tenant, &self.keys);
        let location = self.locate(device.seen.ip);
        DeviceView { device, status, trust, is_current, last_seen_at, description, name, fingerprint, location }
    }
}
