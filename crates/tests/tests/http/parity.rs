//! Parity: each operation is done through every surface that has it, and what came of it is read through all of them.

use doorward_domain::{Policy, Preset, Role};
use doorward_tests::host::{Answer, Ask, Browser, Host, SignedIn};
use doorward_tests::just_after;
use serde_json::{Value, json};

doorward_tests::on_each_engine! {
    trust_given_by_one_surface_is_seen_by_all,
    trust_ended_by_one_surface_is_over_in_all,
    a_device_forgotten_by_one_surface_is_gone_from_all,
    a_device_reported_by_one_surface_is_hijacked_in_all,
    a_session_ended_by_one_surface_is_over_in_all,
    a_session_kept_alive_by_one_surface_lives_in_all,
    the_trust_gate_refuses_in_every_surface,
}

/// A person, with the browser they call from and another one, both proven by a second factor.
struct Ana {
    host: Host,
    user: String,
    laptop: SignedIn,
    phone: Browser,
    on_phone: SignedIn,
}

impl Ana {
    /// Somebody to whom nobody has done anything yet.
    async fn anew(host: &Host, user: &str) -> Self {
        let laptop = host.browser(user).enter().await;
        host.pass_s(1);
        let mut phone = host.browser(user).looking(&json!({ "ip": "198.51.100.9", "fingerprint": "the phone's own" }));
        let on_phone = phone.enter().await;
        host.pass_s(1);
        Self { host: host.clone(), user: user.to_owned(), laptop, phone, on_phone }
    }

    fn device(&self) -> String {
        self.on_phone.device()
    }

    fn person(&self, method: &str, path: &str) -> Ask {
        self.host.ask(method, path).bearer(&self.laptop.token)
    }

    fn by_phone(&self, method: &str, path: &str) -> Ask {
        self.host.ask(method, path).bearer(&self.on_phone.token)
    }

    fn backend(&self, method: &str, path: &str) -> Ask {
        self.host.ask(method, path).by(Role::Host)
    }

    /// The path goes without the user's own.
    fn internal(&self, method: &str, path: &str) -> Ask {
        self.backend(method, &format!("/internal/users/{}{path}", self.user))
    }

    fn authms(&self, method: &str, path: &str) -> Ask {
        self.backend(method, &format!("/internal/session/trusted-devices{path}")).query(&format!("user_id={}", self.user)).header("x-tenant-id", "acme")
    }

    /// The value that is shown as the phone's fingerprint.
    async fn shown(&self) -> String {
        self.person("GET", &format!("/api/v1/devices/{}", self.device())).await.expect(200).text_at("/device_fingerprint")
    }
}

/// One way of doing something.
struct Way {
    /// The surface.
    surface: &'static str,
    /// Does it to the phone, or to the session on it.
    act: for<'a> fn(&'a Ana) -> Acting<'a>,
}

type Acting<'a> = std::pin::Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;

macro_rules! way {
    ($surface:literal, |$ana:ident| $act:expr) => {
        Way { surface: $surface, act: |$ana| Box::pin(async move { $act.await }) }
    };
}

