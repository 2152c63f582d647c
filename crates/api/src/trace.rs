//! Reads a W3C `traceparent`, so that an answer and its log line name the trace the caller began.

use std::fmt;

use http::HeaderMap;

/// The header that carries the caller's trace.
const TRACEPARENT: &str = "traceparent";

/// A trace's id: 16 bytes, never all zero, written as 32 hex digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TraceId([u8; 16]);

/// A span's id: 8 bytes, never all zero, written as 16 hex digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SpanId([u8; 8]);

/// Where a request stands in a trace: the caller's, or one of our own making.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    /// The trace.
    pub trace_id: TraceId,
    /// The span in it: the caller's where it sent one, else our own.
    pub span_id: SpanId,
    /// Whether the caller records this trace.
    pub sampled: bool,
}

impl TraceId {
    /// A trace id of these bytes; all zero, which the standard forbids, becomes one.
    #[must_use]
    pub fn minted(mut bytes: [u8; 16]) -> Self {
        if bytes == [0; 16] {
            bytes[15] = 1;
        }
        Self(bytes)
    }
}

impl SpanId {
    /// A span id of these bytes; all zero, which the standard forbids, becomes one.
    #[must_use]
    pub fn minted(mut bytes: [u8; 8]) -> Self {
        if bytes == [0; 8] {
            bytes[7] = 1;
        }
        Self(bytes)
    }
}

impl TraceContext {
    /// The caller's trace, if its headers name exactly one and name it well.
    #[must_use]
    pub fn of_caller(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(TRACEPARENT).iter();
        let value = values.next()?;
        if values.next().is_some() {
            return None;
        }
        Self::parse(value.as_bytes())
    }

    /// Reads `version-trace-span-flags` as the Trace Context recommendation has it: version 00 in
    /// exactly that form, a later version by its first four fields, version ff never.
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        let (head, rest) = value.split_at_checked(55)?;
        let [version] = hex(&head[..2])?;
        let well_ended = match version {
            0x00 => rest.is_empty(),
            0xff => false,
            _ => rest.is_empty() || rest[0] == b'-',
        };
        let well_parted = head[2] == b'-' && head[35] == b'-' && head[52] == b'-';
        if !well_ended || !well_parted {
            return None;
        }
        let trace: [u8; 16] = hex(&head[3..35])?;
        let span: [u8; 8] = hex(&head[36..52])?;
        let [flags] = hex(&head[53..55])?;
        if trace == [0; 16] || span == [0; 8] {
            return None;
        }
        Some(Self { trace_id: TraceId(trace), span_id: SpanId(span), sampled: flags & 1 == 1 })
    }
}

/// The bytes that these lower-case hex digits spell; capitals are refused, as the standard asks.
fn hex<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    if digits.len() != 2 * N {
        return None;
    }
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

fn write_hex(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_good_traceparent_is_taken_over() {
        let trace = TraceContext::parse(GOOD.as_bytes()).expect("a valid header");
        assert_eq!(trace.trace_id.to_string(), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(trace.span_id.to_string(), "b7ad6b7169203331");
        assert!(trace.sampled);
        let unsampled = GOOD.replace("-01", "-02");
        assert!(!TraceContext::parse(unsampled.as_bytes()).expect("valid").sampled);
    }

    #[test]
    fn a_later_version_is_read_by_its_first_four_fields() {
        let later = GOOD.replacen("00", "cc", 1);
        assert!(TraceContext::parse(later.as_bytes()).is_some());
        assert!(TraceContext::parse(format!("{later}-more").as_bytes()).is_some());
        assert!(TraceContext::parse(format!("{later}more").as_bytes()).is_none());
    }

    #[test]
    fn a_bad_traceparent_is_ignored() {
        let bad = [
            String::new(),
            "00".to_owned(),
            GOOD.to_uppercase(),
            GOOD.replacen("00", "ff", 1),
            format!("{GOOD}-more"),
            format!("{GOOD} "),
            GOOD.replace("0af7651916cd43dd8448eb211c80319c", &"0".repeat(32)),
            GOOD.replace("b7ad6b7169203331", &"0".repeat(16)),
            GOOD.replace('-', "_"),
            GOOD.replacen('0', "g", 1),
            GOOD.replace("-01", "-0x"),
            "é".repeat(30),
        ];
        for value in bad {
            assert_eq!(TraceContext::parse(value.as_bytes()), None, "{value}");
        }
    }

    #[test]
    fn two_traceparents_are_none() {
        let mut headers = HeaderMap::new();
        assert!(TraceContext::of_caller(&headers).is_none());
        headers.append(TRACEPARENT, HeaderValue::from_static(GOOD));
        assert!(TraceContext::of_caller(&headers).is_some());
        headers.append(TRACEPARENT, HeaderValue::from_static(GOOD));
        assert!(TraceContext::of_caller(&headers).is_none());
    }

    #[test]
    fn minted_ids_are_never_all_zero() {
        assert_eq!(TraceId::minted([0; 16]).to_string(), format!("{:032x}", 1));
        assert_eq!(SpanId::minted([0; 8]).to_string(), format!("{:016x}", 1));
    }
}
