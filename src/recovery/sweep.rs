//! One sweep over one backend.

use super::{Recovery, Settler, Swept};
use crate::backend::control::{Acted, Control, ControlError, Listed};
use crate::base::{BackendId, BranchName, Dialect, Failpoint, Place, TxnId, clock};
use crate::commit::heuristic;
use crate::commit::ledger::BranchState;
use crate::journal::Known;
use crate::telemetry::metrics;
use crate::txn::recover::{self, Act, Action, Alive, Answer, Listing, Wrote};

/// How often a session that was told to end is looked for before the next sweep goes on with it.
const FENCE_LOOKS: u32 = 20;
/// Between two looks.
const FENCE_PAUSE: std::time::Duration = std::time::Duration::from_millis(25);

impl Settler {
    /// List, act by the table, list again. Errors: the backend cannot be asked.
    pub(super) async fn sweep(&mut self) -> Result<Swept, ControlError> {
        let mut control = self.control().await?;
        let mut swept = Swept::default();
        let undecided = self.recovery.registry.ledger().undecided_on(self.backend);
        let all = control.list().await?;
        metrics::prepared_branches(self.name(), all.len());
        self.recovery.board.listed(self.backend, all.clone());
        let listed = self.ours(all);
        self.tell_gone(&undecided, &listed);
        self.recovery.failpoints.hit(Failpoint::RecoveryAfterList);
        for (branch, prepared_wall_ms) in &listed {
            self.listed(&mut control, branch, *prepared_wall_ms, &mut swept).await?;
            if !self.seen.contains(branch) {
                // At once: a sweep that runs out of time must not begin from nothing again.
                self.seen.push(branch.clone());
            }
        }
        self.seen = listed.into_iter().map(|(branch, _)| branch).collect();
        let unfinished = self.recovery.registry.unfinished_on(self.backend);
        if !unfinished.is_empty() {
            self.settle_absent(&mut control, &unfinished, &mut swept).await?;
        }
        self.control = Some(control);
        Ok(swept)
    }

    /// For people: what may have been prepared without a decision when a coordinator left, and is not listed.
    fn tell_gone(&self, undecided: &[(TxnId, Place)], listed: &[(BranchName, Option<u64>)]) {
        for (txn, place) in undecided {
            if !listed.iter().any(|(branch, _)| branch.txn == *txn && branch.place == *place) {
                let ledger = self.recovery.registry.ledger();
                ledger.settled(txn, *place, BranchState::RolledBack, "the backend does not list it");
            }
        }
    }

    /// INV-6: recovery touches only branches of its own cluster and node, and of those only what this journal has named: what
    /// a lost journal may have decided is not presumed aborted.
    fn ours(&mut self, listed: Vec<Listed>) -> Vec<(BranchName, Option<u64>)> {
        let total = listed.len();
        let journal = self.recovery.journal.clone();
        let (mut ours, mut lost) = (Vec::new(), Vec::new());
        for l in listed {
            match l.branch.filter(|b| recover::is_ours(b, journal.cluster(), journal.node())) {
                Some(branch) if journal.has_named(&branch.txn) && !self.lost.contains(&branch) => {
                    ours.push((branch, l.prepared_wall_ms))
                }
                Some(branch) => lost.push(branch),
                None => {}
            }
        }
        for branch in lost.iter().filter(|branch| !self.lost.contains(branch)) {
            tracing::error!(
                backend = self.name(),
                %branch,
                epoch = journal.epoch(),
                "A BRANCH FROM A JOURNAL THAT IS LOST: this node has prepared it, and its journal does not know the name, so \
                 it may have been committed elsewhere; it is left alone, a person must finish it"
            );
        }
        metrics::strangers(self.name(), total - ours.len());
        self.lost = lost;
        ours
    }

