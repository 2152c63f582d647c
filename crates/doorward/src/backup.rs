//! `doorward backup` and `doorward restore`: copies of the embedded database, and the way back that revives nothing.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use clap::ArgMatches;
use doorward_domain::ApiKeyId;
use doorward_service::{Clock as _, ErasureList as _, NoLocations, Restored, Service, SystemClock, SystemEntropy};
use doorward_store::{Restoring, StoreError};
use serde_json::{Value, json};

use crate::admin::{Said, human, id};
use crate::bar::Bar;
use crate::config::{Database, KeySource, LogConfig, Storage};
use crate::erasure_list::ErasureFile;
use crate::failure::Failure;
use crate::keys::key_ring;
use crate::log;

/// Copies the database while it is in use.
pub(crate) async fn backup(flags: &ArgMatches, database: &Database, keys: &KeySource, log: &LogConfig) -> Result<(), Failure> {
    log::start(log);
    let Database::Sqlite(path) = database else {
        return Err(Failure::of_settings(
            "PostgreSQL has backups of its own: pg_dump, or a base backup with its archived log (see docs/operations.md). \
             After you restored one, and before the first node serves: doorward fence --all --after-restore",
        ));
    };
    let now = SystemClock::new().now();
    let to = match flags.get_one::<String>("to").map(PathBuf::from) {
        Some(folder) if folder.is_dir() => folder.join(format!("doorward-{}.db", now.to_string().replace([':', '.'], "-"))),
        Some(file) => file,
        None => return Err(Failure::of_settings("Name the file to write: doorward backup FILE")),
    };
    let (from, into) = (path.clone(), to.clone());
    let copied = blocking(move || {
        let mut bar = Bar::new("Copying");
        doorward_store::backup(&from, &into, now, &mut |done, all| bar.show(done, all))
    })
    .await?;
    let made = copied.map_err(|error| Failure::new(format!("No backup was made: {error}")))?;
    let beside = KeySource::beside(database);
    let key = match keys {
        KeySource::Given(_) => "which you gave as DOORWARD_SECRET_KEY or its file".to_owned(),
        KeySource::Beside(_) => format!("which lies in {}", if let KeySource::Beside(path) = &beside { path.display().to_string() } else { String::new() }),
    };
    let answer = json!({ "file": to.display().to_string(), "bytes": made.bytes, "taken_at": made.taken_at.to_string(), "server_key_included": false });
    let words = format!(
        "{} holds everything that was answered by {} ({} bytes), and was checked.\n\
         The server key is not in it, {key}: keep a copy of it in another place. Without it the backup is of no use, and with\n\
         it whoever has both can test guesses.\n",
        to.display(),
        made.taken_at,
        made.bytes
    );
    print(flags, &answer, &words)
}

/// Makes a database of a backup, in which everything that could have been ended since is ended.
pub(crate) async fn restore(flags: &ArgMatches, storage: &Storage, log: &LogConfig) -> Result<(), Failure> {
    log::start(log);
    let Storage { database, keys, erasure_list } = storage;
    let Database::Sqlite(to) = database else {
        return Err(Failure::of_settings(
            "PostgreSQL restores its own backups (see docs/operations.md). Afterwards, and before the first node serves: \
             doorward fence --all --after-restore",
        ));
    };
    let from = flags.get_one::<String>("from").map(PathBuf::from).ok_or_else(|| Failure::of_settings("Name the backup: doorward restore FILE"))?;
    let kept: Vec<ApiKeyId> = flags.get_many::<String>("keep_api_key").into_iter().flatten().map(|text| id(text)).collect::<Result<_, Said>>()?;
    if let KeySource::Beside(path) = keys
        && !path.exists()
    {
        return Err(Failure::new(format!(
            "The server key {} is not there, and no token of the backup is good without it. Put it there first, or give DOORWARD_SECRET_KEY.",
            path.display()
        )));
    }
    // Read before anything is copied.
    let ring = key_ring(keys, database)?;
    let erasures = Arc::new(ErasureFile::new(erasure_list.clone()));
    erasures.lines().await.map_err(|error| Failure::new(format!("The erasure list can't be read, so nothing is restored: {error}")))?;
    let no_backup = |error: StoreError| Failure::new(format!("{} can't be restored: {error}", from.display()));
    let (source, target) = (from.clone(), to.clone());
    let restoring = blocking(move || {
        let mut bar = Bar::new("Copying");
        Restoring::begin(&source, &target, &mut |done, all| bar.show(done, all))
    })
    .await?
    .map_err(no_backup)?;
    let clock = Arc::new(SystemClock::new());
    let (store, told) = (restoring.open().map_err(no_backup)?, Arc::<SystemClock>::clone(&clock));
    let service = Service::new(store, ring, told, Arc::new(SystemEntropy::new()), erasures, Arc::new(NoLocations));
    let ended = match service.start().await {
        Ok(()) => ended(&service, &human(flags), kept).await,
        Err(error) => Err(Said::failed(error.to_string())),
    };
    service.close().await;
    // The copy's last connection closes with it.
    drop(service);
    let Ended { restored, erased_again: again } = ended?;
    let taken_at = restoring.taken_at().map(|at| at.to_string());
    restoring.finish(clock.now()).map_err(no_backup)?;
    let answer = json!({
        "database": to.display().to_string(), "taken_at": taken_at, "tenants_fenced": restored.tenants, "api_keys_ended": restored.keys_ended, "erased_again": again,
        "next": NEW_KEYS,
    });
    let words = format!(
        "{} is restored{}. All trust and all sessions of its {} tenants are ended, and {} API keys.\n\
         {again} people that were erased since are erased again, by {}.\n\
         What happened after the backup is not in it: report devices that were hijacked since, and disable accounts, once more.\n\
         Next: doorward doctor, then a new API key for each host whose key was ended, then doorward serve:\n\
         {NEW_KEYS}\n",
        to.display(),
        taken_at.map(|at| format!(" as it was at {at}")).unwrap_or_default(),
        restored.tenants,
        restored.keys_ended,
        erasure_list.display()
    );
    print(flags, &answer, &words)
}

/// What comes next where all API keys were ended: the first new one can only be made by command.
pub(crate) const NEW_KEYS: &str = "doorward api-key create NAME --role host --tenant TENANT";

/// What a restore ended.
pub(crate) struct Ended {
    pub(crate) restored: Restored,
    /// How many people were erased again, by the erasure list.
    pub(crate) erased_again: usize,
}

/// Ends what a restore brought back and erases again who was erased since, whatever restored it.
pub(crate) async fn ended(service: &Arc<Service>, human: &str, kept: Vec<ApiKeyId>) -> Result<Ended, Said> {
    let unknown = |error| Said::of(error, || "One of the API keys to be kept is not in the database, so nothing was done. Correct --keep-api-key.".to_owned());
    let restored = service.end_what_was_restored(human, kept).await.map_err(unknown)?;
    let unread = |_| Said::failed("Not everybody on the erasure list could be erased again; the log says why. Do it once more.".to_owned());
    Ok(Ended { restored, erased_again: service.erase_listed().await.map_err(unread)? })
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Failure::new(format!("It failed: {error}")))
}

fn print(flags: &ArgMatches, answer: &Value, words: &str) -> Result<(), Failure> {
    let text = if flags.get_flag("json") { format!("{answer:#}\n") } else { words.to_owned() };
    std::io::stdout().write_all(text.as_bytes()).map_err(|error| Failure::new(format!("It is done, but the answer can't be printed: {error}")))
}
