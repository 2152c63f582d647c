//! Why an act wasn't performed, in words for the one who asked; it travels over the admin socket.

use doorward_api::problem::Problem;
use doorward_domain::Refusal;
use doorward_service::Error;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// A refusal or failure: what happened and what to do next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Said {
    /// The message.
    message: String,
    /// Whether it lies in what was asked: exit code 2, else 1.
    asked: bool,
}

impl Said {
    /// It can't be done at the moment, or isn't there.
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self { message: message.into(), asked: false }
    }

    /// It can't be done as it was asked.
    pub(crate) fn asked(message: impl Into<String>) -> Self {
        Self { message: message.into(), asked: true }
    }

    /// A failure of the service; what isn't there is told in the caller's words.
    pub(crate) fn of(error: Error, missing: impl FnOnce() -> String) -> Self {
        match error {
            Error::Refused(Refusal::NotFound) => Self::failed(missing()),
            error => error.into(),
        }
    }
}

impl From<Error> for Said {
    fn from(error: Error) -> Self {
        let asked = matches!(error, Error::Refused(Refusal::Invalid(_) | Refusal::InvalidPolicy(_)));
        let problem = Problem::from(error);
        let mut message = format!("{} {}", problem.kind.title(), problem.detail).trim().to_owned();
        for fault in &problem.errors {
            message.push_str(&format!(" `{}` {}.", fault.field, fault.description));
        }
        Self { message, asked }
    }
}

impl From<Said> for Failure {
    fn from(said: Said) -> Self {
        if said.asked { Self::of_settings(said.message) } else { Self::new(said.message) }
    }
}
