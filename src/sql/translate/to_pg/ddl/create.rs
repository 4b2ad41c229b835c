//! CREATE TABLE.

use sqlparser::ast::{CreateTable, CreateTableOptions, Expr, SqlOption, TableConstraint, Value};

use super::super::Walk;
use super::super::source::physical;
use super::Draft;
use crate::base::Fault;
use crate::sql::translate::{Sql, ToPg};

/// Table options about storage, or about text that is compared by bytes here in any case.
const WITHOUT_MEANING: &[&str] = &[
    "ENGINE",
    "CHARSET",
    "DEFAULT CHARSET",
    "CHARACTER SET",
    "DEFAULT CHARACTER SET",
    "COLLATE",
    "DEFAULT COLLATE",
    "COMMENT",
    "ROW_FORMAT",
    "KEY_BLOCK_SIZE",
    "AVG_ROW_LENGTH",
    "MAX_ROWS",
    "MIN_ROWS",
    "PACK_KEYS",
    "CHECKSUM",
    "STATS_PERSISTENT",
    "STATS_AUTO_RECALC",
    "STATS_SAMPLE_PAGES",
    "DELAY_KEY_WRITE",
    "PAGE_CHECKSUM",
    "TRANSACTIONAL",
];

impl Walk<'_> {
    pub(super) fn create_table(&mut self, create: &CreateTable) -> Result<ToPg, Fault> {
        self.plain_table(create)?;
        let named = self.known_as(&create.name)?;
        let table = physical(named);
        let own = named.table.as_ref().map_or(&named.physical_name, |t| &t.name).clone();
        self.name_fits(&own)?;
        let mut draft = Draft { table: own, start: self.table_options(&create.table_options)?, ..Draft::default() };
        for constraint in &create.constraints {
            if let TableConstraint::ForeignKey(key) = constraint {
                draft.foreign.extend(key.columns.iter().map(|c| c.value.clone()));
            }
        }
        let mut items = Vec::new();
        for column in &create.columns {
            items.push(self.column_definition(column, &mut draft)?);
        }
        for constraint in &create.constraints {
            items.extend(self.constraint(constraint, &mut draft, &table)?);
        }
        let mut sql = Sql::text("CREATE TABLE ");
        if create.if_not_exists {
            sql.push("IF NOT EXISTS ");
        }
        sql.append(table).push(" (").append(Sql::joined(items, ", ")).push(")");
        let mut steps = vec![sql];
        if create.if_not_exists && named.table.is_some() {
            // It is there, with its indexes.
            draft.after.clear();
        }
        steps.append(&mut draft.after);
        Ok(self.defined(steps, "CREATE TABLE"))
    }

    /// Refuses forms of CREATE TABLE that are not plain ones.
    fn plain_table(&self, create: &CreateTable) -> Result<(), Fault> {
        let refuse = |what: &str| Err(self.refused(what));
        if create.temporary {
            return refuse("CREATE TEMPORARY TABLE");
        }
        if create.or_replace {
            return refuse("CREATE OR REPLACE TABLE");
        }
        if create.query.is_some() {
            return refuse("CREATE TABLE … SELECT");
        }
        if create.like.is_some() {
            return refuse("CREATE TABLE … LIKE");
        }
        if create.partition_by.is_some() {
            return refuse("PARTITION BY");
        }
        // What is left must print as nothing but the known parts: fields of other dialects are empty.
        let bare = CreateTable {
            columns: create.columns.clone(),
            constraints: create.constraints.clone(),
            table_options: create.table_options.clone(),
            if_not_exists: create.if_not_exists,
            ..sqlparser::ast::helpers::stmt_create_table::CreateTableBuilder::new(create.name.clone()).build()
        };
        let bare = CreateTable { hive_formats: create.hive_formats.clone(), comment: create.comment.clone(), ..bare };
        if bare.to_string() != create.to_string() {
            return refuse("this form of CREATE TABLE");
        }
        Ok(())
    }

    /// The start of AUTO_INCREMENT, if it is given.
    fn table_options(&self, options: &CreateTableOptions) -> Result<Option<u64>, Fault> {
        let list = match options {
            CreateTableOptions::None => return Ok(None),
            CreateTableOptions::Plain(list) => list,
            _ => return Err(self.refused("these table options")),
        };
        let mut start = None;
        for option in list {
            match option {
                SqlOption::KeyValue { key, value } => {
                    let word = key.value.to_ascii_uppercase();
                    if word == "AUTO_INCREMENT" {
                        start = match value {
                            Expr::Value(v) => match &v.value {
                                Value::Number(digits, false) => digits.parse().ok(),
                                _ => None,
                            },
                            _ => None,
                        };
                    } else if !WITHOUT_MEANING.contains(&word.as_str()) {
                        return Err(self.refused(format_args!("the table option {word}")));
                    }
                }
                SqlOption::Comment(_) => {}
                SqlOption::NamedParenthesizedList(list) if list.key.value.eq_ignore_ascii_case("ENGINE") => {}
                other => return Err(self.refused(format_args!("the table option {other}"))),
            }
        }
        Ok(start)
    }
}
