//! The erasure list: a file beside the database, to be kept apart from its backups, by which a restore erases people again.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use doorward_service::{Erased, ErasureList, Listed};
use doorward_store::private::{folder_of, make_file, make_folder};

/// A file with one JSON object a line. It is opened for each line, so that it may be moved away or replaced while we run.
pub(crate) struct ErasureFile {
    path: Arc<PathBuf>,
    /// Lines of one process don't mix; those of several are short enough not to.
    writing: Arc<Mutex<()>>,
}

impl ErasureFile {
    /// The list in this file, which is made when it is needed.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path: Arc::new(path), writing: Arc::default() }
    }
}

impl ErasureList for ErasureFile {
    fn record(&self, erased: Erased) -> Listed<'_, ()> {
        let (path, writing) = (Arc::clone(&self.path), Arc::clone(&self.writing));
        Box::pin(async move {
            let write = move || {
                let _alone = writing.lock().unwrap_or_else(PoisonError::into_inner);
                append(&path, &erased).map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
            };
            tokio::task::spawn_blocking(write).await.map_err(io::Error::other)?
        })
    }

    fn lines(&self) -> Listed<'_, Vec<Erased>> {
        let path = Arc::clone(&self.path);
        Box::pin(async move { tokio::task::spawn_blocking(move || read(&path)).await.map_err(io::Error::other)? })
    }
}

/// What was written down; nothing where there is no file. A last line without an end was cut off before it was answered.
fn read(path: &Path) -> io::Result<Vec<Erased>> {
    let text = match std::fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        read => read.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?,
    };
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let bad = |number: usize, fault| io::Error::other(format!("{}, line {}: it {fault}", path.display(), number + 1));
    whole.lines().enumerate().map(|(number, line)| line.parse().map_err(|fault| bad(number, fault))).collect()
}

fn append(path: &Path, erased: &Erased) -> io::Result<()> {
    // Where the database lies on a server, nobody else has made the folder.
    let folder = folder_of(path);
    make_folder(folder)?;
    let new = match make_file(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => false,
        made => made.map(|_| true)?,
    };
    let mut file = OpenOptions::new().read(true).append(true).open(path)?;
    // What a kill cut off stays a line of its own.
    let length = file.metadata()?.len();
    let mut last = [b'\n'];
    if let Some(at) = length.checked_sub(1) {
        file.read_exact_at(&mut last, at)?;
    }
    let begin = if last == *b"\n" { "" } else { "\n" };
    // In one write, so that a kill leaves a whole line or the beginning of one, which a reader passes over.
    file.write_all(format!("{begin}{erased}\n").as_bytes())?;
    file.sync_all()?;
    if new {
        File::open(folder)?.sync_all()?;
        File::open(folder_of(folder))?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    fn erased(shard: u16) -> Erased {
        let line = format!(r#"{{"account":"0190b4e2-7b6a-7c3e-8f21-0242ac120002","at":"2027-01-15T08:00:00Z","shard":{shard},"tenant":"acme"}}"#);
        line.parse().expect("a line")
    }

    #[tokio::test]
    async fn lines_are_added_and_only_their_owner_reads_them() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("doorward.db.erasures");
        let list = ErasureFile::new(path.clone());
        list.record(erased(1)).await.expect("written");
        list.record(erased(2)).await.expect("written");
        assert_eq!(list.lines().await.expect("it reads"), [erased(1), erased(2)]);
        let mut file = OpenOptions::new().append(true).open(&path).expect("it is there");
        file.write_all(b"{\"account\":\"01").expect("written");
        assert_eq!(list.lines().await.expect("it reads"), [erased(1), erased(2)], "a line that a kill cut off was answered to nobody");
        list.record(erased(3)).await.expect("written");
        assert!(std::fs::read_to_string(&path).expect("it is there").ends_with(&format!("\n{}\n", erased(3))), "the next one is whole");
        assert!(list.lines().await.expect_err("a damaged line is not passed over").to_string().contains("line 3"));
        assert_eq!(std::fs::metadata(&path).expect("there").mode() & 0o777, 0o600);
    }

    #[tokio::test]
    async fn a_list_that_cant_be_written_says_where() {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::write(dir.path().join("gone"), "a file where its folder was").expect("written");
        let list = ErasureFile::new(dir.path().join("gone/doorward.db.erasures"));
        let failure = list.record(erased(1)).await.expect_err("there is no such directory");
        assert!(failure.to_string().contains("gone/doorward.db.erasures"), "{failure}");
    }

    /// As beside a PostgreSQL server, where nothing else of a node lies in a folder.
    #[tokio::test]
    async fn a_list_makes_the_folder_that_it_is_to_lie_in() {
        let dir = tempfile::tempdir().expect("a directory");
        let list = ErasureFile::new(dir.path().join("data/doorward.erasures"));
        assert_eq!(list.lines().await.expect("nobody was erased yet"), []);
        list.record(erased(1)).await.expect("written");
        assert_eq!(list.lines().await.expect("it reads"), [erased(1)]);
        assert_eq!(std::fs::metadata(dir.path().join("data")).expect("made").mode() & 0o777, 0o700);
    }
}
