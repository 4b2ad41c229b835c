//! PostgreSQL's SET, RESET and set_config.

use super::transaction::{level_named, modes};
use super::{Class, setting_mysql};
use crate::sql::head::Head;
use crate::sql::lex::TokenKind;
use crate::sql::tables::Entry;
use crate::sql::{Access, Characteristics, Kind, SetScope};

pub(super) fn set(head: &mut Head<'_>) -> Class {
    head.take("SET");
    if head.mysql() { setting_mysql::set(head) } else { set_postgres(head) }
}

/// A change of settings named so.
pub(super) fn named(scope: SetScope, names: Vec<String>) -> Class {
    Class::read(Kind::Set { scope, names, autocommit: None })
}

fn set_postgres(head: &mut Head<'_>) -> Class {
    if head.take_all(&["SESSION", "CHARACTERISTICS", "AS", "TRANSACTION"]) {
        return match modes(head) {
            Some(all) if head.done() => Class::read(Kind::SetSessionCharacteristics(all)),
            _ => Class::other(),
        };
    }
    if head.take("CONSTRAINTS") {
        // ALL means the same everywhere, so it can be replayed where the transaction goes next; a name cannot.
        let all = head.is("ALL");
        return if all { named(SetScope::Local, vec!["constraints".into()]) } else { Class::write(Kind::Write) };
    }
    let scope = match head.take_any(&["LOCAL", "SESSION"]) {
        Some("LOCAL") => SetScope::Local,
        _ => SetScope::Session,
    };
    if head.take("TRANSACTION") {
        if head.is("SNAPSHOT") {
            return Class::read(Kind::Other);
        }
        return match modes(head) {
            Some(all) if head.done() => Class::read(Kind::SetTransaction(all)),
            _ => Class::other(),
        };
    }
    let special = [
        (["TIME", "ZONE"].as_slice(), "timezone"),
        (&["SESSION", "AUTHORIZATION"], "session_authorization"),
        (&["XML", "OPTION"], "xmloption"),
    ];
    for (words, name) in special {
        if head.take_all(words) {
            return named(scope, vec![name.into()]);
        }
    }
    // `SET SESSION AUTHORIZATION x`: SESSION was taken for the scope.
    if scope == SetScope::Session && head.take("AUTHORIZATION") {
        return named(scope, vec!["session_authorization".into()]);
    }
    if !(head.is_at(1, "TO") || head.is_op(1, b'=') || head.kind(1) == Some(TokenKind::Dot)) {
        let alone = [("ROLE", "role"), ("NAMES", "client_encoding"), ("SCHEMA", "search_path"), ("SEED", "seed")];
        for (word, name) in alone {
            if head.take(word) {
                return named(scope, vec![name.into()]);
            }
        }
    }
    assignment(head, scope)
}

/// `name {TO|=} value`
fn assignment(head: &mut Head<'_>, scope: SetScope) -> Class {
    let Some(mut name) = head.name().map(|n| n.to_ascii_lowercase()) else { return Class::other() };
    while head.take_kind(TokenKind::Dot) {
        let Some(part) = head.name() else { return Class::other() };
        name.push('.');
        name.push_str(&part.to_ascii_lowercase());
    }
    if !(head.take("TO") || head.take_op(b'=')) {
        return Class::other();
    }
    characteristic(head, scope, &name).unwrap_or_else(|| named(scope, vec![name]))
}

/// The settings that are transaction characteristics by another name.
fn characteristic(head: &mut Head<'_>, scope: SetScope, name: &str) -> Option<Class> {
    let base = name.strip_prefix("default_").unwrap_or(name);
    if !matches!(base, "transaction_isolation" | "transaction_read_only" | "transaction_deferrable") {
        return None;
    }
    let session = base.len() != name.len();
    if session && scope == SetScope::Local {
        return None;
    }
    let value = head.literal().or_else(|| head.name()).or_else(|| {
        let token = head.peek(0).filter(|t| t.kind == TokenKind::Number)?;
        head.at += 1;
        Some(String::from_utf8_lossy(head.bytes(token)).into_owned())
    })?;
    let mut all = Characteristics::default();
    match base {
        "transaction_isolation" => all.isolation = Some(level_named(&value)?),
        "transaction_read_only" => all.read_only = Some(truth(&value)?),
        _ => all.deferrable = Some(truth(&value)?),
    }
    if !head.done() {
        return None;
    }
    Some(Class::read(if session { Kind::SetSessionCharacteristics(all) } else { Kind::SetTransaction(all) }))
}

