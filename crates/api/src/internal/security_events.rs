//! `/internal/users/{user_id}/security-events`: what the host tells us happened to a person's credentials or account.

use axum::Json as Answer;
use axum::extract::State;
use doorward_domain::{Report, Right, SecurityEvent, is_plain_text};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Surfaces;
use crate::extract::{End, Ids, Json, Key, user};
use crate::problem::{FieldError, FieldFault, Problem};
use crate::query::{Query, WaitParameter, Waiting};
use crate::wire::SessionsEnded;

pub(super) fn router() -> OpenApiRouter<Surfaces> {
    OpenApiRouter::new().routes(routes!(report))
}

/// A security event.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SecurityEventReport {
    /// What happened: one of the types of `docs/guarantees.md`.
    #[schema(schema_with = types)]
    r#type: String,
    /// The session in which it happened, to stay where the event lets one stay. One that can't be kept is ignored.
    #[schema(example = "019aa0b2-3c4d-7e5f-8a6b-7c8d9e0f1a2b")]
    keep_session_id: Option<String>,
    /// Replace the kept session's access token, so that a stolen copy dies. Needs a key that may open sessions.
    #[serde(default)]
    #[schema(required = false)]
    rotate_kept: bool,
    /// The host's own id of the event, 1 to 64 characters: reported again under it, the event has no second effect.
    #[schema(min_length = 1, max_length = 64, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    event_id: Option<String>,
}

/// What the description says of `type`: the closed list itself.
fn types() -> utoipa::openapi::schema::Object {
    use utoipa::openapi::schema::{ObjectBuilder, Type};
    let words = SecurityEvent::ALL.iter().map(|event| event.as_str());
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words)).description(Some("What happened.")).build()
}

/// What a security event ended.
#[derive(Serialize, ToSchema)]
struct SecurityEventApplied {
    /// Devices that were trusted and are no more.
    devices_untrusted: usize,
    /// Sessions that were live and are no more.
    #[serde(flatten)]
    sessions: SessionsEnded,
    /// Offers of trust that were open and are no more.
    activations_cancelled: usize,
    /// The session that stayed.
    #[schema(format = Uuid)]
    kept_session_id: Option<String>,
    /// Its new token, with `rotate_kept`; the old one is dead.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "dws_…")]
    access_token: Option<String>,
}

impl SecurityEventReport {
    fn read(self) -> Result<Report, Problem> {
        let mut faults = vec![];
        let event = SecurityEvent::from_word(&self.r#type);
        if event.is_none() {
            let known = SecurityEvent::ALL.iter().map(|event| event.as_str()).collect::<Vec<_>>().join(", ");
            faults.push(FieldError::new("type", FieldFault::Format, format!("must be one of {known}")));
        }
        if self.event_id.as_ref().is_some_and(|id| !is_plain_text(id, 64)) {
            faults.push(FieldError::new("event_id", FieldFault::Range, "must be 1 to 64 characters long, without control characters"));
        }
        // An id that can't be any session's is as unknown as another's: the event applies all the same.
        let keep = self.keep_session_id.and_then(|id| id.parse().ok());
        match event {
            Some(event) if faults.is_empty() => Ok(Report { event, keep, rotate_kept: self.rotate_kept, event_id: self.event_id }),
            _ => Err(Problem::invalid(faults)),
        }
    }
}

/// Report a security event
///
/// A password was changed, a second factor replaced, the account disabled …: what must end with it ends, in one write.
/// The event always applies. An event for a user never seen makes the account.
#[utoipa::path(post, path = "/internal/users/{user_id}/security-events", tag = "people", operation_id = "report_security_event",
    params(("user_id" = String, Path), WaitParameter),
    request_body = SecurityEventReport, responses((status = 200, body = SecurityEventApplied)), extensions(("x-doorward-role" = json!("operator"))))]
async fn report(
    State(surfaces): State<Surfaces>,
    key: Key<End>,
    Ids(person): Ids<String>,
    Query(Waiting): Query<Waiting>,
    Json(report): Json<SecurityEventReport>,
) -> Result<Answer<SecurityEventApplied>, Problem> {
    if report.rotate_kept {
        key.backend.may(Right::SignIn)?;
    }
    let applied = surfaces.service.report(&key.backend.user(user(&person)?), report.read()?).await?;
    Ok(Answer(SecurityEventApplied {
        devices_untrusted: applied.devices_untrusted,
        sessions: applied.sessions_ended.into(),
        activations_cancelled: applied.activations_cancelled,
        kept_session_id: applied.kept.map(|id| id.to_string()),
        access_token: applied.access_token.map(|token| token.reveal()),
    }))
}
