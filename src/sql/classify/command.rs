//! Session commands: SHOW, EXPLAIN, USE, PREPARE, cursors, COPY, LISTEN, DISCARD, LOCK, LOAD DATA and their like.

use super::{Class, ddl};
use crate::sql::head::{Head, plain_literal};
use crate::sql::lex::TokenKind;
use crate::sql::tables::Entry;
use crate::sql::{Access, Kind, Unpreparable};

pub(super) fn classify(verb: &str, head: &mut Head<'_>) -> Class {
    let mysql = head.mysql();
    head.at = 1;
    match verb {
        "show" => show(head),
        "describe" | "desc" | "explain" | "analyze" => explain(verb, head),
        "use" if mysql => head.name().map_or_else(Class::other, |db| Class::read(Kind::Use(db))),
        "prepare" => prepare(head),
        "execute" => execute(head),
        "deallocate" => deallocate(head),
        "drop" if mysql && head.is("PREPARE") => deallocate(head),
        "drop" => ddl::classify(verb, head),
        "declare" if !mysql => declare(head),
        "fetch" | "move" | "close" if !mysql => cursor(verb, head),
        "copy" if !mysql => copy(head),
        "listen" | "unlisten" | "notify" if !mysql => Class::write(Kind::Notify).unpreparable(Unpreparable::Notify),
        "discard" if !mysql => Class::read(Kind::Discard(head.is("ALL"))),
        "lock" => lock(head),
        "unlock" if mysql => Class::read(Kind::UnlockTables),
        "load" => load(head),
        "call" | "do" => {
            head.at = 0;
            Class::of(Kind::Write, Access::Write).walk(head, Entry::Query)
        }
        "handler" if mysql => handler(head),
        "help" | "kill" if mysql => Class::read(Kind::Other),
        _ => Class::other(),
    }
}

fn show(head: &mut Head<'_>) -> Class {
    let class = Class::read(Kind::Show);
    if !head.mysql() {
        return class;
    }
    let mut tables = Vec::new();
    if head.take("CREATE") {
        if head.take_any(&["TABLE", "VIEW"]).is_some() {
            head.take_all(&["IF", "NOT", "EXISTS"]);
            tables.extend(head.table());
        }
        return class.tables(tables);
    }
    head.skip_any(&["EXTENDED", "FULL"]);
    let listed = ["COLUMNS", "FIELDS", "INDEX", "INDEXES", "KEYS"];
    if head.take_any(&listed).is_some() && head.take_any(&["FROM", "IN"]).is_some() {
        tables.extend(head.table());
    }
    class.tables(tables)
}

/// EXPLAIN of a query, of DML, of a prepared statement; DESCRIBE of a table (MySQL).
fn explain(verb: &str, head: &mut Head<'_>) -> Class {
    let mysql = head.mysql();
    let mut runs = verb == "analyze";
    if runs && (head.is("TABLE") || head.is_at(1, "TABLE") || head.is_at(1, "TABLES")) {
        head.at = 0;
        return ddl::classify(verb, head);
    }
    if !mysql && head.kind(0) == Some(TokenKind::Open) {
        runs |= analyze_option(head);
        head.skip_parens();
    }
    loop {
        if head.take("ANALYZE") || (!mysql && head.take("ANALYSE")) {
            runs = true;
        } else if mysql && head.take("FORMAT") {
            head.take_op(b'=');
            head.at += 1;
        } else if !(head.take("VERBOSE") || (mysql && head.take_any(&["EXTENDED", "PARTITIONS"]).is_some())) {
            break;
        }
    }
    if mysql && head.are(&["FOR", "CONNECTION"]) {
        return Class::read(Kind::Show);
    }
    let inner = Head { tokens: head.tokens.get(head.at..).unwrap_or_default(), at: 0, ..*head };
    let verbs = ["SELECT", "INSERT", "UPDATE", "DELETE", "REPLACE", "WITH", "TABLE", "VALUES", "MERGE", "EXECUTE"];
    let utility = ["CREATE", "DECLARE", "REFRESH", "ALTER"];
    if mysql && inner.kind(0) != Some(TokenKind::Open) && !verbs.iter().any(|v| inner.is(v)) {
        // DESCRIBE table [column]
        let tables: Vec<_> = head.table().into_iter().collect();
        return if tables.is_empty() { Class::other() } else { Class::read(Kind::Show).tables(tables) };
    }
    let mut class = super::classify(&inner);
    if !runs {
        class.access = Access::Read;
        class.only_plans = true;
        class.unpreparable = None;
        class.leaves_state = false;
        if !matches!(class.kind, Kind::Execute(_) | Kind::Other) {
            class.kind = if utility.iter().any(|v| inner.is(v)) { Kind::Show } else { Kind::Query };
        }
    }
    class
}

/// `ANALYZE` among the options in parentheses, and not switched off.
fn analyze_option(head: &Head<'_>) -> bool {
    let mut look = *head;
    while let Some(kind) = look.kind(0) {
        if kind == TokenKind::Close {
            return false;
        }
        look.at += 1;
        if look.is("ANALYZE") || look.is("ANALYSE") {
            let off = look.peek(1).map(|t| look.bytes(t).to_ascii_lowercase());
            return !off.is_some_and(|o| matches!(o.as_slice(), b"false" | b"off" | b"0" | b"'off'" | b"'false'"));
        }
    }
    false
}

