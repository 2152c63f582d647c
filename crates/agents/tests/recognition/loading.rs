//! The rules load beside the start path; who comes first waits and is answered properly.

use std::sync::Arc;
use std::thread;

use doorward_agents::{Agents, ClientHints, DeviceInfo, Source};

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";

#[test]
fn the_first_request_waits_and_is_answered_properly() {
    let agents = Agents::load_in_background();
    let hints = ClientHints::default();
    let source = Source { user_agent: FIREFOX, client_hints: &hints, device_info: None };
    // Several at once: each waits, and the rules are compiled once.
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                assert_eq!(agents.describe(&source).title(), "Firefox on Linux");
            });
        }
    });
    assert!(agents.is_loaded());
}

#[test]
fn equal_sources_share_one_description() {
    let agents = Agents::load_in_background();
    let describe =
        |user_agent: &str, hints: &ClientHints, info: Option<&DeviceInfo>| agents.describe(&Source { user_agent, client_hints: hints, device_info: info });
    let hints = ClientHints::from_headers([("Sec-CH-UA-Platform", "\"Linux\"")]);
    let none = ClientHints::default();
    let info = DeviceInfo { app: Some("Acme App".to_owned()), ..DeviceInfo::default() };
    let first = describe(FIREFOX, &hints, Some(&info));
    let same = describe(&String::from(FIREFOX), &hints.clone(), Some(&info.clone()));
    assert!(Arc::ptr_eq(&first, &same));
    assert!(!Arc::ptr_eq(&first, &describe(FIREFOX, &none, Some(&info))));
    assert!(!Arc::ptr_eq(&first, &describe(FIREFOX, &hints, None)));

    // What follows the first 1,024 bytes is not looked at.
    let long = format!("{FIREFOX}{}", " ".repeat(1024));
    let longer = format!("{long}curl/8.5.0");
    let [long, longer] = [long, longer].map(|ua| describe(&ua, &none, None));
    assert!(Arc::ptr_eq(&long, &longer));
}

#[test]
fn what_is_too_large_is_described_and_not_kept() {
    let agents = Agents::load_in_background();
    let hints = ClientHints::default();
    let info = DeviceInfo { model: Some("x".repeat(100_000)), ..DeviceInfo::default() };
    let source = Source { user_agent: FIREFOX, client_hints: &hints, device_info: Some(&info) };
    let [a, b] = [agents.describe(&source), agents.describe(&source)];
    assert_eq!(a, b);
    assert!(!Arc::ptr_eq(&a, &b));
    assert_eq!(a.device.model.len(), 40);
}
