//! The tenant's event feed: by a cursor that holds a place in each lane, with a wait for what comes next.

use std::collections::VecDeque;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_domain::{FeedEpoch, FeedEvent, FeedHead, KeyRing, Lane, Refusal, TenantId};
use doorward_store::StoreError;
use tokio::sync::{Semaphore, watch};
use uuid::Uuid;

use crate::{Error, Service};

/// The longest wait for events, in seconds: below what proxies and the limits of requests give.
pub const FEED_WAIT_S: u32 = 25;
/// How often the store is looked at while a reader waits: other nodes' events ring no bell here.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// Readers of this node that wait at once; further ones are answered at once.
const WAITING: usize = 256;

/// What a reader asks for.
#[derive(Debug, Clone)]
pub struct FeedRequest {
    /// Where the last page ended; from the oldest event on without it.
    pub cursor: Option<String>,
    /// How many events at most.
    pub limit: u16,
    /// For how long to wait where there is none, in seconds.
    pub wait_s: u32,
}

/// A stretch of the feed.
#[derive(Debug, Clone)]
pub struct FeedPage {
    /// The events: each account's in their order, all in about the order in which they happened.
    pub events: Vec<FeedEvent>,
    /// Where it goes on, also where there is nothing more yet.
    pub next_cursor: String,
}

/// What readers wait by.
pub(crate) struct Waiting {
    slots: Semaphore,
    stopped: watch::Sender<bool>,
}

impl Default for Waiting {
    fn default() -> Self {
        Self { slots: Semaphore::new(WAITING), stopped: watch::Sender::new(false) }
    }
}

impl Service {
    /// The next events of a tenant's feed. Nothing is ever skipped, and an account's events never change places.
    ///
    /// # Errors
    /// `CursorGone` where events after the cursor were pruned, or a restore began another history; `Invalid` for what is no
    /// cursor of this feed; `NotFound`.
    pub async fn read_feed(&self, tenant: &TenantId, request: &FeedRequest) -> Result<FeedPage, Error> {
        // Before the first look, so that nothing comes unheard between the look and the wait.
        let mut bell = self.store.bell();
        let page = self.feed_page(tenant, request).await?;
        let Some(_slot) = self.waiting.slots.try_acquire().ok().filter(|_| page.events.is_empty() && request.wait_s > 0) else { return Ok(page) };
        let mut stopped = self.waiting.stopped.subscribe();
        let next = async {
            loop {
                // However it wakes, what it finds counts.
                drop(tokio::time::timeout(LOOK_AGAIN, bell.changed()).await);
                let page = self.feed_page(tenant, request).await?;
                if !page.events.is_empty() {
                    return Ok(page);
                }
            }
        };
        tokio::select! {
            next = next => next,
            () = tokio::time::sleep(Duration::from_secs(u64::from(request.wait_s.min(FEED_WAIT_S)))) => Ok(page),
            _ = stopped.wait_for(|stopped| *stopped) => Ok(page),
        }
    }

    /// Answers whoever waits for events: the node is about to stop.
    pub fn stop_waiting(&self) {
        self.waiting.stopped.send_replace(true);
    }

    async fn feed_page(&self, tenant: &TenantId, request: &FeedRequest) -> Result<FeedPage, Error> {
        let epoch = self.store.tenant(tenant.clone()).await?.ok_or(Refusal::NotFound)?.feed_epoch;
        let heads = self.store.feed_heads(tenant.clone()).await?;
        let mut places = match &request.cursor {
            Some(cursor) => Places::open(&self.keys, tenant, cursor)?,
            None => Places::beginning(epoch, &heads),
        };
        places.must_be_in(epoch, &heads)?;
        let behind: Vec<(Lane, i64)> = heads
            .iter()
            .map(|head| (head.lane, places.at(head.lane), head.head.position))
            .filter(|(_, at, end)| at < end)
            .map(|(lane, at, _)| (lane, at))
            .collect();
        let mut events = vec![];
        if !behind.is_empty() {
            // More than its part of the page, so that pages are well filled where one lane has more to tell than others.
            let share = (request.limit * 4).div_ceil(u16::try_from(behind.len()).unwrap_or(u16::MAX)).clamp(1, request.limit.max(1));
            let read = match self.store.feed(tenant.clone(), behind, share).await {
                // It may have been pruned since the heads were read.
                Err(error @ StoreError::Corrupt(_)) => {
                    places.must_be_in(epoch, &self.store.feed_heads(tenant.clone()).await?)?;
                    return Err(error.into());
                }
                read => read?,
            };
            events = in_order_of_time(read, usize::from(share), usize::from(request.limit));
            events.iter().for_each(|event| places.advance(event));
        }
        Ok(FeedPage { events, next_cursor: places.cursor(&self.keys, tenant) })
    }
}

/// So many of the events at most, which come lane by lane in their order: of those that are next, the one that happened first. A
/// lane of which its whole share was read may have more that happened early, so it is gone on no further than that.
fn in_order_of_time(events: Vec<FeedEvent>, share: usize, limit: usize) -> Vec<FeedEvent> {
    let mut lanes: Vec<(bool, VecDeque<FeedEvent>)> = vec![];
    for event in events {
        match lanes.last_mut().filter(|(_, lane)| lane.back().is_some_and(|last| last.lane == event.lane)) {
            Some((_, lane)) => lane.push_back(event),
            None => lanes.push((false, VecDeque::from([event]))),
        }
    }
    lanes.iter_mut().for_each(|(may_have_more, lane)| *may_have_more = lane.len() >= share);
    let mut ordered = vec![];
    while ordered.len() < limit && !lanes.iter().any(|(may_have_more, lane)| *may_have_more && lane.is_empty()) {
        let next = lanes.iter_mut().map(|(_, lane)| lane).filter(|lane| !lane.is_empty()).min_by_key(|lane| lane.front().map(|event| event.event.at));
        let Some(event) = next.and_then(VecDeque::pop_front) else { break };
        ordered.push(event);
    }
    ordered
}

