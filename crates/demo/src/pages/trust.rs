//! The question after a sign-in: trust this device? Neither answer is chosen beforehand.

use maud::{Markup, html};

use crate::pages::icons;

/// The page.
pub(crate) fn body() -> Markup {
    html! {
        section .sheet .trust-page {
            div .emblem { (icons::shield()) }
            h1 { "Trust this device for 30 days?" }
            p .lead {
                "Until then your password is enough on this device: the one-time code is not asked for."
            }
            ul .plain {
                li { "You can stop trusting it at any time, on " strong { "Your devices" } "." }
                li { "Other devices still need the code." }
            }
            p .warning { strong { "Shared or public computer? Choose No." } }
            form .choice method="post" action="/trust" {
                button .primary type="submit" name="choice" value="yes" { "Yes, trust this device" }
                button .primary type="submit" name="choice" value="no" { "No" }
            }
            p .note { "If you choose No, we remember it and don't ask again for a while." }
        }
    }
}
