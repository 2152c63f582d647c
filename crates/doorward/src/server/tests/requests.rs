//! Requests that are made to be read in two ways: refused or the last of their connection, and never two in one.

use super::*;

/// What would come to a handler if the request before it ended too early.
const SMUGGLED: &str = "GET /peer HTTP/1.1\r\nHost: a\r\n\r\n";

/// All that comes until the other side closes.
async fn whole_answer(running: &Running, sent: &str) -> String {
    let mut stream = running.connect().await;
    send(&mut stream, sent).await;
    let answer = tokio::time::timeout(Duration::from_secs(10), receive(&mut stream, "\0never")).await;
    answer.unwrap_or_else(|_| panic!("kept open after {sent:?}"))
}

#[tokio::test]
async fn no_request_hides_another_one() {
    let running = start(Limits { request_timeout: Duration::from_secs(1), ..limits() }, DRAIN).await;
    let post = |headers: &str, body: &str| format!("POST /read HTTP/1.1\r\nHost: a\r\n{headers}\r\n\r\n{body}{SMUGGLED}");
    let refused = [
        ("length and chunks, the length's part", post("Transfer-Encoding: chunked\r\nContent-Length: 4", "5c\r\n")),
        ("two lengths", post("Content-Length: 0\r\nContent-Length: 33", "")),
        ("two lengths in one", post("Content-Length: 0, 33", "")),
        ("a length with a sign", post("Content-Length: +33", "")),
        ("a length that overflows", post("Content-Length: 18446744073709551649", "")),
        ("a length of nothing", post("Content-Length:", "")),
        ("chunks that aren't the last coding", post("Transfer-Encoding: chunked, identity", "0\r\n\r\n")),
        ("an unknown coding", post("Transfer-Encoding: xchunked", "0\r\n\r\n")),
        ("a name with a space", post("Transfer-Encoding : chunked", "0\r\n\r\n")),
        ("a folded line", post("X-Folded: a\r\n Transfer-Encoding: chunked", "0\r\n\r\n")),
        ("a lone LF between headers", post("X-Header: a\nTransfer-Encoding: chunked", "0\r\n\r\n")),
        ("a lone LF at the head's end", format!("POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\n{SMUGGLED}")),
        ("lone LFs throughout", format!("GET / HTTP/1.1\nHost: a\n\n{SMUGGLED}")),
        ("a lone CR", post("X-Header: a\rTransfer-Encoding: chunked", "0\r\n\r\n")),
        ("a NUL", post("X-Header: a\0b", "")),
        ("two hosts", format!("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n{SMUGGLED}")),
        ("the same host twice", format!("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n{SMUGGLED}")),
        ("no host", format!("GET / HTTP/1.1\r\nX-Header: a\r\n\r\n{SMUGGLED}")),
        ("another version", format!("GET / HTTP/3.7\r\nHost: a\r\n\r\n{SMUGGLED}")),
        ("no version", format!("GET /\r\nHost: a\r\n\r\n{SMUGGLED}")),
        ("chunks in HTTP/1.0", format!("POST /read HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{SMUGGLED}")),
        ("a size that is no number", post("Transfer-Encoding: chunked", "0x0\r\n\r\n")),
        ("a size that overflows", post("Transfer-Encoding: chunked", "10000000000000000\r\n\r\n")),
        ("a chunk that is longer than its size", post("Transfer-Encoding: chunked", "1\r\nab\r\n0\r\n\r\n")),
        ("a size that LF alone ends", post("Transfer-Encoding: chunked", "0;a\n\r\n\r\n")),
        ("a folded line in the head of HTTP/2's form", format!("PRI * HTTP/2.0\r\nHost: a\r\n\r\n{SMUGGLED}")),
    ];
    for (what, sent) in refused {
        let answer = whole_answer(&running, &sent).await;
        assert!(!answer.contains("HTTP/1.1 200") && !answer.contains("127.0.0.1"), "{what}: {answer}");
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{what}: {answer}");
        assert!(answer.matches("HTTP/1.1 ").count() <= 1, "{what}: {answer}");
    }
    // What may be read, but in one way alone, is answered and is the last of its connection.
    let length = "Content-Length: 4\r\n";
    let chunks = "Transfer-Encoding: chunked\r\n";
    for headers in [format!("{length}{chunks}"), format!("{chunks}{length}"), chunks.to_owned(), format!("{chunks}Connection: keep-alive\r\n")] {
        let sent = format!("POST /read HTTP/1.1\r\nHost: a\r\n{headers}\r\n5\r\nabcde\r\n0\r\n\r\n{SMUGGLED}");
        let answer = whole_answer(&running, &sent).await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("\r\n\r\n5"), "{headers}: {answer}");
        assert!(answer.contains("connection: close"), "{answer}");
    }
}

