//! An answer of Doorward, as a host or an app reads it.

use http::HeaderMap;
use serde_json::Value;

/// The headers that belong to what an answer says; the others are the same for all.
const TELLING: [&str; 6] = ["content-type", "www-authenticate", "allow", "retry-after", "set-cookie", "connection"];
/// How tokens begin.
const PREFIXES: [&str; 4] = ["dws_", "dwd_", "dwa_", "dwk_"];
/// What a request's own id, trace and time are in a problem.
const OF_THE_REQUEST: [&str; 5] = ["instance", "request_id", "trace_id", "span_id", "timestamp"];

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body as it came.
    pub text: String,
    /// Its body as JSON; `null` if there is none.
    pub body: Value,
}

impl Answer {
    /// The answer, if it has this status.
    ///
    /// # Panics
    /// If it has another.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    /// The answer, if it is a problem of this kind, or a dialect's refusal of this status.
    ///
    /// # Panics
    /// If it isn't.
    #[track_caller]
    pub fn refused(self, status: u16, name: &str) -> Self {
        assert!(self.is_refusal(status, name), "{status} {name}: {} {}", self.status, self.text);
        self
    }

    /// A header's only value.
    ///
    /// # Panics
    /// If there are several.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let values: Vec<_> = self.headers.get_all(name).iter().collect();
        assert!(values.len() <= 1, "{name}: {values:?}");
        values.first().and_then(|value| value.to_str().ok())
    }

    /// A text of the body, by a JSON pointer.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    #[track_caller]
    pub fn text_at(&self, pointer: &str) -> String {
        self.body.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("no text at {pointer}: {}", self.text)).to_owned()
    }

    /// The ids of a list's items.
    ///
    /// # Panics
    /// If it is no list.
    #[must_use]
    #[track_caller]
    pub fn ids(&self) -> Vec<String> {
        let items = self.body["items"].as_array().unwrap_or_else(|| panic!("no list: {}", self.text));
        items.iter().map(|item| item["id"].as_str().expect("an id").to_owned()).collect()
    }

    /// What a refusal says, without what is of its request alone: equal for what mustn't be told apart.
    ///
    /// # Panics
    /// If it is none.
    #[must_use]
    pub fn said(&self) -> (u16, Option<String>, Value) {
        let mut body = self.body.clone();
        let members = body.as_object_mut().expect("a refusal");
        members.retain(|name, _| !OF_THE_REQUEST.contains(&name.as_str()));
        (self.status, self.header("www-authenticate").map(str::to_owned), body)
    }

    /// The whole answer for a snapshot: status, headers, the body as it came. Tokens are shortened to their kind.
    #[must_use]
    pub fn shown(&self) -> String {
        let mut shown = format!("{}\n", self.status);
        for name in TELLING {
            for value in self.headers.get_all(name) {
                shown.push_str(&format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes())));
            }
        }
        shown.push('\n');
        shown.push_str(&indented(&self.text));
        without_secrets(&shown)
    }
}

/// Every token in a text.
pub fn tokens(text: &str) -> impl Iterator<Item = &str> {
    let starts = text.match_indices("dw").filter(|(at, _)| PREFIXES.iter().any(|prefix| text[*at..].starts_with(prefix)));
    starts.map(|(at, _)| {
        let length = text[at..].find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-').unwrap_or(text.len() - at);
        &text[at..at + length]
    })
}

fn without_secrets(text: &str) -> String {
    let mut cleared = text.to_owned();
    for token in tokens(text) {
        cleared = cleared.replace(token, &format!("{}…", &token[..4]));
    }
    cleared
}

/// JSON with a line for each member, in the order in which it came.
fn indented(json: &str) -> String {
    let mut out = String::with_capacity(json.len() * 2);
    let (mut depth, mut quoted, mut escaped, mut opened) = (0_usize, false, false, false);
    for c in json.chars() {
        if quoted {
            out.push(c);
            quoted = escaped || c != '"';
            escaped = !escaped && c == '\\';
            continue;
        }
        let new_line = |out: &mut String, depth: usize| {
            out.push('\n');
            out.push_str(&"  ".repeat(depth));
        };
        let closes = matches!(c, '}' | ']');
        if opened && !closes {
            new_line(&mut out, depth);
        }
        if closes {
            depth -= 1;
            if !opened {
                new_line(&mut out, depth);
            }
        }
        opened = matches!(c, '{' | '[');
        out.push(c);
        match c {
            '"' => quoted = true,
            '{' | '[' => depth += 1,
            ',' => new_line(&mut out, depth),
            ':' => out.push(' '),
            _ => {}
        }
    }
    out
}
