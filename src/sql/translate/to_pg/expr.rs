//! Expressions: every node that has a faithful translation, and no other.

use sqlparser::ast::{BinaryOperator, CeilFloorKind, Expr, Ident, UnaryOperator, Value as Written};

use super::scope::{Scope, ScopeColumn};
use super::typed::Class;
use super::{Collated, Typed, Walk};
use crate::base::{Fault, FaultKind};
use crate::sql::translate::Sql;
use crate::wire::value::{MyType, PgType};

impl Walk<'_> {
    /// An expression where a condition stands: WHERE, ON, HAVING. A number is true if it is not 0.
    pub(super) fn condition(&mut self, expr: &Expr, scope: &Scope<'_>) -> Result<Sql, Fault> {
        let typed = self.expr(expr, scope)?;
        self.as_truth(typed)
    }

    pub(super) fn expr(&mut self, expr: &Expr, scope: &Scope<'_>) -> Result<Typed, Fault> {
        match self.regrouped(expr)? {
            Some(other) => self.node(&other, scope),
            None => self.node(expr, scope),
        }
    }

    fn node(&mut self, expr: &Expr, scope: &Scope<'_>) -> Result<Typed, Fault> {
        match expr {
            Expr::Nested(inner) => self.expr(inner, scope),
            Expr::Identifier(ident) => self.name_of(None, None, ident, scope),
            Expr::CompoundIdentifier(parts) => match &parts[..] {
                [table, column] => self.name_of(None, Some(table), column, scope),
                [schema, table, column] => self.name_of(Some(schema), Some(table), column, scope),
                _ => Err(self.refused(format!("the name {expr}"))),
            },
            Expr::Value(value) => self.written_value(value),
            Expr::Prefixed { prefix, value } => self.introduced(&prefix.value, value),
            Expr::TypedString(typed) => self.typed_literal(typed),
            Expr::BinaryOp { left, op, right } => self.binary(left, op, right, scope),
            Expr::UnaryOp { op, expr } => self.unary(op, expr, scope),
            Expr::IsNull(e) => self.is_null(e, false, scope),
            Expr::IsNotNull(e) => self.is_null(e, true, scope),
            Expr::IsTrue(e) => self.is_truth(e, "TRUE", scope),
            Expr::IsNotTrue(e) => self.is_truth(e, "NOT TRUE", scope),
            Expr::IsFalse(e) => self.is_truth(e, "FALSE", scope),
            Expr::IsNotFalse(e) => self.is_truth(e, "NOT FALSE", scope),
            Expr::IsUnknown(e) => self.is_truth(e, "UNKNOWN", scope),
            Expr::IsNotUnknown(e) => self.is_truth(e, "NOT UNKNOWN", scope),
            Expr::Between { expr, negated, low, high } => self.between((expr, low, high), *negated, scope),
            Expr::InList { expr, list, negated } => self.in_list(expr, list, *negated, scope),
            Expr::Like { negated, any: false, expr, pattern, escape_char } => {
                self.like(expr, pattern, escape_char.as_ref(), *negated, scope)
            }
            Expr::RLike { negated, expr, pattern, regexp: _ } => self.regexp(expr, pattern, *negated, scope),
            Expr::Case { case_token: _, end_token: _, operand, conditions, else_result } => {
                self.case(operand.as_deref(), conditions, else_result.as_deref(), scope)
            }
            Expr::Cast { .. } => self.cast(expr, scope),
            Expr::Convert { .. } => self.convert(expr, scope),
            Expr::Collate { expr, collation } => self.collate(expr, collation, scope),
            Expr::Function(function) => self.function(function, scope),
            _ => self.special(expr, scope),
        }
    }

    /// Functions with a syntax of their own, and subqueries.
    fn special(&mut self, expr: &Expr, scope: &Scope<'_>) -> Result<Typed, Fault> {
        match expr {
            Expr::Extract { field, syntax: _, expr } => self.extract(field, expr, scope),
            Expr::Ceil { expr, field } => self.ceil_floor("CEIL", expr, field, scope),
            Expr::Floor { expr, field } => self.ceil_floor("FLOOR", expr, field, scope),
            Expr::Position { expr, r#in } => self.position(expr, r#in, scope),
            Expr::Substring { expr, substring_from, substring_for, special: _, shorthand: _ } => {
                let Some(from) = substring_from else { return Err(self.refused("SUBSTRING without a place")) };
                let mut args = vec![self.expr(expr, scope)?, self.expr(from, scope)?];
                if let Some(length) = substring_for {
                    args.push(self.expr(length, scope)?);
                }
                let aggregate = args.iter().any(|t| t.aggregate);
                let out = self.substring(args)?;
                Ok(Typed { aggregate, ..out })
            }
            Expr::Trim { trim_where, trim_what, expr, trim_characters: None } => {
                self.trimmed(trim_where.as_ref(), trim_what.as_deref(), expr, scope)
            }
            Expr::Exists { subquery, negated } => {
                let selected = self.query(subquery, Some(scope))?;
                let before = if *negated { "(NOT EXISTS (" } else { "(EXISTS (" };
                Ok(Typed::truth(selected.sql.wrapped(before, "))"), self.mariadb()).nullable(false))
            }
            Expr::Subquery(query) => self.scalar(query, scope),
            Expr::InSubquery { expr, subquery, negated } => {
                self.in_query(expr, if *negated { "NOT IN" } else { "IN" }, false, subquery, scope)
            }
            Expr::AnyOp { left, compare_op, right, is_some: _ } => self.any_all(left, compare_op, right, "ANY", scope),
            Expr::AllOp { left, compare_op, right } => self.any_all(left, compare_op, right, "ALL", scope),
            other => Err(self.refused(format!("the expression {other}"))),
        }
    }

    fn binary(&mut self, left: &Expr, op: &BinaryOperator, right: &Expr, scope: &Scope<'_>) -> Result<Typed, Fault> {
        match op {
            BinaryOperator::Plus
            | BinaryOperator::Minus
            | BinaryOperator::Multiply
            | BinaryOperator::Divide
            | BinaryOperator::Modulo
            | BinaryOperator::MyIntegerDivide => self.calculation(left, op, right, scope),
            BinaryOperator::Eq
            | BinaryOperator::NotEq
            | BinaryOperator::Lt
            | BinaryOperator::LtEq
            | BinaryOperator::Gt
            | BinaryOperator::GtEq
            | BinaryOperator::Spaceship => self.comparison(left, op, right, scope),
            BinaryOperator::StringConcat if self.pipes_as_concat() => {
                let args = vec![self.expr(left, scope)?, self.expr(right, scope)?];
                self.call("CONCAT", args)
            }
            BinaryOperator::And | BinaryOperator::Or | BinaryOperator::Xor | BinaryOperator::StringConcat => {
                self.junction(left, op, right, scope)
            }
            BinaryOperator::BitwiseAnd
            | BinaryOperator::BitwiseOr
            | BinaryOperator::BitwiseXor
            | BinaryOperator::PGBitwiseShiftLeft
            | BinaryOperator::PGBitwiseShiftRight => self.bits_of(left, op, right, scope),
            BinaryOperator::Arrow | BinaryOperator::LongArrow if !self.mariadb() => self.arrow(left, op, right, scope),
            other => Err(self.refused(format!("the operator {other}"))),
        }
    }

    fn unary(&mut self, op: &UnaryOperator, expr: &Expr, scope: &Scope<'_>) -> Result<Typed, Fault> {
        match op {
            UnaryOperator::Not | UnaryOperator::BangNot => self.negation(expr, scope),
            UnaryOperator::Plus => self.expr(expr, scope),
            UnaryOperator::Minus => {
                let typed = self.expr(expr, scope)?;
                self.minus(typed)
            }
            UnaryOperator::BitwiseNot => {
                let typed = self.expr(expr, scope)?;
                self.inverted(typed)
            }
            other => Err(self.refused(format!("the operator {other}"))),
        }
    }

    fn ceil_floor(
        &mut self,
        name: &str,
        expr: &Expr,
        field: &CeilFloorKind,
        scope: &Scope<'_>,
    ) -> Result<Typed, Fault> {
        if !matches!(field, CeilFloorKind::DateTimeField(sqlparser::ast::DateTimeField::NoDateTime)) {
            return Err(self.refused(format!("{name} with two arguments")));
        }
        let typed = self.expr(expr, scope)?;
        self.call(name, vec![typed])
    }

    fn scalar(&mut self, query: &sqlparser::ast::Query, scope: &Scope<'_>) -> Result<Typed, Fault> {
        let selected = self.query(query, Some(scope))?;
        let [column] = &selected.columns[..] else {
            return Err(Fault::new(FaultKind::OneColumn, "Operand should contain 1 column(s)"));
        };
        let typed = self.column(column);
        Ok(Typed { sql: selected.sql.wrapped("(", ")"), nullable: true, ..typed })
    }

    fn any_all(
        &mut self,
        left: &Expr,
        op: &BinaryOperator,
        right: &Expr,
        word: &str,
        scope: &Scope<'_>,
    ) -> Result<Typed, Fault> {
        let Expr::Subquery(query) = right else {
            return Err(self.refused(format!("{word} of anything but a subquery")));
        };
        let sign = match op {
            BinaryOperator::Eq => "=",
            BinaryOperator::NotEq => "<>",
            BinaryOperator::Lt => "<",
            BinaryOperator::LtEq => "<=",
            BinaryOperator::Gt => ">",
            BinaryOperator::GtEq => ">=",
            other => return Err(self.refused(format!("the operator {other} {word}"))),
        };
        self.in_query(left, &format!("{sign} {word}"), !matches!(sign, "=" | "<>"), query, scope)
    }

    /// A column by name, in the nearest scope that has it.
    fn name_of(
        &mut self,
        schema: Option<&Ident>,
        table: Option<&Ident>,
        column: &Ident,
        scope: &Scope<'_>,
    ) -> Result<Typed, Fault> {
        if column.quote_style == Some('"') && !self.request.reading.ansi_quotes {
            return self.quoted(&column.value);
        }
        if column.value.starts_with('@') || table.is_some_and(|t| t.value.starts_with('@')) {
            return Err(self.refused("a variable"));
        }
        let mut at = Some(scope);
        while let Some(scope) = at {
            let mut found: Option<&ScopeColumn> = None;
            for source in &scope.sources {
                let here = table.is_none_or(|t| t.value == source.alias)
                    && schema.is_none_or(|s| source.schema.as_ref().is_none_or(|own| *own == s.value));
                if !here {
                    continue;
                }
                for own in &source.columns {
                    if (own.hidden && table.is_none()) || !own.name.eq_ignore_ascii_case(&column.value) {
                        continue;
                    }
                    if found.is_some() {
                        let text = format!("Column '{}' in field list is ambiguous", column.value);
                        return Err(Fault::new(FaultKind::AmbiguousColumn, text));
                    }
                    found = Some(own);
                }
            }
            if let Some(found) = found {
                return Ok(self.column(found));
            }
            at = scope.outer;
        }
        if matches!(column.value.to_ascii_uppercase().as_str(), "TRUE" | "FALSE") && table.is_none() {
            let truth = Written::Boolean(column.value.eq_ignore_ascii_case("true"));
            return self.written_value(&truth.into());
        }
        let name = match table {
            Some(table) => format!("{}.{}", table.value, column.value),
            None => column.value.clone(),
        };
        Err(Fault::new(FaultKind::UndefinedColumn, format!("Unknown column '{name}' in 'field list'")))
    }

    /// A column of the scope as an expression.
    pub(super) fn column(&self, column: &ScopeColumn) -> Typed {
        let typed = Typed::new(column.sql.clone(), column.ty.clone(), column.pg.clone()).nullable(column.nullable);
        let text = typed.class() == Class::Text;
        let collation = if text { Collated::Column } else { Collated::Plain };
        let typed = Typed { exact: column.exact, collation, ..typed };
        match (&typed.ty, &typed.pg) {
            // A NULL of no type, from a subquery.
            (MyType::Null, PgType::Unknown) => Typed { pg: PgType::Text, ..typed },
            _ => typed,
        }
    }
}
