//! ALTER TABLE.

use sqlparser::ast::{
    AlterColumnOperation, AlterTable, AlterTableOperation, DataType, Ident, MySQLColumnPosition, RenameTableNameKind,
    TableConstraint,
};

use super::super::Walk;
use super::super::alias::is_null;
use super::super::source::{name, physical, unknown_column};
use super::Draft;
use super::column::Options;
use crate::base::Fault;
use crate::sql::translate::{Column, Named, Sql, Table, ToPg};

impl Walk<'_> {
    pub(super) fn alter_table(&mut self, alter: &AlterTable) -> Result<ToPg, Fault> {
        let AlterTable {
            name: object,
            if_exists: false,
            only: false,
            operations,
            location: None,
            on_cluster: None,
            table_type: None,
            end_token: _,
        } = alter
        else {
            return Err(self.refused("this form of ALTER TABLE"));
        };
        let (named, table) = self.table(object)?;
        let mut draft = Draft { table: table.name.clone(), columns: table.columns.clone(), ..Draft::default() };
        for operation in operations {
            if let AlterTableOperation::AddConstraint { constraint: TableConstraint::ForeignKey(key), .. } = operation {
                draft.foreign.extend(key.columns.iter().map(|c| c.value.clone()));
            }
        }
        let mut steps = Vec::with_capacity(operations.len());
        for operation in operations {
            let pieces = self.operation(operation, named, &table, &mut draft)?;
            let head = || physical(named).wrapped("ALTER TABLE ", " ");
            steps.extend(pieces.into_iter().map(|piece| match piece {
                Piece::Inside(sql) => {
                    let mut whole = head();
                    whole.append(sql);
                    whole
                }
                Piece::Whole(sql) => sql,
            }));
            steps.append(&mut draft.after);
        }
        Ok(self.defined(steps, "ALTER TABLE"))
    }

    fn operation(
        &mut self,
        operation: &AlterTableOperation,
        named: &Named,
        table: &Table,
        draft: &mut Draft,
    ) -> Result<Vec<Piece>, Fault> {
        match operation {
            AlterTableOperation::AddColumn { column_keyword: _, if_not_exists, column_def, column_position } => {
                self.at_end(column_position.as_ref(), draft)?;
                let sql = self.column_definition(column_def, draft)?;
                let words = if *if_not_exists { "ADD COLUMN IF NOT EXISTS " } else { "ADD COLUMN " };
                Ok(vec![Piece::Inside(sql.wrapped(words, ""))])
            }
            AlterTableOperation::DropColumn { has_column_keyword: _, column_names, if_exists, drop_behavior: _ } => {
                let words = if *if_exists { "DROP COLUMN IF EXISTS " } else { "DROP COLUMN " };
                let drop = |ident: &Ident| {
                    let own = table.column(&ident.value).map_or(&ident.value, |c| &c.name);
                    Piece::Inside(name(own).wrapped(words, ""))
                };
                Ok(column_names.iter().map(drop).collect())
            }
            AlterTableOperation::RenameColumn { old_column_name, new_column_name } => {
                Ok(vec![self.rename(draft, old_column_name, new_column_name)?])
            }
            AlterTableOperation::ModifyColumn { col_name, data_type, options, column_position } => {
                self.not_moved(column_position.as_ref())?;
                let options = self.options(options.iter())?;
                self.retyped(col_name, data_type, options, draft)
            }
            AlterTableOperation::ChangeColumn { old_name, new_name, data_type, options, column_position } => {
                self.not_moved(column_position.as_ref())?;
                let options = self.options(options.iter())?;
                let mut out = Vec::new();
                if old_name.value != new_name.value {
                    out.push(self.rename(draft, old_name, new_name)?);
                }
                out.extend(self.retyped(new_name, data_type, options, draft)?);
                Ok(out)
            }
            AlterTableOperation::AddConstraint { constraint, not_valid: false } => {
                let sql = self.constraint(constraint, draft, &physical(named))?;
                Ok(sql.map(|sql| Piece::Inside(sql.wrapped("ADD ", ""))).into_iter().collect())
            }
            AlterTableOperation::DropIndex { name: own } => {
                Ok(vec![Piece::Whole(self.drop_key(named, table, own, false)?)])
            }
            AlterTableOperation::DropConstraint { if_exists: _, name: own, drop_behavior: _ }
            | AlterTableOperation::DropForeignKey { name: own, drop_behavior: _ } => {
                Ok(vec![drop_constraint(table, own)])
            }
            AlterTableOperation::DropPrimaryKey { drop_behavior: _ } => match table.primary() {
                Some(key) => Ok(vec![Piece::Inside(name(&key.name).wrapped("DROP CONSTRAINT ", ""))]),
                None => Err(self.refused("DROP PRIMARY KEY of a table without one")),
            },
            AlterTableOperation::RenameTable {
                table_name: RenameTableNameKind::As(new) | RenameTableNameKind::To(new),
            } => {
                let words = super::super::source::parts(new).unwrap_or_default();
                let Some(last) = words.last() else { return Err(self.refused(format_args!("the table name {new}"))) };
                let shown = self.known_as(new).map_or_else(|_| last.value.clone(), |n| n.physical_name.clone());
                self.name_fits(&shown)?;
                Ok(vec![Piece::Inside(name(&shown).wrapped("RENAME TO ", ""))])
            }
            AlterTableOperation::AlterColumn { column_name, op } => self.altered(column_name, op, draft),
            // How MySQL does it.
            AlterTableOperation::Algorithm { .. } | AlterTableOperation::Lock { .. } => Ok(Vec::new()),
            other => Err(self.refused(format_args!("ALTER TABLE … {other}"))),
        }
    }

    fn known<'d>(&self, draft: &'d Draft, ident: &Ident) -> Result<&'d Column, Fault> {
        let found = draft.columns.iter().find(|c| c.name.eq_ignore_ascii_case(&ident.value));
        found.ok_or_else(|| unknown_column(&ident.value, &draft.table))
    }

    fn rename(&self, draft: &mut Draft, old: &Ident, new: &Ident) -> Result<Piece, Fault> {
        self.name_fits(&new.value)?;
        let known = self.known(draft, old)?.name.clone();
        let mut sql = name(&known).wrapped("RENAME COLUMN ", " TO ");
        sql.append(name(&new.value));
        for column in draft.columns.iter_mut().filter(|c| c.name == known) {
            column.name.clone_from(&new.value);
        }
        Ok(Piece::Inside(sql))
    }

    /// MODIFY and the second half of CHANGE: all that is not said is gone.
    fn retyped(
        &mut self,
        ident: &Ident,
        data_type: &DataType,
        options: Options,
        draft: &mut Draft,
    ) -> Result<Vec<Piece>, Fault> {
        let old = self.known(draft, ident)?.clone();
        if options.numbered
            || options.primary
            || options.unique
            || options.computed.is_some()
            || !options.references.is_empty()
        {
            return Err(self.refused("MODIFY with AUTO_INCREMENT, keys or generated values"));
        }
        let ty = self.data_type(data_type)?;
        let stored = self.stored(&ty, &old.name, false)?;
        let own = || name(&old.name).wrapped("ALTER COLUMN ", "");
        let clause = |words: &str| {
            let mut sql = own();
            sql.push(words);
            sql
        };
        let mut pieces = vec![clause(" DROP DEFAULT"), clause(&format!(" TYPE {}", stored.sql))];
        let not_null = options.not_null == Some(true);
        pieces.push(clause(if not_null { " SET NOT NULL" } else { " DROP NOT NULL" }));
        if let Some(default) = options.default.as_ref().filter(|d| !is_null(d)) {
            let parsed = crate::wire::value::PgType::parse(&stored.sql).unwrap_or(crate::wire::value::PgType::Text);
            let column = Column { ty: crate::sql::translate::ColumnType::Pg(parsed), not_null, ..old.clone() };
            let value = self.default_of(default, &column)?;
            let mut sql = clause(" SET DEFAULT ");
            sql.append(value);
            pieces.push(sql);
        }
        if let Some(check) = stored.check {
            pieces.push(check.wrapped("ADD CHECK (", ")"));
        }
        if old.default == crate::sql::translate::Default::Generated {
            return Err(self.refused("MODIFY of an AUTO_INCREMENT column"));
        }
        Ok(vec![Piece::Inside(Sql::joined(pieces, ", "))])
    }

    fn altered(&mut self, ident: &Ident, op: &AlterColumnOperation, draft: &Draft) -> Result<Vec<Piece>, Fault> {
        let column = self.known(draft, ident)?.clone();
        let mut sql = name(&column.name).wrapped("ALTER COLUMN ", "");
        match op {
            AlterColumnOperation::SetDefault { value } => {
                let value = self.default_of(value, &column)?;
                sql.push(" SET DEFAULT ").append(value);
            }
            AlterColumnOperation::DropDefault => {
                sql.push(" DROP DEFAULT");
            }
            _ => return Err(self.refused("this form of ALTER COLUMN")),
        }
        Ok(vec![Piece::Inside(sql)])
    }

    /// A new column can only be the last one.
    fn at_end(&self, position: Option<&MySQLColumnPosition>, draft: &Draft) -> Result<(), Fault> {
        match position {
            None => Ok(()),
            Some(MySQLColumnPosition::After(ident))
                if draft.columns.last().is_some_and(|c| c.name.eq_ignore_ascii_case(&ident.value)) =>
            {
                Ok(())
            }
            Some(_) => Err(self.refused("ADD COLUMN at a place that is not the last")),
        }
    }

    fn not_moved(&self, position: Option<&MySQLColumnPosition>) -> Result<(), Fault> {
        if position.is_some() { Err(self.refused("moving a column")) } else { Ok(()) }
    }
}

/// A constraint goes, by the client's name for it.
fn drop_constraint(table: &Table, own: &Ident) -> Piece {
    let full = format!("{}_{}", table.name, own.value);
    let known = table.uniques.iter().find(|u| u.name == own.value || u.name == full);
    Piece::Inside(name(known.map_or(&own.value, |u| &u.name)).wrapped("DROP CONSTRAINT ", ""))
}

/// A part of an ALTER TABLE, or a statement of its own.
enum Piece {
    Inside(Sql),
    Whole(Sql),
}
