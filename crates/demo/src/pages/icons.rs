//! Small inline drawings. They only ever stand beside words, so they are hidden from screen readers.

use maud::{Markup, PreEscaped, html};

/// A drawing on a field of 24 by 24, in the colour of the text.
fn drawing(strokes: &'static str) -> Markup {
    html! {
        svg .icon viewBox="0 0 24 24" aria-hidden="true" focusable="false" {
            (PreEscaped(strokes))
        }
    }
}

/// The icon of a device's type.
pub(crate) fn device(kind: &str) -> Markup {
    drawing(match kind {
        "mobile" | "phone" | "smartphone" => r#"<rect x="7" y="2.5" width="10" height="19" rx="2.5"/><path d="M10.8 18.5h2.4"/>"#,
        "tablet" => r#"<rect x="4.5" y="2.5" width="15" height="19" rx="2.5"/><path d="M10.5 18.5h3"/>"#,
        "tv" | "console" => r#"<rect x="2.5" y="4.5" width="19" height="12.5" rx="2"/><path d="M8 20.5h8"/>"#,
        "desktop" | "laptop" => r#"<rect x="4" y="4.5" width="16" height="11" rx="2"/><path d="M2 19h20M9.5 15.5v3.5M14.5 15.5v3.5"/>"#,
        _ => r#"<rect x="3" y="4" width="18" height="16" rx="2.5"/><path d="M3 9h18M6 6.5h.01M8.5 6.5h.01"/>"#,
    })
}

/// Trust.
pub(crate) fn shield() -> Markup {
    drawing(r#"<path d="M12 2.5l7.5 3v6c0 4.6-3.1 8.3-7.5 10-4.4-1.7-7.5-5.4-7.5-10v-6z"/><path d="M8.7 12l2.4 2.4 4.3-4.6"/>"#)
}

/// No trust: the code is asked for.
pub(crate) fn key() -> Markup {
    drawing(r#"<circle cx="8" cy="15" r="4.5"/><path d="M11.3 11.7L20 3M16 7l3 3M13.5 9.5l2 2"/>"#)
}

/// Blocked.
pub(crate) fn stop() -> Markup {
    drawing(r#"<circle cx="12" cy="12" r="9"/><path d="M5.8 5.8l12.4 12.4"/>"#)
}

/// Something went wrong.
pub(crate) fn cloud_off() -> Markup {
    drawing(r#"<path d="M7 18.5h10.5a4 4 0 0 0 .8-7.9A6 6 0 0 0 7.2 8.9 4.9 4.9 0 0 0 7 18.5z"/><path d="M12 11v3M12 16.2h.01"/>"#)
}

/// A door: the sign of this demo.
pub(crate) fn door() -> Markup {
    drawing(r#"<path d="M6 21.5v-17a2 2 0 0 1 2-2h8a2 2 0 0 1 2 2v17M3 21.5h18"/><path d="M14.3 12.5h.01"/>"#)
}
