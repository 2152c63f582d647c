//! Signing out: here, one session elsewhere, or everywhere else.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::Path;
use axum::response::Response;

use crate::clock;
use crate::devices::{done, gone};
use crate::doorward::{Failure, is_id};
use crate::signed_in::SignedIn;
use crate::visit::Visit;

/// `POST /sign-out`. The cookie goes only once Doorward has ended the session: a session that lives on
/// unseen would be worse than a button that asks to be pressed again.
pub(crate) async fn sign_out(mut visit: Visit) -> Response {
    let Some(token) = visit.session() else {
        return visit.go("/sign-in");
    };
    let app = Arc::clone(&visit.app);
    let answer = app.doorward.noting(&visit.trail).end_session(&token, "current").await;
    match answer {
        Err(Failure::Unavailable) => visit.failed(Failure::Unavailable, "/").await,
        Ok(()) | Err(Failure::SignedOut | Failure::Refused(_)) => {
            visit.keep_session(None);
            visit.browser.memory().offers.remove(&visit.profile);
            visit.say("You are signed out.");
            visit.go("/sign-in")
        }
    }
}

/// `POST /sessions/{id}/end`
pub(crate) async fn end(signed: SignedIn, Path(id): Path<String>) -> Response {
    if !is_id(&id) {
        return gone(signed.visit);
    }
    if signed.session.session_id.as_deref() == Some(id.as_str()) {
        return sign_out(signed.visit).await;
    }
    let app = Arc::clone(&signed.visit.app);
    let door = app.doorward.noting(&signed.visit.trail);
    let answer = door.end_session(&signed.token, &id).await;
    let text = "That session is signed out; its next request is refused.";
    done(signed.visit, answer, text.to_owned()).await
}

/// `POST /sessions/others/end`
pub(crate) async fn end_others(signed: SignedIn) -> Response {
    let app = Arc::clone(&signed.visit.app);
    let began = Instant::now();
    let door = app.doorward.noting(&signed.visit.trail);
    let answer = door.end_others(&signed.token).await;
    let took = began.elapsed().as_millis().max(1);
    let text = answer.as_ref().map_or_else(
        |_| String::new(),
        |ended| {
            let count = clock::counted(ended.sessions_ended, "session");
            let more = if ended.more { " and more" } else { "" };
            format!("Signed out {count}{more} elsewhere, in {took} ms. Their next request is refused, and other devices will ask for the code.")
        },
    );
    done(signed.visit, answer, text).await
}
