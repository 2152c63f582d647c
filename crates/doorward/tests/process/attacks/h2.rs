//! Attacks by HTTP/2, frame by frame: each connection is cut off, and costs no more than any other until then.

use std::io;

use super::*;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// One frame.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a frame").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A header that isn't in any table, by HPACK.
fn header(name: &str, value: &str) -> Vec<u8> {
    let text = |text: &str| [&[u8::try_from(text.len()).expect("a short text")], text.as_bytes()].concat();
    [vec![0], text(name), text(value)].concat()
}

/// The headers of a GET: method, scheme and authority from the static table, then the path.
fn get(path: &str, more: &[(&str, &str)]) -> Vec<u8> {
    let more = more.iter().flat_map(|(name, value)| header(name, value));
    [0x82, 0x86].into_iter().chain(header(":path", path)).chain(header(":authority", "a")).chain(more).collect()
}

/// A connection that speaks HTTP/2, and reads what comes unless told not to.
struct Attacker {
    stream: TcpStream,
    came: Vec<u8>,
    sent: usize,
}

impl Attacker {
    fn begin(besieged: &Besieged, settings: &[u8]) -> Self {
        let mut attacker = Self { stream: besieged.connect(), came: vec![], sent: 0 };
        attacker.send(&[b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &frame(SETTINGS, 0, 0, settings)[..]].concat()).expect("it is open");
        // Written off where nothing can be sent for so long.
        attacker.stream.set_write_timeout(Some(Duration::from_secs(20))).expect("a socket");
        attacker.stream.set_nonblocking(true).expect("a socket");
        attacker
    }

    /// Sends all of it, reading meanwhile, so that neither side waits for the other.
    fn send(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        let began = Instant::now();
        while !bytes.is_empty() {
            match self.stream.write(bytes) {
                Ok(count) => {
                    bytes = &bytes[count..];
                    self.sent += count;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock && began.elapsed() < Duration::from_secs(30) => {
                    self.look()?;
                    std::thread::sleep(Duration::from_millis(1));
                }
                Err(error) => return Err(error),
            }
        }
        self.look()
    }

    /// Takes in what has come; fails once the other side has closed.
    fn look(&mut self) -> io::Result<()> {
        match arrived(&mut self.stream) {
            Some(bytes) => self.came.extend(bytes),
            None => return Err(ErrorKind::ConnectionAborted.into()),
        }
        // What came before is over: the last frames tell.
        if self.came.len() > 1024 * 1024 {
            self.came.drain(..512 * 1024);
        }
        Ok(())
    }

    /// How long until the other side closes.
    fn closed(&mut self) -> Duration {
        let began = Instant::now();
        while self.look().is_ok() {
            assert!(began.elapsed() < Duration::from_secs(30), "still held");
            std::thread::sleep(Duration::from_millis(10));
        }
        began.elapsed()
    }

    /// Sends this again and again until the other side has had enough. How many bytes it took.
    fn flood(&mut self, piece: &[u8]) -> usize {
        let began = Instant::now();
        let pieces = piece.repeat(1 + 64 * 1024 / piece.len());
        while self.send(&pieces).is_ok() {
            assert!(began.elapsed() < Duration::from_secs(60), "taken for a minute: {} bytes", self.sent);
        }
        self.sent
    }

    /// Whether it was told to calm down, in a GOAWAY.
    fn was_told(&self) -> bool {
        let calm = 11_u32.to_be_bytes();
        self.came.windows(17).any(|bytes| bytes[3] == GOAWAY && bytes[13..17] == calm)
    }
}

/// A server that isn't impatient, so that it isn't idleness that ends an attack.
fn patient(dir: &Path) -> Besieged {
    Besieged::start(dir, &["--header-timeout-s", "60", "--keep-alive-s", "300"])
}

#[test]
fn the_bounds_of_a_connection_are_announced() {
    let dir = tempfile::tempdir().expect("a directory");
    let besieged = patient(dir.path());
    let mut attacker = Attacker::begin(&besieged, &[]);
    let began = Instant::now();
    while attacker.came.len() < 9 + 4 * 6 {
        attacker.look().expect("it is open");
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", attacker.came);
    }
    let length = usize::from(attacker.came[2]);
    let settings: Vec<(u8, u32)> =
        attacker.came[9..9 + length].chunks(6).map(|bytes| (bytes[1], u32::from_be_bytes([bytes[2], bytes[3], bytes[4], bytes[5]]))).collect();
    // Streams at once, the window of each, and the size of a header block; a frame has its least size, which isn't announced.
    for bound in [(3, 100), (4, 64 * 1024), (6, 16 * 1024)] {
        assert!(settings.contains(&bound), "{settings:?}");
    }
    assert!(settings.iter().all(|(name, value)| *name != 5 || *value == 16 * 1024), "{settings:?}");
    // More than a window may hold: FLOW_CONTROL_ERROR, for the stream or for the connection.
    attacker.send(&frame(HEADERS, END_HEADERS, 1, &get("/healthz", &[]))).expect("it is open");
    let error = 3_u32.to_be_bytes();
    let body = frame(DATA, 0, 1, &[b'x'; 16 * 1024]).repeat(17);
    let _ = attacker.send(&body);
    while !attacker.came.windows(4).any(|bytes| bytes == error) && attacker.look().is_ok() {
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", attacker.came);
    }
}

#[test]
fn rapid_resets_are_cut_off() {
    let dir = tempfile::tempdir().expect("a directory");
    let besieged = patient(dir.path());
    let host = besieged.host();
    let wrong = unknown(&besieged.token);
    let asked = get("/api/v1/sessions/current", &[("authorization", &format!("Bearer {wrong}"))]);
    let pair = |stream: u32| [frame(HEADERS, END_STREAM | END_HEADERS, stream, &asked), frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes())];
    // As fast as it goes: CVE-2023-44487.
    let mut attacker = Attacker::begin(&besieged, &[]);
    let sent = (0..200_000).find(|number| attacker.send(&pair(number * 2 + 1).concat()).is_err());
    assert!(sent.is_some_and(|sent| sent < 100_000), "{sent:?}");
    // Slowly enough that each is begun before it is taken back, unless the machine is busy: then the smaller budget is spent first.
    let mut attacker = Attacker::begin(&besieged, &[]);
    let sent = (0..2_000).find(|number| {
        let [ask, reset] = pair(number * 2 + 1);
        let asked = attacker.send(&ask);
        std::thread::sleep(Duration::from_millis(2));
        asked.and_then(|()| attacker.send(&reset)).is_err()
    });
    assert!(sent.is_some_and(|sent| (20..1_000).contains(&sent)), "{sent:?}");
    host.was_served();
    besieged.kept_its_size();
}

