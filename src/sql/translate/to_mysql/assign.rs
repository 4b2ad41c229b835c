//! Assignments: a value as a column keeps it.

use sqlparser::ast::{Assignment, AssignmentTarget, Expr};

use super::names::quoted;
use super::scope::{Scope, Source};
use super::types::{is_float, is_numeric};
use super::{Open, Typed, Walk};
use crate::base::{Fault, FaultKind};
use crate::sql::translate::{Column, Default, Part, Sql, Table};
use crate::wire::value::PgType;

/// `column = value`.
pub(super) struct Set {
    pub(super) column: Column,
    /// The column as it is printed when it is read.
    pub(super) read: Sql,
    pub(super) value: Sql,
}

/// Whether an expression is the word DEFAULT.
pub(super) fn is_default(expr: &Expr) -> bool {
    matches!(expr, Expr::Identifier(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case("default"))
}

/// Whether a piece has one value whenever it is computed: a literal or a parameter, and not NULL for certain.
pub(super) fn is_stable(typed: &Typed) -> bool {
    match typed.sql.parts() {
        [Part::Parameter(_)] => true,
        [Part::Text(text)] => {
            let quoted = text.starts_with(['\'', 'X', 'x', '_']) && !text.contains('(');
            let digits = text.strip_prefix('-').unwrap_or(text);
            quoted
                || (!digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
                || text == "TRUE"
                || text == "FALSE"
        }
        _ => false,
    }
}

impl Walk<'_> {
    /// A column of the table that a statement writes.
    pub(super) fn writable<'t>(&self, table: &'t Table, name: &str) -> Result<&'t Column, Fault> {
        let column = table.column(name).ok_or_else(|| {
            let what = format!("column \"{name}\" of relation \"{}\" does not exist", table.name);
            Fault::new(FaultKind::UndefinedColumn, what)
        })?;
        if column.default == Default::Computed {
            return Err(self.refused(format!("writing the generated column {name}")));
        }
        Ok(column)
    }

    /// A value as PostgreSQL would assign it to a column.
    pub(super) fn assigned(&mut self, typed: Typed, column: &Column) -> Result<Typed, Fault> {
        if typed.aggregate {
            return Err(Fault::new(FaultKind::Grouping, "aggregate functions are not allowed in VALUES or SET"));
        }
        let ty = self.seen(column);
        if let PgType::Other(_, name) = &ty {
            return Err(self.refused(format!("writing the column {} of type {name}", column.name)));
        }
        if typed.open.is_none() && is_float(&typed.ty) && is_numeric(&ty) {
            // PostgreSQL rounds to 15 digits on the way, MySQL does not.
            return Err(self.refused("a double precision value for a numeric column").hint("Cast it to numeric."));
        }
        let null = typed.open == Some(Open::Null);
        let generated = column.default == Default::Generated;
        if null && generated {
            return Err(self.refused(format!("NULL for {}, which the server numbers", column.name)));
        }
        let mut out = self.coerce(typed, &ty)?;
        if generated && !is_stable_number(&out) {
            // MySQL would number the row for a NULL; PostgreSQL fails, and so does a division by zero in a write.
            out.sql = out.sql.wrapped("COALESCE(", ", 1/0)");
        }
        Ok(out)
    }

    /// SET's assignments, in an order in which none reads what another one has changed already: PostgreSQL computes all
    /// of them from the old row, MySQL one after the other.
    pub(super) fn sets(
        &mut self,
        assignments: &[Assignment],
        target: &Source,
        scope: &Scope<'_>,
        reorder: bool,
    ) -> Result<Vec<Set>, Fault> {
        let mut sets: Vec<Set> = Vec::new();
        for Assignment { target: names, value } in assignments {
            for (name, value) in self.pairs(names, value)? {
                let set = self.set(&name, value, target, scope)?;
                if sets.iter().any(|s| s.column.name == set.column.name) {
                    let what = format!("multiple assignments to same column \"{name}\"");
                    return Err(Fault::new(FaultKind::Syntax, what));
                }
                sets.push(set);
            }
        }
        self.in_order(sets, reorder)
    }

    fn pairs<'e>(&self, names: &AssignmentTarget, value: &'e Expr) -> Result<Vec<(String, &'e Expr)>, Fault> {
        match names {
            AssignmentTarget::ColumnName(name) => Ok(vec![(self.bare_name(name)?, value)]),
            AssignmentTarget::Tuple(names) => {
                let values: Vec<&Expr> = match value {
                    Expr::Tuple(values) => values.iter().collect(),
                    Expr::Nested(one) if names.len() == 1 => vec![one.as_ref()],
                    _ => return Err(self.refused("an assignment of a row that is not written out")),
                };
                if values.len() != names.len() {
                    let what = "number of columns does not match number of values";
                    return Err(Fault::new(FaultKind::Syntax, what));
                }
                names.iter().map(|name| self.bare_name(name)).zip(values).map(|(n, v)| Ok((n?, v))).collect()
            }
        }
    }

    fn set(&mut self, name: &str, value: &Expr, target: &Source, scope: &Scope<'_>) -> Result<Set, Fault> {
        let Some(table) = target.table.clone() else { return Err(self.refused("an assignment here")) };
        let column = self.writable(&table, name)?.clone();
        let read = table.columns.iter().zip(&target.columns).find(|(c, _)| c.name == column.name);
        let read = read.map(|(_, seen)| seen.sql.clone()).unwrap_or_default();
        let value = if is_default(value) {
            if column.default == Default::Generated {
                return Err(self.refused(format!("DEFAULT for {}, which the server numbers", column.name)));
            }
            Sql::text("DEFAULT")
        } else {
            let typed = self.expr(value, scope)?;
            self.assigned(typed, &column)?.sql
        };
        Ok(Set { column, read, value })
    }

    fn in_order(&self, sets: Vec<Set>, reorder: bool) -> Result<Vec<Set>, Fault> {
        let mut left = sets;
        let mut out = Vec::new();
        while !left.is_empty() {
            // The next one may not be read by any other that is still to come.
            let free = left.iter().position(|set| {
                !left.iter().any(|other| other.column.name != set.column.name && reads(&other.value, &set.read))
            });
            match free {
                Some(at) if reorder || at == 0 => out.push(left.remove(at)),
                Some(_) | None => {
                    return Err(self.refused("assignments that read each other's columns"));
                }
            }
        }
        if !reorder {
            let crossed = out
                .iter()
                .enumerate()
                .any(|(n, set)| out.iter().enumerate().any(|(m, other)| n != m && reads(&set.value, &other.read)));
            if crossed {
                return Err(self.refused("assignments that read columns which the same statement changes"));
            }
        }
        Ok(out)
    }
}

fn is_stable_number(typed: &Typed) -> bool {
    matches!(typed.sql.parts(), [Part::Text(text)] if text.bytes().all(|b| b.is_ascii_digit() || b == b'-'))
}

/// Whether a piece reads a column: every source is printed under a name of its own, so its text tells.
pub(super) fn reads(value: &Sql, column: &Sql) -> bool {
    let [Part::Text(name)] = column.parts() else { return true };
    // An ENUM is read through a conversion.
    let name = name.strip_prefix("CONVERT(").and_then(|n| n.strip_suffix(" USING utf8mb4)")).unwrap_or(name);
    value.parts().iter().any(|part| matches!(part, Part::Text(text) if text.contains(name)))
}

/// `` `a` = 1, `b` = 2``; `qualifier` is printed before each name.
pub(super) fn print_sets(sets: &[Set], qualifier: &Sql) -> Sql {
    let pieces = sets.iter().map(|set| {
        let mut piece = qualifier.clone();
        piece.push(".").append(quoted(&set.column.name)).push(" = ").append(set.value.clone());
        piece
    });
    Sql::joined(pieces, ", ")
}
