//! LIKE, ILIKE and regular expressions.
//!
//! A regular expression is taken when every piece of it means the same to PostgreSQL, PCRE (MariaDB) and ICU (MySQL);
//! what differs in spelling only (`$`, `\d`) is spelt for them.

use sqlparser::ast::{BinaryOperator as Op, Expr, Value as Ast, ValueWithSpan};

use super::compare::inside;
use super::expr::sql;
use super::scope::Scope;
use super::types::{called, is_text};
use super::{Open, Typed, Walk};
use crate::base::{Fault, FaultKind};
use crate::sql::translate::{Sql, literal};
use crate::wire::value::{PgType, Value};

impl Walk<'_> {
    /// `x [NOT] LIKE p [ESCAPE e]`, ILIKE
    pub(super) fn like(&mut self, expr: &Expr, scope: &Scope<'_>) -> Result<Typed, Fault> {
        let (negated, any, subject, pattern, escape, fold) = match expr {
            Expr::Like { negated, any, expr, pattern, escape_char } => {
                (*negated, *any, expr, pattern, escape_char, false)
            }
            Expr::ILike { negated, any, expr, pattern, escape_char } => {
                (*negated, *any, expr, pattern, escape_char, true)
            }
            other => return Err(self.refused(other)),
        };
        if any {
            let op = match (negated, fold) {
                (false, false) => Op::PGLikeMatch,
                (false, true) => Op::PGILikeMatch,
                (true, false) => Op::PGNotLikeMatch,
                (true, true) => Op::PGNotILikeMatch,
            };
            if escape.is_some() || matches!(super::compare::inside(pattern), Expr::Subquery(_) | Expr::Value(_)) {
                return Err(self.refused("this form of LIKE ANY"));
            }
            return self.any_op(subject, &op, pattern, false, scope);
        }
        self.like_of(subject, pattern, escape.as_ref(), fold, negated, scope)
    }

    pub(super) fn like_of(
        &mut self,
        subject: &Expr,
        pattern: &Expr,
        escape: Option<&ValueWithSpan>,
        fold: bool,
        negated: bool,
        scope: &Scope<'_>,
    ) -> Result<Typed, Fault> {
        let escape = match escape.map(|e| &e.value) {
            None => Some('\\'),
            Some(Ast::SingleQuotedString(text)) => {
                let mut chars = text.chars();
                match (chars.next(), chars.next()) {
                    (first, None) => first,
                    _ => return Err(Fault::new(FaultKind::InvalidText, "invalid escape string")),
                }
            }
            Some(other) => return Err(self.refused(format!("ESCAPE {other}"))),
        };
        let column = self.plain_column(subject, scope).is_some_and(|c| c.unicode);
        let (s, p) = (self.expr(subject, scope)?, self.expr(pattern, scope)?);
        let escape = match (escape, &p.open) {
            (Some(escape), _) => Some(escape),
            // MySQL has no LIKE without an escape character: one that is not in the pattern does nothing.
            (None, Some(Open::Literal(text))) => "|~^!#@`".chars().find(|c| !text.contains(*c)),
            (None, _) => None,
        };
        if escape.is_none() {
            return Err(self.refused("LIKE without an escape character"));
        }
        if column && !fold && !negated && prefixed(&p) && !s.exact && is_text(&s.ty) {
            let loose = self.like_plain(s.clone(), p.clone(), escape)?;
            let exact = self.like_typed(s, p, escape, false, false)?;
            return Ok(Typed::new(sql!["(", loose, " AND ", &exact, ")"], PgType::Bool));
        }
        self.like_typed(s, p, escape, fold, negated)
    }

    /// In the column's own collation, which its index knows: a superset of the exact matches.
    fn like_plain(&mut self, s: Typed, p: Typed, escape: Option<char>) -> Result<Sql, Fault> {
        let p = self.coerce(p, &PgType::Text)?;
        Ok(sql!["(", &s, " LIKE ", &p, " ESCAPE ", &quoted_char(escape)?, ")"])
    }

    pub(super) fn like_typed(
        &mut self,
        s: Typed,
        p: Typed,
        escape: Option<char>,
        fold: bool,
        negated: bool,
    ) -> Result<Typed, Fault> {
        if let (Some(Open::Literal(text)), Some(escape)) = (&p.open, escape)
            && dangling(text, escape)
        {
            return Err(Fault::new(FaultKind::InvalidText, "LIKE pattern must not end with escape character"));
        }
        let (s, p) = (self.settle(s)?, self.settle(p)?);
        for side in [&s, &p] {
            if !is_text(&side.ty) {
                let what = format!("operator does not exist: {} ~~ {}", called(&s.ty), called(&p.ty));
                return Err(Fault::new(FaultKind::UndefinedFunction, what));
            }
        }
        let word = if negated { " NOT LIKE " } else { " LIKE " };
        let escape = quoted_char(escape)?;
        let bin = self.binary_collation();
        let sql = if fold {
            sql!["(LOWER(", &s, ") COLLATE ", bin, word, "LOWER(", &p, ") ESCAPE ", &escape, ")"]
        } else {
            sql!["(", &s, " COLLATE ", bin, word, &p, " ESCAPE ", &escape, ")"]
        };
        Ok(Typed::new(sql, PgType::Bool))
    }

    /// `x ~ 'pattern'` and its kin.
    pub(super) fn regex(
        &mut self,
        subject: &Expr,
        pattern: &Expr,
        fold: bool,
        negated: bool,
        scope: &Scope<'_>,
    ) -> Result<Typed, Fault> {
        let Expr::Value(value) = inside(pattern) else {
            return Err(self.refused("a regular expression that is not a literal"));
        };
        let text = match &value.value {
            Ast::SingleQuotedString(text) | Ast::EscapedStringLiteral(text) => text,
            _ => return Err(self.refused("a regular expression that is not a literal")),
        };
        let Some(spelt) = respelt(text) else {
            return Err(self.refused(format!("the regular expression '{text}'")));
        };
        let s = self.expr(subject, scope)?;
        let s = self.settle(s)?;
        if !is_text(&s.ty) {
            let what = format!("operator does not exist: {} ~ unknown", called(&s.ty));
            return Err(Fault::new(FaultKind::UndefinedFunction, what));
        }
        let flags = if fold { "(?si)" } else { "(?s)" };
        let spelt = literal::mysql(&Value::Text(format!("{flags}{spelt}")), &PgType::Text)?;
        let word = if negated { " NOT REGEXP " } else { " REGEXP " };
        Ok(Typed::new(sql!["(", &s, " COLLATE ", self.binary_collation(), word, &spelt, ")"], PgType::Bool))
    }

    /// `x ^@ prefix`, `starts_with(x, prefix)`
    pub(super) fn starts_with(&mut self, left: &Expr, right: &Expr, scope: &Scope<'_>) -> Result<Typed, Fault> {
        let (s, p) = (self.expr(left, scope)?, self.expr(right, scope)?);
        let (s, p) = (self.settle(s)?, self.settle(p)?);
        if !is_text(&s.ty) || !is_text(&p.ty) {
            let what = format!("function starts_with({}, {}) does not exist", called(&s.ty), called(&p.ty));
            return Err(Fault::new(FaultKind::UndefinedFunction, what));
        }
        let head = sql!["LEFT(", &s, ", CHAR_LENGTH(", &p, "))"];
        Ok(Typed::new(sql!["(", head, " COLLATE ", self.binary_collation(), " = ", &p, ")"], PgType::Bool))
    }
}

