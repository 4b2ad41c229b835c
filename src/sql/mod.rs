//! Layer 2, pure: what a client's text says. `lex` cuts it into tokens, `split` into statements, `classify` says what kind
//! each is, `tables` which tables it names. The original text is what is sent on; nothing here prints SQL.
//!
//! All of it reads tokens in one pass each: no syntax tree, no recursion, so that neither a deep nor a huge statement can
//! overflow a stack or take quadratic time, and every name has its exact bytes.

mod analyze;
mod cache;
mod charset;
mod classify;
mod comment;
pub mod cursor;
mod encoding;
mod fingerprint;
mod head;
mod kind;
pub mod lex;
mod literal;
mod split;
mod tables;
#[cfg(test)]
pub(crate) mod tests;
pub mod translate;

use std::ops::Range;

use crate::base::Dialect;

pub use analyze::analyze;
pub use cache::AnalysisCache;
pub use charset::ClientCharset;
pub use comment::traceparent;
pub use encoding::Encoding;
pub use fingerprint::{FINGERPRINT_BYTES_MAX, Fingerprint, normalise};
pub use kind::{Control, names_temporary, refused_over_several};
pub use tables::IDENTIFIERS_MAX;

/// How the session's settings change reading the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Reading {
    /// The client's dialect.
    pub dialect: Dialect,
    /// Backslash escapes in plain strings: MySQL unless NO_BACKSLASH_ESCAPES; PostgreSQL only with
    /// `standard_conforming_strings = off`.
    pub backslash_escapes: bool,
    /// MySQL's ANSI_QUOTES: `"x"` is an identifier. Always true on PostgreSQL.
    pub ansi_quotes: bool,
    /// MariaDB executes `/*M! */`; both execute `/*! */`.
    pub mariadb: bool,
    /// PostgreSQL: what of the text is whole characters. Its server converts a text before it reads it.
    pub encoding: Encoding,
    /// MySQL: the same. Its server reads characters where they may stand, so that a backslash hides half of one.
    pub charset: ClientCharset,
}

impl Reading {
    /// A fresh session's reading.
    pub fn new(dialect: Dialect) -> Self {
        let postgres = dialect == Dialect::Postgres;
        Self {
            dialect,
            backslash_escapes: !postgres,
            ansi_quotes: postgres,
            mariadb: false,
            encoding: Encoding::Utf8,
            charset: ClientCharset::AsciiSafe,
        }
    }
}

/// What one client text holds: its statements in order. An empty text has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Analysis {
    /// The statements; their spans are byte ranges of the text, without the closing `;`.
    pub statements: Vec<Statement>,
    /// What statistics and traces may show of the text.
    pub fingerprint: Fingerprint,
}

/// One statement of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Bytes of the text.
    pub span: Range<usize>,
    /// What it is.
    pub kind: Kind,
    /// Every table it names, in order of appearance; CTE names are not tables.
    pub tables: Vec<TableRef>,
    /// What it may do to data.
    pub access: Access,
    /// What it does that cannot be part of a two-phase commit on PostgreSQL (FACTS 3).
    pub unpreparable: Option<Unpreparable>,
    /// `/* handfast: backend=NAME */`.
    pub backend_override: Option<String>,
    /// Whether it was understood; if not, `tables` is *every identifier* that could be one (route by tokens), at most
    /// [`IDENTIFIERS_MAX`].
    pub parsed: bool,
    /// The first two parts of names with three in expressions (`delivery.agents.id`): they are rewritten when their
    /// table is.
    pub qualifiers: Vec<TableRef>,
    /// It leaves something in the server's session that cannot be replayed elsewhere: user variables, advisory locks,
    /// GET_LOCK, temporary tables, HANDLER, LOCK TABLES.
    pub leaves_state: bool,
    /// It asks what the session's sequences gave last: `currval()`, `lastval()`.
    pub asks_sequence: bool,
}

/// A table as named in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableRef {
    /// Qualifier (schema or database), folded as the dialect folds it.
    pub schema: Option<String>,
    /// Name, folded.
    pub name: String,
    /// Bytes of the whole name with its qualifier.
    pub span: Range<usize>,
    /// Bytes of the last part.
    pub name_span: Range<usize>,
    /// Whether another name for it may stand, or stands, behind it.
    pub alias: Alias,
}

/// Whether a table's name in the text has an alias behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alias {
    /// It has one.
    Given,
    /// It has none, and one may be added.
    Possible,
    /// None can stand here (DDL, INSERT on MySQL …).
    Impossible,
}

/// What a statement may do to data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// Nothing but reading, for certain: SELECT with known functions only, SHOW, EXPLAIN without ANALYZE.
    Read,
    /// Possibly: a SELECT that calls functions we do not know.
    MaybeWrite,
    /// INSERT, UPDATE, DELETE, DDL, CALL, COPY FROM, locks …
    Write,
}

