//! Security events: what the host reports, applied to one account in one transaction.

use std::sync::Arc;

use doorward_domain::{Account, Applied, Count, Erasure, Moment, NewAccount, Report, SecurityEvent};
use doorward_store::Need;

use crate::access::Access;
use crate::{Error, Service};

impl Service {
    /// Applies a security event. An event for a user never seen makes the account, so that it counts from then on. The deletion
    /// of an account is its erasure: reported again, it finds nobody.
    ///
    /// # Errors
    /// The store's.
    pub async fn report(self: &Arc<Self>, access: &Access, report: Report) -> Result<Applied, Error> {
        if report.event == SecurityEvent::AccountDeleted {
            let nothing = Erasure { devices_untrusted: 0, sessions_ended: Count::from(0), activations_cancelled: 0 };
            return Ok(self.erase(access).await?.unwrap_or(nothing).into());
        }
        let new = NewAccount::draw(&mut self.entropy.mint(), self.clock.now());
        let reported = report.event_id.clone();
        let need = move |now| Need { create: Some(new), reported, ..Need::standing(now) };
        let rule = move |account: &mut Account, moment: &mut Moment<'_>, _| account.apply(moment, &report);
        self.change(access, need, rule).await
    }
}
