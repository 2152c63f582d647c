//! A process to be killed: it opens a store, changes it, and says aloud what was acknowledged.
//!
//! `victim load WHERE SEED` changes many accounts as fast as it can; `victim act WHERE SECOND COMMAND …` does one act and waits.
//! WHERE is the path of a SQLite file, or a PostgreSQL server's address.

mod act;
mod load;

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use doorward_store::{Database, Store, open};
use doorward_tests::unlocked;

/// Says a line, whole and at once: what was said is read even if the process is killed right after.
pub(crate) fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // Nobody listens any more: then nobody will ask.
    drop(out.write_all(format!("{line}\n").as_bytes()).and_then(|()| out.flush()));
}

async fn opened(address: &str) -> Arc<dyn Store> {
    let database = if address.starts_with("postgres://") { Database::Postgres(address.to_owned()) } else { Database::Sqlite(PathBuf::from(address)) };
    unlocked(open(&database).await.expect("the store opens"))
}

#[tokio::main(flavor = "multi_thread", worker_threads = 4)]
async fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["load", address, seed] => load::run(opened(address).await, seed.parse().expect("a number")).await,
        ["act", address, second, ref command @ ..] => {
            let store = opened(address).await;
            say("ready");
            say(&act::run(&store, second.parse().expect("a number"), command).await);
            // Alive until it is killed.
            drop(std::io::stdin().read_line(&mut String::new()));
        }
        _ => panic!("victim load WHERE SEED, or victim act WHERE SECOND COMMAND …"),
    }
}
