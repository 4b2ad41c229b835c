//! CREATE, ALTER, DROP, GRANT and their like: which commit implicitly on MySQL, which must stand outside a transaction on
//! PostgreSQL, and which tables they name. Sources: MySQL manual "Statements That Cause an Implicit Commit"; PostgreSQL
//! `PreventInTransactionBlock`.

use super::{Class, maintenance};
use crate::sql::head::Head;
use crate::sql::lex::TokenKind;
use crate::sql::tables::Entry;
use crate::sql::{Access, Kind, TableRef, Unpreparable};

pub(super) fn classify(verb: &str, head: &mut Head<'_>) -> Class {
    head.at = 1;
    match verb {
        "create" => create(head),
        "alter" => alter(head),
        "drop" => drop(head),
        "truncate" => {
            head.take("TABLE");
            listed(head)
        }
        "rename" if head.mysql() => rename(head),
        "comment" if !head.mysql() => comment(head),
        "security" if !head.mysql() => {
            if head.seek(&["ON"]) {
                comment_on(head)
            } else {
                Class::write(Kind::Ddl)
            }
        }
        "grant" | "revoke" => grant(head),
        "import" | "reassign" if !head.mysql() => Class::write(Kind::Ddl),
        _ => maintenance::classify(verb, head),
    }
}

fn ddl(tables: Vec<TableRef>) -> Class {
    Class::write(Kind::Ddl).tables(tables)
}

fn listed(head: &mut Head<'_>) -> Class {
    let mut tables = Vec::new();
    head.table_list(&mut tables);
    ddl(tables)
}

fn one(head: &mut Head<'_>) -> Class {
    ddl(head.table().into_iter().collect())
}

fn create(head: &mut Head<'_>) -> Class {
    let mysql = head.mysql();
    let temporary = ["TEMP", "TEMPORARY"];
    let mut temp = false;
    loop {
        if head.take_all(&["OR", "REPLACE"]) || head.take_any(&["GLOBAL", "LOCAL", "UNLOGGED", "RECURSIVE"]).is_some() {
            continue;
        }
        if head.take_any(&temporary).is_some() {
            temp = true;
        } else if mysql && head.take("DEFINER") {
            definer(head);
        } else if mysql && head.take("ALGORITHM") {
            head.take_op(b'=');
            head.at += 1;
        } else if mysql && head.take_all(&["SQL", "SECURITY"]) {
            head.at += 1;
        } else {
            break;
        }
    }
    head.skip_any(&["CONSTRAINT", "UNIQUE", "FULLTEXT", "SPATIAL", "FOREIGN", "MATERIALIZED", "AGGREGATE", "ONLINE"]);
    let Some(what) = head.take_any(&["TABLE", "VIEW", "INDEX", "TRIGGER", "RULE", "POLICY", "STATISTICS"]) else {
        return create_other(head, temp);
    };
    match what {
        "TABLE" => create_table(head, temp),
        "VIEW" => create_view(head, temp),
        "INDEX" => create_index(head),
        "RULE" => {
            if head.seek(&["TO"]) {
                one(head)
            } else {
                Class::other()
            }
        }
        "STATISTICS" => {
            if head.seek(&["FROM"]) {
                one(head)
            } else {
                Class::other()
            }
        }
        _ => {
            if head.seek(&["ON"]) {
                one(head)
            } else {
                Class::other()
            }
        }
    }
}

/// `= user[@host]`
fn definer(head: &mut Head<'_>) {
    head.take_op(b'=');
    head.at += 1;
    head.skip_parens();
    head.take_kind(TokenKind::Var);
}

fn create_table(head: &mut Head<'_>, temp: bool) -> Class {
    head.take_all(&["IF", "NOT", "EXISTS"]);
    let Some(table) = head.table() else { return Class::other() };
    let pg_temp = table.schema.as_deref().is_some_and(|s| s.starts_with("pg_temp"));
    // A temporary table does not commit implicitly on MySQL; on PostgreSQL nothing does.
    let kind = if temp { Kind::Write } else { Kind::Ddl };
    let class = Class::write(kind).tables(vec![table]).walk(head, Entry::Definition);
    temporary(class, temp || (pg_temp && !head.mysql()))
}

