//! An API key on the wire. Its text is shown when it is made or rotated, and never again.

use doorward_domain::{ApiKeyToken, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

/// An API key.
#[derive(Serialize, ToSchema)]
pub(crate) struct ApiKey {
    /// Its id, which the trail names.
    #[schema(format = Uuid)]
    id: String,
    /// What it is for.
    #[schema(example = "login backend")]
    name: String,
    /// `verify`, `viewer`, `operator`, `host` or `admin`.
    #[schema(example = "host")]
    role: &'static str,
    /// `active`, `expired` or `revoked`.
    #[schema(example = "active")]
    status: &'static str,
    /// When it was made.
    #[schema(format = DateTime)]
    created_at: String,
    /// When it ends.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// Until when the text that the last rotation replaced stays good.
    #[schema(format = DateTime)]
    old_until: Option<String>,
    /// When it was last used; up to a few minutes behind.
    #[schema(format = DateTime)]
    last_used_at: Option<String>,
    /// When it was revoked.
    #[schema(format = DateTime)]
    revoked_at: Option<String>,
}

impl ApiKey {
    pub(crate) fn of(key: doorward_domain::ApiKey, now: Timestamp) -> Self {
        let text = |at: Timestamp| at.to_string();
        let live = key.is_live(now);
        Self {
            id: key.id.to_string(),
            name: key.name,
            role: key.role.as_str(),
            status: if key.revoked_at.is_some() {
                "revoked"
            } else if live {
                "active"
            } else {
                "expired"
            },
            created_at: text(key.created_at),
            expires_at: key.expires_at.map(text),
            old_until: key.former.map(|(_, until)| until).filter(|until| live && now < *until).map(text),
            last_used_at: key.last_used_at.map(text),
            revoked_at: key.revoked_at.map(text),
        }
    }
}

/// An API key with its text.
#[derive(Serialize, ToSchema)]
pub(crate) struct ApiKeyShown {
    /// The key.
    api_key: ApiKey,
    /// Its text: shown here and never again.
    #[schema(example = "dwk_…")]
    key: String,
}

impl ApiKeyShown {
    pub(crate) fn of((key, token): (doorward_domain::ApiKey, ApiKeyToken), now: Timestamp) -> Self {
        Self { api_key: ApiKey::of(key, now), key: token.reveal() }
    }
}
