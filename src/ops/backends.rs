//! Backends, and the prepared branches on them that are not ours.

use super::House;
use super::model::{Backend, Backends, Owner, Pool, Stranger, Strangers};
use super::transactions::protocol_name;
use crate::backend::control::Listed;
use crate::base::{BackendId, ClusterName, Engine, Fault, FaultKind, NodeName, TxnId, clock};
use crate::commit::ledger::{BranchState, Standing};
use crate::config::{Config, PoolMode, nearest};
use crate::txn::recover;

impl House {
    /// Every configured backend.
    pub fn backends(&self) -> Backends {
        Backends { backends: self.backend_ids().map(|id| self.backend(id)).collect() }
    }

    /// Holds new statements for a backend back, or lets them go on.
    ///
    /// # Errors
    /// There is no backend of this name.
    pub fn pause(&self, name: &str, paused: bool) -> Result<Backends, Fault> {
        let config = self.config();
        let id = config.backend_named(name).ok_or_else(|| no_backend(&config, name))?;
        self.parts.pools.get().pause(id, paused);
        tracing::info!(backend = name, paused, "an operator has held a backend back, or lets it go on");
        Ok(self.backends())
    }

    fn backend(&self, id: BackendId) -> Backend {
        let all = self.parts.config.get();
        let config = all.backend(id);
        let (seen, usage) = (self.parts.board.seen(id), self.parts.pools.get().usage(id));
        let engine = seen.facts.as_ref().map(|facts| match facts.engine {
            Engine::Postgres => String::from("PostgreSQL"),
            Engine::Mariadb => String::from("MariaDB"),
            Engine::Mysql => String::from("MySQL"),
        });
        let mode = match self.parts.config.get().pool.mode {
            PoolMode::Session => "session",
            PoolMode::Transaction => "transaction",
        };
        Backend {
            name: config.name.clone(),
            dialect: protocol_name(config.dialect).to_owned(),
            engine,
            version: seen.facts.as_ref().map(|facts| facts.version.clone()),
            address: config.address.to_string(),
            database: config.database.clone(),
            up: seen.up == Some(true),
            since_wall_ms: seen.since_wall_ms,
            paused: self.parts.pools.get().is_paused(id),
            last_error: seen.last_error,
            prepared_now: seen.listed.len(),
            prepared_limit: seen.facts.and_then(|facts| facts.prepared_limit),
            in_doubt: self.in_doubt_on(id),
            strangers: seen.listed.iter().filter(|l| self.owner(l) != Owner::ThisNode).count(),
            pool: Pool {
                mode: mode.to_owned(),
                size: config.pool_size.unwrap_or(self.parts.config.get().pool.size),
                idle: usage.idle,
                active: usage.used,
                waiting: usage.waiting,
            },
        }
    }

    /// Transactions in doubt that wait for a backend.
    fn in_doubt_on(&self, id: BackendId) -> usize {
        let open = self.parts.registry.ledger().open();
        let here = open.iter().filter(|record| {
            let waits = |b: &crate::commit::ledger::BranchRecord| {
                b.backend == id && !matches!(b.state, BranchState::Committed | BranchState::RolledBack)
            };
            record.standing() == Standing::InDoubt && record.branches.iter().any(waits)
        });
        here.count()
    }

    /// Prepared branches on the backends that this node does not finish.
    pub fn strangers(&self) -> Strangers {
        let mut strangers = Vec::new();
        for id in self.backend_ids() {
            for listed in self.parts.board.seen(id).listed {
                let journal = &self.parts.journal;
                let node = (journal.cluster(), Some(journal.node()));
                strangers.push(stranger(self.backend_name(id), listed, node, &|txn| journal.has_named(txn)));
            }
        }
        strangers.retain(|one| one.owner != Owner::ThisNode);
        Strangers { strangers }
    }

    /// Whose a listed branch is.
    fn owner(&self, listed: &Listed) -> Owner {
        let journal = &self.parts.journal;
        owner(listed, (journal.cluster(), Some(journal.node())), &|txn| journal.has_named(txn))
    }
}

/// Whether a journal has given a name.
pub type Named<'a> = &'a dyn Fn(&TxnId) -> bool;

/// A listed branch as people are told of it, whoever's it is. `node`: the cluster and, if that is known, the node that asks.
pub fn stranger(
    backend: String,
    listed: Listed,
    node: (&ClusterName, Option<&NodeName>),
    named: Named<'_>,
) -> Stranger {
    let owner = owner(&listed, node, named);
    let age_s = listed.prepared_wall_ms.map(|at| clock::wall_ms().saturating_sub(at) / 1000);
    Stranger { backend, name: listed.name, owner, age_s, advice: advice(owner).to_owned() }
}

fn owner(listed: &Listed, (cluster, node): (&ClusterName, Option<&NodeName>), named: Named<'_>) -> Owner {
    match &listed.branch {
        None => Owner::OtherSoftware,
        Some(branch) if branch.txn.cluster != *cluster => Owner::OtherCluster,
        Some(branch) if node.is_none_or(|node| !recover::is_ours(branch, cluster, node)) => Owner::OtherNode,
        Some(branch) if !named(&branch.txn) => Owner::LostJournal,
        Some(_) => Owner::ThisNode,
    }
}

fn no_backend(config: &Config, name: &str) -> Fault {
    let names: Vec<&str> = config.backends.iter().map(|backend| backend.name.as_str()).collect();
    let fault = Fault::new(FaultKind::UnknownBackend, format!("there is no backend \"{name}\""));
    match nearest(name, names.iter().copied()) {
        Some(near) => fault.hint(format!("Did you mean {near}?")),
        None => fault.hint(format!("There are {}.", names.join(", "))),
    }
}

/// What to do about a stranger.
pub(super) fn advice(owner: Owner) -> &'static str {
    match owner {
        Owner::ThisNode => "Handfast finishes it.",
        Owner::LostJournal => {
            "Its journal is lost, so nobody knows whether it was committed elsewhere. Look whether the transaction's other \
             branches are committed; commit or roll back this one the same way, by hand."
        }
        Owner::OtherNode => {
            "Another node of this cluster finishes it. If that node is gone for good, start it once more with its journal."
        }
        Owner::OtherCluster => "Another Handfast cluster finishes it. Leave it alone while that one runs.",
        Owner::OtherSoftware => {
            "Not Handfast's, and never touched. It holds locks until whoever prepared it ends it; ask the owner of that software."
        }
    }
}
