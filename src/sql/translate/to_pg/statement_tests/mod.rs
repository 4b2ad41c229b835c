//! Promises about statements: what is printed for PostgreSQL, what the client hears.

mod ddl;
mod reading;
mod writing;

use std::sync::Arc;

use crate::base::{Dialect, Engine, Fault};
use crate::sql::Reading;
use crate::sql::translate::{
    Column, ColumnType, Default, Named, Part, Request, SessionFacts, Sql, Table, ToPg, Unique, to_pg,
};
use crate::wire::value::PgType;

fn column(name: &str, ty: PgType, not_null: bool, default: Default) -> Column {
    Column { name: name.into(), ty: ColumnType::Pg(ty), not_null, default, charset: None, collation: None }
}

fn unique(name: &str, columns: &[&str], primary: bool) -> Unique {
    Unique { name: name.into(), columns: columns.iter().map(|c| (*c).to_owned()).collect(), primary }
}

fn named(table: Table) -> Named {
    Named {
        schema: None,
        name: table.name.clone(),
        physical_schema: table.schema.clone(),
        physical_name: table.name.clone(),
        table: Some(Arc::new(table)),
    }
}

fn tables() -> Vec<Named> {
    let stock = Table {
        schema: None,
        name: "stock".into(),
        columns: vec![
            column("id", PgType::Int4, true, Default::Generated),
            column("Name", PgType::Varchar(Some(20)), true, Default::None),
            column("price", PgType::Numeric(Some((10, 2))), false, Default::Expression("1.50".into())),
            column("live", PgType::Bool, false, Default::Expression("true".into())),
            column("at", PgType::Timestamp(Some(6)), false, Default::Expression("now()".into())),
        ],
        uniques: vec![unique("stock_pkey", &["id"], true), unique("stock_Name", &["Name"], false)],
        other_uniques: false,
        view: false,
        referenced: false,
    };
    let orders = Table {
        schema: Some("shop".into()),
        name: "orders".into(),
        columns: vec![
            column("id", PgType::Int8, true, Default::None),
            column("stock_id", PgType::Int4, false, Default::None),
            column("n", PgType::Int4, false, Default::Expression("0".into())),
        ],
        uniques: vec![unique("orders_pkey", &["id"], true)],
        other_uniques: false,
        view: false,
        referenced: false,
    };
    let new =
        Named { schema: None, name: "fresh".into(), table: None, physical_schema: None, physical_name: "fresh".into() };
    let parents = Table {
        schema: None,
        name: "parents".into(),
        columns: vec![column("id", PgType::Int4, true, Default::None)],
        uniques: vec![unique("parents_pkey", &["id"], true)],
        other_uniques: false,
        view: false,
        referenced: true,
    };
    vec![named(stock), named(orders), new, named(parents)]
}

fn told(text: &str, mariadb: bool, found_rows: bool) -> Result<ToPg, Fault> {
    let tables = tables();
    let facts = SessionFacts { database: "app".into(), found_rows, ..SessionFacts::default() };
    let reading = Reading { mariadb, ..Reading::new(Dialect::Mysql) };
    let declared = [];
    let request = Request {
        text: text.as_bytes(),
        reading,
        engine: Engine::Postgres,
        tables: &tables,
        declared: &declared,
        facts: &facts,
    };
    to_pg::translate(&request)
}

fn ok(text: &str) -> ToPg {
    told(text, true, false).unwrap_or_else(|fault| panic!("{text}: {fault}"))
}

fn fault(text: &str) -> String {
    match told(text, true, false) {
        Ok(done) => panic!("{text} became {}", printed(&done).join("; ")),
        Err(fault) => fault.message,
    }
}

fn shown(sql: &Sql) -> String {
    let part = |part: &Part| match part {
        Part::Text(text) => text.clone(),
        Part::Parameter(at) => format!("<{at}>"),
        Part::Keys => "<keys>".to_owned(),
        Part::LastInsertId => "<last>".to_owned(),
    };
    sql.parts().iter().map(part).collect()
}

fn printed(done: &ToPg) -> Vec<String> {
    done.steps.iter().map(|s| shown(&s.sql)).collect()
}

/// The one step's text.
fn sql(text: &str) -> String {
    let mut steps = printed(&ok(text));
    assert_eq!(steps.len(), 1, "{text}: {steps:?}");
    steps.remove(0)
}

fn names(text: &str) -> Vec<String> {
    ok(text).columns.into_iter().map(|c| c.name).collect()
}
