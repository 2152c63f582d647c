//! The small words that every test says: moments, tenants' and users' names.

use doorward_domain::{TenantId, Timestamp, UserId};

/// 15 January 2027, 08:00 UTC: the moment at which every test begins.
#[must_use]
pub fn start() -> Timestamp {
    Timestamp::from_micros(1_800_000_000_000_000)
}

/// So many seconds after the beginning.
#[must_use]
pub fn after(seconds: u32) -> Timestamp {
    start().plus_s(seconds)
}

/// A microsecond earlier.
#[must_use]
pub fn just_before(at: Timestamp) -> Timestamp {
    Timestamp::from_micros(at.micros() - 1)
}

/// A microsecond later.
#[must_use]
pub fn just_after(at: Timestamp) -> Timestamp {
    Timestamp::from_micros(at.micros() + 1)
}

/// A tenant's id.
///
/// # Panics
/// If it is no slug.
#[must_use]
pub fn tenant_id(slug: &str) -> TenantId {
    TenantId::new(slug).expect("a slug")
}

/// A user's id.
///
/// # Panics
/// If it breaks a rule of the type.
#[must_use]
pub fn user_id(id: &str) -> UserId {
    UserId::new(id).expect("a user's id")
}
