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

/// A secret as the number of its characters; an address without what may be its password.
fn masked(name: &str, text: &str, secret: bool) -> String {
    if secret {
        return format!("({} characters)", text.chars().count());
    }
    if name != "database_url" || text.starts_with("sqlite:") {
        return text.to_owned();
    }
    let shown = text.split_once("//").filter(|(scheme, _)| ["postgres:", "postgresql:"].contains(scheme));
    let Some((scheme, rest)) = shown else { return masked(name, text, true) };
    let (credentials, address) = rest.split_once('@').unwrap_or(("", rest));
    // Where a password is written in signs that mean something in an address, nobody can tell where it ends: nothing is shown.
    if credentials.contains(['/', '?', '#']) || address.contains('@') {
        return format!("{scheme}//…");
    }
    let (host, parameters) = address.split_once('?').unwrap_or((address, ""));
    let more = if parameters.is_empty() { "" } else { "?…" };
    format!("{scheme}//…@{host}{more}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_is_shown() {
        for (url, expected) in [
            ("postgres://u:canary@h:5432/d?sslmode=require", "postgres://…@h:5432/d?…"),
            ("postgresql://h/d?user=u&password=canary", "postgresql://…@h/d?…"),
            ("postgres://u:can%40ary%3F@h1:1,h2:2/d", "postgres://…@h1:1,h2:2/d"),
            ("postgres://h/d", "postgres://…@h/d"),
            ("postgres://u:can@ary@h/d", "postgres://…"),
            ("postgres://u:can@ary/canary@h/d", "postgres://…"),
            ("postgres://doorward:canary?x@db/d", "postgres://…"),
            ("postgres://doorward:can?ar@y@db/d", "postgres://…"),
            ("postgres://doorward:can/ary@db/d", "postgres://…"),
            ("postgres://doorward:can#ary@db/d", "postgres://…"),
            ("postgres://h/d?password=can@ary", "postgres://…"),
            ("postgres://h/d?password=can@ary&sslmode=require", "postgres://…"),
            ("u:can//ary@h/d", "(14 characters)"),
            ("canary", "(6 characters)"),
        ] {
            assert_eq!(masked("database_url", url, false), expected, "{url}");
        }
        assert_eq!(masked("secret_key", "canary", true), "(6 characters)");
        assert_eq!(masked("database_url", "sqlite://a.db", false), "sqlite://a.db");
    }
}
