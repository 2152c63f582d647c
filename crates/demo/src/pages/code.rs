//! The page that asks for the one-time code, and offers to trust the device beside it.

use maud::{Markup, html};

use crate::pages::layout::fault;
use crate::pages::words;
use crate::qr;
use crate::totp::Secret;

/// What the page needs to know.
pub(crate) struct Asking<'a> {
    pub(crate) name: &'a str,
    /// Whether the person is just setting their codes up.
    pub(crate) enrolling: bool,
    pub(crate) reasons: &'a [String],
    pub(crate) authenticator: &'a Authenticator,
    pub(crate) wrong: Option<&'a str>,
    pub(crate) trust: bool,
}

/// What an authenticator app would hold and show.
pub(crate) struct Authenticator {
    pub(crate) name: String,
    pub(crate) secret: Secret,
    /// The code to enter, or the seconds until there is a new one.
    pub(crate) code: Result<String, u64>,
}

/// The page.
pub(crate) fn body(asking: &Asking<'_>) -> Markup {
    html! {
        section .sheet {
            h1 {
                @if asking.enrolling { "Set up one-time codes" } @else { "Enter your one-time code" }
            }
            p .lead {
                @if asking.enrolling {
                    "Scan the picture with an authenticator app, then enter the code it shows."
                } @else {
                    "The password is right, " strong { (asking.name) }
                    ". We don't know this device well enough to skip the code."
                }
            }
            @if asking.enrolling { (picture(asking.authenticator)) }
            (fault(asking.wrong))
            form .stack method="post" action="/code" {
                (field(asking.wrong.is_some()))
                div .check .trust {
                    input #trust name="trust" type="checkbox" value="yes" checked[asking.trust]
                        aria-describedby="trust-help";
                    div {
                        label for="trust" { "Trust this device for 30 days" }
                        p #trust-help .note {
                            "The code is then not asked for on this device. "
                            strong { "Shared or public computer? Leave it off." }
                        }
                    }
                }
                button .primary type="submit" { "Continue" }
            }
            (shown(asking.authenticator))
            @if !asking.enrolling {
                details .set-up {
                    summary { "Set this up in an authenticator app" }
                    (picture(asking.authenticator))
                }
            }
            p .aside { a href="/sign-in" { "Sign in as someone else" } }
        }
        @if !asking.reasons.is_empty() && !asking.enrolling {
            section .why-box {
                h2 { "Why is the code asked for?" }
                p .note { "Doorward tells the host, not the person:" }
                ul {
                    @for code in asking.reasons {
                        li { (words::reason(code)) " " code { (code) } }
                    }
                }
            }
        }
    }
}

/// The field for the code.
pub(crate) fn field(wrong: bool) -> Markup {
    html! {
        label for="code" { "One-time code" }
        input #code .code name="code" inputmode="numeric" autocomplete="one-time-code" required
            maxlength="12" pattern="[0-9 ]*" placeholder="000 000" autofocus
            aria-invalid=[wrong.then_some("true")]
            aria-describedby=[wrong.then_some("fault")];
    }
}

/// The code itself, since this is a demo.
pub(crate) fn shown(authenticator: &Authenticator) -> Markup {
    html! {
        div .shown {
            @match &authenticator.code {
                Ok(code) => {
                    p {
                        "For convenience: the authenticator shows "
                        output .digits #shown-code { (spaced(code)) }
                    }
                    button .quiet .small type="button" data-fill=(code) hidden { "Fill it in" }
                }
                Err(seconds) => {
                    p {
                        "Each code works once. The next one comes in "
                        strong data-countdown=(seconds) { (seconds) " s" }
                        "; then load this page anew."
                    }
                    a .button .quiet .small href="" data-reload { "Show the next code" }
                }
            }
        }
    }
}

fn picture(authenticator: &Authenticator) -> Markup {
    let uri = authenticator.secret.uri("Pebble", &authenticator.name);
    html! {
        div .picture {
            (qr::svg(&uri, "QR code with the secret for your authenticator app"))
            div {
                p .note { "No camera? Type this secret into the app:" }
                p { code .secret { (authenticator.secret.base32()) } }
            }
        }
    }
}

fn spaced(code: &str) -> String {
    let (left, right) = code.split_at(code.len() / 2);
    format!("{left} {right}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trust_is_never_preselected() {
        let authenticator = Authenticator { name: "ada".to_owned(), secret: Secret::new([7; 20]), code: Ok("123456".to_owned()) };
        let asking =
            Asking { name: "<ada>", enrolling: false, reasons: &["unknown_device".to_owned()], authenticator: &authenticator, wrong: None, trust: false };
        let page = body(&asking).into_string();
        assert!(!page.contains("checked"));
        assert!(page.contains("&lt;ada&gt;"));
        assert!(page.contains("123 456"));
    }
}
