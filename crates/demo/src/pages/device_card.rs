//! One device: what it is, whether it is trusted, its sessions, and what can be done about it.

use jiff::Timestamp;
use maud::{Markup, html};
use serde_json::Value;

use crate::clock;
use crate::doorward::wire::{Device, Place, Product, Session};
use crate::pages::devices::Devices;
use crate::pages::{icons, words};

/// The card.
pub(crate) fn card(page: &Devices, device: &Device) -> Markup {
    let kind = device.device.as_ref().and_then(|machine| machine.kind.as_deref());
    let title = format!("device-{}", device.id);
    let blocked = device.status == "hijacked";
    html! {
        article .sheet .device .current[device.is_current] .blocked[blocked] aria-labelledby=(title) {
            div .device-head {
                div .emblem { (icons::device(kind.unwrap_or_default())) }
                div .names {
                    h2 id=(title) { (name(device)) }
                    @if device.is_current { span .tag .here { "This device" } }
                }
                (badge(device, page.clock.now))
            }
            (facts(device, page.clock.now))
            @if !blocked {
                (sessions(page, device))
                (actions(page, device))
            }
        }
    }
}

fn name(device: &Device) -> &str {
    device.name.as_deref().unwrap_or("Unknown device")
}

fn badge(device: &Device, now: Timestamp) -> Markup {
    let until = device.trusted_until.as_deref().and_then(clock::parse);
    html! {
        @match (device.status.as_str(), until) {
            ("hijacked", _) => span .badge .stop { (icons::stop()) "Blocked" },
            ("trusted", Some(until)) => span .badge .good title=(clock::exact(until)) {
                (icons::shield()) "Skips the code until " (clock::day(until, now))
            },
            ("trusted", None) => span .badge .good { (icons::shield()) "Skips the code" },
            _ => span .badge { (icons::key()) "Not trusted" },
        }
    }
}

fn facts(device: &Device, now: Timestamp) -> Markup {
    let browser = device.browser.as_ref().and_then(product);
    let platform = device.platform.as_ref().and_then(product);
    let place = device.location.as_ref().and_then(place);
    html! {
        dl .facts {
            div { dt { "Browser" } dd { (browser.as_deref().unwrap_or("Unknown")) } }
            div { dt { "System" } dd { (platform.as_deref().unwrap_or("Unknown")) } }
            @if let Some(place) = place {
                div { dt { "Place" } dd { (place) " (approximate)" } }
            }
            @if let Some(ip) = &device.ip_address { div { dt { "Address" } dd { (ip) } } }
            div { dt { "First seen" } dd { (moment(device.created_at.as_deref(), now)) } }
            div { dt { "Last active" } dd { (moment(device.last_seen_at.as_deref(), now)) } }
            @if let Some(ended) = trust_end(device, now) {
                div .wide { dt { "Trust" } dd { (ended) } }
            }
        }
    }
}

/// A trust that is over, and why.
fn trust_end(device: &Device, now: Timestamp) -> Option<String> {
    if device.status == "trusted" {
        return None;
    }
    let ended = device.trust_ended_at.as_deref().and_then(clock::parse)?;
    let why = device.trust_ended_reason.as_deref().map(|code| format!(": {}", words::trust_ended(code))).unwrap_or_default();
    Some(format!("Ended {}{why}", clock::day(ended, now)))
}

fn product(product: &Product) -> Option<String> {
    let name = product.name.as_deref().filter(|name| !name.is_empty())?;
    let version = product.version.as_ref().and_then(|version| {
        let major = match &version.major {
            Some(Value::String(text)) => Some(text.clone()),
            Some(Value::Number(number)) => Some(number.to_string()),
            _ => None,
        };
        let major = major.filter(|text| !text.is_empty());
        major.or_else(|| version.label.clone().filter(|label| !label.is_empty()))
    });
    Some(version.map_or_else(|| name.to_owned(), |version| format!("{name} {version}")))
}

