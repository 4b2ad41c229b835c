//! What expressions become: text and type, on both servers.

mod expressions;
mod statements;

use sqlparser::ast::{SelectItem, SetExpr, Statement};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;

use super::scope::{Scope, ScopeColumn, Source};
use super::{Typed, Walk};
use crate::base::{Engine, Fault};
use crate::sql::Reading;
use crate::sql::translate::{Part, Request, SessionFacts, Sql};
use crate::wire::value::PgType;

/// The table that the tests' columns are of: `t`.
fn columns() -> Vec<(&'static str, PgType)> {
    vec![
        ("id", PgType::Int8),
        ("a", PgType::Int4),
        ("b", PgType::Int4),
        ("s", PgType::Int2),
        ("n", PgType::Numeric(Some((10, 2)))),
        ("m", PgType::Numeric(Some((12, 4)))),
        ("x", PgType::Float8),
        ("r", PgType::Float4),
        ("name", PgType::Varchar(Some(50))),
        ("note", PgType::Text),
        ("yes", PgType::Bool),
        ("d", PgType::Date),
        ("tm", PgType::Time(Some(0))),
        ("ts", PgType::Timestamp(Some(6))),
        ("tz", PgType::TimestampTz(Some(6))),
        ("raw", PgType::Bytea),
        ("doc", PgType::Json),
    ]
}

fn scope() -> Scope<'static> {
    let column = |(name, ty): (&str, PgType)| ScopeColumn {
        name: name.to_owned(),
        ty,
        sql: Sql::text(format!("`{name}`")),
        exact: false,
        unicode: true,
        shown: None,
        nullable: name != "id",
        hidden: false,
    };
    let source = Source {
        alias: "t".to_owned(),
        schema: None,
        columns: columns().into_iter().map(column).collect(),
        table: None,
        body: None,
    };
    Scope { sources: vec![source], ..Scope::default() }
}

/// The expression's translation, with the parameters' types.
fn translated(engine: Engine, text: &str) -> Result<(Typed, Vec<Option<PgType>>), Fault> {
    let query = format!("SELECT {text}");
    let tree = Parser::parse_sql(&PostgreSqlDialect {}, &query)
        .map_err(|e| Fault::new(crate::base::FaultKind::Syntax, e.to_string()))?;
    let [Statement::Query(query)] = tree.as_slice() else { panic!("{text} is no expression") };
    let SetExpr::Select(select) = query.body.as_ref() else { panic!("{text} is no expression") };
    let [SelectItem::UnnamedExpr(expr)] = select.projection.as_slice() else { panic!("{text} is no expression") };
    let facts = SessionFacts {
        user: "app".into(),
        database: "shop".into(),
        time_zone: "UTC".into(),
        ..SessionFacts::default()
    };
    let request = Request {
        text: text.as_bytes(),
        reading: Reading::new(crate::base::Dialect::Postgres),
        engine,
        tables: &[],
        declared: &[],
        facts: &facts,
    };
    let mut walk = Walk::new(&request);
    let typed = walk.expr(expr, &scope())?;
    let typed = walk.settle(typed)?;
    Ok((typed, walk.parameters))
}

/// A piece's text, parameters as `$n`.
fn flat(sql: &Sql) -> String {
    sql.parts()
        .iter()
        .map(|part| match part {
            Part::Text(text) => text.clone(),
            Part::Parameter(n) => format!("${}", n + 1),
            Part::Keys => "KEYS".to_owned(),
            Part::LastInsertId => "LAST".to_owned(),
        })
        .collect()
}

/// Text and type, or the error.
fn on(engine: Engine, text: &str) -> String {
    match translated(engine, text) {
        Ok((typed, _)) => format!("{} : {}", flat(&typed.sql), typed.ty.sql()),
        Err(fault) => format!("{}: {}", fault.kind.sqlstate(), fault.message),
    }
}

/// With `HANDFAST_EXPRESSIONS` naming a file of expressions, a line each, their translations go beside it: for comparing
/// them with PostgreSQL on real servers by hand.
#[test]
fn translations_of_a_file_can_be_printed() {
    let Ok(path) = std::env::var("HANDFAST_EXPRESSIONS") else { return };
    let file = std::fs::read_to_string(&path).expect("the file is there");
    let mut out = String::new();
    for line in file.lines() {
        for engine in [Engine::Mariadb, Engine::Mysql] {
            let text = match translated(engine, line) {
                Ok((typed, _)) => format!("ok\t{}\t{}", typed.ty.sql(), flat(&typed.as_shown())),
                Err(fault) => format!("{}\t{}\t", fault.kind.sqlstate(), fault.message),
            };
            out.push_str(&format!("{engine:?}\t{line}\t{text}\n"));
        }
    }
    std::fs::write(format!("{path}.out"), out).expect("the translations can be written");
}
