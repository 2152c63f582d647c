//! Puts the three sources over each other: the string, the hints, and what an app says of itself.

use crate::agents::Source;
use crate::browsers::browser;
use crate::description::{Browser, Description, Hardware, Kind};
use crate::hardware::{fill, hardware, kind_of_word, set_model};
use crate::info::DeviceInfo;
use crate::platforms::{self, platform};
use crate::rules::Rules;
use crate::speaker::Speaker;
use crate::text;
use crate::version::Version;

/// Describes a source whose user agent string has been cut to a length that rules may be run on.
pub(crate) fn describe(rules: &Rules, source: &Source<'_>) -> Description {
    let user_agent = source.user_agent.trim();
    let hints = source.client_hints;
    let reading = rules.read(user_agent);
    let speaker = Speaker::of(user_agent, &reading);
    let role = speaker.role;
    let platform = platform(user_agent, &reading, &speaker, hints);
    let device = hardware(rules, user_agent, &reading, role, hints, &platform);
    let mut description = Description { browser: browser(user_agent, speaker, hints, &platform), platform, device };
    if let Some(info) = source.device_info {
        overlay(rules, &mut description, user_agent, info);
    }
    description
}

fn overlay(rules: &Rules, description: &mut Description, user_agent: &str, info: &DeviceInfo) {
    let Description { browser, platform, device } = description;
    let app = text::name(info.app.as_deref().unwrap_or_default());
    let declared = text::name(info.browser.as_deref().unwrap_or_default());
    if platforms::overlay(platform, info) {
        // What was read of the device was read of another platform's.
        *device = Hardware { kind: device.kind, ..Hardware::default() };
    }
    device.kind = match info.kind.as_deref().and_then(kind_of_word) {
        Some(kind) => kind,
        None if !declared.is_empty() && app.is_empty() => device.kind,
        // The string of an app's HTTP library, or one that no rule knows. Where there is none, as of what a host vouches for, nothing
        // says that it is an app.
        None if !app.is_empty() || device.kind == Kind::Cli || device.kind == Kind::Unknown && !user_agent.is_empty() => Kind::App,
        None => device.kind,
    };
    set_model(rules, device, info.model.as_deref().unwrap_or_default());
    fill(device, platform);
    if !app.is_empty() {
        browser.version = Version::parse_product(info.app_version.as_deref().unwrap_or_default());
        browser.family.clone_from(&app);
        browser.name = app;
    } else if !declared.is_empty() {
        *browser = Browser { family: declared.clone(), name: declared, ..Browser::default() };
    }
}
