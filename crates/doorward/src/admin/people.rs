//! `doorward person`: export or erase everything that is held of a person.

use clap::Subcommand;
use doorward_api::shown;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::tell::Column;
use super::{Desk, Said, user};

/// What is done for a person as a whole.
#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum People {
    /// Prints everything that is held of a person, but for keys and digests
    Export {
        /// The user's id, as the host says it
        user: String,
    },
    /// Erases a person: everything held of them goes, and they may begin anew as somebody unknown
    Erase {
        /// The user's id, as the host says it
        user: String,
        /// Don't ask first
        #[arg(long)]
        #[serde(skip)]
        yes: bool,
    },
}

/// What is told of a person is no list.
pub(super) const COLUMNS: &[Column] = &[];

impl People {
    pub(super) fn warning(&self) -> Option<String> {
        let Self::Erase { user, yes } = self else { return None };
        let warning = format!("This erases all that is held of {user}, signs them out everywhere and ends all their trust. It can't be undone.");
        (!yes).then_some(warning)
    }

    pub(super) async fn perform(self, desk: &Desk) -> Result<Value, Said> {
        let operator = desk.operator().await?;
        let whose = match self {
            Self::Export { user: whose } => return Ok(shown::export(desk.service.export(&operator.user(user(&whose)?)).await?)),
            Self::Erase { user: whose, .. } => whose,
        };
        let erased = desk.service.erase(&operator.user(user(&whose)?)).await?;
        Ok(json!({
            "user_id": whose,
            "erased": erased.is_some(),
            "devices_untrusted": erased.map_or(0, |erased| erased.devices_untrusted),
            "sessions_ended": erased.map_or(0, |erased| erased.sessions_ended.number),
            "more": erased.is_some_and(|erased| erased.sessions_ended.more),
            "activations_cancelled": erased.map_or(0, |erased| erased.activations_cancelled),
        }))
    }
}
