//! Tells who speaks in a user agent string (a browser, an app, a tool or a bot) and its name.

use crate::browsers;
use crate::products::{self, Product};
use crate::rules::Reading;
use crate::text;
use crate::version::Version;

/// Who sends a user agent string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// A browser, also one inside an app.
    Web,
    /// A native app.
    App,
    /// A command-line tool or an HTTP library.
    Tool,
    /// A program without a person.
    Bot,
    Unknown,
}

/// Who sends a user agent string, by the string alone.
#[derive(Debug)]
pub(crate) struct Speaker {
    pub(crate) role: Role,
    pub(crate) name: String,
    pub(crate) family: String,
    pub(crate) version: Version,
}

/// Tools and libraries that no app would leave in front of its own name, in lower case.
const TOOLS: [&str; 48] = [
    "aiohttp",
    "apache-httpclient",
    "apachebench",
    "axios",
    "bruno-runtime",
    "bun",
    "curl",
    "deno",
    "elinks",
    "faraday",
    "fetch",
    "go-http-client",
    "got",
    "guzzlehttp",
    "hey",
    "http.rb",
    "httpie",
    "hyper",
    "insomnia",
    "java",
    "java-http-client",
    "jersey",
    "k6",
    "libcurl",
    "libwww-perl",
    "links",
    "lynx",
    "node",
    "node-fetch",
    "node.js",
    "perl",
    "php",
    "postmanruntime",
    "powershell",
    "python",
    "python-httpx",
    "python-requests",
    "python-urllib",
    "python-urllib3",
    "reqwest",
    "restsharp",
    "ruby",
    "superagent",
    "undici",
    "w3m",
    "wget",
    "wrk",
    "xh",
];

/// What libraries of apps say when the app gave them no name, in lower case.
const LIBRARIES: [&str; 7] = ["alamofire", "cfnetwork", "cronet", "dart", "ktor-client", "okhttp", "volley"];

/// uap-core's names for a browser inside an app.
const EMBEDDED: [&str; 4] = ["Chrome Mobile WebView", "Chrome WebView", "Electron", browsers::WEBKIT_VIEW];

impl Speaker {
    pub(crate) fn of(user_agent: &str, reading: &Reading) -> Speaker {
        let is_web = user_agent.starts_with("Mozilla/") || user_agent.starts_with("Opera/");
        let first = if is_web { None } else { products::first(user_agent) };
        if let Some(tool) = tool(user_agent, reading, first) {
            return tool;
        }
        if let Some(bot) = bot(user_agent, reading, is_web, first) {
            return bot;
        }
        if is_web { web(user_agent, reading) } else { app(reading, first) }
    }

    fn new(role: Role, name: &str, version: Version) -> Speaker {
        let name = text::name(name);
        let family = name.clone();
        Speaker { role, name, family, version }
    }

    fn of_product(role: Role, product: Product<'_>) -> Speaker {
        Speaker::new(role, product.name, Version::parse_product(product.version))
    }

    fn of_reading(role: Role, reading: &Reading) -> Speaker {
        let (name, family) = browsers::names(&reading.browser);
        Speaker { role, name: text::name(name), family: text::name(family), version: reading.browser_version.clone() }
    }
}

fn tool(user_agent: &str, reading: &Reading, first: Option<Product<'_>>) -> Option<Speaker> {
    if user_agent.contains("PowerShell/") {
        let version = user_agent.split_once("PowerShell/").map_or("", |(_, version)| version);
        return Some(Speaker::new(Role::Tool, "PowerShell", Version::parse_product(version)));
    }
    let is_tool = |name: &str| TOOLS.contains(&&*name.to_ascii_lowercase());
    match first {
        Some(product) if is_tool(product.name) && !reading.browser.is_empty() => Some(Speaker::of_reading(Role::Tool, reading)),
        Some(product) if is_tool(product.name) => Some(Speaker::of_product(Role::Tool, product)),
        None if is_tool(user_agent) => Some(Speaker::new(Role::Tool, user_agent, Version::default())),
        _ => None,
    }
}

fn bot(user_agent: &str, reading: &Reading, is_web: bool, first: Option<Product<'_>>) -> Option<Speaker> {
    let named_bot = first.is_some_and(|product| {
        let name = product.name.to_ascii_lowercase();
        ["bot", "crawler", "spider"].iter().any(|end| name.ends_with(end))
    });
    // A browser has no reason to say where it can be read about; an app may.
    let has_address = is_web && user_agent.contains("+http");
    if reading.brand != "Spider" && !named_bot && !has_address {
        return None;
    }
    let product = first.or_else(|| products::compatible(user_agent));
    Some(match product {
        Some(product) if reading.browser.is_empty() => Speaker::of_product(Role::Bot, product),
        _ => Speaker::of_reading(Role::Bot, reading),
    })
}

fn web(user_agent: &str, reading: &Reading) -> Speaker {
    let may_be_embedded = reading.browser.is_empty() || EMBEDDED.contains(&&*reading.browser);
    if may_be_embedded && let Some(product) = products::embedded(user_agent) {
        return Speaker::of_product(Role::Web, product);
    }
    let mut speaker = Speaker::of_reading(Role::Web, reading);
    if reading.browser == "Android" {
        // The rule takes the version of the platform for that of its old browser.
        speaker.version = Version::default();
    }
    if speaker.name == "Safari" && !is_apple_or_windows(user_agent) {
        // Consoles, televisions and GNOME's browser wear Safari's string.
        "Web browser".clone_into(&mut speaker.name);
        speaker.version = Version::default();
    }
    speaker
}

fn app(reading: &Reading, first: Option<Product<'_>>) -> Speaker {
    let is_library = |name: &str| LIBRARIES.contains(&&*name.to_ascii_lowercase());
    let by_rule = !matches!(&*reading.browser, "" | "Android" | browsers::WEBKIT_VIEW) && !is_library(&reading.browser);
    match first {
        // The virtual machine of Android, when the app says nothing itself.
        Some(product) if product.name == "Dalvik" => Speaker::new(Role::App, "Android app", Version::default()),
        _ if by_rule => Speaker::of_reading(Role::App, reading),
        Some(product) => Speaker::of_product(Role::App, product),
        None => Speaker::new(Role::Unknown, "", Version::default()),
    }
}

fn is_apple_or_windows(user_agent: &str) -> bool {
    ["Mac OS", "Macintosh", "iPhone", "iPad", "iPod", "Windows"].iter().any(|word| user_agent.contains(word))
}
