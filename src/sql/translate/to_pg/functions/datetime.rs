//! Parts of dates, and days counted.

use sqlparser::ast::{DateTimeField, Expr};

use super::super::scope::Scope;
use super::super::typed::{Class, fill, small_int, text};
use super::super::{Open, Typed, Walk};
use super::string::one;
use crate::base::Fault;
use crate::sql::translate::Sql;
use crate::wire::value::{MyType, PgType};

/// WEEK in mode 0: from the first Sunday on, what is before is week 0.
const WEEK_SUNDAY: &str = "(((extract(doy FROM {0}) + 6 - extract(dow FROM {0}))::int4) / 7)";
/// WEEK in mode 1: from Monday, the first week has four days or more, what is before is week 0.
const WEEK_MONDAY: &str = "((extract(doy FROM {0})::int4 + extract(isodow FROM date_trunc('year', {0}))::int4 - 2) / 7 \
                           + CASE WHEN extract(isodow FROM date_trunc('year', {0})) <= 4 THEN 1 ELSE 0 END)";

impl Walk<'_> {
    pub(super) fn of_dates(&mut self, name: &str, mut args: Vec<Typed>) -> Result<Option<Typed>, Fault> {
        let nullable = args.iter().any(|t| t.nullable);
        if args.len() == 1
            && let Some((template, digits)) = part_of_day(name)
        {
            return Ok(Some(self.part_of_time(template, one(args), digits)?));
        }
        if args.len() == 1
            && let Some((template, digits)) = part_of_date(name)
        {
            return Ok(Some(self.part(template, one(args), digits)?));
        }
        Ok(Some(match (name, args.len()) {
            ("YEAR", 1) => {
                let out = self.part("(extract(year FROM {0})::int4)", one(args), 4)?;
                if self.mariadb() { out } else { Typed { ty: MyType::Year, ..out } }
            }
            ("WEEK", 2) => {
                let template = match args.remove(1).constant() {
                    Some(0) => WEEK_SUNDAY,
                    Some(1) => WEEK_MONDAY,
                    Some(3) => "(extract(week FROM {0})::int4)",
                    _ => return Err(self.refused("WEEK in this mode")),
                };
                self.part(template, one(args), 2)?
            }
            ("YEARWEEK", 2) => match args.remove(1).constant() {
                Some(1 | 3) => {
                    self.part("(extract(isoyear FROM {0})::int4 * 100 + extract(week FROM {0})::int4)", one(args), 6)?
                }
                _ => return Err(self.refused("YEARWEEK in this mode")),
            },
            ("YEARWEEK", 1) => {
                let sunday = "({0} - extract(dow FROM {0})::int4 * INTERVAL '1 day')";
                let template =
                    format!("(extract(year FROM {sunday})::int4 * 100 + (extract(doy FROM {sunday})::int4 + 6) / 7)");
                self.part(&template, one(args), 6)?
            }
            ("SEC_TO_TIME", 1) => match args.first().and_then(Typed::constant) {
                Some(n @ 0..=86_399) => {
                    let sql = Sql::text(format!("(time '00:00' + INTERVAL '{n} seconds')"));
                    Typed::new(sql, MyType::Time(0), PgType::Time(None))
                }
                _ => return Err(self.refused("SEC_TO_TIME of anything but a known number")),
            },
            ("DATE", 1) => Typed::new(self.day(one(args))?, MyType::Date, PgType::Date).nullable(nullable),
            ("TIME", 1) => {
                let arg = one(args);
                let digits = match &arg.open {
                    Some(Open::Literal(text)) => {
                        text.split_once('.').map_or(0, |(_, f)| u8::try_from(f.len()).unwrap_or(6))
                    }
                    _ => arg.fraction(),
                };
                Typed::new(self.clock(arg)?, MyType::Time(digits), PgType::Time(None)).nullable(nullable)
            }
            ("TIMESTAMP", 1) => {
                let arg = self.moment_of(one(args), 6)?;
                let digits = arg.fraction();
                Typed::new(self.local(arg)?, MyType::DateTime(digits), PgType::Timestamp(None)).nullable(nullable)
            }
            ("LAST_DAY", 1) => {
                let local = self.local(one(args))?;
                let sql = fill("((date_trunc('month', {0}) + INTERVAL '1 month -1 day')::date)", &[&local]);
                Typed::new(sql, MyType::Date, PgType::Date).nullable(nullable)
            }
            _ => return self.of_days(name, args),
        }))
    }

    /// Names of days, days counted, and dates made of numbers and texts.
    fn of_days(&mut self, name: &str, mut args: Vec<Typed>) -> Result<Option<Typed>, Fault> {
        let nullable = args.iter().any(|t| t.nullable);
        Ok(Some(match (name, args.len()) {
            ("MONTHNAME", 1) => self.day_name("to_char({0}, 'FMMonth')", one(args))?,
            ("DAYNAME", 1) => self.day_name("to_char({0}, 'FMDay')", one(args))?,
            ("DATEDIFF", 2) => {
                let b = args.remove(1);
                let (a, b) = (self.day(one(args))?, self.day(b)?);
                let sql = fill("({0} - {1})", &[&a, &b]);
                Typed::new(sql, small_int(self.mariadb()), PgType::Int4).nullable(nullable).digits(8)
            }
            ("FROM_DAYS", 1) => {
                let days = self.int8(one(args))?;
                let sql = fill("(date '0001-01-01' + ({0} - 366)::int4)", &[&days]);
                Typed::new(sql, MyType::Date, PgType::Date)
            }
            ("MAKEDATE", 2) => {
                let n = args.remove(1);
                let Some(year @ 100..=9999) = args.first().and_then(Typed::constant) else {
                    return Err(self.refused("MAKEDATE of anything but a known year"));
                };
                let n = self.int8(n)?;
                let sql =
                    fill(&format!("(CASE WHEN {{0}} > 0 THEN make_date({year}, 1, 1) + ({{0}} - 1)::int4 END)"), &[&n]);
                Typed::new(sql, MyType::Date, PgType::Date)
            }
            ("DATE_FORMAT", 2) => {
                let format = args.remove(1);
                let arg = one(args);
                self.date_format(arg, &format)?
            }
            ("TIME_FORMAT", 2) if args.first().is_some_and(|t| t.class() == Class::Time) => {
                let format = args.remove(1);
                let arg = one(args);
                self.time_format(arg, &format)?
            }
            ("STR_TO_DATE", 2) => self.str_to_date(args)?,
            ("ADDDATE" | "SUBDATE", 2) => {
                let days = args.remove(1);
                self.shifted(one(args), name == "SUBDATE", days, &DateTimeField::Day)?
            }
            ("CONVERT_TZ", 3) => self.convert_tz(args)?,
            ("TIME_TO_SEC", 1) if !self.mariadb() => {
                let clock = self.clock(one(args))?;
                let sql = fill("(floor(extract(epoch FROM {0}))::int8)", &[&clock]);
                Typed::new(sql, MyType::BigInt(false), PgType::Int8).nullable(nullable)
            }
            _ => return Ok(None),
        }))
    }

    /// A whole number made from a date.
    fn part(&mut self, template: &str, typed: Typed, digits: u8) -> Result<Typed, Fault> {
        let nullable = typed.nullable || typed.open.is_some();
        let local = self.local(typed)?;
        let out = Typed::new(fill(template, &[&local]), small_int(self.mariadb()), PgType::Int4);
        Ok(out.nullable(nullable).digits(digits))
    }

    /// A whole number made from a time of day or a date and time.
    fn part_of_time(&mut self, template: &str, typed: Typed, digits: u8) -> Result<Typed, Fault> {
        let clock = match &typed.open {
            Some(Open::Literal(text)) => self.moment(text, &MyType::Time(6))?,
            _ => None,
        };
        let typed = clock.unwrap_or(typed);
        if typed.class() != Class::Time {
            return self.part(template, typed, digits);
        }
        let nullable = typed.nullable;
        let clock = self.clock(typed)?;
        let out = Typed::new(fill(template, &[&clock]), small_int(self.mariadb()), PgType::Int4);
        Ok(out.nullable(nullable).digits(digits))
    }

    fn day_name(&mut self, template: &str, typed: Typed) -> Result<Typed, Fault> {
        let nullable = typed.nullable;
        let local = self.local(typed)?;
        Ok(Typed::new(fill(template, &[&local]), text(9), PgType::Text).nullable(nullable))
    }

    /// `EXTRACT(unit FROM x)`
    pub(in super::super) fn extract(
        &mut self,
        field: &DateTimeField,
        expr: &Expr,
        scope: &Scope<'_>,
    ) -> Result<Typed, Fault> {
        let typed = self.expr(expr, scope)?;
        let aggregate = typed.aggregate;
        let name = field.to_string().to_ascii_uppercase();
        let out = match name.as_str() {
            "YEAR" => self.part("(extract(year FROM {0})::int4)", typed, 4)?,
            "WEEK" => self.part(WEEK_SUNDAY, typed, 2)?,
            "YEAR_MONTH" => self.part("(to_char({0}, 'YYYYMM')::int4)", typed, 6)?,
            "DAY_HOUR" => self.part("(to_char({0}, 'DDHH24')::int4)", typed, 5)?,
            "DAY_MINUTE" => self.part("(to_char({0}, 'DDHH24MI')::int4)", typed, 7)?,
            "DAY_SECOND" => self.part("(to_char({0}, 'DDHH24MISS')::int8)", typed, 9)?,
            "HOUR_MINUTE" => self.part("(to_char({0}, 'HH24MI')::int4)", typed, 5)?,
            "HOUR_SECOND" => self.part("(to_char({0}, 'HH24MISS')::int4)", typed, 7)?,
            "MINUTE_SECOND" => self.part("(to_char({0}, 'MISS')::int4)", typed, 5)?,
            other => match (part_of_date(other), part_of_day(other)) {
                (Some((template, digits)), _) => self.part(template, typed, digits)?,
                (None, Some((template, digits))) => self.part_of_time(template, typed, digits)?,
                (None, None) => return Err(self.refused(format!("EXTRACT of {name}"))),
            },
        };
        Ok(Typed { aggregate, ..out })
    }

    /// Between bare offsets only: names need the home server's zone tables.
    fn convert_tz(&mut self, mut args: Vec<Typed>) -> Result<Typed, Fault> {
        let mut zones = Vec::new();
        for zone in args.split_off(1) {
            match zone.open {
                Some(Open::Literal(text)) if is_offset(&text) => zones.push(text),
                _ => return Err(self.refused("CONVERT_TZ by anything but offsets")),
            }
        }
        let typed = self.moment_of(one(args), 6)?;
        let digits = typed.fraction();
        let local = self.local(typed)?;
        let [from, to] = &zones[..] else { return Err(self.refused("this CONVERT_TZ")) };
        let template = format!("(({{0}} AT TIME ZONE INTERVAL '{from}') AT TIME ZONE INTERVAL '{to}')");
        Ok(Typed::new(fill(&template, &[&local]), MyType::DateTime(digits), PgType::Timestamp(None)))
    }
}

