//! The language that people are told things in, by `Accept-Language` (RFC 9110, 12.5.4; the look-up of RFC 4647, 3.4).

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, IntoResponseParts, ResponseParts};
use doorward_domain::Language;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, header};

/// The best of the languages that a caller accepts. In an answer it says which it is, and what it was chosen by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Accepted(pub(crate) Language);

impl<S: Sync> FromRequestParts<S> for Accepted {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(accepted(&parts.headers)))
    }
}

impl IntoResponseParts for Accepted {
    type Error = Infallible;

    fn into_response_parts(self, mut response: ResponseParts) -> Result<ResponseParts, Infallible> {
        response.headers_mut().insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(self.0.as_str()));
        response.headers_mut().append(header::VARY, HeaderValue::from_static("accept-language"));
        Ok(response)
    }
}

impl IntoResponse for Accepted {
    fn into_response(self) -> axum::response::Response {
        (self, ()).into_response()
    }
}

/// The language with the highest weight; of equal ones the first; English where none fits. `es-MX` falls back to `es`.
fn accepted(headers: &HeaderMap) -> Language {
    let mut best: Option<(u16, Language)> = None;
    let given = headers.get_all(header::ACCEPT_LANGUAGE).iter().filter_map(|value| value.to_str().ok());
    for range in given.flat_map(|value| value.split(',')) {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default().to_ascii_lowercase();
        let Some(weight) = parts.next().map_or(Some(1_000), weight) else { continue };
        let primary = name.split('-').next().unwrap_or_default();
        let fits = if name == "*" { Some(Language::English) } else { Language::from_word(primary) };
        if let Some(language) = fits.filter(|_| weight > 0 && best.is_none_or(|(most, _)| weight > most)) {
            best = Some((weight, language));
        }
    }
    best.map_or(Language::English, |(_, language)| language)
}

/// `q=` and 0 to 1 with at most three decimals, in thousandths.
fn weight(parameter: &str) -> Option<u16> {
    let text = parameter.strip_prefix("q=").or_else(|| parameter.strip_prefix("Q="))?;
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let thousandths = format!("{decimals:0<3}");
    if decimals.len() > 3 || !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    match whole {
        "0" => thousandths.parse().ok(),
        "1" if thousandths == "000" => Some(1_000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_that_is_accepted_is_chosen() {
        let cases = [
            ("", Language::English),
            ("es", Language::Spanish),
            ("es-MX", Language::Spanish),
            ("ES-419,en;q=0.9", Language::Spanish),
            ("en, es", Language::English),
            ("es;q=0.5, en;q=0.7", Language::English),
            ("en;q=0.5, es;q=0.501", Language::Spanish),
            ("de, fr;q=0.9", Language::English),
            ("de, es;q=0.1", Language::Spanish),
            ("es;q=0", Language::English),
            ("es;q=0, *", Language::English),
            ("*;q=0.5, es;q=0.6", Language::Spanish),
            ("est", Language::English),
            ("es;q=2, en;q=0.1", Language::English),
            ("es;q=0.1234", Language::English),
            ("es;level=1", Language::English),
            (";;,,es ; q=1.0", Language::Spanish),
            ("es ;q=1.000", Language::Spanish),
        ];
        for (given, chosen) in cases {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_LANGUAGE, HeaderValue::from_str(given).expect("a value"));
            assert_eq!(accepted(&headers), chosen, "{given}");
        }
        let mut twice = HeaderMap::new();
        twice.append(header::ACCEPT_LANGUAGE, HeaderValue::from_static("de"));
        twice.append(header::ACCEPT_LANGUAGE, HeaderValue::from_static("es"));
        assert_eq!(accepted(&twice), Language::Spanish);
        assert_eq!(accepted(&HeaderMap::new()), Language::English);
    }
}