/// The escape character as a literal.
fn quoted_char(escape: Option<char>) -> Result<String, Fault> {
    match escape {
        // One character between quotes cannot be misread: backslashes are no escapes on these connections.
        Some('\\') => Ok("'\\'".to_owned()),
        Some(c) if c.is_ascii_graphic() && c != '\'' => Ok(format!("'{c}'")),
        None => Ok("''".to_owned()),
        Some(c) => literal::mysql(&Value::Text(c.to_string()), &PgType::Text),
    }
}

/// Whether a pattern begins with a plain character, so that an index helps.
fn prefixed(p: &Typed) -> bool {
    match &p.open {
        Some(Open::Literal(text)) => text.chars().next().is_some_and(|c| c.is_alphanumeric()),
        Some(Open::Parameter(_) | Open::Null) | None => false,
    }
}

fn dangling(text: &str, escape: char) -> bool {
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c == escape && chars.next().is_none() {
            return true;
        }
    }
    false
}

/// The pattern in the common spelling, or `None` where the engines differ.
fn respelt(pattern: &str) -> Option<String> {
    let mut out = String::new();
    let mut chars = pattern.chars().peekable();
    let mut depth = 0_u32;
    let mut atom = false;
    if pattern.starts_with("***") || pattern.starts_with("(?") {
        return None;
    }
    while let Some(c) = chars.next() {
        match c {
            '^' => out.push_str("\\A"),
            '$' => out.push_str("\\z"),
            '(' => {
                if chars.peek() == Some(&'?') {
                    return None;
                }
                depth += 1;
                out.push('(');
                atom = false;
                continue;
            }
            ')' => {
                depth = depth.checked_sub(1)?;
                out.push(')');
                atom = true;
                continue;
            }
            '|' => out.push('|'),
            '*' | '+' | '?' | '{' => {
                if !atom {
                    return None;
                }
                out.push(c);
                if c == '{' {
                    bounds(&mut chars, &mut out)?;
                }
                // Reluctant and possessive quantifiers, and quantified quantifiers.
                if matches!(chars.peek(), Some('?' | '+' | '*' | '{')) {
                    return None;
                }
                atom = false;
                continue;
            }
            '[' => {
                class(&mut chars, &mut out)?;
                atom = true;
                continue;
            }
            '\\' => {
                escaped(chars.next()?, &mut out)?;
                atom = true;
                continue;
            }
            c if c.is_alphanumeric() || ". _-@,:;/=!%&#'\"<>~`".contains(c) => {
                out.push(c);
                atom = true;
                continue;
            }
            _ => return None,
        }
        atom = false;
    }
    (depth == 0).then_some(out)
}

