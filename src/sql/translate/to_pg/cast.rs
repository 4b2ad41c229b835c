//! CAST, CONVERT, BINARY, COLLATE.

use sqlparser::ast::{
    BinaryLength, CastKind, CharacterLength, DataType, ExactNumberInfo, Expr, FunctionArg, FunctionArgExpr,
    FunctionArguments, ObjectName, TimezoneInfo, Value,
};

use super::arithmetic::unsigned;
use super::scope::Scope;
use super::typed::{Class, decimal, fill, text};
use super::{Open, Typed, Walk};
use crate::base::Fault;
use crate::sql::translate::Sql;
use crate::wire::value::{MyType, PgType};

impl Walk<'_> {
    pub(super) fn cast(&mut self, expr: &Expr, scope: &Scope<'_>) -> Result<Typed, Fault> {
        let Expr::Cast { kind, expr, data_type, array, format } = expr else {
            return Err(self.refused("this cast"));
        };
        if *kind != CastKind::Cast || *array || format.is_some() {
            return Err(self.refused("this form of CAST"));
        }
        let typed = self.expr(expr, scope)?;
        let moment = matches!(data_type, DataType::Date | DataType::Datetime(_)) && formatted_as_moment(expr);
        if moment && typed.class() == Class::Text {
            let sql = fill("({0}::timestamp)", &[&typed.sql]);
            let typed = Typed::new(sql, MyType::DateTime(0), PgType::Timestamp(None)).of(&[&typed]).nullable(true);
            return self.cast_as(typed, data_type);
        }
        self.cast_as(typed, data_type)
    }

    pub(super) fn convert(&mut self, expr: &Expr, scope: &Scope<'_>) -> Result<Typed, Fault> {
        let Expr::Convert { is_try, expr, data_type, charset, target_before_value, styles } = expr else {
            return Err(self.refused("this CONVERT"));
        };
        if *is_try || *target_before_value || !styles.is_empty() {
            return Err(self.refused("this form of CONVERT"));
        }
        let typed = self.expr(expr, scope)?;
        match (data_type, charset) {
            (Some(data_type), None) => self.cast_as(typed, data_type),
            (None, Some(charset)) if is_unicode(charset) => {
                let out = self.text(typed)?;
                Ok(Typed { open: None, number: None, ..out })
            }
            _ => Err(self.refused("CONVERT to another character set")),
        }
    }

    pub(super) fn cast_as(&mut self, typed: Typed, target: &DataType) -> Result<Typed, Fault> {
        let flags = Typed::new(Sql::new(), MyType::Null, PgType::Unknown).of(&[&typed]);
        let out = match target {
            DataType::Signed | DataType::SignedInteger | DataType::Int(None) | DataType::Integer(None) => {
                Typed::new(self.whole_of(typed)?, MyType::BigInt(false), PgType::Int8)
            }
            DataType::Unsigned | DataType::UnsignedInteger => {
                Typed::new(unsigned(&self.whole_of(typed)?), MyType::BigInt(true), PgType::Numeric(None))
            }
            DataType::Decimal(info) | DataType::Dec(info) | DataType::Numeric(info) => {
                self.cast_decimal(typed, info)?
            }
            DataType::Double(ExactNumberInfo::None) | DataType::DoublePrecision | DataType::Real => {
                Typed::new(self.double_of(typed)?, MyType::Double, PgType::Float8)
            }
            DataType::Float(ExactNumberInfo::None) => {
                let wide = self.double_of(typed)?;
                Typed::new(fill("({0}::float4)", &[&wide]), MyType::Float, PgType::Float4)
            }
            DataType::Char(length) | DataType::Character(length) | DataType::Varchar(length) => {
                return self.cast_char(typed, length.as_ref());
            }
            DataType::Binary(None) | DataType::Varbinary(None) => {
                let n = typed.characters();
                let ty = MyType::Varbinary(u32::try_from(n).unwrap_or(u32::MAX));
                Typed::new(self.octets_of(typed)?, ty, PgType::Bytea)
            }
            DataType::Varbinary(Some(BinaryLength::IntegerLength { .. })) => {
                return Err(self.refused("CAST as VARBINARY of a length"));
            }
            DataType::Date => Typed::new(self.day(typed)?, MyType::Date, PgType::Date),
            DataType::Datetime(digits) => self.cast_datetime(typed, *digits)?,
            DataType::Time(digits, TimezoneInfo::None) => self.cast_time(typed, *digits)?,
            DataType::JSON if !self.mariadb() => {
                let out = self.coerce(typed, &MyType::Json)?;
                return Ok(out);
            }
            other => return Err(self.refused(format!("CAST as {other}"))),
        };
        Ok(Typed { nullable: flags.nullable, aggregate: flags.aggregate, ..out })
    }

    /// A text becomes a number if it is a clean one; PostgreSQL refuses others, where MySQL would warn and cut.
    fn whole_of(&mut self, typed: Typed) -> Result<Sql, Fault> {
        match (&typed.open, typed.class()) {
            (Some(Open::Literal(text)), _) => {
                let whole = text.trim().split('.').next().unwrap_or("").to_owned();
                let number =
                    self.number_of(Typed { open: Some(Open::Literal(whole)), ..typed }, &MyType::BigInt(false))?;
                self.int8(number)
            }
            (None, Class::Text) => {
                let text = self.text(typed)?;
                Ok(fill("({0}::int8)", &[&text.sql]))
            }
            (None, Class::DateTime) => {
                let fraction = typed.fraction();
                let local = self.local(typed)?;
                let local = if fraction == 0 { local } else { self.without_fraction(&local) };
                Ok(fill("(to_char({0}, 'YYYYMMDDHH24MISS')::int8)", &[&local]))
            }
            _ => self.int8(typed),
        }
    }

    /// MySQL rounds to seconds, MariaDB cuts.
    fn without_fraction(&self, local: &Sql) -> Sql {
        if self.mariadb() { fill("date_trunc('second', {0})", &[local]) } else { fill("({0}::timestamp(0))", &[local]) }
    }

    fn double_of(&mut self, typed: Typed) -> Result<Sql, Fault> {
        if typed.class() == Class::Text && typed.open.is_none() {
            let text = self.text(typed)?;
            return Ok(fill("({0}::numeric::float8)", &[&text.sql]));
        }
        self.double(typed)
    }

    fn cast_decimal(&mut self, typed: Typed, info: &ExactNumberInfo) -> Result<Typed, Fault> {
        let (precision, scale) = match info {
            ExactNumberInfo::None => (10, 0),
            ExactNumberInfo::Precision(p) => (*p, 0),
            ExactNumberInfo::PrecisionAndScale(p, s) => (*p, u64::try_from(*s).unwrap_or(u64::MAX)),
        };
        if precision > 65 || scale > 30 || scale > precision || precision == 0 {
            return Err(self.refused(format!("CAST as DECIMAL({precision},{scale})")));
        }
        let number = match (&typed.open, typed.class()) {
            (None, Class::Text) => {
                let text = self.text(typed)?;
                fill("({0}::numeric)", &[&text.sql])
            }
            (None, Class::Double) => fill("({0}::numeric)", &[&typed.sql]),
            _ => self.numeric(typed)?,
        };
        let sql = fill(&format!("({{0}}::numeric({precision},{scale}))"), &[&number]);
        let (p, s) = (u32::try_from(precision).unwrap_or(65), u32::try_from(scale).unwrap_or(30));
        let pg = PgType::Numeric(Some((u16::try_from(precision).unwrap_or(65), i16::try_from(scale).unwrap_or(30))));
        Ok(Typed::new(sql, decimal(p, s), pg))
    }

    fn cast_char(&mut self, typed: Typed, length: Option<&CharacterLength>) -> Result<Typed, Fault> {
        let out = self.text(typed)?;
        let out = Typed { open: None, number: None, ..out };
        match length {
            None => Ok(out),
            Some(CharacterLength::IntegerLength { length, unit: None }) if *length <= 65_535 => {
                let sql = fill(&format!("left({{0}}, {length})"), &[&out.sql]);
                Ok(Typed { sql, ty: text(*length), pg: PgType::Text, ..out })
            }
            Some(_) => Err(self.refused("this length of CHAR")),
        }
    }

    fn digits_of_second(&self, digits: Option<u64>) -> Result<u8, Fault> {
        match digits {
            None => Ok(0),
            Some(n) if n <= 6 => Ok(u8::try_from(n).unwrap_or(6)),
            Some(n) => Err(self.refused(format!("{n} digits of a second"))),
        }
    }

    fn cast_datetime(&mut self, typed: Typed, digits: Option<u64>) -> Result<Typed, Fault> {
        let digits = self.digits_of_second(digits)?;
        let typed = self.moment_of(typed, 6)?;
        let cuts = typed.fraction() > digits;
        let local = self.local(typed)?;
        let sql = match (cuts, self.mariadb(), digits) {
            (false, _, _) => local,
            (true, false, n) => fill(&format!("({{0}}::timestamp({n}))"), &[&local]),
            (true, true, 0) => fill("date_trunc('second', {0})", &[&local]),
            (true, true, 3) => fill("date_trunc('milliseconds', {0})", &[&local]),
            (true, true, n) => return Err(self.refused(format!("CAST as DATETIME({n})"))),
        };
        Ok(Typed::new(sql, MyType::DateTime(digits), PgType::Timestamp(None)))
    }

    fn cast_time(&mut self, typed: Typed, digits: Option<u64>) -> Result<Typed, Fault> {
        let digits = self.digits_of_second(digits)?;
        let fraction = match &typed.open {
            Some(Open::Literal(text)) => text.split_once('.').map_or(0, |(_, f)| u8::try_from(f.len()).unwrap_or(7)),
            _ => typed.fraction(),
        };
        if typed.class() == Class::Date {
            return Ok(Typed::new(
                fill("(CASE WHEN {0} IS NOT NULL THEN time '00:00' END)", &[&typed.sql]),
                MyType::Time(digits),
                PgType::Time(None),
            ));
        }
        let clock = self.clock(typed)?;
        // Rounding could give 24:00:00, which MySQL's TIME is and PostgreSQL's prints alike.
        let sql = match (fraction > digits, self.mariadb(), digits) {
            (false, _, _) => clock,
            (true, false, n) => fill(&format!("({{0}}::time({n}))"), &[&clock]),
            (true, true, 0) => fill("date_trunc('second', {0}::interval)::time", &[&clock]).wrapped("(", ")"),
            (true, true, n) => return Err(self.refused(format!("CAST as TIME({n})"))),
        };
        Ok(Typed::new(sql, MyType::Time(digits), PgType::Time(None)))
    }

    /// `x COLLATE utf8mb4_bin` and its like.
    pub(super) fn collate(&mut self, expr: &Expr, collation: &ObjectName, scope: &Scope<'_>) -> Result<Typed, Fault> {
        let name = collation.to_string().to_ascii_lowercase();
        let binary = matches!(name.as_str(), "utf8mb4_0900_bin" | "utf8mb4_nopad_bin");
        if !binary {
            return Err(self.refused(format!("COLLATE {name}")));
        }
        let typed = self.expr(expr, scope)?;
        let out = self.text(typed)?;
        Ok(Typed { collation: super::Collated::Column, open: None, ..out })
    }
}

