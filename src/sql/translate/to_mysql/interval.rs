//! Intervals: never values of their own, but what is added to a moment or compared with a distance of two.

use sqlparser::ast::{BinaryOperator as Op, DataType, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Interval};
use sqlparser::ast::{UnaryOperator, Value as Ast};

use super::compare::inside;
use super::expr::sql;
use super::operators::{raise, undefined};
use super::scope::Scope;
use super::types::{base, called, is_int, is_moment, is_numeric};
use super::{Typed, Walk};
use crate::base::Fault;
use crate::sql::translate::Sql;
use crate::wire::value::{PgType, Value};

const DAY_MICROS: i64 = 86_400_000_000;

/// PostgreSQL's three parts, each as an expression.
#[derive(Clone, Default)]
pub(super) struct Span {
    months: Option<Sql>,
    days: Option<Sql>,
    micros: Option<Sql>,
    /// Of a constant: the parts.
    fixed: Option<(i64, i64, i64)>,
}

impl Span {
    fn constant(months: i64, days: i64, micros: i64) -> Self {
        let part = |n: i64| (n != 0).then(|| Sql::text(format!("({n})")));
        Self { months: part(months), days: part(days), micros: part(micros), fixed: Some((months, days, micros)) }
    }

    /// Every part through a function.
    fn each(self, f: impl Fn(Sql) -> Sql) -> Self {
        Self { months: self.months.map(&f), days: self.days.map(&f), micros: self.micros.map(&f), fixed: None }
    }

    fn negative(self) -> Self {
        match self.fixed {
            Some((m, d, u)) => Self::constant(-m, -d, -u),
            None => self.each(|part| sql!["(- ", part, ")"]),
        }
    }

    /// The parts that depend on a row.
    fn all(&self) -> Vec<Sql> {
        if self.fixed.is_some() {
            return Vec::new();
        }
        [&self.months, &self.days, &self.micros].into_iter().filter_map(Clone::clone).collect()
    }

    /// What it counts in comparisons: months of thirty days.
    fn total(&self) -> Sql {
        if let Some((m, d, u)) = self.fixed {
            let micros = i128::from(m * 30 + d) * i128::from(DAY_MICROS) + i128::from(u);
            return Sql::text(format!("({micros})"));
        }
        let zero = || Sql::text("0");
        sql![
            "((",
            self.months.clone().unwrap_or_else(zero),
            " * 30 + ",
            self.days.clone().unwrap_or_else(zero),
            ") * 86400000000 + ",
            self.micros.clone().unwrap_or_else(zero),
            ")"
        ]
    }
}

