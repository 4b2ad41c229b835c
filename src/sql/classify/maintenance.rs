//! VACUUM, ANALYZE, CLUSTER, REINDEX, REFRESH; MySQL's table maintenance and administration.

use super::Class;
use crate::sql::head::Head;
use crate::sql::lex::TokenKind;
use crate::sql::{Kind, TableRef};

pub(super) fn classify(verb: &str, head: &mut Head<'_>) -> Class {
    head.at = 1;
    if head.mysql() { mysql(verb, head) } else { postgres(verb, head) }
}

fn postgres(verb: &str, head: &mut Head<'_>) -> Class {
    match verb {
        "vacuum" => {
            head.skip_parens();
            head.skip_any(&["FULL", "FREEZE", "VERBOSE", "ANALYZE", "ANALYSE"]);
            Class::write(Kind::OutsideTransaction).tables(with_columns(head))
        }
        "analyze" | "analyse" => {
            head.skip_parens();
            head.take("VERBOSE");
            Class::write(Kind::Write).tables(with_columns(head))
        }
        "cluster" => {
            head.skip_parens();
            head.take("VERBOSE");
            let tables: Vec<_> = head.table().into_iter().collect();
            let tables = if head.take("ON") { head.table().into_iter().collect() } else { tables };
            let kind = if tables.is_empty() { Kind::OutsideTransaction } else { Kind::Ddl };
            Class::write(kind).tables(tables)
        }
        "reindex" => reindex(head),
        "refresh" => {
            head.take_all(&["MATERIALIZED", "VIEW"]);
            head.take("CONCURRENTLY");
            Class::write(Kind::Ddl).tables(head.table().into_iter().collect())
        }
        "checkpoint" => Class::write(Kind::Write),
        _ => Class::other(),
    }
}

/// Tables with column lists behind.
fn with_columns(head: &mut Head<'_>) -> Vec<TableRef> {
    let mut tables = Vec::new();
    while let Some(table) = head.table() {
        tables.push(table);
        head.skip_parens();
        if !head.take_kind(TokenKind::Comma) {
            break;
        }
    }
    tables
}

fn reindex(head: &mut Head<'_>) -> Class {
    let options = *head;
    head.skip_parens();
    let mut concurrently = options
        .tokens
        .get(options.at..head.at)
        .unwrap_or_default()
        .iter()
        .any(|t| options.bytes(*t).eq_ignore_ascii_case(b"concurrently"));
    let what = head.take_any(&["INDEX", "TABLE", "SCHEMA", "DATABASE", "SYSTEM"]);
    concurrently |= head.take("CONCURRENTLY");
    let whole = matches!(what, Some("SCHEMA" | "DATABASE" | "SYSTEM"));
    let tables = if what == Some("TABLE") { head.table().into_iter().collect() } else { Vec::new() };
    Class::write(if whole || concurrently { Kind::OutsideTransaction } else { Kind::Ddl }).tables(tables)
}

fn mysql(verb: &str, head: &mut Head<'_>) -> Class {
    match verb {
        "analyze" | "optimize" | "check" | "repair" => {
            head.skip_any(&["NO_WRITE_TO_BINLOG", "LOCAL"]);
            if head.take_any(&["TABLE", "TABLES"]).is_none() {
                return Class { known: false, ..Class::write(Kind::Ddl) };
            }
            let mut tables = Vec::new();
            head.table_list(&mut tables);
            Class::write(Kind::Ddl).tables(tables)
        }
        "checksum" => {
            head.take_any(&["TABLE", "TABLES"]);
            let mut tables = Vec::new();
            head.table_list(&mut tables);
            Class::read(Kind::Show).tables(tables)
        }
        "cache" => {
            head.take("INDEX");
            Class::write(Kind::Ddl).tables(head.table().into_iter().collect())
        }
        "flush" => flush(head),
        "install" | "uninstall" | "reset" | "change" | "clone" | "import" | "backup" => Class::write(Kind::Ddl),
        "purge" | "binlog" | "shutdown" | "restart" | "signal" | "resignal" | "get" => Class::write(Kind::Other),
        _ => Class::other(),
    }
}

/// FLUSH commits; `FLUSH TABLES … WITH READ LOCK` also keeps a lock in the session.
fn flush(head: &mut Head<'_>) -> Class {
    head.skip_any(&["NO_WRITE_TO_BINLOG", "LOCAL"]);
    let mut tables = Vec::new();
    if head.take_any(&["TABLES", "TABLE"]).is_some() && !head.is("WITH") && head.kind(0) != Some(TokenKind::Semicolon) {
        head.table_list(&mut tables);
    }
    let class = Class::write(Kind::Ddl).tables(tables);
    if head.seek(&["LOCK"]) || head.seek(&["EXPORT"]) { class.leaves_state() } else { class }
}
