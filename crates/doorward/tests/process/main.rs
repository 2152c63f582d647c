//! The `doorward` command as a process.

mod attacks;
mod audit;
mod backups;
mod commands;
mod doctor;
mod gateways;
mod operations;
mod policies;
mod reloads;
mod running;
mod server_keys;
mod starts;
