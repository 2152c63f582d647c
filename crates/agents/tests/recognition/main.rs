//! Recognition as a whole: real strings, hints and apps over them, garbage, and loading.

mod garbage;
mod loading;
mod overlays;
mod real_agents;

use std::sync::{Arc, LazyLock};

use doorward_agents::{Agents, ClientHints, Description, DeviceInfo, Source};

static AGENTS: LazyLock<Arc<Agents>> = LazyLock::new(Agents::load_in_background);

fn describe(user_agent: &str, client_hints: &ClientHints, device_info: Option<&DeviceInfo>) -> Arc<Description> {
    AGENTS.describe(&Source { user_agent, client_hints, device_info })
}

/// A description in one line: `browser version engine | platform version | device | kind | title`,
/// with `-` for what isn't known.
fn summary(description: &Description) -> String {
    let Description { browser, platform, device } = description;
    let words = |words: &[&str]| {
        let words: Vec<_> = words.iter().copied().filter(|w| !w.is_empty()).collect();
        if words.is_empty() { "-".to_owned() } else { words.join(" ") }
    };
    [
        words(&[&browser.name, &browser.version.label, &browser.engine]),
        words(&[&platform.name, &platform.version.label]),
        words(&[&device.family, &device.model]),
        device.kind.to_string(),
        description.title(),
    ]
    .join(" | ")
}

/// Compares every row of a table, so that one run shows all that changed.
fn check(rows: impl IntoIterator<Item = (String, Arc<Description>, &'static str)>) {
    let mut wrong = String::new();
    for (what, description, expected) in rows {
        let found = summary(&description);
        if found != expected {
            wrong += &format!("\n{what}\n   found    {found}\n   expected {expected}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
