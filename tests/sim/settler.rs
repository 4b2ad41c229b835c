//! Recovery in the world: sweeps each server again and again by the table of `txn::recover`, in steps that anything else may
//! come between.

use std::collections::BTreeSet;

use handfast::base::BranchName;
use handfast::journal::core::Held;
use handfast::txn::recover::{self, Act, Action, Alive, Known, Listing};

use crate::check;
use crate::server::{Branch, Life};
use crate::world::{Mutation, World, branches_on, cluster, node};

#[derive(Clone, Debug)]
enum Stage {
    Idle,
    /// The preparing sessions of these decided branches are being ended.
    Fencing(BTreeSet<(BranchName, usize)>),
    /// They were gone when this list was taken.
    Listed(BTreeSet<(BranchName, usize)>, Vec<BranchName>),
}

pub struct Settler {
    stages: Vec<Stage>,
    settled: BTreeSet<BranchName>,
}

impl Settler {
    pub fn new(servers: usize) -> Self {
        Self { stages: vec![Stage::Idle; servers], settled: BTreeSet::new() }
    }
}

impl World {
    /// The next step of a server's sweep.
    pub fn sweep(&mut self, server: usize) -> Result<(), String> {
        if self.core.is_none() || !self.servers[server].up {
            self.settler.stages[server] = Stage::Idle;
            return Ok(());
        }
        let careless = matches!(self.mutation, Mutation::NoFencing | Mutation::NotFoundIsSettled);
        let next = match self.settler.stages[server].clone() {
            Stage::Idle => {
                let wanted = self.wanted(server);
                for (_, session) in wanted.iter().filter(|_| !careless) {
                    if self.servers[server].sessions[*session].life == Life::Alive {
                        self.servers[server].end(*session);
                    }
                }
                Stage::Fencing(wanted)
            }
            Stage::Fencing(wanted) => {
                let gone = |(_, id): &(BranchName, usize)| self.servers[server].sessions[*id].life == Life::Gone;
                if careless || wanted.iter().all(gone) {
                    let mut list = self.servers[server].list();
                    if self.mutation == Mutation::NotFoundIsSettled {
                        list.extend(wanted.iter().map(|(name, _)| name.clone()));
                    }
                    Stage::Listed(wanted, list)
                } else {
                    Stage::Fencing(wanted)
                }
            }
            Stage::Listed(wanted, list) => {
                self.act_on(server, &wanted, &list)?;
                Stage::Idle
            }
        };
        self.settler.stages[server] = next;
        Ok(())
    }

    /// Branches here of decisions that nobody alive will finish.
    fn wanted(&self, server: usize) -> BTreeSet<(BranchName, usize)> {
        let Some(core) = &self.core else { return BTreeSet::new() };
        let needed = core.needed().lock();
        let held = needed.values().filter(|held| !self.alive(&held.decision.txn));
        held.flat_map(|held| branches_on(&held.decision, server)).collect()
    }

    fn act_on(
        &mut self,
        server: usize,
        wanted: &BTreeSet<(BranchName, usize)>,
        list: &[BranchName],
    ) -> Result<(), String> {
        let names: BTreeSet<_> = list.iter().chain(wanted.iter().map(|(name, _)| name)).cloned().collect();
        for name in names {
            let ours = recover::is_ours(&name, &cluster(), &node());
            if !ours && self.mutation != Mutation::TouchesStrangers {
                continue;
            }
            // In this order: the list is old already, then the living, then the journal.
            let alive = if self.alive(&name.txn) { Alive::Yes } else { Alive::No };
            let (known, wrote) = self.known(&name);
            // Decided and handed over since the list was taken: its session was not fenced before it.
            let fenced = known == Known::Nothing || wanted.iter().any(|(fenced, _)| *fenced == name);
            let listing = match (fenced || self.mutation == Mutation::NoFencing, list.contains(&name)) {
                (false, _) => Listing::NotFenced,
                (true, true) => Listing::Listed,
                (true, false) => Listing::NotListed,
            };
            match recover::next(known, alive, listing) {
                Action::Commit => self.finish(server, &name, Act::Commit, wrote)?,
                Action::RollBack => self.finish(server, &name, Act::RollBack, wrote)?,
                Action::Settled => {
                    self.settler.settled.insert(name.clone());
                }
                Action::KeepAndRetry | Action::FenceFirst | Action::Leave => {}
                Action::Alarm => return Err(format!("{name}: an alarm before anything was done")),
            }
            self.keep_if_settled(&name)?;
        }
        Ok(())
    }

    fn known(&self, name: &BranchName) -> (Known, recover::Wrote) {
        let needed = self.core.as_ref().map(|core| core.needed().lock());
        let held: Option<&Held> = needed.as_ref().and_then(|needed| needed.get(&name.txn));
        let Some(held) = held else { return (Known::Nothing, recover::Wrote::Maybe) };
        let known = if held.kept_since_wall_ms.is_some() { Known::Tombstone } else { Known::Decided };
        let wrote = held.decision.branches.iter().any(|b| b.place == name.place && b.wrote);
        (known, if wrote { recover::Wrote::Yes } else { recover::Wrote::Maybe })
    }

    fn finish(&mut self, server: usize, name: &BranchName, act: Act, wrote: recover::Wrote) -> Result<(), String> {
        let answer = self.servers[server].finish(name, act, &mut self.rng);
        let branch = self.servers[server].branches.get(name);
        if act == Act::Commit && matches!(branch, Some(Branch::Committed { .. })) {
            check::inv_1(self, name)?;
        }
        let believed = match answer {
            recover::Answer::NotFound => self.mutation == Mutation::NotFoundIsSettled,
            recover::Answer::Done => self.mutation == Mutation::NoFencing,
            recover::Answer::HeuristicRollback
            | recover::Answer::HeuristicCommit
            | recover::Answer::Refused
            | recover::Answer::Lost => false,
        };
        if believed {
            self.settler.settled.insert(name.clone());
        }
        match recover::after(act, answer, wrote) {
            Action::Alarm => Err(format!("{name}: a server decided by itself")),
            Action::FenceFirst | Action::KeepAndRetry => Ok(()),
            other @ (Action::Commit | Action::RollBack | Action::Settled | Action::Leave) => {
                Err(format!("{name}: {other:?} is no meaning of an answer"))
            }
        }
    }

    fn keep_if_settled(&mut self, name: &BranchName) -> Result<(), String> {
        let Some(core) = &self.core else { return Ok(()) };
        let mut needed = core.needed().lock();
        let Some(held) = needed.get_mut(&name.txn) else { return Ok(()) };
        let branch = |place| BranchName { txn: name.txn.clone(), place };
        let all = held.decision.branches.iter().all(|b| self.settler.settled.contains(&branch(b.place)));
        if !all || held.kept_since_wall_ms.is_some() {
            return Ok(());
        }
        held.kept_since_wall_ms = Some(0);
        drop(needed);
        check::inv_7(self, &name.txn)
    }
}
