//! The matcher on synthetic histories, seeded: how often a device isn't taken for itself, and how often another one is.
//!
//! `cargo test --release -p doorward-domain --test recognition -- --nocapture` prints the table in `docs/recognition.md`.

use std::io::Write as _;

use doorward_domain::{Alike, DataKey, Fingerprint, KeyRing, Likeness, Part, Parts, Pepper, PepperId, TenantId};

/// A small generator (xorshift64*), so that every run is the same.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u32) -> u32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        u32::try_from((self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32) % u64::from(limit)).expect("below a u32")
    }

    fn in_100(&mut self, share: u32) -> bool {
        self.below(100) < share
    }
}

/// A browser on a machine.
#[derive(Clone)]
struct Browser {
    agent: &'static str,
    version: u32,
    platform: &'static str,
    platform_version: Option<u32>,
    gpu: u32,
    touch: u32,
    timezone: u32,
    screen: u32,
    languages: u32,
    cores: u32,
    canvas: u32,
    window: u32,
    network: u32,
    kind: Kind,
}

impl Browser {
    fn draw(chance: &mut Chance) -> Self {
        let agent = ["Chrome", "Chrome", "Chrome", "Safari", "Edge", "Firefox"][chance.below(6) as usize];
        let platform = if agent == "Safari" { "macOS" } else { ["Windows", "Windows", "Windows", "macOS", "Linux"][chance.below(5) as usize] };
        Self {
            agent,
            // Most of them are up to date.
            version: 149 - chance.below(100) / 85 * chance.below(4),
            platform,
            platform_version: (agent != "Safari" && agent != "Firefox").then(|| 10 + chance.below(3)),
            gpu: chance.below(40),
            touch: chance.below(10) / 8 * 10,
            timezone: chance.below(100) / 90 * chance.below(12),
            screen: chance.below(12),
            languages: chance.below(100) / 70 * chance.below(8),
            cores: [4, 8, 8, 8, 12, 16][chance.below(6) as usize],
            canvas: chance.below(500),
            window: chance.below(1_000),
            network: chance.below(250),
            kind: Kind::Updates,
        }
    }

    /// What the user agent and, where they came along, client hints tell.
    fn agent_parts(&self, hinted: bool) -> Parts {
        let parts = Parts::default().with(Part::Agent, self.agent).with_version(Part::AgentVersion, Some(self.version));
        let parts = parts.with(Part::Platform, self.platform).with_version(Part::PlatformVersion, self.platform_version.filter(|_| hinted));
        let chromium = matches!(self.agent, "Chrome" | "Edge");
        parts
            .with(Part::Model, if self.platform == "macOS" { "Mac" } else { "PC" })
            .with(Part::Arch, if chromium && hinted { "x86" } else { "" })
            .with(Part::Network, &format!("203.0.{}", self.network))
    }

    /// What its script tells.
    fn attributes(&self, chance: &mut Chance) -> Vec<(&'static str, Option<String>)> {
        let private = matches!(self.kind, Kind::Private | Kind::PrivateMarked);
        let made_up = |steady: u32, chance: &mut Chance| match self.kind {
            Kind::PrivateMarked => None,
            _ => Some(if private { chance.below(1_000_000) } else { steady }),
        };
        let attributes = [
            ("gpu", Some(self.gpu)),
            ("maxTouchPoints", Some(self.touch)),
            ("timezone", Some(self.timezone)),
            ("screen", Some(self.screen)),
            ("languages", Some(self.languages)),
            ("canvas", made_up(self.canvas, chance)),
            ("audio", made_up(self.canvas / 50, chance)),
            // Some make this up too, though it stands still elsewhere.
            ("hardwareConcurrency", Some(if private { 2 + chance.below(7) } else { self.cores })),
            ("window", Some(self.window)),
        ];
        attributes.into_iter().map(|(name, value)| (name, value.map(|value| value.to_string()))).collect()
    }

    fn look(&self, chance: &mut Chance) -> Parts {
        let silent = self.kind == Kind::NoAttributes || self.kind == Kind::AttributesMissing && chance.in_100(10);
        let hinted = self.kind != Kind::HintsMissing || chance.in_100(70);
        let attributes = if silent { vec![] } else { self.attributes(chance) };
        told(self.agent_parts(hinted), &attributes)
    }

