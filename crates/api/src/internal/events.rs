//! `/internal/events`: the tenant's feed of events.

use std::time::Duration;

use axum::Json as Answer;
use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Surfaces;
use crate::context::RequestContext;
use crate::extract::{Key, Read};
use crate::problem::Problem;
use crate::query::{Feed, Query};
use crate::wire::FeedPage;

pub(super) fn router() -> OpenApiRouter<Surfaces> {
    OpenApiRouter::new().routes(routes!(read_feed))
}

/// The tenant's feed
///
/// Everything that happened in the tenant, from the oldest event that is kept: nothing is skipped, and an account's events come in
/// their order. Keep `next_cursor` once you have dealt with the page, and ask again with it. With `wait_s` an empty page is
/// answered as soon as something happens, or when the time is over.
#[utoipa::path(get, path = "/internal/events", tag = "feed", operation_id = "read_feed",
    params(
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the answer before; without it the feed begins with the oldest event"),
        ("limit" = Option<u16>, Query, minimum = 1, maximum = 100, description = "Events in an answer; 20 unless given"),
        ("wait_s" = Option<u32>, Query, minimum = 0, maximum = 25, description = "For how long to wait where there is nothing yet; 0 unless given"),
    ),
    responses((status = 200, body = FeedPage)), extensions(("x-doorward-role" = json!("viewer"))))]
async fn read_feed(
    State(surfaces): State<Surfaces>,
    context: RequestContext,
    key: Key<Read>,
    Query(Feed(request)): Query<Feed>,
) -> Result<Answer<FeedPage>, Problem> {
    // Whoever waits is given the time for it, however short the limit of requests is set.
    context.may_take(Duration::from_secs(u64::from(request.wait_s) + 5));
    Ok(Answer(surfaces.service.read_feed(&key.backend.tenant, &request).await?.into()))
}
