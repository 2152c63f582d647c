//! The `doorward` command as a process.

mod attacks;
mod audit;
mod backups;
mod commands;
mod doctor;
mod full_disk;
mod gateways;
mod locations;
#[path = "../../../tests/src/mmdb.rs"]
#[allow(unreachable_pub, reason = "it belongs to the tests of the workspace, and no crate may depend on those")]
mod mmdb;
mod operations;
mod policies;
mod postgres;
mod reloads;
mod running;
mod server_keys;
mod starts;
