//! CREATE INDEX.

use sqlparser::ast::{CreateIndex, IndexType};

use super::super::Walk;
use super::super::source::physical;
use super::Draft;
use crate::base::Fault;
use crate::sql::translate::ToPg;

impl Walk<'_> {
    pub(super) fn create_index(&mut self, create: &CreateIndex) -> Result<ToPg, Fault> {
        let CreateIndex {
            name: Some(object),
            table_name,
            using,
            columns,
            unique,
            concurrently: false,
            if_not_exists,
            include,
            nulls_distinct: None,
            with,
            predicate: None,
            // Comments, and once more USING.
            index_options: _,
            // ALGORITHM and LOCK: how MySQL does it.
            alter_options: _,
        } = create
        else {
            return Err(self.refused("this form of CREATE INDEX"));
        };
        let plain = matches!(using, None | Some(IndexType::BTree | IndexType::Hash));
        if !plain || !include.is_empty() || !with.is_empty() || *if_not_exists {
            return Err(self.refused("this form of CREATE INDEX"));
        }
        let (named, table) = self.table(table_name)?;
        let words = super::super::source::parts(object).unwrap_or_default();
        let [own] = words.as_slice() else { return Err(self.refused(format_args!("the index name {object}"))) };
        let draft = Draft { table: table.name.clone(), ..Draft::default() };
        let sql = self.index(Some(own), columns, *unique, &draft, &physical(named))?;
        Ok(self.defined(vec![sql], "CREATE INDEX"))
    }
}
