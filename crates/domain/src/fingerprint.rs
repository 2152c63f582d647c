//! Fingerprints: keyed digests of what a device looks like. They recognise; they never authenticate.

use crate::codes::closed_set;
use crate::keys::Pepper;

closed_set! {
    /// A part of a fingerprint, compared by itself.
    pub enum Part {
        /// The browser's, or app's, family.
        Agent = 1 "agent",
        /// The platform's family.
        Platform = 2 "platform",
        /// The hardware model.
        Model = 3 "model",
        /// What the client says of itself.
        Attributes = 4 "attributes",
        /// The address's network: /24 of IPv4, /48 of IPv6.
        Network = 5 "network",
    }
}

/// The digests of a device's parts, under one version of its tenant's pepper.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fingerprint {
    /// The pepper's version; 0 where nothing was taken.
    pub version: u8,
    parts: Vec<(Part, [u8; 8])>,
}

impl Fingerprint {
    /// Digests each part's values.
    #[must_use]
    pub fn take<'a>(pepper: &Pepper, version: u8, parts: impl IntoIterator<Item = (Part, &'a [&'a str])>) -> Self {
        let digest = |part: Part, values: &[&str]| pepper.digest(part.as_str(), values)[..8].try_into().expect("32 bytes hold 8");
        Self { version, parts: parts.into_iter().map(|(part, values)| (part, digest(part, values))).collect() }
    }

    fn part(&self, part: Part) -> Option<[u8; 8]> {
        self.parts.iter().find(|(of, _)| *of == part).map(|(_, digest)| *digest)
    }

    /// Whether two devices look alike: same agent, platform and model, and the same attributes where both gave some.
    /// Digests under different peppers aren't compared.
    #[must_use]
    pub fn resembles(&self, other: &Self) -> bool {
        let same = |part| self.part(part).is_some() && self.part(part) == other.part(part);
        let not_different = |part| self.part(part).is_none() || other.part(part).is_none() || same(part);
        self.version == other.version && same(Part::Agent) && same(Part::Platform) && same(Part::Model) && not_different(Part::Attributes)
    }

    /// The value shown to people: it has a label of its own, so it proves nothing and matches no stored digest.
    #[must_use]
    pub fn shown(&self, pepper: &Pepper) -> String {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let parts: Vec<String> = self.parts.iter().filter(|(part, _)| *part != Part::Network).map(|(part, digest)| format!("{part}:{}", hex(digest))).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        hex(&pepper.digest("shown", &parts)[..16])
    }

    /// The bytes kept in a row: the version, then 9 for each part.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![self.version];
        for (part, digest) in &self.parts {
            bytes.push(u8::try_from(part.code()).expect("codes of parts are small"));
            bytes.extend(digest);
        }
        bytes
    }

    /// Reads those bytes. `None` if they can't have been written by `to_bytes`.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (&version, rest) = bytes.split_first()?;
        let (parts, left) = rest.as_chunks::<9>();
        let part = |chunk: &[u8; 9]| Some((Part::from_code(i64::from(chunk[0]))?, chunk[1..].try_into().ok()?));
        let parts = parts.iter().map(part).collect::<Option<Vec<_>>>()?;
        left.is_empty().then_some(Self { version, parts })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{KeyRing, TenantId};

    fn looks(tenant: &str, agent: &str, attributes: Option<&str>) -> Fingerprint {
        let pepper = KeyRing::new(&[[1; 32]]).pepper(&TenantId::new(tenant).expect("a slug"), 1);
        let attributes = attributes.map(|value| [value]);
        let mut parts: Vec<(Part, &[&str])> = vec![(Part::Agent, std::slice::from_ref(&agent)), (Part::Platform, &["Windows"]), (Part::Model, &[""])];
        if let Some(values) = &attributes {
            parts.push((Part::Attributes, values));
        }
        Fingerprint::take(&pepper, 1, parts)
    }

    #[test]
    fn likeness_needs_every_known_part_and_stays_within_a_tenant() {
        assert!(looks("a", "Chrome", None).resembles(&looks("a", "Chrome", Some("x"))));
        assert!(!looks("a", "Chrome", Some("y")).resembles(&looks("a", "Chrome", Some("x"))));
        assert!(!looks("a", "Chrome", None).resembles(&looks("a", "Firefox", None)));
        assert!(!looks("a", "Chrome", None).resembles(&looks("b", "Chrome", None)));
        assert!(!Fingerprint::default().resembles(&Fingerprint::default()), "nothing known is no likeness");
    }

    #[test]
    fn bytes_round_trip() {
        let taken = looks("a", "Chrome", Some("x"));
        assert_eq!(Fingerprint::from_bytes(&taken.to_bytes()), Some(taken));
        assert_eq!(Fingerprint::from_bytes(&[1, 9]), None);
        assert_eq!(Fingerprint::from_bytes(&[]), None);
    }
}
