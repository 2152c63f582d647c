//! From the command line to the answer: by the running server, or by opening the database here.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, FromArgMatches as _};
use doorward_service::{NoLocations, Service, SystemClock, SystemEntropy};
use doorward_store::StoreError;
use serde_json::Value;

use super::tell::tell;
use super::{Act, Request, Said, socket};
use crate::config::{Database, LogConfig, Storage};
use crate::erasure_list::ErasureFile;
use crate::failure::Failure;
use crate::keys::key_ring;

/// How often a command looks again for a server that is just starting, or another command that is just running.
const LOOK_AGAIN: (u32, Duration) = (50, Duration::from_millis(100));

/// What all these commands take besides the settings of the database.
pub(crate) fn flags() -> [Arg; 3] {
    let tenant = Arg::new("tenant").long("tenant").value_name("TENANT").help("The tenant [default: the only one there is]");
    [tenant, actor(), json()].map(|arg| arg.global(true))
}

/// `--actor`.
pub(crate) fn actor() -> Arg {
    Arg::new("actor").long("actor").value_name("NAME").help("Who does it, for the audit trail [default: the user of this machine]")
}

/// `--json`.
pub(crate) fn json() -> Arg {
    Arg::new("json").long("json").action(ArgAction::SetTrue).help("Print the answer as JSON")
}

/// Reads the command, has it performed and prints the answer.
pub(crate) async fn run(matches: &ArgMatches, storage: Storage, log: LogConfig) -> Result<(), Failure> {
    crate::log::start(&log);
    let act = Act::from_arg_matches(matches).map_err(|error| Failure::of_settings(error.to_string()))?;
    let flags = matches.subcommand().map_or(matches, |(_, flags)| flags);
    if let Some(warning) = act.warning() {
        confirm(&warning)?;
    }
    let columns = act.columns();
    let tenant = flags.get_one::<String>("tenant").cloned();
    let actor = human(flags);
    let ask = async |act: Act| perform(&storage, Request { actor: actor.clone(), tenant: tenant.clone(), act }).await;
    let answer = match act {
        Act::Audit(act) if act.is_long() => match act.go_through(ask).await? {
            Some(answer) => answer,
            None => return Ok(()),
        },
        act => ask(act).await?,
    };
    let text = if flags.get_flag("json") { format!("{answer:#}\n") } else { tell(columns, &answer) };
    std::io::stdout().write_all(text.as_bytes()).map_err(|error| Failure::new(format!("It is done, but the answer can't be printed: {error}")))
}

/// Who gives the command: the one it names, or the user of this machine.
pub(crate) fn human(flags: &ArgMatches) -> String {
    flags.get_one::<String>("actor").cloned().unwrap_or_else(user_of_machine)
}

async fn perform(storage: &Storage, request: Request) -> Result<Value, Failure> {
    let Database::Sqlite(path) = &storage.database else { return here(storage, request).await.map_err(Stopped::failure) };
    if !path.exists() {
        return Err(Failure::new(format!("There is no database {}. Name it by --data-dir or --database-url, or make one: doorward migrate", path.display())));
    }
    let mut request = request;
    for _ in 0..LOOK_AGAIN.0 {
        if let Some(answer) = socket::send(path, &request).await? {
            return Ok(answer);
        }
        match here(storage, request).await {
            Ok(answer) => return Ok(answer),
            Err(Stopped::Held(kept)) => request = *kept,
            Err(stopped) => return Err(stopped.failure()),
        }
        tokio::time::sleep(LOOK_AGAIN.1).await;
    }
    Err(held(path))
}

fn held(path: &Path) -> Failure {
    Failure::new(format!("{} is in use by a process that takes no commands. If it is a server, its log says why; stop it, then try again.", path.display()))
}

/// Why a command wasn't performed here.
enum Stopped {
    /// Another process has the file; the request goes on.
    Held(Box<Request>),
    /// For good.
    Failed(Failure),
}

impl Stopped {
    fn failure(self) -> Failure {
        match self {
            Self::Held(_) => Failure::new("The database is in use by another process."),
            Self::Failed(failure) => failure,
        }
    }
}

/// Opens the database, performs the request and closes it.
async fn here(storage: &Storage, request: Request) -> Result<Value, Stopped> {
    let Storage { database, keys, erasure_list } = storage;
    let ring = key_ring(keys, database).map_err(Stopped::Failed)?;
    let store = match doorward_store::open_current(&database.into()).await {
        Ok(store) => store,
        Err(StoreError::Held(_)) => return Err(Stopped::Held(Box::new(request))),
        Err(error) => return Err(Stopped::Failed(Failure::new(format!("{database} can't be used: {error}")))),
    };
    let erasures = Arc::new(ErasureFile::new(erasure_list.clone()));
    let service = Service::new(store, ring, Arc::new(SystemClock::new()), Arc::new(SystemEntropy::new()), erasures, Arc::new(NoLocations));
    let answer = match service.visit().await {
        Ok(()) => request.perform(&service).await,
        Err(error) => Err(Said::failed(format!("{database} can't be used: {error}"))),
    };
    service.leave().await;
    answer.map_err(|said| Stopped::Failed(said.into()))
}

/// Asks at the terminal. Where there is none, the command line has to say it.
pub(crate) fn confirm(warning: &str) -> Result<(), Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::of_settings(format!("{warning} Say --yes if it is meant.")));
    }
    // A closed stderr can't ask; then the answer can't be yes either.
    let _ = write!(std::io::stderr(), "{warning}\nType yes to go on: ");
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line);
    if read.is_ok() && line.trim() == "yes" { Ok(()) } else { Err(Failure::new("Nothing was done.")) }
}

/// The name of the user who runs this, or its number.
fn user_of_machine() -> String {
    let uid = rustix::process::getuid().as_raw();
    let named = |line: &str| {
        let mut parts = line.split(':');
        let name = parts.next()?;
        (parts.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    };
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    users.lines().find_map(named).unwrap_or_else(|| uid.to_string())
}
