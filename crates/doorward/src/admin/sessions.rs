//! `doorward sessions`: what an operator sees of a user's sessions, and how they end.

use clap::Subcommand;
use doorward_api::shown;
use doorward_domain::SessionStatus;
use doorward_service::SessionName;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::tell::Column;
use super::{Desk, Said, Stretch, id, user};

/// What is done to a user's sessions.
#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Sessions {
    /// Lists a user's sessions, newest first
    List {
        /// The user's id, as the host says it
        user: String,
        /// Only those in this state
        #[arg(long, default_value = "active", value_parser = ["active", "inactive", "ended", "blocked", "all"])]
        status: String,
        #[command(flatten)]
        #[serde(flatten)]
        stretch: Stretch,
    },
    /// Ends one session
    End {
        /// The user's id, as the host says it
        user: String,
        /// The session's id
        id: String,
    },
    /// Ends all sessions and all trust of a user, and cancels sign-ins in progress
    EndAll {
        /// The user's id, as the host says it
        user: String,
    },
}

/// The columns of a list of sessions.
pub(super) const COLUMNS: &[Column] = &[
    ("SESSION", "/id"),
    ("STATUS", "/status"),
    ("DEVICE", "/device_id"),
    ("BEGAN", "/created_at"),
    ("LAST ACTIVE", "/last_activity_at"),
    ("ENDS", "/expires_at"),
    ("ADDRESS", "/ip_address"),
];

impl Sessions {
    pub(super) async fn perform(self, desk: &Desk) -> Result<Value, Said> {
        let operator = desk.operator().await?;
        let service = &desk.service;
        let tenant = operator.tenant.clone();
        match self {
            Self::List { user: whose, status, stretch } => {
                let access = operator.user(user(&whose)?);
                Ok(shown::sessions(service.list_sessions(&access, SessionStatus::from_word(&status), &stretch.request()).await?))
            }
            Self::End { user: whose, id: session } => {
                let access = operator.user(user(&whose)?);
                let missing = |error| Said::of(error, || format!("{whose} has no session {session} in the tenant {tenant}."));
                service.end_session(&access, SessionName::Id(id(&session)?)).await.map_err(missing)?;
                Ok(json!({ "id": session, "status": "ended" }))
            }
            Self::EndAll { user: whose } => {
                let access = operator.user(user(&whose)?);
                let missing = |error| Said::of(error, || format!("Nobody has seen the user {whose} in the tenant {tenant}."));
                Ok(shown::sessions_ended(service.end_all_sessions(&access, false).await.map_err(missing)?))
            }
        }
    }
}
