//! Tokens: only what was revealed is read again, and every change to it is told.

use doorward_domain::token::Locator;
use doorward_domain::{AccessToken, ActivationToken, DeviceToken, SessionRef, join_cookie};
use doorward_tests::host::SESSION_COOKIE;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::{Target, fuzz};

/// A change to a text: some of it is cut out and something else put there.
fn changed(good: String) -> impl Strategy<Value = String> {
    let cut = (any::<Index>(), 0..4_usize, "[A-Za-z0-9_.=-]{0,4}|\\PC{0,3}");
    prop::collection::vec(cut, 1..4).prop_map(move |cuts| {
        let mut chars: Vec<char> = good.chars().collect();
        for (at, length, other) in cuts {
            let at = at.index(chars.len() + 1);
            let end = (at + length).min(chars.len());
            chars.splice(at..end, other.chars());
        }
        chars.into_iter().collect()
    })
}

fn token_text() -> impl Strategy<Value = String> {
    let prefix = prop_oneof![Just("dws_"), Just("dwd_"), Just("dwa_"), Just("dwk_"), Just("DWS_"), Just("")];
    (prefix, "[A-Za-z0-9_-]{0,100}|\\PC{0,40}").prop_map(|(prefix, rest)| format!("{prefix}{rest}"))
}

#[test]
fn what_is_read_is_what_was_revealed() {
    let good = SessionRef::read(&[7; SessionRef::LENGTH]);
    let secret = doorward_domain::token::Secret::new([9; 32]);
    let good = AccessToken { at: good, secret }.reveal();
    fuzz(20_000, &prop_oneof![token_text(), changed(good.clone())], |text| {
        for read in [
            AccessToken::parse(&text).map(|token| token.reveal()),
            DeviceToken::parse(&text).map(|token| token.reveal()),
            ActivationToken::parse(&text).map(|token| token.reveal()),
        ]
        .into_iter()
        .flatten()
        {
            prop_assert_eq!(&read, &text);
        }
        prop_assert!(text == good || AccessToken::parse(&text).is_err(), "a change was not told: {}", text);
        Ok(())
    });
}

#[test]
fn a_changed_token_opens_nothing_by_any_door() {
    let target = Target::new();
    let opened = target.wait(target.host.browser("ana").enter());
    let good = opened.token.clone();
    fuzz(100, &prop_oneof![token_text(), changed(good.clone())].prop_filter("a changed one", move |text| *text != good), |text| {
        target.wait(async {
            let reason = target.host.inactive(&text).await;
            prop_assert_eq!(reason.as_deref(), Some("unknown"));
            let form = format!("token={}", percent_encoding::utf8_percent_encode(&text, percent_encoding::NON_ALPHANUMERIC));
            let introspected = target.host.call("POST", "/oauth2/introspect").form(&form).await;
            prop_assert!(introspected.status == 400 && text.is_empty() || introspected.text == r#"{"active":false}"#, "{}", introspected.text);
            if !text.contains(|c: char| c.is_control()) {
                prop_assert_eq!(target.host.ask("GET", "/api/v1/sessions").bearer(&text).await.status, 401);
                let cookie = format!("{SESSION_COOKIE}={text}");
                let passed = target.host.ask("GET", "/internal/forward-auth/acme").header("cookie", &cookie).await;
                prop_assert!(passed.status == 401 || text.split(';').next().is_some_and(|first| first.trim() == opened.token), "{cookie}");
            }
            Ok(())
        })
    });
}

#[test]
fn a_cookie_of_several_tokens_keeps_the_good_ones() {
    let target = Target::new();
    let tokens = target.wait(async {
        let mut tokens = vec![];
        for user in ["ana", "bob", "carla"] {
            tokens.push(target.host.browser(user).enter().await.answer.text_at("/device_token"));
        }
        tokens
    });
    let new = DeviceToken::parse(&tokens[0]).expect("a device token");
    let piece = prop_oneof![proptest::sample::select(tokens), token_text(), "[.;= ]{0,3}", "\\PC{0,10}"];
    fuzz(2_000, &prop::collection::vec(piece, 0..14).prop_map(|pieces| pieces.join(".")), |present| {
        let joined = join_cookie(Some(&present), &new);
        let kept: Vec<&str> = joined.split('.').collect();
        prop_assert!((1..=8).contains(&kept.len()) && kept.contains(&new.reveal().as_str()));
        for text in &kept {
            prop_assert!(DeviceToken::parse(text).is_ok() && present.contains(text) || *text == new.reveal());
        }
        let mut once = kept.clone();
        once.sort_unstable();
        once.dedup();
        prop_assert_eq!(once.len(), kept.len(), "none twice");
        Ok(())
    });
}
