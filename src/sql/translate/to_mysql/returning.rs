//! RETURNING: MariaDB's own for INSERT and DELETE, else a query by key after the change.

use sqlparser::ast::SelectItem;

use super::Walk;
use super::assign::is_stable;
use super::insert::{Inserted, Rows};
use super::names::{output, quoted};
use super::query::as_output;
use super::scope::Scope;
use super::upsert::Conflict;
use crate::base::Fault;
use crate::sql::translate::{Part, PgColumn, Sql, Table, Unique};
use crate::wire::value::PgType;

/// Rows of one row's INSERT that are looked for one by one.
const ROWS_MAX: usize = 500;

/// Where inserted rows are found again.
pub(super) struct Found {
    pub(super) filter: Sql,
    pub(super) order: Option<Sql>,
}

impl Walk<'_> {
    /// RETURNING's list, and what the client is told of it.
    pub(super) fn returning_list(
        &mut self,
        returning: &[SelectItem],
        scope: &Scope<'_>,
    ) -> Result<(Sql, Vec<PgColumn>), Fault> {
        let before = std::mem::take(&mut self.aggregates);
        let mut items = self.items(returning, scope)?;
        if self.aggregates > 0 {
            let what = "aggregate functions are not allowed in RETURNING";
            return Err(Fault::new(crate::base::FaultKind::Grouping, what));
        }
        self.aggregates = before;
        let mut list = Vec::new();
        let mut columns = Vec::new();
        for (n, item) in items.iter_mut().enumerate() {
            self.settle_item(item, None)?;
            list.push(as_output(item.typed.as_shown(), &output(n)));
            columns.push(PgColumn { name: item.name.clone(), ty: item.typed.ty.clone() });
        }
        Ok((Sql::joined(list, ", "), columns))
    }

    /// How the rows of an INSERT are found after it.
    pub(super) fn inserted_rows(&mut self, inserted: &Inserted, conflict: Option<&Conflict>) -> Result<Found, Fault> {
        let Rows::Values(rows) = &inserted.rows else {
            return Err(self.refused("INSERT … SELECT … RETURNING"));
        };
        if let Some(conflict) = conflict {
            return self.upserted_rows(inserted, conflict, rows.len());
        }
        if let Some(found) = self.by_generated(inserted, rows.len()) {
            return Ok(found);
        }
        let keys: Vec<&Unique> = inserted.table.uniques.iter().collect();
        for key in keys {
            if let Some(found) = self.by_key(inserted, key) {
                return Ok(found);
            }
        }
        Err(self
            .refused("INSERT … RETURNING into a table without a key that the statement gives")
            .hint("Give the primary key as a literal or parameter, or let the server number it."))
    }

    fn upserted_rows(&mut self, inserted: &Inserted, conflict: &Conflict, rows: usize) -> Result<Found, Fault> {
        let named = conflict.key.as_ref();
        let any = inserted.table.uniques.iter().find_map(|key| self.by_key(inserted, key));
        let found = named.and_then(|key| self.by_key(inserted, key)).or(any);
        let Some(mut found) = found else {
            return Err(self.refused("ON CONFLICT … RETURNING without the key as literals or parameters"));
        };
        if conflict.nothing {
            if rows != 1 {
                return Err(self.refused("ON CONFLICT DO NOTHING … RETURNING of several rows"));
            }
            // One row was written, or none: the statement before tells.
            found.filter.push(" AND ROW_COUNT() > 0");
        }
        Ok(found)
    }

    /// By the numbers that the server gave: a statement's are consecutive.
    fn by_generated(&self, inserted: &Inserted, rows: usize) -> Option<Found> {
        let column = inserted.table.generated()?;
        let unique = inserted.table.uniques.iter().any(|u| u.columns == [column.name.clone()]);
        let given = inserted.columns.iter().position(|c| c.name == column.name);
        let numbered = match (given, &inserted.rows) {
            (None, Rows::Values(_)) => true,
            (Some(at), Rows::Values(rows)) => rows.iter().all(|row| matches!(row.get(at), Some(None))),
            (_, Rows::Query(_)) => false,
        };
        if !unique || !numbered {
            return None;
        }
        let mut name = inserted.qualifier.clone();
        name.push(".").append(quoted(&column.name));
        // The connection's own: nothing runs on it in between. Signed, so that differences can be negative.
        let first = Sql::text("CAST(LAST_INSERT_ID() AS SIGNED)");
        if rows == 1 {
            let mut filter = name;
            filter.push(" = ").append(first);
            return Some(Found { filter, order: None });
        }
        let mut filter = name.clone();
        filter.push(" >= ").append(first.clone()).push(" AND ").append(name.clone()).push(" < ");
        filter.append(first.clone()).push(&format!(" + {rows} * @@auto_increment_increment AND ("));
        filter.append(name.clone()).push(" - ").append(first).push(") MOD @@auto_increment_increment = 0");
        Some(Found { filter, order: Some(name) })
    }

    /// By a unique key whose values the statement gives in every row.
    fn by_key(&self, inserted: &Inserted, key: &Unique) -> Option<Found> {
        let Rows::Values(rows) = &inserted.rows else { return None };
        if rows.len() > ROWS_MAX {
            return None;
        }
        let mut filters = Vec::new();
        for row in rows {
            let mut parts = Vec::new();
            for name in &key.columns {
                let at = inserted.columns.iter().position(|c| c.name == *name)?;
                let column = inserted.columns.get(at)?;
                let cell = row.get(at)?.as_ref()?;
                let mut cell = cell.clone();
                if let [Part::Text(open), Part::Parameter(n), Part::Text(_)] = cell.sql.parts()
                    && open == "COALESCE("
                {
                    cell.sql = Sql::part(Part::Parameter(*n));
                }
                if !column.not_null || !is_stable(&cell) || !keyed(&self.seen(column)) || cell.open.is_some() {
                    return None;
                }
                let mut piece = inserted.qualifier.clone();
                piece.push(".").append(quoted(name)).push(" = ").append(cell.sql);
                parts.push(piece);
            }
            filters.push(Sql::joined(parts, " AND ").wrapped("(", ")"));
        }
        if filters.len() == 1 {
            return filters.pop().map(|filter| Found { filter, order: None });
        }
        let whens = filters.iter().enumerate().map(|(n, f)| f.clone().wrapped("WHEN ", &format!(" THEN {n}")));
        let order = Sql::joined(whens, " ").wrapped("CASE ", " END");
        Some(Found { filter: Sql::joined(filters, " OR ").wrapped("(", ")"), order: Some(order) })
    }

    /// The primary key's columns, to find a row again.
    pub(super) fn key_of<'t>(&self, table: &'t Table, verb: &str) -> Result<&'t Unique, Fault> {
        table.primary().ok_or_else(|| self.refused(format!("{verb} … RETURNING on a table without a primary key")))
    }

    /// `(a, b)`, or `a`, qualified.
    pub(super) fn key_list(&self, key: &Unique, qualifier: &Sql) -> (Sql, Sql) {
        let names = key.columns.iter().map(|name| {
            let mut piece = qualifier.clone();
            piece.push(".").append(quoted(name));
            piece
        });
        let list = Sql::joined(names, ", ");
        let row = if key.columns.len() == 1 { list.clone() } else { list.clone().wrapped("(", ")") };
        (list, row)
    }
}

/// Types whose literals find exactly the value that they were stored as.
fn keyed(ty: &PgType) -> bool {
    matches!(
        ty,
        PgType::Int2
            | PgType::Int4
            | PgType::Int8
            | PgType::Numeric(Some((_, 0)))
            | PgType::Text
            | PgType::Varchar(_)
            | PgType::Uuid
            | PgType::Bytea
            | PgType::Bool
            | PgType::Date
    )
}
