//! Functions of text.

use sqlparser::ast::Expr;

use super::super::expr::sql;
use super::super::operators::raise;
use super::super::scope::Scope;
use super::super::types::is_text;
use super::super::{Open, Typed, Walk};
use super::Call;
use crate::base::{Fault, FaultKind};
use crate::sql::translate::Sql;
use crate::wire::value::PgType;

impl Walk<'_> {
    pub(super) fn string_function(&mut self, call: &Call<'_>, scope: &Scope<'_>) -> Result<Option<Typed>, Fault> {
        Ok(Some(match call.name {
            "length" | "char_length" | "character_length" | "octet_length" | "bit_length" => {
                self.length(call, scope)?
            }
            "lower" | "upper" => {
                self.count(call, 1..=1)?;
                let text = self.text_arg(call, 0, scope)?;
                self.mysql_call(&call.name.to_ascii_uppercase(), &[text.sql], PgType::Text)
            }
            "reverse" => {
                self.count(call, 1..=1)?;
                let text = self.text_arg(call, 0, scope)?;
                self.mysql_call("REVERSE", &[text.sql], PgType::Text)
            }
            "md5" => {
                self.count(call, 1..=1)?;
                if !self.mariadb() {
                    // MySQL 9.6 moved it out of the server.
                    return Err(self.refused("the function md5"));
                }
                let text = self.text_arg(call, 0, scope)?;
                self.mysql_call("MD5", &[text.sql], PgType::Text)
            }
            "substr" | "substring" => self.substring(call, scope)?,
            "left" | "right" => self.side(call, scope)?,
            "position" | "strpos" => self.position(call, scope)?,
            "replace" => {
                self.count(call, 3..=3)?;
                let (s, from, to) =
                    (self.text_arg(call, 0, scope)?, self.text_arg(call, 1, scope)?, self.text_arg(call, 2, scope)?);
                self.mysql_call("REPLACE", &[self.comparable(&s), from.sql, to.sql], PgType::Text).exactly()
            }
            "trim" | "btrim" | "ltrim" | "rtrim" => self.trim(call, scope)?,
            "lpad" | "rpad" => self.pad(call, scope)?,
            "repeat" => {
                self.count(call, 2..=2)?;
                let (s, n) = (self.text_arg(call, 0, scope)?, self.int_arg(call, 1, scope)?);
                self.mysql_call("REPEAT", &[s.sql, n.sql], PgType::Text)
            }
            "concat" => self.concat(call, scope)?,
            "concat_ws" => self.concat_ws(call, scope)?,
            "split_part" => self.split_part(call, scope)?,
            "ascii" => {
                self.count(call, 1..=1)?;
                let s = self.text_arg(call, 0, scope)?;
                // The code point, not the bytes of its encoding.
                let code = sql!["CONV(HEX(CONVERT(LEFT(", &s, ", 1) USING utf32)), 16, 10)"];
                Typed::new(sql!["IF(CHAR_LENGTH(", &s, ") = 0, 0, CAST(", code, " AS SIGNED))"], PgType::Int4)
            }
            "chr" => self.chr(call)?,
            "to_hex" => self.to_hex(call, scope)?,
            "format" => self.format(call, scope)?,
            "overlay" => self.overlay(call, scope)?,
            "encode" => self.encode(call, scope)?,
            "decode" => self.decode(call, scope)?,
            "translate" => self.translate(call, scope)?,
            _ => return Ok(None),
        }))
    }

    fn chr(&self, call: &Call<'_>) -> Result<Typed, Fault> {
        self.count(call, 1..=1)?;
        match call.args.first().and_then(|n| self.constant_int(n)) {
            Some(n @ 1..=0xD7FF) => {
                let text = format!("CONVERT(CHAR({n} USING utf32) USING utf8mb4)");
                Ok(Typed::text(text, PgType::Text))
            }
            _ => Err(self.refused("chr of anything but a constant")),
        }
    }

    fn to_hex(&mut self, call: &Call<'_>, scope: &Scope<'_>) -> Result<Typed, Fault> {
        self.count(call, 1..=1)?;
        let Some(expr) = call.args.first() else { return Err(self.no_such(call, &[])) };
        let n = self.expr(expr, scope)?;
        match n.ty {
            PgType::Int2 | PgType::Int4 => Ok(Typed::new(sql!["LOWER(HEX(", &n, " & 4294967295))"], PgType::Text)),
            PgType::Int8 => Ok(Typed::new(sql!["LOWER(HEX(", &n, "))"], PgType::Text)),
            _ => Err(self.no_such(call, &[&n.ty])),
        }
    }

    fn length(&mut self, call: &Call<'_>, scope: &Scope<'_>) -> Result<Typed, Fault> {
        self.count(call, 1..=1)?;
        let Some(expr) = call.args.first() else { return Err(self.no_such(call, &[])) };
        let typed = self.expr(expr, scope)?;
        let typed = self.settle(typed)?;
        let bytes = typed.ty == PgType::Bytea;
        if !bytes && !is_text(&typed.ty) {
            return Err(self.no_such(call, &[&typed.ty]));
        }
        Ok(match call.name {
            "octet_length" => self.mysql_call("LENGTH", &[typed.sql], PgType::Int4),
            "bit_length" => Typed::new(sql!["(LENGTH(", &typed, ") * 8)"], PgType::Int4),
            "length" if bytes => self.mysql_call("LENGTH", &[typed.sql], PgType::Int4),
            _ if bytes => return Err(self.no_such(call, &[&typed.ty])),
            _ => self.mysql_call("CHAR_LENGTH", &[typed.sql], PgType::Int4),
        })
    }

    /// Positions before the first character count too: `substr('abc', 0, 2)` is `a`.
    fn substring(&mut self, call: &Call<'_>, scope: &Scope<'_>) -> Result<Typed, Fault> {
        self.count(call, 2..=3)?;
        let s = match call.args.first() {
            Some(expr) => self.expr(expr, scope)?,
            None => return Err(self.no_such(call, &[])),
        };
        let bytes = s.ty == PgType::Bytea;
        let s = if bytes { s } else { self.text_arg(call, 0, scope)? };
        let ty = if bytes { PgType::Bytea } else { PgType::Text };
        let Some(second) = call.args.get(1) else { return Err(self.no_such(call, &[])) };
        let from = self.expr(second, scope)?;
        if is_text(&from.ty) || matches!(from.open, Some(Open::Literal(_))) {
            return Err(self.refused("substring by a regular expression"));
        }
        let from = self.int_arg(call, 1, scope)?;
        let from_constant = self.constant_int(second);
        let Some(third) = call.args.get(2) else {
            let start = match from_constant {
                Some(n) => Sql::text(n.max(1).to_string()),
                None => sql!["GREATEST(", &from, ", 1)"],
            };
            return Ok(self.mysql_call("SUBSTRING", &[s.sql, start], ty));
        };
        let count = self.int_arg(call, 2, scope)?;
        Ok(match (from_constant, self.constant_int(third)) {
            (_, Some(n)) if n < 0 => return Err(self.refused("substring of a negative length")),
            (Some(f), Some(n)) => {
                let (start, end) = (f.max(1), f.saturating_add(n).max(1));
                let (start, n) = (start.to_string(), (end - start).max(0).to_string());
                self.mysql_call("SUBSTRING", &[s.sql, Sql::text(start), Sql::text(n)], ty)
            }
            (Some(1), None) => {
                let checked = not_negative(&count.sql);
                self.mysql_call("SUBSTRING", &[s.sql, Sql::text("1"), checked], ty)
            }
            _ => {
                let start = sql!["GREATEST(", &from, ", 1)"];
                let n = sql!["(", &from, " + ", not_negative(&count.sql), " - ", &start, ")"];
                self.mysql_call("SUBSTRING", &[s.sql, start, n], ty)
            }
        })
    }

    /// `left`, `right`: a negative number leaves so many characters out on the other side.
    fn side(&mut self, call: &Call<'_>, scope: &Scope<'_>) -> Result<Typed, Fault> {
        self.count(call, 2..=2)?;
        let (s, n) = (self.text_arg(call, 0, scope)?, self.int_arg(call, 1, scope)?);
        let count = match call.args.get(1).and_then(|n| self.constant_int(n)) {
            Some(0..) => n.sql,
            Some(n) => sql!["(CHAR_LENGTH(", &s, ") - ", &n.unsigned_abs().to_string(), ")"],
            None => sql!["IF(", &n, " < 0, CHAR_LENGTH(", &s, ") + ", &n, ", ", &n, ")"],
        };
        Ok(self.mysql_call(&call.name.to_ascii_uppercase(), &[s.sql, count], PgType::Text))
    }

    fn position(&mut self, call: &Call<'_>, scope: &Scope<'_>) -> Result<Typed, Fault> {
        self.count(call, 2..=2)?;
        let (a, b) = (self.text_arg(call, 0, scope)?, self.text_arg(call, 1, scope)?);
        let (part, whole) = if call.name == "position" { (a, b) } else { (b, a) };
        Ok(self.mysql_call("LOCATE", &[part.sql, self.comparable(&whole)], PgType::Int4))
    }

    /// PostgreSQL takes off every character of a set; MySQL a string.
    fn trim(&mut self, call: &Call<'_>, scope: &Scope<'_>) -> Result<Typed, Fault> {
        self.count(call, 1..=2)?;
        let s = self.text_arg(call, 0, scope)?;
        let side = match call.name {
            "ltrim" => "LEADING",
            "rtrim" => "TRAILING",
            _ => "BOTH",
        };
        let what = match call.args.get(1) {
            None => Sql::text("' '"),
            Some(set) => {
                let written = self.written(set, "trim of characters that are not a literal")?;
                if written.is_empty() {
                    return Ok(Typed { ty: PgType::Text, ..s });
                }
                if written.chars().count() != 1 {
                    return self.trim_set(&s, side, &written);
                }
                self.quoted(&written)?.sql
            }
        };
        Ok(Typed::new(sql!["TRIM(", side, " ", what, " FROM ", &s, ")"], PgType::Text))
    }

    /// Every character of a set, by a regular expression.
    fn trim_set(&self, s: &Typed, side: &str, set: &str) -> Result<Typed, Fault> {
        let mut class = String::new();
        for c in set.chars() {
            match c {
                c if c.is_alphanumeric() || c == ' ' => class.push(c),
                c if c.is_ascii_punctuation() => class.extend(['\\', c]),
                '\t' => class.push_str("\\t"),
                '\n' => class.push_str("\\n"),
                '\r' => class.push_str("\\r"),
                _ => return Err(self.refused(format!("trim of '{set}'"))),
            }
        }
        let (head, tail) = (format!("\\A[{class}]+"), format!("[{class}]+\\z"));
        let pattern = match side {
            "LEADING" => head,
            "TRAILING" => tail,
            _ => format!("{head}|{tail}"),
        };
        let pattern = self.quoted(&pattern)?;
        Ok(self
            .mysql_call("REGEXP_REPLACE", &[self.comparable(s), pattern.sql, Sql::text("''")], PgType::Text)
            .exactly())
    }

    /// `format('… %s …', x)`: `%s` and `%%` only.
    fn format(&mut self, call: &Call<'_>, scope: &Scope<'_>) -> Result<Typed, Fault> {
        let Some((pattern, mut rest)) = call.args.split_first() else { return Err(self.no_such(call, &[])) };
        let pattern = self.written(pattern, "format with a pattern that is not a literal")?;
        let mut pieces = Vec::new();
        let mut text = String::new();
        let mut chars = pattern.chars();
        while let Some(c) = chars.next() {
            match (c, c == '%') {
                (_, false) => text.push(c),
                _ => match chars.next() {
                    Some('%') => text.push('%'),
                    Some('s') => {
                        let Some((first, others)) = rest.split_first() else {
                            return Err(Fault::new(FaultKind::InvalidText, "too few arguments for format()"));
                        };
                        rest = others;
                        pieces.push(self.quoted(&std::mem::take(&mut text))?.sql);
                        pieces.push(self.output(first, scope)?.wrapped("COALESCE(", ", '')"));
                    }
                    _ => return Err(self.refused(format!("format with '{pattern}'"))),
                },
            }
        }
        pieces.push(self.quoted(&text)?.sql);
        Ok(self.mysql_call("CONCAT", &pieces, PgType::Text))
    }

    fn pad(&mut self, call: &Call<'_>, scope: &Scope<'_>) -> Result<Typed, Fault> {
        self.count(call, 2..=3)?;
        let (s, n) = (self.text_arg(call, 0, scope)?, self.int_arg(call, 1, scope)?);
        let fill = match call.args.get(2) {
            None => Sql::text("' '"),
            Some(fill) => {
                let written = self.written(fill, "padding that is not a literal")?;
                if written.is_empty() {
                    return Err(self.refused("padding with nothing"));
                }
                self.quoted(&written)?.sql
            }
        };
        let n = match call.args.get(1).and_then(|n| self.constant_int(n)) {
            Some(n) => Sql::text(n.max(0).to_string()),
            None => sql!["GREATEST(", &n, ", 0)"],
        };
        Ok(self.mysql_call(&call.name.to_ascii_uppercase(), &[s.sql, n, fill], PgType::Text))
    }

    /// An argument of `concat`: text of any type, by its output function.
    fn output(&mut self, expr: &Expr, scope: &Scope<'_>) -> Result<Sql, Fault> {
        let typed = self.expr(expr, scope)?;
        if typed.ty == PgType::Bool {
            return Ok(sql!["ELT(2 - (", &typed, " <> 0), 't', 'f')"]);
        }
        Ok(self.as_text(typed)?.sql)
    }

    fn concat(&mut self, call: &Call<'_>, scope: &Scope<'_>) -> Result<Typed, Fault> {
        let mut pieces = Vec::new();
        for arg in call.args {
            let text = self.output(arg, scope)?;
            pieces.push(text.wrapped("COALESCE(", ", '')"));
        }
        if pieces.is_empty() {
            return Err(self.no_such(call, &[]));
        }
        Ok(self.mysql_call("CONCAT", &pieces, PgType::Text))
    }

    fn concat_ws(&mut self, call: &Call<'_>, scope: &Scope<'_>) -> Result<Typed, Fault> {
        self.count(call, 2..=100)?;
        let mut pieces = vec![self.text_arg(call, 0, scope)?.sql];
        for arg in call.args.iter().skip(1) {
            pieces.push(self.output(arg, scope)?);
        }
        Ok(self.mysql_call("CONCAT_WS", &pieces, PgType::Text))
    }

    fn split_part(&mut self, call: &Call<'_>, scope: &Scope<'_>) -> Result<Typed, Fault> {
        self.count(call, 3..=3)?;
        let s = self.text_arg(call, 0, scope)?;
        let (Some(by), Some(n)) = (call.args.get(1), call.args.get(2)) else {
            return Err(self.no_such(call, &[]));
        };
        let delimiter = self.written(by, "split_part by anything but a literal")?;
        let mut rest = delimiter.chars();
        let first = rest.next();
        if first.is_none() || rest.any(|c| Some(c) == first) {
            return Err(self.refused(format!("split_part by '{delimiter}'")));
        }
        let by = self.quoted(&delimiter)?.sql;
        let text = self.comparable(&s);
        match self.constant_int(n) {
            Some(n @ 1..) => {
                let n = n.to_string();
                // Beyond the last part there is nothing; MySQL would give the last one again.
                let parts = sql![
                    "(CHAR_LENGTH(",
                    &text,
                    ") - CHAR_LENGTH(REPLACE(",
                    &text,
                    ", ",
                    &by,
                    ", ''))) DIV CHAR_LENGTH(",
                    &by,
                    ") + 1"
                ];
                let part = sql!["SUBSTRING_INDEX(SUBSTRING_INDEX(", &text, ", ", &by, ", ", &n, "), ", &by, ", -1)"];
                Ok(Typed::new(sql!["IF(", parts, " < ", &n, ", '', ", part, ")"], PgType::Text))
            }
            _ => Err(self.refused("split_part with a number that is not a positive constant")),
        }
    }

    fn overlay(&mut self, call: &Call<'_>, scope: &Scope<'_>) -> Result<Typed, Fault> {
        self.count(call, 3..=4)?;
        let (s, what) = (self.text_arg(call, 0, scope)?, self.text_arg(call, 1, scope)?);
        let from = call.args.get(2).and_then(|n| self.constant_int(n)).filter(|n| *n >= 1);
        let Some(from) = from else { return Err(self.refused("overlay from a place that is no positive constant")) };
        let count = match call.args.get(3) {
            None => sql!["CHAR_LENGTH(", &what, ")"],
            Some(n) => match self.constant_int(n) {
                Some(n @ 0..) => Sql::text(n.to_string()),
                _ => return Err(self.refused("overlay for a length that is no constant")),
            },
        };
        let head = sql!["LEFT(", &s, ", ", &(from - 1).to_string(), ")"];
        let tail = sql!["SUBSTRING(", &s, ", ", &from.to_string(), " + ", count, ")"];
        Ok(self.mysql_call("CONCAT", &[head, what.sql, tail], PgType::Text))
    }

    /// Character by character, where no later one meets what an earlier one has put.
    fn translate(&mut self, call: &Call<'_>, scope: &Scope<'_>) -> Result<Typed, Fault> {
        self.count(call, 3..=3)?;
        let s = self.text_arg(call, 0, scope)?;
        let (Some(from), Some(to)) = (call.args.get(1), call.args.get(2)) else { return Err(self.no_such(call, &[])) };
        let from: Vec<char> = self.written(from, "translate of characters that are not a literal")?.chars().collect();
        let to: Vec<char> = self.written(to, "translate to characters that are not a literal")?.chars().collect();
        let mut out = self.comparable(&s);
        for (n, c) in from.iter().enumerate() {
            if from[..n].contains(c) {
                continue;
            }
            if to.iter().take(n).any(|put| put == c) || n > 30 {
                return Err(self.refused("translate of characters that it also puts"));
            }
            let put = to.get(n).map(char::to_string).unwrap_or_default();
            out = sql!["REPLACE(", out, ", ", &self.quoted(&c.to_string())?, ", ", &self.quoted(&put)?, ")"];
        }
        Ok(Typed::new(out, PgType::Text).exactly())
    }

    /// `decode(x, 'hex')`: what is not hexadecimal raises.
    fn decode(&mut self, call: &Call<'_>, scope: &Scope<'_>) -> Result<Typed, Fault> {
        self.count(call, 2..=2)?;
        let Some(format) = call.args.get(1) else { return Err(self.no_such(call, &[])) };
        let text = self.text_arg(call, 0, scope)?;
        match self.written(format, "decode in a format that is not a literal")?.to_ascii_lowercase().as_str() {
            "hex" => {
                let odd = sql!["UNHEX(", &text, ") IS NULL OR CHAR_LENGTH(", &text, ") % 2 = 1"];
                let raised = raise(sql!["BIT_LENGTH(", &text, ")"]);
                Ok(Typed::new(sql!["IF(", odd, ", UNHEX(", raised, "), UNHEX(", &text, "))"], PgType::Bytea))
            }
            other => Err(self.refused(format!("decode in '{other}'"))),
        }
    }

    fn encode(&mut self, call: &Call<'_>, scope: &Scope<'_>) -> Result<Typed, Fault> {
        self.count(call, 2..=2)?;
        let (Some(bytes), Some(format)) = (call.args.first(), call.args.get(1)) else {
            return Err(self.no_such(call, &[]));
        };
        let bytes = self.expr(bytes, scope)?;
        let bytes = if bytes.open.is_some() { self.coerce(bytes, &PgType::Bytea)? } else { bytes };
        if bytes.ty != PgType::Bytea {
            return Err(self.no_such(call, &[&bytes.ty]));
        }
        match self.written(format, "encode in a format that is not a literal")?.to_ascii_lowercase().as_str() {
            "hex" => Ok(Typed::new(sql!["LOWER(HEX(", &bytes, "))"], PgType::Text)),
            "base64" => Ok(Typed::new(sql!["TO_BASE64(", &bytes, ")"], PgType::Text)),
            other => Err(self.refused(format!("encode in '{other}'"))),
        }
    }
}

/// A length that raises when it is negative.
fn not_negative(count: &Sql) -> Sql {
    sql!["IF(", count, " < 0, ", raise(sql!["ABS(", count, ")"]), ", ", count, ")"]
}
