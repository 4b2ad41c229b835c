//! DELETE and TRUNCATE.

use sqlparser::ast::{Delete, FromTable, TableFactor, TableWithJoins, Truncate, TruncateIdentityOption};

use super::Walk;
use super::names::quoted;
use super::scope::{Scope, fold};
use super::statement::step;
use super::update::with_target;
use crate::base::{Engine, Fault};
use crate::sql::Access;
use crate::sql::translate::{Counting, Gives, Part, PgColumn, Sql, Table, ToMysql, Verb};

impl Walk<'_> {
    pub(super) fn delete(&mut self, delete: &Delete, with: Option<&Sql>, around: &Scope<'_>) -> Result<ToMysql, Fault> {
        let Delete {
            delete_token: _,
            optimizer_hints: _,
            tables,
            from: FromTable::WithFromKeyword(from),
            using,
            selection,
            returning,
            output: None,
            order_by,
            limit: None,
        } = delete
        else {
            return Err(self.refused("a clause of this DELETE"));
        };
        let [TableWithJoins { relation: TableFactor::Table { name, alias, args: None, .. }, joins }] = from.as_slice()
        else {
            return Err(self.refused("DELETE from anything but one table"));
        };
        if !joins.is_empty() || !tables.is_empty() || !order_by.is_empty() {
            return Err(self.refused("a clause of this DELETE"));
        }
        let (named, table) = self.table(name)?;
        let physical = self.physical(named);
        let alias = alias.as_ref().map(|a| &a.name);
        // Without USING the table is printed under its own name: MariaDB's DELETE of one table has no alias.
        let printed = match using {
            None => {
                self.aliases.insert(named.physical_name.to_lowercase());
                named.physical_name.clone()
            }
            Some(_) => self.alias(&alias.map_or_else(|| named.physical_name.clone(), fold)),
        };
        let qualifier = quoted(&printed);
        let target = self.target(name, alias, &qualifier)?;
        let tree = match using {
            None => None,
            Some(items) => self.from(items, around)?,
        };
        self.target = Some(physical.clone());
        let (scope, joined) = with_target(target, tree, around);
        let filter = self.filter(selection.as_ref(), &scope)?;
        let head = delete_head(with, &physical, &qualifier, joined.as_ref());
        let mut whole = head;
        if let Some(filter) = &filter {
            whole.push(" WHERE ").append(filter.clone());
        }
        let Some(returning) = returning else {
            let steps = vec![step(whole, Gives::Count(Counting::Affected))];
            return Ok(self.done(steps, Vec::new(), Verb::Delete, Access::Write));
        };
        if joined.is_some() || with.is_some() {
            return Err(self.refused("DELETE … USING … RETURNING"));
        }
        let (list, columns) = self.returning_list(returning, &scope)?;
        if self.engine() == Engine::Mariadb {
            whole.push(" RETURNING ").append(list);
            let steps = vec![step(whole, Gives::RowsAndCount)];
            return Ok(self.done(steps, columns, Verb::Delete, Access::Write));
        }
        self.delete_returning(&table, &qualifier, physical, filter, list, columns)
    }

    /// By steps: the keys of the rows, the rows, the change.
    fn delete_returning(
        &self,
        table: &Table,
        qualifier: &Sql,
        physical: Sql,
        filter: Option<Sql>,
        list: Sql,
        columns: Vec<PgColumn>,
    ) -> Result<ToMysql, Fault> {
        let mut head = physical.clone().wrapped("DELETE FROM ", "");
        let key = self.key_of(table, "DELETE")?;
        let (names, row) = self.key_list(key, qualifier);
        let mut keys = names.wrapped("SELECT ", " FROM ");
        keys.append(physical.clone());
        if let Some(filter) = filter {
            keys.push(" WHERE ").append(filter);
        }
        keys.push(" FOR UPDATE");
        let mut found = row.wrapped(" WHERE ", " IN (");
        found.append(Sql::part(Part::Keys)).push(")");
        let mut select = list.wrapped("SELECT ", " FROM ");
        select.append(physical).append(found.clone());
        head.append(found);
        let steps =
            vec![step(keys, Gives::Keys), step(select, Gives::Rows), step(head, Gives::Count(Counting::Affected))];
        Ok(self.done(steps, columns, Verb::Delete, Access::Write))
    }

    /// TRUNCATE, which PostgreSQL can roll back and MySQL cannot: a DELETE of everything.
    pub(super) fn truncate(&mut self, truncate: &Truncate) -> Result<ToMysql, Fault> {
        let Truncate {
            table_names,
            partitions: None,
            table: _,
            if_exists: false,
            identity,
            cascade: None,
            on_cluster: None,
        } = truncate
        else {
            return Err(self.refused("TRUNCATE … CASCADE"));
        };
        if matches!(identity, Some(TruncateIdentityOption::Restart)) {
            return Err(self.refused("TRUNCATE … RESTART IDENTITY"));
        }
        let mut steps = Vec::new();
        for target in table_names {
            let (named, _) = self.table(&target.name)?;
            steps.push(step(self.physical(named).wrapped("DELETE FROM ", ""), Gives::Nothing));
        }
        Ok(self.done(steps, Vec::new(), Verb::Truncate, Access::Write))
    }
}

/// Everything before WHERE.
fn delete_head(with: Option<&Sql>, physical: &Sql, qualifier: &Sql, joined: Option<&Sql>) -> Sql {
    let mut head = with.cloned().unwrap_or_default();
    match joined {
        None => {
            head.push("DELETE FROM ").append(physical.clone());
        }
        Some(joined) => {
            head.push("DELETE ").append(qualifier.clone()).push(" FROM ").append(physical.clone());
            head.push(" AS ").append(qualifier.clone()).push(" CROSS JOIN ").append(joined.clone());
        }
    }
    head
}
