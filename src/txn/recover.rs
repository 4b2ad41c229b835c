//! What recovery does with one branch: a pure table. [`next`] says what to do before or with a list; [`after`] says what
//! the answer to that act means.
//!
//! How we get here: a crash of ours, a lost participant, a vote that came too late. Every sweep asks again from the
//! beginning, so that no row needs memory. An error code alone never settles anything (FACTS 5): only "not listed" in a list
//! that was taken after the preparing session was known to be gone does.
//!
//! | journal  | alive here | listing       | → |
//! |----------|------------|---------------|---|
//! | any      | yes        | any           | Leave: its own coordinator ends it |
//! | any      | no         | unreachable   | KeepAndRetry |
//! | any      | no         | not fenced    | FenceFirst |
//! | decided  | no         | listed        | Commit |
//! | decided  | no         | not listed    | Settled |
//! | none     | no         | listed        | RollBack (INV-2) |
//! | none     | no         | not listed    | Settled |
//! | tombstone| no         | listed        | Commit again: it came back (FACTS 8a) |
//! | tombstone| no         | not listed    | Settled |

use std::time::Duration;

use crate::base::{BranchName, ClusterName, NodeName};

/// What the journal knows of the transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Known {
    /// It is decided, and not every participant is known to have settled.
    Decided,
    /// It was decided and every participant has settled; kept as a tombstone.
    Tombstone,
    /// Nothing: it was never decided, or all that is long past.
    Nothing,
}

/// What the server says of the branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Listing {
    /// Listed as prepared, in a list taken after the preparing session was known to be gone.
    Listed,
    /// Not in such a list.
    NotListed,
    /// There is a list, but it was not after the preparing session's end: neither presence nor absence means anything yet. Say
    /// this of every decided branch whose session this sweep has not itself ended before its list — also of one that was
    /// decided and handed over while the sweep was under way (committing it too early may lose it, FACTS 8a).
    ///
    /// A branch without a decision may be of a session that nobody knows any more: if it stands in a list, say
    /// [`Listing::Listed`]. Rolling it back is right whoever still holds it, and what that misses the next sweeps find.
    NotFenced,
    /// No list could be had.
    Unreachable,
}

/// Whether this process still runs the transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Alive {
    /// A coordinator of this process will end it.
    Yes,
    /// Nobody else will.
    No,
}

/// What recovery does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Commit the branch (with the journal's proof), then ask [`after`].
    Commit,
    /// Roll the branch back, then ask [`after`].
    RollBack,
    /// Nothing is left to do for this branch in this sweep.
    Settled,
    /// Keep it, try again after [`backoff`], for ever.
    KeepAndRetry,
    /// End the preparing session, wait until it is gone, list again.
    FenceFirst,
    /// Not for recovery to touch: alive here, or a stranger's (INV-6).
    Leave,
    /// The server did the contrary of the decision, or may have: alarm, keep the record, never forget by itself.
    Alarm,
}

/// What the server answered to COMMIT or ROLLBACK of a prepared branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Answer {
    /// Done.
    Done,
    /// 42704, XAER_NOTA: no such branch. Proves nothing.
    NotFound,
    /// XA_RB*: the server rolled it back by itself.
    HeuristicRollback,
    /// XA_HEURCOM: the server committed it by itself.
    HeuristicCommit,
    /// Any other error; the connection lives.
    Refused,
    /// The connection broke.
    Lost,
}

/// Whether the branch is known to have written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Wrote {
    /// It wrote for certain.
    Yes,
    /// It may have written nothing; such a branch may be rolled back or forgotten by its server, harmlessly (FACTS 9).
    Maybe,
}

/// What was asked of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Act {
    /// [`Action::Commit`]
    Commit,
    /// [`Action::RollBack`]
    RollBack,
}

/// Whether a branch is one that this node may touch at all (INV-6): it bears its cluster's and its node's name.
pub fn is_ours(branch: &BranchName, cluster: &ClusterName, node: &NodeName) -> bool {
    branch.txn.cluster == *cluster && branch.txn.node == *node
}

/// What to do with one of our branches (see the table above). The caller must have asked in this order: the listing, then
/// whether the transaction is alive, then the journal. Asked the other way round, a transaction that is decided and handed
/// over between the two questions would look undecided and dead.
pub fn next(known: Known, alive: Alive, listing: Listing) -> Action {
    match (alive, listing, known) {
        (Alive::Yes, Listing::Listed | Listing::NotListed | Listing::NotFenced | Listing::Unreachable, _) => {
            Action::Leave
        }
        (Alive::No, Listing::Unreachable, _) => Action::KeepAndRetry,
        (Alive::No, Listing::NotFenced, _) => Action::FenceFirst,
        (Alive::No, Listing::NotListed, Known::Decided | Known::Tombstone | Known::Nothing) => Action::Settled,
        (Alive::No, Listing::Listed, Known::Decided | Known::Tombstone) => Action::Commit,
        // INV-2: no decision ⇒ abort.
        (Alive::No, Listing::Listed, Known::Nothing) => Action::RollBack,
    }
}

