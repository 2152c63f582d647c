//! The configuration: what was given, checked and typed; a fault says where it is and what to do next.

mod database;
mod given;
mod network;
mod secret;
mod setting;
mod shown;

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(crate) use database::Database;
pub(crate) use given::{Given, unknown_variables};
pub(crate) use network::{listen_address, network};
pub(crate) use secret::{Bootstrap, HOW_TO_MAKE, KeySource, ServerKeys};
pub(crate) use setting::{SETTINGS, Setting};
pub(crate) use shown::show;

use doorward_api::proxies::Proxies;
use doorward_api::{Dialect, Dialects, KeyHeader};
use doorward_domain::Quota;
use given::Value;
use secret::{api_key_fault, tenant_fault};

use crate::failure::Failure;
use crate::log::LogFormat;

/// All that `serve` needs to know.
#[derive(Debug)]
pub(crate) struct Config {
    /// Where the public surfaces listen.
    pub(crate) listen: SocketAddr,
    /// Where internal listens, if it has a listener of its own.
    pub(crate) internal_listen: Option<SocketAddr>,
    /// The database.
    pub(crate) database: Database,
    /// Where erasures are written down.
    pub(crate) erasure_list: PathBuf,
    /// The location database, if there is one.
    pub(crate) location_database: Option<PathBuf>,
    /// The server keys.
    pub(crate) keys: KeySource,
    /// The first tenant and key, if they are to be made.
    pub(crate) bootstrap: Option<Bootstrap>,
    /// What to log, and how.
    pub(crate) log: LogConfig,
    /// The certificate and key of a TLS listener.
    pub(crate) tls: Option<TlsFiles>,
    /// Whose `X-Forwarded-For` is believed.
    pub(crate) trusted_proxies: Proxies,
    /// The host's own cookie that holds the access token, for forward-auth.
    pub(crate) session_cookie: Option<String>,
    /// The dialects that are served.
    pub(crate) dialects: Dialects,
    /// What connections and requests may take.
    pub(crate) limits: Limits,
}

/// Where the data lies, what opens it, and where erasures are written down: all that a command needs to act on it.
#[derive(Debug)]
pub(crate) struct Storage {
    /// The database.
    pub(crate) database: Database,
    /// The server keys.
    pub(crate) keys: KeySource,
    /// Where erasures are written down.
    pub(crate) erasure_list: PathBuf,
}

/// What to log, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogConfig {
    /// A filter as `tracing` reads it.
    pub(crate) filter: String,
    /// The form of a line, if it was said.
    pub(crate) format: Option<LogFormat>,
}

/// The files of a TLS listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TlsFiles {
    pub(crate) cert: PathBuf,
    pub(crate) key: PathBuf,
}

/// What connections and requests may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Connections at once, of each listener.
    pub(crate) max_connections: usize,
    /// Connections at once, of each address.
    pub(crate) per_address: PerAddress,
    /// For the headers of a request.
    pub(crate) header_timeout: Duration,
    /// For a connection between two requests.
    pub(crate) keep_alive: Duration,
    /// For a request in all.
    pub(crate) request_timeout: Duration,
    /// How many wrong secrets an address may send.
    pub(crate) wrong_secrets: Quota,
}

/// How many connections an address may hold. Trusted proxies are no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PerAddress {
    /// As many as there are: behind a proxy that isn't named, all callers have one address.
    Unbounded,
    /// So many, unless it is this machine's own: a proxy or a host beside the server.
    Strangers(usize),
    /// So many, whoever it is: the operator has said it.
    Everyone(usize),
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_connections: 10_000,
            per_address: PerAddress::Strangers(1_000),
            header_timeout: Duration::from_secs(10),
            keep_alive: Duration::from_secs(75),
            request_timeout: Duration::from_secs(30),
            wrong_secrets: Quota::WRONG_SECRETS,
        }
    }
}

/// One fault in the configuration, in words.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault(String);

