//! The command line's shape.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

use crate::base::Dialect;

/// A SQL proxy that makes one plain COMMIT atomic over several PostgreSQL and MySQL databases.
#[derive(Clone, Debug, Parser)]
#[command(name = "handfast", version, disable_help_subcommand = true, arg_required_else_help = true)]
#[command(
    after_help = "Exit codes: 0 ok, 1 a problem was found, 2 wrong usage or configuration, 3 something is not installed."
)]
pub struct Args {
    /// Configuration; else $HANDFAST_CONFIG, ./handfast.toml, /etc/handfast/handfast.toml
    #[arg(short, long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// A value beside the file, such as transactions.commit_wait=3s; may be repeated
    #[arg(long, global = true, value_name = "KEY=VALUE", value_parser = assignment)]
    pub set: Vec<(String, String)>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

fn assignment(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) => Ok((key.trim().to_owned(), value.to_owned())),
        None => Err("it is KEY=VALUE, for example transactions.commit_wait=3s".to_owned()),
    }
}

/// What to do.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Look at databases and write a configuration for them
    Init(super::init::InitArgs),
    /// Run the proxy
    Serve {
        /// Read the configuration again whenever one of its files changes; a wrong one changes nothing
        #[arg(long)]
        watch: bool,
    },
    /// What would hurt in production, each with its fix: the configuration, this machine, the backends; changes nothing
    #[command(
        after_help = "Exit codes: 0 no error (and no warning with --strict), 1 errors, 2 a configuration that cannot be read."
    )]
    Check(super::check::CheckArgs),
    /// Where a statement goes, as what, and how it is committed; a backend is asked only for tables of the other dialect
    Explain {
        /// The statement
        sql: String,
        /// Which protocol the client speaks; default: the only one that is listened on, else pg
        #[arg(long, value_enum)]
        client: Option<ClientKind>,
        /// As whom the client has logged in, which says what it may use; default: somebody who may use every backend
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
        /// How to print
        #[arg(short, long, value_enum, default_value_t = Output::Table)]
        output: Output,
    },
    /// Transactions over several backends: what is in doubt, why, what happens next, what can be done by hand
    Transactions {
        /// What to do with them.
        #[command(subcommand)]
        action: TransactionsAction,
    },
    /// The running Handfast at a glance; exit code 0 if it takes clients and nothing is in doubt
    Status {
        /// Print nothing; exit code 0 if it takes clients (for health checks)
        #[arg(short, long)]
        quiet: bool,
        /// How it is printed
        #[arg(short, long, value_enum, default_value_t = Output::Table)]
        output: Output,
    },
    /// Stop the running Handfast gracefully: open transactions may end, phase two is never abandoned
    Drain {
        /// Return only when it has stopped
        #[arg(long)]
        wait: bool,
    },
    /// Finish what is in doubt from the journal, without serving anybody
    Recover {
        /// While no Handfast runs by this journal
        #[arg(long, required = true)]
        offline: bool,
        /// Only say what would be done
        #[arg(long)]
        dry_run: bool,
    },
    /// Empty stand-ins, in the home databases, of tables that live on other backends: for \d, SHOW TABLES and reflection
    Catalog {
        /// What to do with them.
        #[command(subcommand)]
        action: CatalogAction,
    },
    /// The journal of decisions
    Journal {
        /// What to do with it.
        #[command(subcommand)]
        action: JournalAction,
    },
    /// The configuration, and where it came from
    Config {
        /// What to do with it.
        #[command(subcommand)]
        action: ConfigAction,
    },
    /// Let the running one read its configuration again; says what changes, or why nothing does
    Reload {
        /// How it is printed
        #[arg(short, long, value_enum, default_value_t = Output::Table)]
        output: Output,
    },
    /// Turn a password, read from standard input, into a password_hash for [[users]]
    HashPassword,
    /// Print completions for a shell: handfast completions bash > /etc/bash_completion.d/handfast
    Completions {
        /// For which
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Write the manual pages into a folder
    Man {
        /// For example /usr/local/share/man/man1
        folder: PathBuf,
    },
    /// Play the demonstration on throw-away databases
    Demo(super::demo::DemoArgs),
    /// Explain an error code at length
    #[command(name = "help", alias = "help-code")]
    Help {
        /// HFnnnn, as it stands in the error's DETAIL (PostgreSQL) or at its end in brackets (MySQL)
        code: Option<String>,
    },
}