#[test]
fn headers_without_end_are_cut_off() {
    let dir = tempfile::tempdir().expect("a directory");
    let besieged = patient(dir.path());
    let host = besieged.host();
    for piece in [vec![], header("x-more", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), header("x-more", &"a".repeat(120)).repeat(120)] {
        let mut attacker = Attacker::begin(&besieged, &[]);
        attacker.send(&frame(HEADERS, END_STREAM, 1, &get("/", &[]))).expect("it is open");
        let sent = attacker.flood(&frame(CONTINUATION, 0, 1, &piece));
        assert!(sent < 8 * 1024 * 1024, "{sent} bytes were taken");
    }
    // Too many, and too large, in whole.
    for more in [vec![("x-more", "a"); 100], vec![("x-more", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"); 200]] {
        let mut attacker = Attacker::begin(&besieged, &[]);
        let block = get("/healthz", &more);
        attacker.send(&frame(HEADERS, END_STREAM | END_HEADERS, 1, &block)).expect("it is open");
        let began = Instant::now();
        // 431, of which HPACK's form holds the digits.
        while !attacker.came.windows(3).any(|bytes| bytes == b"431") && !attacker.came.windows(2).any(|bytes| bytes == HUFFMAN_431) {
            assert!(began.elapsed() < Duration::from_secs(10), "no refusal: {:?}", attacker.came);
            attacker.look().expect("it is open");
        }
    }
    host.was_served();
    besieged.kept_its_size();
}

/// `431` by the Huffman code of HPACK.
const HUFFMAN_431: [u8; 2] = [0x69, 0x90];

#[test]
fn frames_that_ask_nothing_are_cut_off() {
    let dir = tempfile::tempdir().expect("a directory");
    let besieged = patient(dir.path());
    let host = besieged.host();
    for piece in [
        frame(PING, 0, 0, &[7; 8]),
        frame(SETTINGS, 0, 0, &[[0, 3, 0, 0, 0, 100]; 30].concat()),
        frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1]),
        frame(0xfe, 0, 0, &[0; 1_000]),
        frame(DATA, 0, 1, &[]),
    ] {
        let mut attacker = Attacker::begin(&besieged, &[]);
        attacker.send(&frame(HEADERS, END_HEADERS, 1, &get("/healthz", &[]))).expect("it is open");
        let sent = attacker.flood(&piece);
        assert!(sent < 24 * 1024 * 1024, "{sent} bytes of {} were taken", piece[3]);
        eprintln!("frames of type {}: cut off after {sent} bytes, told so: {}", piece[3], attacker.was_told());
    }
    host.was_served();
    besieged.kept_its_size();
}

#[test]
fn answers_that_nobody_takes_are_let_go() {
    let dir = tempfile::tempdir().expect("a directory");
    let besieged = Besieged::start(dir.path(), &SHORT);
    let host = besieged.host();
    // No window for any answer: each of the streams holds one.
    let no_window = [0, 4, 0, 0, 0, 0];
    let mut held: Vec<Attacker> = (0..50).map(|_| Attacker::begin(&besieged, &no_window)).collect();
    for attacker in &mut held {
        for stream in 0..120 {
            attacker.send(&frame(HEADERS, END_STREAM | END_HEADERS, stream * 2 + 1, &get("/nowhere", &[]))).expect("it is open");
        }
    }
    besieged.kept_its_size();
    for attacker in &mut held {
        let took = attacker.closed();
        assert!(took < Duration::from_secs(15), "{took:?}");
    }
    // And who takes nothing of what is sent, pings among it.
    let mut deaf = Attacker::begin(&besieged, &[]);
    deaf.stream.set_nonblocking(false).expect("a socket");
    deaf.stream.set_write_timeout(Some(Duration::from_secs(10))).expect("a socket");
    let pings = frame(PING, 0, 0, &[7; 8]).repeat(4_096);
    let mut taken = 0;
    while deaf.stream.write_all(&pings).is_ok() {
        taken += pings.len();
        assert!(taken < 64 * 1024 * 1024, "{taken} bytes were taken");
    }
    host.was_served();
    besieged.kept_its_size();
}
