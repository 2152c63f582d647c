//! uap-core's rules, compiled, and what they read out of one user agent string.

use std::borrow::Cow;

use ua_parser::{Extractor, Regexes};

use crate::text;
use crate::version::Version;

/// The rules as JSON; `data/README.md` says where they come from.
static DATA: &[u8] = include_bytes!("../data/regexes.json");

/// The compiled rules; about 27 MB.
pub(crate) struct Rules(Extractor<'static>);

/// What the rules say of one string, in uap-core's words. `""` is "no rule matched".
#[derive(Debug, Default)]
pub(crate) struct Reading {
    /// uap-core's user agent family: `Chrome Mobile`, `Mobile Safari UI/WKWebView`, `curl`.
    pub(crate) browser: String,
    pub(crate) browser_version: Version,
    /// uap-core's OS family: `Mac OS X`, `Android`.
    pub(crate) platform: String,
    pub(crate) platform_version: Version,
    /// The maker, or a kind of maker: `Apple`, `Generic_Android_Tablet`, `Spider`.
    pub(crate) brand: String,
    pub(crate) model: String,
}

impl Rules {
    /// Compiles the rules, which takes a tenth of a second or more.
    pub(crate) fn load() -> Rules {
        let rules: Regexes<'static> = serde_json::from_slice(DATA).expect("the rules in data/ are well formed: tests load them");
        let compiled = Extractor::try_from(rules).expect("the rules in data/ compile: tests compile them");
        Rules(compiled)
    }

    /// Reads a user agent string. The cost grows with its length: the caller cuts it.
    pub(crate) fn read(&self, user_agent: &str) -> Reading {
        let mut reading = Reading::default();
        if let Some(found) = self.0.ua.extract(user_agent) {
            let part = |part: Option<&str>| part.unwrap_or_default().to_owned();
            let [major, minor, patch] = [found.major, found.minor, found.patch].map(part);
            reading.browser = text::name(&found.family);
            reading.browser_version = Version::of_product(&major, &minor, &patch);
        }
        if let Some(found) = self.0.os.extract(user_agent) {
            let [major, minor, patch] = [found.major, found.minor, found.patch].map(or_empty);
            reading.platform = text::name(&found.os);
            reading.platform_version = Version::of_platform(&major, &minor, &patch);
        }
        (reading.brand, reading.model) = self.device(user_agent);
        reading
    }

    /// The maker of a device model, by the rules for Android devices; `""` if they don't know it.
    pub(crate) fn maker_of(&self, model: &str) -> String {
        let model = model.replace([';', '/', '(', ')'], " ");
        let user_agent = format!("Mozilla/5.0 (Linux; Android 15; {model} Build/X) AppleWebKit/537.36");
        let (brand, _) = self.device(&user_agent);
        if is_no_maker(&brand) { String::new() } else { brand }
    }

    fn device(&self, user_agent: &str) -> (String, String) {
        let found = self.0.dev.extract(user_agent).unwrap_or_default();
        let [brand, model] = [found.brand, found.model].map(or_empty);
        (text::name(&brand), text::name(&model))
    }
}

/// Whether uap-core writes this where it knows a sort of device and not who made it.
pub(crate) fn is_no_maker(brand: &str) -> bool {
    brand == "Spider" || brand.starts_with("Generic")
}

fn or_empty(part: Option<Cow<'_, str>>) -> Cow<'_, str> {
    part.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Deserialize)]
    struct Cases {
        browser: Vec<[String; 5]>,
        os: Vec<[String; 5]>,
        device: Vec<[String; 4]>,
    }

    fn known(text: &str) -> &str {
        if text == "Other" { "" } else { text }
    }

    #[test]
    fn the_rules_read_the_cases_of_uap_core_as_uap_core_does() {
        let cases = include_str!("../tests/data/uap-core-sample.json");
        let cases: Cases = serde_json::from_str(cases).expect("it is JSON of the shape");
        let rules = Rules::load();
        for [ua, family, major, minor, patch] in &cases.browser {
            let reading = rules.read(ua);
            assert_eq!(reading.browser, text::name(known(family)), "{ua}");
            let version = Version::of_product(major, minor, patch);
            assert_eq!(reading.browser_version, version, "{ua}");
        }
        for [ua, family, major, minor, patch] in &cases.os {
            let reading = rules.read(ua);
            assert_eq!(reading.platform, text::name(known(family)), "{ua}");
            let version = Version::of_platform(major, minor, patch);
            assert_eq!(reading.platform_version, version, "{ua}");
        }
        for [ua, _, brand, model] in &cases.device {
            let reading = rules.read(ua);
            assert_eq!(reading.brand, text::name(brand), "{ua}");
            assert_eq!(reading.model, text::name(model), "{ua}");
        }
    }

    #[test]
    fn makers_are_known_by_the_model_alone() {
        let rules = Rules::load();
        assert_eq!(rules.maker_of("SM-S918B"), "Samsung");
        assert_eq!(rules.maker_of("Pixel 8"), "Google");
        assert_eq!(rules.maker_of("Acme (9;8)"), "");
        assert_eq!(rules.maker_of(""), "");
    }
}
