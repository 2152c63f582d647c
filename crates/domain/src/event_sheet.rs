//! What each kind of event says and when it is written: what `docs/events.md` is made from, and events are held to.

use crate::EventKind;

/// What is said of a kind of event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventEntry {
    /// When it is written.
    pub when: &'static str,
    /// Whether it lies in a user's trail; else in the tenant's own, and names no user.
    pub of_user: bool,
    /// Whether it may have a cause.
    pub cause: bool,
    /// Which of `device_id`, `session_id` and `sign_in_id` it may have.
    pub names: &'static [&'static str],
    /// What may stand in its `data`, and what it means.
    pub data: &'static [(&'static str, &'static str)],
}

const OF_USER: EventEntry = EventEntry { when: "", of_user: true, cause: false, names: &[], data: &[] };
const OF_TENANT: EventEntry = EventEntry { of_user: false, ..OF_USER };
const ENDED: (&str, &str) = ("sessions_ended", "how many sessions ended by it, exact up to 1,000");
const MORE: (&str, &str) = ("more", "true if it was more than 1,000");
const KEY: (&str, &str) = ("api_key_id", "the key's id");

impl EventKind {
    /// What is said of it.
    #[must_use]
    pub const fn entry(self) -> EventEntry {
        match self {
            Self::AccountCreated => EventEntry {
                when: "A user is seen for the first time: by a sign-in, by a security event that the host reports, or by a device that its key vouches for.",
                ..OF_USER
            },
            Self::DeviceAdded => EventEntry {
                when: "A sign-in is completed on a device not known before, or a host's key vouches for one.",
                names: &["device_id", "sign_in_id"],
                ..OF_USER
            },
            Self::DeviceTrusted => EventEntry {
                when: "A device is given trust, or its trust is renewed: by an offer, the checkbox at a sign-in, the person or the host.",
                names: &["device_id", "session_id"],
                data: &[
                    ("trusted_until", "until when, unless something ends it"),
                    ("vouched", "true if the host's key vouched for it without stating a second factor"),
                ],
                ..OF_USER
            },
            Self::DeviceUntrusted => EventEntry {
                when: "A device's trust is ended by itself: by the person, an operator, the report of the device that trusted it, or the limit.",
                cause: true,
                names: &["device_id"],
                data: &[ENDED],
                ..OF_USER
            },
            Self::DeviceRenamed => {
                EventEntry { when: "A device is renamed, or named at its sign-in.", names: &["device_id"], data: &[("name", "the new name")], ..OF_USER }
            }
            Self::DeviceHijacked => EventEntry { when: "A device is reported as not the person's.", names: &["device_id"], data: &[ENDED], ..OF_USER },
            Self::DeviceReleased => EventEntry { when: "An operator retires a hijacked device's token.", names: &["device_id"], ..OF_USER },
            Self::DeviceForgotten => EventEntry {
                when: "A device is removed, by the person, an operator or the limit.",
                cause: true,
                names: &["device_id"],
                data: &[ENDED],
                ..OF_USER
            },
            Self::OfferDeclined => EventEntry { when: "An offer of trust is declined.", names: &["device_id", "session_id"], ..OF_USER },
            Self::SessionStarted => EventEntry {
                when: "A sign-in is completed, or a session is opened without one.",
                names: &["device_id", "session_id", "sign_in_id"],
                data: &[
                    ("mfa_skipped", "whether the second factor was skipped"),
                    ("login_method", "how the person signed in, in the host's words"),
                    ("new_country", "the country, where the account is known to sign in from others and not from this one"),
                    ("impossible_travel", "the sign-in that it is too far from: `device_id`, `at`, its place `from`, `distance_km`, `elapsed_s`"),
                ],
                ..OF_USER
            },
            Self::SessionSteppedUp => EventEntry {
                when: "A second factor is verified in a session, and its access token replaced.",
                names: &["device_id", "session_id"],
                data: &[("method", "the second factor")],
                ..OF_USER
            },
            Self::SessionEnded => {
                EventEntry { when: "One session is ended: signed out, revoked, or by the limit.", cause: true, names: &["device_id", "session_id"], ..OF_USER }
            }
            Self::SessionsEnded => EventEntry {
                when: "Several sessions are ended by one act: everywhere, or on a device.",
                cause: true,
                names: &["device_id", "session_id"],
                data: &[ENDED, MORE, ("trust_ended", "true if the trust on other devices ended too")],
                ..OF_USER
            },
            Self::SecurityEventApplied => EventEntry {
                when: "A security event that the host reports is applied; the cause says which.",
                cause: true,
                names: &["session_id"],
                data: &[
                    ("devices_untrusted", "how many devices' trust ended"),
                    ENDED,
                    MORE,
                    ("activations_cancelled", "how many offers of trust were cancelled"),
                    ("event_id", "the host's own id of the event"),
                ],
                ..OF_USER
            },
            Self::DeviceTokenReused => EventEntry {
                when: "An old device token comes back after its successor was used and the overlap is over: somebody has a copy.",
                cause: true,
                names: &["device_id"],
                data: &[ENDED],
                ..OF_USER
            },
            Self::TokensReissued => EventEntry {
                when: "A request comes again under its idempotency key, and the unused tokens of its lost answer are replaced.",
                names: &["device_id", "session_id"],
                data: &[("api_key_id", "the API key whose text was replaced, with its `name` and `role`, where it was that; then it is the tenant's")],
                ..OF_USER
            },
            Self::AccountErased => EventEntry {
                when: "Everything held of a user is deleted. It is the last of the account's events, and names nobody, as all of them do from then on.",
                cause: true,
                ..OF_USER
            },
            Self::TenantFenced => EventEntry {
                when: "Everything in the tenant is ended: by `doorward fence`, or after a restore.",
                cause: true,
                data: &[("restored", "true after a restore"), ("api_keys_ended", "how many API keys ended, after a restore")],
                ..OF_TENANT
            },
            Self::PolicyChanged => EventEntry {
                when: "The tenant's policy is changed.",
                data: &[("revision", "the policy's revision from then on"), ("changes", "each rule that differs: `field`, `from`, `to`")],
                ..OF_TENANT
            },
            Self::TenantCreated => EventEntry { when: "The tenant is made.", ..OF_TENANT },
            Self::ApiKeyCreated => EventEntry {
                when: "An API key is made.",
                data: &[KEY, ("name", "what it is for"), ("role", "what it may do"), ("expires_at", "until when it is good, or null")],
                ..OF_TENANT
            },
            Self::ApiKeyRotated => EventEntry {
                when: "An API key gets another text.",
                data: &[KEY, ("name", "what it is for"), ("role", "what it may do"), ("old_until", "until when the text before is good")],
                ..OF_TENANT
            },
            Self::ApiKeyRevoked => {
                EventEntry { when: "An API key is revoked.", data: &[KEY, ("name", "what it is for"), ("role", "what it may do")], ..OF_TENANT }
            }
        }
    }
}