/// A boolean setting's value.
pub(super) fn truth(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "1" | "on" | "true" | "yes" | "t" | "y" => Some(true),
        "0" | "off" | "false" | "no" | "f" | "n" => Some(false),
        _ => None,
    }
}

/// RESET name, RESET ALL (whose name is `all`).
pub(super) fn reset(head: &mut Head<'_>) -> Class {
    head.take("RESET");
    if head.take_all(&["TIME", "ZONE"]) {
        return named(SetScope::Session, vec!["timezone".into()]);
    }
    if head.take_all(&["SESSION", "AUTHORIZATION"]) {
        return named(SetScope::Session, vec!["session_authorization".into()]);
    }
    if head.take_all(&["TRANSACTION", "ISOLATION", "LEVEL"]) {
        return named(SetScope::Local, vec!["transaction_isolation".into()]);
    }
    let Some(mut name) = head.name().map(|n| n.to_ascii_lowercase()) else { return Class::other() };
    while head.take_kind(TokenKind::Dot) {
        let Some(part) = head.name() else { return Class::other() };
        name.push('.');
        name.push_str(&part.to_ascii_lowercase());
    }
    named(SetScope::Session, vec![name])
}

/// `SELECT set_config('name', value, is_local), …` and nothing else: a SET that answers a row.
pub(super) fn set_config(head: &Head<'_>) -> Option<Class> {
    if head.mysql() {
        return None;
    }
    let mut look = *head;
    look.take("SELECT");
    let mut names = Vec::new();
    let mut scope = SetScope::Session;
    loop {
        if look.take("pg_catalog") {
            look.take_kind(TokenKind::Dot);
        }
        if !(look.take("set_config") && look.take_kind(TokenKind::Open)) {
            return None;
        }
        let name = look.literal();
        let literal = name.is_some()
            && look.take_kind(TokenKind::Comma)
            && look.literal().is_some()
            && look.take_kind(TokenKind::Comma);
        let local = look.take_any(&["true", "false"]);
        if !(literal && local.is_some() && look.take_kind(TokenKind::Close)) {
            // Which setting, to what or for how long is only known to the server.
            return Some(if is_local(head) { untold_locally() } else { untold(head) });
        }
        if local == Some("true") {
            scope = SetScope::Local;
        }
        names.extend(name.map(|n| n.to_ascii_lowercase()));
        if look.take("AS") {
            look.name();
        }
        if look.done() {
            let class = named(scope, names);
            return Some(Class { access: Access::Read, ..class });
        }
        if !look.take_kind(TokenKind::Comma) {
            return Some(untold(head));
        }
    }
}

/// `SELECT set_config(x, y, true)` of parameters and literals, alone: whatever it sets ends with the transaction.
fn is_local(head: &Head<'_>) -> bool {
    let mut look = *head;
    look.take("SELECT");
    if look.take("pg_catalog") {
        look.take_kind(TokenKind::Dot);
    }
    let value = |look: &mut Head<'_>| {
        let token = look.take_kind(TokenKind::Param) || look.literal().is_some();
        token && look.take_kind(TokenKind::Comma)
    };
    look.take("set_config")
        && look.take_kind(TokenKind::Open)
        && value(&mut look)
        && value(&mut look)
        && look.take("true")
        && look.take_kind(TokenKind::Close)
        && look.done()
}

fn untold_locally() -> Class {
    Class { access: Access::MaybeWrite, ..named(SetScope::Local, Vec::new()) }
}

/// set_config among other things: the connection is pinned, the tables still count.
pub(super) fn untold(head: &Head<'_>) -> Class {
    let mut class = named(SetScope::Session, Vec::new());
    class.access = Access::MaybeWrite;
    class.leaves_state = true;
    class.walk(head, Entry::Query)
}
