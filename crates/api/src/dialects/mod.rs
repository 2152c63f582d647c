//! Dialects: documented APIs of other products, served as documented over the one core.
//!
//! A dialect owns its paths, its wire types and its words for refusals, and has no rule of its own. Its handlers refuse with
//! the own APIs' problems; the frame, which sees every answer, has the dialect whose path was asked for word them.

mod authms;
mod body;
mod flashback;
mod key_header;
mod laravel;
mod pace;

use std::fmt;
use std::str::FromStr;

use doorward_domain::Quota;
use http::{Method, StatusCode};
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;

pub use key_header::KeyHeader;

use crate::Surfaces;
use crate::openapi::Described;
use crate::problem::{MEDIA_TYPE, Problem, ProblemBody};

/// A documented API of another product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// The Flashback device and session API: `/devices`, `/sessions`.
    Flashback,
    /// The laravel-devices API: `/api/devices`.
    Laravel,
    /// The internal trusted-devices API of the Autional session service: `/internal/session/trusted-devices`.
    Authms,
}

/// What was asked for, as a dialect needs to know it to word a refusal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) method: &'a Method,
    /// The path of the operation, with names in braces; `None` where there is no such path.
    pub(crate) route: Option<&'a str>,
}

impl Dialect {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Flashback, Self::Laravel, Self::Authms];

    /// Its name: in settings, in the log, as the tag of its operations and as the name of its description.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Flashback => "flashback",
            Self::Laravel => "laravel",
            Self::Authms => "authms",
        }
    }

    /// Under which its paths lie.
    const fn roots(self) -> &'static [&'static str] {
        match self {
            Self::Flashback => &["/devices", "/sessions"],
            Self::Laravel => &["/api/devices"],
            Self::Authms => &["/internal/session/trusted-devices"],
        }
    }

    /// Whether a host's backend calls it, with an API key.
    pub(crate) const fn is_internal(self) -> bool {
        matches!(self, Self::Authms)
    }

    /// The text of its operations' tag.
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Flashback => "The Flashback device and session API, for apps that were written for it. Bearer access token.",
            Self::Laravel => "The laravel-devices API, for apps that were written for it. Bearer access token.",
            Self::Authms => {
                "The trusted-devices API of the Autional session service, for backends that were written for it. API key, in `X-API-Key` or in the header that the setting `authms_key_header` names."
            }
        }
    }

    /// The schema of its refusals.
    pub(crate) fn refusal(self) -> Described {
        match self {
            Self::Flashback => flashback::refusal(),
            Self::Laravel => laravel::refusal(),
            Self::Authms => Described::of::<ProblemBody>(MEDIA_TYPE),
        }
    }

    pub(crate) fn router(self) -> OpenApiRouter<Surfaces> {
        match self {
            Self::Flashback => flashback::router(),
            Self::Laravel => laravel::router(),
            Self::Authms => authms::router(),
        }
    }

    /// With which status and in which words it refuses; `None` where it uses the own APIs' problems.
    pub(crate) fn words(self, problem: &Problem, asked: Asked<'_>) -> Option<(StatusCode, Value)> {
        match self {
            Self::Flashback => Some(flashback::words(problem, asked)),
            Self::Laravel => Some(laravel::words(problem, asked)),
            Self::Authms => None,
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Dialect {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|dialect| dialect.name() == name).ok_or(())
    }
}

/// Which dialects are served, and how often a person may act through each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialects {
    on: [bool; Dialect::ALL.len()],
    /// How often a person may try to have a device trusted.
    pub trusts: Quota,
    /// How often a person may change something else.
    pub writes: Quota,
    /// Where a host's backend sends its API key through `authms`.
    pub authms_key: KeyHeader,
}

impl Dialects {
    /// These, with the usual quotas.
    #[must_use]
    pub fn new(dialects: impl IntoIterator<Item = Dialect>) -> Self {
        let mut on = [false; Dialect::ALL.len()];
        dialects.into_iter().for_each(|dialect| on[dialect as usize] = true);
        Self { on, trusts: Quota::TRUSTS, writes: Quota::WRITES, authms_key: KeyHeader::default() }
    }

    /// Those that are served.
    pub fn on(self) -> impl Iterator<Item = Dialect> {
        Dialect::ALL.into_iter().filter(move |dialect| self.on[*dialect as usize])
    }

    /// The one that owns a path.
    pub(crate) fn at(self, path: &str) -> Option<Dialect> {
        let owns = |root: &str| path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        self.on().find(|dialect| dialect.roots().iter().any(|root| owns(root)))
    }
}

impl Default for Dialects {
    fn default() -> Self {
        Self::new(Dialect::ALL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::Kind;

    #[test]
    fn a_path_has_one_owner_and_only_while_it_is_served() {
        let at = |path| Dialects::default().at(path);
        for (path, dialect) in [
            ("/devices", Dialect::Flashback),
            ("/devices/", Dialect::Flashback),
            ("/sessions/x/revoke", Dialect::Flashback),
            ("/api/devices/signout", Dialect::Laravel),
            ("/internal/session/trusted-devices/x", Dialect::Authms),
        ] {
            assert_eq!(at(path), Some(dialect), "{path}");
            assert_eq!(Dialects::new(Dialect::ALL.into_iter().filter(|other| *other != dialect)).at(path), None);
        }
        for path in ["/", "/device", "/devicesx", "/api/v1/devices", "/api/devicesx", "/internal/sessions", "/internal/session"] {
            assert_eq!(at(path), None, "{path}");
        }
    }

    #[test]
    fn every_operation_fails_in_its_dialects_form() {
        for dialect in Dialect::ALL {
            let (_, api) = dialect.router().split_for_parts();
            assert!(api.paths.paths.len() >= 2, "{dialect}");
            for route in api.paths.paths.keys() {
                for method in [Method::GET, Method::POST, Method::PATCH, Method::DELETE] {
                    for kind in [Kind::RequestTimeout, Kind::Internal, Kind::Unavailable] {
                        let asked = Asked { method: &method, route: Some(route) };
                        let worded = dialect.words(&Problem::new(kind), asked);
                        let (status, members) = worded.map_or((kind.status(), vec![]), |(status, body)| {
                            (status, body.as_object().expect("an object").keys().cloned().collect::<Vec<_>>())
                        });
                        let expected: &[&str] = match (dialect, kind) {
                            (Dialect::Flashback, _) => &["error", "success"],
                            (Dialect::Laravel, Kind::Unavailable) => &["message", "retry_after"],
                            (Dialect::Laravel, _) => &["message"],
                            // Problems have the own APIs' form.
                            (Dialect::Authms, _) => &[],
                        };
                        assert_eq!((status, members), (kind.status(), expected.iter().map(|name| (*name).to_owned()).collect()), "{method} {route}");
                    }
                }
            }
        }
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for dialect in Dialect::ALL {
            assert_eq!(dialect.to_string().parse(), Ok(dialect));
        }
        assert_eq!("native".parse::<Dialect>(), Err(()));
    }
}
