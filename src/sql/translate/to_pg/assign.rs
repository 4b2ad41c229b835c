//! Values put into columns, as MySQL's strict mode does it.

use std::ops::ControlFlow;

use sqlparser::ast::{Assignment, AssignmentTarget, Expr, ObjectName, Visit, Visitor};

use super::scope::Scope;
use super::source::{name, parts, pg_type, unknown_column};
use super::typed::Class;
use super::{Open, Typed, Walk};
use crate::base::{Fault, FaultKind};
use crate::sql::translate::{Column, Default, Sql, Table};
use crate::wire::value::{MyType, PgType};

/// Functions that give another value each time: what they gave cannot be written twice.
const VOLATILE: &[&str] = &["RAND", "UUID", "UUID_SHORT", "RANDOM_BYTES", "SLEEP", "SYSDATE", "LAST_INSERT_ID"];

/// A column and its new value.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) column: Column,
    /// As it is assigned.
    pub(super) value: Sql,
    /// Whether printing it twice gives it twice.
    pub(super) stable: bool,
}

impl Change {
    /// `"c" = value`
    pub(super) fn set(&self) -> Sql {
        let mut sql = name(&self.column.name);
        sql.push(" = ").append(self.value.clone());
        sql
    }

    /// Whether the row's value becomes another one.
    pub(super) fn differs(&self, alias: &str) -> Sql {
        let mut old = name(alias);
        old.push(".").append(name(&self.column.name));
        let ty = pg_type(&self.column);
        let new = match &ty {
            PgType::Json => {
                old = old.wrapped("CAST(", " AS text)");
                self.value.clone().wrapped("CAST(", " AS text)")
            }
            PgType::Numeric(Some(_))
            | PgType::Float4
            | PgType::Time(Some(_))
            | PgType::Timestamp(Some(_))
            | PgType::TimestampTz(Some(_)) => self.value.clone().wrapped("CAST(", &format!(" AS {})", ty.sql())),
            _ => self.value.clone().wrapped("(", ")"),
        };
        old.push(" IS DISTINCT FROM ").append(new);
        old
    }
}

/// Whether one of the changes changes the row; `None`: they do for certain, as far as can be told.
pub(super) fn any_differs(changes: &[Change], alias: &str) -> Option<Sql> {
    if changes.iter().any(|c| !c.stable) {
        return None;
    }
    let all = changes.iter().map(|c| c.differs(alias));
    Some(Sql::joined(all, " OR ").wrapped("(", ")"))
}

impl Walk<'_> {
    /// The column of the table that an INSERT or SET names.
    pub(super) fn target<'t>(&self, table: &'t Table, object: &ObjectName) -> Result<&'t Column, Fault> {
        let words = parts(object).unwrap_or_default();
        let Some(last) = words.last() else { return Err(self.refused(format_args!("the column {object}"))) };
        let column = table.column(&last.value).ok_or_else(|| unknown_column(&last.value, "field list"))?;
        if let (Default::Computed, _) = (&column.default, ()) {
            return Err(self.refused(format_args!("a value for the generated column '{}'", column.name)));
        }
        Ok(column)
    }

    /// A value as this column takes it.
    pub(super) fn assigned(&mut self, typed: Typed, column: &Column) -> Result<Sql, Fault> {
        let seen = self.seen(column);
        if let MyType::Other(what) = &seen {
            return Err(self.refused(format_args!("a value for column '{}' of type {what}", column.name)));
        }
        let target = pg_type(column);
        let told =
            typed.open.is_none() || matches!(typed.open, Some(Open::Parameter(_)) if typed.class() == Class::Int);
        if seen == MyType::Bool && told && typed.pg != PgType::Bool {
            return self.boolean(typed, column);
        }
        let typed = self.coerce(typed, &seen)?;
        if seen == MyType::Bool && typed.pg != PgType::Bool && !typed.is_null() {
            return self.boolean(typed, column);
        }
        if takes(&target, &typed.pg) {
            return Ok(typed.sql);
        }
        Ok(typed.sql.wrapped("CAST(", &format!(" AS {})", plain(&target))))
    }

    /// A number for a boolean: TINYINT(1) would keep 2, a boolean cannot, so 2 must fail.
    fn boolean(&mut self, typed: Typed, column: &Column) -> Result<Sql, Fault> {
        if let Some(digits) = &typed.number {
            return match digits.as_str() {
                "0" => Ok(Sql::text("false")),
                "1" => Ok(Sql::text("true")),
                _ => Err(Fault::new(
                    FaultKind::NotConvertible,
                    format!("Out of range value for column '{}': a boolean on PostgreSQL keeps 0 and 1", column.name),
                )),
            };
        }
        let number = self.coerce(typed, &MyType::BigInt(false))?.sql;
        let mut sql = number.clone().wrapped("CASE ", " WHEN 0 THEN false WHEN 1 THEN true ELSE CAST(");
        sql.append(number).push(" || '' AS boolean) END");
        Ok(sql)
    }

    /// The value of DEFAULT where a piece of SQL must stand for it.
    pub(super) fn default_value(&self, column: &Column) -> Result<Sql, Fault> {
        match &column.default {
            Default::None => Ok(Sql::text("NULL")),
            Default::Expression(text) => Ok(Sql::text(text.clone())),
            Default::Generated | Default::Computed => {
                Err(self.refused(format_args!("DEFAULT for the column '{}'", column.name)))
            }
        }
    }

    /// Assignments in their order: MySQL computes each with the values that those before it gave.
    /// `own`: the place of the table among the scope's sources.
    pub(super) fn changes(
        &mut self,
        assignments: &[Assignment],
        table: &Table,
        own: usize,
        scope: &mut Scope<'_>,
        in_order: bool,
    ) -> Result<Vec<Change>, Fault> {
        let mut out: Vec<Change> = Vec::with_capacity(assignments.len());
        for Assignment { target, value } in assignments {
            let AssignmentTarget::ColumnName(object) = target else { return Err(self.refused("SET (…) = …")) };
            let column = self.target(table, object)?.clone();
            if out.iter().any(|c| c.column.name == column.name) {
                return Err(self.refused(format_args!("two values for column '{}'", column.name)));
            }
            if !in_order && out.iter().any(|c| reads(value, &c.column.name)) {
                return Err(self.refused("reading a column that the same UPDATE of several tables assigns"));
            }
            if let Some(before) = out.iter().find(|c| !c.stable && reads(value, &c.column.name)) {
                let what = format!("reading the column '{}' after it got a random value", before.column.name);
                return Err(self.refused(what));
            }
            let (sql, stable) = if is_default(value) {
                (self.default_value(&column)?, true)
            } else {
                let typed = self.expr(value, scope)?;
                (self.assigned(typed, &column)?, !volatile(value))
            };
            if in_order && let Some(source) = scope.sources.get_mut(own) {
                let known = source.columns.iter_mut().find(|c| c.name == column.name);
                if let Some(known) = known {
                    let ty = pg_type(&column);
                    known.sql = sql.clone().wrapped("CAST(", &format!(" AS {})", plain_or_exact(&ty)));
                    known.nullable = true;
                }
            }
            out.push(Change { column, value: sql, stable });
        }
        Ok(out)
    }
}

