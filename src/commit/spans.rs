//! Spans of a two-phase commit, made of what the ledger has noted when its coordinator has left: the protocol knows nothing of
//! them.

use std::time::{Duration, Instant};

use super::ledger::{BranchRecord, Moment, Record, What};
use crate::base::{Place, clock};
use crate::telemetry::traces::{Doer, Span, TraceContext, Tracer};

/// Which spans a transaction's are put beside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// What its client has named.
    pub named: Option<TraceContext>,
    /// The span of its COMMIT; none: it is not recorded.
    pub commit: Option<TraceContext>,
}

impl Trace {
    /// What people are shown.
    pub fn shown(&self) -> Option<TraceContext> {
        self.named.or(self.commit)
    }
}

/// One moment and the one that ends it.
struct Stretch<'a> {
    from: Duration,
    to: Duration,
    failed: Option<&'a Moment>,
}

/// Its coordinator has left.
pub(super) fn ended(tracer: &Tracer, record: &Record, begun: Instant) {
    let Some(commit) = record.trace.commit else { return };
    let give = |name: String, doer: Doer, branch: Option<&BranchRecord>, stretch: &Stretch<'_>| {
        let (from, to) = (begun + stretch.from, begun + stretch.to);
        let mut span = Span::new(commit.child(), Some(commit.span), name, doer, from, to);
        span.facts.push(("handfast.transaction", record.txn.to_string()));
        span.backend = branch.map(|branch| branch.backend);
        span.error = stretch.failed.map(|moment| String::from(word(moment.what)));
        span.sqlstate = stretch.failed.and_then(|moment| moment.sqlstate.as_deref());
        tracer.ended(span);
    };
    let decided = record.timeline.iter().find(|moment| moment.what == What::Decided).map(|moment| moment.at);
    for branch in &record.branches {
        let name = tracer.name(branch.backend);
        let own: Vec<&Moment> = record.timeline.iter().filter(|m| m.backend == Some(branch.backend)).collect();
        let asked = own.iter().find(|m| m.what == What::PrepareSent).map(|m| m.at);
        if let Some(from) = asked {
            let stretch = voted(&own, from, decided, begun.elapsed());
            give(format!("prepare {name}"), Doer::Client, Some(branch), &stretch);
            if let Some(from) = decided {
                let after: Vec<&Moment> =
                    own.iter().copied().filter(|m| m.at >= from && m.what != What::Prepared).collect();
                let done = after.iter().find(|m| matches!(m.what, What::Committed | What::Failed | What::Refused));
                let failed = done.copied().filter(|m| m.what != What::Committed);
                let to = done.map_or_else(|| begun.elapsed(), |m| m.at);
                give(format!("finish {name}"), Doer::Client, Some(branch), &Stretch { from, to, failed });
            }
        } else if let Some(done) = own.iter().find(|m| m.what == What::Committed) {
            let stretch = Stretch { from: Duration::ZERO, to: done.at, failed: None };
            give(format!("commit {name}"), Doer::Client, Some(branch), &stretch);
        }
        if let Some(undone) = own.iter().find(|m| m.what == What::RolledBack) {
            let before = own.iter().map(|m| m.at).filter(|at| *at < undone.at).max();
            let stretch = Stretch { from: before.unwrap_or(undone.at), to: undone.at, failed: None };
            give(format!("rollback {name}"), Doer::Client, Some(branch), &stretch);
        }
    }
    if let Some(to) = decided {
        let voted = record.timeline.iter().filter(|m| m.what == What::Prepared).map(|m| m.at).max();
        let stretch = Stretch { from: voted.unwrap_or_default(), to, failed: None };
        give(String::from("decide"), Doer::Internal, None, &stretch);
    }
}

/// From the question to the vote, or to what came instead of it.
fn voted<'a>(own: &[&'a Moment], from: Duration, decided: Option<Duration>, now: Duration) -> Stretch<'a> {
    let vote = own.iter().find(|m| m.at >= from && !matches!(m.what, What::PrepareSent)).copied();
    let failed = vote.filter(|m| m.what != What::Prepared);
    Stretch { from, to: vote.map(|m| m.at).or(decided).unwrap_or(now), failed }
}

/// A settler has tried to finish a branch, or has done it. It is no part of the trace, which has ended long ago: it goes back to
/// it by a link.
pub(super) fn tried(tracer: Option<&Tracer>, record: &mut Record, place: Place, failed: bool) {
    let from = std::mem::replace(&mut record.tried, clock::now());
    let branch = record.branches.iter().find(|branch| branch.place == place);
    let (Some(tracer), Some(commit), Some(branch)) = (tracer, record.trace.commit, branch) else { return };
    let name = format!("recover {}", tracer.name(branch.backend));
    let mut span = Span::new(TraceContext::root(true), None, name, Doer::Client, from, record.tried);
    span.facts.push(("handfast.transaction", record.txn.to_string()));
    span.backend = Some(branch.backend);
    span.error = failed.then(|| String::from(word(What::Failed)));
    span.link = Some(commit);
    tracer.ended(span);
}

/// Servers' own words may hold values; a trace goes to others.
fn word(what: What) -> &'static str {
    match what {
        What::Refused => "the database refused",
        What::Failed => "the database was not reached",
        What::RolledBack => "it was rolled back instead",
        What::PrepareSent | What::Prepared | What::Decided | What::Committed | What::Settled => "it went on",
    }
}
