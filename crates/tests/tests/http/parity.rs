//! Parity: each operation is done through every surface that has it, and what came of it is read through all of them.

mod gate;
mod said;
mod trust;
mod ways;

use doorward_domain::Role;
use doorward_tests::host::browser::with_code;
use doorward_tests::host::{Answer, Ask, Browser, Host, SignedIn};
use serde_json::json;

use said::{Stands, every_surface_says, every_surface_says_live};
use ways::{END_ALL, END_SESSION, FORGET, HEARTBEAT, HIJACK, SIGN_OUT_OF_DEVICE, TRUST, Way};

doorward_tests::on_each_engine! {
    a_device_forgotten_by_one_surface_is_gone_from_all,
    a_device_reported_by_one_surface_is_hijacked_in_all,
    a_session_ended_by_one_surface_is_over_in_all,
    a_session_kept_alive_by_one_surface_lives_in_all,
}

/// A person, with the browser they call from and another one, both proven by a second factor.
struct Ana {
    host: Host,
    user: String,
    laptop: SignedIn,
    phone: Browser,
    on_phone: SignedIn,
    /// The device that is meant, where it isn't the phone.
    meant: Option<String>,
}

impl Ana {
    /// Somebody to whom nobody has done anything yet.
    async fn anew(host: &Host, user: &str) -> Self {
        Self::with(host, user, "available").await
    }

    /// The same with what is known of a second factor at the phone's sign-in; without one it passes none.
    async fn with(host: &Host, user: &str, second_factor: &str) -> Self {
        let laptop = host.browser(user).enter().await;
        host.pass_s(1);
        let mut phone = host.browser(user).looking(&json!({ "ip": "198.51.100.9", "fingerprint": "the phone's own" }));
        let sign_in = phone.evaluate_with(&json!({ "second_factor": second_factor })).await;
        let completion = if second_factor == "none" { json!({}) } else { with_code() };
        let on_phone = phone.complete(&sign_in, &completion).await;
        host.pass_s(1);
        Self { host: host.clone(), user: user.to_owned(), laptop, phone, on_phone, meant: None }
    }

    fn device(&self) -> String {
        self.meant.clone().unwrap_or_else(|| self.on_phone.device())
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

fn done(answer: &Answer, after: &str) {
    assert!((200..300).contains(&answer.status), "{after}: {} {}", answer.status, answer.text);
}

/// Does it by each way, to somebody else each time.
async fn by_each(host: &Host, deed: &str, ways: &'static [Way]) -> Vec<(Ana, String)> {
    let mut all = vec![];
    for (number, way) in ways.iter().enumerate() {
        let (mut ana, after) = (Ana::anew(host, &format!("{deed} {number}").replace(' ', "-")).await, format!("{deed} by {}", way.surface));
        every_surface_says(&ana, Stands::Unverified, &after).await;
        every_surface_says_live(&ana, true, &after).await;
        let answer = (way.act)(&ana).await;
        done(&answer, &after);
        ana.phone.keep(&answer);
        all.push((ana, after));
    }
    all
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
