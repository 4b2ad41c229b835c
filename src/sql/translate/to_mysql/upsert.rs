//! ON CONFLICT as ON DUPLICATE KEY UPDATE: only where both mean the same unique key.

use sqlparser::ast::{ConflictTarget, DoUpdate, OnConflict, OnConflictAction};

use super::assign::print_sets;
use super::insert::{Inserted, Rows};
use super::names::{dotted, quoted};
use super::scope::{Scope, ScopeColumn, Source, fold};
use super::{Open, Walk};
use crate::base::{Engine, Fault, FaultKind};
use crate::sql::translate::{Column, Counting, Default, Sql, Unique};

/// ON CONFLICT as printed.
pub(super) struct Upsert {
    /// ` ON DUPLICATE KEY UPDATE …`
    pub(super) clause: Sql,
    pub(super) counting: Counting,
    /// A query that fails if two of the rows are for one key: PostgreSQL's 21000.
    pub(super) guard: Option<Sql>,
    pub(super) conflict: Conflict,
}

/// What ON CONFLICT is about.
pub(super) struct Conflict {
    /// DO NOTHING.
    pub(super) nothing: bool,
    /// The key that it names.
    pub(super) key: Option<Unique>,
}

impl Walk<'_> {
    pub(super) fn upsert(&mut self, clause: &OnConflict, inserted: &Inserted) -> Result<Upsert, Fault> {
        let OnConflict { conflict_target, action } = clause;
        let key = match conflict_target {
            None => None,
            Some(target) => Some(self.conflict_key(target, inserted)?),
        };
        match action {
            OnConflictAction::DoNothing => {
                if let Some(key) = &key {
                    self.only_key(key, inserted)?;
                }
                let column = inserted.table.primary().or_else(|| inserted.table.uniques.first());
                let column =
                    column.and_then(|u| u.columns.first()).or_else(|| inserted.table.columns.first().map(|c| &c.name));
                let Some(column) = column else { return Err(self.refused("ON CONFLICT here")) };
                let mut sql = Sql::text(" ON DUPLICATE KEY UPDATE ");
                let mut itself = inserted.qualifier.clone();
                itself.push(".").append(quoted(column));
                sql.append(itself.clone()).push(" = ").append(itself);
                let conflict = Conflict { nothing: true, key };
                Ok(Upsert { clause: sql, counting: Counting::Affected, guard: None, conflict })
            }
            OnConflictAction::DoUpdate(update) => {
                let Some(key) = key else {
                    let what = "ON CONFLICT DO UPDATE requires inference specification or constraint name";
                    return Err(Fault::new(FaultKind::Syntax, what));
                };
                self.only_key(&key, inserted)?;
                self.do_update(update, key, inserted)
            }
        }
    }

    fn conflict_key(&self, target: &ConflictTarget, inserted: &Inserted) -> Result<Unique, Fault> {
        let table = &inserted.table;
        match target {
            ConflictTarget::Columns(columns) => {
                let mut names: Vec<&String> = Vec::new();
                for column in columns {
                    names.push(&self.writable(table, &fold(column))?.name);
                }
                names.sort();
                names.dedup();
                let found = table.uniques.iter().find(|unique| {
                    let mut theirs: Vec<&String> = unique.columns.iter().collect();
                    theirs.sort();
                    theirs == names
                });
                found.cloned().ok_or_else(|| {
                    let what = "there is no unique or exclusion constraint matching the ON CONFLICT specification";
                    Fault::new(FaultKind::InvalidReference, what)
                })
            }
            ConflictTarget::OnConstraint(name) => {
                let name = self.bare_name(name)?;
                let primary = format!("{}_pkey", table.name);
                let found = table.uniques.iter().find(|u| u.name == name || (u.primary && name == primary));
                found.cloned().ok_or_else(|| {
                    let what = format!("constraint \"{name}\" for table \"{}\" does not exist", table.name);
                    Fault::new(FaultKind::UndefinedColumn, what)
                })
            }
        }
    }

    /// Refuses unless `key` is the only one that the rows could meet: MySQL takes any.
    fn only_key(&self, key: &Unique, inserted: &Inserted) -> Result<(), Fault> {
        if inserted.table.other_uniques {
            return Err(self.refused("ON CONFLICT on a table with unique keys of expressions or prefixes"));
        }
        let other = inserted.table.uniques.iter().find(|u| *u != key && can_meet(u, inserted));
        match other {
            None => Ok(()),
            Some(other) => Err(self
                .refused(format!(
                    "ON CONFLICT ({}) while the row could also meet {}",
                    key.columns.join(", "),
                    other.name
                ))
                .hint("MySQL does not tell which unique key a row has met.")),
        }
    }

    fn do_update(&mut self, update: &DoUpdate, key: Unique, inserted: &Inserted) -> Result<Upsert, Fault> {
        let DoUpdate { assignments, selection: None } = update else {
            return Err(self.refused("ON CONFLICT DO UPDATE with WHERE"));
        };
        let row_alias = match &inserted.rows {
            Rows::Values(_) if self.engine() == Engine::Mysql => Some(self.alias("excluded")),
            Rows::Values(_) | Rows::Query(_) => None,
        };
        let mut excluded =
            Source { alias: "excluded".to_owned(), schema: None, columns: Vec::new(), table: None, body: None };
        for (column, seen) in inserted.table.columns.iter().zip(&inserted.target.columns) {
            if !inserted.columns.iter().any(|c| c.name == column.name) {
                continue;
            }
            let plain = match &row_alias {
                Some(alias) => dotted(alias, &column.name),
                None => quoted(&column.name).wrapped("VALUES(", ")"),
            };
            let member = seen
                .sql
                .parts()
                .first()
                .is_some_and(|p| matches!(p, crate::sql::translate::Part::Text(t) if t.starts_with("CONVERT(")));
            let sql = if member { plain.wrapped("CONVERT(", " USING utf8mb4)") } else { plain };
            excluded.columns.push(ScopeColumn { sql, ..seen.clone() });
        }
        let star = Some(inserted.target.columns.clone());
        let scope = Scope { sources: vec![inserted.target.clone(), excluded], star, ..Scope::default() };
        let sets = self.sets(assignments, &inserted.target, &scope, true)?;
        if sets.iter().any(|set| key.columns.contains(&set.column.name)) {
            return Err(self.refused("ON CONFLICT DO UPDATE of the key itself"));
        }
        let mut clause = Sql::new();
        if let Some(alias) = &row_alias {
            clause.push(" AS ").append(quoted(alias));
        }
        clause.push(" ON DUPLICATE KEY UPDATE ").append(print_sets(&sets, &inserted.qualifier));
        let (counting, guard) = self.twice(&key, inserted)?;
        Ok(Upsert { clause, counting, guard, conflict: Conflict { nothing: false, key: Some(key) } })
    }

    /// How rows are counted, and what fails if a key is given twice.
    fn twice(&mut self, key: &Unique, inserted: &Inserted) -> Result<(Counting, Option<Sql>), Fault> {
        let rows = match &inserted.rows {
            Rows::Query(query) => return self.query_twice(key, inserted, query),
            Rows::Values(rows) => rows,
        };
        let counting = Counting::Always(u64::try_from(rows.len()).unwrap_or(u64::MAX));
        if rows.len() < 2 {
            return Ok((counting, None));
        }
        let mut places = Vec::new();
        for name in &key.columns {
            match inserted.columns.iter().position(|c| c.name == *name) {
                Some(at) => places.push(at),
                None => return Ok((counting, None)),
            }
        }
        let mut keys = Vec::new();
        for row in rows {
            let mut cells = Vec::new();
            for (n, at) in places.iter().enumerate() {
                let Some(Some(cell)) = row.get(*at) else { return Ok((counting, None)) };
                let column = inserted.columns.get(*at);
                let mut sql = as_key(cell.sql.clone(), column.filter(|_| super::types::is_text(&cell.ty)));
                sql.push(&format!(" AS `k{}`", n + 1));
                cells.push(sql);
            }
            keys.push(Sql::joined(cells, ", ").wrapped("SELECT ", ""));
        }
        let rows = Sql::joined(keys, " UNION ALL ");
        Ok((counting, Some(guard(places.len(), rows))))
    }

    fn query_twice(
        &mut self,
        key: &Unique,
        inserted: &Inserted,
        query: &Sql,
    ) -> Result<(Counting, Option<Sql>), Fault> {
        let alias = self.alias("hf");
        let mut cells = Vec::new();
        for (n, name) in key.columns.iter().enumerate() {
            let Some(at) = inserted.columns.iter().position(|c| c.name == *name) else {
                return Ok((Counting::Records, None));
            };
            let column = inserted.columns.get(at).filter(|c| super::types::is_text(&self.seen(c)));
            let mut cell = as_key(dotted(&alias, &super::names::output(at)), column);
            cell.push(&format!(" AS `k{}`", n + 1));
            cells.push(cell);
        }
        let mut rows = Sql::joined(cells, ", ").wrapped("SELECT ", " FROM (");
        rows.append(query.clone()).push(") AS ").append(quoted(&alias));
        Ok((Counting::Records, Some(guard(key.columns.len(), rows))))
    }
}

