//! Columns, literals and parameters, and how the open ones among them get a type.

use sqlparser::ast::{Ident, TypedString, Value as AstValue};

use super::expr::sql;
use super::scope::{Scope, ScopeColumn};
use super::types::{NUMERIC, base, called, is_float, is_int, is_moment, is_number, is_numeric, is_text};
use super::{Open, Typed, Walk};
use crate::base::{Fault, FaultKind};
use crate::sql::translate::{Part, Sql, literal};
use crate::wire::value::pg::{self, Format, Style};
use crate::wire::value::{PgType, Value};

impl Walk<'_> {
    /// The column that an expression is, if it is nothing else.
    pub(super) fn plain_column<'s>(
        &self,
        expr: &sqlparser::ast::Expr,
        scope: &'s Scope<'_>,
    ) -> Option<&'s ScopeColumn> {
        use sqlparser::ast::Expr;
        match expr {
            Expr::Nested(inner) => self.plain_column(inner, scope),
            Expr::Identifier(name) => scope.lookup(std::slice::from_ref(name)).ok(),
            Expr::CompoundIdentifier(path) => scope.lookup(path).ok(),
            _ => None,
        }
    }

    /// A column by its name.
    pub(super) fn column(&mut self, path: &[Ident], scope: &Scope<'_>) -> Result<Typed, Fault> {
        let found = match scope.lookup(path) {
            Ok(found) => found,
            Err(fault) => match path {
                // Words that PostgreSQL reads as functions, when no column is called so.
                [word] if word.quote_style.is_none() => {
                    return self.word(&word.value.to_ascii_lowercase())?.ok_or(fault);
                }
                _ => return Err(fault),
            },
        };
        Ok(self.of_column(found))
    }

    /// How values are written in the client's texts.
    pub(super) fn style(&self) -> Style {
        let time_zone = self.zone().unwrap_or(jiff::tz::TimeZone::UTC);
        Style { time_zone, day_before_month: false, bytea_escape: false, extra_float_digits: 1 }
    }

    /// The client's time zone, if it is known.
    pub(super) fn zone(&self) -> Option<jiff::tz::TimeZone> {
        zone_called(&self.request.facts.time_zone)
    }

    /// A literal or parameter without a type around it.
    pub(super) fn value(&mut self, value: &AstValue) -> Result<Typed, Fault> {
        match value {
            AstValue::Number(digits, false) => self.number(digits),
            AstValue::SingleQuotedString(text)
            | AstValue::EscapedStringLiteral(text)
            | AstValue::UnicodeStringLiteral(text) => self.quoted(text),
            AstValue::DollarQuotedString(text) => self.quoted(&text.value),
            AstValue::Boolean(yes) => Ok(Typed::text(if *yes { "TRUE" } else { "FALSE" }, PgType::Bool)),
            AstValue::Null => {
                let mut typed = Typed::text("NULL", PgType::Unknown);
                typed.open = Some(Open::Null);
                Ok(typed)
            }
            AstValue::Placeholder(name) => self.parameter(name),
            other => Err(self.refused(format!("the literal {other}"))),
        }
    }

    /// A quoted literal, not yet of a type.
    pub(super) fn quoted(&self, text: &str) -> Result<Typed, Fault> {
        let printed = literal::mysql(&Value::Text(text.to_owned()), &PgType::Text)?;
        let mut typed = Typed::text(printed, PgType::Unknown);
        typed.open = Some(Open::Literal(text.to_owned()));
        Ok(typed)
    }

    fn parameter(&mut self, name: &str) -> Result<Typed, Fault> {
        let number = name.strip_prefix('$').and_then(|n| n.parse::<u16>().ok()).and_then(|n| n.checked_sub(1));
        let Some(number) = number else { return Err(self.refused(format!("the placeholder {name}"))) };
        let place = usize::from(number);
        if self.parameters.len() <= place {
            self.parameters.resize(place + 1, None);
        }
        let known = self.parameters.get(place).cloned().flatten().filter(|ty| *ty != PgType::Unknown);
        let mut typed = Typed::new(Sql::part(Part::Parameter(number)), known.clone().unwrap_or(PgType::Unknown));
        if known.is_none() {
            typed.open = Some(Open::Parameter(number));
        }
        Ok(typed)
    }

    /// `1`, `2.50`, `1e3`: integer, bigint or numeric, by size.
    fn number(&self, digits: &str) -> Result<Typed, Fault> {
        let Some(plain) = plain_digits(digits) else { return Err(self.refused(format!("the number {digits}"))) };
        if digits.contains(['.', 'e', 'E']) {
            return self.decimal(&plain);
        }
        let ty = match plain.parse::<i64>() {
            Ok(n) if i32::try_from(n).is_ok() => PgType::Int4,
            Ok(_) => PgType::Int8,
            Err(_) => return self.decimal(&plain),
        };
        Ok(Typed::text(plain, ty))
    }

    fn decimal(&self, plain: &str) -> Result<Typed, Fault> {
        let (whole, fraction) = plain.split_once('.').unwrap_or((plain, ""));
        if whole.len() + fraction.len() > 65 || fraction.len() > 30 {
            return Err(self.refused("a number of more than 65 digits, or 30 behind the point"));
        }
        let printed = literal::mysql(&Value::Decimal(plain.to_owned()), &NUMERIC)?;
        Ok(Typed::text(printed, NUMERIC))
    }

    /// `DATE '2024-02-29'`
    pub(super) fn typed_string(&mut self, typed: &TypedString) -> Result<Typed, Fault> {
        let TypedString { data_type, value, uses_odbc_syntax: false } = typed else {
            return Err(self.refused("ODBC's literals"));
        };
        let ty = self.data_type(data_type)?;
        let open = self.value(&value.value)?;
        self.explicit(open, &ty)
    }

    /// Implicit cast, as in an assignment or comparison; decides open literals and parameters.
    pub(super) fn coerce(&mut self, typed: Typed, ty: &PgType) -> Result<Typed, Fault> {
        let aggregate = typed.aggregate;
        let mut out = match typed.open.clone() {
            Some(open) => self.decide(&typed, open, ty)?,
            None => self.implicit(typed, ty)?,
        };
        out.aggregate = aggregate;
        Ok(out)
    }

    fn decide(&mut self, typed: &Typed, open: Open, ty: &PgType) -> Result<Typed, Fault> {
        let ty = base(ty);
        match open {
            Open::Null => Ok(Typed::text("NULL", ty).exactly()),
            Open::Literal(text) => self.literal_of(&text, &ty),
            Open::Parameter(number) => {
                match self.parameters.get_mut(usize::from(number)) {
                    Some(slot @ (None | Some(PgType::Unknown))) => *slot = Some(ty.clone()),
                    // Decided in the meantime, by its other place.
                    Some(Some(other)) if *other == ty => {}
                    Some(Some(other)) => {
                        let known = Typed::new(typed.sql.clone(), other.clone());
                        return self.implicit(known, &ty);
                    }
                    None => {}
                }
                self.crosses(&ty)?;
                Ok(Typed::new(typed.sql.clone(), ty))
            }
        }
    }

    /// Refuses parameters of types that have no literal there.
    fn crosses(&self, ty: &PgType) -> Result<(), Fault> {
        if matches!(ty, PgType::Interval | PgType::Array(_) | PgType::Other(..) | PgType::Void) {
            return Err(self.refused(format!("a parameter of type {}", called(ty))));
        }
        Ok(())
    }

    /// The literal that a quoted text is as a value of a type.
    pub(super) fn literal_of(&self, text: &str, ty: &PgType) -> Result<Typed, Fault> {
        if matches!(ty, PgType::Interval | PgType::Array(_) | PgType::Other(..) | PgType::Void) {
            return Err(self.refused(format!("a literal of type {}", called(ty))));
        }
        let known = if is_text(ty) { Value::Text(text.to_owned()) } else { self.read(text, ty)? };
        Ok(Typed::text(literal::mysql(&known, ty)?, ty.clone()))
    }

    /// The value that a text is for PostgreSQL.
    pub(super) fn read(&self, text: &str, ty: &PgType) -> Result<Value, Fault> {
        let lower = text.trim().to_ascii_lowercase();
        if is_moment(ty) || matches!(ty, PgType::Time(_)) {
            if matches!(lower.as_str(), "now" | "today" | "tomorrow" | "yesterday" | "epoch" | "allballs") {
                return Err(self.refused(format!("the {} '{lower}'", called(ty))));
            }
            if matches!(ty, PgType::TimestampTz(_)) && self.zone().is_none() && !has_offset(&lower) {
                return Err(self.refused("a timestamp with time zone without its offset"));
            }
        }
        let unsure = matches!(ty, PgType::Timestamp(_) | PgType::Date | PgType::Time(_)) && odd_words(&lower);
        let read = pg::decode(ty, Format::Text, &self.style(), text.as_bytes()).map_err(|error| {
            let (kind, what) = match is_moment(ty) || matches!(ty, PgType::Time(_)) {
                true if fielded(text) => {
                    (FaultKind::MomentRange, format!("date/time field value out of range: \"{text}\""))
                }
                true => (FaultKind::InvalidMoment, format!("invalid input syntax for type {}: \"{text}\"", called(ty))),
                false => (FaultKind::InvalidText, format!("invalid input syntax for type {}: \"{text}\"", called(ty))),
            };
            Fault::new(kind, what).detail(error.to_string())
        })?;
        // Infinity is read rightly; that it cannot be kept is told by the literal.
        if unsure && !matches!(read, Value::Infinity(_)) {
            return Err(self.refused(format!("the {} '{lower}'", called(ty))));
        }
        Ok(read)
    }

    /// Open ones become text, as PostgreSQL does at last.
    pub(super) fn settle(&mut self, typed: Typed) -> Result<Typed, Fault> {
        if typed.open.is_some() { self.coerce(typed, &PgType::Text) } else { Ok(typed) }
    }

    /// An assignment cast between types that are known.
    pub(super) fn implicit(&mut self, typed: Typed, ty: &PgType) -> Result<Typed, Fault> {
        let (from, to) = (base(&typed.ty), base(ty));
        if from == to {
            return Ok(typed);
        }
        let fits = (is_number(&from) && is_number(&to))
            || is_text(&to)
            || (is_moment(&from) && (is_moment(&to) || matches!(to, PgType::Time(_))))
            || (matches!(from, PgType::Json | PgType::Jsonb) && matches!(to, PgType::Json | PgType::Jsonb));
        if !fits {
            let what = format!("column is of type {} but expression is of type {}", called(&to), called(&from));
            return Err(
                Fault::new(FaultKind::TypeMismatch, what).hint("You will need to rewrite or cast the expression.")
            );
        }
        self.convert(typed, &to)
    }

    /// A number as the number of a type that has room for it: what MySQL computes with is then of PostgreSQL's kind.
    pub(super) fn widen(&mut self, typed: Typed, ty: &PgType) -> Result<Typed, Fault> {
        if typed.open.is_some() {
            return self.coerce(typed, ty);
        }
        let (from, to) = (typed.ty.clone(), base(ty));
        if is_int(&from) && is_int(&to) {
            return Ok(Typed { ty: to, ..typed });
        }
        if is_numeric(&from) && is_numeric(&to) {
            return Ok(Typed { ty: to, ..typed });
        }
        if is_float(&from) && is_float(&to) {
            return Ok(Typed { ty: to, shown: None, sql: sql!["(", &typed, " + 0e0)"], ..typed });
        }
        let aggregate = typed.aggregate;
        let mut out = self.convert(typed, &to)?;
        out.aggregate = aggregate;
        Ok(out)
    }
}

