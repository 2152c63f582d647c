//! Laws of reads: after an acknowledged change, no read that begins afterwards tells of the time before it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use doorward_domain::{Cause, DeviceStatus, Opened};
use doorward_store::{Need, Store};
use doorward_tests::{Person, after, start, tenant_id};

doorward_tests::on_each_engine! {
    no_read_after_an_ending_says_active,
    no_read_after_an_untrust_says_trusted,
    everybody_reads_their_own_writes,
}

struct Watched {
    person: Person,
    opened: Opened,
    over: AtomicBool,
}

/// Eight readers look at every session all the time, while one task has everything forgotten that memory holds, so that
/// readers fill it anew. Sessions are ended in every way; none is seen live by a read that began after its ending's answer.
async fn no_read_after_an_ending_says_active(store: Arc<dyn Store>) {
    let mut watched = Vec::new();
    for user in 0..6 {
        let person = Person::new(&store, "acme", &format!("user-{user}")).await;
        for _ in 0..12 {
            watched.push(Watched { opened: person.enter_and_trust(start()).await, person: person.clone(), over: AtomicBool::new(false) });
        }
    }
    let (watched, stop, reads) = (Arc::new(watched), Arc::new(AtomicBool::new(false)), Arc::new(AtomicI64::new(0)));
    let readers: Vec<_> = (0..8)
        .map(|reader| {
            let (store, watched, stop, reads) = (Arc::clone(&store), Arc::clone(&watched), Arc::clone(&stop), Arc::clone(&reads));
            tokio::spawn(async move {
                let mut at = reader * 9;
                while !stop.load(Ordering::Relaxed) {
                    let one = &watched[at % watched.len()];
                    let was_over = one.over.load(Ordering::Acquire);
                    assert!(!(doorward_tests::is_in(&store, &one.opened.access_token, after(1)).await && was_over), "an ended session was live again");
                    if reader % 4 == 0 {
                        let account = one.person.standing().await;
                        let live = account.live_sessions(after(1)).any(|session| session.id == one.opened.session);
                        assert!(!(live && was_over), "an ended session was listed as live");
                    }
                    at += 1;
                    reads.fetch_add(1, Ordering::Relaxed);
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    let forgetting = tokio::spawn({
        let (store, stop) = (Arc::clone(&store), Arc::clone(&stop));
        async move {
            while !stop.load(Ordering::Relaxed) {
                doorward_tests::change_tenant(&store, tenant_id("acme"), Arc::new(|tenant| tenant.created_at = tenant.created_at.plus_s(1)))
                    .await
                    .expect("the store answers");
            }
        }
    });
    for (number, one) in watched.iter().enumerate() {
        let (session, device) = (one.opened.session, one.opened.device);
        let done = one.person.act(after(1), move |account, moment| match number % 5 {
            0 => account.end_session(moment, session, Cause::Revoked),
            1 => account.sign_out_device(moment, device).map(drop),
            2 => account.hijack(moment, device).map(drop),
            3 => account.forget(moment, device, Cause::DeviceForgotten).map(drop),
            _ => account.untrust(moment, device, None, true),
        });
        done.await.expect("it is ended");
        one.over.store(true, Ordering::Release);
        if number % 12 == 11 {
            one.person.act(after(1), |account, moment| account.end_all_sessions(moment, None, false)).await.expect("all end");
        }
        // Let the readers look a few times before the next.
        let seen = reads.load(Ordering::Relaxed);
        while reads.load(Ordering::Relaxed) < seen + 16 && !readers.iter().any(tokio::task::JoinHandle::is_finished) {
            tokio::task::yield_now().await;
        }
    }
    stop.store(true, Ordering::Relaxed);
    for reader in readers {
        reader.await.expect("no reader saw an ended session live");
    }
    forgetting.await.expect("no task fails");
}

/// The same of trust, where it was ended and given again and again.
async fn no_read_after_an_untrust_says_trusted(store: Arc<dyn Store>) {
    let ana = Person::new(&store, "acme", "ana").await;
    let opened = ana.enter_and_trust(start()).await;
    let (device, token) = (opened.device, opened.device_token.expect("a token").reveal());
    let bystander = Person::new(&store, "acme", "ben").await;
    // Even while it is trusted, odd while it isn't; raised before trust may be given, and after it was ended.
    let phase = Arc::new(AtomicI64::new(0));
    let stop = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..8)
        .map(|reader| {
            let (ana, phase, stop) = (ana.clone(), Arc::clone(&phase), Arc::clone(&stop));
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let before = phase.load(Ordering::Acquire);
                    let need = if reader % 2 == 0 { Need::standing(after(1)) } else { Need { device: Some(device), ..Need::default() } };
                    let account = ana.read(need).await;
                    let trusted = account.device(device).expect("the device").status(&account, after(1)) == DeviceStatus::Trusted;
                    let after_it = phase.load(Ordering::Acquire);
                    assert!(!(trusted && before % 2 == 1 && before == after_it), "trust was seen between its end and the next grant");
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for _ in 0..30 {
        ana.act(after(1), move |account, moment| account.untrust(moment, device, None, false)).await.expect("untrusted");
        phase.fetch_add(1, Ordering::Release);
        bystander.enter(after(1)).await;
        phase.fetch_add(1, Ordering::Release);
        let factor = doorward_domain::Factor { method: doorward_domain::MfaMethod::Totp, verified_at: after(1) };
        ana.act(after(1), move |account, moment| account.trust_for_host(moment, device, factor)).await.expect("trusted");
    }
    stop.store(true, Ordering::Relaxed);
    for reader in readers {
        reader.await.expect("no reader saw trust that had ended");
    }
    drop(token);
}

/// What a caller was answered, it reads: each of many tasks sees its own changes at once, in every kind of read.
async fn everybody_reads_their_own_writes(store: Arc<dyn Store>) {
    doorward_tests::at_once(16, |number| {
        let store = Arc::clone(&store);
        async move {
            let person = Person::new(&store, "acme", &format!("user-{}", number % 4)).await;
            for _ in 0..6 {
                let opened = person.enter_and_trust(start()).await;
                assert!(person.is_in(&opened.access_token, start()).await && person.trusts(opened.device, start()).await);
                assert!(store.touch(opened.access_token.at, after(1), 0).await.expect("the store answers").is_some());
                let read = store.session(opened.access_token.at).await.expect("the store answers").expect("the session");
                assert_eq!(read.session(opened.session).expect("the session").last_activity_at, after(1));
                let session = opened.session;
                person.act(after(2), move |account, moment| account.end_session(moment, session, Cause::SignedOut)).await.expect("it ends");
                assert!(!person.is_in(&opened.access_token, after(2)).await);
                assert!(store.session(opened.access_token.at).await.expect("the store answers").is_some(), "it is there, and over");
            }
        }
    })
    .await;
}
