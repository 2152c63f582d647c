//! Laws of the round trip: every field of every row comes back as it went in, set or not, at its extremes.

use std::net::IpAddr;
use std::sync::Arc;

use doorward_domain::{
    Account, AccountId, Actor, Attempt, Binding, Cause, Decision, Device, DeviceId, DeviceTokens, Ending, Event, EventId, EventKind, Factor, Fingerprint,
    Generation, Generations, Grant, Judgement, KeptToken, KeyId, KeyedHash, Made, MfaMethod, NewAccount, Offer, OfferId, OfferState, Once, Part, Parts,
    PepperId, Presented, Raise, Reason, Refusal, Reported, SecondFactor, SecurityEvent, Seen, Session, SessionId, Shard, SignIn, SignInState, Timestamp,
    TokenState,
};
use doorward_store::{AccountKey, Need, Page, Rows, Store};
use doorward_tests::{Home, after, keys, mint, start, tenant, tenant_id, user_id};
use serde_json::{Map, Value, json};
use uuid::Uuid;

doorward_tests::on_each_engine! {
    every_field_of_every_row_comes_back_as_it_went_in,
    the_actor_is_named_in_full,
}

/// Texts that have broken stores before.
const TEXTS: [&str; 8] =
    ["", " ", "Ana's \"phone\"; DROP TABLE device; --", "日本語の携帯 📱👩‍👩‍👧", "e\u{301}\u{202e}gnp.exe", "line\nbreak\ttab\\", "%_?1$1:name", "NULL"];
const TIMES: [i64; 4] = [0, 1, 1_800_000_000_123_457, i64::MAX];
const NUMBERS: [i64; 3] = [0, 1, i64::MAX];

/// Draws members and values in turn, so that many rows together cover every one.
struct Turn(usize);

impl Turn {
    fn of<T: Clone>(&mut self, members: &[T]) -> T {
        self.0 += 1;
        members[self.0 % members.len()].clone()
    }
    fn time(&mut self) -> Timestamp {
        Timestamp::from_micros(self.of(&TIMES))
    }
    fn text(&mut self) -> String {
        self.of(&TEXTS).to_owned()
    }
    fn long(&mut self) -> String {
        let letter = self.of(&["x", "é", "水", "🔑"]);
        letter.repeat(1_024 / letter.len())
    }
    fn ip(&mut self) -> IpAddr {
        self.of(&["0.0.0.0", "255.255.255.255", "192.0.2.1", "::", "2001:db8::ff", "::ffff:192.0.2.1", "fe80::1"]).parse().expect("an address")
    }
    fn uuid(&mut self) -> Uuid {
        mint().uuid(start())
    }
    fn hash(&mut self) -> KeyedHash {
        let byte = self.of(&[0_u8, 1, 127, 255]);
        KeyedHash { key: KeyId(self.of(&[0, 1, u32::MAX])), hash: [byte; 32] }
    }
    fn ending(&mut self) -> Ending {
        Ending { at: self.time(), cause: self.of(Cause::ALL) }
    }
    fn factor(&mut self) -> Factor {
        Factor { method: self.of(MfaMethod::ALL), verified_at: self.time() }
    }
    fn map(&mut self) -> Map<String, Value> {
        let text = self.text();
        let value = json!({
            "text": text, "": null, "deep": [{"a": [true, false, {}]}], "big": u64::MAX, "small": i64::MIN,
            "nul": "\u{0}", "fractions": [0.1, -0.0, 0.30000000000000004, 1.7976931348623157e308, 5e-324, 123456.789],
        });
        value.as_object().expect("an object").clone()
    }
    fn fingerprint(&mut self) -> Fingerprint {
        let id = PepperId { version: self.of(&[0, 1, 255]), ..keys().active_pepper() };
        let pepper = keys().pepper(&tenant_id("acme"), id).expect("its own");
        let parts = |value| Part::ALL.iter().fold(Parts::default(), |parts, part| parts.with(*part, value)).with_version(Part::AgentVersion, Some(u32::MAX));
        let print = |value| parts(value).with_attribute("canvas", Some(value)).digest(id, &pepper);
        print("x").retaken(print("y"))
    }
    fn maybe<T>(&mut self, set: bool, draw: impl FnOnce(&mut Self) -> T) -> Option<T> {
        set.then(|| draw(self))
    }
    fn seen(&mut self, set: bool) -> Seen {
        Seen {
            ip: self.ip(),
            user_agent: if set { self.long() } else { String::new() },
            client_hints: self.maybe(set, Self::text),
            device_info: self.maybe(set, Self::long),
        }
    }

