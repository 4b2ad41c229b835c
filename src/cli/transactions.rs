//! `handfast transactions list`: what is prepared on every backend right now, and whose it is. Asks the backends, not a
//! running Handfast, so that it also works while none runs.

use std::time::Duration;

use super::{Exit, block_on, complain, print};
use crate::backend::control::{Control, ControlError, Listed};
use crate::base::clock;
use crate::config::{Backend, Config};

pub(super) fn list(config: &Config) -> Exit {
    block_on(async {
        let (mut exit, mut ours, mut strangers) = (Exit::Ok, 0_usize, 0_usize);
        print(&format!("{:<14}{:<44}{:<12}OWNER\n", "BACKEND", "BRANCH", "AGE"));
        let bound = config.pool.connect_timeout.max(Duration::from_secs(1));
        for (index, backend) in config.backends.iter().enumerate() {
            // One server is asked once, however many of its databases are configured.
            if config.backends[..index].iter().any(|other| shares_list(other, backend)) {
                continue;
            }
            let listed = match tokio::time::timeout(bound, listed(backend)).await {
                Ok(Ok(listed)) => listed,
                Ok(Err(error)) => {
                    complain(format!("error: {error}"));
                    exit = Exit::Problem;
                    continue;
                }
                Err(_) => {
                    complain(format!("error: no answer from backend \"{}\" within {bound:?}", backend.name));
                    exit = Exit::Problem;
                    continue;
                }
            };
            for branch in listed {
                let owner = owner(config, &branch);
                if owner == Owner::Ours {
                    ours += 1
                } else {
                    strangers += 1
                }
                print(&row(backend, &branch, owner));
            }
        }
        print(&format!("{ours} prepared by this cluster, {strangers} by others\n"));
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

fn row(backend: &Backend, listed: &Listed, owner: Owner) -> String {
    let age = listed.prepared_wall_ms.map(|prepared| clock::wall_ms().saturating_sub(prepared));
    let age = age.map_or_else(|| "-".to_owned(), |ms| format!("{:.1} s", Duration::from_millis(ms).as_secs_f64()));
    let owner = match owner {
        Owner::Ours => "this cluster: a running Handfast finishes it",
        Owner::OtherCluster => "another Handfast cluster",
        Owner::Stranger => "not Handfast's: never touched",
    };
    format!("{:<14}{:<44}{age:<12}{owner}\n", backend.name, listed.name)
}
