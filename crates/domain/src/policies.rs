//! What is done to a tenant's policy: some of its rules are changed, or another preset is chosen.

use serde_json::Value;

use crate::event::About;
use crate::{EventKind, Moment, Policy, PolicyFault, Preset, Refusal, Rule, RuleChanges, Tenancy};

/// What is to become of a policy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PolicyChange {
    /// The preset to choose: its rules, and none of the old policy's. `Custom` goes on from the rules in force.
    pub preset: Option<Preset>,
    /// The rules to change.
    pub rules: RuleChanges,
}

/// One thing that a change changes.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// `preset`, or the rule's name.
    pub field: &'static str,
    /// What it was.
    pub from: Value,
    /// What it is.
    pub to: Value,
    /// What it does to what was begun before.
    pub effect: &'static str,
}

/// What a change came to, or would come to.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyChanged {
    /// The policy then.
    pub policy: Policy,
    /// Its revision.
    pub revision: i64,
    /// All that differs from the policy before.
    pub differences: Vec<Difference>,
}

/// What is said of a rule that isn't made stricter.
const NOT_STRICTER: &str = "It holds from now on. What is over stays over, and nothing that was begun before is prolonged.";

impl Policy {
    /// The policy that a change makes of this one.
    ///
    /// # Errors
    /// Every fault at once.
    pub fn changed(&self, change: &PolicyChange) -> Result<Self, Vec<PolicyFault>> {
        let before = match change.preset {
            Some(preset) if preset != Preset::Custom => Self::preset(preset),
            _ => self.clone(),
        };
        Self::of(change.preset.unwrap_or(self.name()), before.rules().clone().with(&change.rules))
    }

    /// What differs in a policy that follows this one.
    #[must_use]
    pub fn differences(&self, next: &Self) -> Vec<Difference> {
        let preset = (self.name() != next.name()).then(|| Difference {
            field: "preset",
            from: self.name().as_str().into(),
            to: next.name().as_str().into(),
            effect: "It names the rules that hold where nothing else is said; what differs between the two stands beside it.",
        });
        let rules = Rule::ALL.iter().filter_map(|rule| {
            let (from, to) = (rule.value(self.rules()), rule.value(next.rules()));
            let effect = if rule.is_looser(next.rules(), self.rules()) { NOT_STRICTER } else { rule.effect };
            (from != to).then_some(Difference { field: rule.name, from, to, effect })
        });
        preset.into_iter().chain(rules).collect()
    }
}

impl Tenancy {
    /// Changes the tenant's policy, with one event that says what. One that is as it was is no change. With `dry_run` nothing is done.
    ///
    /// # Errors
    /// `PolicyOvertaken` if the policy isn't of the revision that is expected, where one is; `InvalidPolicy`.
    pub fn change_policy(&mut self, moment: &mut Moment<'_>, change: &PolicyChange, expected: Option<i64>, dry_run: bool) -> Result<PolicyChanged, Refusal> {
        if expected.is_some_and(|revision| revision != self.tenant.policy_revision) {
            return Err(Refusal::PolicyOvertaken);
        }
        let policy = self.tenant.policy.changed(change).map_err(Refusal::InvalidPolicy)?;
        let differences = self.tenant.policy.differences(&policy);
        let revision = self.tenant.policy_revision + i64::from(!differences.is_empty());
        if !differences.is_empty() && !dry_run {
            self.tenant.choose(policy.clone(), moment.now);
            let changes = differences.iter().map(|it| serde_json::json!({ "field": it.field, "from": it.from, "to": it.to })).collect::<Value>();
            self.record(moment, EventKind::PolicyChanged, About::default().with("revision", revision).with("changes", changes));
        }
        Ok(PolicyChanged { policy, revision, differences })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Actor, KeyRing, Mint, TenantId, Timestamp};

    fn at(seconds: u32) -> Timestamp {
        Timestamp::from_micros(0).plus_s(seconds)
    }

    /// Changes a new tenant's policy, and gives what was answered and the tenancy.
    fn changed(changes: &[(PolicyChange, Option<i64>, bool)]) -> (Vec<Result<PolicyChanged, Refusal>>, Tenancy) {
        let keys = KeyRing::new(&[[2; 32]]);
        let mut moment = Moment { now: at(0), actor: Actor::System, mint: Mint::new([1; 32]), keys: &keys, locations: &crate::NoLocations };
        let mut tenancy = Tenancy::create(&mut moment, TenantId::new("acme").expect("a slug"), Policy::preset(Preset::Consumer));
        let answers = changes.iter().map(|(change, expected, dry_run)| {
            moment.now = moment.now.plus_s(1);
            tenancy.change_policy(&mut moment, change, *expected, *dry_run)
        });
        (answers.collect(), tenancy)
    }

    fn idle(seconds: u32) -> PolicyChange {
        PolicyChange { rules: RuleChanges { session_idle_s: Some(seconds), ..RuleChanges::default() }, ..PolicyChange::default() }
    }

    #[test]
    fn a_change_has_its_event_and_its_revision_and_a_change_of_nothing_has_neither() {
        let (answers, tenancy) = changed(&[(idle(60), Some(1), false), (idle(60), Some(2), false), (idle(120), Some(1), false), (idle(120), None, true)]);
        let revisions: Vec<_> = answers.iter().map(|answer| answer.as_ref().map(|changed| (changed.revision, changed.differences.len())).ok()).collect();
        assert_eq!(revisions, [Some((2, 1)), Some((2, 0)), None, Some((3, 1))]);
        assert_eq!(answers[2], Err(Refusal::PolicyOvertaken));
        assert_eq!((tenancy.tenant.policy_revision, tenancy.tenant.policy.session_idle_s), (2, 60));
        let told: Vec<_> = tenancy.events.iter().filter(|event| event.kind == EventKind::PolicyChanged).collect();
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].data["changes"], serde_json::json!([{ "field": "session_idle_s", "from": 604_800, "to": 60 }]));
    }

    #[test]
    fn a_preset_begins_anew_and_custom_goes_on() {
        let choose = |preset| PolicyChange { preset: Some(preset), ..PolicyChange::default() };
        let (_, tenancy) = changed(&[(idle(60), None, false), (choose(Preset::Custom), None, false)]);
        assert_eq!((tenancy.tenant.policy.name(), tenancy.tenant.policy.session_idle_s), (Preset::Custom, 60));
        let (_, tenancy) = changed(&[(idle(60), None, false), (choose(Preset::Consumer), None, false)]);
        assert_eq!(tenancy.tenant.policy, Policy::preset(Preset::Consumer));
        // The preset alone differs, and that is a change too.
        let (answers, tenancy) = changed(&[(choose(Preset::Custom), None, false)]);
        assert_eq!(answers[0].as_ref().map(|changed| changed.differences[0].field), Ok("preset"));
        assert_eq!((tenancy.tenant.policy.name(), tenancy.tenant.past_limits.len()), (Preset::Custom, 0));
    }

    #[test]
    fn what_loosens_is_told_to_revive_nothing() {
        let told = |from: &Policy, to: &Policy, field| from.differences(to).into_iter().find(|it| it.field == field).map(|it| it.effect);
        let (consumer, aal2) = (Policy::preset(Preset::Consumer), Policy::preset(Preset::NistAal2));
        let stricter = Rule::named("device_trust").map(|rule| rule.effect);
        assert_eq!((told(&consumer, &aal2, "device_trust"), told(&aal2, &consumer, "device_trust")), (stricter, Some(NOT_STRICTER)));
        assert_eq!(told(&consumer, &aal2, "trust_for_s"), None);
    }
}
