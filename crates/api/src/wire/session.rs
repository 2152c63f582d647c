//! A session on the wire.

use std::net::IpAddr;

use doorward_domain::kept_address;
use doorward_service::{ActiveSession, KeptAlive, OpenedSession, SessionSteppedUp, SessionView, Verified};
use serde::Serialize;
use utoipa::ToSchema;

use super::device::{DeviceStatus, Location};
use super::{Activation, Device};

/// A signed-in period on a device.
#[derive(Serialize, ToSchema)]
pub(crate) struct Session {
    /// Its id, a UUIDv7.
    #[schema(format = Uuid, example = "019aa0b2-3c4d-7e5f-8a6b-7c8d9e0f1a2b")]
    id: String,
    /// The host's own name for it.
    external_session_id: Option<String>,
    /// The device it is on.
    #[schema(format = Uuid)]
    device_id: String,
    /// `active`; `inactive`, past its idle limit; `blocked`, its device was reported hijacked; `ended`.
    status: SessionStatus,
    /// Whether it is the caller's own; with an API key: whether the answer is about it.
    is_current: bool,
    /// The person's address at sign-in; `null` once it is kept no longer.
    #[schema(value_type = Option<String>, example = "203.0.113.7")]
    ip_address: Option<IpAddr>,
    /// The place of that address; `null` where it is not known.
    location: Option<Location>,
    /// How the person signed in, in the host's words.
    #[schema(example = "password")]
    login_method: String,
    /// What was proved in it (RFC 8176); Doorward alone adds the second factor.
    #[schema(example = json!(["pwd", "otp", "mfa"]))]
    amr: Vec<String>,
    /// `aal2` with a second factor of its own, else `aal1`.
    #[schema(example = "aal2")]
    acr: &'static str,
    /// `device_trust` where device trust replaced the second factor.
    mfa_skipped_by: Option<&'static str>,
    /// When a second factor was last verified in it; `null` also where a security event took its freshness since.
    #[schema(format = DateTime)]
    last_mfa_at: Option<String>,
    /// When it began.
    #[schema(format = DateTime)]
    created_at: String,
    /// When it was last heard of; up to 60 seconds behind.
    #[schema(format = DateTime)]
    last_activity_at: String,
    /// When it becomes inactive unless it is heard of again.
    #[schema(format = DateTime)]
    idle_expires_at: String,
    /// Its absolute end; never grows.
    #[schema(format = DateTime)]
    expires_at: String,
    /// When it ended.
    #[schema(format = DateTime)]
    ended_at: Option<String>,
    /// Why it ended.
    #[schema(example = "signed_out")]
    ended_reason: Option<&'static str>,
}

/// A session's state.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum SessionStatus {
    Active,
    Inactive,
    Blocked,
    Ended,
}

/// What replaced a second factor that was skipped.
pub(crate) const DEVICE_TRUST: &str = "device_trust";

impl From<SessionView> for Session {
    fn from(view: SessionView) -> Self {
        let session = &view.session;
        Self {
            id: session.id.to_string(),
            external_session_id: session.external_id.clone(),
            device_id: session.device.to_string(),
            status: match view.status {
                doorward_domain::SessionStatus::Active => SessionStatus::Active,
                doorward_domain::SessionStatus::Inactive => SessionStatus::Inactive,
                doorward_domain::SessionStatus::Blocked => SessionStatus::Blocked,
                doorward_domain::SessionStatus::Ended => SessionStatus::Ended,
            },
            is_current: view.is_current,
            ip_address: kept_address(session.ip),
            location: view.location.as_ref().map(Location::of),
            login_method: session.login_method.clone(),
            amr: session.amr(),
            acr: session.acr(),
            mfa_skipped_by: session.skipped_factor.then_some(DEVICE_TRUST),
            last_mfa_at: view.last_mfa_at.map(|at| at.to_string()),
            created_at: session.created_at.to_string(),
            last_activity_at: session.last_activity_at.to_string(),
            idle_expires_at: view.idle_expires_at.to_string(),
            expires_at: view.expires_at.to_string(),
            ended_at: view.ending.map(|ending| ending.at.to_string()),
            ended_reason: view.ending.map(|ending| ending.cause.as_str()),
        }
    }
}

