//! The rules by themselves, without a store: quick enough for mutation testing to ask them once for each mutant.

mod account;
mod applying;
mod judging;
mod policies;
mod records;
mod server_keys;
mod travel;
mod trusting;
