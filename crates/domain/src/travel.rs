//! Travel: what the place of a sign-in tells beside those that the account completed before. It takes nothing from anybody but a skipped factor.

use std::collections::HashMap;
use std::net::IpAddr;

use serde_json::{Map, Value, json};

use crate::codes::closed_set;
use crate::{Account, Decision, DeviceId, Judgement, Location, Locations, Reason, Rules, Timestamp, kept_address};

closed_set! {
    /// What a signal does to a decision, in rising strictness.
    pub enum OnSignal {
        /// It is told, and decides nothing.
        Note = 1 "note",
        /// Besides, trust doesn't replace the second factor.
        Challenge = 2 "challenge",
    }
}

/// Faster than this, in kilometres an hour, nobody travels: a little more than airliners do.
const FASTEST_KM_H: f64 = 900.0;
/// Less than so many kilometres, what is uncertain about both places taken off, are no journey.
const LEAST_KM: f64 = 100.0;
/// A place that is known no better than within so many kilometres is no place to travel from or to.
const VAGUE_KM: f64 = 200.0;
/// Half the earth's girth, in kilometres, at that speed: what was longer ago than this was never too far away. In microseconds.
const LONGEST_US: i64 = (20_016.0 / FASTEST_KM_H * 3_600e6) as i64;

/// What the place of a sign-in tells.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Signals {
    /// The country, where the account is known to have signed in from others and from this one never.
    pub new_country: Option<String>,
    /// The sign-in that is too far away to be by the same person.
    pub impossible_travel: Option<Journey>,
}

/// The way from an earlier sign-in to this one.
#[derive(Debug, Clone, PartialEq)]
pub struct Journey {
    /// The earlier one's address.
    pub from: IpAddr,
    /// Where that is.
    pub place: Location,
    /// Its device.
    pub device: DeviceId,
    /// When it was.
    pub at: Timestamp,
    /// The kilometres between the two.
    pub distance_km: u32,
    /// The seconds between the two, whichever came first.
    pub elapsed_s: u32,
}

/// An address from which the account signed in.
struct Sighting {
    ip: IpAddr,
    device: DeviceId,
    at: Timestamp,
}

impl Account {
    /// What the place of an address tells that was seen at `at`, beside the sign-ins that were completed and are still at hand: of each
    /// device that is neither hijacked nor forgotten the last, and those of its standing sessions. A session's later activity
    /// comes with no address, so the moment of its sign-in counts.
    #[must_use]
    pub fn signals(&self, locations: &dyn Locations, ip: IpAddr, at: Timestamp) -> Signals {
        let Some(here) = kept_address(ip).and_then(|ip| locations.find(ip)) else { return Signals::default() };
        let sightings = self.sightings();
        let mut known: HashMap<IpAddr, Option<Location>> = HashMap::from([(ip, Some(here.clone()))]);
        let mut find = |ip: IpAddr| known.entry(ip).or_insert_with(|| locations.find(ip)).clone();
        Signals { new_country: new_country(&here, &sightings, &mut find), impossible_travel: impossible_travel(&here, at, &sightings, &mut find) }
    }

    /// From where the account signed in, the latest first.
    fn sightings(&self) -> Vec<Sighting> {
        let good: Vec<_> = self.devices.iter().filter(|device| device.counts()).collect();
        let last = good.iter().map(|device| Sighting { ip: device.seen.ip, device: device.id, at: device.last_seen_at });
        let on_good = |device: DeviceId| good.iter().any(|known| known.id == device);
        let sessions = self.sessions.iter().filter(|session| on_good(session.device));
        let begun = sessions.map(|session| Sighting { ip: session.ip, device: session.device, at: session.created_at });
        let mut sightings: Vec<_> = last.chain(begun).filter(|sighting| kept_address(sighting.ip).is_some()).collect();
        sightings.sort_by_key(|sighting| std::cmp::Reverse(sighting.at));
        sightings
    }
}

