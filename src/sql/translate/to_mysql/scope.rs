//! What names mean at one place of a statement.

use std::sync::Arc;

use sqlparser::ast::Ident;

use crate::base::{Fault, FaultKind};
use crate::sql::translate::{Sql, Table};
use crate::wire::value::PgType;

/// The sources of one SELECT, UPDATE …, and of those around it.
#[derive(Debug, Default)]
pub(in crate::sql::translate) struct Scope<'a> {
    pub(in crate::sql::translate) outer: Option<&'a Scope<'a>>,
    pub(in crate::sql::translate) sources: Vec<Source>,
    /// What an unqualified name and `*` mean, in order, where joins by USING merged columns; `None`: every column of the
    /// sources that is not hidden.
    pub(in crate::sql::translate) star: Option<Vec<ScopeColumn>>,
    /// WITH queries that can be named here, the nearest last.
    pub(in crate::sql::translate) ctes: Vec<Source>,
}

/// A table, subquery or CTE in FROM.
#[derive(Clone, Debug)]
pub(in crate::sql::translate) struct Source {
    /// The name by which columns are qualified.
    pub(in crate::sql::translate) alias: String,
    /// Its schema as the client may write it, if the alias is the table's own name.
    pub(in crate::sql::translate) schema: Option<String>,
    pub(in crate::sql::translate) columns: Vec<ScopeColumn>,
    /// The table behind it, if it is one.
    pub(in crate::sql::translate) table: Option<Arc<Table>>,
    /// A WITH query that is printed where it is used, for statements that have no WITH on the backend.
    pub(in crate::sql::translate) body: Option<Sql>,
}

/// A column that can be named.
#[derive(Clone, Debug)]
pub(in crate::sql::translate) struct ScopeColumn {
    /// As the client names it.
    pub(in crate::sql::translate) name: String,
    pub(in crate::sql::translate) ty: PgType,
    /// How it is printed, qualified: `` `a`.`name` ``.
    pub(in crate::sql::translate) sql: Sql,
    /// For text: it compares as PostgreSQL does without a COLLATE.
    pub(in crate::sql::translate) exact: bool,
    /// For text: its character set is utf8mb4.
    pub(in crate::sql::translate) unicode: bool,
    /// How it is printed in the outermost result, where that differs from [`Self::sql`].
    pub(in crate::sql::translate) shown: Option<Sql>,
    /// It can be NULL.
    pub(in crate::sql::translate) nullable: bool,
    /// Joined by USING or NATURAL: the second one is not among `*`.
    pub(in crate::sql::translate) hidden: bool,
}

impl Scope<'_> {
    /// The column that a name means: `[column]`, `[table, column]` or `[schema, table, column]`; here, else in the scopes
    /// around.
    ///
    /// Errors: PostgreSQL's 42703, 42702 and 42P01.
    pub(in crate::sql::translate) fn lookup(&self, path: &[Ident]) -> Result<&ScopeColumn, Fault> {
        let folded: Vec<String> = path.iter().map(fold).collect();
        let (schema, table, column) = match folded.as_slice() {
            [column] => (None, None, column),
            [table, column] => (None, Some(table), column),
            [schema, table, column] => (Some(schema), Some(table), column),
            _ => {
                return Err(Fault::new(
                    FaultKind::UndefinedColumn,
                    format!("column {} does not exist", folded.join(".")),
                ));
            }
        };
        let mut scope = Some(self);
        while let Some(here) = scope {
            if let Some(found) = here.find(schema, table, column)? {
                return Ok(found);
            }
            scope = here.outer;
        }
        Err(match table {
            None => Fault::new(FaultKind::UndefinedColumn, format!("column \"{column}\" does not exist")),
            Some(table) => {
                Fault::new(FaultKind::UndefinedTable, format!("missing FROM-clause entry for table \"{table}\""))
            }
        })
    }

    /// The source that is called so, of this scope only.
    pub(in crate::sql::translate) fn source(&self, schema: Option<&String>, name: &str) -> Option<&Source> {
        self.sources.iter().find(|s| s.alias == name && (schema.is_none() || s.schema.as_ref() == schema))
    }

    /// What `*` stands for.
    pub(in crate::sql::translate) fn all_columns(&self) -> Vec<&ScopeColumn> {
        match &self.star {
            Some(star) => star.iter().collect(),
            None => self.sources.iter().flat_map(|s| &s.columns).filter(|c| !c.hidden).collect(),
        }
    }

    /// The WITH query of this name, here or around.
    pub(in crate::sql::translate) fn cte(&self, name: &str) -> Option<&Source> {
        let mut scope = Some(self);
        while let Some(here) = scope {
            if let Some(found) = here.ctes.iter().rev().find(|c| c.alias == name) {
                return Some(found);
            }
            scope = here.outer;
        }
        None
    }

    fn find(
        &self,
        schema: Option<&String>,
        table: Option<&String>,
        column: &str,
    ) -> Result<Option<&ScopeColumn>, Fault> {
        let Some(table) = table else {
            let columns = self.all_columns();
            return one(columns.into_iter(), column);
        };
        let Some(source) = self.source(schema, table) else { return Ok(None) };
        match one(source.columns.iter(), column)? {
            Some(found) => Ok(Some(found)),
            None => Err(Fault::new(FaultKind::UndefinedColumn, format!("column {table}.{column} does not exist"))),
        }
    }
}

/// Columns of tables on MySQL match without case when no exact one is there.
fn one<'c>(
    columns: impl Iterator<Item = &'c ScopeColumn> + Clone,
    name: &str,
) -> Result<Option<&'c ScopeColumn>, Fault> {
    let mut exact = columns.clone().filter(|c| c.name == name);
    let (mut found, mut second) = (exact.next(), exact.next());
    if found.is_none() {
        let mut like = columns.filter(|c| c.name.eq_ignore_ascii_case(name));
        (found, second) = (like.next(), like.next());
    }
    match second {
        Some(_) => Err(Fault::new(FaultKind::AmbiguousColumn, format!("column reference \"{name}\" is ambiguous"))),
        None => Ok(found),
    }
}

/// A name as PostgreSQL folds it: ASCII letters to lower case unless quoted; 63 bytes at most.
pub(in crate::sql::translate) fn fold(ident: &Ident) -> String {
    let mut name = if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_ascii_lowercase() };
    if name.len() > 63 {
        let end = (0..=63).rev().find(|&at| name.is_char_boundary(at)).unwrap_or(0);
        name.truncate(end);
    }
    name
}
