//! Budgets, and the one statement that spends from them.

use doorward_domain::{BudgetId, Quota, Timestamp};

use crate::row::{Scope, Table, ToCell as _, Value, blob, int};

/// A budget: the moment at which it will be full again. One that is full may as well not be there.
pub(crate) static BUDGET: &Table = &Table {
    name: "budget",
    scope: Scope::Everywhere,
    key: 1,
    primary_key: None,
    columns: &[blob("id"), int("full_at")],
    indexes: &[("budget_by_full_at", false, "(full_at)")],
};

/// Spending from a budget.
pub(crate) struct Spending {
    id: Value,
    now: i64,
    cost: i64,
    whole: i64,
}

impl Spending {
    pub(crate) fn new(budget: BudgetId, quota: Quota, count: u32, now: Timestamp) -> Self {
        Self { id: budget.0[..].cell(), now: now.micros(), cost: quota.time_of(count), whole: quota.whole_time() }
    }

    /// Takes it: one row with the new `full_at`, or none where too little is left.
    pub(crate) fn take(parameter: fn(usize) -> String) -> String {
        let [id, now, first, cost, most] = [1, 2, 3, 4, 5].map(parameter);
        let begun = format!("CASE WHEN budget.full_at > {now} THEN budget.full_at ELSE {now} END");
        format!(
            "INSERT INTO budget (id, full_at) VALUES ({id}, {first}) \
             ON CONFLICT (id) DO UPDATE SET full_at = {begun} + {cost} WHERE {begun} + {cost} <= {most} RETURNING full_at"
        )
    }

    /// What [`Spending::take`] is given.
    pub(crate) fn parameters(&self) -> Vec<Value> {
        vec![self.id.clone(), self.now.cell(), (self.now + self.cost).cell(), self.cost.cell(), (self.now + self.whole).cell()]
    }

    /// Whether a full budget holds so much: a new row is judged by nobody else.
    pub(crate) fn is_possible(&self) -> bool {
        self.cost <= self.whole
    }

    /// Reads the budget's `full_at`.
    pub(crate) fn look(parameter: fn(usize) -> String) -> String {
        format!("SELECT full_at FROM budget WHERE id = {}", parameter(1))
    }

    /// Of whom [`Spending::look`] asks.
    pub(crate) fn id(&self) -> Value {
        self.id.clone()
    }

    /// Deletes two budgets that have long been full: more than spending adds, so that the table stays as small as it can be.
    pub(crate) fn sweep(parameter: fn(usize) -> String, locking: &str) -> String {
        format!("DELETE FROM budget WHERE id IN (SELECT id FROM budget WHERE full_at < {} ORDER BY full_at LIMIT 2{locking})", parameter(1))
    }

    /// Before which a budget has long been full: by a whole window more, for clocks that differ.
    pub(crate) fn long_full(&self) -> Value {
        (self.now - self.whole).cell()
    }
}
