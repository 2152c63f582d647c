//! Fingerprints: keyed digests of what a device looks like, part by part. They recognise; they never authenticate.

use aws_lc_rs::digest;

use crate::codes::closed_set;
use crate::keys::{Pepper, PepperId};

closed_set! {
    /// A part of a fingerprint, compared by itself.
    pub enum Part {
        /// The browser's, or app's, family.
        Agent = 1 "agent",
        /// The first number of its version: it may rise.
        AgentVersion = 2 "agent_version",
        /// The platform's family.
        Platform = 3 "platform",
        /// The first number of its version, where it isn't frozen: it may rise.
        PlatformVersion = 4 "platform_version",
        /// The hardware model.
        Model = 5 "model",
        /// The processor's architecture, as client hints tell it.
        Arch = 6 "arch",
        /// The processor's bitness, likewise.
        Bitness = 7 "bitness",
        /// The form factor, likewise.
        Form = 8 "form",
        /// One thing that the client says of itself.
        Attribute = 9 "fingerprint",
        /// The address's network: /24 of IPv4, /48 of IPv6.
        Network = 10 "network",
    }
}

/// What a part holds, before it is digested.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Said {
    Text(String),
    Version(u32),
    /// The host says that it differs from read to read: it is left out.
    Unsteady,
}

/// One thing that is told.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Told {
    part: Part,
    /// An attribute's name; else empty.
    name: String,
    /// The name's [`tag`]: it is compared with every mark of every device.
    tag: u32,
    said: Said,
}

/// What a request tells of its device, before it is digested: at hand while an attempt is judged, and never kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parts(Vec<Told>);

impl Parts {
    /// With a part; an empty text isn't known, and so no part.
    #[must_use]
    pub fn with(mut self, part: Part, text: &str) -> Self {
        if !text.is_empty() {
            self.tell(part, "", Said::Text(text.to_owned()));
        }
        self
    }

    /// With the first number of a version, where it is known.
    #[must_use]
    pub fn with_version(mut self, part: Part, number: Option<u32>) -> Self {
        if let Some(number) = number {
            self.tell(part, "", Said::Version(number));
        }
        self
    }

    /// With something that the client says of itself. `None` where the host says that it differs from read to read.
    #[must_use]
    pub fn with_attribute(mut self, name: &str, value: Option<&str>) -> Self {
        let said = value.map_or(Said::Unsteady, |value| Said::Text(value.to_owned()));
        self.tell(Part::Attribute, name, said);
        self
    }

    fn tell(&mut self, part: Part, name: &str, said: Said) {
        self.0.push(Told { part, name: name.to_owned(), tag: tag(name), said });
    }

    /// Whether nothing is told.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The name of a part as it is told to a host: `agent`, `fingerprint.canvas`.
    pub(crate) fn name(&self, mark: &Mark) -> String {
        match self.attribute(mark) {
            "" => mark.part.as_str().to_owned(),
            name => format!("{}.{name}", mark.part),
        }
    }

    /// The name of an attribute, told with its value or as one that differs from read to read; empty if it isn't told.
    pub(crate) fn attribute(&self, mark: &Mark) -> &str {
        self.0.iter().find(|told| (told.part, told.tag) == (mark.part, mark.tag)).map_or("", |told| &told.name)
    }

    /// Digests each part under a pepper.
    #[must_use]
    pub fn digest(&self, id: PepperId, pepper: &Pepper) -> Fingerprint {
        let mark = |Told { part, name, tag, said }: &Told| {
            let value = match said {
                Said::Text(text) => pepper.digest(part.as_str(), &[name, text])[..8].try_into().expect("32 bytes hold 8"),
                // In clear, so that it can be told whether it rose.
                Said::Version(number) => u64::from(*number).to_be_bytes(),
                Said::Unsteady => return None,
            };
            Some(Mark { part: *part, tag: *tag, unrest: 0, value })
        };
        let marks: Vec<Mark> = self.0.iter().filter_map(mark).collect();
        Fingerprint { pepper: (!marks.is_empty()).then_some(id), marks }
    }
}

/// Tells attributes apart without their names; 0 for what has none.
fn tag(name: &str) -> u32 {
    if name.is_empty() {
        return 0;
    }
    let hash = digest::digest(&digest::SHA256, name.as_bytes());
    u32::from_be_bytes(hash.as_ref()[..4].try_into().expect("32 bytes hold 4"))
}

