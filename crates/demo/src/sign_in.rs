//! Signing in: the password, Doorward's decision, and the session at the end.

use std::sync::Arc;

use axum::Form;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use crate::browser::{Draft, Flow, Offer};
use crate::clock;
use crate::cookies;
use crate::doorward::Failure;
use crate::doorward::wire::{Complete, Completed, Device, Evaluate};
use crate::pages;
use crate::pages::notice;
use crate::visit::Visit;

#[derive(Deserialize)]
pub(crate) struct SignInForm {
    name: String,
    password: String,
}

/// Someone whose password was right.
pub(crate) struct Starting {
    pub(crate) user_id: String,
    pub(crate) name: String,
    pub(crate) has_codes: bool,
    pub(crate) draft: Option<Draft>,
}

/// `GET /sign-in`
pub(crate) async fn show(visit: Visit) -> Response {
    if visit.session().is_some() {
        return visit.go("/");
    }
    let body = pages::sign_in::body("", None);
    visit.page(StatusCode::OK, "Sign in", body).await
}

/// `POST /sign-in`
pub(crate) async fn submit(visit: Visit, Form(form): Form<SignInForm>) -> Response {
    let app = Arc::clone(&visit.app);
    let (name, password) = (form.name.clone(), form.password);
    let checked = tokio::task::spawn_blocking(move || app.people.sign_in(&name, &password)).await;
    let Ok(Some(who)) = checked else {
        let wrong = "The name or the password is wrong.";
        let body = pages::sign_in::body(form.name.trim(), Some(wrong));
        return visit.page(StatusCode::UNPROCESSABLE_ENTITY, "Sign in", body).await;
    };
    let starting = Starting { user_id: who.user_id, name: who.name, has_codes: who.has_codes, draft: None };
    begin(visit, starting).await
}

/// After the password: asks Doorward whether the code may be skipped. Anything but a clear answer lets
/// nobody in.
pub(crate) async fn begin(visit: Visit, starting: Starting) -> Response {
    let app = Arc::clone(&visit.app);
    let tokens = visit.device_tokens(visit.profile);
    let evaluate = Evaluate {
        user_id: &starting.user_id,
        ip: &visit.agent.ip,
        user_agent: &visit.agent.user_agent,
        client_hints: &visit.agent.client_hints,
        device_token: tokens.of(&starting.user_id),
        second_factor: if starting.has_codes { "available" } else { "none" },
    };
    let Ok(sign_in) = app.doorward.noting(&visit.trail).evaluate(&evaluate).await else {
        return visit.failed(Failure::Unavailable, "/sign-in").await;
    };
    let flow = Flow { sign_in_id: sign_in.id, user_id: starting.user_id, name: starting.name, reasons: sign_in.reasons, draft: starting.draft };
    match sign_in.decision.as_str() {
        // Someone who is just setting codes up has none to skip.
        "allow" if flow.draft.is_none() => {
            let again = starting.has_codes.then(|| flow.clone());
            finish(visit, flow, again, Complete::default()).await
        }
        "allow" | "challenge" if starting.has_codes => {
            visit.browser.memory().flows.insert(visit.profile, flow);
            visit.go("/code")
        }
        "challenge" => visit.notice(notice::needs_second_factor()).await,
        "deny" => visit.notice(notice::denied(&flow.reasons)).await,
        _ => visit.failed(Failure::Unavailable, "/sign-in").await,
    }
}

/// Tells Doorward that the host is done. `again` is where the sign-in goes on if the code turns out to be
/// needed after all.
pub(crate) async fn finish(mut visit: Visit, flow: Flow, again: Option<Flow>, complete: Complete) -> Response {
    let app = Arc::clone(&visit.app);
    let door = app.doorward.noting(&visit.trail);
    match door.complete(&flow.sign_in_id, &complete).await {
        Ok(done) if cookies::is_token(&done.access_token) => welcome(visit, &flow, done).await,
        Ok(_) => visit.failed(Failure::Unavailable, "/sign-in").await,
        Err(Failure::Unavailable) => {
            let to = if complete.mfa.is_some() { "/code" } else { "/sign-in" };
            visit.failed(Failure::Unavailable, to).await
        }
        Err(failure) if failure.is("mfa_required") && again.is_some() => {
            let mut memory = visit.browser.memory();
            memory.flows.extend(again.map(|flow| (visit.profile, flow)));
            drop(memory);
            visit.regret("The trust in this device has just ended, so the code is needed after all.");
            visit.go("/code")
        }
        Err(failure) => {
            visit.browser.memory().flows.remove(&visit.profile);
            visit.keep_session(None);
            if failure.is("sign_in_denied") { visit.notice(notice::denied(&flow.reasons)).await } else { visit.notice(notice::start_again()).await }
        }
    }
}

async fn welcome(mut visit: Visit, flow: &Flow, done: Completed) -> Response {
    visit.store_device_token(&flow.user_id, done.device_token.as_deref());
    visit.keep_session(Some(&done.access_token));
    let offer = done.activation.map(|activation| Offer { activation_token: activation.activation_token, user_id: flow.user_id.clone() });
    let offered = offer.is_some();
    {
        let mut memory = visit.browser.memory();
        memory.flows.remove(&visit.profile);
        memory.offers.remove(&visit.profile);
        memory.offers.extend(offer.map(|offer| (visit.profile, offer)));
    }
    if offered {
        return visit.go("/trust");
    }
    let now = visit.clock().await.now;
    visit.say(match until(&done.device, now) {
        Some(day) => format!("You are signed in. This device skips the code until {day}."),
        None => "You are signed in.".to_owned(),
    });
    visit.go("/")
}

/// The day until which a device is trusted, if it is.
pub(crate) fn until(device: &Device, now: jiff::Timestamp) -> Option<String> {
    let until = device.trusted_until.as_deref().and_then(clock::parse)?;
    (device.status == "trusted").then(|| clock::day(until, now))
}
