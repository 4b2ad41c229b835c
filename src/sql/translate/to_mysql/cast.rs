//! Casts between the types that cross, with PostgreSQL's rounding; what PostgreSQL would refuse raises there too.

use sqlparser::ast::{DataType, Expr};

use super::divide::with_scale;
use super::expr::sql;
use super::operators::{in_range, raise};
use super::scope::Scope;
use super::types::{NUMERIC, base, called, is_float, is_int, is_number, is_numeric, is_text};
use super::{Open, Typed, Walk};
use crate::base::{Fault, FaultKind};
use crate::sql::translate::Sql;
use crate::wire::value::PgType;

/// Microseconds that MariaDB, which cuts, must add before the cast to round as PostgreSQL does.
fn half(digits: u8) -> u32 {
    500_000 / 10_u32.pow(u32::from(digits.min(6)))
}

impl Walk<'_> {
    /// `x::type`, `CAST (x AS type)`
    pub(super) fn cast(&mut self, expr: &Expr, written: &DataType, scope: &Scope<'_>) -> Result<Typed, Fault> {
        let ty = self.data_type(written)?;
        if matches!(ty, PgType::Interval | PgType::Array(_)) {
            return Err(self.refused(format!("a value of type {}", called(&ty))));
        }
        let typed = self.expr(expr, scope)?;
        self.explicit(typed, &ty)
    }

    /// An explicit cast, with the type's modifier.
    pub(super) fn explicit(&mut self, typed: Typed, ty: &PgType) -> Result<Typed, Fault> {
        if let Some(Open::Literal(text)) = &typed.open {
            let known = self.literal_of(text, &base(ty))?;
            return self.modified(known, ty);
        }
        if typed.open.is_some() {
            let known = self.coerce(typed, ty)?;
            // A parameter that was of another type before.
            let known = if base(&known.ty) == base(ty) { known } else { self.convert(known, ty)? };
            return self.modified(known, ty);
        }
        let known = if base(&typed.ty) == base(ty) { typed } else { self.convert(typed, ty)? };
        self.modified(known, ty)
    }

    /// The modifier's effect: rounding, cutting.
    fn modified(&mut self, typed: Typed, ty: &PgType) -> Result<Typed, Fault> {
        if typed.ty == *ty || base(ty) == *ty && typed.open.is_none() && !is_numeric(ty) {
            return Ok(Typed { ty: ty.clone(), ..typed });
        }
        match ty {
            PgType::Numeric(Some((precision, scale))) => self.rounded(typed, *precision, *scale),
            PgType::Varchar(Some(n)) => {
                let cut = sql!["LEFT(", &typed, ", ", &n.to_string(), ")"];
                Ok(Typed { exact: typed.exact, ..Typed::new(cut, ty.clone()) })
            }
            PgType::Bpchar(_) => Err(self.refused("a cast to char(n)")),
            PgType::Timestamp(Some(digits)) | PgType::TimestampTz(Some(digits)) => {
                Ok(Typed::new(self.fraction(&typed.sql, "DATETIME", *digits), ty.clone()))
            }
            PgType::Time(Some(digits)) => Ok(Typed::new(self.fraction(&typed.sql, "TIME", *digits), ty.clone())),
            PgType::Bit(_) | PgType::Varbit(_) => Err(self.refused("a cast of bit strings")),
            _ => Ok(Typed { ty: ty.clone(), ..typed }),
        }
    }

    /// A time with so many digits of the second's fraction, rounded.
    fn fraction(&self, value: &Sql, name: &str, digits: u8) -> Sql {
        let ty = format!(" AS {name}({digits}))");
        if self.mariadb() && digits < 6 {
            let add = half(digits).to_string();
            return match name {
                "TIME" => sql!["CAST(ADDTIME(", value, ", SEC_TO_TIME(", &add, " / 1000000))", &ty],
                _ => sql!["CAST(", value, " + INTERVAL ", &add, " MICROSECOND", &ty],
            };
        }
        sql!["CAST(", value, &ty]
    }

    /// `numeric(p, s)`: rounded, and within its digits.
    fn rounded(&mut self, typed: Typed, precision: u16, scale: i16) -> Result<Typed, Fault> {
        let ty = PgType::Numeric(Some((precision, scale)));
        let Ok(places) = u16::try_from(scale) else { return Err(self.refused("a negative scale")) };
        if precision > 65 || places > 30 || places > precision {
            return Err(self.refused(format!("the type {}", ty.sql())));
        }
        let declared = format!(" AS DECIMAL({precision},{places}))");
        let fits = match &typed.ty {
            PgType::Numeric(Some((p, s))) => {
                *s <= scale && i32::from(*p) - i32::from(*s) <= i32::from(precision) - i32::from(scale)
            }
            _ => false,
        };
        if fits {
            return Ok(Typed::new(sql!["CAST(", &typed, &declared], ty));
        }
        let limit = format!("1{}", "0".repeat(usize::from(precision - places)));
        // The seed depends on the row: a constant would be computed, and raise, before any row is read.
        let seed = sql!["LENGTH(", &typed, ")"];
        let round = sql!["ROUND(", &typed, ", ", &places.to_string(), ")"];
        let checked = sql!["IF(ABS(", round, ") >= ", &limit, ", ", raise(seed), ", ", &typed, ")"];
        Ok(Typed::new(sql!["CAST(", checked, &declared], ty))
    }

    /// Between two base types, both known.
    pub(super) fn convert(&mut self, typed: Typed, ty: &PgType) -> Result<Typed, Fault> {
        let (from, to) = (base(&typed.ty), base(ty));
        let out = match (&from, &to) {
            (a, b) if a == b => return Ok(typed),
            (a, b) if is_number(a) && is_number(b) => self.number_to_number(&typed, &from, &to)?,
            (a, b) if is_text(a) && is_text(b) => {
                if *b == PgType::Bpchar(None) || *b == PgType::Name {
                    return Err(self.refused(format!("a cast to {}", called(b))));
                }
                Typed { ty: to.clone(), ..typed.clone() }
            }
            (_, b) if is_text(b) => {
                let text = self.text_of(typed.clone())?;
                Typed { ty: to.clone(), ..text }
            }
            (PgType::Bool, PgType::Int4) => Typed::new(sql!["(", &typed, " <> 0)"], to.clone()),
            (PgType::Int4, PgType::Bool) => Typed::new(sql!["(", &typed, " <> 0)"], PgType::Bool),
            (PgType::Date, PgType::Timestamp(_)) => Typed::new(sql!["CAST(", &typed, " AS DATETIME(6))"], to.clone()),
            (PgType::Date, PgType::TimestampTz(_)) => {
                Typed::new(self.to_utc(sql!["CAST(", &typed, " AS DATETIME(6))"])?, to.clone())
            }
            (PgType::Timestamp(_), PgType::Date) => Typed::new(sql!["DATE(", &typed, ")"], to.clone()),
            (PgType::TimestampTz(_), PgType::Date) => {
                Typed::new(sql!["DATE(", self.local(typed.sql.clone())?, ")"], to.clone())
            }
            (PgType::Timestamp(_), PgType::Time(_)) => Typed::new(sql!["CAST(", &typed, " AS TIME(6))"], to.clone()),
            (PgType::TimestampTz(_), PgType::Time(_)) => {
                Typed::new(sql!["CAST(", self.local(typed.sql.clone())?, " AS TIME(6))"], to.clone())
            }
            (PgType::Timestamp(_), PgType::TimestampTz(_)) => Typed::new(self.to_utc(typed.sql.clone())?, to.clone()),
            (PgType::TimestampTz(_), PgType::Timestamp(_)) => Typed::new(self.local(typed.sql.clone())?, to.clone()),
            (a, _) if is_text(a) => self.from_text(&typed, &to)?,
            (PgType::Json, PgType::Jsonb) | (PgType::Jsonb, PgType::Json) => {
                return Err(self.refused(format!("a cast of {} to {}", called(&from), called(&to))));
            }
            _ => {
                let what = format!("cannot cast type {} to {}", called(&from), called(&to));
                return Err(Fault::new(FaultKind::UndefinedFunction, what));
            }
        };
        Ok(Typed { aggregate: typed.aggregate, ..out })
    }

    fn number_to_number(&mut self, typed: &Typed, from: &PgType, to: &PgType) -> Result<Typed, Fault> {
        let sql = match to {
            PgType::Float8 if is_float(from) => sql!["(", typed, " + 0e0)"],
            PgType::Float8 => sql!["(", typed, " * 1e0)"],
            PgType::Float4 => return Ok(self.single(typed.sql.clone())),
            PgType::Numeric(_) if is_float(from) => return Ok(decimal_of_float(typed, from)),
            PgType::Numeric(_) => sql!["CAST(", typed, " AS DECIMAL(20,0))"],
            PgType::Oid => return Err(self.refused("a cast to oid")),
            _ if is_int(from) => in_range(sql!["CAST(", typed, " AS SIGNED)"], &narrower(from, to)),
            // numeric and double precision: rounded, half away from zero and half to even, as on both servers.
            _ => {
                let whole = sql!["ROUND(", typed, ")"];
                let (low, high) = match to {
                    PgType::Int2 => ("-32768", "32767"),
                    PgType::Int4 => ("-2147483648", "2147483647"),
                    _ => ("-9223372036854775808", "9223372036854775807"),
                };
                // A double this large has no neighbour at the end of bigint.
                let high = if is_float(from) && *to == PgType::Int8 { "9223372036854774784" } else { high };
                let seed = sql!["LENGTH(", typed, ")"];
                sql![
                    "CAST(IF(",
                    &whole,
                    " BETWEEN ",
                    low,
                    " AND ",
                    high,
                    " OR ",
                    typed,
                    " IS NULL, ",
                    &whole,
                    ", ",
                    raise(seed),
                    ") AS SIGNED)"
                ]
            }
        };
        Ok(Typed::new(sql, to.clone()))
    }

    /// Text as a value of a type: only text that is certainly one, else an error.
    fn from_text(&mut self, typed: &Typed, to: &PgType) -> Result<Typed, Fault> {
        let text = sql!["(", typed, ")"];
        match to {
            PgType::Int2 | PgType::Int4 | PgType::Int8 => {
                let seed = sql!["CHAR_LENGTH(", &text, ")"];
                let value = sql![
                    "IF(",
                    &text,
                    " IS NULL OR ",
                    &text,
                    " REGEXP '^[ ]*[+-]?[0-9]{1,18}[ ]*$', CAST(TRIM(",
                    &text,
                    ") AS SIGNED), ",
                    raise(seed),
                    ")"
                ];
                Ok(Typed::new(in_range(value, to), to.clone()))
            }
            PgType::Numeric(_) => {
                let fits = "'^ *[+-]?[0-9]{1,30}([.][0-9]{0,30})? *$'";
                let value =
                    sql![checked_text(&text, fits), " CAST(TRIM(", &text, ") AS DECIMAL(65,30)), ", no(&text), ")"];
                let trimmed = sql!["TRIM(", &text, ")"];
                let scale = sql!["CHAR_LENGTH(", &trimmed, ") - LOCATE('.', CONCAT(", &trimmed, ", '.'))"];
                Ok(self.shown_with(value, &sql!["GREATEST(0, ", scale, ")"]))
            }
            PgType::Float8 => {
                let fits = "'^ *[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]{1,2})? *$'";
                let value = sql![checked_text(&text, fits), " CAST(TRIM(", &text, ") AS DOUBLE), ", no(&text), ")"];
                Ok(Typed::new(value, to.clone()))
            }
            PgType::Date => {
                let fits = "'^ *[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8]) *$'";
                let value = sql![checked_text(&text, fits), " CAST(TRIM(", &text, ") AS DATE), "];
                let last = sql!["CAST(TRIM(", &text, ") AS DATE)"];
                let late = sql![
                    "IF(",
                    &text,
                    " REGEXP '^ *[0-9]{4}-[01][0-9]-(29|30|31) *$', IF(",
                    &last,
                    " IS NULL, ",
                    no(&text),
                    ", ",
                    &last,
                    "), ",
                    no(&text),
                    "))"
                ];
                Ok(Typed::new(sql!["CAST(", value, late, " AS DATE)"], to.clone()))
            }
            PgType::Bool => {
                let word = sql!["LOWER(TRIM(", &text, "))"];
                Ok(Typed::new(
                    sql![
                        "CASE WHEN ",
                        &word,
                        " IN ('t', 'true', 'y', 'yes', 'on', '1') THEN 1 WHEN ",
                        &word,
                        " IN ('f', 'false', 'n', 'no', 'off', '0') THEN 0 WHEN ",
                        &text,
                        " IS NOT NULL THEN ",
                        no(&text),
                        " END"
                    ]
                    .wrapped("(", ")"),
                    PgType::Bool,
                ))
            }
            _ => Err(self.refused(format!("a cast of text to {}", called(to)))),
        }
    }

    /// A value in PostgreSQL's text form, as `||` and `::text` give it.
    pub(super) fn as_text(&mut self, typed: Typed) -> Result<Typed, Fault> {
        if typed.open.is_some() {
            return self.coerce(typed, &PgType::Text);
        }
        if is_text(&typed.ty) {
            return Ok(typed);
        }
        self.text_of(typed)
    }

    fn text_of(&mut self, typed: Typed) -> Result<Typed, Fault> {
        let text = match base(&typed.ty) {
            PgType::Bool => sql!["ELT(2 - (", &typed, " <> 0), 'true', 'false')"],
            PgType::Int2 | PgType::Int4 | PgType::Int8 | PgType::Oid | PgType::Numeric(_) => match &typed.shown {
                Some(shown) => sql!["CAST(", shown, " AS CHAR)"],
                None => sql!["CAST(", &typed, " AS CHAR)"],
            },
            PgType::Date => sql!["DATE_FORMAT(", &typed, ", '%Y-%m-%d')"],
            PgType::Time(_) => trimmed(sql!["TIME_FORMAT(", &typed, ", '%H:%i:%s.%f')"]),
            PgType::Timestamp(_) => trimmed(sql!["DATE_FORMAT(", &typed, ", '%Y-%m-%d %H:%i:%s.%f')"]),
            PgType::TimestampTz(_) => {
                let offset = self.offset_text()?;
                let local = self.local(typed.sql.clone())?;
                let text = trimmed(sql!["DATE_FORMAT(", local, ", '%Y-%m-%d %H:%i:%s.%f')"]);
                sql!["CONCAT(", text, ", '", &offset, "')"]
            }
            PgType::Uuid => sql!["LOWER(CAST(", &typed, " AS CHAR))"],
            PgType::Bytea => sql!["CONCAT('\\x', LOWER(HEX(", &typed, ")))"],
            PgType::Json => sql!["CAST(", &typed, " AS CHAR)"],
            other => return Err(self.refused(format!("the text of a {} value", called(&other)))),
        };
        let mut out = Typed::new(text, PgType::Text);
        out.aggregate = typed.aggregate;
        Ok(out)
    }

    /// A numeric whose values have different scales, printed with each its own.
    pub(super) fn shown_with(&self, value: Sql, scale: &Sql) -> Typed {
        let shown = with_scale(&value, scale);
        let mut typed = Typed::new(value, NUMERIC);
        typed.shown = Some(shown);
        typed
    }
}

