//! What was given: flags, then `DOORWARD_*` variables, then the file, in that order of strength.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use clap::ArgMatches;

use super::Fault;
use super::setting::{Flag, SETTINGS, Setting};

/// The settings that were given, each by its strongest source.
#[derive(Default)]
pub(crate) struct Given(BTreeMap<&'static str, Value>);

/// A setting's text and where it came from; it may be a secret, so it has no `Debug`.
pub(crate) struct Value {
    pub(crate) text: String,
    pub(crate) origin: Origin,
}

/// Where a value came from, to name it in a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// `--listen`.
    Flag(String),
    /// `DOORWARD_LISTEN`.
    Variable(String),
    /// `listen in doorward.toml`.
    File(&'static str, PathBuf),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => write!(f, "--{name}"),
            Self::Variable(name) => f.write_str(name),
            Self::File(name, path) => write!(f, "{name} in {}", path.display()),
        }
    }
}

impl Given {
    /// Gathers from all three. `variable` reads the environment; an empty variable counts as none.
    pub(crate) fn gather(flags: &ArgMatches, variable: &dyn Fn(&str) -> Option<String>) -> Result<Self, Vec<Fault>> {
        let set = |name: &str| variable(name).filter(|text| !text.is_empty());
        let mut given = Self::default();
        let path = flags.get_one::<String>("config").cloned().or_else(|| set("DOORWARD_CONFIG"));
        if let Some(path) = path {
            given.read_file(Path::new(&path))?;
        }
        for setting in SETTINGS {
            let name = setting.variable();
            if let Some(text) = set(&name) {
                given.0.insert(setting.name, Value { text, origin: Origin::Variable(name) });
            }
        }
        given.read_flags(flags);
        Ok(given)
    }

    /// Gathers from the flags alone.
    pub(crate) fn from_flags(flags: &ArgMatches) -> Self {
        let mut given = Self::default();
        given.read_flags(flags);
        given
    }

    /// The text of a setting, left where it is.
    pub(crate) fn peek(&self, name: &'static str) -> Option<&str> {
        self.0.get(name).map(|value| value.text.as_str())
    }

    /// Every setting that was given: its name, its text and where that came from.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&'static str, &str, &Origin)> {
        self.0.iter().map(|(name, value)| (*name, value.text.as_str(), &value.origin))
    }

    /// The value of a setting, taken out.
    pub(crate) fn take(&mut self, name: &'static str) -> Option<Value> {
        debug_assert!(Setting::named(name).is_some(), "{name} is a setting");
        self.0.remove(name)
    }

    fn read_flags(&mut self, flags: &ArgMatches) {
        for setting in SETTINGS {
            let text = match setting.flag {
                Flag::Value => flags.try_get_one::<String>(setting.name).ok().flatten().cloned(),
                Flag::Switch => flags.try_get_one::<bool>(setting.name).ok().flatten().filter(|on| **on).map(|_| "true".to_owned()),
                Flag::Never => None,
            };
            if let Some(text) = text {
                self.0.insert(setting.name, Value { text, origin: Origin::Flag(setting.flag_name()) });
            }
        }
    }

    fn read_file(&mut self, path: &Path) -> Result<(), Vec<Fault>> {
        let shown = path.display();
        let text = std::fs::read_to_string(path)
            .map_err(|error| vec![Fault::new(format!("The configuration file {shown} can't be read: {error}. Correct --config or DOORWARD_CONFIG."))])?;
        // The parser's own message quotes the line, and the line may hold a secret.
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
            let line = error.span().map_or(1, |span| 1 + text[..span.start.min(text.len())].matches('\n').count());
            vec![Fault::new(format!("The configuration file {shown} is no TOML at line {line}: {}.", error.message().trim_end_matches('.')))]
        })?;
        let mut faults = Vec::new();
        for (key, value) in &table {
            let Some(setting) = Setting::named(key) else {
                faults.push(Fault::new(format!(
                    "{key} in {shown} is no setting. `doorward serve --help` lists them; in the file they are written with _ for -."
                )));
                continue;
            };
            match text_of(value) {
                Some(text) => {
                    let origin = Origin::File(setting.name, path.to_owned());
                    self.0.insert(setting.name, Value { text, origin });
                }
                None => {
                    faults.push(Fault::new(format!("{key} in {shown} is not of a usable type. Write a string, a number, true or false, or a list of strings.")))
                }
            }
        }
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }
}

/// Which of these variables look like ours and are none: likely mistyped. Kubernetes sets some of its own for a service named doorward.
pub(crate) fn unknown_variables(names: impl Iterator<Item = String>) -> Vec<String> {
    let known = |name: &str| name == "DOORWARD_CONFIG" || SETTINGS.iter().any(|setting| setting.variable() == name);
    let of_kubernetes = |name: &str| ["DOORWARD_SERVICE_", "DOORWARD_PORT"].iter().any(|prefix| name.starts_with(prefix));
    names.filter(|name| name.starts_with("DOORWARD_") && !known(name) && !of_kubernetes(name)).collect()
}

/// A TOML value as the text that a flag would have.
fn text_of(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(yes) => Some(yes.to_string()),
        toml::Value::Array(items) => {
            let texts: Option<Vec<&str>> = items.iter().map(toml::Value::as_str).collect();
            texts.map(|texts| texts.join(","))
        }
        _ => None,
    }
}
