//! Counts of transactions since the start and how long their ends took, for the operations model: it wants to read what
//! `metrics` only writes. A few relaxed additions for each transaction.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::txn::Outcome;

/// Buckets of a [`Spread`]: four for each doubling from 1 µs, up to about 70 minutes.
const BUCKETS: usize = 128;

/// How long something took, by logarithmic buckets (each at most 19 % wide).
#[derive(Debug)]
pub struct Spread([AtomicU64; BUCKETS]);

impl Default for Spread {
    fn default() -> Self {
        Self(std::array::from_fn(|_| AtomicU64::new(0)))
    }
}

impl Spread {
    /// Counts one.
    pub fn add(&self, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1);
        let doubling = us.ilog2() as usize;
        // The two bits below the highest one.
        let quarter = if doubling >= 2 { (us >> (doubling - 2)) & 3 } else { (us << (2 - doubling)) & 3 };
        let index = (doubling * 4 + usize::try_from(quarter).unwrap_or(0)).min(BUCKETS - 1);
        self.0[index].fetch_add(1, Ordering::Relaxed);
    }

    /// The counts now.
    pub fn counts(&self) -> Counts {
        Counts(self.0.iter().map(|bucket| bucket.load(Ordering::Relaxed)).collect())
    }
}

/// A [`Spread`] at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts(Vec<u64>);

impl Counts {
    /// What came since `earlier`.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let before = |index| earlier.0.get(index).copied().unwrap_or(0);
        Self(self.0.iter().enumerate().map(|(index, now)| now.saturating_sub(before(index))).collect())
    }

    /// The time in milliseconds that `share` (0 to 1) of them did not exceed; `None` without any.
    pub fn quantile_ms(&self, share: f64) -> Option<f64> {
        let total: u64 = self.0.iter().sum();
        // Counts are far below 2^53.
        let wanted = ((total as f64) * share).ceil().max(1.0);
        let mut seen = 0_u64;
        for (index, count) in self.0.iter().enumerate() {
            seen += count;
            if total > 0 && seen as f64 >= wanted {
                let (doubling, quarter) = (index / 4, index % 4);
                let upper_us = 2_f64.powi(i32::try_from(doubling).unwrap_or(i32::MAX)) * (1.25 + 0.25 * quarter as f64);
                return Some(upper_us / 1000.0);
            }
        }
        None
    }
}

/// Counts since the start.
#[derive(Debug, Default)]
pub struct Tally {
    committed: AtomicU64,
    rolled_back: AtomicU64,
    unknown: AtomicU64,
    two_phase: AtomicU64,
    /// From COMMIT to its answer.
    pub commit: Spread,
    /// One participant's PREPARE.
    pub prepare: Spread,
    /// One participant's commit in phase two.
    pub finish: Spread,
}

/// The counts of a [`Tally`] at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Transactions committed.
    pub committed: u64,
    /// Rolled back, asked for or not.
    pub rolled_back: u64,
    /// Whose outcome nobody knew.
    pub unknown: u64,
    /// Of those committed, the ones that needed two phases.
    pub two_phase: u64,
}

impl Tally {
    /// A transaction has ended, in so many phases.
    pub(super) fn ended(&self, outcome: &Outcome, phases: u8, took: Duration) {
        let counter = match outcome {
            Outcome::Committed { .. } => &self.committed,
            Outcome::RolledBack(_) => &self.rolled_back,
            Outcome::Unknown => &self.unknown,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        if matches!(outcome, Outcome::Committed { .. }) {
            if phases > 1 {
                self.two_phase.fetch_add(1, Ordering::Relaxed);
            }
            self.commit.add(took);
        }
    }

    /// The counts now.
    pub fn totals(&self) -> Totals {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Totals {
            committed: read(&self.committed),
            rolled_back: read(&self.rolled_back),
            unknown: read(&self.unknown),
            two_phase: read(&self.two_phase),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_at_most_a_quarter_above_what_was_measured() {
        for us in [1_u64, 2, 3, 7, 100, 999, 5_000, 123_456, 60_000_000] {
            let spread = Spread::default();
            spread.add(Duration::from_micros(us));
            let found_us = spread.counts().quantile_ms(0.99).unwrap() * 1000.0;
            assert!(found_us >= us as f64 && found_us <= us as f64 * 1.26 + 0.3, "{us} µs → {found_us} µs");
        }
    }

    #[test]
    fn what_came_since_is_what_is_measured() {
        let spread = Spread::default();
        spread.add(Duration::from_secs(1));
        let before = spread.counts();
        assert_eq!(before.since(&before).quantile_ms(0.5), None);
        (0..99).for_each(|_| spread.add(Duration::from_millis(1)));
        assert!(spread.counts().since(&before).quantile_ms(0.99).unwrap() < 2.0);
        assert!(spread.counts().quantile_ms(1.0).unwrap() > 999.0);
    }
}
