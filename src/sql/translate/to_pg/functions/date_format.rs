//! DATE_FORMAT and STR_TO_DATE, with formats that are written in the statement.

use super::super::constant::is_plain;
use super::super::typed::{fill, text};
use super::super::{Collated, Open, Typed, Walk};
use super::string::one;
use crate::base::Fault;
use crate::sql::translate::Sql;
use crate::wire::value::{MyType, PgType};

impl Walk<'_> {
    pub(super) fn date_format(&mut self, typed: Typed, format: &Typed) -> Result<Typed, Fault> {
        let nullable = typed.nullable;
        let local = self.local(typed)?;
        let out = self.formatted(&local, format, false)?;
        Ok(out.nullable(nullable))
    }

    pub(super) fn time_format(&mut self, typed: Typed, format: &Typed) -> Result<Typed, Fault> {
        let nullable = typed.nullable;
        let span = fill("({0}::interval)", &[&typed.sql]);
        let out = self.formatted(&span, format, true)?;
        Ok(out.nullable(nullable))
    }

    fn formatted(&self, value: &Sql, format: &Typed, time: bool) -> Result<Typed, Fault> {
        let Some(Open::Literal(format)) = &format.open else {
            return Err(self.refused("a date's format that is not a literal"));
        };
        let mut pieces: Vec<Sql> = Vec::new();
        let (mut pattern, mut literal) = (String::new(), String::new());
        let (mut wide, mut plain) = (0_u64, true);
        let mut signs = format.chars();
        while let Some(sign) = signs.next() {
            let code = if sign == '%' { signs.next() } else { None };
            let Some(code) = code.filter(|c| *c != '%') else {
                literal.push(sign);
                wide += 1;
                plain &= is_plain(&sign.to_string()) || sign == ' ';
                if plain && signs.as_str().is_empty() {
                    plain = sign != ' ';
                }
                continue;
            };
            if time && !"HkhIlifsSpT".contains(code) {
                return Err(self.refused(format!("%{code} of a time")));
            }
            let (part, characters) =
                specifier(code).ok_or_else(|| self.refused(format!("%{code} in a date's format")))?;
            wide += characters;
            plain &= !"abMWpDr".contains(code);
            quote(&mut literal, &mut pattern).ok_or_else(|| self.refused("this text in a date's format"))?;
            match part {
                Part::Pattern(p) => pattern.push_str(p),
                Part::Piece(template) => {
                    if !pattern.is_empty() {
                        pieces.push(fill(&format!("to_char({{0}}, '{pattern}')"), &[value]));
                        pattern.clear();
                    }
                    pieces.push(fill(template, &[value]));
                }
            }
        }
        quote(&mut literal, &mut pattern).ok_or_else(|| self.refused("this text in a date's format"))?;
        if !pattern.is_empty() || pieces.is_empty() {
            pieces.push(fill(&format!("to_char({{0}}, '{pattern}')"), &[value]));
        }
        let single = pieces.len() == 1;
        let sql = Sql::joined(pieces, " || ");
        let sql = if single { sql } else { sql.wrapped("(", ")") };
        let mut out = Typed::new(sql, text(wide), PgType::Text);
        out.collation = if plain { Collated::Plain } else { Collated::Connection };
        Ok(out)
    }

    /// STR_TO_DATE with fixed places of digits. A text of another form is an error, where MySQL warns and gives NULL.
    pub(super) fn str_to_date(&mut self, mut args: Vec<Typed>) -> Result<Typed, Fault> {
        let format = match args.pop().and_then(|t| t.open) {
            Some(Open::Literal(format)) => format,
            _ => return Err(self.refused("STR_TO_DATE with a format that is not a literal")),
        };
        let (mut regex, mut pattern, mut seen) = (String::new(), String::new(), String::new());
        let mut signs = format.chars();
        while let Some(sign) = signs.next() {
            let code = if sign == '%' { signs.next() } else { None };
            let Some(code) = code else {
                if !(sign == ' ' || is_plain(&sign.to_string())) || sign.is_ascii_digit() {
                    return Err(self.refused("this text in a date's format"));
                }
                regex.push_str(&format!("[{sign}]").replace("[-]", "-"));
                pattern.push_str(&format!("\"{sign}\""));
                continue;
            };
            let (digits, part) = match code {
                'Y' => ("[0-9]{4}", "YYYY"),
                'm' => ("[0-9]{2}", "MM"),
                'd' => ("[0-9]{2}", "DD"),
                'H' => ("[0-9]{2}", "HH24"),
                'i' => ("[0-9]{2}", "MI"),
                's' | 'S' => ("[0-9]{2}", "SS"),
                'T' => ("[0-9]{2}:[0-9]{2}:[0-9]{2}", "HH24:MI:SS"),
                other => return Err(self.refused(format!("%{other} in STR_TO_DATE"))),
            };
            regex.push_str(&digits.replace('{', "\u{1}").replace('}', "\u{2}"));
            pattern.push_str(part);
            seen.push(code);
        }
        if !"Ymd".chars().all(|c| seen.contains(c)) {
            return Err(self.refused("STR_TO_DATE without year, month and day"));
        }
        let value = self.text(one(args))?;
        let times = seen.chars().any(|c| "HisST".contains(c));
        let cast = if times { "timestamp" } else { "date" };
        // Repeats are spelled out: braces stand for pieces in templates.
        let regex = regex.replace("[0-9]\u{1}4\u{2}", "[0-9][0-9][0-9][0-9]").replace("[0-9]\u{1}2\u{2}", "[0-9][0-9]");
        let sql = fill(
            &format!(
                "(CASE WHEN {{0}} ~ '^{regex}$' THEN to_timestamp({{0}}, '{pattern}')::{cast} \
                 WHEN {{0}} IS NOT NULL THEN ('not a date: ' || {{0}})::{cast} END)"
            ),
            &[&value.sql],
        );
        let out = if times {
            Typed::new(sql, MyType::DateTime(0), PgType::Timestamp(None))
        } else {
            Typed::new(sql, MyType::Date, PgType::Date)
        };
        Ok(Typed { aggregate: value.aggregate, ..out })
    }
}

