//! Registering: a name, a password and, if wanted, one-time codes.

use axum::Form;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use crate::browser::Draft;
use crate::pages;
use crate::people::{PasswordHash, name_fault};
use crate::random;
use crate::sign_in::{self, Starting};
use crate::totp::Secret;
use crate::visit::Visit;

#[derive(Deserialize)]
pub(crate) struct RegisterForm {
    name: String,
    password: String,
    codes: Option<String>,
}

/// `GET /register`
pub(crate) async fn show(visit: Visit) -> Response {
    let body = pages::register::body("", true, None);
    visit.page(StatusCode::OK, "Register", body).await
}

/// `POST /register`
pub(crate) async fn submit(visit: Visit, Form(form): Form<RegisterForm>) -> Response {
    let name = form.name.trim().to_owned();
    let wants_codes = form.codes.is_some();
    if let Some(wrong) = fault(&visit, &name, &form.password) {
        let body = pages::register::body(&name, wants_codes, Some(wrong));
        return visit.page(StatusCode::UNPROCESSABLE_ENTITY, "Register", body).await;
    }
    let hashed = tokio::task::spawn_blocking(move || PasswordHash::new(&form.password)).await;
    let (Ok(Ok(password)), Ok(user_id), Ok(secret)) = (hashed, new_user_id(&name), random::bytes()) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let draft = if wants_codes {
        let secret = Secret::new(secret);
        Some(Draft { password, secret })
    } else {
        // Taken in this very moment: the name check above says so next time.
        if visit.app.people.add(&user_id, &name, password, None).is_none() {
            return visit.go("/register");
        }
        None
    };
    let starting = Starting { user_id, name, has_codes: wants_codes, draft };
    sign_in::begin(visit, starting).await
}

fn fault(visit: &Visit, name: &str, password: &str) -> Option<&'static str> {
    if let Some(fault) = name_fault(name) {
        Some(fault)
    } else if visit.app.people.is_taken(name) {
        Some("That name is taken.")
    } else if password.chars().count() < 8 {
        Some("The password needs at least 8 characters.")
    } else if password.len() > 800 {
        Some("The password is too long.")
    } else {
        None
    }
}

/// An id that no earlier person of this name had: this demo forgets its people, Doorward doesn't.
fn new_user_id(name: &str) -> std::io::Result<String> {
    let start: String = name.chars().take_while(|c| *c != '@').filter(char::is_ascii_alphanumeric).take(20).collect();
    let start = if start.is_empty() { "person" } else { &start };
    Ok(format!("{}-{}", start.to_ascii_lowercase(), random::hex::<6>()?))
}

#[cfg(test)]
mod tests {
    use super::new_user_id;

    #[test]
    fn ids_are_new_each_time() {
        let first = new_user_id("Ada@example.org").expect("an id");
        assert!(first.starts_with("ada-"));
        assert_ne!(first, new_user_id("Ada@example.org").expect("an id"));
        assert!(new_user_id("李").expect("an id").starts_with("person-"));
    }
}
