//! PostgreSQL's rule of GROUP BY (42803): outside of aggregates there are only grouped expressions, and columns that
//! depend on a grouped primary key. MySQL without ONLY_FULL_GROUP_BY would give any row's value instead.

use std::ops::ControlFlow;

use sqlparser::ast::{
    Expr, Function, GroupByExpr, Ident, ObjectNamePart, Select, Value, Visit, Visitor, visit_expressions_mut,
};
use sqlparser::tokenizer::Span;

use super::scope::{Scope, ScopeColumn, fold};
use super::select::Item;
use super::{Typed, Walk};
use crate::base::{Fault, FaultKind};
use crate::sql::translate::Sql;

/// The quote of a name that stands for a resolved column.
const RESOLVED: char = '\u{1}';

/// PostgreSQL's aggregates.
const AGGREGATES: &[&str] = &[
    "count",
    "sum",
    "avg",
    "min",
    "max",
    "array_agg",
    "string_agg",
    "bool_and",
    "bool_or",
    "every",
    "bit_and",
    "bit_or",
    "bit_xor",
    "json_agg",
    "jsonb_agg",
    "json_object_agg",
    "jsonb_object_agg",
    "stddev",
    "stddev_pop",
    "stddev_samp",
    "variance",
    "var_pop",
    "var_samp",
    "corr",
    "covar_pop",
    "covar_samp",
    "percentile_cont",
    "percentile_disc",
    "mode",
    "any_value",
    "xmlagg",
];

/// What a SELECT is grouped by.
#[derive(Default)]
pub(super) struct Groups {
    keys: Vec<Expr>,
    /// Columns that the keys decide.
    dependent: Vec<Expr>,
    pub(super) printed: Vec<Sql>,
}

impl Groups {
    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

/// A resolved column as an expression.
pub(super) fn column_key(column: &ScopeColumn) -> Expr {
    let value = format!("{:?}", column.sql.parts());
    Expr::Identifier(Ident { value, quote_style: Some(RESOLVED), span: Span::empty() })
}

/// An expression with its names resolved, for comparing: two that are equal have one value.
pub(super) fn canonical(expr: &Expr, scope: &Scope<'_>) -> Expr {
    let mut out = expr.clone();
    let walked: ControlFlow<()> = visit_expressions_mut(&mut out, |expr| {
        let column = match expr {
            Expr::Identifier(name) => scope.lookup(std::slice::from_ref(name)).ok(),
            Expr::CompoundIdentifier(path) => scope.lookup(path).ok(),
            Expr::Nested(inner) => {
                let inner = std::mem::replace(inner.as_mut(), Expr::value(Value::Null));
                *expr = inner;
                None
            }
            Expr::Function(Function { name, .. }) => {
                for part in &mut name.0 {
                    if let ObjectNamePart::Identifier(ident) = part {
                        *ident = Ident::new(fold(ident));
                    }
                }
                None
            }
            _ => None,
        };
        if let Some(column) = column {
            *expr = column_key(column);
        }
        ControlFlow::Continue(())
    });
    debug_assert!(walked.is_continue(), "nothing breaks this walk");
    out
}

fn is_column(expr: &Expr) -> bool {
    matches!(expr, Expr::Identifier(name) if name.quote_style == Some(RESOLVED))
}

fn is_aggregate(expr: &Expr) -> bool {
    let Expr::Function(Function { name, over: None, .. }) = expr else { return false };
    matches!(name.0.last(), Some(ObjectNamePart::Identifier(name)) if AGGREGATES.contains(&fold(name).as_str()))
}

/// Whether a canonical expression has columns outside of aggregates.
pub(super) fn bare_columns(expr: &Expr) -> bool {
    let none = Groups::default();
    let mut check = Check { groups: &none, skip: 0, subqueries: true };
    expr.visit(&mut check).is_break()
}

/// Looks for a column that is neither grouped nor aggregated.
struct Check<'g> {
    groups: &'g Groups,
    /// Within something that is fine as a whole: how deep.
    skip: usize,
    /// Columns within subqueries count.
    subqueries: bool,
}

impl Visitor for Check<'_> {
    type Break = Expr;

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Expr> {
        if self.skip > 0 {
            self.skip += 1;
            return ControlFlow::Continue(());
        }
        if is_aggregate(expr) || self.groups.keys.contains(expr) {
            self.skip = 1;
            return ControlFlow::Continue(());
        }
        if is_column(expr) && !self.groups.dependent.contains(expr) {
            return ControlFlow::Break(expr.clone());
        }
        if !self.subqueries && matches!(expr, Expr::Subquery(_) | Expr::Exists { .. } | Expr::InSubquery { .. }) {
            self.skip = 1;
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, _expr: &Expr) -> ControlFlow<Expr> {
        self.skip = self.skip.saturating_sub(1);
        ControlFlow::Continue(())
    }
}

