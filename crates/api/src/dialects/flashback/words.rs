//! In which status and words this API refuses: one mapping of every kind.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::wire::Refused;
use crate::dialects::Asked;
use crate::problem::{Kind, Problem};

/// A refusal in this API's form. It has a text and nothing else, so that the text says all: what was refused, and what to do next.
pub(in crate::dialects) fn words(problem: &Problem, asked: Asked<'_>) -> (StatusCode, Value) {
    let detail = &*problem.detail;
    let again = || format!("Try again in {} s.", problem.retry_after.unwrap_or(1));
    let own = |text: String| (problem.kind.status(), text);
    let (status, error) = match problem.kind {
        Kind::NotFound => own(not_found(asked.route).unwrap_or(detail).to_owned()),
        Kind::Internal => own(failed(asked).to_owned()),
        Kind::InvalidRequest if problem.errors.len() > 1 => {
            let faults: Vec<String> = problem.errors.iter().map(|fault| format!("{}: {}", fault.field, fault.description)).collect();
            own(format!("{}.", faults.join("; ")))
        }
        // The detail of these says what to do.
        Kind::InvalidRequest | Kind::MfaRequired => own(detail.to_owned()),
        Kind::Unauthenticated => own("The access token is missing, or no longer good. Sign in again.".to_owned()),
        Kind::RecentAuthRequired => own("The sign-in is too long ago for this. Sign in or confirm a second factor again, then repeat the request.".to_owned()),
        Kind::TrustNotAllowed => own(format!("{detail} Go on without trust: the second factor is asked for at the next sign-in.")),
        // Of the statuses that this API's clients know, the one for what is refused whatever they send.
        Kind::DeviceHijacked => (StatusCode::FORBIDDEN, format!("{} {}", problem.kind.explanation(), problem.kind.next())),
        Kind::TooManyRequests => own(format!("{detail} {}", again())),
        Kind::Unavailable => own(format!("This can't be answered at the moment; it says nothing about the session or the device. {}", again())),
        Kind::MethodNotAllowed
        | Kind::RequestTimeout
        | Kind::BodyTooLarge
        | Kind::HeadersTooLarge
        // No operation of this API is refused so; if one ever were, this says it.
        | Kind::RoleTooLow
        | Kind::SignInDenied
        | Kind::ActivationNotFound
        | Kind::SignInCancelled
        | Kind::SignInCompleted
        | Kind::SessionEnded
        | Kind::AuthenticationOutdated
        | Kind::PolicyOvertaken
        | Kind::IdempotencyKeyUsed
        | Kind::LastAdminKey
        | Kind::SignInExpired
        | Kind::CursorGone
        | Kind::IdempotencyKeyReused => own(format!("{detail} {}", problem.kind.next())),
        Kind::UnsupportedMediaType => own("Send the body as JSON, with Content-Type: application/json.".to_owned()),
    };
    (status, json!(Refused { success: false, error }))
}

/// What isn't there, by the operation that was asked for; `None` where there is no such path.
fn not_found(route: Option<&str>) -> Option<&'static str> {
    Some(match route? {
        "/sessions/{id}/heartbeat" => "Session not found or expired",
        route if route.starts_with("/sessions") => "Session not found",
        _ => "Device not found",
    })
}

/// What failed by a fault of ours.
fn failed(asked: Asked<'_>) -> &'static str {
    match (asked.method, asked.route) {
        (&Method::DELETE, Some("/devices/{id}")) => "Failed to remove device",
        (_, Some("/devices")) => "Failed to retrieve devices",
        (_, Some("/devices/{id}")) => "Failed to retrieve device",
        (_, Some("/devices/trust")) => "Failed to trust device",
        (_, Some("/devices/{id}/untrust")) => "Failed to untrust device",
        (_, Some("/sessions")) => "Failed to retrieve sessions",
        (_, Some("/sessions/{id}/revoke")) => "Failed to revoke session",
        (_, Some("/sessions/revoke-all")) => "Failed to revoke sessions",
        (_, Some("/devices/{id}/heartbeat" | "/sessions/{id}/heartbeat")) => "Failed to update session",
        _ => "Internal server error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::{FieldError, FieldFault};

    fn said(problem: &Problem, method: &Method, route: Option<&str>) -> (u16, String) {
        let (status, body) = words(problem, Asked { method, route });
        assert_eq!(body.as_object().map(serde_json::Map::len), Some(2), "{body}");
        assert_eq!(body["success"], false);
        (status.as_u16(), body["error"].as_str().expect("a text").to_owned())
    }

    #[test]
    fn every_kind_has_a_status_of_its_class_and_a_sentence() {
        for kind in Kind::ALL {
            let (status, error) = said(&Problem::new(kind), &Method::POST, Some("/devices/trust"));
            assert_eq!(status / 100, kind.status().as_u16() / 100, "{kind:?}");
            assert!(!error.is_empty() && !error.contains("`mfa`"), "{kind:?}: {error}");
        }
    }

    #[test]
    fn what_the_documents_word_is_worded_by_the_operation() {
        for (method, route, not_found, failed) in [
            (Method::GET, "/devices/{id}", "Device not found", "Failed to retrieve device"),
            (Method::DELETE, "/devices/{id}", "Device not found", "Failed to remove device"),
            (Method::POST, "/devices/trust", "Device not found", "Failed to trust device"),
            (Method::POST, "/devices/{id}/heartbeat", "Device not found", "Failed to update session"),
            (Method::POST, "/sessions/{id}/revoke", "Session not found", "Failed to revoke session"),
            (Method::POST, "/sessions/{id}/heartbeat", "Session not found or expired", "Failed to update session"),
        ] {
            assert_eq!(said(&Problem::new(Kind::NotFound), &method, Some(route)), (404, not_found.to_owned()));
            assert_eq!(said(&Problem::new(Kind::Internal), &method, Some(route)), (500, failed.to_owned()));
        }
        assert_eq!(said(&Problem::new(Kind::Internal), &Method::GET, Some("/devices")).1, "Failed to retrieve devices");
        let no_path = Problem::new(Kind::NotFound).detail("There is no such path.");
        assert_eq!(said(&no_path, &Method::GET, None).1, "There is no such path.");
    }

    #[test]
    fn a_hijacked_device_is_refused_in_a_status_that_clients_know() {
        let (status, error) = said(&Problem::new(Kind::DeviceHijacked), &Method::POST, Some("/devices/trust"));
        assert_eq!(status, 403);
        assert!(error.contains("hijacked") && error.contains("release"), "{error}");
    }

    #[test]
    fn several_faults_are_all_told() {
        let faults = ["a", "b"].map(|field| FieldError::new(field, FieldFault::Required, "is required"));
        assert_eq!(said(&Problem::invalid(faults.into()), &Method::POST, None).1, "a: is required; b: is required.");
    }
}
