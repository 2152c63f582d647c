//! The sign-in flow, killed between every two steps: after each restart it goes on where it was.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use doorward_domain::{ActivationToken, EventKind, Refusal};
use doorward_store::{Need, Page, Rows, Store};
use doorward_tests::once::{asked, opened_once};
use doorward_tests::{Home, Person, after, attempt, feed_fault, start, with_code};

use crate::{Victim, address, assert_sound};

on_each_engine! {
    the_flow_goes_on_after_a_kill_between_every_two_steps,
    what_works_once_works_once_over_a_kill_at_any_moment,
    what_comes_again_has_one_effect_over_a_kill_at_any_moment,
}

/// Has one step done by a process of its own, and kills that as soon as it has said what came of it.
fn step(home: &Home, second: u32, words: &[&str]) -> Vec<String> {
    let (address, second) = (address(home), second.to_string());
    let mut victim = Victim::start(&[&["act", address.as_str(), second.as_str()], words].concat());
    assert_eq!(victim.hear().as_deref(), Some("ready"));
    let said = victim.hear().expect("it says what came of it");
    victim.kill();
    assert_sound(home);
    said.split_whitespace().map(str::to_owned).collect()
}

async fn the_flow_goes_on_after_a_kill_between_every_two_steps(home: Arc<Home>) {
    let done = |second, words: &[&str]| {
        let said = step(&home, second, words);
        assert_eq!(said[0], "done", "{words:?}: {said:?}");
        said[1..].to_vec()
    };
    done(0, &["begin"]);
    let challenged = done(1, &["evaluate", "-"]);
    assert_eq!(challenged[1], "challenge");
    let first = done(2, &["complete", &challenged[0], "code"]);
    assert_eq!(step(&home, 3, &["complete", &challenged[0], "code"]), ["refused", "SignInCompleted"]);
    assert_eq!(done(3, &["verify", &first[0]]), ["true"]);
    let cookie = done(4, &["activate", &first[2]]);
    assert_eq!(step(&home, 5, &["activate", &first[2]]), ["refused", "ActivationNotFound"]);
    assert_eq!(done(5, &["touch", &first[0]]), ["true"]);
    let allowed = done(6, &["evaluate", &cookie[0]]);
    assert_eq!(allowed[1], "allow");
    let second = done(7, &["complete", &allowed[0], "-"]);
    assert_eq!(second[1..], ["-", "-"], "a skipped factor brings neither a token nor an offer");
    assert_eq!(done(8, &["verify", &second[0]]), ["true"]);
    let stepped = done(9, &["step-up", &second[0]]);
    assert_eq!((done(10, &["verify", &second[0]]), done(10, &["verify", &stepped[0]])), (vec!["false".to_owned()], vec!["true".to_owned()]));
    done(11, &["end", &first[0]]);
    assert_eq!(done(12, &["verify", &first[0]]), ["false"]);
    assert_eq!(done(12, &["touch", &first[0]]), ["false"]);
    done(13, &["untrust", &cookie[0]]);
    let again = done(14, &["evaluate", &cookie[0]]);
    assert_eq!(again[1], "challenge");
    let third = done(15, &["complete", &again[0], "code"]);
    done(16, &["decline", &third[2]]);
    assert_eq!(step(&home, 17, &["activate", &third[2]]), ["refused", "ActivationNotFound"]);
    let remembered = done(18, &["evaluate", &cookie[0]]);
    assert_eq!(done(19, &["complete", &remembered[0], "code"])[2], "-", "the No is remembered");
    done(20, &["hijack", &cookie[0]]);
    assert_eq!(done(21, &["verify", &stepped[0]]), ["false"]);
    assert_eq!(done(22, &["evaluate", &cookie[0]])[1], "deny");
    assert_eq!(step(&home, 23, &["complete", &remembered[0], "code"])[0], "refused");
}

async fn reopened(home: &Home) -> (Arc<dyn Store>, Person) {
    let store = home.open().await;
    let ana = Person::known(&store, "acme", "ana");
    (store, ana)
}

/// Does nothing for so long, to the microsecond: what comes next hits the other process somewhere in the midst of its work.
fn linger(time: Duration) {
    let began = Instant::now();
    while began.elapsed() < time {
        std::hint::spin_loop();
    }
}

async fn trusted_events(ana: &Person) -> usize {
    let account = ana.read(Need { events: Some(Page { before: None, limit: 1_000 }), ..Need::default() }).await;
    account.events.iter().filter(|event| event.kind == EventKind::DeviceTrusted).count()
}

