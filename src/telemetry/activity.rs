//! What a client is doing, told by its session and read by operators. A session tells each turn by a few plain stores: no lock, no
//! allocation, one reading of the clock. What is read may mix two neighbouring turns; it is for eyes.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::Poll;
use std::time::Instant;

use crate::base::clock;
use crate::base::limits::BACKENDS_MAX;

/// What it is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Nothing: Handfast waits for it.
    Idle,
    /// Nothing, inside a transaction.
    InTransaction,
    /// It waits for an answer.
    Running,
    /// Its transaction is ending.
    Committing,
    /// Its statement waits for a connection, or for a backend to be ready.
    Waiting,
}

impl Turn {
    fn number(self) -> u64 {
        match self {
            Self::Idle => 0,
            Self::InTransaction => 1,
            Self::Running => 2,
            Self::Committing => 3,
            Self::Waiting => 4,
        }
    }

    fn numbered(number: u64) -> Self {
        match number {
            1 => Self::InTransaction,
            2 => Self::Running,
            3 => Self::Committing,
            4 => Self::Waiting,
            _ => Self::Idle,
        }
    }
}

/// The turn's bits beside its time.
const TURN_BITS: u32 = 3;
const WORDS: usize = BACKENDS_MAX.div_ceil(64);

/// Backends, by their numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BackendSet([u64; WORDS]);

impl BackendSet {
    /// Adds one.
    pub fn add(&mut self, backend: u16) {
        if let Some(word) = self.0.get_mut(usize::from(backend / 64)) {
            *word |= 1 << (backend % 64);
        }
    }

    fn all(self) -> Vec<u16> {
        let has =
            |backend: &u16| self.0.get(usize::from(backend / 64)).is_some_and(|word| word >> (backend % 64) & 1 == 1);
        (0..u16::try_from(BACKENDS_MAX).unwrap_or(u16::MAX)).filter(has).collect()
    }
}

/// What one client is doing.
#[derive(Debug)]
pub struct Activity {
    born: Instant,
    /// Since when (milliseconds after `born`), above the turn's bits.
    turn: AtomicU64,
    statements: AtomicU64,
    /// Its transaction's number in this start, and one; 0 without one.
    transaction: AtomicU64,
    backends: [AtomicU64; WORDS],
}

impl Default for Activity {
    fn default() -> Self {
        let none = AtomicU64::default;
        let backends = std::array::from_fn(|_| none());
        Self { born: clock::now(), turn: none(), statements: none(), transaction: none(), backends }
    }
}

/// What was read of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// What it is doing.
    pub turn: Turn,
    /// For how many milliseconds.
    pub for_ms: u64,
    /// Its transaction's number in this start.
    pub transaction: Option<u64>,
    /// Numbers of the backends that it has connections to.
    pub backends: Vec<u16>,
    /// Statements that it has sent.
    pub statements: u64,
}

impl Activity {
    fn ms_at(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.born).as_millis()).unwrap_or(u64::MAX)
    }

    fn takes(&self, turn: Turn, now: impl FnOnce() -> Instant) {
        // Only its session writes, so nothing is lost between the two.
        let before = self.turn.load(Relaxed);
        if before & ((1 << TURN_BITS) - 1) != turn.number() {
            self.turn.store(self.ms_at(now()) << TURN_BITS | turn.number(), Relaxed);
        }
    }

    /// A message has come, at this moment; it may be a statement.
    pub fn asked(&self, statement: bool, came: Instant) {
        self.takes(Turn::Running, || came);
        if statement {
            // Nobody else writes it either.
            self.statements.store(self.statements.load(Relaxed) + 1, Relaxed);
        }
    }

    /// Everything is answered.
    pub fn answered(&self, in_transaction: bool, transaction: Option<u64>, backends: BackendSet) {
        self.takes(if in_transaction { Turn::InTransaction } else { Turn::Idle }, clock::now);
        self.transaction.store(transaction.map_or(0, |seq| seq + 1), Relaxed);
        for (word, held) in self.backends.iter().zip(backends.0) {
            word.store(held, Relaxed);
        }
    }

    /// Its transaction ends now, by `ending`.
    pub async fn committing<F: Future>(&self, transaction: u64, ending: F) -> F::Output {
        self.transaction.store(transaction + 1, Relaxed);
        self.takes(Turn::Committing, clock::now);
        let ended = ending.await;
        self.takes(Turn::Running, clock::now);
        self.transaction.store(0, Relaxed);
        ended
    }

    /// It needs something of a backend, which `coming` brings: a connection, its being resumed, the end of somebody's commit. It
    /// waits only if that is not at hand.
    pub async fn waiting<F: Future>(&self, backend: u16, coming: F) -> F::Output {
        if let Some(word) = self.backends.get(usize::from(backend / 64)) {
            word.fetch_or(1 << (backend % 64), Relaxed);
        }
        let mut coming = pin!(coming);
        poll_fn(|cx| match coming.as_mut().poll(cx) {
            Poll::Ready(came) => {
                self.takes(Turn::Running, clock::now);
                Poll::Ready(came)
            }
            Poll::Pending => {
                self.takes(Turn::Waiting, clock::now);
                Poll::Pending
            }
        })
        .await
    }

    /// As it is now.
    pub fn seen(&self) -> Seen {
        let turn = self.turn.load(Relaxed);
        let backends = BackendSet(std::array::from_fn(|at| self.backends[at].load(Relaxed)));
        Seen {
            turn: Turn::numbered(turn & ((1 << TURN_BITS) - 1)),
            for_ms: self.ms_at(clock::now()).saturating_sub(turn >> TURN_BITS),
            transaction: self.transaction.load(Relaxed).checked_sub(1),
            backends: backends.all(),
            statements: self.statements.load(Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_turn_is_seen_with_its_transaction_and_backends() {
        let activity = Activity::default();
        assert_eq!(activity.seen().turn, Turn::Idle);
        activity.asked(true, clock::now());
        activity.asked(false, clock::now());
        assert_eq!((activity.seen().turn, activity.seen().statements), (Turn::Running, 1));
        let mut held = BackendSet::default();
        [0, 63, 64, 255].into_iter().for_each(|backend| held.add(backend));
        activity.answered(true, Some(0), held);
        let seen = activity.seen();
        assert_eq!((seen.turn, seen.transaction), (Turn::InTransaction, Some(0)));
        assert_eq!(seen.backends, [0, 63, 64, 255]);
        activity.answered(false, None, BackendSet::default());
        let seen = activity.seen();
        assert_eq!((seen.turn, seen.transaction, seen.backends.len()), (Turn::Idle, None, 0));
    }

    #[tokio::test]
    async fn it_waits_only_for_what_is_not_at_hand_and_commits_until_the_end() {
        let activity = Activity::default();
        activity.asked(true, clock::now());
        activity.waiting(3, async { assert_eq!(activity.seen().turn, Turn::Running) }).await;
        let mut first = true;
        let late = poll_fn(|cx| {
            if std::mem::take(&mut first) {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            assert_eq!(activity.seen().turn, Turn::Waiting);
            Poll::Ready(())
        });
        activity.waiting(3, late).await;
        assert_eq!((activity.seen().turn, activity.seen().backends), (Turn::Running, vec![3]));
        let ending = async {
            let seen = activity.seen();
            assert_eq!((seen.turn, seen.transaction), (Turn::Committing, Some(41)));
        };
        activity.committing(41, ending).await;
        assert_eq!((activity.seen().turn, activity.seen().transaction), (Turn::Running, None));
    }
}
