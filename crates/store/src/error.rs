//! What can go wrong in a store.

/// A store's failure. None of them says anything about a session or a device: callers answer 503 or 500, never 401.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database can't be reached, is full, or has too much to do. Trying again later may help.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// What was read can't have been written by this program.
    #[error("the store holds something unreadable: {0}")]
    Corrupt(String),
    /// A rule panicked. It wrote nothing.
    #[error("a rule panicked: {0}")]
    Panicked(String),
    /// What was to be created exists already.
    #[error("it exists already")]
    Exists,
    /// Another process owns the database file.
    #[error("{0} is in use by another doorward process; stop it first")]
    Held(String),
    /// The configuration doesn't fit what is there.
    #[error("{0}")]
    Misconfigured(String),
}

impl StoreError {
    pub(crate) fn locked() -> Self {
        Self::Unavailable("the store is locked until the server key is found to fit".to_owned())
    }

    pub(crate) fn corrupt(table: &str, column: &str) -> Self {
        Self::Corrupt(format!("{table}.{column}"))
    }
}
