//! Upkeep: what the process around the service needs of it, from the first check to the last write.

use std::sync::{Arc, PoisonError};

use doorward_domain::Timestamp;
use doorward_store::StoreError;

use crate::Service;

/// By how many seconds the clock may be behind the record before it is worth an alarm.
const CLOCK_GAP_S: u32 = 300;
/// For how long an answer to "are you ready?" is kept, in seconds: asking makes a write, and anyone may ask.
const READINESS_S: u32 = 1;

/// The last answer to "are you ready?".
#[derive(Default)]
pub(crate) struct Readiness(Option<(Timestamp, Vec<String>)>);

impl Service {
    /// What comes before the first request: the server keys fit the store, and the clock goes on from where it was.
    ///
    /// # Errors
    /// `Misconfigured` with what to do: a process that serves all the same is never ready and answers 503, since under a
    /// wrong key every good token looks bad. `Unavailable`.
    pub async fn start(&self) -> Result<(), StoreError> {
        let fits = self.store.check_keys(self.keys.checks().collect()).await;
        if let Err(error @ StoreError::Misconfigured(_)) = &fits {
            // The first reason stands; a second start finds the same.
            drop(self.unfit.set(error.to_string()));
        }
        fits?;
        self.store.unlock(Arc::clone(&self.keys));
        self.go_on_from_the_record().await?;
        self.record_moment().await
    }

    /// What comes before a command that is given beside the nodes which serve the store: nothing of this process is recorded, neither
    /// its time nor a server key that isn't in use yet.
    ///
    /// # Errors
    /// `Misconfigured` with what to do, also where this machine's clock and the database's differ; `Unavailable`.
    pub async fn visit(&self) -> Result<(), StoreError> {
        let known = self.store.server_keys().await?;
        let mut keys: Vec<_> = self.keys.checks().collect();
        // The first is recorded if it is new: so one that is in use comes first, and only a store that knows none is told of one.
        keys.sort_by_key(|(id, _)| !known.contains(id));
        self.store.check_keys(keys).await?;
        if let Some(theirs) = self.store.clock().await? {
            let ours = self.clock.now();
            if ours > theirs.plus_s(CLOCK_GAP_S) || theirs > ours.plus_s(CLOCK_GAP_S) {
                return Err(StoreError::Misconfigured(format!(
                    "this machine's clock says {ours}, and the database's {theirs}: correct the clock that is wrong, since all that is done bears its time"
                )));
            }
        }
        self.store.unlock(Arc::clone(&self.keys));
        self.go_on_from_the_record().await
    }

    /// Ends a [visit](Self::visit): closes the store and records nothing.
    pub async fn leave(&self) {
        self.store.close().await;
    }

    async fn go_on_from_the_record(&self) -> Result<(), StoreError> {
        if let Some(latest) = self.store.latest_moment().await? {
            let wall = self.clock.now();
            if latest > wall.plus_s(CLOCK_GAP_S) {
                tracing::error!(
                    recorded = %latest, clock = %wall,
                    "this machine's clock is behind the last moment on record, which counts; correct the clock, or live with sessions that end early"
                );
            }
            self.clock.not_before(latest);
        }
        Ok(())
    }

    /// Whether the server keys fit the store.
    #[must_use]
    pub fn is_fit(&self) -> bool {
        self.unfit.get().is_none()
    }

    /// Why this process may not answer at all, if so: its server keys don't fit the store.
    #[must_use]
    pub fn unfit(&self) -> Option<String> {
        self.unfit.get().cloned()
    }

    /// Records the present moment, so that a clock set back over a restart revives nothing. To be called every minute or so.
    ///
    /// # Errors
    /// The store's.
    pub async fn record_moment(&self) -> Result<(), StoreError> {
        self.store.record_moment(self.clock.now()).await
    }

    /// Why requests can't be answered at the moment; empty if they can.
    pub async fn readiness(&self) -> Vec<String> {
        if let Some(reason) = self.unfit.get() {
            return vec![reason.clone()];
        }
        let now = self.clock.now();
        let fresh = |at: Timestamp| now < at.plus_s(READINESS_S);
        let known = self.readiness.lock().unwrap_or_else(PoisonError::into_inner).0.clone();
        if let Some((_, reasons)) = known.filter(|(at, _)| fresh(*at)) {
            return reasons;
        }
        let failed = self.store.ready().await.err();
        if let Some(error) = &failed {
            tracing::warn!(%error, "not ready");
        }
        // Anyone may ask, and the store's own words may name a server or a role: those are in the log.
        let reasons: Vec<String> = failed.map(|_| "the store takes no changes at the moment; the log says why".to_owned()).into_iter().collect();
        self.readiness.lock().unwrap_or_else(PoisonError::into_inner).0 = Some((now, reasons.clone()));
        reasons
    }

    /// Figures for the metrics page: name and value.
    #[must_use]
    pub fn figures(&self) -> Vec<(&'static str, u64)> {
        let mut figures = self.store.figures();
        figures.extend(self.retention.figures());
        figures.push(("secrets_hashed_total", self.keys.hashed()));
        figures
    }

    /// Now, by the service's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Writes what is left to write and closes the store.
    pub async fn close(&self) {
        if let Err(error) = self.note_key_uses().await {
            tracing::warn!(%error, "the last uses of API keys could not be written");
        }
        if let Err(error) = self.record_moment().await {
            tracing::warn!(%error, "the time of the stop could not be recorded");
        }
        self.store.close().await;
    }
}
