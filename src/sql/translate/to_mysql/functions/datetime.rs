//! Functions of dates and times. Moments are kept in UTC on the backend; what depends on the client's time zone is
//! computed there when the zone's offset never changes, else refused.
//!
//! `now()` is the statement's start here, not the transaction's: MySQL has no name for the latter.

use sqlparser::ast::Expr;

use super::super::expr::sql;
use super::super::operators::raise;
use super::super::scope::Scope;
use super::super::types::{NUMERIC, base, is_float, is_int, is_text};
use super::super::{Typed, Walk};
use super::{Call, to_char};
use crate::base::{Fault, FaultKind};
use crate::sql::translate::Sql;
use crate::wire::value::PgType;

impl Walk<'_> {
    pub(super) fn moment_function(&mut self, call: &Call<'_>, scope: &Scope<'_>) -> Result<Option<Typed>, Fault> {
        Ok(Some(match call.name {
            "now" | "transaction_timestamp" | "statement_timestamp" if call.args.is_empty() => {
                self.clock("now", None)?
            }
            "clock_timestamp" if call.args.is_empty() => Typed::text("SYSDATE(6)", PgType::TimestampTz(None)),
            "current_timestamp" | "localtimestamp" => {
                let digits = call.args.first().and_then(|n| self.constant_int(n)).and_then(|n| u8::try_from(n).ok());
                if digits.is_none() && !call.args.is_empty() {
                    return Err(self.refused(format!("this form of {}", call.name)));
                }
                self.clock(call.name, digits)?
            }
            "date_trunc" => self.date_trunc(call, scope)?,
            "date" | "timestamptz" | "timestamp" if call.args.len() == 1 => {
                let ty = match call.name {
                    "date" => PgType::Date,
                    "timestamp" => PgType::Timestamp(None),
                    _ => PgType::TimestampTz(None),
                };
                let Some(expr) = call.args.first() else { return Ok(None) };
                let typed = self.expr(expr, scope)?;
                self.explicit(typed, &ty)?
            }
            "make_date" => self.make_date(call, scope)?,
            "to_char" => self.to_char(call, scope)?,
            "to_date" => self.to_date(call, scope)?,
            "to_timestamp" if call.args.len() == 1 => {
                let seconds = self.seconds_arg(call, scope)?;
                let micros = sql!["CAST(ROUND(", &seconds, " * 1000000) AS SIGNED)"];
                let start = "(TIMESTAMP'1970-01-01 00:00:00' + INTERVAL ";
                Typed::new(sql![start, micros, " MICROSECOND)"], PgType::TimestampTz(None))
            }
            _ => return Ok(None),
        }))
    }

    fn seconds_arg(&mut self, call: &Call<'_>, scope: &Scope<'_>) -> Result<Typed, Fault> {
        let Some(expr) = call.args.first() else { return Err(self.no_such(call, &[])) };
        let typed = self.expr(expr, scope)?;
        let typed = if typed.open.is_some() { self.coerce(typed, &PgType::Float8)? } else { typed };
        if is_int(&typed.ty) || is_float(&typed.ty) {
            return Ok(typed);
        }
        self.widen(typed, &PgType::Float8)
    }

    /// The clock, as one of its functions.
    pub(super) fn clock(&mut self, name: &str, digits: Option<u8>) -> Result<Typed, Fault> {
        let now = Sql::text(format!("UTC_TIMESTAMP({})", digits.unwrap_or(6).min(6)));
        Ok(match name {
            "current_date" => match self.is_utc() {
                true => Typed::text("UTC_DATE()", PgType::Date),
                false => Typed::new(sql!["DATE(", self.local(now)?, ")"], PgType::Date),
            },
            "localtimestamp" => Typed::new(self.local(now)?, PgType::Timestamp(digits)),
            _ => Typed::new(now, PgType::TimestampTz(digits)),
        })
    }

    /// The client's offset from UTC in seconds, if it is always the same.
    fn offset(&self) -> Result<i32, Fault> {
        let Some(zone) = self.zone() else {
            return Err(self.refused("a local time without a known TimeZone"));
        };
        match zone.to_fixed_offset() {
            Ok(offset) => Ok(offset.seconds()),
            Err(_) if self.is_utc() => Ok(0),
            Err(_) => {
                let name = &self.request.facts.time_zone;
                Err(self
                    .refused(format!("a local time in the time zone {name}"))
                    .hint("SET TimeZone = 'UTC', or compute with timestamps that have their offset."))
            }
        }
    }

    /// Whether the client's local time is UTC.
    pub(in super::super) fn is_utc(&self) -> bool {
        self.zone().is_some_and(|zone| zone == jiff::tz::TimeZone::UTC)
    }

    fn moved_by(&self, value: Sql, seconds: i32) -> Sql {
        match seconds {
            0 => value,
            seconds => sql!["(", value, " + INTERVAL ", &format!("({seconds})"), " SECOND)"],
        }
    }

    /// A moment as the client's local time.
    pub(in super::super) fn local(&self, value: Sql) -> Result<Sql, Fault> {
        Ok(self.moved_by(value, self.offset()?))
    }

    /// The client's local time as a moment.
    pub(in super::super) fn to_utc(&self, value: Sql) -> Result<Sql, Fault> {
        Ok(self.moved_by(value, -self.offset()?))
    }

    /// `+00`, `-03:30`
    pub(in super::super) fn offset_text(&self) -> Result<String, Fault> {
        let seconds = self.offset()?;
        let sign = if seconds < 0 { '-' } else { '+' };
        let minutes = seconds.unsigned_abs() / 60;
        Ok(match minutes % 60 {
            0 => format!("{sign}{:02}", minutes / 60),
            rest => format!("{sign}{:02}:{rest:02}", minutes / 60),
        })
    }

    /// `x AT TIME ZONE 'UTC'`
    pub(in super::super) fn at_time_zone(
        &mut self,
        expr: &Expr,
        zone: &Expr,
        scope: &Scope<'_>,
    ) -> Result<Typed, Fault> {
        let zone = self.written(zone, "AT TIME ZONE of anything but a literal")?;
        let offset = match super::super::open::zone_called(&zone) {
            Some(zone) if zone == jiff::tz::TimeZone::UTC => 0,
            Some(found) if zone.contains('/') => match found.to_fixed_offset() {
                Ok(offset) => offset.seconds(),
                Err(_) => return Err(self.refused(format!("AT TIME ZONE '{zone}'"))),
            },
            _ => return Err(self.refused(format!("AT TIME ZONE '{zone}'"))),
        };
        let typed = self.expr(expr, scope)?;
        let typed = if typed.open.is_some() { self.coerce(typed, &PgType::TimestampTz(None))? } else { typed };
        match base(&typed.ty) {
            PgType::TimestampTz(_) => Ok(Typed::new(self.moved_by(typed.sql, offset), PgType::Timestamp(None))),
            PgType::Timestamp(_) => Ok(Typed::new(self.moved_by(typed.sql, -offset), PgType::TimestampTz(None))),
            PgType::Date => {
                let moment = self.convert(typed, &PgType::TimestampTz(None))?;
                Ok(Typed::new(self.moved_by(moment.sql, offset), PgType::Timestamp(None)))
            }
            other => Err(self.no_such(&Call { name: "timezone", args: &[] }, &[&PgType::Unknown, &other])),
        }
    }

    /// `date_trunc('month', x)`
    fn date_trunc(&mut self, call: &Call<'_>, scope: &Scope<'_>) -> Result<Typed, Fault> {
        self.count(call, 2..=2)?;
        let (Some(unit), Some(expr)) = (call.args.first(), call.args.get(1)) else {
            return Err(self.no_such(call, &[]));
        };
        let unit = self.written(unit, "date_trunc to a unit that is not a literal")?.to_ascii_lowercase();
        let typed = self.expr(expr, scope)?;
        let typed = if typed.open.is_some() || typed.ty == PgType::Date {
            let tz = PgType::TimestampTz(None);
            if typed.open.is_some() { self.coerce(typed, &tz)? } else { self.convert(typed, &tz)? }
        } else {
            typed
        };
        let (x, zoned) = match base(&typed.ty) {
            PgType::Timestamp(_) => (typed.sql, false),
            PgType::TimestampTz(_) => (self.local(typed.sql)?, true),
            other => return Err(self.no_such(call, &[&PgType::Unknown, &other])),
        };
        let by_format = |format: &str| sql!["CAST(DATE_FORMAT(", &x, ", '", format, "') AS DATETIME(6))"];
        let day = |date: Sql| sql!["CAST(", date, " AS DATETIME(6))"];
        let cut = match unit.as_str() {
            "microseconds" | "microsecond" => x.clone(),
            "milliseconds" | "millisecond" => {
                sql!["(", &x, " - INTERVAL (MICROSECOND(", &x, ") % 1000) MICROSECOND)"]
            }
            "second" | "seconds" => by_format("%Y-%m-%d %H:%i:%s"),
            "minute" | "minutes" => by_format("%Y-%m-%d %H:%i:00"),
            "hour" | "hours" => by_format("%Y-%m-%d %H:00:00"),
            "day" | "days" => day(sql!["DATE(", &x, ")"]),
            "week" | "weeks" => day(sql!["(DATE(", &x, ") - INTERVAL WEEKDAY(", &x, ") DAY)"]),
            "month" | "months" => by_format("%Y-%m-01 00:00:00"),
            "quarter" | "quarters" => {
                let months = sql!["(QUARTER(", &x, ") * 3 - 3)"];
                day(sql!["(MAKEDATE(YEAR(", &x, "), 1) + INTERVAL ", months, " MONTH)"])
            }
            "year" | "years" => by_format("%Y-01-01 00:00:00"),
            other => return Err(self.refused(format!("date_trunc('{other}')"))),
        };
        Ok(match zoned {
            true => Typed::new(self.to_utc(cut)?, PgType::TimestampTz(None)),
            false => Typed::new(cut, PgType::Timestamp(None)),
        })
    }

    /// `EXTRACT (field FROM x)`: numeric; `date_part(field, x)`: double precision.
    pub(in super::super) fn extract(
        &mut self,
        field: &str,
        expr: &Expr,
        numeric: bool,
        scope: &Scope<'_>,
    ) -> Result<Typed, Fault> {
        let field = field.to_ascii_lowercase();
        let found = match self.distance(expr, scope)? {
            Some(micros) => self.span_field(&field, &micros)?,
            None => {
                let typed = self.expr(expr, scope)?;
                self.moment_field(&field, typed)?
            }
        };
        let (value, scale) = found;
        if !numeric {
            return Ok(Typed::new(sql!["(", value, " * 1e0)"], PgType::Float8));
        }
        let declared = format!(" AS DECIMAL(30,{scale}))");
        Ok(Typed::new(sql!["CAST(", value, &declared], NUMERIC))
    }

    /// A field of the distance between two timestamps: days and a time.
    fn span_field(&self, field: &str, micros: &Sql) -> Result<(Sql, u8), Fault> {
        let of = |modulo: &str, by: &str| match modulo {
            "" => sql!["(", micros, " DIV ", by, ")"],
            modulo => sql!["((", micros, " % ", modulo, ") DIV ", by, ")"],
        };
        Ok(match field {
            "epoch" => (sql!["(", micros, " / 1000000)"], 6),
            "day" | "days" => (of("", "86400000000"), 0),
            "hour" | "hours" => (of("86400000000", "3600000000"), 0),
            "minute" | "minutes" => (of("3600000000", "60000000"), 0),
            "second" | "seconds" => (sql!["((", micros, " % 60000000) / 1000000)"], 6),
            "month" | "months" | "year" | "years" => (Sql::text("0"), 0),
            other => return Err(self.refused(format!("the field {other} of an interval"))),
        })
    }

    fn moment_field(&mut self, field: &str, typed: Typed) -> Result<(Sql, u8), Fault> {
        let typed = if typed.open.is_some() {
            return Err(self.refused("a field of a value of unknown type"));
        } else {
            typed
        };
        let ty = base(&typed.ty);
        let x = match ty {
            PgType::Date | PgType::Timestamp(_) | PgType::Time(_) => typed.sql.clone(),
            PgType::TimestampTz(_) if field == "epoch" => typed.sql.clone(),
            PgType::TimestampTz(_) => self.local(typed.sql.clone())?,
            _ => return Err(self.no_such(&Call { name: "extract", args: &[] }, &[&PgType::Unknown, &ty])),
        };
        let whole = |name: &str| (sql![name, "(", &x, ")"], 0);
        let time_only = matches!(ty, PgType::Time(_));
        let wrong =
            |what: &str| Fault::new(FaultKind::NotSupported, format!("unit \"{field}\" not supported for type {what}"));
        match (field, &ty) {
            ("hour" | "hours" | "minute" | "minutes" | "second" | "seconds", PgType::Date) => {
                return Err(wrong("date"));
            }
            ("hour" | "hours" | "minute" | "minutes" | "second" | "seconds" | "microseconds" | "milliseconds", _) => {}
            (_, PgType::Time(_)) => return Err(self.refused(format!("the field {field} of a time"))),
            _ => {}
        }
        Ok(match field {
            "year" | "years" => whole("YEAR"),
            "month" | "months" => whole("MONTH"),
            "day" | "days" => whole("DAYOFMONTH"),
            "hour" | "hours" => whole("HOUR"),
            "minute" | "minutes" => whole("MINUTE"),
            "second" | "seconds" => (sql!["(SECOND(", &x, ") + MICROSECOND(", &x, ") / 1000000)"], 6),
            "milliseconds" | "millisecond" if ty != PgType::Date => {
                (sql!["(SECOND(", &x, ") * 1000 + MICROSECOND(", &x, ") / 1000)"], 3)
            }
            "microseconds" | "microsecond" if ty != PgType::Date => {
                (sql!["(SECOND(", &x, ") * 1000000 + MICROSECOND(", &x, "))"], 0)
            }
            "quarter" => whole("QUARTER"),
            "dow" => (sql!["(DAYOFWEEK(", &x, ") - 1)"], 0),
            "isodow" => (sql!["(WEEKDAY(", &x, ") + 1)"], 0),
            "doy" => whole("DAYOFYEAR"),
            "week" | "weeks" => (sql!["WEEK(", &x, ", 3)"], 0),
            "isoyear" => (sql!["(YEARWEEK(", &x, ", 3) DIV 100)"], 0),
            "decade" => (sql!["(YEAR(", &x, ") DIV 10)"], 0),
            "century" => (sql!["((YEAR(", &x, ") + 99) DIV 100)"], 0),
            "millennium" => (sql!["((YEAR(", &x, ") + 999) DIV 1000)"], 0),
            "epoch" if ty == PgType::Date => (sql!["(DATEDIFF(", &x, ", DATE'1970-01-01') * 86400)"], 0),
            "epoch" if !time_only => {
                (sql!["(TIMESTAMPDIFF(MICROSECOND, TIMESTAMP'1970-01-01 00:00:00', ", &x, ") / 1000000)"], 6)
            }
            other => return Err(self.refused(format!("the field {other}"))),
        })
    }

    /// A day that does not exist raises, as in PostgreSQL.
    fn make_date(&mut self, call: &Call<'_>, scope: &Scope<'_>) -> Result<Typed, Fault> {
        self.count(call, 3..=3)?;
        let (y, m, d) = (self.int_arg(call, 0, scope)?, self.int_arg(call, 1, scope)?, self.int_arg(call, 2, scope)?);
        let text = sql!["CONCAT(LPAD(", &y, ", 4, '0'), '-', LPAD(", &m, ", 2, '0'), '-', LPAD(", &d, ", 2, '0'))"];
        let value = sql!["CAST(", text, " AS DATE)"];
        let known = sql![&y, " IS NOT NULL AND ", &m, " IS NOT NULL AND ", &d, " IS NOT NULL"];
        let lost = sql![
            "((",
            &y,
            " NOT BETWEEN 1 AND 9999 OR ",
            &m,
            " NOT BETWEEN 1 AND 12 OR ",
            &d,
            " NOT BETWEEN 1 AND 31 OR ",
            &value,
            " IS NULL) AND ",
            known,
            ")"
        ];
        Ok(Typed::new(
            sql!["CAST(IF(", lost, ", ", raise(sql!["ABS(", &d, ")"]), ", ", value, ") AS DATE)"],
            PgType::Date,
        ))
    }

    /// `to_char(moment, 'YYYY-MM-DD')`: patterns whose every piece DATE_FORMAT has.
    fn to_char(&mut self, call: &Call<'_>, scope: &Scope<'_>) -> Result<Typed, Fault> {
        self.count(call, 2..=2)?;
        let (Some(expr), Some(format)) = (call.args.first(), call.args.get(1)) else {
            return Err(self.no_such(call, &[]));
        };
        let pattern = self.written(format, "to_char with a pattern that is not a literal")?;
        let typed = self.expr(expr, scope)?;
        let x = match base(&typed.ty) {
            PgType::Int2 | PgType::Int4 | PgType::Int8 | PgType::Numeric(_) => {
                return self.number_to_char(&typed, &pattern);
            }
            PgType::Date | PgType::Timestamp(_) => typed.sql,
            PgType::TimestampTz(_) => self.local(typed.sql)?,
            other => return Err(self.refused(format!("to_char of {}", super::called(&other)))),
        };
        let Some(pieces) = to_char::pieces(&pattern) else {
            return Err(self.refused(format!("to_char with '{pattern}'")));
        };
        let mut out = Vec::new();
        for piece in pieces {
            let format = self.quoted(&piece.format)?;
            let text = sql!["DATE_FORMAT(", &x, ", ", &format, ")"];
            out.push(match piece.wrap {
                to_char::Wrap::Plain => text,
                to_char::Wrap::Upper => sql!["UPPER(", text, ")"],
                to_char::Wrap::Lower => sql!["LOWER(", text, ")"],
                to_char::Wrap::Padded => sql!["RPAD(", text, ", 9, ' ')"],
                to_char::Wrap::PaddedUpper => sql!["UPPER(RPAD(", text, ", 9, ' '))"],
                to_char::Wrap::PaddedLower => sql!["LOWER(RPAD(", text, ", 9, ' '))"],
                to_char::Wrap::Number => sql!["(0 + ", text, ")"],
                to_char::Wrap::Millis => sql!["LEFT(", text, ", 3)"],
                to_char::Wrap::Quarter => sql!["QUARTER(", &x, ")"],
                to_char::Wrap::Weekday => sql!["DAYOFWEEK(", &x, ")"],
                to_char::Wrap::IsoWeekday => sql!["(WEEKDAY(", &x, ") + 1)"],
            });
        }
        if out.is_empty() {
            out.push(Sql::text("''"));
        }
        Ok(self.mysql_call("CONCAT", &out, PgType::Text))
    }

    /// `to_date(text, 'YYYY-MM-DD')`; text that is none raises.
    fn to_date(&mut self, call: &Call<'_>, scope: &Scope<'_>) -> Result<Typed, Fault> {
        self.count(call, 2..=2)?;
        let Some(format) = call.args.get(1) else { return Err(self.no_such(call, &[])) };
        let format = self.written(format, "to_date with a pattern that is not a literal")?;
        let shape = match format.to_ascii_uppercase().as_str() {
            "YYYY-MM-DD" => "^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
            "YYYYMMDD" => "^[0-9]{8}$",
            _ => return Err(self.refused(format!("to_date with '{format}'"))),
        };
        let text = self.text_arg(call, 0, scope)?;
        if !is_text(&text.ty) {
            return Err(self.no_such(call, &[&text.ty]));
        }
        let value = sql!["CAST(", &text, " AS DATE)"];
        let lost = sql!["(", &text, " NOT REGEXP '", shape, "' OR (", &value, " IS NULL AND ", &text, " IS NOT NULL))"];
        let raised = raise(sql!["CHAR_LENGTH(", &text, ")"]);
        Ok(Typed::new(sql!["CAST(IF(", lost, ", ", raised, ", ", value, ") AS DATE)"], PgType::Date))
    }
}