/// Activations and completions, each killed at another moment: what was begun works once, or had worked already.
async fn what_works_once_works_once_over_a_kill_at_any_moment(home: Arc<Home>) {
    let (store, _) = reopened(&home).await;
    Person::new(&store, "acme", "ana").await;
    store.close().await;
    let (mut lost, mut kept, mut round) = (0, 0, 0_u32);
    // Forty, and more on a machine where so many all hit the same side of the commit.
    while round < 40 || ((lost == 0 || kept == 0) && round < 400) {
        round += 1;
        let (store, ana) = reopened(&home).await;
        let sign_in = ana.evaluate(start(), attempt(start()), None).await.expect("evaluated").id;
        store.close().await;
        hit(&home, &["1", "complete", &sign_in.to_string(), "code"], round);

        let (store, ana) = reopened(&home).await;
        let retried = ana.complete(after(1), sign_in, with_code()).await;
        let committed = retried == Err(Refusal::SignInCompleted);
        assert!(committed || retried.is_ok(), "{retried:?}");
        assert_eq!(ana.complete(after(1), sign_in, with_code()).await, Err(Refusal::SignInCompleted));
        let opened = match retried {
            Ok(opened) => opened,
            Err(_) => ana.enter(start()).await,
        };
        let (token, before) = (opened.activation.expect("an offer"), trusted_events(&ana).await);
        store.close().await;
        hit(&home, &["1", "activate", &token.reveal()], round);

        let (store, ana) = reopened(&home).await;
        let activate = |token: ActivationToken| ana.act(after(1), move |account, moment| account.activate(moment, &token, None, None).map(drop));
        let retried = activate(token.clone()).await;
        assert!(matches!(retried, Ok(()) | Err(Refusal::ActivationNotFound)), "{retried:?}");
        assert_eq!(activate(token).await, Err(Refusal::ActivationNotFound));
        assert_eq!(trusted_events(&ana).await, before + 1, "once, whoever did it");
        assert!(ana.trusts(opened.device, after(1)).await);
        assert_eq!(feed_fault(&store, "acme", &BTreeMap::new()).await, None, "a kill leaves nothing that looks like an alteration");
        if committed || retried.is_err() {
            kept += 1
        } else {
            lost += 1
        }
        store.close().await;
        assert_sound(&home);
    }
    assert!(kept > 0 && lost > 0, "every kill hit the same side of the commit: {kept} after, {lost} before");
}

/// Sessions opened under a key, each killed at another moment: sent again, the request has had its effect once, or has it now.
async fn what_comes_again_has_one_effect_over_a_kill_at_any_moment(home: Arc<Home>) {
    let (store, _) = reopened(&home).await;
    Person::new(&store, "acme", "ana").await;
    store.close().await;
    let (mut had, mut has, mut round) = (0, 0, 0_u8);
    while round < 40 || ((had == 0 || has == 0) && round < 200) {
        round += 1;
        hit(&home, &["1", "once", &round.to_string()], u32::from(round));
        let (store, ana) = reopened(&home).await;
        let (now, session) = opened_once(&ana, after(1), &asked(round, 0)).await.expect("opened");
        assert_eq!(opened_once(&ana, after(1), &asked(round, 0)).await, Ok((false, session)));
        let page = Page { before: None, limit: 1_000 };
        let account = ana.read(Need { sessions: Rows::Page(page), events: Some(page), ..Need::default() }).await;
        let started = account.events.iter().filter(|event| event.kind == EventKind::SessionStarted).count();
        assert_eq!((account.sessions.len(), started), (usize::from(round), usize::from(round)), "one for each key");
        if now {
            has += 1;
        } else {
            had += 1;
        }
        store.close().await;
        assert_sound(&home);
    }
    assert!(had > 0 && has > 0, "every kill hit the same side of the commit: {had} after, {has} before");
}

/// Starts a process and kills it so long after it was ready.
fn hit(home: &Home, words: &[&str], round: u32) {
    let address = address(home);
    let mut victim = Victim::start(&[&["act", address.as_str()], words].concat());
    assert_eq!(victim.hear().as_deref(), Some("ready"));
    // In small steps at first; in great ones where the machine is slow. A server answers later than a file.
    let step = if home.file().is_some() { 60 } else { 400 };
    linger(Duration::from_micros(u64::from(round) * step + u64::from(round.saturating_sub(40)) * 1_000));
    victim.kill();
}
