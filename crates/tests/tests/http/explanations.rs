//! Why was I challenged? Stored reasons in sentences, in the language that is asked for.

use doorward_domain::{Cause, Language, Reason, Role};
use doorward_tests::host::{Answer, Host};
use serde_json::json;

doorward_tests::on_each_engine! {
    why_is_told_in_the_language_that_is_asked_for,
}

async fn told(host: &Host, path: &str, language: Option<&str>) -> Answer {
    let asked = host.ask("GET", path).by(Role::Viewer);
    let answer = match language {
        Some(language) => asked.header("accept-language", language).await,
        None => asked.await,
    };
    let answer = answer.expect(200);
    assert!(answer.header("vary").is_some_and(|vary| vary.to_ascii_lowercase().contains("accept-language")), "{:?}", answer.headers);
    answer
}

async fn why_is_told_in_the_language_that_is_asked_for(host: Host) {
    let mut laptop = host.browser("ana");
    let opened = laptop.enter_and_trust().await;
    host.call("POST", "/internal/users/ana/security-events").json(&json!({ "type": "password_reset" })).await.expect(200);
    assert!(!opened.is_in().await);
    host.pass_s(60);
    let sign_in = laptop.evaluate().await;
    assert_eq!(sign_in.header("content-language"), Some("en"), "at evaluation too");
    assert_eq!(sign_in.body["reasons"][0], "trust_ended");
    let one = format!("/internal/sign-ins/{}", sign_in.text_at("/id"));
    let cases =
        [(None, Language::English), (Some("es-MX,es;q=0.9"), Language::Spanish), (Some("de"), Language::English), (Some("es;q=0.1,en"), Language::English)];
    for (asked, language) in cases {
        for (path, place) in [(one.as_str(), ""), ("/internal/users/ana/sign-ins", "/items/0")] {
            let answer = told(&host, path, asked).await;
            assert_eq!(answer.header("content-language"), Some(language.as_str()), "{asked:?}");
            let detail = |name: &str| answer.text_at(&format!("{place}/reason_details/trust_ended/{name}"));
            assert_eq!(detail("message"), Reason::TrustEnded.sentence(language), "{asked:?} {path}");
            assert_eq!((detail("cause"), detail("cause_message")), ("password_reset".to_owned(), Cause::PasswordReset.sentence(language).to_owned()));
        }
    }
}
