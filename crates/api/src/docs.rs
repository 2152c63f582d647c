//! `/docs` and `/openapi.json`: the description, and Swagger UI over it, served from the binary alone.

use axum::Router;
use axum::body::Bytes;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::get;
use http::{HeaderValue, header};
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::{Surfaces, description};

/// Swagger UI sets inline styles and draws with data images; everything else comes from here.
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; font-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// The description's paths.
pub(crate) fn router() -> Router<Surfaces> {
    let config = Config::new(["/openapi.json"])
        .deep_linking(true)
        .display_request_duration(true)
        .doc_expansion("list")
        .filter(true)
        .validator_url("none")
        .persist_authorization(false);
    // Written once: whoever asks for it again and again has it copied, not made.
    let text = serde_json::to_string(&description()).expect("the description is JSON");
    let text = Bytes::from(text);
    let page = get(move || async move { ([(header::CONTENT_TYPE, "application/json")], text) });
    let ui = Router::<()>::from(SwaggerUi::new("/docs").config(config)).route("/openapi.json", page);
    Router::new().merge(ui.layer(from_fn(with_policy)).with_state(()))
}

async fn with_policy(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CSP));
    response
}
