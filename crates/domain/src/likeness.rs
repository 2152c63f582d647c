//! Likeness: how much an attempt looks like a known device, by parts, their weights and how fast each may drift.

use crate::codes::closed_set;
use crate::fingerprint::Mark;
use crate::{Account, Attempt, Device, DeviceId, Fingerprint, Judgement, KeyRing, Part, Parts, Reason, Refusal, Timestamp};

closed_set! {
    /// How alike two looks are, the most alike first.
    pub enum Alike {
        /// Nothing changed that doesn't change all the time.
        Same = 1 "same",
        /// Updated, or changed in few things, as a device is over weeks.
        Drifted = 2 "drifted",
        /// The same kind of device, with more against it than time explains.
        Suspicious = 3 "suspicious",
        /// Another device.
        Different = 4 "different",
    }
}

/// The comparison of an attempt with a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Likeness {
    /// How alike they are, the network left out.
    pub alike: Alike,
    /// Whether both are on one network.
    pub same_network: bool,
    /// The parts that changed, by name, the network left out.
    pub changed: Vec<String>,
    /// What the attributes that didn't change weigh together.
    agreed: u32,
}

/// From this share of the weights on, out of 100, what changed is drift.
const DRIFTED: u32 = 75;
/// From this share on it is still the same kind of device.
const SUSPICIOUS: u32 = 50;

/// What attributes that didn't change must weigh together to identify a device: agent, model and hints are those of many.
const ENOUGH: u32 = 8;

/// What privacy browsers make up anew for each site, visit or session: a change says nothing.
const MADE_UP: [&str; 7] = ["canvas", "audio", "webglhash", "webglimage", "fonts", "plugins", "domrect"];
/// What a person changes by moving a window or plugging in a screen.
const FLEETING: [&str; 8] = ["window", "viewport", "innerwidth", "innerheight", "screenx", "screeny", "pixelratio", "orientation"];
/// What changes with a journey, or a new screen.
const SLOW: [&str; 5] = ["timezone", "screen", "resolution", "languages", "colordepth"];

/// How a change of an attribute is weighed; by its name, as collectors in browsers name them.
enum Steadiness {
    Steady,
    Slow,
    MadeUp,
    Fleeting,
}

fn steadiness(name: &str) -> Steadiness {
    let name: String = name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    let among = |names: &[&str]| names.iter().any(|known| name.starts_with(known));
    match () {
        () if among(&FLEETING) => Steadiness::Fleeting,
        () if among(&MADE_UP) => Steadiness::MadeUp,
        () if among(&SLOW) => Steadiness::Slow,
        () => Steadiness::Steady,
    }
}

impl Likeness {
    /// Compares a kept print with an attempt's, taken under the same pepper.
    #[must_use]
    pub fn between(kept: &Fingerprint, taken: &Fingerprint, parts: &Parts) -> Self {
        let (mut equal, mut agreed, mut changed_weight, mut changed) = (0, 0, 0, vec![]);
        // Agent and platform must be known of both.
        let known = |part: Part| kept.marks().iter().chain(taken.marks()).filter(|mark| mark.part == part).count() == 2;
        let mut worst = if known(Part::Agent) && known(Part::Platform) { Alike::Same } else { Alike::Different };
        let mut same_network = false;
        for mark in taken.marks() {
            let Some(old) = kept.mark(mark) else { continue };
            let same = old.says(mark);
            if mark.part == Part::Network {
                same_network = same;
                continue;
            }
            if !same {
                changed.push(parts.name(mark));
            }
            let (weight, at_best) = weigh(mark, old, parts);
            if same {
                equal += weight;
                agreed += if mark.part == Part::Attribute { weight } else { 0 };
            } else {
                changed_weight += weight;
                worst = worst.max(at_best);
            }
        }
        // What the device used to say and now keeps to itself, or is said to differ from read to read, is no proof of another
        // device, and none of this one. Only of what browsers make up, or what was found restless, nothing else can be expected.
        let passes = |mark: &Mark| mark.is_restless() || matches!(steadiness(parts.attribute(mark)), Steadiness::MadeUp | Steadiness::Fleeting);
        let kept_back = |mark: &Mark| mark.part == Part::Attribute && taken.mark(mark).is_none() && !passes(mark);
        if kept.marks().iter().any(kept_back) {
            worst = worst.max(Alike::Suspicious);
        }
        let share = (100 * equal).checked_div(equal + changed_weight).unwrap_or(100);
        let by_weight = match share {
            100 => Alike::Same,
            DRIFTED.. => Alike::Drifted,
            SUSPICIOUS.. => Alike::Suspicious,
            _ => Alike::Different,
        };
        Self { alike: worst.max(by_weight), same_network, changed, agreed }
    }

