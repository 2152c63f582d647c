//! `doorward policy`: show, change and explain a tenant's rules.

use clap::Subcommand;
use doorward_api::shown;
use doorward_domain::{Policy, PolicyChange, Preset, Rule, Shape};
use doorward_service::Administrator;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::tell::Column;
use super::{Desk, Said};

/// What is done to policies.
#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Policies {
    /// Shows the tenant's preset and every rule as it holds
    Show,
    /// Changes rules or chooses a preset, and says what that does to what was begun before
    ///
    /// For example: doorward policy set session_idle_s=3600 trust_methods=webauthn,totp. A preset begins anew: of the rules before,
    /// none stays but what is set with it; `custom` goes on from the rules in force and takes any that are valid.
    Set {
        /// The rules to change
        #[arg(value_name = "RULE=VALUE")]
        rules: Vec<String>,
        /// The preset to choose: consumer, nist-aal1, nist-aal2, nist-aal3 or custom
        #[arg(long)]
        preset: Option<String>,
        /// Only say what would change
        #[arg(long)]
        dry_run: bool,
        /// Refuse if the policy isn't of this revision any more, which `doorward policy show` says
        #[arg(long, value_name = "NUMBER")]
        revision: Option<i64>,
    },
    /// Shows what each preset says of each rule
    Presets,
    /// Explains the rules: what each is for, what it may be, which way is stricter and what a stricter value does
    Explain {
        /// One rule alone
        rule: Option<String>,
    },
}

const CHANGES: &[Column] = &[("RULE", "/field"), ("FROM", "/from"), ("TO", "/to"), ("WHAT IT DOES", "/effect")];
const PRESETS: &[Column] =
    &[("RULE", "/rule"), ("CONSUMER", "/consumer"), ("NIST-AAL1", "/nist-aal1"), ("NIST-AAL2", "/nist-aal2"), ("NIST-AAL3", "/nist-aal3")];
const RULES: &[Column] = &[("RULE", "/rule"), ("MAY BE", "/may_be"), ("EXPLANATION", "/explanation")];

impl Policies {
    /// How the answer is told to people.
    pub(super) const fn columns(&self) -> &'static [Column] {
        match self {
            Self::Show | Self::Set { .. } => CHANGES,
            Self::Presets => PRESETS,
            Self::Explain { .. } => RULES,
        }
    }

    pub(super) async fn perform(self, desk: &Desk) -> Result<Value, Said> {
        match self {
            Self::Show => {
                let operator = desk.operator().await?;
                Ok(shown::policy(&*desk.service.get_tenant(operator.tenant).await?))
            }
            Self::Set { rules, preset, dry_run, revision } => {
                let change = change(&rules, preset.as_deref())?;
                let by = Administrator::from(&desk.operator().await?);
                let changed = desk.service.change_policy(&by, change, revision, dry_run).await?;
                Ok(shown::policy_changed(changed, dry_run))
            }
            Self::Presets => Ok(json!({ "items": Rule::ALL.iter().map(of_presets).collect::<Vec<_>>(), "next_cursor": null })),
            Self::Explain { rule: Some(name) } => Ok(explained(named(&name)?)),
            Self::Explain { rule: None } => Ok(json!({ "items": Rule::ALL.iter().map(explained).collect::<Vec<_>>(), "next_cursor": null })),
        }
    }
}

/// What the command line asks to be changed.
fn change(rules: &[String], preset: Option<&str>) -> Result<PolicyChange, Said> {
    let words = || Preset::ALL.iter().map(|preset| preset.as_str()).collect::<Vec<_>>().join(", ");
    let unknown = |word| Said::asked(format!("`{word}` is no preset. There are {}.", words()));
    let preset = preset.map(|word| Preset::from_word(word).ok_or_else(|| unknown(word))).transpose()?;
    if rules.is_empty() && preset.is_none() {
        return Err(Said::asked("Say what to change: RULE=VALUE, or --preset. `doorward policy explain` lists the rules."));
    }
    let mut change = PolicyChange { preset, ..PolicyChange::default() };
    let mut seen = vec![];
    for given in rules {
        let (name, text) = given.split_once('=').ok_or_else(|| Said::asked(format!("`{given}` is no change of a rule. Say RULE=VALUE.")))?;
        let rule = named(name)?;
        if seen.contains(&name) {
            return Err(Said::asked(format!("`{name}` is given more than once.")));
        }
        seen.push(name);
        let misfit = rule.read(&mut change.rules, &value_of(rule, text)).err();
        if let Some(misfit) = misfit {
            return Err(Said::asked(format!("`{name}{}` {}.", misfit.at, misfit.description)));
        }
    }
    Ok(change)
}

fn named(name: &str) -> Result<&'static Rule, Said> {
    Rule::named(name).ok_or_else(|| Said::asked(format!("There is no rule `{name}`. `doorward policy explain` lists those there are.")))
}

/// A value as people write it: words without quotes, lists with commas.
fn value_of(rule: &Rule, text: &str) -> Value {
    match rule.shape {
        Shape::Word(_) => text.into(),
        Shape::Words(_) => text.split(',').map(str::trim).filter(|word| !word.is_empty()).collect(),
        Shape::Flag | Shape::Number | Shape::Rows => serde_json::from_str(text).unwrap_or_else(|_| text.into()),
    }
}

fn of_presets(rule: &Rule) -> Value {
    let own = Preset::ALL.iter().filter(|preset| **preset != Preset::Custom);
    let values = own.map(|preset| (preset.as_str().to_owned(), rule.value(Policy::preset(*preset).rules())));
    let mut row: Map<String, Value> = values.collect();
    row.insert("rule".to_owned(), rule.name.into());
    row.into()
}

fn explained(rule: &Rule) -> Value {
    json!({
        "rule": rule.name,
        "explanation": rule.explanation(),
        "may_be": rule.form(),
        "stricter": rule.direction(),
        "held_by_presets": rule.held_by_presets,
        "effect": rule.effect,
    })
}
