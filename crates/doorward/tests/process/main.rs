//! The `doorward` command as a process.

mod commands;
mod running;
mod starts;
