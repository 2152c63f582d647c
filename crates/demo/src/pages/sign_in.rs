//! The sign-in page: name and password, and two people who are ready to use.

use maud::{Markup, html};

use crate::pages::layout::fault;
use crate::people::SEEDS;

/// The form, with what was entered and what was wrong with it.
pub(crate) fn body(name: &str, wrong: Option<&str>) -> Markup {
    html! {
        section .sheet {
            h1 { "Sign in" }
            (fault(wrong))
            form .stack method="post" action="/sign-in" {
                label for="name" { "Name or e-mail" }
                input #name name="name" value=(name) autocomplete="username" autocapitalize="none"
                    spellcheck="false" required maxlength="64"
                    aria-describedby=[wrong.map(|_| "fault")];
                label for="password" { "Password" }
                input #password name="password" type="password" autocomplete="current-password"
                    required maxlength="200" aria-describedby=[wrong.map(|_| "fault")];
                button .primary type="submit" { "Sign in" }
            }
            p .aside { "New here? " a href="/register" { "Register" } "." }
        }
        section .ready aria-labelledby="ready-title" {
            h2 #ready-title { "Ready to try" }
            ul .people {
                @for seed in &SEEDS {
                    li {
                        div {
                            strong { (seed.name) }
                            p .note {
                                @if seed.has_codes() { "Password, then a one-time code" }
                                @else { "Password only, no second factor" }
                            }
                            p .note { "Password: " code { (seed.password) } }
                        }
                        form method="post" action="/sign-in" {
                            input type="hidden" name="name" value=(seed.name);
                            input type="hidden" name="password" value=(seed.password);
                            button .quiet type="submit" { "Sign in as " (seed.name) }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_was_entered_comes_back_escaped() {
        let page = super::body("\"><script>", Some("<b>no</b>")).into_string();
        assert!(page.contains("value=\"&quot;&gt;&lt;script&gt;\""));
        assert!(page.contains("&lt;b&gt;no&lt;/b&gt;"));
    }
}
