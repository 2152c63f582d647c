//! The database's address as libpq reads it: what the driver understands, and what TLS is asked for.

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
