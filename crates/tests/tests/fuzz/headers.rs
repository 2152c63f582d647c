//! Headers that anybody may send: cookies, credentials, what proxies add. None makes a caller somebody else.

use std::net::IpAddr;

use doorward_api::proxies::Proxies;
use doorward_domain::Role;
use doorward_tests::host::SESSION_COOKIE;
use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;

use crate::{Target, fuzz, header_text};

/// Headers that are read, or might be.
const NAMES: [&str; 14] = [
    "authorization",
    "cookie",
    "x-forwarded-for",
    "forwarded",
    "x-real-ip",
    "x-forwarded-proto",
    "x-tenant-id",
    "x-doorward-actor",
    "x-doorward-user",
    "x-api-key",
    "traceparent",
    "content-type",
    "idempotency-key",
    "origin",
];

#[test]
fn no_header_makes_anybody_of_a_stranger() {
    let target = Target::new();
    target.wait(target.host.browser("ana").enter());
    let headers = prop::collection::vec((proptest::sample::select(&NAMES[..]), header_text(300)), 0..6);
    let paths = proptest::sample::select(&["/api/v1/sessions", "/internal/users/ana/devices", "/internal/forward-auth/acme", "/internal/forward-auth"][..]);
    fuzz(300, &(paths, headers), |(path, headers)| {
        let asked = headers.iter().fold(target.host.ask("GET", path), |asked, (name, value)| asked.header(name, value));
        prop_assert_eq!(target.wait(async { asked.await }).status, 401);
        Ok(())
    });
}

#[test]
fn no_header_besides_changes_who_a_key_or_a_token_is() {
    let target = Target::new();
    let opened = target.wait(target.host.browser("ana").enter());
    // Those that speak of the caller may only lead to a refusal.
    let speaking = ["x-tenant-id", "x-doorward-actor", "authorization", "x-api-key"];
    let headers = prop::collection::vec((proptest::sample::select(&NAMES[..]), header_text(300)), 0..6);
    fuzz(300, &headers, |headers| {
        let with = |asked| headers.iter().fold(asked, |asked: doorward_tests::host::Ask, (name, value)| asked.header(name, value));
        let plain = headers.iter().all(|(name, _)| !speaking.contains(name));
        let by_key = target.wait(async { with(target.host.ask("GET", "/internal/users/ana/sessions").by(Role::Viewer)).await });
        prop_assert!(by_key.status == 200 && by_key.ids() == [opened.session()] || matches!(by_key.status, 400 | 401) && !plain, "{}", by_key.text);
        let by_token = target.wait(async { with(target.host.ask("GET", "/api/v1/sessions/current").bearer(&opened.token)).await });
        prop_assert!(by_token.status == 200 && by_token.body["id"] == opened.session() || by_token.status == 401 && !plain, "{}", by_token.text);
        let cookie = format!("{SESSION_COOKIE}={}", opened.token);
        let passed = target.wait(async { with(target.host.ask("GET", "/internal/forward-auth/acme").header("cookie", &cookie)).await });
        let user = passed.header("x-doorward-user");
        prop_assert!(passed.status == 200 && user == Some("ana") || passed.status == 401 && !headers.is_empty(), "{}", passed.text);
        Ok(())
    });
}

#[test]
fn a_token_is_found_among_other_cookies() {
    let target = Target::new();
    let opened = target.wait(target.host.browser("ana").enter());
    let other = || "[a-z]{1,8}=[!-:<-~]{0,20}|[a-z ]{0,8}|caf\u{e9}=\\PC{0,6}".prop_map(|text| text.replace(';', ""));
    let cookies = (prop::collection::vec(other(), 0..5), prop::collection::vec(other(), 0..5));
    fuzz(300, &cookies, |(before, after)| {
        let own = format!("{SESSION_COOKIE}={}", opened.token);
        let all: Vec<String> = before.into_iter().chain([own]).chain(after).map(|text| text.replace(|c: char| c.is_control(), "")).collect();
        let asked = target.host.ask("GET", "/internal/forward-auth/acme").header("cookie", &all.join("; "));
        let passed = target.wait(async { asked.await });
        prop_assert_eq!(passed.status, 200, "{:?}", all);
        Ok(())
    });
}

#[test]
fn an_address_is_the_peers_or_one_that_a_trusted_proxy_names() {
    let proxies = Proxies::new(["10.0.0.0/8", "fd00::/8"].map(|network| network.parse().expect("a network")));
    let address = prop_oneof![
        any::<std::net::Ipv4Addr>().prop_map(IpAddr::V4),
        any::<std::net::Ipv6Addr>().prop_map(IpAddr::V6),
        any::<u16>().prop_map(|low| IpAddr::from([10, 0, low.to_be_bytes()[0], low.to_be_bytes()[1]])),
    ];
    let piece = prop_oneof![3 => address.clone().prop_map(|address| address.to_string()), 1 => header_text(40), 1 => "\\[[0-9a-f:]{0,20}\\](:[0-9]{0,6})?"];
    let values = prop::collection::vec(prop::collection::vec(piece, 0..5).prop_map(|hops| hops.join(", ")), 0..4);
    fuzz(20_000, &(address, values), |(peer, values)| {
        let mut headers = HeaderMap::new();
        for value in &values {
            headers.append("x-forwarded-for", HeaderValue::from_bytes(value.as_bytes()).expect("a header's value"));
        }
        let client = proxies.client(peer, &headers);
        if proxies.trusts(peer) {
            let mut named = values.iter().flat_map(|value| value.split(',')).map(|hop| hop.trim_matches([' ', '\t']));
            let is_named = named.any(|hop| {
                hop.contains(&client.to_string())
                    || hop.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|hop| hop.to_canonical() == client)
                    || hop.parse::<std::net::SocketAddr>().is_ok_and(|hop| hop.ip().to_canonical() == client)
            });
            prop_assert!(client == peer.to_canonical() || is_named, "{client} of {values:?}");
        } else {
            prop_assert_eq!(client, peer.to_canonical(), "nobody else is believed");
        }
        Ok(())
    });
}