/// A part's digest, or a version's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) part: Part,
    pub(crate) tag: u32,
    /// How restless it has been: a look that changed it, or kept it back, adds [`CHANGED`]; an unchanged one takes 1 away.
    unrest: u8,
    value: [u8; 8],
}

const CHANGED: u8 = 4;
const MOST: u8 = 12;
/// From here on a part says nothing by changing, or by being kept back: that happened twice within few looks.
const RESTLESS: u8 = 7;
const MARK: usize = 1 + 4 + 1 + 8;

impl Mark {
    /// Whether it changes so often that a change says nothing.
    pub(crate) const fn is_restless(&self) -> bool {
        self.unrest >= RESTLESS
    }

    /// The number of a version.
    pub(crate) const fn number(&self) -> u64 {
        u64::from_be_bytes(self.value)
    }

    pub(crate) fn is_of(&self, other: &Self) -> bool {
        (self.part, self.tag) == (other.part, other.tag)
    }

    pub(crate) fn says(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

/// The digests of a device's parts, under one pepper.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fingerprint {
    /// The pepper; `None` where nothing was taken.
    pub pepper: Option<PepperId>,
    marks: Vec<Mark>,
}

impl Fingerprint {
    pub(crate) fn marks(&self) -> &[Mark] {
        &self.marks
    }

    pub(crate) fn mark(&self, of: &Mark) -> Option<&Mark> {
        self.marks.iter().find(|mark| mark.is_of(of))
    }

    /// The print that takes this one's place after a strong proof: the new digests, with what was learnt of each part's unrest.
    /// A part that isn't told stays as it was, until it wasn't told several times in a row: no look makes a print say less at
    /// once. Parts under another pepper aren't compared, so nothing is learnt of them, and what isn't told anew goes.
    #[must_use]
    pub fn retaken(&self, new: Self) -> Self {
        let comparable = self.pepper == new.pepper;
        let retake = |old: &Mark| {
            let restless = (old.unrest + CHANGED).min(MOST);
            match new.mark(old) {
                Some(mark) if !comparable => Some(Mark { unrest: old.unrest, ..*mark }),
                Some(mark) if old.says(mark) => Some(Mark { unrest: old.unrest.saturating_sub(1), ..*mark }),
                Some(mark) => Some(Mark { unrest: restless, ..*mark }),
                None => (comparable && old.unrest < MOST).then_some(Mark { unrest: restless, ..*old }),
            }
        };
        let known = self.marks.iter().filter_map(retake);
        let first = new.marks.iter().filter(|mark| self.mark(mark).is_none()).copied();
        Self { pepper: new.pepper, marks: known.chain(first).collect() }
    }

    /// The value shown to people: it has a label of its own, so it proves nothing and matches no stored digest. It stays the
    /// same when a browser is updated or the network changes, and becomes another with any other part, such as a window's size, and
    /// when the print is taken anew under another pepper.
    #[must_use]
    pub fn shown(&self, pepper: &Pepper) -> String {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let lasting = |mark: &&Mark| !matches!(mark.part, Part::Network | Part::AgentVersion | Part::PlatformVersion);
        let parts: Vec<String> = self.marks.iter().filter(lasting).map(|mark| format!("{}:{:08x}:{}", mark.part, mark.tag, hex(&mark.value))).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        hex(&pepper.digest("shown", &parts)[..16])
    }

    /// Whether a text names this print: it is the value shown, or the text without a name that a host sent as the whole
    /// fingerprint. `pepper` is the tenant's, `of_account` the account's own.
    pub(crate) fn is_named(&self, text: &str, pepper: &Pepper, of_account: &Pepper) -> bool {
        let Some(id) = self.pepper else { return false };
        let given = Parts::default().with_attribute("", Some(text)).digest(id, of_account);
        let gave = given.marks.iter().any(|mark| self.mark(mark).is_some_and(|kept| kept.says(mark)));
        gave || self.shown(pepper) == text
    }

    /// The bytes kept in a row: the pepper's id, then [`MARK`] for each part. None where nothing was taken.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let Some(pepper) = self.pepper else { return vec![] };
        let mut bytes = pepper.to_bytes().to_vec();
        for mark in &self.marks {
            bytes.push(u8::try_from(mark.part.code()).expect("codes of parts are small"));
            bytes.extend(mark.tag.to_be_bytes());
            bytes.push(mark.unrest);
            bytes.extend(mark.value);
        }
        bytes
    }

