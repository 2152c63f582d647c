//! The `doorward` command: configuration, listeners, workers.

mod admin;
mod backup;
mod bar;
mod command;
mod config;
mod dev;
mod doctor;
mod erasure_list;
mod failure;
mod health;
mod keys;
mod location_file;
mod log;
mod migrate;
mod node;
mod reload;
mod secret_file;
mod serve;
mod server;
mod watch;

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::ExitCode;

use clap::ArgMatches;

use config::{Config, Given, listen_address};
use failure::Failure;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // The one crypto stack. It is the first to be installed, so this can't fail.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    match run(&command::command().get_matches()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // With stderr closed there is nobody to tell.
            let _ = writeln!(std::io::stderr(), "doorward: {failure}");
            failure.exit_code()
        }
    }
}

fn run(matches: &ArgMatches) -> Result<(), Failure> {
    match matches.subcommand() {
        Some(("serve", flags)) => {
            let flags = flags.clone();
            block_on(serve::serve(Box::new(move || given(&flags))))
        }
        Some(("dev", flags)) => {
            let (listen, data_dir, log) = Config::check_dev(Given::from_flags(flags))?;
            let demo_listen = demo_address(flags)?;
            block_on(dev::dev(listen, demo_listen, &data_dir, log))
        }
        Some(("migrate", flags)) => {
            let (database, keys, log) = Config::check_database(given(flags)?)?;
            block_on(migrate::migrate(flags, &database, &keys, &log))
        }
        Some(("backup", flags)) => {
            let (storage, log) = Config::check_command(given(flags)?)?;
            block_on(backup::backup(flags, &storage.database, &storage.keys, &log))
        }
        Some(("restore", flags)) => {
            let (storage, log) = Config::check_command(given(flags)?)?;
            block_on(backup::restore(flags, &storage, &log))
        }
        Some(("doctor", flags)) => block_on(doctor::doctor(flags, given(flags)?)),
        Some(("config", flags)) => config::show(flags, given(flags)?),
        Some(("openapi", _)) => {
            let written = std::io::stdout().write_all(doorward_api::Description::whole(doorward_api::Dialects::default()).json().as_bytes());
            written.map_err(|error| Failure::new(format!("The description can't be printed: {error}")))
        }
        Some((_, flags)) if command::is_admin(matches) => {
            let (storage, log) = Config::check_command(given(flags)?)?;
            block_on(admin::run(matches, storage, log))
        }
        _ => Err(Failure::of_settings("No such command. `doorward --help` lists them.")),
    }
}

fn given(flags: &ArgMatches) -> Result<Given, Failure> {
    Ok(Given::gather(flags, &|name| std::env::var(name).ok())?)
}

fn demo_address(flags: &ArgMatches) -> Result<SocketAddr, Failure> {
    let Some(text) = flags.get_one::<String>("demo_listen") else { return Ok(SocketAddr::from(([127, 0, 0, 1], 8081))) };
    listen_address(text)
        .ok_or_else(|| Failure::of_settings(format!("--demo-listen: `{text}` is no address to listen on. Write HOST:PORT, such as 127.0.0.1:8081.")))
}

fn block_on(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new(format!("No threads can be started: {error}")))?;
    let ended = runtime.block_on(command);
    // What still runs has had its time.
    runtime.shutdown_background();
    ended
}
