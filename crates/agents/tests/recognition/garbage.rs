//! Whatever a stranger sends, the answer is bounded text on one line, and there is an answer.

use doorward_agents::{Brand, ClientHints, Description, DeviceInfo, Version};

use crate::describe;

/// A generator of its own, so that a failure comes again with the same number.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() >> 33).expect("31 bits fit") % limit
    }

    fn text(&mut self) -> String {
        let mut text = String::new();
        for _ in 0..self.below(60) {
            match self.below(4) {
                0 => text.push(char::from(u8::try_from(self.below(128)).expect("below 128"))),
                1 => text.extend(char::from_u32(u32::try_from(self.below(0x11_0000)).expect("21 bits"))),
                _ => text.push_str(PIECES[self.below(PIECES.len())]),
            }
        }
        text
    }

    fn some_text(&mut self) -> Option<String> {
        (self.below(2) == 0).then(|| self.text())
    }
}

/// What the rules look for, so that random strings reach deep.
const PIECES: &[&str] = &[
    "Mozilla/5.0 (",
    "Opera/9.80 (",
    "Windows NT 10.0; ",
    "Macintosh; Intel Mac OS X 10_15_7",
    "iPhone; ",
    "CPU iPhone OS 18_6 like Mac OS X",
    "iPad; ",
    "Linux; Android 10; K",
    "Android 14; ",
    "SM-S918B",
    " Build/",
    "; wv) ",
    ") ",
    " (KHTML, like Gecko) ",
    " AppleWebKit/537.36",
    " Chrome/149.0.0.0",
    " Mobile",
    " Safari/537.36",
    " Version/18.0",
    " Edg/",
    " OPR/",
    " Gecko/20100101 Firefox/",
    "compatible; ",
    "+http://",
    "bot",
    "/1.0",
    "AFTKA; ",
    "SmartTV",
    "; Xbox",
    "PowerShell/",
    "curl/",
    "CFNetwork/1 Darwin/23.6.0",
    "Electron/",
    "iPhone15,2",
    "%20",
    "/",
    ".",
    "-",
    "_",
    "\"",
    ";v=\"",
    ",",
    "\\",
    "\u{202e}",
    "\u{0}",
    "\r\n",
    "日本",
    "é",
    "🙂",
];

fn assert_bounded(description: &Description, what: &str) {
    let title = description.title();
    assert!(!title.is_empty(), "{what:?}");
    assert!(title.chars().count() <= 64, "{title:?} of {what:?}");
    let Description { browser, platform, device } = description;
    let versions = |v: &Version| [&v.major, &v.minor, &v.patch, &v.label].map(String::clone);
    let mut texts = vec![title];
    texts.extend([&browser.name, &browser.family, &browser.engine].map(String::clone));
    texts.extend([&platform.name, &platform.family, &device.family, &device.model].map(String::clone));
    texts.extend(versions(&browser.version));
    texts.extend(versions(&platform.version));
    for text in texts {
        assert!(text.chars().count() <= 64, "{text:?} of {what:?}");
        assert!(!text.contains(char::is_control), "{text:?} of {what:?}");
        assert!(!text.contains('\u{202e}'), "{text:?} of {what:?}");
        assert_eq!(text, text.trim(), "{what:?}");
    }
}

#[test]
fn random_sources_get_bounded_answers() {
    let mut random = Random(0x000D_00D5_ED11);
    for _ in 0..2_000 {
        let user_agent = random.text();
        let headers = [
            "Sec-CH-UA",
            "sec-ch-ua-full-version-list",
            "Sec-CH-UA-Mobile",
            "Sec-CH-UA-Platform",
            "Sec-CH-UA-Platform-Version",
            "Sec-CH-UA-Model",
            "Sec-CH-UA-Form-Factors",
        ]
        .map(|name| (name, random.text()));
        let hints = ClientHints::from_headers(headers);
        let brands = || hints.brands.iter().chain(&hints.full_versions);
        assert!(brands().count() <= 32);
        assert!(brands().all(|brand| brand.name.chars().count() <= 64));
        let info = DeviceInfo {
            kind: random.some_text(),
            model: random.some_text(),
            platform: random.some_text(),
            platform_version: random.some_text(),
            browser: random.some_text(),
            app: random.some_text(),
            app_version: random.some_text(),
        };
        let none = ClientHints::default();
        assert_bounded(&describe(&user_agent, &none, None), &user_agent);
        assert_bounded(&describe(&user_agent, &hints, None), &user_agent);
        assert_bounded(&describe(&user_agent, &hints, Some(&info)), &user_agent);
    }
}

#[test]
fn hints_that_came_by_json_are_bounded_too() {
    let long = "w\n".repeat(50_000);
    let brand = Brand { name: long.clone(), version: format!("1{long}") };
    let hints = ClientHints {
        brands: vec![brand.clone(); 100],
        full_versions: vec![brand; 100],
        mobile: Some(true),
        platform: long.clone(),
        platform_version: format!("1{long}"),
        model: long.clone(),
        bitness: long.clone(),
        arch: long.clone(),
        form_factors: vec![long],
    };
    assert_bounded(&describe("", &hints, None), "long hints");
    assert_bounded(&describe("Mozilla/5.0 (", &hints, None), "long hints");
}

#[test]
fn huge_strings_are_read_as_far_as_their_first_kilobyte() {
    let none = ClientHints::default();
    for piece in PIECES {
        let huge = piece.repeat(100_000);
        assert_bounded(&describe(&huge, &none, None), piece);
        // A cut in the middle of a character.
        let shifted = format!("x{}", "é".repeat(100_000));
        assert_bounded(&describe(&shifted, &none, None), piece);
    }
}

#[test]
fn nothing_is_an_unknown_browser() {
    let none = ClientHints::default();
    for nothing in ["", " ", "-", "\u{0}", "null", "Mozilla/5.0", "%00"] {
        let description = describe(nothing, &none, None);
        assert_eq!(description.title(), "Unknown browser", "{nothing:?}");
        assert_eq!(description.family_key(), ("", "", ""), "{nothing:?}");
    }
}
