//! `doorward server-key`: which server keys are needed still, and the retirement of one that was replaced.

use clap::Subcommand;
use doorward_domain::KeyId;
use doorward_service::{KeyPlace, Retirement, ServerKeyView};
use doorward_store::KeyUsage;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::tell::Column;
use super::{Desk, Said};

/// What is done to server keys.
#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ServerKeys {
    /// Lists the server keys, and how much lies under each
    List,
    /// Prepares a replaced server key to be taken out of DOORWARD_SECRET_KEY
    ///
    /// Moves accounts' data keys to the active key, in small batches, and forgets old device tokens that are under this one.
    /// Does no more than move data keys while people would feel the rest: sessions, trusted devices, API keys.
    Retire {
        /// The key's id, as the list shows it
        id: String,
        /// Don't wait for the rest: end the sessions, trust and API keys that are under it, and forget its requests
        #[arg(long)]
        force: bool,
        /// Don't ask first
        #[arg(long)]
        #[serde(skip)]
        yes: bool,
    },
}

/// The columns of a list of server keys.
pub(super) const COLUMNS: &[Column] = &[
    ("KEY", "/id"),
    ("PLACE", "/place"),
    ("NEEDED", "/needed"),
    ("ACCOUNTS", "/accounts"),
    ("API KEYS", "/api_keys"),
    ("SESSIONS", "/sessions"),
    ("TRUSTED", "/trusted_devices"),
    ("OTHER TOKENS", "/other_device_tokens"),
    ("OFFERS", "/offers"),
    ("REQUESTS", "/requests"),
];

impl ServerKeys {
    pub(super) fn warning(&self) -> Option<String> {
        let Self::Retire { id, force: true, yes: false } = self else { return None };
        Some(format!(
            "This ends the sessions, the trust and the API keys that are under the server key {id}, in every tenant, and lets requests that come again under their Idempotency-Key have their effect again. It can't be undone."
        ))
    }

    pub(super) async fn perform(self, desk: &Desk) -> Result<Value, Said> {
        match self {
            Self::List => {
                let items: Vec<Value> = desk.service.list_server_keys().await?.iter().map(shown).collect();
                Ok(json!({ "items": items, "next_cursor": null }))
            }
            Self::Retire { id: text, force, .. } => {
                let id = (text.len() == 8).then(|| u32::from_str_radix(&text, 16).ok()).flatten().map(KeyId);
                let id = id.ok_or_else(|| Said::asked(format!("`{text}` is no server key's id: `doorward server-key list` shows them.")))?;
                match desk.service.retire_server_key(&desk.human, id, force).await? {
                    Retirement::StillNeeded(usage) => Err(Said::failed(still_needed(id, &usage))),
                    Retirement::Retired { accounts_moved, forgotten } => Ok(json!({
                        "id": id.to_string(),
                        "accounts_moved": accounts_moved,
                        "forgotten": counts(&forgotten),
                        "next": "take it out of DOORWARD_SECRET_KEY, on every node",
                    })),
                }
            }
        }
    }
}

fn still_needed(id: KeyId, usage: &KeyUsage) -> String {
    let parts = [
        (usage.api_keys, "API keys"),
        (usage.sessions, "sessions"),
        (usage.trusted_devices, "trusted devices"),
        (usage.offers, "offers"),
        (usage.requests, "remembered requests"),
        (usage.accounts, "accounts' data keys"),
        (usage.other_device_tokens, "other device tokens"),
    ];
    let parts: Vec<String> = parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    format!(
        "The server key {id} is needed still: {}. API keys move at their next use, devices at their next sign-in, the rest ends by itself. \
         Try again later, or end all that with --force. What comes to be under it again is written by a node that has it in front.",
        parts.join(", ")
    )
}

fn shown(key: &ServerKeyView) -> Value {
    let place = match key.place {
        KeyPlace::Active => "active",
        KeyPlace::Known => "known",
        KeyPlace::Missing => "missing",
    };
    let mut shown = json!({ "id": key.id.to_string(), "place": place, "needed": key.place == KeyPlace::Active || key.usage.is_needed() });
    if let (Some(shown), Value::Object(counts)) = (shown.as_object_mut(), counts(&key.usage)) {
        shown.extend(counts);
    }
    shown
}

fn counts(usage: &KeyUsage) -> Value {
    json!({
        "accounts": usage.accounts,
        "api_keys": usage.api_keys,
        "sessions": usage.sessions,
        "trusted_devices": usage.trusted_devices,
        "other_device_tokens": usage.other_device_tokens,
        "offers": usage.offers,
        "requests": usage.requests,
    })
}
