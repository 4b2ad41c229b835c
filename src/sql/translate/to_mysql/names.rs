//! Tables by name, and the names that sources are printed with.

use std::sync::Arc;

use sqlparser::ast::{Ident, ObjectName, ObjectNamePart};

use super::scope::{ScopeColumn, Source, fold};
use super::types::is_text;
use super::{Typed, Walk};
use crate::base::{Dialect, Engine, Fault, FaultKind};
use crate::sql::translate::{Column, ColumnType, Named, Sql, Table};
use crate::wire::value::{MyType, PgType, mapping};

/// A name in MySQL's quotes.
pub(super) fn quoted(name: &str) -> Sql {
    Sql::name(Dialect::Mysql, name)
}

/// The name that the n-th output column of every query is printed with.
pub(super) fn output(n: usize) -> String {
    format!("c{}", n + 1)
}

/// The name of the n-th output column as it is shown, where that differs.
pub(super) fn output_shown(n: usize) -> String {
    format!("s{}", n + 1)
}

/// `qualifier`.`name`
pub(super) fn dotted(qualifier: &str, name: &str) -> Sql {
    let mut out = quoted(qualifier);
    out.push(".").append(quoted(name));
    out
}

impl<'a> Walk<'a> {
    /// The plain parts of a name: one, or two with a schema.
    pub(super) fn parts<'n>(&self, name: &'n ObjectName) -> Result<(Option<&'n Ident>, &'n Ident), Fault> {
        match name.0.as_slice() {
            [ObjectNamePart::Identifier(table)] => Ok((None, table)),
            [ObjectNamePart::Identifier(schema), ObjectNamePart::Identifier(table)] => Ok((Some(schema), table)),
            [ObjectNamePart::Identifier(_), ObjectNamePart::Identifier(schema), ObjectNamePart::Identifier(table)] => {
                Ok((Some(schema), table))
            }
            _ => Err(self.refused(format!("the name {name}"))),
        }
    }

    /// A column's name without a qualifier.
    pub(super) fn bare_name(&self, name: &ObjectName) -> Result<String, Fault> {
        match name.0.as_slice() {
            [ObjectNamePart::Identifier(one)] => Ok(fold(one)),
            _ => Err(self.refused(format!("the qualified or subscripted column {name}"))),
        }
    }

    /// What the session knows of a table that the statement names.
    pub(super) fn named(&self, name: &ObjectName) -> Result<&'a Named, Fault> {
        let (schema, table) = self.parts(name)?;
        let (schema, table) = (schema.map(fold), fold(table));
        let found = self.request.tables.iter().find(|n| n.name == table && (n.schema == schema));
        let found = found.or_else(|| {
            let mut others = self.request.tables.iter().filter(|n| n.name == table);
            others.next().filter(|n| others.next().is_none() && (n.schema.is_none() || schema.is_none()))
        });
        found.ok_or_else(|| undefined_table(name))
    }

    /// A table that is there.
    pub(super) fn table(&self, name: &ObjectName) -> Result<(&'a Named, Arc<Table>), Fault> {
        let named = self.named(name)?;
        match &named.table {
            Some(table) => Ok((named, Arc::clone(table))),
            None => Err(undefined_table(name)),
        }
    }

    /// The table as it is named on the backend.
    pub(super) fn physical(&self, named: &Named) -> Sql {
        let (schema, name) = match &named.table {
            Some(table) => (table.schema.as_ref().or(named.physical_schema.as_ref()), &named.physical_name),
            None => (named.physical_schema.as_ref(), &named.physical_name),
        };
        match schema {
            Some(schema) => dotted(schema, name),
            None => quoted(name),
        }
    }

    /// A name for a source that no other source of the statement was printed with.
    pub(super) fn alias(&mut self, wanted: &str) -> String {
        let mut name = wanted.to_owned();
        let mut number = 2;
        // MySQL's names are 64 characters, its aliases match without case on some systems.
        if name.is_empty() || name.chars().count() > 50 || name.ends_with(' ') {
            name = "hf".to_owned();
        }
        let stem = name.clone();
        while !self.aliases.insert(name.to_lowercase()) {
            name = format!("{stem}_{number}");
            number += 1;
        }
        name
    }

    /// The columns of a table, qualified as `printed`, which is in quotes already.
    pub(super) fn columns_of(&self, table: &Table, printed: &Sql) -> Vec<ScopeColumn> {
        table.columns.iter().map(|column| self.column_of(column, printed)).collect()
    }

    fn column_of(&self, column: &Column, printed: &Sql) -> ScopeColumn {
        let mut sql = printed.clone();
        sql.push(".").append(quoted(&column.name));
        let (ty, member) = match &column.ty {
            ColumnType::My(my) => (mapping::seen_by_pg(my), matches!(my, MyType::Enum(_) | MyType::Set(_))),
            ColumnType::Pg(pg) => (pg.clone(), false),
        };
        // An ENUM sorts by its number and compares with numbers: as text it is only a text.
        let sql = if member { sql.wrapped("CONVERT(", " USING utf8mb4)") } else { sql };
        let exact = !member
            && match self.engine() {
                Engine::Mariadb => column.collation.as_deref() == Some("utf8mb4_nopad_bin"),
                Engine::Mysql | Engine::Postgres => column.collation.as_deref() == Some("utf8mb4_0900_bin"),
            };
        let unicode = member || column.charset.as_deref().is_none_or(|c| c.eq_ignore_ascii_case("utf8mb4"));
        let nullable = !column.not_null;
        ScopeColumn { name: column.name.clone(), ty, sql, exact, unicode, shown: None, nullable, hidden: false }
    }

    /// The type that the client sees for a column of a table.
    pub(super) fn seen(&self, column: &Column) -> PgType {
        match &column.ty {
            ColumnType::My(my) => mapping::seen_by_pg(my),
            ColumnType::Pg(pg) => pg.clone(),
        }
    }

    /// A column of a scope as an expression.
    pub(super) fn of_column(&self, found: &ScopeColumn) -> Typed {
        let mut typed = Typed::new(found.sql.clone(), found.ty.clone());
        typed.exact = found.exact;
        typed.shown.clone_from(&found.shown);
        if is_text(&typed.ty) && !found.unicode {
            typed.sql = typed.sql.wrapped("CONVERT(", " USING utf8mb4)");
        }
        if typed.ty == PgType::Float4 && typed.shown.is_none() {
            // MySQL prints a FLOAT with six digits only; as a DOUBLE it has them all.
            typed.shown = Some(typed.sql.clone().wrapped("(", " + 0e0)"));
        }
        typed
    }

    /// A query's output as a source: its columns are `c1`, `c2` … there.
    pub(super) fn source_of(
        &self,
        client: &str,
        printed: &str,
        columns: &[ScopeColumn],
        renamed: &[Ident],
    ) -> Result<Source, Fault> {
        if renamed.len() > columns.len() {
            let what = format!(
                "table \"{client}\" has {} columns available but {} columns specified",
                columns.len(),
                renamed.len()
            );
            return Err(Fault::new(FaultKind::AmbiguousColumn, what));
        }
        let columns = columns.iter().enumerate().map(|(n, column)| ScopeColumn {
            name: renamed.get(n).map_or_else(|| column.name.clone(), fold),
            sql: dotted(printed, &output(n)),
            shown: column.shown.as_ref().map(|_| dotted(printed, &output_shown(n))),
            hidden: false,
            ..column.clone()
        });
        Ok(Source { alias: client.to_owned(), schema: None, columns: columns.collect(), table: None, body: None })
    }
}

/// PostgreSQL's 42P01.
pub(super) fn undefined_table(name: &ObjectName) -> Fault {
    let folded: Vec<String> = name
        .0
        .iter()
        .map(|part| match part {
            ObjectNamePart::Identifier(ident) => fold(ident),
            other @ ObjectNamePart::Function(_) => other.to_string(),
        })
        .collect();
    Fault::new(FaultKind::UndefinedTable, format!("relation \"{}\" does not exist", folded.join(".")))
}
