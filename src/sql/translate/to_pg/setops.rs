//! UNION, INTERSECT, EXCEPT: both sides with the types that MySQL gives the whole.

use sqlparser::ast::{OrderByExpr, SetExpr, SetOperator, SetQuantifier};

use super::alias::{is_null, ordinal};
use super::scope::{Scope, ScopeColumn, Source};
use super::source::{name, unknown_column};
use super::unify::Unified;
use super::{Open, Selected, Typed, Walk};
use crate::base::{Fault, FaultKind};
use crate::sql::translate::Sql;
use crate::wire::value::{MyType, PgType};

/// The alias of a part that is looked at from outside.
const PART: &str = "part";

impl Walk<'_> {
    /// The body of a query, without ORDER BY.
    pub(super) fn set_expr(&mut self, body: &SetExpr, outer: Option<&Scope<'_>>) -> Result<Selected, Fault> {
        match body {
            SetExpr::Select(select) => Ok(self.select(select, &[], outer)?.selected),
            SetExpr::Query(query) => self.query(query, outer),
            SetExpr::SetOperation { left, op, set_quantifier, right } => {
                let word = self.word(*op, *set_quantifier)?;
                let left = self.set_expr(left, outer)?;
                let right = self.set_expr(right, outer)?;
                self.united(left, word, right)
            }
            SetExpr::Values(_) => Err(self.refused("VALUES as a query")),
            SetExpr::Table(_) => Err(self.refused("TABLE").hint("Write SELECT * FROM it.")),
            _ => Err(self.refused("this form of query")),
        }
    }

    fn word(&self, op: SetOperator, quantifier: SetQuantifier) -> Result<&'static str, Fault> {
        match (op, quantifier) {
            (SetOperator::Union, SetQuantifier::All) => Ok(" UNION ALL "),
            (SetOperator::Union, SetQuantifier::None | SetQuantifier::Distinct) => Ok(" UNION "),
            (SetOperator::Intersect, SetQuantifier::All) => Ok(" INTERSECT ALL "),
            (SetOperator::Intersect, SetQuantifier::None | SetQuantifier::Distinct) => Ok(" INTERSECT "),
            (SetOperator::Except, SetQuantifier::All) => Ok(" EXCEPT ALL "),
            (SetOperator::Except, SetQuantifier::None | SetQuantifier::Distinct) => Ok(" EXCEPT "),
            _ => Err(self.refused("this set operation")),
        }
    }

    fn united(&mut self, left: Selected, word: &str, right: Selected) -> Result<Selected, Fault> {
        if left.columns.len() != right.columns.len() {
            let what = "The used SELECT statements have a different number of columns";
            return Err(Fault::new(FaultKind::SideColumns, what));
        }
        let (mut lefts, mut rights) = (Vec::new(), Vec::new());
        let mut columns = Vec::with_capacity(left.columns.len());
        for (at, (a, b)) in left.columns.iter().zip(&right.columns).enumerate() {
            let (one, two) = (self.seen_from_outside(a, at), self.seen_from_outside(b, at));
            let Unified { values, shape } = self.unified(vec![one, two], true)?;
            let mut values = values.into_iter();
            lefts.extend(values.next());
            rights.extend(values.next());
            columns.push(ScopeColumn {
                name: a.name.clone(),
                ty: shape.ty,
                pg: shape.pg,
                sql: Sql::new(),
                exact: shape.exact,
                unicode: a.unicode && b.unicode,
                nullable: a.nullable || b.nullable,
                hidden: false,
                origin: None,
            });
        }
        let mut sql = again(left, lefts).wrapped("(", ")");
        sql.push(word).append(again(right, rights).wrapped("(", ")"));
        Ok(Selected { sql, columns })
    }

    /// A column of a part as its values are used outside.
    fn seen_from_outside(&self, column: &ScopeColumn, at: usize) -> Typed {
        let typed = self.column(&ScopeColumn { sql: own(at), ..column.clone() });
        if column.ty == MyType::Null {
            return Typed { sql: Sql::text("NULL"), open: Some(Open::Null), ..typed };
        }
        typed
    }

    /// The part with columns of these types.
    pub(super) fn cast_columns(&mut self, part: Selected, types: &[(MyType, PgType)]) -> Result<Selected, Fault> {
        if part.columns.len() != types.len() {
            let what = "The used SELECT statements have a different number of columns";
            return Err(Fault::new(FaultKind::SideColumns, what));
        }
        let fits = |(c, (ty, pg)): (&ScopeColumn, &(MyType, PgType))| c.ty == *ty && same(&c.pg, pg);
        if part.columns.iter().zip(types).all(fits) {
            return Ok(part);
        }
        let mut printed = Vec::with_capacity(types.len());
        let mut columns = Vec::with_capacity(types.len());
        let mut list = Vec::with_capacity(types.len());
        for (at, (column, (ty, pg))) in part.columns.into_iter().zip(types).enumerate() {
            let own = name(&format!("c{}", at + 1));
            let mut sql = name(PART);
            sql.push(".").append(own.clone());
            list.push(own);
            let inside = ScopeColumn { sql, ..column.clone() };
            let typed = self.column(&inside);
            let typed = if inside.ty == *ty { typed } else { self.coerce(typed, ty)? };
            let sql =
                if same(&typed.pg, pg) { typed.sql } else { typed.sql.wrapped("CAST(", &format!(" AS {})", pg.sql())) };
            printed.push(sql.clone());
            columns.push(ScopeColumn { ty: ty.clone(), pg: pg.clone(), sql, origin: None, ..column });
        }
        let mut sql = Sql::text("SELECT ");
        sql.append(Sql::joined(printed, ", ")).push(" FROM ").append(part.sql.wrapped("(", ") AS "));
        sql.append(name(PART)).append(Sql::joined(list, ", ").wrapped("(", ")"));
        Ok(Selected { sql, columns })
    }

    /// A set operation in an order: of its result, so that text is compared as the client's server would.
    pub(super) fn ordered_whole(&mut self, whole: Selected, order: &[OrderByExpr]) -> Result<Selected, Fault> {
        if order.is_empty() {
            return Ok(whole);
        }
        let mut columns = Vec::with_capacity(whole.columns.len());
        let mut list = Vec::with_capacity(whole.columns.len());
        for (at, column) in whole.columns.iter().enumerate() {
            let own = name(&format!("c{}", at + 1));
            let mut sql = name(PART);
            sql.push(".").append(own.clone());
            list.push(own);
            columns.push(ScopeColumn { sql, ..column.clone() });
        }
        let scope = Scope { outer: None, sources: vec![Source { alias: String::new(), schema: None, columns }] };
        let columns = &scope.sources[0].columns;
        let mut out = Vec::with_capacity(order.len());
        for item in order {
            let ascending = self.ascending(item)?;
            if is_null(&item.expr) {
                continue;
            }
            if let Some(place) = ordinal(&item.expr) {
                let Some(column) = place.checked_sub(1).and_then(|at| columns.get(at)) else {
                    return Err(unknown_column(&place.to_string(), "order clause"));
                };
                let typed = self.column(column);
                out.push(self.in_order(&typed, ascending)?);
                continue;
            }
            let typed = self.expr(&item.expr, &scope)?;
            let typed = self.settle(typed)?;
            out.push(self.in_order(&typed, ascending)?);
        }
        let mut sql = Sql::text("SELECT ");
        sql.append(Sql::joined(columns.iter().map(|c| c.sql.clone()), ", "));
        sql.push(" FROM ").append(whole.sql.wrapped("(", ") AS ")).append(name(PART));
        sql.append(Sql::joined(list, ", ").wrapped("(", ")"));
        if !out.is_empty() {
            sql.push(" ORDER BY ").append(Sql::joined(out, ", "));
        }
        Ok(Selected { sql, columns: whole.columns })
    }
}

