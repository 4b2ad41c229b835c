//! What the tests of this room share: a table, and expressions over it.

use std::sync::Arc;

use super::translate;
use crate::base::{Dialect, Engine, Fault};
use crate::sql::Reading;
use crate::sql::translate::{Column, ColumnType, Default, Named, Part, Request, SessionFacts, Table, ToPg};
use crate::wire::value::{MyType, PgType};

fn column(name: &str, ty: PgType) -> Column {
    let ty = ColumnType::Pg(ty);
    Column { name: name.into(), ty, not_null: false, default: Default::None, charset: None, collation: None }
}

fn table() -> Table {
    let columns = vec![
        column("b", PgType::Bool),
        column("si", PgType::Int2),
        column("i", PgType::Int4),
        column("l", PgType::Int8),
        column("d", PgType::Numeric(Some((10, 2)))),
        column("d4", PgType::Numeric(Some((12, 4)))),
        column("dn", PgType::Numeric(Some((5, 0)))),
        column("f", PgType::Float4),
        column("g", PgType::Float8),
        column("c", PgType::Bpchar(Some(5))),
        column("v", PgType::Varchar(Some(20))),
        column("x", PgType::Text),
        column("z", PgType::Bytea),
        column("dt", PgType::Date),
        column("tm", PgType::Time(None)),
        column("ts", PgType::Timestamp(None)),
        column("tz", PgType::TimestampTz(None)),
        column("j", PgType::Jsonb),
        column("u", PgType::Uuid),
    ];
    let (uniques, other_uniques, view) = (Vec::new(), false, false);
    Table { schema: None, name: "t".into(), columns, uniques, other_uniques, view, referenced: false }
}

/// A statement over `t`, as a MySQL or MariaDB client's.
pub(in crate::sql::translate::to_pg) fn statement(
    text: &str,
    mariadb: bool,
    declared: &[Option<MyType>],
) -> Result<ToPg, Fault> {
    let reading = Reading { mariadb, ..Reading::new(Dialect::Mysql) };
    let facts = SessionFacts { time_zone: "+00:00".into(), database: "myx".into(), ..SessionFacts::default() };
    let tables = [Named {
        schema: None,
        name: "t".into(),
        table: Some(Arc::new(table())),
        physical_schema: None,
        physical_name: "t".into(),
    }];
    let engine = Engine::Postgres;
    translate(&Request { text: text.as_bytes(), reading, engine, tables: &tables, declared, facts: &facts })
}

/// The text sent, `?1` for the first parameter.
pub(in crate::sql::translate::to_pg) fn sent(out: &ToPg) -> String {
    let parts = out.steps.iter().flat_map(|s| s.sql.parts());
    parts
        .map(|part| match part {
            Part::Text(text) => text.clone(),
            Part::Parameter(n) => format!("?{}", n + 1),
            Part::Keys => "<keys>".into(),
            Part::LastInsertId => "<last insert id>".into(),
        })
        .collect()
}

/// An expression in SELECT for a MySQL client: what is sent for it, and its type.
pub(in crate::sql::translate::to_pg) fn with(expr: &str) -> Result<(String, MyType), Fault> {
    of(expr, false)
}

/// The same for either client.
pub(in crate::sql::translate::to_pg) fn of(expr: &str, mariadb: bool) -> Result<(String, MyType), Fault> {
    let out = statement(&format!("SELECT {expr} AS e FROM t"), mariadb, &[])?;
    let text = sent(&out);
    let text = text.strip_prefix("SELECT ").unwrap_or(&text);
    let text = text.split(" FROM \"t\"").next().unwrap_or(text).to_owned();
    let ty = out.columns.first().map_or(MyType::Null, |c| c.ty.clone());
    Ok((text, ty))
}

/// What is said of an expression that is refused.
pub(in crate::sql::translate::to_pg) fn said(expr: &str) -> String {
    match with(expr) {
        Ok((text, _)) => format!("taken: {text}"),
        Err(fault) => fault.message,
    }
}

mod expressions;
