//! Policy: a tenant's typed rules. One can only be built valid.

use std::ops::Deref;

use crate::codes::closed_set;
use crate::{Ends, Limits, MfaMethod, SecurityEvent};

closed_set! {
    /// The named sets of rules.
    pub enum Preset {
        /// Thirty days of trust; sessions of 30 days, 7 idle.
        Consumer = 1 "consumer",
        /// SP 800-63B-4 §2.1.3: sessions of at most 30 days.
        NistAal1 = 2 "nist-aal1",
        /// SP 800-63B-4 §2.2.3: 24 hours, one idle; device trust never replaces the second factor (§5.1).
        NistAal2 = 3 "nist-aal2",
        /// SP 800-63B-4 §2.3.3: 12 hours, 15 minutes idle; device trust never replaces the second factor.
        NistAal3 = 4 "nist-aal3",
        /// The operator's own.
        Custom = 5 "custom",
    }
}

closed_set! {
    /// What ties trust to a device, in rising strength.
    pub enum Binding {
        /// Likeness on the same network.
        Fingerprint = 1 "fingerprint",
        /// The device token.
        Token = 2 "token",
        /// A key that never leaves the device.
        Key = 3 "key",
    }
}

/// The rules themselves; periods in seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// Whether device trust may replace the second factor at a sign-in at all.
    pub device_trust: bool,
    /// How long a grant of trust lasts: 60 to 31,536,000 (a year).
    pub trust_for_s: u32,
    /// The longest that a device may stay trusted since its own last real second factor: `trust_for_s` to a year.
    pub trust_max_s: u32,
    /// How old a device token grows before a completion replaces it: a day to a year.
    pub device_token_rotate_s: u32,
    /// How long an activation token lives: 30 to 3,600.
    pub activation_ttl_s: u32,
    /// How long a declined offer isn't made again: 0 to a year.
    pub offer_again_after_s: u32,
    /// How fresh a second factor must be to give trust: 30 to 86,400.
    pub recent_mfa_s: u32,
    /// How fresh an authentication must be to end other sessions or remove other devices; 0 to 86,400, 0 asks for none.
    pub recent_auth_s: u32,
    /// After how long without activity a session is over: 60 to `session_absolute_s`.
    pub session_idle_s: u32,
    /// How long a session lives at most: 60 to a year.
    pub session_absolute_s: u32,
    /// Devices of an account that are neither hijacked nor forgotten: 1 to 200.
    pub max_devices: u16,
    /// Live sessions of an account: 1 to 1,000.
    pub max_sessions: u16,
    /// The weakest binding that may skip the second factor.
    pub trust_binding: Binding,
    /// The longest that trust tied by likeness alone lasts, and is of use, since it was given: 60 to 2,592,000 (30 days).
    pub fingerprint_trust_max_s: u32,
    /// The factors that may seed trust; not empty where `device_trust` holds.
    pub trust_methods: Vec<MfaMethod>,
    /// Whether a person without a second factor is refused.
    pub require_second_factor: bool,
    /// How long an address is kept with a session, and with a device after it last signed in: a day to ten years, as all of these.
    pub retain_ips_s: u32,
    /// How long a fingerprint is kept after its device last signed in; longer while trust holds on it.
    pub retain_fingerprints_s: u32,
    /// How long a sign-in is kept.
    pub retain_sign_ins_s: u32,
    /// How long a session is kept after it could last have been live, and a forgotten device after it was forgotten.
    pub retain_sessions_s: u32,
    /// How long an event is kept.
    pub retain_events_s: u32,
}

/// A valid policy. Reads as its [`Rules`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    preset: Preset,
    rules: Rules,
}

/// What is wrong with a policy: the field, and a phrase that follows its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFault {
    /// The field of [`Rules`].
    pub field: &'static str,
    /// For example `must be from 60 to 31536000`.
    pub description: String,
}

const DAY: u32 = 86_400;
const YEAR: u32 = 365 * DAY;

