//! Every order of events for the coordinator with one, two and three participants: all answers, losses, timeouts and
//! crashes, state by state until nothing new is found.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use handfast::base::{Place, TxnId};
use handfast::config::Reply;
use handfast::journal::core::Encoded;
use handfast::journal::memory::Memory;
use handfast::journal::{Decision, Durable, Entry};
use handfast::txn::{Coordinator, Effect, Event, Outcome, Part, Policy, Wrote};

use crate::world;

/// What a server knows of a branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Truth {
    Open,
    Prepared,
    Committed,
    RolledBack,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct State {
    machine: Coordinator,
    truth: BTreeMap<Place, Truth>,
    /// Sent, and not yet arrived at its server (or at the journal).
    asked: Vec<Effect>,
    /// Done, and not yet heard by the coordinator.
    answers: Vec<Event>,
    gone: Vec<Place>,
    decided: bool,
    forgotten: bool,
    told: Option<Outcome>,
    now: Duration,
}

struct Model {
    proof: Durable,
    wrote: BTreeMap<Place, bool>,
}

impl Model {
    /// What may come of an effect: the branch's new truth and the answer.
    fn outcomes(effect: &Effect, truth: Truth) -> Vec<(Truth, Event)> {
        let refused = |place: &Place| Event::Refused(*place);
        match (effect, truth) {
            (Effect::AskWrote(place), _) => {
                vec![(truth, Event::Wrote(*place, true)), (truth, Event::Wrote(*place, false)), (truth, refused(place))]
            }
            (Effect::Release(place), Truth::Open) => {
                vec![(Truth::Committed, Event::Released(*place)), (Truth::RolledBack, refused(place))]
            }
            (Effect::CommitOnePhase(place), Truth::Open) => {
                vec![(Truth::Committed, Event::Committed(*place)), (Truth::RolledBack, refused(place))]
            }
            (Effect::Prepare(place), Truth::Open) => {
                vec![(Truth::Prepared, Event::Prepared(*place)), (Truth::RolledBack, refused(place))]
            }
            (Effect::Commit(place, _), Truth::Prepared) => {
                vec![(Truth::Committed, Event::Settled(*place)), (truth, refused(place))]
            }
            (Effect::Rollback(place), Truth::Open) => vec![(Truth::RolledBack, Event::RolledBack(*place))],
            (Effect::RollbackPrepared(place), Truth::Prepared) => {
                vec![(Truth::RolledBack, Event::RolledBack(*place)), (truth, refused(place))]
            }
            (effect, _) => match place(effect) {
                Some(place) => vec![(truth, refused(&place))],
                None => vec![],
            },
        }
    }

    fn next(&self, state: &State) -> Vec<State> {
        let mut next = Vec::new();
        for (index, effect) in state.asked.iter().enumerate() {
            let mut after = state.clone();
            after.asked.remove(index);
            match effect {
                Effect::Decide(_) => {
                    let mut decided = after.clone();
                    decided.decided = true;
                    decided.answers.push(Event::Decided(self.proof.clone()));
                    let mut written = after.clone();
                    written.decided = true;
                    written.answers.push(Event::DecisionUnknown);
                    let mut unknown = after.clone();
                    unknown.answers.push(Event::DecisionUnknown);
                    after.answers.push(Event::DecisionRefused);
                    next.extend([decided, written, unknown, after]);
                }
                Effect::Forget => {
                    after.forgotten = true;
                    next.push(after);
                }
                Effect::Close(place) | Effect::Abandon(place) | Effect::Leave(place) | Effect::Handover(place, _) => {
                    after.lose(*place, false);
                    next.push(after);
                }
                Effect::AskWrote(place)
                | Effect::Release(place)
                | Effect::CommitOnePhase(place)
                | Effect::Prepare(place)
                | Effect::Commit(place, _)
                | Effect::Rollback(place)
                | Effect::RollbackPrepared(place) => {
                    for (truth, event) in Self::outcomes(effect, after.truth[place]) {
                        let mut done = after.clone();
                        done.truth.insert(*place, truth);
                        if !done.gone.contains(place) {
                            done.answers.push(event);
                        }
                        next.push(done);
                    }
                }
            }
        }
        for index in 0..state.answers.len() {
            let mut after = state.clone();
            let event = after.answers.remove(index);
            after.hear(event);
            next.push(after);
        }
        for place in state.truth.keys().filter(|place| !state.gone.contains(place)) {
            let mut after = state.clone();
            after.lose(*place, true);
            next.push(after);
        }
        if let Some(deadline) = state.machine.poll_timeout() {
            let mut after = state.clone();
            after.now = deadline;
            after.hear(Event::Tick);
            next.push(after);
        }
        next
    }

