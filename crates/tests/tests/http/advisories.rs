//! Lessons of other systems' advisories, each a story that bears its lesson's name; docs/advisories.md has the list.

mod ending;
mod entering;
mod survival;
mod tokens;

use doorward_domain::Role;
use doorward_tests::host::{Answer, Browser, Host};
use serde_json::{Value, json};

/// Asks at every door that an access token opens, and says which doors let it in.
pub(crate) async fn doors_that_open(host: &Host, token: &str) -> Vec<&'static str> {
    let told = json!({ "token": token, "touch": false });
    let batch = json!({ "tokens": [token] });
    let by_host = |path: &str, body: &Value| host.call("POST", path).json(body);
    let is_active = |answer: Answer| answer.expect(200).body["active"] == true;
    let mut open = vec![];
    let mut heard = |door, opens: bool| {
        if opens {
            open.push(door);
        }
    };
    heard("verify", is_active(by_host("/internal/sessions/verify", &told).await));
    heard("verify-batch", by_host("/internal/sessions/verify-batch", &batch).await.expect(200).body["results"][0]["active"] == true);
    heard("heartbeat-batch", by_host("/internal/sessions/heartbeat-batch", &batch).await.expect(200).body["results"][0]["ok"] == true);
    heard("introspection", is_active(host.ask("POST", "/oauth2/introspect").by(Role::Verify).form(&format!("token={token}")).await));
    heard("forward-auth", host.ask("GET", "/internal/forward-auth/acme").bearer(token).await.status == 200);
    heard("heartbeat", host.ask("POST", "/api/v1/sessions/current/heartbeat").bearer(token).await.status == 200);
    heard("native", host.ask("GET", "/api/v1/sessions/current").bearer(token).await.status == 200);
    open
}

/// All of them.
pub(crate) const DOORS: [&str; 7] = ["verify", "verify-batch", "heartbeat-batch", "introspection", "forward-auth", "heartbeat", "native"];

/// Reports a security event of a user.
async fn report(host: &Host, user: &str, event: &Value) -> Answer {
    host.call("POST", &format!("/internal/users/{user}/security-events")).json(event).await.expect(200)
}

/// Whether the browser's next sign-in skips the second factor.
async fn skips(browser: &Browser) -> bool {
    browser.judged().await.0 == "allow"
}
