//! `doorward fence`: ends everything in a tenant at once, or in all.

use doorward_domain::ApiKeyId;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::tell::Column;
use super::{Desk, Said, id, tenants};

/// The ending of everything.
#[derive(Debug, Clone, clap::Args, Serialize, Deserialize)]
pub(crate) struct Fence {
    /// In every tenant, in one write
    #[arg(long, conflicts_with = "tenant")]
    all: bool,
    /// After a restore of PostgreSQL's own backup: end every API key too, and erase again whom the erasure list names
    #[arg(long, requires = "all")]
    after_restore: bool,
    /// An API key that stays good after the restore, if you know that nobody ended it since; may be repeated
    #[arg(long, value_name = "ID", requires = "after_restore")]
    keep_api_key: Vec<String>,
    /// Don't ask first
    #[arg(long)]
    #[serde(skip)]
    yes: bool,
}

/// The columns of a list of fenced tenants.
pub(super) const COLUMNS: &[Column] = tenants::COLUMNS;

impl Fence {
    pub(super) fn warning(&self) -> Option<String> {
        let whose = if self.all { "every tenant" } else { "the tenant" };
        let keys = if self.after_restore { " API keys end too, and hosts are refused until they have new ones." } else { "" };
        let warning = format!("This signs everyone in {whose} out, and every device has to pass the second factor again.{keys} It can't be undone.");
        (!self.yes).then_some(warning)
    }

    pub(super) async fn perform(self, desk: &Desk) -> Result<Value, Said> {
        if self.after_restore {
            let kept: Vec<ApiKeyId> = self.keep_api_key.iter().map(|text| id(text)).collect::<Result<_, _>>()?;
            let ended = crate::backup::ended(&desk.service, &desk.human, kept).await?;
            let (tenants, keys) = (ended.restored.tenants, ended.restored.keys_ended);
            return Ok(json!({ "tenants_fenced": tenants, "api_keys_ended": keys, "erased_again": ended.erased_again, "next": crate::backup::NEW_KEYS }));
        }
        if self.all {
            let fenced = desk.service.fence_all(&desk.human).await?;
            return Ok(json!({ "items": fenced.iter().map(tenants::shown).collect::<Vec<_>>(), "next_cursor": null }));
        }
        let operator = desk.operator().await?;
        Ok(tenants::shown(&desk.service.fence(&operator).await?))
    }
}
