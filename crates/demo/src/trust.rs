//! The question after a sign-in: trust this device? A No is told to Doorward, which remembers it.

use std::sync::Arc;

use axum::Form;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use crate::browser::Offer;
use crate::doorward::Failure;
use crate::pages;
use crate::sign_in::until;
use crate::signed_in::SignedIn;
use crate::visit::Visit;

#[derive(Deserialize)]
pub(crate) struct TrustForm {
    choice: String,
}

/// `GET /trust`
pub(crate) async fn show(signed: SignedIn) -> Response {
    match offer(&signed) {
        Some(_) => {
            let body = pages::trust::body();
            signed.visit.page(StatusCode::OK, "Trust this device?", body).await
        }
        None => signed.visit.go("/"),
    }
}

/// `POST /trust`
pub(crate) async fn submit(signed: SignedIn, Form(form): Form<TrustForm>) -> Response {
    let Some(offer) = offer(&signed) else {
        return over(signed.visit);
    };
    let mut visit = signed.visit;
    let app = Arc::clone(&visit.app);
    let door = app.doorward.noting(&visit.trail);
    let yes = match form.choice.as_str() {
        "yes" => true,
        "no" => false,
        _ => return visit.go("/trust"),
    };
    let answer = if yes { door.activate(&offer.activation_token).await } else { door.decline(&offer.activation_token).await };
    match answer {
        Ok(answer) => {
            visit.browser.memory().offers.remove(&visit.profile);
            visit.store_device_token(&offer.user_id, answer.device_token.as_deref());
            let now = visit.clock().await.now;
            visit.say(match until(&answer.device, now) {
                Some(day) => format!("This device skips the code until {day}."),
                None => "All right: this device is not trusted, and we won't ask again for a while.".to_owned(),
            });
            visit.go("/")
        }
        // The offer stays: the person may try again while it lasts.
        Err(Failure::Unavailable) => visit.failed(Failure::Unavailable, "/trust").await,
        Err(_) => over(visit),
    }
}

fn offer(signed: &SignedIn) -> Option<Offer> {
    let memory = signed.visit.browser.memory();
    memory.offers.get(&signed.visit.profile).filter(|offer| offer.user_id == signed.who.user_id).cloned()
}

fn over(visit: Visit) -> Response {
    visit.browser.memory().offers.remove(&visit.profile);
    visit.regret("That question is no longer open. You can trust this device on Your devices.");
    visit.go("/")
}
