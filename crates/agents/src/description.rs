//! What is known of a browser, its platform and its device, and the names for them.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::text::{MAX_NAME, clean};
use crate::version::Version;

/// The longest title, in characters.
const MAX_TITLE: usize = 64;

/// What is known of who sent a request. What isn't known is `""` or [`Kind::Unknown`].
///
/// All text is bounded (names at most 40 characters), on one line and without invisible
/// characters, but it is still what the caller claims: escape it where it is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Description {
    /// The browser, app, tool or bot.
    pub browser: Browser,
    /// The platform that it runs on.
    pub platform: Platform,
    /// The device that it runs on.
    pub device: Hardware,
}

/// A browser, or the app, tool or bot in its place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Browser {
    /// The name that people know: `Chrome`, `Samsung Internet`, `In-app browser`, `curl`.
    pub name: String,
    /// Its version. Chromium browsers say only the major part, unless hints say more.
    pub version: Version,
    /// What the user agent string says it is, `Chrome` for Brave too, so that it is the same
    /// whether or not hints came with a request. Only where the string says nothing do the hints
    /// count; what an app says of itself always does.
    pub family: String,
    /// `Blink`, `Gecko`, `WebKit`, `Trident`, `EdgeHTML`, `Presto`, `Goanna`, `KHTML`, or `""`
    /// for what has none, such as apps and tools.
    pub engine: String,
}

/// A platform (an operating system).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Platform {
    /// The name that people know: `Windows`, `macOS`, `iOS`, `Android`, `Ubuntu`.
    pub name: String,
    /// Its version, where it is known. Browsers freeze it in their user agent strings
    /// (Windows 10, macOS 10.15, Android 10); such a value counts as unknown.
    pub version: Version,
    /// `Linux` for its distributions, `iOS` for iPadOS, else as `name`. It comes from the user
    /// agent string in the way that [`Browser::family`] does.
    pub family: String,
}

/// A device.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Hardware {
    /// The maker, `Apple`, `Samsung`; `Desktop` for a computer whose maker isn't known.
    pub family: String,
    /// The model: `iPhone`, `Pixel 8`, `SM-S918B`, `Mac`; `PC` for any other computer.
    pub model: String,
    /// What sort of device, or of caller, it is (`type` on the wire).
    #[serde(rename = "type")]
    pub kind: Kind,
}

/// What sort of device, or of caller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A computer with a desk or a lap under it.
    Desktop,
    /// A phone.
    Mobile,
    /// A tablet.
    Tablet,
    /// A television, a box beside it, or a games console.
    Tv,
    /// A crawler or another program without a person.
    Bot,
    /// A command-line tool or an HTTP library of a server language.
    Cli,
    /// A native app (not one that shows a web page: that is a browser on a phone).
    App,
    /// None of these, or not known.
    #[default]
    #[serde(other)]
    Unknown,
}