fn is_unicode(charset: &ObjectName) -> bool {
    matches!(charset.to_string().to_ascii_lowercase().as_str(), "utf8mb4" | "utf8" | "utf8mb3")
}

/// `DATE_FORMAT(e, '%Y-%m-01 00:00:00')` and its like: what it gives is a date, or one with a time.
fn formatted_as_moment(expr: &Expr) -> bool {
    let Expr::Function(function) = expr else { return false };
    let FunctionArguments::List(list) = &function.args else { return false };
    let [_, FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(value)))] = list.args.as_slice() else {
        return false;
    };
    let Value::SingleQuotedString(format) = &value.value else { return false };
    let (day, time) = format.split_once(' ').unwrap_or((format, "00:00:00"));
    let fits = |part: &str, code: &str, from: u8, to: u8| {
        part == code || (part.len() == 2 && part.parse::<u8>().is_ok_and(|n| (from..=to).contains(&n)))
    };
    let (day, time): (Vec<&str>, Vec<&str>) = (day.split('-').collect(), time.split(':').collect());
    let dated = matches!(day.as_slice(), ["%Y", month, day] if fits(month, "%m", 1, 12) && fits(day, "%d", 1, 28));
    let timed = matches!(time.as_slice(), [hour, minute, second]
        if fits(hour, "%H", 0, 23) && fits(minute, "%i", 0, 59) && (fits(second, "%s", 0, 59) || *second == "%S"));
    function.name.to_string().eq_ignore_ascii_case("date_format") && dated && timed
}
