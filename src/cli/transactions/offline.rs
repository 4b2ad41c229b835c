//! What is prepared on every backend right now, and whose it is. Asks the backends, not a running Handfast, so that it also
//! works while none runs.

use std::time::Duration;

use crate::backend::control::{Control, ControlError, Listed};
use crate::base::clock;
use crate::cli::args::Output;
use crate::cli::out::one_line;
use crate::cli::{Exit, block_on, complain, json, print};
use crate::config::{Backend, Config};

/// Which branches are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All.
    All,
    /// Those that are not this cluster's.
    Strangers,
}

/// One line.
#[derive(Debug, serde::Serialize)]
struct Row {
    backend: String,
    name: String,
    owner: Owner,
    age_s: Option<u64>,
}

pub(super) fn list(config: &Config, wanted: Wanted, output: Output) -> Exit {
    block_on(async {
        let (mut exit, mut rows) = (Exit::Ok, Vec::new());
        let bound = config.pool.connect_timeout.max(Duration::from_secs(1));
        for (index, backend) in config.backends.iter().enumerate() {
            // One server is asked once, however many of its databases are configured.
            if config.backends[..index].iter().any(|other| shares_list(other, backend)) {
                continue;
            }
            let problem = match tokio::time::timeout(bound, listed(backend)).await {
                Ok(Ok(listed)) => {
                    rows.extend(listed.iter().map(|branch| row(config, backend, branch)));
                    continue;
                }
                Ok(Err(error)) => error.to_string(),
                Err(_) => format!("no answer from backend \"{}\" within {bound:?}", backend.name),
            };
            complain(format!("error: {problem}"));
            exit = Exit::Problem;
        }
        let of_others = rows.iter().filter(|row| row.owner != Owner::Ours).count();
        if wanted == Wanted::Strangers {
            rows.retain(|row| row.owner != Owner::Ours);
        }
        match output {
            Output::Json => print(&json(&serde_json::json!({ "branches": rows }))),
            Output::Table => {
                print(&format!("{:<14}{:<44}{:<12}OWNER\n", "BACKEND", "BRANCH", "AGE"));
                rows.iter().for_each(|row| print(&line(row)));
                let ours = rows.len() - rows.iter().filter(|row| row.owner != Owner::Ours).count();
                print(&format!("{ours} prepared by this cluster, {of_others} by others\n"));
            }
        }
        exit
    })
}

fn shares_list(one: &Backend, other: &Backend) -> bool {
    let server = one.dialect == other.dialect && one.address == other.address;
    server && (one.dialect == crate::base::Dialect::Mysql || one.database == other.database)
}

async fn listed(backend: &Backend) -> Result<Vec<Listed>, ControlError> {
    Control::connect(backend).await?.list().await
}

/// Whose branch it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
enum Owner {
    /// Of this configuration's cluster.
    Ours,
    /// Of another cluster of Handfast.
    OtherCluster,
    /// Of something else.
    Stranger,
}

fn owner(config: &Config, listed: &Listed) -> Owner {
    match &listed.branch {
        Some(branch) if branch.txn.cluster == config.node.cluster => Owner::Ours,
        Some(_) => Owner::OtherCluster,
        None => Owner::Stranger,
    }
}

fn row(config: &Config, backend: &Backend, listed: &Listed) -> Row {
    let age_s = listed.prepared_wall_ms.map(|prepared| clock::wall_ms().saturating_sub(prepared) / 1000);
    Row { backend: backend.name.clone(), name: listed.name.clone(), owner: owner(config, listed), age_s }
}

fn line(row: &Row) -> String {
    let age = row.age_s.map_or_else(|| "-".to_owned(), |seconds| format!("{seconds} s"));
    let owner = match row.owner {
        Owner::Ours => "this cluster: a running Handfast finishes it",
        Owner::OtherCluster => "another Handfast cluster",
        Owner::Stranger => "not Handfast's: never touched",
    };
    format!("{:<14}{:<44}{age:<12}{owner}\n", row.backend, one_line(&row.name))
}
