//! The command line: what `doorward` can be asked to do.

use clap::{Arg, ArgMatches, Command, Subcommand as _};

use crate::admin::Act;
use crate::config::{SETTINGS, Setting};

/// The whole command line.
pub(crate) fn command() -> Command {
    Command::new("doorward")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Remembers the devices that people trust, and keeps the register of their sessions")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(serve())
        .subcommand(dev())
        .subcommand(migrate())
        .subcommand(openapi())
        .subcommands(admin())
}

/// The commands for operators, each with the settings that lead to the database.
fn admin() -> Vec<Command> {
    let settings = || std::iter::once(config_file()).chain(named(&["data_dir", "database_url", "secret_key_file", "log", "log_format"]));
    let with_settings = |command: Command| command.args(settings().map(|arg| arg.global(true))).args(crate::admin::flags());
    Act::augment_subcommands(Command::new("admin")).get_subcommands().cloned().map(with_settings).collect()
}

/// Whether the command line asks for one of them.
pub(crate) fn is_admin(matches: &ArgMatches) -> bool {
    matches.subcommand_name().is_some_and(Act::has_subcommand)
}

fn serve() -> Command {
    Command::new("serve")
        .about("Runs the service")
        .long_about(
            "Runs the service. Settings are taken from flags, then from DOORWARD_* variables, then from the file.\n\n\
             Secrets have no flag, since a command line can be read by every user of the machine:\n\
             DOORWARD_SECRET_KEY         the server key, 32 bytes in base64; several joined by commas, the active one first.\n\
             \x20                           On SQLite one is made at first start; on PostgreSQL it must be given.\n\
             DOORWARD_BOOTSTRAP_API_KEY  the first API key of DOORWARD_BOOTSTRAP_TENANT, installed once ever",
        )
        .arg(config_file())
        .args(SETTINGS.iter().filter_map(Setting::arg))
}

fn dev() -> Command {
    Command::new("dev")
        .about("Runs the service with a small demo login, on this machine only, to try it out")
        .arg(Arg::new("data_dir").long("data-dir").value_name("DIR").help("Where the database and keys go [default: ./data/dev]"))
        .arg(Arg::new("listen").long("listen").value_name("HOST:PORT").help("Where Doorward listens [default: 127.0.0.1:8080]"))
        .arg(Arg::new("demo_listen").long("demo-listen").value_name("HOST:PORT").help("Where the demo login listens [default: 127.0.0.1:8081]"))
        // The variables aren't read here, so that those of a production server can't leak into it.
        .args(["log", "log_format"].iter().filter_map(|name| Setting::named(name)).filter_map(Setting::flag_alone))
}

fn migrate() -> Command {
    Command::new("migrate").about("Brings the database's tables up to date; serve does this by itself").arg(config_file()).args(named(&[
        "data_dir",
        "database_url",
        "log",
        "log_format",
    ]))
}

fn openapi() -> Command {
    Command::new("openapi").about("Prints the OpenAPI description of all surfaces, as JSON")
}

fn config_file() -> Arg {
    Arg::new("config").long("config").value_name("FILE").help("A TOML file with the same settings, written with _ for - [env: DOORWARD_CONFIG]")
}

fn named(names: &'static [&'static str]) -> impl Iterator<Item = Arg> {
    names.iter().filter_map(|name| Setting::named(name)).filter_map(Setting::arg)
}
