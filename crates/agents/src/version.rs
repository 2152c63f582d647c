//! A version as far as it is known: three parts and a label to show.

use serde::{Deserialize, Serialize};

use crate::text::clean;

/// The longest part of a version that is kept, in characters.
const MAX_PART: usize = 16;

/// A version number. A part that isn't known is `""`; if `major` is, so is everything else.
///
/// Parts are strings because not all are numbers ("XP", "2rel").
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Version {
    /// The first part, at most 16 characters.
    pub major: String,
    /// The second part, at most 16 characters.
    pub minor: String,
    /// The third part, at most 16 characters.
    pub patch: String,
    /// What to show: `149.0`, `17.5.1`, `11`; `""` for an unknown version.
    pub label: String,
}

impl Version {
    /// A version of a product. Its label has the minor part always and the patch where it isn't 0,
    /// since browsers are known as "149.0".
    pub(crate) fn of_product(major: &str, minor: &str, patch: &str) -> Version {
        Version::new(major, minor, patch, false)
    }

    /// A version of a platform. Its label leaves trailing zeros out: "Android 15", "macOS 15.1".
    pub(crate) fn of_platform(major: &str, minor: &str, patch: &str) -> Version {
        Version::new(major, minor, patch, true)
    }

    /// Reads `149.0.7843.52`; what doesn't begin with a digit is no version.
    pub(crate) fn parse_product(text: &str) -> Version {
        let [major, minor, patch] = parts(text);
        Version::of_product(major, minor, patch)
    }

    /// Reads `15.1.0`; what doesn't begin with a digit is no version.
    pub(crate) fn parse_platform(text: &str) -> Version {
        let [major, minor, patch] = parts(text);
        Version::of_platform(major, minor, patch)
    }

    /// Whether nothing is known of it.
    pub fn is_empty(&self) -> bool {
        self.major.is_empty()
    }

    /// The major part as a number, where it is one.
    pub(crate) fn major_number(&self) -> Option<u32> {
        self.major.parse().ok()
    }

    /// The minor part as a number, where it is one.
    pub(crate) fn minor_number(&self) -> Option<u32> {
        self.minor.parse().ok()
    }

    fn new(major: &str, minor: &str, patch: &str, trim_zeros: bool) -> Version {
        let [major, minor, mut patch] = [major, minor, patch].map(|p| clean(p, MAX_PART));
        if major.is_empty() {
            return Version::default();
        }
        if minor.is_empty() {
            patch.clear();
        }
        let mut label = major.clone();
        let has_patch = !patch.is_empty() && patch != "0";
        if has_patch || !(minor.is_empty() || (trim_zeros && minor == "0")) {
            label.push('.');
            label.push_str(&minor);
        }
        if has_patch {
            label.push('.');
            label.push_str(&patch);
        }
        Version { major, minor, patch, label }
    }
}

fn parts(text: &str) -> [&str; 3] {
    let text = text.trim();
    if !text.starts_with(|c: char| c.is_ascii_digit()) {
        return [""; 3];
    }
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '.')).unwrap_or(text.len());
    let mut parts = text[..end].split('.');
    [(); 3].map(|()| parts.next().unwrap_or(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_say_as_much_as_is_known() {
        let product = |text| Version::parse_product(text).label;
        assert_eq!(product("149.0.0.0"), "149.0");
        assert_eq!(product("149.0.7843.52"), "149.0.7843");
        assert_eq!(product("17.5.1"), "17.5.1");
        assert_eq!(product("42"), "42");
        assert_eq!(product("1.2-beta+x"), "1.2");
        assert_eq!(product("beta"), "");
        assert_eq!(product("1..3"), "1");

        let platform = |text| Version::parse_platform(text).label;
        assert_eq!(platform("15.0.0"), "15");
        assert_eq!(platform("15.1.0"), "15.1");
        assert_eq!(platform("10.0.3"), "10.0.3");
        assert_eq!(platform(""), "");
    }

    #[test]
    fn parts_are_bounded() {
        let version = Version::parse_product(&"9".repeat(5000));
        assert_eq!(version.major.len(), MAX_PART);
        assert_eq!(version.label, version.major);
    }
}
