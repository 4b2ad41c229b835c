//! What a statement can read from: tables of the catalog, CTEs, subqueries.

use std::sync::Arc;

use sqlparser::ast::{Ident, ObjectName, ObjectNamePart};

use super::scope::{Scope, ScopeColumn, Source};
use super::{Selected, Walk};
use crate::base::{Dialect, Fault, FaultKind};
use crate::sql::translate::{Column, ColumnType, Default, Named, Origin, Sql, Table};
use crate::wire::value::{MyType, PgType, mapping};

/// Bytes of a name on PostgreSQL: longer ones are cut there, and could then mean another thing.
const NAME_BYTES_MAX: usize = 63;

/// A common table expression that can be named.
#[derive(Clone, Debug)]
pub(in crate::sql::translate) struct Cte {
    pub(super) name: String,
    /// Printed without a qualifier.
    pub(super) columns: Vec<ScopeColumn>,
}

/// An identifier for PostgreSQL.
pub(super) fn name(text: &str) -> Sql {
    Sql::name(Dialect::Postgres, text)
}

/// The parts of a name, if it has identifiers only.
pub(super) fn parts(object: &ObjectName) -> Option<Vec<&Ident>> {
    object
        .0
        .iter()
        .map(|part| match part {
            ObjectNamePart::Identifier(ident) => Some(ident),
            ObjectNamePart::Function(_) => None,
        })
        .collect()
}

/// `"schema"."table"` as it is on the backend.
pub(super) fn physical(named: &Named) -> Sql {
    let (schema, table) = match &named.table {
        Some(table) => (table.schema.as_deref(), table.name.as_str()),
        None => (named.physical_schema.as_deref(), named.physical_name.as_str()),
    };
    let mut sql = Sql::new();
    if let Some(schema) = schema {
        sql.append(name(schema)).push(".");
    }
    sql.append(name(table));
    sql
}

/// A column's type on PostgreSQL.
pub(super) fn pg_type(column: &Column) -> PgType {
    match &column.ty {
        ColumnType::Pg(ty) => ty.clone(),
        ColumnType::My(ty) => PgType::Other(0, ty.sql()),
    }
}

/// The column's part of a message: `'name'`.
pub(super) fn unknown_column(column: &str, place: &str) -> Fault {
    Fault::new(FaultKind::UndefinedColumn, format!("Unknown column '{column}' in '{place}'"))
}

impl<'a> Walk<'a> {
    /// Whether a text may be a name on PostgreSQL.
    pub(super) fn name_fits(&self, text: &str) -> Result<(), Fault> {
        if text.len() > NAME_BYTES_MAX {
            return Err(self.refused(format_args!("the name '{text}', of more than {NAME_BYTES_MAX} bytes,")));
        }
        Ok(())
    }

