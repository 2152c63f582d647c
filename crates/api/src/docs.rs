//! `/docs`, `/openapi.json` and `/openapi/…`: the descriptions, and Swagger UI over them, served from the binary alone.

use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::body::Bytes;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{MethodRouter, get};
use http::{HeaderValue, header};
use utoipa_swagger_ui::{Config, SwaggerUi, Url};

use crate::{Description, Dialects, Surfaces, descriptions};

/// Swagger UI sets inline styles and draws with data images; everything else comes from here.
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; font-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// The descriptions' paths. The page opens on the own APIs, and lets one choose.
pub(crate) fn router(dialects: Dialects) -> Router<Surfaces> {
    let each = descriptions(dialects);
    let config = Config::new(each.iter().map(|description| Url::new(description.name, description.path)))
        .deep_linking(true)
        .display_request_duration(true)
        .doc_expansion("list")
        .filter(true)
        .validator_url("none")
        .persist_authorization(false);
    let ui = Router::<()>::from(SwaggerUi::new("/docs").config(config));
    let ui = each.into_iter().fold(ui, |ui, description| ui.route(description.path, page(description)));
    Router::new().merge(ui.layer(from_fn(with_policy)).with_state(()))
}

/// Written when it is first asked for, and once: whoever asks for it again and again has it copied, not made.
fn page(description: Description) -> MethodRouter {
    let text = LazyLock::new(move || Bytes::from(serde_json::to_string(&description.openapi()).expect("the description is JSON")));
    let text = Arc::new(text);
    get(move || async move { ([(header::CONTENT_TYPE, "application/json")], Bytes::clone(&text)) })
}

async fn with_policy(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CSP));
    response
}