enum Part {
    Pattern(&'static str),
    Piece(&'static str),
}

/// Text of the format, in to_char's quotes.
fn quote(literal: &mut String, pattern: &mut String) -> Option<()> {
    if literal.bytes().any(|b| matches!(b, b'"' | b'\\' | b'\'' | b'{' | b'}' | 0)) || !literal.is_ascii() {
        return None;
    }
    if !literal.is_empty() {
        pattern.push('"');
        pattern.push_str(literal);
        pattern.push('"');
        literal.clear();
    }
    Some(())
}

/// How PostgreSQL writes it, and how many characters MySQL counts for it.
fn specifier(code: char) -> Option<(Part, u64)> {
    Some(match code {
        'Y' => (Part::Pattern("YYYY"), 4),
        'y' => (Part::Pattern("YY"), 2),
        'm' => (Part::Pattern("MM"), 2),
        'c' => (Part::Pattern("FMMM"), 2),
        'd' => (Part::Pattern("DD"), 2),
        'e' => (Part::Pattern("FMDD"), 2),
        'D' => (Part::Pattern("FMDDth"), 4),
        'H' => (Part::Pattern("HH24"), 7),
        'k' => (Part::Pattern("FMHH24"), 7),
        'h' | 'I' => (Part::Pattern("HH12"), 2),
        'l' => (Part::Pattern("FMHH12"), 2),
        'i' => (Part::Pattern("MI"), 2),
        's' | 'S' => (Part::Pattern("SS"), 2),
        'f' => (Part::Pattern("US"), 6),
        'p' => (Part::Pattern("AM"), 2),
        'r' => (Part::Pattern("HH12:MI:SS AM"), 11),
        'T' => (Part::Pattern("HH24:MI:SS"), 8),
        'W' => (Part::Pattern("FMDay"), 64),
        'a' => (Part::Pattern("Dy"), 32),
        'M' => (Part::Pattern("FMMonth"), 64),
        'b' => (Part::Pattern("Mon"), 32),
        'j' => (Part::Pattern("DDD"), 3),
        'v' => (Part::Pattern("IW"), 2),
        'x' => (Part::Pattern("IYYY"), 4),
        'w' => (Part::Piece("(extract(dow FROM {0})::int4::text)"), 1),
        'U' => {
            (Part::Piece("lpad((((extract(doy FROM {0}) + 6 - extract(dow FROM {0}))::int4) / 7)::text, 2, '0')"), 2)
        }
        _ => return None,
    })
}
