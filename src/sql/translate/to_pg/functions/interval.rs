//! Dates shifted by intervals, and the units between two dates.

use sqlparser::ast::{BinaryOperator, DateTimeField, Expr, Ident, Interval};

use super::super::scope::Scope;
use super::super::typed::{Class, fill};
use super::super::{Open, Typed, Walk};
use crate::base::Fault;
use crate::sql::translate::Sql;
use crate::wire::value::{MyType, PgType};

impl Walk<'_> {
    /// DATE_ADD and its like, whose arguments hold units.
    pub(super) fn of_units(&mut self, name: &str, args: &[&Expr], scope: &Scope<'_>) -> Result<Option<Typed>, Fault> {
        Ok(Some(match (name, args) {
            ("DATE_ADD" | "ADDDATE" | "DATE_SUB" | "SUBDATE", [date, Expr::Interval(interval)]) => {
                self.added(date, interval, matches!(name, "DATE_SUB" | "SUBDATE"), scope)?
            }
            ("TIMESTAMPADD", [unit, count, date]) => {
                let field = self.unit(unit)?;
                let (count, date) = (self.expr(count, scope)?, self.expr(date, scope)?);
                self.shifted(date, false, count, &field)?
            }
            ("TIMESTAMPDIFF", [unit, from, to]) => {
                let field = self.unit(unit)?;
                let (from, to) = (self.expr(from, scope)?, self.expr(to, scope)?);
                self.units_between(&field, from, to)?
            }
            _ => return Ok(None),
        }))
    }

    /// `d + INTERVAL n unit`, `d - INTERVAL n unit`, `INTERVAL n unit + d`.
    pub(in super::super) fn shifted_date(
        &mut self,
        left: &Expr,
        op: &BinaryOperator,
        right: &Expr,
        scope: &Scope<'_>,
    ) -> Result<Option<Typed>, Fault> {
        match (left, op, right) {
            (date, BinaryOperator::Plus, Expr::Interval(interval))
            | (Expr::Interval(interval), BinaryOperator::Plus, date) => {
                self.added(date, interval, false, scope).map(Some)
            }
            (date, BinaryOperator::Minus, Expr::Interval(interval)) => {
                self.added(date, interval, true, scope).map(Some)
            }
            _ => Ok(None),
        }
    }

    fn added(&mut self, date: &Expr, interval: &Interval, minus: bool, scope: &Scope<'_>) -> Result<Typed, Fault> {
        let Interval { value, leading_field, leading_precision, last_field, fractional_seconds_precision } = interval;
        let (Some(field), None, None, None) =
            (leading_field, leading_precision, last_field, fractional_seconds_precision)
        else {
            return Err(self.refused("this INTERVAL"));
        };
        let (date, count) = (self.expr(date, scope)?, self.expr(value, scope)?);
        self.shifted(date, minus, count, field)
    }

    /// The unit of TIMESTAMPDIFF, which the parser takes for a name.
    fn unit(&self, expr: &Expr) -> Result<DateTimeField, Fault> {
        let Expr::Identifier(Ident { value, quote_style: None, .. }) = expr else {
            return Err(self.refused("this unit"));
        };
        let name = value.to_ascii_uppercase();
        Ok(match name.strip_prefix("SQL_TSI_").unwrap_or(&name) {
            "MICROSECOND" => DateTimeField::Microsecond,
            "SECOND" => DateTimeField::Second,
            "MINUTE" => DateTimeField::Minute,
            "HOUR" => DateTimeField::Hour,
            "DAY" => DateTimeField::Day,
            "WEEK" => DateTimeField::Week(None),
            "MONTH" => DateTimeField::Month,
            "QUARTER" => DateTimeField::Quarter,
            "YEAR" => DateTimeField::Year,
            other => return Err(self.refused(format!("the unit {other}"))),
        })
    }

    pub(super) fn shifted(
        &mut self,
        date: Typed,
        minus: bool,
        count: Typed,
        field: &DateTimeField,
    ) -> Result<Typed, Fault> {
        let text = matches!(date.open, Some(Open::Literal(_)));
        let date = self.moment_of(date, 6)?;
        if date.class() == Class::Time {
            return Err(self.refused("an INTERVAL beside a TIME"));
        }
        let flags = Typed::new(Sql::new(), MyType::Null, PgType::Unknown).of(&[&date, &count]);
        let decimals = *field == DateTimeField::Second
            && match &count.open {
                Some(Open::Literal(text)) => text.contains('.'),
                _ => matches!(count.class(), Class::Decimal | Class::Double),
            };
        let (span, days) = match field {
            DateTimeField::Second if decimals => ("{0}::float8 * INTERVAL '1 second'", false),
            DateTimeField::Microsecond => ("{0} * INTERVAL '1 microsecond'", false),
            DateTimeField::Second => ("{0} * INTERVAL '1 second'", false),
            DateTimeField::Minute => ("{0} * INTERVAL '1 minute'", false),
            DateTimeField::Hour => ("{0} * INTERVAL '1 hour'", false),
            DateTimeField::Day => ("{0} * INTERVAL '1 day'", true),
            DateTimeField::Week(None) => ("{0} * INTERVAL '7 days'", true),
            DateTimeField::Month => ("{0} * INTERVAL '1 month'", true),
            DateTimeField::Quarter => ("{0} * INTERVAL '3 months'", true),
            DateTimeField::Year => ("{0} * INTERVAL '1 year'", true),
            other => return Err(self.refused(format!("an INTERVAL of {other}"))),
        };
        let count = if decimals { self.numeric(count)? } else { self.int8(count)? };
        let span = fill(span, &[&count]);
        let sign = if minus { "-" } else { "+" };
        let fraction = match field {
            DateTimeField::Microsecond => 6,
            _ if decimals => 6,
            _ => date.fraction(),
        };
        let whole_days = date.class() == Class::Date && days;
        let local = self.local(date)?;
        let sum = fill(&format!("({{0}} {sign} {{1}})"), &[&local, &span]);
        let out = if whole_days {
            Typed::new(fill("({0}::date)", &[&sum]), MyType::Date, PgType::Date)
        } else {
            Typed::new(sum, MyType::DateTime(fraction), PgType::Timestamp(None))
        };
        let shown = text.then(|| MyType::Char(if self.mariadb() { 19 } else { 29 }));
        Ok(Typed { aggregate: flags.aggregate, shown, ..out })
    }

    /// TIMESTAMPDIFF: whole units, towards zero.
    fn units_between(&mut self, field: &DateTimeField, from: Typed, to: Typed) -> Result<Typed, Fault> {
        let flags = Typed::new(Sql::new(), MyType::Null, PgType::Unknown).of(&[&from, &to]);
        let (a, b) = (self.local(from)?, self.local(to)?);
        let seconds = |per: &str| format!("(trunc(extract(epoch FROM {{1}} - {{0}}) {per})::int8)");
        // Months count once the later one's day and time in its month have passed the earlier one's.
        let months = "(CASE WHEN {0} <= {1} THEN 1 WHEN {0} > {1} THEN -1 END * \
                      ((extract(year FROM GREATEST({0}, {1})) - extract(year FROM LEAST({0}, {1}))) * 12 \
                      + extract(month FROM GREATEST({0}, {1})) - extract(month FROM LEAST({0}, {1})) \
                      - CASE WHEN GREATEST({0}, {1}) - date_trunc('month', GREATEST({0}, {1})) \
                      < LEAST({0}, {1}) - date_trunc('month', LEAST({0}, {1})) THEN 1 ELSE 0 END)::int8)";
        let template = match field {
            DateTimeField::Microsecond => seconds("* 1000000"),
            DateTimeField::Second => seconds(""),
            DateTimeField::Minute => seconds("/ 60"),
            DateTimeField::Hour => seconds("/ 3600"),
            DateTimeField::Day => seconds("/ 86400"),
            DateTimeField::Week(None) => seconds("/ 604800"),
            DateTimeField::Month => months.to_owned(),
            DateTimeField::Quarter => format!("({months} / 3)"),
            DateTimeField::Year => format!("({months} / 12)"),
            other => return Err(self.refused(format!("TIMESTAMPDIFF in {other}"))),
        };
        let out = Typed::new(fill(&template, &[&a, &b]), MyType::BigInt(false), PgType::Int8);
        Ok(Typed { aggregate: flags.aggregate, ..out })
    }
}
