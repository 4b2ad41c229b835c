//! Runs one [`Coordinator`] against its connections and the journal: performs its effects, in parallel where it may, and
//! feeds the answers back. The only caller of the phase-two verbs on a session's connections.

mod told;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use futures_util::future::{AbortHandle, Abortable, BoxFuture, FutureExt, abortable};
use futures_util::stream::{FuturesUnordered, StreamExt};

use super::heuristic;
use super::ledger::{BranchState, Client, Entry, Told, What};
use super::registry::Ending;
use super::{Commits, Enlisted, Wrote};
use crate::backend::{Conn, VerbError};
use crate::base::{BackendId, BranchName, Engine, Failpoint, Failpoints, Place, clock};
use crate::journal::{DecideError, DecidedBranch, Decision, Durable};
use crate::telemetry::metrics;
use crate::txn::{Coordinator, Effect, Event, Outcome};

/// One commit or rollback in progress.
pub(super) struct Driver {
    commits: Arc<Commits>,
    machine: Coordinator,
    members: BTreeMap<Place, Member>,
    running: FuturesUnordered<Abortable<BoxFuture<'static, Answer>>>,
    started: Instant,
    decided_wall_ms: u64,
    phases: u8,
    progress: Progress,
    /// Keeps recovery away from our branches while we work on them (P − A of Citus's sweep).
    ending: Option<Ending>,
    /// What people may know of it; none for a single participant and for a ROLLBACK.
    entry: Option<Entry>,
}

/// How far the decision is: what must happen if this driver is dropped before its machine is done.
enum Progress {
    /// Nothing is decided: recovery rolls back what is prepared.
    Undecided,
    /// The journal was asked and has not answered.
    Deciding,
    /// Decided; these branches have not settled.
    Decided(Durable, BTreeSet<Place>),
}

/// A participant.
struct Member {
    backend: BackendId,
    branch: BranchName,
    wrote: Wrote,
    /// Here unless a verb is running on it, or it is closed.
    conn: Option<Conn>,
    /// The running verb.
    abort: Option<AbortHandle>,
    /// The last thing that went wrong.
    error: Option<VerbError>,
}

/// What a running effect ends with.
#[expect(clippy::large_enum_variant, reason = "short-lived, and nearly always the large one")]
enum Answer {
    /// A verb on a connection.
    Verb { place: Place, conn: Conn, result: Result<Event, VerbError> },
    /// The journal.
    Journal(Event),
}

impl Driver {
    pub(super) fn new(
        commits: Arc<Commits>,
        machine: Coordinator,
        participants: Vec<Enlisted>,
        started: Instant,
    ) -> Self {
        let ending = (participants.len() > 1).then(|| commits.registry.ending(machine.txn()));
        let member = |p: Enlisted| {
            let branch = BranchName { txn: machine.txn().clone(), place: p.place, session: p.conn.session() };
            let (backend, wrote) = (p.conn.backend(), p.wrote);
            (p.place, Member { backend, branch, wrote, conn: Some(p.conn), abort: None, error: None })
        };
        let members = participants.into_iter().map(member).collect();
        Self {
            commits,
            machine,
            members,
            running: FuturesUnordered::new(),
            started,
            decided_wall_ms: 0,
            phases: 0,
            progress: Progress::Undecided,
            ending,
            entry: None,
        }
    }

    /// Enters a transaction with several participants into the ledger.
    pub(super) fn told_of(mut self, client: Client<'_>) -> Self {
        if self.members.len() > 1 {
            let branch = |(place, m): (&Place, &Member)| (*place, m.backend, m.branch.session);
            let branches: Vec<_> = self.members.iter().map(branch).collect();
            self.entry = Some(self.commits.registry.ledger().begin(self.machine.txn(), client, &branches));
        }
        self
    }

    /// Until the client may hear the outcome; usually all is done then.
    pub(super) async fn run(&mut self) -> Outcome {
        if self.members.len() > 1 {
            self.commits.failpoints.hit(Failpoint::BeforePrepare);
        }
        loop {
            self.perform_all();
            if let Some(outcome) = self.machine.outcome() {
                self.commits.failpoints.hit(Failpoint::BeforeReply);
                return outcome;
            }
            self.step().await;
        }
    }

