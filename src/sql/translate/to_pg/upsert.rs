//! ON DUPLICATE KEY UPDATE and REPLACE.
//!
//! MySQL takes whichever unique key a row hits, one after the other; PostgreSQL must be told one. So there must be exactly
//! one that the rows at hand can hit.

use std::ops::ControlFlow;

use sqlparser::ast::{
    Assignment, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, InsertAliases, VisitMut, VisitorMut,
};

use super::Walk;
use super::assign::any_differs;
use super::insert::{Source, Target};
use super::scope::{self, Scope};
use super::source::{name, parts, unknown_column};
use crate::base::Fault;
use crate::sql::Access;
use crate::sql::translate::{Column, Default, Gives, Sql, Step, ToPg, Unique, Verb};

/// What is known of a value before it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Given {
    /// DEFAULT, or nothing.
    Default,
    /// NULL, written.
    Null,
    /// Something.
    Value,
}

/// The name of the proposed row, by which VALUES(c) is looked up: no client can write it.
const PROPOSED: &str = "VALUES()";

impl Walk<'_> {
    /// The one unique key that these rows can hit; `None`: none.
    fn conflict<'t>(&self, target: &'t Target<'_>, rows: &Source, what: &str) -> Result<Option<&'t Unique>, Fault> {
        let table = &target.table;
        if table.view {
            return Err(self.refused(format_args!("{what} into a view")));
        }
        if table.other_uniques {
            return Err(
                self.refused(format_args!("{what} on a table with a unique index that is partial or on expressions"))
            );
        }
        let columns = self.filled(target);
        let mut hits = table.uniques.iter().filter(|unique| {
            rows.given.iter().any(|row| {
                unique.columns.iter().all(|key| {
                    let at = columns.iter().position(|c| c.name == *key);
                    let given = at.and_then(|at| row.get(at)).copied().unwrap_or(Given::Default);
                    let default = table.column(key).map_or(&Default::None, |c| &c.default);
                    match given {
                        Given::Value => true,
                        Given::Null => false,
                        Given::Default => matches!(default, Default::Expression(_) | Default::Computed),
                    }
                })
            })
        });
        match (hits.next(), hits.next()) {
            (first, None) => Ok(first),
            (_, Some(_)) => Err(self
                .refused(format_args!("{what} on a table with several unique keys that the row can hit"))
                .hint("Leave out the columns of all but one, or write UPDATE and INSERT.")),
        }
    }

    /// INSERT … ON DUPLICATE KEY UPDATE.
    pub(super) fn upserted(
        &mut self,
        mut sql: Sql,
        target: &Target<'_>,
        rows: &Source,
        list: &[Assignment],
        alias: Option<&InsertAliases>,
    ) -> Result<ToPg, Fault> {
        let mut scope = self.upsert_scope(target, alias)?;
        let list: Vec<Assignment> = list.iter().map(proposed).collect();
        let changes = self.changes(&list, &target.table, 0, &mut scope, true)?;
        let own = &target.named.name;
        let Some(key) = self.conflict(target, rows, "ON DUPLICATE KEY UPDATE")? else {
            sql.push(" RETURNING ").append(self.key(target, rows)).push(", 1").append(self.shown_key(target, rows));
            return self.given(sql, target, rows);
        };
        sql.append(on_conflict(key)).push(" DO UPDATE SET ");
        sql.append(Sql::joined(changes.iter().map(super::assign::Change::set), ", "));
        let differs = any_differs(&changes, own);
        let unchanged = differs.is_some();
        if let Some(differs) = differs {
            sql.push(" WHERE ").append(differs);
        }
        // A row that was there has been locked by this very transaction.
        let mut fresh = name(own);
        fresh.push(".xmax = 0");
        let mut returning = fresh.clone().wrapped(" RETURNING CASE WHEN ", " THEN ");
        returning.append(self.key(target, rows)).push(" END AS \"k\", CASE WHEN ").append(fresh);
        returning.push(" THEN 1 ELSE 2 END AS \"n\"").append(self.shown_key(target, rows));
        sql.append(returning);
        if self.request.facts.found_rows && unchanged {
            sql = self.with_unchanged(sql, rows, "INSERT … SELECT … ON DUPLICATE KEY UPDATE that counts found rows")?;
        }
        self.given(sql, target, rows)
    }

    /// Rows that were there and stay as they are: each counts as one.
    fn with_unchanged(&self, sql: Sql, rows: &Source, what: &str) -> Result<Sql, Fault> {
        let Some(count) = rows.rows else { return Err(self.refused(what)) };
        let mut sql = sql.wrapped("WITH \"part\" AS (", ") SELECT \"k\", \"n\", \"s\" FROM \"part\"");
        sql.push(&format!(
            " UNION ALL SELECT NULL, 1, NULL FROM generate_series(1, {count} - (SELECT count(*) FROM \"part\"))"
        ));
        Ok(sql)
    }

    fn given(&mut self, sql: Sql, target: &Target<'_>, rows: &Source) -> Result<ToPg, Fault> {
        let mut steps = vec![Step { sql, gives: Gives::Generated }];
        steps.extend(self.catch_up(target, rows)?);
        Ok(self.done(steps, Vec::new(), Verb::Insert, Access::Write))
    }

    /// The row that is there, and the one that was to be.
    fn upsert_scope(&self, target: &Target<'_>, alias: Option<&InsertAliases>) -> Result<Scope<'static>, Fault> {
        let there = self.source(target.named, &target.table, None)?;
        let mut new = self.source(target.named, &target.table, Some("excluded"))?;
        new.columns.iter_mut().for_each(|c| c.hidden = true);
        new.alias = PROPOSED.to_owned();
        let mut sources = vec![there, new.clone()];
        if let Some(InsertAliases { row_alias, col_aliases }) = alias {
            let words = parts(row_alias).unwrap_or_default();
            let [one] = words.as_slice() else { return Err(self.refused("this alias of the new row")) };
            let mut named = new;
            named.alias = one.value.clone();
            if let Some(aliases) = col_aliases.as_ref().filter(|list| !list.is_empty()) {
                named.columns = self.renamed(target, &named, aliases)?;
            }
            sources.push(named);
        }
        Ok(Scope { outer: None, sources })
    }

    fn renamed(
        &self,
        target: &Target<'_>,
        source: &scope::Source,
        aliases: &[Ident],
    ) -> Result<Vec<scope::ScopeColumn>, Fault> {
        let columns = self.filled(target);
        if columns.len() != aliases.len() {
            return Err(self.refused("a list of column aliases of another length"));
        }
        let mut out = Vec::with_capacity(aliases.len());
        for (column, alias) in columns.iter().zip(aliases) {
            let found = source.columns.iter().find(|c| c.name == column.name);
            let found = found.ok_or_else(|| unknown_column(&column.name, "field list"))?;
            let named = scope::ScopeColumn { name: alias.value.clone(), hidden: false, ..found.clone() };
            out.push(named);
        }
        Ok(out)
    }

    /// REPLACE: the new row stands where the old one was, with defaults for what it does not name.
    pub(super) fn replaced(
        &mut self,
        mut sql: Sql,
        target: &Target<'_>,
        rows: &Source,
        returning: bool,
    ) -> Result<ToPg, Fault> {
        if returning {
            return Err(self.refused("REPLACE … RETURNING"));
        }
        // MySQL deletes the old row, and foreign keys act on that or forbid it.
        if target.table.referenced {
            return Err(self.refused("REPLACE on a table that foreign keys refer to"));
        }
        let Some(key) = self.conflict(target, rows, "REPLACE")? else {
            sql.push(" RETURNING ").append(self.key(target, rows)).push(", 1").append(self.shown_key(target, rows));
            return self.given(sql, target, rows);
        };
        let own = &target.named.name;
        let rest: Vec<&Column> = target
            .table
            .columns
            .iter()
            .filter(|c| !key.columns.contains(&c.name) && c.default != Default::Computed)
            .collect();
        sql.append(on_conflict(key)).push(" DO UPDATE SET ");
        let set = |c: &Column| {
            let mut one = name(&c.name);
            one.push(" = \"excluded\".").append(name(&c.name));
            one
        };
        let all: Vec<Sql> = if rest.is_empty() {
            target.table.columns.iter().filter(|c| key.columns.contains(&c.name)).map(set).collect()
        } else {
            rest.iter().map(|c| set(c)).collect()
        };
        sql.append(Sql::joined(all, ", "));
        // MySQL writes over a row by its last unique key in place, and counts one if nothing changes.
        let in_place = target.table.uniques.last().is_some_and(|last| last == key) && !rest.is_empty();
        if in_place {
            let differs = rest.iter().map(|c| unlike(own, c));
            sql.push(" WHERE ").append(Sql::joined(differs, " OR "));
        }
        let mut fresh = name(own);
        fresh.push(".xmax = 0");
        sql.push(" RETURNING ").append(self.key(target, rows)).push(" AS \"k\", CASE WHEN ").append(fresh);
        sql.push(" THEN 1 ELSE 2 END AS \"n\"").append(self.shown_key(target, rows));
        if in_place {
            sql = self.with_unchanged(sql, rows, "REPLACE … SELECT")?;
        }
        self.given(sql, target, rows)
    }
}