    /// The table that the client calls so.
    pub(super) fn known_as(&self, object: &ObjectName) -> Result<&'a Named, Fault> {
        let parts = parts(object).ok_or_else(|| self.refused("a function as a table's name"))?;
        let (schema, table) = match parts.as_slice() {
            [table] => (None, table.value.as_str()),
            [schema, table] => (Some(schema.value.as_str()), table.value.as_str()),
            _ => return Err(self.refused(format_args!("the table name {object}"))),
        };
        let tables = self.request.tables;
        let found = tables.iter().find(|t| t.name == table && t.schema.as_deref() == schema);
        let found = found.or_else(|| tables.iter().find(|t| t.name == table && schema.is_none()));
        let found = found.or_else(|| {
            tables.iter().find(|t| {
                t.name.eq_ignore_ascii_case(table)
                    && schema.is_none_or(|s| t.schema.as_deref().is_none_or(|own| own.eq_ignore_ascii_case(s)))
            })
        });
        found.ok_or_else(|| self.no_table(object))
    }

    /// The existing table that the client calls so.
    pub(super) fn table(&self, object: &ObjectName) -> Result<(&'a Named, Arc<Table>), Fault> {
        let named = self.known_as(object)?;
        match &named.table {
            Some(table) => Ok((named, Arc::clone(table))),
            None => Err(self.no_table(object)),
        }
    }

    fn no_table(&self, object: &ObjectName) -> Fault {
        let words: Vec<String> = parts(object).unwrap_or_default().iter().map(|i| i.value.clone()).collect();
        if matches!(words.as_slice(), [one] if one.eq_ignore_ascii_case("ignore")) {
            // `UPDATE IGNORE t`, which the parser takes for a table of that name.
            return self.refused("UPDATE or DELETE with IGNORE");
        }
        let database = &self.request.facts.database;
        let full = if words.len() == 1 { format!("{database}.{}", words.join(".")) } else { words.join(".") };
        Fault::new(FaultKind::UndefinedTable, format!("Table '{full}' doesn't exist"))
    }

    /// The type that the client sees.
    pub(super) fn seen(&self, column: &Column) -> MyType {
        match &column.ty {
            ColumnType::Pg(ty) => mapping::seen_by_mysql(ty, self.request.reading.mariadb),
            ColumnType::My(ty) => ty.clone(),
        }
    }

    /// A table as a source under an alias.
    pub(super) fn source(&self, named: &Named, table: &Table, alias: Option<&str>) -> Result<Source, Fault> {
        let shown = alias.unwrap_or(&named.name);
        self.name_fits(shown)?;
        let schema = named.schema.clone().unwrap_or_else(|| self.request.facts.database.clone());
        let columns = table.columns.iter().map(|c| self.table_column(named, table, c, shown)).collect();
        Ok(Source { alias: shown.to_owned(), schema: alias.is_none().then_some(schema), columns })
    }

    fn table_column(&self, named: &Named, table: &Table, column: &Column, alias: &str) -> ScopeColumn {
        let mut sql = name(alias);
        sql.push(".").append(name(&column.name));
        let mut pg = pg_type(column);
        let mut exact = true;
        if let PgType::Bpchar(_) = pg {
            // As text it is without its blanks, and compares without them: the client's CHAR under a NO PAD collation.
            sql = sql.wrapped("CAST(", " AS text)");
            pg = PgType::Text;
        }
        if column.collation.as_deref().is_some_and(|c| !matches!(c, "C" | "POSIX")) {
            // Of another collation than its database's: it may be one that takes different bytes as equal.
            sql = sql.wrapped("(", " COLLATE \"C\")");
            exact = true;
        }
        let part =
            |primary: bool| table.uniques.iter().any(|u| u.primary == primary && u.columns.contains(&column.name));
        ScopeColumn {
            name: column.name.clone(),
            ty: self.seen(column),
            pg,
            sql,
            exact,
            unicode: true,
            nullable: !column.not_null,
            hidden: false,
            origin: Some(Origin {
                table: named.name.clone(),
                alias: alias.to_owned(),
                column: column.name.clone(),
                primary: part(true),
                unique: part(false),
                auto_increment: column.default == Default::Generated,
            }),
        }
    }

    /// Names for the columns of a subquery as PostgreSQL shall know them, and the columns as seen from outside.
    pub(super) fn derived(
        &self,
        selected: &Selected,
        alias: &str,
        given: &[String],
    ) -> Result<(Sql, Vec<ScopeColumn>), Fault> {
        if !given.is_empty() && given.len() != selected.columns.len() {
            let what = "the column list of a derived table or CTE does not fit its SELECT";
            return Err(Fault::new(FaultKind::Syntax, what));
        }
        let mut seen = std::collections::HashSet::new();
        let mut list = Vec::with_capacity(selected.columns.len());
        let mut columns = Vec::with_capacity(selected.columns.len());
        for (at, column) in selected.columns.iter().enumerate() {
            let shown = given.get(at).unwrap_or(&column.name);
            if !seen.insert(shown.to_lowercase()) {
                return Err(Fault::new(FaultKind::DuplicateColumn, format!("Duplicate column name '{shown}'")));
            }
            let plain = !shown.is_empty() && shown.len() <= NAME_BYTES_MAX && !shown.contains(['(', ' ', '\0']);
            let printed = name(&if plain { shown.clone() } else { format!("{} {}", "column", at + 1) });
            let mut sql = Sql::new();
            if !alias.is_empty() {
                sql = name(alias);
                sql.push(".");
            }
            sql.append(printed.clone());
            list.push(printed);
            columns.push(ScopeColumn { name: shown.clone(), sql, hidden: false, origin: None, ..column.clone() });
        }
        Ok((Sql::joined(list, ", ").wrapped("(", ")"), columns))
    }
}

/// The column that a name means among the sources of this scope alone, for what expressions do not tell: result names,
/// origins. `None`: none, or several.
pub(super) fn find<'s>(scope: &'s Scope<'_>, words: &[Ident]) -> Option<&'s ScopeColumn> {
    let (column, qualifier) = words.split_last()?;
    let mut hits = scope
        .sources
        .iter()
        .filter(|source| match qualifier {
            [] => true,
            [table] => source.alias == table.value,
            [schema, table] => source.alias == table.value && source.schema.as_deref() == Some(schema.value.as_str()),
            _ => false,
        })
        .flat_map(|source| &source.columns)
        .filter(|c| c.name.eq_ignore_ascii_case(&column.value) && !(qualifier.is_empty() && c.hidden));
    match (hits.next(), hits.next()) {
        (Some(one), None) => Some(one),
        _ => None,
    }
}
