//! Precedence and checks of the configuration, from command line to typed value.

use std::collections::HashMap;
use std::io::Write as _;

use super::*;
use crate::command::command;

/// What `doorward serve` makes of these arguments, variables and file.
fn serve(arguments: &[&str], variables: &[(&str, &str)], file: &str) -> Result<Config, Vec<Fault>> {
    let mut kept = tempfile::NamedTempFile::new().expect("a temporary file");
    kept.write_all(file.as_bytes()).expect("the file can be written");
    let path = kept.path().to_str().expect("a UTF-8 path").to_owned();
    let mut line = vec!["doorward", "serve", "--config", &path];
    line.extend(arguments);
    let matches = command().try_get_matches_from(line).expect("good arguments");
    let (_, flags) = matches.subcommand().expect("a subcommand");
    let variables: HashMap<&str, &str> = variables.iter().copied().collect();
    Config::check(Given::gather(flags, &|name| variables.get(name).map(|text| (*text).to_owned()))?)
}

fn faults(arguments: &[&str], variables: &[(&str, &str)], file: &str) -> String {
    let faults = serve(arguments, variables, file).expect_err("a fault");
    faults.iter().map(|fault| format!("{fault}\n")).collect()
}

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

#[test]
fn without_anything_the_defaults_hold() {
    let config = serve(&[], &[], "").expect("the defaults are good");
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.internal_listen, None);
    assert_eq!(config.database, Database::Sqlite("./data/doorward.db".into()));
    assert_eq!(config.keys, KeySource::Beside("./data/doorward.db.key".into()));
    assert_eq!(config.bootstrap, None);
    assert_eq!(config.log, LogConfig { filter: "info".to_owned(), format: None });
    assert_eq!(config.limits, Limits::default());
    assert_eq!(config.location_database, None);
    assert!(config.tls.is_none() && config.trusted_proxies.is_empty() && config.session_cookie.is_none());
}

#[test]
fn a_flag_beats_a_variable_beats_the_file() {
    let file = "listen = '127.0.0.1:1'\nmax_connections = 11\nheader_timeout_s = 5\n";
    let variables = [("DOORWARD_LISTEN", "127.0.0.1:2"), ("DOORWARD_MAX_CONNECTIONS", "12")];
    let config = serve(&["--listen", "127.0.0.1:3"], &variables, file).expect("all good");
    assert_eq!(config.listen.port(), 3);
    assert_eq!(config.limits.max_connections, 12);
    assert_eq!(config.limits.header_timeout.as_secs(), 5);
    let config = serve(&[], &variables, file).expect("all good");
    assert_eq!(config.listen.port(), 2);
    let file = format!("{file}location_database = 'a.mmdb'\n");
    let places = [("DOORWARD_LOCATION_DATABASE", "b.mmdb")];
    for (arguments, variables, path) in [(&[][..], &[][..], "a.mmdb"), (&[], &places, "b.mmdb"), (&["--location-database", "c.mmdb"], &places, "c.mmdb")] {
        assert_eq!(serve(arguments, variables, &file).expect("all good").location_database, Some(path.into()));
    }
    let config = serve(&[], &[("DOORWARD_LISTEN", "")], &file).expect("an empty variable is none");
    assert_eq!(config.listen.port(), 1);
}

#[test]
fn dialects_are_served_but_for_what_the_operator_leaves_out() {
    let served = |arguments: &[&str]| serve(arguments, &[], "").expect("all good").dialects.on().map(|dialect| dialect.name()).collect::<Vec<_>>();
    assert_eq!(served(&[]), ["flashback", "laravel", "authms"]);
    assert_eq!(served(&["--dialects", "authms, flashback"]), ["flashback", "authms"]);
    assert!(served(&["--dialects", "none"]).is_empty());
    assert!(faults(&["--dialects", "flashback,native"], &[], "").contains("`native` is no dialect. Write flashback, laravel, authms"));
    let paced = serve(&["--dialect-trusts-per-hour", "3", "--dialect-writes-per-minute", "7"], &[], "").expect("all good").dialects;
    assert_eq!((paced.trusts.limit, paced.trusts.window_s, paced.writes.limit, paced.writes.window_s), (3, 3_600, 7, 60));
    assert!(faults(&["--dialect-trusts-per-hour", "0"], &[], "").contains("`0` is no number from 1 to 1000000"));
}

#[test]
fn connections_of_an_address_are_bounded_where_addresses_tell_callers_apart() {
    let per_address = |arguments: &[&str]| serve(arguments, &[], "").expect("all good").limits.per_address;
    let named = ["--behind-proxy", "--trusted-proxies", "10.0.0.0/8"];
    assert_eq!(per_address(&[]), PerAddress::Strangers(1_000));
    assert_eq!(per_address(&named), PerAddress::Strangers(1_000));
    assert_eq!(per_address(&["--behind-proxy"]), PerAddress::Unbounded);
    assert_eq!(per_address(&["--behind-proxy", "--max-connections-per-address", "7"]), PerAddress::Everyone(7));
}