fn temporary(class: Class, temp: bool) -> Class {
    if temp { class.unpreparable(Unpreparable::TemporaryObject).leaves_state() } else { class }
}

fn create_view(head: &mut Head<'_>, temp: bool) -> Class {
    head.take_all(&["IF", "NOT", "EXISTS"]);
    let Some(view) = head.table() else { return Class::other() };
    temporary(ddl(vec![view]).walk(head, Entry::Definition), temp)
}

fn create_index(head: &mut Head<'_>) -> Class {
    let concurrently = !head.mysql() && head.take("CONCURRENTLY");
    if !head.seek(&["ON"]) {
        return Class::other();
    }
    let class = one(head);
    if concurrently { Class { kind: Kind::OutsideTransaction, ..class } } else { class }
}

fn create_other(head: &mut Head<'_>, temp: bool) -> Class {
    let mysql = head.mysql();
    if !mysql && (head.is("DATABASE") || head.is("TABLESPACE") || head.is("SUBSCRIPTION")) {
        return Class::write(Kind::OutsideTransaction);
    }
    if !mysql && head.is("PUBLICATION") {
        let mut tables = Vec::new();
        if head.seek(&["FOR"]) && head.take("TABLE") {
            head.table_list(&mut tables);
        }
        return ddl(tables);
    }
    let known = [
        "DATABASE",
        "SCHEMA",
        "USER",
        "ROLE",
        "PROCEDURE",
        "FUNCTION",
        "EVENT",
        "PACKAGE",
        "SERVER",
        "SEQUENCE",
        "EXTENSION",
        "TYPE",
        "DOMAIN",
        "OPERATOR",
        "CAST",
        "COLLATION",
        "CONVERSION",
        "LANGUAGE",
        "TRUSTED",
        "PROCEDURAL",
        "ACCESS",
        "GROUP",
        "TEXT",
        "TRANSFORM",
        "DATA",
        "DEFAULT",
        "LOGFILE",
        "TABLESPACE",
        "RESOURCE",
        "UNDO",
        "SPATIAL",
        "LIBRARY",
    ];
    let class = Class { known: known.iter().any(|k| head.is(k)), ..Class::write(Kind::Ddl) };
    temporary(class, temp)
}

fn alter(head: &mut Head<'_>) -> Class {
    let mysql = head.mysql();
    if !mysql && (head.is("SYSTEM") || (head.is("DATABASE") && head.seek(&["TABLESPACE"]))) {
        return Class::write(Kind::OutsideTransaction);
    }
    if mysql {
        head.skip_any(&["ONLINE", "OFFLINE", "IGNORE"]);
        while head.take("ALGORITHM") || head.take("DEFINER") || head.take("SQL") {
            head.seek(&["VIEW"]);
            head.at = head.at.saturating_sub(1);
        }
    }
    head.skip_any(&["FOREIGN", "MATERIALIZED"]);
    match head.take_any(&["TABLE", "VIEW", "TRIGGER", "POLICY", "RULE"]) {
        Some(what @ ("TABLE" | "VIEW")) => {
            if head.are(&["ALL", "IN", "TABLESPACE"]) {
                return Class::write(Kind::Ddl);
            }
            head.take_all(&["IF", "EXISTS"]);
            let class = one(head);
            if mysql && what == "VIEW" { class.walk(head, Entry::Definition) } else { class }
        }
        Some(_) => {
            if head.seek(&["ON"]) {
                one(head)
            } else {
                ddl(Vec::new())
            }
        }
        None => Class::write(Kind::Ddl),
    }
}

