//! The rules of a policy, each stated once: its name, what it is for, its bounds, which way is stricter, and what a stricter value does.

use serde_json::Value;

use crate::rule_value::{Misfit, RuleValue, Shape};
use crate::{Binding, Limits, MfaMethod, OnSignal, RowChanges};

/// Which of two values is the stricter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stricter {
    /// The lower; of lists the one that holds nothing else.
    Lower,
    /// The lower, but 0 asks for nothing at all.
    LowerButZero,
    /// The higher.
    Higher,
    /// Neither, or not as a whole.
    Neither,
}

/// A rule of a policy: what is said of it, wherever it is said.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Its name, on the wire and in commands.
    pub name: &'static str,
    explanation: &'static str,
    /// The form of its value.
    pub shape: Shape,
    /// The least and the most that its value may be, where it is a number.
    pub bounds: Option<(u32, u32)>,
    /// Which way is stricter.
    pub stricter: Stricter,
    /// Whether a named preset forbids a looser value than its own.
    pub held_by_presets: bool,
    /// What a stricter value does to what was begun under the old one.
    pub effect: &'static str,
    value: fn(&Rules) -> Value,
    read: fn(&mut RuleChanges, &Value) -> Result<(), Misfit>,
    number: fn(&Rules) -> Option<u32>,
    exceeds: fn(&Rules, &Rules) -> bool,
}

impl Rule {
    /// The rule of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        Self::ALL.iter().find(|rule| rule.name == name)
    }

    /// What it is for, in sentences.
    #[must_use]
    pub fn explanation(&self) -> &'static str {
        self.explanation.trim_start()
    }

    /// What its value may be, as a phrase.
    #[must_use]
    pub fn form(&self) -> String {
        match (self.shape, self.bounds) {
            (Shape::Number, Some((low, high))) => format!("{low} to {high}"),
            (Shape::Number, None) => "a whole number".to_owned(),
            (Shape::Flag, _) => "true or false".to_owned(),
            (Shape::Word(known), _) => format!("one of {}", known.join(", ")),
            (Shape::Words(known), _) => format!("some of {}", known.join(", ")),
            (Shape::Rows, _) => "rows of the table of security events".to_owned(),
        }
    }

    /// Which way is stricter, as a phrase.
    #[must_use]
    pub const fn direction(&self) -> &'static str {
        match (self.stricter, self.shape) {
            (Stricter::Lower, Shape::Flag) => "false is stricter",
            (Stricter::Higher, Shape::Flag) => "true is stricter",
            (Stricter::Lower, Shape::Words(_)) => "fewer are stricter",
            (Stricter::Lower, _) => "less is stricter",
            (Stricter::LowerButZero, _) => "less is stricter, but 0 asks for nothing",
            (Stricter::Higher, Shape::Word(_)) => "the later in this list the stricter",
            (Stricter::Higher, _) => "more is stricter",
            (Stricter::Neither, _) => "neither way is stricter",
        }
    }

    /// Its value in JSON.
    #[must_use]
    pub fn value(&self, rules: &Rules) -> Value {
        (self.value)(rules)
    }

    /// Takes a value in JSON for it.
    ///
    /// # Errors
    /// What doesn't fit, if it isn't of the rule's form.
    pub fn read(&self, changes: &mut RuleChanges, value: &Value) -> Result<(), Misfit> {
        (self.read)(changes, value)
    }

    /// Its value, if that is out of bounds.
    pub(crate) fn out_of_bounds(&self, rules: &Rules) -> Option<(u32, u32)> {
        self.bounds.filter(|(low, high)| (self.number)(rules).is_some_and(|number| !(*low..=*high).contains(&number)))
    }

    /// Whether its value in the first is looser than in the second.
    #[must_use]
    pub fn is_looser(&self, new: &Rules, old: &Rules) -> bool {
        match self.stricter {
            Stricter::Lower => (self.exceeds)(new, old),
            Stricter::Higher => (self.exceeds)(old, new),
            Stricter::LowerButZero => match ((self.number)(new), (self.number)(old)) {
                (_, Some(0)) => false,
                (Some(0), _) => true,
                _ => (self.exceeds)(new, old),
            },
            Stricter::Neither => false,
        }
    }
}

