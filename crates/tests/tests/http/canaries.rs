//! Canaries: secrets planted everywhere, and looked for in logs, metrics, events, lists, rows and the bytes on disk.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use doorward_domain::token::{ApiKeyToken, Locator, Secret, Token};
use doorward_domain::{AccessToken, ActivationToken, DeviceToken, KeyRing, Role, SessionRef};
use doorward_tests::host::{ACME, GLOBEX, Host, SERVER_KEY, SignedIn, api_key};
use serde_json::json;

doorward_tests::on_each_engine! {
    no_secret_shows_anywhere,
    what_is_kept_of_tokens_opens_nothing,
}

const PASSWORD: &str = "canary-password-of-ana";

/// The log of the process at its most talkative, kept while somebody listens.
struct Log;

static LISTENERS: AtomicUsize = AtomicUsize::new(0);
static HEARD: Mutex<Vec<u8>> = Mutex::new(Vec::new());

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if LISTENERS.load(Ordering::SeqCst) > 0 {
            HEARD.lock().unwrap_or_else(PoisonError::into_inner).extend(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Listens to all that is logged from now on.
fn listen() {
    static STARTED: OnceLock<()> = OnceLock::new();
    LISTENERS.fetch_add(1, Ordering::SeqCst);
    STARTED.get_or_init(|| {
        let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_ansi(false).with_writer(|| Log);
        subscriber.try_init().expect("no other subscriber");
    });
}

fn heard() -> String {
    LISTENERS.fetch_sub(1, Ordering::SeqCst);
    String::from_utf8_lossy(&HEARD.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
}

/// A secret in every form in which it might lie somewhere.
struct Canary {
    what: String,
    forms: Vec<Vec<u8>>,
}

impl Canary {
    fn text(what: &str, text: &str) -> Self {
        Self { what: what.to_owned(), forms: vec![text.as_bytes().to_vec()] }
    }

    fn raw(what: &str, bytes: &[u8]) -> Self {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let listed = format!("{bytes:?}");
        let forms = vec![bytes.to_vec(), hex.to_uppercase().into_bytes(), hex.into_bytes(), listed.into_bytes()];
        Self { what: what.to_owned(), forms }
    }

    fn token(token: &str) -> Vec<Self> {
        let secret = AccessToken::parse(token).map(|token| *token.secret.expose());
        let secret = secret.or_else(|_| DeviceToken::parse(token).map(|token| *token.secret.expose()));
        let secret = secret.or_else(|_| ActivationToken::parse(token).map(|token| *token.secret.expose())).expect("a token of ours");
        // What comes after the locator is the secret; a few characters of it would be enough to know it by.
        let tail = &token[4 + SessionRef::LENGTH * 4 / 3 + 2..];
        vec![Self::text(&token[..4], tail), Self::raw(&token[..4], &secret)]
    }

    fn is_in(&self, bytes: &[u8]) -> bool {
        self.forms.iter().any(|form| bytes.windows(form.len()).any(|window| window == form))
    }
}

/// Everything that Doorward does, with secrets in right and in wrong places.
async fn plant(host: &Host) -> SignedIn {
    let mut laptop = host.browser("ana");
    let opened = laptop.enter().await;
    opened.activate(&opened.offer()).await.expect(200);
    opened.activate(&opened.offer()).await.refused(404, "activation_not_found");
    laptop.judged().await;
    host.pass_s(61);
    let page = host.browser("ana").enter().await;
    let cookie = format!("__Host-doorward_device={}", page.answer.text_at("/device_token"));
    page.ask("POST", "/devices/current/trust").header("cookie", &cookie).await.expect(200);
    host.call("POST", "/internal/sessions/verify").json(&json!({ "token": opened.token })).await.expect(200);
    opened.post("/sessions/current/heartbeat").await.expect(200);
    let path = format!("/internal/users/ana/sessions/{}/mfa", opened.session());
    let stepped = SignedIn::of(host, host.call("POST", &path).json(&json!({ "mfa": { "method": "totp" } })).await.expect(200));
    stepped.decline(&page.offer()).await.refused(404, "activation_not_found");
    let bodies = [
        json!({ "user_id": "ana", "ip": "203.0.113.7", "user_agent": "x", "password": PASSWORD }),
        json!({ "user_id": "ana", "ip": PASSWORD, "user_agent": "x" }),
        json!({ "user_id": "ana", "ip": "203.0.113.7", "user_agent": "x", "second_factor": PASSWORD }),
        json!({ "user_id": "ana", "ip": "203.0.113.7", "user_agent": "x", "authenticated_at": PASSWORD }),
        json!({ "user_id": "ana", "ip": "203.0.113.7", "user_agent": "x", "device_token": [PASSWORD] }),
        json!({ "user_id": "ana", "ip": "203.0.113.7", "user_agent": "x", "amr": [PASSWORD, "mfa"] }),
        json!({ "user_id": "ana", "ip": "203.0.113.7", "user_agent": "x", "mfa": { "method": PASSWORD } }),
        json!([PASSWORD]),
        json!(PASSWORD),
    ];
    for body in &bodies {
        host.call("POST", "/internal/sign-ins").json(body).await.refused(400, "invalid_request");
    }
    host.call("POST", "/internal/sign-ins").bytes(format!("password={PASSWORD}")).await.refused(415, "unsupported_media_type");
    host.call("POST", "/internal/sign-ins").header("content-type", "application/json").bytes(format!("{{\"password\": {PASSWORD}")).await.expect(400);
    let attempt = json!({ "device_token": format!("{}.{PASSWORD}", opened.answer.text_at("/device_token")) });
    laptop.evaluate_with(&attempt).await;
    for wrong in [&stepped.token, PASSWORD, &api_key(GLOBEX, Role::Host)[..40]] {
        host.ask("POST", "/internal/sign-ins").key(wrong).await.refused(401, "unauthenticated");
        host.ask("GET", "/api/v1/devices").bearer(wrong).header("x-api-key", PASSWORD).await;
    }
    for parameter in ["status", "limit", "cursor"] {
        stepped.ask("GET", "/devices").query(&format!("{parameter}={PASSWORD}")).await.expect(400);
        stepped.ask("GET", "/devices").query(&format!("{parameter}={}", stepped.token)).await.expect(400);
    }
    stepped
}

/// Sends what can only be sent in a path, which a problem names as its instance.
async fn paste_into_paths(host: &Host, stepped: &SignedIn) {
    for secret in [stepped.token.as_str(), "a-pasted-password"] {
        stepped.get(&format!("/devices/{secret}")).await.refused(404, "not_found");
        host.ask("GET", &format!("/nowhere/{secret}")).await.refused(404, "not_found");
    }
}

async fn no_secret_shows_anywhere(host: Host) {
    listen();
    let stepped = plant(&host).await;
    paste_into_paths(&host, &stepped).await;
    let mut canaries = vec![Canary::text("a password", PASSWORD), Canary::text("a pasted password", "a-pasted-password")];
    canaries.push(Canary::raw("the server key", &SERVER_KEY));
    canaries.push(Canary::text("the server key in base64", "Y2FuYXJ5OiB0aGUgc2VydmVyIGtleSBvZiB0ZXN0cy4"));
    for role in Role::ALL {
        canaries.extend([ACME, GLOBEX].map(|tenant| Canary::text("an API key", &api_key(tenant, *role)[..48])));
    }
    let revealed = host.revealed();
    assert!(revealed.len() >= 8, "{} tokens were given out", revealed.len());
    canaries.extend(revealed.iter().flat_map(|token| Canary::token(token)));

    let mut seen: Vec<(String, Vec<u8>)> = vec![];
    for list in ["devices", "sessions?status=all", "sign-ins", "events?limit=100"] {
        let answer = host.call("GET", &format!("/internal/users/ana/{list}")).await.expect(200);
        seen.push((list.to_owned(), answer.text.into_bytes()));
    }
    seen.push(("/api/v1/events".to_owned(), stepped.get("/events").await.expect(200).text.into_bytes()));
    seen.push(("the metrics".to_owned(), host.metrics().into_bytes()));
    seen.push(("the rows".to_owned(), host.rows().await.join("\n").into_bytes()));
    host.lose_store().await;
    stepped.get("/devices").await.refused(503, "unavailable");
    if let Some(folder) = host.home().folder() {
        for file in std::fs::read_dir(folder).expect("the folder").map(|file| file.expect("a file").path()) {
            seen.push((file.display().to_string(), std::fs::read(&file).expect("the file")));
        }
        assert!(seen.iter().any(|(place, _)| place.ends_with("doorward.db")));
    }
    let log = heard();
    assert!(log.contains("doorward::access") && log.contains("route=\"/internal/sign-ins\"") || log.contains("/internal/sign-ins"), "the log was heard");
    seen.push(("the log".to_owned(), log.into_bytes()));
    for (place, bytes) in &seen {
        assert!(!bytes.is_empty() || place.ends_with(".lock") || place.ends_with("-wal"), "{place} is empty");
        for canary in &canaries {
            assert!(!canary.is_in(bytes), "{} shows in {place}", canary.what);
        }
    }
}

/// A credential as it was given out: its secret, what is kept of it, and the same with what is kept in the secret's place.
struct Kept {
    what: &'static str,
    secret: [u8; 32],
    hash: [u8; 32],
    as_token: String,
}

impl Kept {
    fn of<L: Locator + Copy>(what: &'static str, token: &Token<L>) -> Self {
        Self::kept_as(what, token, KeyRing::new(&[SERVER_KEY]).hash(token).hash)
    }

    fn kept_as<L: Locator + Copy>(what: &'static str, token: &Token<L>, hash: [u8; 32]) -> Self {
        Self { what, secret: *token.secret.expose(), hash, as_token: Token { at: token.at, secret: Secret::new(hash) }.reveal() }
    }
}

async fn what_is_kept_of_tokens_opens_nothing(host: Host) {
    let mut laptop = host.browser("ana");
    let opened = laptop.enter_and_trust().await;
    let offered = host.browser("ana").enter().await;
    let made = host.ask("POST", "/internal/api-keys").by(Role::Admin).json(&json!({ "name": "a service", "role": "host" })).await.expect(201);
    let key = made.text_at("/key");
    let access = Kept::of("an access token", &AccessToken::parse(&opened.token).expect("a token"));
    let device = Kept::of("a device token", &DeviceToken::parse(laptop.device_token.as_deref().expect("a token")).expect("a token"));
    let offer = Kept::of("an activation token", &ActivationToken::parse(&offered.offer()).expect("a token"));
    let hash = KeyRing::new(&[SERVER_KEY]).api_key_hashes(&key).next().expect("a hash").hash;
    let api_key = Kept::kept_as("an API key", &ApiKeyToken::parse(&key).expect("a key of ours"), hash);
    let rows = host.rows().await.join("\n").to_lowercase();
    for kept in [&access, &device, &offer, &api_key] {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert!(rows.contains(&hex(&kept.hash)), "{} is kept, and found where it is looked for", kept.what);
        assert!(!rows.contains(&hex(&kept.secret)), "{} lies there", kept.what);
    }
    // Whoever read the rows presents what they found.
    assert_eq!(host.inactive(&access.as_token).await.as_deref(), Some("unknown"));
    assert_eq!(laptop.clone().holding(&device.as_token).judged().await.1, ["unknown_device", "device_token_invalid"]);
    laptop.clone().activate(&offer.as_token).await.refused(404, "activation_not_found");
    offered.activate(&offer.as_token).await.refused(404, "activation_not_found");
    for text in [api_key.as_token, format!("dwk_{}", api_key.hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>())] {
        host.ask("GET", "/internal/users/ana/devices").key(&text).await.refused(401, "unauthenticated");
    }
    // The real ones are good all along.
    assert!(opened.is_in().await && laptop.judged().await.0 == "allow");
    offered.activate(&offered.offer()).await.expect(200);
    host.ask("GET", "/internal/users/ana/devices").key(&key).await.expect(200);
}
