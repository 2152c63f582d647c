//! Retention: what the policies keep no longer is removed in small batches, beside the requests and never in their way.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use doorward_domain::{Account, AccountId, ONCE_S, Pruned, REPORTS_KEPT_S, Shard, Timestamp};
use doorward_store::{AccountKey, Kept, Need, Old, StoreError};
use uuid::Uuid;

use crate::Service;

/// So many accounts are looked at in one step.
const ACCOUNTS: u16 = 50;
/// So many rows of each kind are looked at, and may be written, in one commit.
const ROWS: u16 = 200;
/// How long a budget is kept once it is full, and how far back a stranded sign-in is looked for: for clocks that differ.
const SLACK_S: u32 = 86_400;

/// An account's place in the walk through all of them.
pub type Place = (Shard, AccountId);

/// What retention did since the process began.
#[derive(Default)]
pub(crate) struct Tally {
    deleted: AtomicU64,
    blanked: AtomicU64,
    passes: AtomicU64,
}

impl Tally {
    pub(crate) fn figures(&self) -> [(&'static str, u64); 3] {
        let figure = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        [
            ("retention_rows_deleted_total", figure(&self.deleted)),
            ("retention_rows_blanked_total", figure(&self.blanked)),
            ("retention_passes_total", figure(&self.passes)),
        ]
    }

    fn add(&self, pruned: Pruned) {
        self.deleted.fetch_add(pruned.deleted as u64, Ordering::Relaxed);
        self.blanked.fetch_add(pruned.blanked as u64, Ordering::Relaxed);
    }
}

impl Service {
    /// Removes what is kept no longer from the next few accounts after `after`, and answers where to go on; `None` once all were
    /// looked at. Whatever stops it in the middle, the next walk finds what is left.
    ///
    /// # Errors
    /// `Unavailable`. An account that can't be read is passed over, and told in the log.
    pub async fn prune_accounts(self: &Arc<Self>, after: Option<Place>) -> Result<Option<Place>, StoreError> {
        let places = self.store.accounts(after, ACCOUNTS).await?;
        for (shard, id) in &places {
            match self.prune_account(AccountKey::Id(*shard, *id)).await {
                Ok(pruned) => self.retention.add(pruned),
                Err(error @ StoreError::Unavailable(_)) => return Err(error),
                Err(error) => tracing::error!(%error, account = %id, "what an account keeps too long could not be removed"),
            }
        }
        let next = places.last().copied().filter(|_| places.len() == usize::from(ACCOUNTS));
        if next.is_none() {
            self.retention.passes.fetch_add(1, Ordering::Relaxed);
        }
        Ok(next)
    }

    /// Read first: most accounts have nothing to remove, and then nothing is locked or written.
    async fn prune_account(&self, at: AccountKey) -> Result<Pruned, StoreError> {
        let now = self.clock.now();
        let mut pruned = Pruned::default();
        let mut after = Uuid::nil();
        loop {
            let need = Need { kept: Some(Kept { after, limit: ROWS }), ..Need::default() };
            let Some(account) = self.store.account(at.clone(), need.clone()).await? else { return Ok(pruned) };
            pruned += self.prune_by(&at, need, &account, move |account| account.prune(now)).await?;
            match next(&account) {
                Some(last) => after = last,
                None => break,
            }
        }
        loop {
            let need = Need { husks: Some(ROWS), ..Need::default() };
            let Some(account) = self.store.account(at.clone(), need.clone()).await? else { return Ok(pruned) };
            let gone = self.prune_by(&at, need, &account, move |account| account.prune_forgotten(now)).await?;
            pruned += gone;
            // The oldest come first, so what is left is younger.
            if gone.deleted < usize::from(ROWS) {
                return Ok(pruned);
            }
        }
    }

    async fn prune_by(
        &self,
        at: &AccountKey,
        need: Need,
        seen: &Account,
        rule: impl Fn(&mut Account) -> Pruned + Send + Sync + 'static,
    ) -> Result<Pruned, StoreError> {
        if rule(&mut seen.clone()).is_nothing() {
            return Ok(Pruned::default());
        }
        Ok(self.store.prune_by(at.clone(), need, rule).await?.unwrap_or_default())
    }

    /// Removes what goes by its age alone: records of requests that can't come again, the host's ids of security events,
    /// budgets that are full, tombstones whose events are kept no longer. To be called every minute or so.
    ///
    /// # Errors
    /// The store's.
    pub async fn prune_by_age(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        self.prune_old(Old::Requests, now.minus_s(ONCE_S)).await?;
        self.prune_old(Old::Reports, now.minus_s(REPORTS_KEPT_S)).await?;
        self.prune_old(Old::Budgets, now.minus_s(SLACK_S)).await?;
        for tenant in self.store.tenants().await? {
            self.prune_old(Old::Tombstones(tenant.id.clone()), now.minus_s(tenant.policy.retain_events_s)).await?;
        }
        let stranded = self.store.prune_stranded(now.minus_s(SLACK_S)).await?;
        self.retention.deleted.fetch_add(stranded, Ordering::Relaxed);
        Ok(())
    }

    async fn prune_old(&self, of: Old, before: Timestamp) -> Result<(), StoreError> {
        loop {
            let deleted = self.store.prune_old(of.clone(), before, ROWS).await?;
            self.retention.deleted.fetch_add(deleted, Ordering::Relaxed);
            if deleted < u64::from(ROWS) {
                return Ok(());
            }
        }
    }
}

/// Where the next stretch begins: where the first of the kinds that go on ends.
fn next(account: &Account) -> Option<Uuid> {
    let ends = |ids: Vec<Uuid>| ids.into_iter().nth(usize::from(ROWS) - 1);
    let kinds = [
        ends(account.sign_ins.iter().map(|row| row.id.0).collect()),
        ends(account.sessions.iter().map(|row| row.id.0).collect()),
        ends(account.offers.iter().map(|row| row.id.0).collect()),
        ends(account.devices.iter().map(|row| row.id.0).collect()),
    ];
    kinds.into_iter().flatten().min()
}
