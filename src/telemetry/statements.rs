//! Which statements were run, how often and for how long. Bounded: the line that was not touched for the longest time makes
//! room for a new one. A statement costs one short lock of one part of the table; nothing of a client's values is kept.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::base::{Dialect, clock};

/// Parts of the table, each with a lock of its own; a power of two.
const PARTS: usize = 16;

/// How a statement was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Route {
    /// By Handfast itself: BEGIN, COMMIT, savepoints, what it refuses.
    Session,
    /// By one backend.
    One,
    /// By one backend; it was not understood, and went by the names in it.
    Unparsed,
    /// By a backend of the other dialect.
    Translated,
    /// A text of several statements, by several backends.
    Many,
}

impl Route {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Session, Self::One, Self::Unparsed, Self::Translated, Self::Many];

    /// The word in metrics, tables and JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::One => "one",
            Self::Unparsed => "unparsed",
            Self::Translated => "translated",
            Self::Many => "many",
        }
    }
}

/// What was run once.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// Its normalised text: without values.
    pub text: &'a Arc<str>,
    /// A hash of that.
    pub hash: u64,
    /// Which wire its client speaks.
    pub protocol: Dialect,
    /// How it was answered.
    pub route: Route,
    /// From its receipt to the end of its answer.
    pub took: Duration,
    /// Its client was told an error.
    pub failed: bool,
}

/// One line of the statistics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The normalised text.
    pub text: Arc<str>,
    /// Which wire.
    pub protocol: Dialect,
    /// How it was answered.
    pub route: Route,
    /// How often it was run.
    pub count: u64,
    /// How often its client was told an error.
    pub errors: u64,
    /// All its time.
    pub total: Duration,
    /// The longest run.
    pub max: Duration,
}

#[derive(Debug)]
struct Kept {
    line: Line,
    /// The part's clock when it was touched last.
    touched: u64,
}

#[derive(Debug, Default)]
struct Part {
    /// By hash; what has the same hash stands together.
    lines: HashMap<(u64, Dialect, Route), Vec<Kept>>,
    count: usize,
    clock: u64,
}

/// The statistics since the start.
#[derive(Debug)]
pub struct Statements {
    parts: [Mutex<Part>; PARTS],
    lines_max: AtomicUsize,
    forgotten: AtomicU64,
    totals: [[AtomicU64; Route::ALL.len()]; 2],
    since_wall_ms: u64,
}

impl Statements {
    /// An empty table of so many lines; 0: only totals are counted.
    pub fn new(lines_max: usize) -> Self {
        Self {
            parts: Default::default(),
            lines_max: AtomicUsize::new(lines_max),
            forgotten: AtomicU64::new(0),
            totals: Default::default(),
            since_wall_ms: clock::wall_ms(),
        }
    }

    /// From now on so many lines at most; 0 empties it.
    pub fn limit(&self, lines_max: usize) {
        self.lines_max.store(lines_max, Ordering::Relaxed);
        for part in &self.parts {
            let mut part = lock(part);
            while part.count > per_part(lines_max) {
                self.forget_one(&mut part);
            }
        }
    }

    /// Counts a statement.
    pub fn ran(&self, run: &Run<'_>) {
        self.totals[index(run.protocol)][run.route as usize].fetch_add(1, Ordering::Relaxed);
        let lines_max = per_part(self.lines_max.load(Ordering::Relaxed));
        if lines_max == 0 {
            return;
        }
        let mut part = lock(&self.parts[part_of(run.hash)]);
        part.clock += 1;
        let now = part.clock;
        let key = (run.hash, run.protocol, run.route);
        let known =
            part.lines.get_mut(&key).and_then(|lines| lines.iter_mut().find(|kept| kept.line.text == *run.text));
        if let Some(kept) = known {
            kept.touched = now;
            let line = &mut kept.line;
            line.count += 1;
            line.errors += u64::from(run.failed);
            line.total += run.took;
            line.max = line.max.max(run.took);
            return;
        }
        while part.count >= lines_max {
            self.forget_one(&mut part);
        }
        let line = Line {
            text: Arc::clone(run.text),
            protocol: run.protocol,
            route: run.route,
            count: 1,
            errors: u64::from(run.failed),
            total: run.took,
            max: run.took,
        };
        part.lines.entry(key).or_default().push(Kept { line, touched: now });
        part.count += 1;
    }

