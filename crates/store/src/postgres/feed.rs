//! The feed on PostgreSQL: its entry is the last statement before COMMIT, which gives it its place under the head's lock.

use std::sync::LazyLock;

use doorward_domain::{FeedCheck, FeedEntry, FeedEvent, FeedHead, KeyRing, Lane, Link, TenantId, Timestamp};

use super::flight::{Answer, Ask, parameter};
use super::write;
use crate::StoreError;
use crate::changes::{Change, Place, Write};
use crate::feed::{self, Addition};
use crate::row::{Row as _, ToCell as _};
use crate::seal::Seal;

/// The statements for a change of one account or tenant, with the feed's entry for the events among its rows.
pub(super) fn writes(tenant: &TenantId, changes: Vec<Change>, keys: &KeyRing) -> Vec<Ask> {
    let addition = Addition::of(tenant, &changes, keys).map(add);
    changes.into_iter().map(write).chain(addition).collect()
}

/// Gives an entry its place. The head's row is locked from here to the end of the transaction, so places are given in the order
/// of commits and none is given twice; a transaction that fails gives none. The chain is that of [`Link::next`].
fn add(addition: Addition) -> Ask {
    static SQL: LazyLock<String> = LazyLock::new(|| {
        let names = |columns: &[crate::row::Column]| columns.iter().map(|column| column.name).collect::<Vec<_>>().join(", ");
        let (heads, entries) = (names(FeedHead::TABLE.columns), names(FeedEntry::TABLE.columns));
        format!(
            "WITH head AS (INSERT INTO feed_head AS h ({heads}) \
             VALUES ($1::text, $2::bigint, $6::bigint, sha256($9::bytea || $8::bytea), 0, $9::bytea) \
             ON CONFLICT (tenant, lane) DO UPDATE SET position = h.position + $6::bigint, chain = sha256(h.chain || $8::bytea) \
             RETURNING position, chain) \
             INSERT INTO feed ({entries}) SELECT $1::text, $2::bigint, head.position, head.chain, $3::bigint, $4::bytea, $5::bigint, $6::bigint, $7::bigint, \
             $8::bytea FROM head"
        )
    });
    let lane = Lane::of(addition.shard);
    let Addition { tenant, shard, account, last_number, events, at, digest } = addition;
    let parameters = vec![
        tenant.as_str().cell(),
        lane.cell(),
        i64::from(shard.0).cell(),
        account.0.cell(),
        last_number.cell(),
        events.cell(),
        at.cell(),
        digest.cell(),
        Link::ORIGIN.chain[..].cell(),
    ];
    Ask::new(SQL.as_str(), parameters)
}

/// Where a tenant's lanes stand.
pub(super) fn heads(tenant: &TenantId) -> Ask {
    static SQL: LazyLock<String> = LazyLock::new(|| feed::heads_sql(parameter));
    Ask::new(SQL.as_str(), vec![tenant.as_str().cell()])
}

/// Events of a lane after a position.
pub(super) fn events(tenant: &TenantId, lane: Lane, after: i64, limit: u16) -> Ask {
    static SQL: LazyLock<String> = LazyLock::new(|| feed::events_sql(parameter));
    Ask::new(SQL.as_str(), vec![tenant.as_str().cell(), lane.cell(), after.cell(), i64::from(limit).cell()])
}

/// The reverse, of several lanes.
pub(super) fn events_answered(keys: &KeyRing, after: &[(Lane, i64)], answers: &[Answer]) -> Result<Vec<FeedEvent>, StoreError> {
    let lanes = after.iter().zip(answers).map(|((lane, after), answer)| feed::events(*lane, *after, answer.cells()?, keys));
    Ok(lanes.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

/// A lane's head, and its entries after a link with their events.
pub(super) fn entries(tenant: &TenantId, lane: Lane, from: Link, limit: u16) -> Vec<Ask> {
    static SQL: LazyLock<[String; 2]> = LazyLock::new(|| [feed::head_sql(parameter), feed::entries_sql(parameter)]);
    let [head, entries] = &*SQL;
    let place = [tenant.as_str().cell(), lane.cell()];
    let stretch = place.iter().cloned().chain([from.position.cell(), i64::from(limit).cell()]).collect();
    vec![Ask::new(head.as_str(), place.to_vec()), Ask::new(entries.as_str(), stretch)]
}

/// The reverse, compared with what was written.
pub(super) fn entries_answered(
    keys: &KeyRing,
    tenant: &TenantId,
    links: (Link, Option<Link>),
    limit: u16,
    answers: &[Answer],
) -> Result<FeedCheck, StoreError> {
    let [head, entries] = answers else { return Err(StoreError::corrupt("feed", "answers")) };
    feed::check(tenant, links, head.decode(Seal::Open)?.pop(), entries.cells()?, limit, keys)
}

/// How many events lie in a lane's trails, and how many the feeds know of.
pub(super) fn counts(lane: Lane) -> Ask {
    static SQL: LazyLock<String> = LazyLock::new(|| feed::counts_sql(parameter));
    let (first, last) = lane.shards();
    Ask::new(SQL.as_str(), vec![lane.cell(), i64::from(first.0).cell(), i64::from(last.0).cell()])
}

/// The reverse.
pub(super) fn counted(answer: &Answer) -> Result<(i64, i64), StoreError> {
    let row = answer.rows.first().and_then(|row| Some((row.try_get(0).ok()?, row.try_get(1).ok()?)));
    row.ok_or_else(|| StoreError::corrupt("feed", "counts"))
}

/// A lane's head, locked, and its first entries.
pub(super) fn oldest(tenant: &TenantId, lane: Lane, limit: u16) -> Vec<Ask> {
    static SQL: LazyLock<[String; 2]> = LazyLock::new(|| [format!("{} FOR UPDATE", feed::head_sql(parameter)), feed::oldest_sql(parameter)]);
    let [head, entries] = &*SQL;
    let place = [tenant.as_str().cell(), lane.cell()];
    let first = place.iter().cloned().chain([i64::from(limit).cell()]).collect();
    vec![Ask::new(head.as_str(), place.to_vec()), Ask::new(entries.as_str(), first)]
}

/// The statements that remove those which are from before then, and how many entries that are.
pub(super) fn pruned(answers: &[Answer], before: Timestamp) -> Result<(u64, Vec<Ask>), StoreError> {
    static SQL: LazyLock<[String; 2]> = LazyLock::new(|| [feed::remove_events_sql(parameter), feed::remove_entries_sql(parameter)]);
    let [remove_events, remove_entries] = &*SQL;
    let [head, entries] = answers else { return Err(StoreError::corrupt("feed", "answers")) };
    let Some(head) = head.decode::<FeedHead>(Seal::Open)?.pop() else { return Ok((0, vec![])) };
    let (old, left) = feed::prunable(&head, entries.decode(Seal::Open)?, before)?;
    if old.is_empty() {
        return Ok((0, vec![]));
    }
    let events = old.iter().map(|entry| Ask::new(remove_events.as_str(), feed::events_of(entry)).of_any_number());
    let upto = vec![left.tenant.as_str().cell(), left.lane.cell(), left.anchor.position.cell()];
    let entries = Ask::new(remove_entries.as_str(), upto).of_any_number();
    let anchor = write(Place::NOWHERE.change(FeedHead::TABLE, Write::Update, left.encode()));
    Ok((old.len() as u64, events.chain([entries, anchor]).collect()))
}
