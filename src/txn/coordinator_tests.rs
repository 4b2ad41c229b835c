//! The machine's promises, one by one. The simulator (`tests/sim`) explores the rest.

use std::time::Duration;

use super::*;
use crate::base::{ClusterName, NodeName};

const A: Place = Place(0);
const B: Place = Place(1);
const C: Place = Place(2);

fn txn() -> TxnId {
    TxnId { cluster: ClusterName::new("shop").unwrap(), node: NodeName::new("n-1").unwrap(), epoch: 1, seq: 1 }
}

fn policy(reply: Reply) -> Policy {
    Policy { prepare_timeout: ms(1000), commit_wait: ms(500), reply }
}

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

fn proof() -> Durable {
    Durable::for_tests(txn())
}

/// A machine, and the effects so far asked for.
struct Play {
    machine: Coordinator,
    now: Duration,
}

impl Play {
    fn of(parts: &[(Place, Wrote)]) -> Self {
        Self::with(parts, Reply::Committed)
    }

    fn with(parts: &[(Place, Wrote)], reply: Reply) -> Self {
        let parts = parts.iter().map(|&(place, wrote)| Part { place, wrote }).collect();
        Self { machine: Coordinator::new(txn(), parts, policy(reply), ms(0)), now: ms(0) }
    }

    fn effects(&mut self) -> Vec<Effect> {
        std::iter::from_fn(|| self.machine.poll_effect()).collect()
    }

    #[track_caller]
    fn expect(&mut self, effects: &[Effect]) -> &mut Self {
        assert_eq!(self.effects(), effects);
        self
    }

    fn on(&mut self, event: Event) -> &mut Self {
        self.machine.handle(event, self.now);
        self
    }

    fn wait(&mut self, time: Duration) -> &mut Self {
        self.now += time;
        self.on(Event::Tick)
    }

    #[track_caller]
    fn ends(&mut self, outcome: Outcome) {
        assert_eq!(self.effects(), []);
        assert!(self.machine.is_done());
        assert_eq!(self.machine.outcome(), Some(outcome));
        assert_eq!(self.machine.poll_timeout(), None);
    }

    /// Two writers, both prepared, the decision asked for.
    fn deciding() -> Self {
        let mut play = Self::of(&[(A, Wrote::Yes), (B, Wrote::Yes)]);
        play.expect(&[Effect::Prepare(A), Effect::Prepare(B)]);
        play.on(Event::Prepared(B)).expect(&[]).on(Event::Prepared(A)).expect(&[Effect::Decide(vec![A, B])]);
        play
    }
}

fn committed() -> Outcome {
    Outcome::Committed { unsettled: vec![] }
}

#[test]
fn no_participant_is_committed_at_once() {
    Play::of(&[]).ends(committed());
}

#[test]
fn one_participant_needs_no_prepare_and_no_journal_whatever_it_wrote() {
    for wrote in [Wrote::No, Wrote::Maybe, Wrote::Yes] {
        let mut play = Play::of(&[(A, wrote)]);
        play.expect(&[Effect::CommitOnePhase(A)]).on(Event::Committed(A)).ends(committed());
    }
}

#[test]
fn a_one_phase_commit_lost_in_mid_air_is_unknown() {
    let mut play = Play::of(&[(A, Wrote::Yes)]);
    play.expect(&[Effect::CommitOnePhase(A)]).on(Event::Lost(A)).expect(&[Effect::Close(A)]).ends(Outcome::Unknown);
}

#[test]
fn a_one_phase_commit_refused_is_rolled_back() {
    let mut play = Play::of(&[(A, Wrote::Yes)]);
    play.expect(&[Effect::CommitOnePhase(A)]).on(Event::Refused(A)).expect(&[Effect::Rollback(A)]);
    play.on(Event::RolledBack(A)).ends(Outcome::RolledBack(Why::Refused(A)));
}

#[test]
fn readers_are_released_before_the_only_writer_commits_in_one_phase() {
    let mut play = Play::of(&[(A, Wrote::No), (B, Wrote::Yes), (C, Wrote::Maybe)]);
    play.expect(&[Effect::AskWrote(C)]).on(Event::Wrote(C, false));
    play.expect(&[Effect::Release(A), Effect::Release(C)]).on(Event::Released(C)).expect(&[]);
    play.on(Event::Released(A)).expect(&[Effect::CommitOnePhase(B)]).on(Event::Committed(B)).ends(committed());
}

#[test]
fn readers_only_are_all_released() {
    let mut play = Play::of(&[(A, Wrote::No), (B, Wrote::No)]);
    play.expect(&[Effect::Release(A), Effect::Release(B)]).on(Event::Released(A)).on(Event::Released(B));
    play.ends(committed());
}

#[test]
fn a_reader_that_cannot_be_released_rolls_everything_back() {
    for event in [Event::Lost(A), Event::Refused(A)] {
        let mut play = Play::of(&[(A, Wrote::No), (B, Wrote::Yes), (C, Wrote::Yes)]);
        play.expect(&[Effect::Release(A)]).on(event.clone());
        let effects = play.effects();
        assert!(effects.contains(&Effect::Rollback(B)) && effects.contains(&Effect::Rollback(C)), "{effects:?}");
        play.on(Event::RolledBack(A)).on(Event::RolledBack(B)).on(Event::RolledBack(C));
        assert!(matches!(play.machine.outcome(), Some(Outcome::RolledBack(_))), "{event:?}");
    }
}

