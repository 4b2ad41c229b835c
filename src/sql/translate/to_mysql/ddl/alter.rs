//! ALTER TABLE.

use std::sync::Arc;

use sqlparser::ast::{AlterColumnOperation, AlterTable, AlterTableOperation, DataType, ObjectName};

use super::define::{keeps_default, plain_column};
use crate::base::{Engine, Fault};
use crate::sql::translate::to_mysql::Walk;
use crate::sql::translate::to_mysql::names::quoted;
use crate::sql::translate::to_mysql::scope::{ScopeColumn, fold};
use crate::sql::translate::to_mysql::types::{is_int, is_text};
use crate::sql::translate::{Column, ColumnType, Default, Sql, Table, ToMysql};
use crate::wire::value::{PgType, mapping};

impl Walk<'_> {
    pub(super) fn alter_table(&mut self, alter: &AlterTable) -> Result<ToMysql, Fault> {
        let AlterTable {
            name,
            if_exists: false,
            only: _,
            operations,
            location: None,
            on_cluster: None,
            table_type: None,
            end_token: _,
        } = alter
        else {
            return Err(self.refused("ALTER TABLE IF EXISTS"));
        };
        let (named, table) = self.table(name)?;
        let physical = self.physical(named);
        let mut columns: Vec<ScopeColumn> =
            table.columns.iter().map(|c| plain_column(&c.name, &self.seen(c))).collect();
        let mut pieces = Vec::new();
        for operation in operations {
            pieces.extend(self.operation(operation, &table, name, &mut columns)?);
        }
        let sql = if pieces.is_empty() {
            // Everything is as it should be.
            Sql::text("DO 0")
        } else {
            let mut sql = physical.wrapped("ALTER TABLE ", " ");
            sql.append(Sql::joined(pieces, ", "));
            sql
        };
        Ok(self.ddl_done(sql, "ALTER TABLE"))
    }

    fn operation(
        &mut self,
        operation: &AlterTableOperation,
        table: &Arc<Table>,
        name: &ObjectName,
        columns: &mut Vec<ScopeColumn>,
    ) -> Result<Vec<Sql>, Fault> {
        match operation {
            AlterTableOperation::AddColumn { column_keyword: _, if_not_exists, column_def, column_position: None } => {
                if *if_not_exists && table.column(&fold(&column_def.name)).is_some() {
                    return Ok(Vec::new());
                }
                let defined = self.defined(column_def, columns)?;
                columns.push(plain_column(&defined.name, &defined.ty));
                let mut out = vec![self.print_column(&defined)?.wrapped("ADD COLUMN ", "")];
                for constraint in &defined.constraints {
                    out.push(self.constraint(&table.name, constraint, columns)?.wrapped("ADD ", ""));
                }
                Ok(out)
            }
            AlterTableOperation::DropColumn { has_column_keyword: _, column_names, if_exists, drop_behavior: _ } => {
                let mut out = Vec::new();
                for column in column_names {
                    let column = fold(column);
                    if *if_exists && table.column(&column).is_none() {
                        continue;
                    }
                    let column = self.written_or_computed(table, &column)?;
                    let shared = table.uniques.iter().any(|u| u.columns.len() > 1 && u.columns.contains(&column.name));
                    if shared {
                        return Err(self.refused("DROP COLUMN of a part of a key").hint("Drop the constraint first."));
                    }
                    out.push(quoted(&column.name).wrapped("DROP COLUMN ", ""));
                }
                Ok(out)
            }
            AlterTableOperation::RenameColumn { old_column_name, new_column_name } => {
                let old = self.written_or_computed(table, &fold(old_column_name))?;
                let mut out = quoted(&old.name).wrapped("RENAME COLUMN ", " TO ");
                out.append(quoted(&fold(new_column_name)));
                Ok(vec![out])
            }
            AlterTableOperation::AddConstraint { constraint, not_valid: false } => {
                Ok(vec![self.constraint(&table.name, constraint, columns)?.wrapped("ADD ", "")])
            }
            AlterTableOperation::DropConstraint { if_exists, name, drop_behavior: _ } => {
                self.drop_constraint(table, &fold(name), *if_exists)
            }
            AlterTableOperation::AlterColumn { column_name, op } => {
                let column = self.written_or_computed(table, &fold(column_name))?.clone();
                self.alter_column(&column, op)
            }
            AlterTableOperation::RenameTable { .. } => Err(self
                .refused(format!("renaming the table {name}"))
                .hint("Rename it on its backend, and its route with it.")),
            other => Err(self.refused(format!("ALTER TABLE … {other}"))),
        }
    }

    fn written_or_computed<'t>(&self, table: &'t Table, name: &str) -> Result<&'t Column, Fault> {
        match table.column(name) {
            Some(column) => Ok(column),
            None => self.writable(table, name),
        }
    }

    fn drop_constraint(&self, table: &Table, name: &str, if_exists: bool) -> Result<Vec<Sql>, Fault> {
        if name == format!("{}_pkey", table.name) && table.primary().is_some() {
            return Ok(vec![Sql::text("DROP PRIMARY KEY")]);
        }
        let known = table.uniques.iter().any(|u| u.name == name);
        let word = match (if_exists && !known, self.engine()) {
            (false, _) => "DROP CONSTRAINT ",
            (true, Engine::Mariadb) => "DROP CONSTRAINT IF EXISTS ",
            (true, Engine::Mysql | Engine::Postgres) => return Err(self.refused("DROP CONSTRAINT IF EXISTS")),
        };
        Ok(vec![quoted(name).wrapped(word, "")])
    }

    fn alter_column(&mut self, column: &Column, op: &AlterColumnOperation) -> Result<Vec<Sql>, Fault> {
        let ty = self.seen(column);
        match op {
            AlterColumnOperation::SetDefault { value } => {
                let default = self.default(value, &ty, &column.name)?.unwrap_or_else(|| Sql::text("NULL"));
                let mut out = quoted(&column.name).wrapped("ALTER COLUMN ", " SET DEFAULT ");
                let text = default.parts().first().cloned();
                if matches!(text, Some(crate::sql::translate::Part::Text(t)) if t.starts_with("CURRENT")) {
                    // Only an expression can be set alone.
                    out.append(default.wrapped("(", ")"));
                } else {
                    out.append(default);
                }
                Ok(vec![out])
            }
            // Without any default a nullable column would have to be given.
            AlterColumnOperation::DropDefault if !column.not_null => {
                Ok(vec![quoted(&column.name).wrapped("ALTER COLUMN ", " SET DEFAULT NULL")])
            }
            AlterColumnOperation::DropDefault => {
                Ok(vec![quoted(&column.name).wrapped("ALTER COLUMN ", " DROP DEFAULT")])
            }
            AlterColumnOperation::SetNotNull => self.modify(column, None, true),
            AlterColumnOperation::DropNotNull => self.modify(column, None, false),
            AlterColumnOperation::SetDataType { data_type, using: None, had_set: _ } => {
                self.modify(column, Some(data_type), column.not_null)
            }
            other => Err(self.refused(format!("ALTER COLUMN … {other}"))),
        }
    }

    /// MODIFY COLUMN, which must say everything about it.
    fn modify(&mut self, column: &Column, ty: Option<&DataType>, not_null: bool) -> Result<Vec<Sql>, Fault> {
        if !keeps_default(&column.default) {
            return Err(self
                .refused(format!("changing the column {} that has a default", column.name))
                .hint("Drop its default first, and set it again."));
        }
        let printed = match ty {
            None => match &column.ty {
                ColumnType::My(my) => {
                    let mut printed = my.sql();
                    if let (Some(charset), Some(collation)) = (&column.charset, &column.collation) {
                        printed = format!("{printed} CHARACTER SET {charset} COLLATE {collation}");
                    }
                    printed
                }
                ColumnType::Pg(_) => return Err(self.refused("a column of this type")),
            },
            Some(ty) => {
                let (from, to) = (self.seen(column), self.data_type(ty)?);
                let fits = (is_int(&from) && is_int(&to))
                    || (is_text(&from) && is_text(&to))
                    || (matches!(from, PgType::Numeric(_)) && matches!(to, PgType::Numeric(_)))
                    || (is_int(&from) && matches!(to, PgType::Numeric(_)));
                if !fits {
                    let what = format!("changing the type of {} from {} to {}", column.name, from.sql(), to.sql());
                    return Err(self.refused(what));
                }
                let maria = self.engine() == Engine::Mariadb;
                mapping::stored_in_mysql(&to, maria)
                    .ok_or_else(|| self.refused(format!("a column of type {}", to.sql())))?
            }
        };
        let mut out = quoted(&column.name).wrapped("MODIFY COLUMN ", " ");
        out.push(&printed).push(if not_null { " NOT NULL" } else { " NULL" });
        if column.default == Default::Generated {
            out.push(" AUTO_INCREMENT");
        }
        Ok(vec![out])
    }
}
