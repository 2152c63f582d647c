//! Every operation of the description, and a good request for each: what the tables of bad requests start from.

use doorward_domain::Role;
use doorward_tests::host::browser::with_code;
use doorward_tests::host::description::{Operation, operations};
use doorward_tests::host::{ACME, Ask, Browser, Host, SignedIn, api_key};
use serde_json::{Value, json};

doorward_tests::on_each_engine! {
    every_operation_answers_a_good_request,
}

/// A user with something of everything that a request can name.
pub(crate) struct Someone {
    pub(crate) host: Host,
    pub(crate) tenant: &'static str,
    pub(crate) user: String,
    pub(crate) caller: SignedIn,
    pub(crate) names: Names,
}

/// What a request names.
#[derive(Clone)]
pub(crate) struct Names {
    pub(crate) user: String,
    pub(crate) device: String,
    pub(crate) session: String,
    /// The caller's own, and what is shown as its fingerprint.
    pub(crate) own_device: String,
    pub(crate) own_session: String,
    pub(crate) fingerprint: String,
    pub(crate) sign_in: String,
    pub(crate) offer: String,
    pub(crate) token: String,
    /// Of the tenant, and not of the user.
    pub(crate) api_key: String,
}

impl Someone {
    pub(crate) async fn new(host: &Host, tenant: &'static str, user: &str) -> Self {
        let browser = || -> Browser { host.browser(user).in_tenant(tenant) };
        let caller = browser().enter().await;
        host.pass_s(1);
        let mut other = browser();
        let there = other.enter().await;
        let sign_in = other.evaluate().await.text_at("/id");
        let made = host.ask("POST", "/internal/api-keys").key(&api_key(tenant, Role::Admin)).json(&json!({ "name": "a service", "role": "verify" }));
        let names = Names {
            user: user.to_owned(),
            device: there.device(),
            session: there.session(),
            own_device: caller.device(),
            own_session: caller.session(),
            fingerprint: caller.get("/devices/current").await.expect(200).text_at("/device_fingerprint"),
            sign_in,
            offer: caller.offer(),
            token: caller.token.clone(),
            api_key: made.await.expect(201).text_at("/api_key/id"),
        };
        Self { host: host.clone(), tenant, user: user.to_owned(), caller, names }
    }

    /// Makes the one operation possible that needs more.
    async fn ready_for(&self, operation: &Operation) {
        match operation.id {
            "release_user_device" => drop(self.caller.post(&format!("/devices/{}/hijack", self.names.device)).await.expect(200)),
            "authms_delete_trusted_device" => {
                let posted = self.host.ask("POST", "/internal/session/trusted-devices").key(&api_key(self.tenant, Role::Host)).tenant(self.tenant);
                drop(posted.json(&vouched(&self.names)).await.expect(200));
            }
            _ => {}
        }
    }

    /// A good request.
    pub(crate) async fn good(&self, operation: &Operation) -> Ask {
        self.ready_for(operation).await;
        self.naming(operation, &self.names)
    }

    /// A good request, but for what it names.
    pub(crate) fn naming(&self, operation: &Operation, names: &Names) -> Ask {
        with_body(operation, names, self.credentialled(operation, self.bare(operation, names)))
    }

    /// A request without credentials and body.
    pub(crate) fn bare(&self, operation: &Operation, names: &Names) -> Ask {
        let asked = self.host.ask(operation.method, &path_of(operation, names, self.tenant));
        match operation.id {
            "forget_other_devices" => asked.query("except_current=true"),
            // The proxy's part: there are two tenants.
            "forward_auth" => asked.tenant(self.tenant),
            "authms_create_trusted_device" => asked.tenant(self.tenant),
            "authms_list_trusted_devices" | "authms_delete_trusted_device" => asked.tenant(self.tenant).query(&format!("user_id={}", names.user)),
            _ => asked,
        }
    }

