//! The device token on native answers: in the body for bare clients, as a cookie with room for several users for pages.

use doorward_tests::host::{Answer, Host, SignedIn};
use insta::assert_snapshot as see;
use serde_json::json;

doorward_tests::on_each_engine! {
    whatever_may_be_a_page_gets_a_cookie,
    a_bare_client_gets_the_token_in_the_body,
    several_users_of_one_browser_share_a_cookie_and_nothing_else,
    a_users_new_token_takes_the_place_of_their_old_one_in_the_cookie,
    garbage_in_the_cookie_is_dropped,
    a_page_whose_host_keeps_the_token_keeps_its_present_one_when_trust_is_renewed,
    the_cookie_of_dev_mode_counts_in_dev_mode_alone,
}

const NAME: &str = "__Host-doorward_device";

async fn activate_as_page(opened: &SignedIn, headers: &[(&str, &str)]) -> Answer {
    let mut asked = opened.ask("POST", "/devices/activate").json(&json!({ "activation_token": opened.offer() }));
    for (name, value) in headers {
        asked = asked.header(name, value);
    }
    asked.await.expect(200)
}

fn cookie(answer: &Answer) -> String {
    assert_eq!(answer.body.get("device_token"), None, "a page's scripts never see it");
    let set = answer.header("set-cookie").expect("a cookie");
    let (pair, attributes) = set.split_once("; ").expect("attributes");
    assert_eq!(attributes, "Path=/; Max-Age=34560000; Secure; HttpOnly; SameSite=Lax");
    pair.strip_prefix(&format!("{NAME}=")).expect("the cookie's name").to_owned()
}

async fn whatever_may_be_a_page_gets_a_cookie(host: Host) {
    let marks =
        [("sec-fetch-site", "same-origin"), ("sec-fetch-mode", "cors"), ("origin", "https://app.example"), ("cookie", "theme=dark"), ("origin", "null")];
    for mark in marks {
        let mut page = host.browser("ana");
        let opened = page.enter().await;
        let answer = activate_as_page(&opened, &[mark]).await;
        page.device_token = Some(cookie(&answer));
        assert_eq!(page.judged().await.0, "allow", "{mark:?}");
    }
    let mut page = host.browser("ana");
    let opened = page.enter().await;
    see!("activated_by_a_page", activate_as_page(&opened, &[("sec-fetch-site", "same-origin")]).await.shown());
}

async fn a_bare_client_gets_the_token_in_the_body(host: Host) {
    let mut app = host.browser("ana");
    let opened = app.enter().await;
    let answer = activate_as_page(&opened, &[("user-agent", "app/1.0"), ("accept", "*/*")]).await;
    assert_eq!(answer.header("set-cookie"), None);
    app.keep(&answer);
    assert_eq!(app.judged().await.0, "allow");
}

async fn several_users_of_one_browser_share_a_cookie_and_nothing_else(host: Host) {
    let users: Vec<String> = (0..8).map(|number| format!("user-{number}")).collect();
    let mut jar = String::new();
    for user in &users {
        let mut browser = host.browser(user);
        let opened = browser.enter().await;
        let sent = format!("theme=dark; {NAME}={jar}; other=1");
        jar = cookie(&activate_as_page(&opened, &[("cookie", &sent)]).await);
    }
    assert_eq!(jar.split('.').count(), 8);
    for user in &users {
        let mut browser = host.browser(user);
        browser.device_token = Some(jar.clone());
        assert_eq!(browser.judged().await.0, "allow", "{user}");
    }
    // The first of them comes again, and so is the one who was there most recently.
    let mut first = host.browser(&users[0]);
    first.device_token = Some(jar.clone());
    let again = first.enter().await;
    let oldest = jar.split('.').next().expect("a token").to_owned();
    jar = cookie(&again.ask("POST", "/devices/current/trust").header("cookie", &format!("{NAME}={jar}")).await.expect(200));
    assert!(jar.split('.').count() == 8 && !jar.contains(&oldest), "in place of their old token");
    let mut stranger = host.browser("user-8");
    stranger.device_token = Some(jar.clone());
    assert_eq!(stranger.judged().await.1, ["unknown_device", "device_token_missing"]);
    let opened = stranger.enter().await;
    let crowded = cookie(&activate_as_page(&opened, &[("cookie", &format!("{NAME}={jar}"))]).await);
    assert_eq!(crowded.split('.').count(), 8, "the least recently used goes");
    let tokens: Vec<&str> = jar.split('.').collect();
    assert!(!crowded.contains(tokens[0]) && tokens[1..].iter().all(|token| crowded.contains(token)));
    for user in &users {
        let mut browser = host.browser(user);
        browser.device_token = Some(crowded.clone());
        let decided = if *user == users[1] { "challenge" } else { "allow" };
        assert_eq!(browser.judged().await.0, decided, "{user}: the one who came first is not the one who was away longest");
    }
}