const TRUST: &[Way] = &[
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

const UNTRUST: &[Way] = &[
    way!("native", |ana| ana.person("POST", &format!("/api/v1/devices/{}/untrust", ana.device()))),
    way!("flashback", |ana| ana.person("POST", &format!("/devices/{}/untrust", ana.device()))),
    way!("internal", |ana| ana.internal("POST", &format!("/devices/{}/untrust", ana.device()))),
    way!("authms", |ana| {
        let shown = ana.shown().await;
        ana.authms("DELETE", &format!("/{shown}"))
    }),
];

const FORGET: &[Way] = &[
    way!("native", |ana| ana.person("DELETE", &format!("/api/v1/devices/{}", ana.device()))),
    way!("flashback", |ana| ana.person("DELETE", &format!("/devices/{}", ana.device()))),
    way!("laravel", |ana| ana.person("PATCH", &format!("/api/devices/{}/forget", ana.device()))),
    way!("internal", |ana| ana.internal("DELETE", &format!("/devices/{}", ana.device()))),
];

const HIJACK: &[Way] = &[
    way!("native", |ana| ana.person("POST", &format!("/api/v1/devices/{}/hijack", ana.device()))),
    way!("laravel", |ana| ana.person("PATCH", &format!("/api/devices/{}/hijack", ana.device()))),
    way!("internal", |ana| ana.internal("POST", &format!("/devices/{}/hijack", ana.device()))),
];

const END_SESSION: &[Way] = &[
    way!("native", |ana| ana.person("DELETE", &format!("/api/v1/sessions/{}", ana.on_phone.session()))),
    way!("flashback", |ana| ana.person("POST", &format!("/sessions/{}/revoke", ana.on_phone.session()))),
    way!("internal", |ana| ana.internal("DELETE", &format!("/sessions/{}", ana.on_phone.session()))),
];

const END_ALL: &[Way] = &[
    way!("native", |ana| ana.person("DELETE", "/api/v1/sessions")),
    way!("flashback", |ana| ana.person("POST", "/sessions/revoke-all")),
    way!("internal", |ana| ana.internal("DELETE", "/sessions")),
];

const SIGN_OUT_OF_DEVICE: &[Way] =
    &[way!("native", |ana| ana.by_phone("POST", "/api/v1/devices/signout")), way!("laravel", |ana| ana.by_phone("POST", "/api/devices/signout"))];

const HEARTBEAT: &[Way] = &[
    way!("native", |ana| ana.by_phone("POST", "/api/v1/sessions/current/heartbeat")),
    way!("flashback, by session", |ana| ana.by_phone("POST", &format!("/sessions/{}/heartbeat", ana.on_phone.session()))),
    way!("flashback, by device", |ana| ana.by_phone("POST", &format!("/devices/{}/heartbeat", ana.device()))),
    way!("internal", |ana| ana.backend("POST", "/internal/sessions/heartbeat-batch").json(&json!({ "tokens": [ana.on_phone.token] }))),
];

/// What a surface says of the phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stands {
    Unverified,
    Trusted,
    Hijacked,
    Gone,
}

/// What every surface says of the phone: each has its own words, all must mean the same.
async fn every_surface_says(ana: &Ana, stands: Stands, after: &str) {
    let gone = stands == Stands::Gone;
    let of = |answer: &Answer, at: &str| if gone { Value::from(answer.status) } else { answer.body.pointer(at).cloned().unwrap_or_default() };
    let words = |unverified: &str, trusted: &str, hijacked: &str| match stands {
        Stands::Unverified => Value::from(unverified),
        Stands::Trusted => Value::from(trusted),
        Stands::Hijacked => Value::from(hijacked),
        Stands::Gone => Value::from(404),
    };
    let own = words("unverified", "trusted", "hijacked");
    let native = ana.person("GET", &format!("/api/v1/devices/{}", ana.device())).await;
    assert_eq!(of(&native, "/status"), own, "native, {after}");
    let internal = ana.internal("GET", &format!("/devices/{}", ana.device())).await;
    assert_eq!(of(&internal, "/status"), own, "internal, {after}");
    let laravel = ana.person("GET", &format!("/api/devices/{}", ana.device())).await;
    assert_eq!(of(&laravel, "/data/status"), words("unverified", "verified", "hijacked"), "laravel, {after}");
    let flashback = ana.person("GET", &format!("/devices/{}", ana.device())).await;
    let is_trusted = if gone { Value::from(404) } else { Value::from(stands == Stands::Trusted) };
    assert_eq!(of(&flashback, "/device/isTrusted"), is_trusted, "flashback, {after}");
    let authms = ana.authms("GET", "").await.expect(200);
    let listed = authms.body["items"].as_array().expect("items").iter().any(|item| item["id"] == ana.device().as_str());
    assert_eq!(listed, stands == Stands::Trusted, "authms, {after}");
}

