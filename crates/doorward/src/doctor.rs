//! `doorward doctor`: finds what is misconfigured and says what to do; each check has a name of its own.

mod certificate;
mod locations;
mod machine;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;

use clap::ArgMatches;
use doorward_domain::{KeyId, KeyRing, Timestamp};
use doorward_service::{Clock as _, SystemClock};
use doorward_store::{Inspection, Schema};
use serde::Serialize;
use serde_json::json;

use crate::config::{Config, Database, Given, KeySource, unknown_variables};
use crate::failure::Failure;
use crate::secret_file::is_open_to_others;

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Ok,
    Warn,
    Fail,
}

/// A check and what it found.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Finding {
    check: &'static str,
    outcome: Outcome,
    /// What was found, and what to do about it.
    message: String,
}

/// What was found so far.
#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, check: &'static str, outcome: Outcome, message: impl Into<String>) {
        self.0.push(Finding { check, outcome, message: message.into() });
    }

    /// One finding for a check of which `fault` says what is wrong, if anything.
    fn judge(&mut self, check: &'static str, fault: Option<(Outcome, String)>, fine: &str) {
        let (outcome, message) = fault.unwrap_or_else(|| (Outcome::Ok, fine.to_owned()));
        self.add(check, outcome, message);
    }
}

/// By how many seconds the clock may be behind the record.
const CLOCK_GAP_S: u32 = 300;
/// How long before its end a certificate is worth a warning, in seconds: 21 days.
const CERTIFICATE_ENDS_SOON_S: u32 = 21 * 86_400;

/// Looks at everything and prints what it found.
pub(crate) async fn doctor(flags: &ArgMatches, given: Given) -> Result<(), Failure> {
    let thorough = flags.get_flag("deep");
    let mut findings = Findings::default();
    let told = Told::of(&given);
    match Config::check(given) {
        Ok(config) => {
            findings.add("configuration", Outcome::Ok, "every setting reads well");
            look(&config, &told, thorough, &mut findings).await;
        }
        Err(faults) => {
            for fault in faults {
                findings.add("configuration", Outcome::Fail, fault.to_string());
            }
        }
    }
    let unknown = unknown_variables(std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()));
    let fault = (!unknown.is_empty()).then(|| (Outcome::Warn, format!("no settings, and ignored: {}. `doorward serve --help` lists them", unknown.join(", "))));
    findings.judge("variables", fault, "no DOORWARD_ variable is mistyped");
    print(flags, &findings.0)?;
    let failed = findings.0.iter().filter(|finding| finding.outcome == Outcome::Fail).count();
    if failed == 0 { Ok(()) } else { Err(Failure::new(format!("{failed} of {} checks failed.", findings.0.len()))) }
}

/// What was given and the checked configuration no longer says.
struct Told {
    behind_proxy: bool,
    bootstrap_variable: bool,
    key_file: Option<String>,
}

impl Told {
    fn of(given: &Given) -> Self {
        Self {
            behind_proxy: given.peek("behind_proxy").is_some_and(|text| ["true", "yes", "on", "1"].contains(&text.trim())),
            bootstrap_variable: given.peek("bootstrap_api_key").is_some(),
            key_file: given.peek("secret_key_file").map(str::to_owned),
        }
    }
}

async fn look(config: &Config, told: &Told, thorough: bool, findings: &mut Findings) {
    listeners(config, told, findings);
    if let Some(tls) = &config.tls {
        findings.judge(
            "tls_certificate",
            certificate::fault(tls, SystemClock::new().now(), CERTIFICATE_ENDS_SOON_S),
            "the certificate is good and fits its key",
        );
    }
    if let Some(path) = &config.location_database {
        findings.judge("location_database", locations::fault(path, SystemClock::new().now()), "the location database is whole and not old");
    }
    findings.judge("open_files", machine::open_files(config.limits.max_connections), "the system allows as many open files as connections need");
    let ring = server_key(config, told, findings);
    let there = match &config.database {
        Database::Sqlite(path) => {
            findings.judge("database_file", database_file(path), "the database is readable by its owner alone");
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            findings.judge("file_system", machine::file_system(folder), "the database lies on a local file system");
            findings.judge("disk_space", machine::disk_space(folder), "there is room on the disk");
            path.exists()
        }
        Database::Postgres(url) => {
            findings.judge("database_encryption", encryption(url), "the connection to the database is encrypted, or leaves no machine");
            true
        }
    };
    if !there {
        return;
    }
    match doorward_store::inspect(&(&config.database).into(), thorough, SystemClock::new().now()).await {
        Ok(found) => database(&found, told, ring.as_ref(), thorough, findings),
        Err(error) => findings.add("database", Outcome::Fail, format!("{} can't be looked at: {error}", config.database)),
    }
}

