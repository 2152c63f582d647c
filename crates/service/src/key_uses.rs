//! When API keys were last used: kept in memory, and written by the minute's upkeep, never in a request's way.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use doorward_domain::{ApiKey, ApiKeyId, Tenancy, TenantId, Timestamp};
use doorward_store::StoreError;

use crate::Service;

/// A use is written only if the last that was written is at least so many seconds ago.
const EVERY_S: u32 = 300;

/// What is remembered of the use of API keys.
#[derive(Default)]
pub(crate) struct KeyUses {
    /// The last use of each key that is worth writing.
    uses: Mutex<HashMap<ApiKeyId, (TenantId, Timestamp)>>,
    /// When a key's hash was last moved to the active server key.
    moves: Mutex<HashMap<ApiKeyId, Timestamp>>,
}

impl KeyUses {
    /// Notes a use.
    pub(crate) fn note(&self, key: &ApiKey, now: Timestamp) {
        if key.last_used_at.is_none_or(|last| now >= last.plus_s(EVERY_S)) {
            let mut uses = self.uses.lock().unwrap_or_else(PoisonError::into_inner);
            uses.entry(key.id).and_modify(|(_, at)| *at = now).or_insert_with(|| (key.tenant.clone(), now));
        }
    }

    /// Whether a key's hash may be moved now. Two nodes whose active server keys differ would otherwise move it to and fro at
    /// each use, for as long as one of them waits for its restart.
    pub(crate) fn may_move(&self, key: ApiKeyId, now: Timestamp) -> bool {
        let mut moves = self.moves.lock().unwrap_or_else(PoisonError::into_inner);
        let may = moves.get(&key).is_none_or(|last| now >= last.plus_s(EVERY_S));
        if may {
            moves.insert(key, now);
        }
        may
    }

    fn take(&self) -> HashMap<TenantId, Vec<(ApiKeyId, Timestamp)>> {
        let taken = std::mem::take(&mut *self.uses.lock().unwrap_or_else(PoisonError::into_inner));
        let mut by_tenant: HashMap<_, Vec<_>> = HashMap::new();
        for (id, (tenant, at)) in taken {
            by_tenant.entry(tenant).or_default().push((id, at));
        }
        by_tenant
    }
}

impl Service {
    /// Writes when API keys were last used. To be called every minute or so, and before the close.
    ///
    /// # Errors
    /// The store's; what wasn't written is known again at the next use.
    pub async fn note_key_uses(&self) -> Result<(), StoreError> {
        for (tenant, uses) in self.key_uses.take() {
            let now = self.clock.now();
            let rule = move |tenancy: &mut Tenancy| {
                tenancy.note_key_uses(&uses, now);
                Ok::<_, ()>(())
            };
            self.store.administer(tenant, rule).await?;
        }
        Ok(())
    }
}