fn new_country(here: &Location, sightings: &[Sighting], find: &mut dyn FnMut(IpAddr) -> Option<Location>) -> Option<String> {
    let country = here.country.as_ref()?;
    let mut others = false;
    for sighting in sightings {
        match find(sighting.ip).and_then(|there| there.country) {
            Some(there) if there == *country => return None,
            there => others |= there.is_some(),
        }
    }
    others.then(|| country.clone())
}

/// The latest sign-in that is too far away. Where either place is missing, vague, or says nothing about the person, there is none.
fn impossible_travel(here: &Location, at: Timestamp, sightings: &[Sighting], find: &mut dyn FnMut(IpAddr) -> Option<Location>) -> Option<Journey> {
    let exact = |place: &Location| place.point.filter(|point| !place.anonymous && point.radius_km() <= VAGUE_KM);
    let to = exact(here)?;
    sightings.iter().find_map(|sighting| {
        let elapsed_us = (at.micros() - sighting.at.micros()).abs();
        if elapsed_us > LONGEST_US {
            return None;
        }
        let place = find(sighting.ip)?;
        let from = exact(&place)?;
        let distance = from.distance_km(&to);
        let sure = distance - from.radius_km() - to.radius_km();
        // Both are far below 2^52.
        let hours = elapsed_us as f64 / 3_600e6;
        (sure >= LEAST_KM && sure > FASTEST_KM_H * hours).then(|| Journey {
            from: sighting.ip,
            device: sighting.device,
            at: sighting.at,
            distance_km: distance.round() as u32,
            elapsed_s: u32::try_from(elapsed_us / 1_000_000).unwrap_or(u32::MAX),
            place,
        })
    })
}

impl Signals {
    /// Those that were found, the weightiest first, and what the policy has them do.
    fn found(&self, rules: &Rules) -> Vec<(Reason, OnSignal)> {
        let travel = self.impossible_travel.as_ref().map(|_| (Reason::ImpossibleTravel, rules.impossible_travel));
        let country = self.new_country.as_ref().map(|_| (Reason::NewCountry, rules.new_country));
        travel.into_iter().chain(country).collect()
    }

    /// What an event says of them, by name: the places too, since an event tells what was done and why, for as long as it is kept.
    pub(crate) fn told(&self) -> Map<String, Value> {
        let country = self.new_country.as_ref().map(|country| (Reason::NewCountry, json!(country)));
        let travel = self.impossible_travel.as_ref().map(|journey| {
            let Location { country, region, city, .. } = &journey.place;
            let mut told = journey.without_place();
            told.insert("from".to_owned(), json!({ "country": country, "region": region, "city": city }));
            (Reason::ImpossibleTravel, Value::Object(told))
        });
        country.into_iter().chain(travel).map(|(reason, told)| (reason.as_str().to_owned(), told)).collect()
    }
}

impl Journey {
    /// What says nothing about where anybody was: it may stay when the addresses go.
    fn without_place(&self) -> Map<String, Value> {
        let told = json!({ "device_id": self.device.to_string(), "at": self.at.to_string(), "distance_km": self.distance_km, "elapsed_s": self.elapsed_s });
        let Value::Object(told) = told else { return Map::new() };
        told
    }
}

impl Judgement {
    /// With the signals among its reasons. They take back what trust allowed, where the policy says so, and change no other decision:
    /// who verified a factor has answered, and who has none can't be asked.
    pub(crate) fn with_signals(mut self, signals: &Signals, rules: &Rules) -> Self {
        let found = signals.found(rules);
        if let Some(journey) = &signals.impossible_travel {
            self.details.insert(Reason::ImpossibleTravel.as_str().to_owned(), journey.without_place().into());
        }
        let asking: Vec<Reason> = found.iter().filter(|(_, on)| *on == OnSignal::Challenge).map(|(reason, _)| *reason).collect();
        if self.reasons.contains(&Reason::TrustedDevice) && !asking.is_empty() {
            self.decision = Decision::Challenge;
            self.reasons = asking;
        }
        for (reason, _) in found {
            if !self.reasons.contains(&reason) {
                self.reasons.push(reason);
            }
        }
        self
    }
}
