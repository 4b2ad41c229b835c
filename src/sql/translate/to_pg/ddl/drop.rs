//! DROP TABLE, DROP INDEX, RENAME TABLE.

use sqlparser::ast::{Ident, ObjectType, RenameTable, Statement};

use super::super::Walk;
use super::super::source::{name, parts, physical};
use crate::base::Fault;
use crate::sql::translate::{Named, Sql, Table, ToPg};

impl Walk<'_> {
    pub(super) fn drop(&mut self, tree: &Statement) -> Result<ToPg, Fault> {
        let Statement::Drop {
            object_type,
            if_exists,
            names,
            // CASCADE and RESTRICT are read by MySQL, and do nothing.
            cascade: _,
            restrict: _,
            purge: false,
            temporary: false,
            table,
        } = tree
        else {
            return Err(self.refused("this form of DROP"));
        };
        match (object_type, table) {
            (ObjectType::Table, None) => {
                let mut list = Vec::with_capacity(names.len());
                for object in names {
                    list.push(physical(self.known_as(object)?));
                }
                let sql = Sql::joined(list, ", ")
                    .wrapped(if *if_exists { "DROP TABLE IF EXISTS " } else { "DROP TABLE " }, "");
                Ok(self.defined(vec![sql], "DROP TABLE"))
            }
            (ObjectType::Index, Some(on)) => {
                let (named, found) = self.table(on)?;
                let [object] = names.as_slice() else { return Err(self.refused("DROP INDEX of several")) };
                let words = parts(object).unwrap_or_default();
                let [own] = words.as_slice() else { return Err(self.refused(format_args!("the index name {object}"))) };
                let sql = self.drop_key(named, &found, own, *if_exists)?;
                Ok(self.defined(vec![sql], "DROP INDEX"))
            }
            _ => Err(self.refused(format_args!("DROP {object_type}"))),
        }
    }

    /// A key of the table goes, whether it is a constraint or an index there.
    pub(super) fn drop_key(&self, named: &Named, table: &Table, own: &Ident, if_exists: bool) -> Result<Sql, Fault> {
        let full = format!("{}_{}", table.name, own.value);
        let key = table.uniques.iter().find(|u| !u.primary && (u.name == own.value || u.name == full));
        if let Some(key) = key {
            let mut sql = physical(named).wrapped("ALTER TABLE ", " DROP CONSTRAINT ");
            sql.append(name(&key.name));
            return Ok(sql);
        }
        self.name_fits(&full)?;
        let mut sql = Sql::text(if if_exists { "DROP INDEX IF EXISTS " } else { "DROP INDEX " });
        if let Some(schema) = &table.schema {
            sql.append(name(schema)).push(".");
        }
        sql.append(name(&full));
        Ok(sql)
    }

    pub(super) fn rename_tables(&mut self, list: &[RenameTable]) -> Result<ToPg, Fault> {
        let mut out = Vec::with_capacity(list.len());
        for RenameTable { old_name, new_name } in list {
            out.push(self.renamed_table(old_name, new_name)?);
        }
        Ok(self.defined(out, "ALTER TABLE"))
    }

    /// `ALTER TABLE a RENAME TO b`, in the same schema.
    pub(super) fn renamed_table(
        &self,
        old: &sqlparser::ast::ObjectName,
        new: &sqlparser::ast::ObjectName,
    ) -> Result<Sql, Fault> {
        let (named, _) = self.table(old)?;
        let words = parts(new).unwrap_or_default();
        let Some(last) = words.last() else { return Err(self.refused(format_args!("the table name {new}"))) };
        let shown = self.known_as(new).map_or_else(|_| last.value.clone(), |n| n.physical_name.clone());
        self.name_fits(&shown)?;
        let mut sql = physical(named).wrapped("ALTER TABLE ", " RENAME TO ");
        sql.append(name(&shown));
        Ok(sql)
    }
}