fn listeners(config: &Config, told: &Told, findings: &mut Findings) {
    let open = !config.listen.ip().is_loopback();
    let shared = (open && config.internal_listen.is_none()).then(|| {
        let message = format!(
            "/internal and /metrics are reachable on {} with the public API; give --internal-listen an address of its own, or let the proxy pass /api/v1 alone",
            config.listen
        );
        (Outcome::Warn, message)
    });
    findings.judge("internal_listener", shared, "the internal API isn't shared with the public listener beyond this machine");
    let unproxied = (told.behind_proxy && config.trusted_proxies.is_empty()).then(|| {
        let message = "--behind-proxy is said and --trusted-proxies is empty: every request seems to come from the proxy; name the proxy's network";
        (Outcome::Warn, message.to_owned())
    });
    findings.judge("trusted_proxies", unproxied, "the proxies in front are named, or there are none");
    let plain = (told.behind_proxy && config.tls.is_none() && open).then(|| {
        (Outcome::Warn, format!("plain http on {}: tokens are readable between the proxy and here; be sure that this network is yours", config.listen))
    });
    findings.judge("plain_http", plain, "no token travels over plain http beyond this machine");
}

/// The ring, where it can be had without making one.
fn server_key(config: &Config, told: &Told, findings: &mut Findings) -> Option<KeyRing> {
    let (file, ring) = match &config.keys {
        KeySource::Given(keys) => (told.key_file.clone(), Some(KeyRing::new(keys.expose()))),
        KeySource::Beside(path) => {
            let text = std::fs::read_to_string(path);
            let keys = text.ok().and_then(|text| crate::config::ServerKeys::parse(&text).ok());
            (Some(path.display().to_string()), keys.map(|keys| KeyRing::new(keys.expose())))
        }
    };
    let made_later = matches!(&config.database, Database::Sqlite(path) if !path.exists());
    let fault = match (&file, &ring) {
        (Some(file), None) if !Path::new(file).exists() && made_later => Some((Outcome::Ok, format!("{file} will be made at the first start"))),
        (Some(file), None) => Some((Outcome::Fail, format!("{file} can't be read as a server key; put it back, without it no token is good"))),
        (Some(file), Some(_)) if is_open_to_others(Path::new(file)) => Some((Outcome::Fail, format!("{file} can be read by others: chmod 600 {file}"))),
        _ => None,
    };
    findings.judge("server_key", fault, "the server key is there and private");
    let beside = matches!(&config.keys, KeySource::Beside(path) if path.exists());
    let place = beside
        .then(|| (Outcome::Warn, "the server key lies beside the database: keep it out of the database's backups, and a copy in another place".to_owned()));
    findings.judge("server_key_place", place, "the server key doesn't lie beside the database");
    ring
}

fn database_file(path: &Path) -> Option<(Outcome, String)> {
    if !path.exists() {
        return Some((Outcome::Warn, format!("there is no database {}; the first start makes one", path.display())));
    }
    let shown = path.display();
    is_open_to_others(path).then(|| (Outcome::Fail, format!("{shown} can be read by others: chmod 600 {shown} {shown}-*")))
}

fn encryption(url: &str) -> Option<(Outcome, String)> {
    let way = match doorward_store::way(url) {
        Ok(way) => way,
        Err(error) => return Some((Outcome::Fail, error.to_string())),
    };
    let message = "the address of the database has no sslmode of require or stronger, so an attacker in between can read along; add sslmode=verify-full";
    (!way.local && !way.encrypted).then(|| (Outcome::Warn, message.to_owned()))
}

