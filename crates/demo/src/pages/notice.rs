//! Pages that say one thing: not available, signed out, refused.

use axum::http::StatusCode;
use maud::{Markup, html};

use crate::doorward::Problem;
use crate::pages::{icons, words};

/// One thing to say and where to go from here.
pub(crate) struct Notice {
    pub(crate) status: StatusCode,
    pub(crate) title: String,
    pub(crate) lines: Vec<String>,
    pub(crate) next: (&'static str, String),
    pub(crate) tone: Tone,
}

/// How the page looks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Calm,
    Trouble,
    Stop,
}

/// The page's inside.
pub(crate) fn body(notice: &Notice) -> Markup {
    let (tone, icon) = match notice.tone {
        Tone::Calm => ("calm", icons::door()),
        Tone::Trouble => ("trouble", icons::cloud_off()),
        Tone::Stop => ("stop", icons::stop()),
    };
    let (label, href) = &notice.next;
    html! {
        section .sheet .notice .(tone) {
            div .emblem { (icon) }
            h1 { (notice.title) }
            @for line in &notice.lines { p { (line) } }
            p .actions { a .button href=(href) { (label) } }
        }
    }
}

fn notice(status: StatusCode, tone: Tone, title: &str, lines: &[&str], next: (&'static str, &str)) -> Notice {
    Notice { status, title: title.to_owned(), lines: lines.iter().map(|line| (*line).to_owned()).collect(), next: (next.0, next.1.to_owned()), tone }
}

/// Doorward can't be asked. Nobody is let in, and nobody is signed out.
pub(crate) fn unavailable(again: &str) -> Notice {
    let (title, line) = if again.starts_with("/sign-in") || again.starts_with("/code") {
        ("Sign-in is not available just now", "We can't check this device at the moment, so nobody is let in.")
    } else {
        ("This page is not available just now", "We can't check your session at the moment. You have not been signed out, and nothing has changed.")
    };
    notice(StatusCode::SERVICE_UNAVAILABLE, Tone::Trouble, title, &[line, "It usually takes a moment only."], ("Try again", again))
}

/// The session is over, and why.
pub(crate) fn signed_out(reason: Option<&str>) -> Notice {
    let line = match reason {
        None | Some("unknown" | "not_found" | "ended") => "This session has ended.".to_owned(),
        Some(code) => format!("This session has ended: {}.", words::ended(code)),
    };
    notice(StatusCode::UNAUTHORIZED, Tone::Calm, "You're signed out", &[&line, "Nothing you did before is lost."], ("Sign in again", "/sign-in"))
}

/// The session is good but its person is gone: this demo keeps people in memory.
pub(crate) fn unknown_person() -> Notice {
    notice(
        StatusCode::UNAUTHORIZED,
        Tone::Calm,
        "You're signed out",
        &["This demo was started anew and has forgotten who registered before."],
        ("Sign in", "/sign-in"),
    )
}

/// Doorward's decision was `deny`.
pub(crate) fn denied(reasons: &[String]) -> Notice {
    let has = |code: &str| reasons.iter().any(|reason| reason == code);
    let line = if has("device_hijacked") {
        "This browser was reported as not belonging to the owner of this account. It can't sign in to it any more."
    } else if has("account_disabled") {
        "This account is disabled."
    } else {
        "This account can't be signed in to from here."
    };
    notice(
        StatusCode::FORBIDDEN,
        Tone::Stop,
        "You can't sign in here",
        &[line, "If this is your own browser, ask the people who run this service to release it."],
        ("Back to sign-in", "/sign-in"),
    )
}

/// The sign-in is no longer open.
pub(crate) fn start_again() -> Notice {
    notice(
        StatusCode::CONFLICT,
        Tone::Calm,
        "Please sign in again",
        &["This sign-in was finished, cancelled or left open for too long."],
        ("Sign in", "/sign-in"),
    )
}

/// The code is due, but this person has none.
pub(crate) fn needs_second_factor() -> Notice {
    notice(
        StatusCode::FORBIDDEN,
        Tone::Stop,
        "This needs a one-time code",
        &[
            "Your account has no second factor, so we can't make sure that it is you.",
            "Register with one-time codes, or sign in as ada, to see how this works.",
        ],
        ("Back to your account", "/"),
    )
}

/// Doorward refused, and says why.
pub(crate) fn refused(problem: &Problem) -> Notice {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::FORBIDDEN);
    let text = if problem.text.is_empty() { "The request was refused." } else { &problem.text };
    notice(status, Tone::Stop, "That did not work", &[text, "Nothing has changed."], ("Back to your account", "/"))
}

/// No such page.
pub(crate) fn not_found() -> Notice {
    notice(StatusCode::NOT_FOUND, Tone::Calm, "There is no such page", &["The address may have been cut off."], ("To the start", "/"))
}

/// This browser's own device was taken off the account.
pub(crate) fn own_device_gone(reported: bool) -> Notice {
    let line = if reported {
        "This device is blocked and all its sessions are signed out. Whoever holds a copy of its cookie is locked out as well."
    } else {
        "This device is removed and signed out. Next time it counts as a new one."
    };
    notice(
        StatusCode::OK,
        if reported { Tone::Stop } else { Tone::Calm },
        if reported { "This device is blocked" } else { "This device is removed" },
        &[line],
        ("To the sign-in page", "/sign-in"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_doorward_says_is_escaped() {
        let problem = Problem { name: "x".to_owned(), text: "<script>alert(1)</script>".to_owned(), status: 409 };
        let notice = refused(&problem);
        assert_eq!(notice.status, StatusCode::CONFLICT);
        let page = body(&notice).into_string();
        assert!(page.contains("&lt;script&gt;"));
        assert!(!page.contains("<script>"));
    }

    #[test]
    fn unavailable_says_what_is_at_stake() {
        assert!(unavailable("/sign-in").title.starts_with("Sign-in"));
        assert!(unavailable("/devices").lines[0].contains("not been signed out"));
    }
}