    fn tokens(&mut self) -> DeviceTokens {
        DeviceTokens::of(TokenState::ALL.iter().map(|&state| KeptToken { hash: self.hash(), state, since: self.time() }).collect())
    }

    fn device(&mut self, set: bool) -> Device {
        Device {
            id: DeviceId(self.uuid()),
            // What has neither token nor life is loaded by its id alone.
            tokens: if set { self.tokens() } else { DeviceTokens::default() },
            generation: self.of(&NUMBERS),
            name: self.maybe(set, Self::text),
            grant: self.maybe(set, |turn| Grant {
                given_at: turn.time(),
                until: turn.time(),
                binding: turn.of(Binding::ALL),
                trust_gen: turn.of(&NUMBERS),
                tenant_trust_gen: turn.of(&NUMBERS),
            }),
            granted_on: self.maybe(set, Self::uuid).map(DeviceId),
            trust_ended: self.maybe(set, Self::ending),
            last_factor: self.maybe(set, Self::factor),
            seen: self.seen(set),
            fingerprint: if set { self.fingerprint() } else { Fingerprint::default() },
            given_fingerprint: self.maybe(set, Self::text),
            looks_like: self.maybe(set, Self::uuid).map(DeviceId),
            metadata: if set { self.map() } else { Map::new() },
            declined_at: self.maybe(set, Self::time),
            hijacked_at: self.maybe(set, Self::time),
            released_at: self.maybe(set, Self::time),
            forgotten_at: self.maybe(set, Self::time),
            created_at: self.time(),
            last_seen_at: self.time(),
        }
    }

    fn session(&mut self, set: bool, device: DeviceId) -> Session {
        let created_at = self.time();
        Session {
            id: SessionId(self.uuid()),
            device,
            identified_by: self.of(Binding::ALL),
            token: self.hash(),
            former: self.maybe(set, Self::hash),
            sessions_gen: self.of(&NUMBERS),
            tenant_sessions_gen: self.of(&NUMBERS),
            device_gen: self.of(&NUMBERS),
            external_id: self.maybe(set, Self::text),
            ip: self.ip(),
            login_method: if set { self.text() } else { String::new() },
            amr: if set { vec!["pwd".to_owned(), "hwk".to_owned(), "x:é".to_owned()] } else { vec![] },
            factor: self.maybe(set, Self::factor),
            skipped_factor: set,
            trust_refused: !set,
            authenticated_at: self.time(),
            created_at,
            expires_at: self.time(),
            unused_until: self.maybe(set, Self::time),
            ended: self.maybe(set, Self::ending),
            last_activity_at: if set { self.time() } else { created_at },
        }
    }

    fn offer(&mut self, set: bool, session: &Session) -> Offer {
        Offer {
            id: OfferId(self.uuid()),
            device: session.device,
            session: session.id,
            token: self.hash(),
            trust_gen: self.of(&NUMBERS),
            tenant_trust_gen: self.of(&NUMBERS),
            state: self.of(OfferState::ALL),
            created_at: self.time(),
            expires_at: self.time(),
            settled_at: self.maybe(set, Self::time),
        }
    }

    fn sign_in(&mut self, set: bool, account: &Account) -> SignIn {
        let attempt = Attempt {
            seen: self.seen(set),
            parts: Parts::default(),
            fingerprint: if set { self.fingerprint() } else { Fingerprint::default() },
            second_factor: self.of(SecondFactor::ALL),
            factor: self.maybe(set, Self::factor),
            require_mfa: set,
            login_method: self.text(),
            amr: if set { vec!["pwd".to_owned()] } else { vec![] },
            authenticated_at: self.time(),
        };
        let reasons = if set { Reason::ALL.to_vec() } else { vec![] };
        SignIn {
            id: mint().sign_in_id(start(), account.head.shard),
            attempt,
            judgement: Judgement { decision: self.of(Decision::ALL), reasons, details: if set { self.map() } else { Map::new() } },
            presented: self.of(Presented::ALL),
            device: self.maybe(set, Self::uuid).map(DeviceId),
            device_gen: self.of(&NUMBERS),
            looks_like: self.maybe(set, Self::uuid).map(DeviceId),
            travelled_from: self.maybe(set, |turn| turn.seen(true).ip),
            generations: Generations {
                sessions: self.of(&NUMBERS),
                trust: self.of(&NUMBERS),
                sign_ins: self.of(&NUMBERS),
                tenant_sessions: self.of(&NUMBERS),
                tenant_trust: self.of(&NUMBERS),
            },
            state: self.of(SignInState::ALL),
            created_at: self.time(),
            completed_at: self.maybe(set, Self::time),
            session: self.maybe(set, Self::uuid).map(SessionId),
        }
    }