/// `handfast config …`
#[derive(Clone, Debug, Subcommand)]
pub enum ConfigAction {
    /// Print every value; secrets as ***
    Show {
        /// And where it came from: default, file:line, environment or --set
        #[arg(long)]
        origin: bool,
        /// How it is printed
        #[arg(short, long, value_enum, default_value_t = Output::Table)]
        output: Output,
    },
    /// Print the JSON schema of the file, for editors
    Schema,
}

/// How a command prints what it found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    Table,
    /// For programs.
    Json,
}

/// `handfast transactions …`
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum TransactionsAction {
    /// List what is in doubt (exit code 1 if something is); while no Handfast runs, what is prepared on the backends
    List {
        /// Also what is ending, and the last that ended
        #[arg(long)]
        all: bool,
        /// How it is printed
        #[arg(short, long, value_enum, default_value_t = Output::Table)]
        output: Output,
    },
    /// Everything that is known of one: its branches, its timeline, why, what now, the SQL to do it by hand
    Show {
        /// Its name, such as hf1.shop.n-1.1700000000.42
        name: String,
        /// How it is printed
        #[arg(short, long, value_enum, default_value_t = Output::Table)]
        output: Output,
    },
    /// Try to finish one at once; refuses what would leave it half done
    Resolve {
        /// Its name
        name: String,
        /// Commit it everywhere: only what is decided
        #[arg(long, required_unless_present = "rollback", conflicts_with = "rollback")]
        commit: bool,
        /// Roll it back everywhere: only what is not decided
        #[arg(long)]
        rollback: bool,
        /// A person has looked at what somebody else has ended, and has made the rows as --commit says, or leaves them lost as
        /// --rollback says; kept in the journal. Gives up nothing that is only not reached
        #[arg(long)]
        force_heuristic: bool,
        /// Wait no more for this backend, which is gone for good; kept in the journal. Should it come back with its part, that is
        /// ended as decided. Can be repeated
        #[arg(long, value_name = "BACKEND")]
        give_up: Vec<String>,
        /// Who that person is; default: $USER
        #[arg(long)]
        who: Option<String>,
        /// How it is printed
        #[arg(short, long, value_enum, default_value_t = Output::Table)]
        output: Output,
    },
    /// Prepared branches on the backends that are not this node's to finish, and what to do about each
    Strangers {
        /// How it is printed
        #[arg(short, long, value_enum, default_value_t = Output::Table)]
        output: Output,
    },
}

/// `handfast catalog …`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Subcommand)]
pub enum CatalogAction {
    /// Make what is missing, make anew what has changed, remove what no rule leads to any more
    Sync {
        /// Print the statements; change nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Remove all of them
    Drop {
        /// Print the statements; change nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// List them
    List,
}

/// `handfast journal …`
#[derive(Clone, Debug, Subcommand)]
pub enum JournalAction {
    /// Print every record
    Dump {
        /// The journal's folder; default: journal.path of the configuration
        path: Option<PathBuf>,
    },
    /// Check every record
    Verify {
        /// The journal's folder; default: journal.path of the configuration
        path: Option<PathBuf>,
    },
}

/// Which protocol a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ClientKind {
    /// PostgreSQL.
    Pg,
    /// MySQL.
    Mysql,
}

impl ClientKind {
    /// As the rest of the house calls it.
    pub fn dialect(self) -> Dialect {
        match self {
            Self::Pg => Dialect::Postgres,
            Self::Mysql => Dialect::Mysql,
        }
    }
}