    /// The same where one value says all: whether both say it, and whether both are on one network.
    pub(crate) const fn by_value(same: bool, same_network: bool) -> Self {
        let (alike, agreed) = if same { (Alike::Same, ENOUGH) } else { (Alike::Different, 0) };
        Self { alike, same_network, changed: vec![], agreed }
    }

    /// Whether it may identify a device, where a tenant chose that: nothing speaks against it, and enough for it.
    #[must_use]
    pub const fn identifies(&self) -> bool {
        self.is_possible() && self.agreed >= ENOUGH
    }

    /// Whether nothing speaks against its being the device, on the network that it was on.
    const fn is_possible(&self) -> bool {
        matches!(self.alike, Alike::Same | Alike::Drifted)
    }
}

/// What a part weighs among those that tell devices of one kind apart, and how alike the devices are at best if it changed.
fn weigh(new: &Mark, old: &Mark, parts: &Parts) -> (u32, Alike) {
    let changed = !new.says(old);
    match new.part {
        Part::Agent | Part::Platform | Part::Model => (0, Alike::Different),
        Part::AgentVersion | Part::PlatformVersion if new.number() < old.number() => (0, Alike::Suspicious),
        Part::AgentVersion | Part::PlatformVersion => (0, Alike::Drifted),
        Part::Arch | Part::Bitness | Part::Form => (3, Alike::Suspicious),
        Part::Network => (0, Alike::Same),
        // An opaque text, which stands for all that the host knows.
        Part::Attribute if parts.attribute(new).is_empty() => (ENOUGH, Alike::Different),
        Part::Attribute if changed && old.is_restless() => (0, Alike::Same),
        Part::Attribute => match steadiness(parts.attribute(new)) {
            Steadiness::Fleeting => (0, Alike::Same),
            // A change says nothing; that it didn't change does.
            Steadiness::MadeUp if changed => (0, Alike::Same),
            Steadiness::MadeUp => (2, Alike::Same),
            Steadiness::Slow => (2, Alike::Drifted),
            Steadiness::Steady => (4, Alike::Drifted),
        },
    }
}

/// What likeness says of an attempt that came without a token.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Recognition {
    /// The device seen last that it resembles: a hint.
    pub(crate) resembles: Option<DeviceId>,
    /// The one device that it is, by likeness on the same network. None while another may be it.
    pub(crate) identified: Option<DeviceId>,
    /// It looks like a known device on another network.
    elsewhere: bool,
    /// What changed on the device that it nearly is, on the same network.
    changed: Vec<String>,
}

impl Account {
    /// Takes an attempt's print under the active pepper.
    pub(crate) fn print(&self, keys: &KeyRing, parts: &Parts) -> Fingerprint {
        self.print_under(keys, keys.active_pepper(), parts).unwrap_or_default()
    }

    fn print_under(&self, keys: &KeyRing, id: crate::PepperId, parts: &Parts) -> Option<Fingerprint> {
        Some(parts.digest(id, &keys.pepper(&self.head.tenant, id)?.of_account(&self.head.data_key)))
    }

    /// Compares an attempt with one device, under the pepper that the device's print is under. `None` where the two can't be
    /// compared: nothing was taken, or the pepper's server key isn't in the ring. That is no change.
    #[must_use]
    pub fn likeness(&self, keys: &KeyRing, device: &Device, parts: &Parts) -> Option<Likeness> {
        let taken = self.print_under(keys, device.fingerprint.pepper?, parts)?;
        Some(device.likeness(&taken, parts))
    }

