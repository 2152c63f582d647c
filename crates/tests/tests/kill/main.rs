//! Kills: a process that changes a store is killed without warning, again and again; what it had said was done is done, and nothing is half done.

mod flow;
mod ledger;
mod load;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

/// A process to kill, and what it says.
pub(crate) struct Victim {
    process: Child,
    said: BufReader<ChildStdout>,
}

impl Victim {
    pub(crate) fn start(words: &[&str]) -> Self {
        let mut process =
            Command::new(env!("CARGO_BIN_EXE_victim")).args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the victim starts");
        let said = BufReader::new(process.stdout.take().expect("it speaks"));
        Self { process, said }
    }

    /// The next line; `None` at the end. A line that was cut short was never said.
    pub(crate) fn hear(&mut self) -> Option<String> {
        let mut line = String::new();
        self.said.read_line(&mut line).expect("it is text");
        line.strip_suffix('\n').map(str::to_owned)
    }

    /// Kills it (SIGKILL), and gives what it had said that wasn't heard yet.
    pub(crate) fn kill(mut self) -> Vec<String> {
        self.process.kill().expect("it is killed");
        self.process.wait().expect("it is gone");
        std::iter::from_fn(|| self.hear()).collect()
    }
}

/// A test that fails leaves nobody behind.
impl Drop for Victim {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// SQLite's own verdict on a file.
pub(crate) fn assert_sound(file: &Path) {
    let verdict: String = doorward_tests::rows::sqlite(file).query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("a verdict");
    assert_eq!(verdict, "ok");
}
