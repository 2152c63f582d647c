//! `/oauth2/introspect`: token introspection by RFC 7662, for what speaks that and not ours.

use axum::extract::{FromRequest, Request, State};
use axum::{Extension, Json as Answer};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorward_domain::Right;
use http::HeaderMap;
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Surfaces;
use crate::extract::{Grade, Key, authorization, media_type, only};
use crate::layers::{WholeBody, WrongSecret};
use crate::problem::{Challenge, FieldError, FieldFault, Kind, Problem};
use crate::query::{Nothing, Query};
use crate::wire::Introspection;

pub(super) fn router() -> OpenApiRouter<Surfaces> {
    OpenApiRouter::new().routes(routes!(introspect))
}

/// As verify; the key may also come as the password of HTTP Basic, under any name.
struct Introspect;

impl Grade for Introspect {
    const RIGHT: Right = Right::Verify;
    const CHALLENGE: Challenge = Challenge::Basic;

    fn keys(headers: &HeaderMap) -> Vec<String> {
        let own = only(headers, "x-api-key").map(str::to_owned);
        let basic = authorization(headers, "basic").map(passwords);
        match (own, basic) {
            (Some(own), Some(basic)) => Some(own).filter(|own| basic.contains(own)).into_iter().collect(),
            (own, None) => own.into_iter().collect(),
            (None, Some(basic)) => basic,
        }
    }
}

/// The password of HTTP Basic: as it is, and as a form writes it, which is what RFC 6749 (2.3.1) wants of OAuth clients. Many
/// of them don't, so what is literally a key stays one.
fn passwords(credentials: &str) -> Vec<String> {
    let text = STANDARD.decode(credentials).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let Some((_, literal)) = text.as_deref().and_then(|text| text.split_once(':')) else { return vec![] };
    let form = literal.replace('+', " ");
    let decoded = percent_decode_str(&form).decode_utf8().ok().filter(|decoded| *decoded != literal);
    std::iter::once(literal.to_owned()).chain(decoded.map(Into::into)).collect()
}

/// A token to look into.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "it describes the form, which is read pair by pair")]
struct Inspection {
    /// An access token.
    #[schema(min_length = 1, example = "dws_…")]
    token: String,
    /// What kind of token it may be; there is one kind.
    token_type_hint: Option<String>,
}

/// The `token` of the form. Other fields are the business of other servers, and ignored, as RFC 6749 wants it; none comes twice.
struct Token(String);

impl<S: Send + Sync> FromRequest<S> for Token {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let is_form = media_type(request.headers()).eq_ignore_ascii_case("application/x-www-form-urlencoded");
        let WholeBody(body) = WholeBody::from_request(request, state).await?;
        if !is_form && !body.is_empty() {
            return Err(Problem::new(Kind::UnsupportedMediaType).detail("Send the body as a form, with Content-Type: application/x-www-form-urlencoded."));
        }
        let pairs: Vec<_> = form_urlencoded::parse(&body).collect();
        let mut faults = vec![];
        for name in ["token", "token_type_hint"] {
            if pairs.iter().filter(|(given, _)| given == name).count() > 1 {
                faults.push(FieldError::new(name, FieldFault::Repeated, "is given more than once"));
            }
        }
        let token = pairs.iter().find(|(name, value)| name == "token" && !value.is_empty()).map(|(_, value)| value.to_string());
        if token.is_none() && faults.is_empty() {
            faults.push(FieldError::new("token", FieldFault::Required, "is required"));
        }
        token.filter(|_| faults.is_empty()).map(Self).ok_or_else(|| Problem::invalid(faults))
    }
}

/// Introspect an access token
///
/// RFC 7662. The API key comes in its header, or as the password of HTTP Basic under any name, as it is or as a form encodes it. Never counts as activity. An inactive token is
/// exactly `{"active":false}`; times are in whole seconds.
#[utoipa::path(post, path = "/oauth2/introspect", tag = "gateways", operation_id = "introspect",
    request_body(content = Inspection, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = Introspection)), extensions(("x-doorward-role" = json!("verify"))))]
async fn introspect(
    State(surfaces): State<Surfaces>,
    key: Key<Introspect>,
    Query(Nothing): Query<Nothing>,
    Token(token): Token,
) -> Result<(Option<Extension<WrongSecret>>, Answer<Introspection>), Problem> {
    let verified = surfaces.service.verify(&key.backend, &token, false).await?;
    Ok((WrongSecret::mark(verified.is_wrong()), Answer(verified.into())))
}
