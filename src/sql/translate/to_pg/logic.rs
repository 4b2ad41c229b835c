//! AND, OR, XOR, NOT, IS.

use sqlparser::ast::{BinaryOperator, Expr};

use super::scope::Scope;
use super::typed::fill;
use super::{Open, Typed, Walk};
use crate::base::Fault;
use crate::sql::translate::Sql;
use crate::wire::value::MyType;

impl Walk<'_> {
    pub(super) fn junction(
        &mut self,
        left: &Expr,
        op: &BinaryOperator,
        right: &Expr,
        scope: &Scope<'_>,
    ) -> Result<Typed, Fault> {
        let (left, right) = (self.expr(left, scope)?, self.expr(right, scope)?);
        let flags = Typed::truth(Sql::new(), self.mariadb()).of(&[&left, &right]);
        let (a, b) = (self.as_truth(left)?, self.as_truth(right)?);
        let template = match op {
            BinaryOperator::And => "({0} AND {1})",
            BinaryOperator::Or | BinaryOperator::StringConcat => "({0} OR {1})",
            BinaryOperator::Xor => "({0} <> {1})",
            other => return Err(self.refused(format!("the operator {other}"))),
        };
        Ok(Typed { sql: fill(template, &[&a, &b]), ..flags })
    }

    pub(super) fn negation(&mut self, expr: &Expr, scope: &Scope<'_>) -> Result<Typed, Fault> {
        let typed = self.expr(expr, scope)?;
        let flags = Typed::truth(Sql::new(), self.mariadb()).of(&[&typed]);
        Ok(Typed { sql: fill("(NOT {0})", &[&self.as_truth(typed)?]), ..flags })
    }

    /// `IS [NOT] TRUE`, `IS [NOT] FALSE`, `IS [NOT] UNKNOWN`: never NULL.
    pub(super) fn is_truth(&mut self, expr: &Expr, word: &str, scope: &Scope<'_>) -> Result<Typed, Fault> {
        let typed = self.expr(expr, scope)?;
        let aggregate = typed.aggregate;
        let sql = fill(&format!("({{0}} IS {word})"), &[&self.as_truth(typed)?]);
        let out = Typed::truth(sql, self.mariadb()).nullable(false);
        Ok(Typed { aggregate, ..out })
    }

    /// `IS [NOT] NULL`: never NULL.
    pub(super) fn is_null(&mut self, expr: &Expr, negated: bool, scope: &Scope<'_>) -> Result<Typed, Fault> {
        let typed = self.expr(expr, scope)?;
        let typed = match typed.open {
            Some(Open::Parameter(at)) if typed.ty == MyType::Null => self.decide(at, MyType::Varchar(65_535 / 4)),
            _ => typed,
        };
        let aggregate = typed.aggregate;
        let word = if negated { "IS NOT NULL" } else { "IS NULL" };
        let sql = fill(&format!("({{0}} {word})"), &[&typed.sql]);
        let out = Typed::truth(sql, self.mariadb()).nullable(false);
        Ok(Typed { aggregate, ..out })
    }
}
