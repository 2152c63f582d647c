//! The difference between an account before and after a rule: the rows to write. Rules can't forget to declare a write.

use doorward_domain::{Account, DataKey, Event, Head, KeyRing, Once, Tenancy, Tombstone};

use crate::row::{Row, Scope, Table, ToCell, Value};
use crate::rows::{ACTIVITY, tables};
use crate::seal::Seal;

/// What to do to one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Write {
    /// Add it.
    Insert,
    /// Replace its columns.
    Update,
    /// Add it, or replace its columns.
    Upsert,
    /// Remove it: the values are the scope's and the key's.
    Delete,
    /// The same, if it is there.
    Drop,
    /// Remove every row of the scope, however many there are.
    Clear,
}

impl Write {
    /// Whether it changes exactly one row, or something is wrong.
    pub(crate) fn is_of_one(self) -> bool {
        matches!(self, Self::Insert | Self::Update | Self::Upsert | Self::Delete)
    }
}

/// A row to write: its table, what to do, and its values, the scope's first.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) table: &'static Table,
    pub(crate) write: Write,
    pub(crate) values: Vec<Value>,
}

impl Change {
    /// The statement, for an engine that writes parameters so.
    pub(crate) fn sql(&self, parameter: fn(usize) -> String) -> String {
        match self.write {
            Write::Insert => self.table.insert(parameter),
            Write::Update => self.table.update(parameter),
            Write::Upsert => self.table.upsert(parameter),
            Write::Delete | Write::Drop => self.table.delete(parameter),
            Write::Clear => self.table.clear(parameter),
        }
    }
}

/// The rows by which `after` differs from `before`; `before` is `None` for an account that is new. `once` are the records that
/// were there, since those aren't the account's own.
pub(crate) fn changes(before: Option<&Account>, once: &[Once], after: &Account, keys: &KeyRing) -> Vec<Change> {
    let mut changes = Vec::new();
    let scope = Place { keys: Some(keys), ..Place::of(&after.head) };
    scope.compare(&mut changes, before.map(|account| std::slice::from_ref(&account.head)), std::slice::from_ref(&after.head));
    scope.compare(&mut changes, before.map(|account| &account.devices[..]), &after.devices);
    scope.compare(&mut changes, before.map(|account| &account.sessions[..]), &after.sessions);
    scope.compare(&mut changes, before.map(|account| &account.offers[..]), &after.offers);
    scope.compare(&mut changes, before.map(|account| &account.sign_ins[..]), &after.sign_ins);
    scope.compare(&mut changes, before.map(|account| &account.raises[..]), &after.raises);
    scope.compare(&mut changes, before.map(|account| &account.reported[..]), &after.reported);
    scope.compare(&mut changes, before.map(|account| &account.events[..]), &after.events);
    scope.compare(&mut changes, Some(once), &after.once);
    for session in &after.sessions {
        let known = before.and_then(|account| account.sessions.iter().find(|known| known.id == session.id)).map(|known| known.last_activity_at);
        if session.last_activity_at != known.unwrap_or(session.created_at) {
            changes.push(scope.change(ACTIVITY, Write::Upsert, vec![session.id.0.cell(), session.last_activity_at.cell()]));
        }
    }
    changes
}

/// What erases an account: its head goes first, so that whoever changes it is waited for; then all that was kept in it but its
/// events, to which `after` may have added; the tombstone is put up.
pub(crate) fn erasure(before: &Account, after: &Account, tombstone: &Tombstone, keys: &KeyRing) -> Vec<Change> {
    let place = Place::of(&after.head);
    let head = Change { table: Head::TABLE, write: Write::Delete, values: vec![place.shard.clone(), place.account.clone()] };
    let kept_in_it = tables().into_iter().filter(|table| table.scope == Scope::Account && table.name != Event::TABLE.name);
    let clear = |table| Change { table, write: Write::Clear, values: vec![place.shard.clone(), place.account.clone()] };
    let events = changes(Some(before), &before.once, after, keys).into_iter().filter(|change| change.table.name == Event::TABLE.name);
    let tombstone = Place::NOWHERE.change(Tombstone::TABLE, Write::Insert, tombstone.encode());
    std::iter::once(head).chain(kept_in_it.map(clear)).chain(events).chain([tombstone]).collect()
}

