//! Arithmetic: whole numbers in 64 bits, DECIMAL digit by digit as MySQL keeps them, DOUBLE.

use sqlparser::ast::{BinaryOperator, Expr};

use super::scope::Scope;
use super::typed::{Class, decimal, fill};
use super::{Open, Typed, Walk};
use crate::base::Fault;
use crate::sql::translate::Sql;
use crate::wire::value::{MyType, PgType};

/// MySQL's `div_precision_increment`.
const DIVISION_DIGITS: u32 = 4;
/// Digits that MySQL keeps in one word of a DECIMAL: quotients are cut at whole words.
const WORD_DIGITS: u32 = 9;

impl Walk<'_> {
    pub(super) fn calculation(
        &mut self,
        left: &Expr,
        op: &BinaryOperator,
        right: &Expr,
        scope: &Scope<'_>,
    ) -> Result<Typed, Fault> {
        if let Some(shifted) = self.shifted_date(left, op, right, scope)? {
            return Ok(shifted);
        }
        let (left, right) = (self.expr(left, scope)?, self.expr(right, scope)?);
        self.calculated(left, op, right)
    }

    pub(super) fn calculated(&mut self, left: Typed, op: &BinaryOperator, right: Typed) -> Result<Typed, Fault> {
        let (left, right) = self.operands(left, right)?;
        let kind = match (left.class(), right.class()) {
            (Class::Double | Class::Null, _) | (_, Class::Double | Class::Null) => Class::Double,
            (Class::Decimal, _) | (_, Class::Decimal) => Class::Decimal,
            _ => Class::Int,
        };
        let flags = Typed::new(Sql::new(), MyType::Double, PgType::Float8).of(&[&left, &right]);
        let out = match (op, kind) {
            (BinaryOperator::Divide, Class::Int | Class::Decimal) => self.quotient(left, right)?,
            (BinaryOperator::MyIntegerDivide, Class::Int | Class::Decimal) => self.whole_quotient(left, right, kind)?,
            (_, Class::Double) => self.of_doubles(left, op, right)?,
            (_, Class::Decimal) => self.of_decimals(left, op, right)?,
            _ => self.of_whole(left, op, right)?,
        };
        let divides = matches!(op, BinaryOperator::Divide | BinaryOperator::Modulo | BinaryOperator::MyIntegerDivide);
        Ok(Typed { nullable: flags.nullable || divides, aggregate: flags.aggregate, ..out })
    }

    /// Both as numbers; a parameter as what stands beside it.
    fn operands(&mut self, left: Typed, right: Typed) -> Result<(Typed, Typed), Fault> {
        let number = |t: &Typed| matches!(t.class(), Class::Int | Class::Decimal | Class::Double);
        let wish = |other: &Typed| match other.class() {
            Class::Int if other.open.is_none() => MyType::BigInt(false),
            Class::Decimal if other.open.is_none() => other.ty.clone(),
            _ => MyType::Double,
        };
        let parameter = |t: &Typed| matches!(t.open, Some(Open::Parameter(_)));
        let a = if parameter(&left) && !number(&left) { wish(&right) } else { MyType::Double };
        let b = if parameter(&right) && !number(&right) { wish(&left) } else { MyType::Double };
        Ok((self.number_of(left, &a)?, self.number_of(right, &b)?))
    }

    fn of_doubles(&mut self, left: Typed, op: &BinaryOperator, right: Typed) -> Result<Typed, Fault> {
        let (a, b) = (self.double(left)?, self.double(right)?);
        let template = match op {
            BinaryOperator::Plus => "({0} + {1})",
            BinaryOperator::Minus => "({0} - {1})",
            BinaryOperator::Multiply => "({0} * {1})",
            BinaryOperator::Divide => "({0} / NULLIF({1}, 0))",
            other => return Err(self.refused(format!("the operator {other} on DOUBLE"))),
        };
        Ok(Typed::new(fill(template, &[&a, &b]), MyType::Double, PgType::Float8))
    }

    fn of_decimals(&mut self, left: Typed, op: &BinaryOperator, right: Typed) -> Result<Typed, Fault> {
        let ((p1, s1), (p2, s2)) = (left.precision(), right.precision());
        let (f1, f2) = (left.frac(), right.frac());
        let widest = (p1 - s1.min(p1)).max(p2 - s2.min(p2));
        let scale = s1.max(s2);
        let (ty, frac, template) = match op {
            BinaryOperator::Plus => (decimal(widest + scale + 1, scale), f1.max(f2), "({0} + {1})"),
            BinaryOperator::Minus => (decimal(widest + scale + 1, scale), f1.max(f2), "({0} - {1})"),
            BinaryOperator::Multiply => (decimal(p1 + p2, s1 + s2), f1 + f2, "({0} * {1})"),
            BinaryOperator::Modulo => (decimal(p1.max(p2), scale), f1.max(f2), "({0} % NULLIF({1}, 0))"),
            other => return Err(self.refused(format!("the operator {other} on DECIMAL"))),
        };
        if frac > 30 {
            return Err(self.refused("a product of so many digits behind the point"));
        }
        let (a, b) = (self.numeric(left)?, self.numeric(right)?);
        let out = Typed::new(fill(template, &[&a, &b]), ty, PgType::Numeric(None));
        Ok(with_frac(out, frac))
    }

    /// `a / b`: MySQL cuts the quotient at whole words of nine digits; MySQL 9 then rounds to the type's scale at once,
    /// MariaDB when the value leaves the expression.
    fn quotient(&mut self, left: Typed, right: Typed) -> Result<Typed, Fault> {
        let ((p1, s1), (_, s2)) = (left.precision(), right.precision());
        let scale = (s1 + DIVISION_DIGITS).min(30);
        let frac = kept_digits(left.frac(), right.frac());
        if frac > 36 {
            return Err(self.refused("a quotient of so many digits behind the point"));
        }
        let (a, b) = (self.numeric(left)?, self.numeric(right)?);
        let cut = cut_quotient(&a, &b, frac);
        let ty = decimal(p1 + s2 + DIVISION_DIGITS, scale);
        if self.mariadb() {
            return Ok(with_frac(Typed::new(cut, ty, PgType::Numeric(None)), frac));
        }
        Ok(Typed::new(fill(&format!("round({{0}}, {scale})"), &[&cut]), ty, PgType::Numeric(None)))
    }

    /// `a DIV b`: the fraction is dropped.
    fn whole_quotient(&mut self, left: Typed, right: Typed, kind: Class) -> Result<Typed, Fault> {
        let (p, s) = left.precision();
        let digits = u8::try_from(p.saturating_sub(s)).unwrap_or(19);
        let sql = if kind == Class::Int {
            self.signed(&left)?;
            self.signed(&right)?;
            fill("({0} / NULLIF({1}, 0))", &[&self.int8(left)?, &self.int8(right)?])
        } else {
            fill("(div({0}, NULLIF({1}, 0))::int8)", &[&self.numeric(left)?, &self.numeric(right)?])
        };
        Ok(self.whole_result(sql, digits))
    }

    fn of_whole(&mut self, left: Typed, op: &BinaryOperator, right: Typed) -> Result<Typed, Fault> {
        self.signed(&left)?;
        self.signed(&right)?;
        let (d1, d2) = (left.digits, right.digits);
        let (digits, template) = match op {
            BinaryOperator::Plus => (d1.max(d2) + 1, "({0} + {1})"),
            BinaryOperator::Minus => (d1.max(d2) + 1, "({0} - {1})"),
            BinaryOperator::Multiply => (d1.saturating_add(d2), "({0} * {1})"),
            BinaryOperator::Modulo => (d1.max(d2), "({0} % NULLIF({1}, 0))"),
            other => return Err(self.refused(format!("the operator {other}"))),
        };
        let (a, b) = (self.int8(left)?, self.int8(right)?);
        Ok(self.whole_result(fill(template, &[&a, &b]), digits))
    }

    /// The type of a whole number that was computed: MariaDB says INT if it is short enough.
    pub(super) fn whole_result(&self, sql: Sql, digits: u8) -> Typed {
        let ty = if self.mariadb() && digits < 10 { MyType::Int(false) } else { MyType::BigInt(false) };
        Typed::new(sql, ty, PgType::Int8).digits(digits.clamp(1, 19))
    }

    /// With a BIGINT UNSIGNED operand MySQL's result is unsigned, and an error below zero.
    fn signed(&self, typed: &Typed) -> Result<(), Fault> {
        if typed.ty == MyType::BigInt(true) {
            return Err(self.refused("arithmetic with BIGINT UNSIGNED"));
        }
        Ok(())
    }

    pub(super) fn minus(&mut self, typed: Typed) -> Result<Typed, Fault> {
        if let Some(number) = &typed.number {
            let other = match number.strip_prefix('-') {
                Some(_) if !self.mariadb() => return Err(self.refused("two signs before a number")),
                Some(positive) => positive.to_owned(),
                None => format!("-{number}"),
            };
            return self.number(&other);
        }
        let typed = self.number_of(typed, &MyType::Double)?;
        let (nullable, aggregate) = (typed.nullable, typed.aggregate);
        let out = match typed.class() {
            Class::Int => {
                self.signed(&typed)?;
                let digits = typed.digits;
                let sql = fill("(- {0})", &[&self.int8(typed)?]);
                self.whole_result(sql, digits)
            }
            Class::Decimal => {
                Typed { sql: fill("(- {0})", &[&self.numeric(typed.clone())?]), pg: PgType::Numeric(None), ..typed }
            }
            _ => Typed::new(fill("(- {0})", &[&self.double(typed)?]), MyType::Double, PgType::Float8),
        };
        Ok(Typed { nullable, aggregate, open: None, ..out })
    }

    /// `&`, `|`, `^`, `<<`, `>>`: on 64 bits without a sign.
    pub(super) fn bits_of(
        &mut self,
        left: &Expr,
        op: &BinaryOperator,
        right: &Expr,
        scope: &Scope<'_>,
    ) -> Result<Typed, Fault> {
        let (left, right) = (self.expr(left, scope)?, self.expr(right, scope)?);
        for side in [&left, &right] {
            if side.open.is_none() && !matches!(side.class(), Class::Int | Class::Decimal) {
                return Err(self.refused(format!("bits of {}", side.ty.sql())));
            }
        }
        let flags = Typed::new(Sql::new(), MyType::BigInt(true), PgType::Numeric(None)).of(&[&left, &right]);
        let shift = right.constant();
        let (a, b) = (self.int8(left)?, self.int8(right)?);
        let sql = match (op, shift) {
            (BinaryOperator::BitwiseAnd, _) => fill("({0} & {1})", &[&a, &b]),
            (BinaryOperator::BitwiseOr, _) => fill("({0} | {1})", &[&a, &b]),
            (BinaryOperator::BitwiseXor, _) => fill("({0} # {1})", &[&a, &b]),
            (BinaryOperator::PGBitwiseShiftLeft, Some(n @ 0..=63)) => fill(&format!("({{0}} << {n})"), &[&a]),
            (BinaryOperator::PGBitwiseShiftRight, Some(0)) => a,
            (BinaryOperator::PGBitwiseShiftRight, Some(n @ 1..=63)) => {
                let mask = (1_i128 << (64 - n)) - 1;
                fill(&format!("(({{0}} >> {n}) & {mask})"), &[&a])
            }
            _ => return Err(self.refused(format!("the operator {op} by anything but a small number"))),
        };
        Ok(Typed { sql: unsigned(&sql), ..flags })
    }

    /// `~x`
    pub(super) fn inverted(&mut self, typed: Typed) -> Result<Typed, Fault> {
        let flags = Typed::new(Sql::new(), MyType::BigInt(true), PgType::Numeric(None)).of(&[&typed]);
        let sql = fill("(~ {0})", &[&self.int8(typed)?]);
        Ok(Typed { sql: unsigned(&sql), ..flags })
    }
}

