//! `doorward fence`: ends everything in a tenant at once.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::tell::Column;
use super::{Desk, Said, tenants};

/// The ending of everything.
#[derive(Debug, Clone, clap::Args, Serialize, Deserialize)]
pub(crate) struct Fence {
    /// Don't ask first
    #[arg(long)]
    #[serde(skip)]
    yes: bool,
}

/// The columns of a list of fenced tenants.
pub(super) const COLUMNS: &[Column] = tenants::COLUMNS;

impl Fence {
    pub(super) fn warning(&self) -> Option<String> {
        let warning = "This signs everyone in the tenant out, and every device has to pass the second factor again. It can't be undone.";
        (!self.yes).then(|| warning.to_owned())
    }

    pub(super) async fn perform(self, desk: &Desk) -> Result<Value, Said> {
        let operator = desk.operator().await?;
        Ok(tenants::shown(&desk.service.fence(&operator).await?))
    }
}