impl Fault {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Vec<Fault>> for Failure {
    fn from(faults: Vec<Fault>) -> Self {
        match faults.as_slice() {
            [one] => Self::of_settings(one.0.clone()),
            many => {
                let list: String = many.iter().map(|fault| format!("\n  - {fault}")).collect();
                Self::of_settings(format!("The configuration has {} faults:{list}", many.len()))
            }
        }
    }
}

impl Config {
    /// Checks everything that was given and names all the faults at once.
    pub(crate) fn check(given: Given) -> Result<Self, Vec<Fault>> {
        let mut check = Check { given, faults: Vec::new() };
        let (database, data_dir) = check.database();
        let mut config = Self {
            listen: check.address("listen").unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8080))),
            internal_listen: check.address("internal_listen"),
            erasure_list: check.erasure_list(&database, &data_dir),
            location_database: check.text("location_database").map(PathBuf::from),
            keys: check.keys(&database),
            database,
            bootstrap: check.bootstrap(),
            log: check.log("info"),
            tls: check.tls(),
            trusted_proxies: check.trusted_proxies(),
            session_cookie: check.session_cookie(),
            dialects: check.dialects(),
            limits: check.limits(),
        };
        let behind_proxy = check.switch("behind_proxy");
        if behind_proxy && config.trusted_proxies.is_empty() && config.limits.per_address == Limits::default().per_address {
            config.limits.per_address = PerAddress::Unbounded;
        }
        check.listeners(&config, behind_proxy);
        check.done(config)
    }

    /// The database and its keys alone, for commands that need no more.
    pub(crate) fn check_database(given: Given) -> Result<(Database, KeySource, LogConfig), Vec<Fault>> {
        let mut check = Check { given, faults: Vec::new() };
        let (database, _) = check.database();
        let keys = check.keys(&database);
        let log = check.log("info");
        check.done((database, keys, log))
    }

    /// The same for commands that people give: quiet unless asked, and in words.
    pub(crate) fn check_command(given: Given) -> Result<(Storage, LogConfig), Vec<Fault>> {
        let mut check = Check { given, faults: Vec::new() };
        let (database, data_dir) = check.database();
        let storage = Storage { keys: check.keys(&database), erasure_list: check.erasure_list(&database, &data_dir), database };
        let log = check.log("warn");
        check.done((storage, LogConfig { format: log.format.or(Some(LogFormat::Text)), ..log }))
    }

    /// What `dev` takes: where to listen, where its files go, and the log.
    pub(crate) fn check_dev(given: Given) -> Result<(SocketAddr, PathBuf, LogConfig), Vec<Fault>> {
        let mut check = Check { given, faults: Vec::new() };
        let listen = check.address("listen").unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8080)));
        let data_dir = check.text("data_dir").unwrap_or_else(|| "./data/dev".to_owned());
        let log = check.log("info");
        check.done((listen, data_dir.into(), log))
    }
}

/// The checking of one configuration: takes values out and notes faults.
struct Check {
    given: Given,
    faults: Vec<Fault>,
}

impl Check {
    fn done<T>(self, checked: T) -> Result<T, Vec<Fault>> {
        if self.faults.is_empty() { Ok(checked) } else { Err(self.faults) }
    }

    fn fault(&mut self, message: impl Into<String>) {
        self.faults.push(Fault::new(message));
    }

    fn text(&mut self, name: &'static str) -> Option<String> {
        self.given.take(name).map(|value| value.text)
    }

    fn address(&mut self, name: &'static str) -> Option<SocketAddr> {
        let Value { text, origin } = self.given.take(name)?;
        let address = listen_address(text.trim());
        if address.is_none() {
            self.fault(format!("{origin}: `{text}` is no address to listen on. Write HOST:PORT with a number for the host, such as 127.0.0.1:8080."));
        }
        address
    }

    fn number(&mut self, name: &'static str, least: u32, most: u32) -> Option<u32> {
        let Value { text, origin } = self.given.take(name)?;
        let number = text.trim().parse().ok().filter(|number| (least..=most).contains(number));
        if number.is_none() {
            self.fault(format!("{origin}: `{text}` is no number from {least} to {most}."));
        }
        number
    }

    fn switch(&mut self, name: &'static str) -> bool {
        let Some(Value { text, origin }) = self.given.take(name) else { return false };
        match text.trim() {
            "true" | "yes" | "on" | "1" => true,
            "false" | "no" | "off" | "0" => false,
            _ => {
                self.fault(format!("{origin}: `{text}` is neither true nor false."));
                false
            }
        }
    }

