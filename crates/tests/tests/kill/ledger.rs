//! The ledger: what was tried and what was acknowledged, and what of it must be found again.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use doorward_domain::{Account, Device, DeviceId, EventKind, Session, SessionId, SignInId, SignInState, Timestamp};
use doorward_store::{Need, Page, Rows, Store};
use doorward_tests::Person;

/// One account, as far as it was heard of.
#[derive(Default)]
pub(crate) struct Entry {
    /// The number of the last event at the last acknowledgement.
    event: i64,
    /// What was tried and not acknowledged: it may have happened, whole, or not.
    pending: Option<String>,
    opened: HashMap<SessionId, DeviceId>,
    ended: HashSet<SessionId>,
    touched: HashMap<SessionId, Timestamp>,
    forgotten: HashSet<DeviceId>,
    trusted: HashSet<DeviceId>,
    appended: HashSet<SignInId>,
    completed: HashMap<SignInId, SessionId>,
}

/// All accounts by their users.
#[derive(Default)]
pub(crate) struct Ledger {
    entries: HashMap<String, Entry>,
    /// How many changes were acknowledged.
    pub(crate) acknowledged: usize,
}

impl Ledger {
    /// Writes down a line; gives its user.
    pub(crate) fn note(&mut self, line: &str) -> Option<String> {
        let words: Vec<&str> = line.split(' ').collect();
        let id = |at: usize| words[at].parse().expect("an id");
        let (verb, user) = (words[0], *words.get(1)?);
        let entry = self.entries.entry(user.to_owned()).or_default();
        if verb == "try" {
            entry.pending = Some(words[2].to_owned());
            return Some(user.to_owned());
        }
        assert_eq!(verb, "ack", "{line}");
        self.acknowledged += 1;
        entry.pending = None;
        entry.event = words[2].parse().expect("a number");
        match words[3] {
            "made" => {}
            "open" => drop(entry.opened.insert(SessionId(id(4)), DeviceId(id(5)))),
            "end" => drop(entry.ended.insert(SessionId(id(4)))),
            "all" => entry.ended.extend(entry.opened.keys()),
            "forget" => {
                let device = DeviceId(id(4));
                entry.forgotten.insert(device);
                entry.ended.extend(entry.opened.iter().filter(|(_, on)| **on == device).map(|(session, _)| *session));
            }
            "touch" => drop(entry.touched.insert(SessionId(id(4)), Timestamp::from_micros(words[5].parse().expect("a number")))),
            "trust" => drop(entry.trusted.insert(DeviceId(id(4)))),
            "append" => drop(entry.appended.insert(words[4].parse().expect("an id"))),
            "complete" => {
                entry.completed.insert(words[4].parse().expect("an id"), SessionId(id(5)));
                entry.opened.insert(SessionId(id(5)), DeviceId(id(6)));
            }
            other => panic!("{other} is unknown"),
        }
        Some(user.to_owned())
    }

    /// Holds an account against what was heard of it.
    pub(crate) async fn audit(&self, store: &Arc<dyn Store>, user: &str) {
        let person = Person::known(store, "acme", user);
        let entry = &self.entries[user];
        let page = Page { before: None, limit: 1_000 };
        let need = Need { devices: Rows::Page(page), sessions: Rows::Page(page), events: Some(page), sign_ins: Some(page), raises: true, ..Need::default() };
        let Some(account) = store.account(person.key.clone(), need).await.expect("the store answers") else {
            assert_eq!(entry.event, 0, "{user} was acknowledged and is gone");
            return;
        };
        self.assert_kept(&account, entry, user);
        assert_whole(&account, user);
    }

