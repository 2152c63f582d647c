//! What commands show of devices and sessions: the same JSON as the internal API's, so that scripts learn one form.

use doorward_domain::{ApiKey, ApiKeyToken, Count, Language, PolicyChanged, Tenant, Timestamp};
use doorward_service::{DeviceDetail, DeviceView, FeedPage, Paged, PersonExport, SessionView, SignInView};
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

/// An API key.
#[must_use]
pub fn api_key(key: ApiKey, now: Timestamp) -> Value {
    value(&wire::ApiKey::of(key, now))
}

/// An API key with its text.
#[must_use]
pub fn api_key_once(made: (ApiKey, ApiKeyToken), now: Timestamp) -> Value {
    value(&wire::ApiKeyShown::of(made, now))
}

/// All API keys.
#[must_use]
pub fn api_keys(keys: Vec<ApiKey>, now: Timestamp) -> Value {
    value(&wire::List::of(Paged { items: keys, next_cursor: None }, |key| wire::ApiKey::of(key, now)))
}

/// Everything that is held of a person.
#[must_use]
pub fn export(export: PersonExport) -> Value {
    value(&wire::Export::from(export))
}

/// How many sessions ended.
#[must_use]
pub fn sessions_ended(count: Count) -> Value {
    value(&wire::SessionsEnded::from(count))
}

/// A stretch of the feed.
#[must_use]
pub fn feed(page: FeedPage) -> Value {
    value(&wire::FeedPage::from(page))
}

/// A sign-in, with why it was decided so.
#[must_use]
pub fn sign_in(view: SignInView, now: Timestamp, language: Language) -> Value {
    value(&wire::SignIn::of(view, now, language))
}

/// A page of sign-ins, each with why it was decided so in one line.
#[must_use]
pub fn sign_ins(page: Paged<SignInView>, now: Timestamp, language: Language) -> Value {
    let list = wire::List::of(page, |sign_in| {
        let mut shown = value(&wire::SignIn::of(sign_in, now, language));
        let why = shown["reasons"].as_array().into_iter().flatten().filter_map(|reason| {
            let detail = &shown["reason_details"][reason.as_str()?];
            let sentences = [&detail["message"], &detail["cause_message"]];
            Some(sentences.iter().filter_map(|sentence| sentence.as_str()).collect::<Vec<_>>().join(" "))
        });
        let why = why.collect::<Vec<_>>().join(" ");
        shown["why"] = why.into();
        shown
    });
    value(&list)
}

/// A tenant's policy.
#[must_use]
pub fn policy(tenant: &Tenant) -> Value {
    value(&wire::Policy::of(&tenant.policy, tenant.policy_revision))
}

/// What a change of a policy came to.
#[must_use]
pub fn policy_changed(changed: PolicyChanged, dry_run: bool) -> Value {
    value(&wire::PolicyChanged::of(changed, dry_run))
}
