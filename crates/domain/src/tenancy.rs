//! A tenancy: a tenant with its API keys and its trail, as an administrative rule sees it. What an account is to a user.

use aws_lc_rs::digest;
use uuid::Uuid;

use crate::event::About;
use crate::{AccountId, ApiKey, ApiKeyId, Event, EventId, EventKind, FeedEpoch, Moment, Policy, Shard, Tenant, TenantId};

/// A tenant, its API keys, and the events that the rule adds.
#[derive(Debug, Clone, PartialEq)]
pub struct Tenancy {
    /// The tenant.
    pub tenant: Tenant,
    /// Its API keys, the revoked ones too, in the order of their ids.
    pub keys: Vec<ApiKey>,
    /// The events that the rule adds to the tenant's own trail.
    pub events: Vec<Event>,
}

/// A tenant as it is, with nothing in it.
impl From<Tenant> for Tenancy {
    fn from(tenant: Tenant) -> Self {
        Self { tenant, keys: vec![], events: vec![] }
    }
}

impl Tenancy {
    /// A new tenant, with its first event.
    #[must_use]
    pub fn create(moment: &mut Moment<'_>, id: TenantId, policy: Policy) -> Self {
        let tenant = Tenant {
            id,
            sessions_gen: 1,
            trust_gen: 1,
            fenced_at: None,
            policy,
            policy_revision: 1,
            past_limits: vec![],
            last_event: 0,
            feed_epoch: FeedEpoch(moment.mint.uuid(moment.now)),
            created_at: moment.now,
        };
        let mut tenancy = Self::from(tenant);
        tenancy.record(moment, EventKind::TenantCreated, About::default());
        tenancy
    }

    /// Adds an event to the tenant's own trail: what concerns no single user.
    pub fn record(&mut self, moment: &mut Moment<'_>, kind: EventKind, about: About) {
        self.tenant.last_event += 1;
        let About { cause, device, session, sign_in, data } = about;
        self.events.push(Event {
            number: self.tenant.last_event,
            id: EventId(moment.mint.uuid(moment.now)),
            kind,
            at: moment.now,
            actor: moment.actor.to_string(),
            cause,
            device,
            session,
            sign_in,
            data,
        });
    }

    /// Ends everything in the tenant, in one write: all trust, sessions, offers and sign-ins in progress.
    pub fn fence(&mut self, moment: &mut Moment<'_>) {
        self.end_all(moment, About::default());
    }

    fn end_all(&mut self, moment: &mut Moment<'_>, about: About) {
        self.tenant.sessions_gen += 1;
        self.tenant.trust_gen += 1;
        self.tenant.fenced_at = Some(moment.now);
        self.record(moment, EventKind::TenantFenced, about.because(crate::Cause::TenantFenced));
    }

    /// What follows from a restore: what the backup brought back may have been ended since, so everything ends, and with it
    /// every API key but those that are kept by name, and the feed begins a new epoch. Answers how many keys that were.
    pub fn end_what_was_restored(&mut self, moment: &mut Moment<'_>, kept: &[ApiKeyId]) -> usize {
        let now = moment.now;
        // Whoever read the feed further than the backup reaches has to learn that it is another one now.
        self.tenant.feed_epoch = FeedEpoch(moment.mint.uuid(now));
        let ended = self.keys.iter_mut().filter(|key| key.is_live(now) && !kept.contains(&key.id));
        let ended = ended.map(|key| key.revoked_at = Some(now)).count();
        self.end_all(moment, About::default().with("restored", true).with("api_keys_ended", ended));
        ended
    }
}

impl TenantId {
    /// Where the tenant's own trail lies: the place of an account that no user can have, since ids of accounts are minted.
    #[must_use]
    pub fn trail(&self) -> (Shard, AccountId) {
        let mut sha = digest::Context::new(&digest::SHA256);
        sha.update(b"doorward/v1/tenant-trail/");
        sha.update(self.as_str().as_bytes());
        let bytes = sha.finish().as_ref()[..16].try_into().expect("32 bytes hold 16");
        (Shard(0), AccountId(Uuid::from_bytes(bytes)))
    }
}
