//! `doorward devices`: what an operator sees of a user's devices and does for them.

use clap::Subcommand;
use doorward_api::shown;
use doorward_domain::DeviceStatus;
use doorward_service::DeviceName;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::tell::Column;
use super::{Desk, Said, Stretch, id, user};

/// What is done to a user's devices.
#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Devices {
    /// Lists a user's devices, newest first
    List {
        /// The user's id, as the host says it
        user: String,
        /// Only those in this state
        #[arg(long, default_value = "all", value_parser = ["all", "trusted", "unverified", "hijacked"])]
        status: String,
        #[command(flatten)]
        #[serde(flatten)]
        stretch: Stretch,
    },
    /// Shows a device with its sessions
    Show(Device),
    /// Ends a device's trust, and the sessions that skipped the second factor by it
    Untrust {
        #[command(flatten)]
        #[serde(flatten)]
        device: Device,
        /// End all sessions of the device too
        #[arg(long)]
        end_sessions: bool,
    },
    /// Reports a device hijacked: its sessions are blocked for good and its token is denied for ever
    Hijack(Device),
    /// Retires a hijacked device's token, so that its bearer starts anew as an unknown device; nothing comes back
    Release(Device),
    /// Removes a device from every list; its token is dead and its sessions end
    Forget(Device),
}

/// One device of a user.
#[derive(Debug, Clone, clap::Args, Serialize, Deserialize)]
pub(crate) struct Device {
    /// The user's id, as the host says it
    user: String,
    /// The device's id
    id: String,
}

/// The columns of a list of devices.
pub(super) const COLUMNS: &[Column] = &[
    ("DEVICE", "/id"),
    ("NAME", "/name"),
    ("STATUS", "/status"),
    ("TRUSTED UNTIL", "/trusted_until"),
    ("LAST SEEN", "/last_seen_at"),
    ("ADDRESS", "/ip_address"),
];

impl Devices {
    pub(super) async fn perform(self, desk: &Desk) -> Result<Value, Said> {
        let operator = desk.operator().await?;
        let service = &desk.service;
        let tenant = operator.tenant.clone();
        let of = |device: &Device| Ok::<_, Said>((operator.user(user(&device.user)?), DeviceName::Id(id(&device.id)?)));
        let missing = |device: &Device| {
            let Device { user, id } = device.clone();
            move |error| Said::of(error, || format!("{user} has no device {id} in the tenant {tenant}. `doorward devices list {user}` shows those there are."))
        };
        match self {
            Self::List { user: whose, status, stretch } => {
                let access = operator.user(user(&whose)?);
                Ok(shown::devices(service.list_devices(&access, DeviceStatus::from_word(&status), &stretch.request()).await?))
            }
            Self::Show(device) => {
                let (access, name) = of(&device)?;
                Ok(shown::device_detail(service.get_device(&access, name).await.map_err(missing(&device))?))
            }
            Self::Untrust { device, end_sessions } => {
                let (access, name) = of(&device)?;
                Ok(shown::device(service.untrust_device(&access, name, end_sessions).await.map_err(missing(&device))?))
            }
            Self::Hijack(device) => {
                let (access, name) = of(&device)?;
                Ok(shown::device(service.hijack_device(&access, name).await.map_err(missing(&device))?))
            }
            Self::Release(device) => {
                let (access, _) = of(&device)?;
                let released = service.release_device(&access, id(&device.id)?).await;
                let missing = |error| Said::of(error, || format!("{} has no hijacked device {}.", device.user, device.id));
                Ok(shown::device(released.map_err(missing)?))
            }
            Self::Forget(device) => {
                let (access, name) = of(&device)?;
                Ok(shown::sessions_ended(service.forget_device(&access, name).await.map_err(missing(&device))?))
            }
        }
    }
}
