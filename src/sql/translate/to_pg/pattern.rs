//! LIKE and REGEXP.

use sqlparser::ast::{CastKind, DataType, Expr, Value as Written, ValueWithSpan};

use super::scope::Scope;
use super::typed::{Class, fill};
use super::{Collated, Open, Typed, Walk};
use crate::base::Fault;
use crate::sql::translate::Sql;

impl Walk<'_> {
    pub(super) fn like(
        &mut self,
        expr: &Expr,
        pattern: &Expr,
        escape: Option<&ValueWithSpan>,
        negated: bool,
        scope: &Scope<'_>,
    ) -> Result<Typed, Fault> {
        let value = self.expr(expr, scope)?;
        let octets = byte_pattern(pattern);
        let pattern = self.expr(octets.unwrap_or(pattern), scope)?;
        let flags = Typed::truth(Sql::new(), self.mariadb()).of(&[&value, &pattern]);
        let (value, pattern) = (self.text(value)?, self.text(pattern)?);
        let column = value.collation == Collated::Column || pattern.collation == Collated::Column;
        let signs = |t: &Typed| matches!(&t.open, Some(Open::Literal(p)) if p.bytes().all(|b| !b.is_ascii_alphabetic() && b.is_ascii() && b != b' '));
        let bytes = octets.is_some() && value.class() == Class::Text;
        if octets.is_some() && !bytes {
            return Err(self.refused("LIKE BINARY of what is no text"));
        }
        if !column
            && !bytes
            && !(value.collation == Collated::Plain && (Self::is_plain_text(&pattern) || signs(&pattern)))
        {
            return Err(self.refused("LIKE by the connection's collation"));
        }
        let escape = match escape.map(|v| &v.value) {
            None if self.request.reading.backslash_escapes => "\\".to_owned(),
            None => String::new(),
            Some(Written::SingleQuotedString(text) | Written::DoubleQuotedString(text)) => text.clone(),
            Some(other) => return Err(self.refused(format!("ESCAPE {other}"))),
        };
        if let Some(Open::Literal(text)) = &pattern.open {
            self.check_pattern(text, &escape)?;
        }
        let tail = match escape.as_str() {
            "\\" => String::new(),
            "" => " ESCAPE ''".to_owned(),
            one if one.len() == 1 && one.bytes().all(|b| b.is_ascii_graphic() && b != b'\'' && b != b'\\') => {
                format!(" ESCAPE '{one}'")
            }
            _ => return Err(self.refused("this ESCAPE")),
        };
        let not = if negated { "NOT " } else { "" };
        let collate = if value.exact { "" } else { " COLLATE \"C\"" };
        let template = format!("({{0}}{collate} {not}LIKE {{1}}{tail})");
        Ok(Typed { sql: fill(&template, &[&value.sql, &pattern.sql]), ..flags })
    }

    /// A pattern that ends in its escape sign is an error on PostgreSQL and a plain sign on MySQL.
    fn check_pattern(&self, text: &str, escape: &str) -> Result<(), Fault> {
        let mut signs = text.chars();
        while let Some(sign) = signs.next() {
            if escape.starts_with(sign) && signs.next().is_none() {
                return Err(self.refused("a LIKE pattern that ends in its escape sign"));
            }
        }
        Ok(())
    }

    /// REGEXP with patterns that every engine reads alike.
    pub(super) fn regexp(
        &mut self,
        expr: &Expr,
        pattern: &Expr,
        negated: bool,
        scope: &Scope<'_>,
    ) -> Result<Typed, Fault> {
        let value = self.expr(expr, scope)?;
        let pattern = self.expr(pattern, scope)?;
        let value = self.text(value)?;
        let Some(Open::Literal(text)) = &pattern.open else {
            return Err(self.refused("REGEXP with anything but a literal"));
        };
        if value.collation == Collated::Connection || !common_pattern(text) {
            return Err(self.refused(format!("REGEXP '{text}'")));
        }
        let sign = if negated { "!~" } else { "~" };
        let sql = fill(&format!("({{0}} {sign} {{1}})"), &[&value.sql, &pattern.sql]);
        Ok(Typed::truth(sql, self.mariadb()).of(&[&value, &pattern]))
    }
}

/// The text of `BINARY 'text'`: by bytes is by characters if no `_` stands for one of them.
fn byte_pattern(pattern: &Expr) -> Option<&Expr> {
    let Expr::Cast { kind: CastKind::Cast, expr, data_type: DataType::Binary(None), array: false, format: None } =
        pattern
    else {
        return None;
    };
    match expr.as_ref() {
        Expr::Value(ValueWithSpan { value: Written::SingleQuotedString(text), .. }) if !text.contains('_') => {
            Some(expr)
        }
        _ => None,
    }
}

/// A pattern of literals, `.`, anchors at its ends, plain classes, groups, alternatives and greedy repeats. `.` and `$`
/// treat line ends differently, which only texts with line ends could show: patterns with `.` are taken without them.
pub(super) fn common_pattern(text: &str) -> bool {
    let bytes = text.as_bytes();
    let (mut at, mut class) = (0, false);
    while let Some(byte) = bytes.get(at) {
        let next = bytes.get(at + 1);
        match byte {
            b'[' if !class => {
                class = true;
                if next == Some(&b'^') {
                    at += 1;
                }
                if matches!(bytes.get(at + 1), Some(b']' | b'[' | b':')) {
                    return false;
                }
            }
            b'[' | b'&' | b'~' if class => return false,
            b']' if class => class = false,
            b'\\' => {
                if class
                    || !matches!(
                        next,
                        Some(b'.' | b'+' | b'*' | b'?' | b'(' | b')' | b'[' | b']' | b'$' | b'^' | b'|' | b'-')
                    )
                {
                    return false;
                }
                at += 1;
            }
            b'^' if !class && at != 0 => return false,
            b'$' if !class && at + 1 != bytes.len() => return false,
            b'(' if !class && matches!(next, Some(b'?' | b'*')) => return false,
            b'*' | b'+' | b'?' | b'}' if !class && matches!(next, Some(b'*' | b'+' | b'?' | b'{')) => return false,
            b'*' | b'+' | b'?' | b'{' if !class && at == 0 => return false,
            other if !other.is_ascii() => return false,
            _ => {}
        }
        at += 1;
    }
    !class && !text.is_empty()
}
