//! A tenant's policy on the wire: its members and their schemas come from the rules' own table.

use std::borrow::Cow;
use std::fmt;

use doorward_domain::{Leeway, PolicyChange, Preset, Rule, RuleChanges, SecurityEvent, SessionsEnded, Shape};
use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use utoipa::openapi::schema::{AdditionalProperties, ArrayBuilder, ObjectBuilder, Schema, Type};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use crate::problem::{FieldError, FieldFault, Problem};

/// A policy as it holds.
#[derive(Serialize)]
pub(crate) struct Policy {
    revision: i64,
    preset: &'static str,
    #[serde(flatten)]
    rules: Map<String, Value>,
}

impl Policy {
    pub(crate) fn of(policy: &doorward_domain::Policy, revision: i64) -> Self {
        let rules = Rule::ALL.iter().map(|rule| (rule.name.to_owned(), rule.value(policy.rules()))).collect();
        Self { revision, preset: policy.name().as_str(), rules }
    }
}

/// What a change of the policy came to.
#[derive(Serialize)]
pub(crate) struct PolicyChanged {
    dry_run: bool,
    policy: Policy,
    changes: Vec<PolicyDifference>,
}

/// One thing that was changed, or would be.
#[derive(Serialize)]
struct PolicyDifference {
    field: &'static str,
    from: Value,
    to: Value,
    effect: &'static str,
}

impl PolicyChanged {
    pub(crate) fn of(changed: doorward_domain::PolicyChanged, dry_run: bool) -> Self {
        let word = |it: doorward_domain::Difference| PolicyDifference { field: it.field, from: it.from, to: it.to, effect: it.effect };
        Self { dry_run, policy: Policy::of(&changed.policy, changed.revision), changes: changed.differences.into_iter().map(word).collect() }
    }
}

/// A policy to be: the members that are to change.
pub(crate) struct PolicySent(Vec<(String, Value)>);

impl PolicySent {
    /// The change, and the revision that it was made for, where that is said.
    pub(crate) fn read(self) -> Result<(PolicyChange, Option<i64>), Problem> {
        let (mut faults, mut change, mut revision) = (vec![], PolicyChange::default(), None);
        for (name, value) in self.0 {
            match name.as_str() {
                "revision" => match value.as_u64().and_then(|number| i64::try_from(number).ok()) {
                    Some(number) => revision = Some(number),
                    None => faults.push(FieldError::new(name, FieldFault::Format, "must be a whole number, not negative")),
                },
                "preset" => match value.as_str().and_then(Preset::from_word) {
                    Some(preset) => change.preset = Some(preset),
                    None => faults.push(FieldError::new(name, FieldFault::Format, format!("must be one of {}", presets().join(", ")))),
                },
                _ => faults.extend(read_rule(&mut change.rules, &name, &value)),
            }
        }
        if faults.is_empty() { Ok((change, revision)) } else { Err(Problem::invalid(faults)) }
    }
}

fn presets() -> Vec<&'static str> {
    Preset::ALL.iter().map(|preset| preset.as_str()).collect()
}

fn read_rule(changes: &mut RuleChanges, name: &str, value: &Value) -> Option<FieldError> {
    let Some(rule) = Rule::named(name) else {
        return Some(FieldError::new(name, FieldFault::Unknown, "is no field of this request"));
    };
    let misfit = rule.read(changes, value).err()?;
    Some(FieldError::new(format!("{name}{}", misfit.at), FieldFault::of(misfit.code), misfit.description))
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = PolicySent;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<PolicySent, A::Error> {
        let mut members: Vec<(String, Value)> = vec![];
        while let Some((name, Plain(value))) = map.next_entry::<String, Plain>()? {
            if members.iter().any(|(known, _)| *known == name) {
                return Err(A::Error::custom(format!("duplicate field `{name}`")));
            }
            members.push((name, value));
        }
        Ok(PolicySent(members))
    }
}

/// A JSON value of which no object has a member twice.
struct Plain(Value);

