//! The accept loop over real sockets: its end, its limits, its answers to callers who misbehave.

mod requests;

use std::sync::atomic::AtomicUsize;

use axum::response::IntoResponse;
use axum::routing::{get, patch, post};
use doorward_api::Dialects;
use doorward_api::context::RequestIds;
use doorward_api::layers::{Frame, Guard, WholeBody};
use doorward_api::metrics::Metrics;
use doorward_api::problem::{Challenge, Problem};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::*;

struct Running {
    address: SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<()>,
    metrics: Metrics,
}

fn limits() -> Limits {
    Limits { max_connections: 100, header_timeout: Duration::from_millis(300), keep_alive: Duration::from_secs(60), ..Limits::default() }
}

async fn start(limits: Limits, drain: Duration) -> Running {
    let metrics = Metrics::new("0.0.0");
    let frame = Frame::new(RequestIds::new(|| 0, |seed| seed.fill(1)), metrics.clone(), false, Dialects::default());
    let router = Router::new()
        .route("/", get(|| async { "here" }))
        .route("/large", get(|| async { vec![b'x'; 60_000] }))
        .route("/slow", get(|| tokio::time::sleep(Duration::from_millis(600))))
        .route("/stuck", get(std::future::pending::<()>))
        .route("/read", post(read))
        .route("/devices/trust", post(read))
        .route("/api/devices/{uuid}/verify", patch(read))
        .route("/internal/session/trusted-devices", post(read))
        .route("/refuse", post(|| async { Problem::unauthenticated(Challenge::ApiKey).into_response() }))
        .route("/peer", get(|peer: Peer| async move { peer.address.ip().to_string() }))
        .layer((frame.clone(), Guard::new(metrics.clone()).time(limits.request_timeout)));
    let socket = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = socket.local_addr().expect("a bound socket");
    let stop = CancellationToken::new();
    let (connections, refused) = (metrics.connections("public"), metrics.connections_refused("public"));
    let listener = Listener { name: "public", socket, router, frame: frame.clone(), tls: None, limits, proxies: Proxies::default(), connections, refused };
    let task = tokio::spawn(listener.serve(stop.clone(), drain));
    Running { address, stop, task, metrics }
}

async fn read(WholeBody(bytes): WholeBody) -> String {
    bytes.len().to_string()
}

impl Running {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("the listener accepts")
    }

    /// How long the server takes to end.
    async fn end(self) -> Duration {
        let began = Instant::now();
        self.stop.cancel();
        self.task.await.expect("the loop does not panic");
        began.elapsed()
    }
}

async fn send(stream: &mut TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).await.expect("the connection is open");
}

/// What comes until there is enough of it, or the other side closes.
async fn receive(stream: &mut TcpStream, enough: &str) -> String {
    let mut text = String::new();
    let mut space = [0; 4096];
    while !text.contains(enough) {
        match stream.read(&mut space).await {
            Ok(0) | Err(_) => break,
            Ok(count) => text.push_str(&String::from_utf8_lossy(&space[..count])),
        }
    }
    text
}

/// How long until the other side closes.
async fn closed(stream: &mut TcpStream) -> Duration {
    let began = Instant::now();
    receive(stream, "\0never").await;
    began.elapsed()
}

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