/// Why a PostgreSQL transaction can no longer be prepared, as far as the text tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unpreparable {
    /// CREATE TEMP …, or ON COMMIT; using a temporary table later is tracked by the session.
    TemporaryObject,
    /// LISTEN, UNLISTEN, NOTIFY.
    Notify,
    /// DECLARE … WITH HOLD.
    HoldCursor,
    /// pg_export_snapshot().
    ExportedSnapshot,
}

/// Isolation levels by their SQL names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Isolation {
    /// READ UNCOMMITTED
    ReadUncommitted,
    /// READ COMMITTED
    ReadCommitted,
    /// REPEATABLE READ
    RepeatableRead,
    /// SERIALIZABLE
    Serializable,
}

impl Isolation {
    /// The SQL words.
    pub fn sql(self) -> &'static str {
        match self {
            Self::ReadUncommitted => "READ UNCOMMITTED",
            Self::ReadCommitted => "READ COMMITTED",
            Self::RepeatableRead => "REPEATABLE READ",
            Self::Serializable => "SERIALIZABLE",
        }
    }
}

/// Characteristics given at BEGIN or by SET TRANSACTION; `None` means not given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Characteristics {
    /// Isolation level.
    pub isolation: Option<Isolation>,
    /// READ ONLY (`true`) or READ WRITE.
    pub read_only: Option<bool>,
    /// PostgreSQL's DEFERRABLE.
    pub deferrable: Option<bool>,
    /// MySQL's WITH CONSISTENT SNAPSHOT.
    pub consistent_snapshot: bool,
}

/// `AND CHAIN` / `RELEASE` at the end of a transaction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EndOptions {
    /// A new transaction with the same characteristics begins at once.
    pub chain: bool,
    /// MySQL: the session ends.
    pub release: bool,
}

/// Which settings a SET changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetScope {
    /// Until the session ends.
    Session,
    /// Until the transaction ends (PostgreSQL's SET LOCAL).
    Local,
    /// The server's own: goes to the home backend only.
    Global,
}

/// What a statement is, as far as the proxy must know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// BEGIN, START TRANSACTION.
    Begin(Characteristics),
    /// COMMIT, END.
    Commit(EndOptions),
    /// ROLLBACK, ABORT.
    Rollback(EndOptions),
    /// SAVEPOINT name (folded as the dialect compares it).
    Savepoint(String),
    /// ROLLBACK TO.
    RollbackTo(String),
    /// RELEASE.
    Release(String),
    /// SET TRANSACTION: this transaction (PostgreSQL) or the next one (MySQL).
    SetTransaction(Characteristics),
    /// SET SESSION CHARACTERISTICS / SET SESSION TRANSACTION / the variables for it: replayed like a SET.
    SetSessionCharacteristics(Characteristics),
    /// MySQL: SET autocommit = 0/1, alone.
    SetAutocommit(bool),
    /// Any other SET/RESET, `SELECT set_config(…)`. `autocommit`: the assignment among others, if it holds one.
    Set {
        /// How long it holds.
        scope: SetScope,
        /// The settings' names, lower case; empty when it cannot be told (then the connection is pinned).
        names: Vec<String>,
        /// MySQL: this SET also assigns autocommit.
        autocommit: Option<bool>,
    },
    /// SHOW, EXPLAIN of a utility and the like: reads settings or catalogs.
    Show,
    /// MySQL: USE database.
    Use(String),
    /// SELECT, VALUES, TABLE, WITH … SELECT, EXPLAIN of these.
    Query,
    /// INSERT, UPDATE, DELETE, MERGE, REPLACE, CALL, DO and everything else that runs inside a transaction.
    Write,
    /// CREATE, ALTER, DROP, TRUNCATE, GRANT … On MySQL: commits implicitly.
    Ddl,
    /// Must not run inside a transaction block: VACUUM, CREATE DATABASE, CREATE INDEX CONCURRENTLY … (PostgreSQL).
    OutsideTransaction,
    /// COPY … FROM STDIN.
    CopyIn,
    /// COPY … TO STDOUT.
    CopyOut,
    /// SQL-level PREPARE name AS/FROM …; the statement's own tables are in `tables`.
    Prepare(String),
    /// SQL-level EXECUTE name.
    Execute(String),
    /// DEALLOCATE name; `None`: ALL.
    Deallocate(Option<String>),
    /// DECLARE name CURSOR.
    Declare(String),
    /// FETCH, MOVE, CLOSE of a cursor; `None`: CLOSE ALL.
    Cursor(Option<String>),
    /// LISTEN, UNLISTEN, NOTIFY.
    Notify,
    /// DISCARD ALL/PLANS/SEQUENCES/TEMP; `true`: ALL.
    Discard(bool),
    /// MySQL: LOCK TABLES.
    LockTables,
    /// MySQL: UNLOCK TABLES.
    UnlockTables,
    /// LOAD DATA LOCAL INFILE: the server asks the client for a file.
    LoadLocal,
    /// PREPARE TRANSACTION, COMMIT PREPARED, ROLLBACK PREPARED, XA …: the client's own two-phase commit. The name, if any.
    TwoPhase(Option<String>),
    /// Anything else: to be judged by the backend.
    Other,
}
