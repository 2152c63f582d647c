//! What the writer keeps in memory: the tenants and keys, and what changes leave there once they are committed.

use std::collections::HashMap;
use std::sync::Arc;

use doorward_domain::{Account, AccountId, ApiKey, KeyedHash, Tenant, TenantId};

/// Tenants and API keys: all of them, in memory.
#[derive(Clone, Default)]
pub(super) struct Directory {
    pub(super) tenants: HashMap<TenantId, Arc<Tenant>>,
    pub(super) keys: HashMap<KeyedHash, Arc<ApiKey>>,
}

impl Directory {
    /// Finds a key by its text's hash, and by the one that a rotation replaced.
    pub(super) fn put(&mut self, key: ApiKey) {
        let key = Arc::new(key);
        let former = key.former.as_ref().map(|(hash, _)| hash.clone());
        for hash in former.into_iter().chain([key.hash.clone()]) {
            self.keys.insert(hash, Arc::clone(&key));
        }
    }

    pub(super) fn drop(&mut self, key: &ApiKey) {
        for hash in key.former.iter().map(|(hash, _)| hash).chain([&key.hash]) {
            self.keys.remove(hash);
        }
    }
}

/// An account as a transaction leaves it; `None` once it is erased.
pub(super) type Image = Option<Arc<Account>>;

/// What changes leave in memory once they are committed.
#[derive(Default)]
pub(super) struct Effects {
    /// The accounts that were changed, as they will be.
    pub(super) images: HashMap<AccountId, Image>,
    pub(super) directory: Option<Directory>,
    pub(super) tenants_changed: bool,
    /// Whether something was added to a feed.
    pub(super) fed: bool,
}

impl Effects {
    /// These, and then those of what came next.
    pub(super) fn extend(&mut self, next: Self) {
        if next.tenants_changed {
            self.images.clear();
            self.tenants_changed = true;
        }
        self.images.extend(next.images);
        self.directory = next.directory.or_else(|| self.directory.take());
        self.fed |= next.fed;
    }
}