impl<'de> Visitor<'de> for Plain {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(Self(Value::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self, E> {
        Ok(Self(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self, E> {
        Ok(Self(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self, E> {
        Ok(Self(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self, E> {
        Ok(Self(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Self, E> {
        Ok(Self(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self, A::Error> {
        let mut list = vec![];
        while let Some(Self(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Self(list.into()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        let mut members = Map::new();
        while let Some((name, Self(value))) = map.next_entry::<String, Self>()? {
            if members.contains_key(&name) {
                return Err(A::Error::custom(format!("duplicate field `{name}`")));
            }
            members.insert(name, value);
        }
        Ok(Self(members.into()))
    }
}

impl<'de> Deserialize<'de> for Plain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self(Value::Null))
    }
}

impl<'de> Deserialize<'de> for PolicySent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

/// The schema of a rule's value.
fn schema_of(rule: &Rule) -> Schema {
    let of = |object: ObjectBuilder| Schema::Object(object.description(Some(rule.explanation())).build());
    match rule.shape {
        Shape::Flag => of(ObjectBuilder::new().schema_type(Type::Boolean)),
        Shape::Number => {
            let (low, high) = rule.bounds.unwrap_or_default();
            of(ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(low)).maximum(Some(high)))
        }
        Shape::Word(words) => of(ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words.iter().copied()))),
        Shape::Words(words) => {
            let item = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words.iter().copied()));
            Schema::Array(ArrayBuilder::new().items(item.build()).unique_items(true).description(Some(rule.explanation())).build())
        }
        Shape::Rows => {
            let changeable = SecurityEvent::ALL.iter().filter(|event| event.leeway() != Leeway::Fixed).map(|event| event.as_str());
            let names = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(changeable)).build();
            let rows = ObjectBuilder::new().schema_type(Type::Object).property_names(Some(names));
            of(rows.additional_properties(Some(Ref::from_schema_name(Row::name()))))
        }
    }
}

/// A row of the table of security events, as a policy changes it.
struct Row;

impl PartialSchema for Row {
    fn schema() -> RefOr<Schema> {
        let sessions = SessionsEnded::ALL.iter().map(|word| word.as_str());
        ObjectBuilder::new()
            .schema_type(Type::Object)
            .description(Some("What a security event ends; what isn't said is as in the table of `docs/guarantees.md`."))
            .property("ends_trust", ObjectBuilder::new().schema_type(Type::Boolean).description(Some("Whether all trust ends with it.")))
            .property("ends_sessions", ObjectBuilder::new().schema_type(Type::String).enum_values(Some(sessions)).description(Some("Which sessions it ends.")))
            .additional_properties(Some(AdditionalProperties::FreeForm(false)))
            .into()
    }
}

impl ToSchema for Row {
    fn name() -> Cow<'static, str> {
        "SecurityEventRow".into()
    }
}

/// Revision, preset and every rule.
fn members(revision: &str) -> ObjectBuilder {
    let number = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0)).description(Some(revision));
    let preset = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(presets()));
    let preset =
        preset.description(Some("The named set of rules that it is made from; a rule may be stricter than its preset's. `custom` takes any that are valid."));
    let object = ObjectBuilder::new().schema_type(Type::Object).property("revision", number).property("preset", preset);
    Rule::ALL.iter().fold(object, |object, rule| object.property(rule.name, schema_of(rule)))
}

impl PartialSchema for Policy {
    fn schema() -> RefOr<Schema> {
        let names = ["revision", "preset"].into_iter().chain(Rule::ALL.iter().map(|rule| rule.name));
        let object = members("How often the policy was changed, and one.").description(Some("A policy as it holds; periods in seconds."));
        names.fold(object, ObjectBuilder::required).into()
    }
}

impl ToSchema for Policy {
    fn name() -> Cow<'static, str> {
        "Policy".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((Row::name().into_owned(), Row::schema()));
    }
}

impl PartialSchema for PolicySent {
    fn schema() -> RefOr<Schema> {
        let object = members("The revision that was read: the change is refused if another one came since. Without it, the last change wins.");
        let about = "The members that are to change. A preset that isn't `custom` begins anew: of the rules before, none stays but what is sent with it.";
        object.description(Some(about)).additional_properties(Some(AdditionalProperties::FreeForm(false))).into()
    }
}

impl ToSchema for PolicySent {
    fn name() -> Cow<'static, str> {
        "PolicySent".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((Row::name().into_owned(), Row::schema()));
    }
}

impl PartialSchema for PolicyChanged {
    fn schema() -> RefOr<Schema> {
        let text = |about| ObjectBuilder::new().schema_type(Type::String).description(Some(about));
        let any = |about| ObjectBuilder::new().schema_type(utoipa::openapi::schema::SchemaType::AnyValue).description(Some(about));
        let difference = ObjectBuilder::new()
            .schema_type(Type::Object)
            .property("field", text("`preset`, or the rule's name."))
            .property("from", any("What it was."))
            .property("to", any("What it is."))
            .property("effect", text("What it does to what was begun before."));
        let difference = ["field", "from", "to", "effect"].into_iter().fold(difference, ObjectBuilder::required);
        let object = ObjectBuilder::new()
            .schema_type(Type::Object)
            .description(Some("What a change of the policy came to, or would come to."))
            .property("dry_run", ObjectBuilder::new().schema_type(Type::Boolean).description(Some("Whether it was only asked what would change.")))
            .property("policy", Ref::from_schema_name(Policy::name()))
            .property("changes", ArrayBuilder::new().items(difference.build()).description(Some("All that differs from the policy before.")));
        ["dry_run", "policy", "changes"].into_iter().fold(object, ObjectBuilder::required).into()
    }
}

impl ToSchema for PolicyChanged {
    fn name() -> Cow<'static, str> {
        "PolicyChanged".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((Policy::name().into_owned(), Policy::schema()));
        Policy::schemas(schemas);
    }
}
