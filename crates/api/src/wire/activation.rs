//! Offers of trust on the wire.

use doorward_domain::{ActivationToken, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Device;

/// The chance to trust the device of a new session.
#[derive(Serialize, ToSchema)]
pub(crate) struct Activation {
    /// Works once, in this session.
    #[schema(example = "dwa_…")]
    activation_token: String,
    /// When it ends.
    #[schema(format = DateTime)]
    expires_at: String,
}

impl From<(ActivationToken, Timestamp)> for Activation {
    fn from((token, expires_at): (ActivationToken, Timestamp)) -> Self {
        Self { activation_token: token.reveal(), expires_at: expires_at.to_string() }
    }
}

/// An offer that is taken up.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ActivationTaken {
    /// From the answer to the sign-in or the step-up.
    #[schema(max_length = 512, example = "dwa_…")]
    pub(crate) activation_token: String,
    /// A name of the person's own: 1 to 64 characters, no control characters.
    #[schema(min_length = 1, max_length = 64, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    pub(crate) device_name: Option<String>,
}

/// A device that is trusted now.
#[derive(Serialize, ToSchema)]
pub(crate) struct Trusted {
    /// The device.
    pub(crate) device: Device,
    /// To be stored in place of the old one. Absent where the old one stays good, and in answers to pages, which get a cookie.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "dwd_…")]
    pub(crate) device_token: Option<String>,
}

/// An offer that is declined.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OfferDeclined {
    /// From the answer to the sign-in or the step-up.
    #[schema(max_length = 512, example = "dwa_…")]
    pub(crate) activation_token: String,
}

/// A device.
#[derive(Serialize, ToSchema)]
pub(crate) struct DeviceOnly {
    /// The device.
    pub(crate) device: Device,
}