/// A text as its key's column compares it.
fn as_key(sql: Sql, column: Option<&Column>) -> Sql {
    let Some(collation) = column.and_then(|c| c.collation.as_ref()) else { return sql };
    let charset = collation.split('_').next().unwrap_or("utf8mb4");
    let mut sql = sql.wrapped("CONVERT(", &format!(" USING {charset})"));
    sql.push(" COLLATE ").push(collation);
    sql
}

/// Fails with 21000 if two of the rows have one key; a NULL is no key.
fn guard(width: usize, rows: Sql) -> Sql {
    let names: Vec<String> = (1..=width).map(|n| format!("`k{n}`")).collect();
    let present = names.iter().map(|n| format!("{n} IS NOT NULL")).collect::<Vec<_>>().join(" AND ");
    let list = names.join(", ");
    rows.wrapped(
        &format!(
            "SELECT IF(COALESCE(SUM({present}), 0) = COUNT(DISTINCT {list}), 1, (SELECT 1 UNION ALL SELECT 2)) FROM ("
        ),
        ") AS `hf_keys`",
    )
}

/// Whether a row of this INSERT could meet a unique key.
fn can_meet(unique: &Unique, inserted: &Inserted) -> bool {
    unique.columns.iter().all(|name| {
        let Some(column) = inserted.table.columns.iter().find(|c| c.name == *name) else { return true };
        // Numbered by the server, or NULL by default: neither meets anything.
        let by_default = match &column.default {
            Default::Generated | Default::None => false,
            Default::Expression(text) => !text.eq_ignore_ascii_case("null"),
            Default::Computed => true,
        };
        let Some(at) = inserted.columns.iter().position(|c| c.name == *name) else { return by_default };
        match &inserted.rows {
            Rows::Query(_) => true,
            Rows::Values(rows) => rows.iter().any(|row| match row.get(at) {
                Some(Some(cell)) => cell.open != Some(Open::Null) && cell.sql != Sql::text("NULL"),
                Some(None) | None => by_default,
            }),
        }
    })
}