    /// The database, and where files go that have no path of their own.
    fn database(&mut self) -> (Database, PathBuf) {
        let data_dir = PathBuf::from(self.text("data_dir").unwrap_or_else(|| "./data".to_owned()));
        let default = Database::in_dir(&data_dir);
        let Some(Value { text, origin }) = self.given.take("database_url") else { return (default, data_dir) };
        let database = match Database::parse(text.trim()) {
            Ok(database) => database,
            Err(message) => {
                // The address is not repeated: it may hold a password.
                self.fault(format!("{origin} {message}."));
                default
            }
        };
        (database, data_dir)
    }

    fn erasure_list(&mut self, database: &Database, data_dir: &Path) -> PathBuf {
        self.text("erasure_list").map_or_else(|| database.erasure_list(data_dir), PathBuf::from)
    }

    fn keys(&mut self, database: &Database) -> KeySource {
        let beside = KeySource::beside(database);
        let (text, origin) = match (self.given.take("secret_key"), self.given.take("secret_key_file")) {
            (Some(key), Some(file)) => {
                self.fault(format!("{} and {} are both given. Keep one of them.", key.origin, file.origin));
                return beside;
            }
            (Some(key), None) => (key.text, key.origin),
            (None, Some(file)) => match std::fs::read_to_string(&file.text) {
                Ok(text) => (text, file.origin),
                Err(error) => {
                    self.fault(format!("{}: {} can't be read: {error}.", file.origin, file.text));
                    return beside;
                }
            },
            (None, None) => {
                if matches!(database, Database::Postgres(_)) {
                    self.fault(format!("DOORWARD_SECRET_KEY is missing: on PostgreSQL every node is given the same server key, here or by DOORWARD_SECRET_KEY_FILE. {HOW_TO_MAKE}"));
                }
                return beside;
            }
        };
        match ServerKeys::parse(&text) {
            Ok(keys) => KeySource::Given(keys),
            Err(message) => {
                self.fault(format!("{origin}: {message}."));
                beside
            }
        }
    }

    fn bootstrap(&mut self) -> Option<Bootstrap> {
        let (tenant, api_key) = match (self.given.take("bootstrap_tenant"), self.given.take("bootstrap_api_key")) {
            (Some(tenant), Some(api_key)) => (tenant, api_key),
            (None, None) => return None,
            (Some(alone), None) | (None, Some(alone)) => {
                self.fault(format!("{} is given alone. DOORWARD_BOOTSTRAP_TENANT and DOORWARD_BOOTSTRAP_API_KEY belong together.", alone.origin));
                return None;
            }
        };
        if let Some(fault) = tenant_fault(&tenant.text) {
            self.fault(format!("{}: `{}` {fault}.", tenant.origin, tenant.text));
        }
        if let Some(fault) = api_key_fault(&api_key.text) {
            self.fault(format!("{} {fault}.", api_key.origin));
        }
        Some(Bootstrap { tenant: tenant.text, api_key: api_key.text })
    }

    fn log(&mut self, usual: &str) -> LogConfig {
        let filter = match self.given.take("log") {
            Some(Value { text, origin }) => {
                if let Err(error) = text.parse::<tracing_subscriber::EnvFilter>() {
                    self.fault(format!(
                        "{origin}: `{text}` is no filter ({error}). Write a level (error, warn, info, debug, trace) or target=level pairs joined by commas."
                    ));
                }
                text
            }
            None => usual.to_owned(),
        };
        let format = self.given.take("log_format").and_then(|Value { text, origin }| {
            let format = LogFormat::named(text.trim());
            if format.is_none() {
                self.fault(format!("{origin}: `{text}` is no format. Write json or text."));
            }
            format
        });
        LogConfig { filter, format }
    }

    fn tls(&mut self) -> Option<TlsFiles> {
        match (self.given.take("tls_cert"), self.given.take("tls_key")) {
            (Some(cert), Some(key)) => Some(TlsFiles { cert: cert.text.into(), key: key.text.into() }),
            (None, None) => None,
            (Some(alone), None) | (None, Some(alone)) => {
                self.fault(format!("{} is given alone. TLS needs both --tls-cert and --tls-key.", alone.origin));
                None
            }
        }
    }

