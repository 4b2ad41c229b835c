//! Values of one type as values of another, as MySQL converts them by itself; and what is decided at last.

use super::constant::{is_number, is_plain, pg_name};
use super::typed::{Class, class, fill, text};
use super::{Collated, Open, Part, Typed, Walk};
use crate::base::Fault;
use crate::sql::translate::Sql;
use crate::wire::value::{MyType, PgType};

impl Walk<'_> {
    /// As a whole number of 64 bits.
    pub(super) fn int8(&mut self, typed: Typed) -> Result<Sql, Fault> {
        let typed = self.number_of(typed, &MyType::BigInt(false))?;
        match (typed.class(), &typed.pg) {
            (Class::Null, _) => Ok(Sql::text("NULL::int8")),
            (Class::Int, PgType::Bool) => Ok(fill("({0}::int4::int8)", &[&typed.sql])),
            (Class::Int, PgType::Int8) => Ok(typed.sql),
            (Class::Int, PgType::Numeric(_)) => {
                Ok(fill("(({0} - 18446744073709551616 * div({0}, 9223372036854775808))::int8)", &[&typed.sql]))
            }
            (Class::Int, _) => Ok(fill("({0}::int8)", &[&typed.sql])),
            (Class::Decimal, _) => Ok(fill("(round({0})::int8)", &[&self.numeric(typed)?])),
            (Class::Double, _) => Ok(fill("({0}::int8)", &[&typed.sql])),
            _ => Err(self.refused(format!("{} as a whole number", typed.ty.sql()))),
        }
    }

    /// As a DECIMAL.
    pub(super) fn numeric(&mut self, typed: Typed) -> Result<Sql, Fault> {
        let typed = self.number_of(typed, &MyType::Decimal { precision: 65, scale: 30, unsigned: false })?;
        match (typed.class(), &typed.pg) {
            (Class::Null, _) => Ok(Sql::text("NULL::numeric")),
            (Class::Int, PgType::Bool) => Ok(fill("({0}::int4::numeric)", &[&typed.sql])),
            (Class::Int | Class::Decimal, PgType::Numeric(_)) => Ok(typed.sql),
            (Class::Int | Class::Decimal, _) => Ok(fill("({0}::numeric)", &[&typed.sql])),
            _ => Err(self.refused(format!("{} as a DECIMAL", typed.ty.sql()))),
        }
    }

    /// As a DOUBLE.
    pub(super) fn double(&mut self, typed: Typed) -> Result<Sql, Fault> {
        let typed = self.number_of(typed, &MyType::Double)?;
        match (typed.class(), &typed.pg) {
            (Class::Null, _) => Ok(Sql::text("NULL::float8")),
            (_, PgType::Bool) => Ok(fill("({0}::int4::float8)", &[&typed.sql])),
            (_, PgType::Float8) => Ok(typed.sql),
            (Class::Int | Class::Decimal | Class::Double, _) => Ok(fill("({0}::float8)", &[&typed.sql])),
            _ => Err(self.refused(format!("{} as a DOUBLE", typed.ty.sql()))),
        }
    }

    /// A number as it is; a clean literal or a parameter as a number of the wished type.
    pub(super) fn number_of(&mut self, typed: Typed, wish: &MyType) -> Result<Typed, Fault> {
        match (&typed.open, typed.class()) {
            (Some(Open::Null), _) => Ok(typed),
            (Some(Open::Literal(text)), _) => {
                let text = text.trim().to_owned();
                if !is_number(&text) {
                    return Err(self.refused(format!("the text '{text}' as a number")));
                }
                if class(wish) == Class::Double {
                    let sql = Sql::text(format!("('{text}'::float8)"));
                    return Ok(Typed::new(sql, MyType::Double, PgType::Float8).nullable(false));
                }
                self.number(&text)
            }
            (Some(Open::Parameter(_)), Class::Int | Class::Decimal | Class::Double) => Ok(typed),
            (Some(Open::Parameter(at)), _) => {
                let at = *at;
                Ok(self.decide(at, wish.clone()))
            }
            (None, Class::Int | Class::Decimal | Class::Double | Class::Null) => Ok(typed),
            (None, Class::Date) => {
                let sql = fill("(to_char({0}, 'YYYYMMDD')::int8)", &[&typed.sql]);
                Ok(Typed::new(sql, MyType::BigInt(false), PgType::Int8).of(&[&typed]).digits(8))
            }
            _ => Err(self.refused(format!("a value of type {} as a number", typed.ty.sql()))),
        }
    }

    /// As text, in the form that MySQL gives the type.
    pub(super) fn text(&mut self, typed: Typed) -> Result<Typed, Fault> {
        let wide = text(typed.characters());
        let plain = |sql: Sql| {
            let mut out = Typed::new(sql, wide.clone(), PgType::Text).of(&[&typed]);
            out.collation = Collated::Plain;
            out
        };
        match (&typed.open, typed.class()) {
            (Some(Open::Literal(_)), _) => return Ok(typed),
            (Some(Open::Null), _) => return Ok(plain(Sql::text("NULL::text"))),
            (Some(Open::Parameter(at)), Class::Null) => {
                let at = *at;
                return Ok(self.decide(at, MyType::Varchar(65_535 / 4)));
            }
            (Some(Open::Parameter(_)), Class::Text) => return Ok(typed),
            (Some(Open::Parameter(_)) | None, _) => {}
        }
        let sql = match (typed.class(), &typed.pg) {
            (Class::Text, PgType::Text | PgType::Varchar(_)) => return Ok(typed),
            (Class::Text, PgType::Bpchar(_)) => {
                let mut out = Typed { sql: fill("({0}::text)", &[&typed.sql]), pg: PgType::Text, ..typed };
                out.open = None;
                return Ok(out);
            }
            (Class::Text, _) => {
                let sql = fill("({0}::text)", &[&typed.sql]);
                let mut out = Typed { sql, pg: PgType::Text, ..typed };
                out.exact = true;
                return Ok(out);
            }
            (Class::Int, PgType::Bool) => fill("({0}::int4::text)", &[&typed.sql]),
            (Class::Int, _) => fill("({0}::text)", &[&typed.sql]),
            (Class::Decimal, _) => {
                let scale = typed.precision().1;
                let exact = matches!(typed.pg, PgType::Numeric(Some(_))) && typed.frac.is_none();
                let sql = if exact {
                    fill("({0}::text)", &[&typed.sql])
                } else {
                    fill(&format!("(round({{0}}::numeric, {scale})::text)"), &[&typed.sql])
                };
                return Ok(plain(sql));
            }
            (Class::Date, _) => fill("to_char({0}, 'YYYY-MM-DD')", &[&typed.sql]),
            (Class::DateTime, _) => {
                let local = self.local(typed.clone())?;
                self.clock_text(&local, "YYYY-MM-DD HH24:MI:SS", typed.fraction())?
            }
            (Class::Time, _) => {
                let span = fill("({0}::interval)", &[&typed.sql]);
                self.clock_text(&span, "HH24:MI:SS", typed.fraction())?
            }
            // Within these bounds both servers print the shortest digits without an exponent; others fail here.
            (Class::Double, PgType::Float8) => {
                let sql = fill(
                    "(CASE WHEN {0} = 0 OR abs({0}) BETWEEN 0.0001 AND 99999999999999 THEN {0}::text \
                     WHEN {0} IS NOT NULL THEN (1 / ({0} - {0}))::text END)",
                    &[&typed.sql],
                );
                return Ok(plain(sql));
            }
            (Class::Json, PgType::Jsonb) if !self.mariadb() => {
                let mut out = Typed::new(fill("({0}::text)", &[&typed.sql]), wide.clone(), PgType::Text).of(&[&typed]);
                out.collation = Collated::Connection;
                return Ok(out);
            }
            _ => return Err(self.refused(format!("a value of type {} as text", typed.ty.sql()))),
        };
        Ok(plain(sql))
    }

    fn clock_text(&self, sql: &Sql, format: &str, fraction: u8) -> Result<Sql, Fault> {
        let tail = match fraction {
            0 => "",
            3 => ".MS",
            6 => ".US",
            n => return Err(self.refused(format!("a time of {n} digits of a second as text"))),
        };
        Ok(fill(&format!("to_char({{0}}, '{format}{tail}')"), &[sql]))
    }

    /// As a truth value of PostgreSQL's.
    pub(super) fn as_truth(&mut self, typed: Typed) -> Result<Sql, Fault> {
        if typed.pg == PgType::Bool && typed.open.is_none() {
            return Ok(typed.sql);
        }
        if typed.is_null() {
            return Ok(Sql::text("NULL::bool"));
        }
        let typed = self.number_of(typed, &MyType::BigInt(false))?;
        match typed.class() {
            Class::Int | Class::Decimal | Class::Double => Ok(fill("({0} <> 0)", &[&typed.sql])),
            _ => Err(self.refused(format!("a value of type {} as a condition", typed.ty.sql()))),
        }
    }

    /// As a local date and time, without a zone.
    pub(super) fn local(&mut self, typed: Typed) -> Result<Sql, Fault> {
        let typed = self.moment_of(typed, 6)?;
        match (typed.class(), &typed.pg) {
            (Class::Null, _) => Ok(Sql::text("NULL::timestamp")),
            (Class::Date, _) => Ok(fill("({0}::timestamp)", &[&typed.sql])),
            (Class::DateTime, PgType::TimestampTz(_)) => {
                Ok(fill(&format!("({{0}} AT TIME ZONE {})", self.zone()?), &[&typed.sql]))
            }
            (Class::DateTime, _) => Ok(typed.sql),
            _ => Err(self.refused(format!("a value of type {} as a date", typed.ty.sql()))),
        }
    }

    /// As a day.
    pub(super) fn day(&mut self, typed: Typed) -> Result<Sql, Fault> {
        let typed = self.moment_of(typed, 6)?;
        match typed.class() {
            Class::Null => Ok(Sql::text("NULL::date")),
            Class::Date => Ok(typed.sql),
            _ => Ok(fill("({0}::date)", &[&self.local(typed)?])),
        }
    }

    /// A date or date and time as it is; a clean literal or a parameter as one.
    pub(super) fn moment_of(&mut self, typed: Typed, fraction: u8) -> Result<Typed, Fault> {
        match (&typed.open, typed.class()) {
            (Some(Open::Null), _) => Ok(typed),
            (Some(Open::Literal(text)), _) => {
                if let Some(day) = self.moment(text, &MyType::Date)? {
                    return Ok(day);
                }
                let digits = text.split_once('.').map_or(0, |(_, f)| u8::try_from(f.len()).unwrap_or(7));
                match self.moment(text, &MyType::DateTime(digits.min(6)))? {
                    Some(moment) => Ok(moment),
                    None => Err(self.refused(format!("the text '{text}' as a date"))),
                }
            }
            (Some(Open::Parameter(_)), Class::Date | Class::DateTime) => Ok(typed),
            (Some(Open::Parameter(at)), _) => {
                let at = *at;
                Ok(self.decide(at, MyType::DateTime(fraction)))
            }
            (None, Class::Date | Class::DateTime) => Ok(typed),
            _ => Err(self.refused(format!("a value of type {} as a date", typed.ty.sql()))),
        }
    }

    /// The client's time zone as PostgreSQL's `AT TIME ZONE` takes it. The session resolves `SYSTEM`; what it leaves
    /// empty is UTC.
    pub(super) fn zone(&self) -> Result<String, Fault> {
        let zone = self.request.facts.time_zone.as_str();
        if zone.is_empty() || zone.eq_ignore_ascii_case("system") {
            return Ok("'UTC'".to_owned());
        }
        let clean = zone.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+-/:".contains(&b));
        if !clean || zone.len() > 64 {
            return Err(self.refused("this time_zone"));
        }
        // A bare offset would be read with POSIX's sign, which is the other way round.
        Ok(if zone.starts_with(['+', '-']) { format!("INTERVAL '{zone}'") } else { format!("'{zone}'") })
    }

    /// As octets.
    pub(super) fn octets_of(&mut self, typed: Typed) -> Result<Sql, Fault> {
        match typed.class() {
            Class::Bytes => Ok(typed.sql),
            _ => {
                let text = self.text(typed)?;
                Ok(fill("convert_to({0}, 'UTF8')", &[&text.sql]))
            }
        }
    }

    /// As in an assignment to a column of the type, or beside one. What MySQL itself would refuse or cut silently is left
    /// to the column.
    pub(super) fn coerce(&mut self, typed: Typed, ty: &MyType) -> Result<Typed, Fault> {
        if let Some(Open::Parameter(at)) = typed.open {
            if let MyType::Timestamp(n) = ty {
                // The client sends a local time.
                let local = self.decide(at, MyType::DateTime(*n));
                return Ok(Typed::new(self.instant(local)?, ty.clone(), PgType::TimestampTz(None)));
            }
            let fits = class(&typed.ty) == class(ty) && class(ty) != Class::DateTime;
            return Ok(if fits { Typed { open: None, ..typed } } else { self.decide(at, ty.clone()) });
        }
        if typed.is_null() {
            return Ok(Typed { ty: ty.clone(), open: None, ..typed });
        }
        let (nullable, aggregate) = (typed.nullable, typed.aggregate);
        let own = typed.class();
        let (sql, pg) = match class(ty) {
            Class::Int if *ty == MyType::Bool => return self.coerce_bool(typed),
            Class::Int if own == Class::Int && typed.open.is_none() && typed.pg != PgType::Bool => return Ok(typed),
            Class::Int => (self.int8(typed)?, PgType::Int8),
            Class::Decimal if own == Class::Decimal => return self.settle(typed),
            Class::Decimal => {
                let number = self.number_of(typed, ty)?;
                match number.class() {
                    Class::Double => (fill("({0}::numeric)", &[&number.sql]), PgType::Numeric(None)),
                    _ => (self.numeric(number)?, PgType::Numeric(None)),
                }
            }
            Class::Double => (self.double(typed)?, PgType::Float8),
            Class::Text => {
                let out = self.text(typed)?;
                return Ok(Typed { open: None, ..out });
            }
            Class::Bytes => (self.octets_of(typed)?, PgType::Bytea),
            Class::Date => (self.day(typed)?, PgType::Date),
            Class::DateTime if matches!(ty, MyType::Timestamp(_)) => (self.instant(typed)?, PgType::TimestampTz(None)),
            Class::DateTime => (self.local(typed)?, PgType::Timestamp(None)),
            Class::Time => (self.clock(typed)?, PgType::Time(None)),
            Class::Json => (self.json(typed)?, PgType::Jsonb),
            Class::Null => return Ok(typed),
            Class::Other => {
                return Err(self.refused(format!("a value of type {} as {}", typed.ty.sql(), ty.sql())));
            }
        };
        let out = Typed::new(sql, ty.clone(), pg).nullable(nullable);
        Ok(Typed { aggregate, ..out })
    }

    fn coerce_bool(&mut self, typed: Typed) -> Result<Typed, Fault> {
        if typed.pg == PgType::Bool {
            return Ok(Typed { ty: MyType::Bool, open: None, ..typed });
        }
        // A boolean column keeps 0 and 1 only; MySQL's TINYINT(1) keeps others too: those must fail, not become 1.
        let (nullable, aggregate) = (typed.nullable, typed.aggregate);
        let sql = match typed.constant() {
            Some(0) => Sql::text("false"),
            Some(1) => Sql::text("true"),
            Some(n) => return Err(self.refused(format!("{n} in a boolean column"))),
            None => {
                let number = self.int8(typed)?;
                fill(
                    "(CASE WHEN {0} IN (0, 1) THEN {0} = 1 WHEN {0} IS NOT NULL THEN 1 / ({0} - {0}) = 0 END)",
                    &[&number],
                )
            }
        };
        let out = Typed::new(sql, MyType::Bool, PgType::Bool).nullable(nullable);
        Ok(Typed { aggregate, ..out })
    }

    /// As a moment on the time line: a local time is one in the client's zone.
    pub(super) fn instant(&mut self, typed: Typed) -> Result<Sql, Fault> {
        if matches!(typed.pg, PgType::TimestampTz(_)) && typed.open.is_none() {
            return Ok(typed.sql);
        }
        let local = self.local(typed)?;
        Ok(fill(&format!("({{0}} AT TIME ZONE {})", self.zone()?), &[&local]))
    }

    /// As a time of day.
    pub(super) fn clock(&mut self, typed: Typed) -> Result<Sql, Fault> {
        match (&typed.open, typed.class()) {
            (Some(Open::Null), _) => Ok(Sql::text("NULL::time")),
            (Some(Open::Literal(text)), _) => match self.moment(text, &MyType::Time(6))? {
                Some(time) => Ok(time.sql),
                None => Err(self.refused(format!("the text '{text}' as a time"))),
            },
            (_, Class::Time) => Ok(typed.sql),
            (Some(Open::Parameter(at)), _) => {
                let at = *at;
                Ok(self.decide(at, MyType::Time(6)).sql)
            }
            (None, Class::DateTime) => Ok(fill("({0}::time)", &[&self.local(typed)?])),
            _ => Err(self.refused(format!("a value of type {} as a time", typed.ty.sql()))),
        }
    }

    fn json(&mut self, typed: Typed) -> Result<Sql, Fault> {
        match (&typed.pg, typed.class()) {
            (PgType::Jsonb | PgType::Json, Class::Json) => Ok(typed.sql),
            (_, Class::Text | Class::Null) => {
                let text = self.text(typed)?;
                Ok(fill("({0}::jsonb)", &[&text.sql]))
            }
            _ => Err(self.refused(format!("a value of type {} as JSON", typed.ty.sql()))),
        }
    }

    /// What a result column, or anything that leaves the expression, is: open ones become text, truth values numbers, and
    /// a DECIMAL gets its type's scale.
    pub(super) fn settle(&mut self, typed: Typed) -> Result<Typed, Fault> {
        if let Some(ty) = typed.shown.clone() {
            let out = self.text(Typed { shown: None, ..typed })?;
            return Ok(Typed { ty, ..out });
        }
        match (&typed.open, typed.class(), &typed.pg) {
            (Some(Open::Literal(_)), _, _) => Ok(Typed { open: None, ..typed }),
            (Some(Open::Null), _, _) => {
                Ok(Typed { sql: Sql::text("(NULL::text)"), pg: PgType::Text, open: None, ..typed })
            }
            (Some(Open::Parameter(at)), Class::Null, _) => {
                let at = *at;
                Ok(self.decide(at, MyType::Varchar(65_535 / 4)))
            }
            (Some(Open::Parameter(_)), _, _) => Ok(Typed { open: None, ..typed }),
            (None, Class::Int, PgType::Bool) if typed.ty != MyType::Bool => {
                Ok(Typed { sql: fill("({0}::int4)", &[&typed.sql]), pg: PgType::Int4, ..typed })
            }
            (None, Class::Decimal, _) if typed.frac.is_some() => {
                let scale = typed.precision().1;
                let sql = fill(&format!("round({{0}}, {scale})"), &[&typed.sql]);
                Ok(Typed { sql, frac: None, ..typed })
            }
            // Printed with fixed digits as text, and with all of them in a prepared statement's rows.
            (None, Class::Double, _) if typed.frac.is_some() => Err(self.refused("a DOUBLE of fixed digits")),
            (None, _, PgType::Bpchar(_)) => self.text(typed),
            (None, ..) => Ok(typed),
        }
    }

    /// For ORDER BY, GROUP BY, DISTINCT: text by code point.
    pub(super) fn comparable(&self, typed: &Typed) -> Sql {
        // Once is enough: DISTINCT wants the same piece in ORDER BY, letter by letter.
        if matches!(typed.sql.parts().last(), Some(Part::Text(text)) if text.ends_with(" COLLATE \"C\")")) {
            return typed.sql.clone();
        }
        match (typed.class(), &typed.pg) {
            (Class::Text, PgType::Bpchar(_)) => fill("(({0}::text) COLLATE \"C\")", &[&typed.sql]),
            (Class::Text, PgType::Text | PgType::Varchar(_)) => fill("({0} COLLATE \"C\")", &[&typed.sql]),
            _ => typed.sql.clone(),
        }
    }

    /// A piece that PostgreSQL itself cannot take for another type.
    pub(super) fn cast_to(&self, sql: &Sql, pg: &PgType) -> Sql {
        match pg_name(pg) {
            Some(name) => fill(&format!("({{0}}::{name})"), &[sql]),
            None => sql.clone(),
        }
    }

    /// Errors: text that only the connection's collation could put in order.
    pub(super) fn sortable(&self, typed: &Typed) -> Result<Sql, Fault> {
        if typed.class() == Class::Text && typed.collation == Collated::Connection {
            return Err(self.refused("the order of texts by the connection's collation"));
        }
        Ok(self.comparable(typed))
    }

    /// Whether a text compares alike by every collation.
    pub(super) fn is_plain_text(typed: &Typed) -> bool {
        typed.collation == Collated::Plain || matches!(&typed.open, Some(Open::Literal(t)) if is_plain(t))
    }
}
