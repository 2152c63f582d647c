//! The database's address as libpq reads it: what the driver understands, and what TLS is asked for.

use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr as _;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use crate::StoreError;

/// How long one address of the server may take to answer, unless `connect_timeout` says otherwise.
const CONNECT: Duration = Duration::from_secs(5);
/// After how long without an answer on the network a connection is given up, unless `tcp_user_timeout` says otherwise.
const SILENCE: Duration = Duration::from_secs(10);

/// Which certificates are taken from the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trust {
    /// Any: `prefer` and `require` encrypt, and don't say with whom.
    Anyone,
    /// One that these roots vouch for, whatever its name: `verify-ca`.
    Chain(Roots),
    /// One that these roots vouch for, in the server's name: `verify-full`.
    Name(Roots),
}

/// Who vouches for the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Roots {
    /// The system's authorities.
    System,
    /// Those in a file, as PEM.
    File(PathBuf),
}

/// How the way to a database is kept from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Way {
    /// It leaves no machine: every host is a Unix socket or an address of this machine's own.
    pub local: bool,
    /// Nothing is said over it that isn't encrypted, or the connection fails.
    pub encrypted: bool,
}

/// What `postgres://…` says of the way to the database.
///
/// # Errors
/// `Misconfigured` with what can't be read; never with the address, since it may hold a password.
pub fn way(url: &str) -> Result<Way, StoreError> {
    let config = Address::parse(url)?.config;
    let (hosts, addresses) = (config.get_hosts(), config.get_hostaddrs());
    let stays = |host: &Host| match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => name == "localhost" || name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback()),
    };
    // An address, where there is one, is what is connected to, whatever the host is called.
    let local =
        if addresses.is_empty() { !hosts.is_empty() && hosts.iter().all(stays) } else { addresses.iter().all(|address| address.to_canonical().is_loopback()) };
    Ok(Way { local, encrypted: config.get_ssl_mode() == SslMode::Require })
}

/// A database's address.
pub(super) struct Address {
    pub(super) config: Config,
    pub(super) trust: Trust,
}

impl Address {
    /// Reads `postgres://…`. Its faults never repeat it, since it may hold a password.
    pub(super) fn parse(url: &str) -> Result<Self, StoreError> {
        let (url, own) = split(url)?;
        let mut config = Config::from_str(&url).map_err(|error| {
            let cause = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
            misconfigured(&format!("can't be read: {cause}"))
        })?;
        let roots = match own.root_certificate.as_deref() {
            None | Some("system") => Roots::System,
            Some(path) => Roots::File(PathBuf::from(path)),
        };
        let (mode, trust) = match own.mode.as_deref() {
            Some("disable") => (SslMode::Disable, Trust::Anyone),
            // Unlike libpq's `allow` and `prefer`, a handshake that fails isn't tried again without TLS.
            None | Some("allow" | "prefer") => (SslMode::Prefer, Trust::Anyone),
            // As in libpq: whoever names roots wants them to be used.
            Some("require") if own.root_certificate.is_some() => (SslMode::Require, Trust::Chain(roots)),
            Some("require") => (SslMode::Require, Trust::Anyone),
            Some("verify-ca") => (SslMode::Require, Trust::Chain(roots)),
            Some("verify-full") => (SslMode::Require, Trust::Name(roots)),
            Some(_) => return Err(misconfigured("has an sslmode other than disable, allow, prefer, require, verify-ca or verify-full")),
        };
        // As in libpq: there is no TLS over a Unix socket.
        let sockets = !config.get_hosts().is_empty() && config.get_hosts().iter().all(|host| matches!(host, Host::Unix(_)));
        config.ssl_mode(if sockets { SslMode::Disable } else { mode });
        if config.get_application_name().is_none() {
            config.application_name("doorward");
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(SILENCE);
        }
        Ok(Self { config, trust })
    }
}

/// The parameters that the driver doesn't know.
#[derive(Default)]
struct Own {
    mode: Option<String>,
    root_certificate: Option<String>,
}

