//! The README's quick start, run word for word by `sh` against the real binary, and the answers that it promises.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

const KEY: &str = "the-quick-starts-own-key-which-is-long-enough";
/// How long a start, a build aside, or a step may take.
const PATIENCE: Duration = Duration::from_secs(30);

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The binary that `DOORWARD_BIN` names, or the one of this checkout, built now.
fn binary() -> PathBuf {
    if let Some(given) = std::env::var_os("DOORWARD_BIN") {
        return given.into();
    }
    // This test lies in `deps` of the folder of its profile, which bears the profile's name but for one.
    let test = std::env::current_exe().expect("the test knows itself");
    let folder = test.ancestors().nth(2).expect("the profile's folder");
    let profile = folder.file_name().and_then(|name| name.to_str()).map(|name| if name == "debug" { "dev" } else { name }).expect("a name");
    let build = ["build", "--quiet", "-p", "doorward", "--profile", profile];
    assert!(Command::new(env!("CARGO")).args(build).current_dir(root()).status().expect("cargo runs").success(), "doorward doesn't build");
    folder.join("doorward")
}

/// A running `doorward` in a folder of its own, ended with this.
struct Doorward {
    child: Child,
    folder: TempDir,
    log: Receiver<String>,
}

impl Doorward {
    fn start(arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = Command::new(binary());
        command.args(arguments).env_clear().envs(variables.iter().copied()).current_dir(folder.path());
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("doorward starts");
        let stderr = child.stderr.take().expect("it is piped");
        let (send, log) = channel();
        std::thread::spawn(move || BufReader::new(stderr).lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
        Self { child, folder, log }
    }

    /// The address of its public listener, once it listens.
    fn address(&self) -> String {
        let mut said = String::new();
        loop {
            let line = self.log.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("doorward doesn't listen:\n{said}"));
            let line_said: Value = serde_json::from_str(&line).unwrap_or_default();
            if line_said["message"] == "listening" && line_said["listener"] == "public" {
                return line_said["address"].as_str().expect("an address").to_owned();
            }
            said += &format!("{line}\n");
        }
    }
}

impl Drop for Doorward {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A block of the quick start, and the prose up to the next one.
struct Step {
    shell: &'static str,
    code: String,
    prose: String,
}

/// The README's section, in steps.
fn steps() -> Vec<Step> {
    let readme = fs::read_to_string(root().join("README.md")).expect("there is a README.md");
    let (_, section) = readme.split_once("\n## Quick start\n").expect("README.md has a section `## Quick start`");
    let section = section.split("\n## ").next().unwrap_or_default();
    let mut steps = vec![];
    for part in section.split("\n```").skip(1).collect::<Vec<_>>().chunks(2) {
        let [block, prose] = part else { panic!("a block of the quick start isn't closed") };
        let (language, code) = block.split_once('\n').expect("a block has lines");
        let shell = match language {
            "sh" => "sh",
            "bash" => "bash",
            other => panic!("the quick start has a block of `{other}`, not of sh or bash"),
        };
        steps.push(Step { shell, code: code.to_owned(), prose: (*prose).to_owned() });
    }
    steps
}

/// What the prose under a step quotes: `"decision":"challenge"` and the like, as it stands in an answer.
fn quoted(prose: &str) -> Vec<&str> {
    // The title of the next step isn't about this one.
    let prose = prose.split("\n**").next().unwrap_or_default();
    let spans = prose.split('`').skip(1).step_by(2);
    spans.filter(|span| span.contains("\":") || span.contains('_')).collect()
}

/// Runs the steps one after another in one shell, and gives what each printed.
fn run(steps: &[Step], before: &str, folder: &Path) -> Vec<String> {
    const MARK: &str = "\u{1e}";
    let bodies: Vec<String> = steps.iter().map(|step| format!("{}\nprintf '%s' '{MARK}'\n", step.code)).collect();
    let script = format!("set -eu\n{before}\n{}", bodies.concat());
    let shell = if steps.iter().any(|step| step.shell == "bash") { "bash" } else { "sh" };
    let ran = Command::new(shell).arg("-c").arg(&script).current_dir(folder).env("no_proxy", "*").output().expect("a shell runs");
    let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{shell}: {}\n{out}\n{err}", ran.status);
    out.split(MARK).map(str::to_owned).collect()
}

/// Holds each step to what the README says of it.
fn as_promised(steps: &[Step], printed: &[String]) {
    let promises: usize = steps.iter().map(|step| quoted(&step.prose).len()).sum();
    assert!(steps.len() >= 6 && promises >= 10, "{} steps with {promises} promises", steps.len());
    for (step, printed) in steps.iter().zip(printed) {
        for quote in quoted(&step.prose) {
            assert!(printed.contains(quote), "the README promises `{quote}` of\n{}\nwhich printed\n{printed}", step.code);
        }
        for line in printed.lines().filter(|line| !line.is_empty()) {
            let answer: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"));
            assert!(answer.get("type").is_none(), "a problem: {line}");
        }
    }
}

/// The first block says where Doorward is; everything else stands as it is in the README.
#[test]
fn the_quick_start_runs_word_for_word_against_serve() {
    let doorward = Doorward::start(
        &["serve", "--listen", "127.0.0.1:0", "--log-format", "json"],
        &[("DOORWARD_BOOTSTRAP_TENANT", "acme"), ("DOORWARD_BOOTSTRAP_API_KEY", KEY)],
    );
    let steps = steps();
    let (first, rest) = steps.split_first().expect("steps");
    assert!(first.code.contains("DOORWARD=") && first.code.contains("API_KEY="), "the first block sets the variables:\n{}", first.code);
    let before = format!("DOORWARD=http://{}\nAPI_KEY={KEY}", doorward.address());
    as_promised(rest, &run(rest, &before, doorward.folder.path()));
}

/// Against `dev` the first block holds as well, but for the port: a test takes a free one.
#[test]
fn the_quick_start_runs_word_for_word_against_dev() {
    let doorward = Doorward::start(&["dev", "--listen", "127.0.0.1:0", "--demo-listen", "127.0.0.1:0", "--log-format", "json"], &[]);
    let address = doorward.address();
    let mut steps = steps();
    let usual = "http://127.0.0.1:8080";
    assert!(steps[0].code.contains(usual), "the first block names dev's usual address:\n{}", steps[0].code);
    steps[0].code = steps[0].code.replace(usual, &format!("http://{address}"));
    let printed = run(&steps, "", doorward.folder.path());
    assert_eq!(printed[0], "");
    as_promised(&steps[1..], &printed[1..]);
}
