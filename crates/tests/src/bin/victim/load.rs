//! Load: eight tasks, each with accounts of its own, changing them one change after another.
//!
//! Before each change a task says `try USER WHAT`, and after its acknowledgement `ack USER EVENT WHAT …`, where EVENT is
//! the number of the account's last event by then.

use std::sync::Arc;

use doorward_domain::{Cause, Completion, Opened, Timestamp};
use doorward_store::{Need, Store};
use doorward_tests::{Person, after, attempt, with_code};

use crate::say;

/// Accounts are left behind after so many changes, so that many are touched and none grows large.
const CHANGES: u32 = 40;

/// A small generator of numbers; the seed is the parent's.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }
}

pub(crate) async fn run(store: Arc<dyn Store>, seed: u64) {
    say("ready");
    let tasks: Vec<_> = (0..8_u64).map(|task| tokio::spawn(work(Arc::clone(&store), seed, task))).collect();
    for task in tasks {
        task.await.expect("no task fails before it is killed");
    }
}

async fn work(store: Arc<dyn Store>, seed: u64, task: u64) {
    let mut dice = Dice(seed.wrapping_mul(8).wrapping_add(task));
    for round in 0_u64.. {
        let user = format!("user-{seed}-{task}-{round}");
        let person = Person::new(&store, "acme", &user).await;
        say(&format!("ack {user} 1 made"));
        let mut open: Vec<Opened> = Vec::new();
        for second in 1..=CHANGES {
            change(&store, &person, &user, after(second), &mut open, &mut dice).await;
        }
    }
}

async fn last_event(person: &Person) -> i64 {
    person.read(Need::default()).await.head.last_event
}

async fn change(store: &Arc<dyn Store>, person: &Person, user: &str, now: Timestamp, open: &mut Vec<Opened>, dice: &mut Dice) {
    let at = usize::try_from(dice.roll(64)).expect("few");
    let one = (!open.is_empty()).then(|| open[at % open.len()].clone());
    match (dice.roll(8), one) {
        (0, Some(one)) => {
            say(&format!("try {user} end {}", one.session));
            let ended = person.act_needing(Need::standing(now).with_session(one.session), now, move |account, moment| {
                account.end_session(moment, one.session, Cause::SignedOut)?;
                Ok(account.head.last_event)
            });
            let event = ended.await.expect("it may be ended");
            say(&format!("ack {user} {event} end {}", one.session));
        }
        (1, Some(one)) => {
            say(&format!("try {user} forget {}", one.device));
            let need = Need { device: Some(one.device), ..Need::standing(now) };
            let forgotten = person.act_needing(need, now, move |account, moment| {
                account.forget(moment, one.device, Cause::DeviceForgotten)?;
                Ok(account.head.last_event)
            });
            if let Ok(event) = forgotten.await {
                say(&format!("ack {user} {event} forget {}", one.device));
            }
        }
        (2, Some(one)) => {
            say(&format!("try {user} touch {}", one.session));
            if store.touch(one.access_token.at, now, 0).await.expect("the store answers").is_some() {
                say(&format!("ack {user} {} touch {} {}", last_event(person).await, one.session, now.micros()));
            }
        }
        (3, Some(one)) => {
            let Some(token) = one.activation.clone() else { return };
            say(&format!("try {user} trust {}", one.device));
            let trusted = person.act(now, move |account, moment| {
                account.activate(moment, &token, None, None)?;
                Ok(account.head.last_event)
            });
            if let Ok(event) = trusted.await {
                say(&format!("ack {user} {event} trust {}", one.device));
            }
        }
        (4, Some(one)) if dice.roll(4) == 0 => {
            say(&format!("try {user} all {}", one.session));
            let all = person.act(now, |account, moment| {
                account.end_all_sessions(moment, None, false)?;
                Ok(account.head.last_event)
            });
            let event = all.await.expect("all may be ended");
            say(&format!("ack {user} {event} all {}", one.session));
        }
        (5 | 6, _) => {
            say(&format!("try {user} open -"));
            let opened = person.enter_with(now, None, Completion::default()).await;
            say(&format!("ack {user} {} open {} {}", last_event(person).await, opened.session, opened.device));
            open.push(opened);
        }
        _ => {
            say(&format!("try {user} append -"));
            let sign_in = person.evaluate(now, attempt(now), None).await.expect("evaluated").id;
            say(&format!("ack {user} {} append {sign_in}", last_event(person).await));
            say(&format!("try {user} complete {sign_in}"));
            let opened = person.complete(now, sign_in, with_code()).await.expect("it may be completed");
            say(&format!("ack {user} {} complete {sign_in} {} {}", last_event(person).await, opened.session, opened.device));
            open.push(opened);
        }
    }
}