    /// Lives for a few days, and changes as devices of its kind do. Every browser is updated now and then.
    fn age(&mut self, days: u32, kind: Kind, chance: &mut Chance) {
        if chance.in_100(days * 100 / 28) {
            self.version += 1;
            // A new version draws a little differently now and then.
            self.canvas += u32::from(chance.in_100(30)) * 1_000;
        }
        match kind {
            Kind::SystemUpdates if chance.in_100(days * 100 / 60) => {
                self.platform_version = self.platform_version.map(|version| version + 1);
                self.canvas += 7_000;
            }
            Kind::Windows => self.window = chance.below(1_000),
            Kind::Screens if chance.in_100(days * 100 / 20) => {
                self.timezone = chance.below(12);
                self.screen = chance.below(3);
            }
            // At home, at work, and elsewhere.
            Kind::Moves => self.network = [1, 1, 1, 2, 2, chance.below(250)][chance.below(6) as usize],
            // A driver that calls itself otherwise, or another graphics card.
            Kind::NewGraphics if chance.in_100(days * 100 / 90) => self.gpu = chance.below(40),
            Kind::NewHardware if chance.in_100(days * 100 / 90) => {
                (self.gpu, self.screen, self.cores) = (chance.below(40), chance.below(12), [4, 8, 12, 16][chance.below(4) as usize]);
            }
            _ => {}
        }
    }
}

