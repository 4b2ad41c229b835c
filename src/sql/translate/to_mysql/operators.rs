//! Unary and binary operators: which of PostgreSQL's operators it is by the operands' types, and what computes the same.
//!
//! Whole numbers are computed as BIGINT and checked against the range of PostgreSQL's type: MySQL has no narrower
//! arithmetic, and PostgreSQL raises where it would go on. The check adds and takes off a number that only a value outside
//! of the range takes over BIGINT's own end, where MySQL raises.

use sqlparser::ast::{BinaryOperator as Op, Expr, UnaryOperator};

use super::divide::Side;
use super::expr::sql;
use super::scope::Scope;
use super::types::{NUMERIC, base, called, is_float, is_int, is_moment, is_number, is_numeric, is_text, number_of};
use super::{Typed, Walk};
use crate::base::{Fault, FaultKind};
use crate::sql::translate::Sql;
use crate::wire::value::PgType;

/// What raises an error when it is evaluated: `seed` is a number that is not negative.
pub(super) fn raise(seed: impl Into<Sql>) -> Sql {
    // Signed, for an unsigned sum (of YEAR, on MySQL) would have room for it.
    sql!["(CAST(", seed.into(), " AS SIGNED) + 9223372036854775807 + 1)"]
}

impl From<&str> for Sql {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

/// A BIGINT that raises unless it is in the range of the type.
pub(super) fn in_range(value: Sql, ty: &PgType) -> Sql {
    let room = match ty {
        PgType::Int2 => i64::MAX - i64::from(i16::MAX),
        PgType::Int4 => i64::MAX - i64::from(i32::MAX),
        _ => return value,
    }
    .to_string();
    sql!["(", value, " + ", &room, " - ", &room, " - ", &room, " + ", &room, ")"]
}

/// The number that an expression is as written, if it is one.
pub(super) fn constant(expr: &Expr) -> Option<String> {
    use sqlparser::ast::Value;
    match expr {
        Expr::Nested(inner) => constant(inner),
        Expr::Value(value) => match &value.value {
            Value::Number(digits, false) => super::open::plain_digits(digits),
            _ => None,
        },
        Expr::Cast { expr, .. } => constant(expr),
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => constant(expr).map(|n| format!("-{n}")),
        _ => None,
    }
}

/// Whether the number as written is one other than zero.
fn never_zero(expr: &Expr) -> bool {
    if let Expr::Nested(inner) = expr {
        return never_zero(inner);
    }
    if let Expr::Function(function) = expr
        && function.name.to_string().eq_ignore_ascii_case("nullif")
        && let sqlparser::ast::FunctionArguments::List(list) = &function.args
        && let [_, sqlparser::ast::FunctionArg::Unnamed(sqlparser::ast::FunctionArgExpr::Expr(zero))] =
            list.args.as_slice()
    {
        return constant(zero).is_some_and(|n| n.bytes().all(|b| matches!(b, b'0' | b'.')));
    }
    constant(expr).is_some_and(|n| n.bytes().any(|b| matches!(b, b'1'..=b'9')))
}

/// Whether what is printed for it is certainly a signed number: not a column, which may be UNSIGNED.
fn signed(expr: &Expr) -> bool {
    match expr {
        Expr::Nested(inner) => signed(inner),
        Expr::Value(_) | Expr::UnaryOp { .. } | Expr::BinaryOp { .. } | Expr::Cast { .. } | Expr::Extract { .. } => {
            true
        }
        _ => false,
    }
}

/// Comparisons do not chain in PostgreSQL: `a < b = c` is no expression.
fn chained(expr: &Expr) -> bool {
    matches!(expr, Expr::BinaryOp { op: Op::Eq | Op::NotEq | Op::Lt | Op::LtEq | Op::Gt | Op::GtEq, .. })
}

pub(super) fn undefined(left: &PgType, op: &Op, right: &PgType) -> Fault {
    let what = format!("operator does not exist: {} {op} {}", called(left), called(right));
    Fault::new(FaultKind::UndefinedFunction, what)
        .hint("No operator matches the given name and argument types. You might need to add explicit type casts.")
}

impl Walk<'_> {
    /// `-x`, `+x`, `NOT x`, `~x`, `@x`, `|/x`
    pub(super) fn unary(&mut self, op: UnaryOperator, expr: &Expr, scope: &Scope<'_>) -> Result<Typed, Fault> {
        if let (UnaryOperator::Minus | UnaryOperator::Plus, Expr::BinaryOp { left, op: Op::PGExp, right }) = (op, expr)
        {
            // In PostgreSQL the sign binds closer than the power; the parser has it the other way.
            if matches!(left.as_ref(), Expr::BinaryOp { .. }) {
                return Err(self.refused("a sign before several powers without parentheses"));
            }
            let (a, b) = (self.unary(op, left, scope)?, self.expr(right, scope)?);
            return self.power(a, b);
        }
        if op == UnaryOperator::Not {
            if let Expr::IsDistinctFrom(_, right) | Expr::IsNotDistinctFrom(_, right) = expr
                && matches!(right.as_ref(), Expr::BinaryOp { op: Op::And | Op::Or, .. })
            {
                return Err(self.refused("NOT … IS DISTINCT FROM without parentheses"));
            }
            let inner = self.boolean(expr, scope, "NOT")?;
            return Ok(Typed::new(sql!["(NOT ", &inner, ")"], PgType::Bool));
        }
        let mut typed = self.expr(expr, scope)?;
        if typed.open.is_some() {
            typed = self.coerce(typed, &PgType::Float8)?;
        }
        let ty = base(&typed.ty);
        if ty == PgType::Interval {
            return Err(self.refused("arithmetic with an interval that is not written as one"));
        }
        if !is_number(&ty) {
            let what = format!("operator does not exist: {op} {}", called(&ty));
            return Err(Fault::new(FaultKind::UndefinedFunction, what));
        }
        match op {
            UnaryOperator::Plus => Ok(typed),
            UnaryOperator::Minus => {
                let operand = self.operand(expr, typed, &ty)?;
                Ok(Typed::new(in_range(sql!["(- ", &operand, ")"], &ty_if_checked(expr, &ty)), ty))
            }
            UnaryOperator::BitwiseNot if is_int(&ty) => {
                let operand = self.operand(expr, typed, &ty)?;
                Ok(Typed::new(sql!["(-1 - ", &operand, ")"], ty))
            }
            UnaryOperator::PGAbs => {
                let operand = self.operand(expr, typed, &ty)?;
                Ok(Typed::new(in_range(sql!["ABS(", &operand, ")"], &ty), ty))
            }
            UnaryOperator::PGSquareRoot => {
                let float = self.widen(typed, &PgType::Float8)?;
                self.square_root(float)
            }
            other => Err(self.refused(format!("the operator {other}"))),
        }
    }