    /// What must be true in every state, also if the node crashed in it and recovery did its work.
    fn check(&self, state: &State) {
        let wrote = |place: &Place| self.wrote[place];
        let after_recovery = |truth: Truth| match truth {
            Truth::Prepared if state.decided => Truth::Committed,
            Truth::Prepared | Truth::Open => Truth::RolledBack,
            Truth::Committed | Truth::RolledBack => truth,
        };
        let ends: Vec<_> = state.truth.iter().filter(|(p, _)| wrote(p)).map(|(_, t)| after_recovery(*t)).collect();
        let committed = ends.iter().filter(|t| **t == Truth::Committed).count();
        assert!(committed == 0 || committed == ends.len(), "half-done: {:?} {:?}", state.truth, state.machine);
        match &state.told {
            Some(Outcome::Committed { .. }) => assert_eq!(committed, ends.len(), "INV-4 {:?}", state.machine),
            // What is still open or prepared without a decision will be rolled back; what is on its way must not commit.
            Some(Outcome::RolledBack(_)) => assert!(committed == 0 && !state.decided, "INV-5 {:?}", state.machine),
            Some(Outcome::Unknown) | None => {}
        }
        if state.forgotten {
            assert!(ends.iter().all(|t| *t == Truth::Committed), "INV-7 {:?}", state.machine);
            assert!(!state.truth.values().any(|t| *t == Truth::Prepared), "INV-7 {:?}", state.machine);
        }
    }
}

fn place(effect: &Effect) -> Option<Place> {
    match effect {
        Effect::AskWrote(place)
        | Effect::Release(place)
        | Effect::CommitOnePhase(place)
        | Effect::Prepare(place)
        | Effect::Commit(place, _)
        | Effect::Rollback(place)
        | Effect::RollbackPrepared(place)
        | Effect::Close(place)
        | Effect::Abandon(place)
        | Effect::Handover(place, _)
        | Effect::Leave(place) => Some(*place),
        Effect::Decide(_) | Effect::Forget => None,
    }
}

impl State {
    fn hear(&mut self, event: Event) {
        self.machine.handle(event, self.now);
        while let Some(effect) = self.machine.poll_effect() {
            self.asked.push(effect);
        }
        if let Some(outcome) = self.machine.outcome()
            && self.told.is_none()
        {
            self.told = Some(outcome);
        }
        // The same state reached in another order is the same state; time itself does not matter.
        self.asked.sort_by_key(|e| format!("{e:?}"));
        self.answers.sort_by_key(|e| format!("{e:?}"));
    }

    /// The connection ends. What was sent may still arrive; what is open rolls back then (or in `check`).
    fn lose(&mut self, place: Place, told: bool) {
        if !self.gone.contains(&place) {
            self.gone.push(place);
            self.gone.sort();
        }
        if told {
            self.answers.push(Event::Lost(place));
            self.answers.sort_by_key(|e| format!("{e:?}"));
        }
    }
}

fn explore(known: &[Wrote], reply: Reply) -> usize {
    let mut core = world::open(&Memory::default());
    let txn = TxnId { cluster: world::cluster(), node: world::node(), epoch: 1, seq: 1 };
    let decision = Decision { txn: txn.clone(), decided_wall_ms: 0, branches: vec![] };
    let encoded = Encoded::new(Entry::Decided(decision)).expect("short");
    let proof = core.write(vec![encoded], 0).expect("no faults").proofs.remove(0);

    let places: Vec<_> = (0..).map(Place).zip(known).map(|(place, wrote)| Part { place, wrote: *wrote }).collect();
    let wrote = places.iter().map(|p| (p.place, p.wrote == Wrote::Yes)).collect();
    let policy = Policy { prepare_timeout: Duration::ZERO, commit_wait: Duration::ZERO, reply };
    let truth = places.iter().map(|p| (p.place, Truth::Open)).collect();
    let machine = Coordinator::new(txn, places, policy, Duration::ZERO);
    let (asked, answers, gone) = (vec![], vec![], vec![]);
    let (decided, forgotten, told, now) = (false, false, None, Duration::ZERO);
    let mut first = State { machine, truth, asked, answers, gone, decided, forgotten, told, now };
    // A tick at no deadline only takes the first effects out.
    while let Some(effect) = first.machine.poll_effect() {
        first.asked.push(effect);
    }
    let model = Model { proof, wrote };
    let (mut seen, mut todo) = (HashSet::new(), vec![first]);
    while let Some(state) = todo.pop() {
        if seen.contains(&state) {
            continue;
        }
        model.check(&state);
        let next = model.next(&state);
        let quiet = next.is_empty() || state.asked.is_empty() && state.answers.is_empty();
        let waits = state.machine.poll_timeout().is_some();
        assert!(!quiet || waits || state.machine.is_done(), "stuck: {:?}", state.machine);
        todo.extend(next);
        seen.insert(state);
    }
    seen.len()
}

#[test]
fn every_order_of_events_with_up_to_two_participants_keeps_the_invariants() {
    let all = [Wrote::No, Wrote::Maybe, Wrote::Yes];
    let mut states = 0;
    for reply in [Reply::Committed, Reply::Decided] {
        for first in all {
            states += explore(&[first], reply);
            for second in all {
                states += explore(&[first, second], reply);
            }
        }
    }
    println!("{states} states");
    assert!(states > 1000, "{states}");
}

#[test]
fn every_order_of_events_with_three_writers_keeps_the_invariants() {
    let states = explore(&[Wrote::Yes; 3], Reply::Committed);
    println!("{states} states");
    assert!(states > 10_000, "{states}");
}
