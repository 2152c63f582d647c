//! The person's own page, and what answers where there is no page.

use axum::http::StatusCode;
use axum::response::Response;

use crate::pages;
use crate::pages::notice;
use crate::signed_in::SignedIn;
use crate::visit::Visit;

/// `GET /`
pub(crate) async fn show(signed: SignedIn) -> Response {
    let SignedIn { visit, who, session, .. } = signed;
    let offered = visit.browser.memory().offers.get(&visit.profile).is_some_and(|offer| offer.user_id == who.user_id);
    let body = pages::home::body(&who, &session, offered);
    visit.page(StatusCode::OK, "Your account", body).await
}

/// Any other address.
pub(crate) async fn not_found(visit: Visit) -> Response {
    visit.notice(notice::not_found()).await
}
