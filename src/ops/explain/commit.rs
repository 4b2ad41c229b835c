//! How a text's transaction would be committed, as far as the text says.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::{BackendId, Dialect};
use crate::config::Config;
use crate::route::Plan;
use crate::sql::{Access, Statement};

/// How a text's transaction would end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ending {
    /// 0: nobody takes part.
    pub phases: u8,
    /// Backends that it may write to.
    pub writers: Vec<String>,
    /// Those that it only reads from.
    pub readers: Vec<String>,
}

/// Who takes part, and whether they write.
#[derive(Debug, Default)]
pub(super) struct Participants {
    writes: BTreeMap<BackendId, bool>,
}

impl Participants {
    /// Databases of one MySQL server under one user are one participant, named by the first.
    pub(super) fn note(&mut self, config: &Config, statement: &Statement, plan: &Plan) {
        let backend = match plan {
            Plan::One { backend, .. } | Plan::Foreign { backend, .. } => *backend,
            Plan::Anywhere | Plan::Refuse(_) => return,
        };
        let same = self.writes.keys().copied().find(|other| config.same_participant(*other, backend));
        let writes = self.writes.entry(same.unwrap_or(backend)).or_default();
        *writes |= statement.access != Access::Read;
    }

    fn named(&self, config: &Config, writing: bool) -> Vec<String> {
        let of = self.writes.iter().filter(|(_, writes)| **writes == writing);
        of.map(|(id, _)| config.backend(*id).name.clone()).collect()
    }

    /// For people.
    pub(super) fn told(&self, config: &Config) -> Vec<String> {
        let (writers, readers) = (self.named(config, true), self.named(config, false));
        let read = (!readers.is_empty() && !writers.is_empty())
            .then(|| format!("{} only read: released first, by a plain COMMIT, and not prepared", readers.join(", ")));
        let mut lines: Vec<String> = read.into_iter().collect();
        match writers.as_slice() {
            [] if readers.is_empty() => return Vec::new(),
            [] => lines.push(String::from("nobody writes: a plain COMMIT on each")),
            [one] => {
                let more = "in two phases if the transaction has written elsewhere, too";
                lines.push(format!("one phase on {one}, no journal write; {more}"));
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

    /// For programs.
    pub(super) fn ending(&self, config: &Config) -> Ending {
        let (writers, readers) = (self.named(config, true), self.named(config, false));
        let phases = match (writers.len(), readers.len()) {
            (0, 0) => 0,
            (0 | 1, _) => 1,
            (_, _) => 2,
        };
        Ending { phases, writers, readers }
    }
}
