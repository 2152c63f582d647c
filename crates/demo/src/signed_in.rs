//! A request of someone who is signed in, as Doorward has just confirmed.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::Method;
use axum::http::request::Parts;
use axum::response::Response;

use crate::app::App;
use crate::doorward::Failure;
use crate::doorward::wire::Verified;
use crate::pages::notice;
use crate::people::Who;
use crate::visit::Visit;

/// Handlers that take this run for signed-in people only.
pub(crate) struct SignedIn {
    pub(crate) visit: Visit,
    pub(crate) who: Who,
    /// The person's access token, for their own calls.
    pub(crate) token: String,
    pub(crate) session: Verified,
}

impl FromRequestParts<Arc<App>> for SignedIn {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        let mut visit = Visit::from_request_parts(parts, app).await?;
        let again = match parts.method {
            Method::GET => parts.uri.path(),
            _ => "/",
        };
        let Some(token) = visit.session() else {
            return Err(visit.go("/sign-in"));
        };
        let session = match app.doorward.noting(&visit.trail).verify(&token).await {
            Ok(session) => session,
            // Not known is not signed out: the cookie stays, and nothing is shown.
            Err(failure) => {
                let failure = match failure {
                    Failure::SignedOut | Failure::Refused(_) => Failure::Unavailable,
                    Failure::Unavailable => failure,
                };
                return Err(visit.failed(failure, again).await);
            }
        };
        if !session.active {
            visit.keep_session(None);
            let reason = session.reason.as_deref();
            return Err(visit.notice(notice::signed_out(reason)).await);
        }
        let known = session.user_id.as_deref().and_then(|user_id| app.people.by_id(user_id));
        let Some(who) = known else {
            visit.keep_session(None);
            return Err(visit.notice(notice::unknown_person()).await);
        };
        visit.who = Some(who.clone());
        Ok(Self { visit, who, token, session })
    }
}
