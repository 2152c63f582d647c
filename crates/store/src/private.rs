//! Files and folders that their owner alone opens. What root makes in another's folder is that other's, who is to use it.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, RenameFlags, openat, renameat_with};
use rustix::io::Errno;

/// Makes a folder, with those above it; one that is there stays as it is.
///
/// # Errors
/// The system's.
pub fn make_folder(path: &Path) -> io::Result<()> {
    if path.as_os_str().is_empty() || path.is_dir() {
        return Ok(());
    }
    make_folder(folder_of(path))?;
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => {
            // The folder itself, and not what somebody put in its place since.
            let made = openat(CWD, path, OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
            give(made, folder_of(path));
            Ok(())
        }
        // Another was quicker.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) => Err(error),
    }
}

/// Makes a file that isn't there, open for reading and writing.
///
/// # Errors
/// `AlreadyExists`, also where a link leads nowhere; the system's.
pub fn make_file(path: &Path) -> io::Result<File> {
    let file = make_own_file(path)?;
    give(&file, folder_of(path));
    Ok(file)
}

/// The same, but the caller's own, whosever folder it lies in.
///
/// # Errors
/// As [`make_file`].
pub fn make_own_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)
}

/// Gives what root has made to the owner of the folder that it lies in.
fn give(made: impl AsFd, folder: &Path) {
    if rustix::process::geteuid().is_root()
        && let Ok(theirs) = fs::metadata(folder)
        && theirs.uid() != 0
    {
        // A file system without owners has nobody to be given to.
        let _ = std::os::unix::fs::fchown(made, Some(theirs.uid()), Some(theirs.gid()));
    }
}

/// The folder that a file lies in.
#[must_use]
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Gives a file another name in its folder, unless that is taken, in one step that a crash can't halve.
///
/// # Errors
/// `AlreadyExists`; `Unsupported` on a file system that can do it in no way; the system's.
pub fn name(from: &Path, to: &Path) -> io::Result<()> {
    name_by([rename, link], from, to)
}

fn rename(from: &Path, to: &Path) -> io::Result<()> {
    Ok(renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE)?)
}

fn link(from: &Path, to: &Path) -> io::Result<()> {
    fs::hard_link(from, to)?;
    fs::remove_file(from)
}

fn name_by(ways: [fn(&Path, &Path) -> io::Result<()>; 2], from: &Path, to: &Path) -> io::Result<()> {
    // What each of the two says where the file system, or the kernel, doesn't know it.
    let unknown = [Errno::INVAL, Errno::NOSYS, Errno::PERM, Errno::NOTSUP].map(Errno::raw_os_error);
    for way in ways {
        match way(from, to) {
            Err(error) if error.raw_os_error().is_some_and(|code| unknown.contains(&code)) => {}
            done => return done,
        }
    }
    let what = "its file system can give a file no name without the danger of overwriting another; use one that can rename or link without that";
    Err(io::Error::new(io::ErrorKind::Unsupported, what))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn no_way(_: &Path, _: &Path) -> io::Result<()> {
        Err(Errno::PERM.into())
    }

    #[test]
    fn a_file_is_named_on_any_file_system_that_can_and_never_over_another() {
        let folder = tempfile::tempdir().expect("a folder");
        let [from, to] = ["from", "to"].map(|name| folder.path().join(name));
        for ways in [[rename, no_way], [no_way, link], [rename, link]] {
            fs::write(&from, "new").expect("written");
            name_by(ways, &from, &to).expect("it has a way");
            assert!(!from.exists() && fs::read(&to).expect("read") == b"new");
            fs::write(&from, "newer").expect("written");
            assert_eq!(name_by(ways, &from, &to).expect_err("it is taken").kind(), io::ErrorKind::AlreadyExists);
            assert!(from.exists() && fs::read(&to).expect("read") == b"new");
            fs::remove_file(&to).expect("removed");
        }
        let failure = name_by([no_way, no_way], &from, &to).expect_err("it has no way");
        assert!(failure.to_string().contains("file system") && from.exists() && !to.exists(), "{failure}");
        assert_eq!(name(&folder.path().join("none"), &to).expect_err("nothing to name").kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn files_and_folders_are_private_and_no_link_is_followed() {
        let folder = tempfile::tempdir().expect("a folder");
        let inner = folder.path().join("a/b");
        make_folder(&inner).expect("made");
        make_folder(&inner).expect("there already");
        drop(make_file(&inner.join("x")).expect("made"));
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!((mode(&folder.path().join("a")), mode(&inner), mode(&inner.join("x"))), (0o700, 0o700, 0o600));
        assert_eq!(make_file(&inner.join("x")).expect_err("it is there").kind(), io::ErrorKind::AlreadyExists);
        std::os::unix::fs::symlink(folder.path().join("target"), inner.join("link")).expect("a link");
        assert_eq!(make_file(&inner.join("link")).expect_err("a link").kind(), io::ErrorKind::AlreadyExists);
        assert!(!folder.path().join("target").exists());
    }

    /// What only root can do: others have no other's folder to make anything in.
    #[test]
    fn what_root_makes_is_the_folders_owners() {
        if !rustix::process::geteuid().is_root() {
            eprintln!("skipped: it isn't root who tests");
            return;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let (uid, gid) = (64_001, 64_002);
        std::os::unix::fs::chown(folder.path(), Some(uid), Some(gid)).expect("given");
        let inner = folder.path().join("a/b");
        make_folder(&inner).expect("made");
        drop(make_file(&inner.join("x")).expect("made"));
        drop(make_own_file(&inner.join("own")).expect("made"));
        assert_eq!(fs::metadata(inner.join("own")).expect("there").uid(), 0);
        for path in [folder.path().join("a"), inner.clone(), inner.join("x")] {
            let found = fs::metadata(&path).expect("there");
            assert_eq!((found.uid(), found.gid()), (uid, gid), "{}", path.display());
        }
    }
}