/// A place in each lane of a feed: what a cursor holds.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Places {
    epoch: FeedEpoch,
    at: [i64; Lane::COUNT],
}

/// How a cursor of this form begins.
const FORM: u8 = 1;
const SEAL: usize = 16;

impl Places {
    fn beginning(epoch: FeedEpoch, heads: &[FeedHead]) -> Self {
        let mut at = [0; Lane::COUNT];
        heads.iter().for_each(|head| at[usize::from(head.lane.number())] = head.anchor.position);
        Self { epoch, at }
    }

    fn at(&self, lane: Lane) -> i64 {
        self.at[usize::from(lane.number())]
    }

    fn advance(&mut self, to: &FeedEvent) {
        self.at[usize::from(to.lane.number())] = to.position;
    }

    /// Whether all that comes after is there.
    fn must_be_in(&self, epoch: FeedEpoch, heads: &[FeedHead]) -> Result<(), Refusal> {
        let is_there = |lane: Lane| {
            let (anchor, end) = heads.iter().find(|head| head.lane == lane).map_or((0, 0), |head| (head.anchor.position, head.head.position));
            (anchor..=end).contains(&self.at(lane))
        };
        if self.epoch == epoch && Lane::all().all(is_there) { Ok(()) } else { Err(Refusal::CursorGone) }
    }

    /// The form, the epoch, each place as a number of variable length, and a seal that binds them to the tenant.
    fn cursor(&self, keys: &KeyRing, tenant: &TenantId) -> String {
        let mut bytes = vec![FORM];
        bytes.extend(self.epoch.0.as_bytes());
        for at in self.at {
            let mut rest = at.unsigned_abs();
            while rest >= 128 {
                bytes.push(u8::try_from(rest % 128).expect("it is below 128") | 128);
                rest /= 128;
            }
            bytes.push(u8::try_from(rest).expect("it is below 128"));
        }
        let seal = seals(keys, tenant, &bytes).next().expect("a ring has a key");
        bytes.extend(seal);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The reverse, under any of the server's keys: whoever follows a feed isn't lost when a key is replaced.
    fn open(keys: &KeyRing, tenant: &TenantId, cursor: &str) -> Result<Self, Refusal> {
        let unknown = || Refusal::invalid("cursor", "unknown", "is not a cursor of this feed; take it from next_cursor of the answer before");
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| unknown())?;
        let (body, seal) = bytes.split_last_chunk::<SEAL>().ok_or_else(unknown)?;
        // A cursor proves nothing and opens nothing: it only must be ours, so a plain comparison will do.
        if !seals(keys, tenant, body).any(|ours| ours == *seal) {
            return Err(unknown());
        }
        Self::read(body).ok_or_else(unknown)
    }

    fn read(body: &[u8]) -> Option<Self> {
        let (&form, rest) = body.split_first()?;
        let (epoch, mut rest) = rest.split_first_chunk::<16>()?;
        let mut at = [0; Lane::COUNT];
        for place in &mut at {
            let (mut number, mut shift) = (0_i64, 0);
            loop {
                let (&byte, after) = rest.split_first()?;
                rest = after;
                number |= i64::from(byte & 127).checked_shl(shift)?;
                shift += 7;
                if byte < 128 {
                    break;
                }
            }
            *place = number;
        }
        (form == FORM && rest.is_empty()).then_some(Self { epoch: FeedEpoch(Uuid::from_bytes(*epoch)), at })
    }
}

fn seals(keys: &KeyRing, tenant: &TenantId, body: &[u8]) -> impl Iterator<Item = [u8; SEAL]> {
    let sealed: Vec<[u8; SEAL]> =
        keys.hashes("feed-cursor", &[tenant.as_str().as_bytes(), body]).map(|hash| hash.hash[..SEAL].try_into().expect("32 bytes hold 16")).collect();
    sealed.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_under_its_tenant_and_any_key_and_altered_under_none() {
        let tenant = |name: &str| TenantId::new(name).expect("a name");
        let mut places = Places { epoch: FeedEpoch(Uuid::from_u128(7)), at: [0; Lane::COUNT] };
        (places.at[0], places.at[1], places.at[63]) = (127, 128, i64::MAX);
        let (old, new) = ([7; 32], [8; 32]);
        let cursor = places.cursor(&KeyRing::new(&[old]), &tenant("acme"));
        for keys in [KeyRing::new(&[old]), KeyRing::new(&[new, old])] {
            assert_eq!(Places::open(&keys, &tenant("acme"), &cursor), Ok(places.clone()));
            assert!(Places::open(&keys, &tenant("globex"), &cursor).is_err());
        }
        assert!(Places::open(&KeyRing::new(&[new]), &tenant("acme"), &cursor).is_err());
        for at in 0..cursor.len() {
            let mut altered = cursor.clone().into_bytes();
            altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
            let altered = String::from_utf8(altered).expect("text");
            assert!(Places::open(&KeyRing::new(&[old]), &tenant("acme"), &altered).is_err(), "character {at}");
        }
    }
}
