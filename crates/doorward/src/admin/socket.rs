//! The admin socket: beside the database, for root and the server's own user, one request and one answer to a connection.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use doorward_service::Service;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Request, Said};
use crate::server::DRAIN;

/// Requests that are performed at once; further ones wait.
const AT_ONCE: usize = 16;
/// The longest request.
const LONGEST_REQUEST: u64 = 64 * 1024;
/// The longest answer.
const LONGEST_ANSWER: u64 = 64 * 1024 * 1024;
/// For the request to arrive, and for the answer to be taken.
const TALK: Duration = Duration::from_secs(10);
/// For the request to be performed.
const WORK: Duration = Duration::from_secs(120);
/// What fits into a socket's address, in bytes, with the zero at its end.
const LONGEST_PATH: usize = 107;

/// The outcome of a request, as it goes back.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Reply {
    Done(Value),
    Refused(Said),
}

/// The socket of a database file: beside it, by its real path, so that server and commands mean the same one.
fn beside(database: &Path) -> io::Result<PathBuf> {
    let mut name = database.canonicalize()?.into_os_string();
    name.push(".admin");
    Ok(name.into())
}

/// A path that fits into a socket's address: a long one is taken by way of its open folder, which must be kept.
fn short(path: &Path) -> io::Result<(PathBuf, Option<File>)> {
    if path.as_os_str().len() <= LONGEST_PATH {
        return Ok((path.to_owned(), None));
    }
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return Err(io::ErrorKind::InvalidInput.into()) };
    let folder = File::open(folder)?;
    Ok((Path::new("/proc/self/fd").join(folder.as_raw_fd().to_string()).join(name), Some(folder)))
}

/// A server's open socket; its file goes when this does.
pub(crate) struct AdminSocket {
    listener: UnixListener,
    path: PathBuf,
}

impl Drop for AdminSocket {
    fn drop(&mut self) {
        // Else the next server removes it.
        let _ = std::fs::remove_file(&self.path);
    }
}

impl AdminSocket {
    /// Opens it. The caller owns the database file, so a socket that lies there is of a server that died.
    pub(crate) fn open(database: &Path) -> io::Result<Self> {
        let path = beside(database)?;
        let mut made = path.clone().into_os_string();
        made.push(".new");
        let made = PathBuf::from(made);
        let gone = |removed: io::Result<()>| removed.or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) });
        gone(std::fs::remove_file(&made))?;
        let (address, folder) = short(&made)?;
        let listener = UnixListener::bind(address)?;
        drop(folder);
        // It gets its name once it is private: nobody else can reach it in between.
        std::fs::set_permissions(&made, std::fs::Permissions::from_mode(0o600))?;
        std::fs::rename(&made, &path)?;
        Ok(Self { listener, path })
    }

    /// Answers until `stop`, then finishes what is being performed, but waits no longer than for requests.
    pub(crate) async fn serve(self, service: Arc<Service>, stop: CancellationToken) {
        let (slots, tasks) = (Arc::new(Semaphore::new(AT_ONCE)), TaskTracker::new());
        while let Some(slot) = stop.run_until_cancelled(Arc::clone(&slots).acquire_owned()).await {
            let Some(accepted) = stop.run_until_cancelled(self.listener.accept()).await else { break };
            let service = Arc::clone(&service);
            match accepted {
                Ok((stream, _)) => drop(tasks.spawn(async move {
                    if let Err(error) = answer(stream, &service).await {
                        tracing::debug!(%error, "a command went away");
                    }
                    drop(slot);
                })),
                Err(error) => {
                    tracing::warn!(%error, "the admin socket can't accept");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
        drop(self);
        tasks.close();
        if tokio::time::timeout(DRAIN, tasks.wait()).await.is_err() {
            tracing::warn!(commands = tasks.len(), "commands are still being performed at the stop");
        }
    }
}

/// Whether this user may give commands: root, or the one that the server runs as.
fn is_ours(uid: u32) -> bool {
    uid == 0 || uid == rustix::process::geteuid().as_raw()
}

async fn answer(mut stream: UnixStream, service: &Arc<Service>) -> io::Result<()> {
    let reply = if is_ours(stream.peer_cred()?.uid()) {
        let mut line = String::new();
        let mut reading = BufReader::new((&mut stream).take(LONGEST_REQUEST));
        tokio::time::timeout(TALK, reading.read_line(&mut line)).await??;
        perform(&line, service).await
    } else {
        Reply::Refused(Said::failed("Commands are for root and the user that the server runs as."))
    };
    let mut text = serde_json::to_vec(&reply)?;
    text.push(b'\n');
    tokio::time::timeout(TALK, stream.write_all(&text)).await??;
    stream.shutdown().await
}

async fn perform(line: &str, service: &Arc<Service>) -> Reply {
    let Ok(request) = serde_json::from_str::<Request>(line) else {
        return Reply::Refused(Said::failed("The running server doesn't know this command. If it is of another version than this program, restart it."));
    };
    // In a task of its own: what has begun is finished, also where nobody waits for it any more.
    let service = Arc::clone(service);
    let performed = tokio::spawn(async move { request.perform(&service).await });
    match tokio::time::timeout(WORK, performed).await {
        Ok(Ok(Ok(answer))) => Reply::Done(answer),
        Ok(Ok(Err(said))) => Reply::Refused(said),
        Ok(Err(_)) => Reply::Refused(Said::failed("The server failed at it; its log says more.")),
        Err(_) => Reply::Refused(Said::failed("The server is still at it after two minutes; look later what came of it.")),
    }
}

/// Sends a request to the server that holds this database. `None` if none answers there.
pub(super) async fn send(database: &Path, request: &Request) -> Result<Option<Value>, Said> {
    let failed = |error: io::Error| Said::failed(format!("The running server can't be asked: {error}."));
    let path = beside(database).map_err(failed)?;
    let (address, folder) = short(&path).map_err(failed)?;
    let connected = UnixStream::connect(address).await;
    drop(folder);
    let mut stream = match connected {
        Ok(stream) => stream,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            return Err(Said::failed(format!("{} may be used by root and the server's own user alone: run the command as one of them.", path.display())));
        }
        Err(error) => return Err(failed(error)),
    };
    let mut text = serde_json::to_vec(request).map_err(|error| failed(error.into()))?;
    text.push(b'\n');
    let mut line = String::new();
    let talk = async {
        stream.write_all(&text).await?;
        BufReader::new((&mut stream).take(LONGEST_ANSWER)).read_line(&mut line).await
    };
    let read = tokio::time::timeout(WORK + 2 * TALK, talk).await.map_err(|_| Said::failed("The running server doesn't answer."))?;
    if read.map_err(failed)? == 0 {
        return Err(Said::failed("The server stopped before it answered; look what came of the command."));
    }
    match serde_json::from_str(&line) {
        Ok(Reply::Done(answer)) => Ok(Some(answer)),
        Ok(Reply::Refused(said)) => Err(said),
        Err(_) => Err(Said::failed("The running server answers in a form that this program doesn't know; use the program of its version.")),
    }
}