    /// The same with its usual credentials.
    pub(crate) fn credentialled(&self, operation: &Operation, asked: Ask) -> Ask {
        if operation.is_internal() { asked.key(&api_key(self.tenant, Role::Admin)) } else { asked.bearer(&self.caller.token) }
    }
}

/// The path with what it names.
pub(crate) fn path_of(operation: &Operation, names: &Names, tenant: &str) -> String {
    let id = match operation.path {
        // Nothing but the caller's own is kept alive.
        "/devices/{id}/heartbeat" => &names.own_device,
        "/sessions/{id}/heartbeat" => &names.own_session,
        path if path.contains("/devices/{id}") || path.contains("/devices/{uuid}") => &names.device,
        path if path.contains("/sessions/{id}") => &names.session,
        path if path.contains("/sign-ins/{id}") => &names.sign_in,
        path if path.contains("/api-keys/{id}") => &names.api_key,
        path if path.contains("{id}") => panic!("what does {path} name?"),
        _ => "",
    };
    operation
        .path
        .replace("{user_id}", &names.user)
        .replace("{id}", id)
        .replace("{uuid}", id)
        .replace("{tenant}", tenant)
        .replace("{device_fingerprint}", VOUCHED)
}

/// With a good body, for an operation that takes one.
pub(crate) fn with_body(operation: &Operation, names: &Names, asked: Ask) -> Ask {
    match body_of(operation, names) {
        Some(body) => asked.json(&body),
        None if operation.takes_form() => asked.form(&format!("token={}&token_type_hint=access_token", names.token)),
        None => asked,
    }
}

/// A good body, for an operation that takes one.
pub(crate) fn body_of(operation: &Operation, names: &Names) -> Option<Value> {
    let body = match operation.id {
        "activate" | "activate_device" => json!({ "activation_token": names.offer, "device_name": "Laptop" }),
        "decline" | "decline_device" => json!({ "activation_token": names.offer }),
        "rename_device" => json!({ "name": "Laptop" }),
        "open_session" => json!({ "user_id": names.user, "ip": "203.0.113.7", "user_agent": "curl/8.5.0", "mfa": { "method": "totp" } }),
        "evaluate_sign_in" => {
            json!({ "user_id": names.user, "ip": "203.0.113.7", "user_agent": "curl/8.5.0", "second_factor": "done", "mfa": { "method": "totp" } })
        }
        "complete_sign_in" | "trust_user_device" | "step_up" => with_code(),
        "report_security_event" => json!({ "type": "password_reset" }),
        "verify_sessions" | "heartbeat_sessions" => json!({ "tokens": [names.token] }),
        "create_api_key" => json!({ "name": "another service", "role": "viewer" }),
        "rotate_api_key" => json!({}),
        "verify_session" => json!({ "token": names.token }),
        "change_policy" => json!({ "preset": "consumer", "session_idle_s": 604_799 }),
        "flashback_trust_device" => json!({ "fingerprint": names.fingerprint }),
        "authms_create_trusted_device" => vouched(names),
        id if operation.takes_body() => panic!("{id} has no sample: add one here"),
        _ => return None,
    };
    assert!(operation.takes_body(), "{} takes no body any more", operation.id);
    Some(body)
}

/// The host's own value for a device that it vouches for.
const VOUCHED: &str = "fp-1";

fn vouched(names: &Names) -> Value {
    json!({ "user_id": names.user, "device_fingerprint": VOUCHED, "browser": "Chrome", "ip": "203.0.113.7" })
}

/// Each operation with somebody of its own.
pub(crate) async fn each(host: &Host) -> Vec<(Operation, Someone)> {
    let mut all = vec![];
    for operation in operations() {
        all.push((operation, Someone::new(host, ACME, operation.id).await));
    }
    all
}

async fn every_operation_answers_a_good_request(host: Host) {
    for (operation, someone) in each(&host).await {
        let answer = someone.good(&operation).await.await;
        assert!((200..300).contains(&answer.status), "{}: {} {}", operation.id, answer.status, answer.text);
    }
}
