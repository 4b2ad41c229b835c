//! Expressions: the front page of everything that has a type. Each kind has a file of its own; here is only the way to it.

use sqlparser::ast::{Expr, OrderByExpr, OrderByOptions, Query};

use super::scope::Scope;
use super::types::{called, is_text};
use super::{Typed, Walk};
use crate::base::{Fault, FaultKind};
use crate::sql::translate::Sql;
use crate::wire::value::PgType;

/// A fragment that is printed more than once may not grow without bound: nested ones double it each time.
const FRAGMENT_BYTES_MAX: usize = 256 * 1024;

impl Typed {
    /// A piece with a type of its own.
    pub(super) fn new(sql: Sql, ty: PgType) -> Self {
        Self { sql, ty, open: None, exact: false, aggregate: false, shown: None }
    }

    /// The same, from a text.
    pub(super) fn text(text: impl Into<String>, ty: PgType) -> Self {
        Self::new(Sql::text(text), ty)
    }

    /// Marked as comparing by code point.
    #[must_use]
    pub(super) fn exactly(mut self) -> Self {
        self.exact = true;
        self
    }

    /// As the outermost result prints it.
    pub(super) fn as_shown(&self) -> Sql {
        self.shown.clone().unwrap_or_else(|| self.sql.clone())
    }

    /// How many bytes it prints.
    pub(super) fn bytes(&self) -> usize {
        size(&self.sql)
    }
}

fn size(sql: &Sql) -> usize {
    sql.parts()
        .iter()
        .map(|part| match part {
            crate::sql::translate::Part::Text(text) => text.len(),
            crate::sql::translate::Part::Parameter(_)
            | crate::sql::translate::Part::Keys
            | crate::sql::translate::Part::LastInsertId => 16,
        })
        .sum()
}

/// Pieces in one text: `sql!["(", a, " + ", b, ")"]`; each is a text or a [`Sql`].
macro_rules! sql {
    ($($piece:expr),* $(,)?) => {{
        let mut out = $crate::sql::translate::Sql::new();
        $( $crate::sql::translate::to_mysql::expr::Piece::put($piece, &mut out); )*
        out
    }};
}
pub(super) use sql;

/// What [`sql!`] takes.
pub(super) trait Piece {
    fn put(self, out: &mut Sql);
}

impl Piece for &str {
    fn put(self, out: &mut Sql) {
        out.push(self);
    }
}

impl Piece for &String {
    fn put(self, out: &mut Sql) {
        out.push(self);
    }
}

impl Piece for Sql {
    fn put(self, out: &mut Sql) {
        out.append(self);
    }
}

impl Piece for &Sql {
    fn put(self, out: &mut Sql) {
        out.append(self.clone());
    }
}

impl Piece for &Typed {
    fn put(self, out: &mut Sql) {
        out.append(self.sql.clone());
    }
}

