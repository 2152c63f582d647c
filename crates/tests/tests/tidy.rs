//! The rules of the house that no compiler knows: who may depend on whom, what stands where, and what stands nowhere.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Which crates of the workspace each may use. `doorward-tests` is a leaf and may use all.
const ARROWS: [(&str, &[&str]); 8] = [
    ("domain", &[]),
    ("agents", &[]),
    ("locations", &["domain"]),
    ("store", &["domain"]),
    ("service", &["domain", "agents", "store"]),
    ("api", &["domain", "agents", "service"]),
    ("doorward", &["domain", "store", "service", "api", "demo", "locations"]),
    ("demo", &[]),
];

/// Crates of others that have one place.
const PLACES: [(&[&str], &[&str]); 4] = [
    (&["axum", "hyper", "hyper-util", "tower", "tower-http", "utoipa", "utoipa-axum", "utoipa-swagger-ui"], &["api", "doorward", "demo", "tests"]),
    // The tests look at rows beside the store.
    (&["rusqlite", "libsqlite3-sys", "tokio-postgres", "postgres", "deadpool-postgres", "tokio-postgres-rustls"], &["store", "tests"]),
    (&["maxminddb"], &["locations"]),
    (&["doorward-tests"], &[]),
];

/// Where time may be read and randomness drawn, and why.
const CLOCKS: [(&str, &str); 9] = [
    ("crates/service/src/env.rs", "Clock and Entropy live here"),
    ("crates/api/src/layers/", "how long a request took, for the log and the metrics"),
    ("crates/doorward/src/server", "time limits of connections"),
    ("crates/doorward/src/keys.rs", "the server key and the API keys that a command makes"),
    ("crates/doorward/tests/", "a test's patience"),
    ("crates/demo/src/", "a host of its own: its people's codes, and how long a call took"),
    ("crates/agents/examples/", "a measurement"),
    ("crates/store/src/postgres/tests/", "a test's patience, and names for its databases"),
    ("crates/tests/", "a test's patience, and names that no other test has"),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the workspace")
}

/// Every file under a folder, as its path from the root and its text; what isn't text is left out.
fn files_under(folder: &str) -> Vec<(String, String)> {
    const NOT_OURS: [&str; 6] = ["target", ".git", "node_modules", "data", "images", "snapshots"];
    let root = root();
    let (mut files, mut folders) = (Vec::new(), vec![root.join(folder)]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the folder lists") {
            let entry = entry.expect("an entry");
            let name = entry.file_name().to_string_lossy().into_owned();
            // `.git` is a file in a linked work tree.
            if NOT_OURS.contains(&name.as_str()) {
                continue;
            }
            if entry.file_type().expect("its kind").is_dir() {
                folders.push(entry.path());
            } else if let Ok(text) = fs::read_to_string(entry.path()) {
                let path = entry.path().strip_prefix(&root).expect("it is under the root").to_string_lossy().into_owned();
                files.push((path, text));
            }
        }
    }
    files.sort();
    assert!(!files.is_empty(), "{folder} is empty");
    files
}

fn sources() -> Vec<(String, String)> {
    let sources: Vec<_> = files_under("crates").into_iter().filter(|(path, _)| path.ends_with(".rs")).collect();
    assert!(sources.len() > 100, "where is everything?");
    sources
}

/// A word put together here, so that this file doesn't hold what it looks for.
fn word(parts: &[&str]) -> String {
    parts.concat()
}

fn assert_none(what: &str, found: &[String]) {
    assert!(found.is_empty(), "{what}:\n  {}", found.join("\n  "));
}

/// The names under `[dependencies]`, `[build-dependencies]` and, on demand, `[dev-dependencies]` of a crate.
fn dependencies(name: &str, with_dev: bool) -> Vec<String> {
    let text = fs::read_to_string(root().join("crates").join(name).join("Cargo.toml")).expect("a manifest");
    let manifest: toml::Table = text.parse().expect("TOML");
    let tables = ["dependencies", "build-dependencies", "dev-dependencies"];
    let tables = tables.into_iter().filter(|table| with_dev || *table != "dev-dependencies");
    let mut names: Vec<String> = tables.filter_map(|table| manifest.get(table)?.as_table()).flat_map(|table| table.keys().cloned()).collect();
    let targets = manifest.get("target").and_then(toml::Value::as_table).map(|targets| targets.values().cloned().collect::<Vec<_>>()).unwrap_or_default();
    names.extend(targets.iter().filter_map(|target| target.get("dependencies")?.as_table()).flat_map(|table| table.keys().cloned()));
    names
}