/// What pruning writes: as [`changes`], and the rows that the rule removed are deleted.
pub(crate) fn pruning(before: &Account, after: &Account, keys: &KeyRing) -> Vec<Change> {
    let mut changes = changes(Some(before), &before.once, after, keys);
    let place = Place::of(&after.head);
    place.removed(&mut changes, &before.sign_ins, &after.sign_ins);
    place.removed(&mut changes, &before.offers, &after.offers);
    place.removed(&mut changes, &before.sessions, &after.sessions);
    place.removed(&mut changes, &before.devices, &after.devices);
    let activity = |session: doorward_domain::SessionId| place.change(ACTIVITY, Write::Drop, vec![session.0.cell()]);
    changes.extend(before.sessions_gone(after).into_iter().map(activity));
    changes
}

/// The rows by which a rule left a tenancy different.
pub(crate) fn tenancy_changes(before: Option<&Tenancy>, after: &Tenancy) -> Vec<Change> {
    let mut changes = Vec::new();
    let (shard, account) = after.tenant.id.trail();
    let trail = Place { shard: i64::from(shard.0).cell(), account: account.0.cell(), ..Place::NOWHERE };
    trail.compare(&mut changes, before.map(|tenancy| std::slice::from_ref(&tenancy.tenant)), std::slice::from_ref(&after.tenant));
    trail.compare(&mut changes, before.map(|tenancy| &tenancy.keys[..]), &after.keys);
    trail.compare(&mut changes, before.map(|tenancy| &tenancy.events[..]), &after.events);
    changes
}

/// Where an account lies: what stands in front of its rows, and what their private cells are sealed under.
pub(crate) struct Place<'a> {
    pub(crate) shard: Value,
    pub(crate) account: Value,
    /// The server's keys, for the head.
    pub(crate) keys: Option<&'a KeyRing>,
    /// The account's key, for the rest.
    pub(crate) data_key: Option<&'a DataKey>,
}

impl<'a> Place<'a> {
    /// The place of rows that are no account's.
    pub(crate) const NOWHERE: Self = Self { shard: Value::Null, account: Value::Null, keys: None, data_key: None };

    /// The place of an account's rows, its head aside.
    pub(crate) fn of(head: &'a Head) -> Self {
        Self { shard: i64::from(head.shard.0).cell(), account: head.id.0.cell(), keys: None, data_key: Some(&head.data_key) }
    }

    pub(crate) fn change(&self, table: &'static Table, write: Write, own: Vec<Value>) -> Change {
        let mut values = match table.scope {
            Scope::Everywhere => vec![],
            Scope::Shard => vec![self.shard.clone()],
            Scope::Account => vec![self.shard.clone(), self.account.clone()],
        };
        values.extend(own);
        let seal = match table.scope {
            Scope::Account => self.data_key.map(Seal::Account),
            Scope::Everywhere | Scope::Shard => self.keys.map(Seal::Server),
        };
        Change { table, write, values: seal.unwrap_or(Seal::Open).close(table, values) }
    }

    fn removed<R: Row>(&self, changes: &mut Vec<Change>, before: &[R], after: &[R]) {
        for row in before.iter().filter(|row| !after.iter().any(|left| left.same_row(row))) {
            let mut values = vec![self.shard.clone(), self.account.clone()];
            values.extend(row.encode().into_iter().take(R::TABLE.key));
            changes.push(Change { table: R::TABLE, write: Write::Delete, values });
        }
    }

    fn compare<R: Row>(&self, changes: &mut Vec<Change>, before: Option<&[R]>, after: &[R]) {
        for row in after {
            let known = before.and_then(|rows| rows.iter().find(|known| known.same_row(row)));
            let write = match known {
                None => Write::Insert,
                // The columns decide, so that what is kept elsewhere (the last activity) makes no write here.
                Some(known) if known != row && known.encode() != row.encode() => Write::Update,
                Some(_) => continue,
            };
            changes.push(self.change(R::TABLE, write, row.encode()));
        }
    }
}
