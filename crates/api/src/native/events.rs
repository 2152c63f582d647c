//! `/api/v1/events`: one's own security history.

use axum::Json as Answer;
use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Surfaces;
use crate::extract::Person;
use crate::problem::Problem;
use crate::query::{PageOnly, Query};
use crate::wire::{Event, List};

pub(super) fn router() -> OpenApiRouter<Surfaces> {
    OpenApiRouter::new().routes(routes!(list_events))
}

/// My security history
///
/// What happened to my devices and sessions, newest first. Removing a device hides nothing of it.
#[utoipa::path(get, path = "/api/v1/events", tag = "events", operation_id = "list_events",
    params(
        ("limit" = Option<u16>, Query, minimum = 1, maximum = 100, description = "Items on a page; 20 unless given"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses((status = 200, body = List<Event>)))]
async fn list_events(State(surfaces): State<Surfaces>, person: Person, Query(PageOnly(page)): Query<PageOnly>) -> Result<Answer<List<Event>>, Problem> {
    let page = surfaces.service.list_events(&person.access, &page).await?;
    Ok(Answer(List::of(page, Event::for_person)))
}