impl Deref for Policy {
    type Target = Rules;
    fn deref(&self) -> &Rules {
        &self.rules
    }
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

impl Policy {
    /// A preset's policy. `Custom` begins as `Consumer`.
    #[must_use]
    pub fn preset(preset: Preset) -> Self {
        let consumer = Rules {
            device_trust: true,
            trust_for_s: 30 * DAY,
            trust_max_s: 90 * DAY,
            device_token_rotate_s: 30 * DAY,
            activation_ttl_s: 300,
            offer_again_after_s: 30 * DAY,
            recent_mfa_s: 600,
            recent_auth_s: 0,
            session_idle_s: 7 * DAY,
            session_absolute_s: 30 * DAY,
            max_devices: 50,
            max_sessions: 100,
            trust_binding: Binding::Token,
            fingerprint_trust_max_s: 7 * DAY,
            // A mailbox that resets the password is no second factor, and a backup code is one that was lost.
            trust_methods: vec![MfaMethod::Totp, MfaMethod::Webauthn, MfaMethod::Push, MfaMethod::SmsOtp],
            require_second_factor: false,
            retain_ips_s: 90 * DAY,
            retain_fingerprints_s: 90 * DAY,
            retain_sign_ins_s: 90 * DAY,
            retain_sessions_s: 180 * DAY,
            retain_events_s: 400 * DAY,
        };
        let rules = match preset {
            Preset::Consumer | Preset::Custom => consumer,
            Preset::NistAal1 => Rules { recent_auth_s: 3_600, session_idle_s: 30 * DAY, ..consumer },
            Preset::NistAal2 => {
                Rules { device_trust: false, recent_auth_s: 900, session_idle_s: 3_600, session_absolute_s: DAY, require_second_factor: true, ..consumer }
            }
            Preset::NistAal3 => {
                Rules { device_trust: false, recent_auth_s: 900, session_idle_s: 900, session_absolute_s: DAY / 2, require_second_factor: true, ..consumer }
            }
        };
        Self { preset, rules }
    }

    /// An operator's own rules.
    ///
    /// # Errors
    /// Every fault at once.
    pub fn custom(rules: Rules) -> Result<Self, Vec<PolicyFault>> {
        let mut faults = Vec::new();
        let mut within = |field, value: u32, low: u32, high: u32| {
            if !(low..=high).contains(&value) {
                faults.push(PolicyFault { field, description: format!("must be from {low} to {high}") });
            }
        };
        within("trust_for_s", rules.trust_for_s, 60, YEAR);
        within("trust_max_s", rules.trust_max_s, rules.trust_for_s.min(YEAR), YEAR);
        within("fingerprint_trust_max_s", rules.fingerprint_trust_max_s, 60, 30 * DAY);
        within("device_token_rotate_s", rules.device_token_rotate_s, DAY, YEAR);
        within("activation_ttl_s", rules.activation_ttl_s, 30, 3_600);
        within("offer_again_after_s", rules.offer_again_after_s, 0, YEAR);
        within("recent_mfa_s", rules.recent_mfa_s, 30, DAY);
        within("recent_auth_s", rules.recent_auth_s, 0, DAY);
        within("session_absolute_s", rules.session_absolute_s, 60, YEAR);
        within("session_idle_s", rules.session_idle_s, 60.min(rules.session_absolute_s), rules.session_absolute_s);
        within("max_devices", u32::from(rules.max_devices), 1, 200);
        within("max_sessions", u32::from(rules.max_sessions), 1, 1_000);
        // Neither 0 nor the far future means "for ever".
        within("retain_ips_s", rules.retain_ips_s, DAY, 10 * YEAR);
        within("retain_fingerprints_s", rules.retain_fingerprints_s, DAY, 10 * YEAR);
        within("retain_sign_ins_s", rules.retain_sign_ins_s, DAY, 10 * YEAR);
        within("retain_sessions_s", rules.retain_sessions_s, DAY, 10 * YEAR);
        within("retain_events_s", rules.retain_events_s, DAY, 10 * YEAR);
        if rules.device_trust && rules.trust_methods.is_empty() {
            faults.push(PolicyFault { field: "trust_methods", description: "must name at least one method where device trust is allowed".to_owned() });
        }
        if rules.trust_binding == Binding::Key {
            faults.push(PolicyFault { field: "trust_binding", description: "key-bound trust isn't available yet; use token".to_owned() });
        }
        if faults.is_empty() { Ok(Self { preset: Preset::Custom, rules }) } else { Err(faults) }
    }

    /// What a security event ends.
    #[must_use]
    pub fn ends(&self, event: SecurityEvent) -> Ends {
        event.ends()
    }

    /// The preset it was made from.
    #[must_use]
    pub const fn name(&self) -> Preset {
        self.preset
    }

    /// The rules, to build another policy from.
    #[must_use]
    pub const fn rules(&self) -> &Rules {
        &self.rules
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_keeps_the_rules_that_custom_is_held_to() {
        for &preset in Preset::ALL {
            let policy = Policy::preset(preset);
            assert_eq!(Policy::custom(policy.rules().clone()).map(|p| p.rules().clone()), Ok(policy.rules().clone()), "{preset}");
        }
    }

    #[test]
    fn custom_names_each_fault() {
        let rules = Rules {
            trust_for_s: 0,
            session_idle_s: 90 * DAY,
            max_devices: 0,
            trust_methods: vec![],
            trust_binding: Binding::Key,
            retain_ips_s: 0,
            retain_events_s: u32::MAX,
            ..Policy::preset(Preset::Consumer).rules().clone()
        };
        let fields: Vec<_> = Policy::custom(rules).expect_err("all of it is wrong").into_iter().map(|fault| fault.field).collect();
        assert_eq!(fields, ["trust_for_s", "session_idle_s", "max_devices", "retain_ips_s", "retain_events_s", "trust_methods", "trust_binding"]);
    }
}