    /// The device that a text names: by the value shown as its fingerprint, or by what its host sent as the whole of it. Of
    /// several that look alike it is the caller's own, `own`; else there must be one alone. A print under a pepper whose
    /// server key isn't in the ring is named by nothing.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn device_by_fingerprint(&self, keys: &KeyRing, text: &str, own: DeviceId) -> Result<DeviceId, Refusal> {
        let is_named = |device: &&Device| {
            let pepper = device.fingerprint.pepper.and_then(|id| keys.pepper(&self.head.tenant, id));
            pepper.is_some_and(|pepper| device.fingerprint.is_named(text, &pepper, &pepper.of_account(&self.head.data_key)))
        };
        // Of one that was released its owner's browser looks as it did, and is another.
        let known = self.devices.iter().filter(|device| device.forgotten_at.is_none() && device.released_at.is_none());
        let named: Vec<DeviceId> = known.filter(is_named).map(|device| device.id).collect();
        match named[..] {
            _ if named.contains(&own) => Ok(own),
            [only] => Ok(only),
            _ => Err(Refusal::NotFound),
        }
    }

    /// Looks for the devices that an attempt resembles.
    pub(crate) fn look_around(&self, keys: &KeyRing, parts: &Parts, now: Timestamp) -> Recognition {
        let mut taken: Vec<(crate::PepperId, Option<Fingerprint>)> = vec![];
        let mut found: Vec<(&Device, Likeness)> = vec![];
        // A device whose print is gone, or under a server key that is, may be any.
        let mut unknowable = false;
        for device in self.devices.iter().filter(|device| device.stands()) {
            let print = device.fingerprint.pepper.and_then(|id| {
                if !taken.iter().any(|(of, _)| *of == id) {
                    taken.push((id, self.print_under(keys, id, parts)));
                }
                taken.iter().find(|(of, _)| *of == id).and_then(|(_, print)| print.as_ref())
            });
            let Some(print) = print else {
                // But for one of which a host's word was all that was known, and is gone.
                let was_nobodys = device.tokens.are_retired() && device.last_factor.is_none() && device.hijacked_at.is_none();
                unknowable |= device.released_at.is_none() && !was_nobodys;
                continue;
            };
            let like = device.likeness(print, parts);
            if like.alike != Alike::Different {
                found.push((device, like));
            }
        }
        let seen = |(device, _): &&(&Device, Likeness)| (device.last_seen_at, device.id);
        let resembles = found.iter().filter(|(device, _)| device.forgotten_at.is_none()).max_by_key(seen).map(|(device, _)| device.id);
        // Its owner's browser begins again as another device, and looks as it did.
        found.retain(|(device, _)| device.released_at.is_none());
        let here: Vec<_> = found.iter().filter(|(_, like)| like.is_possible() && like.same_network).collect();
        let nearly = found.iter().filter(|(_, like)| !like.is_possible() && like.same_network).max_by_key(seen);
        let identified = match here[..] {
            _ if unknowable => None,
            [(only, like)] => like.identifies().then_some(only.id),
            _ => self.named_among(&here, now),
        };
        Recognition {
            resembles,
            identified,
            elsewhere: here.is_empty() && found.iter().any(|(_, like)| like.is_possible() && !like.same_network),
            changed: if here.is_empty() { nearly.map(|(_, like)| like.changed.clone()).unwrap_or_default() } else { vec![] },
        }
    }
}

impl Judgement {
    /// Beside a token that fits, what changed is information, and decides nothing.
    pub(crate) fn with_likeness(mut self, likeness: Option<Likeness>) -> Self {
        let Some(likeness) = likeness else { return self };
        if !likeness.changed.is_empty() {
            self.detail_changes(&likeness.changed);
        }
        if !likeness.same_network {
            self.details.insert(Reason::NetworkChanged.as_str().to_owned(), serde_json::json!({}));
        }
        self
    }

    /// Without a token, where likeness may identify a device, why it didn't.
    pub(crate) fn with_recognition(mut self, recognition: &Recognition) -> Self {
        if recognition.elsewhere {
            self.reasons.push(Reason::NetworkChanged);
        }
        if !recognition.changed.is_empty() {
            self.reasons.push(Reason::FingerprintChanged);
            self.detail_changes(&recognition.changed);
        }
        self
    }

    fn detail_changes(&mut self, changed: &[String]) {
        self.details.insert(Reason::FingerprintChanged.as_str().to_owned(), serde_json::json!({ "changed": changed }));
    }
}

