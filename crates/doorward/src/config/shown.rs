//! `doorward config`: the settings in force, and where each comes from. Secrets are masked.

use std::io::Write as _;

use clap::ArgMatches;
use serde_json::{Map, Value, json};

use super::setting::{Flag, SETTINGS};
use super::{Config, Given};
use crate::failure::Failure;

/// Prints them; faults of the configuration are told like those of `serve`.
pub(crate) fn show(flags: &ArgMatches, given: Given) -> Result<(), Failure> {
    let settings = settings(&given);
    let text = if flags.get_flag("json") {
        format!("{:#}\n", Value::Object(settings))
    } else {
        let line = |(name, setting): (&String, &Value)| {
            let shown = setting["value"].as_str().unwrap_or("-");
            format!("{name:<27} {shown}  ({})\n", setting["source"].as_str().unwrap_or_default())
        };
        settings.iter().map(line).collect()
    };
    std::io::stdout().write_all(text.as_bytes()).map_err(|error| Failure::new(format!("The settings can't be printed: {error}")))?;
    Config::check(given).map(drop).map_err(Failure::from)
}

fn settings(given: &Given) -> Map<String, Value> {
    let shown = |setting: &super::Setting| {
        let found = given.all().find(|(name, ..)| *name == setting.name);
        let value = found.map(|(name, text, _)| masked(name, text, setting.flag == Flag::Never));
        let usual = setting.help.rsplit_once("[default").map(|(_, usual)| usual.trim_matches([':', ']', ' ']).to_owned());
        let source = found.map_or_else(|| "default".to_owned(), |(_, _, origin)| origin.to_string());
        (setting.name.to_owned(), json!({ "value": value.or(usual), "source": source }))
    };
    SETTINGS.iter().map(shown).collect()
}

/// A secret as the number of its characters; an address without its password.
fn masked(name: &str, text: &str, secret: bool) -> String {
    if secret {
        return format!("({} characters)", text.chars().count());
    }
    if name != "database_url" || text.starts_with("sqlite:") {
        return text.to_owned();
    }
    // What may hold a password in any of its forms: between `//` and the last `@`, and in the parameters.
    let (scheme, rest) = text.split_once("//").unwrap_or(("postgres:", ""));
    let (address, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    let host = address.rsplit_once('@').map_or(address, |(_, host)| host);
    let more = if parameters.is_empty() { "" } else { "?…" };
    format!("{scheme}//…@{host}{more}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_is_shown() {
        for url in ["postgres://u:canary@h:5432/d?sslmode=require", "postgres://u:can@ary@h/d", "postgresql://h/d?user=u&password=canary"] {
            let shown = masked("database_url", url, false);
            assert!(!shown.contains("canary") && !shown.contains("can@") && shown.contains("@h"), "{shown}");
        }
        assert_eq!(masked("secret_key", "canary", true), "(6 characters)");
        assert_eq!(masked("database_url", "sqlite://a.db", false), "sqlite://a.db");
    }
}