fn database(found: &Inspection, told: &Told, ring: Option<&KeyRing>, thorough: bool, findings: &mut Findings) {
    let schema = match found.schema {
        Schema::Current => None,
        Schema::Behind(by) => Some((Outcome::Warn, format!("{by} migrations are pending: doorward migrate, or the next start, applies them"))),
        Schema::Other(number) => {
            Some((Outcome::Fail, format!("the database has a migration {number} that isn't this program's; run the version that made it")))
        }
    };
    findings.judge("migrations", schema, "the tables are up to date");
    // What has settings is a server, which looks after its own pages: nobody has looked at them here.
    let is_file = found.settings.is_empty();
    let damage = (!found.faults.is_empty()).then(|| (Outcome::Fail, format!("the file is damaged: {}. Restore a backup", found.faults.join("; "))));
    let fine = if thorough { "every page and index is whole" } else { "the pages are whole; --deep looks at the indexes too" };
    if is_file {
        findings.judge("integrity", damage, fine);
    }
    findings.judge("clock", clock(found.latest_moment, SystemClock::new().now()), "the clock isn't behind the last moment on record");
    if let Some(ring) = ring.filter(|_| !found.server_keys.is_empty()) {
        findings.judge("server_key_fits", misfit(found, ring), "the server key is the database's");
        findings.judge("server_keys_used", misused(found, ring), "every server key that is needed is given, and no other");
    }
    let left = (told.bootstrap_variable && found.bootstrapped).then(|| {
        let message = "DOORWARD_BOOTSTRAP_API_KEY is still set, and ignored, since the first key is installed: take it out of the environment";
        (Outcome::Warn, message.to_owned())
    });
    findings.judge("bootstrap_key", left, "no first API key lies about in the environment");
    let endless = found.endless_keys;
    let message = format!("{endless} API keys have no end: replace them from time to time, or give new ones an end");
    findings.judge("api_keys", (endless > 0).then_some((Outcome::Warn, message)), "every API key has an end");
    for (name, value) in &found.settings {
        let (check, fault) = match *name {
            "server_version_num" => ("postgres_version", value.parse::<i64>().is_ok_and(|version| version < 150_000).then_some(Outcome::Warn)),
            "fsync" => ("postgres_fsync", (value != "on").then_some(Outcome::Fail)),
            "full_page_writes" => ("postgres_full_page_writes", (value != "on").then_some(Outcome::Fail)),
            _ => ("postgres_synchronous_commit", ["off", "local"].contains(&value.as_str()).then_some(Outcome::Warn)),
        };
        let next = if check == "postgres_version" { "15 or newer is what is tested" } else { "a power cut may lose what was acknowledged: set it to on" };
        findings.judge(check, fault.map(|outcome| (outcome, format!("{name} is {value}; {next}"))), &format!("{name} is {value}"));
    }
}

fn clock(latest: Option<Timestamp>, now: Timestamp) -> Option<(Outcome, String)> {
    let latest = latest.filter(|latest| *latest > now.plus_s(CLOCK_GAP_S))?;
    Some((Outcome::Fail, format!("the clock says {now}, and the database has seen {latest}: correct the clock, or sessions end early")))
}

fn misfit(found: &Inspection, ring: &KeyRing) -> Option<(Outcome, String)> {
    let known = |id| found.server_keys.iter().find(|(known, _)| *known == id);
    if let Some((id, _)) = ring.checks().find(|(id, check)| known(*id).is_some_and(|(_, known)| known != check)) {
        return Some((Outcome::Fail, format!("server key {id} is damaged: it isn't the one on record")));
    }
    let fits = ring.checks().any(|(id, _)| known(id).is_some());
    let ids = found.server_keys.iter().map(|(id, _)| id.to_string()).collect::<Vec<_>>().join(", ");
    (!fits).then(|| (Outcome::Fail, format!("the database was made with another server key ({ids}): give that one, or no token can be checked")))
}

