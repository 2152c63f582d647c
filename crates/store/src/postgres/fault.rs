//! What the driver, the pool and the server answer when something fails, and what follows from it.

use std::error::Error as _;
use std::fmt;

use deadpool_postgres::{PoolError, TimeoutType};
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

use crate::StoreError;

/// A failure on the way to an answer.
#[derive(Debug)]
pub(super) enum Fault {
    /// The driver's or the server's.
    Database(Error),
    /// No answer in time. What became of the statements can't be known.
    Silence,
    /// Anything that is the store's own already.
    Store(StoreError),
}

/// What may be done about a failure before anything was committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remedy {
    /// Run it again.
    Again,
    /// Run it again on another connection: this one, or what was prepared on it, is of no use any more.
    Elsewhere,
    /// Nothing.
    None,
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Database(error)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<PoolError> for Fault {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Backend(error) => Self::Database(error),
            PoolError::Timeout(TimeoutType::Wait) => unavailable("every connection to the database is busy"),
            PoolError::Timeout(_) => unavailable("the database doesn't answer"),
            PoolError::Closed => unavailable("the store is closed"),
            other => unavailable(&other.to_string()),
        }
    }
}

fn unavailable(text: &str) -> Fault {
    Fault::Store(StoreError::Unavailable(text.to_owned()))
}

impl Fault {
    /// What may be done, if the statements that this came from committed nothing.
    pub(super) fn remedy(&self) -> Remedy {
        let Self::Database(error) = self else { return Remedy::None };
        let Some(answer) = error.as_db_error() else { return if error.is_closed() { Remedy::Elsewhere } else { Remedy::None } };
        let code = answer.code();
        // Another was quicker to make the account, or to use the same idempotency key on another account.
        let lost_the_race = *code == SqlState::UNIQUE_VIOLATION && matches!(answer.table(), Some("account" | "once"));
        if *code == SqlState::T_R_SERIALIZATION_FAILURE || *code == SqlState::T_R_DEADLOCK_DETECTED || lost_the_race {
            return Remedy::Again;
        }
        // The server goes down or fails over; a statement was prepared under another schema, or by a pooler's other connection.
        let gone = [
            SqlState::ADMIN_SHUTDOWN,
            SqlState::CRASH_SHUTDOWN,
            SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
            SqlState::READ_ONLY_SQL_TRANSACTION,
            SqlState::FEATURE_NOT_SUPPORTED,
            SqlState::INVALID_SQL_STATEMENT_NAME,
        ];
        if gone.contains(code) { Remedy::Elsewhere } else { Remedy::None }
    }

    /// What may be done if these statements were to commit: a server that goes down, or a connection that is lost, may have
    /// committed them; one that reports a conflict has not.
    pub(super) fn remedy_of_a_commit(&self) -> Remedy {
        if self.remedy() == Remedy::Again { Remedy::Again } else { Remedy::None }
    }

    /// The server's code, if it is the server that speaks.
    pub(super) fn code(&self) -> Option<&SqlState> {
        match self {
            Self::Database(error) => error.code(),
            Self::Silence | Self::Store(_) => None,
        }
    }

    /// As a failure to open the store: what an operator has to mend comes with what to do.
    pub(super) fn at_opening(self) -> StoreError {
        let advice = match self.code() {
            Some(code) if *code == SqlState::INVALID_CATALOG_NAME => "create it, owned by the role in the address",
            Some(code) if *code == SqlState::INVALID_PASSWORD || *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION => {
                "check user and password in the address, and pg_hba.conf on the server"
            }
            Some(code) if *code == SqlState::INSUFFICIENT_PRIVILEGE => "make the role in the address the owner of the database",
            _ => return self.into(),
        };
        StoreError::Misconfigured(format!("the database can't be used: {self}; {advice}"))
    }
}

/// In words that hold no value of any row.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silence => f.write_str("no answer in time"),
            Self::Store(error) => fmt::Display::fmt(error, f),
            // A server's `detail` names the values; its message doesn't.
            Self::Database(error) => match (error.as_db_error(), error.source()) {
                (Some(answer), _) => write!(f, "{} ({})", answer.message(), answer.code().code()),
                (None, Some(source)) => write!(f, "{error}: {source}"),
                (None, None) => fmt::Display::fmt(error, f),
            },
        }
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        let text = fault.to_string();
        // By class: data that doesn't fit, broken constraints, and a schema that isn't ours will not mend themselves.
        let class = fault.code().map(|code| code.code().get(..2).unwrap_or_default().to_owned());
        match (fault, class.as_deref()) {
            (Fault::Store(error), _) => error,
            (Fault::Database(error), Some("23")) if error.code() == Some(&SqlState::UNIQUE_VIOLATION) => Self::Exists,
            (Fault::Database(_), Some("22" | "23" | "42")) => Self::Corrupt(text),
            _ => Self::Unavailable(text),
        }
    }
}
