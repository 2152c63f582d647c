//! The registration page.

use maud::{Markup, html};

use crate::pages::layout::fault;

/// The form, with what was entered and what was wrong with it.
pub(crate) fn body(name: &str, codes: bool, wrong: Option<&str>) -> Markup {
    html! {
        section .sheet {
            h1 { "Register" }
            (fault(wrong))
            form .stack method="post" action="/register" {
                label for="name" { "Name or e-mail" }
                input #name name="name" value=(name) autocomplete="username" autocapitalize="none"
                    spellcheck="false" required maxlength="64"
                    aria-describedby=[wrong.map(|_| "fault")];
                label for="password" { "Password" }
                input #password name="password" type="password" autocomplete="new-password"
                    required minlength="8" maxlength="200" aria-describedby="password-help";
                p #password-help .note { "At least 8 characters. It is kept in this demo's memory, hashed, until it stops." }
                div .check {
                    input #codes name="codes" type="checkbox" value="yes" checked[codes];
                    div {
                        label for="codes" { "Protect my account with one-time codes" }
                        p .note { "You set them up in the next step. Any authenticator app will do, or none: the demo shows the code." }
                    }
                }
                button .primary type="submit" { "Register" }
            }
            p .aside { "Registered already? " a href="/sign-in" { "Sign in" } "." }
        }
    }
}
