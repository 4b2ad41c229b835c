//! Numeric division, and the scale of its result.
//!
//! PostgreSQL gives a quotient at least sixteen significant digits (`select_div_scale`): the scale depends on the values'
//! places in base 10,000 and on their first digits there. MySQL is told to compute thirty digits more than the dividend
//! has; they are rounded to PostgreSQL's scale, and the outermost result prints that many.

use sqlparser::ast::Expr;

use super::expr::sql;
use super::operators::constant;
use super::types::{NUMERIC, is_int};
use super::{Typed, Walk};
use crate::sql::translate::Sql;
use crate::wire::value::PgType;

/// MySQL's most digits behind the point.
const SCALE_MAX: u32 = 30;

/// One side of a division.
pub(super) struct Side {
    /// As it is computed.
    pub(super) sql: Sql,
    /// Digits behind the point, where they are the same for all values.
    pub(super) scale: Option<u32>,
    /// Its digits, of a constant.
    pub(super) digits: Option<String>,
}

impl Side {
    /// What is known of an operand before it was cast.
    pub(super) fn of(expr: Option<&Expr>, ty: &PgType) -> Self {
        let digits = expr.and_then(constant).filter(|_| matches!(ty, PgType::Numeric(None)) || is_int(ty));
        let scale = match ty {
            PgType::Numeric(Some((_, scale))) => u32::try_from(*scale).ok(),
            ty if is_int(ty) => Some(0),
            _ => digits.as_ref().map(|d| count(d.split_once('.').map_or("", |(_, f)| f))),
        };
        Self { sql: Sql::new(), scale, digits }
    }

    /// With what was printed for it.
    pub(super) fn printed(mut self, sql: &Sql) -> Self {
        self.sql = sql.clone();
        self
    }

    /// The place of the first digit in base 10,000, and that digit.
    fn place(&self) -> (Sql, Sql) {
        if let Some((weight, first)) = self.digits.as_deref().map(known_place) {
            return (Sql::text(format!("({weight})")), Sql::text(first.to_string()));
        }
        let weight = sql!["COALESCE(FLOOR(LOG10(ABS(", &self.sql, ")) / 4), 0)"];
        let first = sql!["TRUNCATE(ABS(", &self.sql, ") / POW(10000, ", &weight, "), 0)"];
        (weight, first)
    }

    /// Digits behind the point: those that its text has.
    fn scale(&self) -> Sql {
        match self.scale {
            Some(scale) => Sql::text(scale.to_string()),
            None => {
                let text = sql!["CAST(", &self.sql, " AS CHAR)"];
                sql!["CHAR_LENGTH(", &text, ") - LOCATE('.', CONCAT(", &text, ", '.'))"]
            }
        }
    }
}

impl Walk<'_> {
    /// `l / by` as numeric; `by` is `r` with its check against zero.
    pub(super) fn quotient(&self, l: &Side, r: &Side, by: &Sql) -> Typed {
        let ((wl, fl), (wr, fr)) = (l.place(), r.place());
        let significant = sql!["16 - 4 * (", wl, " - ", wr, " - (", fl, " <= ", fr, "))"];
        let most = SCALE_MAX.to_string();
        let scale = sql!["LEAST(", &most, ", GREATEST(", significant, ", ", l.scale(), ", ", r.scale(), ", 0))"];
        let raw = sql![&l.sql, " / ", by];
        let mut typed = Typed::new(sql!["ROUND(", &raw, ", ", &scale, ")"], NUMERIC);
        typed.shown = Some(with_scale(&raw, &scale));
        typed
    }
}

/// Of a constant: place and value of the first digit in base 10,000.
fn known_place(digits: &str) -> (i32, u32) {
    let plain = digits.trim_start_matches('-');
    let (whole, fraction) = plain.split_once('.').unwrap_or((plain, ""));
    let whole = whole.trim_start_matches('0');
    if !whole.is_empty() {
        let head = (whole.len() - 1) % 4 + 1;
        let first = whole.get(..head).and_then(|d| d.parse().ok()).unwrap_or(0);
        return (i32::try_from((whole.len() - 1) / 4).unwrap_or(0), first);
    }
    let zeros = fraction.bytes().take_while(|b| *b == b'0').count();
    if zeros == fraction.len() {
        return (0, 0);
    }
    let group = zeros / 4;
    let first: String = fraction.chars().chain("0000".chars()).skip(group * 4).take(4).collect();
    (-1 - i32::try_from(group).unwrap_or(0), first.parse().unwrap_or(0))
}

fn count(digits: &str) -> u32 {
    u32::try_from(digits.len()).unwrap_or(SCALE_MAX)
}

/// A number's text with so many digits behind the point.
pub(super) fn with_scale(value: &Sql, scale: &Sql) -> Sql {
    sql!["REPLACE(FORMAT(", value, ", ", scale, "), ',', '')"]
}