#[test]
fn every_setting_can_be_given_in_each_way() {
    let file = "behind_proxy = true\ntrusted_proxies = ['10.0.0.0/8', '::1']\nlog_format = 'text'\ndata_dir = '/var/lib/doorward'\n";
    let variables = [
        ("DOORWARD_SECRET_KEY", KEY),
        ("DOORWARD_BOOTSTRAP_TENANT", "acme"),
        ("DOORWARD_BOOTSTRAP_API_KEY", "abcdefghijklmnopqrstuvwxyz0123456789"),
        ("DOORWARD_INTERNAL_LISTEN", "10.1.2.3:9000"),
    ];
    let config = serve(&["--listen", "0.0.0.0:8080", "--log", "warn,doorward=debug"], &variables, file).expect("all good");
    assert_eq!(config.trusted_proxies.len(), 2);
    assert_eq!(config.log.format, Some(LogFormat::Text));
    assert_eq!(config.database, Database::Sqlite("/var/lib/doorward/doorward.db".into()));
    assert!(matches!(config.keys, KeySource::Given(_)));
    assert_eq!(config.bootstrap.map(|bootstrap| bootstrap.tenant).as_deref(), Some("acme"));
    assert_eq!(config.internal_listen.map(|address| address.port()), Some(9000));
}

#[test]
fn plain_http_beyond_this_machine_is_refused() {
    let message = faults(&["--listen", "0.0.0.0:8080"], &[("DOORWARD_INTERNAL_LISTEN", "[::]:9000")], "");
    assert_eq!(message.lines().count(), 2);
    assert!(message.contains("--listen 0.0.0.0:8080") && message.contains("--behind-proxy") && message.contains("--tls-cert"));
    assert!(serve(&["--listen", "0.0.0.0:8080", "--behind-proxy"], &[], "").is_ok());
    assert!(serve(&["--listen", "0.0.0.0:8080", "--tls-cert", "c", "--tls-key", "k"], &[], "").is_ok());
    assert!(serve(&["--listen", "[::1]:8080"], &[], "").is_ok());
}

#[test]
fn on_postgresql_the_key_must_be_given() {
    let url = [("DOORWARD_DATABASE_URL", "postgres://u:canary@h/d")];
    let message = faults(&[], &url, "");
    assert!(message.contains("DOORWARD_SECRET_KEY is missing") && message.contains("openssl rand"), "{message}");
    assert!(serve(&[], &[url[0], ("DOORWARD_SECRET_KEY", KEY)], "").is_ok());
}

#[test]
fn a_key_file_is_read_and_not_both_ways_at_once() {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    writeln!(file, "{KEY}").expect("the file can be written");
    let path = file.path().to_str().expect("a UTF-8 path");
    let config = serve(&["--secret-key-file", path], &[], "").expect("a good file");
    assert!(matches!(config.keys, KeySource::Given(keys) if keys.expose().len() == 1));
    assert!(faults(&["--secret-key-file", path], &[("DOORWARD_SECRET_KEY", KEY)], "").contains("both given"));
    assert!(faults(&["--secret-key-file", "/nowhere/at/all"], &[], "").contains("can't be read"));
}

#[test]
fn all_faults_are_named_at_once_with_their_origin_and_no_secret() {
    let variables = [
        ("DOORWARD_LISTEN", "example"),
        ("DOORWARD_SECRET_KEY", "canary-secret"),
        ("DOORWARD_DATABASE_URL", "mysql://u:canary@h"),
        ("DOORWARD_BOOTSTRAP_TENANT", "Acme"),
        ("DOORWARD_BOOTSTRAP_API_KEY", "canary"),
        ("DOORWARD_LOG_FORMAT", "xml"),
        ("DOORWARD_TLS_KEY", "key.pem"),
    ];
    let message = faults(&["--max-connections", "0"], &variables, "trusted_proxies = ['10.0.0.1/8']");
    assert_eq!(message.lines().count(), 9, "{message}");
    for origin in
        ["--max-connections: `0`", "DOORWARD_LISTEN: `example`", "DOORWARD_LOG_FORMAT: `xml`", "DOORWARD_TLS_KEY is given alone", "trusted_proxies in "]
    {
        assert!(message.contains(origin), "{origin}\n{message}");
    }
    assert!(!message.contains("canary"), "{message}");
}

#[test]
fn a_bad_file_is_refused_by_line_and_key() {
    assert!(faults(&[], &[], "listen = '127.0.0.1:1'\nsecret_key = canary").contains("at line 2"));
    assert!(!faults(&[], &[], "secret_key = canary").contains("canary"));
    assert!(faults(&[], &[], "lisen = 'x'\n").contains("lisen in "));
    assert!(faults(&[], &[], "listen = 1.5\n").contains("usable type"));
}

#[test]
fn a_mistyped_variable_is_noticed() {
    let names = ["DOORWARD_LISTN", "DOORWARD_LISTEN", "DOORWARD_CONFIG", "DOORWARD_PORT_8080_TCP", "DOORWARD_SERVICE_HOST", "HOME"];
    assert_eq!(unknown_variables(names.into_iter().map(str::to_owned)), ["DOORWARD_LISTN"]);
}

#[test]
fn secrets_have_no_flag() {
    for flag in ["--secret-key", "--bootstrap-api-key"] {
        assert!(command().try_get_matches_from(["doorward", "serve", flag, "x"]).is_err());
    }
}

#[test]
fn the_command_line_is_well_formed() {
    command().debug_assert();
}
