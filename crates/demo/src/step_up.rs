//! Asking for the code again before something sensitive: sending money, or trusting this device later.

use std::sync::Arc;

use axum::Form;
use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use crate::browser::Offer;
use crate::clock;
use crate::code::{authenticator, fault};
use crate::cookies;
use crate::doorward::Failure;
use crate::pages;
use crate::pages::notice;
use crate::people::CodeCheck;
use crate::sign_in::until;
use crate::signed_in::SignedIn;
use crate::visit::Visit;

/// What the code is asked for.
pub(crate) enum Purpose {
    Transfer { to: String, amount: u32 },
    Trust,
}

#[derive(Deserialize)]
pub(crate) struct StepUpForm {
    #[serde(rename = "for")]
    purpose: String,
    #[serde(default)]
    to: String,
    #[serde(default)]
    amount: String,
    #[serde(default)]
    code: String,
}

impl StepUpForm {
    fn purpose(&self) -> Option<Purpose> {
        match self.purpose.as_str() {
            "trust" => Some(Purpose::Trust),
            "transfer" => {
                let to = self.to.trim();
                let named = (1..=40).contains(&to.chars().count());
                let amount = self.amount.trim().parse().ok();
                let amount = amount.filter(|amount| (1..=9_999).contains(amount))?;
                named.then(|| Purpose::Transfer { to: to.to_owned(), amount })
            }
            _ => None,
        }
    }
}

/// `GET /step-up`
pub(crate) async fn show(signed: SignedIn, Query(form): Query<StepUpForm>) -> Response {
    match form.purpose() {
        Some(purpose) => ask(signed, &purpose, None).await,
        None => nothing_to_confirm(signed.visit),
    }
}

/// `POST /step-up`
pub(crate) async fn submit(signed: SignedIn, Form(form): Form<StepUpForm>) -> Response {
    let Some(purpose) = form.purpose() else {
        return nothing_to_confirm(signed.visit);
    };
    let app = Arc::clone(&signed.visit.app);
    let user_id = &signed.who.user_id;
    let check = if signed.who.has_codes {
        let unix = clock::unix_seconds();
        app.people.check_code(user_id, &form.code, unix)
    } else {
        CodeCheck::Wrong
    };
    if let Some(wrong) = fault(&check) {
        return ask(signed, &purpose, Some(&wrong)).await;
    }
    let session_id = signed.session.session_id.as_deref().unwrap_or_default();
    let door = app.doorward.noting(&signed.visit.trail);
    let proved = door.step_up(user_id, session_id).await;
    let mut visit = signed.visit;
    let proved = match proved {
        Ok(proved) if cookies::is_token(&proved.access_token) => proved,
        Ok(_) => return visit.failed(Failure::Unavailable, "/").await,
        // The session ended in this very moment.
        Err(Failure::Refused(problem)) if problem.status == 404 => {
            return visit.failed(Failure::SignedOut, "/").await;
        }
        Err(failure) => return visit.failed(failure, "/").await,
    };
    // The old access token is dead from here on.
    visit.keep_session(Some(&proved.access_token));
    if let Some(activation) = proved.activation {
        let offer = Offer { activation_token: activation.activation_token, user_id: user_id.clone() };
        visit.browser.memory().offers.insert(visit.profile, offer);
    }
    match purpose {
        Purpose::Transfer { to, amount } => {
            visit.say(format!("Sent {} to {to}, after a fresh code.", clock::counted(amount, "pebble")));
            visit.go("/")
        }
        Purpose::Trust => trust(visit, user_id, &proved.access_token).await,
    }
}

async fn trust(mut visit: Visit, user_id: &str, token: &str) -> Response {
    let app = Arc::clone(&visit.app);
    let door = app.doorward.noting(&visit.trail);
    match door.trust(token, "current").await {
        Ok(answer) => {
            visit.browser.memory().offers.remove(&visit.profile);
            visit.store_device_token(user_id, answer.device_token.as_deref());
            let now = visit.clock().await.now;
            let day = until(&answer.device, now).unwrap_or_default();
            visit.say(format!("This device skips the code until {day}."));
            visit.go("/devices")
        }
        Err(failure) => visit.failed(failure, "/devices").await,
    }
}

fn nothing_to_confirm(visit: Visit) -> Response {
    visit.regret("Say to whom, and send between 1 and 9999 pebbles.");
    visit.go("/")
}

async fn ask(signed: SignedIn, purpose: &Purpose, wrong: Option<&str>) -> Response {
    let visit = signed.visit;
    let Some(authenticator) = authenticator(&visit, &signed.who.user_id, &signed.who.name) else {
        return visit.notice(notice::needs_second_factor()).await;
    };
    let body = pages::step_up::body(purpose, &authenticator, wrong);
    let status = match wrong {
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
        None => StatusCode::OK,
    };
    visit.page(status, "Confirm that it's you", body).await
}
