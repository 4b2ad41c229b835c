//! Aliases of the select list in GROUP BY, HAVING and ORDER BY.

use std::ops::ControlFlow;

use sqlparser::ast::{Expr, Ident, Query, Value, Visit, VisitMut, Visitor, VisitorMut};

use super::scope::Scope;
use super::source::find;

/// Aggregate functions of MySQL and MariaDB.
const AGGREGATES: &[&str] = &[
    "COUNT",
    "SUM",
    "AVG",
    "MIN",
    "MAX",
    "GROUP_CONCAT",
    "BIT_AND",
    "BIT_OR",
    "BIT_XOR",
    "STD",
    "STDDEV",
    "STDDEV_POP",
    "STDDEV_SAMP",
    "VAR_POP",
    "VAR_SAMP",
    "VARIANCE",
    "JSON_ARRAYAGG",
    "JSON_OBJECTAGG",
];

/// An item of the select list as it may be named behind it.
#[derive(Clone, Debug)]
pub(super) struct Named {
    /// Its alias, if it has one.
    pub(super) alias: Option<String>,
    pub(super) expr: Option<Expr>,
}

/// Which wins where a name is both an alias and a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Prefer {
    Alias,
    Column,
}

/// Whether an expression is an aggregate function of this query.
fn is_aggregate(expr: &Expr) -> bool {
    let Expr::Function(function) = expr else { return false };
    function.over.is_none() && AGGREGATES.contains(&function.name.to_string().to_uppercase().as_str())
}

/// Whether it holds an aggregate function, outside of subqueries.
pub(super) fn has_aggregate(expr: &Expr) -> bool {
    struct Seek(usize);
    impl Visitor for Seek {
        type Break = ();
        fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
            self.0 += 1;
            ControlFlow::Continue(())
        }
        fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
            self.0 -= 1;
            ControlFlow::Continue(())
        }
        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            if self.0 == 0 && is_aggregate(expr) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }
    }
    expr.visit(&mut Seek(0)).is_break()
}

/// The item that a name alone means: `Err`: several different ones.
pub(super) fn item(items: &[Named], ident: &Ident) -> Result<Option<usize>, ()> {
    let hit = |n: &Named| n.alias.as_ref().is_some_and(|a| a.to_lowercase() == ident.value.to_lowercase());
    let mut hits = items.iter().enumerate().filter(|(_, n)| hit(n));
    let Some((first, named)) = hits.next() else { return Ok(None) };
    if hits.any(|(_, other)| other.expr != named.expr) { Err(()) } else { Ok(Some(first)) }
}

/// The expression with aliases replaced by what they stand for. Arguments of aggregates know columns only.
pub(super) fn replaced(expr: &Expr, items: &[Named], scope: &Scope<'_>, prefer: Prefer) -> Expr {
    struct Put<'a> {
        items: &'a [Named],
        scope: &'a Scope<'a>,
        prefer: Prefer,
        aggregates: usize,
    }
    impl VisitorMut for Put<'_> {
        type Break = ();
        fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
            self.aggregates += usize::from(is_aggregate(expr));
            ControlFlow::Continue(())
        }
        fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
            self.aggregates -= usize::from(is_aggregate(expr));
            let Expr::Identifier(ident) = expr else { return ControlFlow::Continue(()) };
            let column = find(self.scope, std::slice::from_ref(ident)).is_some();
            if self.aggregates > 0 || (column && self.prefer == Prefer::Column) {
                return ControlFlow::Continue(());
            }
            if let Ok(Some(at)) = item(self.items, ident)
                && let Some(found) = &self.items[at].expr
            {
                *expr = Expr::Nested(Box::new(found.clone()));
            }
            ControlFlow::Continue(())
        }
    }
    let mut out = expr.clone();
    let flow = VisitMut::visit(&mut out, &mut Put { items, scope, prefer, aggregates: 0 });
    debug_assert!(flow.is_continue(), "nothing here breaks");
    out
}

/// A number written alone: a place in the select list.
pub(super) fn ordinal(expr: &Expr) -> Option<usize> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::Number(digits, false) => digits.parse().ok(),
            _ => None,
        },
        _ => None,
    }
}

/// NULL written alone.
pub(super) fn is_null(expr: &Expr) -> bool {
    matches!(expr, Expr::Value(value) if value.value == Value::Null)
}