#[test]
fn several_writers_are_prepared_decided_committed_and_forgotten_in_this_order() {
    let mut play = Play::deciding();
    assert_eq!(play.machine.outcome(), None, "INV-4");
    play.on(Event::Decided(proof())).expect(&[Effect::Commit(A, proof()), Effect::Commit(B, proof())]);
    assert_eq!(play.machine.outcome(), None, "the reply waits for phase two");
    play.on(Event::Settled(A)).expect(&[]).on(Event::Settled(B)).expect(&[Effect::Forget]).ends(committed());
}

#[test]
fn with_an_early_reply_the_client_hears_of_the_decision_at_once() {
    let mut play = Play::with(&[(A, Wrote::Yes), (B, Wrote::Yes)], Reply::Decided);
    play.on(Event::Prepared(A)).on(Event::Prepared(B));
    assert_eq!(play.machine.outcome(), None, "INV-4");
    play.on(Event::Decided(proof()));
    assert_eq!(play.machine.outcome(), Some(committed()));
    assert!(!play.machine.is_done());
}

#[test]
fn one_no_rolls_back_each_as_far_as_it_got() {
    let mut play = Play::of(&[(A, Wrote::Yes), (B, Wrote::Yes), (C, Wrote::Yes)]);
    play.effects();
    play.on(Event::Prepared(A)).on(Event::Refused(B)).expect(&[Effect::RollbackPrepared(A), Effect::Rollback(B)]);
    // C's vote is still on its way: it is waited for, then rolled back.
    play.on(Event::RolledBack(A)).on(Event::RolledBack(B)).expect(&[]);
    play.on(Event::Prepared(C)).expect(&[Effect::RollbackPrepared(C)]);
    play.on(Event::RolledBack(C)).ends(Outcome::RolledBack(Why::Refused(B)));
}

#[test]
fn a_vote_that_does_not_come_is_a_no_and_its_branch_is_the_settlers() {
    let mut play = Play::of(&[(A, Wrote::Yes), (B, Wrote::Yes)]);
    play.effects();
    play.on(Event::Prepared(A)).wait(ms(999)).expect(&[]);
    play.wait(ms(1)).expect(&[Effect::Abandon(B), Effect::RollbackPrepared(A)]);
    play.on(Event::Prepared(B)).expect(&[]);
    play.on(Event::RolledBack(A)).ends(Outcome::RolledBack(Why::TimedOut(B)));
}

#[test]
fn a_rollback_that_is_not_answered_does_not_hold_the_client_for_ever() {
    let mut play = Play::of(&[(A, Wrote::Yes), (B, Wrote::Yes)]);
    play.effects();
    play.on(Event::Prepared(A)).on(Event::Refused(B)).effects();
    play.wait(ms(500)).expect(&[Effect::Abandon(A), Effect::Close(B)]).ends(Outcome::RolledBack(Why::Refused(B)));
}

#[test]
fn a_refused_decision_rolls_back() {
    let mut play = Play::deciding();
    play.on(Event::DecisionRefused).expect(&[Effect::RollbackPrepared(A), Effect::RollbackPrepared(B)]);
    play.on(Event::RolledBack(A)).on(Event::RolledBack(B)).ends(Outcome::RolledBack(Why::Journal));
}

#[test]
fn an_unknown_decision_is_told_as_unknown_and_nothing_is_touched() {
    let mut play = Play::deciding();
    play.on(Event::DecisionUnknown).expect(&[Effect::Leave(A), Effect::Leave(B)]).ends(Outcome::Unknown);
}

#[test]
fn nothing_but_the_journal_ends_the_wait_for_the_decision() {
    let mut play = Play::deciding();
    play.on(Event::Lost(A)).wait(ms(1_000_000)).expect(&[]);
    assert_eq!(play.machine.outcome(), None);
    play.on(Event::Decided(proof())).expect(&[Effect::Handover(A, proof()), Effect::Commit(B, proof())]);
    play.on(Event::Settled(B)).ends(Outcome::Committed { unsettled: vec![A] });
}

#[test]
fn a_connection_lost_while_deciding_is_the_settlers_when_the_decision_is_refused() {
    let mut play = Play::deciding();
    play.on(Event::Lost(A)).on(Event::DecisionRefused).expect(&[Effect::Abandon(A), Effect::RollbackPrepared(B)]);
    play.on(Event::RolledBack(B)).ends(Outcome::RolledBack(Why::Journal));
}

#[test]
fn after_the_decision_nothing_but_committed_is_told_and_nothing_is_forgotten_early() {
    for event in [Event::Lost(A), Event::Refused(A)] {
        let mut play = Play::deciding();
        play.on(Event::Decided(proof())).effects();
        play.on(event).expect(&[Effect::Handover(A, proof())]);
        play.on(Event::Settled(B)).ends(Outcome::Committed { unsettled: vec![A] });
    }
    let mut play = Play::deciding();
    play.on(Event::Decided(proof())).effects();
    play.wait(ms(500)).expect(&[Effect::Handover(A, proof()), Effect::Handover(B, proof())]);
    play.ends(Outcome::Committed { unsettled: vec![A, B] });
}

#[test]
fn a_clients_rollback_rolls_back_all() {
    let parts = [A, B].map(|place| Part { place, wrote: Wrote::Yes }).to_vec();
    let machine = Coordinator::rollback(txn(), parts, policy(Reply::Committed), ms(0));
    let mut play = Play { machine, now: ms(0) };
    play.expect(&[Effect::Rollback(A), Effect::Rollback(B)]).on(Event::RolledBack(A)).on(Event::Lost(B));
    play.expect(&[Effect::Close(B)]).ends(Outcome::RolledBack(Why::Asked));
}

#[test]
#[should_panic(expected = "INV-1")]
fn the_proof_of_another_transaction_proves_nothing() {
    Play::deciding().on(Event::Decided(Durable::for_tests(TxnId { seq: 2, ..txn() })));
}