/// `+02:00`
fn is_offset(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() == 6
        && matches!(bytes.first(), Some(b'+' | b'-'))
        && bytes.get(3) == Some(&b':')
        && bytes.iter().enumerate().all(|(n, b)| matches!(n, 0 | 3) || b.is_ascii_digit())
}

/// Functions of a date, and their digits on MariaDB.
fn part_of_date(name: &str) -> Option<(&'static str, u8)> {
    Some(match name {
        "MONTH" => ("(extract(month FROM {0})::int4)", 2),
        "DAY" | "DAYOFMONTH" => ("(extract(day FROM {0})::int4)", 2),
        "DAYOFWEEK" => ("(extract(dow FROM {0})::int4 + 1)", 1),
        "DAYOFYEAR" => ("(extract(doy FROM {0})::int4)", 3),
        "WEEKDAY" => ("(extract(isodow FROM {0})::int4 - 1)", 1),
        "WEEK" => (WEEK_SUNDAY, 2),
        "WEEKOFYEAR" => ("(extract(week FROM {0})::int4)", 2),
        "QUARTER" => ("(extract(quarter FROM {0})::int4)", 1),
        "TO_DAYS" => ("({0}::date - date '0001-01-01' + 366)", 6),
        _ => return None,
    })
}

/// Functions of a time of day.
fn part_of_day(name: &str) -> Option<(&'static str, u8)> {
    Some(match name {
        "HOUR" => ("(extract(hour FROM {0})::int4)", 2),
        "MINUTE" => ("(extract(minute FROM {0})::int4)", 2),
        "SECOND" => ("(floor(extract(second FROM {0}))::int4)", 2),
        "MICROSECOND" => ("(extract(microseconds FROM {0})::int4 % 1000000)", 6),
        _ => return None,
    })
}
