//! hyper's own refusals of what it can't read: a status without a body. Here they get the body that every refusal has.

use std::fmt::Write as _;

use axum::body::to_bytes;
use doorward_api::layers::Frame;
use doorward_api::problem::{Kind, Problem};
use futures_util::FutureExt as _;
use http::StatusCode;

/// Dresses such a refusal, if that is what lies at the end of what was written. All of our own answers name their request.
pub(super) fn dress(unsent: &mut Vec<u8>, frame: &Frame) {
    let Some((start, problem)) = bare_refusal(unsent) else { return };
    let (parts, body) = frame.refuse(problem, None).into_parts();
    let Some(Ok(body)) = to_bytes(body, usize::MAX).now_or_never() else { return };
    let head = String::from_utf8_lossy(&unsent[start..]).replace("content-length: 0\r\n", "");
    let mut head = head.trim_end_matches("\r\n").to_owned();
    for (name, value) in &parts.headers {
        // Ours are all ASCII.
        let _ = write!(head, "\r\n{name}: {}", value.to_str().unwrap_or_default());
    }
    let _ = write!(head, "\r\ncontent-length: {}\r\n\r\n", body.len());
    unsent.truncate(start);
    unsent.extend_from_slice(head.as_bytes());
    unsent.extend_from_slice(&body);
}

/// Where it begins, and the problem that is meant.
fn bare_refusal(unsent: &[u8]) -> Option<(usize, Problem)> {
    let start = unsent.windows(9).rposition(|window| window == b"HTTP/1.1 ")?;
    let head = std::str::from_utf8(&unsent[start..]).ok()?;
    let mut lines = head.strip_suffix("\r\n\r\n")?.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse::<u16>().ok()?;
    let known = |line: &str| line == "content-length: 0" || line == "connection: close" || line.starts_with("date: ");
    if !lines.all(known) {
        return None;
    }
    let problem = match StatusCode::from_u16(status).ok()? {
        StatusCode::BAD_REQUEST => {
            Problem::new(Kind::InvalidRequest).detail("This isn't HTTP as RFC 9112 writes it: a line, the version, a header or a length is malformed.")
        }
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE | StatusCode::URI_TOO_LONG => Problem::new(Kind::HeadersTooLarge),
        _ => return None,
    };
    Some((start, problem))
}