/// What stands behind a backslash.
fn escaped(c: char, out: &mut String) -> Option<()> {
    match c {
        'd' => out.push_str("[0-9]"),
        'D' => out.push_str("[^0-9]"),
        c if c.is_ascii_punctuation() => {
            out.push('\\');
            out.push(c);
        }
        _ => return None,
    }
    Some(())
}

fn bounds(chars: &mut std::iter::Peekable<std::str::Chars<'_>>, out: &mut String) -> Option<()> {
    let mut text = String::new();
    loop {
        match chars.next()? {
            '}' => break,
            c if c.is_ascii_digit() || c == ',' => text.push(c),
            _ => return None,
        }
    }
    if !text.starts_with(|c: char| c.is_ascii_digit()) || text.matches(',').count() > 1 || text.len() > 7 {
        return None;
    }
    out.push_str(&text);
    out.push('}');
    Some(())
}

/// `[a-z0-9_]`, `[^ ]`: single characters and ranges of letters or digits.
fn class(chars: &mut std::iter::Peekable<std::str::Chars<'_>>, out: &mut String) -> Option<()> {
    out.push('[');
    if chars.peek() == Some(&'^') {
        chars.next();
        out.push('^');
    }
    let mut any = false;
    loop {
        match chars.next()? {
            ']' if any => break,
            '[' if chars.peek() == Some(&':') => {
                let name: String = chars.by_ref().take_while(|c| *c != ']').collect();
                match name.as_str() {
                    ":digit:" => out.push_str("0-9"),
                    _ => return None,
                }
            }
            '\\' => match chars.next()? {
                'd' => out.push_str("0-9"),
                c if c.is_ascii_punctuation() => {
                    out.push('\\');
                    out.push(c);
                }
                _ => return None,
            },
            c if c.is_alphanumeric() => {
                out.push(c);
                if chars.peek() == Some(&'-') {
                    chars.next();
                    match chars.next()? {
                        ']' => {
                            out.push_str("\\-");
                            break;
                        }
                        end if end.is_alphanumeric() => {
                            out.push('-');
                            out.push(end);
                        }
                        _ => return None,
                    }
                }
            }
            ' ' => out.push(' '),
            c if "_@,:;/=!%#'\"<>~`.+*?(){}|$".contains(c) => {
                out.push('\\');
                out.push(c);
            }
            '-' => out.push_str("\\-"),
            _ => return None,
        }
        any = true;
    }
    out.push(']');
    Some(())
}
