//! `handfast init`: looks at databases and writes a configuration that works on them. Changes nothing there, never
//! overwrites a file here, and never writes a password into the configuration.

mod files;
mod plan;
mod text;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use futures_util::future::join_all;

use super::check::server::unreached;
use super::{Exit, block_on, complain, print};
use crate::backend::probe::{self, Inventory};
use crate::base::Dialect;
use crate::config::{self, FromUrl, Overrides, World};

use self::files::Files;
use self::plan::Plan;

/// `handfast init …`
#[derive(Clone, Debug, Args)]
pub struct InitArgs {
    /// A database, as postgres://user:password@host/database or mysql://…; once for each. The password may be ${VARIABLE}
    #[arg(long = "from", value_name = "URL", required = true)]
    pub from: Vec<String>,
    /// The file to write; one that exists is never overwritten
    #[arg(long, value_name = "FILE", default_value = "handfast.toml")]
    pub output: PathBuf,
    /// Make a file for each password in this folder, readable by you alone; default: the configuration names ${VARIABLES}
    #[arg(long, value_name = "FOLDER")]
    pub secrets: Option<PathBuf>,
    /// As whom clients log in
    #[arg(long, value_name = "NAME", default_value = "app")]
    pub user: String,
    /// Where PostgreSQL clients connect, if a database is PostgreSQL
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:6432")]
    pub postgres: SocketAddr,
    /// Where MySQL clients connect, if a database is MySQL or MariaDB
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:6306")]
    pub mysql: SocketAddr,
    /// Where operators connect: health, metrics
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:6480")]
    pub admin: SocketAddr,
    /// Where decisions are kept, on a local disk; default: handfast-journal beside the file
    #[arg(long, value_name = "FOLDER")]
    pub journal: Option<PathBuf>,
}

/// One database that was looked at.
#[derive(Debug)]
struct Source {
    given: FromUrl,
    inventory: Inventory,
}

pub(super) fn run(args: &InitArgs) -> Exit {
    if args.output.exists() {
        complain(format!(
            "error: {} exists and is not overwritten; move it away, or name another file with --output",
            args.output.display()
        ));
        return Exit::Usage;
    }
    let given = match given(&args.from) {
        Ok(given) => given,
        Err(why) => {
            complain(format!("error: {why}"));
            return Exit::Usage;
        }
    };
    block_on(async {
        let asked = join_all(given.iter().map(|given| probe::inventory(&given.backend))).await;
        let (mut sources, mut exit) = (Vec::new(), Exit::Ok);
        for (given, asked) in given.into_iter().zip(asked) {
            match asked {
                Ok(inventory) => sources.push(Source { given, inventory }),
                Err(error) => {
                    let backend = &given.backend;
                    let (what, fix) = unreached(backend, &error);
                    complain(format!("error: {} at {}: {what}\n    fix: {fix}", backend.name, backend.address));
                    exit = Exit::Problem;
                }
            }
        }
        if exit != Exit::Ok {
            complain("Nothing was written.");
            return exit;
        }
        write(args, &sources)
    })
}

/// The databases by their names. Errors: what is wrong with a URL.
fn given(urls: &[String]) -> Result<Vec<FromUrl>, String> {
    let env = |name: &str| std::env::var(name).ok();
    let mut all: Vec<FromUrl> = Vec::new();
    for (number, url) in (1..).zip(urls) {
        let mut one = config::from_url("", url, &env).map_err(|why| format!("--from number {number}: {why}"))?;
        let here = &one.backend;
        let same = |other: &FromUrl| other.backend.address == here.address && other.backend.database == here.database;
        if all.iter().any(same) {
            return Err(format!("--from number {number}: database {} is given twice", here.database));
        }
        let taken = |name: &str| all.iter().any(|other| other.backend.name == name);
        one.backend.name = plan::backend_name(&here.database, taken);
        all.push(one);
    }
    Ok(all)
}

fn write(args: &InitArgs, sources: &[Source]) -> Exit {
    let plan = Plan::new(sources);
    let files = match Files::new(args, sources) {
        Ok(files) => files,
        Err(why) => {
            complain(format!("error: {why}"));
            return Exit::Problem;
        }
    };
    let text = text::configuration(args, &files, sources, &plan);
    // What is written must be what `serve` reads: the same reader, with the passwords as they will be.
    let world = World {
        env: &|name| files.variable(name).or_else(|| std::env::var(name).ok()),
        read_file: &|path| Ok(files.content(path).unwrap_or_default()),
    };
    let read = config::parse(&text, &args.output.display().to_string(), &Overrides::default(), world);
    if let Err(errors) = read {
        complain(errors);
        complain("error: these databases cannot be served together as they are; nothing was written");
        return Exit::Problem;
    }
    if let Err(why) = files.write(&args.output, &text) {
        complain(format!("error: {why}"));
        return Exit::Problem;
    }
    print(&told(args, &files, sources, &plan));
    Exit::Ok
}

/// What was found, and what to do next.
fn told(args: &InitArgs, files: &Files, sources: &[Source], plan: &Plan) -> String {
    let mut out = String::new();
    for source in sources {
        let (backend, facts) = (&source.given.backend, &source.inventory.facts);
        let tables = plan::count(source.inventory.tables.iter().filter(|table| !table.stand_in).count(), "table");
        let (server, address) = (facts.title(), backend.address.to_string());
        out.push_str(&format!("{:<16}{server:<20} {address:<24} {tables}\n", backend.name));
        for unfit in &facts.unfit {
            out.push_str(&format!("    must be changed: {}\n    fix: {}\n", unfit.what, unfit.fix));
        }
    }
    out.push_str(&format!("\nwrote {}\n", args.output.display()));
    for (path, whose) in files.secrets() {
        out.push_str(&format!("wrote {} ({whose}; readable by you alone)\n", path.display()));
    }
    let open = plan.undecided.len();
    if open > 0 {
        let tables = plan::count(open, "table");
        out.push_str(&format!("\n{tables} in several databases: look for DECIDE in the file, and choose\n"));
    }
    out.push_str("\nnext:\n");
    for (name, whose) in files.variables_to_set() {
        out.push_str(&format!("  {:<40}# {whose}\n", format!("export {name}=…")));
    }
    let file = config_option(&args.output);
    out.push_str(&format!("  {:<40}# what would hurt, each with its fix\n", format!("handfast check{file}")));
    out.push_str(&format!("  handfast serve{file}\n"));
    let database = &sources[0].given.backend.database;
    if let Some(address) = plan.listens(Dialect::Postgres).then_some(args.postgres) {
        out.push_str(&format!("  psql postgres://{}@{address}/{database}\n", args.user));
    }
    if let Some(address) = plan.listens(Dialect::Mysql).then_some(args.mysql) {
        let (host, port) = (address.ip(), address.port());
        out.push_str(&format!("  mariadb -h {host} -P {port} -u {} -p {database}\n", args.user));
    }
    if let Some(path) = files.client_secret() {
        out.push_str(&format!("the password of clients is in {}\n", path.display()));
    }
    out
}

/// How the other commands are told of the file.
fn config_option(file: &Path) -> String {
    if file == Path::new("handfast.toml") { String::new() } else { format!(" -c {}", file.display()) }
}
