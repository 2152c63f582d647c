//! The device token on native answers: pages get it as a cookie that scripts can't read, bare clients in the body.

use axum::extract::FromRequestParts;
use doorward_domain::{DeviceToken, join_cookie};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, header};

use crate::Surfaces;
use crate::cookies::cookies;
use crate::problem::Problem;

/// Browsers keep no cookie for longer.
const MAX_AGE_S: u32 = 400 * 86_400;

/// How the caller may be given a device token.
pub(super) enum Bearing {
    /// In the body: it is no page.
    Body,
    /// As a cookie, beside the tokens of others that it holds already.
    Cookie { present: Option<String> },
}

impl FromRequestParts<Surfaces> for Bearing {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, surfaces: &Surfaces) -> Result<Self, Problem> {
        let headers = &parts.headers;
        let page =
            headers.contains_key(header::ORIGIN) || headers.contains_key(header::COOKIE) || headers.keys().any(|name| name.as_str().starts_with("sec-fetch-"));
        Ok(if page { Self::Cookie { present: present(headers, name(surfaces.dev)) } } else { Self::Body })
    }
}

const NAME: &str = "__Host-doorward_device";
/// On plain http, which dev mode alone serves to browsers.
const DEV_NAME: &str = "doorward_device";

const fn name(dev: bool) -> &'static str {
    if dev { DEV_NAME } else { NAME }
}

/// The value of the cookie of this name alone: one without the prefix could have been planted by a neighbouring host.
fn present(headers: &HeaderMap, wanted: &str) -> Option<String> {
    cookies(headers, wanted).next().map(str::to_owned)
}

impl Bearing {
    /// Whether a new token reaches the place where the old one lies: a page without our cookie leaves the token to its host,
    /// which such an answer can't reach.
    pub(super) fn reaches_device(&self) -> bool {
        matches!(self, Self::Body | Self::Cookie { present: Some(_) })
    }

    /// The token for the body, or the cookie to set.
    pub(super) fn bear(self, token: Option<DeviceToken>, dev: bool) -> (Option<String>, HeaderMap) {
        let mut headers = HeaderMap::new();
        let Some(token) = token else { return (None, headers) };
        let Self::Cookie { present } = self else { return (Some(token.reveal()), headers) };
        let value = join_cookie(present.as_deref(), &token);
        let (name, secure) = (name(dev), if dev { "" } else { " Secure;" });
        let cookie = format!("{name}={value}; Path=/; Max-Age={MAX_AGE_S};{secure} HttpOnly; SameSite=Lax");
        let mut cookie = HeaderValue::try_from(cookie).expect("tokens are plain ASCII");
        cookie.set_sensitive(true);
        headers.insert(header::SET_COOKIE, cookie);
        (None, headers)
    }
}
