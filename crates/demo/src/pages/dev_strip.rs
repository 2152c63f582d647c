//! The dev tools: play another browser, steal the cookie, let 30 days pass.

use maud::{Markup, html};

use crate::browser::Profile;
use crate::clock;
use crate::visit::{Agent, Clock};

/// The strip under the top bar.
pub(crate) fn strip(profile: Profile, agent: &Agent, clock: Clock) -> Markup {
    html! {
        section .dev .(profile.id()) aria-label="Dev tools" {
            div .row {
                h2 aria-hidden="true" { "Dev tools" }
                div .tools {
                    @if profile == Profile::Own {
                        (switch(Profile::Other, "As another browser"))
                    } @else {
                        (switch(Profile::Own, "Back to this browser"))
                    }
                    @if profile != Profile::Thief { (tool("/dev/steal", "Steal the cookie")) }
                    (tool("/dev/clear", "Clear cookies"))
                    @if clock.movable { (tool("/dev/later", "30 days later")) }
                }
                p .clock {
                    "Doorward's clock: "
                    time datetime=(clock.now) { (clock::exact(clock.now)) }
                    @if clock.offset_s >= 86_400 {
                        " " span .tag {
                            (clock::counted(clock.offset_s / 86_400, "day")) " ahead"
                        }
                    }
                }
            }
            @match profile {
                Profile::Own => {}
                Profile::Other => p .playing {
                    strong { "You are now another browser" }
                    ": Safari on an iPhone, at " (agent.ip) ", with cookies of its own."
                }
                Profile::Thief => p .playing {
                    strong { "You are now the thief" }
                    ": you copied the device cookie, you are far away at " (agent.ip)
                    " in another browser, and say that you know the password. See how far that takes you."
                }
            }
        }
    }
}

fn tool(action: &str, label: &str) -> Markup {
    html! {
        form method="post" action=(action) {
            button .tool type="submit" { (label) }
        }
    }
}

fn switch(to: Profile, label: &str) -> Markup {
    html! {
        form method="post" action="/dev/profile" {
            input type="hidden" name="profile" value=(to.id());
            button .tool type="submit" { (label) }
        }
    }
}
