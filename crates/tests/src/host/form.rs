//! In which form a surface refuses: as a problem, or as a dialect's document says.

use doorward_api::{Dialect, Dialects};
use serde_json::Value;

use super::Answer;

/// The form of a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// An RFC 9457 problem, with its kind.
    Problem,
    /// `{"success":false,"error":"…"}`.
    Flashback,
    /// `{"message":"…"}`, with `retry_after` where coming again helps.
    Laravel,
}

impl Form {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Problem, Self::Flashback, Self::Laravel];

    /// The form of whoever owns a path, where these dialects are served.
    #[must_use]
    pub fn at(path: &str, dialects: Dialects) -> Self {
        let below = |root: &str| path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let serves = |dialect| dialects.on().any(|on| on == dialect);
        if serves(Dialect::Flashback) && (below("/devices") || below("/sessions")) {
            Self::Flashback
        } else if serves(Dialect::Laravel) && below("/api/devices") {
            Self::Laravel
        } else {
            Self::Problem
        }
    }

    /// The media type of its refusals.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Problem => "application/problem+json",
            Self::Flashback | Self::Laravel => "application/json",
        }
    }

    /// Whether a body is a refusal in this form.
    #[must_use]
    pub fn fits(self, answer: &Answer) -> bool {
        let body = &answer.body;
        let is_text = |name: &str| body[name].as_str().is_some_and(|text| !text.is_empty());
        match self {
            Self::Problem => {
                let told = (body["status"].as_u64(), body["request_id"].as_str());
                told == (Some(u64::from(answer.status)), answer.header("x-request-id")) && is_text("type")
            }
            Self::Laravel => {
                let wait = answer.header("retry-after").and_then(|wait| wait.parse::<u64>().ok());
                let members = 1 + usize::from(wait.is_some()) + usize::from(answer.status == 403);
                is_text("message")
                    && is_text("reason") == (answer.status == 403)
                    && body["retry_after"].as_u64() == wait
                    && body.as_object().map(serde_json::Map::len) == Some(members)
            }
            Self::Flashback => body["success"] == false && is_text("error") && body.as_object().map(serde_json::Map::len) == Some(2),
        }
    }
}

impl Answer {
    /// Whether it refuses with this status: as a problem of this kind, or in a dialect's form, which has no kinds.
    #[must_use]
    pub fn is_refusal(&self, status: u16, name: &str) -> bool {
        let is_kind = |kind: &Value| *kind == format!("/problems/{name}");
        self.status == status && Form::ALL.iter().any(|form| form.fits(self) && (*form != Form::Problem || is_kind(&self.body["type"])))
    }
}
