//! `x = ANY (…)`, `x <> ALL (…)`: arrays that are written out, or come as one parameter.

use sqlparser::ast::{BinaryOperator as Op, Expr};

use super::compare::{Compared, boolean, inside, negate};
use super::expr::sql;
use super::operators::met;
use super::scope::Scope;
use super::types::{base, called, is_text};
use super::{Open, Typed, Walk};
use crate::base::{Fault, FaultKind};
use crate::sql::translate::Sql;
use crate::wire::value::{PgType, Value};

impl Walk<'_> {
    /// `x op ANY (…)`, `x op ALL (…)`: of a subquery, an array literal or an array parameter.
    pub(super) fn any_op(
        &mut self,
        left: &Expr,
        op: &Op,
        right: &Expr,
        all: bool,
        scope: &Scope<'_>,
    ) -> Result<Typed, Fault> {
        let listed = matches!((op, all), (Op::Eq, false) | (Op::NotEq, true));
        if let Expr::Subquery(query) = inside(right) {
            if !listed {
                return self.against_all(left, op, query, all, scope);
            }
            return self.in_subquery(left, query, all, scope);
        }
        if let Some(array) = self.array_parameter(left, right, scope)? {
            if !listed {
                return Err(self.refused(format!("{op} with ANY or ALL of a parameter")));
            }
            return Ok(negate(array.sql, all));
        }
        let elements = self.elements(right)?;
        if listed {
            let mut items = Vec::new();
            for element in &elements {
                items.push(self.element(element, scope)?);
            }
            let column = self.plain_column(left, scope).is_some_and(|c| c.unicode || !is_text(&c.ty));
            let subject = self.expr(left, scope)?;
            return self.one_of(subject, items, column, all);
        }
        if elements.is_empty() {
            return Ok(boolean(Sql::text(if all { "TRUE" } else { "FALSE" })));
        }
        let mut out = Vec::new();
        for element in &elements {
            let subject = self.compared(left, scope)?;
            let item = Compared { typed: self.element(element, scope)?, column: false, cheap: true };
            out.push(match op {
                Op::PGLikeMatch | Op::PGILikeMatch | Op::PGNotLikeMatch | Op::PGNotILikeMatch => {
                    let fold = matches!(op, Op::PGILikeMatch | Op::PGNotILikeMatch);
                    let negated = matches!(op, Op::PGNotLikeMatch | Op::PGNotILikeMatch);
                    self.like_typed(subject.typed, item.typed, Some('\\'), fold, negated)?.sql
                }
                Op::Eq | Op::NotEq | Op::Lt | Op::LtEq | Op::Gt | Op::GtEq => self.compare(subject, op, item)?.sql,
                other => return Err(self.refused(format!("{other} with ANY or ALL"))),
            });
        }
        Ok(boolean(Sql::joined(out, if all { " AND " } else { " OR " }).wrapped("(", ")")))
    }

    /// `x > ALL (SELECT …)`: the servers' own, where the sides need no cast.
    fn against_all(
        &mut self,
        left: &Expr,
        op: &Op,
        query: &sqlparser::ast::Query,
        all: bool,
        scope: &Scope<'_>,
    ) -> Result<Typed, Fault> {
        let word = if all { "ALL" } else { "ANY" };
        let plain = matches!(op, Op::NotEq | Op::Eq | Op::Lt | Op::LtEq | Op::Gt | Op::GtEq);
        if !plain || query.limit_clause.is_some() || query.fetch.is_some() {
            return Err(self.refused(format!("{op} {word} of a subquery")));
        }
        let selected = self.inner(query, scope)?;
        let [column] = selected.columns.as_slice() else {
            return Err(Fault::new(FaultKind::Syntax, "subquery has too many columns"));
        };
        let there = Typed { exact: column.exact, ..Typed::new(column.sql.clone(), column.ty.clone()) };
        let subject = self.expr(left, scope)?;
        let subject = if subject.open.is_some() { self.coerce(subject, &column.ty)? } else { subject };
        let (subject, other) = self.alike(subject, op, there)?;
        if other.sql != column.sql {
            return Err(self.refused(format!("{op} {word} of a subquery whose column must be cast")));
        }
        self.sortable(&subject.ty)?;
        let op = format!(" {op} {word} (");
        Ok(boolean(sql!["(", self.comparable(&subject), &op, selected.sql, "))"]))
    }

    /// `x = ANY ($1)`: the parameter is printed as the list that it is.
    fn array_parameter(&mut self, left: &Expr, right: &Expr, scope: &Scope<'_>) -> Result<Option<Typed>, Fault> {
        use sqlparser::ast::Value as Ast;
        let (inner, cast) = match inside(right) {
            Expr::Cast { expr, data_type, .. } => (inside(expr), Some(self.data_type(data_type)?)),
            other => (other, None),
        };
        let Expr::Value(value) = inner else { return Ok(None) };
        if !matches!(value.value, Ast::Placeholder(_)) {
            return Ok(None);
        }
        let column = self.plain_column(left, scope).is_some_and(|c| c.unicode || !is_text(&c.ty));
        let subject = self.expr(left, scope)?;
        let subject = self.settle(subject)?;
        let parameter = self.value(&value.value)?;
        let array = match (cast, &parameter.open) {
            (Some(cast), None) if parameter.ty != cast => {
                return Err(self.refused(format!("a cast to {} of a parameter", called(&cast))));
            }
            (Some(cast), _) => cast,
            (None, None) => parameter.ty.clone(),
            (None, Some(_)) => PgType::Array(Box::new(met(&subject.ty))),
        };
        let PgType::Array(of) = &array else {
            return Err(Fault::new(FaultKind::TypeMismatch, "op ANY/ALL (array) requires array on right side"));
        };
        if let Some(Open::Parameter(number)) = &parameter.open
            && let Some(slot) = self.parameters.get_mut(usize::from(*number))
        {
            *slot = Some(array.clone());
        }
        let of = (**of).clone();
        let (subject, item) = self.alike(subject, &Op::Eq, Typed::new(Sql::new(), of.clone()))?;
        if base(&item.ty) != base(&of) {
            return Err(self.refused(format!("{} = ANY of {}", called(&subject.ty), called(&array))));
        }
        let list = sql![" IN ", &parameter.sql, ")"];
        if !is_text(&subject.ty) {
            return Ok(Some(boolean(sql!["(", &subject, list])));
        }
        let exact = sql!["(", self.comparable(&subject), &list];
        Ok(Some(boolean(match column && !subject.exact {
            true => sql!["((", &subject, list, " AND ", exact, ")"],
            false => exact,
        })))
    }

    /// The elements of an array that is written out.
    fn elements(&mut self, array: &Expr) -> Result<Vec<Element>, Fault> {
        use sqlparser::ast::{DataType, Value as Ast};
        match inside(array) {
            Expr::Array(array) => Ok(array.elem.iter().cloned().map(Element::Expr).collect()),
            Expr::Cast { expr, data_type, .. } => {
                let DataType::Array(_) = data_type else { return Err(self.refused("ANY of this cast")) };
                let PgType::Array(of) = self.data_type(data_type)? else {
                    return Err(self.refused("ANY of this cast"));
                };
                let elements = self.elements(expr)?;
                Ok(elements.into_iter().map(|e| e.cast(&of)).collect())
            }
            Expr::Value(value) => match &value.value {
                Ast::SingleQuotedString(text) => {
                    let ty = PgType::Array(Box::new(PgType::Text));
                    match self.read(text, &ty)? {
                        Value::Array(values) => Ok(values.into_iter().map(Element::of).collect()),
                        _ => Err(self.refused("ANY of this literal")),
                    }
                }
                Ast::Placeholder(_) => Err(self.refused("ANY of an array parameter")),
                _ => Err(self.refused("ANY of this literal")),
            },
            _ => Err(self.refused("ANY of an array that is not written out")),
        }
    }

    fn element(&mut self, element: &Element, scope: &Scope<'_>) -> Result<Typed, Fault> {
        match element {
            Element::Expr(expr) => self.expr(expr, scope),
            Element::Text(text) => self.quoted(text),
            Element::Null => {
                let mut typed = Typed::text("NULL", PgType::Unknown);
                typed.open = Some(Open::Null);
                Ok(typed)
            }
            Element::Cast(inner, ty) => {
                let typed = self.element(inner, scope)?;
                self.explicit(typed, ty)
            }
        }
    }
}

/// An element of an array that is written out.
#[expect(clippy::large_enum_variant, reason = "a handful, for the time of one translation")]
enum Element {
    Expr(Expr),
    Text(String),
    Null,
    Cast(Box<Element>, PgType),
}

impl Element {
    fn cast(self, ty: &PgType) -> Self {
        Self::Cast(Box::new(self), ty.clone())
    }

    fn of(value: Value) -> Self {
        match value {
            Value::Text(text) => Self::Text(text),
            _ => Self::Null,
        }
    }
}
