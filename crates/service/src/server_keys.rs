//! Server keys: what lies under each, and the retirement of one that a rotation replaced.

use std::sync::Arc;

use doorward_domain::{Account, Actor, KeyId, Moment, Refusal, Tenancy};
use doorward_store::{AccountKey, KeyUsage, Need};

use crate::{Error, Service};

/// How many accounts are looked at in one commit, or in one question.
const BATCH: u16 = 200;

/// How a server key stands to this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyPlace {
    /// What is new is under it.
    Active,
    /// It stands behind the active one: what is under it can be read.
    Known,
    /// It isn't given: what is under it can't be read or checked.
    Missing,
}

/// A server key and what lies under it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerKeyView {
    /// Its id.
    pub id: KeyId,
    /// How it stands to this process.
    pub place: KeyPlace,
    /// What lies under it.
    pub usage: KeyUsage,
}

/// What a retirement came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retirement {
    /// This much is under it still, or again. What nobody would feel may have been moved and forgotten.
    StillNeeded(KeyUsage),
    /// Nothing is under it any more.
    Retired {
        /// How many accounts' data keys were moved to the active key.
        accounts_moved: u64,
        /// What was ended and forgotten, as it was counted before.
        forgotten: KeyUsage,
    },
}

impl Service {
    /// Every server key that this process knows or that something lies under: the active one first.
    ///
    /// # Errors
    /// The store's.
    pub async fn list_server_keys(&self) -> Result<Vec<ServerKeyView>, Error> {
        let mut used = self.store.keys_used(self.clock.now()).await?;
        let given: Vec<KeyId> = self.keys.checks().map(|(id, _)| id).collect();
        let place = |at: usize| if at == 0 { KeyPlace::Active } else { KeyPlace::Known };
        let mut keys: Vec<_> =
            given.iter().enumerate().map(|(at, id)| ServerKeyView { id: *id, place: place(at), usage: used.remove(id).unwrap_or_default() }).collect();
        keys.extend(used.into_iter().map(|(id, usage)| ServerKeyView { id, place: KeyPlace::Missing, usage }));
        Ok(keys)
    }

    /// Prepares a server key to be dropped. Moves data keys to the active key, in small batches. Unless something is under the
    /// key that people would feel, forgets whatever else is; by force it ends and forgets that too. Where nothing is left under it,
    /// neither is its record, nor any request that was remembered under it: then the key can go.
    ///
    /// # Errors
    /// `Invalid` on `id` for the active key, for one that this process doesn't know, and while no node has the process's active key as
    /// its own; the store's: it can be asked for again.
    pub async fn retire_server_key(self: &Arc<Self>, human: &str, key: KeyId, force: bool) -> Result<Retirement, Error> {
        if key == self.keys.active() {
            return Err(Refusal::invalid("id", "conflict", "is the active key; put the next one in front of it first, on every node").into());
        }
        if !self.keys.knows(key) {
            return Err(Refusal::invalid("id", "unknown", "is none of the keys in DOORWARD_SECRET_KEY; give it there behind the active one").into());
        }
        // What is moved to a key that no node turned to, none may be able to read.
        if !self.store.server_keys().await?.contains(&self.keys.active()) {
            return Err(Refusal::invalid("id", "conflict", "can't be retired before every node was restarted with the next key in front").into());
        }
        let accounts_moved = self.move_data_keys().await?;
        let forgotten = self.usage_of(key).await?;
        if forgotten.is_needed() && !force {
            return Ok(Retirement::StillNeeded(forgotten));
        }
        let end = move |tenancies: &mut Vec<Tenancy>, moment: &mut Moment<'_>| tenancies.iter_mut().try_for_each(|of| of.retire_server_key(moment, key, force));
        self.govern_all(human, end).await?;
        let mut after = None;
        loop {
            let batch = self.store.accounts_under(key, self.clock.now(), after, BATCH).await?;
            for (shard, id) in batch.holders {
                self.retire_in(AccountKey::Id(shard, id), human, key, force).await?;
            }
            let Some(last) = batch.last else { break };
            after = Some(last);
        }
        // A node that still has it for its active key may have used it meanwhile; and unforced nothing that works was taken.
        let mut left = self.usage_of(key).await?;
        if force {
            left.requests = 0;
        }
        if !left.is_empty() {
            return Ok(Retirement::StillNeeded(left));
        }
        self.store.forget_server_key(key).await?;
        Ok(Retirement::Retired { accounts_moved, forgotten })
    }

    async fn usage_of(&self, key: KeyId) -> Result<KeyUsage, Error> {
        Ok(self.store.keys_used(self.clock.now()).await?.remove(&key).unwrap_or_default())
    }

    /// Wraps the data keys of all accounts under the active key.
    async fn move_data_keys(&self) -> Result<u64, Error> {
        let (mut moved, mut after) = (0, None);
        loop {
            let batch = self.store.reseal(after, BATCH).await?;
            moved += batch.count;
            let Some(last) = batch.last else { return Ok(moved) };
            after = Some(last);
        }
    }

    async fn retire_in(self: &Arc<Self>, at: AccountKey, human: &str, key: KeyId, force: bool) -> Result<(), Error> {
        let (now, mint, actor, service) = (self.clock.now(), self.entropy.mint(), Actor::Command(human.to_owned()), Arc::clone(self));
        let rule = move |account: &mut Account| {
            // A rule may run again; each run draws the same ids.
            account.retire_server_key(&mut service.moment_of(now, actor.clone(), mint.clone()), key, force);
            Ok::<_, Refusal>(())
        };
        // An account that is gone by now needs nothing.
        self.store.update(at, Need::standing(now), rule).await?.transpose()?;
        Ok(())
    }
}