/// 64 bits read without a sign.
pub(super) fn unsigned(sql: &Sql) -> Sql {
    fill("mod({0}::numeric + 18446744073709551616, 18446744073709551616)", &[sql])
}

/// Digits behind the point that MySQL keeps of a quotient.
pub(super) fn kept_digits(f1: u32, f2: u32) -> u32 {
    let words = |f: u32| f.div_ceil(WORD_DIGITS) * WORD_DIGITS;
    let spare = (words(f1) - f1) + (words(f2) - f2);
    words(words(f1) + words(f2) + DIVISION_DIGITS.saturating_sub(spare))
}

/// A quotient cut behind so many digits: exact, where PostgreSQL's own division would round somewhere.
pub(super) fn cut_quotient(a: &Sql, b: &Sql, frac: u32) -> Sql {
    let zeros = "0".repeat(usize::try_from(frac).unwrap_or(36));
    let unit = format!("0.{}1", zeros.get(1..).unwrap_or(""));
    fill(&format!("(div({{0}} * 1{zeros}, NULLIF({{1}}, 0)) * {unit})"), &[a, b])
}

/// The value has so many digits behind the point, whatever its type says.
pub(super) fn with_frac(typed: Typed, frac: u32) -> Typed {
    let scale = typed.precision().1;
    let frac = if frac == scale { None } else { u8::try_from(frac).ok() };
    Typed { frac, ..typed }
}
