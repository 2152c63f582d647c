//! An event on the wire.

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// Something that Doorward did.
#[derive(Serialize, ToSchema)]
pub(crate) struct Event {
    /// Its id, a UUIDv7.
    #[schema(format = Uuid)]
    id: String,
    /// What happened: a closed list, in `docs/events.md`.
    #[schema(example = "device.trusted")]
    r#type: &'static str,
    /// When.
    #[schema(format = DateTime)]
    at: String,
    /// Who did it: `user:<session>`, `key:<key>`, `key:<key>:<human>`, `system` or `system:<human>`. To the person a key is just `host`, and no human is named.
    #[schema(example = "user:019aa0b2-3c4d-7e5f-8a6b-7c8d9e0f1a2b")]
    actor: String,
    /// Why, where the type alone doesn't say.
    cause: Option<&'static str>,
    /// Whose it is; null if it is the tenant's own, or the person was erased.
    user_id: Option<String>,
    /// The device it happened to.
    #[schema(format = Uuid)]
    device_id: Option<String>,
    /// The session it happened to.
    #[schema(format = Uuid)]
    session_id: Option<String>,
    /// The sign-in that led to it.
    #[schema(format = Uuid)]
    sign_in_id: Option<String>,
    /// Details by name.
    #[schema(value_type = Object)]
    data: Map<String, Value>,
}

impl Event {
    /// For the person it happened to: that somebody of the host acted, and not who.
    pub(crate) fn for_person(view: doorward_service::EventView) -> Self {
        let event = Self::from(view);
        let actor = match event.actor.split(':').next() {
            Some("key") => "host".to_owned(),
            Some("system") => "system".to_owned(),
            _ => event.actor,
        };
        Self { actor, ..event }
    }
}

/// A stretch of a tenant's feed.
#[derive(Serialize, ToSchema)]
pub(crate) struct FeedPage {
    /// The events, each account's in their order.
    items: Vec<Event>,
    /// Where the feed goes on; also where there is nothing more yet.
    next_cursor: String,
}

impl From<doorward_service::FeedPage> for FeedPage {
    fn from(page: doorward_service::FeedPage) -> Self {
        let view = |event: doorward_domain::FeedEvent| doorward_service::EventView { event: event.event, user: event.user };
        Self { items: page.events.into_iter().map(|event| Event::from(view(event))).collect(), next_cursor: page.next_cursor }
    }
}

impl From<doorward_service::EventView> for Event {
    fn from(view: doorward_service::EventView) -> Self {
        let event = view.event;
        Self {
            id: event.id.to_string(),
            r#type: event.kind.as_str(),
            at: event.at.to_string(),
            actor: event.actor,
            cause: event.cause.map(doorward_domain::Cause::as_str),
            user_id: view.user.map(|user| user.to_string()),
            device_id: event.device.map(|id| id.to_string()),
            session_id: event.session.map(|id| id.to_string()),
            sign_in_id: event.sign_in.map(|id| id.to_string()),
            data: event.data,
        }
    }
}
