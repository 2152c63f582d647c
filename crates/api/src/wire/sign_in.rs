//! A sign-in on the wire.

use doorward_domain::{Cause, Language, SignInState, kept_address};
use doorward_service::SignInView;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::Device;
use super::device::Location;

/// A sign-in as it was decided.
#[derive(Serialize, ToSchema)]
pub(crate) struct SignIn {
    /// Its id, a UUIDv7.
    #[schema(format = Uuid, example = "019aa0b2-3c4d-7e5f-8a6b-7c8d9e0f1a2b")]
    id: String,
    /// `allow`: need not ask for a second factor; `challenge`: ask for it; `deny`: refuse.
    decision: Decision,
    /// Why, the weightiest first. For the host only.
    reasons: Vec<Reason>,
    /// Details by reason; a sentence for a person stands under `message`, and where there is a `cause`, another under
    /// `cause_message`. They are in the language that `Accept-Language` asks for: English, or Spanish.
    #[schema(value_type = Object)]
    reason_details: Map<String, Value>,
    /// The device that the device token identified.
    device: Option<Device>,
    /// A known device that this one resembles: a hint, never an identity.
    #[schema(format = Uuid)]
    looks_like: Option<String>,
    /// `open`, `completed` or `expired`.
    #[schema(example = "open")]
    status: &'static str,
    /// How the person signs in, in the host's words.
    login_method: String,
    /// The person's address; `null` once it is kept no longer.
    ip_address: Option<String>,
    /// The place of that address; `null` where it is not known.
    location: Option<Location>,
    /// When it began.
    #[schema(format = DateTime)]
    created_at: String,
    /// When it ends unless it is completed.
    #[schema(format = DateTime)]
    expires_at: String,
    /// When it was completed.
    #[schema(format = DateTime)]
    completed_at: Option<String>,
    /// The session that it led to.
    #[schema(format = Uuid)]
    session_id: Option<String>,
}

/// What the host is to do.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Decision {
    Allow,
    Challenge,
    Deny,
}

macro_rules! reasons {
    ($($name:ident),+ $(,)?) => {
        /// Why a sign-in was decided as it was: a closed set.
        #[derive(Serialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        enum Reason { $($name),+ }

        impl From<doorward_domain::Reason> for Reason {
            fn from(reason: doorward_domain::Reason) -> Self {
                match reason { $(doorward_domain::Reason::$name => Self::$name),+ }
            }
        }
    };
}

reasons!(
    TrustedDevice,
    NoSecondFactor,
    MfaAlreadyVerified,
    MfaRequiredByHost,
    UnknownDevice,
    DeviceNotTrusted,
    TrustExpired,
    TrustEnded,
    DeviceTokenMissing,
    DeviceTokenInvalid,
    DeviceTokenSuperseded,
    DeviceTokenReused,
    FingerprintChanged,
    NetworkChanged,
    NewCountry,
    ImpossibleTravel,
    DeviceHijacked,
    AccountDisabled,
    PolicyRequiresMfa,
);

impl SignIn {
    /// A sign-in, with the device that it identified where that is at hand.
    pub(crate) fn of(view: SignInView, now: doorward_domain::Timestamp, language: Language) -> Self {
        let SignInView { sign_in, device, location, travelled_from } = view;
        let expires_at = sign_in.expires_at();
        let mut reason_details = Map::new();
        // What changed beside a good token is no reason, and is told all the same.
        let noted = doorward_domain::Reason::ALL.iter().filter(|reason| sign_in.judgement.details.contains_key(reason.as_str()));
        for reason in sign_in.judgement.reasons.iter().chain(noted) {
            let mut detail = match sign_in.judgement.details.get(reason.as_str()) {
                Some(Value::Object(detail)) => detail.clone(),
                _ => Map::new(),
            };
            detail.insert("message".to_owned(), reason.sentence(language).into());
            if let Some(cause) = detail.get("cause").and_then(Value::as_str).and_then(Cause::from_word) {
                detail.insert("cause_message".to_owned(), cause.sentence(language).into());
            }
            if *reason == doorward_domain::Reason::ImpossibleTravel {
                detail.insert("from".to_owned(), serde_json::json!(travelled_from.as_ref().map(Location::of)));
            }
            reason_details.insert(reason.as_str().to_owned(), detail.into());
        }
        Self {
            id: sign_in.id.to_string(),
            decision: match sign_in.judgement.decision {
                doorward_domain::Decision::Allow => Decision::Allow,
                doorward_domain::Decision::Challenge => Decision::Challenge,
                doorward_domain::Decision::Deny => Decision::Deny,
            },
            reasons: sign_in.judgement.reasons.into_iter().map(Reason::from).collect(),
            reason_details,
            device: device.map(Device::from),
            looks_like: sign_in.looks_like.map(|device| device.to_string()),
            status: match sign_in.state {
                SignInState::Completed => "completed",
                SignInState::Open if now >= expires_at => "expired",
                SignInState::Open => "open",
            },
            login_method: sign_in.attempt.login_method,
            ip_address: kept_address(sign_in.attempt.seen.ip).map(|ip| ip.to_string()),
            location: location.as_ref().map(Location::of),
            created_at: sign_in.created_at.to_string(),
            expires_at: expires_at.to_string(),
            completed_at: sign_in.completed_at.map(|at| at.to_string()),
            session_id: sign_in.session.map(|session| session.to_string()),
        }
    }
}
