//! Client hints: what Chromium browsers say of themselves in `Sec-CH-UA…` headers.

use serde::{Deserialize, Serialize};

use crate::header_lists::{boolean, members, single};
use crate::text::clean;

/// Header values longer than this, in bytes, are passed over.
const MAX_VALUE: usize = 512;
/// The most brands that are kept of one header.
const MAX_BRANDS: usize = 16;
/// The longest text that is kept of one hint, in characters.
const MAX_TEXT: usize = 64;

/// A brand of a browser and its version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Brand {
    /// The brand, such as `Google Chrome`, at most 64 characters.
    pub name: String,
    /// Its version, `149` or `149.0.7843.52`, at most 64 characters.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
}

/// The client hints of one request. What wasn't sent is empty.
///
/// The limits in the comments hold for what [`ClientHints::from_headers`] makes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct ClientHints {
    /// `Sec-CH-UA` without its GREASE brands (made up so that nobody relies on the list), at
    /// most 16, with major versions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub brands: Vec<Brand>,
    /// `Sec-CH-UA-Full-Version-List`, in the same way, with full versions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub full_versions: Vec<Brand>,
    /// `Sec-CH-UA-Mobile`: whether the browser wants pages made for phones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mobile: Option<bool>,
    /// `Sec-CH-UA-Platform`: `Windows`, `macOS`, `Android` …, at most 64 characters.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub platform: String,
    /// `Sec-CH-UA-Platform-Version`, at most 64 characters. Windows counts in its own way here:
    /// 13 and up is Windows 11.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub platform_version: String,
    /// `Sec-CH-UA-Model`, at most 64 characters; empty on desktops.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub model: String,
    /// `Sec-CH-UA-Arch`: `x86`, `arm`, at most 64 characters.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub arch: String,
    /// `Sec-CH-UA-Bitness`: `64`, at most 64 characters.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub bitness: String,
    /// `Sec-CH-UA-Form-Factors`: `Desktop`, `Mobile`, `Tablet` …, at most 16.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub form_factors: Vec<String>,
}

impl ClientHints {
    /// Reads the hints out of headers; other headers are passed over.
    ///
    /// Names are compared without regard to case. Nothing in a value makes it fail: what is too
    /// long (over 512 bytes) or can't be read counts as not sent. Of a header that comes twice the
    /// first value counts, except that lists grow to 16 members.
    pub fn from_headers<N, V>(headers: impl IntoIterator<Item = (N, V)>) -> ClientHints
    where
        N: AsRef<str>,
        V: AsRef<str>,
    {
        let mut hints = ClientHints::default();
        for (name, value) in headers {
            let value = value.as_ref();
            if value.len() > MAX_VALUE {
                continue;
            }
            if let Some(hint) = strip_prefix_ignoring_case(name.as_ref().trim(), "sec-ch-ua") {
                hints.read(&hint.to_ascii_lowercase(), value);
            }
        }
        hints
    }

    /// Whether no hint was sent.
    pub fn is_empty(&self) -> bool {
        *self == ClientHints::default()
    }

    /// How many bytes it takes, about.
    pub(crate) fn size(&self) -> usize {
        let brands = self.brands.iter().chain(&self.full_versions);
        brands
            .map(|b| size_of::<Brand>() + b.name.len() + b.version.len())
            .chain(self.form_factors.iter().map(|f| size_of::<String>() + f.len()))
            .chain([&self.platform, &self.platform_version, &self.model, &self.arch, &self.bitness].map(String::len))
            .sum()
    }

    fn read(&mut self, hint: &str, value: &str) {
        match hint {
            "" => add_brands(&mut self.brands, value),
            "-full-version-list" => add_brands(&mut self.full_versions, value),
            "-mobile" => self.mobile = self.mobile.or_else(|| boolean(value)),
            "-platform" => set(&mut self.platform, value),
            "-platform-version" => set(&mut self.platform_version, value),
            "-model" => set(&mut self.model, value),
            "-arch" => set(&mut self.arch, value),
            "-bitness" => set(&mut self.bitness, value),
            "-form-factors" => {
                let factors = members(value).into_iter().map(|(f, _)| clean(&f, MAX_TEXT));
                self.form_factors.extend(factors.filter(|f| !f.is_empty()));
                self.form_factors.truncate(MAX_BRANDS);
            }
            _ => {}
        }
    }
}