#[tokio::test]
async fn two_requests_are_two_whatever_their_bodies_hold() {
    let running = start(limits(), DRAIN).await;
    // One connection, all at once: bodies that look like requests, and the same split at each byte.
    let body = format!("\n\n{SMUGGLED}");
    let post = format!("POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let last = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let sent = format!("{post}{GET}{post}{post}{last}");
    for cut in (1..sent.len()).step_by(7) {
        let mut stream = running.connect().await;
        send(&mut stream, &sent[..cut]).await;
        tokio::task::yield_now().await;
        send(&mut stream, &sent[cut..]).await;
        let answer = receive(&mut stream, "\0never").await;
        assert_eq!(answer.matches("HTTP/1.1 200").count(), 5, "cut at {cut}: {answer}");
        assert_eq!(answer.matches(&format!("\r\n\r\n{}HTTP", body.len())).count(), 3, "cut at {cut}: {answer}");
        assert!(!answer.contains("127.0.0.1"), "{answer}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_answered_as_a_problem() {
    let running = start(limits(), DRAIN).await;
    let many: String = (0..65).map(|number| format!("X-{number}: 1\r\n")).collect();
    let long = format!("X-Long: {}\r\n", "x".repeat(17 * 1024));
    let path = format!("/{}", "x".repeat(17 * 1024));
    for (sent, status, name, code) in [
        ("BROKEN\r\n\r\n".to_owned(), 400, "invalid_request", "40000001"),
        (format!("{GET}GET / HTTP/1.1\nHost: a\n\n"), 400, "invalid_request", "40000001"),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n".to_owned(), 400, "invalid_request", "40000001"),
        (format!("GET / HTTP/1.1\r\nHost: a\r\n{many}\r\n"), 431, "headers_too_large", "43100031"),
        (format!("GET / HTTP/1.1\r\nHost: a\r\n{long}\r\n"), 431, "headers_too_large", "43100031"),
        (format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"), 431, "headers_too_large", "43100031"),
    ] {
        let answer = whole_answer(&running, &sent).await;
        let refusal = answer.strip_prefix("HTTP/1.1 200 OK\r\n").map_or(&*answer, |rest| &rest[rest.find("HTTP/1.1 ").expect("a second answer")..]);
        let (head, body) = refusal.split_once("\r\n\r\n").expect("a head");
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        for header in ["connection: close", "content-type: application/problem+json", "x-request-id: req_", "cache-control: no-store", "date: "] {
            assert_eq!(head.matches(&format!("\r\n{header}")).count(), 1, "{header}: {head}");
        }
        assert_eq!(head.matches("content-length: ").count(), 1, "{head}");
        assert!(head.contains(&format!("content-length: {}", body.len())), "{answer}");
        let problem: serde_json::Value = serde_json::from_str(body).expect("JSON");
        assert_eq!((problem["type"].as_str(), problem["code"].to_string()), (Some(&*format!("/problems/{name}")), code.to_owned()), "{problem}");
    }
    let page = running.metrics.render();
    assert!(page.contains(r#"doorward_http_requests_total{route="unmatched",method="other",status="431"} 3"#), "{page}");
}

#[tokio::test]
async fn what_is_refused_before_the_router_is_worded_as_the_path_asks() {
    let running = start(limits(), DRAIN).await;
    let problem = ["type", "title", "status", "detail"];
    for (path, media_type, members) in [
        ("/devices", "application/json", &["success", "error"][..]),
        ("/devices/%FF?x=y", "application/json", &["success", "error"]),
        ("http://a/sessions/x/revoke", "application/json", &["success", "error"]),
        ("/api/devices/x/verify", "application/json", &["message"]),
        ("/internal/session/trusted-devices", "application/problem+json", &problem),
        ("/api/v1/devices", "application/problem+json", &problem),
        ("/", "application/problem+json", &problem),
    ] {
        for headers in ["Host: a\r\nHost: b\r\n", ""] {
            let answer = whole_answer(&running, &format!("POST {path} HTTP/1.1\r\n{headers}\r\n")).await;
            let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
            assert!(head.starts_with("HTTP/1.1 400 "), "{path}: {answer}");
            assert!(head.contains(&format!("\r\ncontent-type: {media_type}\r\n")), "{path}: {head}");
            let body: serde_json::Map<String, serde_json::Value> = serde_json::from_str(body).expect("JSON");
            assert!(members.iter().all(|name| body.contains_key(*name)), "{path}: {body:?}");
            assert!(body.len() == members.len() || media_type.contains("problem"), "{path}: {body:?}");
        }
    }
    // Over HTTP/2, too many headers come as far as this; over HTTP/1 they make a head that can't be read.
    let mut block = vec![];
    let pseudo = [(":method", "POST"), (":scheme", "http"), (":authority", "a"), (":path", "/devices/trust")].map(|(name, value)| (name.to_owned(), value));
    for (name, value) in pseudo.into_iter().chain((10..75).map(|number| (format!("x-{number}"), "1"))) {
        // Literals that nothing is to remember.
        for part in [&[0, name.len() as u8], name.as_bytes(), &[value.len() as u8], value.as_bytes()] {
            block.extend_from_slice(part);
        }
    }
    let mut stream = running.connect().await;
    let [_, _, high, low] = (block.len() as u32).to_be_bytes();
    let frames = [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &[0, 0, 0, 4, 0, 0, 0, 0, 0], &[0, high, low, 1, 5, 0, 0, 0, 1], &block].concat();
    stream.write_all(&frames).await.expect("the connection is open");
    let answer = tokio::time::timeout(Duration::from_secs(10), receive(&mut stream, "success")).await.expect("an answer");
    assert!(answer.contains(r#"{"error":"A request has at most 64 headers"#), "{answer}");
    // Of a head that can't be read no path is known.
    let many: String = (0..65).map(|number| format!("X-{number}: 1\r\n")).collect();
    for (headers, status) in [("Host : a\r\n".to_owned(), 400), (format!("Host: a\r\n{many}"), 431)] {
        let answer = whole_answer(&running, &format!("GET /devices HTTP/1.1\r\n{headers}\r\n")).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")) && answer.contains("application/problem+json"), "{answer}");
    }
}

#[tokio::test]
async fn what_comes_too_slowly_is_refused_as_the_path_asks() {
    let running = start(Limits { request_timeout: Duration::from_millis(300), ..limits() }, DRAIN).await;
    for (asked, media_type, told) in [
        ("POST /devices/trust", "application/json", r#""success":false"#),
        ("PATCH /api/devices/x/verify", "application/json", r#""message":""#),
        ("POST /internal/session/trusted-devices", "application/problem+json", r#""type":"/problems/request_timeout""#),
        ("POST /read", "application/problem+json", r#""type":"/problems/request_timeout""#),
    ] {
        let answer = whole_answer(&running, &format!("{asked} HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{{")).await;
        assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains(&format!("content-type: {media_type}\r\n")), "{asked}: {answer}");
        assert!(answer.contains(told), "{asked}: {answer}");
    }
}

#[tokio::test]
async fn endless_bodies_are_refused_and_cut_off() {
    let running = start(Limits { request_timeout: Duration::from_secs(2), ..limits() }, DRAIN).await;
    let head = "POST /read HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let refuse = head.replace("/read", "/refuse");
    let large = format!("4000\r\n{}\r\n", "x".repeat(0x4000));
    let beginning = format!("{head}0\r\n");
    for (what, first, piece, expected) in [
        ("large chunks", head, large.as_str(), "HTTP/1.1 413"),
        ("large chunks that nobody reads", &refuse, &large, "HTTP/1.1 401"),
        ("chunks of one byte", head, "1\r\nx\r\n", "HTTP/1.1 4"),
        ("an extension without end", head, "1;aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "HTTP/1.1 4"),
        ("a size without end", head, "00000000000000000000000000000000000000000000000000000000", "HTTP/1.1 4"),
        ("trailers without end", &beginning, "X-Trailer: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n", "HTTP/1.1 4"),
    ] {
        let (mut reading, mut writing) = running.connect().await.into_split();
        let (first, flood) = (first.to_owned(), piece.repeat(1 + 16 * 1024 / piece.len()));
        let flooding = tokio::spawn(async move {
            let mut sent = 0;
            writing.write_all(first.as_bytes()).await.expect("the connection is open");
            while writing.write_all(flood.as_bytes()).await.is_ok() {
                sent += flood.len();
            }
            sent
        });
        let began = Instant::now();
        let mut answer = Vec::new();
        // A reset may come behind the answer.
        let _ = reading.read_to_end(&mut answer).await;
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.starts_with(expected), "{what}: {answer}");
        let sent = flooding.await.expect("no panic");
        // 1 MiB is drained, 16 MiB are heard out at the end, and some lie in the system's buffers.
        assert!(sent < 32 * 1024 * 1024 && began.elapsed() < Duration::from_secs(8), "{what}: {sent} bytes in {:?}", began.elapsed());
    }
}
