//! The one-time code of a sign-in, and of someone who is just setting codes up.

use axum::Form;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use crate::browser::Flow;
use crate::clock;
use crate::doorward::wire::{Complete, Mfa};
use crate::pages;
use crate::pages::code::{Asking, Authenticator};
use crate::pages::notice;
use crate::people::CodeCheck;
use crate::sign_in;
use crate::visit::Visit;

#[derive(Deserialize)]
pub(crate) struct CodeForm {
    code: String,
    trust: Option<String>,
}

fn open_flow(visit: &Visit) -> Option<Flow> {
    visit.browser.memory().flows.get(&visit.profile).cloned()
}

/// `GET /code`
pub(crate) async fn show(visit: Visit) -> Response {
    match open_flow(&visit) {
        Some(flow) => ask(visit, &flow, None, false).await,
        None => visit.go("/sign-in"),
    }
}

/// `POST /code`
pub(crate) async fn submit(visit: Visit, Form(form): Form<CodeForm>) -> Response {
    let Some(flow) = open_flow(&visit) else {
        return visit.notice(notice::start_again()).await;
    };
    let trust_device = form.trust.is_some();
    let check = match &flow.draft {
        Some(_) => enrol(&visit, &flow, &form.code),
        None => visit.app.people.check_code(&flow.user_id, &form.code, clock::unix_seconds()),
    };
    if let Some(wrong) = fault(&check) {
        return ask(visit, &flow, Some(&wrong), trust_device).await;
    }
    // The flow stays until Doorward has answered: if it can't, the person tries again with the next code.
    let mut proved = flow.clone();
    proved.draft = None;
    visit.browser.memory().flows.insert(visit.profile, proved.clone());
    let complete = Complete { mfa: Some(Mfa::TOTP), trust_device };
    sign_in::finish(visit, proved, None, complete).await
}

/// The first right code makes the person.
fn enrol(visit: &Visit, flow: &Flow, code: &str) -> CodeCheck {
    let Some(draft) = &flow.draft else {
        return CodeCheck::Wrong;
    };
    let Some(step) = draft.secret.accepts(code, clock::unix_seconds(), None) else {
        return CodeCheck::Wrong;
    };
    let people = &visit.app.people;
    let (password, secret) = (draft.password.clone(), draft.secret.clone());
    match people.add(&flow.user_id, &flow.name, password, Some(secret)) {
        Some(who) => {
            people.mark_used(&who.user_id, step);
            CodeCheck::Right
        }
        // Someone else took the name meanwhile.
        None => CodeCheck::Wrong,
    }
}

/// What to tell the person about a code that was not taken.
pub(crate) fn fault(check: &CodeCheck) -> Option<String> {
    match check {
        CodeCheck::Right => None,
        CodeCheck::Wrong => Some("That code is wrong, or was used before. Each code works once.".to_owned()),
        CodeCheck::Pause(seconds) => {
            Some(format!("Too many wrong codes. Please wait {}.", clock::counted(i64::try_from(*seconds).unwrap_or(i64::MAX), "second")))
        }
    }
}

/// What the person's authenticator shows.
pub(crate) fn authenticator(visit: &Visit, user_id: &str, name: &str) -> Option<Authenticator> {
    let unix = clock::unix_seconds();
    let (secret, code) = visit.app.people.authenticator(user_id, unix)?;
    Some(Authenticator { name: name.to_owned(), secret, code })
}

async fn ask(visit: Visit, flow: &Flow, wrong: Option<&str>, trust: bool) -> Response {
    let held = match &flow.draft {
        Some(draft) => Some(Authenticator { name: flow.name.clone(), secret: draft.secret.clone(), code: draft.secret.next(clock::unix_seconds(), None) }),
        None => authenticator(&visit, &flow.user_id, &flow.name),
    };
    let Some(authenticator) = held else {
        return visit.notice(notice::needs_second_factor()).await;
    };
    let body =
        pages::code::body(&Asking { name: &flow.name, enrolling: flow.draft.is_some(), reasons: &flow.reasons, authenticator: &authenticator, wrong, trust });
    let status = match wrong {
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
        None => StatusCode::OK,
    };
    visit.page(status, "One-time code", body).await
}