/// A server key that is needed and isn't given, or was replaced and isn't needed any more.
fn misused(found: &Inspection, ring: &KeyRing) -> Option<(Outcome, String)> {
    let given: Vec<KeyId> = ring.checks().map(|(id, _)| id).collect();
    let recorded = found.server_keys.iter().map(|(id, _)| id);
    let missing: BTreeSet<&KeyId> = found.keys_used.keys().chain(recorded).filter(|id| !given.contains(id)).collect();
    if !missing.is_empty() {
        let message = format!(
            "what lies under the server keys {} can't be read or checked, and is answered with 503, as is an API key that isn't known: give them in \
             DOORWARD_SECRET_KEY, behind the first, until `doorward server-key retire` has retired them",
            missing.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        );
        return Some((Outcome::Fail, message));
    }
    // One that isn't on record waits for its turn, or was retired.
    let was_active = |id: &KeyId| found.server_keys.iter().any(|(known, _)| known == id);
    let needed = |id: &KeyId| found.keys_used.get(id).is_some_and(|usage| usage.is_needed());
    let spare = given.iter().skip(1).find(|id| was_active(id) && !needed(id))?;
    Some((Outcome::Warn, format!("the server key {spare} was replaced and nobody needs it any more: doorward server-key retire {spare}")))
}

fn print(flags: &ArgMatches, findings: &[Finding]) -> Result<(), Failure> {
    let worst = findings.iter().map(|finding| finding.outcome).max().unwrap_or(Outcome::Ok);
    let text = if flags.get_flag("json") {
        format!("{:#}\n", json!({ "outcome": worst, "checks": findings }))
    } else {
        let word = |outcome| match outcome {
            Outcome::Ok => "ok  ",
            Outcome::Warn => "warn",
            Outcome::Fail => "FAIL",
        };
        findings.iter().map(|finding| format!("{}  {:<28} {}\n", word(finding.outcome), finding.check, finding.message)).collect()
    };
    std::io::stdout().write_all(text.as_bytes()).map_err(|error| Failure::new(format!("What was found can't be printed: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(settings: Vec<(&'static str, String)>) -> Inspection {
        Inspection {
            schema: Schema::Other(9),
            faults: vec![],
            latest_moment: None,
            server_keys: vec![],
            keys_used: doorward_store::KeysUsed::new(),
            bootstrapped: false,
            endless_keys: 0,
            settings,
        }
    }

    #[test]
    fn a_clock_behind_the_record_a_damaged_key_and_a_careless_server_are_found() {
        let now = Timestamp::parse("2026-11-15T00:00:00Z").expect("a time");
        assert_eq!(clock(Some(now.plus_s(300)), now), None);
        assert_eq!(clock(Some(now.plus_s(301)), now).map(|(outcome, _)| outcome), Some(Outcome::Fail));
        let ring = KeyRing::new(&[[1; 32]]);
        let (id, check) = ring.checks().next().expect("one");
        assert_eq!(misfit(&Inspection { server_keys: vec![(id, check)], ..found(vec![]) }, &ring), None);
        for server_keys in [vec![(id, [0; 16])], vec![(KeyId(id.0 ^ 1), check)]] {
            assert_eq!(misfit(&Inspection { server_keys, ..found(vec![]) }, &ring).map(|(outcome, _)| outcome), Some(Outcome::Fail));
        }
        let settings = [("server_version_num", "130001"), ("fsync", "off"), ("synchronous_commit", "off"), ("full_page_writes", "off")];
        let told = Told { behind_proxy: false, bootstrap_variable: false, key_file: None };
        let mut findings = Findings::default();
        database(&found(settings.map(|(name, value)| (name, value.to_owned())).to_vec()), &told, None, false, &mut findings);
        let outcome = |check: &str| findings.0.iter().find(|finding| finding.check == check).map(|finding| finding.outcome);
        assert_eq!((outcome("migrations"), outcome("integrity")), (Some(Outcome::Fail), None));
        assert_eq!((outcome("postgres_version"), outcome("postgres_fsync")), (Some(Outcome::Warn), Some(Outcome::Fail)));
        assert_eq!((outcome("postgres_synchronous_commit"), outcome("postgres_full_page_writes")), (Some(Outcome::Warn), Some(Outcome::Fail)));
    }
}
