//! What an operation of the service may fail with.

use doorward_domain::Refusal;
use doorward_store::StoreError;

/// An operation's failure.
#[derive(Debug)]
pub enum Error {
    /// A rule said no.
    Refused(Refusal),
    /// It can't be known or done at the moment: 503, and never a 401.
    Unavailable,
    /// A defect of ours. It is in the log.
    Internal,
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unavailable => Self::Unavailable,
            refusal => Self::Refused(refusal),
        }
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Unavailable(_) => {
                tracing::warn!(%error, "the store could not answer");
                Self::Unavailable
            }
            StoreError::Corrupt(_) | StoreError::Misconfigured(_) | StoreError::Held(_) | StoreError::Exists | StoreError::Panicked(_) => {
                tracing::error!(%error, "the store failed");
                Self::Internal
            }
        }
    }
}
