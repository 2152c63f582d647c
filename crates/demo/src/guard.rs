//! What every request passes: the host name, the same-origin rule for unsafe methods, and the headers
//! that keep the pages to themselves.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};

use crate::app::App;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// What Chromium tells beyond its User-Agent, which is frozen: Doorward names devices by it.
const HINTS: &str = "Sec-CH-UA-Platform-Version, Sec-CH-UA-Full-Version-List, Sec-CH-UA-Model";

/// Where this host lives, as browsers write it.
pub(crate) struct Site {
    /// `http://app.localhost:8081`, without a slash at its end.
    pub(crate) origin: String,
    /// `app.localhost:8081`
    pub(crate) authority: String,
    pub(crate) secure: bool,
}

impl Site {
    pub(crate) fn new(public_url: &str) -> Self {
        let origin = public_url.trim_end_matches('/').to_ascii_lowercase();
        let authority = origin.split_once("://").map_or(origin.as_str(), |(_, rest)| rest).to_owned();
        let secure = origin.starts_with("https://");
        Self { origin, authority, secure }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Judgement {
    Pass,
    /// Another host name: cookies and the same-origin rule would not mean what they should.
    OtherHost,
    /// An unsafe method that this site's own pages didn't send.
    CrossSite,
}

fn judge(site: &Site, method: &Method, headers: &HeaderMap) -> Judgement {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    if !text("host").is_some_and(|host| host.eq_ignore_ascii_case(&site.authority)) {
        return Judgement::OtherHost;
    }
    if matches!(*method, Method::GET | Method::HEAD) {
        return Judgement::Pass;
    }
    let fetch_site = text("sec-fetch-site");
    let origin = text("origin");
    let same =
        fetch_site.is_none_or(|from| from == "same-origin") && origin.is_none_or(|from| from == site.origin) && (fetch_site.is_some() || origin.is_some());
    if same { Judgement::Pass } else { Judgement::CrossSite }
}

/// The middleware around all routes.
pub(crate) async fn guard(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let answer = match judge(&app.site, request.method(), request.headers()) {
        Judgement::Pass => next.run(request).await,
        Judgement::OtherHost if request.method() == Method::GET => Redirect::temporary(&format!("{}/", app.site.origin)).into_response(),
        Judgement::OtherHost => (StatusCode::MISDIRECTED_REQUEST, format!("This demo answers at {} only.\n", app.site.origin)).into_response(),
        Judgement::CrossSite => (StatusCode::FORBIDDEN, "Refused: this form was not sent from a page of this site.\n").into_response(),
    };
    with_headers(answer)
}

fn with_headers(mut answer: Response) -> Response {
    let headers = answer.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        // Not `no-referrer`: browsers would then send `Origin: null` with our own forms.
        (header::REFERRER_POLICY, "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert("accept-ch", HeaderValue::from_static(HINTS));
    headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("host", HeaderValue::from_static("app.localhost:8081"));
        for (name, value) in pairs {
            headers.insert(*name, HeaderValue::from_static(value));
        }
        headers
    }

    fn post(pairs: &[(&'static str, &'static str)]) -> Judgement {
        let site = Site::new("http://app.localhost:8081/");
        judge(&site, &Method::POST, &headers(pairs))
    }

    #[test]
    fn forms_of_this_site_pass() {
        let own = "http://app.localhost:8081";
        assert_eq!(post(&[("sec-fetch-site", "same-origin")]), Judgement::Pass);
        assert_eq!(post(&[("origin", own)]), Judgement::Pass);
        assert_eq!(post(&[("origin", own), ("sec-fetch-site", "same-origin")]), Judgement::Pass);
    }

    #[test]
    fn forms_of_other_sites_are_refused() {
        for pairs in [
            &[][..],
            &[("origin", "null")],
            &[("origin", "http://app.localhost")],
            &[("origin", "http://doorward.localhost:8080")],
            &[("origin", "https://app.localhost:8081")],
            &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "none")],
            &[("sec-fetch-site", "same-origin"), ("origin", "http://evil.test")],
            &[("sec-fetch-site", "cross-site"), ("origin", "http://app.localhost:8081")],
        ] {
            assert_eq!(post(pairs), Judgement::CrossSite, "{pairs:?}");
        }
    }

    #[test]
    fn reading_needs_the_host_name_only() {
        let site = Site::new("http://app.localhost:8081");
        let get = |headers| judge(&site, &Method::GET, &headers);
        assert_eq!(get(headers(&[])), Judgement::Pass);
        assert_eq!(get(headers(&[("sec-fetch-site", "cross-site")])), Judgement::Pass);
        assert_eq!(get(headers(&[("host", "rebound.test:8081")])), Judgement::OtherHost);
        assert_eq!(get(headers(&[("host", "127.0.0.1:8081")])), Judgement::OtherHost);
        assert_eq!(get(HeaderMap::new()), Judgement::OtherHost);
    }

    #[test]
    fn only_https_makes_secure_cookies() {
        assert!(!Site::new("http://app.localhost:8081").secure);
        let site = Site::new("https://App.example.org/");
        assert!(site.secure);
        assert_eq!(site.authority, "app.example.org");
    }
}
