//! What is prepared on every backend right now, and whose it is, as the running Handfast would tell it. Asks the backends and
//! the journal's folder, so that it also works while none runs.

use std::time::Duration;

use super::show;
use crate::backend::control::{Control, ControlError, Listed};
use crate::base::TxnId;
use crate::cli::args::Output;
use crate::cli::{Exit, block_on, complain, json, print};
use crate::config::{Backend, Config};
use crate::journal::dump;
use crate::ops::model::{Owner, Stranger, Strangers};
use crate::ops::stranger;

/// Which branches are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All.
    All,
    /// Those that this node does not finish.
    Strangers,
}

pub(super) fn list(config: &Config, wanted: Wanted, output: Output) -> Exit {
    // Without a journal no name is known to be ours.
    let journal = dump::verify(&config.journal.path)
        .inspect_err(|error| complain(format!("note: {error}: no branch can be told to be this node's")));
    let journal = journal.ok();
    let (mut exit, branches) = block_on_all(config, &|listed, backend| {
        let named = |txn: &TxnId| journal.as_ref().is_some_and(|journal| journal.may_have_named(txn));
        let node = journal.as_ref().map(|journal| &journal.node);
        stranger(backend.name.clone(), listed, (&config.node.cluster, node), &named)
    });
    let strangers: Vec<Stranger> = branches.iter().filter(|b| b.owner != Owner::ThisNode).cloned().collect();
    // As while one runs: something is to be looked at.
    let found = match wanted {
        Wanted::All => branches.len() > strangers.len(),
        Wanted::Strangers => !strangers.is_empty(),
    };
    if found {
        exit = Exit::Problem;
    }
    match (wanted, output) {
        (Wanted::Strangers, Output::Json) => print(&json(&Strangers { strangers })),
        (Wanted::Strangers, Output::Table) => print(&show::strangers(&Strangers { strangers })),
        (Wanted::All, Output::Json) => print(&json(&serde_json::json!({ "branches": branches }))),
        (Wanted::All, Output::Table) if branches.is_empty() => print("nothing is prepared on any backend\n"),
        (Wanted::All, Output::Table) => print(&show::branches(&branches)),
    }
    exit
}

/// Asks each server once, however many of its databases are configured.
fn block_on_all(config: &Config, row: &dyn Fn(Listed, &Backend) -> Stranger) -> (Exit, Vec<Stranger>) {
    let mut rows = Vec::new();
    let exit = block_on(async {
        let mut exit = Exit::Ok;
        let bound = config.pool.connect_timeout.max(Duration::from_secs(1));
        for (index, backend) in config.backends.iter().enumerate() {
            if config.backends[..index].iter().any(|other| shares_list(other, backend)) {
                continue;
            }
            let problem = match tokio::time::timeout(bound, listed(backend)).await {
                Ok(Ok(listed)) => {
                    rows.extend(listed.into_iter().map(|branch| row(branch, backend)));
                    continue;
                }
                Ok(Err(error)) => error.to_string(),
                Err(_) => format!("no answer from backend \"{}\" within {bound:?}", backend.name),
            };
            complain(format!("error: {problem}"));
            exit = Exit::Problem;
        }
        exit
    });
    (exit, rows)
}

fn shares_list(one: &Backend, other: &Backend) -> bool {
    let server = one.dialect == other.dialect && one.address == other.address;
    server && (one.dialect == crate::base::Dialect::Mysql || one.database == other.database)
}

async fn listed(backend: &Backend) -> Result<Vec<Listed>, ControlError> {
    Control::connect(backend).await?.list().await
}
