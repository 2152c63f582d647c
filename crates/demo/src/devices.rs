//! The page "Your devices", and what a person does to one of them.

use std::sync::Arc;

use axum::Form;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use crate::doorward::{Failure, is_id};
use crate::pages;
use crate::pages::notice;
use crate::sign_in::until;
use crate::signed_in::SignedIn;
use crate::visit::Visit;

#[derive(Deserialize)]
pub(crate) struct NameForm {
    name: String,
}

/// `GET /devices`
pub(crate) async fn show(signed: SignedIn) -> Response {
    let app = Arc::clone(&signed.visit.app);
    let trail = signed.visit.trail.clone();
    let mut visit = signed.visit;
    let door = app.doorward.noting(&trail);
    let devices = match door.devices(&signed.token).await {
        Ok(devices) => devices,
        Err(failure) => return visit.failed(failure, "/devices").await,
    };
    // A part that can't be had doesn't take the rest of the page with it.
    let sessions = door.sessions(&signed.token).await.ok();
    let ended = door.ended_sessions(&signed.token).await.ok();
    let body = pages::devices::body(&pages::devices::Devices { devices, sessions, ended, has_codes: signed.who.has_codes, clock: visit.clock().await });
    visit.page(StatusCode::OK, "Your devices", body).await
}

/// `POST /devices/{id}/rename`
pub(crate) async fn rename(signed: SignedIn, Path(id): Path<String>, Form(form): Form<NameForm>) -> Response {
    let name = form.name.trim();
    if name.is_empty() || name.chars().count() > 64 || name.chars().any(char::is_control) {
        signed.visit.regret("A name has 1 to 64 characters. The old one stays.");
        return signed.visit.go("/devices");
    }
    let app = Arc::clone(&signed.visit.app);
    let door = app.doorward.noting(&signed.visit.trail);
    if !is_id(&id) {
        return gone(signed.visit);
    }
    let answer = door.rename(&signed.token, &id, name).await;
    done(signed.visit, answer, format!("It is called “{name}” now.")).await
}

/// `POST /devices/{id}/trust`: this device only, after a fresh code.
pub(crate) async fn trust(signed: SignedIn, Path(id): Path<String>) -> Response {
    if signed.session.device_id.as_deref() != Some(id.as_str()) || !is_id(&id) {
        return gone(signed.visit);
    }
    let app = Arc::clone(&signed.visit.app);
    let mut visit = signed.visit;
    let answer = app.doorward.noting(&visit.trail).trust(&signed.token, &id).await;
    match answer {
        Ok(answer) => {
            visit.store_device_token(&signed.who.user_id, answer.device_token.as_deref());
            visit.browser.memory().offers.remove(&visit.profile);
            let now = visit.clock().await.now;
            let day = until(&answer.device, now).unwrap_or_default();
            visit.say(format!("This device skips the code until {day}."));
            visit.go("/devices")
        }
        Err(failure) if failure.is("mfa_required") => visit.go("/step-up?for=trust"),
        Err(failure) => visit.failed(failure, "/devices").await,
    }
}

/// `POST /devices/{id}/untrust`
pub(crate) async fn untrust(signed: SignedIn, Path(id): Path<String>) -> Response {
    if !is_id(&id) {
        return gone(signed.visit);
    }
    let app = Arc::clone(&signed.visit.app);
    let door = app.doorward.noting(&signed.visit.trail);
    let answer = door.untrust(&signed.token, &id).await;
    let text = "Trust has ended: the code is asked for at its next sign-in.";
    done(signed.visit, answer, text.to_owned()).await
}

/// `POST /devices/{id}/hijack`
pub(crate) async fn hijack(signed: SignedIn, Path(id): Path<String>) -> Response {
    if !is_id(&id) {
        return gone(signed.visit);
    }
    let app = Arc::clone(&signed.visit.app);
    let mut visit = signed.visit;
    let answer = app.doorward.noting(&visit.trail).hijack(&signed.token, &id).await;
    if answer.is_ok() && signed.session.device_id.as_deref() == Some(id.as_str()) {
        // The device token stays: whoever shows it, copy or not, is refused.
        visit.keep_session(None);
        visit.who = None;
        return visit.notice(notice::own_device_gone(true)).await;
    }
    let text = "Blocked. Its sessions and its trust have ended, and it can't sign in again.";
    done(visit, answer, text.to_owned()).await
}

/// `POST /devices/{id}/remove`
pub(crate) async fn remove(signed: SignedIn, Path(id): Path<String>) -> Response {
    if !is_id(&id) {
        return gone(signed.visit);
    }
    let app = Arc::clone(&signed.visit.app);
    let mut visit = signed.visit;
    let answer = app.doorward.noting(&visit.trail).forget(&signed.token, &id).await;
    if answer.is_ok() && signed.session.device_id.as_deref() == Some(id.as_str()) {
        let profile = visit.profile;
        let mut tokens = visit.device_tokens(profile);
        tokens.forget(&signed.who.user_id);
        visit.keep_device_tokens(profile, &tokens);
        visit.keep_session(None);
        visit.who = None;
        return visit.notice(notice::own_device_gone(false)).await;
    }
    done(visit, answer, "Removed, and signed out there.".to_owned()).await
}

/// Back to the list, saying what came of it.
pub(crate) async fn done<T>(visit: Visit, answer: Result<T, Failure>, text: String) -> Response {
    match answer {
        Ok(_) => {
            visit.say(text);
            visit.go("/devices")
        }
        Err(Failure::Refused(problem)) if problem.status == 404 => gone(visit),
        Err(Failure::Refused(problem)) => {
            visit.regret(problem.text);
            visit.go("/devices")
        }
        Err(failure) => visit.failed(failure, "/devices").await,
    }
}

/// What the form spoke of is no longer there.
pub(crate) fn gone(visit: Visit) -> Response {
    visit.regret("That is no longer there. The list below is how things are now.");
    visit.go("/devices")
}