    /// Whether nothing is left to do.
    pub(super) fn is_done(&self) -> bool {
        self.machine.is_done()
    }

    /// Until nothing is left to do.
    pub(super) async fn finish(mut self) -> Vec<Conn> {
        self.perform_all();
        while !self.machine.is_done() {
            self.step().await;
            self.perform_all();
        }
        self.into_conns()
    }

    fn perform_all(&mut self) {
        while let Some(effect) = self.machine.poll_effect() {
            self.perform(effect);
        }
    }

    async fn step(&mut self) {
        let event = self.next_event().await;
        self.tell(&event);
        self.learn(&event);
        match (&event, &mut self.progress) {
            (Event::Decided(proof), progress) => {
                *progress = Progress::Decided(proof.clone(), self.members.keys().copied().collect());
            }
            (Event::DecisionRefused, progress) => *progress = Progress::Undecided,
            (Event::Settled(place), Progress::Decided(_, unsettled)) => {
                unsettled.remove(place);
            }
            (_, Progress::Undecided | Progress::Deciding | Progress::Decided(..)) => {}
        }
        self.machine.handle(event, self.started.elapsed());
    }

    /// PostgreSQL knows for certain whether a branch has written; MySQL only says that it may have.
    fn learn(&mut self, event: &Event) {
        if let Event::Wrote(place, true) = event
            && let Some(member) = self.members.get_mut(place)
            && member.conn.as_ref().is_some_and(|conn| conn.engine() == Engine::Postgres)
        {
            member.wrote = Wrote::Yes;
        }
    }