impl Walk<'_> {
    /// An expression with PostgreSQL's type. What it prints is in parentheses or needs none.
    pub(super) fn expr(&mut self, expr: &Expr, scope: &Scope<'_>) -> Result<Typed, Fault> {
        let before = self.aggregates;
        let mut typed = self.any_expr(expr, scope)?;
        typed.aggregate = self.aggregates > before;
        if typed.bytes() > FRAGMENT_BYTES_MAX {
            return Err(self.refused("so deeply nested an expression"));
        }
        Ok(typed)
    }

    fn any_expr(&mut self, expr: &Expr, scope: &Scope<'_>) -> Result<Typed, Fault> {
        match expr {
            Expr::Nested(inner) => self.expr(inner, scope),
            Expr::Identifier(name) => self.column(std::slice::from_ref(name), scope),
            Expr::CompoundIdentifier(path) => self.column(path, scope),
            Expr::Value(value) => self.value(&value.value),
            Expr::TypedString(typed) => self.typed_string(typed),
            Expr::UnaryOp { op, expr } => self.unary(*op, expr, scope),
            Expr::BinaryOp { left, op, right } => self.binary(left, op, right, scope),
            Expr::IsNull(_)
            | Expr::IsNotNull(_)
            | Expr::IsTrue(_)
            | Expr::IsNotTrue(_)
            | Expr::IsFalse(_)
            | Expr::IsNotFalse(_)
            | Expr::IsUnknown(_)
            | Expr::IsNotUnknown(_) => self.is_test(expr, scope),
            Expr::IsDistinctFrom(l, r) => self.distinct(l, r, true, scope),
            Expr::IsNotDistinctFrom(l, r) => self.distinct(l, r, false, scope),
            Expr::InList { expr, list, negated } => self.in_list(expr, list, *negated, scope),
            Expr::InSubquery { expr, subquery, negated } => self.in_subquery(expr, subquery, *negated, scope),
            Expr::Between { expr, negated, low, high } => self.between(expr, low, high, *negated, scope),
            Expr::Like { .. } | Expr::ILike { .. } => self.like(expr, scope),
            Expr::AnyOp { left, compare_op, right, is_some: _ } => self.any_op(left, compare_op, right, false, scope),
            Expr::AllOp { left, compare_op, right } => self.any_op(left, compare_op, right, true, scope),
            Expr::Cast { kind, expr, data_type, array, format } => {
                use sqlparser::ast::CastKind;
                if *array || format.is_some() || !matches!(kind, CastKind::Cast | CastKind::DoubleColon) {
                    return Err(self.refused("this form of CAST"));
                }
                self.cast(expr, data_type, scope)
            }
            Expr::AtTimeZone { timestamp, time_zone } => self.at_time_zone(timestamp, time_zone, scope),
            Expr::Extract { field, syntax: _, expr } => self.extract(&field.to_string(), expr, true, scope),
            Expr::Exists { subquery, negated } => self.exists(subquery, *negated, scope),
            Expr::Subquery(query) => self.scalar_subquery(query, scope),
            Expr::Case { case_token: _, end_token: _, operand, conditions, else_result } => {
                self.case(operand.as_deref(), conditions, else_result.as_deref(), scope)
            }
            Expr::Collate { expr, collation } => self.collate(expr, &collation.to_string(), scope),
            Expr::Interval(_) => Err(self.refused("an interval as a value")),
            Expr::Tuple(_) => Err(self.refused("a row as a value")),
            Expr::Array(_) => Err(self.refused("an array as a value")),
            other => self.function_like(other, scope),
        }
    }

    /// A condition: WHERE, ON, HAVING.
    pub(super) fn condition(&mut self, expr: &Expr, scope: &Scope<'_>) -> Result<Sql, Fault> {
        Ok(self.boolean(expr, scope, "WHERE")?.sql)
    }

    /// An expression that must be a boolean.
    pub(super) fn boolean(&mut self, expr: &Expr, scope: &Scope<'_>, place: &str) -> Result<Typed, Fault> {
        let typed = self.expr(expr, scope)?;
        if typed.open.is_some() {
            return self.coerce(typed, &PgType::Bool);
        }
        if typed.ty != PgType::Bool {
            let what = format!("argument of {place} must be type boolean, not type {}", called(&typed.ty));
            return Err(Fault::new(FaultKind::TypeMismatch, what));
        }
        Ok(typed)
    }

    /// A subquery, whose aggregates are its own.
    pub(super) fn inner(&mut self, query: &Query, scope: &Scope<'_>) -> Result<super::Selected, Fault> {
        let before = self.aggregates;
        let selected = self.query(query, Some(scope));
        self.aggregates = before;
        selected
    }

    /// For ORDER BY, GROUP BY, DISTINCT and joins: the piece compares as PostgreSQL would.
    pub(super) fn comparable(&self, typed: &Typed) -> Sql {
        if is_text(&typed.ty) && !typed.exact {
            return sql!["(", typed, " COLLATE ", self.binary_collation(), ")"];
        }
        typed.sql.clone()
    }

    /// ORDER BY items (without ordinals and result names: those are the query's), with PostgreSQL's place of NULLs.
    pub(super) fn order_by(&mut self, items: &[OrderByExpr], scope: &Scope<'_>) -> Result<Sql, Fault> {
        let mut out = Vec::new();
        for item in items {
            if item.with_fill.is_some() {
                return Err(self.refused("WITH FILL"));
            }
            let typed = self.expr(&item.expr, scope)?;
            if typed.open.is_some() {
                // A constant orders nothing.
                continue;
            }
            let nullable = self.plain_column(&item.expr, scope).is_none_or(|c| c.nullable);
            out.push(self.ordered(&typed, item.options, nullable)?);
        }
        if out.is_empty() {
            out.push(Sql::text("NULL"));
        }
        Ok(Sql::joined(out, ", "))
    }

    /// One item of ORDER BY, already translated.
    pub(super) fn order_item(&mut self, typed: &Typed, options: OrderByOptions) -> Result<Sql, Fault> {
        self.ordered(typed, options, true)
    }

    fn ordered(&self, typed: &Typed, options: OrderByOptions, nullable: bool) -> Result<Sql, Fault> {
        self.sortable(&typed.ty)?;
        let ascending = options.asc.unwrap_or(true);
        let first = options.nulls_first.unwrap_or(!ascending);
        let key = self.comparable(typed);
        let direction = if ascending { "" } else { " DESC" };
        // MySQL's NULLs are the smallest: first when ascending, last when descending.
        if !nullable || first == ascending {
            return Ok(sql![key, direction]);
        }
        let place = if first { " IS NULL DESC, " } else { " IS NULL, " };
        Ok(sql![&key, place, &key, direction])
    }

    /// Whether both servers sort values of this type alike.
    pub(super) fn sortable(&self, ty: &PgType) -> Result<(), Fault> {
        match ty {
            PgType::Json => {
                let what = "could not identify an ordering operator for type json";
                Err(Fault::new(FaultKind::UndefinedFunction, what))
            }
            PgType::Jsonb | PgType::Array(_) | PgType::Interval | PgType::Other(..) | PgType::Void => {
                Err(self.refused(format!("an order of {} values", called(ty))))
            }
            PgType::Uuid if self.engine() == crate::base::Engine::Mariadb => {
                Err(self.refused("an order of uuid values"))
            }
            PgType::Bool
            | PgType::Int2
            | PgType::Int4
            | PgType::Int8
            | PgType::Oid
            | PgType::Numeric(_)
            | PgType::Float4
            | PgType::Float8
            | PgType::Text
            | PgType::Varchar(_)
            | PgType::Bpchar(_)
            | PgType::Name
            | PgType::Bytea
            | PgType::Date
            | PgType::Time(_)
            | PgType::Timestamp(_)
            | PgType::TimestampTz(_)
            | PgType::Uuid
            | PgType::Bit(_)
            | PgType::Varbit(_)
            | PgType::Unknown => Ok(()),
        }
    }
}
