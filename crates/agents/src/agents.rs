//! The door to recognition: loads the rules beside the start path, and caches descriptions.

use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, OnceLock};
use std::thread;

use quick_cache::Equivalent;
use quick_cache::sync::Cache;

use crate::describe::describe;
use crate::description::Description;
use crate::hints::ClientHints;
use crate::info::DeviceInfo;
use crate::rules::Rules;
use crate::text::cut;

/// How many descriptions are cached.
const CACHED: usize = 10_000;
/// How much of a user agent string is read, in bytes. Real ones have 100 to 300.
const MAX_USER_AGENT: usize = 1024;
/// Sources whose hints and device info take more bytes than this aren't cached. So a caller who
/// invents them can't fill the memory: the cache takes 50 MB at worst, and 10 MB with real ones.
const MAX_CACHED_EXTRAS: usize = 2048;

/// Recognises devices. One for the whole process, shared by `Arc`.
///
/// The rules take about 27 MB of memory, and a tenth of a second or more to compile. Who needs
/// them sooner waits, and nobody else.
pub struct Agents {
    rules: OnceLock<Rules>,
    cache: Cache<Key, Arc<Description>>,
}

/// What is known of a request: the three sources of a description.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The `User-Agent` header, `""` if there is none. What follows the first 1,024 bytes is
    /// passed over.
    pub user_agent: &'a str,
    /// The client hints that came with it.
    pub client_hints: &'a ClientHints,
    /// What a native app says of itself; it wins over the other two.
    pub device_info: Option<&'a DeviceInfo>,
}

#[derive(PartialEq, Eq, Hash)]
struct Key {
    user_agent: Box<str>,
    client_hints: ClientHints,
    device_info: Option<DeviceInfo>,
}

/// A [`Key`] that owns nothing, so that finding a description allocates nothing. The fields are in
/// the same order, which makes the hashes equal.
#[derive(Hash)]
struct KeyRef<'a> {
    user_agent: &'a str,
    client_hints: &'a ClientHints,
    device_info: Option<&'a DeviceInfo>,
}

impl Equivalent<Key> for KeyRef<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        *self.user_agent == *key.user_agent && *self.client_hints == key.client_hints && self.device_info == key.device_info.as_ref()
    }
}

impl Agents {
    /// Starts to compile the rules on a thread of their own, and returns at once.
    pub fn load_in_background() -> Arc<Agents> {
        let agents = Arc::new(Agents { rules: OnceLock::new(), cache: Cache::new(CACHED) });
        let loading = Arc::clone(&agents);
        let thread = thread::Builder::new().name("agents-load".to_owned());
        // Where no thread can be had, the first who needs the rules compiles them.
        let _ = thread.spawn(move || {
            loading.rules();
        });
        agents
    }

    /// Whether the rules are loaded, so that [`Agents::describe`] doesn't wait.
    pub fn is_loaded(&self) -> bool {
        self.rules.get().is_some()
    }

    /// Describes who sent a request. It never fails: what can't be told is left empty.
    ///
    /// Blocks until the rules are loaded; afterwards it takes some ten microseconds for a source
    /// not seen lately, and under one for another. Equal sources share one description.
    pub fn describe(&self, source: &Source<'_>) -> Arc<Description> {
        let source = Source { user_agent: cut(source.user_agent, MAX_USER_AGENT), ..*source };
        let extras = source.client_hints.size() + source.device_info.map_or(0, DeviceInfo::size);
        if extras > MAX_CACHED_EXTRAS {
            return Arc::new(describe(self.rules(), &source));
        }
        let key = KeyRef { user_agent: source.user_agent, client_hints: source.client_hints, device_info: source.device_info };
        if let Some(description) = self.cache.get(&key) {
            return description;
        }
        let description = Arc::new(describe(self.rules(), &source));
        let key = Key { user_agent: source.user_agent.into(), client_hints: source.client_hints.clone(), device_info: source.device_info.cloned() };
        self.cache.insert(key, Arc::clone(&description));
        description
    }

    /// The rules, after waiting for whoever is compiling them.
    fn rules(&self) -> &Rules {
        self.rules.get_or_init(Rules::load)
    }
}

impl fmt::Debug for Agents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Agents").field("is_loaded", &self.is_loaded()).field("cached", &self.cache.len()).finish()
    }
}
