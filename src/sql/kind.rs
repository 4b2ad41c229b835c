//! What follows from a statement's kind alone, said once for everybody who goes by it: sessions, and what explains them.

use super::lex::{Lexer, TokenKind};
use super::{Characteristics, EndOptions, Kind, Reading, Unpreparable};
use crate::base::{Dialect, Fault, FaultKind};

/// Control of transactions: what a session does itself, on every participant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control<'k> {
    /// BEGIN, START TRANSACTION.
    Begin(Characteristics),
    /// COMMIT, END.
    Commit(EndOptions),
    /// ROLLBACK, ABORT.
    Rollback(EndOptions),
    /// SAVEPOINT name.
    Savepoint(&'k str),
    /// ROLLBACK TO name.
    RollbackTo(&'k str),
    /// RELEASE name.
    Release(&'k str),
    /// SET TRANSACTION.
    SetTransaction(Characteristics),
    /// MySQL: SET autocommit, alone.
    SetAutocommit(bool),
}

impl Kind {
    /// The transaction control that it is.
    pub fn control(&self) -> Option<Control<'_>> {
        match self {
            Self::Begin(with) => Some(Control::Begin(*with)),
            Self::Commit(options) => Some(Control::Commit(*options)),
            Self::Rollback(options) => Some(Control::Rollback(*options)),
            Self::Savepoint(name) => Some(Control::Savepoint(name)),
            Self::RollbackTo(name) => Some(Control::RollbackTo(name)),
            Self::Release(name) => Some(Control::Release(name)),
            Self::SetTransaction(with) => Some(Control::SetTransaction(*with)),
            Self::SetAutocommit(on) => Some(Control::SetAutocommit(*on)),
            Self::SetSessionCharacteristics(_)
            | Self::Set { .. }
            | Self::Show
            | Self::Use(_)
            | Self::Query
            | Self::Write
            | Self::Ddl
            | Self::OutsideTransaction
            | Self::CopyIn
            | Self::CopyOut
            | Self::Prepare(_)
            | Self::Execute(_)
            | Self::Deallocate(_)
            | Self::Declare(_)
            | Self::Cursor(_)
            | Self::Notify
            | Self::Discard(_)
            | Self::LockTables
            | Self::UnlockTables
            | Self::LoadLocal
            | Self::TwoPhase(_)
            | Self::Other => None,
        }
    }

    /// What it is called where it cannot be done on a backend of the other dialect, because it has a meaning on one server's
    /// session only. `client`: whose statement it is.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "what is not on these lists has a meaning for a statement of its own"
    )]
    pub fn untranslatable(&self, client: Dialect) -> Option<&'static str> {
        let of_postgres = || match self {
            Self::CopyIn => Some("COPY … FROM STDIN"),
            Self::CopyOut => Some("COPY … TO STDOUT"),
            Self::Prepare(_) => Some("PREPARE"),
            _ => None,
        };
        let of_mysql = || match self {
            Self::LockTables => Some("LOCK TABLES"),
            Self::LoadLocal => Some("LOAD DATA"),
            Self::Prepare(_) => Some("SQL-level PREPARE"),
            Self::Set { .. } => Some("SET from a table"),
            _ => None,
        };
        match client {
            Dialect::Postgres => of_postgres(),
            Dialect::Mysql => of_mysql(),
        }
    }

    /// What people call it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Begin(_) => "BEGIN",
            Self::Commit(_) => "COMMIT",
            Self::Rollback(_) => "ROLLBACK",
            Self::Savepoint(_) => "SAVEPOINT",
            Self::RollbackTo(_) => "ROLLBACK TO a savepoint",
            Self::Release(_) => "RELEASE of a savepoint",
            Self::SetTransaction(_) => "SET TRANSACTION",
            Self::SetSessionCharacteristics(_) => "SET for the session's transactions",
            Self::SetAutocommit(_) => "SET autocommit",
            Self::Set { .. } => "SET",
            Self::Show => "SHOW",
            Self::Use(_) => "USE",
            Self::Query => "query",
            Self::Write => "change of data",
            Self::Ddl => "change of the schema",
            Self::OutsideTransaction => "what no transaction may hold",
            Self::CopyIn => "COPY FROM STDIN",
            Self::CopyOut => "COPY TO STDOUT",
            Self::Prepare(_) => "PREPARE",
            Self::Execute(_) => "EXECUTE",
            Self::Deallocate(_) => "DEALLOCATE",
            Self::Declare(_) => "DECLARE of a cursor",
            Self::Cursor(_) => "use of a cursor",
            Self::Notify => "LISTEN or NOTIFY",
            Self::Discard(_) => "DISCARD",
            Self::LockTables => "LOCK TABLES",
            Self::UnlockTables => "UNLOCK TABLES",
            Self::LoadLocal => "LOAD DATA LOCAL",
            Self::TwoPhase(_) => "the client's own two-phase commit",
            Self::Other => "another statement",
        }
    }
}

impl Unpreparable {
    /// What such a transaction has done, as in "it has …".
    pub fn words(self) -> &'static str {
        match self {
            Self::TemporaryObject => "used a temporary table",
            Self::Notify => "used LISTEN, UNLISTEN or NOTIFY",
            Self::HoldCursor => "declared a cursor WITH HOLD",
            Self::ExportedSnapshot => "exported a snapshot",
        }
    }
}

/// Why the client's own two-phase commit is refused where there is more than one participant. MySQL's client cannot say which
/// of them it means; PostgreSQL's is let through to its home. `own`: the statement's text.
pub fn refused_over_several(kind: &Kind, own: &[u8], client: Dialect) -> Option<Fault> {
    if client == Dialect::Postgres || !matches!(kind, Kind::TwoPhase(_)) {
        return None;
    }
    let mut words = Lexer::new(Reading::new(client), own).filter(|token| token.kind == TokenKind::Word).skip(1);
    let second = words.next().and_then(|token| own.get(token.start..token.end)).unwrap_or_default();
    let recover = second.eq_ignore_ascii_case(b"RECOVER");
    let text = "XA statements of clients, with several backends configured";
    (!recover).then(|| Fault::new(FaultKind::NotSupported, text).hint("A plain COMMIT is already atomic here."))
}

/// Whether it makes or drops temporary tables: the DDL that commits nothing on MySQL.
pub fn names_temporary(reading: Reading, own: &[u8]) -> bool {
    let words = Lexer::new(reading, own).filter(|token| token.kind == TokenKind::Word).take(4);
    words.filter_map(|token| own.get(token.start..token.end)).any(|word| word.eq_ignore_ascii_case(b"TEMPORARY"))
}
