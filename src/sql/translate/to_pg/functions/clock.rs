//! The time now. MySQL's NOW() is the statement's, in the client's zone, cut to whole seconds if no digits are asked for.

use super::super::typed::{Class, fill};
use super::super::{Typed, Walk};
use super::string::one;
use crate::base::Fault;
use crate::sql::translate::Sql;
use crate::wire::value::{MyType, PgType};

impl Walk<'_> {
    pub(super) fn of_clock(&mut self, name: &str, args: Vec<Typed>) -> Result<Option<Typed>, Fault> {
        let local = matches!(
            name,
            "NOW"
                | "CURRENT_TIMESTAMP"
                | "LOCALTIME"
                | "LOCALTIMESTAMP"
                | "SYSDATE"
                | "CURDATE"
                | "CURRENT_DATE"
                | "CURTIME"
                | "CURRENT_TIME"
        );
        let clock = if name == "SYSDATE" { "clock_timestamp()" } else { "statement_timestamp()" };
        let moment = |zone: &str| Sql::text(format!("({clock} AT TIME ZONE {zone})"));
        let now = if local { moment(&self.zone()?) } else { moment("'UTC'") };
        Ok(Some(match name {
            "NOW" | "CURRENT_TIMESTAMP" | "LOCALTIME" | "LOCALTIMESTAMP" | "SYSDATE" | "UTC_TIMESTAMP" => {
                let digits = self.asked_digits(&args)?;
                let ty = MyType::DateTime(digits);
                Typed::new(self.cut_to(&now, digits)?, ty, PgType::Timestamp(None)).nullable(false)
            }
            "CURDATE" | "CURRENT_DATE" | "UTC_DATE" if args.is_empty() => {
                Typed::new(fill("({0}::date)", &[&now]), MyType::Date, PgType::Date).nullable(false)
            }
            "CURTIME" | "CURRENT_TIME" | "UTC_TIME" => {
                let digits = self.asked_digits(&args)?;
                let cut = self.cut_to(&now, digits)?;
                Typed::new(fill("({0}::time)", &[&cut]), MyType::Time(digits), PgType::Time(None)).nullable(false)
            }
            "UNIX_TIMESTAMP" if args.is_empty() => {
                let sql = Sql::text("(floor(extract(epoch FROM statement_timestamp()))::int8)");
                Typed::new(sql, MyType::BigInt(false), PgType::Int8).nullable(false)
            }
            "UNIX_TIMESTAMP" if args.len() == 1 => self.unix_timestamp(one(args))?,
            "FROM_UNIXTIME" if args.len() == 1 => self.from_unixtime(one(args))?,
            "FROM_UNIXTIME" if args.len() == 2 => {
                let mut args = args;
                let format = args.remove(1);
                let moment = self.from_unixtime(one(args))?;
                self.date_format(moment, &format)?
            }
            _ => return Ok(None),
        }))
    }

    fn asked_digits(&self, args: &[Typed]) -> Result<u8, Fault> {
        match args {
            [] => Ok(0),
            [one] => match one.constant() {
                Some(n @ 0..=6) => Ok(u8::try_from(n).unwrap_or(6)),
                _ => Err(self.refused("this number of digits of a second")),
            },
            _ => Err(self.refused("this number of arguments")),
        }
    }

    fn cut_to(&self, now: &Sql, digits: u8) -> Result<Sql, Fault> {
        match digits {
            0 => Ok(fill("date_trunc('second', {0})", &[now])),
            3 => Ok(fill("date_trunc('milliseconds', {0})", &[now])),
            6 => Ok(now.clone()),
            n => Err(self.refused(format!("the time with {n} digits of a second"))),
        }
    }

    fn unix_timestamp(&mut self, typed: Typed) -> Result<Typed, Fault> {
        let typed = self.moment_of(typed, 6)?;
        let (fraction, nullable) = (typed.fraction(), typed.nullable);
        let zone = self.zone()?;
        let moment = if matches!(typed.pg, PgType::TimestampTz(_)) {
            typed.sql
        } else {
            fill(&format!("({{0}} AT TIME ZONE {zone})"), &[&self.local(typed)?])
        };
        let seconds = fill("GREATEST(extract(epoch FROM {0}), CASE WHEN {0} IS NOT NULL THEN 0 END)", &[&moment]);
        let out = if fraction == 0 {
            Typed::new(fill("(trunc({0})::int8)", &[&seconds]), MyType::BigInt(false), PgType::Int8)
        } else {
            let precision = if self.mariadb() { 22 } else { 11 + fraction };
            let ty = MyType::Decimal { precision, scale: fraction, unsigned: false };
            Typed::new(fill(&format!("trunc({{0}}, {fraction})"), &[&seconds]), ty, PgType::Numeric(None))
        };
        Ok(out.nullable(nullable))
    }

    fn from_unixtime(&mut self, typed: Typed) -> Result<Typed, Fault> {
        let typed = self.number_of(typed, &MyType::BigInt(false))?;
        let digits = match typed.class() {
            Class::Int => 0,
            Class::Decimal => u8::try_from(typed.precision().1.min(6)).unwrap_or(6),
            _ => return Err(self.refused(format!("FROM_UNIXTIME of {}", typed.ty.sql()))),
        };
        let number = self.numeric(typed)?;
        let sql = fill(
            &format!("(CASE WHEN {{0}} >= 0 THEN to_timestamp({{0}}::float8) AT TIME ZONE {} END)", self.zone()?),
            &[&number],
        );
        Ok(Typed::new(sql, MyType::DateTime(digits), PgType::Timestamp(None)))
    }
}
