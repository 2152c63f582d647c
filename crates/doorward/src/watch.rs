//! Files that may be replaced while the server runs: looked at every few seconds, and read anew once they have changed.

use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio_util::sync::CancellationToken;

use crate::failure::Failure;

/// How often files are looked at.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(if cfg!(test) { 50 } else { 10_000 });

/// What tells that a file isn't the one that it was.
type Stamp = Option<(u64, u64, SystemTime)>;

/// Files, and how they were when their reader began to read them.
#[derive(Clone)]
pub(crate) struct Watch {
    files: Vec<PathBuf>,
    stamps: Vec<Stamp>,
}

impl Watch {
    /// Notes how the files are now. To be called before they are read.
    pub(crate) fn of(files: Vec<PathBuf>) -> Self {
        Self { stamps: stamps(&files), files }
    }

    /// Calls `read` whenever one of the files has changed, until `stop`. What can't be used is told once, and read again when it has
    /// changed again: files are seldom replaced in one step.
    pub(crate) fn start(mut self, stop: CancellationToken, read: impl Fn() -> Result<(), Failure> + Send + Sync + 'static) {
        let read = Arc::new(read);
        tokio::spawn(async move {
            while tokio::time::timeout(LOOK_EVERY, stop.cancelled()).await.is_err() {
                let found = stamps(&self.files);
                if found == self.stamps {
                    continue;
                }
                self.stamps = found;
                let read = Arc::clone(&read);
                let outcome = tokio::task::spawn_blocking(move || read()).await;
                if let Ok(Err(failure)) = outcome {
                    tracing::warn!("a file has changed but can't be used, and what it said before stays in force: {failure}");
                }
            }
        });
    }
}

fn stamps(files: &[PathBuf]) -> Vec<Stamp> {
    let stamp = |path: &PathBuf| std::fs::metadata(path).and_then(|found| Ok((found.ino(), found.len(), found.modified()?))).ok();
    files.iter().map(stamp).collect()
}
