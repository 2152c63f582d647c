//! Forced collisions: two users, or two tenants, whose devices look alike in every part share nothing.

use std::sync::Arc;

use doorward_domain::{
    Account, Alike, Attempt, Binding, Completion, Decision, Fingerprint, Likeness, NewAccount, Part, Parts, Presented, Reason, SignIn, Timestamp,
};
use doorward_tests::{attempt, keys, mint, moment_with, passed, start, tenant_with, user_id};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::cases;

/// A text that a part may hold: short ones, so that much is equal by chance too.
fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-c]{1,2}", "[ -~]{1,24}", "\\PC{1,12}"]
}

/// What a browser tells of itself.
fn looks() -> impl Strategy<Value = Parts> {
    let known = (text(), text(), text(), prop::option::of(0_u32..200), prop::option::of(0_u32..20), text());
    let attributes = prop::collection::btree_map(prop_oneof![Just(String::new()), text()], prop::option::weighted(0.9, text()), 0..8);
    (known, attributes).prop_map(|((agent, platform, model, version, platform_version, network), attributes)| {
        let parts = Parts::default()
            .with(Part::Agent, &agent)
            .with_version(Part::AgentVersion, version)
            .with(Part::Platform, &platform)
            .with_version(Part::PlatformVersion, platform_version)
            .with(Part::Model, &model)
            .with(Part::Network, &network);
        attributes.iter().fold(parts, |parts, (name, value)| parts.with_attribute(name, value.as_deref()))
    })
}

/// A user of a tenant that chose likeness, the strongest case.
fn account(tenant: &str, user: &str) -> Account {
    let tenant = tenant_with(tenant, |rules| rules.trust_binding = Binding::Fingerprint);
    Account::new(Arc::new(tenant), user_id(user), NewAccount::draw(&mut mint(), start()))
}

fn looking(parts: &Parts, attempt: Attempt) -> Attempt {
    Attempt { parts: parts.clone(), ..attempt }
}

fn evaluated(account: &Account, parts: &Parts, token: Option<&str>, now: Timestamp) -> SignIn {
    let sign_in = account.evaluate(&mut moment_with(now, mint()), looking(parts, attempt(now)), token);
    sign_in.expect("nothing speaks against an attempt").expect("no token of this account came along")
}

/// Makes a device of these looks that its person trusts. Its token.
fn trust(account: &mut Account, parts: &Parts) -> String {
    let completion = Completion { trust_device: true, ..Completion::default() };
    let opened = account.sign_in_directly(&mut moment_with(start(), mint()), looking(parts, passed(start())), None, completion);
    opened.expect("both factors were proved").device_token.expect("a new device has a token").reveal()
}

fn print(account: &Account) -> &Fingerprint {
    &account.devices[0].fingerprint
}

#[test]
fn equal_looks_of_two_users_or_tenants_share_nothing() {
    let mut runner = TestRunner::new(cases(256, 20_000));
    let whose = prop_oneof![Just(("acme", "ben")), Just(("globex", "ana")), Just(("globex", "ben"))];
    let outcome = runner.run(&(looks(), whose), |(parts, (tenant, user))| {
        let now = start().plus_s(60);
        let (mut own, mut other) = (account("acme", "ana"), account(tenant, user));
        let token = trust(&mut own, &parts);
        // A stranger of the same looks, with and without the token: they are unknown, and the token is none of theirs.
        for came_along in [None, Some(token.as_str())] {
            let met = evaluated(&other, &parts, came_along, now);
            prop_assert_eq!((met.device, met.looks_like, met.presented), (None, None, Presented::Missing));
            prop_assert_eq!(met.judgement.decision, Decision::Challenge);
            prop_assert_eq!(&met.judgement.reasons[..], &[Reason::UnknownDevice, Reason::DeviceTokenMissing]);
            prop_assert!(met.judgement.details.is_empty());
        }
        // Not one digest is equal, nor what is shown: what is equal beyond the two accounts can't be told from the rows.
        trust(&mut other, &parts);
        let (mine, theirs) = (print(&own).to_bytes(), print(&other).to_bytes());
        prop_assert_eq!(mine.len(), theirs.len());
        for (mine, theirs) in Digests::of(&mine).zip(Digests::of(&theirs)) {
            prop_assert_eq!(mine.part, theirs.part);
            prop_assert!(mine.is_number() || mine.value != theirs.value, "{:?}", mine.part);
        }
        let shown = |account: &Account| print(account).shown(&keys().pepper(&account.head.tenant, keys().active_pepper()).expect("a known key"));
        prop_assert_ne!(shown(&own), shown(&other));
        // Even a print that is moved into the other account's row: there it is like nothing.
        other.devices[0].fingerprint = print(&own).clone();
        let device = &other.devices[0];
        let likeness: Likeness = other.likeness(keys(), device, &parts).expect("it can be compared");
        prop_assert_eq!((likeness.alike, likeness.same_network), (Alike::Different, false));
        let met = evaluated(&other, &parts, None, now);
        prop_assert_eq!((met.device, met.looks_like), (None, None));
        // While its owner is known by the same looks, where they say enough.
        let likeness = own.likeness(keys(), &own.devices[0], &parts).expect("it can be compared");
        prop_assert_eq!((likeness.alike, likeness.same_network), (Alike::Same, true));
        prop_assert_eq!(evaluated(&own, &parts, None, now).device, likeness.identifies().then_some(own.devices[0].id));
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}

/// The parts of a print as they lie in a row.
struct Digests {
    part: Part,
    value: [u8; 8],
}

impl Digests {
    /// After the pepper's id: for each part its code, its tag, its unrest and its value.
    fn of(print: &[u8]) -> impl Iterator<Item = Self> + '_ {
        print[5..]
            .chunks_exact(14)
            .map(|mark| Self { part: Part::from_code(i64::from(mark[0])).expect("a part"), value: mark[6..].try_into().expect("8 bytes") })
    }

    /// Versions are numbers in clear inside the sealed row, so that it can be told whether they rose.
    const fn is_number(&self) -> bool {
        matches!(self.part, Part::AgentVersion | Part::PlatformVersion)
    }
}
