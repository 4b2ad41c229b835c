//! BEGIN, COMMIT, ROLLBACK, SAVEPOINT and the client's own two-phase commit. A form that is not exactly known is
//! [`Kind::Other`]: the backend answers with its syntax error, and nothing begins or ends here.

use super::Class;
use crate::sql::head::Head;
use crate::sql::lex::TokenKind;
use crate::sql::literal;
use crate::sql::{Characteristics, EndOptions, Isolation, Kind};

pub(super) fn classify(head: &mut Head<'_>) -> Class {
    let mut look = *head;
    match kind(&mut look) {
        Some(Kind::TwoPhase(name)) => Class::write(Kind::TwoPhase(name)),
        Some(kind) if look.done() => Class::read(kind),
        Some(_) | None => block(head).unwrap_or_else(Class::other),
    }
}

/// MariaDB's `BEGIN NOT ATOMIC … END` is a program, not a transaction's begin.
fn block(head: &Head<'_>) -> Option<Class> {
    (head.mysql() && head.are(&["BEGIN", "NOT", "ATOMIC"])).then(|| Class { known: false, ..Class::write(Kind::Write) })
}

fn kind(head: &mut Head<'_>) -> Option<Kind> {
    let mysql = head.mysql();
    if head.take("XA") {
        head.skip_any(&["START", "BEGIN", "END", "PREPARE", "COMMIT", "ROLLBACK", "RECOVER"]);
        return Some(Kind::TwoPhase(literal::take(head)));
    }
    if head.take_all(&["PREPARE", "TRANSACTION"]) {
        return Some(Kind::TwoPhase(literal::take(head)));
    }
    if head.take("BEGIN") {
        let _noise = head.take("WORK") || (!mysql && head.take("TRANSACTION"));
        return if mysql { Some(Kind::Begin(Characteristics::default())) } else { modes(head).map(Kind::Begin) };
    }
    if head.take_all(&["START", "TRANSACTION"]) {
        return modes(head).map(Kind::Begin);
    }
    if head.take("SAVEPOINT") {
        return savepoint_name(head).map(Kind::Savepoint);
    }
    if head.take("RELEASE") {
        let named = head.take("SAVEPOINT");
        return if named || !mysql { savepoint_name(head).map(Kind::Release) } else { None };
    }
    if head.take("COMMIT") || (!mysql && head.take("END")) {
        if !mysql && head.take("PREPARED") {
            return Some(Kind::TwoPhase(literal::take(head)));
        }
        return ending(head).map(Kind::Commit);
    }
    if head.take("ROLLBACK") || (!mysql && head.take("ABORT")) {
        if !mysql && head.take("PREPARED") {
            return Some(Kind::TwoPhase(literal::take(head)));
        }
        let noise = head.take("WORK") || (!mysql && head.take("TRANSACTION"));
        if head.take("TO") {
            head.take("SAVEPOINT");
            return savepoint_name(head).map(Kind::RollbackTo);
        }
        return if noise { options(head) } else { ending(head) }.map(Kind::Rollback);
    }
    None
}

/// MySQL compares savepoint names without case.
fn savepoint_name(head: &mut Head<'_>) -> Option<String> {
    let name = head.name()?;
    Some(if head.mysql() { name.to_lowercase() } else { name })
}

fn ending(head: &mut Head<'_>) -> Option<EndOptions> {
    let _noise = head.take("WORK") || (!head.mysql() && head.take("TRANSACTION"));
    options(head)
}

/// `[AND [NO] CHAIN] [[NO] RELEASE]`
fn options(head: &mut Head<'_>) -> Option<EndOptions> {
    let mut options = EndOptions::default();
    if head.take("AND") {
        let no = head.take("NO");
        if !head.take("CHAIN") {
            return None;
        }
        options.chain = !no;
    }
    if head.mysql() {
        if head.take_all(&["NO", "RELEASE"]) {
            return Some(options);
        }
        options.release = head.take("RELEASE");
        if options.chain && options.release {
            return None;
        }
    }
    Some(options)
}

/// A list of transaction modes; PostgreSQL's commas are optional.
pub(super) fn modes(head: &mut Head<'_>) -> Option<Characteristics> {
    let mut all = Characteristics::default();
    let mysql = head.mysql();
    while !head.done() {
        if head.take_all(&["ISOLATION", "LEVEL"]) {
            all.isolation = Some(level(head)?);
        } else if head.is("READ") && mysql && all.read_only.is_some() {
            return None;
        } else if head.take_all(&["READ", "ONLY"]) {
            all.read_only = Some(true);
        } else if head.take_all(&["READ", "WRITE"]) {
            all.read_only = Some(false);
        } else if !mysql && head.take("DEFERRABLE") {
            all.deferrable = Some(true);
        } else if !mysql && head.take_all(&["NOT", "DEFERRABLE"]) {
            all.deferrable = Some(false);
        } else if mysql && head.take_all(&["WITH", "CONSISTENT", "SNAPSHOT"]) {
            all.consistent_snapshot = true;
        } else {
            return None;
        }
        if head.take_kind(TokenKind::Comma) {
            if head.done() {
                return None;
            }
        } else if mysql {
            break;
        }
    }
    Some(all)
}

/// The words of an isolation level.
pub(super) fn level(head: &mut Head<'_>) -> Option<Isolation> {
    if head.take("SERIALIZABLE") {
        Some(Isolation::Serializable)
    } else if head.take_all(&["REPEATABLE", "READ"]) {
        Some(Isolation::RepeatableRead)
    } else if head.take_all(&["READ", "COMMITTED"]) {
        Some(Isolation::ReadCommitted)
    } else if head.take_all(&["READ", "UNCOMMITTED"]) {
        Some(Isolation::ReadUncommitted)
    } else {
        None
    }
}

/// The level as a setting's value: `serializable`, `READ-COMMITTED`.
pub(super) fn level_named(text: &str) -> Option<Isolation> {
    match text.trim().to_ascii_lowercase().replace(['-', '_'], " ").as_str() {
        "serializable" => Some(Isolation::Serializable),
        "repeatable read" => Some(Isolation::RepeatableRead),
        "read committed" => Some(Isolation::ReadCommitted),
        "read uncommitted" => Some(Isolation::ReadUncommitted),
        _ => None,
    }
}
