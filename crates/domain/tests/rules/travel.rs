//! What the place of a sign-in tells, case by case, and that it never loosens a decision.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::account::{Ana, at, consumer};
use doorward_domain::{
    Attempt, Binding, Decision, Device, DeviceId, Fingerprint, Journey, Location, Locations, OnSignal, Parts, Point, Presented, Reason, Rules, SecondFactor,
    Seen, Signals, Timestamp,
};

const NOW_S: u32 = 100 * 86_400;
const HOUR_S: u32 = 3_600;

/// A place at a meridian of the equator, where a degree is 111.2 km.
fn place(country: &str, degrees: f64, radius_km: f64) -> Location {
    Location { country: Some(country.to_owned()), point: Point::new(0.0, degrees, radius_km), ..Location::default() }
}

struct Map(HashMap<IpAddr, Location>);

impl Locations for Map {
    fn find(&self, ip: IpAddr) -> Option<Location> {
        self.0.get(&ip).cloned()
    }
}

fn ip(last: u8) -> IpAddr {
    [192, 0, 2, last].into()
}

fn map(places: &[(u8, Location)]) -> Map {
    Map(places.iter().map(|(last, place)| (ip(*last), place.clone())).collect())
}

/// Ana, who signed in from the address 1 so many seconds ago, on a device of its own.
fn ana(ago_s: u32) -> (Ana, DeviceId) {
    let mut ana = Ana::new(at(NOW_S - ago_s));
    let device = ana.enter_and_trust().device;
    ana.now = at(NOW_S);
    for session in &mut ana.account.sessions {
        session.ip = ip(1);
    }
    ana.account.device_mut(device).expect("it").seen.ip = ip(1);
    (ana, device)
}

/// What is told of a sign-in from the address 2.
fn told(ana: &Ana, places: &Map) -> (bool, bool) {
    let signals = ana.account.signals(places, ip(2), ana.now);
    (signals.new_country.is_some(), signals.impossible_travel.is_some())
}

#[test]
fn travel_is_impossible_by_speed_distance_and_what_is_known_of_both_places() {
    let at_home = place("EC", 0.0, 5.0);
    let there = |degrees| place("EC", degrees, 5.0);
    let vpn = |degrees| Location { anonymous: true, ..there(degrees) };
    let nowhere = || Location { point: None, ..there(0.0) };
    // 20 degrees are 2,224 km: less than 2.5 hours at 900 km an hour.
    let cases = [
        ("two hours", at_home.clone(), there(20.0), 2 * HOUR_S, true),
        ("no time at all", at_home.clone(), there(20.0), 0, true),
        ("three hours", at_home.clone(), there(20.0), 3 * HOUR_S, false),
        ("a day, half around the earth", at_home.clone(), there(180.0), 22 * HOUR_S, true),
        ("longer than anything takes", at_home.clone(), there(180.0), 23 * HOUR_S, false),
        ("near", at_home.clone(), there(0.9), 0, false),
        ("just far enough", at_home.clone(), there(1.0), 0, true),
        ("far, but for what is uncertain", place("EC", 0.0, 60.0), place("EC", 1.9, 60.0), 0, false),
        ("fast, but for what is uncertain", place("EC", 0.0, 150.0), place("EC", 20.0, 150.0), 2 * HOUR_S + 900, false),
        ("the same place", at_home.clone(), at_home.clone(), 0, false),
        ("from a vague place", place("EC", 0.0, 201.0), there(90.0), 0, false),
        ("to a vague place", at_home.clone(), place("EC", 90.0, 1_000.0), 0, false),
        ("from a VPN", vpn(0.0), there(90.0), 0, false),
        ("to a VPN", at_home.clone(), vpn(90.0), 0, false),
        ("from nowhere", nowhere(), there(90.0), 0, false),
        ("to nowhere", at_home, nowhere(), 0, false),
    ];
    for (what, from, to, ago_s, impossible) in cases {
        let (ana, _) = ana(ago_s);
        assert_eq!(told(&ana, &map(&[(1, from.clone()), (2, to.clone())])), (false, impossible), "{what}");
        // Whichever came first: the two may be judged in another order than they were seen.
        let backwards = ana.account.signals(&map(&[(1, from), (2, to)]), ip(2), Timestamp::from_micros(2 * at(NOW_S - ago_s).micros() - ana.now.micros()));
        assert_eq!(backwards.impossible_travel.is_some(), impossible, "{what}, backwards");
    }
}

