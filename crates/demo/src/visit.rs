//! One request: which browser it comes from, what its cookies hold, and the answer it gets.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use jiff::Timestamp;
use maud::Markup;

use crate::app::App;
use crate::browser::{Browser, Flash, Profile};
use crate::clock;
use crate::cookies::{self, DEVICE_SECONDS, DeviceTokens};
use crate::doorward::{Failure, Trail};
use crate::pages::{layout, notice};
use crate::people::Who;

const BROWSER_COOKIE: &str = "demo_browser";
const SESSION_COOKIE: &str = "demo_session";
const DEVICE_COOKIE: &str = "demo_device";
/// A browser that says more about itself than this is cut short.
const MOST_USER_AGENT: usize = 1_024;
const SESSION_SECONDS: u32 = 30 * 86_400;

/// One request and what will go back with its answer.
pub(crate) struct Visit {
    pub(crate) app: Arc<App>,
    pub(crate) browser: Arc<Browser>,
    pub(crate) profile: Profile,
    pub(crate) trail: Trail,
    pub(crate) agent: Agent,
    /// The signed-in person, for the top of the page.
    pub(crate) who: Option<Who>,
    cookies: String,
    set_cookies: Vec<String>,
    clock: Option<Clock>,
}

/// What Doorward hears about the browser at a sign-in.
pub(crate) struct Agent {
    pub(crate) user_agent: String,
    pub(crate) ip: String,
    pub(crate) client_hints: BTreeMap<String, String>,
}

/// What Doorward's clock says; the machine's, where it can't be moved.
#[derive(Clone, Copy)]
pub(crate) struct Clock {
    pub(crate) now: Timestamp,
    pub(crate) offset_s: i64,
    pub(crate) movable: bool,
}

impl FromRequestParts<Arc<App>> for Visit {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        let cookies = header_text(&parts.headers, "cookie").unwrap_or_default();
        let id = cookies::find(&cookies, &named(app, BROWSER_COOKIE, Profile::Own));
        let (browser, number) = app.browsers.meet(id).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())?;
        let profile = browser.memory().profile;
        let known = id == Some(browser.id.as_str());
        let trail = Trail { browser: Arc::clone(&browser), visit: number, title: format!("{} {}", parts.method, parts.uri.path()) };
        let mut visit =
            Self { app: Arc::clone(app), browser, profile, trail, agent: Agent::of(parts, profile), who: None, cookies, set_cookies: Vec::new(), clock: None };
        if !known {
            let id = visit.browser.id.clone();
            visit.set_cookie(BROWSER_COOKIE, Profile::Own, Some(&id), DEVICE_SECONDS);
        }
        Ok(visit)
    }
}

impl Agent {
    fn of(parts: &Parts, profile: Profile) -> Self {
        let own = header_text(&parts.headers, "user-agent").filter(|text| !text.is_empty());
        let own: String = own.map_or_else(|| "unknown".to_owned(), |text| text.chars().take(MOST_USER_AGENT).collect());
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let ip = profile.address().map_or_else(|| peer.map_or_else(String::new, |peer| peer.0.ip().to_canonical().to_string()), str::to_owned);
        // The browsers that the demo plays have no hints: they must not send this one's.
        let client_hints = if profile == Profile::Own { hints(&parts.headers) } else { BTreeMap::new() };
        Self { user_agent: profile.user_agent(&own), ip, client_hints }
    }
}

fn hints(headers: &HeaderMap) -> BTreeMap<String, String> {
    headers
        .iter()
        .filter(|(name, _)| name.as_str().starts_with("sec-ch-ua"))
        .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())))
        .collect()
}

fn header_text(headers: &HeaderMap, name: &str) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.to_owned())
}

/// The cookie's full name: one per profile, and host-bound where there is TLS.
fn named(app: &App, name: &str, profile: Profile) -> String {
    let prefix = if app.site.secure { "__Host-" } else { "" };
    format!("{prefix}{name}{}", profile.cookie_suffix())
}

impl Visit {
    fn set_cookie(&mut self, name: &str, profile: Profile, value: Option<&str>, max_age: u32) {
        let name = named(&self.app, name, profile);
        let cookie = cookies::set(&name, value, max_age, self.app.site.secure);
        self.set_cookies.push(cookie);
    }

    /// The access token of this profile's session.
    pub(crate) fn session(&self) -> Option<String> {
        let name = named(&self.app, SESSION_COOKIE, self.profile);
        cookies::find(&self.cookies, &name).filter(|token| cookies::is_token(token)).map(str::to_owned)
    }

