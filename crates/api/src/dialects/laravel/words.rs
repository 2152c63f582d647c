//! In which status and words this API refuses: one mapping of every kind.

use http::StatusCode;
use serde_json::{Value, json};

use super::wire::Refused;
use crate::dialects::Asked;
use crate::problem::{Kind, Problem};

/// A refusal in this API's form.
pub(in crate::dialects) fn words(problem: &Problem, asked: Asked<'_>) -> (StatusCode, Value) {
    let message = match problem.kind {
        Kind::Unauthenticated => "Unauthenticated.".to_owned(),
        Kind::MfaRequired | Kind::TrustNotAllowed | Kind::RecentAuthRequired | Kind::RoleTooLow | Kind::SignInDenied => {
            "This action is unauthorized.".to_owned()
        }
        Kind::NotFound if asked.route.is_some() => "Device not found".to_owned(),
        Kind::DeviceHijacked => "Device is hijacked.".to_owned(),
        Kind::TooManyRequests => "Too Many Attempts.".to_owned(),
        Kind::Internal => "Server Error".to_owned(),
        Kind::Unavailable => "Service Unavailable".to_owned(),
        Kind::NotFound
        | Kind::InvalidRequest
        | Kind::MethodNotAllowed
        | Kind::RequestTimeout
        | Kind::BodyTooLarge
        | Kind::HeadersTooLarge
        | Kind::UnsupportedMediaType
        // No operation of this API is refused so; if one ever were, this says it.
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
        | Kind::IdempotencyKeyReused => problem.detail.to_string(),
    };
    let status = problem.kind.status();
    // Beside the document's sentence, which clients compare with.
    let reason = (status == StatusCode::FORBIDDEN).then(|| problem.detail.to_string());
    (status, json!(Refused { message, reason, retry_after: problem.retry_after }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(problem: &Problem, route: Option<&str>) -> (u16, Value) {
        let (status, body) = words(problem, Asked { method: &http::Method::PATCH, route });
        (status.as_u16(), body)
    }

    #[test]
    fn what_the_document_words_is_worded_so() {
        let route = Some("/api/devices/{uuid}/verify");
        for (kind, status, message) in
            [(Kind::Unauthenticated, 401, "Unauthenticated."), (Kind::NotFound, 404, "Device not found"), (Kind::DeviceHijacked, 409, "Device is hijacked.")]
        {
            assert_eq!(said(&Problem::new(kind), route), (status, json!({ "message": message })));
        }
        let throttled = Problem::new(Kind::TooManyRequests).retry_after(60);
        assert_eq!(said(&throttled, route), (429, json!({ "message": "Too Many Attempts.", "retry_after": 60 })));
        let refused = said(&Problem::new(Kind::MfaRequired).detail("Verify it once more."), route);
        assert_eq!(refused, (403, json!({ "message": "This action is unauthorized.", "reason": "Verify it once more." })));
    }

    #[test]
    fn every_kind_has_its_status_and_a_text() {
        for kind in Kind::ALL {
            let (status, body) = said(&Problem::new(kind), None);
            assert_eq!(status, kind.status().as_u16());
            assert!(body["message"].as_str().is_some_and(|message| !message.is_empty()), "{kind:?}");
        }
    }
}
