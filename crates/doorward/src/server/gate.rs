//! What hyper is given to read of HTTP/1: one head at a time, each of its lines ended by CR LF, and of a body as much as was announced.
//!
//! hyper's parser takes a lone LF for a line's end, as it may. A proxy in front that doesn't would see one request where the parser
//! sees two. So a lone LF is handed on as NUL, which no parser takes, and the request is refused.

/// How every HTTP/2 connection begins.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\n";

/// Announces a body whose end isn't known beforehand.
pub(super) const UNBOUNDED: u64 = u64::MAX;

/// Where reading stands.
#[derive(Debug)]
pub(super) enum Gate {
    /// In a head.
    Head(Head),
    /// In a body that so many bytes are left of.
    Body(u64),
    /// In what has no heads any more: HTTP/2, or the last request of its connection.
    Open,
}

/// How far a head has come.
#[derive(Debug, Default)]
pub(super) struct Head {
    /// How many bytes its present line has.
    line: usize,
    /// Whether the byte before was CR.
    cr: bool,
    /// Whether a line that isn't empty was there: empty ones before it are overlooked.
    begun: bool,
    /// How much of the preface was there, as long as nothing else was.
    preface: Option<usize>,
}

impl Gate {
    /// The gate of a new connection.
    pub(super) fn new() -> Self {
        Self::Head(Head { preface: Some(0), ..Head::default() })
    }

    /// The head that came last announced a body.
    pub(super) fn announce(&mut self, bytes: u64) {
        *self = if bytes == UNBOUNDED { Self::Open } else { Self::Body(bytes) };
    }

    /// How many of these bytes may be read now; at least one.
    pub(super) fn pass(&mut self, bytes: &mut [u8]) -> usize {
        match self {
            Self::Open => bytes.len(),
            Self::Body(left) if *left > 0 => {
                let passed = usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
                *left -= passed as u64;
                passed
            }
            Self::Body(_) => {
                *self = Self::Head(Head::default());
                self.pass(bytes)
            }
            Self::Head(head) => {
                let Some(end) = head.end(bytes) else { return bytes.len() };
                *self = if head.preface == Some(PREFACE.len()) { Self::Open } else { Self::Head(Head::default()) };
                end
            }
        }
    }
}

impl Head {
    /// Where the head ends in these bytes, if it does.
    fn end(&mut self, bytes: &mut [u8]) -> Option<usize> {
        for (at, byte) in bytes.iter_mut().enumerate() {
            self.preface = self.preface.filter(|known| PREFACE.get(*known) == Some(byte)).map(|known| known + 1);
            if *byte == b'\n' && self.cr {
                if self.line == 1 && self.begun {
                    return Some(at + 1);
                }
                (self.begun, self.line, self.cr) = (self.begun || self.line > 1, 0, false);
                continue;
            }
            if *byte == b'\n' {
                *byte = 0;
            }
            (self.line, self.cr) = (self.line + 1, *byte == b'\r');
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What passes at each look, with `announced` after each head.
    fn passed(gate: &mut Gate, text: &str, announced: u64) -> Vec<String> {
        let mut left = text.as_bytes().to_vec();
        let mut parts = vec![];
        while !left.is_empty() {
            let in_head = matches!(gate, Gate::Head(_) | Gate::Body(0));
            let count = gate.pass(&mut left);
            let part = String::from_utf8(left.drain(..count).collect()).expect("text");
            if in_head && part.ends_with("\r\n\r\n") && !matches!(gate, Gate::Open) {
                gate.announce(announced);
            }
            parts.push(part);
        }
        parts
    }

    #[test]
    fn one_head_passes_at_a_time_and_its_body_apart() {
        let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        assert_eq!(passed(&mut Gate::new(), &get.repeat(2), 0), [get, get]);
        assert_eq!(passed(&mut Gate::new(), &format!("\r\n\r\n{get}x"), 0), [&format!("\r\n\r\n{get}"), "x"], "empty lines before it are none of its own");
        assert_eq!(passed(&mut Gate::new(), &format!("{get}\r\n\n{get}"), 3), [get, "\r\n\n", get], "a body is anything");
        assert_eq!(passed(&mut Gate::new(), &format!("{get}any\n\n{get}"), UNBOUNDED), [get, &format!("any\n\n{get}")]);
    }

    #[test]
    fn a_head_that_comes_in_pieces_is_the_same_head() {
        let text = "GET / HTTP/1.1\r\nHost: a\r\n\r\nrest";
        for cut in 1..text.len() - 4 {
            let mut gate = Gate::new();
            let (one, two) = text.split_at(cut);
            let first = passed(&mut gate, one, 4);
            if cut < text.len() - 4 {
                assert_eq!(first, [one]);
            }
            assert_eq!(passed(&mut gate, two, 4).concat(), two);
        }
    }

    #[test]
    fn a_line_that_lf_alone_ends_is_spoiled() {
        for text in
            ["GET / HTTP/1.1\nHost: a\n\n", "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\n", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"]
        {
            let shown = passed(&mut Gate::new(), text, 0).concat();
            assert!(shown.contains('\0') && !shown.replace("\r\n", "").contains('\n'), "{shown:?}");
        }
    }

    #[test]
    fn http_2_passes_untouched_and_nothing_that_only_looks_like_it() {
        let rest = "SM\r\n\r\n\0\0\n\n\r\n";
        assert_eq!(passed(&mut Gate::new(), &format!("PRI * HTTP/2.0\r\n\r\n{rest}"), 0), ["PRI * HTTP/2.0\r\n\r\n", rest]);
        for text in ["PRI * HTTP/2.0\r\nHost: a\r\n\r\nx\n", "\r\nPRI * HTTP/2.0\r\n\r\nx\n", "PRI * HTTP/2.00\r\n\r\nx\n"] {
            assert!(passed(&mut Gate::new(), text, 0).concat().contains('\0'), "{text:?}");
        }
    }
}
