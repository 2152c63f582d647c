//! Names of platforms, and their versions where browsers have not frozen them.

use crate::description::Platform;
use crate::hints::ClientHints;
use crate::info::DeviceInfo;
use crate::rules::Reading;
use crate::speaker::{Role, Speaker};
use crate::text;
use crate::version::Version;

/// Distributions of Linux as uap-core names them.
const LINUX: [&str; 20] = [
    "Arch Linux",
    "CentOS",
    "Debian",
    "Fedora",
    "Gentoo",
    "Kubuntu",
    "Linux Mint",
    "Lubuntu",
    "Mageia",
    "Mandriva",
    "Mint",
    "PCLinuxOS",
    "Puppy",
    "Red Hat",
    "Slackware",
    "SUSE",
    "Ubuntu",
    "VectorLinux",
    "Xubuntu",
    "openSUSE",
];

/// The name that people know for a platform, however it is spelt.
fn name(spelt: &str) -> String {
    let known = match &*spelt.trim().to_ascii_lowercase() {
        "android" => "Android",
        "chrome os" | "chromeos" | "chromium os" | "cros" => "ChromeOS",
        "ios" | "iphone os" => "iOS",
        "ipados" => "iPadOS",
        "linux" | "gnu/linux" => "Linux",
        "darwin" | "mac" | "mac os" | "mac os x" | "macintosh" | "macos" | "os x" | "osx" => "macOS",
        "atv os x" | "tvos" => "tvOS",
        "watchos" => "watchOS",
        "web0s" | "webos" => "webOS",
        "win" | "win32" | "win64" | "windows" | "windows nt" => "Windows",
        "other" | "unknown" => "",
        _ => return text::name(spelt),
    };
    known.to_owned()
}

fn family(name: &str) -> &str {
    match name {
        "iPadOS" => "iOS",
        name if LINUX.contains(&name) => "Linux",
        name => name,
    }
}

fn of_name(name: String) -> Platform {
    Platform { family: family(&name).to_owned(), name, version: Version::default() }
}

/// The platform, by the user agent string and the hints over it.
pub(crate) fn platform(user_agent: &str, reading: &Reading, speaker: &Speaker, hints: &ClientHints) -> Platform {
    let mut platform = of_name(name(&reading.platform));
    if !is_frozen(user_agent, reading, speaker, &platform.name) {
        platform.version = reading.platform_version.clone();
    }
    let hinted = of_name(name(&hints.platform));
    if platform.family.is_empty() {
        platform = hinted;
    } else if !hinted.name.is_empty() && hinted.family != platform.family {
        platform.name = hinted.name;
        platform.version = Version::default();
    }
    let hinted_version = match family(&platform.name) {
        "Windows" => windows_by_hint(&hints.platform_version),
        // That is the version of the kernel.
        "Linux" => Version::default(),
        _ => Version::parse_platform(&hints.platform_version),
    };
    if !hinted_version.is_empty() {
        platform.version = hinted_version;
    }
    platform
}

/// Puts what an app says of its platform over what was read. True if it is another family.
pub(crate) fn overlay(platform: &mut Platform, info: &DeviceInfo) -> bool {
    let said = info.platform.as_deref().map(name).unwrap_or_default();
    let said = of_name(said);
    let mut is_other = false;
    if !said.name.is_empty() {
        is_other = said.family != platform.family;
        let version = std::mem::take(&mut platform.version);
        *platform = said;
        if !is_other {
            platform.version = version;
        }
    }
    let version = Version::parse_platform(info.platform_version.as_deref().unwrap_or_default());
    if !version.is_empty() {
        platform.version = if platform.family == "Windows" { windows_by_build(version) } else { version };
    }
    is_other
}

/// Whether the version in the string is one that browsers write whatever the real one is.
fn is_frozen(user_agent: &str, reading: &Reading, speaker: &Speaker, platform: &str) -> bool {
    let version = &reading.platform_version;
    let minor = version.minor_number().unwrap_or(0);
    let is_web = speaker.role == Role::Web;
    match (platform, version.major_number()) {
        // Windows 11 says "NT 10.0" to everybody, not to browsers alone.
        ("Windows", Some(10)) => true,
        ("macOS", Some(10)) => is_web && minor >= 15,
        // Chrome's reduced string has this version and model "K"; Firefox's has this version.
        ("Android", Some(10)) => is_web && (reading.model == "K" || user_agent.contains(" Gecko/")),
        // Since iOS 26 WebKit says 18.6 or 18.7. Safari's own version tells the two apart.
        ("iOS", Some(18)) => is_web && minor >= 6 && !(speaker.name == "Safari" && speaker.version.major_number() == Some(18)),
        ("ChromeOS", Some(14541)) => true,
        _ => false,
    }
}

/// `Sec-CH-UA-Platform-Version` on Windows counts API contracts: 1 to 10 are Windows 10, 13 and up
/// Windows 11, 0.1 to 0.3 what came before.
fn windows_by_hint(hint: &str) -> Version {
    let version = Version::parse_platform(hint);
    let release = match (version.major_number(), version.minor_number()) {
        (Some(13..), _) => "11",
        (Some(1..=10), _) => "10",
        (Some(0), Some(1)) => "7",
        (Some(0), Some(2)) => "8",
        (Some(0), Some(3)) => "8.1",
        _ => "",
    };
    Version::parse_platform(release)
}

/// Programs are told "10.0.22631" on Windows 11; the build number tells them apart.
fn windows_by_build(version: Version) -> Version {
    let is_nt_10 = version.major == "10" && version.minor == "0";
    match version.patch.parse() {
        Ok(22_000_u32..) if is_nt_10 => Version::parse_platform("11"),
        Ok(10_240..) if is_nt_10 => Version::parse_platform("10"),
        _ => version,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_is_told_by_its_contract() {
        let label = |hint| windows_by_hint(hint).label;
        assert_eq!(label("15.0.0"), "11");
        assert_eq!(label("13.0.0"), "11");
        assert_eq!(label("10.0.0"), "10");
        assert_eq!(label("1.0.0"), "10");
        assert_eq!(label("0.3"), "8.1");
        assert_eq!(label("0.0.0"), "");
        assert_eq!(label("12.0.0"), "");
        assert_eq!(label("new"), "");
    }

    #[test]
    fn windows_is_told_by_its_build() {
        let label = |text| windows_by_build(Version::parse_platform(text)).label;
        assert_eq!(label("10.0.22631.4317"), "11");
        assert_eq!(label("10.0.19045"), "10");
        assert_eq!(label("11"), "11");
        assert_eq!(label("6.1.7601"), "6.1.7601");
    }
}
