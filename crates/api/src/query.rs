//! Query parameters: a repeated one and a bad value are 400, and on the own APIs one that is unknown, too.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use doorward_domain::{DeviceStatus, SessionStatus};
use doorward_service::{FEED_WAIT_S, FeedRequest, PageRequest, RequiredFactor};
use http::request::Parts;
use percent_encoding::percent_decode_str;
use utoipa::IntoParams;

use crate::problem::{FieldError, FieldFault, Problem};

/// A set of parameters that a path takes.
pub(crate) trait Parameters: Sized {
    /// Their names.
    const NAMES: &'static [&'static str];
    /// Reads them.
    fn read(given: &mut Given) -> Self;
}

/// The parameters of a request, and the faults found in them.
pub(crate) struct Given {
    pairs: Vec<(String, String)>,
    faults: Vec<FieldError>,
}

impl Given {
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(given, _)| given == name).map(|(_, value)| &**value)
    }

    pub(crate) fn fault(&mut self, name: &str, code: FieldFault, description: &str) {
        let sent = self.value(name).unwrap_or_default().to_owned();
        self.faults.push(FieldError::new(name, code, description).sent(sent));
    }

    /// `true` or `false`; `false` if it isn't there.
    pub(crate) fn flag(&mut self, name: &str) -> bool {
        match self.value(name) {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => {
                self.fault(name, FieldFault::Format, "must be true or false");
                false
            }
        }
    }

    /// One of the words, or the first of them if it isn't there.
    pub(crate) fn word<T: Copy>(&mut self, name: &str, words: &[(&str, T)], description: &str) -> T {
        let Some(given) = self.value(name) else { return words[0].1 };
        let found = words.iter().find(|(word, _)| *word == given).map(|(_, meaning)| *meaning);
        found.unwrap_or_else(|| {
            self.fault(name, FieldFault::Format, description);
            words[0].1
        })
    }

    /// A number from 1 to `most`, if it is there.
    pub(crate) fn number(&mut self, name: &str, most: u32) -> Option<u32> {
        let digits = |text: &str| if text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0') { text.parse::<u32>().ok() } else { None };
        match self.value(name).map(digits)? {
            Some(number) if (1..=most).contains(&number) => Some(number),
            _ => {
                self.fault(name, FieldFault::Range, &format!("must be a number from 1 to {most}"));
                None
            }
        }
    }

    fn page(&mut self) -> PageRequest {
        let limit = self.number("limit", 100).and_then(|limit| u16::try_from(limit).ok()).unwrap_or(20);
        PageRequest { limit, cursor: self.value("cursor").map(str::to_owned) }
    }
}

/// Query parameters, read strictly.
pub(crate) struct Query<P>(pub(crate) P);

impl<P: Parameters, S: Sync> FromRequestParts<S> for Query<P> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        let pairs: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let mut faults = Vec::new();
        for (at, (name, _)) in pairs.iter().enumerate() {
            if !P::NAMES.contains(&name.as_str()) {
                faults.push(FieldError::new(name.clone(), FieldFault::Unknown, format!("is no parameter of this path; it takes {}", known(P::NAMES))));
            } else if pairs[..at].iter().any(|(before, _)| before == name) {
                faults.push(FieldError::new(name.clone(), FieldFault::Repeated, "is given more than once"));
            }
        }
        let mut given = Given { pairs, faults };
        let read = P::read(&mut given);
        if given.faults.is_empty() { Ok(Self(read)) } else { Err(Problem::invalid(given.faults)) }
    }
}

/// Query parameters of a dialect: those that it doesn't know are passed over, and the faults are handed on, to be told
/// together with what else is at fault.
pub(crate) struct Loose<P> {
    pub(crate) read: P,
    pub(crate) faults: Vec<FieldError>,
}

impl<P: Parameters, S: Sync> FromRequestParts<S> for Loose<P> {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let query = parts.uri.query().unwrap_or_default();
        let known = form_urlencoded::parse(query.as_bytes()).into_owned().filter(|(name, _)| P::NAMES.contains(&name.as_str()));
        let mut given = Given { pairs: known.collect(), faults: vec![] };
        let unreadable = |name: &str| query.split('&').any(|pair| is_unreadable(pair, name));
        for name in P::NAMES {
            let mut values = given.pairs.iter().filter(|(given, _)| given == name).map(|(_, value)| value.as_str());
            let fault = match (values.next(), values.next()) {
                (Some(_), Some(_)) => Some((FieldFault::Repeated, "is given more than once")),
                (Some(_), None) if unreadable(name) => Some((FieldFault::Format, "must be UTF-8")),
                _ => None,
            };
            given.faults.extend(fault.map(|(code, description)| FieldError::new(*name, code, description)));
        }
        let read = P::read(&mut given);
        let mut faults: Vec<FieldError> = vec![];
        for fault in given.faults {
            // One for each parameter is enough.
            if !faults.iter().any(|told| told.field == fault.field) {
                faults.push(fault);
            }
        }
        Ok(Self { read, faults })
    }
}

/// Whether this is a parameter of this name whose value isn't UTF-8.
fn is_unreadable(pair: &str, name: &str) -> bool {
    let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
    percent_decode_str(key).decode_utf8_lossy() == name && percent_decode_str(value).decode_utf8().is_err()
}

