//! The person's own page: how they are signed in, and money to send.

use maud::{Markup, html};

use crate::doorward::wire::Verified;
use crate::pages::icons;
use crate::people::Who;

/// The page.
pub(crate) fn body(who: &Who, session: &Verified, offered: bool) -> Markup {
    let trusted = session.device_status.as_deref() == Some("trusted");
    html! {
        h1 .hello { "Hello, " (who.name) }
        @if offered {
            section .sheet .offer {
                p { strong { "Trust this device for 30 days?" } " The code is then not asked for here." }
                a .button .quiet href="/trust" { "Decide now" }
            }
        }
        div .pair {
            section .sheet aria-labelledby="how-title" {
                h2 #how-title { "How you are signed in" }
                ul .facts {
                    li { (how(session)) }
                    li {
                        @if trusted { (icons::shield()) "This device is trusted" }
                        @else { (icons::key()) "This device is not trusted" }
                    }
                }
                p { a href="/devices" { "See your devices and sessions" } }
            }
            section .sheet aria-labelledby="send-title" {
                h2 #send-title { "Send money" }
                form .stack method="get" action="/step-up" {
                    input type="hidden" name="for" value="transfer";
                    label for="to" { "To" }
                    input #to name="to" value="Grace" required maxlength="40" autocomplete="off";
                    label for="amount" { "Pebbles" }
                    input #amount name="amount" value="25" type="number" min="1" max="9999" required;
                    button .primary type="submit" { "Send" }
                }
                p .note { "Sensitive, so it asks for a one-time code each time." }
            }
        }
    }
}

fn how(session: &Verified) -> Markup {
    html! {
        @if session.mfa_skipped_by.as_deref() == Some("device_trust") {
            (icons::shield()) "Password; the code was skipped because this device is trusted"
        } @else if session.last_mfa_at.is_some() {
            (icons::key()) "Password and one-time code"
        } @else {
            (icons::key()) "Password alone"
        }
    }
}
