//! The operations, each by every surface that has it.

use doorward_tests::host::Answer;
use doorward_tests::host::browser::with_checkbox;
use serde_json::json;

use super::Ana;

/// One way of doing something.
pub(super) struct Way {
    /// The surface.
    pub(super) surface: &'static str,
    /// Does it to the phone, or to the session on it.
    pub(super) act: for<'a> fn(&'a Ana) -> Acting<'a>,
}

pub(super) type Acting<'a> = std::pin::Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;

macro_rules! way {
    ($surface:literal, |$ana:ident| $act:expr) => {
        Way { surface: $surface, act: |$ana| Box::pin(async move { $act.await }) }
    };
}

pub(super) const TRUST: &[Way] = &[
    way!("native", |ana| ana.person("POST", &format!("/api/v1/devices/{}/trust", ana.device()))),
    way!("flashback", |ana| {
        let shown = ana.shown().await;
        ana.person("POST", "/devices/trust").json(&json!({ "fingerprint": shown }))
    }),
    way!("flashback, by what was given at the sign-in", |ana| ana.person("POST", "/devices/trust").json(&json!({ "fingerprint": "the phone's own" }))),
    way!("laravel", |ana| ana.person("PATCH", &format!("/api/devices/{}/verify", ana.device()))),
    way!("internal", |ana| {
        let path = format!("/devices/{}/trust", ana.device());
        ana.internal("POST", &path).json(&json!({ "mfa": { "method": "totp" } }))
    }),
];

/// The phone's own ways: by the offer that came with its sign-in, and by the box beside its next one.
pub(super) const TRUST_ITSELF: &[Way] = &[
    way!("native, by an offer", |ana| ana.by_phone("POST", "/api/v1/devices/activate").json(&json!({ "activation_token": ana.on_phone.offer() }))),
    way!("internal, by an offer", |ana| ana.backend("POST", "/internal/activations/activate").json(&json!({ "activation_token": ana.on_phone.offer() }))),
    way!("internal, at completion", |ana| {
        let sign_in = ana.phone.evaluate().await;
        ana.backend("POST", &format!("/internal/sign-ins/{}/complete", sign_in.text_at("/id"))).json(&with_checkbox())
    }),
];

pub(super) const DECLINE: &[Way] = &[
    way!("native", |ana| ana.by_phone("POST", "/api/v1/devices/skip").json(&json!({ "activation_token": ana.on_phone.offer() }))),
    way!("internal", |ana| ana.backend("POST", "/internal/activations/skip").json(&json!({ "activation_token": ana.on_phone.offer() }))),
];

pub(super) const UNTRUST: &[Way] = &[
    way!("native", |ana| ana.person("POST", &format!("/api/v1/devices/{}/untrust", ana.device()))),
    way!("flashback", |ana| ana.person("POST", &format!("/devices/{}/untrust", ana.device()))),
    way!("internal", |ana| ana.internal("POST", &format!("/devices/{}/untrust", ana.device()))),
    way!("authms", |ana| {
        let shown = ana.shown().await;
        ana.authms("DELETE", &format!("/{shown}"))
    }),
];

pub(super) const FORGET: &[Way] = &[
    way!("native", |ana| ana.person("DELETE", &format!("/api/v1/devices/{}", ana.device()))),
    way!("native, all others", |ana| ana.person("DELETE", "/api/v1/devices").query("except_current=true")),
    way!("flashback", |ana| ana.person("DELETE", &format!("/devices/{}", ana.device()))),
    way!("laravel", |ana| ana.person("PATCH", &format!("/api/devices/{}/forget", ana.device()))),
    way!("internal", |ana| ana.internal("DELETE", &format!("/devices/{}", ana.device()))),
];

pub(super) const HIJACK: &[Way] = &[
    way!("native", |ana| ana.person("POST", &format!("/api/v1/devices/{}/hijack", ana.device()))),
    way!("laravel", |ana| ana.person("PATCH", &format!("/api/devices/{}/hijack", ana.device()))),
    way!("internal", |ana| ana.internal("POST", &format!("/devices/{}/hijack", ana.device()))),
];

pub(super) const END_SESSION: &[Way] = &[
    way!("native", |ana| ana.person("DELETE", &format!("/api/v1/sessions/{}", ana.on_phone.session()))),
    way!("flashback", |ana| ana.person("POST", &format!("/sessions/{}/revoke", ana.on_phone.session()))),
    way!("internal", |ana| ana.internal("DELETE", &format!("/sessions/{}", ana.on_phone.session()))),
];

pub(super) const END_ALL: &[Way] = &[
    way!("native", |ana| ana.person("DELETE", "/api/v1/sessions")),
    way!("flashback", |ana| ana.person("POST", "/sessions/revoke-all")),
    way!("internal", |ana| ana.internal("DELETE", "/sessions")),
];

pub(super) const SIGN_OUT_OF_DEVICE: &[Way] =
    &[way!("native", |ana| ana.by_phone("POST", "/api/v1/devices/signout")), way!("laravel", |ana| ana.by_phone("POST", "/api/devices/signout"))];

pub(super) const HEARTBEAT: &[Way] = &[
    way!("native", |ana| ana.by_phone("POST", "/api/v1/sessions/current/heartbeat")),
    way!("flashback, by session", |ana| ana.by_phone("POST", &format!("/sessions/{}/heartbeat", ana.on_phone.session()))),
    way!("flashback, by device", |ana| ana.by_phone("POST", &format!("/devices/{}/heartbeat", ana.device()))),
    way!("internal", |ana| ana.backend("POST", "/internal/sessions/heartbeat-batch").json(&json!({ "tokens": [ana.on_phone.token] }))),
];
