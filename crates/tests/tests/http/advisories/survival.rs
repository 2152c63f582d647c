//! The story in which a widely used library leaves trust alive: trust a browser, then change what the trust rests on, elsewhere.

use doorward_tests::host::Host;
use serde_json::json;

use super::{report, skips};

doorward_tests::on_each_engine! {
    no_trust_outlives_what_it_rests_on,
    a_sign_out_keeps_the_trust_of_its_device,
    trust_that_is_used_each_day_ends_all_the_same,
}

/// Better Auth 1.7.1 still skips the second factor on the trusted browser after each of the events but sign-out.
async fn no_trust_outlives_what_it_rests_on(host: Host) {
    let elsewhere = ["password_reset", "password_changed", "mfa_disabled then mfa_enrolled"];
    let by_others = ["mfa_reset", "recovery_used", "account_disabled then account_enabled", "role_elevated", "credential_compromised"];
    for story in elsewhere.into_iter().chain(by_others).chain(["signed_out_everywhere"]) {
        let user = &story.replace(' ', "-");
        let mut trusted = host.browser(user);
        trusted.enter_and_trust().await;
        host.pass_s(1);
        let other = host.browser(user).enter().await;
        assert!(skips(&trusted).await, "{story}: it is trusted until then");
        host.pass_s(1);
        for event in story.split(" then ") {
            // It is no security event, and done by the person from another browser.
            if event == "signed_out_everywhere" {
                other.delete("/sessions").await.expect(200);
            } else {
                report(&host, user, &json!({ "type": event, "keep_session_id": other.session() })).await;
            }
            host.pass_s(1);
        }
        assert!(!skips(&trusted).await, "{story}");
        let sign_in = trusted.evaluate().await;
        trusted.try_complete(&sign_in, &json!({})).await.refused(403, "mfa_required");
    }
}

/// The one that ends no trust on purpose: a person who signs out on their own laptop still knows it, and so they do who sign
/// out everywhere from it. What they don't have in their hands is trusted no more.
async fn a_sign_out_keeps_the_trust_of_its_device(host: Host) {
    let (mut laptop, mut phone) = (host.browser("ana"), host.browser("ana"));
    let opened = laptop.enter_and_trust().await;
    phone.enter_and_trust().await;
    opened.delete("/sessions/current").await.expect(204);
    assert!(skips(&laptop).await && skips(&phone).await);
    let again = laptop.enter_skipping().await;
    again.delete("/sessions").await.expect(200);
    assert!(!again.is_in().await);
    assert!(skips(&laptop).await);
    assert!(!skips(&phone).await);
}

/// The sixth row of that study: trust that is prolonged by each use never ends for whoever signs in often.
async fn trust_that_is_used_each_day_ends_all_the_same(host: Host) {
    let mut laptop = host.browser("ana");
    laptop.enter_and_trust().await;
    for day in 1..30 {
        host.pass_s(86_400);
        assert!(skips(&laptop).await, "day {day}");
        laptop.enter_skipping().await;
    }
    host.pass_s(86_400);
    assert!(!skips(&laptop).await);
}