/// Whether the session on the phone is live, by every surface that can tell; a dead one's token opens no door.
async fn every_surface_says_live(ana: &Ana, live: bool, after: &str) {
    assert_eq!(ana.on_phone.is_in().await, live, "verify, {after}");
    let beat = ana.backend("POST", "/internal/sessions/heartbeat-batch").json(&json!({ "tokens": [ana.on_phone.token] })).await.expect(200);
    assert_eq!(beat.body["results"][0]["ok"], live, "heartbeat-batch, {after}");
    for path in ["/api/v1/devices", "/devices", "/sessions", "/api/devices"] {
        let answer = ana.by_phone("GET", path).await;
        assert_eq!(answer.status, if live { 200 } else { 401 }, "{path}, {after}");
    }
    if !ana.laptop.is_in().await {
        return;
    }
    let session = ana.on_phone.session();
    for (path, list, id) in [("/api/v1/sessions", "items", "id"), ("/sessions", "sessions", "id")] {
        let answer = ana.person("GET", path).await.expect(200);
        let listed = answer.body[list].as_array().expect("a list").iter().any(|item| item[id] == session.as_str());
        assert_eq!(listed, live, "{path}, {after}");
    }
    let laravel = ana.person("GET", &format!("/api/devices/{}", ana.device())).await;
    if laravel.status == 200 {
        let sessions = laravel.body["data"]["sessions"].as_array().expect("sessions").iter();
        let active = sessions.filter(|shown| shown["uuid"] == session.as_str() && shown["status"] == "active").count();
        assert_eq!(active, usize::from(live), "laravel, {after}");
    }
}

fn done(answer: &Answer, after: &str) {
    assert!((200..300).contains(&answer.status), "{after}: {} {}", answer.status, answer.text);
}

/// Does it by each way, to somebody else each time.
async fn by_each(host: &Host, deed: &str, ways: &'static [Way]) -> Vec<(Ana, String)> {
    let mut all = vec![];
    for (number, way) in ways.iter().enumerate() {
        let (ana, after) = (Ana::anew(host, &format!("{deed} {number}").replace(' ', "-")).await, format!("{deed} by {}", way.surface));
        every_surface_says(&ana, Stands::Unverified, &after).await;
        every_surface_says_live(&ana, true, &after).await;
        done(&(way.act)(&ana).await, &after);
        all.push((ana, after));
    }
    all
}

async fn trust_given_by_one_surface_is_seen_by_all(host: Host) {
    for (ana, after) in by_each(&host, "trust", TRUST).await {
        every_surface_says(&ana, Stands::Trusted, &after).await;
        assert_eq!(ana.phone.judged().await.0, "allow", "{after}");
    }
}

async fn trust_ended_by_one_surface_is_over_in_all(host: Host) {
    for (number, way) in UNTRUST.iter().enumerate() {
        let ana = Ana::anew(&host, &format!("ana-{number}")).await;
        done(&(TRUST[0].act)(&ana).await, "trust");
        every_surface_says(&ana, Stands::Trusted, "trust").await;
        done(&(way.act)(&ana).await, way.surface);
        every_surface_says(&ana, Stands::Unverified, way.surface).await;
        assert_eq!(ana.phone.judged().await.0, "challenge", "{}", way.surface);
    }
}

async fn a_device_forgotten_by_one_surface_is_gone_from_all(host: Host) {
    for (ana, after) in by_each(&host, "forget", FORGET).await {
        every_surface_says(&ana, Stands::Gone, &after).await;
        every_surface_says_live(&ana, false, &after).await;
    }
}