#[test]
fn an_address_without_a_place_tells_nothing_and_proves_nothing() {
    let (ana, _) = ana(HOUR_S);
    let far = place("PE", 90.0, 5.0);
    assert_eq!(told(&ana, &map(&[])), (false, false));
    assert_eq!(told(&ana, &map(&[(2, far.clone())])), (false, false), "from a network of which nothing is known, such as one's own");
    assert_eq!(told(&ana, &map(&[(1, far)])), (false, false), "to one");
    let unspecified = Map(HashMap::from([(IpAddr::from([0; 4]), place("PE", 90.0, 5.0)), (ip(1), place("EC", 0.0, 5.0))]));
    let signals = ana.account.signals(&unspecified, IpAddr::from([0; 4]), ana.now);
    assert_eq!(signals, Signals::default(), "an address that is kept no longer is nowhere, whatever a file says of it");
}

#[test]
fn a_country_is_new_if_others_are_known_and_this_one_is_not() {
    let country = |code: Option<&str>| Location { country: code.map(str::to_owned), city: Some("x".to_owned()), ..Location::default() };
    let vpn = |code| Location { anonymous: true, ..country(Some(code)) };
    for (what, before, now, new) in [
        ("another", country(Some("EC")), country(Some("PE")), true),
        ("the same", country(Some("EC")), country(Some("EC")), false),
        ("nothing known before", country(None), country(Some("PE")), false),
        ("nothing known now", country(Some("EC")), country(None), false),
        ("a VPN's, which says so", country(Some("EC")), vpn("PE"), true),
        ("the VPN's as ever", vpn("PE"), vpn("PE"), false),
    ] {
        let (ana, _) = ana(90 * 86_400);
        assert_eq!(told(&ana, &map(&[(1, before), (2, now)])).0, new, "{what}");
    }
    let stranger = Ana::new(at(NOW_S));
    assert_eq!(told(&stranger, &map(&[(2, country(Some("PE")))])), (false, false), "who never signed in has no country");
}

#[test]
fn all_devices_and_sessions_of_the_account_count_but_a_thiefs() {
    let (mut ana, laptop) = ana(HOUR_S);
    let phone = ana.enter().device;
    let places = map(&[(1, place("EC", 0.0, 5.0)), (2, place("PE", 90.0, 5.0)), (7, place("PE", 90.0, 5.0))]);
    let journey = |ana: &Ana| ana.account.signals(&places, ip(2), ana.now);
    assert_eq!(ana.device(phone).seen.ip, ip(7));
    let signals = journey(&ana);
    assert_eq!(signals.new_country, None, "the phone was there");
    let Journey { from, device, at: when, distance_km, elapsed_s, .. } = signals.impossible_travel.expect("the laptop wasn't");
    assert_eq!((from, device, when, distance_km, elapsed_s), (ip(1), laptop, at(NOW_S - HOUR_S), 10_008, HOUR_S));
    // Reported hijacked, what the phone did proves nothing.
    ana.account.device_mut(phone).expect("it").hijacked_at = Some(ana.now);
    assert_eq!(journey(&ana).new_country.as_deref(), Some("PE"));
    ana.account.device_mut(phone).expect("it").hijacked_at = None;
    ana.account.device_mut(phone).expect("it").forgotten_at = Some(ana.now);
    assert_eq!(journey(&ana).new_country.as_deref(), Some("PE"));
    // A device has moved on, and a session on it tells where it was.
    ana.account.device_mut(laptop).expect("it").seen.ip = ip(2);
    assert_eq!(journey(&ana).impossible_travel.map(|journey| journey.from), Some(ip(1)));
    ana.account.sessions.clear();
    assert_eq!(journey(&ana), Signals::default());
}

#[test]
fn the_latest_impossible_journey_is_told() {
    let (mut ana, laptop) = ana(5 * HOUR_S);
    let phone = ana.enter().device;
    for (device, address, ago_s) in [(laptop, 1, 5 * HOUR_S), (phone, 7, 4 * HOUR_S)] {
        let seen = ana.account.device_mut(device).expect("it");
        (seen.seen.ip, seen.last_seen_at) = (ip(address), at(NOW_S - ago_s));
    }
    ana.account.sessions.clear();
    let places = map(&[(1, place("EC", 0.0, 5.0)), (2, place("EC", 90.0, 5.0)), (7, place("EC", -1.0, 5.0))]);
    assert_eq!(ana.account.signals(&places, ip(2), ana.now).impossible_travel.map(|journey| journey.device), Some(phone));
}

