//! Bodies that say nothing: clients of some dialects send one with every request.

use axum::extract::{FromRequest, Request};
use serde::de::IgnoredAny;

use crate::layers::WholeBody;
use crate::problem::{Kind, Problem};

/// No body, or any JSON, of whatever media type; nothing of it is used.
pub(super) struct Ignored;

impl<S: Send + Sync> FromRequest<S> for Ignored {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let WholeBody(body) = WholeBody::from_request(request, state).await?;
        // Text first: what is ignored is read without a look at its bytes.
        let reads = body.is_empty() || str::from_utf8(&body).is_ok_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok());
        if reads { Ok(Self) } else { Err(Problem::new(Kind::InvalidRequest).detail("The body isn't JSON. None is needed here.")) }
    }
}
