//! INSERT.

use std::sync::Arc;

use sqlparser::ast::{Expr, Insert, OnInsert, Query, SelectItem, SetExpr, TableObject, Values};

use super::assign::is_default;
use super::names::{dotted, output, quoted};
use super::query::{Use, as_output};
use super::returning::Found;
use super::scope::{Scope, Source};
use super::statement::step;
use super::{Typed, Walk};
use crate::base::{Engine, Fault, FaultKind};
use crate::sql::Access;
use crate::sql::translate::{Column, Counting, Default, Gives, Sql, Table, ToMysql, Verb};

/// The rows of an INSERT.
pub(super) enum Rows {
    /// VALUES: of each row the values, `None` for DEFAULT.
    Values(Vec<Vec<Option<Typed>>>),
    /// A query, printed, with its columns already as the table keeps them; and its select list.
    Query(Sql),
}

/// An INSERT on its way.
pub(super) struct Inserted {
    pub(super) table: Arc<Table>,
    pub(super) columns: Vec<Column>,
    pub(super) rows: Rows,
    pub(super) target: Source,
    /// The table's name as columns are qualified.
    pub(super) qualifier: Sql,
    pub(super) physical: Sql,
}

impl Walk<'_> {
    /// `with`: a WITH clause before it, as printed; its queries are named in `around`.
    pub(super) fn insert(&mut self, insert: &Insert, with: Option<&Sql>, around: &Scope<'_>) -> Result<ToMysql, Fault> {
        let Insert {
            insert_token: _,
            optimizer_hints: _,
            or: None,
            ignore: false,
            into: _,
            table: TableObject::TableName(name),
            table_alias,
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
            replace_into: false,
            priority: None,
            insert_alias: None,
            settings: None,
            format_clause: None,
            multi_table_insert_type: None,
            multi_table_into_clauses,
            multi_table_when_clauses,
            multi_table_else_clause: None,
        } = insert
        else {
            return Err(self.refused("a clause of this INSERT"));
        };
        let others = assignments.is_empty()
            && after_columns.is_empty()
            && multi_table_into_clauses.is_empty()
            && multi_table_when_clauses.is_empty();
        if !others {
            return Err(self.refused("a clause of this INSERT"));
        }
        let (named, table) = self.table(name)?;
        let physical = self.physical(named);
        let qualifier = quoted(&named.physical_name);
        self.aliases.insert(named.physical_name.to_lowercase());
        let alias = table_alias.as_ref().map(|a| &a.alias);
        let target = self.target(name, alias, &qualifier)?;
        let mut given = Vec::new();
        for column in columns {
            let name = self.bare_name(column)?;
            let column = self.writable(&table, &name)?.clone();
            if given.iter().any(|c: &Column| c.name == column.name) {
                let what = format!("column \"{name}\" specified more than once");
                return Err(Fault::new(FaultKind::DuplicateColumn, what));
            }
            given.push(column);
        }
        let (columns, rows) = self.rows_of(source.as_deref(), given, &table, with, around)?;
        let inserted = Inserted { table, columns, rows, target, qualifier, physical };
        self.finish_insert(inserted, on.as_ref(), returning.as_deref())
    }

    fn rows_of(
        &mut self,
        source: Option<&Query>,
        given: Vec<Column>,
        table: &Arc<Table>,
        with: Option<&Sql>,
        around: &Scope<'_>,
    ) -> Result<(Vec<Column>, Rows), Fault> {
        let listed = !given.is_empty();
        let all = if listed { given } else { table.columns.clone() };
        let Some(source) = source else {
            // DEFAULT VALUES
            return Ok((Vec::new(), Rows::Values(vec![Vec::new()])));
        };
        if let (SetExpr::Values(values), None, None, None) =
            (source.body.as_ref(), &source.order_by, &source.limit_clause, &source.with)
            && with.is_none()
        {
            return self.insert_values(values, all, listed, around);
        }
        let wanted: Vec<_> = all.iter().map(|c| Some(self.seen(c))).collect();
        let selected = self.query_for(source, Some(around), Use::Source, &wanted)?;
        let columns = self.fitting(all, selected.columns.len(), listed)?;
        let alias = self.alias("hf");
        let from = self.through(&alias, &selected.columns)?;
        let mut list = Vec::new();
        for (n, (column, seen)) in columns.iter().zip(&from.columns).enumerate() {
            let typed = self.of_column(seen);
            debug_assert_eq!(seen.sql, dotted(&alias, &output(n)), "a derived table's columns have these names");
            list.push(as_output(self.assigned(typed, column)?.sql, &output(n)));
        }
        let mut sql = Sql::joined(list, ", ").wrapped("SELECT ", " FROM (");
        if let Some(with) = with {
            sql.append(with.clone());
        }
        sql.append(selected.sql).push(") AS ").append(quoted(&alias));
        Ok((columns, Rows::Query(sql)))
    }

    /// The columns that a row of this width is for.
    fn fitting(&self, columns: Vec<Column>, width: usize, listed: bool) -> Result<Vec<Column>, Fault> {
        if width > columns.len() {
            return Err(Fault::new(FaultKind::Syntax, "INSERT has more expressions than target columns"));
        }
        if listed && width < columns.len() {
            return Err(Fault::new(FaultKind::Syntax, "INSERT has more target columns than expressions"));
        }
        let columns: Vec<Column> = columns.into_iter().take(width).collect();
        match columns.iter().find(|c| c.default == Default::Computed) {
            Some(column) => Err(self.refused(format!("writing the generated column {}", column.name))),
            None => Ok(columns),
        }
    }

    fn insert_values(
        &mut self,
        values: &Values,
        columns: Vec<Column>,
        listed: bool,
        around: &Scope<'_>,
    ) -> Result<(Vec<Column>, Rows), Fault> {
        let Values { explicit_row: false, value_keyword: false, rows } = values else {
            return Err(self.refused("this form of VALUES"));
        };
        let width = rows.first().map_or(0, |row| row.content.len());
        if rows.iter().any(|row| row.content.len() != width) {
            return Err(Fault::new(FaultKind::Syntax, "VALUES lists must all be the same length"));
        }
        let columns = self.fitting(columns, width, listed)?;
        let mut out = Vec::new();
        for row in rows {
            let mut cells = Vec::new();
            for (cell, column) in row.content.iter().zip(&columns) {
                cells.push(self.cell(cell, column, around)?);
            }
            out.push(cells);
        }
        Ok((columns, Rows::Values(out)))
    }

    fn cell(&mut self, cell: &Expr, column: &Column, scope: &Scope<'_>) -> Result<Option<Typed>, Fault> {
        if is_default(cell) {
            return Ok(None);
        }
        let typed = self.expr(cell, scope)?;
        self.assigned(typed, column).map(Some)
    }

    fn finish_insert(
        &mut self,
        inserted: Inserted,
        on: Option<&OnInsert>,
        returning: Option<&[SelectItem]>,
    ) -> Result<ToMysql, Fault> {
        let mut sql = print_insert(&inserted);
        let mut steps = Vec::new();
        let mut counting = Counting::Affected;
        let mut conflict = None;
        match on {
            None => {}

            Some(OnInsert::OnConflict(clause)) => {
                let upsert = self.upsert(clause, &inserted)?;
                steps.extend(upsert.guard.map(|guard| step(guard, Gives::Nothing)));
                sql.append(upsert.clause);
                counting = upsert.counting;
                conflict = Some(upsert.conflict);
            }
            Some(_) => return Err(self.refused("ON DUPLICATE KEY UPDATE")),
        }
        let Some(returning) = returning else {
            steps.push(step(sql, Gives::Count(counting)));
            return Ok(self.done(steps, Vec::new(), Verb::Insert, Access::Write));
        };
        let scope = Scope { sources: vec![inserted.target.clone()], ..Scope::default() };
        let (list, columns) = self.returning_list(returning, &scope)?;
        let skips = conflict.as_ref().is_some_and(|c| c.nothing);
        if self.engine() == Engine::Mariadb && !skips {
            sql.push(" RETURNING ").append(list);
            steps.push(step(sql, Gives::RowsAndCount));
            return Ok(self.done(steps, columns, Verb::Insert, Access::Write));
        }
        steps.push(step(sql, Gives::Count(counting)));
        let found = self.inserted_rows(&inserted, conflict.as_ref())?;
        let mut select = list.wrapped("SELECT ", " FROM ");
        let Found { filter, order } = found;
        select.append(inserted.physical.clone()).push(" WHERE ").append(filter);
        if let Some(order) = order {
            select.push(" ORDER BY ").append(order);
        }
        steps.push(step(select, Gives::Rows));
        Ok(self.done(steps, columns, Verb::Insert, Access::Write))
    }
}

fn print_insert(inserted: &Inserted) -> Sql {
    let mut sql = inserted.physical.clone().wrapped("INSERT INTO ", " (");
    sql.append(Sql::joined(inserted.columns.iter().map(|c| quoted(&c.name)), ", ")).push(") ");
    match &inserted.rows {
        Rows::Query(query) => {
            sql.append(query.clone());
        }
        Rows::Values(rows) => {
            let rows = rows.iter().map(|row| {
                let cells = row.iter().enumerate().map(|(at, cell)| match (cell, inserted.columns.get(at)) {
                    (Some(typed), _) => typed.sql.clone(),
                    // DEFAULT of a numbered column is 0 to MySQL, and under NO_AUTO_VALUE_ON_ZERO only NULL is numbered.
                    (None, Some(Column { default: Default::Generated, .. })) => Sql::text("NULL"),
                    (None, _) => Sql::text("DEFAULT"),
                });
                Sql::joined(cells, ", ").wrapped("(", ")")
            });
            sql.push("VALUES ").append(Sql::joined(rows, ", "));
        }
    }
    sql
}
