//! What the driver tells: the ledger what happens, the client what came of it.

use super::super::ledger::{BranchState, What};
use super::super::{Ended, Why, Wrote};
use super::Driver;
use crate::backend::VerbError;
use crate::base::{Fault, FaultKind, Place};
use crate::txn::{Event, Outcome, Why as Cause};

impl Driver {
    /// Notes what happened for people.
    pub(super) fn tell(&self, event: &Event) {
        let Some(entry) = &self.entry else { return };
        let problem = |place: &Place| {
            let error = self.members.get(place).and_then(|m| m.error.as_ref());
            error.map_or_else(|| String::from("it refused"), ToString::to_string)
        };
        let code = |place: &Place| {
            let error = self.members.get(place).and_then(|m| m.error.as_ref());
            error.and_then(VerbError::sqlstate).map(str::to_owned)
        };
        let detail = |text: &str| Some(text.to_owned());
        match event {
            Event::Prepared(place) => entry.set(*place, BranchState::Prepared, What::Prepared, None),
            Event::Released(place) => {
                entry.set(*place, BranchState::Committed, What::Committed, detail("it only read: released"))
            }
            Event::Committed(place) => {
                entry.set(*place, BranchState::Committed, What::Committed, detail("in one phase: the only writer"))
            }
            Event::Settled(place) => entry.set(*place, BranchState::Committed, What::Committed, None),
            Event::RolledBack(place) => entry.set(*place, BranchState::RolledBack, What::RolledBack, None),
            Event::Refused(place) => entry.problem(*place, What::Refused, problem(place), code(place)),
            Event::Lost(place) => entry.problem(*place, What::Failed, problem(place), code(place)),
            Event::Decided(_) => entry.decided(self.decided_wall_ms),
            Event::Wrote(..) | Event::DecisionRefused | Event::DecisionUnknown | Event::Tick => {}
        }
    }

    fn name(&self, place: Place) -> String {
        let backend = self.members.get(&place).map(|m| self.commits.config.backend(m.backend).name.clone());
        backend.unwrap_or_default()
    }

    /// How a participant that has not followed the decision ended; none: it will follow.
    fn ended_otherwise(&self, place: Place) -> Option<&'static str> {
        let error = self.members.get(&place).filter(|m| m.wrote == Wrote::Yes)?.error.as_ref()?;
        match (error.is_contrary(), error.is_unknown_branch()) {
            (true, _) => Some("has ended its part otherwise"),
            (false, true) => Some("knows nothing of its part any more, because somebody has ended it by hand"),
            (false, false) => None,
        }
    }

    /// The outcome in the words of a client.
    pub(in crate::commit) fn explain(&mut self, outcome: Outcome) -> Ended {
        let txn = self.machine.txn().clone();
        match outcome {
            Outcome::Committed { unsettled } => {
                let warn = |place: &Place| {
                    let name = self.name(*place);
                    if let Some(how) = self.ended_otherwise(*place) {
                        return format!(
                            "decided COMMIT, but backend \"{name}\" {how}: an operator must look (transaction {txn})"
                        );
                    }
                    format!("committed; backend \"{name}\" is not reachable and will follow (transaction {txn})")
                };
                Ended::Committed { warnings: unsettled.iter().map(warn).collect() }
            }
            Outcome::RolledBack(cause) => Ended::RolledBack(self.why(cause)),
            Outcome::Unknown => Ended::Unknown { txn },
        }
    }

    /// Why it was rolled back, for operators.
    pub(super) fn in_words(&self, cause: Cause) -> String {
        match cause {
            Cause::Refused(place) => format!("\"{}\" voted no", self.name(place)),
            Cause::Asked => String::from("the client asked for it"),
            Cause::Lost(place) => format!("\"{}\" was lost before the commit was decided", self.name(place)),
            Cause::TimedOut(place) => {
                format!("\"{}\" did not vote within transactions.prepare_timeout", self.name(place))
            }
            Cause::Journal => String::from("the journal takes no decisions"),
        }
    }

    fn why(&mut self, cause: Cause) -> Why {
        let fault = match cause {
            Cause::Refused(place) => return self.refused(place),
            Cause::Asked => Fault::new(FaultKind::RolledBack, "the transaction was rolled back"),
            Cause::Lost(place) => Fault::new(
                FaultKind::BackendLost,
                format!("backend \"{}\" was lost before the commit was decided", self.name(place)),
            ),
            Cause::TimedOut(place) => Fault::new(
                FaultKind::RolledBack,
                format!("backend \"{}\" did not vote within transactions.prepare_timeout", self.name(place)),
            ),
            Cause::Journal => Fault::new(FaultKind::RolledBack, "the journal takes no decisions"),
        };
        let fault = fault.detail("the transaction was rolled back on all backends");
        Why::Fault(fault.hint("Nothing was kept; the transaction can be retried."))
    }

    fn refused(&mut self, place: Place) -> Why {
        let name = self.name(place);
        let fault = |what: String| {
            Why::Fault(Fault::new(FaultKind::RolledBack, format!("backend \"{name}\" could not commit: {what}")))
        };
        match self.members.get_mut(&place).and_then(|m| Some((m.backend, m.error.take()?))) {
            Some((backend, VerbError::Refused { error, .. })) => Why::Refused { backend, error },
            Some((_, error @ (VerbError::WrongTag { .. } | VerbError::Lost { .. }))) => fault(error.to_string()),
            None => fault(String::from("it refused")),
        }
    }
}
