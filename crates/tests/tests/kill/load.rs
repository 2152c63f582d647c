//! Ten thousand acknowledged changes under kills: none lost, none half done.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use doorward_tests::Home;

use crate::ledger::Ledger;
use crate::{Victim, address, assert_sound};

on_each_engine! {
    ten_thousand_acknowledged_changes_survive_kills,
}

/// Acknowledged changes to see through: in the gate, and when there is time.
fn goal() -> usize {
    if std::env::var("DOORWARD_LONG").as_deref() == Ok("1") { 200_000 } else { 10_000 }
}

/// When to kill: after so many acknowledgements and then so many microseconds, drawn anew for each round.
fn moment_of(round: u64) -> (usize, Duration) {
    let drawn = round.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33;
    // Every eighth round dies while it opens, or hardly later.
    let after = if round.is_multiple_of(8) { 0 } else { 20 + usize::try_from(drawn % 700).expect("few") };
    (after, Duration::from_micros(drawn % 5_000))
}

async fn audit(ledger: &Ledger, home: &Home, users: impl Iterator<Item = &String>) {
    let store = home.open().await;
    for user in users {
        ledger.audit(&store, user).await;
    }
    store.close().await;
    assert_sound(home);
}

async fn ten_thousand_acknowledged_changes_survive_kills(home: Arc<Home>) {
    let (mut ledger, mut everybody, mut round) = (Ledger::default(), BTreeSet::new(), 0);
    while ledger.acknowledged < goal() {
        let (after, pause) = moment_of(round);
        let mut victim = Victim::start(&["load", &address(&home), &round.to_string()]);
        let (mut heard, mut acknowledged) = (Vec::new(), 0);
        while acknowledged < after {
            let line = victim.hear().expect("it speaks until it is killed");
            acknowledged += usize::from(line.starts_with("ack "));
            heard.push(line);
        }
        // Not to wait for anything: this is where in its work it is hit.
        std::thread::sleep(pause);
        heard.extend(victim.kill());
        let users: BTreeSet<String> = heard.iter().filter(|line| *line != "ready").filter_map(|line| ledger.note(line)).collect();
        audit(&ledger, &home, users.iter()).await;
        everybody.extend(users);
        round += 1;
    }
    // Nor did a later kill harm what an earlier round had left.
    audit(&ledger, &home, everybody.iter()).await;
    assert!(round >= 10, "{round} kills are too few");
}
