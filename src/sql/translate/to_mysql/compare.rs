//! Comparisons: what PostgreSQL compares with what, and text by code point.

use sqlparser::ast::{BinaryOperator as Op, Expr, Query};

use super::expr::sql;
use super::operators::undefined;
use super::scope::Scope;
use super::types::{base, called, common, is_moment, is_number, is_text, number_of};
use super::{Typed, Walk};
use crate::base::{Engine, Fault, FaultKind};
use crate::sql::translate::Sql;
use crate::wire::value::PgType;

/// A side of a comparison: what it is, and whether it is a column as it is stored, which an index may know.
pub(super) struct Compared {
    pub(super) typed: Typed,
    pub(super) column: bool,
    /// Printing it twice costs nothing.
    pub(super) cheap: bool,
}

fn word(op: &Op) -> &'static str {
    match op {
        Op::Eq => " = ",
        Op::NotEq => " <> ",
        Op::Lt => " < ",
        Op::LtEq => " <= ",
        Op::Gt => " > ",
        _ => " >= ",
    }
}

pub(super) fn boolean(sql: Sql) -> Typed {
    Typed::new(sql, PgType::Bool)
}

impl Walk<'_> {
    pub(super) fn compared(&mut self, expr: &Expr, scope: &Scope<'_>) -> Result<Compared, Fault> {
        let column = self.plain_column(expr, scope).is_some_and(|c| c.unicode || !is_text(&c.ty));
        let cheap = column || matches!(inside(expr), Expr::Value(_));
        Ok(Compared { typed: self.expr(expr, scope)?, column, cheap })
    }

    /// `=`, `<>`, `<` …, also of rows.
    pub(super) fn comparison(&mut self, left: &Expr, op: &Op, right: &Expr, scope: &Scope<'_>) -> Result<Typed, Fault> {
        if let (Expr::Tuple(l), Expr::Tuple(r)) = (inside(left), inside(right)) {
            return self.rows(l, op, r, scope);
        }
        if let Some(typed) = self.span_comparison(left, op, right, scope)? {
            return Ok(typed);
        }
        let (l, r) = (self.compared(left, scope)?, self.compared(right, scope)?);
        self.compare(l, op, r)
    }

    fn rows(&mut self, l: &[Expr], op: &Op, r: &[Expr], scope: &Scope<'_>) -> Result<Typed, Fault> {
        if l.len() != r.len() || l.is_empty() {
            return Err(Fault::new(FaultKind::Syntax, "unequal number of entries in row expressions"));
        }
        let mut pairs = Vec::new();
        if matches!(op, Op::Eq | Op::NotEq) {
            for (a, b) in l.iter().zip(r) {
                pairs.push(self.comparison(a, op, b, scope)?.sql);
            }
            let between = if *op == Op::Eq { " AND " } else { " OR " };
            return Ok(boolean(Sql::joined(pairs, between).wrapped("(", ")")));
        }
        // (a, b) < (c, d): a < c OR (a = c AND b < d)
        let strict = if matches!(op, Op::Lt | Op::LtEq) { Op::Lt } else { Op::Gt };
        let mut out: Option<Sql> = None;
        for (a, b) in l.iter().zip(r).rev() {
            out = Some(match out {
                None => self.comparison(a, op, b, scope)?.sql,
                Some(rest) => {
                    let (less, same) = (self.comparison(a, &strict, b, scope)?, self.comparison(a, &Op::Eq, b, scope)?);
                    sql!["(", &less, " OR (", &same, " AND ", rest, "))"]
                }
            });
        }
        Ok(boolean(out.unwrap_or_default()))
    }

    /// Two values.
    pub(super) fn compare(&mut self, l: Compared, op: &Op, r: Compared) -> Result<Typed, Fault> {
        let ((lc, lx), (rc, rx)) = ((l.column, l.cheap), (r.column, r.cheap));
        let (l, r) = self.meet(l.typed, r.typed)?;
        let (l, r) = self.alike(l, op, r)?;
        if !matches!(op, Op::Eq | Op::NotEq) {
            self.sortable(&l.ty)?;
        }
        if !is_text(&l.ty) {
            return Ok(boolean(sql!["(", &l, word(op), &r, ")"]));
        }
        if l.exact && r.exact && l.open.is_none() && (lc || rc) {
            return Ok(boolean(sql!["(", &l, word(op), &r, ")"]));
        }
        let exact = if !lc && rc {
            sql!["(", &l, word(op), &r, " COLLATE ", self.binary_collation(), ")"]
        } else {
            sql!["(", &l, " COLLATE ", self.binary_collation(), word(op), &r, ")"]
        };
        // Equal by code point is equal in the column's own collation too: its index finds them.
        let loose = *op == Op::Eq && ((lc && rx && !rc && !l.exact) || (rc && lx && !lc && !r.exact));
        if loose {
            return Ok(boolean(sql!["(", &l, " = ", &r, " AND ", exact, ")"]));
        }
        if lc && rc {
            // Columns of two collations meet only when both are told.
            let (a, b) = (self.comparable(&l), self.comparable(&r));
            return Ok(boolean(sql!["(", a, word(op), b, ")"]));
        }
        Ok(boolean(exact))
    }

    /// Both sides as the type in which PostgreSQL compares them.
    pub(super) fn alike(&mut self, l: Typed, op: &Op, r: Typed) -> Result<(Typed, Typed), Fault> {
        let (a, b) = (base(&l.ty), base(&r.ty));
        if a == b {
            return match a {
                PgType::Json => Err(undefined(&a, op, &b)),
                PgType::Jsonb | PgType::Array(_) | PgType::Interval | PgType::Other(..) | PgType::Void => {
                    Err(self.refused(format!("a comparison of {} values", called(&a))))
                }
                _ => Ok((l, r)),
            };
        }
        if is_text(&a) && is_text(&b) {
            if a == PgType::Bpchar(None) || b == PgType::Bpchar(None) {
                return Err(self.refused("a comparison of char(n) with other text"));
            }
            return Ok((l, r));
        }
        if is_number(&a) && is_number(&b) {
            // Both servers compare numbers of two types in the wider one.
            return match number_of(&a, &b) {
                Some(_) => Ok((l, r)),
                None => Ok((l, r)),
            };
        }
        if is_moment(&a) && is_moment(&b) {
            let ty = common([&a, &b]).unwrap_or(PgType::TimestampTz(None));
            return Ok((self.convert_if(l, &ty)?, self.convert_if(r, &ty)?));
        }
        Err(undefined(&a, op, &b))
    }

    fn convert_if(&mut self, typed: Typed, ty: &PgType) -> Result<Typed, Fault> {
        if base(&typed.ty) == base(ty) { Ok(typed) } else { self.convert(typed, ty) }
    }

    /// `IS [NOT] NULL`, `TRUE`, `FALSE`, `UNKNOWN`
    pub(super) fn is_test(&mut self, expr: &Expr, scope: &Scope<'_>) -> Result<Typed, Fault> {
        let (inner, test, truth) = match expr {
            Expr::IsNull(inner) => (inner, " IS NULL", false),
            Expr::IsNotNull(inner) => (inner, " IS NOT NULL", false),
            Expr::IsTrue(inner) => (inner, " IS TRUE", true),
            Expr::IsNotTrue(inner) => (inner, " IS NOT TRUE", true),
            Expr::IsFalse(inner) => (inner, " IS FALSE", true),
            Expr::IsNotFalse(inner) => (inner, " IS NOT FALSE", true),
            Expr::IsUnknown(inner) => (inner, " IS UNKNOWN", true),
            Expr::IsNotUnknown(inner) => (inner, " IS NOT UNKNOWN", true),
            other => return Err(self.refused(other)),
        };
        if let Expr::Tuple(parts) = inside(inner)
            && !truth
        {
            let mut all = Vec::new();
            for part in parts {
                let typed = self.expr(part, scope)?;
                all.push(sql!["(", &self.settle(typed)?, test, ")"]);
            }
            return Ok(boolean(Sql::joined(all, " AND ").wrapped("(", ")")));
        }
        let typed = if truth {
            self.boolean(inner, scope, "IS")?
        } else {
            let typed = self.expr(inner, scope)?;
            self.settle(typed)?
        };
        Ok(boolean(sql!["(", &typed, test, ")"]))
    }

    /// `IS [NOT] DISTINCT FROM`
    pub(super) fn distinct(
        &mut self,
        left: &Expr,
        right: &Expr,
        distinct: bool,
        scope: &Scope<'_>,
    ) -> Result<Typed, Fault> {
        if let Expr::BinaryOp { left: first, op, right: rest } = right {
            // The parser takes `a IS DISTINCT FROM b AND c` for `a IS DISTINCT FROM (b AND c)`.
            match op {
                Op::And => {
                    let test = self.distinct(left, first, distinct, scope)?;
                    let rest = self.boolean(rest, scope, "AND")?;
                    return Ok(boolean(sql!["(", &test, " AND ", &rest, ")"]));
                }
                Op::Or => return Err(self.refused("IS DISTINCT FROM beside OR without parentheses")),
                _ => {}
            }
        }
        let (l, r) = self.operands(left, right, scope)?;
        let (l, r) = self.alike(l, &Op::Eq, r)?;
        let same = sql!["(", self.comparable(&l), " <=> ", self.comparable(&r), ")"];
        Ok(boolean(if distinct { sql!["(NOT ", same, ")"] } else { same }))
    }

    /// `x [NOT] IN (a, b, …)`
    pub(super) fn in_list(
        &mut self,
        expr: &Expr,
        list: &[Expr],
        negated: bool,
        scope: &Scope<'_>,
    ) -> Result<Typed, Fault> {
        let tuples = matches!(inside(expr), Expr::Tuple(_));
        if tuples || list.len() == 1 {
            let mut any = Vec::new();
            for item in list {
                any.push(self.comparison(expr, &Op::Eq, item, scope)?.sql);
            }
            return Ok(negate(Sql::joined(any, " OR ").wrapped("(", ")"), negated));
        }
        let column = self.plain_column(expr, scope).is_some_and(|c| c.unicode || !is_text(&c.ty));
        let subject = self.expr(expr, scope)?;
        let mut items = Vec::new();
        for item in list {
            items.push(self.expr(item, scope)?);
        }
        self.one_of(subject, items, column, negated)
    }

    /// `x = ANY (…)` with the items known.
    pub(super) fn one_of(
        &mut self,
        subject: Typed,
        items: Vec<Typed>,
        column: bool,
        negated: bool,
    ) -> Result<Typed, Fault> {
        let types: Vec<&PgType> = std::iter::once(&subject.ty).chain(items.iter().map(|i| &i.ty)).collect();
        let Some(ty) = common(types) else {
            let other =
                items.iter().find(|i| base(&i.ty) != base(&subject.ty)).map_or(PgType::Unknown, |i| i.ty.clone());
            return Err(undefined(&subject.ty, &Op::Eq, &other));
        };
        let subject = if subject.open.is_some() { self.coerce(subject, &ty)? } else { subject };
        let mut list = Vec::new();
        for item in items {
            let item = if item.open.is_some() { self.coerce(item, &ty)? } else { item };
            let (_, item) = self.alike(subject.clone(), &Op::Eq, item)?;
            list.push(item.sql);
        }
        if list.is_empty() {
            return Ok(boolean(Sql::text(if negated { "TRUE" } else { "FALSE" })));
        }
        let list = Sql::joined(list, ", ").wrapped(" IN (", ")");
        if !is_text(&subject.ty) {
            return Ok(negate(sql!["(", &subject, list, ")"], negated));
        }
        let exact = sql!["(", self.comparable(&subject), &list, ")"];
        if column && !negated && !subject.exact {
            return Ok(boolean(sql!["(", &subject, list, " AND ", exact, ")"]));
        }
        Ok(negate(exact, negated))
    }

    /// `x [NOT] IN (SELECT …)`
    pub(super) fn in_subquery(
        &mut self,
        expr: &Expr,
        query: &Query,
        negated: bool,
        scope: &Scope<'_>,
    ) -> Result<Typed, Fault> {
        let selected = self.inner(query, scope)?;
        let parts = match inside(expr) {
            Expr::Tuple(parts) => parts.as_slice(),
            single => std::slice::from_ref(single),
        };
        if parts.len() != selected.columns.len() {
            let what = if parts.len() < selected.columns.len() { "too many" } else { "too few" };
            return Err(Fault::new(FaultKind::Syntax, format!("subquery has {what} columns")));
        }
        let mut subjects = Vec::new();
        for (part, column) in parts.iter().zip(&selected.columns) {
            let subject = self.expr(part, scope)?;
            let there = Typed { exact: column.exact, ..Typed::new(column.sql.clone(), column.ty.clone()) };
            let subject = if subject.open.is_some() { self.coerce(subject, &column.ty)? } else { subject };
            let (subject, other) = self.alike(subject, &Op::Eq, there)?;
            if other.sql != column.sql {
                return Err(self.refused("IN of a subquery whose column must be cast"));
            }
            subjects.push(self.comparable(&subject));
        }
        let subject =
            if subjects.len() == 1 { Sql::joined(subjects, "") } else { Sql::joined(subjects, ", ").wrapped("(", ")") };
        let mut rows = selected.sql;
        if query.limit_clause.is_some() || query.fetch.is_some() {
            // Neither server has LIMIT right within IN.
            let alias = self.alias("hf");
            rows = sql!["SELECT * FROM (", rows, ") AS ", &Sql::name(crate::base::Dialect::Mysql, &alias)];
        }
        Ok(negate(sql!["(", subject, " IN (", rows, "))"], negated))
    }

    /// `[NOT] EXISTS (SELECT …)`
    pub(super) fn exists(&mut self, query: &Query, negated: bool, scope: &Scope<'_>) -> Result<Typed, Fault> {
        let selected = self.inner(query, scope)?;
        Ok(negate(sql!["EXISTS (", selected.sql, ")"], negated))
    }

    /// `(SELECT …)` as a value.
    pub(super) fn scalar_subquery(&mut self, query: &Query, scope: &Scope<'_>) -> Result<Typed, Fault> {
        let selected = self.inner(query, scope)?;
        let [column] = selected.columns.as_slice() else {
            return Err(Fault::new(FaultKind::Syntax, "subquery must return only one column"));
        };
        let mut typed = Typed::new(sql!["(", selected.sql, ")"], column.ty.clone());
        typed.exact = column.exact;
        if typed.ty == PgType::Float4 {
            typed.shown = Some(sql!["(", &typed, " + 0e0)"]);
        }
        Ok(typed)
    }

    /// `x BETWEEN a AND b`; SYMMETRIC is not read by the parser.
    pub(super) fn between(
        &mut self,
        expr: &Expr,
        low: &Expr,
        high: &Expr,
        negated: bool,
        scope: &Scope<'_>,
    ) -> Result<Typed, Fault> {
        let (a, b) = (self.comparison(expr, &Op::GtEq, low, scope)?, self.comparison(expr, &Op::LtEq, high, scope)?);
        Ok(negate(sql!["(", &a, " AND ", &b, ")"], negated))
    }

    /// `x COLLATE "C"`: what text has here anyway.
    pub(super) fn collate(&mut self, expr: &Expr, collation: &str, scope: &Scope<'_>) -> Result<Typed, Fault> {
        let plain = collation.rsplit('.').next().map_or("", |c| c.trim_matches('"'));
        if !matches!(plain, "C" | "POSIX" | "C.UTF-8" | "C.utf8" | "default" | "ucs_basic" | "C.") {
            return Err(self.refused(format!("the collation {collation}")));
        }
        let typed = self.expr(expr, scope)?;
        self.settle(typed)
    }

    /// Whether the server is MariaDB.
    pub(super) fn mariadb(&self) -> bool {
        self.engine() == Engine::Mariadb
    }
}

pub(super) fn negate(sql: Sql, negated: bool) -> Typed {
    boolean(if negated { sql!["(NOT ", sql, ")"] } else { sql })
}

/// Without parentheses around.
pub(super) fn inside(expr: &Expr) -> &Expr {
    match expr {
        Expr::Nested(inner) => inside(inner),
        other => other,
    }
}