#[tokio::test]
async fn with_idle_connections_it_ends_at_once() {
    let running = start(limits(), DRAIN).await;
    let mut kept = running.connect().await;
    send(&mut kept, GET).await;
    assert!(receive(&mut kept, "here").await.starts_with("HTTP/1.1 200"));
    let mut silent = running.connect().await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(running.metrics.render().contains(r#"doorward_http_connections{listener="public"} 2"#));
    let metrics = running.metrics.clone();
    assert!(running.end().await < Duration::from_secs(1));
    assert!(closed(&mut kept).await < Duration::from_secs(1));
    assert!(closed(&mut silent).await < Duration::from_secs(1));
    assert!(metrics.render().contains(r#"doorward_http_connections{listener="public"} 0"#));
}

#[tokio::test]
async fn what_is_in_flight_is_answered_before_the_end() {
    let running = start(limits(), DRAIN).await;
    let mut stream = running.connect().await;
    send(&mut stream, "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let address = running.address;
    let ended = tokio::spawn(running.end());
    assert!(receive(&mut stream, "\r\n\r\n").await.starts_with("HTTP/1.1 200"));
    let took = ended.await.expect("no panic");
    assert!(took > Duration::from_millis(300) && took < Duration::from_secs(2), "{took:?}");
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn what_takes_too_long_is_cut_at_the_deadline() {
    let running = start(limits(), Duration::from_millis(200)).await;
    let mut stream = running.connect().await;
    send(&mut stream, "GET /stuck HTTP/1.1\r\nHost: a\r\n\r\n").await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let took = running.end().await;
    assert!(took >= Duration::from_millis(200) && took < Duration::from_secs(1), "{took:?}");
    assert_eq!(receive(&mut stream, "HTTP").await, "");
}

#[tokio::test]
async fn slow_headers_are_cut_off_whatever_they_are() {
    let running = start(limits(), DRAIN).await;
    for beginning in ["", "G", "GET / HTTP/1.1\r\nHost: a\r\n", "PRI * HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
        let mut stream = running.connect().await;
        send(&mut stream, beginning).await;
        let took = closed(&mut stream).await;
        assert!(took > Duration::from_millis(150) && took < Duration::from_secs(2), "{beginning:?}: {took:?}");
    }
    // Drop by drop is no better.
    let mut stream = running.connect().await;
    let began = Instant::now();
    while stream.write_all(b"X").await.is_ok() && began.elapsed() < Duration::from_secs(5) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(began.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn an_idle_connection_is_kept_but_its_next_headers_are_not_waited_for() {
    let running = start(limits(), DRAIN).await;
    let mut stream = running.connect().await;
    for _ in 0..2 {
        send(&mut stream, GET).await;
        receive(&mut stream, "here").await;
        tokio::time::sleep(Duration::from_millis(700)).await;
    }
    send(&mut stream, "GET / HTTP/1.1\r\nHost:").await;
    let took = closed(&mut stream).await;
    assert!(took > Duration::from_millis(150) && took < Duration::from_secs(2), "{took:?}");
}

#[tokio::test]
async fn an_idle_connection_is_closed_in_the_end() {
    let running = start(Limits { keep_alive: Duration::from_millis(600), ..limits() }, DRAIN).await;
    let mut stream = running.connect().await;
    send(&mut stream, GET).await;
    receive(&mut stream, "here").await;
    let took = closed(&mut stream).await;
    assert!(took > Duration::from_millis(450) && took < Duration::from_secs(2), "{took:?}");
}

#[tokio::test]
async fn a_caller_that_takes_no_answers_is_cut_off() {
    let running = start(Limits { keep_alive: Duration::from_millis(500), ..limits() }, DRAIN).await;
    let mut stream = running.connect().await;
    send(&mut stream, &"GET /large HTTP/1.1\r\nHost: a\r\n\r\n".repeat(400)).await;
    let began = Instant::now();
    tokio::time::sleep(Duration::from_millis(100)).await;
    while running.metrics.render().contains(r#"doorward_http_connections{listener="public"} 1"#) {
        assert!(began.elapsed() < Duration::from_secs(3), "still held");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(began.elapsed() > Duration::from_millis(400));
}

#[tokio::test]
async fn beyond_the_cap_a_connection_waits_its_turn() {
    let running = start(Limits { max_connections: 2, ..limits() }, DRAIN).await;
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut stream = running.connect().await;
        send(&mut stream, GET).await;
        receive(&mut stream, "here").await;
        held.push(stream);
    }
    let mut third = running.connect().await;
    send(&mut third, GET).await;
    let early = tokio::time::timeout(Duration::from_millis(200), receive(&mut third, "here")).await;
    assert!(early.is_err(), "answered beyond the cap");
    drop(held.pop());
    let answer = tokio::time::timeout(Duration::from_secs(2), receive(&mut third, "here")).await;
    assert!(answer.expect("its turn comes").contains("200 OK"));
}

#[tokio::test]
async fn a_refused_body_does_not_cost_the_caller_its_answer() {
    let running = start(limits(), DRAIN).await;
    // Within the bound the connection lives on; beyond it the answer still comes.
    for (path, size, status, lives) in [
        ("/read", 65_536, "200", true),
        ("/read", 65_537, "413", true),
        ("/refuse", 1_000_000, "401", true),
        ("/read", 12_000_000, "413", false),
        ("/refuse", 12_000_000, "401", false),
    ] {
        let stream = running.connect().await;
        let (mut reading, mut writing) = stream.into_split();
        let head = format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\n\r\n");
        let sending = tokio::spawn(async move {
            writing.write_all(head.as_bytes()).await?;
            for _ in 0..size / 65_536 {
                writing.write_all(&[b'x'; 65_536]).await?;
            }
            writing.write_all(&vec![b'x'; size % 65_536]).await?;
            io::Result::Ok(writing)
        });
        let mut answer = vec![0; 4096];
        let count = reading.read(&mut answer).await.expect("an answer, not a reset");
        let answer = String::from_utf8_lossy(&answer[..count]).into_owned();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{path} {size}: {answer}");
        assert_eq!(!answer.contains("connection: close"), lives, "{answer}");
        let sent = sending.await.expect("no panic");
        assert!(sent.is_ok(), "{path} {size}: {sent:?}");
    }
}

#[tokio::test]
async fn headers_are_bounded() {
    let running = start(limits(), DRAIN).await;
    let many: String = (0..65).map(|number| format!("X-{number}: 1\r\n")).collect();
    let long = format!("X-Long: {}\r\n", "x".repeat(17 * 1024));
    for headers in [many, long] {
        let mut stream = running.connect().await;
        send(&mut stream, &format!("GET / HTTP/1.1\r\nHost: a\r\n{headers}\r\n")).await;
        let answer = receive(&mut stream, "\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    }
}

#[tokio::test]
async fn pipelined_requests_are_answered_and_the_peer_is_known() {
    let running = start(limits(), DRAIN).await;
    let mut stream = running.connect().await;
    send(&mut stream, &format!("{GET}{GET}GET /peer HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")).await;
    let answer = receive(&mut stream, "127.0.0.1").await;
    assert_eq!(answer.matches("HTTP/1.1 200").count(), 3, "{answer}");
}

#[tokio::test]
async fn an_answer_does_not_wait_for_what_lies_behind_its_request() {
    let running = start(limits(), DRAIN).await;
    for behind in ["\r\n", "GET / HTTP/1.1\r\nHo"] {
        let mut stream = running.connect().await;
        send(&mut stream, &format!("{GET}{behind}")).await;
        let answer = tokio::time::timeout(Duration::from_millis(200), receive(&mut stream, "here")).await;
        assert!(answer.expect("no wait").contains("200 OK"));
    }
}

#[tokio::test]
async fn many_callers_at_once_are_all_served() {
    let running = start(limits(), DRAIN).await;
    let served = Arc::new(AtomicUsize::new(0));
    let callers = (0..50).map(|_| {
        let (address, served) = (running.address, Arc::clone(&served));
        tokio::spawn(async move {
            let mut stream = TcpStream::connect(address).await.expect("accepted");
            for _ in 0..10 {
                send(&mut stream, GET).await;
                assert!(receive(&mut stream, "here").await.contains("200"));
                served.fetch_add(1, Ordering::Relaxed);
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.expect("no panic");
    }
    assert_eq!(served.load(Ordering::Relaxed), 500);
}
