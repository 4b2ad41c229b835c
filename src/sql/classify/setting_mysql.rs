//! MySQL's SET: a list of assignments to settings, user variables and special forms.

use super::setting::{named, truth};
use super::transaction::{level_named, modes};
use super::{Class, classify};
use crate::sql::head::Head;
use crate::sql::lex::TokenKind;
use crate::sql::tables::Entry;
use crate::sql::{Characteristics, Kind, SetScope};

/// What a SET assigns.
#[derive(Default)]
struct Assigned {
    names: Vec<String>,
    count: usize,
    global: bool,
    session: bool,
    variable: bool,
    /// Something in it cannot be told.
    untold: bool,
    autocommit: Option<bool>,
    /// Isolation or read-only, for the whole session.
    characteristics: Option<Characteristics>,
    /// The same for the next transaction only (`@@transaction_isolation`).
    next: Option<Characteristics>,
}

/// Stands behind `SET`.
pub(super) fn set(head: &mut Head<'_>) -> Class {
    if head.is("STATEMENT") && !head.is_op(1, b'=') {
        return for_statement(head);
    }
    if let Some(class) = transaction(head) {
        return class;
    }
    if head.is("PASSWORD") {
        return Class::write(Kind::Ddl);
    }
    if head.are(&["DEFAULT", "ROLE"]) || head.are(&["RESOURCE", "GROUP"]) {
        return Class::write(Kind::Ddl);
    }
    if head.is("ROLE") && !head.is_op(1, b'=') {
        return named(SetScope::Session, vec!["role".into()]);
    }
    let mut assigned = Assigned::default();
    let mut scope = SetScope::Session;
    loop {
        assignment(head, &mut scope, &mut assigned);
        if !head.take_kind(TokenKind::Comma) {
            break;
        }
    }
    assigned.untold |= !head.done();
    // `SET @n = (SELECT … FROM agents)` is asked where the table is.
    let class = conclude(assigned);
    head.at = 0;
    if head.tokens.iter().any(|t| t.kind == TokenKind::Open) { class.walk(head, Entry::Query) } else { class }
}

/// `SET [GLOBAL|SESSION] TRANSACTION …`
fn transaction(head: &mut Head<'_>) -> Option<Class> {
    let mut look = *head;
    let scope = look.take_any(&["GLOBAL", "SESSION", "LOCAL"]);
    if !look.take("TRANSACTION") {
        return None;
    }
    let mut all = modes(&mut look)?;
    while look.take_kind(TokenKind::Comma) {
        let more = modes(&mut look)?;
        all.isolation = more.isolation.or(all.isolation);
        all.read_only = more.read_only.or(all.read_only);
    }
    if !look.done() {
        return Some(Class::other());
    }
    Some(match scope {
        None => Class::read(Kind::SetTransaction(all)),
        Some("GLOBAL") => named(SetScope::Global, vec!["transaction_isolation".into()]),
        Some(_) => Class::read(Kind::SetSessionCharacteristics(all)),
    })
}

/// MariaDB's `SET STATEMENT a=1 FOR statement`: it is what the statement is.
fn for_statement(head: &mut Head<'_>) -> Class {
    if !head.seek(&["FOR"]) {
        return Class::other();
    }
    let inner = Head { tokens: head.tokens.get(head.at..).unwrap_or_default(), at: 0, ..*head };
    classify(&inner)
}

