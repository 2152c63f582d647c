//! The `doorward` command as a process.

mod backups;
mod commands;
mod gateways;
mod running;
mod starts;
