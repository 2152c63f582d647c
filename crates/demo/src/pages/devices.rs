//! The page "Your devices": a card for each device with its sessions, and what ended lately.

use maud::{Markup, html};

use crate::clock;
use crate::doorward::wire::{Device, Session};
use crate::pages::device_card::{card, moment};
use crate::pages::words;
use crate::visit::Clock;

/// What the page shows. A list that could not be had is `None`.
pub(crate) struct Devices {
    pub(crate) devices: Vec<Device>,
    pub(crate) sessions: Option<Vec<Session>>,
    pub(crate) ended: Option<Vec<Session>>,
    /// Whether this person could trust a device at all.
    pub(crate) has_codes: bool,
    pub(crate) clock: Clock,
}

impl Devices {
    /// This device first, then the most recently seen; blocked ones apart.
    fn sorted(&self) -> (Vec<&Device>, Vec<&Device>) {
        let mut all: Vec<&Device> = self.devices.iter().collect();
        all.sort_by_key(|device| {
            let seen = device.last_seen_at.as_deref().and_then(clock::parse);
            (!device.is_current, std::cmp::Reverse(seen))
        });
        all.into_iter().partition(|device| device.status != "hijacked")
    }

    /// The live sessions of a device, this one first.
    pub(crate) fn sessions_of(&self, device: &Device) -> Vec<&Session> {
        let mut of_device: Vec<&Session> = self.sessions.iter().flatten().filter(|session| session.device_id.as_deref() == Some(&device.id)).collect();
        of_device.sort_by_key(|session| !session.is_current);
        of_device
    }
}

/// The page.
pub(crate) fn body(page: &Devices) -> Markup {
    let (open, blocked) = page.sorted();
    let others = page.sessions.iter().flatten().filter(|session| !session.is_current).count();
    html! {
        div .heading {
            div {
                h1 { "Your devices" }
                p .lead { "Where you are signed in, and which devices skip the code." }
            }
            @if others > 0 { (everywhere_else(others)) }
        }
        @if page.sessions.is_none() {
            p .flash .bad role="status" {
                "The sessions can't be shown just now. "
                a href="/devices" { "Try again" }
            }
        }
        @if open.is_empty() {
            div .sheet .empty-state {
                p { strong { "No devices yet" } }
                p { "When you sign in somewhere, the device appears here." }
            }
        }
        @for device in &open { (card(page, device)) }
        @if open.len() == 1 && blocked.is_empty() {
            p .empty { "No other devices. When you sign in elsewhere, it appears here." }
        }
        @if !blocked.is_empty() {
            h2 .part { "Blocked" }
            p .note { "Reported as not yours. They can't sign in to your account any more." }
            @for device in &blocked { (card(page, device)) }
        }
        (history(page))
    }
}

fn everywhere_else(others: usize) -> Markup {
    let count = clock::counted(i64::try_from(others).unwrap_or(i64::MAX), "session");
    html! {
        details .confirm .everywhere {
            summary .button .quiet { "Sign out everywhere else (" (others) ")" }
            div .popover {
                p { "This ends " strong { (count) } " at once, and other devices will ask for the code again. It can't be undone." }
                form method="post" action="/sessions/others/end" {
                    button .danger type="submit" { "Yes, sign out everywhere else" }
                }
            }
        }
    }
}

fn history(page: &Devices) -> Markup {
    html! {
        section .history aria-labelledby="history-title" {
            h2 #history-title .part { "Ended sessions" }
            @match page.ended.as_deref() {
                None => p .flash .bad role="status" {
                    "The history can't be shown just now. " a href="/devices" { "Try again" }
                },
                Some([]) => p .empty { "Nothing has ended lately." },
                Some(sessions) => ul .sheet .ended {
                    @for session in sessions { li { (ended(page, session)) } }
                }
            }
        }
    }
}

fn ended(page: &Devices, session: &Session) -> Markup {
    let device = page.devices.iter().find(|device| session.device_id.as_deref() == Some(&device.id));
    let name = device.and_then(|device| device.name.as_deref());
    html! {
        span .what {
            strong { (name.unwrap_or("A device that is gone")) }
            @if let Some(reason) = &session.ended_reason { ": " (words::ended(reason)) }
        }
        span .when { (moment(session.ended_at.as_deref(), page.clock.now)) }
    }
}