    fn once(&mut self, set: bool, key: KeyedHash) -> Once {
        let made = Made {
            sign_in: self.maybe(set, |_| mint().sign_in_id(start(), Shard(7))),
            session: self.maybe(set, Self::uuid).map(SessionId),
            device: self.maybe(set, Self::uuid).map(DeviceId),
            offer: self.maybe(set, Self::uuid).map(OfferId),
            access_token: self.maybe(set, Self::hash),
            device_token: self.maybe(set, Self::hash),
        };
        let (shard, account) = (Shard(self.of(&[0, 1, u16::MAX])), AccountId(self.uuid()));
        Once { tenant: tenant_id("globex"), key, request: self.hash(), shard, account, made, created_at: self.time() }
    }

    fn event(&mut self, set: bool, number: i64) -> Event {
        Event {
            number,
            id: EventId(self.uuid()),
            kind: self.of(EventKind::ALL),
            at: self.time(),
            actor: self.text(),
            cause: self.maybe(set, |turn| turn.of(Cause::ALL)),
            device: self.maybe(set, Self::uuid).map(DeviceId),
            session: self.maybe(set, Self::uuid).map(SessionId),
            sign_in: self.maybe(set, |_| mint().sign_in_id(start(), Shard(7))),
            data: if set { self.map() } else { Map::new() },
        }
    }
}

/// The id under which every security event was reported.
const EVENT_ID: &str = "the host's own: é'\"";

/// The hashes of the keys that requests were sent under.
fn once_keys() -> Vec<KeyedHash> {
    (0..8).map(|byte| KeyedHash { key: KeyId(u32::MAX), hash: [byte; 32] }).collect()
}

/// An account with rows of every kind, half of them with every field set and half with none.
fn furnish(account: &mut Account) {
    let mut turn = Turn(0);
    for number in 0..2 * Cause::ALL.len() {
        let set = number % 2 == 0;
        let device = turn.device(set);
        let session = turn.session(set, device.id);
        account.offers.push(turn.offer(set, &session));
        account.devices.push(device);
        account.sessions.push(session);
        let sign_in = turn.sign_in(set, account);
        account.sign_ins.push(sign_in);
        let number = i64::try_from(number).expect("few");
        account.events.push(turn.event(set, number + 1));
        let of = turn.of(Generation::ALL);
        account.raises.push(Raise { of, to: number, ending: turn.ending(), actor: turn.text() });
    }
    for &event in SecurityEvent::ALL {
        let kept = turn.maybe(event.code() % 2 == 0, Turn::uuid).map(SessionId);
        let access_token = turn.maybe(event.code() % 3 == 0, Turn::hash);
        let [devices_untrusted, sessions_ended, activations_cancelled] = [(); 3].map(|()| turn.of(&NUMBERS));
        let event_id = EVENT_ID.to_owned();
        account.reported.push(Reported { event_id, event, at: turn.time(), devices_untrusted, sessions_ended, activations_cancelled, kept, access_token });
    }
    account.once = once_keys().into_iter().enumerate().map(|(at, key)| turn.once(at % 2 == 0, key)).collect();
    account.head.disabled_at = Some(after(1));
    account.head.factors_changed_at = Some(after(2));
    account.head.credentials_changed_at = Some(Timestamp::from_micros(i64::MAX));
    account.head.last_event = i64::MAX;
    (account.head.sessions_gen, account.head.trust_gen, account.head.sign_ins_gen) = (NUMBERS[2], 7, NUMBERS[1]);
}

fn sorted(mut account: Account) -> Account {
    account.devices.sort_by_key(|row| row.id);
    account.sessions.sort_by_key(|row| row.id);
    account.offers.sort_by_key(|row| row.id);
    account.sign_ins.sort_by_key(|row| row.id);
    account.events.sort_by_key(|row| row.number);
    account.raises.sort_by_key(|row| (row.of, row.to));
    account.reported.sort_by_key(|row| row.event);
    account
}

