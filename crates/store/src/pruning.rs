//! What is pruned by its age alone, whatever account it belongs to: one statement each, on both engines.

use doorward_domain::{Once, Reported, TenantId, Timestamp, Tombstone};

use crate::row::{Row as _, ToCell as _, Value};
use crate::rows::BUDGET;

/// A kind of rows that go by their age.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Old {
    /// Records of requests, by when they were made.
    Requests,
    /// Security events kept under the host's own ids, by when they were first reported.
    Reports,
    /// Budgets, by when they were full again.
    Budgets,
    /// Tombstones of one tenant, by when the account was erased.
    Tombstones(TenantId),
}

impl Old {
    /// The statement, for an engine that writes parameters so.
    pub(crate) fn sql(&self, parameter: fn(usize) -> String) -> String {
        match self {
            Self::Requests => Once::TABLE.prune("created_at", false, parameter),
            Self::Reports => Reported::TABLE.prune("at", false, parameter),
            Self::Budgets => BUDGET.prune("full_at", false, parameter),
            Self::Tombstones(_) => Tombstone::TABLE.prune("erased_at", true, parameter),
        }
    }

    /// What the statement is given.
    pub(crate) fn parameters(&self, before: Timestamp, limit: u16) -> Vec<Value> {
        let mut parameters = vec![before.cell(), i64::from(limit).cell()];
        if let Self::Tombstones(tenant) = self {
            parameters.push(tenant.as_str().cell());
        }
        parameters
    }
}

/// Deletes the sign-ins of accounts that were erased since parameter 1: one may have been added while its person was erased.
pub(crate) fn stranded(parameter: fn(usize) -> String) -> String {
    format!("DELETE FROM sign_in WHERE (shard, account) IN (SELECT shard, account FROM tombstone WHERE erased_at >= {})", parameter(1))
}

/// The places of accounts after one, in order: parameters 1 and 2 are its place, 3 is how many at most.
pub(crate) fn accounts(parameter: fn(usize) -> String) -> String {
    let [shard, id, limit] = [1, 2, 3].map(parameter);
    format!("SELECT shard, id FROM account WHERE (shard, id) > ({shard}, {id}) ORDER BY shard, id LIMIT {limit}")
}