    /// Reads those bytes. `None` if they can't have been written by `to_bytes`.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.is_empty() {
            return Some(Self::default());
        }
        let (pepper, rest) = bytes.split_first_chunk()?;
        let (marks, left) = rest.as_chunks::<MARK>();
        let mark = |bytes: &[u8; MARK]| {
            let part = Part::from_code(i64::from(bytes[0]))?;
            let tag = u32::from_be_bytes(bytes[1..5].try_into().ok()?);
            Some(Mark { part, tag, unrest: bytes[5], value: bytes[6..].try_into().ok()? })
        };
        let marks = marks.iter().map(mark).collect::<Option<Vec<_>>>()?;
        (left.is_empty() && !marks.is_empty()).then(|| Self { pepper: Some(PepperId::from_bytes(*pepper)), marks })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DataKey, KeyRing, TenantId};

    fn print(tenant: &str, account: u8, parts: &Parts) -> Fingerprint {
        let ring = KeyRing::new(&[[1; 32]]);
        let id = ring.active_pepper();
        let pepper = ring.pepper(&TenantId::new(tenant).expect("a slug"), id).expect("its own").of_account(&DataKey::new([account; 32]));
        parts.digest(id, &pepper)
    }

    fn parts(canvas: &str) -> Parts {
        Parts::default()
            .with(Part::Agent, "Chrome")
            .with_version(Part::AgentVersion, Some(149))
            .with_attribute("canvas", Some(canvas))
            .with_attribute("audio", None)
    }

    #[test]
    fn bytes_round_trip() {
        let taken = print("a", 1, &parts("x"));
        assert_eq!(Fingerprint::from_bytes(&taken.to_bytes()), Some(taken));
        assert_eq!(Fingerprint::from_bytes(&[]), Some(Fingerprint::default()));
        assert_eq!(Fingerprint::from_bytes(&[1, 9]), None);
        assert_eq!(Fingerprint::from_bytes(&[1, 2, 3, 4, 5]), None);
    }

    #[test]
    fn equal_looks_of_two_accounts_or_tenants_share_no_digest() {
        let own = print("a", 1, &parts("x"));
        for other in [print("a", 2, &parts("x")), print("b", 1, &parts("x"))] {
            for mark in own.marks().iter().filter(|mark| mark.part != Part::AgentVersion) {
                assert!(!other.mark(mark).expect("the same parts").says(mark), "{mark:?}");
            }
        }
    }

    #[test]
    fn a_text_names_a_print_that_shows_it_or_was_taken_of_it() {
        let ring = KeyRing::new(&[[1; 32]]);
        let id = ring.active_pepper();
        let pepper = ring.pepper(&TenantId::new("a").expect("a slug"), id).expect("its own");
        let own = |account: u8| pepper.of_account(&DataKey::new([account; 32]));
        let looks = parts("x").with_attribute("", Some("opaque"));
        let (print, of_another) = (looks.digest(id, &own(1)), looks.digest(id, &own(2)));
        let names = |text: &str| print.is_named(text, &pepper, &own(1));
        assert!(names("opaque") && names(&print.shown(&pepper)));
        assert!(!names("x") && !names("149") && !names("") && !names("opaque ") && !names(&of_another.shown(&pepper)));
        assert!(!Fingerprint::default().is_named("", &pepper, &own(1)), "nothing taken is named by nothing");
        // The value shown is no proof: it is of no part.
        let taken = Parts::default().with_attribute("", Some(&print.shown(&pepper))).digest(id, &own(1));
        assert!(!taken.marks().iter().any(|mark| print.mark(mark).is_some_and(|kept| kept.says(mark))));
    }

    #[test]
    fn what_changes_at_every_look_is_told_at_the_second_and_forgiven_after_a_quiet_time() {
        let mut kept = print("a", 1, &parts("0"));
        let canvas = *kept.marks().last().expect("canvas is the last");
        let restless = |print: &Fingerprint| print.mark(&canvas).is_some_and(Mark::is_restless);
        for look in 1..=2 {
            assert!(!restless(&kept), "before look {look}");
            kept = kept.retaken(print("a", 1, &parts(&look.to_string())));
        }
        assert!(restless(&kept));
        for _ in 0..6 {
            kept = kept.retaken(print("a", 1, &parts("2")));
        }
        assert!(!restless(&kept));
    }
}