fn known(names: &[&str]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// No parameters at all.
pub(crate) struct Nothing;

impl Parameters for Nothing {
    const NAMES: &'static [&'static str] = &[];
    fn read(_: &mut Given) -> Self {
        Self
    }
}

/// A page of a list.
pub(crate) struct PageOnly(pub(crate) PageRequest);

impl Parameters for PageOnly {
    const NAMES: &'static [&'static str] = &["limit", "cursor"];
    fn read(given: &mut Given) -> Self {
        Self(given.page())
    }
}

/// A stretch of the feed, and how long to wait for it.
pub(crate) struct Feed(pub(crate) FeedRequest);

impl Parameters for Feed {
    const NAMES: &'static [&'static str] = &["cursor", "limit", "wait_s"];
    fn read(given: &mut Given) -> Self {
        let PageRequest { limit, cursor } = given.page();
        let wait_s = if given.value("wait_s") == Some("0") { 0 } else { given.number("wait_s", FEED_WAIT_S).unwrap_or(0) };
        Self(FeedRequest { cursor, limit, wait_s })
    }
}

const DEVICE_WORDS: [(&str, Option<DeviceStatus>); 4] =
    [("trusted", Some(DeviceStatus::Trusted)), ("unverified", Some(DeviceStatus::Unverified)), ("hijacked", Some(DeviceStatus::Hijacked)), ("all", None)];

/// A list of devices: the trusted ones, unless asked otherwise.
pub(crate) struct DeviceList<const ALL_BY_DEFAULT: bool> {
    pub(crate) status: Option<DeviceStatus>,
    pub(crate) page: PageRequest,
}

impl<const ALL_BY_DEFAULT: bool> Parameters for DeviceList<ALL_BY_DEFAULT> {
    const NAMES: &'static [&'static str] = &["status", "limit", "cursor"];
    fn read(given: &mut Given) -> Self {
        let mut words = DEVICE_WORDS;
        if ALL_BY_DEFAULT {
            words.rotate_right(1);
        }
        Self { status: given.word("status", &words, "must be trusted, unverified, hijacked or all"), page: given.page() }
    }
}

/// A list of sessions: the live ones, unless asked otherwise.
pub(crate) struct SessionList {
    pub(crate) status: Option<SessionStatus>,
    pub(crate) page: PageRequest,
}

impl Parameters for SessionList {
    const NAMES: &'static [&'static str] = &["status", "limit", "cursor"];
    fn read(given: &mut Given) -> Self {
        let words = [
            ("active", Some(SessionStatus::Active)),
            ("inactive", Some(SessionStatus::Inactive)),
            ("ended", Some(SessionStatus::Ended)),
            ("blocked", Some(SessionStatus::Blocked)),
            ("all", None),
        ];
        Self { status: given.word("status", &words, "must be active, inactive, ended, blocked or all"), page: given.page() }
    }
}

/// `wait`, which every ending takes: it is answered when no node can accept any more what was ended. Without a cache of
/// sessions that is so as soon as it is committed, so there is nothing to wait for yet.
pub(crate) struct Waiting;

/// The same, as the description states it.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only described; the parameter is read by hand")]
pub(crate) struct WaitParameter {
    /// Answer when no node can accept any more what was ended
    wait: Option<bool>,
}

impl Parameters for Waiting {
    const NAMES: &'static [&'static str] = &["wait"];
    fn read(given: &mut Given) -> Self {
        given.flag("wait");
        Self
    }
}

/// `dry_run`: only tell what would change. A policy that is tightened is an ending, too.
pub(crate) struct DryRun(pub(crate) bool);

impl Parameters for DryRun {
    const NAMES: &'static [&'static str] = &["dry_run", "wait"];
    fn read(given: &mut Given) -> Self {
        Waiting::read(given);
        Self(given.flag("dry_run"))
    }
}

/// `end_sessions`, of an ending.
pub(crate) struct EndSessions(pub(crate) bool);

impl Parameters for EndSessions {
    const NAMES: &'static [&'static str] = &["end_sessions", "wait"];
    fn read(given: &mut Given) -> Self {
        Waiting::read(given);
        Self(given.flag("end_sessions"))
    }
}

/// `except_current`, of an ending.
pub(crate) struct ExceptCurrent(pub(crate) bool);

impl Parameters for ExceptCurrent {
    const NAMES: &'static [&'static str] = &["except_current", "wait"];
    fn read(given: &mut Given) -> Self {
        Waiting::read(given);
        Self(given.flag("except_current"))
    }
}

/// How old a second factor may be at most for forward-auth, in seconds: a year.
const MAX_AGE_S: u32 = 31_536_000;

/// `require` and `max_age`: what a proxy asks of a session.
pub(crate) struct Required(pub(crate) Option<RequiredFactor>);

impl Parameters for Required {
    const NAMES: &'static [&'static str] = &["require", "max_age"];
    fn read(given: &mut Given) -> Self {
        let required = given.value("require").map(|word| word == "mfa");
        if required == Some(false) {
            given.fault("require", FieldFault::Format, "must be mfa");
        }
        let within_s = given.number("max_age", MAX_AGE_S);
        // An age of nothing would let everybody pass whom the configuration means to stop.
        if within_s.is_some() && required.is_none() {
            given.fault("max_age", FieldFault::Conflict, "goes with require=mfa alone");
        }
        Self(required.map(|_| RequiredFactor { within_s }))
    }
}
