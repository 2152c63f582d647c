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
        .subcommand(config())
        .subcommand(doctor())
        .subcommand(backup())
        .subcommand(restore())
        .subcommands(admin())
}

fn config() -> Command {
    Command::new("config")
        .about("Shows the settings in force and where each comes from; secrets are masked")
        .arg(crate::admin::json())
        .arg(config_file())
        .args(SETTINGS.iter().filter_map(Setting::arg))
}

fn doctor() -> Command {
    Command::new("doctor")
        .about("Finds what is misconfigured and says what to do")
        .long_about(
            "Looks at the settings, the server key, the files, the machine and the database, changes nothing, and says what to do.\n\
             It takes the same settings as serve, and may run beside it. Exit code 1 if a check fails, 0 if some only warn.",
        )
        .arg(Arg::new("deep").long("deep").action(clap::ArgAction::SetTrue).help("Read every page and index of the database, which takes a while"))
        .arg(crate::admin::json())
        .arg(config_file())
        .args(SETTINGS.iter().filter_map(Setting::arg))
}

const DATABASE: &[&str] = &["data_dir", "database_url", "erasure_list", "secret_key_file", "log", "log_format"];

fn backup() -> Command {
    Command::new("backup")
        .about("Copies the database into a new file, also while a server uses it")
        .long_about(
            "Copies the database into a new file, also while a server uses it. The copy is of one moment: every change that was\n\
             answered before is in it. It is checked, synced and readable by its owner alone. Nothing is overwritten.\n\n\
             The server key is not in it. Keep that apart.",
        )
        .arg(Arg::new("to").value_name("FILE").required(true).help("The file to write, or a folder for one named by the time"))
        .arg(crate::admin::json())
        .arg(config_file())
        .args(named(DATABASE))
}

fn restore() -> Command {
    Command::new("restore")
        .about("Makes a database of a backup; all sessions, all trust and all API keys in it are ended")
        .long_about(
            "Makes a database of a backup, where none is. What the backup holds may have been ended since, so everything that opens\n\
             anything is ended before the database gets its name: all sessions and all trust of every tenant, and every API key\n\
             but those named. Devices, accounts, policies and the audit trail stay.",
        )
        .arg(Arg::new("from").value_name("FILE").required(true).help("The backup"))
        .arg(
            Arg::new("keep_api_key")
                .long("keep-api-key")
                .value_name("ID")
                .action(clap::ArgAction::Append)
                .help("An API key that stays good, if you know that nobody ended it since; may be repeated"),
        )
        .args([crate::admin::actor(), crate::admin::json()])
        .arg(config_file())
        .args(named(DATABASE))
}

/// The commands for operators, each with the settings that lead to the database.
fn admin() -> Vec<Command> {
    let settings = || std::iter::once(config_file()).chain(named(DATABASE));
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
    let about = "Brings the database's tables up to date; serve does this by itself";
    Command::new("migrate").about(about).arg(crate::admin::json()).arg(config_file()).args(named(&["data_dir", "database_url", "log", "log_format"]))
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
