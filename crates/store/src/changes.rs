//! The difference between an account before and after a rule: the rows to write. Rules can't forget to declare a write.

use doorward_domain::{Account, Tenancy};

use crate::row::{Row, Scope, Table, ToCell, Value};
use crate::rows::ACTIVITY;

/// What to do to one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Write {
    /// Add it.
    Insert,
    /// Replace its columns.
    Update,
    /// Add it, or replace its columns.
    Upsert,
}

/// A row to write: its table, what to do, and all its values, the scope's first.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) table: &'static Table,
    pub(crate) write: Write,
    pub(crate) values: Vec<Value>,
}

/// The rows by which `after` differs from `before`; `before` is `None` for an account that is new.
pub(crate) fn changes(before: Option<&Account>, after: &Account) -> Vec<Change> {
    let mut changes = Vec::new();
    let scope = Place { shard: i64::from(after.head.shard.0).cell(), account: after.head.id.0.cell() };
    scope.compare(&mut changes, before.map(|account| std::slice::from_ref(&account.head)), std::slice::from_ref(&after.head));
    scope.compare(&mut changes, before.map(|account| &account.devices[..]), &after.devices);
    scope.compare(&mut changes, before.map(|account| &account.sessions[..]), &after.sessions);
    scope.compare(&mut changes, before.map(|account| &account.offers[..]), &after.offers);
    scope.compare(&mut changes, before.map(|account| &account.sign_ins[..]), &after.sign_ins);
    scope.compare(&mut changes, before.map(|account| &account.raises[..]), &after.raises);
    scope.compare(&mut changes, before.map(|account| &account.events[..]), &after.events);
    for session in &after.sessions {
        let known = before.and_then(|account| account.sessions.iter().find(|known| known.id == session.id)).map(|known| known.last_activity_at);
        if session.last_activity_at != known.unwrap_or(session.created_at) {
            changes.push(scope.change(ACTIVITY, Write::Upsert, vec![session.id.0.cell(), session.last_activity_at.cell()]));
        }
    }
    changes
}

/// The rows by which a rule left a tenancy different.
pub(crate) fn tenancy_changes(before: &Tenancy, after: &Tenancy) -> Vec<Change> {
    let mut changes = Vec::new();
    let (shard, account) = after.tenant.id.trail();
    let trail = Place { shard: i64::from(shard.0).cell(), account: account.0.cell() };
    trail.compare(&mut changes, Some(std::slice::from_ref(&before.tenant)), std::slice::from_ref(&after.tenant));
    trail.compare(&mut changes, Some(&before.keys), &after.keys);
    trail.compare(&mut changes, Some(&before.events), &after.events);
    changes
}

/// Where an account lies: what stands in front of its rows.
pub(crate) struct Place {
    pub(crate) shard: Value,
    pub(crate) account: Value,
}

impl Place {
    pub(crate) fn change(&self, table: &'static Table, write: Write, own: Vec<Value>) -> Change {
        let mut values = match table.scope {
            Scope::Everywhere => vec![],
            Scope::Shard => vec![self.shard.clone()],
            Scope::Account => vec![self.shard.clone(), self.account.clone()],
        };
        values.extend(own);
        Change { table, write, values }
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
