//! Layer 7: the command line. Every command prints to standard output, faults go to standard error, and the exit code
//! says which kind it was ([`Exit`]).

mod args;
mod catalog;
pub mod check;
mod codes;
mod config;
pub mod demo;
mod explain;
pub mod init;
mod journal;
mod manual;
mod out;
mod recover;
mod running;
mod serve;
mod status;
#[cfg(test)]
mod tests;
mod transactions;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

pub use args::{Args, CatalogAction, ClientKind, Command, ConfigAction, JournalAction, Output, TransactionsAction};

use crate::config::{Config, Overrides, Source};

use out::{complain, print};

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// As asked.
    Ok = 0,
    /// It found or met a problem.
    Problem = 1,
    /// The command line or the configuration is wrong.
    Usage = 2,
    /// Something that it needs is not installed.
    Missing = 3,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Does what the command line says.
pub fn run(args: Args) -> ExitCode {
    let file = &Chosen { file: args.config, set: args.set };
    let exit = match args.command {
        Command::Init(init) => init::run(&init),
        Command::Serve { watch } => {
            let source = file.source();
            match source.load_noted() {
                (Ok(config), seen) => serve::run(config, source, watch.then_some(seen)),
                (Err(errors), _) => {
                    complain(errors);
                    Exit::Usage
                }
            }
        }
        Command::Check(check) => with_config(file, |path, config| check::run(path, &config, check)),
        Command::Explain { sql, client, user, output } => {
            with_config(file, |_, config| explain::run(config, &sql, client, user.as_deref(), output))
        }
        Command::Transactions { action } => with_config(file, |_, config| transactions::run(&config, &action)),
        Command::Status { quiet, output } => with_config(file, |_, config| status::status(&config, quiet, output)),
        Command::Drain { wait } => with_config(file, |_, config| status::drain(&config, wait)),
        Command::Recover { offline: _, dry_run } => with_config(file, |_, config| recover::run(config, dry_run)),
        Command::Catalog { action } => with_config(file, |_, config| {
            let work = match action {
                CatalogAction::Sync { dry_run } => catalog::Work::Sync { dry_run },
                CatalogAction::Drop { dry_run } => catalog::Work::Drop { dry_run },
                CatalogAction::List => catalog::Work::List,
            };
            catalog::run(config, work)
        }),
        Command::Journal { action } => journal::run(file, &action),
        Command::Demo(demo) => return demo::run(&demo),
        Command::Config { action: ConfigAction::Show { origin, output } } => {
            with_config(file, |_, config| config::show(&config, origin, output))
        }
        Command::Config { action: ConfigAction::Schema } => config::schema(),
        Command::Reload { output } => with_config(file, |_, config| config::reload(&config, output)),
        Command::HashPassword => config::hash_password(),
        Command::Completions { shell } => manual::completions(shell),
        Command::Man { folder } => manual::pages(&folder),
        Command::Help { code } => codes::run(code.as_deref()),
    };
    exit.into()
}

/// Tells what is wrong with a command line, or the help that was asked for.
pub fn usage(told: &clap::Error) -> ExitCode {
    if told.use_stderr() {
        complain(told.render());
        return Exit::Usage.into();
    }
    print(&told.render().to_string());
    Exit::Ok.into()
}

/// The file that is meant: `-c`, $HANDFAST_CONFIG, ./handfast.toml, /etc/handfast/handfast.toml.
fn config_path(given: Option<&Path>) -> PathBuf {
    let variable = || std::env::var_os("HANDFAST_CONFIG").filter(|value| !value.is_empty()).map(PathBuf::from);
    let here = || Some(PathBuf::from("handfast.toml")).filter(|path| path.exists());
    let there = || Some(PathBuf::from("/etc/handfast/handfast.toml")).filter(|path| path.exists());
    let found = given.map(Path::to_path_buf).or_else(variable).or_else(here).or_else(there);
    found.unwrap_or_else(|| PathBuf::from("handfast.toml"))
}

/// What the command line says of the configuration.
#[derive(Clone, Debug, Default)]
struct Chosen {
    /// `-c`
    file: Option<PathBuf>,
    /// `--set`
    set: Vec<(String, String)>,
}

impl Chosen {
    /// Where it is read from.
    fn source(&self) -> Source {
        Source { path: config_path(self.file.as_deref()), overrides: Overrides::of_process(&self.set) }
    }
}

fn with_config(given: &Chosen, command: impl FnOnce(&Path, Config) -> Exit) -> Exit {
    let source = given.source();
    match source.load() {
        Ok(config) => command(&source.path, config),
        Err(errors) => {
            complain(errors);
            Exit::Usage
        }
    }
}

/// Runs one command's future on this thread.
fn block_on(future: impl Future<Output = Exit>) -> Exit {
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(future),
        Err(error) => {
            complain(format!("error: the runtime cannot start: {error}"));
            Exit::Problem
        }
    }
}

/// As JSON, for programs.
fn json(value: &impl serde::Serialize) -> String {
    let text =
        serde_json::to_string_pretty(value).expect("the model holds texts, numbers and lists only, which JSON can say");
    text + "\n"
}
