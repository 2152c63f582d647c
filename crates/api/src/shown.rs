//! What commands show of devices and sessions: the same JSON as the internal API's, so that scripts learn one form.

use doorward_domain::Count;
use doorward_service::{DeviceDetail, DeviceView, Paged, SessionView};
use serde::Serialize;
use serde_json::Value;

use crate::wire;

fn value(of: &impl Serialize) -> Value {
    serde_json::to_value(of).expect("wire types are plain data")
}

/// A device.
#[must_use]
pub fn device(view: DeviceView) -> Value {
    value(&wire::Device::from(view))
}

/// A device with its sessions.
#[must_use]
pub fn device_detail(detail: DeviceDetail) -> Value {
    value(&wire::DeviceDetail::from(detail))
}

/// A page of devices.
#[must_use]
pub fn devices(page: Paged<DeviceView>) -> Value {
    value(&wire::List::of(page, wire::Device::from))
}

/// A page of sessions.
#[must_use]
pub fn sessions(page: Paged<SessionView>) -> Value {
    value(&wire::List::of(page, wire::Session::from))
}

/// How many sessions ended.
#[must_use]
pub fn sessions_ended(count: Count) -> Value {
    value(&wire::SessionsEnded::from(count))
}