    /// A binary operator.
    pub(super) fn binary(&mut self, left: &Expr, op: &Op, right: &Expr, scope: &Scope<'_>) -> Result<Typed, Fault> {
        match op {
            Op::And | Op::Or => {
                let word = if *op == Op::And { " AND " } else { " OR " };
                let (l, r) = (self.boolean(left, scope, word.trim())?, self.boolean(right, scope, word.trim())?);
                Ok(Typed::new(sql!["(", &l, word, &r, ")"], PgType::Bool))
            }
            Op::Eq | Op::NotEq | Op::Lt | Op::LtEq | Op::Gt | Op::GtEq => {
                if chained(left) || chained(right) {
                    return Err(Fault::new(FaultKind::Syntax, format!("syntax error at or near \"{op}\"")));
                }
                self.comparison(left, op, right, scope)
            }
            Op::Plus | Op::Minus | Op::Multiply | Op::Divide | Op::Modulo | Op::PGExp => {
                self.arithmetic(left, op, right, scope)
            }
            Op::BitwiseAnd | Op::BitwiseOr | Op::PGBitwiseXor | Op::PGBitwiseShiftLeft | Op::PGBitwiseShiftRight => {
                self.bits(left, op, right, scope)
            }
            Op::StringConcat => self.concatenation(left, right, scope),
            Op::PGRegexMatch | Op::PGRegexIMatch | Op::PGRegexNotMatch | Op::PGRegexNotIMatch => {
                let fold = matches!(op, Op::PGRegexIMatch | Op::PGRegexNotIMatch);
                let negated = matches!(op, Op::PGRegexNotMatch | Op::PGRegexNotIMatch);
                self.regex(left, right, fold, negated, scope)
            }
            Op::PGLikeMatch => self.like_of(left, right, None, false, false, scope),
            Op::PGNotLikeMatch => self.like_of(left, right, None, false, true, scope),
            Op::PGILikeMatch => self.like_of(left, right, None, true, false, scope),
            Op::PGNotILikeMatch => self.like_of(left, right, None, true, true, scope),
            Op::PGStartsWith => self.starts_with(left, right, scope),
            Op::Arrow | Op::LongArrow | Op::HashArrow | Op::HashLongArrow => self.json_access(left, op, right, scope),
            Op::PGCustomBinaryOperator(path) => match path.as_slice() {
                [schema, name] if schema == "pg_catalog" => {
                    let known = match name.as_str() {
                        "=" => Op::Eq,
                        "<>" => Op::NotEq,
                        "<" => Op::Lt,
                        ">" => Op::Gt,
                        "<=" => Op::LtEq,
                        ">=" => Op::GtEq,
                        "+" => Op::Plus,
                        "-" => Op::Minus,
                        "*" => Op::Multiply,
                        "/" => Op::Divide,
                        "||" => Op::StringConcat,
                        "~" => Op::PGRegexMatch,
                        "~~" => Op::PGLikeMatch,
                        _ => return Err(self.refused(format!("the operator {op}"))),
                    };
                    self.binary(left, &known, right, scope)
                }
                _ => Err(self.refused(format!("the operator {op}"))),
            },
            other => Err(self.refused(format!("the operator {other}"))),
        }
    }