impl Walk<'_> {
    /// What GROUP BY names: input columns, output columns by number or name, or expressions.
    pub(super) fn groups(&mut self, select: &Select, items: &[Item], scope: &Scope<'_>) -> Result<Groups, Fault> {
        let GroupByExpr::Expressions(list, modifiers) = &select.group_by else {
            return Err(self.refused("GROUP BY ALL"));
        };
        if !modifiers.is_empty() {
            return Err(self.refused("ROLLUP, CUBE or GROUPING SETS"));
        }
        let mut groups = Groups::default();
        for expr in list {
            let (key, typed) = self.group(expr, items, scope)?;
            if typed.aggregate {
                return Err(Fault::new(FaultKind::Grouping, "aggregate functions are not allowed in GROUP BY"));
            }
            if typed.open.is_some() {
                return Err(self.refused("GROUP BY a constant"));
            }
            self.groupable(&typed.ty)?;
            groups.printed.push(self.comparable(&typed));
            groups.keys.push(key);
        }
        for source in &scope.sources {
            let Some(primary) = source.table.as_ref().and_then(|t| t.primary()) else { continue };
            let table_columns = source.table.iter().flat_map(|t| &t.columns);
            let keyed = |name: &String| {
                let mut pairs = table_columns.clone().zip(&source.columns);
                pairs.any(|(c, seen)| c.name == *name && groups.keys.contains(&column_key(seen)))
            };
            if primary.columns.iter().all(keyed) {
                groups.dependent.extend(source.columns.iter().map(column_key));
            }
        }
        Ok(groups)
    }

    fn group(&mut self, expr: &Expr, items: &[Item], scope: &Scope<'_>) -> Result<(Expr, Typed), Fault> {
        let item = |at: usize| items.get(at).map(|i| (i.canonical.clone(), i.typed.clone()));
        match expr {
            Expr::Rollup(_) | Expr::Cube(_) | Expr::GroupingSets(_) => {
                return Err(self.refused("ROLLUP, CUBE or GROUPING SETS"));
            }
            Expr::Tuple(_) => return Err(self.refused("GROUP BY a row")),
            Expr::Value(value) if matches!(value.value, Value::Number(..)) => {
                let Value::Number(digits, _) = &value.value else { return Err(self.refused("GROUP BY a constant")) };
                let found = digits.parse::<usize>().ok().and_then(|n| n.checked_sub(1)).and_then(item);
                return found.ok_or_else(|| {
                    let what = format!("GROUP BY position {digits} is not in select list");
                    Fault::new(FaultKind::UndefinedColumn, what)
                });
            }
            Expr::Identifier(name) => {
                let here =
                    Scope { outer: None, sources: scope.sources.clone(), star: scope.star.clone(), ctes: vec![] };
                let missing = matches!(
                    here.lookup(std::slice::from_ref(name)),
                    Err(Fault { kind: FaultKind::UndefinedColumn, .. })
                );
                let name = fold(name);
                let named = items.iter().position(|i| i.name == name);
                if let (true, Some(found)) = (missing, named.and_then(item)) {
                    return Ok(found);
                }
            }
            _ => {}
        }
        let typed = self.expr(expr, scope)?;
        Ok((canonical(expr, scope), typed))
    }

    /// Refuses an expression of a grouped query that has no one value for a group.
    pub(super) fn check_grouped(&self, canonical: &Expr, scope: &Scope<'_>, groups: &Groups) -> Result<(), Fault> {
        let own: Vec<&ScopeColumn> =
            scope.sources.iter().flat_map(|s| &s.columns).chain(scope.star.iter().flatten()).collect();
        let mut around = Groups { keys: groups.keys.clone(), dependent: groups.dependent.clone(), printed: Vec::new() };
        // Columns of queries around are constants here.
        let mut outer = scope.outer;
        while let Some(scope) = outer {
            around.dependent.extend(scope.all_columns().into_iter().map(column_key));
            around.dependent.extend(scope.sources.iter().flat_map(|s| &s.columns).map(column_key));
            outer = scope.outer;
        }
        let mut check = Check { groups: &around, skip: 0, subqueries: false };
        if let ControlFlow::Break(found) = canonical.visit(&mut check) {
            let name = own.iter().find(|c| column_key(c) == found).map_or("?", |c| c.name.as_str());
            let what =
                format!("column \"{name}\" must appear in the GROUP BY clause or be used in an aggregate function");
            return Err(Fault::new(FaultKind::Grouping, what));
        }
        let mut check = Check { groups: &around, skip: 0, subqueries: true };
        if canonical.visit(&mut check).is_break() {
            return Err(self.refused("a subquery with ungrouped columns of the query around it"));
        }
        Ok(())
    }
}
