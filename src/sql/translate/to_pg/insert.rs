//! INSERT and what it gives back.

use std::sync::Arc;

use sqlparser::ast::{
    Assignment, AssignmentTarget, Expr, Insert, ObjectName, OnInsert, Query, SelectItem, SetExpr, TableObject, Value,
};

use super::alias::is_null;
use super::assign::is_default;
use super::from::{From, Place};
use super::scope::{Scope, ScopeColumn};
use super::source::{name, physical};
use super::statement::result_column;
use super::upsert::Given;
use super::{Selected, Walk};
use crate::base::{Fault, FaultKind};
use crate::sql::Access;
use crate::sql::translate::literal;
use crate::sql::translate::{Column, Counting, Gives, Named, Sql, Step, Table, ToPg, Verb};
use crate::wire::value::{MyType, Value as Data};

/// What an INSERT writes to, and what it writes.
pub(super) struct Target<'a> {
    pub(super) named: &'a Named,
    pub(super) table: Arc<Table>,
    /// In the order of the values.
    pub(super) columns: Vec<Column>,
}

/// Where the key of a row with AUTO_INCREMENT comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Numbered {
    /// The table has none.
    Never,
    /// The server numbers every row.
    Server,
    /// The client numbers every row.
    Client,
    /// It depends on a value known only when it runs.
    Either,
}

/// The rows as printed: `VALUES (…), (…)` or a query.
pub(super) struct Source {
    sql: Sql,
    /// How many, if they are counted.
    pub(super) rows: Option<usize>,
    /// For every row and column of the target what is known of it.
    pub(super) given: Vec<Vec<Given>>,
    numbered: Numbered,
    /// Of a single row whose number is known only when it runs: the value as given.
    number: Option<Sql>,
}

impl<'a> Walk<'a> {
    /// INSERT, REPLACE.
    pub(super) fn insert(&mut self, insert: &Insert) -> Result<ToPg, Fault> {
        let Insert {
            insert_token: _,
            optimizer_hints: _,
            or: None,
            ignore,
            into: _,
            table: TableObject::TableName(object),
            table_alias: None,
            columns,
            overwrite: false,
            source,
            assignments,
            partitioned: None,
            after_columns,
            has_table_keyword: false,
            on,
            returning,
            output: None,
            replace_into,
            // A word about MyISAM's locks.
            priority: _,
            insert_alias,
            settings: None,
            format_clause: None,
            multi_table_insert_type: None,
            multi_table_into_clauses: _,
            multi_table_when_clauses: _,
            multi_table_else_clause: None,
        } = insert
        else {
            return Err(self.refused("this form of INSERT"));
        };
        if !after_columns.is_empty() {
            return Err(self.refused("INSERT with PARTITION"));
        }
        let (named, table) = self.table(object)?;
        let target = self.insert_target(named, table, columns, assignments)?;
        let rows = match (source, assignments.is_empty()) {
            (Some(query), true) => self.insert_source(query, &target)?,
            (None, false) => {
                let row: Vec<Expr> = assignments.iter().map(|a| a.value.clone()).collect();
                self.insert_rows(&[row.as_slice()], &target)?
            }
            (None, true) => self.insert_rows(&[&[]], &target)?,
            (Some(_), false) => return Err(self.refused("this form of INSERT")),
        };
        let mut sql = insert_into(&target, &rows);
        match (replace_into, ignore, on) {
            (true, false, None) => self.replaced(sql, &target, &rows, returning.is_some()),
            (false, false, Some(OnInsert::DuplicateKeyUpdate(list))) => {
                if returning.is_some() {
                    return Err(self.refused("RETURNING with ON DUPLICATE KEY UPDATE"));
                }
                self.upserted(sql, &target, &rows, list, insert_alias.as_ref())
            }
            (false, _, None) => {
                // Which row was the first to be inserted is known only to the server, and it does not tell.
                if *ignore && rows.rows != Some(1) && !matches!(rows.numbered, Numbered::Never | Numbered::Server) {
                    return Err(self.refused("INSERT IGNORE of several rows with keys of their own"));
                }
                if *ignore {
                    sql.push(" ON CONFLICT DO NOTHING");
                }
                self.insert_told(sql, &target, &rows, returning.as_deref())
            }
            _ => Err(self.refused("this form of INSERT")),
        }
    }

