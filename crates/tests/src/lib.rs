//! What Doorward's tests stand on: stores to run against, people to act as, and a view of every row.

pub mod crowds;
pub mod engines;
pub mod feed;
pub mod host;
pub mod mmdb;
pub mod once;
pub mod people;
pub mod rows;
pub mod words;

pub use crowds::at_once;
pub use engines::{Engine, Given, Home, hold, hold_within, unlocked};
pub use feed::feed_fault;
pub use people::{Person, TenantChange, attempt, change_tenant, is_in, keys, mint, moment_with, passed, tenant, tenant_with, with_code};
pub use words::{after, just_after, just_before, start, tenant_id, user_id};
