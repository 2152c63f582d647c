//! The pages behind a problem's `type`: `/problems/{name}` for a person, and an index of them.

use std::fmt::Write as _;

use axum::Router;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderName, header};

use super::{Kind, Problem};

/// The routes of the pages.
pub fn pages<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/problems", get(index))
        .route("/problems/", get(index))
        .route("/problems/style.css", get(style))
        .route("/problems/{name}", get(kind_page))
}

async fn index() -> Response {
    let mut rows = String::new();
    for kind in Kind::ALL {
        let row = write!(
            rows,
            "<li><a href=\"/problems/{name}\"><b>{status}</b> <code>{name}</code> <span>{title}</span></a></li>",
            name = kind.name(),
            status = kind.status().as_u16(),
            title = kind.title(),
        );
        row.expect("a String takes what is written");
    }
    html("Problems", &format!("<h1>Problems</h1><p>The kinds of error that Doorward answers with. A kind's name and code never change.</p><ul>{rows}</ul>"))
}

async fn kind_page(Path(name): Path<String>) -> Result<Response, Problem> {
    let kind = Kind::named(&name).ok_or_else(|| Problem::new(Kind::NotFound))?;
    let example = format!(
        "{{\n  \"type\": \"/problems/{name}\",\n  \"title\": \"{title}\",\n  \"status\": {status},\n  \"code\": {code},\n  \"i18n_key\": \"error.{name}\",\n  …\n}}",
        name = kind.name(),
        title = kind.title(),
        status = kind.status().as_u16(),
        code = kind.code(),
    );
    let content = format!(
        "<p class=\"path\"><a href=\"/problems/\">Problems</a> / <code>{name}</code></p>\
         <h1>{title}</h1><p class=\"facts\"><b>{status}</b> <code>{code}</code></p>\
         <p>{explanation}</p><h2>What to do next</h2><p>{next}</p>\
         <h2>How to tell it in a program</h2>\
         <p>By the last segment of <code>type</code>, or by <code>code</code>.</p><pre>{example}</pre>",
        name = kind.name(),
        title = kind.title(),
        status = kind.status(),
        code = kind.code(),
        explanation = prose(kind.explanation()),
        next = prose(kind.next()),
    );
    Ok(html(kind.title(), &content))
}

/// The catalogue's sentences as HTML: `this` becomes code. They hold no other markup.
fn prose(sentences: &str) -> String {
    let mut html = String::with_capacity(sentences.len() + 32);
    for (place, part) in sentences.split('`').enumerate() {
        match place % 2 {
            0 => html.push_str(part),
            _ => {
                html.push_str("<code>");
                html.push_str(part);
                html.push_str("</code>");
            }
        }
    }
    html
}

fn html(title: &str, content: &str) -> Response {
    let page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{title} · Doorward</title><link rel=\"stylesheet\" href=\"/problems/style.css\">\
         </head><body><main>{content}</main></body></html>"
    );
    let headers: [(HeaderName, &str); 3] = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
        (header::CACHE_CONTROL, "public, max-age=3600"),
    ];
    (headers, page).into_response()
}

async fn style() -> Response {
    let headers: [(HeaderName, &str); 2] = [(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "public, max-age=3600")];
    (headers, include_str!("page.css")).into_response()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use http::{Request, StatusCode};
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    use super::*;

    async fn ask(path: &str) -> (Response<()>, String) {
        let request = Request::get(path).body(Body::empty()).expect("a request");
        let response = pages::<()>().oneshot(request).await.expect("routers do not fail");
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("a body").to_bytes();
        let text = String::from_utf8(bytes.to_vec()).expect("UTF-8");
        (Response::from_parts(parts, ()), text)
    }

    #[tokio::test]
    async fn every_kind_has_its_page() {
        for kind in Kind::ALL {
            let (response, page) = ask(&format!("/problems/{}", kind.name())).await;
            assert_eq!(response.status(), StatusCode::OK);
            assert!(!response.headers()["content-security-policy"].is_empty());
            assert!(page.contains(kind.title()) && page.contains(&kind.code().to_string()));
            assert!(!page.contains('`'), "{page}");
        }
    }

    #[tokio::test]
    async fn the_index_names_all_and_other_names_are_404() {
        for path in ["/problems", "/problems/"] {
            let (response, page) = ask(path).await;
            assert_eq!(response.status(), StatusCode::OK);
            assert!(Kind::ALL.iter().all(|kind| page.contains(kind.name())));
        }
        assert_eq!(ask("/problems/other").await.0.status(), StatusCode::NOT_FOUND);
        assert_eq!(ask("/problems/style.css").await.0.status(), StatusCode::OK);
    }

    #[test]
    fn the_catalogue_needs_no_escaping() {
        for kind in Kind::ALL {
            for text in [kind.title(), kind.explanation(), kind.next()] {
                assert!(!text.contains(['<', '>', '&', '"']), "{text}");
                assert_eq!(text.matches('`').count() % 2, 0, "{text}");
            }
        }
    }
}