/// The zone of this name, as PostgreSQL's `TimeZone` gives it.
pub(super) fn zone_called(name: &str) -> Option<jiff::tz::TimeZone> {
    let upper = name.to_ascii_uppercase();
    match upper.as_str() {
        "" => None,
        "UTC" | "GMT" | "ETC/UTC" | "ETC/GMT" | "ZULU" | "Z" | "UCT" => Some(jiff::tz::TimeZone::UTC),
        _ => jiff::tz::TimeZone::get(name).ok().or_else(|| jiff::tz::TimeZone::posix(name).ok()),
    }
}

fn has_offset(text: &str) -> bool {
    let behind = text.split_once([' ', 't']).map_or("", |(_, time)| time);
    behind.contains(['+', '-']) || behind.ends_with('z') || behind.ends_with("utc") || behind.ends_with("gmt")
}

/// Words of dates and times that mean the same to everybody.
const WORDS: &[&str] = &[
    "",
    "t",
    "z",
    "utc",
    "gmt",
    "bc",
    "ad",
    "am",
    "pm",
    "jan",
    "feb",
    "mar",
    "apr",
    "may",
    "jun",
    "jul",
    "aug",
    "sep",
    "oct",
    "nov",
    "dec",
    "january",
    "february",
    "march",
    "april",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// Whether a date or time has other words: PostgreSQL passes over a zone's name, and over nothing else.
fn odd_words(text: &str) -> bool {
    text.split(|c: char| !c.is_alphabetic()).any(|word| !WORDS.contains(&word))
}

/// Whether a text that is no moment has at least the fields of one.
fn fielded(text: &str) -> bool {
    let text = text.trim();
    let number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let (day, time) = text.split_once([' ', 'T']).unwrap_or((text, ""));
    let clock = |text: &str| text.split([':', '.']).count() >= 2 && text.split([':', '.']).all(number);
    let dated = day.split('-').count() == 3 && day.split('-').all(number);
    (dated && (time.is_empty() || clock(time))) || (time.is_empty() && clock(day))
}

/// A number without an exponent, or `None` if it is none of PostgreSQL's.
pub(super) fn plain_digits(text: &str) -> Option<String> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok().filter(|e| e.abs() <= 100)?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.len() + fraction.len() == 0 || !(whole.bytes().chain(fraction.bytes())).all(|b| b.is_ascii_digit()) {
        return None;
    }
    let mut digits = format!("{whole}{fraction}");
    let mut point = i32::try_from(whole.len()).ok()? + exponent;
    while point < 1 {
        digits.insert(0, '0');
        point += 1;
    }
    let point = usize::try_from(point).ok()?;
    while digits.len() < point {
        digits.push('0');
    }
    let (whole, fraction) = digits.split_at(point);
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    Some(if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") })
}
