//! Names of browsers, the overlay of brands, and engines.

use crate::description::{Browser, Platform};
use crate::hints::{Brand, ClientHints, is_grease};
use crate::speaker::{Role, Speaker};
use crate::text;
use crate::version::Version;

/// uap-core's name for WebKit inside an iOS app.
pub(crate) const WEBKIT_VIEW: &str = "Mobile Safari UI/WKWebView";

/// What a browser inside an app is called while the app isn't known.
const IN_APP: &str = "In-app browser";

/// uap-core's family, the name for people, the family of ours. Where a browser has one name on
/// every device, uap-core has several.
const NAMES: [(&str, &str, &str); 25] = [
    ("Android", "Android Browser", "Android Browser"),
    ("Chrome Mobile", "Chrome", "Chrome"),
    ("Chrome Mobile WebView", IN_APP, "Chrome WebView"),
    ("Chrome Mobile iOS", "Chrome", "Chrome"),
    ("Chrome WebView", IN_APP, "Chrome WebView"),
    ("DuckDuckGo Mobile", "DuckDuckGo", "DuckDuckGo"),
    ("Edge Mobile", "Edge", "Edge"),
    ("Firefox Mobile", "Firefox", "Firefox"),
    ("Firefox iOS", "Firefox", "Firefox"),
    ("Google", "Google app", "Google app"),
    ("HeadlessChrome", "Headless Chrome", "Headless Chrome"),
    ("IE", "Internet Explorer", "Internet Explorer"),
    ("IE Large Screen", "Internet Explorer", "Internet Explorer"),
    ("IE Mobile", "Internet Explorer", "Internet Explorer"),
    ("MiuiBrowser", "Mi Browser", "Mi Browser"),
    ("Mobile Safari", "Safari", "Safari"),
    (WEBKIT_VIEW, IN_APP, "Safari WebView"),
    ("Opera Mobile", "Opera", "Opera"),
    ("Opera Tablet", "Opera", "Opera"),
    ("Python Requests", "python-requests", "python-requests"),
    ("Python aiohttp", "aiohttp", "aiohttp"),
    ("QQ Browser Mobile", "QQ Browser", "QQ Browser"),
    ("QQ Browser Mini", "QQ Browser", "QQ Browser"),
    ("UC Browser Mobile", "UC Browser", "UC Browser"),
    ("Yandex Browser Lite", "Yandex Browser", "Yandex Browser"),
];

/// Brands as client hints spell them, where people know another name.
const BRANDS: [(&str, &str); 9] = [
    ("Android WebView", IN_APP),
    ("Google Chrome", "Chrome"),
    ("HeadlessChrome", "Headless Chrome"),
    ("Microsoft Edge", "Edge"),
    ("Microsoft Edge WebView2", IN_APP),
    ("OperaMobile", "Opera"),
    ("Opera Mobile", "Opera"),
    ("YaBrowser", "Yandex Browser"),
    ("DuckDuckGo Browser", "DuckDuckGo"),
];

/// The name and the family for what uap-core calls `family`.
pub(crate) fn names(family: &str) -> (&str, &str) {
    let known = NAMES.iter().find(|(theirs, ..)| *theirs == family);
    known.map_or((family, family), |(_, name, family)| (name, family))
}

/// The browser, by its own string and the hints over it.
pub(crate) fn browser(user_agent: &str, speaker: Speaker, hints: &ClientHints, platform: &Platform) -> Browser {
    let role = speaker.role;
    let engine = engine(user_agent, platform).to_owned();
    let mut browser = Browser { name: speaker.name, version: speaker.version, family: speaker.family, engine };
    if matches!(role, Role::Web | Role::Unknown) {
        overlay(&mut browser, hints);
        let is_chromium = |brand: &Brand| brand.name == "Chromium";
        if browser.engine.is_empty() && hints.brands.iter().chain(&hints.full_versions).any(is_chromium) {
            "Blink".clone_into(&mut browser.engine);
        }
    }
    browser
}

fn overlay(browser: &mut Browser, hints: &ClientHints) {
    let brands = hints.full_versions.iter().chain(&hints.brands);
    // Browsers shuffle the list, so of equals the name decides.
    let ranked = brands.filter_map(|brand| Some((specificity(brand)?, &*brand.name)));
    let Some((specificity, brand)) = ranked.max() else {
        return;
    };
    let known = BRANDS.iter().find(|(theirs, _)| *theirs == brand);
    let name = known.map_or_else(|| text::name(brand), |(_, ours)| (*ours).to_owned());
    let version = version_of(brand, hints);
    if name == browser.name {
        // "149" adds nothing to "149.0.0.0".
        let says_more = version.major != browser.version.major || !version.minor.is_empty();
        if says_more && !version.is_empty() {
            browser.version = version;
        }
    } else if specificity >= Specificity::Own || is_anyones(&browser.name) {
        browser.name = name;
        browser.version = version;
    }
    if browser.family.is_empty() {
        browser.family.clone_from(&browser.name);
    }
}

fn version_of(brand: &str, hints: &ClientHints) -> Version {
    let brands = hints.full_versions.iter().chain(&hints.brands);
    let versions = brands.filter(|b| b.name == brand).map(|b| Version::parse_product(&b.version));
    let mut known = versions.filter(|version| !version.is_empty());
    known.next().unwrap_or_default()
}

/// How much a brand says about which browser it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Specificity {
    /// Every Chromium browser has this brand.
    Engine,
    /// Others pass themselves off as it.
    Chrome,
    /// A browser inside an app, which the user agent string may name.
    View,
    Own,
    /// Edge inside an app bears Edge's own brand as well.
    OwnView,
}

fn specificity(brand: &Brand) -> Option<Specificity> {
    match &*brand.name {
        "" | "Yowser" => None,
        name if is_grease(name) => None,
        "Chromium" => Some(Specificity::Engine),
        "Google Chrome" => Some(Specificity::Chrome),
        "Android WebView" => Some(Specificity::View),
        "Microsoft Edge WebView2" => Some(Specificity::OwnView),
        _ => Some(Specificity::Own),
    }
}

/// Whether many browsers wear this name in their user agent strings.
fn is_anyones(name: &str) -> bool {
    matches!(name, "" | "Chrome" | "Chromium" | "Web browser")
}

/// The engine that shows the pages.
fn engine(user_agent: &str, platform: &Platform) -> &'static str {
    let has = |word| user_agent.contains(word);
    if matches!(&*platform.family, "iOS" | "tvOS" | "watchOS") {
        return if has("AppleWebKit/") { "WebKit" } else { "" };
    }
    if has(" Edge/") {
        "EdgeHTML"
    } else if has("Trident/") || has("MSIE ") {
        "Trident"
    } else if has("Presto/") {
        "Presto"
    } else if has("Goanna/") {
        "Goanna"
    } else if has(" Gecko/") {
        "Gecko"
    } else if is_blink(user_agent) {
        "Blink"
    } else if has("AppleWebKit/") {
        "WebKit"
    } else if has("KHTML/") || has("Konqueror/") {
        "KHTML"
    } else {
        ""
    }
}

/// Whether WebKit's name is that of its offspring, which froze the number at its birth and says
/// `Chrome/28` or higher.
fn is_blink(user_agent: &str) -> bool {
    let chrome = ["Chrome/", "Chromium/"].iter().find_map(|word| Some(user_agent.split_once(word)?.1));
    match chrome.map(|version| Version::parse_product(version).major_number()) {
        Some(Some(major)) => major >= 28,
        _ => user_agent.contains("AppleWebKit/537.36"),
    }
}