/// Whether two types are one to a set operation: modifiers are lost there.
fn same(a: &PgType, b: &PgType) -> bool {
    let plain = |ty: &PgType| match ty {
        PgType::Numeric(_) => PgType::Numeric(None),
        PgType::Varchar(_) | PgType::Text | PgType::Unknown => PgType::Text,
        PgType::Time(_) => PgType::Time(None),
        PgType::Timestamp(_) => PgType::Timestamp(None),
        PgType::TimestampTz(_) => PgType::TimestampTz(None),
        other => other.clone(),
    };
    plain(a) == plain(b)
}

/// `"part"."c1"`
fn own(at: usize) -> Sql {
    let mut sql = name(PART);
    sql.push(".").append(name(&format!("c{}", at + 1)));
    sql
}

/// The part with other values for its columns.
fn again(part: Selected, values: Vec<Sql>) -> Sql {
    if values.iter().enumerate().all(|(at, value)| *value == own(at)) {
        return part.sql;
    }
    let list = (0..part.columns.len()).map(|at| name(&format!("c{}", at + 1)));
    let list = Sql::joined(list, ", ").wrapped("(", ")");
    let mut sql = Sql::joined(values, ", ").wrapped("SELECT ", " FROM ");
    sql.append(part.sql.wrapped("(", ") AS ")).append(name(PART)).append(list);
    sql
}
