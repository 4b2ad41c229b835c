//! Layer 2, pure: the exact SQL text of every verb of a transaction.

use crate::base::ids::XA_FORMAT_ID;
use crate::base::{BranchName, Dialect};
use crate::sql::{Characteristics, Isolation};

/// PostgreSQL's opening verb: `BEGIN ISOLATION LEVEL … READ ONLY …`.
pub fn pg_begin(with: Characteristics) -> String {
    let mut text = String::from("BEGIN");
    push_characteristics(&mut text, with);
    text
}

fn push_characteristics(text: &mut String, with: Characteristics) {
    if let Some(isolation) = with.isolation {
        text.push_str(" ISOLATION LEVEL ");
        text.push_str(isolation.sql());
    }
    if let Some(read_only) = with.read_only {
        text.push_str(if read_only { " READ ONLY" } else { " READ WRITE" });
    }
    if let Some(deferrable) = with.deferrable {
        text.push_str(if deferrable { " DEFERRABLE" } else { " NOT DEFERRABLE" });
    }
}

/// `PREPARE TRANSACTION '…'`. Our names need no escaping: they hold letters, digits, `-_./` only.
pub fn pg_prepare(branch: &BranchName) -> String {
    format!("PREPARE TRANSACTION '{branch}'")
}

/// `COMMIT PREPARED '…'`
pub fn pg_commit_prepared(branch: &BranchName) -> String {
    format!("COMMIT PREPARED '{branch}'")
}

/// `ROLLBACK PREPARED '…'`
pub fn pg_rollback_prepared(branch: &BranchName) -> String {
    format!("ROLLBACK PREPARED '{branch}'")
}

/// MySQL's xid literal: `'gtrid','bqual',18502`.
pub fn xid(branch: &BranchName) -> String {
    format!("'{}','{}',{XA_FORMAT_ID}", branch.txn, branch.qualifier())
}

/// MySQL's opening verbs, one packet: the characteristics apply to the XA transaction that follows.
pub fn xa_start(branch: &BranchName, with: Characteristics) -> String {
    let mut text = set_transaction(with).map(|set| set + ";").unwrap_or_default();
    text.push_str("XA START ");
    text.push_str(&xid(branch));
    text
}

/// MySQL's `SET TRANSACTION …` for the next transaction; `None`: nothing is to be said.
pub fn set_transaction(with: Characteristics) -> Option<String> {
    let mut parts = Vec::new();
    if let Some(isolation) = with.isolation {
        parts.push(format!("ISOLATION LEVEL {}", isolation.sql()));
    }
    if let Some(read_only) = with.read_only {
        parts.push(String::from(if read_only { "READ ONLY" } else { "READ WRITE" }));
    }
    (!parts.is_empty()).then(|| format!("SET TRANSACTION {}", parts.join(", ")))
}

/// The isolation that a PostgreSQL client asked for, as MySQL must be asked: READ UNCOMMITTED is READ COMMITTED to
/// PostgreSQL, and its REPEATABLE READ is a snapshot, which InnoDB's is only where writes see conflicts (`snapshot`:
/// MariaDB's `innodb_snapshot_isolation`); elsewhere locks must do it (FACTS 15).
pub fn of_postgres_client(with: Characteristics, snapshot: bool) -> Characteristics {
    let isolation = with.isolation.map(|isolation| match isolation {
        Isolation::ReadUncommitted | Isolation::ReadCommitted => Isolation::ReadCommitted,
        Isolation::RepeatableRead if snapshot => Isolation::RepeatableRead,
        Isolation::RepeatableRead | Isolation::Serializable => Isolation::Serializable,
    });
    Characteristics { isolation, read_only: with.read_only, deferrable: None, consistent_snapshot: false }
}

/// The isolation that a MySQL client asked for, as PostgreSQL must be asked. Not given means REPEATABLE READ, MySQL's
/// default, unless the session has set another one.
pub fn of_mysql_client(with: Characteristics) -> Characteristics {
    let isolation = match with.isolation.unwrap_or(Isolation::RepeatableRead) {
        Isolation::ReadUncommitted | Isolation::ReadCommitted => Isolation::ReadCommitted,
        Isolation::RepeatableRead => Isolation::RepeatableRead,
        Isolation::Serializable => Isolation::Serializable,
    };
    Characteristics {
        isolation: Some(isolation),
        read_only: with.read_only,
        deferrable: None,
        consistent_snapshot: false,
    }
}

/// `XA END …;XA PREPARE …`: one packet. The second is not run if the first fails.
pub fn xa_prepare(branch: &BranchName) -> String {
    let xid = xid(branch);
    format!("XA END {xid};XA PREPARE {xid}")
}

/// `XA END …;XA COMMIT … ONE PHASE`: one packet.
pub fn xa_commit_one_phase(branch: &BranchName) -> String {
    let xid = xid(branch);
    format!("XA END {xid};XA COMMIT {xid} ONE PHASE")
}

/// `XA COMMIT …` of a prepared branch.
pub fn xa_commit(branch: &BranchName) -> String {
    format!("XA COMMIT {}", xid(branch))
}

/// `XA ROLLBACK …` of an idle, prepared or rollback-only branch.
pub fn xa_rollback(branch: &BranchName) -> String {
    format!("XA ROLLBACK {}", xid(branch))
}

/// `XA END …` of an active branch, before it is rolled back. Never sent after a deadlock (FACTS 11).
pub fn xa_end(branch: &BranchName) -> String {
    format!("XA END {}", xid(branch))
}

/// SAVEPOINT, quoted for the dialect.
pub fn savepoint(dialect: Dialect, name: &str) -> String {
    format!("SAVEPOINT {}", quote(dialect, name))
}

/// ROLLBACK TO SAVEPOINT.
pub fn rollback_to(dialect: Dialect, name: &str) -> String {
    format!("ROLLBACK TO SAVEPOINT {}", quote(dialect, name))
}

/// RELEASE SAVEPOINT.
pub fn release(dialect: Dialect, name: &str) -> String {
    format!("RELEASE SAVEPOINT {}", quote(dialect, name))
}

/// An identifier in the dialect's quotes.
pub fn quote(dialect: Dialect, name: &str) -> String {
    let mark = match dialect {
        Dialect::Postgres => '"',
        Dialect::Mysql => '`',
    };
    let mut text = String::with_capacity(name.len() + 2);
    text.push(mark);
    for c in name.chars() {
        if c == mark {
            text.push(mark);
        }
        text.push(c);
    }
    text.push(mark);
    text
}
