//! The closed catalogue of problems: each kind's name, code, status, and words for a person.

use http::StatusCode;

/// What went wrong, of a closed list. A kind's name and code never change and are never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each kind is described in its entry below")]
pub enum Kind {
    InvalidRequest,
    Unauthenticated,
    RoleTooLow,
    MfaRequired,
    RecentAuthRequired,
    TrustNotAllowed,
    SignInDenied,
    NotFound,
    ActivationNotFound,
    MethodNotAllowed,
    RequestTimeout,
    SignInCancelled,
    SignInCompleted,
    DeviceHijacked,
    SessionEnded,
    AuthenticationOutdated,
    PolicyOvertaken,
    IdempotencyKeyUsed,
    LastAdminKey,
    SignInExpired,
    CursorGone,
    BodyTooLarge,
    UnsupportedMediaType,
    IdempotencyKeyReused,
    TooManyRequests,
    HeadersTooLarge,
    Internal,
    Unavailable,
}

/// All that is said of a kind, wherever it is said.
pub(super) struct Entry {
    /// The last segment of `type`.
    pub(super) name: &'static str,
    /// The status in its first three digits, then a number of its own.
    pub(super) code: u32,
    /// One English sentence, the same for each problem of the kind.
    pub(super) title: &'static str,
    /// What it means.
    pub(super) explanation: &'static str,
    /// What the reader does next.
    pub(super) next: &'static str,
}

impl Kind {
    /// Every kind, in the order of its status.
    pub const ALL: [Self; 28] = [
        Self::InvalidRequest,
        Self::Unauthenticated,
        Self::RoleTooLow,
        Self::MfaRequired,
        Self::RecentAuthRequired,
        Self::TrustNotAllowed,
        Self::SignInDenied,
        Self::NotFound,
        Self::ActivationNotFound,
        Self::MethodNotAllowed,
        Self::RequestTimeout,
        Self::SignInCancelled,
        Self::SignInCompleted,
        Self::DeviceHijacked,
        Self::SessionEnded,
        Self::AuthenticationOutdated,
        Self::PolicyOvertaken,
        Self::IdempotencyKeyUsed,
        Self::LastAdminKey,
        Self::SignInExpired,
        Self::CursorGone,
        Self::BodyTooLarge,
        Self::UnsupportedMediaType,
        Self::IdempotencyKeyReused,
        Self::TooManyRequests,
        Self::HeadersTooLarge,
        Self::Internal,
        Self::Unavailable,
    ];

