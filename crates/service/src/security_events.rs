//! Security events: what the host reports, applied to one account in one transaction.

use std::sync::Arc;

use doorward_domain::{Account, Applied, Moment, NewAccount, Report};
use doorward_store::Need;

use crate::access::Access;
use crate::{Error, Service};

impl Service {
    /// Applies a security event. An event for a user never seen makes the account, so that it counts from then on.
    ///
    /// # Errors
    /// The store's.
    pub async fn report(self: &Arc<Self>, access: &Access, report: Report) -> Result<Applied, Error> {
        let new = NewAccount::draw(&mut self.entropy.mint(), self.clock.now());
        let reported = report.event_id.clone();
        let need = move |now| Need { create: Some(new), reported, ..Need::standing(now) };
        let rule = move |account: &mut Account, moment: &mut Moment<'_>, _| account.apply(moment, &report);
        self.change(access, need, rule).await
    }
}
