//! Hints over strings, and what an app says of itself over both.

use doorward_agents::{ClientHints, DeviceInfo};

use crate::{check, describe};

const WINDOWS: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/149.0.0.0 Safari/537.36";
const EDGE: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/149.0.0.0 Safari/537.36 Edg/149.0.0.0";
const MAC: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/149.0.0.0 Safari/537.36";
const LINUX: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/149.0.0.0 Safari/537.36";
const ANDROID: &str = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/149.0.0.0 Mobile Safari/537.36";
const ANDROID_WIDE: &str = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/149.0.0.0 Safari/537.36";
const IN_APP: &str = "Mozilla/5.0 (Linux; Android 14; SM-S918B Build/UP1A.231005.007; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/149.0.7843.52 Mobile Safari/537.36";

const CHROME_BRANDS: &str = r#""Google Chrome";v="149", "Not:A-Brand";v="8", "Chromium";v="149""#;
const CHROME_FULL: &str = r#""Google Chrome";v="149.0.7843.52", "Not:A-Brand";v="8.0.0.0", "Chromium";v="149.0.7843.52""#;

/// The string, the headers (without the `Sec-CH-UA` before each name), and what comes of both.
type Hinted = (&'static str, &'static [(&'static str, &'static str)], &'static str);

#[rustfmt::skip]
const HINTED: &[Hinted] = &[
    // What every Chromium browser sends unasked.
    (WINDOWS, &[("", CHROME_BRANDS), ("-Mobile", "?0"), ("-Platform", "\"Windows\"")],
        "Chrome 149.0 Blink | Windows | Desktop PC | desktop | Chrome on Windows"),
    // What it says when asked.
    (WINDOWS, &[("", CHROME_BRANDS), ("-Full-Version-List", CHROME_FULL), ("-Platform", "\"Windows\""), ("-Platform-Version", "\"15.0.0\"")],
        "Chrome 149.0.7843 Blink | Windows 11 | Desktop PC | desktop | Chrome on Windows"),
    (WINDOWS, &[("-Platform", "\"Windows\""), ("-Platform-Version", "\"10.0.0\"")],
        "Chrome 149.0 Blink | Windows 10 | Desktop PC | desktop | Chrome on Windows"),
    (WINDOWS, &[("-Platform-Version", "\"13.0.0\"")],
        "Chrome 149.0 Blink | Windows 11 | Desktop PC | desktop | Chrome on Windows"),
    (MAC, &[("-Platform", "\"macOS\""), ("-Platform-Version", "\"15.1.0\"")],
        "Chrome 149.0 Blink | macOS 15.1 | Apple Mac | desktop | Chrome on macOS"),
    (LINUX, &[("-Platform", "\"Linux\""), ("-Platform-Version", "\"6.8.0\"")],
        "Chrome 149.0 Blink | Linux | Desktop PC | desktop | Chrome on Linux"),
    (ANDROID, &[("", CHROME_BRANDS), ("-Mobile", "?1"), ("-Platform", "\"Android\""), ("-Platform-Version", "\"15.0.0\""), ("-Model", "\"Pixel 8\"")],
        "Chrome 149.0 Blink | Android 15 | Google Pixel 8 | mobile | Chrome on Pixel 8"),
    (ANDROID, &[("-Model", "\"SM-S918B\""), ("-Form-Factors", "\"Mobile\"")],
        "Chrome 149.0 Blink | Android | Samsung SM-S918B | mobile | Chrome on Samsung SM-S918B"),
    (ANDROID, &[("-Model", "\"K\"")],
        "Chrome 149.0 Blink | Android | - | mobile | Chrome on Android"),
    (ANDROID_WIDE, &[("-Mobile", "?0"), ("-Form-Factors", "\"Desktop\"")],
        "Chrome 149.0 Blink | Android | Desktop PC | desktop | Chrome on Android"),
    (LINUX, &[("-Form-Factors", "\"Desktop\", \"Tablet\"")],
        "Chrome 149.0 Blink | Linux | - | tablet | Chrome on Linux"),

    // Brands: the most specific one, whatever the order.
    (WINDOWS, &[("", r#""Brave";v="149", "Chromium";v="149", "Not A;Brand";v="24""#)],
        "Brave 149 Blink | Windows | Desktop PC | desktop | Brave on Windows"),
    (WINDOWS, &[("", r#""Not A;Brand";v="24", "Chromium";v="149", "Brave";v="149""#), ("-Full-Version-List", r#""Chromium";v="149.0.1.2", "Brave";v="149.1.2.3""#)],
        "Brave 149.1.2 Blink | Windows | Desktop PC | desktop | Brave on Windows"),
    (WINDOWS, &[("", r#""Chromium";v="149", "Not/A)Brand";v="24""#)],
        "Chromium 149 Blink | Windows | Desktop PC | desktop | Chromium on Windows"),
    (EDGE, &[("", r#""Chromium";v="149", "Microsoft Edge";v="149", "Not_A Brand";v="99""#), ("-Full-Version-List", r#""Microsoft Edge";v="149.0.3800.70""#)],
        "Edge 149.0.3800 Blink | Windows | Desktop PC | desktop | Edge on Windows"),
    (EDGE, &[("", r#""Microsoft Edge WebView2";v="149", "Microsoft Edge";v="149", "Chromium";v="149""#)],
        "In-app browser 149 Blink | Windows | Desktop PC | desktop | In-app browser on Windows"),
    (WINDOWS, &[("", r#""Opera GX";v="125", "Chromium";v="149""#)],
        "Opera GX 125 Blink | Windows | Desktop PC | desktop | Opera GX on Windows"),
    (WINDOWS, &[("", r#""Yowser";v="2.5", "YaBrowser";v="25.12", "Chromium";v="142""#)],
        "Yandex Browser 25.12 Blink | Windows | Desktop PC | desktop | Yandex Browser on Windows"),
    (IN_APP, &[("", r#""Android WebView";v="149", "Chromium";v="149""#)],
        "In-app browser 149.0.7843 Blink | Android 14 | Samsung SM-S918B | mobile | In-app browser on Samsung SM-S918B"),
    // The string knows more than a brand that others wear.
    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/148.0.0.0 Safari/537.36 Vivaldi/7.6.3797.55", &[("", CHROME_BRANDS)],
        "Vivaldi 7.6.3797 Blink | Windows | Desktop PC | desktop | Vivaldi on Windows"),

    // Hints alone, and hints about another platform.
    ("", &[("", CHROME_BRANDS), ("-Mobile", "?1"), ("-Platform", "\"Android\"")],
        "Chrome 149 Blink | Android | - | mobile | Chrome on Android"),
    (LINUX, &[("-Platform", "\"Chrome OS\"")],
        "Chrome 149.0 Blink | ChromeOS | Desktop PC | desktop | Chrome on ChromeOS"),
    (WINDOWS, &[("-Platform", "\"Unknown\"")],
        "Chrome 149.0 Blink | Windows | Desktop PC | desktop | Chrome on Windows"),
    // Neither tools nor bots become browsers.
    ("curl/8.5.0", &[("", CHROME_BRANDS)],
        "curl 8.5 | - | - | cli | curl"),
];

#[test]
fn hints_are_laid_over_strings() {
    check(HINTED.iter().map(|(user_agent, headers, expected)| {
        let headers = headers.iter().map(|(name, value)| (format!("Sec-CH-UA{name}"), *value));
        let headers: Vec<_> = headers.collect();
        let hints = ClientHints::from_headers(headers.iter().map(|(n, v)| (n, v)));
        let what = format!("{user_agent}\n{headers:?}");
        (what, describe(user_agent, &hints, None), *expected)
    }));
}

#[test]
fn likeness_does_not_hang_on_versions_or_unasked_hints() {
    let none = ClientHints::default();
    let brave = ClientHints::from_headers([
        ("Sec-CH-UA", r#""Brave";v="149", "Chromium";v="149""#),
        ("Sec-CH-UA-Platform", "\"Windows\""),
        ("Sec-CH-UA-Platform-Version", "\"15.0.0\""),
    ]);
    let newer = WINDOWS.replace("149", "150");
    for (user_agent, hints) in [(WINDOWS, &none), (WINDOWS, &brave), (&newer, &none)] {
        let description = describe(user_agent, hints, None);
        assert_eq!(description.family_key(), ("Chrome", "Windows", "PC"));
    }
    let of = |user_agent| describe(user_agent, &none, None);
    assert_eq!(of(IN_APP).family_key(), ("Chrome WebView", "Android", "SM-S918B"));
    assert_eq!(of(ANDROID).family_key(), ("Chrome", "Android", ""));
}

/// `type`, `model`, `platform`, `platform_version`, `app`, `app_version`.
#[rustfmt::skip]
const SAID: &[(&str, [&str; 6], &str)] = &[
    ("okhttp/4.12.0", ["", "Pixel 8", "Android", "15", "Acme App", "3.2.1"],
        "Acme App 3.2.1 | Android 15 | Google Pixel 8 | app | Acme App on Pixel 8"),
    ("Acme/42 CFNetwork/1498.700.2 Darwin/23.6.0", ["mobile", "iPhone15,2", "ios", "18.1", "Acme App", "3.2"],
        "Acme App 3.2 | iOS 18.1 | Apple iPhone | mobile | Acme App on iPhone"),
    ("Acme/42 CFNetwork/1498.700.2 Darwin/23.6.0", ["", "", "macOS", "15.1", "", ""],
        "Acme 42 | macOS 15.1 | Apple Mac | app | Acme on macOS"),
    ("", ["desktop", "", "Windows", "10.0.22631", "Acme Desk", ""],
        "Acme Desk | Windows 11 | Desktop PC | desktop | Acme Desk on Windows"),
    ("", ["", "iPhone 15 Pro", "iOS", "18.6", "Acme App", "3"],
        "Acme App 3 | iOS 18.6 | Apple iPhone 15 Pro | app | Acme App on iPhone 15 Pro"),
    ("", ["", "MacBookPro18,1", "darwin", "15.1", "Acme Desk", "3"],
        "Acme Desk 3 | macOS 15.1 | Apple MacBook Pro | app | Acme Desk on MacBook Pro"),
    ("Dart/3.5 (dart:io)", ["tablet", "SM-X710", "android", "", "Acme", "1"],
        "Acme 1 | Android | Samsung SM-X710 | tablet | Acme on Samsung SM-X710"),
    // Without a string and an app's name, nothing says what it is.
    ("", ["", "", "Windows", "11", "", ""],
        "- | Windows 11 | - | unknown | Unknown browser on Windows"),
    ("", ["spaceship", "", "", "", "", ""],
        "- | - | - | unknown | Unknown browser"),
    ("python-requests/2.32.3", ["spaceship", "", "", "", "Acme", "1"],
        "Acme 1 | - | - | app | Acme"),
    (WINDOWS, ["", "", "", "", "", ""],
        "Chrome 149.0 Blink | Windows | Desktop PC | desktop | Chrome on Windows"),
    (IN_APP, ["", "", "", "", "Acme Hybrid", "7.0"],
        "Acme Hybrid 7.0 Blink | Android 14 | Samsung SM-S918B | app | Acme Hybrid on Samsung SM-S918B"),
];

#[test]
fn what_an_app_says_of_itself_wins() {
    let none = ClientHints::default();
    check(SAID.iter().map(|(user_agent, said, expected)| {
        let [kind, model, platform, platform_version, app, app_version] = said.map(|text| (!text.is_empty()).then(|| text.to_owned()));
        let info = DeviceInfo { kind, model, platform, platform_version, browser: None, app, app_version };
        let what = format!("{user_agent} {info:?}");
        (what, describe(user_agent, &none, Some(&info)), *expected)
    }));
}

#[test]
fn device_info_is_read_from_the_wire() {
    let wire = r#"{"type":"mobile","app":"Acme App","seats":2}"#;
    let info: DeviceInfo = serde_json::from_str(wire).expect("it is JSON of the shape");
    assert_eq!(info.kind.as_deref(), Some("mobile"));
    let back = serde_json::to_string(&info).expect("text is always JSON");
    assert_eq!(back, r#"{"type":"mobile","app":"Acme App"}"#);
}