    /// Both sides of an operator; an open one takes the other's type, as PostgreSQL assumes.
    pub(super) fn operands(&mut self, left: &Expr, right: &Expr, scope: &Scope<'_>) -> Result<(Typed, Typed), Fault> {
        let (l, r) = (self.expr(left, scope)?, self.expr(right, scope)?);
        self.meet(l, r)
    }

    /// Open ones take the type of the other side.
    pub(super) fn meet(&mut self, l: Typed, r: Typed) -> Result<(Typed, Typed), Fault> {
        Ok(match (l.open.is_some(), r.open.is_some()) {
            (true, false) => {
                let ty = met(&r.ty);
                (self.coerce(l, &ty)?, r)
            }
            (false, true) => {
                let ty = met(&l.ty);
                let r = self.coerce(r, &ty)?;
                (l, r)
            }
            (true, true) => {
                let l = self.settle(l)?;
                (l, self.settle(r)?)
            }
            (false, false) => (l, r),
        })
    }

    fn arithmetic(&mut self, left: &Expr, op: &Op, right: &Expr, scope: &Scope<'_>) -> Result<Typed, Fault> {
        if let Some(typed) = self.with_interval(left, op, right, scope)? {
            return Ok(typed);
        }
        let (l, r) = (self.expr(left, scope)?, self.expr(right, scope)?);
        if temporal(&l.ty) || temporal(&r.ty) {
            return self.moments(l, op, r);
        }
        if l.open.is_some() && r.open.is_some() {
            let what = format!("operator is not unique: unknown {op} unknown");
            return Err(Fault::new(FaultKind::UndefinedFunction, what));
        }
        let (l, r) = self.meet(l, r)?;
        let Some(ty) = number_of(&l.ty, &r.ty) else { return Err(undefined(&l.ty, op, &r.ty)) };
        if *op == Op::PGExp {
            return self.power(l, r);
        }
        let sides = (Side::of(Some(left), &l.ty), Side::of(Some(right), &r.ty));
        let (l, r) = (self.operand(left, l, &ty)?, self.operand(right, r, &ty)?);
        match op {
            Op::Divide => self.division((l, sides.0), (r, sides.1), never_zero(right), &ty),
            Op::Modulo if is_float(&ty) => Err(undefined(&ty, op, &ty)),
            Op::Modulo => {
                let divisor = divisor(&r, never_zero(right));
                Ok(Typed::new(sql!["(", &l, " % ", divisor, ")"], ty))
            }
            _ => {
                let sign = match op {
                    Op::Plus => " + ",
                    Op::Minus => " - ",
                    _ => " * ",
                };
                let value = sql!["(", &l, sign, &r, ")"];
                if ty == PgType::Float4 {
                    return Ok(self.single(value));
                }
                Ok(Typed::new(in_range(value, &ty), ty))
            }
        }
    }

    /// An operand as MySQL must see it to compute as PostgreSQL's type: signed, and of the right kind.
    pub(super) fn operand(&mut self, expr: &Expr, typed: Typed, ty: &PgType) -> Result<Typed, Fault> {
        let typed = if is_int(&typed.ty) && !signed(expr) && (is_int(ty) || is_numeric(ty)) {
            Typed { sql: sql!["CAST(", &typed, " AS SIGNED)"], ..typed }
        } else if matches!(typed.ty, PgType::Numeric(Some((20, 0)))) && !signed(expr) && is_numeric(ty) {
            Typed { sql: sql!["CAST(", &typed, " AS DECIMAL(20,0))"], ..typed }
        } else {
            typed
        };
        if constant(expr).is_some() && is_numeric(ty) && is_int(&typed.ty) {
            return Ok(Typed { ty: NUMERIC, ..typed });
        }
        self.widen(typed, ty)
    }

    /// A double rounded to single precision, as PostgreSQL's `real` operators give it.
    pub(super) fn single(&self, value: Sql) -> Typed {
        let cast = sql!["CAST(", value, " AS FLOAT)"];
        let shown = sql!["(", &cast, " + 0e0)"];
        let mut typed = Typed::new(cast, PgType::Float4);
        typed.shown = Some(shown);
        typed
    }

