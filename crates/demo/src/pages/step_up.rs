//! The page that asks for the code again, before something sensitive.

use maud::{Markup, html};

use crate::pages::code::{Authenticator, field, shown};
use crate::pages::layout::fault;
use crate::step_up::Purpose;

/// The page, with what the code is for.
pub(crate) fn body(purpose: &Purpose, authenticator: &Authenticator, wrong: Option<&str>) -> Markup {
    html! {
        section .sheet {
            h1 { "Confirm that it's you" }
            p .lead {
                @match purpose {
                    Purpose::Transfer { to, amount } => {
                        "You are about to send " strong { (amount) " pebbles" } " to "
                        strong { (to) } ". This always asks for the code, on trusted devices too."
                    }
                    Purpose::Trust => {
                        "To trust this device for 30 days, enter your code once more. "
                        strong { "Shared or public computer? Don't trust it." }
                    }
                }
            }
            (fault(wrong))
            form .stack method="post" action="/step-up" {
                @match purpose {
                    Purpose::Transfer { to, amount } => {
                        input type="hidden" name="for" value="transfer";
                        input type="hidden" name="to" value=(to);
                        input type="hidden" name="amount" value=(amount);
                    }
                    Purpose::Trust => { input type="hidden" name="for" value="trust"; }
                }
                (field(wrong.is_some()))
                button .primary type="submit" {
                    @match purpose {
                        Purpose::Transfer { .. } => { "Send" }
                        Purpose::Trust => { "Trust this device" }
                    }
                }
            }
            (shown(authenticator))
            p .aside {
                @match purpose {
                    Purpose::Transfer { .. } => { a href="/" { "Cancel" } }
                    Purpose::Trust => { a href="/devices" { "Cancel" } }
                }
            }
        }
    }
}
