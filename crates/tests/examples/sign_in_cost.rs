//! What a sign-in and a heartbeat cost a store: `sign_in_cost DATABASE SECONDS WRITERS`, a path or a postgres:// address.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use doorward_store::{Database, open};
use doorward_tests::{Person, attempt, start, unlocked, with_code};

#[tokio::main]
async fn main() {
    let mut given = std::env::args().skip(1);
    let (database, seconds, writers) = (given.next().expect("a database"), given.next().expect("seconds"), given.next().expect("writers"));
    let database = if database.starts_with("postgres:") { Database::Postgres(database) } else { Database::Sqlite(PathBuf::from(database)) };
    let (seconds, writers): (u64, u64) = (seconds.parse().expect("a number"), writers.parse().expect("a number"));
    let store = unlocked(open(&database).await.expect("the store opens"));
    for heartbeats in [false, true] {
        let (done, began) = (Arc::new(AtomicU64::new(0)), Instant::now());
        let until = began + Duration::from_secs(seconds);
        let tasks: Vec<_> = (0..writers)
            .map(|writer| {
                let (store, done) = (Arc::clone(&store), Arc::clone(&done));
                tokio::spawn(async move {
                    let mut round = 0;
                    let mut person = Person::new(&store, "acme", &format!("{writer}-{heartbeats}-0")).await;
                    let mut opened = person.enter(start()).await;
                    while Instant::now() < until {
                        round += 1;
                        let now = start().plus_s(round);
                        if heartbeats {
                            store.touch(opened.access_token.at, now, 0).await.expect("it beats");
                        } else {
                            if round % 20 == 0 {
                                person = Person::new(&store, "acme", &format!("{writer}-{heartbeats}-{round}")).await;
                            }
                            let sign_in = person.evaluate(now, attempt(now), None).await.expect("evaluated");
                            opened = person.complete(now, sign_in.id, with_code()).await.expect("completed");
                        }
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.expect("no task fails");
        }
        let rate = done.load(Ordering::Relaxed) as f64 / began.elapsed().as_secs_f64();
        let line = format!("{} {rate:.0}/s\n", if heartbeats { "heartbeat" } else { "evaluate+complete" });
        std::io::stdout().write_all(line.as_bytes()).expect("somebody reads");
    }
    store.close().await;
}