    async fn next_event(&mut self) -> Event {
        let deadline = self.machine.poll_timeout().map(|at| self.started + at);
        let timeout = async {
            match deadline {
                Some(at) => tokio::time::sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::pin!(timeout);
        loop {
            tokio::select! {
                biased;
                Some(answer) = self.running.next() => {
                    // An aborted one was closed on purpose: nobody waits for its answer.
                    if let Ok(answer) = answer {
                        return self.answered(answer);
                    }
                }
                () = &mut timeout => return Event::Tick,
            }
        }
    }

    fn answered(&mut self, answer: Answer) -> Event {
        let (place, conn, result) = match answer {
            Answer::Journal(event) => return event,
            Answer::Verb { place, conn, result } => (place, conn, result),
        };
        let Some(member) = self.members.get_mut(&place) else { return Event::Tick };
        member.abort = None;
        match result {
            Ok(event) => {
                member.conn = Some(conn);
                event
            }
            Err(error @ VerbError::Lost { .. }) => {
                tracing::warn!(branch = %member.branch, %error, "a participant was lost at the end of its transaction");
                member.error = Some(error);
                Event::Lost(place)
            }
            Err(error @ (VerbError::Refused { .. } | VerbError::WrongTag { .. })) => {
                member.error = Some(error);
                member.conn = Some(conn);
                Event::Refused(place)
            }
        }
    }

    fn perform(&mut self, effect: Effect) {
        let failpoints = self.commits.failpoints.clone();
        match effect {
            Effect::AskWrote(place) => self.verb(place, move |conn, _| {
                async move { conn.wrote().await.map(|wrote| Event::Wrote(place, wrote)) }.boxed()
            }),
            Effect::Release(place) => self.one_phase(place, Event::Released(place)),
            Effect::CommitOnePhase(place) => self.one_phase(place, Event::Committed(place)),
            Effect::Prepare(place) => {
                self.phases = 2;
                if let Some(entry) = &self.entry {
                    entry.set(place, BranchState::Asked, What::PrepareSent, None);
                }
                let commits = Arc::clone(&self.commits);
                self.verb(place, move |conn, branch| prepare(conn, branch, commits, place).boxed());
            }
            Effect::Decide(places) => self.decide(&places),
            Effect::Commit(place, proof) => {
                let commits = Arc::clone(&self.commits);
                let wrote = self.members.get(&place).is_none_or(|m| m.wrote == Wrote::Yes);
                self.verb(place, move |conn, branch| {
                    async move {
                        let done = commit_prepared(conn, branch, proof, &commits, place).await;
                        if let Err(error) = &done
                            && wrote
                        {
                            contrary(&commits, conn, branch, error).await;
                        }
                        done
                    }
                    .boxed()
                });
            }
            Effect::Rollback(place) => {
                self.verb(place, move |conn, branch| roll_back(conn, branch, failpoints, place, false).boxed());
            }
            Effect::RollbackPrepared(place) => {
                self.verb(place, move |conn, branch| roll_back(conn, branch, failpoints, place, true).boxed());
            }
            Effect::Close(place) => {
                self.close(place);
                self.entry.iter().for_each(|entry| entry.closed(place, false));
            }
            Effect::Abandon(place) => {
                self.entry.iter().for_each(|entry| {
                    entry.overdue(place);
                    entry.closed(place, true);
                });
                if let Some(backend) = self.close(place) {
                    self.commits.registry.wake(backend);
                }
            }
            Effect::Handover(place, proof) => self.hand_over(place, &proof),
            Effect::Leave(place) => {
                self.close(place);
                // Nobody in this process may touch the branch again: only the journal, read after a restart, knows.
                if let Some(mark) = self.ending.take() {
                    std::mem::forget(mark);
                }
            }
            Effect::Forget => {
                failpoints.hit(Failpoint::BeforeForget);
                self.commits.journal.forget(self.machine.txn());
            }
        }
    }

    /// Starts a verb on a participant's connection.
    fn verb<F>(&mut self, place: Place, start: F)
    where
        F: for<'c> FnOnce(&'c mut Conn, &'c BranchName) -> BoxFuture<'c, Result<Event, VerbError>> + Send + 'static,
    {
        let Some(member) = self.members.get_mut(&place) else { return };
        let Some(mut conn) = member.conn.take() else { return };
        let branch = member.branch.clone();
        let run = async move {
            let result = start(&mut conn, &branch).await;
            Answer::Verb { place, conn, result }
        };
        let (run, abort) = abortable(run.boxed());
        member.abort = Some(abort);
        self.running.push(run);
    }

    fn one_phase(&mut self, place: Place, done: Event) {
        self.phases = self.phases.max(1);
        let failpoints = self.commits.failpoints.clone();
        self.verb(place, move |conn, branch| {
            async move {
                conn.send_commit(branch).await?;
                failpoints.hit(Failpoint::AfterOnePhaseSent);
                conn.finish_commit(branch).await.map(|()| done)
            }
            .boxed()
        });
    }

    fn decide(&mut self, places: &[Place]) {
        let failpoints = self.commits.failpoints.clone();
        failpoints.hit(Failpoint::AfterPrepare);
        self.progress = Progress::Deciding;
        self.decided_wall_ms = clock::wall_ms();
        let decision = Decision {
            txn: self.machine.txn().clone(),
            decided_wall_ms: self.decided_wall_ms,
            branches: places.iter().filter_map(|place| self.decided_branch(*place)).collect(),
        };
        assert_eq!(decision.branches.len(), places.len(), "INV-1: a decision names every prepared branch");
        let journal = self.commits.journal.clone();
        let started = clock::now();
        let run = async move {
            Answer::Journal(match journal.decide(decision).await {
                Ok(proof) => {
                    metrics::decided(started.elapsed());
                    failpoints.hit(Failpoint::AfterDecision);
                    Event::Decided(proof)
                }
                Err(DecideError::Refused { .. }) => Event::DecisionRefused,
                Err(DecideError::Unknown { .. }) => Event::DecisionUnknown,
            })
        };
        self.running.push(abortable(run.boxed()).0);
    }

    fn decided_branch(&self, place: Place) -> Option<DecidedBranch> {
        let member = self.members.get(&place)?;
        let backend = self.commits.config.backend(member.backend);
        Some(DecidedBranch {
            place,
            backend: backend.name.clone(),
            database: backend.database.clone(),
            role: backend.user.clone(),
            engine: member.conn.as_ref()?.engine(),
            session: member.branch.session,
            wrote: member.wrote == Wrote::Yes,
        })
    }

    /// Closes a participant's connection, whatever runs on it.
    fn close(&mut self, place: Place) -> Option<BackendId> {
        let member = self.members.get_mut(&place)?;
        member.conn = None;
        if let Some(abort) = member.abort.take() {
            abort.abort();
        }
        Some(member.backend)
    }

    fn hand_over(&mut self, place: Place, proof: &Durable) {
        if let Some(backend) = self.close(place) {
            self.entry.iter().for_each(|entry| entry.overdue(place));
            self.commits.registry.hand_over(proof.txn(), self.decided_wall_ms, &[(place, backend)]);
        }
        if let Progress::Decided(_, unsettled) = &mut self.progress {
            unsettled.remove(&place);
        }
    }

    /// 0: nothing was committed; 1: one phase; 2: two phases.
    pub(super) fn phases(&self) -> u8 {
        self.phases
    }

    /// The connections that are still here.
    pub(super) fn into_conns(mut self) -> Vec<Conn> {
        std::mem::take(&mut self.members).into_values().filter_map(|member| member.conn).collect()
    }
}

impl Drop for Driver {
    /// A driver that is dropped before its end (its session was ended from outside) leaves nothing unfinished behind.
    fn drop(&mut self) {
        if let Some(entry) = &self.entry {
            let (told, cause) = match self.machine.outcome() {
                Some(Outcome::Committed { .. }) => (Some(Told::Committed), None),
                Some(Outcome::RolledBack(cause)) => (Some(Told::RolledBack), Some(self.in_words(cause))),
                Some(Outcome::Unknown) => (Some(Told::Unknown), None),
                None => (None, Some(String::from("its session was ended from outside"))),
            };
            self.commits.registry.ledger().left(entry, told, cause);
        }
        match &self.progress {
            Progress::Undecided => {}
            Progress::Deciding => {
                // The decision may become durable at any moment: until a restart nobody may roll these branches back.
                if let Some(mark) = self.ending.take() {
                    std::mem::forget(mark);
                }
            }
            Progress::Decided(proof, unsettled) => {
                let branch = |place: &Place| Some((*place, self.members.get(place)?.backend));
                let branches: Vec<_> = unsettled.iter().filter_map(branch).collect();
                if !branches.is_empty() {
                    self.commits.registry.hand_over(proof.txn(), self.decided_wall_ms, &branches);
                }
            }
        }
    }
}

async fn prepare(
    conn: &mut Conn,
    branch: &BranchName,
    commits: Arc<Commits>,
    place: Place,
) -> Result<Event, VerbError> {
    let started = clock::now();
    conn.send_prepare(branch).await?;
    commits.failpoints.hit(Failpoint::AfterFirstPrepareSent);
    conn.finish_prepare(branch).await?;
    metrics::prepared(started.elapsed());
    commits.tally.prepare.add(started.elapsed());
    commits.failpoints.hit(Failpoint::AfterFirstPrepared);
    Ok(Event::Prepared(place))
}

async fn commit_prepared(
    conn: &mut Conn,
    branch: &BranchName,
    proof: Durable,
    commits: &Commits,
    place: Place,
) -> Result<Event, VerbError> {
    let started = clock::now();
    conn.commit_prepared(branch, &proof).await?;
    metrics::settled(started.elapsed());
    commits.tally.finish.add(started.elapsed());
    commits.failpoints.hit(Failpoint::AfterFirstCommit);
    Ok(Event::Settled(place))
}

/// Before the branch is handed over: its settler, who finds it gone, would take it for committed.
async fn contrary(commits: &Commits, conn: &Conn, branch: &BranchName, error: &VerbError) {
    let problem = match (error.is_contrary(), error.is_unknown_branch()) {
        (true, _) => error.to_string(),
        // It voted yes on this connection, which says for the first time how it ends, and nobody else of ours touches it while its
        // transaction is ending here.
        (false, true) => {
            format!("somebody's hand has committed it or rolled it back before its COMMIT was sent: {error}")
        }
        (false, false) => return,
    };
    let backend = &commits.config.backend(conn.backend()).name;
    heuristic::raise(&commits.journal, &commits.registry, backend, branch, problem).await;
}

async fn roll_back(
    conn: &mut Conn,
    branch: &BranchName,
    failpoints: Failpoints,
    place: Place,
    prepared: bool,
) -> Result<Event, VerbError> {
    failpoints.hit(Failpoint::BeforeAbort);
    if prepared {
        conn.rollback_prepared(branch).await?;
    } else {
        conn.rollback(branch).await?;
    }
    failpoints.hit(Failpoint::AfterFirstAbort);
    Ok(Event::RolledBack(place))
}