/// PostgreSQL: `name [(types)] AS statement`; MySQL: `name FROM 'text' | @variable`.
fn prepare(head: &mut Head<'_>) -> Class {
    let Some(name) = head.name() else { return Class::other() };
    if head.mysql() {
        let mut class = Class::read(Kind::Prepare(name.to_lowercase()));
        if !head.take("FROM") {
            return Class::other();
        }
        match head.peek(0) {
            Some(token) if token.kind == TokenKind::Str && plain_literal(head.bytes(token)).is_some() => {
                class.walk = Some((token.start, Entry::Literal));
            }
            // The text is only known to the server, or its bytes do not stand for themselves.
            _ => class.known = false,
        }
        return class;
    }
    head.skip_parens();
    if !head.take("AS") {
        return Class::other();
    }
    let mut class = Class::read(Kind::Prepare(name)).walk(head, Entry::Query);
    class.only_plans = true;
    class
}

fn execute(head: &mut Head<'_>) -> Class {
    if head.mysql() && head.is("IMMEDIATE") {
        return Class { known: false, ..Class::write(Kind::Write) };
    }
    match head.name() {
        Some(name) => {
            let name = if head.mysql() { name.to_lowercase() } else { name };
            Class::of(Kind::Execute(name), Access::MaybeWrite)
        }
        None => Class::other(),
    }
}

fn deallocate(head: &mut Head<'_>) -> Class {
    head.take("PREPARE");
    if !head.mysql() && head.take("ALL") {
        return Class::read(Kind::Deallocate(None));
    }
    match head.name() {
        Some(name) => {
            let name = if head.mysql() { name.to_lowercase() } else { name };
            Class::read(Kind::Deallocate(Some(name)))
        }
        None => Class::other(),
    }
}

/// `name [options] CURSOR [WITH|WITHOUT HOLD] FOR query`
fn declare(head: &mut Head<'_>) -> Class {
    let Some(name) = head.name() else { return Class::other() };
    if !head.seek(&["CURSOR"]) {
        return Class::other();
    }
    let hold = head.take_all(&["WITH", "HOLD"]);
    head.take_all(&["WITHOUT", "HOLD"]);
    if !head.take("FOR") {
        return Class::other();
    }
    let class = Class::read(Kind::Declare(name)).walk(head, Entry::Query);
    if hold { class.unpreparable(Unpreparable::HoldCursor) } else { class }
}

/// `FETCH [direction] [FROM|IN] name`: the name is the last word.
fn cursor(verb: &str, head: &mut Head<'_>) -> Class {
    let access = Access::Read;
    if verb == "close" && head.is("ALL") {
        return Class::of(Kind::Cursor(None), access);
    }
    head.at = head.tokens.len().saturating_sub(1).max(1);
    match head.name() {
        Some(name) => Class::of(Kind::Cursor(Some(name)), access),
        None => Class::other(),
    }
}

fn copy(head: &mut Head<'_>) -> Class {
    let mut tables = Vec::new();
    let query = head.kind(0) == Some(TokenKind::Open);
    let start = *head;
    if query {
        head.skip_parens();
    } else {
        head.take("BINARY");
        let Some(table) = head.table() else { return Class::other() };
        tables.push(table);
        head.skip_parens();
    }
    let class = match head.take_any(&["FROM", "TO"]) {
        Some("FROM") if head.is("STDIN") => Class::write(Kind::CopyIn),
        Some("FROM") => Class::write(Kind::Write),
        Some("TO") if head.is("STDOUT") => Class::read(Kind::CopyOut),
        // Writes a file on the server.
        Some("TO") => Class::of(Kind::Write, Access::MaybeWrite),
        // The query is longer than what is looked at here: it can only be a COPY TO.
        _ if query && head.cut => Class::of(Kind::CopyOut, Access::MaybeWrite),
        _ => return Class::other(),
    };
    if query { class.walk(&start, Entry::Query) } else { class.tables(tables) }
}

/// PostgreSQL: LOCK [TABLE] list; MySQL: LOCK TABLES list with aliases and modes.
fn lock(head: &mut Head<'_>) -> Class {
    let mut tables = Vec::new();
    if !head.mysql() {
        head.take("TABLE");
        head.table_list(&mut tables);
        return Class::write(Kind::Write).tables(tables);
    }
    if head.take_any(&["TABLES", "TABLE"]).is_none() {
        return Class::write(Kind::Ddl);
    }
    while let Some(table) = head.table() {
        tables.push(table);
        while head.kind(0).is_some_and(|k| k != TokenKind::Comma) {
            head.at += 1;
        }
        if !head.take_kind(TokenKind::Comma) {
            break;
        }
    }
    Class::write(Kind::LockTables).tables(tables).leaves_state()
}

/// `LOAD {DATA|XML} [LOCAL] INFILE … INTO TABLE name`; PostgreSQL's LOAD loads a library.
fn load(head: &mut Head<'_>) -> Class {
    if !head.mysql() {
        return Class::of(Kind::Other, Access::MaybeWrite);
    }
    if head.take_all(&["INDEX", "INTO", "CACHE"]) {
        return Class::write(Kind::Ddl).tables(head.table().into_iter().collect());
    }
    head.skip_any(&["DATA", "XML"]);
    head.skip_any(&["LOW_PRIORITY", "CONCURRENT"]);
    let kind = if head.take("LOCAL") { Kind::LoadLocal } else { Kind::Write };
    if !head.seek(&["INTO"]) {
        return Class::other();
    }
    head.take("TABLE");
    Class::write(kind).tables(head.table().into_iter().collect())
}

fn handler(head: &mut Head<'_>) -> Class {
    Class::read(Kind::Other).tables(head.table().into_iter().collect()).leaves_state()
}
