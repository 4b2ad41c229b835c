//! ORDER BY, LIMIT and named windows.

use sqlparser::ast::{
    Expr, LimitClause, NamedWindowDefinition, NamedWindowExpr, Offset, OffsetRows, OrderBy, OrderByExpr, OrderByKind,
    OrderByOptions, Value,
};

use super::alias::{self, Prefer, is_null, ordinal};
use super::scope::Scope;
use super::select::{Item, ambiguous};
use super::source::{name, unknown_column};
use super::{Open, Typed, Walk};
use crate::base::{Fault, FaultKind};
use crate::sql::translate::{Part, Sql};
use crate::wire::value::MyType;

impl Walk<'_> {
    /// The items of ORDER BY.
    pub(super) fn order_items<'q>(&self, order: Option<&'q OrderBy>) -> Result<&'q [OrderByExpr], Fault> {
        match order {
            None => Ok(&[]),
            Some(OrderBy { kind: OrderByKind::Expressions(items), interpolate: None }) => Ok(items),
            Some(_) => Err(self.refused("this form of ORDER BY")),
        }
    }

    /// Whether one goes up.
    pub(super) fn ascending(&self, item: &OrderByExpr) -> Result<bool, Fault> {
        match item {
            OrderByExpr { expr: _, options: OrderByOptions { asc, nulls_first: None }, with_fill: None } => {
                Ok(asc.unwrap_or(true))
            }
            _ => Err(self.refused("NULLS FIRST / LAST")),
        }
    }

    /// One piece of ORDER BY. What cannot be NULL needs no place for it: then an index can give the order.
    ///
    /// Errors: texts that only the connection's collation could order.
    pub(super) fn in_order(&self, typed: &Typed, ascending: bool) -> Result<Sql, Fault> {
        let mut sql = self.sortable(typed)?;
        if typed.nullable {
            return Ok(self.order_item(typed, ascending));
        }
        if !ascending {
            sql.push(" DESC");
        }
        Ok(sql)
    }

    /// By an item of the select list. With DISTINCT the list must show the very piece that is ordered by.
    fn in_item_order(&self, item: &mut Item, ascending: bool, distinct: bool) -> Result<Sql, Fault> {
        let sql = self.in_order(&item.typed, ascending)?;
        if distinct {
            item.typed.sql = self.comparable(&item.typed);
        }
        Ok(sql)
    }

    /// ORDER BY of a SELECT. With DISTINCT, what is ordered by is what is selected.
    pub(super) fn order(
        &mut self,
        order: &[OrderByExpr],
        items: &mut [Item],
        named: &[alias::Named],
        scope: &Scope<'_>,
        distinct: bool,
    ) -> Result<Option<Sql>, Fault> {
        let mut out = Vec::with_capacity(order.len());
        for one in order {
            let ascending = self.ascending(one)?;
            if is_null(&one.expr) {
                continue;
            }
            let place = self.order_place(&one.expr, items, named)?;
            if let Some(at) = place {
                out.push(self.in_item_order(&mut items[at], ascending, distinct)?);
                continue;
            }
            let expr = alias::replaced(&one.expr, named, scope, Prefer::Column);
            let typed = self.expr(&expr, scope)?;
            if typed.open.is_some() || typed.number.is_some() {
                return Err(self.refused("ORDER BY with a constant"));
            }
            let typed = self.settle(typed)?;
            let Some(at) = items.iter().position(|i| i.typed.sql == typed.sql) else {
                if distinct {
                    return Err(self.refused("DISTINCT with ORDER BY on what is not selected"));
                }
                out.push(self.in_order(&typed, ascending)?);
                continue;
            };
            out.push(self.in_item_order(&mut items[at], ascending, distinct)?);
        }
        Ok((!out.is_empty()).then(|| Sql::joined(out, ", ")))
    }

    /// The item of the select list that ORDER BY means by its number or alias.
    fn order_place(&self, expr: &Expr, items: &[Item], named: &[alias::Named]) -> Result<Option<usize>, Fault> {
        if let Some(place) = ordinal(expr) {
            let fits = (1..=items.len()).contains(&place);
            return if fits { Ok(Some(place - 1)) } else { Err(unknown_column(&place.to_string(), "order clause")) };
        }
        match expr {
            Expr::Identifier(ident) => match alias::item(named, ident) {
                Ok(found) => Ok(found),
                Err(()) => Err(ambiguous(&ident.value, "order clause")),
            },
            _ => Ok(None),
        }
    }

    /// ` LIMIT n OFFSET m`, or nothing.
    pub(super) fn limit(&mut self, clause: Option<&LimitClause>) -> Result<Sql, Fault> {
        let (limit, offset) = match clause {
            None => return Ok(Sql::new()),
            Some(LimitClause::LimitOffset { limit, offset, limit_by }) if limit_by.is_empty() => {
                let offset = offset.as_ref().map(|Offset { value, rows }| (value, *rows == OffsetRows::None));
                if offset.is_some_and(|(_, plain)| !plain) {
                    return Err(self.refused("OFFSET … ROWS"));
                }
                (limit.as_ref(), offset.map(|(value, _)| value))
            }
            Some(LimitClause::OffsetCommaLimit { offset, limit }) => (Some(limit), Some(offset)),
            Some(LimitClause::LimitOffset { .. }) => return Err(self.refused("LIMIT … BY")),
        };
        let mut sql = Sql::new();
        if let Some(limit) = limit {
            let count = self.row_count(limit)?;
            sql.push(" LIMIT ").append(count);
        }
        if let Some(offset) = offset {
            let count = self.row_count(offset)?;
            sql.push(" OFFSET ").append(count);
        }
        Ok(sql)
    }

    /// A number of rows: digits or a parameter.
    pub(super) fn row_count(&mut self, expr: &Expr) -> Result<Sql, Fault> {
        if let Expr::Value(value) = expr {
            match &value.value {
                Value::Number(digits, false) if digits.bytes().all(|b| b.is_ascii_digit()) => {
                    // PostgreSQL counts to 2^63: more than that is all.
                    let count = digits.parse::<i64>().unwrap_or(i64::MAX);
                    return Ok(Sql::text(count.to_string()));
                }
                Value::Placeholder(_) => {
                    let typed = self.expr(expr, &Scope::default())?;
                    if let Some(Open::Parameter(at)) = typed.open {
                        if let Some(slot) = self.parameters.get_mut(usize::from(at))
                            && slot.is_none()
                        {
                            *slot = Some(MyType::BigInt(false));
                        }
                        return Ok(Sql::part(Part::Parameter(at)).wrapped("CAST(", " AS bigint)"));
                    }
                    // Its type is known already.
                    return Ok(typed.sql.wrapped("CAST(", " AS bigint)"));
                }
                _ => {}
            }
        }
        Err(Fault::new(FaultKind::Syntax, format!("LIMIT needs a number or a parameter, not {expr}")))
    }

    /// WINDOW names.
    pub(super) fn windows(
        &mut self,
        windows: &[NamedWindowDefinition],
        scope: &Scope<'_>,
    ) -> Result<Option<Sql>, Fault> {
        let mut out = Vec::with_capacity(windows.len());
        for NamedWindowDefinition(ident, window) in windows {
            let NamedWindowExpr::WindowSpec(spec) = window else {
                return Err(self.refused("a window named by another's name"));
            };
            // As OVER prints it: MySQL's names of windows have no case.
            let mut sql = name(&ident.value.to_ascii_lowercase());
            sql.push(" AS (").append(self.window_spec(spec, scope)?).push(")");
            out.push(sql);
        }
        Ok((!out.is_empty()).then(|| Sql::joined(out, ", ")))
    }
}
