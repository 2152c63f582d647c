//! Attacks on a running server, by raw bytes: what they may take, how they end, and that honest callers are served meanwhile.

mod floods;
mod h2;
mod slow;

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::running::{Doorward, KEY, SECRET, call, command};

/// Short times, so that the tests are short.
const SHORT: [&str; 6] = ["--header-timeout-s", "1", "--keep-alive-s", "1", "--request-timeout-s", "2"];

/// A server under attack, and what an honest host asks of it.
struct Besieged {
    doorward: Doorward,
    address: String,
    token: String,
    /// How much memory it held before, in MiB.
    calm: u64,
}

impl Besieged {
    fn start(dir: &Path, settings: &[&str]) -> Self {
        let arguments = [&["serve", "--listen", "127.0.0.1:0", "--log-format", "json"], settings].concat();
        let mut serve = command(dir, &arguments);
        serve.env("DOORWARD_SECRET_KEY", SECRET).env("DOORWARD_BOOTSTRAP_TENANT", "acme").env("DOORWARD_BOOTSTRAP_API_KEY", KEY);
        let mut doorward = Doorward::start(serve);
        let address = doorward.address("public");
        let entry = json!({ "user_id": "ana", "ip": "203.0.113.7", "user_agent": "curl/8.5.0", "mfa": { "method": "totp" } });
        let began = Instant::now();
        // On a busy machine the first answers may take longer than a request is given here.
        let opened = loop {
            let (status, opened) = call(&address, "POST", "/internal/sessions", &entry);
            if status == 201 {
                break opened;
            }
            assert!(status == 503 && began.elapsed() < Duration::from_secs(30), "{opened}");
        };
        let token = opened["access_token"].as_str().expect("a token").to_owned();
        let mut besieged = Self { doorward, address, token, calm: 0 };
        besieged.calm = besieged.memory();
        besieged
    }

    fn connect(&self) -> TcpStream {
        TcpStream::connect(&self.address).expect("it listens")
    }

    /// An honest host, which asks one question after the other from now on.
    fn host(&self) -> Honest {
        let over = Arc::new(AtomicBool::new(false));
        let (address, question, end) = (self.address.clone(), json!({ "token": self.token }), Arc::clone(&over));
        let asking = std::thread::spawn(move || {
            let mut took = Vec::new();
            while !end.load(Ordering::Relaxed) || took.len() < 20 {
                let began = Instant::now();
                let (status, answer) = call(&address, "POST", "/internal/sessions/verify", &question);
                assert!(status == 200 && answer["active"] == true, "{status} {answer}");
                took.push(began.elapsed());
                std::thread::sleep(Duration::from_millis(5));
            }
            took
        });
        Honest { over, asking }
    }

    /// A figure of the metrics; `None` where the connection was closed before the answer.
    fn figure(&self, name: &str) -> Option<u64> {
        let mut stream = self.connect();
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").ok()?;
        let mut page = String::new();
        stream.read_to_string(&mut page).ok()?;
        page.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
    }

    /// How much memory the process holds, in MiB.
    fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.doorward.child.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") / 1024
    }
}

impl Besieged {
    /// Sees that the attack has left no more behind than a server at work holds anyhow.
    fn kept_its_size(&self) {
        let (before, after) = (self.calm, self.memory());
        eprintln!("memory: {before} MiB before, {after} MiB after");
        assert!(after < before + 64, "{before} MiB before, {after} MiB after");
    }
}

/// A host that asks in a thread of its own.
struct Honest {
    over: Arc<AtomicBool>,
    asking: JoinHandle<Vec<Duration>>,
}

impl Honest {
    /// Sees that it was answered all the time, and in time.
    fn was_served(self) {
        self.over.store(true, Ordering::Relaxed);
        let mut took = self.asking.join().expect("each of its questions was answered");
        took.sort_unstable();
        let (median, worst) = (took[took.len() / 2], took[took.len() - 1]);
        eprintln!("honest: {} answers, the median after {median:?}, the last after {worst:?}", took.len());
        assert!(median < Duration::from_millis(250) && worst < Duration::from_secs(3), "{median:?}, {worst:?}");
    }
}

/// A token of the same form that fits nothing: its secret is another.
fn unknown(token: &str) -> String {
    use doorward_domain::AccessToken;
    use doorward_domain::token::{Secret, Token};
    let at = AccessToken::parse(token).expect("an access token").at;
    Token { at, secret: Secret::new([0xee; 32]) }.reveal()
}

/// What came in and is there now; `None` once the other side has closed.
fn arrived(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut space = [0; 16 * 1024];
    match stream.read(&mut space) {
        Ok(0) => None,
        Ok(count) => Some(space[..count].to_vec()),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Some(vec![]),
        Err(_) => None,
    }
}
