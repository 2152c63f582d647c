//! The rows: each kind of thing, its table, and how it becomes cells and back.

mod account;
mod budget;
mod device;
mod event;
mod feed;
mod offer;
mod once;
mod session;
mod sign_in;
mod tenant;
mod tombstone;

pub(crate) use budget::Spending;
pub(crate) use session::ACTIVITY;

use crate::row::{Row, Table};

/// Every table, in the order in which they are made.
#[must_use]
pub fn tables() -> Vec<&'static Table> {
    use doorward_domain::{ApiKey, Device, Event, FeedEntry, FeedHead, Head, Offer, Once, Raise, Reported, Session, SignIn, Tenant, Tombstone};
    vec![
        Tenant::TABLE,
        ApiKey::TABLE,
        tenant::SERVER_KEY,
        tenant::META,
        Head::TABLE,
        Device::TABLE,
        Session::TABLE,
        ACTIVITY,
        Offer::TABLE,
        SignIn::TABLE,
        Raise::TABLE,
        Reported::TABLE,
        Event::TABLE,
        FeedEntry::TABLE,
        FeedHead::TABLE,
        Once::TABLE,
        budget::BUDGET,
        Tombstone::TABLE,
    ]
}