async fn everything(store: &Arc<dyn Store>, key: &AccountKey, written: &Account) -> Account {
    let page = Page { before: None, limit: 1_000 };
    let lists = Need {
        sessions: Rows::Page(page),
        offers_since: Some(Timestamp::from_micros(0)),
        sign_ins: Some(page),
        events: Some(page),
        raises: true,
        reported: Some(EVENT_ID.to_owned()),
        once: once_keys(),
        ..Need::default()
    };
    let mut account = Account::clone(&*store.account(key.clone(), lists).await.expect("the store answers").expect("the account"));
    account.devices.clear();
    for device in &written.devices {
        let need = Need { device: Some(device.id), ..Need::default() };
        let one = store.account(key.clone(), need).await.expect("the store answers").expect("the account");
        account.devices.extend(one.devices.iter().find(|found| found.id == device.id).cloned());
    }
    sorted(account)
}

async fn every_field_of_every_row_comes_back_as_it_went_in((store, home): (Arc<dyn Store>, Arc<Home>)) {
    store.create_tenant(tenant("acme")).await.expect("a new tenant");
    let key = AccountKey::User(tenant_id("acme"), user_id(&"ü".repeat(127)));
    let new = NewAccount::draw(&mut mint(), Timestamp::from_micros(1));
    let need = Need { create: Some(new.clone()), ..Need::default() };
    let blank = Account::new(Arc::new(tenant("acme")), user_id(&"ü".repeat(127)), new);
    let mut written = blank;
    furnish(&mut written);
    let copy = written.clone();
    let made = store.update(key.clone(), need, move |account| {
        *account = Account { tenant: Arc::clone(&account.tenant), ..copy.clone() };
        Ok::<_, Refusal>(())
    });
    made.await.expect("the store answers").expect("an account").expect("no refusal");
    let written = sorted(written);
    assert_eq!(everything(&store, &key, &written).await, written);
    let store = home.reopen(&store).await;
    let read = everything(&store, &key, &written).await;
    assert_eq!(read, written, "and after opening anew");
    assert_eq!(read.head.user.as_str().len(), 254);

    // Written again as they are, they make no change at all; then each loses what it had, and gains what it lacked.
    let before = home.rows().await;
    let page = Page { before: None, limit: 1_000 };
    let all = Need {
        sessions: Rows::Page(page),
        offers_since: Some(start()),
        sign_ins: Some(page),
        events: Some(page),
        raises: true,
        reported: Some(EVENT_ID.to_owned()),
        once: once_keys(),
        ..Need::default()
    };
    store
        .update(key.clone(), all.clone(), |account| {
            account.sessions = account.sessions.clone();
            Ok::<_, Refusal>(())
        })
        .await
        .expect("the store answers");
    assert_eq!(home.rows().await, before);
    let turned = store.update(key.clone(), all, |account| {
        let mut turn = Turn(3);
        for device in &mut account.devices {
            *device = Device { id: device.id, ..turn.device(device.name.is_none()) };
        }
        for session in &mut account.sessions {
            // When it began never changes.
            let begun = Session { id: session.id, created_at: session.created_at, ..turn.session(session.external_id.is_none(), session.device) };
            *session = Session { last_activity_at: turn.time(), ..begun };
        }
        for offer in &mut account.offers {
            offer.state = turn.of(OfferState::ALL);
            offer.settled_at = if offer.settled_at.is_some() { None } else { Some(turn.time()) };
        }
        for once in &mut account.once {
            *once = turn.once(once.made.device.is_none(), once.key.clone());
        }
        account.head.disabled_at = None;
        Ok::<_, Refusal>(account.clone())
    });
    let turned = turned.await.expect("the store answers").expect("the account").expect("no refusal");
    assert_eq!(everything(&store, &key, &turned).await, sorted(turned));
}

/// The actors, as the trail names them, are texts that come back too.
async fn the_actor_is_named_in_full(store: Arc<dyn Store>) {
    let ana = doorward_tests::Person::new(&store, "acme", "ana").await;
    let human = "Zoë O'Neill ".repeat(8);
    let key = doorward_domain::ApiKeyId(Uuid::now_v7());
    let named = human.clone();
    ana.act(start(), move |account, moment| {
        moment.actor = Actor::Key(key, Some(named.clone()));
        account.record(moment, EventKind::DeviceRenamed, doorward_domain::event::About::default());
        Ok(())
    })
    .await
    .expect("no refusal");
    let account = ana.read(Need { events: Some(Page { before: None, limit: 1 }), ..Need::default() }).await;
    assert_eq!(account.events[0].actor, format!("key:{key}:{human}"));
}