    fn assert_kept(&self, account: &Account, entry: &Entry, user: &str) {
        let nothing_pending = entry.pending.is_none();
        let last = account.head.last_event;
        assert!(
            last == entry.event || (!nothing_pending && last > entry.event),
            "{user}: event {last}, acknowledged {}, trying {:?}",
            entry.event,
            entry.pending
        );
        let find = |id: &SessionId| account.session(*id).unwrap_or_else(|_| panic!("{user}: session {id} is lost"));
        let over = |session: &Session| session.ended.is_some() || session.sessions_gen != account.head.sessions_gen;
        for (session, device) in &entry.opened {
            assert_eq!(find(session).device, *device, "{user}");
            let ended = entry.ended.contains(session);
            assert!(over(find(session)) == ended || (!ended && !nothing_pending), "{user}: session {session}");
        }
        for (session, at) in &entry.touched {
            let found = find(session).last_activity_at;
            assert!(found == *at || (found > *at && entry.pending.as_deref() == Some("touch")), "{user}: {session} was heard of at {at}, found {found}");
        }
        let device = |id: &DeviceId| account.devices.iter().find(|device| device.id == *id);
        assert!(entry.forgotten.iter().all(|id| device(id).is_none_or(|device| device.forgotten_at.is_some())), "{user}: a forgotten device is back");
        let was_trusted = |id: &DeviceId| account.events.iter().any(|event| event.kind == EventKind::DeviceTrusted && event.device == Some(*id));
        assert!(entry.trusted.iter().all(was_trusted), "{user}: trust is lost");
        for id in &entry.appended {
            let sign_in = account.sign_ins.iter().find(|sign_in| sign_in.id == *id).unwrap_or_else(|| panic!("{user}: sign-in {id} is lost"));
            let completed = entry.completed.get(id);
            assert!(sign_in.session.as_ref() == completed || (completed.is_none() && !nothing_pending), "{user}: sign-in {id}");
        }
    }
}

/// Holds that rows and trail tell one story: every change is whole, or isn't there.
fn assert_whole(account: &Account, user: &str) {
    let numbers: Vec<i64> = account.events.iter().rev().map(|event| event.number).collect();
    assert_eq!(numbers, (1..=account.head.last_event).collect::<Vec<_>>(), "{user}: the trail has gaps");
    let of = |kind: EventKind| account.events.iter().filter(move |event| event.kind == kind);
    let started: HashSet<_> = of(EventKind::SessionStarted).filter_map(|event| event.session).collect();
    assert_eq!(started, account.sessions.iter().map(|session| session.id).collect(), "{user}: sessions and their beginnings");
    let forgotten: HashSet<_> = of(EventKind::DeviceForgotten).filter_map(|event| event.device).collect();
    let added: HashSet<_> = of(EventKind::DeviceAdded).filter_map(|event| event.device).collect();
    let listed: HashSet<_> = account.devices.iter().filter(|device| device.forgotten_at.is_none()).map(|device| device.id).collect();
    assert_eq!(listed, &added - &forgotten, "{user}: devices, and what was added and not forgotten");
    let ended: HashSet<_> = of(EventKind::SessionEnded).filter_map(|event| event.session).collect();
    for session in &account.sessions {
        let by_itself = session.ended.is_some() && !forgotten.contains(&session.device);
        assert!(by_itself == ended.contains(&session.id) || forgotten.contains(&session.device), "{user}: session {} and its ending", session.id);
    }
    let raises = of(EventKind::SessionsEnded).count();
    assert_eq!(i64::try_from(raises).expect("few") + 1, account.head.sessions_gen, "{user}: generations and their events");
    assert_eq!(account.raises.len(), 2 * raises, "{user}: generations and their raises");
    let granted = |device: &Device| {
        device.grant.is_none_or(|grant| of(EventKind::DeviceTrusted).any(|event| event.device == Some(device.id) && event.at == grant.given_at))
    };
    assert!(account.devices.iter().all(granted), "{user}: a grant without its event");
    for sign_in in account.sign_ins.iter().filter(|sign_in| sign_in.state == SignInState::Completed) {
        let led_to = sign_in.session.expect("a completed sign-in led to a session");
        assert!(
            of(EventKind::SessionStarted).any(|event| (event.session, event.sign_in) == (Some(led_to), Some(sign_in.id))),
            "{user}: sign-in {}",
            sign_in.id
        );
    }
}
