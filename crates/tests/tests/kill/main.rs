//! Kills: a process that changes a store is killed without warning, again and again; what it had said was done is done, and nothing is half done.

/// One test for each engine out of each law, with time for the kills of a long run.
macro_rules! on_each_engine {
    ($($law:ident),+ $(,)?) => {
        mod sqlite {
            on_each_engine!(Sqlite; $($law)+);
        }
        mod postgres {
            on_each_engine!(Postgres; $($law)+);
        }
    };
    ($engine:ident; $($law:ident)+) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $law() {
            doorward_tests::hold_within(std::time::Duration::from_hours(1), doorward_tests::Engine::$engine, super::$law).await;
        }
    )+};
}

mod flow;
mod ledger;
mod load;

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

use doorward_store::Database;
use doorward_tests::Home;

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

/// How a victim is told where the store lies.
pub(crate) fn address(home: &Home) -> String {
    match home.database() {
        Database::Sqlite(path) => path.to_str().expect("a path").to_owned(),
        Database::Postgres(url) => url.clone(),
    }
}

/// SQLite's own verdict on a file. A PostgreSQL server is another process, and wasn't hit.
pub(crate) fn assert_sound(home: &Home) {
    let Some(file) = home.file() else { return };
    let verdict: String = doorward_tests::rows::sqlite(&file).query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("a verdict");
    assert_eq!(verdict, "ok");
}