/// DEFAULT alone.
pub(super) fn is_default(expr: &Expr) -> bool {
    matches!(expr, Expr::Identifier(ident) if ident.quote_style.is_none() && ident.value.eq_ignore_ascii_case("default"))
}

/// Whether a column of type `target` takes a piece of type `given` as it is, checking lengths and rounding as an assignment.
fn takes(target: &PgType, given: &PgType) -> bool {
    let text = |ty: &PgType| matches!(ty, PgType::Text | PgType::Varchar(_) | PgType::Bpchar(_) | PgType::Unknown);
    let whole = |ty: &PgType| matches!(ty, PgType::Int2 | PgType::Int4 | PgType::Int8);
    match target {
        PgType::Numeric(_) => whole(given) || matches!(given, PgType::Numeric(_)),
        PgType::Time(_) => matches!(given, PgType::Time(_)),
        PgType::Timestamp(_) => matches!(given, PgType::Timestamp(_)),
        PgType::TimestampTz(_) => matches!(given, PgType::TimestampTz(_)),
        PgType::Float4 | PgType::Float8 => matches!(given, PgType::Float4 | PgType::Float8),
        ty if text(ty) => text(given),
        ty if whole(ty) => whole(given),
        other => other == given,
    }
}

/// The type without its modifier: an explicit cast to varchar(n) would cut, where the assignment complains.
pub(super) fn plain(ty: &PgType) -> String {
    match ty {
        PgType::Varchar(_) | PgType::Bpchar(_) | PgType::Text => "text".to_owned(),
        PgType::Numeric(_) => PgType::Numeric(None).sql(),
        PgType::Time(_) => PgType::Time(None).sql(),
        PgType::Timestamp(_) => PgType::Timestamp(None).sql(),
        PgType::TimestampTz(_) => PgType::TimestampTz(None).sql(),
        other => other.sql(),
    }
}

/// The type as what is read after it was assigned: rounded, but never cut.
fn plain_or_exact(ty: &PgType) -> String {
    match ty {
        PgType::Varchar(_) | PgType::Bpchar(_) | PgType::Text => "text".to_owned(),
        other => other.sql(),
    }
}

/// Whether an expression names a column so.
fn reads(expr: &Expr, column: &str) -> bool {
    struct Seek<'a>(&'a str);
    impl Visitor for Seek<'_> {
        type Break = ();
        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            let last = match expr {
                Expr::Identifier(ident) => Some(ident),
                Expr::CompoundIdentifier(idents) => idents.last(),
                _ => None,
            };
            let hit = last.is_some_and(|i| i.value.eq_ignore_ascii_case(self.0));
            if hit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }
    }
    expr.visit(&mut Seek(column)).is_break()
}

/// Whether it may give another value when it is printed twice.
pub(super) fn volatile(expr: &Expr) -> bool {
    struct Seek;
    impl Visitor for Seek {
        type Break = ();
        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            match expr {
                Expr::Function(f) if VOLATILE.contains(&f.name.to_string().to_uppercase().as_str()) => {
                    ControlFlow::Break(())
                }
                _ => ControlFlow::Continue(()),
            }
        }
    }
    expr.visit(&mut Seek).is_break()
}
