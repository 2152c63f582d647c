//! What stands around every handler: the frame (ids, log, metrics, problems), the guard (limits) and
//! the throttle (of wrong secrets).
//!
//! A surface's router is wrapped once, `router.layer((frame, guard, throttle))`: the frame outermost, so that
//! it sees whatever the guard refuses.

mod body;
mod evenness;
mod frame;
mod guard;
mod throttle;

pub use body::WholeBody;
pub(crate) use evenness::WrongSecret;
pub use frame::Frame;
pub use guard::Guard;
pub use throttle::Throttle;

#[cfg(test)]
mod tests;