    fn insert_target(
        &self,
        named: &'a Named,
        table: Arc<Table>,
        columns: &[ObjectName],
        assignments: &[Assignment],
    ) -> Result<Target<'a>, Fault> {
        let mut out: Vec<Column> = Vec::new();
        let mut names: Vec<&ObjectName> = columns.iter().collect();
        for assignment in assignments {
            match &assignment.target {
                AssignmentTarget::ColumnName(object) => names.push(object),
                AssignmentTarget::Tuple(_) => return Err(self.refused("SET (…) = …")),
            }
        }
        for object in &names {
            let column = self.target(&table, object)?;
            if out.iter().any(|c| c.name == column.name) {
                return Err(Fault::new(FaultKind::AssignedTwice, format!("Column '{}' specified twice", column.name)));
            }
            out.push(column.clone());
        }
        Ok(Target { named, table, columns: out })
    }

    fn insert_source(&mut self, query: &Query, target: &Target<'a>) -> Result<Source, Fault> {
        let bare = query.with.is_none() && query.order_by.is_none() && query.limit_clause.is_none();
        if let SetExpr::Values(values) = query.body.as_ref()
            && bare
        {
            let rows: Vec<&[Expr]> = values.rows.iter().map(|row| row.as_slice()).collect();
            return self.insert_rows(&rows, target);
        }
        self.insert_query(query, target)
    }

    /// The columns that values are for: those named, else all.
    pub(super) fn filled<'t>(&self, target: &'t Target<'_>) -> Vec<&'t Column> {
        if target.columns.is_empty() { target.table.columns.iter().collect() } else { target.columns.iter().collect() }
    }

    fn insert_rows(&mut self, rows: &[&[Expr]], target: &Target<'a>) -> Result<Source, Fault> {
        let columns = self.filled(target);
        if rows.iter().all(|row| row.is_empty()) && target.columns.is_empty() {
            if rows.len() > 1 {
                return Err(self.refused("several rows of nothing but defaults"));
            }
            let numbered = if target.table.generated().is_some() { Numbered::Server } else { Numbered::Never };
            let given = vec![columns.iter().map(|_| Given::Default).collect()];
            let sql = Sql::text("DEFAULT VALUES");
            return Ok(Source { sql, rows: Some(1), given, numbered, number: None });
        }
        let mut printed = Vec::with_capacity(rows.len());
        let mut given = Vec::with_capacity(rows.len());
        let mut numbers = Vec::new();
        for (at, row) in rows.iter().enumerate() {
            if row.len() != columns.len() {
                let what = format!("Column count doesn't match value count at row {}", at + 1);
                return Err(Fault::new(FaultKind::ValueCount, what));
            }
            let mut cells = Vec::with_capacity(row.len());
            let mut known = Vec::with_capacity(row.len());
            for (expr, column) in row.iter().zip(&columns) {
                let (cell, what) = self.cell(expr, column, &mut numbers, target)?;
                cells.push(cell);
                known.push(what);
            }
            printed.push(Sql::joined(cells, ", ").wrapped("(", ")"));
            given.push(known);
        }
        let (numbered, number) = self.numbered(target, &columns, &given, numbers)?;
        let sql = Sql::joined(printed, ", ").wrapped("VALUES ", "");
        Ok(Source { sql, rows: Some(rows.len()), given, numbered, number })
    }

    /// One value for one column. A key whose number depends on the value is put into `numbers`.
    fn cell(
        &mut self,
        expr: &Expr,
        column: &Column,
        numbers: &mut Vec<Sql>,
        target: &Target<'a>,
    ) -> Result<(Sql, Given), Fault> {
        if is_default(expr) {
            return Ok((Sql::text("DEFAULT"), Given::Default));
        }
        let generated = column.default == crate::sql::translate::Default::Generated;
        if generated && (is_null(expr) || (is_zero(expr) && !self.zero_is_a_number())) {
            return Ok((Sql::text("DEFAULT"), Given::Default));
        }
        if is_null(expr) {
            return Ok((Sql::text("NULL"), Given::Null));
        }
        let typed = self.expr(expr, &Scope::default())?;
        let sql = self.assigned(typed, column)?;
        if !generated || matches!(expr, Expr::Value(v) if matches!(v.value, Value::Number(..))) {
            return Ok((sql, Given::Value));
        }
        let given = if self.zero_is_a_number() { sql } else { sql.wrapped("NULLIF(", ", 0)") };
        numbers.push(given.clone());
        let mut sql = given.wrapped("COALESCE(", ", nextval(");
        sql.append(self.sequence(target.named, column)?).push("))");
        Ok((sql, Given::Value))
    }

    fn numbered(
        &self,
        target: &Target<'a>,
        columns: &[&Column],
        given: &[Vec<Given>],
        mut numbers: Vec<Sql>,
    ) -> Result<(Numbered, Option<Sql>), Fault> {
        let Some(generated) = target.table.generated() else { return Ok((Numbered::Never, None)) };
        let Some(at) = columns.iter().position(|c| c.name == generated.name) else {
            return Ok((Numbered::Server, None));
        };
        let by_server = given.iter().filter(|row| row[at] == Given::Default).count();
        match (by_server, numbers.len()) {
            (server, 0) if server == given.len() => Ok((Numbered::Server, None)),
            (0, 0) => Ok((Numbered::Client, None)),
            (0, 1) if given.len() == 1 => Ok((Numbered::Either, numbers.pop())),
            _ => Err(self.refused("an INSERT of several rows whose AUTO_INCREMENT column has values for some")),
        }
    }

    fn zero_is_a_number(&self) -> bool {
        self.request.facts.sql_mode.contains("NO_AUTO_VALUE_ON_ZERO")
    }

    /// `pg_get_serial_sequence('"schema"."table"', 'column')`
    fn sequence(&self, named: &Named, column: &Column) -> Result<Sql, Fault> {
        let text = |s: String| literal::postgres(&Data::Text(s), &MyType::Text(u32::MAX)).map(Sql::text);
        let mut table = String::new();
        for part in physical(named).parts() {
            if let crate::sql::translate::Part::Text(t) = part {
                table.push_str(t);
            }
        }
        let mut sql = text(table)?.wrapped("pg_get_serial_sequence(", ", ");
        sql.append(text(column.name.clone())?).push(")");
        Ok(sql)
    }

    /// INSERT … SELECT.
    fn insert_query(&mut self, query: &Query, target: &Target<'a>) -> Result<Source, Fault> {
        let Selected { sql: inner, columns: found } = self.query(query, None)?;
        let columns = self.filled(target);
        if columns.len() != found.len() {
            return Err(Fault::new(FaultKind::ValueCount, "Column count doesn't match value count at row 1"));
        }
        let literals = written_texts(query, found.len());
        let generated = target.table.generated();
        let mut numbered = if generated.is_some() { Numbered::Server } else { Numbered::Never };
        let mut list = Vec::with_capacity(found.len());
        let mut values = Vec::with_capacity(found.len());
        for (at, (column, from)) in columns.iter().zip(found).enumerate() {
            let own = name(&format!("c{}", at + 1));
            let mut sql = name("part");
            sql.push(".").append(own.clone());
            list.push(own);
            let typed = match literals.get(at).copied().flatten() {
                Some(literal) => self.expr(literal, &Scope::default())?,
                None => self.column(&ScopeColumn { sql, ..from }),
            };
            let mut value = self.assigned(typed, column)?;
            if generated.is_some_and(|g| g.name == column.name) {
                numbered = Numbered::Client;
                let given = if self.zero_is_a_number() { value } else { value.wrapped("NULLIF(", ", 0)") };
                value = given.wrapped("COALESCE(", ", nextval(");
                value.append(self.sequence(target.named, column)?).push("))");
            }
            values.push(value);
        }
        let given = vec![columns.iter().map(|_| Given::Value).collect()];
        let mut sql = Sql::text("SELECT ");
        sql.append(Sql::joined(values, ", ")).push(" FROM ").append(inner.wrapped("(", ") AS \"part\""));
        sql.append(Sql::joined(list, ", ").wrapped("(", ")"));
        Ok(Source { sql, rows: None, given, numbered, number: None })
    }

    /// What the client's `last_insert_id` is read from, per row.
    pub(super) fn key(&self, target: &Target<'_>, rows: &Source) -> Sql {
        let Some(generated) = target.table.generated() else { return Sql::text("NULL") };
        let mut key = name(&target.named.name);
        key.push(".").append(name(&generated.name));
        match (rows.numbered, &rows.number) {
            (Numbered::Server, _) => key,
            (Numbered::Either, Some(number)) => {
                let mut sql = number.clone().wrapped("CASE WHEN ", " IS NULL THEN ");
                sql.append(key).push(" END");
                sql
            }
            (Numbered::Never | Numbered::Client | Numbered::Either, _) => Sql::text("NULL"),
        }
    }

    /// The key of a row, however it came: the answer shows the last one's if none was generated.
    pub(super) fn shown_key(&self, target: &Target<'_>, rows: &Source) -> Sql {
        match target.table.generated().filter(|_| rows.numbered != Numbered::Never) {
            Some(generated) => {
                let mut sql = Sql::text(", ");
                sql.append(name(&target.named.name)).push(".").append(name(&generated.name)).push(" AS \"s\"");
                sql
            }
            None => Sql::text(", NULL AS \"s\""),
        }
    }

    /// MySQL's counter follows the keys that clients give; a sequence must be told.
    pub(super) fn catch_up(&self, target: &Target<'_>, rows: &Source) -> Result<Option<Step>, Fault> {
        let told = matches!(rows.numbered, Numbered::Client | Numbered::Either);
        let Some(generated) = target.table.generated().filter(|_| told) else { return Ok(None) };
        let sequence = self.sequence(target.named, generated)?;
        let key = name(&generated.name);
        let mut sql = sequence.clone().wrapped("SELECT setval(", ", max(");
        sql.append(key.clone()).push(")) FROM ").append(physical(target.named)).push(" HAVING max(").append(key);
        sql.push(") > COALESCE(pg_sequence_last_value(").append(sequence).push("), 0)");
        Ok(Some(Step { sql, gives: Gives::Nothing }))
    }

    fn insert_told(
        &mut self,
        mut sql: Sql,
        target: &Target<'a>,
        rows: &Source,
        returning: Option<&[SelectItem]>,
    ) -> Result<ToPg, Fault> {
        if let Some(items) = returning {
            let (list, columns) = self.returned(items, target.named, &target.table)?;
            sql.push(" RETURNING ").append(list).push(", ").append(self.key(target, rows));
            let mut steps = vec![Step { sql, gives: Gives::RowsAndKey }];
            steps.extend(self.catch_up(target, rows)?);
            let columns = columns.into_iter().map(result_column).collect();
            return Ok(self.done(steps, columns, Verb::Insert, Access::Write));
        }
        let gives = match rows.numbered {
            Numbered::Server | Numbered::Either | Numbered::Client => {
                sql.push(" RETURNING ").append(self.key(target, rows)).push(", 1").append(self.shown_key(target, rows));
                Gives::Generated
            }
            Numbered::Never => Gives::Count(Counting::Affected),
        };
        let mut steps = vec![Step { sql, gives }];
        steps.extend(self.catch_up(target, rows)?);
        Ok(self.done(steps, Vec::new(), Verb::Insert, Access::Write))
    }

    /// MariaDB's RETURNING.
    pub(super) fn returned(
        &mut self,
        items: &[SelectItem],
        named: &Named,
        table: &Arc<Table>,
    ) -> Result<(Sql, Vec<ScopeColumn>), Fault> {
        if !self.request.reading.mariadb {
            return Err(Fault::new(FaultKind::Syntax, "RETURNING is not known to MySQL"));
        }
        let source = self.source(named, table, None)?;
        let star = (0..source.columns.len()).map(|c| (0, c)).collect();
        let places = vec![Place { table: Some((Arc::clone(table), physical(named))), optional: false }];
        let from = From { sql: Sql::new(), sources: Vec::new(), star, places };
        let scope = Scope { outer: None, sources: vec![source] };
        let items = self.items(items, &[], &from, &scope)?;
        if items.iter().any(|i| i.typed.aggregate) {
            return Err(self.refused("an aggregate in RETURNING"));
        }
        let list = Sql::joined(items.iter().map(|i| i.typed.sql.clone()), ", ");
        Ok((list, items.into_iter().map(|item| super::select::result(item, false)).collect()))
    }
}