impl Attempt {
    /// Takes the raw parts out: they are compared now, and never kept.
    pub(crate) fn take_parts(&mut self) -> Parts {
        std::mem::take(&mut self.parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DataKey, TenantId};

    fn compare(kept: &Parts, now: &Parts) -> Likeness {
        let ring = KeyRing::new(&[[1; 32]]);
        let id = ring.active_pepper();
        let pepper = ring.pepper(&TenantId::new("a").expect("a slug"), id).expect("its own").of_account(&DataKey::new([1; 32]));
        Likeness::between(&kept.digest(id, &pepper), &now.digest(id, &pepper), now)
    }

    fn browser(agent: &str, version: u32, attributes: &[(&str, Option<&str>)]) -> Parts {
        let parts = Parts::default().with(Part::Agent, agent).with_version(Part::AgentVersion, Some(version)).with(Part::Platform, "Windows");
        let parts = parts.with(Part::Model, "PC").with(Part::Network, "192.0.2");
        attributes.iter().fold(parts, |parts, (name, value)| parts.with_attribute(name, *value))
    }

    const STEADY: [(&str, Option<&str>); 4] = [("gpu", Some("a")), ("touch", Some("0")), ("timezone", Some("x")), ("canvas", Some("1"))];

    fn changing(at: usize, value: Option<&'static str>) -> Parts {
        let mut attributes = STEADY;
        attributes[at].1 = value;
        browser("Chrome", 149, &attributes)
    }

    #[test]
    fn each_change_makes_as_much_difference_as_it_should() {
        let kept = browser("Chrome", 149, &STEADY);
        let bare = browser("Chrome", 149, &[]);
        let cases = [
            ("the same", kept.clone(), Alike::Same),
            ("another browser", browser("Firefox", 149, &STEADY), Alike::Different),
            ("an update", browser("Chrome", 150, &STEADY), Alike::Drifted),
            ("a version that falls", browser("Chrome", 148, &STEADY), Alike::Suspicious),
            ("a journey", changing(2, Some("y")), Alike::Drifted),
            ("another steady thing", changing(0, Some("b")), Alike::Suspicious),
            ("a canvas that is made up", changing(3, Some("2")), Alike::Same),
            ("a canvas that the host marks", changing(3, None), Alike::Same),
            ("something steady that the host marks", changing(0, None), Alike::Suspicious),
            ("everything marked", browser("Chrome", 149, &STEADY.map(|(name, _)| (name, None))), Alike::Suspicious),
            ("attributes kept back", bare.clone(), Alike::Suspicious),
            ("another model", browser("Chrome", 149, &STEADY).with(Part::Model, "Mac"), Alike::Different),
        ];
        for (what, now, alike) in cases {
            assert_eq!(compare(&kept, &now).alike, alike, "{what}");
        }
        let more = compare(&bare, &kept);
        assert_eq!((more.alike, more.identifies()), (Alike::Same, false), "more is known now, nothing speaks against it, and nothing for it");
        assert_eq!(compare(&kept, &browser("Chrome", 150, &STEADY)).changed, ["agent_version"]);
        assert_eq!(compare(&kept, &changing(0, Some("b"))).changed, ["fingerprint.gpu"]);
    }

    #[test]
    fn nothing_known_is_no_likeness() {
        assert_eq!(compare(&Parts::default(), &Parts::default()).alike, Alike::Different);
        let unknown = Parts::default().with(Part::Platform, "Windows").with_attribute("gpu", Some("a"));
        assert_eq!(compare(&unknown, &unknown).alike, Alike::Different, "an unknown browser is like no other");
    }

    #[test]
    fn what_says_nothing_identifies_nobody() {
        let bare = browser("Chrome", 149, &[]).with(Part::Arch, "x86").with(Part::Bitness, "64").with(Part::Form, "Desktop");
        let made_up = |value| browser("Chrome", 149, &["canvas", "audio", "fonts", "plugins", "domRect"].map(|name| (name, Some(value))));
        let one = browser("Chrome", 149, &[("gpu", Some("a"))]);
        let windows = browser("Chrome", 149, &["window", "viewport", "innerWidth"].map(|name| (name, Some("1"))));
        for (what, kept, now) in [
            ("no attributes", &bare, &bare),
            ("all of them made up anew", &made_up("1"), &made_up("2")),
            ("one of them", &one, &one),
            ("a window's size", &windows, &windows),
        ] {
            let likeness = compare(kept, now);
            assert_eq!((likeness.alike, likeness.identifies()), (Alike::Same, false), "{what}");
        }
        let renderers = |value| browser("Chrome", 149, &[("webglRenderer", Some(value)), ("hardwareConcurrency", Some("8")), ("deviceMemory", Some("8"))]);
        assert!(compare(&renderers("a"), &renderers("a")).identifies());
        assert!(!compare(&renderers("a"), &renderers("b")).identifies(), "no browser makes up its renderer");
    }

    #[test]
    fn what_is_not_told_is_not_forgotten_at_once() {
        let ring = KeyRing::new(&[[1; 32]]);
        let id = ring.active_pepper();
        let pepper = ring.pepper(&TenantId::new("a").expect("a slug"), id).expect("its own").of_account(&DataKey::new([1; 32]));
        let (full, bare) = (browser("Chrome", 149, &STEADY), browser("Chrome", 149, &[]));
        let stranger = browser("Chrome", 149, &STEADY.map(|(name, _)| (name, Some("other"))));
        let mut kept = full.digest(id, &pepper);
        for sign_in in 1..=4 {
            kept = kept.retaken(bare.digest(id, &pepper));
            for (who, now) in [("one who tells nothing", &bare), ("one who tells other things", &stranger)] {
                assert!(!Likeness::between(&kept, &now.digest(id, &pepper), now).identifies(), "{who}, after {sign_in}");
            }
            let own = Likeness::between(&kept, &full.digest(id, &pepper), &full);
            assert_eq!(own.identifies(), sign_in < 4, "what wasn't told four times in a row is gone");
        }
    }

    #[test]
    fn an_opaque_text_is_one_part() {
        let of = |text| browser("Chrome", 149, &[("", Some(text))]);
        assert!(compare(&of("a"), &of("a")).identifies());
        let other = compare(&of("a"), &of("b"));
        assert_eq!((other.alike, other.changed), (Alike::Different, vec!["fingerprint".to_owned()]));
    }
}
