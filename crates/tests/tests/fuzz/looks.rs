//! What browsers and apps say of themselves: user agents, client hints, device info. Read, kept and shown, whatever it is.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::{Target, fuzz};

const HINTS: [&str; 9] = [
    "Sec-CH-UA",
    "sec-ch-ua",
    "Sec-CH-UA-Platform",
    "Sec-CH-UA-Platform-Version",
    "Sec-CH-UA-Mobile",
    "Sec-CH-UA-Model",
    "Sec-CH-UA-Full-Version-List",
    "Sec-CH-UA-Form-Factors",
    "X-Other",
];

fn hint() -> impl Strategy<Value = String> {
    prop_oneof![
        "(\"[ -~]{0,12}\";v=\"[0-9.]{0,10}\"(, )?){0,4}",
        "[?\"][01a-zA-Z]{0,8}[\"]?",
        "[\\(\\);,=\"\\\\ ?:*a-z0-9]{0,40}",
        "\\PC{0,60}",
        any::<String>().prop_map(|text| text.chars().take(80).collect()),
    ]
}

fn agent() -> impl Strategy<Value = String> {
    prop_oneof![
        "Mozilla/5\\.0 \\([ -~]{0,60}\\) [A-Za-z]{1,10}/[0-9.]{0,12}( [A-Za-z]{1,10}/[0-9.]{0,12}){0,4}",
        "\\PC{0,200}",
        any::<String>(),
        "[(]{0,300}",
        "(Chrome/9{1,30}){0,20}",
    ]
}

#[test]
fn whatever_a_device_says_of_itself_it_gets_a_name() {
    let target = Target::new();
    let hints = prop::collection::vec((proptest::sample::select(&HINTS[..]), hint()), 0..9);
    let info = prop::option::of((
        proptest::sample::select(&["desktop", "mobile", "tablet", "tv", "app", "toaster", ""][..]),
        "\\PC{0,130}",
        "[0-9.a-z-]{0,20}",
        any::<String>(),
    ));
    let mut number = 0_u32;
    let number = std::cell::RefCell::new(&mut number);
    fuzz(150, &(agent(), hints, info), |(agent, hints, info)| {
        let hints: Map<String, Value> = hints.into_iter().map(|(name, value)| (name.to_owned(), Value::String(value))).collect();
        let mut looks = json!({ "user_agent": agent, "client_hints": hints, "second_factor": "none" });
        if let Some((kind, model, version, app)) = info {
            looks["device_info"] = json!({ "type": kind, "model": model, "platform_version": version, "app": app });
        }
        **number.borrow_mut() += 1;
        let user = format!("user-{}", number.borrow());
        target.wait(async {
            let mut browser = target.host.browser(&user);
            let evaluated = browser.try_evaluate(&looks).await;
            if evaluated.status == 400 {
                return Ok(());
            }
            prop_assert_eq!(evaluated.status, 201, "{}", evaluated.text);
            let opened = browser.complete(&evaluated, &json!({})).await;
            let shown = opened.get("/devices/current").await;
            prop_assert_eq!(shown.status, 200, "{}", shown.text);
            let name = shown.text_at("/name");
            prop_assert!(!name.is_empty() && !name.chars().any(char::is_control), "{name:?}");
            Ok(())
        })
    });
}