    /// The line that was not touched for the longest time goes. Few lines are in a part, so that looking at each is cheap.
    fn forget_one(&self, part: &mut Part) {
        let all = part.lines.iter().flat_map(|(key, lines)| lines.iter().map(|kept| (kept.touched, *key)));
        let Some((touched, key)) = all.min_by_key(|(touched, _)| *touched) else {
            part.count = 0;
            return;
        };
        if let Some(lines) = part.lines.get_mut(&key) {
            let gone = lines.iter().filter(|kept| kept.touched == touched).map(|kept| kept.line.count).sum();
            self.forgotten.fetch_add(gone, Ordering::Relaxed);
            lines.retain(|kept| kept.touched != touched);
            if lines.is_empty() {
                part.lines.remove(&key);
            }
        }
        part.count -= 1;
    }

    /// All lines, in no order.
    pub fn all(&self) -> Vec<Line> {
        let lines = |part: &Mutex<Part>| -> Vec<Line> {
            lock(part).lines.values().flatten().map(|kept| kept.line.clone()).collect()
        };
        self.parts.iter().flat_map(lines).collect()
    }

    /// How many were run, with a line or without.
    pub fn total(&self, protocol: Dialect, route: Route) -> u64 {
        self.totals[index(protocol)][route as usize].load(Ordering::Relaxed)
    }

    /// Runs whose line has made room for another.
    pub fn forgotten(&self) -> u64 {
        self.forgotten.load(Ordering::Relaxed)
    }

    /// Since when is counted, milliseconds since 1970.
    pub fn since_wall_ms(&self) -> u64 {
        self.since_wall_ms
    }
}

fn lock(part: &Mutex<Part>) -> MutexGuard<'_, Part> {
    // A panic in between would leave a figure wrong, which misleads nobody about data.
    part.lock().unwrap_or_else(PoisonError::into_inner)
}

fn per_part(lines_max: usize) -> usize {
    lines_max.div_ceil(PARTS)
}

fn part_of(hash: u64) -> usize {
    // The upper bits: the lower ones place a line inside its part.
    usize::try_from(hash >> 60).unwrap_or(0) % PARTS
}

fn index(protocol: Dialect) -> usize {
    match protocol {
        Dialect::Postgres => 0,
        Dialect::Mysql => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ran(statements: &Statements, text: &str, hash: u64, ms: u64, failed: bool) {
        let (text, took) = (text.into(), Duration::from_millis(ms));
        statements.ran(&Run { text: &text, hash, protocol: Dialect::Mysql, route: Route::One, took, failed });
    }

    #[test]
    fn runs_of_one_text_are_one_line_and_texts_of_one_hash_are_two() {
        let statements = Statements::new(100);
        ran(&statements, "SELECT ?", 7, 2, false);
        ran(&statements, "SELECT ?", 7, 6, true);
        ran(&statements, "COMMIT", 7, 1, false);
        let mut all = statements.all();
        all.sort_by_key(|line| line.count);
        let figures: Vec<_> =
            all.iter().map(|l| (&*l.text, l.count, l.errors, l.total.as_millis(), l.max.as_millis())).collect();
        assert_eq!(figures, [("COMMIT", 1, 0, 1, 1), ("SELECT ?", 2, 1, 8, 6)]);
        assert_eq!((statements.total(Dialect::Mysql, Route::One), statements.forgotten()), (3, 0));
    }

    #[test]
    fn a_full_table_forgets_what_was_not_run_for_the_longest_time_and_says_how_much() {
        let statements = Statements::new(2 * PARTS);
        ran(&statements, "often", 1, 1, false);
        for number in 0..50 {
            ran(&statements, "often", 1, 1, false);
            ran(&statements, &format!("once {number}"), 100 + number, 1, false);
        }
        let all = statements.all();
        assert_eq!(all.len(), 2, "{all:?}");
        assert!(all.iter().any(|line| &*line.text == "often" && line.count == 51), "{all:?}");
        assert_eq!(statements.forgotten(), 49);
        statements.limit(0);
        assert!(statements.all().is_empty());
        ran(&statements, "more", 1, 1, false);
        assert!(statements.all().is_empty());
        assert_eq!(statements.total(Dialect::Mysql, Route::One), 102, "totals go on");
    }
}