/// A completed sign-in: the new session and what opens it.
#[derive(Serialize, ToSchema)]
pub(crate) struct Opened {
    /// The session.
    session: Session,
    /// Opens it: shown here and never again.
    #[schema(example = "dws_…")]
    access_token: String,
    /// Always `Bearer`.
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// Its device.
    device: Device,
    /// To be stored for that browser or app, in place of the old one. Absent where the old one stays good.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "dwd_…")]
    device_token: Option<String>,
    /// The chance to trust the device. Absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    activation: Option<Activation>,
}

impl From<OpenedSession> for Opened {
    fn from(opened: OpenedSession) -> Self {
        Self {
            session: opened.session.into(),
            access_token: opened.access_token.reveal(),
            token_type: "Bearer",
            device: opened.device.into(),
            device_token: opened.device_token.map(|token| token.reveal()),
            activation: opened.activation.map(Activation::from),
        }
    }
}

/// A session after a step-up.
#[derive(Serialize, ToSchema)]
pub(crate) struct SteppedUp {
    /// The session.
    session: Session,
    /// Its new token; the old one is dead.
    #[schema(example = "dws_…")]
    access_token: String,
    /// The chance to trust the device. Absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    activation: Option<Activation>,
}

impl From<SessionSteppedUp> for SteppedUp {
    fn from(stepped: SessionSteppedUp) -> Self {
        Self { session: stepped.session.into(), access_token: stepped.access_token.reveal(), activation: stepped.activation.map(Activation::from) }
    }
}

/// When a session ends.
#[derive(Serialize, ToSchema)]
pub(crate) struct Heartbeat {
    /// Its absolute end; never grows.
    #[schema(format = DateTime)]
    expires_at: String,
    /// When it becomes inactive unless it is heard of again.
    #[schema(format = DateTime)]
    idle_expires_at: String,
}

impl From<KeptAlive> for Heartbeat {
    fn from(kept: KeptAlive) -> Self {
        Self { expires_at: kept.expires_at.to_string(), idle_expires_at: kept.idle_expires_at.to_string() }
    }
}

/// What checking an access token comes to.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum Verification {
    /// The session is live.
    Active(Box<ActiveBody>),
    /// It isn't.
    Inactive(InactiveBody),
}

/// A live session.
#[derive(Serialize, ToSchema)]
pub(crate) struct ActiveBody {
    /// Always `true`.
    #[schema(example = true)]
    active: bool,
    #[schema(format = Uuid)]
    session_id: String,
    external_session_id: Option<String>,
    tenant_id: String,
    user_id: String,
    #[schema(format = Uuid)]
    device_id: String,
    device_status: DeviceStatus,
    amr: Vec<String>,
    acr: &'static str,
    mfa_skipped_by: Option<&'static str>,
    #[schema(format = DateTime)]
    last_mfa_at: Option<String>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    last_activity_at: String,
    #[schema(format = DateTime)]
    idle_expires_at: String,
    #[schema(format = DateTime)]
    expires_at: String,
}

/// Why a token opens nothing.
#[derive(Serialize, ToSchema)]
pub(crate) struct InactiveBody {
    /// Always `false`.
    #[schema(example = false)]
    active: bool,
    /// `unknown` for every token that proves nothing; else why its session is over.
    #[schema(example = "signed_out_everywhere")]
    reason: &'static str,
}

impl From<Verified> for Verification {
    fn from(verified: Verified) -> Self {
        match verified {
            Verified::Inactive(why) => Self::Inactive(InactiveBody { active: false, reason: why.reason() }),
            Verified::Active(active) => {
                let ActiveSession { session, tenant, user, device_status, .. } = *active;
                let session = Session::from(session);
                Self::Active(Box::new(ActiveBody {
                    active: true,
                    session_id: session.id,
                    external_session_id: session.external_session_id,
                    tenant_id: tenant.to_string(),
                    user_id: user.to_string(),
                    device_id: session.device_id,
                    device_status: device_status.into(),
                    amr: session.amr,
                    acr: session.acr,
                    mfa_skipped_by: session.mfa_skipped_by,
                    last_mfa_at: session.last_mfa_at,
                    created_at: session.created_at,
                    last_activity_at: session.last_activity_at,
                    idle_expires_at: session.idle_expires_at,
                    expires_at: session.expires_at,
                }))
            }
        }
    }
}
