//! Policy: a tenant's typed rules. One can only be built valid.

use std::ops::Deref;

use crate::codes::closed_set;
use crate::security_event::Leeway;
use crate::{Ends, MfaMethod, OnSignal, Presented, RowChanges, Rule, RuleChanges, Rules, SecurityEvent};

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

impl Binding {
    /// What ties an attempt to its device, where it was identified.
    pub(crate) const fn of(presented: Presented) -> Option<Self> {
        match presented {
            Presented::Valid => Some(Self::Token),
            Presented::Alike => Some(Self::Fingerprint),
            _ => None,
        }
    }
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
    /// The rule, or the place in it as a dotted path.
    pub field: String,
    /// `range` for what is out of bounds, `conflict` for what contradicts another rule or the preset.
    pub code: &'static str,
    /// For example `must be from 60 to 31536000`.
    pub description: String,
}

const DAY: u32 = 86_400;

impl Deref for Policy {
    type Target = Rules;
    fn deref(&self) -> &Rules {
        &self.rules
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
            new_country: OnSignal::Note,
            impossible_travel: OnSignal::Note,
            on_security_event: RowChanges::default(),
            sign_out_everywhere_spares_own_trust: true,
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

    /// A preset with these rules, each its own or a stricter one; `Custom` takes any that are valid.
    ///
    /// # Errors
    /// Every fault at once.
    pub fn of(preset: Preset, rules: Rules) -> Result<Self, Vec<PolicyFault>> {
        let mut faults: Vec<PolicyFault> = Rule::ALL.iter().filter_map(|rule| out_of_bounds(rule, &rules)).collect();
        faults.extend(contradictions(&rules));
        faults.extend(rules.on_security_event.rows().filter_map(|(event, ends)| beyond_leeway(event, *ends)));
        if preset != Preset::Custom {
            let own = Self::preset(preset).rules;
            let looser = Rule::ALL.iter().filter(|rule| rule.held_by_presets && rule.is_looser(&rules, &own));
            faults.extend(looser.map(|rule| looser_than(preset, rule, &own)));
        }
        if faults.is_empty() { Ok(Self { preset, rules }) } else { Err(faults) }
    }

    /// An operator's own rules.
    ///
    /// # Errors
    /// Every fault at once.
    pub fn custom(rules: Rules) -> Result<Self, Vec<PolicyFault>> {
        Self::of(Preset::Custom, rules)
    }

    /// A policy that was stored. A later release may have tightened its preset: what would be looser than that now is the preset's.
    #[must_use]
    pub fn stored(preset: Preset, changes: &RuleChanges) -> Self {
        let own = Self::preset(preset).rules;
        let mut rules = own.clone().with(changes);
        if preset != Preset::Custom {
            let mut back = RuleChanges::default();
            for rule in Rule::ALL.iter().filter(|rule| rule.held_by_presets && rule.is_looser(&rules, &own)) {
                rule.read(&mut back, &rule.value(&own)).expect("a rule reads what it wrote");
            }
            rules = rules.with(&back);
        }
        Self { preset, rules }
    }

    /// The rules that differ from its preset's; those of `Custom` from `Consumer`'s.
    pub fn overrides(&self) -> impl Iterator<Item = &'static Rule> {
        let own = Self::preset(self.preset).rules;
        Rule::ALL.iter().filter(move |rule| rule.value(&self.rules) != rule.value(&own))
    }

