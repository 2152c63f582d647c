//! The rows: each kind of thing, its table, and how it becomes cells and back.

mod account;
mod budget;
mod device;
mod event;
mod feed;
mod key_usage;
mod offer;
mod once;
mod session;
mod sign_in;
mod tenant;
mod tombstone;

pub(crate) use budget::{BUDGET, Spending};
pub(crate) use device::STANDS;
pub use key_usage::{AccountPlace, KeyUsage, KeysUsed};
pub(crate) use key_usage::{count, forget, heads, holders, questions, reseal};
pub(crate) use session::ACTIVITY;

use crate::row::{Row, Scope, Table};

/// The tables of which an account has rows, its head's first; and the column by which it is named in them.
pub(crate) fn of_accounts() -> impl Iterator<Item = (&'static Table, &'static str)> {
    let kept_in_it = tables().into_iter().filter(|table| table.scope == Scope::Account).map(|table| (table, "account"));
    std::iter::once((doorward_domain::Head::TABLE, "id")).chain(kept_in_it)
}

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
        BUDGET,
        Tombstone::TABLE,
    ]
}
