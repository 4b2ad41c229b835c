//! What goes into the [`Coordinator`](super::Coordinator) and what comes out of it.

use std::time::Duration;

use crate::base::Place;
use crate::config::Reply;
use crate::journal::record::Durable;

/// What a participant is known to have done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Wrote {
    /// Only statements that certainly read.
    No,
    /// The text does not tell.
    Maybe,
    /// A statement that writes succeeded.
    Yes,
}

/// A participant at the transaction's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Part {
    /// Its position in the branch names.
    pub place: Place,
    /// What it did.
    pub wrote: Wrote,
}

/// Bounds and choices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Policy {
    /// Each wait before the decision (asking, releasing, preparing) lasts at most this long; a later vote is a no.
    pub prepare_timeout: Duration,
    /// How long phase two and rolling back wait for answers. (A one-phase commit is waited for as long as its connection
    /// lives, as by any client of that server: giving it up would only turn an answer into "unknown".)
    pub commit_wait: Duration,
    /// When the client may hear of a commit.
    pub reply: Reply,
}

/// What happened. An event that answers nothing outstanding (late, doubled) is ignored.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// Answer to [`Effect::AskWrote`].
    Wrote(Place, bool),
    /// Answer to [`Effect::Release`]: done.
    Released(Place),
    /// Answer to [`Effect::CommitOnePhase`]: committed.
    Committed(Place),
    /// Answer to [`Effect::Prepare`] by the right tag: a yes vote.
    Prepared(Place),
    /// Answer to [`Effect::Commit`]: the branch is committed.
    Settled(Place),
    /// Answer to [`Effect::Rollback`] and [`Effect::RollbackPrepared`]: rolled back.
    RolledBack(Place),
    /// Whatever was asked last, the server answered no (an error, or the tag of something else); the connection lives.
    Refused(Place),
    /// The connection is gone; what the server did with what was asked last is not known.
    Lost(Place),
    /// The decision is durable.
    Decided(Durable),
    /// The decision is certainly not in the journal and never will be.
    DecisionRefused,
    /// Nobody can say now whether the decision is in the journal.
    DecisionUnknown,
    /// Time has passed.
    Tick,
}

/// What the driver shall do. Effects of different places may run in parallel, in any order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Ask the server whether the open transaction wrote. → `Wrote`, `Refused`, `Lost`
    AskWrote(Place),
    /// One-phase commit of a participant that wrote nothing. → `Released`, `Refused`, `Lost`
    Release(Place),
    /// One-phase commit of the only writer. → `Committed`, `Refused`, `Lost`
    CommitOnePhase(Place),
    /// Phase one. → `Prepared`, `Refused`, `Lost`
    Prepare(Place),
    /// Make the decision durable, with exactly these branches. → `Decided`, `DecisionRefused`, `DecisionUnknown`
    Decide(Vec<Place>),
    /// Phase two. → `Settled`, `Refused`, `Lost`
    Commit(Place, Durable),
    /// Roll back the open transaction, in whatever state. → `RolledBack`, `Refused`, `Lost`
    Rollback(Place),
    /// Roll back the prepared branch. → `RolledBack`, `Refused`, `Lost`
    RollbackPrepared(Place),
    /// Close the connection. Nothing of the branch can outlive its session. No answer.
    Close(Place),
    /// Close the connection and tell the settler: a branch may be prepared there, without a decision. No answer.
    Abandon(Place),
    /// Close the connection and tell the settler: this branch of a durable decision is not known to be committed. No answer.
    Handover(Place, Durable),
    /// Close the connection and touch nothing: only the journal, read after a restart, may say how it ends. No answer.
    Leave(Place),
    /// Every branch has settled: the decision may be forgotten. No answer.
    Forget,
}

/// Why a commit became a rollback.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Why {
    /// The client asked for it.
    Asked,
    /// This participant's server said no.
    Refused(Place),
    /// The connection to this participant was lost before the decision.
    Lost(Place),
    /// This participant did not answer in time.
    TimedOut(Place),
    /// The journal takes no decisions.
    Journal,
}

/// How the transaction ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Committed; the settler finishes the places named.
    Committed {
        /// Decided, and not known to be committed.
        unsettled: Vec<Place>,
    },
    /// Rolled back everywhere, or about to be by the settler.
    RolledBack(Why),
    /// Not known (INV-5).
    Unknown,
}
