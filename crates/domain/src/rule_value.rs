//! Values of rules: how each form reads from JSON, is written as JSON, and compares.

use serde_json::{Map, Value, json};

use crate::{Binding, Ends, MfaMethod, OnSignal, RowChanges, SecurityEvent, SessionsEnded};

/// The form of a rule's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// `true` or `false`.
    Flag,
    /// A whole number.
    Number,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A list of some of these words, each once.
    Words(&'static [&'static str]),
    /// Rows of the table of security events, by the event's name.
    Rows,
}

/// What of a value doesn't fit its form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// Where in the value, to be put behind the rule's name: `[0]`, `.password_reset`, or nothing.
    pub at: String,
    /// `format`, `repeated` or `unknown`.
    pub code: &'static str,
    /// A phrase that follows the place.
    pub description: String,
}

impl Misfit {
    fn of(at: impl Into<String>, description: impl Into<String>) -> Self {
        Self { at: at.into(), code: "format", description: description.into() }
    }
}

/// A value of a rule.
pub(crate) trait RuleValue: Sized {
    const SHAPE: Shape;
    fn json(&self) -> Value;
    fn read(value: &Value) -> Result<Self, Misfit>;
    /// As a number, where it is one.
    fn number(&self) -> Option<u32> {
        None
    }
    /// Whether it is higher than another, or has something that the other hasn't.
    fn exceeds(&self, _: &Self) -> bool {
        false
    }
}

impl RuleValue for bool {
    const SHAPE: Shape = Shape::Flag;

    fn json(&self) -> Value {
        Value::Bool(*self)
    }

    fn read(value: &Value) -> Result<Self, Misfit> {
        value.as_bool().ok_or_else(|| Misfit::of("", "must be true or false"))
    }

    fn exceeds(&self, other: &Self) -> bool {
        self > other
    }
}

/// A whole number. One that is too large for the type is out of bounds anyway, and is told as that.
fn whole<T: TryFrom<u64>>(value: &Value, most: T) -> Result<T, Misfit> {
    let number = value.as_u64().ok_or_else(|| Misfit::of("", "must be a whole number, not negative"))?;
    Ok(T::try_from(number).unwrap_or(most))
}

impl RuleValue for u32 {
    const SHAPE: Shape = Shape::Number;

    fn json(&self) -> Value {
        (*self).into()
    }

    fn read(value: &Value) -> Result<Self, Misfit> {
        whole(value, Self::MAX)
    }

    fn number(&self) -> Option<u32> {
        Some(*self)
    }

    fn exceeds(&self, other: &Self) -> bool {
        self > other
    }
}

impl RuleValue for u16 {
    const SHAPE: Shape = Shape::Number;

    fn json(&self) -> Value {
        (*self).into()
    }

    fn read(value: &Value) -> Result<Self, Misfit> {
        whole(value, Self::MAX)
    }

    fn number(&self) -> Option<u32> {
        Some((*self).into())
    }

    fn exceeds(&self, other: &Self) -> bool {
        self > other
    }
}

/// One word of a closed set, in rising strictness.
macro_rules! word {
    ($($name:ident),+) => {$(
        impl RuleValue for $name {
            const SHAPE: Shape = Shape::Word(Self::WORDS);

            fn json(&self) -> Value {
                self.as_str().into()
            }

            fn read(value: &Value) -> Result<Self, Misfit> {
                let known = || Misfit::of("", format!("must be one of {}", Self::WORDS.join(", ")));
                value.as_str().and_then(Self::from_word).ok_or_else(known)
            }

            fn exceeds(&self, other: &Self) -> bool {
                self > other
            }
        }
    )+};
}

word!(Binding, OnSignal);

impl RuleValue for Vec<MfaMethod> {
    const SHAPE: Shape = Shape::Words(MfaMethod::WORDS);

    fn json(&self) -> Value {
        self.iter().map(|method| method.as_str()).collect()
    }

    fn read(value: &Value) -> Result<Self, Misfit> {
        let words = value.as_array().ok_or_else(|| Misfit::of("", "must be an array"))?;
        let mut methods = Self::new();
        for (at, word) in words.iter().enumerate() {
            let known = || Misfit::of(format!("[{at}]"), format!("must be one of {}", MfaMethod::WORDS.join(", ")));
            let method = word.as_str().and_then(MfaMethod::from_word).ok_or_else(known)?;
            if methods.contains(&method) {
                return Err(Misfit { code: "repeated", ..Misfit::of(format!("[{at}]"), "is given more than once") });
            }
            methods.push(method);
        }
        methods.sort_unstable();
        Ok(methods)
    }

    fn exceeds(&self, other: &Self) -> bool {
        self.iter().any(|method| !other.contains(method))
    }
}

impl RuleValue for RowChanges {
    const SHAPE: Shape = Shape::Rows;

    fn json(&self) -> Value {
        let row = |ends: &Ends| json!({ "ends_trust": ends.trust, "ends_sessions": ends.sessions.as_str() });
        self.rows().map(|(event, ends)| (event.as_str().to_owned(), row(ends))).collect::<Map<_, _>>().into()
    }

    fn read(value: &Value) -> Result<Self, Misfit> {
        let rows = value.as_object().ok_or_else(|| Misfit::of("", "must be an object"))?;
        let mut changes = Self::default();
        for (word, row) in rows {
            let at = |below: &str| format!(".{word}{below}");
            let unknown = |at| Misfit { code: "unknown", ..Misfit::of(at, "is no security event that a policy knows") };
            let event = SecurityEvent::from_word(word).ok_or_else(|| unknown(at("")))?;
            let row = row.as_object().ok_or_else(|| Misfit::of(at(""), "must be an object"))?;
            let mut ends = event.ends();
            for (name, value) in row {
                match name.as_str() {
                    "ends_trust" => ends.trust = value.as_bool().ok_or_else(|| Misfit::of(at(".ends_trust"), "must be true or false"))?,
                    "ends_sessions" => {
                        let known = || Misfit::of(at(".ends_sessions"), "must be one of none, all_but_kept, all");
                        ends.sessions = value.as_str().and_then(SessionsEnded::from_word).ok_or_else(known)?;
                    }
                    other => return Err(Misfit { code: "unknown", ..Misfit::of(at(&format!(".{other}")), "is no field of a row") }),
                }
            }
            changes.set(event, ends);
        }
        Ok(changes)
    }
}
