//! Trusted devices as a host's backend keeps account of them: list them, vouch for one, end the trust of one by the value it shows.

use std::net::IpAddr;
use std::sync::Arc;

use doorward_agents::DeviceInfo;
use doorward_domain::{Account, Device, Moment, NO_ADDRESS, NewAccount, Refusal, Timestamp, Vouched, kept_address};
use doorward_store::{Need, Rows};

use crate::access::Access;
use crate::looks::{Looks, network};
use crate::views::JudgedDevice;
use crate::{DeviceView, Error, Service};

/// What a host says of a device that it vouches for.
#[derive(Debug, Clone)]
pub struct VouchedDevice {
    /// The host's own value for it: 1 to 512 characters, none of them a control character.
    pub fingerprint: String,
    /// The person's address, where the host says it.
    pub ip: Option<IpAddr>,
    /// What browser, platform and sort of device it is, in the host's words.
    pub info: DeviceInfo,
    /// A name for it: 1 to 64 characters.
    pub name: Option<String>,
}

/// A page of a person's trusted devices, by number.
#[derive(Debug, Clone)]
pub struct NumberedPage {
    /// Its items.
    pub items: Vec<DeviceView>,
    /// How many there are on all pages.
    pub total: usize,
    /// When it was taken.
    pub at: Timestamp,
}

impl VouchedDevice {
    fn read(self) -> Vouched {
        // The address that means none says nothing of a network.
        let ip = self.ip.map(|ip| ip.to_canonical()).and_then(kept_address);
        let looks = Looks {
            ip: ip.unwrap_or(NO_ADDRESS),
            user_agent: String::new(),
            client_hints: vec![],
            device_info: (self.info != DeviceInfo::default()).then_some(self.info),
            attributes: vec![],
        };
        Vouched { fingerprint: self.fingerprint, seen: looks.seen(), network: ip.map(network), name: self.name }
    }
}

impl Service {
    /// A person's devices that are trusted now, newest first, so many to a page; pages are numbered from 1. A user never seen
    /// has none.
    ///
    /// # Errors
    /// The store's.
    pub async fn list_trusted_devices(&self, access: &Access, page: u32, page_size: u16) -> Result<NumberedPage, Error> {
        let need = |_| Need { devices: Rows::Standing, sessions: Rows::Standing, raises: true, ..Need::default() };
        let before = usize::try_from(page.saturating_sub(1)).unwrap_or(usize::MAX).saturating_mul(usize::from(page_size));
        let read = self.read(access, need, |account, moment, own| {
            let mut shown: Vec<&Device> = account.devices.iter().filter(|device| device.is_trusted(account, moment.now)).collect();
            shown.sort_unstable_by_key(|device| std::cmp::Reverse(device.id));
            let items = shown.iter().skip(before).take(page_size.into()).map(|device| JudgedDevice::of(account, device, moment.now, own)).collect();
            Ok((items, shown.len(), moment.now))
        });
        let (judged, total, at): (Vec<JudgedDevice>, usize, Timestamp) = match read.await {
            Err(Error::Refused(Refusal::NotFound)) => (vec![], 0, self.clock.now()),
            read => read?,
        };
        let mut items = Vec::with_capacity(judged.len());
        for device in judged {
            items.push(self.show(device).await);
        }
        Ok(NumberedPage { items, total, at })
    }

    /// Trusts a device for a host by its key's word alone, through the gate; makes it, if the host never named it before.
    ///
    /// # Errors
    /// As the gate.
    pub async fn vouch_for_device(self: &Arc<Self>, access: &Access, device: VouchedDevice) -> Result<DeviceView, Error> {
        let new = NewAccount::draw(&mut self.entropy.mint(), self.clock.now());
        let need = move |now| Need { create: Some(new), ..Need::standing(now) };
        let vouched = device.read();
        let rule = move |account: &mut Account, moment: &mut Moment<'_>, own| {
            let id = account.vouch(moment, &vouched)?;
            Ok(JudgedDevice::of(account, account.device(id)?, moment.now, own))
        };
        Ok(self.show(self.change(access, need, rule).await?).await)
    }

    /// Ends the trust of every trusted device of a person that shows hosts this value. Returns when.
    ///
    /// # Errors
    /// `NotFound` where there is none.
    pub async fn untrust_shown_devices(self: &Arc<Self>, access: &Access, value: String) -> Result<Timestamp, Error> {
        let rule = move |account: &mut Account, moment: &mut Moment<'_>, _| account.untrust_shown(moment, &value).map(|()| moment.now);
        self.change(access, Need::standing, rule).await
    }
}