fn crates() -> Vec<String> {
    let folder = fs::read_dir(root().join("crates")).expect("the crates");
    let mut names: Vec<String> = folder.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn crates_depend_on_each_other_only_as_drawn() {
    let mut drawn: Vec<&str> = ARROWS.iter().map(|(name, _)| *name).chain(["tests"]).collect();
    drawn.sort_unstable();
    assert_eq!(crates(), drawn, "a crate that isn't drawn, or one that is gone");
    for (name, may) in ARROWS {
        let ours = dependencies(name, true).into_iter().filter_map(|dependency| dependency.strip_prefix("doorward-").map(str::to_owned));
        let more: Vec<String> = ours.filter(|dependency| !may.contains(&dependency.as_str())).collect();
        assert_none(&format!("{name} must not use"), &more);
    }
}

#[test]
fn crates_of_others_stay_in_their_places() {
    for name in crates() {
        for (theirs, places) in PLACES {
            let found: Vec<String> = dependencies(&name, true).into_iter().filter(|found| theirs.contains(&found.as_str())).collect();
            if !places.contains(&name.as_str()) {
                assert_none(&format!("{name} must not use"), &found);
            }
        }
    }
}

#[test]
fn engines_and_surfaces_never_import_each_other() {
    let apart = [
        ("crates/store/src/sqlite/", "postgres::"),
        ("crates/store/src/postgres/", "sqlite::"),
        ("crates/api/src/native/", "internal::"),
        ("crates/api/src/internal/", "native::"),
        ("crates/api/src/native/", "dialects::"),
        ("crates/api/src/internal/", "dialects::"),
        ("crates/api/src/dialects/", "internal::"),
        ("crates/api/src/dialects/", "native::"),
        ("crates/api/src/dialects/authms/", "flashback::"),
        ("crates/api/src/dialects/authms/", "laravel::"),
        ("crates/api/src/dialects/flashback/", "authms::"),
        ("crates/api/src/dialects/flashback/", "laravel::"),
        ("crates/api/src/dialects/laravel/", "authms::"),
        ("crates/api/src/dialects/laravel/", "flashback::"),
    ];
    let sources = sources();
    for (folder, other) in apart {
        let uses = |line: &&str| {
            let code = line.split("//").next().unwrap_or_default();
            ["crate::", "super::super::", "super::"].iter().any(|way| code.contains(&format!("{way}{other}")))
        };
        let found = sources.iter().filter(|(path, _)| path.starts_with(folder));
        let found: Vec<String> = found.flat_map(|(path, text)| text.lines().filter(uses).map(move |line| format!("{path}: {}", line.trim()))).collect();
        assert_none(&format!("{folder} reaches over to {other}"), &found);
    }
    for folder in ["crates/store/src/sqlite/", "crates/store/src/postgres/", "crates/api/src/native/", "crates/api/src/internal/"] {
        assert!(sources.iter().any(|(path, _)| path.starts_with(folder)), "{folder} is gone: this rule looks at nothing");
    }
}

#[test]
fn sql_stands_in_the_store_alone() {
    let phrases =
        [["SELECT", " "], ["INSERT", " INTO"], ["DELETE", " FROM"], ["CREATE", " TABLE"], ["PRAGMA", " "], ["BEGIN", " IMMEDIATE"]].map(|parts| word(&parts));
    let elsewhere = |path: &str| !path.starts_with("crates/store/") && !path.starts_with("crates/tests/");
    let found: Vec<String> = sources()
        .into_iter()
        .filter(|(path, _)| elsewhere(path))
        .flat_map(|(path, text)| {
            let lines = text.lines().filter(|line| phrases.iter().any(|phrase| line.contains(phrase.as_str())));
            lines.map(|line| format!("{path}: {}", line.trim())).collect::<Vec<_>>()
        })
        .collect();
    assert_none("SQL outside the store", &found);
}

#[test]
fn time_and_randomness_come_from_one_place() {
    let calls = [
        "SystemTime::now",
        "Instant::now",
        "Timestamp::now",
        "Zoned::now",
        "SystemRandom",
        "rand::fill",
        "getrandom",
        "clock_gettime",
        "now_v7",
        "Uuid::new_v4",
    ];
    let allowed = |path: &str| CLOCKS.iter().any(|(place, _)| path.starts_with(place));
    // What a module tests of itself stands at its end.
    let code = |text: &str| text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned();
    let found: Vec<String> = sources()
        .into_iter()
        .filter(|(path, _)| !allowed(path) && !path.ends_with("/tests.rs"))
        .flat_map(|(path, text)| {
            let lines: Vec<String> =
                code(&text).lines().filter(|line| calls.iter().any(|call| line.contains(call))).map(|line| line.trim().to_owned()).collect();
            lines.into_iter().map(move |line| format!("{path}: {line}"))
        })
        .collect();
    assert_none("time or randomness outside service::env; see CLOCKS in this file", &found);
    let sources = sources();
    for (place, _) in CLOCKS {
        assert!(sources.iter().any(|(path, _)| path.starts_with(place)), "{place} is gone from under its leave");
    }
}

#[test]
fn every_file_is_short_and_opens_with_what_it_is_for() {
    let (mut long, mut mute) = (Vec::new(), Vec::new());
    for (path, text) in sources() {
        if text.lines().count() > 500 {
            long.push(format!("{path}: {} lines", text.lines().count()));
        }
        let first = text.lines().next().unwrap_or_default();
        if !first.starts_with("//! ") || first.len() < 12 {
            mute.push(path);
        }
    }
    assert_none("files of more than 500 lines", &long);
    assert_none("files that don't open with a sentence on what they are for", &mute);
}

#[test]
fn nothing_is_named_after_nothing() {
    let vague = ["util", "utils", "helper", "helpers", "common", "manager", "managers", "misc"];
    let named = |path: &str| path.split(['/', '.', '_', '-']).any(|part| vague.contains(&part));
    let found: Vec<String> =
        ["crates", "docs", "scripts", "e2e"].iter().flat_map(|folder| files_under(folder)).map(|(path, _)| path).filter(|path| named(path)).collect();
    assert_none("names that say nothing", &found);
}

#[test]
fn nothing_is_left_for_later() {
    let marks = [["TO", "DO"], ["FIX", "ME"], ["#[ign", "ore"], ["to", "do!("], ["unimplem", "ented!("], ["db", "g!("]].map(|parts| word(&parts));
    let left = |line: &&str| marks.iter().any(|mark| line.contains(mark.as_str()));
    // The page on tests says what isn't done.
    let pages = files_under("docs").into_iter().filter(|(path, _)| path != "docs/testing.md");
    let all = sources().into_iter().chain(pages).chain(files_under("scripts"));
    let found: Vec<String> =
        all.flat_map(|(path, text)| text.lines().filter(left).map(|line| format!("{path}: {}", line.trim())).collect::<Vec<_>>()).collect();
    assert_none("left for later", &found);
}

/// Neither folders of a workplace nor people's homes: the project builds anywhere.
#[test]
fn no_file_names_a_workplace() {
    let places = [["/wo", "rk/"], ["/ro", "ot/"], ["/home", "/"], ["/Us", "ers/"]].map(|parts| word(&parts));
    let names = |line: &&str| places.iter().any(|place| line.contains(place.as_str()));
    let found: Vec<String> = files_under(".")
        .into_iter()
        .filter(|(path, _)| !path.ends_with("Cargo.lock") && !path.ends_with("package-lock.json"))
        .flat_map(|(path, text)| text.lines().filter(names).map(|line| format!("{path}: {}", line.trim())).collect::<Vec<_>>())
        .collect();
    assert_none("paths of a workplace", &found);
}

#[test]
fn every_migration_is_embedded() {
    let migrations = fs::read_dir(root().join("crates/store/migrations")).expect("the migrations");
    let code = fs::read_to_string(root().join("crates/store/src/migration.rs")).expect("the code");
    let names: Vec<String> = migrations.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    let forgotten: Vec<String> = names.iter().filter(|name| !code.contains(&format!("include_str!(\"../migrations/{name}\")"))).cloned().collect();
    assert_none("migrations that no engine applies", &forgotten);
    assert!(names.len() >= 2);
}

/// What runs as a test: functions with a test's attribute, and laws and stories that a file registers for the engines.
fn registered_tests() -> BTreeSet<String> {
    let word = |text: &str| text.trim_start().chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect::<String>();
    let mut tests = BTreeSet::new();
    for (_, text) in sources() {
        for list in ["on_each_engine! {", "on_engine!(Postgres;"].iter().flat_map(|macros| text.split(macros).skip(1)) {
            let lines = list.split(['}', ')']).next().unwrap_or_default().lines().map(|line| line.split("//").next().unwrap_or_default());
            tests.extend(lines.flat_map(|line| line.split(',').map(word)));
        }
        for attribute in ["#[test]\n", "#[tokio::test"] {
            // Between it and its function stand other attributes at most.
            let functions = text.split(attribute).skip(1).filter_map(|rest| {
                let line = rest.lines().map(str::trim).find(|line| line.contains("fn "))?;
                line.split_once("fn ").map(|(_, name)| word(name))
            });
            tests.extend(functions);
        }
    }
    tests.remove("");
    tests
}

/// The code on each line of a page: whether it stands where the page names tests, and what it says.
fn code_on(page: &str) -> Vec<(bool, String)> {
    let (mut code, mut columns) = (vec![], vec![]);
    for line in page.lines() {
        let cells: Vec<&str> = if line.starts_with('|') { line.trim_matches('|').split('|').map(str::trim).collect() } else { vec![line] };
        if !line.starts_with('|') {
            columns.clear();
        } else if columns.is_empty() {
            columns = cells.iter().map(|cell| cell.starts_with("test") || cell.starts_with("shown by")).collect();
        }
        for (at, cell) in cells.iter().enumerate() {
            // Every second piece between backticks.
            let words = cell.split('`').skip(1).step_by(2);
            code.extend(words.map(|word| (columns.get(at).copied().unwrap_or_default(), word.to_owned())));
        }
    }
    code
}

/// A promise is shown by a test that runs: the pages that name tests name no other. In a table's column of tests every name is
/// one, or a file's; elsewhere a long one is, unless the code knows it as something else.
#[test]
fn every_test_that_a_page_names_is_there() {
    let sources = sources();
    let tests = registered_tests();
    assert!(tests.len() > 800, "{} tests are found", tests.len());
    let known_otherwise: BTreeSet<&str> =
        sources.iter().flat_map(|(_, text)| text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')).filter(|word| !tests.contains(*word)).collect();
    let functions: BTreeSet<&str> = sources.iter().flat_map(|(_, text)| text.split("fn ").skip(1)).filter_map(|rest| rest.split(['(', '<']).next()).collect();
    let files: BTreeSet<&str> = sources.iter().flat_map(|(path, _)| path.split(['/', '.'])).collect();
    let is_name = |word: &str| word.contains('_') && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    let (mut missing, mut named) = (vec![], 0);
    for (page, text) in files_under("docs").into_iter().filter(|(path, _)| path.ends_with(".md")) {
        // What begins so is a metric.
        for (is_among_tests, word) in code_on(&text).into_iter().filter(|(_, word)| is_name(word) && !word.starts_with("doorward_")) {
            let word = word.as_str();
            named += usize::from(tests.contains(word));
            let is_something_else = if is_among_tests {
                files.contains(word)
            } else {
                word.matches('_').count() < 3 || (known_otherwise.contains(word) && !functions.contains(word))
            };
            if !tests.contains(word) && !is_something_else {
                missing.push(format!("{page}: {word}"));
            }
        }
    }
    assert_none("tests that are not there, or that nobody runs", &missing);
    assert!(named > 500, "{named} names are looked at");
}
