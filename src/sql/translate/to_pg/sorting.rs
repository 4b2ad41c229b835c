//! ORDER BY as MySQL sorts: NULL before everything, text by code point.

use sqlparser::ast::{OrderByExpr, OrderByOptions};

use super::scope::Scope;
use super::{Typed, Walk};
use crate::base::Fault;
use crate::sql::translate::Sql;

impl Walk<'_> {
    /// The items, without the words ORDER BY.
    pub(super) fn order_by(&mut self, items: &[OrderByExpr], scope: &Scope<'_>) -> Result<Sql, Fault> {
        let mut out = Vec::new();
        for item in items {
            let OrderByExpr { expr, options: OrderByOptions { asc, nulls_first }, with_fill } = item;
            if nulls_first.is_some() || with_fill.is_some() {
                return Err(self.refused("this ORDER BY"));
            }
            let typed = self.expr(expr, scope)?;
            if typed.open.is_some() || typed.number.is_some() {
                return Err(self.refused("ordering by a constant"));
            }
            let typed = self.settle(typed)?;
            self.sortable(&typed)?;
            out.push(self.order_item(&typed, asc.unwrap_or(true)));
        }
        Ok(Sql::joined(out, ", "))
    }

    /// `"x" COLLATE "C" ASC NULLS FIRST`: MySQL has NULL before everything.
    pub(super) fn order_item(&self, typed: &Typed, ascending: bool) -> Sql {
        let mut sql = self.comparable(typed);
        sql.push(match (ascending, typed.nullable) {
            (true, true) => " ASC NULLS FIRST",
            (false, true) => " DESC NULLS LAST",
            (true, false) => " ASC",
            (false, false) => " DESC",
        });
        sql
    }
}
