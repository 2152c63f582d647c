//! The panel beside each page: every call to Doorward with its answer, to copy as curl.

use maud::{Markup, html};

use crate::json_text;

/// The calls of so many visits are in view; those before are one press away.
const MOST_RECENT: usize = 5;

/// One call to Doorward, as it was sent and answered.
#[derive(Clone)]
pub(crate) struct Call {
    /// The visit that caused it.
    pub(crate) visit: u64,
    /// What the person did: `GET /devices`.
    pub(crate) title: String,
    pub(crate) why: &'static str,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) sent: Option<String>,
    pub(crate) curl: String,
    /// Nothing if there was no answer.
    pub(crate) status: Option<u16>,
    pub(crate) answer: String,
    pub(crate) micros: u128,
}

/// What a curl line is made of.
pub(crate) struct Curl<'a> {
    pub(crate) method: &'a str,
    pub(crate) url: &'a str,
    pub(crate) path: &'a str,
    pub(crate) headers: &'a [(&'static str, String)],
    pub(crate) body: Option<&'a str>,
}

impl Curl<'_> {
    /// The line, as it can be pasted into a shell.
    pub(crate) fn line(&self) -> String {
        let mut line = "curl -sS -i".to_owned();
        if self.method != "GET" {
            line.push_str(" -X ");
            line.push_str(self.method);
        }
        line.push(' ');
        line.push_str(&quoted(&format!("{}{}", self.url, self.path)));
        for (name, value) in self.headers {
            line.push_str(" \\\n  -H ");
            line.push_str(&quoted(&format!("{name}: {value}")));
        }
        if let Some(body) = self.body {
            line.push_str(" \\\n  -H 'Content-Type: application/json' \\\n  -d ");
            line.push_str(&quoted(body));
        }
        line
    }
}

/// Single quotes keep everything as it is, but for themselves.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// The panel: the newest call first, those of this page marked.
pub(crate) fn panel(calls: &[Call], visit: u64) -> Markup {
    let mut recent: Vec<&[Call]> = calls.chunk_by(|a, b| a.visit == b.visit).collect();
    let earlier = recent.split_off(recent.len().min(MOST_RECENT));
    html! {
        aside .panel aria-labelledby="panel-title" {
            h2 #panel-title { "Calls to Doorward" }
            p .note {
                "What this host asked, newest first. Keys and tokens are shown because this is a demo: a real host never shows them."
            }
            @if calls.is_empty() {
                p .empty { "No call yet. Sign in, and the conversation appears here." }
            }
            @for group in &recent { (group_of_calls(group, visit)) }
            @if !earlier.is_empty() {
                details .earlier {
                    summary { "Earlier calls" }
                    @for group in &earlier { (group_of_calls(group, visit)) }
                }
            }
        }
    }
}

fn group_of_calls(group: &[Call], visit: u64) -> Markup {
    let here = group.iter().any(|call| call.visit == visit);
    let title = group.first().map_or("", |call| call.title.as_str());
    html! {
        section .calls .here[here] {
            h3 {
                code { (title) }
                @if here { span .tag { "this page" } }
            }
            ol reversed {
                @for call in group { li { (one_call(call)) } }
            }
        }
    }
}

fn one_call(call: &Call) -> Markup {
    let mood = match call.status {
        Some(200..300) => "ok",
        Some(400..500) => "no",
        _ => "bad",
    };
    html! {
        details .call {
            summary {
                span .why { (call.why) }
                span .line {
                    b .verb { (call.method) }
                    code .path { (call.path) }
                    span .status .(mood) {
                        @if let Some(status) = call.status { (status) } @else { "no answer" }
                    }
                }
            }
            div .inside {
                @if let Some(sent) = &call.sent {
                    h4 { "Sent" }
                    pre { code { (json_text::indented(sent)) } }
                }
                h4 {
                    "Answer"
                    span .took { (took(call.micros)) }
                }
                pre {
                    code {
                        @if call.answer.is_empty() { "(empty)" }
                        @else { (json_text::indented(&call.answer)) }
                    }
                }
                h4 { "As curl" }
                pre .curl { code { (call.curl) } }
                button .quiet .small type="button" data-copy hidden { "Copy as curl" }
            }
        }
    }
}

fn took(micros: u128) -> String {
    let tenths = micros.div_ceil(100);
    format!("{}.{} ms", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(body: &str) -> Call {
        Call {
            visit: 1,
            title: "POST /sign-in".to_owned(),
            why: "Why",
            method: "POST".to_owned(),
            path: "/internal/<b>".to_owned(),
            sent: Some(body.to_owned()),
            curl: String::new(),
            status: Some(201),
            answer: r#"{"a":"<script>alert(1)</script>"}"#.to_owned(),
            micros: 1_234,
        }
    }

    #[test]
    fn everything_is_escaped() {
        let page = panel(&[call("<img src=x>")], 1).into_string();
        assert!(!page.contains("<script>"));
        assert!(!page.contains("<img"));
        assert!(page.contains("/internal/&lt;b&gt;"));
        assert!(page.contains("1.3 ms"));
        assert!(page.contains("this page"));
    }

    #[test]
    fn a_curl_line_survives_a_shell() {
        let headers = [("X-API-Key", "dwk_1".to_owned())];
        let line = Curl {
            method: "POST",
            url: "http://doorward.localhost:8080",
            path: "/internal/sign-ins",
            headers: &headers,
            body: Some(r#"{"user_id":"o'neill $HOME `x`"}"#),
        }
        .line();
        assert_eq!(
            line,
            "curl -sS -i -X POST 'http://doorward.localhost:8080/internal/sign-ins' \\\n  -H 'X-API-Key: dwk_1' \\\n  -H 'Content-Type: application/json' \\\n  -d '{\"user_id\":\"o'\\''neill $HOME `x`\"}'"
        );
    }
}
