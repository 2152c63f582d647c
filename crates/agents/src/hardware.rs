//! Tells what sort of device it is, who made it, and its model.

use crate::description::{Hardware, Kind, Platform};
use crate::hints::ClientHints;
use crate::rules::{Reading, Rules, is_no_maker};
use crate::speaker::Role;
use crate::text;

/// Words in strings of televisions, the boxes beside them, and consoles.
const TV: [&str; 29] = [
    "Android TV",
    "AndroidTV",
    "Apple TV",
    "AppleTV",
    "BRAVIA",
    "Bravia",
    "CrKey",
    "Chromecast",
    "Google TV",
    "GoogleTV",
    "HbbTV",
    "LG Browser",
    "MIBOX",
    "MiTV",
    "NETTV",
    "NetCast",
    "Nintendo",
    "PhilipsTV",
    "PlayStation",
    "Roku",
    "SHIELD Android TV",
    "SMART-TV",
    "Smart TV",
    "Smart-TV",
    "SmartTV",
    "VIDAA",
    "Viera",
    "Web0S",
    "; Xbox",
];
/// Words in strings of consoles that are held in the hand.
const HANDHELD: [&str; 5] = ["Nintendo 3DS", "Nintendo DS", "PlayStation Portable", "PlayStation Vita", "PSP ("];
/// Words in strings of tablets.
const TABLET: [&str; 5] = ["iPad", "Kindle", "PlayBook", "Tablet;", "; KF"];
/// Words in strings of phones, also of those that came before Mozilla's name was everybody's.
const MOBILE: [&str; 10] = ["Mobi", "iPhone", "iPod", "Windows Phone", "BlackBerry", "Opera Mini", "MIDP", "UP.Browser", "Symbian", "KAIOS"];
/// Words in strings of phones whose browsers put their own name in front, as apps do.
const OLD_MOBILE: [&str; 4] = ["BlackBerry", "MIDP", "UP.Browser", "Symbian"];
/// Platforms of computers.
const DESKTOP: [&str; 9] = ["Windows", "macOS", "Linux", "ChromeOS", "FreeBSD", "OpenBSD", "NetBSD", "DragonFly", "Solaris"];

/// Words of devices that no rule knows, or by less than their name; the maker; the model.
const KNOWN: [(&str, &str, &str); 3] = [("; Xbox", "Microsoft", "Xbox"), ("BRAVIA", "Sony", "BRAVIA"), ("Nintendo Switch", "Nintendo", "Nintendo Switch")];
/// What Apple's identifiers begin with, and the name for people.
const APPLE: [(&str, &str); 11] = [
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("iPod", "iPod"),
    ("AppleTV", "Apple TV"),
    ("Watch", "Apple Watch"),
    ("MacBookPro", "MacBook Pro"),
    ("MacBookAir", "MacBook Air"),
    ("MacBook", "MacBook"),
    ("Macmini", "Mac mini"),
    ("iMac", "iMac"),
    ("Mac", "Mac"),
];

/// The device, by the user agent string and the hints over it.
pub(crate) fn hardware(rules: &Rules, user_agent: &str, reading: &Reading, role: Role, hints: &ClientHints, platform: &Platform) -> Hardware {
    let kind = kind(user_agent, reading, role, platform);
    let mut hardware = Hardware { kind: by_hints(kind, hints), ..model_in(user_agent, reading) };
    if matches!(role, Role::Bot | Role::Tool) {
        return hardware;
    }
    if role == Role::App && hardware.family.is_empty() && platform.family == "Android" {
        // Rules for devices look for a browser's string around the model.
        hardware.family = rules.maker_of(&hardware.model);
    }
    set_model(rules, &mut hardware, &hints.model);
    fill(&mut hardware, platform);
    hardware
}

/// Puts a model that was stated over the one that was read, with its maker.
pub(crate) fn set_model(rules: &Rules, hardware: &mut Hardware, model: &str) {
    let model = apple_model(&text::name(model));
    if model.is_empty() || model == "K" {
        return;
    }
    let is_apple = APPLE.iter().any(|(_, name)| model.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(' ')));
    hardware.family = if is_apple { "Apple".to_owned() } else { rules.maker_of(&model) };
    hardware.model = model;
}

/// Names a computer, which says nothing of its model.
pub(crate) fn fill(hardware: &mut Hardware, platform: &Platform) {
    if !hardware.model.is_empty() {
        return;
    }
    let (family, model) = match (&*platform.family, hardware.kind) {
        ("macOS", _) => ("Apple", "Mac"),
        (_, Kind::Desktop) => ("Desktop", "PC"),
        _ => return,
    };
    family.clone_into(&mut hardware.family);
    model.clone_into(&mut hardware.model);
}