const DAY: u32 = 86_400;
const YEAR: u32 = 365 * DAY;

/// Declares the rules. Of each: sentences, name and type, bounds of a number, which way is stricter, whether presets hold it, the effect.
macro_rules! rules {
    ($( $(#[doc = $doc:literal])+ $name:ident: $type:ty $([$low:expr, $high:expr])?, $stricter:ident, $held:ident, $effect:literal; )+) => {
        /// The rules themselves; periods in seconds.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct Rules { $( $(#[doc = $doc])+ pub $name: $type ),+ }

        /// Some of the rules: those to be changed.
        #[derive(Debug, Clone, Default, PartialEq, Eq)]
        pub struct RuleChanges { $( $(#[doc = $doc])+ pub $name: Option<$type> ),+ }

        impl Rules {
            /// These rules, but for what is changed.
            #[must_use]
            pub fn with(self, changes: &RuleChanges) -> Self {
                Self { $( $name: changes.$name.clone().unwrap_or(self.$name) ),+ }
            }
        }

        impl Rule {
            /// Every rule, in the order in which they are shown.
            pub const ALL: &'static [Self] = &[$( Self {
                name: stringify!($name),
                explanation: concat!($($doc),+),
                shape: <$type as RuleValue>::SHAPE,
                bounds: bounds!($($low, $high)?),
                stricter: Stricter::$stricter,
                held_by_presets: held!($held),
                effect: $effect,
                value: |rules| rules.$name.json(),
                read: |changes, value| <$type>::read(value).map(|read| changes.$name = Some(read)),
                number: |rules| rules.$name.number(),
                exceeds: |one, other| one.$name.exceeds(&other.$name),
            } ),+];
        }
    };
}
macro_rules! bounds {
    () => {
        None
    };
    ($low:expr, $high:expr) => {
        Some(($low, $high))
    };
}
macro_rules! held {
    (held) => {
        true
    };
    (free) => {
        false
    };
}

rules! {
    /// Whether device trust may replace the second factor at a sign-in at all.
    device_trust: bool, Lower, held,
        "No trust holds any more and none can be given: open offers are closed, and live sessions that skipped their second factor are over.";
    /// How long a grant of trust lasts. It is fixed when trust is given, and use doesn't prolong it.
    trust_for_s: u32 [60, YEAR], Lower, held,
        "A grant that was given longer ago than this is over.";
    /// The longest that a device may stay trusted since its own last real second factor; at least `trust_for_s`.
    trust_max_s: u32 [60, YEAR], Lower, held,
        "A grant on a device whose own last real second factor is longer ago than this is over.";
    /// How old a device token grows before a completed sign-in gives out its successor.
    device_token_rotate_s: u32 [DAY, YEAR], Lower, held,
        "Devices whose token is older than this get a new one at their next completed sign-in.";
    /// How long an activation token, the offer of trust, lives.
    activation_ttl_s: u32 [30, 3_600], Lower, held,
        "Open offers that were made longer ago than this are closed.";
    /// How long a declined offer of trust isn't made again on that device; 0 offers at each sign-in.
    offer_again_after_s: u32 [0, YEAR], Neither, free,
        "Offers that were declined are made again when the new time is over.";
    /// How fresh a second factor must be to give trust.
    recent_mfa_s: u32 [30, DAY], Lower, held,
        "A second factor that was verified longer ago than this gives no trust; what was given stays.";
    /// How fresh an authentication must be before a person ends other sessions or removes other devices; 0 asks for none.
    recent_auth_s: u32 [0, DAY], LowerButZero, held,
        "A person whose authentication is longer ago than this must repeat it before they end other sessions or remove other devices.";
    /// After how long without activity a session is over; at most `session_absolute_s`.
    session_idle_s: u32 [60, YEAR], Lower, held,
        "Sessions that were silent for longer than this are over.";
    /// How long a session lives at most, whatever is heard of it.
    session_absolute_s: u32 [60, YEAR], Lower, held,
        "Sessions that began longer ago than this are over.";
    /// How many devices an account may have, not counting hijacked and forgotten ones. A new one makes the unverified device that was seen least recently be forgotten, and never a trusted one.
    max_devices: u16 [1, 200], Lower, free,
        "An account that has more keeps them until a new device comes: then unverified ones are forgotten. As many are trusted once trust is given anew.";
    /// How many live sessions an account may have. A new one ends the oldest on its own device, else the oldest of all.
    max_sessions: u16 [1, 1_000], Lower, free,
        "An account that has more keeps them until a new session begins: then the oldest end.";
    /// The weakest binding that may skip the second factor: `fingerprint` (likeness on the same network), `token`, or `key`, which isn't available yet.
    trust_binding: Binding, Higher, held,
        "Trust that is tied more weakly is over.";
    /// The longest that trust tied by likeness alone lasts, and is of use, since it was given.
    fingerprint_trust_max_s: u32 [60, 30 * DAY], Lower, held,
        "Trust tied by likeness alone that was given longer ago than this is over.";
    /// The second factors that may seed trust: of `totp`, `webauthn`, `push`, `sms_otp`, `email_otp`, `backup_code`, `other`. At least one where `device_trust` holds. A mailbox that resets the password is no second factor, and a backup code is one that was lost.
    trust_methods: Vec<MfaMethod>, Lower, held,
        "A second factor verified by another method gives no trust; what was given stays.";
    /// Whether a person who has no second factor is refused.
    require_second_factor: bool, Higher, held,
        "A sign-in of a person without a second factor is denied, one in progress too; their sessions stay.";
    /// What it does that a sign-in comes from another country than every earlier one that is still at hand: `note` tells it among the reasons, `challenge` besides doesn't let trust replace the second factor. It needs a location database; where a country isn't known there is no signal.
    new_country: OnSignal, Higher, free,
        "A sign-in from a country that is new to the account is challenged where trust would have let it pass, one in progress too.";
    /// What it does that a sign-in is too far away from another one for the time between the two: more than 900 km an hour over at least 100 km, what is uncertain about both places taken off. `note` and `challenge` are as in `new_country`. Places that are missing, vague or a VPN's give no signal.
    impossible_travel: OnSignal, Higher, free,
        "A sign-in too far away from another one is challenged where trust would have let it pass, one in progress too.";
    /// What security events end beyond the table, or less than it in rows that allow that: by the event's name, `ends_trust` and `ends_sessions` (`none`, `all_but_kept`, `all`). Sent whole: it replaces the rows before.
    on_security_event: RowChanges, Neither, free,
        "Events that are reported from now on end what the new rows say.";
    /// Whether "sign out everywhere" spares the trust of the device it is called from.
    sign_out_everywhere_spares_own_trust: bool, Lower, free,
        "Signing out everywhere ends the trust of the caller's own device too.";
    /// How long an address is kept with a session, and with a device after it was last seen.
    retain_ips_s: u32 [DAY, 10 * YEAR], Lower, free,
        "Addresses older than this are removed.";
    /// How long a fingerprint is kept after its device was last seen.
    retain_fingerprints_s: u32 [DAY, 10 * YEAR], Lower, free,
        "Fingerprints of devices not seen for longer than this are removed.";
    /// How long a sign-in is kept.
    retain_sign_ins_s: u32 [DAY, 10 * YEAR], Lower, free,
        "Sign-ins older than this are removed.";
    /// How long a session is kept after it could last have been live, and a forgotten device after it was forgotten.
    retain_sessions_s: u32 [DAY, 10 * YEAR], Lower, free,
        "Sessions and forgotten devices that ended longer ago than this are removed.";
    /// How long an event is kept.
    retain_events_s: u32 [DAY, 10 * YEAR], Lower, free,
        "Events older than this are removed.";
}

impl Rules {
    /// What they say about how long things last.
    #[must_use]
    pub const fn limits(&self) -> Limits {
        Limits {
            device_trust: self.device_trust,
            trust_binding: self.trust_binding,
            trust_for_s: self.trust_for_s,
            trust_max_s: self.trust_max_s,
            fingerprint_trust_max_s: self.fingerprint_trust_max_s,
            activation_ttl_s: self.activation_ttl_s,
            session_idle_s: self.session_idle_s,
            session_absolute_s: self.session_absolute_s,
        }
    }
}
