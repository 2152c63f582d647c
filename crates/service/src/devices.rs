//! Devices: list, get, rename, trust, untrust, report hijacked, release, forget, sign out.

use std::sync::Arc;

use doorward_domain::{
    Account, AccountId, Cause, Count, Device, DeviceId, DeviceStatus, DeviceToken, Factor, Made, MfaMethod, Once, Refusal, SessionStatus, Timestamp, Tokens,
};
use doorward_store::{Need, Page, Rows};

use crate::access::{Access, Own};
use crate::once::{IdempotencyKey, gone};
use crate::pages::List;
use crate::views::JudgedDevice;
use crate::{DeviceView, Error, PageRequest, Paged, Service, SessionView};

/// A device by its id, or the caller's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceName {
    /// By id.
    Id(DeviceId),
    /// The caller's own; a key has none.
    Current,
}

impl DeviceName {
    fn resolve(self, own: Option<Own>) -> Result<DeviceId, Refusal> {
        match self {
            Self::Id(id) => Ok(id),
            Self::Current => own.map(|own| own.device).ok_or(Refusal::NotFound),
        }
    }
}

/// A device with its sessions.
#[derive(Debug, Clone)]
pub struct DeviceDetail {
    /// The device.
    pub device: DeviceView,
    /// Its sessions that are live or blocked, newest first.
    pub sessions: Vec<SessionView>,
}

/// What giving trust to a device answers.
#[derive(Debug, Clone)]
pub struct Trusted {
    /// The device.
    pub device: DeviceView,
    /// Its new token, where it is the caller's own.
    pub device_token: Option<DeviceToken>,
}

fn standing_devices(_: Timestamp) -> Need {
    Need { devices: Rows::Standing, sessions: Rows::Standing, raises: true, ..Need::default() }
}

fn judged(account: &Account, device: DeviceId, now: Timestamp, own: Option<Own>) -> Result<JudgedDevice, Refusal> {
    account.device(device).map(|device| JudgedDevice::of(account, device, now, own))
}

impl Service {
    /// A person's devices that aren't forgotten, newest first. A user never seen has none.
    ///
    /// # Errors
    /// `Unauthenticated`; `Invalid` for a cursor that isn't this list's.
    pub async fn list_devices(&self, access: &Access, status: Option<DeviceStatus>, request: &PageRequest) -> Result<Paged<DeviceView>, Error> {
        let page = self.read(access, standing_devices, |account, moment, own| {
            let list = List { keys: moment.keys, name: "devices", account: account.head.id };
            let mut shown: Vec<&Device> = account.devices.iter().filter(|device| device.forgotten_at.is_none()).collect();
            shown.sort_unstable_by_key(|device| std::cmp::Reverse(device.id));
            let shown = shown.into_iter().filter(|device| status.is_none_or(|status| device.status(account, moment.now) == status));
            let page = list.cut(shown, request, |device| device.id.0)?;
            let items = page.items.into_iter().map(|device| JudgedDevice::of(account, device, moment.now, own)).collect();
            Ok(Paged { items, next_cursor: page.next_cursor })
        });
        let Paged { items, next_cursor } = self.or_empty(access, request, "devices", page.await)?;
        let mut views = Vec::with_capacity(items.len());
        for item in items {
            views.push(self.show(item).await);
        }
        Ok(Paged { items: views, next_cursor })
    }

    /// A user whom nobody has seen has empty lists, so that a list tells nothing about who exists.
    pub(crate) fn or_empty<T>(&self, access: &Access, request: &PageRequest, name: &'static str, page: Result<Paged<T>, Error>) -> Result<Paged<T>, Error> {
        match page {
            Err(Error::Refused(Refusal::NotFound)) if access.session().is_none() => {
                // No cursor can be right here, and a wrong one is told as ever.
                let list = List { keys: &self.keys, name, account: AccountId(uuid::Uuid::nil()) };
                list.open(request.cursor.as_deref())?;
                Ok(Paged { items: vec![], next_cursor: None })
            }
            page => page,
        }
    }

    /// One device with its sessions.
    ///
    /// # Errors
    /// `Unauthenticated`, `NotFound`.
    pub async fn get_device(&self, access: &Access, name: DeviceName) -> Result<DeviceDetail, Error> {
        let (device, sessions) = self
            .read(access, standing_devices, |account, moment, own| {
                let id = name.resolve(own)?;
                let device = judged(account, id, moment.now, own)?;
                let mut sessions = Vec::new();
                for session in account.sessions.iter().filter(|session| session.device == id).rev() {
                    let view = SessionView::of(account, session, moment.now, own)?;
                    if matches!(view.status, SessionStatus::Active | SessionStatus::Blocked) {
                        sessions.push(view);
                    }
                }
                Ok((device, sessions))
            })
            .await?;
        Ok(DeviceDetail { device: self.show(device).await, sessions: sessions.into_iter().map(|session| self.show_session(session)).collect() })
    }

