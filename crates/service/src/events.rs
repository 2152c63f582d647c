//! Events: a person's own security history.

use doorward_domain::{Event, UserId};
use doorward_store::{Need, Page};
use uuid::Uuid;

use crate::access::Access;
use crate::pages::List;
use crate::{Error, PageRequest, Paged, Service};

/// An event, and whose it is.
#[derive(Debug, Clone)]
pub struct EventView {
    /// The event.
    pub event: Event,
    /// Whose it is: nobody's, if it is the tenant's own or its person was erased.
    pub user: Option<UserId>,
}

impl Service {
    /// What happened to a person's devices and sessions, newest first. Forgetting a device hides nothing of it.
    ///
    /// # Errors
    /// `Unauthenticated`; `Invalid` for a cursor that isn't this list's.
    pub async fn list_events(&self, access: &Access, request: &PageRequest) -> Result<Paged<EventView>, Error> {
        let page = async {
            let account = self.read(access, |_| Need::default(), |account, _, _| Ok(account.head.id)).await?;
            let list = List { keys: &self.keys, name: "events", account };
            let before = list.open(request.cursor.as_deref())?;
            let need = |_| Need { events: Some(Page { before, limit: request.limit + 1 }), ..Need::default() };
            let view = |event: &Event, user: &UserId| EventView { event: event.clone(), user: Some(user.clone()) };
            self.read(access, need, |account, _, _| {
                let events = account.events.iter().map(|event| view(event, &account.head.user));
                list.cut(events, request, |view| position(&view.event))
            })
            .await
        };
        let page = page.await;
        self.or_empty(access, request, "events", page)
    }
}

/// An event's place in the list: its number, in the form in which cursors carry places.
fn position(event: &Event) -> Uuid {
    Uuid::from_u128(u128::from(event.number.unsigned_abs()))
}
