//! CASE, COALESCE, NULLIF, GREATEST, LEAST: values of one type out of several.

use sqlparser::ast::{BinaryOperator as Op, CaseWhen, Expr};

use super::expr::sql;
use super::operators::constant;
use super::scope::Scope;
use super::types::{base, called, common, is_float, is_int, is_moment, is_number, is_numeric, is_text, number_of};
use super::{Typed, Walk};
use crate::base::{Fault, FaultKind};
use crate::sql::translate::Sql;
use crate::wire::value::PgType;

impl Walk<'_> {
    /// Several values as the one type that PostgreSQL gives them together. `what`: for its message.
    pub(super) fn together(&mut self, values: Vec<Typed>, what: &str) -> Result<(Vec<Typed>, PgType), Fault> {
        let Some(ty) = common(values.iter().map(|v| &v.ty)) else {
            let first = values.iter().find(|v| v.ty != PgType::Unknown).map_or(PgType::Unknown, |v| v.ty.clone());
            let other =
                values.iter().find(|v| common([&first, &v.ty]).is_none()).map_or(PgType::Unknown, |v| v.ty.clone());
            let what = format!("{what} types {} and {} cannot be matched", called(&first), called(&other));
            return Err(Fault::new(FaultKind::TypeMismatch, what));
        };
        let mut out = Vec::new();
        for value in values {
            let aggregate = value.aggregate;
            let mut value = if value.open.is_some() {
                let mut decided = self.coerce(value, &ty)?;
                if is_text(&ty) {
                    decided.exact = true;
                }
                decided
            } else if is_moment(&ty) && base(&value.ty) != base(&ty) {
                self.convert(value, &ty)?
            } else if is_number(&ty) && base(&value.ty) != base(&ty) {
                if is_numeric(&ty) && is_int(&value.ty) { value } else { self.widen(value, &ty)? }
            } else if is_text(&ty) && !value.exact {
                Typed { sql: self.comparable(&value), exact: true, ..value }
            } else {
                value
            };
            value.aggregate = aggregate;
            out.push(value);
        }
        Ok((out, ty))
    }

    /// The result of a form over values that are of one type already: `form` puts their pieces in it.
    pub(super) fn formed(&self, values: &[Typed], ty: &PgType, form: impl Fn(&[Sql]) -> Sql) -> Typed {
        let pieces: Vec<Sql> = values.iter().map(|v| v.sql.clone()).collect();
        let mut out = Typed::new(form(&pieces), ty.clone());
        out.exact = is_text(ty);
        // MySQL gives all the largest scale; PostgreSQL leaves each its own.
        let scales: Vec<Option<i16>> = values.iter().map(scale).collect();
        let mixed = scales.windows(2).any(|pair| pair.first() != pair.last()) || scales.contains(&None);
        if (is_numeric(ty) && mixed && values.len() > 1) || values.iter().any(|v| v.shown.is_some()) {
            let pieces: Vec<Sql> = match is_numeric(ty) {
                true => values.iter().map(|v| sql!["CAST(", v.as_shown(), " AS CHAR)"]).collect(),
                false => values.iter().map(Typed::as_shown).collect(),
            };
            out.shown = Some(form(&pieces));
        }
        out
    }

    /// `CASE [x] WHEN … THEN … [ELSE …] END`
    pub(super) fn case(
        &mut self,
        operand: Option<&Expr>,
        conditions: &[CaseWhen],
        otherwise: Option<&Expr>,
        scope: &Scope<'_>,
    ) -> Result<Typed, Fault> {
        let mut tests = Vec::new();
        let mut values = Vec::new();
        for CaseWhen { condition, result } in conditions {
            let test = match operand {
                Some(operand) => self.comparison(operand, &Op::Eq, condition, scope)?,
                None => self.boolean(condition, scope, "CASE/WHEN")?,
            };
            tests.push(test.sql);
            values.push(self.expr(result, scope)?);
        }
        // PostgreSQL resolves the ELSE first; it makes no difference to the type unless all are open.
        if let Some(otherwise) = otherwise {
            values.push(self.expr(otherwise, scope)?);
        }
        let (values, ty) = self.together(values, "CASE")?;
        Ok(self.formed(&values, &ty, |pieces| {
            let mut out = Sql::text("(CASE");
            for (at, piece) in pieces.iter().enumerate() {
                match tests.get(at) {
                    Some(test) => out.append(sql![" WHEN ", test, " THEN ", piece]),
                    None => out.append(sql![" ELSE ", piece]),
                };
            }
            out.push(" END)");
            out
        }))
    }

    /// `COALESCE (a, b, …)`
    pub(super) fn coalesce(&mut self, args: &[&Expr], scope: &Scope<'_>) -> Result<Typed, Fault> {
        let mut values = Vec::new();
        for arg in args {
            values.push(self.expr(arg, scope)?);
        }
        let (values, ty) = self.together(values, "COALESCE")?;
        Ok(self.formed(&values, &ty, |pieces| Sql::joined(pieces.iter().cloned(), ", ").wrapped("COALESCE(", ")")))
    }

    /// `NULLIF (a, b)`: of the type of `a`.
    pub(super) fn nullif(&mut self, a: &Expr, b: &Expr, scope: &Scope<'_>) -> Result<Typed, Fault> {
        let same = self.comparison(a, &Op::Eq, b, scope)?;
        let (value, other) = (self.expr(a, scope)?, self.expr(b, scope)?);
        let other_ty = other.ty.clone();
        let value = if value.open.is_some() { self.meet(value, other)?.0 } else { value };
        let form = |piece: &Sql| sql!["(CASE WHEN ", &same, " THEN NULL ELSE ", piece, " END)"];
        // The operator's type: whole numbers compare with each other as they are, and so do floats.
        let crossed = (is_int(&value.ty) && is_int(&other_ty)) || (is_float(&value.ty) && is_float(&other_ty));
        let ty = match number_of(&value.ty, &other_ty) {
            Some(ty) if !crossed && base(&value.ty) != ty => ty,
            _ if is_text(&value.ty) => PgType::Text,
            _ => value.ty.clone(),
        };
        let mut out = Typed::new(form(&value.sql), ty);
        out.exact = value.exact;
        out.shown = value.shown.as_ref().map(form);
        Ok(out)
    }

    /// GREATEST, LEAST: PostgreSQL leaves NULLs out, MySQL gives NULL.
    pub(super) fn extreme(&mut self, word: &str, args: &[&Expr], scope: &Scope<'_>) -> Result<Typed, Fault> {
        let mut values = Vec::new();
        for arg in args {
            values.push(self.expr(arg, scope)?);
        }
        let (values, ty) = self.together(values, &word.to_ascii_uppercase())?;
        self.sortable(&ty)?;
        if values.len() == 1 {
            return values.into_iter().next().ok_or_else(|| self.refused(word));
        }
        let fixed = args.iter().position(|arg| constant(arg).is_some());
        let upper = word.to_ascii_uppercase();
        let mut out = self.formed(&values, &ty, |pieces| {
            let each = pieces.iter().enumerate().map(|(at, piece)| match fixed.and_then(|f| pieces.get(f)) {
                Some(fixed) if Some(at) != fixed_at(pieces, fixed) => sql!["COALESCE(", piece, ", ", fixed, ")"],
                Some(_) => piece.clone(),
                None => {
                    let rotated = pieces.iter().cycle().skip(at).take(pieces.len()).cloned();
                    Sql::joined(rotated, ", ").wrapped("COALESCE(", ")")
                }
            });
            Sql::joined(each, ", ").wrapped(&format!("{upper}("), ")")
        });
        // As texts they would be compared as texts: the first one stays unless the second one is beyond it.
        out.shown = match (out.shown, values.as_slice()) {
            (Some(_), [a, b]) if is_numeric(&ty) => {
                let sign = if word == "greatest" { " >= " } else { " <= " };
                Some(sql![
                    "CASE WHEN ",
                    b,
                    " IS NULL OR ",
                    a,
                    sign,
                    b,
                    " THEN CAST(",
                    a.as_shown(),
                    " AS CHAR) ELSE CAST(",
                    b.as_shown(),
                    " AS CHAR) END"
                ])
            }
            _ => None,
        };
        Ok(out)
    }
}

fn fixed_at(pieces: &[Sql], fixed: &Sql) -> Option<usize> {
    pieces.iter().position(|p| p == fixed)
}

/// The scale that MySQL prints for all values of a numeric, if it is fixed.
fn scale(typed: &Typed) -> Option<i16> {
    match &typed.ty {
        PgType::Numeric(Some((_, scale))) => Some(*scale),
        ty if is_int(ty) => Some(0),
        _ => None,
    }
}
