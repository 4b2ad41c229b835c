//! `to_char` of whole numbers and numerics, by the patterns of reports: `FM999990.00`, `9,999,999.99`, `FM0000`.

use super::super::expr::sql;
use super::super::types::{is_int, is_numeric};
use super::super::{Typed, Walk};
use crate::base::Fault;
use crate::sql::translate::Sql;
use crate::wire::value::PgType;

/// A pattern of digits.
#[derive(Debug, PartialEq, Eq)]
struct Digits {
    /// Without blanks in front.
    fill: bool,
    /// Places before the point.
    whole: usize,
    /// How many of these are always printed.
    always: usize,
    /// Commas between thousands.
    grouped: bool,
    /// Places behind the point; all of them are printed.
    places: usize,
    /// The pattern itself without `FM`.
    picture: String,
}

/// What a pattern says, if it is one of those that can be printed alike.
fn digits(pattern: &str) -> Option<Digits> {
    let (fill, picture) = match pattern.strip_prefix("FM") {
        Some(rest) => (true, rest),
        None => (false, pattern),
    };
    let (left, right) = picture.split_once('.').unwrap_or((picture, ""));
    // With FM a 9 behind the point prints no zero.
    if !right.bytes().all(|b| b == b'0' || (b == b'9' && !fill)) || picture.ends_with('.') || right.len() > 30 {
        return None;
    }
    let plain: String = left.chars().filter(|c| *c != ',').collect();
    let always = plain.len() - plain.find('0').unwrap_or(plain.len());
    if plain.is_empty() || plain.len() > 30 || !plain.bytes().all(|b| matches!(b, b'0' | b'9')) {
        return None;
    }
    let grouped = left.contains(',');
    let mut groups = left.rsplit(',');
    let regular = groups
        .by_ref()
        .all(|group| group.len() == 3 || (group.len() < 3 && !group.is_empty() && left.starts_with(group)));
    let full = left.rsplit(',').take(left.matches(',').count()).all(|group| group.len() == 3);
    if grouped && (!regular || !full || always > 1) {
        return None;
    }
    let picture = picture.to_owned();
    Some(Digits { fill, whole: plain.len(), always, grouped, places: right.len(), picture })
}

impl Walk<'_> {
    /// `to_char(number, pattern)`
    pub(super) fn number_to_char(&self, typed: &Typed, pattern: &str) -> Result<Typed, Fault> {
        let known = if is_int(&typed.ty) || is_numeric(&typed.ty) { digits(pattern) } else { None };
        let Some(known) = known else {
            return Err(self.refused(format!("to_char of {} with '{pattern}'", super::called(&typed.ty))));
        };
        let places = known.places.to_string();
        let value = sql!["ROUND(CAST(", typed, " AS DECIMAL(65,30)), ", &places, ")"];
        let size = sql!["ABS(", &value, ")"];
        let declared = format!(" AS DECIMAL(65,{places}))");
        let mut text = match known.grouped {
            true => sql!["FORMAT(", &size, ", ", &places, ", 'en_US')"],
            false => sql!["CAST(CAST(", &size, &declared, " AS CHAR)"],
        };
        let behind = if known.places == 0 { 0 } else { known.places + 1 };
        if known.always > 1 {
            let width = (known.always + behind).to_string();
            text =
                sql!["IF(CHAR_LENGTH(", &text, ") < ", &width, ", LPAD(", &text, ", ", &width, ", '0'), ", &text, ")"];
        } else if known.always == 0 && behind > 0 {
            // No zero stands in front of the point.
            text = sql!["IF(", &size, " < 1, SUBSTRING(", &text, ", 2), ", &text, ")"];
        }
        let hashes: String = known.picture.chars().map(|c| if c.is_ascii_digit() { '#' } else { c }).collect();
        let limit = format!("1{}", "0".repeat(known.whole));
        let sign = sql!["IF(", &value, " < 0, '-', '')"];
        let body = sql!["IF(", &size, " >= ", &limit, ", '", &hashes, "', ", text, ")"];
        let signed = sql!["CONCAT(", sign, ", ", body, ")"];
        let out: Sql = match known.fill {
            true => signed,
            false => sql!["LPAD(", signed, ", ", &(known.picture.len() + 1).to_string(), ", ' ')"],
        };
        Ok(Typed::new(out, PgType::Text))
    }
}

#[cfg(test)]
mod tests {
    use super::digits;

    #[test]
    fn patterns_of_reports_are_known_and_others_are_not() {
        let known = digits("FM999990.00").map(|d| (d.fill, d.whole, d.always, d.grouped, d.places));
        assert_eq!(known, Some((true, 6, 1, false, 2)));
        let known = digits("9,999,999.99").map(|d| (d.fill, d.whole, d.always, d.grouped, d.places));
        assert_eq!(known, Some((false, 7, 0, true, 2)));
        for other in ["FM999.99", "99,99", "S999", "", "9.", "L99", "0,000", ",999", "999,"] {
            assert_eq!(digits(other), None, "{other}");
        }
    }
}
