//! Which database: a file for SQLite, an address for PostgreSQL.

use std::fmt;
use std::path::{Path, PathBuf};

/// The database that a server works on.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Database {
    /// A file of the embedded store.
    Sqlite(PathBuf),
    /// A PostgreSQL address; it may hold a password, so it is never shown.
    Postgres(String),
}

impl Database {
    /// Reads `sqlite://path` (relative, or `sqlite:///absolute`) or `postgres://…`; the fault says what to write instead.
    pub(crate) fn parse(url: &str) -> Result<Self, &'static str> {
        if let Some(path) = url.strip_prefix("sqlite://") {
            return match path {
                "" => Err("names no file. Write sqlite://doorward.db, or sqlite:///var/lib/doorward/doorward.db for an absolute path"),
                ":memory:" => Err("asks for a database in memory, which would forget every device at a restart. Name a file: sqlite://doorward.db"),
                path if path.contains('?') => Err("has parameters, and SQLite takes none here. Write sqlite://doorward.db"),
                path if path.ends_with('/') => Err("names a directory. Name a file in it: sqlite://…/doorward.db"),
                path => Ok(Self::Sqlite(path.into())),
            };
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Self::Postgres(url.to_owned()));
        }
        Err("is of no kind that Doorward knows. Write sqlite://PATH or postgres://USER@HOST/DATABASE")
    }

    /// The file in `data_dir` that is used where no database was named.
    pub(crate) fn in_dir(data_dir: &Path) -> Self {
        Self::Sqlite(data_dir.join("doorward.db"))
    }

    /// Where its erasures are written down, unless another file was named.
    pub(crate) fn erasure_list(&self, data_dir: &Path) -> PathBuf {
        match self {
            Self::Sqlite(path) => {
                let mut name = path.as_os_str().to_owned();
                name.push(".erasures");
                name.into()
            }
            Self::Postgres(_) => data_dir.join("doorward.erasures"),
        }
    }
}

impl From<&Database> for doorward_store::Database {
    fn from(database: &Database) -> Self {
        match database {
            Database::Sqlite(path) => Self::Sqlite(path.clone()),
            Database::Postgres(url) => Self::Postgres(url.clone()),
        }
    }
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite://{}", path.display()),
            Self::Postgres(_) => f.write_str("postgres://…"),
        }
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_passwords_not_shown() {
        assert_eq!(Database::parse("sqlite://a/b.db"), Ok(Database::Sqlite("a/b.db".into())));
        assert_eq!(Database::parse("sqlite:///a/b.db"), Ok(Database::Sqlite("/a/b.db".into())));
        let postgres = Database::parse("postgres://u:canary@h/d").expect("a good address");
        assert_eq!(doorward_store::Database::from(&postgres), doorward_store::Database::Postgres("postgres://u:canary@h/d".to_owned()));
        assert!(!format!("{postgres} {postgres:?}").contains("canary"));
        for url in ["", "sqlite://", "sqlite:a.db", "sqlite://:memory:", "sqlite://a.db?mode=ro", "sqlite://dir/", "mysql://h/d"] {
            assert!(Database::parse(url).is_err(), "{url}");
        }
    }
}