fn drop(head: &mut Head<'_>) -> Class {
    let mysql = head.mysql();
    let temp = mysql && head.take("TEMPORARY");
    head.skip_any(&["FOREIGN", "MATERIALIZED", "ONLINE"]);
    if !mysql && (head.is("DATABASE") || head.is("TABLESPACE") || head.is("SUBSCRIPTION")) {
        return Class::write(Kind::OutsideTransaction);
    }
    match head.take_any(&["TABLE", "TABLES", "VIEW", "INDEX", "TRIGGER", "POLICY", "RULE"]) {
        Some("TABLE" | "TABLES" | "VIEW") => {
            head.take_all(&["IF", "EXISTS"]);
            let class = listed(head);
            if temp { Class { kind: Kind::Write, ..class } } else { class }
        }
        Some("INDEX") if !mysql => {
            let concurrently = head.is("CONCURRENTLY");
            Class::write(if concurrently { Kind::OutsideTransaction } else { Kind::Ddl })
        }
        Some("TRIGGER") if mysql => ddl(Vec::new()),
        Some(_) => {
            if head.seek(&["ON"]) {
                one(head)
            } else {
                ddl(Vec::new())
            }
        }
        None => Class::write(Kind::Ddl),
    }
}

/// `RENAME TABLE a TO b, c TO d`
fn rename(head: &mut Head<'_>) -> Class {
    if head.take_any(&["TABLE", "TABLES"]).is_none() {
        return Class::write(Kind::Ddl);
    }
    head.take_all(&["IF", "EXISTS"]);
    let mut tables = Vec::new();
    while let Some(table) = head.table() {
        tables.push(table);
        while head.take_any(&["WAIT", "NOWAIT"]).is_some() || head.take_kind(TokenKind::Number) {}
        if !(head.take("TO") || head.take_kind(TokenKind::Comma)) {
            break;
        }
    }
    ddl(tables)
}

fn comment(head: &mut Head<'_>) -> Class {
    if head.take("ON") { comment_on(head) } else { Class::other() }
}

/// Stands behind ON: the object of COMMENT and SECURITY LABEL.
fn comment_on(head: &mut Head<'_>) -> Class {
    head.skip_any(&["FOREIGN", "MATERIALIZED"]);
    match head.take_any(&["TABLE", "VIEW", "COLUMN", "CONSTRAINT", "TRIGGER", "RULE", "POLICY"]) {
        Some("TABLE" | "VIEW") => one(head),
        Some("COLUMN") => column_owner(head),
        Some(_) if head.seek(&["ON"]) => {
            if head.is("DOMAIN") {
                ddl(Vec::new())
            } else {
                one(head)
            }
        }
        _ => Class::write(Kind::Ddl),
    }
}

/// `[schema.]table.column`: all but the last part.
fn column_owner(head: &mut Head<'_>) -> Class {
    let dots = (0..6).step_by(2).take_while(|n| head.kind(n + 1) == Some(TokenKind::Dot)).count();
    let parts: Vec<_> = (0..dots).filter_map(|n| head.peek(2 * n)).collect();
    if parts.is_empty() {
        return ddl(Vec::new());
    }
    ddl(vec![crate::sql::head::table_ref(head.text, &parts, head.reading.dialect)])
}

/// `GRANT … ON [TABLE] a, b TO …`; everything else that can be granted is no table.
fn grant(head: &mut Head<'_>) -> Class {
    let class = Class::of(Kind::Ddl, Access::Write);
    if !head.seek(&["ON"]) {
        return class;
    }
    let others = [
        "ALL",
        "SCHEMA",
        "DATABASE",
        "SEQUENCE",
        "FUNCTION",
        "PROCEDURE",
        "ROUTINE",
        "DOMAIN",
        "TYPE",
        "LANGUAGE",
        "FOREIGN",
        "LARGE",
        "PARAMETER",
        "TABLESPACE",
        "PACKAGE",
    ];
    if others.iter().any(|o| head.is(o)) || head.is_op(0, b'*') {
        return class;
    }
    head.take("TABLE");
    let any = head.kind(1) == Some(TokenKind::Dot) && head.is_op(2, b'*');
    if any { class } else { listed(head) }
}
