//! The feed at rest: what a commit adds to it, how it is read, and how it is compared with what was written.

use std::sync::LazyLock;

use doorward_domain::{
    AccountId, Event, FeedCheck, FeedEntry, FeedEvent, FeedFault, FeedHead, Head, KeyRing, KeyedHash, Lane, Link, Shard, TenantId, Timestamp,
};
use uuid::Uuid;

use crate::StoreError;
use crate::changes::{Change, Write};
use crate::row::{Cells, Row as _, ToCell as _, Value};
use crate::seal::{Seal, written};

fn is_event(change: &&Change) -> bool {
    change.table.name == Event::TABLE.name && change.write == Write::Insert
}

/// Whether there are events among the rows that a change writes.
pub(crate) fn has_events(changes: &[Change]) -> bool {
    changes.iter().any(|change| is_event(&change))
}

/// What a commit adds to a tenant's feed, before it has its place.
#[derive(Clone)]
pub(crate) struct Addition {
    pub(crate) tenant: TenantId,
    pub(crate) shard: Shard,
    pub(crate) account: AccountId,
    pub(crate) last_number: i64,
    pub(crate) events: i64,
    pub(crate) at: Timestamp,
    pub(crate) digest: KeyedHash,
}

impl Addition {
    /// The events among the rows that a change of one account, or of a tenant, writes. `None` if there are none.
    pub(crate) fn of(tenant: &TenantId, changes: &[Change], keys: &KeyRing) -> Option<Self> {
        let rows: Vec<&[Value]> = changes.iter().filter(is_event).map(|change| &change.values[..]).collect();
        let last = rows.last()?;
        let (Value::Int(shard), Value::Blob(account), Value::Int(number)) = (&last[0], &last[1], &last[2]) else { return None };
        let Some(Value::Int(at)) = last.get(AT) else { return None };
        Some(Self {
            tenant: tenant.clone(),
            shard: Shard(u16::try_from(*shard).ok()?),
            account: AccountId(Uuid::from_slice(account).ok()?),
            last_number: *number,
            events: i64::try_from(rows.len()).ok()?,
            at: Timestamp::from_micros(*at),
            digest: digests(tenant, &rows, keys).next()?,
        })
    }

    /// The entry, once the place is known.
    pub(crate) fn entry(self, lane: Lane, link: Link) -> FeedEntry {
        let Self { tenant, shard, account, last_number, events, at, digest } = self;
        FeedEntry { tenant, lane, link, shard, account, last_number, events, at, digest }
    }
}

/// Where an event's row, its scope with it, says when it happened.
const AT: usize = 5;

/// The digests under which rows of events may be kept, that of the active server key first. They are over the rows as they are
/// stored, so they tell nothing of a person, and stay right when a person's data key is destroyed.
fn digests<'a>(tenant: &TenantId, rows: &[&[Value]], keys: &'a KeyRing) -> impl Iterator<Item = KeyedHash> + 'a {
    let rows: Vec<Vec<u8>> = std::iter::once(tenant.as_str().as_bytes().to_vec()).chain(rows.iter().map(|row| written(row))).collect();
    let parts: Vec<&[u8]> = rows.iter().map(Vec::as_slice).collect();
    keys.hashes("feed", &parts).collect::<Vec<_>>().into_iter()
}

fn stored(table: &crate::row::Table) -> usize {
    table.all_columns().count()
}

/// Events after a position of a lane, with whose they are: tenant, lane, position, how many events.
pub(crate) fn events_sql(parameter: fn(usize) -> String) -> String {
    let [tenant, lane, position, limit] = [1, 2, 3, 4].map(parameter);
    let (event, head) = (Event::TABLE.select_list("e"), Head::TABLE.select_list("h"));
    format!(
        "SELECT f.position - f.last_number + e.number, {event}, {head} FROM feed f \
         JOIN event e ON e.shard = f.at_shard AND e.account = f.at_account AND e.number > f.last_number - f.events AND e.number <= f.last_number \
         LEFT JOIN account h ON h.shard = f.at_shard AND h.id = f.at_account \
         WHERE f.tenant = {tenant} AND f.lane = {lane} AND f.position > {position} AND f.position - f.last_number + e.number > {position} \
         ORDER BY f.position, e.number LIMIT {limit}"
    )
}

