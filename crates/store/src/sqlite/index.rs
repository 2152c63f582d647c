//! The exact index: standing images of accounts in memory, changed by the writer before it answers.
//!
//! A reader's fill is taken only if the commit counter that it read before its snapshot is not older than the last change
//! in the account's bucket. So a fill that began before a change can't bring back what the change ended.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use doorward_domain::{Account, AccountId, Shard};
use quick_cache::Weighter;
use quick_cache::unsync::Cache;

const BUCKETS: usize = 64;
/// What the images may take altogether, in bytes as estimated by [`Weight`].
const CAPACITY: u64 = 256 << 20;

#[derive(Clone)]
struct Weight;

impl Weighter<AccountId, Arc<Account>> for Weight {
    fn weight(&self, _: &AccountId, account: &Arc<Account>) -> u64 {
        let (devices, sessions, raises) = (account.devices.len() as u64, account.sessions.len() as u64, account.raises.len() as u64);
        512 + 1_024 * devices + 512 * sessions + 128 * raises
    }
}

struct Bucket {
    images: Cache<AccountId, Arc<Account>, Weight>,
    /// The commit that last changed an account of this bucket.
    changed: u64,
}

/// The index.
pub(super) struct Index {
    buckets: Vec<Mutex<Bucket>>,
    commits: AtomicU64,
}

impl Index {
    pub(super) fn new() -> Self {
        let bucket = || Mutex::new(Bucket { images: Cache::with_weighter(1_024, CAPACITY / BUCKETS as u64, Weight), changed: 0 });
        Self { buckets: (0..BUCKETS).map(|_| bucket()).collect(), commits: AtomicU64::new(0) }
    }

    fn bucket(&self, id: AccountId) -> MutexGuard<'_, Bucket> {
        let at = usize::from(id.0.as_bytes()[15]) % BUCKETS;
        self.buckets[at].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The image of an account, if it is here. An account has one shard: under another there is none.
    pub(super) fn get(&self, shard: Shard, id: AccountId) -> Option<Arc<Account>> {
        self.bucket(id).images.get(&id).filter(|image| image.head.shard == shard).cloned()
    }

    /// How many commits there were: to be read before the snapshot that a fill is read from.
    pub(super) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Acquire)
    }

    /// Takes a reader's image, unless the bucket was changed after `commits`.
    pub(super) fn fill(&self, commits: u64, account: Arc<Account>) {
        let mut bucket = self.bucket(account.head.id);
        if bucket.changed <= commits {
            bucket.images.insert(account.head.id, account);
        }
    }

    /// Takes the images of a commit, and drops those of accounts that it erased. The writer alone calls it, after the commit and before it answers.
    pub(super) fn publish(&self, images: impl IntoIterator<Item = (AccountId, Option<Arc<Account>>)>, everything_else_is_stale: bool) {
        let commit = self.commits.load(Ordering::Relaxed) + 1;
        if everything_else_is_stale {
            for bucket in &self.buckets {
                let mut bucket = bucket.lock().unwrap_or_else(PoisonError::into_inner);
                bucket.images.clear();
                bucket.changed = commit;
            }
        }
        for (id, image) in images {
            let mut bucket = self.bucket(id);
            bucket.changed = commit;
            if everything_else_is_stale {
                continue;
            }
            match image {
                Some(image) => bucket.images.insert(id, image),
                None => drop(bucket.images.remove(&id)),
            }
        }
        self.commits.store(commit, Ordering::Release);
    }

    /// How many accounts are here.
    pub(super) fn len(&self) -> usize {
        self.buckets.iter().map(|bucket| bucket.lock().unwrap_or_else(PoisonError::into_inner).images.len()).sum()
    }
}