    /// A listed branch: end its session if it lives, then do as the table says.
    async fn listed(
        &mut self,
        control: &mut Control,
        branch: &BranchName,
        prepared_wall_ms: Option<u64>,
        swept: &mut Swept,
    ) -> Result<(), ControlError> {
        // In this order: what is neither ending now nor decided afterwards can never be decided.
        let alive = if self.recovery.registry.is_ending(&branch.txn) { Alive::Yes } else { Alive::No };
        let known = self.recovery.journal.lookup(&branch.txn);
        let fenced = alive == Alive::Yes
            || (self.fence(control, branch.session, prepared_wall_ms).await?
                && (known.is_some() || self.seen.contains(branch)));
        let listing = if fenced { Listing::Listed } else { Listing::NotFenced };
        if known.is_none() && alive == Alive::No {
            self.recovery.registry.ledger().found(branch, self.backend, prepared_wall_ms);
        }
        match recover::next(journal_knows(known.as_ref()), alive, listing) {
            Action::Commit => self.commit(control, branch, known, swept).await,
            Action::RollBack => self.roll_back(control, branch, swept).await,
            Action::Leave | Action::Settled => Ok(()),
            Action::FenceFirst | Action::KeepAndRetry | Action::Alarm => {
                swept.left += 1;
                Ok(())
            }
        }
    }

