//! The frame of every page: head, top bar, dev tools, the page itself, and the panel beside it.

use maud::{DOCTYPE, Markup, html};

use crate::browser::{Flash, Profile};
use crate::pages::{dev_strip, icons};
use crate::panel::{Call, panel};
use crate::people::Who;
use crate::visit::{Agent, Clock};

/// What stands around a page.
pub(crate) struct Chrome<'a> {
    pub(crate) title: &'a str,
    pub(crate) who: Option<&'a Who>,
    pub(crate) profile: Profile,
    pub(crate) agent: &'a Agent,
    pub(crate) flash: Option<&'a Flash>,
    pub(crate) clock: Clock,
    pub(crate) calls: &'a [Call],
    pub(crate) visit: u64,
    pub(crate) doorward_url: &'a str,
    pub(crate) body: Markup,
}

/// The whole document.
pub(crate) fn page(chrome: &Chrome<'_>) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (chrome.title) " · Pebble" }
                link rel="icon" href="/icon.svg" type="image/svg+xml";
                link rel="stylesheet" href="/style.css";
                script src="/page.js" defer {}
            }
            body {
                a .skip href="#main" { "Skip to the page" }
                (top(chrome))
                (dev_strip::strip(chrome.profile, chrome.agent, chrome.clock))
                div .frame {
                    main #main tabindex="-1" {
                        @if let Some(flash) = chrome.flash {
                            p .flash .bad[!flash.good] role="status" { (flash.text) }
                        }
                        (chrome.body)
                    }
                    (panel(chrome.calls, chrome.visit))
                }
                footer .foot {
                    "A demo login that uses Doorward over HTTP. "
                    a href=(format!("{}/docs", chrome.doorward_url)) { "Doorward's API" }
                }
            }
        }
    }
}

fn top(chrome: &Chrome<'_>) -> Markup {
    html! {
        header .top {
            a .brand href="/" {
                (icons::door())
                span { "Pebble" }
                small { "demo bank" }
            }
            nav aria-label="Main" {
                @if let Some(who) = chrome.who {
                    a href="/" { "Account" }
                    a href="/devices" { "Your devices" }
                    form method="post" action="/sign-out" {
                        span .me title="Signed in" { (who.name) }
                        button .quiet .small type="submit" { "Sign out" }
                    }
                } @else {
                    a href="/sign-in" { "Sign in" }
                    a href="/register" { "Register" }
                }
            }
        }
    }
}

/// One sentence above a form that could not be taken.
pub(crate) fn fault(text: Option<&str>) -> Markup {
    html! {
        @if let Some(text) = text {
            p #fault .flash .bad role="alert" { (text) }
        }
    }
}