    /// What a security event ends.
    #[must_use]
    pub fn ends(&self, event: SecurityEvent) -> Ends {
        self.rules.on_security_event.ends(event)
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

fn out_of_bounds(rule: &Rule, rules: &Rules) -> Option<PolicyFault> {
    let (low, high) = rule.out_of_bounds(rules)?;
    Some(PolicyFault { field: rule.name.to_owned(), code: "range", description: format!("must be from {low} to {high}") })
}

fn contradictions(rules: &Rules) -> impl Iterator<Item = PolicyFault> {
    let faults = [
        (rules.trust_max_s < rules.trust_for_s, "trust_max_s", "must not be less than trust_for_s"),
        (rules.session_idle_s > rules.session_absolute_s, "session_idle_s", "must not be more than session_absolute_s"),
        (rules.device_trust && rules.trust_methods.is_empty(), "trust_methods", "must name at least one method where device_trust holds"),
        (rules.trust_binding == Binding::Key, "trust_binding", "can't be key yet; use token"),
    ];
    let found = faults.into_iter().filter(|(wrong, ..)| *wrong);
    found.map(|(_, field, description)| PolicyFault { field: field.to_owned(), code: "conflict", description: description.to_owned() })
}

fn beyond_leeway(event: SecurityEvent, ends: Ends) -> Option<PolicyFault> {
    let leeway = event.leeway();
    let description = match leeway {
        _ if leeway.allows(ends, event.ends()) => return None,
        Leeway::Fixed => "can't be changed",
        Leeway::StricterOnly | Leeway::Free => "may end more than the table says, and not less",
    };
    Some(PolicyFault { field: format!("on_security_event.{event}"), code: "conflict", description: description.to_owned() })
}

fn looser_than(preset: Preset, rule: &Rule, own: &Rules) -> PolicyFault {
    let value = rule.value(own);
    let description = format!("must not be looser than the preset {preset} has it, which is {value}; choose the preset custom for that");
    PolicyFault { field: rule.name.to_owned(), code: "conflict", description }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SessionsEnded;

    fn consumer() -> Rules {
        Policy::preset(Preset::Consumer).rules().clone()
    }

    fn fields(made: Result<Policy, Vec<PolicyFault>>) -> Vec<String> {
        made.expect_err("something is wrong").into_iter().map(|fault| fault.field).collect()
    }

    #[test]
    fn every_preset_keeps_the_rules_that_it_and_custom_are_held_to() {
        for &preset in Preset::ALL {
            let policy = Policy::preset(preset);
            for held_to in [preset, Preset::Custom] {
                assert_eq!(Policy::of(held_to, policy.rules().clone()).map(|p| p.rules().clone()), Ok(policy.rules().clone()), "{preset}");
            }
        }
    }

    #[test]
    fn custom_names_each_fault() {
        let mut rows = RowChanges::default();
        rows.set(SecurityEvent::PasswordChanged, Ends { trust: false, sessions: SessionsEnded::All });
        let rules = Rules {
            trust_for_s: 0,
            session_idle_s: 90 * DAY,
            max_devices: 0,
            trust_methods: vec![],
            trust_binding: Binding::Key,
            on_security_event: rows,
            retain_ips_s: 0,
            retain_events_s: u32::MAX,
            ..consumer()
        };
        let bounds = ["trust_for_s", "max_devices", "retain_ips_s", "retain_events_s"];
        let conflicts = ["session_idle_s", "trust_methods", "trust_binding", "on_security_event.password_changed"];
        assert_eq!(fields(Policy::custom(rules)), [bounds, conflicts].concat());
    }

    #[test]
    fn a_preset_forbids_what_is_looser_than_its_own_and_nothing_else() {
        for &preset in Preset::ALL {
            let own = Policy::preset(preset);
            let longer = Rules { session_absolute_s: own.session_absolute_s + 1, ..own.rules().clone() };
            assert_eq!(Policy::of(preset, longer).is_ok(), preset == Preset::Custom, "{preset}");
            let stricter = Rules { session_idle_s: 60, max_devices: 200, recent_auth_s: 60, trust_methods: vec![MfaMethod::Webauthn], ..own.rules().clone() };
            assert!(Policy::of(preset, stricter).is_ok(), "{preset}");
        }
        assert_eq!(fields(Policy::of(Preset::NistAal1, Rules { recent_auth_s: 0, ..Policy::preset(Preset::NistAal1).rules().clone() })), ["recent_auth_s"]);
    }

    #[test]
    fn every_rule_reads_what_it_writes() {
        let mut rows = RowChanges::default();
        rows.set(SecurityEvent::EmailChanged, Ends { trust: false, sessions: SessionsEnded::None });
        let other = Rules { on_security_event: rows, trust_binding: Binding::Fingerprint, trust_methods: MfaMethod::ALL.to_vec(), ..consumer() };
        for rule in Rule::ALL {
            let mut changes = RuleChanges::default();
            assert_eq!(rule.read(&mut changes, &rule.value(&other)), Ok(()), "{}", rule.name);
            let changed = consumer().with(&changes);
            assert_eq!(rule.value(&changed), rule.value(&other), "{}", rule.name);
            assert!(Rule::named(rule.name).is_some_and(|found| found.name == rule.name));
            for sentence in [rule.explanation(), rule.effect] {
                assert!(sentence.ends_with('.') && sentence.len() > 20, "{}: {sentence}", rule.name);
            }
        }
    }

    #[test]
    fn what_was_stored_under_a_preset_is_never_looser_than_the_preset_now() {
        let changes = RuleChanges { session_absolute_s: Some(90 * DAY), session_idle_s: Some(60), max_devices: Some(200), ..RuleChanges::default() };
        let read = Policy::stored(Preset::Consumer, &changes);
        assert_eq!((read.session_absolute_s, read.session_idle_s, read.max_devices), (30 * DAY, 60, 200));
        assert_eq!(Policy::stored(Preset::Custom, &changes).session_absolute_s, 90 * DAY);
    }
}
