//! UPDATE.

use sqlparser::ast::{SelectItem, TableFactor, TableWithJoins, Update, UpdateTableFromKind};

use super::Walk;
use super::assign::{Set, print_sets};
use super::from::Tree;
use super::names::quoted;
use super::scope::{Scope, fold};
use super::statement::step;
use crate::base::Fault;
use crate::sql::Access;
use crate::sql::translate::{Counting, Gives, Part, Sql, Table, ToMysql, Verb};

impl Walk<'_> {
    pub(super) fn update(&mut self, update: &Update, with: Option<&Sql>, around: &Scope<'_>) -> Result<ToMysql, Fault> {
        let Update {
            update_token: _,
            optimizer_hints: _,
            table: TableWithJoins { relation, joins },
            assignments,
            from,
            selection,
            returning,
            output: None,
            or: None,
            order_by,
            limit: None,
        } = update
        else {
            return Err(self.refused("a clause of this UPDATE"));
        };
        let TableFactor::Table { name, alias, args: None, .. } = relation else {
            return Err(self.refused("UPDATE of anything but a table"));
        };
        if !joins.is_empty() || !order_by.is_empty() || alias.as_ref().is_some_and(|a| !a.columns.is_empty()) {
            return Err(self.refused("a clause of this UPDATE"));
        }
        let (named, table) = self.table(name)?;
        let physical = self.physical(named);
        let alias = alias.as_ref().map(|a| &a.name);
        let printed = self.alias(&alias.map_or_else(|| named.physical_name.clone(), fold));
        let qualifier = quoted(&printed);
        let target = self.target(name, alias, &qualifier)?;
        let tree = match from {
            None => None,
            Some(UpdateTableFromKind::AfterSet(items)) => self.from(items, around)?,
            Some(UpdateTableFromKind::BeforeSet(_)) => return Err(self.refused("UPDATE … FROM before SET")),
        };
        self.target = Some(physical.clone());
        let (scope, joined) = with_target(target.clone(), tree, around);
        let several = joined.is_some();
        let sets = self.sets(assignments, &target, &scope, !several)?;
        let filter = self.filter(selection.as_ref(), &scope)?;
        let mut into = physical;
        into.push(" AS ").append(qualifier.clone());
        let mut head = into.clone().wrapped("UPDATE ", "");
        if let Some(joined) = joined {
            head.push(" CROSS JOIN ").append(joined);
        }
        if let Some(with) = with {
            head = Sql::joined([with.clone(), head], "");
        }
        head.push(" SET ").append(print_sets(&sets, &qualifier));
        let Some(returning) = returning else {
            if let Some(filter) = filter {
                head.push(" WHERE ").append(filter);
            }
            let steps = vec![step(head, Gives::Count(Counting::Matched))];
            return Ok(self.done(steps, Vec::new(), Verb::Update, Access::Write));
        };
        if several || with.is_some() {
            return Err(self.refused("UPDATE … FROM … RETURNING"));
        }
        self.update_returning(&table, &sets, &qualifier, into, head, filter, returning, &scope)
    }

    /// By steps: the keys of the rows, the change, the rows.
    #[allow(clippy::too_many_arguments)] // Pieces of one statement.
    fn update_returning(
        &mut self,
        table: &Table,
        sets: &[Set],
        qualifier: &Sql,
        into: Sql,
        mut head: Sql,
        filter: Option<Sql>,
        returning: &[SelectItem],
        scope: &Scope<'_>,
    ) -> Result<ToMysql, Fault> {
        let key = self.key_of(table, "UPDATE")?;
        if sets.iter().any(|set| key.columns.contains(&set.column.name)) {
            return Err(self.refused("UPDATE of a primary key with RETURNING"));
        }
        let (list, row) = self.key_list(key, qualifier);
        let mut keys = list.wrapped("SELECT ", " FROM ");
        keys.append(into.clone());
        if let Some(filter) = filter {
            keys.push(" WHERE ").append(filter);
        }
        keys.push(" FOR UPDATE");
        let mut found = row;
        found.push(" IN (").append(Sql::part(Part::Keys)).push(")");
        head.push(" WHERE ").append(found.clone());
        let (shown, columns) = self.returning_list(returning, scope)?;
        let mut select = shown.wrapped("SELECT ", " FROM ");
        select.append(into).push(" WHERE ").append(found);
        let steps =
            vec![step(keys, Gives::Keys), step(head, Gives::Count(Counting::Matched)), step(select, Gives::Rows)];
        Ok(self.done(steps, columns, Verb::Update, Access::Write))
    }

    /// WHERE, without aggregates.
    pub(super) fn filter(
        &mut self,
        selection: Option<&sqlparser::ast::Expr>,
        scope: &Scope<'_>,
    ) -> Result<Option<Sql>, Fault> {
        let Some(selection) = selection else { return Ok(None) };
        if matches!(selection, sqlparser::ast::Expr::Function(f) if f.name.to_string().eq_ignore_ascii_case("current of"))
        {
            return Err(self.refused("WHERE CURRENT OF"));
        }
        let before = std::mem::take(&mut self.aggregates);
        let filter = self.condition(selection, scope)?;
        if self.aggregates > 0 {
            let what = "aggregate functions are not allowed in WHERE";
            return Err(Fault::new(crate::base::FaultKind::Grouping, what));
        }
        self.aggregates = before;
        Ok(Some(filter))
    }
}

/// A scope of the changed table and what is joined with it, and the latter as printed.
pub(super) fn with_target<'s>(
    target: super::scope::Source,
    tree: Option<Tree>,
    around: &'s Scope<'s>,
) -> (Scope<'s>, Option<Sql>) {
    let mut star = target.columns.clone();
    let mut sources = vec![target];
    let joined = tree.map(|tree| {
        star.extend(tree.star);
        let several = tree.sources.len() > 1;
        sources.extend(tree.sources);
        if several { tree.sql.wrapped("(", ")") } else { tree.sql }
    });
    (Scope { outer: Some(around), sources, star: Some(star), ctes: Vec::new() }, joined)
}