    /// Ends a session and waits a moment until it is gone. Returns whether it is.
    async fn fence(
        &self,
        control: &mut Control,
        session: u64,
        not_after_ms: Option<u64>,
    ) -> Result<bool, ControlError> {
        let config = &self.recovery.config;
        let peers = self.peers();
        if std::iter::once(&self.backend).chain(&peers).any(|id| self.recovery.pools.holds(*id, session)) {
            // A living connection of this process has that id: the server was restarted and gave it again.
            return Ok(true);
        }
        if !self.end(control, session, not_after_ms).await? {
            return Ok(false);
        }
        for peer in peers.iter().filter(|id| config.backend(**id).user != config.backend(self.backend).user) {
            let mut control = Control::connect(config.backend(*peer)).await?;
            if !self.end(&mut control, session, not_after_ms).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Other backends on the same MySQL server: it lists the branches of all its users to each of them, but their sessions
    /// only to themselves (FACTS 8a, 13).
    fn peers(&self) -> Vec<BackendId> {
        let config = &self.recovery.config;
        let own = config.backend(self.backend);
        let ids = (0..config.backends.len()).filter_map(|index| u16::try_from(index).ok().map(BackendId));
        let same = |id: &BackendId| {
            let other = config.backend(*id);
            *id != self.backend
                && own.dialect == Dialect::Mysql
                && other.dialect == own.dialect
                && other.address == own.address
        };
        ids.filter(same).collect()
    }

    /// Ends a session as one user; whether none of that user's is left by that id.
    async fn end(&self, control: &mut Control, session: u64, not_after_ms: Option<u64>) -> Result<bool, ControlError> {
        if !control.is_session_alive(session, not_after_ms).await? {
            return Ok(true);
        }
        tracing::info!(backend = self.name(), session, "ending the session that prepared a branch");
        control.end_session(session).await?;
        for _ in 0..FENCE_LOOKS {
            if !control.is_session_alive(session, not_after_ms).await? {
                return Ok(true);
            }
            tokio::time::sleep(FENCE_PAUSE).await;
        }
        Ok(false)
    }

    async fn commit(
        &mut self,
        control: &mut Control,
        branch: &BranchName,
        known: Option<Known>,
        swept: &mut Swept,
    ) -> Result<(), ControlError> {
        let Some(known) = known else { return Ok(()) };
        let acted = control.commit(branch, &known.proof).await?;
        tracing::info!(%branch, ?acted, "committed a decided branch");
        if let Some(word) = known.concluded.as_ref().filter(|word| word.given_up.contains(&branch.place)) {
            let (backend, who) = (self.name(), &word.who);
            tracing::warn!(backend, %branch, who, ?acted, "a branch that a person had given up has come back: committed, as decided");
        }
        self.recovery.failpoints.hit(Failpoint::RecoveryAfterFirstSettled);
        let wrote = known.decision.branches.iter().find(|b| b.place == branch.place).is_none_or(|b| b.wrote);
        let wrote = if wrote { Wrote::Yes } else { Wrote::Maybe };
        match recover::after(Act::Commit, answer(&acted), wrote) {
            Action::Alarm => self.alarm(branch, &acted).await,
            Action::KeepAndRetry => self.met(branch, &acted),
            Action::FenceFirst | Action::Commit | Action::RollBack | Action::Settled | Action::Leave => {
                swept.committed += 1;
            }
        }
        swept.left += 1;
        Ok(())
    }

    async fn roll_back(
        &mut self,
        control: &mut Control,
        branch: &BranchName,
        swept: &mut Swept,
    ) -> Result<(), ControlError> {
        let acted = control.roll_back(branch).await?;
        tracing::info!(%branch, ?acted, "rolled back a branch without a decision");
        self.recovery.failpoints.hit(Failpoint::RecoveryAfterFirstSettled);
        match recover::after(Act::RollBack, answer(&acted), Wrote::Yes) {
            Action::Alarm => self.alarm(branch, &acted).await,
            Action::KeepAndRetry => self.met(branch, &acted),
            Action::FenceFirst | Action::Commit | Action::RollBack | Action::Settled | Action::Leave => {
                swept.rolled_back += 1;
            }
        }
        swept.left += 1;
        Ok(())
    }

    async fn alarm(&self, branch: &BranchName, acted: &Acted) {
        let Recovery { journal, registry, config, .. } = &self.recovery;
        heuristic::raise(journal, registry, &config.backend(self.backend).name, branch, acted.to_string()).await;
    }

    fn met(&self, branch: &BranchName, acted: &Acted) {
        self.recovery.registry.met(&branch.txn, branch.place, acted.to_string());
    }

    /// Unfinished branches that a fresh list, taken after their sessions are gone, does not show: settled.
    async fn settle_absent(
        &mut self,
        control: &mut Control,
        unfinished: &[(TxnId, Place)],
        swept: &mut Swept,
    ) -> Result<(), ControlError> {
        let mut fenced = Vec::new();
        for (txn, place) in unfinished {
            let Some(known) = self.recovery.journal.lookup(txn) else { continue };
            let Some(branch) = known.decision.branches.iter().find(|b| b.place == *place) else { continue };
            let session = branch.session;
            if self.fence(control, session, Some(known.decision.decided_wall_ms)).await? {
                fenced.push(BranchName { txn: txn.clone(), place: *place, session });
            } else {
                swept.left += 1;
            }
        }
        let listed: Vec<BranchName> = control.list().await?.into_iter().filter_map(|l| l.branch).collect();
        for branch in fenced {
            let alive = if self.recovery.registry.is_ending(&branch.txn) { Alive::Yes } else { Alive::No };
            let listing = if listed.contains(&branch) { Listing::Listed } else { Listing::NotListed };
            match recover::next(recover::Known::Decided, alive, listing) {
                // Also of an alarm that the journal is still writing.
                Action::Settled if self.recovery.registry.is_contrary(&branch.txn, branch.place) => swept.left += 1,
                Action::Settled => self.settled(&branch),
                Action::Commit
                | Action::RollBack
                | Action::KeepAndRetry
                | Action::FenceFirst
                | Action::Leave
                | Action::Alarm => swept.left += 1,
            }
        }
        Ok(())
    }

    /// INV-7: the decision is forgotten only when its last branch has settled; kept as a tombstone, because another session
    /// than the preparing one finished it (FACTS 8a).
    fn settled(&self, branch: &BranchName) {
        let decided = self.recovery.journal.lookup(&branch.txn).map(|k| k.decision.decided_wall_ms);
        let age_ms = decided.map_or(0, |at| clock::wall_ms().saturating_sub(at));
        tracing::info!(backend = self.name(), %branch, age_ms, "a decided branch has settled");
        if self.recovery.registry.settled(&branch.txn, branch.place) {
            self.recovery.failpoints.hit(Failpoint::RecoveryBeforeForget);
            self.recovery.journal.keep(&branch.txn);
        }
    }
}

fn journal_knows(known: Option<&Known>) -> recover::Known {
    match known {
        Some(known) if known.settled => recover::Known::Tombstone,
        Some(_) => recover::Known::Decided,
        None => recover::Known::Nothing,
    }
}

fn answer(acted: &Acted) -> Answer {
    match acted {
        Acted::Done => Answer::Done,
        Acted::NotFound => Answer::NotFound,
        Acted::Heuristic(_) => Answer::HeuristicRollback,
        Acted::Refused(_) => Answer::Refused,
    }
}
