//! CREATE TABLE.

use sqlparser::ast::{CreateTable, CreateTableOptions, HiveDistributionStyle, TableConstraint};

use super::define::{Defined, plain_column, serial};
use crate::base::{Engine, Fault, FaultKind};
use crate::sql::translate::to_mysql::Walk;
use crate::sql::translate::to_mysql::names::quoted;
use crate::sql::translate::to_mysql::scope::fold;
use crate::sql::translate::{Sql, ToMysql};

impl Walk<'_> {
    pub(super) fn create_table(&mut self, create: &CreateTable) -> Result<ToMysql, Fault> {
        self.plain_table(create)?;
        let named = self.named(&create.name)?;
        let physical = self.physical(named);
        let table = named.physical_name.clone();
        let mut seen = Vec::new();
        for column in &create.columns {
            let ty = match serial(&column.data_type) {
                Some(ty) => ty,
                None => self.data_type(&column.data_type)?,
            };
            seen.push(plain_column(&fold(&column.name), &ty));
        }
        let mut lines = Vec::new();
        let mut constraints: Vec<TableConstraint> = Vec::new();
        let mut columns: Vec<Defined> = Vec::new();
        for column in &create.columns {
            columns.push(self.defined(column, &seen)?);
        }
        for column in &columns {
            constraints.extend(column.constraints.iter().cloned());
        }
        constraints.extend(create.constraints.iter().cloned());
        self.keys_not_null(&mut columns, &constraints)?;
        for column in &columns {
            lines.push(self.print_column(column)?);
        }
        lines.extend(self.number_key(&columns, &constraints)?);
        for constraint in &constraints {
            lines.push(self.constraint(&table, constraint, &seen)?);
        }
        if lines.is_empty() {
            return Err(self.refused("a table without columns"));
        }
        let word = if create.if_not_exists { "CREATE TABLE IF NOT EXISTS " } else { "CREATE TABLE " };
        let collation = match self.engine() {
            Engine::Mysql => "utf8mb4_0900_bin",
            Engine::Mariadb | Engine::Postgres => "utf8mb4_nopad_bin",
        };
        let mut sql = physical.wrapped(word, " (");
        sql.append(Sql::joined(lines, ", "));
        sql.push(&format!(") ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE={collation}"));
        Ok(self.ddl_done(sql, "CREATE TABLE"))
    }

    /// Refuses what is more than columns and constraints.
    fn plain_table(&self, create: &CreateTable) -> Result<(), Fault> {
        if create.temporary {
            return Err(self.refused("a temporary table"));
        }
        if create.query.is_some() {
            return Err(self.refused("CREATE TABLE … AS"));
        }
        let mut plain = create.clone();
        plain.if_not_exists = false;
        plain.name = sqlparser::ast::ObjectName(Vec::new());
        plain.columns.clear();
        plain.constraints.clear();
        let nothing = CreateTableOptions::None;
        let options = plain.table_options == nothing
            && matches!(plain.hive_distribution, HiveDistributionStyle::NONE)
            && plain.inherits.is_none()
            && plain.like.is_none()
            && plain.partition_by.is_none()
            && plain.partition_of.is_none()
            && plain.on_commit.is_none()
            && plain.for_values.is_none();
        let written = plain.to_string();
        // Whatever else there is would be printed.
        let rest: String = written.chars().filter(|c| !c.is_whitespace() && !matches!(c, '(' | ')')).collect();
        if options && rest.eq_ignore_ascii_case("createtable") {
            return Ok(());
        }
        Err(self.refused("a clause of this CREATE TABLE (TEMPORARY, LIKE, INHERITS, PARTITION BY, WITH …)"))
    }

    /// Columns of a primary key are not null.
    fn keys_not_null(&self, columns: &mut [Defined], constraints: &[TableConstraint]) -> Result<(), Fault> {
        for constraint in constraints {
            let TableConstraint::PrimaryKey(key) = constraint else { continue };
            for column in &key.columns {
                let name = column.column.expr.to_string();
                let name = name.trim_matches('"');
                if let Some(found) = columns.iter_mut().find(|c| c.name.eq_ignore_ascii_case(name)) {
                    found.not_null = true;
                }
            }
        }
        if columns.iter().filter(|c| c.numbered).count() > 1 {
            let what = "more than one column that the server numbers";
            return Err(Fault { kind: FaultKind::NotTranslatable, ..self.refused(what) });
        }
        Ok(())
    }

    /// InnoDB numbers only a column that leads a key.
    fn number_key(&self, columns: &[Defined], constraints: &[TableConstraint]) -> Result<Option<Sql>, Fault> {
        let Some(numbered) = columns.iter().find(|c| c.numbered) else { return Ok(None) };
        let leads = constraints.iter().any(|constraint| {
            let keys = match constraint {
                TableConstraint::PrimaryKey(key) => &key.columns,
                TableConstraint::Unique(key) => &key.columns,
                _ => return false,
            };
            let first = keys.first().map(|k| k.column.expr.to_string());
            first.is_some_and(|f| f.trim_matches('"').eq_ignore_ascii_case(&numbered.name))
        });
        Ok((!leads).then(|| quoted(&numbered.name).wrapped("KEY (", ")")))
    }
}
