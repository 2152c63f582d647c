//! Policies: change the one in force.

use std::sync::Arc;

use doorward_domain::{Moment, PolicyChange, PolicyChanged, Tenancy};

use crate::access::Administrator;
use crate::{Error, Service};

impl Service {
    /// Changes the tenant's policy in one transaction, with its event; with `dry_run` it is only told what would change.
    ///
    /// # Errors
    /// `PolicyOvertaken` if the policy isn't of the revision that is expected, where one is; `InvalidPolicy`; `NotFound`.
    pub async fn change_policy(
        self: &Arc<Self>,
        by: &Administrator,
        change: PolicyChange,
        expected: Option<i64>,
        dry_run: bool,
    ) -> Result<PolicyChanged, Error> {
        let rule = move |tenancy: &mut Tenancy, moment: &mut Moment<'_>| tenancy.change_policy(moment, &change, expected, dry_run);
        self.govern(by, rule).await
    }
}