/// Whether the row that is there has another value than the proposed one.
fn unlike(own: &str, column: &Column) -> Sql {
    let side = |alias: &str| {
        let mut sql = name(alias);
        sql.push(".").append(name(&column.name));
        let json = super::source::pg_type(column) == crate::wire::value::PgType::Json;
        if json { sql.wrapped("CAST(", " AS text)") } else { sql }
    };
    let mut sql = side(own);
    sql.push(" IS DISTINCT FROM ").append(side("excluded"));
    sql
}

fn on_conflict(key: &Unique) -> Sql {
    Sql::joined(key.columns.iter().map(|c| name(c)), ", ").wrapped(" ON CONFLICT (", ")")
}

/// The assignment with VALUES(c) as a column of the proposed row.
fn proposed(assignment: &Assignment) -> Assignment {
    struct Put;
    impl VisitorMut for Put {
        type Break = ();
        fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
            if let Some(ident) = values_of(expr) {
                *expr = Expr::CompoundIdentifier(vec![Ident::new(PROPOSED), ident]);
            }
            ControlFlow::Continue(())
        }
    }
    let mut out = assignment.clone();
    let flow = VisitMut::visit(&mut out.value, &mut Put);
    debug_assert!(flow.is_continue(), "nothing here breaks");
    out
}

/// The column of `VALUES(column)`.
fn values_of(expr: &Expr) -> Option<Ident> {
    let Expr::Function(function) = expr else { return None };
    let name = function.name.to_string();
    if !name.eq_ignore_ascii_case("values") && !name.eq_ignore_ascii_case("value") {
        return None;
    }
    let FunctionArguments::List(list) = &function.args else { return None };
    match list.args.as_slice() {
        [FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Identifier(ident)))] => Some(ident.clone()),
        [FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::CompoundIdentifier(idents)))] => idents.last().cloned(),
        _ => None,
    }
}