impl Walk<'_> {
    /// Whether an expression is written as an interval.
    fn is_interval(&self, expr: &Expr) -> bool {
        match inside(expr) {
            Expr::Interval(_) => true,
            Expr::TypedString(typed) => matches!(typed.data_type, DataType::Interval { .. }),
            Expr::Cast { data_type, .. } => matches!(data_type, DataType::Interval { .. }),
            Expr::UnaryOp { op: UnaryOperator::Minus, expr } => self.is_interval(expr),
            Expr::BinaryOp { left, op: Op::Multiply, right } => self.is_interval(left) || self.is_interval(right),
            Expr::BinaryOp { left, op: Op::Divide, right: _ } => self.is_interval(left),
            Expr::BinaryOp { left, op: Op::Plus | Op::Minus, right } => {
                self.is_interval(left) && self.is_interval(right)
            }
            Expr::Function(function) => function.name.to_string().eq_ignore_ascii_case("make_interval"),
            _ => false,
        }
    }

    /// The parts of an interval.
    fn span(&mut self, expr: &Expr, scope: &Scope<'_>) -> Result<Span, Fault> {
        match inside(expr) {
            Expr::Interval(interval) => self.written_interval(interval),
            Expr::TypedString(typed) => match &typed.value.value {
                Ast::SingleQuotedString(text) => self.span_of(text),
                _ => Err(self.refused("this interval")),
            },
            Expr::Cast { expr, data_type: DataType::Interval { fields: None, precision: None }, .. } => {
                match inside(expr) {
                    Expr::Value(value) => match &value.value {
                        Ast::SingleQuotedString(text) => self.span_of(text),
                        _ => Err(self.refused("a parameter of type interval")),
                    },
                    Expr::BinaryOp { left, op: Op::StringConcat, right } => self.counted(left, right, scope),
                    _ => Err(self.refused("a cast to interval")),
                }
            }
            Expr::UnaryOp { op: UnaryOperator::Minus, expr } => Ok(self.span(expr, scope)?.negative()),
            Expr::BinaryOp { left, op: Op::Multiply, right } => {
                let (interval, factor) = if self.is_interval(left) { (left, right) } else { (right, left) };
                let span = self.span(interval, scope)?;
                self.times(span, factor, scope)
            }
            Expr::BinaryOp { left, op: op @ (Op::Plus | Op::Minus), right } => {
                let (l, r) = (self.span(left, scope)?, self.span(right, scope)?);
                let r = if *op == Op::Minus { r.negative() } else { r };
                match (l.fixed, r.fixed) {
                    (Some(a), Some(b)) => Ok(Span::constant(a.0 + b.0, a.1 + b.1, a.2 + b.2)),
                    _ => {
                        let sum = |a: Option<Sql>, b: Option<Sql>| match (a, b) {
                            (Some(a), Some(b)) => Some(sql!["(", a, " + ", b, ")"]),
                            (a, b) => a.or(b),
                        };
                        Ok(Span {
                            months: sum(l.months, r.months),
                            days: sum(l.days, r.days),
                            micros: sum(l.micros, r.micros),
                            fixed: None,
                        })
                    }
                }
            }
            Expr::Function(function) => self.made(&function.args, scope),
            other => Err(self.refused(format!("the interval {other}"))),
        }
    }

    fn written_interval(&mut self, interval: &Interval) -> Result<Span, Fault> {
        let Interval { value, leading_field, leading_precision, last_field, fractional_seconds_precision } = interval;
        let plain = leading_precision.is_none() && last_field.is_none() && fractional_seconds_precision.is_none();
        let text = match inside(value) {
            Expr::Value(value) => match &value.value {
                Ast::SingleQuotedString(text) | Ast::EscapedStringLiteral(text) => text.clone(),
                _ => return Err(self.refused("this interval")),
            },
            _ => return Err(self.refused("this interval")),
        };
        match leading_field {
            None if plain => self.span_of(&text),
            Some(unit) if plain && text.trim().parse::<i32>().is_ok() => self.span_of(&format!("{text} {unit}")),
            _ => Err(self.refused("an interval with fields")),
        }
    }

    /// An interval's text.
    fn span_of(&self, text: &str) -> Result<Span, Fault> {
        match self.read(text, &PgType::Interval)? {
            Value::Interval { months, days, micros } => Ok(Span::constant(i64::from(months), i64::from(days), micros)),
            _ => Err(self.refused(format!("the interval '{text}'"))),
        }
    }

    /// `(n || ' days')::interval` with a whole `n`.
    fn counted(&mut self, number: &Expr, unit: &Expr, scope: &Scope<'_>) -> Result<Span, Fault> {
        let Expr::Value(value) = inside(unit) else { return Err(self.refused("a cast of text to interval")) };
        let Ast::SingleQuotedString(unit) = &value.value else {
            return Err(self.refused("a cast of text to interval"));
        };
        let typed = self.expr(number, scope)?;
        if !is_int(&typed.ty) || !unit.starts_with(' ') && !unit.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return Err(self.refused("a cast of text to interval"));
        }
        let one = self.span_of(&format!("1 {}", unit.trim()))?;
        Ok(multiplied(one, &typed.sql))
    }

    fn times(&mut self, span: Span, factor: &Expr, scope: &Scope<'_>) -> Result<Span, Fault> {
        let typed = self.expr(factor, scope)?;
        if is_int(&typed.ty) {
            return Ok(multiplied(span, &typed.sql));
        }
        let typed = match typed.open {
            Some(_) => self.coerce(typed, &PgType::Float8)?,
            None => typed,
        };
        let Some((0, days, micros)) = span.fixed else {
            return Err(self.refused("months times a number that is not whole"));
        };
        if !is_numeric(&typed.ty) && typed.ty != PgType::Float8 {
            return Err(undefined(&PgType::Interval, &Op::Multiply, &typed.ty));
        }
        let total = (days * DAY_MICROS + micros).to_string();
        let product = sql!["CAST(ROUND(", &typed, " * ", &total, ") AS SIGNED)"];
        Ok(Span { micros: Some(product), ..Span::default() })
    }

    /// `make_interval(days => n, …)`
    fn made(&mut self, arguments: &FunctionArguments, scope: &Scope<'_>) -> Result<Span, Fault> {
        let FunctionArguments::List(list) = arguments else { return Err(self.refused("make_interval")) };
        let order = ["years", "months", "weeks", "days", "hours", "mins", "secs"];
        let mut out = Span::default();
        for (at, argument) in list.args.iter().enumerate() {
            let (name, value) = match argument {
                FunctionArg::Named { name, arg: FunctionArgExpr::Expr(value), operator: _ } => {
                    (name.value.to_ascii_lowercase(), value)
                }
                FunctionArg::ExprNamed {
                    name: Expr::Identifier(name),
                    arg: FunctionArgExpr::Expr(value),
                    operator: _,
                } => (name.value.to_ascii_lowercase(), value),
                FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) => {
                    (order.get(at).map_or(String::new(), |n| (*n).to_owned()), value)
                }
                _ => return Err(self.refused("this form of make_interval")),
            };
            let wanted = if name == "secs" { PgType::Float8 } else { PgType::Int4 };
            let typed = self.expr(value, scope)?;
            let typed = if typed.open.is_some() { self.coerce(typed, &wanted)? } else { typed };
            let (slot, factor) = match name.as_str() {
                "years" => (&mut out.months, "12"),
                "months" => (&mut out.months, "1"),
                "weeks" => (&mut out.days, "7"),
                "days" => (&mut out.days, "1"),
                "hours" => (&mut out.micros, "3600000000"),
                "mins" => (&mut out.micros, "60000000"),
                "secs" => (&mut out.micros, "1000000"),
                _ => return Err(self.refused("this form of make_interval")),
            };
            if !is_int(&typed.ty) && name != "secs" {
                return Err(self.refused("make_interval of numbers that are not whole"));
            }
            let part = if is_int(&typed.ty) {
                sql!["(", &typed, " * ", factor, ")"]
            } else {
                sql!["CAST(ROUND(", &typed, " * ", factor, ") AS SIGNED)"]
            };
            *slot = Some(match slot.take() {
                Some(before) => sql!["(", before, " + ", part, ")"],
                None => part,
            });
        }
        Ok(out)
    }

    /// `moment ± interval`
    pub(super) fn with_interval(
        &mut self,
        left: &Expr,
        op: &Op,
        right: &Expr,
        scope: &Scope<'_>,
    ) -> Result<Option<Typed>, Fault> {
        let (moment, interval, negative) = match op {
            Op::Plus if self.is_interval(right) => (left, right, false),
            Op::Plus if self.is_interval(left) => (right, left, false),
            Op::Minus if self.is_interval(right) => (left, right, true),
            _ => return Ok(None),
        };
        if self.is_interval(moment) {
            return Err(self.refused("an interval as a value"));
        }
        let span = self.span(interval, scope)?;
        let span = if negative { span.negative() } else { span };
        let typed = self.expr(moment, scope)?;
        if typed.open.is_some() {
            return Err(self.refused("an interval and a value of unknown type"));
        }
        self.moved(typed, &span).map(Some)
    }

    /// A moment moved by an interval: months first, then days, then time, as PostgreSQL does.
    fn moved(&mut self, typed: Typed, span: &Span) -> Result<Typed, Fault> {
        let (start, ty) = match base(&typed.ty) {
            PgType::Date => (sql!["CAST(", &typed, " AS DATETIME(6))"], PgType::Timestamp(None)),
            ty @ PgType::Timestamp(_) => (typed.sql.clone(), ty),
            ty @ PgType::TimestampTz(_) => {
                let whole_days = span.months.is_some() || span.days.is_some();
                if whole_days && !self.is_utc() {
                    return Err(self.refused("days added to a timestamp with time zone outside of UTC"));
                }
                (typed.sql.clone(), ty)
            }
            PgType::Time(_) => return self.turned(&typed, span),
            other => return Err(undefined(&other, &Op::Plus, &PgType::Interval)),
        };
        let mut out = start.clone();
        for (part, unit) in [(&span.months, "MONTH"), (&span.days, "DAY"), (&span.micros, "MICROSECOND")] {
            if let Some(part) = part {
                out = sql!["(", out, " + INTERVAL ", part, " ", unit, ")"];
            }
        }
        let out =
            if span.fixed.is_some() && on_the_clock(&typed.sql) { out } else { kept(out, &typed.sql, &span.all()) };
        Ok(Typed::new(out, ty))
    }

    /// A time of the day moved by an interval: months and days do nothing, and after midnight it begins again.
    fn turned(&self, typed: &Typed, span: &Span) -> Result<Typed, Fault> {
        let Some((_, _, micros)) = span.fixed else { return Err(self.refused("an interval added to a time")) };
        let micros = micros.rem_euclid(DAY_MICROS).to_string();
        // On the day of a date, whose date is then taken off.
        let day = sql!["ADDTIME(TIMESTAMP'2000-01-01 00:00:00', ", typed, ")"];
        let moved = sql!["CAST(CAST((", day, " + INTERVAL ", &micros, " MICROSECOND) AS DATETIME(6)) AS TIME(6))"];
        Ok(Typed::new(moved, PgType::Time(None)))
    }

    /// `date ± n`, `date - date`, `date + time`: both sides known or open.
    pub(super) fn moments(&mut self, l: Typed, op: &Op, r: Typed) -> Result<Typed, Fault> {
        if l.ty == PgType::Interval || r.ty == PgType::Interval {
            return Err(self.refused("arithmetic with an interval that is not written as one"));
        }
        if !matches!(op, Op::Plus | Op::Minus) {
            return Err(undefined(&l.ty, op, &r.ty));
        }
        let (l, r) = match (l.ty == PgType::Date, r.open.is_some(), op) {
            (true, true, Op::Minus) => {
                let r = self.coerce(r, &PgType::Date)?;
                (l, r)
            }
            (_, true, _) => return Err(self.refused(format!("{} {op} a value of unknown type", called(&l.ty)))),
            _ => self.meet(l, r)?,
        };
        let plus = *op == Op::Plus;
        match (base(&l.ty), base(&r.ty)) {
            (PgType::Date, PgType::Int4 | PgType::Int2) => {
                let sign = if plus { " + " } else { " - " };
                let moved = sql!["(", &l, sign, "INTERVAL ", &r, " DAY)"];
                Ok(Typed::new(kept(moved, &l.sql, std::slice::from_ref(&r.sql)), PgType::Date))
            }
            (PgType::Int4 | PgType::Int2, PgType::Date) if plus => {
                let moved = sql!["(", &r, " + INTERVAL ", &l, " DAY)"];
                Ok(Typed::new(kept(moved, &r.sql, std::slice::from_ref(&l.sql)), PgType::Date))
            }
            (PgType::Date, PgType::Date) if !plus => Ok(Typed::new(sql!["DATEDIFF(", &l, ", ", &r, ")"], PgType::Int4)),
            (PgType::Date, PgType::Time(_)) if plus => {
                let day = sql!["CAST(", &l, " AS DATETIME(6))"];
                Ok(Typed::new(sql!["ADDTIME(", day, ", ", &r, ")"], PgType::Timestamp(None)))
            }
            (a, b) if is_moment(&a) && is_moment(&b) && !plus => {
                let (l, r) = self.alike(l, op, r)?;
                // As microseconds: the client's value is made of days of 24 hours and the rest, as PostgreSQL does.
                Ok(Typed::new(sql!["TIMESTAMPDIFF(MICROSECOND, ", &r, ", ", &l, ")"], PgType::Interval))
            }
            (PgType::Time(_), PgType::Time(_)) if !plus => Err(self.refused("an interval as a value")),
            (a, b) => Err(undefined(&a, op, &b)),
        }
    }

    /// The microseconds between two timestamps, if the expression is their difference.
    pub(super) fn distance(&mut self, expr: &Expr, scope: &Scope<'_>) -> Result<Option<Sql>, Fault> {
        let Expr::BinaryOp { left, op: Op::Minus, right } = inside(expr) else { return Ok(None) };
        if self.is_interval(right) {
            return Ok(None);
        }
        let (l, r) = (self.expr(left, scope)?, self.expr(right, scope)?);
        let (l, r) = match (is_moment(&l.ty), is_moment(&r.ty)) {
            (true, true) | (true, false) | (false, true) => self.meet(l, r)?,
            (false, false) => return Ok(None),
        };
        if !is_moment(&l.ty) || !is_moment(&r.ty) || (l.ty == PgType::Date && r.ty == PgType::Date) {
            return Ok(None);
        }
        let (l, r) = self.alike(l, &Op::Minus, r)?;
        Ok(Some(sql!["TIMESTAMPDIFF(MICROSECOND, ", &r, ", ", &l, ")"]))
    }

    /// `a - b > interval '1 day'`
    pub(super) fn span_comparison(
        &mut self,
        left: &Expr,
        op: &Op,
        right: &Expr,
        scope: &Scope<'_>,
    ) -> Result<Option<Typed>, Fault> {
        let (li, ri) = (self.is_interval(left), self.is_interval(right));
        if !li && !ri {
            return Ok(None);
        }
        let mut sides = Vec::new();
        for (side, interval) in [(left, li), (right, ri)] {
            sides.push(if interval {
                self.span(side, scope)?.total()
            } else {
                match self.distance(side, scope)? {
                    Some(distance) => distance,
                    None => return Err(self.refused("a comparison with an interval")),
                }
            });
        }
        let word = format!(" {op} ");
        let between = Sql::joined(sides, &word).wrapped("(", ")");
        Ok(Some(Typed::new(between, PgType::Bool)))
    }
}

fn multiplied(span: Span, factor: &Sql) -> Span {
    if let Some((m, d, u)) = span.fixed {
        let part = |n: i64| match n {
            0 => None,
            1 => Some(factor.clone()),
            n => Some(sql!["(", factor, " * ", &n.to_string(), ")"]),
        };
        return Span { months: part(m), days: part(d), micros: part(u), fixed: None };
    }
    span.each(|part| sql!["(", part, " * ", factor, ")"])
}

/// Whether a moment is the present: nowhere near the calendar's ends, and the same for all rows, as an index wants it.
fn on_the_clock(moment: &Sql) -> bool {
    matches!(moment.parts(), [crate::sql::translate::Part::Text(text)] if text.starts_with("UTC_") || text.starts_with("(UTC_"))
}

/// A moved moment that raises beyond the calendar's ends, where MySQL gives NULL.
fn kept(moved: Sql, from: &Sql, by: &[Sql]) -> Sql {
    let mut known = sql![from, " IS NOT NULL"];
    for part in by {
        known.append(sql![" AND ", part, " IS NOT NULL"]);
    }
    sql!["IF(", &moved, " IS NULL AND ", known, ", ", raise(sql!["YEAR(", from, ")"]), ", ", &moved, ")"]
}
