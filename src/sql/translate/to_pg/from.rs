//! FROM: tables, CTEs and subqueries.

use std::sync::Arc;

use sqlparser::ast::{Query, TableAlias, TableFactor, TableWithJoins};

use super::Walk;
use super::scope::{Scope, Source};
use super::source::{name, parts, physical};
use crate::base::{Fault, FaultKind};
use crate::sql::translate::{Sql, Table};

/// A FROM clause, or a part of one.
#[derive(Debug, Default)]
pub(super) struct From {
    pub(super) sql: Sql,
    pub(super) sources: Vec<Source>,
    /// What `*` gives, as places in `sources` and their columns.
    pub(super) star: Vec<(usize, usize)>,
    /// Beside `sources`.
    pub(super) places: Vec<Place>,
}

/// What stands behind a source.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// A table of the catalog, and how it is printed.
    pub(super) table: Option<(Arc<Table>, Sql)>,
    /// On the side of an outer join that may have no row.
    pub(super) optional: bool,
}

impl Walk<'_> {
    /// All of FROM: a list with commas.
    pub(super) fn from(&mut self, list: &[TableWithJoins], outer: Option<&Scope<'_>>) -> Result<From, Fault> {
        let mut all = From::default();
        for (at, item) in list.iter().enumerate() {
            if list.len() == 1 && is_dual(&item.relation) && item.joins.is_empty() {
                return Ok(all);
            }
            let one = self.joined(item, &all, outer)?;
            if at > 0 {
                all.sql.push(", ");
            }
            all.sql.append(one.sql.clone());
            self.side_by_side(&mut all, one)?;
        }
        Ok(all)
    }

    /// Puts the sources of one part behind those of another.
    pub(super) fn side_by_side(&self, left: &mut From, right: From) -> Result<(), Fault> {
        let shift = left.sources.len();
        for source in &right.sources {
            if left.sources.iter().any(|s| s.alias == source.alias) {
                let what = format!("Not unique table/alias: '{}'", source.alias);
                return Err(Fault::new(FaultKind::DuplicateAlias, what));
            }
        }
        left.star.extend(right.star.iter().map(|(s, c)| (s + shift, *c)));
        left.sources.extend(right.sources);
        left.places.extend(right.places);
        Ok(())
    }

    /// One factor. `before`: what a LATERAL subquery sees.
    pub(super) fn factor(
        &mut self,
        factor: &TableFactor,
        before: &From,
        outer: Option<&Scope<'_>>,
    ) -> Result<From, Fault> {
        match factor {
            TableFactor::Table {
                name,
                alias,
                args: None,
                with_hints,
                version: None,
                with_ordinality: false,
                partitions,
                json_path: None,
                sample: None,
                // Hints to MySQL's optimizer mean nothing to another one, and nothing to the result.
                index_hints: _,
            } if with_hints.is_empty() && partitions.is_empty() => self.table_factor(name, alias.as_ref()),
            TableFactor::Derived { lateral, subquery, alias: Some(alias), sample: None } => {
                self.derived_factor(*lateral, subquery, alias, before, outer)
            }
            TableFactor::Derived { lateral: _, subquery: _, alias: None, sample: _ } => {
                Err(Fault::new(FaultKind::Syntax, "Every derived table must have its own alias"))
            }
            TableFactor::NestedJoin { table_with_joins, alias: None } => {
                let mut inner = self.joined(table_with_joins, before, outer)?;
                inner.sql = std::mem::take(&mut inner.sql).wrapped("(", ")");
                Ok(inner)
            }
            TableFactor::JsonTable { .. } => Err(self.refused("JSON_TABLE")),
            TableFactor::Table { partitions, .. } if !partitions.is_empty() => Err(self.refused("PARTITION (…)")),
            other => Err(self.refused(format_args!("{other} in FROM"))),
        }
    }

    fn table_factor(&mut self, object: &sqlparser::ast::ObjectName, alias: Option<&TableAlias>) -> Result<From, Fault> {
        if let Some(TableAlias { columns, at, .. }) = alias
            && (!columns.is_empty() || at.is_some())
        {
            return Err(self.refused("a column list behind a table's alias"));
        }
        let alias = alias.map(|a| a.name.value.as_str());
        if let Some([one]) = parts(object).as_deref()
            && let Some(cte) = self.ctes.iter().rev().find(|c| c.name == one.value)
        {
            let cte = cte.clone();
            let shown = alias.unwrap_or(&cte.name);
            self.name_fits(shown)?;
            let mut sql = name(&cte.name);
            sql.push(" AS ").append(name(shown));
            let columns = cte.columns.into_iter().map(|mut column| {
                column.sql = std::mem::take(&mut column.sql);
                let mut printed = name(shown);
                printed.push(".").append(column.sql);
                column.sql = printed;
                column
            });
            let source = Source { alias: shown.to_owned(), schema: None, columns: columns.collect() };
            return Ok(single(sql, source, None));
        }
        let (named, table) = self.table(object)?;
        let source = self.source(named, &table, alias)?;
        let physical = physical(named);
        let mut sql = physical.clone();
        sql.push(" AS ").append(name(&source.alias));
        Ok(single(sql, source, Some((table, physical))))
    }

    fn derived_factor(
        &mut self,
        lateral: bool,
        subquery: &Query,
        alias: &TableAlias,
        before: &From,
        outer: Option<&Scope<'_>>,
    ) -> Result<From, Fault> {
        let TableAlias { explicit: _, name: shown, columns, at } = alias;
        if at.is_some() || columns.iter().any(|c| c.data_type.is_some()) {
            return Err(self.refused("types behind a derived table's alias"));
        }
        self.name_fits(&shown.value)?;
        let selected = if lateral {
            let scope = Scope { outer, sources: before.sources.clone() };
            self.query(subquery, Some(&scope))?
        } else {
            self.query(subquery, outer)?
        };
        let given: Vec<String> = columns.iter().map(|c| c.name.value.clone()).collect();
        let (list, columns) = self.derived(&selected, &shown.value, &given)?;
        let mut sql = selected.sql.wrapped(if lateral { "LATERAL (" } else { "(" }, ") AS ");
        sql.append(name(&shown.value)).append(list);
        Ok(single(sql, Source { alias: shown.value.clone(), schema: None, columns }, None))
    }
}

fn single(sql: Sql, source: Source, table: Option<(Arc<Table>, Sql)>) -> From {
    let star = (0..source.columns.len()).map(|c| (0, c)).collect();
    From { sql, sources: vec![source], star, places: vec![Place { table, optional: false }] }
}

/// `FROM dual`: no table at all.
fn is_dual(factor: &TableFactor) -> bool {
    match factor {
        TableFactor::Table { name, alias: None, .. } => {
            matches!(parts(name).as_deref(), Some([one]) if one.value.eq_ignore_ascii_case("dual"))
        }
        _ => false,
    }
}
