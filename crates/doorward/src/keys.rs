//! The server keys of a start: as given, or from the file beside the database, made at the first start.

use std::io;
use std::path::Path;

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorward_domain::KeyRing;
use doorward_store::private::{folder_of, make_folder};

use crate::config::{Database, KeySource, ServerKeys};
use crate::failure::Failure;
use crate::secret_file::{is_open_to_others, read_or_make};

/// The ring of the server keys; on SQLite the file is made where neither it nor a database is there yet.
pub(crate) fn key_ring(source: &KeySource, database: &Database) -> Result<KeyRing, Failure> {
    match (source, database) {
        (KeySource::Given(keys), _) => Ok(KeyRing::new(keys.expose())),
        (KeySource::Beside(path), Database::Sqlite(database)) => beside(path, database),
        (KeySource::Beside(_), Database::Postgres(_)) => Err(Failure::of_settings("DOORWARD_SECRET_KEY is missing.")),
    }
}

fn beside(path: &Path, database: &Path) -> Result<KeyRing, Failure> {
    let shown = path.display();
    let no_file =
        |error: io::Error| Failure::new(format!("The server key {shown} can be neither read nor made: {error}. Correct it, or give DOORWARD_SECRET_KEY."));
    if !path.exists() && database.exists() {
        return Err(Failure::new(format!(
            "The database {} is there, but its server key {shown} is not. Put the key back, or give it by DOORWARD_SECRET_KEY. \
             Without it no token and no trusted device of this database is good any more; to begin anew, move the database away.",
            database.display()
        )));
    }
    make_folder(folder_of(path)).map_err(no_file)?;
    let kept = read_or_make(path, mint).map_err(no_file)?;
    let keys = ServerKeys::parse(&kept.text).map_err(|message| Failure::new(format!("The server key in {shown} can't be used: {message}.")))?;
    if kept.made {
        tracing::warn!(file = %shown, "first start: a server key was made. Keep a copy of it apart from the database's backups: without it no token is good");
    } else if is_open_to_others(path) {
        tracing::warn!(file = %shown, "the server key can be read by others: chmod 600 it");
    }
    Ok(KeyRing::new(keys.expose()))
}

/// 32 random bytes in base64.
pub(crate) fn mint() -> io::Result<String> {
    let mut key = [0; 32];
    rand::fill(&mut key).map_err(|_| io::Error::other("the operating system gives no randomness"))?;
    Ok(STANDARD.encode(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_at_the_first_start_and_missed_later() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("inner/doorward.db");
        let database = Database::Sqlite(path.clone());
        let source = KeySource::Beside(dir.path().join("inner/doorward.db.key"));
        let first = key_ring(&source, &database).expect("made");
        let again = key_ring(&source, &database).expect("read");
        assert!(first.checks().eq(again.checks()));
        std::fs::write(&path, "").expect("written");
        assert!(key_ring(&source, &database).is_ok());
        std::fs::remove_file(dir.path().join("inner/doorward.db.key")).expect("removed");
        let message = key_ring(&source, &database).expect_err("no key").to_string();
        assert!(message.contains("Put the key back"), "{message}");
    }
}
