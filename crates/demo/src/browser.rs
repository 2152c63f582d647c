//! What the host remembers of a browser between two requests, and the browsers that the demo plays.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::panel::Call;
use crate::random;
use crate::totp::Secret;

/// So many browsers are remembered; the one not seen longest goes first.
const MOST_BROWSERS: usize = 200;
/// So many calls stay in a browser's panel.
const MOST_CALLS: usize = 80;

const IPHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1";
const FIREFOX: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0";
const EDGE: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0";

/// Which browser this one plays: itself, or one of two that stand in for others. Each has its own cookies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Profile {
    #[default]
    Own,
    Other,
    Thief,
}

impl Profile {
    pub(crate) const ALL: [Self; 3] = [Self::Own, Self::Other, Self::Thief];

    pub(crate) fn id(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Other => "other",
            Self::Thief => "thief",
        }
    }

    pub(crate) fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.id() == id)
    }

    /// What sets this profile's cookies apart from the others'.
    pub(crate) fn cookie_suffix(self) -> &'static str {
        match self {
            Self::Own => "",
            Self::Other => "_other",
            Self::Thief => "_thief",
        }
    }

    /// The address that this profile claims to come from, from the ranges kept for documentation.
    pub(crate) fn address(self) -> Option<&'static str> {
        match self {
            Self::Own => None,
            Self::Other => Some("203.0.113.7"),
            Self::Thief => Some("198.51.100.23"),
        }
    }

    /// The User-Agent that this profile sends. The thief's is never the family of the true one.
    pub(crate) fn user_agent(self, own: &str) -> String {
        match self {
            Self::Own => own,
            Self::Other => IPHONE,
            Self::Thief if own.contains("Firefox") => EDGE,
            Self::Thief => FIREFOX,
        }
        .to_owned()
    }
}

/// A sign-in between the password and the one-time code.
#[derive(Clone)]
pub(crate) struct Flow {
    pub(crate) sign_in_id: String,
    pub(crate) user_id: String,
    pub(crate) name: String,
    pub(crate) reasons: Vec<String>,
    /// Someone who is just registering: the first right code makes the person.
    pub(crate) draft: Option<Draft>,
}

/// A person who has yet to prove that their authenticator works.
#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) password: crate::people::PasswordHash,
    pub(crate) secret: Secret,
}

/// The chance to trust this device, after a sign-in with a real second factor.
#[derive(Clone)]
pub(crate) struct Offer {
    pub(crate) activation_token: String,
    pub(crate) user_id: String,
}

/// One sentence for the next page.
pub(crate) struct Flash {
    pub(crate) good: bool,
    pub(crate) text: String,
}

/// What is remembered of one browser, in memory.
#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) profile: Profile,
    pub(crate) flash: Option<Flash>,
    pub(crate) flows: HashMap<Profile, Flow>,
    pub(crate) offers: HashMap<Profile, Offer>,
    /// The calls made for this browser, the newest first.
    pub(crate) calls: VecDeque<Call>,
    seen: u64,
}

/// One browser, known by a random cookie.
pub(crate) struct Browser {
    pub(crate) id: String,
    memory: Mutex<Memory>,
}

impl Browser {
    pub(crate) fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a call on top of the panel.
    pub(crate) fn note(&self, call: Call) {
        let mut memory = self.memory();
        memory.calls.push_front(call);
        memory.calls.truncate(MOST_CALLS);
    }
}

/// All browsers that came by.
#[derive(Default)]
pub(crate) struct Browsers {
    known: Mutex<HashMap<String, Arc<Browser>>>,
    visits: AtomicU64,
}

impl Browsers {
    /// The browser of this cookie, or a new one; and the number of this visit.
    pub(crate) fn meet(&self, id: Option<&str>) -> std::io::Result<(Arc<Browser>, u64)> {
        let visit = self.visits.fetch_add(1, Ordering::Relaxed);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(browser) = id.and_then(|id| known.get(id)) {
            browser.memory().seen = visit;
            return Ok((Arc::clone(browser), visit));
        }
        if known.len() >= MOST_BROWSERS {
            let oldest = known.values().min_by_key(|browser| browser.memory().seen).map(|browser| browser.id.clone());
            if let Some(id) = oldest {
                known.remove(&id);
            }
        }
        let browser = Arc::new(Browser { id: random::hex::<16>()?, memory: Mutex::new(Memory { seen: visit, ..Memory::default() }) });
        known.insert(browser.id.clone(), Arc::clone(&browser));
        Ok((browser, visit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_known_by_its_cookie_alone() {
        let browsers = Browsers::default();
        let (first, _) = browsers.meet(None).expect("a browser");
        let (again, _) = browsers.meet(Some(&first.id)).expect("a browser");
        assert_eq!(first.id, again.id);
        let (other, _) = browsers.meet(Some("made-up")).expect("a browser");
        assert_ne!(other.id, "made-up");
        for _ in 0..MOST_BROWSERS + 5 {
            browsers.meet(None).expect("a browser");
        }
        assert_eq!(browsers.known.lock().expect("lock").len(), MOST_BROWSERS);
    }

    #[test]
    fn the_thief_never_looks_like_its_victim() {
        assert!(Profile::Thief.user_agent(FIREFOX).contains("Edg/"));
        assert!(Profile::Thief.user_agent("Chrome").contains("Firefox"));
        for profile in Profile::ALL {
            assert_eq!(Profile::from_id(profile.id()), Some(profile));
        }
    }
}
