//! The audit of a feed: where its lanes stand, whether it is as it was written, and what is old enough to go.

use std::sync::Arc;

use doorward_domain::{FeedFault, FeedHead, Lane, Link, Refusal, Tenant, TenantId};

use crate::{Error, Service};

/// Entries that one look compares at most.
const ENTRIES: u16 = 2_000;
/// Entries that are removed in one commit.
const OLD: u16 = 200;

/// What a look at a stretch of a tenant's feed found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audited {
    /// Where to go on. `None` at the end, and at a fault.
    pub next: Option<(Lane, Link)>,
    /// How many events were compared.
    pub compared: u64,
    /// How many weren't, since their digests are under a server key that is not at hand.
    pub not_compared: u64,
    /// The first place that isn't as it was written, and what is wrong with it. Place 0 is none in particular.
    pub fault: Option<(Lane, i64, FeedFault)>,
}

impl Service {
    /// Where the lanes of a tenant's feed stand: to be kept elsewhere, and compared with later.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn feed_heads(&self, tenant: TenantId) -> Result<(Arc<Tenant>, Vec<FeedHead>), Error> {
        let found = self.store.tenant(tenant.clone()).await?.ok_or(Refusal::NotFound)?;
        Ok((found, self.store.feed_heads(tenant).await?))
    }

    /// Compares the next stretch of a tenant's feed with what was written: digests, chain, heads, heads known from before, and
    /// that there are no events beside it.
    ///
    /// # Errors
    /// The store's.
    pub async fn audit_feed(&self, tenant: TenantId, from: Option<(Lane, Link)>, known: &[(Lane, Link)]) -> Result<Audited, Error> {
        let heads = self.store.feed_heads(tenant.clone()).await?;
        let mut audited = Audited { next: None, compared: 0, not_compared: 0, fault: None };
        let (first, mut at) = from.map_or((Lane::first(), None), |(lane, link)| (lane, Some(link)));
        for lane in Lane::all().filter(|lane| *lane >= first) {
            let anchor = heads.iter().find(|head| head.lane == lane).map_or(Link::ORIGIN, |head| head.anchor);
            // What is older was pruned, and can't be compared any more.
            let known = known.iter().find(|(of, link)| *of == lane && link.position > anchor.position).map(|(_, link)| *link);
            let from = at.take().filter(|link| link.position > anchor.position).unwrap_or(anchor);
            let check = self.store.check_feed(tenant.clone(), lane, (from, known), ENTRIES).await?;
            audited.compared += check.compared;
            audited.not_compared += check.not_compared;
            if let Some((position, fault)) = check.fault {
                audited.fault = Some((lane, position, fault));
                return Ok(audited);
            }
            if !check.done {
                audited.next = Some((lane, check.link));
                return Ok(audited);
            }
            let (lying, told) = self.store.count_events(lane).await?;
            if lying != told {
                let fault = if lying > told { FeedFault::Inserted } else { FeedFault::Missing };
                audited.fault = Some((lane, 0, fault));
                return Ok(audited);
            }
        }
        Ok(audited)
    }

    /// Removes events that are older than their tenant's policy keeps them, in small batches, each in its own commit. What is left
    /// of the feed still shows that it is as it was written. Answers how many entries went.
    ///
    /// # Errors
    /// The store's.
    pub async fn prune_events(&self) -> Result<u64, Error> {
        let mut removed = 0;
        for tenant in self.store.tenants().await? {
            let before = self.clock.now().minus_s(tenant.policy.retain_events_s);
            let heads = self.store.feed_heads(tenant.id.clone()).await?;
            let begin: Vec<(Lane, i64)> = heads.iter().map(|head| (head.lane, head.anchor.position)).collect();
            // Mostly there is nothing old: one look tells, and no lane is locked for it.
            let oldest = self.store.feed(tenant.id.clone(), begin, 1).await?;
            for lane in oldest.iter().filter(|oldest| oldest.event.at < before).map(|oldest| oldest.lane) {
                loop {
                    let batch = self.store.prune_feed(tenant.id.clone(), lane, before, OLD).await?;
                    removed += batch;
                    if batch < u64::from(OLD) {
                        break;
                    }
                }
            }
        }
        Ok(removed)
    }
}
