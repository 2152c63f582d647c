//! Drawing: a machine as a Markdown table and a Mermaid diagram.

use std::collections::BTreeMap;

use crate::machine::{Field, Machine, Outcome};

/// A machine as a chapter of `docs/states.md`.
pub(crate) fn chapter(machine: &Machine) -> String {
    let fields = machine.table();
    format!("## {}\n\n{}\n\n{}\n{}", machine.title, machine.about, diagram(&fields), table(machine, &fields))
}

fn table(machine: &Machine, fields: &[Field]) -> String {
    let mut text = format!("| what is done | {} |\n", machine.states.iter().map(|state| state.name).collect::<Vec<_>>().join(" | "));
    text.push_str(&format!("|---{}|\n", "|---".repeat(machine.states.len())));
    for transition in &machine.transitions {
        let cells = fields.iter().filter(|field| field.transition == transition.name).map(|field| match &field.outcome {
            Outcome::Refused(name) => format!("✗ `{name}`"),
            Outcome::Nothing => "–".to_owned(),
            Outcome::Now(state) if *state == field.from => "stays".to_owned(),
            Outcome::Now(state) => format!("→ **{state}**"),
        });
        text.push_str(&format!("| {} | {} |\n", transition.name, cells.collect::<Vec<_>>().join(" | ")));
    }
    text
}

/// The moves from one told state to another, each arrow once with all that leads along it.
fn diagram(fields: &[Field]) -> String {
    let mut arrows: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for field in fields {
        if let Outcome::Now(to) = &field.outcome
            && *to != field.from
        {
            let along = arrows.entry((field.from, to)).or_default();
            if !along.contains(&field.transition) {
                along.push(field.transition);
            }
        }
    }
    let id = |state: &str| state.replace([' ', ','], "_");
    let mut states: Vec<&str> = fields.iter().map(|field| field.from).collect();
    states.extend(arrows.keys().map(|(_, to)| *to));
    states.sort_unstable();
    states.dedup();
    let mut text = "```mermaid\nstateDiagram-v2\n".to_owned();
    for state in states.iter().filter(|state| id(state) != **state) {
        text.push_str(&format!("    state \"{state}\" as {}\n", id(state)));
    }
    for ((from, to), along) in &arrows {
        text.push_str(&format!("    {} --> {}: {}\n", id(from), id(to), along.join("<br/>")));
    }
    text.push_str("```\n");
    text
}
