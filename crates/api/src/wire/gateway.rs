//! What proxies and services are answered: batches, and RFC 7662.

use doorward_domain::Timestamp;
use doorward_service::Verified;
use serde::Serialize;
use utoipa::ToSchema;

use super::Heartbeat;

/// What a batch comes to, in the order in which it was sent.
#[derive(Serialize, ToSchema)]
pub(crate) struct Results<T: ToSchema> {
    /// One for each token.
    #[schema(min_items = 1, max_items = 64)]
    results: Vec<T>,
}

impl<T: ToSchema> Results<T> {
    pub(crate) fn of<V: Into<T>>(results: Vec<V>) -> Self {
        Self { results: results.into_iter().map(Into::into).collect() }
    }
}

/// What a sign of life in a batch comes to.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum Beat {
    /// The session is kept alive.
    Kept(Kept),
    /// It isn't live.
    Over(Over),
}

/// A session that is kept alive.
#[derive(Serialize, ToSchema)]
pub(crate) struct Kept {
    /// Always `true`.
    #[schema(example = true)]
    ok: bool,
    /// When it ends.
    #[serde(flatten)]
    ends: Heartbeat,
}

/// A session that isn't live.
#[derive(Serialize, ToSchema)]
pub(crate) struct Over {
    /// Always `false`.
    #[schema(example = false)]
    ok: bool,
    /// `unknown` for every token that proves nothing; else why its session is over.
    #[schema(example = "signed_out_everywhere")]
    reason: &'static str,
}

impl From<doorward_service::Beat> for Beat {
    fn from(beat: doorward_service::Beat) -> Self {
        match beat {
            Ok(kept) => Self::Kept(Kept { ok: true, ends: kept.into() }),
            Err(why) => Self::Over(Over { ok: false, reason: why.reason() }),
        }
    }
}

/// What introspection finds.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum Introspection {
    /// The session is live.
    Active(Box<ActiveToken>),
    /// It isn't, or there is none; why, introspection doesn't tell.
    Inactive(InactiveToken),
}

/// A token that opens a live session.
#[derive(Serialize, ToSchema)]
pub(crate) struct ActiveToken {
    /// Always `true`.
    #[schema(example = true)]
    active: bool,
    /// Always `Bearer`.
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// The host's own id of the person.
    sub: String,
    /// The session's id.
    #[schema(format = Uuid)]
    sid: String,
    /// `aal2` with a second factor of its own, else `aal1`.
    #[schema(example = "aal2")]
    acr: &'static str,
    /// What was proved in it (RFC 8176).
    #[schema(example = json!(["pwd", "otp", "mfa"]))]
    amr: Vec<String>,
    /// When the person last proved who they are in it.
    #[schema(example = 1_780_000_000)]
    auth_time: i64,
    /// Its absolute end; it may end before.
    #[schema(example = 1_782_592_000)]
    exp: i64,
    /// When it began.
    #[schema(example = 1_780_000_000)]
    iat: i64,
    /// Always `doorward`.
    #[schema(example = "doorward")]
    iss: &'static str,
}

/// A token that opens nothing.
#[derive(Serialize, ToSchema)]
pub(crate) struct InactiveToken {
    /// Always `false`.
    #[schema(example = false)]
    active: bool,
}

const fn seconds(at: Timestamp) -> i64 {
    at.micros() / 1_000_000
}

impl From<Verified> for Introspection {
    fn from(verified: Verified) -> Self {
        let Verified::Active(active) = verified else { return Self::Inactive(InactiveToken { active: false }) };
        let session = &active.session.session;
        Self::Active(Box::new(ActiveToken {
            active: true,
            token_type: "Bearer",
            sub: active.user.to_string(),
            sid: session.id.to_string(),
            acr: session.acr(),
            amr: session.amr(),
            auth_time: seconds(active.authenticated_at),
            exp: seconds(active.session.expires_at),
            iat: seconds(session.created_at),
            iss: "doorward",
        }))
    }
}