/// Takes our own parameters out of the address.
fn split(url: &str) -> Result<(String, Own), StoreError> {
    // A password may hold anything but an at sign.
    let host = url.find('@').unwrap_or(0);
    let Some(query) = url[host..].find('?').map(|at| host + at) else { return Ok((url.to_owned(), Own::default())) };
    let mut own = Own::default();
    let mut rest = Vec::new();
    for parameter in url[query + 1..].split('&') {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        let target = match name {
            "sslmode" => &mut own.mode,
            "sslrootcert" => &mut own.root_certificate,
            "sslcert" | "sslkey" | "sslpassword" | "sslcrl" | "sslcrldir" => {
                return Err(misconfigured(&format!("has {name}, and Doorward can't use client certificates or revocation lists yet; leave it out")));
            }
            _ => {
                rest.push(parameter);
                continue;
            }
        };
        let value = percent_decode_str(value).decode_utf8().map_err(|_| misconfigured(&format!("has an unreadable {name}")))?;
        *target = Some(value.into_owned());
    }
    let mut url = url[..query].to_owned();
    if !rest.is_empty() {
        url.push('?');
        url.push_str(&rest.join("&"));
    }
    Ok((url, own))
}

fn misconfigured(what: &str) -> StoreError {
    StoreError::Misconfigured(format!("the database address {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_libpqs() {
        let read = |url: &str| Address::parse(url).map(|address| (address.config.get_ssl_mode(), address.trust)).expect(url);
        let file = Roots::File(PathBuf::from("/etc/a b.pem"));
        for (query, mode, trust) in [
            ("", SslMode::Prefer, Trust::Anyone),
            ("?sslmode=disable", SslMode::Disable, Trust::Anyone),
            ("?connect_timeout=3&sslmode=require", SslMode::Require, Trust::Anyone),
            ("?sslmode=require&sslrootcert=/etc/a%20b.pem", SslMode::Require, Trust::Chain(file.clone())),
            ("?sslmode=verify-ca&sslrootcert=/etc/a%20b.pem&application_name=x", SslMode::Require, Trust::Chain(file.clone())),
            ("?sslmode=verify-full", SslMode::Require, Trust::Name(Roots::System)),
            ("?sslrootcert=/etc/a%20b.pem&sslmode=verify-full", SslMode::Require, Trust::Name(file)),
        ] {
            assert_eq!(read(&format!("postgres://a:p%3F?x@db.example:5433/doorward{query}")), (mode, trust), "{query}");
        }
        assert_eq!(read("postgres:///doorward?host=/run/postgresql&sslmode=require").0, SslMode::Disable, "no TLS over a socket");
    }

    #[test]
    fn the_way_is_judged_by_hosts_and_mode_and_not_by_what_the_address_looks_like() {
        for (url, local, encrypted) in [
            ("postgres://u@localhost/d", true, false),
            ("postgres://u@127.0.0.2:5433/d", true, false),
            ("postgres://u@[::1]/d", true, false),
            ("postgres:///d?host=/run/postgresql", true, false),
            ("postgres://%2Frun%2Fpostgresql/d", true, false),
            ("postgres://u@localhost,db.example/d", false, false),
            ("postgres://u@localhost.example/d", false, false),
            ("postgres://u@127.example/d", false, false),
            ("postgres://u:a%40localhost@db.example/d", false, false),
            ("postgres://u:sslmode=require@db.example/d", false, false),
            ("postgres://u@db.example/d?application_name=sslmode%3Drequire", false, false),
            ("postgres://u@localhost/d?hostaddr=203.0.113.7", false, false),
            ("postgres://u@db.example/d?hostaddr=127.0.0.1", true, false),
            ("postgres://u@db.example/d?sslmode=prefer", false, false),
            ("postgres://u@db.example/d?sslmode=require", false, true),
            ("postgres://u@db.example/d?sslmode=verify%2Dfull", false, true),
            ("postgres://u:p?x@db.example/d?sslmode=verify-ca", false, true),
        ] {
            assert_eq!(way(url).expect(url), Way { local, encrypted }, "{url}");
        }
        assert!(way("postgres://u:hunter2@h/d?sslmode=maybe").is_err_and(|fault| !fault.to_string().contains("hunter2")));
    }

    #[test]
    fn faults_name_the_part_and_never_the_password() {
        for (url, part) in [
            ("postgres://a:hunter2@h/d?sslmode=maybe", "sslmode"),
            ("postgres://a:hunter2@h/d?sslcert=/c.pem", "sslcert"),
            ("postgres://a:hunter2@h/d?colour=blue", "colour"),
            ("postgres://a:hunter2@h:port/d", "port"),
        ] {
            let fault = Address::parse(url).err().map(|error| error.to_string()).expect(url);
            assert!(fault.contains(part) && !fault.contains("hunter2"), "{fault}");
        }
    }
}