impl Kind {
    /// The word for it on the wire, in lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Desktop => "desktop",
            Kind::Mobile => "mobile",
            Kind::Tablet => "tablet",
            Kind::Tv => "tv",
            Kind::Bot => "bot",
            Kind::Cli => "cli",
            Kind::App => "app",
            Kind::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Description {
    /// One line for a person: `Chrome on Windows`, `Safari on iPhone`, `Acme App on Pixel 8`,
    /// `curl`, or `Unknown browser`.
    ///
    /// At most 64 characters, none of them a control character. It bears no version, so that a
    /// device keeps its name when its browser is updated.
    pub fn title(&self) -> String {
        let name = clean(&self.browser.name, MAX_NAME);
        let place = self.place();
        let name = if name.is_empty() { "Unknown browser" } else { &name };
        if place.is_empty() || place == name || self.device.kind == Kind::Bot {
            return clean(name, MAX_TITLE);
        }
        clean(&format!("{name} on {place}"), MAX_TITLE)
    }

    /// `(browser family, platform family, device model)`: what stays the same when a browser or a
    /// platform is updated, and whether or not the hints came that name the browser. For likeness.
    ///
    /// A part that is `""` isn't known: compare it with nothing. The model is known of some
    /// requests of a device and not of others, as Chrome on Android says it only in a hint.
    pub fn family_key(&self) -> (&str, &str, &str) {
        (&self.browser.family, &self.platform.family, &self.device.model)
    }

    /// Where it runs, as a person would say it: by the device if that has a name, else by the
    /// platform.
    fn place(&self) -> String {
        let Hardware { family, model, kind } = &self.device;
        if model.is_empty() || matches!(kind, Kind::Desktop) || matches!(&**model, "PC" | "Mac") {
            return clean(&self.platform.name, MAX_NAME);
        }
        if *kind == Kind::Tv && is_any_tv(model) {
            return clean(&format!("{family} TV"), MAX_NAME);
        }
        // "SM-S918B" says nothing without "Samsung"; "Pixel 8" and "iPhone" do by themselves.
        let is_code = model.contains(|c: char| c.is_ascii_digit()) && !model.contains(|c: char| c.is_ascii_lowercase());
        match (is_code, &**family) {
            (true, "") => clean(&self.platform.name, MAX_NAME),
            (true, family) => clean(&format!("{family} {model}"), MAX_NAME),
            (false, _) => clean(model, MAX_NAME),
        }
    }
}

/// Whether a model names no model: "SMART-TV", "Web0S SmartTV".
fn is_any_tv(model: &str) -> bool {
    matches!(model, "SMART-TV" | "SmartTV" | "Smart TV" | "Smart-TV" | "Web0S SmartTV" | "TV")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, platform: &str, family: &str, model: &str, kind: Kind) -> Description {
        let mut of = Description::default();
        of.browser.name = name.to_owned();
        of.platform.name = platform.to_owned();
        of.device = Hardware { family: family.to_owned(), model: model.to_owned(), kind };
        of
    }

    #[test]
    fn titles_name_what_a_person_has_in_hand() {
        let title = |n, p, f, m, k| of(n, p, f, m, k).title();
        use Kind::*;
        assert_eq!(title("Chrome", "Windows", "Desktop", "PC", Desktop), "Chrome on Windows");
        assert_eq!(title("Safari", "iOS", "Apple", "iPhone", Mobile), "Safari on iPhone");
        assert_eq!(title("Acme App", "Android", "Google", "Pixel 8", App), "Acme App on Pixel 8");
        assert_eq!(title("Chrome", "Android", "Samsung", "SM-S918B", Mobile), "Chrome on Samsung SM-S918B");
        assert_eq!(title("Web browser", "Tizen", "Samsung", "SMART-TV", Tv), "Web browser on Samsung TV");
        assert_eq!(title("curl", "", "", "", Cli), "curl");
        assert_eq!(title("", "", "", "", Unknown), "Unknown browser");
        assert_eq!(title("", "Linux", "", "", Unknown), "Unknown browser on Linux");
    }

    #[test]
    fn titles_are_bounded_whatever_was_stored() {
        let long = "w\n\u{202e}".repeat(200);
        let title = of(&long, &long, &long, &long, Kind::Mobile).title();
        assert!(title.chars().count() <= MAX_TITLE);
        assert!(!title.chars().any(char::is_control));
    }

    #[test]
    fn a_description_is_stored_and_read_again() {
        let description = of("Chrome", "Windows", "Desktop", "PC", Kind::Desktop);
        let json = serde_json::to_string(&description).expect("text is always JSON");
        assert!(json.contains(r#""type":"desktop""#), "{json}");
        assert_eq!(serde_json::from_str::<Description>(&json).expect("it is JSON of the shape"), description);
        // Of another version of Doorward, with a kind that this one doesn't know.
        let newer = r#"{"device":{"type":"car","seats":4}}"#;
        let newer: Description = serde_json::from_str(newer).expect("it is JSON of the shape");
        assert_eq!(newer.device.kind, Kind::Unknown);
    }
}