    fn division(
        &mut self,
        (l, left): (Typed, Side),
        (r, right): (Typed, Side),
        safe: bool,
        ty: &PgType,
    ) -> Result<Typed, Fault> {
        let by = divisor(&r, safe);
        if is_int(ty) {
            return Ok(Typed::new(in_range(sql!["(", &l, " DIV ", by, ")"], ty), ty.clone()));
        }
        if *ty == PgType::Float4 {
            return Ok(self.single(sql!["(", &l, " / ", by, ")"]));
        }
        if is_float(ty) {
            return Ok(Typed::new(sql!["(", &l, " / ", by, ")"], ty.clone()));
        }
        Ok(self.quotient(&left.printed(&l.sql), &right.printed(&r.sql), &by))
    }

    fn bits(&mut self, left: &Expr, op: &Op, right: &Expr, scope: &Scope<'_>) -> Result<Typed, Fault> {
        let (l, r) = (self.expr(left, scope)?, self.expr(right, scope)?);
        let shift = matches!(op, Op::PGBitwiseShiftLeft | Op::PGBitwiseShiftRight);
        let (l, r) = self.meet(l, r)?;
        if !is_int(&l.ty) || !is_int(&r.ty) {
            return Err(undefined(&l.ty, op, &r.ty));
        }
        if shift {
            return self.shift(left, l, op, right);
        }
        let ty = number_of(&l.ty, &r.ty).unwrap_or(PgType::Int8);
        let (l, r) = (self.operand(left, l, &ty)?, self.operand(right, r, &ty)?);
        let word = match op {
            Op::BitwiseAnd => " & ",
            Op::BitwiseOr => " | ",
            _ => " ^ ",
        };
        // MySQL's bit operators give BIGINT UNSIGNED.
        Ok(Typed::new(sql!["CAST((", &l, word, &r, ") AS SIGNED)"], ty))
    }

    /// Only by a constant: PostgreSQL takes the distance modulo the type's width, and drops bits at its end.
    fn shift(&mut self, left: &Expr, l: Typed, op: &Op, right: &Expr) -> Result<Typed, Fault> {
        let ty = l.ty.clone();
        let Some(by) = constant(right).and_then(|n| n.parse::<u32>().ok()).filter(|n| *n < 31) else {
            return Err(self.refused(format!("{op} by anything but a small number")));
        };
        let operand = self.operand(left, l, &ty)?;
        let factor = (1_u64 << by).to_string();
        Ok(Typed::new(
            match op {
                Op::PGBitwiseShiftLeft => in_range(sql!["(", &operand, " * ", &factor, ")"], &ty),
                _ => sql!["CAST(FLOOR(", &operand, " / ", &factor, ") AS SIGNED)"],
            },
            ty,
        ))
    }

    /// `||`: of text and of what has a text.
    fn concatenation(&mut self, left: &Expr, right: &Expr, scope: &Scope<'_>) -> Result<Typed, Fault> {
        let (l, r) = (self.expr(left, scope)?, self.expr(right, scope)?);
        let both = [&l.ty, &r.ty];
        if both.iter().any(|ty| matches!(ty, PgType::Json | PgType::Jsonb | PgType::Array(_) | PgType::Varbit(_))) {
            return Err(self.refused(format!("|| of {} and {}", called(&l.ty), called(&r.ty))));
        }
        if both.iter().any(|ty| **ty == PgType::Bytea) {
            let (l, r) = (self.coerce(l, &PgType::Bytea)?, self.coerce(r, &PgType::Bytea)?);
            return Ok(Typed::new(sql!["CONCAT(", &l, ", ", &r, ")"], PgType::Bytea));
        }
        if !both.iter().any(|ty| is_text(ty) || **ty == PgType::Unknown) {
            return Err(undefined(&l.ty, &Op::StringConcat, &r.ty));
        }
        let (l, r) = (self.as_text(l)?, self.as_text(r)?);
        Ok(Typed::new(sql!["CONCAT(", &l, ", ", &r, ")"], PgType::Text))
    }
}

/// The type that an open operand takes beside one of this type: the operators of varchar are those of text.
pub(super) fn met(ty: &PgType) -> PgType {
    if matches!(ty, PgType::Varchar(_)) { PgType::Text } else { base(ty) }
}

/// Negation of a plain number needs no check.
fn ty_if_checked(expr: &Expr, ty: &PgType) -> PgType {
    if constant(expr).is_some() { PgType::Int8 } else { ty.clone() }
}

/// A divisor that raises when it is zero: MySQL would give NULL.
pub(super) fn divisor(typed: &Typed, safe: bool) -> Sql {
    if safe {
        return typed.sql.clone();
    }
    // The sign is a BIGINT whatever the divisor is, so that the sum is out of range.
    sql!["IF(", typed, " = 0, ", raise(sql!["SIGN(", typed, ")"]), ", ", typed, ")"]
}

/// Whether a type is one that arithmetic with moments is about.
pub(super) fn temporal(ty: &PgType) -> bool {
    is_moment(ty) || matches!(ty, PgType::Time(_) | PgType::Interval)
}