/// The events of [`events_sql`]'s rows, which must be whole: no position between them is left out.
pub(crate) fn events(lane: Lane, after: i64, rows: Vec<Vec<Value>>, keys: &KeyRing) -> Result<Vec<FeedEvent>, StoreError> {
    let mut events = Vec::with_capacity(rows.len());
    for (mut row, expected) in rows.into_iter().zip(after + 1..) {
        let mut head = row.split_off(1 + Event::TABLE.stored_columns().count());
        let event = row.split_off(1);
        if row[0] != Value::Int(expected) {
            return Err(StoreError::Corrupt(format!("an event of the feed's lane {}, before position {expected}, is gone", lane.number())));
        }
        let head = if head.first() == Some(&Value::Null) {
            None
        } else {
            let opened = Seal::Server(keys).open(Head::TABLE, std::mem::take(&mut head))?;
            Some(Head::decode(&mut Cells::new(Head::TABLE, opened))?)
        };
        let seal = head.as_ref().map_or(Seal::Open, |head| Seal::Account(&head.data_key));
        let event = Event::decode(&mut Cells::new(Event::TABLE, seal.open(Event::TABLE, event)?))?;
        events.push(FeedEvent { lane, position: expected, user: head.map(|head| head.user), event });
    }
    Ok(events)
}

/// The heads of a tenant's lanes.
pub(crate) fn heads_sql(parameter: fn(usize) -> String) -> String {
    format!("SELECT {} FROM feed_head t WHERE t.tenant = {} ORDER BY t.lane", FeedHead::TABLE.select_list("t"), parameter(1))
}

/// The head of one lane.
pub(crate) fn head_sql(parameter: fn(usize) -> String) -> String {
    let [tenant, lane] = [1, 2].map(parameter);
    format!("SELECT {} FROM feed_head t WHERE t.tenant = {tenant} AND t.lane = {lane}", FeedHead::TABLE.select_list("t"))
}

/// Entries after a position of a lane, each with the rows of its events: tenant, lane, position, how many entries.
pub(crate) fn entries_sql(parameter: fn(usize) -> String) -> String {
    let [tenant, lane, position, limit] = [1, 2, 3, 4].map(parameter);
    let entry = FeedEntry::TABLE.select_list("f");
    let event = Event::TABLE.all_columns().map(|column| format!("e.{}", column.name)).collect::<Vec<_>>().join(", ");
    format!(
        "SELECT {entry}, {event} \
         FROM (SELECT * FROM feed t WHERE t.tenant = {tenant} AND t.lane = {lane} AND t.position > {position} ORDER BY t.position LIMIT {limit}) f \
         LEFT JOIN event e ON e.shard = f.at_shard AND e.account = f.at_account AND e.number > f.last_number - f.events AND e.number <= f.last_number \
         ORDER BY f.position, e.number"
    )
}

/// The first entries of a lane that are kept: tenant, lane, position, how many.
pub(crate) fn oldest_sql(parameter: fn(usize) -> String) -> String {
    let [tenant, lane, limit] = [1, 2, 3].map(parameter);
    let entry = FeedEntry::TABLE.select_list("f");
    format!("SELECT {entry} FROM feed f WHERE f.tenant = {tenant} AND f.lane = {lane} ORDER BY f.position LIMIT {limit}")
}

/// Removes an entry's events: shard, account, the number before the first, the last number.
pub(crate) fn remove_events_sql(parameter: fn(usize) -> String) -> String {
    let [shard, account, before, last] = [1, 2, 3, 4].map(parameter);
    format!("DELETE FROM event WHERE shard = {shard} AND account = {account} AND number > {before} AND number <= {last}")
}

/// Removes a lane's entries up to a position: tenant, lane, position.
pub(crate) fn remove_entries_sql(parameter: fn(usize) -> String) -> String {
    let [tenant, lane, position] = [1, 2, 3].map(parameter);
    format!("DELETE FROM feed WHERE tenant = {tenant} AND lane = {lane} AND position <= {position}")
}

/// Those of a lane's first entries that are from before then, and its head once they are gone. What doesn't follow from its anchor
/// isn't removed: it would be the end of the evidence.
pub(crate) fn prunable(head: &FeedHead, oldest: Vec<FeedEntry>, before: Timestamp) -> Result<(Vec<FeedEntry>, FeedHead), StoreError> {
    let mut left = head.clone();
    let old: Vec<FeedEntry> = oldest.into_iter().take_while(|entry| entry.at < before).collect();
    for entry in &old {
        left.anchor = left.anchor.next(entry.events, &entry.digest);
        if left.anchor != entry.link {
            return Err(StoreError::Corrupt(format!("the feed's lane {} isn't as it was written at position {}", head.lane.number(), entry.link.position)));
        }
    }
    Ok((old, left))
}