    /// Keeps a new access token, or drops the old one.
    pub(crate) fn keep_session(&mut self, token: Option<&str>) {
        let token = token.filter(|token| cookies::is_token(token));
        self.set_cookie(SESSION_COOKIE, self.profile, token, SESSION_SECONDS);
    }

    /// Drops a profile's session, whichever profile this is.
    pub(crate) fn drop_session_of(&mut self, profile: Profile) {
        self.set_cookie(SESSION_COOKIE, profile, None, 0);
    }

    /// The device tokens that a profile keeps.
    pub(crate) fn device_tokens(&self, profile: Profile) -> DeviceTokens {
        let name = named(&self.app, DEVICE_COOKIE, profile);
        cookies::find(&self.cookies, &name).map_or_else(DeviceTokens::default, DeviceTokens::parse)
    }

    /// Writes a profile's device cookie, for another 400 days.
    pub(crate) fn keep_device_tokens(&mut self, profile: Profile, tokens: &DeviceTokens) {
        let value = tokens.value();
        self.set_cookie(DEVICE_COOKIE, profile, value.as_deref(), DEVICE_SECONDS);
    }

    /// Whenever an answer bears a device token, it takes the place of the old one; and each sign-in
    /// renews the cookie.
    pub(crate) fn store_device_token(&mut self, user_id: &str, token: Option<&str>) {
        let mut tokens = self.device_tokens(self.profile);
        match token {
            Some(token) => tokens.put(user_id, token),
            None => tokens.touch(user_id),
        }
        self.keep_device_tokens(self.profile, &tokens);
    }

    /// A sentence for the next page.
    pub(crate) fn say(&self, text: impl Into<String>) {
        let text = text.into();
        self.browser.memory().flash = Some(Flash { good: true, text });
    }

    /// A sentence about something that did not happen, for the next page.
    pub(crate) fn regret(&self, text: impl Into<String>) {
        let text = text.into();
        self.browser.memory().flash = Some(Flash { good: false, text });
    }

    /// What Doorward's clock says, asked once per visit.
    pub(crate) async fn clock(&mut self) -> Clock {
        if let Some(clock) = self.clock {
            return clock;
        }
        let told = self.app.doorward.clock().await;
        let clock = told.and_then(|told| Some(Clock { now: clock::parse(&told.now)?, offset_s: told.offset_s, movable: true })).unwrap_or_else(|| Clock {
            now: clock::now(),
            offset_s: 0,
            movable: false,
        });
        self.clock = Some(clock);
        clock
    }

    /// Sends the browser on, after a form was done.
    pub(crate) fn go(self, to: &str) -> Response {
        self.with_cookies(Redirect::to(to).into_response())
    }

    /// A whole page.
    pub(crate) async fn page(mut self, status: StatusCode, title: &str, body: Markup) -> Response {
        let clock = self.clock().await;
        let (flash, calls) = {
            let mut memory = self.browser.memory();
            let calls: Vec<_> = memory.calls.iter().cloned().collect();
            (memory.flash.take(), calls)
        };
        let page = layout::page(&layout::Chrome {
            title,
            who: self.who.as_ref(),
            profile: self.profile,
            agent: &self.agent,
            flash: flash.as_ref(),
            clock,
            calls: &calls,
            visit: self.trail.visit,
            doorward_url: self.app.doorward.url(),
            body,
        });
        self.with_cookies((status, Html(page.into_string())).into_response())
    }

    /// A page that says one thing.
    pub(crate) async fn notice(self, notice: notice::Notice) -> Response {
        let (status, title) = (notice.status, notice.title.to_owned());
        let body = notice::body(&notice);
        self.page(status, &title, body).await
    }

    /// A call failed: nobody is signed in by this, and nobody signed out who wasn't.
    pub(crate) async fn failed(mut self, failure: Failure, again: &str) -> Response {
        match failure {
            Failure::Unavailable => self.notice(notice::unavailable(again)).await,
            Failure::SignedOut => {
                self.keep_session(None);
                self.who = None;
                self.notice(notice::signed_out(None)).await
            }
            Failure::Refused(problem) => self.notice(notice::refused(&problem)).await,
        }
    }

    fn with_cookies(&self, mut answer: Response) -> Response {
        for cookie in &self.set_cookies {
            if let Ok(value) = HeaderValue::from_str(cookie) {
                answer.headers_mut().append(header::SET_COOKIE, value);
            }
        }
        answer
    }
}