/// The kind that an app's word stands for, if it is a known one.
pub(crate) fn kind_of_word(word: &str) -> Option<Kind> {
    match &*word.trim().to_ascii_lowercase() {
        "desktop" | "computer" | "laptop" | "notebook" | "pc" => Some(Kind::Desktop),
        "mobile" | "phone" | "smartphone" | "handset" => Some(Kind::Mobile),
        "tablet" => Some(Kind::Tablet),
        "tv" | "smarttv" | "smart_tv" | "television" | "console" => Some(Kind::Tv),
        "bot" => Some(Kind::Bot),
        "cli" => Some(Kind::Cli),
        "app" => Some(Kind::App),
        _ => None,
    }
}

fn kind(user_agent: &str, reading: &Reading, role: Role, platform: &Platform) -> Kind {
    let has_any = |words: &[&str]| words.iter().any(|word| user_agent.contains(word));
    match role {
        Role::Bot => return Kind::Bot,
        Role::Tool => return Kind::Cli,
        _ => {}
    }
    if has_any(&HANDHELD) {
        Kind::Mobile
    } else if is_tv(user_agent, platform) {
        Kind::Tv
    } else if role == Role::App && !has_any(&OLD_MOBILE) {
        Kind::App
    } else if has_any(&TABLET) {
        Kind::Tablet
    } else if has_any(&MOBILE) || reading.model == "Feature Phone" {
        Kind::Mobile
    } else if user_agent.contains("Android") {
        // Browsers on Android phones say "Mobile", and those on tablets don't.
        Kind::Tablet
    } else if DESKTOP.contains(&&*platform.family) {
        Kind::Desktop
    } else {
        Kind::Unknown
    }
}

fn is_tv(user_agent: &str, platform: &Platform) -> bool {
    TV.iter().any(|word| user_agent.contains(word)) || platform.family == "tvOS" || is_fire_tv(user_agent)
}

/// Amazon's Fire TV has the models AFTM, AFTKA, …
fn is_fire_tv(user_agent: &str) -> bool {
    user_agent.split("; ").skip(1).any(|part| {
        let code = part.strip_prefix("AFT").unwrap_or_default();
        code.starts_with(|c: char| c.is_ascii_uppercase())
    })
}

fn by_hints(kind: Kind, hints: &ClientHints) -> Kind {
    if !matches!(kind, Kind::Desktop | Kind::Mobile | Kind::Tablet | Kind::Unknown) {
        return kind;
    }
    let has = |factor: &str| hints.form_factors.iter().any(|f| f.eq_ignore_ascii_case(factor));
    if has("Tablet") {
        Kind::Tablet
    } else if has("Mobile") {
        Kind::Mobile
    } else if has("Desktop") {
        Kind::Desktop
    } else if hints.mobile == Some(true) && kind != Kind::Tablet {
        Kind::Mobile
    } else {
        kind
    }
}

/// The maker and the model that the string itself names.
fn model_in(user_agent: &str, reading: &Reading) -> Hardware {
    let mut hardware = Hardware::default();
    let known = KNOWN.iter().find(|(word, ..)| user_agent.contains(word)).map(|(_, family, model)| (*family, *model));
    if let Some((family, model)) = known.or_else(|| is_fire_tv(user_agent).then_some(("Amazon", "Fire TV"))) {
        family.clone_into(&mut hardware.family);
        model.clone_into(&mut hardware.model);
        return hardware;
    }
    if !is_no_maker(&reading.brand) && reading.model != "Browser" {
        hardware.family.clone_from(&reading.brand);
    }
    let is_placeholder =
        reading.brand == "Spider" || matches!(&*reading.model, "K" | "Smartphone" | "Feature Phone" | "Tablet" | "Desktop" | "Browser" | "iOS-Device");
    if !is_placeholder {
        hardware.model = apple_model(&reading.model);
    }
    hardware
}

/// "iPhone15,2" is an iPhone to everybody but Apple.
fn apple_model(model: &str) -> String {
    let is_number = |rest: &str| rest.contains(',') && rest.chars().all(|c| c.is_ascii_digit() || c == ',');
    let is_it = |code: &str| model == "AppleTV" && code == model || model.strip_prefix(code).is_some_and(is_number);
    let known = APPLE.iter().find(|(code, _)| is_it(code));
    known.map_or(model, |(_, name)| name).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apple_identifiers_become_names() {
        assert_eq!(apple_model("iPhone15,2"), "iPhone");
        assert_eq!(apple_model("iPad13,18"), "iPad");
        assert_eq!(apple_model("AppleTV"), "Apple TV");
        assert_eq!(apple_model("MacBookPro18,1"), "MacBook Pro");
        assert_eq!(apple_model("Mac14,2"), "Mac");
        assert_eq!(apple_model("iPhone"), "iPhone");
        assert_eq!(apple_model("iPhone 15"), "iPhone 15");
        assert_eq!(apple_model("Watch"), "Watch");
        assert_eq!(apple_model("Watchman"), "Watchman");
    }
}
