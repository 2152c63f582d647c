//! What operators are handed: alert rules, the dashboard, and the procedures of `docs/operations.md`, each as written.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::commands::{answer, serve};
use crate::running::get;

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)).expect("the file is there")
}

#[test]
fn alerts_and_dashboard_name_metrics_that_there_are() {
    let dir = tempfile::tempdir().expect("a directory");
    let (doorward, address) = serve(dir.path());
    get(&address, "/readyz", "");
    // What is counted by labels shows from its first time on: an address sends wrong secrets until one is too many.
    let wrong = "X-API-Key: dwk_nobody-knows-this-key\r\n";
    while get(&address, "/internal/policy", wrong).0 != 429 {}
    let page = get(&address, "/metrics", "").1;
    assert!(doorward.stop().1);
    let dashboard = read("ops/dashboard.json");
    let parsed: Value = serde_json::from_str(&dashboard).expect("JSON");
    assert!(parsed["panels"].as_array().is_some_and(|panels| panels.len() >= 12));
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    for (file, text) in [("alerts", read("ops/alerts.yml")), ("dashboard", dashboard)] {
        let names: BTreeSet<&str> = text.split(|c| !is_name(c)).filter(|word| word.starts_with("doorward_")).collect();
        assert!(names.len() >= 10, "{names:?}");
        for name in &names {
            let shown = page.lines().any(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' '])));
            assert!(shown, "{name} of the {file} is no metric:\n{page}");
        }
        for told in ["wrong_secrets", "throttled", "http_connections_refused", "retention_passes", "http_panics", "store_changes_waiting"] {
            assert!(names.iter().any(|name| name.starts_with(&format!("doorward_{told}"))), "the {file} doesn't look at {told}");
        }
    }
}

#[test]
fn the_procedures_of_the_document_work_as_written() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    let (doorward, _) = serve(dir);
    let document = read("docs/operations.md");
    let mut blocks = document.split("```sh\n").skip(1).map(|rest| rest.split("```").next().expect("a block"));
    let folder = Path::new(env!("CARGO_BIN_EXE_doorward")).parent().expect("a folder").display().to_string();
    let path = format!("{folder}:{}", std::env::var("PATH").unwrap_or_default());
    let run = |block: &str| {
        let output = Command::new("sh").args(["-eu", "-c", block]).current_dir(dir).env_clear().env("PATH", &path).output().expect("a shell");
        assert!(output.status.success(), "{block}\n{}", String::from_utf8_lossy(&output.stderr));
    };
    run(blocks.next().expect("a backup"));
    assert!(doorward.stop().1);
    run(blocks.next().expect("a restore"));
    let (doorward, _) = serve(dir);
    assert!(answer(dir, &["tenant", "show"])["fenced_at"].is_string());
    run(blocks.next().expect("a fence"));
    assert!(blocks.next().is_none(), "a block that nothing runs");
    assert!(doorward.stop().1);
}
