//! What stands around every handler: the frame (ids, log, metrics, problems) and the guard (limits).
//!
//! A surface's router is wrapped once, `router.layer((frame, guard))`: the frame outermost, so that
//! it sees whatever the guard refuses.

mod body;
mod frame;
mod guard;

pub use body::WholeBody;
pub use frame::Frame;
pub use guard::Guard;

#[cfg(test)]
mod tests;