async fn a_device_reported_by_one_surface_is_hijacked_in_all(host: Host) {
    for (ana, after) in by_each(&host, "hijack", HIJACK).await {
        every_surface_says(&ana, Stands::Hijacked, &after).await;
        every_surface_says_live(&ana, false, &after).await;
        for way in TRUST {
            let refused = (way.act)(&ana).await;
            assert!(matches!(refused.status, 403 | 409), "{after}, then trust by {}: {} {}", way.surface, refused.status, refused.text);
        }
        every_surface_says(&ana, Stands::Hijacked, &after).await;
    }
}

async fn a_session_ended_by_one_surface_is_over_in_all(host: Host) {
    for (deed, ways) in [("end", END_SESSION), ("end all", END_ALL), ("sign out", SIGN_OUT_OF_DEVICE)] {
        for (ana, after) in by_each(&host, deed, ways).await {
            every_surface_says_live(&ana, false, &after).await;
            // Nothing that any surface does brings it back.
            for beat in HEARTBEAT {
                let answer = (beat.act)(&ana).await;
                assert!(answer.status == 401 || answer.body["results"][0]["ok"] == false, "{after}, then heartbeat by {}: {}", beat.surface, answer.text);
            }
            every_surface_says_live(&ana, false, &after).await;
        }
    }
}

async fn a_session_kept_alive_by_one_surface_lives_in_all(host: Host) {
    const DAY_S: u32 = 86_400;
    let left_alone = Ana::anew(&host, "left-alone").await;
    let mut kept = vec![];
    for (number, way) in HEARTBEAT.iter().enumerate() {
        kept.push((Ana::anew(&host, &format!("ana-{number}")).await, way));
    }
    host.pass_s(6 * DAY_S);
    for (ana, way) in &kept {
        done(&(way.act)(ana).await, way.surface);
        done(&ana.person("POST", "/api/v1/sessions/current/heartbeat").await, "the laptop");
    }
    done(&left_alone.person("POST", "/api/v1/sessions/current/heartbeat").await, "the laptop");
    host.pass_s(2 * DAY_S);
    for (ana, way) in &kept {
        every_surface_says_live(ana, true, way.surface).await;
    }
    every_surface_says_live(&left_alone, false, "no heartbeat").await;
}

/// A second factor that is too old gives trust by no surface, and each says so in its form.
async fn the_trust_gate_refuses_in_every_surface(host: Host) {
    for (number, way) in TRUST.iter().filter(|way| way.surface != "internal").enumerate() {
        let ana = Ana::anew(&host, &format!("ana-{number}")).await;
        host.at(just_after(host.now().plus_s(600)));
        let rows = host.rows().await;
        let refused = (way.act)(&ana).await.expect(403);
        match way.surface {
            "native" => assert_eq!(refused.body["type"], "/problems/mfa_required"),
            "laravel" => assert!(refused.body["message"] == "This action is unauthorized." && refused.body["reason"].is_string()),
            _ => assert!(refused.body["success"] == false && refused.body["error"].is_string()),
        }
        // What was tried is counted, and nothing else changed.
        let changed: Vec<String> = host.rows().await.into_iter().filter(|row| !rows.contains(row)).collect();
        assert!(changed.iter().all(|row| row.contains("budget")), "{}: {changed:#?}", way.surface);
        every_surface_says(&ana, Stands::Unverified, way.surface).await;
    }
    let ana = Ana::anew(&host, "by-the-backend").await;
    let old = json!({ "mfa": { "method": "totp", "verified_at": doorward_tests::start().to_string() } });
    host.pass_s(601);
    ana.internal("POST", &format!("/devices/{}/trust", ana.device())).json(&old).await.refused(403, "mfa_required");
    host.set_policy(Policy::preset(Preset::NistAal2)).await;
    for way in TRUST {
        (way.act)(&ana).await.expect(403);
    }
    let create = json!({ "user_id": ana.user, "device_fingerprint": "made by the backend" });
    let path = "/internal/session/trusted-devices";
    ana.backend("POST", path).header("x-tenant-id", "acme").json(&create).await.refused(403, "trust_not_allowed");
}
