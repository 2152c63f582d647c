//! SIGHUP: what may change while the server runs is read anew. What is wrong changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::config::{Config, Given};
use crate::failure::Failure;
use crate::location_file::LocationFile;
use crate::log;
use crate::server::Tls;

/// What takes effect at once; the certificate's files and the location database are read anew besides, whatever was changed.
const AT_ONCE: [&str; 2] = ["log", "trusted_proxies"];

/// Gathers the settings, as at the start.
pub(crate) type Gather = Box<dyn Fn() -> Result<Given, Failure> + Send>;

/// Waits for SIGHUP from the moment it is made on: before, the signal would end the process.
pub(crate) struct Reload {
    hangup: Signal,
    gather: Gather,
    /// The settings in force, by their texts.
    in_force: BTreeMap<&'static str, String>,
}

impl Reload {
    /// Begins to listen for the signal; the settings were gathered just now.
    pub(crate) fn new(gather: Gather, given: &Given) -> Result<Self, Failure> {
        let hangup = signal(SignalKind::hangup()).map_err(|error| Failure::new(format!("No signals can be received: {error}")))?;
        Ok(Self { hangup, gather, in_force: texts(given) })
    }

    /// Reads anew at each signal, until `stop`.
    pub(crate) async fn run(mut self, config: Config, tls: Option<Tls>, places: Option<LocationFile>, stop: CancellationToken) {
        while stop.run_until_cancelled(self.hangup.recv()).await.flatten().is_some() {
            // Files may be large, and nobody waits for them here.
            if let Err(failure) = tokio::task::block_in_place(|| self.read(&config, tls.as_ref(), places.as_ref())) {
                tracing::error!("told to read the settings anew, but everything stays as it is: {failure}");
            }
        }
    }

    fn read(&self, config: &Config, tls: Option<&Tls>, places: Option<&LocationFile>) -> Result<(), Failure> {
        let given = (self.gather)()?;
        let told = texts(&given);
        let anew = Config::check(given)?;
        let edition = places.map(LocationFile::read).transpose()?;
        if let Some(tls) = tls {
            tls.read_anew()?;
        }
        if let Some((places, edition)) = places.zip(edition) {
            places.replace(edition);
        }
        let names: BTreeSet<&str> = self.in_force.keys().chain(told.keys()).copied().collect();
        let later: Vec<&str> = names.into_iter().filter(|name| !AT_ONCE.contains(name) && self.in_force.get(name) != told.get(name)).collect();
        if !later.is_empty() {
            tracing::warn!("these settings take effect at the next start only: {}", later.join(", "));
        }
        config.trusted_proxies.replace(&anew.trusted_proxies);
        tracing::info!(trusted_proxies = anew.trusted_proxies.len(), log = anew.log.filter, "the settings were read anew");
        log::set_filter(&anew.log.filter);
        Ok(())
    }
}

fn texts(given: &Given) -> BTreeMap<&'static str, String> {
    given.all().map(|(name, text, _)| (name, text.to_owned())).collect()
}
