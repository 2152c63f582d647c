//! `doorward api-key`: make, list, rotate and revoke a tenant's API keys.

use clap::Subcommand;
use doorward_api::shown;
use doorward_domain::{Role, is_plain_text};
use doorward_service::Administrator;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::tell::Column;
use super::{Desk, Said, id};

/// What is done to API keys.
#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ApiKeys {
    /// Makes a key and shows its text, this once
    Create {
        /// What it is for, in your words: at most 64 characters
        name: String,
        /// What it may do: verify tokens; read (viewer); read and end (operator); sign people in (host); everything (admin)
        #[arg(long, value_parser = ["verify", "viewer", "operator", "host", "admin"])]
        role: String,
        /// How long it lives, such as 90d, 12h or 30m [default: until it is revoked]
        #[arg(long, value_parser = period)]
        expires_in: Option<u32>,
    },
    /// Lists all keys, the revoked and expired ones too
    List,
    /// Gives a key another text and shows it, this once; the old one stays good for a while
    Rotate {
        /// The key's id
        id: String,
        /// How long the old text stays good, such as 7d, 12h or 0s; at most 30d
        #[arg(long, default_value = "1d", value_parser = overlap)]
        overlap: u32,
    },
    /// Revokes a key: it is refused at its next use
    Revoke {
        /// The key's id
        id: String,
    },
}

/// The columns of a list of keys.
pub(super) const COLUMNS: &[Column] =
    &[("KEY", "/id"), ("NAME", "/name"), ("ROLE", "/role"), ("STATUS", "/status"), ("EXPIRES", "/expires_at"), ("LAST USED", "/last_used_at")];

/// A number of seconds, minutes, hours or days.
fn period(text: &str) -> Result<u32, String> {
    let seconds = text.char_indices().next_back().and_then(|(at, unit)| {
        let number: u32 = text[..at].parse().ok()?;
        let unit = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            _ => return None,
        };
        number.checked_mul(unit)
    });
    seconds.ok_or_else(|| "write a number and s, m, h or d, such as 90d".to_owned())
}

fn overlap(text: &str) -> Result<u32, String> {
    let seconds = period(text)?;
    if seconds > doorward_domain::LONGEST_OVERLAP_S { Err("at most 30d".to_owned()) } else { Ok(seconds) }
}

impl ApiKeys {
    pub(super) async fn perform(self, desk: &Desk) -> Result<Value, Said> {
        let operator = desk.operator().await?;
        let (by, service, tenant) = (Administrator::from(&operator), &desk.service, &operator.tenant);
        let now = service.now();
        let missing = |key: String| {
            move |error| Said::of(error, || format!("There is no good key {key} in the tenant {tenant}. `doorward api-key list` shows those there are."))
        };
        match self {
            Self::Create { name, role, expires_in } => {
                let role = Role::from_word(&role).ok_or_else(|| Said::asked(format!("`{role}` is no role.")))?;
                if !is_plain_text(&name, 64) {
                    return Err(Said::asked("A key's name has 1 to 64 characters and no control characters."));
                }
                let expires_at = expires_in.map(|seconds| now.plus_s(seconds));
                Ok(shown::api_key_once(service.create_api_key(&by, (name, role, expires_at), None).await?, now))
            }
            Self::List => Ok(shown::api_keys(service.list_api_keys(&by).await?, now)),
            Self::Rotate { id: key, overlap } => {
                Ok(shown::api_key_once(service.rotate_api_key(&by, id(&key)?, overlap, None).await.map_err(missing(key))?, now))
            }
            Self::Revoke { id: key } => Ok(shown::api_key(service.revoke_api_key(&by, id(&key)?).await.map_err(missing(key))?, now)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_numbers_with_a_unit() {
        for (text, seconds) in [("90d", 7_776_000), ("12h", 43_200), ("30m", 1_800), ("0s", 0)] {
            assert_eq!(period(text), Ok(seconds));
        }
        for wrong in ["", "90", "d", "1.5d", "-1d", "90 d", "99999999d", "1é", "5w"] {
            assert!(period(wrong).is_err(), "{wrong}");
        }
        assert!(overlap("30d").is_ok() && overlap("31d").is_err());
    }
}