    /// One device with the sessions on it, also those that are over: of them, those among the account's hundred newest sessions.
    ///
    /// # Errors
    /// `Unauthenticated`, `NotFound`.
    pub async fn get_device_with_past(&self, access: &Access, name: DeviceName) -> Result<DeviceDetail, Error> {
        let mut detail = self.get_device(access, name).await?;
        let id = detail.device.device.id;
        let newest = Page { before: None, limit: 100 };
        let need = |_| Need { devices: Rows::Standing, sessions: Rows::Page(newest), raises: true, ..Need::default() };
        let past = self.read(access, need, |account, moment, own| {
            let on_it = account.sessions.iter().filter(|session| session.device == id);
            on_it.map(|session| SessionView::of(account, session, moment.now, own)).collect::<Result<Vec<_>, _>>()
        });
        let past = past.await?.into_iter().filter(|view| !detail.sessions.iter().any(|shown| shown.session.id == view.session.id));
        let past: Vec<_> = past.collect();
        detail.sessions.extend(past.into_iter().map(|view| self.show_session(view)));
        detail.sessions.sort_unstable_by_key(|view| std::cmp::Reverse(view.session.id));
        Ok(detail)
    }

    /// Gives a device a name: 1 to 64 characters, checked by the surface.
    ///
    /// # Errors
    /// `Unauthenticated`, `NotFound`.
    pub async fn rename_device(self: &Arc<Self>, access: &Access, name: DeviceName, to: String) -> Result<DeviceView, Error> {
        let rule = move |account: &mut Account, moment: &mut doorward_domain::Moment<'_>, own| {
            let id = name.resolve(own)?;
            account.rename(moment, id, &to)?;
            judged(account, id, moment.now, own)
        };
        Ok(self.show(self.change(access, Need::standing, rule).await?).await)
    }

    /// Trusts a device through the gate, by the caller's own session. The caller's own device gets a new token if the answer can bear it.
    ///
    /// # Errors
    /// `Unauthenticated`, `NotFound`, and as the gate.
    pub async fn trust_device(
        self: &Arc<Self>,
        access: &Access,
        name: DeviceName,
        can_bear_token: bool,
        key: Option<&IdempotencyKey>,
    ) -> Result<Trusted, Error> {
        let rule = move |account: &mut Account, moment: &mut doorward_domain::Moment<'_>, own: Option<Own>, before: Option<&Once>| {
            let caller = own.ok_or(Refusal::Unauthenticated)?;
            let (id, device_token) = match before {
                Some(once) => (once.made.device.ok_or(Refusal::IdempotencyKeyUsed)?, account.reissue(moment, once)?.device_token),
                None => {
                    let id = name.resolve(own)?;
                    (id, account.trust_in_session(moment, caller.session, id, can_bear_token)?)
                }
            };
            account.device(id).map_err(|unknown| if before.is_some() { gone(unknown) } else { unknown })?;
            let tokens = Tokens { device_token, ..Tokens::default() };
            let made = Made::with_tokens(moment.keys, None, id, &tokens);
            Ok(((judged(account, id, moment.now, own)?, tokens.device_token), made))
        };
        let (device, device_token) = self.change_once(access, key, Need::standing, rule).await?;
        Ok(Trusted { device: self.show(device).await, device_token })
    }

    /// Trusts the device that a text of 1 to 512 characters names by its fingerprint, through the gate, by the caller's own session.
    /// Returns when the trust ends.
    ///
    /// # Errors
    /// `Unauthenticated`, `NotFound` where no device or several are named so, and as the gate.
    pub async fn trust_device_by_fingerprint(self: &Arc<Self>, access: &Access, fingerprint: String) -> Result<Timestamp, Error> {
        let rule = move |account: &mut Account, moment: &mut doorward_domain::Moment<'_>, own: Option<Own>| {
            let caller = own.ok_or(Refusal::Unauthenticated)?;
            account.trust_by_fingerprint(moment, caller.session, &fingerprint)
        };
        self.change(access, Need::standing, rule).await
    }

    /// Trusts a device for a host, which states the second factor.
    ///
    /// # Errors
    /// `NotFound`, `Invalid` on `mfa.verified_at`, and as the gate.
    pub async fn trust_device_for_host(
        self: &Arc<Self>,
        access: &Access,
        id: DeviceId,
        mfa: (MfaMethod, Option<Timestamp>),
        key: Option<&IdempotencyKey>,
    ) -> Result<DeviceView, Error> {
        let rule = move |account: &mut Account, moment: &mut doorward_domain::Moment<'_>, own, before: Option<&Once>| {
            account.device(id).map_err(|unknown| if before.is_some() { gone(unknown) } else { unknown })?;
            if before.is_none() {
                let factor = Factor::stated(mfa.0, mfa.1, None, moment.now)?;
                account.trust_for_host(moment, id, factor)?;
            }
            Ok((judged(account, id, moment.now, own)?, Made::with_tokens(moment.keys, None, id, &Tokens::default())))
        };
        Ok(self.show(self.change_once(access, key, Need::standing, rule).await?).await)
    }

    /// Ends a device's trust; with `end_sessions` all its sessions, the caller's too.
    ///
    /// # Errors
    /// `Unauthenticated`, `NotFound`.
    pub async fn untrust_device(self: &Arc<Self>, access: &Access, name: DeviceName, end_sessions: bool) -> Result<DeviceView, Error> {
        let rule = move |account: &mut Account, moment: &mut doorward_domain::Moment<'_>, own: Option<Own>| {
            let id = name.resolve(own)?;
            account.untrust(moment, id, own.map(|own| own.session), end_sessions)?;
            judged(account, id, moment.now, own)
        };
        Ok(self.show(self.change(access, Need::standing, rule).await?).await)
    }

    /// Reports a device hijacked: final.
    ///
    /// # Errors
    /// `Unauthenticated`, `NotFound`; `RecentAuthRequired` for another device than the caller's.
    pub async fn hijack_device(self: &Arc<Self>, access: &Access, name: DeviceName) -> Result<DeviceView, Error> {
        let rule = move |account: &mut Account, moment: &mut doorward_domain::Moment<'_>, own| {
            let id = name.resolve(own)?;
            dangerous(account, id, own, moment.now)?;
            account.hijack(moment, id)?;
            judged(account, id, moment.now, own)
        };
        Ok(self.show(self.change(access, Need::standing, rule).await?).await)
    }

    /// Retires a hijacked device's token.
    ///
    /// # Errors
    /// `NotFound`, also for a device that isn't hijacked.
    pub async fn release_device(self: &Arc<Self>, access: &Access, id: DeviceId) -> Result<DeviceView, Error> {
        let need = move |now| Need { device: Some(id), ..Need::standing(now) };
        let rule = move |account: &mut Account, moment: &mut doorward_domain::Moment<'_>, own| {
            account.release(moment, id)?;
            let device = account.devices.iter().find(|device| device.id == id).ok_or(Refusal::NotFound)?;
            Ok(JudgedDevice::of(account, device, moment.now, own))
        };
        Ok(self.show(self.change(access, need, rule).await?).await)
    }

    /// Forgets a device.
    ///
    /// # Errors
    /// `Unauthenticated`, `NotFound`; `RecentAuthRequired` for another device than the caller's.
    pub async fn forget_device(self: &Arc<Self>, access: &Access, name: DeviceName) -> Result<Count, Error> {
        let rule = move |account: &mut Account, moment: &mut doorward_domain::Moment<'_>, own| {
            let id = name.resolve(own)?;
            dangerous(account, id, own, moment.now)?;
            account.forget(moment, id, Cause::DeviceForgotten)
        };
        self.change(access, Need::standing, rule).await
    }

    /// Forgets every device but the caller's own.
    ///
    /// # Errors
    /// `Unauthenticated`, `RecentAuthRequired`.
    pub async fn forget_other_devices(self: &Arc<Self>, access: &Access) -> Result<(usize, Count), Error> {
        let rule = move |account: &mut Account, moment: &mut doorward_domain::Moment<'_>, own: Option<Own>| {
            let own = own.ok_or(Refusal::Unauthenticated)?;
            account.recent_auth(account.session(own.session)?, moment.now)?;
            account.forget_others(moment, own.device)
        };
        self.change(access, Need::standing, rule).await
    }

    /// Ends every session of the caller's own device, the caller's too.
    ///
    /// # Errors
    /// `Unauthenticated`.
    pub async fn sign_out_device(self: &Arc<Self>, access: &Access) -> Result<Count, Error> {
        let rule = move |account: &mut Account, moment: &mut doorward_domain::Moment<'_>, own: Option<Own>| {
            let own = own.ok_or(Refusal::Unauthenticated)?;
            account.sign_out_device(moment, own.device)
        };
        self.change(access, Need::standing, rule).await
    }
}

/// What is done to another device than one's own wants a recent authentication, where the policy says so.
fn dangerous(account: &Account, device: DeviceId, own: Option<Own>, now: Timestamp) -> Result<(), Refusal> {
    account.device(device)?;
    match own {
        Some(own) if own.device != device => account.recent_auth(account.session(own.session)?, now),
        _ => Ok(()),
    }
}
