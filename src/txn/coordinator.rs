//! The coordinator of one transaction's end: a pure machine (INV-8). The driver performs what [`Coordinator::poll_effect`]
//! gives, reports what came of it to [`Coordinator::handle`], and calls `handle(Event::Tick, now)` at
//! [`Coordinator::poll_timeout`]. It must never send a client a success before [`Coordinator::outcome`] says so.
//!
//! ```text
//! Asking → Releasing ┬ no writer left ─────────────────────────────────────────────▶ Done(Committed)
//!                    ├ one writer ──▶ CommittingAlone ─────────────▶ Done(Committed | RolledBack | Unknown)
//!                    └ several ─────▶ Preparing → Deciding → Committing ───────────▶ Done(Committed)
//!   any no, loss or timeout before the decision ──▶ Aborting ──────────────────────▶ Done(RolledBack)
//!   the journal cannot say ────────────────────────────────────────────────────────▶ Done(Unknown)
//! ```
//!
//! What is durable where: nothing of ours until Deciding (a crash means abort: presumed abort); in Deciding the journal
//! knows or will know; from Committing on the decision is durable and a crash means that recovery commits.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::event::{Effect, Event, Outcome, Part, Policy, Why, Wrote};
use crate::base::{Place, TxnId};
use crate::config::Reply;
use crate::journal::record::Durable;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Step {
    /// Its transaction is open, nothing is asked of it.
    Open,
    Asking,
    Releasing,
    CommittingAlone,
    Preparing,
    Prepared,
    /// Prepared, and its connection is gone.
    PreparedLost,
    Committing,
    RollingBack,
    RollingBackPrepared,
    /// Ended for good, or in the settler's hands.
    Over,
    /// In the settler's hands with a decision.
    HandedOver,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Phase {
    Asking,
    Releasing,
    CommittingAlone,
    Preparing,
    Deciding,
    Committing(Durable),
    Aborting(Why),
    Done(Outcome),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Member {
    wrote: Wrote,
    step: Step,
}

/// The machine.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Coordinator {
    txn: TxnId,
    policy: Policy,
    members: BTreeMap<Place, Member>,
    phase: Phase,
    /// Whether Prepare or Decide was ever asked for; only for INV-9's assertion.
    two_phase: bool,
    deadline: Option<Duration>,
    effects: VecDeque<Effect>,
}

impl Coordinator {
    /// Starts to commit. `now` counts from any fixed moment, the same for all calls. Places must differ.
    pub fn new(txn: TxnId, participants: Vec<Part>, policy: Policy, now: Duration) -> Self {
        let mut machine = Self::at_rest(txn, participants, policy);
        if machine.members.len() > 1 {
            machine.ask(now);
        }
        machine.advance(now);
        machine
    }

    /// Starts to roll back because the client asked for it.
    pub fn rollback(txn: TxnId, participants: Vec<Part>, policy: Policy, now: Duration) -> Self {
        let mut machine = Self::at_rest(txn, participants, policy);
        machine.abort(Why::Asked, now);
        machine.advance(now);
        machine
    }

    fn at_rest(txn: TxnId, participants: Vec<Part>, policy: Policy) -> Self {
        let count = participants.len();
        let member = |p: Part| (p.place, Member { wrote: p.wrote, step: Step::Open });
        let members: BTreeMap<_, _> = participants.into_iter().map(member).collect();
        assert_eq!(members.len(), count, "every participant has a place of its own");
        let effects = VecDeque::new();
        Self { txn, policy, members, phase: Phase::Asking, two_phase: false, deadline: None, effects }
    }

    /// The transaction that it ends.
    pub fn txn(&self) -> &TxnId {
        &self.txn
    }

    /// The next thing to do, if any.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// When `handle(Event::Tick, …)` is due if nothing else happens.
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.deadline
    }

    /// What the client may be told, as soon as it may. With [`Reply::Decided`] this is before [`Self::is_done`].
    pub fn outcome(&self) -> Option<Outcome> {
        match &self.phase {
            Phase::Done(outcome) => Some(outcome.clone()),
            Phase::Committing(_) if self.policy.reply == Reply::Decided => {
                Some(Outcome::Committed { unsettled: Vec::new() })
            }
            Phase::Asking
            | Phase::Releasing
            | Phase::CommittingAlone
            | Phase::Preparing
            | Phase::Deciding
            | Phase::Committing(_)
            | Phase::Aborting(_) => None,
        }
    }

    /// Whether nothing is outstanding. The effects must still be polled to the end.
    pub fn is_done(&self) -> bool {
        matches!(self.phase, Phase::Done(_))
    }

    /// Takes in what happened.
    pub fn handle(&mut self, event: Event, now: Duration) {
        match event {
            Event::Wrote(place, wrote) => {
                if self.step_from(place, Step::Asking, Step::Open) {
                    self.member(place).wrote = if wrote { Wrote::Yes } else { Wrote::No };
                    self.abort_if_aborting(place);
                }
            }
            Event::Released(place) => {
                self.step_from(place, Step::Releasing, Step::Over);
            }
            Event::Committed(place) => {
                if self.step_from(place, Step::CommittingAlone, Step::Over) {
                    self.finish(Outcome::Committed { unsettled: Vec::new() });
                }
            }
            Event::Prepared(place) => {
                if self.step_from(place, Step::Preparing, Step::Prepared) {
                    self.abort_if_aborting(place);
                }
            }
            Event::Settled(place) => {
                self.step_from(place, Step::Committing, Step::Over);
            }
            Event::RolledBack(place) => {
                if !self.step_from(place, Step::RollingBack, Step::Over) {
                    self.step_from(place, Step::RollingBackPrepared, Step::Over);
                }
            }
            Event::Refused(place) => self.refused(place, now),
            Event::Lost(place) => self.lost(place, Why::Lost(place), now),
            Event::Decided(proof) => self.decided(proof, now),
            Event::DecisionRefused => {
                if self.phase == Phase::Deciding {
                    self.abort(Why::Journal, now);
                }
            }
            Event::DecisionUnknown => self.decision_unknown(),
            Event::Tick => self.tick(now),
        }
        self.advance(now);
    }

    fn member(&mut self, place: Place) -> &mut Member {
        self.members.get_mut(&place).expect("step_from has found it")
    }

    /// Moves a participant on if it stands at `from`. Anything else is late or doubled, and changes nothing.
    fn step_from(&mut self, place: Place, from: Step, to: Step) -> bool {
        match self.members.get_mut(&place) {
            Some(member) if member.step == from => {
                member.step = to;
                true
            }
            Some(_) | None => false,
        }
    }

    fn places_at(&self, step: Step) -> Vec<Place> {
        self.members.iter().filter(|(_, m)| m.step == step).map(|(place, _)| *place).collect()
    }

    fn any_at(&self, step: Step) -> bool {
        self.members.values().any(|m| m.step == step)
    }

    fn send(&mut self, places: &[Place], step: Step, effect: impl Fn(Place) -> Effect) {
        for &place in places {
            if let Some(member) = self.members.get_mut(&place) {
                member.step = step;
                self.effects.push_back(effect(place));
            }
        }
    }

    fn ask(&mut self, now: Duration) {
        let unsure: Vec<_> =
            self.members.iter().filter(|(_, m)| m.wrote == Wrote::Maybe).map(|(place, _)| *place).collect();
        self.send(&unsure, Step::Asking, Effect::AskWrote);
        self.deadline = Some(now + self.policy.prepare_timeout);
    }

    /// Goes on to the next phase as long as nothing is outstanding in this one.
    fn advance(&mut self, now: Duration) {
        loop {
            match &self.phase {
                Phase::Asking if !self.any_at(Step::Asking) => self.release(now),
                Phase::Releasing if !self.any_at(Step::Releasing) => self.commit_or_prepare(now),
                Phase::Preparing if !self.any_at(Step::Preparing) => self.decide(),
                Phase::Committing(_) if !self.any_at(Step::Committing) => self.settled(),
                Phase::Aborting(why) if self.nothing_outstanding() => {
                    let why = *why;
                    self.finish(Outcome::RolledBack(why));
                }
                Phase::Asking
                | Phase::Releasing
                | Phase::CommittingAlone
                | Phase::Preparing
                | Phase::Deciding
                | Phase::Committing(_)
                | Phase::Aborting(_)
                | Phase::Done(_) => return,
            }
        }
    }

    fn nothing_outstanding(&self) -> bool {
        self.members.values().all(|m| m.step == Step::Over)
    }

    /// Readers first: releasing one can still fail, and then nothing has been prepared for nothing.
    fn release(&mut self, now: Duration) {
        self.phase = Phase::Releasing;
        if self.members.len() > 1 {
            let readers: Vec<_> =
                self.members.iter().filter(|(_, m)| m.wrote == Wrote::No).map(|(place, _)| *place).collect();
            self.send(&readers, Step::Releasing, Effect::Release);
        }
        self.deadline = Some(now + self.policy.prepare_timeout);
    }

    fn commit_or_prepare(&mut self, now: Duration) {
        let writers = self.places_at(Step::Open);
        match writers.as_slice() {
            [] => self.finish(Outcome::Committed { unsettled: Vec::new() }),
            [only] => {
                assert!(!self.two_phase, "INV-9: one participant needs no prepare and no journal");
                self.phase = Phase::CommittingAlone;
                self.deadline = None;
                self.send(&[*only], Step::CommittingAlone, Effect::CommitOnePhase);
            }
            several => {
                assert!(self.members.len() > 1, "INV-9: one participant needs no prepare and no journal");
                self.two_phase = true;
                self.phase = Phase::Preparing;
                self.deadline = Some(now + self.policy.prepare_timeout);
                self.send(several, Step::Preparing, Effect::Prepare);
            }
        }
    }

    fn decide(&mut self) {
        let branches = self.places_at(Step::Prepared);
        let voted = self.members.values().all(|m| matches!(m.step, Step::Prepared | Step::Over));
        assert!(voted && branches.len() > 1, "INV-1: a decision is asked for only when every vote is yes");
        self.phase = Phase::Deciding;
        // The journal is waited for without a bound: no other answer than its own may be told.
        self.deadline = None;
        self.effects.push_back(Effect::Decide(branches));
    }

    fn decided(&mut self, proof: Durable, now: Duration) {
        if self.phase != Phase::Deciding {
            // INV-3: a decision never changes; a second word on it is no news.
            return;
        }
        assert_eq!(proof.txn(), &self.txn, "INV-1: a decision proves only its own transaction");
        self.deadline = Some(now + self.policy.commit_wait);
        let lost = self.places_at(Step::PreparedLost);
        self.send(&lost, Step::HandedOver, |place| Effect::Handover(place, proof.clone()));
        let here = self.places_at(Step::Prepared);
        self.send(&here, Step::Committing, |place| Effect::Commit(place, proof.clone()));
        self.phase = Phase::Committing(proof);
    }

    fn decision_unknown(&mut self) {
        if self.phase != Phase::Deciding {
            return;
        }
        // INV-5, INV-10: neither commit nor rollback may follow; only the journal, read again, can say.
        let branches: Vec<_> =
            self.members.iter().filter(|(_, m)| m.step != Step::Over).map(|(place, _)| *place).collect();
        self.send(&branches, Step::Over, Effect::Leave);
        self.finish(Outcome::Unknown);
    }

    fn settled(&mut self) {
        let unsettled = self.places_at(Step::HandedOver);
        if unsettled.is_empty() {
            let all = self.members.values().all(|m| m.step == Step::Over);
            assert!(all, "INV-7: a decision is forgotten only when every participant has settled");
            self.effects.push_back(Effect::Forget);
        }
        self.finish(Outcome::Committed { unsettled });
    }

    fn finish(&mut self, outcome: Outcome) {
        let decided = matches!(self.phase, Phase::Committing(_));
        let committed = matches!(outcome, Outcome::Committed { .. });
        assert!(!decided || committed, "INV-3: a decision never changes");
        let undecided = matches!(self.phase, Phase::Preparing | Phase::Deciding | Phase::Aborting(_));
        assert!(!undecided || !committed, "INV-4: success is told only after the decision");
        let told_rolled_back = matches!(outcome, Outcome::RolledBack(_));
        assert!(
            !told_rolled_back || matches!(self.phase, Phase::Aborting(_)),
            "INV-5: unknown is not told as rolled back"
        );
        self.deadline = None;
        self.phase = Phase::Done(outcome);
    }

    fn refused(&mut self, place: Place, now: Duration) {
        let Some(step) = self.members.get(&place).map(|m| m.step) else { return };
        match step {
            Step::Asking | Step::Releasing | Step::Preparing => {
                // Its transaction is over or doomed; what is left of it on the session is rolled back with the rest.
                self.member(place).step = Step::Open;
                self.abort_because(place, Why::Refused(place), now);
            }
            Step::CommittingAlone => {
                self.member(place).step = Step::Open;
                self.abort(Why::Refused(place), now);
            }
            Step::Committing => self.hand_over(place),
            Step::RollingBack => self.send(&[place], Step::Over, Effect::Close),
            Step::RollingBackPrepared => self.send(&[place], Step::Over, Effect::Abandon),
            Step::Open | Step::Prepared | Step::PreparedLost | Step::Over | Step::HandedOver => {}
        }
    }

    /// The connection is gone, or is given up because its answer is overdue.
    fn lost(&mut self, place: Place, why: Why, now: Duration) {
        let Some(step) = self.members.get(&place).map(|m| m.step) else { return };
        match step {
            Step::Open | Step::Asking | Step::Releasing => {
                self.send(&[place], Step::Over, Effect::Close);
                self.abort_because(place, why, now);
            }
            Step::CommittingAlone => {
                // INV-5: the server may have committed; nobody can tell from here.
                self.send(&[place], Step::Over, Effect::Close);
                self.finish(Outcome::Unknown);
            }
            Step::Preparing => {
                self.send(&[place], Step::Over, Effect::Abandon);
                self.abort_because(place, why, now);
            }
            Step::Prepared if self.phase == Phase::Deciding => self.member(place).step = Step::PreparedLost,
            Step::Prepared => {
                self.send(&[place], Step::Over, Effect::Abandon);
                self.abort_because(place, why, now);
            }
            Step::Committing => self.hand_over(place),
            Step::RollingBack => self.send(&[place], Step::Over, Effect::Close),
            Step::RollingBackPrepared => self.send(&[place], Step::Over, Effect::Abandon),
            Step::PreparedLost | Step::Over | Step::HandedOver => {}
        }
    }

    fn hand_over(&mut self, place: Place) {
        if let Phase::Committing(proof) = &self.phase {
            let proof = proof.clone();
            self.send(&[place], Step::HandedOver, |place| Effect::Handover(place, proof.clone()));
        }
    }

    /// Starts to abort, or goes on with it for this participant.
    fn abort_because(&mut self, place: Place, why: Why, now: Duration) {
        if matches!(self.phase, Phase::Aborting(_)) {
            self.abort_if_aborting(place);
        } else {
            self.abort(why, now);
        }
    }

    fn abort(&mut self, why: Why, now: Duration) {
        let decided = matches!(self.phase, Phase::Committing(_) | Phase::Done(_));
        assert!(!decided, "INV-3: a decision never changes");
        self.phase = Phase::Aborting(why);
        self.deadline = Some(now + self.policy.commit_wait);
        let places: Vec<_> = self.members.keys().copied().collect();
        for place in places {
            self.abort_if_aborting(place);
        }
    }

    /// INV-2: without a decision everything is rolled back, each as far as it got. Who owes an answer is waited for.
    fn abort_if_aborting(&mut self, place: Place) {
        if !matches!(self.phase, Phase::Aborting(_)) {
            return;
        }
        match self.members.get(&place).map(|m| m.step) {
            Some(Step::Open) => self.send(&[place], Step::RollingBack, Effect::Rollback),
            Some(Step::Prepared) => self.send(&[place], Step::RollingBackPrepared, Effect::RollbackPrepared),
            Some(Step::PreparedLost) => self.send(&[place], Step::Over, Effect::Abandon),
            Some(
                Step::Asking
                | Step::Releasing
                | Step::CommittingAlone
                | Step::Preparing
                | Step::Committing
                | Step::RollingBack
                | Step::RollingBackPrepared
                | Step::Over
                | Step::HandedOver,
            )
            | None => {}
        }
    }

    fn tick(&mut self, now: Duration) {
        if self.deadline.is_none_or(|deadline| now < deadline) {
            return;
        }
        // Whoever owes an answer is given up; the first of them is the reason.
        let owing = |step: Step| match step {
            Step::Asking
            | Step::Releasing
            | Step::CommittingAlone
            | Step::Preparing
            | Step::Committing
            | Step::RollingBack
            | Step::RollingBackPrepared => true,
            Step::Open | Step::Prepared | Step::PreparedLost | Step::Over | Step::HandedOver => false,
        };
        let late: Vec<_> = self.members.iter().filter(|(_, m)| owing(m.step)).map(|(place, _)| *place).collect();
        // First collect them all, so that the rollback which the first one starts is not itself taken for overdue.
        for place in late {
            self.lost(place, Why::TimedOut(place), now);
        }
    }
}

#[cfg(test)]
#[path = "coordinator_tests.rs"]
mod tests;