async fn a_users_new_token_takes_the_place_of_their_old_one_in_the_cookie(host: Host) {
    let mut page = host.browser("ana");
    let opened = page.enter().await;
    let old = page.device_token.clone().expect("a token");
    let jar = cookie(&activate_as_page(&opened, &[("cookie", &format!("{NAME}={old}"))]).await);
    assert!(!jar.contains('.') && jar != old);
}

async fn garbage_in_the_cookie_is_dropped(host: Host) {
    let mut page = host.browser("ana");
    let opened = page.enter().await;
    let bob = host.browser("bob").enter().await;
    let keeps = bob.answer.text_at("/device_token");
    let sent = format!("{NAME}=garbage.{keeps}.dwd_x..{}", &keeps[..40]);
    let jar = cookie(&activate_as_page(&opened, &[("cookie", &sent)]).await);
    assert_eq!(jar.split('.').count(), 2);
    assert!(jar.starts_with(&keeps));
}

async fn a_page_whose_host_keeps_the_token_keeps_its_present_one_when_trust_is_renewed(host: Host) {
    let mut page = host.browser("ana");
    let opened = page.enter_and_trust().await;
    let renewed = opened.ask("POST", "/devices/current/trust").header("origin", "https://app.example").await.expect(200);
    assert_eq!((renewed.header("set-cookie"), renewed.body.get("device_token")), (None, None));
    assert_eq!(page.judged().await.0, "allow", "the value that the host keeps stays good");
    let with_cookie = format!("{NAME}={}", page.device_token.clone().expect("a token"));
    let answer = opened.ask("POST", "/devices/current/trust").header("cookie", &with_cookie).await.expect(200);
    page.device_token = Some(cookie(&answer));
    assert_eq!(page.judged().await.0, "allow");
    let answer = opened.post("/devices/current/trust").await.expect(200);
    page.keep(&answer);
    assert_eq!(page.judged().await.0, "allow");
}

async fn the_cookie_of_dev_mode_counts_in_dev_mode_alone(host: Host) {
    let dev = Host::open(&doorward_tests::Home::make(doorward_tests::Engine::Sqlite).await.map(std::sync::Arc::new).expect("a place"), true).await;
    let opened = dev.browser("ana").enter().await;
    let answer = activate_as_page(&opened, &[("origin", "http://app.localhost")]).await;
    let set = answer.header("set-cookie").expect("a cookie");
    assert!(set.starts_with("doorward_device=dwd_") && set.ends_with("; Path=/; Max-Age=34560000; HttpOnly; SameSite=Lax"), "{set}");
    // Any other host of the domain could have planted it: without the prefix a cookie proves no origin.
    let planted = host.browser("mallory").enter().await.answer.text_at("/device_token");
    let opened = host.browser("ana").enter().await;
    let jar = cookie(&activate_as_page(&opened, &[("cookie", &format!("doorward_device={planted}"))]).await);
    assert!(!jar.contains(&planted));
}
