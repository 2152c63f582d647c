//! Trusted devices on the wire, as this API has them.

use doorward_domain::{TenantId, Timestamp, Trust, UserId, kept_address};
use doorward_service::{DeviceView, NumberedPage};
use serde::Serialize;
use utoipa::ToSchema;

/// A trusted device. What isn't known is an empty string.
#[derive(Serialize, ToSchema)]
#[schema(as = AuthmsTrustedDevice)]
pub(super) struct TrustedDevice {
    /// The device's id.
    #[schema(format = Uuid, example = "019aa0b2-3c4d-7e5f-8a6b-7c8d9e0f1a2b")]
    id: String,
    /// The tenant.
    #[schema(example = "acme")]
    tenant_id: String,
    /// The host's own id of the person.
    #[schema(example = "user-1")]
    user_id: String,
    /// The value that was posted for the device, exactly as it was given; else one derived from its looks. It proves nothing.
    #[schema(example = "fp-7f3a")]
    device_fingerprint: String,
    /// The person's name for it, or one such as `Chrome on Windows`.
    #[schema(example = "Ana's laptop")]
    device_name: String,
    /// `desktop`, `mobile`, `tablet`, `tv`, `bot`, `cli`, `app` or `unknown`.
    #[schema(example = "desktop")]
    device_type: &'static str,
    /// The browser's or app's name.
    #[schema(example = "Chrome")]
    browser: String,
    /// The operating system's name.
    #[schema(example = "Windows")]
    os: String,
    /// The address that it was last seen, or posted, with.
    #[schema(example = "203.0.113.7")]
    ip: String,
    /// When it was first known.
    #[schema(format = DateTime, example = "2026-05-28T20:26:40.123456Z")]
    created_at: String,
    /// When its trust ends.
    #[schema(format = DateTime, example = "2026-06-04T20:26:40.123456Z")]
    trusted_until: String,
}

impl TrustedDevice {
    pub(super) fn of(view: DeviceView, tenant: &TenantId, user: &UserId) -> Self {
        let until = match view.trust {
            Trust::Held { until, .. } => until.to_string(),
            Trust::Ended(_) | Trust::Never => String::new(),
        };
        Self {
            id: view.device.id.to_string(),
            tenant_id: tenant.as_str().to_owned(),
            user_id: user.as_str().to_owned(),
            device_fingerprint: view.device.given_fingerprint.unwrap_or(view.fingerprint),
            device_name: view.name,
            device_type: view.description.device.kind.as_str(),
            browser: view.description.browser.name.clone(),
            os: view.description.platform.name.clone(),
            ip: kept_address(view.device.seen.ip).map(|ip| ip.to_string()).unwrap_or_default(),
            created_at: view.device.created_at.to_string(),
            trusted_until: until,
        }
    }
}

/// Where a page lies.
#[derive(Serialize, ToSchema)]
#[schema(as = AuthmsPageInfo)]
struct PageInfo {
    /// Which page, from 1.
    #[schema(example = 1)]
    page: u32,
    /// Items on a page.
    #[schema(example = 20)]
    page_size: u16,
    /// Items on all pages.
    #[schema(example = 1)]
    total: usize,
    /// How many pages there are; none where there is nothing.
    #[schema(example = 1)]
    total_pages: usize,
    /// Whether there is a page after it.
    #[schema(example = false)]
    has_next: bool,
    /// Whether there is a page before it.
    #[schema(example = false)]
    has_prev: bool,
}

/// A page of a person's trusted devices.
#[derive(Serialize, ToSchema)]
#[schema(as = AuthmsTrustedDeviceList)]
pub(super) struct TrustedDevices {
    /// Always 0.
    #[schema(example = 0)]
    code: u8,
    /// Always `success`.
    #[schema(example = "success")]
    message: &'static str,
    /// When it was read.
    #[schema(format = DateTime, example = "2026-05-28T20:26:40.123456Z")]
    timestamp: String,
    /// The devices on this page, the newest first.
    items: Vec<TrustedDevice>,
    /// Devices on all pages.
    #[schema(example = 1)]
    total: usize,
    /// Where the page lies.
    pagination: PageInfo,
}

const SUCCESS: &str = "success";

impl TrustedDevices {
    pub(super) fn of(listed: NumberedPage, tenant: &TenantId, user: &UserId, page: u32, page_size: u16) -> Self {
        let NumberedPage { items, total, at } = listed;
        let total_pages = total.div_ceil(page_size.into());
        let number = usize::try_from(page).unwrap_or(usize::MAX);
        Self {
            code: 0,
            message: SUCCESS,
            timestamp: at.to_string(),
            items: items.into_iter().map(|view| TrustedDevice::of(view, tenant, user)).collect(),
            total,
            pagination: PageInfo { page, page_size, total, total_pages, has_next: number < total_pages, has_prev: page > 1 },
        }
    }
}

/// That something was done.
#[derive(Serialize, ToSchema)]
#[schema(as = AuthmsDone)]
pub(super) struct Done {
    /// Always 0.
    #[schema(example = 0)]
    code: u8,
    /// Always `success`.
    #[schema(example = "success")]
    message: &'static str,
    /// When it was done.
    #[schema(format = DateTime, example = "2026-05-28T20:26:40.123456Z")]
    timestamp: String,
}

impl Done {
    pub(super) fn at(at: Timestamp) -> Self {
        Self { code: 0, message: SUCCESS, timestamp: at.to_string() }
    }
}