/// `INSERT INTO t AS "t" (a, b) VALUES …`
fn insert_into(target: &Target<'_>, rows: &Source) -> Sql {
    let mut sql = Sql::text("INSERT INTO ");
    sql.append(physical(target.named)).push(" AS ").append(name(&target.named.name));
    if !target.columns.is_empty() {
        let list = Sql::joined(target.columns.iter().map(|c| name(&c.name)), ", ");
        sql.append(list.wrapped(" (", ")"));
    }
    sql.push(" ").append(rows.sql.clone());
    sql
}

/// 0 written alone.
fn is_zero(expr: &Expr) -> bool {
    matches!(expr, Expr::Value(v) if matches!(&v.value, Value::Number(digits, _) if digits.bytes().all(|b| b == b'0')))
}

/// The texts among the items of a plain SELECT: their column decides what they are.
fn written_texts(query: &Query, columns: usize) -> Vec<Option<&Expr>> {
    let SetExpr::Select(select) = query.body.as_ref() else { return Vec::new() };
    let mut out = Vec::with_capacity(columns);
    for item in &select.projection {
        let (SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, alias: _ }) = item else {
            return Vec::new();
        };
        let text = matches!(expr, Expr::Value(value) if matches!(value.value, Value::SingleQuotedString(_)));
        out.push(text.then_some(expr));
    }
    if out.len() == columns { out } else { Vec::new() }
}
