//! `handfast recover --offline`: finishes everything from the journal without serving anybody. The journal's lock makes sure that
//! no other process does.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::out::one_line;
use super::{Exit, block_on, complain, print};
use crate::backend::control::Control;
use crate::backend::pool::CONTROL_TIMEOUT;
use crate::base::{BackendId, Failpoints, TxnId};
use crate::config::Config;
use crate::journal::dump;
use crate::journal::record::Entry;
use crate::recovery::Recovery;

pub(super) fn run(config: Config, dry_run: bool) -> Exit {
    block_on(async { if dry_run { look(&config).await } else { finish(Arc::new(config)).await } })
}

fn ids(config: &Config) -> impl Iterator<Item = BackendId> + use<> {
    (0..config.backends.len()).filter_map(|index| u16::try_from(index).ok().map(BackendId))
}

async fn finish(config: Arc<Config>) -> Exit {
    let (recovery, found) = match Recovery::open(&config, Failpoints::default(), None) {
        Ok(opened) => opened,
        Err(error) => {
            complain(format!("error: {error}"));
            return Exit::Problem;
        }
    };
    let closing = watch::Sender::new(true);
    let mut settlers = JoinSet::new();
    for id in ids(&config) {
        settlers.spawn(recovery.settler(id).run(closing.subscribe()));
    }
    let all = async { while settlers.join_next().await.is_some() {} };
    let bound = config.limits.drain_timeout;
    let in_time = tokio::time::timeout(bound, all).await.is_ok();
    settlers.shutdown().await;
    recovery.journal.close().await;
    report(&config, &recovery, found, in_time)
}

fn report(config: &Config, recovery: &Recovery, found: usize, in_time: bool) -> Exit {
    let (committed, rolled_back) = recovery.board.finished();
    print(&format!(
        "{found} decided transactions were unfinished; {committed} branches committed, {rolled_back} rolled back\n"
    ));
    let mut exit = Exit::Ok;
    for id in ids(config) {
        let seen = recovery.board.seen(id);
        if seen.up != Some(true) {
            let why = seen.last_error.unwrap_or_else(|| String::from("it was not reached"));
            complain(format!("error: backend \"{}\": {why}", config.backend(id).name));
            exit = Exit::Problem;
        }
    }
    for (txn, left) in recovery.registry.unfinished() {
        let names: BTreeSet<&str> = left.branches.values().map(|id| config.backend(*id).name.as_str()).collect();
        let names: Vec<&str> = names.into_iter().collect();
        complain(format!("error: {txn} is decided COMMIT and not finished on {}", names.join(", ")));
        exit = Exit::Problem;
    }
    if !in_time {
        complain(format!("error: not through within limits.drain_timeout ({:?})", config.limits.drain_timeout));
        exit = Exit::Problem;
    }
    exit
}

/// Decided transactions of a journal that nobody need have closed; whatever else bears our node's name is rolled back.
fn decided(folder: &Path) -> Result<(BTreeSet<TxnId>, BTreeSet<TxnId>), Exit> {
    let mut segments = dump::dump(folder).map_err(|error| {
        complain(format!("error: {error}"));
        Exit::Problem
    })?;
    let (mut decided, mut kept) = (BTreeSet::new(), BTreeSet::new());
    let Some(newest) = segments.pop() else { return Ok((decided, kept)) };
    let scan = newest.scan.map_err(|damage| {
        complain(format!("error: {} {damage}", newest.path.display()));
        Exit::Problem
    })?;
    for found in scan.found {
        match found.entry {
            Entry::Decided(decision) => drop(decided.insert(decision.txn)),
            Entry::Forgotten(txn) => drop(decided.remove(&txn)),
            Entry::Kept(txn, _) => drop(kept.insert(txn)),
            Entry::Concluded(conclusion) => drop(kept.insert(conclusion.txn)),
            Entry::Alarmed(_) => {}
        }
    }
    Ok((decided, kept))
}

/// What would be done; changes nothing and needs no lock.
async fn look(config: &Config) -> Exit {
    let (decided, kept) = match decided(&config.journal.path) {
        Ok(both) => both,
        Err(exit) => return exit,
    };
    let node = match dump::verify(&config.journal.path) {
        Ok(summary) => summary.node,
        Err(error) => {
            complain(format!("error: {error}"));
            return Exit::Problem;
        }
    };
    let open = decided.difference(&kept).count();
    print(&format!("{open} decided transactions are not known to be finished\n"));
    let mut exit = Exit::Ok;
    for backend in &config.backends {
        let listing = async { Control::connect(backend).await?.list().await };
        let listed = match tokio::time::timeout(CONTROL_TIMEOUT, listing).await {
            Ok(Ok(listed)) => listed,
            Ok(Err(error)) => {
                complain(format!("error: {error}"));
                exit = Exit::Problem;
                continue;
            }
            Err(_) => {
                complain(format!("error: no answer from backend \"{}\" within {CONTROL_TIMEOUT:?}", backend.name));
                exit = Exit::Problem;
                continue;
            }
        };
        for one in listed {
            let act = match &one.branch {
                Some(b) if b.txn.cluster != config.node.cluster || b.txn.node != node => "left alone: not this node's",
                Some(b) if decided.contains(&b.txn) => "would be committed",
                Some(_) => "would be rolled back (if this journal has named it)",
                None => "left alone: not Handfast's",
            };
            print(&format!("{}  {}  {act}\n", backend.name, one_line(&one.name)));
        }
    }
    exit
}
