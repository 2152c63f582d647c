//! A tenant's feed, compared with what was written.

use std::collections::BTreeMap;
use std::sync::Arc;

use doorward_domain::{FeedFault, Lane, Link};
use doorward_store::Store;

use crate::words::tenant_id;

/// The first fault of a tenant's feed, if there is one; also by links that are known from before.
///
/// # Panics
/// If the store fails.
pub async fn feed_fault(store: &Arc<dyn Store>, tenant: &str, known: &BTreeMap<Lane, Link>) -> Option<(i64, FeedFault)> {
    let heads = store.feed_heads(tenant_id(tenant)).await.expect("the store answers");
    for lane in Lane::all() {
        let mut from = heads.iter().find(|head| head.lane == lane).map_or(Link::ORIGIN, |head| head.anchor);
        loop {
            let links = (from, known.get(&lane).copied());
            let check = store.check_feed(tenant_id(tenant), lane, links, 3).await.expect("the store answers");
            if check.fault.is_some() {
                return check.fault;
            }
            from = check.link;
            if check.done {
                break;
            }
        }
        let (lying, told) = store.count_events(lane).await.expect("the store answers");
        if lying != told {
            return Some((0, FeedFault::Inserted));
        }
    }
    None
}
