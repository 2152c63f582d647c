//! Floods of what is refused: the log doesn't grow with them, and the metrics count them.

use super::*;

/// What comes back for so many of these requests in a row, on each of twenty connections at once.
fn flood(besieged: &Besieged, each: usize, request: &str) -> String {
    let sent = request.repeat(each);
    let mut streams: Vec<TcpStream> = (0..20).map(|_| besieged.connect()).collect();
    // What is refused as unreadable ends its connection, so that the rest can't be sent.
    streams.iter_mut().for_each(|stream| drop(stream.write_all(sent.as_bytes())));
    let mut answers = String::new();
    for mut stream in streams {
        stream.set_read_timeout(Some(Duration::from_secs(5))).expect("a socket");
        let before = answers.len();
        while answers[before..].matches("HTTP/1.1 ").count() < each {
            match arrived(&mut stream) {
                Some(bytes) if !bytes.is_empty() => answers.push_str(&String::from_utf8_lossy(&bytes)),
                _ => break,
            }
        }
    }
    answers
}

#[test]
fn the_log_does_not_grow_with_a_flood() {
    let dir = tempfile::tempdir().expect("a directory");
    let besieged = Besieged::start(dir.path(), &["--wrong-secrets", "20", "--wrong-secrets-window-s", "86400"]);
    let wrong = unknown(&besieged.token);
    let asked = format!("GET /api/v1/sessions/current HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {wrong}\r\n\r\n");
    let answers = flood(&besieged, 50, &asked);
    assert_eq!(answers.matches("HTTP/1.1 401").count(), 20);
    assert_eq!(answers.matches("HTTP/1.1 429").count(), 980);
    for unreadable in ["GET / HTTP/1.1\nHost: a\n\n", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"] {
        assert_eq!(flood(&besieged, 1, unreadable).matches("HTTP/1.1 400").count(), 20, "{unreadable}");
    }
    let unread = r#"doorward_http_requests_total{route="unmatched",method="other",status="400"}"#;
    assert_eq!(besieged.figure(unread), Some(40));
    assert_eq!(besieged.figure(r#"doorward_throttled_total{secret="access_token"}"#), Some(980));
    let (_, well, log) = besieged.doorward.stop();
    assert!(well);
    assert_eq!(log.matches("an address sends wrong secrets and is throttled").count(), 1, "{log}");
    assert_eq!(log.matches(r#""status":401"#).count(), 20, "what is refused before the throttle is told as any answer is: {log}");
    assert!(!log.contains(r#""status":429"#) && !log.contains(r#""route":"unmatched""#), "{log}");
    assert!(log.lines().count() < 60, "{log}");
}
