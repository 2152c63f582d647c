//! The dev tools: play another browser, steal the cookie, let 30 days pass, start afresh.

use std::sync::Arc;

use axum::Form;
use axum::response::Response;
use serde::Deserialize;

use crate::browser::Profile;
use crate::clock;
use crate::visit::Visit;

const THIRTY_DAYS: u32 = 30 * 86_400;

#[derive(Deserialize)]
pub(crate) struct ProfileForm {
    profile: String,
}

/// `POST /dev/profile`
pub(crate) async fn profile(visit: Visit, Form(form): Form<ProfileForm>) -> Response {
    if let Some(profile) = Profile::from_id(&form.profile) {
        visit.browser.memory().profile = profile;
    }
    visit.go("/")
}

/// `POST /dev/steal`: the thief gets a copy of the device cookie, and nothing else.
pub(crate) async fn steal(mut visit: Visit) -> Response {
    let tokens = visit.device_tokens(visit.profile);
    if tokens.value().is_none() {
        visit.regret("There is no device cookie to steal yet. Sign in first.");
        return visit.go("/");
    }
    visit.keep_device_tokens(Profile::Thief, &tokens);
    visit.drop_session_of(Profile::Thief);
    {
        let mut memory = visit.browser.memory();
        memory.profile = Profile::Thief;
        memory.flows.remove(&Profile::Thief);
        memory.offers.remove(&Profile::Thief);
    }
    visit.go("/sign-in")
}

/// `POST /dev/later`: only Doorward's clock moves. One-time codes go by the machine's.
pub(crate) async fn later(visit: Visit) -> Response {
    let app = Arc::clone(&visit.app);
    let door = app.doorward.noting(&visit.trail);
    match door.advance_clock(THIRTY_DAYS).await {
        Ok(moved) => {
            let days = clock::counted(moved.offset_s / 86_400, "day");
            visit.say(format!("30 days have passed for Doorward: it is {days} ahead."));
        }
        Err(_) => visit.regret("This Doorward's clock can't be moved: only `doorward dev` allows it."),
    }
    visit.go("/")
}

/// `POST /dev/clear`: this browser starts afresh, as if it had never been here.
pub(crate) async fn clear(mut visit: Visit) -> Response {
    let profile = visit.profile;
    visit.drop_session_of(profile);
    visit.keep_device_tokens(profile, &crate::cookies::DeviceTokens::default());
    {
        let mut memory = visit.browser.memory();
        memory.flows.remove(&profile);
        memory.offers.remove(&profile);
    }
    visit.say("This browser's cookies are gone. It is a new device now.");
    visit.go("/sign-in")
}