    /// The kind of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The stable name: the last segment of `type`, and what stands behind `error.` in `i18n_key`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.entry().name
    }

    /// The stable code of eight digits.
    #[must_use]
    pub const fn code(self) -> u32 {
        self.entry().code
    }

    /// The HTTP status: the first three digits of the code.
    #[must_use]
    pub fn status(self) -> StatusCode {
        u16::try_from(self.code() / 100_000)
            .ok()
            .and_then(|status| StatusCode::from_u16(status).ok())
            .expect("each code begins with a status, which a test checks")
    }

    /// The title, in English.
    #[must_use]
    pub const fn title(self) -> &'static str {
        self.entry().title
    }

    /// What the kind means.
    #[must_use]
    pub const fn explanation(self) -> &'static str {
        self.entry().explanation
    }

    /// What to do next.
    #[must_use]
    pub const fn next(self) -> &'static str {
        self.entry().next
    }

    const fn entry(self) -> &'static Entry {
        match self {
            Self::InvalidRequest => &Entry {
                name: "invalid_request",
                code: 400_00001,
                title: "The request can't be read",
                explanation: "A field, a query parameter or the body as a whole is missing, unknown, repeated or not of the form that is asked for.",
                next: "Read `errors`: it names each fault with its field. Correct the request; sending it again unchanged will fail again.",
            },
            Self::Unauthenticated => &Entry {
                name: "unauthenticated",
                code: 401_00001,
                title: "The caller is not known",
                explanation: "The access token or API key is missing, mistyped, expired, revoked, or of another tenant. Which of these is not told.",
                next: "A person signs in again. A backend checks that it sends a key of this tenant, in `X-API-Key` unless another header was configured for it.",
            },
            Self::RoleTooLow => &Entry {
                name: "role_too_low",
                code: 403_00001,
                title: "The API key's role does not permit this",
                explanation: "The key is good, but this operation asks for a higher role than it has.",
                next: "Use a key of the role that the operation's description names, or ask the operator for one.",
            },
            Self::MfaRequired => &Entry {
                name: "mfa_required",
                code: 403_00002,
                title: "A second factor is needed",
                explanation: "This asks for a real second factor, verified lately and in this session. A sign-in that skipped its second factor does not count, nor does a factor that was verified before the last security event.",
                next: "Ask the person for their second factor, report it in `mfa`, and try again. A sign-in that met this stays open.",
            },
            Self::RecentAuthRequired => &Entry {
                name: "recent_auth_required",
                code: 403_00003,
                title: "The sign-in is too long ago for this",
                explanation: "The tenant's policy asks for a recent authentication before other sessions or devices are touched.",
                next: "Ask the person to sign in or to confirm their second factor again, then repeat the request.",
            },
            Self::TrustNotAllowed => &Entry {
                name: "trust_not_allowed",
                code: 403_00004,
                title: "This device can't be trusted here",
                explanation: "The tenant's policy lets no device be trusted in place of the second factor, the account is disabled, or the host asked at the sign-in that no trust be given in this session.",
                next: "Go on without trust: the person is asked for the second factor at the next sign-in. `detail` says which rule it was.",
            },
            Self::SignInDenied => &Entry {
                name: "sign_in_denied",
                code: 403_00005,
                title: "The sign-in is refused",
                explanation: "The sign-in was judged `deny`: the device was reported hijacked, the account is disabled, or policy forbids it.",
                next: "Do not sign the person in. `GET /internal/sign-ins/{id}` gives the reasons; an operator can release a device or enable an account.",
            },
            Self::NotFound => &Entry {
                name: "not_found",
                code: 404_00001,
                title: "There is nothing here",
                explanation: "The path is unknown, or the id is unknown, malformed or another user's. These are told apart for nobody.",
                next: "Check the path and the id; list the collection to see what there is.",
            },
            Self::ActivationNotFound => &Entry {
                name: "activation_not_found",
                code: 404_00002,
                title: "The offer of trust is no longer good",
                explanation: "The activation token is unknown, used, declined, cancelled, expired or another user's. Nothing was changed.",
                next: "Go on without trust. A new offer comes with a later sign-in that passes a real second factor.",
            },
            Self::MethodNotAllowed => &Entry {
                name: "method_not_allowed",
                code: 405_00001,
                title: "The path does not take this method",
                explanation: "The path exists, but not for this HTTP method.",
                next: "Use one of the methods in the `Allow` header.",
            },
            Self::RequestTimeout => &Entry {
                name: "request_timeout",
                code: 408_00001,
                title: "The request did not arrive in time",
                explanation: "The headers came, but the body did not come whole before the time for a request was over. Nothing was changed.",
                next: "Send the request again on a new connection.",
            },
            Self::SignInCancelled => &Entry {
                name: "sign_in_cancelled",
                code: 409_00001,
                title: "The sign-in was cancelled",
                explanation: "A security event, or too many open sign-ins of the account, cancelled this sign-in after it began.",
                next: "Begin a new sign-in, from the first factor.",
            },
            Self::SignInCompleted => &Entry {
                name: "sign_in_completed",
                code: 409_00002,
                title: "The sign-in was completed already",
                explanation: "A sign-in makes one session and no more, and this one has made its session.",
                next: "Use the session that the first completion gave. If that answer was lost, begin a new sign-in.",
            },
            Self::DeviceHijacked => &Entry {
                name: "device_hijacked",
                code: 409_00003,
                title: "The device was reported hijacked",
                explanation: "A hijacked device is never trusted again, whatever is tried with it.",
                next: "An operator can release it, which retires its token, so that the browser or app begins again as a new device.",
            },
            Self::SessionEnded => &Entry {
                name: "session_ended",
                code: 409_00004,
                title: "The session has ended",
                explanation: "What was asked needs a live session, and this one has ended. An ended session never comes back.",
                next: "Have the person sign in again.",
            },
            Self::AuthenticationOutdated => &Entry {
                name: "authentication_outdated",
                code: 409_00005,
                title: "The authentication is older than the last security event",
                explanation: "The person authenticated before the account's last credential event, for instance before the password was reset. A session from it would undo that event.",
                next: "Ask for the first factor again and begin a new sign-in.",
            },
            Self::PolicyOvertaken => &Entry {
                name: "policy_overtaken",
                code: 409_00006,
                title: "The policy was changed meanwhile",
                explanation: "The policy is not of the revision that the request names: somebody changed it after the caller read it. Nothing was changed.",
                next: "Read the policy again, see what changed, and send the change with the new `revision`.",
            },
            Self::IdempotencyKeyUsed => &Entry {
                name: "idempotency_key_used",
                code: 409_00060,
                title: "The request had its effect, and it can't be answered again",
                explanation: "The first request under this idempotency key had its effect. A token that its answer bore has been used or replaced since, or what it made is over. Tokens are given anew only to a caller whose answer was lost. Nothing was changed.",
                next: "Go on with what the first answer gave. If that answer is lost all the same, begin anew: a new sign-in, under a new idempotency key.",
            },
            Self::LastAdminKey => &Entry {
                name: "last_admin_key",
                code: 409_00061,
                title: "This is the last API key of role admin",
                explanation: "Without it nobody could manage the tenant's keys and policy over HTTP any more. Nothing was changed.",
                next: "Make another key of role `admin` first. On the machine, `doorward api-key revoke` may revoke the last one, and `doorward api-key create` makes the next.",
            },
            Self::SignInExpired => &Entry {
                name: "sign_in_expired",
                code: 410_00001,
                title: "The sign-in took too long",
                explanation: "A sign-in must be completed within ten minutes of its beginning.",
                next: "Begin a new sign-in, from the first factor.",
            },
            Self::CursorGone => &Entry {
                name: "cursor_gone",
                code: 410_00040,
                title: "The feed does not go on from this cursor",
                explanation: "Events after the cursor are there no more: they were older than the policy keeps them, or the database was restored from a backup, which begins another history. Whoever goes on from here would miss something without knowing.",
                next: "Read the present state of what you keep a copy of (devices, sessions), then read the feed without `cursor`: it begins with the oldest event that is kept. Tell events that you have by their `id`.",
            },
            Self::BodyTooLarge => &Entry {
                name: "body_too_large",
                code: 413_00001,
                title: "The body is too large",
                explanation: "No request needs a body of more than 64 KiB.",
                next: "Send less: batches take at most 64 tokens.",
            },
            Self::UnsupportedMediaType => &Entry {
                name: "unsupported_media_type",
                code: 415_00001,
                title: "The body is of another media type than expected",
                explanation: "Bodies are JSON, in UTF-8, unless the operation says otherwise.",
                next: "Send `Content-Type: application/json`.",
            },
            Self::IdempotencyKeyReused => &Entry {
                name: "idempotency_key_reused",
                code: 422_00060,
                title: "The idempotency key stood for another request",
                explanation: "In the last 24 hours this tenant sent another request under this idempotency key: another path, or another body. Nothing was changed.",
                next: "Draw a new key for each request, a random UUID for instance, and send a request again under its own key, with the same body.",
            },
            Self::TooManyRequests => &Entry {
                name: "too_many_requests",
                code: 429_00001,
                title: "Too many tries",
                explanation: "This has been tried too often in too short a time.",
                next: "Wait for the seconds in `Retry-After` (also in `retry_after`), then try again.",
            },
            Self::HeadersTooLarge => &Entry {
                name: "headers_too_large",
                code: 431_00031,
                title: "The headers are too many or too large",
                explanation: "A request has at most 64 headers, and these take at most 16 KiB together with its path.",
                next: "Send fewer or shorter headers; a cookie that has grown is the usual cause.",
            },
            Self::Internal => &Entry {
                name: "internal",
                code: 500_00001,
                title: "Doorward made a mistake",
                explanation: "Something went wrong that should not; it is recorded under the request's id. What was asked may or may not have happened.",
                next: "Read the present state before trying again. If it stays, send `request_id` to the operator.",
            },
            Self::Unavailable => &Entry {
                name: "unavailable",
                code: 503_00001,
                title: "This can't be answered at the moment",
                explanation: "The store is busy, away, or can't prove that what it holds is fresh; or the node is starting or stopping. It says nothing about the session or the device in question.",
                next: "Wait for the seconds in `Retry-After` and try again. Do not sign anybody out because of it.",
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_and_codes_are_well_formed_and_used_once() {
        let (mut names, mut codes) = (HashSet::new(), HashSet::new());
        for kind in Kind::ALL {
            let name = kind.name();
            assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'));
            assert!((10_000_000..=99_999_999).contains(&kind.code()));
            let status = kind.status();
            assert!(status.is_client_error() || status.is_server_error());
            assert_eq!(Kind::named(name), Some(kind));
            assert!(names.insert(name) && codes.insert(kind.code()));
            for sentence in [kind.explanation(), kind.next()] {
                assert!(sentence.ends_with('.'), "{name}: {sentence}");
            }
            assert!(!kind.title().ends_with('.'), "{name}");
        }
    }

    #[test]
    fn every_kind_is_in_the_list_in_order_of_status() {
        assert!(Kind::ALL.is_sorted_by_key(|kind| kind.code()));
        // The last of the enumeration: a kind added to it and not to the list is seen here.
        let entries = include_str!("catalogue.rs").matches("=> &Entry {").count();
        assert_eq!(entries - 1, Kind::ALL.len());
    }
}