    fn trusted_proxies(&mut self) -> Proxies {
        let Some(Value { text, origin }) = self.given.take("trusted_proxies") else { return Proxies::default() };
        let mut networks = Vec::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            match network(part) {
                Some(network) => networks.push(network),
                None => self.fault(format!("{origin}: `{part}` is no network. Write its first address and its length, such as 10.0.0.0/8, or one address.")),
            }
        }
        Proxies::new(networks)
    }

    fn session_cookie(&mut self) -> Option<String> {
        let Value { text, origin } = self.given.take("session_cookie")?;
        // A token by RFC 9110, which is what a cookie's name is.
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        let name = text.trim();
        if name.is_empty() || name.len() > 128 || !name.bytes().all(fits) {
            self.fault(format!("{origin}: `{text}` is no name of a cookie. Write the name alone, such as __Host-session."));
        }
        Some(name.to_owned())
    }

    fn dialects(&mut self) -> Dialects {
        let mut dialects = match self.given.take("dialects") {
            None => Dialects::default(),
            Some(Value { text, .. }) if text.trim() == "none" => Dialects::new([]),
            Some(Value { text, origin }) => {
                let mut named = Vec::new();
                for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
                    match name.parse::<Dialect>() {
                        Ok(dialect) => named.push(dialect),
                        Err(()) => self.fault(format!("{origin}: `{name}` is no dialect. Write flashback, laravel, authms, joined by commas, or none.")),
                    }
                }
                Dialects::new(named)
            }
        };
        dialects.authms_key = self.key_header().unwrap_or_default();
        dialects.trusts.limit = self.number("dialect_trusts_per_hour", 1, 1_000_000).unwrap_or(dialects.trusts.limit);
        dialects.writes.limit = self.number("dialect_writes_per_minute", 1, 1_000_000).unwrap_or(dialects.writes.limit);
        dialects
    }

    fn key_header(&mut self) -> Option<KeyHeader> {
        let Value { text, origin } = self.given.take("authms_key_header")?;
        let header = KeyHeader::named(text.trim());
        if header.is_none() {
            self.fault(format!(
                "{origin}: `{text}` can't be the header of an API key. Write the name of a header that has no other use, such as X-Internal-Key."
            ));
        }
        header
    }

    fn limits(&mut self) -> Limits {
        let usual = Limits::default();
        let seconds = |number: Option<u32>, usual| number.map_or(usual, |number| Duration::from_secs(number.into()));
        let mut connections = |name| self.number(name, 1, 1_000_000).and_then(|number| usize::try_from(number).ok());
        let (all, per_address) = (connections("max_connections"), connections("max_connections_per_address"));
        Limits {
            max_connections: all.unwrap_or(usual.max_connections),
            per_address: per_address.map_or(usual.per_address, PerAddress::Everyone),
            header_timeout: seconds(self.number("header_timeout_s", 1, 300), usual.header_timeout),
            keep_alive: seconds(self.number("keep_alive_s", 1, 3600), usual.keep_alive),
            request_timeout: seconds(self.number("request_timeout_s", 1, 300), usual.request_timeout),
            wrong_secrets: Quota {
                limit: self.number("wrong_secrets", 1, 1_000_000).unwrap_or(usual.wrong_secrets.limit),
                window_s: self.number("wrong_secrets_window_s", 1, 86_400).unwrap_or(usual.wrong_secrets.window_s),
            },
        }
    }

    fn listeners(&mut self, config: &Config, behind_proxy: bool) {
        if config.internal_listen == Some(config.listen) && config.listen.port() != 0 {
            self.fault("--listen and --internal-listen are the same address. Give internal another port, or leave it away so that both share one.");
        }
        if config.tls.is_some() || behind_proxy {
            return;
        }
        for (name, address) in [("--listen", Some(config.listen)), ("--internal-listen", config.internal_listen)] {
            if let Some(address) = address.filter(|address| !address.ip().is_loopback()) {
                self.fault(format!(
                    "{name} {address} would carry tokens over plain http beyond this machine. \
                     Give --tls-cert and --tls-key, or say --behind-proxy if a proxy in front ends TLS, or listen on 127.0.0.1."
                ));
            }
        }
    }
}

#[cfg(test)]
mod tests;
