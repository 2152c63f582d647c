//! The `doorward` command as a process.

mod commands;
mod gateways;
mod running;
mod starts;