fn told(parts: Parts, attributes: &[(&'static str, Option<String>)]) -> Parts {
    attributes.iter().fold(parts, |parts, (name, value)| parts.with_attribute(name, value.as_deref()))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Updates,
    SystemUpdates,
    Windows,
    Screens,
    NewGraphics,
    NewHardware,
    HintsMissing,
    AttributesMissing,
    NoAttributes,
    Private,
    PrivateMarked,
    Moves,
}

struct Ring(Pepper, PepperId);

impl Ring {
    fn take(&self, parts: &Parts) -> Fingerprint {
        parts.digest(self.1, &self.0)
    }

    fn compare(&self, kept: &Fingerprint, now: &Parts) -> Likeness {
        Likeness::between(kept, &self.take(now), now)
    }
}

fn ring() -> Ring {
    let keys = KeyRing::new(&[[1; 32]]);
    let id = keys.active_pepper();
    Ring(keys.pepper(&TenantId::new("a").expect("a slug"), id).expect("its own").of_account(&DataKey::new([1; 32])), id)
}

/// The share of looks, in 10,000, that `hit` holds for.
fn share(looks: u32, mut hit: impl FnMut(u32) -> bool) -> u32 {
    (0..looks).filter(|look| hit(*look)).count() as u32 * 10_000 / looks
}

/// How often a device isn't taken for itself over half a year of sign-ins, each with a strong proof: by its looks, and by its
/// looks on the same network, which is what a policy that goes by likeness asks.
fn missed(kind: Kind) -> (u32, u32) {
    let (ring, mut chance) = (ring(), Chance(0x5EED + kind as u64));
    let (mut looks, mut misses, mut elsewhere) = (0, 0, 0);
    for _ in 0..200 {
        let mut browser = Browser { kind, ..Browser::draw(&mut chance) };
        let mut kept = ring.take(&browser.look(&mut chance));
        let mut day = 0;
        while day < 180 {
            let days = 1 + chance.below(14);
            day += days;
            browser.age(days, kind, &mut chance);
            let look = browser.look(&mut chance);
            looks += 1;
            let likeness = ring.compare(&kept, &look);
            misses += u32::from(!likeness.identifies());
            elsewhere += u32::from(!(likeness.identifies() && likeness.same_network));
            kept = kept.retaken(ring.take(&look));
        }
    }
    (misses * 10_000 / looks, elsewhere * 10_000 / looks)
}

/// How often another device on the same network is taken for one of this kind.
fn matched(kind: Kind, other: impl Fn(&Browser, &mut Chance) -> Parts) -> u32 {
    let (ring, mut chance) = (ring(), Chance(0xF00D));
    share(5_000, |_| {
        let own = Browser { kind, ..Browser::draw(&mut chance) };
        let kept = ring.take(&own.look(&mut chance));
        ring.compare(&kept, &other(&own, &mut chance)).identifies()
    })
}

/// An attacker on the same network who copies agent and hints, and tells their own machine's attributes, or what they like.
fn copied(own: &Browser, chance: &mut Chance, tells: impl Fn(&'static str, String) -> Option<Option<String>>) -> Parts {
    let other = Browser { kind: Kind::Updates, ..Browser::draw(chance) };
    let attributes = other.attributes(chance).into_iter().filter_map(|(name, value)| Some((name, tells(name, value?)?)));
    told(own.agent_parts(true), &attributes.collect::<Vec<_>>())
}

#[test]
fn the_matcher_errs_no_more_often_than_the_docs_say() {
    let percent = |share: u32| format!("{}.{:02} %", share / 100, share % 100);
    let histories = [
        ("browser updates", Kind::Updates, 0..=10, 10),
        ("system updates besides", Kind::SystemUpdates, 0..=10, 10),
        ("windows of another size each time", Kind::Windows, 0..=10, 10),
        ("journeys, and screens to plug in", Kind::Screens, 0..=300, 300),
        ("other graphics, about every three months", Kind::NewGraphics, 0..=1_000, 1_000),
        ("graphics, screen and processor at once, as often", Kind::NewHardware, 200..=1_200, 1_200),
        ("hints that come in seven of ten requests", Kind::HintsMissing, 0..=10, 10),
        ("attributes that come in nine of ten", Kind::AttributesMissing, 700..=1_300, 1_300),
        ("a host that sends no attributes", Kind::NoAttributes, 10_000..=10_000, 10_000),
        ("a privacy browser", Kind::Private, 0..=2_000, 2_000),
        ("the same, with `null` for canvas and audio", Kind::PrivateMarked, 0..=2_000, 2_000),
        // By rule: on another network nothing is taken for anything.
        ("moves between networks: home, work, elsewhere", Kind::Moves, 0..=10, 7_000),
    ];
    for (what, kind, by_looks, in_all) in histories {
        let missed = missed(kind);
        writeln!(std::io::stdout(), "| {what} | {} | {} |", percent(missed.0), percent(missed.1)).expect("standard output");
        assert!(by_looks.contains(&missed.0) && missed.1 <= in_all, "{what}: {} {}", percent(missed.0), percent(missed.1));
    }
    let report = |what: &str, share: u32, most: u32| {
        writeln!(std::io::stdout(), "| {what} | {} |", percent(share)).expect("standard output");
        assert!(share <= most, "{what}: {}", percent(share));
    };
    let any = |_: &Browser, chance: &mut Chance| Browser::draw(chance).look(chance);
    report("any other device on the network", matched(Kind::Updates, any), 100);
    report("an attacker who copies agent and hints", matched(Kind::Updates, |own, chance| copied(own, chance, |_, value| Some(Some(value)))), 1_000);
    for (what, tells) in [("the same, with all attributes kept back", None), ("the same, with `null` for each", Some(None))] {
        report(what, matched(Kind::Updates, |own, chance| copied(own, chance, |_, _| tells.clone())), 0);
    }
    let all_but_graphics = |name, value| (name != "gpu").then_some(Some(value));
    report("the same, with the graphics alone kept back", matched(Kind::Updates, |own, chance| copied(own, chance, all_but_graphics)), 0);
    report(
        "the same, against a host that sends no attributes",
        matched(Kind::NoAttributes, |own, chance| copied(own, chance, |_, value| Some(Some(value)))),
        0,
    );
    report("the same, against a privacy browser", matched(Kind::Private, |own, chance| copied(own, chance, |_, value| Some(Some(value)))), 1_000);
    report("two equal laptops, set up alike", matched(Kind::Updates, |own, chance| own.clone().look(chance)), 10_000);
}

#[test]
fn privacy_browsers_are_the_same_once_they_are_known() {
    let (ring, mut chance) = (ring(), Chance(7));
    let browser = Browser { kind: Kind::Private, ..Browser::draw(&mut chance) };
    let mut kept = ring.take(&browser.look(&mut chance));
    for _ in 0..3 {
        kept = kept.retaken(ring.take(&browser.look(&mut chance)));
    }
    assert_eq!(ring.compare(&kept, &browser.look(&mut chance)).alike, Alike::Same);
}
