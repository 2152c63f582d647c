//! The one door: every operation of Doorward, each one transaction and its events.
//!
//! Surfaces read a request into domain words, call one method here, and word the answer. Every rule that needs stored facts
//! is called from here; the rules themselves are in `doorward-domain`.

mod access;
mod activations;
mod api_keys;
mod audit;
mod devices;
pub mod env;
mod erasures;
mod error;
mod events;
mod exports;
mod feed;
mod forward_auth;
mod key_uses;
mod looks;
mod once;
mod pages;
mod policies;
mod retention;
mod security_events;
mod server_keys;
mod sessions;
mod sign_ins;
mod tenants;
mod throttle;
mod upkeep;
mod views;
mod vouched;

use std::sync::{Arc, LazyLock, Mutex, OnceLock};

use doorward_agents::Agents;
use doorward_domain::KeyRing;
pub use doorward_domain::{Location, Locations, NoLocations};
use doorward_store::Store;

pub use access::{Access, Administrator, Backend, Operator};
pub use audit::Audited;
pub use devices::{DeviceDetail, DeviceName, Trusted};
pub use doorward_agents::{Description, DeviceInfo, Kind, Version};
pub use env::{Clock, Entropy, SystemClock, SystemEntropy};
pub use erasures::{Erased, ErasureList, Listed};
pub use error::Error;
pub use events::EventView;
pub use exports::{PersonExport, UNTOLD};
pub use feed::{FEED_WAIT_S, FeedPage, FeedRequest};
pub use forward_auth::RequiredFactor;
pub use looks::Looks;
pub use once::IdempotencyKey;
pub use pages::{PageRequest, Paged};
pub use retention::Place;
pub use server_keys::{KeyPlace, Retirement, ServerKeyView};
pub use sessions::{ActiveSession, Beat, Inactive, KeptAlive, SessionName, SessionSteppedUp, Verified};
pub use sign_ins::{OpenedSession, SignInRequest, SignInView};
pub use tenants::Restored;
pub use views::{DeviceView, SessionView};
pub use vouched::{NumberedPage, VouchedDevice};

/// The service.
pub struct Service {
    store: Arc<dyn Store>,
    keys: Arc<KeyRing>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    erasures: Arc<dyn ErasureList>,
    locations: Arc<dyn Locations>,
    agents: Arc<Agents>,
    readiness: Mutex<upkeep::Readiness>,
    throttle: throttle::Throttle,
    retention: retention::Tally,
    key_uses: key_uses::KeyUses,
    waiting: feed::Waiting,
    /// Why this process may not answer at all: its server key isn't the store's.
    unfit: OnceLock<String>,
}

/// One for the whole process, however many services run in it: the rules take long to compile, and much room.
static AGENTS: LazyLock<Arc<Agents>> = LazyLock::new(Agents::load_in_background);

impl Service {
    /// A service over a store. User agents' rules are loaded in the background.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        keys: KeyRing,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        erasures: Arc<dyn ErasureList>,
        locations: Arc<dyn Locations>,
    ) -> Arc<Self> {
        Arc::new(Self {
            store,
            keys: Arc::new(keys),
            clock,
            entropy,
            erasures,
            locations,
            agents: Arc::clone(&AGENTS),
            readiness: Mutex::default(),
            throttle: throttle::Throttle::default(),
            retention: retention::Tally::default(),
            key_uses: key_uses::KeyUses::default(),
            waiting: feed::Waiting::default(),
            unfit: OnceLock::new(),
        })
    }
}
