//! A machine: states, transitions, and the table that comes of trying each on each.

use doorward_domain::Refusal;

use crate::world::{World, name_of};

/// A way into a state, and what the state is called.
pub(crate) struct State {
    pub(crate) name: &'static str,
    pub(crate) build: fn() -> World,
}

/// Something that is done.
pub(crate) struct Transition {
    pub(crate) name: &'static str,
    /// What has to go before it; if that is refused, so is the transition.
    pub(crate) first: Step,
    pub(crate) run: Step,
}

/// Something that may be refused.
pub(crate) type Step = fn(&mut World) -> Result<(), Refusal>;

impl Transition {
    pub(crate) const fn new(name: &'static str, run: Step) -> Self {
        Self { name, first: |_| Ok(()), run }
    }

    pub(crate) const fn after(self, first: Step) -> Self {
        Self { first, ..self }
    }
}

/// States, transitions, and how a state is told.
pub(crate) struct Machine {
    pub(crate) title: &'static str,
    pub(crate) about: &'static str,
    pub(crate) states: Vec<State>,
    pub(crate) transitions: Vec<Transition>,
    pub(crate) tell: fn(&World) -> &'static str,
}

/// What a transition made of a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Refused, by name; nothing changed.
    Refused(&'static str),
    /// Accepted, and nothing at all changed.
    Nothing,
    /// Accepted; the state is this one now, maybe the same.
    Now(&'static str),
}

/// One field of a table.
pub(crate) struct Field {
    pub(crate) state: &'static str,
    /// What the state is told as before.
    pub(crate) from: &'static str,
    pub(crate) transition: &'static str,
    pub(crate) outcome: Outcome,
    /// The world afterwards.
    pub(crate) world: World,
}

impl Machine {
    /// Tries each transition on each state.
    pub(crate) fn table(&self) -> Vec<Field> {
        let mut fields = Vec::new();
        for transition in &self.transitions {
            for state in &self.states {
                let mut world = (state.build)();
                let from = (self.tell)(&world);
                let prepared = (transition.first)(&mut world);
                let before = world.clone();
                let outcome = match prepared.and_then(|()| (transition.run)(&mut world)) {
                    Err(refusal) => Outcome::Refused(name_of(&refusal)),
                    Ok(()) if world.account == before.account && world.now == before.now => Outcome::Nothing,
                    Ok(()) => Outcome::Now((self.tell)(&world)),
                };
                if matches!(outcome, Outcome::Refused(_)) {
                    assert!(world.account == before.account, "{} on {}: a refusal changed something", transition.name, state.name);
                }
                fields.push(Field { state: state.name, from, transition: transition.name, outcome, world });
            }
        }
        fields
    }
}
