//! How a text's transactions would be committed, as far as the text says.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::{BackendId, Dialect};
use crate::config::Config;
use crate::route::Plan;
use crate::sql::{Access, Control, Statement};

/// How a text's transaction would end; of several, the one over most writers. What is rolled back is not counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ending {
    /// 0: nobody takes part.
    pub phases: u8,
    /// Backends that it may write to.
    pub writers: Vec<String>,
    /// Those that it only reads from.
    pub readers: Vec<String>,
}

/// Who takes part in one transaction, and whether they write.
#[derive(Debug, Default)]
struct Participants {
    writes: BTreeMap<BackendId, bool>,
    /// Statements that take part.
    statements: usize,
    /// The text itself begins it.
    begun: bool,
    /// The text itself rolls it back.
    rolled_back: bool,
}

/// The transactions of a text. One that neither begins nor ends any is taken for a whole transaction.
#[derive(Debug)]
pub(super) struct Transactions<'c> {
    config: &'c Config,
    dialect: Dialect,
    ended: Vec<Participants>,
    open: Participants,
}

impl<'c> Transactions<'c> {
    pub(super) fn new(config: &'c Config, dialect: Dialect) -> Self {
        Self { config, dialect, ended: Vec::new(), open: Participants::default() }
    }

    /// `alone`: it commits what is open, and is in no transaction.
    pub(super) fn note(&mut self, statement: &Statement, plan: &Plan, alone: bool) {
        if alone {
            return self.end(false);
        }
        match statement.kind.control() {
            // MySQL's begins another one.
            Some(Control::Begin(_)) => {
                if self.dialect == Dialect::Mysql {
                    self.end(false);
                }
                self.open.begun = true;
            }
            Some(Control::SetAutocommit(on)) => {
                self.end(false);
                self.open.begun = !on;
            }
            Some(Control::Commit(options)) => {
                self.end(false);
                self.open.begun = options.chain;
            }
            Some(Control::Rollback(options)) => {
                self.end(true);
                self.open.begun = options.chain;
            }
            None
            | Some(Control::Savepoint(_) | Control::RollbackTo(_) | Control::Release(_) | Control::SetTransaction(_)) => {
                self.open.note(self.config, statement, plan)
            }
        }
    }

    fn end(&mut self, rolled_back: bool) {
        let ended = std::mem::take(&mut self.open);
        if ended.statements > 0 {
            self.ended.push(Participants { rolled_back, ..ended });
        }
    }

    fn all(&self) -> impl Iterator<Item = &Participants> {
        self.ended.iter().chain(Some(&self.open).filter(|open| open.statements > 0))
    }

    /// For people.
    pub(super) fn told(&self) -> Vec<String> {
        let several = self.all().count() > 1;
        let mut lines = Vec::new();
        for (number, one) in (1..).zip(self.all()) {
            if several {
                lines.push(format!("transaction {number} of this text:"));
            }
            lines.extend(one.told(self.config));
            if self.dialect == Dialect::Mysql && !one.begun && one.statements > 1 {
                lines
                    .push(String::from("so within BEGIN or without autocommit; else each statement commits by itself"));
            }
        }
        lines
    }

    /// For programs.
    pub(super) fn ending(&self) -> Ending {
        let none = Participants::default();
        // Of equal ones the last is the greatest.
        let most = self.all().filter(|one| !one.rolled_back).max_by_key(|one| one.weight()).unwrap_or(&none);
        let (writers, readers) = (most.named(self.config, true), most.named(self.config, false));
        let phases = match (writers.len(), readers.len()) {
            (0, 0) => 0,
            (0 | 1, _) => 1,
            (_, _) => 2,
        };
        Ending { phases, writers, readers }
    }
}

impl Participants {
    /// Databases of one MySQL server under one user are one participant, named by the first.
    fn note(&mut self, config: &Config, statement: &Statement, plan: &Plan) {
        let backend = match plan {
            Plan::One { backend, .. } | Plan::Foreign { backend, .. } => *backend,
            Plan::Anywhere | Plan::Refuse(_) => return,
        };
        let same = self.writes.keys().copied().find(|other| config.same_participant(*other, backend));
        let writes = self.writes.entry(same.unwrap_or(backend)).or_default();
        *writes |= statement.access != Access::Read;
        self.statements += 1;
    }

    fn weight(&self) -> (usize, usize) {
        (self.writes.values().filter(|writes| **writes).count(), self.writes.len())
    }

    fn named(&self, config: &Config, writing: bool) -> Vec<String> {
        let of = self.writes.iter().filter(|(_, writes)| **writes == writing);
        of.map(|(id, _)| config.backend(*id).name.clone()).collect()
    }

    fn told(&self, config: &Config) -> Vec<String> {
        let (writers, readers) = (self.named(config, true), self.named(config, false));
        if self.rolled_back {
            let all: Vec<&str> = self.writes.keys().map(|id| config.backend(*id).name.as_str()).collect();
            return vec![format!("none: rolled back on {}", all.join(", "))];
        }
        let read = (!readers.is_empty() && !writers.is_empty())
            .then(|| format!("{} only read: released first, by a plain COMMIT, and not prepared", readers.join(", ")));
        let mut lines: Vec<String> = read.into_iter().collect();
        match writers.as_slice() {
            [] if readers.is_empty() => return Vec::new(),
            [] => lines.push(String::from("nobody writes: a plain COMMIT on each")),
            [one] => {
                let elsewhere = self.writes.keys().any(|here| others(config, *here));
                let more = if elsewhere { "; in two phases if the transaction has written elsewhere, too" } else { "" };
                lines.push(format!("one phase on {one}, no journal write{more}"));
            }
            [..] => {
                let prepare = |id: BackendId| {
                    let backend = config.backend(id);
                    match backend.dialect {
                        Dialect::Postgres => format!("PREPARE TRANSACTION on {}", backend.name),
                        Dialect::Mysql => format!("XA PREPARE on {}", backend.name),
                    }
                };
                let all: Vec<String> = self.writes.iter().filter(|(_, w)| **w).map(|(id, _)| prepare(*id)).collect();
                lines.push(format!("two phases over {}:", writers.join(", ")));
                lines.push(format!("1  at the same time: {}", all.join(", ")));
                lines.push(String::from("2  if all could: the decision goes to the journal, and is synced"));
                lines.push(String::from("3  commit on each, at the same time; then the client hears COMMIT"));
            }
        }
        lines
    }
}

/// Whether there is a participant beside this one.
fn others(config: &Config, here: BackendId) -> bool {
    let mut ids = (0..config.backends.len()).filter_map(|at| u16::try_from(at).ok().map(BackendId));
    ids.any(|id| !config.same_participant(id, here))
}
