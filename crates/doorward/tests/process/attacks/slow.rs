//! Callers who send drop by drop: hundreds of them hold their connections no longer than the settings say.

use super::*;

/// How a connection of HTTP/2 begins (RFC 9113, 3.4).
const PREFACE: &str = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A connection that trickles.
struct Slow {
    stream: TcpStream,
    /// What it sends next, byte by byte.
    next: Box<dyn Iterator<Item = u8>>,
    began: Instant,
    answer: Vec<u8>,
    closed: Option<Duration>,
}

impl Slow {
    fn begin(besieged: &Besieged, first: &str) -> Self {
        let mut stream = besieged.connect();
        stream.write_all(first.as_bytes()).expect("sent");
        stream.set_nonblocking(true).expect("a socket");
        // Whatever else came after the preface of HTTP/2 would be a wrong frame, which is refused at once.
        let next: Box<dyn Iterator<Item = u8>> = match PREFACE.strip_prefix(first) {
            Some(rest) if !first.is_empty() => Box::new(rest.bytes()),
            _ => Box::new(std::iter::repeat(b'x')),
        };
        Self { stream, next, began: Instant::now(), answer: vec![], closed: None }
    }

    /// Sends one more byte, and sees whether the other side has had enough.
    fn drip(&mut self) {
        if self.closed.is_some() {
            return;
        }
        match arrived(&mut self.stream) {
            Some(bytes) => self.answer.extend(bytes),
            None => self.closed = Some(self.began.elapsed()),
        }
        // It fails on what is closed, which the next look sees.
        if let Some(byte) = self.next.next() {
            let _ = self.stream.write(&[byte]);
        }
    }
}

#[test]
fn six_hundred_slow_callers_are_cut_off_in_time_and_honest_ones_are_served() {
    let dir = tempfile::tempdir().expect("a directory");
    let besieged = Besieged::start(dir.path(), &SHORT);
    let host = besieged.host();
    let heads = ["", "GET / HT", "POST /internal/sessions/verify HTTP/1.1\r\nHost: a\r\nX-Drop: ", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"];
    let body = format!("POST /internal/sessions/verify HTTP/1.1\r\nHost: a\r\nX-API-Key: {KEY}\r\nContent-Type: application/json\r\n");
    let bodies = [format!("{body}Content-Length: 60000\r\n\r\n "), format!("{body}Transfer-Encoding: chunked\r\n\r\nffff\r\n ")];
    let mut in_heads: Vec<Slow> = (0..300).map(|number| Slow::begin(&besieged, heads[number % heads.len()])).collect();
    let mut in_bodies: Vec<Slow> = (0..300).map(|number| Slow::begin(&besieged, &bodies[number % bodies.len()])).collect();
    let began = Instant::now();
    while in_heads.iter().chain(&in_bodies).any(|slow| slow.closed.is_none()) {
        in_heads.iter_mut().chain(&mut in_bodies).for_each(Slow::drip);
        assert!(began.elapsed() < Duration::from_secs(20), "some are still held");
        std::thread::sleep(Duration::from_millis(50));
    }
    // The header timeout is 1 s, that of a request in all 2 s; with 1 s more in which a refused caller is heard out.
    for (slow, least, most) in in_heads.iter().map(|slow| (slow, 800, 5_000)).chain(in_bodies.iter().map(|slow| (slow, 1_800, 8_000))) {
        let closed = slow.closed.expect("all are closed");
        assert!(closed > Duration::from_millis(least) && closed < Duration::from_millis(most), "{closed:?}");
    }
    for slow in &in_bodies {
        assert!(slow.answer.starts_with(b"HTTP/1.1 408 "), "{}", String::from_utf8_lossy(&slow.answer));
    }
    host.was_served();
    besieged.kept_its_size();
}

#[test]
fn no_address_takes_all_connections() {
    let dir = tempfile::tempdir().expect("a directory");
    let besieged = Besieged::start(dir.path(), &["--max-connections-per-address", "50", "--header-timeout-s", "300"]);
    let mut held: Vec<TcpStream> = (0..50).map(|_| besieged.connect()).collect();
    let mut closed = 0;
    while closed < 200 {
        let mut further = besieged.connect();
        further.set_read_timeout(Some(Duration::from_secs(1))).expect("a socket");
        match arrived(&mut further) {
            None => closed += 1,
            // The connection that asked before has ended only now.
            Some(_) => held.push(further),
        }
        assert!(held.len() <= 52, "more are held than may be");
    }
    drop(held);
    let began = Instant::now();
    let refused = loop {
        if let Some(refused) = besieged.figure(r#"doorward_http_connections_refused_total{listener="public"}"#) {
            break refused;
        }
        assert!(began.elapsed() < Duration::from_secs(5), "no place becomes free");
    };
    assert!(refused >= 200, "{refused}");
    let (_, well, log) = besieged.doorward.stop();
    assert!(well);
    assert_eq!(log.matches("an address holds too many connections").count(), 1, "the flood is told once: {log}");
}

/// Else a caller that sends its body late would see how long the look-up took.
#[test]
fn a_wrong_secret_in_a_late_body_is_answered_no_sooner_than_in_five_milliseconds_after_it() {
    use doorward_domain::token::{OfferRef, Secret, Token};
    use doorward_domain::{AccessToken, OfferId};
    let dir = tempfile::tempdir().expect("a directory");
    let besieged = Besieged::start(dir.path(), &[]);
    let at = AccessToken::parse(&besieged.token).expect("an access token").at;
    let offer = Token { at: OfferRef { shard: at.shard, account: at.account, id: OfferId(at.id.0) }, secret: Secret::new([0xee; 32]) }.reveal();
    let asked = [
        ("/api/v1/devices/activate", format!("Authorization: Bearer {}", besieged.token), json!({ "activation_token": offer }), "404"),
        ("/internal/sessions/verify", format!("X-API-Key: {KEY}"), json!({ "token": unknown(&besieged.token) }), "200"),
    ];
    for (path, credential, body, status) in asked {
        let body = body.to_string();
        let length = body.len();
        let head = format!("POST {path} HTTP/1.1\r\nHost: a\r\n{credential}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n");
        let mut stream = besieged.connect();
        stream.write_all(head.as_bytes()).expect("sent");
        std::thread::sleep(Duration::from_millis(50));
        let began = Instant::now();
        stream.write_all(body.as_bytes()).expect("sent");
        let answer = arrived(&mut stream).expect("an answer");
        let took = began.elapsed();
        assert!(answer.starts_with(format!("HTTP/1.1 {status} ").as_bytes()), "{}", String::from_utf8_lossy(&answer));
        assert!(took >= Duration::from_millis(5), "{path}: {took:?}");
    }
}
