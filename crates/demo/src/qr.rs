//! A QR code as inline SVG.

use maud::{Markup, html};
use qrcode::{Color, EcLevel, QrCode};

/// The code, dark on white in every colour scheme, with the four quiet modules that readers want.
pub(crate) fn svg(text: &str, label: &str) -> Markup {
    let Ok(code) = QrCode::with_error_correction_level(text, EcLevel::M) else {
        return html! {};
    };
    let width = code.width();
    let side = width + 8;
    let dark = code.to_colors();
    let mut path = String::new();
    for (at, _) in dark.iter().enumerate().filter(|(_, c)| **c == Color::Dark) {
        let (x, y) = (at % width + 4, at / width + 4);
        path.push_str(&format!("M{x} {y}h1v1h-1z"));
    }
    html! {
        svg .qr viewBox=(format!("0 0 {side} {side}")) role="img" aria-label=(label)
            shape-rendering="crispEdges" {
            rect width=(side) height=(side) fill="#fff" {}
            path d=(path) fill="#000" {}
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn draws_modules_and_names_itself() {
        let svg = super::svg("otpauth://totp/x", "QR <code>").into_string();
        assert!(svg.contains("viewBox=\"0 0 "));
        assert!(svg.contains("aria-label=\"QR &lt;code&gt;\""));
        assert!(svg.contains("h1v1h-1z"));
    }
}