fn place(place: &Place) -> Option<String> {
    let parts: Vec<&str> =
        [&place.city, &place.region, &place.country].into_iter().filter_map(|part| part.as_deref()).filter(|part| !part.is_empty()).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// "2 minutes ago", with the exact time on hover.
pub(crate) fn moment(text: Option<&str>, now: Timestamp) -> Markup {
    html! {
        @match text.and_then(clock::parse) {
            Some(at) => time datetime=(at) title=(clock::exact(at)) { (clock::ago(at, now)) },
            None => "Unknown",
        }
    }
}

fn sessions(page: &Devices, device: &Device) -> Markup {
    let sessions = page.sessions_of(device);
    html! {
        div .sessions {
            h3 { "Sessions" }
            @if page.sessions.is_none() {
                p .note { "Not known just now." }
            } @else if sessions.is_empty() {
                p .note { "Not signed in on this device." }
            }
            @if !sessions.is_empty() {
                ul { @for session in sessions { li { (one_session(session, page.clock.now)) } } }
            }
        }
    }
}

fn one_session(session: &Session, now: Timestamp) -> Markup {
    html! {
        div .session {
            p {
                strong { (how(session)) }
                @if session.is_current { " " span .tag .here { "This session" } }
            }
            p .note {
                "Since " (moment(session.created_at.as_deref(), now))
                " · active " (moment(session.last_activity_at.as_deref(), now))
                @if let Some(ip) = &session.ip_address { " · from " (ip) }
                @if let Some(end) = session.expires_at.as_deref().and_then(clock::parse) {
                    " · ends " time datetime=(end) title=(clock::exact(end)) { (clock::ahead(end, now)) }
                }
            }
        }
        @if session.is_current {
            form method="post" action="/sign-out" {
                button .quiet .small type="submit" { "Sign out" }
            }
        } @else {
            form method="post" action=(format!("/sessions/{}/end", session.id)) {
                button .quiet .small type="submit" { "Sign out" }
            }
        }
    }
}

fn how(session: &Session) -> &'static str {
    if session.mfa_skipped_by.is_some() {
        "Password, code skipped"
    } else if session.last_mfa_at.is_some() || session.amr.iter().any(|method| method == "otp") {
        "Password and code"
    } else {
        "Password"
    }
}

fn actions(page: &Devices, device: &Device) -> Markup {
    let to = |what: &str| format!("/devices/{}/{what}", device.id);
    html! {
        div .device-actions {
            @if device.status == "trusted" {
                (plain(&to("untrust"), "Stop trusting"))
            } @else if device.is_current && page.has_codes {
                (plain(&to("trust"), "Trust this device"))
            }
            details .confirm {
                summary .button .quiet .small { "Rename" }
                form .popover .inline method="post" action=(to("rename")) {
                    label for=(format!("name-{}", device.id)) { "Name of this device" }
                    input id=(format!("name-{}", device.id)) name="name" value=(name(device))
                        required maxlength="64" autocomplete="off";
                    button .primary .small type="submit" { "Save" }
                }
            }
            details .confirm {
                summary .button .quiet .small { "Remove" }
                form .popover method="post" action=(to("remove")) {
                    p {
                        @if device.is_current { "This signs you out here, and next time this device counts as new." }
                        @else { "This signs it out and takes it off the list. Next time it counts as new." }
                    }
                    button .danger .small type="submit" {
                        @if device.is_current { "Yes, remove this device and sign me out" }
                        @else { "Yes, remove it" }
                    }
                }
            }
            details .confirm {
                summary .button .danger-quiet .small {
                    @if device.is_current { "Stolen or copied" } @else { "This wasn't me" }
                }
                form .popover method="post" action=(to("hijack")) {
                    p {
                        "All sessions on it end, its trust ends, and it can never sign in to your account again. "
                        @if device.is_current { strong { "That includes this browser." } }
                    }
                    button .danger .small type="submit" { "Yes, block it" }
                }
            }
        }
    }
}

fn plain(action: &str, label: &str) -> Markup {
    html! {
        form method="post" action=(action) {
            button .quiet .small type="submit" { (label) }
        }
    }
}
