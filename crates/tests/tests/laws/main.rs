//! The store's laws: what every engine keeps, each stated once and held against all of them.

mod accounts;
mod activations;
mod backups;
mod batches;
mod boundaries;
mod budgets;
mod caps;
mod endings;
mod erasure;
mod events;
mod feed;
mod isolation;
mod lists;
mod once;
mod reads;
mod refusals;
mod reopening;
mod retention;
mod round_trip;
mod sealing;
mod sign_ins;
mod sqlite_file;
mod tenants;
mod touching;