fn set(part: &mut String, value: &str) {
    if part.is_empty() {
        *part = clean(&single(value), MAX_TEXT);
    }
}

fn add_brands(brands: &mut Vec<Brand>, value: &str) {
    let read = members(value).into_iter().map(|(name, version)| Brand { name: clean(&name, MAX_TEXT), version: clean(&version, MAX_TEXT) });
    brands.extend(read.filter(|b| !b.name.is_empty() && !is_grease(&b.name)));
    brands.truncate(MAX_BRANDS);
}

/// Whether a brand is one of those made up: all are spellings of "Not A Brand".
pub(crate) fn is_grease(brand: &str) -> bool {
    let letters: String = brand.chars().filter(char::is_ascii_alphabetic).collect();
    letters.eq_ignore_ascii_case("NotABrand") || letters.eq_ignore_ascii_case("NotBrand")
}

fn strip_prefix_ignoring_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (head, tail) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_whatever_their_case() {
        let hints = ClientHints::from_headers([
            ("sec-ch-ua", r#""Chromium";v="149", "Google Chrome";v="149", "Not/A)Brand";v="24""#),
            ("SEC-CH-UA-FULL-VERSION-LIST", r#""Chromium";v="149.0.7843.52", "Google Chrome";v="149.0.7843.52""#),
            ("Sec-CH-UA-Mobile", "?0"),
            ("Sec-CH-UA-Platform", "\"Windows\""),
            ("Sec-CH-UA-Platform-Version", "\"15.0.0\""),
            ("Sec-CH-UA-Model", "\"\""),
            ("Sec-CH-UA-Arch", "\"x86\""),
            ("Sec-CH-UA-Form-Factors", "\"Desktop\""),
            ("Sec-CH-UA-Bitness", "\"64\""),
            ("Cookie", "Sec-CH-UA=1"),
        ]);
        let json = serde_json::to_string(&hints).expect("text is always JSON");
        assert_eq!(
            json,
            concat!(
                r#"{"brands":[{"name":"Chromium","version":"149"},{"name":"Google Chrome","version":"149"}],"#,
                r#""full_versions":[{"name":"Chromium","version":"149.0.7843.52"},"#,
                r#"{"name":"Google Chrome","version":"149.0.7843.52"}],"#,
                r#""mobile":false,"platform":"Windows","platform_version":"15.0.0","arch":"x86","bitness":"64","#,
                r#""form_factors":["Desktop"]}"#,
            )
        );
        assert_eq!(serde_json::from_str::<ClientHints>(&json).expect("it is JSON of the shape"), hints);
    }

    #[test]
    fn no_hints_are_nothing_on_the_wire() {
        let hints = ClientHints::from_headers([("user-agent", "x")]);
        assert!(hints.is_empty());
        assert_eq!(serde_json::to_string(&hints).expect("text is always JSON"), "{}");
    }

    #[test]
    fn every_spelling_of_not_a_brand_is_dropped() {
        for brand in [" Not A;Brand", "(Not(A:Brand", "Not?A_Brand", "Not.A/Brand", "Not:A-Brand", "Not;A=Brand", r#"\Not"A\Brand"#, "Not_A Brand"] {
            assert!(is_grease(brand), "{brand}");
        }
        assert!(!is_grease("Notable Browser"));
        assert!(!is_grease("Brave"));
    }

    #[test]
    fn values_are_bounded() {
        let many = (0..40).map(|n| format!("\"B{n}\"")).collect::<Vec<_>>();
        let hints = ClientHints::from_headers([
            ("Sec-CH-UA", many.join(",")),
            ("Sec-CH-UA", "\"again\"".to_owned()),
            ("Sec-CH-UA-Platform", format!("\"{}\"", "x".repeat(511))),
            ("Sec-CH-UA-Model", format!("\"{}\"", "y".repeat(400))),
            ("Sec-CH-UA-Arch", "\"a\u{7}\u{202e}b\"".to_owned()),
        ]);
        assert_eq!(hints.brands.len(), MAX_BRANDS);
        assert_eq!(hints.platform, "");
        assert_eq!(hints.model.chars().count(), MAX_TEXT);
        assert_eq!(hints.arch, "a b");
    }
}