/// The values by which an entry's events are removed.
pub(crate) fn events_of(entry: &FeedEntry) -> Vec<Value> {
    vec![i64::from(entry.shard.0).cell(), entry.account.0.cell(), (entry.last_number - entry.events).cell(), entry.last_number.cell()]
}

/// How many events lie in the trails of a range of shards, and how many the feeds of all tenants know in a lane.
pub(crate) fn counts_sql(parameter: fn(usize) -> String) -> String {
    let [lane, first, last] = [1, 2, 3].map(parameter);
    format!(
        "SELECT (SELECT count(*) FROM event e WHERE e.shard BETWEEN {first} AND {last}), \
         (SELECT CAST(coalesce(sum(h.position - h.anchor_position), 0) AS BIGINT) FROM feed_head h WHERE h.lane = {lane})"
    )
}

/// Compares the entries of [`entries_sql`]'s rows, read with their head in one snapshot, with what was written.
pub(crate) fn check(
    tenant: &TenantId,
    (from, known): (Link, Option<Link>),
    head: Option<FeedHead>,
    rows: Vec<Vec<Value>>,
    limit: u16,
    keys: &KeyRing,
) -> Result<FeedCheck, StoreError> {
    static WIDTH: LazyLock<usize> = LazyLock::new(|| stored(FeedEntry::TABLE));
    let mut entries: Vec<(FeedEntry, Vec<Vec<Value>>)> = vec![];
    for mut row in rows {
        let event = row.split_off(*WIDTH);
        let entry = FeedEntry::decode(&mut Cells::new(FeedEntry::TABLE, row))?;
        if entries.last().is_none_or(|(last, _)| *last != entry) {
            entries.push((entry, vec![]));
        }
        if let Some((_, events)) = entries.last_mut()
            && event[0] != Value::Null
        {
            events.push(event);
        }
    }
    let (end, anchor) = head.map_or((Link::ORIGIN, Link::ORIGIN), |head| (head.head, head.anchor));
    let mut check = FeedCheck { link: from, done: false, compared: 0, not_compared: 0, fault: None };
    if from.position == anchor.position && from != anchor {
        check.fault = Some((from.position, FeedFault::OtherHistory));
        return Ok(check);
    }
    let short = entries.len() < usize::from(limit);
    for (entry, events) in entries {
        let next = check.link.next(entry.events, &entry.digest);
        check.fault = fault_of(tenant, &check.link, &entry, &events, keys, &mut check.not_compared).map(|fault| (check.link.position + 1, fault));
        if check.fault.is_none() && next != entry.link {
            check.fault = Some((check.link.position + 1, FeedFault::Displaced));
        }
        if check.fault.is_some() {
            return Ok(check);
        }
        if known.is_some_and(|known| known != next && check.link.position < known.position && known.position <= next.position) {
            check.fault = Some((next.position, FeedFault::OtherHistory));
            return Ok(check);
        }
        check.compared += u64::try_from(entry.events).unwrap_or(0);
        check.link = next;
    }
    check.compared = check.compared.saturating_sub(check.not_compared);
    check.done = short;
    if short && check.link != end {
        let fault = if check.link.position < end.position { FeedFault::Truncated } else { FeedFault::HeadChanged };
        check.fault = Some((check.link.position + 1, fault));
    } else if short && known.is_some_and(|known| known.position > end.position) {
        check.fault = Some((check.link.position + 1, FeedFault::Truncated));
    }
    Ok(check)
}

fn fault_of(tenant: &TenantId, before: &Link, entry: &FeedEntry, events: &[Vec<Value>], keys: &KeyRing, not_compared: &mut u64) -> Option<FeedFault> {
    if entry.events < 1 || entry.link.position != before.position + entry.events {
        return Some(FeedFault::Missing);
    }
    let numbers = entry.last_number - entry.events + 1..=entry.last_number;
    if events.len() != usize::try_from(entry.events).unwrap_or(0) || events.iter().zip(numbers).any(|(event, number)| event[2] != Value::Int(number)) {
        return Some(FeedFault::Changed);
    }
    let rows: Vec<&[Value]> = events.iter().map(Vec::as_slice).collect();
    match digests(tenant, &rows, keys).find(|digest| digest.key == entry.digest.key) {
        Some(digest) if digest == entry.digest => None,
        Some(_) => Some(FeedFault::Changed),
        None => {
            *not_compared += u64::try_from(entry.events).unwrap_or(0);
            None
        }
    }
}
