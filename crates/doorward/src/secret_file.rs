//! Files that hold a secret: made once, whole or not at all, readable by their owner alone.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use doorward_store::private::{folder_of, make_file, name};

/// A secret read from its file.
pub(crate) struct Kept {
    /// The text, without the line end.
    pub(crate) text: String,
    /// Whether the file was made just now.
    pub(crate) made: bool,
}

/// Reads the file, or makes it with what `mint` gives. Of several that make it at once, one wins and all read the same.
pub(crate) fn read_or_make(path: &Path, mint: impl FnOnce() -> io::Result<String>) -> io::Result<Kept> {
    if let Some(text) = read(path)? {
        return Ok(Kept { text, made: false });
    }
    let made = make(path, &mint()?)?;
    let text = read(path)?.ok_or(io::ErrorKind::NotFound)?;
    Ok(Kept { text, made })
}

/// Whether others than the owner may read the file.
pub(crate) fn is_open_to_others(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.mode() & 0o077 != 0)
}

fn read(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text.trim_end().to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes beside the path, then gives it the name, which fails if another was first: then false.
fn make(path: &Path, text: &str) -> io::Result<bool> {
    let beside = beside(path);
    let mut file = make_file(&beside)?;
    match write_whole(&mut file, text).and_then(|()| name(&beside, path)) {
        // The name must last as long as what is hashed with the key.
        Ok(()) => File::open(folder_of(path))?.sync_all().map(|()| true),
        Err(error) => {
            fs::remove_file(&beside)?;
            if error.kind() == io::ErrorKind::AlreadyExists { Ok(false) } else { Err(error) }
        }
    }
}

fn write_whole(file: &mut File, text: &str) -> io::Result<()> {
    writeln!(file, "{text}")?;
    file.sync_all()
}

/// A name that no other process uses: it bears ours.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    // A process of the same number may have died over it.
    let _ = fs::remove_file(&name);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_made_once_and_kept_from_others() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("x.key");
        let first = read_or_make(&path, || Ok("one".to_owned())).expect("made");
        let again = read_or_make(&path, || panic!("made twice")).expect("read");
        assert_eq!((first.text.as_str(), first.made, again.text.as_str(), again.made), ("one", true, "one", false));
        assert!(!is_open_to_others(&path));
        assert_eq!(fs::metadata(&path).expect("there").mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(dir.path()).expect("there").count(), 1);
        assert!(!make(&path, "two").expect("another was first"));
        assert_eq!(read(&path).expect("read").as_deref(), Some("one"));
    }
}