fn attempt(second_factor: SecondFactor, require_mfa: bool) -> Attempt {
    Attempt {
        seen: Seen { ip: ip(2), user_agent: String::new(), client_hints: None, device_info: None },
        parts: Parts::default(),
        fingerprint: Fingerprint::default(),
        second_factor,
        factor: None,
        require_mfa,
        login_method: "password".to_owned(),
        amr: vec![],
        authenticated_at: at(NOW_S),
    }
}

/// Every state of an account and a device that a decision depends on.
fn states() -> Vec<(Ana, Option<DeviceId>)> {
    let mut states = vec![];
    for number in 0..16 {
        let (mut known, device) = ana(HOUR_S);
        let is = |bit: u32| number >> bit & 1 == 1;
        if is(0) {
            known.account.head.disabled_at = Some(known.now);
        }
        if is(1) {
            known.account.device_mut(device).expect("it").hijacked_at = Some(known.now);
        }
        if is(2) {
            known.account.device_mut(device).expect("it").grant = None;
        }
        known.choose(consumer(|rules| {
            (rules.device_trust, rules.require_second_factor, rules.trust_binding) = (!is(3), is(0), Binding::Fingerprint);
        }));
        states.push((known, (number != 15).then_some(device)));
    }
    states
}

#[test]
fn signals_never_loosen_a_decision_and_take_back_only_what_trust_allowed() {
    let journey =
        Journey { from: ip(1), place: Location::default(), device: DeviceId(uuid::Uuid::nil()), at: at(NOW_S - 60), distance_km: 9_000, elapsed_s: 60 };
    let signals = |country: bool, travel: bool| Signals { new_country: country.then(|| "PE".to_owned()), impossible_travel: travel.then(|| journey.clone()) };
    let (mut judged, mut turned) = (0, 0);
    for (mut known, device) in states() {
        let rules = known.account.tenant.policy.rules().clone();
        for (on_country, on_travel) in OnSignal::ALL.iter().flat_map(|country| OnSignal::ALL.iter().map(move |travel| (*country, *travel))) {
            known.choose(consumer(|it| *it = Rules { new_country: on_country, impossible_travel: on_travel, ..rules.clone() }));
            for &presented in Presented::ALL {
                for (&second_factor, require_mfa) in SecondFactor::ALL.iter().flat_map(|factor| [(factor, false), (factor, true)]) {
                    let attempt = attempt(second_factor, require_mfa);
                    let device: Option<&Device> = device.map(|id| known.device(id));
                    let judge = |signals: &Signals| known.account.judge(&attempt, presented, device, signals, known.now);
                    let plain = judge(&Signals::default());
                    for (country, travel) in [(true, false), (false, true), (true, true)] {
                        let told = judge(&signals(country, travel));
                        let asks = country && on_country == OnSignal::Challenge || travel && on_travel == OnSignal::Challenge;
                        let by_trust = plain.reasons == [Reason::TrustedDevice];
                        let expected = if by_trust && asks { Decision::Challenge } else { plain.decision };
                        let what = format!("{presented} {second_factor} {require_mfa} {on_country} {on_travel} {country} {travel}");
                        assert_eq!(told.decision, expected, "{what}");
                        assert!(told.decision >= plain.decision, "{what}");
                        assert_eq!(told.reasons.contains(&Reason::TrustedDevice), by_trust && !asks, "{what}");
                        assert!(by_trust || told.reasons.starts_with(&plain.reasons), "{what}: what decided comes first");
                        let reasons = [(Reason::NewCountry, country), (Reason::ImpossibleTravel, travel)];
                        assert!(reasons.iter().all(|(reason, there)| told.reasons.iter().filter(|it| *it == reason).count() == usize::from(*there)), "{what}");
                        judged += 1;
                        turned += usize::from(told.decision != plain.decision);
                    }
                }
            }
        }
    }
    // A trusted device, told by its token or by likeness, under each of seven ways in which a policy asks because of what was told.
    assert_eq!((judged, turned), (6_912, 14));
}
