//! What retention takes from an account on SQLite, in the writer's transaction and from the image in memory alike.

use doorward_domain::Account;

use super::load;
use super::writer::Batch;
use crate::changes::pruning;
use crate::{AccountKey, Decision, Need, StoreError, Verdict};

impl Batch<'_> {
    /// Runs a decision that removes. `false` if there is no account.
    pub(super) fn prune(&mut self, at: &AccountKey, need: &Need, decision: &Decision) -> Result<bool, StoreError> {
        let Some(standing) = self.image(at)? else { return Ok(false) };
        let before = load::narrow(self.connection, &standing, need)?;
        let mut account = before.clone();
        if decision(&mut account) == Verdict::Commit {
            let changes = pruning(&before, &account, &*self.shared.keys()?);
            for change in &changes {
                self.write(change)?;
            }
            if !changes.is_empty() {
                let mut left = Account::clone(&standing);
                let sessions = before.sessions_gone(&account);
                left.sessions.retain(|session| !sessions.contains(&session.id));
                left.devices.retain(|device| !before.devices.iter().any(|d| d.id == device.id) || account.devices.iter().any(|d| d.id == device.id));
                self.keep(Some(&left), account);
            }
        }
        Ok(true)
    }
}
