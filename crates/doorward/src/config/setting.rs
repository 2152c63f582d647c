//! The table of settings: each has a name, from which its flag, variable and key in the file follow.

use clap::{Arg, ArgAction};

/// One setting.
pub(crate) struct Setting {
    /// The key in the configuration file; `-` for `_` makes the flag, `DOORWARD_` and capitals the variable.
    pub(crate) name: &'static str,
    /// What a value looks like.
    pub(crate) value: &'static str,
    /// What it does, and what holds where it isn't given.
    pub(crate) help: &'static str,
    /// How it can be given on the command line.
    pub(crate) flag: Flag,
}

/// How a setting appears on the command line.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flag {
    /// `--name VALUE`.
    Value,
    /// `--name` alone means yes.
    Switch,
    /// Not at all: a command line is seen by every user of the machine.
    Never,
}

const fn setting(name: &'static str, value: &'static str, help: &'static str) -> Setting {
    Setting { name, value, help, flag: Flag::Value }
}

const fn secret(name: &'static str, help: &'static str) -> Setting {
    Setting { name, value: "", help, flag: Flag::Never }
}

/// Every setting of `serve`; other commands take some of them.
pub(crate) const SETTINGS: &[Setting] = &[
    setting("listen", "HOST:PORT", "Where to listen [default: 127.0.0.1:8080]"),
    setting("internal_listen", "HOST:PORT", "A listener of its own for /internal and /metrics, which then leave the public one"),
    setting("data_dir", "DIR", "Where files go that have no path of their own [default: ./data]"),
    setting("database_url", "URL", "sqlite://PATH or postgres://… [default: sqlite://<data-dir>/doorward.db]"),
    setting(
        "erasure_list",
        "FILE",
        "Where erasures are written down for restores; keep it apart from backups [default: <database>.erasures, or <data-dir>/doorward.erasures]",
    ),
    setting("location_database", "FILE", "A database of places in MaxMind's format (.mmdb); read anew when it changes [default: none]"),
    secret("secret_key", "The server key: 32 bytes in base64; several, the active one first, joined by commas"),
    setting("secret_key_file", "FILE", "A file that holds the server key [default on SQLite: <database>.key, made at first start]"),
    setting("bootstrap_tenant", "TENANT", "The tenant to make at first start: a-z, 0-9 and -, at most 63 characters"),
    secret("bootstrap_api_key", "That tenant's first API key, of role admin: 32 to 200 visible characters"),
    setting("log", "FILTER", "What to log: error, warn, info, debug, or target=level,… [default: info]"),
    setting("log_format", "FORMAT", "json or text [default: text on a terminal, else json]"),
    setting("tls_cert", "FILE", "The TLS certificate chain, PEM; read anew when it changes"),
    setting("tls_key", "FILE", "The TLS certificate's private key, PEM"),
    Setting { name: "behind_proxy", value: "", help: "A proxy in front ends TLS: permits plain http on other than loopback addresses", flag: Flag::Switch },
    setting("trusted_proxies", "NETWORKS", "Networks whose X-Forwarded-For is believed, such as 10.0.0.0/8,::1"),
    setting("session_cookie", "NAME", "The host's own cookie that holds the access token, for /internal/forward-auth [default: none]"),
    setting("dialects", "NAMES", "Documented APIs of other products to serve: flashback, laravel, authms; some of them, or none [default: all]"),
    setting("authms_key_header", "NAME", "The header in which callers of the dialect authms send their API key [default: X-API-Key]"),
    setting("dialect_trusts_per_hour", "NUMBER", "How often a person may try to have a device trusted through each dialect [default: 10]"),
    setting("dialect_writes_per_minute", "NUMBER", "How often a person may change something else through each dialect [default: 30]"),
    setting("max_connections", "NUMBER", "How many connections each listener holds at once [default: 10000]"),
    setting(
        "max_connections_per_address",
        "NUMBER",
        "How many of them an address may hold, but trusted proxies [default: 1000, and any number for this machine]",
    ),
    setting("header_timeout_s", "SECONDS", "How long the headers of a request may take [default: 10]"),
    setting("keep_alive_s", "SECONDS", "How long an idle connection is kept [default: 75]"),
    setting("wrong_secrets", "NUMBER", "How many wrong keys and tokens an address may send before it is answered 429 [default: 300]"),
    setting("wrong_secrets_window_s", "SECONDS", "The time in which all of them are permitted again [default: 600]"),
    setting("request_timeout_s", "SECONDS", "How long a request may take in all [default: 30]"),
];

impl Setting {
    /// The setting of this name.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        SETTINGS.iter().find(|setting| setting.name == name)
    }

    /// `--internal-listen`, without the dashes in front.
    pub(crate) fn flag_name(&self) -> String {
        self.name.replace('_', "-")
    }

    /// `DOORWARD_INTERNAL_LISTEN`.
    pub(crate) fn variable(&self) -> String {
        format!("DOORWARD_{}", self.name.to_ascii_uppercase())
    }

    /// The flag for the command line's parser; nothing for what must not stand there.
    pub(crate) fn arg(&self) -> Option<Arg> {
        self.flag_alone().map(|arg| arg.help(format!("{} [env: {}]", self.help, self.variable())))
    }

    /// The flag of a command that reads no variables.
    pub(crate) fn flag_alone(&self) -> Option<Arg> {
        let arg = Arg::new(self.name).long(self.flag_name()).help(self.help);
        match self.flag {
            Flag::Value => Some(arg.value_name(self.value)),
            Flag::Switch => Some(arg.action(ArgAction::SetTrue)),
            Flag::Never => None,
        }
    }
}