/// What the answer to an act means. `FenceFirst` here means: list again, only that counts.
pub fn after(act: Act, answer: Answer, wrote: Wrote) -> Action {
    match (act, answer) {
        // FACTS 8a: even an OK is believed only when a later list agrees.
        (Act::Commit | Act::RollBack, Answer::Done | Answer::NotFound) => Action::FenceFirst,
        (Act::Commit | Act::RollBack, Answer::Refused | Answer::Lost) => Action::KeepAndRetry,
        (Act::Commit, Answer::HeuristicRollback) => match wrote {
            Wrote::Yes => Action::Alarm,
            Wrote::Maybe => Action::FenceFirst,
        },
        (Act::RollBack, Answer::HeuristicCommit) => Action::Alarm,
        (Act::Commit, Answer::HeuristicCommit) | (Act::RollBack, Answer::HeuristicRollback) => Action::FenceFirst,
    }
}

/// How long to wait before attempt number `failures + 1`: doubles from 100 ms up to `max`, and stays there for ever.
pub fn backoff(failures: u32, max: Duration) -> Duration {
    let first = Duration::from_millis(100);
    let factor = 1u32.checked_shl(failures.min(20)).unwrap_or(u32::MAX);
    first.saturating_mul(factor).min(max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Place, TxnId};

    const KNOWN: [Known; 3] = [Known::Decided, Known::Tombstone, Known::Nothing];
    const LISTINGS: [Listing; 4] = [Listing::Listed, Listing::NotListed, Listing::NotFenced, Listing::Unreachable];
    const ALIVE: [Alive; 2] = [Alive::Yes, Alive::No];
    const ANSWERS: [Answer; 6] = [
        Answer::Done,
        Answer::NotFound,
        Answer::HeuristicRollback,
        Answer::HeuristicCommit,
        Answer::Refused,
        Answer::Lost,
    ];

    /// The same said dumbly, as sentences in order of strength.
    fn dumb(known: Known, alive: Alive, listing: Listing) -> Action {
        if alive == Alive::Yes {
            return Action::Leave;
        }
        if listing == Listing::Unreachable {
            return Action::KeepAndRetry;
        }
        if listing == Listing::NotFenced {
            return Action::FenceFirst;
        }
        if listing == Listing::NotListed {
            return Action::Settled;
        }
        if known == Known::Nothing { Action::RollBack } else { Action::Commit }
    }

    #[test]
    fn every_input_has_the_action_that_the_dumb_twin_says() {
        for known in KNOWN {
            for alive in ALIVE {
                for listing in LISTINGS {
                    let got = next(known, alive, listing);
                    assert_eq!(got, dumb(known, alive, listing), "{known:?} {alive:?} {listing:?}");
                }
            }
        }
    }

    #[test]
    fn a_decided_branch_is_never_rolled_back_and_an_undecided_one_never_committed() {
        for alive in ALIVE {
            for listing in LISTINGS {
                assert_ne!(next(Known::Decided, alive, listing), Action::RollBack);
                assert_ne!(next(Known::Tombstone, alive, listing), Action::RollBack);
                assert_ne!(next(Known::Nothing, alive, listing), Action::Commit, "INV-1");
            }
        }
    }

    #[test]
    fn no_answer_settles_a_branch_without_a_list() {
        for act in [Act::Commit, Act::RollBack] {
            for answer in ANSWERS {
                for wrote in [Wrote::Yes, Wrote::Maybe] {
                    let got = after(act, answer, wrote);
                    let expected = match answer {
                        Answer::Refused | Answer::Lost => Action::KeepAndRetry,
                        Answer::Done | Answer::NotFound => Action::FenceFirst,
                        Answer::HeuristicRollback if act == Act::Commit && wrote == Wrote::Yes => Action::Alarm,
                        Answer::HeuristicCommit if act == Act::RollBack => Action::Alarm,
                        Answer::HeuristicRollback | Answer::HeuristicCommit => Action::FenceFirst,
                    };
                    assert_eq!(got, expected, "{act:?} {answer:?} {wrote:?}");
                    assert_ne!(got, Action::Settled);
                }
            }
        }
    }

    #[test]
    fn only_branches_of_this_cluster_and_node_are_ours() {
        let cluster = ClusterName::new("shop").unwrap();
        let node = NodeName::new("n-1").unwrap();
        let of = |c: &str, n: &str| BranchName {
            txn: TxnId { cluster: ClusterName::new(c).unwrap(), node: NodeName::new(n).unwrap(), epoch: 1, seq: 1 },
            place: Place(0),
            session: 7,
        };
        assert!(is_ours(&of("shop", "n-1"), &cluster, &node));
        assert!(!is_ours(&of("shop", "n-2"), &cluster, &node), "INV-6: another node's");
        assert!(!is_ours(&of("shop2", "n-1"), &cluster, &node), "INV-6: another cluster's");
    }

    #[test]
    fn backoff_doubles_up_to_its_bound_and_never_ends() {
        let max = Duration::from_secs(5);
        assert_eq!(backoff(0, max), Duration::from_millis(100));
        assert_eq!(backoff(1, max), Duration::from_millis(200));
        assert_eq!(backoff(5, max), Duration::from_millis(3200));
        for failures in [6, 20, 31, 32, 1000, u32::MAX] {
            assert_eq!(backoff(failures, max), max, "{failures}");
        }
    }
}