/// Whole numbers that only get wider need no check.
fn narrower(from: &PgType, to: &PgType) -> PgType {
    match (from, to) {
        (PgType::Int2, _) | (PgType::Int4, PgType::Int4 | PgType::Int8) => PgType::Int8,
        _ => to.clone(),
    }
}

/// Without zeros at the end of the second's fraction, nor the point of an empty one.
fn trimmed(text: Sql) -> Sql {
    sql!["TRIM(TRAILING '.' FROM TRIM(TRAILING '0' FROM ", text, "))"]
}

/// `IF(` the text is NULL or matches, up to the comma.
fn checked_text(text: &Sql, pattern: &str) -> Sql {
    sql!["IF(", text, " IS NULL OR ", text, " REGEXP ", pattern, ","]
}

/// What raises for a text that is no value of the type.
fn no(text: &Sql) -> Sql {
    raise(sql!["CHAR_LENGTH(", text, ")"])
}

/// PostgreSQL makes a numeric of the first fifteen (`real`: six) digits of a float, without zeros behind them. MySQL's
/// decimal has all that tell it from its neighbours; rounding these is the same, but for a tie, which raises, and for
/// numbers beyond its thirty digits on each side.
fn decimal_of_float(typed: &Typed, from: &PgType) -> Typed {
    let digits = if *from == PgType::Float4 { "5" } else { "14" };
    let double = sql!["(", typed, " + 0e0)"];
    let decimal = sql!["CAST(", &double, " AS DECIMAL(65,30))"];
    let places = sql!["(", digits, " - COALESCE(FLOOR(LOG10(ABS(", &double, "))), 0))"];
    let rounded = sql!["ROUND(", &decimal, ", ", &places, ")"];
    let rest = sql!["ABS(", &decimal, " - TRUNCATE(", &decimal, ", ", &places, "))"];
    let tie = sql![&rest, " = CAST(CONCAT('5e', -1 - ", &places, ") AS DECIMAL(65,30))"];
    let outside = sql!["ABS(", &double, ") > 1e34 OR ", &places, " > 29"];
    let seed = sql!["ABS(SIGN(", &double, "))"];
    let value = sql!["IF(", outside, " OR (", &double, " <> 0 AND ", tie, "), ", raise(seed), ", ", rounded, ")"];
    let value = sql!["CAST(", value, " AS DECIMAL(65,30))"];
    let mut out = Typed::new(value.clone(), NUMERIC);
    out.shown = Some(trimmed(sql!["CAST(", value, " AS CHAR)"]));
    out
}
