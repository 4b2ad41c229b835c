//! Everything that `check` and `init` want to know of one server, asked in one go. Only reads.

use std::time::Duration;

use super::{mysql, pg};
use crate::backend::control::{Control, ControlError, Listed, ServerFacts};
use crate::backend::pool::CONTROL_TIMEOUT;
use crate::base::{Dialect, clock};
use crate::config::Backend;

/// What a server says of itself and of one of its databases.
#[derive(Clone, Debug)]
pub struct Inventory {
    /// Which server, and what stands against two-phase commit on it.
    pub facts: ServerFacts,
    /// From connecting to the last answer.
    pub took: Duration,
    /// Whether the connection was encrypted.
    pub encrypted: bool,
    /// How far the server's clock is ahead of ours, in milliseconds, and how wrong that may be.
    pub clock_ahead_ms: (i64, u64),
    /// The time zone that sessions begin with.
    pub time_zone: String,
    /// Its offset from UTC in seconds in the middle of January and of July; `None`: not known to the server.
    pub offsets_s: Option<(i64, i64)>,
    /// The database's character set.
    pub charset: String,
    /// The database's collation.
    pub collation: String,
    /// The isolation level that transactions begin with, in SQL's words.
    pub isolation: String,
    /// MySQL's modes; empty on PostgreSQL.
    pub sql_mode: Vec<String>,
    /// PostgreSQL's `max_prepared_transactions`; MySQL has no such limit.
    pub prepared_limit: Option<u64>,
    /// Connections that our login may have, as far as the server says.
    pub connections_limit: u64,
    /// A member of a Galera cluster, which has no XA.
    pub galera: bool,
    /// What is prepared: of this database on PostgreSQL, of the server on MySQL.
    pub prepared: Vec<Prepared>,
    /// Tables and views that are not the server's own.
    pub tables: Vec<TableFacts>,
    /// What our login lacks.
    pub missing: Vec<Privilege>,
}

/// A prepared branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// As recovery sees it.
    pub listed: Listed,
    /// The role that prepared it; PostgreSQL only.
    pub owner: Option<String>,
    /// Our login may finish it.
    pub ours_to_finish: bool,
    /// What a DBA would type to roll it back.
    pub by_hand: String,
}

/// One table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableFacts {
    /// Schema (PostgreSQL) or database (MySQL).
    pub schema: String,
    /// Its name.
    pub name: String,
    /// A name without a schema means it.
    pub bare: bool,
    /// Whether it can take part in a transaction.
    pub kind: TableKind,
    /// One of `handfast catalog sync`: its rows live elsewhere.
    pub stand_in: bool,
}

/// Whether a table can take part in a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TableKind {
    /// It can.
    Sound,
    /// A view: as sound as what is under it.
    View,
    /// MySQL: its engine cannot roll back.
    NotTransactional(String),
    /// PostgreSQL: emptied by a crash of the server.
    Unlogged,
    /// PostgreSQL: a transaction that touches it cannot be prepared.
    Foreign,
}

/// Something that our login may not do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Privilege {
    /// What is refused, and what that breaks.
    pub what: String,
    /// The statement that grants it.
    pub fix: String,
}

/// A branch that is listed for longer than this is worth a word.
const STILL_PREPARED: Duration = Duration::from_millis(1000);

/// Asks a backend everything. Errors: it cannot be reached, is too slow (10 s) or refuses to answer.
pub async fn take(backend: &Backend) -> Result<Inventory, ControlError> {
    let begun = clock::now();
    let ask = async {
        match backend.dialect {
            Dialect::Postgres => pg::take(backend).await,
            Dialect::Mysql => mysql::take(backend).await,
        }
    };
    let mut inventory = match tokio::time::timeout(CONTROL_TIMEOUT, ask).await {
        Ok(inventory) => inventory?,
        Err(_) => {
            let source = sqlx::Error::Io(std::io::ErrorKind::TimedOut.into());
            return Err(ControlError { backend: backend.name.clone(), during: "asking for everything", source });
        }
    };
    inventory.took = begun.elapsed();
    if !inventory.prepared.is_empty() {
        // What is being committed right now is gone in a moment.
        tokio::time::sleep(STILL_PREPARED).await;
        let listed = match tokio::time::timeout(CONTROL_TIMEOUT, listed(backend)).await {
            Ok(listed) => listed?,
            Err(_) => return Ok(inventory),
        };
        inventory.prepared.retain(|branch| listed.contains(&branch.listed.name));
    }
    Ok(inventory)
}

async fn listed(backend: &Backend) -> Result<Vec<String>, ControlError> {
    match backend.dialect {
        Dialect::Postgres => pg::listed(backend).await,
        Dialect::Mysql => Ok(Control::connect(backend).await?.list().await?.into_iter().map(|l| l.name).collect()),
    }
}

/// A server's clock against ours: `asked` and `answered` are ours around the question, `theirs` the answer, all in
/// milliseconds since 1970.
pub(super) fn clock_ahead(asked: u64, theirs: u64, answered: u64) -> (i64, u64) {
    let error = answered.saturating_sub(asked).div_ceil(2);
    let middle = i64::try_from(asked + error).unwrap_or(i64::MAX);
    (i64::try_from(theirs).unwrap_or(i64::MAX).saturating_sub(middle), error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_compared_with_the_middle_of_the_question() {
        assert_eq!(clock_ahead(1_000, 1_010, 1_020), (0, 10));
        assert_eq!(clock_ahead(1_000, 61_010, 1_020), (60_000, 10));
        assert_eq!(clock_ahead(61_000, 1_000, 61_000), (-60_000, 0));
    }
}