fn assignment(head: &mut Head<'_>, scope: &mut SetScope, out: &mut Assigned) {
    out.count += 1;
    if head.take_kind(TokenKind::Var) {
        out.variable = true;
        return skip_value(head);
    }
    if (head.is("NAMES") || head.is("CHARSET")) && !head.is_op(1, b'=') || head.are(&["CHARACTER", "SET"]) {
        let names = head.is("NAMES");
        out.session = true;
        out.names.push(if names { "names".into() } else { "character set".into() });
        return skip_value(head);
    }
    let at_at = head.take_kind(TokenKind::System);
    let words = ["GLOBAL", "SESSION", "LOCAL", "PERSIST", "PERSIST_ONLY"];
    let scoped = if head.is_op(1, b'=') { None } else { head.take_any(&words) };
    if at_at && scoped.is_some() {
        head.take_kind(TokenKind::Dot);
    }
    let said = scoped.map(|s| if matches!(s, "SESSION" | "LOCAL") { SetScope::Session } else { SetScope::Global });
    // A bare keyword holds for the assignments behind it, too; `@@global.` holds for its own only.
    if !at_at {
        *scope = said.unwrap_or(*scope);
    }
    let here = said.unwrap_or(if at_at { SetScope::Session } else { *scope });
    let Some(mut name) = head.name().map(|n| n.to_ascii_lowercase()) else {
        out.untold = true;
        return skip_value(head);
    };
    while head.take_kind(TokenKind::Dot) {
        name.push('.');
        name.push_str(&head.name().unwrap_or_default().to_ascii_lowercase());
    }
    head.take_op(b':');
    if !head.take_op(b'=') {
        out.untold = true;
        return skip_value(head);
    }
    if here == SetScope::Global {
        out.global = true;
        out.names.push(name);
        return skip_value(head);
    }
    out.session = true;
    meaning(head, &name, at_at && scoped.is_none(), out);
    out.names.push(name);
    skip_value(head);
}

/// The settings that mean something to a transaction.
fn meaning(head: &Head<'_>, name: &str, next_only: bool, out: &mut Assigned) {
    let mut look = *head;
    let token = look.peek(0);
    let value = look.literal().or_else(|| look.name()).or_else(|| {
        let token = token.filter(|t| t.kind == TokenKind::Number)?;
        look.at += 1;
        Some(String::from_utf8_lossy(look.bytes(token)).into_owned())
    });
    let whole = look.done() || look.kind(0) == Some(TokenKind::Comma);
    let value = value.filter(|_| whole);
    match name {
        "autocommit" => {
            let default = value.as_deref().is_some_and(|v| v.eq_ignore_ascii_case("default"));
            let told = if default { Some(true) } else { value.as_deref().and_then(truth) };
            out.untold |= told.is_none();
            out.autocommit = told.or(out.autocommit);
        }
        "transaction_isolation" | "tx_isolation" => {
            let level = value.as_deref().and_then(level_named);
            note(level.map(|l| Characteristics { isolation: Some(l), ..Characteristics::default() }), next_only, out);
        }
        "transaction_read_only" | "tx_read_only" => {
            let only = value.as_deref().and_then(truth);
            note(only.map(|o| Characteristics { read_only: Some(o), ..Characteristics::default() }), next_only, out);
        }
        _ => {}
    }
}

fn note(all: Option<Characteristics>, next_only: bool, out: &mut Assigned) {
    if next_only {
        out.next = all;
        out.untold |= all.is_none();
    } else {
        out.characteristics = all;
    }
}

/// Up to the next comma outside of parentheses.
fn skip_value(head: &mut Head<'_>) {
    let mut depth = 0_usize;
    while let Some(token) = head.peek(0) {
        match token.kind {
            TokenKind::Comma if depth == 0 => return,
            TokenKind::Open => depth += 1,
            TokenKind::Close => depth = depth.saturating_sub(1),
            TokenKind::Word
            | TokenKind::Quoted
            | TokenKind::Str
            | TokenKind::Number
            | TokenKind::Var
            | TokenKind::System
            | TokenKind::Param
            | TokenKind::Comma
            | TokenKind::Dot
            | TokenKind::Semicolon
            | TokenKind::Op => {}
        }
        head.at += 1;
    }
}

fn conclude(out: Assigned) -> Class {
    if out.count == 1 && !out.untold {
        if let Some(on) = out.autocommit {
            return Class::read(Kind::SetAutocommit(on));
        }
        if let Some(all) = out.characteristics {
            return Class::read(Kind::SetSessionCharacteristics(all));
        }
        if let Some(all) = out.next {
            return Class::read(Kind::SetTransaction(all));
        }
    }
    // A user variable's value lives in one server's session; global and session settings together cannot be replayed.
    let pinned = out.untold || out.variable || (out.global && out.session) || out.next.is_some();
    let scope = if out.global && !out.session && !out.variable { SetScope::Global } else { SetScope::Session };
    let names = if pinned { Vec::new() } else { out.names };
    let mut class = Class::read(Kind::Set { scope, names, autocommit: out.autocommit });
    class.leaves_state = pinned;
    class
}
