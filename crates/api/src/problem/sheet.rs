//! Writes `docs/errors.md` from the catalogue; a test holds the file to it.

use std::fmt::Write as _;

use super::Kind;

/// The whole of `docs/errors.md`.
#[must_use]
pub fn errors_page() -> String {
    let mut page = String::from(HEAD);
    for kind in Kind::ALL {
        let (name, code, title) = (kind.name(), kind.code(), kind.title());
        let status = kind.status().as_u16();
        let row = writeln!(page, "| `{code}` | {status} | [`{name}`](#{name}) | {title} |");
        row.expect("a String takes what is written");
    }
    for kind in Kind::ALL {
        let section = write!(
            page,
            "\n## {}\n\n{} · `{}` · {}\n\n{}\n\n**What to do next.** {}\n",
            kind.name(),
            kind.status(),
            kind.code(),
            kind.title(),
            kind.explanation(),
            kind.next(),
        );
        section.expect("a String takes what is written");
    }
    page
}

const HEAD: &str = "\
<!-- Made from crates/api/src/problem/catalogue.rs: UPDATE_DOCS=1 cargo test -p doorward-api errors_page -->

# Errors

Every error of the internal and the native API is a problem (RFC 9457, `application/problem+json`) with these members:

| member | meaning |
|---|---|
| `type` | `/problems/<name>`: a page that the server itself answers; `<name>` is stable, and what programs compare |
| `title`, `status` | the kind in English, and the HTTP status |
| `detail` | what went wrong this time, for a developer |
| `instance` | the path that was asked for, without its query |
| `code` | the kind as a stable number: its first three digits are the status |
| `errors[]` | each fault of the request: `field` (dotted path, `[0]` for items), `description`, `code` (`required`, `format`, `range`, `unknown`, `repeated`, `conflict`); `value` in dev mode only |
| `i18n_key`, `i18n_args` | the key of a translated message, and what fills it |
| `request_id` | as in the header `X-Request-Id` and in the log |
| `retry_after` | seconds, as in the header `Retry-After` (429 and 503) |
| `service` | `doorward` |
| `trace_id`, `span_id` | from the request's `traceparent`, or our own |
| `timestamp` | when the request came in |

A name or code, once published, is never changed and never used for something else.

| code | status | name | title |
|---|---|---|---|
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_page_is_as_the_catalogue_has_it() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors.md");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, errors_page()).expect("docs/errors.md can be written");
        }
        let kept = std::fs::read_to_string(path).unwrap_or_default();
        assert!(kept == errors_page(), "docs/errors.md differs from the catalogue: run the test with UPDATE_DOCS=1");
    }
}
