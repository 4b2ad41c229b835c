//! `handfast check`: what would hurt in production, each finding with its fix. Changes nothing: the file, the journal's
//! folder, and what each backend says of itself and of its tables, compared with the others.

mod compare;
mod file;
mod finding;
mod journal;
pub(super) mod server;
mod tables;

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::time::Duration;

use clap::Args;
use futures_util::future::join_all;

use super::{Exit, Output, block_on, print};
use crate::backend::control::ControlError;
use crate::backend::probe::{self, Inventory};
use crate::base::BackendId;
use crate::config::{Backend, Config};

use self::finding::{Report, Severity};

/// `handfast check …`
#[derive(Clone, Copy, Debug, Args)]
pub struct CheckArgs {
    /// Only the configuration; no backend is asked, and nothing of this machine is looked at
    #[arg(long)]
    pub offline: bool,
    /// Warnings are problems, too
    #[arg(long)]
    pub strict: bool,
    /// How to print
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    pub output: Output,
}

/// A terminal is told what is waited for after this.
const PATIENCE: Duration = Duration::from_millis(300);

/// One backend, asked.
#[derive(Debug)]
struct Looked<'a> {
    id: BackendId,
    backend: &'a Backend,
    said: Result<Inventory, ControlError>,
}

impl Looked<'_> {
    fn inventory(&self) -> Option<&Inventory> {
        self.said.as_ref().ok()
    }
}

pub(super) fn run(path: &Path, config: &Config, args: CheckArgs) -> Exit {
    let mut report = Report::default();
    report.sections.push(file::section(path, config));
    if !args.offline {
        block_on(async {
            online(config, &mut report).await;
            Exit::Ok
        });
    }
    print(&match args.output {
        Output::Table => report.text(),
        Output::Json => report.json(),
    });
    let bad = report.count(Severity::Error) > 0 || (args.strict && report.count(Severity::Warning) > 0);
    if bad { Exit::Problem } else { Exit::Ok }
}

async fn online(config: &Config, report: &mut Report) {
    let journal = journal::look(config);
    report.sections.push(file::ports(config, &journal));
    let looked = ask_all(config).await;
    for one in &looked {
        report.sections.push(server::section(config, one, &looked, &journal));
    }
    report.sections.push(compare::section(&looked));
    report.sections.push(tables::section(config, &looked));
    report.sections.push(journal::section(config, &journal));
}

/// Asks all backends at the same time.
async fn ask_all(config: &Config) -> Vec<Looked<'_>> {
    let ids = (0..).map_while(|number: u16| config.backends.get(usize::from(number)).map(|b| (BackendId(number), b)));
    let ask = async |(id, backend)| Looked { id, backend, said: probe::inventory(backend).await };
    let all = join_all(ids.map(ask));
    tokio::pin!(all);
    tokio::select! {
        looked = &mut all => return looked,
        () = tokio::time::sleep(PATIENCE) => {}
    }
    let mut terminal = std::io::stderr();
    if !terminal.is_terminal() {
        return all.await;
    }
    let names: Vec<&str> = config.backends.iter().map(|backend| backend.name.as_str()).collect();
    let waiting = format!("asking {} …", names.join(", "));
    // Nobody is harmed if the terminal is gone.
    let shown = write!(terminal, "{waiting}").and_then(|()| terminal.flush()).is_ok();
    let looked = all.await;
    if shown && write!(terminal, "\r{}\r", " ".repeat(waiting.chars().count())).is_err() {
        tracing::debug!("the terminal is gone");
    }
    looked
}
